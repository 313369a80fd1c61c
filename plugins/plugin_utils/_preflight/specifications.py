# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles of the collection say about their variables: argument specifications, defaults, and the facts that they leave."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import yaml
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import given, names

ROLES = Path(__file__).resolve().parents[3] / "roles"

# Of the specification of a role's option what the validator knows; the rest is documentation.
KNOWN = ("type", "elements", "choices", "options", "default", "no_log", "required")

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# Lists that their readers take from text as well, with commas between the entries.
READ_FROM_TEXT = (
    "kube_ovn_dpdk_socket_mem", "kube_ovn_dpdk_lcores", "kube_ovn_dpdk_pmd_cores",
    "cpu_management_housekeeping", "cpu_management_pmd", "cpu_management_pods", "preflight_ignore",
)  # fmt: skip
# Names behind `register:`, and the first level of names below `set_fact:`.
REGISTERED = re.compile(r"^ *register: *(\w+) *$", re.M)
SET_FACT = re.compile(r"^( *)(?:- )?ansible\.builtin\.set_fact:\n((?:\1 +.*\n|\n)+)", re.M)


def roles() -> list[str]:
    return sorted(path.parent.parent.name for path in ROLES.glob("*/meta/argument_specs.yml"))


@functools.lru_cache(maxsize=None)
def entry_points(role: str) -> dict[str, dict]:
    """The entry points of a role by name, each with its options."""
    path = ROLES / role / "meta" / "argument_specs.yml"
    try:
        return yaml.load(path.read_text(), LOADER)["argument_specs"]  # a file of the collection, by a safe loader
    except OSError as problem:
        raise AnsibleError("role %s has no argument specification: %s" % (role, problem)) from problem


def options(role: str) -> dict[str, dict]:
    """The options of all entry points of a role by name."""
    found: dict[str, dict] = {}
    for entry in entry_points(role).values():
        for name, option in (entry.get("options") or {}).items():
            found.setdefault(name, option)
    return found


def every_option() -> dict[str, dict]:
    """The options of all roles by name."""
    return {name: option for role in roles() for name, option in options(role).items()}


@functools.lru_cache(maxsize=None)
def role_variables(role: str) -> dict[str, object]:
    """The private variables of a role, not templated."""
    path = ROLES / role / "vars" / "main.yml"
    return yaml.load(path.read_text(), LOADER) or {} if path.is_file() else {}  # a file of the collection, by a safe loader


def defaults_file(role: str) -> Path:
    return ROLES / role / "defaults" / "main.yml"


@functools.lru_cache(maxsize=None)
def facts() -> frozenset[str]:
    """Names of the facts that the roles leave on a host. They begin with a role's name as its variables do."""
    found: set[str] = set()
    for path in ROLES.glob("*/tasks/*.yml"):
        text = path.read_text()
        found.update(REGISTERED.findall(text))
        for _indent, block in SET_FACT.findall(text):
            first = re.match(r"( *)", block).group(1)
            found.update(re.findall(r"^%s(\w+):" % first, block, re.M))
    return frozenset(found)


def role_of(name: str) -> str | None:
    """The role with whose name a variable's name begins; None for other variables and for private ones."""
    return max((role for role in roles() if name.startswith(role + "_")), key=len, default=None)


def specification(option):
    """An option of a role as the validator takes it, with those of its entries."""
    found = {key: option[key] for key in KNOWN if key in option}
    if "options" in found:
        found["options"] = {name: specification(inner) for name, inner in found["options"].items()}
    return found


def plain(value):
    """A value without the classes that Ansible gives it."""
    return json.loads(json.dumps(value, default=str))


def form_errors(option, value, place="it"):
    """Where a value is a text or a number that has to be a list or a dictionary.

    The validator would make one of it, and the roles never see what it made: a text is then a list of its letters. An empty text is a template's null.
    """
    kind, found = option.get("type", "str"), []
    if not given(value) or kind not in ("list", "dict"):
        return []
    if isinstance(value, (str, int, float)) and not (kind == "dict" and not isinstance(value, str)):
        form = "text" if isinstance(value, str) else "boolean" if isinstance(value, bool) else "number"
        return ["%s is a %s and not a %s" % (place, form, "list" if kind == "list" else "dictionary")]
    if kind == "list" and isinstance(value, (list, tuple)):
        inner = {"type": option.get("elements", "raw"), "options": option.get("options")}
        for number, item in enumerate(value, 1):
            found += form_errors(inner, item, "entry %d" % number if place == "it" else "entry %d of %s" % (number, place))
    elif kind == "dict" and isinstance(value, dict):
        for name, inner in (option.get("options") or {}).items():
            found += form_errors(inner, value.get(name), name if place == "it" else "%s of %s" % (name, place))
    return found


def refused_forms(name, option, value):
    """The same of a variable, as (found, cure)."""
    errors = [] if name in READ_FROM_TEXT else form_errors(option, value)
    kind, entries = option.get("type", "str"), option.get("elements")
    example = ""
    if kind == "list" and entries in ("str", "int") and isinstance(value, (str, int)):
        example = ", such as -e '%s'" % json.dumps({name: [int(one) if entries == "int" and one.isdigit() else one for one in names(value)]})
    word = "dictionary" if kind == "dict" else "list" if entries != "dict" else "list of dictionaries"
    cure = "give a %s in YAML, and on the command line in JSON%s" % (word, example)
    return [("%s is %s: %s" % (name, "not valid" if option.get("no_log") else json.dumps(value), message), cure) for message in errors]


def conversion_errors(name, option, value):
    """What the argument specification has against a value. Null is a variable that is not set."""
    if value is None:
        return []
    found = {key: inner for key, inner in specification(option).items() if key not in ("required", "default")}
    # The validator makes a text of anything.
    if found.get("type", "str") in ("str", "path") and isinstance(value, (list, dict)):
        return ["it is a %s and not a text" % ("list" if isinstance(value, list) else "dictionary")]
    messages = ArgumentSpecValidator({name: found}).validate({name: value}).error_messages
    # The name is said already.
    return [plain_message(message).replace("argument '%s' is" % name, "it is", 1) for message in messages]


def plain_message(message):
    """A message of the validator without what Python calls its classes."""
    return re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", message)


def invalid(settings):
    """Whether the argument specifications refuse any of these settings."""
    values = [(name, option, plain(settings.get(name))) for name, option in every_option().items()]
    return any(refused_forms(*value) or conversion_errors(*value) for value in values)
