# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables: what roles take, what the page of variables says, and what the example inventories set."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import inventories
import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path.parent.parent.name for path in ROOT.glob("roles/*/meta/argument_specs.yml"))
EXAMPLES = sorted(path.parent.name for path in ROOT.glob("examples/*/hosts.yml"))
# A Kubernetes that each example is for.
KUBERNETES = {"three-nodes": "v1.19.16", "hybrid": "v1.31.0", "air-gapped": "v1.24.17"}
# What the plays and these inventories use beside the roles' variables.
OTHER = {"cluster_kubeconfig", "uplink_address"}


def load(path: Path):
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


OPTIONS = {role: inventories.options(role) for role in ROLES}
EVERY = {name: option for role in ROLES for name, option in OPTIONS[role].items()}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_specifies_what_it_has_defaults_for_and_nothing_else(role):
    defaults = yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text()) or {}
    assert set(defaults) == {name for name, option in OPTIONS[role].items() if not option.get("required")}
    assert all(name.startswith(role + "_") for name in OPTIONS[role])
    assert all(option.get("description") for option in OPTIONS[role].values())


def test_the_page_of_variables_is_what_the_roles_specify():
    page = load(ROOT / "tools" / "variables_page.py")
    assert sorted(page.ROLES) == ROLES
    assert (ROOT / "docs" / "variables.md").read_text() == page.page(), "run .venv/bin/python tools/variables_page.py"


@pytest.fixture(scope="module", params=EXAMPLES)
def example(request):
    return request.param, inventories.content(ROOT / "examples" / request.param)


def test_there_are_examples_and_each_is_told_of():
    text = (ROOT / "examples" / "README.md").read_text()
    assert sorted(KUBERNETES) == EXAMPLES
    assert sorted(set(re.findall(r"\| \[[\w-]+\]\(([\w-]+)\)", text))) == EXAMPLES


def test_an_example_has_the_groups_that_the_plays_run_on(example):
    _name, content = example
    assert book.findings({"inventory": content["groups"]}, {}, "inventory", "inventory") == []


def test_an_example_sets_only_variables_that_there_are(example):
    _name, content = example
    unknown = {name for variables in content["hosts"].values() for name in variables if not name.startswith("ansible_")} - set(EVERY) - OTHER
    assert unknown == set()


def test_an_example_gives_values_that_the_roles_accept(example):
    _name, content = example
    for host, variables in content["hosts"].items():
        assert inventories.wrong_values(variables) == [], host


def test_preflight_has_nothing_against_an_example(example):
    name, content = example
    assert inventories.errors(content, inventories.inputs(ROOT / "examples" / name), KUBERNETES[name]) == []


def test_a_value_that_is_true_or_false_decides_as_one_also_where_it_was_given_as_text():
    # As -e NAME=false and inventories in INI format give it: text that is not empty.
    names = "|".join(name for name, option in EVERY.items() if option.get("type") == "bool")
    bare = re.compile(rf"(?:\b(?:if|not|and|or)|when:|^ *-) (?:{names})\b(?! \| bool)")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for folder in ("tasks", "handlers", "vars", "templates")
        for path in sorted(ROOT.glob(f"roles/*/{folder}/**/*"))
        # There it is a list of names.
        if path.suffix in (".yml", ".j2") and path.parts[-3:] != ("preflight", "vars", "main.yml")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []


def values_of(tmp_path, roles, names, *arguments, **variables):
    """What roles that are imported make of these variables."""
    known = [{"ansible.builtin.import_role": {"name": f"kube_ovn.dpdk.{role}", "rolespec_validate": False}, "when": False} for role in roles]
    shown = {"ansible.builtin.copy": {"content": "{{ query('ansible.builtin.vars', *names) | to_json }}", "dest": str(tmp_path / "values"), "mode": "0600"}}
    given = {"names": names, "ansible_python_interpreter": sys.executable, **variables}
    play = [{"hosts": "localhost", "gather_facts": False, "vars": given, "tasks": [*known, shown]}]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout
    return json.loads((tmp_path / "values").read_text())


def test_the_proof_takes_numbers_as_the_command_line_gives_them(tmp_path):
    given = ("-e", "verify_duration=30 verify_tolerance=7 verify_max_drop_ratio=1 verify_between_pods=false")
    (settings,) = values_of(tmp_path, ["verify"], ["__verify_settings"], *given)
    assert {key: settings[key] for key in ("duration", "tolerance", "max_drop_ratio", "stand_ins")} == {
        "duration": 30, "tolerance": 7, "max_drop_ratio": 1.0, "stand_ins": [],
    }  # fmt: skip


PLACES = [
    *("preflight_cni_conf_dir", "multus_cni_conf_dir", "multus_cni_bin_dir", "multus_master_cni_file"),
    *("userspace_cni_bin_dir", "__userspace_cni_home", "network_attachments_kubeconfig"),
]


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        (
            {},
            [
                *("/etc/cni/net.d", "/etc/cni/net.d", "/opt/cni/bin", "01-kube-ovn.conflist"),
                *("/opt/cni/bin", "/opt/cni/userspace", "/etc/cni/net.d/userspace.d/userspace.kubeconfig"),
            ],
        ),
        (
            {"kube_ovn_installer_variables": {"CNI_CONF_DIR": "/x/net.d", "CNI_BIN_DIR": "/x/bin/", "CNI_CONFIG_PRIORITY": "05"}},
            ["/x/net.d", "/x/net.d", "/x/bin/", "05-kube-ovn.conflist", "/x/bin/", "/x/userspace", "/x/net.d/userspace.d/userspace.kubeconfig"],
        ),
    ],
)
def test_what_container_runtimes_look_for_is_where_kube_ovn_was_told_to_put_its_own(tmp_path, settings, places):
    assert values_of(tmp_path, ["preflight", "multus", "userspace_cni", "network_attachments"], PLACES, **settings) == places
