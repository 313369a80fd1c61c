# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: testpmd_command
short_description: Makes testpmd's command line for a pod
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - One virtio-user device for each port, interactive, on CPUs that no PMD thread of the node uses where there are such.
  - Fits testpmd of DPDK 19.11 and newer. Used by role C(verify).
options:
  _input:
    description: One pod of what P(kube_ovn.dpdk.verify_plan#filter) returned.
    type: dict
    required: true
  probe:
    description: What the role's script told of the pod.
    type: str
    required: true
  pmd_mask:
    description: C(pmd-cpu-mask) of the pod's node.
    type: str
    default: ""
  cores:
    description: The CPUs to use, instead of those found.
    type: list
    elements: int
    default: []
  forward_mode:
    description: testpmd's forward mode.
    type: str
    default: mac
  mbufs:
    description: Number of packet buffers.
    type: int
    default: 4096
  extra_arguments:
    description: More arguments of testpmd itself.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Show the command line
  ansible.builtin.debug:
    msg: "{{ plan[0] | kube_ovn.dpdk.testpmd_command(probe.stdout) | join(' ') }}"
"""

RETURN = r"""
_value:
  description: The command and its arguments.
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.verify import command, parse_probe


def testpmd_command(pod, probe, pmd_mask="", cores=(), forward_mode="mac", mbufs=4096, extra_arguments=()):
    settings = {"cores": list(cores), "forward_mode": forward_mode, "mbufs": int(mbufs), "extra_arguments": list(extra_arguments)}
    return command(pod, parse_probe(probe), pmd_mask, settings)


class FilterModule(object):
    def filters(self):
        return {"testpmd_command": testpmd_command}
