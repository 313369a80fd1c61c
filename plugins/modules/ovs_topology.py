#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: ovs_topology
short_description: Manages all bridges and ports of one owner in Open vSwitch
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Brings the bridges of one owner, with their ports, to what a list says, in one transaction, by speaking OVSDB itself.
  - What it creates gets the mark C(external_ids:owner) with the value of O(owner). What has the mark and is not in the list is removed.
  - What is there without the mark is an error. With C(manage_existing) it is configured in place, but never gets the mark and is never removed.
  - Everything is checked before anything is changed. A bridge is not removed while it has ports of others, such as those of pods.
  - A port that moves to another bridge keeps its row in the database, and with it its QoS. A name may go from a bridge to a port and back.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._ovsdb
  - kube_ovn.dpdk._ovsdb.write
options:
  owner:
    description:
      - Value of the mark C(external_ids:owner) of what this list manages.
    type: str
    required: true
  force:
    description:
      - Whether bridges that are not in the list are removed together with ports that O(owner) did not make. Pods lose these ports.
    type: bool
    default: false
  fail_on_missing:
    description:
      - Whether the module fails where the socket of a V(unix:) O(database) does not exist.
      - If V(false), no Open vSwitch runs there, so that nothing is to be removed or compared with, and nothing is done. O(bridges) is still checked.
    type: bool
    default: true
  bridges:
    description:
      - The bridges of O(owner). The list is complete, and an empty one removes all that O(owner) made.
      - The integration bridge of OVN (C(external_ids:ovn-bridge) of the switch, V(br-int) by default) is refused and never removed.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the bridge, at most 15 bytes, since its local port is a network device.
        type: str
        required: true
      manage_existing:
        description:
          - Whether a bridge that is there without the mark of O(owner) is configured, instead of refused. It gets no mark, so that it is never removed.
        type: bool
        default: false
      datapath_type:
        description:
          - See O(kube_ovn.dpdk.ovs_bridge#module:datapath_type).
        type: str
      fail_mode:
        description:
          - See O(kube_ovn.dpdk.ovs_bridge#module:fail_mode).
        type: str
        choices: [standalone, secure, '']
      controllers:
        description:
          - See O(kube_ovn.dpdk.ovs_bridge#module:controllers).
        type: list
        elements: str
      other_config:
        description:
          - See O(kube_ovn.dpdk.ovs_bridge#module:other_config).
        type: dict
      external_ids:
        description:
          - See O(kube_ovn.dpdk.ovs_bridge#module:external_ids). The key C(owner) belongs to O(owner).
        type: dict
      purge:
        description:
          - See O(kube_ovn.dpdk.ovs_bridge#module:purge). The mark stays.
        type: bool
        default: false
      ports:
        description:
          - The ports of O(owner) on this bridge. The list is complete. Ports of others on the bridge are left alone.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:name). A name is used once among all bridges, ports and interfaces.
            type: str
            required: true
          manage_existing:
            description:
              - Whether a port that is there without the mark of O(owner) is configured, instead of refused.
              - It gets no mark, so that it is never removed, and is moved only with O(bridges[].ports[].move=true).
            type: bool
            default: false
          move:
            description:
              - Whether a port of O(bridges[].ports[].manage_existing=true) is moved from another bridge. What O(owner) made moves in any case.
            type: bool
            default: false
          type:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:type).
            type: str
          options:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:options).
            type: dict
          mtu_request:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:mtu_request).
            type: raw
          ofport_request:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:ofport_request).
            type: raw
          interface_other_config:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:interface_other_config).
            type: dict
          interface_external_ids:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:interface_external_ids).
            type: dict
          tag:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:tag).
            type: raw
          trunks:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:trunks).
            type: list
            elements: raw
          vlan_mode:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:vlan_mode).
            type: str
            choices: [access, trunk, native-tagged, native-untagged, dot1q-tunnel, '']
          bond_mode:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:bond_mode).
            type: str
            choices: [active-backup, balance-slb, balance-tcp, '']
          lacp:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:lacp).
            type: str
            choices: [active, passive, 'off', '']
          external_ids:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:external_ids).
            type: dict
          other_config:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:other_config).
            type: dict
          interfaces:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:interfaces).
            type: list
            elements: dict
            suboptions:
              name:
                description:
                  - See O(kube_ovn.dpdk.ovs_port#module:interfaces[].name).
                type: str
                required: true
              type:
                description:
                  - See O(kube_ovn.dpdk.ovs_port#module:interfaces[].type).
                type: str
              options:
                description:
                  - See O(kube_ovn.dpdk.ovs_port#module:interfaces[].options).
                type: dict
              mtu_request:
                description:
                  - See O(kube_ovn.dpdk.ovs_port#module:interfaces[].mtu_request).
                type: raw
              ofport_request:
                description:
                  - See O(kube_ovn.dpdk.ovs_port#module:interfaces[].ofport_request).
                type: raw
              external_ids:
                description:
                  - See O(kube_ovn.dpdk.ovs_port#module:interfaces[].external_ids).
                type: dict
              other_config:
                description:
                  - See O(kube_ovn.dpdk.ovs_port#module:interfaces[].other_config).
                type: dict
          purge:
            description:
              - See O(kube_ovn.dpdk.ovs_port#module:purge).
            type: bool
            default: false
seealso:
  - module: kube_ovn.dpdk.ovs_bridge
  - module: kube_ovn.dpdk.ovs_port
  - module: kube_ovn.dpdk.ovs_config
  - module: kube_ovn.dpdk.ovs_info
"""

EXAMPLES = r"""
- name: Create a bridge with an anchor and an uplink, and remove what the list no longer has
  kube_ovn.dpdk.ovs_topology:
    owner: example.com/uplinks
    bridges:
      - name: br0
        datapath_type: netdev
        fail_mode: standalone
        ports:
          - name: br0-anchor
            type: internal
          - name: dpdk0
            type: dpdk
            options:
              dpdk-devargs: "0000:03:00.0"

- name: Move the uplink to a new bridge that replaces the old one
  kube_ovn.dpdk.ovs_topology:
    owner: example.com/uplinks
    bridges:
      - name: br1
        datapath_type: netdev
        ports:
          - name: dpdk0

- name: Remove everything that the owner made
  kube_ovn.dpdk.ovs_topology:
    owner: example.com/uplinks
    fail_on_missing: false
    bridges: []
"""

RETURN = r"""
changes:
  description:
    - The bridges and ports that were changed, or in check mode would be; bridges first, each in the order of the names.
    - Local ports of bridges are not among them. Ports of others that are removed with O(force=true) are.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(bridge) or V(port).
      type: str
      returned: always
    name:
      description: Name of the bridge or port.
      type: str
      returned: always
    action:
      description: One of V(created), V(changed) and V(removed).
      type: str
      returned: always
    columns:
      description: For a changed bridge or port the properties that changed. V(interfaces) stands for all of the interfaces.
      type: list
      elements: str
      returned: always
  sample:
    - kind: bridge
      name: br0
      action: removed
      columns: []
    - kind: port
      name: dpdk0
      action: changed
      columns: [bridge]
"""

import errno
import os

from ansible.module_utils.common.text.converters import to_bytes

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_plan as plan
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_module import create_module, names_of, report, run_module, write_spec
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_options import (
    check_datapath_types,
    check_interface_types,
    check_topology,
    topology_spec,
)


def is_missing(path):
    """Whether there is nothing. What must not be looked at may be there."""
    try:
        os.stat(to_bytes(path))
    except (IOError, OSError) as error:
        return error.errno in (errno.ENOENT, errno.ENOTDIR)
    return False


def work(module, runner, params):
    bridges = params['bridges']
    ports = check_topology(params['owner'], bridges)
    if not params['fail_on_missing'] and runner.client.kind == 'unix' and is_missing(runner.client.address):
        return report(None, [], module._diff)
    topology = plan.Topology(bridges, params['owner'], params['force'])

    def check(model):
        check_datapath_types(runner, model, bridges)
        check_interface_types(runner, model, ports)

    changed = runner.run(topology.names, topology.view, topology.apply, check)
    # The local port of each bridge says whether the switch could make it.
    names = [item['name'] for item in bridges + ports]
    runner.wait_for_result(runner.interfaces_to_watch(names, [name for dummy, name in names_of(changed)]))
    return report(None, changed, module._diff)


def main():
    module = create_module(
        argument_spec=write_spec(dict(
            owner=dict(type='str', required=True),
            force=dict(type='bool', default=False),
            fail_on_missing=dict(type='bool', default=True),
            bridges=dict(type='list', elements='dict', required=True, options=topology_spec()),
        )),
    )
    run_module(module, work)


if __name__ == '__main__':
    main()
