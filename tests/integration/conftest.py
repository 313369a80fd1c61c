# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

import os

# Tests read the names and results of single tasks, which the callback of ansible.cfg leaves out.
os.environ.setdefault("ANSIBLE_STDOUT_CALLBACK", "ansible.builtin.default")
