#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: pmd_affinity
short_description: Puts PMD threads back on their cores
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Open vSwitch pins a PMD thread to its core once, when it starts the thread. The CPU manager of the kubelet writes the cpuset of OVS whenever a pod with
    CPUs of its own comes or goes. Linux before 6.2 then lets every thread run on all CPUs of the cpuset, and any Linux does if the core is not among them.
  - Finds such threads, and pins each to the core in its name again, by C(sched_setaffinity(2)). Packets pass meanwhile.
  - Fails where the cpuset lacks the core. The kubelet has given it to a pod then.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  rundir:
    description: Directory of the control sockets of Open vSwitch.
    type: path
    default: /run/openvswitch
  restore:
    description:
      - Whether the threads are pinned again. Otherwise the module fails when it finds one.
    type: bool
    default: true
  timeout:
    description: Seconds after which the module gives up.
    type: int
    default: 10
notes:
  - Has to run as root on the host of C(ovs-vswitchd).
seealso:
  - module: kube_ovn.dpdk.cpu_management
  - module: kube_ovn.dpdk.ovs_datapath_info
"""

EXAMPLES = r"""
- name: Fail when PMD threads have lost their cores
  kube_ovn.dpdk.pmd_affinity:
    restore: false

- name: Put PMD threads back on their cores
  kube_ovn.dpdk.pmd_affinity:
"""

RETURN = r"""
threads:
  description: The PMD threads as they were found, each with its C(core) and the C(cpus) that it was allowed to run on.
  returned: success
  type: list
  elements: dict
  sample:
    - {name: pmd-c01/id:8, tid: 1201, core: 1, cpus: 0-3}
restored:
  description: Names of those that were, or in check mode would be, pinned again.
  returned: success
  type: list
  elements: str
  sample: [pmd-c01/id:8]
"""

import ctypes
import errno
import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_native
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._unixctl import Daemon, UnixctlError, threads

# Looks at threads that end while they are put back.
ATTEMPTS = 3
BITS = 8 * ctypes.sizeof(ctypes.c_ulong)


def pinned(found):
    """Threads with the core that their name has, such as pmd-c01/id:8. Names before Open vSwitch 2.13 have none."""
    for thread in found:
        match = re.match(r"pmd-c([0-9]+)/id", thread["name"])
        if match and thread["cpus"]:
            yield dict(thread, core=int(match.group(1)))


def pin(tid, core):
    """sched_setaffinity(2), which the module os of Python 2.7 lacks."""
    mask = (ctypes.c_ulong * (core // BITS + 1))()
    mask[core // BITS] = 1 << core % BITS
    library = ctypes.CDLL(None, use_errno=True)
    if library.sched_setaffinity(tid, ctypes.sizeof(mask), ctypes.byref(mask)):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def lost_of(found):
    return [thread for thread in found if _cpus.parse(thread["cpus"], duplicates=True) != [thread["core"]]]


def restore(pid, lost):
    """Pin the threads. OVS ends some and starts others meanwhile, so those that are lost by then get their core too. Returns the names of all."""
    names = []
    for _attempt in range(ATTEMPTS):
        ended = False
        for thread in lost:
            try:
                pin(thread["tid"], thread["core"])
                names.append(thread["name"])
            except OSError as error:
                if error.errno != errno.ESRCH:
                    raise PinError(thread, error)
                ended = True
        if not ended:
            break
        lost = lost_of(pinned(threads(pid)))
    return names


class PinError(Exception):
    """Why a thread cannot be put back; the argument is a text for the user."""

    def __init__(self, thread, error):
        why = ""
        if error.errno == errno.EINVAL:
            why = (
                ", which the cpuset of its container no longer has: the kubelet has given it to a pod. Add it to reservedSystemCPUs "
                "(role kube_ovn.dpdk.cpu_management), and delete the pod that has it."
            )
        elif error.errno == errno.EPERM:
            why = ". That takes root: run the module with become: true."
        super(PinError, self).__init__("%s cannot be put back on CPU %d (%s)%s" % (thread["name"], thread["core"], error.strerror, why))


def main():
    module = AnsibleModule(
        argument_spec=dict(
            rundir=dict(type="path", default="/run/openvswitch"),
            restore=dict(type="bool", default=True),
            timeout=dict(type="int", default=10),
        ),
        supports_check_mode=True,
    )
    daemon = None
    try:
        daemon = Daemon(module.params["rundir"], module.params["timeout"])
        found = list(pinned(threads(daemon.pid)))
    except UnixctlError as error:
        module.fail_json(msg=to_native(error))
    finally:
        if daemon is not None:
            daemon.close()
    lost = lost_of(found)
    names = [thread["name"] for thread in lost]
    if lost and not module.params["restore"]:
        module.fail_json(
            msg="%s may run on other CPUs than their own, since the CPU manager of the kubelet has written the cpuset of OVS. Put them back while packets "
            "pass: cpu_management_restore_affinity=true, or module pmd_affinity" % ", ".join("%s (%s)" % (thread["name"], thread["cpus"]) for thread in lost),
            threads=found,
        )
    if lost and not module.check_mode:
        try:
            names = restore(daemon.pid, lost)
        except PinError as error:
            module.fail_json(msg=to_native(error))
    shown = [thread for thread in lost if thread["name"] in names]
    module.exit_json(
        changed=bool(names),
        threads=found,
        restored=names,
        diff=dict(
            before="".join("%s on %s\n" % (thread["name"], thread["cpus"]) for thread in shown),
            after="".join("%s on %d\n" % (thread["name"], thread["core"]) for thread in shown),
        ),
    )


if __name__ == "__main__":
    main()
