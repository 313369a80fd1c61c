"""The one place that waits for workloads and explains why they are not ready."""

from __future__ import annotations

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _k8s_rollout as rollout
from ansible_collections.kube_ovn.dpdk.plugins.modules import k8s_rollout_info as module


def daemon_set(name="ovs-ovn", wanted=3, updated=3, available=3, strategy="RollingUpdate", generation=2, observed=2):
    status = {"desiredNumberScheduled": wanted, "updatedNumberScheduled": updated, "numberAvailable": available, "observedGeneration": observed}
    return {
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system", "generation": generation},
        "spec": {"selector": {"matchLabels": {"app": name}}, "updateStrategy": {"type": strategy}},
        "status": status,
    }


def pod(name, node="node-1", ready=True, app="ovs-ovn", **status):
    return {
        "metadata": {"name": name, "namespace": "kube-system", "labels": {"app": app}},
        "spec": {"nodeName": node},
        "status": {"conditions": [{"type": "Ready", "status": str(ready)}], **status},
    }


@pytest.mark.parametrize(
    ("item", "excluded", "done"),
    [
        (daemon_set(), 0, True),
        (daemon_set(available=2), 0, False),
        # A node that is down.
        (daemon_set(available=2), 1, True),
        (daemon_set(available=1), 1, False),
        (daemon_set(updated=2), 0, False),
        (daemon_set(updated=2, available=2), 1, True),
        # Only the role replaces its pods.
        (daemon_set(updated=0, strategy="OnDelete"), 0, True),
        (daemon_set(observed=1), 0, False),
        ({**daemon_set(), "status": None}, 0, False),
    ],
)
def test_a_rollout_is_over_when_all_pods_but_those_of_excluded_nodes_are_there(item, excluded, done):
    assert rollout.rolled_out(item, excluded) == done


def test_a_deployment_counts_its_replicas():
    item = {"kind": "Deployment", "metadata": {"generation": 1}, "spec": {"replicas": 3}, "status": {"observedGeneration": 1, "updatedReplicas": 3}}
    assert not rollout.rolled_out(item)
    item["status"]["availableReplicas"] = 2
    assert not rollout.rolled_out(item)
    assert rollout.rolled_out(item, 1)
    assert rollout.rolled_out({**item, "spec": {"replicas": 0}})


def test_pods_of_excluded_nodes_are_counted_by_the_selector():
    pods = [pod("a", "node-1"), pod("b", "node-2"), pod("c", "node-2", app="other")]
    assert rollout.excluded_pods(pods, daemon_set(), ["node-2", "node-9"]) == 1


LOGS = {("install-cni", False): "copying\ncp: cannot stat '/loopback'\n", ("install-cni", True): "first try\n", ("cni-server", False): "never"}


def test_the_failure_has_init_containers_and_the_attempt_before():
    waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    init = [
        {"name": "done", "ready": True, "state": {"terminated": {"exitCode": 0}}},
        {"name": "install-cni", "ready": False, "restartCount": 2, "state": waiting},
    ]
    main = [{"name": "cni-server", "ready": False, "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}}]
    broken = pod("kube-ovn-cni-x", ready=False, initContainerStatuses=init, containerStatuses=main)
    events = [
        {"metadata": {}, "lastTimestamp": "2026-01-01T00:00:02Z", "message": "second", "involvedObject": {"name": "kube-ovn-cni-x"}},
        {"metadata": {}, "lastTimestamp": "2026-01-01T00:00:01Z", "message": "first", "involvedObject": {"name": "kube-ovn-cni"}},
        {"metadata": {}, "lastTimestamp": "2026-01-01T00:00:03Z", "message": "of another", "involvedObject": {"name": "coredns"}},
        {"metadata": {}, "lastTimestamp": None, "eventTime": "2026-01-01T00:00:04Z", "message": "third", "involvedObject": {"name": "kube-ovn-cni-5d-y"}},
    ]
    text = rollout.explain(
        "DaemonSet kube-system/kube-ovn-cni", 300, "", [pod("fine"), broken], events, ["kube-ovn-cni"], lambda pod, name, previous: LOGS.get((name, previous))
    )
    assert text.startswith("DaemonSet kube-system/kube-ovn-cni was not ready after 300 s without progress. Pods not ready: kube-ovn-cni-x. Last events: ")
    assert "Last events: first | second | third." in text
    assert "Init container install-cni of pod kube-ovn-cni-x: waiting, CrashLoopBackOff, back-off 10s." in text
    assert "Last log lines: copying | cp: cannot stat '/loopback'. Last log lines of its previous attempt: first try." in text
    assert "Init container done" not in text
    assert "Container cni-server of pod kube-ovn-cni-x: waiting, PodInitializing." in text


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


class Cluster:
    """Answers by the time: `at` returns the DaemonSet and its pods."""

    def __init__(self, clock, at):
        self.clock, self.at = clock, at

    def list(self, kind, _namespace):
        return self.at(self.clock.now)[1] if kind == "Pod" else []

    def get(self, _kind, _namespace, _name):
        return self.at(self.clock.now)[0]

    def log(self, _pod, _container, _previous):
        return None


WORKLOAD = {"kind": "DaemonSet", "name": "ovs-ovn", "namespace": "kube-system", "until": "available"}


def wait(at, **params):
    clock = Clock()
    given = {"workloads": [WORKLOAD], "pods": [], "excluded_nodes": []}
    given.update({"timeout": 300, "steady": 0, "interval": 10}, **params)
    return module.wait(Cluster(clock, at), given, clock, clock.sleep)


def test_a_rollout_over_many_nodes_may_take_longer_than_the_limit_as_long_as_it_goes_on():
    seconds, _pods, problem = wait(lambda now: (daemon_set(wanted=20, updated=int(now // 200), available=20), []))
    assert problem is None
    assert seconds == 4000


def test_a_pod_that_comes_and_goes_makes_no_progress():
    seconds, _pods, problem = wait(lambda now: (daemon_set(available=2 + int(now // 10) % 2, updated=2), []))
    assert seconds <= 320
    assert problem.startswith("DaemonSet kube-system/ovs-ovn was not ready after 300 s without progress.")


def test_what_does_not_exist_is_named():
    assert "DaemonSet kube-system/ovs-ovn was not ready after 300 s without progress. It does not exist." in wait(lambda now: (None, []))[2]


def test_a_pod_on_a_node_is_waited_for_until_it_is_alone_and_stays_ready():
    old = pod("old")
    old["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    def at(now):
        # It ends itself once more some seconds after it was ready.
        return None, [old, pod("new", ready=False)] if now < 50 else [pod("new", ready=not 60 <= now < 80)]

    params = {"workloads": [], "pods": [{"namespace": "kube-system", "labels": {"app": "ovs-ovn"}, "node": "node-1"}]}
    assert wait(at, **params) == (50, ["new"], None)
    assert wait(at, **params, steady=20) == (100, ["new"], None)
    assert "The pod app=ovs-ovn in namespace kube-system on node node-2" in wait(at, **{**params, "pods": [{**params["pods"][0], "node": "node-2"}]})[2]


def test_a_pod_is_waited_for_by_its_name():
    params = {"workloads": [], "pods": [{"namespace": "kube-system", "name": "new", "labels": None, "node": None}]}
    pods = [pod("other"), pod("new", ready=False, phase="Pending")]
    assert wait(lambda now: (None, pods if now < 50 else [pod("new")]), **params) == (50, ["new"], None)
    title = "The pod new in namespace kube-system was not ready after 300 s without progress. "
    seconds, names, problem = wait(lambda now: (None, pods), **params)
    assert (seconds, names) == (300, [])
    assert problem.startswith(title + "It is Pending on node-1. Pods not ready: new. ")
    assert wait(lambda now: (None, pods[:1]), **params)[2].startswith(title + "It does not exist. Pods not ready: none. ")


def test_seen_by_its_controller_is_enough_where_only_that_is_asked():
    broken = daemon_set(available=0)
    assert wait(lambda now: (broken, []), workloads=[{**WORKLOAD, "until": "observed"}])[2] is None
    found = wait(lambda now: (daemon_set(observed=1), []), workloads=[{**WORKLOAD, "until": "observed"}])
    assert "Its controller has not seen the last change." in found[2]
