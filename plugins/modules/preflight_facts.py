#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: preflight_facts
short_description: Read what decides whether a host can run OVS-DPDK
version_added: 0.1.0
description:
  - Reads CPU flags, memory, hugepages, mounts, kernel arguments, IOMMU groups, PCI network devices, the CNI configuration directory,
    container runtimes and any Open vSwitch of the host itself, in one pass and without starting a program.
  - It changes nothing, and judges nothing. What the values mean is told by the filter P(kube_ovn.dpdk.preflight_findings#filter).
  - A file that cannot be read leaves its value empty; the module does not fail because of it.
options:
  sysroot:
    description:
      - Directory under which the files of the host are looked for.
    type: path
    default: /
  cni_conf_dir:
    description:
      - Directory of the CNI configuration files.
    type: path
    default: /etc/cni/net.d
attributes:
  check_mode:
    description: Can run in check mode and return the same as without.
    support: full
  diff_mode:
    description: Changes nothing, so there is nothing to show.
    support: none
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Read what decides whether this host can run OVS-DPDK
  kube_ovn.dpdk.preflight_facts:
  register: read

- name: Show the hugepages of each NUMA node
  ansible.builtin.debug:
    var: read.host.hugepages
"""

RETURN = r"""
host:
  description: What was read.
  returned: success
  type: dict
  contains:
    hostname:
      description: Name of the host.
      type: str
    uid:
      description: User id that the module ran as.
      type: int
    python:
      description: Version of the interpreter.
      type: str
    os:
      description: C(id), C(version) and C(name) of the distribution.
      type: dict
    kernel:
      description: Release of the running kernel.
      type: str
    cmdline:
      description: Arguments of the running kernel, in order.
      type: list
      elements: str
    cpu:
      description: C(vendor), C(flags) (sorted) and C(online) (list of CPU numbers).
      type: dict
    memory_mib:
      description: C(total) and C(available) memory in MiB.
      type: dict
    numa_nodes:
      description: For each NUMA node its number C(node), C(memory_mib) and C(cpus).
      type: list
      elements: dict
    hugepages:
      description: For each page size and NUMA node C(size_kib), C(node), C(total) and C(free).
      type: list
      elements: dict
    hugetlbfs:
      description: Mounts of hugetlbfs, each with C(path) and C(options).
      type: list
      elements: dict
    root_shared:
      description: Whether mounts made below the root directory are seen in containers (mount propagation shared).
      type: bool
    iommu_groups:
      description: Number of IOMMU groups.
      type: int
    modules:
      description: Loaded kernel modules, sorted.
      type: list
      elements: str
    nics:
      description: PCI network devices, each with C(address), C(vendor), C(device), C(driver), C(interface), C(numa_node) and C(iommu_group).
      type: list
      elements: dict
    default_route_interface:
      description: Interface of the IPv4 default route; empty when there is none.
      type: str
    cni:
      description:
        - C(files) of the CNI configuration directory that a runtime or Multus would take, in their order,
          and for each in C(networks) its C(file), C(name), C(type) and, for Multus, the name of the network that it delegates to in C(delegate).
      type: dict
    runtimes:
      description: Container runtimes whose socket is there (V(docker), V(cri-dockerd), V(dockershim), V(containerd), V(crio)).
      type: list
      elements: str
    ovs:
      description:
        - C(installed), whether ovs-vswitchd is in the host's own file system, C(enabled), whether a unit starts it at boot,
          C(running), whether ovs-vswitchd runs, and C(own), whether it runs in the host's own mount namespace rather than in a container.
      type: dict
"""

import json
import os
import re
import socket
import sys

from ansible.module_utils.basic import AnsibleModule

RUNTIME_SOCKETS = (
    ("docker", ("run/docker.sock", "var/run/docker.sock")),
    ("cri-dockerd", ("run/cri-dockerd.sock", "var/run/cri-dockerd.sock")),
    ("dockershim", ("run/dockershim.sock", "var/run/dockershim.sock")),
    ("containerd", ("run/containerd/containerd.sock",)),
    ("crio", ("run/crio/crio.sock",)),
)
OVS_UNITS = ("openvswitch-switch.service", "openvswitch.service", "ovs-vswitchd.service")


def cpu_numbers(text):
    """Numbers of a kernel list such as 0-3,8."""
    numbers = []
    for part in text.strip().split(","):
        first, dash, last = part.partition("-")
        if first.isdigit():
            numbers.extend(range(int(first), int(last if dash else first) + 1))
    return numbers


class Host(object):
    def __init__(self, sysroot, cni_conf_dir):
        self.sysroot = sysroot
        self.cni_conf_dir = cni_conf_dir

    def path(self, *parts):
        return os.path.join(self.sysroot, *[part.lstrip("/") for part in parts])

    def text(self, *parts):
        try:
            with open(self.path(*parts), "rb") as source:
                return source.read().decode("utf-8", "replace")
        except (IOError, OSError):
            return ""

    def names(self, *parts):
        try:
            return sorted(os.listdir(self.path(*parts)))
        except OSError:
            return []

    def link(self, *parts):
        """Last part of where a symbolic link leads."""
        try:
            return os.path.basename(os.readlink(self.path(*parts)))
        except OSError:
            return ""

    def integer(self, *parts):
        try:
            return int(self.text(*parts).strip(), 0)
        except ValueError:
            return None

    def os_release(self):
        values = dict(re.findall(r"^(\w+)=[\"']?(.*?)[\"']?$", self.text("etc/os-release"), re.M))
        return dict(id=values.get("ID", ""), version=values.get("VERSION_ID", ""), name=values.get("PRETTY_NAME", ""))

    def cpu(self):
        info = self.text("proc/cpuinfo")
        flags = re.search(r"^(?:flags|Features)\s*:\s*(.*)$", info, re.M)
        vendor = re.search(r"^vendor_id\s*:\s*(\S+)", info, re.M)
        return dict(
            vendor=vendor.group(1) if vendor else "",
            flags=sorted(set(flags.group(1).split())) if flags else [],
            online=cpu_numbers(self.text("sys/devices/system/cpu/online")),
        )

    @staticmethod
    def mib(name, text):
        found = re.search(r"\b%s:\s+(\d+) kB" % name, text)
        return int(found.group(1)) // 1024 if found else 0

    def numa_nodes(self):
        found = []
        for name in self.names("sys/devices/system/node"):
            if re.match(r"node\d+$", name):
                base = "sys/devices/system/node/%s" % name
                found.append(
                    dict(
                        node=int(name[4:]),
                        memory_mib=self.mib("MemTotal", self.text(base, "meminfo")),
                        cpus=cpu_numbers(self.text(base, "cpulist")),
                    )
                )
        return sorted(found, key=lambda item: item["node"])

    def hugepages(self):
        found = []
        for node in self.numa_nodes():
            base = "sys/devices/system/node/node%d/hugepages" % node["node"]
            for name in self.names(base):
                size = re.match(r"hugepages-(\d+)kB$", name)
                if size:
                    found.append(
                        dict(
                            size_kib=int(size.group(1)),
                            node=node["node"],
                            total=self.integer(base, name, "nr_hugepages") or 0,
                            free=self.integer(base, name, "free_hugepages") or 0,
                        )
                    )
        return found

    def hugetlbfs(self):
        mounts = [line.split() for line in self.text("proc/mounts").splitlines()]
        return [dict(path=fields[1], options=fields[3].split(",")) for fields in mounts if len(fields) > 3 and fields[2] == "hugetlbfs"]

    def root_shared(self):
        for line in self.text("proc/self/mountinfo").splitlines():
            fields = line.split()
            # Fields from the seventh to the lone hyphen tell the propagation.
            if len(fields) > 6 and fields[4] == "/":
                return any(field.startswith("shared:") for field in fields[6 : fields.index("-")])
        return False

    def nics(self):
        found = []
        for address in self.names("sys/bus/pci/devices"):
            base = os.path.join("sys/bus/pci/devices", address)
            if not self.text(base, "class").startswith("0x02"):
                continue
            interfaces = self.names(base, "net")
            # virtio keeps the interface one level below.
            for name in self.names(base):
                if name.startswith("virtio"):
                    interfaces += self.names(base, name, "net")
            found.append(
                dict(
                    address=address,
                    vendor=self.text(base, "vendor").strip()[2:],
                    device=self.text(base, "device").strip()[2:],
                    driver=self.link(base, "driver"),
                    interface=interfaces[0] if interfaces else "",
                    numa_node=self.integer(base, "numa_node"),
                    iommu_group=self.link(base, "iommu_group"),
                )
            )
        return found

    def default_route_interface(self):
        for line in self.text("proc/net/route").splitlines()[1:]:
            fields = line.split()
            if len(fields) > 7 and fields[1] == "00000000" and fields[7] == "00000000":
                return fields[0]
        return ""

    def cni(self):
        files = [name for name in self.names(self.cni_conf_dir) if name.endswith((".conf", ".conflist", ".json"))]
        networks = []
        for name in files:
            network = dict(file=name, name="", type="", delegate="")
            try:
                content = json.loads(self.text(self.cni_conf_dir, name))
                plugins = content.get("plugins") or [content]
                network["name"] = content.get("name", "")
                network["type"] = plugins[0].get("type", "")
                delegates = content.get("delegates") or []
                if delegates:
                    network["delegate"] = delegates[0].get("name", "")
                elif content.get("clusterNetwork"):
                    network["delegate"] = os.path.basename(content["clusterNetwork"])
            except (ValueError, AttributeError, IndexError, TypeError):
                network["type"] = "unreadable"
            networks.append(network)
        return dict(files=files, networks=networks)

    def ovs(self):
        running = own = False
        pid = self.text("run/openvswitch/ovs-vswitchd.pid").strip()
        if pid.isdigit() and self.text("proc", pid, "comm").startswith("ovs-vswitchd"):
            running = True
            own = self.link("proc", pid, "ns/mnt") == self.link("proc/1/ns/mnt") != ""
        wanted = ("etc/systemd/system/multi-user.target.wants", "etc/systemd/system/network.target.wants")
        return dict(
            installed=any(os.path.exists(self.path(folder, "ovs-vswitchd")) for folder in ("usr/sbin", "sbin", "usr/local/sbin")),
            enabled=any(os.path.lexists(self.path(folder, unit)) for folder in wanted for unit in OVS_UNITS),
            running=running,
            own=own,
        )

    def read(self):
        meminfo = self.text("proc/meminfo")
        cmdline = self.text("proc/cmdline").split()
        return dict(
            hostname=self.text("etc/hostname").strip() if self.sysroot != "/" else socket.gethostname(),
            uid=os.geteuid(),
            python=".".join(str(number) for number in sys.version_info[:3]),
            os=self.os_release(),
            kernel=self.text("proc/sys/kernel/osrelease").strip(),
            cmdline=cmdline,
            cpu=self.cpu(),
            memory_mib=dict(total=self.mib("MemTotal", meminfo), available=self.mib("MemAvailable", meminfo)),
            numa_nodes=self.numa_nodes(),
            hugepages=self.hugepages(),
            hugetlbfs=self.hugetlbfs(),
            root_shared=self.root_shared(),
            iommu_groups=len(self.names("sys/kernel/iommu_groups")),
            modules=sorted(line.split()[0] for line in self.text("proc/modules").splitlines() if line.split()),
            nics=self.nics(),
            default_route_interface=self.default_route_interface(),
            cni=self.cni(),
            runtimes=[name for name, paths in RUNTIME_SOCKETS if any(os.path.exists(self.path(path)) for path in paths)],
            ovs=self.ovs(),
        )


def main():
    module = AnsibleModule(
        argument_spec=dict(
            sysroot=dict(type="path", default="/"),
            cni_conf_dir=dict(type="path", default="/etc/cni/net.d"),
        ),
        supports_check_mode=True,
    )
    module.exit_json(changed=False, host=Host(module.params["sysroot"], module.params["cni_conf_dir"]).read())


if __name__ == "__main__":
    main()
