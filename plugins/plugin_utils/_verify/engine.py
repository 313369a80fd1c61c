# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine of the checks.

How to add a check. It is a generator over one `Case` in checks.py:

    @check("rate", "packets pass in every window of the load", "give testpmd and the PMD threads CPUs of their own")
    def rate(case):
        for port in case.ports:
            if ...:
                yield problem("%s received nothing in the last second" % port.name, port.where)
        return "…"

- The id is words that say what is checked; docs/checks.md lists it with its title, and tests/controller/test_verify.py has a case that fails it.
- `problem(found, where, cure)`: one clause without a full stop; where it is, for the drawing ({pod, port, host, part}); a cure of its own where the
  check's does not fit. What the generator returns is the detail of a check without problems.
- A check never passes for want of a reading: a reading that is missing is a problem.
"""

from __future__ import annotations

CHECKS: list[dict] = []


def check(identity: str, title: str, cure: str, profile: str | None = None):
    """profile: the one that alone has what the check judges; null for every profile."""

    def register(function):
        CHECKS.append({"id": identity, "title": title, "cure": cure, "function": function, "profile": profile})
        return function

    return register


def problem(found: str, where: dict | None = None, cure: str | None = None) -> dict:
    return {"found": found, "where": where or {}, "cure": cure}


def judge(case) -> list[dict]:
    """[{id, title, ok, detail, cure and problems only where not ok}], in the order in which the checks are registered: along the path of a packet."""
    results = []
    for one in CHECKS:
        if one["profile"] not in (None, case.settings["profile"]):
            continue
        running = one["function"](case)
        problems = []
        detail = None
        while True:
            try:
                problems.append(next(running))
            except StopIteration as end:
                detail = end.value
                break
        result = {"id": one["id"], "title": one["title"], "ok": not problems, "detail": detail or one["title"]}
        if problems:
            result["detail"] = "; ".join(item["found"] for item in problems)
            result["cure"] = "; ".join(dict.fromkeys(item["cure"] or one["cure"] for item in problems))
            result["problems"] = [{"found": item["found"], "where": item["where"]} for item in problems]
        results.append(result)
    return results
