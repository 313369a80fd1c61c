# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _preflight_names
short_description: Names the images that the container runtime of a node is asked for
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(preflight).
  - Works out from the variables of the roles which images pods on the hosts of group C(nodes) will use. Those that the run builds are left out.
positional: kubernetes
options:
  _input:
    description: Variables of the roles by name.
    type: dict
    required: true
  kubernetes:
    description: Version of Kubernetes; an empty text where it is not known.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Look for images in the container runtime
  kube_ovn.dpdk.node_image_info:
    names: "{{ lookup('kube_ovn.dpdk.role_settings') | kube_ovn.dpdk._preflight_names('v1.24.17') }}"
"""

RETURN = r"""
_value:
  description: Full names of the images.
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book


class FilterModule:
    def filters(self):
        return {"_preflight_names": book.names_to_look_up}
