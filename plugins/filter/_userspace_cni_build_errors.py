# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _userspace_cni_build_errors
short_description: Finds why Userspace CNI cannot be built
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares files that are given instead of a build with their checksums, and looks for the definitions of VPP's API where they are needed.
positional: paths, definitions, settings, host
options:
  _input:
    description: What the nodes get, each with C(name), C(path), and C(given) and C(checksum) of a file that is given instead of a build.
    type: list
    elements: dict
    required: true
  paths:
    description: The paths that M(kube_ovn.dpdk.userspace_cni_info) returned.
    type: dict
    required: true
  definitions:
    description: Files with the definitions of VPP's API.
    type: list
    elements: dict
    required: true
  settings:
    description: Variables of the role.
    type: dict
    required: true
  host:
    description: Name of the build host.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show why the plugin cannot be built
  ansible.builtin.debug:
    msg: "{{ artifacts | kube_ovn.dpdk._userspace_cni_build_errors(host.paths, [], settings, inventory_hostname) }}"
"""

RETURN = r"""
_value:
  description: One message for each error.
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _userspace_cni


class FilterModule:
    def filters(self):
        return {"_userspace_cni_build_errors": _userspace_cni.build_errors}
