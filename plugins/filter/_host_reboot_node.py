# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _host_reboot_node
short_description: Summarizes a node for a reboot
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Reads boot, readiness, cordon and pods of a node from its objects.
  - PRIVATE to this collection.
positional: found
options:
  _input:
    description: The Node object in the list C(node), empty for a node that does not exist, and the Pod objects on it in the list C(pods); both may be left out.
    type: dict
    required: true
  found:
    description: What P(kube_ovn.dpdk._host_reboot_host#filter) says of the host.
    type: dict
    required: false
"""

EXAMPLES = r"""
- name: Check whether the node is ready
  ansible.builtin.assert:
    that: (cluster.objects | kube_ovn.dpdk._host_reboot_node).ready
"""

RETURN = r"""
_value:
  description:
    - C(is_node), whether there is such a node, and C(other_machine), whether it is surely another machine than the host.
    - C(boot_id), C(ready), C(conditions) as text, C(cordon), which is V(nobody), V(role) or V(other), and C(cordoned_at), the time of the taint, empty without
      one.
    - Names as namespace/name in C(unmanaged), pods that no controller would create again, and C(remaining), pods that have still to terminate.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot


class FilterModule:
    def filters(self):
        return {"_host_reboot_node": host_reboot.node}
