# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What one pod writes, and what was not read, decides nothing about the others: no verdict, no report and no run depends on it."""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.filter._setting_errors import setting_errors
from ansible_collections.kube_ovn.dpdk.plugins.filter._verify_commands import verify_commands
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_junit import verify_junit
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_page import verify_page
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_plan import verify_plan
from ansible_collections.kube_ovn.dpdk.plugins.filter.testpmd_stats import testpmd_stats as stats
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._k8s_lock import lease
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._k8s_lock import moment as time_of
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._kube_ovn_values import ignored_settings
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import full, full_read, gather, page, parse, run
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import parse_probe, timeline
from proof import MARKED, TOTAL, Neighbour, Proof, failed, pod
from test_k8s_objects import call
from test_verify import FAKE, LEASE, OWN_DEFINITIONS, SCRIPT, book, own_pod, own_switch, play, script, until

ROOT = Path(__file__).resolve().parents[2]
NOTE = "userspace/configuration-data"
NESTED = "[" * 100_000
MAC = r"[0-9a-f]{2}(:[0-9a-f]{2}){5}"


# --- what a pod's annotations say


def noted(name: str, container: str = "a" * 64) -> str:
    return json.dumps([{"containerId": container, "ifName": name, "config": {"vhost": {"mode": "client"}}}])


@pytest.mark.parametrize(
    "text",
    [NESTED, noted("net\ud800"), noted("net1\n"), noted("\x1b[2J"), noted("net1,path=/x"), noted("../x"), noted("n" * 16), noted("net1", "a" * 3)],
    ids=["nested", "surrogate", "line break", "escape sequence", "comma", "directory", "too long", "short container"],
)
def test_note_that_is_no_interface_is_a_finding_of_its_pod(text):
    good, bad = pod("good", "a", "n1"), pod("bad", "b", "n2", **{NOTE: text})
    one, other = verify_plan([good, bad])
    found = {each["name"]: each for each in (one, other)}
    assert "cannot be read" in found["bad"]["problem"] and found["bad"]["ports"] == []
    assert len(found["good"]["ports"]) == 2
    json.dumps(found, ensure_ascii=False).encode("utf-8")


@pytest.mark.parametrize("name", ["../sock", "a,b", "a\nb", "\ud800"])
def test_socket_file_that_is_no_file_name_is_a_finding_of_its_pod(name):
    text = json.dumps([{"containerId": "a" * 64, "ifName": "net1", "config": {"vhost": {"mode": "client", "socketfile": name}}}])
    (one,) = verify_plan([pod("bad", "b", "n2", **{NOTE: text})])
    assert [port["file"] for port in one["ports"]] in ([], ["sock"])


def test_note_of_any_pod_in_the_cluster_does_not_end_the_run():
    other = pod("other", "b", "n1", **{NOTE: NESTED})
    other["metadata"]["uid"] = "u"
    assert gather.living([other])["uids"] == {"u": None}


@pytest.mark.parametrize(
    "text",
    [NESTED, '[{"name": "ovs-dpdk-br0", "interface": 5}]', '[{"name": "ovs-dpdk-br0", "interface": "²"}]', "ovs-dpdk-br0@" + "9" * 5000],
    ids=["nested", "number", "digit of another kind", "too long"],
)
def test_networks_that_cannot_be_read_do_not_end_the_run(text):
    found = verify_plan([pod("bad", "b", "n2", **{"k8s.v1.cni.cncf.io/networks": text})], definitions=OWN_DEFINITIONS)
    assert len(found) == 1
    own = own_pod("a", "n1", 1)
    own["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"] = text.replace("ovs-dpdk-br0", "ovn-dpdk-1")
    assert len(verify_plan([own], nodes={"host1": own_switch("a")}, definitions=OWN_DEFINITIONS)) == 1


# --- what anybody may write into an attachment of a namespace


KEYS = (
    "type", "plugins", "provider", "vhost_user_socket_volume_name", "vhost_user_socket_name", "vhost_user_socket_consumption", "name", "interface", "config",
)  # fmt: skip
VALUES = (None, True, 0, 10**400, float("inf"), "", "kube-ovn", "userspace", "kubevirt", "fast.default.ovn", "\u0000", "\ud800", "a,b", "x" * 300, [], {})


def hostile(random: Random, depth: int = 0) -> object:
    kind = random.random()
    if depth > 3 or kind < 0.5:
        return random.choice(VALUES)
    if kind < 0.65:
        return [hostile(random, depth + 1) for _item in range(random.randint(0, 3))]
    return {random.choice(KEYS): hostile(random, depth + 1) for _item in range(random.randint(0, 5))}


def hostile_text(random: Random) -> str:
    kind = random.random()
    if kind < 0.02:
        return random.choice([NESTED, '{"plugins":' * 3000 + "1" + "}" * 3000])
    if kind < 0.06:
        return random.choice(["", "[", "{}", "[]", "null", "1", "a@b@c,,/", "ns/x@net1, y", "\ud800"])
    if kind < 0.4:
        return json.dumps({"type": "kube-ovn", **{name: hostile(random) for name in KEYS[1:6] if random.random() < 0.6}})
    return json.dumps(hostile(random))


def test_attachments_and_notes_of_anybody_end_no_run():
    random = Random(1)
    for _round in range(700):
        configurations = random.choice([{"config": hostile_text(random)}, {"config": hostile_text(random)}, {"config": hostile(random)}, {}, None])
        definition = {"metadata": {"name": "x", "namespace": "default"}, "spec": configurations}
        notes = {NOTE: hostile_text(random), "k8s.v1.cni.cncf.io/networks": random.choice(["x", "x@net1", hostile_text(random)])}
        made = pod("p", "a", "n1", **notes)
        made["metadata"]["uid"] = "u"
        json.dumps(verify_plan([made], definitions=[definition]), ensure_ascii=False).encode("utf-8")
        found = ignored_settings([made], [definition], [{"metadata": {"name": "s"}, "spec": {"provider": "fast.default.ovn"}}])
        json.dumps(found, ensure_ascii=False).encode("utf-8")
        gather.living([made])


@pytest.mark.parametrize("address", [None, "", "8e:00", "8e:00:00:00:01:00,server=1", "8E:00:00:00:01:01 "])
def test_address_that_is_none_is_named_and_asked_of_no_node(address):
    """ovs_datapath_info refuses a list with anything else in it, on every node."""
    made = own_pod("a", "n1", 1)
    key = "ovn-dpdk-2.default.ovn.kubernetes.io/mac_address"
    if address is None:
        del made["metadata"]["annotations"][key]
    else:
        made["metadata"]["annotations"][key] = address
    (one,) = verify_plan([made], nodes={"host1": own_switch("a")}, definitions=OWN_DEFINITIONS)
    assert key in one["problem"]
    assert all(re.fullmatch(MAC, port["mac"]) for port in one["ports"])


def test_uid_that_another_pod_claims_is_still_its_owners():
    """The hash of a static pod is an annotation, which any pod can have; the UID is not."""
    owner = pod("owner", "a", "node1")
    claims = pod("claims", "b", "node1", **{"kubernetes.io/config.hash": "uid-of-owner"})
    owner["metadata"]["uid"], claims["metadata"]["uid"] = "uid-of-owner", "uid-of-claims"
    for listed in ([owner, claims], [claims, owner]):
        assert gather.living(listed)["uids"]["uid-of-owner"] == ["a" * 12 + "-net1", "a" * 12 + "-net2"]


def test_two_pods_cannot_have_one_interface():
    report = Proof(nodes=2, pods=[pod("a", "a", "node1"), pod("b", "a", "node2")], across=False).report()
    assert "interfaces" in failed(report)
    assert "aaaaaaaaaaaa-net1" in failed(report)["interfaces"]["detail"]


def test_interface_of_another_node_is_not_the_pods():
    proof = Proof(nodes=2, across=False)
    for end in proof.ends.values():
        end.node = "node1"
    proof.names = ["node1", "node2"]
    bad = failed(proof.report())
    assert "interfaces" in bad and "node2" in bad["interfaces"]["detail"]


def test_port_of_kube_ovn_is_its_pods_alone():
    proof = Proof()
    proof.end("testpmd-node1 net2").interface = {"external_ids": {"pod_name": "other", "pod_namespace": "default"}}
    assert "interfaces" in failed(proof.report())


# --- what testpmd writes


LARGE = "9" * 5000


@pytest.mark.parametrize("digits", [LARGE, "9" * 400])
def test_numbers_that_no_counter_has_do_not_end_the_run(digits):
    proof = Proof()

    def change(read):
        text = read["pods"][0]["output"]
        for words in (f"RX-packets: {TOTAL}", f"Rx-pps: {200_000:12}"):
            assert words in text
            text = text.replace(words, words.partition(":")[0] + ": " + digits)
        packet = f"{MARKED:7}   src="
        assert packet in text
        text = text.replace(packet, f"{digits}   src=")
        read["pods"][0]["output"] = text + f"\ntestpmd ended with status {digits}\nport {digits}/queue 0: received 1 packets\n"

    proof.change = change
    report = proof.report()
    assert report["result"] == "fail"
    verify_page(report, page.remember(report, None))
    verify_junit(report)


def test_numbers_of_profile_full_that_no_counter_has():
    assert full_read.points([], parse.parse_testpmd(""), f"#begin {LARGE} 1\n#end 0 {LARGE}\n", [], []) == []


@pytest.mark.parametrize("words", ["No free ", "RTE Version: ", "testpmd> set ", "port 1/queue ", "RX-packets: ", "failed to bind to ", "src=", "#begin 1 "])
def test_long_line_is_read_in_a_moment(words):
    began = time.monotonic()
    stats(words * (1_000_000 // len(words)))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (stats, "".join(f"NIC statistics for port {number}\nRX-packets: 1\n" for number in range(20_000)) + "Set mac packet forwarding mode\n" * 20_000),
        (parse_probe, "cpus 0-8191\n" * 20_000),
        (parse_probe, "cpus " + ",".join(["0-8191"] * 20_000)),
    ],
    ids=["ports and modes", "lists of CPUs", "list of CPUs"],
)
def test_many_lines_are_read_in_a_moment(read, text):
    began = time.monotonic()
    read(text)
    assert time.monotonic() - began < 5


def test_what_is_quoted_of_testpmd_is_short_and_printable():
    text = "EAL: x\x1b[31m\x9b2J\ufffe\u202e" + "y" * 1_000_000 + "\nfailed to bind to " + "z" * 1_000_000 + "\x1b]0;t\x07\nRTE Version: 'DPDK" + "\x1b24'\n"
    found = stats(text)
    quoted = [*found["last_lines"], *found["causes"], found["version"]]
    assert all(part.isprintable() and len(part) < 1000 for part in quoted), [len(part) for part in quoted]
    proof = Proof()
    proof.status["testpmd-node1"] = 1
    proof.change = lambda read: read["pods"][0].update(output=text)
    report = proof.report()
    ElementTree.fromstring(verify_junit(report).partition("\n")[2])
    assert len(json.dumps(report)) < 100_000


@pytest.mark.parametrize("letter", ["\ufffe", "\uffff", "\ud800", "\x08", "\x7f"])
def test_junit_has_only_what_xml_allows(letter):
    found = {"time": "t", "checks": [{"id": "i", "title": "t", "ok": False, "detail": f"a{letter}b", "cure": "c"}]}
    ElementTree.fromstring(verify_junit(found).partition("\n")[2].encode("utf-8"))


@pytest.mark.parametrize("cpus", ["cpus 0-99999999999", "cpus nonsense", "cpus 7-1", "cpus "])
def test_cpus_that_are_none_do_not_end_the_run(cpus):
    planned = verify_plan([pod("a", "a", "n1")])
    probes = {"results": [{"namespace": "default", "pod": "a", "stdout": f"{cpus}\ntestpmd dpdk-testpmd\n"}]}
    assert verify_commands(planned, probes)["default/a"][:4] == ["dpdk-testpmd", "-v", "--lcores", "0@0,1@0"]
    proof = Proof()
    proof.change = lambda read: read["pods"][0].update(probe=cpus)
    assert proof.report()["result"] == "fail"


# --- what was not read


def port_of_the_datapath(moments, text=None, server=False):
    """A run in which the datapath's list lacks the counters of the second port at these moments, or the port."""
    proof = Proof()

    def change(read):
        for moment in moments:
            reading = read["nodes"]["node1"]["datapath"][moment]
            first, mark, last = reading["ports"].partition("  port 4: aaaaaaaaaaaa-net2 (dpdkvhostuser)\n")
            assert mark
            reading["ports"] = first + (mark if text is None else text)

    proof.change = change
    return proof


@pytest.mark.parametrize("text", [None, ""], ids=["counters", "port"])
def test_port_that_was_not_read_afterwards_fails(text):
    bad = failed(port_of_the_datapath(["after"], text).report())
    assert "readings" in bad and "aaaaaaaaaaaa-net2" in bad["readings"]["detail"]


def test_port_that_was_connected_after_the_first_reading_is_compared_with_the_last():
    """Newer Open vSwitch counts from the connection on, and refuses to say anything before it."""

    def make(counted):
        proof = port_of_the_datapath(["before"])
        change = proof.change

        def both(read):
            change(read)
            after = read["nodes"]["node1"]["datapath"]["after"]
            first, mark, last = after["ports"].partition("  port 4: ")
            after["ports"] = first + mark + last.replace(str(TOTAL + 5000), str(counted)).replace(str(TOTAL + 7000), str(counted))

        proof.change = both
        return failed(proof.report())

    assert make(TOTAL) == {}
    assert "conservation" in make(TOTAL // 2)


def one_more_thread(read):
    for moment in ("loaded", "after"):
        reading = read["nodes"]["node1"]["datapath"][moment]
        for key in ("pmd_stats", "pmd_perf"):
            reading[key] += reading[key].replace("core_id 1", "core_id 2").partition("main thread")[0]


def not_sent(read):
    read["nodes"]["node1"]["datapath"]["before"].update(pmd_perf=None, errors={"pmd_perf": "did not answer in time"})


@pytest.mark.parametrize("change", [one_more_thread, not_sent], ids=["one more thread", "no packets sent before"])
def test_totals_that_cannot_be_compared_fail(change):
    """In server mode they are all that Open vSwitch counts."""
    proof = Proof(server=True)
    proof.change = change
    bad = failed(proof.report())
    assert {"readings", "conservation"} & set(bad), bad
    # With counters of the ports nobody needs them.
    proof = Proof()
    proof.change = change
    assert failed(proof.report()) == {}


@pytest.mark.parametrize(("server", "ports", "found"), [(True, 2, ["path"]), (True, 1, ["delivery"]), (False, 2, []), (False, 1, [])])
def test_pods_word_alone_is_no_proof(server, ports, found):
    """In server mode Open vSwitch counts no port, and the totals of its threads contain the neighbours: what it has of the port are its flows."""
    proof = Proof(server=server, ports=ports)

    def change(read):
        for reading in read["nodes"]["node1"]["datapath"].values():
            reading["flows"] = {}

    proof.change = change
    assert list(failed(proof.report())) == found


def two_nodes(read_at_first: bool) -> Proof:
    """Planned with verify_between_pods at auto; the second node answered at the first reading, or only later."""
    proof = Proof(nodes=2, across=False)
    nodes = {name: {"interfaces": proof.interfaces(name, True)} for name in proof.names}
    if not read_at_first:
        nodes["node2"] = {}
    made = [pod(f"testpmd-{name}", "abcdef"[index], name) for index, name in enumerate(proof.names)]
    for one, again in zip(proof.plan, verify_plan(made, nodes=nodes), strict=True):
        for port, planned in zip(one["ports"], again["ports"], strict=True):
            port.update(planned)
    return proof


def test_node_that_answers_late_is_not_a_proof_without_the_uplinks():
    assert failed(two_nodes(True).report()) == {}
    bad = failed(two_nodes(False).report())
    assert "coverage" in bad and "another node" in bad["coverage"]["detail"]


# --- other packets


def test_foreign_packets_do_not_stand_in_for_lost_ones():
    """A meter that lets the short bursts pass and holds back the load, on a busy bridge."""
    proof = Proof()
    end = proof.end("testpmd-node1 net2")
    end.foreign = 100_000
    bad = failed(proof.report())
    assert "conservation" in bad
    # They come on top.
    end.rx = end.ovs_tx = TOTAL + 2 * 100_000
    assert failed(proof.report()) == {}


# --- neighbours on the bridge, who can send with any address that they have seen


def test_addresses_are_known_to_nobody_before_the_run():
    made = [pod("a", "a", "n1"), pod("b", "b", "n2")]
    runs = [[port["mac"] for one in verify_plan(made) for port in one["ports"]] for _run in range(20)]
    addresses = [address for run in runs for address in run]
    assert len(set(addresses)) == len(addresses) == 80
    for address in addresses:
        assert re.fullmatch(MAC, address) and int(address[:2], 16) & 3 == 2, "unicast, and locally administered"
    # No part of them is the same each time.
    assert all(len({address.split(":")[part] for address in addresses}) > 20 for part in range(6))
    (one,) = verify_plan(made[:1])
    assert [port["peer"] for port in one["ports"]] == [port["mac"] for port in reversed(one["ports"])]


def with_neighbour(**more) -> Proof:
    """One who sends what the first port of the pod sends, to the second; the numbers are its packets."""
    proof = Proof(server=more.pop("server", False))
    first, second = (proof.end(f"testpmd-node1 net{number}").plan for number in (1, 2))
    what = {"source": first["mac"], "target": second["mac"], "actions": second["interface"], **more}
    proof.others.append(Neighbour("node1", **what))
    return proof


def test_neighbour_that_sends_other_things_changes_nothing():
    report = with_neighbour(source="02:ee:00:00:00:01", target="ff:ff:ff:ff:ff:ff").report()
    assert failed(report) == {}
    (found,) = [check for check in report["checks"] if check["id"] == "neighbours"]
    assert found["detail"] == "other ports of the bridges sent 900 packets, none to an address of the proof"


def test_flow_of_a_neighbour_is_no_flow_of_the_port():
    """In server mode flows are all that Open vSwitch has of a port: one that came in elsewhere with the port's address is none of them."""
    proof = with_neighbour(server=True)
    first = proof.end("testpmd-node1 net1").plan

    def change(read):
        for reading in read["nodes"]["node1"]["datapath"].values():
            for key in reading["flows"]:
                reading["flows"][key] = "".join(line for line in reading["flows"][key].splitlines(True) if "in_port(aaaaaaaaaaaa-net1)" not in line)

    proof.change = change
    bad = failed(proof.report())
    assert "path" in bad and first["name"] in bad["path"]["detail"] and "only the pod says that it sent them" in bad["path"]["detail"]


def test_flow_of_a_neighbour_does_not_lead_the_ports_packets():
    proof = with_neighbour()
    proof.actions["aaaaaaaaaaaa-net1"] = "some-other-port"
    assert "path" in failed(proof.report())


@pytest.mark.parametrize("source", ["the port's", "02:ee:00:00:00:01"])
def test_packets_of_a_neighbour_do_not_stand_in_for_lost_ones(source):
    """A meter holds back 5 of 100 packets of the load; somebody who saw the addresses sends as many, so that all counters agree."""
    lost = TOTAL // 20
    packets = {"before": 0, "load": 0, "loaded": lost, "after": lost}
    proof = with_neighbour(packets=packets, **({} if source == "the port's" else {"source": source}))
    proof.actions["aaaaaaaaaaaa-net1"] = "meter(0),aaaaaaaaaaaa-net2"
    report = proof.report()
    bad = failed(report)
    assert "ffffffffffff-net1 (other/neighbour) on node1 sent 50,000 packets or more to default/testpmd-node1 net2" in bad["neighbours"]["detail"]
    assert "received 950,000 of them" in bad["conservation"]["detail"]


def test_marked_packets_of_a_neighbour_are_seen_although_no_flow_counts_them():
    """The first packets of a flow are not in its counter."""
    assert "neighbours" in failed(with_neighbour(packets=dict.fromkeys(("before", "load", "loaded", "after"), 0), seen=("load",)).report())


def test_flow_that_was_removed_meanwhile_is_counted_on():
    proof = with_neighbour(packets={"before": 0, "load": 300, "loaded": 200, "after": 50})
    assert "sent 550 packets or more" in failed(proof.report())["neighbours"]["detail"]


def test_packets_that_do_not_arrive_stand_in_for_none():
    assert failed(with_neighbour(actions="drop").report()) == {}


def test_address_that_moved_between_readings_of_the_flows_is_seen():
    """Open vSwitch forgets a flow that nobody uses in ten seconds, but counts each address that came in by another port than before."""
    proof = with_neighbour(seen=())
    assert failed(proof.report()) == {}
    proof.moved["node1"] = 2
    bad = failed(proof.report())
    assert list(bad) == ["neighbours"]
    assert "moved between the ports of br0 on node1 2 times" in bad["neighbours"]["detail"] and "ffffffffffff-net1" in bad["neighbours"]["detail"]
    # Where no other pod sent anything there is nobody who could have.
    proof.others[0].packets = dict.fromkeys(proof.others[0].packets, 7)
    assert failed(proof.report()) == {}
    proof.others.clear()
    assert failed(proof.report()) == {}


def test_machine_behind_a_port_of_the_kernel_is_seen_beside_the_uplink():
    """A tap that libvirt adds is of the same type as a NIC: with the sender's address it differs from the uplink by the port alone."""
    proof = Proof(nodes=2)
    port = proof.end("testpmd-node2 net1").plan
    source = next(end.plan["mac"] for end in proof.ends.values() if end.plan["peer"] == port["mac"])
    proof.others.append(Neighbour("node2", name="vnet0", source=source, target=port["mac"], actions=port["interface"]))
    proof.change = lambda read: [read["nodes"]["node2"][moment]["interfaces"]["vnet0"].update(type="", external_ids={}) for moment in ("before", "after")]
    # Two links of a bond: no address moves.
    assert failed(proof.report()) == {}
    proof.moved["node2"] = 2
    bad = failed(proof.report())
    assert list(bad) == ["neighbours"] and "dpdk0, vnet0 may have sent with those of the proof" in bad["neighbours"]["detail"]
    # An address of others that moves is no concern of a proof whose packets came in by one port.
    proof.others.clear()
    proof.change = None
    assert failed(proof.report()) == {}


@pytest.mark.parametrize(("counted", "sent"), [((900, 10, 20, 900), 900), ((900, 900, 900, 100), 100)])
def test_neighbour_whose_counter_began_again_is_no_quiet_one(counted, sent):
    """Newer Open vSwitch counts from the connection on, and a pod may connect again at any time."""
    proof = with_neighbour(seen=(), packets=dict(zip(("before", "load", "loaded", "after"), counted, strict=True)))
    (found,) = [check for check in proof.report()["checks"] if check["id"] == "neighbours"]
    assert f"sent {sent} packets" in found["detail"]
    proof.moved["node1"] = 2
    assert list(failed(proof.report())) == ["neighbours"]


@pytest.mark.parametrize("name", ["dpdk0", "genev_sys_6081"])
def test_packets_from_another_node_come_in_by_an_uplink_or_a_tunnel(name):
    proof = Proof(nodes=2)

    def change(read):
        for reading in read["nodes"]["node2"]["datapath"].values():
            reading["flows_to"] = {key: text.replace("in_port(dpdk0)", f"in_port({name})") for key, text in reading["flows_to"].items()}

    proof.change = change
    assert failed(proof.report()) == {}


@pytest.mark.parametrize("name", ["ffffffffffff-net1", "gone-meanwhile"])
def test_packets_from_another_node_do_not_come_in_by_a_pods_port(name):
    proof = Proof(nodes=2)
    port = proof.end("testpmd-node2 net1").plan
    source = next(end.plan["mac"] for end in proof.ends.values() if end.plan["peer"] == port["mac"])
    proof.others.append(Neighbour("node2", name=name, source=source, target=port["mac"], actions=port["interface"]))
    if name != "ffffffffffff-net1":
        proof.change = lambda read: [read["nodes"]["node2"][moment]["interfaces"].pop(name) for moment in ("before", "after")]
    assert name in failed(proof.report())["neighbours"]["detail"]


@pytest.mark.parametrize("key", ["flows_to", "fdb"])
def test_neighbours_that_were_not_read_are_no_quiet_ones(key):
    proof = Proof()
    proof.change = lambda read: read["nodes"]["node1"]["datapath"]["after"].update({key: {}})
    assert "neighbours" in failed(proof.report())


def by_the_uplink(source: str, mask: str = "") -> Proof:
    """Somebody outside of node2 sends to its port what a meter has held back of the packets of node1."""
    lost = TOTAL // 20
    proof = Proof(nodes=2)
    port = proof.end("testpmd-node2 net1").plan
    flow = (
        f"ufid:2, recirc_id(0),in_port(dpdk0),packet_type(ns=0,id=0),eth(src={source}{mask},dst={port['mac']}),eth_type(0x0800), "
        f"packets:{lost}, bytes:9, used:0.0s, dp:ovs, actions:{port['interface']}\n"
    )

    def change(read):
        for moment in ("loaded", "after"):
            read["nodes"]["node2"]["datapath"][moment]["flows_to"][port["mac"]] += flow

    proof.change = change
    return proof


def test_packets_from_another_node_are_the_senders_by_their_address_too():
    bad = failed(by_the_uplink("02:ee:00:00:00:01").report())
    assert "behind dpdk0 on node2 sent 50,000 packets or more to default/testpmd-node2 net1" in bad["neighbours"]["detail"]
    assert "received 950,000 of them" in bad["conservation"]["detail"]


def test_flow_that_matches_no_source_says_nothing_of_the_sender():
    """Open vSwitch prints the mask of an address that a flow does not match as a whole (lib/odp-util.c, format_eth), as those of OVN from a tunnel."""
    for mask in ("/00:00:00:00:00:00", "/01:00:00:00:00:00"):
        assert failed(by_the_uplink("02:ee:00:00:00:01", mask).report()) == {}


def test_packets_of_a_neighbour_that_were_printed_and_counted_are_subtracted_once():
    """In the marked rounds testpmd prints each packet, and the datapath has a flow of them."""
    packets = {"before": 0, "load": 5000, "loaded": 5000, "after": 5000}
    proof = with_neighbour(source="02:ee:00:00:00:01", packets=packets)
    second = proof.end("testpmd-node1 net2")
    second.rx = second.ovs_tx = TOTAL + 5000

    def change(read):
        mark = f"port 1/queue 0: received {MARKED} packets\n"
        text = read["pods"][0]["output"]
        assert mark in text
        more = f"port 1/queue 0: received 5000 packets\n   5000   src=02:EE:00:00:00:01 - dst={second.plan['mac'].upper()}\n"
        read["pods"][0]["output"] = text.replace(mark, more + mark, 1)

    proof.change = change
    assert list(failed(proof.report())) == ["neighbours"]


def test_moves_are_counted_after_the_statistics_were_cleared():
    proof = with_neighbour(seen=())

    def change(read):
        for moment, moves in (("before", 5), ("after", 2)):
            text = read["nodes"]["node1"]["datapath"][moment]["fdb"]["br0"]
            read["nodes"]["node1"]["datapath"][moment]["fdb"]["br0"] = re.sub(r"(moved MAC entries +:) \d+", rf"\1 {moves}", text)

    proof.change = change
    detail = failed(proof.report())["neighbours"]["detail"]
    assert "moved between the ports of br0 on node1 2 times" in detail, detail


@pytest.mark.parametrize("shape", [{}, {"server": True}, {"nodes": 2}, {"ports": 1, "nodes": 2}, {"ports": 3}])
def test_broadcasts_that_keep_the_circle_going_do_not_stand_in_for_the_proofs_packets(shape):
    """A meter with a burst that the marked packets fit into, on a bridge with broadcasts, which testpmd forwards as its own: what each port sends is what
    the other received, whatever is lost. Only what is left in circulation shows it (data/verify/runs/noise.json has such a load)."""
    proof = Proof(**shape)
    for end in proof.ends.values():
        end.rates = [(936, 939)] * 5
        end.rx = end.tx = 5_000
        if end.ovs_rx is not None:
            end.ovs_rx = end.ovs_tx = 5_000
    assert failed(proof.report()) == {}
    end = next(iter(proof.ends.values()))
    for one in proof.ends.values():
        one.drained = 1
    bad = failed(proof.report())
    assert list(bad) == ["conservation"]
    assert "into circulation for the load, of which" in bad["conservation"]["detail"]
    # Where so many may be lost.
    assert failed(proof.report(max_drop_ratio=1)) == {}
    # One direction alone, while packets of others joined the other one.
    for one in proof.ends.values():
        one.drained = 0 if one is end else 200
    if shape in ({}, {"server": True}):
        assert list(failed(proof.report())) == ["conservation"]


def test_a_meter_is_found_although_packets_of_others_keep_the_circle_going():
    """Another node floods packets to an address that its bridge does not know: they stand in for what the meter drops, and marked bursts fit into it."""
    proof = Proof()
    end = next(iter(proof.ends.values()))
    peer = next(other for other in proof.ends.values() if other.plan["mac"] == end.plan["peer"])
    proof.actions[end.plan["interface"]] = f"meter(0),{peer.plan['interface']}"
    assert failed(proof.report()) == {}
    peer.drained = 1
    bad = failed(proof.report())
    assert list(bad) == ["path", "conservation"]
    assert "a meter of bridge br0 on node1 limits" in bad["path"]["detail"]


def test_packets_of_others_that_waited_in_the_ring_are_no_disagreement():
    """testpmd takes them when it starts to forward; Open vSwitch counted them before the first reading."""
    for server in (False, True):
        proof = Proof(server=server)
        for end in proof.ends.values():
            end.rx = end.tx = 50_000
            if not server:
                end.ovs_rx = end.ovs_tx = 50_000
        proof.pmd["node1"] = [0, 100_000]
        assert failed(proof.report()) == {}
        for end in proof.ends.values():
            end.rx += 250
        assert "conservation" in failed(proof.report())
        for end in proof.ends.values():
            end.early = 250
        assert failed(proof.report()) == {}
        # A ring has no more.
        for end in proof.ends.values():
            end.early, end.rx = 10_000, 60_000
        assert "conservation" in failed(proof.report())


# --- ports of other pods


def launched(name: str, pod: str, uid: str) -> dict:
    ids = {"userspace-cni-pod": pod, "userspace-cni-uid": uid, "userspace-cni-ifname": name.partition("-")[2]}
    return {"type": "dpdkvhostuser", "bridge": "br0", "external_ids": ids}


@pytest.mark.parametrize("note", [["bbbbbbbbbbbb-net9"], [], ["cccccccccccc-net1"]])
def test_note_that_a_pod_changed_makes_no_orphan_of_its_port(note):
    """Its author may write anything there, and nobody is to remove the port of a pod that runs."""
    proof = Proof()
    proof.living["uids"]["theirs"] = note

    def change(read):
        for moment in ("before", "after"):
            read["nodes"]["node1"][moment]["interfaces"].update({
                "bbbbbbbbbbbb-net1": launched("bbbbbbbbbbbb-net1", "other/theirs", "theirs"),
                "cccccccccccc-net1": launched("cccccccccccc-net1", "other/neighbour", "neighbour"),
            })

    proof.change = change
    assert "orphan-ports" not in failed(proof.report())


def test_port_of_an_earlier_sandbox_is_named_as_such():
    proof = Proof()
    proof.living["uids"]["theirs"] = ["cccccccccccc-net1"]

    def change(read):
        for moment in ("before", "after"):
            for name in ("bbbbbbbbbbbb-net1", "cccccccccccc-net1"):
                read["nodes"]["node1"][moment]["interfaces"][name] = launched(name, "other/theirs", "theirs")

    proof.change = change
    detail = failed(proof.report())["orphan-ports"]["detail"]
    assert detail == "bbbbbbbbbbbb-net1 on node1 is a port of an earlier sandbox of other/theirs"


# --- readings in which packets pass


def test_flow_that_goes_through_the_datapath_twice_leads_to_its_port():
    """Connection tracking, as of network policies: the second flow does not match the source and is not among those of the address."""
    proof = Proof()
    proof.actions["aaaaaaaaaaaa-net1"] = "ct(zone=3,nat),recirc(0x1a)"
    assert failed(proof.report()) == {}


def test_uplink_that_is_up_is_enough():
    """A bond with one link, or a tap of a machine that is switched off: the packets between the nodes arrive."""

    def make(state):
        proof = Proof(nodes=2)

        def change(read):
            more = {"type": "", "link_state": state, "bridge": "br0", "error": None}
            for moment in ("before", "after"):
                read["nodes"]["node2"][moment]["interfaces"]["vnet0"] = dict(more)
            read["nodes"]["node2"]["after"]["interfaces"]["dpdk0"]["link_state"] = "up" if state == "down" else "down"

        proof.change = change
        return failed(proof.report())

    assert make("down") == {} and make("up") == {}
    lost = Proof(nodes=2)
    lost.uplink["node2"]["link_state"] = "down"
    lost.end("testpmd-node1 net1").got = [0, 0]
    lost.change = lambda read: read["nodes"]["node2"]["after"]["interfaces"].update(vnet0={"type": "", "link_state": "up", "bridge": "br0"})
    assert "uplink dpdk0 of br0 on node2 is down" in failed(lost.report())["uplinks"]["detail"]
    proof = Proof(nodes=2)
    proof.uplink["node2"]["error"] = "could not add network device"
    proof.change = lambda read: read["nodes"]["node2"]["after"]["interfaces"].update(dpdk1={"type": "dpdk", "link_state": "up", "bridge": "br0"})
    assert "uplinks" in failed(proof.report())


# --- pods that only have the labels


def labelled(namespace: str, name: str) -> dict:
    made = pod(name, "a", "node1")
    made["metadata"]["namespace"] = namespace
    return made


def record(text: object) -> dict:
    return {"kind": "ConfigMap", "metadata": {"namespace": "kube-system", "name": "kube-ovn-dpdk-testpmd"}, "data": {"pods": text}}


def test_labels_of_testpmd_make_no_pod_a_leftover():
    """Anybody can give them to a pod of his own, in a namespace of his own; only the record of role dpdk_app says which it has made."""
    pods = [labelled("default", "testpmd"), labelled("old", "testpmd"), labelled("old", "theirs"), labelled("theirs", "testpmd")]
    names = json.dumps(["default/testpmd", "old/testpmd", "gone/testpmd"])
    found = gather.outside(pods, "default", [record(names)])
    assert [(one["namespace"], one["name"]) for one in found["leftovers"]] == [("old", "testpmd")]
    assert [(one["namespace"], one["name"]) for one in found["namesakes"]] == [("old", "theirs"), ("theirs", "testpmd")]
    # Without a record none was made.
    assert gather.outside(pods, "default", [])["leftovers"] == []


@pytest.mark.parametrize("text", [None, "", "nonsense", "5", "{}", '[5, null, ["a"]]', NESTED])
def test_record_that_is_none_makes_no_leftovers(text):
    assert gather.outside([labelled("old", "testpmd")], "default", [record(text)])["leftovers"] == []


def test_pods_that_only_have_the_labels_are_named_and_fail_nothing():
    proof = Proof()
    proof.namesakes = [{"namespace": "theirs", "name": f"p{number}", "node": None} for number in range(1000)]
    report = proof.report()
    assert failed(report) == {}
    (found,) = [check for check in report["checks"] if check["id"] == "leftovers"]
    assert "not created by role dpdk_app, and ignored: theirs/p0, theirs/p1" in found["detail"] and "and 995 more" in found["detail"]
    # What is left is still found, and nothing is taken for known that was not read.
    proof.leftovers = [{"namespace": "old", "name": "testpmd", "node": None}]
    assert "old/testpmd is outside of namespace default" in failed(proof.report())["leftovers"]["detail"]
    proof.leftovers, proof.unread = [], "configmaps is forbidden"
    assert "is not known: configmaps is forbidden" in failed(proof.report())["leftovers"]["detail"]
    proof.namesakes = []
    assert failed(proof.report()) == {}


# --- commands that could not be run


def test_reason_why_a_command_was_not_run_is_told():
    planned = verify_plan([pod("testpmd-node1", "a", "node1")])
    outputs = {"results": [{"namespace": "default", "pod": "testpmd-node1", "rc": None, "stdout": "", "msg": "pods \"testpmd-node1\" is forbidden\x1b[2J"}]}
    (one,) = gather.readings(planned, [], {}, {}, outputs, {}, {}, {}, None)["pods"]
    proof = Proof()
    proof.change = lambda read: read["pods"][0].update(one)
    detail = failed(proof.report())["testpmd"]["detail"]
    assert 'pods "testpmd-node1" is forbidden' in detail and detail.isprintable()


FLOOD = "others on the bridge send more packets than testpmd can print"


def test_flood_of_others_is_named():
    """A neighbour that broadcasts ends the proof, which is no fault of the image or its hugepages; see plugins/modules/k8s_pods_exec.py for the words."""
    proof = Proof()
    proof.change = lambda read: read["pods"][0].update(output="", refused="The command printed more than 16 MiB")
    assert FLOOD in failed(proof.report())["testpmd"]["detail"]


def test_script_tells_that_testpmd_printed_too_much(fake, tmp_path):
    fake.write_text(FAKE.replace("while read", "head -c 201000000 /dev/zero\nwhile read", 1))
    room = tmp_path / "room"
    script("begin", str(room), "60", str(fake))
    assert until(lambda: not (room / "pid").exists(), 30)
    output = script("end", str(room))
    assert len(output) < 1000 and "no call came" not in output
    assert FLOOD in stats(output)["causes"][0] and stats(output)["status"] is not None
    assert [path.name for path in tmp_path.iterdir()] == [fake.name]


# --- nodes left out by name


def test_node_that_is_left_out_may_be_down():
    proof = Proof(nodes=2, pods=[pod("testpmd-node1", "a", "node1")], across=False)

    def down(read):
        read["nodes"]["node2"].update(before={}, after={}, datapath={}, problem="the host was not reached")

    proof.change = down
    assert "ovs" in failed(proof.report())
    report = proof.report(exclude_nodes=["node2"])
    assert failed(report) == {}
    assert report["excluded_nodes"] == ["node2"]
    verify_page(report)


def test_node_that_is_left_out_but_takes_part_is_judged():
    proof = Proof(nodes=2, across=False)
    proof.change = lambda read: read["nodes"]["node2"]["after"].update(dpdk_initialized=False)
    assert "dpdk-initialized" in failed(proof.report(exclude_nodes=["node2"]))


# --- earlier runs


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "kube-ovn-dpdk-verify-testpmd"
    path.write_text(FAKE)
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("ended", [True, False])
def test_what_an_earlier_run_had_to_play_is_not_typed_into_this_one(fake, tmp_path, ended):
    room = str(tmp_path / "room")
    script("begin", room, "60", str(fake))
    script("play", room, "@3", "show of the earlier run", "#load", "@1")
    if ended:
        script("end", room)
    script("begin", room, "60", str(fake))
    script("play", room, "first", "@6", "second")
    script("await", room, "30")
    output = script("end", room)
    assert [line.removeprefix("did: ") for line in output.splitlines() if line.startswith("did: ")] == ["first", "second"]
    assert "#load" not in output


@pytest.mark.one_core
def test_testpmd_of_an_earlier_run_that_does_not_end_is_ended_by_force(fake, tmp_path):
    fake.write_text(FAKE.replace("trap 'exit 0' TERM", "trap '' TERM"))
    room = str(tmp_path / "room")
    script("begin", room, "60", str(fake))
    first = (tmp_path / "room" / "pid").read_text().strip()
    fake.write_text(FAKE)
    script("begin", room, "60", str(fake))
    assert not Path(f"/proc/{first}").exists()
    assert (tmp_path / "room" / "pid").read_text().strip() != first
    script("end", room)


def in_background(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(["sh", str(SCRIPT), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


@pytest.mark.one_core
def test_begin_of_an_earlier_run_that_still_waits_gives_way(fake, tmp_path):
    """Its call outlived the controller: it waits for a testpmd that does not end, while the next run begins."""
    fake.write_text(FAKE.replace("trap 'exit 0' TERM", "trap '' TERM"))
    room = tmp_path / "room"
    script("begin", str(room), "60", str(fake))
    fake.write_text(FAKE)
    with in_background("begin", str(room), "60", str(fake)) as earlier:
        time.sleep(1)
        script("begin", str(room), "60", str(fake))
        mine = (room / "run").read_text()
        assert earlier.wait(60) != 0
    assert (room / "run").read_text() == mine
    script("play", str(room), "mine")
    script("await", str(room), "30")
    output = script("end", str(room))
    assert "did: mine" in output and "ended with status 0" in output
    assert [path.name for path in tmp_path.iterdir()] == [fake.name]


def test_end_of_an_earlier_run_does_not_end_this_one(fake, tmp_path):
    """testpmd did not hear its quit, so the earlier call still waits when the next run begins."""
    deaf = fake.with_name("kube-ovn-dpdk-verify-deaf")
    deaf.write_text("#!/bin/sh\necho 'testpmd> '\ntrap 'exit 0' TERM\nwhile :; do sleep 0.2; done\n")
    deaf.chmod(0o755)
    room = tmp_path / "room"
    script("begin", str(room), "60", str(deaf))
    with in_background("end", str(room)) as earlier:
        time.sleep(1)
        script("begin", str(room), "60", str(fake))
        assert earlier.wait(60) == 0
    script("play", str(room), "mine")
    script("await", str(room), "30")
    output = script("end", str(room))
    assert "did: mine" in output and "ended with status 0" in output


# Imports nothing of Ansible, and holds a lock as ansible-playbook would.
HOLD = "import importlib.util as u, sys, time; s = u.spec_from_file_location('run', sys.argv[1]); m = u.module_from_spec(s); s.loader.exec_module(m); "


def other_run(more: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", HOLD + more, run.__file__], stdout=subprocess.PIPE, text=True)


def test_run_is_dead_when_its_process_is_gone():
    process = other_run("print(m.holder('a@b'), flush=True); time.sleep(600)")
    name = process.stdout.readline().strip()
    assert name.startswith(f"a@b (process {process.pid} of ")
    assert not run.died(name)
    os.kill(process.pid, signal.SIGSTOP)
    assert not run.died(name), "one that stands still may go on"
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert run.died(name), "nobody has asked yet how it ended"
    process.wait()
    assert run.died(name)
    process.stdout.close()


def test_process_that_has_the_number_of_a_dead_one_is_another():
    mine = run.holder("a@b")
    assert not run.died(mine)
    assert run.died(re.sub(r"begun at \d+", "begun at 1", mine))


def test_holder_is_the_playbook_and_not_the_process_of_a_task():
    code = "import multiprocessing as p\nc = p.get_context('fork')\nq = c.Queue()\n"
    code += "w = c.Process(target=lambda: q.put(m.holder('x')))\nw.start()\nprint(q.get())\n"
    process = subprocess.run([sys.executable, "-c", HOLD + "import os; print(os.getpid())\n" + code, run.__file__], capture_output=True, text=True, check=True)
    pid, name = process.stdout.split("\n")[:2]
    assert f"(process {pid} of " in name


@pytest.mark.parametrize(
    "text",
    [None, 5, "", "somebody@elsewhere", "x (process 1 of , begun at 1, run 1)", "x (process ../1 of {here}, begun at 1, run 0123456789abcdef)",
     "x (process 99999999999 of {here}, begun at 1, run 0123456789abcdef)", "x (process \u0661 of {here}, begun at 1, run 0123456789abcdef)",
     "x (process 1 of 0123456789abcdef0123456789abcdef, begun at 1, run 0123456789abcdef)", "{dead} and more", "{dead}\n"],
    ids=["null", "number", "empty", "other form", "no machine", "path", "number too long", "other digit", "other machine", "more behind", "line break"],
)  # fmt: skip
def test_what_is_not_known_to_be_dead_is_alive(text):
    dead = re.sub(r"begun at \d+", "begun at 1", run.holder("a@b"))
    assert run.died(dead)
    assert not run.died(text.format(here=run.machine(), dead=dead) if isinstance(text, str) else text)


def made_up(tmp_path: Path, **files: str) -> Path:
    """A /proc in which this process has the number that it has."""
    proc = tmp_path / "proc"
    own = proc / str(os.getpid())
    (own / "ns").mkdir(parents=True)
    (proc / "self").symlink_to(str(os.getpid()))
    (own / "ns" / "pid").symlink_to("pid:[4026531836]")
    (own / "stat").write_text(f"{os.getpid()} (a) b) S " + " ".join(["0"] * 18) + " 815 0 0\n")
    (proc / "sys/kernel/random").mkdir(parents=True)
    (proc / "sys/kernel/random/boot_id").write_text(files.get("boot", "one"))
    return proc


def test_other_boots_containers_and_users_are_other_machines(tmp_path, monkeypatch):
    proc = made_up(tmp_path)
    here = run.machine(proc)
    (proc / "sys/kernel/random/boot_id").write_text("two")
    assert run.machine(proc) not in (None, here)
    (proc / "sys/kernel/random/boot_id").write_text("one")
    assert run.machine(proc) == here
    namespace = proc / str(os.getpid()) / "ns" / "pid"
    namespace.unlink()
    namespace.symlink_to("pid:[4026532999]")
    assert run.machine(proc) not in (None, here)
    namespace.unlink()
    namespace.symlink_to("pid:[4026531836]")
    clock = proc / str(os.getpid()) / "ns" / "time"
    clock.symlink_to("time:[4026532998]")
    assert run.machine(proc) not in (None, here)
    clock.unlink()
    # With hidepid the processes of others are not to be seen.
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    assert run.machine(proc) not in (None, here)


def test_controller_without_proc_knows_of_nobody(tmp_path):
    proc = made_up(tmp_path)
    name = run.holder("a@b", proc)
    assert run.died(re.sub("begun at 815", "begun at 814", name), proc) and not run.died(name, proc)
    (proc / "self").unlink()
    (proc / "self").symlink_to("1")
    assert run.machine(proc) is None and not run.died(name, proc)
    assert re.fullmatch(r"a@b \(run [0-9a-f]{16}\)", run.holder("a@b", tmp_path))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.one_core
def test_run_after_one_that_was_ended_in_the_middle_takes_its_lock(tmp_path, kubernetes, number):
    kubernetes.STORE.clear()
    kubernetes.STORE["v1/namespaces", "", "default"] = kubernetes.live({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}, None)
    (tmp_path / "first").mkdir()
    first = subprocess.Popen([*book(tmp_path / "first"), "-e", "verify_duration=120"], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert until(lambda: LEASE in kubernetes.STORE, 120)
    # Another one waits meanwhile.
    done = play(tmp_path)
    holder = kubernetes.STORE[LEASE]["spec"]["holderIdentity"]
    assert done.returncode != 0 and f"Another run of the traffic proof uses this cluster: {holder}, since" in " ".join(done.stdout.split()), done.stdout
    assert f"(process {first.pid} of " in holder
    first.send_signal(number)
    first.wait(60)
    assert kubernetes.STORE[LEASE]["spec"]["holderIdentity"] == holder, "it could not give the lock back"
    done = play(tmp_path)
    assert (tmp_path / "reports" / "report.json").exists(), done.stdout
    assert "Its lock was taken over" in done.stdout
    assert LEASE not in kubernetes.STORE and not [key for key in kubernetes.STORE if key[0] == "batch/v1/jobs"]


@pytest.mark.parametrize("hours", [-1, 1])
def test_lock_goes_by_the_clock_of_the_server(cluster, monkeypatch, hours):
    """Of two controllers one may have a wrong clock: the lock of one is held for the other, and ends when it ends for both."""
    moved = 3600 * hours
    monkeypatch.setattr(http.server.BaseHTTPRequestHandler, "date_time_string", lambda _self, _when=None: formatdate(time.time() + moved, usegmt=True))
    key = ("coordination.k8s.io/v1/leases", "default", "some-lock")
    wanted = {"name": key[2], "namespace": key[1], "labels": {}, "holder": "first", "seconds": 600}
    for passed, state in ((0, "FAILED!"), (700, "SUCCESS")):
        cluster.fake.STORE[key] = cluster.fake.live(lease(None, wanted, int(time.time()) + moved - passed), None)
        found, answer = call("k8s_lock", {"name": key[2], "namespace": key[1], "holder": "second"})
        assert found == state, answer
    assert abs(time_of(cluster.fake.STORE[key]["spec"]["renewTime"]) - time.time() - moved) < 60


@pytest.mark.parametrize(
    "text",
    [
        '[{"time": "t", "nodes": "three"}]',
        '[{"time": "t", "failed": 5}]',
        '[{"time": "t", "rx_pps": [1], "dropped": {}}]',
        NESTED,
        '[{"time": ["t"]}]',
    ],
)
def test_damaged_history_begins_again(text):
    report = Proof().report()
    verify_page(report, page.remember(report, text))


# --- many nodes


def variables() -> dict:
    return yaml.safe_load((ROOT / "roles" / "verify" / "vars" / "main.yml").read_text())


def rendered(name: str, nodes: int) -> int:
    from jinja2 import Environment

    given = {"groups": {"nodes": [str(number) for number in range(nodes)]}, "__verify_phases": {"seconds": 40}, "__verify_step_seconds": 160}
    return int(Environment().from_string(str(variables()[name])).render(given))


def test_lock_outlasts_a_run_over_many_nodes():
    """Four readings of all nodes at ten seconds each, five at a time, as __verify_silence takes them, and what was enough for one."""
    assert rendered("__verify_seconds", 1) <= 600
    assert rendered("__verify_seconds", 30) >= 160 + 40 + 4 * 10 * 30 // 5 + 150


def test_part_of_profile_full_is_not_longer_than_the_readings_of_it():
    case = {"verify_profile": "full", "verify_full_seconds": 60, "verify_full_flows": [1], "verify_full_sizes": [64], "verify_full_queues": [1]}
    for levels, found in ((8, []), (10, ["the points of one frame size take 632 s, more than 600"])):
        asked = {**case, "verify_full_in_flight": [32 * (number + 1) for number in range(levels)]}
        assert [message.partition(". Cure")[0] for message in setting_errors(asked, "verify")] == found
    assert full.LONGEST_PART == 600


def test_profile_full_reads_all_nodes_at_the_same_time(tmp_path, kubernetes):
    (tmp_path / "more.yml").write_text(json.dumps({"nodes": {"hosts": {"second": {}}}}))
    done = play(tmp_path, "-i", str(tmp_path / "more.yml"), "--forks", "1", "-e", "verify_profile=full")
    assert done.returncode != 0
    assert "Ansible runs on 1 at a time, so nothing was started: give --forks 2" in " ".join(done.stdout.split()), done.stdout
    assert not (tmp_path / "reports").exists()


def test_each_node_is_asked_for_the_flows_of_its_own_ports(tmp_path):
    """Each address is one more question, and a node has ten seconds for all."""
    planned = verify_plan([pod("a", "a", "n1"), pod("b", "b", "n2")])
    own = {f"{letter}{name}": port["mac"] for letter, one in zip("ab", planned, strict=True) for name, port in zip("12", one["ports"], strict=True)}
    hosts = {"first": ["a1", "a2"], "second": ["b1", "b2"], "blind": ["a1", "a2", "b1", "b2"]}
    read = {name: {"interfaces": {one["ports"][0]["interface"]: {}, one["ports"][1]["interface"]: {}}} for name, one in zip(hosts, planned, strict=False)}
    tasks = [{"ansible.builtin.assert": {"that": "__verify_macs | sort == (wanted[inventory_hostname] | sort)", "quiet": True}}]
    of_role = {key: value for key, value in variables().items() if key in ("__verify_ports", "__verify_macs")}
    given = {**of_role, "wanted": {name: [own[key] for key in keys] for name, keys in hosts.items()}}
    book = [{"hosts": "nodes", "gather_facts": False, "tasks": tasks, "vars": given}]
    nodes = {name: {"__verify_ovs_plan": read.get(name, {"msg": "no answer"})} for name in hosts}
    children = {"cluster": {"hosts": {"c": {"__verify_plan": planned}}}, "nodes": {"hosts": nodes}}
    (tmp_path / "hosts.yml").write_text(json.dumps({"all": {"vars": {"ansible_connection": "local"}, "children": children}}))
    (tmp_path / "play.yml").write_text(json.dumps(book))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "hosts.yml"), str(tmp_path / "play.yml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout


def test_pods_may_be_further_apart_where_there_are_many():
    def length(nodes):
        made = [pod(f"p{number}", "abcdef"[number % 6], f"n{number:02}") for number in range(nodes)]
        for number, one in enumerate(made):
            one["metadata"]["annotations"][NOTE] = one["metadata"]["annotations"][NOTE].replace("abcdef"[number % 6] * 64, f"{number:012}" + "0" * 52)
        return timeline(verify_plan(made, between_pods="true"), 10)["seconds"]

    assert length(2) < 60
    assert length(30) >= length(2) + 6 * 3
