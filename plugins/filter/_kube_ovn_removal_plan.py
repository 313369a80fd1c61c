# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: _kube_ovn_removal_plan
short_description: Plans the removal of Kube-OVN
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Puts what an installer creates, what Kube-OVN created later, and its custom resources in the order in which they can be removed.
positional: left, definitions, apis
options:
  _input:
    description: What M(kube_ovn.dpdk.kube_ovn_manifests) returned.
    type: dict
    required: true
  left:
    description: All custom resources of Kube-OVN, and objects that may have labels and annotations of it.
    type: list
    elements: dict
    required: true
  definitions:
    description: Their CustomResourceDefinitions.
    type: list
    elements: dict
    required: true
  apis:
    description: API versions that the cluster serves.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Plan the removal
  ansible.builtin.set_fact:
    removal_plan: "{{ rendered | kube_ovn.dpdk._kube_ovn_removal_plan(instances, definitions, ['v1', 'apps/v1']) }}"
"""

RETURN = r"""
_value:
  description: C(gateways), to remove while their controller runs; C(patches) that remove finalizers, labels and annotations; C(objects), all else.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn


class FilterModule(object):
    def filters(self):
        return {"_kube_ovn_removal_plan": _kube_ovn.removal_plan}
