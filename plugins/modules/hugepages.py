#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: hugepages
short_description: Reserves hugepages, now and at boot, by size and NUMA node
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Sets the number of reserved hugepages of a running Linux kernel, of any size and for each NUMA node.
  - It reads back what the kernel really gave. Pages that were not available at once are requested again after the page cache
    was dropped and memory compacted, up to O(attempts) times.
  - All checks are made before anything is changed.
  - What is set at run time is lost at a reboot. O(persistent) has systemd-tmpfiles set it again at every boot, and O(boot) has the kernel reserve it, while
    memory is not fragmented yet; the role P(kube_ovn.dpdk.hugepages#role) does both.
  - Refuses counts that C(vm.nr_hugepages) of a sysctl file or a line of another file of C(tmpfiles.d) would undo at boot, and other counts than those
    that a kubelet with the memory manager policy C(Static) has recorded, since that kubelet would not start any more.
extends_documentation_fragment:
  - kube_ovn.dpdk._attributes
  - kube_ovn.dpdk._boot
  - kube_ovn.dpdk._plan
attributes:
  check_mode:
    support: full
    details:
      - Whether memory is too fragmented shows only when pages are really taken, so check mode reports no shortfall.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  pages:
    description:
      - The pages to have. For a size that is named here the list is authoritative, so nodes that are not in it get none of that size.
      - Sizes that are not named are left alone unless O(purge=true).
    type: list
    elements: dict
    required: true
    suboptions:
      size:
        description:
          - Size of a page, as in V(1G), V(2M) or V(2048kB).
        type: str
        required: true
      count:
        description:
          - Number of pages.
        type: int
        required: true
      node:
        description:
          - NUMA node. Without it the kernel spreads the pages over the nodes, and only their sum is looked at.
          - Entries of one size all have a node, or none has.
        type: int
  state:
    description:
      - With V(absent) the pages of all sizes that O(pages) names are given back, whatever the counts. O(transparent) and O(default_size) are ignored, and
        O(persistent) and O(mounts), where given, count as V(false) and empty.
    type: str
    choices:
      - present
      - absent
    default: present
  purge:
    description:
      - Gives back the pages of all sizes that O(pages) does not name.
    type: bool
    default: false
  release:
    description:
      - Lowers a number also where the pages are in use, which is refused otherwise. Processes keep them for as long as they run; the kernel counts
        them as surplus until then.
    type: bool
    default: false
  transparent:
    description:
      - Setting of transparent hugepages. Without it, it is left alone.
    type: str
    choices:
      - always
      - madvise
      - never
  default_size:
    description:
      - Page size to make the default one by RV(kernel_arguments). It cannot be changed at run time.
    type: str
  reserve:
    description:
      - Memory of the whole host that has to remain beside all hugepages.
      - On a host of several NUMA nodes each has to keep its share of it beside the pages that are asked for on it.
    type: str
    default: 512M
  partial:
    description:
      - Whether fewer pages than asked for are accepted now, since the others are reserved at the next boot.
      - With V(false) a shortfall is an error. The pages that were available are kept.
      - With V(true) and O(boot) it is an error too where the kernel was started with all settings as they are, since another reboot would not help.
    type: bool
    default: false
  attempts:
    description:
      - How often pages are asked for. From the second time on the page cache is dropped and memory compacted before.
    type: int
    default: 5
  persistent:
    description:
      - Whether systemd-tmpfiles sets the same numbers at every boot (C(/etc/tmpfiles.d/kube-ovn-dpdk-hugepages.conf)). Without it, that file is left alone.
    type: bool
  mounts:
    description:
      - Mounts of hugetlbfs to have, now and in C(/etc/fstab). The list is authoritative for the lines that this module has written, which carry the option
        C(x-kube-ovn-dpdk). Without it, mounts are left alone.
      - A foreign line for the same path and page size stays as it is. One of another page size is replaced, and restored when the mount is removed.
    type: list
    elements: dict
    suboptions:
      path:
        description: Directory. It is made where it is missing, and then removed with the mount.
        type: path
        required: true
      size:
        description: Page size. Without it, whatever hugetlbfs is mounted there will do, as systemd does with C(/dev/hugepages).
        type: str
  kubelet:
    description:
      - Whether to record what the kubelet has counted, as it does when it starts, before the pages change. The record in C(/run) is that of one start of it,
        so a run that was interrupted before the kubelet was restarted leaves that to the next one.
    type: bool
    default: false
  sysroot:
    description:
      - Directory in which the files of the host are found.
    type: path
    default: /
seealso:
  - module: kube_ovn.dpdk.hugepages_info
  - module: kube_ovn.dpdk.kernel_cmdline
"""

EXAMPLES = r"""
- name: Reserve pages now and at every boot, and mount them
  kube_ovn.dpdk.hugepages:
    pages:
      - {size: 1G, count: 4}
    persistent: true
    boot:
      owner: hugepages
    mounts:
      - path: /dev/hugepages1G
        size: 1G

- name: Reserve four pages of 1 GiB on node 0, and two on node 1
  kube_ovn.dpdk.hugepages:
    pages:
      - {size: 1G, count: 4, node: 0}
      - {size: 1G, count: 2, node: 1}

- name: Reserve 1024 pages of 2 MiB wherever there is room, and none of any other size
  kube_ovn.dpdk.hugepages:
    pages:
      - size: 2M
        count: 1024
    purge: true

- name: Release all pages
  kube_ovn.dpdk.hugepages:
    pages: []
    purge: true
"""

RETURN = r"""
pages:
  description: Pages of every size and node after the run; in check mode as they are now.
  returned: success
  type: list
  elements: dict
  contains:
    size:
      description: Size of a page.
      type: str
      sample: 1G
    node:
      description: NUMA node.
      type: int
      sample: 0
    count:
      description: Reserved pages, without surplus ones.
      type: int
      sample: 4
    free:
      description: Pages that no process uses.
      type: int
      sample: 4
shortfall:
  description: What is still not as asked; empty when all is well, and in check mode.
  returned: always
  type: list
  elements: dict
  contains:
    size:
      description: Size of a page.
      type: str
      sample: 1G
    node:
      description: NUMA node, V(null) for pages asked for without one.
      type: int
      sample: 0
    wanted:
      description: Pages asked for.
      type: int
      sample: 4
    count:
      description: Pages there are.
      type: int
      sample: 3
differs:
  description: Whether something was, or in check mode would be, changed.
  returned: success
  type: bool
  sample: false
missing:
  description: Why a reboot with RV(kernel_arguments) is needed, one sentence for each reason. Check mode sees only the default size.
  returned: success
  type: list
  elements: str
  sample: ["3 of 4 pages of 1G on node 0"]
kernel_arguments:
  description: Kernel arguments that reserve these pages at boot, in the order in which the kernel wants them.
  returned: success
  type: list
  elements: str
  sample: ["hugepagesz=1G", "hugepages=4"]
boot:
  description: With O(boot), what module M(kube_ovn.dpdk.kernel_cmdline) returns.
  returned: success
  type: dict
newer_than_boot:
  description: Whether the settings of O(persistent) were changed since the host was started.
  returned: success
  type: bool
  sample: false
kubelet:
  description: What the kubelet has counted, with O(kubelet=true).
  returned: success
  type: dict
  contains:
    stale:
      description: Whether systemd runs a unit C(kubelet) that has counted other pages than there are, so that it has to be restarted.
      type: bool
      sample: false
    earlier:
      description: Whether an earlier run left it so.
      type: bool
      sample: false
    record:
      description: File to remove after the restart.
      type: str
      sample: /run/kube-ovn-dpdk-hugepages.json
tmpfiles:
  description: Lines for C(/etc/tmpfiles.d) which set the same numbers at every boot.
  returned: success
  type: list
  elements: str
  sample: ["w! /sys/devices/system/node/node0/hugepages/hugepages-1048576kB/nr_hugepages - - - - 4"]
"""

import errno
import io
import json
import os
import tempfile
import time

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.common.text.converters import to_bytes
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import (
    HostError,
    Sysroot,
    kb_to_size,
    make_parents,
    run_module,
    size_to_kb,
)
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kernel_cmdline
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._hugepages import TMPFILES, Memory, Plan
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._mounts import Mounts

TRANSPARENT = "/sys/kernel/mm/transparent_hugepage/enabled"
COUNTED = "/run/kube-ovn-dpdk-hugepages.json"


def reclaim(module, sysroot):
    if sysroot.is_real:
        # Dirty pages cannot be dropped.
        module.run_command(["sync"])
    for path, text in (("/proc/sys/vm/drop_caches", "3"), ("/proc/sys/vm/compact_memory", "1")):
        if sysroot.exists(path):
            sysroot.poke(path, text)


def apply(module, plan, sysroot, attempts):
    memory = plan.memory
    for attempt in range(max(attempts, 1)):
        missing = [slot for slot in plan.slots() if memory.count(slot[0], slot[1]) != slot[2]]
        if not missing:
            return
        if attempt:
            reclaim(module, sysroot)
            time.sleep(0.5 if sysroot.is_real else 0)
        for size_kb, node, count in missing:
            try:
                sysroot.poke("%s/nr_hugepages" % memory.directory(size_kb, node), "%d" % count)
            except HostError as error:
                # A kernel that gives gigantic pages only at boot says so.
                if error.errno != errno.EINVAL:
                    raise


def described(shortfall):
    return [
        "%d of %d pages of %s%s"
        % (item["count"], item["wanted"], item["size"], "" if item["node"] is None else " on node %d" % item["node"])
        for item in shortfall
    ]


def default_size_differs(memory, size):
    return bool(size) and size_to_kb(size) != memory.default_kb


class TextFile(object):
    """A file of ours with the text that it is to have, None for one that is not to be there."""

    def __init__(self, module, sysroot, path, text, mode):
        self.module = module
        self.target = sysroot.path(path)
        self.text = text
        self.mode = mode
        self.before = sysroot.read(path)

    @property
    def changed(self):
        return self.before != self.text or (
            self.text is not None and os.stat(self.target).st_mode & 0o7777 != self.mode
        )

    def write(self):
        if self.text is None:
            os.unlink(self.target)
            return
        make_parents(self.target)
        handle, name = tempfile.mkstemp(dir=self.module.tmpdir)
        with io.open(handle, "wb") as stream:
            stream.write(to_bytes(self.text))
        self.module.atomic_move(name, self.target)
        os.chmod(self.target, self.mode)


class Kubelet(object):
    """What the kubelet has counted that has still to count again."""

    def __init__(self, module, sysroot):
        self.module = module
        self.sysroot = sysroot
        try:
            record = json.loads(sysroot.read(COUNTED, "null"))
        except ValueError:
            record = None
        record = record if isinstance(record, dict) else {}
        self.noted = record.get("pages")
        # It counts when it starts, so the record is that of one start. A run that was cut off while the pages changed has not come to say of which, so that
        # what the kubelet has counted is not known.
        self.cut = self.noted is not None and record.get("kubelet") is None
        self.earlier = self.cut or (self.noted is not None and record["kubelet"] == self.start())

    def note(self, counted, start=None):
        text = json.dumps({"kubelet": start, "pages": counted}, sort_keys=True)
        TextFile(self.module, self.sysroot, COUNTED, text, 0o600).write()

    def before(self, counted):
        """Called before the pages change."""
        if not self.earlier:
            self.note(counted)

    def state(self, before, after):
        counted = self.noted if self.earlier else before
        start = self.start() if self.cut or counted != after else None
        stale = start is not None
        if not self.module.check_mode:
            if stale:
                self.note(counted, start)
            elif self.sysroot.exists(COUNTED):
                # The pages are again what it has counted, or it has counted since.
                os.unlink(self.sysroot.path(COUNTED))
        return {"stale": stale, "earlier": stale and self.earlier, "record": self.sysroot.path(COUNTED)}

    def start(self):
        """By what a start of the kubelet is known from others of this boot; None where systemd runs no such unit."""
        systemctl = self.module.get_bin_path("systemctl")
        if not systemctl:
            return None
        words = [systemctl, "show", "--property=ActiveState,ExecMainStartTimestampMonotonic", "kubelet"]
        found = dict(line.partition("=")[::2] for line in self.module.run_command(words)[1].splitlines())
        return found.get("ExecMainStartTimestampMonotonic", "") if found.get("ActiveState") in ("active", "reloading") else None


class Settings(object):
    """What is asked for, checked as a whole before anything is touched."""

    def __init__(self, module, sysroot):
        params = module.params
        self.module = module
        self.sysroot = sysroot
        self.memory = memory = Memory(sysroot)
        self.absent = params["state"] == "absent"
        self.transparent = None if self.absent else params["transparent"]
        self.default_size = None if self.absent else params["default_size"]
        pages = params["pages"]
        if self.absent:
            # Of a size that this kernel does not have, nothing is there to be given back.
            sizes = set(size_to_kb(entry["size"]) for entry in pages) & set(memory.sizes)
            pages = [
                {"size": kb_to_size(size_kb), "count": 0, "node": node} for size_kb in sizes for node in memory.nodes
            ]
        self.plan = Plan(memory, pages, params["purge"], size_to_kb(params["reserve"]), params["release"])
        if self.default_size:
            memory.check_size(size_to_kb(self.default_size))
        if self.transparent and memory.transparent() is None:
            raise HostError("this kernel has no transparent hugepages; leave transparent out")
        self.arguments = self.plan.kernel_arguments(self.default_size)
        self.tmpfiles = self.plan.tmpfiles()
        if self.transparent:
            self.arguments.append("transparent_hugepage=%s" % self.transparent)
            self.tmpfiles.append("w! %s - - - - %s" % (TRANSPARENT, self.transparent))
        persistent = params["persistent"] and not self.absent
        if persistent:
            default_kb = size_to_kb(self.default_size) if self.default_size else memory.default_kb
            self.plan.check_sysctl(default_kb)
            self.plan.check_tmpfiles(default_kb)
        self.plan.check_memory_manager()
        self.boot_file = None
        if params["persistent"] is not None:
            text = "# Managed by Ansible (module kube_ovn.dpdk.hugepages).\n%s" % "".join(
                line + "\n" for line in self.tmpfiles
            )
            self.boot_file = TextFile(module, sysroot, TMPFILES, text if persistent and self.tmpfiles else None, 0o644)
        self.mounts = None
        if params["mounts"] is not None:
            self.mounts = Mounts(module, sysroot, memory, [] if self.absent else params["mounts"])
        self.kubelet = Kubelet(module, sysroot) if params["kubelet"] else None

    def snapshot(self):
        state = {"hugepages": self.memory.snapshot()}
        if self.transparent:
            state["transparent"] = self.memory.transparent()
        return state

    def predicted(self):
        state = {"hugepages": self.plan.predicted()}
        if self.transparent:
            state["transparent"] = self.transparent
        return state

    def apply_pages(self):
        if self.kubelet and self.plan.predicted() != self.memory.snapshot():
            self.kubelet.before(self.memory.snapshot())
        apply(self.module, self.plan, self.sysroot, self.module.params["attempts"])
        if self.transparent and self.memory.transparent() != self.transparent:
            # A made-up tree keeps what is written, the kernel marks one of its words.
            self.sysroot.poke(TRANSPARENT, self.transparent if self.sysroot.is_real else "[%s]" % self.transparent)


def run(module):
    params = module.params
    sysroot = Sysroot(params["sysroot"])
    settings = Settings(module, sysroot)
    plan, memory = settings.plan, settings.memory
    result = {}
    if params["boot"]:
        # What is refused is refused before anything is touched.
        result["boot"] = _kernel_cmdline.ask(module, settings.arguments)
    before = settings.snapshot()
    after = settings.predicted()
    counted = plan.counts()
    changed = before != after
    shortfall = []
    if not module.check_mode:
        settings.apply_pages()
        shortfall = plan.shortfall()
        after = settings.snapshot()
        changed = before != after or counted != plan.counts()
    if settings.kubelet:
        result["kubelet"] = settings.kubelet.state(before["hugepages"], after["hugepages"])
    newer = False
    if settings.boot_file:
        before["tmpfiles"], after["tmpfiles"] = settings.boot_file.before or "", settings.boot_file.text or ""
        newer = settings.boot_file.changed or sysroot.mtime(TMPFILES) > sysroot.boot_time()
    mounts = settings.mounts
    if mounts:
        before["mounts"], after["mounts"] = mounts.difference()
    missing = described(shortfall)
    if default_size_differs(memory, settings.default_size):
        missing.append("the default page size is to become %s" % settings.default_size)
    changed = changed or bool(settings.boot_file and settings.boot_file.changed) or bool(mounts and mounts.changed)
    result.update(
        changed=changed,
        differs=changed,
        diff=dict(before=before, after=after),
        pages=memory.rows(),
        shortfall=shortfall,
        missing=missing,
        kernel_arguments=settings.arguments,
        tmpfiles=settings.tmpfiles,
        newer_than_boot=newer,
    )
    if shortfall and not params["partial"]:
        module.fail_json(
            msg="the kernel gave only %s, also after dropping caches and compaction; reserve them at boot (kernel arguments), "
            "reboot, or ask for fewer or smaller pages" % "; ".join(described(shortfall)),
            **result
        )
    if not module.check_mode:
        if settings.boot_file and settings.boot_file.changed:
            settings.boot_file.write()
        if mounts and mounts.changed:
            mounts.apply()
    if missing and params["partial"] and params["boot"] and not (newer or result["boot"]["reboot_required"] or result["boot"]["newer_than_boot"]):
        module.fail_json(
            msg="The running kernel was started with %s, and a reboot with them has not brought all pages: %s. Ask for fewer pages, or for pages on a node "
            "with more memory; or reboot the host by hand, if another user or tool released them since." % (" ".join(settings.arguments), "; ".join(missing)),
            **result
        )
    if params["boot"]:
        result["boot"] = boot = _kernel_cmdline.apply(module, settings.arguments, result["boot"])
        if boot["changed"]:
            result.update(changed=True, differs=True, diff=[result["diff"], boot["diff"]])
    return result


def main():
    module = AnsibleModule(
        argument_spec=dict(
            state=dict(type="str", choices=["present", "absent"], default="present"),
            pages=dict(
                type="list",
                elements="dict",
                required=True,
                options=dict(
                    size=dict(type="str", required=True),
                    count=dict(type="int", required=True),
                    node=dict(type="int"),
                ),
            ),
            purge=dict(type="bool", default=False),
            release=dict(type="bool", default=False),
            transparent=dict(type="str", choices=["always", "madvise", "never"]),
            default_size=dict(type="str"),
            reserve=dict(type="str", default="512M"),
            partial=dict(type="bool", default=False),
            attempts=dict(type="int", default=5),
            persistent=dict(type="bool"),
            mounts=dict(
                type="list",
                elements="dict",
                options=dict(
                    path=dict(type="path", required=True),
                    size=dict(type="str"),
                ),
            ),
            kubelet=dict(type="bool", default=False),
            boot=_kernel_cmdline.BOOT,
            sysroot=dict(type="path", default="/"),
            plan=dict(type="bool", default=False),
        ),
        supports_check_mode=True,
    )
    run_module(module, run, shortfall=[])


if __name__ == "__main__":
    main()
