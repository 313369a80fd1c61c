# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: testpmd_stats
short_description: Reads the counters out of what testpmd wrote
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Reads the statistics of ports and of forwarding, of DPDK 19.11 and newer, interactive or not.
  - For each port the last counters count, and the highest of the rates shown.
options:
  _input:
    description: What testpmd wrote.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Fail when a port received nothing
  ansible.builtin.assert:
    that: (testpmd.stdout | kube_ovn.dpdk.testpmd_stats).ports.values() | map(attribute='rx_packets') | min > 0
"""

RETURN = r"""
_value:
  description:
    - C(ports) holds packets, packets a second and drops by port number.
    - C(version) is DPDK's, C(status) the exit status, both null where it was not told. C(causes) are known reasons of failure with their cure.
  type: dict
  sample:
    ports:
      "0": {rx_packets: 272704, tx_packets: 273536, rx_pps: 31116, tx_pps: 31204, dropped: 0}
    version: DPDK 22.11.11
    status: 0
    causes: []
    last_lines: [Bye...]
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.verify import parse_testpmd


def testpmd_stats(text):
    return parse_testpmd(str(text))


class FilterModule(object):
    def filters(self):
        return {"testpmd_stats": testpmd_stats}
