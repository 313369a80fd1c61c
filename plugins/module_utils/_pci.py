# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import array
import binascii
import fcntl
import os
import re
import socket
import struct

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError

DEVICES = "/sys/bus/pci/devices"
NO_IOMMU = (
    "The kernel has no IOMMU group, so vfio-pci can take no NIC. It was started with %s. Switch the IOMMU (VT-d, AMD-Vi) on in the firmware and take "
    "intel_iommu=off or amd_iommu=off off the kernel command line; or do without (dpdk_host_iommu: none, and uio_pci_generic as driver)."
)
DRIVERS = "/sys/bus/pci/drivers"
RECORD = "/etc/kube-ovn-dpdk/devices"
USERSPACE_DRIVERS = ("vfio-pci", "uio_pci_generic", "igb_uio")
MELLANOX = "15b3"
ADDRESS = re.compile(r"^(?:([0-9a-f]{4,}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$")
# Drivers that leave a group viable for vfio: they do no DMA of their own.
NEUTRAL_DRIVERS = (None, "vfio-pci", "pci-stub", "pcieport")
VENDOR_DEVICE = re.compile(r"^([0-9a-f]{4}):([0-9a-f]{4})$")


def refuse_misspelt(driver):
    """Refuse names that modprobe takes, or may take, and driver_override does not: to the kernel's bus - and _ are not the same."""
    own = dict((name.replace("-", "_"), name) for name in USERSPACE_DRIVERS).get(driver.replace("-", "_"), driver)
    if own != driver:
        raise HostError("there is no driver %s: write it as %s" % (driver, own))
    if not re.match(r"^[A-Za-z0-9_.-]+$", driver):
        raise HostError("'%s' is no name of a driver; choose one of %s" % (driver, ", ".join(USERSPACE_DRIVERS)))


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
    def hidden_interface(self):
        """Whether the driver has made a network interface that is in another network namespace, as that of a pod: sysfs shows its folder empty."""
        folders = [folder for pattern in ("/net", "/virtio*/net") for folder in self.sysroot.glob(self.path + pattern)]
        return bool(folders) and not self.interfaces

    @property
    def is_virtual_function(self):
        return self.sysroot.exists(self.path + "/physfn")

    @property
    def kind(self):
        """vendor:device."""
        return "%s:%s" % (self.vendor, self.product)

    @property
    def mac(self):
        for name in self.interfaces:
            text = (self.sysroot.read("/sys/class/net/%s/address" % name) or "").strip()
            if text:
                return text
        return None

    @property
    def hardware_mac(self):
        """The MAC, unless the kernel or user space made it up: such a one may be another after the next boot (addr_assign_type of sysfs)."""
        for name in self.interfaces:
            if self.sysroot.read_int("/sys/class/net/%s/addr_assign_type" % name, 0):
                return None
        return self.mac

    @property
    def virtual_functions(self):
        return self.sysroot.read_int(self.path + "/sriov_numvfs", 0)

    def group_members(self):
        return self.sysroot.listdir("/sys/kernel/iommu_groups/%s/devices" % self.iommu_group)


class Record(object):
    """What was bound, and what it was before, so that it can be given back; the unit for the boot reads it too.

    A device is known by its PCI address, whatever name it was given by. vendor:device distinguishes it from another card in the same slot.
    """

    FIELDS = ("address", "driver", "kernel_driver", "interface", "mac", "kind")
    # A comment of its own for a device that was found at its driver, and whose override driverctl has saved for us.
    SAVED = "# saved"

    def __init__(self, sysroot):
        self.rows = {}
        self.saved = set()
        for line in (sysroot.read(RECORD) or "").splitlines():
            values = line.split()
            if line.startswith(self.SAVED + " "):
                self.saved.add(values[-1])
            if len(values) == len(self.FIELDS) and not line.startswith("#"):
                row = dict((key, None if values[index] == "-" else values[index]) for index, key in enumerate(self.FIELDS))
                self.rows[row["address"]] = row

    def is_other_card(self, device):
        """Whether the slot of a recorded device has another card now."""
        row = self.rows.get(device.address)
        if not row:
            return False
        # The MAC is seen only while a kernel driver has the device; a VF may get another one each time.
        moved = row["mac"] and device.hardware_mac and row["mac"] != device.hardware_mac and not device.is_virtual_function
        return bool(moved or (row["kind"] and row["kind"] != device.kind))

    def is_foreign(self, address):
        """Whether a device had its driver for DPDK already from another owner, so that there is nothing to give back but its line."""
        row = self.rows.get(address)
        return bool(row) and row["kernel_driver"] == row["driver"] and row["driver"] in USERSPACE_DRIVERS

    def text(self, rows=None):
        rows = self.rows if rows is None else rows
        lines = ["# Managed by Ansible (kube_ovn.dpdk.dpdk_device): PCI address, driver, kernel driver, interface, MAC, vendor:device"]
        for address in sorted(rows):
            lines.append(" ".join(rows[address][key] or "-" for key in self.FIELDS))
        lines += ["%s %s" % (self.SAVED, address) for address in sorted(self.saved & set(rows))]
        return "\n".join(lines) + "\n" if rows else ""


def _live(sysroot, name):
    """PCI address of an interface that is there; None without such an interface."""
    link = sysroot.path("/sys/class/net/%s/device" % name)
    if os.path.exists(link):
        # virtio sits one level below its PCI device.
        for part in reversed(os.path.realpath(link).split("/")):
            if ADDRESS.match(part) and sysroot.exists("%s/%s" % (DEVICES, part)):
                return part
    if sysroot.exists("/sys/class/net/%s" % name):
        raise HostError("interface %s is not a PCI device, so no driver of DPDK can take it" % name)
    return None


def _by_interface(sysroot, record, name):
    """PCI address of an interface, also of one that vanished when its device was bound; a name that means two devices is refused."""
    live = _live(sysroot, name)
    recorded = sorted(address for address, row in record.rows.items() if row["interface"] == name)
    if len(recorded) > 1:
        raise HostError("interface %s was the name of %s when they were bound; name the NIC by its PCI address" % (name, " and ".join(recorded)))
    if live and recorded and recorded[0] != live:
        raise HostError(
            "interface %s means two NICs: it was %s when that was bound to %s, and it is %s now; "
            "name the NIC by its PCI address" % (name, recorded[0], record.rows[recorded[0]]["driver"], live)
        )
    if recorded and not live:
        device = Device(sysroot, recorded[0])
        if sysroot.exists(device.path) and record.is_other_card(device):
            raise HostError(
                "interface %s was a NIC %s at %s when it was bound, and there is a %s now; name the NIC by its PCI address"
                % (name, record.rows[device.address]["kind"], device.address, device.kind)
            )
    return live or (recorded[0] if recorded else None)


def resolve(sysroot, record, name):
    """PCI addresses of a device that is given as address, interface name, or vendor:device."""
    address = full_address(name)
    if address:
        if not sysroot.exists("%s/%s" % (DEVICES, address)):
            raise HostError("there is no PCI device %s; lspci -D lists those that are there" % address)
        return [address]
    text = name.strip().lower()
    match = VENDOR_DEVICE.match(text)
    if match:
        found = [address for address in sysroot.listdir(DEVICES) if Device(sysroot, address).kind == text]
        if not found:
            raise HostError("there is no PCI device of vendor:device %s; lspci -n lists those that are there" % text)
        return found
    address = _by_interface(sysroot, record, name) if name and "/" not in name and name not in (".", "..") else None
    if address:
        if not sysroot.exists("%s/%s" % (DEVICES, address)):
            raise HostError("interface %s was the NIC at %s, and there is no PCI device any more; lspci -D lists those that are there" % (name, address))
        return [address]
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


# Who uses a device


def _own_addresses():
    """(interface, IPv4 address) of all addresses, the second ones of an interface too (SIOCGIFCONF)."""
    size, row = 64 * 1024, 40 if struct.calcsize("P") == 8 else 32
    buffer = array.array("B", b"\0" * size)
    handle = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        used = struct.unpack("iP", fcntl.ioctl(handle.fileno(), 0x8912, struct.pack("iP", size, buffer.buffer_info()[0])))[0]
    finally:
        handle.close()
    raw = buffer.tobytes() if hasattr(buffer, "tobytes") else buffer.tostring()
    rows = [raw[start:start + row] for start in range(0, used, row)]
    # A label may follow the name.
    return [(item[:16].partition(b"\0")[0].decode("ascii", "replace").partition(":")[0], socket.inet_ntoa(item[20:24])) for item in rows]


def networks(sysroot, name):
    """What a host reaches by an interface: its addresses but link-local ones, networks that it has a route to, and gateways without an address of its own.

    /proc/net/route shows but the first of several next hops. Those of an unnumbered link are permanent neighbours, as routing daemons make them.
    """
    found = set()
    for interface, network, length in _routes4(sysroot):
        if interface == name and length:
            found.add("%s/%d" % (socket.inet_ntoa(network), length))
    for line in (sysroot.read("/proc/net/arp") or "").splitlines()[1:]:
        fields = line.split()
        # ATF_COM and ATF_PERM.
        if len(fields) > 5 and fields[5] == name and int(fields[2], 16) & 0x6 == 0x6:
            found.add("the neighbour %s" % fields[0])
    for line in (sysroot.read("/proc/net/if_inet6") or "").splitlines():
        fields = line.split()
        # Scope 0 is global, 0x20 is link-local.
        if len(fields) > 5 and fields[5] == name and fields[3] == "00":
            found.add(socket.inet_ntop(socket.AF_INET6, binascii.unhexlify(fields[0])))
    if sysroot.is_real:
        found.update(address for interface, address in _own_addresses() if interface == name)
    return sorted(found)


def _processes(sysroot):
    """(pid, targets of its open files)."""
    for pid in sysroot.listdir("/proc"):
        if pid.isdigit():
            targets = set()
            for number in sysroot.listdir("/proc/%s/fd" % pid):
                try:
                    targets.add(os.readlink(sysroot.path("/proc/%s/fd/%s" % (pid, number))))
                except OSError:
                    pass
            if targets:
                yield pid, targets


def _described(sysroot, pid):
    """A process as a reader knows it, with the UID of its pod (of either cgroup driver) if it is in one. The name is no proof of anything."""
    name = "".join(char if char.isalnum() or char in "-_./" else "?" for char in (sysroot.read("/proc/%s/comm" % pid) or "?").strip())
    pod = re.search(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})", sysroot.read("/proc/%s/cgroup" % pid) or "")
    return "%s (pid %s%s)" % (name, pid, ", pod %s" % pod.group(1).replace("_", "-") if pod else "")


def holders(sysroot, device):
    """Processes that have a device open through vfio, uio or its registers; the kernel does not let a driver go from under them."""
    files = set()
    if device.iommu_group is not None:
        # All devices of a group share this file.
        files.update(["/dev/vfio/%s" % device.iommu_group, "/dev/vfio/noiommu-%s" % device.iommu_group])
    files.update("/dev/vfio/devices/%s" % name for name in sysroot.listdir(device.path + "/vfio-dev"))
    files.update("/dev/%s" % name for name in sysroot.listdir(device.path + "/uio"))
    real = os.path.realpath(sysroot.path(device.path))
    registers = tuple(str("%s/resource" % base) for base in set([sysroot.bare(real), device.path]))
    return [
        _described(sysroot, pid) for pid, targets in _processes(sysroot) if files & targets or any(target.startswith(registers) for target in targets)
    ]


def _userspace_bridge(sysroot, name):
    """The ovs-vswitchd that receives from an interface by a packet socket, as it does from ports of bridges with datapath type netdev."""
    index = (sysroot.read("/sys/class/net/%s/ifindex" % name) or "").strip()
    sockets = set()
    for line in (sysroot.read("/proc/net/packet") or "").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 8 and fields[4] == index and index not in ("", "0"):
            sockets.add("socket:[%s]" % fields[8])
    for pid, targets in _processes(sysroot) if sockets else ():
        if sockets & targets and (sysroot.read("/proc/%s/comm" % pid) or "").strip() == "ovs-vswitchd":
            return _described(sysroot, pid)
    return None


def refuse_if_held(sysroot, device):
    """Refuse a device that a process has open: writing to unbind would block until it is released."""
    if device.driver in USERSPACE_DRIVERS:
        found = holders(sysroot, device)
        if found:
            raise HostError(
                "%s is in use by %s through %s; stop that first, since the kernel waits until a process has closed the device"
                % (device.address, ", ".join(found), device.driver)
            )


def refuse_if_used(sysroot, device):
    """Refuse a NIC that the host, a switch or a pod uses."""
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
            raise HostError("%s (%s) is the lower device of %s; remove that first" % (device.address, name, ", ".join(uppers)))
        switch = _userspace_bridge(sysroot, name)
        if switch:
            raise HostError("%s (%s) is a port of a userspace bridge of %s; take it out first: ovs-vsctl del-port %s" % (device.address, name, switch, name))
        found = networks(sysroot, name)
        if found:
            raise HostError(
                "%s (%s) is in use by the host: it has %s; choose another NIC, or remove its configuration first: ip address flush dev %s"
                % (device.address, name, ", ".join(found), name)
            )
    if device.hidden_interface:
        raise HostError(
            "%s is in use: the network interface of its driver %s is in another network namespace, as that of a pod; delete the pod first, or "
            "choose another NIC"
            % (device.address, device.driver)
        )
    refuse_if_held(sysroot, device)


def refuse_if_unfit(sysroot, device, driver, final, noiommu, later):
    """Refuse a device that would be of no use with the driver. `final` is the driver of each address after the run, where it changes."""
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
    if not sysroot.exists(device.path + "/driver_override"):
        raise HostError("%s has no driver_override: this kernel is too old (before 3.16) to bind it by address" % device.address)
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
        # As the group is when the run is over: what is given back goes to its kernel driver.
        owner = final.get(member, other.driver)
        if member != device.address and not other.is_bridge and owner not in NEUTRAL_DRIVERS:
            blocking.append("%s (%s%s)" % (member, owner, ", after this run" if owner != other.driver else ""))
    if blocking:
        raise HostError(
            "IOMMU group %s of %s is not viable: it also holds %s; bind these to vfio-pci too, or put the NIC into another slot"
            % (device.iommu_group, device.address, ", ".join(blocking))
        )


# Network configuration of the host

_CONFIGURATIONS = (
    "/etc/netplan/*.yaml",
    "/etc/netplan/*.yml",
    "/etc/network/interfaces",
    "/etc/network/interfaces.d/*",
    "/etc/sysconfig/network-scripts/ifcfg-*",
    "/etc/systemd/network/*.network",
    "/etc/NetworkManager/system-connections/*",
)


def configured_in(sysroot, interface, mac):
    """Files of the host's network configuration that name an interface or its MAC: networking would wait or fail for it at boot."""
    words = [re.escape(word) for word in (interface, mac) if word]
    if not words:
        return []
    pattern = re.compile(r"(?<![\w:-])(?:%s)(?![\w-]|:\w)" % "|".join(words), re.I)
    found = []
    for path in [path for glob in _CONFIGURATIONS for path in sysroot.glob(glob)]:
        lines = [line for line in (sysroot.read(path) or "").splitlines() if not line.lstrip().startswith(("#", ";"))]
        if any(pattern.search(line) for line in lines) or os.path.basename(path) == "ifcfg-%s" % interface:
            found.append(path)
    return found
