# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role cpu_management on a made-up host, through a drained node and back. Its systemctl takes the process of the kubelet away, and starts one that is new."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules import test_cpu_management
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree

ROOT = Path(__file__).resolve().parents[2]
# As Kubespray has it, with a directory that an admin has moved to another disk.
CONFIG = "/etc/kubernetes/kubelet-config.yaml"
STATE = "/data/kubelet/cpu_manager_state"
# What a made-up host has no boot loader for.
SETTINGS = {"cpu_management_state": "present", "cpu_management_isolation": False}
SYSTEMCTL = """#!/bin/sh
echo "$@" >> {told}
case $1 in
show) printf 'LoadState=loaded\\nActiveState=active\\nSubState=running\\n'; test -e {process} || printf 'ActiveState=inactive\\nSubState=dead\\n' ;;
stop) mv {process} {process}.stopped ;;
start) mv {process}.stopped {process}; test -e {state} || echo '{{"policyName":"static","defaultCpuSet":"0-7","checksum":1}}' > {state} ;;
esac
"""


@pytest.fixture
def host(tmp_path):
    tree = Tree(tmp_path / "root")
    tree.write("/sys/devices/system/cpu/online", "0-7\n")
    for siblings in test_cpu_management.CORES:
        for cpu in siblings.split(","):
            tree.write(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list", siblings + "\n")
    tree.write("/sys/devices/system/node/node0/cpulist", "0-7\n")
    tree.write("/proc/cmdline", "quiet\n")
    tree.mkdir("/run")
    tree.kubelet("--config=" + CONFIG, "--root-dir=/data/kubelet")
    # kubeadm was there before.
    for path in (CONFIG, test_cpu_management.CONFIG):
        tree.write(path, test_cpu_management.KUBELET)
    tree.write(STATE, test_cpu_management.state_of("none", ""))
    (tmp_path / "tools").mkdir()
    text = SYSTEMCTL.format(told=tmp_path / "told", process=tree.path("/proc/77"), state=tree.path(STATE))
    (tmp_path / "tools/systemctl").write_text(text)
    (tmp_path / "tools/systemctl").chmod(0o755)
    return tree


def play(host: Tree, **variables) -> list:
    """The requests after the role and, as role host_reboot does it, what they name for a drained node and for the time after it."""
    place = Path(host.root).parent
    steps = [
        {"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.cpu_management", "tasks_from": entry}, "loop": "{{ host_reboot_requests }}",
         "loop_control": {"loop_var": "host_reboot_request"}, "when": "host_reboot_request.reasons | length > 0"}
        for entry in ("drained", "verify_boot")
    ]  # fmt: skip
    book = [{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "module_defaults": {f"kube_ovn.dpdk.{name}": {"sysroot": host.root} for name in ("cpu_management", "kernel_cmdline")},
        "vars": {"ansible_python_interpreter": sys.executable, **SETTINGS, **variables},
        "tasks": [
            {"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.cpu_management"}},
            {"ansible.builtin.copy": {"content": "{{ host_reboot_requests }}", "dest": str(place / "facts")}},
            *steps,
        ],
    }]  # fmt: skip
    (place / "play.yml").write_text(yaml.safe_dump(book))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(place / "play.yml")],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, "PATH": f"{place / 'tools'}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return json.loads((place / "facts").read_text())


def told(host: Tree) -> list[str]:
    return [line.split()[0] for line in (Path(host.root).parent / "told").read_text().splitlines() if line.split()[0] in ("stop", "start")]


def test_kubelet_with_places_of_its_own_on_a_drained_node(host):
    before = host.read(CONFIG)
    (request,) = play(host)
    assert request["drained"] == "drained" and request["data"]["request"]["kubelet_arguments"] == {"config": CONFIG, "root-dir": "/data/kubelet"}
    assert request["data"]["request"]["plan"]["reserved"] == [0, 1, 4, 5]
    assert 'cpuManagerPolicy: "static"' in host.read(CONFIG) and '"static"' in host.read(STATE)
    assert host.read(test_cpu_management.CONFIG) == test_cpu_management.KUBELET and told(host) == ["stop", "start"]
    (request,) = play(host)
    assert request["reasons"] == [] and told(host) == ["stop", "start"]
    (request,) = play(host, cpu_management_state="absent")
    assert request["reasons"] and host.read(CONFIG) == before and told(host) == ["stop", "start"] * 2


def test_run_that_was_cut_before_the_kubelet_was_started(host):
    play(host)
    shutil.move(host.path("/proc/77"), host.path("/proc/77.stopped"))
    host.write("/run/kube-ovn-dpdk-kubelet.json", json.dumps({"config": CONFIG, "root-dir": "/data/kubelet"}))
    (request,) = play(host)
    assert request["reasons"] == ["the kubelet was stopped to be configured, and has not been started since"]
    assert told(host)[-1] == "start" and os.path.exists(host.path("/proc/77"))
