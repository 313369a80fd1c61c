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


def plan(hosts, hostvars, timeout=900, drain_timeout=600):
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
        if reasons and variables.get("host_reboot_mode", "auto") != "never":
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


def report(due, serial=1):
    """Lines that say which hosts will be rebooted, why, how many at a time, and how long a batch may take."""
    size = batch_size(serial, len(due))
    seconds = max(item["seconds"] for item in due)
    lines = ["%s: %s%s" % (item["host"], "; ".join(item["reasons"]), "" if item["reboot"] else " (drained, not rebooted)") for item in due]
    return [
        "%d host(s) will be drained%s, %d at a time; a batch may take up to %d minutes, and the first failure ends the run" % (
            len(due), " and rebooted" if any(item["reboot"] for item in due) else "", size, (seconds + 59) // 60,
        )
    ] + lines


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
    if known and cordoned_at:
        return "role" if known == cordoned_at else "other"
    marked, added = _time(fields.get("marked-at", "").strip()), _time(cordoned_at)
    if marked and added:
        return "role" if marked - TAINT_EARLIER <= added <= marked + TAINT_LATER else "other"
    # A control plane without that taint.
    return "role"


def other_machine(resource, identity):
    """Whether a Node object is that of another machine; `identity` are the lines of /etc/machine-id and of the kernel's boot_id on this one.

    The kubelet reports both. One of them may be that of before, when it has not started yet since; machines that were cloned have the same machine-id.
    """
    known = [text for text in (node(resource)["machine_id"], node(resource)["boot_id"]) if text]
    own = identity.split()
    return len(known) == 2 and len(own) == 2 and not set(known) & set(own)


def node(resource, mark=""):
    """What matters of a Node object: boot_id, machine_id, ready, conditions (text), cordon (nobody, role or other), cordoned_at (the time of the taint)."""
    status = resource.get("status") or {}
    conditions = status.get("conditions") or []
    taints = [taint for taint in (resource.get("spec") or {}).get("taints") or [] if taint.get("key") == TAINT]
    cordoned_at = str(taints[0].get("timeAdded") or "") if taints else ""
    return {
        "boot_id": (status.get("nodeInfo") or {}).get("bootID") or "",
        "machine_id": (status.get("nodeInfo") or {}).get("machineID") or "",
        "ready": any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions),
        "conditions": ", ".join("%s %s (%s)" % (item.get("type"), item.get("status"), item.get("message") or "") for item in conditions),
        "cordon": _cordon(resource, cordoned_at, mark),
        "cordoned_at": cordoned_at,
    }


def pods(resources):
    """Names of pods on a node: `unmanaged`, which nobody would create again, and `remaining`, which have still to go before a reboot."""
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
