# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the findings of preflight and of the proof into docs/troubleshooting.md, from their sources.

Usage: .venv/bin/python tools/troubleshooting_page.py
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The collection is imported by its full name.
sys.path.insert(0, str(ROOT / ".collections"))

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import causes  # noqa: E402

HEADING = "## Findings of preflight"
UTILS = ROOT / "plugins" / "plugin_utils"
PLACEHOLDER = "…"


def text(node: ast.expr | None, names: dict[str, ast.expr]) -> str | None:
    """The text of an expression, with a placeholder for what is known only in a run; None where it is no text at all."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name) and node.id in names:
        return text(names[node.id], {})
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        left = text(node.left, names)
        return left and re.sub(r"%(?:\.\d+)?[srdifx]", PLACEHOLDER, left).replace("%%", "%")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        parts = [text(side, names) for side in (node.left, node.right)]
        return "".join(part or PLACEHOLDER for part in parts) if any(parts) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            part.value if isinstance(part, ast.Constant) else text(part.value, names) or PLACEHOLDER
            for part in node.values
            if isinstance(part, ast.Constant | ast.FormattedValue)
        )
    return None


def choices(node: ast.expr | None) -> list[ast.expr | None]:
    """Both sides of `a if condition else b`."""
    return [*choices(node.body), *choices(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def constants(module: ast.Module) -> dict[str, ast.expr]:
    return {
        statement.targets[0].id: statement.value
        for statement in module.body
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
    }


def called(node: ast.AST) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def registered(module: ast.Module, decorator: str, names: dict[str, ast.expr]) -> Iterator[tuple[list[str | None], ast.FunctionDef]]:
    """Each function that the decorator registers, with the texts that it was given."""
    for function in [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]:
        for call in function.decorator_list:
            if called(call) == decorator:
                yield [text(argument, names) for argument in call.args], function


def preflight() -> dict[str, dict]:
    """Id → its title and the pairs of found and cure."""
    found: dict[str, dict] = {}
    for path in sorted((UTILS / "_preflight" / "rules").glob("*.py")):
        module = ast.parse(path.read_text())
        names = constants(module)
        for (identity, _scope, title), function in registered(module, "rule", names):
            entry = found.setdefault(identity, {"title": title, "rows": []})
            for call in ast.walk(function):
                if called(call) in ("error", "warning", "notice") and len(call.args) == 2:
                    entry["rows"] += rows(called(call), *call.args, names)
    return found


def rows(severity: str, problem: ast.expr, cure: ast.expr | None, names: dict[str, ast.expr]) -> list[tuple[str, str, str]]:
    problems = [known for one in choices(problem) if (known := text(one, names))]
    cures = [known for one in choices(cure) if (known := text(one, names))]
    return [(severity, one, "; or ".join(cures)) for one in problems]


def proof() -> dict[str, dict]:
    """Id → title, cure, and the pairs of found and cure."""
    module = ast.parse((UTILS / "_verify" / "checks.py").read_text())
    names = constants(module)
    found = {}
    for (identity, title, cure, *_more), function in registered(module, "check", names):
        pairs = []
        for call in ast.walk(function):
            if called(call) == "problem" and call.args:
                own = next((keyword.value for keyword in call.keywords if keyword.arg == "cure"), call.args[2] if len(call.args) > 2 else None)
                pairs += rows("error", call.args[0], own, names)
        found[identity] = {"title": title, "cure": cure, "rows": pairs}
    return found


def cell(value: str) -> str:
    return re.sub(r"\s+", " ", value).strip().replace("|", "\\|").replace("<", "&lt;")


def table(head: tuple[str, ...], lines: list[tuple[str, ...]]) -> list[str]:
    unique = list(dict.fromkeys(lines))
    return ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *("| " + " | ".join(cell(one) for one in line) + " |" for line in unique)]


def page(above: str) -> str:
    lines = [HEADING, "", "`preflight` shows the id, the severity, the host, what was found and the cure. A dot (…) stands for what only a run knows."]
    for identity, entry in sorted(preflight().items()):
        lines += ["", f"### {identity}", "", f"Checks whether {entry['title']}."]
        if entry["rows"]:
            lines += ["", *table(("severity", "found", "cure"), entry["rows"])]
    lines += ["", "## Failed checks of the proof", "", "`report.html` shows them in the order of a packet's path; the first one is the one to cure."]
    for identity, entry in proof().items():
        lines += ["", f"### Check {identity}", "", f"Checks whether {entry['title']}. Cure: {entry['cure']}."]
        if entry["rows"]:
            lines += ["", *table(("found", "cure"), [(problem, cure or "as above") for _severity, problem, cure in entry["rows"]])]
    lines += ["", "## Causes that logs name", ""]
    logs = (("ovs-vswitchd", causes.LOG_CAUSES), ("ovs-vswitchd, at its start", causes.START_CAUSES), ("testpmd", causes.TESTPMD_CAUSES))
    lines += table(("log of", "means", "cure"), [(log, meaning, cure) for log, known in logs for _pattern, meaning, cure in known])
    return above.partition(HEADING)[0].rstrip("\n") + "\n\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":
    path = ROOT / "docs" / "troubleshooting.md"
    path.write_text(page(path.read_text()))
