"""The traffic proof: parser, plan, comparison and script, over what DPDK 19.11, 22.11, 24.11 and Open vSwitch 3.1 wrote (tests/controller/data/verify)."""

from __future__ import annotations

import copy
import json
import os
import socket
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.filter.testpmd_command import testpmd_command as command_line
from ansible_collections.kube_ovn.dpdk.plugins.filter.testpmd_stats import testpmd_stats as stats
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_plan import verify_plan
from ansible_collections.kube_ovn.dpdk.plugins.filter.verify_report import verify_report

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(__file__).parent / "data" / "verify"
SCRIPT = ROOT / "roles" / "verify" / "files" / "traffic.sh"
SETTINGS = {"tolerance": 2048, "max_drop_ratio": 0.001, "max_throttled": 0.1, "duration": 8, "time": "2026-11-24T00:00:00Z", "stand_ins": []}


def recorded(name: str) -> str:
    return (DATA / name).read_text()


# --- testpmd's output


@pytest.mark.parametrize(
    ("name", "version", "ports"),
    [
        (
            "testpmd-19.11.txt",
            "DPDK 19.11.14",
            {
                "0": {"rx_packets": 501952, "tx_packets": 502880, "rx_pps": 53641, "tx_pps": 53729, "dropped": 0},
                "1": {"rx_packets": 502848, "tx_packets": 501984, "rx_pps": 53729, "tx_pps": 53641, "dropped": 0},
            },
        ),
        (
            "testpmd-22.11.txt",
            "DPDK 22.11.11",
            {
                "0": {"rx_packets": 272704, "tx_packets": 273536, "rx_pps": 31116, "tx_pps": 31204, "dropped": 0},
                "1": {"rx_packets": 273504, "tx_packets": 272736, "rx_pps": 31204, "tx_pps": 31116, "dropped": 0},
            },
        ),
        (
            "testpmd-24.11.txt",
            "DPDK 24.11.8",
            {
                "0": {"rx_packets": 19271872, "tx_packets": 19264480, "rx_pps": 1900730, "tx_pps": 1899984, "dropped": 0},
                "1": {"rx_packets": 19264448, "tx_packets": 19271904, "rx_pps": 1899987, "tx_pps": 1900730, "dropped": 0},
            },
        ),
    ],
)
def test_counters_of_each_release(name, version, ports):
    found = stats(recorded(name))
    assert found["ports"] == ports
    assert found["version"] == version
    assert found["status"] == 0
    assert found["causes"] == []


def test_prompt_in_the_middle_of_a_line():
    # Without line buffering the prompt lands inside other lines: "RX-patestpmd> show …" and "ckets: 90368" two lines below.
    text = recorded("testpmd-22.11-server.txt")
    assert "RX-patestpmd> " in text or "testpmd> quit\n" in text
    assert stats(text)["ports"]["0"]["rx_packets"] == 90368


def test_not_interactive_with_periods():
    found = stats(recorded("testpmd-22.11-mempool.txt"))
    assert found["ports"]["1"] == {"rx_packets": 0, "tx_packets": 32, "rx_pps": 0, "tx_pps": 0, "dropped": 0}
    assert found["status"] is None


def test_drops_of_device_and_of_forwarding_add_up():
    text = recorded("testpmd-19.11.txt").replace("RX-missed: 0  ", "RX-missed: 3  ").replace("TX-dropped: 0  ", "TX-dropped: 5  ")
    assert stats(text)["ports"]["0"]["dropped"] == 8


@pytest.mark.parametrize(
    ("line", "cure"),
    [
        ("virtio_user_dev_init(): (/vhu/x) backend set up fails", "dpdk_app_recreate"),
        ("failed to bind to /vhu/x: Address already in use; remove it and try again\nvirtio_user_dev_init(): backend set up fails", "another program"),
        ("EAL: No free 2048 kB hugepages reported on node 0", "dpdk_app_hugepages"),
        ('ERROR: This system does not support "VPCLMULQDQ".', "dpdk_app_dpdk_machine"),
        ("EAL: Cannot open /hugepages/rtemap_0: Permission denied", "dpdk_app_security_context"),
    ],
)
def test_known_reasons_name_their_cure(line, cure):
    found = stats(f"EAL: Detected 2 lcore(s)\n{line}\ntestpmd ended with status 1\n")
    assert found["status"] == 1
    assert len(found["causes"]) == 1
    assert cure in found["causes"][0]


def test_nothing_written():
    assert stats("") == {"ports": {}, "version": None, "status": None, "causes": [], "last_lines": []}


# --- plan


def a_pod(name: str = "testpmd-dpdk", identity: str = "b" * 64, node: str = "node-1", ports: int = 2, mode: str = "server", **annotations: str) -> dict:
    noted = [
        {"containerId": identity, "ifName": f"net{n}", "name": "ovs-dpdk-br0", "config": {"engine": "ovs-dpdk", "iftype": "vhostuser", "vhost": {"mode": mode}}}
        for n in range(ports, 0, -1)
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
                    "volumeMounts": [{"name": "hugepages", "mountPath": "/hugepages"}, {"name": "vhu", "mountPath": "/vhu"}],
                }
            ],
            "volumes": [{"name": "hugepages", "emptyDir": {"medium": "HugePages"}}, {"name": "vhu", "hostPath": {"path": "/var/run/openvswitch"}}],
        },
        "status": {"phase": "Running", "startTime": "2026-11-24T00:00:00Z"},
    }


def test_ports_in_order_with_addresses_of_each_other():
    (pod,) = verify_plan([a_pod()])
    first, second = pod["ports"]
    assert [first["name"], second["name"]] == ["net1", "net2"]
    assert first["interface"] == "b" * 12 + "-net1"
    assert first["path"] == "/vhu/" + "b" * 12 + "-net1"
    assert first["peer"] == second["mac"]
    assert second["peer"] == first["mac"]
    # Unicast, and locally administered.
    assert int(first["mac"][:2], 16) & 3 == 2
    assert pod["memory"] == 512
    assert pod["huge_dir"] == "/hugepages"


@pytest.mark.parametrize("mode", ["server", "client"])
def test_sockets_of_a_directory_of_the_pods_own_are_looked_for_where_the_pod_sees_them(mode):
    pod = a_pod(mode=mode)
    pod["spec"]["volumes"][1] = {"name": "shared-dir", "hostPath": {"path": "/var/run/openvswitch/pods"}}
    pod["spec"]["containers"][0]["volumeMounts"][1] = {"name": "shared-dir", "mountPath": "/vhu", "subPathExpr": "$(POD_UID)"}
    assert [one["ports"] for one in verify_plan([pod])] == [one["ports"] for one in verify_plan([a_pod(mode=mode)])]


def test_round_through_all_pods():
    pods = verify_plan([a_pod("a", "a" * 64), a_pod("b", "b" * 64), a_pod("c", "c" * 64)], between_pods=True)
    macs = {port["mac"]: (pod["name"], port["name"]) for pod in pods for port in pod["ports"]}
    goes = {(pod["name"], port["name"]): macs[port["peer"]] for pod in pods for port in pod["ports"]}
    # What leaves by the second port enters the next pod by its first, and leaves there by the second; back the same way.
    assert goes == {
        ("a", "net2"): ("b", "net1"), ("b", "net2"): ("c", "net1"), ("c", "net2"): ("a", "net1"),
        ("a", "net1"): ("c", "net2"), ("b", "net1"): ("a", "net2"), ("c", "net1"): ("b", "net2"),
    }  # fmt: skip


def test_command_line_keeps_away_from_pmd_cores():
    (pod,) = verify_plan([a_pod(mode="client")])
    line = command_line(pod, "cpus 0-3\nstdbuf\ntestpmd dpdk-testpmd\nsocket /vhu/x", pmd_mask="0x6")
    assert line[:3] == ["stdbuf", "-oL", "dpdk-testpmd"]
    assert line[line.index("--lcores") + 1] == "0@0,1@3"
    assert line[line.index("--huge-dir") + 1] == "/hugepages"
    assert not any("server=1" in word for word in line)
    assert f"--eth-peer=0,{pod['ports'][1]['mac']}" in line


def test_command_line_where_every_cpu_polls():
    (pod,) = verify_plan([a_pod()])
    line = command_line(pod, "cpus 0,1\ntestpmd testpmd", pmd_mask="0x3", forward_mode="io")
    assert line[0] == "testpmd"
    assert line[line.index("--lcores") + 1] == "0@0,1@1"
    # Where the pod is the server, it makes the sockets.
    assert sum("server=1" in word for word in line) == 2
    assert not any("eth-peer" in word for word in line)


@pytest.mark.parametrize("text", ["", "nonsense", "[{}]", '"text"', "[1]"])
def test_unreadable_annotation_is_told(text):
    (pod,) = verify_plan([a_pod(**{"userspace/configuration-data": text})])
    assert pod["ports"] == []
    assert "userspace/configuration-data" in pod["problem"]


# --- report


def an_interface(rx: int | None, tx: int | None, **more) -> dict:
    statistics = {"ovs_tx_failure_drops": 0, "ovs_rx_qos_drops": 0, "ovs_tx_retries": 7}
    if rx is not None:
        statistics.update(rx_packets=rx, tx_packets=tx, rx_dropped=0, tx_dropped=0)
    return {"error": None, "ofport": 3, "type": "dpdkvhostuserclient", "status": {"status": "connected"}, "statistics": statistics, **more}


def a_run() -> dict:
    """What was read when 19.11's run was recorded: a client-mode Open vSwitch 3.1, which forgets counters with the connection."""
    (pod,) = verify_plan([a_pod()])
    sockets = "".join(f"socket {port['path']}\n" for port in pod["ports"])
    names = [port["interface"] for port in pod["ports"]]
    state = {"ovs_version": "3.1.0", "dpdk_version": "DPDK 22.11.11", "dpdk_initialized": True, "external_ids": {"system-id": "one"}, "other_config": {}}
    pmd = recorded("pmd-perf.txt")
    return {
        "pods": [dict(pod, probe="cpus 0-1\ntestpmd dpdk-testpmd\n" + sockets, output=recorded("testpmd-19.11.txt"), command="testpmd …")],
        "nodes": {
            "node-1": {
                "before": dict(state, interfaces={name: an_interface(None, None) for name in names}),
                "after": dict(state, interfaces={names[0]: an_interface(502880, 501984), names[1]: an_interface(501984, 502880)}),
                "log": "",
                "ovs_started": 0,
                # Recorded after earlier runs too: before this one the threads had 1,004,864 received packets less.
                "switch_before": pmd.replace("1551136", "546272").replace("1565152", "560288") + "nr_periods 100\nnr_throttled 5\n",
                "switch_after": pmd + "nr_periods 300\nnr_throttled 5\n",
            }
        },
    }


def failed(report: dict) -> dict[str, dict]:
    return {check["id"]: check for check in report["checks"] if not check["ok"]}


def test_a_good_run_passes():
    report = verify_report(a_run(), dict(SETTINGS, stand_ins=["Kube-OVN: stand-in"]))
    assert failed(report) == {}
    assert report["result"] == "pass"
    assert report["stand_ins"] == ["Kube-OVN: stand-in"]
    assert [(row["port"], row["rx_packets"], row["tx_packets"], row["rx_pps"], row["dropped"]) for row in report["traffic"]] == [
        ("net1", 501952, 502880, 53641, 0),
        ("net2", 502848, 501984, 53729, 0),
    ]
    assert report["traffic"][0]["ovs"] == {"rx_packets": 502880, "tx_packets": 501984, "dropped": 0}
    assert report["nodes"]["node-1"]["ovs_version"] == "3.1.0"
    assert report["nodes"]["node-1"]["pmd_rx_packets"] == 1004864
    assert report["pods"][0]["testpmd"] == "DPDK 19.11.14"
    json.dumps(report)


def test_older_switches_keep_counting_over_connections():
    run = a_run()
    names = sorted(run["nodes"]["node-1"]["after"]["interfaces"])
    run["nodes"]["node-1"]["before"]["interfaces"] = {names[0]: an_interface(1000, 2000), names[1]: an_interface(2000, 1000)}
    run["nodes"]["node-1"]["after"]["interfaces"] = {names[0]: an_interface(503880, 503984), names[1]: an_interface(503984, 503880)}
    run["nodes"]["node-1"]["after"]["ovs_version"] = "2.17.9"
    report = verify_report(run, SETTINGS)
    assert failed(report) == {}
    assert report["traffic"][0]["ovs"]["rx_packets"] == 502880


def test_counters_of_the_connection_before_are_not_those_of_this_one():
    run = a_run()
    run["nodes"]["node-1"]["before"]["interfaces"] = {name: an_interface(1000, 2000) for name in run["nodes"]["node-1"]["after"]["interfaces"]}
    report = verify_report(run, SETTINGS)
    assert failed(report) == {}
    assert report["traffic"][0]["ovs"]["rx_packets"] == 502880


def server_mode(run: dict) -> dict:
    """Open vSwitch from 3.1 on has no packet statistics of ports in server mode at all."""
    for name in run["nodes"]["node-1"]["after"]["interfaces"]:
        run["nodes"]["node-1"]["after"]["interfaces"][name] = an_interface(None, None, type="dpdkvhostuser")
    return run


def test_totals_of_the_pmd_threads_where_ports_have_no_statistics():
    report = verify_report(server_mode(a_run()), SETTINGS)
    assert failed(report) == {}
    assert report["traffic"][0]["ovs"]["rx_packets"] is None
    assert "PMD threads" in next(check["detail"] for check in report["checks"] if check["id"] == "counters")


def test_totals_of_the_pmd_threads_that_are_too_few():
    run = server_mode(a_run())
    run["nodes"]["node-1"]["switch_before"] = run["nodes"]["node-1"]["switch_after"]
    assert list(failed(verify_report(run, SETTINGS))) == ["counters"]


def test_no_second_side_at_all():
    run = server_mode(a_run())
    run["nodes"]["node-1"]["switch_after"] = ""
    assert list(failed(verify_report(run, SETTINGS))) == ["counters"]


def test_silent_failure_is_explained_by_the_log():
    run = server_mode(a_run())
    run["pods"][0]["output"] = recorded("testpmd-22.11-mempool.txt") + "testpmd ended with status 0\n"
    run["nodes"]["node-1"]["log"] = recorded("vswitchd-mempool.log")
    bad = failed(verify_report(run, SETTINGS))
    assert list(bad) == ["traffic"]
    assert "net1 received no packet" in bad["traffic"]["detail"]
    assert "Failed to create" in bad["traffic"]["detail"]
    assert "kube_ovn_dpdk_socket_mem" in bad["traffic"]["detail"]


def test_log_of_an_earlier_start_explains_nothing():
    run = a_run()
    run["pods"][0]["output"] = recorded("testpmd-22.11-mempool.txt") + "testpmd ended with status 0\n"
    run["nodes"]["node-1"]["log"] = recorded("vswitchd-mempool.log") + "2026-11-24T01:00:00.000Z|00001|vlog|INFO|opened log file /var/log/x\n"
    assert "Failed to create" not in failed(verify_report(run, SETTINGS))["traffic"]["detail"]


def test_pages_that_a_running_dpdk_can_do_without_explain_nothing():
    warning = "2026-11-24T01:00:00.000Z|00009|dpdk|WARN|EAL: No free 1048576 kB hugepages reported on node 0\n"
    run = a_run()
    run["pods"][0]["output"] = recorded("testpmd-22.11-mempool.txt") + "testpmd ended with status 0\n"
    run["nodes"]["node-1"]["log"] = warning
    assert "DPDK in OVS did not start" not in failed(verify_report(run, SETTINGS))["traffic"]["detail"]
    run["nodes"]["node-1"]["after"]["dpdk_initialized"] = False
    assert "DPDK in OVS did not start (log: dpdk|WARN|EAL: No free" in failed(verify_report(run, SETTINGS))["dpdk-initialized"]["detail"]


def broken(change) -> dict[str, dict]:
    run = a_run()
    change(run, run["nodes"]["node-1"], run["pods"][0])
    report = verify_report(run, SETTINGS)
    assert report["result"] == "fail"
    bad = failed(report)
    assert all(check["detail"] for check in bad.values())
    return bad


def test_counters_that_disagree():
    bad = broken(lambda run, node, pod: node["after"]["interfaces"]["b" * 12 + "-net1"]["statistics"].update(rx_packets=400000))
    assert list(bad) == ["counters"]
    assert "sent 502880 packets, OVS received 400000" in bad["counters"]["detail"]


def test_drops():
    bad = broken(lambda run, node, pod: node["after"]["interfaces"]["b" * 12 + "-net1"]["statistics"].update(tx_dropped=5000))
    assert list(bad) == ["drops"]


def test_interface_error():
    def change(run, node, pod):
        node["after"]["interfaces"]["b" * 12 + "-net2"].update(error="could not add network device", ofport=-1)

    bad = broken(change)
    assert "could not add network device" in bad["interfaces"]["detail"]


def test_interface_that_no_node_has():
    bad = broken(lambda run, node, pod: node["after"]["interfaces"].pop("b" * 12 + "-net2"))
    assert "no node has interface" in bad["interfaces"]["detail"]


def test_dpdk_not_initialised():
    assert list(broken(lambda run, node, pod: node["after"].update(dpdk_initialized=False))) == ["dpdk-initialized"]


def test_system_ids():
    bad = broken(lambda run, node, pod: node["after"].update(external_ids={"system-id": ""}))
    assert "node-1 has no system-id" in bad["system-id"]["detail"]
    bad = broken(lambda run, node, pod: run["nodes"].update({"node-2": copy.deepcopy(node)}))
    assert "another node" in bad["system-id"]["detail"]


def test_socket_lost_with_a_restart_of_open_vswitch():
    def change(run, node, pod):
        for port in pod["ports"]:
            port["server"] = False
        pod["probe"] = "cpus 0-1\ntestpmd testpmd"
        pod["output"] = "virtio_user_dev_init(): backend set up fails\ntestpmd ended with status 1\n"
        node["ovs_started"] = 1e12
        for interface in node["after"]["interfaces"].values():
            interface["status"] = {"status": "disconnected"}

    bad = broken(change)
    assert "OVS on node-1 was restarted after the pod was created" in bad["sockets"]["detail"]
    assert "dpdk_app_recreate" in bad["sockets"]["cure"]
    assert {"testpmd", "connected", "traffic"} <= set(bad)


def test_socket_that_the_pod_makes_itself_is_not_missed():
    run = a_run()
    assert all(port["server"] for port in run["pods"][0]["ports"])
    run["pods"][0]["probe"] = "cpus 0-1\ntestpmd testpmd"
    assert failed(verify_report(run, SETTINGS)) == {}


def test_throttled_pmd_threads():
    def change(run, node, pod):
        node["switch_after"] = node["switch_after"].replace("nr_throttled 5", "nr_throttled 150")

    bad = broken(change)
    assert list(bad) == ["pmd"]
    assert "145 of 200" in bad["pmd"]["detail"]


def test_no_pods():
    bad = broken(lambda run, node, pod: run["pods"].clear())
    assert {"pods", "traffic"} <= set(bad)


def test_pod_without_attachments():
    run = a_run()
    naked = a_pod()
    del naked["metadata"]["annotations"]["userspace/configuration-data"]
    run["pods"] = verify_plan([naked])
    bad = failed(verify_report(run, SETTINGS))
    assert "userspace/configuration-data is missing" in bad["attachments"]["detail"]
    assert "traffic" in bad


def test_node_that_could_not_be_read():
    def change(run, node, pod):
        node.update(before={}, after={}, problem="no such file: /run/openvswitch/db.sock")

    bad = broken(change)
    assert "node-1: no such file" in bad["ovs"]["detail"]


# --- check mode


@pytest.mark.parametrize("core", [".venv", ".venv-newest"])
def test_check_mode_sends_nothing_and_says_so(tmp_path, core):
    # Neither a cluster nor a switch is there: whoever looked for one would fail.
    inventory = {"all": {"vars": {"ansible_connection": "local"}, "children": {"cluster": {"hosts": {"c": {}}}, "nodes": {"hosts": {"n": {}}}}}}
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
        [str(ROOT / ".venv" / "bin" / "ansible-playbook"), "-i", str(tmp_path / "hosts.yml"), str(ROOT / "playbooks" / "verify.yml")],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert words in " ".join(done.stdout.split())


# --- the script that runs in the pod

FAKE = """#!/bin/sh
# Answers as testpmd does: a prompt, then each command echoed.
trap 'exit 0' TERM
printf 'EAL: started\\ntestpmd> '
while read -r line; do
    printf '%s\\n' "$line"
    [ "$line" != quit ] || { echo 'Bye...'; exit 0; }
    printf 'did: %s\\ntestpmd> ' "$line"
done
"""


def script(*arguments: str) -> str:
    done = subprocess.run(["sh", str(SCRIPT), *arguments], capture_output=True, text=True, timeout=90, check=True, stdin=subprocess.DEVNULL)
    return done.stdout


@pytest.fixture
def fake(tmp_path):
    path = tmp_path / "testpmd"
    path.write_text(FAKE)
    path.chmod(0o755)
    return path


def test_script_keeps_testpmd_under_control(fake, tmp_path):
    room = str(tmp_path / "room")
    started = time.monotonic()
    script("begin", room, "60", "0", str(fake))
    script("run", room, "1")
    # Neither waits for what it started: the pods forward at the same time.
    assert time.monotonic() - started < 20
    time.sleep(4)
    assert "did: show port stats all" in script("output", room)
    output = script("end", room)
    commands = [line.removeprefix("did: ") for line in output.splitlines() if line.startswith("did: ")]
    assert commands == ["start tx_first", "show port stats all", "show port stats all", "stop", "show port stats all"]
    assert output.splitlines()[-1] == "testpmd ended with status 0"


def test_script_removes_a_socket_that_a_killed_server_has_left_and_no_other(fake, tmp_path):
    left, held, other = (str(tmp_path / name) for name in ("left", "held", "other"))
    sockets = [socket.socket(socket.AF_UNIX) for _path in (left, held, other)]
    for bound, path in zip(sockets, (left, held, other), strict=True):
        bound.bind(path)
    sockets[0].close()
    sockets[2].close()
    devices = [f"--vdev=net_virtio_user0,path={left},mac=02:00:00:00:00:01,server=1", f"--vdev=net_virtio_user1,path={held},server=1"]
    # Of this one testpmd is the client, which can do nothing without it.
    devices.append(f"--vdev=net_virtio_user2,path={other},mac=02:00:00:00:00:03")
    room = str(tmp_path / "room")
    script("begin", room, "60", "0", str(fake), *devices)
    script("end", room)
    assert [os.path.exists(path) for path in (left, held, other)] == [False, True, True]
    sockets[1].close()


def test_script_tells_when_testpmd_does_not_start(tmp_path):
    room = str(tmp_path / "room")
    script("begin", room, "60", "1", "sh", "-c", "echo no hugepages; exit 7")
    assert script("end", room).splitlines() == ["no hugepages", "testpmd ended with status 7"]


def test_script_ends_testpmd_at_its_limit(fake, tmp_path):
    room = str(tmp_path / "room")
    script("begin", room, "2", "9", str(fake))
    time.sleep(5)
    assert "testpmd ended with status" in script("output", room)


def test_probe(tmp_path):
    lines = script("probe", "/nonexistent", str(tmp_path)).splitlines()
    assert lines[0].startswith("cpus ")
    assert not any(line.startswith("socket ") for line in lines)
