# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the list of all ids into docs/checks.md, from the rules of preflight. Usage: .venv/bin/python tools/checks_page.py"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The collection is imported by its full name.
sys.path.insert(0, str(ROOT / ".collections"))

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book  # noqa: E402

HEADING = "## All ids of preflight"


def page(text: str) -> str:
    """The page with its list of ids as the rules are now. The problem of an id is the row of the tables above that names it."""
    above = text.partition(HEADING)[0]
    problems = {}
    for line in re.findall(r"^\| [PD]\d+ \|.*$", above, re.M):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        problems.update({identity: cells[0] for identity in re.findall(r"`preflight` ([a-z0-9-]+)", cells[-1])})
    titles = {rule["id"]: rule["title"] for rule in book.RULES}
    rows = ["| %s | %s | %s |" % (identity, titles[identity], problems.get(identity, "")) for identity in sorted(titles)]
    head = ["| id | what it looks for | problem |", "| --- | --- | --- |"]
    return above + "\n".join([HEADING, "", *head, *[row.replace("|  |", "| |") for row in rows]]) + "\n"


if __name__ == "__main__":
    path = ROOT / "docs" / "checks.md"
    path.write_text(page(path.read_text()))
