# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules' work without a process and without Ansible's reading of options, so that thousands of cases are cheap; and with both."""

import json
import subprocess
import sys
from pathlib import Path

import ansible
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_module, _ovsdb_options
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_bridge, ovs_config, ovs_info, ovs_port, ovs_topology

ROOT = Path(__file__).resolve().parents[3]
# Runs a module as a program, with nothing of Ansible but its own package, as if Ansible had packed it. Python 2 knows no package without __init__.py.
PROGRAM = """
import runpy, sys, types
ansible, plugins, module = sys.argv[1:]
del sys.argv[1:]
inside = "ansible_collections.kube_ovn.dpdk.plugins"
folders = {"ansible": ansible, inside: plugins, inside + ".modules": plugins + "/modules", inside + ".module_utils": plugins + "/module_utils"}
for name in ["ansible_collections", "ansible_collections.kube_ovn", "ansible_collections.kube_ovn.dpdk"] + sorted(folders):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folders[name]] if name in folders else []
runpy.run_module(inside + ".modules." + module, run_name="__main__")
"""
DEFAULTS = {"timeout": 20, "private_key": None, "certificate": None, "ca_cert": None, "wait": False, "purge": False}


class Options:
    """What the modules ask of AnsibleModule."""

    _diff = True

    def __init__(self, check_mode):
        self.check_mode = check_mode


def filled(spec, values):
    """Values with the defaults of the argument spec, as Ansible would hand them over."""
    return {name: values.get(name, entry.get("default")) for name, entry in spec.items()}


def filled_ports(spec, items):
    ports = [filled(spec, item) for item in items]
    for port in ports:
        if port["interfaces"] is not None:
            port["interfaces"] = [filled(spec["interfaces"]["options"], member) for member in port["interfaces"]]
    return ports


def run(module, database, check_mode=False, **options):
    params = {**DEFAULTS, "database": database, **options}
    if module is ovs_bridge:
        params = {**params, "bridges": [filled(_ovsdb_options.bridge_spec(True), item) for item in options["bridges"]]}
    elif module is ovs_port:
        params = {**params, "ports": filled_ports(_ovsdb_options.port_spec(True), options["ports"])}
    elif module is ovs_topology:
        spec = ovs_topology.topology_spec()
        bridges = [filled(spec, item) for item in options["bridges"]]
        for bridge in bridges:
            bridge["ports"] = filled_ports(spec["ports"]["options"], bridge["ports"])
        params = {"owner": "test", "force": False, "fail_on_missing": True, **params, "bridges": bridges}
    elif module is ovs_config:
        params = {"other_config": None, "external_ids": None, "wait_dpdk": False, **params}
    runner = _ovsdb_module.Runner(params, check_mode)
    try:
        return module.work(Options(check_mode), runner, params)
    finally:
        runner.close()


def info(database):
    return run(ovs_info, database)


def process(module, database, python=sys.executable, check_mode=False, **options):
    """A real module run: a process of its own that reads its options and prints its result."""
    arguments = {"ANSIBLE_MODULE_ARGS": {"database": database, "_ansible_check_mode": check_mode, "_ansible_diff": True, **options}}
    done = subprocess.run(
        [python, "-B", "-c", PROGRAM, str(Path(ansible.__file__).parent), str(ROOT / "plugins"), module],
        input=json.dumps(arguments), capture_output=True, text=True, timeout=120, check=False,
    )
    assert done.stdout.lstrip().startswith("{"), f"{module} ended with {done.returncode}: {done.stdout}{done.stderr}"
    return json.loads(done.stdout)
