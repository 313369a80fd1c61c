# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_flow_count
short_description: Reads the number of flows of a bridge
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Reads it from the output of C(ovs-ofctl dump-aggregate).
options:
  _input:
    description: The output.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the number of flows
  ansible.builtin.debug:
    msg: "{{ 'flow_count=12' | kube_ovn.dpdk._kube_ovn_flow_count }}"  # => 12
"""

RETURN = r"""
_value:
  description: The number; 0 where the switch did not answer.
  type: int
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_flow_count": _kube_ovn_values.flow_count}
