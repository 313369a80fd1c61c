# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_adoption
short_description: Reports what a deployment changes in a Kube-OVN that another tool installed
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares flags, environment, replicas, node selectors and host paths of the workloads that are not those of Open vSwitch.
positional: current, asked, overlays, same_release
options:
  _input:
    description: What M(kube_ovn.dpdk.kube_ovn_manifests) returned.
    type: dict
    required: true
  current:
    description: The DaemonSets and Deployments of the namespace C(kube-system).
    type: list
    elements: dict
    required: true
  asked:
    description: Installer variables that are asked for.
    type: dict
    required: true
  overlays:
    description: Overlays that are asked for.
    type: list
    elements: dict
    default: []
  same_release:
    description: Whether the same release runs.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Show the changes
  ansible.builtin.debug:
    msg: "{{ rendered | kube_ovn.dpdk._kube_ovn_adoption(workloads, {}) }}"
"""

RETURN = r"""
_value:
  description: C(changes), one clause each, and C(managers), each with its C(name) and the C(objects) that it manages.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_adoption


class FilterModule:
    def filters(self):
        return {"_kube_ovn_adoption": _kube_ovn_adoption.adoption}
