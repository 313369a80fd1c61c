"""Role dpdk_app against a Kubernetes API of a few answers: which pods are created, kept, and recreated; what the Dockerfile says."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _image_archive, _testpmd_pods

ROOT = Path(__file__).resolve().parents[2]
PODS = "/api/v1/namespaces/default/pods"
RECORDS = "/api/v1/namespaces/kube-system/configmaps"
RECORD = f"{RECORDS}/kube-ovn-dpdk-testpmd"
NADS = "network-attachment-definitions"


class Api:
    """Pods in a dictionary. A pod runs, with its attachments, as soon as it is created, unless `phase` says otherwise."""

    def __init__(self):
        self.pods: dict[str, dict] = {}
        self.calls: list[tuple[str, str]] = []
        self.phase = "Running"
        self.attached = True
        self.labels: dict[str, str] = {}
        self.bridge = "br0"
        self.own: list[str] = []
        self.record: dict | None = None

    def handle(self, method: str, path: str, body: dict | None) -> tuple[int, dict]:
        path, _question_mark, query = path.partition("?")
        if method != "GET":
            self.calls.append((method, path))
        if path == "/version":
            return 200, {"major": "1", "minor": "24", "gitVersion": "v1.24.17"}
        if path == "/api":
            return 200, {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            version = {"groupVersion": "k8s.cni.cncf.io/v1", "version": "v1"}
            group = {"name": "k8s.cni.cncf.io", "versions": [version], "preferredVersion": version}
            return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]}
        if path == "/api/v1":
            verbs = ["create", "delete", "get", "list", "patch", "update"]
            kinds = (("pods", "Pod", True), ("events", "Event", True), ("namespaces", "Namespace", False), ("configmaps", "ConfigMap", True))
            resources = [{"name": name, "singularName": "", "namespaced": inside, "kind": kind, "verbs": verbs} for name, kind, inside in kinds]
            return 200, {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources}
        if path == "/apis/k8s.cni.cncf.io/v1":
            resource = {"name": NADS, "singularName": "", "namespaced": True, "kind": "NetworkAttachmentDefinition", "verbs": ["get", "list"]}
            return 200, {"kind": "APIResourceList", "groupVersion": "k8s.cni.cncf.io/v1", "resources": [resource]}
        if path == f"/apis/k8s.cni.cncf.io/v1/{NADS}":
            config = json.dumps({"type": "userspace", "host": {"bridge": {"bridgeName": self.bridge}}})
            item = {
                "apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition",
                "metadata": {"name": "ovs-dpdk-br0", "namespace": "default"}, "spec": {"config": config},
            }  # fmt: skip
            items = [item]
            for name in self.own:
                config = json.dumps({"type": "kube-ovn", "vhost_user_socket_volume_name": name, "vhost_user_socket_name": "sock"})
                items.append({**item, "metadata": {"name": name, "namespace": "default"}, "spec": {"config": config}})
            return 200, {"kind": "NetworkAttachmentDefinitionList", "apiVersion": "k8s.cni.cncf.io/v1", "metadata": {}, "items": items}
        if path in (RECORDS, RECORD) and (self.record or method == "POST"):
            if method != "GET" and "dryRun" not in query:
                self.record, gone = (None if method == "DELETE" else {**(self.record or {}), **body}), self.record
                return 200, self.record or gone
            return 200, self.record or body
        if path == "/api/v1/namespaces/default":
            return 200, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default", "labels": self.labels}}
        if path.endswith("/events"):
            event = {
                "apiVersion": "v1", "kind": "Event", "metadata": {"name": "e", "creationTimestamp": "2026-11-24T00:00:00Z"},
                "type": "Warning", "reason": "FailedScheduling", "message": "0/1 nodes are available: 1 Insufficient hugepages-1Gi.",
                "involvedObject": {"kind": "Pod", "name": "testpmd-dpdk"},
            }  # fmt: skip
            return 200, {"kind": "EventList", "apiVersion": "v1", "metadata": {}, "items": [event]}
        if path in (PODS, "/api/v1/pods") and method == "GET":
            items = [pod for pod in self.pods.values() if path != PODS or pod["metadata"]["namespace"] == "default"]
            return 200, {"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items}
        if path == PODS and method == "POST":
            if "dryRun" in query:
                return 201, body
            body["metadata"].update(uid=str(len(self.calls)), creationTimestamp="2026-11-24T00:00:00Z", resourceVersion="1")
            body["status"] = {"phase": self.phase, "conditions": [{"type": "Ready", "status": str(self.phase == "Running")}]}
            if self.attached:
                body["metadata"]["annotations"]["k8s.v1.cni.cncf.io/network-status"] = "[]"
            self.pods[body["metadata"]["name"]] = body
            return 201, body
        name = path.rsplit("/", 1)[-1]
        if "/pods/" in path and name in self.pods and f"/namespaces/{self.pods[name]['metadata']['namespace']}/" in path:
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
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml"), *arguments],
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


def test_names_that_yaml_would_take_for_something_else(tmp_path, api):
    ran(play(tmp_path, api, dpdk_app_name="1234"), 1)
    assert list(api.pods) == ["1234"]
    # The template of the namespace is the same.
    lines = (ROOT / "roles" / "dpdk_app" / "templates" / "pod.yml.j2").read_text().splitlines()
    assert "  namespace: {{ dpdk_app_namespace | string | to_json }}" in lines


def sockets(pod: dict) -> tuple[str, str, str, str | None]:
    """Name and directory of the volume with the sockets, where the pod sees it, and which directory below it."""
    hugepages, volume, notes = pod["spec"]["volumes"]
    annotations = {"path": "annotations", "fieldRef": {"fieldPath": "metadata.annotations"}}
    assert notes == {"name": "podnetinfo", "downwardAPI": {"items": [annotations]}}
    assert hugepages == {"name": "hugepages", "emptyDir": {"medium": "HugePages"}}
    (container,) = pod["spec"]["containers"]
    mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
    assert mounts.pop("hugepages") == {"name": "hugepages", "mountPath": "/hugepages"}
    assert mounts.pop("podnetinfo") == {"name": "podnetinfo", "mountPath": "/etc/podnetinfo", "readOnly": True}
    mount = mounts.pop(volume["name"])
    # Userspace CNI refuses another directory than that of the volume shared-dir.
    mapped = pod["metadata"]["annotations"].get("userspace/mapped-dir")
    assert mapped == (mount["mountPath"] + "/" if volume["name"] == "shared-dir" else None)
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
@pytest.mark.one_core
def test_what_a_pod_sees_of_the_sockets(tmp_path, api, variables, expected):
    ran(play(tmp_path, api, **variables), 1)
    (pod,) = api.pods.values()
    assert sockets(pod) == expected


def test_pod_that_is_not_root(tmp_path, api):
    of_pod = {"runAsNonRoot": True, "runAsUser": 1000, "fsGroup": 4711, "seccompProfile": {"type": "RuntimeDefault"}}
    of_container = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    ran(play(tmp_path, api, dpdk_app_pod_security_context=of_pod, dpdk_app_security_context=of_container), 1)
    (pod,) = api.pods.values()
    assert (pod["spec"]["securityContext"], pod["spec"]["containers"][0]["securityContext"]) == (of_pod, of_container)


def test_a_pod_that_sees_all_sockets_is_replaced_by_one_that_sees_its_own(tmp_path, api):
    ran(play(tmp_path, api, dpdk_app_socket_volume=SEED), 1)
    ran(play(tmp_path, api), 2)
    (pod,) = api.pods.values()
    assert sockets(pod)[1:] == (OWN, "/vhu", "$(POD_UID)")


def test_pod_with_ports_of_kube_ovn_itself(tmp_path, api):
    api.own = ["ovn-dpdk-1", "ovn-dpdk-2"]
    # It sees no directory of the host, so that Pod Security admits it.
    api.labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    ran(play(tmp_path, api, kube_ovn_mode="hybrid"), 1)
    (pod,) = api.pods.values()
    (container,) = pod["spec"]["containers"]
    assert [volume for volume in pod["spec"]["volumes"] if volume["name"] in api.own] == [{"name": name, "emptyDir": {}} for name in api.own]
    assert not [volume for volume in pod["spec"]["volumes"] if "hostPath" in volume]
    assert container["volumeMounts"][-2:] == [{"name": name, "mountPath": f"/vhu/{name}"} for name in api.own]
    assert "env" not in container
    assert pod["spec"]["nodeSelector"] == {"ovn.kubernetes.io/ovs_dp_type": "userspace"}
    api.calls.clear()
    ran(play(tmp_path, api, kube_ovn_mode="hybrid"), 0)
    assert api.calls == []


def test_pod_with_ports_of_both_kinds(tmp_path, api):
    api.own = ["ovn-dpdk-1"]
    ran(play(tmp_path, api, dpdk_app_networks=["ovs-dpdk-br0", "ovn-dpdk-1"], dpdk_app_nodes=["worker-1"]), 1)
    (pod,) = api.pods.values()
    assert [volume["name"] for volume in pod["spec"]["volumes"]] == ["hugepages", "shared-dir", "podnetinfo", "ovn-dpdk-1"]
    assert pod["spec"]["nodeSelector"] == {"kubernetes.io/hostname": "worker-1"}


def test_one_pod_for_each_node_and_no_more(tmp_path, api):
    ran(play(tmp_path, api, dpdk_app_nodes=["worker-1", "worker-2"]), 1)
    assert {name: pod["spec"]["nodeSelector"] for name, pod in api.pods.items()} == {
        "testpmd-dpdk-worker-1": {"kubernetes.io/hostname": "worker-1"},
        "testpmd-dpdk-worker-2": {"kubernetes.io/hostname": "worker-2"},
    }
    api.calls.clear()
    ran(play(tmp_path, api, dpdk_app_nodes=["worker-2"]), 2)
    assert api.calls == [("DELETE", PODS + "/testpmd-dpdk-worker-1"), ("PATCH", RECORD)]


def test_one_pod_for_each_host_of_the_inventory(tmp_path, api):
    (tmp_path / "hosts.yml").write_text("all: {children: {nodes: {hosts: {node1: {kube_ovn_node_name: worker-1}, node2: {}}}}}")
    ran(play(tmp_path, api, "-i", str(tmp_path / "hosts.yml")), 1)
    assert {name: pod["spec"]["nodeSelector"]["kubernetes.io/hostname"] for name, pod in api.pods.items()} == {
        "testpmd-dpdk-worker-1": "worker-1",
        "testpmd-dpdk-node2": "node2",
    }
    api.calls.clear()
    ran(play(tmp_path, api, "-i", str(tmp_path / "hosts.yml")), 0)
    assert api.calls == []


def test_pod_of_an_attachment_that_changed_is_replaced(tmp_path, api):
    ran(play(tmp_path, api), 1)
    api.bridge = "br1"
    api.calls.clear()
    ran(play(tmp_path, api), 2)
    assert [method for method, _path in api.calls] == ["DELETE", "POST"]
    ran(play(tmp_path, api), 0)


@pytest.mark.one_core
def test_pods_of_an_earlier_namespace_and_name_are_removed(tmp_path, api):
    ran(play(tmp_path, api), 1)
    (pod,) = api.pods.values()
    api.pods["earlier"] = {**pod, "metadata": {**pod["metadata"], "name": "earlier", "namespace": "other"}}
    assert json.loads(api.record["data"]["pods"]) == ["default/testpmd-dpdk"]
    api.record["data"]["pods"] = json.dumps(["default/testpmd-dpdk", "other/earlier", "other/gone"])
    api.calls.clear()
    ran(play(tmp_path, api), 2)
    assert api.calls == [("DELETE", "/api/v1/namespaces/other/pods/earlier"), ("PATCH", RECORD)]
    assert json.loads(api.record["data"]["pods"]) == ["default/testpmd-dpdk"], "anybody may give a pod the name of one that is gone"
    api.calls.clear()
    ran(play(tmp_path, api, "--check", dpdk_app_name="proof"), 2)
    assert list(api.pods) == ["testpmd-dpdk"] and json.loads(api.record["data"]["pods"]) == ["default/testpmd-dpdk"]
    api.calls.clear()
    ran(play(tmp_path, api, dpdk_app_name="proof"), 2)
    assert api.calls == [("DELETE", f"{PODS}/testpmd-dpdk"), ("PATCH", RECORD), ("POST", PODS)], "what is created is recorded before"
    assert json.loads(api.record["data"]["pods"]) == ["default/proof"]
    api.calls.clear()
    ran(play(tmp_path, api, dpdk_app_name="proof"), 0)
    assert api.calls == []
    ran(play(tmp_path, api, dpdk_app_state="absent"), 1)
    assert api.pods == {} and api.record is None


@pytest.mark.parametrize(
    ("change", "settled"),
    [
        ({}, True),
        ({"phase": "Pending"}, False),
        ({"phase": "Failed"}, False),
        ({"recreate": True}, False),
        ({"name": "other"}, False),
        ({"records": []}, False),
    ],
)
def test_nothing_is_waited_for_where_all_pods_run_as_they_should(change, settled):
    wanted = {"metadata": {"namespace": "default", "name": "testpmd", "annotations": {}}, "spec": {"containers": []}}
    marks = {_testpmd_pods.CHECKSUM: _testpmd_pods.checksum(wanted, []), _testpmd_pods.STATUS[0]: "[]"}
    phase = {"phase": change.get("phase", "Running")}
    found = {**wanted, "metadata": {**wanted["metadata"], "name": change.get("name", "testpmd"), "annotations": marks}, "status": phase}
    records = change.get("records", [{"data": {"pods": json.dumps(["default/testpmd"])}}])
    decisions = [_testpmd_pods.decide([found], [wanted], [], change.get("recreate", False), check_mode, "default", records) for check_mode in (False, True)]
    assert [decision["wait"] for decision in decisions] == [[] if settled else [{"namespace": "default", "name": "testpmd"}], []]


def test_namespace_of_digits_is_a_name():
    pod = {"metadata": {"namespace": "1234", "name": "t"}, "status": {"phase": "Running"}}
    read = {"namespace": [{"metadata": {}}], "pods": [pod], "record": [], "definitions": []}
    assert [item["metadata"]["name"] for item in _testpmd_pods.plan(read, [], 1234)["delete"]] == ["t"]


@pytest.mark.parametrize(
    ("read", "wanted", "problem"),
    [
        ({"namespace": []}, True, "is not a namespace of the cluster"),
        ({"namespace": [{"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}}]}, True, "enforces level restricted"),
        ({"namespace": [{"metadata": {}}]}, True, ""),
        # Where the pods are to go, nothing is admitted.
        ({"namespace": []}, False, ""),
    ],
)
def test_namespace_that_does_not_take_the_pods(read, wanted, problem):
    pods = [{"metadata": {"namespace": "x", "name": "t"}, "spec": {"containers": [], "volumes": []}}] if wanted else []
    errors = _testpmd_pods.plan({"pods": [], "record": [], "definitions": [], **read}, pods, "x")["errors"]
    assert (problem in errors[0]) if problem else errors == []


def test_pod_of_another_namespace_that_only_has_the_labels_is_left_alone(tmp_path, api):
    ran(play(tmp_path, api), 1)
    (pod,) = api.pods.values()
    api.pods["theirs"] = {**pod, "metadata": {**pod["metadata"], "name": "theirs", "namespace": "other"}}
    api.calls.clear()
    ran(play(tmp_path, api), 0)
    ran(play(tmp_path, api, dpdk_app_state="absent"), 1)
    assert list(api.pods) == ["theirs"]


def test_pods_of_before_there_was_a_record_are_recorded(tmp_path, api):
    ran(play(tmp_path, api), 1)
    api.record = None
    api.calls.clear()
    ran(play(tmp_path, api), 1)
    assert api.calls == [("POST", RECORDS)]
    assert json.loads(api.record["data"]["pods"]) == ["default/testpmd-dpdk"]


@pytest.mark.parametrize(
    ("variables", "level", "words"),
    [
        ({"dpdk_app_namespace": "missing"}, None, "which is not a namespace of the cluster"),
        ({}, "baseline", "Pod Security of namespace default enforces level baseline"),
        ({"dpdk_app_socket_volume": {"name": "shared-dir", "emptyDir": {}}}, "restricted", "level restricted"),
    ],
)
def test_namespace_that_does_not_admit_the_pods_touches_nothing(tmp_path, api, variables, level, words):
    if level:
        api.labels = {"pod-security.kubernetes.io/enforce": level}
    done = play(tmp_path, api, **variables)
    assert done.returncode != 0
    assert words in " ".join(done.stdout.split())
    assert api.calls == []


def test_namespace_of_level_baseline_admits_a_pod_without_host_directories(tmp_path, api):
    api.labels = {"pod-security.kubernetes.io/enforce": "baseline"}
    ran(play(tmp_path, api, dpdk_app_socket_volume={"name": "shared-dir", "emptyDir": {}}), 1)


@pytest.mark.parametrize("why", ["ended", "unattached", "asked"])
@pytest.mark.one_core
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
    said = " ".join(done.stdout.split())
    assert "The pod testpmd-dpdk in namespace default was not ready after 6 s without progress. It is Pending on no node." in said


@pytest.mark.parametrize("bad", [{"dpdk_app_hugepages": "1500Mi"}, {"dpdk_app_networks": []}, {"dpdk_app_hugepage_size": "4Ki"}])
def test_bad_input_touches_nothing(tmp_path, api, bad):
    done = play(tmp_path, api, **bad)
    assert done.returncode != 0
    assert "dpdk_app_" in done.stdout
    assert api.calls == []


def test_sources_of_an_unknown_version_need_a_checksum(tmp_path):
    done = play(tmp_path, None, entry="build", dpdk_app_variant="sources", dpdk_app_dpdk_version="19.11.3", dpdk_app_build_dir=str(tmp_path / "build"))
    assert done.returncode != 0
    assert "dpdk_app_dpdk_checksum" in done.stdout
    assert not (tmp_path / "build").exists()


def test_version_that_no_distribution_packages(tmp_path):
    done = play(tmp_path, None, entry="build", dpdk_app_dpdk_version="18.11", dpdk_app_build_dir=str(tmp_path / "build"))
    assert done.returncode != 0
    assert "19.11 (ubuntu:20.04)" in " ".join(done.stdout.split())
    assert not (tmp_path / "build").exists()


def dockerfile(tmp_path: Path, **variables) -> str:
    """The Dockerfile as the role would write it."""
    role = ROOT / "roles" / "dpdk_app"
    book = [{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "vars_files": [str(role / folder / "main.yml") for folder in ("defaults", "vars")],
        "tasks": [{"ansible.builtin.template": {"src": str(role / "templates" / "Dockerfile.dpdk.j2"), "dest": str(tmp_path / "Dockerfile"),
                                                "mode": "0644"}}],
    }]  # fmt: skip
    (tmp_path / "render.yml").write_text(yaml.safe_dump(book))
    subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "render.yml"), "-e", json.dumps(variables)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return (tmp_path / "Dockerfile").read_text()


@pytest.mark.parametrize(("version", "base"), [("19.11", "ubuntu:20.04"), ("22.11", "debian:bookworm-slim"), ("24.11", "debian:trixie-slim")])
def test_dockerfile_from_packages(tmp_path, version, base):
    text = dockerfile(tmp_path, dpdk_app_dpdk_version=version)
    assert re.findall(r"^FROM (.*)$", text, re.M) == [base]
    assert "apt-get download -q dpdk-dev" in text and "librte-(net|pmd)-(virtio|" in text


def test_dockerfile_from_sources(tmp_path):
    text = dockerfile(tmp_path, dpdk_app_variant="sources", dpdk_app_base_image="own/base:1")
    assert re.findall(r"^FROM (.*)$", text, re.M) == ["own/base:1 AS build", "own/base:1"]
    assert "COPY v19.11.14.tar.gz dpdk.tar" in text
    # The targets of DPDK 19.11 (app/meson.build: 'proc-info', and 'testpmd' of test-pmd), and its drivers by name, since it knows no patterns.
    assert "ninja -C build app/dpdk-testpmd app/dpdk-proc-info" in text
    assert "disable_drivers=$disabled" in text and "CFLAGS=-fcommon" in text
    assert '-Dmachine=$platform' in text and '-Dplatform=$platform' in text


def archive(path: Path, name: str) -> Path:
    """An image as docker save writes it: a manifest, a configuration, and a layer that nobody looks at here."""
    configuration = json.dumps({"architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": ["sha256:" + "1" * 64]}}).encode()
    files = {
        "manifest.json": json.dumps([{"Config": "c.json", "RepoTags": [name], "Layers": ["l/layer.tar"]}]).encode(),
        "c.json": configuration,
        "l/layer.tar": b"",
    }
    with tarfile.open(path, "w") as tar:
        for member, data in files.items():
            information = tarfile.TarInfo(member)
            information.size = len(data)
            tar.addfile(information, io.BytesIO(data))
    return path


def test_image_on_the_nodes(tmp_path):
    ran(play(tmp_path, None, entry="nodes", dpdk_app_image_source="present"), 0)


@pytest.mark.parametrize(
    ("name", "variables", "message"),
    [
        ("other:1", {}, "does not hold dpdk:19.11, but other:1"),
        ("dpdk:19.11", {"dpdk_app_image_archive_checksum": "0" * 64}, "it was damaged in transfer, or is another archive"),
        (None, {}, "cannot be read: No such file or directory"),
    ],
    ids=["other image", "other checksum", "no archive"],
)
def test_archive_that_is_not_the_image(tmp_path, name, variables, message):
    if name:
        archive(tmp_path / "image.tar", name)
    done = play(tmp_path, None, entry="nodes", dpdk_app_image_source="archive", dpdk_app_image_archive=str(tmp_path / "image.tar"), **variables)
    assert done.returncode != 0
    assert message in " ".join(done.stdout.split())


def test_name_in_an_archive_is_no_template(tmp_path):
    archive(tmp_path / "image.tar", "evil{{ lookup('pipe', 'touch %s') }}:1" % (tmp_path / "ran"))
    done = play(tmp_path, None, entry="nodes", dpdk_app_image_source="archive", dpdk_app_image_archive=str(tmp_path / "image.tar"))
    assert done.returncode != 0
    assert "does not hold dpdk:19.11, but evil{{ lookup(" in " ".join(done.stdout.split())
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Docker's client after docker/cli: inspect fails where there is no such image, and prints its configuration's digest as the id."""
    archive(tmp_path / "image.tar", "dpdk:19.11")
    identity = _image_archive.read(tmp_path / "image.tar")["images"][0]["id"]
    client = tmp_path / "bin" / "docker"
    client.parent.mkdir()
    client.write_text(f"""#!/bin/sh
echo "$*" >> {tmp_path}/calls
case "$1 $2" in
    "image inspect") test -e {tmp_path}/there || {{ echo '[]'; exit 1; }}; echo '[{{"Id": "{identity}"}}]' ;;
    "image load") test -e {tmp_path}/full && {{ echo no space left >&2; exit 1; }}; cmp "$4" {tmp_path}/image.tar && touch {tmp_path}/there ;;
esac
""")
    client.chmod(0o755)
    monkeypatch.setenv("PATH", f"{client.parent}:{os.environ['PATH']}")
    (tmp_path / "docker.sock").touch()
    return {
        "dpdk_app_image_source": "archive", "dpdk_app_image_archive": str(tmp_path / "image.tar"), "dpdk_app_runtime": "docker",
        "node_images_socket": str(tmp_path / "docker.sock"), "node_images_temporary_dir": str(tmp_path),
        "ansible_remote_tmp": str(tmp_path / "tmp"),
    }  # fmt: skip


def test_archive_is_loaded_into_the_runtime_once(tmp_path, docker):
    done = play(tmp_path, None, "--check", "--diff", entry="nodes", **docker)
    ran(done, 1)
    assert "+dpdk:19.11" in done.stdout
    assert "image load" not in (tmp_path / "calls").read_text()
    ran(play(tmp_path, None, entry="nodes", **docker), 1)
    assert (tmp_path / "calls").read_text().count("image load") == 1
    for arguments in (["--check"], []):
        ran(play(tmp_path, None, *arguments, entry="nodes", **docker), 0)
    assert (tmp_path / "calls").read_text().count("image load") == 1
    assert not list(tmp_path.glob("kube-ovn-dpdk.*")), "nothing is left of the archive on the node"


def test_archive_that_cannot_be_loaded_or_copied_leaves_nothing(tmp_path, docker):
    (tmp_path / "full").touch()
    done = play(tmp_path, None, entry="nodes", **docker)
    assert done.returncode != 0
    assert "no space left" in " ".join(done.stdout.split())
    done = play(tmp_path, None, entry="nodes", **{**docker, "node_images_temporary_dir": str(tmp_path / "missing")})
    assert done.returncode != 0
    assert str(tmp_path / "missing") in done.stdout
    assert not list(tmp_path.glob("kube-ovn-dpdk.*"))


def test_archive_that_does_not_fit_on_the_host_leaves_nothing_in_the_directory_of_ansible(tmp_path, docker):
    """Each attempt would take another piece of the disk. The limit of the process stands for a full disk, beside the file system of /dev/shm."""
    (tmp_path / "image.tar").write_bytes((tmp_path / "image.tar").read_bytes().ljust(4096000, b"\0"))
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\ntrap '' XFSZ\nulimit -f 4000\nexec {sys.executable} \"$@\"\n")
    python.chmod(0o755)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as remote:
        settings = {"ansible_remote_tmp": remote, "ansible_python_interpreter": str(python), "ansible_pipelining": True}
        done = play(tmp_path, None, entry="nodes", **{**docker, **settings})
        assert done.returncode != 0
        assert not [path for path in Path(remote).rglob("*") if path.is_file()]


def test_module_takes_an_archive_that_is_on_the_host_and_copies_no_other_without_need(tmp_path, docker):
    """What is copied is not even read where the image is there."""
    image = _image_archive.read(tmp_path / "image.tar")["images"][0]
    options = {"images": [image], "socket": str(tmp_path / "docker.sock"), "runtime": "docker", "temporary_dir": str(tmp_path / "missing")}
    tasks = [
        {"kube_ovn.dpdk.node_image": {**options, "archive": str(tmp_path / "image.tar"), "remote_src": True}},
        {"kube_ovn.dpdk.node_image": {**options, "archive": str(tmp_path / "gone.tar")}},
    ]
    play_ = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {"ansible_python_interpreter": sys.executable}, "tasks": tasks}]
    (tmp_path / "module.yml").write_text(json.dumps(play_))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "module.yml")]
    ran(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False), 1)
    assert (tmp_path / "calls").read_text().count("image load") == 1


@pytest.mark.parametrize("archives", ["/srv/dpdk.tar", ["/srv/dpdk.tar"], 5])
def test_archives_that_are_no_dictionaries_are_refused(archives):
    found = _image_archive.judged(archives)
    assert found["archives"] == [] and "give a list of dictionaries" in found["errors"][0]
