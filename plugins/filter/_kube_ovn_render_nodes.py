# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_render_nodes
short_description: Prepares the nodes for the rendering of an installer
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Gives each node the labels that it has after the run.
positional: mode, own, removed
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
    description: Names of the nodes that run OVS-DPDK.
    type: list
    elements: str
    required: true
  removed:
    description: Names of nodes that lose the label of OVS-DPDK.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show the nodes
  ansible.builtin.debug:
    msg: "{{ nodes.resources | kube_ovn.dpdk._kube_ovn_render_nodes('hybrid', ['node-1']) }}"
"""

RETURN = r"""
_value:
  description: Each with C(name), C(internal_ip) and C(labels), as M(kube_ovn.dpdk.kube_ovn_manifests) takes them.
  type: list
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_render_nodes": _kube_ovn_values.render_nodes}
