# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_errors
short_description: Judges whether the traffic proof can run in a play
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(verify). Adds to the errors of its settings what only the play shows.
positional: groups, hosts, profile, forks, namespace
options:
  _input:
    description: The errors of the settings, as P(kube_ovn.dpdk._setting_errors#filter) returned them.
    type: list
    elements: str
    required: true
  groups:
    description: The groups of the inventory with their hosts.
    type: dict
    required: true
  hosts:
    description: The hosts of the play.
    type: list
    elements: str
    required: true
  profile:
    description: The profile of the proof.
    type: str
    required: true
  forks:
    description: How many hosts Ansible runs a task on at the same time.
    type: int
    required: true
  namespace:
    description: The namespace of the pods.
    type: str
    required: true
  namespaces:
    description: The namespaces of that name in the cluster; null where they were not read.
    type: list
    elements: dict
"""

EXAMPLES = r"""
- name: Validate who takes part
  ansible.builtin.assert:
    that: errors | length == 0
    fail_msg: "{{ errors | join('\n') }}"
    quiet: true
  vars:
    errors: "{{ [] | kube_ovn.dpdk._verify_errors(groups, ansible_play_hosts_all, 'quick', ansible_forks, 'default') }}"
"""

RETURN = r"""
_value:
  description: One message for each error, with its cure.
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.run import refusals


def verify_errors(errors, groups, hosts, profile, forks, namespace, namespaces=None):
    cluster, nodes = (list(groups.get(name) or []) for name in ("cluster", "nodes"))
    listed = None if namespaces is None else list(namespaces)
    return [*errors, *refusals(cluster, nodes, list(hosts), str(profile), int(forks), str(namespace), listed)]


class FilterModule:
    def filters(self):
        return {"_verify_errors": verify_errors}
