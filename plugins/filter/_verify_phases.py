# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_phases
short_description: Writes what is typed into testpmd of each pod
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(verify). Phase by phase, marked rounds, a load in which the packets circulate, and marked rounds once more.
  - Used by role C(verify), whose script C(traffic.sh) plays the lines.
options:
  _input:
    description: What P(kube_ovn.dpdk.verify_plan#filter) returned.
    type: list
    elements: dict
    required: true
  duration:
    description: Length of the load in seconds.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Show the phases
  ansible.builtin.debug:
    msg: "{{ plan | kube_ovn.dpdk._verify_phases(10) }}"
"""

RETURN = r"""
_value:
  description: C(lines) by pod, and C(seconds), how long they play.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import timeline


def verify_phases(plan, duration):
    return timeline(plan, int(duration))


class FilterModule:
    def filters(self):
        return {"_verify_phases": verify_phases}
