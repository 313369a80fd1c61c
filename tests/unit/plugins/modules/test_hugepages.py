# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _host
from ansible_collections.kube_ovn.dpdk.plugins.modules import hugepages, hugepages_info
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module

GIB = 1024 * 1024
NODE = "/sys/devices/system/node/node%d/hugepages/hugepages-%dkB/%s"
TRANSPARENT = "/sys/kernel/mm/transparent_hugepage/enabled"


def host(tree, nodes=2, gib=8, flags="fpu pdpe1gb", sizes=(2048, GIB), release="6.1.0-30-amd64"):
    tree.write("/proc/meminfo", "MemTotal:       %d kB\nHugepagesize:       2048 kB\n" % (nodes * gib * GIB))
    tree.write("/proc/cpuinfo", "processor\t: 0\nflags\t\t: %s\n" % flags)
    tree.write("/proc/cmdline", "quiet hugepagesz=1G hugepages=4 -- hugepages=9\n")
    tree.write("/proc/sys/kernel/osrelease", release + "\n")
    tree.write("/proc/self/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0\nproc /proc proc rw 0 0\n")
    tree.write(TRANSPARENT, "always [madvise] never\n")
    for size in sizes:
        for name in ("nr_hugepages", "surplus_hugepages"):
            tree.write("/sys/kernel/mm/hugepages/hugepages-%dkB/%s" % (size, name), "0\n")
            for node in range(nodes):
                tree.write(NODE % (node, size, name), "0\n")
    for node in range(nodes):
        tree.write("/sys/devices/system/node/node%d/meminfo" % node, "Node %d MemTotal:       %d kB\n" % (node, gib * GIB))


@pytest.fixture
def tree(tmpdir):
    tree = Tree(tmpdir.mkdir("root"))
    host(tree)
    return tree


def have(tree, pages, check=False, **params):
    return run_module(hugepages, tree, check=check, pages=pages, **params)


def page(size, count, node=None):
    entry = {"size": size, "count": count}
    if node is not None:
        entry["node"] = node
    return entry


def counts(tree, size):
    return [int(tree.read(NODE % (node, size, "nr_hugepages"))) for node in (0, 1)]


def test_both_sizes_on_both_nodes(tree):
    pages = [page("1G", 4, 0), page("1G", 2, 1), page("2M", 100, 1)]
    before = tree.snapshot()
    foreseen = have(tree, pages, check=True)
    assert tree.snapshot() == before
    result = have(tree, pages)
    assert result["changed"]
    assert foreseen["diff"] == result["diff"]
    assert result["diff"]["after"]["hugepages"] == {"1G": {"node0": 4, "node1": 2}, "2M": {"node0": 0, "node1": 100}}
    assert counts(tree, GIB) == [4, 2]
    assert counts(tree, 2048) == [0, 100]
    assert not have(tree, pages)["changed"]


def test_raised_lowered_and_moved(tree):
    have(tree, [page("1G", 2, 0)])
    for pages, wanted in (([page("1G", 4, 0)], [4, 0]), ([page("1G", 1, 0)], [1, 0]), ([page("1G", 1, 1)], [0, 1])):
        assert have(tree, pages)["changed"]
        assert counts(tree, GIB) == wanted


def test_other_sizes_are_left_alone_unless_purged(tree):
    have(tree, [page("2M", 100, 0)])
    have(tree, [page("1G", 1, 0)])
    assert counts(tree, 2048) == [100, 0]
    result = have(tree, [page("1G", 1, 0)], purge=True)
    assert result["changed"]
    assert counts(tree, 2048) == [0, 0]
    assert counts(tree, GIB) == [1, 0]


def test_state_absent(tree):
    have(tree, [page("1G", 2, 0), page("1G", 2, 1)])
    assert have(tree, [page("1G", 2, 0)], state="absent")["changed"]
    assert counts(tree, GIB) == [0, 0]
    assert not have(tree, [page("1G", 2, 0)], state="absent")["changed"]


def test_state_absent_of_a_size_that_the_kernel_does_not_have(tmpdir):
    tree = Tree(tmpdir.mkdir("root"))
    host(tree, flags="fpu", sizes=(2048,))
    have(tree, [page("2M", 10, 0)])
    result = have(tree, [page("1G", 2), page("2M", 10, 0)], state="absent")
    assert not result["failed"]
    assert counts(tree, 2048) == [0, 0]


def test_without_a_node_only_the_sum_counts(tree):
    assert have(tree, [page("2M", 64)])["changed"]
    assert tree.read("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages").strip() == "64"
    assert not have(tree, [page("2048kB", 64)])["changed"]


def test_no_numa_in_the_kernel(tmpdir):
    tree = Tree(tmpdir.mkdir("root"))
    host(tree, nodes=0)
    tree.write("/proc/meminfo", "MemTotal: %d kB\n" % (8 * GIB))
    assert have(tree, [page("2M", 64, 0)])["changed"]
    assert tree.read("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages").strip() == "64"


class Grudging(object):
    """A kernel that gives only so many pages, and more after compaction."""

    def __init__(self, patch, limits):
        self.limits = list(limits)
        self.compactions = 0
        self.poke = _host.Sysroot.poke
        kernel = self

        def poke(sysroot, path, text):
            kernel.write(sysroot, path, text)

        patch.setattr(_host.Sysroot, "poke", poke)

    def write(self, sysroot, path, text):
        if path.endswith("compact_memory"):
            self.compactions += 1
        if path.endswith("nr_hugepages"):
            text = "%d" % min(int(text), self.limits.pop(0) if len(self.limits) > 1 else self.limits[0])
        self.poke(sysroot, path, text)


def test_asks_again_after_compaction(tree, monkeypatch):
    tree.write("/proc/sys/vm/drop_caches", "")
    tree.write("/proc/sys/vm/compact_memory", "")
    kernel = Grudging(monkeypatch, [1, 2, 4])
    result = have(tree, [page("1G", 4, 0)])
    assert not result["failed"]
    assert result["shortfall"] == []
    assert kernel.compactions == 2


def test_gigantic_pages_only_at_boot(tree, monkeypatch):
    """Old kernels refuse the write; that is a shortfall like any other."""
    poke = _host.Sysroot.poke

    def refuse(sysroot, path, text):
        if "1048576" in path and int(text):
            raise _host.HostError("cannot write: Invalid argument", errno.EINVAL)
        poke(sysroot, path, text)

    monkeypatch.setattr(_host.Sysroot, "poke", refuse)
    result = have(tree, [page("1G", 4, 0), page("2M", 10, 0)], partial=True)
    assert not result["failed"]
    assert result["missing"] == ["0 of 4 pages of 1G on node 0"]
    assert counts(tree, 2048) == [10, 0]


def test_other_errors_of_the_kernel_are_told(tree, monkeypatch):
    def refuse(_sysroot, path, text):
        raise _host.HostError("cannot write '%s' to %s: Permission denied" % (text, path), errno.EACCES)

    monkeypatch.setattr(_host.Sysroot, "poke", refuse)
    assert "Permission denied" in have(tree, [page("1G", 4, 0)], partial=True)["msg"]


def test_shortfall_is_named(tree, monkeypatch):
    Grudging(monkeypatch, [3])
    result = have(tree, [page("1G", 4, 0)])
    assert result["failed"]
    assert "only 3 of 4 pages of 1G on node 0" in result["msg"]
    assert "reserve them at boot" in result["msg"]
    assert result["shortfall"] == [{"size": "1G", "node": 0, "wanted": 4, "count": 3}]
    # What was to be had is kept, and that is told.
    assert result["changed"]
    again = have(tree, [page("1G", 4, 0)], partial=True)
    assert not again["failed"]
    assert not again["changed"]
    assert len(again["shortfall"]) == 1


def test_lowers_before_it_raises(tree, monkeypatch):
    have(tree, [page("1G", 4, 0), page("2M", 10, 1)])
    order = []
    poke = _host.Sysroot.poke

    def spy(sysroot, path, text):
        order.append((path.split("/")[5], path.split("-")[1].split("k")[0], text))
        poke(sysroot, path, text)

    monkeypatch.setattr(_host.Sysroot, "poke", spy)
    have(tree, [page("2M", 1000, 0), page("1G", 2, 0), page("1G", 3, 1)])
    assert order == [
        ("node0", "1048576", "2"),
        ("node1", "2048", "0"),
        ("node1", "1048576", "3"),
        ("node0", "2048", "1000"),
    ]


def test_transparent(tree):
    foreseen = have(tree, [], transparent="never", check=True)
    result = have(tree, [], transparent="never")
    assert foreseen["diff"] == result["diff"]
    assert tree.read(TRANSPARENT) == "[never]"
    assert not have(tree, [], transparent="never")["changed"]
    assert result["kernel_arguments"] == ["transparent_hugepage=never"]
    assert result["tmpfiles"] == ["w %s - - - - never" % TRANSPARENT]


ARGUMENTS = [
    ("6.1.0", [page("1G", 4, 0), page("1G", 2, 1)], None, ["hugepagesz=1G", "hugepages=0:4,1:2"]),
    ("5.16.1", [page("1G", 4, 1)], None, ["hugepagesz=1G", "hugepages=1:4"]),
    ("5.15.0-100-generic", [page("1G", 2, 1)], None, ["hugepagesz=1G", "hugepages=4"]),
    # Twice as much as asked for would not leave enough on a node.
    ("3.10.0-1160.el7", [page("1G", 7, 1)], None, ["hugepagesz=1G", "hugepages=7"]),
    ("3.10.0-1160.el7", [page("1G", 4)], "1G", ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=4"]),
    ("6.1.0", [page("2M", 512), page("1G", 1, 0)], "1G", ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=0:1", "hugepagesz=2M", "hugepages=512"]),
    ("6.1.0", [page("1G", 0, 0)], None, []),
]


@pytest.mark.parametrize("release, pages, default, words", ARGUMENTS)
def test_kernel_arguments(tree, release, pages, default, words):
    tree.write("/proc/sys/kernel/osrelease", release + "\n")
    assert have(tree, pages, default_size=default, check=True)["kernel_arguments"] == words


def test_tmpfiles_lower_first(tree):
    assert have(tree, [page("1G", 4, 1)], check=True)["tmpfiles"] == [
        "w /sys/devices/system/node/node0/hugepages/hugepages-1048576kB/nr_hugepages - - - - 0",
        "w /sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages - - - - 4",
    ]


BAD = [
    ([page("1G", 9, 0)], {}, "do not fit on NUMA node 0, which has 8192 MiB"),
    # The kernel has to work on every node.
    ([page("1G", 8, 1)], {}, "do not fit on NUMA node 1, which has 8192 MiB, of which 256 MiB are kept"),
    ([page("1G", 7, 1), page("2M", 300, 1)], {"reserve": "1G"}, "do not fit on NUMA node 1, which has 8192 MiB, of which 512 MiB are kept"),
    ([page("1G", 16)], {}, "of which 512 MiB are kept"),
    ([page("1G", 15)], {"reserve": "2G"}, "of which 2048 MiB are kept"),
    ([page("1G", 5, 0), page("2M", 1600, 0)], {}, "do not fit on NUMA node 0"),
    ([page("1G", 1, 2)], {}, "NUMA node 2 has no memory or does not exist; nodes with memory: 0, 1"),
    ([page("1G", -1)], {}, "must be 0 or more"),
    ([page("1G", 1, 0), page("1024M", 2, 0)], {}, "pages of 1G on node 0 are listed twice"),
    ([page("2M", 1), page("2M", 2)], {}, "pages of 2M are listed twice"),
    ([page("1G", 1), page("1G", 2, 0)], {}, "both with and without a node"),
    ([page("512M", 1)], {}, "pages of 512M are not offered by this kernel; it has 2M, 1G"),
    ([page("big", 1)], {}, "'big' is not a size"),
    ([page("0G", 1)], {}, "is not a size"),
    ([page("1G", 1)], {"reserve": "some"}, "'some' is not a size"),
    ([page("1G", 1)], {"default_size": "one"}, "'one' is not a size"),
]


@pytest.mark.parametrize("pages, params, message", BAD)
def test_bad_input_touches_nothing(tree, pages, params, message):
    before = tree.snapshot()
    result = have(tree, pages, **params)
    assert result["failed"]
    assert message in result["msg"]
    assert tree.snapshot() == before


def test_1g_on_a_cpu_without_it(tmpdir):
    tree = Tree(tmpdir.mkdir("root"))
    host(tree, flags="fpu pse", sizes=(2048,))
    assert "no pdpe1gb flag" in have(tree, [page("1G", 1)])["msg"]


def test_kernel_without_hugepages(tmpdir):
    tree = Tree(tmpdir.mkdir("root"))
    host(tree, sizes=())
    assert "no hugepages at all" in have(tree, [page("2M", 1)])["msg"]


def test_no_transparent_pages(tmpdir):
    tree = Tree(tmpdir.mkdir("root"))
    tree.write("/proc/meminfo", "MemTotal: 1000 kB\n")
    assert "no transparent hugepages" in have(tree, [], transparent="never")["msg"]


def test_pages_in_use_are_not_taken_away(tree):
    have(tree, [page("1G", 4, 0)])
    tree.write(NODE % (0, GIB, "free_hugepages"), "1\n")
    result = have(tree, [page("1G", 2, 0)])
    assert "3 pages of 1G on node 0 are in use" in result["msg"]
    assert counts(tree, GIB) == [4, 0]
    tree.write(NODE % (0, GIB, "free_hugepages"), "2\n")
    assert have(tree, [page("1G", 2, 0)])["changed"]


def test_pages_in_use_go_later_on_request(tree):
    have(tree, [page("1G", 4, 0)])
    tree.write(NODE % (0, GIB, "free_hugepages"), "1\n")
    assert have(tree, [page("1G", 2, 0)], release=True)["changed"]
    assert counts(tree, GIB) == [2, 0]


def test_surplus_pages_do_not_count(tree):
    tree.write(NODE % (0, 2048, "nr_hugepages"), "10\n")
    tree.write(NODE % (0, 2048, "surplus_hugepages"), "6\n")
    state = run_module(hugepages_info, tree)
    assert [row["count"] for row in state["pages"] if row["size"] == "2M" and row["node"] == 0] == [4]


def test_info(tree):
    state = run_module(hugepages_info, tree)
    assert not state["changed"]
    assert state["sizes"] == ["2M", "1G"]
    assert state["default_size"] == "2M"
    assert state["nodes"] == [{"node": 0, "memory_mib": 8192}, {"node": 1, "memory_mib": 8192}]
    assert state["mounts"] == [{"path": "/dev/hugepages", "size": "2M"}]
    assert state["transparent"] == "madvise"
    assert state["pdpe1gb"]
    # Words behind -- are not the kernel's.
    assert state["kernel_arguments"] == ["hugepagesz=1G", "hugepages=4"]
    assert len(state["pages"]) == 4
