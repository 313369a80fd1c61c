# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of role cpu_management: who owns which CPU."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpu_plan, _cpus, _kubelet
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import dpdk_host
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, NODE, SETTINGS, error, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import cores, version


def topology(case):
    """The topology of the host, or None where it was not read."""
    cpu = case.facts.get("cpu", {})
    nodes = {node["node"]: node["cpus"] for node in case.facts.get("numa_nodes", [])}
    return _cpu_plan.topology(cpu["online"], cpu.get("cores", []), nodes) if cpu.get("online") else None


def planned(case):
    """(plan or None, problems) of a host whose CPUs are to be divided; plan and problems are empty for any other."""
    there = topology(case)
    if case.setting("cpu_management_state") != "present" or there is None:
        return None, []
    given = {name: cores(case.setting(f"cpu_management_{name}")) for name in _cpu_plan.SETS}
    given |= {name: int(case.setting(f"cpu_management_{name}", 1)) for name in ("housekeeping_per_node", "pmd_per_node")}
    try:
        return _cpu_plan.make_plan(there, **given), []
    except _cpu_plan.PlanError as problem:
        return None, problem.problems


def polling(case):
    """CPUs of PMD threads: those of OVS' own setting, else those of the plan."""
    plan, _problems = planned(case)
    return cores(case.setting("kube_ovn_dpdk_pmd_cores")) or (plan["pmd"] if plan else [])


@rule("cpu-plan", SETTINGS, "each CPU has one owner, and no PMD thread shares a core")
def lists_readable(case):
    for name in [f"cpu_management_{name}" for name in _cpu_plan.SETS]:
        value = case.setting(name)
        try:
            _cpus.parse([] if value is None else value, duplicates=True)
        except ValueError as problem:
            yield error("%s: %s" % (name, problem), "give CPU numbers, for instance [2, 3] or 2-3")


@rule("cpu-plan", NODE, "each CPU has one owner, and no PMD thread shares a core")
def cpu_plan(case):
    plan, problems = planned(case)
    for found, cure in problems:
        yield error(found, cure)
    own = cores(case.setting("kube_ovn_dpdk_pmd_cores"))
    if plan and own and own != plan["pmd"]:
        yield error(
            "kube_ovn_dpdk_pmd_cores has CPUs %s, and cpu_management gives %s to PMD threads" % (_cpus.format_list(own), _cpus.format_list(plan["pmd"])),
            "set cpu_management_pmd to the same CPUs, or do not set kube_ovn_dpdk_pmd_cores",
        )
    if plan:
        yield from foreign_owners(case, plan)
    asked = [] if case.setting("dpdk_host_state") == "absent" else dpdk_host.kernel_arguments(case.settings, "none")
    following = [word for word in asked if _cpu_plan.of_cpus(word) and word not in case.facts.get("cmdline", [])]
    if plan and following:
        yield error(
            "dpdk_host_kernel_arguments has %s, and the next boot has other CPUs by that than cpu_management would divide now" % " ".join(following),
            "run once with cpu_management_state: unmanaged, which reboots the host with that argument, and then as it is",
        )


def foreign_owners(case, plan):
    """CPUs of pods that other settings take too."""
    shared = set(cores(case.setting("kube_ovn_dpdk_lcores"))) & set(plan["pods"])
    # On a host so small that it has none of its own, the system shares the CPUs of pods.
    if shared and plan["housekeeping"]:
        yield error(
            "kube_ovn_dpdk_lcores has CPUs %s, and cpu_management gives them to pods" % _cpus.format_list(shared),
            "leave kube_ovn_dpdk_lcores empty, or choose from those of housekeeping: %s" % _cpus.format_list(plan["housekeeping"]),
        )
    # Where it isolates CPUs itself, its own list is the one that holds.
    foreign = case.setting("dpdk_host_isolated_cores") if case.flag("cpu_management_isolation") is False else None
    isolated = set(cores(re.sub(r"^([a-z_]+,)*", "", str(foreign or "")))) & set(plan["pods"])
    if isolated:
        yield error(
            "dpdk_host_isolated_cores isolates CPUs %s, and cpu_management gives them to pods, whose threads would not be spread over them"
            % _cpus.format_list(isolated),
            "isolate no more than the CPUs of PMD threads: %s" % _cpus.format_list(plan["isolated"]),
        )


def changes(case):
    """What role cpu_management will change, (by a reboot, on a drained node), as far as settings and facts show."""
    plan, _problems = planned(case)
    if not plan:
        return [], []
    boot, drained = [], []
    words = _cpu_plan.kernel_arguments(plan) if case.flag("cpu_management_isolation") is not False else []
    missing = [word for word in words if word not in case.facts.get("cmdline", [])]
    if missing:
        boot.append("%s is not in force" % " ".join(missing))
    kubelet = case.facts.get("kubelet", {})
    if case.flag("cpu_management_kubelet") is not False and (
        kubelet.get("cpu_manager") != "static" or sorted(kubelet.get("reserved_cpus") or []) != plan["reserved"]
    ):
        drained.append("the kubelet is to have the static CPU manager, with CPUs %s reserved" % _cpus.format_list(plan["reserved"]))
    return boot, drained


@rule("cpu-manager", NODE, "the kubelet knows the settings of its CPU and topology managers")
def numa_nodes(case):
    if case.setting("cpu_management_state") != "present" or case.flag("cpu_management_kubelet") is False:
        return
    allowed = case.facts.get("kubelet", {}).get("numa_nodes", _kubelet.NUMA_NODES)
    found = _kubelet.numa_problem(len(case.facts.get("numa_nodes", [])), allowed, case.setting("cpu_management_topology_manager_policy"))
    if found:
        yield error(*found)


@rule("pmd-siblings", NODE, "no other thread of OVS shares a core with a PMD thread")
def siblings(case):
    there = topology(case)
    own = cores(case.setting("kube_ovn_dpdk_pmd_cores"))
    if there is None or not own:
        return
    shared = (set(_cpu_plan.siblings(there, own)) - set(own)) & set(cores(case.setting("kube_ovn_dpdk_lcores")))
    if shared:
        yield warning(
            "CPUs %s of kube_ovn_dpdk_lcores share a physical core with PMD threads" % _cpus.format_list(shared),
            "leave kube_ovn_dpdk_lcores empty, or choose CPUs of other cores (lscpu -e)",
        )


@rule("nic-numa-node", NODE, "a PMD thread polls each NIC from its own NUMA node")
def nic_nodes(case):
    there = topology(case)
    own = polling(case)
    if there is None or not own:
        return
    for nic, _driver in case.bound_nics():
        node = nic.get("numa_node")
        if node in there["nodes"] and not set(there["nodes"][node]) & set(own):
            yield warning(
                "%s is on NUMA node %d, and no PMD thread is: OVS polls it from another node, at a fraction of the rate" % (nic["address"], node),
                "add CPUs of %s to kube_ovn_dpdk_pmd_cores (or cpu_management_pmd)" % _cpus.format_list(there["nodes"][node]),
            )


@rule("isolation-owner", NODE, "one role isolates CPUs")
def isolation(case):
    cpus = case.setting("dpdk_host_isolated_cores")
    if case.setting("cpu_management_state") == "present" and case.flag("cpu_management_isolation") is not False and cpus:
        yield error(
            "dpdk_host_isolated_cores isolates CPUs %s, and cpu_management isolates those of PMD threads" % cpus,
            "leave dpdk_host_isolated_cores empty, or set cpu_management_isolation: false",
        )


@rule("cpu-manager", CLUSTER, "the kubelet knows the settings of its CPU and topology managers")
def kubelet_knows(case):
    kubernetes = version(case.facts.get("kubernetes_version"))
    for host, own in case.hosts() if kubernetes else []:
        if own.setting("cpu_management_state") != "present" or own.flag("cpu_management_kubelet") is False:
            continue
        if kubernetes < (1, 17, 0):
            yield error(
                "the kubelet of Kubernetes %s has no reservedSystemCPUs, and does not start with the static policy of cpu_management on %s"
                % (case.facts["kubernetes_version"], host),
                "set cpu_management_kubelet: false, or upgrade Kubernetes to 1.17 or later",
            )
        elif kubernetes < (1, 18, 0) and own.setting("cpu_management_topology_manager_policy", "none") != "none":
            yield error(
                "the kubelet of Kubernetes %s does not start with cpu_management_topology_manager_policy %s on %s without a feature gate"
                % (case.facts["kubernetes_version"], own.setting("cpu_management_topology_manager_policy"), host),
                "set cpu_management_topology_manager_policy to an empty text, or upgrade Kubernetes to 1.18 or later",
            )
