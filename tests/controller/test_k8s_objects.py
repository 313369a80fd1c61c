"""Several questions to the Kubernetes API in one call of a module."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def read(*objects, **more):
    return call("k8s_objects_info", {"objects": objects}, **more)


def call(module, arguments, **more):
    """What a module returns when it runs as a task does; in check mode where CHECK is set."""
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible")), "localhost", "-i", "localhost,", "-c", "local", "-m", f"kube_ovn.dpdk.{module}",
            "-a", json.dumps(arguments), *(["--check"] if more.pop("CHECK", None) else []), "-e", f"ansible_python_interpreter={sys.executable}", "-o",
        ],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **more, "ANSIBLE_STDOUT_CALLBACK": "oneline"},
    )  # fmt: skip
    _host, state, answer = (done.stdout.split(" => ", 1)[0] + " | " + done.stdout.split(" => ", 1)[1]).split(" | ", 2)
    return state, json.loads(answer)


def put(fake, resource, name, namespace="", **labels):
    kind = {"v1/nodes": "Node", "v1/pods": "Pod"}[resource]
    fake.STORE[resource, namespace, name] = {"kind": kind, "apiVersion": "v1", "metadata": {"name": name, "namespace": namespace, "labels": labels}}


def refuse_nodes(cluster, monkeypatch):
    """The server forbids this client to read nodes."""
    serve = cluster.fake.Api.serve

    def refuse(self, resource, *rest):
        if resource == "v1/nodes":
            return self.send(403, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "Forbidden", "code": 403, "message": "no rights"})
        return serve(self, resource, *rest)

    monkeypatch.setattr(cluster.fake.Api, "serve", refuse)


def test_lists_names_and_kinds_that_are_not_served(cluster):
    put(cluster.fake, "v1/pods", "switch", "kube-system", app="ovs-dpdk")
    put(cluster.fake, "v1/pods", "other", "kube-system", app="x")
    put(cluster.fake, "v1/pods", "elsewhere", "default", app="ovs-dpdk")
    state, found = read(
        {"key": "nodes", "kind": "Node"},
        {"key": "one", "kind": "Node", "name": "node-2"},
        {"key": "none", "kind": "Node", "name": "node-3"},
        {"key": "switches", "kind": "Pod", "namespace": "kube-system", "label_selectors": ["app=ovs-dpdk"]},
        {"key": "everywhere", "kind": "Pod", "label_selectors": ["app=ovs-dpdk"]},
        {"key": "field", "kind": "Pod", "field_selectors": ["metadata.name=other"]},
        {"key": "unknown", "api_version": "example.com/v1", "kind": "Unknown"},
    )
    assert state == "SUCCESS" and not found["changed"]
    names = {key: [item["metadata"]["name"] for item in items] for key, items in found["objects"].items()}
    assert names == {
        "nodes": ["node-1", "node-2"], "one": ["node-2"], "none": [], "switches": ["switch"], "everywhere": ["switch", "elsewhere"], "field": ["other"],
        "unknown": [],
    }  # fmt: skip
    assert all(item["kind"] == "Node" and item["apiVersion"] == "v1" for item in found["objects"]["nodes"])
    assert found["missing"] == ["unknown"] and found["errors"] == {}
    assert found["version"].startswith("v1.") and {"v1", "apps/v1", "kubeovn.io/v1"} <= set(found["api_versions"])


def test_definitions_that_an_apply_may_change(cluster, monkeypatch):
    """One that is as it was applied is left out; one that is not there, is another now, is of an unknown kind or cannot be read is not."""

    def definition(name, kind="Pod", api_version="v1", **more):
        return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": "default"}, **more}

    for name in ("same", "other", "foreign"):
        put(cluster.fake, "v1/pods", name, "default")
        wanted = definition(name, spec={"nodeName": "node-1"})
        live = cluster.fake.STORE["v1/pods", "default", name]
        live["spec"] = {"nodeName": "node-2" if name == "other" else "node-1", "priority": 0}
        if name != "foreign":
            live["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(wanted)}
    refuse_nodes(cluster, monkeypatch)
    given = [definition(name, spec={"nodeName": "node-1"}) for name in ("same", "other", "foreign", "missing")]
    given += [definition("x", "Unknown", "example.com/v1"), {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-1"}}]
    state, found = call("k8s_objects_info", {"definitions": given})
    assert state == "SUCCESS" and not found["changed"] and found["objects"] == {}
    assert found["unapplied"] == given[1:]


@pytest.mark.parametrize("definition", [{}, {"apiVersion": "v1", "kind": "Pod"}, {"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "x"}}])
def test_definition_that_names_no_object(cluster, definition):
    state, found = call("k8s_objects_info", {"definitions": [definition]})
    assert state == "FAILED!" and "definitions[0]" in found["msg"] and "metadata.name" in found["msg"]


@pytest.mark.parametrize("name, others", [("node-2", []), ("node-3", ["node-1", "node-2"])])
def test_what_is_read_only_where_something_else_is_not_there(cluster, name, others):
    state, found = read({"key": "node", "kind": "Node", "name": name}, {"key": "nodes", "kind": "Node", "unless": "node"})
    assert state == "SUCCESS" and [item["metadata"]["name"] for item in found["objects"]["nodes"]] == others


@pytest.mark.parametrize("listed", ["kind", "group"])
def test_a_kind_that_was_removed_since_the_client_listed_it_is_missing(cluster, listed):
    """The client keeps the groups of a server in a file, and the kinds of those that were asked for."""
    query = {"key": "attachments", "api_version": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition"}
    assert read(query if listed == "kind" else {"key": "nodes", "kind": "Node"})[1]["missing"] == []
    del cluster.fake.KINDS["k8s.cni.cncf.io/v1"]
    state, found = read(query)
    assert state == "SUCCESS" and found["missing"] == ["attachments"] and found["objects"] == {"attachments": []}


def test_a_refusal_names_the_object_or_is_returned_where_it_may_be(cluster, monkeypatch):
    refuse_nodes(cluster, monkeypatch)
    state, found = read({"key": "nodes", "kind": "Node", "required": False}, {"key": "pods", "kind": "Pod"})
    assert state == "SUCCESS" and found["objects"] == {"nodes": [], "pods": []} and "no rights" in found["errors"]["nodes"]
    state, found = read({"key": "nodes", "kind": "Node", "name": "node-1"})
    assert state == "FAILED!" and "did not return Node of v1 node-1" in found["msg"] and "no rights" in found["msg"]


def test_the_version_is_that_of_now_after_an_upgrade(cluster, monkeypatch):
    """The client keeps what it discovered in a file by the server's address; a cluster keeps its address through an upgrade."""
    assert read({"key": "nodes", "kind": "Node"})[1]["version"] == "v1.24.17"
    discovery = cluster.fake.Api.discovery
    monkeypatch.setattr(cluster.fake.Api, "discovery", lambda self, path: {"gitVersion": "v1.37.2"} if path == "/version" else discovery(self, path))
    assert read({"key": "nodes", "kind": "Node"})[1]["version"] == "v1.37.2"


def test_a_server_that_is_not_there(cluster):
    state, found = read({"key": "nodes", "kind": "Node"}, K8S_AUTH_HOST="http://127.0.0.1:1")
    assert state == "FAILED!" and "Kubernetes API" in found["msg"] and "refused" in found["msg"]
