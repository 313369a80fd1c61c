# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: kube_ovn_pods
short_description: Tells what a deployment of Kube-OVN means to the pods of a cluster
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Finds the pods that have to be replaced, handed over, or recreated by their users.
positional: plan, daemonset, nodes, revisions, restart, since
options:
  _input:
    description: The pods.
    type: list
    elements: dict
    required: true
  plan:
    description: What P(kube_ovn.dpdk.kube_ovn_deployment#filter) returned.
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
    description: Names of nodes on which OVS-DPDK has to start anew.
    type: list
    elements: str
    default: []
  since:
    description: Since when the network is Kube-OVN; empty where it is not known.
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: See which pods of OVS have to be replaced
  ansible.builtin.set_fact:
    outdated: "{{ (pods | kube_ovn.dpdk.kube_ovn_pods(plan, 'ovs-ovn', ['node-1'], revisions)).outdated }}"
"""

RETURN = r"""
_value:
  description:
    - C(orphans), patches that hand pods without a DaemonSet over to the one that comes, and C(orphan_revisions), which have none either.
    - C(outdated), the pods of OVS to replace, in order, with C(name), C(owner), C(node), C(ready) and C(tunnel_bridge), the bridge that it made in hybrid mode.
    - C(switches), names of the pods of OVS that run.
    - C(recreate), pods whose vhost-user ports lost their switch, with C(namespace), C(name) and C(node); C(own), those among them that role C(dpdk_app)
      makes.
    - C(foreign), pods that have their address from another network, and C(alone), names of those that nobody would make again.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import kube_ovn


class FilterModule(object):
    def filters(self):
        return {"kube_ovn_pods": kube_ovn.pods}
