# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of preflight: what was read from hosts and cluster, and the settings of the roles, become findings.

PRIVATE to the collection. Every rule is a function registered by `rule` under its id and scope; it gets one `Case` and yields findings
made by `error` or `warning`. A rule that lacks what it would judge (a setting that is not defined, an unknown release) stays silent.
P1-P28 and D1-D10 are the ids of docs/checks.md.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _pci
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import kube_ovn

# What a rule looks at: the groups of the inventory, one host of group nodes, or the cluster with the settings that hold for all.
INVENTORY = "inventory"
NODE = "node"
CLUSTER = "cluster"

DEDICATED = "dedicated"
HYBRID = "hybrid"

MELLANOX = "15b3"
# Files that Multus itself writes; a master network is never one of them.
MULTUS_FILES = ("00-multus.conf", "00-multus.conflist")
# What follows the priority of Kube-OVN's file.
KUBE_OVN_FILE = "-kube-ovn.conflist"

# DaemonSets of other network plugins.
OTHER_NETWORKS = r"(calico-node|canal|cilium|kube-flannel|weave-net|antrea-agent|kube-router|kindnet|ovnkube-node)"

# Lowest Kubernetes that a Kube-OVN release line works with, newest line first.
LOWEST_KUBERNETES = (
    ((1, 14), (1, 29)),
    ((1, 12), (1, 23)),
    ((1, 8), (1, 16)),
    ((1, 2), (1, 11)),
)

# What the hosts of group nodes and the one of group cluster both look at, and what holds for the cluster as a whole.
CLUSTER_WIDE = (
    "kube_ovn_version", "kube_ovn_mode", "kube_ovn_hybrid_bridge", "kube_ovn_hugepage_size", "kube_ovn_hugepage_amount", "kube_ovn_mount_dev",
)  # fmt: skip
# Variables of the installer that name places on the nodes.
PLACES = ("CNI_CONF_DIR", "CNI_BIN_DIR", "CNI_CONFIG_PRIORITY", "LOG_DIR")

RULES = []


def rule(identity, scope, title):
    """Register a rule; the title tells in a few words what it looks for."""

    def register(function):
        RULES.append(dict(id=identity, scope=scope, title=title, function=function))
        return function

    return register


def error(found, cure):
    return dict(severity="error", found=found, cure=cure)


def warning(found, cure):
    return dict(severity="warning", found=found, cure=cure)


# --- Reading what users write ----------------------------------------------------------------------------------------------------


def version(text):
    """(major, minor, patch) of a release such as v1.12.35, else None."""
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])", str(text or "").strip())
    return tuple(int(number or 0) for number in found.groups()) if found else None


def mebibytes(text):
    """MiB of a size such as 1Gi, 512Mi, 2048, 1G or 2M (a plain number is MiB), else None."""
    found = re.match(r"(\d+)\s*([KMGT]?)(?:i?B?)$", str(text or "").strip(), re.I)
    if not found:
        return None
    factor = {"K": 1.0 / 1024, "": 1, "M": 1, "G": 1024, "T": 1024 * 1024}[found.group(2).upper()]
    return int(int(found.group(1)) * factor)


def numbers(value):
    """Integers of a list, of a number, or of a text such as 1,3-5; None when it is none of them."""
    if value is None or value == "":
        return []
    if isinstance(value, int) and not isinstance(value, bool):
        return [value]
    parts = value if isinstance(value, (list, tuple)) else str(value).split(",")
    found = []
    for part in parts:
        match = re.match(r"\s*(\d+)(?:\s*-\s*(\d+))?\s*$", str(part))
        if not match:
            return None
        first = int(match.group(1))
        found.extend(range(first, int(match.group(2) or first) + 1))
    return found


def device(name):
    """The name of a device (its address, its interface, or vendor:device) or of devargs as it is compared: hexadecimal in lower case, addresses in full."""
    text = str(name).partition(",")[0].strip()
    return _pci.full_address(text) or (text.lower() if _pci.VENDOR_DEVICE.match(text.lower()) else text)


def dotted(numbers_of_version):
    return ".".join(str(number) for number in numbers_of_version)


class Case(object):
    """What a rule judges: `facts` of one host or of the cluster, and the settings that hold for it."""

    def __init__(self, facts, settings, host):
        self.facts = facts
        self.settings = settings
        self.host = host

    def setting(self, name, default=None):
        value = self.settings.get(name)
        return default if value is None or value == "" else value

    def flag(self, name):
        """A setting that is true or false, which an inventory may give as text; None when it is not set."""
        value = self.setting(name)
        return None if value is None else boolean(value, strict=False)

    def hosts(self):
        """For scope cluster: each examined host with a case of its own settings, since they may differ from host to host."""
        return [(host, Case({}, settings, host)) for host, settings in sorted(self.facts.get("settings", {}).items())]

    @property
    def release(self):
        return version(self.setting("kube_ovn_version"))

    @property
    def mode(self):
        return self.setting("kube_ovn_mode", DEDICATED)

    def release_within(self, first, last):
        """Whether the release is known and first <= release <= last."""
        return self.release is not None and first <= self.release <= last

    @property
    def socket_memory(self):
        """MiB for each NUMA node; empty when not set or not readable."""
        return numbers(self.setting("kube_ovn_dpdk_socket_mem")) or []

    @property
    def page_mib(self):
        return mebibytes(self.setting("kube_ovn_hugepage_size"))

    @property
    def ovs_memory(self):
        """MiB of hugepages that the OVS pod may use: as set, else its socket memory in whole pages."""
        amount = mebibytes(self.setting("kube_ovn_hugepage_amount"))
        if amount is None and self.page_mib:
            amount = -(-sum(self.socket_memory) // self.page_mib) * self.page_mib
        return amount

    def wanted_pages(self):
        """(MiB of a page, count, node or None) of each entry of hugepages_pages that can be read."""
        found = []
        for entry in self.setting("hugepages_pages", []):
            if isinstance(entry, dict):
                size = mebibytes(entry.get("size"))
                count = numbers(entry.get("count"))
                node = numbers(entry.get("node"))
                if size and count:
                    found.append((size, count[0], node[0] if node else None))
        return found

    def present_pages(self):
        return [(page["size_kib"] // 1024, page["total"], page["node"]) for page in self.facts.get("hugepages", [])]

    def pages_of_size(self, size):
        """Pages of a size after the hosts were prepared: what is asked for, or what is there when nothing is said about the size and it is left alone."""
        wanted = [count for mib, count, node in self.wanted_pages() if mib == size]
        if wanted or self.flag("hugepages_purge"):
            return sum(wanted)
        return sum(count for mib, count, node in self.present_pages() if mib == size)

    def pages_by_node(self, nodes):
        """Pages of OVS-DPDK's size on each of these NUMA nodes after the hosts were prepared. The kernel spreads those that name no node."""
        wanted = [(count, node) for mib, count, node in self.wanted_pages() if mib == self.page_mib]
        if not wanted:
            wanted = [(count, node) for mib, count, node in self.present_pages() if mib == self.page_mib]
        return [sum(count if node == here else count // len(nodes) if node is None else 0 for count, node in wanted) for here in nodes]

    def pool_memory(self):
        """MiB that OVS takes for packets on a NUMA node: 262144 buffers for each size, which is that of an MTU in whole KiB and 960 bytes more."""
        sizes = set((int(mtu) + 26 + 1023) // 1024 * 1024 + 960 for mtu in [1500] + [port.get("mtu_request") or 1500 for port in self.dpdk_ports()])
        return sum(sizes) // 4

    def bound_nics(self):
        """(NIC, driver) of what dpdk_host_devices and, in hybrid mode, kube_ovn_hybrid_devices take from the kernel.

        A device is named by its address, its interface or as vendor:device. Who binds ports of hybrid mode is not known.
        """
        drivers = dict((device(name), "") for name in self.setting("kube_ovn_hybrid_devices", []) if self.mode == HYBRID)
        for entry in self.setting("dpdk_host_devices", []):
            if isinstance(entry, dict):
                drivers[device(entry.get("device"))] = entry.get("driver") or "vfio-pci"
        found = []
        for nic in self.facts.get("nics", []):
            names = [nic["address"], nic["interface"], "%s:%s" % (nic["vendor"], nic["device"])]
            found += [(nic, drivers[name]) for name in names if name and name in drivers][:1]
        return found

    def dpdk_ports(self):
        """Ports of type dpdk in ovs_bridges_bridges, bond members too."""
        found = []
        for bridge in self.setting("ovs_bridges_bridges", []):
            for port in (bridge.get("ports") or []) if isinstance(bridge, dict) else []:
                for interface in port.get("interfaces") or [port]:
                    if isinstance(interface, dict) and interface.get("type") == "dpdk":
                        found.append(interface)
        return found

    def cluster_wide(self):
        """What has to be the same on all hosts, by its name, as it can be compared and shown."""
        own = self.setting("kube_ovn_settings") or {}
        found = [(name, self.setting(name, "")) for name in CLUSTER_WIDE] + [("%s of kube_ovn_settings" % name, own.get(name, "")) for name in PLACES]
        return dict((name, str(value).lower()) for name, value in found)

    def attachments(self):
        return [item for item in self.setting("network_attachments_definitions", []) if isinstance(item, dict)]


# --- Hosts: the machine ---------------------------------------------------------------------------------------------------------


@rule("ROOT", NODE, "the tasks run as root")
def not_root(case):
    if case.facts.get("uid", 0) != 0:
        yield error(
            "tasks run as user id %d" % case.facts["uid"],
            "connect as root, or set ansible_become=true for the group nodes",
        )


@rule("OS", NODE, "a distribution that is known to work")
def unknown_system(case):
    system = case.facts.get("os", {})
    known = {
        "centos": (7, 10), "rhel": (7, 10), "almalinux": (8, 10), "rocky": (8, 10), "ol": (7, 10),
        "ubuntu": (16, 26), "debian": (11, 13),
    }  # fmt: skip
    major = numbers(str(system.get("version", "")).partition(".")[0])
    lowest, highest = known.get(system.get("id"), (None, None))
    if lowest is None or not major or not lowest <= major[0] <= highest:
        yield warning(
            "%s is not among the systems that were tried" % (system.get("name") or "this system"),
            "use CentOS 7, EL 8-10, Ubuntu 16.04-24.04 or Debian 11-13, or go on at your own risk",
        )


@rule("KERNEL", NODE, "a kernel without known faults")
def faulty_kernel(case):
    kernel = case.facts.get("kernel", "")
    if kernel.startswith("3.10.0-862."):
        yield warning("kernel %s has a netfilter fault that breaks pod traffic" % kernel, "install a newer kernel of the distribution")
    elif version(kernel) and version(kernel)[:2] == (4, 4):
        yield warning("kernel %s has connection tracking faults" % kernel, "install the distribution's newer (HWE) kernel")


@rule("IPV6", NODE, "IPv6 is not switched off in the kernel")
def ipv6_disabled(case):
    if "ipv6.disable=1" in case.facts.get("cmdline", []):
        yield error(
            "the kernel runs with ipv6.disable=1, without which Geneve tunnels cannot be made", "remove ipv6.disable=1 from the kernel arguments and reboot"
        )


@rule("MOUNT", NODE, "mounts below / reach containers")
def private_root(case):
    if case.facts.get("root_shared") is False:
        yield error(
            "the root mount is private, so kube-ovn-cni cannot share its mounts (not a shared or slave mount)",
            "run: mount --make-rshared /  (systemd does so by itself at boot)",
        )


@rule("RUNTIME", NODE, "a container runtime is there")
def no_runtime(case):
    if "runtimes" in case.facts and not case.facts["runtimes"]:
        yield error("no socket of Docker, cri-dockerd, containerd or CRI-O", "start the container runtime of the kubelet")


@rule("OVS", NODE, "the host runs no Open vSwitch of its own")
def own_ovs(case):
    ovs = case.facts.get("ovs", {})
    if ovs.get("running") and ovs.get("own"):
        yield error(
            "ovs-vswitchd of the host itself runs, and would fight with the one in Kube-OVN's pod for /run/openvswitch",
            "stop and disable openvswitch-switch (or openvswitch) on this host",
        )
    elif ovs.get("installed") and ovs.get("enabled"):
        yield warning("openvswitch is installed and starts at boot", "disable openvswitch-switch (or openvswitch) on this host: Kube-OVN brings its own")


# --- Hosts: CPU -----------------------------------------------------------------------------------------------------------------


@rule("CPU", NODE, "lcores and PMD cores exist, and no core has two tasks")
def core_lists(case):
    online = case.facts.get("cpu", {}).get("online", [])
    lists = {}
    for name in ("kube_ovn_dpdk_lcores", "kube_ovn_dpdk_pmd_cores"):
        cores = numbers(case.setting(name))
        if cores is None:
            yield error("%s is not a list of cores: %r" % (name, case.setting(name)), "give core numbers, for instance [2, 3] or 2-3")
            continue
        lists[name] = cores
        missing = sorted(set(cores) - set(online))
        if online and missing:
            yield error(
                "%s names cores that are not online: %s" % (name, ", ".join(str(core) for core in missing)),
                "choose from the cores that are online: %s" % ", ".join(str(core) for core in online),
            )
    isolated = numbers(case.setting("dpdk_host_isolated_cores"))
    if isolated is None or (online and set(isolated) - set(online)):
        yield error(
            "dpdk_host_isolated_cores %r is not a list of cores that are online" % (case.setting("dpdk_host_isolated_cores"),),
            "choose from the cores that are online: %s" % ", ".join(str(core) for core in online),
        )
    both = sorted(set(lists.get("kube_ovn_dpdk_lcores", [])) & set(lists.get("kube_ovn_dpdk_pmd_cores", [])))
    if both:
        yield error(
            "core %s is both lcore and PMD core: a PMD thread polls and leaves nothing for others" % ", ".join(str(core) for core in both),
            "take other cores for kube_ovn_dpdk_lcores or kube_ovn_dpdk_pmd_cores",
        )


@rule("P3", NODE, "the CPU has what the OVS-DPDK image was built for")
def cpu_flags(case):
    flags = case.facts.get("cpu", {}).get("flags", [])
    if not flags:
        return
    if "sse4_2" not in flags:
        yield error("the CPU lacks SSE4.2, without which no DPDK build for x86_64 starts", "use another host")
    asked = [str(flag) for flag in case.setting("dpdk_host_cpu_flags", [])]
    missing = [flag for flag in asked if flag not in flags]
    if missing:
        yield error("the CPU lacks %s of dpdk_host_cpu_flags" % ", ".join(missing), "use another host, or an image that was built for this CPU")
    missing = [flag for flag in ("avx512f", "vpclmulqdq") if flag not in flags]
    if missing and not asked and case.release is not None and case.release >= (1, 8, 0) and not case.setting("kube_ovn_image"):
        yield warning(
            "the CPU lacks %s, and images of Kube-OVN from v1.8 on, built for the CPU of their build machine, may not start" % ", ".join(missing),
            "build the image with a generic machine type, and name it in kube_ovn_image",
        )


# --- Hosts: memory and hugepages --------------------------------------------------------------------------------------------------


@rule("MEM", NODE, "the hugepages fit into memory")
def pages_fit(case):
    total = case.facts.get("memory_mib", {}).get("total", 0)
    wanted = case.wanted_pages()
    asked = sum(size * count for size, count, node in wanted)
    reserve = mebibytes(case.setting("hugepages_reserve", "512M")) or 512
    if total and asked > total - reserve:
        yield error(
            "hugepages_pages asks for %d MiB of the %d MiB that the host has; %d MiB must be left" % (asked, total, reserve),
            "ask for fewer pages in hugepages_pages, or give the host more memory",
        )
    nodes = dict((node["node"], node["memory_mib"]) for node in case.facts.get("numa_nodes", []))
    for number in sorted(set(node for size, count, node in wanted if node is not None)):
        here = sum(size * count for size, count, node in wanted if node == number)
        if nodes and number not in nodes:
            yield error(
                "hugepages_pages names NUMA node %d, which the host does not have" % number,
                "choose from the host's NUMA nodes: %s" % ", ".join(str(node) for node in sorted(nodes)),
            )
        elif nodes.get(number) and here > nodes[number]:
            yield warning(
                "hugepages_pages asks for %d MiB on NUMA node %d, which has %d MiB" % (here, number, nodes[number]), "spread the pages over the NUMA nodes"
            )


@rule("PAGE", NODE, "the CPU offers the page size")
def page_size_offered(case):
    flags = case.facts.get("cpu", {}).get("flags", [])
    sizes = set(size for size, count, node in case.wanted_pages() if count) | (set([case.page_mib]) if case.page_mib else set())
    if flags and 1024 in sizes and "pdpe1gb" not in flags:
        yield error(
            "1 GiB pages are asked for, and the CPU does not have them (no pdpe1gb)",
            "use 2 MiB pages (hugepages_pages and kube_ovn_hugepage_size), or give the virtual machine the CPU feature pdpe1gb",
        )
    for size in sorted(sizes - set([2, 1024])):
        yield error("%d MiB is no hugepage size of x86_64" % size, "use 2M or 1G")


def pages_asked_for(case, who, ovs_memory):
    """What the pods of a host ask for, where OVS asks for so many MiB, and the host does not have."""
    asked = [(who, "kube_ovn_hugepage_size", case.page_mib, ovs_memory)]
    size, amount = mebibytes(case.setting("dpdk_app_hugepage_size")), mebibytes(case.setting("dpdk_app_hugepages"))
    if size == case.page_mib and amount and ovs_memory:
        asked = [("%s and a pod of role dpdk_app" % who, "kube_ovn_hugepage_size", size, ovs_memory + amount)]
    else:
        asked.append(("a pod of role dpdk_app", "dpdk_app_hugepage_size", size, amount))
    for who, name, size, amount in asked:
        if not size or not amount:
            continue
        pages = case.pages_of_size(size)
        if pages * size < amount:
            others = sorted(set(mib for mib, count, node in case.wanted_pages() + case.present_pages() if count and mib != size))
            yield error(
                "%s asks for %d MiB in pages of %d MiB, the host has or gets %d of them%s"
                % (who, amount, size, pages, " (and pages of %s MiB)" % ", ".join(str(mib) for mib in others) if others else ""),
                "ask for at least %d pages of %d MiB in hugepages_pages, or set %s to the size that the host has" % (-(-amount // size), size, name),
            )


@rule("P5", NODE, "the host has the hugepages that OVS and the pods ask for")
def pages_for_pods(case):
    return pages_asked_for(case, "the OVS pod", case.ovs_memory)


@rule("P5", CLUSTER, "the host has the hugepages that OVS and the pods ask for")
def pages_for_the_largest(case):
    most, largest = max([(own.ovs_memory or 0, host) for host, own in case.hosts()] or [(0, "")])
    there = case.facts.get("pages", {})
    return [
        finding
        for host, own in case.hosts()
        if (own.ovs_memory or 0) < most
        for finding in pages_asked_for(
            Case(dict(hugepages=there.get(host, [])), own.settings, host), "the OVS pod on %s, which is as large as %s needs it," % (host, largest), most
        )
    ]


@rule("SIZES", NODE, "no larger pages than those of OVS-DPDK are on its host")
def larger_pages(case):
    if case.page_mib == 2 and case.pages_of_size(1024):
        yield error(
            "OVS-DPDK is given pages of 2 MiB, and the host has or gets %d of 1 GiB: DPDK takes the larger ones first, may not have them, and does not start"
            % case.pages_of_size(1024),
            "set kube_ovn_hugepage_size: 1Gi, or give the larger pages back (hugepages_purge: true; hugepages_release: true where OVS-DPDK uses them now)",
        )


@rule("P8", NODE, "socket memory fits NUMA nodes and pages")
def socket_memory(case):
    value = case.setting("kube_ovn_dpdk_socket_mem")
    if value is None:
        return
    memory = numbers(value)
    if memory is None:
        yield error("kube_ovn_dpdk_socket_mem is not a list of MiB: %r" % (value,), "give one number for each NUMA node, for instance [1024, 1024]")
        return
    nodes = [node["node"] for node in case.facts.get("numa_nodes", []) if node["cpus"] or node["memory_mib"]]
    if nodes and len(memory) > len(nodes):
        yield error("kube_ovn_dpdk_socket_mem has %d values, the host has %d NUMA nodes" % (len(memory), len(nodes)), "give one value for each NUMA node")
    elif nodes and len(memory) < len(nodes):
        yield warning(
            "kube_ovn_dpdk_socket_mem has %d values, the host has %d NUMA nodes: the others get no memory, and a port there cannot be polled"
            % (len(memory), len(nodes)),
            "give one value for each NUMA node",
        )
    limit = mebibytes(case.setting("kube_ovn_hugepage_amount"))
    if limit and sum(memory) > limit:
        yield error(
            "kube_ovn_dpdk_socket_mem adds up to %d MiB, the OVS pod may use %d MiB (kube_ovn_hugepage_amount)" % (sum(memory), limit),
            "raise kube_ovn_hugepage_amount to %dMi, or lower kube_ovn_dpdk_socket_mem" % sum(memory),
        )
    short = [
        "%d MiB on NUMA node %d, which gets %d MiB in such pages" % (wanted, node, pages * case.page_mib)
        for node, wanted, pages in zip(nodes, memory, case.pages_by_node(nodes), strict=False)
        if case.page_mib and wanted > pages * case.page_mib
    ]
    if short and len(nodes) > 1:
        yield error(
            "kube_ovn_dpdk_socket_mem asks for %s" % " and ".join(short),
            "ask for pages on each of these NUMA nodes in hugepages_pages, or lower kube_ovn_dpdk_socket_mem",
        )
    needed = case.pool_memory()
    if memory and 0 < max(memory) < needed:
        yield warning(
            "kube_ovn_dpdk_socket_mem is below the %d MiB that the packet pools of OVS take: it then reports its ports as connected, and no packet may pass"
            % needed,
            "use %d MiB or more on the NUMA nodes of ports and PMD cores" % (-(-needed // 1024) * 1024),
        )


# --- Hosts: devices ---------------------------------------------------------------------------------------------------------------


@rule("P9", NODE, "ports of type dpdk name a device that is there")
def dpdk_ports(case):
    addresses = set(nic["address"] for nic in case.facts.get("nics", []))
    devargs = [(port.get("options") or {}).get("dpdk-devargs", "") for port in case.dpdk_ports()]
    devargs += case.setting("kube_ovn_hybrid_devices", []) if case.mode == HYBRID else []
    physical = [name for name in map(device, devargs) if _pci.ADDRESS.match(name)]
    for address in physical:
        if address not in addresses:
            yield error(
                "%s is to be a port of OVS, and is no network device of this host" % address,
                "use an address that lspci shows for an Ethernet controller; give per-host values in host_vars",
            )
    if physical and case.flag("kube_ovn_mount_dev") is False:
        yield error(
            "the OVS pod cannot open the device of %s: it does not see /dev" % ", ".join(physical),
            "set kube_ovn_mount_dev: true (and kube_ovn_mount_firmware: true for NICs that load their firmware)",
        )
    if physical and case.release is not None and case.release < (1, 10, 6) and not case.setting("kube_ovn_image"):
        yield warning(
            "images of Kube-OVN before v1.10.6 may be linked without the drivers of physical NICs",
            "use v1.10.6 or later, or name an own image in kube_ovn_image",
        )


@rule("P10", NODE, "vfio-pci finds an IOMMU")
def vfio_without_iommu(case):
    taken = [nic["address"] for nic, driver in case.bound_nics() if driver == "vfio-pci"]
    if not taken or case.flag("dpdk_host_noiommu"):
        return
    switched_off = " ".join(argument for argument in case.facts.get("cmdline", []) if argument in ("intel_iommu=off", "amd_iommu=off", "iommu=off"))
    if switched_off:
        yield error(
            "vfio-pci cannot take %s without an IOMMU, and the kernel runs with %s" % (", ".join(taken), switched_off),
            "remove %s from the kernel arguments, or give driver uio_pci_generic in dpdk_host_devices" % switched_off,
        )
    elif case.facts.get("iommu_groups") == 0:
        yield warning(
            "vfio-pci cannot take %s without an IOMMU, and the kernel shows no IOMMU group yet" % ", ".join(taken),
            "switch VT-d or AMD-Vi on in the firmware (role dpdk_host sets the kernel arguments), or give driver uio_pci_generic in dpdk_host_devices",
        )


@rule("P11", NODE, "no Mellanox NIC is taken from its driver")
def mellanox(case):
    for nic, driver in case.bound_nics():
        if nic["vendor"] == MELLANOX and driver:
            yield error(
                "%s is a Mellanox NIC: DPDK drives it through mlx5_core, and loses it when it is bound to %s" % (nic["address"], driver),
                "take it out of dpdk_host_devices: OVS can use it as it is",
            )


@rule("NIC", NODE, "the NIC of the default route stays with the kernel")
def management_nic(case):
    route = case.facts.get("default_route_interface")
    for nic, _driver in case.bound_nics():
        if route and nic["interface"] == route:
            yield error("%s (%s) carries the default route" % (nic["address"], route), "take another NIC: the host would be cut off")


@rule("P23", NODE, "Kube-OVN's CNI configuration is the first")
def cni_order(case):
    cni = case.facts.get("cni", {})
    own = "%s%s" % ((case.setting("kube_ovn_settings") or {}).get("CNI_CONFIG_PRIORITY", "01"), KUBE_OVN_FILE)
    if own < MULTUS_FILES[0]:
        yield error(
            "%s is what CNI_CONFIG_PRIORITY of kube_ovn_settings makes of Kube-OVN's file: it sorts before %s, and no pod gets an attachment"
            % (own, MULTUS_FILES[0]),
            "leave CNI_CONFIG_PRIORITY out, or set it to 01 or higher",
        )
    # One of Kube-OVN that has another priority, from before, leads to the same network.
    before = [
        name
        for name in cni.get("files", [])
        if name not in MULTUS_FILES and name < (MULTUS_FILES[0] if name.endswith(KUBE_OVN_FILE) else own)
    ]
    if before:
        yield error(
            "%s sorts before %s in the CNI directory, so pods get another network" % (", ".join(before), own),
            "remove the other network plugin and its file, or rename the file so that it sorts behind",
        )
    for network in cni.get("networks", []):
        if network["file"] in MULTUS_FILES and network["delegate"] not in ("", "kube-ovn") and not network["delegate"].endswith(KUBE_OVN_FILE):
            yield error(
                "%s delegates to %s instead of kube-ovn" % (network["file"], network["delegate"]),
                "remove the other network plugin, then delete %s: Multus writes it anew" % network["file"],
            )


# --- Releases ---------------------------------------------------------------------------------------------------------------------


@rule("RELEASE", CLUSTER, "the Kube-OVN release offers the mode, and none newer runs")
def release_and_mode(case):
    text = case.setting("kube_ovn_version")
    if text is None:
        return
    if case.mode not in (DEDICATED, HYBRID):
        yield error("kube_ovn_mode is %r" % (case.mode,), "use dedicated (--with-dpdk=19.11) or hybrid (--with-hybrid-dpdk)")
    if case.release is None:
        yield warning("kube_ovn_version %s names no release, so nothing that depends on the release was checked" % text, "use a tag such as v1.12.35")
    elif (
        case.facts.get("running_release")
        and case.release < version(case.facts["running_release"])
        # Whoever sets it has named the images.
        and "VERSION" not in (case.setting("kube_ovn_settings") or {})
    ):
        yield error(
            "Kube-OVN %s runs, and %s is older: its databases cannot read what the newer one wrote" % (case.facts["running_release"], text),
            "set kube_ovn_version to %s or later, or uninstall first" % case.facts["running_release"],
        )
    elif case.release < (1, 2, 0):
        yield error("Kube-OVN %s has no OVS-DPDK" % text, "use v1.2.0 or later")
    elif case.mode == DEDICATED and case.release >= (1, 14, 0):
        yield error("Kube-OVN %s has no --with-dpdk any more (removed in v1.14.0)" % text, "set kube_ovn_mode: hybrid, or use a release before v1.14.0")
    elif case.mode == HYBRID and case.release < (1, 10, 0):
        yield error("Kube-OVN %s has no hybrid mode (it came with v1.10.0)" % text, "set kube_ovn_mode: dedicated, or use v1.10.0 or later")


@rule("SAME", CLUSTER, "what holds for the whole cluster is the same on all hosts")
def differing_values(case):
    for name, value in sorted(case.cluster_wide().items()):
        others = [(host, own.cluster_wide()[name]) for host, own in case.hosts() if own.settings]
        hosts = ["%s on %s" % (other or "not set", host) for host, other in others if other != value]
        if hosts:
            yield error(
                "%s is %s on the host of group cluster, and %s" % (name, value or "not set", ", ".join(hosts)),
                "set it once for all hosts, in group_vars/all.yml",
            )


@rule("K8S", CLUSTER, "Kubernetes and the Kube-OVN release fit each other")
def kubernetes_version(case):
    kubernetes = version(case.facts.get("kubernetes_version"))
    if kubernetes is None:
        return
    text = case.facts["kubernetes_version"]
    if kubernetes < (1, 11, 0):
        yield error("Kubernetes %s is older than any Kube-OVN supports" % text, "upgrade Kubernetes to 1.11 or later")
    if case.release is None:
        return
    release = "v" + dotted(case.release)
    lowest = next((kubernetes_line for line, kubernetes_line in LOWEST_KUBERNETES if case.release[:2] >= line), None)
    if lowest and kubernetes[:2] < lowest:
        yield error(
            "Kube-OVN %s needs Kubernetes %s or later, the cluster has %s" % (release, dotted(lowest), text),
            "use an older kube_ovn_version or upgrade Kubernetes",
        )
    if case.release[:2] == (1, 2) and kubernetes >= (1, 22, 0):
        yield error(
            "Kube-OVN %s brings its resource definitions as apiextensions.k8s.io/v1beta1, which Kubernetes %s does not serve" % (release, text),
            "use Kube-OVN v1.3.0 or later",
        )
    if case.release[:2] == (1, 2) and kubernetes < (1, 16, 0) and case.release < (1, 2, 1):
        yield warning("v1.2.0 names images of a pre-release", "use v1.2.1 or later")


@rule("P1", CLUSTER, "every node gets a system-id of its own")
def system_id(case):
    if case.release_within((1, 2, 0), (1, 2, 99)):
        yield warning("the start script of v1.2 gives OVS an empty system-id: pods on different nodes cannot reach each other", "use v1.3.0 or later")
    kubernetes = version(case.facts.get("kubernetes_version"))
    if kubernetes and kubernetes < (1, 16, 0) and case.release == (1, 3, 0) and not case.setting("kube_ovn_image"):
        yield warning(
            "the installer of v1.3.0 for Kubernetes before 1.16 names the image of v1.2, which gives OVS an empty system-id",
            "name the image of v1.3.0 (kubeovn/kube-ovn-dpdk:19.11-v1.3.0) in kube_ovn_image, or use v1.4.0 or later",
        )


@rule("P2", CLUSTER, "pods on different nodes can reach each other over the bridge")
def no_uplink(case):
    if case.mode != DEDICATED or case.facts.get("hosts", 0) < 2:
        return
    lonely = {}
    for host, own in case.hosts():
        for bridge in own.setting("ovs_bridges_bridges", []):
            ports = (bridge.get("ports") or []) if isinstance(bridge, dict) else []
            members = [member for port in ports for member in (port.get("interfaces") or [port])]
            if (
                isinstance(bridge, dict)
                and bridge.get("datapath_type", "netdev") == "netdev"
                and all(member.get("type", "") in ("internal", "") for member in members if isinstance(member, dict))
            ):
                lonely.setdefault(bridge.get("name"), []).append(host)
    for bridge, hosts in sorted(lonely.items()):
        yield warning(
            "bridge %s has no uplink on %s: its pods reach only pods of the same node" % (bridge, ", ".join(hosts)),
            "add a port of type dpdk to it in ovs_bridges_bridges",
        )


@rule("P12", CLUSTER, "the CPU limit covers the PMD cores")
def cpu_limit(case):
    limit = re.match(r"(\d+)(m?)$", str(case.setting("kube_ovn_dpdk_cpu", "")))
    # Where none is named, OVS polls with one core for each NUMA node.
    cores = max([numbers(own.setting("kube_ovn_dpdk_pmd_cores")) or own.socket_memory for _host, own in case.hosts()] or [[]], key=len)
    if limit and cores:
        milli = int(limit.group(1)) * (1 if limit.group(2) else 1000)
        if milli < 1000 * len(cores):
            yield error(
                "the OVS pod may use %d m CPU, its %d PMD cores use %d m: the kernel would stop them in every period" % (milli, len(cores), 1000 * len(cores)),
                "set kube_ovn_dpdk_cpu to %dm or more" % (1000 * len(cores) + 1000),
            )


@rule("P14", CLUSTER, "the release reads config.cfg")
def config_not_read(case):
    if case.mode == DEDICATED and case.release_within((1, 2, 0), (1, 2, 99)):
        yield error(
            "Kube-OVN v1.2 does not read config.cfg: OVS-DPDK always starts with 1024 MiB on the first NUMA node",
            "use v1.3.0 or later in kube_ovn_version",
        )


@rule("ENCAP", NODE, "hybrid mode knows the tunnel address and its ports")
def hybrid_ports(case):
    if case.mode != HYBRID:
        return
    address = str(case.setting("kube_ovn_hybrid_encap_ip", ""))
    if not kube_ovn.tunnel_address(address):
        yield error(
            "kube_ovn_hybrid_encap_ip is %r: kube-ovn-cni skips what is no address, or one whose prefix has no room for another" % address,
            "give this node's tunnel address with its prefix, such as 10.0.0.2/24",
        )
    devices, bond = case.setting("kube_ovn_hybrid_devices", []), case.setting("kube_ovn_hybrid_bond_type")
    twice = sorted(set(map(device, devices)) & set(device((port.get("options") or {}).get("dpdk-devargs")) for port in case.dpdk_ports()))
    if twice:
        yield error(
            "%s is a port of hybrid mode and one of ovs_bridges_bridges: only one of them can have it" % ", ".join(twice),
            "take it out of ovs_bridges_bridges or of kube_ovn_hybrid_devices",
        )
    if not devices:
        yield error("kube_ovn_hybrid_devices is empty", "name the port to the other nodes, by PCI address or as eth_af_packet0,iface=NAME")
    elif len(devices) > 1 and not bond:
        yield error(
            "kube_ovn_hybrid_devices has %d ports and kube_ovn_hybrid_bond_type is empty" % len(devices), "set kube_ovn_hybrid_bond_type, or name one port"
        )
    elif len(devices) == 1 and bond:
        yield error("kube_ovn_hybrid_bond_type is %s, and kube_ovn_hybrid_devices has one port" % bond, "name several ports, or leave the bond type empty")
    if (bond or len(devices) > 1 or (numbers(case.setting("kube_ovn_hybrid_vlan")) or [0])[0]) and case.release_within((1, 10, 0), (1, 10, 99)):
        yield error(
            "hybrid mode has neither bonds (kube_ovn_hybrid_bond_type) nor a VLAN (kube_ovn_hybrid_vlan) before v1.11.0",
            "use v1.11.0 or later, or one port without a VLAN",
        )


@rule("P18", CLUSTER, "the tunnel address survives a reboot")
def address_lost(case):
    if case.mode == HYBRID and case.release_within((1, 10, 0), (1, 11, 7)):
        yield warning("before v1.11.8 br-phy loses its address when the node reboots", "use v1.11.8 or later")


@rule("P19", CLUSTER, "vxlan tunnels work in hybrid mode")
def hybrid_vxlan(case):
    if (
        case.mode == HYBRID
        and str((case.setting("kube_ovn_settings") or {}).get("TUNNEL_TYPE", "")).lower() == "vxlan"
        and case.release_within((1, 10, 0), (1, 10, 7))
    ):
        yield error("before v1.10.8 nodes with and without DPDK cannot tunnel to each other with vxlan", "use v1.10.8 or later, or geneve")


@rule("P20", CLUSTER, "applications that are not root can make sockets")
def socket_directory(case):
    if case.mode == HYBRID and case.release_within((1, 10, 0), (1, 10, 4)):
        yield warning("before v1.10.5 only root can make sockets in the directories of vhost-user ports", "use v1.10.5 or later")


@rule("P21", CLUSTER, "OVN's DHCP works on the userspace datapath")
def dhcp(case):
    if case.mode == HYBRID and case.release_within((1, 10, 0), (1, 10, 5)):
        yield warning("before v1.10.6 OVN's DHCP does not work on the userspace datapath", "use v1.10.6 or later")


@rule("P22", CLUSTER, "the release works with Docker")
def docker_release(case):
    with_docker = sorted(name for name, node in case.facts.get("nodes", {}).items() if str(node.get("runtime", "")).startswith("docker:"))
    if with_docker and case.release_within((1, 12, 20), (1, 12, 21)):
        yield error("kube-ovn-cni of v1.12.20 and v1.12.21 cannot read network namespaces under Docker (%s)" % ", ".join(with_docker), "use v1.12.22 or later")


@rule("P26", CLUSTER, "ordinary pods keep the kernel's speed")
def hybrid_slow(case):
    if case.mode == HYBRID:
        yield warning(
            "on nodes labelled userspace the ordinary interfaces of pods pass through the userspace datapath, far slower than the kernel's",
            "label only nodes that run DPDK pods",
        )


@rule("P28", CLUSTER, "provider networks work with DPDK")
def provider_networks(case):
    if (
        str((case.setting("kube_ovn_settings") or {}).get("NETWORK_TYPE", "")).lower() in ("vlan", "hybrid")
        and case.release is not None
        and case.release < (1, 13, 0)
    ):
        yield warning("adding or deleting a provider network fails with DPDK before v1.13.0", "use v1.13.0 or later")


# --- Cluster ----------------------------------------------------------------------------------------------------------------------


@rule("INVENTORY", INVENTORY, "the inventory has the groups that the plays run on")
def inventory_groups(case):
    inventory = case.facts["inventory"]
    if not inventory.get("nodes"):
        yield error("group nodes has no host", "put the hosts that run OVS-DPDK into the group nodes; examples/ has inventories to start from")
    for group, task in (("cluster", "talks to the Kubernetes API"), ("build", "builds the CNI plugin and images")):
        hosts = inventory.get(group, [])
        if len(hosts) != 1:
            yield error("group %s has %d hosts" % (group, len(hosts)), "put the one host that %s into it, usually localhost" % task)


@rule("API", CLUSTER, "the Kubernetes API answers")
def api_answers(case):
    if case.facts.get("api_error"):
        yield error(
            "the Kubernetes API does not answer: %s" % case.facts["api_error"], "set cluster_kubeconfig to a kubeconfig that works on the host of group cluster"
        )


@rule("HOST", CLUSTER, "every host of group nodes could be examined")
def unexamined_hosts(case):
    for host, reason in sorted(case.facts.get("unexamined", {}).items()):
        yield error(
            "%s could not be examined: %s" % (host, reason),
            "it must be reachable and have Python 2.7, or 3.6 and later (ansible_python_interpreter; on Ubuntu 16.04 /usr/bin/python2.7)",
        )


@rule("NODE", CLUSTER, "hosts of group nodes are nodes of the cluster, and in dedicated mode all of them")
def not_a_node(case):
    nodes = case.facts.get("nodes")
    named = case.facts.get("node_names", {})
    for host, name in sorted(named.items()):
        if nodes and name not in nodes:
            yield error(
                "%s is no node of the cluster under the name %s" % (host, name),
                "join it to the cluster, or set its kube_ovn_node_name to one of: %s" % ", ".join(sorted(nodes)),
            )
    others = sorted(set(nodes or {}) - set(named.values()))
    if case.mode == DEDICATED and case.setting("kube_ovn_version") and others and not case.facts.get("unexamined"):
        yield error(
            "in dedicated mode OVS-DPDK runs on every node, also on %s, which no host of group nodes is" % ", ".join(others),
            "add them to group nodes, so that they get hugepages and a configuration, or set kube_ovn_mode: hybrid",
        )


@rule("P6", CLUSTER, "the kubelet knows the hugepages of its host")
def kubelet_pages(case):
    for host, pages in sorted(case.facts.get("pages", {}).items()):
        node = case.facts.get("nodes", {}).get(case.facts.get("node_names", {}).get(host), {})
        allocatable = node.get("allocatable", {})
        for name, size in (("hugepages-1Gi", 1024), ("hugepages-2Mi", 2)):
            there = sum(page["total"] for page in pages if page["size_kib"] == size * 1024) * size
            known = mebibytes(allocatable.get(name, "0")) if node else None
            if known is not None and known != there:
                yield warning(
                    "%s has %d MiB in pages of %d MiB, its kubelet offers %d MiB" % (host, there, size, known),
                    "restart the kubelet; role hugepages does so when it allocates pages",
                )


@rule("P7", CLUSTER, "one page size per node below Kubernetes 1.19")
def two_page_sizes(case):
    kubernetes = version(case.facts.get("kubernetes_version"))
    hosts = [host for host, own in case.hosts() if len(set(size for size, count, node in own.wanted_pages() if count)) > 1]
    if kubernetes and kubernetes < (1, 19, 0) and hosts:
        yield error(
            "Kubernetes %s takes a node with two hugepage sizes as not ready, and hugepages_pages asks for two on %s"
            % (case.facts["kubernetes_version"], ", ".join(hosts)),
            "ask for one page size, or upgrade Kubernetes to 1.19 or later",
        )


@rule("P24", CLUSTER, "no other tool manages Kube-OVN here")
def helm(case):
    for name in case.facts.get("helm", []):
        yield error("%s was installed by Helm: two managers would undo each other's work" % name, "go on with Helm, or uninstall the Helm release first")


@rule("NETWORK", CLUSTER, "no other network plugin runs in the cluster")
def other_network(case):
    for name in case.facts.get("other_networks", []):
        yield error("%s runs in the cluster: it is another network plugin" % name, "remove it with its CNI configuration on every node before Kube-OVN comes")


@rule("P4", CLUSTER, "the images are on the nodes or in their registry")
def images_missing(case):
    for image, asked in sorted(case.facts.get("asked_images", {}).items()):
        cure = "name an image that is there (kube_ovn_image, kube_ovn_registry, multus_image), or bring it to every node"
        if asked["state"] in ("absent", "denied"):
            yield error("image %s is not on every node, and its registry does not offer it (%s)" % (image, asked["detail"]), cure)
        elif asked["state"] == "unknown":
            yield warning("image %s is not on every node, and its registry could not be asked (%s)" % (image, asked["detail"]), cure)


# --- Multus, Userspace CNI, attachments --------------------------------------------------------------------------------------------


@rule("MULTUS", CLUSTER, "the Multus release works beside Kube-OVN")
def multus_release(case):
    release = version(case.setting("multus_version"))
    if release is None:
        return
    text = "v" + dotted(release)
    kubernetes = version(case.facts.get("kubernetes_version"))
    if (4, 0, 0) <= release < (4, 1, 0):
        yield error("thin Multus %s takes its own configuration for the default network when it restarts" % text, "use multus_version v4.2.4")
    elif release < (3, 4, 0):
        yield error("Multus %s ignores failures of the API: pods run without their attachments" % text, "use multus_version v4.2.4")
    elif release < (4, 0, 0):
        yield error("Multus %s has another entry point, which this collection does not deploy" % text, "use multus_version v4.2.4")
    elif release < (4, 2, 3):
        yield warning(
            "Multus %s writes the API's address in brackets, which a plugin built with a newer Go refuses" % text,
            "use multus_version v4.2.3 or later, or leave the attachments on their own kubeconfig",
        )
    if kubernetes and kubernetes < (1, 16, 0):
        yield error("Multus %s needs apiextensions.k8s.io/v1, that is Kubernetes 1.16 or later" % text, "upgrade Kubernetes to 1.16 or later")


@rule("USERSPACE", CLUSTER, "the Userspace CNI release can be built")
def userspace_cni_release(case):
    release = version(case.setting("userspace_cni_version"))
    if release is not None and release < (1, 3, 0):
        yield error(
            "Userspace CNI v%s has no Go module file and cannot be built any more" % dotted(release), "use v24.02 or a newer commit in userspace_cni_version"
        )


@rule("D2", CLUSTER, "the bridge of each attachment outlives its pods")
def bridge_unknown(case):
    if case.mode != DEDICATED:
        return
    for attachment in case.attachments():
        name = attachment.get("bridge", "br0")
        hosts = [
            host
            for host, own in case.hosts()
            if own.setting("ovs_bridges_bridges") is not None
            and name not in [bridge.get("name") for bridge in own.setting("ovs_bridges_bridges") if isinstance(bridge, dict)]
        ]
        if hosts:
            yield error(
                "attachment %s uses bridge %s, which ovs_bridges_bridges does not make on %s: Userspace CNI would make it, and delete it with the last pod"
                % (attachment.get("name"), name, ", ".join(hosts)),
                "add %s to ovs_bridges_bridges" % name,
            )


@rule("NAD", CLUSTER, "the attachments that the pods of role dpdk_app ask for are made")
def attachment_unknown(case):
    made = set(str(item.get("name")) for item in case.attachments())
    asked = [str(name).partition("@")[0].strip().rpartition("/")[2] for name in case.setting("dpdk_app_networks", [])]
    unknown = sorted(set(asked) - made)
    if unknown and case.mode == DEDICATED:
        yield warning(
            "dpdk_app_networks names %s, which network_attachments_definitions does not make: where it is missing, Kube-OVN gives the pod no address at all"
            % ", ".join(unknown),
            "add it to network_attachments_definitions, or make sure that it is there",
        )


@rule("P15", CLUSTER, "ports survive a restart of OVS")
def server_mode(case):
    served = sorted(str(item.get("name")) for item in case.attachments() if item.get("mode", "server") == "server")
    if served:
        yield warning(
            "OVS is the vhost-user server of %s: after a restart of OVS their pods must be created anew" % ", ".join(served),
            "set mode: client where the application can be the server",
        )


@rule("P16", CLUSTER, "sockets and their directories are in one file system")
def shared_directory(case):
    for item in case.attachments():
        folder = item.get("shared_dir")
        if folder and not re.match(r"(/var)?/run/openvswitch(/|$)", str(folder)):
            yield error(
                "attachment %s keeps its sockets in %s, which OVS in its pod does not see" % (item.get("name"), folder),
                "use a directory below /run/openvswitch",
            )


# --- Judging ----------------------------------------------------------------------------------------------------------------------


def full_name(image):
    """Name of an image as the kubelet reports it."""
    first, slash, rest = image.partition("/")
    if slash and (re.search(r"[.:]", first) or first == "localhost"):
        return image
    return "docker.io/%s%s" % ("" if slash else "library/", image)


def images(settings):
    """Images of OVS-DPDK, Kube-OVN and Multus that these settings lead to."""
    case = Case({}, settings, "")
    found = [case.setting("multus_image")]
    if case.release:
        release = case.setting("kube_ovn_version")
        own = case.setting("kube_ovn_settings") or {}
        registry = (case.setting("kube_ovn_registry") or own.get("REGISTRY") or "kubeovn").rstrip("/")
        if case.mode == HYBRID:
            # The tag of the installer is not the one that is published; before v1.12.4 that is not known to be any.
            dpdk = "kube-ovn:%s" % (own.get("DPDK_TAG") or release + ("-dpdk-x86" if case.release >= (1, 12, 4) else "-dpdk"))
        else:
            dpdk = "kube-ovn-dpdk:19.11" + ("" if case.release < (1, 3, 0) else "-" + release)
        found += ["%s/kube-ovn:%s" % (registry, release), case.setting("kube_ovn_image") or "%s/%s" % (registry, dpdk)]
    return sorted(set(full_name(image) for image in found if image))


def images_to_ask_for(settings, api):
    """Those of these images that are not on every node."""
    on_nodes = [set(name for image in node["status"].get("images") or [] for name in image.get("names") or []) for node in api.get("nodes", [])]
    return [image for image in images(settings) if on_nodes and not all(image in names for names in on_nodes)]


def cluster_facts(api, hosts, hostvars):
    """What the rules of scope cluster look at: `api` is what the API said, `hosts` are those of group nodes."""
    examined = dict((host, hostvars[host]["preflight_host"]) for host in hosts if "preflight_host" in hostvars[host])
    reasons = dict((host, hostvars[host].get("preflight_unexamined", "it is unreachable")) for host in hosts if host not in examined)
    nodes = {}
    for node in api.get("nodes", []):
        info = node["status"]["nodeInfo"]
        nodes[node["metadata"]["name"]] = dict(
            runtime=info.get("containerRuntimeVersion", ""),
            allocatable=node["status"].get("allocatable", {}),
        )
    helm, networks = [], []
    for daemonset in api.get("daemonsets", []):
        metadata = daemonset["metadata"]
        name = "DaemonSet %s/%s" % (metadata["namespace"], metadata["name"])
        if metadata["name"] in ("ovs-ovn", "ovs-ovn-dpdk", "kube-ovn-cni"):
            if (metadata.get("labels") or {}).get("app.kubernetes.io/managed-by") == "Helm":
                helm.append(name)
        elif re.match(OTHER_NETWORKS, metadata["name"]):
            networks.append(name)
    return dict(
        api_error=api.get("error", ""),
        kubernetes_version=api.get("version", ""),
        nodes=nodes,
        asked_images=api.get("images", {}),
        helm=helm,
        other_networks=networks,
        running_release=kube_ovn.release(api.get("pods", []), api.get("daemonsets", [])),
        hosts=len(hosts),
        node_names=dict((host, hostvars[host].get("preflight_settings", {}).get("kube_ovn_node_name") or host) for host in examined),
        pages=dict((host, facts["hugepages"]) for host, facts in examined.items()),
        settings=dict((host, hostvars[host].get("preflight_settings", {})) for host in examined),
        unexamined=reasons,
    )


def findings(facts, settings, scope, host):
    """Findings of all rules of a scope, in the order of the rules."""
    case = Case(facts, settings, host)
    return [dict(finding, id=entry["id"], host=host) for entry in RULES if entry["scope"] == scope for finding in entry["function"](case)]


def report(found, accept=()):
    """Findings, errors first, with their number, the lines of a table to show, and one message that names every error.

    An error whose id is in `accept` becomes a warning.
    """
    judged = [dict(finding, severity="warning" if finding["id"] in accept else finding["severity"]) for finding in found]
    ordered = sorted(judged, key=lambda finding: finding["severity"] != "error")
    errors = [finding for finding in ordered if finding["severity"] == "error"]
    lines = []
    for finding in ordered:
        lines.append("%-7s  %-9s  %s: %s" % (finding["severity"], finding["id"], finding["host"], finding["found"]))
        lines.append("%-7s  %-9s  cure: %s" % ("", "", finding["cure"]))
    text = ["%s on %s: %s. Cure: %s." % (finding["id"], finding["host"], finding["found"].rstrip("."), finding["cure"].rstrip(".")) for finding in errors]
    return dict(
        findings=ordered,
        errors=len(errors),
        warnings=len(ordered) - len(errors),
        table=lines or ["nothing stands in the way (%d checks)" % len(RULES)],
        message="Nothing was changed, since %d thing%s stand%s in the way:\n%s"
        % (len(errors), "" if len(errors) == 1 else "s", "s" if len(errors) == 1 else "", "\n".join(text)),
    )
