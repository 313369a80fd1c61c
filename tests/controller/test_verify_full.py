# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profile full of the traffic proof: plan, figures and checks, over what testpmd 24.11 and Open vSwitch 3.5 wrote (data/verify/full)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_page import verify_page
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_plan import verify_plan
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import full, full_read
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.engine import CHECKS
from proof import Proof, failed, pod

DATA = Path(__file__).parent / "data" / "verify" / "full"
SETTINGS = {
    "sizes": [64, 256, 512, 1024, 1518, "imix"], "flows": [1, 1000, 10000], "in_flight": [32, 128, 512, 2048], "queues": [1, 2], "seconds": 2,
    "cores": [], "mbufs": 4096, "extra_arguments": [],
}  # fmt: skip


# --- figures


def recorded(change: Callable[[dict], None] | None = None) -> list[dict]:
    read = json.loads((DATA / "loop.json").read_text())
    if change:
        change(read)
    return full_read.series(read["plan"], read["outputs"], read["samples"])


def proof(change: Callable[[dict], None] | None = None, **more: object) -> dict:
    """The report of a run in which all else is well, with the recorded loop on its node."""
    series = [{**one, "node": "node1", "pod": "default/testpmd-node1"} for one in recorded(change)]
    run = Proof()
    run.change = lambda read: read.update(full={"series": series, **more})
    return run.report(profile="full")


def test_figures_of_the_recorded_loop():
    one, many = recorded()
    assert [one["testpmd"], one["ended"], one["cores"], one["ring"]] == ["DPDK 24.11.8", 0, [0], 8192]
    figures = [(point["size"], point["flows"], point["in_flight"], point["put"], point["counted"], point["pps"], point["ok"]) for point in one["points"]]
    assert figures == [
        (64, 1, 32, 64, 64, 561328, True), (64, 1, 512, 1024, 1024, 534470, True), (64, 1, 5000, 10000, 10000, 1025411, True),
        (1518, 1, 32, 64, 64, 224194, True), (1518, 1, 512, 1024, 1024, 317076, True), (1518, 1, 5000, 10000, 10000, 375388, True),
        ("imix", 1, 32, 64, 64, 345715, True), ("imix", 1, 512, 1024, 1024, 345055, True), ("imix", 1, 5000, 10000, 10000, 714490, True),
    ]  # fmt: skip
    assert [(point["flows"], point["put"], point["counted"], point["ok"]) for point in many["points"]] == [(1000, 1000, 1000, True)]


def test_round_trip_is_the_packets_in_flight_divided_by_the_rate():
    for one in recorded():
        for point in one["points"]:
            assert point["round_trip_us"] == pytest.approx(point["put"] / point["pps"] * 1e6, rel=0.001)


def test_load_of_the_pmd_threads_is_that_of_the_window_of_the_point():
    one, many = recorded()
    assert [point["cycles_per_packet"] for point in one["points"][:2]] == [457, 452]
    assert all(point["pmd_cores"] == [1] and 0.9 < point["busy"] <= 1 for point in one["points"])
    # One flow is always in the exact-match cache; of many some are not.
    assert one["points"][0]["emc_hits"] == 1.0
    assert many["points"][0]["emc_hits"] < 1


def test_report_has_every_figure_with_what_it_says_little_without():
    report = proof()
    assert report["result"] == "pass"
    assert report["profile"] == "full"
    assert report["versions"] is not None
    for one in report["full"]["series"]:
        assert {"pod", "node", "ports", "queues", "ring", "cores", "command", "testpmd"} <= set(one)
        for point in one["points"]:
            assert {"size", "flows", "queues", "in_flight", "pmd_cores", "pps", "round_trip_us", "busy", "cycles_per_packet", "put", "counted"} <= set(point)


def test_profile_quick_knows_nothing_of_it():
    report = Proof().report()
    assert "full" not in report
    assert not [check["id"] for check in report["checks"] if check["id"].startswith("full-")]
    assert "Throughput and latency" not in verify_page(report)


# --- checks


def drained(number: int, difference: int) -> Callable[[dict], None]:
    """As if this many packets more or less had been taken out after the n-th point of the first run, at port 0."""

    def change(read: dict) -> None:
        text = read["outputs"][0]["default/bare"]
        parts = re.split(r"(?=Set rxonly packet forwarding mode)", text)
        # The first of them is testpmd's start.
        part = parts[number + 2]
        block = re.search(r"Forward statistics for port 0 .*?RX-packets: (\d+)", part, re.DOTALL)
        count = int(block[1])
        assert count > 0
        new = block[0][: -len(block[1])] + str(count + difference)
        parts[number + 2] = part.replace(block[0], new, 1)
        read["outputs"][0]["default/bare"] = "".join(parts)

    return change


def test_packet_that_was_lost_fails_the_point_and_is_marked():
    report = proof(drained(1, -2))
    assert set(failed(report)) == {"full-loss"}
    detail = failed(report)["full-loss"]["detail"]
    assert "node1: 1 of 9 points lost packets, the most 2 of 1,024 (64 bytes, 1 flow, 1 queue, 512 in flight)" in detail
    assert [point["ok"] for point in report["full"]["series"][0]["points"]].count(False) == 1
    page = verify_page(report)
    assert "✗ 2 lost" in page
    assert "✗ first broken here: full-loss" in page


def test_a_single_foreign_packet_is_named_and_many_fail():
    few = proof(drained(1, 1))
    assert few["result"] == "pass"
    assert "1 foreign packet joined" in next(check["detail"] for check in few["checks"] if check["id"] == "full-foreign")
    many = proof(drained(1, 30))
    assert set(failed(many)) == {"full-foreign"}
    assert "1 of 9 points: 64 bytes, 1 flow, 1 queue, 512 in flight" in failed(many)["full-foreign"]["detail"]


def cut(read: dict) -> None:
    text = read["outputs"][0]["default/bare"]
    read["outputs"][0]["default/bare"] = text[: text.index("set txpkts 1514")] + "\ntestpmd ended with status 137\n"


def test_testpmd_that_ended_in_the_middle():
    report = proof(cut)
    assert {"full-load"} <= set(failed(report))
    assert "6 of 9 points have no rate" in failed(report)["full-load"]["detail"]
    assert "testpmd ended with status 137" in failed(report)["full-load"]["detail"]
    assert "not measured" in verify_page(report)


def refused(read: dict) -> None:
    lines = ("No free 1048576 kB hugepages reported on node 0", "unsupported cpu type", "Cannot set affinity")
    read["outputs"][0]["default/bare"] = "".join(f"EAL: {line}\n" for line in lines) + "\ntestpmd ended with status 1\n"


def test_every_cause_is_shown_and_a_warning_is_not():
    detail = failed(proof(refused))["full-load"]["detail"]
    assert "dpdk_app_dpdk_machine" in detail
    assert "verify_testpmd_cores" in detail
    assert "dpdk_app_hugepages" not in detail


def silent(read: dict) -> None:
    text = read["outputs"][0]["default/bare"]
    read["outputs"][0]["default/bare"] = re.sub(r"Rx-pps: +\d+", "Rx-pps: 0", text)


def test_loop_that_came_to_a_halt():
    report = proof(silent)
    assert "full-load" in failed(report)
    assert "9 of 9 points have no rate" in failed(report)["full-load"]["detail"]


def test_pmd_threads_that_were_not_read():
    report = proof(lambda read: read["samples"].clear(), failures={"node1": "no ovs-vswitchd answers"})
    assert set(failed(report)) == {"full-cycles"}
    assert "not read during 9 of 9 points (no ovs-vswitchd answers)" in failed(report)["full-cycles"]["detail"]


def test_node_on_which_nothing_was_measured():
    run = Proof()
    run.change = lambda read: read.update(full={"series": [], "left_out": ["default/a has 1 vhost-user port, and the loop needs two"]})
    report = run.report(profile="full")
    assert set(failed(report)) == {"full-load", "full-loss"}
    assert "nothing was measured on node1: default/a has 1 vhost-user port" in failed(report)["full-load"]["detail"]
    assert "Nothing was measured" in verify_page(report)


def test_every_check_of_the_profile_has_a_case():
    ids = {check["id"] for check in CHECKS if check["profile"] == "full"}
    assert ids == {"full-load", "full-loss", "full-foreign", "full-cycles"}
    assert ids <= {check["id"] for check in proof()["checks"]}


# --- plan


def planned(threads: int = 1, cpus: str = "0-3", memory: int = 512, ports: int = 2, bridges: tuple[str, ...] = ("br0", "br0"), **settings: object) -> dict:
    pods = verify_plan([pod("a", "a", "n1", ports)], memory=memory)
    probe = f"cpus {cpus}\ntestpmd dpdk-testpmd\n"
    interfaces = {port["interface"]: {"bridge": bridge} for port, bridge in zip(pods[0]["ports"], bridges, strict=False)}
    nodes = {"node1": {"interfaces": interfaces, "other_config": {"pmd-cpu-mask": "0x2"}}}
    return full.plan_full(pods, {"default/a": probe}, nodes, {"node1": threads}, {**SETTINGS, **settings})


def test_every_size_with_every_number_of_flows_is_planned():
    plan = planned()
    listed = [point for run in plan["runs"] for part in run["parts"] for point in part["points"]]
    assert {(point["size"], point["flows"]) for point in listed} == {(size, flows) for size in SETTINGS["sizes"] for flows in SETTINGS["flows"]}
    # What many flows cost is seen against one with as many packets in flight.
    assert {point["in_flight"] for point in listed if point["flows"] == 1} == {32, 128, 512, 2048, 5000}
    assert plan["text"] == f"{len(listed)} points on 1 node, about {-(-plan['seconds'] // 60)} minutes"
    assert plan["seconds"] < 600
    assert [part["first"] for part in plan["parts"]] == [True, *[False] * 5, True, *[False] * 5]
    assert all("about" in part["name"] and "left" in part["name"] for part in plan["parts"])
    first, *others = plan["parts"]
    assert first["progress"] == ["Profile full: " + "; left out: ".join([plan["text"], *plan["left_out"]]), first["name"]]
    assert all(part["progress"] == [part["name"]] for part in others)


@pytest.mark.parametrize(("threads", "cpus", "queues"), [(1, "0-3", [1]), (2, "0-3", [1, 2]), (2, "0", [1])])
def test_two_queues_where_two_pmd_threads_and_two_cpus_are(threads, cpus, queues):
    plan = planned(threads, cpus)
    assert sorted({run["queues"] for run in plan["runs"]}) == queues
    assert any("2 queues" in line for line in plan["left_out"]) == (queues == [1])


def emulate(lines: list[str], queues: int, variations: int) -> tuple[dict[int, set], dict[int, int]]:
    """Flows and packets that each of two ports sends, as app/test-pmd does it: a counter for each lcore (txonly.c), streams by queue, then port (config.c)."""
    counters: dict[int, int] = {}
    flows: dict[int, set] = {0: set(), 1: set()}
    packets = {0: 0, 1: 0}
    burst, lcores = 32, [1]
    for line in lines:
        words = line.split()
        if line.startswith("set burst"):
            burst = int(words[2])
        elif line.startswith("set corelist"):
            lcores = [int(word) for word in words[2].split(",")]
        elif line.startswith("start tx_first"):
            streams = [(port, queue) for queue in range(queues) for port in (0, 1)]
            each = len(streams) // len(lcores)
            for _round in range(int(words[2])):
                for index, (port, _queue) in enumerate(streams):
                    lcore = lcores[index // each]
                    for _packet in range(burst):
                        flows[port].add((lcore, counters.get(lcore, 0) % variations))
                        counters[lcore] = counters.get(lcore, 0) + 1
                        packets[port] += 1
    return flows, packets


@pytest.mark.parametrize("variations", [64, 256])
@pytest.mark.parametrize("queues", [1, 2])
@pytest.mark.parametrize("size", [64, "imix"])
@pytest.mark.parametrize("flows", [1000, 10000])
def test_as_many_flows_circulate_as_are_stated(flows, size, queues, variations):
    (point,) = full.points({**SETTINGS, "sizes": [size], "flows": [flows]}, queues, True)
    lines = full.inject(point, True)
    sent, packets = emulate(lines, queues, variations)
    assert sum(len(found) for found in sent.values()) == flows
    assert packets == {0: flows // 2, 1: flows // 2}
    run = next(one for one in planned(2, flows=[flows], queues=[queues])["runs"] if one["many"])
    used = {int(word) for line in lines if line.startswith("set corelist") for word in line.split()[2].split(",")}
    assert max(used) <= run["lcores"] < 127, "DPDK is built for 128 lcores, and one is the main one"


@pytest.mark.parametrize("queues", [1, 2])
@pytest.mark.parametrize("size", [64, 1518, "imix"])
@pytest.mark.parametrize("count", [32, 100, 512, 5000])
def test_as_many_packets_are_put_into_circulation_as_are_stated(count, size, queues):
    lines = full.inject({"size": size, "queues": queues, "in_flight": count, "flows": 1}, False)
    assert emulate([f"set corelist {full.corelist(1, queues)}", *lines], queues, 64)[1] == {0: count, 1: count}


def test_imix_is_seven_four_and_one():
    parts = full.shares("imix", 1200, 1)
    assert parts == [(64, 700), (594, 400), (1518, 100)]
    assert full.average_size("imix") == pytest.approx((64 * 7 + 594 * 4 + 1518) / 12)


def test_commands_have_the_rings_the_queues_and_lcores_on_the_cpus_of_testpmd():
    plan = planned(2)
    by_name = {run["name"]: run["commands"]["default/a"] for run in plan["runs"]}
    one, two = by_name["1 queue, 1 flow"], by_name["2 queues, many flows"]
    # CPU 1 is the PMD thread's; the last ones forward.
    assert one[one.index("--lcores") + 1] == "0@0,(1)@3"
    assert two[two.index("--lcores") + 1].startswith("0@0,(1,3,5,")
    assert {"--rxd=8192", "--txd=8192", "--rxq=1", "--nb-cores=1"} <= set(one)
    assert {"--rxq=2", "--txq=2", "--nb-cores=2", "--txonly-multi-flow"} <= set(two)
    assert any(word.endswith(",queue_size=8192,queues=2") for word in two)
    assert "--txonly-multi-flow" not in one
    # The two ports send to each other, whatever the ports of profile quick send to.
    peers = [word for word in one if word.startswith("--eth-peer=")]
    macs = [word.partition("mac=")[2].partition(",")[0] for word in one if word.startswith("--vdev=")]
    assert peers == [f"--eth-peer=0,{macs[1]}", f"--eth-peer=1,{macs[0]}"]


@pytest.mark.parametrize(("memory", "ring"), [(512, 8192), (128, 4096), (64, 1024), (16, 256)])
def test_rings_fit_into_the_memory_and_what_does_not_is_named(memory, ring):
    plan = planned(memory=memory)
    for run in plan["runs"]:
        assert run["ring"] == ring
        assert all(point["in_flight"] <= ring * 0.75 for part in run["parts"] for point in part["points"])
    assert any("MiB of hugepages" in line for line in plan["left_out"]) == (ring < 8192)


@pytest.mark.parametrize(
    ("ports", "bridges", "words"),
    [(1, ("br0",), "default/a has 1 vhost-user port, and the loop needs two"), (2, ("br0", "br1"), "default/a has no two ports on one bridge")],
)
def test_pod_without_a_loop_is_named(ports, bridges, words):
    plan = planned(ports=ports, bridges=bridges)
    assert plan["runs"] == plan["parts"] == []
    assert plan["left_out"] == [words]


def test_three_ports_of_which_two_are_on_one_bridge():
    plan = planned(ports=3, bridges=("br1", "br0", "br0"))
    assert {tuple(port["name"] for port in pod["ports"]) for run in plan["runs"] for pod in run["pods"]} == {("net2", "net3")}


def test_nothing_is_planned_where_packets_do_not_pass():
    plan = full.plan_full([], {}, {}, {}, SETTINGS)
    assert plan["parts"] == []
    assert plan["left_out"] == ["the other checks found that packets do not pass"]
