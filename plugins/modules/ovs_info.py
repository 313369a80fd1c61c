#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: ovs_info
short_description: Reads bridges, ports, interfaces and state of Open vSwitch
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Reads the whole switch in one transaction, as typed data, by speaking OVSDB itself.
  - A column without a value, or one that an older Open vSwitch does not have, is null, an empty map or an empty list.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._attributes.info_module
  - kube_ovn.dpdk._ovsdb
options:
  required:
    description: Whether the module fails when the database cannot be read. If V(false), the reason is returned as C(msg), and everything else is left out.
    type: bool
    default: true
attributes:
  action_group:
    description: Use C(group/kube_ovn.dpdk.ovs) in C(module_defaults) to set options of all ovs modules of this collection.
    support: full
    membership:
      - kube_ovn.dpdk.ovs
seealso:
  - module: kube_ovn.dpdk.ovs_topology
  - module: kube_ovn.dpdk.ovs_bridge
  - module: kube_ovn.dpdk.ovs_config
  - module: kube_ovn.dpdk.ovs_port
"""

EXAMPLES = r"""
- name: Read the switch
  kube_ovn.dpdk.ovs_info:
  register: ovs

- name: No interface may have an error
  ansible.builtin.assert:
    that: ovs.interfaces.values() | selectattr('error') | length == 0
    fail_msg: "{{ ovs.interfaces | dict2items | selectattr('value.error') | items2dict | to_json }}"

- name: Show what the local port of br0 has received
  ansible.builtin.debug:
    msg: "{{ ovs.interfaces.br0.statistics.rx_packets | default(0) }} packets, Open vSwitch {{ ovs.ovs_version }}"
"""

RETURN = r"""
bridges:
  description: The bridges by name.
  returned: success
  type: dict
  sample:
    br0:
      controllers: []
      datapath_id: "0000e2e4f2a5a24c"
      datapath_type: netdev
      datapath_version: "<built-in>"
      external_ids: {}
      fail_mode: null
      other_config: {}
      ports: [br0, dpdk0]
      status: {}
ports:
  description: The ports by name. The local port of each bridge is among them.
  returned: success
  type: dict
  sample:
    dpdk0:
      bond_mode: null
      bridge: br0
      external_ids: {}
      interfaces: [dpdk0]
      lacp: null
      other_config: {}
      tag: 10
      trunks: []
      vlan_mode: null
interfaces:
  description:
    - The interfaces by name. C(error) is null unless the switch met one, and C(ofport) is -1 if it could not add the interface.
    - Of C(options) the value of C(psk) is a secret, and asterisks are returned instead.
    - C(statistics) counts packets and bytes, and C(mtu) is in bytes, C(link_speed) in bits per second.
  returned: success
  type: dict
  sample:
    dpdk0:
      admin_state: up
      bridge: br0
      error: null
      external_ids: {}
      ifindex: 1234
      link_speed: 10000000000
      link_state: up
      mac_in_use: "02:00:00:00:00:01"
      mtu: 1500
      mtu_request: null
      ofport: 1
      ofport_request: null
      options: {dpdk-devargs: "0000:03:00.0"}
      other_config: {}
      port: dpdk0
      statistics: {rx_packets: 0, tx_packets: 0}
      status: {driver_name: net_ixgbe}
      type: dpdk
other_config:
  description: C(Open_vSwitch.other_config).
  returned: success
  type: dict
  sample: {dpdk-init: "true", pmd-cpu-mask: "0xc"}
external_ids:
  description: C(Open_vSwitch.external_ids).
  returned: success
  type: dict
  sample: {system-id: 4b1c}
dpdk_initialized:
  description:
    - Whether the switch that used the database last has initialised DPDK. The database outlives the switch.
      O(kube_ovn.dpdk.ovs_config#module:wait_dpdk) asks the one that runs now.
    - False too for a switch that is too old to note it.
  returned: success
  type: bool
dpdk_version:
  description: DPDK's version as the switch notes it, such as V(DPDK 19.11.14), or V(none); null before a switch has used the database.
  returned: success
  type: str
ovs_version:
  description: Version of the C(ovs-vswitchd) that ran last on this database, or null.
  returned: success
  type: str
db_version:
  description: Version of the database's schema as the switch recorded it, or null.
  returned: success
  type: str
schema_version:
  description: Version of the schema that the server serves.
  returned: success
  type: str
system_type:
  description: The system's type as recorded in the database, or null.
  returned: success
  type: str
system_version:
  description: The system's version as recorded in the database, or null.
  returned: success
  type: str
iface_types:
  description: The interface types that the switch knows.
  returned: success
  type: list
  elements: str
datapath_types:
  description: The datapath types that the switch knows.
  returned: success
  type: list
  elements: str
next_cfg:
  description: Number of the last configuration that was asked for, 0 before a switch has used the database.
  returned: success
  type: int
cur_cfg:
  description: Number of the last configuration that the switch has applied, 0 before a switch has used the database.
  returned: success
  type: int
"""

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_info import COLUMNS, describe
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_module import CONNECTION_SPEC, create_module, run_module


def work(module, runner, params):
    return describe(runner.find(COLUMNS), runner.schema.version)


def main():
    module = create_module(argument_spec=dict(CONNECTION_SPEC, required=dict(type='bool', default=True)))
    run_module(module, work)


if __name__ == '__main__':
    main()
