# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What follows from the variables of role kube_ovn: values of config.cfg, resources of OVS-DPDK, the installer, and checks of addresses.

PRIVATE to the collection. All are functions of their arguments. `settings` are variables of the role by name.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import re
import shlex
from decimal import Decimal, InvalidOperation

from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn, _kube_ovn_adoption
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import specifications
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import cores, given, mebibytes, names, numbers, version
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.attachments import kube_ovn_port

# Keys of other_config that have variables of their own, and those that only OVS-DPDK's configuration sets.
VARIABLE_KEYS = ("dpdk-init", "dpdk-socket-mem", "dpdk-lcore-mask", "pmd-cpu-mask", "dpdk-extra")
DPDK_KEYS = VARIABLE_KEYS + (
    "dpdk-hugepage-dir", "dpdk-alloc-mem", "dpdk-socket-limit", "per-port-memory", "vhost-sock-dir", "vhost-iommu-support", "vhost-postcopy-support",
    "shared-mempool-config", "tx-flush-interval", "pmd-perf-metrics", "pmd-auto-lb", "pmd-rxq-assign", "pmd-rxq-isolate", "pmd-maxsleep", "pmd-sleep-max",
    "userspace-tso-enable", "emc-insert-inv-prob", "smc-enable",
)

# Networks that installers name where nothing else is asked for (the same in all releases).
DEFAULT_NETWORKS = {"POD_CIDR": "10.16.0.0/16", "SVC_CIDR": "10.96.0.0/12", "JOIN_CIDR": "100.64.0.0/16"}
DATAPATH = "ovn.kubernetes.io/ovs_dp_type"


def node_config(settings):
    """The lines of config.cfg: other_config of Open vSwitch by key."""
    found = {
        "dpdk-init": "true",
        "dpdk-hugepage-dir": "/dev/hugepages",
        "dpdk-socket-mem": ",".join(str(number) for number in numbers(settings.get("kube_ovn_dpdk_socket_mem")) or []),
    }
    for key, name in (("dpdk-lcore-mask", "kube_ovn_dpdk_lcores"), ("pmd-cpu-mask", "kube_ovn_dpdk_pmd_cores")):
        if cores(settings.get(name)):
            found[key] = _cpus.format_mask(cores(settings[name]))
    if settings.get("kube_ovn_dpdk_extra"):
        found["dpdk-extra"] = str(settings["kube_ovn_dpdk_extra"])
    # As ovs-vsctl writes them.
    own = [(key, value) for key, value in (settings.get("kube_ovn_dpdk_config") or {}).items() if given(value)]
    found.update((key, str(value).lower() if isinstance(value, bool) else str(value)) for key, value in own)
    return found


def config_line(key, value):
    """A line of config.cfg. The start script hands each one to ovs-vsctl unquoted, which reads a quoted value as a JSON string.

    What the shell would split or expand is therefore written as a Unicode escape.
    """
    return '%s="%s"' % (key, "".join(character if re.match(r"[A-Za-z0-9_.,:=/@%+-]", character) else "\\u%04x" % ord(character) for character in value))


def stale_keys(config, old_keys):
    """Keys that may be left in the database, each to be removed: those of OVS-DPDK and of the old file that are not in the new one."""
    return {key: None for key in sorted((set(DPDK_KEYS) | set(old_keys)) - set(config))}


def node_files(settings):
    """The files that OVS-DPDK starts with, by name. Its start script hands whole lines of the first to ovs-vsctl, and sources the second."""
    config = node_config(settings)
    lines = ["# Managed by Ansible, role kube_ovn.dpdk.kube_ovn. The start script of OVS-DPDK reads whole lines."]
    files = {"config.cfg": lines + [config_line(key, config[key]) for key in sorted(config)]}
    if settings["kube_ovn_mode"] == "hybrid":
        files["ovs-dpdk-config"] = [
            "# Managed by Ansible, role kube_ovn.dpdk.kube_ovn. The start script of OVS-DPDK sources this file.",
            "ENCAP_IP=%s" % settings["kube_ovn_hybrid_encap_ip"],
            "DPDK_DEV=(%s)" % " ".join(shlex.quote(str(device)) for device in settings["kube_ovn_hybrid_devices"]),
            'BOND_TYPE="%s"' % (settings["kube_ovn_hybrid_bond_type"] or ""),
            "VLAN_TAG=%s" % (settings["kube_ovn_hybrid_vlan"] or 0),
        ]
    return {name: "\n".join(text) + "\n" for name, text in files.items()}


def node_plan(settings, node, errors=()):
    """What a node needs, by what module kube_ovn_node_info has read there.

    `files` by name, `stale_keys` that are to be removed from the database, whether only those say that config.cfg is newer than the start of OVS-DPDK
    (`touch`), whether anything `differs`, and whether OVS-DPDK has to be restarted.
    Settings with `errors` have no files, and differ from everything.
    """
    if errors:
        return {"files": {}, "stale_keys": {}, "touch": False, "differs": True, "restart": False}
    files, switch = node_files(settings), node["switch"]
    # The database keeps what was once set, even when its line has left the file.
    stale = {key: None for key in stale_keys(node_config(settings), node["config_keys"]) if key in switch.get("other_config", {})}
    changed = {name for name, text in files.items() if node["files"].get(name) != text}
    return {
        "files": files,
        "stale_keys": stale,
        "touch": bool(stale) and not changed,
        "differs": bool(changed or stale or node["config_dir"] != "root:root 0755"),
        "restart": node["running"] and bool(changed or stale or set(node["newer_files"]) & set(files) or not tunnel_works(settings, switch)),
    }


def tunnel_works(settings, switch):
    """Whether the tunnel bridge of hybrid mode has its port, and no port with an error.

    It may be without: the start script crashed after it had created the bridge, or a run was interrupted before the restart.
    """
    name = settings["kube_ovn_hybrid_bridge"]
    bridge = switch.get("bridges", {}).get(name) or {}
    errors = [item for item in switch.get("interfaces", {}).values() if item["bridge"] == name and item["error"]]
    return settings["kube_ovn_mode"] != "hybrid" or ("dpdk0" in bridge.get("ports", []) and not errors)


HOST_VARIABLES = (
    "kube_ovn_dpdk_socket_mem", "kube_ovn_dpdk_pmd_cores", "kube_ovn_hybrid_devices", "kube_ovn_bridge_datapath_type", "kube_ovn_restart_required",
)


def hosts(group, hostvars, settings, excluded=()):
    """The hosts of the group nodes with their names in the cluster and the variables that count, but for those that are excluded."""
    found, excluded = [], names(excluded)
    for name in group:
        variables = hostvars[name]
        node = variables.get("kube_ovn_node_name") or name
        if node in excluded or name in excluded:
            continue
        entry = {key: variables.get(key, settings.get(key)) for key in HOST_VARIABLES}
        found.append(dict(entry, host=name, node=node, kube_ovn_restart_required=bool(entry["kube_ovn_restart_required"])))
    return found


def resources(settings, nodes=()):
    """`hugepage_amount`, `socket_mem_mib` and `cpu_limit` of OVS-DPDK: as set, else what the largest of the nodes needs."""
    everyone = list(nodes) or [settings]
    memory = max(sum(numbers(node.get("kube_ovn_dpdk_socket_mem")) or [0]) for node in everyone)
    # Where no core is named, OVS polls with one for each NUMA node.
    polling = max(len(cores(node.get("kube_ovn_dpdk_pmd_cores")) or numbers(node.get("kube_ovn_dpdk_socket_mem")) or [0]) for node in everyone)
    page = mebibytes(settings.get("kube_ovn_hugepage_size")) or 1
    return {
        "socket_mem_mib": memory,
        # Whole pages, and at least the socket memory.
        "hugepage_amount": str(settings.get("kube_ovn_hugepage_amount") or "") or "%dMi" % (-(-memory // page) * page),
        # Each PMD thread takes a core, and one more is for all other threads.
        "cpu_limit": str(settings.get("kube_ovn_dpdk_cpu_limit") or "") or "%dm" % (1000 * (max(polling, 1) + 1)),
    }


def millicores(text):
    """Thousandths of a core of an amount of CPU as Kubernetes writes it, such as 1500m or 1.5; None where it is not an amount."""
    match = re.match(r"(\d+(?:\.\d+)?|\.\d+)(m?)\Z", str(text))
    if not match:
        return None
    try:
        amount = Decimal(match.group(1))
    except InvalidOperation:
        return None
    return amount if match.group(2) else amount * 1000


def control_plane_label(nodes):
    """LABEL for the installer. Releases up to v1.8.14 know only the label that kubeadm does not set any more since 1.24.

    Where no node has one of both, a running Kube-OVN may have been installed with another: its databases are where it has put a label of its own.
    """
    labels = [node["metadata"].get("labels") or {} for node in nodes]
    present = [name for name in _kube_ovn_adoption.CONTROL_PLANE if any(name in have for have in labels)]
    if not present and _kube_ovn_adoption.has_databases(labels):
        return "%s=%s" % _kube_ovn_adoption.DATABASE_NODE
    return present[0] if present == [_kube_ovn_adoption.CONTROL_PLANE[0]] else ""


def removed_nodes(nodes, mode, own, excluded=()):
    """Nodes that are labelled for OVS-DPDK and are not hosts of the group nodes any more (hybrid mode)."""
    if mode != "hybrid":
        return []
    labelled = [node["metadata"]["name"] for node in nodes if (node["metadata"].get("labels") or {}).get(DATAPATH) == "userspace"]
    return sorted(set(labelled) - set(own) - set(names(excluded)))


def render_nodes(nodes, mode, own, removed=()):
    """The nodes as the installer finds them, with the labels that this run gives them."""
    found = []
    for node in nodes:
        name, labels = node["metadata"]["name"], dict(node["metadata"].get("labels") or {})
        if mode == "dedicated":
            labels[DATAPATH] = "kernel"
        elif name in own:
            labels[DATAPATH] = "userspace"
        elif name in removed:
            labels.pop(DATAPATH, None)
        addresses = [item["address"] for item in node["status"].get("addresses") or [] if item["type"] == "InternalIP"]
        found.append({"name": name, "internal_ip": addresses[0] if addresses else "", "labels": labels})
    return found


def installer(settings, kubernetes):
    """Where the installer comes from: its `name`, its `place` (URL or path), the `checksum` that it must have (or empty), and whether it is a `url`."""
    release, place, tables = settings["kube_ovn_version"], str(settings["kube_ovn_installer"]), specifications.role_variables("kube_ovn")
    # Releases before v1.3.0 have one installer, which fits old Kubernetes.
    old = (version(kubernetes) or (9, 0, 0)) < (1, 16, 0) and (version(release) or (0, 0, 0)) >= (1, 3, 0)
    name = "install-pre-1.16.sh" if old else "install.sh"
    if not place.endswith(".sh"):
        place = "%s/%s" % (place.rstrip("/"), name)
    known = tables["__kube_ovn_installers_before_1_16" if place.endswith("install-pre-1.16.sh") else "__kube_ovn_installers"]
    asked = re.sub(r"^sha256:", "", str(settings.get("kube_ovn_installer_checksum") or ""))
    url = bool(re.match(r"https?://", place))
    return {"name": name, "place": place, "url": url, "checksum": asked or (known.get(release, "") if url else "")}


def network_of(text):
    try:
        return ipaddress.ip_network(str(text).strip(), strict=False)
    except ValueError:
        return None


def overlaps(one, other):
    return one.version == other.version and one.overlaps(other)


def address_conflicts(networks, service_address="", node_addresses=None):
    """What is wrong with the networks of Kube-OVN, as (found, cure).

    `networks` has POD_CIDR, SVC_CIDR and JOIN_CIDR, and POD_GATEWAY if one is named, `service_address` is that of Service default/kubernetes,
    `node_addresses` are those of each node.
    """
    found, parsed = [], {}
    for name in ("POD_CIDR", "SVC_CIDR", "JOIN_CIDR"):
        for text in str(networks.get(name) or "").split(","):
            if not text:
                continue
            network = network_of(text)
            if network is None:
                found.append(("%s %s is not a network" % (name, text), "give an address with its prefix length, such as %s" % DEFAULT_NETWORKS[name]))
            else:
                parsed.setdefault(name, []).append(network)
    for text in str(networks.get("POD_GATEWAY") or "").split(","):
        gateway = network_of(text) if text else None
        if text and parsed.get("POD_CIDR") and (gateway is None or not any(overlaps(gateway, network) for network in parsed["POD_CIDR"])):
            found.append(("POD_GATEWAY %s is not in POD_CIDR %s" % (text, networks["POD_CIDR"]), "use an address of that network, or leave POD_GATEWAY out"))
    names = sorted(parsed)
    for index, name in enumerate(names):
        for other in names[index + 1 :]:
            pairs = [(one, two) for one in parsed[name] for two in parsed[other] if overlaps(one, two)]
            for one, two in pairs:
                found.append(("%s %s and %s %s overlap" % (name, one, other, two), "set %s in kube_ovn_installer_variables to another network" % name))
    for node, addresses in sorted((node_addresses or {}).items()):
        for text in addresses:
            address = network_of(text)
            for name in names:
                if address is not None and any(overlaps(address, network) for network in parsed[name]):
                    found.append(
                        ("%s %s has the address %s of node %s in it" % (name, networks[name], text, node),
                         "set %s in kube_ovn_installer_variables to a network that no node is in" % name)
                    )
    service = network_of(service_address) if service_address else None
    if service is not None and parsed.get("SVC_CIDR") and not any(overlaps(service, network) for network in parsed["SVC_CIDR"]):
        found.append(
            (
                "SVC_CIDR is %s, and the Service default/kubernetes has the address %s" % (networks["SVC_CIDR"], service_address),
                "set SVC_CIDR in kube_ovn_installer_variables to the API server's --service-cluster-ip-range",
            )
        )
    return found


# Annotations of pods that Kube-OVN does not apply to vhost-user ports, or that become a linux-htb queue, which netdev-dpdk does not have (ingress_rate).
# The other rate, egress_rate, becomes policing, which netdev-dpdk has.
IGNORED_ANNOTATIONS = ("ingress_rate", "latency", "limit", "loss", "jitter")


def ignored_settings(pods, attachments, subnets):
    """Settings of vhost-user ports that Kube-OVN takes and OVS-DPDK ignores (every release): each in one clause.

    Of a subnet the MTU is not set on its ports.
    """
    found, providers = [], {port["provider"] for port in map(kube_ovn_port, attachments) if port}
    for pod in pods:
        annotations = pod["metadata"].get("annotations") or {}
        for provider in sorted(providers):
            for name in IGNORED_ANNOTATIONS:
                if annotations.get("%s.kubernetes.io/%s" % (provider, name)):
                    title = "%s/%s" % (pod["metadata"]["namespace"], pod["metadata"]["name"])
                    found.append("pod %s asks for %s.kubernetes.io/%s, which has no effect on its vhost-user port" % (title, provider, name))
    for subnet in subnets:
        spec = subnet.get("spec") or {}
        if spec.get("provider") in providers and spec.get("mtu"):
            name = subnet["metadata"]["name"]
            found.append("subnet %s asks for mtu %s, and vhost-user ports of its provider %s keep 1500" % (name, spec["mtu"], spec["provider"]))
    return found


def cluster_facts(read, own):
    """What rules of scope cluster look at, of what role kube_ovn has read: `version` and `objects`. `own` is what `hosts` returned."""
    found = read["objects"]
    current = _kube_ovn.workloads_of(found)
    foreign = _kube_ovn_adoption.own_record(current) is None
    service = next((item for item in found["service"] if item["metadata"]["name"] == "kubernetes"), {})
    return {
        "kubernetes_version": read["version"],
        "nodes": {
            node["metadata"]["name"]: {
                "labels": node["metadata"].get("labels") or {},
                "addresses": [item["address"] for item in node["status"].get("addresses") or [] if item["type"] in ("InternalIP", "ExternalIP")],
            }
            for node in found["nodes"]
        },
        "node_names": {entry["host"]: entry["node"] for entry in own},
        "settings": {entry["host"]: entry for entry in own},
        "installed": _kube_ovn_adoption.is_installed(current),
        "running_release": _kube_ovn.release(found["pods"], current),
        "networks": _kube_ovn_adoption.networks(current),
        "managers": _kube_ovn_adoption.managers(current) if foreign else [],
        "registries": _kube_ovn_adoption.registries(current) if foreign else [],
        "elsewhere": _kube_ovn.elsewhere([*found["daemonsets"], *found["databases"], *found["controllers"]]),
        "service_address": (service.get("spec") or {}).get("clusterIP") or "",
    }


def fingerprint(read, settings, own):
    """A hash of all that a deployment is checked with: of workloads not the status, which changes by itself.

    A deployment that passed as an upgrade passes without being called one too, so that the playbook upgrade checks it once.
    """
    settings = {name: value for name, value in settings.items() if name != "kube_ovn_upgrade"}
    workloads = [[item["spec"], item["metadata"].get("annotations")] for item in _kube_ovn.workloads_of(read["objects"])]
    inputs = [settings, cluster_facts(read, own), read["api_versions"], workloads]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()


def reports(settings, running, adopted, unlisted):
    """What a user has to know before a deployment: an upgrade, settings that are kept, and nodes that have left the group."""
    found = []
    if boolean(settings["kube_ovn_upgrade"], strict=False) or running not in ("", settings["kube_ovn_version"]):
        found.append(
            "From %s to %s, mode %s. Where OVS-DPDK changes, it restarts on one node after the other; each loses its network for that time."
            % (running or "an unknown release", settings["kube_ovn_version"], settings["kube_ovn_mode"])
        )
    if adopted:
        found.append(
            "Kube-OVN %s runs with settings that kube_ovn_installer_variables does not name. They are kept: %s."
            % (running or "of an unknown release", json.dumps(adopted, sort_keys=True))
        )
    if unlisted:
        found.append(
            "%s: the label ovn.kubernetes.io/ovs_dp_type says that OVS-DPDK runs there, and no host of group nodes has this name. %s"
            % (
                ", ".join(unlisted),
                "OVS-DPDK is removed from them, and their pods have to be recreated."
                if boolean(settings["kube_ovn_clean_removed_nodes"], strict=False)
                else "They keep label, DaemonSet and configuration. Add them to the group, or set kube_ovn_clean_removed_nodes.",
            )
        )
    return found


def node_problems(ovs, hostvars, play_hosts, host, expected):
    """What a node is not that it should be, each in one clause.

    `ovs` is what module kube_ovn_node_info returned as `switch` for `host`, hostvars has that of the others in __kube_ovn_node. `expected` has `node`,
    `mode`, `datapath_type`, `encap_ip`, `bridge`, `conflists`, `cni_conf_dir`, `daemonset` and `check_mode`.
    """
    found = []
    others = {name: (hostvars[name].get("__kube_ovn_node") or {}).get("switch") or {} for name in play_hosts if name != host}
    ids = {name: other.get("external_ids") or {} for name, other in others.items()}
    own = ovs.get("external_ids") or {}
    interfaces = list((ovs.get("interfaces") or {}).values())
    hybrid = expected["mode"] == "hybrid"
    if not expected["conflists"]:
        found.append("%s has no configuration of Kube-OVN; see the log of kube-ovn-cni" % expected["cni_conf_dir"])
    if not ovs.get("dpdk_initialized"):
        found.append("DPDK is not initialized; see the log of %s" % expected["daemonset"])
    system_id = own.get("system-id") or ""
    twins = sorted(name for name, other in ids.items() if other.get("system-id") == system_id)
    if not system_id:
        found.append("system-id is empty, so that there are no tunnels")
    elif twins:
        found.append(
            "system-id %s is that of %s too, so that there are no tunnels; where a node was cloned, remove /etc/origin/openvswitch/system-id.conf on it "
            "and restart its OVS pod" % (system_id, ", ".join(twins))
        )
    if own.get("hostname") != expected["node"] and not expected["check_mode"]:
        found.append(
            "external_ids:hostname is %s, and kube-ovn-controller removes the chassis of a node whose name is another, %s"
            % (own.get("hostname") or "empty", expected["node"])
        )
    bridges = ovs.get("bridges") or {}
    datapath = (bridges["br-int"].get("datapath_type") or "system") if "br-int" in bridges else "unknown, since there is no br-int"
    if datapath != expected["datapath_type"]:
        found.append("the datapath type of br-int is %s, and should be %s; see the log of %s" % (datapath, expected["datapath_type"], expected["daemonset"]))
    if hybrid and "dpdk0" not in (ovs.get("ports") or {}):
        found.append("%s has no port dpdk0" % expected["bridge"])
    errors = [item["error"] for item in interfaces if hybrid and item.get("bridge") == expected["bridge"] and item.get("error")]
    if errors:
        found.append("ports of %s have errors: %s" % (expected["bridge"], ", ".join(errors)))
    # In check mode it may be about to change.
    address = own.get("ovn-encap-ip") or ""
    if hybrid and not expected["check_mode"] and address != _kube_ovn.tunnel_address(expected["encap_ip"]):
        found.append(
            "other nodes tunnel to %s instead of %s; restart the pod of kube-ovn-cni where it does not change" % (address or "no address", expected["encap_ip"])
        )
    remote = {(item.get("options") or {}).get("remote_ip") for item in interfaces if item.get("type") in ("geneve", "vxlan", "stt")}
    without = sorted(name for name, other in ids.items() if other and not set((other.get("ovn-encap-ip") or "").split(",")) & remote)
    if without:
        found.append("there is no tunnel to %s" % ", ".join(without))
    return found


def flow_count(text):
    """The number of flows in the output of `ovs-ofctl dump-aggregate`; 0 where the switch did not answer."""
    found = re.search(r"flow_count=(\d+)", str(text or ""))
    return int(found.group(1)) if found else 0
