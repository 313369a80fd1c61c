# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _host_reboot_refusal
short_description: Says why a host must not be drained and rebooted
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Judges what was read of a host and its node.
  - PRIVATE to this collection.
positional: found, about
options:
  _input:
    description: What P(kube_ovn.dpdk._host_reboot_node#filter) says of the node.
    type: dict
    required: true
  found:
    description: What P(kube_ovn.dpdk._host_reboot_host#filter) says of the host.
    type: dict
    required: true
  about:
    description:
      - Names for the message in C(host), C(node), C(delegate), C(kubeconfig) and C(nodes), the kubeconfig that was C(found), C(mode), and whether a reboot is
        C(due).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Fail when the node cannot be drained
  ansible.builtin.fail:
    msg: "{{ refusal }}"
  when: refusal | length > 0
  vars:
    refusal: "{{ node | kube_ovn.dpdk._host_reboot_refusal(host, about) }}"
"""

RETURN = r"""
_value:
  description: The message, empty where nothing is refused.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot


class FilterModule:
    def filters(self):
        return {"_host_reboot_refusal": host_reboot.refusal}
