# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The variables of all roles as such: their names, their types, and whether they can be evaluated.

The facts that these rules look at are `failed` and `names` of lookup role_settings, and in `elsewhere` those of `failed` that every host of group nodes
has a value for.
"""

from __future__ import annotations

import difflib
import json
import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_secrets import hidden
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import specifications
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import SETTINGS, error, rule, warning

# How much alike a name must be to one that there is, to be a misspelling of it.
ALIKE = 0.8
# Variables that were renamed.
RENAMED = {
    "kube_ovn_dpdk_cpu": "kube_ovn_dpdk_cpu_limit",
    "kube_ovn_settings": "kube_ovn_installer_variables",
    "preflight_accept": "preflight_ignore",
}


@rule("unknown-variable", SETTINGS, "every variable with a role's prefix is a variable of a role")
def unknown_variables(case):
    names = case.facts.get("names", [])
    known = specifications.every_option() if names else {}
    for name in names:
        if name in known or name in specifications.facts():
            continue
        near = [RENAMED[name]] if RENAMED.get(name) in known else difflib.get_close_matches(name, known, n=1, cutoff=ALIKE)
        if near:
            yield error("%s is a variable of no role" % name, "use %s" % near[0])
        else:
            yield warning(
                "%s is a variable of no role, although it begins with the name of role %s" % (name, specifications.role_of(name)),
                "remove it; docs/variables.md lists the variables",
            )


@rule("undefined-variable", SETTINGS, "every variable of a role can be evaluated")
def undefined_variables(case):
    for name, reason in sorted(case.facts.get("failed", {}).items()):
        kind = warning if name in case.facts.get("elsewhere", []) else error
        yield kind("%s cannot be evaluated: %s" % (name, reason), "define what it refers to; the plays gather no facts of the hosts")


@rule("argument-spec", SETTINGS, "values fit the argument specifications of the roles")
def argument_specifications(case):
    if "names" not in case.facts:
        return
    for name, option in specifications.every_option().items():
        value = specifications.plain(case.settings.get(name))
        refused = specifications.refused_forms(name, option, value)
        for found, cure in refused:
            yield error(found, cure)
        if refused:
            continue
        for message in specifications.conversion_errors(name, option, value):
            kind = option.get("type", "str") + (" of %s" % option["elements"] if option.get("elements") else "")
            shown = "not valid" if option.get("no_log") else json.dumps(hidden(value))
            yield error("%s is %s: %s" % (name, shown, message), "give a value of type %s, as docs/variables.md describes it" % kind)


def given(case, ends, kinds=None):
    """(name, value) of each variable that is set and whose name ends so, or whose type is one of these."""
    for name, option in sorted(specifications.every_option().items()):
        value = case.setting(name)
        if value is not None and (name.endswith(ends) if ends else option.get("type") in kinds):
            yield name, value


@rule("positive-number", SETTINGS, "times and attempts are positive numbers")
def positive_numbers(case):
    for name, value in given(case, ("_timeout", "_seconds", "_duration", "_attempts")) if "names" in case.facts else ():
        if re.match(r"-?[0-9]+$", str(value)) and int(value) <= 0:
            yield error("%s is %s" % (name, value), "give a number above 0")


@rule("absolute-path", SETTINGS, "paths are absolute")
def absolute_paths(case):
    options = specifications.every_option()
    for name, value in given(case, None, ("path",)) if "names" in case.facts else ():
        # Where the default is relative, it is so to the directory of the run.
        relative = re.match(r"[^/~$]", str(options[name].get("default") or "/"))
        if not relative and not re.match(r"[/~$]", str(value)):
            yield error("%s %r is no absolute path" % (name, value), "begin it with / or ~/")


# Hexadecimal digits of the algorithms that get_url and stat take here.
DIGITS = {"sha1": 40, "sha224": 56, "sha256": 64, "sha384": 96, "sha512": 128}


@rule("checksum-form", SETTINGS, "checksums can be checksums")
def checksums(case):
    for name, value in given(case, "_checksum") if "names" in case.facts else ():
        algorithm, colon, digits = str(value).rpartition(":")
        # A checksum may also be the address of a file of checksums.
        if re.match(r"(\w+:)?(https?|file)://", str(value)):
            continue
        if not re.match(r"[0-9a-fA-F]+$", digits) or len(digits) != DIGITS.get(algorithm or "sha256"):
            yield error(
                "%s %r is no checksum" % (name, value),
                "give what sha256sum prints, 64 hexadecimal digits, with sha256: before it where the description of the variable says so",
            )


@rule("url-form", SETTINGS, "addresses of downloads are URLs")
def urls(case):
    for name, value in given(case, "_url") if "names" in case.facts else ():
        if not re.match(r"(https?|file)://[^\s/]*/?\S+$", str(value)):
            yield error("%s %r is no URL" % (name, value), "begin it with https://, http:// or file://")


# Names of objects that roles create or look for in the cluster. Namespaces and containers are DNS labels, the others may have dots.
LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\Z")
SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
OBJECTS = ("dpdk_app_name", "network_attachments_account", "kube_ovn_node_name", "host_reboot_node_name")


@rule("kubernetes-name", SETTINGS, "names of objects of Kubernetes are DNS names")
def kubernetes_names(case):
    for name, value in list(given(case, "_namespace")) + [(name, case.setting(name)) for name in OBJECTS] if "names" in case.facts else ():
        if value is not None and not (LABEL if name.endswith("_namespace") else SUBDOMAIN).match(str(value)):
            yield error("%s %r is no name of an object of Kubernetes" % (name, value), "use lower-case letters, digits and dashes")
