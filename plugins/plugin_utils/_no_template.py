# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts, pods and archives say is no template.

PRIVATE to the collection. Before ansible-core 2.19 a filter that has composed new text of it returns text that Ansible would evaluate where it is used as a
fact. From then on only what an inventory or a play has is evaluated.
"""

from __future__ import annotations

import ansible.template
from ansible.utils.unsafe_proxy import wrap_var


def no_template(value):
    """The value as it is, and never a template."""
    return value if hasattr(ansible.template, "trust_as_template") else wrap_var(value)
