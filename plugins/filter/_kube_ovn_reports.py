# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_reports
short_description: Reports what a user has to know before a deployment of Kube-OVN
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Reports an upgrade, settings that are kept, and nodes that are not in the group any more.
positional: running, adopted, unlisted
options:
  _input:
    description: Variables of the role by name, as P(kube_ovn.dpdk.role_settings#lookup) returns them.
    type: dict
    required: true
  running:
    description: The release that runs, as P(kube_ovn.dpdk._kube_ovn_cluster_facts#filter) found it.
    type: str
    required: true
  adopted:
    description: Variables of the installer that are kept, by name.
    type: dict
    required: true
  unlisted:
    description: Names of nodes that are labelled for OVS-DPDK and are not hosts of the group C(nodes).
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Report the settings that are kept
  ansible.builtin.debug:
    msg: "{{ lookup('kube_ovn.dpdk.role_settings', 'kube_ovn') | kube_ovn.dpdk._kube_ovn_reports('v1.12.35', {'IFACE': 'bond1'}, []) | join('\n') }}"
"""

RETURN = r"""
_value:
  description: One message for each.
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_reports": _kube_ovn_values.reports}
