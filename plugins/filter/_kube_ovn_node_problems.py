# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_node_problems
short_description: Finds what is wrong with OVS-DPDK on a node
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares what Open vSwitch runs with the settings of the node and with the other nodes.
positional: hostvars, play_hosts, host, expected
options:
  _input:
    description: What M(kube_ovn.dpdk.ovs_info) returned.
    type: dict
    required: true
  hostvars:
    description: Variables of all hosts, with C(__kube_ovn_ovs).
    type: dict
    required: true
  play_hosts:
    description: Names of the hosts of the play.
    type: list
    elements: str
    required: true
  host:
    description: Name of the host.
    type: str
    required: true
  expected:
    description: What is expected of the node.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the problems
  ansible.builtin.debug:
    msg: "{{ __kube_ovn_ovs | kube_ovn.dpdk._kube_ovn_node_problems(hostvars, ansible_play_hosts, inventory_hostname, expected) }}"
"""

RETURN = r"""
_value:
  description: One clause for each problem.
  type: list
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_node_problems": _kube_ovn_values.node_problems}
