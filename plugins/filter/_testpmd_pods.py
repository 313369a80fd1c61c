# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _testpmd_pods
short_description: Decides which testpmd pods are created, kept and deleted
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(dpdk_app). A pod that is not as wanted, or whose attachments were changed since, is replaced.
    So is one that an earlier namespace or name has left. A pod in another namespace is only if it is in the record of the role.
options:
  _input:
    description: The pods with the labels of testpmd of all namespaces, as the API returns them.
    type: list
    elements: dict
    required: true
  wanted:
    description: The pods as rendered.
    type: list
    elements: dict
    required: true
  namespace:
    description: The configured namespace.
    type: str
    default: default
  records:
    description: The ConfigMap in which the role records what it makes, as the API returned it, in a list, or an empty list.
    type: list
    elements: dict
    default: []
  definitions:
    description: The NetworkAttachmentDefinitions of the cluster.
    type: list
    elements: dict
    default: []
  recreate:
    description: Whether to replace all pods.
    type: bool
    default: false
  check_mode:
    description: Whether nothing is deleted before.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Decide
  ansible.builtin.set_fact:
    decision: "{{ found.resources | kube_ovn.dpdk._testpmd_pods(wanted, namespace='default') }}"
"""

RETURN = r"""
_value:
  description: >-
    C(delete) and C(create), objects, the record among them where it changes, and C(wait), the namespace and name of each pod to wait for, none where all of
    them run and nothing is to be changed, and in check mode.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._testpmd_pods import decide


def testpmd_pods(found, wanted, definitions=(), recreate=False, check_mode=False, namespace="default", records=()):
    return decide(list(found or []), list(wanted), list(definitions or []), bool(recreate), bool(check_mode), str(namespace), list(records or []))


class FilterModule:
    def filters(self):
        return {"_testpmd_pods": testpmd_pods}
