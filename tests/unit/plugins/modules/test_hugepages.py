# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import os
import re

import pytest
from ansible.module_utils import basic
from ansible.module_utils.common.text.converters import to_text
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _host
from ansible_collections.kube_ovn.dpdk.plugins.modules import hugepages, hugepages_info
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules import boot_trees
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module

GIB = 1024 * 1024
NODE = "/sys/devices/system/node/node%d/hugepages/hugepages-%dkB/%s"
TRANSPARENT = "/sys/kernel/mm/transparent_hugepage/enabled"


def host(tree, nodes=2, gib=8, flags="fpu pdpe1gb", sizes=(2048, GIB), release="6.1.0-30-amd64"):
    tree.write("/proc/meminfo", "MemTotal:       %d kB\nHugepagesize:       2048 kB\n" % (nodes * gib * GIB))
    tree.write("/proc/cpuinfo", "processor\t: 0\nflags\t\t: %s\n" % flags)
    tree.write("/proc/cmdline", "quiet hugepagesz=1G hugepages=4 -- hugepages=9\n")
    tree.write("/proc/sys/kernel/osrelease", release + "\n")
    tree.write(
        "/proc/self/mounts", "hugetlbfs /dev/hugepages hugetlbfs rw,relatime,pagesize=2M 0 0\nproc /proc proc rw 0 0\n"
    )
    tree.write(TRANSPARENT, "always [madvise] never\n")
    for size in sizes:
        for name in ("nr_hugepages", "surplus_hugepages"):
            tree.write("/sys/kernel/mm/hugepages/hugepages-%dkB/%s" % (size, name), "0\n")
            for node in range(nodes):
                tree.write(NODE % (node, size, name), "0\n")
    for node in range(nodes):
        tree.write(
            "/sys/devices/system/node/node%d/meminfo" % node, "Node %d MemTotal:       %d kB\n" % (node, gib * GIB)
        )


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
    assert result["tmpfiles"] == ["w! %s - - - - never" % TRANSPARENT]


ARGUMENTS = [
    ("6.1.0", [page("1G", 4, 0), page("1G", 2, 1)], None, ["hugepagesz=1G", "hugepages=0:4,1:2"]),
    ("5.16.1", [page("1G", 4, 1)], None, ["hugepagesz=1G", "hugepages=1:4"]),
    ("5.15.0-100-generic", [page("1G", 2, 1)], None, ["hugepagesz=1G", "hugepages=4"]),
    # Twice as much as asked for would not leave enough on a node.
    ("3.10.0-1160.el7", [page("1G", 7, 1)], None, ["hugepagesz=1G", "hugepages=7"]),
    ("3.10.0-1160.el7", [page("1G", 4)], "1G", ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=4"]),
    (
        "6.1.0",
        [page("2M", 512), page("1G", 1, 0)],
        "1G",
        ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=0:1", "hugepagesz=2M", "hugepages=512"],
    ),
    ("6.1.0", [page("1G", 0, 0)], None, []),
]


@pytest.mark.parametrize("release, pages, default, words", ARGUMENTS)
def test_kernel_arguments(tree, release, pages, default, words):
    tree.write("/proc/sys/kernel/osrelease", release + "\n")
    assert have(tree, pages, default_size=default, check=True)["kernel_arguments"] == words


def test_tmpfiles_lower_first(tree):
    assert have(tree, [page("1G", 4, 1)], check=True)["tmpfiles"] == [
        "w! /sys/devices/system/node/node0/hugepages/hugepages-1048576kB/nr_hugepages - - - - 0",
        "w! /sys/devices/system/node/node1/hugepages/hugepages-1048576kB/nr_hugepages - - - - 4",
    ]


BAD = [
    ([page("1G", 9, 0)], {}, "do not fit on NUMA node 0, which has 8192 MiB"),
    # The kernel has to work on every node.
    ([page("1G", 8, 1)], {}, "do not fit on NUMA node 1, which has 8192 MiB, of which 256 MiB are kept"),
    (
        [page("1G", 7, 1), page("2M", 300, 1)],
        {"reserve": "1G"},
        "do not fit on NUMA node 1, which has 8192 MiB, of which 512 MiB are kept",
    ),
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
    ([page("1G", 1)], {"default_size": "3M"}, "pages of 3M are not offered by this kernel; it has 2M, 1G"),
    (
        [page("1G", 1)],
        {"mounts": [{"path": "/mnt/huge", "size": "512M"}]},
        "asks for pages of 512M; this kernel has 2M, 1G",
    ),
    ([page("1G", 1)], {"mounts": [{"path": "mnt/huge"}]}, "does not begin with /"),
    ([page("1G", 1)], {"mounts": [{"path": "/mnt/huge"}, {"path": "/mnt/huge/", "size": "1G"}]}, "is listed twice"),
    ([page("1G", 1)], {"mounts": [{"path": "/proc/cmdline"}]}, "is no directory"),
    ([page("1G", 1)], {"mounts": [{"path": "/data"}]}, "/etc/fstab mounts ext4 at /data"),
    ([page("1G", 1)], {"mounts": [{"path": "/twice"}]}, "/etc/fstab has 2 lines for /twice"),
    (
        [page("2M", 1)],
        {"persistent": True},
        "/etc/sysctl.d/90-huge.conf sets vm.nr_hugepages = 64, which are pages of 2M, at every boot, and 1 are asked for",
    ),
    ([page("1G", 1)], {"persistent": True, "purge": True}, "sets vm.nr_hugepages = 64"),
]


@pytest.mark.parametrize("pages, params, message", BAD)
def test_bad_input_touches_nothing(tree, pages, params, message):
    tree.write("/etc/fstab", FOREIGN)
    tree.write("/etc/sysctl.d/90-huge.conf", "# vm.nr_hugepages = 1\n-vm.nr_hugepages = 64\n")
    before = tree.snapshot()
    for check in (True, False):
        result = have(tree, pages, check=check, **params)
        assert result["failed"]
        assert message in result["msg"]
        assert tree.snapshot() == before


def test_default_size_on_a_cpu_without_it(tmpdir):
    """The host would be drained and rebooted for nothing."""
    tree = Tree(tmpdir.mkdir("root"))
    host(tree, flags="fpu pse", sizes=(2048,))
    assert "no pdpe1gb flag" in have(tree, [page("2M", 1)], default_size="1G")["msg"]


def test_sysctl_that_says_the_same(tree):
    tree.write("/usr/lib/sysctl.d/90-huge.conf", "vm.nr_hugepages = 64\n")
    assert not have(tree, [page("2M", 60, 0), page("2M", 4, 1)], persistent=True)["failed"]
    # Another size, and a file that is hidden by one of the same name.
    assert not have(tree, [page("1G", 1)], persistent=True)["failed"]
    tree.write("/etc/sysctl.d/90-huge.conf", "")
    assert not have(tree, [page("2M", 5)], persistent=True)["failed"]


# Where it is read at boot: by a link of the package systemd or procps, or by what is not known here.
@pytest.mark.parametrize(
    "release, link, refused",
    [
        ("ID=debian\nVERSION_ID=\"13\"\n", False, False),
        ("ID=debian\n", False, False),
        ("ID=debian\nVERSION_ID=\"13\"\n", True, True),
        ("ID=debian\nVERSION_ID=\"12\"\n", False, True),
        ("ID=ubuntu\nVERSION_ID=\"24.04\"\n", True, True),
        ("ID=\"rocky\"\nVERSION_ID=\"9.5\"\n", False, True),
    ],
)
def test_sysctl_conf(tree, release, link, refused):
    tree.write("/etc/os-release", release)
    tree.write("/etc/sysctl.conf", "vm.nr_hugepages = 512\n")
    if link:
        tree.link("/etc/sysctl.d/99-sysctl.conf", "../sysctl.conf")
    result = have(tree, [page("2M", 100)], persistent=True)
    assert result["failed"] == refused
    if refused:
        assert "sysctl.conf sets vm.nr_hugepages = 512" in result["msg"]
    # Where there is the link, it has its place among the others.
    tree.write("/etc/sysctl.d/99-zz.conf", "vm.nr_hugepages = 100\n")
    assert have(tree, [page("2M", 100)], persistent=True)["failed"] == (refused and not link)


PER_NODE = NODE % (0, 2048, "nr_hugepages")
EVERY_NODE = PER_NODE.replace("node0", "node%s")
TOTAL = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages"
# Names of files before and after ours, a line in it, and whether it undoes 100 pages on node 0.
TMPFILES = [
    ("dpdk.conf", "w %s - - - - 16" % PER_NODE, True),
    ("dpdk.conf", "w! '%s'   - - - -   16" % PER_NODE.replace("/node/", "//node/"), True),
    ("dpdk.conf", "w %s - - - - 100" % PER_NODE, False),
    ("dpdk.conf", "# w %s - - - - 16" % PER_NODE, False),
    ("dpdk.conf", "r %s" % PER_NODE, False),
    ("zz.conf", "F %s - - - - 16" % PER_NODE, False),
    # Ours is written afterwards, or alone.
    ("dpdk.conf", "w %s - - - - 16" % (EVERY_NODE % "*"), False),
    ("dpdk.conf", "w %s - - - - 16" % TOTAL, False),
    ("zz.conf", "w %s - - - - 16" % PER_NODE, False),
    ("zz.conf", "w+ %s - - - - 16" % PER_NODE, True),
    ("zz.conf", "w %s - - - - 16" % (EVERY_NODE % "*"), True),
    ("zz.conf", "w %s - - - - 0" % (EVERY_NODE % "[1-9]"), False),
    ("zz.conf", "w- %s - - - - 0" % (EVERY_NODE % "{0,1}"), True),
    ("zz.conf", "w %s - - - - 16" % TOTAL, True),
    ("zz.conf", "w %s - - - - 100" % TOTAL, False),
    ("zz.conf", "w /proc/sys/vm/nr_hugepages - - - - 16", True),
    ("zz.conf", "w %s - - - - 16" % TOTAL.replace("2048", "1048576"), False),
]


@pytest.mark.parametrize("name, line, refused", TMPFILES)
def test_tmpfiles_of_others(tree, name, line, refused):
    tree.write("/proc/sys/vm/nr_hugepages", "0\n")
    tree.write("/usr/lib/tmpfiles.d/" + name, line + "\n")
    before = tree.snapshot()
    result = have(tree, [page("2M", 100, 0)], persistent=True, check=True)
    assert result["failed"] == refused, result
    if refused:
        assert "/usr/lib/tmpfiles.d/%s writes " % name in result["msg"]
        assert "so that pages of 2M would be others than those that are asked for; remove that line" in result["msg"]
        assert have(tree, [page("2M", 100, 0)], persistent=True)["msg"] == result["msg"]
        assert tree.snapshot() == before
        # An empty file of the same name hides it.
        tree.link("/etc/tmpfiles.d/" + name, "/dev/null")
    assert not have(tree, [page("2M", 100, 0)], persistent=True)["failed"]
    assert not have(tree, [page("2M", 100, 0)], persistent=True)["changed"]
    assert not have(tree, [page("2M", 100, 0)], state="absent", persistent=True)["failed"]


def test_tmpfiles_of_others_and_pages_without_a_node(tree):
    tree.write("/etc/tmpfiles.d/zz.conf", "w %s - - - - 16\n" % PER_NODE)
    assert "zz.conf writes 16 to %s" % PER_NODE in have(tree, [page("2M", 100)], persistent=True)["msg"]
    assert not have(tree, [page("2M", 100)])["failed"]


def test_static_memory_manager(tree):
    """A kubelet with other counts in its checkpoint does not start."""
    have(tree, [page("1G", 2, 0)])
    tree.write("/var/lib/kubelet/memory_manager_state", '{"policyName":"Static","machineState":{"0":{}},"checksum":1}')
    before = tree.snapshot()
    assert "remove that file, run again and start the kubelet" in have(tree, [page("1G", 3, 0)])["msg"]
    assert "would not start with other hugepages" in have(tree, [page("1G", 3, 0)], state="absent")["msg"]
    assert tree.snapshot() == before
    assert not have(tree, [page("1G", 2, 0)])["failed"]
    tree.write("/var/lib/kubelet/memory_manager_state", '{"policyName":"None","machineState":{},"checksum":1}')
    assert have(tree, [page("1G", 3, 0)])["changed"]


def test_pod_that_calls_its_process_kubelet(tree):
    tree.process(1, "/sbin/init")
    tree.pod(9, "kubelet", "--root-dir=/proc/9/root/evil")
    tree.write("/proc/9/root/evil/memory_manager_state", '{"policyName": "Static"}')
    assert not have(tree, [page("1G", 3, 0)])["failed"]


def test_older_kernel_that_is_installed_too(tree):
    """It may be what the next boot starts, and cannot read counts for each node."""
    for name in ("6.1.0-30-amd64", "5.10.0-30-amd64"):
        tree.mkdir("/lib/modules/" + name)
    assert have(tree, [page("1G", 2, 1)], check=True)["kernel_arguments"] == ["hugepagesz=1G", "hugepages=4"]
    os.rmdir(tree.path("/lib/modules/5.10.0-30-amd64"))
    assert have(tree, [page("1G", 2, 1)], check=True)["kernel_arguments"] == ["hugepagesz=1G", "hugepages=1:2"]


TMPFILES = "/etc/tmpfiles.d/kube-ovn-dpdk-hugepages.conf"
BOOT = {"owner": "hugepages"}


def test_kernel_arguments_are_configured_in_the_same_call(tree):
    loader = boot_trees.debian(tree)
    before = tree.listing()
    wanted = dict(pages=[page("1G", 4, 0)], boot=BOOT)
    told = have(tree, check=True, **wanted)
    assert told["boot"]["reboot_required"] and tree.listing() == before
    done = have(tree, **wanted)
    assert (told["changed"], told["diff"], told["boot"]) == (done["changed"], done["diff"], done["boot"])
    assert done["diff"][0]["after"]["hugepages"]["1G"] == {"node0": 4, "node1": 0}
    assert [word for word in done["diff"][1]["after"].split() if word.startswith("huge")] == done["kernel_arguments"]
    again = have(tree, **wanted)
    assert not again["changed"] and again["boot"]["reboot_required"]
    loader.boot()
    assert not have(tree, pages=wanted["pages"], boot=dict(BOOT, booted=True))["changed"]
    undone = have(tree, boot=dict(BOOT, state="absent"), pages=wanted["pages"])
    assert undone["changed"] and undone["diff"][0]["before"] == undone["diff"][0]["after"]


def test_kernel_arguments_stay_where_the_pages_are_not_had(tree, monkeypatch):
    boot_trees.debian(tree)
    have(tree, [page("1G", 4, 0)], boot=BOOT)
    text = tree.read("/boot/grub/grub.cfg")
    for count in (9, 5):
        # The first is refused, and the second is what the kernel does not give.
        Grudging(monkeypatch, [4] * 9)
        result = have(tree, [page("1G", count, 0)], boot=dict(BOOT, state="absent"))
        assert result["failed"] and not result["changed"] and tree.read("/boot/grub/grub.cfg") == text


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_persistent(tree, umask):
    before = tree.listing()
    old = os.umask(umask)
    try:
        foreseen = have(tree, [page("1G", 1, 0)], persistent=True, check=True)
        result = have(tree, [page("1G", 1, 0)], persistent=True)
    finally:
        os.umask(old)
    assert foreseen["diff"] == result["diff"]
    assert tree.read(TMPFILES).splitlines()[1:] == result["tmpfiles"]
    assert os.stat(tree.path(TMPFILES)).st_mode & 0o777 == 0o644
    assert result["newer_than_boot"]
    assert not have(tree, [page("1G", 1, 0)], persistent=True)["changed"]
    # Not asked about, it stays.
    have(tree, [page("1G", 0, 0)])
    assert os.path.exists(tree.path(TMPFILES))
    assert have(tree, [page("1G", 0, 0)], persistent=False)["changed"]
    after = tree.listing()
    assert set(after) - set(before) == set(["etc", "etc/tmpfiles.d"])


# Mounts

FOREIGN = (
    "# hugetlbfs /mnt/huge hugetlbfs pagesize=1G,x-kube-ovn-dpdk 0 0\n"
    "#hugetlbfs /mnt/huge hugetlbfs pagesize=1G,x-kube-ovn-dpdk 0 0\n"
    "/dev/vda1 / ext4 defaults 0 1\n"
    "/dev/vdb /data ext4 defaults 0 2\n"
    "none /twice hugetlbfs defaults 0 0\nnone /twice hugetlbfs pagesize=1G 0 0\n"
    "none\t/mnt/plain   hugetlbfs mode=0775 0 0\n"
    "hugetlbfs /mnt/huge hugetlbfs rw,pagesize=1G,uid=7 0 0  # of the admin\n"
)


class Kernel(object):
    """mount and umount, which keep /proc/self/mounts of the tree as the kernel would."""

    def __init__(self, patch, tree):
        self.tree = tree
        self.calls = []
        self.busy = False
        patch.setattr(basic.AnsibleModule, "get_bin_path", lambda _module, name, **_options: name)
        patch.setattr(basic.AnsibleModule, "run_command", lambda _module, command, **_options: self.run(command))

    def run(self, command):
        self.calls.append("%s %s" % (os.path.basename(command[0]), command[-1]))
        text = self.tree.read("/proc/self/mounts")
        path = to_text(command[-1]).replace(u" ", u"\\040")
        if command[0] == "umount":
            if self.busy:
                return 32, "", "umount: %s: target is busy." % path
            self.tree.write(
                "/proc/self/mounts", "".join(line + "\n" for line in text.split("\n")[:-1] if line.split(" ")[1] != path)
            )
            return 0, "", ""
        line = [
            re.split("[ \t]+", line)
            for line in self.tree.read("/etc/fstab").split("\n")[:-1]
            if not line.startswith("#") and re.split("[ \t]+", line)[1] == path
        ][-1]
        size = [option for option in line[3].split(",") if option.startswith("pagesize=")] or ["pagesize=2M"]
        self.tree.write("/proc/self/mounts", text + "hugetlbfs %s hugetlbfs rw,%s 0 0\n" % (path, size[0]))
        return 0, "", ""


@pytest.fixture
def kernel(tree, monkeypatch):
    tree.write("/etc/fstab", FOREIGN)
    return Kernel(monkeypatch, tree)


def mounted(tree, mounts, **params):
    """The same in check mode before, and nothing in a second run."""
    before = tree.snapshot()
    foreseen = have(tree, [], mounts=mounts, check=True, **params)
    assert tree.snapshot() == before
    result = have(tree, [], mounts=mounts, **params)
    assert not result["failed"], result
    assert foreseen["diff"] == result["diff"]
    assert foreseen["changed"] == result["changed"]
    settled = tree.snapshot()
    assert not have(tree, [], mounts=mounts, **params)["changed"]
    assert tree.snapshot() == settled
    return result


def test_mount_is_made_and_undone(tree, kernel):
    before = tree.listing()
    assert mounted(tree, [{"path": "/mnt/1g", "size": "1G"}])["changed"]
    assert kernel.calls == ["mount /mnt/1g"]
    assert (
        tree.read("/etc/fstab")
        == FOREIGN + "hugetlbfs /mnt/1g hugetlbfs pagesize=1G,x-kube-ovn-dpdk,x-kube-ovn-dpdk.directory 0 0\n"
    )
    assert os.path.isdir(tree.path("/mnt/1g"))
    mounted(tree, [{"path": "/mnt/1g", "size": "1G"}], state="absent")
    assert kernel.calls[1:] == ["umount /mnt/1g"]
    after = tree.listing()
    assert after.pop("mnt")
    assert after == before


def test_comments_are_no_mounts(tree, kernel):
    """The admin's own mount for that path is neither unmounted nor taken out."""
    tree.write("/proc/self/mounts", "hugetlbfs /mnt/huge hugetlbfs rw,pagesize=1G 0 0\n")
    for state in ("present", "absent"):
        mounted(tree, [], state=state)
    assert kernel.calls == []
    assert tree.read("/etc/fstab") == FOREIGN


def test_mount_point_stays(tree, kernel):
    """That of systemd is gone until the next boot otherwise, and one that is not empty fails the play."""
    tree.mkdir("/dev/hugepages")
    tree.write("/mnt/full/file", "")
    mounts = [{"path": "/dev/hugepages", "size": "1G"}, {"path": "/mnt/full", "size": "1G"}]
    mounted(tree, mounts)
    # It had pages of 2 MiB.
    assert kernel.calls == ["umount /dev/hugepages", "mount /dev/hugepages", "mount /mnt/full"]
    mounted(tree, mounts, state="absent")
    assert os.path.isdir(tree.path("/dev/hugepages"))
    assert os.path.exists(tree.path("/mnt/full/file"))
    assert tree.read("/etc/fstab") == FOREIGN


def test_line_of_somebody_else(tree, kernel):
    """As it is where it is as asked for; replaced and restored where it is not."""
    mounts = [{"path": "/mnt/huge", "size": "1G"}, {"path": "/mnt/plain"}]
    mounted(tree, mounts)
    assert tree.read("/etc/fstab") == FOREIGN
    assert kernel.calls == ["mount /mnt/huge", "mount /mnt/plain"]
    mounted(tree, [{"path": "/mnt/huge", "size": "2M"}])
    assert "\nhugetlbfs /mnt/huge hugetlbfs pagesize=2M,x-kube-ovn-dpdk 0 0\n" in tree.read("/etc/fstab")
    mounted(tree, [])
    assert tree.read("/etc/fstab") == FOREIGN


def test_mount_without_a_size_takes_what_is_there(tree, kernel):
    mounted(tree, [{"path": "/dev/hugepages"}])
    assert kernel.calls == []
    assert tree.read("/etc/fstab") == FOREIGN
    tree.write("/proc/self/mounts", "")
    mounted(tree, [{"path": "/dev/hugepages"}])
    assert kernel.calls == ["mount /dev/hugepages"]


def test_mount_that_is_in_use_stays_in_the_list(tree, kernel):
    """Else the next run would know nothing of it."""
    mounted(tree, [{"path": "/mnt/1g", "size": "1G"}])
    kernel.busy = True
    before = tree.snapshot()
    for _run in range(2):
        result = have(tree, [], mounts=[])
        assert "target is busy" in result["msg"] and "Stop what uses its pages" in result["msg"]
        assert tree.snapshot() == before


@pytest.mark.parametrize("path", [u"/mnt/gr\xf6\xdfe", u"/mnt/\u0441\u0442\u0440\u0430\u043d\u0438\u0446\u044b", u"/mnt/a b\u0445\u2003\xa0"])
def test_mount_point_that_is_not_ascii(tree, kernel, path):
    """Bytes of its letters are white space and line ends to others: U+0445 ends in 85, and U+00A0 in A0."""
    lines = u"# \xdcbersicht\n" + FOREIGN
    tree.write("/etc/fstab", lines)
    # A line of a release that wrote the letters as Latin-1.
    with open(tree.path("/etc/fstab"), "ab") as stream:
        stream.write(b"hugetlbfs /mnt/gr\xf6\xdfe hugetlbfs defaults,x-kube-ovn-dpdk 0 0\n")
    assert have(tree, [], mounts=[])["changed"]
    assert tree.read("/etc/fstab") == lines
    result = mounted(tree, [{"path": path}])
    assert u"hugetlbfs %s hugetlbfs defaults,x-kube-ovn-dpdk" % path.replace(u" ", u"\\040") in result["diff"]["after"]["mounts"]["fstab"][-1]
    assert tree.read("/etc/fstab").startswith(lines + u"hugetlbfs %s hugetlbfs " % path.replace(u" ", u"\\040"))
    assert os.path.isdir(tree.path(path))
    mounted(tree, [{"path": path}], state="absent")
    assert tree.read("/etc/fstab") == lines
    assert not os.path.exists(tree.path(path))


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_no_fstab(tree, kernel, umask):
    os.unlink(tree.path("/etc/fstab"))
    old = os.umask(umask)
    try:
        mounted(tree, [{"path": "/mnt/a b", "size": "1G"}])
    finally:
        os.umask(old)
    assert tree.read("/etc/fstab").startswith("hugetlbfs /mnt/a\\040b hugetlbfs")
    modes = [os.stat(tree.path(path)).st_mode & 0o777 for path in ("/etc/fstab", "/mnt/a b")]
    assert modes == [0o644, 0o755]


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
