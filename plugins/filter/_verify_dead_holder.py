# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_dead_holder
short_description: Names the holder of a lock whose run has died on this controller
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(verify). Checks whether the process of the controller that P(kube_ovn.dpdk._verify_holder#filter) named has ended.
  - What a run on another controller, in another container or of another user does is not known, and such a run is not taken for dead.
options:
  _input:
    description: The Lease as the API returned it, in a list, or an empty list.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show whose lock can be taken over
  ansible.builtin.debug:
    msg: "{{ leases | kube_ovn.dpdk._verify_dead_holder }}"
"""

RETURN = r"""
_value:
  description: The holder, or an empty text where there is none, or one that may be alive.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.run import dead_holder


def verify_dead_holder(leases):
    return dead_holder(list(leases or []))


class FilterModule:
    def filters(self):
        return {"_verify_dead_holder": verify_dead_holder}
