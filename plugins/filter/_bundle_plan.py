# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _bundle_plan
short_description: Works out what a bundle has to hold
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to the collection.
options:
  _input:
    description: Variables of all roles by name, as P(kube_ovn.dpdk.role_settings#lookup) returns them.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show which images are pulled
  ansible.builtin.debug:
    msg: "{{ (lookup('kube_ovn.dpdk.role_settings') | kube_ovn.dpdk._bundle_plan).pull }}"
"""

RETURN = r"""
_value:
  description: C(pull), C(built), C(installers), C(artifacts), C(packages) and C(errors).
  type: dict
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _bundle


def members(settings: dict, work: str) -> list[dict]:
    return _bundle.files(_bundle.plan(settings), work)


def archive_errors(settings: dict, work: str) -> list[str]:
    return _bundle.archive_errors(_bundle.plan(settings), work)


def site_variables(settings: dict, work: str) -> dict:
    wanted = _bundle.plan(settings)
    return _bundle.variables(settings, wanted, _bundle.checksums(_bundle.files(wanted, work)))


class FilterModule:
    def filters(self):
        return {
            "_bundle_plan": _bundle.plan,
            "_bundle_members": members,
            "_bundle_archive_errors": archive_errors,
            "_bundle_variables": site_variables,
            "_bundle_file": _bundle.file_name,
        }
