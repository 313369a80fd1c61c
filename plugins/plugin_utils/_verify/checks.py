# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks, in the order of a packet's path. engine.py says how to add one."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import causes
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.case import (
    AFTER,
    BEFORE,
    LOAD,
    LOADED,
    MOMENTS,
    Case,
    Port,
    circles,
    guests,
    leads_to,
    ways_in,
)
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.engine import check, problem
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.parse import grown
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import (
    KUBE_OVN,
    NETWORKS,
    called,
    can_cross,
    expand_cpus,
    has_uplink,
    is_guest,
)
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import number, plural

RECREATE = "recreate the pods with -e dpdk_app_recreate=true"
# Between nodes OVN's own bridge has tunnels.
TUNNELS = ("geneve", "vxlan", "stt")
# A mount that kube-ovn-cni made is for its own container alone from v1.12.20 on, and nothing reports it.
UNSHARED = (
    "Open vSwitch sees no socket of the pod: give kube-ovn-cni mountPropagation Bidirectional for /run/openvswitch, as role kube_ovn does, then "
    + RECREATE
)


# How many of the pods are named that any user can create in any number.
NAMED = 5
WORD = "only the pod says that it sent them"
WORD_CURE = "see that testpmd in the pod is the image's own; where Ansible runs on few nodes at a time, give as many --forks as there are nodes"


# --- who takes part


@check(
    "coverage",
    "every node is proven",
    "run site.yml, which creates one pod on each node, or name the node in verify_exclude_nodes",
)
def coverage(case: Case):
    excluded = set(case.settings["exclude_nodes"])
    if not case.nodes:
        yield problem("no node takes part")
    for host in sorted(excluded - set(case.nodes)):
        yield problem(
            f"verify_exclude_nodes names {host}, which is not in group nodes", cure="correct verify_exclude_nodes"
        )
    wanted = [host for host in sorted(case.nodes) if host not in excluded]
    if case.nodes and not wanted:
        yield problem("verify_exclude_nodes leaves no node to prove", cure="take nodes out of verify_exclude_nodes")
    for host in wanted:
        ports = [port for port in case.ports if port.host == host]
        if not ports:
            there = [pod for pod in case.pods if pod["node"] == case.kubernetes_name(host)]
            running = [called(pod) for pod in there if pod["phase"] == "Running"]
            reason = (
                f"the interfaces of {', '.join(running)} are not in its Open vSwitch"
                if running
                else f"{', '.join(map(called, there))} does not run"
                if there
                else "no testpmd pod runs there"
            )
            yield problem(f"nothing is proven of {host}: {reason}", {"host": host})
        elif crossing(case) and not any(port.peer is not None and port.peer.host not in (None, host) for port in ports):
            yield problem(
                f"no packet is sent from {host} to another node",
                {"host": host, "part": "uplink"},
                "run one pod on each node, and at least on two, and run the proof again when every node answers",
            )
    return plural(len(wanted), "node") + (f", left out: {', '.join(sorted(excluded))}" if excluded else "")


def crossing(case: Case) -> bool:
    """Whether packets are to go round between nodes: asked for, or since every bridge has an uplink."""
    return case.settings["between_pods"] is True or crosses(case) or planned_blind(case)


def crosses(case: Case) -> bool:
    return any(
        port.peer is not None and port.peer.pod is not port.pod and port.peer.pod["node"] != port.pod["node"]
        for port in case.ports
    )


def planned_blind(case: Case) -> bool:
    """Whether packets would go between nodes by the readings at the end, but were not sent there: those of the plan were not complete."""
    if case.settings["between_pods"] != "auto" or crosses(case):
        return False
    return can_cross(case.pods, {host: node["after"] for host, node in case.readable().items()})


@check("pods", "the testpmd pods run", "run site.yml, which creates them (role dpdk_app)")
def pods(case: Case):
    if not case.pods:
        yield problem(f"there is no testpmd pod in namespace {case.settings['namespace']}")
    for pod in case.pods:
        if pod["phase"] != "Running":
            yield problem(f"{called(pod)} is {pod['phase']}", {"pod": called(pod), "part": "pod"})
    return f"{plural(len(case.pods), 'pod')} running"


@check(
    "leftovers",
    "no testpmd pod of an earlier configuration is left",
    "run site.yml, which removes them, or delete them",
)
def leftovers(case: Case):
    for pod in case.leftovers:
        yield problem(
            f"{pod['namespace']}/{pod['name']} is outside of namespace {case.settings['namespace']}: it was created by an earlier configuration"
        )
    names = [called(pod) for pod in case.namesakes]
    text = ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
    if names and case.unread:
        yield problem(
            f"whether an earlier configuration created {text} is not known: {case.unread}",
            cure="give the account that the playbook uses the right to read ConfigMap kube-ovn-dpdk-testpmd of namespace kube-system",
        )
    return "only the configured pods exist" + (f"; with the labels of testpmd, but not created by role dpdk_app, and ignored: {text}" if names else "")


@check(
    "attachments",
    "the pods have the interfaces that they ask for",
    f"the pod was created before Multus was in force, or Userspace CNI failed (see its log): {RECREATE}",
)
def attachments(case: Case):
    for pod in case.pods:
        where = {"pod": called(pod), "part": "pod"}
        if pod["problem"]:
            yield problem(f"{called(pod)}: {pod['problem']}", where)
        elif not pod["ports"] or pod["wanted"] != len(pod["ports"]):
            yield problem(
                f"{called(pod)} asks for {plural(pod['wanted'], 'vhost-user interface')} ({NETWORKS}) and has {len(pod['ports'])}",
                where,
            )
    return plural(len(case.ports), "vhost-user interface")


# --- Open vSwitch


@check(
    "ovs",
    "Open vSwitch runs on every node",
    "see that the OVS pod of the node runs: kubectl -n kube-system get pods -o wide",
)
def ovs(case: Case):
    for host, node in sorted(case.judged.items()):
        if not node.get("after"):
            yield problem(
                f"{host}: {node.get('problem') or 'its database could not be read'}", {"host": host, "part": "bridge"}
            )
    return ", ".join(
        f"{host}: Open vSwitch {node['after'].get('ovs_version')}, {node['after'].get('dpdk_version')}"
        for host, node in sorted(case.readable().items())
    )


@check(
    "restart",
    "Open vSwitch was not restarted during the proof",
    "run the proof again when Open vSwitch runs without restarts; " + RECREATE,
)
def restart(case: Case):
    for host in sorted(case.nodes):
        pids = {moment: case.datapath(host, moment).get("pid") for moment in MOMENTS}
        known = {pid for pid in pids.values() if pid is not None}
        if len(known) > 1:
            yield problem(f"{host}: ovs-vswitchd was restarted while packets were sent", {"host": host, "part": "pmd"})
    return "one process throughout"


@check(
    "dpdk-initialized",
    "DPDK is initialised",
    "see the log of ovs-vswitchd, the hugepages of the OVS pod and config.cfg",
)
def dpdk_initialized(case: Case):
    for host, node in sorted(case.readable().items()):
        if host in case.judged and not node["after"].get("dpdk_initialized"):
            found = " ".join(causes.of_log(node.get("log") or "", causes.START_CAUSES + causes.LOG_CAUSES))
            yield problem(
                f"{host}: DPDK is not initialised{'. ' + found if found else ''}", {"host": host, "part": "pmd"}
            )
    return f"on {plural(len(case.readable()), 'node')}"


@check(
    "system-id",
    "each node has a system-id of its own",
    "without a unique external_ids:system-id no tunnels are made (image 19.11 of v1.2): take a newer image, or set it with kube_ovn.dpdk.ovs_config",
)
def system_id(case: Case):
    names = {
        host: (node["after"].get("external_ids") or {}).get("system-id") or "" for host, node in case.readable().items()
    }
    for host, name in sorted(names.items()):
        if not name:
            yield problem(f"{host} has no system-id", {"host": host})
        elif list(names.values()).count(name) > 1:
            yield problem(f"{host} has the system-id of another node, {name}", {"host": host})
    return "set and unique"


@check(
    "interfaces",
    "Open vSwitch has the pods' interfaces without an error",
    f"Userspace CNI reports success although OVS failed: see the error and the log of ovs-vswitchd, then {RECREATE}",
)
def interfaces(case: Case):
    for port in case.ports:
        name = port.plan["interface"]
        where = {**port.where, "part": "port"}
        if not port.host:
            yield problem(f"{port.name}: no node has interface {name}", where)
        elif port.interface.get("error"):
            yield problem(f"{name} on {port.host}: {port.interface['error']}", where)
        elif (port.interface.get("ofport") or 0) < 1:
            yield problem(f"{name} on {port.host} has no port number (ofport {port.interface.get('ofport')})", where)
        elif port.interface.get("type") not in ("dpdkvhostuser", "dpdkvhostuserclient"):
            yield problem(
                f"{name} on {port.host} is of type {port.interface.get('type') or 'system'}, not a vhost-user port",
                where,
            )
        elif unconfigured(case, port):
            yield problem(f"{name} on {port.host} is not in the datapath{explanation(case, port)}", where)
        elif elsewhere(case, port):
            yield problem(f"{name}, which {port.name} names as its own, is on {port.host}, and the pod runs on {port.pod['node']}", where)
        elif owner(port.interface) not in (None, called(port.pod)):
            # The note is the pod's to change, the port's external_ids are not.
            yield problem(f"{name} on {port.host}, which {port.name} names as its own, is a port of {owner(port.interface)}", where)
    for key in ("interface", "mac"):
        for value in sorted({port.plan[key] for port in case.ports}):
            same = [port for port in case.ports if port.plan[key] == value]
            if len(same) > 1:
                names = " and ".join(port.name for port in same)
                yield problem(f"{names} have one {'address' if key == 'mac' else key}, {value}", {**same[0].where, "part": "port"})
    return f"{plural(len(case.ports), 'interface')} without an error"


def unconfigured(case: Case, port: Port) -> bool:
    """Whether the datapath lacks the port because Open vSwitch could not configure it, which the database does not say."""
    node = case.nodes.get(port.host or "") or {}
    failed = f"Failed to set interface {port.plan['interface']} new configuration" in (node.get("log") or "")
    after = case.datapath(port.host or "", AFTER).get("ports")
    return failed and bool(after) and port.plan["interface"] not in after


def elsewhere(case: Case, port: Port) -> bool:
    """Whether the port is on another node of this run than its pod."""
    nodes = {case.kubernetes_name(host): host for host in case.nodes}
    return nodes.get(port.pod["node"]) not in (None, port.host)


def owner(interface: dict) -> str | None:
    """The pod that a port was made for, as Kube-OVN or the launcher of Userspace CNI noted it."""
    ids = interface.get("external_ids") or {}
    if ids.get("pod_name"):
        return f"{ids.get('pod_namespace')}/{ids['pod_name']}"
    return ids.get("userspace-cni-pod")


@check(
    "orphan-ports",
    "every port of a pod has its pod",
    "the sweep removes ports of Userspace CNI within a minute (journalctl -u kube-ovn-dpdk-userspace-sweep); remove others with ovs-vsctl del-port",
)
def orphan_ports(case: Case):
    if case.living is None:
        yield problem("the pods of the cluster could not be read", cure="give the account that the playbook uses the right to list pods")
        return None
    count = 0
    for host, node in sorted(case.readable().items()):
        earlier = (node.get("before") or {}).get("interfaces") or {}
        for name, interface in sorted(node["after"]["interfaces"].items()):
            if interface.get("type") not in ("dpdkvhostuser", "dpdkvhostuserclient"):
                continue
            count += 1
            # Pods come and go meanwhile: only what was there all the time is reported.
            if name not in earlier:
                continue
            where = {"host": host, "part": "port"}
            if replaced(name, node["after"]["interfaces"], case.living):
                yield problem(f"{name} on {host} is a port of an earlier sandbox of {owner(interface) or 'a pod'}", where)
            elif not lives(name, interface, case.living):
                yield problem(f"{name} on {host} is a port of {owner(interface) or 'a pod'} that no longer exists", where)
    return f"{plural(count, 'vhost-user port')}, none of a pod that no longer exists"


def made_for(interface: dict) -> str | None:
    """The UID of the pod that the launcher of Userspace CNI made a port for."""
    return (interface.get("external_ids") or {}).get("userspace-cni-uid")


def replaced(name: str, there: dict, living: dict) -> bool:
    """Whether the pod's note names another port in the place of this one, which was made for the same pod.

    The note alone says nothing: the author of the pod can write anything there.
    """
    uid = made_for(there[name])
    known = living["uids"].get(uid) or [] if uid else []
    same = [other for other in known if other.partition("-")[2] == name.partition("-")[2] and made_for(there.get(other) or {}) == uid]
    return bool(same) and name not in known


def lives(name: str, interface: dict, living: dict) -> bool:
    """Whether a port's pod is there; true for ports that are of no pod."""
    ids = interface.get("external_ids") or {}
    if made_for(interface):
        return made_for(interface) in living["uids"]
    if ids.get("pod_name"):
        return owner(interface) in living["names"]
    # Userspace CNI without the launcher says nothing but its name.
    return not re.match(r"[0-9a-f]{12}-\S", name) or any(name in known for known in living["uids"].values() if known)


@check(
    "datapath-type",
    "the bridges use the userspace datapath",
    "set datapath_type: netdev for the bridge (ovs_bridges_bridges), which recreates its ports",
)
def datapath_type(case: Case):
    bridges = {(port.host, port.bridge) for port in case.ports if port.host and port.bridge}
    for host, name in sorted(bridges):
        kind = (case.nodes[host]["after"].get("bridges") or {}).get(name, {}).get("datapath_type")
        if kind is not None and kind != "netdev":
            yield problem(
                f"bridge {name} on {host} uses the kernel datapath, which has no vhost-user ports",
                {"host": host, "bridge": name, "part": "bridge"},
            )
    return ", ".join(sorted({str(name) for _host, name in bridges})) or "no bridge"


@check(
    "bridges",
    "ports that send to each other are on one bridge",
    "give both attachments the same bridge (network_attachments_definitions)",
)
def bridges(case: Case):
    seen = set()
    for port in case.ports:
        peer = port.peer
        if (
            peer is None
            or not (port.host and peer.host and port.bridge and peer.bridge)
            or port.bridge == peer.bridge
            or (peer.name, port.name) in seen
        ):
            continue
        seen.add((port.name, peer.name))
        yield problem(
            f"{port.name} is on bridge {port.bridge} of {port.host} and {peer.name} on bridge {peer.bridge} of {peer.host}",
            {**port.where, "part": "bridge", "bridge": port.bridge},
        )
    return "each pair on one bridge"


@check(
    "uplinks",
    "bridges that lead to other nodes have an uplink that is up",
    "connect the uplink, or add one to the bridge (ovs_bridges_bridges); tunnels of br-int leave by the bridge with kube_ovn_hybrid_devices",
)
def uplinks(case: Case):
    needed = {
        (port.host, port.bridge)
        for port in case.ports
        if port.host and port.bridge and port.peer and port.peer.host not in (None, port.host)
    }
    for host, bridge in sorted(needed):
        switch = case.nodes[host]["after"]
        where = {"host": host, "bridge": bridge, "part": "uplink"}
        if not has_uplink(switch, bridge):
            yield problem(f"bridge {bridge} on {host} has no uplink", where)
            continue
        up, down = 0, []
        for name, one in sorted(switch["interfaces"].items()):
            logical = "iface-id" in (one.get("external_ids") or {})
            if one.get("bridge") == bridge and one.get("type") in ("dpdk", "system", "") and name != bridge and not logical:
                if one.get("error"):
                    yield problem(f"uplink {name} of {bridge} on {host}: {one['error']}", where)
                elif "down" in (one.get("link_state"), one.get("admin_state")):
                    down.append(name)
                else:
                    up += 1
            elif one.get("bridge") == bridge and one.get("type") in TUNNELS:
                if one.get("error"):
                    yield problem(f"tunnel {name} of {bridge} on {host}: {one['error']}", where)
                elif (one.get("status") or {}).get("tunnel_egress_iface_carrier") == "down":
                    device = one["status"].get("tunnel_egress_iface")
                    yield problem(f"tunnel {name} of {bridge} on {host} leaves by {device}, which is down", where)
        # One of several is enough, as of a bond, if the packets arrive; the others may be no uplinks at all.
        if not up or any(port.host == host and port.bridge == bridge and port.peer and port.peer.host != host and starved(port) for port in case.ports):
            for name in down:
                yield problem(f"uplink {name} of {bridge} on {host} is down", where)
    return plural(len(needed), "bridge") + " between nodes" if needed else "no packet has to leave its node"


# --- pods


@check(
    "readings",
    "every counter was read before and after",
    "run the proof again; if it fails again, see the error that is named",
)
def readings(case: Case):
    used = {port.host for port in case.ports if port.host}
    for host in sorted(used):
        node = case.nodes[host]
        if not node.get("before"):
            yield problem(f"{host}: the interfaces before the traffic were not read", {"host": host, "part": "bridge"})
        for moment in (BEFORE, LOAD, LOADED, AFTER):
            reading = case.datapath(host, moment)
            where = {"host": host, "part": "pmd"}
            if not reading:
                yield problem(
                    f"{host}: the counters of the datapath {MOMENTS[moment]} were not read{reason(node, moment)}", where
                )
            elif not reading["ports"]:
                yield problem(
                    f"{host}: the ports of the datapath {MOMENTS[moment]} were not read{reason(node, moment)}", where
                )
            elif not any(thread.get("rx_packets") is not None for thread in reading["threads"]):
                yield problem(
                    f"{host}: the counters of the PMD threads {MOMENTS[moment]} were not read{reason(node, moment)}",
                    where,
                )
    for port in case.ports:
        yield from port_read(case, port)
    return f"{plural(len(MOMENTS), 'reading')} of each node"


def port_read(case: Case, port: Port):
    """A port that the datapath had, or whose packets it counted, is read to the end."""
    if not port.host or not case.datapath(port.host, AFTER).get("ports"):
        return
    read = {moment: case.datapath(port.host, moment).get("ports", {}).get(port.plan["interface"]) for moment in MOMENTS}
    where = {**port.where, "part": "port"}
    if read[AFTER] is None:
        # Check interfaces says why.
        if not unconfigured(case, port):
            yield problem(f"{port.plan['interface']} is not among the ports of the datapath of {port.host} {MOMENTS[AFTER]}", where)
    elif "rx_packets" not in read[AFTER] and any("rx_packets" in (one or {}) for one in read.values()):
        yield problem(f"{port.host}: the counters of {port.plan['interface']} {MOMENTS[AFTER]} were not read", where)


def reason(node: dict, moment: str) -> str:
    errors = node.get("datapath", {}).get(moment, {}).get("errors") or (node.get("failures") or {}).get(moment)
    return f" ({'; '.join(errors.values()) if isinstance(errors, dict) else errors})" if errors else ""


@check(
    "sockets",
    "the pods see their sockets",
    "OVS made the socket elsewhere or lost it with a restart: check OVS_SOCKDIR of the launcher, then " + RECREATE,
)
def sockets(case: Case):
    for pod in case.pods:
        for port in case.ports:
            if port.pod is pod and not port.plan["server"] and port.plan["path"] not in pod["probe"]["sockets"]:
                yield problem(
                    f"{called(pod)} lacks {port.plan['path']}{restarted(case, port)}", {**port.where, "part": "socket"}
                )
    return "all there"


def restarted(case: Case, port: Port) -> str:
    for host in [port.host] if port.host else sorted(case.nodes):
        began = case.datapath(host, AFTER).get("started") or case.datapath(host, BEFORE).get("started")
        if began and port.pod["started_epoch"] and began > port.pod["started_epoch"]:
            return f", since OVS on {host} was restarted after the pod was created"
    return ""


@check(
    "testpmd",
    "testpmd ran in every pod",
    "see that the image has testpmd with its virtio driver, and the pod its hugepages",
)
def testpmd(case: Case):
    for pod in case.pods:
        ran = pod["testpmd"]
        if not pod["ports"] or (ran["status"] == 0 and len(ran["ports"]) == len(pod["ports"])):
            continue
        reasons = ran["causes"] or [" / ".join(ran["last_lines"][-3:]) or "it wrote nothing"]
        if pod.get("refused"):
            reasons = causes.of_testpmd(pod["refused"]) or [f"its command failed: {pod['refused']}"]
        ended = "did not end" if ran["status"] is None else f"ended with status {ran['status']}"
        yield problem(
            f"{called(pod)}: testpmd {ended} and showed {len(ran['ports'])} of {plural(len(pod['ports']), 'port')}. {'; '.join(reasons)}",
            {"pod": called(pod), "part": "pod"},
        )
    return ", ".join(sorted({pod["testpmd"]["version"] or "version unknown" for pod in case.pods})) or "no pod"


@check(
    "connected",
    "Open vSwitch is connected to every port",
    "the two sides do not use the same socket: compare socket path and mode (client, server) of the attachment",
)
def connected(case: Case):
    for port in case.ports:
        status = (port.interface.get("status") or {}).get("status")
        if port.host and status and status != "connected":
            yield problem(
                f"{port.plan['interface']} on {port.host} is {status} while testpmd runs",
                {**port.where, "part": "socket"},
                UNSHARED if port.plan.get("maker") == KUBE_OVN else None,
            )
    return plural(len(case.ports), "port")


# --- packets


@check(
    "path",
    "the flows in the datapath lead a port's packets to its peer",
    "remove what drops or limits the packets: ovs-ofctl dump-flows BRIDGE, ovs-ofctl dump-meters BRIDGE",
)
def path(case: Case):
    known = 0
    for port in case.ports:
        if port.peer is None or not port.host:
            continue
        where = {**port.where, "part": "bridge", "bridge": port.bridge}
        flows = [flow for flow in flows_of(case, port) if flow["destination"] == port.peer.plan["mac"]]
        known += bool(flows)
        if unconfigured(case, port):
            continue
        if not flows and unseen(case, port):
            yield problem(f"{port.host} neither counts the packets from {port.name} nor has a flow of them to {port.peer.name}: {WORD}", where, WORD_CURE)
            continue
        actions = list(dict.fromkeys(flow["actions"] for flow in flows))
        dropped = [text for text in actions if text.startswith("drop")]
        metered = [text for text in actions if "meter(" in text]
        if dropped:
            yield problem(
                f"a flow of bridge {port.bridge} on {port.host} drops what {port.name} sends to {port.peer.name}", where
            )
        elif metered and starved(port):
            yield problem(
                f"a meter of bridge {port.bridge} on {port.host} limits what {port.name} sends to {port.peer.name} ({metered[0]})",
                where,
            )
        elif (
            flows
            and port.peer.host == port.host
            # Where a packet goes on in another flow, that one need not match its source, and is not among these.
            and not any(leads_to(text, port.peer.plan["interface"]) or "recirc(" in text for text in actions)
        ):
            yield problem(
                f"no flow on {port.host} leads what {port.name} sends to {port.peer.name} ({actions[-1]})", where
            )
    return f"{known} of {plural(len([port for port in case.ports if port.peer]), 'direction')} seen in the datapath"


def flows_of(case: Case, port: Port) -> list[dict]:
    """The flows of packets that came in by this very port: its address alone says nothing, since a neighbour can send with it."""
    return [
        flow
        for moment in (LOAD, LOADED, AFTER)
        for flow in case.datapath(port.host or "", moment).get("flows", {}).get(port.plan["mac"]) or []
        if flow["in_port"] == port.plan["interface"]
    ]


def unseen(case: Case, port: Port) -> bool:
    """Whether Open vSwitch counts no packet of the port, as in server mode, so that without a flow nothing but the pod's word says that there was one."""
    return (port.ovs or {}).get("rx_packets") is None and comparable(case, port.host or "")


def starved(port: Port) -> bool:
    """Whether marked packets of this port were lost, its circle came to a halt, or what goes round in it is of others."""
    lost = any(
        sent > port.peer.marks[index].get(port.plan["mac"], 0)
        for index, sent in enumerate(port.marks_sent)
        if index < len(port.peer.marks)
    )
    replaced_by_others = 2 * port.peer.drained.get(port.plan["mac"], 0) < (port.put or 0)
    return lost or replaced_by_others or not port.rates or not port.rates[-1]["tx"] or not port.peer.rates or not port.peer.rates[-1]["rx"]


@check(
    "neighbours",
    "no other port sends to the addresses of the proof",
    "find out what the pod or machine behind the port that is named sends; take it off the bridge, and run the proof again",
)
def neighbours(case: Case):
    """Whose a packet is, its addresses say; that it is, the port says that it came in by."""
    sent: dict[str, int] = {}
    unknown = 0
    for port in case.ports:
        if not port.host or port.sender is None:
            continue
        unread = [
            MOMENTS[moment]
            for moment in (LOAD, LOADED, AFTER)
            if case.datapath(port.host, moment) and port.plan["mac"] not in case.datapath(port.host, moment)["flows_to"]
        ]
        if unread:
            yield problem(
                f"{port.host}: the flows to {port.name} were not read {', '.join(unread)}",
                {**port.where, "part": "bridge", "bridge": port.bridge},
                "run the proof again; if it fails again, see the errors of check readings",
            )
        interfaces = case.nodes[port.host]["after"]["interfaces"]
        for name, packets in sorted(port.strangers.items()):
            interface = interfaces.get(name) or {}
            whose = owner(interface)
            who = f"{name} ({whose})" if whose else name if is_guest(interface) or name not in interfaces else f"a machine behind {name}"
            yield problem(
                f"{who} on {port.host} sent {plural(packets, 'packet')} or more to {port.name}, to which "
                f"{port.sender.name} alone sends",
                {**port.where, "part": "bridge", "bridge": port.bridge},
            )
    own = {port.plan["interface"] for port in case.ports}
    for host, bridge in sorted({(port.host, port.bridge) for port in case.ports if port.host and port.bridge}):
        if not comparable(case, host):
            continue
        others = guests(case.nodes[host], bridge, own)
        sent.update({f"{host} {name}": packets for name, packets in others.items() if packets})
        unknown += sum(packets is None for packets in others.values())
        moves = [case.datapath(host, moment)["moves"].get(bridge) for moment in (BEFORE, AFTER)]
        where = {"host": host, "bridge": bridge, "part": "bridge"}
        if None in moves:
            yield problem(
                f"{host}: how often addresses of bridge {bridge} moved was not read{reason(case.nodes[host], AFTER)}",
                where,
                "run the proof again; if it fails again, see the error that is named",
            )
        # What is sent with the address of another port, be it for a moment that no reading of the flows saw, moves it.
        elif moves[0] != moves[1] and (senders := [name for name, packets in others.items() if packets != 0] + between_two(case, host, bridge)):
            names = ", ".join(senders)
            # They can be cleared (fdb/stats-clear).
            moved = moves[1] - moves[0] if moves[1] > moves[0] else moves[1]
            yield problem(
                f"addresses moved between the ports of {bridge} on {host} {plural(moved, 'time')} meanwhile, and {names} may have sent with "
                "those of the proof",
                where,
                "run the proof again; if it fails again, find the address that moves (ovs-appctl fdb/show BRIDGE) and what is behind its ports",
            )
    return f"other ports of the bridges sent {plural(sum(sent.values()), 'packet')}, none to an address of the proof" + (
        f"; {plural(unknown, 'port')} not counted" if unknown else ""
    )


def between_two(case: Case, host: str, bridge: str) -> list[str]:
    """Ports of no pod by which packets with the address of one sender came in, where they are several: an uplink and the tap of a machine look alike."""
    ways = [ways_in(port, case.nodes[host]) for port in case.ports if port.host == host and port.bridge == bridge and port.sender is not None]
    return sorted({name for names in ways if len(names) > 1 for name in names})


@check(
    "delivery",
    "every marked packet arrives at the port that it was sent to",
    "see the other failed checks; else the flows of the bridge (NORMAL forwards all)",
)
def delivery(case: Case):
    """Marked packets carry the addresses of two ports of this run, and the receiver counts by address: no other traffic can stand in for them."""
    sent_in_all = 0
    explained: set[str] = set()
    for port in case.ports:
        where = {**port.where, "part": "port"}
        if port.peer is None:
            continue
        for index, moment in enumerate(("before", "after")):
            sent = port.marks_sent[index] if index < len(port.marks_sent) else 0
            if not sent:
                yield problem(f"{port.name} sent no marked packet {moment} the load", where)
                continue
            got = port.peer.marks[index].get(port.plan["mac"], 0) if index < len(port.peer.marks) else 0
            sent_in_all += sent
            if got + case.allowed(sent) < sent:
                cause = explanation(case, port) if port.name not in explained else ""
                explained.add(port.name)
                yield problem(
                    f"{port.peer.name} received {number(got)} of {number(sent)} packets that {port.name} sent {moment} the load{cause}",
                    where,
                )
    one_way = [port.name for port in case.ports if port.peer is None]
    for port in case.ports:
        if port.peer is None:
            yield from lonely(case, port)
    if not case.ports:
        yield problem("there is no port to send packets through")
    return f"{number(sent_in_all)} of {number(sent_in_all)}" + (
        f"; only from the pod to Open vSwitch: {', '.join(one_way)}" if one_way else ""
    )


def lonely(case: Case, port: Port):
    """A port that no other can answer: only what Open vSwitch took from it is proven."""
    where = {**port.where, "part": "port"}
    sent = port.counters.get("tx_packets", 0)
    if not sent:
        yield problem(f"{port.name} sent no packet", where)
    elif port.host:
        # Where Open vSwitch does not count the port, check conservation compares the PMD threads.
        taken = (port.ovs or {}).get("rx_packets")
        if not flows_of(case, port) and unseen(case, port):
            yield problem(f"{port.host} neither counts the packets from {port.name} nor has a flow of them: {WORD}", where, WORD_CURE)
        elif taken is not None and taken + case.allowed(sent) < sent:
            yield problem(f"{port.name} sent {number(sent)} packets, Open vSwitch received {number(taken)}", where)


def explanation(case: Case, port: Port) -> str:
    """Known reasons from the log of the port's node, for a direction in which nothing passes."""
    found = causes.of_log((case.nodes.get(port.host or "") or {}).get("log") or "")
    return f" ({'; '.join(found)})" if found else ""


@check(
    "rate",
    "packets pass in every window of the load",
    "packets are lost on the way or were never forwarded: see delivery, path and drops",
)
def rate(case: Case):
    slowest = None
    for port in case.ports:
        if port.peer is None and port.sender is None:
            continue
        where = {**port.where, "part": "port"}
        if len(port.rates) < 2:
            yield problem(
                f"{port.name} showed {plural(len(port.rates), 'window')} of the load instead of at least 2", where
            )
            continue
        for direction, word in (("rx", "received"), ("tx", "sent")):
            rates = [window[direction] for window in port.rates]
            empty = sum(value == 0 for value in rates)
            if not rates[-1]:
                yield problem(f"{port.name} {word} nothing in the last window of the load", where)
            elif empty:
                yield problem(
                    f"{port.name} {word} nothing in {empty} of {plural(len(rates), 'window')} of the load", where
                )
            slowest = min([value for value in (slowest, rates[-1]) if value is not None])
        received = port.counters.get("rx_packets", 0)
        if received < case.settings["min_packets"]:
            yield problem(
                f"{port.name} received {plural(received, 'packet')}, fewer than verify_min_packets ({case.settings['min_packets']})",
                where,
            )
    if slowest is None and not any(port.peer for port in case.ports):
        return "no port has a peer to send to"
    return f"at least {number(slowest or 0)} packets a second in the last window"


@check(
    "conservation",
    "what one port sent is what its peer received",
    "packets are lost in the switch: see path, drops, and policing or meters on the bridge",
)
def conservation(case: Case):
    counted = 0
    for port in case.ports:
        where = {**port.where, "part": "port"}
        sent = port.counters.get("tx_packets", 0)
        if not port.counters:
            yield problem(f"{port.name}: testpmd showed no counters", where)
            continue
        if port.peer is not None:
            # What is known to be of others does not stand in for what was lost.
            received = port.peer.counters.get("rx_packets", 0) - port.peer.others
            if received + case.allowed(sent) < sent:
                yield problem(
                    f"{port.name} sent {number(sent)} packets, {port.peer.name} received {number(max(received, 0))} of them", where
                )
            counted += sent
        yield from both_sides(case, port, where)
    yield from circulating(case)
    yield from threads_counted(case)
    return f"{number(counted)} packets, {counted_by(case)}"


def circulating(case: Case):
    """Packets of others join the circle, since testpmd forwards them as its own. So it may go on although all packets of the proof were lost, and what each
    port sends is what the other one received in any case. Where none is lost, at least as many are left in circulation as were put into it."""
    for circle in circles(case.ports):
        put = [port.put for port in circle]
        if None in put or not all(port.rates and port.rates[-1]["tx"] for port in circle):
            # Checks testpmd and rate say so.
            continue
        left = sum(port.peer.drained.get(port.plan["mac"], 0) for port in circle)
        # A few may be lost, of millions; and more where the settings allow for a larger share.
        if left < (1 - max(0.5, case.settings["max_drop_ratio"])) * sum(put):
            names = " and ".join(port.name for port in circle[:2]) + (f" and {len(circle) - 2} more" if len(circle) > 2 else "")
            yield problem(
                f"{names} put {plural(sum(put), 'packet')} into circulation for the load, of which {number(left)} were left at its end",
                {**circle[0].where, "part": "port"},
            )


def both_sides(case: Case, port: Port, where: dict):
    """A pod's counters against those that Open vSwitch keeps of the same port, and of the port of its peer."""
    ours = port.ovs or {}
    for mine, key, words in (
        ("tx_packets", "rx_packets", ("sent", "received")),
        ("rx_packets", "tx_packets", ("received", "sent")),
    ):
        there = ours.get(key)
        here = port.counters.get(mine, 0)
        waiting = port.waiting if mine == "rx_packets" else 0
        if there is None:
            continue
        allowed = case.allowed(max(here, there))
        if there - here > allowed or here - there > allowed + waiting:
            yield problem(
                f"{port.name} {words[0]} {number(here)} packets, Open vSwitch {words[1]} {number(there)}", where
            )
    theirs = (port.peer.ovs or {}) if port.peer is not None else {}
    taken, given = ours.get("rx_packets"), theirs.get("tx_packets")
    if taken is None or given is None:
        return
    given -= port.peer.others
    if given + case.allowed(taken) < taken:
        yield problem(
            f"Open vSwitch received {number(taken)} packets from {port.name} and sent {number(max(given, 0))} of them to {port.peer.name}",
            where,
        )


def threads_counted(case: Case):
    """Where Open vSwitch keeps no counters of the ports, as from 3.1 on in server mode, its PMD threads have at least the pods' packets."""
    for host in sorted({port.host for port in case.ports if port.host}):
        blind = [port for port in case.ports if port.host == host and (port.ovs or {}).get("rx_packets") is None]
        if not blind:
            continue
        for mine, key, words in (
            ("tx_packets", "rx_packets", ("sent", "received")),
            ("rx_packets", "tx_packets", ("received", "sent")),
        ):
            here = sum(port.counters.get(mine, 0) for port in blind)
            waiting = sum(port.waiting for port in blind) if mine == "rx_packets" else 0
            there = pmd_growth(case, host, key)
            if there is None and comparable(case, host):
                yield problem(
                    f"{host}: what the PMD threads {words[1]} cannot be compared: the same threads were not read before and after the traffic",
                    {"host": host, "part": "pmd"},
                    "run the proof again; if it fails again, see what check readings names",
                )
            if there is not None and there + waiting + case.allowed(here) < here:
                yield problem(
                    f"the pods on {host} {words[0]} {number(here)} packets, its PMD threads {words[1]} {number(there)}",
                    {"host": host, "part": "pmd"},
                )


def comparable(case: Case, host: str) -> bool:
    """Whether one process was read before and after. Where it was not, checks readings and restart say so."""
    before, after = case.datapath(host, BEFORE), case.datapath(host, AFTER)
    return bool(before and after) and before["pid"] == after["pid"]


def pmd_growth(case: Case, host: str, key: str, first: str = BEFORE, last: str = AFTER) -> int | None:
    """How much a counter of all PMD threads of a node grew between two readings; null where one is missing or the process is another."""
    before, after = case.datapath(host, first), case.datapath(host, last)
    if not before or not after or before["pid"] != after["pid"]:
        return None
    earlier = {thread["core"]: thread for thread in before["threads"]}
    grew = [grown(earlier.get(thread["core"]), thread, key) for thread in after["threads"]]
    return None if not grew or None in grew else sum(grew)


def counted_by(case: Case) -> str:
    if case.ports and all((port.ovs or {}).get("rx_packets") is not None for port in case.ports):
        return "both sides agree, port by port"
    return "both sides agree by the totals of the PMD threads: this Open vSwitch keeps no packet statistics of ports in server mode"


@check("drops", "no packet is dropped", "give testpmd and the PMD threads CPUs of their own (kube_ovn_dpdk_pmd_cores)")
def drops(case: Case):
    total = sum(port.counters.get("rx_packets", 0) + port.counters.get("tx_packets", 0) for port in case.ports)
    found = sum(dropped(port) for port in case.ports)
    limit = case.settings["max_drop_ratio"]
    if found > limit * max(total, 1):
        worst = max(case.ports, key=dropped)
        yield problem(
            f"{number(found)} of {plural(total, 'packet')} were dropped, more than a share of {limit}",
            {**worst.where, "part": "port"},
        )
    return f"{number(found)} of {plural(total, 'packet')}"


def dropped(port: Port) -> int:
    return port.counters.get("dropped", 0) + ((port.ovs or {}).get("dropped") or 0)


# --- PMD threads


@check(
    "pmd",
    "PMD threads poll every port, each on its core",
    "set kube_ovn_dpdk_pmd_cores to cores of the NUMA node that the ports are on; see the log of ovs-vswitchd",
)
def pmd(case: Case):
    count = 0
    for host in sorted(set(case.readable()) & set(case.judged)):
        reading = case.datapath(host, AFTER)
        where = {"host": host, "part": "pmd"}
        threads = reading.get("threads") or []
        count += len(threads)
        if not threads:
            yield problem(f"{host}: no PMD thread runs", where)
            continue
        online = {thread["core"]: thread for thread in threads}
        for thread in threads:
            cpus = expand_cpus(thread.get("cpus") or "")
            if cpus and cpus != [thread["core"]]:
                yield problem(
                    f"{host}: the PMD thread of core {thread['core']} may run on CPUs {thread['cpus']}",
                    where,
                    "something changed the affinity of the thread, as the CPU manager of the kubelet does: restart the OVS pod",
                )
        polled = {name for thread in online.values() for name in thread["ports"]}
        during = case.datapath(host, LOADED).get("threads") or []
        polled |= {name for thread in during for name in thread["ports"]}
        for port in case.ports:
            if port.host == host and port.plan["interface"] not in polled:
                yield problem(f"{host}: no PMD thread polls {port.plan['interface']}", {**port.where, "part": "pmd"})
    return plural(count, "thread")


@check(
    "cpu-limit",
    "no CPU limit throttles the PMD threads",
    "raise the CPU limit of the OVS pod above its number of PMD cores (kube_ovn_dpdk_cpu_limit)",
)
def cpu_limit(case: Case):
    for host in sorted(set(case.readable()) & set(case.judged)):
        before, after = case.datapath(host, BEFORE), case.datapath(host, AFTER)
        if before.get("pid") != after.get("pid"):
            # Another container: what its limit did is not the difference of the two.
            continue
        periods, held = (grown(before.get("cpu"), after.get("cpu"), key) or 0 for key in ("nr_periods", "nr_throttled"))
        if periods and held > case.settings["max_throttled"] * periods:
            yield problem(
                f"{host}: the CPU limit of the OVS container throttled it in {held} of {plural(periods, 'period')}",
                {"host": host, "part": "pmd"},
            )
    return "not held"
