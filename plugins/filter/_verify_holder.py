# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _verify_holder
short_description: Names this run as the holder of a lock
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(verify). Adds to a name which process of which controller the run is, so that a later run there can find out whether it has died.
  - Each call returns another name.
options:
  _input:
    description: Who runs it, for people.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Keep the name of this run
  ansible.builtin.set_fact:
    holder: "{{ 'operator@controller' | kube_ovn.dpdk._verify_holder }}"
"""

RETURN = r"""
_value:
  description: The name.
  type: str
  sample: "operator@controller (process 4711 of 0123456789abcdef0123456789abcdef, begun at 815, run 0123456789abcdef)"
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.run import holder


def verify_holder(name):
    return holder(str(name))


class FilterModule:
    def filters(self):
        return {"_verify_holder": verify_holder}
