# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _multus_node_errors
short_description: Finds why Multus is not in force on a node
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Looks at the configuration that Multus wrote, and at its binary.
positional: slurped, settings
options:
  _input:
    description: Files of the node whose names are those of Multus.
    type: list
    elements: dict
    required: true
  slurped:
    description: Result of module M(ansible.builtin.slurp) for the newest configuration. Without a content there is none.
    type: dict
    required: true
  settings:
    description: Variables of the role.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show why Multus is not in force
  ansible.builtin.debug:
    msg: "{{ found.files | kube_ovn.dpdk._multus_node_errors(read, settings) }}"
"""

RETURN = r"""
_value:
  description: One message for each error.
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _multus


class FilterModule:
    def filters(self):
        return {"_multus_node_errors": _multus.node_errors}
