# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has been tried with what: Kubernetes, Kube-OVN and its mode, container runtime, operating system.

Preflight reads it, and tools/matrix_page.py renders it as docs/matrix.md. A combination is worth as much as the weakest of its three rows.
"""

from __future__ import annotations

from typing import NamedTuple

# From the strongest to the weakest.
EVIDENCE = {
    "lab": "ran in the lab: packets passed, and a second run changed nothing",
    "machine": "ran on a virtual machine or a container of it: the roles for hosts alone",
    "dry-run": "the objects were accepted by a real API server in a dry run",
    "rendered": "the objects were rendered and compared, and nothing ran",
    "assumed": "follows from sources and documentation, and nothing was tried",
    "refused": "does not work, and preflight says so",
}
# The newest Kubernetes that this collection was tried with; releases of Kube-OVN name none.
NEWEST_KUBERNETES = (1, 37)
LATEST = (99, 99, 99)


class Release(NamedTuple):
    """Releases of Kube-OVN, a mode, and versions of Kubernetes, all from and to, both included."""

    kube_ovn: tuple[tuple[int, int, int], tuple[int, int, int]]
    mode: str
    kubernetes: tuple[tuple[int, int], tuple[int, int]]
    evidence: str
    note: str = ""


class Row(NamedTuple):
    """A container runtime, or an operating system with its versions from and to."""

    name: str
    first: int
    last: int
    evidence: str
    note: str = ""


ANY = ((0, 0), (99, 99))
NO_DEDICATED = "--with-dpdk was removed in v1.14.0"
V1BETA1 = "its resource definitions are apiextensions.k8s.io/v1beta1, which Kubernetes 1.22 and later do not serve"

# Kube-OVN up to v1.7 would run there, with the installer that role kube_ovn takes for it.
OLD_MULTUS = "Multus, as this collection deploys it, needs Kubernetes 1.16"

# The first row that fits counts.
RELEASES = (
    Release(((0, 0, 0), (1, 1, 99)), "dedicated", ANY, "refused", "OVS-DPDK came with v1.2.0"),
    Release(((0, 0, 0), (1, 9, 99)), "hybrid", ANY, "refused", "hybrid mode came with v1.10.0"),
    Release(((1, 14, 0), LATEST), "dedicated", ANY, "refused", NO_DEDICATED),
    Release(((0, 0, 0), LATEST), "dedicated", ((0, 0), (1, 15)), "refused", OLD_MULTUS),
    Release(((1, 2, 0), (1, 2, 99)), "dedicated", ((1, 22), (99, 99)), "refused", V1BETA1),
    Release(((1, 2, 0), (1, 2, 99)), "dedicated", ((1, 16), (1, 21)), "rendered", "the release reads no config.cfg: 1024 MiB on the first NUMA node"),
    Release(((1, 12, 0), (1, 13, 99)), "dedicated", ((0, 0), (1, 22)), "refused", "the release needs Kubernetes 1.23"),
    Release(((1, 12, 0), (1, 12, 0)), "dedicated", ((1, 24), (1, 24)), "lab"),
    Release(((1, 12, 4), (1, 12, 4)), "dedicated", ((1, 24), (1, 24)), "lab", "with Kube-OVN's own commands"),
    Release(((1, 12, 35), (1, 12, 35)), "dedicated", ((1, 24), (1, 24)), "lab", "also with the real release"),
    Release(((1, 13, 0), (1, 13, 0)), "dedicated", ((1, 24), (1, 24)), "lab", "with Kube-OVN's own commands"),
    Release(((1, 3, 0), (1, 13, 99)), "dedicated", ((1, 16), NEWEST_KUBERNETES), "rendered"),
    Release(((1, 10, 0), (1, 11, 99)), "hybrid", ((0, 0), (1, 15)), "refused", "the release needs Kubernetes 1.16"),
    Release(((1, 12, 0), (1, 13, 99)), "hybrid", ((0, 0), (1, 22)), "refused", "the release needs Kubernetes 1.23"),
    Release(((1, 14, 0), LATEST), "hybrid", ((0, 0), (1, 28)), "refused", "the release needs Kubernetes 1.29"),
    Release(((1, 12, 35), (1, 12, 35)), "hybrid", ((1, 24), (1, 24)), "lab", "also with the real release"),
    Release(((1, 13, 0), (1, 13, 0)), "hybrid", ((1, 24), (1, 24)), "lab", "with Kube-OVN's own commands"),
    Release(((1, 16, 2), (1, 16, 2)), "hybrid", ((1, 37), (1, 37)), "lab", "with Kube-OVN's own commands"),
    Release(((1, 10, 0), (1, 13, 99)), "hybrid", ((1, 16), NEWEST_KUBERNETES), "rendered"),
    Release(((1, 14, 0), (1, 16, 99)), "hybrid", ((1, 29), NEWEST_KUBERNETES), "dry-run"),
)

RUNTIMES = (
    Row("containerd", 1, 2, "lab"),
    Row("docker", 1, 99, "assumed", "by dockershim up to Kubernetes 1.23, by cri-dockerd after it; not with Kube-OVN v1.12.20 and v1.12.21"),
    Row("cri-o", 1, 9, "assumed", "images are loaded by Podman or Skopeo on the node"),
)

SYSTEMS = (
    Row("debian", 12, 12, "lab"),
    Row("debian", 11, 13, "machine"),
    Row("ubuntu", 16, 26, "assumed", "16.04 with /usr/bin/python2.7"),
    Row("centos", 7, 10, "assumed"),
    Row("rhel", 7, 10, "assumed"),
    Row("almalinux", 8, 10, "assumed"),
    Row("rocky", 8, 10, "assumed"),
    Row("ol", 7, 10, "assumed"),
)


def release_row(release, mode, kubernetes):
    """The row of a release (three numbers), a mode and a version of Kubernetes (two numbers); None where there is none."""
    for row in RELEASES:
        if row.mode == mode and row.kube_ovn[0] <= release <= row.kube_ovn[1] and row.kubernetes[0] <= kubernetes[:2] <= row.kubernetes[1]:
            return row
    return None


def lowest_kubernetes(release, mode):
    """The lowest version of Kubernetes that a release runs on; None where it has not the mode."""
    versions = [(1, minor) for minor in range(NEWEST_KUBERNETES[1] + 1)]
    rows = [(kubernetes, release_row(release, mode, kubernetes)) for kubernetes in versions]
    return next((kubernetes for kubernetes, row in rows if row is not None and row.evidence != "refused"), None)


def systems():
    """All operating systems of the table, each with its first and last version, as a message names them."""
    found = {}
    for row in SYSTEMS:
        first, last = found.get(row.name, (row.first, row.last))
        found[row.name] = (min(first, row.first), max(last, row.last))
    return ", ".join("%s %d to %d" % (name, first, last) for name, (first, last) in found.items())


def system_row(name, major):
    """The row of an operating system, by its id in os-release and the first number of its version."""
    return next((row for row in SYSTEMS if row.name == name and row.first <= major <= row.last), None)


def runtime_row(name):
    """The row of a container runtime, by what a node reports, such as containerd://1.6.20."""
    return next((row for row in RUNTIMES if str(name).startswith(row.name + ":")), None)


def weakest(rows):
    """The weakest evidence of rows, of which a missing one is worth as much as an assumption."""
    order = list(EVIDENCE)
    return max(["assumed" if row is None else row.evidence for row in rows], key=order.index)


def dotted(numbers):
    return ".".join(str(number) for number in numbers)


def span(first, last, newest=None):
    """Two ends of a row in words."""
    if first[:1] == (0,) and last[:1] == (99,):
        return "any"
    if first[:1] == (0,):
        return "to %s" % dotted(last)
    if last[:1] == (99,) or last == newest:
        return "%s and later" % dotted(first)
    return dotted(first) if first == last else "%s to %s" % (dotted(first), dotted(last))


def release_span(row):
    first, last = row.kube_ovn
    if last != LATEST and last[2] == 99:
        if first == (0, 0, 0):
            return "before v%d.%d" % (last[0], last[1] + 1)
        return "v%d.%d" % first[:2] + (" to v%d.%d" % last[:2] if first[:2] != last[:2] else "")
    return "any" if first == (0, 0, 0) else span(first, last).replace(dotted(first), "v" + dotted(first), 1).replace(" to ", " to v")


def page():
    """The matrix as a page of documentation."""
    lines = [
        "<!-- Written by tools/matrix_page.py from plugins/plugin_utils/_preflight/matrix.py. -->",
        "# What has been tried with what",
        "",
        "A combination of Kubernetes, Kube-OVN, container runtime and operating system is worth as much as the weakest of its rows in the three tables.",
        "Preflight reads the same tables: it refuses what is refused, and names the evidence of your combination.",
        "",
        "| evidence | meaning |",
        "| --- | --- |",
        *("| %s | %s |" % item for item in EVIDENCE.items()),
        "",
        "## Kubernetes, Kube-OVN and its mode",
        "",
        "The first row that fits counts.",
        "",
        "| Kube-OVN | mode | Kubernetes | evidence | note |",
        "| --- | --- | --- | --- | --- |",
    ]
    for row in RELEASES:
        lines.append("| %s | %s | %s | %s | %s |" % (release_span(row), row.mode, span(*row.kubernetes, NEWEST_KUBERNETES), row.evidence, row.note))
    for title, rows in (("Container runtimes", RUNTIMES), ("Operating systems", SYSTEMS)):
        lines += ["", "## " + title, "", "| name | versions | evidence | note |", "| --- | --- | --- | --- |"]
        lines += ["| %s | %s | %s | %s |" % (row.name, span((row.first,), (row.last,)), row.evidence, row.note) for row in rows]
    return "\n".join(lines) + "\n"
