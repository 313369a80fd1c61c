# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: _kube_ovn_instance_queries
short_description: Lists the custom resources of Kube-OVN to read
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Turns the definitions of custom resources into what M(kube_ovn.dpdk.k8s_objects_info) reads.
options:
  _input:
    description: The CustomResourceDefinitions of Kube-OVN.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Read all custom resources
  kube_ovn.dpdk.k8s_objects_info:
    objects: "{{ definitions | kube_ovn.dpdk._kube_ovn_instance_queries }}"
"""

RETURN = r"""
_value:
  description: The option C(objects) of the module, with the kind as C(key).
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn


class FilterModule(object):
    def filters(self):
        return {"_kube_ovn_instance_queries": _kube_ovn.instance_queries}
