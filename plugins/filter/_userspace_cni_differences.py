# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _userspace_cni_differences
short_description: Compares the installation of Userspace CNI on a node with what is wanted
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares directories, links, files and the timer of a node with what they have to be. Programs are read from the controller.
positional: wanted
options:
  _input:
    description: What M(kube_ovn.dpdk.userspace_cni_info) returned for the node.
    type: dict
    required: true
  wanted:
    description:
      - What the node has to have. C(directories) are paths, C(links) have C(path) and C(src), C(texts) are SHA-1 by path, C(files) are files of the
        controller by path, C(absent) are paths, and C(timer) says whether the timer runs.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what would be written
  ansible.builtin.debug:
    msg: "{{ node | kube_ovn.dpdk._userspace_cni_differences(wanted) }}"
"""

RETURN = r"""
_value:
  description: Paths that differ, and C(timer).
  type: list
  elements: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _userspace_cni


class FilterModule:
    def filters(self):
        return {"_userspace_cni_differences": _userspace_cni.differences}
