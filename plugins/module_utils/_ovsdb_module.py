# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""What the ovs_* modules share: options, input checks, and the run from snapshot to result."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import random
import re
import time

from ansible.module_utils.common.text.converters import to_text

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import (
    Client,
    ConnectError,
    ConnectionLost,
    OvsdbError,
    ProtocolError,
    TimedOut,
    TransactionError,
    now,
)
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_model import Model, Schema

CONNECTION_SPEC = dict(
    database=dict(type='str', default='unix:/run/openvswitch/db.sock'),
    timeout=dict(type='int', default=30),
    private_key=dict(type='path'),
    certificate=dict(type='path'),
    ca_cert=dict(type='path'),
)

# While ovsdb-server restarts, its socket is missing or refuses for a moment.
RESTART_GRACE = 3.0
# What tells that another writer was faster: a failed guard, or a name that exists meanwhile.
CONFLICTS = ('timed out', 'constraint violation', 'referential integrity violation')
# What ovs-vswitchd may take to come to an interface that was put into the database without waiting.
SETTLE = 2.0
# What it says of a patch port without the other end, as soon as it gets to it.
NO_PEER = re.compile("No usable peer '(.*)' exists in ")
MAX_ATTEMPTS = 50
# A name is taken by another writer once or twice, but a change that breaks a constraint breaks it for ever.
MAX_VIOLATIONS = 5

INTEGER_RANGES = {
    'tag': (0, 4095),
    'trunks': (0, 4095),
    'mtu_request': (1, 65535),
    'ofport_request': (1, 65279),
}


def textual(value):
    """Native strings to text, all the way down (Python 2 hands modules bytes)."""
    if isinstance(value, dict):
        return dict((to_text(key), textual(item)) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return [textual(item) for item in value]
    if isinstance(value, bytes):
        return to_text(value)
    return value


def check_map(where, value):
    """Refuse map values that YAML has already changed; null stands for removal of the key."""
    if value is None:
        return
    for key, item in value.items():
        if not key:
            raise OvsdbError('%s: a key is empty' % where)
        if item is None or isinstance(item, type(u'')):
            if item is not None and item.startswith('__omit_place_holder__'):
                raise OvsdbError('%s: omit does not work inside a map (key %s); leave the key out instead' % (where, key))
            if u'\x00' in (item or u'') + key:
                raise OvsdbError('%s: key %s holds a NUL character, which OVSDB cannot store' % (where, key))
            continue
        if isinstance(item, bool):
            raise OvsdbError('%s: the value of %s is a YAML boolean, and how it was written (true, yes, on) is lost; '
                             'put it in quotes, such as "%s"' % (where, key, str(item).lower()))
        kind = 'number %r' % item if isinstance(item, (int, float)) else type(item).__name__
        raise OvsdbError('%s: the value of %s is the YAML %s, and how it was written is lost (0x10 has become 16, 1:30 has become 90); '
                         'put it in quotes' % (where, key, kind))


def check_integer(where, name, value):
    """An integer in the column's range; an empty string clears and is kept."""
    if value is None or value == u'' or value == []:
        return None if value is None else u''
    low, high = INTEGER_RANGES[name]
    try:
        if isinstance(value, (bool, float)):
            raise ValueError()
        number = int(value)
    except (TypeError, ValueError):
        raise OvsdbError('%s: %s must be an integer from %d to %d, or "" to clear it, not %s' % (where, name, low, high, value))
    if not low <= number <= high:
        raise OvsdbError('%s: %s %d is out of range; it must be from %d to %d' % (where, name, number, low, high))
    return number


def check_name(where, name):
    if not name or u'/' in name or name != name.strip():
        raise OvsdbError('%s: "%s" is not a usable name; it must not be empty, hold a slash, or begin or end with blanks' % (where, name))


def check_unique(where, names):
    seen = set()
    for name in names:
        if name in seen:
            raise OvsdbError('%s: %s is given twice' % (where, name))
        seen.add(name)


class Runner:
    """One module run: read, plan, commit with retries, wait for the switch, report."""

    def __init__(self, params, check_mode=False):
        self.check_mode = check_mode
        self.wait = params.get('wait', False)
        self.timeout = params['timeout']
        if self.timeout < 1:
            raise OvsdbError('timeout must be at least 1 second')
        self.deadline = now() + self.timeout
        self.client = Client(textual(params['database']), self.deadline, params.get('private_key'), params.get('certificate'), params.get('ca_cert'))
        self.schema = None
        # The configuration that the switch must have applied; None in check mode, where there is nothing to wait for.
        self.next_cfg = None
        self.committed = False
        self.model = None

    def close(self):
        self.client.close()

    def find(self, columns=None):
        """Read these columns, or those that writing needs; a connection that breaks is made again until the deadline."""
        while True:
            try:
                if self.client.sock is None:
                    self.client.connect(RESTART_GRACE)
                if self.schema is None:
                    self.schema = Schema(self.client.schema(), columns)
                return self.schema.read(self.client)
            except ConnectionLost as exc:
                self._again(exc)

    def read(self):
        found = self.find()
        return Model(self.schema, found)

    def _again(self, exc):
        self.client.close()
        self.schema = None
        if now() + 0.2 > self.deadline:
            raise exc
        time.sleep(0.2)

    def run(self, names, view, apply, check=None):
        """Apply to a fresh model and commit; return the objects that changed as [(name, before, after)].

        The working copy is thrown away and everything decided anew when another writer was faster.
        """
        unsure = conflict = None
        for attempt in range(MAX_ATTEMPTS):
            model = self.read()
            before = [(name, view(model, name)) for name in names]
            apply(model)
            changed = []
            for name, old in before:
                new = view(model, name)
                if old != new:
                    changed.append((name, old, new))
            operations = model.operations()
            if not operations:
                self.model = model
                self.next_cfg = model.root['next_cfg']
                # A commit whose answer was lost has arrived after all.
                self.committed = unsure is not None
                return unsure if self.committed else changed
            if check is not None:
                check(model)
            if self.check_mode:
                self.model = model
                return changed
            try:
                self._commit(model, operations)
                self.model = model
                return changed
            except TransactionError as exc:
                if exc.code not in CONFLICTS or (exc.code != 'timed out' and attempt >= MAX_VIOLATIONS):
                    raise
                conflict = exc
                self.client.remaining()
                time.sleep(random.uniform(0, 0.005 * min(attempt + 1, 20)))
            except ConnectionLost as exc:
                unsure = changed
                self._again(exc)
        raise OvsdbError('other writers kept changing the same objects, %d attempts failed; the last with: %s' % (MAX_ATTEMPTS, conflict))

    def _commit(self, model, operations):
        if model.root.old is None:
            root = [operation for operation in operations if operation['table'] == 'Open_vSwitch']
            if not root:
                raise ProtocolError('the database has bridges or ports, but no row in table Open_vSwitch that they belong to')
            root[0]['row']['next_cfg'] = 1
            self.client.transact(operations)
            self.next_cfg = 1
        else:
            where = [['_uuid', '==', ['uuid', model.root.uuid]]]
            results = self.client.transact(operations + [
                {'op': 'mutate', 'table': 'Open_vSwitch', 'where': where, 'mutations': [['next_cfg', '+=', 1]]},
                {'op': 'select', 'table': 'Open_vSwitch', 'where': where, 'columns': ['next_cfg']},
            ])
            rows = results[len(operations) + 1]['rows']
            if not rows:
                raise OvsdbError('the row of table Open_vSwitch vanished while it was changed')
            self.next_cfg = self.schema.decode('Open_vSwitch', rows[0])['next_cfg']
        self.committed = True

    def select(self, table, columns):
        """Read columns of all rows of a table, again and again over a restarting server."""
        for name in columns:
            self.schema.column(table, name)
        while True:
            try:
                if self.client.sock is None:
                    self.client.connect(RESTART_GRACE)
                rows = self.client.transact([{'op': 'select', 'table': table, 'where': [], 'columns': sorted(columns)}])[0]['rows']
                return [self.schema.decode(table, row) for row in rows]
            except ConnectionLost:
                self.client.close()
                self.client.remaining()
                time.sleep(0.2)

    def until(self, done, columns, seconds=None):
        """Poll the Open_vSwitch row until done(row); False when the deadline, or so many seconds, pass first."""
        deadline = self.deadline if seconds is None else min(self.deadline, now() + seconds)
        pause = 0.002
        while True:
            try:
                rows = self.select('Open_vSwitch', columns)
                if rows and done(rows[0]):
                    return True
            except (TimedOut, ConnectError):
                # The switch is restarting.
                pass
            if deadline - now() <= pause:
                return False
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)

    def interfaces_to_watch(self, ports, changed):
        """The interfaces of these ports that must be free of errors; in check mode those that would not be touched."""
        touched = set(name for name, dummy, dummy2 in changed) if self.check_mode else ()
        names = []
        for name in ports:
            port = self.model.ports.get(name)
            if port is not None and name not in touched:
                names.extend(self.model.rows[uuid]['name'] for uuid in port['interfaces'] if uuid in self.model.rows)
        return names

    def wait_for_result(self, interfaces=()):
        """Wait until ovs-vswitchd has applied what was committed, and fail with what it says of these interfaces.

        A run that changes nothing waits too, for what an earlier one may have given up waiting for.
        """
        if not self.wait:
            return
        wanted = self.next_cfg
        if wanted is not None and self.model.root['cur_cfg'] < wanted and not self.until(lambda row: row['cur_cfg'] >= wanted, ['cur_cfg']):
            raise OvsdbError('the change is in the database, but ovs-vswitchd did not apply it within %d s; is it running? '
                             'For a database without a running switch set wait: false' % self.timeout)
        errors = self.interface_errors(interfaces) if interfaces else {}
        if errors:
            raise OvsdbError('the switch reports errors: %s' % '; '.join('interface %s: %s' % pair for pair in sorted(errors.items())))

    def interface_errors(self, names):
        """What the switch says of these interfaces: {name: error}. What it has not come to yet gets a moment."""
        names = set(names)
        until = min(self.deadline, now() + SETTLE)
        while True:
            rows = self.select('Interface', ['name', 'error', 'ofport'])
            there = set(row['name'] for row in rows)
            errors, settled = {}, True
            for row in rows:
                name, error = row['name'], row['error']
                if name not in names:
                    continue
                peer = NO_PEER.match(error or '')
                if peer and peer.group(1) not in there:
                    # One end of a patch comes before the other.
                    continue
                if peer or (row['ofport'] is None and not error):
                    settled = False
                if error:
                    errors[name] = error
                elif row['ofport'] is None:
                    errors[name] = ('the switch has not made it, and only the log of ovs-vswitchd tells why; '
                                    'a bridge whose datapath_type is not netdev needs the kernel module openvswitch')
                elif row['ofport'] == -1:
                    errors[name] = 'the switch could not add it (ofport -1); see the log of ovs-vswitchd'
            if settled or now() >= until:
                return errors
            time.sleep(0.05)


def report(kind, changed, diff):
    """The part of the result that describes changes; the same in check mode and in the run."""
    changes = []
    for name, before, after in changed:
        action = 'changed' if before and after else 'created' if after else 'removed'
        columns = sorted(key for key in set(before) | set(after) if key != 'name' and before.get(key) != after.get(key))
        changes.append(dict(name=name, action=action, columns=columns if action == 'changed' else []))
    result = dict(changed=bool(changed), changes=changes)
    if diff:
        result['diff'] = [dict(before_header='%s %s' % (kind, name), after_header='%s %s' % (kind, name), before=before, after=after)
                          for name, before, after in changed]
    return result


def write_spec(spec):
    return dict(spec, wait=dict(type='bool', default=True), **CONNECTION_SPEC)


def items_of(params, key, plural, spec):
    """The items of a task that has either the options of one item or a list of them."""
    if params[plural] is not None:
        return params[plural]
    return [dict((name, params[name]) for name in spec)]


def run_module(module, work):
    """Run work(module, runner, params) and end the module with its result, or with the error it met."""
    params = textual(module.params)
    runner = None
    try:
        runner = Runner(params, module.check_mode)
        result = dict(changed=False)
        result.update(work(module, runner, params))
    except OvsdbError as exc:
        module.fail_json(msg=exc.args[0], changed=bool(runner and runner.committed), database=params['database'])
    finally:
        if runner is not None:
            runner.close()
    module.exit_json(**result)
