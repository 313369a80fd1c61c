# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_adopted_variables
short_description: Reads the installer variables that a running Kube-OVN was made with
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares what runs with what was rendered, so that a deployment keeps settings that the inventory does not change.
positional: found, asked
options:
  _input:
    description: What M(kube_ovn.dpdk.kube_ovn_manifests) returned.
    type: dict
    required: true
  found:
    description: The objects of the cluster that role C(kube_ovn) has read, of them C(daemonsets), C(deployments) and C(nodes).
    type: dict
    required: true
  asked:
    description: Installer variables that are set already.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the settings to keep
  ansible.builtin.debug:
    msg: "{{ rendered | kube_ovn.dpdk._kube_ovn_adopted_variables(cluster.objects, {'SVC_CIDR': '10.96.0.0/12'}) }}"
"""

RETURN = r"""
_value:
  description: Variables of the installer by name.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_adoption


class FilterModule:
    def filters(self):
        return {"_kube_ovn_adopted_variables": _kube_ovn_adoption.adopted_variables}
