# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import annotations

from datetime import datetime, timedelta, timezone

TAINT = "node.kubernetes.io/unschedulable"
# How far the time of a taint may be from that of the mark: the node lifecycle controller lags behind, and clocks differ.
TAINT_EARLIER = timedelta(minutes=5)
TAINT_LATER = timedelta(minutes=10)
MIRROR = "kubernetes.io/config.mirror"
# A node that is rebooted without being drained loses its pods.
NO_KUBECONFIG = (
    "{host} runs pods of a kubelet, and {delegate} has no kubeconfig {kubeconfig} to drain it with, so it was not rebooted. Set cluster_kubeconfig (or "
    "host_reboot_kubeconfig) to the absolute path of a kubeconfig on {delegate}, or set host_reboot_drain to false to reboot the host without draining it."
)
# It may be a node under another name.
NO_NODE = (
    "{node} is no node of the cluster that host_reboot_kubeconfig ({found}) leads to, so it was neither drained nor rebooted. The nodes are {nodes}. If "
    "the host is one of them, set kube_ovn_node_name (or host_reboot_node_name) to its name; if it is none yet, or on "
    "purpose, set host_reboot_drain to false for it."
)
# Another node would lose its pods, and this host would be rebooted under its own.
OTHER_MACHINE = (
    "{node} is the node of another host: its kubelet reports another machine-id and another boot. So nothing was drained or rebooted. "
    "Set kube_ovn_node_name (or host_reboot_node_name) of {host} to the name of its own node."
)
# k8s_drain deletes them for good and without a message if they have an emptyDir, as pods with hugepages do.
UNMANAGED = (
    "Node {node} was neither drained nor rebooted, since these pods on it have no controller that would create them again: {pods}. "
    "Delete or move them, or reboot all the same (host_reboot_mode: force), which deletes them."
)


def _mode(variables, mode):
    """Of a host; `mode` where the play or the role names one, which hostvars does not have."""
    return mode or variables.get("host_reboot_mode", "auto")


def plan(hosts, hostvars, timeout=900, drain_timeout=600, mode=""):
    """The reboots that are due: [{host, reasons, reboot, seconds}], in the order of the hosts.

    A host is in it when a role that ran on it has appended a request with a reason to `host_reboot_requests`, and `host_reboot_mode` is not
    `never`. `reboot` is false where all reasons need a drained node and no reboot. `seconds` is how long it may take at most: eviction,
    termination, boot, and the kubelet afterwards.
    """
    due = []
    for host in hosts:
        variables = hostvars.get(host, {})
        requests = [request for request in variables.get("host_reboot_requests") or [] if request.get("reasons")]
        reasons = [reason for request in requests for reason in request["reasons"]]
        if reasons and _mode(variables, mode) != "never":
            reboot = any(request.get("reboot", True) for request in requests)
            boot = int(variables.get("host_reboot_timeout", timeout)) if reboot else 0
            drain = int(variables.get("host_reboot_drain_timeout", drain_timeout)) if variables.get("host_reboot_drain", True) else 0
            due.append({"host": str(host), "reasons": [str(reason) for reason in reasons], "reboot": reboot, "seconds": 2 * drain + 2 * boot})
    return due


def batch_size(serial, hosts):
    """Hosts in the first and largest batch, as Ansible counts them: a number, a percentage, or a list of these."""
    sizes = []
    for size in serial if isinstance(serial, (list, tuple)) else [serial]:
        text = str(size).strip()
        number = int(float(text[:-1]) / 100 * hosts) if text.endswith("%") else int(text)
        sizes.append(hosts if number < 0 or text == "0" else max(number, 1))
    return min(max(sizes or [hosts]), hosts)


def report(hosts, hostvars, serial=1, timeout=900, drain_timeout=600, mode=""):
    """Lines that say which hosts will be rebooted, why, how many at a time, and how long a batch may take; what is left to the admin comes after them."""
    due = plan(hosts, hostvars, timeout, drain_timeout, mode)
    lines = []
    if due:
        seconds = max(item["seconds"] for item in due)
        lines.append(
            "%d host(s) will be drained%s, %d at a time; a batch may take up to %d minutes, and the first failure ends the run" % (
                len(due), " and rebooted" if any(item["reboot"] for item in due) else "", batch_size(serial, len(due)), (seconds + 59) // 60,
            )
        )
    lines += ["%s: %s%s" % (item["host"], "; ".join(item["reasons"]), "" if item["reboot"] else " (drained, not rebooted)") for item in due]
    for name in hosts:
        variables = hostvars.get(name, {})
        reasons = [str(reason) for request in variables.get("host_reboot_requests") or [] for reason in request.get("reasons") or []]
        if reasons and _mode(variables, mode) == "never":
            lines.append("%s has to be rebooted by hand (host_reboot_mode: never): %s" % (name, "; ".join(reasons)))
        found = host((variables.get("__host_reboot_read") or {}).get("stdout"))
        objects = (variables.get("__host_reboot_objects") or {}).get("objects") or {}
        if found["mark"] and node(objects, found)["cordon"] == "other":
            lines.append(
                "Node {0} was cordoned by another user or tool after an interrupted reboot of {1}, so it stays cordoned. When it may take pods again: "
                "kubectl uncordon {0}".format(objects["node"][0]["metadata"]["name"], name)
            )
    return lines


def _time(text):
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc)
    except (TypeError, ValueError):
        return None


def _cordon(node, cordoned_at, mark):
    """Whose cordon a node has, `nobody`, `role` or `other`; `mark` is the text that this role left on the host, empty without one."""
    if not (node.get("spec") or {}).get("unschedulable"):
        return "nobody"
    if not mark:
        return "other"
    fields = dict(line.partition(": ")[::2] for line in mark.splitlines() if line.startswith(("marked-at:", "cordoned-at:")))
    known = fields.get("cordoned-at", "").strip()
    if known and _time(known) is None:
        # Another user or tool was faster.
        return "other"
    if known and cordoned_at:
        return "role" if known == cordoned_at else "other"
    marked, added = _time(fields.get("marked-at", "").strip()), _time(cordoned_at)
    if marked and added:
        return "role" if marked - TAINT_EARLIER <= added <= marked + TAINT_LATER else "other"
    # A control plane without that taint.
    return "role"


def host(said):
    """What the role reads of a host in one command, {machine, kubelet, mark}: the text that identifies it, whether a kubelet has pods there, and its mark."""
    parts, part = {"[machine]": [], "[pods]": [], "[mark]": []}, None
    # A terminal that the connection has may write line ends of its own.
    for line in (said or "").replace("\r", "").splitlines():
        if line in parts:
            part = parts[line]
        elif part is not None:
            part.append(line)
    # Of several directories each has its name before it.
    pods = [line for line in parts["[pods]"] if line and not (line.startswith("/") and line.endswith(":"))]
    return {"machine": "\n".join(parts["[machine]"]), "kubelet": bool(pods), "mark": "\n".join(parts["[mark]"])}


def other_machine(resource, identity):
    """Whether a Node object is that of another machine; `identity` are the lines of /etc/machine-id and of the kernel's boot_id on this one.

    The kubelet reports both. One of them may be that of before, when it has not started yet since; machines that were cloned have the same machine-id.
    """
    info = (resource.get("status") or {}).get("nodeInfo") or {}
    known = [text for text in (info.get("machineID"), info.get("bootID")) if text]
    own = identity.split()
    return len(known) == 2 and len(own) == 2 and not set(known) & set(own)


def node(objects, found=None):
    """What matters of a node, by its object and its pods, {node: [...], pods: [...]}, and by what host() has found on the host.

    is_node, other_machine, boot_id, ready, conditions (text), cordon (nobody, role or other), cordoned_at (the time of the taint), and the names of pods:
    `unmanaged`, which no controller would create again, and `remaining`, which have still to terminate before a reboot.
    """
    found = found or {"machine": "", "mark": ""}
    resource = (objects.get("node") or [{}])[0]
    status = resource.get("status") or {}
    conditions = status.get("conditions") or []
    taints = [taint for taint in (resource.get("spec") or {}).get("taints") or [] if taint.get("key") == TAINT]
    cordoned_at = str(taints[0].get("timeAdded") or "") if taints else ""
    return {
        "is_node": bool(resource),
        "other_machine": other_machine(resource, found["machine"]),
        "boot_id": (status.get("nodeInfo") or {}).get("bootID") or "",
        "ready": any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions),
        "conditions": ", ".join("%s %s (%s)" % (item.get("type"), item.get("status"), item.get("message") or "") for item in conditions),
        "cordon": _cordon(resource, cordoned_at, found["mark"]),
        "cordoned_at": cordoned_at,
        **pods(objects.get("pods") or []),
    }


def pods(resources):
    """Names of pods on a node: `unmanaged`, which no controller would create again, and `remaining`, which have still to terminate before a reboot."""
    unmanaged, remaining = [], []
    for pod in resources:
        metadata, status = pod["metadata"], pod.get("status") or {}
        # An owner that is no controller has the pod deleted with it, and creates no other.
        owners = [owner.get("kind") for owner in metadata.get("ownerReferences") or [] if owner.get("controller")]
        if status.get("phase") in ("Succeeded", "Failed") or MIRROR in (metadata.get("annotations") or {}):
            continue
        name = "%s/%s" % (metadata.get("namespace"), metadata.get("name"))
        # The role dpdk_app creates its pods again in the same run.
        if not owners and (metadata.get("labels") or {}).get("app.kubernetes.io/part-of") != "kube-ovn-dpdk":
            unmanaged.append(name)
        # Pods of a DaemonSet are not evicted, and static pods are the kubelet's own.
        if not set(owners) & {"DaemonSet", "Node"}:
            remaining.append(name)
    return {"unmanaged": sorted(unmanaged), "remaining": sorted(remaining)}


def refusal(state, found, about):
    """Why a host is not drained and rebooted, empty where it may be; `state` is what node() says, and `found` what host() says.

    `about` has the host, its node, the delegate, the kubeconfig that was asked for and the one that was found, mode, the names of all nodes where the host is
    none of them, and whether a reboot is due. Without one the node is only uncordoned.
    """
    if about["mode"] == "force":
        return ""
    if not about["found"]:
        return NO_KUBECONFIG.format(**dict(about, kubeconfig=about["kubeconfig"] or "''")) if found["kubelet"] else ""
    if not about["due"]:
        return ""
    if not state["is_node"]:
        return NO_NODE.format(**dict(about, nodes=", ".join(about["nodes"]))) if about["nodes"] else ""
    if state["other_machine"]:
        return OTHER_MACHINE.format(**about)
    return UNMANAGED.format(pods=", ".join(state["unmanaged"]), **about) if state["unmanaged"] else ""
