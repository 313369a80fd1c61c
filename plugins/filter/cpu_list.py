# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: cpu_list
short_description: Turns a hexadecimal CPU mask into a list of cores
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Turns a mask, as found in C(dpdk-lcore-mask) and C(pmd-cpu-mask), into the numbers of its cores. It is the reverse of P(kube_ovn.dpdk.cpu_mask#filter).
options:
  _input:
    description:
      - The mask as text, in hexadecimal with or without C(0x), as Open vSwitch and DPDK read it.
      - A number is refused, since it is not known whether V(10) was meant to be hexadecimal. Put the mask in quotes.
    type: str
    required: true
seealso:
  - plugin: kube_ovn.dpdk.cpu_mask
    plugin_type: filter
"""

EXAMPLES = r"""
- name: The cores of a mask
  ansible.builtin.set_fact:
    pmd_cores: "{{ '0x2002' | kube_ovn.dpdk.cpu_list }}"  # => [1, 13]
"""

RETURN = r"""
_value:
  description: The cores, in ascending order.
  type: list
  elements: int
"""

from ansible.errors import AnsibleFilterError

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus


def cpu_list(value):
    """Turn a mask into CPUs."""
    try:
        found = _cpus.parse_mask(value)
    except ValueError as exc:
        raise AnsibleFilterError('cpu_list: %s' % exc)
    if not found:
        raise AnsibleFilterError('cpu_list: the mask %s has no core' % value.strip()[:40])
    return found


class FilterModule:
    """The cpu_list filter."""

    def filters(self):
        return {'cpu_list': cpu_list}
