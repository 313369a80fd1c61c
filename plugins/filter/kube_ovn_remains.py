# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: kube_ovn_remains
short_description: Tells what is left to remove of Kube-OVN
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Puts what an installer makes, what Kube-OVN made later, and its custom resources in the order in which they can be removed.
positional: instances, definitions, apis
options:
  _input:
    description: What M(kube_ovn.dpdk.kube_ovn_manifests) returned.
    type: dict
    required: true
  instances:
    description: All custom resources of Kube-OVN.
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
- name: See what is left
  ansible.builtin.set_fact:
    left: "{{ rendered | kube_ovn.dpdk.kube_ovn_remains(instances, definitions, ['v1', 'apps/v1']) }}"
"""

RETURN = r"""
_value:
  description: C(gateways), to remove while their controller runs; C(finalized), patches that take finalizers off; C(objects), all else.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import kube_ovn


class FilterModule(object):
    def filters(self):
        return {"kube_ovn_remains": kube_ovn.remains}
