# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _attachment_stale_subnets
short_description: Finds subnets of attachments that are not wanted any more
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares subnets of the cluster with variables.
positional: attachments, namespace
options:
  _input:
    description: Subnets of the cluster.
    type: list
    elements: dict
    required: true
  attachments:
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
- name: Show what would be deleted
  ansible.builtin.debug:
    msg: "{{ found.resources | kube_ovn.dpdk._attachment_stale_subnets(network_attachments_definitions, 'default') }}"
"""

RETURN = r"""
_value:
  description: Objects to delete, with their names alone.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments


class FilterModule:
    def filters(self):
        return {"_attachment_stale_subnets": attachments.stale_subnets}
