# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    # What the attributes mean. A module states its own support.
    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and report what it would change without changing it.
  diff_mode:
    description: Shows in C(diff) mode what it changed, or in C(check_mode) what it would change.
  idempotent:
    description: Changes nothing when it is run again with the same options.
"""

    # For modules that only look.
    INFO_MODULE = r"""
attributes:
  check_mode:
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    support: full
    details:
      - This module changes nothing.
"""
