# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _host_reboot_other_machine
short_description: Finds a node that is another machine than the host
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Compares what the kubelet of a node reports about its machine with the host that is to be rebooted.
  - PRIVATE to this collection.
positional: identity
options:
  _input:
    description: A Node object.
    type: dict
    required: true
  identity:
    description: The contents of C(/etc/machine-id) and C(/proc/sys/kernel/random/boot_id) of the host, a line each.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Fail when the node is another machine
  ansible.builtin.assert:
    that: not (node | kube_ovn.dpdk._host_reboot_other_machine(identity.stdout))
"""

RETURN = r"""
_value:
  description:
    - Whether both differ; V(false) where one of them is not known.
  type: bool
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot


class FilterModule:
    def filters(self):
        return {"_host_reboot_other_machine": host_reboot.other_machine}
