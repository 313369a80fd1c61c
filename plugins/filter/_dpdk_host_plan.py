# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _dpdk_host_plan
short_description: Compares a host with what role dpdk_host has to make of it
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Says what of the settings of P(kube_ovn.dpdk.dpdk_host#role) a host does not have yet.
positional: info, files, again
options:
  _input:
    description: Variables of the role by name, as P(kube_ovn.dpdk.role_settings#lookup) returns them.
    type: dict
    required: true
  info:
    description: What M(kube_ovn.dpdk.dpdk_host_info) has returned.
    type: dict
    required: true
  files:
    description: The text that each of the files that were read has to have; empty for a file that is to be absent.
    type: dict
    required: true
  again:
    description: What the module has returned after packages were installed or the tools were built.
    type: dict
    required: false
"""

EXAMPLES = r"""
- name: Show whether anything has to be done
  ansible.builtin.debug:
    msg: "{{ (lookup('kube_ovn.dpdk.role_settings', 'dpdk_host') | kube_ovn.dpdk._dpdk_host_plan(info, {})).differs }}"
"""

RETURN = r"""
_value:
  description:
    - C(refused) and C(lacking) are messages of the host against the settings, and C(arguments) those of the kernel for the IOMMU of the host.
    - C(needs_iommu) says whether the kernel has to have one; C(write) and C(remove) are the files that differ; C(differs) is whether there is anything to do.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import dpdk_host


class FilterModule:
    def filters(self):
        return {"_dpdk_host_plan": dpdk_host.plan}
