# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbook preflight stops a run before any later play touches a host."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]

SITE = """
- name: Find everything that stands in the way
  ansible.builtin.import_playbook: kube_ovn.dpdk.preflight

- name: Touch the hosts
  hosts: all
  gather_facts: false
  tasks:
    - name: Touch
      ansible.builtin.file:
        path: "{{ playbook_dir }}/touched"
        state: touch
        mode: "0600"
"""

# The port of the unreachable host is one on which nothing listens; the addresses are all of the loopback interface.
HOSTS = """
all:
  vars:
    ansible_python_interpreter: "%s"
    ansible_connection: local
    cluster_kubeconfig: "%s"
  children:
    nodes:
      hosts:
        good:
        without_python:
          ansible_python_interpreter: /nonexistent/python
        unreachable:
          ansible_connection: ssh
          ansible_host: 127.0.0.1
          ansible_port: 1
    cluster: {hosts: {localhost: }}
    build: {hosts: {localhost: }}
"""


@pytest.fixture
def run(tmp_path):
    def run(inventory: str, *arguments: str) -> tuple[int, str]:
        (tmp_path / "site.yml").write_text(SITE)
        (tmp_path / "hosts.yml").write_text(inventory)
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "site.yml", "-i", "hosts.yml", *arguments]
        variables = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(command, cwd=tmp_path, env=variables, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=240, check=False)
        assert not (tmp_path / "touched").exists()
        return done.returncode, done.stdout + done.stderr

    return run


def test_an_inventory_without_hosts_is_one_message(run):
    code, output = run("all:\n  hosts:\n")
    assert code == 2
    assert "Preflight found 3 errors; nothing was changed:" in output
    assert "inventory-groups on inventory: group nodes has no host. Cure: put the hosts that run OVS-DPDK into the group nodes" in output
    assert "Read the settings of all roles" not in output
    assert "PLAY [Touch the hosts]" not in output


def test_a_limit_that_leaves_the_cluster_out_is_refused(run, tmp_path):
    """Later plays would change the hosts that nothing has judged."""
    code, output = run(HOSTS % (sys.executable, tmp_path / "no-kubeconfig"), "--limit", "good")
    assert code == 2
    assert "--limit leaves out localhost of group cluster" in " ".join(output.split())
    assert "PLAY [Touch the hosts]" not in output


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_findings_of_all_hosts_are_one_message_and_end_the_run(run, tmp_path, arguments):
    wrong = ("-e", "kube_ovn_version=v1.1.0", "-e", "verify_profile=full", "--forks", "2")
    code, output = run(HOSTS % (sys.executable, tmp_path / "no-kubeconfig"), *wrong, *arguments)
    assert code != 0
    assert "PLAY [Touch the hosts]" not in output
    message = output[output.rindex("Preflight found ") :]
    for finding in (
        r"host-unexamined on cluster: unreachable could not be examined: it is unreachable",
        r"host-unexamined on cluster: without_python could not be examined: .+",
        r"kubernetes-api on cluster: the Kubernetes API does not answer: .+",
        r"proof-settings on [\w, ]+: profile full reads the PMD threads of all 3 nodes at the same time, and Ansible runs on 2 at a time",
        r"kube-ovn-version on [\w, ]+: Kube-OVN v1\.1\.0 has no OVS-DPDK\. Cure: use v1\.2\.0 or later",
    ):
        assert re.search(finding, message), finding


@pytest.mark.parametrize(
    ("connection", "reason"),
    [
        ({"ansible_python_interpreter": "/nonexistent/python"}, ".*(interpreter|not found)"),
        ({"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 1}, "it is unreachable"),
    ],
    ids=["without_python", "unreachable"],
)
@pytest.mark.one_core
def test_a_host_of_group_cluster_that_cannot_be_examined_ends_the_run_for_all_hosts(run, tmp_path, connection, reason):
    own = {"ansible_python_interpreter": sys.executable, "ansible_connection": "local", "preflight_ask_servers": False, "preflight_ask_registries": False}
    groups = {"nodes": {"hosts": {"good": None}}, "cluster": {"hosts": {"api": connection}}, "build": {"hosts": {"localhost": None}}}
    code, output = run(yaml.safe_dump({"all": {"vars": own, "children": groups}}))
    assert code != 0
    assert "PLAY [Touch the hosts]" not in output
    message = output[output.rindex("Preflight found ") :]
    assert re.search(f"host-unexamined on cluster: the host of group cluster could not be examined: {reason}", message)
    # What was read of the others is in the report all the same.
    assert "host-unexamined on cluster: good" not in message
    assert (tmp_path / "reports" / "preflight.html").exists()


def test_what_a_host_says_is_no_template(run, tmp_path):
    """A node whose Python is not Python answers with a template that would run a command on the controller."""
    python = tmp_path / "python"
    words = "boom {{ lookup('pipe', 'touch %s') }}" % (tmp_path / "ran")
    python.write_text("#!/bin/sh\ncat > /dev/null\ncat << 'end'\n%s\nend\n" % json.dumps({"failed": True, "msg": words}))
    python.chmod(0o755)
    own = {"ansible_python_interpreter": sys.executable, "ansible_connection": "local", "preflight_ask_servers": False, "preflight_ask_registries": False}
    nodes = {"hosts": {"evil": {"ansible_python_interpreter": str(python)}}}
    groups = {"nodes": nodes, "cluster": {"hosts": {"localhost": None}}, "build": {"hosts": {"localhost": None}}}
    code, output = run(yaml.safe_dump({"all": {"vars": {**own, "cluster_kubeconfig": "/nonexistent"}, "children": groups}}))
    assert code != 0
    assert not (tmp_path / "ran").exists()
    assert "evil could not be examined: boom {{ lookup(" in output[output.rindex("Preflight found ") :]
