# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_resources
short_description: Calculates the resources of the OVS-DPDK container
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Takes what is set, else what the largest of the nodes needs.
positional: nodes
options:
  _input:
    description: Variables of the role by name, as P(kube_ovn.dpdk.role_settings#lookup) returns them.
    type: dict
    required: true
  nodes:
    description: What P(kube_ovn.dpdk._kube_ovn_hosts#filter) returned.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show the resources of OVS-DPDK
  ansible.builtin.debug:
    msg: "{{ lookup('kube_ovn.dpdk.role_settings', 'kube_ovn') | kube_ovn.dpdk._kube_ovn_resources }}"
"""

RETURN = r"""
_value:
  description: C(hugepage_amount) and C(cpu_limit) as Kubernetes writes them, and C(socket_mem_mib) in MiB.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_resources": _kube_ovn_values.resources}
