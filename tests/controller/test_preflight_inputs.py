# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Mistakes that preflight finds before a host is touched, and sound inventories that it has nothing against.

Everything from the variables of an inventory to the report is real; only what is read from machines is made up.
"""

from __future__ import annotations

import copy

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import settings as collected
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules import images

try:
    from ansible.template import trust_as_template
except ImportError:  # before ansible-core 2.19

    def trust_as_template(value):
        return value


CORES = list(range(8))
NIC = {"address": "0000:03:00.0", "vendor": "8086", "device": "1572", "driver": "i40e", "interface": "ens1", "numa_node": 0, "iommu_group": "7"}
HOST = {
    "uid": 0,
    "os": {"id": "debian", "version": "12", "name": "Debian GNU/Linux 12 (bookworm)"},
    "kernel": "6.1.0-18-amd64",
    "cmdline": ["root=/dev/sda1"],
    "cpu": {"vendor": "GenuineIntel", "flags": ["avx512f", "pdpe1gb", "sse4_2", "vpclmulqdq"], "online": CORES},
    "memory_mib": {"total": 32768, "available": 30000},
    "numa_nodes": [{"node": 0, "memory_mib": 32768, "cpus": CORES}],
    "hugepages": [{"size_kib": 1048576, "node": 0, "total": 0, "free": 0}, {"size_kib": 2048, "node": 0, "total": 0, "free": 0}],
    "root_shared": True,
    "iommu_groups": 12,
    "nics": [NIC, {**NIC, "address": "0000:04:00.0", "interface": "ens2"}],
    "default_route_interface": "ens2",
    "cni": {"files": ["01-kube-ovn.conflist"], "networks": []},
    "runtimes": ["containerd"],
    "selinux": "disabled",
    "kubelet": {"cpu_manager": "none", "memory_manager": "None", "reserved_cpus": [], "strict_cpu_reservation": False},
    "ovs": {"installed": False, "enabled": False, "running": False, "own": False},
}
TOOLS = {
    "python": "/usr/bin/python3",
    "commands": {"git": "/usr/bin/git", "go": "/usr/bin/go", "python3": "/usr/bin/python3"},
    "python_packages": {"requests": True},
    "files": {},
    "free_mib": {},
    "urls": {},
    "repositories": {},
    "python_index": "",
    "go_proxy": "",
    "docker": "",
    "asked_images": {},
}
API = {"version": "v1.24.17", "daemonsets": [], "pods": [], "namespaces": [{"metadata": {"name": name}} for name in ("default", "kube-system")]}
POD = {"template": {"spec": {"containers": [{"image": "docker.io/calico/node:v3.27.0"}]}}}
NAMESPACES = [{"metadata": {"name": name}} for name in ("default", "kube-system", "apps")]
GROUPS = {"nodes": ["node1"], "cluster": ["localhost"], "build": ["localhost"]}
# What every inventory here says: the application's image and that of OVS-DPDK are on the nodes, and OVS is the client.
GIVEN = {
    "kube_ovn_image": "registry.example.com/ovs-dpdk:1",
    "network_attachments_definitions": [{"name": "ovs-dpdk-br0", "mode": "client"}],
}
HYBRID = {"kube_ovn_mode": "hybrid", "kube_ovn_hybrid_encap_ip": "10.0.0.2/24", "kube_ovn_hybrid_devices": ["eth_af_packet0,iface=ens1"]}

# As the defaults are in that mode.
OWN_PORTS = {"network_attachments_definitions": [{"name": "ovn-dpdk-1", "type": "kube-ovn"}, {"name": "ovn-dpdk-2", "type": "kube-ovn"}]}


def trusted(value):
    if isinstance(value, dict):
        return {key: trusted(item) for key, item in value.items()}
    if isinstance(value, list):
        return [trusted(item) for item in value]
    return trust_as_template(value) if isinstance(value, str) else value


def inputs(variables, groups):
    """What lookup role_settings returns for a host with these variables."""
    loader = DataLoader()
    every = {"inventory_hostname": "node1", "groups": groups, "hostvars": {}, "ansible_forks": 5, **trusted(variables)}
    return collected.detailed(Templar(loader, variables=every), every)


def merged(base, changes):
    """A copy of facts with some of them, named by the path to them, changed."""
    found = copy.deepcopy(base)
    for path, value in changes.items():
        *folders, last = path.split("/")
        target = found
        for folder in folders:
            target = target[folder]
        target[last] = value
    return found


def examine(variables, host=None, tools=None, api=None, groups=None, given=None, labels=None, ready=None, runtime=True):
    """The report of preflight on a cluster of one node, whose container runtime has all images, none (False), or cannot be asked (None)."""
    given = GIVEN if given is None else given
    groups = {**GROUPS, **(groups or {})}
    found = book.findings({"inventory": groups}, {}, "inventory", "inventory")
    if found:
        # As the playbook ends here.
        return book.report(found)
    read = inputs({**given, **variables}, groups)
    settings = read["settings"]
    facts = merged(HOST, host or {})
    node = {
        "metadata": {"name": "node1", "labels": labels or {"node-role.kubernetes.io/control-plane": ""}},
        "status": {
            "nodeInfo": {"containerRuntimeVersion": "containerd://1.6.20"},
            "allocatable": {"hugepages-1Gi": "%dGi" % facts["hugepages"][0]["total"]},
            "images": [{"names": [name]} for name in images.images(settings)],
            "conditions": [{"type": "Ready", **(ready or {"status": "True"})}],
        },
    }
    answer = {**API, "nodes": [node], **(api or {})}
    answered = {"client": "crictl", "names": {name: {"present": runtime, "others": []} for name in book.names_to_look_up(settings)}}
    hostvars = {
        **{host: {} for host in groups["nodes"]},
        "node1": {
            "preflight_host": {"host": facts},
            "preflight_inputs": {"settings": {"kube_ovn_node_name": "node1", **settings}},
            "preflight_node_images": answered if runtime is not None else {"msg": "no client"},
        },
        "localhost": {"preflight_build_host": {"host": TOOLS}},
    }
    found += book.findings(read, settings, "settings", "node1")
    found += book.findings(facts, settings, "node", "node1")
    found += book.findings(merged(TOOLS, tools or {}), settings, "build", "localhost")
    found += book.findings(book.cluster_facts(answer, groups, hostvars, settings), settings, "cluster", "cluster")
    return book.report(found)


def pages(count, size="1G", **more):
    return {"hugepages_pages": [{"size": size, "count": count, **more}]}


def attachment(**settings):
    return {"network_attachments_definitions": [{"name": "a", "mode": "client", **settings}]}


def port(**settings):
    return {"ovs_bridges_bridges": [{"name": "br0", "ports": [{"name": "dpdk0", "type": "dpdk", "options": {"dpdk-devargs": "0000:03:00.0"}, **settings}]}]}


# The check that finds it, a word of its message, the variables, and what is otherwise on host, build host or cluster.
BAD = [
    # Names and kinds of variables.
    ("unknown-variable", "kube_ovn_dpdk_pmd_core ", {"kube_ovn_dpdk_pmd_core": [2]}, {}),
    ("unknown-variable", "hugepages_page", {"hugepages_page": []}, {}),
    ("unknown-variable", "multus_verison", {"multus_verison": "v4.2.4"}, {}),
    ("unknown-variable", "preflight_accept", {"preflight_accept": ["kernel"]}, {}),
    ("unknown-variable", "host_reboot_modus", {"host_reboot_modus": "never"}, {}),
    ("undefined-variable", "kube_ovn_image", {"kube_ovn_image": "registry.example.com/dpdk:{{ nowhere }}"}, {}),
    ("undefined-variable", "kube_ovn_hybrid_encap_ip", {**HYBRID, "kube_ovn_hybrid_encap_ip": "{{ ansible_default_ipv4.address }}/24"}, {}),
    ("argument-spec", "hugepages_purge", {"hugepages_purge": "ture"}, {}),
    ("argument-spec", "hugepages_state", {"hugepages_state": "presnet"}, {}),
    ("argument-spec", "hugepages_pages", {"hugepages_pages": [{"size": "1G", "count": "four"}]}, {}),
    ("argument-spec", "hugepages_pages", {"hugepages_pages": [{"size": "1G", "cuont": 4}]}, {}),
    ("argument-spec", "hugepages_pages", {"hugepages_pages": [{"size": "1G"}]}, {}),
    ("argument-spec", "hugepages_pages", {"hugepages_pages": {"size": "1G", "count": 4}}, {}),
    ("argument-spec", "hugepages_attempts", {"hugepages_attempts": "often"}, {}),
    ("argument-spec", "hugepages_transparent", {"hugepages_transparent": "sometimes"}, {}),
    ("argument-spec", "dpdk_host_devices", {"dpdk_host_devices": [{"driver": "vfio-pci"}]}, {}),
    ("argument-spec", "dpdk_host_noiommu", {"dpdk_host_noiommu": "perhaps"}, {}),
    ("argument-spec", "dpdk_host_iommu", {"dpdk_host_iommu": "arm"}, {}),
    ("argument-spec", "host_reboot_mode", {"host_reboot_mode": "later"}, {}),
    ("argument-spec", "host_reboot_timeout", {"host_reboot_timeout": "15m"}, {}),
    ("argument-spec", "kube_ovn_mode", {"kube_ovn_mode": "Hybrid"}, {}),
    ("argument-spec", "kube_ovn_version", {"kube_ovn_version": ["v1.12.35"]}, {}),
    ("argument-spec", "kube_ovn_hugepage_size", {"kube_ovn_hugepage_size": "1G"}, {}),
    ("argument-spec", "kube_ovn_mount_dev", {"kube_ovn_mount_dev": "/dev"}, {}),
    ("argument-spec", "kube_ovn_liveness_delay", {"kube_ovn_liveness_delay": "1m"}, {}),
    ("argument-spec", "kube_ovn_image_pull_policy", {"kube_ovn_image_pull_policy": "Sometimes"}, {}),
    ("core-list", "kube_ovn_dpdk_pmd_cores", {"kube_ovn_dpdk_pmd_cores": ["two"]}, {}),
    ("argument-spec", "kube_ovn_overlays", {"kube_ovn_overlays": "overlay.yml"}, {}),
    ("argument-spec", "ovs_bridges_bridges", {"ovs_bridges_bridges": [{"ports": []}]}, {}),
    ("argument-spec", "network_attachments_definitions", attachment(mode="servant"), {}),
    ("argument-spec", "network_attachments_definitions", {"network_attachments_definitions": [{"bridge": "br0"}]}, {}),
    ("argument-spec", "dpdk_app_image_source", {"dpdk_app_image_source": "registry"}, {}),
    ("argument-spec", "dpdk_app_tolerations", {"dpdk_app_tolerations": {"key": 1, "operator": []}, "dpdk_app_nodes": {"a": 1}}, {}),
    ("argument-spec", "verify_duration", {"verify_duration": "ten"}, {}),
    ("argument-spec", "userspace_cni_with_vpp", {"userspace_cni_with_vpp": "maybe"}, {}),
    ("argument-spec", "multus_resources", {"multus_resources": "little"}, {}),
    # Names that variables had once.
    ("unknown-variable", "kube_ovn_installer_variables", {"kube_ovn_settings": {"POD_CIDR": "10.16.0.0/16"}}, {}),
    ("unknown-variable", "kube_ovn_dpdk_cpu_limit", {"kube_ovn_dpdk_cpu": "2"}, {}),
    # Kinds of values that a type does not tell.
    ("positive-number", "multus_timeout", {"multus_timeout": 0}, {}),
    ("positive-number", "host_reboot_drain_timeout", {"host_reboot_drain_timeout": -1}, {}),
    ("absolute-path", "kube_ovn_cache_dir", {"kube_ovn_cache_dir": "cache"}, {}),
    ("checksum-form", "kube_ovn_installer_checksum", {"kube_ovn_installer_checksum": "unknown"}, {}),
    ("checksum-form", "dpdk_app_dpdk_checksum", {"dpdk_app_dpdk_checksum": "sha256:abc"}, {}),
    ("checksum-form", "userspace_cni_binary_checksum", {"userspace_cni_binary_checksum": "md5:" + 32 * "0"}, {}),
    ("url-form", "dpdk_app_dpdk_url", {"dpdk_app_dpdk_url": "www.example.com/dpdk.tar.gz"}, {}),
    ("kubernetes-name", "dpdk_app_namespace", {"dpdk_app_namespace": "My Apps"}, {}),
    ("kubernetes-name", "kube_ovn_node_name", {"kube_ovn_node_name": "Node_1"}, {}),
    ("image-name", "kube_ovn_registry", {"kube_ovn_registry": "https://registry.example.com/kubeovn"}, {}),
    ("image-name", "kube_ovn_image", {"kube_ovn_image": "docker://registry.example.com/a:1"}, {}),
    ("image-name", "REGISTRY", {"kube_ovn_installer_variables": {"REGISTRY": "https://registry.example.com/kubeovn"}}, {}),
    ("image-name", "VERSION", {"kube_ovn_installer_variables": {"VERSION": "v1.12.35 "}}, {}),
    ("image-name", "IMAGE_PULL_POLICY", {"kube_ovn_installer_variables": {"IMAGE_PULL_POLICY": "Sometimes"}}, {}),
    ("image-name", "multus_image", {"multus_image": "ghcr.io/Multus CNI:v4"}, {}),
    # Kube-OVN: what was refused only after hosts had been drained and rebooted.
    ("socket-memory", "abc", {"kube_ovn_dpdk_socket_mem": "abc"}, {}),
    ("socket-memory", "no memory", {"kube_ovn_dpdk_socket_mem": []}, {}),
    ("socket-memory", "no memory", {"kube_ovn_dpdk_socket_mem": [0, 0]}, {}),
    ("core-list", "twice", {"kube_ovn_dpdk_pmd_cores": "2,2"}, {}),
    ("core-list", "core 12", {"kube_ovn_dpdk_pmd_cores": "1,12", "kube_ovn_dpdk_lcores": "2,12"}, {}),
    ("hybrid-ports", "bond_type", {**HYBRID, "kube_ovn_hybrid_bond_type": "4", "kube_ovn_hybrid_devices": ["a", "b"]}, {}),
    ("hybrid-ports", "spaces", {**HYBRID, "kube_ovn_hybrid_devices": ["0000:03:00.0 x"]}, {}),
    ("hybrid-ports", "is not set", {**HYBRID, "kube_ovn_hybrid_encap_ip": ""}, {}),
    ("dpdk-config", "Pmd", {"kube_ovn_dpdk_config": {"Pmd": 1}}, {}),
    ("dpdk-config", "pmd-cpu-mask", {"kube_ovn_dpdk_config": {"pmd-cpu-mask": "0x6"}}, {}),
    ("kube-ovn-version", "1.12.35", {"kube_ovn_version": "1.12.35"}, {}),
    ("kube-ovn-version", "v1.12", {"kube_ovn_version": "v1.12"}, {}),
    ("kube-ovn-version", "master", {"kube_ovn_version": "master"}, {}),
    ("kubernetes-amount", "2G", {"kube_ovn_hugepage_amount": "2G"}, {}),
    ("kubernetes-amount", "1536Mi", {"kube_ovn_hugepage_amount": "1536Mi"}, {}),
    ("kubernetes-amount", "abc", {"kube_ovn_dpdk_cpu_limit": "abc"}, {}),
    ("kubernetes-amount", "limit", {"kube_ovn_dpdk_cpu_limit": "2", "kube_ovn_dpdk_cpu_request": "3"}, {}),
    ("kubernetes-amount", "lots", {"multus_resources": {"limits": {"memory": "lots"}}}, {}),
    ("installer-variables", "ENABLE_SSL", {"kube_ovn_installer_variables": {"ENABLE_SSL": True}}, {}),
    ("installer-variables", "DPDK_TUNNEL_IFACE", {"kube_ovn_installer_variables": {"DPDK_TUNNEL_IFACE": "eth1"}}, {}),
    ("installer-variables", "vxlan", {"kube_ovn_installer_variables": {"TUNNEL_TYPE": "vxlan"}}, {}),
    ("installer-variables", "IPV6", {"kube_ovn_installer_variables": {"IPV6": True}}, {}),
    ("installer-variables", "IPV6", {"kube_ovn_version": "v1.7.0", "kube_ovn_installer_variables": {"IPv6": "true"}}, {}),
    ("kube-ovn-installer", "v1.12.99", {"kube_ovn_version": "v1.12.99"}, {}),
    ("kube-ovn-overlay", "no kind", {"kube_ovn_overlays": [{"name": "ovs-ovn", "patch": {"spec": {}}}]}, {}),
    ("kube-ovn-networks", "10.96.0.1", {"kube_ovn_installer_variables": {"SVC_CIDR": "10.97.0.0/16"}}, {"api": {"service_address": "10.96.0.1"}}),
    ("kube-ovn-networks", "POD_GATEWAY", {"kube_ovn_installer_variables": {"POD_GATEWAY": "10.99.0.1"}}, {}),
    ("control-plane-label", "LABEL", {}, {"labels": {"kubernetes.io/os": "linux"}}),
    ("cluster-node", "is no node", {"kube_ovn_node_name": "node7"}, {}),
    ("cluster-node", "host_reboot_node_name", {"host_reboot_node_name": "node7"}, {}),
    ("excluded-node", "node9", {"kube_ovn_excluded_nodes": ["node9"]}, {}),
    ("node-ready", "node1", {}, {"ready": {"status": "Unknown", "reason": "NodeStatusUnknown"}}),
    # Hugepages.
    ("hugepage-settings", "big", {"hugepages_default_size": "big"}, {}),
    ("hugepage-settings", "much", {"hugepages_reserve": "much"}, {}),
    ("hugepage-settings", "twice", {"hugepages_pages": [{"size": "1G", "count": 2}, {"size": "1024M", "count": 2}]}, {}),
    ("hugepage-settings", "with and without", {"hugepages_pages": [{"size": "1G", "count": 2}, {"size": "1G", "count": 2, "node": 0}]}, {}),
    ("hugepage-settings", "dev/huge", {"hugepages_mounts": [{"path": "dev/huge"}]}, {}),
    ("hugepage-settings", "twice", {"hugepages_mounts": [{"path": "/dev/huge"}, {"path": "/dev/huge", "size": "2M"}]}, {}),
    ("hugepage-mounts", "4M", {"hugepages_mounts": [{"path": "/dev/huge", "size": "4M"}]}, {}),
    ("hugepage-memory", "its share", pages(32, node=0), {"host": {"memory_mib": {"total": 65536, "available": 60000}}}),
    ("cpu-plan", "two", {"cpu_management_pmd": "two"}, {}),
    # Namespaces, which no role makes.
    ("missing-namespace", "multus_namespace", {"multus_namespace": "multus"}, {}),
    ("missing-namespace", "verify_namespace", {"verify_namespace": "proof"}, {}),
    ("missing-namespace", "network_attachments_namespace", {"network_attachments_namespace": "dpdk"}, {}),
    ("missing-namespace", "attachment a", attachment(namespace="apps"), {}),
    # The proof.
    ("proof-settings", "--forks 6", {"verify_profile": "full"}, {"groups": {"nodes": ["node1", *(f"other{number}" for number in range(5))]}}),
    ("proof-settings", "verify_testpmd_memory", {"verify_testpmd_memory": -1}, {}),
    # Multus.
    ("cni-order", "multus_master_cni_file", {"multus_master_cni_file": "01-kubeovn.conflist"}, {}),
    ("multus-version", "v4.1.0", {"multus_version": "v4.1.0"}, {}),
    ("multus-version", "v4.2.2", {"multus_version": "v4.2.2"}, {}),
    ("multus-version", "v4.0.2", {"multus_version": "v4.0.2"}, {}),
    ("multus-version", "v3.9.3", {"multus_version": "v3.9.3"}, {}),
    ("multus-version", "latest", {"multus_version": "latest"}, {}),
    # Attachments, bridges and ports.
    ("attachment-name", "OVS_DPDK", attachment(name="OVS_DPDK"), {}),
    ("attachment-name", "more than once", {"network_attachments_definitions": 2 * [{"name": "a", "mode": "client"}]}, {}),
    ("attachment-options", "kubeconfig", attachment(kubeconfig="etc/kubeconfig"), {}),
    ("bridge-options", "dpkd", {"ovs_bridges_bridges": [{"name": "br0", "ports": [{"name": "p", "type": "dpkd"}]}]}, {}),
    ("bridge-options", "names no device", {"ovs_bridges_bridges": [{"name": "br0", "ports": [{"name": "p", "type": "dpdk"}]}]}, {}),
    ("attachment-name", "bridge", attachment(bridge="br/0"), {}),
    ("socket-directory", "/var/lib/vhost", attachment(shared_dir="/var/lib/vhost"), {}),
    ("socket-directory", "108 bytes", attachment(shared_dir="/run/openvswitch/" + 80 * "d"), {}),
    ("bridge-lifetime", "br9", attachment(bridge="br9"), {}),
    ("bridge-options", "long-name", {"ovs_bridges_bridges": [{"name": "br0"}, {"name": "a-bridge-with-a-long-name"}]}, {}),
    ("bridge-options", "twice", {"ovs_bridges_bridges": [{"name": "br0", "ports": [{"name": "br0"}]}]}, {}),
    ("bridge-options", "tag", {**port(tag=5000), "kube_ovn_mount_dev": True}, {}),
    ("bridge-options", "bond_mode", {**port(bond_mode="4"), "kube_ovn_mount_dev": True}, {}),
    ("bridge-options", "n_rxq", {**port(options={"dpdk-devargs": "0000:03:00.0", "n_rxq": 2}), "kube_ovn_mount_dev": True}, {}),
    ("bridge-options", "datapath_type", {"ovs_bridges_bridges": [{"name": "br0", "datapath_typ": "netdev"}]}, {}),
    ("dpdk-port", "0000:09:00.0", port(options={"dpdk-devargs": "0000:09:00.0"}), {}),
    ("dpdk-port", "/dev", port(), {}),
    ("attachment-users", "default/a", {"network_attachments_purge": True}, {"api": {
        "attachments": [{"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
                         "metadata": {"name": "old", "namespace": "default", "labels": {"app.kubernetes.io/part-of": "kube-ovn-dpdk"}},
                         "spec": {"config": '{"type": "userspace", "network": "default/old"}'}}],
        "attached_pods": [{"metadata": {"name": "a", "namespace": "default", "annotations": {"k8s.v1.cni.cncf.io/networks": "old"}}}]}}),
    # The application.
    ("dpdk-app-amounts", "1536Mi", {"dpdk_app_hugepages": "1536Mi"}, {}),
    ("dpdk-app-amounts", "2G", {"dpdk_app_hugepages": "2G"}, {}),
    ("dpdk-app-amounts", "two", {"dpdk_app_cpu": "two"}, {}),
    ("dpdk-app-networks", "empty", {"dpdk_app_networks": []}, {}),
    ("dpdk-app-group", "no fsGroup", {"dpdk_app_pod_security_context": {"runAsUser": 1000, "supplementalGroups": [4711]}, "dpdk_app_security_context": {}}, {}),
    ("dpdk-app-group", "no fsGroup", {"dpdk_app_pod_security_context": {"runAsNonRoot": True}, "dpdk_app_security_context": {}}, {}),
    ("dpdk-app-networks", "a b", {"dpdk_app_networks": ["a b"]}, {}),
    ("dpdk-app-image", "dpdk_app_image_archive", {"dpdk_app_image_source": "archive"}, {}),
    ("dpdk-app-image", "/nonexistent.tar", {"dpdk_app_image_source": "archive", "dpdk_app_image_archive": "/nonexistent.tar"}, {}),
    ("dpdk-app-nodes", "node9", {"dpdk_app_nodes": ["node9"]}, {}),
    ("pod-security", "baseline", {},
     {"api": {"namespaces": [{"metadata": {"name": "default", "labels": {"pod-security.kubernetes.io/enforce": "baseline"}}}]}}),
    ("pod-security", "apps", {"dpdk_app_namespace": "apps"}, {}),
    # Cores and memory.
    ("core-list", "9", {"kube_ovn_dpdk_pmd_cores": [9]}, {}),
    ("core-list", "both", {"kube_ovn_dpdk_pmd_cores": [2], "kube_ovn_dpdk_lcores": [2]}, {}),
    ("hugepage-memory", "65536", pages(64), {}),
    ("hugepage-memory", "NUMA node 3", pages(4, node=3), {}),
    ("pod-hugepages", "1024", pages(1), {}),
    ("hugepage-size", "pdpe1gb", {}, {"host": {"cpu/flags": ["sse4_2", "avx512f", "vpclmulqdq"]}}),
    ("socket-memory", "NUMA", {"kube_ovn_dpdk_socket_mem": [1024, 1024]}, {}),
    ("larger-hugepages", "1 GiB", {"hugepages_pages": [{"size": "1G", "count": 2}, {"size": "2M", "count": 1024}], "kube_ovn_hugepage_size": "2Mi"}, {}),
    ("memory-manager", "Static", {}, {"host": {"kubelet/memory_manager": "Static"}}),
    ("reserved-cpus", "strict", {"kube_ovn_dpdk_pmd_cores": [2]},
     {"host": {"kubelet": {"cpu_manager": "static", "reserved_cpus": [2], "strict_cpu_reservation": True}}}),
    # Devices.
    ("default-route", "ens2", {"dpdk_host_devices": [{"device": "ens2"}]}, {}),
    ("mellanox-driver", "Mellanox", {"dpdk_host_devices": [{"device": "ens1"}]}, {"host": {"nics": [{**NIC, "vendor": "15b3"}]}}),
    ("iommu", "intel_iommu=off", {"dpdk_host_devices": [{"device": "ens1"}]}, {"host": {"cmdline": ["intel_iommu=off"]}}),
    # Releases.
    ("kube-ovn-version", "v1.1.0", {"kube_ovn_version": "v1.1.0"}, {}),
    ("kube-ovn-version", "v1.16.2", {"kube_ovn_version": "v1.16.2"}, {}),
    ("kube-ovn-version", "v1.9.41", {**HYBRID, "kube_ovn_version": "v1.9.41"}, {}),
    ("kubernetes-version", "1.22", {}, {"api": {"version": "v1.22.17"}}),
    ("kubernetes-version", "1.10", {}, {"api": {"version": "v1.10.1"}}),
    ("image-missing", "never published", {"kube_ovn_image": "", "ovs_dpdk_image_source": "present"},
     {"runtime": False}),
    ("image-missing", "is Never", {"multus_image_pull_policy": "Never"}, {"runtime": False}),
    ("userspace-cni-directories", "pods_dir", {"userspace_cni_pods_dir": "/run/openvswitch"}, {}),
    ("userspace-cni-directories", "state_dir", {"userspace_cni_state_dir": "/var/lib/cni"}, {}),
    ("userspace-cni-version", "v1.2", {"userspace_cni_version": "v1.2"}, {}),
    # The build host.
    ("build-tools", "git", {}, {"tools": {"commands/git": ""}}),
    ("build-tools", "Docker", {"dpdk_app_image_source": "build"}, {"tools": {"docker": "/var/run/docker.sock: Permission denied"}}),
    ("build-tools", "requests", {}, {"tools": {"python_packages": {"requests": False}}}),
    ("build-tools", "index", {}, {"tools": {"commands/go": "", "python_index": "timed out"}}),
    ("build-downloads", "github", {}, {"tools": {"repositories": {"https://github.com/x/y": "timed out"}}}),
    ("build-files", "/b/userspace", {"userspace_cni_binary": "/b/userspace"}, {"tools": {"files": {"/b/userspace": ""}}}),
    ("build-files", "not set", {"userspace_cni_binary": "/b/userspace"}, {"tools": {"files": {"/b/userspace": "file"}}}),
    ("build-files", "launcher", {"userspace_cni_launcher_binary": "/b/launcher", "userspace_cni_launcher_binary_checksum": 64 * "a"},
     {"tools": {"files": {"/b/launcher": "file"}, "checksums": {"/b/launcher": 64 * "b"}}}),
    ("build-files", "start-ovs-dpdk.sh", {"kube_ovn_image": "", "ovs_dpdk_image_scripts": "/b"},
     {"tools": {"files": {"/b": "directory", "/b/start-ovs-dpdk.sh": "", "/b/dist/images/start-ovs-dpdk.sh": ""}}}),
    ("image-archive", "/nonexistent.tar", {"bundle_images": [{"path": "/nonexistent.tar"}]}, {}),
    ("image-archive", "no archive of images", {"dpdk_app_image_source": "archive", "dpdk_app_image_archive": __file__}, {}),
    ("image-archive", "no archive of images", {"kube_ovn_image": "", "ovs_dpdk_image_source": "archive", "ovs_dpdk_image_archive": __file__}, {}),
    ("build-space", "free space", {"dpdk_app_build_dir": "/b"}, {"tools": {"free_mib": {"/b": 100}}}),
    # Cluster, nodes and inventory.
    ("inventory-groups", "nodes", {}, {"groups": {"nodes": []}}),
    ("inventory-groups", "build", {}, {"groups": {"build": ["a", "b"]}}),
    ("python-kubernetes", "/usr/bin/python3", {},
     {"api": {"nodes": [], "error": "Failed to import the required Python library (kubernetes) on a's Python /usr/bin/python3. Please read it."}}),
    ("kubernetes-api", "refused", {}, {"api": {"nodes": [], "version": "", "error": "connection refused"}}),
    ("become", "1000", {}, {"host": {"uid": 1000}}),
    ("ipv6", "ipv6.disable=1", {}, {"host": {"cmdline": ["ipv6.disable=1"]}}),
    ("mount-propagation", "private", {}, {"host": {"root_shared": False}}),
    ("container-runtime", "socket", {}, {"host": {"runtimes": []}}),
    ("host-ovs", "ovs-vswitchd", {}, {"host": {"ovs": {"running": True, "own": True}}}),
    ("cni-order", "00-a.conf", {}, {"host": {"cni/files": ["00-a.conf"]}}),
    ("other-network", "calico", {}, {"api": {"daemonsets": [{"metadata": {"name": "calico-node", "namespace": "kube-system"}, "spec": POD}]}}),
]  # fmt: skip

TWO_NUMA = {"numa_nodes": [{"node": 0, "memory_mib": 16384, "cpus": CORES[:4]}, {"node": 1, "memory_mib": 16384, "cpus": CORES[4:]}]}
# Inventories of all kinds: a name, the variables, and what is otherwise on host, build host or cluster.
SOUND = [
    ("the defaults", {}, {}),
    ("2 MiB pages", {**pages(3072, "2M"), "kube_ovn_hugepage_size": "2Mi", "dpdk_app_hugepage_size": "2Mi", "dpdk_app_hugepages": "1Gi"}, {}),
    ("two NUMA nodes", {"hugepages_pages": [{"size": "1G", "count": 4, "node": 0}, {"size": "1G", "count": 4, "node": 1}],
     "kube_ovn_dpdk_socket_mem": [1024, 1024]}, {"host": TWO_NUMA}),
    ("cores", {"kube_ovn_dpdk_pmd_cores": [2, 3], "kube_ovn_dpdk_lcores": [1]}, {}),
    ("an uplink", {**port(), "kube_ovn_mount_dev": True}, {}),
    ("a bond", {"ovs_bridges_bridges": [{"name": "br0", "ports": [{"name": "bond0", "bond_mode": "active-backup", "interfaces": [
        {"name": "p0", "type": "dpdk", "options": {"dpdk-devargs": "0000:03:00.0"}},
        {"name": "p1", "type": "dpdk", "options": {"dpdk-devargs": "0000:04:00.0"}}]}]}], "kube_ovn_mount_dev": True}, {}),
    ("vfio-pci", {"dpdk_host_devices": [{"device": "0000:03:00.0", "driver": "vfio-pci"}]}, {}),
    ("a NIC by its name", {"dpdk_host_devices": [{"device": "ens1", "driver": "uio_pci_generic"}]}, {}),
    ("isolated cores", {"dpdk_host_isolated_cores": "2-5"}, {}),
    ("hybrid mode", {**HYBRID, **OWN_PORTS}, {}),
    ("hybrid mode of today", {**HYBRID, **OWN_PORTS, "kube_ovn_version": "v1.16.2"}, {"api": {"version": "v1.33.1"}}),
    ("an old cluster with Docker", {"kube_ovn_version": "v1.7.0"}, {"api": {"version": "v1.18.20"}, "host": {
        "runtimes": ["docker", "dockershim"], "os": {"id": "centos", "version": "7", "name": "CentOS Linux 7"}, "kernel": "3.10.0-1160.el7.x86_64"}}),
    ("Ubuntu 18.04", {}, {"host": {"os": {"id": "ubuntu", "version": "18.04", "name": "Ubuntu 18.04 LTS"}, "kernel": "4.15.0-213-generic"}}),
    ("CRI-O and an image from a registry", {"dpdk_app_image_source": "present", "dpdk_app_image": "registry.example.com/dpdk:19.11"},
     {"host": {"runtimes": ["crio"]}}),
    ("K3s and an image from a registry", {"dpdk_app_image_source": "present", "dpdk_app_image": "registry.example.com:5000/dpdk:19.11",
     "kube_ovn_installer_variables": {"CNI_BIN_DIR": "/var/lib/rancher/k3s/data/cni", "CNI_CONF_DIR": "/var/lib/rancher/k3s/agent/etc/cni/net.d"}},
     {"host": {"runtimes": ["k3s"]}, "api": {"version": "v1.24.17+k3s1"}}),
    ("a private registry", {"kube_ovn_registry": "registry.example.com:5000/kubeovn", "multus_image": "registry.example.com:5000/multus:v4.2.4"}, {}),
    ("an image by digest", {"kube_ovn_image": "registry.example.com/dpdk@sha256:" + 64 * "a"}, {}),
    ("text where numbers are meant", {"hugepages_attempts": "3", "host_reboot_timeout": "900", "kube_ovn_dpdk_pmd_cores": ["2", "3"]}, {}),
    ("text where yes or no is meant", {"hugepages_purge": "no", "kube_ovn_mount_dev": "yes", "dpdk_host_noiommu": "false"}, {}),
    ("variables of other variables", {"my_registry": "registry.example.com", "kube_ovn_registry": "{{ my_registry }}/kubeovn"}, {}),
    ("variables that are none of ours", {"my_cluster": 1, "verification": 2, "multusx": 3, "lab_name": "x"}, {}),
    ("other settings of the installer", {"kube_ovn_installer_variables": {"POD_CIDR": "10.16.0.0/16", "IFACE": "ens2"}}, {}),
    ("a later priority of the network", {"kube_ovn_installer_variables": {"CNI_CONFIG_PRIORITY": "10"}}, {"host": {"cni/files": []}}),
    ("two attachments", {"network_attachments_definitions": [{"name": "a", "mode": "client"}, {"name": "b", "mode": "client", "namespace": "apps"}],
     "dpdk_app_networks": ["a", "apps/b@net2"]}, {"api": {"namespaces": NAMESPACES}}),
    ("nothing built", {"userspace_cni_binary": "/b/userspace", "userspace_cni_launcher_binary": "/b/launcher", "userspace_cni_binary_checksum": 64 * "a",
     "userspace_cni_launcher_binary_checksum": 64 * "b", "dpdk_app_image_source": "present"},
     {"tools": {"files": {"/b/userspace": "file", "/b/launcher": "file"}}}),
    ("Go from the package index", {}, {"tools": {"commands/go": ""}}),
    ("no root", {"dpdk_app_pod_security_context": {"runAsUser": 1000, "fsGroup": 4711}, "dpdk_app_security_context": {}}, {}),
    ("a runtime that cannot be asked, and images that the API lists", {}, {"runtime": None}),
    ("no application", {"dpdk_app_state": "absent", "dpdk_app_networks": []}, {}),
    ("no reboots", {"host_reboot_mode": "never", "hugepages_boot": False}, {}),
    ("a static CPU manager", {"kube_ovn_dpdk_pmd_cores": [2, 3]}, {"host": {"kubelet": {"cpu_manager": "static", "reserved_cpus": [0, 2, 3]}}}),
    ("an arranged host", {}, {"host": {"cmdline": ["hugepagesz=1G", "hugepages=4"], "hugepages": [{"size_kib": 1048576, "node": 0, "total": 4, "free": 4}]}}),
    ("Pod Security elsewhere", {}, {"api": {"namespaces": [*NAMESPACES[:2],
     {"metadata": {"name": "apps", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}]}}),
    ("the newest Debian", {}, {"host": {"os": {"id": "debian", "version": "13", "name": "Debian GNU/Linux 13 (trixie)"}, "kernel": "6.12.0-1-amd64"}}),
]  # fmt: skip


@pytest.mark.parametrize("identity, word, variables, facts", BAD, ids=["%s-%d" % (case[0], number) for number, case in enumerate(BAD)])
def test_a_mistake_is_found_before_anything_is_touched(identity, word, variables, facts):
    report = examine(variables, **facts)
    found = [finding for finding in report["findings"] if finding["id"] == identity and finding["severity"] == "error"]
    assert [finding for finding in found if word in finding["found"] + finding["cure"]], report["table"]
    assert all(finding["cure"] for finding in found)


@pytest.mark.parametrize("variables, facts", [case[1:] for case in SOUND], ids=[case[0].replace(" ", "-") for case in SOUND])
def test_a_sound_inventory_has_no_finding(variables, facts):
    report = examine(variables, **facts)
    # In hybrid mode a notice says what it does to ordinary pods; notices are no findings.
    assert [finding for finding in report["findings"] if finding["severity"] != "notice"] == []


def test_what_only_nodes_define_is_a_warning_on_other_hosts():
    variables = {
        "inventory_hostname": "localhost",
        "groups": {"nodes": ["a", "b"]},
        "hostvars": {
            "a": {"preflight_inputs": {"settings": {"kube_ovn_image": "x"}}},
            "b": {"preflight_inputs": {"settings": {"kube_ovn_image": "x", "multus_image": "y"}}},
        },
        "kube_ovn_image": trust_as_template("{{ nowhere }}"),
        "multus_image": trust_as_template("{{ nowhere }}"),
    }
    loader = DataLoader()
    settings, failed = collected.collect(Templar(loader, variables=variables), variables, ["kube_ovn", "multus"])
    assert sorted(failed) == ["kube_ovn_image", "multus_image"]
    assert "kube_ovn_image" not in settings
    assert settings["kube_ovn_mode"] == "dedicated"
    assert collected.elsewhere(failed, variables) == ["kube_ovn_image"]
    assert collected.elsewhere(failed, {**variables, "inventory_hostname": "a"}) == []


def test_there_are_enough_of_both():
    assert len({(case[0], str(case[2:])) for case in BAD}) == len(BAD) >= 80
    assert len({str(case[1:]) for case in SOUND}) == len(SOUND) >= 30


def test_omit_in_a_variable_is_found():
    """Before ansible-core 2.19 it is text with random characters, which would restart Open vSwitch in each run."""
    placeholder = {"omit": "__omit_place_holder__0123", "kube_ovn_dpdk_config": {"x": "{{ nothing | default(omit) }}"}}
    found = [entry for entry in examine(placeholder)["findings"] if entry["severity"] == "error"]
    assert [entry["id"] for entry in found] == ["undefined-variable"], found
    assert "kube_ovn_dpdk_config cannot be evaluated: omit works in the arguments of a task" in found[0]["found"]
