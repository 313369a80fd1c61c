# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether workloads and pods are ready, and why they are not.

PRIVATE to the collection. All are functions of their arguments; objects are dictionaries as the API has them.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

LOG_LINES = 8
EVENTS = 5


def pod_ready(pod):
    """Whether the pod is ready and is not being deleted."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    return any(item["type"] == "Ready" and item["status"] == "True" for item in (pod.get("status") or {}).get("conditions") or [])


def selected(pods, workload):
    """The pods that the selector of a workload matches."""
    labels = (workload["spec"].get("selector") or {}).get("matchLabels") or {}
    return [pod for pod in pods if labels and all((pod["metadata"].get("labels") or {}).get(key) == labels[key] for key in labels)]


def _is_daemon_set(workload):
    return workload["kind"] == "DaemonSet"


def _on_delete(workload):
    return _is_daemon_set(workload) and (workload["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"


def observed(workload):
    """Whether its controller has seen the last change of the workload."""
    return (workload.get("status") or {}).get("observedGeneration", -1) >= workload["metadata"].get("generation", 0)


def counts(workload, excluded=0):
    """(wanted, updated, available) pods of a workload; `excluded` are those that are not waited for.

    With the update strategy OnDelete the controller replaces no pods, so that an old one counts as updated.
    """
    status = workload.get("status") or {}
    if _is_daemon_set(workload):
        wanted, updated, available = (status.get(key) or 0 for key in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable"))
    else:
        replicas = workload["spec"].get("replicas")
        wanted, updated, available = 1 if replicas is None else replicas, status.get("updatedReplicas") or 0, status.get("availableReplicas") or 0
    wanted = max(wanted - excluded, 0)
    return wanted, wanted if _on_delete(workload) else updated, available


def rolled_out(workload, excluded=0):
    """Whether the workload is completely as it was last applied, but for so many pods on excluded nodes."""
    wanted, updated, available = counts(workload, excluded)
    return observed(workload) and updated >= wanted and available >= wanted


def excluded_pods(pods, workload, nodes):
    """How many pods of a workload are on excluded nodes; a pod that is being deleted there has a successor elsewhere, which waits for its place."""
    return sum(1 for pod in selected(pods, workload) if (pod.get("spec") or {}).get("nodeName") in nodes)


def failing_containers(pod):
    """Containers of a pod that are not ready, those that start first coming first: (name, whether it is an init container, state, its restarts)."""
    status, found = pod.get("status") or {}, []
    for field, is_init in (("initContainerStatuses", True), ("containerStatuses", False)):
        for item in status.get(field) or []:
            state = item.get("state") or {}
            done = (state.get("terminated") or {}).get("exitCode") == 0
            if not item.get("ready") and not (is_init and done):
                found.append((item["name"], is_init, state, item.get("restartCount") or 0))
    return found


def describe_state(state):
    for name in ("waiting", "terminated", "running"):
        if name in state:
            detail = state[name] or {}
            words = [name] + [detail[key] for key in ("reason", "message") if detail.get(key)]
            if "exitCode" in detail:
                words.append("exit code %s" % detail["exitCode"])
            return ", ".join(words)
    return "not started"


def last_lines(text, lines=LOG_LINES):
    kept = [line.strip() for line in (text or "").split("\n") if line.strip()]
    return " | ".join(kept[-lines:])


def describe_events(events, names):
    """The last messages of the events of objects with these names, or whose names begin with one of them and a dash (pods of a ReplicaSet)."""

    def time(event):
        return event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""

    def concerned(event):
        name = (event.get("involvedObject") or {}).get("name") or ""
        return any(name == known or name.startswith(known + "-") for known in names)

    messages = []
    for event in sorted((event for event in events if concerned(event)), key=time):
        message = " ".join((event.get("message") or "").split())
        if message in messages:
            messages.remove(message)
        messages.append(message)
    return " | ".join(messages[-EVENTS:])


def explain(title, seconds, problem, pods, events, names, read_log):
    """Why something did not become ready: the pods, their last events, and the logs of containers that fail, with those of the attempts before.

    `read_log(pod, container, previous)` returns text, or None where there is none.
    """
    unready = [pod for pod in pods if not pod_ready(pod)]
    words = ["%s was not ready after %d s without progress." % (title, seconds)]
    if problem:
        words.append(problem)
    words.append("Pods not ready: %s." % (", ".join(pod["metadata"]["name"] for pod in unready) or "none"))
    words.append("Last events: %s." % (describe_events(events, names + [pod["metadata"]["name"] for pod in unready]) or "none"))
    logs = []
    for pod in unready[:1]:
        for container, is_init, state, restarts in failing_containers(pod):
            logs.append("%s %s of pod %s: %s." % ("Init container" if is_init else "Container", container, pod["metadata"]["name"], describe_state(state)))
            for previous in (False, True)[: 2 if restarts else 1]:
                text = last_lines(read_log(pod, container, previous))
                if text:
                    logs.append("Last log lines%s: %s." % (" of its previous attempt" if previous else "", text))
    words += logs or ["Last log lines: none."]
    return " ".join(words)
