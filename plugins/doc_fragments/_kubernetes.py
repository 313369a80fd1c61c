# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    # Modules that use the client of kubernetes.core.
    DOCUMENTATION = r"""
requirements:
  - kubernetes.core 2.4.0 or later, and what it requires
attributes:
  diff_mode:
    description: Returns what has changed, when in diff mode.
    support: N/A
notes:
  - The cluster is found by the environment variables of modules of kubernetes.core, such as E(K8S_AUTH_KUBECONFIG).
"""
