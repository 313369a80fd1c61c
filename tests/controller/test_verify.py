# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The traffic proof: parser, plan, checks and script, over what DPDK 19.11, 22.11, 24.11 and Open vSwitch 3.1 and 3.5 wrote (data/verify)."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.filter.testpmd_stats import testpmd_stats as stats
from ansible_collections.kube_ovn.dpdk.plugins.filter._verify_calls import verify_calls
from ansible_collections.kube_ovn.dpdk.plugins.filter._verify_commands import verify_commands
from ansible_collections.kube_ovn.dpdk.plugins.filter._verify_errors import verify_errors
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_junit import verify_junit
from ansible_collections.kube_ovn.dpdk.plugins.filter._verify_phases import verify_phases
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_plan import verify_plan
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_report import verify_report
from ansible_collections.kube_ovn.dpdk.plugins.filter._verify_summary import verify_summary as summary
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import causes, gather, parse
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.drawing import first_broken
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.engine import CHECKS
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._k8s_lock import lease
from proof import MARKED, TOTAL, Proof, failed, pod, recorded_run

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).parent / "data" / "verify"
SCRIPT = ROOT / "roles" / "verify" / "files" / "traffic.sh"


def recorded(name: str) -> str:
    return (DATA / name).read_text()


# --- testpmd's output


@pytest.mark.parametrize(
    ("name", "version", "ports", "rates"),
    [
        ("testpmd-19.11.txt", "DPDK 19.11.14", [(501952, 502880), (502848, 501984)], (53641, 53729)),
        ("testpmd-22.11.txt", "DPDK 22.11.11", [(272704, 273536), (273504, 272736)], (31116, 31204)),
        ("testpmd-24.11.txt", "DPDK 24.11.8", [(19271872, 19264480), (19264448, 19271904)], (1900730, 1899984)),
    ],
)
def test_counters_of_each_release(name, version, ports, rates):
    found = stats(recorded(name))
    assert [(found["ports"][key]["rx_packets"], found["ports"][key]["tx_packets"], found["ports"][key]["dropped"]) for key in "01"] == [
        (*pair, 0) for pair in ports
    ]
    assert any((sample["0"]["rx_pps"], sample["0"]["tx_pps"]) == rates for part in found["segments"] for sample in part["samples"])
    assert found["version"] == version
    assert found["status"] == 0
    assert found["causes"] == []


def test_prompt_in_the_middle_of_a_line():
    # Without line buffering the prompt lands inside other lines: "RX-patestpmd> show …" and "ckets: 90368" two lines below.
    text = recorded("testpmd-22.11-server.txt")
    assert "RX-patestpmd> " in text or "testpmd> quit\n" in text
    assert stats(text)["ports"]["0"]["rx_packets"] == 90368


def test_prompt_in_front_of_a_printed_burst_takes_nothing_away():
    text = "Set rxonly packet forwarding mode\ntestpmd> port 1/queue 0: received 2 packets\n      2   src=02:00:00:00:00:0A - dst=02:00:00:00:00:0B\n"
    assert stats(text)["segments"][-1]["printed"] == {"1": {("02:00:00:00:00:0a", "02:00:00:00:00:0b"): 2}}


def test_drops_of_device_and_of_forwarding_add_up():
    text = recorded("testpmd-19.11.txt").replace("RX-missed: 0  ", "RX-missed: 3  ").replace("TX-dropped: 0  ", "TX-dropped: 5  ")
    assert stats(text)["ports"]["0"]["dropped"] == 8


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("virtio_user_dev_init(): (/vhu/x) backend set up fails", "dpdk_app_recreate"),
        (
            "failed to bind to /vhu/x: Address already in use; remove it and try again\nvirtio_user_dev_init(): backend set up fails",
            "another program",
        ),
        ("EAL: No free 2048 kB hugepages reported on node 0", "dpdk_app_hugepages"),
        ('ERROR: This system does not support "VPCLMULQDQ".', "dpdk_app_dpdk_machine"),
        ("EAL: Cannot open /hugepages/rtemap_0: Permission denied", "dpdk_app_security_context"),
        # Of DPDK 24.11, and of 19.11, after the memory, with warnings that say nothing.
        (
            "EAL: No free 1048576 kB hugepages reported on node 0\nEAL: Cannot set affinity\nEAL: Error - exiting with code: 1\n"
            "Cannot init EAL: Invalid argument",
            "verify_testpmd_cores",
        ),
        (
            "EAL: No free hugepages reported in hugepages-1048576kB\nEAL: pthread_setaffinity_np failed\nPANIC in eal_thread_init_master():\n"
            "cannot set affinity",
            "verify_testpmd_cores",
        ),
        ("EAL: core 99 unavailable\nEAL: invalid parameter for --lcores", "verify_testpmd_cores"),
        ("EAL: lcore 99 unavailable", "verify_testpmd_cores"),
        ("EAL: No free 2048 kB hugepages reported on node 0\nEAL: FATAL: Cannot get hugepage information.", "dpdk_app_hugepages"),
        ("EAL: No free 1048576 kB hugepages reported on node 0\nEAL: Cannot open /hugepages/rtemap_0: Permission denied", "dpdk_app_security_context"),
    ],
)
def test_known_reasons_name_their_cure(line, cure):
    found = stats(f"EAL: Detected 2 lcore(s)\n{line}\ntestpmd ended with status 1\n")
    assert found["status"] == 1
    assert len(found["causes"]) == 1
    assert cure in found["causes"][0]


def test_nothing_written():
    found = stats("")
    assert (found["ports"], found["version"], found["status"], found["causes"], found["last_lines"]) == (
        {},
        None,
        None,
        [],
        [],
    )


# --- what Open vSwitch writes


def test_ports_of_the_datapath_in_server_and_in_client_mode():
    run = recorded_run(DATA / "runs" / "good.json")
    (node,) = run["nodes"].values()
    ports = parse.parse_ports(node["datapath"]["after"]["ports"])
    assert ports["ovn0"]["type"] == "tap"
    assert ports["ovn0"]["rx_packets"] > 0
    # In server mode it says "could not retrieve stats", on one line with the next port.
    blind = [name for name, port in ports.items() if port["type"] == "dpdkvhostuser"]
    assert len(blind) == 2
    assert all("rx_packets" not in ports[name] for name in blind)


def test_pmd_threads_with_and_without_the_older_command():
    (node,) = recorded_run(DATA / "runs" / "good.json")["nodes"].values()
    reading = node["datapath"]["after"]
    (thread,) = parse.parse_pmd(reading)
    assert (thread["core"], thread["numa"], thread["cpus"], len(thread["ports"])) == (1, 0, "1", 2)
    assert thread["busy_cycles"] > 0
    # From 4.0 on there is only pmd-perf-show.
    (newer,) = parse.parse_pmd({**reading, "pmd_stats": None})
    assert newer["rx_packets"] == thread["rx_packets_perf"]
    (perf,) = parse.parse_pmd({"pmd_perf": recorded("pmd-perf.txt")})
    assert (perf["rx_packets"], perf["tx_packets"]) == (1551136, 1565152)


# --- plan


def peers(pods: list[dict]) -> dict[str, str]:
    return {f"{one['name']} {port['name']}": f"{port['peer_pod'].split('/')[1]} {port['peer_port']}" for one in pods for port in one["ports"] if "peer" in port}


def test_ports_in_order_with_addresses_of_each_other():
    (one,) = verify_plan([pod("testpmd-dpdk", "b", "node-1")])
    first, second = one["ports"]
    assert [first["name"], second["name"]] == ["net1", "net2"]
    assert first["interface"] == "b" * 12 + "-net1"
    assert first["path"] == "/vhu/" + "b" * 12 + "-net1"
    assert first["peer"] == second["mac"]
    assert second["peer"] == first["mac"]
    # Unicast, and locally administered.
    assert int(first["mac"][:2], 16) & 3 == 2
    assert one["memory"] == 512
    assert one["huge_dir"] == "/hugepages"


def test_ten_interfaces_are_in_the_order_of_their_numbers():
    (one,) = verify_plan([pod("a", "b", "node-1", ports=10)])
    assert [port["name"] for port in one["ports"]] == [f"net{number}" for number in range(1, 11)]


def test_round_through_all_pods():
    found = peers(verify_plan([pod("a", "a", "n1"), pod("b", "b", "n2"), pod("c", "c", "n3")], between_pods="true"))
    # What leaves by the second port enters the next pod by its first, and leaves there by the second; back the same way.
    assert found == {
        "a net2": "b net1",
        "b net2": "c net1",
        "c net2": "a net1",
        "a net1": "c net2",
        "b net1": "a net2",
        "c net1": "b net2",
    }


@pytest.mark.parametrize(
    ("uplinks", "crosses"),
    [
        ({"n1": "dpdk", "n2": "dpdk"}, True),
        ({"n1": "dpdk", "n2": None}, False),
        ({"n1": "system", "n2": "geneve"}, True),
        ({"n1": "internal", "n2": "patch"}, False),
    ],
)
def test_between_nodes_only_where_every_bridge_has_an_uplink(uplinks, crosses):
    pods = [pod("a", "a", "n1"), pod("b", "b", "n2")]
    switches = {}
    for identity, (node, kind) in zip("ab", uplinks.items(), strict=True):
        interfaces = {f"{identity * 12}-net{number}": {"type": "dpdkvhostuser", "bridge": "br0"} for number in (1, 2)}
        switches[node] = {
            "interfaces": {
                **interfaces,
                "br0": {"type": "internal", "bridge": "br0"},
                **({"up": {"type": kind, "bridge": "br0"}} if kind else {}),
            }
        }
    found = peers(verify_plan(pods, nodes=switches))
    assert found["a net2"] == ("b net1" if crosses else "a net1")


OWN = ["ovn-dpdk-1", "ovn-dpdk-2"]
OWN_DEFINITIONS = [
    {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"config": json.dumps({"type": "kube-ovn", "vhost_user_socket_volume_name": name, "vhost_user_socket_name": "sock"})},
    }
    for name in OWN
]


def own_pod(name, node, number):
    """As the API returns it of ports that Kube-OVN made itself."""
    made = pod(name, "a", node)
    notes = {f"{network}.default.ovn.kubernetes.io/mac_address": f"8E:00:00:00:0{number}:0{index}" for index, network in enumerate(OWN)}
    made["metadata"]["annotations"] = {"k8s.v1.cni.cncf.io/networks": ", ".join(OWN), **notes}
    made["spec"]["containers"][0]["volumeMounts"] = [{"name": network, "mountPath": f"/vhu/{network}"} for network in OWN]
    return made


def own_switch(name):
    ids = {f"{name}234567{index}_net{index}_h": {"iface-id": f"{name}.default.{network}.default.ovn"} for index, network in enumerate(OWN, 1)}
    ports = {interface: {"type": "dpdkvhostuserclient", "bridge": "br-int", "external_ids": value} for interface, value in ids.items()}
    # The kernel's end of a pod's first interface leads nowhere else.
    return {"interfaces": {**ports, "123456789012_h": {"type": "", "bridge": "br-int", "external_ids": {"iface-id": "x.default"}}}}


def test_ports_of_kube_ovn_itself_have_its_addresses():
    (one,) = verify_plan([own_pod("a", "n1", 1)], nodes={"host1": own_switch("a")}, definitions=OWN_DEFINITIONS)
    assert one["problem"] is None
    assert one["wanted"] == 2
    assert [(port["interface"], port["path"], port["server"], port["mac"]) for port in one["ports"]] == [
        ("a2345671_net1_h", "/vhu/ovn-dpdk-1/sock", True, "8e:00:00:00:01:00"),
        ("a2345672_net2_h", "/vhu/ovn-dpdk-2/sock", True, "8e:00:00:00:01:01"),
    ]
    assert [port["peer"] for port in one["ports"]] == ["8e:00:00:00:01:01", "8e:00:00:00:01:00"]


def test_address_that_kube_ovn_did_not_give():
    made = own_pod("a", "n1", 1)
    del made["metadata"]["annotations"]["ovn-dpdk-2.default.ovn.kubernetes.io/mac_address"]
    (one,) = verify_plan([made], nodes={"host1": own_switch("a")}, definitions=OWN_DEFINITIONS)
    assert one["problem"] == "annotation ovn-dpdk-2.default.ovn.kubernetes.io/mac_address is missing"


@pytest.mark.parametrize("tunnel", [True, False])
def test_ports_of_kube_ovn_itself_send_between_nodes_where_there_is_a_tunnel(tunnel):
    switches = {f"host{number}": own_switch(name) for number, name in enumerate("ab")}
    for switch in switches.values() if tunnel else ():
        switch["interfaces"]["ovn-x-0"] = {"type": "geneve", "bridge": "br-int"}
    pods = [own_pod("a", "n1", 1), own_pod("b", "n2", 2)]
    found = peers(verify_plan(pods, nodes=switches, definitions=OWN_DEFINITIONS))
    assert found["a net2"] == ("b net1" if tunnel else "a net1")


@pytest.mark.parametrize(
    ("counts", "across", "expected"),
    [
        ([1], "false", {}),
        ([3], "false", {"a net1": "a net2", "a net2": "a net3", "a net3": "a net1"}),
        ([1, 1], "true", {"a net1": "b net1", "b net1": "a net1"}),
        ([1, 1], "false", {}),
        ([4], "false", {"a net1": "a net2", "a net2": "a net1", "a net3": "a net4", "a net4": "a net3"}),
    ],
)
def test_peers_of_odd_numbers_of_ports(counts, across, expected):
    pods = [pod("abc"[index], "abc"[index], f"n{index}", ports=count) for index, count in enumerate(counts)]
    assert peers(verify_plan(pods, between_pods=across)) == expected


@pytest.mark.parametrize("shape", [{"nodes": 3}, {"nodes": 2, "ports": 1}, {"nodes": 2, "ports": 3}, {"ports": 3}, {"nodes": 3, "ports": 4}])
def test_every_port_has_one_sender(shape):
    ports = [port for one in Proof(**shape).plan for port in one["ports"]]
    assert sorted(port["peer"] for port in ports) == sorted(port["mac"] for port in ports)


def probed(text: str) -> dict:
    """What module k8s_pods_exec returned of pod `a`."""
    return {"results": [{"namespace": "default", "pod": "a", "stdout": text}]}


def test_command_line_keeps_away_from_pmd_cores():
    (one,) = verify_plan([pod("a", "b", "n1")])
    assert verify_commands([one], {}, nodes={}) == {}, "a pod that was not asked gets no command"
    switches = {"n1": {"interfaces": {"b" * 12 + "-net1": {}}, "other_config": {"pmd-cpu-mask": "0x6"}}}
    (line,) = verify_commands([one], probed("cpus 0-3\nstdbuf\ntestpmd dpdk-testpmd\nsocket /vhu/x"), nodes=switches).values()
    assert line[:3] == ["stdbuf", "-oL", "dpdk-testpmd"]
    assert line[line.index("--lcores") + 1] == "0@0,1@3"
    assert line[line.index("--huge-dir") + 1] == "/hugepages"
    assert not any("server=1" in word for word in line)
    assert f"--eth-peer=0,{one['ports'][1]['mac']}" in line
    assert "--no-flush-rx" in line


def test_command_line_where_every_cpu_polls():
    (one,) = verify_plan([pod("a", "b", "n1", mode="server")])
    switches = {"n1": {"interfaces": {"b" * 12 + "-net1": {}}, "other_config": {"pmd-cpu-mask": "0x3"}}}
    (line,) = verify_commands([one], probed("cpus 0,1\ntestpmd testpmd"), nodes=switches).values()
    assert line[0] == "testpmd"
    assert line[line.index("--lcores") + 1] == "0@0,1@1"
    # Where the pod is the server, it makes the sockets.
    assert sum("server=1" in word for word in line) == 2


@pytest.mark.parametrize("text", ["", "nonsense", "[{}]", '"text"', "[1]"])
def test_unreadable_annotation_is_named(text):
    (one,) = verify_plan([pod("a", "b", "n1", **{"userspace/configuration-data": text})])
    assert one["ports"] == []
    assert "userspace/configuration-data" in one["problem"]


def test_phases_keep_packets_from_pods_that_are_not_ready():
    alone = verify_phases(Proof().plan, 5)
    lines = alone["lines"]["default/testpmd-node1"]
    assert not [line for line in lines if line.startswith("=")], "a pod by itself waits for nobody"
    assert alone["seconds"] == sum(int(line[1:]) for line in lines if line.startswith("@"))
    together = verify_phases(Proof(nodes=6).plan, 5)
    begins = [[(int(line[1:]), lines[index + 1]) for index, line in enumerate(lines) if line.startswith("=")] for lines in together["lines"].values()]
    times = [[seconds for seconds, _next in one] for one in begins]
    assert len(times) == 6 and len({tuple(one) for one in times}) == 1, "each phase begins at the same time in all pods"
    assert len(times[0]) == 6 and times[0] == sorted(set(times[0]))
    # What a phase takes in the slowest pod, and some seconds more, are over when the next begins.
    for lines in together["lines"].values():
        clock = 0
        for line in lines:
            if line.startswith("="):
                assert clock + 3 <= int(line[1:])
                clock = int(line[1:])
            elif line.startswith("@"):
                clock += int(line[1:])
        assert clock + 3 <= together["seconds"]
    # Some pods put packets into circulation, fewer than a ring takes; all are read every second.
    loads = [lines[lines.index("#load") :] for lines in together["lines"].values()]
    assert sum("start tx_first 1" in lines for lines in loads) == 4
    assert all(lines.count("show port stats all") == 7 for lines in loads)
    # Nothing is read of a load that was stopped: its rate would be 0.
    assert all("show port stats all" not in lines[lines.index("stop", 4) : lines.index("set fwd rxonly")] for lines in loads)


@pytest.mark.parametrize("duration", [2, 5, 59, 60, 119, 3600])
def test_load_is_read_at_most_sixty_times_and_as_long_as_asked(duration):
    lines = verify_phases(Proof().plan, duration)["lines"]["default/testpmd-node1"]
    load = lines[lines.index("#load") :]
    windows = [int(line[1:]) for line in load[: load.index("set verbose 1")] if line.startswith("@")]
    assert 2 <= len(windows) <= 119
    assert duration - 60 < sum(windows) <= duration


# --- recorded runs


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("good", []),
        ("drop", ["path", "delivery", "rate", "conservation"]),
        ("meter", ["path", "rate", "conservation"]),
        ("quiet", ["path", "rate"]),
        ("noise", ["path", "delivery", "conservation"]),
        ("restart", ["restart", "readings", "testpmd", "connected", "delivery", "rate"]),
    ],
)
def test_recorded_runs_of_the_lab(name, ids):
    """good; a flow that drops one direction; a meter of 1,000 packets a second; the same flow only during the load;
    both directions dropped while a neighbour's broadcasts arrive; Open vSwitch restarted during the load."""
    report = verify_report(recorded_run(DATA / "runs" / f"{name}.json"), {"duration": 5, "time": "2026-11-25T23:20:00Z"})
    assert list(failed(report)) == ids
    assert report["result"] == ("fail" if ids else "pass")


def test_foreign_packets_are_told_apart_in_a_recorded_run():
    settings = {"duration": 5, "time": "2026-11-25T23:20:00Z"}
    noise = verify_report(recorded_run(DATA / "runs" / "noise.json"), settings)
    assert all(row["foreign"] > 0 and row["marked"]["arrived"] == 0 for row in noise["traffic"])
    # The broadcasts alone keep the circle going: only the marked packets show that nothing passes.
    assert all(row["rx_pps"] > 0 for row in noise["traffic"])


def test_busy_neighbour_beside_a_good_run_passes():
    proof = Proof(server=True)
    for end in proof.ends.values():
        # Broadcasts join the circle, so that more is received than was sent.
        end.foreign, end.rx = 5000, TOTAL + 2 * 5000
    proof.pmd["node1"][1] *= 3
    report = proof.report()
    assert failed(report) == {}
    assert all(row["foreign"] == 10000 and row["marked"]["arrived"] == row["marked"]["sent"] for row in report["traffic"])


def test_load_of_the_pmd_thread_in_a_recorded_run():
    report = verify_report(recorded_run(DATA / "runs" / "good.json"), {})
    (node,) = report["nodes"].values()
    (thread,) = node["pmd"]
    assert 0 < thread["busy"] <= 1
    assert 50 < thread["cycles_per_packet"] < 5000
    assert sum(row["in_flight"] for row in report["traffic"]) == 64


# --- readings in which packets do not pass


def only_the_first_burst():
    proof = Proof(server=True)
    for end in proof.ends.values():
        end.rates, end.rx, end.tx = [(0, 0)] * 10, 64 + 2 * MARKED, 64 + 2 * MARKED
    return proof


def own_packets_lost_and_three_broadcasts():
    proof = Proof(server=True)
    for end in proof.ends.values():
        end.got, end.foreign, end.rates, end.rx, end.tx = [0, 0], 3, [(0, 0)] * 5, 6, 2 * MARKED + 38
    return proof


def two_bridges_with_noise():
    proof = Proof()
    for end, bridge in zip(proof.ends.values(), ("br0", "br1"), strict=True):
        # The noise keeps going round: what one port receives the other sends.
        end.bridge, end.got, end.foreign = bridge, [0, 0], MARKED
    return proof


def million_in_and_ten_out():
    proof = Proof()
    first, second = proof.ends.values()
    first.ovs_rx, second.ovs_tx = 1_000_000, 10
    second.rx = 10
    return proof


def rings_not_polled(server=False):
    proof = Proof(nodes=2, server=server)
    a1, a2, b1, b2 = proof.ends.values()
    for end in (a1, a2, b1, b2):
        end.sent, end.rates, end.rx, end.tx = [48, 48], [(0, 0)] * 5, 96, 96
        end.ovs_rx, end.ovs_tx = (None, None) if server else (96, 96)
    for end in (b1, b2):
        end.ovs_rx = None if server else 0
    for end in (a1, a2):
        end.got, end.rx = [0, 0], 0
    return proof


def without_the_reading_before():
    proof = Proof(server=True)
    proof.missing.add(("node1", "before"))
    return proof


def between_pods_with_one_pod():
    return Proof(across=True)


def test_wish_for_packets_between_pods_may_be_text():
    for value, found in (("true", "fail"), (True, "fail"), ("auto", "pass"), ("False", "pass")):
        assert Proof().report(between_pods=value)["result"] == found


def between_pods_on_one_node():
    return Proof(nodes=2, pods=[pod("a", "a", "node1"), pod("b", "b", "node1")], across=True)


def three_nodes_and_one_pod():
    return Proof(nodes=3, pods=[pod("a", "a", "node1")], across=False)


def nothing_read_of_the_switch():
    proof = Proof()
    proof.missing |= {("node1", moment) for moment in ("before", "load", "loaded", "after")}
    return proof


ELEVEN = {
    "only the first burst passed": (only_the_first_burst, "rate"),
    "own packets lost, broadcasts received": (own_packets_lost_and_three_broadcasts, "delivery"),
    "two bridges, noise on both uplinks": (two_bridges_with_noise, "bridges"),
    "a million in, ten out": (million_in_and_ten_out, "conservation"),
    "rings not polled": (rings_not_polled, "delivery"),
    "rings not polled, server mode": (lambda: rings_not_polled(server=True), "delivery"),
    "no reading before": (without_the_reading_before, "readings"),
    "between pods with one pod": (between_pods_with_one_pod, "coverage"),
    "between pods, both on one node": (between_pods_on_one_node, "coverage"),
    "three nodes and one pod": (three_nodes_and_one_pod, "coverage"),
    "nothing read of the switch": (nothing_read_of_the_switch, "readings"),
}


@pytest.mark.parametrize("name", ELEVEN)
def test_reading_that_once_passed_fails(name):
    make, identity = ELEVEN[name]
    report = make().report()
    assert report["result"] == "fail"
    assert identity in failed(report), {key: check["detail"] for key, check in failed(report).items()}


def test_two_bridges_fail_delivery_too_although_the_noise_goes_round():
    bad = failed(two_bridges_with_noise().report())
    assert {"bridges", "delivery"} <= set(bad)
    assert "rate" not in bad


def test_missing_reading_is_named():
    assert "node1: the counters of the datapath before the traffic were not read" in failed(without_the_reading_before().report())["readings"]["detail"]
    assert {"readings", "pmd"} <= set(failed(nothing_read_of_the_switch().report()))


def test_nodes_without_proof_are_named():
    detail = failed(three_nodes_and_one_pod().report())["coverage"]["detail"]
    assert "node2" in detail
    assert "node3" in detail
    report = three_nodes_and_one_pod().report(exclude_nodes=["node2", "node3"])
    assert report["result"] == "pass"
    assert report["excluded_nodes"] == ["node2", "node3"]


# --- more of the kind


def changed(change, **shape):
    def make():
        proof = Proof(**shape)
        change(proof)
        return proof

    return make


def set_all(**values):
    def change(proof):
        for end in proof.ends.values():
            for key, value in values.items():
                setattr(end, key, list(value) if isinstance(value, list) else value)

    return change


def set_one(name, **values):
    def change(proof):
        for key, value in values.items():
            setattr(proof.end(name), key, value)

    return change


def set_read(change):
    def apply(proof):
        proof.change = change

    return apply


def restarted_in_between(read):
    read["nodes"]["node1"]["datapath"]["after"]["pid"] = 4711


def counters_that_cannot_be_read(read):
    for reading in read["nodes"]["node1"]["datapath"].values():
        reading["pmd_stats"] = reading["pmd_perf"] = None
        reading["errors"] = {"pmd_stats": "unknown command"}


def kernel_datapath(read):
    read["nodes"]["node1"]["after"]["bridges"]["br0"]["datapath_type"] = "system"


def moved_thread(read):
    read["nodes"]["node1"]["datapath"]["after"]["threads"][0]["cpus"] = "0-1"


def nobody_polls(read):
    for reading in read["nodes"]["node1"]["datapath"].values():
        reading["pmd_rxq"] = "Displaying last 60 seconds pmd usage %\npmd thread numa_id 0 core_id 1:\n  isolated : false\n"


def throttled(read):
    read["nodes"]["node1"]["datapath"]["after"]["cpu"]["nr_throttled"] = 500


def with_port(name, kind="dpdkvhostuserclient", moments=("before", "after"), **ids):
    """One more port on node1, which no pod of the run has."""

    def change(read):
        for moment in moments:
            read["nodes"]["node1"][moment]["interfaces"][name] = {"type": kind, "bridge": "br0", "external_ids": ids}

    return changed(set_read(change))


OF_LAUNCHER = {"userspace-cni-pod": "default/gone", "userspace-cni-uid": "1b4e28ba-2fa1-11d2-883f-0016d3cca427"}


def earlier_sandbox():
    proof = with_port("ffffffffffff-net1", **{**OF_LAUNCHER, "userspace-cni-uid": "testpmd-node1"})()
    proof.end("testpmd-node1 net1").interface = {"external_ids": {"userspace-cni-pod": "default/testpmd-node1", "userspace-cni-uid": "testpmd-node1"}}
    return proof


def same_identity(read):
    for node in read["nodes"].values():
        node["after"]["external_ids"]["system-id"] = "one"


MORE = {
    "one marked packet of 256 lost": (changed(set_one("testpmd-node1 net1", got=[MARKED, MARKED - 1])), "delivery"),
    "marked packets of another sender": (
        changed(lambda proof: setattr(proof, "sender", lambda end: "02:ee:00:00:00:01")),
        "delivery",
    ),
    "passed before the load, not after": (changed(set_all(got=[MARKED, 0])), "delivery"),
    "the load stopped in its last window": (changed(set_all(rates=[(200_000, 200_000)] * 4 + [(0, 0)])), "rate"),
    "one direction stood still": (changed(set_one("testpmd-node1 net2", rates=[(0, 200_000)] * 5)), "rate"),
    "no windows at all": (changed(set_all(rates=[])), "rate"),
    "fewer packets than asked for": (changed(set_all(rx=600, tx=600, ovs_rx=600, ovs_tx=600)), "rate"),
    "one in a hundred lost in the switch": (
        changed(set_one("testpmd-node1 net2", rx=990_000, ovs_tx=990_000)),
        "conservation",
    ),
    "the switch counted half": (changed(set_all(ovs_rx=TOTAL // 2)), "conservation"),
    "PMD threads counted less than the pods, server mode": (
        changed(lambda proof: proof.pmd.update(node1=[0, 1000]), server=True),
        "conservation",
    ),
    "Open vSwitch restarted in between": (changed(set_read(restarted_in_between)), "restart"),
    "commands that this Open vSwitch does not know": (changed(set_read(counters_that_cannot_be_read)), "readings"),
    "reading during the load missing": (changed(lambda proof: proof.missing.add(("node1", "loaded"))), "readings"),
    "bridge on the kernel datapath": (changed(set_read(kernel_datapath)), "datapath-type"),
    "interface with an error": (
        changed(set_one("testpmd-node1 net2", interface={"error": "could not add network device"})),
        "interfaces",
    ),
    "interface of another type": (changed(set_one("testpmd-node1 net2", interface={"type": "tap"})), "interfaces"),
    "port not connected": (
        changed(set_one("testpmd-node1 net2", interface={"status": {"status": "disconnected"}})),
        "connected",
    ),
    "drops in the switch": (
        changed(set_one("testpmd-node1 net2", interface={"statistics": {"ovs_tx_failure_drops": 5000}})),
        "drops",
    ),
    "flow that drops": (changed(lambda proof: proof.actions.update({"aaaaaaaaaaaa-net1": "drop"})), "path"),
    "flow that leads elsewhere": (
        changed(lambda proof: proof.actions.update({"aaaaaaaaaaaa-net1": "some-other-port"})),
        "path",
    ),
    "uplink down between nodes": (
        changed(lambda proof: proof.uplink["node2"].update(link_state="down"), nodes=2),
        "uplinks",
    ),
    "uplink switched off by hand": (
        changed(lambda proof: proof.uplink["node2"].update(admin_state="down"), nodes=2),
        "uplinks",
    ),
    "no uplink on one of the nodes": (changed(lambda proof: proof.uplink.update(node2=None), nodes=2), "uplinks"),
    "affinity of the PMD thread lost": (changed(set_read(moved_thread)), "pmd"),
    "no PMD thread polls the ports": (changed(set_read(nobody_polls)), "pmd"),
    "held by a CPU limit": (changed(set_read(throttled)), "cpu-limit"),
    "port of a pod that is gone": (with_port("ffffffffffff-net1", **OF_LAUNCHER), "orphan-ports"),
    "port of an earlier sandbox of a pod that is there": (earlier_sandbox, "orphan-ports"),
    "port of Kube-OVN without its pod": (
        with_port("0123456_net1_h", pod_name="gone", pod_namespace="default"),
        "orphan-ports",
    ),
    "port without a note and a pod": (with_port("ffffffffffff-net1"), "orphan-ports"),
    "pods that could not be read": (changed(lambda proof: setattr(proof, "living", None)), "orphan-ports"),
    "interface that is another pod's": (
        changed(set_one("testpmd-node1 net2", interface={"external_ids": {"userspace-cni-pod": "default/other"}})),
        "interfaces",
    ),
    "two nodes with one system-id": (changed(set_read(same_identity), nodes=2), "system-id"),
    "testpmd ended with an error": (changed(lambda proof: proof.status.update({"testpmd-node1": 1})), "testpmd"),
    "pod of an earlier namespace": (
        changed(lambda proof: proof.leftovers.append({"namespace": "old", "name": "testpmd", "node": "node1"})),
        "leftovers",
    ),
    "no pod at all": (lambda: Proof(pods=[]), "pods"),
    "node that Open vSwitch could not be read of": (
        changed(set_read(lambda read: read["nodes"]["node1"].update(after={}, problem="no such file"))),
        "ovs",
    ),
    "DPDK not initialised": (
        changed(set_read(lambda read: read["nodes"]["node1"]["after"].update(dpdk_initialized=False))),
        "dpdk-initialized",
    ),
    "addresses that were not read of a bridge": (
        changed(set_read(lambda read: read["nodes"]["node1"]["datapath"]["after"].update(fdb={}))),
        "neighbours",
    ),
    "pod that was deleted meanwhile": (changed(lambda proof: proof.plan[0].update(phase="Terminating")), "pods"),
}


@pytest.mark.parametrize("name", MORE)
def test_other_readings_fail_by_their_check(name):
    make, identity = MORE[name]
    report = make().report()
    assert report["result"] == "fail"
    bad = failed(report)
    assert identity in bad, {key: check["detail"] for key, check in bad.items()}
    assert bad[identity]["cure"]
    json.dumps(report)


def test_every_check_has_a_reading_that_fails_it():
    covered = {identity for _make, identity in [*ELEVEN.values(), *MORE.values()]} | {"sockets", "attachments"}
    assert covered == {check["id"] for check in CHECKS if check["profile"] is None}


# --- false alarms


@pytest.mark.parametrize(
    "make",
    [
        with_port("vm0", "dpdkvhostuserclient"),
        with_port("ffffffffffff-net1", moments=("after",), **OF_LAUNCHER),
        with_port("ffffffffffff-net1", moments=("before",), **OF_LAUNCHER),
        with_port("0123456_net1_h", pod_name="testpmd-node1", pod_namespace="default"),
        with_port("aaaaaaaaaaaa-net1", **{**OF_LAUNCHER, "userspace-cni-uid": "testpmd-node1"}),
    ],
    ids=["of no pod", "made meanwhile", "removed meanwhile", "of Kube-OVN", "of a pod that is there"],
)
def test_ports_that_are_no_orphans(make):
    assert "orphan-ports" not in failed(make().report())


def test_pods_that_own_ports():
    static = pod("static", "b", "node1", **{"kubernetes.io/config.hash": "h" * 32})
    done = pod("done", "c", "node1")
    done["status"]["phase"] = "Succeeded"
    unknown = pod("unknown", "d", "node1", **{"userspace/configuration-data": "nonsense"})
    for number, one in enumerate((static, done, unknown)):
        one["metadata"]["uid"] = f"uid-{number}"
    found = gather.living([static, done, unknown])
    assert found["names"] == ["default/static", "default/unknown"]
    ports = ["b" * 12 + "-net1", "b" * 12 + "-net2"]
    assert found["uids"] == {"uid-0": ports, "h" * 32: ports, "uid-2": None}


def test_notes_of_earlier_sandboxes_are_no_interfaces():
    noted = [
        {"containerId": identity * 64, "ifName": name, "config": {"vhost": {"mode": "client"}}}
        for identity, name in [("c", "net1"), ("c", "net2"), ("d", "net1")]
    ]
    noted += [{"containerId": "a" * 64, "ifName": name, "config": {"vhost": {"mode": "client"}}} for name in ("net1", "net2")]
    proof = Proof(pods=[pod("testpmd-node1", "a", "node1", **{"userspace/configuration-data": json.dumps(noted)})])
    assert [port["interface"] for port in proof.plan[0]["ports"]] == ["a" * 12 + "-net1", "a" * 12 + "-net2"]
    assert failed(proof.report()) == {}


@pytest.mark.parametrize(
    "shape",
    [
        {"ports": 1},
        {"ports": 1, "server": True},
        {"nodes": 2, "ports": 1},
        {"ports": 3},
        {"nodes": 2, "ports": 3},
        {"ports": 4},
    ],
)
def test_other_numbers_of_attachments_pass(shape):
    assert failed(Proof(**shape).report()) == {}


def test_single_port_says_which_direction_is_proven():
    report = Proof(ports=1).report()
    assert "only from the pod to Open vSwitch: default/testpmd-node1 net1" in next(check["detail"] for check in report["checks"] if check["id"] == "delivery")
    lost = changed(set_all(ovs_rx=0), ports=1)().report()
    assert "delivery" in failed(lost)


def test_kernel_network_beside_vhost_user_is_not_asked_for():
    definitions = [
        {"metadata": {"namespace": "default", "name": name}, "spec": {"config": json.dumps({"type": kind})}}
        for name, kind in (("ovs-dpdk-br0", "userspace"), ("fast", "macvlan"))
    ]
    made = pod(
        "testpmd-node1",
        "a",
        "node1",
        **{"k8s.v1.cni.cncf.io/networks": "ovs-dpdk-br0, fast@eth9, default/ovs-dpdk-br0"},
    )
    (one,) = verify_plan([made], definitions=definitions)
    assert one["wanted"] == 2
    made["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"] = json.dumps(
        [{"name": "ovs-dpdk-br0"}, {"name": "fast"}, {"name": "ovs-dpdk-br0", "namespace": "default"}]
    )
    (one,) = verify_plan([made], definitions=definitions)
    assert one["wanted"] == 2


def test_missing_interface_fails_attachments():
    made = pod("testpmd-node1", "a", "node1", **{"k8s.v1.cni.cncf.io/networks": "ovs-dpdk-br0, ovs-dpdk-br0, ovs-dpdk-br0"})
    assert list(failed(Proof(pods=[made]).report())) == ["attachments"]


def test_tolerance_is_the_smaller_of_the_number_and_the_share():
    assert failed(changed(set_one("testpmd-node1 net2", rx=TOTAL - 999, ovs_tx=TOTAL - 999))().report()) == {}
    assert "conservation" in failed(changed(set_one("testpmd-node1 net2", rx=TOTAL - 1001, ovs_tx=TOTAL - 1001))().report())
    assert "conservation" in failed(changed(set_one("testpmd-node1 net2", rx=TOTAL - 999, ovs_tx=TOTAL - 999))().report(tolerance=500))


# --- causes


def test_socket_lost_with_a_restart_of_open_vswitch():
    def change(read):
        read["pods"][0].update(
            probe="cpus 0-1\ntestpmd testpmd",
            output="virtio_user_dev_init(): backend set up fails\ntestpmd ended with status 1\n",
        )
        for reading in read["nodes"]["node1"]["datapath"].values():
            reading["started"] = 1e12

    bad = failed(changed(set_read(change))().report())
    assert "OVS on node1 was restarted after the pod was created" in bad["sockets"]["detail"]
    assert "dpdk_app_recreate" in bad["sockets"]["cure"]
    assert {"testpmd", "delivery"} <= set(bad)


def test_socket_that_the_pod_makes_itself_is_not_missed():
    proof = Proof(pods=[pod("testpmd-node1", "a", "node1", mode="server")])
    proof.change = lambda read: read["pods"][0].update(probe="cpus 0-1\ntestpmd testpmd")
    assert failed(proof.report()) == {}


def test_silent_failure_is_explained_by_the_log():
    proof = own_packets_lost_and_three_broadcasts()
    proof.change = lambda read: read["nodes"]["node1"].update(log=recorded("vswitchd-mempool.log"))
    detail = failed(proof.report())["delivery"]["detail"]
    assert "Failed to create" in detail
    assert "kube_ovn_dpdk_socket_mem" in detail


def test_port_that_open_vswitch_could_not_configure_is_the_cause_and_not_a_missing_reading():
    """The database shows it without an error; its datapath lacks it, so that nothing of it can be read (dpif-netdev.c, port_reconfigure)."""

    def change(read):
        node = read["nodes"]["node1"]
        node["log"] = recorded("vswitchd-mempool.log")
        for reading in node["datapath"].values():
            reading["ports"] = re.sub(r"  port \d+: aaaaaaaaaaaa-net1 .*\n(?:    .*\n)*", "", reading["ports"])

    proof = Proof()
    for end in proof.ends.values():
        end.got, end.rates, end.rx = [0, 0], [(0, 0)] * 5, 0
    proof.change = change
    report = proof.report()
    bad = failed(report)
    assert "aaaaaaaaaaaa-net1 on node1 is not in the datapath (OVS has no memory" in bad["interfaces"]["detail"]
    assert {"readings", "path"}.isdisjoint(bad)
    assert first_broken(report, report["traffic"], "node1")["check"] == "interfaces"


def test_what_the_database_tells_comes_before_what_could_not_be_read():
    proof = Proof()
    proof.missing.add(("node1", "after"))
    assert first_broken(report := proof.report(), report["traffic"], "node1")["check"] == "readings"
    proof.change = lambda read: read["nodes"]["node1"]["after"]["bridges"]["br0"].update(datapath_type="system")
    assert first_broken(report := proof.report(), report["traffic"], "node1")["check"] == "datapath-type"


def test_pod_that_fits_on_no_node_is_of_the_node_that_it_was_created_for():
    waiting = pod("testpmd-node1", "a", "node1")
    waiting["spec"] = {**waiting["spec"], "nodeName": None, "nodeSelector": {"kubernetes.io/hostname": "node1"}}
    assert [one["node"] for one in verify_plan([waiting])] == ["node1"]


def test_pod_without_ports_is_drawn_broken_by_its_own_check():
    """That nothing is proven of its node is what comes of it."""
    proof = Proof(nodes=2)
    proof.change = lambda read: read["pods"][0].update(phase="Pending", ports=[])
    report = proof.report()
    assert {"coverage", "pods"} <= set(failed(report))
    assert first_broken(report, [], "node1")["check"] == "pods"
    assert "testpmd-node1 does not run" in failed(report)["coverage"]["detail"]
    proof = Proof(nodes=2, pods=[])
    assert first_broken(report := proof.report(), [], "node1")["check"] == "coverage"


def test_log_of_an_earlier_start_explains_nothing():
    later = recorded("vswitchd-mempool.log") + "2026-11-24T01:00:00.000Z|00001|vlog|INFO|opened log file /var/log/x\n"
    assert causes.of_log(recorded("vswitchd-mempool.log"))
    assert causes.of_log(later) == []


def test_pages_that_a_running_dpdk_can_do_without_explain_nothing():
    warning = "2026-11-24T01:00:00.000Z|00009|dpdk|WARN|EAL: No free 1048576 kB hugepages reported on node 0\n"
    proof = own_packets_lost_and_three_broadcasts()
    proof.change = lambda read: read["nodes"]["node1"].update(log=warning)
    assert "DPDK in OVS did not start" not in failed(proof.report())["delivery"]["detail"]

    def without_dpdk(read):
        read["nodes"]["node1"].update(log=warning)
        read["nodes"]["node1"]["after"]["dpdk_initialized"] = False

    proof.change = without_dpdk
    assert "DPDK in OVS did not start (log: dpdk|WARN|EAL: No free" in failed(proof.report())["dpdk-initialized"]["detail"]


# --- files beside the page


def test_junit_counts_the_checks():
    suite = ElementTree.fromstring(verify_junit(Proof().report()))
    assert (suite.get("tests"), suite.get("failures")) == (str(sum(check["profile"] is None for check in CHECKS)), "0")
    report = three_nodes_and_one_pod().report()
    report["checks"][0]["detail"] += "\x1b[31m"
    suite = ElementTree.fromstring(verify_junit(report))
    assert suite.get("failures") == "1"
    assert suite.find("testcase[@name='coverage']/failure") is not None


# --- check mode


@pytest.mark.parametrize("core", [".venv", ".venv-newest"])
def test_check_mode_sends_nothing_and_says_so(tmp_path, core):
    # Neither a cluster nor a switch is there: whoever looked for one would fail.
    inventory = {
        "all": {
            "vars": {"ansible_connection": "local"},
            "children": {"cluster": {"hosts": {"c": {}}}, "nodes": {"hosts": {"n": {}}}},
        }
    }
    (tmp_path / "hosts.yml").write_text(json.dumps(inventory))
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "report.json").write_text("the last one")
    done = subprocess.run(
        [str(ROOT / core / "bin" / "ansible-playbook"), "--check", "-i", str(tmp_path / "hosts.yml"), str(ROOT / "playbooks" / "verify.yml")],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Check mode sends no packets" in done.stdout
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["report.json"]
    assert (tmp_path / "reports" / "report.json").read_text() == "the last one"


@pytest.mark.parametrize(("group", "words"), [("cluster", "cluster has 0 hosts"), ("nodes", "group nodes 0")])
def test_inventory_without_a_group(tmp_path, group, words):
    children = {name: {"hosts": {} if name == group else {name: {}}} for name in ("cluster", "nodes")}
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"vars": {"ansible_connection": "local"}, "children": children}}))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "hosts.yml"), str(ROOT / "playbooks" / "verify.yml")],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert words in " ".join(done.stdout.split())


# --- the role against an API


def book(tmp_path: Path) -> list[str]:
    """The command that plays the role in a cluster with one node, which has no Open vSwitch."""
    variables = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    places = {"verify_report_dir": str(tmp_path / "reports"), "verify_ovs_database": f"unix:{tmp_path}/db.sock"}
    children = {"cluster": {"hosts": {"c": {}}}, "nodes": {"hosts": {"n": {"verify_ovs_rundir": str(tmp_path)}}}}
    inventory = {"all": {"vars": {**variables, **places, "verify_duration": 2}, "children": children}}
    (tmp_path / "hosts.yml").write_text(json.dumps(inventory))
    plays = [{"hosts": "nodes:cluster", "gather_facts": False, "tasks": [{"ansible.builtin.import_role": {"name": "kube_ovn.dpdk.verify"}}]}]
    (tmp_path / "play.yml").write_text(json.dumps(plays))
    return [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "play.yml")]


def play(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([*book(tmp_path), *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


LEASE = ("coordination.k8s.io/v1/leases", "default", "kube-ovn-dpdk-verify")


@pytest.fixture
def cluster(kubernetes):
    kubernetes.STORE.clear()
    kubernetes.STORE["v1/namespaces", "", "default"] = kubernetes.live({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}, None)
    return kubernetes


def one_message(done: subprocess.CompletedProcess, words: str, tmp_path: Path) -> None:
    """Refused with this message, once, before anything was started."""
    assert done.returncode != 0
    assert words in " ".join(done.stdout.split()), done.stdout
    assert done.stdout.count("fatal:") == 1
    assert not (tmp_path / "reports").exists()


def test_role_in_a_cluster_without_pods_reports_and_releases_the_lock(tmp_path, cluster):
    done = play(tmp_path)
    assert done.returncode != 0
    assert (tmp_path / "reports").exists(), done.stdout[-3000:]
    report = json.loads((tmp_path / "reports" / "report.json").read_text())
    assert {"coverage", "pods", "ovs"} <= set(failed(report)), done.stdout
    assert "nothing is proven of n" in failed(report)["coverage"]["detail"]
    assert "db.sock" in failed(report)["ovs"]["detail"]
    assert {path.name for path in (tmp_path / "reports").iterdir()} == {"report.json", "report.html", "junit.xml", "history.json"}
    assert LEASE not in cluster.STORE
    assert not [key for key in cluster.STORE if key[0] == "batch/v1/jobs"]


def held_by_somebody(cluster, seconds: int, since: float) -> dict:
    wanted = {"name": LEASE[2], "namespace": LEASE[1], "labels": {}, "holder": "somebody@elsewhere", "seconds": seconds}
    cluster.STORE[LEASE] = cluster.live(lease(None, wanted, since), None)
    return cluster.STORE[LEASE]


def test_second_run_is_refused_and_leaves_the_lock_to_its_holder(tmp_path, cluster):
    held = held_by_somebody(cluster, 600, time.time())
    one_message(play(tmp_path), "Another run of the traffic proof uses this cluster: somebody@elsewhere, since", tmp_path)
    assert cluster.STORE[LEASE] == held


@pytest.mark.one_core
def test_lock_of_a_run_that_died_is_taken_over(tmp_path, cluster):
    held_by_somebody(cluster, 60, time.time() - 3600)
    play(tmp_path)
    assert (tmp_path / "reports" / "report.json").exists()
    assert LEASE not in cluster.STORE


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ("verify_namespace=missing", "verify_namespace names missing, which is not a namespace of the cluster"),
        # Without a name the API lists all of them.
        ("verify_namespace=", "verify_namespace names nothing, which is not a namespace of the cluster"),
        ("verify_duration=1", "verify_duration is 1"),
        ("verify_between_pods=perhaps", "verify_between_pods"),
        ("verify_tolerance=many", "verify_tolerance"),
        ("verify_profile=thorough", "verify_profile"),
        ({"verify_profile": "full", "verify_full_sizes": [64, 9000]}, "verify_full_sizes has 9000. Cure: give whole numbers from 64 to 1518, or imix"),
        ({"verify_profile": "full", "verify_full_sizes": ["jumbo"]}, "verify_full_sizes has jumbo"),
        ({"verify_profile": "full", "verify_full_flows": [1000000]}, "verify_full_flows has 1000000"),
        ({"verify_profile": "full", "verify_full_seconds": 0}, "verify_full_seconds is 0"),
        ({"verify_profile": "full", "verify_full_queues": []}, "verify_full_queues is empty"),
    ],
)
@pytest.mark.one_core
def test_bad_input_is_one_message_before_anything_starts(tmp_path, cluster, variables, words):
    done = play(tmp_path, "-e", variables if isinstance(variables, str) else json.dumps(variables))
    assert done.returncode != 0
    assert words in " ".join(done.stdout.split()), done.stdout
    assert not (tmp_path / "reports").exists()
    assert LEASE not in cluster.STORE


@pytest.mark.one_core
def test_profile_full_plays_its_parts_and_gives_each_run_what_its_testpmd_wrote(tmp_path, cluster, monkeypatch):
    made = pod("testpmd-n", "a", "n")
    made["metadata"].update(uid="u", labels={"app.kubernetes.io/part-of": "kube-ovn-dpdk", "app.kubernetes.io/name": "testpmd"})
    cluster.STORE["v1/pods", "default", "testpmd-n"] = cluster.live({"apiVersion": "v1", "kind": "Pod", **made}, None)
    calls: list[list[str]] = []

    def executed(_pod: str, command: list[str]) -> list[tuple[int, bytes]]:
        # One call with its words, or several as the text of a shell.
        text = command[2] if len(command) == 4 else " ".join(command[3:])
        calls.append(re.findall(r"traffic (\w+)", text))
        number = sum(words.count("end") for words in calls)
        wrote = f"EAL: RTE Version: 'DPDK 1.{number}'\ntestpmd ended with status 0\n" if "end" in calls[-1] else ""
        return [(1, wrote.encode()), (3, b'{"status": "Success"}')]

    monkeypatch.setattr(cluster, "executed", executed)
    of_pod = {"pods": verify_plan([made]), "commands": {"default/testpmd-n": ["testpmd"]}, "lines": ["start"], "seconds": 1, "points": []}
    parts = [{**of_pod, "name": f"part {number}", "progress": [f"this is part {number}"], "first": number != 2} for number in (1, 2, 3)]
    pods = [{**one, "host": "n", "cpus": [0, 1]} for one in of_pod["pods"]]
    runs = [{"queues": 1, "ring": 256, **of_pod, "pods": pods, "parts": listed} for listed in (parts[:2], parts[2:])]
    planned = {"runs": runs, "parts": parts, "left_out": ["something"], "points": 0, "seconds": 3, "text": "no point"}
    done = play(tmp_path, "-e", json.dumps({"verify_profile": "full", "__verify_full_planned": planned}))
    assert re.findall(r"this is part (\d)", done.stdout) == ["1", "2", "3"], done.stdout
    quick = [["probe"], ["begin"], ["play", "await"], ["await"], ["end"]]
    assert calls == [*quick, ["end", "begin"], ["play"], ["play"], ["end", "begin"], ["play"], ["end"]]
    report = json.loads((tmp_path / "reports" / "report.json").read_text())
    assert [one["testpmd"] for one in report["full"]["series"]] == ["DPDK 1.3", "DPDK 1.4"]
    assert "ovs" in failed(report) and "Packets do not provably pass" in done.stdout
    assert LEASE not in cluster.STORE


@pytest.mark.parametrize(
    ("groups", "given", "words"),
    [
        ({"cluster": ["c"], "nodes": ["n"]}, {}, None),
        ({"cluster": ["c"], "nodes": ["n"]}, {"namespaces": [{"metadata": {"name": "pods"}}]}, None),
        ({"cluster": ["c"], "nodes": ["n"]}, {"namespaces": []}, "verify_namespace names pods"),
        ({"nodes": ["n"]}, {}, "Group cluster has 0 hosts, group nodes 1"),
        ({"cluster": ["c"]}, {}, "Group cluster has 1 hosts, group nodes 0"),
        ({"cluster": ["c", "d"], "nodes": ["n"]}, {}, "Group cluster has 2 hosts"),
        ({"cluster": ["elsewhere"], "nodes": ["n"]}, {}, "all in one play"),
        ({"cluster": ["c"], "nodes": ["n", "m"]}, {"forks": 1}, None),
        ({"cluster": ["c"], "nodes": ["n", "m"]}, {"forks": 2, "profile": "full"}, None),
        ({"cluster": ["c"], "nodes": ["n", "m"]}, {"forks": 1, "profile": "full"}, "give --forks 2"),
    ],
)
def test_what_keeps_the_proof_from_a_play(groups, given, words):
    asked = {"profile": "quick", "forks": 5, "namespace": "pods", **given}
    found = verify_errors(["of the settings"], groups, ["c", "d", "n", "m"], **asked)
    assert found[0] == "of the settings"
    assert len(found) == (1 if words is None else 2) and (words or "") in found[-1]


def test_a_play_without_the_cluster_says_so_though_a_node_has_failed(tmp_path):
    """The first host of the play speaks for all, unless it has failed."""
    python = {"n1": "/nonexistent", "n2": sys.executable}
    hosts = {name: {"ansible_connection": "local", "ansible_python_interpreter": path} for name, path in python.items()}
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"children": {"nodes": {"hosts": hosts}}}}))
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "roles": ["kube_ovn.dpdk.verify"]}]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "inventory.json"), str(tmp_path / "play.yml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert "Group cluster has 0 hosts, group nodes 2." in " ".join(done.stdout.split()), done.stdout


# --- the script that runs in the pod

FAKE = """#!/bin/sh
# Answers as testpmd does: a prompt, then each command echoed.
trap 'exit 0' TERM
printf 'EAL: started\\ntestpmd> '
while read -r line; do
    printf '%s\\n' "$line"
    [ "$line" != quit ] || { echo 'Bye...'; exit 0; }
    case $line in show*) echo '  ######################## NIC statistics for port 0  ########################' ;; esac
    printf 'did: %s\\ntestpmd> ' "$line"
done
"""


def script(*arguments: str) -> str:
    done = subprocess.run(
        ["sh", str(SCRIPT), *arguments],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return done.stdout


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "testpmd"
    path.write_text(FAKE)
    path.chmod(0o755)
    return path


def test_script_awaits_what_is_played_and_its_notes(fake, tmp_path):
    room = str(tmp_path / "room")
    script("begin", room, "60", str(fake))
    started = time.monotonic()
    # A line =N waits until N seconds after the first, whatever the lines before it took; one that is late waits for nothing.
    script("play", room, "first", "@1", "=2", "#load", "second", "@2", "=1", "third")
    script("await", room, "30", "load")
    begun = time.monotonic() - started
    assert 1 <= begun < 3.9, "the load begins after two seconds"
    script("await", room, "30")
    assert 3 <= time.monotonic() - started < 8
    started = time.monotonic()
    script("await", room, "30")
    assert time.monotonic() - started < 1, "nothing plays"
    script("play", room, "@20")
    started = time.monotonic()
    script("await", room, "1", "never")
    assert time.monotonic() - started < 5, "no longer than it was told to"
    output = script("end", room)
    assert [line.removeprefix("did: ") for line in output.splitlines() if line.startswith("did: ")] == ["first", "second", "third"]
    assert len([line for line in output.splitlines() if line.startswith("#load ")]) == 1


def run_calls(pods: list[dict], *arguments, **more) -> dict[str, str]:
    """What the commands print, by pod, each run here as it would be in its pod."""
    calls = verify_calls(pods, SCRIPT.read_text(), *arguments, **more)
    return {
        call["pod"]: subprocess.run(call["command"], capture_output=True, text=True, timeout=90, check=True, stdin=subprocess.DEVNULL).stdout for call in calls
    }


def test_two_calls_of_the_script_are_one_command(fake, tmp_path):
    room, pods = str(tmp_path / "a room"), [{"namespace": "default", "name": name, "container": "c"} for name in ("one", "two")]
    of_one = {"default/one": [str(fake), "--word", "two words; $HOME"]}
    ended = {"first": ["end", room]}
    # A pod that is not named runs the first alone.
    assert list(run_calls(pods, ["begin", room, "60"], of_one, **ended)) == ["one", "two"]
    script("begin", room, "60", str(fake))
    started = time.monotonic()
    found = run_calls(pods, ["play", room], {"default/one": ["the first line", "@1", "#load", "@9", "later"]}, then=["await", room, 30, "load"])
    assert found == {"one": ""} and 1 <= time.monotonic() - started < 8, "it returns when the load begins"
    # What the run before has written, and testpmd of the next run.
    (written,) = run_calls(pods[:1], ["begin", room, "60"], of_one, **ended).values()
    assert "did: the first line" in written and "ended with status 0" in written and "later" not in written
    assert "testpmd> " in script("output", room)
    (command,) = verify_calls(pods[:1], "exit 0", ["begin", 5], of_one, **ended)
    assert command["command"][-1] == "exit 0" and "'two words; $HOME'" in command["command"][2]
    script("end", room)


@pytest.mark.one_core
def test_script_waits_for_statistics_that_are_late(fake, tmp_path):
    """Readings that a busy machine shows late are still as far apart as they were asked for."""
    slow = fake.with_name("slow")
    slow.write_text(FAKE.replace("in show*) ", "in show*) sleep 2; date +at:%s; "))
    slow.chmod(0o755)
    room = str(tmp_path / "room")
    script("begin", room, "60", str(slow))
    script("play", room, "show port stats all", "@2", "show port stats all", "@2", "show port stats all")
    script("await", room, "40")
    times = [int(line.removeprefix("at:")) for line in script("end", room).splitlines() if line.startswith("at:")]
    assert len(times) == 3 and all(later - earlier >= 3 for earlier, later in zip(times, times[1:], strict=False)), times


def test_script_keeps_testpmd_under_control(fake, tmp_path):
    room = str(tmp_path / "room")
    started = time.monotonic()
    script("begin", room, "60", str(fake))
    script("play", room, "start tx_first", "@1", "show port stats all", "stop")
    # Neither waits for what it started: the pods forward at the same time.
    assert time.monotonic() - started < 20
    time.sleep(4)
    assert "did: show port stats all" in script("output", room)
    output = script("end", room)
    commands = [line.removeprefix("did: ") for line in output.splitlines() if line.startswith("did: ")]
    assert commands == ["start tx_first", "show port stats all", "stop"]
    assert output.splitlines()[-1] == "testpmd ended with status 0"
    assert not os.path.exists(room), "nothing is left behind"


def test_script_removes_a_socket_that_a_killed_server_has_left_and_no_other(fake, tmp_path):
    left, held, other = (str(tmp_path / name) for name in ("left", "held", "other"))
    sockets = [socket.socket(socket.AF_UNIX) for _path in (left, held, other)]
    for bound, path in zip(sockets, (left, held, other), strict=True):
        bound.bind(path)
    sockets[0].close()
    sockets[2].close()
    devices = [
        f"--vdev=net_virtio_user0,path={left},mac=02:00:00:00:00:01,server=1",
        f"--vdev=net_virtio_user1,path={held},server=1",
    ]
    # Of this one testpmd is the client, which can do nothing without it.
    devices.append(f"--vdev=net_virtio_user2,path={other},mac=02:00:00:00:00:03")
    room = str(tmp_path / "room")
    script("begin", room, "60", str(fake), *devices)
    script("end", room)
    assert [os.path.exists(path) for path in (left, held, other)] == [False, True, True]
    sockets[1].close()


def test_script_tells_when_testpmd_does_not_start(tmp_path):
    room = str(tmp_path / "room")
    script("begin", room, "60", "sh", "-c", "echo no hugepages; exit 7")
    assert [line for line in script("end", room).splitlines() if line] == [
        "no hugepages",
        "testpmd ended with status 7",
    ]


def running(path: Path) -> bool:
    return subprocess.run(["pgrep", "-f", str(path)], capture_output=True, check=False).returncode == 0


def until(true, seconds: float = 30) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.2)
    return true()


def test_script_ends_testpmd_when_the_controller_falls_silent_and_leaves_nothing(fake, tmp_path):
    room = str(tmp_path / "room")
    script("begin", room, "1", str(fake))
    assert running(fake)
    # After the start there is time for the other pods; from the next call on it is what was played and one second more.
    script("play", room, "@1", "stop")
    assert until(lambda: not running(fake) and not os.path.exists(room))


def test_script_ends_the_testpmd_of_a_run_that_was_interrupted(tmp_path):
    path = tmp_path / "kube-ovn-dpdk-verify-testpmd"
    path.write_text(FAKE)
    path.chmod(0o755)
    room = str(tmp_path / "room")
    script("begin", room, "60", str(path))
    first = (tmp_path / "room" / "pid").read_text()
    script("begin", room, "60", str(path))
    assert (tmp_path / "room" / "pid").read_text() != first
    assert until(lambda: not os.path.exists(f"/proc/{first.strip()}"))
    script("end", room)


def test_script_prints_a_burst_of_packets_as_one_line(tmp_path):
    path = tmp_path / "testpmd"
    line = "  src=02:00:00:00:00:01 - dst=02:00:00:00:00:02 - pool=mb_pool_0 - type=0x0800 - length=64"
    path.write_text(FAKE.replace("did: %s", f"{line}\\n  ol_flags: NONE\\n{line}\\n  ol_flags: NONE\\ndid: %s"))
    path.chmod(0o755)
    room = str(tmp_path / "room")
    script("begin", room, "60", str(path))
    script("play", room, "stop")
    assert until(lambda: "did: stop" in script("output", room))
    printed = [line for line in script("end", room).splitlines() if "src=" in line]
    assert printed == ["      2   src=02:00:00:00:00:01 - dst=02:00:00:00:00:02"]


def test_probe(tmp_path):
    lines = script("probe", "/nonexistent", str(tmp_path)).splitlines()
    assert lines[0].startswith("cpus ")
    assert not any(line.startswith("socket ") for line in lines)


def test_summary_has_a_line_for_each_port_and_for_each_check_that_failed():
    row = {"pod": "default/a", "port": "net1", "rx_packets": 9, "rx_pps": 3, "tx_packets": 8, "tx_pps": 2, "dropped": 1, "ovs": None}
    counted = {**row, "port": "net2", "ovs": {"rx_packets": 8, "tx_packets": 9}}
    checks = [{"id": "bridges", "ok": True, "detail": "x"}, {"id": "traffic", "ok": False, "detail": "none", "cure": "look"}]
    found = {"result": "fail", "traffic": [row, counted], "stand_ins": ["Userspace CNI"], "checks": checks}
    assert summary(found, "/r", 3, {"parts": [], "text": "nothing to measure", "left_out": ["b: no CPU"]}) == [
        "fail: 2 ports, 3 s; /r/report.html",
        "default/a net1: received 9 (3/s), sent 8 (2/s), dropped 1",
        "default/a net2: received 9 (3/s), sent 8 (2/s), dropped 1; OVS received 8, sent 9",
        "stand-in: Userspace CNI",
        "Profile full: nothing to measure; left out: b: no CPU",
        "Packets do not provably pass. The report is /r/report.html.",
        "traffic: none → look",
    ]
    assert summary({**found, "result": "pass", "stand_ins": []}, "/r", 3, {}) == [
        "pass: 2 ports, 3 s; /r/report.html",
        "default/a net1: received 9 (3/s), sent 8 (2/s), dropped 1",
        "default/a net2: received 9 (3/s), sent 8 (2/s), dropped 1; OVS received 8, sent 9",
    ]
