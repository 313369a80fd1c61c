# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""The whole switch as plain data."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_plan import plain
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_secrets import hidden

ROOT = ('other_config', 'external_ids', 'dpdk_version', 'ovs_version', 'db_version', 'system_type', 'system_version',
        'iface_types', 'datapath_types', 'next_cfg', 'cur_cfg')
BRIDGE = ('datapath_type', 'datapath_id', 'datapath_version', 'fail_mode', 'external_ids', 'other_config', 'status')
PORT = ('tag', 'trunks', 'vlan_mode', 'bond_mode', 'lacp', 'external_ids', 'other_config')
INTERFACE = ('type', 'options', 'mtu', 'mtu_request', 'ofport', 'ofport_request', 'external_ids', 'other_config', 'error',
             'statistics', 'status', 'admin_state', 'link_state', 'link_speed', 'mac_in_use', 'ifindex')

COLUMNS = {
    'Open_vSwitch': ROOT + ('dpdk_initialized',),
    'Bridge': BRIDGE + ('name', 'ports', 'controller'),
    'Port': PORT + ('name', 'interfaces'),
    'Interface': INTERFACE + ('name',),
    'Controller': ('target',),
}
MAPS = ('options', 'external_ids', 'other_config', 'statistics', 'status')
COUNTERS = ('next_cfg', 'cur_cfg')
LISTS = ('trunks', 'iface_types', 'datapath_types')


def _pick(row, names):
    picked = {}
    for name in names:
        value = plain(row.get(name))
        if value is None and name in MAPS:
            value = {}
        elif value is None and name in LISTS:
            value = []
        picked[name] = hidden(value) if name in MAPS else value
    return picked


def describe(found, schema_version):
    """What Schema.read found, by names instead of row identifiers."""
    roots = list(found['Open_vSwitch'].values())
    root = roots[0] if roots else {}
    result = _pick(root, ROOT)
    for name in COUNTERS:
        result[name] = result[name] or 0
    result['schema_version'] = schema_version
    result['dpdk_initialized'] = root.get('dpdk_initialized') is True
    bridges, ports, interfaces = {}, {}, {}
    result.update(bridges=bridges, ports=ports, interfaces=interfaces)
    for row in sorted(found['Bridge'].values(), key=lambda values: values['name']):
        bridge = bridges[row['name']] = _pick(row, BRIDGE)
        bridge['controllers'] = sorted(found['Controller'][uuid]['target'] for uuid in row['controller'] if uuid in found['Controller'])
        bridge['ports'] = []
        for port_id in row['ports']:
            port_row = found['Port'].get(port_id)
            if port_row is None:
                continue
            bridge['ports'].append(port_row['name'])
            if port_row['name'] in ports:
                # The database allows a port on several bridges. The first one counts.
                continue
            port = ports[port_row['name']] = _pick(port_row, PORT)
            port['bridge'] = row['name']
            port['interfaces'] = []
            for interface_id in port_row['interfaces']:
                interface_row = found['Interface'].get(interface_id)
                if interface_row is None:
                    continue
                port['interfaces'].append(interface_row['name'])
                interface = interfaces[interface_row['name']] = _pick(interface_row, INTERFACE)
                interface.update(port=port_row['name'], bridge=row['name'])
            port['interfaces'].sort()
        bridge['ports'].sort()
    return result
