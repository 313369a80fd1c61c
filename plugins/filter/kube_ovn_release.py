# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: kube_ovn_release
short_description: Tells which release of Kube-OVN has run in a cluster
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Finds the newest release that a container of Kube-OVN was started with. An image that could not be had wrote nothing into the databases, so that
    there is a way back from it.
positional: workloads
options:
  _input:
    description: The pods of the namespace C(kube-system).
    type: list
    elements: dict
    required: true
  workloads:
    description: Its DaemonSets and Deployments, which count where no pod is left.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: See which release runs
  ansible.builtin.set_fact:
    release: "{{ pods.resources | kube_ovn.dpdk.kube_ovn_release }}"  # => v1.12.35
"""

RETURN = r"""
_value:
  description: The release; empty where there is none, or where its images have other tags.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import kube_ovn


class FilterModule(object):
    def filters(self):
        return {"kube_ovn_release": kube_ovn.release}
