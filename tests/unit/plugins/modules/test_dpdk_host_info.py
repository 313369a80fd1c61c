# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.modules import dpdk_host_info
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module

# As dpkg-query prints its packages in the order of their names, and its complaints about unknown ones elsewhere. The first letter of a status is what is
# wanted, the second what is: hi is held and installed, rc is removed with its configuration left, un was only heard of and has no version.
DPKG = """#!/bin/sh
shift 2
for name in "$@"; do
    case $name in
    kmod) echo 'kmod amd64 30+20221128-1 ii ' ;;
    held) echo 'held amd64 1.0 hi ' ;;
    removed) echo 'removed amd64 1.0 rc ' ;;
    heard) echo 'heard   un ' ;;
    libc6:i386) echo 'libc6 i386 2.36-9 ii ' ;;
    *) echo "dpkg-query: no packages found matching $name" >&2; bad=1 ;;
    esac
done
exit ${bad:-0}
"""
# rpm knows a package by what it provides, which a name with a version is not, and by its own name with or without that.
RPM = """#!/bin/sh
case "$*" in
'--query --whatprovides kmod' | '--query --whatprovides editor' | '--query kmod' | '--query kmod-28-10.el9') exit 0 ;;
esac
echo 'not installed'
exit 1
"""
MODPROBE = """#!/bin/sh
[ "$2" = here ] || { echo "modprobe: FATAL: Module $2 not found" >&2; exit 1; }
"""
RELEASES = {
    "debian": "ID=debian\n",
    "ubuntu": 'NAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n',
    "el9": 'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
    "el7": 'ID="centos"\nID_LIKE="rhel fedora"\n',
    "suse": 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\n',
}


@pytest.fixture
def tree(tmpdir, monkeypatch):
    tree = Tree(tmpdir.mkdir("root"))
    for name, text in (("dpkg-query", DPKG), ("rpm", RPM), ("modprobe", MODPROBE)):
        tree.write("/bin/" + name, text, 0o755)
    monkeypatch.setenv("PATH", "%s:%s" % (tree.path("/bin"), os.environ["PATH"]))
    tree.write("/etc/os-release", RELEASES["debian"])
    return tree


@pytest.mark.parametrize("name, family", [("debian", "debian"), ("ubuntu", "debian"), ("el9", "redhat"), ("el7", "redhat"), ("suse", "")])
def test_family(tree, name, family):
    tree.write("/etc/os-release", RELEASES[name])
    assert run_module(dpdk_host_info, tree)["family"] == family


@pytest.mark.parametrize("table, kind", [(None, "none"), ("DMAR", "intel"), ("IVRS", "amd"), ("dynamic/DMAR", "intel"), ("DSDT", "none")])
def test_iommu_of_the_firmware(tree, table, kind):
    if table:
        tree.write("/sys/firmware/acpi/tables/" + table, "")
    # The vendor of the CPU says nothing.
    tree.write("/proc/cpuinfo", "vendor_id : GenuineIntel\nflags : vmx sse4_2\n")
    result = run_module(dpdk_host_info, tree)
    assert (result["iommu"], result["cpu"]["flags"]) == (kind, ["sse4_2", "vmx"])


def test_packages_of_the_debian_family(tree):
    asked = ["kmod", "kmod=30+20221128-1", "kmod=31", "held", "removed", "heard", "libc6:i386", "none"]
    assert run_module(dpdk_host_info, tree, packages=asked)["missing_packages"] == ["kmod=31", "removed", "heard", "none"]


def test_packages_of_el(tree):
    tree.write("/etc/os-release", RELEASES["el9"])
    asked = ["kmod", "kmod-28-10.el9", "editor", "kmod-29", "@development", "https://example.org/a.rpm", "--eval"]
    assert run_module(dpdk_host_info, tree, packages=asked)["missing_packages"] == asked[3:]


def test_packages_of_others_are_left_to_their_manager(tree):
    tree.write("/etc/os-release", RELEASES["suse"])
    assert run_module(dpdk_host_info, tree, packages=["kmod"])["missing_packages"] == ["kmod"]


def test_drivers(tree):
    os.makedirs(tree.path("/sys/module/vfio_pci"))
    # Built in, without parameters.
    os.makedirs(tree.path("/sys/bus/pci/drivers/uio_pci_generic"))
    result = run_module(dpdk_host_info, tree, drivers=["vfio-pci", "uio_pci_generic", "here", "igb_uio"])
    assert result["unloaded_drivers"] == ["here", "igb_uio"]
    assert result["unavailable_drivers"] == {"igb_uio": "modprobe: FATAL: Module igb_uio not found"}


def test_the_rest(tree):
    os.makedirs(tree.path("/sys/kernel/iommu_groups/0"))
    os.makedirs(tree.path("/usr/lib/tuned/profiles/cpu-partitioning"))
    tree.write("/proc/cmdline", 'BOOT_IMAGE=/vmlinuz ro a="b c" -- single\n')
    tree.write("/etc/modules-load.d/x.conf", "vfio-pci\n")
    before = tree.snapshot()
    result = run_module(dpdk_host_info, tree, tuned_profiles=["cpu-partitioning", "mine"], read=["/etc/modules-load.d/x.conf", tree.path("/etc/none")])
    assert result["iommu_groups"] == 1
    assert result["cmdline"] == ["BOOT_IMAGE=/vmlinuz", "ro", 'a="b c"']
    assert result["missing_tuned_profiles"] == ["mine"]
    assert result["files"] == {"/etc/modules-load.d/x.conf": "vfio-pci\n", tree.path("/etc/none"): None}
    assert not result["changed"]
    assert tree.snapshot() == before


def test_files_that_are_looked_for(tree):
    tree.write("/opt/dpdk/testpmd", "")
    result = run_module(dpdk_host_info, tree, find=["/opt/dpdk/testpmd", tree.path("/opt/dpdk/testpmd"), "/opt/other"])
    assert result["missing_files"] == ["/opt/other"]
