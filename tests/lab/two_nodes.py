"""Two lab nodes: how they are made, what is installed on them, and how they are looked at."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

from kubernetes import client
from lab import FILES, REPORT, core, playbook

NODES = ["kube-ovn-dpdk-lab-1", "kube-ovn-dpdk-lab-2"]
INVENTORIES = ("inventory", str(FILES / "two_nodes.yml"))
# A network that leads nowhere, for the uplinks: the nodes' interface eth1.
UPLINKS = "kube-ovn-dpdk-lab-uplinks"
COUNTED = "/run/kube-ovn-dpdk-hugepages.json"
OLD, NEW = "v1.12.4", "v1.13.0"

# Two nodes share the machine's pages and its cores, so that many packets are lost where a thread waits for its turn: what counts here is that they pass.
COMMON = {
    "lab_nodes": NODES,
    "lab_kube_ovn_versions": [OLD, NEW],
    "site_serial": len(NODES),
    "hugepages_pages": [{"size": "2M", "count": 2176}],
    # DPDK would take pages of 1 GiB first, which a container that is given others may not have: they go when OVS lets go of them.
    "hugepages_purge": True,
    "hugepages_release": True,
    "verify_max_drop_ratio": 1,
}
UPLINK = {"name": "uplink0", "type": "dpdk", "options": {"dpdk-devargs": "eth_af_packet0,iface=eth1"}}
DEDICATED = {
    **COMMON,
    "ovs_bridges_bridges": [{"name": "br0", "ports": [UPLINK]}],
    "dpdk_app_nodes": NODES,
    "verify_between_pods": True,
}
HYBRID = {
    **COMMON,
    "kube_ovn_version": NEW,
    "kube_ovn_mode": "hybrid",
    "kube_ovn_hybrid_devices": ["eth_af_packet0,iface=eth1"],
    "ovs_bridges_bridges": [{"name": "br0"}],
}


def note_pages(present: bool) -> None:
    """What the kubelet of each node has counted, as role hugepages notes it down before it changes the pages: another node changes those of both."""
    for node in NODES:
        on(node, "rm", "-f", COUNTED)
        if present:
            start = on(node, "systemctl", "show", "--property=ExecMainStartTimestampMonotonic", "kubelet").strip().partition("=")[2]
            on(node, "sh", "-c", f"echo {shlex.quote(json.dumps({'pages': pages(), 'kubelet': start}))} > {COUNTED}")


def pages() -> dict[str, dict[str, int]]:
    """The machine's pages by size and NUMA node."""
    found: dict[str, dict[str, int]] = {}
    for path in Path("/sys/devices/system/node").glob("node*/hugepages/hugepages-*/nr_hugepages"):
        size = {"2048": "2M", "1048576": "1G"}[path.parent.name[len("hugepages-") : -len("kB")]]
        found.setdefault(size, {})[path.parts[5]] = int(path.read_text())
    return found


def run(name: str, timeout: int = 900, **variables: object) -> str:
    note_pages(True)
    code, output = playbook(name, timeout, INVENTORIES, **variables)
    note_pages(False)
    assert code == 0, f"{name} ended with {code}"
    return output


def unchanged(output: str) -> None:
    recap = dict(re.findall(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)", output, re.MULTILINE))
    assert sorted(recap) == sorted([*NODES, "localhost"]), recap
    assert set(recap.values()) == {"0"}, recap


def on(node: str, *command: str, check: bool = True) -> str:
    return subprocess.run(["docker", "exec", node, *command], check=check, capture_output=True, text=True, timeout=120).stdout


def in_switch(node: str, *command: str) -> str:
    """A program in the container of Open vSwitch on a node."""
    return on(node, "sh", "-c", 'exec nsenter -t "$(cat /run/openvswitch/ovs-vswitchd.pid)" -m -- "$@"', "sh", *command).strip()


def vsctl(node: str, *arguments: str) -> str:
    return in_switch(node, "ovs-vsctl", "--timeout=20", *arguments)


def switches() -> dict[str, client.V1Pod]:
    pods = core().list_namespaced_pod("kube-system", label_selector="component=network").items
    return {pod.spec.node_name: pod for pod in pods if pod.metadata.name.startswith("ovs-ovn") and pod.metadata.deletion_timestamp is None}


def ready(pod: client.V1Pod) -> bool:
    return any(condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions or [])


def chassis() -> list[str]:
    """Host names of the chassis in the southbound database."""
    return sorted(in_switch(NODES[0], "ovn-sbctl", "--db=tcp:127.0.0.1:6642", "--bare", "--columns=hostname", "list", "Chassis").split())


def packets_through_the_tunnel() -> None:
    """The last report is of Kube-OVN's own ports, with packets that go round between the nodes: through br-int and the tunnel over the port of br-phy."""
    report = json.loads(REPORT.read_text())
    assert report["result"] == "pass"
    rows = report["traffic"]
    assert len(rows) == 2 * len(NODES)
    assert {row["bridge"] for row in rows} == {"br-int"}
    assert all(row["peer"]["pod"] != row["pod"] for row in rows)
    assert min(min(row["rx_packets"], row["tx_packets"]) for row in rows) > 100, rows
    for number, node in enumerate(NODES, 1):
        assert vsctl(node, "get", "Open_vSwitch", ".", "external_ids:ovn-encap-ip").strip('"') == f"172.30.79.{number}"
        counted = {name: int(vsctl(node, "get", "Interface", "dpdk0", f"statistics:{name}")) for name in ("rx_packets", "tx_packets")}
        assert min(counted.values()) > 100, f"packets went through the tunnel of {node}, both ways: {counted}"


def fresh_lab(nodes: list[str], inventories: tuple[str, ...], **variables: object) -> None:
    """A node that was stopped is recreated, and with the first one the cluster."""
    subprocess.run(["docker", "rm", "--force", "--volumes", *NODES], check=False, capture_output=True, timeout=120)
    releases = {"lab_kube_ovn_versions": [OLD, NEW]} if len(nodes) > 1 else {}
    code, _output = playbook("lab/lab.yml", 1800, inventories, lab_nodes=nodes, **{**releases, **variables})
    assert code == 0


# Its revisions have other labels than those of a DaemonSet, and it stays through all that follows. Without replicas it needs no image.
STATEFUL_SET = {
    "metadata": {"name": "database"},
    "spec": {
        "replicas": 0,
        "serviceName": "database",
        "selector": {"matchLabels": {"app": "database"}},
        "template": {"metadata": {"labels": {"app": "database"}}, "spec": {"containers": [{"name": "c", "image": "none"}]}},
    },
}
