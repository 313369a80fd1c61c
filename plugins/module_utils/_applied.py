# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether an object of the cluster already is what an apply would make it.

PRIVATE to the collection.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._quantity import quantity

# kubernetes.core and kubectl note here what they applied last; what is not applied any more they delete.
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
# The API completes elements of these lists, and an apply merges them: those in the template of pods of these kinds, and ports. All other lists it replaces
# as a whole.
WORKLOADS = ("DaemonSet", "Deployment", "Job", "StatefulSet")
TEMPLATE = ("spec", "template", "spec")
SERVICE_PORTS = ("Service", "spec", "ports")
MERGED = ("containers", "env", "imagePullSecrets", "initContainers", "ports", "volumeDevices", "volumeMounts", "volumes")


def identity(item):
    """What distinguishes an object in its cluster: API version, kind, namespace and name."""
    metadata = item["metadata"]
    return item["apiVersion"], item["kind"], metadata.get("namespace") or "", metadata["name"]


def _covers(live, wanted, path):
    """Whether everything wanted is there. Elements of lists are there as a whole, except of those that an apply merges. `path` begins with the kind."""
    in_template = path[0] in WORKLOADS and path[1 : len(TEMPLATE) + 1] == TEMPLATE
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(name in live and _covers(live[name], wanted[name], path + (name,)) for name in wanted)
    if isinstance(wanted, list) and (in_template and path[-1] in MERGED or path == SERVICE_PORTS):
        return isinstance(live, list) and len(live) == len(wanted) and all(_covers(live[number], item, path) for number, item in enumerate(wanted))
    if in_template and path[-2] in ("limits", "requests"):
        return quantity(live) == quantity(wanted)
    # True is 1 in Python.
    return live == wanted and isinstance(live, bool) == isinstance(wanted, bool)


def is_applied(live, wanted):
    try:
        last = json.loads((live["metadata"].get("annotations") or {}).get(LAST_APPLIED) or "null")
    # Lists in lists without end are the latter.
    except (ValueError, RuntimeError):
        return False
    return last == wanted and _covers(live, wanted, (wanted["kind"],))


def unapplied(wanted, found):
    """Of the wanted objects those that an apply would create or change, given what was found in the cluster."""
    there = {identity(item): item for item in found}
    return [item for item in wanted if identity(item) not in there or not is_applied(there[identity(item)], item)]
