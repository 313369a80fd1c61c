# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import http.server
import importlib.util
import json
import os
import re
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

# Tests read the names and results of single tasks, which the callback of ansible.cfg leaves out.
os.environ.setdefault("ANSIBLE_STDOUT_CALLBACK", "ansible.builtin.default")
# The collection is imported by its full name.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".collections"))


def pytest_configure(config):
    config.addinivalue_line("markers", "one_core: takes long and is the same with every ansible-core, so that it runs under 2.16 only")


def fake_api():
    specification = importlib.util.spec_from_file_location("fake_api", Path(__file__).resolve().parents[2] / "molecule" / "multus" / "files" / "api.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def answer_exec(handler, parts) -> None:
    """What a command prints, as the kubelet sends it: (channel, bytes) as they come; 1 is the output, 2 the errors, 3 the status at the end."""
    key = hashlib.sha1((handler.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
    handler.send_response(101)
    for header in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", base64.b64encode(key).decode())):
        handler.send_header(*header)
    handler.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
    handler.end_headers()
    for channel, data in parts:
        handler.wfile.write(b"\x82\x7f" + (len(data) + 1).to_bytes(8, "big") + bytes([channel]) + data)
    handler.wfile.write(b"\x88\x00")
    handler.close_connection = True


@pytest.fixture
def kubernetes(monkeypatch):
    """The API server of other tests, with containers in which a file can be read: `files` has what is in them. A test may set `executed` instead."""
    fake = fake_api()
    files: dict[str, str] = {}

    class Api(fake.Api):
        def do_GET(self):
            command = [part.partition("=")[2] for part in self.path.partition("?")[2].split("&") if part.startswith("command=")]
            if "/exec?" not in self.path:
                return self.handle_one()
            if fake.executed:
                url = urlsplit(self.path)
                return answer_exec(self, fake.executed(url.path.split("/")[-2], parse_qs(url.query)["command"]))
            content = files.get(command[1].replace("%2F", "/")) if command[0] == "cat" else None
            causes = {"causes": [{"reason": "ExitCode", "message": "1"}]}
            status = {"status": "Success"} if content is not None else {"status": "Failure", "details": causes}
            output = (2, b"cat: No such file or directory") if content is None else (1, content.encode())
            return answer_exec(self, [output, (3, json.dumps(status).encode())])

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("K8S_AUTH_HOST", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "none")
    fake.files, fake.executed = files, None
    yield fake
    server.shutdown()


KINDS = {
    "v1": {"nodes": ("Node", False), "namespaces": ("Namespace", False)},
    "apps/v1": {"deployments": ("Deployment", True), "controllerrevisions": ("ControllerRevision", True), "statefulsets": ("StatefulSet", True)},
    "kubeovn.io/v1": {"subnets": ("Subnet", False)},
}


def terms(selector: str) -> list[tuple[str, list[str]]]:
    """The terms of a label or field selector: key=value, and key in (a, b)."""
    found = []
    for term in re.findall(r"[^,(]+(?:\([^)]*\))?", selector):
        key, dummy, values = term.strip().partition(" in ") if " in (" in term else term.strip().partition("=")
        found.append((key.strip(), [value.strip() for value in values.strip("=()").split(",")]))
    return found


class Cluster:
    """What the controllers of a cluster do in an API server that only keeps objects: pods of DaemonSets and Deployments, and their revisions.

    Pods of OnDelete DaemonSets stay until they are deleted, as in the real controller (pkg/controller/daemon/update.go of Kubernetes).
    """

    def __init__(self, fake, nodes):
        self.fake, self.nodes = fake, nodes
        self.down: set[str] = set()
        self.deleted: list[str] = []
        self.commands: list[tuple[str, str]] = []
        for name in nodes:
            labels = {"kubernetes.io/os": "linux", "node-role.kubernetes.io/control-plane": ""}
            addresses = [{"type": "InternalIP", "address": f"192.0.2.{number + 1}"} for number, node in enumerate(nodes) if node == name]
            self.put("v1/nodes", {"kind": "Node", "metadata": {"name": name, "labels": labels}, "status": {"addresses": addresses, "nodeInfo": {}}})
        service = {"kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"}, "spec": {"clusterIP": "10.96.0.1"}}
        self.put("v1/services", service)

    def put(self, resource, thing):
        thing.setdefault("apiVersion", resource.rpartition("/")[0])
        metadata = thing["metadata"]
        status = thing.get("status")
        self.fake.STORE[resource, metadata.get("namespace", ""), metadata["name"]] = self.fake.live(thing, None)
        if status:
            thing["status"] = status

    def all(self, resource):
        return [thing for (name, _namespace, _name), thing in self.fake.STORE.items() if name == resource]

    def get(self, resource, name, namespace="kube-system"):
        return self.fake.STORE[resource, namespace, name]

    def workload(self, kind, name):
        return self.get("apps/v1/daemonsets" if kind == "DaemonSet" else "apps/v1/deployments", name)

    def pods(self, owner):
        return sorted(pod["metadata"]["name"] for pod in self.all("v1/pods") if pod["metadata"].get("ownerReferences", [{}])[0].get("name") == owner)

    def make_pod(self, workload, node, revision, number):
        metadata = workload["metadata"]
        name = f"{metadata['name']}-{node or 'x'}-{number}"
        template = workload["spec"]["template"]
        ready = node not in self.down
        status = [
            {"name": item["name"], "image": item["image"], "imageID": item["image"], "state": {"running": {"startedAt": f"2026-01-02T00:{number:02}:00Z"}}}
            for item in template["spec"]["containers"]
        ]
        pod = {
            "kind": "Pod",
            "metadata": {
                "name": name,
                "namespace": metadata["namespace"],
                "generateName": metadata["name"] + "-",
                "labels": {**(template["metadata"].get("labels") or {}), "controller-revision-hash": revision},
                "ownerReferences": [{"kind": workload["kind"], "name": metadata["name"], "apiVersion": "apps/v1", "uid": metadata["uid"]}],
            },
            "spec": {**template["spec"], "nodeName": node, "hostNetwork": True},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}], "containerStatuses": status if ready else []},
        }
        self.put("v1/pods", pod)

    def reconcile(self):
        """What the controllers do after each change."""
        for workload in self.all("apps/v1/daemonsets"):
            metadata, spec = workload["metadata"], workload["spec"]
            revision = hashlib.sha1(json.dumps(spec["template"], sort_keys=True).encode()).hexdigest()[:8]
            key = ("apps/v1/controllerrevisions", metadata["namespace"], f"{metadata['name']}-{revision}")
            if key not in self.fake.STORE:
                number = 1 + sum(1 for item in self.all("apps/v1/controllerrevisions") if item["metadata"]["ownerReferences"][0]["name"] == metadata["name"])
                owners = [{"kind": "DaemonSet", "name": metadata["name"], "apiVersion": "apps/v1", "uid": "1"}]
                labels = {"controller-revision-hash": revision}
                named = {"name": key[2], "namespace": key[1], "labels": labels, "ownerReferences": owners}
                self.put(key[0], {"kind": "ControllerRevision", "metadata": named, "revision": number})
            updated = available = wanted = 0
            selector = spec["template"]["spec"].get("nodeSelector") or {}
            for node in self.nodes:
                labels = self.fake.STORE["v1/nodes", "", node]["metadata"]["labels"]
                here = [
                    pod
                    for pod in self.all("v1/pods")
                    if pod["spec"].get("nodeName") == node and pod["metadata"].get("ownerReferences", [{}])[0].get("name") == metadata["name"]
                ]
                if not selector.items() <= labels.items():
                    for pod in here:
                        del self.fake.STORE["v1/pods", pod["metadata"]["namespace"], pod["metadata"]["name"]]
                    continue
                wanted += 1
                on_delete = (spec.get("updateStrategy") or {}).get("type") == "OnDelete"
                if here and not on_delete and here[0]["metadata"]["labels"].get("controller-revision-hash") != revision:
                    del self.fake.STORE["v1/pods", here[0]["metadata"]["namespace"], here[0]["metadata"]["name"]]
                    here = []
                if not here:
                    self.number = getattr(self, "number", 0) + 1
                    self.make_pod(workload, node, revision, self.number % 60)
                    here = [self.all("v1/pods")[-1]]
                updated += here[0]["metadata"]["labels"].get("controller-revision-hash") == revision
                available += node not in self.down
            counts = {"updatedNumberScheduled": updated, "numberAvailable": available, "numberReady": available}
            counts.update(desiredNumberScheduled=wanted, currentNumberScheduled=wanted)
            workload["status"] = {**counts, "observedGeneration": metadata["generation"]}
        for workload in self.all("apps/v1/deployments"):
            replicas = workload["spec"].get("replicas", 1)
            workload["status"] = {
                "observedGeneration": workload["metadata"]["generation"], "updatedReplicas": replicas, "availableReplicas": replicas, "replicas": replicas
            }  # fmt: skip
            if not self.pods(workload["metadata"]["name"]):
                self.make_pod(workload, self.nodes[0], "0", 0)

    def collect(self):
        """The garbage collector: what has lost its owner goes."""
        for kind, resource in (("DaemonSet", "apps/v1/daemonsets"), ("Deployment", "apps/v1/deployments")):
            names = {thing["metadata"]["name"] for thing in self.all(resource)}
            for key, thing in list(self.fake.STORE.items()):
                owner = (thing["metadata"].get("ownerReferences") or [{}])[0]
                if owner.get("kind") == kind and owner["name"] not in names:
                    del self.fake.STORE[key]


@pytest.fixture
def cluster(monkeypatch):
    """A cluster of two nodes. Commands in containers are kept, and flows are counted."""
    fake = fake_api()
    fake.STORE.clear()
    for version, kinds in KINDS.items():
        fake.KINDS.setdefault(version, {}).update(kinds)
    fake.KINDS["coordination.k8s.io/v1"] = {"leases": ("Lease", True)}
    fresh = fake.live

    def live(thing, before):
        """The status of a workload is its controller's alone."""
        done = fresh(thing, before)
        if before and thing["kind"] in ("DaemonSet", "Deployment") and "status" in before:
            done["status"] = before["status"]
        return done

    fake.live = live
    found = Cluster(fake, ["node-1", "node-2"])
    answer = {"ovs-ofctl": b"NXST_AGGREGATE reply (xid=0x4): packet_count=0 byte_count=0 flow_count=40"}
    found.executed = lambda _pod, command: [(1, answer.get(command[0], b"done")), (3, b'{"status": "Success"}')]

    class Api(fake.Api):
        def do_GET(self):
            if "/exec?" not in self.path:
                return self.handle_one()
            url = urlsplit(self.path)
            command = parse_qs(url.query)["command"]
            pod = url.path.split("/")[-2]
            found.commands.append((pod, " ".join(command)))
            return answer_exec(self, found.executed(pod, command))

        def serve(self, resource, kind, version, namespace, name, body, query):
            labels, fields = query.pop("labelSelector", [""])[0], query.pop("fieldSelector", [""])[0]
            if self.command == "GET" and not name and (labels or fields):
                items = [thing for (r, n, _name), thing in fake.STORE.items() if r == resource and namespace in ("", n)]
                for key, values in terms(labels):
                    items = [thing for thing in items if (thing["metadata"].get("labels") or {}).get(key) in values]
                for key, values in terms(fields):
                    items = [thing for thing in items if dig(thing, key) in values]
                return self.send(200, {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": items})
            if self.command == "DELETE" and (resource, namespace, name) in fake.STORE and "dryRun" not in query:
                found.deleted.append(f"{kind}/{name}")
                if (body or {}).get("propagationPolicy") == "Orphan":
                    for thing in fake.STORE.values():
                        owner = (thing["metadata"].get("ownerReferences") or [{}])[0]
                        if (owner.get("kind"), owner.get("name")) == (kind, name):
                            del thing["metadata"]["ownerReferences"]
            done = super().serve(resource, kind, version, namespace, name, body, query)
            if self.command != "GET" and "dryRun" not in query:
                found.collect()
                found.reconcile()
            return done

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("K8S_AUTH_HOST", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "none")
    yield found
    server.shutdown()


def dig(thing, path):
    for part in path.split("."):
        thing = (thing or {}).get(part)
    return thing
