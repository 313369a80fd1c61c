"""What follows from the variables of role kube_ovn, and what a running Kube-OVN was made with."""

from __future__ import annotations

import copy
import re
from decimal import Decimal

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kube_ovn_render as render
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._quantity import quantity
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_adoption as adoption
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _kube_ovn_values as values
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._preflight import specifications

SETTINGS = {
    "kube_ovn_version": "v1.12.35",
    "kube_ovn_installer": "https://example.test/dist",
    "kube_ovn_dpdk_socket_mem": [1024],
    "kube_ovn_dpdk_pmd_cores": [],
    "kube_ovn_hugepage_size": "1Gi",
}

# --- values -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "amount"),
    [
        ({"kube_ovn_dpdk_socket_mem": [1024, 512]}, "2048Mi"),
        ({"kube_ovn_hugepage_size": "2Mi", "kube_ovn_dpdk_socket_mem": [1023]}, "1024Mi"),
        # As -e and inventories in INI format give it.
        ({"kube_ovn_dpdk_socket_mem": "1024,512"}, "2048Mi"),
        ({"kube_ovn_dpdk_socket_mem": 1024}, "1024Mi"),
        ({"kube_ovn_hugepage_size": "2Mi", "kube_ovn_hugepage_amount": "3Gi"}, "3Gi"),
    ],
)
def test_the_pages_are_at_least_the_socket_memory(settings, amount):
    assert values.resources({**SETTINGS, **settings})["hugepage_amount"] == amount


@pytest.mark.parametrize(
    ("settings", "cpu"),
    [
        ({}, "2000m"),
        ({"kube_ovn_dpdk_pmd_cores": [2, 3, 4]}, "4000m"),
        ({"kube_ovn_dpdk_pmd_cores": "2-4"}, "4000m"),
        # Left to itself, OVS polls with one core for each NUMA node.
        ({"kube_ovn_dpdk_socket_mem": [1024, 1024]}, "3000m"),
        ({"kube_ovn_dpdk_socket_mem": [1024, 1024], "kube_ovn_dpdk_pmd_cores": [2]}, "2000m"),
        ({"kube_ovn_dpdk_pmd_cores": "10,11"}, "3000m"),
        ({"kube_ovn_dpdk_cpu_limit": "8"}, "8"),
    ],
)
def test_each_pmd_has_a_core_and_the_others_have_one(settings, cpu):
    assert values.resources({**SETTINGS, **settings})["cpu_limit"] == cpu


def test_the_container_is_as_large_as_the_largest_node_needs_it():
    hostvars = {"a": {"kube_ovn_dpdk_pmd_cores": "2-5"}, "b": {"kube_ovn_dpdk_socket_mem": [2048], "kube_ovn_node_name": "node-b"}, "c": {}}
    hosts = values.hosts(["a", "b", "c"], hostvars, SETTINGS, excluded=["c"])
    assert [(entry["host"], entry["node"]) for entry in hosts] == [("a", "a"), ("b", "node-b")]
    # As -e kube_ovn_excluded_nodes=node-b,cc has it, should anything let it through.
    assert [entry["host"] for entry in values.hosts(["a", "b", "c"], hostvars, SETTINGS, "node-b,cc")] == ["a", "c"]
    found = values.resources(SETTINGS, hosts)
    assert (found["hugepage_amount"], found["cpu_limit"], found["socket_mem_mib"]) == ("2048Mi", "5000m", 2048)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1500m", 1500),
        ("1.5", 1500),
        ("2", 2000),
        (2, 2000),
        ("0.1", 100),
        ("abc", None),
        ("", None),
        ("-1", None),
        ("1.5.1", None),
        ("2 m", None),
        (True, None),
    ],
)
def test_amounts_of_cpu(text, amount):
    assert values.millicores(text) == (None if amount is None else Decimal(amount))


@pytest.mark.parametrize(
    ("kubernetes", "release", "name"),
    [
        ("v1.15.12", "v1.7.3", "install-pre-1.16.sh"),
        ("v1.16.0", "v1.8.18", "install.sh"),
        ("v1.35.1", "v1.16.2", "install.sh"),
        # It has one only.
        ("v1.15.12", "v1.2.1", "install.sh"),
    ],
)
def test_the_installer_fits_kubernetes(kubernetes, release, name):
    found = values.installer({**SETTINGS, "kube_ovn_version": release}, kubernetes)
    assert (found["place"], found["url"], len(found["checksum"])) == (f"https://example.test/dist/{name}", True, 64)
    found = values.installer({**SETTINGS, "kube_ovn_version": release, "kube_ovn_installer": "/srv/"}, kubernetes)
    assert (found["place"], found["url"], found["checksum"]) == (f"/srv/{name}", False, "")


def test_a_checksum_that_is_given_counts():
    assert values.installer({**SETTINGS, "kube_ovn_installer_checksum": "sha256:ab"}, "v1.24.0")["checksum"] == "ab"
    assert values.installer({**SETTINGS, "kube_ovn_version": "v9.9.9"}, "v1.24.0")["checksum"] == ""


def node(name, address="192.0.2.1", **labels):
    labels = {key.replace("__", "/").replace("_", "-"): value for key, value in labels.items()}
    return {"metadata": {"name": name, "labels": labels}, "status": {"addresses": [{"type": "InternalIP", "address": address}]}}


USERSPACE = {"ovn.kubernetes.io/ovs_dp_type": "userspace"}


def labelled(name, labels):
    return {**node(name), "metadata": {"name": name, "labels": labels}}


def test_nodes_that_left_the_inventory_are_found_and_rendered_without_the_label():
    nodes = [labelled("a", USERSPACE), labelled("b", USERSPACE), labelled("c", USERSPACE), labelled("d", {})]
    assert values.removed_nodes(nodes, "hybrid", ["a"], ["c"]) == ["b"]
    assert values.removed_nodes(nodes, "dedicated", ["a"]) == []
    assert values.removed_nodes(nodes, "hybrid", ["a"], "c") == ["b"]
    rendered = values.render_nodes(nodes, "hybrid", ["a", "d"], ["b"])
    assert [item["labels"] for item in rendered] == [USERSPACE, {}, USERSPACE, USERSPACE]
    assert values.render_nodes(nodes[:1], "dedicated", ["a"])[0]["labels"] == {"ovn.kubernetes.io/ovs_dp_type": "kernel"}


@pytest.mark.parametrize(("name", "label"), [("control-plane", "node-role.kubernetes.io/control-plane"), ("master", "")])
def test_old_releases_are_told_the_label_that_there_is(name, label):
    assert values.control_plane_label([labelled("a", {f"node-role.kubernetes.io/{name}": ""}), labelled("b", {})]) == label


def test_rates_and_mtu_of_vhost_user_ports_are_named():
    config = '{"type": "kube-ovn", "provider": "fast.default.ovn", "vhost_user_socket_volume_name": "v"}'
    attachments = [{"metadata": {"name": "fast", "namespace": "default"}, "spec": {"config": config}}]
    attachments.append({"metadata": {"name": "plain", "namespace": "default"}, "spec": {"config": '{"type": "kube-ovn", "provider": "plain.default.ovn"}'}})
    annotations = {
        "fast.default.ovn.kubernetes.io/ingress_rate": "3",
        "fast.default.ovn.kubernetes.io/egress_rate": "3",
        "plain.default.ovn.kubernetes.io/ingress_rate": "3",
        "ovn.kubernetes.io/ingress_rate": "1",
    }
    pods = [{"metadata": {"name": "a", "namespace": "x", "annotations": annotations}}, {"metadata": {"name": "b", "namespace": "x"}}]
    subnets = [{"metadata": {"name": name}, "spec": {"provider": f"{name}.default.ovn", "mtu": 9000}} for name in ("fast", "plain")]
    assert values.ignored_settings(pods, attachments, subnets) == [
        "pod x/a asks for fast.default.ovn.kubernetes.io/ingress_rate, which has no effect on its vhost-user port",
        "subnet fast asks for mtu 9000, and vhost-user ports of its provider fast.default.ovn keep 1500",
    ]


def works():
    """A node of hybrid mode that is what it should be; the user writes its address in another way than OVN."""
    return {
        "dpdk_initialized": True,
        "external_ids": {"system-id": "one", "hostname": "node-1", "ovn-encap-ip": "fd00::1"},
        "bridges": {"br-int": {"datapath_type": "netdev"}, "br-phy": {"datapath_type": "netdev"}},
        "ports": {"dpdk0": {}},
        "interfaces": {
            "dpdk0": {"bridge": "br-phy", "error": None, "type": "dpdk"},
            "ovn-two": {"bridge": "br-int", "type": "geneve", "options": {"remote_ip": "fd00::2"}},
        },
    }


EXPECTED = {
    "node": "node-1", "mode": "hybrid", "datapath_type": "netdev", "encap_ip": "FD00:0::1/64", "bridge": "br-phy", "conflists": 1,
    "cni_conf_dir": "/etc/cni/net.d", "daemonset": "ovs-ovn-dpdk", "check_mode": False,
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "value", "expected", "problem"),
    [
        ("ports", {"dpdk0": {}}, {}, None),
        ("ports", {}, {}, "br-phy has no port dpdk0"),
        ("ports", {}, {"mode": "dedicated"}, None),
        ("dpdk_initialized", False, {}, "DPDK is not initialized; see the log of ovs-ovn-dpdk"),
        ("dpdk_initialized", True, {"conflists": 0}, "/etc/cni/net.d has no configuration of Kube-OVN; see the log of kube-ovn-cni"),
        ("external_ids/system-id", "", {}, "system-id is empty, so that there are no tunnels"),
        ("external_ids/system-id", "two", {}, "system-id two is that of other too"),
        # The chassis of such a node is removed by kube-ovn-controller from v1.12.1 on.
        ("external_ids/hostname", "node-1.example.com", {}, "external_ids:hostname is node-1.example.com"),
        ("external_ids/hostname", "node-1.example.com", {"check_mode": True}, None),
        ("bridges/br-int/datapath_type", "", {}, "the datapath type of br-int is system, and should be netdev"),
        ("bridges", {}, {}, "the datapath type of br-int is unknown, since there is no br-int, and should be netdev"),
        ("interfaces/dpdk0/error", "no such device", {}, "ports of br-phy have errors: no such device"),
        ("external_ids/ovn-encap-ip", "fd00::9", {}, "other nodes tunnel to fd00::9 instead of FD00:0::1/64"),
        ("external_ids/ovn-encap-ip", "fd00::9", {"check_mode": True}, None),
        ("interfaces", {}, {}, "there is no tunnel to other"),
    ],
)
def test_what_is_wrong_with_a_node_is_named(path, value, expected, problem):
    ovs = target = works()
    *keys, last = path.split("/")
    for key in keys:
        target = target[key]
    target[last] = value
    hostvars = {"host-1": {}, "other": {"__kube_ovn_node": {"switch": {"external_ids": {"system-id": "two", "ovn-encap-ip": "fd00::2"}}}}, "unread": {}}
    found = values.node_problems(ovs, hostvars, list(hostvars), "host-1", {**EXPECTED, **expected})
    assert [text.startswith(problem) for text in found] == [True] if problem else found == []


# --- a running Kube-OVN -------------------------------------------------------------------------------------------

SCRIPT = """
SVC_CIDR="10.96.0.0/12"
IFACE=${IFACE:-}
TUNNEL_TYPE=geneve
PRIORITY=01
ENABLE_SSL=false
cat <<EOF
      - name: kube-ovn-controller
        image: "$REGISTRY/kube-ovn:$VERSION"
        args:
        - --service-cluster-ip-range=$SVC_CIDR
        - --network-type=geneve
        env:
          - name: ENABLE_SSL
            value: "$ENABLE_SSL"
          - name: OVN_DB_IPS
            value: $addresses
      - name: cni-server
        image: "$REGISTRY/kube-ovn:$VERSION"
        args:
        - --iface=${IFACE}
        - --network-type=$TUNNEL_TYPE
        - --cni-conf-name=${PRIORITY}-kube-ovn.conflist
EOF
"""
KNOWN = ["SVC_CIDR", "IFACE", "TUNNEL_TYPE", "PRIORITY", "ENABLE_SSL", "POD_CIDR", "LABEL", "IPV6", "DUAL_STACK"]


def workload(kind, name, container, args=(), env=None, **metadata):
    variables = [{"name": key, "value": value} for key, value in (env or {}).items()]
    spec = {"containers": [{"name": container, "image": "kubeovn/kube-ovn:v1.12.35", "args": list(args), "env": variables}], "volumes": []}
    return {
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system", **metadata},
        "spec": {"replicas": 1, "template": {"spec": spec}},
    }  # fmt: skip


def objects(svc="10.96.0.0/12", iface="", tunnel="geneve", priority="01", ssl="false", more=()):
    flags = [f"--service-cluster-ip-range={svc}", "--network-type=geneve", *more]
    cni = [f"--iface={iface}", f"--network-type={tunnel}", f"--cni-conf-name={priority}-kube-ovn.conflist"]
    return [
        workload("Deployment", "kube-ovn-controller", "kube-ovn-controller", flags, {"ENABLE_SSL": ssl}),
        workload("DaemonSet", "kube-ovn-cni", "cni-server", cni),
    ]


def read(workloads, nodes=()):
    """What the role has read of a cluster with these workloads."""
    kinds = {key: [item for item in workloads if item["kind"] == kind] for key, kind in (("daemonsets", "DaemonSet"), ("deployments", "Deployment"))}
    return {**kinds, "nodes": list(nodes), "pods": [], "databases": [], "controllers": [], "service": []}


def rendered(**settings):
    return {"objects": objects(**settings), "sources": render.read_sources(SCRIPT, KNOWN), "known_settings": KNOWN}


def test_where_the_installer_puts_its_variables_is_read_from_itself():
    found = {(item["container"], item.get("flag") or item["env"]): (item["before"], item["variable"], item["after"]) for item in rendered()["sources"]}
    assert found == {
        ("kube-ovn-controller", "--service-cluster-ip-range"): ("", "SVC_CIDR", ""),
        ("kube-ovn-controller", "ENABLE_SSL"): ("", "ENABLE_SSL", ""),
        ("cni-server", "--iface"): ("", "IFACE", ""),
        # The same flag means another thing in another container.
        ("cni-server", "--network-type"): ("", "TUNNEL_TYPE", ""),
        ("cni-server", "--cni-conf-name"): ("", "PRIORITY", "-kube-ovn.conflist"),
    }


@pytest.mark.parametrize(
    ("running", "asked", "kept"),
    [
        ({}, {}, {}),
        ({"svc": "10.233.0.0/18", "iface": "bond1", "tunnel": "vxlan", "priority": "05", "ssl": "True"}, {},
         {"SVC_CIDR": "10.233.0.0/18", "IFACE": "bond1", "TUNNEL_TYPE": "vxlan", "PRIORITY": "05", "ENABLE_SSL": "true"}),
        ({"svc": "10.233.0.0/18", "iface": "bond1"}, {"IFACE": "bond2"}, {"SVC_CIDR": "10.233.0.0/18"}),
        # As kubespray writes it.
        ({"ssl": "False"}, {}, {}),
    ],
)  # fmt: skip
def test_settings_of_a_running_kube_ovn_are_kept_unless_asked_for(running, asked, kept):
    assert adoption.adopted_variables(rendered(), read(objects(**running)), asked) == kept


def test_nothing_is_kept_where_nothing_runs():
    assert adoption.adopted_variables(rendered(), read(objects(svc="10.1.0.0/16")[1:]), {}) == {}


def test_what_was_kept_once_is_kept_and_what_is_ours_is_not_read_again():
    current = objects(svc="10.233.0.0/18", iface="bond1")
    current[0]["metadata"]["annotations"] = {adoption.ANNOTATION: '{"SVC_CIDR": "10.233.0.0/18", "GONE": "x"}'}
    # IFACE was asked for in an earlier run, and is not any more; the release has no GONE.
    assert adoption.adopted_variables(rendered(), read(current), {}) == {"SVC_CIDR": "10.233.0.0/18"}
    assert adoption.adoption_errors(rendered(), read(current), {}, [], "v1.12.35") == []


def test_other_settings_of_a_kube_ovn_of_another_tool_are_one_error():
    there = read(objects(iface="bond1"))
    (error,) = adoption.adoption_errors(rendered(), there, {}, [], "v1.12.35")
    assert error.startswith("Kube-OVN v1.12.35 was not deployed by this collection") and "--iface would become empty (it is bond1)" in error
    assert "kube_ovn_take_over: true" in error
    assert adoption.adoption_errors(rendered(), there, {"IFACE": "bond1"}, [], "v1.12.35") == []
    assert adoption.adoption_errors(rendered(), read(objects()), {}, [], "v1.12.35") == []
    # With another release a flag that only one of the two has is a matter of the release.
    assert adoption.adoption_errors(rendered(), read(objects(more=["--new=1"])), {}, [], "v1.12.35") != []
    assert adoption.adoption_errors(rendered(), read(objects(more=["--new=1"])), {}, [], "v1.13.0") == []
    # In other namespaces anybody may have workloads of these names.
    elsewhere = [{**item, "metadata": {**item["metadata"], "namespace": "net"}} for item in objects(iface="bond1")]
    assert adoption.adoption_errors(rendered(), read(elsewhere), {}, [], "v1.12.35") == []


def test_a_check_is_made_again_where_anything_changed_that_it_looks_at():
    def fingerprint(workloads, settings=None, own=(), api_versions=("v1",)):
        return values.fingerprint({"version": "v1.24.17", "objects": read(workloads), "api_versions": list(api_versions)}, settings or {}, list(own))

    before = fingerprint(objects())
    running = objects()
    running[0]["status"], running[1]["metadata"]["resourceVersion"] = {"replicas": 1}, "7"
    assert fingerprint(running) == before
    # What passed as an upgrade passes.
    assert fingerprint(running, {"kube_ovn_upgrade": True}) == before
    annotated = objects()
    annotated[0]["metadata"]["annotations"] = {"a": "b"}
    others = [
        fingerprint(objects(iface="bond1")),
        fingerprint(annotated),
        fingerprint(objects(), {"kube_ovn_mode": "hybrid"}),
        fingerprint(objects(), own=[{"host": "a", "node": "b"}]),
        fingerprint(objects(), api_versions=["v1", "batch/v1"]),
    ]
    assert len({before, *others}) == 6


def test_databases_stay_on_their_nodes():
    plane = {"node-role.kubernetes.io/control-plane": ""}
    nodes = [labelled("a", {**plane, "kube-ovn/role": "master"}), labelled("b", plane), labelled("c", {"kube-ovn/role": "master"})]
    assert adoption.adopted_variables(rendered(), read(objects(), nodes), {}) == {"LABEL": "kube-ovn/role=master"}
    assert adoption.adopted_variables(rendered(), read(objects(), nodes), {"LABEL": "x"}) == {}
    assert adoption.adopted_variables(rendered(), read(objects(), nodes[:1]), {}) == {}


def test_dual_stack_is_seen_in_the_networks():
    sources = [{"container": "kube-ovn-controller", "flag": "--default-cidr", "variable": "POD_CIDR", "before": "", "after": ""}]
    for cidr, other in (("10.16.0.0/16,fd00::/64", "DUAL_STACK"), ("fd00::/64", "IPV6")):
        found = adoption.running_variables(sources, objects(more=["--default-cidr=10.16.0.0/16"]), objects(more=[f"--default-cidr={cidr}"]))
        assert found == {"POD_CIDR": cidr, other: "true"}


def test_changes_beyond_ovs_dpdk_are_named():
    current = objects(more=["--extra=1"])
    current[1]["spec"]["template"]["spec"]["containers"][0]["args"].append("--mtu=1400")
    current[0]["spec"]["replicas"] = 3
    current[0]["spec"]["template"]["spec"]["nodeSelector"] = {"a": "b"}
    current[1]["spec"]["template"]["spec"]["volumes"] = [{"name": "cni-conf", "hostPath": {"path": "/x/net.d"}}]
    new = rendered()
    new["objects"][1]["spec"]["template"]["spec"]["volumes"] = [{"name": "cni-conf", "hostPath": {"path": "/etc/cni/net.d"}}]
    assert adoption.changes(new, current, {}) == [
        "DaemonSet/kube-ovn-cni, container cni-server: --mtu would be removed (it is 1400)",
        "DaemonSet/kube-ovn-cni: the path of volume cni-conf would become /etc/cni/net.d (it is /x/net.d)",
        "Deployment/kube-ovn-controller, container kube-ovn-controller: --extra would be removed (it is 1)",
        "Deployment/kube-ovn-controller: replicas would become 1 (it is 3)",
        'Deployment/kube-ovn-controller: nodeSelector would become {} (it is {"a": "b"})',
    ]
    # With another release, what only one of the two has is a matter of the release.
    assert [text for text in adoption.changes(new, current, {}, same_release=False) if "--" in text or "nodeSelector" in text] == []
    overlays = [{"kind": "DaemonSet", "name": "kube-ovn-cni", "flags": {"cni-server": {"--mtu": 1400}}}]
    assert not [text for text in adoption.changes(new, current, {}, overlays) if "mtu" in text]


def test_what_was_asked_for_and_what_dpdk_needs_is_no_change():
    current = objects(svc="10.1.0.0/16")
    new = rendered(svc="10.2.0.0/16")
    new["objects"][1]["spec"]["template"]["spec"]["containers"][0]["args"].append("--dpdk-tunnel-iface=br-tun")
    assert adoption.changes(new, current, {"SVC_CIDR": "10.2.0.0/16"}) == []
    assert len(adoption.changes(new, current, {})) == 1


def container(item):
    return item["spec"]["template"]["spec"]["containers"][0]


def test_other_images_and_other_resources_are_named():
    current, new = objects(), rendered()
    container(current[0])["image"] = "r.example:5000/kubeovn/kube-ovn:v1.12.35-debug"
    container(current[0])["resources"] = {"limits": {"memory": "9Gi", "cpu": "1"}, "requests": {"cpu": "200m"}}
    container(new["objects"][0])["resources"] = {"limits": {"memory": "1Gi", "cpu": 1}, "requests": {"cpu": "0.2", "memory": "300Mi"}}
    container(current[1])["image"] = "r.example:5000/kubeovn/own:v1.12.35"
    own = "DaemonSet/kube-ovn-cni, container cni-server: image would become kubeovn/kube-ovn:v1.12.35 (it is r.example:5000/kubeovn/own:v1.12.35)"
    name = "Deployment/kube-ovn-controller, container kube-ovn-controller: "
    limits = [name + "limits memory would become 1Gi (it is 9Gi)", name + "requests memory would be added (300Mi)"]
    tag = name + "image would become kubeovn/kube-ovn:v1.12.35 (it is r.example:5000/kubeovn/kube-ovn:v1.12.35-debug)"
    assert adoption.changes(new, current, {}) == [own, tag, *limits]
    # Tags and limits are a matter of the release, and of who asks for them.
    assert adoption.changes(new, current, {}, same_release=False) == [own]
    assert adoption.changes(new, current, {"VERSION": "v1.12.35"}) == [own, *limits]
    overlays = [{"kind": item["kind"], "name": item["metadata"]["name"], "patch": {"spec": {}}} for item in current]
    assert adoption.changes(new, current, {}, overlays) == []
    # The registry is asked for, or refused.
    container(current[1])["image"] = "r.example:5000/kubeovn/kube-ovn:v1.12.35"
    assert adoption.changes(new, current[1:], {}) == []


@pytest.mark.parametrize(("memory", "pages", "found"), [("1Gi", False, 1), ("800Mi", False, 0), ("1Gi", True, 0)])
def test_of_the_switches_only_the_kernels_own_is_compared(memory, pages, found):
    current, new = (workload("DaemonSet", "ovs-ovn", "openvswitch", [flag]) for flag in ("--old", "--new"))
    container(current)["resources"] = {"limits": {"memory": memory}}
    container(new)["resources"] = {"limits": {"memory": "800Mi", **({"hugepages-2Mi": "1Gi"} if pages else {})}}
    assert len(adoption.changes({**rendered(), "objects": [new]}, [current], {})) == found


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("kubeovn/kube-ovn:v1.12.35", "docker.io/kubeovn"), ("docker.io/kubeovn/kube-ovn:v1", "docker.io/kubeovn"),
        ("index.docker.io/kubeovn/kube-ovn", "docker.io/kubeovn"), ("r.example:5000/a/b/kube-ovn:v1@sha256:0", "r.example:5000/a/b"),
        ("localhost/kube-ovn:v1", "localhost"), ("kube-ovn:v1", "docker.io/library"), ("r.example:5000/kube-ovn", "r.example:5000"),
    ],
)  # fmt: skip
def test_the_registry_of_an_image_is_named_as_containerd_does(image, registry):
    assert adoption.registry_of(image) == registry
    current = objects()
    container(current[0])["image"] = image
    others = [workload("DaemonSet", "ovs-ovn", "openvswitch"), workload("Deployment", "coredns", "coredns")]
    container(others[1])["image"] = "r.example/coredns:v1"
    assert adoption.registries(current + others) == sorted({registry, "docker.io/kubeovn"})


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("1000m", 1, True), ("1Gi", "1024Mi", True), ("1.5", "1500m", True), ("1G", "1Gi", False), ("x", "x", True), ("1Gx", "1G", False), (None, "0", False)],
)
def test_quantities_are_compared_as_the_api_server_reads_them(one, other, same):
    assert (quantity(one) == quantity(other)) is same


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({}, None),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm"),
        ({"labels": {"helm.sh/chart": "kube-ovn-v2-1.15.0"}}, "Helm chart kube-ovn-v2-1.15.0"),
        ({"annotations": {"meta.helm.sh/release-name": "net"}, "labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm release net"),
        ({"labels": {"argocd.argoproj.io/instance": "net"}}, "Argo CD application net"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "net"}}, "Flux HelmRelease net"),
        ({"managedFields": [{"manager": "argocd-controller"}]}, "Argo CD"),
        ({"managedFields": [{"manager": "helm"}]}, "Helm"),
        ({"managedFields": [{"manager": "kubectl-client-side-apply"}, {"manager": "OpenAPI-Generator"}]}, None),
    ],
)
def test_who_manages_it_is_told_by_its_traces(metadata, name):
    current = objects()
    current[0]["metadata"].update(copy.deepcopy(metadata))
    expected = [{"name": name, "objects": ["Deployment/kube-ovn-controller"]}] if name else []
    assert adoption.managers([*current, workload("DaemonSet", "coredns", "x", labels={"app.kubernetes.io/managed-by": "Helm"})]) == expected


def test_kubespray_is_told_by_its_template():
    assert adoption.managers(objects(more=["--log_file_max_size=0"])) == [{"name": "kubespray", "objects": ["Deployment/kube-ovn-controller"]}]
    assert adoption.managers(objects(more=["--log_file_max_size=200"])) == []


def test_the_networks_that_run_are_read():
    assert adoption.networks(objects(svc="10.1.0.0/16", more=["--default-cidr=10.2.0.0/16", "--node-switch-cidr=10.3.0.0/16"])) == {
        "SVC_CIDR": "10.1.0.0/16", "POD_CIDR": "10.2.0.0/16", "JOIN_CIDR": "10.3.0.0/16",
    }  # fmt: skip


def server(flags=(), **paths):
    volumes = [{"name": key.replace("_", "-"), "hostPath": {"path": path}} for key, path in paths.items()]
    pod = {"containers": [{"name": "cni-server", "args": list(flags)}], "volumes": volumes}
    return [{"kind": "DaemonSet", "metadata": {"name": "kube-ovn-cni"}, "spec": {"template": {"spec": pod}}}]


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        (server(["--cni-conf-name=05-kube-ovn.conflist"], cni_conf="/a/net.d/", cni_bin="/b", kube_ovn_log="/c/d/kube-ovn"),
         {"CNI_CONFIG_PRIORITY": "05", "CNI_CONF_DIR": "/a/net.d", "CNI_BIN_DIR": "/b", "LOG_DIR": "/c/d"}),
        # What another layout does not say is not guessed.
        (server(["--cni-conf-name=other.conf"], kube_ovn_log="/c/d"), {}),
        (server(kube_ovn_log="/kube-ovn", cni_bin="$CNI_BIN_DIR"), {}),
        ([], {}),
    ],
)  # fmt: skip
def test_the_places_that_run_are_read(objects, found):
    assert adoption.places(objects) == found


HYBRID = {
    "kube_ovn_mode": "hybrid", "kube_ovn_hybrid_encap_ip": "192.0.2.1/24", "kube_ovn_hybrid_devices": ["0000:05:00.0", "net x"],
    "kube_ovn_hybrid_bond_type": "lacp", "kube_ovn_hybrid_vlan": 7, "kube_ovn_hybrid_bridge": "br-phy",
}  # fmt: skip
WITHOUT_FILES = {"files": {"config.cfg": None, "ovs-dpdk-config": None}, "config_keys": [], "newer_files": [], "config_dir": "", "running": False, "switch": {}}


def node_of(settings, **more):
    """What module kube_ovn_node_info returns of a node on which an OVS-DPDK runs with these settings."""
    bridges = {"br-phy": {"ports": ["br-phy", "dpdk0"]}}
    switch = {"other_config": values.node_config(settings), "bridges": bridges, "interfaces": {"dpdk0": {"bridge": "br-phy", "error": ""}}}
    files = {"ovs-dpdk-config": None, **values.node_files(settings)}
    return {**WITHOUT_FILES, "files": files, "config_dir": "root:root 0755", "running": True, "switch": switch, **more}


def verdict(settings, node):
    plan = values.node_plan(settings, node)
    return plan["differs"], plan["restart"]


def test_files_of_a_node_are_what_its_start_script_reads():
    files = values.node_files({**SETTINGS, **HYBRID, "kube_ovn_dpdk_extra": "-a 0000:05:00.0"})
    assert files["config.cfg"].splitlines()[1:] == [
        'dpdk-extra="-a\\u00200000:05:00.0"', 'dpdk-hugepage-dir="/dev/hugepages"', 'dpdk-init="true"', 'dpdk-socket-mem="1024"',
    ]  # fmt: skip
    assert files["ovs-dpdk-config"].splitlines()[1:] == [
        "ENCAP_IP=192.0.2.1/24", "DPDK_DEV=(0000:05:00.0 'net x')", 'BOND_TYPE="lacp"', "VLAN_TAG=7",
    ]  # fmt: skip
    assert all(text.startswith("# Managed by Ansible") and text.endswith("\n") for text in files.values())
    assert list(values.node_files({**SETTINGS, "kube_ovn_mode": "dedicated"})) == ["config.cfg"]


@pytest.mark.parametrize("null", [None, ""])
def test_null_of_a_template_is_no_value_whatever_the_version_of_ansible_core_makes_of_it(null):
    without = values.node_files({**SETTINGS, **HYBRID, "kube_ovn_hybrid_bond_type": "", "kube_ovn_hybrid_vlan": 0})
    given = {"kube_ovn_dpdk_config": {"y": null}, "kube_ovn_hybrid_bond_type": null, "kube_ovn_hybrid_vlan": null}
    assert values.node_files({**SETTINGS, **HYBRID, **given}) == without


@pytest.mark.parametrize("more", [{"kube_ovn_mode": "dedicated", "kube_ovn_hybrid_bridge": "br-phy"}, HYBRID])
def test_a_node_is_compared_with_its_settings(more):
    settings = {**SETTINGS, **more}
    there = node_of(settings)
    assert verdict(settings, there) == (False, False)
    assert verdict(settings, WITHOUT_FILES) == (True, False)
    assert verdict(settings, {**there, "config_dir": "root:root 0775"}) == (True, False)
    assert verdict(settings, {**there, "newer_files": ["config.cfg"]}) == (False, True)
    for files in ({**there["files"], "config.cfg": "another\n"}, {**there["files"], "config.cfg": None}):
        assert verdict(settings, {**there, "files": files}) == (True, True)
        assert verdict(settings, {**there, "files": files, "running": False, "switch": {}}) == (True, False)


def test_an_error_of_another_bridge_asks_for_no_restart():
    there = node_of({**SETTINGS, **HYBRID})
    there["switch"]["interfaces"]["pod1"] = {"bridge": "br-int", "error": "no such device"}
    assert verdict({**SETTINGS, **HYBRID}, there) == (False, False)


def test_what_has_to_be_known_before_a_deployment_is_reported():
    settings = {"kube_ovn_version": "v1.13.0", "kube_ovn_mode": "hybrid", "kube_ovn_clean_removed_nodes": False, "kube_ovn_upgrade": False}
    assert values.reports({**settings, "kube_ovn_upgrade": True}, "", {}, [])[0].startswith("From an unknown release to v1.13.0, mode hybrid.")
    assert values.reports(settings, "v1.13.0", {}, []) == values.reports(settings, "", {}, []) == []
    upgrade, kept, left = values.reports(settings, "v1.12.35", {"IFACE": "bond1"}, ["node-8", "node-9"])
    assert upgrade.startswith("From v1.12.35 to v1.13.0, mode hybrid.")
    assert kept == 'Kube-OVN v1.12.35 runs with settings that kube_ovn_installer_variables does not name. They are kept: {"IFACE": "bond1"}.'
    assert left.startswith("node-8, node-9: the label ovn.kubernetes.io/ovs_dp_type says") and "They keep label" in left
    assert "OVS-DPDK is removed from them" in values.reports({**settings, "kube_ovn_clean_removed_nodes": "yes"}, "v1.13.0", {}, ["node-9"])[0]
    assert "Kube-OVN of an unknown release runs" in values.reports(settings, "", {"IFACE": "bond1"}, [])[0]


def test_settings_with_errors_are_not_compared():
    plan = values.node_plan({"kube_ovn_dpdk_socket_mem": {}}, node_of({**SETTINGS, **HYBRID}), ["kube_ovn_dpdk_socket_mem is no list"])
    assert plan == {"files": {}, "stale_keys": {}, "touch": False, "differs": True, "restart": False}


def test_stale_keys_are_those_that_the_database_has():
    settings = {**SETTINGS, "kube_ovn_mode": "dedicated", "kube_ovn_hybrid_bridge": "br-phy"}
    there = node_of(settings, config_keys=["n-handler-threads", "dpdk-init", "gone"])
    there["switch"]["other_config"] = {**there["switch"]["other_config"], "n-handler-threads": "3", "dpdk-extra": "--no-huge", "hw-offload": "true"}
    plan = values.node_plan(settings, there)
    assert (plan["stale_keys"], plan["touch"]) == ({"n-handler-threads": None, "dpdk-extra": None}, True)
    assert verdict(settings, there) == (True, True)
    # A file that is written gets a new time anyway.
    assert not values.node_plan(settings, {**there, "files": {**there["files"], "config.cfg": None}})["touch"]
    assert not values.node_plan(settings, node_of(settings))["touch"]


@pytest.mark.parametrize(
    "switch",
    [
        {"bridges": {}},
        {"bridges": {"br-phy": {"ports": ["br-phy"]}}},
        {"interfaces": {"dpdk0": {"bridge": "br-phy", "error": "no such device"}}},
    ],
)
def test_a_tunnel_bridge_that_does_not_work_asks_for_a_restart(switch):
    there = node_of({**SETTINGS, **HYBRID})
    there["switch"].update(switch)
    assert verdict({**SETTINGS, **HYBRID}, there) == (False, True)
    assert verdict({**SETTINGS, "kube_ovn_mode": "dedicated", "kube_ovn_hybrid_bridge": "br-phy"}, there)[1] is False


def test_the_table_of_releases_is_sound():
    found = specifications.role_variables("kube_ovn")
    for table in ("__kube_ovn_installers", "__kube_ovn_installers_before_1_16"):
        rows = found[table]
        assert all(re.fullmatch(r"v1\.\d+\.\d+", tag) and re.fullmatch(r"[0-9a-f]{64}", checksum) for tag, checksum in rows.items())
        order = [tuple(map(int, tag[1:].split("."))) for tag in rows]
        assert order == sorted(order)
    for mode in found["__kube_ovn_modes"].values():
        assert mode["first"] in found["__kube_ovn_installers"]
        assert mode["below"] == "" or mode["below"] in found["__kube_ovn_installers"]
