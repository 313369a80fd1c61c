# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _attachment_plan
short_description: Plans what role network_attachments does in the cluster
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Compares objects of the cluster with the variables of the role.
positional: settings, account, passed_over
options:
  _input:
    description: Result of module M(kube_ovn.dpdk.k8s_objects_info).
    type: dict
    required: true
  settings:
    description: Variables of the role.
    type: dict
    required: true
  account:
    description: Objects of the plugin's account.
    type: list
    elements: dict
    required: true
  passed_over:
    description: Value of the label C(app.kubernetes.io/part-of) of pods that do not count as users of attachments.
    type: str
"""

EXAMPLES = r"""
- name: Show what would be removed
  ansible.builtin.debug:
    msg: "{{ (cluster | kube_ovn.dpdk._attachment_plan(settings, account)).remove }}"
"""

RETURN = r"""
_value:
  description:
    - C(errors), messages; objects to C(remove) and to C(apply), C(token), the Secret to apply, and C(accounts), objects of accounts that are not used any
      more; C(own), whether the plugin has an account, C(data), that of its Secret, and C(server), the address of the API.
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments


class FilterModule:
    def filters(self):
        return {"_attachment_plan": attachments.plan}
