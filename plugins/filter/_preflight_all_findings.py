# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _preflight_all_findings
short_description: Judges everything that role preflight has read
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(preflight).
  - Applies the rules to the settings and facts of every host and to the answers of the Kubernetes API, as the role has left them in variables of the hosts.
  - Rules are loaded once for all hosts, in one process.
positional: groups
options:
  _input:
    description: Variables of all hosts.
    type: dict
    required: true
  groups:
    description: Names of the hosts of groups C(nodes), C(build) and C(cluster).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Compile the report
  ansible.builtin.set_fact:
    preflight_report: "{{ hostvars | kube_ovn.dpdk._preflight_all_findings(groups) | kube_ovn.dpdk.preflight_report }}"
"""

RETURN = r"""
_value:
  description: The findings, as P(kube_ovn.dpdk.preflight_findings#filter) returns them.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book


class FilterModule:
    def filters(self):
        return {"_preflight_all_findings": book.all_findings}
