# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""preflight.html in the look of the proof's report: the findings, and below them what was looked at, which a sound cluster has to show too."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._page import Html, details, document, join, section, table, tag
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.matrix import EVIDENCE
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import number, plural

MARKS = {
    "error": Html('<span class="failed">✗ error</span>'),
    "warning": Html('<span class="warned">! warning</span>'),
    "notice": "notice",
}
# Names or runs of names of hosts in a cell, and groups of hosts that are shown without a click.
SHOWN_HOSTS = 4
SHOWN_GROUPS = 6
# Owners of CPUs in the order in which one that has several is coloured, with their classes.
OWNERS = {
    "PMD threads": "c0",
    "other threads of OVS": "c1",
    "idle siblings": "c7",
    "housekeeping": "c2",
    "isolated from the scheduler": "c3",
    "reserved by the kubelet": "c5",
    "pods and the system": "plain",
}


def page(report: dict, time: str | None = None, seen: dict | None = None) -> str:
    """What `engine.report` returned, and what `overview` did → the page."""
    errors, warnings = report["errors"], report["warnings"]
    title = f"Preflight found {plural(errors, 'error')}" if errors else "Preflight found no error"
    outcome = "Nothing was changed." if errors else "The set-up can begin."
    return document(
        f"{title} – kube_ovn.dpdk",
        tag(
            "div",
            tag("h1", title),
            tag("p", f"{outcome} {plural(warnings, 'warning')}, {plural(report.get('notices') or 0, 'notice')}."),
            tag("p", scope(seen)) if seen else None,
            tag("p", time, css="soft") if time else None,
            css=f"box verdict {'bad' if errors else 'good'}",
        ),
        findings(report["findings"]),
        join(part(seen) for part in PARTS) if seen else None,
        tag("p", "Written by role ", tag("code", "kube_ovn.dpdk.preflight"), css="soft foot"),
    )


def findings(found: list[dict]) -> Html:
    if not found:
        return tag("p", "No findings.", css="after")
    rows = [
        [
            MARKS.get(one["severity"], one["severity"]),
            tag("code", one["id"]),
            one["host"],
            Html(f"{tag('div', one['found'])}{tag('div', one['cure'], css='soft')}"),
        ]
        for one in found
    ]
    return section("Findings", table([("Severity", "k"), ("Check", "k"), ("Host", ""), ("Found, and the cure", "")], rows))


def scope(seen: dict) -> str:
    """What was examined, in a sentence."""
    parts = [plural(len(seen["hosts"]), "host") + " of group nodes"]
    parts += ["build host " + ", ".join(seen["builders"])] if seen["builders"] else []
    parts += [f"Kubernetes {seen['kubernetes']} with {plural(seen['nodes'], 'node')}"] if seen["kubernetes"] else []
    return f"{plural(seen['checks'], 'check')} of " + (", ".join(parts[:-1]) + " and " if parts[1:] else "") + parts[-1] + "."


def span(ends: list[int]) -> str:
    """The least and the most of hosts that are alike otherwise."""
    first, last = ends
    return number(first) if first == last else f"{number(first)} to {number(last)}"


def runs(names: list[str]) -> list[str]:
    """Names in order, with node1 to node9 in place of nine names that differ in nothing but a number that goes up by one."""
    found: list[list[str]] = []
    last: tuple[str, int, int] | None = None
    for name in names:
        match = re.match(r"(.*?)([0-9]{1,9})\Z", name, re.DOTALL)
        # Zeros in front are part of the number, so it has as many digits.
        now = (match[1], int(match[2]), len(match[2]) if match[2].startswith("0") else 0) if match else None
        if found and now and last and now[0] == last[0] and now[1] == last[1] + 1 and (now[2] == last[2] or not now[2]):
            found[-1].append(name)
        else:
            found.append([name])
        last = now
    return [text for run in found for text in ([f"{run[0]} to {run[-1]}"] if run[2:] else run)]


def hosts(names: list[str]) -> Html:
    """Names of hosts that are alike, with their number where there are many; all of them are a click away."""
    short = runs(names)
    shown = ", ".join(short[:SHOWN_HOSTS])
    if short[SHOWN_HOSTS:]:
        return join([tag("span", shown), details(f"all {number(len(names))}", tag("p", ", ".join(short)))])
    return tag("span", f"{shown} ({number(len(names))})" if len(names) > SHOWN_HOSTS else shown)


def folded(groups: list[Html], word: str) -> Html:
    """The first groups, and all others behind a click."""
    shown, more = groups[:SHOWN_GROUPS], groups[SHOWN_GROUPS:]
    return join([*shown, details(f"{plural(len(more), 'more ' + word)}", *more) if more else None])


def evidence(seen: dict) -> Html | None:
    found = seen["evidence"]
    if not found["rows"]:
        return None
    rows = []
    for row in found["rows"]:
        meaning = join([tag("div", EVIDENCE.get(row["evidence"], "")), tag("div", row["note"], css="soft") if row["note"] else None])
        rows.append([row["what"].replace("://", " "), tag("span", row["evidence"], css="badge " + row["evidence"]), meaning])
    worth = tag("p", "This combination is worth as much as its weakest part: ", tag("strong", found["worth"]), f" – {EVIDENCE.get(found['worth'], '')}.")
    return section("Evidence for this combination", worth, table([("Part", ""), ("Evidence", "k"), ("Meaning", "")], rows))


def machines(seen: dict) -> Html | None:
    def row(group: dict) -> list[object]:
        (one,) = group["found"]
        cpus = f"{plural(one['cpus'], 'CPU')}, {plural(one['numa_nodes'], 'NUMA node')}"
        size = join([tag("div", cpus), tag("div", f"{span(one['memory_gib'])} GiB")])
        return [hosts(group["hosts"]), one["system"], one["kernel"], one["kubelet"], one["runtime"].replace("://", " "), one["python"], size]

    columns = [("Hosts", ""), ("System", ""), ("Kernel", ""), ("Kubelet", "k"), ("Runtime", ""), ("Python", "k"), ("Size", "")]
    rows = [row(group) for group in seen["machines"]]
    shown, more = rows[: 2 * SHOWN_GROUPS], rows[2 * SHOWN_GROUPS :]
    others = seen["other_nodes"]
    return section(
        "Nodes",
        table(columns, shown) if shown else None,
        details(plural(len(more), "more kind") + " of host", table(columns, more)) if more else None,
        unexamined(seen["unexamined"]),
        tag("p", "Nodes of the cluster that no host of group nodes is: ", hosts(others), css="soft") if others else None,
    )


def unexamined(reasons: dict) -> Html | None:
    rows = [[host, why] for host, why in reasons.items()]
    return table([("Not examined", ""), ("Why", "")], rows) if rows else None


def hugepages(seen: dict) -> Html | None:
    def rows(group: dict) -> list[list[object]]:
        found = []
        for index, one in enumerate(group["found"]):
            # Pages without a NUMA node are spread over all of them.
            spread = f"{one['spread']} over all nodes" if one["spread"] != "" else ""
            asked = " + ".join(part for part in (str(one["asked"]), spread) if part)
            # A card of a narrow screen stands alone, so the name of the group is in each.
            name = hosts(group["hosts"]) if index == 0 else tag("span", ", ".join(group["hosts"][:1]) + (" …" if group["hosts"][1:] else ""), css="again")
            found.append([name, one["size"], one["node"], asked, number(one["total"]), span(one["free"])])
        return found

    lines = [row for group in seen["pages"] for row in rows(group)]
    if not lines:
        return None
    columns = [("Hosts", ""), ("Size", "k"), ("NUMA node", "n"), ("Asked for", "n"), ("There", "n"), ("Free", "n")]
    shown, more = lines[: 6 * SHOWN_GROUPS], lines[6 * SHOWN_GROUPS :]
    return section(
        "Hugepages",
        tag("p", takers(seen["cluster"])),
        table(columns, shown),
        details(plural(len(more), "more row"), table(columns, more)) if more else None,
    )


def takers(cluster: dict) -> str:
    memory = cluster["socket_memory"]
    found = ""
    if cluster["ovs_mib"]:
        sockets = f", of which {' + '.join(memory)} MiB are memory of its NUMA nodes" if memory else ""
        found = f"OVS-DPDK takes {number(cluster['ovs_mib'])} MiB of each node in pages of {cluster['page_size']}{sockets}."
    if cluster["app"]:
        found += f" Each pod of the application takes {cluster['app']} in pages of {cluster['app_page_size']}."
    return found.strip()


def network(seen: dict) -> Html | None:
    columns = [
        ("Address", ""), ("Interface", ""), ("Vendor:device", ""), ("Driver", ""), ("NUMA node", "n"), ("IOMMU group", "n"), ("Use", ""),
    ]  # fmt: skip

    def panel(group: dict) -> Html:
        rows = [
            [tag("code", nic["address"]), nic["interface"], tag("code", nic["model"]), nic["driver"], nic["node"], nic["iommu_group"], nic["use"]]
            for nic in group["found"]
        ]
        return join([tag("h3", hosts(group["hosts"])), table(columns, rows)])

    groups = [panel(group) for group in seen["nics"]]
    without = [host for host in seen["hosts"] if not any(host in group["hosts"] for group in seen["nics"])]
    return section(
        "Network devices",
        folded(groups, "kind of host"),
        tag("p", "No PCI network device: ", hosts(without), css="soft") if without else None,
    )


def processors(seen: dict) -> Html | None:
    return section("CPUs and their owners", folded([processors_of(group) for group in seen["cpus"]], "kind of host")) if seen["cpus"] else None


def processors_of(group: dict) -> Html:
    found = group["found"]
    owner_of: dict[int, str] = {}
    for owner in reversed(OWNERS):
        owner_of.update((cpu, owner) for one in found["sets"] if one["owner"] == owner for cpu in one["cpus"])

    def cell(cpu: int) -> Html:
        owner = owner_of.get(cpu, "pods and the system")
        return Html(f'<span class="cpu {OWNERS[owner]}" title="CPU {cpu}: {owner}">{cpu}</span>')

    maps = [
        tag("div", tag("span", f"NUMA node {node['node']}", css="soft"), tag("div", *[cell(cpu) for cpu in node["cpus"]], css="cpus"), css="numa")
        for node in found["nodes"]
    ]
    rows = [
        [
            join([Html(f'<span class="cpu key {OWNERS.get(one["owner"], "plain")}"></span> '), one["owner"]]),
            tag("code", _cpus.format_list(one["cpus"])),
            number(len(one["cpus"])),
            one["source"],
        ]
        for one in found["sets"]
    ]
    manager = tag("p", "CPU manager of the kubelet: ", found["cpu_manager"] or "none", css="soft")
    owners = table([("Owner", ""), ("CPUs", ""), ("Number", "n"), ("By", "")], rows)
    unnamed = None
    if not any(one["owner"] == "PMD threads" for one in found["sets"]):
        unnamed = tag("p", "No CPU is named for PMD threads, so Open vSwitch chooses one on each NUMA node.", css="soft")
    return join([tag("h3", hosts(group["hosts"])), tag("div", *maps, css="panel"), owners, unnamed, manager])


WHERE = {
    "present": "in the container runtime",
    "listed": "in the list of the API",
    "absent": "not in the container runtime",
    "unlisted": "not in the list of the API",
}
BROUGHT = {"built": "built by the run", "archive": "loaded by the run from an archive", "pushed": "built and pushed by the run"}
REGISTRY = {"present": "has it", "absent": "does not have it", "denied": "wants credentials", "unknown": "was not reached"}


def images(seen: dict) -> Html | None:
    rows = []
    for one in seen["images"]:
        lines = [tag("div", BROUGHT[one["brought"]])] if one["brought"] else []
        asked = one["registry"]
        for state, words in WHERE.items():
            names = one["nodes"][state]
            if not names:
                continue
            # What the registry has is pulled, so that it does not matter.
            lacks = state in ("absent", "unlisted") and asked.get("state") != "present"
            by = f" ({', '.join(one['clients'])})" if state in ("present", "absent") and one["clients"] else ""
            lines.append(tag("div", tag("span", words + by, css="warned" if lacks else ""), ": ", hosts(names)))
        if one["whys"]:
            lines.append(tag("div", "A runtime was not asked: " + "; ".join(one["whys"]), css="soft"))
        registry = join([REGISTRY.get(asked["state"], asked["state"]), tag("div", asked["detail"], css="soft")]) if asked else "not asked"
        rows.append([tag("code", one["image"]), join(lines), registry, one["policy"]])
    return section("Images", table([("Image", ""), ("Where", ""), ("Registry", ""), ("Pull policy", "k")], rows)) if rows else None


PARTS = (evidence, machines, hugepages, network, processors, images)
