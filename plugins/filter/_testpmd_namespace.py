# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _testpmd_namespace
short_description: Says why a namespace does not admit the testpmd pods
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(dpdk_app). Pod Security at level C(baseline) forbids hostPath volumes, and C(restricted) forbids containers of root too.
options:
  _input:
    description: The namespace as the API returned it, in a list, or an empty list.
    type: list
    elements: dict
    required: true
  name:
    description: Its name.
    type: str
    required: true
  pods:
    description: The pods as rendered.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Fail when the pods are not admitted
  ansible.builtin.fail:
    msg: "{{ problem }}"
  when: problem | length > 0
  vars:
    problem: "{{ found.resources | kube_ovn.dpdk._testpmd_namespace('default', pods) }}"
"""

RETURN = r"""
_value:
  description: A message with the cure, or an empty text.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._testpmd_pods import namespace_problem


def testpmd_namespace(found, name, pods):
    return namespace_problem(list(found or []), str(name), list(pods or []))


class FilterModule:
    def filters(self):
        return {"_testpmd_namespace": testpmd_namespace}
