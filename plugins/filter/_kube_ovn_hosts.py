# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_hosts
short_description: Collects the hosts that run OVS-DPDK
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Lists the hosts of a group with their names as nodes of the cluster, and those of their variables that the cluster host needs.
positional: hostvars, settings, excluded
options:
  _input:
    description: Names of hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Variables of all hosts.
    type: dict
    required: true
  settings:
    description: Variables of the role, for hosts that have no own.
    type: dict
    required: true
  excluded:
    description: Names of nodes that are left alone.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show the nodes that run OVS-DPDK
  ansible.builtin.debug:
    msg: "{{ groups['nodes'] | kube_ovn.dpdk._kube_ovn_hosts(hostvars, lookup('kube_ovn.dpdk.role_settings', 'kube_ovn')) }}"
"""

RETURN = r"""
_value:
  description: One dictionary for each host, with its C(host), its C(node), and variables by their names.
  type: list
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_hosts": _kube_ovn_values.hosts}
