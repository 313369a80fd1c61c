# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""A working copy of the switch's tables: read, change, and turn the difference into one transaction."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError, ProtocolError

# What the modules manage, and what they must see to do so.
COLUMNS = {
    'Open_vSwitch': ('bridges', 'external_ids', 'other_config', 'next_cfg', 'cur_cfg', 'iface_types', 'datapath_types', 'dpdk_initialized'),
    'Bridge': ('name', 'ports', 'datapath_type', 'fail_mode', 'controller', 'external_ids', 'other_config'),
    'Port': ('name', 'interfaces', 'tag', 'trunks', 'vlan_mode', 'bond_mode', 'lacp', 'external_ids', 'other_config'),
    'Interface': ('name', 'type', 'options', 'mtu_request', 'ofport_request', 'external_ids', 'other_config', 'error', 'ofport', 'status'),
    'Controller': ('target',),
}
# What every Open vSwitch has, and without which its tables cannot be put together.
ALWAYS = {
    'Open_vSwitch': ('bridges', 'external_ids', 'other_config', 'next_cfg', 'cur_cfg'),
    'Bridge': ('name', 'ports', 'controller'),
    'Port': ('name', 'interfaces'),
    'Interface': ('name', 'type', 'error', 'ofport'),
    'Controller': ('target',),
}
ATOMS = {'string': (type(u''), str), 'uuid': (type(u''), str), 'boolean': bool, 'integer': (int, type(2 ** 64)), 'real': (int, type(2 ** 64), float)}


def checked(item, kind):
    """One value as the server sent it, held to its type."""
    if kind == 'uuid':
        tag, item = item
        if tag != 'uuid':
            raise ValueError('no reference')
    if not isinstance(item, ATOMS[kind]):
        raise ValueError('no %s' % kind)
    return item


class Column:
    """One column's type, as the server's schema has it."""

    __slots__ = ('atomic', 'value', 'is_map', 'many', 'optional', 'refers')

    def __init__(self, spec):
        kind = spec['type']
        if not isinstance(kind, dict):
            kind = {'key': kind}
        self.atomic = self._base(kind['key'])
        self.value = self._base(kind['value']) if 'value' in kind else None
        self.refers = self.atomic == 'uuid'
        self.is_map = self.value is not None
        self.many = not self.is_map and kind.get('max', 1) != 1
        self.optional = not self.is_map and not self.many and kind.get('min', 1) == 0

    @staticmethod
    def _base(kind):
        name = kind['type'] if isinstance(kind, dict) else kind
        if name not in ATOMS:
            raise ValueError('no type %s' % name)
        return name

    def default(self):
        if self.is_map:
            return {}
        if self.many:
            return frozenset()
        if self.optional:
            return None
        return {'string': '', 'integer': 0, 'real': 0.0, 'boolean': False}.get(self.atomic)

    def decode(self, value):
        tag = value[0] if isinstance(value, list) else None
        if self.is_map:
            if tag != 'map':
                raise ValueError('no map')
            return dict((checked(key, self.atomic), checked(item, self.value)) for key, item in value[1])
        items = frozenset(checked(item, self.atomic) for item in (value[1] if tag == 'set' else [value]))
        if self.many:
            return items
        if len(items) != 1 and not (self.optional and not items):
            raise ValueError('not one value')
        return next(iter(items), None)

    def _atom(self, value):
        if self.refers:
            return ['named-uuid' if value.startswith('row_') else 'uuid', value]
        return value

    def encode(self, value):
        if self.is_map:
            return ['map', [[key, value[key]] for key in sorted(value)]]
        if self.many:
            return ['set', [self._atom(item) for item in sorted(value)]]
        if value is None:
            return ['set', []]
        return self._atom(value)


class Schema:
    """The columns that this server has, of those that are wanted."""

    def __init__(self, schema, wanted=None):
        self.version = schema.get('version', 'unknown')
        self.tables = {}
        for table, columns in (wanted or COLUMNS).items():
            known = schema['tables'].get(table)
            known = known.get('columns') if isinstance(known, dict) else None
            if not isinstance(known, dict) or not known:
                raise OvsdbError('the database is no usable Open_vSwitch database: it has no table %s (schema %s)' % (table, self.version))
            try:
                self.tables[table] = dict((name, Column(known[name])) for name in columns if name in known)
            except (AttributeError, KeyError, TypeError, ValueError) as exc:
                raise ProtocolError('the database has a schema that cannot be understood: table %s (%s)' % (table, exc))
            missing = [name for name in ALWAYS[table] if name in columns and name not in known]
            if missing:
                raise OvsdbError('the database is no usable Open_vSwitch database: table %s has no column %s (schema %s)'
                                 % (table, missing[0], self.version))

    def column(self, table, name):
        try:
            return self.tables[table][name]
        except KeyError:
            raise OvsdbError('this Open vSwitch (database schema %s) has no column %s in table %s' % (self.version, name, table))

    def read(self, client):
        """Select every wanted table in one transaction: {table: {uuid: {column: value}}}."""
        tables = sorted(self.tables)
        operations = []
        for table in tables:
            operations.append({'op': 'select', 'table': table, 'where': [], 'columns': ['_uuid'] + sorted(self.tables[table])})
        found = {}
        results = client.transact(operations)
        for index, table in enumerate(tables):
            rows = found[table] = {}
            for wire in results[index]['rows']:
                row = self.decode(table, wire)
                rows[row.pop('_uuid')] = row
        return found

    def decode(self, table, row):
        """A row of a table as Python values."""
        columns = self.tables[table]
        values = {}
        for name, value in row.items():
            try:
                values[name] = checked(value, 'uuid') if name == '_uuid' else columns[name].decode(value)
            except (IndexError, KeyError, TypeError, ValueError) as exc:
                raise ProtocolError('the database answers with something that is not in its schema: column %s of table %s (%s)' % (name, table, exc))
        return values


class Row:
    """A row with its values in the database and the changes to them."""

    __slots__ = ('table', 'uuid', 'old', 'changes', 'guards', 'columns')

    def __init__(self, model, table, uuid, old=None):
        self.table = table
        self.uuid = uuid
        self.columns = model.schema.tables[table]
        self.old = old
        self.changes = {}
        # Columns whose old value the change relies upon, beyond those that it overwrites.
        self.guards = set()
        model.rows[uuid] = self

    def __getitem__(self, name):
        if name in self.changes:
            return self.changes[name]
        if self.old is not None and name in self.old:
            return self.old[name]
        return self.columns[name].default() if name in self.columns else None

    def set(self, name, value):
        before = self.old.get(name) if self.old is not None else None
        if self.old is not None and before == value:
            self.changes.pop(name, None)
        elif self.old is not None or value != self.columns[name].default():
            self.changes[name] = value
        else:
            self.changes.pop(name, None)


class Members(dict):
    """The ports of bridges while they are changed; what a bridge had is copied once, and not for each of its ports."""

    def __missing__(self, bridge):
        self[bridge] = set(bridge['ports'])
        return self[bridge]


class Model:
    """The switch as read from the server, with changes collected on top."""

    def __init__(self, schema, found):
        self.schema = schema
        self.rows = {}
        self.serial = 0
        self.bridges = {}
        self.ports = {}
        self.interfaces = {}
        # The bridges of each port and the ports of each interface, by row identifier. More than one is rare, but the database allows it.
        self.bridges_of = {}
        self.ports_of = {}
        # Rows that go, whose guards are part of the transaction.
        self.gone = []
        self.controllers = {}
        self.root = None
        for uuid, old in found['Open_vSwitch'].items():
            self.root = Row(self, 'Open_vSwitch', uuid, old)
        if self.root is None:
            # A database that no switch has used yet: "ovs-vsctl init" would insert this row.
            self.root = Row(self, 'Open_vSwitch', self._new_id())
        for uuid, old in found['Controller'].items():
            self.controllers[uuid] = old['target']
        for table, index in (('Bridge', self.bridges), ('Port', self.ports), ('Interface', self.interfaces)):
            for uuid, old in found[table].items():
                index[old['name']] = Row(self, table, uuid, old)
        for name in sorted(self.bridges):
            for uuid in self.bridges[name]['ports']:
                self.bridges_of.setdefault(uuid, []).append(self.bridges[name])
        for name in sorted(self.ports):
            for uuid in self.ports[name]['interfaces']:
                self.ports_of.setdefault(uuid, []).append(self.ports[name])
        # The server collects what nothing refers to, so that this is no database but a broken reply.
        for table, index, owners in (('Port', self.ports, self.bridges_of), ('Interface', self.interfaces, self.ports_of)):
            for name, row in index.items():
                if row.uuid not in owners:
                    raise ProtocolError('the database answers with row %s of table %s, to which nothing refers' % (name, table))

    def _new_id(self):
        self.serial += 1
        return 'row_%d' % self.serial

    def require(self, table, name):
        self.schema.column(table, name)

    def change(self, row, name, value):
        if row[name] != value:
            self.require(row.table, name)
            row.set(name, value)

    def add_member(self, row, name, uuid):
        self.change(row, name, row[name] | frozenset((uuid,)))

    def drop_member(self, row, name, uuid):
        self.change(row, name, row[name] - frozenset((uuid,)))

    def new_bridge(self, name):
        row = Row(self, 'Bridge', self._new_id())
        row.set('name', name)
        self.bridges[name] = row
        self.add_member(self.root, 'bridges', row.uuid)
        return row

    def drop_bridge(self, bridge):
        """Remove a bridge with the ports that are on no other one."""
        self.drop_member(self.root, 'bridges', bridge.uuid)
        del self.bridges[bridge['name']]
        for uuid in bridge['ports']:
            port = self.rows.get(uuid)
            if port is None:
                continue
            others = [other for other in self.bridges_of.get(uuid, ()) if other is not bridge]
            if others:
                self.bridges_of[uuid] = others
            else:
                self._forget_port(port)
        self._forget(bridge)

    def bridge_names(self, port):
        """Names of the bridges that a port is on: one, unless something is wrong."""
        return [bridge['name'] for bridge in self.bridges_of.get(port.uuid, ())]

    def owner_names(self, interface):
        """Names of the ports that an interface is in: one, unless something is wrong."""
        return [port['name'] for port in self.ports_of.get(interface.uuid, ())]

    def members(self, port):
        """The interfaces of a port."""
        return [self.rows[uuid] for uuid in port['interfaces'] if uuid in self.rows]

    def new_port(self, name):
        row = Row(self, 'Port', self._new_id())
        row.set('name', name)
        self.ports[name] = row
        return row

    def attach_ports(self, pairs):
        """Put ports on bridges, and on no other ones: [(bridge, port)]. One set operation per bridge, however many ports."""
        members = Members()
        for bridge, port in pairs:
            for before in self.bridges_of.get(port.uuid, ()):
                members[before].discard(port.uuid)
            members[bridge].add(port.uuid)
            self.bridges_of[port.uuid] = [bridge]
        self._set_ports(members)

    def detach_ports(self, ports):
        """Take ports off all bridges, to be attached again."""
        members = Members()
        for port in ports:
            for bridge in self.bridges_of.pop(port.uuid, ()):
                members[bridge].discard(port.uuid)
        self._set_ports(members)

    def _set_ports(self, members):
        for bridge, ports in members.items():
            self.change(bridge, 'ports', frozenset(ports))

    def drop_ports(self, ports):
        self.detach_ports(ports)
        for port in ports:
            self._forget_port(port)

    def _forget_port(self, port):
        # The server collects rows that nothing refers to; here they must only leave the working copy.
        for interface in self.members(port):
            self._let_go(interface, port)
            if not self.ports_of.get(interface.uuid):
                self.drop_interface(interface)
        self.ports.pop(port['name'], None)
        self.bridges_of.pop(port.uuid, None)
        self._forget(port)

    def _forget(self, row):
        if row.guards and row.old is not None:
            self.gone.append(row)
        del self.rows[row.uuid]

    def new_interface(self, name, port):
        row = Row(self, 'Interface', self._new_id())
        row.set('name', name)
        self.interfaces[name] = row
        self.attach_interface(row, port)
        return row

    def attach_interface(self, interface, port):
        self.ports_of.setdefault(interface.uuid, []).append(port)
        self.add_member(port, 'interfaces', interface.uuid)

    def _let_go(self, interface, port):
        self.ports_of[interface.uuid] = [other for other in self.ports_of.get(interface.uuid, ()) if other is not port]

    def detach_interface(self, interface, port):
        """Take an interface out of a port, to be attached to another one or dropped."""
        self._let_go(interface, port)
        self.drop_member(port, 'interfaces', interface.uuid)

    def drop_interface(self, interface):
        """Forget an interface that is in no port any more."""
        self.ports_of.pop(interface.uuid, None)
        self.interfaces.pop(interface['name'], None)
        self._forget(interface)

    def targets(self, bridge):
        return sorted(self.controllers[uuid] for uuid in bridge['controller'] if uuid in self.controllers)

    def set_targets(self, bridge, targets):
        """Make the controllers' targets these; rows of targets that stay are kept."""
        self.require('Bridge', 'controller')
        keep = set()
        missing = set(targets)
        for uuid in bridge['controller']:
            target = self.controllers.get(uuid)
            if target in missing:
                missing.discard(target)
                keep.add(uuid)
        for target in sorted(missing):
            row = Row(self, 'Controller', self._new_id())
            row.set('target', target)
            self.controllers[row.uuid] = target
            keep.add(row.uuid)
        bridge.guards.add('controller')
        self.change(bridge, 'controller', frozenset(keep))

    def operations(self):
        """The transaction that brings the database from what was read to what is wanted; [] if nothing differs."""
        waits, writes = [], []
        for row in self.rows.values():
            if row.old is None:
                # A row may be inserted with nothing but defaults, since others refer to it; the root row has to have a reason.
                if row.changes or row is not self.root:
                    writes.append(self._insert(row))
            elif row.changes:
                self._update(row, waits, writes)
        if not writes:
            return []
        for row in self.gone:
            waits.append(self._wait(row, set(row.guards), []))
        return waits + writes

    def _insert(self, row):
        values = dict((name, row.columns[name].encode(value)) for name, value in row.changes.items())
        return {'op': 'insert', 'table': row.table, 'row': values, 'uuid-name': row.uuid}

    def _update(self, row, waits, writes):
        where = [['_uuid', '==', ['uuid', row.uuid]]]
        # The row must still be there and hold what the decision was made on; otherwise everything is decided again.
        guarded = set(row.guards)
        if 'name' in row.columns:
            guarded.add('name')
        included = []
        update, mutations = {}, []
        for name, value in sorted(row.changes.items()):
            column, before = row.columns[name], row.old[name]
            if column.is_map:
                gone = set(key for key in before if key not in value)
                new = dict((key, value[key]) for key in value if key not in before or before[key] != value[key])
                # An insertion leaves a key alone that is there, be it that another writer was faster: what is set is deleted first.
                mutations.append([name, 'delete', ['set', sorted(gone.union(new))]])
                if new:
                    mutations.append([name, 'insert', column.encode(new)])
            elif column.many and column.refers:
                # A port must have an interface at any moment, so insertion comes first.
                gone, new = before - value, value - before
                if new:
                    mutations.append([name, 'insert', column.encode(new)])
                if gone:
                    # What is removed here must not have been moved elsewhere meanwhile, where it would then be too.
                    included.append([name, 'includes', column.encode(gone)])
                    mutations.append([name, 'delete', column.encode(gone)])
            else:
                guarded.add(name)
                update[name] = column.encode(value)
        if guarded or included:
            waits.append(self._wait(row, guarded, included))
        if update:
            writes.append({'op': 'update', 'table': row.table, 'where': where, 'row': update})
        if mutations:
            writes.append({'op': 'mutate', 'table': row.table, 'where': where, 'mutations': mutations})

    @staticmethod
    def _wait(row, guarded, included):
        """The operation that fails unless the row still has the values on which the change was decided."""
        expected = dict((name, row.columns[name].encode(row.old[name])) for name in guarded)
        return {'op': 'wait', 'table': row.table, 'timeout': 0, 'where': [['_uuid', '==', ['uuid', row.uuid]]] + included,
                'columns': sorted(expected), 'until': '==', 'rows': [expected]}
