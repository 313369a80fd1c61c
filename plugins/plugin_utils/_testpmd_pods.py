# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which testpmd pods are created, kept and deleted. Of a pod nearly nothing can be changed, so one that is not as wanted is replaced."""

from __future__ import annotations

import copy
import hashlib
import json

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils.attachments import kube_ovn_port, read_json
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import STATUS, networks

CHECKSUM = "kube-ovn-dpdk/checksum"


# Which pods the role has made and not removed since, as NAMESPACE/NAME. Only an administrator can write there. A label proves nothing:
# the author of any pod can give it.
RECORD = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "kube-system", "name": "kube-ovn-dpdk-testpmd"}}

DATAPATH = {"ovn.kubernetes.io/ovs_dp_type": "userspace"}


def pod_of(node: str, pod: dict, definitions: list[dict], socket_dir: str) -> dict:
    """The pod of a node, of the one that was rendered; without a node wherever Kubernetes places it.

    For each port that Kube-OVN makes itself it has an emptyDir volume, below `socket_dir`. A pod with such ports alone sees no directory of the host.
    """
    made = copy.deepcopy(pod)
    spec = made["spec"]
    container = spec["containers"][0]
    if node:
        made["metadata"]["name"] = f"{pod['metadata']['name']}-{node}"
        spec["nodeSelector"] = {"kubernetes.io/hostname": node}
    known = {f"{one['metadata']['namespace']}/{one['metadata']['name']}": kube_ovn_port(one) for one in definitions}
    asked = networks(pod)
    ports = [known[name] for name in asked if known.get(name)]
    if not ports:
        return made
    if len(ports) == len(asked):
        shared = {mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == socket_dir}
        spec["volumes"] = [volume for volume in spec["volumes"] if volume["name"] not in shared]
        container["volumeMounts"] = [mount for mount in container["volumeMounts"] if mount["name"] not in shared]
        container.pop("env", None)
    if not node:
        spec["nodeSelector"] = dict(DATAPATH)
    for volume in dict.fromkeys(port["volume"] for port in ports):
        spec["volumes"].append({"name": volume, "emptyDir": {}})
        container["volumeMounts"].append({"name": volume, "mountPath": f"{socket_dir.rstrip('/')}/{volume}"})
    return made


def checksum(pod: dict, definitions: list[dict]) -> str:
    """Of the pod as rendered and of the attachments that it names: a pod keeps the bridge and the mode that its attachment had when it was created."""
    specs = {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one.get("spec") for one in definitions}
    attached = {name: specs[name] for name in networks(pod) if name in specs}
    return hashlib.sha256(json.dumps([pod, attached], sort_keys=True).encode()).hexdigest()


def recorded(records: list[dict]) -> set[str]:
    """The pods of a record as the API returned it, in a list."""
    names: list = []
    for record in records:
        try:
            listed = read_json((record.get("data") or {}).get("pods") or "[]")
        except (TypeError, ValueError):
            continue
        names += listed if isinstance(listed, list) else []
    return {name for name in names if isinstance(name, str)}


def made(pod: dict, namespace: str, names: set[str]) -> bool:
    """Whether a pod with the labels of testpmd is the role's: in the configured namespace, or among those that it has made."""
    return pod["metadata"]["namespace"] == namespace or "/".join(identity(pod)) in names


def record_of(wanted: list[dict], names: set[str]) -> list[dict]:
    """The record to write, in a list; empty where it says what it has to. The other pods of it no longer exist then, so any pod may get their names."""
    needed = {"/".join(identity(pod)) for pod in wanted}
    if not needed or needed == names:
        return []
    metadata = {**RECORD["metadata"], "labels": {"app.kubernetes.io/part-of": "kube-ovn-dpdk"}}
    return [{**RECORD, "metadata": metadata, "data": {"pods": json.dumps(sorted(needed))}}]


def decide(found: list[dict], wanted: list[dict], definitions: list[dict], recreate: bool, check_mode: bool, namespace: str, records: list[dict]) -> dict:
    """found: all testpmd pods of the cluster; wanted: as rendered; records: see `recorded`
    → {delete, create: objects; wait: names of the wanted pods, unless all of them run and nothing is to be changed}"""
    names = recorded(records)
    found = [pod for pod in found if made(pod, namespace, names)]
    pods = []
    for pod in wanted:
        marked = copy.deepcopy(pod)
        marked["metadata"].setdefault("annotations", {})[CHECKSUM] = checksum(pod, definitions)
        pods.append(marked)
    sums = {identity(pod): pod["metadata"]["annotations"][CHECKSUM] for pod in pods}
    kept = set() if recreate else {identity(pod) for pod in found if as_wanted(pod, sums)}
    delete = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"namespace": pod["metadata"]["namespace"], "name": pod["metadata"]["name"]},
        }
        for pod in found
        if identity(pod) not in kept
    ]
    # In check mode what would be deleted is still there, and the API would refuse to change it.
    there = {identity(pod) for pod in found} if check_mode else kept
    # The record comes first: a run that is interrupted leaves no pod that is not in it.
    create = record_of(pods, names) + [pod for pod in pods if identity(pod) not in there]
    delete += [] if pods else [copy.deepcopy(RECORD) for _one in records]
    settled = not delete and not create and all((pod.get("status") or {}).get("phase") == "Running" for pod in found)
    # Nothing was changed in check mode.
    wait = [] if settled or check_mode else [{key: pod["metadata"][key] for key in ("namespace", "name")} for pod in pods]
    return {"delete": delete, "create": create, "wait": wait}


def identity(pod: dict) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def as_wanted(pod: dict, sums: dict) -> bool:
    """It has the specification of the wanted pod of its name, has not ended, and was given its attachments.

    A pod that was created before Multus was in force runs without them and never gets them.
    """
    notes = pod["metadata"].get("annotations") or {}
    phase = (pod.get("status") or {}).get("phase")
    return (
        notes.get(CHECKSUM) is not None
        and notes.get(CHECKSUM) == sums.get(identity(pod))
        and phase not in ("Failed", "Succeeded")
        and not pod["metadata"].get("deletionTimestamp")
        and (phase != "Running" or any(key in notes for key in STATUS))
    )


def namespace_problem(found: list[dict], name: str, pods: list[dict]) -> str:
    """Why this namespace does not take the pods, with the cure; empty where it does."""
    if not found:
        return f"dpdk_app_namespace names {name}, which is not a namespace of the cluster: create it, or correct the variable. No pod was changed."
    level = (found[0]["metadata"].get("labels") or {}).get("pod-security.kubernetes.io/enforce")
    of_host = any("hostPath" in volume for pod in pods for volume in pod["spec"]["volumes"])
    if level == "restricted" or (level == "baseline" and of_host):
        return (
            f"Pod Security of namespace {name} enforces level {level}, which forbids what the testpmd pods need (hostPath volumes, a container of root): "
            f"set dpdk_app_namespace to a namespace of level privileged, or label this one pod-security.kubernetes.io/enforce=privileged. No pod was changed."
        )
    return ""


def plan(read: dict, wanted: list[dict], namespace: str, recreate: bool = False, check_mode: bool = False) -> dict:
    """read: lists `namespace`, `pods`, `record` and `definitions` → what `decide` returns, and errors: why the namespace does not take the pods"""
    # The inventory may give digits.
    namespace = str(namespace)
    problem = namespace_problem(read["namespace"], namespace, wanted) if wanted else ""
    found = decide(read["pods"], wanted, read["definitions"], recreate, check_mode, namespace, read["record"])
    return {**found, "errors": [problem] if problem else []}
