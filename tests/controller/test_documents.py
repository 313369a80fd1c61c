# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents: links lead somewhere, examples can be parsed, and pages that a tool writes are as their sources."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book

ROOT = Path(__file__).resolve().parents[2]
LISTED = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
DOCUMENTS = [name for name in LISTED if (ROOT / name).is_file()]
REPOSITORY = yaml.safe_load((ROOT / "galaxy.yml").read_text())["repository"]
# Shown away from the repository, where a relative link leads nowhere: by Galaxy and by automation hubs.
SHOWN_ELSEWHERE = [name for name in DOCUMENTS if name == "README.md" or re.fullmatch(r"roles/\w+/README\.md", name)]


def prose(name: str) -> str:
    """The text without blocks of code, in which brackets mean something else."""
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", (ROOT / name).read_text(), flags=re.M | re.S)


def anchors(path: Path) -> set[str]:
    """As GitHub makes them of headings: lower case, spaces as dashes, no other signs; a second one of a name is numbered."""
    found: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S), re.M):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        names.add(name if name not in found else f"{name}-{found[name]}")
        found[name] = found.get(name, 0) + 1
    return names


def links(name: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(name))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_somewhere(name):
    wrong = []
    for link in links(name):
        own = re.match(re.escape(REPOSITORY) + r"/(?:blob|tree)/main/(.*)", link)
        if re.match(r"https?://|mailto:", link) and not own:
            continue
        target, _hash, anchor = (own[1] if own else link).partition("#")
        path = (ROOT / target) if own else ((ROOT / name).parent / target if target else ROOT / name)
        if not path.exists() or (anchor and anchor not in anchors(path)) or (own and ("/tree/" in link) != path.is_dir()):
            wrong.append(link)
    assert wrong == []


@pytest.mark.parametrize("name", SHOWN_ELSEWHERE)
def test_links_of_what_is_shown_elsewhere_are_absolute(name):
    assert [link for link in links(name) if not link.startswith(("https://", "#"))] == []


@pytest.mark.parametrize("name", DOCUMENTS)
def test_examples_can_be_parsed(name):
    for kind, text in re.findall(r"^```(\w+)[^\n]*\n(.*?)^```$", (ROOT / name).read_text(), re.M | re.S):
        if kind == "yaml":
            # Two examples of one block are two documents or one.
            assert list(yaml.safe_load_all(text))
        elif kind == "json":
            json.loads(text)
        elif kind in ("sh", "shell", "console"):
            subprocess.run(["bash", "-n"], input=text, text=True, check=True)
        elif kind == "go":
            # It takes statements too.
            subprocess.run(["gofmt", "-e"], input=text, text=True, check=True, capture_output=True)
        else:
            assert kind in ("mermaid", "text", "python"), kind


def test_pages_are_known_to_the_readme_or_to_another_page():
    linked = {Path((ROOT / name).parent / link.partition("#")[0]).resolve() for name in DOCUMENTS for link in links(name) if "//" not in link}
    linked |= {ROOT / found for name in DOCUMENTS for link in links(name) for found in re.findall(r"/blob/main/([^#]+)", link)}
    assert [name for name in DOCUMENTS if name.startswith("docs/") and ROOT / name not in linked] == []


def tool(name: str):
    specification = importlib.util.spec_from_file_location(name, ROOT / "tools" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_troubleshooting_is_as_the_checks_are():
    page = tool("troubleshooting_page")
    text = (ROOT / "docs" / "troubleshooting.md").read_text()
    assert text == page.page(text), "run .venv/bin/python tools/troubleshooting_page.py"


def test_troubleshooting_has_every_check_with_what_it_finds():
    page = tool("troubleshooting_page")
    known = page.preflight()
    assert set(known) == {rule["id"] for rule in book.RULES}
    # Of these a helper yields what was found.
    assert sorted(identity for identity, entry in known.items() if not entry["rows"]) == ["node-ready", "pod-hugepages", "undefined-variable"]
    assert all(found and severity in ("error", "warning", "notice") for entry in known.values() for severity, found, _cure in entry["rows"])
    assert len(page.proof()) > 10


def test_what_ubuntu_16_04_needs_before_the_first_run_is_said():
    """Without python-apt module apt starts itself again under Python 3.5, which Ansible cannot use, and no check comes before that."""
    paragraphs = (ROOT / "docs" / "hosts.md").read_text().split("\n\n")
    (found,) = [text for text in paragraphs if "Ubuntu 16.04" in text]
    assert "ansible_python_interpreter: /usr/bin/python2.7" in found and "apt-get install python-apt" in found
