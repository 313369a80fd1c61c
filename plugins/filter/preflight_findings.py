# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: preflight_findings
short_description: Judges what was read from hosts and cluster
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Applies all rules of a scope to what was read, together with the variables of the roles, and returns the findings.
  - A rule reports nothing where its input is not given.
positional: settings, scope, host
options:
  _input:
    description:
      - For scope V(node) the value RV(kube_ovn.dpdk.preflight_info#module:host), for V(inventory) a dictionary with the groups in C(inventory).
    type: dict
    required: true
  settings:
    description: Variables of the roles by name; an empty text is a variable that is not defined.
    type: dict
    required: true
  scope:
    description: What is judged.
    type: str
    choices: [inventory, settings, node, cluster]
    default: node
  host:
    description: Name that the findings get.
    type: str
    default: ''
seealso:
  - module: kube_ovn.dpdk.preflight_info
  - plugin: kube_ovn.dpdk.preflight_report
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Judge a host
  ansible.builtin.set_fact:
    findings: "{{ read.host | kube_ovn.dpdk.preflight_findings({'hugepages_pages': [{'size': '1G', 'count': 4}]}, 'node', inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: The findings, each with C(id), C(severity) (V(error) or V(warning)), C(host), C(found) and C(cure).
  type: list
  elements: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book


def preflight_findings(facts, settings, scope="node", host=""):
    if scope not in book.SCOPES:
        raise AnsibleFilterError("preflight_findings: scope is %r, not one of %s" % (scope, ", ".join(book.SCOPES)))
    return book.findings(facts, settings, scope, host)


class FilterModule(object):
    def filters(self):
        return {"preflight_findings": preflight_findings}
