# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.modules import cpu_management
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules import boot_trees
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module

CONFIG = "/var/lib/kubelet/config.yaml"
STATE = "/var/lib/kubelet/cpu_manager_state"
KUBELET = "apiVersion: kubelet.config.k8s.io/v1beta1\ncgroupDriver: systemd\nkind: KubeletConfiguration\nreservedSystemCPUs: 0-1\n"
# Four cores of two CPUs.
CORES = ["0,4", "1,5", "2,6", "3,7"]
RESERVED = "0-1,4-5"


def state_of(policy, default="0-7", entries="{}"):
    return '{"policyName":"%s","defaultCpuSet":"%s","entries":%s,"checksum":1}' % (policy, default, entries)


@pytest.fixture
def tree(tmpdir):
    tree = Tree(tmpdir.mkdir("root"))
    tree.write("/sys/devices/system/cpu/online", "0-7\n")
    for siblings in CORES:
        for cpu in siblings.split(","):
            tree.write("/sys/devices/system/cpu/cpu%s/topology/thread_siblings_list" % cpu, siblings + "\n")
    tree.write("/sys/devices/system/node/node0/cpulist", "0-7\n")
    tree.write("/proc/1/cmdline", "/sbin/init\0")
    tree.write("/proc/77/cmdline", "/usr/bin/kubelet\0--config=%s\0--container-runtime-endpoint\0unix:///run/c.sock\0-v=2\0" % CONFIG)
    tree.write(CONFIG, KUBELET)
    tree.write(STATE, state_of("none", ""))
    tree.write("/lib/systemd/system/irqbalance.service", "[Service]\n")
    return tree


def run(tree, check=False, **params):
    return run_module(cpu_management, tree, check=check, **params)


def test_the_first_run_leaves_the_kubelet_to_a_drained_node(tree):
    result = run(tree)
    assert result["plan"] == dict(housekeeping=[0, 4], pmd=[1, 5], idle=[], pods=[2, 3, 6, 7], reserved=[0, 1, 4, 5], isolated=[1, 5])
    assert result["kernel_arguments"] == ["isolcpus=1,5", "nohz_full=1,5", "rcu_nocbs=1,5"]
    assert result["kubelet"]["reasons"] == [
        "cpuManagerPolicy of the kubelet is to become static, and is that of its default",
        "reservedSystemCPUs of the kubelet is to become 0-1,4-5, and is 0-1",
    ]
    assert result["changed"] and result["files"] == [cpu_management.ENVIRONMENT, cpu_management.DROPIN]
    assert tree.read(CONFIG) == KUBELET
    text = tree.read(cpu_management.ENVIRONMENT)
    assert "\nIRQBALANCE_BANNED_CPULIST=1,5\nIRQBALANCE_BANNED_CPUS=22\n" in text
    assert "EnvironmentFile=" + cpu_management.ENVIRONMENT in tree.read(cpu_management.DROPIN)
    again = run(tree)
    assert not again["changed"] and again["kubelet"] == result["kubelet"]


def test_check_mode_is_true(tree):
    before = tree.listing(without=())
    told = run(tree, check=True, apply_kubelet=True)
    assert tree.listing(without=()) == before
    done = run(tree, apply_kubelet=True)
    assert (told["changed"], told["files"], told["diff"]) == (done["changed"], done["files"], done["diff"])


def test_on_a_drained_node_state_and_policy_change_together(tree):
    tree.write("/var/lib/kubelet/memory_manager_state", "{}")
    result = run(tree, apply_kubelet=True, topology_manager_policy="restricted")
    assert set(result["files"]) > set([CONFIG, STATE, "/var/lib/kubelet/memory_manager_state"])
    assert not tree.listing().get("var/lib/kubelet/cpu_manager_state")
    text = tree.read(CONFIG)
    assert 'cpuManagerPolicy: "static"\nreservedSystemCPUs: "%s"\ntopologyManagerPolicy: "restricted"\n' % RESERVED in text
    assert "\nreservedSystemCPUs: 0-1\n" not in text


def test_a_kubelet_that_did_not_start_again_is_a_reason(tree):
    run(tree, apply_kubelet=True)
    assert run(tree)["kubelet"]["reasons"] == ["the kubelet has not yet been started with the CPU manager policy static"]
    tree.write(STATE, state_of("static", "0-1,4-7", '{"uid":{"c":"2-3"}}'))
    result = run(tree)
    assert not result["changed"] and result["kubelet"] == dict(config=CONFIG, reasons=[], policy="static", exclusive=[2, 3])
    assert not run(tree, apply_kubelet=True)["changed"]


def test_undo_is_exact(tree):
    before = tree.listing()
    run(tree, apply_kubelet=True)
    tree.write(STATE, state_of("static"))
    due = run(tree, state="absent")
    assert due["changed"] and due["kubelet"]["reasons"] == [
        "cpuManagerPolicy of the kubelet is to become that of its default, and is static",
        "reservedSystemCPUs of the kubelet is to become 0-1, and is 0-1,4-5",
    ]
    run(tree, state="absent", apply_kubelet=True)
    after = tree.listing()
    assert [name for name in before if name not in after] == ["var/lib/kubelet/cpu_manager_state"]
    del before["var/lib/kubelet/cpu_manager_state"]
    # Directories that may have been somebody else's stay.
    assert dict((name, after[name]) for name in before) == before
    assert set(after) - set(before) <= set(["etc", "etc/systemd", "etc/systemd/system"])
    assert not run(tree, state="absent")["changed"]


def test_the_mode_of_the_kubelets_file_stays(tree):
    tree.write(CONFIG, KUBELET, 0o600)
    run(tree, apply_kubelet=True)
    assert tree.listing()["var/lib/kubelet/config.yaml"][0][-3:] == "600"


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_modes_of_new_files_whatever_the_umask(tree, umask):
    old = os.umask(umask)
    try:
        run(tree)
    finally:
        os.umask(old)
    for path in (cpu_management.ENVIRONMENT, cpu_management.DROPIN):
        assert os.stat(tree.path(path)).st_mode & 0o777 == 0o644
        assert os.stat(tree.path(os.path.dirname(path))).st_mode & 0o777 == 0o755


def test_cpus_that_the_admin_has_banned_stay_so(tree):
    tree.write("/etc/default/irqbalance", "#IRQBALANCE_BANNED_CPULIST=7\nIRQBALANCE_BANNED_CPULIST=\"2-3\"\n")
    tree.write("/etc/sysconfig/irqbalance", "IRQBALANCE_BANNED_CPUS=00000000,00000040\n")
    run(tree)
    assert "\nIRQBALANCE_BANNED_CPULIST=1-3,5-6\nIRQBALANCE_BANNED_CPUS=6e\n" in tree.read(cpu_management.ENVIRONMENT)


@pytest.mark.parametrize("params", [{"irqbalance": False}, {"without": True}])
def test_without_irqbalance(tree, params):
    if params.pop("without", False):
        os.unlink(tree.path("/lib/systemd/system/irqbalance.service"))
    result = run(tree, **params)
    assert not result["changed"] and result["files"] == []


def test_masks_of_many_cpus_have_commas(tree):
    tree.write("/sys/devices/system/cpu/online", "0-7,40-47\n")
    run(tree, pmd=["40"], kubelet=False)
    assert "\nIRQBALANCE_BANNED_CPUS=100,00000000\n" in tree.read(cpu_management.ENVIRONMENT)


def test_a_kubelet_that_others_configure(tree):
    tree.write("/proc/77/cmdline", "/usr/bin/kubelet\0--cpu-manager-policy=none\0")
    result = run(tree, kubelet=False)
    assert result["kubelet"]["reasons"] == []


@pytest.mark.parametrize("files, params, message", [
    ({}, {"pmd": ["8"]}, "cpu_management_pmd names CPUs 8, which this host does not have online. Cure: choose from 0-7."),
    ({}, {"pmd": ["a"]}, "cpu_management_pmd: 'a' is not a CPU"),
    ({}, {"pmd": ["1"], "pods": ["5"]}, "CPUs 5 of cpu_management_pods share a physical core with PMD threads"),
    ({}, {"pmd_per_node": 0}, "cpu_management_pmd_per_node is 0; give 1 or more"),
    ({}, {"pmd_per_node": 4}, "NUMA node 0 has 3 free cores left"),
    ({}, {"kubelet_config": "/etc/nowhere.yaml"}, "the kubelet has no configuration file /etc/nowhere.yaml; join the host"),
    ({CONFIG: '{"kind": "KubeletConfiguration"}'}, {}, "is JSON, or YAML in braces"),
    ({CONFIG: KUBELET + "---\nkind: Other\n"}, {}, "more than one YAML document"),
    ({CONFIG: KUBELET + "kubeReservedCgroup: /kube\n"}, {}, "kubeReservedCgroup is set"),
    ({CONFIG: KUBELET + "cpuManagerPolicyOptions: {strict-cpu-reservation: \"true\"}\n"}, {}, "strict-cpu-reservation keeps pods from reserved CPUs"),
    ({"/proc/77/cmdline": "kubelet\0--cpu-manager-policy\0none\0"}, {}, "--cpu-manager-policy=none, which overrides cpuManagerPolicy"),
    ({"/proc/77/cmdline": "kubelet\0--reserved-cpus=0\0"}, {}, "--reserved-cpus=0, which overrides reservedSystemCPUs"),
    ({"/sys/devices/system/cpu/online": ""}, {}, "names no CPU; is sysfs mounted?"),
    ({"/etc/default/irqbalance": "IRQBALANCE_BANNED_CPULIST=x\n"}, {}, "IRQBALANCE_BANNED_CPULIST of /etc/default/irqbalance or"),
])
def test_refused_before_anything_is_touched(tree, files, params, message):
    for path, text in files.items():
        tree.write(path, text)
    before = tree.listing(without=())
    for apply_kubelet in (False, True):
        result = run(tree, apply_kubelet=apply_kubelet, **params)
        assert result["failed"] and message in result["msg"]
    assert tree.listing(without=()) == before


def test_kubelet_is_waited_for(tree, monkeypatch):
    """It starts with the new policy a moment after its files were written."""
    run(tree, apply_kubelet=True)
    looks = []

    def start(seconds):
        looks.append(seconds)
        if len(looks) == 2:
            tree.write(STATE, state_of("static"))

    monkeypatch.setattr(cpu_management.time, "sleep", start)
    result = run(tree, check=True, timeout=30)
    assert not result["failed"] and result["kubelet"]["reasons"] == [] and len(looks) == 2


def test_kubelet_that_does_not_start_with_the_plan(tree, monkeypatch):
    run(tree, apply_kubelet=True)
    now = [1000.0]

    def later(seconds):
        now[0] += seconds

    monkeypatch.setattr(cpu_management.time, "time", lambda: now[0])
    monkeypatch.setattr(cpu_management.time, "sleep", later)
    result = run(tree, check=True, timeout=30)
    assert result["failed"]
    assert "has not yet been started with the CPU manager policy static, 30 s after it was started. Read why: journalctl -u kubelet" in result["msg"]


def test_kernel_arguments_are_asked_for_in_the_same_call(tree):
    boot_trees.debian(tree)
    boot = {"owner": "cpu_management", "state": "present", "booted": False}
    result = run(tree, check=True, boot=boot)
    assert result["boot"]["changed"] and result["boot"]["reboot_required"]
    before = tree.listing()
    result = run(tree, boot=dict(boot, booted=True))
    assert result["failed"] and "did not boot the default entry" in result["msg"]
    assert tree.listing() == before
    assert not run(tree, boot=dict(boot, state="absent", booted=True))["failed"]
