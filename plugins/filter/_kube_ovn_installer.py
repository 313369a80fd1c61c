# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _kube_ovn_installer
short_description: Selects the installer of a release
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Newer installers do not fit Kubernetes before 1.16.
positional: kubernetes
options:
  _input:
    description: Variables of the role by name, as P(kube_ovn.dpdk.role_settings#lookup) returns them.
    type: dict
    required: true
  kubernetes:
    description: Version of Kubernetes, such as V(v1.24.17).
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the installer
  ansible.builtin.debug:
    msg: "{{ lookup('kube_ovn.dpdk.role_settings', 'kube_ovn') | kube_ovn.dpdk._kube_ovn_installer('v1.24.17') }}"
"""

RETURN = r"""
_value:
  description: Its C(name), its C(place) (URL or path), whether that is a C(url), and the C(checksum) that it must have; empty where none is known.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values


class FilterModule:
    def filters(self):
        return {"_kube_ovn_installer": _kube_ovn_values.installer}
