#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: ovs_bridge
short_description: Manages bridges of Open vSwitch
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Creates, changes and removes bridges of Open vSwitch in one transaction, by speaking OVSDB itself.
  - A bridge comes with its local port, an internal port of the same name. Removing a bridge removes all its ports, also those of others.
  - M(kube_ovn.dpdk.ovs_topology) manages bridges together with their ports, and removes only what it made.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._ovsdb
  - kube_ovn.dpdk._ovsdb.write
options:
  name:
    description:
      - Name of the bridge.
      - Exactly one of O(name) and O(bridges) is required.
    type: str
  state:
    description:
      - Whether the bridge is there.
    type: str
    choices: [present, absent]
    default: present
  datapath_type:
    description:
      - The datapath type. V(netdev) is the userspace datapath, which DPDK needs, and V(system) or an empty string the kernel's.
      - It is changed on an existing bridge too. The switch then recreates the bridge, and traffic stops for a moment.
    type: str
  fail_mode:
    description:
      - What the bridge does while it has no controller. An empty string leaves it to the switch's default.
    type: str
    choices: [standalone, secure, '']
  controllers:
    description:
      - Targets of the bridge's OpenFlow controllers, such as V(tcp:127.0.0.1:6653). The list is complete. An empty list or text removes them all.
    type: list
    elements: str
  other_config:
    description:
      - Keys of C(Bridge.other_config) with their values. A null value removes its key.
    type: dict
  external_ids:
    description:
      - Keys of C(Bridge.external_ids) with their values. A null value removes its key.
    type: dict
  purge:
    description:
      - Whether keys that O(other_config) and O(external_ids) do not name are removed. An omitted map is left alone in any case.
    type: bool
    default: false
  bridges:
    description:
      - Several bridges in one transaction. Removals are made first.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - See O(name).
        type: str
        required: true
      state:
        description:
          - See O(state).
        type: str
        choices: [present, absent]
        default: present
      datapath_type:
        description:
          - See O(datapath_type).
        type: str
      fail_mode:
        description:
          - See O(fail_mode).
        type: str
        choices: [standalone, secure, '']
      controllers:
        description:
          - See O(controllers).
        type: list
        elements: str
      other_config:
        description:
          - See O(other_config).
        type: dict
      external_ids:
        description:
          - See O(external_ids).
        type: dict
      purge:
        description:
          - See O(purge).
        type: bool
        default: false
seealso:
  - module: kube_ovn.dpdk.ovs_topology
  - module: kube_ovn.dpdk.ovs_port
  - module: kube_ovn.dpdk.ovs_config
  - module: kube_ovn.dpdk.ovs_info
"""

EXAMPLES = r"""
- name: Create a bridge on the userspace datapath
  kube_ovn.dpdk.ovs_bridge:
    name: br0
    datapath_type: netdev
    fail_mode: standalone
    external_ids:
      owner: team-a

- name: Two bridges at once, and exactly these other_config keys on the second
  kube_ovn.dpdk.ovs_bridge:
    bridges:
      - name: br0
        datapath_type: netdev
      - name: br1
        datapath_type: netdev
        other_config:
          mac-table-size: "4096"
        purge: true

- name: Remove a key and leave the bridge to the default fail mode
  kube_ovn.dpdk.ovs_bridge:
    name: br0
    fail_mode: ""
    external_ids:
      owner: null

- name: Remove a bridge with its ports
  kube_ovn.dpdk.ovs_bridge:
    name: br1
    state: absent
"""

RETURN = r"""
changes:
  description: The bridges that were changed, or in check mode would be, in the order of the task.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the bridge.
      type: str
      returned: always
    action:
      description: One of V(created), V(changed) and V(removed).
      type: str
      returned: always
    columns:
      description: For a changed bridge the properties that changed.
      type: list
      elements: str
      returned: always
  sample:
    - name: br0
      action: changed
      columns: [datapath_type]
"""

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_plan as plan
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_module import create_module, names_of, report, run_module, write_spec
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_options import (
    bridge_spec,
    check_bridge,
    check_datapath_types,
    check_unique,
    items_of,
)


def work(module, runner, params):
    items = items_of(params, 'name', 'bridges', bridge_spec(False))
    check_unique('bridges', [item['name'] for item in items])
    for item in items:
        check_bridge(item)

    present = [item for item in items if item['state'] == 'present']
    changed = runner.run(
        [item['name'] for item in items],
        plan.view_bridge,
        lambda model: plan.apply_bridges(model, items),
        lambda model: check_datapath_types(runner, model, present),
    )
    # The local port of each says whether the switch could make it.
    runner.wait_for_result(runner.interfaces_to_watch([item['name'] for item in present], names_of(changed)))
    return report('bridge', changed, module._diff)


def main():
    spec = bridge_spec(False)
    spec['bridges'] = dict(type='list', elements='dict', options=bridge_spec(True))
    module = create_module(
        argument_spec=write_spec(spec),
        mutually_exclusive=[('name', 'bridges')],
        required_one_of=[('name', 'bridges')],
    )
    run_module(module, work)


if __name__ == '__main__':
    main()
