# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _preflight_needs
short_description: Names what the build host has to have and to reach
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Works out from the variables of the roles which commands, files, addresses, repositories and images the builds need. What is given ready needs nothing.
positional: ask_servers
options:
  _input:
    description: Variables of the roles by name.
    type: dict
    required: true
  ask_servers:
    description: Whether servers that the builds download from are among the needs.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Look for what builds need
  kube_ovn.dpdk.preflight_tools_info: "{{ lookup('kube_ovn.dpdk.role_settings') | kube_ovn.dpdk._preflight_needs }}"
"""

RETURN = r"""
_value:
  description: Options of M(kube_ovn.dpdk.preflight_tools_info).
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book


class FilterModule:
    def filters(self):
        return {"_preflight_needs": book.build_needs}
