# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import shutil
import signal

import pytest
from ansible.module_utils import basic
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _host
from ansible_collections.kube_ovn.dpdk.plugins.modules import cpu_management, kernel_cmdline
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
    tree.mkdir("/run")
    tree.kubelet("--config=%s" % CONFIG, "--container-runtime-endpoint", "unix:///run/c.sock", "-v=2")
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
    assert not result["changed"] and result["kubelet"] == dict(config=CONFIG, arguments={"config": CONFIG}, reasons=[], policy="static", exclusive=[2, 3])
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


def test_kernel_arguments_are_configured_in_the_same_call(tree):
    host = boot_trees.debian(tree)
    boot = {"owner": "cpu_management", "state": "present", "booted": False}
    before = tree.listing()
    told = run(tree, check=True, boot=boot)
    assert told["boot"]["changed"] and told["boot"]["reboot_required"]
    result = run(tree, boot=dict(boot, booted=True))
    assert result["failed"] and "did not boot the default entry" in result["msg"]
    assert tree.listing() == before
    assert not run(tree, check=True, boot=dict(boot, state="absent", booted=True))["failed"]
    done = run(tree, boot=boot)
    assert (told["changed"], told["diff"], told["boot"]) == (done["changed"], done["diff"], done["boot"])
    assert done["diff"][-1]["after"].split()[-3:] == done["kernel_arguments"]
    again = run(tree, boot=boot)
    assert not again["changed"] and again["diff"] == [] and again["boot"]["reboot_required"]
    host.boot()
    assert not run(tree, boot=dict(boot, booted=True))["changed"]
    assert run(tree, state="absent", boot=dict(boot, state="absent"))["changed"]
    assert not run(tree, state="absent", boot=dict(boot, state="absent"))["changed"]


def test_kernel_arguments_stay_where_the_plan_cannot_be_applied(tree):
    boot_trees.debian(tree)
    tree.kubelet("--kubeconfig=/etc/kubernetes/kubelet.conf")
    before = tree.listing()
    assert run(tree, boot={"owner": "cpu_management"})["failed"]
    assert tree.listing() == before


# Which process is the kubelet


SUDOERS = "/etc/sudoers"
LIES = ["--config=" + SUDOERS, "--root-dir=/data"]


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("liar", [
    {"mnt": 2, "pids": 2}, {"mnt": 2}, {"pids": 2}, {"mnt": 2, "group": "/kubepods.slice/kubepods-pod1.slice/cri-1.scope/system.slice/kubelet.service"},
    {"uid": 1000}, {"mode": 0o4755},
], ids=["pod", "pod with hostPID", "own PIDs", "pod with a control group of that name", "user", "set-user-ID program of a user"])
def test_process_that_calls_itself_kubelet(tree, liar, stopped):
    """Root would write to the file that it names, and remove what it calls a state."""
    mode, group = liar.get("mode"), liar.get("group")
    tree.write(SUDOERS, "root ALL=(ALL:ALL) ALL\n", 0o440)
    tree.write("/data/cpu_manager_state", state_of("none", ""))
    # Its number is before that of the kubelet.
    tree.process(9, "kubelet", *LIES, **dict(liar, exe="/usr/bin/sudo"))
    if mode:
        os.chmod(tree.path("/usr/bin/sudo"), mode)
    if group:
        tree.write("/proc/9/cgroup", "0::%s\n" % group)
    if stopped:
        shutil.rmtree(tree.path("/proc/77"))
    run(tree)
    result = run(tree, apply_kubelet=True, **({"request": {"kubelet_arguments": {"config": CONFIG}}} if stopped else {}))
    assert not result["failed"], result["msg"]
    assert CONFIG in result["files"] and result["kubelet"]["arguments"] == {"config": CONFIG}
    assert tree.read(SUDOERS) == "root ALL=(ALL:ALL) ALL\n" and os.path.exists(tree.path("/data/cpu_manager_state"))


def test_kubelet_whose_unit_has_mounts_of_its_own(tree):
    tree.kubelet("--config=" + CONFIG, mnt=3)
    assert "no kubelet runs on this host" in run(tree)["msg"]
    tree.write("/proc/77/cgroup", "0::/system.slice/kubelet.service\n")
    assert run(tree)["kubelet"]["config"] == CONFIG


def test_first_of_two_kubelets_by_number(tree):
    """A process that the kubelet forks has its command line until it is another program."""
    tree.process(100, "kubelet", "--config=/etc/other.yaml")
    assert run(tree)["kubelet"]["config"] == CONFIG


@pytest.mark.parametrize("path", [CONFIG, STATE])
def test_pipe_in_place_of_a_file_of_the_kubelet(tree, path):
    os.unlink(tree.path(path))
    os.mkfifo(tree.path(path))

    def late(*_arguments):
        raise AssertionError("waits for the other end of a pipe")

    old = signal.signal(signal.SIGALRM, late)
    signal.alarm(5)
    try:
        result = run(tree)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
    assert result["failed"] and "%s is not a regular file of root" % path in result["msg"]


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to another user")
def test_file_of_a_user_is_no_file_of_the_kubelet(tree):
    os.chown(tree.path(CONFIG), 65534, 65534)
    assert "%s is not a regular file of root" % CONFIG in run(tree)["msg"]


def test_file_that_is_no_configuration_of_a_kubelet(tree):
    tree.write("/etc/ssh/sshd_config", "Port 22\n")
    tree.kubelet("--config=/etc/ssh/sshd_config")
    assert "has no kind KubeletConfiguration" in run(tree, apply_kubelet=True)["msg"]
    assert tree.read("/etc/ssh/sshd_config") == "Port 22\n"


# A stopped kubelet


KUBESPRAY = "/etc/kubernetes/kubelet-config.yaml"


def stop(tree):
    shutil.rmtree(tree.path("/proc/77"))


@pytest.mark.parametrize("leftover", [False, True])
def test_files_of_a_stopped_kubelet(tree, leftover):
    """Kubespray has another file, and kubeadm may have been there before. A kubelet does not start with the state of another policy."""
    if not leftover:
        os.unlink(tree.path(CONFIG))
    tree.write(KUBESPRAY, KUBELET)
    tree.write("/data/kubelet/cpu_manager_state", state_of("none", ""))
    tree.kubelet("--config=" + KUBESPRAY, "--root_dir", "/data/kubelet", "--v=2", "--topology-manager-policy-options=max-allowable-numa-nodes=16")
    request = run(tree)["request"]
    assert request["kubelet_arguments"] == {"config": KUBESPRAY, "root-dir": "/data/kubelet", "topology-manager-policy-options": "max-allowable-numa-nodes=16"}
    stop(tree)
    os.unlink(tree.path(cpu_management.NOTE))
    before = tree.listing()
    refused = run(tree, apply_kubelet=True)
    assert refused["failed"] and "no kubelet runs on this host, so its configuration file is not known" in refused["msg"]
    assert tree.listing() == before
    result = run(tree, apply_kubelet=True, request=request)
    assert set([KUBESPRAY, "/data/kubelet/cpu_manager_state"]) <= set(result["files"])
    assert not leftover or tree.read(CONFIG) == KUBELET


def test_stopped_kubelet_is_not_guessed_at_for_an_undo(tree):
    run(tree, apply_kubelet=True)
    stop(tree)
    os.path.exists(tree.path(cpu_management.NOTE)) and os.unlink(tree.path(cpu_management.NOTE))
    # The block in it proves which file it is, and not where the state is.
    due = run(tree, check=True, state="absent")
    assert due["kubelet"]["arguments"] == {"config": CONFIG} and due["kubelet"]["reasons"]
    refused = run(tree, state="absent", apply_kubelet=True)
    assert refused["failed"] and "give request, which the module returned" in refused["msg"]
    assert not run(tree, state="absent", apply_kubelet=True, request=due["request"])["failed"]
    assert tree.read(CONFIG) == KUBELET


def test_kubelet_without_a_configuration_file(tree):
    """What is in the place of kubeadm is a leftover."""
    tree.kubelet("--kubeconfig=/etc/kubernetes/kubelet.conf")
    assert "the kubelet runs without --config, so it reads no configuration file" in run(tree)["msg"]
    assert not run(tree, kubelet=False)["failed"] and not run(tree, state="absent")["failed"]


def test_file_that_the_kubelet_does_not_read(tree):
    tree.write(KUBESPRAY, KUBELET)
    assert "the kubelet reads %s, and cpu_management_kubelet_config is %s" % (CONFIG, KUBESPRAY) in run(tree, kubelet_config=KUBESPRAY)["msg"]
    tree.link("/etc/kubelet.yaml", tree.path(CONFIG))
    assert not run(tree, kubelet_config="/etc/kubelet.yaml")["failed"]


# Runs that were cut, or failed


@pytest.mark.parametrize("state", ["present", "absent"])
def test_kubelet_that_a_run_has_stopped_and_not_started(tree, state):
    if state == "absent":
        run(tree, apply_kubelet=True)
        tree.write(STATE, state_of("static"))
    request = run(tree, state=state)["request"]
    stop(tree)
    stopped = run(tree, state=state)
    assert not stopped["failed"] and stopped["request"] == request
    assert stopped["kubelet"]["reasons"][-1] == "the kubelet was stopped to be configured, and has not been started since"
    run(tree, apply_kubelet=True, request=request)
    # Cut before the kubelet is started.
    again = run(tree, state=state)
    assert again["kubelet"]["reasons"][-1] == "the kubelet was stopped to be configured, and has not been started since"
    tree.kubelet("--config=" + CONFIG)
    tree.write(STATE, state_of("static" if state == "present" else "none"))
    assert run(tree, state=state)["kubelet"]["reasons"] == []
    assert not os.path.exists(tree.path(cpu_management.NOTE))
    # Whoever stops it now has other reasons.
    stop(tree)
    assert run(tree, state=state)["kubelet"]["reasons"] == []


def test_irqbalance_that_was_not_restarted(tree, monkeypatch):
    monkeypatch.setattr(_host.Sysroot, "is_real", property(lambda self: True))
    monkeypatch.setattr(_host.Sysroot, "bare", lambda self, path: "/" + os.path.relpath(path, self.root))
    calls = []

    def command(self, argv, **_more):
        calls.append(argv)
        return (1, "", "Job for irqbalance.service failed") if len(calls) == 2 else (0, "", "")

    monkeypatch.setattr(basic.AnsibleModule, "run_command", command)
    assert "Job for irqbalance.service failed" in run(tree)["msg"]
    assert run(tree, check=True)["changed"] and len(calls) == 2
    again = run(tree)
    assert again["changed"] and again["files"] == [] and [argv[1] for argv in calls[2:]] == ["daemon-reload", "try-restart"]
    assert not run(tree)["changed"] and len(calls) == 4


# More NUMA nodes than the topology manager starts with


@pytest.mark.parametrize("options, allowed", [
    ("", False), ("topologyManagerPolicyOptions:\n\n# all\n  max-allowable-numa-nodes: \"9\"\n", True),
    ("topologyManagerPolicyOptions: {max-allowable-numa-nodes: '8'}\n", False), ("#topologyManagerPolicyOptions: {max-allowable-numa-nodes: '9'}\n", False),
    (["--topology-manager-policy-options=max-allowable-numa-nodes=16"], True),
])
@pytest.mark.parametrize("memory_only", [False, True])
def test_more_numa_nodes_than_the_topology_manager_takes(tree, options, allowed, memory_only):
    for number in range(9):
        tree.write("/sys/devices/system/node/node%d/cpulist" % number, ("0-7\n" if not number else "\n") if memory_only else "%d\n" % number)
    tree.kubelet("--config=" + CONFIG, *(options if isinstance(options, list) else []))
    tree.write(CONFIG, KUBELET + ("" if isinstance(options, list) else options))
    sets = dict(housekeeping=["0,4"], pmd=["1,5"])
    result = run(tree, check=True, topology_manager_policy="best-effort", **sets)
    assert result["failed"] is not allowed
    assert allowed or "has 9 NUMA nodes, those without CPUs among them" in result["msg"]
    for policy in ({}, {"topology_manager_policy": "none"}):
        assert not run(tree, check=True, **dict(sets, **policy))["failed"]


# CPUs that a boot changes


def cmdline(tree, *arguments, **params):
    return run_module(kernel_cmdline, tree, arguments=list(arguments), **params)


@pytest.mark.parametrize("word", ["nosmt", "nosmt=force", "maxcpus=4", "mitigations=auto,nosmt"])
def test_no_plan_while_the_next_boot_has_other_cpus(tree, word):
    host = boot_trees.debian(tree)
    boot = dict(owner="cpu_management")
    cmdline(tree, word, owner="dpdk_host")
    refused = run(tree, boot=boot)
    assert refused["failed"] and word + " of the kernel's command line changes by the next boot" in refused["msg"]
    assert not run(tree, state="absent", boot=dict(boot, state="absent"))["failed"]
    host.boot()
    assert not run(tree, boot=boot)["failed"]
    cmdline(tree, owner="dpdk_host", state="absent")
    assert word + " of the kernel's command line changes by the next boot" in run(tree, boot=boot)["msg"]


def test_boot_with_other_cpus_than_those_of_the_plan(tree):
    host = boot_trees.debian(tree)
    first = run(tree, boot=dict(owner="cpu_management"))
    cmdline(tree, *first["kernel_arguments"], owner="cpu_management")
    # After the plan was made.
    cmdline(tree, "nosmt", owner="dpdk_host")
    run(tree, apply_kubelet=True)
    tree.write(STATE, state_of("static"))
    host.boot()
    booted = dict(boot=dict(owner="cpu_management", booted=True), request={"plan": first["plan"]}, plan=True)
    assert not run(tree, **booted)["failed"]
    tree.write("/sys/devices/system/cpu/online", "0-3\n")
    for cpu in range(4):
        tree.write("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list" % cpu, "%d\n" % cpu)
    tree.write("/sys/devices/system/node/node0/cpulist", "0-3\n")
    for sets in ({}, {"pmd": ["1,5"]}):
        result = run(tree, **dict(booted, **sets))
        assert result["failed"] and "the plan was made for CPUs 0-7, and this host now has CPUs 0-3 online" in result["msg"]
        assert "nosmt" in result["msg"] and "boot loader" not in result["msg"]


# Configurations that look different


@pytest.mark.parametrize("options", [
    "cpuManagerPolicyOptions:\n# as agreed\n  strict-cpu-reservation: \"true\"\n",
    "cpuManagerPolicyOptions:\n\n  strict-cpu-reservation: \"true\"\n",
    "cpuManagerPolicyOptions:\n  strict-cpu-reservation: \"True\"\n",
    "cpuManagerPolicyOptions:\n  strict-cpu-reservation: '1'\n",
    "cpuManagerPolicyOptions:\n  full-pcpus-only: \"false\"\n  strict-cpu-reservation: t\n",
    "cpuManagerPolicyOptions: {\nstrict-cpu-reservation: \"TRUE\"\n}\n",
])
def test_strict_reservation_however_it_is_written(tree, options):
    tree.write(CONFIG, KUBELET + options)
    assert "strict-cpu-reservation keeps pods from reserved CPUs" in run(tree)["msg"]


@pytest.mark.parametrize("comment", [u"# \u041d\u0430\u0441\u0442\u0440\u043e\u0439\u043a\u0438 \u0445\u043e\u0441\u0442\u0430\n", u"# Voil\u00e0 \u2026  \n"])
def test_comment_in_another_script(tree, comment):
    """Half of a letter looks like the end of a line."""
    tree.write(CONFIG, comment + KUBELET)
    assert not run(tree, apply_kubelet=True)["failed"]
    assert not run(tree, state="absent", apply_kubelet=True)["failed"]
    assert tree.read(CONFIG) == comment + KUBELET


def test_comment_of_a_drop_in_overrides_nothing(tree):
    tree.kubelet("--config=" + CONFIG, "--config-dir=/etc/kubernetes/kubelet.conf.d")
    tree.write("/etc/kubernetes/kubelet.conf.d/10.conf", "kind: KubeletConfiguration\n# see the wiki, cpuManagerPolicy: none is the default\n")
    assert not run(tree, apply_kubelet=True)["failed"]
