# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_adoption_errors
short_description: Reports what a deployment would change in a Kube-OVN that another tool installed
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares flags, environment, replicas, node selectors and host paths of the workloads that are not those of Open vSwitch.
positional: found, asked, overlays, version
options:
  _input:
    description: What M(kube_ovn.dpdk.kube_ovn_manifests) returned.
    type: dict
    required: true
  found:
    description: The objects of the cluster that role C(kube_ovn) has read, of them C(daemonsets), C(deployments) and C(pods).
    type: dict
    required: true
  asked:
    description: Installer variables that are asked for.
    type: dict
    required: true
  overlays:
    description: Overlays that are asked for.
    type: list
    elements: dict
    required: true
  version:
    description: The release to deploy.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the changes
  ansible.builtin.debug:
    msg: "{{ rendered | kube_ovn.dpdk._kube_ovn_adoption_errors(cluster.objects, {}, [], 'v1.12.35') }}"
"""

RETURN = r"""
_value:
  description: One error with all changes; none where nothing else changes, or where this collection has deployed Kube-OVN.
  type: list
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_adoption


class FilterModule:
    def filters(self):
        return {"_kube_ovn_adoption_errors": _kube_ovn_adoption.adoption_errors}
