# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: _preflight_page
short_description: Draws the page of the findings
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - PRIVATE to role C(preflight). One self-contained HTML file, which loads nothing.
positional: time, hostvars, groups
options:
  _input:
    description: What P(kube_ovn.dpdk.preflight_report#filter) returned.
    type: dict
    required: true
  time:
    description: The time of the run, as it is to be shown.
    type: str
  hostvars:
    description: Variables of all hosts, in which the role has left what it has read. Without them the page has the findings alone.
    type: dict
  groups:
    description: Names of the hosts of groups C(nodes), C(build) and C(cluster).
    type: dict
"""

EXAMPLES = r"""
- name: Write the page
  ansible.builtin.copy:
    content: "{{ preflight_report | kube_ovn.dpdk._preflight_page }}"
    dest: preflight.html
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The HTML.
  type: str
"""

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._no_template import no_template
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.overview import overview
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.page import page


def preflight_page(report, time=None, hostvars=None, groups=None):
    seen = overview(hostvars, groups) if hostvars is not None and groups is not None else None
    # The page quotes what hosts say, which is no template.
    return no_template(page(report, time, seen))


class FilterModule:
    def filters(self):
        return {"_preflight_page": preflight_page}
