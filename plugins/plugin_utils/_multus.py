# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role multus has to do in a cluster, and what keeps it from it there and on a node.

PRIVATE to the collection.
"""

from __future__ import annotations

import base64
import json
import posixpath

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _applied, _k8s_rollout
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments

# Multus takes one of these names, by the form of the default network's file.
CONFIGURATIONS = ("00-multus.conf", "00-multus.conflist")
ACCOUNT = "multus"
EXECUTABLE = ("xusr", "xgrp", "xoth")


def _names(files):
    return [posixpath.basename(item["path"]) for item in files]


def _state_of(pods, events):
    """What can be seen of pods that should have done something."""
    names = [pod["metadata"]["name"] for pod in pods]
    states = [
        "%s of %s (%s)" % (container, pod["metadata"]["name"], _k8s_rollout.describe_state(state))
        for pod in pods
        for container, _init, state, _restarts in _k8s_rollout.failing_containers(pod)
    ]
    return "Pods: %s. Containers that are not ready: %s. Last events: %s." % (
        ", ".join(names) or "none",
        ", ".join(states) or "none",
        _k8s_rollout.describe_events(events, names) or "none",
    )


def _default_network_errors(objects, configurations, settings, check_mode):
    """Nodes on which Kube-OVN has not written its file, and nodes with a file that the container runtime prefers to that of Multus."""
    directory, wanted = settings["multus_cni_conf_dir"], settings["multus_master_cni_file"]
    found = {item["item"]: _names(item.get("files") or []) for item in configurations}
    lacking = [node for node in found if wanted not in found[node]]
    # In check mode, before the first run, nothing has written it.
    if lacking and not check_mode:
        yield "%s/%s did not appear in %s s on %s; kube-ovn-cni writes it there when it is ready. %s" % (
            directory,
            wanted,
            settings["multus_timeout"],
            ", ".join(lacking),
            _state_of(objects.get("pods") or [], objects.get("events") or []),
        )
    for node in found:
        before = sorted(name for name in found[node] if name < CONFIGURATIONS[0] and not name.startswith(CONFIGURATIONS[0]))
        if before:
            yield "%s has %s in %s, which sorts before %s: the container runtime would never call Multus. Rename or remove it." % (
                node,
                ", ".join(before),
                directory,
                CONFIGURATIONS[0],
            )


def _own_objects(names, namespace):
    """What is deleted of Multus of this collection, given as NAMESPACE/NAME. Its account in `namespace` stays, which is the one in use."""
    found = []
    for there, _slash, name in (full.partition("/") for full in names):
        found.append({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": there}})
        if there != namespace:
            found.append({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": there}})
    return found


def removal(workloads, namespace):
    """The objects to delete first to uninstall Multus: its DaemonSets by their label, also those of an earlier multus_namespace."""
    return _own_objects(attachments.own_multus(workloads), str(namespace))


def plan(objects, wanted, configurations, settings, check_mode=False):
    """What the role does: `errors` that keep it from it, objects to `replace` and to `apply`, and whether there is a rollout to `wait` for.

    `managed` are the DaemonSets of a Multus that cannot be replaced.

    `objects` are those of the cluster by kind, `wanted` those of the role, `configurations` the files of the nodes' CNI directories.
    """
    sets = objects["daemon_sets"]
    foreign = attachments.foreign_multus(sets)
    apply = _applied.unapplied(wanted, [item for name in sorted(objects) for item in objects[name]])
    own = [item for item in sets if _applied.identity(item) in [_applied.identity(one) for one in wanted]]
    # Another multus_namespace must not leave the Multus of the one before beside the new one.
    kept = ["%s/%s" % _applied.identity(item)[2:] for item in own]
    moved = [name for name in attachments.own_multus(sets) if name not in kept]
    return {
        "errors": list(_default_network_errors(objects, configurations, settings, check_mode)),
        "managed": foreign["managed"],
        "replace": attachments.multus_objects(foreign["replace"]) + _own_objects(moved, str(settings["multus_namespace"])),
        "apply": apply,
        "wait": bool(apply) or not all(_k8s_rollout.rolled_out(item) for item in own),
    }


def node_errors(files, slurped, settings):
    """Why Multus is not in force on a node, given the files with its names and what module slurp read of its newest configuration, if anything."""
    directory, network = settings["multus_cni_conf_dir"], settings["multus_master_cni_name"]
    if "content" not in slurped:
        return [
            "Neither %s nor %s appeared in %s in %s s. This node's pod of the daemon set %s/kube-multus-ds should have written it; its log shows why not."
            % (*CONFIGURATIONS, directory, settings["multus_timeout"], settings["multus_namespace"])
        ]
    try:
        read = json.loads(base64.b64decode(slurped["content"]))
        plugin = read if "type" in read else read["plugins"][0]
        kind, delegate = plugin["type"], plugin["delegates"][0]["name"]
    except (IndexError, KeyError, TypeError, ValueError):
        kind, delegate = "", "nothing"
    errors = []
    if kind != "multus" or delegate != network:
        errors.append(
            "%s does not hand the default network to %s, but to %s. Look for another file than %s in %s, then delete this node's Multus pod."
            % (slurped["source"], network, delegate, settings["multus_master_cni_file"], directory)
        )
    binary = posixpath.join(settings["multus_cni_bin_dir"], "multus")
    if not any(item["path"] == binary and any(item.get(bit) for bit in EXECUTABLE) for item in files):
        errors.append("%s is missing or cannot be executed; an init container of this node's Multus pod installs it." % binary)
    return errors
