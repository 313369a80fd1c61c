"""Role dpdk_app against a Kubernetes API of a few answers: which pods are created, kept, and created anew; what the Dockerfile says."""

from __future__ import annotations

import json
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PODS = "/api/v1/namespaces/default/pods"


class Api:
    """Pods in a dictionary. A pod runs, with its attachments, as soon as it is created, unless `phase` says otherwise."""

    def __init__(self):
        self.pods: dict[str, dict] = {}
        self.calls: list[tuple[str, str]] = []
        self.phase = "Running"
        self.attached = True

    def handle(self, method: str, path: str, body: dict | None) -> tuple[int, dict]:
        path, _question_mark, query = path.partition("?")
        if method != "GET":
            self.calls.append((method, path))
        if path == "/version":
            return 200, {"major": "1", "minor": "24", "gitVersion": "v1.24.17"}
        if path == "/api":
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}
        if path == "/api/v1":
            verbs = ["create", "delete", "get", "list", "patch", "update"]
            kinds = (("pods", "Pod"), ("events", "Event"))
            resources = [{"name": name, "singularName": "", "namespaced": True, "kind": kind, "verbs": verbs} for name, kind in kinds]
            return 200, {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources}
        if path.endswith("/events"):
            event = {
                "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "creationTimestamp": "2026-11-24T00:00:00Z"},
                "type": "Warning", "reason": "FailedScheduling", "message": "0/1 nodes are available: 1 Insufficient hugepages-1Gi.",
                "involvedObject": {"kind": "Pod", "name": "testpmd-dpdk"},
            }  # fmt: skip
            return 200, {"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": [event]}
        if path == PODS and method == "GET":
            return 200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": list(self.pods.values())}
        if path == PODS and method == "POST":
            if "dryRun" in query:
                return 201, body
            body["metadata"].update(uid=str(len(self.calls)), creationTimestamp="2026-11-24T00:00:00Z", resourceVersion="1")
            body["status"] = {"phase": self.phase}
            if self.attached:
                body["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"] = "[]"
            self.pods[body["metadata"]["name"]] = body
            return 201, body
        name = path.rsplit("/", 1)[-1]
        if path.startswith(PODS + "/") and name in self.pods:
            if method == "GET":
                return 200, self.pods[name]
            if method == "DELETE":
                return 200, self.pods[name] if "dryRun" in query else self.pods.pop(name)
        return 404, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404, "message": f"{method} {path}"}


@pytest.fixture
def api():
    fake = Api()

    class Handler(BaseHTTPRequestHandler):
        def answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            code, body = fake.handle(self.command, self.path, json.loads(self.rfile.read(length)) if length else None)
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_DELETE = do_PATCH = do_PUT = answer

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    yield fake
    server.shutdown()


def play(tmp_path: Path, api: Api | None, *arguments: str, entry: str = "main", **variables) -> subprocess.CompletedProcess:
    book = [{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}", **variables},
        "environment": {"K8S_AUTH_HOST": api.url if api else "", "K8S_AUTH_API_KEY": "none"},
        "tasks": [{"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.dpdk_app", "tasks_from": entry}}],
    }]  # fmt: skip
    (tmp_path / "play.yml").write_text(yaml.safe_dump(book))
    return subprocess.run(
        [str(ROOT / ".venv" / "bin" / "ansible-playbook"), "-i", "localhost,", str(tmp_path / "play.yml"), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip


def ran(done: subprocess.CompletedProcess, changed: int) -> None:
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"changed={changed} " in done.stdout.splitlines()[[n for n, line in enumerate(done.stdout.splitlines()) if "PLAY RECAP" in line][0] + 1]


def test_pod_is_created_kept_replaced_and_deleted(tmp_path, api):
    ran(play(tmp_path, api), 1)
    (pod,) = api.pods.values()
    (container,) = pod["spec"]["containers"]
    assert pod["metadata"]["name"] == "testpmd-dpdk"
    assert pod["metadata"]["labels"]["app.kubernetes.io/part-of"] == "kube-ovn-dpdk"
    assert pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"] == "ovs-dpdk-br0, ovs-dpdk-br0"
    assert container["name"] == "testpmd-dpdk"
    assert container["image"] == "dpdk:19.11"
    assert container["resources"]["limits"] == container["resources"]["requests"] == {"hugepages-1Gi": "2Gi", "memory": "2Gi"}
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert sockets(pod) == ("shared-dir", "/var/run/openvswitch/pods", "/vhu", "$(POD_UID)")
    # Once more: nothing is called.
    api.calls.clear()
    ran(play(tmp_path, api), 0)
    assert api.calls == []
    # Another size: the pod is deleted and created, in check mode only said to be.
    ran(play(tmp_path, api, "--check", dpdk_app_hugepage_size="2Mi"), 1)
    assert all(method == "GET" or "dry" in path for method, path in api.calls) or list(api.pods.values()) == [pod]
    assert list(api.pods.values()) == [pod]
    api.calls.clear()
    ran(play(tmp_path, api, dpdk_app_hugepage_size="2Mi"), 2)
    assert [method for method, _path in api.calls] == ["DELETE", "POST"]
    (pod,) = api.pods.values()
    assert pod["spec"]["containers"][0]["resources"]["limits"]["hugepages-2Mi"] == "2Gi"
    # And away.
    ran(play(tmp_path, api, dpdk_app_state="absent"), 1)
    assert api.pods == {}
    ran(play(tmp_path, api, dpdk_app_state="absent"), 0)


def sockets(pod: dict) -> tuple[str, str, str, str | None]:
    """Name and directory of the volume with the sockets, where the pod sees it, and which directory below it."""
    hugepages, volume = pod["spec"]["volumes"]
    assert hugepages == {"name": "hugepages", "emptyDir": {"medium": "HugePages"}}
    (container,) = pod["spec"]["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts.pop("hugepages") == {"name": "hugepages", "mountPath": "/hugepages"}
    mount = mounts.pop(volume["name"])
    assert not mounts
    below = mount.get("subPathExpr")
    environment = [{"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}]
    assert container.get("env", []) == (environment if below else []), "what subPathExpr names is in the environment"
    return volume["name"], volume["hostPath"]["path"], mount["mountPath"], below


SEED = {"name": "vhu", "hostPath": {"path": "/var/run/openvswitch"}}
OWN = "/var/run/openvswitch/pods"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"dpdk_app_socket_volume": SEED}, ("vhu", "/var/run/openvswitch", "/vhu", None)),
        # Below another directory the launcher makes none for each pod.
        ({"dpdk_app_socket_volume": {"name": "shared-dir", "hostPath": {"path": "/var/run/openvswitch/server"}}},
         ("shared-dir", "/var/run/openvswitch/server", "/vhu", None)),
        ({"dpdk_app_socket_volume": {"name": "shared-dir", "hostPath": {"path": "/run/openvswitch/pods/"}}},
         ("shared-dir", "/run/openvswitch/pods/", "/vhu", "$(POD_UID)")),
        ({"dpdk_app_socket_volume": {"name": "shared-dir", "hostPath": {"path": "/srv/pods"}}, "dpdk_app_socket_subpath": "$(POD_UID)"},
         ("shared-dir", "/srv/pods", "/vhu", "$(POD_UID)")),
        ({"dpdk_app_socket_dir": "/sockets"}, ("shared-dir", OWN, "/sockets", "$(POD_UID)")),
    ],
    ids=["original procedure", "one directory", "other spelling", "other directory of pods", "other place"],
)  # fmt: skip
def test_what_a_pod_sees_of_the_sockets(tmp_path, api, variables, expected):
    ran(play(tmp_path, api, **variables), 1)
    (pod,) = api.pods.values()
    assert sockets(pod) == expected


def test_a_pod_that_sees_all_sockets_is_replaced_by_one_that_sees_its_own(tmp_path, api):
    ran(play(tmp_path, api, dpdk_app_socket_volume=SEED), 1)
    ran(play(tmp_path, api), 2)
    (pod,) = api.pods.values()
    assert sockets(pod)[1:] == (OWN, "/vhu", "$(POD_UID)")


def test_one_pod_for_each_node_and_no_more(tmp_path, api):
    ran(play(tmp_path, api, dpdk_app_nodes=["worker-1", "worker-2"]), 1)
    assert {name: pod["spec"]["nodeSelector"] for name, pod in api.pods.items()} == {
        "testpmd-dpdk-worker-1": {"kubernetes.io/hostname": "worker-1"},
        "testpmd-dpdk-worker-2": {"kubernetes.io/hostname": "worker-2"},
    }
    api.calls.clear()
    ran(play(tmp_path, api, dpdk_app_nodes=["worker-2"]), 1)
    assert api.calls == [("DELETE", PODS + "/testpmd-dpdk-worker-1")]


@pytest.mark.parametrize("why", ["ended", "unattached", "asked"])
def test_pod_that_cannot_be_kept(tmp_path, api, why):
    api.attached = why != "unattached"
    ran(play(tmp_path, api), 1)
    api.attached = True
    if why == "ended":
        api.pods["testpmd-dpdk"]["status"]["phase"] = "Failed"
    api.calls.clear()
    ran(play(tmp_path, api, **({"dpdk_app_recreate": True} if why == "asked" else {})), 2)
    assert [method for method, _path in api.calls] == ["DELETE", "POST"]


def test_pod_that_does_not_run_tells_why(tmp_path, api):
    api.phase = "Pending"
    done = play(tmp_path, api, dpdk_app_timeout=6)
    assert done.returncode != 0
    assert "Insufficient hugepages-1Gi" in done.stdout
    assert "default/testpmd-dpdk on no node is Pending" in " ".join(done.stdout.split())


@pytest.mark.parametrize("bad", [{"dpdk_app_hugepages": "1500Mi"}, {"dpdk_app_networks": []}, {"dpdk_app_hugepage_size": "4Ki"}])
def test_bad_input_touches_nothing(tmp_path, api, bad):
    done = play(tmp_path, api, **bad)
    assert done.returncode != 0
    assert "dpdk_app_" in done.stdout
    assert api.calls == []


def test_unknown_version_needs_a_checksum(tmp_path):
    done = play(tmp_path, None, entry="build", dpdk_app_dpdk_version="19.11.3", dpdk_app_build_dir=str(tmp_path / "build"))
    assert done.returncode != 0
    assert "dpdk_app_dpdk_checksum" in done.stdout
    assert not (tmp_path / "build").exists()


def test_dockerfile(tmp_path):
    # Docker is looked for after the Dockerfile is written.
    play(tmp_path, None, entry="build", dpdk_app_build_dir=str(tmp_path / "build"), dpdk_app_base_image="centos:8", ansible_docker_host="unix:///nonexistent")
    text = (tmp_path / "build" / "context" / "Dockerfile.dpdk").read_text()
    assert text.count("FROM centos:8") == 2
    assert "ADD v19.11.14.tar.gz dpdk.tar" in text
    assert "dpdk-testpmd" in text


@pytest.mark.parametrize("source", ["present", "archive"])
def test_image_on_the_nodes(tmp_path, source):
    done = play(tmp_path, None, entry="nodes", dpdk_app_image_source=source)
    if source == "present":
        ran(done, 0)
    else:
        assert done.returncode != 0
        assert "dpdk_app_image_archive_checksum" in done.stdout
