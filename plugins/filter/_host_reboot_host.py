# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _host_reboot_host
short_description: Reads what role host_reboot has found on a host
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Sorts the lines of the one command by which P(kube_ovn.dpdk.host_reboot#role) reads a host.
  - PRIVATE to this collection.
options:
  _input:
    description: Output of the command.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Check whether an interrupted run left the node cordoned
  ansible.builtin.debug:
    msg: "{{ (read.stdout | kube_ovn.dpdk._host_reboot_host).mark }}"
"""

RETURN = r"""
_value:
  description:
    - C(machine), the lines of C(/etc/machine-id) and of the kernel's C(boot_id), C(kubelet), whether a kubelet has pods on the host, and C(mark), the text that
      the role left when it cordoned the node, empty without one.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import host_reboot


class FilterModule:
    def filters(self):
        return {"_host_reboot_host": host_reboot.host}
