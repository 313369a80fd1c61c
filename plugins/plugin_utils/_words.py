# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers, plurals and quotations in texts for people: one way for tables, sentences and drawings."""

from __future__ import annotations


def number(value: float | None) -> str:
    """1234567 → 1,234,567; a dash for what is not known."""
    return "–" if value is None else f"{value:,}"


def plural(count: int, word: str, many: str | None = None) -> str:
    """1 thread, 2 threads"""
    return f"{number(count)} {word if count == 1 else many or word + 's'}"


def short(value: float | None) -> str:
    """For the edges of a drawing: 1.9 M, 53.7 k, 812"""
    if value is None:
        return "–"
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= factor:
            return f"{value / factor:.3g} {unit}"
    return f"{value:.0f}"


def quoted(text: object, length: int = 300) -> str:
    """What a pod wrote, as a report repeats it: not longer than this, and without letters that a terminal obeys or that XML does not allow."""
    text = str(text)
    shown = text if len(text) <= length else text[: length - 1] + "…"
    return "".join(letter if letter.isprintable() else "�" for letter in shown)
