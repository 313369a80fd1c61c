# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What tasks registered → the readings that the report is made of."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._testpmd_pods import made, recorded
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.case import AFTER, BEFORE, MOMENTS
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.parse import parse_pmd
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import attachments, called
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._words import quoted


def by_pod(registered: dict | None) -> dict[str, str]:
    """The standard output of what `k8s_pods_exec` ran, by pod."""
    return {f"{one['namespace']}/{one['pod']}": one.get("stdout") or "" for one in (registered or {}).get("results") or []}


def refusals(registered: dict | None) -> dict[str, str]:
    """Why a command could not be run, or was not waited for, by pod."""
    return {f"{one['namespace']}/{one['pod']}": quoted(one["msg"]) for one in (registered or {}).get("results") or [] if one.get("msg")}


def registered(variables: dict, name: str) -> dict:
    """What a task registered, nothing where the host did not get that far."""
    return variables.get(name) or {}


def thread_count(variables: dict) -> int:
    """How many PMD threads the node of these variables had before the traffic."""
    datapath = registered(variables, f"__verify_datapath_{BEFORE}")
    return len(parse_pmd(datapath)) if "pid" in datapath else 0


def readings(
    plan: list[dict],
    hosts: list[str],
    hostvars,
    probes: dict,
    outputs: dict,
    commands: dict,
    names: dict,
    elsewhere: dict,
    everyone: list[dict] | None = None,
) -> dict:
    """See `case.build` for what is returned. names: inventory name → name of the node in Kubernetes."""
    probed, written = by_pod(probes), by_pod(outputs)
    refused = {**refusals(probes), **refusals(outputs)}
    pods = [
        {
            **pod,
            "probe": probed.get(called(pod), ""),
            "output": written.get(called(pod), ""),
            "refused": refused.get(called(pod)),
            "command": shlex.join(commands.get(called(pod)) or []),
        }
        for pod in plan
    ]
    nodes = {}
    for host in hosts:
        variables = hostvars[host]
        datapath = {moment: registered(variables, f"__verify_datapath_{moment}") for moment in MOMENTS}
        nodes[host] = {
            "kubernetes_node": names.get(host) or host,
            **{moment: dict(datapath[moment].get("switch") or {}) for moment in (BEFORE, AFTER)},
            "datapath": {
                moment: {key: value for key, value in read.items() if key != "switch"} if "pid" in read else {} for moment, read in datapath.items()
            },
            "failures": {moment: read.get("msg") for moment, read in datapath.items() if "pid" not in read and read.get("msg")},
            "problem": (datapath[AFTER].get("errors") or {}).get("switch") or "the host was not reached",
            "log": datapath["after"].get("log") or "",
        }
    return {"pods": pods, "nodes": nodes, **elsewhere, "living": None if everyone is None else living(everyone)}


def living(pods: list[dict]) -> dict:
    """What pods of the cluster can own ports: {names: [NAMESPACE/NAME], uids: {UID: [interface] or null where the pod's note says nothing}}."""
    names: list[str] = []
    uids: dict[str, list[str] | None] = {}
    static: dict[str, list[str] | None] = {}
    for pod in pods:
        if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            continue
        metadata = pod["metadata"]
        names.append(f"{metadata['namespace']}/{metadata['name']}")
        ports, problem = attachments(pod)
        uids[metadata["uid"]] = own = None if problem else [port["interface"] for port in ports]
        # A static pod has the UID of the kubelet on its node, and another one in the API.
        if hashed := (metadata.get("annotations") or {}).get("kubernetes.io/config.hash"):
            static[hashed] = own
    # Any pod can have that annotation: it takes no UID from another pod.
    return {"names": names, "uids": {**static, **uids}}


def outside(pods: list[dict], namespace: str, records: list[dict], unread: str = "") -> dict:
    """Pods with the labels of testpmd in other namespaces than the configured one: {leftovers, namesakes, unread}.

    Leftovers are those that role dpdk_app has made by its record; `unread` is why there is none, if it could not be read. Of all others only the labels are
    known, which any author of a pod can give it: they are no concern of the proof.
    """
    names = recorded(records)
    found: dict = {"leftovers": [], "namesakes": [], "unread": unread}
    for pod in pods:
        metadata = pod["metadata"]
        if metadata["namespace"] != namespace:
            key = "leftovers" if made(pod, namespace, names) else "namesakes"
            found[key].append({"namespace": metadata["namespace"], "name": metadata["name"], "node": pod["spec"].get("nodeName")})
    return found


def versions(nodes: list[dict], workloads: list[dict]) -> dict[str, str]:
    """Of this collection, of Kubernetes (the kubelets) and of Kube-OVN (its controller's image), as far as they were read."""
    found = {"kube_ovn.dpdk": collection_version(Path(__file__).resolve().parents[3])}
    kubelets = {((node.get("status") or {}).get("nodeInfo") or {}).get("kubeletVersion") for node in nodes}
    images = {
        container["image"].rpartition(":")[2]
        for workload in workloads
        for container in workload["spec"]["template"]["spec"]["containers"][:1]
        if ":" in container["image"].rpartition("/")[2]
    }
    for name, values in (("Kubernetes", kubelets - {None}), ("Kube-OVN", images)):
        if values:
            found[name] = ", ".join(sorted(values))
    return found


def collection_version(root: Path) -> str | None:
    """An installed collection has MANIFEST.json, a checkout has galaxy.yml."""
    try:
        return json.loads((root / "MANIFEST.json").read_text())["collection_info"]["version"]
    except (KeyError, OSError, TypeError, ValueError):
        pass
    try:
        match = re.search(r"^version: *['\"]?([^'\"\s]+)", (root / "galaxy.yml").read_text(), re.M)
        return match[1] if match else None
    except OSError:
        return None
