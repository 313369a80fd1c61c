# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profile full on the page: throughput and round trip against the packets in flight, what flows cost, and every point as a table."""

from __future__ import annotations

from html import escape
from math import log2

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._page import Html, details, items, join, section, table, tag
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.drawing import WIDTH, label
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.full import size_text
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import number, plural, short

LEFT, RIGHT, TOP, BOTTOM = 56, WIDTH - 12, 14, 170
# As many as the style of the pages has.
COLOURS = 8


def figures(report: dict) -> Html | None:
    """Null in another profile."""
    full = report.get("full")
    if full is None:
        return None
    parts: list[Html | None] = []
    hosts = list(dict.fromkeys(one["node"] for one in full["series"]))
    for host in hosts:
        listed = [one for one in full["series"] if one["node"] == host]
        parts.append(node(report, host, listed))
    if not hosts:
        parts.append(tag("p", "Nothing was measured."))
    if full["left_out"]:
        parts.append(tag("p", "Left out:"))
        parts.append(items(full["left_out"]))
    note = (
        "A closed loop: a fixed number of packets circulates between two ports of one pod, through Open vSwitch, and testpmd sends each back at once. "
        "The mean time of a round is the number in flight divided by the rate (Little's law); testpmd's own time is part of it. "
        "Sizes are those of frames with their checksum. A point counts only if as many packets were in flight after it as were put into circulation."
    )
    return section("Throughput and latency", *parts, tag("p", note, css="soft"))


def node(report: dict, host: str, listed: list[dict]) -> Html:
    points = [point for one in listed for point in one["points"]]
    drawn = []
    for queues in sorted({point["queues"] for point in points}):
        own = [point for point in points if point["queues"] == queues and point["flows"] == 1 and point["measured"] and point["pps"]]
        title = "1 flow each way" + (f", {plural(queues, 'queue')}" if queues > 1 else "")
        drawn += [
            tag("div", tag("h3", f"Packets a second, {title}"), curve(own, "pps", short, f"Packets a second on {host}"), css="panel"),
            tag("div", tag("h3", f"Mean round trip, {title}"), curve(own, "round_trip_us", microseconds, f"Round trip on {host}"), css="panel"),
        ]
    return join(
        [
            tag("h3", host),
            tag("p", disclosed(report, host, listed), css="soft"),
            tag("div", *drawn, css="grid"),
            flows(points),
            details(f"All {plural(len(points), 'point')}", every(points)),
            details("Commands of testpmd", *[tag("pre", " ".join(one["command"])) for one in listed]),
        ]
    )


def disclosed(report: dict, host: str, listed: list[dict]) -> str:
    """What a figure says little without."""
    found = report["nodes"].get(host) or {}
    threads = sorted({core for one in listed for point in one["points"] for core in point.get("pmd_cores") or []})
    testpmd = sorted({core for one in listed for core in one["cores"]})
    rings = sorted({one["ring"] for one in listed})
    versions = [f"Open vSwitch {found.get('ovs_version')}", str(found.get("dpdk_version")), *sorted({f"testpmd of {one['testpmd']}" for one in listed})]
    return (
        f"Pod {', '.join(sorted({one['pod'] for one in listed}))}, ports {' and '.join(listed[0]['ports'])}. PMD threads on {cores(threads)}, testpmd on "
        f"{cores(testpmd)}, rings of {' and '.join(number(ring) for ring in rings)} descriptors. {', '.join(versions)}."
    )


def cores(listed: list[int]) -> str:
    return f"{'core' if len(listed) == 1 else 'cores'} {', '.join(map(str, listed))}" if listed else "unknown cores"


def microseconds(value: float) -> str:
    return f"{value / 1000:.3g} ms" if value >= 1000 else f"{value:.3g} µs"


def curve(points: list[dict], key: str, text, said: str) -> Html:
    """One line for each size over the packets in flight, of which each step to the right is a doubling."""
    sizes = list(dict.fromkeys(point["size"] for point in points))
    height = BOTTOM + 34 + 16 * (-(-len(sizes) // 3))
    levels = sorted({point["in_flight"] for point in points})
    highest = max((point[key] for point in points), default=0)
    if len(levels) < 2 or not highest:
        return Html(f'<svg viewBox="0 0 {WIDTH} 60" role="img" aria-label="{escape(said)}">{label(WIDTH / 2, 34, "too few points", "small middle")}</svg>')
    drawn = []
    for share in (0, 0.5, 1):
        y = BOTTOM - (BOTTOM - TOP) * share
        drawn.append(f'<line x1="{LEFT}" y1="{y:.0f}" x2="{RIGHT}" y2="{y:.0f}" class="axis"/>')
        drawn.append(label(LEFT - 5, y + 4, text(highest * share) if share else "0", "small end"))

    def place(level: int) -> float:
        first, last = levels[0], levels[-1]
        return LEFT + 6 + (RIGHT - LEFT - 22) * (log2(level) - log2(first)) / (log2(last) - log2(first))

    shown: float = 0
    for level in levels:
        x = place(level)
        drawn.append(f'<line x1="{x:.0f}" y1="{BOTTOM}" x2="{x:.0f}" y2="{BOTTOM + 4}" class="axis"/>')
        # A text that would touch its neighbour is left out.
        if x - shown >= 34:
            drawn.append(label(x, BOTTOM + 17, number(level), "small middle"))
            shown = x
    drawn.append(label((LEFT + RIGHT) / 2, BOTTOM + 31, "packets in flight each way", "small middle"))
    for index, size in enumerate(sizes):
        own = sorted((point for point in points if point["size"] == size), key=lambda point: point["in_flight"])
        places = [(place(point["in_flight"]), BOTTOM - (BOTTOM - TOP) * point[key] / highest, point["ok"]) for point in own]
        css = f"c{index % COLOURS}"
        drawn.append(f'<polyline points="{" ".join(f"{x:.1f},{y:.1f}" for x, y, _ok in places)}" class="curve {css}"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{2.6 if ok else 5}" class="{css if ok else "broken"}"/>' for x, y, ok in places]
        x, y = LEFT + (index % 3) * 94, BOTTOM + 48 + 16 * (index // 3)
        drawn.append(f'<rect x="{x}" y="{y - 8}" width="12" height="8" rx="2" class="{css}"/>')
        drawn.append(label(x + 17, y, size_text(size), "small"))
    said += f", at most {text(highest)}"
    return Html(f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(said)}">{"".join(drawn)}</svg>')


def flows(points: list[dict]) -> Html | None:
    """Size by flows: one flow with as many packets in flight as the most flows have."""
    numbers = sorted({point["flows"] for point in points})
    if len(numbers) < 2:
        return None
    most = max(point["in_flight"] for point in points if point["flows"] == numbers[-1])
    queues = min(point["queues"] for point in points)
    rows = []
    for size in dict.fromkeys(point["size"] for point in points):
        row: list[object] = [size_text(size)]
        for count in numbers:
            own = [point for point in points if point["size"] == size and point["flows"] == count and point["queues"] == queues]
            found = next((point for point in own if count > 1 or point["in_flight"] == most), None)
            row.append(cell(found))
        rows.append(row)
    columns = [("Frame", ""), *[(plural(count, "flow"), "n") for count in numbers]]
    return join(
        [
            tag("h3", "What flows cost"),
            table(columns, rows),
            tag(
                "p",
                f"Packets a second, and the share that the exact-match cache answers. Flows of both directions together; 1 flow is one each way with "
                f"{number(most)} packets in flight.",
                css="soft",
            ),
        ]
    )


def cell(point: dict | None) -> object:
    if point is None or not point["measured"]:
        return None
    hits = "" if point.get("emc_hits") is None else f" · {point['emc_hits'] * 100:.0f} %"
    return join([f"{short(point['pps'])}/s{hits}", verdict(point) if not point["ok"] else Html("")])


def verdict(point: dict) -> Html:
    if not point["measured"]:
        return tag("span", "✗ not measured", css="failed")
    if point["lost"]:
        return tag("span", f" ✗ {number(point['lost'])} lost", css="failed")
    if not point["ok"]:
        return tag("span", f" ✗ {number(point['joined'])} foreign", css="failed")
    return tag("span", "✓ equal", css="ok")


def every(points: list[dict]) -> Html:
    columns = [
        ("Frame", ""), ("Flows", "n"), ("Queues", "n"), ("In flight each way", "n"), ("Packets a second", "n"), ("Gbit/s", "n"), ("Round trip", "n"),
        ("PMD busy", "n"), ("Cycles a packet", "n"), ("In flight before, after", "n"), ("", "k"),
    ]  # fmt: skip
    rows = []
    for point in points:
        if not point["measured"]:
            rows.append([size_text(point["size"]), number(point["flows"]), point["queues"], number(point["in_flight"]), *[None] * 6, verdict(point)])
            continue
        trip = point["round_trip_us"]
        rows.append([
            size_text(point["size"]), number(point["flows"]), point["queues"], number(point["in_flight"]), number(point["pps"]), f"{point['gbps']:.2f}",
            None if trip is None else microseconds(trip), None if point["busy"] is None else f"{point['busy'] * 100:.0f} %",
            number(point["cycles_per_packet"]), f"{number(point['put'])}, {number(point['counted'])}", verdict(point),
        ])  # fmt: skip
    return table(columns, rows)
