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
version_added: 0.1.0
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
description:
  - Writes text files into a directory of the controller, whatever host the task is for. Each is replaced as a whole.
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
"""

RETURN = r"""
paths:
  description: Paths of the files on the controller.
  returned: success
  type: list
  elements: str
  sample: [/home/operator/inventory/reports/found.json]
"""
