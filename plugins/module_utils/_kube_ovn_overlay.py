# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes on Kubernetes objects: a small strategic merge, flags of a container, and objects that a server cannot take."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import copy

# How Kubernetes tells the elements of its lists apart. A list that is not here is replaced as a whole.
MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "env": "name",
    "imagePullSecrets": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}


class OverlayError(Exception):
    """An overlay does not fit the objects; the message names both."""


def merge(target, patch, path=""):
    """Return target changed by patch: maps merge, null removes, keyed lists merge by key, other lists are replaced.

    In a list that is not keyed, {"$append": [...]} adds what is not there yet. An element of a keyed list
    with "$patch": "delete" is removed.
    """
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    if list(patch) == ["$append"]:
        present = list(target or [])
        return present + [copy.deepcopy(item) for item in patch["$append"] if item not in present]
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, list) and key in MERGE_KEYS:
            result[key] = _merge_list(result.get(key) or [], value, MERGE_KEYS[key], path + "/" + key)
        else:
            result[key] = merge(result.get(key), value, path + "/" + key)
    return result


def _merge_list(target, patch, merge_key, path):
    result = list(target)
    for element in patch:
        if not isinstance(element, dict) or merge_key not in element:
            raise OverlayError("each element of %s needs a %s" % (path, merge_key))
        found = [number for number, item in enumerate(result) if item.get(merge_key) == element[merge_key]]
        if element.get("$patch") == "delete":
            result = [item for item in result if item.get(merge_key) != element[merge_key]]
        elif found:
            result[found[0]] = merge(result[found[0]], element, path)
        else:
            result.append(merge({}, element, path))
    return result


def _is_flag(word, flag):
    return word == flag or ("%s" % (word,)).startswith(flag + "=")


def set_flags(target, container, flags):
    """Set `--flag=value` in the command and arguments of one container; a null value removes the flag."""
    target = copy.deepcopy(target)
    spec = target["spec"]["template"]["spec"]
    chosen = [item for item in spec.get("containers", []) if item["name"] == container]
    if not chosen:
        raise OverlayError("has no container %s, but %s" % (container, ", ".join(item["name"] for item in spec.get("containers", []))))
    for flag, value in flags.items():
        word = None if value is None else "%s=%s" % (flag, str(value).lower() if isinstance(value, bool) else value)
        there = False
        for name in ("command", "args"):
            words = chosen[0].get(name)
            if not words:
                continue
            if any(_is_flag(item, flag) for item in words):
                changed = [word if _is_flag(item, flag) else item for item in words]
                chosen[0][name] = [item for item in changed if item is not None]
                there = True
        if not there and word is not None:
            name = "args" if chosen[0].get("args") or not chosen[0].get("command") else "command"
            chosen[0][name] = list(chosen[0].get(name) or []) + [word]
    return target


def identity(item):
    namespace = item["metadata"].get("namespace")
    return "%s %s" % (item["kind"], "%s/%s" % (namespace, item["metadata"]["name"]) if namespace else item["metadata"]["name"])


def apply_overlays(objects, overlays):
    result = list(objects)
    for overlay in overlays:
        hits = [
            number
            for number, item in enumerate(result)
            if item["kind"] == overlay["kind"]
            and item["metadata"]["name"] == overlay["name"]
            and overlay.get("namespace") in (None, item["metadata"].get("namespace"))
        ]
        if not hits:
            if overlay.get("required"):
                same = sorted(identity(item) for item in result if item["kind"] == overlay["kind"])
                raise OverlayError(
                    "The overlay for %s %s fits no rendered object. Of that kind there are: %s."
                    % (overlay["kind"], overlay["name"], ", ".join(same) or "none")
                )
            continue
        for number in hits:
            try:
                if overlay.get("patch"):
                    result[number] = merge(result[number], overlay["patch"])
                if overlay.get("rules"):
                    result[number] = grant(result[number], overlay["rules"])
                for container, flags in (overlay.get("flags") or {}).items():
                    result[number] = set_flags(result[number], container, flags)
            except OverlayError as error:
                raise OverlayError("The overlay for %s cannot be used: %s." % (identity(result[number]), error))
    return result


def set_registry(objects, registry):
    """Put every image of the release under one registry: scripts ignore the setting for some."""
    result = copy.deepcopy(objects)
    for item in result:
        spec = ((item.get("spec") or {}).get("template") or {}).get("spec") or {} if isinstance(item.get("spec"), dict) else {}
        for container in (spec.get("initContainers") or []) + (spec.get("containers") or []):
            if container.get("image"):
                container["image"] = "%s/%s" % (registry.rstrip("/"), container["image"].rsplit("/", 1)[-1])
    return result


def not_served(objects, served):
    """Split objects by what the server takes: (kept, omitted). Only pod security policies may be left out.

    They restrict nothing where the server has no such check any more. All others are needed, so that they are an error.
    """
    own = set()
    for item in objects:
        if item["kind"] == "CustomResourceDefinition":
            spec = item.get("spec") or {}
            versions = [version.get("name") for version in spec.get("versions") or []] + [spec.get("version")]
            own.update("%s/%s" % (spec.get("group"), version) for version in versions if version)
    kept, omitted, impossible = [], [], []
    for item in objects:
        if item["apiVersion"] in served or item["apiVersion"] in own:
            kept.append(item)
        elif item["kind"] == "PodSecurityPolicy":
            omitted.append(item)
        else:
            impossible.append(item)
    if impossible:
        apis = sorted(set("%s %s" % (item["apiVersion"], item["kind"]) for item in impossible))
        raise OverlayError(
            "This Kubernetes does not serve %s, which the release needs (%s). Take a release made for this Kubernetes, "
            "or its installer for older ones." % (", ".join(apis), ", ".join(identity(item) for item in impossible[:3]))
        )
    return kept, omitted


def grant(target, rules):
    """Add rules to a role as far as its own do not cover them already (some releases lack rights in one mode)."""
    present = target.get("rules") or []
    missing = []
    for rule in rules:
        for group in rule["apiGroups"]:
            resources = [resource for resource in rule["resources"] if not _covered(group, resource, rule["verbs"], present)]
            if resources:
                missing.append(dict(rule, apiGroups=[group], resources=resources))
    return dict(target, rules=present + missing)


def _covered(group, resource, verbs, rules):
    granted = set()
    for rule in rules:
        if set([group, "*"]) & set(rule.get("apiGroups") or []) and set([resource, "*"]) & set(rule.get("resources") or []):
            granted.update(rule.get("verbs") or [])
    return "*" in granted or set(verbs) <= granted
