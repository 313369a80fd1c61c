# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verify_report
short_description: Judges a run of the traffic proof
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Compares the counters of pods and Open vSwitch, follows every port's own packets, and looks for the known reasons why a port shows no error
    and passes nothing.
  - Used by role C(verify), whose documentation describes the report.
options:
  _input:
    description:
      - What was read. C(pods) as P(kube_ovn.dpdk.verify_plan#filter) returned them, each with C(probe) and C(output) as text.
      - C(nodes) by inventory name, each with C(before) and C(after) (what M(kube_ovn.dpdk.ovs_info) returned), C(datapath) with C(before), C(load),
        C(loaded) and C(after) (what M(kube_ovn.dpdk.ovs_datapath_info) returned), C(log) and C(kubernetes_node).
    type: dict
    required: true
  settings:
    description:
      - C(tolerance), C(max_drop_ratio), C(max_throttled), C(min_packets), C(between_pods), C(exclude_nodes), C(namespace), C(duration), C(time),
        C(profile) and C(stand_ins). Each may be left out.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Make the report
  ansible.builtin.set_fact:
    report: "{{ readings | kube_ovn.dpdk.verify_report(settings) }}"
"""

RETURN = r"""
_value:
  description: The report, as it is written to C(report.json).
  type: dict
  sample:
    result: pass
    stand_ins: []
    nodes: {}
    traffic: []
    checks: []
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._no_template import no_template
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.report import report


def verify_report(read, settings):
    # The report quotes what pods and nodes say, which is no template: before 2.19 ansible-core would take it for one in a fact.
    return no_template(report(read, settings))


class FilterModule:
    def filters(self):
        return {"verify_report": verify_report}
