# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_removed_nodes
short_description: Finds nodes that run OVS-DPDK and are not hosts of the inventory any more
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - In hybrid mode nodes run OVS-DPDK by their label.
positional: mode, own, excluded
options:
  _input:
    description: Nodes of the cluster.
    type: list
    elements: dict
    required: true
  mode:
    description: Mode of Kube-OVN.
    type: str
    required: true
  own:
    description: Names of the nodes that run OVS-DPDK by the inventory.
    type: list
    elements: str
    required: true
  excluded:
    description: Names of nodes that are left alone.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show nodes that are labelled and not listed
  ansible.builtin.debug:
    msg: "{{ nodes.resources | kube_ovn.dpdk._kube_ovn_removed_nodes('hybrid', ['node-1']) }}"
"""

RETURN = r"""
_value:
  description: Their names.
  type: list
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_removed_nodes": _kube_ovn_values.removed_nodes}
