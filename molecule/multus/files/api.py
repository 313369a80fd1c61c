"""An API server that only keeps what it is given: discovery, create, read, list, merge patch and delete for the kinds of three roles.

What a cluster would add is added in `live`: the status of a DaemonSet and of a pod, the token of a service account. Usage: api.py FOLDER; writes FOLDER/port.
"""

from __future__ import annotations

import base64
import http.server
import json
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

# group/version: {plural: (kind, namespaced)}
KINDS = {
    "v1": {
        "configmaps": ("ConfigMap", True),
        "namespaces": ("Namespace", False),
        "nodes": ("Node", False),
        "pods": ("Pod", True),
        "events": ("Event", True),
        "secrets": ("Secret", True),
        "services": ("Service", True),
        "serviceaccounts": ("ServiceAccount", True),
    },
    "apps/v1": {"daemonsets": ("DaemonSet", True), "deployments": ("Deployment", True)},
    "batch/v1": {"jobs": ("Job", True)},
    "coordination.k8s.io/v1": {"leases": ("Lease", True)},
    "apiextensions.k8s.io/v1": {"customresourcedefinitions": ("CustomResourceDefinition", False)},
    "rbac.authorization.k8s.io/v1": {"clusterroles": ("ClusterRole", False), "clusterrolebindings": ("ClusterRoleBinding", False)},
    "k8s.cni.cncf.io/v1": {"network-attachment-definitions": ("NetworkAttachmentDefinition", True)},
}
VERBS = ["create", "delete", "get", "list", "patch", "update"]
STORE: dict[tuple[str, str, str], dict] = {}
LOCK = threading.Lock()


def merge(target: object, patch: object) -> object:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def live(thing: dict, before: dict | None) -> dict:
    metadata = thing.setdefault("metadata", {})
    # A pod that says nothing else runs at once, with its attachments.
    if thing["kind"] == "Pod" and "status" not in thing:
        thing["status"] = {"phase": "Running", "podIP": "10.16.0.9", "conditions": [{"type": "Ready", "status": "True"}]}
        metadata["annotations"] = {**(metadata.get("annotations") or {}), "k8s.v1.cni.cncf.io/network-status": "[]"}
    metadata.setdefault("uid", f"uid-{metadata['name']}")
    metadata.setdefault("creationTimestamp", "2026-01-01T00:00:00Z")
    metadata["generation"] = 1 if before is None else before["metadata"]["generation"] + (thing.get("spec") != before.get("spec"))
    metadata["resourceVersion"] = str(int((before or {"metadata": {"resourceVersion": "0"}})["metadata"]["resourceVersion"]) + 1)
    if thing["kind"] == "DaemonSet":
        counts = dict.fromkeys(("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"), 1)
        thing["status"] = {**counts, "observedGeneration": metadata["generation"]}
    if thing["kind"] == "Secret" and thing.get("type") == "kubernetes.io/service-account-token":
        thing["data"] = {"token": base64.b64encode(b"token").decode(), "ca.crt": base64.b64encode(b"authority").decode()}
    return thing


def stale(before: dict, body: dict) -> bool:
    """Whether the request is about another version of the object than the one that is there: optimistic locking, and preconditions of a delete."""
    asked = (body.get("preconditions") or body.get("metadata") or {}).get("resourceVersion")
    return asked is not None and asked != before["metadata"]["resourceVersion"]


class Api(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, code: int, body: dict) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def status(self, code: int, reason: str) -> None:
        self.send(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": reason, "code": code})

    def discovery(self, path: str) -> dict | None:
        groups = [name.split("/") for name in KINDS if "/" in name]
        if path == "/version":
            return {"major": "1", "minor": "24", "gitVersion": "v1.24.17"}
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            versions = [(group, {"groupVersion": f"{group}/{version}", "version": version}) for group, version in groups]
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [{"name": g, "versions": [v], "preferredVersion": v} for g, v in versions]}
        name = path.removeprefix("/apis/").removeprefix("/api/")
        if name in KINDS:
            kinds = KINDS[name].items()
            resources = [{"name": plural, "singularName": "", "kind": kind, "namespaced": spaced, "verbs": VERBS} for plural, (kind, spaced) in kinds]
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}
        return None

    def handle_one(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else {}
        found = self.discovery(url.path)
        if found is not None:
            return self.send(200, found)
        parts = url.path.strip("/").split("/")
        version = "v1" if parts[0] == "api" else "/".join(parts[1:3])
        rest = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if len(rest) > 2 and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        # Also the list of kinds of a group that is not served.
        if not rest or rest[0] not in KINDS.get(version, {}):
            return self.status(404, "NotFound")
        query = parse_qs(url.query)
        with LOCK:
            return self.serve(f"{version}/{rest[0]}", KINDS[version][rest[0]][0], version, namespace, rest[1] if len(rest) > 1 else "", body, query)

    def serve(self, resource: str, kind: str, version: str, namespace: str, name: str, body: dict, query: dict) -> None:
        if self.command == "POST":
            name = body["metadata"]["name"]
        key = (resource, namespace, name)
        if self.command == "GET" and not name:
            wanted = dict(word.split("=") for word in query.get("labelSelector", [""])[0].split(",") if word)
            items = [thing for (r, n, _name), thing in STORE.items() if r == resource and namespace in ("", n)]
            items = [thing for thing in items if wanted.items() <= thing["metadata"].get("labels", {}).items()]
            return self.send(200, {"kind": f"{kind}List", "apiVersion": version, "metadata": {}, "items": items})
        before = STORE.get(key)
        if self.command == "POST":
            if before is not None:
                return self.status(409, "AlreadyExists")
            body["metadata"].setdefault("namespace", namespace)
            after = live(body, None)
        elif before is None:
            return self.status(404, "NotFound")
        elif self.command == "GET":
            return self.send(200, before)
        elif stale(before, body):
            return self.status(409, "Conflict")
        elif self.command == "DELETE":
            if "dryRun" not in query:
                del STORE[key]
            return self.send(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})
        else:
            after = live(merge(before, body) if self.command == "PATCH" else body, before)
            if {**after, "metadata": None} == {**before, "metadata": None} and after["metadata"].get("labels") == before["metadata"].get("labels"):
                after["metadata"]["resourceVersion"] = before["metadata"]["resourceVersion"]
        if "dryRun" not in query:
            STORE[key] = after
        return self.send(200, after)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_one

    def log_message(self, *_args: object) -> None:
        pass


def main() -> None:
    folder = Path(sys.argv[1])
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"}, "spec": {"clusterIP": "10.96.0.1"}}
    STORE["v1/services", "default", "kubernetes"] = live(service, None)
    STORE["v1/namespaces", "", "default"] = live({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}, None)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    (folder / "port").write_text(str(server.server_port))
    server.serve_forever()


if __name__ == "__main__":
    main()
