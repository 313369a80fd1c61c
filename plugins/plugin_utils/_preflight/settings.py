# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The values that the variables of roles have for a host."""

from __future__ import annotations

import functools
import inspect

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import specifications
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import settings_read

# What ansible-core before 2.19 has for omit, with random characters behind it. Later ones leave out the key themselves.
OMIT = "__omit_place_holder__"


@functools.lru_cache(maxsize=None)
def defaults():
    """Defaults of all roles, since those of one may refer to another's variables."""
    loader = DataLoader()
    # From ansible-core 2.19 on a template has to come from a trusted source.
    trusted = {"trusted_as_template": True} if "trusted_as_template" in inspect.signature(loader.load_from_file).parameters else {}
    found = {}
    for role in specifications.roles():
        path = specifications.defaults_file(role)
        if path.is_file():
            found.update(loader.load_from_file(str(path), **trusted) or {})
    return found


def of_every_node(name, variables):
    """Whether a variable of this host has a value on every host of group nodes, and this host is not among them."""
    nodes = (variables.get("groups") or {}).get("nodes") or []
    hostvars = variables.get("hostvars") or {}
    if not nodes or variables.get("inventory_hostname") in nodes:
        return False
    return all(name in settings_read(hostvars[node]) for node in nodes if node in hostvars)


def collect(templar, variables, roles=()):
    """(settings, failed): the values by name, and why variables that the user gives have none.

    A variable that is not defined is left out, and so is a default that needs what only a later play knows.
    """
    known = defaults()
    values = {**known, **variables}
    own = templar.copy_with_new_env(available_variables=values)
    settings, failed = {}, {}
    for name in [name for role in roles or specifications.roles() for name in specifications.options(role)]:
        if name not in values:
            continue
        try:
            value = own.template(values[name])
            if name in variables and OMIT in repr(value):
                failed[name] = "omit works in the arguments of a task, not in a variable: leave out the variable, or the key in it"
                continue
            settings[name] = value
        except AnsibleError as problem:
            if name in variables and variables[name] != known.get(name):
                failed[name] = " ".join(str(problem).split())
    return settings, failed


def elsewhere(failed, variables):
    """Those of the variables without a value here that every node has one for. Inventories may set them for each node alone."""
    return sorted(name for name in failed if of_every_node(name, variables))


def own_names(variables):
    """Names of variables that begin with the name of a role."""
    return sorted(name for name in variables if specifications.role_of(name))


def detailed(templar, variables, roles=()):
    """What preflight looks at: the settings, and about them what lookup role_settings documents."""
    values, failed = collect(templar, variables, roles)
    return {
        "settings": values,
        "failed": failed,
        "names": own_names(variables),
        "forks": variables.get("ansible_forks"),
        "hosts": len((variables.get("groups") or {}).get("nodes") or []),
    }
