# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The samples of the PMD threads: when they are taken, and what is kept of the answers."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._unixctl import UnixctlError
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_pmd_samples_info

# As lib/dpif-netdev.c prints it (pmd_info_show_stats).
STATS = u'''pmd thread numa_id 0 core_id 1:
  packets received: 146304448
  packet recirculations: 0
  avg. datapath passes per packet: 1.00
  emc hits: 146303040
  smc hits: 0
  megaflow hits: 1296
  avg. subtable lookups per megaflow hit: 1.00
  idle cycles: 4553659675 (10.53%)
  processing cycles: 38710045482 (89.47%)
  avg cycles per packet: 295.71 (43263705157/146304448)
main thread:
  packets received: 397
  emc hits: 0
'''


class Clock(object):
    """Time that passes only while somebody sleeps, or the daemon takes its time to answer."""

    def __init__(self, monkeypatch, answer=0):
        self.time = 1000.0
        self.answer = answer
        self.slept = []
        self.asked = []
        monkeypatch.setattr(ovs_pmd_samples_info, 'now', lambda: self.time)
        monkeypatch.setattr(ovs_pmd_samples_info.time, 'time', lambda: self.time)

    def sleep(self, seconds):
        assert seconds >= 0
        self.time += seconds

    def ask(self, method):
        self.asked.append(method)
        self.time += self.answer
        return STATS


def test_readings_come_in_the_interval_until_the_time_is_over(monkeypatch):
    clock = Clock(monkeypatch)
    samples = ovs_pmd_samples_info.collect(clock, 2, 0.5, clock.sleep)
    assert [sample['time'] for sample in samples] == [1000.0, 1000.5, 1001.0, 1001.5, 1002.0]
    assert clock.time == 1002.0
    assert set(clock.asked) == set(['dpif-netdev/pmd-stats-show'])


def test_slow_answers_do_not_make_it_longer(monkeypatch):
    clock = Clock(monkeypatch, answer=0.7)
    samples = ovs_pmd_samples_info.collect(clock, 3, 0.5, clock.sleep)
    # A reading that is late is left out, and the following ones are on time again.
    assert [round(sample['time'], 1) for sample in samples] == [1000.7, 1001.7, 1002.7, 1003.7]
    assert clock.time <= 1000 + 3 + 0.7 + 0.001


def test_only_what_is_counted_is_kept(monkeypatch):
    clock = Clock(monkeypatch)
    text = ovs_pmd_samples_info.reading(clock)['pmd_stats']
    assert text.splitlines() == [
        'pmd thread numa_id 0 core_id 1:', '  packets received: 146304448', '  emc hits: 146303040', '  idle cycles: 4553659675 (10.53%)',
        '  processing cycles: 38710045482 (89.47%)', 'main thread:', '  packets received: 397', '  emc hits: 0',
    ]


def test_an_open_vswitch_without_the_command_is_an_error(monkeypatch):
    class Daemon(object):
        def ask(self, method):
            raise UnixctlError('"%s" is not a valid command' % method)

    with pytest.raises(UnixctlError):
        ovs_pmd_samples_info.collect(Daemon(), 1, 0.5)
