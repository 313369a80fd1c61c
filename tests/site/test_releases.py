"""Kube-OVN's own commands, release by release, on one node: dedicated mode, an upgrade of it, from it to hybrid mode, and the newest release.

Each of them passes packets, and each second run changes nothing. The tests of a lab build on each other; they leave no lab behind. The newest release runs
under the newest core, so that the whole line runs under both.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
from kubernetes import client, config
from test_site import REPORT, ROOT, on_node, run

# The tunnels' interface of the node. It leads nowhere: with one node there is no tunnel.
UPLINK = "eth1"
# An old and a new switch may hold pages at the same time.
COMMON = {"hugepages_pages": [{"size": "2M", "count": 2176}], "hugepages_purge": True, "hugepages_release": True}
OLD, NEW, NEWEST = "v1.12.4", "v1.13.0", "v1.16.2"
DEDICATED = {**COMMON, "lab_kube_ovn_source": "module", "lab_kube_ovn_versions": [OLD, NEW]}
HYBRID = {
    "kube_ovn_mode": "hybrid",
    "kube_ovn_hybrid_devices": [f"eth_af_packet0,iface={UPLINK}"],
    "kube_ovn_hybrid_encap_ip": "172.30.79.1/24",
    "ovs_bridges_bridges": [{"name": "br0"}],
}
NEWEST_LAB = {
    **COMMON, "lab_kube_ovn_source": "module", "lab_kube_ovn_versions": [NEWEST], "lab_kubernetes_version": "1.37.2", "kube_ovn_version": NEWEST, **HYBRID,
}
# What a container of Kube-OVN runs, by the label of its pod: the program, as the kernel has it.
PROGRAMS = {
    "kube-ovn-controller": {NEW: "kube-ovn-cmd", NEWEST: "kube-ovn-controller"},
    "kube-ovn-cni": {NEW: "kube-ovn-daemon", NEWEST: "kube-ovn-daemon"},
    "kube-ovn-pinger": {NEW: "kube-ovn-pinger", NEWEST: "kube-ovn-controller"},
    "kube-ovn-monitor": {NEW: "kube-ovn-cmd", NEWEST: "kube-ovn-cmd"},
    "ovn-central": {NEW: "kube-ovn-cmd", NEWEST: "kube-ovn-cmd"},
}


def playbook(name: str, variables: dict) -> str:
    """The output of a playbook, which has to succeed."""
    ansible = str(ROOT / ".venv-newest" / "bin" / "ansible-playbook") if variables["lab_kube_ovn_versions"] == [NEWEST] else "ansible-playbook"
    code, output, _seconds = run("timeout", "1500", ansible, name, "-i", "inventory", "-e", json.dumps(variables), timeout=1560)
    assert code == 0, f"{name} failed"
    return output


def clean() -> None:
    code, output, _seconds = run("make", "clean-lab", timeout=300)
    assert code == 0, output


def core() -> client.CoreV1Api:
    state = Path(os.environ.get("KUBE_OVN_DPDK_CACHE", Path.home() / ".cache" / "kube_ovn_dpdk")) / "lab"
    return client.CoreV1Api(config.new_client_from_config(str(state / "kubeconfig")))


def unchanged(name: str, variables: dict) -> None:
    output = playbook(name, variables)
    assert set(re.findall(r" changed=(\d+) ", output)) == {"0"}
    assert json.loads(REPORT.read_text())["result"] == "pass"


def passes(bridge: str) -> None:
    """Packets passed through ports of this bridge, and Kube-OVN is none of the stand-ins."""
    report = json.loads(REPORT.read_text())
    assert report["result"] == "pass"
    assert {row["bridge"] for row in report["traffic"]} == {bridge}
    assert not [name for name in report["stand_ins"] if name.startswith("Kube-OVN")]


def fresh(variables: dict) -> None:
    clean()
    playbook("lab/lab.yml", variables)
    on_node("ip", "link", "add", UPLINK, "type", "veth", "peer", "name", f"{UPLINK}-peer")
    for name in (UPLINK, f"{UPLINK}-peer"):
        on_node("ip", "link", "set", name, "up")


def runs_the_commands(release: str) -> None:
    """In each pod of Kube-OVN the release's own program, which was never restarted and lists what it watches."""
    pods = {pod.metadata.labels["app"]: pod for pod in core().list_namespaced_pod("kube-system", label_selector="component=network").items}
    for app, programs in PROGRAMS.items():
        (status,) = pods[app].status.container_statuses
        assert status.restart_count == 0, f"{app} was restarted: {status}"
        container = status.container_id.rpartition("/")[2]
        listed = on_node("sh", "-c", f'for pid in $(cat $(find /sys/fs/cgroup -path "*{container}*" -name cgroup.procs)); do readlink "/proc/$pid/exe"; done')
        assert f"/kube-ovn/{programs[release]}" in listed.split(), f"{app} runs {set(listed.split())}"
    log = core().read_namespaced_pod_log(pods["kube-ovn-controller"].metadata.name, "kube-system")
    assert "failed to list" not in log, [line for line in log.splitlines() if "failed to list" in line][:3]


@pytest.fixture(scope="module", autouse=True)
def no_lab_is_left():
    yield
    clean()


def test_the_newest_release_in_hybrid_mode_on_the_newest_kubernetes():
    fresh(NEWEST_LAB)
    playbook("site.yml", NEWEST_LAB)
    passes("br-int")
    assert json.loads(REPORT.read_text())["versions"]["Kubernetes"] == "v1.37.2"
    runs_the_commands(NEWEST)
    unchanged("site.yml", NEWEST_LAB)


def test_an_older_release_in_dedicated_mode():
    variables = {**DEDICATED, "kube_ovn_version": OLD}
    fresh(variables)
    playbook("site.yml", variables)
    passes("br0")
    unchanged("site.yml", variables)


def test_an_upgrade_in_dedicated_mode():
    variables = {**DEDICATED, "kube_ovn_version": NEW}
    playbook("kube_ovn.dpdk.upgrade", variables)
    passes("br0")
    runs_the_commands(NEW)
    unchanged("site.yml", variables)


def test_from_dedicated_to_hybrid_mode():
    variables = {**DEDICATED, "kube_ovn_version": NEW, **HYBRID}
    playbook("kube_ovn.dpdk.upgrade", variables)
    passes("br-int")
    unchanged("site.yml", variables)
