#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: preflight_info
short_description: Reads what decides whether a host can run OVS-DPDK
version_added: 1.0.0
description:
  - Reads CPU flags, memory, hugepages, mounts, kernel arguments, IOMMU groups, PCI network devices, the CNI configuration directory,
    container runtimes and any Open vSwitch of the host itself, in one pass and without starting a program.
  - It changes nothing. The filter P(kube_ovn.dpdk.preflight_findings#filter) judges what was read.
  - A file that cannot be read leaves its value empty; the module does not fail because of it.
options:
  devices:
    description:
      - C(dpdk_host_devices) of role P(kube_ovn.dpdk.dpdk_host#role), to see what M(kube_ovn.dpdk.dpdk_device) would refuse.
      - Entries of another type are left out.
    type: list
    elements: raw
    default: []
  noiommu:
    description:
      - As O(devices), C(dpdk_host_noiommu).
    type: bool
    default: false
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
  tools_dir:
    description:
      - Directory in which tools of Open vSwitch are looked for.
    type: path
    default: /usr/local/bin
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
  kube_ovn.dpdk.preflight_info:
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
      description: C(vendor), C(flags) (sorted), C(online) (list of CPU numbers) and C(cores) (for each physical core the CPUs that share it).
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
    refused_devices:
      description: Why O(devices) cannot be bound, the first reason alone; empty where they can.
      type: list
      elements: str
    machine_id:
      description: What C(/etc/machine-id) has, by which the kubelet reports the machine.
      type: str
    boot_id:
      description: What the kernel calls this boot, which the kubelet reports too.
      type: str
    iommu:
      description: IOMMU that the ACPI tables describe, V(intel), V(amd) or V(none).
      type: str
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
      description:
        - Container runtimes whose socket is there (V(docker), V(cri-dockerd), V(dockershim), V(containerd), V(crio)), and distributions of
          Kubernetes that keep their containerd elsewhere (V(k3s), also for RKE2, V(k0s), V(microk8s)).
      type: list
      elements: str
    kube_proxy:
      description: Whether a process of kube-proxy runs, in a pod or on the host itself; that of K3s, RKE2 and MicroK8s is in a process of another name.
      type: bool
    ovs_tools:
      description:
        - For each of C(ovs-vsctl), C(ovs-ofctl) and C(ovs-appctl) in O(tools_dir) V(wrapper), a script that runs it in a container or is of this collection,
          V(link), one that leads nowhere, V(directory), V(other), or an empty text where there is none.
      type: dict
    tools_dir:
      description: Whether O(tools_dir) is a directory.
      type: bool
    selinux:
      description: Whether SELinux is V(enforcing), V(permissive) or V(disabled).
      type: str
    kubelet:
      description:
        - What the kubelet does with CPUs, as its arguments, its configuration file and its state say. C(cpu_manager) and C(memory_manager) are names
          of policies, empty where nothing says so, C(reserved_cpus) is a list of CPU numbers, C(strict_cpu_reservation) is a bool, and C(numa_nodes) the
          number of NUMA nodes with which its topology manager starts. Only a process of the host itself counts as the kubelet.
      type: dict
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
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus, _dpdk_device, _kubelet
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, Question, Sysroot, firmware_iommu, has_namespace_of_host
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovs_wrapper import is_wrapper
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._unixctl import daemons

RUNTIME_SOCKETS = (
    ("docker", ("run/docker.sock", "var/run/docker.sock")),
    ("cri-dockerd", ("run/cri-dockerd.sock", "var/run/cri-dockerd.sock")),
    ("dockershim", ("run/dockershim.sock", "var/run/dockershim.sock")),
    ("containerd", ("run/containerd/containerd.sock",)),
    ("crio", ("run/crio/crio.sock", "var/run/crio/crio.sock")),
    # K3s and RKE2 share one (pkg/agent/containerd of K3s); k0s puts it into its run directory, the snap into its common one.
    ("k3s", ("run/k3s/containerd/containerd.sock",)),
    ("k0s", ("run/k0s/containerd.sock",)),
    ("microk8s", ("var/snap/microk8s/common/run/containerd.sock",)),
)
# Where the kubelets of kubeadm, RKE2 and K3s, k0s and MicroK8s have their directory.
KUBELET_DIRS = ("var/lib/kubelet", "var/lib/k0s/kubelet", "var/snap/microk8s/common/var/lib/kubelet")
# MicroK8s has it in one process with the kubelet.
KUBE_PROXIES = ("kube-proxy", "kubelite")
OVS_UNITS = ("openvswitch-switch.service", "openvswitch.service", "ovs-vswitchd.service")


def cpus_of(text):
    """CPUs of a list as the kernel prints it; none of what is no such list."""
    try:
        return _cpus.parse(text.strip(), duplicates=True)
    except ValueError:
        return []


class Host(object):
    def __init__(self, sysroot, cni_conf_dir, tools_dir):
        self.sysroot = sysroot
        self.cni_conf_dir = cni_conf_dir
        self.tools_dir = tools_dir

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
        online = cpus_of(self.text("sys/devices/system/cpu/online"))
        return dict(
            vendor=vendor.group(1) if vendor else "",
            flags=sorted(set(flags.group(1).split())) if flags else [],
            online=online,
            cores=sorted(set(tuple(cpus_of(self.text("sys/devices/system/cpu/cpu%d/topology/thread_siblings_list" % cpu))) or (cpu,) for cpu in online)),
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
                        cpus=cpus_of(self.text(base, "cpulist")),
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
            # Fields from the seventh to the lone hyphen show the propagation.
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

    def ovs_tools(self):
        found = {}
        for name in ("ovs-vsctl", "ovs-ofctl", "ovs-appctl"):
            path = self.path(self.tools_dir, name)
            if not os.path.lexists(path):
                found[name] = ""
            elif not os.path.exists(path):
                found[name] = "link"
            elif os.path.isdir(path):
                found[name] = "directory"
            else:
                found[name] = "wrapper" if is_wrapper(self.text(self.tools_dir, name)) else "other"
        return found

    def selinux(self):
        enforce = self.text("sys/fs/selinux/enforce").strip()
        return {"1": "enforcing", "0": "permissive"}.get(enforce, "disabled")

    def kube_proxy(self):
        """A process of the host's own network, which a pod of a user is not in. What a process calls itself is up to its user."""
        there = Sysroot(self.sysroot)
        pids = [pid for pid in self.names("proc") if pid.isdigit() and self.text("proc", pid, "comm").strip() in KUBE_PROXIES]
        return any(has_namespace_of_host(there, pid, "net") for pid in pids)

    def kubelet_text(self, path):
        try:
            return _kubelet.content(Sysroot(self.sysroot), path) or ""
        except HostError:
            return ""

    def kubelet(self):
        arguments = _kubelet.arguments(Sysroot(self.sysroot))
        # A line at the margin is a key of its own; the standard library has no reader of YAML. A kubelet that runs without --config reads no file.
        paths = [folder + "/config.yaml" for folder in KUBELET_DIRS] if arguments is None else [arguments.get("config")]
        arguments = arguments or {}
        text = next((content for content in [self.kubelet_text(path) for path in paths if path] if content), "")
        folders = [arguments["root-dir"]] if arguments.get("root-dir") else KUBELET_DIRS
        states = [self.kubelet_text(folder + "/cpu_manager_state") for folder in folders]

        def value(flag, key):
            found = re.search(r"^[\"']?%s[\"']?:[ \t]*([^#\n]*)" % key, text, re.M)
            return arguments.get(flag, found.group(1) if found else "").strip().strip("\"'")

        policy = value("cpu-manager-policy", "cpuManagerPolicy")
        for state in states:
            try:
                # It is what the kubelet works with, whatever its configuration says now.
                policy = json.loads(state).get("policyName") or policy
            except (ValueError, AttributeError):
                pass
        return dict(
            cpu_manager=policy,
            memory_manager=value("memory-manager-policy", "memoryManagerPolicy"),
            reserved_cpus=cpus_of(value("reserved-cpus", "reservedSystemCPUs")),
            strict_cpu_reservation=_kubelet.is_strict(text, arguments),
            numa_nodes=_kubelet.allowed_numa_nodes([text], arguments),
        )

    def ovs(self):
        # By the kernel's list of processes: pods can write the pid file, and can put a pipe or a link in its place.
        pids = daemons(self.path("proc"))
        mine = self.link("proc/1/ns/mnt")
        own = any(mine != "" and self.link("proc", str(pid), "ns/mnt") == mine for pid in pids)
        wanted = ("etc/systemd/system/multi-user.target.wants", "etc/systemd/system/network.target.wants")
        return dict(
            installed=any(os.path.exists(self.path(folder, "ovs-vswitchd")) for folder in ("usr/sbin", "sbin", "usr/local/sbin")),
            enabled=any(os.path.lexists(self.path(folder, unit)) for folder in wanted for unit in OVS_UNITS),
            running=bool(pids),
            own=own,
        )

    def read(self):
        meminfo = self.text("proc/meminfo")
        cmdline = self.text("proc/cmdline").split()
        return dict(
            hostname=self.text("etc/hostname").strip() if self.sysroot != "/" else socket.gethostname(),
            machine_id=self.text("etc/machine-id").strip(),
            boot_id=self.text("proc/sys/kernel/random/boot_id").strip(),
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
            iommu=firmware_iommu(Sysroot(self.sysroot)),
            iommu_groups=len(self.names("sys/kernel/iommu_groups")),
            modules=sorted(line.split()[0] for line in self.text("proc/modules").splitlines() if line.split()),
            nics=self.nics(),
            default_route_interface=self.default_route_interface(),
            cni=self.cni(),
            runtimes=[name for name, paths in RUNTIME_SOCKETS if any(os.path.exists(self.path(path)) for path in paths)],
            kube_proxy=self.kube_proxy(),
            ovs_tools=self.ovs_tools(),
            tools_dir=os.path.isdir(self.path(self.tools_dir)),
            selinux=self.selinux(),
            kubelet=self.kubelet(),
            ovs=self.ovs(),
        )


def refused_devices(module):
    """What module dpdk_device refuses of these devices, in the sentence that role dpdk_host would end with."""
    # Entries of another type are found by the argument specification of the role.
    devices = [entry for entry in module.params["devices"] if isinstance(entry, dict) and entry.get("device")]
    asked = [{"device": str(entry["device"]), "driver": str(entry.get("driver") or "vfio-pci")} for entry in devices]
    if not asked:
        return []
    try:
        noiommu = module.params["noiommu"]
        _dpdk_device.run(Question(module, devices=asked, noiommu=noiommu, state="present", purge=True, persistent=True, later=True, timeout=0))
    except HostError as error:
        return [error.message]
    return []


def main():
    module = AnsibleModule(
        argument_spec=dict(
            devices=dict(type="list", elements="raw", default=[]),
            noiommu=dict(type="bool", default=False),
            sysroot=dict(type="path", default="/"),
            cni_conf_dir=dict(type="path", default="/etc/cni/net.d"),
            tools_dir=dict(type="path", default="/usr/local/bin"),
        ),
        supports_check_mode=True,
    )
    host = Host(module.params["sysroot"], module.params["cni_conf_dir"], module.params["tools_dir"]).read()
    module.exit_json(changed=False, host=dict(host, refused_devices=refused_devices(module)))


if __name__ == "__main__":
    main()
