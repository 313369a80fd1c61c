# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The checks of profile full, over the points of every node. engine.py says how to add one."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.case import Case
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.engine import check, problem
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.full import size_text
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import number, plural

FULL = "full"


def point_text(point: dict) -> str:
    return (
        f"{size_text(point['size'])}, {plural(point['flows'], 'flow')}, {plural(point['queues'], 'queue')}, "
        f"{number(point['in_flight'])} in flight"
    )


def named(points: list[dict]) -> str:
    return "; ".join(point_text(point) for point in points[:3]) + (f" and {len(points) - 3} more" if len(points) > 3 else "")


def where(one: dict, part: str) -> dict:
    return {"pod": one["pod"], "host": one["node"], "part": part}


@check(
    "full-load",
    "every point of profile full is measured on every node",
    "give the pod of the node two vhost-user interfaces on one bridge and enough hugepages, or name the node in verify_exclude_nodes",
    profile=FULL,
)
def full_load(case: Case):
    listed = case.full["series"]
    measured = {one["node"] for one in listed}
    for host in sorted(set(case.nodes) - measured - set(case.settings["exclude_nodes"])):
        reasons = "; ".join(case.full["left_out"])
        yield problem(f"nothing was measured on {host}{': ' + reasons if reasons else ''}", {"host": host, "part": "pod"})
    for one in listed:
        missing = [point for point in one["points"] if not point["measured"] or not point["pps"]]
        if missing:
            ended = "" if one["ended"] == 0 else f" (testpmd ended with status {one['ended']}{': ' + '; '.join(one['causes']) if one['causes'] else ''})"
            yield problem(
                f"{one['node']}: {len(missing)} of {plural(len(one['points']), 'point')} have no rate: {named(missing)}{ended}", where(one, "pod")
            )
    text = f"{plural(sum(len(one['points']) for one in listed), 'point')} on {plural(len(measured), 'node')}"
    return text + (f"; left out: {'; '.join(case.full['left_out'])}" if case.full["left_out"] else "")


@check(
    "full-loss",
    "as many packets are in flight after each point as were put into circulation",
    "look for the port that drops: ovs-appctl dpctl/show -s, ovs-vsctl get Interface NAME statistics; give testpmd and the PMD threads CPUs of their own",
    profile=FULL,
)
def full_loss(case: Case):
    put = 0
    for one in case.full["series"]:
        put += sum(point["put"] for point in one["points"] if point["measured"])
        losing = [point for point in one["points"] if point["measured"] and point["lost"]]
        if losing:
            worst = max(losing, key=lambda point: point["lost"] / max(point["put"], 1))
            yield problem(
                f"{one['node']}: {len(losing)} of {plural(len(one['points']), 'point')} lost packets, the most {number(worst['lost'])} of "
                f"{number(worst['put'])} ({point_text(worst)})",
                where(one, "bridge"),
            )
    if not put:
        yield problem("no packet was put into circulation")
    return f"{number(put)} packets put into circulation and counted afterwards"


@check(
    "full-foreign",
    "the packets in circulation are those of the proof",
    "measure while the bridge is quiet: what other machines broadcast on it joins the loop",
    profile=FULL,
)
def full_foreign(case: Case):
    joined = 0
    for one in case.full["series"]:
        joined += sum(point["joined"] for point in one["points"] if point["measured"])
        disturbed = [point for point in one["points"] if point["measured"] and not point["lost"] and point["pps"] and not point["ok"]]
        if disturbed:
            yield problem(
                f"{one['node']}: foreign packets joined the loop in {len(disturbed)} of {plural(len(one['points']), 'point')}: {named(disturbed)}",
                where(one, "bridge"),
            )
    return f"{plural(joined, 'foreign packet')} joined the loop"


@check(
    "full-cycles",
    "the load of the PMD threads is known at each point",
    "run the proof again; if it fails again, see the error that is named",
    profile=FULL,
)
def full_cycles(case: Case):
    seen = []
    for one in case.full["series"]:
        measured = [point for point in one["points"] if point["measured"]]
        blind = [point for point in measured if point["cycles_per_packet"] is None]
        if blind:
            error = case.full["failures"].get(one["node"])
            yield problem(
                f"{one['node']}: the PMD threads were not read during {len(blind)} of {plural(len(measured), 'point')}{f' ({error})' if error else ''}",
                where(one, "pmd"),
            )
        seen += [point["cycles_per_packet"] for point in measured if point["cycles_per_packet"] is not None]
    return f"{number(min(seen))} to {number(max(seen))} cycles a packet" if seen else "no point was measured"
