# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""The run of the ovs_* modules: read, decide, commit, wait for the switch, report."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import random
import re
import sys
import time

from ansible.module_utils.basic import AnsibleModule

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
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_options import check_text, shown_text, textual
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_secrets import hidden

CONNECTION_SPEC = dict(
    database=dict(type='str', default='unix:/run/openvswitch/db.sock'),
    timeout=dict(type='int', default=30),
    private_key=dict(type='path'),
    certificate=dict(type='path'),
    ca_cert=dict(type='path'),
)

# Before the first connection: while ovsdb-server restarts, its socket is missing or refuses for a moment.
RESTART_GRACE = 3.0
MAX_TIMEOUT = 1000000
# Errors of a transaction that another writer was faster than: a failed guard, or a name that exists meanwhile.
CONFLICTS = ('timed out', 'constraint violation', 'referential integrity violation')
# Seconds that ovs-vswitchd may take to get to an interface that was put into the database without waiting.
SETTLE = 2.0
# What it says of a patch port without the other end, as soon as it gets to it.
NO_PEER = re.compile("No usable peer '(.*)' exists in ")
MAX_ATTEMPTS = 50
# A name is taken by another writer once or twice, but a change that breaks a constraint breaks it for ever.
MAX_VIOLATIONS = 5


class Runner:
    """One module run: read, plan, commit with retries, wait for the switch, report."""

    def __init__(self, params, check_mode=False):
        check_text(u'', params)
        self.check_mode = check_mode
        self.wait = params.get('wait', False)
        self.timeout = params['timeout']
        if not 1 <= self.timeout <= MAX_TIMEOUT:
            raise OvsdbError('timeout must be from 1 to %d seconds' % MAX_TIMEOUT)
        self.deadline = now() + self.timeout
        self.client = Client(textual(params['database']), self.deadline, params.get('private_key'), params.get('certificate'), params.get('ca_cert'))
        self.schema = None
        # The configuration that the switch must have applied; None in check mode, where there is nothing to wait for.
        self.next_cfg = None
        self.committed = False
        # A transaction was sent and its answer was lost, so that it is not known whether it was made.
        self.unsure = False
        self.model = None

    def close(self):
        self.client.close()

    def find(self, columns=None):
        """Read these columns, or those that writing needs; a connection that breaks is made again until the deadline."""
        while True:
            try:
                if self.client.sock is None:
                    self.client.connect(RESTART_GRACE)
                    # Another release may have been installed meanwhile.
                    self.schema = Schema(self.client.schema(), columns)
                return self.schema.read(self.client)
            except ConnectionLost as exc:
                self._again(exc)

    def read(self):
        found = self.find()
        return Model(self.schema, found)

    def _again(self, exc):
        """Make the next attempt begin with a new connection, or raise when there is no time for one."""
        self.client.close()
        if now() + 0.2 > self.deadline:
            raise exc
        time.sleep(0.2)

    def run(self, names, view, apply, check=None):
        """Apply to a fresh model and commit; return the objects that changed as [(name, before, after)].

        names: the objects to compare, or a function of the model that returns them. When another writer was faster, the working copy is
        thrown away and everything is decided again. Of a transaction whose answer was lost, what it may have changed is reported too.
        """
        conflict = None
        # What was there before a transaction whose answer was lost.
        lost = {}
        for attempt in range(MAX_ATTEMPTS):
            model = self.read()
            before = [(name, view(model, name)) for name in (names(model) if callable(names) else names)]
            known = set(name for name, dummy in before)
            before.extend((name, view(model, name)) for name in sorted(lost) if name not in known)
            apply(model)
            changed = []
            for name, seen in before:
                old, new = lost.get(name, seen), view(model, name)
                if old != new:
                    changed.append((name, old, new))
            operations = model.operations()
            if operations and check is not None:
                check(model)
            self.model = model
            if not operations:
                self.next_cfg = model.root['next_cfg']
                return changed
            if self.check_mode:
                return changed
            try:
                self._commit(model, operations)
                return changed
            except TransactionError as exc:
                if exc.code not in CONFLICTS or (exc.code != 'timed out' and attempt >= MAX_VIOLATIONS):
                    raise
                conflict = exc
                self.client.remaining()
                time.sleep(random.uniform(0, 0.005 * min(attempt + 1, 20)))
            except ConnectionLost as exc:
                for name, old, _new in changed:
                    lost.setdefault(name, old)
                self._again(exc)
        raise OvsdbError('other writers kept changing the same objects, %d attempts failed; the last with: %s' % (MAX_ATTEMPTS, conflict))

    def _commit(self, model, operations):
        if model.root.old is None:
            root = [operation for operation in operations if operation['table'] == 'Open_vSwitch']
            if not root:
                raise ProtocolError('the database has bridges or ports, but no row in table Open_vSwitch that they belong to')
            root[0]['row']['next_cfg'] = 1
            self._write(operations)
            self.next_cfg = 1
        else:
            self.next_cfg = self._raise_next_cfg(operations)

    def _raise_next_cfg(self, operations):
        """Run operations and ask the switch for a new configuration; return its number, which cur_cfg reaches once it is applied."""
        # The table never has more than one row.
        results = self._write(operations + [
            {'op': 'mutate', 'table': 'Open_vSwitch', 'where': [], 'mutations': [['next_cfg', '+=', 1]]},
            {'op': 'select', 'table': 'Open_vSwitch', 'where': [], 'columns': ['next_cfg']},
        ], bool(operations))
        rows = results[len(operations) + 1]['rows']
        if not rows:
            raise OvsdbError('the row of table Open_vSwitch vanished while it was changed')
        return self.schema.decode('Open_vSwitch', rows[0])['next_cfg']

    def _write(self, operations, counts=True):
        """Run a transaction that writes. counts: whether it makes the task a changed one."""
        before, self.unsure = self.unsure, self.unsure or counts
        try:
            results = self.client.transact(operations)
        except TransactionError:
            # Refused as a whole.
            self.unsure = before
            raise
        self.unsure = before
        self.committed = self.committed or counts
        return results

    def ask_switch(self):
        """Make ovs-vswitchd prove that it runs: return the number of a configuration that cur_cfg reaches only if it does.

        The database outlives the switch, so that nothing else in it says so. The number counts as no change.
        """
        while True:
            try:
                if self.client.sock is None:
                    self.client.connect(RESTART_GRACE)
                return self._raise_next_cfg([])
            except ConnectionLost as exc:
                self._again(exc)

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
            except ConnectionLost as exc:
                self._again(exc)

    def select_once(self, table, columns):
        """The rows as they can be read now, also after the deadline; None when the server does not answer."""
        try:
            self.client.deadline = max(self.deadline, now() + 1)
            return self.select(table, columns)
        except (TimedOut, ConnectError, ConnectionLost):
            return None

    def until(self, done, columns, seconds=None):
        """Poll the Open_vSwitch row until done(row); False when the deadline, or so many seconds, pass first."""
        deadline = self.deadline if seconds is None else min(self.deadline, now() + seconds)
        pause = 0.002
        while True:
            try:
                rows = self.select('Open_vSwitch', columns)
                if rows and done(rows[0]):
                    return True
            except (TimedOut, ConnectError, ConnectionLost):
                # The server is restarting.
                pass
            if deadline - now() <= pause:
                return False
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)

    def interfaces_to_watch(self, ports, changed):
        """The interfaces of these ports that must be free of errors; in check mode those that would not be touched.

        changed: the names of the objects that change.
        """
        touched = set(changed) if self.check_mode else ()
        names = []
        for name in ports:
            port = self.model.ports.get(name)
            if port is not None and name not in touched:
                names.extend(interface['name'] for interface in self.model.members(port))
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
                    errors[name] = ('the switch has not made it, and only the log of ovs-vswitchd shows why; '
                                    'a bridge whose datapath_type is not netdev needs the kernel module openvswitch')
                elif row['ofport'] == -1:
                    errors[name] = 'the switch could not add it (ofport -1); see the log of ovs-vswitchd'
            if settled or now() >= until:
                return errors
            time.sleep(0.05)


def names_of(changed):
    return [name for name, dummy, dummy2 in changed]


def report(kind, changed, diff):
    """The part of the result that describes changes; the same in check mode and in the run.

    kind: what the objects are, or None when their names are pairs of kind and name.
    """
    changes, diffs = [], []
    for key, before, after in changed:
        what, name = (kind, key) if kind else key
        told = dict(name=name) if kind else dict(kind=what, name=name)
        action = 'changed' if before and after else 'created' if after else 'removed'
        columns = sorted(key for key in set(before) | set(after) if key != 'name' and before.get(key) != after.get(key))
        changes.append(dict(told, action=action, columns=columns if action == 'changed' else []))
        header = '%s %s' % (what, name)
        diffs.append(dict(before_header=header, after_header=header, before=hidden(before), after=hidden(after, before)))
    result = dict(changed=bool(changed), changes=changes)
    if diff:
        result['diff'] = diffs
    return result


def write_spec(spec):
    return dict(spec, wait=dict(type='bool', default=True), **CONNECTION_SPEC)


class Module(AnsibleModule):
    """Shows its options without secrets, in its result and in the log of the host. no_log would hide short values such as a 2 everywhere."""

    def _log_invocation(self):
        params = self.params
        self.params = hidden(params)
        try:
            super(Module, self)._log_invocation()
        finally:
            self.params = params

    def exit_json(self, **result):
        super(Module, self).exit_json(**self._with_invocation(result))

    def fail_json(self, msg=None, **result):
        super(Module, self).fail_json(msg=msg, **self._with_invocation(result))

    def _with_invocation(self, result):
        return dict(dict(invocation=dict(module_args=hidden(self.params))), **result)


def create_module(**options):
    """A Module, which fails on text that its log cannot take before anything here can check it."""
    try:
        return Module(supports_check_mode=True, **options)
    except (TypeError, ValueError) as exc:
        # There is no module yet whose fail_json() could print this.
        sys.stdout.write(json.dumps(dict(failed=True, changed=False, msg='the options hold text which OVSDB cannot store: %s' % exc)))
        raise SystemExit(1)


def run_module(module, work):
    """Run work(module, runner, params) and end the module with its result, or with the error it met."""
    params = textual(module.params)
    runner = None
    try:
        runner = Runner(params, module.check_mode)
        result = work(module, runner, params)
        # Also where an attempt was lost and others then made the change, or undid it.
        result['changed'] = bool(result.get('changed') or runner.committed or runner.unsure)
    except OvsdbError as exc:
        message = exc.args[0]
        if runner is not None and runner.unsure and not runner.committed:
            message += '; the change was sent and its answer was lost, so it may have been applied'
        if params.get('required') is False:
            module.exit_json(msg=message, changed=False, database=shown_text(params['database']))
        module.fail_json(msg=message, changed=bool(runner and (runner.committed or runner.unsure)), database=shown_text(params['database']))
    finally:
        if runner is not None:
            runner.close()
    module.exit_json(**result)
