# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: _kube_ovn_deployment
short_description: Plans the deployment of a release of Kube-OVN
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Combines the steps of an installer with the workloads that a cluster has, without asking it.
positional: daemonset, nodes, found, removed, restart, excluded, unapplied, tried
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
  found:
    description: What was read of the cluster, lists of C(daemonsets), C(deployments), C(nodes), C(pods) and C(revisions).
    type: dict
    required: true
  removed:
    description: Names of nodes that do not run OVS-DPDK any more.
    type: list
    elements: str
    default: []
  restart:
    description: Names of nodes on which OVS-DPDK has to be restarted.
    type: list
    elements: str
    default: []
  excluded:
    description: Names of nodes that are left alone.
    type: list
    elements: str
    default: []
  unapplied:
    description: Those of the rendered objects that an apply may change. Where it is not given, nothing is known of any.
    type: list
    elements: dict
  tried:
    description: The result of each of these, of the first one twice, when it was applied in check mode.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Plan the deployment
  ansible.builtin.set_fact:
    plan: "{{ rendered | kube_ovn.dpdk._kube_ovn_deployment('ovs-ovn', ['node-1'], read.objects) }}"
"""

RETURN = r"""
_value:
  description:
    - C(labels), patches of nodes that have other ones; C(stages_before_ovs) and C(stages_after_ovs), each with the objects to apply (C(first), C(count))
      and the workloads to C(wait) for.
    - C(obsolete), what is deleted since immutable fields change, each with its C(objects) and the C(policy) to delete them with.
    - C(differs), whether anything is to be done on the way to what was rendered.
    - C(ready), the workloads (C(KIND/NAME)) that are rolled out; C(on_delete), DaemonSets whose pods only the role replaces; C(selectors) of the
      DaemonSets of OVS; C(since), when Kube-OVN became the network.
    - C(removal), with C(others) and C(switches), the current workloads in the order of their removal, each step with its C(objects), its
      C(delete_options) and whether to C(wait), and C(pods), names of the pods of OVS that clean up in between.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn


class FilterModule(object):
    def filters(self):
        return {"_kube_ovn_deployment": _kube_ovn.deployment}
