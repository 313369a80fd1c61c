# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role kube_ovn has to do: what was rendered and what the API returned become lists that kubernetes.core takes as they are.

PRIVATE to the collection. All are functions of their arguments; objects are dictionaries as the API has them.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ipaddress
import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._k8s_rollout import excluded_pods, pod_ready, rolled_out
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import plan as verify

NAMESPACE = "kube-system"
# The DaemonSets of Open vSwitch: in dedicated mode the first runs OVS-DPDK on every node, in hybrid mode the second does on its own nodes.
OVS, HYBRID = "ovs-ovn", "ovs-ovn-dpdk"
SWITCHES = (OVS, HYBRID, "ovn-central")
# Workloads that an installer makes on request only.
ON_REQUEST = ("ovn-ic-controller", "ovn-ic-server", "kube-ovn-monitor")
DATAPATH = "ovn.kubernetes.io/ovs_dp_type"
# Label of the pods of OVS-DPDK.
OVS_DPDK_APP = "ovs-dpdk"
# Workloads whose image is the release, with the container that has it: what writes into the databases, and what uses them. Others may have been injected.
READERS = {"ovn-central": "ovn-central", "kube-ovn-controller": "kube-ovn-controller", "kube-ovn-cni": "cni-server"}
# Workloads without which no Kube-OVN is.
KUBE_OVN = (OVS,) + tuple(READERS)
# The label of pods that role dpdk_app creates, and creates again.
OWN = ("app.kubernetes.io/part-of", "kube-ovn-dpdk")

# Custom resources in the order of their removal: kinds that are named nowhere come first, while their controller runs, for what they made is on the
# nodes or in the databases; the last three go with their definitions, when everything that uses them was removed.
CUSTOM_API = "kubeovn.io/v1"
USED_BY_OTHERS = ("IPPool", "Vlan", "ProviderNetwork")
NETWORKS = ("Subnet", "Vpc", "IP")

# Created by Kube-OVN itself or for it, or left by an older release, so that the installer does not name them.
MADE_LATER = [
    dict(apiVersion=version, kind=kind, metadata=dict(name=name, **(dict(namespace=NAMESPACE) if namespaced else {})))
    for version, kind, namespaced, names in (
        ("v1", "ConfigMap", True, ("ovn-config", "ovn-ic-config", "ovn-external-gw-config", "ovn-vpc-nat-config", "ovn-vpc-nat-gw-config",
                                   "vpc-dns-config", "kube-ovn-controller")),
        ("v1", "Service", True, ("ovn-northd",)),
        ("v1", "Secret", True, ("kube-ovn-tls", "ovn-ipsec-ca")),
        ("coordination.k8s.io/v1", "Lease", True, ("kube-ovn-controller",)),
        ("policy/v1beta1", "PodSecurityPolicy", False, ("kube-ovn",)),
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", False, ("vpc-dns",)),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", False, ("system:vpc-dns",)),
        ("v1", "ServiceAccount", True, ("vpc-dns",)),
    )
    for name in names
]

# Labels and annotations of Kube-OVN: its own, and those of attachments, PROVIDER.kubernetes.io/WHAT with NAME.NAMESPACE or NAME.NAMESPACE.ovn as provider.
KUBE_OVN_KEYS = re.compile(
    r"([^/]+\.)?ovn\.kubernetes\.io/|kube-ovn/role$|[^/]+\.provider-network\.kubernetes\.io/|[^/]+\.[^/]+\.kubernetes\.io/"
    r"(allocated|routed|ip_address|mac_address|cidr|gateway|logical_switch|logical_router|ip_pool|vlan_id|pod_nic_type|provider_network|port_security)$"
)
# Where Kube-OVN notes the addresses that it gave to a pod. It does so for pods of other networks too, which keep the address that they have.
ADDRESSES = re.compile(r"(?P<provider>([^/]+\.)?ovn\.kubernetes\.io)/ip_address$")


def named(item, **metadata):
    """The object by its name alone, with something to patch into its metadata."""
    for key in ("namespace", "name"):
        if item["metadata"].get(key):
            metadata[key] = item["metadata"][key]
    return dict(apiVersion=item["apiVersion"], kind=item["kind"], metadata=metadata)


def title(item):
    return "%s/%s" % (item["kind"], item["metadata"]["name"])


def owner(item, kind=None):
    """Name of the owner, of this kind where one is given; empty where there is none."""
    owners = item["metadata"].get("ownerReferences") or []
    return next((entry.get("name", "") for entry in owners if kind in (None, entry.get("kind"))), "")


def is_managed(pod):
    """Whether a controller replaces the pod when it is deleted. The kubelet does not replace its own: it only shows them again."""
    return any(item["kind"] != "Node" for item in pod["metadata"].get("ownerReferences") or [])


def is_system(item):
    """Whether the object is in the namespace of Kube-OVN's own."""
    return item["metadata"].get("namespace", NAMESPACE) == NAMESPACE


def workloads_of(found):
    """DaemonSets and Deployments of Kube-OVN's namespace, of the objects that role kube_ovn has read by their keys."""
    return [item for item in list(found["daemonsets"]) + list(found["deployments"]) if is_system(item)]


def elsewhere(workloads):
    """Workloads of a Kube-OVN in another namespace, where only other tools put it: KIND NAMESPACE/NAME of those that have pods in the network of the node."""
    found = []
    for item in workloads:
        status = item.get("status") or {}
        has_pods = status.get("currentNumberScheduled") or status.get("replicas")
        # A name alone is no sign of it: who may create workloads in a namespace can give them any.
        if item["metadata"]["name"] in KUBE_OVN and not is_system(item) and has_pods and item["spec"]["template"]["spec"].get("hostNetwork"):
            found.append("%s %s/%s" % (item["kind"], item["metadata"]["namespace"], item["metadata"]["name"]))
    return sorted(found)


def newest_revisions(revisions):
    """The hash of the newest revision of each DaemonSet. StatefulSets have revisions too, with another label, and are left out."""
    found = {}
    for item in sorted(revisions, key=lambda item: item["revision"]):
        name, revision = owner(item, "DaemonSet"), (item["metadata"].get("labels") or {}).get("controller-revision-hash")
        if name and revision:
            found[name] = revision
    return found


def has_hugepages(spec):
    """Whether a container of the pod has hugepages. In a DaemonSet of OVS only OVS-DPDK has."""
    return any(name.startswith("hugepages-") for container in spec["containers"] for name in (container.get("resources") or {}).get("limits") or {})


def tunnel_bridge(pod):
    """The bridge that the pod of OVS-DPDK has made in hybrid mode, empty in dedicated mode."""
    env = [item for container in pod["spec"].get("containers", []) for item in container.get("env") or []]
    return next((item.get("value", "") for item in env if item["name"] == "DPDK_TUNNEL_IFACE"), "")


def is_client(pod):
    """Whether the pod has ports of Userspace CNI of which OVS-DPDK makes the sockets: their clients do not come back to it after a restart.

    Where OVS-DPDK is the client, as with all ports that Kube-OVN itself makes in hybrid mode, it does come back.
    """
    if verify.CONFIGURATION not in (pod["metadata"].get("annotations") or {}):
        return False
    attachments, problem = verify.attachments(pod)
    return bool(problem) or not all(item["server"] for item in attachments)


def is_on_kube_ovn(pod):
    """Whether the pod has its address from Kube-OVN. Where that does not say so, only the age of the pod shows it."""
    annotations = pod["metadata"].get("annotations") or {}
    for key in annotations:
        found = ADDRESSES.match(key)
        if found and annotations.get(found.group("provider") + "/allocated") == "true" and pod["status"]["podIP"] in annotations[key].split(","):
            return True
    return False


def node_of(pod):
    """Where the pod of a DaemonSet belongs. Before a node has taken it, only the terms that its controller wrote show it."""
    if pod["spec"].get("nodeName"):
        return pod["spec"]["nodeName"]
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms") or []
    return next((field["values"][0] for term in terms for field in term.get("matchFields") or [] if field["key"] == "metadata.name"), "")


def stages(rendered, known, switches=()):
    """The installer's order: stages of objects to apply and workloads to wait for, those up to ovn-central, and those after it.

    Open vSwitch is brought up in between, before everything that needs it: the controllers of these DaemonSets have to have seen what was applied.
    Files that are applied one after the other are one stage.
    """
    found, central = [], None
    for step in rendered["steps"]:
        if step["action"] == "apply":
            if not found or found[-1]["wait"] or central == len(found):
                found.append(dict(name=step["file"], first=step["first"], count=step["count"], wait=[], timeout=0))
            else:
                found[-1]["name"] += ", " + step["file"]
                found[-1]["count"] += step["count"]
        # CoreDNS is the cluster's own, and not in every cluster.
        elif step["action"] == "wait" and step["condition"] == "rollout" and "%s/%s" % (step["kind"], step["name"]) in known:
            if not found or central == len(found):
                found.append(dict(name=step["name"], first=0, count=0, wait=[], timeout=0))
            found[-1]["wait"].append(dict(kind=step["kind"], name=step["name"], namespace=step.get("namespace") or NAMESPACE))
            found[-1]["timeout"] = max(found[-1]["timeout"], step.get("timeout") or 0)
            if step["name"] == "ovn-central":
                central = len(found)
    central = len(found) if central is None else central
    if central:
        found[central - 1]["wait"] += [dict(kind="DaemonSet", name=name, namespace=NAMESPACE, until="observed") for name in switches]
    return found[:central], found[central:]


def node_labels(rendered, daemonset, nodes, removed, known):
    """Patches of the labels of nodes, where they differ from those of the nodes that are known."""
    labels = dict((node, {DATAPATH: "userspace"}) for node in nodes) if daemonset == HYBRID else {}
    labels.update((node, {DATAPATH: None}) for node in removed)
    for step in rendered["steps"]:
        if step["action"] == "label":
            for node in step["nodes"]:
                own = dict((key, value) for key, value in labels.get(node, {}).items() if value is not None or key not in step["labels"])
                labels[node] = dict(step["labels"], **own)
    present = dict((node["metadata"]["name"], node["metadata"].get("labels") or {}) for node in known)
    differing = [node for node in sorted(labels) if node not in present or any(present[node].get(key) != value for key, value in labels[node].items())]
    return [dict(apiVersion="v1", kind="Node", metadata=dict(name=node, labels=labels[node])) for node in differing]


def obsolete(workloads, current, daemonset, revisions):
    """What has to be deleted, since it cannot be changed in place: `objects` by the `policy` to delete them with, in this order."""
    orphaned, replaced = [], []
    for item in current:
        wanted = workloads.get(title(item))
        # A selector is immutable, and OVS-DPDK has a DaemonSet of another name in the other mode.
        other_selector = wanted and wanted["spec"]["selector"] != item["spec"]["selector"]
        other_mode = item["metadata"]["name"] in (OVS, HYBRID) and item["metadata"]["name"] != daemonset and has_hugepages(item["spec"]["template"]["spec"])
        if other_selector or other_mode:
            (orphaned if item["metadata"]["name"] in (OVS, HYBRID) else replaced).append(named(item))
    # The new DaemonSet would take the revisions of the old one for its own.
    names = [item["metadata"]["name"] for item in orphaned]
    for item in revisions:
        if owner(item, "DaemonSet") in names or (not owner(item) and item["metadata"]["name"].startswith(OVS + "-")):
            replaced.append(named(item))
    return [dict(policy=policy, objects=objects) for policy, objects in (("Orphan", orphaned), ("Foreground", replaced)) if objects]


def workload_removal(ours, switches, stuck, excluded):
    """The removal of workloads: `others`, then a command in the `pods` of OVS, then the `switches`. Each step has its `objects` and how to delete them.

    Pods on a node that is down never end by themselves: they are deleted without that before their workloads are waited for.
    """

    def step(items, wait=not excluded, **options):
        return dict(objects=[named(item) for item in items], wait=wait, delete_options=options or dict(propagationPolicy="Foreground"))

    last = [item for item in ours if item["metadata"]["name"] in SWITCHES]
    steps = [step(last)] + ([step(stuck, True, gracePeriodSeconds=0), step(ours, True)] if excluded else [])
    return dict(
        others=[item for item in [step([item for item in ours if item not in last])] if item["objects"]],
        pods=switches,
        switches=[item for item in steps if item["objects"]],
    )


def deployment(rendered, daemonset, nodes, found, removed=(), restart=(), excluded=(), unapplied=None, tried=()):
    """How to get from what was found to what was rendered.

    `daemonset` is that of OVS-DPDK, `nodes` run it, `removed` are nodes that ran it in hybrid mode and do not any more. `found` are the objects that role
    kube_ovn has read, by their keys: `daemonsets`, `deployments`, `nodes`, `pods` and `revisions`. `unapplied` are the rendered objects that are not surely
    as they were applied, None where that was not asked, and `tried` are what came of each of these, the first one twice, when it was applied in check mode.
    For `restart` and `excluded` see `pods`.
    """
    current = workloads_of(found)
    workloads = dict((title(item), item) for item in rendered["objects"] if item["kind"] in ("DaemonSet", "Deployment"))
    ours = [item for item in current if item["metadata"]["name"] in set(name.split("/")[1] for name in workloads) | set(SWITCHES + ON_REQUEST)]
    # Pods on Kube-OVN's own network first, while kube-ovn-cni can still remove their ports, and kube-ovn-cni last.
    ours.sort(key=lambda item: (item["metadata"]["name"] == "kube-ovn-cni", bool(item["spec"]["template"]["spec"].get("hostNetwork"))))
    since = [item["metadata"]["creationTimestamp"] for item in current if title(item) == "DaemonSet/kube-ovn-cni"]
    # DaemonSets of OVS whose pods only this role replaces: OVS-DPDK, and up to v1.11 the kernel's OVS too.
    on_delete = sorted(
        item["metadata"]["name"]
        for item in workloads.values()
        if title(item) in ("DaemonSet/" + OVS, "DaemonSet/" + HYBRID) and (item["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"
    )
    before, after = stages(rendered, set(workloads) | set(title(item) for item in current), on_delete)
    plan = dict(
        labels=node_labels(rendered, daemonset, nodes, removed, found["nodes"]),
        stages_before_ovs=before,
        stages_after_ovs=after,
        obsolete=obsolete(workloads, current, daemonset, found["revisions"]),
        ready=sorted(title(item) for item in current if rolled_out(item)),
        # When Kube-OVN became the network.
        since=since[0] if since else "",
        # DaemonSets of OVS with the labels of their pods.
        selectors=dict((name, workloads["DaemonSet/" + name]["spec"]["selector"]["matchLabels"]) for name in (OVS, HYBRID) if "DaemonSet/" + name in workloads),
        on_delete=on_delete,
        # Nodes that give up OVS-DPDK.
        removed=list(removed),
        # OVS-DPDK, as module k8s_rollout_info takes it.
        ovs=[dict(kind="DaemonSet", name=daemonset, namespace=NAMESPACE)],
    )
    affected = pods(found["pods"], plan, daemonset, nodes, found["revisions"], restart, excluded=excluded)
    system = [pod for pod in found["pods"] if is_system(pod)]
    rolled = set(title(item) for item in current if rolled_out(item, excluded_pods(system, item, excluded)))
    wanted = set("%s/%s" % (item["kind"], item["name"]) for stage in before + after for item in stage["wait"]) | set(["DaemonSet/" + daemonset])
    plan["removal"] = workload_removal(ours, affected["switches"], [pod for pod in system if node_of(pod) in excluded], excluded)
    others = plan["labels"] or plan["obsolete"] or affected["orphans"] or affected["outdated"] or wanted - rolled
    # An object of which nothing is known may be another one. The first of those that were tried was tried twice.
    unknown = unapplied is None or len(tried) != len(unapplied) + bool(unapplied)
    plan["differs"] = bool(others) or unknown or any(item["changed"] or item.get("error") for item in tried)
    return plan


def release(listed, current=()):
    """The newest release that has run, empty where none has: `listed` are the pods, `current` the workloads, which count where no pod is left.

    What was applied but never started because its image was missing wrote nothing to the databases, so that an older release may follow.
    """

    def tags(specs):
        found = [re.search(r":v(\d+)\.(\d+)\.(\d+)", image) for image in specs]
        return sorted(tuple(int(number) for number in match.groups()) for match in found if match)

    def images(spec, app):
        return [item["image"] for item in spec["containers"] if app in READERS and item["name"] == READERS[app]]

    started = []
    for pod in [pod for pod in listed if is_system(pod)]:
        app = (pod["metadata"].get("labels") or {}).get("app")
        if any(status["name"] == READERS.get(app) and status.get("imageID") for status in pod["status"].get("containerStatuses") or []):
            started += images(pod["spec"], app)
    applied = [image for item in current for image in images(item["spec"]["template"]["spec"], item["metadata"]["name"])]
    found = tags(started if started else applied)
    return "v%d.%d.%d" % found[-1] if found else ""


def tunnel_address(text):
    """The address of ADDRESS/PREFIX as OVN and the kernel write it; empty where it is not an address, or where its network has no other address."""
    if not re.match(r"[0-9A-Fa-f.:]+/[0-9]+\Z", text):
        return ""
    try:
        found = ipaddress.ip_interface(text)
    except ValueError:
        return ""
    return str(found.ip) if 0 < found.network.prefixlen < found.max_prefixlen else ""


def pod_reports(recreate, own, foreign, unmanaged, consent):
    """What a user has to know of pods that this role does not recreate."""
    removed = [item["metadata"]["name"] for item in own]
    others = [item["name"] for item in recreate if item["name"] not in removed]
    found = []
    if others:
        found.append(
            "These pods are older than the OVS-DPDK of their node, and the clients of its vhost-user sockets. They do not reconnect by themselves and "
            "have to be recreated: %s." % ", ".join(others)
        )
    if foreign and not consent:
        names = ["%s/%s" % (item["metadata"]["namespace"], item["metadata"]["name"]) for item in foreign]
        found.append(
            "Started before Kube-OVN and still on another network: %s. Recreate them, or set kube_ovn_recreate_pods to let this role do it." % ", ".join(names)
        )
    if unmanaged:
        found.append(
            "Started before Kube-OVN and still on another network: %s. No controller would create them again, so that this role deletes none of them, "
            "whatever kube_ovn_recreate_pods says. Recreate them yourself." % ", ".join(unmanaged)
        )
    return found


def pods(listed, plan, daemonset, nodes, revisions=(), restart=(), since="", excluded=(), consent=False):
    """What is to be done with the pods of a cluster.

    `plan` is what `deployment` returned, `restart` are nodes on which OVS-DPDK has to be restarted, `excluded` are nodes that are left alone, `consent` is
    that to recreate pods of others.
    """
    newest = newest_revisions(revisions)
    orphans, outdated, unready, switches, removed_switches, recreate, own, foreign, unmanaged = [], [], [], [], [], [], [], [], []
    started = {}
    for pod in [pod for pod in listed if is_system(pod)]:
        name, node = owner(pod), node_of(pod)
        labels = pod["metadata"].get("labels") or {}
        running = [status["state"]["running"]["startedAt"] for status in pod["status"].get("containerStatuses") or [] if "running" in status["state"]]
        if not name and pod["metadata"].get("generateName") in (OVS + "-", HYBRID + "-"):
            # Its DaemonSet was deleted without it; the new one must not mistake it for one of its newest.
            heir = daemonset if daemonset == OVS or node in nodes else OVS
            orphans.append(named(pod, labels=dict(plan["selectors"][heir], **{"pod-template-generation": "0"})))
        # No other pod follows where the label of its node goes.
        if name in plan["on_delete"] and node not in excluded and not (name == HYBRID and node in plan["removed"]):
            if labels.get("controller-revision-hash") != newest.get(name) or node in restart:
                outdated.append(dict(name=pod["metadata"]["name"], owner=name, node=node, ready=pod_ready(pod), tunnel_bridge=tunnel_bridge(pod)))
            elif not pod_ready(pod):
                unready.append(dict(labels=plan["selectors"][name], node=node))
        if node in plan["removed"] and labels.get("app") == OVS_DPDK_APP:
            removed_switches.append(dict(name=pod["metadata"]["name"], node=node, running=bool(running)))
        if name in (OVS, HYBRID) and running:
            if node not in excluded:
                switches.append(pod["metadata"]["name"])
            if name == daemonset:
                started[node] = running[0]
    for pod in listed:
        metadata, spec = pod["metadata"], pod["spec"]
        if spec.get("hostNetwork") or "deletionTimestamp" in metadata:
            continue
        if is_client(pod) and pod["status"].get("phase") == "Running" and pod["status"].get("startTime", "") < started.get(node_of(pod), ""):
            recreate.append(dict(namespace=metadata["namespace"], name=metadata["name"], node=node_of(pod)))
            if (metadata.get("labels") or {}).get(OWN[0]) == OWN[1]:
                own.append(named(pod))
        # It has its address from another network. DaemonSet kube-ovn-cni may be younger than the network, where it was recreated.
        if spec.get("restartPolicy") == "Always" and pod["status"].get("podIP") and metadata["creationTimestamp"] < since and not is_on_kube_ovn(pod):
            if is_managed(pod):
                foreign.append(named(pod))
            else:
                unmanaged.append("%s/%s" % (metadata["namespace"], metadata["name"]))
    return dict(
        orphans=orphans,
        # Those that do not run come first, for a node without OVS loses nothing.
        outdated=sorted(outdated, key=lambda pod: (pod["ready"], pod["node"])),
        unready=unready,
        switches=switches,
        removed_switches=removed_switches,
        recreate=recreate,
        # Those that have to be deleted, and whether to wait for the end of each.
        removed=[item for item in (dict(objects=own, wait=True), dict(objects=foreign if consent else [], wait=False)) if item["objects"]],
        reports=pod_reports(recreate, own, foreign, unmanaged, consent),
        own=own,
        foreign=foreign,
        unmanaged=unmanaged,
    )


def instance_queries(definitions):
    """What module k8s_objects_info takes to read all custom resources of these definitions."""
    kinds = [item["spec"]["names"]["kind"] for item in definitions]
    return [dict(key=kind, kind=kind, api_version=CUSTOM_API) for kind in kinds]


def removal_plan(rendered, left, definitions, apis):
    """What is left to remove, each list in the order of the removal. `left` are custom resources, and objects with labels and annotations of Kube-OVN."""
    kinds = [item["spec"]["names"]["kind"] for item in definitions]
    order = [kind for kind in kinds if kind not in USED_BY_OTHERS + NETWORKS] + [kind for kind in USED_BY_OTHERS if kind in kinds]
    instances = [item for item in left if item["apiVersion"] == CUSTOM_API]
    return dict(
        gateways=[named(item) for kind in order for item in instances if item["kind"] == kind],
        patches=[named(item, finalizers=None) for item in instances if item["metadata"].get("finalizers")]
        + metadata_patches([item for item in left if item["apiVersion"] != CUSTOM_API]),
        objects=[named(item) for item in MADE_LATER + rendered["objects"][::-1] + definitions if item["apiVersion"] in apis],
    )


def metadata_patches(items):
    """Patches that remove all labels and annotations of Kube-OVN."""
    found = []
    for item in items:
        patch = {}
        for field in ("labels", "annotations"):
            patch[field] = dict((key, None) for key in item["metadata"].get(field) or {} if KUBE_OVN_KEYS.match(key))
        if any(patch.values()):
            found.append(named(item, **patch))
    return found
