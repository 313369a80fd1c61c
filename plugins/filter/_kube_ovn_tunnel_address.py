# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: _kube_ovn_tunnel_address
short_description: Reads the tunnel address from an address with its prefix length
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Writes the address the way OVN does, so that the two can be compared.
options:
  _input:
    description: An IPv4 or IPv6 address with its prefix.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: The address that other nodes tunnel to
  ansible.builtin.set_fact:
    address: "{{ 'FD00:0::1/64' | kube_ovn.dpdk._kube_ovn_tunnel_address }}"  # => fd00::1
"""

RETURN = r"""
_value:
  description: The address; empty where there is none, or where its prefix is missing or leaves no room for another address.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn


class FilterModule(object):
    def filters(self):
        return {"_kube_ovn_tunnel_address": _kube_ovn.tunnel_address}
