# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_history
short_description: Adds a report to the history of runs
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(verify). Keeps the last 20 runs, the newest first. Used by role C(verify).
options:
  _input:
    description: A report, as P(kube_ovn.dpdk.verify_report#filter) returned it.
    type: dict
    required: true
  text:
    description: The content of C(history.json). A missing or damaged one begins again.
    type: str
"""

EXAMPLES = r"""
- name: Write the history
  ansible.builtin.copy:
    content: "{{ report | kube_ovn.dpdk._verify_history(lookup('ansible.builtin.file', 'history.json')) | to_nice_json }}"
    dest: history.json
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The runs, each with C(time), C(result), C(nodes), C(ports), C(rx_pps), C(dropped) and C(failed).
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.page import remember


def verify_history(report, text=None):
    return remember(report, text)


class FilterModule:
    def filters(self):
        return {"_verify_history": verify_history}
