#!/usr/bin/python
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r"""
module: k8s_rollout_info
short_description: Waits until workloads of Kubernetes are rolled out, or reports why they are not
version_added: 1.0.0
description:
  - Waits until every listed DaemonSet and Deployment matches its specification, or until a node has a ready pod.
  - The time limit is one without progress, so that a rollout may take as long as its nodes need, one after the other.
  - The failure names the object, its pods that are not ready, their last events, and the last log lines of the containers that fail, init containers and
    previous attempts included.
  - Nothing is changed. In check mode nothing is waited for, since what would be waited for was not changed either.
options:
  workloads:
    description: Workloads to wait for.
    type: list
    elements: dict
    default: []
    suboptions:
      kind:
        description: Kind of the workload.
        type: str
        choices: [DaemonSet, Deployment]
        required: true
      name:
        description: Name of the workload.
        type: str
        required: true
      namespace:
        description: Its namespace.
        type: str
        default: kube-system
      until:
        description: V(available) waits for the rollout. V(observed) waits until its controller has seen its last change.
        type: str
        choices: [available, observed]
        default: available
  pods:
    description: Pods to wait for, each by its name, or by its labels and its node. There has to be one, ready, and none that is being deleted.
    type: list
    elements: dict
    default: []
    suboptions:
      namespace:
        description: Their namespace.
        type: str
        default: kube-system
      name:
        description: Name of the pod.
        type: str
      labels:
        description: Labels that they have.
        type: dict
      node:
        description: Name of the node that they run on.
        type: str
  excluded_nodes:
    description: Names of nodes whose pods are not waited for.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds without progress after which the wait fails.
    type: int
    default: 300
  steady:
    description: Seconds for which everything has to stay ready.
    type: int
    default: 0
  interval:
    description: Seconds between two queries of the API.
    type: float
    default: 2
extends_documentation_fragment:
  - kube_ovn.dpdk._kubernetes
attributes:
  check_mode:
    description: Waits for nothing.
    support: full
  diff_mode:
    details: Nothing is changed.
  idempotent:
    description: The same input gives the same result.
    support: full
author:
  - Kube-OVN DPDK collection maintainers (@kube-ovn-dpdk)
"""

EXAMPLES = r"""
- name: Wait for the controller of Kube-OVN
  kube_ovn.dpdk.k8s_rollout_info:
    workloads:
      - kind: Deployment
        name: kube-ovn-controller
    excluded_nodes: [node-9]
    timeout: 300

- name: Wait for the pod of OVS-DPDK on a node
  kube_ovn.dpdk.k8s_rollout_info:
    pods:
      - labels:
          app: ovs-dpdk
        node: node-1
"""

RETURN = r"""
waited:
  description: Seconds that the module waited.
  returned: success
  type: float
pods:
  description: Names of the O(pods), in their order.
  returned: success
  type: list
  elements: str
"""

import time

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _k8s_rollout as rollout
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._k8s_client import k8s_client, k8s_module

try:
    from kubernetes.client.rest import ApiException
    from kubernetes.dynamic.exceptions import ResourceNotFoundError
    from urllib3.exceptions import HTTPError
except ImportError:
    # k8s_module reports it.
    pass


class Cluster(object):
    """The few questions that are asked of the API. A failure of the API is a look without an answer, for its server may be about to move."""

    def __init__(self, client):
        self.client = client

    def _resource(self, kind):
        return self.client.resource(kind, "apps/v1" if kind in ("DaemonSet", "Deployment") else "v1")

    def list(self, kind, namespace):
        return self.client.get(self._resource(kind), namespace=namespace).to_dict().get("items") or []

    def get(self, kind, namespace, name):
        try:
            return self.client.get(self._resource(kind), namespace=namespace, name=name).to_dict()
        except ApiException as error:
            if error.status == 404:
                return None
            raise

    def log(self, pod, container, previous):
        query = dict(container=container, tailLines=rollout.LOG_LINES)
        if previous:
            query["previous"] = True
        try:
            answer = self._resource("Pod").log.get(name=pod["metadata"]["name"], namespace=pod["metadata"]["namespace"], serialize=False, query_params=query)
        except (ApiException, AttributeError, HTTPError):
            # A container that was never started has no log.
            return None
        return answer.data.decode("utf-8", "replace")


def is_asked_for(pod, item):
    """Whether an item of the option pods is about the pod."""
    if item["labels"] is None:
        return pod["metadata"]["name"] == item["name"]
    labels = pod["metadata"].get("labels") or {}
    return pod["spec"].get("nodeName") == item["node"] and all(labels.get(key) == value for key, value in item["labels"].items())


def unready_pod(item, here):
    """What `explain` says of an item of the option pods, of which there are these pods."""
    problem = "" if here else "It does not exist."
    if item["labels"] is None:
        title = "The pod %s in namespace %s" % (item["name"], item["namespace"])
        if here:
            problem = "It is %s on %s." % ((here[0].get("status") or {}).get("phase") or "unknown", here[0]["spec"].get("nodeName") or "no node")
    else:
        labels = ",".join("%s=%s" % pair for pair in sorted(item["labels"].items()))
        title = "The pod %s in namespace %s on node %s" % (labels, item["namespace"], item["node"])
    return dict(title=title, names=[], namespace=item["namespace"], problem=problem, pods=here)


def look(cluster, params):
    """What is not ready yet, as dictionaries for `explain`, a number that grows with progress, and names of the pods that are asked for."""
    waiting, progress, pods, names = [], 0, {}, []
    for namespace in set(item["namespace"] for item in params["workloads"] + params["pods"]):
        pods[namespace] = cluster.list("Pod", namespace)
    for item in params["workloads"]:
        found = cluster.get(item["kind"], item["namespace"], item["name"])
        title = "%s %s/%s" % (item["kind"], item["namespace"], item["name"])
        if found is None:
            waiting.append(dict(title=title, names=[item["name"]], namespace=item["namespace"], problem="It does not exist.", pods=[]))
            continue
        its_pods = rollout.selected(pods[item["namespace"]], found)
        excluded = rollout.excluded_pods(its_pods, found, params["excluded_nodes"])
        wanted, updated, available = rollout.counts(found, excluded)
        progress += rollout.observed(found) + min(updated, wanted) + min(available, wanted)
        if not rollout.observed(found) or (item["until"] == "available" and not rollout.rolled_out(found, excluded)):
            others = [pod for pod in its_pods if pod["spec"].get("nodeName") not in params["excluded_nodes"]]
            problem = "" if rollout.observed(found) else "Its controller has not seen the last change."
            waiting.append(dict(title=title, names=[item["name"]], namespace=item["namespace"], problem=problem, pods=others))
    for item in params["pods"]:
        here = [pod for pod in pods[item["namespace"]] if is_asked_for(pod, item)]
        names += [pod["metadata"]["name"] for pod in here]
        progress += any(not pod["metadata"].get("deletionTimestamp") for pod in here)
        if len(here) != 1 or not rollout.pod_ready(here[0]):
            waiting.append(unready_pod(item, here))
    return waiting, progress, names


def wait(cluster, params, clock=time.time, sleep=time.sleep):
    """Wait; returns (seconds, names of the pods, None), or (seconds, [], why it failed)."""
    begin = moved = clock()
    most, waiting, problem, ready = -1, [], "", None
    while True:
        try:
            waiting, progress, names = look(cluster, params)
            problem = ""
            ready = None if waiting else clock() if ready is None else ready
            if ready is not None and clock() - ready >= params["steady"]:
                return clock() - begin, names, None
            # A pod that comes and goes makes no progress.
            if progress > most:
                most, moved = progress, clock()
        except (ApiException, HTTPError, ResourceNotFoundError) as error:
            problem = "The Kubernetes API did not answer: %s." % " ".join(str(error).split())
            ready = None
        if ready is None and clock() - moved >= params["timeout"]:
            break
        sleep(params["interval"])
    if problem:
        return clock() - begin, [], problem
    words = []
    for item in waiting:
        try:
            events = cluster.list("Event", item["namespace"])
        except (ApiException, HTTPError, ResourceNotFoundError):
            events = []
        words.append(rollout.explain(item["title"], params["timeout"], item["problem"], item["pods"], events, item["names"], cluster.log))
    return clock() - begin, [], " ".join(words)


def main():
    workload = dict(
        kind=dict(type="str", choices=["DaemonSet", "Deployment"], required=True),
        name=dict(type="str", required=True),
        namespace=dict(type="str", default="kube-system"),
        until=dict(type="str", choices=["available", "observed"], default="available"),
    )
    pod = dict(
        namespace=dict(type="str", default="kube-system"),
        name=dict(type="str"),
        labels=dict(type="dict"),
        node=dict(type="str"),
    )
    ways = dict(mutually_exclusive=[("name", "labels")], required_one_of=[("name", "labels")], required_together=[("labels", "node")])
    argument_spec = dict(
        workloads=dict(type="list", elements="dict", default=[], options=workload),
        pods=dict(type="list", elements="dict", default=[], options=pod, **ways),
        excluded_nodes=dict(type="list", elements="str", default=[]),
        timeout=dict(type="int", default=300),
        steady=dict(type="int", default=0),
        interval=dict(type="float", default=2),
    )
    module = k8s_module(argument_spec)
    if module.check_mode:
        module.exit_json(changed=False, waited=0.0, pods=[])
    client = k8s_client(module)
    waited, pods, problem = wait(Cluster(client), module.params)
    if problem:
        module.fail_json(msg=problem, waited=waited)
    module.exit_json(changed=False, waited=waited, pods=pods)


if __name__ == "__main__":
    main()
