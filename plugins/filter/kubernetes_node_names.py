# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: kubernetes_node_names
short_description: Names of inventory hosts in Kubernetes
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - A host's C(kube_ovn_node_name), or else its name in the inventory.
options:
  _input:
    description: Inventory names.
    type: list
    elements: str
    required: true
  hostvars:
    description: C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the nodes
  ansible.builtin.debug:
    msg: "{{ groups['nodes'] | kube_ovn.dpdk.kubernetes_node_names(hostvars) }}"
"""

RETURN = r"""
_value:
  description: The names, in the order of the hosts.
  type: list
  elements: str
"""


def kubernetes_node_names(hosts, hostvars):
    return [str(hostvars[host].get("kube_ovn_node_name") or host) for host in hosts]


class FilterModule:
    def filters(self):
        return {"kubernetes_node_names": kubernetes_node_names}
