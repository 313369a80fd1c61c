# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: preflight_images
short_description: Names the images that are not on every node that needs them
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Works out from the variables of the roles which images of Kube-OVN, OVS-DPDK and Multus are needed. Those that all their nodes have are left out.
positional: api, hosts, hostvars
options:
  _input:
    description: Variables of the roles by name.
    type: dict
    required: true
  api:
    description: The C(version) of Kubernetes and the Node objects in C(nodes).
    type: dict
    required: true
  hosts:
    description: The hosts that run OVS-DPDK; by default every node does.
    type: list
    elements: str
  hostvars:
    description: Variables of all hosts; C(preflight_inputs) is looked at.
    type: dict
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

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book


class FilterModule(object):
    def filters(self):
        return {"preflight_images": book.images_to_ask_for}
