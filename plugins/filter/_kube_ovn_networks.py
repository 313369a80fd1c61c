# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_networks
short_description: Reads the networks of Kube-OVN
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Finds the networks of pods, services and nodes in the flags of its workloads.
options:
  _input:
    description: Kubernetes objects.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the networks
  ansible.builtin.debug:
    msg: "{{ rendered.objects | kube_ovn.dpdk._kube_ovn_networks }}"
"""

RETURN = r"""
_value:
  description: C(POD_CIDR), C(SVC_CIDR) and C(JOIN_CIDR), as far as they are named.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_adoption


class FilterModule:
    def filters(self):
        return {"_kube_ovn_networks": _kube_ovn_adoption.networks}
