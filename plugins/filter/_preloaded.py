# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _preloaded
short_description: Loads what roles look up into the process of the controller
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Returns its input. Ansible runs each task of each host in a new fork of the controller, which would otherwise load the filters of the collection,
    and the rules, specifications and defaults of roles, again every time. The keyword C(hosts) of a play is evaluated in the controller itself.
positional: roles
options:
  _input:
    description: The pattern of a play's hosts.
    type: str
    required: true
  roles:
    description: Names of roles with rules. By default everything that role C(preflight) needs is loaded, which is the rules of all roles.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Prepare the hosts
  hosts: "{{ 'nodes' | kube_ovn.dpdk._preloaded(['dpdk_host', 'kube_ovn']) }}"
"""

RETURN = r"""
_value:
  description: The input.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import engine, settings, specifications


def preloaded(pattern, roles=None):
    settings.defaults()
    for name in engine.FILES if roles is None else roles:
        engine.load(name)
    for role in specifications.roles() if roles is None else roles:
        specifications.entry_points(role)
        specifications.role_variables(role)
    return pattern


class FilterModule:
    def filters(self):
        return {"_preloaded": preloaded}
