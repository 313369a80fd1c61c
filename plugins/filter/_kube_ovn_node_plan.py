# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_node_plan
short_description: Compares a node with the configuration that OVS-DPDK has to start with
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Turns variables of a node into the files that OVS-DPDK starts with, and compares them with what the node has.
positional: node, errors
options:
  _input:
    description: Variables of the role by name, as P(kube_ovn.dpdk.role_settings#lookup) returns them.
    type: dict
    required: true
  node:
    description: What M(kube_ovn.dpdk.kube_ovn_node_info) has returned.
    type: dict
    required: true
  errors:
    description: The errors of the settings, as the rules of the role report them. With any, there are no files, and everything differs.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show config.cfg
  ansible.builtin.debug:
    msg: "{{ (lookup('kube_ovn.dpdk.role_settings', 'kube_ovn') | kube_ovn.dpdk._kube_ovn_node_plan(node)).files['config.cfg'] }}"
"""

RETURN = r"""
_value:
  description:
    - C(files) with the text of each by name, and C(stale_keys) with null values, which have to leave the database.
    - C(touch) says whether there are such keys while no file changes, so that C(config.cfg) needs a new time.
    - C(differs) says whether files or database have to change, C(restart) whether OVS-DPDK runs and has to be restarted.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_node_plan": _kube_ovn_values.node_plan}
