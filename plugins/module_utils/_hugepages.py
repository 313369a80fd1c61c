# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kubelet
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import (
    HostError,
    cpu_flags,
    kb_to_size,
    running_arguments,
    size_to_kb,
    unescaped,
)

GLOBAL_DIR = "/sys/kernel/mm/hugepages/hugepages-%dkB"
NODE_DIR = "/sys/devices/system/node/node%d/hugepages/hugepages-%dkB"
SYSCTL_FILES = (
    "/etc/sysctl.d/*.conf",
    "/run/sysctl.d/*.conf",
    "/usr/local/lib/sysctl.d/*.conf",
    "/usr/lib/sysctl.d/*.conf",
    "/lib/sysctl.d/*.conf",
)
# systemd-sysctl reads it through a link in /etc/sysctl.d.
SYSCTL_CONF = "/etc/sysctl.conf"
TMPFILES = "/etc/tmpfiles.d/kube-ovn-dpdk-hugepages.conf"
# As systemd-tmpfiles reads them (tmpfiles.d(5)).
TMPFILES_FILES = (
    "/etc/tmpfiles.d/*.conf",
    "/run/tmpfiles.d/*.conf",
    "/usr/local/lib/tmpfiles.d/*.conf",
    "/usr/lib/tmpfiles.d/*.conf",
    "/lib/tmpfiles.d/*.conf",
)
# Of the kubelet (pkg/kubelet/cm/memorymanager/state): a checkpoint with the memory and the pages of each NUMA node.
MEMORY_MANAGER_STATE = "memory_manager_state"


def expanded(pattern):
    """Patterns without braces."""
    match = re.match(r"^(.*?)\{([^{}]*)\}(.*)$", pattern)
    if not match:
        return [pattern]
    return [found for part in match.group(2).split(",") for found in expanded(match.group(1) + part + match.group(3))]


class Memory(object):
    """What the host says about its memory: nodes, page sizes, pages."""

    def __init__(self, sysroot):
        self.sysroot = sysroot
        self.sizes = sorted(
            int(match.group(1))
            for match in (re.match(r"^hugepages-([0-9]+)kB$", name) for name in sysroot.listdir("/sys/kernel/mm/hugepages"))
            if match
        )
        self.total_kb = self._meminfo("/proc/meminfo", "MemTotal")
        self.default_kb = self._meminfo("/proc/meminfo", "Hugepagesize")
        nodes = sorted(
            int(name[4:]) for name in sysroot.listdir("/sys/devices/system/node") if re.match(r"^node[0-9]+$", name)
        )
        self.node_kb = dict((node, self._meminfo("/sys/devices/system/node/node%d/meminfo" % node, "MemTotal")) for node in nodes)
        self.has_nodes = bool(nodes)
        if len(nodes) < 2:
            # One node has it all. Without NUMA in the kernel there is not even that one; the global files count it.
            self.node_kb = {nodes[0] if nodes else 0: self.total_kb}
        self.nodes = sorted(node for node in self.node_kb if self.node_kb[node])

    def _meminfo(self, path, name):
        match = re.search(r"\b%s:\s+([0-9]+)" % name, self.sysroot.read(path, ""))
        return int(match.group(1)) if match else 0

    def directory(self, size_kb, node=None):
        if node is None or not self.has_nodes:
            return GLOBAL_DIR % size_kb
        return NODE_DIR % (node, size_kb)

    def read(self, size_kb, node, name):
        return self.sysroot.read_int("%s/%s" % (self.directory(size_kb, node), name), 0)

    def count(self, size_kb, node=None):
        """Persistent pages; surplus ones come and go by overcommit."""
        return self.read(size_kb, node, "nr_hugepages") - self.read(size_kb, node, "surplus_hugepages")

    def in_use(self, size_kb, node=None):
        count = self.read(size_kb, node, "nr_hugepages")
        free = self.sysroot.read_int("%s/free_hugepages" % self.directory(size_kb, node), count)
        return count - free

    def snapshot(self):
        """Pages by size and node, for people and for diffs."""
        state = {}
        for size_kb in self.sizes:
            state[kb_to_size(size_kb)] = dict(("node%d" % node, self.count(size_kb, node)) for node in self.nodes)
        return state

    def rows(self):
        return [
            {
                "size": kb_to_size(size_kb),
                "node": node,
                "count": self.count(size_kb, node),
                "free": self.read(size_kb, node, "free_hugepages"),
            }
            for size_kb in self.sizes
            for node in self.nodes
        ]

    def transparent(self):
        match = re.search(r"\[(\w+)\]", self.sysroot.read("/sys/kernel/mm/transparent_hugepage/enabled", ""))
        return match.group(1) if match else None

    def mounts(self):
        """Mounted hugetlbfs: path and page size."""
        found = []
        for line in self.sysroot.read("/proc/self/mounts", self.sysroot.read("/proc/mounts", "")).split("\n"):
            # Other white space is part of a path.
            fields = line.split(" ")
            if len(fields) > 3 and fields[2] == "hugetlbfs":
                match = re.search(r"(?:^|,)pagesize=(\w+)", fields[3])
                found.append({"path": unescaped(fields[1]), "size": kb_to_size(size_to_kb(match.group(1)) if match else self.default_kb)})
        return found

    def kernel_releases(self):
        """(major, minor) of the running kernel and of those that are installed, each of which the next boot may start."""
        names = [self.sysroot.read("/proc/sys/kernel/osrelease", "")]
        names += self.sysroot.listdir("/lib/modules") or self.sysroot.listdir("/usr/lib/modules")
        matches = [re.match(r"^([0-9]+)\.([0-9]+)", name) for name in names]
        return [(int(match.group(1)), int(match.group(2))) for match in matches if match] or [(0, 0)]

    def check_size(self, size_kb):
        """Refuse a page size that this kernel does not have."""
        if not self.sizes:
            raise HostError("this kernel has no hugepages at all (no /sys/kernel/mm/hugepages); boot one with CONFIG_HUGETLBFS")
        if size_kb not in self.sizes:
            known = ", ".join(kb_to_size(known_kb) for known_kb in self.sizes)
            if size_kb == 1024 * 1024 and "pdpe1gb" not in cpu_flags(self.sysroot):
                raise HostError(
                    "pages of 1G are not possible: the CPU has no pdpe1gb flag (in a virtual machine: pass the host's CPU through); "
                    "ask for %s instead" % known
                )
            raise HostError("pages of %s are not offered by this kernel; it has %s" % (kb_to_size(size_kb), known))

    def configured_in(self, patterns):
        """Files of a systemd.directory, in the order in which they are read: a file hides those of the same name in later directories."""
        named = {}
        for pattern in patterns:
            for path in self.sysroot.glob(pattern):
                named.setdefault(path.rpartition("/")[2], path)
        return [named[name] for name in sorted(named)]

    def reads_sysctl_conf(self):
        """Whether anything reads /etc/sysctl.conf at boot by itself: from Debian 13 on nothing does."""
        release = dict(re.findall(r'(?m)^(ID|VERSION_ID)="?([^"\n]*)"?', self.sysroot.read("/etc/os-release", "")))
        version = re.match(r"^[0-9]+", release.get("VERSION_ID", ""))
        return release.get("ID") != "debian" or bool(version and int(version.group(0)) < 13)

    def sysctl_count(self):
        """(file, count) of what systemd-sysctl sets for pages of the default size at boot, or None. The last one wins, as there."""
        found = None
        paths = self.configured_in(SYSCTL_FILES)
        real = os.path.realpath(self.sysroot.path(SYSCTL_CONF))
        if self.reads_sysctl_conf() and real not in [os.path.realpath(self.sysroot.path(path)) for path in paths]:
            paths.append(SYSCTL_CONF)
        for path in paths:
            for value in re.findall(r"(?m)^\s*-?vm[./]nr_hugepages(?:_mempolicy)?\s*=\s*([0-9]+)\s*$", self.sysroot.read(path, "")):
                found = (path, int(value))
        return found

    def foreign_tmpfiles(self):
        """(file, path, text, whether it goes on where others write too) of lines of others that write to a file."""
        found = []
        for path in self.configured_in(TMPFILES_FILES):
            for line in self.sysroot.read(path, "").splitlines() if path != TMPFILES else []:
                fields = line.split(None, 6)
                # Those that create files are written before all of this type.
                if len(fields) == 7 and re.match(r"^w[!+=~^$-]*$", fields[0]):
                    found.append((path, os.path.normpath(fields[1].strip("\"'")), fields[6].strip(), "+" in fields[0]))
        return found

    def static_memory_manager(self):
        """The file in which the kubelet has counted memory for its static memory manager; None where it has another one."""
        flags = _kubelet.arguments(self.sysroot)
        try:
            state = json.loads(_kubelet.state_text(self.sysroot, flags, MEMORY_MANAGER_STATE) or "{}")
            return "%s/%s" % (_kubelet.directory(flags), MEMORY_MANAGER_STATE) if state.get("policyName") == "Static" else None
        except (AttributeError, ValueError):
            return None


class Plan(object):
    """What is asked for, checked against the host before anything is touched."""

    def __init__(self, memory, pages, purge=False, reserve_kb=0, release=False):
        self.memory = memory
        self.by_size = {}
        for entry in pages:
            self._add(entry)
        if purge:
            for size_kb in memory.sizes:
                self.by_size.setdefault(size_kb, dict((node, 0) for node in memory.nodes))
        for wanted in self.by_size.values():
            if None not in wanted:
                # The list is authoritative for the sizes it names.
                for node in memory.nodes:
                    wanted.setdefault(node, 0)
        self._check_memory(reserve_kb)
        if not release:
            self._check_in_use()

    def _add(self, entry):
        memory = self.memory
        size_kb = size_to_kb(entry["size"])
        size = kb_to_size(size_kb)
        node = entry.get("node")
        if entry["count"] < 0:
            raise HostError("count of %s pages is %d; it must be 0 or more" % (size, entry["count"]))
        memory.check_size(size_kb)
        if node is not None and node not in memory.nodes:
            raise HostError(
                "NUMA node %d has no memory or does not exist; nodes with memory: %s" % (node, ", ".join(str(item) for item in memory.nodes))
            )
        wanted = self.by_size.setdefault(size_kb, {})
        if node in wanted:
            place = "" if node is None else " on node %d" % node
            raise HostError("pages of %s%s are listed twice; add the counts up into one entry" % (size, place))
        if wanted and (node is None) != (None in wanted):
            raise HostError("pages of %s are listed both with and without a node; name the node in every entry, or in none" % size)
        wanted[node] = entry["count"]

    def _check_memory(self, reserve_kb):
        memory = self.memory
        asked_kb = 0
        on_node = dict((node, 0) for node in memory.nodes)
        for size_kb in memory.sizes:
            wanted = self.by_size.get(size_kb)
            if wanted is None:
                # Pages of other sizes stay and take their part.
                wanted = dict((node, memory.count(size_kb, node)) for node in memory.nodes)
            for node, count in wanted.items():
                asked_kb += count * size_kb
                if node is not None:
                    on_node[node] += count * size_kb
        if not any(count for wanted in self.by_size.values() for count in wanted.values()):
            return
        # The kernel and whatever runs on a node's cores need their part of it, also where the other nodes have plenty.
        kept_kb = reserve_kb // len(memory.nodes) if memory.nodes else 0
        for node in memory.nodes:
            if on_node[node] and on_node[node] > memory.node_kb[node] - kept_kb:
                raise HostError(
                    "hugepages of %d MiB do not fit on NUMA node %d, which has %d MiB, of which %d MiB are kept for everything else; "
                    "lower the counts or the reserve, or move pages to another node"
                    % (on_node[node] // 1024, node, memory.node_kb[node] // 1024, kept_kb // 1024)
                )
        if asked_kb > memory.total_kb - reserve_kb:
            raise HostError(
                "hugepages of %d MiB do not fit: the host has %d MiB, of which %d MiB are kept for everything else; "
                "lower the counts or the reserve" % (asked_kb // 1024, memory.total_kb // 1024, reserve_kb // 1024)
            )

    def _check_in_use(self):
        for size_kb, node, count in self.slots():
            used = self.memory.in_use(size_kb, node)
            if count < used and count < self.memory.count(size_kb, node):
                raise HostError(
                    "%d pages of %s%s are in use, so they cannot be lowered to %d; stop what uses them (OVS, DPDK pods) or ask for %d or more"
                    % (used, kb_to_size(size_kb), "" if node is None else " on node %d" % node, count, used)
                )

    def check_sysctl(self, default_kb):
        """Refuse counts that systemd-sysctl would set otherwise at boot, before or after systemd-tmpfiles."""
        found = self.memory.sysctl_count()
        wanted = self.by_size.get(default_kb)
        if found and wanted is not None and sum(wanted.values()) != found[1]:
            raise HostError(
                "%s sets vm.nr_hugepages = %d, which are pages of %s, at every boot, and %d are asked for; remove that line"
                % (found[0], found[1], kb_to_size(default_kb), sum(wanted.values()))
            )

    def check_tmpfiles(self, default_kb):
        """Refuse lines of others that systemd-tmpfiles would write in place of ours.

        It goes by the names of the files. Of lines with one path the first is written alone, unless a later one is to append. Other paths may be patterns or
        links that lead to the same file, or its sum over all nodes, and are written in their order.
        """
        memory = self.memory

        def real(path):
            return os.path.realpath(memory.sysroot.path(path))

        own = dict(("%s/nr_hugepages" % memory.directory(size_kb, node), (size_kb, count)) for size_kb, node, count in self.slots())
        # What a file has when all our lines are written; None for what they do not determine.
        then = {}
        for size_kb, wanted in self.by_size.items():
            for node in memory.nodes:
                then[real("%s/nr_hugepages" % memory.directory(size_kb, node))] = (size_kb, wanted.get(node))
            totals = [GLOBAL_DIR % size_kb + "/nr_hugepages"]
            if size_kb == default_kb:
                totals += ["/proc/sys/vm/nr_hugepages", "/proc/sys/vm/nr_hugepages_mempolicy"]
            for path in totals:
                then[real(path)] = (size_kb, sum(wanted.values()))
        for path, pattern, text, appends in memory.foreign_tmpfiles():
            later = os.path.basename(path) > os.path.basename(TMPFILES)
            if pattern in own:
                changed = [own[pattern]] if appends or not later else []
            else:
                files = set(real(found) for part in expanded(pattern) for found in memory.sysroot.glob(part))
                changed = [then[name] for name in sorted(files & set(then))] if later else []
            for size_kb, count in changed:
                if text != "%s" % count:
                    raise HostError(
                        "%s writes %s to %s at every boot, so that pages of %s would be others than those that are asked for; remove that line"
                        % (path, text, pattern, kb_to_size(size_kb))
                    )

    def check_memory_manager(self):
        """Refuse to change counts under a kubelet that would not start with others."""
        changes = any(self.memory.count(size_kb, node) != count for size_kb, node, count in self.slots())
        state = self.memory.static_memory_manager() if changes else None
        if state:
            raise HostError(
                "the kubelet has the memory manager policy Static, and would not start with other hugepages than %s has. Drain the node, stop the kubelet, "
                "remove that file, run again and start the kubelet" % state
            )

    def slots(self):
        """(size, node, count), what is to be lowered first, then the large pages before the small ones."""
        slots = [
            (size_kb, node, count) for size_kb, wanted in self.by_size.items() for node, count in wanted.items()
        ]
        memory = self.memory
        return sorted(
            slots,
            key=lambda slot: (slot[2] > memory.count(slot[0], slot[1]), -slot[0], -1 if slot[1] is None else slot[1]),
        )

    def counts(self):
        return sorted((size_kb, -1 if node is None else node, self.memory.count(size_kb, node)) for size_kb, node, _count in self.slots())

    def shortfall(self):
        return [
            {
                "size": kb_to_size(size_kb),
                "node": node,
                "wanted": count,
                "count": self.memory.count(size_kb, node),
            }
            for size_kb, node, count in self.slots()
            if self.memory.count(size_kb, node) != count
        ]

    def predicted(self):
        """The snapshot as it will be; pages without a node are spread by the kernel, so only their sum is reported."""
        state = self.memory.snapshot()
        for size_kb, wanted in self.by_size.items():
            if None in wanted:
                if wanted[None] != self.memory.count(size_kb):
                    state[kb_to_size(size_kb)] = {"all nodes": wanted[None]}
            else:
                state[kb_to_size(size_kb)] = dict(("node%d" % node, wanted[node]) for node in wanted)
        return state

    def tmpfiles(self):
        """Lines for systemd-tmpfiles, which writes them early at every boot, and only then (!): not when a package is updated."""
        return [
            "w! %s/nr_hugepages - - - - %d" % (self.memory.directory(size_kb, node), count)
            for size_kb, node, count in sorted(self.slots(), key=lambda slot: (slot[2] > 0, -slot[0], -1 if slot[1] is None else slot[1]))
        ]

    def kernel_arguments(self, default_size=None):
        """Arguments that reserve the pages at boot.

        Kernels from 5.16 on take a count for each node. Older ones spread one count evenly over the nodes: they get as
        much as the fullest node needs on every node, if memory allows, and the surplus is given back at run time. One line
        serves all installed kernels, so the oldest of them decides.
        """
        words = []
        if default_size:
            words.append("default_hugepagesz=%s" % kb_to_size(size_to_kb(default_size)))
        nodes = self.memory.nodes
        for size_kb in sorted(self.by_size, reverse=True):
            wanted = self.by_size[size_kb]
            total = sum(wanted.values())
            if not total:
                continue
            if None in wanted or len(nodes) == 1:
                count = str(total)
            elif min(self.memory.kernel_releases()) >= (5, 16):
                count = ",".join("%d:%d" % (node, wanted[node]) for node in sorted(wanted) if wanted[node])
            else:
                even = max(wanted.values()) * len(nodes)
                fits = all(max(wanted.values()) * size_kb * 4 <= self.memory.node_kb[node] * 3 for node in nodes)
                count = str(even if fits else total)
            words.append("hugepagesz=%s" % kb_to_size(size_kb))
            words.append("hugepages=%s" % count)
        return words


def state_of(memory):
    """What hugepages_info returns, and what hugepages checks itself by."""
    words = running_arguments(memory.sysroot)
    return {
        "sizes": [kb_to_size(size_kb) for size_kb in memory.sizes],
        "default_size": kb_to_size(memory.default_kb) if memory.default_kb else None,
        "nodes": [{"node": node, "memory_mib": memory.node_kb[node] // 1024} for node in memory.nodes],
        "memory_mib": memory.total_kb // 1024,
        "pages": memory.rows(),
        "mounts": memory.mounts(),
        "transparent": memory.transparent(),
        "pdpe1gb": "pdpe1gb" in cpu_flags(memory.sysroot),
        "kernel_arguments": [word for word in words if re.match(r"^(default_hugepagesz|hugepagesz|hugepages|transparent_hugepage)=", word)],
    }
