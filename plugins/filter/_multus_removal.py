# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _multus_removal
short_description: Finds the workloads of Multus to remove
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Looks for the DaemonSets of this collection that are a Multus, in all namespaces.
positional: namespace
options:
  _input:
    description: DaemonSets.
    type: list
    elements: dict
    required: true
  namespace:
    description: Namespace of Multus by the variables of the role. The account in it is not removed yet.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what is removed
  ansible.builtin.debug:
    msg: "{{ cluster.objects.daemon_sets | kube_ovn.dpdk._multus_removal('kube-system') }}"
"""

RETURN = r"""
_value:
  description: Objects to delete.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _multus


class FilterModule:
    def filters(self):
        return {"_multus_removal": _multus.removal}
