# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: cpu_mask
short_description: Turns a list of CPU cores into a hexadecimal mask
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Turns cores, given as people think of them, into the mask that C(dpdk-lcore-mask) and C(pmd-cpu-mask) want.
  - Empty lists, cores given twice, cores out of range and cores of another list are refused.
options:
  _input:
    description:
      - The cores, as text such as V(1,13) or V(0-3,8), as one number, or as a list of numbers and such texts.
    type: raw
    required: true
  apart_from:
    description:
      - Cores that must not be among them, in any form of the input. An empty list or text is no core.
    type: raw
  cores:
    description:
      - Number of cores of the machine, so that the highest core is one less.
    type: int
    default: 1024
seealso:
  - plugin: kube_ovn.dpdk.cpu_list
    plugin_type: filter
"""

EXAMPLES = r"""
- name: A mask of PMD cores that shares none with the lcores
  ansible.builtin.set_fact:
    pmd_cpu_mask: "{{ '1,13' | kube_ovn.dpdk.cpu_mask(apart_from=[0]) }}"  # => 0x2002

- name: A mask of a range
  ansible.builtin.set_fact:
    lcore_mask: "{{ '2-4' | kube_ovn.dpdk.cpu_mask }}"  # => 0x1c
"""

RETURN = r"""
_value:
  description: The mask in hexadecimal, with C(0x) in front.
  type: str
"""

import re
from collections.abc import Sequence

from ansible.errors import AnsibleFilterError


def cores_of(value, cores, name):
    """The set of cores that text, a number or a list of both stands for."""
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(',')] if value.strip() else []
    elif isinstance(value, Sequence):
        parts = [part for item in value for part in (item.split(',') if isinstance(item, str) else [item])]
    else:
        parts = [value]
    found = set()
    for part in parts:
        match = re.match(r'\s*(\d+)\s*(?:-\s*(\d+)\s*)?\Z', part, re.ASCII) if isinstance(part, str) else None
        if match:
            first = int(match.group(1))
            last = int(match.group(2)) if match.group(2) else first
        elif isinstance(part, int) and not isinstance(part, bool):
            first = last = part
        else:
            raise AnsibleFilterError('cpu_mask: %s holds %r; give core numbers and ranges, such as "1,13", "2-4" or [2, 3]' % (name, part))
        if last < first:
            raise AnsibleFilterError('cpu_mask: %s holds the range %s, which runs backwards' % (name, part))
        if first < 0 or last >= cores:
            raise AnsibleFilterError('cpu_mask: %s holds %s, but cores go from 0 to %d' % (name, part, cores - 1))
        for core in range(first, last + 1):
            if core in found:
                raise AnsibleFilterError('cpu_mask: %s holds core %d twice' % (name, core))
            found.add(core)
    return found


def cpu_mask(value, apart_from=None, cores=1024):
    """Turn cores into a mask."""
    if isinstance(cores, bool) or not isinstance(cores, int) or cores < 1:
        raise AnsibleFilterError('cpu_mask: cores must be a positive number, not %r' % (cores,))
    found = cores_of(value, cores, 'the list')
    if not found:
        raise AnsibleFilterError('cpu_mask: the list of cores is empty')
    if apart_from is not None:
        shared = found & cores_of(apart_from, cores, 'apart_from')
        if shared:
            raise AnsibleFilterError('cpu_mask: the lists overlap in core %s' % ', '.join(str(core) for core in sorted(shared)))
    return '0x%x' % sum(1 << core for core in found)


class FilterModule:
    """The cpu_mask filter."""

    def filters(self):
        return {'cpu_mask': cpu_mask}
