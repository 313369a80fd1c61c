# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: preflight_cluster_facts
short_description: Combines what is known of the cluster and its hosts
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Turns answers of the Kubernetes API and the facts of the hosts into what P(kube_ovn.dpdk.preflight_findings#filter) judges with scope V(cluster).
positional: groups, hostvars, settings
options:
  _input:
    description: >-
      C(version), C(nodes), C(daemonsets), C(pods) and C(namespaces) as the API returned them, or C(error), the reason why it did not; and in C(images) what
      M(kube_ovn.dpdk.registry_images_info) returned.
    type: dict
    required: true
  groups:
    description: Names of the hosts of each group; V(nodes) and V(build) are looked at.
    type: dict
    required: true
  hostvars:
    description: Variables of all hosts; C(preflight_host), C(preflight_settings) and C(preflight_unexamined) are looked at.
    type: dict
    required: true
  settings:
    description: Variables of the roles by name on the host that talks to the API.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Judge the cluster
  ansible.builtin.set_fact:
    findings: >-
      {{ {'version': 'v1.24.17', 'nodes': nodes.resources, 'daemonsets': [], 'pods': []} | kube_ovn.dpdk.preflight_cluster_facts(groups, hostvars)
         | kube_ovn.dpdk.preflight_findings(settings, 'cluster', 'cluster') }}
"""

RETURN = r"""
_value:
  description: What is known of the cluster.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book


class FilterModule(object):
    def filters(self):
        return {"preflight_cluster_facts": book.cluster_facts}
