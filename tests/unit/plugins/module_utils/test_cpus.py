# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import pytest

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus

ARABIC_ONE = u'\u0661'


@pytest.mark.parametrize('value, cpus', [
    (u'1,13', [1, 13]), (u'2-4', [2, 3, 4]), ([2, 3], [2, 3]), ([u'0-1', 5], [0, 1, 5]), (0, [0]), (u' 0 - 1 , 4 ', [0, 1, 4]), ([u'1,2'], [1, 2]),
    (u'8,0-3\n', [0, 1, 2, 3, 8]), (u'', []), (u' \n', []), ([], []), ((3, 1), [1, 3]), (set([3, 1]), [1, 3]), (range(2), [0, 1]), (u'007', [7]),
    (u'8191', [8191]), ((item for item in u'12'), [1, 2]),
])
def test_parse(value, cpus):
    assert _cpus.parse(value) == cpus


@pytest.mark.parametrize('value, message', [
    (u'1,,2', "'' is not a CPU"), (u'1,', "'' is not a CPU"), ([u''], "'' is not a CPU"), (u'a', "'a' is not a CPU"), (u'0x3', "'0x3' is not a CPU"),
    (u'1_0', "'1_0' is not a CPU"), (u'+1', "'+1' is not a CPU"), (u'1-2-3', 'is not a CPU'), (u'1-N', 'is not a CPU'), (u'1-7:2/4', 'is not a CPU'),
    (ARABIC_ONE, 'is not a CPU'), (u'1\x00', 'is not a CPU'), (True, 'True is not a CPU'), (1.0, '1.0 is not a CPU'), (None, 'None is not a CPU'),
    ({1: 2}, 'is not a CPU'), ([[1]], 'is not a CPU'), (bytearray(b'1'), 'is not a CPU'), ([True], 'True is not a CPU'),
    (u'3-1', 'runs backwards'), (u'1,1', 'CPU 1 is given twice'), (u'0-3,2', 'CPU 2 is given twice'), ([1, u'1'], 'CPU 1 is given twice'),
    (-1, 'out of range; CPUs go from 0 to 8191'), (u'8192', 'out of range'), (u'0-99999999999999999999', 'out of range'), (u'9' * 5000, 'out of range'),
    (u'1-' + u'9' * 5000, 'out of range'),
])
def test_parse_refuses(value, message):
    with pytest.raises(ValueError) as error:
        _cpus.parse(value)
    assert message in str(error.value)
    assert len(str(error.value)) < 200


@pytest.mark.parametrize('sign', [1, -1])
def test_a_number_that_python_refuses_to_print(sign):
    with pytest.raises(ValueError) as error:
        _cpus.parse(sign * 10 ** 5000)
    assert 'a number of more than 18 digits is out of range' in str(error.value)


@pytest.mark.skipif(bytes is str, reason='Python 2 has one type for both')
@pytest.mark.parametrize('value', [b'1', [b'1'], memoryview(b'1')])
def test_bytes_are_no_list_of_numbers(value):
    with pytest.raises(ValueError, match='is not a CPU'):
        _cpus.parse(value)


def test_parse_within_limits():
    assert _cpus.parse(u'0-3', limit=4) == [0, 1, 2, 3]
    with pytest.raises(ValueError, match='CPUs go from 0 to 3'):
        _cpus.parse(u'0-4', limit=4)
    assert _cpus.parse(u'0-3,2', duplicates=True) == [0, 1, 2, 3]


@pytest.mark.parametrize('text, cpus', [
    (u'2-5,8', [2, 3, 4, 5, 8]), (u'1-N', [1, 2, 3, 4, 5, 6, 7, 8, 9]), (u'N', [9]), (u'all', list(range(10))), (u'ALL', list(range(10))),
    (u'1-7:2/4', [1, 2, 5, 6]), (u'0-N:1/3', [0, 3, 6, 9]), (u'all:1/2', [0, 2, 4, 6, 8]), (u'0-3:4/4', [0, 1, 2, 3]), (u'0-3:0/4', []),
    (u'3,3', [3]), (u'1,,2', [1, 2]), (u'', []), (u'5:1/2', [5]),
])
def test_parse_kernel(text, cpus):
    assert _cpus.parse_kernel(text, 10) == cpus


@pytest.mark.parametrize('text, message', [
    (u'10', 'CPUs go from 0 to 9'), (u'0-10', 'CPUs go from 0 to 9'), (u'5-1', 'runs backwards'), (u'N-1', 'runs backwards'), (u'0-3:1/0', 'cannot be taken'),
    (u'0-3:5/4', 'cannot be taken'), (u'n', 'not a CPU list'), (u'0-3:1', 'not a CPU list'), (u'domain', 'not a CPU list'), (u'N-', 'not a CPU list'),
    (ARABIC_ONE, 'not a CPU list'), (5, '5 is not text'), (u'9' * 5000, 'out of range'),
])
def test_parse_kernel_refuses(text, message):
    with pytest.raises(ValueError) as error:
        _cpus.parse_kernel(text, 10)
    assert message in str(error.value)


@pytest.mark.parametrize('text, cpus', [
    (u'0x2002', [1, 13]), (u'6', [1, 2]), (u'10', [4]), (u'0XfF', list(range(8))), (u' 0x1\n', [0]), (u'0', []), (u'0x' + u'0' * 5000 + u'1', [0]),
])
def test_parse_mask(text, cpus):
    assert _cpus.parse_mask(text) == cpus


@pytest.mark.parametrize('text', [u'', u'0x', u'g', u'-1', u'1_0', u'1,2', ARABIC_ONE, 16, True, None, [1], u'f' * 5000, u'0x1' + u'0' * 2048])
def test_parse_mask_refuses(text):
    with pytest.raises(ValueError) as error:
        _cpus.parse_mask(text)
    assert 'mask' in str(error.value)


def test_format():
    assert _cpus.format_list([8, 0, 1, 2, 3, 3]) == '0-3,8'
    assert _cpus.format_list([]) == ''
    assert _cpus.format_mask([13, 1, 1]) == '0x2002'
    assert _cpus.parse_mask(_cpus.format_mask([0, 8191])) == [0, 8191]
