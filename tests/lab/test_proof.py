"""The traffic proof on two lab nodes that are broken by hand, each in another way at a time: found, named by its check, and red in the drawing of its node.

Two ways to break a node share a run of the proof, one on each node, so that neither hides the other. Each is undone before the next.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest
from kubernetes import client
from kubernetes.client import ApiException
from lab import REPORT, ROOT, core, playbook, wait_for
from two_nodes import DEDICATED, INVENTORIES, NODES, in_switch, on, ready, run, switches, vsctl

FIRST, SECOND = NODES
CONFIGURATION = "/opt/ovs-config/config.cfg"
CNI = "/etc/cni/net.d"
OURS = ("userspace/", "k8s.v1.cni.cncf.io/network-status", "k8s.v1.cni.cncf.io/networks-status", "ovn.kubernetes.io/")
# Within each pod, where nothing is lost although the nodes share the machine's cores.
LOCAL = {**DEDICATED, "verify_between_pods": False, "verify_max_drop_ratio": 0.001, "verify_duration": 2}
LOCK = "kube-ovn-dpdk-verify"
# After which the container runtime has read its directory again.
RELOAD = 3


@pytest.fixture(scope="module", autouse=True)
def running_lab(two_nodes):
    run("site.yml", **LOCAL)


def pod(node: str) -> client.V1Pod:
    listed = core().list_namespaced_pod("default", label_selector="app.kubernetes.io/name=testpmd").items
    return next(one for one in listed if one.spec.node_name == node or (one.spec.node_selector or {}).get("kubernetes.io/hostname") == node)


def port(node: str, number: int = 1) -> str:
    """The interface of the pod's n-th attachment in Open vSwitch."""
    noted = json.loads(pod(node).metadata.annotations["userspace/configuration-data"])
    return f"{noted[-1]['containerId'][:12]}-net{number}"


def recreate(node: str, change: Callable[[dict], None] | None = None, phase: str = "Running", as_before: dict | None = None) -> dict:
    """Delete the pod of the node and recreate it, changed or as it was; returns how it was."""
    api = core()
    found = pod(node)
    manifest = api.api_client.sanitize_for_serialization(found)
    manifest = as_before or {
        "metadata": {
            "name": manifest["metadata"]["name"],
            "labels": manifest["metadata"]["labels"],
            "annotations": {key: value for key, value in manifest["metadata"]["annotations"].items() if not key.startswith(OURS)},
        },
        "spec": {key: value for key, value in manifest["spec"].items() if key not in ("nodeName", "serviceAccount", "priority", "preemptionPolicy")},
    }
    made = json.loads(json.dumps(manifest))
    if change:
        change(made)
    api.delete_namespaced_pod(found.metadata.name, "default", grace_period_seconds=0)

    def gone() -> bool:
        try:
            return api.read_namespaced_pod(found.metadata.name, "default").metadata.uid != found.metadata.uid
        except ApiException as error:
            return error.status == 404

    wait_for(f"pod {found.metadata.name} to go away", gone, 90)
    api.create_namespaced_pod("default", made)
    wait_for(f"pod {found.metadata.name} to be {phase}", lambda: pod(node).status.phase == phase, 90)
    return manifest


def proof(**variables: object) -> tuple[int, dict, str]:
    REPORT.unlink(missing_ok=True)
    code, output = playbook("playbooks/verify.yml", 400, INVENTORIES, **{**LOCAL, **variables})
    assert REPORT.exists(), output
    return code, json.loads(REPORT.read_text()), output


def problems(report: dict, node: str) -> dict[str, str]:
    """What failed on this node, by check."""
    own = {one["name"] for one in report["pods"] if one["kubernetes_node"] == node}
    return {
        check["id"]: one["found"]
        for check in report["checks"]
        for one in check.get("problems") or []
        if one["where"].get("host") == node or one["where"].get("pod") in own
    }


def red(node: str) -> set[str]:
    """The checks that the drawings of this node call the first broken link."""
    page = (REPORT.parent / "report.html").read_text()
    found = set()
    for svg in re.findall(r"<svg .*?</svg>", page, re.DOTALL):
        drawing = ElementTree.fromstring(svg)
        if f" on {node}" not in (drawing.get("aria-label") or ""):
            continue
        texts = [one.text or "" for one in drawing.iter("text") if "broken" in (one.get("class") or "")]
        if any("broken" in (shape.get("class") or "") for shape in drawing.iter("rect")):
            found |= {text.rpartition(": ")[2] for text in texts if text.startswith("✗")}
    return found


# --- ways to break a node


@dataclass
class Break:
    """Breaks the node when it is entered and mends it when it is left. `checks`: one of them names it first."""

    name: str
    checks: tuple[str, ...]
    manager: Callable[[str], contextlib.AbstractContextManager]


BREAKS: dict[str, Break] = {}


def breaks(name: str, *checks: str):
    def register(function):
        BREAKS[name] = Break(name, checks, contextlib.contextmanager(function))
        return function

    return register


def restart_open_vswitch(node: str) -> None:
    old = switches()[node].metadata
    core().delete_namespaced_pod(old.name, old.namespace, grace_period_seconds=1)
    wait_for("a new pod of Open vSwitch", lambda: node in switches() and switches()[node].metadata.uid != old.uid and ready(switches()[node]), 180)
    wait_for("its bridge", lambda: "br0" in on(node, "/usr/local/bin/ovs-vsctl", "list-br", check=False).split(), 60)


@breaks("too little socket memory", "interfaces", "dpdk-initialized")
def socket_memory(node):
    before = on(node, "cat", CONFIGURATION)
    changed = re.sub(r"(?m)^dpdk-socket-mem=.*", 'dpdk-socket-mem="16"\ndpdk-socket-limit="16"', before)
    assert changed != before
    on(node, "sh", "-c", 'printf "%s" "$1" > "$2"', "sh", changed, CONFIGURATION)
    vsctl(node, "remove", "Open_vSwitch", ".", "other_config", "dpdk-socket-limit")
    restart_open_vswitch(node)
    kept = recreate(node)
    yield
    on(node, "sh", "-c", 'printf "%s" "$1" > "$2"', "sh", before, CONFIGURATION)
    vsctl(node, "remove", "Open_vSwitch", ".", "other_config", "dpdk-socket-limit")
    restart_open_vswitch(node)
    recreate(node, as_before=kept)


@breaks("OVS pod stopped", "ovs", "coverage")
def stopped(node):
    selector = client.AppsV1Api(core().api_client).read_namespaced_daemon_set("ovs-ovn", "kube-system").spec.template.spec.node_selector
    (key, value), *_others = [item for item in selector.items() if item[0] != "kubernetes.io/os"]
    core().patch_node(node, {"metadata": {"labels": {key: None}}})
    wait_for("the pod of Open vSwitch to go away", lambda: node not in switches(), 120)
    yield
    core().patch_node(node, {"metadata": {"labels": {key: value}}})
    wait_for("the pod of Open vSwitch", lambda: node in switches() and ready(switches()[node]), 180)
    wait_for("its bridge", lambda: "br0" in on(node, "/usr/local/bin/ovs-vsctl", "list-br", check=False).split(), 60)
    # kube-ovn-cni went with the switch, and Multus takes its configuration back as long as that is gone: a pod started now would have no attachments.
    wait_for("the configuration of Multus", lambda: on(node, "sh", "-c", f"ls {CNI} | head -n 1").startswith("00-multus"), 120)
    recreate(node)


@breaks("wrong bridge in the attachment", "bridges")
def wrong_bridge(node):
    api = client.CustomObjectsApi(core().api_client)
    names = ("k8s.cni.cncf.io", "v1", "default", "network-attachment-definitions")
    definition = api.get_namespaced_custom_object(*names, "ovs-dpdk-br0")
    config = json.loads(definition["spec"]["config"])
    text = json.dumps(config).replace('"br0"', '"br1"')
    assert text != json.dumps(config)
    other = {**definition, "metadata": {"name": "wrong"}, "spec": {"config": text.replace('"ovs-dpdk-br0"', '"wrong"')}}
    vsctl(node, "--may-exist", "add-br", "br1", "--", "set", "bridge", "br1", "datapath_type=netdev")
    api.create_namespaced_custom_object(*names, other)

    def change(made: dict) -> None:
        made["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"] = "ovs-dpdk-br0, wrong"

    kept = recreate(node, change)
    yield
    recreate(node, as_before=kept)
    api.delete_namespaced_custom_object(*names, "wrong")
    vsctl(node, "--if-exists", "del-br", "br1")


@breaks("br0 on the kernel datapath", "datapath-type", "interfaces")
def kernel_datapath(node):
    vsctl(node, "--no-wait", "set", "bridge", "br0", "datapath_type=system")
    yield
    vsctl(node, "set", "bridge", "br0", "datapath_type=netdev")
    recreate(node)


@breaks("port removed by hand", "interfaces")
def port_removed(node):
    vsctl(node, "del-port", port(node, 2))
    yield
    recreate(node)


@breaks("socket file removed", "sockets")
def socket_removed(node):
    found = on(node, "find", "/run/openvswitch", "-name", port(node, 2), "-type", "s").split()
    assert found
    on(node, "rm", *found)
    yield
    recreate(node)


@breaks("Multus configuration gone", "attachments")
def multus_gone(node):
    on(node, "cp", "--preserve", f"{CNI}/00-multus.conf", "/root/00-multus.conf")
    on(node, "rm", f"{CNI}/00-multus.conf")
    time.sleep(RELOAD)
    kept = recreate(node)
    yield
    # Written anew: containerd takes no notice of a file that only appears (cni_conf_syncer of its CRI plugin).
    on(node, "cp", "--preserve", "/root/00-multus.conf", f"{CNI}/00-multus.conf")
    time.sleep(RELOAD)
    recreate(node, as_before=kept)


@breaks("another conflist first", "attachments")
def other_conflist(node):
    on(node, "cp", f"{CNI}/01-kube-ovn.conflist", f"{CNI}/00-another.conflist")
    time.sleep(RELOAD)
    kept = recreate(node)
    yield
    on(node, "rm", f"{CNI}/00-another.conflist")
    time.sleep(RELOAD)
    recreate(node, as_before=kept)


@breaks("wrapper removed", "pods")
def wrapper_removed(node):
    on(node, "mv", "/usr/local/bin/ovs-vsctl", "/root/ovs-vsctl")
    kept = recreate(node, phase="Pending")
    yield
    on(node, "mv", "/root/ovs-vsctl", "/usr/local/bin/ovs-vsctl")
    recreate(node, as_before=kept)


@breaks("page size wrong in the pod", "pods", "testpmd")
def page_size(node):
    def change(made: dict) -> None:
        for kind in made["spec"]["containers"][0]["resources"].values():
            kind["hugepages-1Gi"] = kind.pop("hugepages-2Mi")

    kept = recreate(node, change, phase="Pending")
    yield
    recreate(node, as_before=kept)


@breaks("PMD thread on a missing core", "pmd", "readings", "delivery", "testpmd")
def missing_core(node):
    before = vsctl(node, "get", "Open_vSwitch", ".", "other_config:pmd-cpu-mask")
    vsctl(node, "--no-wait", "set", "Open_vSwitch", ".", "other_config:pmd-cpu-mask=0x8000000")
    time.sleep(2)
    yield
    vsctl(node, "set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={before}")


def number(node: str) -> str:
    """The OpenFlow port of the pod's first attachment: OpenFlow cuts names after 15 characters."""
    return vsctl(node, "get", "Interface", port(node), "ofport")


@breaks("flow that drops one direction", "path")
def drop(node):
    in_switch(node, "ovs-ofctl", "add-flow", "br0", f"priority=100,in_port={number(node)},actions=drop")
    yield
    in_switch(node, "ovs-ofctl", "--strict", "del-flows", "br0", f"priority=100,in_port={number(node)}")


@breaks("meter", "path")
def meter(node):
    in_switch(node, "ovs-ofctl", "-O", "OpenFlow13", "add-meter", "br0", "meter=1,pktps,band=type=drop,rate=100")
    in_switch(node, "ovs-ofctl", "-O", "OpenFlow13", "add-flow", "br0", f"priority=100,in_port={number(node)},actions=meter:1,NORMAL")
    yield
    in_switch(node, "ovs-ofctl", "--strict", "del-flows", "br0", f"priority=100,in_port={number(node)}")
    in_switch(node, "ovs-ofctl", "-O", "OpenFlow13", "del-meters", "br0")


PAIRS = [
    ("flow that drops one direction", "meter"),
    ("PMD thread on a missing core", "socket file removed"),
    ("port removed by hand", "wrong bridge in the attachment"),
    ("br0 on the kernel datapath", "Multus configuration gone"),
    ("wrapper removed", "page size wrong in the pod"),
    ("another conflist first", "OVS pod stopped"),
    ("too little socket memory", None),
]


def test_every_way_is_tried():
    assert sorted(name for pair in PAIRS for name in pair if name) == sorted(BREAKS)


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda name: str(name).replace(" ", "-"))
def test_broken_node_is_found_named_and_red(one, other):
    broken = {FIRST: BREAKS[one], **({SECOND: BREAKS[other]} if other else {})}
    with contextlib.ExitStack() as stack:
        for node, way in broken.items():
            stack.enter_context(way.manager(node))
        code, report, _output = proof()
        found = {node: problems(report, node) for node in NODES}
        drawn = {node: red(node) for node in NODES}
    assert code != 0
    assert report["result"] == "fail"
    for node, way in broken.items():
        assert set(found[node]) & set(way.checks), f"{way.name}: {found[node]}"
        assert drawn[node] & set(way.checks), f"{way.name}: {drawn[node]}"
    for node in set(NODES) - set(broken):
        assert found[node] == {}
        assert drawn[node] == set()


def test_mended_nodes_pass():
    code, report, output = proof()
    assert code == 0, output
    assert report["result"] == "pass"
    assert {row["kubernetes_node"] for row in report["traffic"]} == set(NODES)


@pytest.mark.parametrize("way", ["port of the switch", "device"])
def test_uplink_that_is_down_is_found_named_and_red(way):
    command = {"port of the switch": ("ovs-ofctl", "mod-port", "br0", "uplink0"), "device": ("ip", "link", "set", "eth1")}[way]

    def switch(state: str) -> None:
        in_switch(SECOND, *command, state) if command[0] == "ovs-ofctl" else on(SECOND, *command, state)

    switch("down")
    try:
        code, report, _output = proof(verify_between_pods=True, verify_max_drop_ratio=1)
        failed = [check["id"] for check in report["checks"] if not check["ok"]]
        drawn = red(FIRST) | red(SECOND)
    finally:
        switch("up")
    assert code != 0
    # A packet socket of the kernel does not say that its device is down: the missing packets do.
    assert failed[0] in (("uplinks",) if way == "port of the switch" else ("uplinks", "delivery", "rate")), failed
    assert failed[0] in drawn


# --- interrupted


def left_behind() -> list[str]:
    """testpmd in the pods, and the lock with its owner."""
    found = [f"{node}: {line}" for node in NODES for line in on(node, "pgrep", "-af", LOCK, check=False).splitlines() if "pgrep" not in line]
    found += [one.metadata.name for one in client.CoordinationV1Api(core().api_client).list_namespaced_lease("default").items]
    return found + [one.metadata.name for one in client.BatchV1Api(core().api_client).list_namespaced_job("default").items]


def interrupt(profile: str) -> None:
    """Begin a run and interrupt it, as the terminal does, as soon as its packets pass."""
    command = ["ansible-playbook", "playbooks/verify.yml", *(word for inventory in INVENTORIES for word in ("-i", inventory))]
    process = subprocess.Popen(
        [*command, "-e", json.dumps({**LOCAL, "verify_duration": 30, "verify_profile": profile})],
        cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        wait_for("the lock and testpmd", lambda: len(left_behind()) >= 4, 120, every=1)
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(60) != 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def identities() -> dict[str, str]:
    return {one.metadata.name: one.metadata.uid for one in core().list_namespaced_pod("default").items}


def test_run_after_an_interrupted_one_takes_over_and_leaves_nothing():
    before = identities()
    interrupt("full")
    assert left_behind()
    code, report, output = proof()
    assert code == 0, output
    assert report["result"] == "pass"
    assert "was taken over" in " ".join(output.split())
    assert left_behind() == []
    assert identities() == before


def test_interrupted_run_leaves_nothing_behind():
    before = identities()
    interrupt("quick")
    # The lock lasts as long as the slowest step of a run with two pods may take.
    wait_for(f"what the run left to go away ({left_behind()})", lambda: not left_behind(), 600, every=2)
    assert identities() == before
