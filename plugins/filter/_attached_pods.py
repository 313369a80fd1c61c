# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _attached_pods
short_description: Finds pods with attachments
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Looks for the annotation by which pods ask for attachments of any kind.
positional: passed_over
options:
  _input:
    description: Pods.
    type: list
    elements: dict
    required: true
  passed_over:
    description: Value of the label C(app.kubernetes.io/part-of) of pods that do not count.
    type: str
"""

EXAMPLES = r"""
- name: Show the pods with attachments
  ansible.builtin.debug:
    msg: "{{ pods.resources | kube_ovn.dpdk._attached_pods }}"
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
        return {"_attached_pods": attachments.attached}
