# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.kube_ovn.dpdk.plugins.filter.cpu_list import FilterModule as CpuList
from ansible_collections.kube_ovn.dpdk.plugins.filter.cpu_mask import FilterModule as CpuMask
from hypothesis import given
from hypothesis import strategies as st

cpu_mask = CpuMask().filters()["cpu_mask"]
cpu_list = CpuList().filters()["cpu_list"]


@pytest.mark.parametrize(("cores", "mask"), [
    ("1,13", "0x2002"), ("2-4", "0x1c"), ([2, 3], "0xc"), (["0-1", 5], "0x23"), (0, "0x1"), (" 0 - 1 , 4 ", "0x13"), ("63", "0x8000000000000000"),
    (["1,2"], "0x6"),
])
def test_mask(cores, mask):
    assert cpu_mask(cores) == mask


@pytest.mark.parametrize(("cores", "options", "message"), [
    ("", {}, "is empty"),
    ([], {}, "is empty"),
    ("1,1", {}, "the list: CPU 1 is given twice"),
    ("4", {"cores": 4}, "CPUs go from 0 to 3"),
    ("1024", {}, "CPUs go from 0 to 1023"),
    ("9" * 5000, {}, "CPUs go from 0 to 1023"),
    ("3-1", {}, "runs backwards"),
    ("a", {}, "the list: 'a' is not a CPU"),
    (b"1", {}, "the list: b'1' is not a CPU"),
    ("1_0", {}, "'1_0' is not a CPU"),
    ("\u0661", {}, "is not a CPU"),
    (True, {}, "True is not a CPU"),
    (1.5, {}, "1.5 is not a CPU"),
    (None, {}, "None is not a CPU"),
    ("2-4", {"exclude": "4,8"}, "the list and exclude overlap in core 4"),
    ([2, 3], {"exclude": [3, 2]}, "overlap in core 2-3"),
    ("1", {"exclude": "x"}, "exclude: 'x' is not a CPU"),
    ("1", {"cores": 0}, "cores must be a number from 1 to 8192"),
])
def test_refused(cores, options, message):
    with pytest.raises(AnsibleFilterError, match=f"cpu_mask: .*{message}"):
        cpu_mask(cores, **options)


@pytest.mark.parametrize(("cores", "options"), [(10 ** 5000, {}), ("1", {"cores": 10 ** 5000})], ids=["list", "cores"])
def test_a_number_that_python_refuses_to_print(cores, options):
    with pytest.raises(AnsibleFilterError, match="cpu_mask: "):
        cpu_mask(cores, **options)


def test_exclude():
    assert cpu_mask("2-4", exclude=[0, 1]) == "0x1c"
    assert cpu_mask("2-4", exclude=[]) == "0x1c"


@pytest.mark.parametrize(("mask", "cores"), [("0x2002", [1, 13]), ("6", [1, 2]), ("10", [4]), ("0XfF", list(range(8))), (" 0x1 ", [0])])
def test_list(mask, cores):
    assert cpu_list(mask) == cores


@pytest.mark.parametrize("mask", ["", "0x", "0", "0x0", "g", "-1", "1_0", 16, True, None, [1], "1,2", b"1", "\u0661", "f" * 5000])
def test_list_refused(mask):
    with pytest.raises(AnsibleFilterError, match="cpu_list: "):
        cpu_list(mask)


@given(st.sets(st.integers(0, 1023), min_size=1))
def test_there_and_back(cores):
    assert cpu_list(cpu_mask(sorted(cores))) == sorted(cores)
    assert cpu_list(cpu_mask(",".join(map(str, cores)))) == sorted(cores)
