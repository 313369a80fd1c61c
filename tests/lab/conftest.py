import subprocess
from pathlib import Path

import pytest
from kubernetes import client
from lab import NODE, STATE, core, playbook
from two_nodes import INVENTORIES, NODES, STATEFUL_SET, UPLINKS, fresh_lab, on


@pytest.fixture(scope="session", autouse=True)
def lab_is_up():
    found = subprocess.run(["docker", "ps", "--quiet", "--filter", f"name=^{NODE}$"], capture_output=True, text=True, timeout=60, check=False)
    if not found.stdout.strip() or not (STATE / "kubeconfig").exists():
        pytest.exit("There is no lab: run make site first.", returncode=1)


@pytest.fixture(scope="module")
def two_nodes():
    fresh_lab(NODES, INVENTORIES)
    # A run that was killed has left it.
    subprocess.run(["docker", "network", "rm", UPLINKS], capture_output=True, check=False, timeout=60)
    label = f"io.github.kube-ovn-dpdk.lab={STATE}"
    subprocess.run(["docker", "network", "create", "--internal", "--label", label, UPLINKS], check=True, timeout=60)
    for node in NODES:
        subprocess.run(["docker", "network", "connect", UPLINKS, node], check=True, timeout=60)
        assert "eth1" in on(node, "ip", "-br", "link")
    # The machine's pages are those of its nodes: none are left from a lab before this one.
    for pages in Path("/sys/kernel/mm/hugepages").glob("*/nr_hugepages"):
        pages.write_text("0")
    client.AppsV1Api(core().api_client).create_namespaced_stateful_set("kube-system", STATEFUL_SET)
    yield
    for node in NODES:
        subprocess.run(["docker", "network", "disconnect", "--force", UPLINKS, node], check=False, timeout=60)
    subprocess.run(["docker", "network", "rm", UPLINKS], check=False, timeout=60)
    fresh_lab(NODES[:1], ("inventory",))
    code, _output = playbook("site.yml", 900)
    assert code == 0
