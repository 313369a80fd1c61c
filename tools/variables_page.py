# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes docs/variables.md from the argument specifications of the roles. Usage: .venv/bin/python tools/variables_page.py"""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent

# In the order of the plays.
ROLES = (
    "preflight",
    "hugepages",
    "dpdk_host",
    "cpu_management",
    "host_reboot",
    "ovs_dpdk_image",
    "image_build",
    "node_images",
    "kube_ovn",
    "ovs_wrapper",
    "ovs_bridges",
    "multus",
    "userspace_cni",
    "network_attachments",
    "dpdk_app",
    "verify",
    "bundle",
)

# What most clusters set, and nothing else.
FEW = (
    "hugepages_pages",
    "dpdk_host_devices",
    "dpdk_host_repositories",
    "host_reboot_mode",
    "kube_ovn_version",
    "kube_ovn_mode",
    "kube_ovn_installer_variables",
    "kube_ovn_registry",
    "ovs_dpdk_image_source",
    "kube_ovn_hugepage_size",
    "kube_ovn_dpdk_socket_mem",
    "kube_ovn_dpdk_lcores",
    "kube_ovn_dpdk_pmd_cores",
    "ovs_bridges_bridges",
    "network_attachments_definitions",
    "dpdk_app_hugepage_size",
    "dpdk_app_hugepages",
    "preflight_ignore",
)

HEAD = """<!-- Written by tools/variables_page.py from the argument specifications of the roles. -->
# Variables

A variable's name begins with the name of its role. Put them into the inventory: for all hosts into `group_vars/all.yml`, for one host (its NUMA nodes, cores
and NICs) into `host_vars/HOST.yml`. [examples/](../examples) has whole inventories.

The plays use three variables of their own. `cluster_kubeconfig` is the kubeconfig on the host of group `cluster`, by default `~/.kube/config`.
`uninstall_hosts`, by default `false`, lets the playbook `uninstall` give pages, NICs and kernel arguments of the hosts back too. `site_serial`, by default `1`,
is how many hosts of group `nodes` are drained and rebooted at a time, as a number or a percentage; hosts that need no reboot are not counted. It is given on
the command line (`-e site_serial=25%`) and has no effect in an inventory, which Ansible has not read when it divides the hosts.

A list is given as a list and a dictionary as a dictionary, on the command line in JSON: `-e '{"kube_ovn_excluded_nodes": ["node-10"]}'`. Preflight and the
roles refuse text for them. Lists of cores and of memory (`kube_ovn_dpdk_pmd_cores: 2-3`) and `preflight_ignore` may be text.

Where a null value removes something, write `null` itself, or leave the key out: what a template such as `"{{ none if offline else '1.1.1.1' }}"`
becomes, null or an empty text, depends on the version of ansible-core. So do numbers of templates in free-form values (`dpdk_app_security_context`,
`kube_ovn_overlays`): ansible-core before 2.19 makes text of `"{{ 1000 + 1 }}"`.

## The few that most clusters set

"""


def plain(text: str) -> str:
    """Ansible's markup as Markdown, in one line that fits a table."""
    text = re.sub(r"[OVCM]\(([^()]*(?:\([^()]*\))?[^()]*)\)", lambda found: "`%s`" % found.group(1), text)
    text = re.sub(r"P\(([^()#]*)#\w+\)", r"`\1`", text)
    return re.sub(r"\s+", " ", text).strip().replace("|", "\\|")


def default(option: dict) -> str:
    if option.get("required"):
        return "required"
    if "default" not in option:
        return ""
    value = option["default"]
    return "`%s`" % (value if isinstance(value, str) and value else json.dumps(value)).replace("|", "\\|")


def row(name: str, option: dict) -> str:
    description = option.get("description", "")
    meaning = plain(" ".join(description) if isinstance(description, list) else description)
    if option.get("choices"):
        meaning += " One of %s." % ", ".join("`%s`" % (choice or '""') for choice in option["choices"])
    kind = option.get("type", "str") + (" of %s" % option["elements"] if option.get("elements") else "")
    return "| `%s` | %s | %s | %s |" % (name, kind, default(option), meaning)


def variables(role: str) -> dict[str, dict]:
    entries = yaml.safe_load((ROOT / "roles" / role / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    found: dict[str, dict] = {}
    for entry in entries.values():
        for name, option in (entry.get("options") or {}).items():
            found.setdefault(name, option)
    return found


def table(options: dict[str, dict]) -> str:
    return "\n".join(["| variable | type | default | meaning |", "| --- | --- | --- | --- |", *(row(name, option) for name, option in options.items())])


def page() -> str:
    by_role = {role: variables(role) for role in ROLES}
    every = {name: option for options in by_role.values() for name, option in options.items()}
    parts = [HEAD + table({name: every[name] for name in FEW})]
    for role, options in by_role.items():
        parts.append("## %s\n\n%s" % (role, table(options)))
        for name, option in options.items():
            if option.get("options"):
                parts.append("Each entry of `%s`:\n\n%s" % (name, table(option["options"])))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    (ROOT / "docs" / "variables.md").write_text(page())
