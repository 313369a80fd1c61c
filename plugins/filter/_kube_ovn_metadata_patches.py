# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: _kube_ovn_metadata_patches
short_description: Finds labels and annotations of Kube-OVN
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Finds labels and annotations that Kube-OVN put on objects of others.
options:
  _input:
    description: Objects of any kind.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Remove Kube-OVN labels and annotations from nodes
  kubernetes.core.k8s:
    state: patched
    definition: "{{ nodes.resources | kube_ovn.dpdk._kube_ovn_metadata_patches }}"
"""

RETURN = r"""
_value:
  description: Patches that remove them, one for each object that has any.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn


class FilterModule(object):
    def filters(self):
        return {"_kube_ovn_metadata_patches": _kube_ovn.metadata_patches}
