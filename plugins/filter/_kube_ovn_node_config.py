# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_node_config
short_description: Renders the configuration that OVS-DPDK starts with
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Turns variables of a node into keys of C(other_config) and into lines of C(config.cfg).
positional: old_keys
options:
  _input:
    description: Variables of the role by name, as P(kube_ovn.dpdk.role_settings#lookup) returns them.
    type: dict
    required: true
  old_keys:
    description: Keys of the file that is there.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show the lines of config.cfg
  ansible.builtin.debug:
    msg: "{{ (lookup('kube_ovn.dpdk.role_settings', 'kube_ovn') | kube_ovn.dpdk._kube_ovn_node_config).lines }}"
"""

RETURN = r"""
_value:
  description: C(config) by key, C(lines) of the file in order, and C(stale_keys) with null values, which have to leave the database.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_node_config": _kube_ovn_values.node_configuration}
