# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _ovs_bridges_topology
short_description: Turns the bridges of role ovs_bridges into those of module ovs_topology
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Adds the defaults of the role and an anchor port to every bridge.
  - Anything that the module would refuse before it looks at the switch is an error, with the variable in its message.
options:
  _input:
    description: The bridges in the form of the variable C(ovs_bridges_bridges) of role C(ovs_bridges).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Configure the bridges
  kube_ovn.dpdk.ovs_topology:
    owner: kube_ovn.dpdk.ovs_bridges
    bridges: "{{ [{'name': 'br0'}] | kube_ovn.dpdk._ovs_bridges_topology }}"
"""

RETURN = r"""
_value:
  description: The list for option C(bridges) of M(kube_ovn.dpdk.ovs_topology).
  type: list
  elements: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import ovs_bridges


def ovs_bridges_topology(bridges):
    try:
        return ovs_bridges.topology(bridges)
    except ValueError as exc:
        raise AnsibleFilterError("ovs_bridges_bridges: %s" % exc)


class FilterModule:
    def filters(self):
        return {"_ovs_bridges_topology": ovs_bridges_topology}
