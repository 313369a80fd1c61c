# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: preflight_report
short_description: Makes a report of findings
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Puts findings in order, errors first, and makes a table and one message of them.
positional: accept
options:
  _input:
    description: Findings of P(kube_ovn.dpdk.preflight_findings#filter).
    type: list
    elements: dict
    required: true
  accept:
    description: Ids of checks whose errors become warnings, also as text with commas between them. An id that no check has is an error.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Make a report
  ansible.builtin.set_fact:
    report: "{{ findings | kube_ovn.dpdk.preflight_report }}"
"""

RETURN = r"""
_value:
  description:
    - C(findings) in order, the numbers of C(errors) and C(warnings), the lines of C(table), and a C(message) that names every error with its cure.
  type: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._no_template import no_template
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book, readers


def preflight_report(findings, accept=()):
    accept = readers.names(accept)
    known = set(rule["id"] for rule in book.RULES)
    unknown = sorted(set(accept) - known)
    if unknown:
        raise AnsibleFilterError("preflight_report: there is no check %s; the checks are %s" % (", ".join(unknown), ", ".join(sorted(known))))
    # Findings quote what hosts and the cluster say, which is no template.
    return no_template(book.report(findings, accept))


class FilterModule(object):
    def filters(self):
        return {"preflight_report": preflight_report}
