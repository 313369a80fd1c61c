#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: ovs_port
short_description: Manages ports and bonds of Open vSwitch
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Creates, changes, moves and removes ports of Open vSwitch with their interfaces in one transaction, by speaking OVSDB itself.
  - Accepts ports of every type. C(ovs-vswitchd) checks what the module does not know, and the module fails with its error.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._ovsdb
  - kube_ovn.dpdk._ovsdb.write
options:
  name:
    description:
      - Name of the port, and of its interface unless O(interfaces) is given. A port whose only interface has another name is described in
        O(interfaces).
      - Exactly one of O(name) and O(ports) is required.
    type: str
  bridge:
    description:
      - The bridge that the port is on. Required for a port that does not exist yet.
      - A port that is on another bridge is an error unless O(move=true).
    type: str
  state:
    description:
      - Whether the port is there. Removing a port removes its interfaces.
    type: str
    choices: [present, absent]
    default: present
  move:
    description:
      - Whether a port on another bridge is moved to O(bridge), or with O(state=absent) removed from wherever it is.
    type: bool
    default: false
  type:
    description:
      - Type of the interface, such as V(dpdk), V(dpdkvhostuser), V(dpdkvhostuserclient), V(internal), V(patch), V(vxlan) and V(geneve).
        An empty string is a network device of the system.
    type: str
  options:
    description:
      - Keys of C(Interface.options) with their values, such as C(dpdk-devargs), C(n_rxq), C(rx-flow-ctrl), C(vhost-server-path),
        C(peer) and C(remote_ip). A null value removes its key.
      - The value of C(psk) is a secret. Results, differences, messages and the log of the host show asterisks instead.
    type: dict
  mtu_request:
    description:
      - The MTU to ask for, from 1 to 65535. An empty string leaves it to the switch.
    type: raw
  ofport_request:
    description:
      - The OpenFlow port number to ask for, from 1 to 65279. An empty string leaves it to the switch.
    type: raw
  interface_other_config:
    description:
      - Keys of the interface's C(Interface.other_config) with their values, such as C(pmd-rxq-affinity). A null value removes its key.
    type: dict
  interface_external_ids:
    description:
      - Keys of the interface's C(Interface.external_ids) with their values, such as C(iface-id). A null value removes its key.
    type: dict
  tag:
    description:
      - The VLAN of an access port, from 0 to 4095. An empty string clears it.
    type: raw
  trunks:
    description:
      - The VLANs that a trunk port carries, from 0 to 4095. An empty list or text is all of them.
    type: list
    elements: raw
  vlan_mode:
    description:
      - The VLAN mode. An empty string leaves it to the switch, which then goes by O(tag) and O(trunks).
    type: str
    choices: [access, trunk, native-tagged, native-untagged, dot1q-tunnel, '']
  bond_mode:
    description:
      - How a bond spreads traffic. An empty string leaves it to the switch.
    type: str
    choices: [active-backup, balance-slb, balance-tcp, '']
  lacp:
    description:
      - The part that the port takes in LACP. An empty string leaves it to the switch.
    type: str
    choices: [active, passive, 'off', '']
  external_ids:
    description:
      - Keys of C(Port.external_ids) with their values. A null value removes its key.
    type: dict
  other_config:
    description:
      - Keys of C(Port.other_config) with their values, such as C(lacp-time). A null value removes its key.
      - C(pmd-rxq-affinity) is a key of the interface. See O(interface_other_config).
    type: dict
  interfaces:
    description:
      - The port's interfaces. Two or more make a bond. The list is complete, so members that it does not name are removed.
      - An existing bond is changed in place.
      - A member that another bond of the same task gives up keeps the settings that are omitted.
      - Not together with the options of a single interface, which are O(type), O(options), O(mtu_request), O(ofport_request),
        O(interface_other_config) and O(interface_external_ids).
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - Name of the interface.
        type: str
        required: true
      type:
        description:
          - Type of the interface, such as V(dpdk), V(dpdkvhostuser), V(dpdkvhostuserclient), V(internal), V(patch), V(vxlan) and V(geneve).
            An empty string is a network device of the system.
        type: str
      options:
        description:
          - Keys of C(Interface.options) with their values, such as C(dpdk-devargs), C(n_rxq), C(rx-flow-ctrl), C(vhost-server-path),
            C(peer) and C(remote_ip). A null value removes its key.
        type: dict
      mtu_request:
        description:
          - The MTU to ask for, from 1 to 65535. An empty string leaves it to the switch.
        type: raw
      ofport_request:
        description:
          - The OpenFlow port number to ask for, from 1 to 65279. An empty string leaves it to the switch.
        type: raw
      external_ids:
        description:
          - Keys of C(Interface.external_ids) with their values. A null value removes its key.
        type: dict
      other_config:
        description:
          - Keys of C(Interface.other_config) with their values. A null value removes its key.
        type: dict
  purge:
    description:
      - Whether keys that a map option does not name are removed. An omitted map is left alone in any case.
    type: bool
    default: false
  ports:
    description:
      - Several ports in one transaction, however many. Removals are made first.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - See O(name).
        type: str
        required: true
      bridge:
        description:
          - See O(bridge).
        type: str
      state:
        description:
          - See O(state).
        type: str
        choices: [present, absent]
        default: present
      move:
        description:
          - See O(move).
        type: bool
        default: false
      type:
        description:
          - See O(type).
        type: str
      options:
        description:
          - See O(options).
        type: dict
      mtu_request:
        description:
          - See O(mtu_request).
        type: raw
      ofport_request:
        description:
          - See O(ofport_request).
        type: raw
      interface_other_config:
        description:
          - See O(interface_other_config).
        type: dict
      interface_external_ids:
        description:
          - See O(interface_external_ids).
        type: dict
      tag:
        description:
          - See O(tag).
        type: raw
      trunks:
        description:
          - See O(trunks).
        type: list
        elements: raw
      vlan_mode:
        description:
          - See O(vlan_mode).
        type: str
        choices: [access, trunk, native-tagged, native-untagged, dot1q-tunnel, '']
      bond_mode:
        description:
          - See O(bond_mode).
        type: str
        choices: [active-backup, balance-slb, balance-tcp, '']
      lacp:
        description:
          - See O(lacp).
        type: str
        choices: [active, passive, 'off', '']
      external_ids:
        description:
          - See O(external_ids).
        type: dict
      other_config:
        description:
          - See O(other_config).
        type: dict
      interfaces:
        description:
          - See O(interfaces).
        type: list
        elements: dict
        suboptions:
          name:
            description:
              - See O(interfaces[].name).
            type: str
            required: true
          type:
            description:
              - See O(interfaces[].type).
            type: str
          options:
            description:
              - See O(interfaces[].options).
            type: dict
          mtu_request:
            description:
              - See O(interfaces[].mtu_request).
            type: raw
          ofport_request:
            description:
              - See O(interfaces[].ofport_request).
            type: raw
          external_ids:
            description:
              - See O(interfaces[].external_ids).
            type: dict
          other_config:
            description:
              - See O(interfaces[].other_config).
            type: dict
      purge:
        description:
          - See O(purge).
        type: bool
        default: false
seealso:
  - module: kube_ovn.dpdk.ovs_topology
  - module: kube_ovn.dpdk.ovs_bridge
  - module: kube_ovn.dpdk.ovs_config
  - module: kube_ovn.dpdk.ovs_info
"""

EXAMPLES = r"""
- name: Add a NIC that DPDK drives, with two queues pinned to PMD cores and flow control
  kube_ovn.dpdk.ovs_port:
    name: dpdk0
    bridge: br0
    type: dpdk
    options:
      dpdk-devargs: "0000:03:00.0"
      n_rxq: "2"
      rx-flow-ctrl: "true"
    interface_other_config:
      pmd-rxq-affinity: "0:2,1:3"
    mtu_request: 9000

- name: Add vhost-user ports, one with the socket made by QEMU or the pod and one with the socket made by the switch
  kube_ovn.dpdk.ovs_port:
    ports:
      - name: vhost-client-1
        bridge: br0
        type: dpdkvhostuserclient
        options:
          vhost-server-path: /var/run/openvswitch/vhost-client-1.sock
      - name: vhost-server-1
        bridge: br0
        type: dpdkvhostuser

- name: Connect two bridges and put an internal port on VLAN 10
  kube_ovn.dpdk.ovs_port:
    ports:
      - name: patch-br0
        bridge: br0
        type: patch
        options:
          peer: patch-br1
      - name: patch-br1
        bridge: br1
        type: patch
        options:
          peer: patch-br0
      - name: anchor0
        bridge: br0
        type: internal
        tag: 10

- name: Bond two DPDK NICs with LACP
  kube_ovn.dpdk.ovs_port:
    name: bond0
    bridge: br0
    bond_mode: balance-tcp
    lacp: active
    other_config:
      lacp-time: fast
    trunks: [100, 101]
    interfaces:
      - name: dpdk1
        type: dpdk
        options:
          dpdk-devargs: "0000:04:00.0"
      - name: dpdk2
        type: dpdk
        options:
          dpdk-devargs: "0000:04:00.1"

- name: Move a port to another bridge and clear its VLAN
  kube_ovn.dpdk.ovs_port:
    name: anchor0
    bridge: br1
    move: true
    tag: ""

- name: Remove a port with its interface
  kube_ovn.dpdk.ovs_port:
    name: vhost-server-1
    state: absent
"""

RETURN = r"""
changes:
  description: The ports that were changed, or in check mode would be, in the order of the task.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the port.
      type: str
      returned: always
    action:
      description: One of V(created), V(changed) and V(removed).
      type: str
      returned: always
    columns:
      description: For a changed port the properties that changed. V(interfaces) stands for all of the interfaces.
      type: list
      elements: str
      returned: always
  sample:
    - name: dpdk0
      action: changed
      columns: [interfaces, tag]
"""

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_plan as plan
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_module import create_module, names_of, report, run_module, write_spec
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_options import (
    check_interface_types,
    check_port,
    check_unique,
    interface_names,
    items_of,
    port_spec,
)


def work(module, runner, params):
    items = items_of(params, 'name', 'ports', port_spec(False))
    for item in items:
        check_port(item)
    check_unique('ports', [item['name'] for item in items])
    present = [item for item in items if item['state'] == 'present']
    check_unique('interfaces', interface_names(present))
    changed = runner.run(
        [item['name'] for item in items],
        plan.view_port,
        lambda model: plan.apply_ports(model, items),
        lambda model: check_interface_types(runner, model, present),
    )
    runner.wait_for_result(runner.interfaces_to_watch([item['name'] for item in present], names_of(changed)))
    return report('port', changed, module._diff)


def main():
    spec = port_spec(False)
    spec['ports'] = dict(type='list', elements='dict', options=port_spec(True))
    module = create_module(
        argument_spec=write_spec(spec),
        mutually_exclusive=[('name', 'ports')],
        required_one_of=[('name', 'ports')],
    )
    run_module(module, work)


if __name__ == '__main__':
    main()
