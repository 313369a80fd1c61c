# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: role_settings
short_description: Collects the variables of roles of this collection
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Returns the values that the variables named by the argument specifications of these roles have for this host, whether a value comes from the
    inventory or from the defaults of a role. A variable that is not defined is left out.
options:
  _terms:
    description: Names of roles; all roles where there is none.
    type: list
    elements: str
    required: false
  detailed:
    description:
      - Returns C(settings), the dictionary of variables, together with C(failed), the reasons why variables could not be evaluated, by name,
        and C(names), the names of all variables of the host that begin with the name of a role.
      - Beside them C(forks), on how many hosts Ansible runs at a time, and C(hosts), the number of hosts of group C(nodes).
      - Otherwise a variable that cannot be evaluated is an error.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show the settings of role multus
  ansible.builtin.debug:
    msg: "{{ lookup('kube_ovn.dpdk.role_settings', 'multus') }}"
"""

RETURN = r"""
_raw:
  description: One dictionary, of the variables by name or as O(detailed) says.
  type: list
  elements: dict
"""

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import settings


class LookupModule(LookupBase):
    def run(self, terms, variables=None, **kwargs):
        self.set_options(var_options=variables, direct=kwargs)
        given = dict(variables or {})
        if self.get_option("detailed"):
            return [settings.detailed(self._templar, given, terms)]
        values, failed = settings.collect(self._templar, given, terms)
        if failed:
            raise AnsibleError("; ".join("%s cannot be evaluated: %s" % item for item in sorted(failed.items())))
        return [values]
