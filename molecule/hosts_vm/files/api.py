"""The few answers of a Kubernetes API that draining a node takes: api.py FOLDER; writes FOLDER/kubeconfig, and in FOLDER/calls what was asked of it.

It has the nodes `bookworm` and `lost`, and their pods. A cordoned node is taken for one that is rebooted: a few looks later its kubelet tells of
another boot, and is ready then; that of `lost` never comes back. With `real_boots` a call `reboot` in FOLDER/calls is the reboot.

Pods by name: `slow` is there for two more looks after its eviction; `guarded` has a disruption budget that lets it go never, and `delayed` one that lets it go
at the third request; `migrated` is refused twice by a webhook that moves it; `twice` has two budgets; `kept` may not be evicted by this user.
What a refusal looks like follows Kubernetes' pkg/registry/core/pod/storage/eviction.go, staging/src/k8s.io/apimachinery/pkg/api/errors, the webhook's denial
apiserver/pkg/admission/plugin/webhook/errors, and KubeVirt's pod-eviction admitter. The taint of a cordon, with its time, comes a moment after it, as by
pkg/controller/nodelifecycle.
"""

from __future__ import annotations

import http.server
import json
import sys
import time
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
        metadata["ownerReferences"] = [{"kind": kind, "name": "owner", "apiVersion": "apps/v1", "uid": "1", "controller": True}]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"nodeName": node, "containers": []}, "status": {"phase": "Running"}}


BUDGET = "Cannot evict pod as it would violate the pod's disruption budget."


def status(code: int, reason: str, message: str, **more: object) -> dict:
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message, "code": code, **more}
    return {**body, "reason": reason} if reason else body


def refusal(name: str, asked: int) -> tuple[int, dict] | None:
    """What the API says to the eviction of a pod that was asked for so often; None when it lets it go."""
    if name == "guarded" or (name in ("delayed", "forbidden-fruit") and asked == 1):
        cause = {"reason": "DisruptionBudget", "message": f"The disruption budget {name} needs 1 healthy pods and has 1 currently"}
        return 429, status(429, "TooManyRequests", BUDGET, details={"causes": [cause]})
    if name in ("delayed", "forbidden-fruit") and asked == 2:
        cause = {"reason": "DisruptionBudget", "message": f"The disruption budget {name} is still being processed by the server."}
        return 429, status(429, "TooManyRequests", BUDGET, details={"causes": [cause], "retryAfterSeconds": 10})
    if name == "migrated" and asked <= 2:
        said = f'admission webhook "virt-launcher-eviction-interceptor.kubevirt.io" denied the request: Eviction triggered evacuation of VMI "default/{name}"'
        return 429, status(429, "TooManyRequests", said)
    if name == "twice":
        return 500, status(500, "", "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.")
    if name == "kept":
        said = f'pods "{name}" is forbidden: User "u" cannot create resource "pods/eviction" in API group "" in the namespace "default"'
        return 403, status(403, "Forbidden", said, details={"name": name, "kind": "pods"})
    return None


class State:
    def __init__(self, folder: Path) -> None:
        self.calls = folder / "calls"
        self.calls.write_text("")
        self.looks: dict[str, int] = {}
        self.nodes = {name: {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}} for name in ("bookworm", "lost")}
        # Without one a node may be any machine.
        self.machines: dict[str, str] = {}
        # Nodes without a network.
        self.never_ready: set[str] = set()
        self.real_boots = False
        self.asked: dict[str, int] = {}
        self.pods: dict[str, dict] = {}
        self.going: dict[str, int] = {}

    def call(self, text: str) -> None:
        with self.calls.open("a") as stream:
            stream.write(text + "\n")

    def cordon(self, name: str, cordoned: bool) -> None:
        """By whoever; who does it by hand leaves no call."""
        spec = self.nodes[name]["spec"]
        if spec.get("unschedulable", False) != cordoned:
            spec["unschedulable"] = cordoned
            spec.pop("taints", None)
            self.looks[name] = 0

    def node(self, name: str) -> dict:
        node = self.nodes[name]
        cordoned = node["spec"].get("unschedulable", False)
        self.looks[name] = self.looks.get(name, 0) + 1 if cordoned else 0
        if cordoned and self.looks[name] == 2 and "taints" not in node["spec"]:
            taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule", "timeAdded": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
            node["spec"]["taints"] = [taint]
        reboots = self.calls.read_text().count(f"reboot {name}\n") if self.real_boots else int(cordoned and self.looks[name] > 6)
        rebooted = reboots > 0
        back = rebooted or not cordoned or self.real_boots
        if name == "lost":
            back = not cordoned
        elif rebooted:
            # Each boot has an id of its own.
            node["metadata"]["annotations"] = {"boot": f"after {reboots} reboots"}
        ready = {"type": "Ready", "status": "True" if back else "Unknown", "message": "" if back else "Kubelet stopped posting node status."}
        if name in self.never_ready:
            ready = {"type": "Ready", "status": "False", "message": "cni plugin not initialized"}
        boot = node["metadata"].get("annotations", {}).get("boot", "first")
        info = dict.fromkeys(NODE_INFO, "-") | {"machineID": self.machines.get(name, ""), "bootID": boot}
        return {**node, "status": {"nodeInfo": info, "conditions": [ready]}}

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
                self.cordon(parts[1], body["spec"]["unschedulable"])
                self.call(f"{'cordon' if body['spec']['unschedulable'] else 'uncordon'} {parts[1]}")
            return 200, self.node(parts[1])
        if method == "POST" and parts[-1] == "eviction" and parts[-2] in self.pods:
            self.call(f"evict {parts[-2]}")
            self.asked[parts[-2]] = self.asked.get(parts[-2], 0) + 1
            refused = refusal(parts[-2], self.asked[parts[-2]])
            if refused:
                return refused
            self.going[parts[-2]] = 2 if parts[-2] == "slow" else 0
            return 201, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
        return 404, status(404, "NotFound", f"{method} {path}")


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
            if "retryAfterSeconds" in body.get("details", {}):
                self.send_header("Retry-After", str(body["details"]["retryAfterSeconds"]))
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
    api.state.pods = {"web": pod("web"), "delayed": pod("delayed"), "ovs": pod("ovs", "DaemonSet")}
    api.serve_forever()
