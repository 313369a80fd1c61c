# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import binascii
import os
import re
import socket
import struct

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError

DEVICES = "/sys/bus/pci/devices"
DRIVERS = "/sys/bus/pci/drivers"
RECORD = "/etc/kube-ovn-dpdk/devices"
USERSPACE_DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio")
MELLANOX = "15b3"
ADDRESS = re.compile(r"^(?:([0-9a-f]{4,}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$")
VENDOR_DEVICE = re.compile(r"^([0-9a-f]{4}):([0-9a-f]{4})$")


def full_address(text):
    """The PCI address as sysfs writes it, of one in any case, with its domain or without; None of anything else."""
    match = ADDRESS.match(text.strip().lower())
    return "%s:%s" % (match.group(1) or "0000", match.group(2)) if match else None


class Device(object):
    """A PCI device as sysfs shows it."""

    def __init__(self, sysroot, address):
        self.sysroot = sysroot
        self.address = address
        self.path = "%s/%s" % (DEVICES, address)

    def _attribute(self, name):
        return (self.sysroot.read("%s/%s" % (self.path, name)) or "").strip()

    @property
    def driver(self):
        return self.sysroot.linkname(self.path + "/driver")

    @property
    def override(self):
        value = self._attribute("driver_override")
        return None if value in ("", "(null)") else value

    @property
    def vendor(self):
        return self._attribute("vendor").replace("0x", "")

    @property
    def product(self):
        return self._attribute("device").replace("0x", "")

    @property
    def pci_class(self):
        return self._attribute("class").replace("0x", "")

    @property
    def is_bridge(self):
        return self.pci_class.startswith("06")

    @property
    def numa_node(self):
        return self.sysroot.read_int(self.path + "/numa_node", -1)

    @property
    def iommu_group(self):
        return self.sysroot.linkname(self.path + "/iommu_group")

    @property
    def interfaces(self):
        """Network interfaces; those of virtio are one level deeper."""
        return sorted(os.path.basename(path) for pattern in ("/net/*", "/virtio*/net/*") for path in self.sysroot.glob(self.path + pattern))

    @property
    def virtual_functions(self):
        return self.sysroot.read_int(self.path + "/sriov_numvfs", 0)

    def group_members(self):
        return self.sysroot.listdir("/sys/kernel/iommu_groups/%s/devices" % self.iommu_group)


class Record(object):
    """What was bound, and what it was before, so that it can be given back; the unit for the boot reads it too."""

    FIELDS = ("address", "driver", "kernel_driver", "interface", "mac")

    def __init__(self, sysroot):
        self.rows = {}
        for line in (sysroot.read(RECORD) or "").splitlines():
            values = line.split()
            if len(values) == len(self.FIELDS) and not line.startswith("#"):
                row = dict((key, None if values[index] == "-" else values[index]) for index, key in enumerate(self.FIELDS))
                self.rows[row["address"]] = row

    def text(self):
        lines = ["# Managed by Ansible (kube_ovn.dpdk.dpdk_device): PCI address, driver, kernel driver, interface, MAC"]
        for address in sorted(self.rows):
            lines.append(" ".join(self.rows[address][key] or "-" for key in self.FIELDS))
        return "\n".join(lines) + "\n" if self.rows else ""


def resolve(sysroot, record, name):
    """PCI addresses of what the user calls a device: address, interface name, or vendor:device."""
    address = full_address(name)
    if address:
        if not sysroot.exists("%s/%s" % (DEVICES, address)):
            raise HostError("there is no PCI device %s; lspci -D lists those that are there" % address)
        return [address]
    text = name.strip().lower()
    match = VENDOR_DEVICE.match(text)
    if match:
        found = []
        for address in sysroot.listdir(DEVICES):
            device = Device(sysroot, address)
            if (device.vendor, device.product) == match.groups():
                found.append(address)
        if not found:
            raise HostError("there is no PCI device of vendor:device %s; lspci -n lists those that are there" % text)
        return found
    link = sysroot.path("/sys/class/net/%s/device" % name)
    if "/" not in name and os.path.exists(link):
        # virtio sits one level below its PCI device.
        for part in reversed(os.path.realpath(link).split("/")):
            if ADDRESS.match(part) and sysroot.exists("%s/%s" % (DEVICES, part)):
                return [part]
        raise HostError("interface %s is not a PCI device, so no driver of DPDK can take it" % name)
    if "/" not in name and name and sysroot.exists("/sys/class/net/%s" % name):
        raise HostError("interface %s is not a PCI device, so no driver of DPDK can take it" % name)
    remembered = [address for address, row in record.rows.items() if row["interface"] == name]
    if remembered:
        # The interface vanished when its device was bound.
        return remembered
    raise HostError("'%s' is neither a PCI address (0000:05:00.0), nor vendor:device (8086:10d3), nor an interface of this host" % name)


# Routes, read from procfs so that no tool is needed


def _routes4(sysroot):
    for line in (sysroot.read("/proc/net/route") or "").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and int(fields[3], 16) & 1:
            network, mask = (struct.unpack("=I", binascii.unhexlify(fields[index]))[0] for index in (1, 7))
            yield fields[0], struct.pack("=I", network)[::-1], bin(mask).count("1")


def _routes6(sysroot):
    for line in (sysroot.read("/proc/net/ipv6_route") or "").splitlines():
        fields = line.split()
        # Up, no reject route, not the loopback.
        if len(fields) > 9 and int(fields[8], 16) & 0x201 == 1 and fields[9] != "lo":
            yield fields[9], binascii.unhexlify(fields[0]), int(fields[1], 16)


def _matches(address, network, length):
    bits = bin(int(binascii.hexlify(address), 16))[2:].zfill(len(address) * 8)
    other = bin(int(binascii.hexlify(network), 16))[2:].zfill(len(network) * 8)
    return bits[:length] == other[:length]


def default_route_interfaces(sysroot):
    return set(name for routes in (_routes4(sysroot), _routes6(sysroot)) for name, _network, length in routes if length == 0)


def interfaces_to(sysroot, address):
    """Interfaces through which an address (packed) may be reached: all that the longest prefix leads to, as more than one may be in a subnet."""
    routes = _routes4(sysroot) if len(address) == 4 else _routes6(sysroot)
    fitting = [(length, name) for name, network, length in routes if _matches(address, network, length)]
    return set(name for length, name in fitting if length == max(fitting)[0])


def ssh_peers(sysroot):
    """Addresses (packed) that hold an SSH connection to this host now."""
    peers = set()
    for path, size in (("/proc/net/tcp", 4), ("/proc/net/tcp6", 16)):
        for line in (sysroot.read(path) or "").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 3 and fields[3] == "01" and int(fields[1].split(":")[1], 16) == 22:
                raw = binascii.unhexlify(fields[2].split(":")[0])
                address = b"".join(raw[index:index + 4][::-1] for index in range(0, size, 4))
                if address.startswith(b"\0" * 10 + b"\xff\xff"):
                    address = address[12:]
                peers.add(address)
    return peers | (own_peers() if sysroot.is_real else set())


def own_peers():
    """The address that this very task came from, whatever port the server listens on: sudo takes the variable away, its parents still have it."""
    pid = os.getpid()
    while pid > 1:
        try:
            with open("/proc/%d/environ" % pid, "rb") as stream:
                found = [word for word in stream.read().split(b"\0") if word.startswith(b"SSH_CONNECTION=")]
            with open("/proc/%d/stat" % pid, "rb") as stream:
                # The name in brackets may have anything in it.
                pid = int(stream.read().rpartition(b")")[2].split()[1])
            if found:
                address = found[0].partition(b"=")[2].split()[0].decode("ascii").partition("%")[0]
                return set([socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)])
        except (IOError, OSError, IndexError, ValueError):
            break
    return set()


def refuse_if_used(sysroot, device):
    """A NIC that somebody works over is not taken away."""
    default = default_route_interfaces(sysroot)
    management = set(name for peer in ssh_peers(sysroot) for name in interfaces_to(sysroot, peer))
    for name in device.interfaces:
        base = "/sys/class/net/%s" % name
        uppers = [item[len("upper_"):] for item in sysroot.listdir(base) if item.startswith("upper_")]
        # What stands on it (VLAN, bond, bridge) may carry the route.
        for user in [name] + uppers:
            if user in default:
                raise HostError("%s (%s) carries the default route by %s; choose another NIC, or move the route" % (device.address, name, user))
            if user in management:
                raise HostError("%s (%s) carries the management connection by %s; choose another NIC" % (device.address, name, user))
        master = sysroot.linkname(base + "/master")
        if master:
            cure = "ovs-vsctl del-port %s" if master == "ovs-system" else "ip link set %s nomaster"
            raise HostError("%s (%s) is a member of %s; take it out first: %s" % (device.address, name, master, cure % name))
        if uppers:
            raise HostError("%s (%s) is what %s stands on; remove that first" % (device.address, name, ", ".join(uppers)))


def refuse_if_unfit(sysroot, device, driver, also, noiommu, later):
    """A device that the driver could take only to nobody's use."""
    if device.is_bridge:
        raise HostError("%s is a PCI bridge (class %s), not a NIC" % (device.address, device.pci_class))
    if not device.pci_class.startswith("02"):
        raise HostError("%s is not a NIC: its PCI class is %s, and NICs have 02xxxx" % (device.address, device.pci_class))
    if driver not in USERSPACE_DRIVERS:
        return
    if device.vendor == MELLANOX:
        raise HostError("%s is a Mellanox NIC: DPDK drives it beside its kernel driver, so it must not be bound to %s; leave it out" % (device.address, driver))
    if device.virtual_functions:
        raise HostError("%s has %d virtual functions, which would vanish; set sriov_numvfs to 0 first" % (device.address, device.virtual_functions))
    if driver != "vfio-pci":
        return
    if device.iommu_group is None:
        unsafe = (sysroot.read("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode") or "").strip()
        if later or (noiommu and unsafe in ("Y", "1")):
            return
        raise HostError(
            "%s has no IOMMU group, so vfio-pci cannot take it; switch the IOMMU (VT-d, AMD-Vi) on in the firmware, boot with intel_iommu=on "
            "(AMD: on by itself) and without intel_iommu=off or amd_iommu=off, or use uio_pci_generic" % device.address
        )
    blocking = []
    for member in device.group_members():
        other = Device(sysroot, member)
        if member in also or other.is_bridge or other.driver in (None, "vfio-pci", "pci-stub"):
            continue
        blocking.append("%s (%s)" % (member, other.driver))
    if blocking:
        raise HostError(
            "IOMMU group %s of %s is not viable: it also holds %s; bind these too, or put the NIC into another slot"
            % (device.iommu_group, device.address, ", ".join(blocking))
        )
