# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode before the first run: the cluster does not know the kinds yet that the run would bring."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NODES = {"kube_ovn.dpdk.multus": ["main", "nodes"], "kube_ovn.dpdk.network_attachments": ["main", "nodes"], "kube_ovn.dpdk.dpdk_app": ["main"]}
HYBRID = {"kube_ovn_mode": "hybrid", "kube_ovn_version": "v1.16.2", "dpdk_app_networks": ["fast"]}
OWN_PORTS = [{"name": "fast", "type": "kube-ovn", "subnet": {"cidr": "10.78.0.0/16"}}]


@pytest.mark.parametrize("variables", [{}, {**HYBRID, "network_attachments_definitions": OWN_PORTS}], ids=["userspace", "kube-ovn"])
def test_no_kind_of_a_later_step_is_needed(tmp_path, kubernetes, variables):
    del kubernetes.KINDS["k8s.cni.cncf.io/v1"]
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    kubernetes.STORE["v1/namespaces", "", "default"] = kubernetes.live(namespace, None)
    before = sorted(kubernetes.STORE)
    tasks = [{"ansible.builtin.include_role": {"name": name, "tasks_from": entry}} for name, entries in NODES.items() for entry in entries]
    places = {"multus_cni_conf_dir": str(tmp_path), "network_attachments_launcher": str(tmp_path / "launcher")}
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **places, **variables}
    hosts = {"hosts": {"localhost": variables}}
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"children": {"cluster": hosts, "nodes": hosts, "build": hosts}}}))
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    command = [shutil.which("ansible-playbook"), "-i", str(tmp_path / "inventory.json"), str(tmp_path / "play.yml"), "--check", "--diff"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-4000:]
    assert sorted(kubernetes.STORE) == before
