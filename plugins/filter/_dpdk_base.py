# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _dpdk_base
short_description: Names the distribution whose packages have a version of DPDK
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
options:
  _input:
    description: A version of DPDK, such as V(19.11).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show where DPDK 19.11 is packaged
  ansible.builtin.debug:
    msg: "{{ '19.11' | kube_ovn.dpdk._dpdk_base }}"
"""

RETURN = r"""
_value:
  description: Name of an image; empty when no distribution has that version.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _ovs_dpdk_image


class FilterModule:
    def filters(self):
        return {"_dpdk_base": _ovs_dpdk_image.dpdk_base}
