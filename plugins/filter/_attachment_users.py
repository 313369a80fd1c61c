# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _attachment_users
short_description: Finds pods that use attachments
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Looks for the names of attachments in the pods' annotations.
positional: attachments, passed_over
options:
  _input:
    description: Pods.
    type: list
    elements: dict
    required: true
  attachments:
    description: NetworkAttachmentDefinitions.
    type: list
    elements: dict
    required: true
  passed_over:
    description: Value of the label C(app.kubernetes.io/part-of) of pods that do not count.
    type: str
"""

EXAMPLES = r"""
- name: Show who uses them
  ansible.builtin.debug:
    msg: "{{ pods.resources | kube_ovn.dpdk._attachment_users(found.resources) }}"
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
        return {"_attachment_users": attachments.users}
