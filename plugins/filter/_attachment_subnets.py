# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _attachment_subnets
short_description: Makes the subnets that attachments ask for
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Each subnet has the provider of its attachment, by which Kube-OVN finds it.
positional: namespace
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
"""

EXAMPLES = r"""
- name: Show the subnets
  ansible.builtin.debug:
    msg: "{{ network_attachments_definitions | kube_ovn.dpdk._attachment_subnets('default') }}"
"""

RETURN = r"""
_value:
  description: Subnets of Kube-OVN.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments


class FilterModule:
    def filters(self):
        return {"_attachment_subnets": attachments.subnets}
