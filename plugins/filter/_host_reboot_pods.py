# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _host_reboot_pods
short_description: Finds the pods that matter for draining a node
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Sorts the pods on a node by what draining means to them.
  - PRIVATE to this collection.
options:
  _input:
    description: The Pod objects on a node.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Wait for the pods to terminate
  kubernetes.core.k8s_info:
    kind: Pod
  register: pods
  until: (pods.resources | kube_ovn.dpdk._host_reboot_pods).remaining | length == 0
"""

RETURN = r"""
_value:
  description:
    - Names as namespace/name in C(unmanaged), pods that no controller would create again, and C(remaining), pods that have still to terminate.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot


class FilterModule:
    def filters(self):
        return {"_host_reboot_pods": host_reboot.pods}
