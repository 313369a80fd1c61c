"""A Kube-OVN that its own installer deployed with unusual settings: the first run changes OVS-DPDK alone, and check mode says so before."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from kubernetes import client
from lab import NODE, REPORT, STATE, core, on_node, playbook, wait_for
from two_nodes import STATEFUL_SET, fresh_lab, vsctl

RELEASE = "v1.13.0"
# As a platform engineer sets them: in the installer itself.
ODD = {
    "POD_CIDR": "10.77.0.0/16",
    "POD_GATEWAY": "10.77.0.1",
    "JOIN_CIDR": "100.99.0.0/16",
    "EXCLUDE_IPS": "10.77.0.2..10.77.0.9",
    "IFACE": "eth0",
    "CNI_CONFIG_PRIORITY": "05",
    "LABEL": "example.org/network-master",
}
DNS = {key: value for key, value in STATEFUL_SET["spec"].items() if key != "serviceName"}
WORKLOADS = [("deployments", "kube-ovn-controller"), ("daemon_sets", "kube-ovn-cni"), ("deployments", "ovn-central")]
PLACE = "/root/kube-ovn"
# Which roles on the nodes have to know, too.
INVENTORY = {"kube_ovn_installer_variables": {"CNI_CONFIG_PRIORITY": ODD["CNI_CONFIG_PRIORITY"]}}


def cluster() -> client.AppsV1Api:
    return client.AppsV1Api(core().api_client)


def workload(kind: str, name: str) -> dict:
    read = getattr(cluster(), f"read_namespaced_{kind[:-1]}")
    return cluster().api_client.sanitize_for_serialization(read(name, "kube-system"))


def settings() -> dict[str, object]:
    """What an operator would miss: the arguments, environment, selectors and images of each workload, node labels, and the subnets."""
    found: dict[str, object] = {}
    for kind, name in WORKLOADS:
        spec = workload(kind, name)["spec"]["template"]["spec"]
        for part in spec["containers"] + spec.get("initContainers", []):
            found[f"{name} {part['name']}"] = [
                part["image"],
                sorted(part.get("args") or []),
                sorted(json.dumps(one, sort_keys=True) for one in part.get("env") or []),
            ]
        found[f"{name} selector"] = spec.get("nodeSelector")
    subnets = client.CustomObjectsApi(core().api_client).list_cluster_custom_object("kubeovn.io", "v1", "subnets")["items"]
    found["subnets"] = {one["metadata"]["name"]: [one["spec"].get("cidrBlock"), one["spec"].get("excludeIps")] for one in subnets}
    return found


def labels() -> dict[str, str]:
    return core().read_node(NODE).metadata.labels


def tried(action: Callable[[], object]) -> bool:
    try:
        action()
    except subprocess.CalledProcessError:
        return False
    return True


def install() -> None:
    """The release's installer on the node, by hand, as its page describes it."""
    text = (STATE / "kube-ovn" / RELEASE / "install.sh").read_text()
    for name, value in ODD.items():
        changed = re.sub(rf"(?m)^{name}=.*$", f'{name}="{value}"', text)
        assert changed != text, f"the installer has {name}"
        text = changed
    # The lab has no pages of 1 GiB to spare.
    text = text.replace("hugepages-1Gi", "hugepages-2Mi")
    # No registry here has the image of OVS-DPDK.
    with (STATE / "ovs-dpdk.tar").open("rb") as archive:
        subprocess.run(["docker", "exec", "-i", NODE, "ctr", "--namespace", "k8s.io", "images", "import", "-"], stdin=archive, check=True, timeout=300)
    on_node("mkdir", "-p", PLACE)
    for name, content in (("install.sh", text), ("kubeconfig", (STATE / "kubeconfig").read_text())):
        subprocess.run(["docker", "exec", "-i", NODE, "sh", "-c", f"umask 077; cat > {PLACE}/{name}"], input=content, text=True, check=True, timeout=60)
    command = ["docker", "exec", "-w", PLACE, "-e", f"KUBECONFIG={PLACE}/kubeconfig", NODE, "timeout", "580", "bash", "install.sh", "--with-dpdk=19.11"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as installer:
        # The kernel here may lack the module openvswitch, which br-int would be on.
        setting = ["external_ids:ovn-bridge-datapath-type=netdev"]
        wait_for("Open vSwitch", lambda: tried(lambda: vsctl(NODE, "set", "Open_vSwitch", ".", *setting)), 300, every=2)
        output, _nothing = installer.communicate(timeout=600)
    assert installer.returncode == 0, output
    on_node("rm", "-r", PLACE)


@pytest.fixture(scope="module")
def installed():
    fresh_lab([NODE], ("inventory",))
    core().patch_node(NODE, {"metadata": {"labels": {ODD["LABEL"]: "true", "example.org/rack": "7"}}})
    Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages").write_text("1088")
    # The kubelet counts the pages when it starts.
    on_node("systemctl", "restart", "kubelet")
    wait_for("the pages", lambda: core().read_node(NODE).status.allocatable.get("hugepages-2Mi") not in (None, "0"), 120)
    # The installer restarts the cluster's DNS, which the lab has not. Without replicas it needs no image.
    cluster().create_namespaced_deployment("kube-system", {"metadata": {"name": "coredns"}, "spec": DNS})
    install()
    yield settings(), labels()
    fresh_lab([NODE], ("inventory",))
    code, _output = playbook("site.yml", 900)
    assert code == 0


def kept(output: str) -> dict[str, str]:
    """The settings that the run says it keeps."""
    found = re.search(r"They are\s+kept: (\{.*?\})", re.sub(r"\s+", " ", output))
    assert found, output[-4000:]
    return json.loads(found[1].replace('\\"', '"'))


def test_preflight_names_what_the_inventory_has_to_say(installed):
    before, _labels = installed
    code, output = playbook("playbooks/site.yml", 600)
    assert code != 0
    assert 'set for all hosts: kube_ovn_installer_variables: {"CNI_CONFIG_PRIORITY": "05"}' in re.sub(r"\s+", " ", output).replace('\\"', '"')
    assert settings() == before


def test_check_mode_names_what_is_kept_and_changes_nothing(installed):
    before, _labels = installed
    code, output = playbook("playbooks/site.yml", 600, options=["--check", "--diff"], **INVENTORY)
    assert code == 0, output[-4000:]
    named = kept(output)
    for name in ("POD_CIDR", "POD_GATEWAY", "JOIN_CIDR", "EXCLUDE_IPS", "IFACE"):
        assert named.get(name) == ODD[name], named
    assert settings() == before


def test_first_run_changes_nothing_but_ovs_dpdk_and_packets_pass(installed):
    before, labelled = installed
    code, output = playbook("playbooks/site.yml", 900, **INVENTORY)
    assert code == 0
    assert kept(output)["POD_CIDR"] == ODD["POD_CIDR"]
    assert settings() == before
    assert {name: value for name, value in labels().items() if name in labelled and value == labelled[name]} == labelled
    report = json.loads(REPORT.read_text())
    assert report["result"] == "pass"
    assert all(one.status.pod_ip.startswith("10.77.") for one in core().list_namespaced_pod("default").items)


def test_second_run_changes_nothing(installed):
    before, _labels = installed
    code, output = playbook("playbooks/site.yml", 600, **INVENTORY)
    assert code == 0
    assert set(re.findall(r" changed=(\d+) ", output)) == {"0"}
    assert settings() == before
