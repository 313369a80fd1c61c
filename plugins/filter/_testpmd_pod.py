# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _testpmd_pod
short_description: Makes a node's testpmd pod of the rendered one
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(dpdk_app). A pod with ports that Kube-OVN makes itself has an emptyDir volume for each of them.
options:
  _input:
    description: Name of the node. Empty for one pod wherever Kubernetes places it.
    type: str
    required: true
  pod:
    description: The pod as rendered.
    type: dict
    required: true
  definitions:
    description: The NetworkAttachmentDefinitions of the cluster, which say what volumes the ports need that Kube-OVN makes itself.
    type: list
    elements: dict
    default: []
  socket_dir:
    description: Where the pod sees the sockets.
    type: str
    default: /vhu
"""

EXAMPLES = r"""
- name: Make the pods
  ansible.builtin.set_fact:
    pods: "{{ ['worker-1', 'worker-2'] | map('kube_ovn.dpdk._testpmd_pod', pod) | list }}"
"""

RETURN = r"""
_value:
  description: The pod, named after the node and bound to it.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._testpmd_pods import pod_of


def testpmd_pod(node, pod, definitions=(), socket_dir="/vhu"):
    return pod_of(str(node or ""), pod, list(definitions or []), str(socket_dir))


class FilterModule:
    def filters(self):
        return {"_testpmd_pod": testpmd_pod}
