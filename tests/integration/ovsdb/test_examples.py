# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of the documentation, task by task as they stand there, on a real playbook run against the real OVS-DPDK."""

import importlib
import os
import re
import subprocess

import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_config
from conftest import ROOT
from local import run
from switch import NO_HARDWARE

# What an example needs that it does not make itself: its NICs are on no test machine, so that the switch's word on them is not waited for.
MODULES = {"ovs_topology": [], "ovs_config": [], "ovs_bridge": [], "ovs_info": [], "ovs_port": ["br1"]}
FILTERS = ("cpu_mask", "cpu_list")


def examples(kind, name):
    source = importlib.import_module(f"ansible_collections.kube_ovn.dpdk.plugins.{kind}.{name}").EXAMPLES
    return source, yaml.safe_load(source)


def twice(task):
    """A task that writes, and the same again: the first changes something, and the second nothing."""
    told = {"name": f"{task['name']}: changed, then not", "ansible.builtin.assert": {"that": ["first is changed", "again is not changed"]}}
    return [{**task, "register": "first"}, {**task, "register": "again"}, told]


def play_of_module(name, needed):
    tasks = []
    if needed:
        bridges = [{"name": bridge, "datapath_type": "netdev"} for bridge in needed]
        tasks.append({"name": "Make what it needs", "kube_ovn.dpdk.ovs_bridge": {"bridges": bridges}})
    for task in examples("modules", name)[1]:
        options = task.get(f"kube_ovn.dpdk.{name}") or {}
        tasks += twice(task) if options and "wait_dpdk" not in options else [task]
    defaults = {"group/kube_ovn.dpdk.ovs": {"database": "{{ ovs_database }}"}}
    if name in ("ovs_port", "ovs_topology"):
        defaults[f"kube_ovn.dpdk.{name}"] = {"wait": False}
    return {"name": name, "hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": tasks}


def play_of_filter(name):
    """Each example sets a fact and tells in a comment what comes out."""
    source, tasks = examples("filter", name)
    told = re.findall(r"^ +(\w+): .*# => (.+)$", source, re.M)
    assert len(told) == len(tasks), "an example does not tell its result"
    checks = [{"name": f"{fact} is {value}", "ansible.builtin.assert": {"that": f"{fact} | string == '{value}'"}} for fact, value in told]
    return {"name": name, "hosts": "localhost", "gather_facts": False, "tasks": tasks + checks}


@pytest.mark.parametrize("venv", [".venv", ".venv-newest"])
def test_examples(tmp_path, database, venv):
    run(ovs_config, database.database, other_config={"dpdk-init": "true", "dpdk-extra": NO_HARDWARE, "pmd-cpu-mask": "0x1"})
    database.start_dpdk()
    plays = [play_of_module(name, needed) for name, needed in MODULES.items()] + [play_of_filter(name) for name in FILTERS]
    playbook = tmp_path / "examples.yml"
    playbook.write_text(yaml.safe_dump(plays, sort_keys=False))
    done = subprocess.run(
        [str(ROOT / venv / "bin" / "ansible-playbook"), "-i", "localhost,", "-c", "local", "-e", f"ovs_database={database.database}",
         "-e", "ansible_python_interpreter={{ ansible_playbook_python }}", str(playbook)],
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_PIPELINING": "1"},
        cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-4000:]}\n{done.stderr[-2000:]}"
    for kind, names in (("modules", MODULES), ("filter", FILTERS)):
        for name in names:
            for task in examples(kind, name)[1]:
                assert f"TASK [{task['name']}]" in done.stdout, "an example was not run"
