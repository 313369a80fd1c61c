# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.modules import preflight_info
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module

NIC = "/sys/bus/pci/devices/%s/"
MOUNTINFO = """21 1 254:1 / / rw,relatime %s- ext4 /dev/vda1 rw
22 21 0:5 / /dev rw,nosuid shared:2 - devtmpfs udev rw
"""
ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth1\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
"""


@pytest.fixture
def tree(tmpdir):
    tree = Tree(tmpdir.mkdir("root"))
    tree.write("/etc/hostname", "node1\n")
    tree.write("/etc/os-release", 'NAME="CentOS Linux"\nVERSION="7 (Core)"\nID="centos"\nVERSION_ID="7"\nPRETTY_NAME="CentOS Linux 7 (Core)"\n')
    tree.write("/proc/sys/kernel/osrelease", "3.10.0-1160.el7.x86_64\n")
    tree.write("/proc/cmdline", "BOOT_IMAGE=/vmlinuz ro hugepagesz=1G hugepages=4\n")
    tree.write("/proc/cpuinfo", "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: sse4_2 fpu fpu\n\nprocessor\t: 1\n")
    tree.write("/proc/meminfo", "MemTotal:       16777216 kB\nMemFree:         1 kB\nMemAvailable:   8388608 kB\n")
    tree.write("/proc/mounts", "/dev/vda1 / ext4 rw 0 0\nhugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n")
    tree.write("/proc/self/mountinfo", MOUNTINFO % "shared:1 ")
    tree.write("/proc/modules", "vfio_pci 45056 0 - Live 0x0\nopenvswitch 1 0 - Live 0x0\n")
    tree.write("/proc/net/route", ROUTES)
    tree.write("/sys/devices/system/cpu/online", "0-1,4\n")
    for cpu, siblings in ((0, "0,4"), (1, "1"), (4, "0,4")):
        tree.write("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list" % cpu, siblings + "\n")
    for node, cpus in ((0, "0-1"), (1, "4"), (10, "")):
        base = "/sys/devices/system/node/node%d/" % node
        tree.write(base + "meminfo", "Node %d MemTotal:       8388608 kB\nNode %d MemFree: 1 kB\n" % (node, node))
        tree.write(base + "cpulist", cpus + "\n")
        tree.write(base + "hugepages/hugepages-2048kB/nr_hugepages", "%d\n" % (node * 2))
        tree.write(base + "hugepages/hugepages-2048kB/free_hugepages", "%d\n" % node)
    for address, kind, vendor in (("0000:00:1f.0", "0x060100", "0x8086"), ("0000:03:00.0", "0x020000", "0x8086"), ("0000:04:00.0", "0x020000", "0x1af4")):
        base = NIC % address
        tree.write(base + "class", kind + "\n")
        tree.write(base + "vendor", vendor + "\n")
        tree.write(base + "device", "0x1572\n")
        tree.write(base + "numa_node", "-1\n")
    tree.link(NIC % "0000:03:00.0" + "driver", "../../../bus/pci/drivers/i40e")
    tree.link(NIC % "0000:03:00.0" + "iommu_group", "../../../kernel/iommu_groups/7")
    tree.write(NIC % "0000:03:00.0" + "net/ens1/mtu", "1500\n")
    tree.write(NIC % "0000:04:00.0" + "virtio3/net/ens2/mtu", "1500\n")
    tree.write("/sys/kernel/iommu_groups/7/type", "DMA\n")
    tree.write("/run/containerd/containerd.sock", "")
    tree.write("/var/run/docker.sock", "")
    return tree


def read(tree, **params):
    result = run_module(preflight_info, tree, **params)
    assert (result["failed"], result["changed"]) == (False, False)
    return result["host"]


def test_a_whole_host(tree):
    before = tree.snapshot()
    host = read(tree)
    assert host["hostname"] == "node1"
    assert host["os"] == {"id": "centos", "version": "7", "name": "CentOS Linux 7 (Core)"}
    assert host["kernel"] == "3.10.0-1160.el7.x86_64"
    assert host["cmdline"][-2:] == ["hugepagesz=1G", "hugepages=4"]
    assert host["cpu"] == {"vendor": "GenuineIntel", "flags": ["fpu", "sse4_2"], "online": [0, 1, 4], "cores": [[0, 4], [1]]}
    assert host["memory_mib"] == {"total": 16384, "available": 8192}
    assert host["numa_nodes"] == [
        {"node": 0, "memory_mib": 8192, "cpus": [0, 1]},
        {"node": 1, "memory_mib": 8192, "cpus": [4]},
        {"node": 10, "memory_mib": 8192, "cpus": []},
    ]
    assert host["hugepages"] == [{"size_kib": 2048, "node": node, "total": node * 2, "free": node} for node in (0, 1, 10)]
    assert host["hugetlbfs"] == [{"path": "/dev/hugepages", "options": ["rw", "pagesize=2M"]}]
    assert host["root_shared"] is True
    assert host["iommu_groups"] == 1
    assert host["modules"] == ["openvswitch", "vfio_pci"]
    assert host["default_route_interface"] == "eth0"
    assert host["runtimes"] == ["docker", "containerd"]
    nic = {"address": "0000:03:00.0", "vendor": "8086", "device": "1572", "driver": "i40e", "interface": "ens1", "numa_node": -1, "iommu_group": "7"}
    assert host["nics"] == [nic, dict(nic, address="0000:04:00.0", vendor="1af4", driver="", interface="ens2", iommu_group="")]
    assert host["ovs"] == {"installed": False, "enabled": False, "running": False, "own": False}
    assert tree.snapshot() == before


def test_check_mode_returns_the_same(tree):
    assert read(tree, check=True) == read(tree)


def test_an_empty_host_is_no_error(tmpdir):
    host = read(Tree(tmpdir.mkdir("root")))
    assert host["cpu"] == {"vendor": "", "flags": [], "online": [], "cores": []}
    assert host["memory_mib"] == {"total": 0, "available": 0}
    assert host["cni"] == {"files": [], "networks": []}
    assert host["root_shared"] is False
    assert host["default_route_interface"] == ""


def test_a_private_root(tree):
    tree.write("/proc/self/mountinfo", MOUNTINFO % "")
    assert read(tree)["root_shared"] is False


def test_cni_files_in_the_order_of_the_runtime(tree):
    folder = "/etc/cni/net.d/"
    tree.write(folder + "10-flannel.conflist", '{"name": "cbr0", "plugins": [{"type": "flannel"}]}')
    tree.write(folder + "01-kube-ovn.conflist", '{"name": "kube-ovn", "plugins": [{"type": "kube-ovn"}, {"type": "portmap"}]}')
    tree.write(folder + "00-multus.conf", '{"name": "multus-cni-network", "type": "multus", "delegates": [{"name": "kube-ovn"}]}')
    tree.write(folder + "20-broken.conf", "{")
    tree.write(folder + "30-list.conf", "[]")
    tree.write(folder + "00-backup.conf.bak", "{}")
    tree.write(folder + "multus.d/multus.kubeconfig", "")
    cni = read(tree)["cni"]
    assert cni["files"] == ["00-multus.conf", "01-kube-ovn.conflist", "10-flannel.conflist", "20-broken.conf", "30-list.conf"]
    assert [(network["name"], network["type"], network["delegate"]) for network in cni["networks"]] == [
        ("multus-cni-network", "multus", "kube-ovn"),
        ("kube-ovn", "kube-ovn", ""),
        ("cbr0", "flannel", ""),
        ("", "unreadable", ""),
        ("", "unreadable", ""),
    ]


def test_the_thick_form_of_multus_names_a_file(tree):
    tree.write("/opt/cni.d/00-multus.conf", '{"name": "multus", "type": "multus-shim", "clusterNetwork": "/host/etc/cni/net.d/01-kube-ovn.conflist"}')
    assert read(tree, cni_conf_dir="/opt/cni.d")["cni"]["networks"][0]["delegate"] == "01-kube-ovn.conflist"


def process(tree, pid, name, mounts, pids="pid:[1]", net="net:[1]"):
    tree.write("/proc/%d/comm" % pid, name + "\n")
    tree.link("/proc/%d/ns/mnt" % pid, mounts)
    tree.link("/proc/%d/ns/pid" % pid, pids)
    tree.link("/proc/%d/ns/net" % pid, net)


@pytest.mark.parametrize("namespace, own", [("mnt:[1]", True), ("mnt:[2]", False)])
def test_an_ovs_of_the_host_is_told_from_one_in_a_container(tree, namespace, own):
    tree.write("/usr/sbin/ovs-vswitchd", "")
    tree.link("/etc/systemd/system/multi-user.target.wants/openvswitch-switch.service", "/lib/systemd/system/openvswitch-switch.service")
    process(tree, 1, "systemd", "mnt:[1]")
    process(tree, 4711, "ovs-vswitchd", namespace)
    assert read(tree)["ovs"] == {"installed": True, "enabled": True, "running": True, "own": own}


@pytest.mark.parametrize(("name", "there"), [("kube-proxy", True), ("kubelite", True), ("kubelet", False)])
def test_kube_proxy_is_a_process_of_the_host(tree, name, there):
    assert read(tree)["kube_proxy"] is False
    process(tree, 1, "systemd", "mnt:[1]")
    process(tree, 812, name, "mnt:[2]")
    assert read(tree)["kube_proxy"] is there


def test_a_pod_that_calls_its_process_like_the_daemon_is_no_ovs(tree):
    """It has process ids of its own; the pid file, which it may write, is not read, not even where it is a pipe."""
    process(tree, 1, "systemd", "mnt:[1]")
    process(tree, 4711, "ovs-vswitchd", "mnt:[2]", "pid:[2]")
    tree.mkdir("/run/openvswitch")
    os.mkfifo(tree.path("/run/openvswitch/ovs-vswitchd.pid"))
    assert read(tree)["ovs"]["running"] is False


@pytest.mark.parametrize(
    "path, name",
    [
        ("/run/k3s/containerd/containerd.sock", "k3s"),
        ("/run/k0s/containerd.sock", "k0s"),
        ("/var/snap/microk8s/common/run/containerd.sock", "microk8s"),
        ("/run/cri-dockerd.sock", "cri-dockerd"),
        ("/var/run/crio/crio.sock", "crio"),
    ],
)
def test_runtimes_of_all_distributions(tmpdir, path, name):
    tree = Tree(tmpdir.mkdir("root"))
    tree.write(path, "")
    assert read(tree)["runtimes"] == [name]


@pytest.mark.parametrize("text, expected", [("1", "enforcing"), ("0\n", "permissive"), (None, "disabled")])
def test_selinux(tree, text, expected):
    if text is not None:
        tree.write("/sys/fs/selinux/enforce", text)
    assert read(tree)["selinux"] == expected


NOTHING = {"cpu_manager": "", "memory_manager": "", "reserved_cpus": [], "strict_cpu_reservation": False, "numa_nodes": 8}
CONFIG = """apiVersion: kubelet.config.k8s.io/v1beta1
cpuManagerPolicy: static  # by hand
cpuManagerPolicyOptions:
  full-pcpus-only: "true"
  strict-cpu-reservation: "true"
kind: KubeletConfiguration
memoryManagerPolicy: Static
reservedSystemCPUs: "0,2-3"
"""
FOUND = {"cpu_manager": "static", "memory_manager": "Static", "reserved_cpus": [0, 2, 3], "strict_cpu_reservation": True, "numa_nodes": 8}


def test_a_kubelet_that_says_nothing(tree):
    assert read(tree)["kubelet"] == NOTHING


def test_the_configuration_of_the_kubelet(tree):
    tree.write("/var/lib/kubelet/config.yaml", CONFIG)
    assert read(tree)["kubelet"] == FOUND


def test_arguments_of_the_kubelet_are_before_its_configuration(tree):
    tree.write("/etc/kubelet.yaml", CONFIG)
    tree.kubelet("--config=/etc/kubelet.yaml", "--reserved-cpus", "5", "--v", "2")
    tree.process(78, "/usr/bin/not-kubelet", "--reserved-cpus=7")
    assert read(tree)["kubelet"] == dict(FOUND, reserved_cpus=[5])


def test_pod_that_calls_its_process_kubelet_or_kube_proxy(tree):
    tree.process(1, "/sbin/init")
    tree.pod(9, "kubelet", "--config=/etc/evil.yaml", "--reserved-cpus=7", "--root-dir=/proc/9/root/evil")
    tree.write("/proc/9/comm", "kube-proxy\n")
    tree.mkdir("/proc/9/root/evil")
    os.mkfifo(tree.path("/proc/9/root/evil/cpu_manager_state"))
    host = read(tree)
    assert host["kubelet"] == NOTHING and host["kube_proxy"] is False


def test_kubelet_with_a_directory_of_its_own_and_without_a_file(tree):
    """What is in the place of kubeadm is a leftover."""
    tree.write("/var/lib/kubelet/config.yaml", CONFIG)
    tree.write("/data/kubelet/cpu_manager_state", '{"policyName": "static"}')
    tree.kubelet("--root-dir=/data/kubelet", "--cpu-manager-policy-options=strict-cpu-reservation=T")
    assert read(tree)["kubelet"] == dict(NOTHING, cpu_manager="static", strict_cpu_reservation=True)


@pytest.mark.parametrize("state, expected", [('{"policyName": "none"}', "none"), ("{", "static"), ("[]", "static"), ("{}", "static")])
def test_the_state_says_what_the_kubelet_works_with(tree, state, expected):
    tree.write("/var/lib/kubelet/config.yaml", CONFIG.replace("cpuManagerPolicyOptions:\n", "other:\n"))
    tree.write("/var/lib/kubelet/cpu_manager_state", state)
    assert read(tree)["kubelet"] == dict(FOUND, cpu_manager=expected, strict_cpu_reservation=False)


def test_tools_of_open_vswitch(tree):
    tree.write("/opt/bin/ovs-vsctl", "#!/bin/sh\n# kube_ovn.dpdk ovs_wrapper\n")
    tree.write("/opt/bin/ovs-ofctl", "\x7fELF")
    assert read(tree, tools_dir="/opt/bin")["ovs_tools"] == {"ovs-vsctl": "wrapper", "ovs-ofctl": "other", "ovs-appctl": ""}
    tree.write("/usr/local/bin/ovs-vsctl", '#!/bin/bash\ndocker exec $(docker ps -q) ovs-vsctl "$@"\n')
    tree.link("/usr/local/bin/ovs-ofctl", "../lib/missing")
    tree.mkdir("/usr/local/bin/ovs-appctl")
    assert read(tree)["ovs_tools"] == {"ovs-vsctl": "wrapper", "ovs-ofctl": "link", "ovs-appctl": "directory"}
    assert read(tree)["tools_dir"] is True
    assert read(tree, tools_dir="/missing")["tools_dir"] is False
