"""Role host_reboot against the few answers of a Kubernetes API: draining before a reboot, and taking pods again after it.

The reboot itself, between the two, is done by the virtual machines of molecule/hosts_vm, with the same API.
"""

from __future__ import annotations

import os
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
    internal = {"__host_reboot_delay": 1, "__host_reboot_marker": "{{ playbook_dir }}/marker"}
    return {"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.host_reboot", "tasks_from": name}, "vars": internal}


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


def role_steps(tmp_path: Path, *names: str, before: list | None = None, host: str = "bookworm", **variables) -> subprocess.CompletedProcess:
    """As the roles run it. Module reboot refuses to reboot the machine that it itself runs on, which is a failure as good as any."""
    inventory = {"all": {"hosts": {host: {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}}
    kubeconfig = {"host_reboot_kubeconfig": str(tmp_path / "kubeconfig")} if before is None else {}
    book = [{
        "hosts": host, "gather_facts": False,
        "vars": {**kubeconfig, "host_reboot_reasons": ["more pages"], "host_reboot_drain_timeout": 10, **variables},
        "tasks": [*(before or []), *(role(name) for name in names)],
    }]  # fmt: skip
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (tmp_path / "play.yml").write_text(yaml.safe_dump(book))
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "inventory.yml"), str(tmp_path / "play.yml")],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False, env={**os.environ, "HOME": str(tmp_path)},
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


def test_pods_that_nobody_would_make_again(tmp_path, api):
    api.pods["web"] = fake.pod("web")
    api.pods["done"] = {**fake.pod("done", kind=None), "status": {"phase": "Succeeded"}}
    # As kubelets before Kubernetes 1.17 made it.
    api.pods["mirror"] = fake.pod("mirror", kind=None)
    api.pods["mirror"]["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "0123"}
    api.pods["mine"] = fake.pod("mine", kind=None)
    done = steps(tmp_path, "drain", "uncordon")
    assert done.returncode == 2
    assert "since pods on it belong to no controller that would make them again: default/mine. Delete or move them" in said(done)
    assert api.calls.read_text() == ""
    assert not (tmp_path / "marker").exists()
    done = steps(tmp_path, "drain", "uncordon", host_reboot_mode="force")
    assert done.returncode == 0, done.stdout
    calls = api.calls.read_text().splitlines()
    assert (calls[0], sorted(calls[1:-1]), calls[-1]) == ("cordon bookworm", ["evict done", "evict mine", "evict web"], "uncordon bookworm")


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


def test_node_without_a_network_need_not_be_ready_afterwards(tmp_path, api):
    """Before Kube-OVN is installed no node is."""
    api.never_ready = {"bookworm"}
    done = steps(tmp_path, "drain", "uncordon")
    assert done.returncode == 0, done.stdout
    assert api.nodes["bookworm"]["metadata"]["annotations"] == {"boot": "second"}
    assert api.calls.read_text().splitlines() == ["cordon bookworm", "uncordon bookworm"]


def test_node_that_is_gone_leaves_no_mark(tmp_path, api):
    role_steps(tmp_path, "reboot")
    assert (tmp_path / "marker").exists()
    del api.nodes["bookworm"]
    done = role_steps(tmp_path, "main")
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "marker").exists()


def test_reboot_that_fails_tells_of_the_node_and_the_next_run_uncordons_it(tmp_path, api):
    done = role_steps(tmp_path, "reboot")
    assert done.returncode == 2
    assert "would reboot the control node" in said(done)
    assert "Node bookworm is still cordoned" in said(done)
    assert "kubectl uncordon bookworm" in said(done)
    assert api.calls.read_text().splitlines() == ["cordon bookworm"]
    assert "node bookworm was cordoned" in (tmp_path / "marker").read_text()
    done = role_steps(tmp_path, "main")
    assert done.returncode == 0, done.stdout
    assert not (tmp_path / "marker").exists()
    assert api.calls.read_text().splitlines() == ["cordon bookworm", "uncordon bookworm"]
    # Whoever cordons it from now on is somebody else.
    api.nodes["bookworm"]["spec"]["unschedulable"] = True
    done = role_steps(tmp_path, "main")
    assert done.returncode == 0, done.stdout
    assert len(api.calls.read_text().splitlines()) == 2
    done = role_steps(tmp_path, "reboot")
    assert "It had been cordoned before by somebody else." in said(done)
    assert len(api.calls.read_text().splitlines()) == 2


def test_node_by_another_name(tmp_path, api):
    done = role_steps(tmp_path, "reboot", host="machine7", kube_ovn_node_name="bookworm")
    assert "Node bookworm is still cordoned" in said(done)
    assert api.calls.read_text().splitlines() == ["cordon bookworm"]


def test_host_that_may_be_a_node_by_another_name(tmp_path, api):
    done = role_steps(tmp_path, "reboot", host="machine7")
    assert done.returncode == 2
    assert "machine7 is no node of the cluster that host_reboot_kubeconfig" in said(done)
    assert "The nodes are bookworm, lost. If the host is one of them, set kube_ovn_node_name (or host_reboot_node_name) to its name" in said(done)
    # It did not come to the reboot.
    assert "would reboot" not in said(done)
    assert api.calls.read_text() == ""


@pytest.mark.parametrize("variables", [{"host_reboot_drain": False}, {"host_reboot_mode": "force"}, {"host_reboot_kubeconfig": ""}], ids=str)
def test_host_that_is_no_node_on_purpose(tmp_path, api, variables):
    done = role_steps(tmp_path, "reboot", host="machine7", **variables)
    assert "would reboot the control node" in said(done)
    assert "still cordoned" not in said(done)
    assert api.calls.read_text() == ""


def test_host_before_there_is_a_node(tmp_path, api):
    api.nodes.clear()
    assert "would reboot the control node" in said(role_steps(tmp_path, "reboot"))


def site_play() -> dict:
    return next(play for play in yaml.safe_load((ROOT / "playbooks" / "site.yml").read_text()) if play["name"] == "Prepare the hosts")


@pytest.mark.parametrize("there", [True, False])
def test_the_whole_line_drains_by_the_kubeconfig_that_is_documented(tmp_path, api, there):
    """What the play does before its roles, with an inventory that sets no kubeconfig."""
    tasks = site_play()["tasks"]
    before = tasks[: next(index for index, task in enumerate(tasks) if "ansible.builtin.import_role" in task)]
    if there:
        (tmp_path / ".kube").mkdir()
        (tmp_path / ".kube" / "config").write_text((tmp_path / "kubeconfig").read_text())
    done = role_steps(tmp_path, "reboot", before=before, host_reboot_delegate="bookworm")
    assert "would reboot the control node" in said(done)
    assert api.calls.read_text().splitlines() == (["cordon bookworm"] if there else [])


@pytest.mark.parametrize("arguments, batches", [([], 3), (["-e", "site_serial=2"], 2), (["-e", "site_serial=100%"], 1)], ids=str)
def test_hosts_are_prepared_one_after_the_other(tmp_path, arguments, batches):
    inventory = {"all": {"vars": {"ansible_connection": "local"}, "children": {"nodes": {"hosts": {"a": None, "b": None, "c": None}}}}}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory))
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{**site_play(), "tasks": []}]))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "inventory.yml"), str(tmp_path / "play.yml"), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("PLAY [Prepare the hosts]") == batches
