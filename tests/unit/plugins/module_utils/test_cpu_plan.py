# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plans over topologies as sysfs shows them. How CPUs are numbered follows Linux' Documentation/ABI/stable/sysfs-devices-system-cpu and servers' firmware:
siblings N and N + half (Intel, EPYC), neighbours (some EPYC and all of POWER's style), NUMA nodes in blocks or alternating (Dell)."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpu_plan
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import Sysroot
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree

# Text of `online`, siblings of each CPU by its first, CPUs of each node.
TOPOLOGIES = {
    "one socket": ("0-7", ["0", "1", "2", "3", "4", "5", "6", "7"], {0: "0-7"}),
    "one socket, SMT": ("0-7", ["0,4", "1,5", "2,6", "3,7"], {0: "0-7"}),
    "one socket, neighbours": ("0-7", ["0-1", "2-3", "4-5", "6-7"], {0: "0-7"}),
    "two sockets": ("0-7", ["0", "1", "2", "3", "4", "5", "6", "7"], {0: "0-3", 1: "4-7"}),
    "two sockets, SMT": ("0-15", ["0,8", "1,9", "2,10", "3,11", "4,12", "5,13", "6,14", "7,15"], {0: "0-3,8-11", 1: "4-7,12-15"}),
    "two sockets, alternating": ("0-11", ["0,6", "1,7", "2,8", "3,9", "4,10", "5,11"], {0: "0,2,4,6,8,10", 1: "1,3,5,7,9,11"}),
    # CPU 5 was taken offline: its sibling 1 has a core for itself, and it has no directory of its topology.
    "offline CPU": ("0-4,6-7", ["0,4", "1", "2,6", "3,7"], {0: "0-4,6-7"}),
    # Numbers that firmware has left out.
    "holes": ("0-1,4-5,64-65,68-69", ["0,64", "1,65", "4,68", "5,69"], {0: "0-1,64-65", 2: "4-5,68-69"}),
    "node without CPUs": ("0-3", ["0", "1", "2", "3"], {0: "0-3", 1: ""}),
    "no NUMA in the kernel": ("0-3", ["0-1", "2-3"], {}),
}


@pytest.fixture
def read(tmpdir):
    def read(name):
        online, cores, nodes = TOPOLOGIES[name]
        tree = Tree(tmpdir.mkdir("root"))
        tree.write("/sys/devices/system/cpu/online", online + "\n")
        for siblings in cores:
            for cpu in _cpu_plan.parsed(u"" + siblings):
                tree.write("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list" % cpu, siblings + "\n")
        for node, cpus in nodes.items():
            tree.write("/sys/devices/system/node/node%d/cpulist" % node, cpus + "\n")
        return _cpu_plan.read_topology(Sysroot(tree.root))

    return read


@pytest.mark.parametrize("name, housekeeping, pmd, pods", [
    ("one socket", "0", "1", "2-7"),
    ("one socket, SMT", "0,4", "1,5", "2-3,6-7"),
    ("one socket, neighbours", "0-1", "2-3", "4-7"),
    ("two sockets", "0,4", "1,5", "2-3,6-7"),
    ("two sockets, SMT", "0,4,8,12", "1,5,9,13", "2-3,6-7,10-11,14-15"),
    ("two sockets, alternating", "0-1,6-7", "2-3,8-9", "4-5,10-11"),
    ("offline CPU", "0,4", "1", "2-3,6-7"),
    ("node without CPUs", "0", "1", "2-3"),
])
def test_derived(read, name, housekeeping, pmd, pods):
    there = read(name)
    plan = _cpu_plan.make_plan(there)
    shown = _cpu_plan.shown(plan)
    assert (shown["housekeeping"], shown["pmd"], shown["pods"], shown["idle"]) == (housekeeping, pmd, pods, "")
    # What a plan is for.
    assert sorted(plan["housekeeping"] + plan["pmd"] + plan["pods"]) == there["online"]
    assert _cpu_plan.siblings(there, plan["pmd"]) == plan["isolated"] == plan["pmd"]
    assert plan["reserved"] == sorted(plan["housekeeping"] + plan["pmd"])
    for cpus in there["nodes"].values():
        assert set(cpus) & set(plan["pmd"])


@pytest.mark.parametrize("name, given, expected", [
    # The sibling of a PMD thread is nobody's.
    ("one socket, SMT", {"pmd": [1]}, dict(housekeeping="0,4", pmd="1", idle="5", pods="2-3,6-7", reserved="0-1,4-5", isolated="1,5")),
    ("one socket, SMT", {"pmd": [1], "housekeeping": [0]}, dict(housekeeping="0", pmd="1", idle="5", pods="2-4,6-7", reserved="0-1,5", isolated="1,5")),
    ("one socket, SMT", {"pods": [2, 3, 6, 7]}, dict(housekeeping="0,4", pmd="1,5", idle="", pods="2-3,6-7", reserved="0-1,4-5", isolated="1,5")),
    ("one socket, SMT", {"pmd": [2, 6], "pods": [3, 7]}, dict(housekeeping="0-1,4-5", pmd="2,6", idle="", pods="3,7", reserved="0-2,4-6", isolated="2,6")),
    ("offline CPU", {"pmd": [1], "pods": [2, 3, 6, 7]}, dict(housekeeping="0,4", pmd="1", idle="", pods="2-3,6-7", reserved="0-1,4", isolated="1")),
    ("two sockets, SMT", {"pmd": [1, 5], "housekeeping_per_node": 2},
     dict(housekeeping="0,2,4,6,8,10,12,14", pmd="1,5", idle="9,13", pods="3,7,11,15", reserved="0-2,4-6,8-10,12-14", isolated="1,5,9,13")),
    ("one socket", {"pmd_per_node": 3}, dict(housekeeping="0", pmd="1-3", idle="", pods="4-7", reserved="0-3", isolated="1-3")),
    # A host so small that the operating system shares the CPUs of pods.
    ("no NUMA in the kernel", {"pmd": [2, 3], "pods": [0, 1]}, dict(housekeeping="", pmd="2-3", idle="", pods="0-1", reserved="2-3", isolated="2-3")),
])
def test_given(read, name, given, expected):
    assert _cpu_plan.shown(_cpu_plan.make_plan(read(name), **given)) == expected


@pytest.mark.parametrize("name, given, message", [
    ("one socket", {"pmd": [8, 9]}, "cpu_management_pmd names CPUs 8-9, which this host does not have online. Cure: choose from 0-7"),
    ("offline CPU", {"pods": [5]}, "cpu_management_pods names CPUs 5, which this host does not have online. Cure: choose from 0-4,6-7"),
    ("holes", {"housekeeping": [2]}, "choose from 0-1,4-5,64-65,68-69"),
    ("one socket", {"pmd": [1, 2], "pods": [2, 3]}, "CPUs 2 are in cpu_management_pmd and in cpu_management_pods"),
    ("one socket", {"pmd": [1], "housekeeping": [1]}, "CPUs 1 are in cpu_management_housekeeping and in cpu_management_pmd"),
    ("one socket, SMT", {"pmd": [1], "pods": [5, 6]}, "CPUs 5 of cpu_management_pods share a physical core with PMD threads"),
    ("one socket, neighbours", {"pmd": [3], "housekeeping": [0, 2]}, "CPUs 2 of cpu_management_housekeeping share a physical core with PMD threads"),
    ("one socket", {"pmd": [0]}, "CPU 0, or a sibling of it, is in cpu_management_pmd"),
    ("one socket, SMT", {"pmd": [4]}, "CPU 0, or a sibling of it, is in cpu_management_pmd"),
    ("no NUMA in the kernel", {}, "no CPU is left for pods. Cure: take fewer CPUs"),
    ("holes", {}, "no CPU is left for pods"),
    ("two sockets", {"pmd_per_node": 4}, "NUMA node 0 has 3 free cores left for cpu_management_pmd, and 4 are asked for"),
    ("node without CPUs", {"housekeeping_per_node": 5}, "NUMA node 0 has 4 free cores left for cpu_management_housekeeping, and 5 are asked for"),
    ("one socket", {"housekeeping": [0], "pmd": [1], "pods": [2, 3]}, "CPUs 4-7 are in none of cpu_management_housekeeping, cpu_management_pmd and"),
])
def test_refused(read, name, given, message):
    with pytest.raises(_cpu_plan.PlanError) as error:
        _cpu_plan.make_plan(read(name), **given)
    assert message in str(error.value)
    assert str(error.value).count("Cure: ") == len(error.value.problems)


def test_what_is_wrong_with_the_sets_is_said_at_once(read):
    with pytest.raises(_cpu_plan.PlanError) as error:
        _cpu_plan.make_plan(read("one socket, SMT"), pmd=[0, 9], pods=[4, 0])
    assert len(error.value.problems) == 4


def test_kernel_arguments(read):
    there = read("two sockets, SMT")
    assert _cpu_plan.kernel_arguments(_cpu_plan.make_plan(there, pmd=[1, 5])) == ["isolcpus=1,5,9,13", "nohz_full=1,5,9,13", "rcu_nocbs=1,5,9,13"]
