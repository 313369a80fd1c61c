"""The newest Kubernetes that the lab can be made of, with the newest Kube-OVN in hybrid mode, on one node that was never used."""

from __future__ import annotations

import json
import re

import pytest
from kubernetes import client
from lab import NODE, REPORT, core, on_node, playbook
from two_nodes import COMMON, fresh_lab

KUBERNETES, KUBE_OVN = "1.37.2", "v1.16.2"
LAB = {"lab_kubernetes_version": KUBERNETES, "lab_kube_ovn_versions": [KUBE_OVN]}
# It leads nowhere: with one node there is no tunnel.
UPLINK = "eth1"
VARIABLES = {
    **LAB,
    **{name: value for name, value in COMMON.items() if name.startswith("hugepages_")},
    "kube_ovn_version": KUBE_OVN,
    "kube_ovn_mode": "hybrid",
    "kube_ovn_hybrid_devices": [f"eth_af_packet0,iface={UPLINK}"],
    "kube_ovn_hybrid_encap_ip": "172.30.79.1/24",
    "ovs_bridges_bridges": [{"name": "br0"}],
}


@pytest.fixture(scope="module", autouse=True)
def newest():
    fresh_lab([NODE], ("inventory",), **LAB)
    on_node("ip", "link", "add", UPLINK, "type", "veth", "peer", "name", f"{UPLINK}-peer")
    for name in (UPLINK, f"{UPLINK}-peer"):
        on_node("ip", "link", "set", name, "up")
    yield
    fresh_lab([NODE], ("inventory",))
    code, _output = playbook("site.yml", 900)
    assert code == 0


def test_packets_pass_on_the_newest_kubernetes():
    assert client.VersionApi(core().api_client).get_code().git_version == f"v{KUBERNETES}"
    code, _output = playbook("site.yml", 1200, **VARIABLES)
    assert code == 0
    report = json.loads(REPORT.read_text())
    assert report["result"] == "pass"
    assert report["versions"]["Kubernetes"] == f"v{KUBERNETES}"
    assert {row["bridge"] for row in report["traffic"]} == {"br-int"}


def test_a_second_run_changes_nothing():
    code, output = playbook("site.yml", 600, **VARIABLES)
    assert code == 0
    assert set(re.findall(r" changed=(\d+) ", output)) == {"0"}
    assert json.loads(REPORT.read_text())["result"] == "pass"
