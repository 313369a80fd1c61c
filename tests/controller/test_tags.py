# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tag of a role runs the tasks of that role, all of them, and no other's."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
ROLES = {path.name for path in (ROOT / "roles").iterdir()}
# Preflight renders the release as role kube_ovn does, so that both tags run it.
CHECKED_BY_PREFLIGHT = {"preflight", "kube_ovn"}
# Only roles include it, and it runs by their tags.
INCLUDED = {"image_build"}


def listed(playbook: str, *arguments: str) -> list[tuple[str, set[str]]]:
    """Name and tags of each task. The validation of argument specs is left out: Ansible itself runs it always."""
    command = [Path(sys.executable).parent / "ansible-playbook", f"kube_ovn.dpdk.{playbook}", "-i", "examples/three-nodes", "--list-tasks", *arguments]
    variables = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=180, check=True)
    assert "Could not match" not in done.stdout + done.stderr
    tasks = re.findall(r"^      (.+)\tTAGS: \[(.*)\]$", done.stdout, re.M)
    return [(name, set(re.findall(r"\w+", tags))) for name, tags in tasks if "Validating arguments against" not in name]


def roles_used(playbook: str) -> list[tuple[str, str, dict]]:
    """Role, task file, and the entry of each use of a role in the playbook itself, which is one of the keyword roles or a task."""
    plays = yaml.safe_load((ROOT / "playbooks" / f"{playbook}.yml").read_text())
    found = []
    for play in plays:
        found += [(entry["role"].rpartition(".")[2], "main", entry) for entry in play.get("roles", [])]
        for task in play.get("pre_tasks", []) + play.get("tasks", []):
            used = task.get("ansible.builtin.import_role") or task.get("ansible.builtin.include_role")
            if used:
                found.append((used["name"].rpartition(".")[2], used.get("tasks_from", "main"), task))
    return found


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_each_use_of_a_role_has_its_tag(playbook):
    for role, tasks, task in roles_used(playbook):
        expected = ["preflight", "kube_ovn"] if (role, tasks) == ("kube_ovn", "check") else role
        assert task["tags"] == expected, (role, tasks)
        if "ansible.builtin.include_role" in task:
            # Tags of an include are not those of what it includes.
            assert task["ansible.builtin.include_role"]["apply"]["tags"] == expected, (role, tasks)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_tag_runs_only_its_role(playbook):
    seen = set()
    for name, tags in listed(playbook):
        assert tags <= ROLES, name
        role = re.match(r"kube_ovn\.dpdk\.(\w+) : ", name)
        if role:
            assert tags == {role[1]} or (role[1] == "kube_ovn" and tags == CHECKED_BY_PREFLIGHT), name
        seen |= tags
    assert {role for role, _tasks, _task in roles_used(playbook)} <= seen


def test_every_role_has_a_tag_in_a_playbook():
    assert {role for playbook in PLAYBOOKS for role, _tasks, _task in roles_used(playbook)} == ROLES - INCLUDED
    tasks = "".join(path.read_text() for path in ROOT.glob("roles/*/tasks/**/*.yml"))
    assert [role for role in INCLUDED if f"name: kube_ovn.dpdk.{role}\n" not in tasks] == []


def test_ansible_selects_by_the_tag():
    tasks = listed("site", "--tags", "ovs_wrapper")
    assert tasks and all(name.startswith("kube_ovn.dpdk.ovs_wrapper : ") for name, _tags in tasks)
