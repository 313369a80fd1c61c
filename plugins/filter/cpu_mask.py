# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: cpu_mask
short_description: Turns a list of CPU cores into a hexadecimal mask
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Turns a list of cores into the mask that C(dpdk-lcore-mask) and C(pmd-cpu-mask) take.
  - An empty list, a core given twice, a core out of range and a core of O(exclude) are errors.
options:
  _input:
    description:
      - The cores, as text such as V(1,13) or V(0-3,8), as one number, or as a list of numbers and such texts.
    type: raw
    required: true
  exclude:
    description:
      - Cores that must not be in the list, in any form of the input. An empty list or text excludes none.
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
    pmd_cpu_mask: "{{ '1,13' | kube_ovn.dpdk.cpu_mask(exclude=[0]) }}"  # => 0x2002

- name: A mask of a range
  ansible.builtin.set_fact:
    lcore_mask: "{{ '2-4' | kube_ovn.dpdk.cpu_mask }}"  # => 0x1c
"""

RETURN = r"""
_value:
  description: The mask in hexadecimal, with C(0x) in front.
  type: str
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus


def parse(value, cores, name):
    try:
        return _cpus.parse(value, limit=cores)
    except ValueError as exc:
        raise AnsibleFilterError('cpu_mask: %s: %s' % (name, exc))


def cpu_mask(value, exclude=None, cores=1024):
    """Turn CPUs into a mask."""
    if isinstance(cores, bool) or not isinstance(cores, int) or not 1 <= cores <= _cpus.MAX_CPUS:
        raise AnsibleFilterError('cpu_mask: cores must be a number from 1 to %d' % _cpus.MAX_CPUS)
    found = parse(value, cores, 'the list')
    if not found:
        raise AnsibleFilterError('cpu_mask: the list of cores is empty')
    shared = set(found).intersection(parse(exclude, cores, 'exclude')) if exclude is not None else ()
    if shared:
        raise AnsibleFilterError('cpu_mask: the list and exclude overlap in core %s' % _cpus.format_list(shared))
    return _cpus.format_mask(found)


class FilterModule:
    """The cpu_mask filter."""

    def filters(self):
        return {'cpu_mask': cpu_mask}
