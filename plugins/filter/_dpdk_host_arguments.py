# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _dpdk_host_arguments
short_description: Lists the kernel arguments of role dpdk_host
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Derives the kernel arguments from the settings of P(kube_ovn.dpdk.dpdk_host#role), for each IOMMU that the host may turn out to have.
options:
  _input:
    description: Variables of the role by name, as P(kube_ovn.dpdk.role_settings#lookup) returns them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the kernel arguments
  ansible.builtin.debug:
    msg: "{{ (lookup('kube_ovn.dpdk.role_settings', 'dpdk_host') | kube_ovn.dpdk._dpdk_host_arguments).intel }}"
"""

RETURN = r"""
_value:
  description: Kernel arguments, in order, by the IOMMU C(intel), C(amd) or C(none).
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import dpdk_host


class FilterModule:
    def filters(self):
        return {"_dpdk_host_arguments": dpdk_host.arguments_by_iommu}
