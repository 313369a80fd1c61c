# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""What the modules want of a switch, applied to the working copy of its tables."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError

INTERFACE_KEYS = ('type', 'options', 'mtu_request', 'ofport_request', 'external_ids', 'other_config')
PORT_KEYS = ('tag', 'trunks', 'vlan_mode', 'bond_mode', 'lacp', 'external_ids', 'other_config')
BRIDGE_KEYS = ('datapath_type', 'fail_mode', 'external_ids', 'other_config')


def plain(value):
    """Column value to what is shown to the user."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, dict):
        return dict(value)
    return value


def merge_map(model, row, name, wanted, purge):
    """Merge wanted into a map column: a null value removes its key, an empty map clears, purge removes the rest."""
    before = row[name] or {}
    if purge or not wanted:
        after = {}
        row.guards.add(name)
    else:
        after = dict(before)
    for key, value in wanted.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = value
    model.change(row, name, after)


def set_columns(model, row, names, wanted, purge):
    """Set the named columns that wanted has; a missing one (or None) is left alone."""
    for name in names:
        value = wanted.get(name)
        if value is None:
            continue
        if isinstance(value, dict):
            merge_map(model, row, name, value, purge)
        elif name == 'trunks':
            model.change(row, name, frozenset(value))
        elif value == '' and name != 'type' and name != 'datapath_type':
            model.change(row, name, None)
        else:
            model.change(row, name, value)


def view_interface(row):
    return dict((name, plain(row[name])) for name in INTERFACE_KEYS if name in row.columns)


def view_port(model, name):
    row = model.ports.get(name)
    if row is None:
        return {}
    view = dict((key, plain(row[key])) for key in PORT_KEYS if key in row.columns)
    view['name'] = name
    bridge = model.bridge_of.get(row.uuid)
    view['bridge'] = bridge['name'] if bridge is not None else None
    interfaces = view['interfaces'] = {}
    for uuid in row['interfaces']:
        interface = model.rows.get(uuid)
        if interface is not None:
            interfaces[interface['name']] = view_interface(interface)
    return view


def view_bridge(model, name):
    row = model.bridges.get(name)
    if row is None:
        return {}
    view = dict((key, plain(row[key])) for key in BRIDGE_KEYS if key in row.columns)
    view['name'] = name
    view['controllers'] = model.targets(row)
    view['ports'] = sorted(model.rows[uuid]['name'] for uuid in row['ports'] if uuid in model.rows)
    return view


def view_root(model, name):
    return dict((key, plain(model.root[key])) for key in ('external_ids', 'other_config'))


def apply_config(model, item):
    set_columns(model, model.root, ('external_ids', 'other_config'), item, item.get('purge'))


def apply_bridge(model, item):
    name = item['name']
    bridge = model.bridges.get(name)
    if item['state'] == 'absent':
        if bridge is not None:
            model.drop_bridge(bridge)
        return
    if bridge is None:
        port = model.ports.get(name)
        if port is not None:
            raise OvsdbError('bridge %s cannot be created: bridge %s has a port of that name' % (name, _bridge_name(model, port)))
        if name in model.interfaces:
            raise OvsdbError('bridge %s cannot be created: port %s has an interface of that name'
                             % (name, model.port_of[model.interfaces[name].uuid]['name']))
        bridge = model.new_bridge(name)
        port = model.new_port(name)
        model.new_interface(name, port).set('type', 'internal')
        model.attach_ports([(bridge, port)])
    set_columns(model, bridge, BRIDGE_KEYS, item, item.get('purge'))
    if item.get('controllers') is not None:
        model.set_targets(bridge, item['controllers'])


def _bridge_name(model, port):
    bridge = model.bridge_of.get(port.uuid)
    return bridge['name'] if bridge is not None else 'none'


def apply_ports(model, items):
    """Apply all ports; set operations on the bridges are done once at the end."""
    drop = [_port_to_drop(model, item) for item in items if item['state'] == 'absent']
    model.drop_ports([port for port in drop if port is not None])
    # Members are let go before any is taken, so that one task can give a member of one bond to another.
    for item in items:
        if item['state'] == 'present' and item.get('interfaces') is not None and item['name'] in model.ports:
            _drop_members(model, model.ports[item['name']], [member['name'] for member in item['interfaces']])
    pairs = []
    for item in items:
        if item['state'] == 'present':
            pair = _present_port(model, item)
            if pair is not None:
                pairs.append(pair)
    model.attach_ports(pairs)


def _port_to_drop(model, item):
    name = item['name']
    port = model.ports.get(name)
    if port is None:
        return None
    bridge = _bridge_name(model, port)
    if bridge == name:
        raise OvsdbError('port %s is the local port of bridge %s and lives as long as the bridge does; '
                         'remove the bridge with ovs_bridge' % (name, name))
    if item.get('bridge') and item['bridge'] != bridge and not item.get('move'):
        raise OvsdbError('port %s is on bridge %s, not on %s; name that bridge, or set move: true' % (name, bridge, item['bridge']))
    return port


def _present_port(model, item):
    """Make the port as wanted; return (bridge, port) when it must be attached."""
    name, wanted_bridge = item['name'], item.get('bridge')
    port = model.ports.get(name)
    attach = None
    if wanted_bridge and wanted_bridge not in model.bridges:
        raise OvsdbError('port %s: there is no bridge %s; create it with ovs_bridge first (bridges here: %s)'
                         % (name, wanted_bridge, ', '.join(sorted(model.bridges)) or 'none'))
    if port is None:
        if not wanted_bridge:
            raise OvsdbError('port %s does not exist; name the bridge to create it on' % name)
        if name in model.interfaces and not item.get('interfaces'):
            raise OvsdbError('port %s cannot be created: port %s has an interface of that name'
                             % (name, model.port_of[model.interfaces[name].uuid]['name']))
        port = model.new_port(name)
        attach = model.bridges[wanted_bridge]
    elif wanted_bridge and wanted_bridge != _bridge_name(model, port):
        if _bridge_name(model, port) == name:
            raise OvsdbError('port %s is the local port of bridge %s and cannot move' % (name, name))
        if not item.get('move'):
            raise OvsdbError('port %s is on bridge %s, not on %s; set move: true to move it'
                             % (name, _bridge_name(model, port), wanted_bridge))
        attach = model.bridges[wanted_bridge]
    set_columns(model, port, PORT_KEYS, item, item.get('purge'))
    if item.get('interfaces') is not None:
        _set_members(model, port, item)
    else:
        _set_single(model, port, item)
    return (attach, port) if attach is not None else None


def _set_single(model, port, item):
    members = [model.rows[uuid] for uuid in port['interfaces'] if uuid in model.rows]
    wanted = {
        'external_ids': item.get('interface_external_ids'),
        'other_config': item.get('interface_other_config'),
    }
    for key in ('type', 'options', 'mtu_request', 'ofport_request'):
        wanted[key] = item.get(key)
    if not members:
        members = [model.new_interface(port['name'], port)]
    elif len(members) > 1:
        if any(value is not None for value in wanted.values()):
            raise OvsdbError('port %s is a bond of %s; describe its members in interfaces'
                             % (port['name'], ', '.join(sorted(row['name'] for row in members))))
        return
    set_columns(model, members[0], INTERFACE_KEYS, wanted, item.get('purge'))


def _drop_members(model, port, names):
    """The list is the whole bond: members that it does not name are removed."""
    port.guards.add('interfaces')
    for uuid in port['interfaces']:
        row = model.rows.get(uuid)
        if row is not None and row['name'] not in names:
            model.drop_interface(row)


def _set_members(model, port, item):
    for member in item['interfaces']:
        row = model.interfaces.get(member['name'])
        if row is None:
            row = model.new_interface(member['name'], port)
        elif model.port_of.get(row.uuid) is not port:
            raise OvsdbError('port %s: interface %s belongs to port %s; remove that port first'
                             % (port['name'], member['name'], model.port_of[row.uuid]['name']))
        set_columns(model, row, INTERFACE_KEYS, member, item.get('purge'))
