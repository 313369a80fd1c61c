# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/checks.md tells of every known problem what is done about it, and is true."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import preflight

ROOT = Path(__file__).resolve().parents[2]
TITLES = {rule["id"]: rule["title"] for rule in preflight.RULES}


def rows() -> list[list[str]]:
    text = (ROOT / "docs" / "checks.md").read_text()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if re.match(r"\| [A-Z][A-Z0-9]+ \|", line)]


KNOWN = {row[0]: row for row in rows() if len(row) == 4}
IDS = {row[0]: row for row in rows() if len(row) == 2}


def test_every_known_problem_has_a_row():
    assert list(KNOWN) == [f"P{number}" for number in range(1, 29)] + [f"D{number}" for number in range(1, 11)]


def test_every_row_is_prevented_found_or_not_applicable():
    for identity, _problem, done, where in KNOWN.values():
        kinds = re.findall(r"prevented|found|not applicable", done)
        assert kinds, identity
        assert ("not applicable" in kinds) == (where == ""), identity
        # What is found is found by a check of that very id; what names a check is found.
        assert (f"`preflight` {identity}" in where) == bool(re.search(r"\bfound(?! after)", done)), identity


def test_every_named_place_exists():
    sources = (ROOT / "plugins" / "plugin_utils" / "verify.py").read_text()
    for identity, _problem, _done, where in KNOWN.values():
        for role, check in re.findall(r"`(\w+)`(?: ([\w-]+))?", where):
            assert (ROOT / "roles" / role / "tasks").is_dir(), (identity, role)
            if role == "preflight":
                assert check in TITLES, identity
            if role == "verify":
                assert f'"{check}"' in sources, (identity, check)


def test_every_check_of_preflight_is_listed_with_what_it_looks_for():
    assert dict(IDS.values()) == TITLES


def test_checks_with_the_id_of_a_problem_have_its_row():
    assert {identity for identity in TITLES if re.fullmatch(r"[PD]\d+", identity)} <= set(KNOWN)


def test_rules_look_at_variables_that_roles_have():
    source = (ROOT / "plugins" / "plugin_utils" / "preflight.py").read_text()
    used = set(re.findall(r'\.(?:setting|flag)\("(\w+)"', source)) | {"kube_ovn_dpdk_lcores", "kube_ovn_dpdk_pmd_cores", "kube_ovn_node_name"}
    used |= set(preflight.CLUSTER_WIDE)
    named = yaml.safe_load((ROOT / "roles" / "preflight" / "vars" / "main.yml").read_text())["__preflight_names"]
    assert sorted(used) == named
    defined = set()
    imported = {Path(name).name for name in re.findall(r"name: kube_ovn\.dpdk\.(\w+)", (ROOT / "roles" / "preflight" / "tasks" / "defaults.yml").read_text())}
    for role in imported:
        defined |= set(yaml.safe_load((ROOT / "roles" / role / "defaults" / "main.yml").read_text()))
    assert set(named) <= defined, set(named) - defined
