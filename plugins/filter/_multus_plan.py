# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _multus_plan
short_description: Plans what role multus does in the cluster
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares the objects of the role, and the CNI directories of the nodes, with what has to be there.
positional: wanted, configurations, settings, check_mode
options:
  _input:
    description: Objects of the cluster by kind, as module M(kube_ovn.dpdk.k8s_objects_info) returns them.
    type: dict
    required: true
  wanted:
    description: Objects of the role.
    type: list
    elements: dict
    required: true
  configurations:
    description: Results of module M(ansible.builtin.find) by node, with the files of the CNI directory.
    type: list
    elements: dict
    required: true
  settings:
    description: Variables of the role.
    type: dict
    required: true
  check_mode:
    description: Whether a missing configuration of the default network is no error.
    type: bool
"""

EXAMPLES = r"""
- name: Show why Multus cannot be deployed
  ansible.builtin.debug:
    msg: "{{ (cluster.objects | kube_ovn.dpdk._multus_plan(wanted, found.results, settings)).errors }}"
"""

RETURN = r"""
_value:
  description:
    - C(errors), messages; C(managed), each other Multus that another tool manages, as C(NAMESPACE/NAME); C(replace), the objects to delete of each other
      one; C(apply), the objects that an apply would change; C(wait), whether the DaemonSet is not rolled out, or will not be after the apply.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _multus


class FilterModule:
    def filters(self):
        return {"_multus_plan": _multus.plan}
