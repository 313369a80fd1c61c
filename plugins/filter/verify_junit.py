# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: verify_junit
short_description: Writes the checks of a report as JUnit's XML
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - One test case for each check, for CI systems that show such files. Used by role C(verify).
options:
  _input:
    description: A report, as P(kube_ovn.dpdk.verify_report#filter) returned it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Write junit.xml
  ansible.builtin.copy:
    content: "{{ report | kube_ovn.dpdk.verify_junit }}"
    dest: junit.xml
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The XML.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.report import junit


def verify_junit(found):
    return junit(found)


class FilterModule:
    def filters(self):
        return {"verify_junit": verify_junit}
