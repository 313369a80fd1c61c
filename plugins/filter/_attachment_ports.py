# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _attachment_ports
short_description: Says what attachments want of their ports
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Returns bridge, mode and options of each attachment.
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
- name: Show the options
  ansible.builtin.debug:
    msg: "{{ network_attachments_definitions | kube_ovn.dpdk._attachment_ports('default') }}"
"""

RETURN = r"""
_value:
  description: Dictionaries with C(bridge), C(mode) and C(port) by C(NAMESPACE/NAME).
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments


class FilterModule:
    def filters(self):
        return {"_attachment_ports": attachments.desired_ports}
