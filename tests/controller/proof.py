# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs of the traffic proof made up port by port, in the form of those recorded in data/verify/runs (testpmd 24.11, Open vSwitch 3.5)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_plan import verify_plan
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_report import verify_report

MARKED = 256
# What each port puts into circulation.
BURST = 32
TOTAL = 1_000_000
MOVES = """Statistics for bridge "br0":
  Current/maximum MAC entries in the table: 2/8192
  Current static MAC entries in the table : 0
  Total number of learned MAC entries     : 2
  Total number of expired MAC entries     : 0
  Total number of evicted MAC entries     : 0
  Total number of port moved MAC entries  : {}
"""


def pod(name: str, identity: str, node: str, ports: int = 2, mode: str = "client", **annotations: str) -> dict:
    """As the API returns it; `mode` is that of the pod's side of the socket."""
    noted = [
        {
            "containerId": identity * 64,
            "ifName": f"net{number}",
            "name": "ovs-dpdk-br0",
            "config": {"engine": "ovs-dpdk", "vhost": {"mode": mode}},
        }
        for number in range(ports, 0, -1)
    ]
    return {
        "metadata": {
            "name": name,
            "namespace": "default",
            "annotations": {
                "k8s.v1.cni.cncf.io/networks": ", ".join(["ovs-dpdk-br0"] * ports),
                "userspace/configuration-data": json.dumps(noted, indent=2),
                **annotations,
            },
        },
        "spec": {
            "nodeName": node,
            "containers": [
                {
                    "name": "testpmd-dpdk",
                    "resources": {"limits": {"hugepages-2Mi": "1Gi", "memory": "2Gi"}},
                    "volumeMounts": [
                        {"name": "hugepages", "mountPath": "/hugepages"},
                        {"name": "vhu", "mountPath": "/vhu"},
                    ],
                }
            ],
            "volumes": [
                {"name": "hugepages", "emptyDir": {"medium": "HugePages"}},
                {"name": "vhu", "hostPath": {"path": "/var/run/openvswitch"}},
            ],
        },
        "status": {"phase": "Running", "startTime": "2026-11-24T00:00:00Z"},
    }


@dataclass
class End:
    """What one port counted, and what Open vSwitch counted of it; directions are each side's own."""

    node: str
    plan: dict
    bridge: str = "br0"
    sent: list[int] = field(default_factory=lambda: [MARKED, MARKED])
    # Of the sender's marked packets.
    got: list[int] = field(default_factory=lambda: [MARKED, MARKED])
    foreign: int = 0
    # In circulation to this port at the end of the load; of the packets of others that waited in its ring before the first reading.
    drained: int = BURST
    early: int = 0
    rates: list[tuple[int, int]] = field(default_factory=lambda: [(200_000, 200_000)] * 5)
    rx: int = TOTAL
    tx: int = TOTAL
    ovs_rx: int | None = TOTAL
    ovs_tx: int | None = TOTAL
    interface: dict = field(default_factory=dict)


@dataclass
class Neighbour:
    """A port of another pod on br0, which sends from `source` to `target`; its packets by moment, of which the datapath has flows in `seen`."""

    node: str
    name: str = "ffffffffffff-net1"
    source: str = "02:ee:00:00:00:01"
    target: str = "ff:ff:ff:ff:ff:ff"
    actions: str = "br0"
    packets: dict[str, int] = field(default_factory=lambda: {"before": 0, "load": 300, "loaded": 600, "after": 900})
    seen: tuple[str, ...] = ("load", "loaded", "after")

    def flow(self, moment: str) -> str:
        return (
            f"ufid:04002f25, recirc_id(0),in_port({self.name}),packet_type(ns=0,id=0),eth(src={self.source},dst={self.target}),eth_type(0x0800), "
            f"packets:{self.packets[moment]}, bytes:9, used:0.0s, dp:ovs, actions:{self.actions}\n"
        )


class Proof:
    """A run in which all is well; change its parts, then `report()`."""

    def __init__(
        self,
        nodes: int = 1,
        ports: int = 2,
        across: bool | None = None,
        pods: list[dict] | None = None,
        server: bool = False,
    ):
        self.names = [f"node{number}" for number in range(1, nodes + 1)]
        self.across = nodes > 1 if across is None else across
        made = (
            pods
            if pods is not None
            else [pod(f"testpmd-{name}", "abcdef"[index], name, ports) for index, name in enumerate(self.names)]
        )
        self.plan = verify_plan(made, between_pods="true" if self.across else "false")
        self.ends = {
            f"{one['name']} {port['name']}": End(one["node"], port) for one in self.plan for port in one["ports"]
        }
        # Open vSwitch 3.1 and newer keeps no statistics of its ports in server mode.
        for end in self.ends.values():
            if server:
                end.ovs_rx = end.ovs_tx = None
        self.pmd = {name: [0, TOTAL * 10] for name in self.names}
        self.uplink = {
            name: {"type": "dpdk", "link_state": "up", "bridge": "br0", "error": None} for name in self.names
        }
        self.missing: set[tuple[str, str]] = set()
        self.status: dict[str, int] = {}
        self.actions: dict[str, str] = {}
        # How often addresses moved between the ports of br0.
        self.moved = {name: 0 for name in self.names}
        self.others: list[Neighbour] = []
        self.change = None
        self.living: dict | None = {
            "names": [f"{one['namespace']}/{one['name']}" for one in self.plan],
            "uids": {"neighbour": None, **{one["name"]: [port["interface"] for port in one["ports"]] for one in self.plan}},
        }
        self.leftovers: list[dict] = []
        self.namesakes: list[dict] = []
        self.unread = ""

    def end(self, name: str) -> End:
        return self.ends[name]

    def sender(self, end: End) -> str:
        return next(
            (other.plan["mac"] for other in self.ends.values() if other.plan.get("peer") == end.plan["mac"]),
            "02:00:00:00:00:99",
        )

    def interfaces(self, host: str, after: bool) -> dict:
        found = {
            end.plan["interface"]: {
                "type": "dpdkvhostuser", "bridge": end.bridge, "error": None, "ofport": 3, "status": {"status": "connected"},
                "statistics": {"ovs_tx_failure_drops": 0}, **(end.interface if after else {}),
            }
            for end in self.ends.values() if end.node == host
        }  # fmt: skip
        ids = {"userspace-cni-pod": "other/neighbour", "userspace-cni-uid": "neighbour"}
        return {
            **found,
            **{one.name: {"type": "dpdkvhostuser", "bridge": "br0", "external_ids": ids} for one in self.others if one.node == host},
            "br0": {"type": "internal", "bridge": "br0"},
            **({"dpdk0": self.uplink[host]} if self.uplink.get(host) else {}),
        }

    def datapath(self, host: str, moment: str) -> dict:
        share = {"before": 0.0, "load": 0.3, "loaded": 0.9, "after": 1.0}[moment]
        ends = [end for end in self.ends.values() if end.node == host]
        ports = "netdev@ovs-netdev:\n  lookups: hit:1 missed:1 lost:0\n  flows: 2\n  port 0: ovs-netdev (tap)\n    RX packets:0 errors:0 dropped:0\n"
        for number, end in enumerate(ends, 3):
            ports += f"  port {number}: {end.plan['interface']} (dpdkvhostuser)\n"
            if end.ovs_rx is None:
                # Its own line break is missing there.
                ports = ports[:-1] + "\n, could not retrieve stats (Protocol error)"
                continue
            ports += f"    RX packets:{int(5000 + end.ovs_rx * share)} errors:0 dropped:0 overruns:? frame:?\n"
            ports += f"    TX packets:{int(7000 + end.ovs_tx * share)} errors:0 dropped:0 aborted:? carrier:?\n"
        for number, one in enumerate([one for one in self.others if one.node == host], 20):
            ports += f"  port {number}: {one.name} (dpdkvhostuser)\n    RX packets:{one.packets[moment]} errors:0 dropped:0 overruns:? frame:?\n"
        first, last = self.pmd[host]
        packets = int(first + (last - first) * share)
        names = "".join(f"  port: {end.plan['interface']}  queue-id:  0 (enabled)   pmd usage:  9 %\n" for end in ends)
        head = "pmd thread numa_id 0 core_id 1:\n"
        flows: dict[str, str] = {}
        flows_to: dict[str, str] = {}
        if moment != "before":
            for end in ends:
                flows[end.plan["mac"]] = flows_to[end.plan["mac"]] = ""
        for end in ends if moment in ("load", "loaded") else []:
            peer = next((other for other in self.ends.values() if other.plan["mac"] == end.plan.get("peer")), None)
            # Without a peer testpmd sends to an address of its own choice.
            if peer or moment == "load":
                leads = "br0" if peer is None else peer.plan["interface"] if peer.node == host else "dpdk0"
                actions = self.actions.get(end.plan["interface"], leads)
                target = peer.plan["mac"] if peer else "02:00:00:00:00:00"
                flow = (
                    f"flow-dump from pmd on cpu core: 1\nufid:c3b3, recirc_id(0),in_port({end.plan['interface']}),packet_type(ns=0,id=0),"
                    f"eth(src={end.plan['mac']},dst={target}),eth_type(0x0800), packets:900, bytes:57600, used:0.0s, dp:ovs, actions:{actions}\n"
                )
                flows[end.plan["mac"]] += flow
                if target in flows_to:
                    flows_to[target] += flow
        for end in ends if moment in ("load", "loaded") else []:
            sender = next((other for other in self.ends.values() if other.plan.get("peer") == end.plan["mac"]), None)
            if sender and sender.node != host:
                flows_to[end.plan["mac"]] += (
                    f"ufid:1, recirc_id(0),in_port(dpdk0),packet_type(ns=0,id=0),eth(src={sender.plan['mac']},dst={end.plan['mac']}),eth_type(0x0800), "
                    f"packets:900, bytes:57600, used:0.0s, dp:ovs, actions:{end.plan['interface']}\n"
                )
        for one in self.others:
            if one.node == host and moment in one.seen:
                for found, address in ((flows, one.source), (flows_to, one.target)):
                    if address in found:
                        found[address] += one.flow(moment)
        return {
            "pid": 1185, "started": 1.0, "version": "ovs-vswitchd (Open vSwitch) 3.5.0", "errors": {}, "flows": flows, "flows_to": flows_to,
            "fdb": {"br0": MOVES.format(int(self.moved[host] * share))} if moment in ("before", "after") else {},
            "ports": ports,
            "pmd_stats": f"{head}  packets received: {packets}\n  idle cycles: {1000 + packets} (5%)\n"
            + f"  processing cycles: {packets * 300} (95%)\nmain thread:\n  packets received: 9\n",
            "pmd_perf": f"\nTime: 00:00\n\n{head}\n  Rx packets:    {packets}  (1 Kpps)\n  Tx packets:    {packets}  (1 Kpps)\n",
            "pmd_rxq": f"Displaying last 60 seconds pmd usage %\n{head}  isolated : false\n{names}",
            "threads": [{"name": "pmd-c01/id:7", "tid": 12, "cpus": "1"}],
            "cpu": {"nr_periods": int(1000 * share), "nr_throttled": 0},
        }  # fmt: skip

    def output(self, one: dict) -> str:
        ends = [self.ends[f"{one['name']} {port['name']}"] for port in one["ports"]]

        def stopped(mode: str, sent: list[int], received: list[int]) -> str:
            text = "testpmd> stop\nTelling cores to stop...\nWaiting for lcores to finish...\n"
            for number, (tx, rx) in enumerate(zip(sent, received, strict=True)):
                text += f"\n  ---------------------- Forward statistics for port {number}  ----------------------\n"
                text += f"  RX-packets: {rx:<14} RX-dropped: 0             RX-total: {rx}\n  TX-packets: {tx:<14} TX-dropped: 0             TX-total: {tx}\n"
            return (
                text
                + "\n  +++++++++++++++ Accumulated forward statistics for all ports+++++++++++++++\n  RX-packets: 99999\nDone.\n"
            )

        def shown(totals: list[tuple[int, int, int, int]]) -> str:
            text = "testpmd> show port stats all\n"
            for number, (rx, tx, rx_pps, tx_pps) in enumerate(totals):
                text += f"\n  ######################## NIC statistics for port {number}  ########################\n"
                text += f"  RX-packets: {rx}   RX-missed: 0          RX-bytes:  {64 * rx}\n  RX-errors: 0\n  RX-nombuf:  0         \n"
                text += f"  TX-packets: {tx}   TX-errors: 0          TX-bytes:  {64 * tx}\n\n"
                text += f"  Throughput (since last show)\n  Rx-pps: {rx_pps:12}          Rx-bps: 0\n  Tx-pps: {tx_pps:12}          Tx-bps: 0\n"
            return text

        def marks(index: int) -> str:
            text = "testpmd> set fwd rxonly\nSet rxonly packet forwarding mode\ntestpmd> start tx_first 2\n"
            for number, end in enumerate(ends):
                if end.got[index]:
                    text += f"port {number}/queue 0: received {end.got[index]} packets\n"
                    text += f"{end.got[index]:7}   src={self.sender(end).upper()} - dst={end.plan['mac'].upper()}\n"
                if end.foreign:
                    text += f"testpmd> port {number}/queue 0: received {end.foreign} packets\n{end.foreign:7}   src=02:EE:00:00:00:01 - dst=FF:FF:FF:FF:FF:FF\n"
            return text + stopped(
                "rxonly", [end.sent[index] for end in ends], [end.got[index] + end.foreign for end in ends]
            )

        def printed(number: int, packets: int, source: str, target: str) -> str:
            return f"port {number}/queue 0: received {packets} packets\n{packets:7}   src={source.upper()} - dst={target.upper()}\n" if packets else ""

        none = [0] * len(ends)
        text = "EAL: Detected CPU lcores: 2\nEAL: RTE Version: 'DPDK 24.11.8'\nSet rxonly packet forwarding mode\ntestpmd> start\n"
        text += "".join(printed(number, end.early, "02:ee:00:00:00:01", "ff:ff:ff:ff:ff:ff") for number, end in enumerate(ends))
        text += stopped("rxonly", none, [end.early for end in ends])
        text += marks(0) + "testpmd> set fwd mac\nSet mac packet forwarding mode\n"
        text += shown([(0, 0, 0, 0)] * len(ends))
        for window in range(max((len(end.rates) for end in ends), default=0)):
            text += shown([(1, 1, *(end.rates[window] if window < len(end.rates) else (0, 0))) for end in ends])
        # What a port receives goes out by the other one of the pair, or by the next one of a chain.
        count = len(ends)
        leaves = [(number + 1) % count if one["topology"] == "chained" else number ^ 1 if number ^ 1 < count else number for number in range(count)]
        text += stopped("mac", [end.tx for end in ends], [max(ends[leaves[number]].tx - BURST, 0) for number in range(count)])
        text += "testpmd> set fwd rxonly\nSet rxonly packet forwarding mode\n"
        text += "".join(printed(number, end.drained, self.sender(end), end.plan["mac"]) for number, end in enumerate(ends))
        text += stopped("rxonly", none, [end.drained for end in ends])
        text += marks(1) + shown([(end.rx, end.tx, 0, 0) for end in ends])
        return text + f"testpmd> quit\nBye...\n\ntestpmd ended with status {self.status.get(one['name'], 0)}\n"

    def read(self) -> dict:
        nodes = {}
        for host in self.names:
            state = {
                "ovs_version": "3.5.0", "dpdk_version": "DPDK 24.11.8", "dpdk_initialized": True, "external_ids": {"system-id": f"id-of-{host}"},
                "other_config": {},
                "bridges": {"br0": {"datapath_type": "netdev"}, "br1": {"datapath_type": "netdev"}},
            }  # fmt: skip
            nodes[host] = {
                "kubernetes_node": host,
                "before": {**state, "interfaces": self.interfaces(host, False)},
                "after": {**state, "interfaces": self.interfaces(host, True)},
                "datapath": {
                    moment: {} if (host, moment) in self.missing else self.datapath(host, moment)
                    for moment in ("before", "load", "loaded", "after")
                },
                "log": "",
            }
        pods = []
        for one in self.plan:
            sockets = "".join(f"socket {port['path']}\n" for port in one["ports"])
            pods.append(
                {
                    **one,
                    "probe": "cpus 0-1\ntestpmd dpdk-testpmd\n" + sockets,
                    "output": self.output(one),
                    "command": "dpdk-testpmd",
                }
            )
        found = {"pods": pods, "nodes": nodes, "leftovers": self.leftovers, "living": self.living}
        found.update(namesakes=self.namesakes, unread=self.unread)
        if self.change:
            self.change(found)
        return found

    def report(self, **settings) -> dict:
        return verify_report(
            self.read(),
            {
                "duration": 5,
                "time": "2026-11-24T00:00:00Z",
                "between_pods": self.across if self.across else "auto",
                **settings,
            },
        )


def failed(report: dict) -> dict[str, dict]:
    return {check["id"]: check for check in report["checks"] if not check["ok"]}


def recorded_run(path: Path) -> dict:
    """A run as tests/lab/record_runs.py recorded it."""
    return json.loads(path.read_text())
