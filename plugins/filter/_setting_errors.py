# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _setting_errors
short_description: Judges the settings of a role by the rules of preflight
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Applies the rules of a role to its settings and returns what the role refuses. Preflight reports the same rules for all roles before a host is touched.
  - A rule reports nothing where its input is not given. Warnings are left to preflight.
positional: role, scope, facts
options:
  _input:
    description: Variables of the role by name, as P(kube_ovn.dpdk.role_settings#lookup) returns them.
    type: dict
    required: true
  role:
    description: Name of the role, which is that of its file of rules.
    type: str
    required: true
  scope:
    description: The rules to apply. V(settings) are those that need no facts.
    type: str
    choices: [inventory, settings, node, build, cluster]
    default: settings
  facts:
    description: What rules of the scopes V(node), V(build) and V(cluster) look at; what is left out is not judged.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Validate the settings
  ansible.builtin.assert:
    that: errors | length == 0
    fail_msg: "{{ errors | join('\n') }}"
    quiet: true
  vars:
    errors: "{{ lookup('kube_ovn.dpdk.role_settings', 'multus') | kube_ovn.dpdk._setting_errors('multus') }}"
"""

RETURN = r"""
_value:
  description: One message for each error, with its cure.
  type: list
  elements: str
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import engine


def setting_errors(settings, role, scope="settings", facts=None):
    if role not in engine.FILES:
        raise AnsibleFilterError("_setting_errors: there are no rules of role %r; there are rules of %s" % (role, ", ".join(engine.FILES)))
    if scope not in engine.SCOPES:
        raise AnsibleFilterError("_setting_errors: scope is %r, not one of %s" % (scope, ", ".join(engine.SCOPES)))
    engine.load(role)
    return engine.errors(settings, role, scope, facts)


class FilterModule:
    def filters(self):
        return {"_setting_errors": setting_errors}
