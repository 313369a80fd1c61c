# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verify_plan
short_description: Finds the vhost-user ports of pods and plans the traffic through them
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Reads from each pod's annotations what Userspace CNI and Kube-OVN attached, and orders the ports as testpmd numbers them.
  - Gives each port a MAC address, a random one at each call, or Kube-OVN's where it made the port.
  - Gives each port the port that its packets are for, so that no packet is flooded and each differs from other traffic.
  - Used by role C(verify).
options:
  _input:
    description: The pods, as the Kubernetes API returns them.
    type: list
    elements: dict
    required: true
  container:
    description: Name of the container that testpmd runs in.
    type: str
    default: testpmd-dpdk
  socket_dir:
    description: Where the pod sees the sockets.
    type: str
    default: /vhu
  memory:
    description: Hugepage memory for testpmd in MiB. V(0) for what the pod has, 512 at most.
    type: int
    default: 0
  between_pods:
    description:
      - Whether the packets circulate through all pods, rather than within each pod.
      - V(auto) for whether the ports are on several nodes and each of their bridges has an uplink.
    type: str
    choices: ["auto", "true", "false"]
    default: "auto"
  nodes:
    description: What M(kube_ovn.dpdk.ovs_info) returned by host, for O(between_pods=auto) and to find the ports that Kube-OVN made.
    type: dict
    default: {}
  definitions:
    description: The NetworkAttachmentDefinitions of the cluster, which say whose attachments are. Without them all are of Userspace CNI.
    type: list
    elements: dict
"""

EXAMPLES = r"""
- name: Plan the traffic
  ansible.builtin.set_fact:
    plan: "{{ pods.resources | kube_ovn.dpdk.verify_plan }}"
"""

RETURN = r"""
_value:
  description: The pods with their C(ports), in the order of testpmd's port numbers.
  type: list
  elements: dict
  sample:
    - namespace: default
      name: testpmd-dpdk
      node: worker-1
      topology: paired
      ports:
        - name: net1
          interface: 0123456789ab-net1
          path: /vhu/0123456789ab-net1
          server: false
          mac: "02:11:22:33:44:55"
          peer: "02:66:77:88:99:aa"
          peer_pod: default/testpmd-dpdk
          peer_port: net2
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import plan


def verify_plan(
    pods, container="testpmd-dpdk", socket_dir="/vhu", memory=0, between_pods="auto", nodes=None, definitions=None
):
    if not isinstance(pods, list):
        raise AnsibleFilterError("verify_plan expects the list of pods, as in the result's key resources")
    settings = {
        "container": container,
        "socket_dir": socket_dir,
        "memory": int(memory),
        "between_pods": between_pods,
        "definitions": definitions,
    }
    try:
        return plan(pods, settings, nodes)
    except ValueError as error:
        raise AnsibleFilterError(f"verify_plan: {error}") from error


class FilterModule:
    def filters(self):
        return {"verify_plan": verify_plan}
