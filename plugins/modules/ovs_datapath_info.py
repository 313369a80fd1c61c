#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: ovs_datapath_info
short_description: Reads what the running Open vSwitch counts
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Asks C(ovs-vswitchd) over its control socket for the counters of ports, PMD threads and flows, and reads the state of its process.
  - Asks for a fixed list of things that only read. Nothing is executed, and no pid file is trusted. The process that listens on the
    socket must be in the pid namespace of the host.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._attributes.info_module
options:
  rundir:
    description: Directory of the control sockets of Open vSwitch.
    type: path
    default: /run/openvswitch
  macs:
    description: Ethernet addresses whose flows in the datapath are returned, from them and to them. None without any.
    type: list
    elements: str
    default: []
  database:
    description:
      - The database of the switch, as O(kube_ovn.dpdk.ovs_info#module:database) has it, here without TLS. What that module returns is RV(switch) then, so that
        both are read in one call, and RV(fdb) of its bridges.
    type: str
  required:
    description: Whether the module fails when C(ovs-vswitchd) does not answer. If V(false), the reason is returned as C(msg), and everything else is left out
      but RV(switch) and RV(errors).
    type: bool
    default: true
  log:
    description: The log of C(ovs-vswitchd), whose end is returned. A link is not followed.
    type: path
  timeout:
    description:
      - Seconds after which the module gives up, everything included. A database that does not answer takes at most half of them.
      - What is still unread then is named in RV(errors), and not asked for.
    type: int
    default: 10
notes:
  - Has to run as root.
seealso:
  - module: kube_ovn.dpdk.ovs_info
"""

EXAMPLES = r"""
- name: Read the counters of the datapath
  kube_ovn.dpdk.ovs_datapath_info:
    macs: ["02:00:00:00:00:01"]
  register: datapath

- name: Show the load of the PMD threads
  ansible.builtin.debug:
    msg: "{{ datapath.pmd_stats }}"
"""

RETURN = r"""
pid:
  description: The process id of C(ovs-vswitchd), as the kernel knows it.
  returned: success
  type: int
  sample: 1185
started:
  description: When the process began, in seconds since 1970.
  returned: success
  type: float
  sample: 1795647311.2
version:
  description: What the daemon calls itself.
  returned: success
  type: str
  sample: ovs-vswitchd (Open vSwitch) 3.5.4
ports:
  description: The text of C(dpctl/show -s), which has the numbers and counters of the datapath's ports.
  returned: success, null where it could not be read
  type: str
pmd_stats:
  description: The text of C(dpif-netdev/pmd-stats-show), null from Open vSwitch 4.0 on.
  returned: success
  type: str
pmd_perf:
  description: The text of C(dpif-netdev/pmd-perf-show), null before Open vSwitch 2.10.
  returned: success
  type: str
pmd_rxq:
  description: The text of C(dpif-netdev/pmd-rxq-show).
  returned: success
  type: str
flows:
  description: The texts of C(dpctl/dump-flows) by source address, as O(macs) names them.
  returned: success
  type: dict
  sample: {"02:00:00:00:00:01": ""}
flows_to:
  description: The same by destination address.
  returned: success
  type: dict
  sample: {"02:00:00:00:00:01": ""}
fdb:
  description: The texts of C(fdb/stats-show) by bridge, which say how often an address moved to another port. Empty without O(database).
  returned: success
  type: dict
  sample: {br0: ""}
threads:
  description: The PMD threads, each with the CPUs that the kernel lets it run on.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: pmd-c01/id:8, tid: 1201, cpus: "1"}
cpu:
  description: C(cpu.stat) of the process' cgroup.
  returned: success
  type: dict
  sample: {nr_periods: 0, nr_throttled: 0}
log:
  description: The end of the log, at most 256 KiB. Empty where it cannot be read.
  returned: success
  type: str
switch:
  description: What M(kube_ovn.dpdk.ovs_info) returns. Null without O(database), and where the database could not be read.
  returned: success
  type: dict
errors:
  description: Why something could not be read, by the name of the value above that is null.
  returned: success
  type: dict
  sample: {}
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_native

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_info import COLUMNS, describe
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_module import Runner
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_options import textual
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._unixctl import Daemon, UnixctlError, cpu_limit, now, started, tail, threads

QUESTIONS = (
    ('ports', ('dpctl/show', '-s')),
    ('pmd_stats', ('dpif-netdev/pmd-stats-show',)),
    ('pmd_perf', ('dpif-netdev/pmd-perf-show',)),
    ('pmd_rxq', ('dpif-netdev/pmd-rxq-show',)),
    ('version', ('version',)),
)
MAC = re.compile(r'^[0-9a-f]{2}(:[0-9a-f]{2}){5}$')


def collect(daemon, macs, bridges=()):
    """Everything that the daemon answers; a question that it refuses is an error of its own and ends nothing."""
    found = {'errors': {}, 'flows': {}, 'flows_to': {}, 'fdb': {}}

    def ask(name, key, question):
        try:
            found[name][key] = daemon.ask(*question)
        except UnixctlError as error:
            found['errors'][name] = to_native(error)

    for name, question in QUESTIONS:
        try:
            found[name] = daemon.ask(*question)
        except UnixctlError as error:
            found[name] = None
            found['errors'][name] = to_native(error)
    for mac in macs:
        for name, side in (('flows', 'dl_src'), ('flows_to', 'dl_dst')):
            ask(name, mac, ('dpctl/dump-flows', '-m', '--names', 'filter=%s=%s' % (side, mac)))
    for bridge in bridges:
        ask('fdb', bridge, ('fdb/stats-show', bridge))
    return found


def read_switch(database, timeout):
    """What the database has, as module ovs_info returns it, and why it could not be read: one of the two is None.

    It has half of the time, so that the daemon is asked in any case.
    """
    if not database:
        return None, None
    runner = None
    try:
        runner = Runner(textual(dict(database=database, timeout=timeout)))
        runner.deadline = runner.client.deadline = now() + timeout / 2.0
        return describe(runner.find(COLUMNS), runner.schema.version), None
    except OvsdbError as error:
        return None, to_native(error)
    finally:
        if runner is not None:
            runner.close()


def main():
    module = AnsibleModule(
        argument_spec=dict(
            rundir=dict(type='path', default='/run/openvswitch'),
            macs=dict(type='list', elements='str', default=[]),
            database=dict(type='str'),
            required=dict(type='bool', default=True),
            log=dict(type='path'),
            timeout=dict(type='int', default=10),
        ),
        supports_check_mode=True,
    )
    macs = [mac.lower() for mac in module.params['macs']]
    for mac in macs:
        if not MAC.match(mac):
            module.fail_json(msg='macs: %s is not an Ethernet address' % mac)
    deadline = now() + module.params['timeout']
    switch, problem = read_switch(module.params['database'], module.params['timeout'])
    errors = {} if problem is None else {'switch': problem}
    daemon = None
    try:
        daemon = Daemon(module.params['rundir'], deadline - now())
        found = collect(daemon, macs, sorted((switch or {}).get('bridges') or ()))
    except UnixctlError as error:
        if module.params['required']:
            module.fail_json(msg=to_native(error))
        module.exit_json(changed=False, msg=to_native(error), switch=switch, errors=errors)
    finally:
        if daemon is not None:
            daemon.close()
    found['errors'].update(errors)
    pid = daemon.pid
    log = tail(module.params['log']) if module.params['log'] else ''
    module.exit_json(changed=False, pid=pid, log=log, started=started(pid), cpu=cpu_limit(pid), threads=threads(pid), switch=switch, **found)


if __name__ == '__main__':
    main()
