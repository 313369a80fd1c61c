# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_cluster_facts
short_description: Collects what rules of the cluster look at
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Turns what the API returned into facts for P(kube_ovn.dpdk._setting_errors#filter).
positional: own
options:
  _input:
    description: The C(version) of Kubernetes and the C(objects) of the cluster, as role C(kube_ovn) has read them with M(kube_ovn.dpdk.k8s_objects_info).
    type: dict
    required: true
  own:
    description: What P(kube_ovn.dpdk._kube_ovn_hosts#filter) returned.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the facts
  ansible.builtin.debug:
    msg: "{{ cluster | kube_ovn.dpdk._kube_ovn_cluster_facts(hosts) }}"
"""

RETURN = r"""
_value:
  description: Facts by name.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_cluster_facts": _kube_ovn_values.cluster_facts}
