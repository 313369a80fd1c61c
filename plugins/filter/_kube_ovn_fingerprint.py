# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_fingerprint
short_description: Computes a hash of all that a deployment of Kube-OVN is checked with
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - With the same hash a check that was made before in the same run has the same result.
positional: settings, own
options:
  _input:
    description: What role C(kube_ovn) has read of the cluster with M(kube_ovn.dpdk.k8s_objects_info).
    type: dict
    required: true
  settings:
    description: Variables of the role by name.
    type: dict
    required: true
  own:
    description: What P(kube_ovn.dpdk._kube_ovn_hosts#filter) returned.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the hash
  ansible.builtin.debug:
    msg: "{{ cluster | kube_ovn.dpdk._kube_ovn_fingerprint(settings, hosts) }}"
"""

RETURN = r"""
_value:
  description: SHA-256 in hexadecimal digits.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_fingerprint": _kube_ovn_values.fingerprint}
