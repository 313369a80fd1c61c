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
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Makes a plan of the CPUs from the sets that are given and the topology of the host, and applies it to the kubelet, to irqbalance, and with O(boot) to the
    kernel.
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
      - Configuration file of the kubelet. By default the one that the running kubelet was started with.
      - The kubelet is a process of root in the namespaces of the host. One in a container, or one that only calls itself so, does not count.
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
  request:
    description:
      - What an earlier call returned as RV(request) while the kubelet ran, in place of the options that it has. A stopped kubelet does not say where its files
        are, so O(apply_kubelet=true) needs this then.
      - The module fails where the CPUs of the host give another plan now, as those of a boot with C(nosmt) do.
    type: dict
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
    arguments:
      description: Its arguments, as far as they decide about its files and about what is set in them.
      type: dict
      sample: {config: /var/lib/kubelet/config.yaml}
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
request:
  description: What the module was asked for and has found, for O(request) of a later call on a drained node or after a boot.
  returned: success
  type: dict
  contains:
    settings:
      description: The options that describe the division.
      type: dict
      sample: {state: present, pmd_per_node: 2}
    plan:
      description: As RV(plan).
      type: dict
      sample: {}
    kubelet_arguments:
      description: As RV(kubelet.arguments).
      type: dict
      sample: {config: /var/lib/kubelet/config.yaml}
boot:
  description: With O(boot), what module M(kube_ovn.dpdk.kernel_cmdline) returns.
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
import json
import os
import re
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_text
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpu_plan, _cpus, _kernel_cmdline, _kubelet
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, Sysroot, make_parents, run_module, running_arguments
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._kernel_arguments import for_kernel

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
# Notes of runs, which say what one that was cut or failed has left to do. They do not survive a boot, after which there is nothing left of it.
NOTE = "/run/kube-ovn-dpdk-kubelet.json"
IRQBALANCE_NOTE = "/run/kube-ovn-dpdk-irqbalance.json"
STATES = ("cpu_manager_state", "memory_manager_state")
# The options that a later call takes from what this one returns.
SETTINGS = _cpu_plan.SETS + (
    "state", "housekeeping_per_node", "pmd_per_node", "kubelet", "kubelet_config", "topology_manager_policy", "irqbalance",
)


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
        requested = (params["request"] or {}).get("kubelet_arguments")
        noted = read_note(sysroot, NOTE)
        flags = _kubelet.arguments(sysroot)
        self.running = flags is not None
        # A stopped kubelet does not say where its files are.
        known = flags
        for earlier in (requested, noted):
            known = earlier if known is None else known
        self.flags = dict((name, known[name]) for name in _kubelet.RELEVANT if name in known) if known is not None else {}
        self.path = params["kubelet_config"] or self.flags.get("config") or _kubelet.CONFIG
        self.before = _kubelet.content(sysroot, self.path)
        self.after = self.before
        self.missing = self.before is None
        if known is None and _kubelet.BEGIN in (self.before or ""):
            # The block proves which file it is.
            self.flags = known = {"config": self.path}
        self.directory = _kubelet.directory(self.flags)
        self.state = _kubelet.state(_kubelet.state_text(sysroot, self.flags, STATES[0]))
        self.reasons = []
        wanted = _kubelet.settings(plan["reserved"], params["topology_manager_policy"]) if plan and params["kubelet"] else {}
        if wanted:
            self.check(params, wanted, known)
        elif self.missing:
            return
        self.after = _kubelet.apply(self.before, wanted)
        self.reasons = list(self.due(wanted))
        if noted is not None and not self.running:
            self.reasons.append("the kubelet was stopped to be configured, and has not been started since")
        if self.reasons and params["apply_kubelet"] and not self.running and requested is None and noted is None:
            raise HostError(
                "the kubelet is stopped, so where its files are is not known; give request, which the module returned while it ran"
            )

    def check(self, params, wanted, known):
        """Raise HostError for a kubelet that cannot be configured, or would not start with these settings."""
        elsewhere = "set cpuManagerPolicy and reservedSystemCPUs (%s) where its distribution keeps them, with cpu_management_kubelet: false" % (
            wanted["reservedSystemCPUs"]
        )
        if known is None:
            raise HostError(
                "no kubelet runs on this host, so its configuration file is not known; join the host to the cluster first, start the kubelet if it is stopped "
                "(journalctl -u kubelet), or %s" % elsewhere
            )
        if self.missing and (params["kubelet_config"] or "config" in self.flags):
            raise HostError(
                "the kubelet has no configuration file %s; join the host to the cluster first, give the path in cpu_management_kubelet_config, or %s"
                % (self.path, elsewhere)
            )
        problems = []
        if "config" not in self.flags:
            problems.append("the kubelet runs without --config, so it reads no configuration file; start it with one, or %s" % elsewhere)
        elif os.path.realpath(self.sysroot.path(self.flags["config"])) != os.path.realpath(self.sysroot.path(self.path)):
            problems.append(
                "the kubelet reads %s, and cpu_management_kubelet_config is %s; leave cpu_management_kubelet_config empty" % (self.flags["config"], self.path)
            )
        else:
            _kubelet.refuse(self.before, self.path)
        text = _kubelet.original(self.before or "")
        more = _kubelet.drop_ins(self.sysroot, self.flags)
        problems += _kubelet.objections(text, self.flags, wanted, self.path, more)
        nodes = len(self.sysroot.glob("/sys/devices/system/node/node[0-9]*"))
        allowed = _kubelet.allowed_numa_nodes([text] + [drop_in for _path, drop_in in more], self.flags)
        numa = _kubelet.numa_problem(nodes, allowed, params["topology_manager_policy"])
        if numa:
            problems.append("%s; %s" % numa)
        unit = _kubelet.foreign_unit(self.sysroot)
        if unit:
            problems.append("the kubelet is started by %s, and cpu_management stops and starts %s; %s" % (unit, _kubelet.UNIT, elsewhere))
        if problems:
            raise HostError("; ".join(problems))

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

    def note(self, module, applied):
        """Keep a note until the next boot while the kubelet is, or may be, stopped for a change: it is all that says so to a run after one that was cut."""
        if self.reasons and not (applied and self.running):
            if read_note(self.sysroot, NOTE) != self.flags:
                write(module, self.sysroot, NOTE, json.dumps(self.flags, sort_keys=True), 0o600)
        elif self.sysroot.exists(NOTE):
            write(module, self.sysroot, NOTE, None)

    def texts(self):
        """What is written on a drained node: the file, and None for each state that is removed. The kubelet creates its state again from the pods."""
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


def read_note(sysroot, path):
    """The object of a note in /run; None without one."""
    try:
        found = json.loads(_kubelet.content(sysroot, path, follow=False) or "null")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def write(module, sysroot, path, text, mode=0o644):
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
        os.chmod(target, mode)


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


def check_next_boot(sysroot, command_line):
    """Raise HostError where the next boot has other CPUs than the ones that the plan is made of. The command line is empty where it is not known."""
    words = _cpu_plan.changed_cpus(for_kernel(command_line), running_arguments(sysroot)) if command_line else []
    if words:
        raise HostError(
            "%s of the kernel's command line changes by the next boot, which will have other CPUs than these; reboot the host first, then run again"
            % " ".join(words)
        )


def of_this_host(requested, plan, sysroot):
    """Raise HostError where the host makes another plan than the one that was requested, with other kernel arguments and other CPUs of the kubelet."""
    before = _cpus.format_list(set(cpu for name in ("housekeeping", "pmd", "idle", "pods") for cpu in requested.get(name, [])))
    online = sysroot.read("/sys/devices/system/cpu/online", "").strip()
    if plan == requested or (plan is None and before == online):
        return
    raise HostError(
        "the plan was made for CPUs %s, and this host now has CPUs %s online%s. Read what changed them (nosmt, maxcpus and the like in /proc/cmdline, the "
        "firmware's settings, CPUs that were taken offline), and run cpu_management again"
        % (before, online, "" if before != online else ", which are on other cores or NUMA nodes")
    )


def run(module):
    request = module.params["request"] or {}
    params = dict(module.params, **request.get("settings", {}))
    sysroot = Sysroot(params["sysroot"])
    requested = request.get("plan") if params["state"] == "present" else None
    try:
        plan = planned(params, sysroot)
    except _cpu_plan.PlanError as error:
        if requested:
            of_this_host(requested, None, sysroot)
        raise HostError(to_text(error))
    if requested:
        of_this_host(requested, plan, sysroot)
    arguments = _cpu_plan.kernel_arguments(plan) if plan else []
    boot = _kernel_cmdline.ask(module, arguments) if params["boot"] else None
    if plan and boot and not params["boot"]["booted"]:
        check_next_boot(sysroot, boot["command_line"])
    kubelet = awaited(params, sysroot, plan)
    interrupts = irqbalance_texts(params, sysroot, plan)
    # The files of an earlier run are there, and irqbalance was not restarted with them.
    restart = bool(interrupts) or sysroot.exists(IRQBALANCE_NOTE)
    texts = dict(interrupts, **(kubelet.texts() if params["apply_kubelet"] else {}))
    before = dict((path, _kubelet.content(sysroot, path) or "") for path in texts)
    if not module.check_mode:
        if restart:
            write(module, sysroot, IRQBALANCE_NOTE, "{}", 0o600)
        kubelet.note(module, params["apply_kubelet"])
        # What goes first: a kubelet starts with a policy and no state of it, and not with the state of another policy.
        for path in sorted(texts, key=lambda path: (texts[path] is not None, path)):
            write(module, sysroot, path, texts[path])
        if restart and sysroot.is_real:
            reload_irqbalance(module)
        if restart:
            write(module, sysroot, IRQBALANCE_NOTE, None)
    diff = [dict(before_header=path, after_header=path, before=before[path], after=texts[path] or "") for path in sorted(texts)]
    more = {}
    if boot:
        more["boot"] = boot = _kernel_cmdline.apply(module, arguments, boot)
        diff += [boot["diff"]] if boot["changed"] else []
    return dict(
        changed=bool(texts) or restart or bool(boot and boot["changed"]),
        diff=diff,
        plan=plan,
        kernel_arguments=arguments,
        kubelet=dict(
            config=kubelet.path,
            arguments=kubelet.flags,
            reasons=kubelet.reasons,
            policy=kubelet.state.get("policy", ""),
            exclusive=kubelet.state.get("exclusive", []),
        ),
        request=dict(settings=dict((name, params[name]) for name in SETTINGS), plan=plan, kubelet_arguments=kubelet.flags),
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
            request=dict(type="dict"),
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
