# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The faults that ovs-vsctl based modules are known for, on real playbook runs against real switches."""

import contextlib
import json
import os
import subprocess

import pytest
import yaml
from conftest import HERE, ROOT, interpreter
from switch import Switch, binary

FAULTS = sorted(path.stem for path in (HERE / "faults").glob("*.yml"))
# The newest core manages hosts with Python 3.9 and later only.
CONTROLLERS = {
    "main": (".venv", ("2.7", "3.6", "3.11", "3.12")),
    "newest": (".venv-newest", ("3.11", "3.13")),
}
CASES = [(controller, python) for controller, (_venv, pythons) in CONTROLLERS.items() for python in pythons]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """Outcomes by controller, target Python and fault; each controller's playbook runs once, for all its targets."""
    cache = {}

    def of(controller, python):
        if controller not in cache:
            cache[controller] = run(tmp_path_factory.mktemp(controller), *CONTROLLERS[controller])
        return cache[controller][python]

    return of


def run(directory, venv, pythons):
    with contextlib.ExitStack() as stack:
        hosts = {}
        for python in pythons:
            switch = stack.enter_context(Switch())
            hosts[f"python{python}"] = {
                "ansible_connection": "local",
                "ansible_python_interpreter": interpreter(python),
                "ovs_database": switch.database,
                "vsctl": [binary("ovs-vsctl"), f"--db={switch.database}", "--timeout=10"],
                "outcome_file": str(directory / python),
            }
        inventory = directory / "inventory.yml"
        inventory.write_text(yaml.safe_dump({"all": {"hosts": hosts}}))
        done = subprocess.run(
            [str(ROOT / venv / "bin" / "ansible-playbook"), "-i", str(inventory), str(HERE / "faults.yml")],
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_PIPELINING": "1", "ANSIBLE_FORKS": str(len(pythons))},
            cwd=ROOT, capture_output=True, text=True, timeout=540, check=False,
        )
        found = {}
        for python in pythons:
            file = directory / python
            found[python] = json.loads(file.read_text()) if file.exists() else None
        for python, outcome in found.items():
            if outcome is None:
                found[python] = dict.fromkeys(FAULTS, f"the playbook did not reach its end:\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}")
        return found


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize(("controller", "python"), CASES, ids=str)
def test_fault_stays_away(outcomes, controller, python, fault):
    outcome = outcomes(controller, python)
    assert fault in outcome, "it was not tried"
    assert not outcome[fault], outcome[fault]


def test_all_known_faults_are_here():
    assert [name[:2] for name in FAULTS] == [f"{number:02}" for number in range(1, 15)]
