# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The look of the collection's pages: one self-contained file for screens of any width, light, dark and paper. Every text is escaped here."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

STYLE = """
:root { color-scheme: light dark; --ground: #fbfbfa; --panel: #fff; --ink: #1c2024; --soft: #5c646c; --line: #dfe2e5; --good: #18794e; --bad: #c62a2f;
  --note: #8a5a00; --good-soft: #e6f4ec; --bad-soft: #fdebec; --note-soft: #fdf3dc; --first: #2f6fb3; --second: #b35a1f;
  --c0: #2f6fb3; --c1: #b35a1f; --c2: #18794e; --c3: #8a3fb0; --c4: #b0306a; --c5: #6b6b16; --c6: #1a7f8a; --c7: #555; }
@media (prefers-color-scheme: dark) { :root { --ground: #16181a; --panel: #1e2124; --ink: #e8eaec; --soft: #a3abb3; --line: #363b40; --good: #5bc98c;
  --bad: #ff8a8f; --note: #f0bd56; --good-soft: #15301f; --bad-soft: #3b1a1c; --note-soft: #332712; --first: #7db4ec; --second: #f0a070;
  --c0: #7db4ec; --c1: #f0a070; --c2: #5bc98c; --c3: #c79bea; --c4: #f08ab6; --c5: #c9c95b; --c6: #6fd0da; --c7: #bbb; } }
* { box-sizing: border-box; min-width: 0; }
body { margin: 0; background: var(--ground); color: var(--ink); overflow-wrap: anywhere;
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 76rem; margin: 0 auto; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.25rem 0 .75rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
p + .grid { margin-top: .75rem; }
.panel > h3, .box > h3, h2 + h3 { margin-top: 0; }
p, ul { margin: .25rem 0; }
ul { padding-left: 1.25rem; }
.soft { color: var(--soft); }
.box { border-left: .4rem solid var(--note); background: var(--note-soft); padding: .75rem 1.25rem; border-radius: .4rem; margin-top: .75rem; }
.box.good { border-color: var(--good); background: var(--good-soft); }
.box.bad { border-color: var(--bad); background: var(--bad-soft); }
.box.verdict { padding: 1.1rem 1.25rem; margin-top: 0; }
.cure { margin-top: .35rem; padding-left: .75rem; border-left: .2rem solid var(--bad); }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(21rem, 100%), 1fr)); gap: 1rem; }
.panel { background: var(--panel); border: 1px solid var(--line); border-radius: .4rem; padding: .75rem; }
.panel.table { padding: 0; overflow: hidden; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .45rem .6rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
tbody tr:last-child > td { border-bottom: 0; }
th { font-weight: 600; color: var(--soft); font-size: .85rem; overflow-wrap: normal; }
td.k { white-space: nowrap; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
code, pre { font: .85em/1.5 ui-monospace, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
pre { white-space: pre-wrap; margin: .5rem 0; }
.ok { color: var(--good); font-weight: 700; }
.failed { color: var(--bad); font-weight: 700; }
.warned { color: var(--note); font-weight: 700; }
.badge { display: inline-block; padding: 0 .5rem; border-radius: .75rem; font-size: .85rem; background: var(--note-soft); color: var(--note); }
.badge.lab { background: var(--good-soft); color: var(--good); }
.badge.refused { background: var(--bad-soft); color: var(--bad); }
.foot { margin-top: 2.25rem; }
.again { color: var(--soft); }
.numa + .numa { margin-top: .5rem; }
.cpus { display: flex; flex-wrap: wrap; gap: .2rem; margin-top: .15rem; }
.cpu { min-width: 2rem; padding: .1rem .25rem; border: 1px solid var(--line); border-radius: .25rem; font-size: .8rem; text-align: center;
  font-variant-numeric: tabular-nums; color: var(--panel); print-color-adjust: exact; }
.cpu.key { display: inline-block; min-width: .9rem; width: .9rem; height: .9rem; padding: 0; vertical-align: -.1rem; }
.cpu.plain { color: var(--ink); }
.cpu.c0 { background: var(--c0); } .cpu.c1 { background: var(--c1); } .cpu.c2 { background: var(--c2); } .cpu.c3 { background: var(--c3); }
.cpu.c5 { background: var(--c5); } .cpu.c7 { background: var(--c7); }
.panel + .panel, .panel + p, .panel + details, p + .panel, .after { margin-top: .5rem; }
details > :not(summary) { margin-top: .35rem; }
details > summary { cursor: pointer; color: var(--soft); }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
svg text.small { fill: var(--soft); font-size: 10.5px; }
svg text.middle { text-anchor: middle; }
svg text.end { text-anchor: end; }
svg .part { fill: var(--panel); stroke: var(--soft); stroke-width: 1.2; }
svg .link { stroke: var(--soft); stroke-width: 1.5; fill: none; }
svg .broken { stroke: var(--bad); stroke-width: 2.5; }
svg rect.broken { fill: var(--bad-soft); }
svg text.broken { fill: var(--bad); stroke: none; font-weight: 700; }
svg .axis { stroke: var(--line); stroke-width: 1; }
svg .first { stroke: var(--first); stroke-width: 1.8; fill: none; }
svg .second { stroke: var(--second); stroke-width: 1.8; fill: none; stroke-dasharray: 5 3; }
svg .curve { fill: none; stroke-width: 1.8; }
svg circle.broken { fill: var(--bad); stroke: var(--bad); }
svg .c0 { stroke: var(--c0); } svg circle.c0, svg rect.c0 { fill: var(--c0); }
svg .c1 { stroke: var(--c1); } svg circle.c1, svg rect.c1 { fill: var(--c1); }
svg .c2 { stroke: var(--c2); } svg circle.c2, svg rect.c2 { fill: var(--c2); }
svg .c3 { stroke: var(--c3); } svg circle.c3, svg rect.c3 { fill: var(--c3); }
svg .c4 { stroke: var(--c4); } svg circle.c4, svg rect.c4 { fill: var(--c4); }
svg .c5 { stroke: var(--c5); } svg circle.c5, svg rect.c5 { fill: var(--c5); }
svg .c6 { stroke: var(--c6); } svg circle.c6, svg rect.c6 { fill: var(--c6); }
svg .c7 { stroke: var(--c7); } svg circle.c7, svg rect.c7 { fill: var(--c7); }
svg text.first { fill: var(--first); stroke: none; } svg text.second { fill: var(--second); stroke: none; }
@media (max-width: 46rem) {
  main { padding: 1rem .75rem 3rem; }
  thead { display: none; }
  tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  tbody tr:last-child { border-bottom: 0; }
  td, td.n, td.k { white-space: normal; display: grid; grid-template-columns: minmax(6.5rem, 35%) minmax(0, 1fr); gap: .5rem;
    padding: .15rem .75rem; border: 0; text-align: left; }
  td[data-label=""] { grid-template-columns: minmax(0, 1fr); }
  td::before { content: attr(data-label); color: var(--soft); font-size: .85rem; }
  td[data-label=""]::before { content: none; }
}
@media print {
  :root { color-scheme: light; --ground: #fff; --panel: #fff; --ink: #000; --soft: #444; --line: #bbb; --good: #0a5c35; --bad: #a3151a; --note: #6b4500;
    --good-soft: #fff; --bad-soft: #fff; --note-soft: #fff; --first: #1f4f86; --second: #8a3f0f; }
  body { font-size: 11px; }
  main { max-width: none; padding: 0; }
  .panel, .box, tr { break-inside: avoid; }
}
"""


class Html(str):
    """Text that is markup already."""


def text(value: object) -> Html:
    """Any value as it stands in a page; markup passes, everything else is escaped, nothing is a dash."""
    if isinstance(value, Html):
        return value
    return Html("–" if value is None or value == "" else escape(str(value)))


def tag(name: str, *content: object, css: str = "") -> Html:
    attributes = f' class="{escape(css)}"' if css else ""
    return Html(f"<{name}{attributes}>{join(content)}</{name}>")


def join(parts: Iterable[object]) -> Html:
    return Html("".join(text(part) for part in parts if part is not None))


def table(columns: list[tuple[str, str]], rows: list[list[object]]) -> Html:
    """columns: (label, "" or "n" for numbers, "k" for short words). On a narrow screen each row is a card, in which the labels stand before the values."""
    head = join(tag("th", label, css=kind) if label else Html("<th></th>") for label, kind in columns)
    body = Html("")
    for row in rows:
        cells = [
            Html(f'<td data-label="{escape(label)}"{f" class={kind}" if kind else ""}><div>{text(value)}</div></td>')
            for (label, kind), value in zip(columns, row, strict=True)
        ]
        body = join([body, tag("tr", *cells)])
    return tag("div", Html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"), css="panel table")


def items(values: Iterable[object]) -> Html:
    return tag("ul", *[tag("li", value) for value in values])


def details(summary: str, *content: object) -> Html:
    return Html(f"<details><summary>{text(summary)}</summary>{join(content)}</details>")


def section(title: str, *content: object) -> Html:
    return Html(f"<section><h2>{text(title)}</h2>{join(content)}</section>")


def mark(ok: bool) -> Html:
    return Html('<span class="ok">✓ ok</span>' if ok else '<span class="failed">✗ failed</span>')


def document(title: str, *content: object) -> str:
    # The policy lets the page load nothing at all.
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f'<link rel="icon" href="data:,">\n<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n'
        f"<body>\n<main>\n{join(content)}\n</main>\n</body>\n</html>\n"
    )
