# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""report.html, and the history of runs that it shows."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._page import (
    Html,
    details,
    document,
    items,
    join,
    mark,
    section,
    table,
    tag,
)
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.attachments import read_json
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import curves
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.drawing import figures, plot
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import number, plural

KEPT = 20


def remember(report: dict, text: str | None) -> list[dict]:
    """history.json as text, which may be missing or damaged → the same with this run first."""
    try:
        earlier = read_json(text or "[]")
        earlier = [run for run in earlier if is_run(run) and run["time"] != report["time"]] if isinstance(earlier, list) else []
    except ValueError:
        earlier = []
    run = {
        "time": report["time"],
        "profile": report["profile"],
        "result": report["result"],
        "nodes": len(report["nodes"]),
        "ports": len(report["traffic"]),
        "rx_pps": sum(row["rx_pps"] for row in report["traffic"]),
        "dropped": sum(row["dropped"] for row in report["traffic"]),
        "failed": [check["id"] for check in report["checks"] if not check["ok"]],
    }
    return [run, *earlier][:KEPT]


def is_run(run: object) -> bool:
    """Whether the page can show this item of history.json."""
    if not isinstance(run, dict) or not isinstance(run.get("time"), str) or not isinstance(run.get("failed") or [], list):
        return False
    return all(isinstance(run.get(key), (int, float, type(None))) for key in ("nodes", "ports", "rx_pps", "dropped"))


def page(report: dict, history: list[dict] | None = None) -> str:
    title = "Packets pass" if report["result"] == "pass" else "Packets do not provably pass"
    return document(
        f"{title} – kube_ovn.dpdk",
        verdict(report, title),
        stand_ins(report),
        failures(report),
        path(report),
        rates(report),
        curves.figures(report),
        traffic(report),
        nodes(report),
        checks(report),
        runs(history or []),
        versions(report),
        pods(report),
        tag(
            "p",
            "Written by role ",
            tag("code", "kube_ovn.dpdk.verify"),
            "; the same as data: report.json, junit.xml",
            css="soft",
        ),
    )


def verdict(report: dict, title: str) -> Html:
    good = report["result"] == "pass"
    rows = report["traffic"]
    failed = sum(not check["ok"] for check in report["checks"])
    marked = [row["marked"] for row in rows if row["marked"]["arrived"] is not None]
    sentence = (
        f"{plural(len(rows), 'vhost-user port')} of {plural(len(report['pods']), 'pod')} on {plural(len(report['nodes']), 'node')}: "
        f"{number(sum(one['arrived'] for one in marked))} of {number(sum(one['sent'] for one in marked))} marked packets arrived at their port, "
        f"{number(sum(row['rx_packets'] for row in rows))} packets were received in all, {number(sum(row['dropped'] for row in rows))} dropped. "
        f"{failed} of {plural(len(report['checks']), 'check')} failed."
    )
    left_out = report["excluded_nodes"]
    return tag(
        "div",
        tag("h1", title),
        tag("p", sentence),
        tag("p", f"Not proven, since left out by name: {', '.join(left_out)}.") if left_out else None,
        tag(
            "p",
            f"{report['time'] or 'time unknown'}, profile {report['profile']}, load of {report['duration']} s, packets of 64 bytes, one flow in each direction",
            css="soft",
        ),
        css=f"box verdict {'good' if good else 'bad'}",
    )


def stand_ins(report: dict) -> Html | None:
    if not report["stand_ins"]:
        return None
    return tag(
        "div",
        tag("strong", "With stand-ins."),
        " These parts took the place of the real ones:",
        items(report["stand_ins"]),
        css="box",
    )


def failures(report: dict) -> Html | None:
    failed = [check for check in report["checks"] if not check["ok"]]
    if not failed:
        return None
    boxes = [
        tag(
            "div",
            tag("h3", tag("code", check["id"]), f": {check['title']} – failed"),
            items(problem["found"] for problem in check["problems"]),
            tag("div", check["cure"], css="cure"),
            css="box bad",
        )
        for check in failed
    ]
    return section("What failed", *boxes)


def path(report: dict) -> Html:
    drawn = [tag("div", tag("h3", title), svg, css="panel") for title, svg in figures(report)]
    return section("Path", tag("div", *drawn, css="grid") if drawn else tag("p", "No node was read."))


def rates(report: dict) -> Html | None:
    if not report["traffic"]:
        return None
    drawn = [
        tag("div", tag("h3", f"{row['pod']} {row['port']}"), plot(row, report["duration"]), css="panel")
        for row in report["traffic"]
    ]
    return section("Packets a second", tag("div", *drawn, css="grid"))


def traffic(report: dict) -> Html:
    if not report["traffic"]:
        return section("Traffic", tag("p", "No port was found to send packets through."))
    columns = [
        ("Port", ""), ("Node", ""), ("Marked, arrived", "n"), ("Received", "n"), ("per second", "n"), ("Sent", "n"), ("per second ", "n"),
        ("OVS sent", "n"), ("OVS received", "n"), ("Dropped", "n"),
    ]
    rows = []
    for row in report["traffic"]:
        ours = row["ovs"] or {}
        marked = row["marked"]
        rows.append([
            join([f"{row['pod']} {row['port']}", Html("<br>"), tag("code", row["interface"], css="soft")]), row["node"],
            f"{number(marked['arrived'])} of {number(marked['sent'])}", number(row["rx_packets"]), number(row["rx_pps"]), number(row["tx_packets"]),
            number(row["tx_pps"]), number(ours.get("tx_packets")), number(ours.get("rx_packets")), number(row["dropped"]),
        ])
    blind = any((row["ovs"] or {}).get("rx_packets") is None for row in report["traffic"])
    note = "What a pod receives Open vSwitch has sent, and the other way round. Packets a second are those of the last window of the load."
    if blind:
        note += " A dash: Open vSwitch keeps no packet statistics of that port, as from 3.1 on in server mode; its side is then that of the PMD threads."
    return section("Traffic", table(columns, rows), tag("p", note, css="soft"))


def nodes(report: dict) -> Html:
    rows = []
    for host, node in report["nodes"].items():
        busy = [f"core {one['core']}: {one['busy'] * 100:.0f} %" for one in node["pmd"] if one["busy"] is not None]
        settings = [f"{key}={value}" for key, value in sorted(node["other_config"].items())]
        rows.append([
            join([host, Html("<br>"), tag("span", node["kubernetes_node"], css="soft")]) if node["kubernetes_node"] not in (None, host) else host,
            node["ovs_version"], node["dpdk_version"], number(node["pmd_threads"]), ", ".join(busy), number(node["pmd_rx_packets"]),
            number(node["pmd_tx_packets"]), details(plural(len(settings) + 1, "setting"), tag("pre", "\n".join([f"system-id={node['system_id']}", *settings]))),
        ])
    columns = [
        ("Node", ""), ("Open vSwitch", ""), ("DPDK", ""), ("PMD threads", "n"), ("Busy", ""), ("They received", "n"), ("They sent", "n"), ("Settings", ""),
    ]
    return section("Nodes", table(columns, rows))


def checks(report: dict) -> Html:
    ordered = sorted(report["checks"], key=lambda check: check["ok"])
    return section(
        "Checks",
        table(
            [("Result", "k"), ("Check", "k"), ("Found", "")],
            [[mark(one["ok"]), tag("code", one["id"]), one["detail"]] for one in ordered],
        ),
    )


def runs(history: list[dict]) -> Html | None:
    if not history:
        return None
    rows = [
        [run.get("time"), mark(run.get("result") == "pass"), number(run.get("nodes")), number(run.get("ports")), number(run.get("rx_pps")),
         number(run.get("dropped")), ", ".join(map(str, run.get("failed") or []))]
        for run in history
    ]
    columns = [
        ("Time", ""),
        ("Result", "k"),
        ("Nodes", "n"),
        ("Ports", "n"),
        ("Packets a second", "n"),
        ("Dropped", "n"),
        ("Failed checks", ""),
    ]
    return section("Last runs", table(columns, rows))


def versions(report: dict) -> Html:
    found = dict(report["versions"])
    for node in report["nodes"].values():
        for name, key in (("Open vSwitch", "ovs_version"), ("DPDK of Open vSwitch", "dpdk_version")):
            found.setdefault(name, set()).add(node[key]) if node[key] else None
    found["DPDK of testpmd"] = {pod["testpmd"] for pod in report["pods"] if pod["testpmd"]}
    rows = [[name, ", ".join(sorted(value)) if isinstance(value, set) else value] for name, value in found.items()]
    return section("Versions", table([("Part", ""), ("Version", "")], rows))


def pods(report: dict) -> Html | None:
    if not report["pods"]:
        return None
    rows = [
        [
            pod["name"],
            pod["kubernetes_node"],
            pod["testpmd"],
            details("Command", tag("pre", pod["command"])) if pod["command"] else None,
        ]
        for pod in report["pods"]
    ]
    return section("Pods", table([("Pod", ""), ("Kubernetes node", ""), ("testpmd", ""), ("Command", "")], rows))
