# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""What the modules want of a switch, applied to the working copy of its tables."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_options import OWNER_KEY, SINGLE

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


def is_empty(value):
    """Whether a value clears its column, so that a database without the column has it already."""
    if isinstance(value, dict):
        return all(item is None for item in value.values())
    return value == '' or value == []


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
        if value is None or (name not in row.columns and is_empty(value)):
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
    view['bridge'] = ', '.join(model.bridge_names(row))
    view['interfaces'] = dict((interface['name'], view_interface(interface)) for interface in model.members(row))
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


def apply_bridges(model, items):
    """Apply all bridges. Removals come first, since they free names."""
    for item in items:
        bridge = model.bridges.get(item['name'])
        if item['state'] == 'absent' and bridge is not None:
            model.drop_bridge(bridge)
    for item in items:
        if item['state'] == 'present':
            _present_bridge(model, item)


def _present_bridge(model, item):
    name = item['name']
    bridge = model.bridges.get(name)
    if bridge is None:
        port, interface = model.ports.get(name), model.interfaces.get(name)
        if port is not None:
            raise OvsdbError('bridge %s cannot be created: bridge %s has a port of that name; remove the port with ovs_port first'
                             % (name, ', '.join(model.bridge_names(port))))
        if interface is not None:
            raise OvsdbError('bridge %s cannot be created: port %s has an interface of that name' % (name, ', '.join(model.owner_names(interface))))
        bridge = model.new_bridge(name)
        port = model.new_port(name)
        model.new_interface(name, port).set('type', 'internal')
        model.attach_ports([(bridge, port)])
    set_columns(model, bridge, BRIDGE_KEYS, item, item.get('purge'))
    if item.get('controllers') is not None:
        model.set_targets(bridge, item['controllers'])
    return bridge


def apply_ports(model, items):
    """Apply all ports; set operations on the bridges are done once at the end."""
    drop = [_port_to_drop(model, item) for item in items if item['state'] == 'absent']
    model.drop_ports([port for port in drop if port is not None])
    _present_ports(model, [item for item in items if item['state'] == 'present'])


def _present_ports(model, items):
    released = _release_members(model, items)
    pairs = []
    for item in items:
        pair = _present_port(model, item, released)
        if pair is not None:
            pairs.append(pair)
    for interface in released.values():
        model.drop_interface(interface)
    model.attach_ports(pairs)


def _release_members(model, items):
    """Take members that the bonds' lists do not name out of them: {name: interface}. Another bond of the same task may take one, settings included."""
    released = {}
    for item in items:
        port = model.ports.get(item['name'])
        if item.get('interfaces') is None or port is None:
            continue
        names = set(member['name'] for member in item['interfaces'])
        port.guards.add('interfaces')
        for interface in model.members(port):
            if interface['name'] not in names:
                model.detach_interface(interface, port)
                if not model.owner_names(interface):
                    released[interface['name']] = interface
    return released


def _port_to_drop(model, item):
    name = item['name']
    port = model.ports.get(name)
    if port is None:
        return None
    bridges = model.bridge_names(port)
    if name in bridges:
        raise OvsdbError('port %s is the local port of bridge %s and lives as long as the bridge does; '
                         'remove the bridge with ovs_bridge' % (name, name))
    if item.get('bridge') and [item['bridge']] != bridges and not item.get('move'):
        raise OvsdbError('port %s is on bridge %s, not on %s; name that bridge, or set move: true' % (name, ' and '.join(bridges), item['bridge']))
    return port


def _present_port(model, item, released):
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
        if name in model.interfaces and not item.get('interfaces') and name not in released:
            raise OvsdbError('port %s cannot be created: port %s has an interface of that name'
                             % (name, ', '.join(model.owner_names(model.interfaces[name]))))
        port = model.new_port(name)
        attach = model.bridges[wanted_bridge]
    elif wanted_bridge and [wanted_bridge] != model.bridge_names(port):
        bridges = model.bridge_names(port)
        if name in bridges:
            raise OvsdbError('port %s is the local port of bridge %s and cannot move' % (name, name))
        if bridges and not item.get('move'):
            raise OvsdbError('port %s is on bridge %s, not on %s; set move: true to move it' % (name, ' and '.join(bridges), wanted_bridge))
        attach = model.bridges[wanted_bridge]
    set_columns(model, port, PORT_KEYS, item, item.get('purge'))
    if item.get('interfaces') is not None:
        _set_members(model, port, item, released)
    else:
        _set_single(model, port, item, released)
    return (attach, port) if attach is not None else None


def _set_single(model, port, item, released):
    name, members = port['name'], model.members(port)
    wanted = dict((column, item.get(option)) for option, column in SINGLE.items())
    if not members:
        interface = released.pop(name, None)
        if interface is None:
            interface = model.new_interface(name, port)
        else:
            model.attach_interface(interface, port)
        members = [interface]
    elif any(value is not None for value in wanted.values()):
        names = ', '.join(sorted(row['name'] for row in members))
        if len(members) > 1:
            raise OvsdbError('port %s is a bond of %s; describe its members in interfaces' % (name, names))
        if names != name:
            raise OvsdbError('port %s has an interface of another name, %s; describe it in interfaces' % (name, names))
    if len(members) == 1:
        set_columns(model, members[0], INTERFACE_KEYS, wanted, item.get('purge'))


def _set_members(model, port, item, released):
    """Give the port the interfaces that its list names; those that it does not name were released before."""
    for member in item['interfaces']:
        name = member['name']
        interface = model.interfaces.get(name)
        if name in released:
            model.attach_interface(released.pop(name), port)
        elif interface is None:
            interface = model.new_interface(name, port)
        elif port['name'] not in model.owner_names(interface):
            raise OvsdbError('port %s: interface %s belongs to port %s; remove that port first'
                             % (port['name'], name, ', '.join(model.owner_names(interface))))
        set_columns(model, interface, INTERFACE_KEYS, member, item.get('purge'))


def is_owned(row, owner):
    return row is not None and row['external_ids'].get(OWNER_KEY) == owner


def ovn_bridge(model):
    """Name of the integration bridge of OVN, or None where OVN does not use this switch."""
    ids = model.root['external_ids']
    if not any(key.startswith('ovn-') for key in ids):
        return None
    return ids.get('ovn-bridge') or 'br-int'


def _describe_port(model, port):
    """A port as a message names it, with what identifies its user: the type, and whether a vhost-user application is connected."""
    words = []
    for interface in model.members(port):
        words.append(interface['type'] or 'system')
        state = (interface['status'] or {}).get('status')
        if state and interface['type'].startswith('dpdkvhostuser'):
            words.append(state)
    return '%s (%s)' % (port['name'], ', '.join(words))


class Topology:
    """The bridges of one owner with their ports, complete.

    What has the owner's mark in external_ids and is not in the list is removed. What is there without the mark is refused, or with
    manage_existing changed in place without ever getting the mark.
    """

    def __init__(self, bridges, owner, force=False):
        self.owner = owner
        self.force = force
        self.bridges = dict((item['name'], item) for item in bridges)
        self.ports = {}
        for bridge in bridges:
            for item in bridge.get('ports') or []:
                self.ports[item['name']] = dict(item, bridge=bridge['name'])
        self.order = bridges

    def names(self, model):
        """Everything that may change: (kind, name) of bridges, and of ports other than those of the same name as a bridge."""
        names = [('bridge', name) for name in sorted(set(model.bridges) | set(self.bridges))]
        return names + [('port', name) for name in sorted(set(model.ports) | set(self.ports))]

    @staticmethod
    def view(model, key):
        kind, name = key
        if kind == 'port':
            return view_port(model, name) if name not in model.bridges else {}
        # Ports are reported one by one.
        return dict((column, value) for column, value in view_bridge(model, name).items() if column != 'ports')

    def apply(self, model):
        """Decide everything first, so that nothing is changed in the working copy of what is refused."""
        # The bridge of OVN is not removed, whatever its mark.
        doomed = [model.bridges[name] for name in sorted(model.bridges)
                  if name not in self.bridges and name != ovn_bridge(model) and is_owned(model.bridges[name], self.owner)]
        self._check_bridges(model)
        kept = self._check_ports(model, doomed)
        gone = [port for name, port in sorted(model.ports.items())
                if name not in kept and name not in model.bridges and is_owned(port, self.owner)]
        self._check_removal(model, doomed, kept, gone)

        # Ports that stay leave the bridges that go, and what goes is out of the way of new objects of the same names.
        model.detach_ports([port for port in kept.values() if any(bridge in doomed for bridge in model.bridges_of[port.uuid])])
        for row in gone + doomed:
            row.guards.add('external_ids')
        model.drop_ports(gone)
        for bridge in doomed:
            # A port that comes meanwhile must not go with the bridge unseen.
            bridge.guards.add('ports')
            model.drop_bridge(bridge)
        ports = [dict(self.ports[name], state='present', move=self.ports[name].get('move') or is_owned(model.ports.get(name), self.owner))
                 for name in sorted(self.ports)]
        fresh = [name for name in sorted(self.ports) if name not in model.ports or is_owned(model.ports[name], self.owner)]
        ports = [self._single(model, item) for item in ports]
        # Members are released before a bridge may take their name.
        released = _release_members(model, ports)
        for name in sorted(self.bridges):
            if name in released and name not in self._members():
                model.drop_interface(released.pop(name))
        for item in self.order:
            owned = item['name'] not in model.bridges or is_owned(model.bridges[item['name']], self.owner)
            bridge = _present_bridge(model, item)
            if owned:
                self._mark(model, bridge)
        pairs = [_present_port(model, item, released) for item in ports]
        for interface in released.values():
            model.drop_interface(interface)
        model.attach_ports([pair for pair in pairs if pair is not None])
        for name in fresh:
            self._mark(model, model.ports[name])

    def _single(self, model, item):
        """A port of the owner without interfaces has one of its own name: where it has others now, they are described so that they go."""
        port = model.ports.get(item['name'])
        if item.get('interfaces') is not None or not is_owned(port, self.owner):
            return item
        if [row['name'] for row in model.members(port)] == [item['name']]:
            return item
        return dict(item, interfaces=[dict(((column, item.get(option)) for option, column in SINGLE.items()), name=item['name'])])

    def _members(self):
        return set(member['name'] for port in self.ports.values() for member in port.get('interfaces') or ())

    def _mark(self, model, row):
        merge_map(model, row, 'external_ids', {OWNER_KEY: self.owner}, False)

    def _check_bridges(self, model):
        reserved = ovn_bridge(model)
        for name, item in sorted(self.bridges.items()):
            if name == reserved:
                raise OvsdbError('bridge %s is the integration bridge of OVN, which makes and configures it; take it out of the list' % name)
            bridge, port = model.bridges.get(name), model.ports.get(name)
            if bridge is not None and not is_owned(bridge, self.owner) and not item.get('manage_existing'):
                raise OvsdbError('bridge %s exists and was not made by %s; use another name, or set manage_existing: true for it, so that it is '
                                 'configured and never removed' % (name, self.owner))
            if bridge is None and port is not None and not is_owned(port, self.owner):
                raise OvsdbError('bridge %s cannot be created: bridge %s has a port of that name, which was not made by %s'
                                 % (name, ', '.join(model.bridge_names(port)), self.owner))

    def _check_ports(self, model, doomed):
        """The ports of the list that are there and stay: {name: port}."""
        kept = {}
        going = set(bridge['name'] for bridge in doomed)
        for name, item in sorted(self.ports.items()):
            port = model.ports.get(name)
            # The local port of a bridge that goes makes room.
            if port is None or name in going:
                continue
            if name in model.bridges:
                raise OvsdbError('port %s cannot be created: there is a bridge of that name, which was not made by %s' % (name, self.owner))
            if not is_owned(port, self.owner) and not item.get('manage_existing'):
                raise OvsdbError('port %s exists on bridge %s and was not made by %s; use another name, or set manage_existing: true for it, so '
                                 'that it is configured and never removed' % (name, ' and '.join(model.bridge_names(port)), self.owner))
            kept[name] = port
        return kept

    def _check_removal(self, model, doomed, kept, gone):
        """Refuse to remove bridges with ports of others, such as those of pods."""
        if self.force:
            return
        staying = set(port.uuid for port in list(kept.values()) + gone)
        found = []
        for bridge in doomed:
            others = [model.rows[uuid] for uuid in bridge['ports'] if uuid not in staying]
            others = [port for port in others if port['name'] != bridge['name'] and model.bridge_names(port) == [bridge['name']]]
            if others:
                found.append('bridge %s has %s' % (bridge['name'], ', '.join(_describe_port(model, port) for port in
                                                                             sorted(others, key=lambda port: port['name']))))
        if found:
            raise OvsdbError('bridges that are not in the list cannot be removed while they have ports that were not made by %s, such as those of pods: '
                             '%s. Remove the pods or the ports first, keep the bridges in the list, or set force: true to remove these ports too'
                             % (self.owner, '; '.join(found)))
