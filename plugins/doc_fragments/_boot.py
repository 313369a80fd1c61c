# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    DOCUMENTATION = r"""
options:
  boot:
    description:
      - Has the kernel booted with RV(kernel_arguments), as module M(kube_ovn.dpdk.kernel_cmdline) does it for this owner, which is asked before anything is
        changed. See RV(boot).
    type: dict
    suboptions:
      owner:
        description: The owner of the kernel arguments.
        type: str
        required: true
      state:
        description: With V(absent) the arguments are given up.
        type: str
        choices: [present, absent]
        default: present
      booted:
        description: Fails before anything is changed where the running kernel was started with other arguments, and writes none.
        type: bool
        default: false
"""
