# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The first plays of playbook uninstall in check mode, where the pods that the run itself would delete are still there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"app.kubernetes.io/part-of": "kube-ovn-dpdk"}


def role(name: str, entry: str = "main", **variables) -> dict:
    return {"ansible.builtin.include_role": {"name": f"kube_ovn.dpdk.{name}", "tasks_from": entry}, "vars": variables}


# As in the playbook; on the nodes only what looks at attachments.
ROLES = [
    role("dpdk_app", dpdk_app_state="absent"),
    role("network_attachments", "absent"),
    role("userspace_cni", userspace_cni_state="absent"),
    role("multus", "absent"),
]


@pytest.fixture
def uninstall(tmp_path, kubernetes):
    def put(kind: str, plural: str, version: str, name: str, labels: dict, **more) -> None:
        metadata = {"name": name, "namespace": "default", "labels": labels, **more}
        kubernetes.STORE[f"{version}/{plural}", "default", name] = {"apiVersion": version, "kind": kind, "metadata": metadata, "status": {}, "spec": {}}

    def pod(name: str, labels: dict) -> None:
        put("Pod", "pods", "v1", name, labels, annotations={"k8s.v1.cni.cncf.io/networks": "ovs-dpdk-br0"})

    def run(*arguments: str) -> tuple[int, str]:
        places = {name: str(tmp_path / name) for name in ("userspace_cni_bin_dir", "userspace_cni_state_dir", "userspace_cni_ovs_rundir")}
        variables = {"ansible_python_interpreter": sys.executable, **places}
        (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": ROLES}]))
        command = [shutil.which("ansible-playbook"), "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml"), *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=240)
        return done.returncode, " ".join(done.stdout.split())

    put("NetworkAttachmentDefinition", "network-attachment-definitions", "k8s.cni.cncf.io/v1", "ovs-dpdk-br0", OURS)
    made = kubernetes.STORE["k8s.cni.cncf.io/v1/network-attachment-definitions", "default", "ovs-dpdk-br0"]
    made["spec"] = {"config": '{"type": "userspace", "network": "default/ovs-dpdk-br0"}'}
    pod("testpmd-dpdk", {**OURS, "app.kubernetes.io/name": "testpmd"})
    (tmp_path / "userspace_cni_state_dir").mkdir()
    (tmp_path / "userspace_cni_state_dir" / "0123-net1.json").write_text("{}")
    run.pod, run.store, run.folder = pod, kubernetes.STORE, tmp_path
    return run


def test_check_mode_tells_what_a_run_would_do_although_its_own_pods_are_still_there(uninstall):
    everything = sorted(uninstall.store)
    code, output = uninstall("--check")
    assert code == 0, output
    for name in ("Remove pods that are not wanted", "Remove the attachments", "Remove the plugin, its launcher"):
        assert name in output
    assert sorted(uninstall.store) == everything
    assert (uninstall.folder / "userspace_cni_state_dir" / "0123-net1.json").exists()


@pytest.mark.parametrize("arguments", [(), ("--check",)])
@pytest.mark.one_core
def test_pods_of_others_are_in_the_way_in_check_mode_too(uninstall, arguments):
    uninstall.pod("other", {})
    code, output = uninstall(*arguments)
    assert code != 0
    assert "Pods use ovs-dpdk-br0; delete them first: default/other" in output


def test_a_run_goes_on_to_what_a_port_needs_that_is_left(uninstall):
    code, output = uninstall()
    assert code != 0
    assert "Without the plugin the pods of these ports of localhost could never be deleted; delete them first: 0123-net1" in output
    assert [name for _resource, _namespace, name in uninstall.store if name in ("testpmd-dpdk", "ovs-dpdk-br0")] == []
    assert (uninstall.folder / "userspace_cni_state_dir" / "0123-net1.json").exists()


@pytest.mark.parametrize(("arguments", "runs"), [((), False), (("-e", "uninstall_hosts=true"), True)], ids=["kept", "given back"])
def test_hosts_are_kept_unless_asked_for_whatever_tags_are_skipped(tmp_path, arguments, runs):
    hosts = {"hosts": {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}
    (tmp_path / "hosts.json").write_text(json.dumps({"all": {"children": {"nodes": hosts, "cluster": hosts, "build": hosts}}}))
    others = sorted({path.name for path in (ROOT / "roles").iterdir()} - {"hugepages"})
    command = [Path(sys.executable).parent / "ansible-playbook", "kube_ovn.dpdk.uninstall", "-i", str(tmp_path / "hosts.json"), "--check"]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".collections"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_STDOUT_CALLBACK": "default"}
    done = subprocess.run(
        [*command, "--skip-tags", ",".join(others), *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert "PLAY [Remove the remaining state of the nodes]" in done.stdout, done.stdout + done.stderr
    tasks = re.findall(r"^TASK \[kube_ovn\.dpdk\.hugepages : (?!Validating arguments).*\n(ok|changed)", done.stdout, re.M)
    assert bool(tasks) == runs, done.stdout
