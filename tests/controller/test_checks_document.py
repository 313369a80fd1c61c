# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/checks.md tells of every known problem what is done about it, and is true."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book, matrix, readers, specifications

ROOT = Path(__file__).resolve().parents[2]
TITLES = {rule["id"]: rule["title"] for rule in book.RULES}


def rows(pattern: str) -> list[list[str]]:
    text = (ROOT / "docs" / "checks.md").read_text()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if re.match(rf"\| {pattern} \|", line)]


KNOWN = {row[0]: row for row in rows(r"[PD]\d+")}
IDS = {row[0]: row for row in rows(r"[a-z0-9]+(?:-[a-z0-9]+)*") if row[0] != "id"}


def test_every_known_problem_has_a_row():
    assert list(KNOWN) == [f"P{number}" for number in range(1, 29)] + [f"D{number}" for number in range(1, 11)]


def test_every_row_is_prevented_found_or_not_applicable():
    for identity, _problem, done, where in KNOWN.values():
        kinds = re.findall(r"prevented|found|not applicable", done)
        assert kinds, identity
        assert ("not applicable" in kinds) == (where == ""), identity
        # What is found is found by a check, and what names a check of preflight is found.
        assert ("`preflight` " in where) == bool(re.search(r"\bfound(?! after)", done)), identity


def test_every_named_place_exists():
    sources = (ROOT / "plugins" / "plugin_utils" / "_verify" / "checks.py").read_text()
    for identity, _problem, _done, where in KNOWN.values():
        for role, check in re.findall(r"`(\w+)`(?: ([\w-]+))?", where):
            assert (ROOT / "roles" / role / "tasks").is_dir(), (identity, role)
            if role == "preflight":
                assert check in TITLES, identity
            if role == "verify":
                assert f'"{check}"' in sources, (identity, check)


def test_every_check_of_preflight_is_listed_with_what_it_looks_for():
    assert {identity: title for identity, title, _problem in IDS.values()} == TITLES, "run .venv/bin/python tools/checks_page.py"
    assert list(IDS) == sorted(IDS)


def test_an_id_has_one_title():
    assert {(rule["id"], rule["title"]) for rule in book.RULES} == set(TITLES.items())


def test_ids_are_words():
    assert [identity for identity in TITLES if not re.fullmatch(r"[a-z][a-z0-9]+(-[a-z0-9]+)*", identity)] == []


def test_the_check_of_a_problem_names_it():
    named = {row[0]: re.findall(r"`preflight` ([a-z0-9-]+)", row[3]) for row in KNOWN.values()}
    expected = {check: problem for problem, checks in named.items() for check in checks}
    assert {identity: problem for identity, _title, problem in IDS.values() if problem} == expected


def test_rules_look_at_variables_that_roles_have():
    sources = (ROOT / "plugins" / "plugin_utils" / "_preflight").glob("**/*.py")
    used = {name for path in sources for name in re.findall(r'\.(?:setting|flag)\("(\w+)"', path.read_text())}
    # A variable of a role that has yet to come is left out.
    assert {name for name in used - set(specifications.every_option()) if specifications.role_of(name)} == set()


def test_the_matrix_is_documented():
    assert (ROOT / "docs" / "matrix.md").read_text() == matrix.page(), "run .venv/bin/python tools/matrix_page.py"


def test_the_matrix_has_one_row_for_every_release_that_is_known():
    # Every release with a known installer, on a Kubernetes that it runs on.
    for text in yaml.safe_load((ROOT / "roles" / "kube_ovn" / "vars" / "main.yml").read_text())["__kube_ovn_installers"]:
        release = readers.version(text)
        modes = [mode for mode in ("dedicated", "hybrid") if matrix.lowest_kubernetes(release, mode)]
        assert modes, text
        for mode in modes:
            lowest = matrix.lowest_kubernetes(release, mode)
            assert matrix.release_row(release, mode, lowest).evidence != "refused", (text, mode)
            assert matrix.release_row(release, mode, (lowest[0], lowest[1] - 1)).evidence == "refused", (text, mode)


def test_the_matrix_knows_its_words():
    assert {row.evidence for row in (*matrix.RELEASES, *matrix.RUNTIMES, *matrix.SYSTEMS)} == set(matrix.EVIDENCE)
