# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""Which values of the database are secrets, and how the modules show them."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible.module_utils.common.text.converters import to_text

# Interface.options of IPsec tunnels. Their other keys of this kind, such as private_key, are paths of files.
SECRETS = ('psk',)
HIDDEN = u'********'
# Two different secrets must not look the same in a diff.
CHANGED = u'******** (changed)'
# In text that Ansible has not made a map of yet, such as key=value and JSON.
IN_TEXT = re.compile(r'\b(%s)\b["\']?\s*[=:]' % '|'.join(SECRETS))


def is_secret(key, value):
    return key in SECRETS and value is not None and not isinstance(value, (dict, list, tuple))


def hidden(value, before=None):
    """A copy as it may be shown: maps of options, also as OVSDB writes them (a list of pairs). A secret that is another one than `before` says so."""
    if isinstance(value, dict):
        old = before if isinstance(before, dict) else {}
        return dict((key, _stars(item, old.get(key)) if is_secret(key, item) else hidden(item, old.get(key))) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        if len(value) == 2 and not isinstance(value[0], (dict, list, tuple)) and is_secret(value[0], value[1]):
            return [value[0], HIDDEN]
        return [hidden(item) for item in value]
    if isinstance(value, (bytes, type(u''))) and IN_TEXT.search(to_text(value, errors='replace')):
        return HIDDEN
    return value


def _stars(value, before):
    return HIDDEN if before is None or before == value else CHANGED
