# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""Who owns which CPU of a host: housekeeping, PMD threads, pods.

A CPU is what the kernel counts; a core is a physical one, whose CPUs are siblings. A topology has `online` (CPUs), `cores` (lists of siblings that are
online) and `nodes` (NUMA node to CPUs). Everything here is a pure function of topology and settings, but for read_topology().
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus

SETS = ("housekeeping", "pmd", "pods")
VARIABLE = "cpu_management_%s"
CPU_ARGUMENTS = ("nosmt", "nosmp", "smt", "maxcpus", "nr_cpus", "possible_cpus")


class PlanError(Exception):
    """The errors of a plan: problems are pairs of what was found and its cure."""

    def __init__(self, problems):
        super(PlanError, self).__init__("; ".join("%s. Cure: %s." % problem for problem in problems))
        self.problems = problems


def parsed(text):
    """CPUs of a list that the kernel printed; none of a file that is not there."""
    return _cpus.parse(text or u"", duplicates=True)


def read_topology(sysroot):
    """The topology of a host, as its sysfs has it. A CPU that is offline has no directory `topology`."""
    base = "/sys/devices/system"
    online = parsed(sysroot.read(base + "/cpu/online"))
    cores = set()
    for cpu in online:
        siblings = sysroot.read("%s/cpu/cpu%d/topology/thread_siblings_list" % (base, cpu))
        cores.add(tuple(number for number in parsed(siblings) if number in online) or (cpu,))
    nodes = {}
    for name in sysroot.listdir(base + "/node"):
        if name.startswith("node") and name[4:].isdigit():
            nodes[int(name[4:])] = parsed(sysroot.read("%s/node/%s/cpulist" % (base, name)))
    return topology(online, cores, nodes)


def topology(online, cores, nodes):
    """A topology in order. CPUs of no core are cores of their own; without NUMA nodes all CPUs are on node 0; nodes without CPUs are left out."""
    online = sorted(online)
    known = [sorted(core) for core in cores]
    seen = set(cpu for core in known for cpu in core)
    known += [[cpu] for cpu in online if cpu not in seen]
    found = dict((int(node), [cpu for cpu in cpus if cpu in online]) for node, cpus in nodes.items())
    found = dict((node, cpus) for node, cpus in found.items() if cpus)
    return {"online": online, "cores": sorted(known), "nodes": found or {0: online}}


def siblings(there, cpus):
    """These CPUs with all that share a core with one of them."""
    return sorted(set(cpu for core in there["cores"] if set(core) & set(cpus) for cpu in core) | set(cpus))


def without(cpus, *others):
    return sorted(set(cpus).difference(*others))


def count(number, word):
    return "%d %s%s" % (number, word, "" if number == 1 else "s")


def given_problems(there, given):
    """What is wrong with the sets that were given."""
    host = _cpus.format_list(there["online"])
    for name in SETS:
        missing = without(given[name], there["online"])
        if missing:
            yield (
                "%s names CPUs %s, which this host does not have online" % (VARIABLE % name, _cpus.format_list(missing)),
                "choose from %s" % host,
            )
    for index, name in enumerate(SETS):
        for other in SETS[index + 1:]:
            both = sorted(set(given[name]) & set(given[other]))
            if both:
                yield (
                    "CPUs %s are in %s and in %s" % (_cpus.format_list(both), VARIABLE % name, VARIABLE % other),
                    "leave them in one of the two",
                )
    polling = siblings(there, given["pmd"])
    for name in ("housekeeping", "pods"):
        shared = sorted(set(polling) & set(given[name]) - set(given["pmd"]))
        if shared:
            yield (
                "CPUs %s of %s share a physical core with PMD threads, which would lose half of it" % (_cpus.format_list(shared), VARIABLE % name),
                "take them out of %s; lscpu -e shows which CPUs share a core" % (VARIABLE % name),
            )
    if 0 in polling:
        yield (
            "CPU 0, or a sibling of it, is in cpu_management_pmd, and the kernel runs work of its own on it that cannot be moved",
            "take another core for PMD threads",
        )


def free_cores(there, node, taken):
    """Cores of a NUMA node of which no CPU is taken, the lowest first."""
    return [core for core in there["cores"] if set(core) <= set(there["nodes"][node]) and not set(core) & set(taken)]


def make_plan(there, housekeeping=(), pmd=(), pods=(), housekeeping_per_node=1, pmd_per_node=1):
    """The plan of a host: {housekeeping, pmd, idle, pods, reserved, isolated}, each a list of CPUs. Raises PlanError.

    A set that is not given is derived: housekeeping and PMD threads get the first free cores of each NUMA node, whole ones, and pods get the rest.
    `idle` are siblings of PMD threads that nothing may use. `reserved` is what the kubelet must not hand out, `isolated` what the kernel keeps clear.
    """
    given = {"housekeeping": sorted(housekeeping), "pmd": sorted(pmd), "pods": sorted(pods)}
    problems = list(given_problems(there, given))
    if problems:
        raise PlanError(problems)
    found = dict(given)
    idle = without(siblings(there, given["pmd"]), given["pmd"])
    taken = set(given["housekeeping"] + given["pmd"] + given["pods"] + idle)
    # All but the first, when only one is left to be derived, or none.
    everything = given["pmd"] and given["pods"]
    for name, wanted in (("housekeeping", housekeeping_per_node), ("pmd", pmd_per_node)):
        if given[name] or (name == "housekeeping" and everything):
            continue
        for node in sorted(there["nodes"]):
            cores = free_cores(there, node, taken)
            if name == "pmd":
                cores = [core for core in cores if 0 not in core]
            if len(cores) < wanted:
                problems.append(
                    (
                        "NUMA node %d has %s left for %s, and %s asked for" % (
                            node, count(len(cores), "free core"), VARIABLE % name, "1 is" if wanted == 1 else "%d are" % wanted,
                        ),
                        "name the CPUs in cpu_management_housekeeping, cpu_management_pmd and cpu_management_pods, or lower %s_per_node" % (VARIABLE % name),
                    )
                )
            chosen = [cpu for core in cores[:wanted] for cpu in core]
            taken.update(chosen)
            found[name] = sorted(found[name] + chosen)
    rest = without(there["online"], taken)
    if not given["pods"]:
        found["pods"] = rest
        if not rest and not problems:
            problems.append(("no CPU is left for pods", "take fewer CPUs for housekeeping and PMD threads"))
    elif everything and not given["housekeeping"]:
        found["housekeeping"] = rest
    elif rest:
        problems.append(
            (
                "CPUs %s are in none of cpu_management_housekeeping, cpu_management_pmd and cpu_management_pods" % _cpus.format_list(rest),
                "add them to one of the three, or leave one of the three empty",
            )
        )
    if problems:
        raise PlanError(problems)
    reserved = sorted(set(found["housekeeping"] + found["pmd"] + idle))
    return dict(found, idle=idle, reserved=reserved, isolated=sorted(set(found["pmd"] + idle)))


def kernel_arguments(plan):
    """Keep the kernel's own work away from PMD threads. Only CPUs that the kubelet has reserved: it would hand out isolated ones to pods."""
    cpus = _cpus.format_list(plan["isolated"])
    return ["%s=%s" % (name, cpus) for name in ("isolcpus", "nohz_full", "rcu_nocbs")] if cpus else []


def of_cpus(word):
    """Whether a kernel argument decides which CPUs are online, or whether they have siblings."""
    name, _equals, value = word.replace('"', "").partition("=")
    parts = value.split(",")
    return name in CPU_ARGUMENTS or "nosmt" in parts or (name == "l1tf" and parts[0] == "full")


def changed_cpus(following, running):
    """Kernel arguments of the next boot, or of this one alone, by which the next one has other CPUs than a plan that is made now."""
    lacking = [word for word in following if of_cpus(word) and word not in running]
    # A variable of the boot loader may have the others.
    dropped = [word for word in running if of_cpus(word) and word not in following and not any(other.startswith("$") for other in following)]
    return sorted(set(lacking + dropped))


def shown(plan):
    """The plan as texts."""
    return dict((name, _cpus.format_list(cpus)) for name, cpus in plan.items())
