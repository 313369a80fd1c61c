"""Options of attachments, and pods that are not root, proven by packets that testpmd counts in pods of their own.

The lab has two CPUs: on one all testpmds and the rest of Kubernetes take turns, on the other the PMD thread. Rates are far below what that passes.
"""

from __future__ import annotations

import contextlib
import copy
import re
import shlex

import pytest
from kubernetes.client import ApiException
from lab import FILES, OWN, SHOW, Testpmd, core, in_pod, on_node, playbook, pod, pods, ports_of, remove, vsctl, wait_for, wait_until_running

GROUP = 4711
# Kilobits a second.
RATE = 20_000
ATTACHMENTS = [
    {"name": "lab-vlan7", "vlan": 7},
    {"name": "lab-vlan8", "vlan": 8},
    {"name": "lab-ingress", "vlan": 7, "ingress_rate": RATE},
    {"name": "lab-egress", "vlan": 7, "egress_rate": RATE},
    {"name": "lab-jumbo", "vlan": 9, "mtu": 9000},
    {"name": "lab-queues", "vlan": 10, "queues": 2},
    {"name": "lab-group", "vlan": 11, "group": str(GROUP)},
    {"name": "lab-group-client", "vlan": 12, "group": str(GROUP), "mode": "client"},
]
PODS = {
    "lab-a": ["lab-vlan7", "lab-ingress", "lab-jumbo", "lab-queues"],
    "lab-b": ["lab-vlan7", "lab-egress", "lab-jumbo", "lab-queues"],
    "lab-c": ["lab-vlan8"],
}
NOTES = {"name": "podnetinfo", "downwardAPI": {"items": [{"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}}]}}
WITH_NOTES = {"volumes": [*OWN["volumes"], NOTES], "mounts": [*OWN["mounts"], {"name": "podnetinfo", "mountPath": "/etc/podnetinfo"}]}
# What a packet carries of Ethernet is not counted by Open vSwitch's policers.
ETHERNET = 14
# testpmd sends so many packets of one burst.
BURST = 32


@pytest.fixture(scope="module", autouse=True)
def attachments():
    code, _output = playbook(str(FILES / "pods.yml"), dpdk_app_state="absent")
    assert code == 0
    code, _output = playbook(str(FILES / "attachments.yml"), network_attachments_definitions=ATTACHMENTS)
    assert code == 0
    yield
    remove(pods())
    wait_for("no pods", lambda: not pods(), 60)
    code, _output = playbook(str(FILES / "attachments.yml"), network_attachments_purge=True)
    assert code == 0
    playbook(str(FILES / "pods.yml"))


@pytest.fixture(scope="module")
def three_pods(attachments):
    for name, networks in PODS.items():
        core().create_namespaced_pod("default", pod(name, networks, WITH_NOTES, hugepages="256Mi"))
    wait_until_running(list(PODS))
    yield
    remove([one for one in pods() if one.metadata.name in PODS])
    wait_for("the pods gone", lambda: not [one for one in pods() if one.metadata.name in PODS], 60)


def mac(number: int, interface: str) -> str:
    """Of each interface another one, since the bridge remembers for minutes where it has seen an address."""
    return f"02:00:00:00:{int(interface.removeprefix('net')):02x}:{number:02x}"


@contextlib.contextmanager
def running(interfaces: dict[str, str], *arguments: str, device: str = ""):
    """testpmd on one interface of each of these pods. Each knows the others' addresses, and sends to the next one's."""
    with contextlib.ExitStack() as stack:
        addresses = [mac(number, interface) for number, interface in enumerate(interfaces.values())]
        found = []
        for number, (name, interface) in enumerate(interfaces.items()):
            peer = f"--eth-peer=0,{addresses[(number + 1) % len(addresses)]}"
            found.append(stack.enter_context(Testpmd(name, [interface], peer, *arguments, device=f",mac={addresses[number]}{device}")))
        for one in found:
            one.play("start")
        yield found


def send(sender: Testpmd, bursts: int) -> int:
    """How many packets were sent, in so many bursts of each queue."""
    before = sender.play("stop")[-1]["tx"]
    return sender.play(f"start tx_first {bursts}", "@1")[-1]["tx"] - before


def received(receiver: Testpmd) -> int:
    return receiver.play()[-1]["rx"]


def test_application_finds_its_sockets(three_pods) -> None:
    """By what app-netutil does: it joins two annotations, which it reads from a file."""
    text = in_pod("lab-a", "cat", "/etc/podnetinfo/annotations")
    directory = re.search(r'^userspace/mapped-dir="(.*)"$', text, re.M)[1]
    files = re.findall(r'\\"socketfile\\": *\\"([^"\\]+)\\"', text)
    assert len(files) == 4
    for number, name in enumerate(sorted(files), 1):
        assert in_pod("lab-a", "sh", "-c", f"[ -S {shlex.quote(directory + '/' + name)} ] && readlink /vhu/net{number}").strip() == name


def test_pods_of_one_vlan_reach_each_other_and_no_pod_of_another(three_pods) -> None:
    with running({"lab-a": "net1", "lab-b": "net1", "lab-c": "net1"}) as (a, b, c):
        assert send(a, 4) == 4 * BURST
        assert (received(b), received(c)) == (4 * BURST, 0)
        assert send(b, 2) == 2 * BURST, "to the third pod, which is not in this VLAN: flooded in it"
        assert received(c) == 0
        assert received(a) == 2 * BURST
        # In the other VLAN it would have been reached.
        (port,) = ports_of(core().read_namespaced_pod("lab-c", "default"))
        vsctl("set", "Port", port, "tag=7")
        try:
            assert send(b, 2) == 2 * BURST
            assert received(c) == 2 * BURST
        finally:
            vsctl("set", "Port", port, "tag=8")


@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_rate_limits_hold(three_pods, direction: str) -> None:
    interfaces = {"lab-a": "net2" if direction == "ingress" else "net1", "lab-b": "net2" if direction == "egress" else "net1"}
    seconds = 10
    with running(interfaces) as (a, b):
        a.play("stop", "set fwd txonly", "set txpkts 1400", "start", "@2")
        # The burst has passed by then.
        first, last = b.play(SHOW, f"@{seconds}")
        a.play("stop")
    packets = last["rx"] - first["rx"]
    kilobits = (last["rx_bytes"] - first["rx_bytes"] - ETHERNET * packets) * 8 / 1000 / seconds
    print(f"{direction}: {packets} packets in {seconds} s, {kilobits:.0f} kbit/s of {RATE}")
    assert abs(kilobits - RATE) <= RATE / 10


def test_packets_of_9000_bytes_pass_where_the_attachment_says_so(three_pods) -> None:
    length = 9000 + ETHERNET
    large = ("--mbuf-size=10240", f"--max-pkt-len={length + 4}")
    for interface, passes in (("net3", True), ("net1", False)):
        with running({"lab-a": interface, "lab-b": interface}, *large) as (a, b):
            a.play("stop", f"set txpkts {length}")
            sent = send(a, 4)
            found = b.play()[-1]
            print(f"{interface}: {sent} packets of {length} bytes sent, {found['rx']} with {found['rx_bytes']} bytes received")
            assert sent == 4 * BURST
            assert (found["rx"], found["rx_bytes"]) == ((sent, sent * length) if passes else (0, 0))


def polled(port: str) -> set[tuple[int, int]]:
    """(core, queue) of each queue of a port that a PMD thread polls."""
    shown = on_node("/usr/local/bin/ovs-appctl", "dpif-netdev/pmd-rxq-show")
    threads = re.split(r"^pmd thread numa_id \d+ core_id (\d+):$", shown, flags=re.M)
    lines = [(int(number), line) for number, text in zip(threads[1::2], threads[2::2], strict=True) for line in text.splitlines()]
    return {(number, int(queue)) for number, line in lines for queue in re.findall(rf"port: {re.escape(port)}\s+queue-id:\s+(\d+) \(enabled\)", line)}


@pytest.mark.parametrize("mask", ["0x2", "0x3"], ids=["one PMD thread", "two PMD threads"])
def test_two_queues_are_polled(three_pods, mask: str) -> None:
    ports = [ports_of(core().read_namespaced_pod(name, "default"))[3] for name in ("lab-a", "lab-b")]
    before = vsctl("get", "Open_vSwitch", ".", "other_config:pmd-cpu-mask")
    vsctl("set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={mask}")
    try:
        with running({"lab-a": "net4", "lab-b": "net4"}, "--rxq=2", "--txq=2", device=",queues=2") as (a, b):
            wait_for("both queues", lambda: all({queue for _core, queue in polled(port)} == {0, 1} for port in ports), 20)
            print({port: sorted(polled(port)) for port in ports})
            if mask == "0x3":
                assert {number for port in ports for number, _queue in polled(port)} == {0, 1}, "both threads have queues"
            # Each queue sends its bursts: what one that is not polled sent would never arrive.
            assert send(a, 3) == 2 * 3 * BURST
            wait_for("all packets", lambda: received(b) == 2 * 3 * BURST, 10)
    finally:
        vsctl("set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={before}")


# --- pods that are not root

RESTRICTED = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": GROUP, "seccompProfile": {"type": "RuntimeDefault"}},
}
OF_CONTAINER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def restricted_pod(sockets: dict) -> dict:
    networks = ["default/lab-group", "default/lab-group", "default/lab-group-client", "default/lab-group-client"]
    made = pod("lab-d", networks, sockets, hugepages="256Mi", **copy.deepcopy(RESTRICTED))
    made["spec"]["containers"][0]["securityContext"] = OF_CONTAINER
    return made


@pytest.fixture
def namespaces():
    """One that enforces Pod Security `restricted`, and one that only says what does not keep to it."""
    labels = {"restricted": {"enforce": "restricted"}, "privileged": {"enforce": "privileged", "warn": "restricted"}}
    for name, modes in labels.items():
        known = {f"pod-security.kubernetes.io/{mode}": level for mode, level in modes.items()}
        core().create_namespace({"metadata": {"name": f"lab-{name}", "labels": known}})
    yield [f"lab-{name}" for name in labels]
    remove([one for one in pods() if one.metadata.namespace.startswith("lab-")], force=True)
    for name in labels:
        core().delete_namespace(f"lab-{name}")
    wait_for("no namespaces", lambda: not [one for one in core().list_namespace().items if one.metadata.name.startswith("lab-")], 60)


def test_pod_that_is_not_root_passes_packets(namespaces) -> None:
    restricted, privileged = namespaces
    # hostPath is all that the level forbids: hugepages are an emptyDir, and so are the sockets in hybrid mode.
    with pytest.raises(ApiException) as refused:
        core().create_namespaced_pod(restricted, restricted_pod(OWN), dry_run="All")
    message = refused.value.body
    assert 'volume "shared-dir" uses restricted volume type "hostPath"' in message.replace("\\", "")
    assert re.findall(r"(runAsNonRoot|seccompProfile|capabilities|allowPrivilegeEscalation)", message) == []
    directory = {"volumes": [{"name": "shared-dir", "emptyDir": {}}], "mounts": [{"name": "shared-dir", "mountPath": "/vhu"}]}
    core().create_namespaced_pod(restricted, restricted_pod(directory), dry_run="All")

    core().create_namespaced_pod(privileged, restricted_pod(OWN))
    wait_until_running(["lab-d"])
    assert in_pod("lab-d", "id", namespace=privileged).split()[0] == "uid=1000"
    for interfaces, device in ((["net1", "net2"], ""), (["net3", "net4"], ",server=1")):
        with Testpmd("lab-d", interfaces, "--forward-mode=mac", device=device, namespace=privileged) as ran:
            first, last = ran.play("start tx_first 1", "@1", SHOW, "@3")
            print(f"{interfaces}: {last['rx'] - first['rx']} packets in 3 s")
            assert last["rx"] - first["rx"] > 10_000
    # What it has is the group's, and the directories above it are not.
    listed = in_pod("lab-d", "sh", "-c", "ls -ldn /vhu; touch /vhu/../x 2>&1; cat /hugepages/../etc/shadow 2>&1", namespace=privileged)
    assert re.match(rf"drwxr?w?s?[rws-]*-* *\d+ 0 {GROUP} ", listed), listed


def test_purge_leaves_nothing_of_the_options(three_pods) -> None:
    """Policers are rows of their own, which do not go with their ports by themselves."""
    assert len(vsctl("--bare", "--columns=_uuid", "list", "QoS").split()) == 1
    remove([one for one in pods() if one.metadata.name in PODS])
    wait_for("the pods gone", lambda: not [one for one in pods() if one.metadata.name in PODS], 60)
    wait_for("no policers", lambda: vsctl("--bare", "--columns=_uuid", "list", "QoS") == "", 30)
