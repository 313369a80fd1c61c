# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What preflight has looked at, as plain data: for the page, which shows it whether or not something was found.

Each list has one entry for all hosts that are alike in it, so that many of them are as short as one. What hosts say is shortened and without letters that are
no letters, whatever its type; that it is escaped is the page's part.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.cluster import answer, cluster_facts, host_facts, read_of_hosts
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import Case
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.matrix import weakest
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import cores, device, settings_read, version
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules import cluster as cluster_rules
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.rules import cpu_management, images
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import quoted

LONGEST = 120
# Of those that stand in one line.
LONGEST_VERSION = 24
# CPUs and devices of one host that are shown; what says it has more is no host.
MOST_CPUS = 1024
MOST_NICS = 64
# Arguments that keep CPUs for those who ask for them. isolcpus may begin with flags.
ISOLATION = re.compile(r"isolcpus=(?:[a-z_]+,)*(.*)\Z")


def said(value: object, length: int = LONGEST) -> str:
    return "" if value is None else quoted(value, length)


def part(value: object, kind: type = dict):
    """A value that a host has sent, or an empty one where it is of another type."""
    return value if isinstance(value, kind) else kind()


def natural(name: str) -> list[tuple[bool, int, str]]:
    """A key that has node10 after node9."""
    return [(text.isdecimal(), int(text) if text.isdecimal() else 0, text) for text in re.split(r"([0-9]+)", name)]


def alike(hosts: Iterable[str], look: Callable[[str], object]) -> list[dict]:
    """[{hosts, found}] of what a look at each host finds; hosts that are alike are one entry, and those with nothing are left out."""
    groups: list[dict] = []
    known: dict[str, dict] = {}
    for host in sorted(hosts, key=natural):
        found = look(host)
        if not found:
            continue
        key = repr(found)
        if key not in known:
            known[key] = {"hosts": [], "found": found}
            groups.append(known[key])
        known[key]["hosts"].append(host)
    return groups


def gibibytes(mebibytes: object) -> int:
    return round(mebibytes / 1024) if isinstance(mebibytes, (int, float)) else 0


def machine(facts: dict, node: dict) -> list[dict]:
    """Versions and size of a host; `node` is its Node object."""
    info = part(part(node.get("status")).get("nodeInfo"))
    cpu, system = part(facts.get("cpu")), part(facts.get("os"))
    return [
        {
            "system": said(system.get("name") or " ".join(str(system[key]) for key in ("id", "version") if system.get(key))),
            "kernel": said(facts.get("kernel")),
            "kubelet": said(info.get("kubeletVersion"), LONGEST_VERSION),
            "runtime": said(info.get("containerRuntimeVersion") or ", ".join(str(name) for name in part(facts.get("runtimes"), list))),
            "python": said(facts.get("python"), LONGEST_VERSION),
            "cpus": len(part(cpu.get("online"), list)),
            "numa_nodes": len(part(facts.get("numa_nodes"), list)),
            "memory_gib": gibibytes(part(facts.get("memory_mib")).get("total")),
        }
    ]


def asked_pages(case: Case, size: int) -> dict:
    """NUMA node, or None for those that the kernel spreads → pages that the settings ask for."""
    found: dict = {}
    for mib, count, node in case.wanted_pages():
        if mib == size:
            found[node] = found.get(node, 0) + count
    return found


def pages(facts: dict, case: Case) -> list[dict]:
    """For each size, and each NUMA node that has it, the pages that are asked for, there and free."""
    rows = []
    entries = [entry for entry in part(facts.get("hugepages"), list) if isinstance(part(entry).get("size_kib"), int)]
    for size in sorted(set(entry["size_kib"] for entry in entries), reverse=True):
        asked = asked_pages(case, size // 1024)
        there = [entry for entry in entries if entry["size_kib"] == size]
        for entry in there:
            rows.append(
                {
                    "size": size_name(size),
                    "node": said(entry.get("node")),
                    "asked": asked.get(entry.get("node"), "" if asked or not case.flag("hugepages_purge") else 0),
                    "spread": asked.get(None, ""),
                    "total": part(entry.get("total"), int),
                    "free": part(entry.get("free"), int),
                }
            )
    return rows


def size_name(kibibytes: int) -> str:
    for factor, unit in ((1024 * 1024, "GiB"), (1024, "MiB")):
        if kibibytes >= factor:
            return "%g %s" % (kibibytes / factor, unit)
    return "%d KiB" % kibibytes


def ranges(groups: list[dict], name: str) -> list[dict]:
    """Groups whose rows differ in nothing but this number become one, with its least and its most."""
    found: dict[str, dict] = {}
    for group in groups:
        key = repr([{other: value for other, value in row.items() if other != name} for row in group["found"]])
        if key not in found:
            found[key] = {"hosts": [], "found": [{**row, name: [row[name], row[name]]} for row in group["found"]]}
        found[key]["hosts"] += group["hosts"]
        for row, other in zip(found[key]["found"], group["found"], strict=True):
            row[name] = [min(row[name][0], other[name]), max(row[name][1], other[name])]
    for group in found.values():
        group["hosts"].sort(key=natural)
    return list(found.values())


def nics(facts: dict, case: Case) -> list[dict]:
    """PCI network devices, and what the settings do with each."""
    own = dict((id(nic), driver) for nic, driver in safely(case.bound_nics))
    ports = dict((device(options.get("dpdk-devargs", "")), port.get("name")) for port in safely(case.dpdk_ports) for options in [part(port.get("options"))])
    route = facts.get("default_route_interface")
    rows = []
    for nic in part(facts.get("nics"), list)[:MOST_NICS]:
        names = [name for name in (nic.get("address"), nic.get("interface")) if name]
        use = []
        if id(nic) in own:
            use.append("DPDK" + (" with %s" % own[id(nic)] if own[id(nic)] else ""))
        use += ["port %s" % ports[name] for name in names if name in ports]
        if route and route == nic.get("interface"):
            use.append("default route")
        node = nic.get("numa_node")
        rows.append(
            {
                "address": said(nic.get("address")),
                "interface": said(nic.get("interface")),
                "model": said("%s:%s" % (nic.get("vendor", ""), nic.get("device", ""))),
                "driver": said(nic.get("driver")),
                # The kernel says -1 where the firmware says nothing.
                "node": said(node) if isinstance(node, int) and node >= 0 else "",
                "iommu_group": said(nic.get("iommu_group")),
                "use": said(", ".join(use)),
            }
        )
    return rows


def safely(read: Callable[[], list]) -> list:
    """What can be read of settings; other types than these are found by the rules."""
    try:
        return list(read())
    except (AttributeError, KeyError, TypeError, ValueError):
        return []


def cpu_sets(case: Case, online: list[int]) -> list[dict]:
    """{owner, cpus, source}: who has which CPU, by what settings ask for and by what is in force on the host."""
    plan, _problems = cpu_management.planned(case)
    plan = plan or {}
    own = cores(case.setting("kube_ovn_dpdk_pmd_cores"))
    lcores = cores(case.setting("kube_ovn_dpdk_lcores"))
    sets = [
        ("PMD threads", own or plan.get("pmd", []), "kube_ovn_dpdk_pmd_cores" if own else "cpu_management"),
        ("idle siblings", plan.get("idle", []), "cpu_management"),
        ("other threads of OVS", lcores, "kube_ovn_dpdk_lcores"),
        ("housekeeping", plan.get("housekeeping", []), "cpu_management"),
        ("reserved by the kubelet", cores(part(case.facts.get("kubelet")).get("reserved_cpus")), "in force"),
        ("isolated from the scheduler", isolated(case.facts, online), "in force"),
    ]
    if plan and plan["reserved"] != sets[4][1] and case.flag("cpu_management_kubelet") is not False:
        sets.append(("reserved by the kubelet", plan["reserved"], "after the run"))
    if plan and plan["isolated"] != sets[5][1] and case.flag("cpu_management_isolation") is not False:
        sets.append(("isolated from the scheduler", plan["isolated"], "after the run"))
    asked = [] if plan else cores(re.sub(r"^([a-z_]+,)*", "", str(case.setting("dpdk_host_isolated_cores") or "")))
    if asked and asked != sets[5][1]:
        sets.append(("isolated from the scheduler", asked, "after the run"))
    taken = set(cpu for _owner, cpus, _source in sets for cpu in cpus)
    rest = [cpu for cpu in online if cpu not in taken]
    sets.append(("pods and the system", rest, "shared"))
    return [{"owner": owner, "cpus": sorted(set(cpus) & set(online)), "source": source} for owner, cpus, source in sets if set(cpus) & set(online)]


def isolated(facts: dict, online: list[int]) -> list[int]:
    found = []
    for word in part(facts.get("cmdline"), list):
        match = ISOLATION.match(str(word))
        if match:
            try:
                found = _cpus.parse_kernel(match.group(1), max(online or [0]) + 1)
            except ValueError:
                found = []
    return found


def cpus(facts: dict, case: Case) -> dict:
    """CPUs of each NUMA node, and who has them."""
    online = [cpu for cpu in part(part(facts.get("cpu")).get("online"), list) if isinstance(cpu, int)][:MOST_CPUS]
    if not online:
        return {}
    nodes = [part(node) for node in part(facts.get("numa_nodes"), list)]
    placed = [{"node": said(node.get("node")), "cpus": [cpu for cpu in part(node.get("cpus"), list) if cpu in online]} for node in nodes]
    placed = [node for node in placed if node["cpus"]] or [{"node": "0", "cpus": online}]
    try:
        sets = cpu_sets(case, online)
    except (KeyError, TypeError, ValueError):
        sets = []
    kubelet = part(facts.get("kubelet"))
    return {"nodes": placed, "sets": sets, "cpu_manager": said(kubelet.get("cpu_manager"))}


def of_cluster(case: Case) -> dict:
    """What OVS-DPDK and the application take of each node, by the settings of the host of group cluster."""
    return {
        "kube_ovn": said(case.setting("kube_ovn_version")),
        "mode": said(case.mode),
        "page_size": said(case.setting("kube_ovn_hugepage_size")),
        "socket_memory": [said(amount) for amount in safely(lambda: case.socket_memory)],
        "ovs_mib": case.ovs_memory or 0,
        "app": said(case.setting("dpdk_app_hugepages")) if case.setting("dpdk_app_state") == "present" else "",
        "app_page_size": said(case.setting("dpdk_app_hugepage_size")),
    }


STATES = ("present", "brought", "listed", "absent", "unlisted")


def of_images(case: Case) -> list[dict]:
    """Each image that pods will use, with its nodes by where it is there, what its registry says, and how the run brings it."""
    kubernetes = version(case.facts.get("kubernetes_version"))
    nodes_of = part(case.facts.get("node_images"))
    bring = images.brought(case, kubernetes)
    policy = images.policies(case, kubernetes)
    put = images.pushed(case)
    rows = []
    for name in sorted(set(nodes_of) | set(bring)):
        nodes = part(nodes_of.get(name))
        asked = part(case.facts.get("asked_images")).get(name)
        rows.append(
            {
                "image": said(name),
                "policy": ", ".join(sorted(policy.get(name, [images.DEFAULT_POLICY]))),
                "brought": "pushed" if name in put else bring.get(name, ""),
                "nodes": dict((state, sorted((node for node in nodes if nodes[node]["state"] == state), key=natural)) for state in STATES),
                "clients": sorted(set(said(node["client"]) for node in nodes.values() if node["client"])),
                "whys": sorted(set(said(node["why"]) for node in nodes.values() if node["state"] in ("listed", "unlisted") and node["why"]))[:3],
                "registry": {"state": said(asked.get("state")), "detail": said(asked.get("detail"))} if isinstance(asked, dict) else {},
            }
        )
    return rows


def of_evidence(case: Case) -> dict:
    rows = cluster_rules.combination(case)
    shown = [(what, (row.evidence, row.note) if row else ("assumed", "in none of the tables")) for what, row in rows]
    return {
        "worth": weakest([row for _what, row in rows]) if rows else "",
        "rows": [{"what": said(what), "evidence": evidence, "note": note} for what, (evidence, note) in shown],
    }


def overview(hostvars, groups: dict) -> dict:
    """Everything that was looked at: hosts of group nodes, the cluster, images, and the evidence for this combination."""
    read = read_of_hosts(hostvars, groups)
    main = groups["cluster"][0]
    settings = settings_read(read[main])
    api = answer(read[main])
    facts = cluster_facts(api, groups, read, settings)
    cluster = Case(facts, settings, "cluster")
    examined = dict((host, host_facts(read[host], "preflight_host")) for host in groups["nodes"])
    examined = dict((host, found) for host, found in examined.items() if found)
    cases = dict((host, Case(found, settings_read(read[host]), host)) for host, found in examined.items())
    objects = dict((node["metadata"]["name"], node) for node in api.get("nodes", []))
    names = facts["node_names"]
    tools = [host for host in groups["build"] if host_facts(read[host], "preflight_build_host")]
    return {
        "checks": len({entry["id"] for entry in book.RULES}),
        "hosts": sorted(examined, key=natural),
        "unexamined": dict((host, said(why)) for host, why in sorted(facts["unexamined"].items(), key=lambda item: natural(item[0]))),
        "builders": sorted(tools, key=natural),
        "nodes": len(objects),
        "other_nodes": sorted(set(objects) - set(names.values()), key=natural),
        "kubernetes": said(facts["kubernetes_version"]),
        "cluster": of_cluster(cluster),
        "evidence": of_evidence(cluster),
        "machines": ranges(alike(examined, lambda host: machine(examined[host], objects.get(names.get(host), {}))), "memory_gib"),
        "pages": ranges(alike(examined, lambda host: pages(examined[host], cases[host])), "free"),
        "nics": alike(examined, lambda host: nics(examined[host], cases[host])),
        "cpus": alike(examined, lambda host: cpus(examined[host], cases[host])),
        "images": of_images(cluster),
    }
