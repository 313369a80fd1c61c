# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role kube_ovn."""

from __future__ import annotations

import json
import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus, _pci
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn, _kube_ovn_adoption, _kube_ovn_values
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import (
    CLUSTER,
    DEDICATED,
    HYBRID,
    NODE,
    PLACES,
    SETTINGS,
    Case,
    error,
    notice,
    rule,
    warning,
)
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import can_run_ovs, cores, device, mebibytes, names, numbers, version

# Files that Multus itself writes; a master network is never one of them.
MULTUS_FILES = ("00-multus.conf", "00-multus.conflist")
# What follows the priority of Kube-OVN's file.
KUBE_OVN_FILE = "-kube-ovn.conflist"
# Bond types as the start script of hybrid mode knows them; the numbers are those of the Linux driver.
BONDS = ("", "active-backup", "balance-slb", "lacp")
# The start script and the probes of OVS-DPDK speak TLS from these releases on, within their line.
TLS = ((1, 15, 17), (1, 17, 0))
VERSION_TITLE = "the Kube-OVN release offers the mode, and no newer one runs"


def variables(case):
    """Variables of the installer by name; empty where they are invalid."""
    found = case.setting("kube_ovn_installer_variables") or {}
    return found if isinstance(found, dict) else {}


def is_true(value):
    return str(value).strip().lower() in ("true", "yes", "on", "1")


def has_tls(case):
    """Whether OVS-DPDK of the release can speak TLS to the databases."""
    if case.mode != HYBRID or case.release is None:
        return False
    return any(case.release >= first and (case.release[:2] == first[:2] or first is TLS[-1]) for first in TLS)


@rule("kube-ovn-version", SETTINGS, VERSION_TITLE)
def release_offers_mode(case):
    text = case.setting("kube_ovn_version")
    if text is None:
        return
    if case.mode not in (DEDICATED, HYBRID):
        yield error("kube_ovn_mode is %r" % (case.mode,), "use dedicated (--with-dpdk=19.11) or hybrid (--with-hybrid-dpdk)")
    if not re.match(r"v\d+\.\d+\.\d+(?![\d.])", str(text)):
        yield error(
            "kube_ovn_version %s is no tag of a release" % text,
            "use a tag with its v and three numbers, such as v1.12.35; for another branch name its installer in kube_ovn_installer as well",
        )
    elif case.release < (1, 2, 0):
        yield error("Kube-OVN %s has no OVS-DPDK" % text, "use v1.2.0 or later")
    elif case.mode == DEDICATED and case.release >= (1, 14, 0):
        yield error("Kube-OVN %s has no --with-dpdk any more (removed in v1.14.0)" % text, "set kube_ovn_mode: hybrid, or use a release before v1.14.0")
    elif case.mode == HYBRID and case.release < (1, 10, 0):
        yield error("Kube-OVN %s has no hybrid mode (it came with v1.10.0)" % text, "set kube_ovn_mode: dedicated, or use v1.10.0 or later")


@rule("kube-ovn-version", CLUSTER, VERSION_TITLE)
def newer_release_runs(case):
    running = version(case.facts.get("running_release"))
    # VERSION names the images, whatever kube_ovn_version is.
    if running and case.release is not None and case.release < running and "VERSION" not in variables(case):
        yield error(
            "Kube-OVN %s runs, and %s is older: its databases cannot read what the newer one wrote"
            % (case.facts["running_release"], case.setting("kube_ovn_version")),
            "set kube_ovn_version to %s or later, or uninstall first" % case.facts["running_release"],
        )


@rule("kube-ovn-installer", SETTINGS, "the installer of the release is known")
def installer_known(case):
    place = case.setting("kube_ovn_installer")
    if place is None or case.release is None:
        return
    checksum = case.setting("kube_ovn_installer_checksum")
    if not checksum and re.match(r"https?://", str(place)):
        source = _kube_ovn_values.installer(dict(kube_ovn_version=str(case.setting("kube_ovn_version")), kube_ovn_installer=place), "")
        if not source["checksum"]:
            yield error(
                "no checksum is known for the installer of %s (%s)" % (case.setting("kube_ovn_version"), source["place"]),
                "look at the file, then set kube_ovn_installer_checksum to its SHA-256",
            )


@rule("kube-ovn-installer", CLUSTER, "the installer of the release is known")
def installer_for_kubernetes(case):
    kubernetes = version(case.facts.get("kubernetes_version"))
    place = str(case.setting("kube_ovn_installer", ""))
    if kubernetes and kubernetes < (1, 16, 0) and case.release is not None and case.release >= (1, 8, 0) and not place.endswith(".sh"):
        yield error(
            "Kubernetes is %s, and from v1.8.0 on releases of Kube-OVN have no installer for one before v1.16.0" % case.facts["kubernetes_version"],
            "use a kube_ovn_version up to v1.7.3 (it is %s), or upgrade Kubernetes" % case.setting("kube_ovn_version"),
        )
    if case.facts.get("missing_installer"):
        yield error(
            "there is no installer at %s" % case.facts["missing_installer"],
            "set kube_ovn_installer to a file or directory on the host of group cluster, or to a URL",
        )
    if case.facts.get("other_installer"):
        yield error(case.facts["other_installer"], "name the right file in kube_ovn_installer, or its SHA-256 in kube_ovn_installer_checksum")


@rule("installer-variables", SETTINGS, "OVS-DPDK works with the variables of the installer")
def installer_variables(case):
    value = case.setting("kube_ovn_installer_variables")
    if value is not None and not isinstance(value, dict):
        yield error("kube_ovn_installer_variables is %r" % (value,), "give variables of the installer by name, such as {POD_CIDR: 10.16.0.0/16}")
        return
    own = variables(case)
    for name in sorted(own, key=str):
        if not re.match(r"[A-Za-z_][A-Za-z0-9_]*\Z", str(name)):
            yield error("kube_ovn_installer_variables has the name %r" % (name,), "use names of shell variables, as the installer has them")
        elif isinstance(own[name], (dict, list)) or "\n" in str(own[name]):
            yield error("%s in kube_ovn_installer_variables is %r" % (name, own[name]), "give text of one line")
    if is_true(own.get("ENABLE_SSL")) and case.release is not None and not has_tls(case):
        yield error(
            "ENABLE_SSL is set in kube_ovn_installer_variables, and OVS-DPDK of %s in mode %s speaks plain TCP to the databases"
            % (case.setting("kube_ovn_version"), case.mode),
            "leave ENABLE_SSL out, or use hybrid mode of v1.15.17 or later in that line, or of v1.17.0 or later",
        )
    bridge = case.setting("kube_ovn_hybrid_bridge")
    if "DPDK_TUNNEL_IFACE" in own and bridge is not None and own["DPDK_TUNNEL_IFACE"] != bridge:
        yield error(
            "kube_ovn_installer_variables names the tunnel bridge DPDK_TUNNEL_IFACE %s, kube_ovn_hybrid_bridge %s" % (own["DPDK_TUNNEL_IFACE"], bridge),
            "leave DPDK_TUNNEL_IFACE out, and set kube_ovn_hybrid_bridge on all hosts",
        )
    tunnel = str(own.get("TUNNEL_TYPE", "")).lower()
    if case.mode == DEDICATED and tunnel not in ("", "geneve"):
        yield error(
            "TUNNEL_TYPE is %s in kube_ovn_installer_variables, and the start script of OVS-DPDK in dedicated mode always sets geneve" % tunnel,
            "leave TUNNEL_TYPE out, or use kube_ovn_mode: hybrid",
        )
    # Up to v1.7 it has the other name.
    if is_true(own.get("IPV6")) or is_true(own.get("IPv6")):
        yield error(
            "IPV6 is set in kube_ovn_installer_variables, and the start scripts of OVS-DPDK write an IPv6 address of the databases without brackets",
            "use IPv4, or DUAL_STACK on a cluster whose services are IPv4 first",
        )


@rule("kube-ovn-networks", SETTINGS, "the networks of Kube-OVN are apart from each other, from the nodes and from what the API server uses")
def networks_apart(case):
    own = variables(case)
    named = dict((name, own[name]) for name in _kube_ovn_values.DEFAULT_NETWORKS if own.get(name))
    for found, cure in _kube_ovn_values.address_conflicts(named):
        yield error(found, cure)


@rule("kube-ovn-networks", CLUSTER, "the networks of Kube-OVN are apart from each other, from the nodes and from what the API server uses")
def networks_fit_cluster(case):
    nodes = case.facts.get("nodes", {})
    running, own = case.facts.get("networks") or {}, variables(case)
    family6 = [str(own[name]) for name in own if name in ("IPV6", "DUAL_STACK", "IPv6", "DualStack") and is_true(own[name])]
    named = dict(({} if family6 else _kube_ovn_values.DEFAULT_NETWORKS), **running)
    named.update((name, own[name]) for name in (*_kube_ovn_values.DEFAULT_NETWORKS, "POD_GATEWAY") if own.get(name))
    if case.setting("kube_ovn_version") is None:
        return
    addresses = dict((name, node.get("addresses") or []) for name, node in nodes.items())
    for found, cure in _kube_ovn_values.address_conflicts(named, case.facts.get("service_address", ""), addresses):
        yield error(found, cure)
    if ":" in str(case.facts.get("service_address") or ""):
        yield error(
            "services of the cluster are IPv6 first (%s), and the start scripts of OVS-DPDK write such an address of the databases without brackets"
            % case.facts["service_address"],
            "use a cluster whose services are IPv4 first",
        )


@rule("cluster-node", CLUSTER, "hosts of group nodes are nodes of the cluster, and in dedicated mode all of them")
def not_a_node(case):
    nodes = case.facts.get("nodes")
    named = case.facts.get("node_names", {})
    for host, name in sorted(named.items()):
        if nodes and name not in nodes:
            yield error(
                "%s is no node of the cluster under the name %s" % (host, name),
                "join it to the cluster, or set its kube_ovn_node_name to one of: %s" % ", ".join(sorted(nodes)),
            )
        same = sorted(other for other in named if other != host and named[other] == name)
        if same:
            yield error(
                "%s and %s are both the node %s, and one of them would be rebooted under its own pods" % (host, ", ".join(same), name),
                "set kube_ovn_node_name of each to the name of its own node",
            )
        elif host in case.facts.get("other_machines", []):
            yield error(
                "%s is not the machine of node %s: the kubelet of that reports another machine-id and another boot" % (host, name),
                "set its kube_ovn_node_name to the name of its own node",
            )
    linux = [name for name, node in (nodes or {}).items() if can_run_ovs(node.get("labels") or {})]
    others = sorted(set(linux) - set(named.values()) - set(excluded(case)))
    if case.mode == DEDICATED and case.setting("kube_ovn_version") and others and not case.facts.get("unexamined"):
        yield error(
            "in dedicated mode OVS-DPDK runs on every node, also on %s, which no host of group nodes is" % ", ".join(others),
            "add them to group nodes, so that they get hugepages and a configuration, set kube_ovn_mode: hybrid, "
            "or name a node that is down in kube_ovn_excluded_nodes",
        )


@rule("kube-ovn-upgrade", CLUSTER, "there is a Kube-OVN to upgrade, where kube_ovn_upgrade asks for it")
def nothing_to_upgrade(case):
    if not case.flag("kube_ovn_upgrade"):
        return
    if case.setting("kube_ovn_state") == "absent":
        yield error("kube_ovn_upgrade and kube_ovn_state: absent exclude each other", "run kube_ovn.dpdk.uninstall to remove Kube-OVN")
    elif case.facts.get("installed") is False:
        yield error("there is no Deployment kube-system/kube-ovn-controller, so that there is nothing to upgrade", "run kube_ovn.dpdk.site")


@rule("other-manager", CLUSTER, "no other tool manages Kube-OVN here")
def other_manager(case):
    for manager in case.facts.get("managers", []) if not case.flag("kube_ovn_take_over") else []:
        yield error(
            "Kube-OVN is managed by %s (%s), whose next run would undo what this one does" % (manager["name"], ", ".join(manager["objects"])),
            "go on with that tool, remove Kube-OVN from it and set kube_ovn_take_over: true, or uninstall it first",
        )


@rule("kube-ovn-namespace", CLUSTER, "no Kube-OVN runs in another namespace than kube-system")
def other_namespace(case):
    found = case.facts.get("elsewhere") or []
    if found:
        yield error(
            "Kube-OVN runs in another namespace than kube-system (%s), where it is neither taken over nor removed; a second one would have the same "
            "switches, databases and custom resources" % ", ".join(found),
            "uninstall it with the tool that installed it, or install it in namespace kube-system with that tool",
        )


@rule("adopted-registry", CLUSTER, "the inventory names the registry of a Kube-OVN that runs already")
def adopted_registry(case):
    """Roles that build, bundle and look for images know the inventory only."""
    running = case.facts.get("registries") or []
    if running and running != [_kube_ovn_adoption.UPSTREAM] and not case.setting("kube_ovn_registry") and not variables(case).get("REGISTRY"):
        yield error(
            "Kube-OVN runs with images of %s, and would get those of %s" % (", ".join(running), _kube_ovn_adoption.UPSTREAM),
            "set for all hosts: kube_ovn_registry: %s; to change it, name the other registry, such as %s"
            % ([name for name in running if name != _kube_ovn_adoption.UPSTREAM][0], _kube_ovn_adoption.UPSTREAM),
        )


@rule("adopted-places", CLUSTER, "the inventory names the directories of a Kube-OVN that runs already")
def adopted_places(case):
    """Other settings of an adopted Kube-OVN are kept by its role alone. These are followed by roles on the nodes, which know the inventory only."""
    running, own = case.facts.get("places") or {}, variables(case)
    kept = {name: value for name, value in sorted(running.items()) if str(own.get(name, PLACES[name])).rstrip("/") != value}
    if kept:
        yield error(
            "Kube-OVN runs with %s, which roles on the nodes would look for elsewhere" % ", ".join("%s=%s" % item for item in kept.items()),
            "set for all hosts: kube_ovn_installer_variables: %s" % json.dumps(kept),
        )


@rule("control-plane-label", CLUSTER, "there are nodes for the databases of Kube-OVN")
def nodes_for_databases(case):
    nodes = case.facts.get("nodes") or {}
    labels = [node["labels"] for node in nodes.values() if node.get("labels")]
    if not labels or case.setting("kube_ovn_version") is None:
        return
    wanted = variables(case).get("LABEL")
    if wanted:
        key, found, value = str(wanted).partition("=")
        if not any(key in have and (not found or str(have[key]) == value) for have in labels):
            yield error(
                "no node has the label %s, which LABEL in kube_ovn_installer_variables names" % wanted,
                "label the nodes of the databases, or name another label",
            )
    elif not any(name in have for have in labels for name in _kube_ovn_adoption.CONTROL_PLANE) and not _kube_ovn_adoption.has_databases(labels):
        yield error(
            "no node has the label node-role.kubernetes.io/control-plane or /master, by which installers choose the nodes of the databases",
            "label them, or name another label as LABEL in kube_ovn_installer_variables",
        )


@rule("kube-proxy", CLUSTER, "OVS-DPDK reaches the databases through a Service")
def no_kube_proxy(case):
    text = str(case.facts.get("kubernetes_version") or "")
    # These have it in a process of their own.
    if case.facts.get("kube_proxy") is False and not re.search(r"\+(k3s|rke2|k0s)", text):
        yield warning(
            "no kube-proxy runs in the cluster, and the start scripts of OVS-DPDK reach the databases by the address of Service ovn-sb",
            "make sure that nodes reach addresses of services, or deploy kube-proxy",
        )


@rule("removed-node", CLUSTER, "no node runs OVS-DPDK that is no host of group nodes any more")
def removed_nodes(case):
    nodes = case.facts.get("nodes") or {}
    labelled = [name for name, node in nodes.items() if (node.get("labels") or {}).get(_kube_ovn.DATAPATH) == "userspace"]
    left = sorted(set(labelled) - set(case.facts.get("node_names", {}).values()) - set(excluded(case)))
    if case.mode == HYBRID and left and not case.facts.get("unexamined") and not case.flag("kube_ovn_clean_removed_nodes"):
        yield warning(
            "%s run OVS-DPDK by their label, and are no hosts of group nodes: they keep label, DaemonSet and configuration" % ", ".join(left),
            "add them to group nodes, name them in kube_ovn_excluded_nodes, or set kube_ovn_clean_removed_nodes: true",
        )


def excluded(case):
    return names(case.setting("kube_ovn_excluded_nodes"))


@rule("excluded-node", CLUSTER, "excluded nodes are nodes of the cluster")
def unknown_excluded_node(case):
    nodes = case.facts.get("nodes")
    unknown = sorted(set(excluded(case)) - set(nodes or {}))
    if nodes and unknown:
        yield error(
            "kube_ovn_excluded_nodes names %s, which is no node of the cluster" % ", ".join(unknown), "use names of nodes: %s" % ", ".join(sorted(nodes))
        )


@rule("dpdk-config", SETTINGS, "the start script of OVS-DPDK can read its configuration")
def dpdk_config(case):
    config = case.setting("kube_ovn_dpdk_config")
    if config is not None and not isinstance(config, dict):
        yield error("kube_ovn_dpdk_config is %r" % (config,), "give keys of other_config with their values")
        config = None
    for key in sorted(config or {}, key=str):
        if key in _kube_ovn_values.VARIABLE_KEYS:
            yield error("kube_ovn_dpdk_config has the key %s, which has a variable of its own" % key, "use the variable: kube_ovn_dpdk_socket_mem and the like")
        elif not re.match(r"[a-z0-9][a-z0-9-]*\Z", str(key)):
            yield error("kube_ovn_dpdk_config has the key %r" % (key,), "use names of other_config: small letters, digits and dashes")
    values = [("kube_ovn_dpdk_extra", case.setting("kube_ovn_dpdk_extra", ""))]
    values += [("%s in kube_ovn_dpdk_config" % key, value) for key, value in sorted((config or {}).items(), key=str)]
    for name, value in values:
        if isinstance(value, (dict, list)) or re.search(r"[^ -~]", str(value)):
            yield error("%s is %r" % (name, value), "give text of one line in ASCII")


@rule("config-support", SETTINGS, "the release reads config.cfg")
def config_support(case):
    if case.mode == DEDICATED and case.release_within((1, 2, 0), (1, 2, 99)):
        config = _kube_ovn_values.node_config(case.settings) if isinstance(case.setting("kube_ovn_dpdk_config", {}), dict) else {}
        if config != {"dpdk-init": "true", "dpdk-hugepage-dir": "/dev/hugepages", "dpdk-socket-mem": "1024"}:
            yield error(
                "Kube-OVN v1.2 does not read config.cfg: OVS-DPDK always starts with 1024 MiB on the first NUMA node",
                "use v1.3.0 or later in kube_ovn_version, or leave the variables of OVS-DPDK at their defaults",
            )


@rule("core-list", SETTINGS, "lcores and PMD cores exist, and no core has two tasks")
def core_lists_readable(case):
    lists = {}
    for name in ("kube_ovn_dpdk_lcores", "kube_ovn_dpdk_pmd_cores"):
        value = case.setting(name)
        try:
            lists[name] = _cpus.parse([] if value is None else value, limit=1024)
        except ValueError as problem:
            yield error("%s: %s" % (name, problem), "give core numbers from 0 to 1023, each once, for instance [2, 3] or 2-3")
    both = sorted(set(lists.get("kube_ovn_dpdk_lcores", [])) & set(lists.get("kube_ovn_dpdk_pmd_cores", [])))
    if both:
        yield error(
            "core %s is both lcore and PMD core: a PMD thread polls and leaves nothing for others" % ", ".join(str(core) for core in both),
            "take other cores for kube_ovn_dpdk_lcores or kube_ovn_dpdk_pmd_cores",
        )


@rule("socket-memory", SETTINGS, "socket memory fits NUMA nodes and pages")
def socket_memory_readable(case):
    value = case.settings.get("kube_ovn_dpdk_socket_mem")
    if value is None:
        return
    memory = numbers(value)
    if memory is None:
        yield error("kube_ovn_dpdk_socket_mem is not a list of MiB: %r" % (value,), "give one number for each NUMA node, for instance [1024, 1024]")
    elif not sum(memory):
        yield error(
            "kube_ovn_dpdk_socket_mem is %r: DPDK starts with no memory at all" % (value,), "give one number of MiB for each NUMA node, not all of them 0"
        )


@rule("kubernetes-amount", SETTINGS, "amounts of containers are valid for Kubernetes")
def amounts(case):
    size = case.setting("kube_ovn_hugepage_size")
    if size is not None and size not in ("1Gi", "2Mi"):
        yield error("kube_ovn_hugepage_size is %r" % (size,), "use 1Gi or 2Mi")
    amount = case.setting("kube_ovn_hugepage_amount")
    if amount is not None and not re.match(r"[0-9]+[MG]i\Z", str(amount)):
        yield error("kube_ovn_hugepage_amount is %s" % amount, "give a number with Mi or Gi, such as 1024Mi: to Kubernetes other units are thousands or bytes")
    elif amount is not None and size in ("1Gi", "2Mi") and (not mebibytes(amount) or mebibytes(amount) % mebibytes(size)):
        yield error("kube_ovn_hugepage_amount %s is no whole number of pages of %s" % (amount, size), "use a multiple of the page size")
    memory = case.setting("kube_ovn_dpdk_memory")
    if memory is not None and not re.match(r"[0-9]+(\.[0-9]+)?([KMGT]i?|[kmMGT])?\Z", str(memory)):
        yield error("kube_ovn_dpdk_memory is %r" % (memory,), "give an amount as Kubernetes writes it, such as 2Gi")
    limits = {}
    for name in ("kube_ovn_dpdk_cpu_request", "kube_ovn_dpdk_cpu_limit"):
        value = case.setting(name)
        if value is None:
            continue
        limits[name] = _kube_ovn_values.millicores(value)
        if not limits[name]:
            yield error("%s is %r" % (name, value), "give an amount of CPU as Kubernetes writes it, such as 2000m or 2")
    request, limit = limits.get("kube_ovn_dpdk_cpu_request"), limits.get("kube_ovn_dpdk_cpu_limit")
    if request and limit and request > limit:
        yield error(
            "kube_ovn_dpdk_cpu_request is %s, and the limit kube_ovn_dpdk_cpu_limit %s"
            % (case.setting("kube_ovn_dpdk_cpu_request"), case.setting("kube_ovn_dpdk_cpu_limit")),
            "ask for no more than the limit",
        )
    for name in ("kube_ovn_liveness_delay", "kube_ovn_wait_timeout"):
        value = case.setting(name)
        if value is not None and not re.match(r"[1-9][0-9]*\Z", str(value)):
            yield error("%s is %r" % (name, value), "give seconds as a whole number above 0")


@rule("cluster-amount", CLUSTER, "the OVS-DPDK container has the pages and cores that the largest node needs")
def amounts_for_all(case):
    own = [host.settings for _name, host in case.hosts()]
    if case.setting("kube_ovn_hugepage_size") is None or not own:
        return
    found = _kube_ovn_values.resources(case.settings, own)
    amount = mebibytes(found["hugepage_amount"])
    if amount and amount < found["socket_mem_mib"]:
        yield error(
            "kube_ovn_hugepage_amount is %s, and the nodes start OVS-DPDK with up to %d MiB of socket memory"
            % (found["hugepage_amount"], found["socket_mem_mib"]),
            "raise kube_ovn_hugepage_amount to %dMi or more, or lower kube_ovn_dpdk_socket_mem" % found["socket_mem_mib"],
        )
    request, limit = _kube_ovn_values.millicores(case.setting("kube_ovn_dpdk_cpu_request", "")), _kube_ovn_values.millicores(found["cpu_limit"])
    if request and limit and request > limit and case.setting("kube_ovn_dpdk_cpu_limit") is None:
        yield error(
            "kube_ovn_dpdk_cpu_request is %s, and the limit that follows from the PMD cores is %s"
            % (case.setting("kube_ovn_dpdk_cpu_request"), found["cpu_limit"]),
            "ask for no more than the limit, or set kube_ovn_dpdk_cpu_limit",
        )


@rule("hybrid-ports", SETTINGS, "hybrid mode knows the tunnel address and its ports")
def hybrid_ports_readable(case):
    address = case.setting("kube_ovn_hybrid_encap_ip")
    # The host of group cluster is judged too, and has no ports.
    if case.mode != HYBRID or address is None:
        return
    address = str(address)
    if not _kube_ovn.tunnel_address(address):
        yield error(
            "kube_ovn_hybrid_encap_ip is %r: kube-ovn-cni skips what is no address, or one whose prefix has no room for another" % address,
            "give this node's tunnel address with its prefix, such as 10.0.0.2/24",
        )
    devices, bond = case.setting("kube_ovn_hybrid_devices", []), case.setting("kube_ovn_hybrid_bond_type", "")
    devices = list(devices) if isinstance(devices, (list, tuple)) else [devices]
    bad = [str(name) for name in devices if not re.match(r"[A-Za-z0-9_.,:=/-]+\Z", str(name))]
    if bad:
        yield error(
            "kube_ovn_hybrid_devices has %s, which the start script would split" % ", ".join(repr(name) for name in bad),
            "use devargs without spaces and quotes",
        )
    if len(set(map(str, devices))) < len(devices):
        yield error("kube_ovn_hybrid_devices names a device twice", "name each device once")
    if bond not in BONDS:
        yield error("kube_ovn_hybrid_bond_type is %r" % (bond,), "use one of: %s" % ", ".join(BONDS[1:]))
    elif not devices:
        yield error("kube_ovn_hybrid_devices is empty", "name the port to the other nodes, by PCI address or as eth_af_packet0,iface=NAME")
    elif len(devices) > 1 and not bond:
        yield error(
            "kube_ovn_hybrid_devices has %d ports and kube_ovn_hybrid_bond_type is empty" % len(devices), "set kube_ovn_hybrid_bond_type, or name one port"
        )
    elif len(devices) == 1 and bond:
        yield error("kube_ovn_hybrid_bond_type is %s, and kube_ovn_hybrid_devices has one port" % bond, "name several ports, or leave the bond type empty")
    vlan = numbers(case.setting("kube_ovn_hybrid_vlan", 0))
    if vlan is None or len(vlan) != 1 or vlan[0] > 4095:
        yield error("kube_ovn_hybrid_vlan is %r" % (case.setting("kube_ovn_hybrid_vlan"),), "give a VLAN from 1 to 4095, or 0 for none")
    if (bond or len(devices) > 1 or (vlan or [0])[0]) and case.release_within((1, 10, 0), (1, 10, 99)):
        yield error(
            "hybrid mode has neither bonds (kube_ovn_hybrid_bond_type) nor a VLAN (kube_ovn_hybrid_vlan) before v1.11.0",
            "use v1.11.0 or later, or one port without a VLAN",
        )
    bridge = case.setting("kube_ovn_hybrid_bridge")
    if bridge is not None and not re.match(r"[A-Za-z0-9_.-]{1,15}\Z", str(bridge)):
        yield error("kube_ovn_hybrid_bridge is %r" % (bridge,), "use the name of a network device: at most 15 letters, digits, dots, dashes and underscores")


@rule("kube-ovn-overlay", SETTINGS, "overlays name an object and a change")
def overlays(case):
    value = case.setting("kube_ovn_overlays", [])
    if not isinstance(value, (list, tuple)):
        yield error("kube_ovn_overlays is %r" % (value,), "give a list of overlays")
        return
    known = {"kind": str, "name": str, "namespace": str, "patch": dict, "flags": dict, "rules": list, "required": bool}
    for number, overlay in enumerate(value):
        title = "overlay %d of kube_ovn_overlays" % (number + 1)
        if not isinstance(overlay, dict) or not overlay.get("kind") or not overlay.get("name"):
            yield error("%s has no kind or no name" % title, "name the object that it changes with kind and name")
            continue
        title += " (%s %s)" % (overlay["kind"], overlay["name"])
        unknown = sorted(str(key) for key in overlay if key not in known)
        if unknown:
            yield error("%s has %s" % (title, ", ".join(unknown)), "use kind, name, namespace, patch, flags, rules and required")
        wrong = sorted(key for key in known if overlay.get(key) is not None and not isinstance(overlay[key], known[key]))
        if wrong:
            yield error("%s has a %s of the wrong type" % (title, ", ".join(wrong)), "patch and flags are dictionaries, rules is a list")
        if not any(overlay.get(key) for key in ("patch", "flags", "rules")):
            yield error("%s changes nothing" % title, "give a patch, flags or rules")


@rule("core-list", NODE, "lcores and PMD cores exist, and no core has two tasks")
def cores_online(case):
    online = case.facts.get("cpu", {}).get("online", [])
    for name in ("kube_ovn_dpdk_lcores", "kube_ovn_dpdk_pmd_cores"):
        missing = sorted(set(cores(case.setting(name))) - set(online))
        if online and missing:
            yield error(
                "%s names cores that are not online: %s" % (name, ", ".join(str(core) for core in missing)),
                "choose from the cores that are online: %s" % ", ".join(str(core) for core in online),
            )
    isolated = case.setting("dpdk_host_isolated_cores")
    if isolated is not None and not cores(isolated) or (online and set(cores(isolated)) - set(online)):
        yield error(
            "dpdk_host_isolated_cores %r is not a list of cores that are online" % (isolated,),
            "choose from the cores that are online: %s" % ", ".join(str(core) for core in online),
        )


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


@rule("pod-hugepages", NODE, "the host has the hugepages that OVS and the pods ask for")
def pages_for_pods(case):
    return pages_asked_for(case, "the OVS pod", case.ovs_memory)


@rule("pod-hugepages", CLUSTER, "the host has the hugepages that OVS and the pods ask for")
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


@rule("larger-hugepages", NODE, "no larger pages than those of OVS-DPDK are on its host")
def larger_pages(case):
    if case.page_mib == 2 and case.pages_of_size(1024):
        yield error(
            "OVS-DPDK is given pages of 2 MiB, and the host has or gets %d of 1 GiB: DPDK takes the larger ones first, may not have them, and does not start"
            % case.pages_of_size(1024),
            "set kube_ovn_hugepage_size: 1Gi, or give the larger pages back (hugepages_purge: true; hugepages_release: true where OVS-DPDK uses them now)",
        )


@rule("socket-memory", NODE, "socket memory fits NUMA nodes and pages")
def socket_memory(case):
    value = case.setting("kube_ovn_dpdk_socket_mem")
    if value is None:
        return
    memory = numbers(value)
    if memory is None:
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


@rule("dpdk-port", NODE, "ports of type dpdk name a device that is there")
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


@rule("cni-order", NODE, "Kube-OVN's CNI configuration is the first")
def cni_order(case):
    cni = case.facts.get("cni", {})
    own = "%s%s" % ((case.setting("kube_ovn_installer_variables") or {}).get("CNI_CONFIG_PRIORITY", "01"), KUBE_OVN_FILE)
    if own < MULTUS_FILES[0]:
        yield error(
            "%s is what CNI_CONFIG_PRIORITY of kube_ovn_installer_variables makes of Kube-OVN's file: it sorts before %s, and no pod gets an attachment"
            % (own, MULTUS_FILES[0]),
            "leave CNI_CONFIG_PRIORITY out, or set it to 01 or higher",
        )
    # One of Kube-OVN that has another priority, from before, leads to the same network.
    before = [name for name in cni.get("files", []) if name not in MULTUS_FILES and name < (MULTUS_FILES[0] if name.endswith(KUBE_OVN_FILE) else own)]
    if before:
        yield error(
            "%s sorts before %s in the CNI directory, so pods get another network" % (", ".join(before), own),
            "remove the other network plugin and its file, or rename the file so that it sorts behind",
        )
    for network in cni.get("networks", []):
        if network["file"] in MULTUS_FILES and network["delegate"] not in ("", "kube-ovn") and not network["delegate"].endswith(KUBE_OVN_FILE):
            yield error(
                "%s delegates to %s instead of kube-ovn" % (network["file"], network["delegate"]),
                "remove the other network plugin, then delete %s: Multus writes it again" % network["file"],
            )


@rule("system-id", CLUSTER, "every node gets a system-id of its own")
def system_id(case):
    if case.release_within((1, 2, 0), (1, 2, 99)):
        yield warning("the start script of v1.2 gives OVS an empty system-id: pods on different nodes cannot reach each other", "use v1.3.0 or later")
    kubernetes = version(case.facts.get("kubernetes_version"))
    if kubernetes and kubernetes < (1, 16, 0) and case.release == (1, 3, 0) and not case.setting("kube_ovn_image"):
        yield warning(
            "the installer of v1.3.0 for Kubernetes before 1.16 names the image of v1.2, which gives OVS an empty system-id",
            "name the image of v1.3.0 (kubeovn/kube-ovn-dpdk:19.11-v1.3.0) in kube_ovn_image, or use v1.4.0 or later",
        )


@rule("cpu-limit", CLUSTER, "the CPU limit covers the PMD cores")
def cpu_limit(case):
    limit = _kube_ovn_values.millicores(case.setting("kube_ovn_dpdk_cpu_limit", ""))
    # Where none is named, OVS polls with one core for each NUMA node.
    polling = max([cores(own.setting("kube_ovn_dpdk_pmd_cores")) or own.socket_memory for _host, own in case.hosts()] or [[]], key=len)
    if limit and polling and limit < 1000 * len(polling):
        yield error(
            "the OVS pod may use %d m CPU, its %d PMD cores use %d m: the kernel would throttle them in every period"
            % (limit, len(polling), 1000 * len(polling)),
            "set kube_ovn_dpdk_cpu_limit to %dm or more" % (1000 * len(polling) + 1000),
        )


@rule("hybrid-ports", NODE, "hybrid mode knows the tunnel address and its ports")
def hybrid_ports_free(case):
    devices = case.setting("kube_ovn_hybrid_devices", [])
    if case.mode != HYBRID or not isinstance(devices, (list, tuple)):
        return
    if case.setting("kube_ovn_hybrid_encap_ip") is None:
        yield error("kube_ovn_hybrid_encap_ip is not set", "give this node's tunnel address with its prefix, such as 10.0.0.2/24")
    twice = sorted(set(map(device, devices)) & set(device((port.get("options") or {}).get("dpdk-devargs")) for port in case.dpdk_ports()))
    if twice:
        yield error(
            "%s is a port of hybrid mode and one of ovs_bridges_bridges: only one of them can have it" % ", ".join(twice),
            "take it out of ovs_bridges_bridges or of kube_ovn_hybrid_devices",
        )


@rule("tunnel-address", CLUSTER, "the tunnel address survives a reboot")
def address_lost(case):
    if case.mode == HYBRID and case.release_within((1, 10, 0), (1, 11, 7)):
        yield warning("before v1.11.8 br-phy loses its address when the node reboots", "use v1.11.8 or later")


@rule("vxlan", CLUSTER, "vxlan tunnels work in hybrid mode")
def hybrid_vxlan(case):
    if (
        case.mode == HYBRID
        and str((case.setting("kube_ovn_installer_variables") or {}).get("TUNNEL_TYPE", "")).lower() == "vxlan"
        and case.release_within((1, 10, 0), (1, 10, 7))
    ):
        yield error("before v1.10.8 nodes with and without DPDK cannot tunnel to each other with vxlan", "use v1.10.8 or later, or geneve")


@rule("socket-permissions", CLUSTER, "applications that are not root can make sockets")
def socket_directory(case):
    if case.mode == HYBRID and case.release_within((1, 10, 0), (1, 10, 4)):
        yield warning("before v1.10.5 only root can make sockets in the directories of vhost-user ports", "use v1.10.5 or later")


@rule("dhcp", CLUSTER, "OVN's DHCP works on the userspace datapath")
def dhcp(case):
    if case.mode == HYBRID and case.release_within((1, 10, 0), (1, 10, 5)):
        yield warning("before v1.10.6 OVN's DHCP does not work on the userspace datapath", "use v1.10.6 or later")


@rule("docker-release", CLUSTER, "the release works with Docker")
def docker_release(case):
    with_docker = sorted(name for name, node in case.facts.get("nodes", {}).items() if str(node.get("runtime", "")).startswith("docker:"))
    if with_docker and case.release_within((1, 12, 20), (1, 12, 21)):
        yield error("kube-ovn-cni of v1.12.20 and v1.12.21 cannot read network namespaces under Docker (%s)" % ", ".join(with_docker), "use v1.12.22 or later")


@rule("hybrid-datapath", CLUSTER, "ordinary pods keep the kernel's speed")
def hybrid_slow(case):
    if case.mode == HYBRID:
        yield notice(
            "on nodes labelled userspace the ordinary interfaces of pods pass through the userspace datapath, far slower than the kernel's",
            "label only nodes that run DPDK pods",
        )


@rule("provider-network", CLUSTER, "provider networks work with DPDK")
def provider_networks(case):
    if (
        str((case.setting("kube_ovn_installer_variables") or {}).get("NETWORK_TYPE", "")).lower() in ("vlan", "hybrid")
        and case.release is not None
        and case.release < (1, 13, 0)
    ):
        yield warning("adding or deleting a provider network fails with DPDK before v1.13.0", "use v1.13.0 or later")
