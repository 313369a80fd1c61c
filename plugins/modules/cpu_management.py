#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: cpu_management
short_description: Divides the CPUs of a host between housekeeping, PMD threads and pods
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Makes a plan of the CPUs from the sets that are given and the topology of the host, and applies it to the kubelet and to irqbalance.
  - The kubelet gets the static CPU manager, with the CPUs of housekeeping and PMD threads in C(reservedSystemCPUs). They are not reserved strictly, since OVS
    runs in a pod. Foreign keys of its configuration file are commented out meanwhile. O(state=absent) restores the file byte by byte.
  - irqbalance keeps interrupts away from PMD threads and their siblings, by a file of its own unit.
  - The configuration of the kubelet and the state of its CPU and memory managers are touched only with O(apply_kubelet=true), which is for a drained node
    whose kubelet is stopped. Otherwise RV(kubelet.reasons) says what is due.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._boot
  - kube_ovn.dpdk._plan
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - Whether the plan is applied, or taken back.
    type: str
    choices: [present, absent]
    default: present
  housekeeping:
    description:
      - CPUs for the operating system, the kubelet, and the threads of OVS that do not poll. Derived where it is empty.
    type: list
    elements: str
    default: []
  pmd:
    description:
      - CPUs of PMD threads. Derived where it is empty.
      - A sibling of one of them that is not in the list stays idle.
    type: list
    elements: str
    default: []
  pods:
    description:
      - CPUs for pods, all others where it is empty. Without O(housekeeping) that gets what these and O(pmd) leave.
    type: list
    elements: str
    default: []
  housekeeping_per_node:
    description:
      - Physical cores of each NUMA node for housekeeping, where they are derived.
    type: int
    default: 1
  pmd_per_node:
    description:
      - Physical cores of each NUMA node for PMD threads, where they are derived.
    type: int
    default: 1
  kubelet:
    description:
      - Whether the kubelet is configured.
    type: bool
    default: true
  kubelet_config:
    description:
      - Configuration file of the kubelet. By default that of the kubelet that runs, else C(/var/lib/kubelet/config.yaml).
    type: path
  topology_manager_policy:
    description:
      - Topology manager policy of the kubelet. Left alone without it.
    type: str
    choices: [none, best-effort, restricted, single-numa-node]
  apply_kubelet:
    description:
      - Whether the configuration file of the kubelet is written, and the state of its managers removed.
    type: bool
    default: false
  irqbalance:
    description:
      - Whether interrupts are kept away from PMD threads.
    type: bool
    default: true
  timeout:
    description:
      - Seconds to wait until the kubelet works with the plan, where RV(kubelet.reasons) says that it does not yet. The module fails when they are over.
      - With V(0) nothing is waited for.
    type: int
    default: 0
  sysroot:
    description:
      - Directory in which the files of the host are found.
    type: path
    default: /
seealso:
  - module: kube_ovn.dpdk.kernel_cmdline
  - module: kube_ovn.dpdk.pmd_affinity
"""

EXAMPLES = r"""
- name: Show how the CPUs would be divided
  kube_ovn.dpdk.cpu_management:
    pmd_per_node: 2
  check_mode: true
  register: cpus

- name: Divide eight CPUs by hand
  kube_ovn.dpdk.cpu_management:
    housekeeping: ["0,4"]
    pmd: ["1,5"]
    pods: ["2-3,6-7"]
    topology_manager_policy: single-numa-node
"""

RETURN = r"""
plan:
  description:
    - The CPUs of C(housekeeping), C(pmd) and C(pods). C(idle) are siblings of PMD threads that nothing may use, C(reserved) those that the kubelet hands out
      to no pod, and C(isolated) those that the kernel keeps clear. Empty with O(state=absent).
  returned: success
  type: dict
  sample: {housekeeping: [0, 4], pmd: [1, 5], idle: [], pods: [2, 3, 6, 7], reserved: [0, 1, 4, 5], isolated: [1, 5]}
kernel_arguments:
  description: Kernel arguments that keep the kernel's own work away from PMD threads.
  returned: success
  type: list
  elements: str
  sample: ["isolcpus=1,5", "nohz_full=1,5", "rcu_nocbs=1,5"]
kubelet:
  description: The kubelet as it was found.
  returned: success
  type: dict
  contains:
    config:
      description: Its configuration file.
      type: str
      sample: /var/lib/kubelet/config.yaml
    reasons:
      description: What has to be changed on a drained node; empty where nothing is.
      type: list
      elements: str
      sample: []
    policy:
      description: The policy that its CPU manager works with; empty where it says nothing.
      type: str
      sample: static
    exclusive:
      description: CPUs that pods have for themselves.
      type: list
      elements: int
      sample: [2]
boot:
  description: With O(boot), what module M(kube_ovn.dpdk.kernel_cmdline) returns in check mode.
  returned: success
  type: dict
files:
  description: Files that were, or in check mode would be, written or removed.
  returned: success
  type: list
  elements: str
  sample: [/etc/systemd/system/irqbalance.service.d/kube-ovn-dpdk.conf]
"""

import errno
import io
import os
import re
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpu_plan, _cpus, _kernel_cmdline, _kubelet
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, Sysroot, make_parents, run_module

UNIT = "irqbalance.service"
DROPIN = "/etc/systemd/system/irqbalance.service.d/kube-ovn-dpdk.conf"
ENVIRONMENT = "/etc/kube-ovn-dpdk/irqbalance"
# The later file wins over that of the distribution.
DROPIN_TEXT = """# Managed by Ansible (kube_ovn.dpdk.cpu_management).
[Service]
EnvironmentFile=%s
""" % ENVIRONMENT
# The list is known from irqbalance 1.8 on, the mask from the beginning (cputree.c, setup_banned_cpus); both say the same.
ENVIRONMENT_TEXT = """# Managed by Ansible (kube_ovn.dpdk.cpu_management): no interrupts on PMD threads.
IRQBALANCE_BANNED_CPULIST=%s
IRQBALANCE_BANNED_CPUS=%s
"""
# What the distributions' units read.
FOREIGN = ("/etc/default/irqbalance", "/etc/sysconfig/irqbalance")
UNITS = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")
# Seconds between two looks at a kubelet that starts.
PAUSE = 5
STATES = ("cpu_manager_state", "memory_manager_state")


def planned(params, sysroot):
    if params["state"] == "absent":
        return {}
    given = {}
    for name in _cpu_plan.SETS:
        try:
            given[name] = _cpus.parse([to_text(part) for part in params[name]])
        except ValueError as error:
            raise HostError("cpu_management_%s: %s" % (name, error))
    for name in ("housekeeping_per_node", "pmd_per_node"):
        if params[name] < 1:
            raise HostError("cpu_management_%s is %d; give 1 or more" % (name, params[name]))
        given[name] = params[name]
    there = _cpu_plan.read_topology(sysroot)
    if not there["online"]:
        raise HostError("/sys/devices/system/cpu/online names no CPU; is sysfs mounted?")
    return _cpu_plan.make_plan(there, **given)


class Kubelet(object):
    """What has to become of the kubelet's files."""

    def __init__(self, params, sysroot, plan):
        self.sysroot = sysroot
        flags = _kubelet.arguments(sysroot) or {}
        self.path = params["kubelet_config"] or flags.get("config") or _kubelet.CONFIG
        self.directory = _kubelet.directory(sysroot)
        self.before = sysroot.read_exact(self.path)
        self.after = self.before
        self.state = _kubelet.state(sysroot.read(self.directory + "/cpu_manager_state"))
        self.reasons = []
        self.missing = self.before is None
        wanted = _kubelet.settings(plan["reserved"], params["topology_manager_policy"]) if plan and params["kubelet"] else {}
        if self.missing:
            if wanted:
                raise HostError(
                    "the kubelet has no configuration file %s; join the host to the cluster first, give the path in cpu_management_kubelet_config, or set "
                    "cpuManagerPolicy and reservedSystemCPUs (%s) where its distribution keeps them, with cpu_management_kubelet: false"
                    % (self.path, wanted["reservedSystemCPUs"])
                )
            return
        if wanted:
            _kubelet.refuse(self.before, self.path)
            problems = _kubelet.objections(_kubelet.original(self.before), flags, wanted, self.path, _kubelet.drop_ins(sysroot, flags))
            unit = _kubelet.foreign_unit(sysroot)
            if unit:
                problems.append(
                    "the kubelet is started by %s, and cpu_management stops and starts %s; set cpuManagerPolicy and reservedSystemCPUs (%s) where its "
                    "distribution keeps them, with cpu_management_kubelet: false" % (unit, _kubelet.UNIT, wanted["reservedSystemCPUs"])
                )
            if problems:
                raise HostError("; ".join(problems))
        self.after = _kubelet.apply(self.before, wanted)
        self.reasons = list(self.due(wanted))

    def due(self, wanted):
        for key in ("cpuManagerPolicy", "reservedSystemCPUs", "topologyManagerPolicy"):
            old, new = _kubelet.value(self.before, key), _kubelet.value(self.after, key)
            if old != new:
                yield "%s of the kubelet is to become %s, and is %s" % (key, new or "that of its default", old or "that of its default")
        policy = _kubelet.value(self.after, "cpuManagerPolicy") or "none"
        if self.before != self.after and _kubelet.value(self.before, "cpuManagerPolicy") == policy:
            return
        if self.before == self.after and wanted and self.state.get("policy") != policy:
            yield "the kubelet has not yet been started with the CPU manager policy %s" % policy

    def texts(self):
        """What is written on a drained node: the file, and None for each state that is removed. The kubelet makes its state anew from the pods."""
        if not self.reasons:
            return {}
        there = [name for name in STATES if self.sysroot.exists("%s/%s" % (self.directory, name))]
        found = dict(("%s/%s" % (self.directory, name), None) for name in there)
        if self.after != self.before:
            found[self.path] = self.after
        return found


def banned_already(sysroot):
    """CPUs that the admin keeps interrupts away from; our file would override them."""
    text = "\n".join(sysroot.read(path, "") for path in FOREIGN)
    found = set()
    for name, parse in (("CPULIST", _cpu_plan.parsed), ("CPUS", lambda mask: _cpus.parse_mask(mask.replace(",", "")))):
        for _quote, value in re.findall(r"""^IRQBALANCE_BANNED_%s=(["']?)([^"'\s]+)\1\s*$""" % name, text, re.M):
            try:
                found.update(parse(value))
            except ValueError as error:
                raise HostError("IRQBALANCE_BANNED_%s of %s: %s" % (name, " or ".join(FOREIGN), error))
    return found


def irqbalance_texts(params, sysroot, plan):
    wanted = plan and params["irqbalance"] and plan["isolated"] and any(sysroot.exists("%s/%s" % (folder, UNIT)) for folder in UNITS)
    texts = {DROPIN: None, ENVIRONMENT: None}
    if wanted:
        cpus = banned_already(sysroot).union(plan["isolated"])
        mask = _cpus.format_mask(cpus)[2:]
        # As the kernel writes masks: commas between 32 bits.
        words = [mask[max(end - 8, 0):end] for end in range(len(mask), 0, -8)]
        texts = {DROPIN: DROPIN_TEXT, ENVIRONMENT: ENVIRONMENT_TEXT % (_cpus.format_list(cpus), ",".join(reversed(words)))}
    return dict((path, text) for path, text in texts.items() if text != sysroot.read_exact(path))


def write(module, sysroot, path, text):
    target = os.path.realpath(sysroot.path(path))
    if text is None:
        os.unlink(target)
        if path in (DROPIN, ENVIRONMENT):
            try:
                os.rmdir(os.path.dirname(target))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
        return
    created = not os.path.exists(target)
    make_parents(target)
    handle, name = tempfile.mkstemp(dir=module.tmpdir)
    with io.open(handle, "wb") as stream:
        stream.write(text.encode("latin-1"))
    module.atomic_move(name, target)
    if created:
        os.chmod(target, 0o644)


def reload_irqbalance(module):
    for command in (["systemctl", "daemon-reload"], ["systemctl", "try-restart", UNIT]):
        rc, dummy, error = module.run_command(command)
        if rc:
            raise HostError("%s: %s" % (" ".join(command), error.strip()))


def awaited(params, sysroot, plan):
    """The kubelet when it works with the plan, or as it is without a timeout. Meanwhile its files may be half written."""
    if not params["timeout"]:
        return Kubelet(params, sysroot, plan)
    end = time.time() + params["timeout"]
    while True:
        try:
            kubelet = Kubelet(params, sysroot, plan)
            problem = "; ".join(kubelet.reasons)
        except HostError as error:
            problem = error.message
        if not problem:
            return kubelet
        if time.time() >= end:
            raise HostError("%s, %d s after it was started. Read why: journalctl -u kubelet" % (problem, params["timeout"]))
        time.sleep(min(PAUSE, params["timeout"]))


def run(module):
    params = module.params
    sysroot = Sysroot(params["sysroot"])
    try:
        plan = planned(params, sysroot)
    except _cpu_plan.PlanError as error:
        raise HostError(to_text(error))
    arguments = _cpu_plan.kernel_arguments(plan) if plan else []
    more = dict(boot=_kernel_cmdline.ask(module, arguments)) if params["boot"] else {}
    kubelet = awaited(params, sysroot, plan)
    interrupts = irqbalance_texts(params, sysroot, plan)
    texts = dict(interrupts, **(kubelet.texts() if params["apply_kubelet"] else {}))
    before = dict((path, sysroot.read_exact(path, "")) for path in texts)
    if not module.check_mode:
        # What goes first: a kubelet starts with a policy and no state of it, and not with the state of another policy.
        for path in sorted(texts, key=lambda path: (texts[path] is not None, path)):
            write(module, sysroot, path, texts[path])
        if interrupts and sysroot.is_real:
            reload_irqbalance(module)
    return dict(
        changed=bool(texts),
        diff=[dict(before_header=path, after_header=path, before=before[path], after=texts[path] or "") for path in sorted(texts)],
        plan=plan,
        kernel_arguments=arguments,
        kubelet=dict(
            config=kubelet.path,
            reasons=kubelet.reasons,
            policy=kubelet.state.get("policy", ""),
            exclusive=kubelet.state.get("exclusive", []),
        ),
        files=sorted(texts),
        **more
    )


def main():
    module = AnsibleModule(
        argument_spec=dict(
            state=dict(type="str", choices=["present", "absent"], default="present"),
            housekeeping=dict(type="list", elements="str", default=[]),
            pmd=dict(type="list", elements="str", default=[]),
            pods=dict(type="list", elements="str", default=[]),
            housekeeping_per_node=dict(type="int", default=1),
            pmd_per_node=dict(type="int", default=1),
            kubelet=dict(type="bool", default=True),
            kubelet_config=dict(type="path"),
            topology_manager_policy=dict(type="str", choices=["none", "best-effort", "restricted", "single-numa-node"]),
            apply_kubelet=dict(type="bool", default=False),
            irqbalance=dict(type="bool", default=True),
            timeout=dict(type="int", default=0),
            boot=_kernel_cmdline.BOOT,
            sysroot=dict(type="path", default="/"),
            plan=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    run_module(module, run)


if __name__ == "__main__":
    main()
