# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_full
short_description: Makes the figures of profile full of what was read
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Takes what testpmd wrote in each run and what the PMD threads counted meanwhile.
options:
  _input:
    description: The plan, as P(kube_ovn.dpdk._verify_full_plan#filter) returned it.
    type: dict
    required: true
  outputs:
    description: What the tasks registered that ended testpmd, one for each run.
    type: list
    elements: dict
    required: true
  hosts:
    description: The hosts of group nodes.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts, of which the readings of the PMD threads are taken.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep the figures
  ansible.builtin.set_fact:
    figures: "{{ plan | kube_ovn.dpdk._verify_full(outputs, groups['nodes'], hostvars) }}"
"""

RETURN = r"""
_value:
  description: C(series), C(left_out) and C(failures), as P(kube_ovn.dpdk.verify_report#filter) takes them.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import gather
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.full_read import series


def verify_full(plan, outputs, hosts, hostvars):
    readings = {host: hostvars[host].get("__verify_full_readings") or [] for host in hosts}
    samples = {host: [sample for one in listed for sample in one.get("samples") or []] for host, listed in readings.items()}
    failures = {
        host: one["msg"] for host, listed in readings.items() for one in listed if "samples" not in one and one.get("msg")
    }
    written = [gather.by_pod(registered) for registered in outputs]
    return {"series": series(plan, written, samples), "left_out": plan.get("left_out") or [], "failures": failures}


class FilterModule:
    def filters(self):
        return {"_verify_full": verify_full}
