# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_readings
short_description: Collects what the tasks of role verify read
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(verify). Puts the registered results of pods and nodes together.
options:
  _input:
    description: The plan, as P(kube_ovn.dpdk.verify_plan#filter) returned it.
    type: list
    elements: dict
    required: true
  hosts:
    description: The inventory names of the nodes.
    type: list
    elements: str
    required: true
  hostvars:
    description: C(hostvars).
    type: dict
    required: true
  probes:
    description: Result of the task that looked into the pods.
    type: dict
    default: {}
  outputs:
    description: Result of the task that ended testpmd.
    type: dict
    default: {}
  commands:
    description: testpmd's command line by pod.
    type: dict
    default: {}
  names:
    description: Names of the nodes in Kubernetes, by inventory name.
    type: dict
    default: {}
  pods:
    description: All testpmd pods of the cluster, as the API returns them.
    type: list
    elements: dict
    default: []
  namespace:
    description: The configured namespace.
    type: str
    default: default
  cluster_nodes:
    description: The cluster's Node objects, of which the version of Kubernetes is read.
    type: list
    elements: dict
    default: []
  everyone:
    description: All pods of the cluster, of which ports on the nodes can be. Null where they were not read.
    type: list
    elements: dict
  records:
    description: The ConfigMap in which role C(dpdk_app) records what it makes, in a list, or an empty list.
    type: list
    elements: dict
    default: []
  unread:
    description: Why the API did not return that ConfigMap.
    type: str
    default: ""
  workloads:
    description: Workloads of Kube-OVN, of which its version is read.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Collect the readings
  ansible.builtin.set_fact:
    readings: "{{ plan | kube_ovn.dpdk._verify_readings(groups['nodes'], hostvars) }}"
"""

RETURN = r"""
_value:
  description: C(pods), C(nodes), C(leftovers), C(namesakes), C(unread) and C(versions), as P(kube_ovn.dpdk.verify_report#filter) takes them.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import gather


def verify_readings(
    plan,
    hosts,
    hostvars,
    probes=None,
    outputs=None,
    commands=None,
    names=None,
    pods=(),
    namespace="default",
    cluster_nodes=(),
    everyone=None,
    workloads=(),
    records=(),
    unread="",
):
    left = gather.outside(list(pods or []), namespace, list(records or []), str(unread))
    found = gather.readings(plan, list(hosts), hostvars, probes or {}, outputs or {}, commands or {}, names or {}, left, everyone)
    return {**found, "versions": gather.versions(list(cluster_nodes or []), list(workloads or []))}


class FilterModule:
    def filters(self):
        return {"_verify_readings": verify_readings}
