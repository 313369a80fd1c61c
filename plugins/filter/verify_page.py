# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verify_page
short_description: Draws the page of a report
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - One self-contained HTML file with the verdict, the path of the packets and their rates as drawings. It loads nothing. Used by role C(verify).
options:
  _input:
    description: A report, as P(kube_ovn.dpdk.verify_report#filter) returned it.
    type: dict
    required: true
  history:
    description: The last runs, as P(kube_ovn.dpdk._verify_history#filter) returned them.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Write the page
  ansible.builtin.copy:
    content: "{{ report | kube_ovn.dpdk.verify_page }}"
    dest: report.html
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The HTML.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.page import page


def verify_page(report, history=()):
    return page(report, list(history))


class FilterModule:
    def filters(self):
        return {"verify_page": verify_page}
