# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _ovs_dpdk_image_plan
short_description: Works out how role ovs_dpdk_image gets the image
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Fills in what the settings leave open from the tables of releases and bases.
options:
  _input:
    description: Variables of role ovs_dpdk_image by name, as P(kube_ovn.dpdk.role_settings#lookup) returns them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the base that the image is built on
  ansible.builtin.debug:
    msg: "{{ (lookup('kube_ovn.dpdk.role_settings', 'ovs_dpdk_image') | kube_ovn.dpdk._ovs_dpdk_image_plan).base }}"
"""

RETURN = r"""
_value:
  description: C(source), C(image), C(base), C(ovn), C(release_image), C(scripts), C(script) and C(versions).
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _ovs_dpdk_image


class FilterModule:
    def filters(self):
        return {"_ovs_dpdk_image_plan": _ovs_dpdk_image.plan}
