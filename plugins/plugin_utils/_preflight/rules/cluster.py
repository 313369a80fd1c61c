# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the cluster must offer, whatever the settings of the roles are: its API, its nodes, its other network plugins, what all hosts must agree on."""

from __future__ import annotations

import re

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import matrix
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.engine import CLUSTER, error, notice, rule, warning
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight.readers import dotted, is_linux, names, version


# As module_utils/basic.py of ansible-core words it (missing_required_lib).
MISSING_LIBRARY = re.compile(r"Failed to import the required Python library \((?P<name>[^)]*)\) on (?P<host>\S+)'s Python (?P<python>[^\s]+?)\.?(?:\s|$)")


@rule("kubernetes-api", CLUSTER, "the Kubernetes API answers")
def api_answers(case):
    problem = case.facts.get("api_error")
    if problem and not case.facts.get("host_failed") and not MISSING_LIBRARY.search(problem):
        yield error("the Kubernetes API does not answer: %s" % problem, "set cluster_kubeconfig to a kubeconfig that works on the host of group cluster")


@rule("python-kubernetes", CLUSTER, "the host of group cluster has the Python package kubernetes")
def python_library(case):
    missing = MISSING_LIBRARY.search(case.facts.get("api_error", ""))
    if missing:
        yield error(
            "the Python package %s is missing for %s on the host of group cluster" % (missing.group("name"), missing.group("python")),
            "run %s -m pip install %s there, or set ansible_python_interpreter of that host to a Python that has it"
            " ('{{ ansible_playbook_python }}' is the one that Ansible itself runs with)" % (missing.group("python"), missing.group("name").split()[0]),
        )


@rule("host-unexamined", CLUSTER, "every host could be examined")
def unexamined_hosts(case):
    cure = "it must be reachable and have Python 2.7, or 3.6 and later (ansible_python_interpreter; on Ubuntu 16.04 /usr/bin/python2.7)"
    for host, reason in sorted(case.facts.get("unexamined", {}).items()):
        yield error("%s could not be examined: %s" % (host, reason), cure + ", or be taken out of group nodes")
    for host, reason in sorted(case.facts.get("unexamined_builders", {}).items()):
        yield error("%s of group build could not be examined: %s" % (host, reason), cure)
    if case.facts.get("host_failed"):
        yield error(
            "the host of group cluster could not be examined: %s" % case.facts.get("api_error"),
            cure + "; for localhost set ansible_python_interpreter: '{{ ansible_playbook_python }}'",
        )


@rule("node-ready", CLUSTER, "no node of the cluster is lost")
def lost_nodes(case):
    excluded = names(case.setting("kube_ovn_excluded_nodes"))
    for name, node in sorted(case.facts.get("nodes", {}).items()):
        # Pods of Kube-OVN are for Linux alone.
        if name in excluded or not is_linux(node.get("labels") or {}):
            continue
        ready = node.get("ready") or {}
        text = "%s: %s" % (ready.get("reason", ""), ready.get("message", ""))
        # A node without a network is what this collection is for.
        if ready.get("status", "True") == "True" or re.search(r"cni|network ?plugin|NetworkReady=false", text, re.I):
            continue
        kind = error if ready["status"] == "Unknown" else warning
        yield kind(
            "node %s is not ready (%s), and roll-outs wait for the pods of every node" % (name, text.strip(": ")),
            "bring it back, name it in kube_ovn_excluded_nodes, or remove it from the cluster (kubectl delete node %s) and from group nodes" % name,
        )


@rule("cluster-wide", CLUSTER, "what holds for the whole cluster is the same on all hosts")
def differing_values(case):
    for name, value in sorted(case.cluster_wide().items()):
        others = [(host, own.cluster_wide()[name]) for host, own in case.hosts() if own.settings]
        hosts = ["%s on %s" % (other or "not set", host) for host, other in others if other != value]
        if hosts:
            yield error(
                "%s is %s on the host of group cluster, and %s" % (name, value or "not set", ", ".join(hosts)),
                "set it once for all hosts, in group_vars/all.yml",
            )


@rule("missing-namespace", CLUSTER, "namespaces that roles work in are there")
def namespaces(case):
    there = case.facts.get("pod_security") or {}
    wanted = [(name, case.setting(name)) for name in ("multus_namespace", "verify_namespace")]
    for item in case.attachments():
        if item.get("namespace"):
            wanted.append(("namespace of attachment %s" % item.get("name"), item["namespace"]))
        else:
            wanted.append(("network_attachments_namespace", case.setting("network_attachments_namespace")))
    for name, namespace in sorted(set((name, str(namespace)) for name, namespace in wanted if namespace)):
        if there and namespace not in there:
            yield error("%s is %s, which the cluster does not have" % (name, namespace), "create it (kubectl create namespace %s), or name another" % namespace)


@rule("other-network", CLUSTER, "no other network plugin runs in the cluster")
def other_network(case):
    for name in case.facts.get("other_networks", []):
        yield error(
            "%s runs in the cluster: it is another network plugin" % name, "remove it with its CNI configuration on every node before Kube-OVN is installed"
        )


@rule("kubernetes-version", CLUSTER, "Kubernetes and the Kube-OVN release fit each other")
def kubernetes_version(case):
    kubernetes = version(case.facts.get("kubernetes_version"))
    if kubernetes is None:
        return
    text = case.facts["kubernetes_version"]
    if kubernetes < (1, 11, 0):
        yield error("Kubernetes %s is older than any Kube-OVN supports" % text, "upgrade Kubernetes to 1.16 or later")
        return
    # What is wrong with the release and the mode as such is another check's.
    lowest = matrix.lowest_kubernetes(case.release, case.mode) if case.release else None
    if lowest is None:
        return
    row = matrix.release_row(case.release, case.mode, kubernetes[:2])
    release = "v" + dotted(case.release)
    if row is not None and row.evidence == "refused":
        yield error(
            "Kube-OVN %s does not work with Kubernetes %s: %s" % (release, text, row.note),
            "use another kube_ovn_version, or upgrade Kubernetes to %s or later; docs/matrix.md lists what fits" % dotted(lowest)
            if kubernetes[:2] < lowest
            else "use a later kube_ovn_version; docs/matrix.md lists what fits",
        )
    elif kubernetes[:2] > matrix.NEWEST_KUBERNETES:
        yield warning(
            "Kubernetes %s is newer than any that this collection was tried with" % text, "look for a later release of Kube-OVN and of this collection"
        )


def combination(case):
    """(what, row of the matrix or None) of Kubernetes with Kube-OVN, of each container runtime and of each operating system; empty where it is not known."""
    kubernetes = version(case.facts.get("kubernetes_version"))
    if kubernetes is None or case.release is None:
        return []
    runtimes = sorted(set(str(node.get("runtime", "")) for node in case.facts.get("nodes", {}).values()))
    systems = sorted(
        set((str(facts.get("os", {}).get("id", "")), str(facts.get("os", {}).get("version", ""))) for facts in case.facts.get("host_facts", {}).values())
    )
    first = "Kube-OVN v%s in %s mode on Kubernetes %s" % (dotted(case.release), case.mode, case.facts["kubernetes_version"])
    found = [(first, matrix.release_row(case.release, case.mode, kubernetes[:2]))]
    found += [(name, matrix.runtime_row(name)) for name in runtimes]
    for name, text in [system for system in systems if system != ("", "")]:
        major = re.match(r"[0-9]{1,6}(?![0-9])", text)
        found.append(("%s %s" % (name, text), matrix.system_row(name, int(major.group(0))) if major else None))
    return found


@rule("untried-combination", CLUSTER, "Kubernetes, Kube-OVN, container runtime and operating system were tried together")
def untried(case):
    rows = combination(case)
    if not rows or rows[0][1] is None or rows[0][1].evidence == "refused":
        return
    evidence = matrix.weakest([row for _what, row in rows])
    if evidence != "lab":
        yield notice(
            "Kube-OVN v%s in %s mode on Kubernetes %s with %s has not run in the lab: it is %s"
            % (
                dotted(case.release),
                case.mode,
                case.facts["kubernetes_version"],
                ", ".join(what for what, _row in rows[1:]) or "these nodes",
                evidence,
            ),
            "docs/matrix.md says what each word means; try it on a cluster that may break, and let role verify prove it",
        )
