# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn

DEDICATED, HYBRID = "ovs-ovn", "ovs-ovn-dpdk"


def workload(kind, name, app=None, hugepages=False, strategy="RollingUpdate", **status):
    """As the API has it, rolled out unless the status says otherwise."""
    limits = {"cpu": "1"}
    if hugepages:
        limits["hugepages-2Mi"] = "1Gi"
    full = dict(
        observedGeneration=3, desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=2, updatedReplicas=1, availableReplicas=1
    )
    return dict(
        apiVersion="apps/v1",
        kind=kind,
        metadata=dict(name=name, namespace="kube-system", generation=3, creationTimestamp="2026-01-01T00:00:00Z"),
        spec=dict(
            replicas=1,
            selector=dict(matchLabels=dict(app=app or name)),
            updateStrategy=dict(type=strategy),
            template=dict(spec=dict(containers=[dict(name="openvswitch", resources=dict(limits=limits)), dict(name="other")])),
        ),
        status=dict(full, **status),
    )


def rendered(daemonset=DEDICATED, app="ovs-dpdk", extra=()):
    dpdk = workload("DaemonSet", daemonset, app, hugepages=True, strategy="OnDelete")
    objects = [
        dict(apiVersion="v1", kind="ServiceAccount", metadata=dict(name="ovn", namespace="kube-system")),
        workload("Deployment", "ovn-central"),
        dpdk,
        # As up to v1.4.0: it comes after OVS, and is no switch.
        workload("DaemonSet", "kube-ovn-cni", strategy="OnDelete"),
    ]
    if daemonset == HYBRID:
        objects.insert(2, workload("DaemonSet", DEDICATED, "ovs"))
    return dict(objects=objects, steps=list(extra))


def cluster(workloads=(), **more):
    """What role kube_ovn reads of a cluster with these workloads."""
    kinds = dict(
        (key, [item for item in workloads if item["kind"] == kind]) for key, kind in (("daemonsets", "DaemonSet"), ("deployments", "Deployment"))
    )
    return dict(dict(nodes=[], pods=[], revisions=[], **kinds), **more)


def plan(daemonset=DEDICATED, app="ovs-dpdk", there=(), steps=()):
    return _kube_ovn.deployment(rendered(daemonset, app, steps), daemonset, ["node-1"], cluster(there))


def pod(name, owner=None, node="node-1", revision="new", **more):
    metadata = dict(name=name, namespace="kube-system", creationTimestamp="2026-01-01T00:10:00Z", labels={"app": "x", "controller-revision-hash": revision})
    if owner:
        metadata["ownerReferences"] = [dict(kind="DaemonSet", name=owner)]
    metadata.update(more.pop("metadata", {}))
    spec = dict(dict(nodeName=node, hostNetwork=True, restartPolicy="Always", containers=[dict(name="openvswitch")]), **more.pop("spec", {}))
    running = [dict(name="openvswitch", state=dict(running=dict(startedAt="2026-01-01T01:00:00Z")))]
    status = dict(dict(phase="Running", conditions=[dict(type="Ready", status="True")], containerStatuses=running), **more)
    return dict(apiVersion="v1", kind="Pod", metadata=metadata, spec=spec, status=status)


def revision(name, number, owner=DEDICATED):
    metadata = dict(name="%s-%s" % (DEDICATED, name), namespace="kube-system", labels={"controller-revision-hash": name})
    if owner:
        metadata["ownerReferences"] = [dict(kind="DaemonSet", name=owner)]
    return dict(apiVersion="apps/v1", kind="ControllerRevision", metadata=metadata, revision=number)


# A StatefulSet has revisions too, with a label of another name, and some objects have no labels at all.
STATEFUL = dict(revision("x", 3, "database"), metadata=dict(name="database-6f", namespace="kube-system", labels={"controller.kubernetes.io/hash": "6f"},
                ownerReferences=[dict(kind="StatefulSet", name="database")]))  # fmt: skip
BARE = dict(revision("y", 4, "other"), metadata=dict(name="other-7", namespace="kube-system", ownerReferences=[dict(kind="DaemonSet", name="other")]))
REVISIONS = [STATEFUL, BARE, revision("new", 12), revision("old", 9), revision("kernel", 1, "kube-ovn-cni")]


# --- what leads to the release ----------------------------------------------------------------------------------------------------


def test_files_that_follow_each_other_are_one_step_and_only_rollouts_of_what_is_there_are_waited_for():
    steps = [
        dict(action="label", nodes=["node-1", "node-2"], labels={"kube-ovn/role": "master"}),
        dict(action="label", nodes=["node-2"], labels={"ovn.kubernetes.io/ovs_dp_type": "kernel"}),
        dict(action="apply", file="crd.yaml", first=0, count=1),
        dict(action="apply", file="ovn.yaml", first=1, count=2),
        dict(action="wait", condition="rollout", kind="Deployment", name="ovn-central", timeout=300),
        dict(action="apply", file="kube-ovn.yaml", first=3, count=1),
        dict(action="wait", condition="Ready", kind="Pod", name=None),
        dict(action="wait", condition="rollout", kind="Deployment", name="coredns"),
        dict(action="wait", condition="rollout", kind="Deployment", name="elsewhere"),
        dict(action="recreate-pods"),
        dict(action="plugin-ko"),
    ]
    found = plan(steps=steps, there=[workload("Deployment", "coredns")])
    assert [(stage["name"], stage["first"], stage["count"], stage["timeout"]) for stage in found["stages_before_ovs"]] == [("crd.yaml, ovn.yaml", 0, 3, 300)]
    # OVS-DPDK is brought up next, so its controller has to have seen it.
    assert found["stages_before_ovs"][0]["wait"] == [
        dict(kind="Deployment", name="ovn-central", namespace="kube-system"),
        dict(kind="DaemonSet", name=DEDICATED, namespace="kube-system", until="observed"),
    ]
    assert [(stage["name"], stage["first"], stage["count"]) for stage in found["stages_after_ovs"]] == [("kube-ovn.yaml", 3, 1)]
    assert [item["name"] for item in found["stages_after_ovs"][0]["wait"]] == ["coredns"]
    assert [(item["metadata"]["name"], item["metadata"]["labels"]) for item in found["labels"]] == [
        ("node-1", {"kube-ovn/role": "master"}),
        ("node-2", {"kube-ovn/role": "master", "ovn.kubernetes.io/ovs_dp_type": "kernel"}),
    ]


def test_what_is_waited_for_after_the_databases_comes_after_ovs():
    """As from v1.12 on: OVS is waited for by the installer too, which must not come before its pods are replaced."""
    wait = dict(action="wait", condition="rollout", kind="DaemonSet", timeout=120)
    steps = [
        dict(action="apply", file="ovn.yaml", first=0, count=2),
        dict(wait, kind="Deployment", name="ovn-central"),
        dict(wait, name=DEDICATED),
        dict(action="apply", file="kube-ovn.yaml", first=2, count=2),
        dict(wait, name="kube-ovn-cni"),
    ]
    found = plan(steps=steps)
    keys = ("stages_before_ovs", "stages_after_ovs")
    stages = [[(stage["name"], stage["count"], [item["name"] for item in stage["wait"]]) for stage in found[key]] for key in keys]
    assert stages == [[("ovn.yaml", 2, ["ovn-central", DEDICATED])], [(DEDICATED, 0, [DEDICATED]), ("kube-ovn.yaml", 2, ["kube-ovn-cni"])]]
    # Without the databases OVS comes last.
    found = plan(steps=[steps[0], steps[4]])
    assert ([len(found[key]) for key in ("stages_before_ovs", "stages_after_ovs")]) == [1, 0]


def test_workloads_of_other_namespaces_are_nobodys_but_theirs():
    foreign = [workload("DaemonSet", DEDICATED, "ovs", True), workload("DaemonSet", "kube-ovn-cni")]
    for item in foreign:
        item["metadata"]["namespace"] = "default"
    found = plan(there=foreign)
    assert (found["obsolete"], found["ready"], found["since"], found["removal"]) == ([], [], "", dict(others=[], pods=[], switches=[]))


def test_nodes_that_have_left_lose_the_label():
    steps = [dict(action="label", nodes=["node-2"], labels={"ovn.kubernetes.io/ovs_dp_type": "kernel"})]
    for order, label in (([], None), (steps, "kernel")):
        found = _kube_ovn.deployment(rendered(HYBRID, "ovs-dpdk", order), HYBRID, ["node-1"], cluster(), ["node-2"])
        labels = dict((item["metadata"]["name"], item["metadata"]["labels"]) for item in found["labels"])
        assert labels == {"node-1": {"ovn.kubernetes.io/ovs_dp_type": "userspace"}, "node-2": {"ovn.kubernetes.io/ovs_dp_type": label}}


def test_nodes_of_hybrid_mode_are_labelled_whatever_the_installer_does():
    steps = [dict(action="label", nodes=["node-1", "node-2"], labels={"ovn.kubernetes.io/ovs_dp_type": "kernel"})]
    labels = dict((item["metadata"]["name"], item["metadata"]["labels"]) for item in plan(HYBRID, steps=steps)["labels"])
    assert labels == {"node-1": {"ovn.kubernetes.io/ovs_dp_type": "userspace"}, "node-2": {"ovn.kubernetes.io/ovs_dp_type": "kernel"}}


def test_on_a_first_install_nothing_is_in_the_way_and_nothing_is_ready():
    found = plan()
    assert (found["obsolete"], found["differs"], found["ready"], found["since"]) == ([], True, [], "")
    assert found["on_delete"] == [DEDICATED]


@pytest.mark.parametrize(
    "daemonset, app, there, expected",
    [
        # The same release again, and one with the same selector.
        (DEDICATED, "ovs-dpdk", [(DEDICATED, "ovs-dpdk", True)], []),
        # v1.12.0 to v1.12.1.
        (DEDICATED, "ovs-dpdk", [(DEDICATED, "ovs", True)], [DEDICATED]),
        # Dedicated to hybrid, with one selector and with another.
        (HYBRID, "ovs-dpdk", [(DEDICATED, "ovs-dpdk", True)], [DEDICATED]),
        (HYBRID, "ovs-dpdk", [(DEDICATED, "ovs", True)], [DEDICATED]),
        # Hybrid again: the kernel's OVS is none of OVS-DPDK.
        (HYBRID, "ovs-dpdk", [(DEDICATED, "ovs", False), (HYBRID, "ovs-dpdk", True)], []),
        # Hybrid to dedicated, before and after the selector changed.
        (DEDICATED, "ovs", [(DEDICATED, "ovs", False), (HYBRID, "ovs-dpdk", True)], [HYBRID]),
        (DEDICATED, "ovs-dpdk", [(DEDICATED, "ovs", False), (HYBRID, "ovs-dpdk", True)], [DEDICATED, HYBRID]),
    ],
)
def test_what_cannot_be_changed_goes_without_its_pods(daemonset, app, there, expected):
    found = plan(daemonset, app, [workload("DaemonSet", name, label, hugepages) for name, label, hugepages in there])
    assert policies(found) == ([("Orphan", expected)] if expected else [])


def policies(found):
    return [(item["policy"], [one["metadata"]["name"] for one in item["objects"]]) for item in found["obsolete"]]


def test_another_workload_with_another_selector_goes_with_its_pods():
    found = plan(there=[workload("Deployment", "ovn-central", "central")])
    assert policies(found) == [("Foreground", ["ovn-central"])]


@pytest.mark.parametrize(
    "kind, status",
    [
        ("DaemonSet", dict(observedGeneration=2)),
        ("DaemonSet", dict(updatedNumberScheduled=1)),
        ("DaemonSet", dict(numberAvailable=1)),
        ("Deployment", dict(updatedReplicas=0)),
        ("Deployment", dict(availableReplicas=0)),
    ],
)
def test_what_is_not_rolled_out_is_not_ready(kind, status):
    assert plan(there=[workload(kind, "kube-ovn-cni")])["ready"] == [kind + "/kube-ovn-cni"]
    assert plan(there=[workload(kind, "kube-ovn-cni", **status)])["ready"] == []
    assert plan(there=[dict(workload(kind, "kube-ovn-cni"), status=None)])["ready"] == []


def removed(steps):
    return [([item["metadata"]["name"] for item in step["objects"]], step["wait"]) for step in steps]


def test_pods_on_a_node_that_is_down_are_deleted_before_their_workloads_are_waited_for():
    there = [workload("DaemonSet", "kube-ovn-cni"), workload("DaemonSet", DEDICATED), workload("DaemonSet", "other")]
    listed = [pod("a", DEDICATED), pod("b", DEDICATED, "node-9"), pod("c", "kube-ovn-cni", "node-9")]
    found = _kube_ovn.deployment(rendered(), DEDICATED, ["node-1"], cluster(there, pods=listed), excluded=["node-9"])["removal"]
    assert removed(found["others"]) == [(["kube-ovn-cni"], False)]
    assert found["pods"] == ["a"]
    assert removed(found["switches"]) == [([DEDICATED], False), (["b", "c"], True), ([DEDICATED, "kube-ovn-cni"], True)]
    assert [step["delete_options"] for step in found["switches"]] == [
        dict(propagationPolicy="Foreground"), dict(gracePeriodSeconds=0), dict(propagationPolicy="Foreground"),
    ]  # fmt: skip
    assert plan()["removal"] == dict(others=[], pods=[], switches=[])


def test_the_workloads_of_kube_ovn_are_told_from_others():
    there = [workload("DaemonSet", "kube-ovn-cni")] + [workload("Deployment", name) for name in ("coredns", "ovn-central", "ovn-ic-server")]
    for item in there:
        item["spec"]["template"]["spec"]["hostNetwork"] = True
    found = plan(there=there + [workload("DaemonSet", HYBRID), workload("Deployment", "kube-ovn-monitor")])
    assert removed(found["removal"]["switches"]) == [([HYBRID, "ovn-central"], True)]
    # The pod that needs kube-ovn-cni to go goes first.
    assert removed(found["removal"]["others"]) == [(["kube-ovn-monitor", "ovn-ic-server", "kube-ovn-cni"], True)]
    assert found["since"] == "2026-01-01T00:00:00Z"


# --- pods -------------------------------------------------------------------------------------------------------------------------


def judged(listed, daemonset=DEDICATED, **more):
    return _kube_ovn.pods(listed, plan(daemonset), daemonset, ["node-1"], **more)


def test_pods_of_an_older_revision_or_on_a_changed_node_are_replaced_those_first_that_do_not_run():
    pending = dict(nodeAffinity=dict(requiredDuringSchedulingIgnoredDuringExecution=dict(nodeSelectorTerms=[
        dict(matchFields=[dict(key="metadata.name", operator="In", values=["node-4"])])])))  # fmt: skip
    listed = [
        pod("a", DEDICATED, "node-3", revision="old"),
        pod("b", DEDICATED, "node-1", revision="old"),
        pod("c", DEDICATED, "node-2"),
        pod("d", DEDICATED, "", revision="old", spec=dict(affinity=pending), conditions=[dict(type="Ready", status="False")]),
        pod("e", DEDICATED, "node-5"),
        pod("f", "kube-ovn-cni", "node-1", revision="old"),
    ]
    found = judged(listed, revisions=REVISIONS, restart=["node-5"])["outdated"]
    assert [(item["name"], item["node"], item["ready"]) for item in found] == [
        ("d", "node-4", False), ("b", "node-1", True), ("a", "node-3", True), ("e", "node-5", True),
    ]  # fmt: skip


def test_nothing_is_done_with_pods_on_nodes_that_are_left_out():
    listed = [pod("a", DEDICATED, "node-3", revision="old"), pod("b", DEDICATED, "node-4", revision="old")]
    found = judged(listed, revisions=REVISIONS, excluded=["node-3"])
    assert ([item["name"] for item in found["outdated"]], found["switches"]) == (["b"], ["b"])


DOWN = [dict(type="Ready", status="False")]


def test_pods_that_are_up_to_date_and_not_ready_hold_the_others_up():
    listed = [
        pod("a", DEDICATED, "node-1", conditions=DOWN),
        pod("b", DEDICATED, "node-2"),
        pod("c", DEDICATED, "node-3", revision="old", conditions=DOWN),
        pod("d", DEDICATED, "node-4", conditions=DOWN),
        pod("e", DEDICATED, "node-5", conditions=DOWN),
        pod("f", "kube-ovn-cni", "node-2", conditions=DOWN),
        pod("g", DEDICATED, "node-6", metadata=dict(deletionTimestamp="2026-01-01T00:31:00Z")),
    ]
    found = judged(listed, revisions=REVISIONS, excluded=["node-4"], restart=["node-5"])
    assert found["unready"] == [dict(labels={"app": "ovs-dpdk"}, node="node-1"), dict(labels={"app": "ovs-dpdk"}, node="node-6")]
    # Those that a restart may help.
    assert [(item["name"], item["ready"]) for item in found["outdated"]] == [("c", False), ("e", False)]


def test_the_switches_of_nodes_that_give_up_ovs_dpdk_are_found_whether_they_run_or_not():
    there = dict(labels={"app": "ovs-dpdk", "controller-revision-hash": "new"})
    crashing = [dict(name="openvswitch", state=dict(waiting=dict(reason="CrashLoopBackOff")))]
    listed = [
        pod("a", HYBRID, "node-1", metadata=there),
        pod("b", HYBRID, "node-2", metadata=there),
        pod("c", HYBRID, "node-3", metadata=there, containerStatuses=crashing),
        pod("d", DEDICATED, "node-3", metadata=dict(labels={"app": "ovs"})),
    ]
    plan = _kube_ovn.deployment(rendered(HYBRID), HYBRID, ["node-1"], cluster(), ["node-2", "node-3"])
    found = _kube_ovn.pods(listed, plan, HYBRID, ["node-1"])
    assert found["removed_switches"] == [dict(name="b", node="node-2", running=True), dict(name="c", node="node-3", running=False)]
    # While they end, no other pod is waited for on their node.
    for item in listed:
        item["status"]["conditions"] = DOWN
    found = _kube_ovn.pods(listed, plan, HYBRID, ["node-1"], REVISIONS + [revision("new", 2, HYBRID)])
    assert ([item["name"] for item in found["outdated"]], [item["node"] for item in found["unready"]]) == ([], ["node-1"])
    found = _kube_ovn.pods(listed, plan, HYBRID, ["node-1"], REVISIONS + [revision("newer", 2, HYBRID)])
    assert ([item["name"] for item in found["outdated"]], found["unready"]) == (["a"], [])


def test_a_stateful_set_of_the_same_name_is_no_daemon_set_of_ovs():
    other = dict(STATEFUL, metadata=dict(STATEFUL["metadata"], ownerReferences=[dict(kind="StatefulSet", name=DEDICATED)]), revision=99)
    assert judged([pod("a", DEDICATED)], revisions=REVISIONS + [other])["outdated"] == []


def reader(app, tag, started=True, name=None, injected=()):
    containers = [dict(name="cni-server" if app == "kube-ovn-cni" else app, image="r.example:5000/kubeovn/kube-ovn:" + tag)]
    statuses = [dict(name=containers[0]["name"], imageID="docker://sha256:1" if started else "", state=dict(waiting=dict(reason="ImagePullBackOff")))]
    for image in injected:
        containers.append(dict(name="istio-proxy", image=image))
        statuses.insert(0, dict(name="istio-proxy", imageID="docker://sha256:2", state=dict(running=dict())))
    return pod(name or app, metadata=dict(labels=dict(app=app)), spec=dict(containers=containers), containerStatuses=statuses)


@pytest.mark.parametrize(
    ("listed", "applied", "found"),
    [
        ([], None, ""),
        ([reader("kube-ovn-cni", "v1.12.35"), reader("ovn-central", "v1.13.2")], "v1.12.35", "v1.13.2"),
        # By numbers, not by text.
        ([reader("ovn-central", "v1.9.9"), reader("ovn-central", "v1.12.0", name="b")], "v1.12.0", "v1.12.0"),
        # What never started wrote nothing.
        ([reader("ovn-central", "v1.12.35"), reader("kube-ovn-controller", "v1.13.2", started=False)], "v1.13.2", "v1.12.35"),
        ([reader("ovn-central", "v1.12.35", started=False), reader("x", "v1.13.2")], "v1.12.35", "v1.12.35"),
        ([], "v1.12.35", "v1.12.35"),
        ([reader("ovn-central", "latest")], "v1.12.35", ""),
        # What a mesh has injected is no release of Kube-OVN.
        ([reader("ovn-central", "v1.12.35", injected=["istio/proxyv2:v1.20.3"])], "v1.12.35", "v1.12.35"),
        ([reader("kube-ovn-cni", "v1.12.35", started=False, injected=["istio/proxyv2:v1.20.3"])], "v1.11.5", "v1.11.5"),
    ],
)
def test_the_release_that_runs_is_the_newest_that_ever_started(listed, applied, found):
    there = []
    for name, image in [("coredns", "coredns:v9.9.9"), ("ovn-central", "kubeovn/kube-ovn:%s-x86" % applied)] if applied else []:
        there.append(workload("Deployment", name))
        there[-1]["spec"]["template"]["spec"]["containers"] = [dict(name=name, image=image), dict(name="istio-proxy", image="istio/proxyv2:v1.20.3")]
    assert _kube_ovn.release(listed, there) == found


@pytest.mark.parametrize(
    "kind, name, namespace, more, found",
    [
        ("DaemonSet", "kube-ovn-cni", "net", {}, ["DaemonSet net/kube-ovn-cni"]),
        ("Deployment", "ovn-central", "net", {}, ["Deployment net/ovn-central"]),
        ("DaemonSet", "kube-ovn-cni", "kube-system", {}, []),
        # What anybody can have in a namespace of his own.
        ("DaemonSet", "kube-ovn-pinger", "net", {}, []),
        ("DaemonSet", "ovs-ovn", "net", dict(hostNetwork=False), []),
        ("DaemonSet", "ovs-ovn", "net", dict(status=dict(desiredNumberScheduled=3, currentNumberScheduled=0)), []),
        ("Deployment", "ovn-central", "net", dict(status=None), []),
    ],
)
def test_a_kube_ovn_in_another_namespace_is_one_that_has_pods(kind, name, namespace, more, found):
    item = workload(kind, name, currentNumberScheduled=2, replicas=1)
    item["metadata"]["namespace"] = namespace
    item["spec"]["template"]["spec"]["hostNetwork"] = more.get("hostNetwork", True)
    item["status"] = more.get("status", item["status"])
    assert _kube_ovn.elsewhere([item]) == found


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("10.0.0.2/24", "10.0.0.2"), ("FD00:0:0::01/64", "fd00::1"), ("fd00::1/127", "fd00::1"), ("10.0.0.2/31", "10.0.0.2"),
        ("10.0.0.2", ""), ("10.0.0.2/32", ""), ("fd00::1/128", ""), ("10.0.0.300/24", ""), ("10.0.0.2/0", ""), ("10.0.0.2/x", ""), ("10.0.0.2/24/8", ""),
        ("", ""), ("node-1/24", ""), (u"10.0.0.2\xe9/24", ""),
    ],
)  # fmt: skip
def test_addresses_of_tunnels_are_written_as_ovn_does(text, address):
    assert _kube_ovn.tunnel_address(text) == address


def test_the_bridge_that_a_pod_made_in_hybrid_mode_is_told_by_the_name_that_it_was_given():
    named = pod("a", HYBRID, revision="old", spec=dict(containers=[dict(name="openvswitch", env=[dict(name="DPDK_TUNNEL_IFACE", value="br-old")])]))
    for made, bridge in ((named, "br-old"), (pod("b", HYBRID, revision="old"), "")):
        assert [item["tunnel_bridge"] for item in judged([made], HYBRID, revisions=REVISIONS)["outdated"]] == [bridge]


def test_a_pod_whose_daemonset_is_gone_gets_the_labels_of_its_heir():
    orphan = pod("a", metadata=dict(generateName="ovs-ovn-"))
    elsewhere = pod("b", node="node-9", metadata=dict(generateName="ovs-ovn-dpdk-"))
    stranger = pod("c", metadata=dict(generateName="mine-"))
    found = judged([orphan, elsewhere, stranger, pod("d", DEDICATED)])
    patch = {"app": "ovs-dpdk", "pod-template-generation": "0"}
    assert [(item["metadata"]["name"], item["metadata"]["labels"]) for item in found["orphans"]] == [("a", patch), ("b", patch)]
    assert sorted(found["orphans"][0]) == ["apiVersion", "kind", "metadata"]
    # In hybrid mode only on the nodes that run OVS-DPDK.
    found = judged([orphan, elsewhere], HYBRID)
    assert [item["metadata"]["labels"]["app"] for item in found["orphans"]] == ["ovs-dpdk", "ovs"]


def test_revisions_go_with_their_daemonset_and_those_that_an_interrupted_run_left():
    revisions = REVISIONS + [revision("left", 3, owner=None)]
    found = _kube_ovn.deployment(rendered(), DEDICATED, ["node-1"], cluster(revisions=revisions))
    names = [item["metadata"]["name"] for item in found["obsolete"][0]["objects"]]
    assert names == ["ovs-ovn-left"]
    there = [workload("DaemonSet", DEDICATED, "ovs", True)]
    first, second = _kube_ovn.deployment(rendered(), DEDICATED, ["node-1"], cluster(there, revisions=revisions))["obsolete"]
    assert (first["policy"], second["policy"]) == ("Orphan", "Foreground")
    assert [item["metadata"]["name"] for item in second["objects"]] == ["ovs-ovn-new", "ovs-ovn-old", "ovs-ovn-left"]


# --- nothing to do ----------------------------------------------------------------------------------------------------------------

WAIT = dict(action="wait", condition="rollout", kind="Deployment", name="ovn-central")
OBJECTS = 4
LABEL = dict(action="label", nodes=["node-1"], labels={"kube-ovn/role": "master"})


def settled(**more):
    """A cluster in which everything is as it should be, but for this."""
    found = dict(
        nodes=[dict(metadata=dict(name="node-1", labels={"kube-ovn/role": "master", "x": "y"}))], pods=[pod("a", DEDICATED)], revisions=REVISIONS
    )
    other = workload("DaemonSet", "other", numberAvailable=0)
    there = more.pop("there", [workload("DaemonSet", DEDICATED, "ovs-dpdk", True, "OnDelete"), workload("Deployment", "ovn-central"), other])
    names = dict(dict(unapplied=[]), **more.pop("given", {}))
    steps = [LABEL, dict(action="apply", file="ovn.yaml", first=0, count=OBJECTS), WAIT]
    return _kube_ovn.deployment(rendered(DEDICATED, "ovs-dpdk", steps), DEDICATED, ["node-1"], cluster(there, **dict(found, **more)), **names)


SAME = dict(changed=False)


@pytest.mark.parametrize(
    "unapplied, tried, differs",
    [
        # All are as they were applied, and none was tried.
        (0, [], False),
        (2, [SAME, SAME, SAME], False),
        (2, [SAME, dict(changed=True), SAME], True),
        (2, [SAME, dict(changed=False, error="x"), SAME], True),
        (1, [SAME, SAME], False),
        (1, [dict(changed=True)] * 2, True),
        # Where it is not known what came of each, as with another form of the answer.
        (2, [SAME, SAME], True),
        (2, [SAME], True),
        (1, [SAME], True),
        (1, [], True),
        (0, [SAME], True),
        # Where it is not known which of them an apply may change.
        (None, [], True),
        (None, [SAME] * OBJECTS, True),
    ],
)
def test_where_nothing_is_to_be_done_the_objects_alone_can_differ(unapplied, tried, differs):
    found = settled(given=dict(unapplied=None if unapplied is None else [dict(kind="Service")] * unapplied, tried=tried))
    assert (found["differs"], found["labels"]) == (differs, [])


@pytest.mark.parametrize(
    "more",
    [
        dict(nodes=[dict(metadata=dict(name="node-1", labels={"kube-ovn/role": "slave"}))]),
        dict(nodes=[dict(metadata=dict(name="node-1"))]),
        dict(pods=[pod("a", DEDICATED, revision="old")]),
        dict(pods=[pod("a", metadata=dict(generateName="ovs-ovn-"))]),
        dict(revisions=REVISIONS + [revision("left", 3, owner=None)]),
        dict(given=dict(restart=["node-1"])),
        dict(there=[]),
        dict(there=[workload("DaemonSet", DEDICATED, "ovs-dpdk", True, "OnDelete", numberAvailable=1), workload("Deployment", "ovn-central")]),
        dict(there=[workload("DaemonSet", DEDICATED, "ovs-dpdk", True, "OnDelete"), workload("Deployment", "ovn-central", availableReplicas=0)]),
    ],
)
def test_what_is_to_be_done_is_told(more):
    assert settled(**more)["differs"]


def test_pods_on_excluded_nodes_make_no_difference():
    there = [workload("DaemonSet", DEDICATED, "ovs-dpdk", True, "OnDelete", numberAvailable=1), workload("Deployment", "ovn-central")]
    down = pod("b", DEDICATED, "node-9", metadata=dict(labels={"app": "ovs-dpdk"}))
    assert settled(there=there, pods=[pod("a", DEDICATED), down])["differs"]
    assert not settled(there=there, pods=[pod("a", DEDICATED), down], given=dict(excluded=["node-9"]))["differs"]


def test_only_pods_whose_container_runs_can_clean_up():
    waiting = pod("b", DEDICATED, containerStatuses=[dict(name="openvswitch", state=dict(waiting=dict(reason="CrashLoopBackOff")))])
    assert judged([pod("a", DEDICATED), waiting, pod("c", HYBRID), pod("d", "kube-ovn-cni")])["switches"] == ["a", "c"]


def noted(*modes):
    """What Userspace CNI notes of a pod with such ports; the mode is that of the pod."""
    return json.dumps([dict(containerId="0" * 64, ifName="net1", config=dict(vhost=dict(mode=mode))) for mode in modes])


def client(name, start, note=None, **more):
    note = noted("client") if note is None else note
    metadata = dict(dict(annotations={"userspace/configuration-data": note} if note else {}), **more.pop("metadata", {}))
    return pod(name, spec=dict(hostNetwork=False, restartPolicy="Never"), startTime=start, metadata=metadata, **more)


def test_clients_of_sockets_that_are_older_than_their_switch_have_to_be_recreated():
    own = client("own", "2026-01-01T00:30:00Z", metadata=dict(labels={"app.kubernetes.io/part-of": "kube-ovn-dpdk"}))
    listed = [
        pod("switch", DEDICATED),
        own,
        client("other", "2026-01-01T00:30:00Z"),
        client("younger", "2026-01-01T02:00:00Z"),
        client("elsewhere", "2026-01-01T00:30:00Z", node="node-2"),
        client("ended", "2026-01-01T00:30:00Z", phase="Succeeded"),
        client("going", "2026-01-01T00:30:00Z", metadata=dict(deletionTimestamp="2026-01-01T00:31:00Z")),
        client("server", "2026-01-01T00:30:00Z", noted("server", "server")),
        client("both", "2026-01-01T00:30:00Z", noted("server", "client")),
        client("unreadable", "2026-01-01T00:30:00Z", "{"),
        # With ports of Kube-OVN itself, or with none.
        client("plain", "2026-01-01T00:30:00Z", ""),
    ]
    found = judged(listed)
    assert [item["name"] for item in found["recreate"]] == ["own", "other", "both", "unreadable"]
    assert [item["metadata"]["name"] for item in found["own"]] == ["own"]
    assert found["removed"] == [dict(objects=found["own"], wait=True)]
    assert [text.rpartition(": ")[2] for text in found["reports"]] == ["other, both, unreadable."]
    # Whatever the mode of Kube-OVN.
    assert [item["name"] for item in judged([pod("switch", HYBRID)] + listed[1:], HYBRID)["recreate"]] == ["own", "other", "both", "unreadable"]


def test_pods_with_an_address_from_before_are_foreign_and_those_without_a_controller_unmanaged():
    def made(name, owner="web", **more):
        return pod(name, owner, spec=dict(dict(hostNetwork=False), **more.pop("spec", {})), podIP="192.0.2.1", **more)

    listed = [
        made("old"),
        made("host", spec=dict(hostNetwork=True)),
        made("job", spec=dict(restartPolicy="Never")),
        made("new", metadata=dict(creationTimestamp="2026-01-01T00:30:00Z")),
        pod("pending", spec=dict(hostNetwork=False)),
        made("mine", owner=None),
        # Pods of the kubelet itself are not replaced by a deletion: as it makes them, and as it did before Kubernetes 1.17.
        made("static", metadata=dict(ownerReferences=[dict(kind="Node", name="node-1")])),
        made("mirror", owner=None, metadata=dict(annotations={"kubernetes.io/config.mirror": "0123"})),
    ]
    found = judged(listed, since="2026-01-01T00:20:00Z")
    assert [item["metadata"]["name"] for item in found["foreign"]] == ["old"]
    assert found["unmanaged"] == ["kube-system/mine", "kube-system/static", "kube-system/mirror"]
    assert found["removed"] == []
    named = [text.partition(". ")[0].rpartition(": ")[2] for text in found["reports"]]
    assert named == ["kube-system/old", "kube-system/mine, kube-system/static, kube-system/mirror"]
    # With consent they are recreated, and nobody waits for one after the other.
    found = judged(listed, since="2026-01-01T00:20:00Z", consent=True)
    assert found["removed"] == [dict(objects=found["foreign"], wait=False)]
    assert [text.partition(". ")[2].partition(" ")[0] for text in found["reports"]] == ["No"]
    assert (judged(listed)["foreign"], judged(listed)["unmanaged"]) == ([], [])


def test_pods_that_have_their_address_from_kube_ovn_are_not_foreign_however_old_they_are():
    """DaemonSet kube-ovn-cni may have been recreated since. An address that Kube-OVN noted beside that of another network is none of the pod."""

    def made(name, address="10.16.0.5", provider="", allocated="true"):
        key = provider + "ovn.kubernetes.io/"
        notes = {key + "allocated": allocated, key + "ip_address": address}
        return pod(name, "web", spec=dict(hostNetwork=False), podIP="10.16.0.5", metadata=dict(annotations=notes))

    listed = [
        made("ours"),
        made("dual", "10.16.0.5,fd00::5"),
        made("attached", provider="net1.default."),
        made("elsewhere", "10.16.0.50"),
        made("asked", allocated=""),
        made("unnamed", provider="net1"),
    ]
    found = judged(listed, since="2026-01-01T00:20:00Z", consent=True)
    assert [item["metadata"]["name"] for item in found["removed"][0]["objects"]] == ["elsewhere", "asked", "unnamed"]


# --- removal ----------------------------------------------------------------------------------------------------------------------


def instance(kind, name, **metadata):
    return dict(apiVersion="kubeovn.io/v1", kind=kind, metadata=dict(dict(name=name, resourceVersion="1"), **metadata), spec=dict(x=1))


def definition(kind, plural):
    metadata = dict(name=plural + ".kubeovn.io")
    return dict(apiVersion="apiextensions.k8s.io/v1", kind="CustomResourceDefinition", metadata=metadata, spec=dict(names=dict(kind=kind)))


def test_what_uses_something_goes_before_what_it_uses_and_networks_last():
    definitions = [definition(kind, kind.lower() + "s") for kind in ("ProviderNetwork", "Subnet", "Vip", "Vlan", "IP", "VpcEgressGateway")]
    instances = [
        instance("ProviderNetwork", "net"), instance("Subnet", "join", finalizers=["x"]), instance("Vip", "vip"), instance("Vlan", "vlan"),
        instance("IP", "ip", finalizers=["kube-ovn-controller"]), instance("VpcEgressGateway", "gw", namespace="default"),
    ]  # fmt: skip
    found = _kube_ovn.removal_plan(rendered(), instances, definitions, ["v1", "apps/v1", "apiextensions.k8s.io/v1"])
    assert [item["metadata"] for item in found["gateways"]] == [
        dict(name="vip"), dict(name="gw", namespace="default"), dict(name="vlan"), dict(name="net"),
    ]  # fmt: skip
    assert [item["metadata"] for item in found["patches"]] == [dict(name="join", finalizers=None), dict(name="ip", finalizers=None)]
    names = ["%s/%s" % (item["kind"], item["metadata"]["name"]) for item in found["objects"]]
    assert names[-6:] == ["CustomResourceDefinition/%ss.kubeovn.io" % kind for kind in ("providernetwork", "subnet", "vip", "vlan", "ip", "vpcegressgateway")]
    assert names.index("DaemonSet/kube-ovn-cni") < names.index("Deployment/ovn-central") < names.index("ServiceAccount/ovn")
    assert all(sorted(item) == ["apiVersion", "kind", "metadata"] for item in found["objects"])


def test_all_custom_resources_are_read_in_one_call():
    assert _kube_ovn.instance_queries([definition("Vip", "vips")]) == [dict(key="Vip", kind="Vip", api_version="kubeovn.io/v1")]


def test_what_the_cluster_does_not_serve_is_not_removed():
    found = _kube_ovn.removal_plan(rendered(), [], [], ["v1"])["objects"]
    assert set(item["apiVersion"] for item in found) == set(["v1"])
    assert "Secret/kube-ovn-tls" in ["%s/%s" % (item["kind"], item["metadata"]["name"]) for item in found]


@pytest.mark.parametrize(
    "mark, ours",
    [
        ("ovn.kubernetes.io/ip_address", True),
        ("ovs-dpdk-br0.default.ovn.kubernetes.io/allocated", True),
        ("macvlan.default.kubernetes.io/mac_address", True),
        ("kube-ovn/role", True),
        ("net1.provider-network.kubernetes.io/ready", True),
        ("kubernetes.io/hostname", False),
        ("node.alpha.kubernetes.io/ttl", False),
        ("volumes.kubernetes.io/controller-managed-attach-detach", False),
        ("container.apparmor.security.beta.kubernetes.io/app", False),
        ("k8s.v1.cni.cncf.io/networks", False),
        ("kube-ovn/role-of-mine", False),
    ],
)
def test_metadata_of_kube_ovn_is_told_from_others(mark, ours):
    node = dict(apiVersion="v1", kind="Node", metadata=dict(name="n", labels={mark: "x"}, annotations={mark: "y", "z": "1"}))
    expected = [dict(apiVersion="v1", kind="Node", metadata=dict(name="n", labels={mark: None}, annotations={mark: None}))]
    assert _kube_ovn.removal_plan(rendered(), [node, dict(node, metadata=dict(name="m"))], [], [])["patches"] == (expected if ours else [])
