# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _attachment_accounts
short_description: Finds objects of accounts that are not used any more
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares objects of the plugin's accounts with the name of the account.
positional: name, namespace
options:
  _input:
    description: Objects of the cluster.
    type: list
    elements: dict
    required: true
  name:
    description: Name of the account in use; empty where there is none.
    type: str
    required: true
  namespace:
    description: Namespace of the account in use.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show what would be deleted
  ansible.builtin.debug:
    msg: "{{ found.resources | kube_ovn.dpdk._attachment_accounts('userspace-cni', 'kube-system') }}"
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
        return {"_attachment_accounts": attachments.stale_accounts}
