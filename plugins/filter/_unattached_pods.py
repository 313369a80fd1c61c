# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _unattached_pods
short_description: Finds pods that run without their attachments
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares what pods ask for with what Multus recorded.
options:
  _input:
    description: Pods.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the pods without their attachments
  ansible.builtin.debug:
    msg: "{{ pods.resources | kube_ovn.dpdk._unattached_pods }}"
"""

RETURN = r"""
_value:
  description: Pods as C(NAMESPACE/NAME).
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments


class FilterModule:
    def filters(self):
        return {"_unattached_pods": attachments.unattached}
