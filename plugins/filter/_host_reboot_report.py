# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _host_reboot_report
short_description: Describes the reboots that are due
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Names the hosts that will be rebooted, the reasons, the size of a batch and its duration, hosts that are left to the admin, and cordons that stay.
  - PRIVATE to this collection.
positional: hostvars, serial, timeout, drain_timeout, mode
options:
  _input:
    description: Names of the hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    required: true
  serial:
    description: Hosts in a batch, as the keyword C(serial) of a play takes it; V(0) for all at once.
    type: raw
    default: 1
  timeout:
    description: Seconds that a host without C(host_reboot_timeout) may take to boot.
    type: int
    default: 900
  drain_timeout:
    description: Seconds that a host without C(host_reboot_drain_timeout) may take to evict its pods.
    type: int
    default: 600
  mode:
    description: The C(host_reboot_mode) of all hosts; where it is empty, each has its own in O(hostvars).
    type: str
    default: ''
"""

EXAMPLES = r"""
- name: Report the reboots that are due
  ansible.builtin.debug:
    msg: "{{ groups['nodes'] | kube_ovn.dpdk._host_reboot_report(hostvars) }}"
"""

RETURN = r"""
_value:
  description:
    - Lines of text, none where there is nothing to report.
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot


class FilterModule:
    def filters(self):
        return {"_host_reboot_report": host_reboot.report}
