"""The few answers of a Kubernetes API that draining a node takes: api.py FOLDER; writes FOLDER/port, and in FOLDER/calls what was asked of it.

It has the nodes `bookworm` and `lost`, and their pods. A cordoned node is taken for one that is rebooted: a few looks later its kubelet tells of
another boot, and is ready then; that of `lost` never comes back. Pods named `guarded` have a disruption budget that lets none go, those named
`slow` are there for two more looks.
"""

from __future__ import annotations

import http.server
import json
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

VERBS = ["get", "list", "patch"]
RESOURCES = [
    {"name": "nodes", "singularName": "", "kind": "Node", "namespaced": False, "verbs": VERBS},
    {"name": "pods", "singularName": "", "kind": "Pod", "namespaced": True, "verbs": VERBS},
]
# What a client insists on.
NODE_INFO = [
    *("architecture", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion", "kubeletVersion"),
    *("machineID", "operatingSystem", "osImage", "systemUUID"),
]


def pod(name: str, kind: str | None = "ReplicaSet", node: str = "bookworm") -> dict:
    metadata = {"name": name, "namespace": "default"}
    if kind:
        metadata["ownerReferences"] = [{"kind": kind, "name": "owner", "apiVersion": "apps/v1", "uid": "1"}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": node, "containers": []}, "status": {"phase": "Running"}}


class State:
    def __init__(self, folder: Path) -> None:
        self.calls = folder / "calls"
        self.calls.write_text("")
        self.looks: dict[str, int] = {}
        self.nodes = {name: {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}} for name in ("bookworm", "lost")}
        # Nodes without a network.
        self.never_ready: set[str] = set()
        self.pods: dict[str, dict] = {}
        self.going: dict[str, int] = {}

    def call(self, text: str) -> None:
        with self.calls.open("a") as stream:
            stream.write(text + "\n")

    def node(self, name: str) -> dict:
        node = self.nodes[name]
        cordoned = node["spec"].get("unschedulable", False)
        self.looks[name] = self.looks.get(name, 0) + 1 if cordoned else 0
        back = not cordoned or (self.looks[name] > 3 and name != "lost")
        if cordoned and back:
            node["metadata"]["annotations"] = {"boot": "second"}
        ready = {"type": "Ready", "status": "True" if back else "Unknown", "message": "" if back else "Kubelet stopped posting node status."}
        if name in self.never_ready:
            ready = {"type": "Ready", "status": "False", "message": "cni plugin not initialized"}
        boot = node["metadata"].get("annotations", {}).get("boot", "first")
        return {**node, "status": {"nodeInfo": dict.fromkeys(NODE_INFO, "-") | {"bootID": boot}, "conditions": [ready]}}

    def list(self, node: str) -> list[dict]:
        for name in list(self.going):
            self.going[name] -= 1
            if self.going[name] < 0:
                del self.going[name], self.pods[name]
        return [pod for pod in self.pods.values() if pod["spec"]["nodeName"] == node]

    def answer(self, method: str, path: str, query: dict, body: dict) -> tuple[int, dict]:
        fixed = {
            "/version": {"major": "1", "minor": "24", "gitVersion": "v1.24.17"},
            "/api": {"kind": "APIVersions", "versions": ["v1"]},
            "/apis": {"kind": "APIGroupList", "apiVersion": "v1", "groups": []},
            "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": RESOURCES},
        }
        if path in fixed:
            return 200, fixed[path]
        parts = path.strip("/").split("/")[2:]
        if method == "GET" and parts == ["nodes"]:
            return 200, {"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": [self.node(name) for name in self.nodes]}
        if method == "GET" and parts == ["pods"]:
            node = query.get("fieldSelector", ["=bookworm"])[0].partition("=")[2]
            return 200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": self.list(node)}
        if parts[0] == "nodes" and parts[1] in self.nodes:
            if method == "PATCH":
                self.nodes[parts[1]]["spec"].update(body["spec"])
                self.call(f"{'cordon' if body['spec']['unschedulable'] else 'uncordon'} {parts[1]}")
            return 200, self.node(parts[1])
        if method == "POST" and parts[-1] == "eviction" and parts[-2] in self.pods:
            self.call(f"evict {parts[-2]}")
            if parts[-2] == "guarded":
                return 429, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "TooManyRequests", "code": 429}
            self.going[parts[-2]] = 2 if parts[-2] == "slow" else 0
            return 201, {"kind": "Status", "apiVersion": "v1", "status": "Success"}
        return 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": f"{method} {path}"}


def serve(folder: Path) -> http.server.HTTPServer:
    state = State(folder)

    class Handler(http.server.BaseHTTPRequestHandler):
        def answer(self) -> None:
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            code, body = state.answer(self.command, url.path, parse_qs(url.query), json.loads(self.rfile.read(length)) if length else {})
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, *_args: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.state = state
    (folder / "kubeconfig").write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "c",
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
                "users": [{"name": "u", "user": {"token": "none"}}],
            }
        )
    )
    return server


if __name__ == "__main__":
    api = serve(Path(sys.argv[1]))
    api.state.pods = {"web": pod("web"), "ovs": pod("ovs", "DaemonSet")}
    api.serve_forever()
