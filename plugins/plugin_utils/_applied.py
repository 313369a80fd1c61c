# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an object of the cluster already is what an apply would make it.

PRIVATE to the collection.
"""

from __future__ import annotations

import json

# kubernetes.core and kubectl note here what they applied last; what is not applied any more they delete.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# In the template of pods the API completes elements of these lists, and an apply merges them. All other lists it replaces as a whole.
TEMPLATE = ("spec", "template", "spec")
MERGED = ("containers", "env", "imagePullSecrets", "initContainers", "ports", "volumeDevices", "volumeMounts", "volumes")


def identity(item):
    """What distinguishes an object in its cluster: API version, kind, namespace and name."""
    metadata = item["metadata"]
    return item["apiVersion"], item["kind"], metadata.get("namespace") or "", metadata["name"]


def _covers(live, wanted, path=()):
    """Whether everything wanted is there. Elements of lists are there as a whole, except of some in the template of pods."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(name in live and _covers(live[name], wanted[name], (*path, name)) for name in wanted)
    if isinstance(wanted, list) and path[: len(TEMPLATE)] == TEMPLATE and path[-1] in MERGED:
        return isinstance(live, list) and len(live) == len(wanted) and all(_covers(*pair, path) for pair in zip(live, wanted, strict=True))
    # True is 1 in Python.
    return live == wanted and isinstance(live, bool) == isinstance(wanted, bool)


def is_applied(live, wanted):
    try:
        last = json.loads((live["metadata"].get("annotations") or {}).get(LAST_APPLIED) or "null")
    except ValueError:
        return False
    return last == wanted and _covers(live, wanted)


def unapplied(wanted, found):
    """Of the wanted objects those that an apply would create or change, given what was found in the cluster."""
    there = {identity(item): item for item in found}
    return [item for item in wanted if identity(item) not in there or not is_applied(there[identity(item)], item)]
