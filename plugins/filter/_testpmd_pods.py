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
    description:
      - What the role has read, lists of objects as the API returned them. C(namespace) is the configured one, C(pods) those with the labels of testpmd of
        all namespaces, C(record) the ConfigMap in which the role records what it makes, C(definitions) the NetworkAttachmentDefinitions.
    type: dict
    required: true
  wanted:
    description: The pods as rendered.
    type: list
    elements: dict
    required: true
  namespace:
    description: Name of the configured namespace.
    type: str
    required: true
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
- name: Plan which pods to remove and create
  ansible.builtin.set_fact:
    plan: "{{ read.objects | kube_ovn.dpdk._testpmd_pods(wanted, 'default') }}"
"""

RETURN = r"""
_value:
  description:
    - C(errors), why the namespace does not take the pods, with the cure; C(delete) and C(create), objects, the record among them where it changes.
    - C(wait), the namespace and name of each pod to wait for, none where all of them run and nothing is to be changed, and in check mode.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _testpmd_pods


class FilterModule:
    def filters(self):
        return {"_testpmd_pods": _testpmd_pods.plan}
