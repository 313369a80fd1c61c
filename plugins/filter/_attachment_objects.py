# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _attachment_objects
short_description: Makes NetworkAttachmentDefinitions of variables
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Makes one object of each entry.
positional: namespace, kubeconfig
options:
  _input:
    description: Entries of C(network_attachments_definitions).
    type: list
    elements: dict
    required: true
  namespace:
    description: Namespace of entries that name none.
    type: str
    required: true
  kubeconfig:
    description: Path of the kubeconfig on the nodes for entries that name none.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the attachments
  ansible.builtin.debug:
    msg: "{{ network_attachments_definitions | kube_ovn.dpdk._attachment_objects('default', '/etc/cni/net.d/userspace.kubeconfig') }}"
"""

RETURN = r"""
_value:
  description: NetworkAttachmentDefinitions.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments


class FilterModule:
    def filters(self):
        return {"_attachment_objects": attachments.objects}
