# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil
import signal
import stat
import subprocess
import time

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _dpdk_device, _host, _pci
from ansible_collections.kube_ovn.dpdk.plugins.modules import dpdk_device, kernel_cmdline
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules import boot_trees
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


RECORD = "/etc/kube-ovn-dpdk/devices"
SCRIPT = "/etc/kube-ovn-dpdk/bind-devices"
RULES = "/etc/udev/rules.d/70-kube-ovn-dpdk-devices.rules"


class Kernel(object):
    """What unbind, driver_override and drivers_probe do, on a made-up tree.

    After drivers/base/bus.c (unbind_store, drivers_probe_store), drivers/pci/pci-sysfs.c (driver_override_store) and drivers/vfio/vfio_main.c
    (vfio_unregister_group_dev, which waits without an end for whoever has the device open). The module writes in processes of its own, so what they wrote
    is kept in a file.
    """

    def __init__(self, tree, patch):
        self.tree = tree
        self.modalias = {}
        self.names = {}
        self.refusing = set()
        # Addresses of devices that are open somewhere.
        self.held = set()
        self.log = tree.root + "-writes"
        self.writes = []
        real_poke = _host.Sysroot.poke
        kernel = self

        def poke(sysroot, path, text):
            with open(kernel.log, "a") as stream:
                stream.write("%s %s recorded=%d\n" % (path, text.strip(), int(os.path.exists(tree.path(RECORD)))))
            if path.endswith("/unbind"):
                kernel.unbind(text, path.split("/")[-2])
            elif path.endswith("/drivers_probe"):
                kernel.probe(text)
            elif path.endswith("/driver_override"):
                real_poke(sysroot, path, text if text.strip() else "(null)\n")
            else:
                real_poke(sysroot, path, text)

        patch.setattr(_host.Sysroot, "poke", poke)

    @property
    def writes(self):
        with open(self.log) as stream:
            return stream.read().splitlines()

    @writes.setter
    def writes(self, lines):
        with open(self.log, "w") as stream:
            stream.write("".join(lines))

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
            if os.path.lexists(self.tree.path("/sys/class/net/" + name)):
                # Names are unique, and its own was given to another one.
                name = "rename%s" % name
                self.names[address] = (name, mac)
            self.tree.write("%s/net/%s/address" % (base, name), mac + "\n")
            self.tree.link("/sys/class/net/" + name, "../../bus/pci/devices/%s/net/%s" % (address, name))
            self.tree.link("%s/net/%s/device" % (base, name), "../..")

    def unbind(self, address, driver=None):
        base = self.tree.path(DEVICES + address)
        bound = os.path.basename(os.readlink(base + "/driver")) if os.path.islink(base + "/driver") else None
        if driver not in (None, bound):
            raise _host.HostError("cannot write '%s': No such device" % address)
        if address in self.held:
            time.sleep(30)
        os.unlink(base + "/driver")
        name = self.names[address][0]
        if os.path.isdir(base + "/net"):
            os.unlink(self.tree.path("/sys/class/net/" + name))
            shutil.rmtree(base + "/net")

    def probe(self, address):
        override = self.tree.read(DEVICES + address + "/driver_override").strip()
        driver = override if override not in ("", "(null)") else self.modalias[address]
        # As the kernel: no word about a driver that does not take it, nor about a device that has one.
        if driver not in self.refusing and not os.path.islink(self.tree.path(DEVICES + address + "/driver")):
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
    assert kernel.tree.read("/etc/kube-ovn-dpdk/devices").splitlines()[1] == NIC + " vfio-pci e1000e eth1 52:54:00:00:00:01 8086:10d3"
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
    for path in (RECORD, UNIT, UNIT.replace("devices", "device@"), SCRIPT, RULES):
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


def test_addresses_of_this_machine():
    assert ("lo", "127.0.0.1") in _pci._own_addresses()
    # procfs shows no IPv4 address that no route leads to, as one of a single host (/32).
    assert "127.0.0.1" in _pci.networks(_host.Sysroot("/"), "lo")


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


def storage_network(kernel):
    """Neither default route nor SSH."""
    kernel.tree.write("/proc/net/route", kernel.tree.read("/proc/net/route") + "eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n")


def ipv6_address(kernel):
    line = "%s 03 40 %s 80 %8s\n"
    text = line % ("fe80" + "0" * 24 + "0001", "20", "eth1") + line % ("20010db8" + "0" * 23 + "5", "00", "eth1")
    kernel.tree.write("/proc/net/if_inet6", text)


def process(kernel, pid, name, *files, **params):
    kernel.tree.write("/proc/%d/comm" % pid, name + "\n")
    kernel.tree.write("/proc/%d/cgroup" % pid, params.get("cgroup", "0::/system.slice/%s.service\n" % name))
    for number, target in enumerate(files):
        kernel.tree.link("/proc/%d/fd/%d" % (pid, number), target)


def userspace_bridge(kernel):
    """After net/packet/af_packet.c (packet_seq_show) and OVS' lib/netdev-linux.c (netdev_linux_rxq_construct): the port of a netdev bridge has no master."""
    kernel.tree.write("/sys/class/net/eth1/ifindex", "7\n")
    rows = "%s 3 %d 0003 %d 1 0 0 %d\n"
    head = "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n"
    kernel.tree.write("/proc/net/packet", head + rows % ("ffff1", 3, 7, 4711) + rows % ("ffff2", 3, 7, 4712))
    process(kernel, 400, "lldpd", "socket:[4712]")
    process(kernel, 500, "ovs-vswitchd", "/dev/null", "socket:[4711]")


def interface_in_a_pod(kernel):
    """Of a pod that has the interface by host-device or sriov: sysfs tags the folder by the network namespace, so it is there and empty."""
    kernel.unbind(NIC)
    kernel.attach(NIC, "e1000e")
    os.unlink(kernel.tree.path("/sys/class/net/eth1"))
    shutil.rmtree(kernel.tree.path(DEVICES + NIC + "/net/eth1"))


def mate_at_a_kernel_driver(kernel):
    kernel.add(TWIN, "ixgbe", "eth2", group="5")


def old_kernel(kernel):
    os.unlink(kernel.tree.path(DEVICES + NIC + "/driver_override"))


def place_of_the_record_is_taken(kernel):
    kernel.tree.write("/etc/kube-ovn-dpdk", "a file\n")


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
    (upper, [NIC], {}, "is the lower device of eth1.100"),
    (vlan_with_default_route, [NIC], {}, "carries the default route by eth1.100"),
    (ipv6_default_route, [NIC], {}, "carries the default route by eth1"),
    (ssh_over_it, [NIC], {}, "carries the management connection by eth1"),
    (ssh_over_it_v4_mapped, [NIC], {}, "carries the management connection by eth1"),
    (ssh_over_one_of_two_in_a_subnet, [NIC], {}, "carries the management connection by eth1"),
    (ssh_from_a_link_local_address, [NIC], {}, "carries the management connection by eth1"),
    (virtual_functions, [NIC], {}, "has 4 virtual functions"),
    (storage_network, [NIC], {}, "is in use by the host: it has 192.168.0.0/16"),
    (ipv6_address, [NIC], {}, "is in use by the host: it has 2001:db8::5; choose another NIC"),
    (userspace_bridge, [NIC], {}, "is a port of a userspace bridge of ovs-vswitchd (pid 500); take it out first: ovs-vsctl del-port eth1"),
    (interface_in_a_pod, [NIC], {}, "is in another network namespace, as that of a pod"),
    (mate_at_a_kernel_driver, [NIC], {}, "it also holds 0000:05:00.1 (ixgbe); bind these to vfio-pci too"),
    (old_kernel, [NIC], {}, "has no driver_override: this kernel is too old"),
    (place_of_the_record_is_taken, [NIC], {}, "without it no device is bound"),
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


# As driverctl 0.111 does it: options first, then exactly so many words. Both commands take the device from whatever driver it has, and probe. A device that
# no driver takes is left without one, and then nothing is saved and nothing forgotten.
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
[ -e "$base" ] || { echo "driverctl: no such device: $2" >&2; exit 1; }
[ -e "$base/driver_override" ] || { echo "driverctl: device does not support driver override: $2" >&2; exit 1; }
if grep -qx "$2" $root/held 2> /dev/null; then sleep 30; fi
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


def test_driverctl_does_not_take_a_device_that_went_back_already(kernel):
    """It carries the default route by now; unset-override would take it from its driver."""
    saved = install_driverctl(kernel)
    bind(kernel, NIC)
    kernel.reboot()
    kernel.tree.write("/proc/net/route", kernel.tree.read("/proc/net/route").replace("eth0", "eth1"))
    calls = kernel.tree.read("/calls")
    link = os.lstat(kernel.tree.path(DEVICES + NIC + "/driver")).st_ino
    assert bind(kernel, purge=True)["changed"]
    assert kernel.tree.read("/calls") == calls
    assert os.lstat(kernel.tree.path(DEVICES + NIC + "/driver")).st_ino == link
    assert not os.path.exists(saved)
    assert not os.path.exists(kernel.tree.path(RECORD))
    assert not bind(kernel, purge=True)["changed"]


def test_driverctl_and_a_card_that_was_pulled(kernel):
    """The next card in its slot is not bound at boot."""
    saved = install_driverctl(kernel)
    bind(kernel, NIC)
    shutil.rmtree(kernel.tree.path(DEVICES + NIC))
    assert bind(kernel, purge=True)["changed"]
    assert not os.path.exists(saved)
    assert not os.path.exists(kernel.tree.path(RECORD))


def test_driverctl_that_blocks_returns_by_the_deadline(kernel):
    install_driverctl(kernel)
    bind(kernel, NIC)
    kernel.tree.write("/held", NIC + "\n")
    start = time.time()
    result = bind(kernel, NIC, state="absent", timeout=1)
    assert time.time() - start < 15
    assert "was not released by vfio-pci within 1 s" in result["msg"]


def test_driverctl_saves_no_device_that_is_open(kernel):
    """To save what is so already, it would take the device from its driver."""
    kernel.unbind(NIC)
    kernel.attach(NIC, "vfio-pci")
    install_driverctl(kernel)
    process(kernel, 600, "ovs-vswitchd", "/dev/vfio/5")
    assert "is in use by ovs-vswitchd (pid 600) through vfio-pci" in bind(kernel, NIC)["msg"]
    assert not os.path.exists(kernel.tree.path("/calls"))


def passed_through(kernel, saved):
    """A NIC that the admin has given to vfio-pci himself."""
    kernel.tree.write("/etc/driverctl.d/other", "")
    if saved:
        kernel.tree.write("/etc/driverctl.d/pci-" + NIC, "vfio-pci\n")
    kernel.tree.write(DEVICES + NIC + "/driver_override", "vfio-pci\n")
    kernel.unbind(NIC)
    kernel.probe(NIC)
    assert driver_of(kernel, NIC) == "vfio-pci"


@pytest.mark.parametrize("undo", [{"purge": True}, {"state": "absent"}], ids=str)
@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("driverctl, saved", [(False, False), (True, False), (True, True)])
def test_device_that_is_at_the_driver_already_stays_there(kernel, driverctl, saved, persistent, undo):
    """What is given back is what this module has done to it."""
    if driverctl:
        install_driverctl(kernel)
    passed_through(kernel, saved)

    def listing():
        left_behind = ("calls", "refusing", "etc", "tmp")
        return dict((name, found) for name, found in kernel.tree.listing().items() if name not in left_behind and isinstance(found, tuple))

    before = listing()
    foreseen = bind(kernel, NIC, check=True, persistent=persistent)
    result = bind(kernel, NIC, persistent=persistent)
    assert not result["failed"], result
    assert foreseen["diff"] == result["diff"] and result["changed"]
    assert result["devices"][0]["kernel_driver"] == "vfio-pci"
    assert not bind(kernel, NIC, persistent=persistent)["changed"]
    kept = os.path.exists(kernel.tree.path("/etc/driverctl.d/pci-" + NIC))
    assert kept == (driverctl and (persistent or saved))
    # In use by the virtual machine that it was meant for.
    process(kernel, 801, "qemu", "/dev/vfio/5")
    names = [] if "purge" in undo else [NIC]
    foreseen = bind(kernel, *names, check=True, persistent=persistent, **undo)
    result = bind(kernel, *names, persistent=persistent, **undo)
    assert not result["failed"], result
    assert foreseen["diff"] == result["diff"] and result["changed"]
    assert driver_of(kernel, NIC) == "vfio-pci"
    shutil.rmtree(kernel.tree.path("/proc/801"))
    assert listing() == before
    assert not bind(kernel, persistent=persistent, purge=True)["changed"]


def test_device_of_somebody_else_that_gets_another_driver(kernel):
    passed_through(kernel, False)
    bind(kernel, NIC)
    assert bind(kernel, NIC, driver="uio_pci_generic")["changed"]
    assert bind(kernel, purge=True)["changed"]
    assert driver_of(kernel, NIC) == "e1000e"


def test_record_without_the_driver_that_was_found(kernel):
    """As an earlier release wrote it."""
    passed_through(kernel, False)
    kernel.tree.write(RECORD, "# Managed by Ansible\n%s vfio-pci - - - 8086:10d3\n" % NIC)
    bind(kernel, NIC)
    assert bind(kernel, purge=True)["changed"]
    assert driver_of(kernel, NIC) == "e1000e"


# Names, slots and what happens between


def renamed(kernel):
    """A card that was put in gets the name that is free since its owner was bound."""
    bind(kernel, "eth1")
    kernel.add(TWIN, "e1000e", "eth1", group="6", product="10d4", mac="52:54:00:00:00:09")
    kernel.writes = []


@pytest.mark.parametrize("params", [{}, {"purge": True}, {"state": "absent"}, {"state": "absent", "check": True}], ids=str)
def test_name_that_another_nic_has_now_is_refused(kernel, params):
    renamed(kernel)
    before = kernel.tree.snapshot()
    result = bind(kernel, "eth1", **params)
    assert "interface eth1 means two NICs: it was %s when that was bound to vfio-pci, and it is %s now" % (NIC, TWIN) in result["msg"]
    assert kernel.writes == []
    assert kernel.tree.snapshot() == before
    # By address both are as clear as ever.
    assert not bind(kernel, NIC)["changed"]
    assert bind(kernel, NIC, state="absent")["changed"]
    assert driver_of(kernel, TWIN) == "e1000e"


def test_name_of_a_card_that_was_replaced_is_refused(kernel):
    bind(kernel, "eth1")
    kernel.tree.write(DEVICES + NIC + "/device", "0x1572\n")
    assert "interface eth1 was a NIC 8086:10d3 at %s when it was bound, and there is a 8086:1572 now" % NIC in bind(kernel, "eth1")["msg"]


def test_other_card_in_the_slot_is_left_alone(kernel):
    """It has a kernel driver, and carries the default route."""
    bind(kernel, NIC)
    kernel.reboot()
    kernel.tree.write(DEVICES + NIC + "/device", "0x1572\n")
    kernel.tree.write("/proc/net/route", kernel.tree.read("/proc/net/route").replace("eth0", "eth1"))
    kernel.writes = []
    assert bind(kernel, purge=True)["changed"]
    assert kernel.writes == []
    assert not os.path.exists(kernel.tree.path(RECORD))


def test_record_is_written_before_the_device_is_touched(kernel):
    bind(kernel, NIC)
    assert kernel.writes
    assert all(line.endswith("recorded=1") for line in kernel.writes)


def test_run_that_was_cut_off_between_record_and_binding(kernel):
    bind(kernel, "eth1")
    kernel.reboot()
    result = bind(kernel, "eth1")
    assert result["changed"]
    assert result["devices"][0]["kernel_driver"] == "e1000e"
    assert not bind(kernel, "eth1")["changed"]
    # Or it is not wanted any more.
    kernel.reboot()
    kernel.writes = []
    assert bind(kernel, purge=True)["changed"]
    assert kernel.writes == []
    assert driver_of(kernel, NIC) == "e1000e"


def test_failure_leaves_the_record_of_others(kernel):
    kernel.add(TWIN, "e1000e", "eth2", group="6")
    bind(kernel, NIC)
    kernel.refusing.add("uio_pci_generic")
    assert bind(kernel, TWIN, driver="uio_pci_generic")["failed"]
    lines = kernel.tree.read(RECORD).splitlines()[1:]
    assert [line.split()[:2] for line in lines] == [[NIC, "vfio-pci"]]


# Who has a device open

POD = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
CGROUPS = {
    "cgroupfs": "3:cpuset:/kubepods/besteffort/pod%s/0f\n" % POD,
    "systemd": "0::/kubepods.slice/kubepods-pod%s.slice/cri-containerd-0f.scope\n" % POD.replace("-", "_"),
}


@pytest.mark.parametrize("cgroup", sorted(CGROUPS))
@pytest.mark.parametrize("params", [{"state": "absent"}, {"purge": True}, {"driver": "uio_pci_generic"}], ids=str)
def test_device_that_a_pod_has_open_is_not_taken(kernel, params, cgroup):
    bind(kernel, NIC)
    kernel.writes = []
    process(kernel, 700, "testpmd\x1b[1m", "/dev/vfio/vfio", "/dev/vfio/5", cgroup=CGROUPS[cgroup])
    names = [] if "purge" in params else [NIC]
    for check in (True, False):
        assert "%s is in use by testpmd??1m (pid 700, pod %s) through vfio-pci" % (NIC, POD) in bind(kernel, *names, check=check, **params)["msg"]
    assert kernel.writes == []
    # A run that wants nothing of it does not mind.
    assert not bind(kernel, NIC)["changed"]


@pytest.mark.parametrize("target", ["/dev/vfio/devices/vfio3", "/dev/vfio/noiommu-5", DEVICES + NIC + "/resource0"])
def test_other_ways_to_have_a_device_open(kernel, target):
    bind(kernel, NIC)
    kernel.tree.write(DEVICES + NIC + "/vfio-dev/vfio3/dev", "511:3\n")
    process(kernel, 701, "qemu", target)
    assert "is in use by qemu (pid 701) through vfio-pci" in bind(kernel, NIC, state="absent")["msg"]


def test_device_that_is_open_through_uio(kernel):
    bind(kernel, NIC, driver="uio_pci_generic")
    kernel.tree.write(DEVICES + NIC + "/uio/uio0/dev", "240:0\n")
    process(kernel, 702, "ovs-vswitchd", "/dev/uio0")
    assert "is in use by ovs-vswitchd (pid 702) through uio_pci_generic" in bind(kernel, NIC, state="absent")["msg"]


def test_unbind_that_blocks_returns_by_the_deadline(kernel):
    """Opened a moment after the check, or by a process that cannot be seen."""
    bind(kernel, NIC)
    kernel.held.add(NIC)
    start = time.time()
    result = bind(kernel, NIC, state="absent", timeout=1)
    assert time.time() - start < 10
    assert "was not released by vfio-pci within 1 s, since a process that cannot be found has it open" in result["msg"]
    # The next run knows what it was.
    assert NIC in kernel.tree.read(RECORD)


@pytest.mark.parametrize("driverctl", [False, True])
def test_device_that_is_released_after_the_deadline(kernel, driverctl):
    """No later probe gives it to the driver for DPDK, and whatever does, a run can give it back."""
    if driverctl:
        install_driverctl(kernel)
        kernel.tree.write("/held", NIC + "\n")
    kernel.held.add(NIC)
    result = bind(kernel, NIC, timeout=1)
    assert "was not released by e1000e within 1 s" in result["msg"]
    assert NIC + " vfio-pci e1000e eth1" in kernel.tree.read(RECORD)
    kernel.held.clear()
    kernel.tree.write("/held", "")
    kernel.unbind(NIC)
    kernel.probe(NIC)
    assert driver_of(kernel, NIC) == "e1000e"
    result = bind(kernel, purge=True)
    assert result["changed"] and not result["failed"], result
    assert driver_of(kernel, NIC) == "e1000e"
    assert not os.path.exists(kernel.tree.path(RECORD))


def test_device_that_is_locked_while_it_is_released(kernel, monkeypatch):
    """So that its override cannot be cleared before."""
    kernel.held.add(NIC)
    poke = _host.Sysroot.poke

    def locked(sysroot, path, text):
        if path.endswith("/driver_override") and not text.strip():
            time.sleep(30)
        poke(sysroot, path, text)

    monkeypatch.setattr(_host.Sysroot, "poke", locked)
    start = time.time()
    assert "was not released by e1000e within 1 s" in bind(kernel, NIC, timeout=1)["msg"]
    assert time.time() - start < 15
    assert NIC in kernel.tree.read(RECORD)


# IOMMU groups as they are after the run


def two_of_a_group(kernel):
    kernel.add(TWIN, "e1000e", "eth2", group="5")
    bind(kernel, NIC, TWIN)
    kernel.writes = []


def test_list_that_leaves_one_of_a_group_is_refused(kernel):
    """The next run would find the group not viable, and kernels before 5.18 stop at a bug when the other port is in use."""
    two_of_a_group(kernel)
    result = bind(kernel, NIC, purge=True)
    assert "IOMMU group 5 of %s is not viable: it also holds %s (e1000e, after this run)" % (NIC, TWIN) in result["msg"]
    assert kernel.writes == []
    assert not bind(kernel, NIC, TWIN, purge=True)["changed"]
    assert bind(kernel, purge=True)["changed"]


def test_mate_that_gets_another_driver_is_refused(kernel):
    kernel.add(TWIN, "e1000e", "eth2", group="5")
    result = run_module(dpdk_device, kernel.tree, devices=[{"device": NIC}, {"device": TWIN, "driver": "uio_pci_generic"}])
    assert "it also holds %s (uio_pci_generic, after this run)" % TWIN in result["msg"]
    assert kernel.writes == []


# The boot


def boot(kernel, *arguments):
    """The script of the units with the tree in place of the root; nobody takes devices there, so it shows by what was written."""
    kernel.tree.write("/bin/modprobe", "#!/bin/sh\n", 0o755)
    environment = dict(os.environ, SYSROOT=kernel.tree.root, PATH="%s:%s" % (kernel.tree.path("/bin"), os.environ["PATH"]))
    done = subprocess.Popen(
        ["/bin/sh", kernel.tree.path(SCRIPT)] + list(arguments), env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    output = done.communicate()[0].decode("utf-8")
    return done.returncode, output


def probed(kernel):
    path = kernel.tree.path("/sys/bus/pci/drivers_probe")
    return kernel.tree.read("/sys/bus/pci/drivers_probe").split() if os.path.exists(path) else []


def test_boot_with_other_arguments_is_refused_before_a_device_is_touched(kernel):
    host = boot_trees.debian(kernel.tree)
    booted = {"owner": "dpdk_host", "arguments": ["iommu=pt"]}
    # The NICs of the tree have groups.
    shutil.rmtree(kernel.tree.path("/sys/kernel/iommu_groups"))
    for iommu, messages in ((False, 1), (True, 2)):
        lines = bind(kernel, NIC, booted=dict(booted, iommu=iommu))["msg"].splitlines()
        assert "did not boot the default entry" in lines[0] and len(lines) == messages
        assert not iommu or lines[1].startswith("The kernel has no IOMMU group, so vfio-pci can take no NIC. It was started with ")
    assert kernel.writes == []
    run_module(kernel_cmdline, kernel.tree, **booted)
    host.boot()
    assert bind(kernel, NIC, booted=dict(booted, iommu=True))["msg"].startswith("The kernel has no IOMMU group")
    assert kernel.writes == []
    assert not bind(kernel, NIC, booted=booted)["failed"]
    assert driver_of(kernel, NIC) == "vfio-pci"


def test_boot_binds_what_is_recorded(kernel):
    bind(kernel, NIC)
    assert boot(kernel) == (0, "")
    assert probed(kernel) == []
    kernel.reboot()
    returned, output = boot(kernel)
    assert returned == 1
    assert "%s was not taken by vfio-pci" % NIC in output
    assert probed(kernel) == [NIC]
    assert kernel.tree.read(DEVICES + NIC + "/driver_override") == "vfio-pci\n"


def test_boot_does_not_fail_for_a_virtual_function_that_comes_later(kernel):
    kernel.add(TWIN, "e1000e", "eth2", group="6")
    bind(kernel, NIC, TWIN)
    shutil.rmtree(kernel.tree.path(DEVICES + TWIN))
    assert boot(kernel) == (0, "%s is not there\n" % TWIN)
    rules = kernel.tree.read(RULES).splitlines()[1:]
    assert [rule.split('KERNEL=="')[1].split('"')[0] for rule in rules] == [NIC, TWIN]
    assert all("kube-ovn-dpdk-device@0000:05:00." in rule for rule in rules)
    # It appears, and udev starts the unit for it alone.
    kernel.add(TWIN, "e1000e", "eth2", group="7")
    assert boot(kernel, TWIN)[0] == 1
    assert probed(kernel) == [TWIN]


@pytest.mark.parametrize("change, message", [(("/device", "0x1572\n"), "is another card (8086:1572) than the 8086:10d3"),
                                             (("/net/eth1/address", "52:54:00:00:00:77\n"), "is another NIC (52:54:00:00:00:77)")], ids=str)
def test_boot_leaves_another_card_alone(kernel, change, message):
    """Bus numbers move when a card is put in."""
    bind(kernel, NIC)
    kernel.reboot()
    kernel.tree.write(DEVICES + NIC + change[0], change[1])
    returned, output = boot(kernel)
    assert returned == 0
    assert message in output
    assert probed(kernel) == []


def test_files_of_an_earlier_version_are_updated(kernel):
    bind(kernel, NIC)
    kernel.tree.write(SCRIPT, "#!/bin/sh\n")
    foreseen = bind(kernel, NIC, check=True)
    assert foreseen["changed"] and kernel.tree.read(SCRIPT) == "#!/bin/sh\n"
    assert bind(kernel, NIC)["changed"]
    assert kernel.tree.read(SCRIPT) == _dpdk_device.SCRIPT_TEXT
    assert not bind(kernel, NIC)["changed"]


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_modes_whatever_the_umask_is(kernel, umask):
    old = os.umask(umask)
    try:
        bind(kernel, NIC)
    finally:
        os.umask(old)
    modes = dict((path, stat.S_IMODE(os.stat(kernel.tree.path(path)).st_mode)) for path in (RECORD, SCRIPT, UNIT, RULES, os.path.dirname(RECORD)))
    assert modes == {RECORD: 0o644, SCRIPT: 0o755, UNIT: 0o644, RULES: 0o644, os.path.dirname(RECORD): 0o755}
    os.chmod(kernel.tree.path(SCRIPT), 0o600)
    assert bind(kernel, NIC)["changed"]
    assert not bind(kernel, NIC)["changed"]


CONFIGURATIONS = {
    "/etc/netplan/50-cloud-init.yaml": "network:\n  ethernets:\n    eth1:\n      dhcp4: true\n",
    "/etc/network/interfaces.d/spare": "auto eth1\niface eth1 inet dhcp\n",
    "/etc/sysconfig/network-scripts/ifcfg-eth1": "ONBOOT=yes\n",
    "/etc/systemd/network/10-spare.network": "[Match]\nMACAddress=52:54:00:00:00:01\n",
    "/etc/NetworkManager/system-connections/spare.nmconnection": "[connection]\ninterface-name=eth1\n",
}


@pytest.mark.parametrize("path", sorted(CONFIGURATIONS))
def test_network_configuration_of_a_bound_nic_is_warned_of(kernel, path):
    kernel.tree.write(path, CONFIGURATIONS[path])
    for _run in range(2):
        warnings = [text for text in bind(kernel, NIC)["warnings"] if "driver for DPDK" in text]
        assert len(warnings) == 1 and path in warnings[0] and "(eth1) is bound to a driver for DPDK" in warnings[0]


def test_network_configuration_of_others_is_not_warned_of(kernel):
    kernel.tree.write("/etc/netplan/50.yaml", "network:\n  ethernets:\n    eth10: {}\n    veth1: {}\n    # eth1: {}\n    macaddress: 52:54:00:00:00:01:02\n")
    kernel.tree.write("/etc/sysconfig/network-scripts/ifcfg-eth10", "DEVICE=eth10\n")
    assert not [text for text in bind(kernel, NIC)["warnings"] if "driver for DPDK" in text]
