# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Option plan: the answer of check mode, without a change, whether the run is in check mode or not."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, run_module


class Ended(Exception):
    pass


class Module(object):
    def __init__(self, plan, check_mode=False):
        self.params = {'plan': plan}
        self.check_mode = check_mode
        self.result = None

    def exit_json(self, **result):
        self.result = result
        raise Ended()

    def fail_json(self, **result):
        self.result = dict(result, failed=True)
        raise Ended()


def end(module, run, **failure):
    with pytest.raises(Ended):
        run_module(module, run, **failure)
    return module.result


@pytest.mark.parametrize('plan, check_mode', [(False, False), (False, True), (True, False), (True, True)])
def test_a_plan_does_nothing_and_is_no_change(plan, check_mode):
    asked = []

    def run(module):
        asked.append(module.check_mode)
        return {'changed': True, 'diff': [{'before': 'a', 'after': 'b'}], 'kept': 1}

    result = end(Module(plan, check_mode), run)
    assert asked == [plan or check_mode]
    assert result['kept'] == 1
    assert result['changed'] is not plan
    assert ('diff' in result) is not plan


def test_a_plan_that_is_refused_is_refused():
    def run(module):
        raise HostError('no such thing')

    assert end(Module(True), run, shortfall=[]) == {'msg': 'no such thing', 'shortfall': [], 'failed': True}
