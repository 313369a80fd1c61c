# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _host_reboot_node
short_description: Summarizes a Node object for a reboot
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Reads boot, readiness and cordon of a node from its object.
  - PRIVATE to this collection.
positional: mark
options:
  _input:
    description: A Node object; an empty one for a node that does not exist.
    type: dict
    required: true
  mark:
    description: Text of the mark that P(kube_ovn.dpdk.host_reboot#role) left on the host when it cordoned the node.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Check whether the node is ready
  ansible.builtin.assert:
    that: (node | kube_ovn.dpdk._host_reboot_node).ready
"""

RETURN = r"""
_value:
  description:
    - C(boot_id), C(machine_id), C(ready), C(conditions) as text, C(cordon), which is V(nobody), V(role) or V(other), and C(cordoned_at), the time of the
      taint, empty without one.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot


class FilterModule:
    def filters(self):
        return {"_host_reboot_node": host_reboot.node}
