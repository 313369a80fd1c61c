# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PMD thread of a real ovs-vswitchd in a cpuset that is written as the static CPU manager of a kubelet writes that of OVS (cpu_manager.go, reconcileState):
all CPUs but those that pods have for themselves. The thread polls a dummy device, and gets its packets meanwhile. Pinning is the same code as with DPDK."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus, _unixctl
from ansible_collections.kube_ovn.dpdk.plugins.modules import pmd_affinity
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import run_module
from switch import binary, until

CGROUPS = Path("/sys/fs/cgroup")
ONLINE = _cpus.parse(Path("/sys/devices/system/cpu/online").read_text())
# The PMD thread has the last core; what is left is for housekeeping and pods.
CORE = ONLINE[-1]
OTHERS = _cpus.format_list(ONLINE[:-1])
ALL = _cpus.format_list(ONLINE)
# From Linux 6.2 on a thread keeps its core as long as the cpuset has it (kernel/sched/core.c, user_cpus_ptr).
KEEPS = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2]) >= (6, 2)

pytestmark = pytest.mark.skipif(len(ONLINE) < 2, reason="one CPU leaves none to lose a thread to")


@pytest.fixture
def cpuset():
    """A cgroup with a cpuset, of version 1 or 2."""
    first = (CGROUPS / "cpuset").is_dir()
    top = CGROUPS / "cpuset" if first else CGROUPS
    if not first:
        (top / "cgroup.subtree_control").write_text("+cpuset")
    group = top / f"kube-ovn-dpdk-{os.getpid()}"
    group.mkdir()
    (group / "cpuset.cpus").write_text(ALL)
    (group / "cpuset.mems").write_text((top / ("cpuset.mems" if first else "cpuset.mems.effective")).read_text())
    yield group
    for pid in (group / "cgroup.procs").read_text().split():
        (top / "cgroup.procs").write_text(pid)
    group.rmdir()


@pytest.fixture
def ovs(switch, cpuset, monkeypatch):
    # In a container of the machine the first process may not be looked at.
    monkeypatch.setattr(_unixctl, "namespace", lambda pid, proc: os.readlink(f"{proc}/self/ns/pid"))
    port = ["add-port", "br0", "p0", "--", "set", "Interface", "p0", "type=dummy-pmd"]
    switch.vsctl("set", "Open_vSwitch", ".", f"other_config:pmd-cpu-mask={_cpus.format_mask([CORE])}", "--", "add-br", "br0", "--", *port)
    until(lambda: threads(switch), "a PMD thread", 60)
    (cpuset / "cgroup.procs").write_text(str(switch.processes["ovs-vswitchd"].pid))
    return switch


def threads(ovs):
    return [thread for thread in _unixctl.threads(ovs.processes["ovs-vswitchd"].pid) if thread["name"].startswith("pmd-c")]


def allowed(ovs):
    return [thread["cpus"] for thread in threads(ovs)]


def affinity(ovs, check=False, **options):
    return run_module(pmd_affinity, None, check=check, rundir=ovs.directory, **options)


def received(ovs):
    return int(ovs.vsctl("get", "Interface", "p0", "statistics:rx_packets"))


def send(ovs):
    """Ten packets to the device that the thread polls."""
    control = f"{ovs.directory}/ovs-vswitchd.{ovs.processes['ovs-vswitchd'].pid}.ctl"
    frame = "ff" * 6 + "020000000001" + "88b5" + "00" * 50
    subprocess.run([binary("ovs-appctl"), f"--target={control}", "netdev-dummy/receive", "p0", *[frame] * 10], check=True, timeout=30)


def packets_pass(ovs):
    before = received(ovs)
    send(ovs)
    until(lambda: received(ovs) >= before + 10, "every packet", 30)
    return True


def test_without_a_plan_a_pod_takes_the_core_of_the_pmd_thread(ovs, cpuset):
    assert allowed(ovs) == [str(CORE)]
    assert affinity(ovs, restore=False)["changed"] is False
    # A Guaranteed pod starts.
    (cpuset / "cpuset.cpus").write_text(OTHERS)
    assert allowed(ovs) == [OTHERS]
    found = affinity(ovs, restore=False)
    assert found["failed"] and f"({OTHERS}) may run on other CPUs than their own" in found["msg"]
    found = affinity(ovs)
    assert found["failed"] and "the kubelet has given it to a pod" in found["msg"]
    assert packets_pass(ovs)
    # It ends.
    (cpuset / "cpuset.cpus").write_text(ALL)
    assert affinity(ovs)["changed"] is not KEEPS
    assert allowed(ovs) == [str(CORE)]


def test_with_the_plan_the_pmd_thread_keeps_its_core(ovs, cpuset):
    """The core is reserved, so pods get others, and OVS shares what is left."""
    for left in (str(CORE), ALL, str(CORE)):
        (cpuset / "cpuset.cpus").write_text(left)
        found = affinity(ovs, check=True)
        assert found["changed"] is (left == ALL and not KEEPS)
        if KEEPS:
            assert allowed(ovs) == [str(CORE)]
        assert packets_pass(ovs)


def test_restored_while_packets_pass(ovs, cpuset):
    """As a kernel before 6.2 leaves it."""
    os.sched_setaffinity(threads(ovs)[0]["tid"], ONLINE)
    told = affinity(ovs, check=True)
    assert told["changed"] and allowed(ovs) == [ALL]
    before = received(ovs)
    send(ovs)
    done = affinity(ovs)
    send(ovs)
    assert (done["changed"], done["restored"], done["diff"]) == (True, told["restored"], told["diff"])
    assert allowed(ovs) == [str(CORE)]
    assert affinity(ovs, restore=False)["changed"] is False
    until(lambda: received(ovs) >= before + 20, "every packet", 30)
