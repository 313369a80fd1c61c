# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The path of the packets and their rates as inline SVG. A drawing is as wide as a telephone, so that its texts can be read everywhere."""

from __future__ import annotations

from html import escape

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._page import Html
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import plural, short

WIDTH = 340
PARTS = ("pod", "port", "socket", "bridge", "pmd", "uplink")


def cut(text: object, length: int) -> str:
    """The beginning and the end of a name that is too long for its box."""
    text = str(text)
    return text if len(text) <= length else text[: length - length // 2 - 1] + "…" + text[-(length // 2) :]


def label(x: float, y: float, text: object, css: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" class="{css}">{escape(str(text))}</text>'


def rect(x: float, y: float, width: float, height: float, broken: bool) -> str:
    return f'<rect x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}" rx="6" class="part{" broken" if broken else ""}"/>'


def line(x: float, top: float, bottom: float, broken: bool) -> str:
    return (
        f'<line x1="{x:.0f}" y1="{top:.0f}" x2="{x:.0f}" y2="{bottom:.0f}" class="link{" broken" if broken else ""}"/>'
    )


# That nothing is proven of a node is the consequence of what another check names.
CONSEQUENCES = ("coverage",)


def first_broken(report: dict, rows: list[dict], host: str | None) -> dict | None:
    """The first failed check, in the order of the path, that concerns these ports or their node: {check, part, port}.

    Where there are no ports it is one of the pods of the node.
    """
    node = report["nodes"].get(host) or {}
    idle = [pod["name"] for pod in report["pods"] if not rows and pod["kubernetes_node"] in (host, node.get("kubernetes_node"))]
    for check in sorted(report["checks"], key=lambda check: check["id"] in CONSEQUENCES):
        for problem in check.get("problems") or []:
            where = problem["where"]
            if not where:
                continue
            mine = [row for row in rows if where.get("pod") == row["pod"] and where.get("port") in (None, row["port"])]
            if mine or where.get("pod") in idle or (host is not None and where.get("host") == host and "pod" not in where):
                return {"check": check["id"], "part": where.get("part") or "pod", "port": where.get("port")}
    return None


def figures(report: dict) -> list[tuple[str, Html]]:
    """One drawing for each two ports of a pod, by node: [(title, svg)]; nodes and pods without ports have one too."""
    found = []
    hosts = list(report["nodes"])
    for host in hosts:
        node = report["nodes"][host]
        name = node.get("kubernetes_node")
        rows = [
            row
            for row in report["traffic"]
            if row["node"] == host or (row["node"] is None and row["kubernetes_node"] in (host, name))
        ]
        if not rows:
            found.append((title_of(host, node), figure(report, host, None, [])))
        for pod in dict.fromkeys(row["pod"] for row in rows):
            own = [row for row in rows if row["pod"] == pod]
            found.extend(
                (title_of(host, node), figure(report, host, pod, own[index : index + 2]))
                for index in range(0, len(own), 2)
            )
    return found


def title_of(host: str, node: dict) -> str:
    name = node.get("kubernetes_node")
    return host if name in (None, host) else f"{host} ({name})"


def way(row: dict, pod: str | None) -> str:
    """To which port the packets of this one go."""
    peer = row["peer"]
    if not peer:
        return f"{row['port']} has no peer"
    return f"{row['port']} → {peer['port'] if peer['pod'] == pod else peer['pod'] + ' ' + peer['port']}"


def figure(report: dict, host: str, pod: str | None, rows: list[dict]) -> Html:
    node = report["nodes"][host]
    broken = first_broken(report, rows, host)
    ran = next((one for one in report["pods"] if one["name"] == pod), {})

    def is_broken(part: str, row: dict | None = None) -> bool:
        return bool(broken) and broken["part"] == part and (row is None or broken["port"] in (None, row["port"]))

    drawn = [rect(8, 8, WIDTH - 16, 44, is_broken("pod"))]
    drawn.append(label(18, 26, cut(pod or "no pod with vhost-user ports", 38), "broken" if is_broken("pod") else ""))
    drawn.append(
        label(
            18, 43, f"testpmd, {ran.get('testpmd') or 'version unknown'}" if pod else "nothing is proven here", "small"
        )
    )
    centers = [WIDTH / 2] if len(rows) < 2 else [WIDTH * 0.26, WIDTH * 0.74]
    half = 74 if len(rows) > 1 else 110
    y = 52
    for row, x in zip(rows, centers, strict=False):
        red = is_broken("port", row)
        drawn += [
            line(x, y, y + 14, red),
            rect(x - half, y + 14, 2 * half, 36, red),
            label(x, y + 29, row["port"], "middle" + (" broken" if red else "")),
        ]
        drawn.append(label(x, y + 44, cut(row["interface"], half // 3), "small middle"))
        drawn.append(line(x, y + 50, y + 92, red))
        drawn += [
            label(x - 6, y + 67, f"↓ {short(row['tx_pps'])}/s", "end"),
            label(x + 6, y + 67, f"↑ {short(row['rx_pps'])}/s"),
        ]
        drawn += [label(x - 6, y + 83, "sent", "small end"), label(x + 6, y + 83, "received", "small")]
        red = is_broken("socket", row)
        drawn += [
            rect(x - half, y + 92, 2 * half, 26, red),
            label(x, y + 109, f"socket, {row['mode']} mode", "middle" + (" broken" if red else "")),
        ]
        drawn.append(line(x, y + 118, y + 140, red))
    y = 192 if rows else 66
    bridges = (
        list(dict.fromkeys(row["bridge"] for row in rows if row["bridge"]))
        or [one["name"] for one in node["bridges"]][:1]
    )
    spots = [(8, WIDTH - 16)] if len(bridges) < 2 else [(8, WIDTH / 2 - 12), (WIDTH / 2 + 4, WIDTH / 2 - 12)]
    for name, (x, width) in zip(bridges, spots, strict=False):
        red = is_broken("bridge")
        drawn += [rect(x, y, width, 56, red), label(x + 10, y + 17, f"bridge {cut(name, 14)}", "broken" if red else "")]
        mine = [row for row in rows if row["bridge"] in (name, None)]
        for index, row in enumerate(mine):
            drawn.append(label(x + 10, y + 33 + 15 * index, cut(way(row, pod), 48 if width > 200 else 24), "small"))
    if not bridges and is_broken("bridge"):
        drawn += [rect(8, y, WIDTH - 16, 28, True), label(18, y + 18, "no bridge was read", "broken")]
        y += 28
    y += 56 if bridges else 0
    used = {row["interface"] for row in rows}
    threads = [thread for thread in node["pmd"] if used & set(thread["ports"])] or node["pmd"][:1]
    for thread in threads[:2]:
        red = is_broken("pmd")
        load = "load unknown" if thread["busy"] is None else f"{thread['busy'] * 100:.0f} % busy"
        cost = "" if thread["cycles_per_packet"] is None else f", {thread['cycles_per_packet']} cycles a packet"
        drawn += [line(WIDTH / 2, y, y + 14, red), rect(8, y + 14, WIDTH - 16, 42, red)]
        drawn.append(
            label(
                18,
                y + 31,
                f"PMD thread, core {thread['core']}, NUMA node {'–' if thread['numa'] is None else thread['numa']}",
                "broken" if red else "",
            )
        )
        drawn.append(label(18, y + 48, load + cost, "small"))
        y += 56
    if not threads:
        red = is_broken("pmd")
        drawn += [
            line(WIDTH / 2, y, y + 14, red),
            rect(8, y + 14, WIDTH - 16, 28, red),
            label(18, y + 32, "no PMD thread", "broken" if red else ""),
        ]
        y += 42
    uplinks = [uplink for bridge in node["bridges"] if bridge["name"] in bridges for uplink in bridge["uplinks"]]
    away = sorted({row["peer"]["pod"] for row in rows if row["peer"] and row["peer"]["pod"] != pod})
    if uplinks or is_broken("uplink"):
        red = is_broken("uplink")
        names = ", ".join(f"{one['name']}{'' if one['up'] else ' (down)'}" for one in uplinks) or "none"
        drawn += [
            line(WIDTH / 2, y, y + 14, red),
            rect(8, y + 14, WIDTH - 16, 42, red),
            label(18, y + 31, f"uplink {cut(names, 32)}", "broken" if red else ""),
        ]
        drawn.append(
            label(
                18,
                y + 48,
                cut("to " + ", ".join(away), 48) if away else "no packet of the proof left the node",
                "small",
            )
        )
        y += 56
    if broken:
        y += 20
        drawn.append(label(WIDTH / 2, y, f"✗ first broken here: {broken['check']}", "middle broken"))
    said = f"Path of {pod or 'no pod'} on {host}" + (
        f"; broken: {broken['check']} at {broken['part']}" if broken else ""
    )
    return Html(f'<svg viewBox="0 0 {WIDTH} {y + 10}" role="img" aria-label="{escape(said)}">{"".join(drawn)}</svg>')


def plot(row: dict, seconds: int | None) -> Html:
    """Packets a second over the load, received and sent."""
    height, left, top, bottom = 120, 52, 12, 96
    rates = row["rates"]
    highest = max([*rates["rx"], *rates["tx"], 1])
    count = max(len(rates["rx"]), len(rates["tx"]))

    def points(values: list[int]) -> str:
        step = (WIDTH - left - 10) / max(count - 1, 1)
        return " ".join(
            f"{left + index * step:.1f},{bottom - (bottom - top) * value / highest:.1f}"
            for index, value in enumerate(values)
        )

    drawn = [f'<line x1="{left}" y1="{y}" x2="{WIDTH - 10}" y2="{y}" class="axis"/>' for y in (top, bottom)]
    drawn += [label(left - 6, top + 4, short(highest), "small end"), label(left - 6, bottom + 4, "0", "small end")]
    drawn.append(label(left, bottom + 18, "0 s", "small"))
    drawn.append(label(WIDTH - 10, bottom + 18, f"{seconds} s" if seconds else plural(count, "window"), "small end"))
    if count > 1:
        drawn += [
            f'<polyline points="{points(rates["rx"])}" class="first"/>',
            f'<polyline points="{points(rates["tx"])}" class="second"/>',
        ]
    else:
        drawn.append(label(WIDTH / 2, 60, "no readings during the load", "small middle"))
    drawn += [
        label(WIDTH / 2 - 20, bottom + 18, "received", "small middle first"),
        label(WIDTH / 2 + 40, bottom + 18, "sent", "small middle second"),
    ]
    said = f"Packets a second of {row['pod']} {row['port']}: at most {short(highest)}"
    return Html(f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(said)}">{"".join(drawn)}</svg>')
