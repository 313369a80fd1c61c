# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One run as the checks see it: pods, ports with both sides' counters, nodes. Nothing is judged here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timezone

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import parse
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import called, is_guest, parse_probe, wish

# The readings of a node that the verdict needs, and what each is of.
BEFORE, LOAD, LOADED, AFTER = "before", "load", "loaded", "after"
MOMENTS = {
    BEFORE: "before the traffic",
    LOAD: "at the start of the load",
    LOADED: "at the end of the load",
    AFTER: "after the traffic",
}

# Packets that the ring of a port holds, which testpmd has not taken yet.
RING = 256

DEFAULTS = {
    "tolerance": 2048,
    "max_drop_ratio": 0.001,
    "max_throttled": 0.1,
    "min_packets": 1000,
    "between_pods": "auto",
    "exclude_nodes": [],
    "namespace": "default",
    "duration": None,
    "time": None,
    "stand_ins": [],
    "profile": "quick",
}


@dataclass
class Port:
    """One vhost-user interface of a pod. `sent` and `received` are the pod's words; rx and tx of Open vSwitch are its own, the other way round."""

    pod: dict
    plan: dict
    number: int
    host: str | None = None
    interface: dict = field(default_factory=dict)
    counters: dict = field(default_factory=dict)
    # Marked packets: how many this port sent in each of the two rounds, and what came from whom, by source address.
    marks_sent: list[int] = field(default_factory=list)
    marks: list[dict[str, int]] = field(default_factory=list)
    foreign: int = 0
    # Those that came before the first marked round. Open vSwitch may have counted as many of them as a ring holds before it was read for the first time.
    early: int = 0
    # Packets a second of each window of the load.
    rates: list[dict[str, int]] = field(default_factory=list)
    load_sent: int | None = None
    # Packets that this port put into circulation when the load began, and those that were left of them, by source address, when it had ended.
    put: int | None = None
    drained: dict[str, int] = field(default_factory=dict)
    ovs: dict | None = None
    # Packets to this port's address that came into its switch by a port that its sender's do not come in by.
    strangers: dict[str, int] = field(default_factory=dict)
    peer: Port | None = None
    sender: Port | None = None

    @property
    def name(self) -> str:
        return called(self.pod, self.plan)

    @property
    def bridge(self) -> str | None:
        return self.interface.get("bridge")

    @property
    def others(self) -> int:
        """Packets from elsewhere than its sender: those printed in the marked rounds with another source, and those that came by another port.

        Of packets to its own address both know, and each knows some that the other does not.
        """
        expected = self.sender.plan["mac"] if self.sender else None
        printed = sum(packets for marks in self.marks for source, packets in marks.items() if source != expected)
        return self.foreign + max(printed, sum(self.strangers.values()))

    @property
    def waiting(self) -> int:
        return min(self.early, RING)

    @property
    def where(self) -> dict:
        return {"pod": called(self.pod), "port": self.plan["name"], "host": self.host}


@dataclass
class Case:
    pods: list[dict]
    nodes: dict[str, dict]
    settings: dict
    ports: list[Port]
    # Pods of other namespaces with the labels of testpmd: those that role dpdk_app has made, others, and why that is not known.
    leftovers: list[dict] = field(default_factory=list)
    namesakes: list[dict] = field(default_factory=list)
    unread: str = ""
    # What gather.living found; null where the pods of the cluster could not be read.
    living: dict | None = None
    # Of profile full: {series, left_out, failures}.
    full: dict = field(default_factory=dict)

    def kubernetes_name(self, host: str) -> str:
        return self.nodes[host].get("kubernetes_node") or host

    @property
    def judged(self) -> dict[str, dict]:
        """The nodes, but for those that are left out by name and have no port of this run."""
        taking_part = {port.host for port in self.ports}
        return {host: node for host, node in self.nodes.items() if host not in self.settings["exclude_nodes"] or host in taking_part}

    def readable(self) -> dict[str, dict]:
        """The nodes whose Open vSwitch answered at the end."""
        return {host: node for host, node in self.nodes.items() if node.get("after")}

    def allowed(self, sent: int) -> int:
        """By how many packets two counters of `sent` packets may differ."""
        return int(min(self.settings["tolerance"], self.settings["max_drop_ratio"] * sent))

    def datapath(self, host: str, moment: str) -> dict:
        return self.nodes.get(host, {}).get("datapath", {}).get(moment) or {}


def epoch(text: object) -> float | None:
    if not text:
        return None
    return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


def build(read: dict, settings: dict) -> Case:
    """Readings as the role gathered them → the case.

    read  pods: as `plan` made them, each with `probe` and `output`, texts, and `refused`, why there is none; leftovers, namesakes
          and unread: what gather.outside found; living: what gather.living found;
          full: {series, left_out, failures} of profile full;
          nodes: inventory name → {kubernetes_node, before, after: what ovs_info returned, datapath: {moment: what ovs_datapath_info returned}, log, problem}
    """
    settings = {**DEFAULTS, **settings}
    settings["between_pods"] = wish(settings["between_pods"])
    pods = [
        {
            **pod,
            "probe": parse_probe(pod.get("probe") or ""),
            "testpmd": parse.parse_testpmd(pod.get("output") or ""),
            "started_epoch": epoch(pod.get("started")),
        }
        for pod in read["pods"]
    ]
    nodes = {host: digest(node) for host, node in read["nodes"].items()}
    owners = {
        name: host for host, node in sorted(nodes.items()) for name in (node.get("after") or {}).get("interfaces") or {}
    }
    ports = [port_of(pod, number, nodes, owners) for pod in pods for number in range(len(pod["ports"]))]
    # Not by its address, which two ports could have.
    by_name = {(called(port.pod), port.plan["name"]): port for port in ports}
    for port in ports:
        port.peer = by_name.get((port.plan.get("peer_pod"), port.plan.get("peer_port")))
        if port.peer is not None:
            port.peer.sender = port
    for port in ports:
        if port.host and port.sender is not None and port.sender.host:
            port.strangers = strangers(port, nodes[port.host])
    full = {"series": [], "left_out": [], "failures": {}, **(read.get("full") or {})}
    elsewhere = {key: list(read.get(key) or []) for key in ("leftovers", "namesakes")}
    return Case(pods, nodes, settings, ports, **elsewhere, unread=read.get("unread") or "", living=read.get("living"), full=full)


def digest(node: dict) -> dict:
    """A node's readings with the texts of its datapath parsed."""
    read = {}
    for moment, datapath in (node.get("datapath") or {}).items():
        if not datapath or datapath.get("pid") is None:
            continue
        read[moment] = {
            "pid": datapath["pid"],
            "started": datapath.get("started"),
            "version": datapath.get("version"),
            "ports": parse.parse_ports(datapath.get("ports")),
            "threads": parse.parse_pmd(datapath),
            "flows": {mac: parse.parse_flows(text) for mac, text in (datapath.get("flows") or {}).items()},
            "flows_to": {mac: parse.parse_flows(text) for mac, text in (datapath.get("flows_to") or {}).items()},
            "moves": {bridge: parse.parse_moves(text) for bridge, text in (datapath.get("fdb") or {}).items()},
            "cpu": datapath.get("cpu") or {},
            "errors": datapath.get("errors") or {},
        }
    return {**node, "datapath": read}


def port_of(pod: dict, number: int, nodes: dict, owners: dict) -> Port:
    plan = pod["ports"][number]
    host = owners.get(plan["interface"])
    port = Port(pod, plan, number, host)
    if host:
        port.interface = nodes[host]["after"]["interfaces"][plan["interface"]]
    key = str(number)
    ran = pod["testpmd"]
    port.counters = ran["ports"].get(key) or {}
    phases = parse.phases_of(ran)
    for part in (found or parse.segment("rxonly") for found in phases["marks"]):
        port.marks_sent.append(part["stops"].get(key, {}).get("tx_packets", 0))
        own: dict[str, int] = {}
        for (source, destination), packets in part["printed"].get(key, {}).items():
            if destination == plan["mac"]:
                own[source] = own.get(source, 0) + packets
            else:
                port.foreign += packets
        port.marks.append(own)
    for part in phases["loads"][:1]:
        # The first reading only begins the interval that the rates of the next are of.
        port.rates = [
            {"rx": sample[key].get("rx_pps", 0), "tx": sample[key].get("tx_pps", 0)}
            for sample in part["samples"][1:]
            if key in sample
        ]
        if key in part["stops"]:
            stop = part["stops"][key]
            port.load_sent = stop.get("tx_packets", 0)
            # All that is received goes out again, by this port if it came in by that one.
            received = part["stops"].get(str(leaves_by(pod).index(number)), {}).get("rx_packets", 0)
            port.put = port.load_sent + stop.get("tx_dropped", 0) - received
    port.early = sum(packets for part in phases["listens"] for packets in part["printed"].get(key, {}).values())
    for part in phases["drains"][:1]:
        for (source, destination), packets in part["printed"].get(key, {}).items():
            if destination == plan["mac"]:
                port.drained[source] = port.drained.get(source, 0) + packets
    if host:
        port.ovs = ovs_side(nodes[host], plan["interface"])
    return port


def leaves_by(pod: dict) -> list[int]:
    """By which port testpmd sends what it receives on each port (--port-topology)."""
    count = len(pod["ports"])
    if pod.get("topology") == "chained":
        return [(number + 1) % count for number in range(count)]
    return [other if (other := number ^ 1) < count else number for number in range(count)]


def circles(ports: list[Port]) -> list[list[Port]]:
    """The ports by which the packets of the load leave the pods, in the order in which they do: each list is one way round."""
    places = {(id(port.pod), port.number): port for port in ports}
    found: list[list[Port]] = []
    seen: set[int] = set()
    for first in ports:
        circle = []
        port: Port = first
        while port.peer is not None and id(port) not in seen:
            seen.add(id(port))
            circle.append(port)
            there = port.peer
            port = places[id(there.pod), leaves_by(there.pod)[there.number]]
        if circle and port is first:
            found.append(circle)
    return found


# How Open vSwitch calls the port of its datapath by which all packets of one kind of tunnel come in.
TUNNEL_PORT = re.compile(r"\w+_sys(_\d+)?\Z")


def leads_to(actions: str, interface: str) -> bool:
    return interface in actions.replace("(", ",").replace(")", ",").split(",")


def arriving(port: Port, node: dict, moment: str) -> list[dict]:
    """The flows that lead packets to the address of this port there."""
    return [
        flow
        for flow in node["datapath"].get(moment, {}).get("flows_to", {}).get(port.plan["mac"]) or []
        # Where a packet goes on in another flow, that one leads it to the port.
        if flow["destination"] == port.plan["mac"] and (leads_to(flow["actions"], port.plan["interface"]) or "recirc(" in flow["actions"])
    ]


def ways_in(port: Port, node: dict) -> set[str]:
    """By which ports packets came in that may be those of the sender."""
    return {flow["in_port"] for moment in (LOAD, LOADED, AFTER) for flow in arriving(port, node, moment)} - set(port.strangers)


def strangers(port: Port, node: dict) -> dict[str, int]:
    """Packets for this port by the port that they came in by, but for those by which the packets of its sender come in.

    A neighbour can send with any address that it has seen, but by no other port than its own: by that the datapath knows its packets. What comes from another
    node comes in by the same port as the sender's packets, and is known by its address.
    The first packets of a flow are in no counter of it, so there were more.
    """
    interfaces = {**((node.get(BEFORE) or {}).get("interfaces") or {}), **((node.get(AFTER) or {}).get("interfaces") or {})}

    def expected(flow: dict) -> bool:
        name = flow["in_port"]
        if port.sender.host == port.host:
            return name == port.sender.plan["interface"]
        # From another node they come in by an uplink or a tunnel.
        leads_in = not is_guest(interfaces[name]) if name in interfaces else bool(TUNNEL_PORT.match(name))
        return leads_in and flow["source"] in (None, port.sender.plan["mac"])

    found: dict[str, int] = {}
    last: dict[str, int] = {}
    for moment in (LOAD, LOADED, AFTER):
        now: dict[str, int] = {}
        for flow in arriving(port, node, moment):
            if not expected(flow):
                now[flow["in_port"]] = now.get(flow["in_port"], 0) + flow["packets"]
        for name, packets in now.items():
            # A flow that no packet used is removed, and counts from 0 when it is there again.
            begun = last.get(name, 0)
            found[name] = found.get(name, 0) + (packets - begun if packets >= begun else packets)
        last = now
    return found


def guests(node: dict, bridge: str, own: set[str]) -> dict[str, int | None]:
    """The interfaces of others than this run that pods and machines have on a bridge, with the packets that came in by each; null where unknown."""
    interfaces = (node.get(AFTER) or {}).get("interfaces") or {}
    readings = [node["datapath"][moment]["ports"] for moment in MOMENTS if node["datapath"].get(moment)]
    return {
        name: throughout([(ports.get(name) or {}).get("rx_packets") for ports in readings])
        for name, one in sorted(interfaces.items())
        if one.get("bridge") == bridge and is_guest(one) and name not in own
    }


def throughout(counted: list[int | None]) -> int | None:
    """How much a counter grew over several readings, beginning at 0 after each connection of its port; null where the last reading lacks it."""
    if not counted or counted[-1] is None:
        return None
    grown, last = 0, counted[0] or 0
    for value in counted[1:]:
        now = value or 0
        grown += now - last if now >= last else now
        last = now
    return grown


def ovs_side(node: dict, name: str) -> dict:
    """What Open vSwitch counted of a port between the readings before and after; null for what it does not count or what was not read."""
    before, after = node["datapath"].get(BEFORE, {}), node["datapath"].get(AFTER, {})
    same = before.get("pid") is not None and before.get("pid") == after.get("pid")
    first, last = (reading.get("ports", {}).get(name) for reading in (before, after))
    found = {key: since(first, last, key) if same else None for key in ("rx_packets", "tx_packets")}
    # The database has counters of drops of its own that the datapath's list lacks.
    statistics = [
        ((node.get(moment) or {}).get("interfaces", {}).get(name) or {}).get("statistics") or {}
        for moment in (BEFORE, AFTER)
    ]
    keys = ["rx_dropped", "tx_dropped", "rx_errors", "tx_errors"]
    if "tx_dropped" not in statistics[1]:
        keys = [key for key in statistics[1] if key.startswith("ovs_") and key.endswith("_drops")]
    drops = [statistics[1].get(key, 0) - statistics[0].get(key, 0) for key in keys]
    # One that shrank began again with the connection.
    found["dropped"] = sum(
        drop if drop >= 0 else statistics[1].get(key, 0) for key, drop in zip(keys, drops, strict=True)
    )
    return found


def since(first: dict | None, last: dict | None, key: str) -> int | None:
    """How much a counter of a port grew. Newer Open vSwitch counts from the connection on and has nothing before it: such a counter began at 0."""
    if (first or {}).get(key) is None:
        return (last or {}).get(key)
    return parse.grown(first, last, key)


def version_numbers(text: object) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(text or ""))]
