# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""preflight.html: the findings in the look of the proof's report."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._page import Html, document, section, table, tag
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import plural

MARKS = {
    "error": Html('<span class="failed">✗ error</span>'),
    "warning": Html('<span class="warned">! warning</span>'),
    "notice": "notice",
}


def page(report: dict, time: str | None = None) -> str:
    """What `engine.report` returned → the page."""
    errors, warnings = report["errors"], report["warnings"]
    title = f"Preflight found {plural(errors, 'error')}" if errors else "Preflight found no error"
    outcome = "Nothing was changed." if errors else "The set-up can begin."
    rows = [
        [
            MARKS.get(one["severity"], one["severity"]),
            tag("code", one["id"]),
            one["host"],
            Html(f"{tag('div', one['found'])}{tag('div', one['cure'], css='soft')}"),
        ]
        for one in report["findings"]
    ]
    columns = [("Severity", "k"), ("Check", "k"), ("Host", ""), ("Found, and the cure", "")]
    return document(
        f"{title} – kube_ovn.dpdk",
        tag(
            "div",
            tag("h1", title),
            tag("p", f"{outcome} {plural(warnings, 'warning')}, {plural(report.get('notices') or 0, 'notice')}."),
            tag("p", time, css="soft") if time else None,
            css=f"box verdict {'bad' if errors else 'good'}",
        ),
        section("Findings", table(columns, rows)) if rows else tag("p", "No findings."),
        tag("p", "Written by role ", tag("code", "kube_ovn.dpdk.preflight"), css="soft"),
    )
