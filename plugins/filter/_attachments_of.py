# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _attachments_of
short_description: Picks attachments by who makes their ports
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
positional: kind
options:
  _input:
    description: Entries of C(network_attachments_definitions).
    type: list
    elements: dict
    required: true
  kind:
    description: Who makes the ports.
    type: str
    choices: [userspace, kube-ovn]
    required: true
"""

EXAMPLES = r"""
- name: Show whether Userspace CNI is needed
  ansible.builtin.debug:
    msg: "{{ network_attachments_definitions | kube_ovn.dpdk._attachments_of('userspace') | length > 0 }}"
"""

RETURN = r"""
_value:
  description: Those of the entries.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments


class FilterModule:
    def filters(self):
        return {"_attachments_of": attachments.of_kind}
