# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role hugepages."""

from __future__ import annotations

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, size_to_kb
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, NODE, SETTINGS, error, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import mebibytes, numbers, version


def entries(case, name):
    """Entries of a list of the role that are dictionaries."""
    value = case.setting(name, [])
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, (list, tuple)) else []


def place(entry):
    """The size of a page in KiB and the NUMA node that an entry of hugepages_pages names; None where the size is invalid."""
    node = numbers(entry.get("node"))
    try:
        return size_to_kb(entry.get("size")), node[0] if node else None
    except HostError:
        return None


@rule("hugepage-settings", SETTINGS, "sizes, pages and mounts of hugepages have values that the role accepts")
def readable_sizes(case):
    sizes = [(name, case.setting(name)) for name in ("hugepages_reserve", "hugepages_default_size")]
    sizes += [("size in %s" % name, entry.get("size")) for name in ("hugepages_pages", "hugepages_mounts") for entry in entries(case, name)]
    for name, text in sizes:
        try:
            if text not in (None, ""):
                size_to_kb(text)
        except HostError as problem:
            yield error("%s: %s" % (name, problem), "write a size as 1G, 2M or 512M")


@rule("hugepage-settings", SETTINGS, "sizes, pages and mounts of hugepages have values that the role accepts")
def pages_once(case):
    places = [found for found in map(place, entries(case, "hugepages_pages")) if found]
    for size, node in sorted(set(found for found in places if places.count(found) > 1), key=str):
        where = "" if node is None else " on NUMA node %s" % node
        yield error("hugepages_pages has pages of %d MiB%s twice" % (size // 1024, where), "add the counts up into one entry")
    for size in sorted(set(size for size, _node in places)):
        if len(set(node is None for other, node in places if other == size)) > 1:
            yield error(
                "hugepages_pages has pages of %d MiB both with and without a NUMA node" % (size // 1024),
                "name the node in every entry of that size, or in none",
            )


@rule("hugepage-settings", SETTINGS, "sizes, pages and mounts of hugepages have values that the role accepts")
def mount_points(case):
    paths = [str(entry.get("path") or "") for entry in entries(case, "hugepages_mounts")]
    for path in sorted(set(paths)):
        if not path.startswith("/"):
            yield error("hugepages_mounts has the path %r" % path, "begin it with /")
        if paths.count(path) > 1:
            yield error("hugepages_mounts has %s twice" % path, "mount each directory once")


@rule("hugepage-memory", NODE, "the hugepages fit into memory")
def pages_fit(case):
    total = case.facts.get("memory_mib", {}).get("total", 0)
    wanted = case.wanted_pages()
    asked = sum(size * count for size, count, node in wanted)
    reserve = mebibytes(case.setting("hugepages_reserve", "512M")) or 512
    if total and asked > total - reserve:
        yield error(
            "hugepages_pages asks for %d MiB of the %d MiB that the host has; %d MiB must be left" % (asked, total, reserve),
            "ask for fewer pages in hugepages_pages, or give the host more memory",
        )
    nodes = dict((node["node"], node["memory_mib"]) for node in case.facts.get("numa_nodes", []))
    for number in sorted(set(node for size, count, node in wanted if node is not None)):
        here = sum(size * count for size, count, node in wanted if node == number)
        if nodes and number not in nodes:
            yield error(
                "hugepages_pages names NUMA node %d, which the host does not have" % number,
                "choose from the host's NUMA nodes: %s" % ", ".join(str(node) for node in sorted(nodes)),
            )
        elif nodes.get(number) and here > nodes[number] - reserve // len([memory for memory in nodes.values() if memory]):
            yield error(
                "hugepages_pages asks for %d MiB on NUMA node %d, which has %d MiB, and its share of hugepages_reserve must be left"
                % (here, number, nodes[number]),
                "spread the pages over the NUMA nodes, or ask for fewer",
            )


@rule("hugepage-size", NODE, "the CPU offers the page size")
def page_size_offered(case):
    flags = case.facts.get("cpu", {}).get("flags", [])
    sizes = set(size for size, count, node in case.wanted_pages() if count) | (set([case.page_mib]) if case.page_mib else set())
    default = mebibytes(case.setting("hugepages_default_size"))
    if default:
        sizes.add(default)
    if flags and 1024 in sizes and "pdpe1gb" not in flags:
        yield error(
            "1 GiB pages are asked for, and the CPU does not have them (no pdpe1gb)",
            "use 2 MiB pages (hugepages_pages, hugepages_default_size and kube_ovn_hugepage_size), or give the virtual machine the CPU feature pdpe1gb",
        )
    for size in sorted(sizes - set([2, 1024])):
        yield error("%d MiB is no hugepage size of x86_64" % size, "use 2M or 1G")


@rule("kubelet-hugepages", CLUSTER, "the kubelet knows the hugepages of its host")
def kubelet_pages(case):
    for host, pages in sorted(case.facts.get("pages", {}).items()):
        node = case.facts.get("nodes", {}).get(case.facts.get("node_names", {}).get(host), {})
        allocatable = node.get("allocatable", {})
        for name, size in (("hugepages-1Gi", 1024), ("hugepages-2Mi", 2)):
            there = sum(page["total"] for page in pages if page["size_kib"] == size * 1024) * size
            known = mebibytes(allocatable.get(name, "0")) if node else None
            if known is not None and known != there:
                yield warning(
                    "%s has %d MiB in pages of %d MiB, its kubelet offers %d MiB" % (host, there, size, known),
                    "restart the kubelet; role hugepages does so when it allocates pages",
                )


@rule("hugepage-sizes", CLUSTER, "each node has one page size below Kubernetes 1.19")
def two_page_sizes(case):
    kubernetes = version(case.facts.get("kubernetes_version"))
    hosts = [host for host, own in case.hosts() if len(set(size for size, count, node in own.wanted_pages() if count)) > 1]
    if kubernetes and kubernetes < (1, 19, 0) and hosts:
        yield error(
            "Kubernetes %s takes a node with two hugepage sizes as not ready, and hugepages_pages asks for two on %s"
            % (case.facts["kubernetes_version"], ", ".join(hosts)),
            "ask for one page size, or upgrade Kubernetes to 1.19 or later",
        )


@rule("hugepage-mounts", NODE, "hugetlbfs is mounted with page sizes that the kernel has")
def mounts(case):
    sizes = set(page["size_kib"] // 1024 for page in case.facts.get("hugepages", []))
    for entry in case.setting("hugepages_mounts", []):
        size = mebibytes(entry.get("size")) if isinstance(entry, dict) and entry.get("size") else None
        if sizes and size and size not in sizes:
            yield error(
                "hugepages_mounts asks for pages of %s at %s, and this kernel has pages of %s MiB"
                % (entry["size"], entry.get("path"), ", ".join(str(number) for number in sorted(sizes))),
                "choose one of these sizes, or leave the size out",
            )
