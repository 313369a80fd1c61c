# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: loaded_filters
type: aggregate
short_description: Loads the filters of the collection before the first task
description:
  - To use one filter of a collection Ansible loads them all, and it does so in each worker, which is one task on one host. That takes longer than most
    tasks do. What the controller itself has loaded its workers have too; playbooks/site.yml does the same for the hosts.
"""

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import filter_loader


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "loaded_filters"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook):
        filter_loader.get("kube_ovn.dpdk.cpu_list")
