"""Role host_reboot against the few answers of a Kubernetes API: draining before a reboot, and taking pods again after it.

The reboot itself, between the two, is done by the virtual machines of molecule/hosts_vm, with the same API.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "molecule" / "hosts_vm" / "files"))

import api as fake  # noqa: E402


@pytest.fixture
def api(tmp_path):
    server = fake.serve(tmp_path)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.state
    server.shutdown()


def role(name: str) -> dict:
    return {"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.host_reboot", "tasks_from": name}, "vars": {"__host_reboot_delay": 1}}


def steps(tmp_path: Path, *names: str, check: bool = False, node: str = "bookworm", **variables) -> subprocess.CompletedProcess:
    """The role's own files in their order, with a node that the role has looked at and a reboot that took a while."""
    look = {"kubernetes.core.k8s_info": {"kind": "Node", "name": node}, "register": "__host_reboot_node"}
    book = [{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "vars": {
            "ansible_python_interpreter": "{{ ansible_playbook_python }}", "host_reboot_kubeconfig": str(tmp_path / "kubeconfig"),
            "host_reboot_node_name": node, "host_reboot_result": {"elapsed": 0 if check else 60}, "host_reboot_timeout": 10,
            "host_reboot_drain_timeout": 10, **variables,
        },
        "environment": {"K8S_AUTH_KUBECONFIG": str(tmp_path / "kubeconfig")},
        "tasks": [look, *(role(name) for name in names)],
    }]  # fmt: skip
    (tmp_path / "play.yml").write_text(yaml.safe_dump(book))
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml"), *(["--check"] if check else [])],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def said(done: subprocess.CompletedProcess) -> str:
    return " ".join(done.stdout.split())


def test_pods_go_and_the_node_is_back_before_it_takes_others(tmp_path, api):
    for name, kind in (("web", "ReplicaSet"), ("slow", "StatefulSet"), ("ovs", "DaemonSet")):
        api.pods[name] = fake.pod(name, kind)
    api.pods["elsewhere"] = fake.pod("elsewhere", node="lost")
    done = steps(tmp_path, "drain", "uncordon")
    assert done.returncode == 0, done.stdout
    calls = api.calls.read_text().splitlines()
    assert calls[0] == "cordon bookworm"
    assert sorted(calls[1:-1]) == ["evict slow", "evict web"]
    assert calls[-1] == "uncordon bookworm"
    assert sorted(api.pods) == ["elsewhere", "ovs"]
    # It was looked at until its kubelet told of another boot.
    assert api.looks["bookworm"] == 0
    assert api.nodes["bookworm"]["metadata"]["annotations"] == {"boot": "second"}


def test_check_mode_asks_for_nothing(tmp_path, api):
    api.pods["web"] = fake.pod("web")
    done = steps(tmp_path, "drain", "uncordon", check=True)
    assert done.returncode == 0, done.stdout
    assert api.calls.read_text() == ""


def test_cordoned_by_somebody_else_stays_so(tmp_path, api):
    api.nodes["bookworm"]["spec"]["unschedulable"] = True
    done = steps(tmp_path, "drain", "uncordon")
    assert done.returncode == 0, done.stdout
    assert api.calls.read_text() == ""


def test_pods_that_may_not_go(tmp_path, api):
    api.pods["guarded"] = fake.pod("guarded")
    done = steps(tmp_path, "drain", "uncordon", host_reboot_drain_timeout=2)
    assert done.returncode == 2
    refusal = "Node bookworm could not be drained within 2 s, so it was not rebooted: Failed to delete pod default/guarded due to: .*Too ?Many ?Requests"
    assert re.search(refusal, said(done))
    # It was asked for more than once.
    assert api.calls.read_text().count("evict guarded") > 1
    assert "reboot all the same (host_reboot_mode: force)" in said(done)
    assert api.calls.read_text().splitlines()[-1] == "uncordon bookworm"


def test_pods_that_do_not_go_in_time(tmp_path, api):
    api.pods["slow"] = fake.pod("slow")
    done = steps(tmp_path, "drain", host_reboot_drain_timeout=1)
    assert done.returncode == 2
    assert "so it was not rebooted: pods that are still on it: slow. Move them away" in said(done)
    assert not api.nodes["bookworm"]["spec"]["unschedulable"]


def test_force_reboots_all_the_same(tmp_path, api):
    api.pods["guarded"] = fake.pod("guarded")
    done = steps(tmp_path, "drain", "uncordon", host_reboot_drain_timeout=1, host_reboot_mode="force")
    assert done.returncode == 0, done.stdout
    assert api.calls.read_text().splitlines()[-1] == "uncordon bookworm"


def test_node_that_does_not_come_back(tmp_path, api):
    done = steps(tmp_path, "drain", "uncordon", node="lost", host_reboot_timeout=2)
    assert done.returncode == 2
    assert "Node lost was rebooted and is still cordoned: it was not ready within 2 s" in said(done)
    assert "Ready Unknown (Kubelet stopped posting node status.)" in said(done)
    assert api.nodes["lost"]["spec"]["unschedulable"]
