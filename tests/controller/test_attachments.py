"""Network attachments: the objects, the admission policy, and what uses them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _applied
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import attachments
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import book

KUBECONFIG = "/etc/cni/net.d/userspace.d/userspace.kubeconfig"


def test_attachment_of_the_original_procedure() -> None:
    (made,) = attachments.objects([{"name": "ovs-dpdk-br0"}], "default", KUBECONFIG)
    assert made["metadata"]["namespace"] == "default"
    config = json.loads(made["spec"]["config"])
    assert config["host"]["bridge"] == {"bridgeName": "br0"}
    assert (config["host"]["vhost"], config["container"]["vhost"]) == ({"mode": "server"}, {"mode": "client"})
    assert "port" not in config
    assert "ipam" not in config


def test_options_are_for_the_launcher_and_given_as_they_are() -> None:
    entry = {"name": "fast", "namespace": "apps", "mode": "client", "bridge": "br1", "group": 4711, "vlan": 0, "mtu": 9000, "trunks": [7]}
    (made,) = attachments.objects([entry], "default", KUBECONFIG)
    config = json.loads(made["spec"]["config"])
    assert config["port"] == {"vlan": 0, "trunks": [7], "mtu": 9000}
    assert config["network"] == "apps/fast"
    assert config["host"]["vhost"] == {"mode": "client", "group": "4711"}
    assert attachments.desired_ports([entry], "default") == {"apps/fast": {"bridge": "br1", "mode": "client", "port": config["port"]}}


def test_attachment_with_ports_of_kube_ovn_itself() -> None:
    asked = {"cidr": "10.20.0.0/16", "exclude_ips": ["10.20.0.2"]}
    entries = [{"name": "fast", "type": "kube-ovn", "subnet": asked}, {"name": "vm", "namespace": "apps", "type": "kube-ovn", "consumption": "kubevirt"}]
    fast, vm = (json.loads(item["spec"]["config"]) for item in attachments.objects(entries, "default", KUBECONFIG))
    assert fast == {
        "cniVersion": "0.3.1",
        "type": "kube-ovn",
        "server_socket": "/run/openvswitch/kube-ovn-daemon.sock",
        "provider": "fast.default.ovn",
        "vhost_user_socket_volume_name": "fast",
        "vhost_user_socket_name": "sock",
    }
    assert (vm["provider"], vm["vhost_user_socket_volume_name"], vm["vhost_user_socket_consumption"]) == ("vm.apps.ovn", "vhostuser-sockets", "kubevirt")
    (subnet,) = attachments.subnets(entries, "default")
    assert subnet["metadata"]["name"] == "fast"
    assert subnet["spec"] == {"protocol": "IPv4", "cidrBlock": "10.20.0.0/16", "provider": "fast.default.ovn", "excludeIps": ["10.20.0.2"]}
    # The launcher of Userspace CNI has nothing to do with them.
    assert attachments.desired_ports(entries, "default") == {}
    assert attachments.stale_subnets([subnet], entries, "default") == []
    assert attachments.stale_subnets([subnet], entries[1:], "default") == [
        {"apiVersion": "kubeovn.io/v1", "kind": "Subnet", "metadata": {"name": "fast"}}
    ]


def test_role_refuses_only_what_it_knows() -> None:
    """It has its own variables alone: neither the mode nor the networks of Kube-OVN."""
    asked = {"network_attachments_definitions": [{"name": "fast", "type": "kube-ovn", "subnet": {"cidr": "10.16.7.0/24"}}]}
    assert book.errors(asked, "network_attachments") == []
    assert len(book.errors({**asked, "kube_ovn_mode": "dedicated", "kube_ovn_installer_variables": {}}, "network_attachments")) == 2
    assert len(book.errors({"network_attachments_definitions": [{"name": "fast", "type": "kube-ovn", "vlan": 7}]}, "network_attachments")) == 1


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"type": "kube-ovn", "vhost_user_socket_volume_name": "v", "vhost_user_socket_name": "s"}, ("a.default.ovn", "v", "s")),
        ({"plugins": [{"type": "kube-ovn", "provider": "p", "vhost_user_socket_consumption": "kubevirt"}]}, ("p", "vhostuser-sockets", "")),
        ({"type": "kube-ovn", "provider": "p"}, None),
        ({"type": "macvlan", "vhost_user_socket_volume_name": "v"}, None),
        ([], None),
        ({"type": "kube-ovn", "vhost_user_socket_volume_name": "v", "provider": {"a": 1}}, None),
        ({"type": "kube-ovn", "vhost_user_socket_volume_name": ["v"]}, None),
        ({"type": "kube-ovn", "vhost_user_socket_volume_name": "v", "vhost_user_socket_name": 5}, None),
        ({"type": "kube-ovn", "vhost_user_socket_volume_name": "v", "vhost_user_socket_name": "s,server=1"}, None),
        ({"type": "kube-ovn", "vhost_user_socket_volume_name": "v", "provider": "\ud800"}, None),
    ],
)
def test_port_that_a_definition_makes(config: object, expected: tuple[str, str, str] | None) -> None:
    found = attachments.kube_ovn_port({**nad("a"), "spec": {"config": json.dumps(config)}})
    assert found == (dict(zip(("provider", "volume", "socket"), expected, strict=True)) if expected else None)


def test_definition_that_is_nested_too_deeply_has_no_plugins() -> None:
    nested = {**nad("a"), "spec": {"config": '{"plugins":' * 20_000 + "1" + "}" * 20_000}}
    assert attachments.plugins_of(nested) == []
    assert attachments.kube_ovn_port(nested) is None


def test_text_is_no_list_of_attachments() -> None:
    """A launcher that is told of no attachments would take the options off the ports of all pods."""
    with pytest.raises(TypeError, match="give a list of dictionaries"):
        attachments.desired_ports("name=a", "default")


def nad(name: str, namespace: str = "default") -> dict:
    return {"apiVersion": "k8s.cni.cncf.io/v1", "kind": "NetworkAttachmentDefinition", "metadata": {"name": name, "namespace": namespace, "uid": "1"}}


def made(name: str, namespace: str = "default", **entry: object) -> dict:
    """As the role made it."""
    (wanted,) = attachments.objects([{"name": name, "namespace": namespace, **entry}], "default", KUBECONFIG)
    return wanted


def test_stale_attachments_are_those_that_no_entry_names() -> None:
    found = [made("a"), made("a", "other", type="kube-ovn"), made("b")]
    stale = attachments.stale(found, [{"name": "a"}, {"name": "b", "namespace": "other"}], "default")
    assert [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in stale] == [("other", "a"), ("default", "b")]


@pytest.mark.parametrize("kind", ["userspace", "kube-ovn"])
def test_definition_of_a_tenant_with_the_label_is_not_stale(kind: str) -> None:
    """A copy in another namespace or under another name has the label, and the configuration of the original."""
    original = made("a", type=kind)
    copies = [{**original, "metadata": {**original["metadata"], **change}} for change in ({"namespace": "tenant"}, {"name": "b"})]
    foreign = [{**nad("c"), "spec": {"config": config}} for config in ('{"type": "macvlan", "network": "default/c"}', "{", '{"type": ["userspace"]}', "7")]
    assert attachments.stale([*copies, *foreign, nad("d")], [], "default") == []
    assert [item["metadata"]["name"] for item in attachments.stale([*copies, original], [], "default")] == ["a"]


def test_names_of_digits_are_text() -> None:
    wanted = made(1234, 5678)
    assert wanted["metadata"]["name"] == "1234" and wanted["metadata"]["namespace"] == "5678"
    assert json.loads(wanted["spec"]["config"])["name"] == "1234"


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        (r'[{"name": "ovs\u002ddpdk-br0"}]', True),
        (r'[{"name": "\u006Fvs-dpdk-br0", "x": %s1%s}]' % ("[" * 5000, "]" * 5000), True),
        (r'[{"name": "my\u002dovs-dpdk-br0"}]', False),
    ],
)
def test_name_is_found_behind_the_escapes_of_json(asked: str, used: bool) -> None:
    assert attachments.users([pod(asked)], [nad("ovs-dpdk-br0")]) == (["n/p"] if used else [])


def test_default_network_of_a_pod_is_an_attachment_too() -> None:
    notes = {attachments.DEFAULT_NETWORK: "default/ovs-dpdk-br0"}
    one = pod(None, notes=notes)
    assert attachments.users([one], [nad("ovs-dpdk-br0")]) == ["n/p"]
    assert attachments.users([one], [nad("other")]) == []
    assert attachments.attached([one]) == ["n/p"]
    assert attachments.unattached([one]) == ["n/p"]


@pytest.mark.parametrize(
    ("asked", "used"),
    [("a", True), ("x,default/a@net5", True), ('[{"name": "a"}]', True), ("a-b,ba", False), ("", False), (None, False)],
)
def test_users_name_an_attachment_as_a_word(asked: str | None, used: bool) -> None:
    pod = {"metadata": {"name": "p", "namespace": "n", "annotations": {attachments.NETWORKS: asked}}}
    assert attachments.users([pod], [nad("a")]) == (["n/p"] if used else [])
    own = {"metadata": {**pod["metadata"], "labels": {attachments.PART_OF: "kube-ovn-dpdk"}}}
    assert attachments.users([own], [nad("a")], "kube-ovn-dpdk") == []


def test_policy_knows_every_spelling_of_the_directories() -> None:
    policy, binding = attachments.policy("/var/run/openvswitch/pods/", "admissionregistration.k8s.io/v1", ["kube-system", "monitoring"])
    same, _binding = attachments.policy("/run/openvswitch/pods", "admissionregistration.k8s.io/v1", [])
    variables = {item["name"]: item["expression"] for item in policy["spec"]["variables"]}
    assert variables == {item["name"]: item["expression"] for item in same["spec"]["variables"]}
    assert '["", "run", "var", "var/run"]' in variables["sockets"]
    assert '["run/openvswitch", "var/run/openvswitch"]' in variables["sockets"]
    assert '["run/openvswitch/pods", "var/run/openvswitch/pods"]' in variables["own"]
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"][0]["values"] == ["kube-system", "monitoring"]


def daemon_set(name: str, image: str, namespace: str = "kube-system", labels: dict | None = None, init: bool = False, **metadata: object) -> dict:
    containers = [{"name": "c", "image": image}]
    spec = {"containers": [{"name": "c", "image": "busybox"}], "initContainers": containers} if init else {"containers": containers}
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels or {}, **metadata}, "spec": {"template": {"spec": spec}}}


@pytest.mark.parametrize(
    ("workload", "kind"),
    [
        (daemon_set("kube-multus-ds-amd64", "nfvpe/multus:v3.4"), "replace"),
        (daemon_set("multus", "registry:5000/k8snetworkplumbingwg/multus-cni:v4.2.4-thick", "multus"), "replace"),
        (daemon_set("custom", "ghcr.io/k8snetworkplumbingwg/multus-cni@sha256:0", init=True), "replace"),
        (daemon_set("rke2-multus", "rancher/hardened-multus-cni:v4.2.1", labels={"app.kubernetes.io/managed-by": "Helm"}), "managed"),
        (daemon_set("rke2-multus", "rancher/hardened-multus-cni:v4.2.1", annotations={"meta.helm.sh/release-name": "rke2-multus"}), "managed"),
        (daemon_set("multus", "quay.io/openshift/multus-cni:1", "openshift-multus", ownerReferences=[{"kind": "Network"}]), "managed"),
        (daemon_set("kube-multus-ds", "ghcr.io/k8snetworkplumbingwg/multus-cni:v4.3.0", labels={attachments.PART_OF: "kube-ovn-dpdk"}), None),
        (daemon_set("dynamic", "ghcr.io/k8snetworkplumbingwg/multus-dynamic-networks-controller:latest"), None),
        (daemon_set("kube-proxy", "registry.k8s.io/kube-proxy:v1.30.0"), None),
    ],
)
def test_multus_of_somebody_else_is_known_by_its_image(workload: dict, kind: str | None) -> None:
    name = f"{workload['metadata']['namespace']}/{workload['metadata']['name']}"
    assert attachments.foreign_multus([workload]) == {"replace": [], "managed": [], **({kind: [name]} if kind else {})}


def test_daemon_set_that_says_nothing_is_known_by_its_name() -> None:
    old = {"metadata": {"name": "kube-multus-ds-amd64", "namespace": "kube-system"}}
    assert attachments.foreign_multus([old])["replace"] == ["kube-system/kube-multus-ds-amd64"]


def test_all_of_a_replaced_multus_is_deleted() -> None:
    found = attachments.multus_objects(["multus/multus"])
    assert [(item["kind"], item["metadata"]["name"], item["metadata"]["namespace"]) for item in found] == [
        ("DaemonSet", "multus", "multus"),
        ("ConfigMap", "multus-daemon-config", "multus"),
    ]


def pod(asks: str | None = "a", notes: dict | None = None, labels: dict | None = None, **more: object) -> dict:
    annotations = {**({attachments.NETWORKS: asks} if asks is not None else {}), **(notes or {})}
    return {
        "metadata": {"name": "p", "namespace": "n", "annotations": annotations, "labels": labels or {}, **more.pop("metadata", {})},
        "spec": more.pop("spec", {}),
        "status": {"phase": "Running", "podIP": "10.0.0.1", **more.pop("status", {})},
    }


@pytest.mark.parametrize(
    ("one", "missed"),
    [
        (pod(), True),
        (pod(None), False),
        (pod("  "), False),
        (pod(notes={attachments.STATUS[0]: "[]"}), False),
        (pod(notes={attachments.STATUS[1]: "[]"}), False),
        (pod(spec={"hostNetwork": True}), False),
        (pod(status={"podIP": ""}), False),
        (pod(status={"phase": "Succeeded"}), False),
        (pod(metadata={"deletionTimestamp": "2026-01-01T00:00:00Z"}), False),
        (pod(labels={attachments.PART_OF: "kube-ovn-dpdk"}), False),
    ],
)
def test_pods_that_run_without_their_attachments(one: dict, missed: bool) -> None:
    assert attachments.unattached([one]) == (["n/p"] if missed else [])


def test_pods_with_attachments_of_any_kind() -> None:
    own = pod(labels={attachments.PART_OF: "kube-ovn-dpdk"})
    assert attachments.attached([pod(), pod(None), own]) == ["n/p", "n/p"]
    assert attachments.attached([pod(), pod(None), own], "kube-ovn-dpdk") == ["n/p"]


def test_accounts_that_are_not_used_any_more() -> None:
    def thing(kind: str, name: str, namespace: str | None = None) -> dict:
        metadata = {"name": name, "uid": "1", **({"namespace": namespace} if namespace else {})}
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata}

    found = [thing("Secret", "new", "kube-system"), thing("Secret", "new", "other"), thing("ClusterRole", "new"), thing("ClusterRole", "old")]
    stale = attachments.stale_accounts(found, "new", "kube-system")
    assert [(item["kind"], item["metadata"]) for item in stale] == [("Secret", {"name": "new", "namespace": "other"}), ("ClusterRole", {"name": "old"})]
    assert len(attachments.stale_accounts(found, "", "kube-system")) == 4
    # Some clients give an object of the whole cluster an empty namespace.
    whole = thing("ClusterRole", "new")
    whole["metadata"]["namespace"] = ""
    assert attachments.stale_accounts([whole], "new", "kube-system") == []


def test_policy_denies_the_directory_of_processes_itself() -> None:
    """Every root of a process is below it, with that process's sockets."""
    policy, _binding = attachments.policy("/run/openvswitch/pods", "admissionregistration.k8s.io/v1", [])
    sockets = {item["name"]: item["expression"] for item in policy["spec"]["variables"]}["sockets"]
    assert "p[1].startsWith('proc/')" not in sockets
    assert "(p[1] + '/').startsWith('proc/')" in sockets


def test_policy_lets_pods_go_that_were_there_before() -> None:
    """A Job removes the finalizer of its pods by an update."""
    policy, _binding = attachments.policy("/run/openvswitch/pods", "admissionregistration.k8s.io/v1", [])
    judged = {(o, r) for rule in policy["spec"]["matchConstraints"]["resourceRules"] for o in rule["operations"] for r in rule["resources"]}
    assert judged == {("CREATE", "pods"), ("UPDATE", "pods/ephemeralcontainers")}


SETTINGS = {
    "network_attachments_definitions": [{"name": "a", "mode": "client"}, {"name": "own", "type": "kube-ovn", "subnet": {"cidr": "10.20.0.0/16"}}],
    "network_attachments_namespace": "default",
    "network_attachments_kubeconfig": KUBECONFIG,
    "network_attachments_own_kubeconfig": KUBECONFIG,
    "network_attachments_account": "userspace-cni",
    "network_attachments_account_namespace": "kube-system",
    "network_attachments_server": "",
    "network_attachments_pods_dir": "/run/openvswitch/pods",
    "network_attachments_admission": False,
    "network_attachments_admission_exempt": [],
    "network_attachments_purge": False,
}
PURGE = {"network_attachments_purge": True}
POLICIES = ("policies", "beta_policies", "policy_bindings", "beta_policy_bindings")
KEYS = ("attachments", "subnets", *POLICIES, "secrets", "accounts", "bindings", "roles", "services", "pods")


def account(name: str = "userspace-cni") -> list:
    """As the template of the role has it, in short."""
    service_account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "kube-system"}}
    role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "kube-system"}, "type": "kubernetes.io/service-account-token"}
    return [service_account, role, secret]


def applied(item: dict) -> dict:
    metadata = {**item["metadata"], "uid": "1", "annotations": {_applied.LAST_APPLIED: json.dumps(item)}}
    return {**item, "metadata": metadata, **({"data": {"token": "dG9rZW4="}} if item["kind"] == "Secret" else {})}


def cluster(missing: tuple = (), **objects: list) -> dict:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"}, "spec": {"clusterIP": "fd00::1"}}
    return {"objects": {**{key: [] for key in KEYS}, "services": [service], **objects}, "missing": list(missing)}


def after_a_run(**settings: object) -> dict:
    first = attachments.plan(cluster(), {**SETTINGS, **settings}, account())
    live = [applied(item) for item in first["apply"] + first["token"]]
    kinds = {"NetworkAttachmentDefinition": "attachments", "Subnet": "subnets", "ServiceAccount": "accounts", "ClusterRole": "roles", "Secret": "secrets"}
    kinds.update(ValidatingAdmissionPolicy="policies", ValidatingAdmissionPolicyBinding="policy_bindings")
    found: dict[str, list] = {}
    for item in live:
        found.setdefault(kinds[item["kind"]], []).append(item)
    return found


def test_first_run_applies_everything_in_its_order_and_the_next_one_nothing() -> None:
    first = attachments.plan(cluster(), SETTINGS, account())
    assert [item["kind"] for item in first["apply"]] == ["Subnet", *["NetworkAttachmentDefinition"] * 2, "ServiceAccount", "ClusterRole"]
    assert ([item["kind"] for item in first["token"]], first["data"], first["own"]) == (["Secret"], {}, True)
    assert first["server"] == "https://[fd00::1]:443"
    second = attachments.plan(cluster(**after_a_run()), SETTINGS, account())
    assert {key: second[key] for key in ("errors", "remove", "apply", "token", "accounts")} == dict.fromkeys(
        ("errors", "remove", "apply", "token", "accounts"), []
    )
    assert second["data"] == {"token": "dG9rZW4="}
    assert attachments.plan(cluster(), {**SETTINGS, "network_attachments_server": "https://api:6443"}, account())["server"] == "https://api:6443"


def test_only_what_changed_is_applied() -> None:
    changed = {**SETTINGS, "network_attachments_definitions": [{"name": "a", "mode": "server"}, SETTINGS["network_attachments_definitions"][1]]}
    assert [item["metadata"]["name"] for item in attachments.plan(cluster(**after_a_run()), changed, account())["apply"]] == ["a"]


def test_attachments_are_removed_only_when_asked_and_not_while_pods_use_them() -> None:
    found, one = after_a_run(), {**SETTINGS, "network_attachments_definitions": [{"name": "a", "mode": "client"}], "network_attachments_purge": "false"}
    assert attachments.plan(cluster(**found), one, account())["remove"] == []
    purged = attachments.plan(cluster(**found), {**one, **PURGE}, account())
    assert [(item["kind"], item["metadata"]["name"]) for item in purged["remove"]] == [("NetworkAttachmentDefinition", "own"), ("Subnet", "own")]
    assert purged["errors"] == []
    user = pod("own", labels={attachments.PART_OF: "kube-ovn-dpdk"})
    user.update(apiVersion="v1", kind="Pod")
    assert attachments.plan(cluster(**found, pods=[user]), {**one, **PURGE}, account())["errors"] == ["Pods use own; delete them first: n/p"]
    assert attachments.plan(cluster(**found, pods=[user]), {**one, **PURGE}, account(), "kube-ovn-dpdk")["errors"] == []


def test_policy_is_applied_in_the_newest_version_or_removed() -> None:
    wanted = {**SETTINGS, "network_attachments_admission": True}
    served = [attachments.plan(cluster(missing), wanted, account())["apply"] for missing in ((), ("policies",))]
    versions = [[item["apiVersion"] for item in found if item["kind"].startswith("Validating")] for found in served]
    assert versions == [["admissionregistration.k8s.io/v1"] * 2, ["admissionregistration.k8s.io/v1beta1"] * 2]
    (error,) = attachments.plan(cluster(("policies", "beta_policies")), wanted, account())["errors"]
    assert "ValidatingAdmissionPolicy, which this cluster does not serve" in error
    found = after_a_run(network_attachments_admission=True)
    assert attachments.plan(cluster(**found), wanted, account())["apply"] == []
    removed = attachments.plan(cluster(**found), SETTINGS, account())["remove"]
    assert [item["kind"] for item in removed] == ["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"]
    # A removal that was interrupted between the two is completed.
    assert attachments.plan(cluster(**{**found, "policies": []}), SETTINGS, account())["remove"] == removed


@pytest.mark.parametrize(
    "settings",
    [
        {"network_attachments_kubeconfig": "/etc/cni/net.d/multus.d/multus.kubeconfig"},
        {"network_attachments_definitions": [{"name": "own", "type": "kube-ovn"}]},
    ],
)
def test_account_is_removed_where_nothing_needs_it(settings: dict) -> None:
    plan = attachments.plan(cluster(**after_a_run()), {**SETTINGS, **settings}, account())
    assert [item["kind"] for item in plan["accounts"]] == ["Secret", "ServiceAccount", "ClusterRole"]
    assert (plan["own"], plan["token"], plan["data"]) == (False, [], {})
    assert not {"ServiceAccount", "ClusterRole"} & {item["kind"] for item in plan["apply"]}


def test_account_with_another_name_replaces_the_one_before() -> None:
    plan = attachments.plan(cluster(**after_a_run()), {**SETTINGS, "network_attachments_account": "other"}, account("other"))
    assert [item["metadata"]["name"] for item in plan["apply"] + plan["token"]] == ["other"] * 3
    assert {item["metadata"]["name"] for item in plan["accounts"]} == {"userspace-cni"}


@pytest.mark.parametrize("entry", ["main", "absent"])
def test_why_the_cluster_was_not_read_is_said_although_its_secrets_are_hidden(tmp_path, kubernetes, monkeypatch, entry) -> None:
    serve = kubernetes.Api.handle_one

    def forbidden(handler) -> None:
        if "/secrets" in handler.path:
            handler.status(403, "Forbidden")
        else:
            serve(handler)

    monkeypatch.setattr(kubernetes.Api, "handle_one", forbidden)
    before = sorted(kubernetes.STORE)
    role = {"name": "kube_ovn.dpdk.network_attachments", "tasks_from": entry}
    play = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "tasks": [{"ansible.builtin.include_role": role}]}]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    command = [shutil.which("ansible-playbook"), "-i", "localhost,", "-e", f"ansible_python_interpreter={sys.executable}", str(tmp_path / "play.yml")]
    done = subprocess.run(command, cwd=Path(__file__).resolve().parents[2], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 2
    assert "The Kubernetes API did not return Secret of v1: " in " ".join(done.stdout.split()), done.stdout
    assert "has been hidden" not in done.stdout
    assert sorted(kubernetes.STORE) == before


def test_port_has_numbers_whatever_a_template_makes_of_them() -> None:
    """Text where ansible-core is older than 2.19, which the launcher would not take; and null is empty text there."""
    texts = {"name": "fast", "mtu": "9000", "vlan": "7", "trunks": ["1", 2], "queues": "2", "egress_rate": "", "mac": ""}
    numbers = {"name": "fast", "mtu": 9000, "vlan": 7, "trunks": [1, 2], "queues": 2, "egress_rate": None}
    assert attachments.port_options(texts) == attachments.port_options(numbers) == {"vlan": 7, "trunks": [1, 2], "mtu": 9000, "queues": 2}
    assert book.errors({"network_attachments_definitions": [texts]}, "network_attachments", "settings") == []


@pytest.mark.parametrize(("trunks", "kept"), [([6, 5], [5, 6]), ([5, "5", 7, 5], [5, 7]), ([], []), (10, [10]), ("10", [10])])
def test_trunks_are_sorted_and_name_each_vlan_once(trunks: object, kept: list[int]) -> None:
    """Open vSwitch keeps a set: it refuses duplicates, and another order is no change."""
    assert attachments.port_options({"name": "a", "trunks": trunks}) == {"trunks": kept}
