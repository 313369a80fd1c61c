# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import copy

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import preflight

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
)
OTHER_NODE = dict(node=1, memory_mib=16384, cpus=[8, 9])
NODES = dict((name, dict(runtime="containerd://1.6.20", allocatable={"hugepages-1Gi": "4Gi", "hugepages-2Mi": "0"})) for name in ("node1", "node2"))
CLUSTER = dict(
    api_error="",
    kubernetes_version="v1.24.17",
    nodes=NODES,
    asked_images={},
    helm=[],
    other_networks=[],
    running_release="",
    hosts=2,
    node_names={"node1": "node1", "node2": "node2"},
    pages={"node1": [dict(size_kib=1048576, node=0, total=4, free=4)], "node2": [dict(size_kib=1048576, node=0, total=4, free=4)]},
    unexamined={},
)
INVENTORY = dict(inventory=dict(nodes=["node1", "node2"], cluster=["localhost"], build=["localhost"]))
UPLINK = dict(name="dpdk0", type="dpdk", options={"dpdk-devargs": "0000:03:00.0"})
BR0 = dict(name="br0", ports=[UPLINK])
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
    kube_ovn_dpdk_cpu="",
    kube_ovn_hugepage_size="1Gi",
    kube_ovn_hugepage_amount="",
    kube_ovn_settings={},
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
)
FACTS = dict(inventory=INVENTORY, node=HOST, cluster=CLUSTER)
HYBRID = dict(kube_ovn_mode="hybrid", ovs_bridges_bridges=[dict(name="br0")])
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
        for key in keys[:-1]:
            target = target[key]
        target[keys[-1]] = value
    found = preflight.findings(every, dict(SETTINGS, **settings), scope, "node1")
    for finding in found:
        assert sorted(finding) == ["cure", "found", "host", "id", "severity"]
        assert finding["cure"] and finding["found"] and finding["severity"] in ("error", "warning")
    return found


# What the id finds: severity, scope, facts and settings that differ from the sound case; then a near miss that it must not find.
CASES = [
    ("INVENTORY", "error", "inventory", {"inventory/nodes": []}, {}, {"inventory/nodes": ["node1"]}, {}),
    ("INVENTORY", "error", "inventory", {"inventory/cluster": ["a", "b"]}, {}, {"inventory/cluster": ["a"]}, {}),
    ("INVENTORY", "error", "inventory", {"inventory/build": []}, {}, {"inventory/build": ["a"]}, {}),
    ("ROOT", "error", "node", {"uid": 1000}, {}, {"uid": 0}, {}),
    ("OS", "warning", "node", {"os": dict(id="centos", version="6", name="CentOS 6")}, {}, {"os": dict(id="ubuntu", version="18.04", name="")}, {}),
    ("OS", "warning", "node", {"os": dict(id="arch", version="", name="Arch Linux")}, {}, {"os": dict(id="debian", version="12", name="")}, {}),
    ("KERNEL", "warning", "node", {"kernel": "3.10.0-862.el7.x86_64"}, {}, {"kernel": "3.10.0-1062.el7.x86_64"}, {}),
    ("KERNEL", "warning", "node", {"kernel": "4.4.0-116-generic"}, {}, {"kernel": "4.15.0-20-generic"}, {}),
    ("IPV6", "error", "node", {"cmdline": ["ipv6.disable=1"]}, {}, {"cmdline": ["ipv6.disable_ipv6=1"]}, {}),
    ("MOUNT", "error", "node", {"root_shared": False}, {}, {"root_shared": True}, {}),
    ("RUNTIME", "error", "node", {"runtimes": []}, {}, {"runtimes": ["crio"]}, {}),
    ("OVS", "error", "node", {"ovs": dict(installed=True, enabled=False, running=True, own=True)}, {},
     {"ovs": dict(installed=True, enabled=False, running=True, own=False)}, {}),
    ("OVS", "warning", "node", {"ovs": dict(installed=True, enabled=True, running=False, own=False)}, {},
     {"ovs": dict(installed=True, enabled=False, running=False, own=False)}, {}),
    ("CPU", "error", "node", {}, {"kube_ovn_dpdk_pmd_cores": [2, 8]}, {}, {"kube_ovn_dpdk_pmd_cores": [2, 7]}),
    ("CPU", "error", "node", {}, {"kube_ovn_dpdk_lcores": [2]}, {}, {"kube_ovn_dpdk_lcores": [4]}),
    ("CPU", "error", "node", {}, {"kube_ovn_dpdk_pmd_cores": "0x6"}, {}, {"kube_ovn_dpdk_pmd_cores": "2-3"}),
    ("CPU", "error", "node", {}, {"dpdk_host_isolated_cores": "2-8"}, {}, {"dpdk_host_isolated_cores": "2-7"}),
    ("P3", "error", "node", {}, {"dpdk_host_cpu_flags": ["avx512_fp16"]}, {}, {"dpdk_host_cpu_flags": ["avx512f"]}),
    ("P3", "warning", "node", {"cpu/flags": ["pdpe1gb", "sse4_2", "avx512f"]}, {},
     {"cpu/flags": ["pdpe1gb", "sse4_2", "avx512f"]}, {"kube_ovn_image": "own:1"}),
    ("P3", "error", "node", {"cpu/flags": ["pdpe1gb", "avx512f", "vpclmulqdq"]}, {}, {"cpu/flags": ["pdpe1gb", "sse4_2"]}, {"kube_ovn_version": "v1.7.0"}),
    ("MEM", "error", "node", {}, {"hugepages_pages": pages((1, "G", 16))}, {}, {"hugepages_pages": pages((1, "G", 15))}),
    ("MEM", "error", "node", {}, {"hugepages_pages": [dict(size="1G", count=4, node=1)]}, {}, {"hugepages_pages": [dict(size="1G", count=4, node=0)]}),
    ("MEM", "warning", "node", {"numa_nodes": [dict(node=0, memory_mib=2048, cpus=[0])]}, {"hugepages_pages": [dict(size="1G", count=4, node=0)]},
     {"numa_nodes": [dict(node=0, memory_mib=4096, cpus=[0])]}, {"hugepages_pages": [dict(size="1G", count=4, node=0)]}),
    ("PAGE", "error", "node", {"cpu/flags": ["avx512f", "sse4_2", "vpclmulqdq"]}, {},
     {"cpu/flags": ["avx512f", "sse4_2", "vpclmulqdq"]}, {"hugepages_pages": pages((2, "M", 1536)), "kube_ovn_hugepage_size": "2Mi",
     "dpdk_app_hugepage_size": "2Mi"}),
    ("PAGE", "error", "node", {}, {"hugepages_pages": pages((1, "G", 4), (4, "M", 1))}, {}, {"hugepages_pages": pages((1, "G", 4), (2, "M", 1))}),
    ("SIZES", "error", "node", {}, {"hugepages_pages": pages((2, "M", 512), (1, "G", 2)), "kube_ovn_hugepage_size": "2Mi"}, {},
     {"hugepages_pages": pages((2, "M", 512), (1, "G", 3))}),
    ("SIZES", "error", "node", {"hugepages": [dict(size_kib=1048576, node=0, total=1, free=1)]},
     {"hugepages_pages": pages((2, "M", 2048)), "kube_ovn_hugepage_size": "2Mi"}, {"hugepages": [dict(size_kib=1048576, node=0, total=1, free=1)]},
     {"hugepages_pages": pages((2, "M", 2048)), "kube_ovn_hugepage_size": "2Mi", "hugepages_purge": True}),
    ("P5", "error", "node", {}, {"hugepages_pages": pages((2, "M", 2048))}, {},
     {"hugepages_pages": pages((2, "M", 512), (1, "G", 2)), "kube_ovn_hugepage_size": "2Mi"}),
    ("P5", "error", "node", {"hugepages": [dict(size_kib=1048576, node=0, total=3, free=0)]}, {"hugepages_pages": pages((2, "M", 8)), "hugepages_purge": True},
     {"hugepages": [dict(size_kib=1048576, node=0, total=3, free=0)]}, {"hugepages_pages": pages((2, "M", 8))}),
    ("P5", "error", "node", {}, {"hugepages_pages": pages((2, "M", 512), (1, "G", 1)), "kube_ovn_hugepage_size": "2Mi"}, {},
     {"hugepages_pages": pages((2, "M", 1536)), "kube_ovn_hugepage_size": "2Mi", "dpdk_app_hugepage_size": "2Mi"}),
    ("P5", "error", "node", {}, {"kube_ovn_hugepage_amount": "3Gi"}, {}, {"kube_ovn_hugepage_amount": "2Gi"}),
    ("P5", "error", "node", {}, {"hugepages_pages": ""}, {"hugepages": [dict(size_kib=1048576, node=0, total=3, free=0)]}, {"hugepages_pages": ""}),
    ("P8", "error", "node", {}, {"kube_ovn_dpdk_socket_mem": [1024, 1024]}, TWO_NUMA, {"kube_ovn_dpdk_socket_mem": [1024, 1024]}),
    ("P8", "warning", "node", TWO_NUMA, {}, TWO_NUMA, {"kube_ovn_dpdk_socket_mem": "1024,0"}),
    ("P8", "error", "node", {}, {"kube_ovn_dpdk_socket_mem": [2048], "kube_ovn_hugepage_amount": "1Gi"}, {},
     {"kube_ovn_dpdk_socket_mem": [2048], "kube_ovn_hugepage_amount": "2Gi"}),
    ("P8", "warning", "node", {}, {"kube_ovn_dpdk_socket_mem": [256]}, {}, {"kube_ovn_dpdk_socket_mem": [1024]}),
    ("P8", "error", "node", {}, {"kube_ovn_dpdk_socket_mem": "1Gi"}, {}, {"kube_ovn_dpdk_socket_mem": "1024"}),
    ("P8", "error", "node", TWO_NUMA, {"kube_ovn_dpdk_socket_mem": [1024, 1024], "hugepages_pages": [dict(size="1G", count=6, node=0)]},
     TWO_NUMA, {"kube_ovn_dpdk_socket_mem": [1024, 1024], "hugepages_pages": [dict(size="1G", count=1, node=1), dict(size="1G", count=5, node=0)]}),
    ("P8", "error", "node", TWO_NUMA, {"kube_ovn_dpdk_socket_mem": [3072, 0]}, TWO_NUMA, {"kube_ovn_dpdk_socket_mem": [2048, 0]}),
    ("P8", "warning", "node", {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(UPLINK, mtu_request=9000)])]},
     {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(UPLINK, mtu_request=1900)])]}),
    ("P9", "error", "node", {"nics": []}, {},
     {"nics": []}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(UPLINK, options={"dpdk-devargs": "eth_af_packet0,iface=eth1"})])]}),
    ("P9", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_devices=["0000:09:00.0"]), {}, HYBRID),
    ("P9", "error", "node", {}, {"kube_ovn_mount_dev": False}, {}, {"kube_ovn_mount_dev": False, "ovs_bridges_bridges": [dict(name="br0")]}),
    ("P9", "error", "node", {}, {"kube_ovn_mount_dev": "no"}, {}, {"kube_ovn_mount_dev": "yes"}),
    # However an address is written.
    ("P9", "error", "node", {"nics": [dict(NIC, address="0000:0b:00.0")]}, dict(HYBRID, kube_ovn_hybrid_devices=["0A:00.0,x=1"]),
     {"nics": [dict(NIC, address="0000:0a:00.0")]}, dict(HYBRID, kube_ovn_hybrid_devices=["0A:00.0,x=1"])),
    ("P9", "error", "node", {"nics": []}, {"ovs_bridges_bridges": [BEHIND]}, {"nics": [dict(NIC, address="10000:0a:00.0")]}, {"ovs_bridges_bridges": [BEHIND]}),
    ("P9", "warning", "node", {}, {"kube_ovn_version": "v1.10.5"}, {}, {"kube_ovn_version": "v1.10.6"}),
    ("P10", "error", "node", {"cmdline": ["intel_iommu=off"]}, {"dpdk_host_devices": [dict(device="0000:03:00.0")]},
     {"cmdline": ["intel_iommu=off"]}, {"dpdk_host_devices": [dict(device="0000:03:00.0", driver="uio_pci_generic")]}),
    ("P10", "error", "node", {"cmdline": ["intel_iommu=off"]}, {"dpdk_host_devices": [dict(device="0000:03:00.0")], "dpdk_host_noiommu": "false"},
     {"cmdline": ["intel_iommu=off"]}, {"dpdk_host_devices": [dict(device="0000:03:00.0")], "dpdk_host_noiommu": "true"}),
    ("P10", "warning", "node", {"iommu_groups": 0}, {"dpdk_host_devices": [dict(device="ens1")]}, {"iommu_groups": 0}, {}),
    ("P11", "error", "node", {"nics": [dict(NIC, vendor="15b3")]}, {"dpdk_host_devices": [dict(device="15b3:1572")]},
     {"nics": [dict(NIC, vendor="15b3")]}, {}),
    ("NIC", "error", "node", {}, {"dpdk_host_devices": [dict(device="ens2")]}, {}, {"dpdk_host_devices": [dict(device="ens1")]}),
    # By all names that a device can be bound by.
    ("P10", "error", "node", {"cmdline": ["intel_iommu=off"]}, {"dpdk_host_devices": [dict(device="03:00.0")]}, {"cmdline": ["intel_iommu=off"]}, {}),
    ("P11", "error", "node", {"nics": [dict(NIC, vendor="15b3")]}, {"dpdk_host_devices": [dict(device="15B3:1572")]},
     {"nics": [dict(NIC, vendor="15b3")]}, {}),
    ("NIC", "error", "node", {"nics": [dict(NIC, address="0000:0a:00.0", interface="ens2")]}, {"dpdk_host_devices": [dict(device=" 0A:00.0")]},
     {"nics": [dict(NIC, address="0001:0a:00.0", interface="ens2")]}, {"dpdk_host_devices": [dict(device="0a:00.0")]}),
    ("P23", "error", "node", {"cni/files": ["00-kube-ovn.conflist", "01-kube-ovn.conflist"]}, {},
     {"cni/files": ["00-multus.conf", "01-kube-ovn.conflist", "10-flannel.conflist"]}, {}),
    # Where Kube-OVN was told to sort its file, with the one that it had before, but never before Multus'.
    ("P23", "error", "node", {"cni/files": ["07-other.conf", "10-kube-ovn.conflist"]}, {"kube_ovn_settings": {"CNI_CONFIG_PRIORITY": "10"}},
     {"cni/files": ["01-kube-ovn.conflist", "10-kube-ovn.conflist", "11-other.conf"]}, {"kube_ovn_settings": {"CNI_CONFIG_PRIORITY": 10}}),
    ("P23", "error", "node", {}, {"kube_ovn_settings": {"CNI_CONFIG_PRIORITY": "00"}}, {}, {"kube_ovn_settings": {"CNI_CONFIG_PRIORITY": "000"}}),
    ("P23", "error", "node", {"cni/networks": [dict(file="00-multus.conf", name="multus-cni-network", type="multus", delegate="cbr0")]}, {},
     {"cni/networks": [dict(file="00-multus.conf", name="multus-cni-network", type="multus", delegate="kube-ovn")]}, {}),
    ("P23", "error", "node", {"cni/networks": [dict(file="00-multus.conf", name="multus-cni-network", type="multus", delegate="10-other.conf")]},
     {"kube_ovn_settings": {"CNI_CONFIG_PRIORITY": "10"}},
     {"cni/networks": [dict(file="00-multus.conf", name="multus-cni-network", type="multus", delegate="10-kube-ovn.conflist")]},
     {"kube_ovn_settings": {"CNI_CONFIG_PRIORITY": "10"}}),
    ("ENCAP", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_encap_ip="10.0.0.2"), {}, HYBRID),
    ("ENCAP", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_encap_ip="fd00::1/128"), {}, dict(HYBRID, kube_ovn_hybrid_encap_ip="FD00:0::1/64")),
    ("ENCAP", "error", "node", {}, dict(HYBRID, ovs_bridges_bridges=[BR0]), {}, dict(HYBRID, ovs_bridges_bridges=[dict(name="br0", ports=[dict(name="a")])])),
    ("ENCAP", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_devices=["03:00.0"], ovs_bridges_bridges=[BR0]),
     {}, dict(HYBRID, kube_ovn_hybrid_devices=["04:00.0"], ovs_bridges_bridges=[BR0])),
    # Two with one name are one device to DPDK, whatever else they say.
    ("ENCAP", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_devices=["eth_af_packet0,iface=a"], ovs_bridges_bridges=[AF_PACKET]),
     {}, dict(HYBRID, kube_ovn_hybrid_devices=["eth_af_packet1,iface=a"], ovs_bridges_bridges=[AF_PACKET])),
    ("ENCAP", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_devices=[]), {}, {"kube_ovn_hybrid_devices": []}),
    ("ENCAP", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_devices=["0000:03:00.0", "eth_af_packet0,iface=a"]), {},
     dict(HYBRID, kube_ovn_hybrid_devices=["0000:03:00.0", "eth_af_packet0,iface=a"], kube_ovn_hybrid_bond_type="lacp")),
    ("ENCAP", "error", "node", {}, dict(HYBRID, kube_ovn_hybrid_bond_type="lacp"), {}, dict(HYBRID, kube_ovn_hybrid_bond_type="")),
    ("ENCAP", "error", "node", {}, dict(HYBRID, kube_ovn_version="v1.10.10", kube_ovn_hybrid_vlan=7), {},
     dict(HYBRID, kube_ovn_version="v1.11.0", kube_ovn_hybrid_vlan="7")),
    ("ENCAP", "error", "node", {}, dict(HYBRID, kube_ovn_version="v1.10.10", kube_ovn_hybrid_devices=["0000:03:00.0", "0000:04:00.0"],
     kube_ovn_hybrid_bond_type="lacp"), {}, dict(HYBRID, kube_ovn_version="v1.10.10", kube_ovn_hybrid_vlan=0)),
    ("RELEASE", "error", "cluster", {}, {"kube_ovn_mode": "kernel"}, {}, {"kube_ovn_mode": "dedicated"}),
    ("RELEASE", "warning", "cluster", {}, {"kube_ovn_version": "master"}, {}, {"kube_ovn_version": "1.12.35-fork"}),
    ("RELEASE", "error", "cluster", {"kubernetes_version": "v1.30.1"}, {"kube_ovn_version": "v1.14.0"},
     {"kubernetes_version": "v1.30.1"}, {"kube_ovn_version": "v1.13.15"}),
    ("RELEASE", "error", "cluster", {"running_release": "v1.12.36"}, {}, {"running_release": "v1.12.35"}, {}),
    ("RELEASE", "error", "cluster", {"running_release": "v1.13.0"}, {}, {"running_release": "v1.13.0"}, {"kube_ovn_settings": {"VERSION": "v1.13.0"}}),
    ("RELEASE", "error", "cluster", {}, {"kube_ovn_version": "v1.1.0"}, {}, {"kube_ovn_version": "v1.3.0"}),
    ("RELEASE", "error", "cluster", {}, dict(HYBRID, kube_ovn_version="v1.9.41"), {}, {"kube_ovn_version": "v1.9.41"}),
    ("SAME", "error", "cluster", {"settings/node2/kube_ovn_mode": "hybrid"}, {}, {"settings/node2/kube_ovn_dpdk_socket_mem": [2048]}, {}),
    ("SAME", "error", "cluster", {"settings/node2/kube_ovn_hugepage_size": "2Mi"}, {}, {"settings/node2/kube_ovn_image": "own:1"}, {}),
    # Of the installer's variables those count that name places on the nodes.
    ("SAME", "error", "cluster", {"settings/node1/kube_ovn_settings": {}}, {"kube_ovn_settings": {"CNI_CONF_DIR": "/x"}},
     {"settings/node1/kube_ovn_settings": {}}, {"kube_ovn_settings": {"POD_CIDR": "10.1.0.0/16"}}),
    ("K8S", "error", "cluster", {"kubernetes_version": "v1.22.17"}, {}, {"kubernetes_version": "v1.23.0"}, {}),
    ("K8S", "error", "cluster", {"kubernetes_version": "v1.10.1"}, {"kube_ovn_version": "v1.7.0", "multus_version": "", "hugepages_pages": ""},
     {"kubernetes_version": "v1.11.0"}, {"kube_ovn_version": "v1.7.0", "multus_version": ""}),
    ("K8S", "error", "cluster", {"kubernetes_version": "v1.15.12"}, {"kube_ovn_version": "v1.8.18", "multus_version": "", "hugepages_pages": ""},
     {"kubernetes_version": "v1.15.12"}, {"kube_ovn_version": "v1.7.3", "multus_version": "", "hugepages_pages": ""}),
    ("API", "error", "cluster", {"api_error": "connection refused", "kubernetes_version": "", "nodes": {}}, {}, {"api_error": ""}, {}),
    ("HOST", "error", "cluster", {"unexamined": {"node2": "it is unreachable"}}, {}, {"unexamined": {}}, {}),
    ("NODE", "error", "cluster", {"node_names": {"node1": "node1.example.com", "node2": "node2"}, "pages": {}}, HYBRID,
     {"node_names": {"alias": "node1", "node2": "node2"}, "pages": {}}, HYBRID),
    ("NODE", "error", "cluster", {"node_names": {"node1": "node1"}}, {}, {"node_names": {"node1": "node1"}}, HYBRID),
    ("NODE", "error", "cluster", {"node_names": {"node1": "node1"}}, {}, {"node_names": {"node1": "node1"}, "unexamined": {"node2": "down"}}, {}),
    ("NETWORK", "error", "cluster", {"other_networks": ["DaemonSet kube-system/kube-flannel-ds"]}, {}, {"other_networks": []}, {}),
    ("P1", "warning", "cluster", {"kubernetes_version": "v1.21.14"}, dict(kube_ovn_version="v1.2.1", kube_ovn_mode="hybrid"),
     {"kubernetes_version": "v1.21.14"}, {"kube_ovn_version": "v1.3.0"}),
    ("P1", "warning", "cluster", {"kubernetes_version": "v1.15.12"}, {"kube_ovn_version": "v1.3.0"},
     {"kubernetes_version": "v1.15.12"}, {"kube_ovn_version": "v1.3.0", "kube_ovn_image": "own:1"}),
    ("P2", "warning", "cluster", {}, {"ovs_bridges_bridges": [dict(name="br0")]}, {"hosts": 1}, {"ovs_bridges_bridges": [dict(name="br0")]}),
    ("P2", "warning", "cluster", {"settings/node2/ovs_bridges_bridges": [dict(name="br0")]}, {},
     {}, {"ovs_bridges_bridges": [dict(name="br0", ports=[dict(name="b", interfaces=[UPLINK, dict(UPLINK, name="dpdk1")])])]}),
    ("P4", "error", "cluster", {"asked_images": {"a/b:1": dict(state="absent", detail="404")}}, {},
     {"asked_images": {"a/b:1": dict(state="present", detail="")}}, {}),
    ("P4", "error", "cluster", {"asked_images": {"a/b:1": dict(state="denied", detail="401")}}, {}, {}, {}),
    ("P4", "warning", "cluster", {"asked_images": {"a/b:1": dict(state="unknown", detail="timed out")}}, {}, {}, {}),
    # The pod of OVS is as large on every node as the node needs that needs most.
    ("P5", "error", "cluster", {"settings/node2/kube_ovn_dpdk_socket_mem": [1024, 1024], "settings/node1/hugepages_pages": pages((1, "G", 3))}, {},
     {"settings/node2/kube_ovn_dpdk_socket_mem": [1024, 1024], "settings/node1/hugepages_pages": pages((1, "G", 4))}, {}),
    ("P5", "error", "cluster", {"settings/node2/kube_ovn_dpdk_socket_mem": [2048], "settings/node1/hugepages_pages": [],
     "pages/node1": [dict(size_kib=1048576, node=0, total=1, free=0)]}, {"dpdk_app_hugepages": ""},
     {"settings/node2/kube_ovn_dpdk_socket_mem": [2048], "settings/node1/hugepages_pages": []}, {"dpdk_app_hugepages": ""}),
    ("P6", "warning", "cluster", {"nodes/node2/allocatable": {"hugepages-1Gi": "2Gi"}}, {}, {"nodes/node2/allocatable": {"hugepages-1Gi": "4Gi"}}, {}),
    ("P6", "warning", "cluster", {"nodes/node2/allocatable": {"hugepages-1Gi": "8Gi"}}, {}, {}, {}),
    ("P7", "error", "cluster", {"kubernetes_version": "v1.18.20"}, {"kube_ovn_version": "v1.9.0", "hugepages_pages": pages((1, "G", 1), (2, "M", 1))},
     {"kubernetes_version": "v1.19.0"}, {"kube_ovn_version": "v1.9.0", "hugepages_pages": pages((1, "G", 1), (2, "M", 1))}),
    ("P7", "error", "cluster", {"kubernetes_version": "v1.18.20", "settings/node2/hugepages_pages": pages((1, "G", 1), (2, "M", 1))},
     {"kube_ovn_version": "v1.9.0"}, {"kubernetes_version": "v1.18.20", "settings/node2/hugepages_pages": pages((2, "M", 1))}, {"kube_ovn_version": "v1.9.0"}),
    ("P12", "error", "cluster", {}, {"kube_ovn_dpdk_cpu": "1000m"}, {}, {"kube_ovn_dpdk_cpu": "2"}),
    ("P12", "error", "cluster", {"settings/node2/kube_ovn_dpdk_pmd_cores": [2, 3, 4]}, {"kube_ovn_dpdk_cpu": "2"},
     {"settings/node2/kube_ovn_dpdk_pmd_cores": [2, 3, 4]}, {"kube_ovn_dpdk_cpu": "4"}),
    ("P12", "error", "cluster", {}, {"kube_ovn_dpdk_cpu": "1500m", "kube_ovn_dpdk_pmd_cores": [], "kube_ovn_dpdk_socket_mem": [1024, 1024]},
     {}, {"kube_ovn_dpdk_cpu": "1500m", "kube_ovn_dpdk_pmd_cores": [], "kube_ovn_dpdk_socket_mem": [1024]}),
    ("P14", "error", "cluster", {"kubernetes_version": "v1.21.14"}, {"kube_ovn_version": "v1.2.1"},
     {"kubernetes_version": "v1.21.14"}, {"kube_ovn_version": "v1.3.0"}),
    ("P15", "warning", "cluster", {}, {"network_attachments_definitions": [dict(name="a")]},
     {}, {"network_attachments_definitions": [dict(name="a", mode="client")]}),
    ("P16", "error", "cluster", {}, {"network_attachments_definitions": [dict(name="a", mode="client", shared_dir="/var/lib/vhost")]}, {},
     {"network_attachments_definitions": [dict(name="a", mode="client", shared_dir="/var/run/openvswitch/a")]}),
    ("P18", "warning", "cluster", {}, dict(HYBRID, kube_ovn_version="v1.11.7"), {}, dict(HYBRID, kube_ovn_version="v1.11.8")),
    ("P19", "error", "cluster", {}, dict(HYBRID, kube_ovn_version="v1.10.7", kube_ovn_settings={"TUNNEL_TYPE": "vxlan"}), {},
     dict(HYBRID, kube_ovn_version="v1.10.8", kube_ovn_settings={"TUNNEL_TYPE": "vxlan"})),
    ("P20", "warning", "cluster", {}, dict(HYBRID, kube_ovn_version="v1.10.4"), {}, dict(HYBRID, kube_ovn_version="v1.10.5")),
    ("P21", "warning", "cluster", {}, dict(HYBRID, kube_ovn_version="v1.10.5"), {}, dict(HYBRID, kube_ovn_version="v1.10.6")),
    ("P22", "error", "cluster", {"nodes/node1/runtime": "docker://20.10.24"}, {"kube_ovn_version": "v1.12.20"},
     {"nodes/node1/runtime": "docker://20.10.24"}, {"kube_ovn_version": "v1.12.22"}),
    ("P24", "error", "cluster", {"helm": ["DaemonSet kube-system/ovs-ovn"]}, {}, {"helm": []}, {}),
    ("P26", "warning", "cluster", {}, HYBRID, {}, {"kube_ovn_mode": "dedicated"}),
    ("P28", "warning", "cluster", {}, {"kube_ovn_settings": {"NETWORK_TYPE": "vlan"}}, {}, {"kube_ovn_settings": {"NETWORK_TYPE": "geneve"}}),
    ("MULTUS", "error", "cluster", {}, {"multus_version": "v4.0.2"}, {}, {"multus_version": "v4.2.3"}),
    ("MULTUS", "error", "cluster", {}, {"multus_version": "v3.3"}, {}, {"multus_version": "snapshot"}),
    ("MULTUS", "error", "cluster", {}, {"multus_version": "v3.9.3"}, {}, {"multus_version": "v4.3.0"}),
    ("MULTUS", "warning", "cluster", {}, {"multus_version": "v4.1.0"}, {}, {"multus_version": "v4.2.4"}),
    ("USERSPACE", "error", "cluster", {}, {"userspace_cni_version": "v1.2"}, {}, {"userspace_cni_version": "v1.3"}),
    ("NAD", "warning", "cluster", {}, {"dpdk_app_networks": ["other"]}, {}, {"dpdk_app_networks": []}),
    ("D2", "error", "cluster", {"settings/node2/ovs_bridges_bridges": [dict(BR0, name="br7")]}, {},
     {"settings/node2/ovs_bridges_bridges": [BR0, dict(BR0, name="br7")]}, {}),
    ("D2", "error", "cluster", {}, {"network_attachments_definitions": [dict(name="a", mode="client", bridge="br1")]}, {},
     {"network_attachments_definitions": [dict(name="a", mode="client", bridge="br0")]}),
]  # fmt: skip


@pytest.mark.parametrize("scope", sorted(FACTS))
def test_a_sound_installation_has_no_findings(scope):
    assert judged(scope, {}, {}) == []


@pytest.mark.parametrize("identity, severity, scope, facts, settings, near_facts, near_settings", CASES)
def test_each_rule_finds_what_it_is_for_and_not_the_near_miss(identity, severity, scope, facts, settings, near_facts, near_settings):
    assert (identity, severity) in [(finding["id"], finding["severity"]) for finding in judged(scope, facts, settings)]
    assert (identity, severity) not in [(finding["id"], finding["severity"]) for finding in judged(scope, near_facts, near_settings)]


def test_every_rule_has_a_case():
    assert sorted(set(rule["id"] for rule in preflight.RULES)) == sorted(set(case[0] for case in CASES))


def test_every_rule_is_silent_where_nothing_is_known():
    for scope in ("node", "cluster"):
        nothing = dict((name, "") for name in SETTINGS)
        assert preflight.findings({}, nothing, scope, "node1") == [finding for finding in preflight.findings({}, {}, scope, "node1") if finding["id"] == "OS"]


def test_an_accepted_error_is_shown_as_a_warning():
    found = judged("node", {"uid": 1000, "root_shared": False}, {})
    assert [finding["severity"] for finding in preflight.report(found)["findings"]] == ["error", "error"]
    report = preflight.report(found, ["ROOT"])
    assert [(finding["id"], finding["severity"]) for finding in report["findings"]] == [("MOUNT", "error"), ("ROOT", "warning")]
    assert (report["errors"], report["warnings"]) == (1, 1)


def test_the_report_names_every_error_with_host_and_cure_and_no_warning():
    found = judged("node", {"uid": 1000, "kernel": "4.4.0-1", "root_shared": False}, {})
    report = preflight.report(found)
    assert (report["errors"], report["warnings"]) == (2, 1)
    assert [finding["severity"] for finding in report["findings"]] == ["error", "error", "warning"]
    assert report["message"].startswith("Nothing was changed, since 2 things stand in the way:\nROOT on node1: ")
    for finding in found:
        assert (finding["found"] in report["message"]) == (finding["severity"] == "error")
        assert (finding["cure"] in report["message"]) == (finding["severity"] == "error")
        assert any(finding["cure"] in line for line in report["table"])
    assert len(report["message"].splitlines()) == 3


def test_the_report_of_nothing_has_one_line():
    assert preflight.report([])["errors"] == 0
    assert len(preflight.report([])["table"]) == 1


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
    assert preflight.version(text) == expected


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
    assert preflight.mebibytes(text) == expected


@pytest.mark.parametrize(
    "value, expected",
    [
        ("", []),
        (None, []),
        (3, [3]),
        ("3", [3]),
        ("1,3-5", [1, 3, 4, 5]),
        ([1, "2-3"], [1, 2, 3]),
        ("0x6", None),
        ([None], None),
        (True, None),
        ({"a": 1}, None),
    ],
)
def test_lists_of_numbers(value, expected):
    assert preflight.numbers(value) == expected


@pytest.mark.parametrize(
    "settings, expected",
    [
        ({"kube_ovn_version": "v1.12.35"}, ["docker.io/kubeovn/kube-ovn-dpdk:19.11-v1.12.35", "docker.io/kubeovn/kube-ovn:v1.12.35"]),
        ({"kube_ovn_version": "v1.2.1"}, ["docker.io/kubeovn/kube-ovn-dpdk:19.11", "docker.io/kubeovn/kube-ovn:v1.2.1"]),
        (dict(HYBRID, kube_ovn_version="v1.16.2", kube_ovn_registry="r.example/k"), ["r.example/k/kube-ovn:v1.16.2", "r.example/k/kube-ovn:v1.16.2-dpdk-x86"]),
        (dict(HYBRID, kube_ovn_version="v1.12.4", kube_ovn_settings={"REGISTRY": "r.example/k/"}),
         ["r.example/k/kube-ovn:v1.12.4", "r.example/k/kube-ovn:v1.12.4-dpdk-x86"]),
        (dict(HYBRID, kube_ovn_version="v1.12.3"), ["docker.io/kubeovn/kube-ovn:v1.12.3", "docker.io/kubeovn/kube-ovn:v1.12.3-dpdk"]),
        (dict(HYBRID, kube_ovn_version="v1.14.0", kube_ovn_settings={"DPDK_TAG": "own"}),
         ["docker.io/kubeovn/kube-ovn:own", "docker.io/kubeovn/kube-ovn:v1.14.0"]),
        ({"kube_ovn_version": "v1.12.35", "kube_ovn_image": "own"}, ["docker.io/kubeovn/kube-ovn:v1.12.35", "docker.io/library/own"]),
        ({"kube_ovn_version": "v1.3.0", "kube_ovn_settings": {"REGISTRY": "localhost/k"}},
         ["localhost/k/kube-ovn-dpdk:19.11-v1.3.0", "localhost/k/kube-ovn:v1.3.0"]),
        ({"kube_ovn_version": "master", "multus_image": "ghcr.io/a/b:v4"}, ["ghcr.io/a/b:v4"]),
        ({}, []),
    ],
)
def test_images(settings, expected):
    assert preflight.images(settings) == expected


def test_only_images_that_a_node_lacks_are_asked_for():
    def node(*names):
        return dict(status=dict(images=[dict(names=list(names)), dict()]))

    settings = {"multus_image": "ghcr.io/a/b:v4", "kube_ovn_version": "v1.12.35"}
    dpdk, plain = "docker.io/kubeovn/kube-ovn-dpdk:19.11-v1.12.35", "docker.io/kubeovn/kube-ovn:v1.12.35"
    nodes = [node(dpdk, plain, "ghcr.io/a/b:v4"), node(dpdk, "ghcr.io/a/b:v4")]
    assert preflight.images_to_ask_for(settings, dict(nodes=nodes)) == [plain]
    assert preflight.images_to_ask_for(settings, dict(nodes=[dict(status={})])) == [dpdk, plain, "ghcr.io/a/b:v4"]
    assert preflight.images_to_ask_for(settings, dict(error="connection refused")) == []


def test_cluster_facts_from_the_api_and_the_hosts():
    node = dict(
        metadata=dict(name="node1"),
        status=dict(
            nodeInfo=dict(containerRuntimeVersion="docker://20.10"),
            allocatable={"hugepages-1Gi": "4Gi"},
            images=[dict(names=["docker.io/a/b@sha256:1", "docker.io/a/b:1"])],
        ),
    )
    daemonsets = [
        dict(metadata=dict(name="ovs-ovn", namespace="kube-system", labels={"app.kubernetes.io/managed-by": "Helm"})),
        dict(
            metadata=dict(name="kube-ovn-cni", namespace="kube-system", labels=None),
            spec=dict(template=dict(spec=dict(containers=[dict(image="side:latest"), dict(image="r.example:5000/kube-ovn:v1.12.35")]))),
        ),
        dict(metadata=dict(name="kube-flannel-ds", namespace="kube-flannel")),
        dict(metadata=dict(name="kube-proxy", namespace="kube-system")),
    ]
    hostvars = {
        "a": dict(preflight_host=HOST, preflight_settings=dict(kube_ovn_node_name="node1")),
        "b": dict(preflight_unexamined="no Python"),
        "c": dict(),
    }
    facts = preflight.cluster_facts(dict(version="v1.24.17", nodes=[node], daemonsets=daemonsets, pods=[]), ["a", "b", "c"], hostvars)
    assert facts["kubernetes_version"] == "v1.24.17"
    assert facts["nodes"] == {
        "node1": dict(runtime="docker://20.10", allocatable={"hugepages-1Gi": "4Gi"}),
    }
    assert facts["helm"] == ["DaemonSet kube-system/ovs-ovn"]
    assert facts["running_release"] == "v1.12.35"
    assert facts["other_networks"] == ["DaemonSet kube-flannel/kube-flannel-ds"]
    assert facts["node_names"] == {"a": "node1"}
    assert facts["pages"] == {"a": HOST["hugepages"]}
    assert facts["settings"] == {"a": {"kube_ovn_node_name": "node1"}}
    assert facts["unexamined"] == {"b": "no Python", "c": "it is unreachable"}
    assert facts["hosts"] == 3


def test_cluster_facts_without_the_api_are_judged_too():
    facts = preflight.cluster_facts(dict(error="connection refused"), ["a"], {"a": dict(preflight_host=HOST)})
    found = preflight.findings(facts, SETTINGS, "cluster", "cluster")
    assert [finding["id"] for finding in found] == ["API"]
