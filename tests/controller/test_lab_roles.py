"""The roles of the lab: each one is small, and names of another one only what lab/README.md says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

LAB = Path(__file__).resolve().parents[2] / "lab"
ROLES = sorted(path.name for path in (LAB / "roles").iterdir())
SHARED = {name for part in ("defaults", "vars") for name in yaml.safe_load((LAB / "roles" / "lab" / part / "main.yml").read_text())}
# Rows of the table of facts: those in the first column, and who reads them.
ROWS = [line.split("|")[1::2] for line in (LAB / "README.md").read_text().partition("| fact |")[2].splitlines() if line.startswith("| `")]
FACTS = {fact: set(re.findall("`([a-z_.]+)`", readers)) for facts, readers in ROWS for fact in re.findall("`([a-z_]+)`", facts)}


def content(role, *parts):
    """Its tasks, variables and templates, without comments."""
    files = [path for part in parts for path in sorted((LAB / "roles" / role / part).rglob("*")) if path.suffix in (".yml", ".j2")]
    return "\n".join(re.sub(r"^\s*#.*$", "", path.read_text(), flags=re.MULTILINE) for path in files)


def owner(name):
    return max((role for role in ROLES if re.match(rf"_*{role}_", name)), key=len)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_small(role):
    assert len(re.findall(r"^\s*- name:", content(role, "tasks", "handlers"), re.MULTILINE)) <= 40


@pytest.mark.parametrize("role", ROLES)
def test_a_role_names_of_another_one_only_documented_facts(role):
    names = set(re.findall(r"\b_*lab_[a-z0-9_]+\b", content(role, "tasks", "vars", "templates")))
    foreign = {name for name in names - SHARED - set(ROLES) if owner(name) != role}
    assert foreign == {fact for fact, readers in FACTS.items() if role in readers}


@pytest.mark.parametrize("fact", FACTS)
def test_a_documented_fact_is_set_by_its_role(fact):
    assert re.search(rf"^ +(?:register: {fact}|{fact}: .*)$", content(owner(fact), "tasks"), re.MULTILINE)


@pytest.mark.parametrize("role", sorted(set(ROLES) - {"lab"}))
def test_a_role_depends_on_the_settings(role):
    assert yaml.safe_load((LAB / "roles" / role / "meta" / "main.yml").read_text())["dependencies"] == [{"role": "lab"}]
