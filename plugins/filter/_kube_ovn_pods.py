# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: _kube_ovn_pods
short_description: Finds the pods that a deployment of Kube-OVN affects
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Finds the pods that have to be replaced, adopted by another DaemonSet, or recreated by their users.
positional: plan, daemonset, nodes, revisions, restart, since, excluded, consent
options:
  _input:
    description: The pods.
    type: list
    elements: dict
    required: true
  plan:
    description: What P(kube_ovn.dpdk._kube_ovn_deployment#filter) returned.
    type: dict
    required: true
  daemonset:
    description: Name of the DaemonSet of OVS-DPDK.
    type: str
    required: true
  nodes:
    description: Names of the nodes that run OVS-DPDK.
    type: list
    elements: str
    required: true
  revisions:
    description: The ControllerRevisions of the namespace C(kube-system).
    type: list
    elements: dict
    default: []
  restart:
    description: Names of nodes on which OVS-DPDK has to be restarted.
    type: list
    elements: str
    default: []
  since:
    description: When Kube-OVN became the network; empty where that is not known.
    type: str
    default: ''
  excluded:
    description: Names of nodes that are left alone.
    type: list
    elements: str
    default: []
  consent:
    description: Whether pods that have their address from another network are recreated.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Find the pods of OVS that have to be replaced
  ansible.builtin.set_fact:
    outdated: "{{ (pods | kube_ovn.dpdk._kube_ovn_pods(plan, 'ovs-ovn', ['node-1'], revisions)).outdated }}"
"""

RETURN = r"""
_value:
  description:
    - C(orphans), patches that relabel pods without a DaemonSet for the new one.
    - C(outdated), the pods of OVS to replace, in order, with C(name), C(owner), C(node), C(ready) and C(tunnel_bridge), the bridge that it created in
      hybrid mode; C(unready), those that are up to date and not ready, each as module M(kube_ovn.dpdk.k8s_rollout_info) takes it.
    - C(switches), names of the pods of OVS that run.
    - C(removed_switches), the pods of OVS-DPDK on nodes that give it up, with C(name), C(node) and whether it is C(running).
    - C(recreate), pods whose vhost-user ports lost their switch, with C(namespace), C(name) and C(node); C(own), those among them that role C(dpdk_app)
      creates.
    - C(foreign), pods that have their address from another network, and C(unmanaged), names of those that have no controller.
    - C(removed), what is deleted of them, each with its C(objects) and whether to C(wait); C(reports), what a user has to know of the others.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn


class FilterModule(object):
    def filters(self):
        return {"_kube_ovn_pods": _kube_ovn.pods}
