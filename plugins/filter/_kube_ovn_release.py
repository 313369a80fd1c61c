# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
name: _kube_ovn_release
short_description: Finds the release of Kube-OVN that has run in a cluster
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
  - Finds the newest release that a container of Kube-OVN was started with. An image that could not be pulled wrote nothing into the databases, so that
    an older release may follow it.
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
- name: Find the release that runs
  ansible.builtin.set_fact:
    release: "{{ pods.resources | kube_ovn.dpdk._kube_ovn_release }}"  # => v1.12.35
"""

RETURN = r"""
_value:
  description: The release; empty where there is none, or where its images have other tags.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn


class FilterModule(object):
    def filters(self):
        return {"_kube_ovn_release": _kube_ovn.release}
