# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _foreign_multus
short_description: Finds a Multus that this collection did not create
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Knows a Multus by its image, whatever its DaemonSet is called.
options:
  _input:
    description: DaemonSets.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show another Multus
  ansible.builtin.debug:
    msg: "{{ sets.resources | kube_ovn.dpdk._foreign_multus }}"
"""

RETURN = r"""
_value:
  description: C(replace) and C(managed), each a list of C(NAMESPACE/NAME).
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments


class FilterModule:
    def filters(self):
        return {"_foreign_multus": attachments.foreign_multus}
