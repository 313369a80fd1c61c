# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: preflight_images
short_description: Tells which images are not on every node
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Works out from the variables of the roles which images of Kube-OVN, OVS-DPDK and Multus are needed, and leaves out those that every node has.
positional: api
options:
  _input:
    description: Variables of the roles by name.
    type: dict
    required: true
  api:
    description: The Node objects of the cluster in C(nodes).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Work out which images a registry has to offer
  ansible.builtin.set_fact:
    wanted: "{{ {'kube_ovn_version': 'v1.12.35'} | kube_ovn.dpdk.preflight_images({'nodes': nodes.resources}) }}"
"""

RETURN = r"""
_value:
  description: Full names of the images.
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import preflight


class FilterModule(object):
    def filters(self):
        return {"preflight_images": preflight.images_to_ask_for}
