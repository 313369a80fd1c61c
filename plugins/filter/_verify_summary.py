# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_summary
short_description: Writes a report in lines for the terminal
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(verify). A line for each port, for what stands in for the real thing, and for each check that failed.
options:
  _input:
    description: A report, as P(kube_ovn.dpdk.verify_report#filter) returned it.
    type: dict
    required: true
  directory:
    description: Directory of the report on the controller.
    type: str
    required: true
  duration:
    description: Length of the load in seconds.
    type: int
    required: true
  full:
    description: What P(kube_ovn.dpdk._verify_full_plan#filter) returned; empty for profile quick.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Show the result
  ansible.builtin.debug:
    msg: "{{ report | kube_ovn.dpdk._verify_summary('reports', 10) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.report import summary


def verify_summary(found, directory, duration, full=None):
    return summary(found, directory, duration, full or {})


class FilterModule:
    def filters(self):
        return {"_verify_summary": verify_summary}
