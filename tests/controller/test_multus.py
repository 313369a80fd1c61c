# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What role multus plans to do in a cluster, what it says of a node, and which objects an apply would not change."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _applied
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _multus

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    "multus_cni_conf_dir": "/etc/cni/net.d",
    "multus_cni_bin_dir": "/opt/cni/bin",
    "multus_master_cni_file": "01-kube-ovn.conflist",
    "multus_master_cni_name": "kube-ovn",
    "multus_namespace": "kube-system",
    "multus_timeout": 300,
}
WANTED = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "kube-multus-ds", "namespace": "kube-system", "labels": {"app.kubernetes.io/part-of": "kube-ovn-dpdk"}},
    "spec": {
        "selector": {"matchLabels": {"name": "multus"}},
        "template": {
            "spec": {
                "containers": [{"name": "kube-multus", "args": ["--a"], "volumeMounts": [{"name": "cni", "mountPath": "/c"}]}],
                "tolerations": [{"operator": "Exists"}],
            }
        },
    },
}
ROLE = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "multus"},
    "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}],
}


def applied(item: dict) -> dict:
    """As the API has it after an apply, with what it adds."""
    live = copy.deepcopy(item)
    live["metadata"].update(uid="1", generation=1, annotations={_applied.LAST_APPLIED: json.dumps(item)})
    if item["kind"] == "DaemonSet":
        live["spec"]["template"]["spec"]["restartPolicy"] = "Always"
        live["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always"
        live["status"] = {"observedGeneration": 1, "desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberAvailable": 2}
    return live


def changed(item: dict, *path: object, to: object) -> dict:
    result = copy.deepcopy(item)
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = to
    return result


def test_what_the_api_adds_is_no_change() -> None:
    assert _applied.unapplied([WANTED, ROLE], [applied(WANTED), applied(ROLE)]) == []
    assert _applied.unapplied([WANTED, ROLE], [applied(WANTED)]) == [ROLE]


@pytest.mark.parametrize(
    ("wanted", "live"),
    [
        # The role has another value now, or an entry less.
        (changed(WANTED, "spec", "template", "spec", "containers", 0, "args", to=["--b"]), applied(WANTED)),
        (changed(WANTED, "metadata", "labels", to={}), applied(WANTED)),
        (changed(WANTED, "spec", "template", "spec", "containers", to=[]), applied(WANTED)),
        # Somebody has changed the object.
        (WANTED, changed(applied(WANTED), "spec", "template", "spec", "containers", 0, "args", to=["--b"])),
        (WANTED, changed(applied(WANTED), "spec", "template", "spec", "containers", to=[])),
        (WANTED, changed(applied(WANTED), "spec", "template", "spec", "tolerations", 0, "key", to="only-this-taint")),
        (ROLE, changed(applied(ROLE), "rules", 0, "resourceNames", to=["p"])),
        (ROLE, changed(applied(ROLE), "rules", to=ROLE["rules"] * 2)),
        # It was not applied, or what was applied cannot be read.
        (ROLE, ROLE),
        (ROLE, changed(applied(ROLE), "metadata", "annotations", _applied.LAST_APPLIED, to="{")),
        (ROLE, changed(applied(ROLE), "metadata", "annotations", _applied.LAST_APPLIED, to="[" * 100000)),
        (changed(ROLE, "aggregate", to=True), changed(applied(changed(ROLE, "aggregate", to=True)), "aggregate", to=1)),
    ],
)
def test_objects_that_an_apply_would_change(wanted: dict, live: dict) -> None:
    assert _applied.unapplied([wanted], [live]) == [wanted]


def container(**more: object) -> dict:
    return changed(WANTED, "spec", "template", "spec", "containers", 0, to={**WANTED["spec"]["template"]["spec"]["containers"][0], **more})


SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x", "namespace": "y"}, "spec": {"ports": [{"name": "a", "port": 80}]}}


@pytest.mark.parametrize(
    ("wanted", "live", "same"),
    [
        # Quantities as the API server writes them; the same texts elsewhere are texts.
        (container(resources={"limits": {"cpu": "1000m"}}), container(resources={"limits": {"cpu": "1"}}), True),
        (container(resources={"requests": {"memory": "1024Mi", "cpu": 1}}), container(resources={"requests": {"memory": "1Gi", "cpu": "1"}}), True),
        (container(resources={"limits": {"cpu": "1000m"}}), container(resources={"limits": {"cpu": "2"}}), False),
        (container(resources={"limits": {"cpu": "1000m"}}), container(resources={"limits": {}}), False),
        (container(resources={"limits": {"cpu": "none"}}), container(resources={"limits": {"cpu": None}}), False),
        (container(env=[{"name": "A", "value": "1000m"}]), container(env=[{"name": "A", "value": "1"}]), False),
        # The port of the pods and the protocol of a Service are completed.
        (SERVICE, changed(SERVICE, "spec", "ports", to=[{"name": "a", "port": 80, "targetPort": 80, "protocol": "TCP"}]), True),
        (SERVICE, changed(SERVICE, "spec", "ports", to=[{"name": "a", "port": 81}]), False),
        (SERVICE, changed(SERVICE, "spec", "ports", to=[{"name": "a", "port": 80}] * 2), False),
        # Of another kind such a list is replaced as a whole.
        ({**SERVICE, "kind": "Other"}, changed({**SERVICE, "kind": "Other"}, "spec", "ports", 0, "protocol", to="TCP"), False),
        ({**WANTED, "kind": "ReplicaSet"}, {**container(env=[{"name": "A", "value": "1"}]), "kind": "ReplicaSet"}, False),
        ({**container(resources={"limits": {"cpu": "1000m"}}), "kind": "Other"}, {**container(resources={"limits": {"cpu": "1"}}), "kind": "Other"}, False),
    ],
)
def test_what_the_api_writes_in_another_way(wanted: dict, live: dict, same: bool) -> None:
    metadata = {**live["metadata"], "annotations": {_applied.LAST_APPLIED: json.dumps(wanted)}}
    assert _applied.is_applied({**live, "metadata": metadata}, wanted) is same


def directory(node: str, *names: str) -> dict:
    return {"item": node, "files": [{"path": f"/etc/cni/net.d/{name}"} for name in names]}


def planned(sets: list, configurations: list | None = None, check_mode: bool = False, **objects: list) -> dict:
    found = [directory("n1", "01-kube-ovn.conflist", "00-multus.conf")] if configurations is None else configurations
    return _multus.plan({"daemon_sets": sets, "roles": [applied(ROLE)], **objects}, [WANTED, ROLE], found, SETTINGS, check_mode)


def test_nothing_is_done_where_multus_runs() -> None:
    assert planned([applied(WANTED)]) == {"errors": [], "managed": [], "replace": [], "apply": [], "wait": False}


def test_rollout_that_is_not_complete_is_waited_for() -> None:
    assert planned([changed(applied(WANTED), "status", "numberAvailable", to=1)])["wait"] is True
    first = planned([])
    assert (first["apply"], first["wait"]) == ([WANTED], True)


def test_another_multus_is_replaced_also_under_the_same_name() -> None:
    thick = changed(WANTED, "metadata", "labels", to={})
    plan = planned([thick])
    assert [(item["kind"], item["metadata"]["name"]) for item in plan["replace"]] == [("DaemonSet", "kube-multus-ds"), ("ConfigMap", "multus-daemon-config")]
    assert (plan["apply"], plan["wait"]) == ([WANTED], True)
    managed = changed(thick, "metadata", "labels", to={"helm.sh/chart": "multus"})
    assert (planned([managed])["managed"], planned([managed])["replace"]) == (["kube-system/kube-multus-ds"], [])


def test_multus_of_another_namespace_is_replaced_with_its_account() -> None:
    """Two of them would fight over 00-multus.conf."""
    moved = changed(applied(WANTED), "metadata", "namespace", to="multus")
    for sets in ([moved], [moved, applied(WANTED)]):
        assert [(item["kind"], *_applied.identity(item)[2:]) for item in planned(sets)["replace"]] == [
            ("DaemonSet", "multus", "kube-multus-ds"),
            ("ServiceAccount", "multus", "multus"),
        ]
    # Of what is no Multus only the label is ours.
    other = changed(changed(moved, "metadata", "name", to="ovs-dpdk"), "spec", "template", "spec", "containers", to=[])
    assert planned([other, applied(WANTED)])["replace"] == []


def test_multus_is_removed_from_every_namespace() -> None:
    sets = [applied(WANTED), changed(applied(WANTED), "metadata", "namespace", to="multus"), changed(applied(WANTED), "metadata", "labels", to={})]
    assert [(item["kind"], item["metadata"]["namespace"]) for item in _multus.removal(sets, "kube-system")] == [
        ("DaemonSet", "kube-system"),
        ("DaemonSet", "multus"),
        ("ServiceAccount", "multus"),
    ]
    assert _multus.removal([], "kube-system") == []


@pytest.mark.parametrize("name", ["1234", "on", "null", "1e3", "0x10"])
@pytest.mark.parametrize(
    ("role", "template", "variables"),
    [
        ("multus", "multus.yml.j2", ("multus_namespace",)),
        ("network_attachments", "account.yml.j2", ("network_attachments_account", "network_attachments_account_namespace")),
    ],
)
def test_names_that_yaml_would_take_for_something_else(role: str, template: str, variables: tuple, name: str) -> None:
    """All of them are DNS labels, and a namespace may have one."""
    folder = ROOT / "roles" / role
    settings = yaml.safe_load((folder / "defaults" / "main.yml").read_text()) | dict.fromkeys(variables, name) | {"multus_image_pull_secrets": [name]}
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(folder / "templates"), trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters["to_json"] = json.dumps
    for item in yaml.safe_load_all(environment.get_template(template).render(settings)):
        metadata = item["metadata"]
        assert metadata.get("namespace", name) == name
        assert all(subject["namespace"] == name for subject in item.get("subjects", []))
        if role == "network_attachments":
            assert metadata["name"] == name
        if item["kind"] == "DaemonSet":
            assert item["spec"]["template"]["spec"]["imagePullSecrets"] == [{"name": name}]


def test_missing_default_network_is_explained() -> None:
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "kube-ovn-cni-1", "namespace": "kube-system"},
        "status": {"containerStatuses": [{"name": "cni-server", "ready": False, "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
    }
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"name": "kube-ovn-cni-1"}, "message": "Back-off pulling image"}
    nodes = [directory("n1", "01-kube-ovn.conflist"), directory("n2"), {"item": "n3"}]
    (error,) = planned([applied(WANTED)], nodes, pods=[pod], events=[event])["errors"]
    assert error.startswith("/etc/cni/net.d/01-kube-ovn.conflist did not appear in 300 s on n2, n3; kube-ovn-cni writes it")
    for part in ("Pods: kube-ovn-cni-1.", "cni-server of kube-ovn-cni-1 (waiting, ImagePullBackOff)", "Last events: Back-off pulling image."):
        assert part in error
    assert planned([applied(WANTED)], nodes, check_mode=True)["errors"] == []


def test_configuration_before_that_of_multus_is_an_error() -> None:
    nodes = [directory("n1", "01-kube-ovn.conflist", "00-calico.conflist", "00-multus.conflist"), directory("n2", "01-kube-ovn.conflist", "10-flannel.conf")]
    (error,) = planned([applied(WANTED)], nodes, check_mode=True)["errors"]
    assert error.startswith("n1 has 00-calico.conflist in /etc/cni/net.d, which sorts before 00-multus.conf")


BINARY = {"path": "/opt/cni/bin/multus", "xusr": True}


def errors_of(content: object, files: list | None = None) -> list:
    slurped = {"source": "/etc/cni/net.d/00-multus.conf", "content": base64.b64encode(json.dumps(content).encode()).decode()}
    return _multus.node_errors([BINARY] if files is None else files, {} if content is None else slurped, SETTINGS)


def test_node_where_multus_is_in_force() -> None:
    plugin = {"type": "multus", "delegates": [{"name": "kube-ovn"}]}
    assert errors_of(plugin) == []
    assert errors_of({"plugins": [plugin]}) == []


@pytest.mark.parametrize(
    ("content", "files", "expected"),
    [
        (None, None, "Neither 00-multus.conf nor 00-multus.conflist appeared in /etc/cni/net.d in 300 s"),
        ({"type": "multus", "delegates": [{"name": "flannel"}]}, None, "to kube-ovn, but to flannel"),
        ({"plugins": [{"type": "bridge", "delegates": [{"name": "kube-ovn"}]}]}, None, "to kube-ovn, but to kube-ovn"),
        ({"plugins": []}, None, "to kube-ovn, but to nothing"),
        ([], None, "to kube-ovn, but to nothing"),
        ({"type": "multus", "delegates": [{"name": "kube-ovn"}]}, [], "/opt/cni/bin/multus is missing or cannot be executed"),
        ({"type": "multus", "delegates": [{"name": "kube-ovn"}]}, [{**BINARY, "xusr": False}], "/opt/cni/bin/multus is missing or cannot be executed"),
    ],
)
def test_node_where_multus_is_not_in_force(content: object, files: list | None, expected: str) -> None:
    (error,) = errors_of(content, files)
    assert expected in error


def test_invalid_setting_is_reported_also_where_the_api_does_not_answer(tmp_path):
    """And nothing is waited for."""
    own = {"ansible_python_interpreter": sys.executable, "multus_nodes": ["localhost"], "multus_version": "latest"}
    where = {"K8S_AUTH_HOST": "http://127.0.0.1:1", "K8S_AUTH_API_KEY": "none", "K8S_AUTH_KUBECONFIG": "/dev/null"}
    tasks = [{"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.multus"}}]
    book = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": own, "environment": where, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(json.dumps(book))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "latest is no release" in " ".join(done.stdout.split())
