# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_control_plane_label
short_description: Selects the node label of the databases
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Old releases know only the label that kubeadm does not set any more.
options:
  _input:
    description: Nodes of the cluster.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the label
  ansible.builtin.debug:
    msg: "{{ nodes.resources | kube_ovn.dpdk._kube_ovn_control_plane_label }}"
"""

RETURN = r"""
_value:
  description: The label to set; empty where the installer finds it by itself.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_control_plane_label": _kube_ovn_values.control_plane_label}
