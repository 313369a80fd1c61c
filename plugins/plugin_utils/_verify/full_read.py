# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Profile full, after the traffic: what testpmd wrote and what the PMD threads counted → the points with their figures. Nothing is judged here."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import parse
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.full import average_size
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import called

NOTE = re.compile(r"^#(begin|end) (\d{1,9}) (\d{1,12}(?:\.\d{1,9})?)", re.M)

# Share of the packets in flight that may be others', which a broadcast adds to the loop, before a figure is not one of the stated load.
JOINED = 0.01


def series(plan: dict, outputs: list[dict], samples: dict[str, list[dict]]) -> list[dict]:
    """One for each run and pod: {pod, host, ports, queues, ring, cpus, command, testpmd, points}.

    outputs  for each run what testpmd wrote, by pod; samples: inventory name → [{time, pmd_stats, pmd_perf}]
    """
    found = []
    for index, run in enumerate(plan.get("runs") or []):
        written = outputs[index] if index < len(outputs) else {}
        listed = [point for part in run["parts"] for point in part["points"]]
        for pod in run["pods"]:
            text = written.get(called(pod)) or ""
            ran = parse.parse_testpmd(text)
            found.append(
                {
                    "pod": called(pod),
                    "node": pod["host"],
                    "ports": [port["name"] for port in pod["ports"]],
                    "queues": run["queues"],
                    "ring": run["ring"],
                    "cores": pod["cpus"][-run["queues"] :],
                    "command": run["commands"][called(pod)],
                    "testpmd": ran["version"],
                    "ended": ran["status"],
                    "causes": ran["causes"],
                    "points": points(listed, ran, text, samples.get(pod["host"]) or [], pod["ports"]),
                }
            )
    return found


def points(listed: list[dict], ran: dict, text: str, samples: list[dict], ports: list[dict]) -> list[dict]:
    notes: dict[int, dict[str, float]] = {}
    for word, index, moment in NOTE.findall(text):
        notes.setdefault(int(index), {})[word] = float(moment)
    segments = ran["segments"]
    loads = [position for position, part in enumerate(segments) if part["mode"] == "mac"]
    found = []
    for index, point in enumerate(listed):
        if index >= len(loads):
            found.append({**point, "measured": False, "ok": False})
            continue
        load = segments[loads[index]]
        drain = segments[loads[index] + 1] if loads[index] + 1 < len(segments) else parse.segment("rxonly")
        figures = figures_of(point, load, drain, len(ports))
        window = notes.get(index, {})
        found.append({**point, **figures, **threads(samples, window.get("begin"), window.get("end"), ports)})
    return found


def figures_of(point: dict, load: dict, drain: dict, count: int) -> dict:
    """What one port sent and did not itself receive before it was put into circulation by that port, and arrives at the other one in the end."""

    def counted(part: dict, port: int, key: str) -> int:
        return part["stops"].get(str(port), {}).get(key, 0)

    before, after, rates = [], [], []
    for port in range(count):
        other = port ^ 1
        # What is received on a port is sent by the other one, or dropped there.
        sent = counted(load, other, "tx_packets") + counted(load, other, "tx_dropped")
        before.append(sent - counted(load, port, "rx_packets"))
        after.append(counted(drain, port, "rx_packets"))
        rates.append((load["samples"][-1].get(str(port)) or {}).get("rx_pps") if len(load["samples"]) > 1 else None)
    measured = None not in rates and all(before)
    rate = sum(rates) if measured else 0
    lost = sum(max(sent - arrived, 0) for sent, arrived in zip(before, after, strict=True))
    joined = sum(max(arrived - sent, 0) for sent, arrived in zip(before, after, strict=True))
    return {
        "measured": measured,
        "ok": measured and rate > 0 and not lost and joined <= JOINED * sum(before),
        # In flight in both directions together.
        "put": sum(before),
        "counted": sum(after),
        "lost": lost,
        "joined": joined,
        "pps": rate,
        "pps_by_port": rates if measured else [],
        "gbps": round(rate * average_size(point["size"]) * 8 / 1e9, 3),
        "round_trip_us": round(sum(before) / rate * 1e6, 1) if rate else None,
    }


def threads(samples: list[dict], begin: float | None, end: float | None, ports: list[dict]) -> dict:
    """What the PMD threads did between the first and the last reading of the window: those that received packets in it."""
    nothing = {"pmd_cores": [], "busy": None, "cycles_per_packet": None, "emc_hits": None}
    if begin is None or end is None:
        return nothing
    inside = [one for one in samples if begin <= one["time"] <= end]
    if len(inside) < 2:
        return nothing
    first, last = ({thread["core"]: thread for thread in parse.parse_pmd(one)} for one in (inside[0], inside[-1]))
    grown = []
    for core in sorted(set(first) & set(last)):
        keys = ("rx_packets", "busy_cycles", "idle_cycles", "emc_hits")
        growth = {key: parse.grown(first[core], last[core], key) for key in keys}
        if growth["rx_packets"]:
            grown.append({"core": core, **growth})
    if not grown or any(one["busy_cycles"] is None or one["idle_cycles"] is None for one in grown):
        return nothing
    packets = sum(one["rx_packets"] for one in grown)
    busy = sum(one["busy_cycles"] for one in grown)
    every = busy + sum(one["idle_cycles"] for one in grown)
    hits = [one["emc_hits"] for one in grown]
    return {
        "pmd_cores": [one["core"] for one in grown],
        "busy": round(busy / every, 3) if every > 0 else None,
        "cycles_per_packet": round(busy / packets),
        "emc_hits": round(sum(hits) / packets, 3) if None not in hits else None,
    }
