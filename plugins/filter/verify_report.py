# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: verify_report
short_description: Compares what pods and Open vSwitch counted, and makes the report
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Compares the counters of both sides and looks for the known reasons why a port shows no error and passes nothing.
  - Used by role C(verify), whose documentation describes the report.
options:
  _input:
    description:
      - What was read. C(pods) as P(kube_ovn.dpdk.verify_plan#filter) returned them, each with C(probe) and C(output) as text.
      - C(nodes) by inventory name, each with C(before), C(after) (what M(kube_ovn.dpdk.ovs_info) returned), C(switch_before), C(switch_after)
        (what the role's script wrote), C(log) and C(ovs_started).
    type: dict
    required: true
  settings:
    description: C(tolerance), C(max_drop_ratio), C(max_throttled), C(duration), C(time) and C(stand_ins).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Make the report
  ansible.builtin.set_fact:
    report: "{{ {'pods': pods, 'nodes': nodes} | kube_ovn.dpdk.verify_report(settings) }}"
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

from datetime import datetime, timezone

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.verify import parse_probe, parse_switch, parse_testpmd, report


def epoch(text):
    if not text:
        return None
    return datetime.strptime(str(text), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp()


def verify_report(read, settings):
    pods = []
    for pod in read["pods"]:
        parsed = {"probe": parse_probe(pod.get("probe") or ""), "testpmd": parse_testpmd(pod.get("output") or ""), "started_epoch": epoch(pod.get("started"))}
        pods.append(dict(pod, **parsed))
    nodes = dict(
        (name, dict(node, switch_before=parse_switch(node.get("switch_before") or ""), switch_after=parse_switch(node.get("switch_after") or "")))
        for name, node in read["nodes"].items()
    )
    return report(pods, nodes, settings)


class FilterModule(object):
    def filters(self):
        return {"verify_report": verify_report}
