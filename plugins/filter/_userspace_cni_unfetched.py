# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _userspace_cni_unfetched
short_description: Finds what the controller does not have from the build host yet
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares the plugin and the launcher on the build host with the files in a directory of the controller.
positional: paths, files, directory
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
  files:
    description: The files that M(kube_ovn.dpdk.userspace_cni_info) returned.
    type: list
    elements: dict
    required: true
  directory:
    description: Directory of the controller.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Show what is to be fetched
  ansible.builtin.debug:
    msg: "{{ artifacts | kube_ovn.dpdk._userspace_cni_unfetched(host.paths, host.files, '/srv/artifacts') }}"
"""

RETURN = r"""
_value:
  description: Those of the input that are missing or different.
  type: list
  elements: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _userspace_cni


class FilterModule:
    def filters(self):
        return {"_userspace_cni_unfetched": _userspace_cni.unfetched}
