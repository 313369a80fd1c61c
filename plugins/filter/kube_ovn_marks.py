# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: kube_ovn_marks
short_description: Tells how to take the labels and annotations of Kube-OVN off
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Finds labels and annotations that Kube-OVN put on objects of others.
options:
  _input:
    description: Objects of any kind.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Take the marks off the nodes
  kubernetes.core.k8s:
    state: patched
    definition: "{{ nodes.resources | kube_ovn.dpdk.kube_ovn_marks }}"
"""

RETURN = r"""
_value:
  description: Patches, one for each object that has such marks.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import kube_ovn


class FilterModule(object):
    def filters(self):
        return {"kube_ovn_marks": kube_ovn.marks}
