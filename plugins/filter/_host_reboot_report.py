# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _host_reboot_report
short_description: Describes the reboots that are due
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Names the hosts that will be rebooted, the reasons, the size of a batch and its duration.
  - PRIVATE to this collection.
positional: serial
options:
  _input:
    description: What P(kube_ovn.dpdk.host_reboot_plan#filter) returned; at least one entry.
    type: list
    elements: dict
    required: true
  serial:
    description: Hosts in a batch, as the keyword C(serial) of a play takes it.
    type: raw
    default: 1
"""

EXAMPLES = r"""
- name: Report the reboots that are due
  ansible.builtin.debug:
    msg: "{{ groups['nodes'] | kube_ovn.dpdk.host_reboot_plan(hostvars) | kube_ovn.dpdk._host_reboot_report(1) }}"
"""

RETURN = r"""
_value:
  description:
    - Lines of text.
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot


class FilterModule:
    def filters(self):
        return {"_host_reboot_report": host_reboot.report}
