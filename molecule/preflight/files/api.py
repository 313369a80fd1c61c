"""Answers the few questions that preflight asks of a Kubernetes API and of a registry, on a free port of the loopback interface. API.PY FOLDER"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


def resource(kind: str, name: str, namespaced: bool) -> dict:
    return {"kind": kind, "name": name, "singularName": "", "namespaced": namespaced, "verbs": ["get", "list"]}


RESOURCES = [resource("Node", "nodes", False), resource("Pod", "pods", True), resource("Namespace", "namespaces", False)]


def node(name: str, images: list[str]) -> dict:
    status = {
        "nodeInfo": {"containerRuntimeVersion": "docker://20.10.24"},
        "allocatable": {"hugepages-1Gi": "4Gi"},
        "images": [{"names": images}],
        "conditions": [{"type": "Ready", "status": "True"}],
    }
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "status": status}


def daemonset(name: str, **labels: str) -> dict:
    spec = {"template": {"spec": {"containers": [{"name": name, "image": "registry.example.com/%s:1" % name}]}}}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": name, "namespace": "kube-system", "labels": labels}, "spec": spec}


def answers(folder: Path) -> dict:
    # What a play changes while this runs.
    given = json.loads((folder / "cluster.json").read_text())
    preferred = {"groupVersion": "apps/v1", "version": "v1"}
    return {
        "/version": {"major": "1", "minor": "24", "gitVersion": given["version"], "platform": "linux/amd64"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": [{"name": "apps", "versions": [preferred], "preferredVersion": preferred}]},
        "/api/v1": {"kind": "APIResourceList", "groupVersion": "v1", "resources": RESOURCES},
        "/apis/apps/v1": {"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": [resource("DaemonSet", "daemonsets", True)]},
        "/api/v1/nodes": {"kind": "NodeList", "apiVersion": "v1", "metadata": {}, "items": [node(name, given["images"]) for name in given["nodes"]]},
        "/api/v1/namespaces/kube-system/pods": {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": []},
        "/api/v1/namespaces": {"kind": "NamespaceList", "apiVersion": "v1", "metadata": {}, "items": []},
        "/apis/apps/v1/daemonsets": {
            "kind": "DaemonSetList",
            "apiVersion": "apps/v1",
            "metadata": {},
            "items": [daemonset(name) for name in given["daemonsets"]],
        },
    }


def main() -> None:
    folder = Path(sys.argv[1])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers(folder).get(self.path.split("?")[0].rstrip("/"))
            body = json.dumps(answer or {"kind": "Status", "status": "Failure", "code": 404}).encode()
            self.send_response(200 if answer else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        # As the registry of images, it has none.
        def do_HEAD(self) -> None:
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    (folder / "port").write_text(str(server.server_port))
    server.serve_forever()


if __name__ == "__main__":
    main()
