# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _multus_objects
short_description: Lists the objects to delete of another Multus
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Returns DaemonSets and the configurations of thick ones.
options:
  _input:
    description: DaemonSets as C(NAMESPACE/NAME).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show what would be deleted
  ansible.builtin.debug:
    msg: "{{ ['kube-system/kube-multus-ds'] | kube_ovn.dpdk._multus_objects }}"
"""

RETURN = r"""
_value:
  description: Objects with their names alone.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments


class FilterModule:
    def filters(self):
        return {"_multus_objects": attachments.multus_objects}
