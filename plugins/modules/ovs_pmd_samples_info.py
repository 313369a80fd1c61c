#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: ovs_pmd_samples_info
short_description: Reads what the PMD threads of Open vSwitch count, repeatedly for a given time
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Asks C(ovs-vswitchd) over its control socket for the counters of its PMD threads in a fixed interval, and returns every answer with its time. So the load
    of the threads can be computed for any window in that time.
  - Only reads. Nothing is executed. The process that listens on the socket must be in the pid namespace of the host.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._attributes.info_module
options:
  rundir:
    description: Directory of the control sockets of Open vSwitch.
    type: path
    default: /run/openvswitch
  seconds:
    description: How long to read, from 1 to 600 seconds. The module returns after that time.
    type: int
    default: 10
  interval:
    description: Seconds between two readings, from 0.1 to 60.
    type: float
    default: 0.5
  required:
    description: Whether the module fails when C(ovs-vswitchd) does not answer. If V(false), the reason is returned as C(msg), without RV(samples).
    type: bool
    default: true
notes:
  - Has to run as root.
seealso:
  - module: kube_ovn.dpdk.ovs_datapath_info
"""

EXAMPLES = r"""
- name: Read the PMD threads for half a minute
  kube_ovn.dpdk.ovs_pmd_samples_info:
    seconds: 30
  register: threads
"""

RETURN = r"""
pid:
  description: The process id of C(ovs-vswitchd), as the kernel knows it.
  returned: success
  type: int
  sample: 1185
samples:
  description:
    - The readings in their order. C(time) is in seconds since 1970.
    - C(pmd_stats) has the lines of C(dpif-netdev/pmd-stats-show) that name a thread, its packets, its cycles and its hits in the exact-match cache.
  returned: success
  type: list
  elements: dict
  sample:
    - {time: 1795647311.2, pmd_stats: "pmd thread numa_id 0 core_id 1:\n  packets received: 146304448\n"}
"""

import re
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_native

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._unixctl import Daemon, UnixctlError, now

WANTED = re.compile(r'^(pmd thread |main thread|\s*(packets received|emc hits|idle cycles|processing cycles):)')


def reading(daemon):
    """What the threads have counted so far, at this time."""
    text = daemon.ask('dpif-netdev/pmd-stats-show')
    return {'time': time.time(), 'pmd_stats': '\n'.join(line for line in text.splitlines() if WANTED.match(line)) + '\n'}


def collect(daemon, seconds, interval, sleep=time.sleep):
    """The readings of this many seconds. The n-th is due n intervals after the first, however long an answer takes."""
    began = now()
    samples = []
    while True:
        samples.append(reading(daemon))
        passed = now() - began
        following = (int(passed / interval) + 1) * interval
        if following > seconds:
            sleep(max(seconds - passed, 0))
            return samples
        sleep(following - passed)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            rundir=dict(type='path', default='/run/openvswitch'),
            seconds=dict(type='int', default=10),
            interval=dict(type='float', default=0.5),
            required=dict(type='bool', default=True),
        ),
        supports_check_mode=True,
    )
    for name, lowest, highest in (('seconds', 1, 600), ('interval', 0.1, 60)):
        if not lowest <= module.params[name] <= highest:
            module.fail_json(msg='%s is %s: set it to a number from %s to %s' % (name, module.params[name], lowest, highest))
    daemon = None
    began = now()
    try:
        daemon = Daemon(module.params['rundir'], module.params['seconds'] + 10)
        samples = collect(daemon, module.params['seconds'], module.params['interval'])
    except UnixctlError as error:
        # The caller relies on the time: what is measured meanwhile goes on without the readings.
        time.sleep(max(module.params['seconds'] - (now() - began), 0))
        if module.params['required']:
            module.fail_json(msg=to_native(error))
        module.exit_json(changed=False, msg=to_native(error))
    finally:
        if daemon is not None:
            daemon.close()
    module.exit_json(changed=False, pid=daemon.pid, samples=samples)


if __name__ == '__main__':
    main()
