# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Inventories of the examples and of the pages, judged by the argument specifications and the rule book against a made-up cluster."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import settings as collected

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))


def options(role: str) -> dict[str, dict]:
    found: dict[str, dict] = {}
    for entry in yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())["argument_specs"].values():
        for name, option in (entry.get("options") or {}).items():
            found.setdefault(name, option)
    return found


EVERY = {name: option for role in ROLES for name, option in options(role).items()}


def content(folder: Path) -> dict[str, dict]:
    """The groups of an inventory, and the variables of its hosts."""
    command = [str(Path(sys.executable).parent / "ansible-inventory"), "-i", str(folder), "--list"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")})
    listed = json.loads(answer.stdout)
    groups = {name: group for name, group in listed.items() if name != "_meta"}

    def members(name: str) -> list[str]:
        group = groups.get(name, {})
        return group.get("hosts", []) + [host for child in group.get("children", []) for host in members(child)]

    return {"groups": {name: members(name) for name in ("nodes", "cluster", "build")}, "hosts": listed["_meta"]["hostvars"]}


def wrong_values(variables: dict) -> list[str]:
    """What the argument specifications have against the variables that are set. Whether one is missing is the role's business."""
    given = {name: value for name, value in variables.items() if name in EVERY}
    specification = {name: {key: value for key, value in EVERY[name].items() if key not in ("description", "required")} for name in given}
    return ArgumentSpecValidator(specification).validate(given).error_messages


def inputs(folder: Path, *arguments: str) -> dict[str, dict]:
    """What preflight judges of each host of groups nodes and cluster: the variables of all roles as Ansible evaluates them."""
    with tempfile.TemporaryDirectory() as place:
        given = "lookup('kube_ovn.dpdk.role_settings', detailed=true)"
        write = {"content": f"{{{{ {given} | to_json }}}}", "dest": f"{place}/{{{{ inventory_hostname }}}}", "mode": "0600"}
        Path(place, "play").write_text(json.dumps([{"hosts": "nodes:cluster", "gather_facts": False, "tasks": [{"ansible.builtin.copy": write}]}]))
        local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(folder), f"{place}/play", *arguments, "-e", json.dumps(local)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")})
        assert done.returncode == 0, done.stdout + done.stderr
        return {path.name: json.loads(path.read_text()) for path in Path(place).iterdir() if path.name != "play"}


def errors(inventory: dict[str, dict], judged: dict[str, dict], kubernetes: str, more: dict | None = None) -> list[dict]:
    """What preflight has against an inventory, on hosts with 16 cores and 32 GiB in a cluster of this Kubernetes."""
    facts = {"kubernetes_version": kubernetes, "hosts": len(inventory["groups"]["nodes"])}
    found = book.findings({"inventory": inventory["groups"]}, {}, "inventory", "inventory")
    read = {host: {"preflight_inputs": given} for host, given in judged.items()}
    for host, given in judged.items():
        settings = {**given["settings"], **(more or {})}
        variables = {"inventory_hostname": host, "groups": inventory["groups"], "hostvars": read}
        found += book.findings({**given, "elsewhere": collected.elsewhere(given["failed"], variables)}, settings, "settings", host)
        if host not in inventory["groups"]["nodes"]:
            continue
        nic = {"address": inventory["hosts"][host].get("uplink_address", "0000:03:00.0"), "vendor": "8086", "device": "1572", "interface": "ens1"}
        two = any(page.get("node") == 1 for page in settings["hugepages_pages"])
        known = {
            "cpu": {"flags": ["sse4_2", "avx512f", "vpclmulqdq", "pdpe1gb"], "online": list(range(16))},
            "memory_mib": {"total": 32768},
            "numa_nodes": [{"node": number, "memory_mib": 16384, "cpus": list(range(8 * number, 8 * number + 8))} for number in range(1 + two)],
            "os": {"id": "debian", "version": "12"},
            "nics": [nic],
            "iommu_groups": 1,
        }
        found += book.findings(known, settings, "node", host) + book.findings(facts, settings, "cluster", "cluster")
    return [finding for finding in found if finding["severity"] == "error"]
