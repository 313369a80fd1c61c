# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: testpmd_stats
short_description: Reads the counters out of what testpmd wrote
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Reads the statistics of ports and of forwarding, and the packets that testpmd printed, of DPDK 19.11 and newer.
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
    - C(ports) holds packets, bytes and drops by port number. C(segments) has one item for each C(set fwd), with the packets that were printed
      and the readings of the rates.
    - C(version) is DPDK's, C(status) the exit status, both null where they were not printed. C(causes) are known reasons of failure with their cure.
  type: dict
  sample:
    ports:
      "0": {rx_packets: 272704, tx_packets: 273536, rx_bytes: 17453056, tx_bytes: 17506304, dropped: 0}
    segments: []
    version: DPDK 22.11.11
    status: 0
    causes: []
    last_lines: [Bye...]
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.parse import parse_testpmd


def testpmd_stats(text):
    return parse_testpmd(str(text))


class FilterModule:
    def filters(self):
        return {"testpmd_stats": testpmd_stats}
