# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: host_reboot_plan
short_description: Lists the reboots that are due
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Finds the hosts on which a role has appended a request with a reason to the fact C(host_reboot_requests), as the README of
    P(kube_ovn.dpdk.host_reboot#role) describes it. Hosts with C(host_reboot_mode=never) are left out.
positional: hostvars, timeout, drain_timeout
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
  timeout:
    description: Seconds that a host without C(host_reboot_timeout) may take to boot.
    type: int
    default: 900
  drain_timeout:
    description: Seconds that a host without C(host_reboot_drain_timeout) may take to evict its pods.
    type: int
    default: 600
"""

EXAMPLES = r"""
- name: Reboot the hosts that need it
  hosts: "{{ groups['nodes'] | kube_ovn.dpdk.host_reboot_plan(hostvars) | map(attribute='host') | default(['!all'], true) }}"
  roles: [kube_ovn.dpdk.host_reboot]
"""

RETURN = r"""
_value:
  description:
    - One entry for each host that has to be rebooted, with C(host), C(reasons), C(reboot), false for a host that has only to be
      drained, and C(seconds), the time that it may take.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot


class FilterModule:
    def filters(self):
        return {"host_reboot_plan": host_reboot.plan}
