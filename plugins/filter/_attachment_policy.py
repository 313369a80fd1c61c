# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _attachment_policy
short_description: Makes the admission policy for the sockets of Open vSwitch
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Makes a ValidatingAdmissionPolicy and its binding, which keep pods to their own part of the directory of all pods.
positional: version, exempt
options:
  _input:
    description: Directory of all pods, below the run directory of Open vSwitch.
    type: str
    required: true
  version:
    description: API version of the policy.
    type: str
    required: true
  exempt:
    description: Namespaces in which the policy does not hold.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
- name: Show the policy
  ansible.builtin.debug:
    msg: "{{ '/run/openvswitch/pods' | kube_ovn.dpdk._attachment_policy('admissionregistration.k8s.io/v1', ['kube-system']) }}"
"""

RETURN = r"""
_value:
  description: Both objects.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments


class FilterModule:
    def filters(self):
        return {"_attachment_policy": attachments.policy}
