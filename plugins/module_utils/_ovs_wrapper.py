# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""What role ovs_wrapper replaces: its own scripts, and those of others that run the tool in a container."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

IN_A_CONTAINER = re.compile(r"(docker|kubectl|nerdctl|crictl) (.* )?exec ")


def is_own(text):
    """Whether the text is a script of the role, of this version or another one."""
    return "kube_ovn.dpdk ovs_wrapper" in text


def is_wrapper(text):
    return is_own(text) or IN_A_CONTAINER.search(text) is not None
