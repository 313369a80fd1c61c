#!/usr/bin/python
# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: report_files
short_description: Writes the reports of a run on the controller
version_added: 1.0.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Writes text files into a directory of the controller, whatever host the task is for. Each is replaced as a whole.
  - Reports what it is given for the whole run too, as M(ansible.builtin.set_stats) does. Callback P(kube_ovn.dpdk.concise#callback) shows that at the end.
  - A report is what one run found, and no state that a later run could find unchanged. So the result is never changed.
options:
  directory:
    description: The directory. It is created when it is not there.
    type: path
    required: true
  files:
    description: Texts by file name. A mapping or a list is written as JSON. A name has no directory in it.
    type: dict
    required: true
  stats:
    description:
      - Statistics of the run by name, as in the option C(data) of M(ansible.builtin.set_stats). Mappings are merged with what earlier tasks set.
      - They are set in check mode too, and only when the files could be written.
    type: dict
    default: {}
notes:
  - The module is an action plugin. Nothing runs on the host.
attributes:
  check_mode:
    description: Writes nothing.
    support: full
  diff_mode:
    description: Returns what has changed, when in diff mode.
    support: none
    details: Reports differ with every run.
  idempotent:
    description: The same input gives the same result.
    support: full
"""

EXAMPLES = r"""
- name: Write what was found
  kube_ovn.dpdk.report_files:
    directory: "{{ inventory_dir }}/reports"
    files:
      found.json: "{{ found }}"
    stats:
      kube_ovn_dpdk:
        Report: "{{ inventory_dir }}/reports/found.json"
"""

RETURN = r"""
paths:
  description: Paths of the files on the controller.
  returned: success
  type: list
  elements: str
  sample: [/home/operator/inventory/reports/found.json]
"""
