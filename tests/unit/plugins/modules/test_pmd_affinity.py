# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""On threads of this process that are named as those of ovs-vswitchd: their affinity is the kernel's own."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ctypes
import errno
import os
import re
import threading

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus, _unixctl
from ansible_collections.kube_ovn.dpdk.plugins.modules import pmd_affinity
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import run_module

PR_SET_NAME = 15


def allowed():
    return _cpus.parse(re.search(r"^Cpus_allowed_list:\s*(\S+)", _unixctl.read("/proc/self/status"), re.M).group(1))


CPUS = allowed()
pytestmark = pytest.mark.skipif(len(CPUS) < 2, reason="an affinity needs two CPUs to choose from")


class Daemon(object):
    def __init__(self, _rundir, _timeout):
        self.pid = os.getpid()

    def close(self):
        pass


@pytest.fixture
def pmd(monkeypatch):
    """Start a thread of this name."""
    monkeypatch.setattr(pmd_affinity, "Daemon", Daemon)
    end = threading.Event()
    started = []

    def start(name):
        ready = threading.Event()

        def work():
            ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode("ascii"), 0, 0, 0)
            ready.set()
            end.wait()

        thread = threading.Thread(target=work)
        thread.start()
        started.append(thread)
        ready.wait()

    yield start
    end.set()
    for thread in started:
        thread.join()


def run(check=False, **params):
    return run_module(pmd_affinity, None, check=check, **params)


def cpus_of(name):
    return [thread["cpus"] for thread in _unixctl.threads(os.getpid()) if thread["name"] == name]


def test_a_thread_that_lost_its_core_gets_it_back(pmd):
    core = CPUS[1]
    name = "pmd-c%02d/id:8" % core
    pmd(name)
    pmd("revalidator9")
    everywhere = _cpus.format_list(CPUS)
    assert cpus_of(name) == [everywhere]
    told = run(check=True)
    assert told["changed"] and told["restored"] == [name] and cpus_of(name) == [everywhere]
    refused = run(restore=False)
    assert refused["failed"] and "%s (%s) may run on other CPUs than their own" % (name, everywhere) in refused["msg"]
    done = run()
    assert (done["changed"], done["restored"], done["diff"]) == (True, [name], told["diff"])
    assert [(thread["core"], thread["cpus"]) for thread in done["threads"]] == [(core, everywhere)]
    assert cpus_of(name) == [str(core)]
    for again in (run(), run(check=True), run(restore=False)):
        assert not again["changed"] and not again["failed"] and again["restored"] == []


def test_a_core_that_the_cpuset_lacks(pmd):
    pmd("pmd-c%d/id:8" % (CPUS[-1] + 1000))
    result = run()
    assert result["failed"] and "which the cpuset of its container no longer has: the kubelet has given it to a pod" in result["msg"]


def test_thread_that_ends_meanwhile(pmd, monkeypatch):
    """OVS reloads its PMD threads: the new one of the same core gets it."""
    name = "pmd-c%02d/id:8" % CPUS[1]
    pmd(name)
    real, gone = pmd_affinity.pin, []

    def pin(tid, core):
        if not gone:
            gone.append(tid)
            raise OSError(errno.ESRCH, "No such process")
        real(tid, core)

    monkeypatch.setattr(pmd_affinity, "pin", pin)
    result = run()
    assert not result["failed"] and result["restored"] == [name] and cpus_of(name) == [str(CPUS[1])]


def test_thread_that_has_ended(monkeypatch):
    monkeypatch.setattr(pmd_affinity, "Daemon", Daemon)
    looks = [[{"name": "pmd-c00/id:8", "tid": 0x7ffffff0, "cpus": "0-1"}], []]
    monkeypatch.setattr(pmd_affinity, "threads", lambda _pid: looks.pop(0))
    result = run()
    assert not result["failed"] and not result["changed"] and result["restored"] == []


@pytest.mark.parametrize("number, message", [(errno.EPERM, "That takes root: run the module with become: true."), (errno.ENOMEM, "(nothing)")])
def test_kubelet_is_not_blamed_for_everything(pmd, monkeypatch, number, message):
    pmd("pmd-c%02d/id:8" % CPUS[1])

    def pin(_tid, _core):
        raise OSError(number, "nothing")

    monkeypatch.setattr(pmd_affinity, "pin", pin)
    result = run()
    assert result["failed"] and message in result["msg"] and "kubelet" not in result["msg"]


def test_threads_of_another_name_have_no_core(pmd):
    pmd("pmd7")
    assert run()["threads"] == []
