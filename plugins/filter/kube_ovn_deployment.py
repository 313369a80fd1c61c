# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: kube_ovn_deployment
short_description: Tells what leads from the workloads that are there to a release of Kube-OVN
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Puts the steps of an installer together with what a cluster has, without asking it.
positional: daemonset, nodes, there
options:
  _input:
    description: What M(kube_ovn.dpdk.kube_ovn_manifests) returned.
    type: dict
    required: true
  daemonset:
    description: Name of the DaemonSet of OVS-DPDK, V(ovs-ovn) in dedicated mode and V(ovs-ovn-dpdk) in hybrid mode.
    type: str
    required: true
  nodes:
    description: Names of the nodes that run OVS-DPDK.
    type: list
    elements: str
    required: true
  there:
    description: The DaemonSets and Deployments of the namespace C(kube-system).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: See what is to be done
  ansible.builtin.set_fact:
    plan: "{{ rendered | kube_ovn.dpdk.kube_ovn_deployment('ovs-ovn', ['node-1'], workloads) }}"
"""

RETURN = r"""
_value:
  description:
    - C(labels), patches of nodes; C(steps), each to C(apply) a part of the objects or to C(wait) for a rollout; C(unfit), workloads that cannot be changed
      into those of the release, with the C(policy) to delete them by.
    - C(ready), the workloads (C(KIND/NAME)) that need not be waited for; C(on_delete), DaemonSets whose pods nobody else replaces; C(selectors) of the
      DaemonSets of OVS; C(since) when the network is Kube-OVN.
    - C(switches) and C(others), the workloads that are there, for a removal, in its order.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import kube_ovn


class FilterModule(object):
    def filters(self):
        return {"kube_ovn_deployment": kube_ovn.deployment}
