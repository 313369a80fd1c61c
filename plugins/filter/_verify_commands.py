# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_commands
short_description: Makes testpmd's command line for each pod
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(verify). One virtio-user device for each port, interactive, on CPUs that no PMD thread of the node uses where there are such.
  - Fits testpmd of DPDK 19.11 and newer. Used by role C(verify).
options:
  _input:
    description: The plan, as P(kube_ovn.dpdk.verify_plan#filter) returned it.
    type: list
    elements: dict
    required: true
  probes:
    description: What M(kube_ovn.dpdk.k8s_pods_exec) returned, which ran C(traffic.sh probe) in the pods. A pod that was not asked gets no command.
    type: dict
    required: true
  nodes:
    description: What M(kube_ovn.dpdk.ovs_info) returned by host.
    type: dict
    default: {}
  cores:
    description: The CPUs to use, instead of those found.
    type: list
    elements: int
    default: []
  mbufs:
    description: Number of packet buffers.
    type: int
    default: 4096
  extra_arguments:
    description: More arguments of testpmd itself.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show the command lines
  ansible.builtin.debug:
    msg: "{{ plan | kube_ovn.dpdk._verify_commands(probes) }}"
"""

RETURN = r"""
_value:
  description: The command and its arguments, by pod.
  type: dict
  sample:
    default/testpmd-dpdk: [dpdk-testpmd, -v, --lcores, "0@0,1@1"]
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.gather import by_pod
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import called, command, mask_of, parse_probe


def verify_commands(plan, probes, nodes=None, cores=(), mbufs=4096, extra_arguments=()):
    settings = {"cores": [int(core) for core in cores], "mbufs": int(mbufs), "extra_arguments": list(extra_arguments)}
    probed = by_pod(probes)
    return {called(pod): command(pod, parse_probe(probed[called(pod)]), mask_of(pod, nodes or {}), settings) for pod in plan if called(pod) in probed}


class FilterModule:
    def filters(self):
        return {"_verify_commands": verify_commands}
