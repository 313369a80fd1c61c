# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil
import signal
import subprocess

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _host, _pci
from ansible_collections.kube_ovn.dpdk.plugins.modules import dpdk_device
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module

DEVICES = "/sys/bus/pci/devices/"
DRIVERS = "/sys/bus/pci/drivers/"
NIC = "0000:05:00.0"
TWIN = "0000:05:00.1"
MANAGEMENT = "0000:01:00.0"
MELLANOX = "0000:07:00.0"
BRIDGE = "0000:00:1c.0"
DISK = "0000:02:00.0"
NO_GROUP = "0000:08:00.0"
UNIT = "/etc/systemd/system/kube-ovn-dpdk-devices.service"
LINK = "/etc/systemd/system/multi-user.target.wants/kube-ovn-dpdk-devices.service"


class Kernel(object):
    """What unbind, driver_override and drivers_probe do, on a made-up tree."""

    def __init__(self, tree, patch):
        self.tree = tree
        self.modalias = {}
        self.names = {}
        self.refusing = set()
        self.writes = []
        real_poke = _host.Sysroot.poke
        kernel = self

        def poke(sysroot, path, text):
            kernel.writes.append((path, text))
            if path.endswith("/unbind"):
                kernel.unbind(text)
            elif path.endswith("/drivers_probe"):
                kernel.probe(text)
            else:
                real_poke(sysroot, path, text)

        patch.setattr(_host.Sysroot, "poke", poke)

    def add(self, address, driver, name=None, vendor="8086", product="10d3", pci_class="020000", group=None, mac="52:54:00:00:00:01"):
        base = DEVICES + address
        for key, value in (("vendor", vendor), ("device", product), ("class", pci_class)):
            self.tree.write("%s/%s" % (base, key), "0x%s\n" % value)
        self.tree.write(base + "/driver_override", "(null)\n")
        self.tree.write(base + "/numa_node", "1\n")
        self.modalias[address] = driver
        self.names[address] = (name, mac)
        if group:
            self.tree.link(base + "/iommu_group", "../../../../kernel/iommu_groups/%s" % group)
            self.tree.link("/sys/kernel/iommu_groups/%s/devices/%s" % (group, address), "../../../../bus/pci/devices/" + address)
        self.driver(driver)
        self.attach(address, driver)

    def driver(self, name):
        if not os.path.isdir(self.tree.path(DRIVERS + name)):
            os.makedirs(self.tree.path(DRIVERS + name))

    def attach(self, address, driver):
        base = DEVICES + address
        self.tree.link(base + "/driver", "../../drivers/" + driver)
        name, mac = self.names[address]
        if driver == self.modalias[address] and name:
            self.tree.write("%s/net/%s/address" % (base, name), mac + "\n")
            self.tree.link("/sys/class/net/" + name, "../../bus/pci/devices/%s/net/%s" % (address, name))
            self.tree.link("%s/net/%s/device" % (base, name), "../..")

    def unbind(self, address):
        base = self.tree.path(DEVICES + address)
        os.unlink(base + "/driver")
        name = self.names[address][0]
        if os.path.isdir(base + "/net"):
            os.unlink(self.tree.path("/sys/class/net/" + name))
            shutil.rmtree(base + "/net")

    def probe(self, address):
        override = self.tree.read(DEVICES + address + "/driver_override").strip()
        driver = override if override not in ("", "(null)") else self.modalias[address]
        # As the kernel: no word about a driver that does not take it.
        if driver not in self.refusing:
            self.attach(address, driver)

    def reboot(self):
        """All is as the kernel likes it; then the unit's script would run."""
        for address in self.modalias:
            self.tree.write(DEVICES + address + "/driver_override", "(null)\n")
            if os.path.islink(self.tree.path(DEVICES + address + "/driver")):
                self.unbind(address)
            self.attach(address, self.modalias[address])


@pytest.fixture
def kernel(tmpdir, monkeypatch):
    tree = Tree(tmpdir.mkdir("root"))
    kernel = Kernel(tree, monkeypatch)
    kernel.driver("vfio-pci")
    kernel.driver("uio_pci_generic")
    kernel.add(NIC, "e1000e", "eth1", group="5")
    kernel.add(MANAGEMENT, "e1000e", "eth0", group="1", product="1533", mac="52:54:00:00:00:02")
    kernel.add(MELLANOX, "mlx5_core", "eth3", vendor="15b3", product="1017", group="7")
    kernel.add(BRIDGE, "pcieport", product="a110", pci_class="060400", group="5")
    kernel.add(DISK, "nvme", product="f1a8", pci_class="010802", group="2")
    kernel.add(NO_GROUP, "virtio-pci", "eth4", vendor="1af4", product="1041")
    head = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    default = "eth0\t00000000\t0202000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    tree.write("/proc/net/route", head + default + "eth0\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n")
    return kernel


def bind(kernel, *names, **params):
    driver = params.pop("driver", "vfio-pci")
    return run_module(dpdk_device, kernel.tree, devices=[{"device": name, "driver": driver} for name in names], **dict({"timeout": 0}, **params))


def driver_of(kernel, address):
    return os.path.basename(os.readlink(kernel.tree.path(DEVICES + address + "/driver")))


@pytest.mark.parametrize("name", [NIC, "05:00.0", "eth1", "8086:10d3", "8086:10D3"])
def test_bound_by_any_name_and_given_back(kernel, name):
    before = kernel.tree.snapshot()
    foreseen = bind(kernel, name, check=True)
    assert not foreseen["failed"], foreseen
    assert kernel.tree.snapshot() == before
    assert kernel.writes == []
    result = bind(kernel, name)
    assert result["changed"]
    assert foreseen["diff"] == result["diff"]
    assert driver_of(kernel, NIC) == "vfio-pci"
    assert result["devices"] == [
        {
            "address": NIC,
            "driver": "vfio-pci",
            "kernel_driver": "e1000e",
            "interface": "eth1",
            "mac": "52:54:00:00:00:01",
            "numa_node": 1,
            "iommu_group": "5",
        }
    ]
    assert kernel.tree.read("/etc/kube-ovn-dpdk/devices").splitlines()[1] == NIC + " vfio-pci e1000e eth1 52:54:00:00:00:01"
    assert os.readlink(kernel.tree.path(LINK)) == UNIT
    # The second run finds it by the same name, though the interface is gone.
    kernel.writes = []
    again = bind(kernel, name)
    assert not again["changed"]
    assert kernel.writes == []
    back = bind(kernel, name, state="absent")
    assert back["changed"]
    assert driver_of(kernel, NIC) == "e1000e"
    assert back["devices"][0]["interface"] == "eth1"
    for path in ("/etc/kube-ovn-dpdk/devices", UNIT, "/etc/kube-ovn-dpdk/bind-devices"):
        assert not os.path.exists(kernel.tree.path(path))
    assert not os.path.islink(kernel.tree.path(LINK))
    assert not bind(kernel, name, state="absent")["changed"]


def test_after_a_reboot_without_the_unit_it_is_bound_again(kernel):
    bind(kernel, NIC)
    kernel.reboot()
    result = bind(kernel, NIC)
    assert result["changed"]
    assert driver_of(kernel, NIC) == "vfio-pci"
    # What it was is still what it was.
    assert result["devices"][0]["kernel_driver"] == "e1000e"


def test_not_persistent(kernel):
    result = bind(kernel, NIC, persistent=False)
    assert result["changed"]
    assert not os.path.exists(kernel.tree.path(UNIT))
    assert not bind(kernel, NIC, persistent=False)["changed"]
    assert bind(kernel, NIC)["changed"]
    assert os.path.exists(kernel.tree.path(UNIT))


def test_another_driver(kernel):
    bind(kernel, NIC)
    result = bind(kernel, NIC, driver="uio_pci_generic")
    assert driver_of(kernel, NIC) == "uio_pci_generic"
    assert result["devices"][0]["kernel_driver"] == "e1000e"


def test_purge_gives_back_what_is_not_listed_any_more(kernel):
    kernel.add(TWIN, "e1000e", "eth2", group="6", product="10d4")
    bind(kernel, NIC, TWIN)
    assert not bind(kernel, NIC)["changed"]
    assert bind(kernel, NIC, purge=True)["changed"]
    assert driver_of(kernel, TWIN) == "e1000e"
    assert driver_of(kernel, NIC) == "vfio-pci"
    assert not bind(kernel, NIC, purge=True)["changed"]


def test_driver_that_does_not_take_it(kernel):
    """drivers_probe reports success; the device is the witness."""
    kernel.refusing.add("vfio-pci")
    result = bind(kernel, NIC)
    assert result["failed"]
    assert "was not taken by vfio-pci within 0 s and is back at e1000e" in result["msg"]
    assert driver_of(kernel, NIC) == "e1000e"
    assert not os.path.exists(kernel.tree.path("/etc/kube-ovn-dpdk/devices"))
    assert not os.path.exists(kernel.tree.path(UNIT))


def test_noiommu_only_when_both_sides_say_so(kernel):
    assert "has no IOMMU group" in bind(kernel, NO_GROUP, noiommu=True)["msg"]
    kernel.tree.write("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "Y\n")
    assert "has no IOMMU group" in bind(kernel, NO_GROUP)["msg"]
    assert bind(kernel, NO_GROUP, noiommu=True)["changed"]


def test_what_comes_later_need_not_be_there_yet(kernel):
    foreseen = bind(kernel, NO_GROUP, NIC, later=True, check=True)
    assert not foreseen["failed"]
    assert foreseen["diff"]["after"][NO_GROUP]["driver"] == "vfio-pci"
    assert "carries the default route" in bind(kernel, MANAGEMENT, later=True, check=True)["msg"]
    assert "has no IOMMU group" in bind(kernel, NO_GROUP, later=True)["msg"]
    assert kernel.writes == []


def test_own_connection_on_whatever_port(monkeypatch):
    """What sudo takes away is still with its parents."""
    script = 'unset SSH_CONNECTION; sh -c "echo \\$\\$; exec sleep 60"; true'
    environment = dict(os.environ, SSH_CONNECTION="192.0.2.9 50000 192.0.2.2 2222")
    parent = subprocess.Popen(["/bin/sh", "-c", script], env=environment, stdout=subprocess.PIPE)
    child = int(parent.stdout.readline())
    try:
        monkeypatch.setattr(os, "getpid", lambda: child)
        assert _pci.own_peers() == set([b"\xc0\x00\x02\x09"])
    finally:
        os.kill(child, signal.SIGKILL)
        parent.communicate()


def test_uio_needs_no_group(kernel):
    assert bind(kernel, NO_GROUP, driver="uio_pci_generic")["changed"]


def test_whole_group_at_once(kernel):
    kernel.add(TWIN, "e1000e", "eth2", group="5")
    result = bind(kernel, NIC)
    assert "IOMMU group 5 of 0000:05:00.0 is not viable: it also holds 0000:05:00.1 (e1000e)" in result["msg"]
    assert bind(kernel, NIC, TWIN)["changed"]
    assert not bind(kernel, "8086:10d3")["changed"]


def master(kernel):
    kernel.tree.link(DEVICES + NIC + "/net/eth1/master", "../../../br0")


def openvswitch(kernel):
    kernel.tree.link(DEVICES + NIC + "/net/eth1/master", "../../../ovs-system")


def upper(kernel):
    kernel.tree.link(DEVICES + NIC + "/net/eth1/upper_eth1.100", "../../../eth1.100")


def vlan_with_default_route(kernel):
    upper(kernel)
    kernel.tree.write("/proc/net/route", kernel.tree.read("/proc/net/route") + "eth1.100\t00000000\t0102000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n")


def ipv6_default_route(kernel):
    kernel.tree.write("/proc/net/ipv6_route", "%s 00 %s 00 fe80%s 00000400 00000001 00000000 00000003 eth1\n" % ("0" * 32, "0" * 32, "0" * 28))


def ssh_over_it(kernel):
    """A peer in 192.0.2.0/24, which eth1 leads to."""
    kernel.tree.write("/proc/net/route", kernel.tree.read("/proc/net/route") + "eth1\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n")
    kernel.tree.write("/proc/net/tcp", "  sl  local_address rem_address   st\n   0: 020200C0:0016 090200C0:C350 01 0\n")


def ssh_over_it_v4_mapped(kernel):
    ssh_over_it(kernel)
    os.unlink(kernel.tree.path("/proc/net/tcp"))
    mapped = "0000000000000000FFFF0000%s"
    kernel.tree.write("/proc/net/tcp6", "  sl  local_address rem_address   st\n   0: %s:0016 %s:C350 01 0\n" % (mapped % "020200C0", mapped % "090200C0"))


def ssh_over_one_of_two_in_a_subnet(kernel):
    """Which of the two the kernel takes depends on metrics and rules; another one, with a name that comes later, is in the subnet too."""
    ssh_over_it(kernel)
    kernel.tree.write("/proc/net/route", kernel.tree.read("/proc/net/route") + "eth8\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n")


def ssh_from_a_link_local_address(kernel):
    """The network is on every interface."""
    line = "fe80%s 40 %s 00 %s 00000100 00000001 00000000 00000001 %%8s\n" % ("0" * 28, "0" * 32, "0" * 32)
    kernel.tree.write("/proc/net/ipv6_route", "".join(line % name for name in ("eth1", "eth8")))
    address = "000080FE00000000000000000%s000000"
    kernel.tree.write("/proc/net/tcp6", "  sl  local_address rem_address   st\n   0: %s:0016 %s:C350 01 0\n" % (address % "1", address % "2"))


def virtual_functions(kernel):
    kernel.tree.write(DEVICES + NIC + "/sriov_numvfs", "4\n")


def not_pci(kernel):
    kernel.tree.write("/sys/class/net/docker0/address", "\n")


BAD = [
    (None, ["0000:09:00.0"], {}, "there is no PCI device 0000:09:00.0"),
    (None, ["8086:ffff"], {}, "no PCI device of vendor:device 8086:ffff"),
    (None, ["eth9"], {}, "is neither a PCI address"),
    (None, ["../../etc"], {}, "is neither a PCI address"),
    (not_pci, ["docker0"], {}, "docker0 is not a PCI device"),
    (None, [BRIDGE], {}, "is a PCI bridge"),
    (None, [DISK], {}, "is not a NIC: its PCI class is 010802"),
    (None, [MELLANOX], {}, "is a Mellanox NIC"),
    (None, [MELLANOX], {"driver": "uio_pci_generic"}, "is a Mellanox NIC"),
    (None, [MANAGEMENT], {}, "carries the default route by eth0"),
    (None, [NIC, "eth0"], {}, "carries the default route by eth0"),
    (None, [NO_GROUP], {}, "has no IOMMU group"),
    (master, [NIC], {}, "is a member of br0; take it out first: ip link set eth1 nomaster"),
    (openvswitch, [NIC], {}, "is a member of ovs-system; take it out first: ovs-vsctl del-port eth1"),
    (upper, [NIC], {}, "is what eth1.100 stands on"),
    (vlan_with_default_route, [NIC], {}, "carries the default route by eth1.100"),
    (ipv6_default_route, [NIC], {}, "carries the default route by eth1"),
    (ssh_over_it, [NIC], {}, "carries the management connection by eth1"),
    (ssh_over_it_v4_mapped, [NIC], {}, "carries the management connection by eth1"),
    (ssh_over_one_of_two_in_a_subnet, [NIC], {}, "carries the management connection by eth1"),
    (ssh_from_a_link_local_address, [NIC], {}, "carries the management connection by eth1"),
    (virtual_functions, [NIC], {}, "has 4 virtual functions"),
]


@pytest.mark.parametrize("prepare, names, params, message", BAD)
def test_bad_input_touches_nothing(kernel, prepare, names, params, message):
    if prepare:
        prepare(kernel)
    before = kernel.tree.snapshot()
    result = bind(kernel, *names, **params)
    assert result["failed"]
    assert message in result["msg"]
    assert kernel.writes == []
    assert kernel.tree.snapshot() == before


def test_two_drivers_for_one_device(kernel):
    result = run_module(dpdk_device, kernel.tree, devices=[{"device": NIC}, {"device": "eth1", "driver": "uio_pci_generic"}])
    assert "is to have two drivers: vfio-pci and uio_pci_generic" in result["msg"]
    assert kernel.writes == []


# As driverctl 0.111 does it: options first, then exactly so many words. A device that no driver takes is left without one, and then nothing is saved.
DRIVERCTL = """#!/bin/sh
root=%(root)s
echo "$@" >> $root/calls
usage() { echo "Usage: driverctl [OPTIONS...] {COMMAND}..."; exit 1; }
save=1
while [ $# -gt 0 ]; do
    case $1 in
    --nosave) save=0 ;;
    set-override) [ $# -eq 3 ] || usage; break ;;
    unset-override) [ $# -eq 2 ] || usage; break ;;
    *) usage ;;
    esac
    shift
done
base=$root/sys/bus/pci/devices/$2
saved=$root/etc/driverctl.d/%(bus)s$2
rm -f $base/driver
echo "$3" > $base/driver_override
if grep -qx "${3:-e1000e}" $root/refusing; then
    echo "driverctl: failed to bind device $2 to driver $3" >&2
    exit 1
fi
ln -s ../../drivers/${3:-e1000e} $base/driver
if [ $save = 0 ]; then
    exit 0
elif [ "$3" ]; then
    mkdir -p $root/etc/driverctl.d
    echo "$3" > $saved
else
    rm -f $saved
fi
"""


def install_driverctl(kernel, bus="pci-", refusing=()):
    kernel.tree.write("/usr/sbin/driverctl", DRIVERCTL % {"root": kernel.tree.root, "bus": bus}, 0o755)
    kernel.tree.write("/refusing", "".join(name + "\n" for name in refusing))
    return kernel.tree.path("/etc/driverctl.d/" + bus + NIC)


@pytest.mark.parametrize("bus", ["pci-", ""], ids=["today's", "of EL 7"])
def test_driverctl_where_present(kernel, bus):
    """driverctl keeps the override for the boot itself."""
    tree = kernel.tree
    saved = install_driverctl(kernel, bus)
    assert bind(kernel, "eth1")["changed"]
    assert kernel.writes == []
    assert os.path.exists(saved)
    assert not os.path.exists(tree.path(UNIT))
    assert not bind(kernel, NIC)["changed"]
    assert bind(kernel, NIC, state="absent")["changed"]
    assert tree.read("/calls").splitlines() == ["set-override %s vfio-pci" % NIC, "unset-override %s" % NIC]
    assert not os.path.exists(saved)
    assert not os.path.exists(tree.path("/etc/kube-ovn-dpdk/devices"))


@pytest.mark.parametrize("bus", ["pci-", ""], ids=["today's", "of EL 7"])
@pytest.mark.parametrize("driver", ["vfio-pci", "uio_pci_generic"])
def test_driverctl_and_what_another_version_of_it_has_saved(kernel, bus, driver):
    """The two name their files differently."""
    saved = install_driverctl(kernel, bus)
    other = "/etc/driverctl.d/" + ("" if bus else "pci-") + NIC
    kernel.tree.write(other, driver + "\n")
    result = bind(kernel, NIC)
    assert not result["failed"], result
    assert os.path.exists(saved)
    assert not os.path.exists(kernel.tree.path(other))
    assert not bind(kernel, NIC)["changed"]


def test_driverctl_and_both_files(kernel):
    install_driverctl(kernel)
    bind(kernel, NIC)
    calls = kernel.tree.read("/calls")
    kernel.tree.write("/etc/driverctl.d/" + NIC, "vfio-pci\n")
    result = bind(kernel, NIC)
    assert not result["failed"], result
    assert not result["changed"]
    assert kernel.tree.read("/calls") == calls
    assert bind(kernel, NIC, state="absent")["changed"]
    assert os.listdir(kernel.tree.path("/etc/driverctl.d")) == []


def test_driverctl_and_a_driver_that_does_not_take_it(kernel):
    install_driverctl(kernel, refusing=["vfio-pci"])
    result = bind(kernel, NIC)
    assert "was not taken by vfio-pci within 0 s and is back at e1000e" in result["msg"]
    assert "driverctl says: driverctl: failed to bind device %s to driver vfio-pci" % NIC in result["msg"]
    assert driver_of(kernel, NIC) == "e1000e"
    assert not os.path.exists(kernel.tree.path("/etc/kube-ovn-dpdk/devices"))


def test_driverctl_and_no_driver_at_all(kernel):
    """What cannot be put back either is told."""
    install_driverctl(kernel, refusing=["vfio-pci", "e1000e"])
    assert "is back at no driver" in bind(kernel, NIC)["msg"]


def test_driverctl_when_it_cannot_give_back(kernel):
    saved = install_driverctl(kernel)
    bind(kernel, NIC)
    install_driverctl(kernel, refusing=["e1000e"])
    result = bind(kernel, NIC, state="absent")
    assert "did not go back to e1000e" in result["msg"]
    # The next boot does not bind what was to be given back, and the next run knows what the device was.
    assert not os.path.exists(saved)
    assert NIC in kernel.tree.read("/etc/kube-ovn-dpdk/devices")
    install_driverctl(kernel)
    assert bind(kernel, NIC, state="absent")["changed"]
    assert driver_of(kernel, NIC) == "e1000e"
    assert not os.path.exists(kernel.tree.path("/etc/kube-ovn-dpdk/devices"))


def test_driverctl_not_persistent(kernel):
    saved = install_driverctl(kernel)
    assert bind(kernel, NIC, persistent=False)["changed"]
    assert driver_of(kernel, NIC) == "vfio-pci"
    assert not os.path.exists(saved)
    assert not bind(kernel, NIC, persistent=False)["changed"]
    assert kernel.tree.read("/calls").splitlines() == ["--nosave set-override %s vfio-pci" % NIC]


def test_driverctl_not_persistent_any_more(kernel):
    """What was saved is forgotten, and the device, which may be in use, stays as it is."""
    saved = install_driverctl(kernel)
    bind(kernel, NIC)
    calls = kernel.tree.read("/calls")
    assert bind(kernel, NIC, persistent=False)["changed"]
    assert not os.path.exists(saved)
    assert driver_of(kernel, NIC) == "vfio-pci"
    assert kernel.tree.read("/calls") == calls
    assert not bind(kernel, NIC, persistent=False)["changed"]
    assert bind(kernel, NIC)["changed"]
    assert os.path.exists(saved)
