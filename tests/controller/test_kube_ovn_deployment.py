"""Role kube_ovn from the first install to the removal, in an API server whose controllers are imitated, with a real database of Open vSwitch."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
from ansible.plugins.test.core import version_compare
from ansible_collections.kube_ovn.dpdk.plugins.modules import kube_ovn_manifests

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration" / "ovsdb"))

from switch import Switch  # noqa: E402

INVENTORY = {
    "all": {
        "vars": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable},
        "children": {"cluster": {"hosts": {"localhost": {}}}, "nodes": {"hosts": {"host-1": {"kube_ovn_node_name": "node-1"}}}},
    }
}
HYBRID = {"kube_ovn_mode": "hybrid", "kube_ovn_hugepage_size": "2Mi", "kube_ovn_wait_timeout": 20}


class Site:
    """One host with OVS-DPDK in a cluster of two nodes."""

    def __init__(self, folder, cluster, installer, switch):
        self.folder, self.cluster, self.switch = folder, cluster, switch
        self.variables = {"kube_ovn_installer": str(installer), "__kube_ovn_rundir": switch.directory, **HYBRID}
        (folder / "inventory.json").write_text(json.dumps(INVENTORY))
        # A database with the revisions of which every cluster may have some.
        labels = {"controller.kubernetes.io/hash": "6f"}
        owners = [{"kind": "StatefulSet", "name": "database", "apiVersion": "apps/v1", "uid": "1"}]
        metadata = {"name": "database-6f", "namespace": "kube-system", "labels": labels, "ownerReferences": owners}
        cluster.put("apps/v1/controllerrevisions", {"kind": "ControllerRevision", "metadata": metadata, "revision": 1})

    def run(self, *arguments, checks=(), playbook="", **variables):
        """The role, or its entry point `check` once for each of `checks`, with these variables as the playbook upgrade has them; or a whole playbook."""
        role = {"name": "kube_ovn.dpdk.kube_ovn"}
        tasks = [{"ansible.builtin.include_role": {**role, "tasks_from": "check"}, "vars": given} for given in checks]
        play = [{"hosts": "cluster", "gather_facts": False, "tasks": tasks or [{"ansible.builtin.include_role": role}]}]
        (self.folder / "play.yml").write_text(json.dumps(play))
        (self.folder / "variables.json").write_text(json.dumps({**self.variables, **variables}))
        command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(self.folder / "inventory.json"), playbook or str(self.folder / "play.yml")]
        done = subprocess.run(
            [*command, "-e", f"@{self.folder}/variables.json", *arguments], capture_output=True, text=True, cwd=ROOT, check=False, env=dict(os.environ)
        )
        return done.returncode, done.stdout

    def converge(self, **variables):
        code, output = self.run(**variables)
        assert code == 0, output[-4000:]
        return int(re.search(r"localhost .*changed=(\d+)", output).group(1)), " ".join(output.split())


def installer(folder):
    """The lab's own installer for the commands of v1.12.35."""
    templates = jinja2.FileSystemLoader(ROOT / "lab/roles/lab_sources/templates/kube_ovn_release")
    environment = jinja2.Environment(loader=templates, trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(regex_replace=lambda text, old, new: re.sub(old, new, text), to_json=json.dumps)
    environment.tests["version"] = version_compare
    traits = {"app": "ovs-dpdk", "strategy": "RollingUpdate", "propagation": "HostToContainer", "unprivileged": False, "probe": "port"}
    traits["node_variable"] = "KUBE_NODE_NAME"
    template = environment.get_template("install.sh.j2")
    given = {"ansible_managed": "a test", "lab_pod_cidr": "10.16.0.0/16", "lab_service_cidr": "10.96.0.0/12"}
    text = template.render(__lab_sources_release="v1.12.35", __lab_sources_release_traits=traits, **given)
    (folder / "release").mkdir()
    (folder / "release" / "install.sh").write_text(text)
    return folder / "release"


@pytest.fixture
def site(tmp_path, cluster):
    with Switch(vswitchd=False) as switch:
        switch.vsctl("--no-wait", "set", "Open_vSwitch", ".", "dpdk_initialized=true", "other_config:dpdk-init=true", "cur_cfg=1000000")
        yield Site(tmp_path, cluster, installer(tmp_path), switch)


def labels(cluster, node):
    return cluster.fake.STORE["v1/nodes", "", node]["metadata"]["labels"]


def test_text_for_a_list_is_refused_before_anything_is_changed(site, cluster):
    code, output = site.run("-e", "kube_ovn_excluded_nodes=node-2")
    assert code != 0
    assert "kube_ovn_excluded_nodes" in output and "it is a text and not a list" in output
    assert cluster.pods("ovs-ovn-dpdk") == []


def test_install_change_and_uninstall(site, cluster):
    assert site.converge()[0] > 0
    assert (labels(cluster, "node-1")["ovn.kubernetes.io/ovs_dp_type"], labels(cluster, "node-2")["ovn.kubernetes.io/ovs_dp_type"]) == ("userspace", "kernel")
    assert cluster.pods("ovs-ovn-dpdk") == [
        f"ovs-ovn-dpdk-node-1-{number}" for number in range(60) if f"ovs-ovn-dpdk-node-1-{number}" in cluster.pods("ovs-ovn-dpdk")
    ]
    assert len(cluster.pods("ovs-ovn-dpdk")) == 1
    # kube-ovn-controller removes the chassis of a node whose name is another.
    assert site.switch.root()["external_ids"]["hostname"] == "node-1"
    assert site.switch.root()["external_ids"]["ovn-bridge-datapath-type"] == "netdev"
    assert site.converge()[0] == 0

    # A single object that somebody has changed is corrected.
    key = next(key for key in cluster.fake.STORE if key[0] == "rbac.authorization.k8s.io/v1/clusterroles")
    rules = cluster.fake.STORE[key]["rules"]
    cluster.fake.STORE[key]["rules"] = rules[:-1]
    assert site.converge()[0] > 0 and cluster.fake.STORE[key]["rules"] == rules

    # A changed value replaces the pod, and waits until its flows are back.
    before = cluster.pods("ovs-ovn-dpdk")
    cluster.commands.clear()
    assert site.converge(kube_ovn_dpdk_memory="3Gi")[0] > 0
    after = cluster.pods("ovs-ovn-dpdk")
    assert before != after
    assert [(pod, command.split()[0]) for pod, command in cluster.commands] == [(before[0], "ovs-ofctl"), (after[0], "ovs-ofctl")]

    code, output = site.run(kube_ovn_state="absent", kube_ovn_dpdk_memory="3Gi")
    assert code == 0, output[-3000:]
    assert cluster.all("apps/v1/daemonsets") == []
    assert cluster.all("apps/v1/deployments") == []
    assert "ovn.kubernetes.io/ovs_dp_type" not in labels(cluster, "node-1")
    assert [item["metadata"]["name"] for item in cluster.all("apps/v1/controllerrevisions")] == ["database-6f"]


def test_a_node_that_is_down_is_left_out_by_name(site, cluster):
    cluster.down.add("node-2")
    code, output = site.run(kube_ovn_wait_timeout=3)
    assert code != 0
    assert re.search(r"DaemonSet kube-system/(kube-ovn-cni|ovs-ovn) was not ready after \d+ s", " ".join(output.split()))
    assert site.converge(kube_ovn_excluded_nodes=["node-2"])[0] > 0
    assert site.converge(kube_ovn_excluded_nodes=["node-2"])[0] == 0


def give_both_nodes_to_dpdk(site):
    inventory = json.loads(json.dumps(INVENTORY))
    inventory["all"]["children"]["nodes"]["hosts"]["host-2"] = {"kube_ovn_node_name": "node-2"}
    (site.folder / "inventory.json").write_text(json.dumps(inventory))


def on(cluster, node):
    return [name for name in cluster.pods("ovs-ovn-dpdk") if node in name]


def test_no_node_follows_one_that_an_earlier_run_has_taken_down(site, cluster):
    give_both_nodes_to_dpdk(site)
    site.converge()
    first, second = on(cluster, "node-1"), on(cluster, "node-2")
    cluster.down.add("node-1")
    # The second run finds the pod on node-1 up to date.
    for restarted in (True, False):
        code, output = site.run(kube_ovn_dpdk_memory="3Gi", kube_ovn_wait_timeout=3)
        assert (code != 0, on(cluster, "node-2"), on(cluster, "node-1") != first) == (True, second, restarted)
        assert "on node node-1 was not ready after 3 s" in " ".join(output.split())
        first = on(cluster, "node-1")
    cluster.down.clear()
    site.converge(kube_ovn_dpdk_memory="4Gi")
    assert on(cluster, "node-1") != first
    assert on(cluster, "node-2") != second


def test_a_node_whose_switch_crashes_can_give_ovs_dpdk_up(site, cluster):
    give_both_nodes_to_dpdk(site)
    site.converge()
    (site.folder / "inventory.json").write_text(json.dumps(INVENTORY))
    (crashing,) = on(cluster, "node-2")
    answer = cluster.executed
    # Its container runs from time to time, and has gone again when the command comes.
    failure = {"status": "Failure", "message": 'container not found ("openvswitch")', "reason": "InternalError"}
    cluster.executed = lambda pod, command: [(3, json.dumps(failure).encode())] if pod == crashing else answer(pod, command)
    output = site.converge(kube_ovn_clean_removed_nodes=True)[1]
    assert (labels(cluster, "node-2")["ovn.kubernetes.io/ovs_dp_type"], on(cluster, "node-2")) == ("kernel", [])
    assert "OVS may find them: node-2." in output
    assert site.converge(kube_ovn_clean_removed_nodes=True)[0] == 0


def test_a_switch_that_does_not_run_is_not_asked_to_clean_up(site, cluster):
    give_both_nodes_to_dpdk(site)
    site.converge()
    (site.folder / "inventory.json").write_text(json.dumps(INVENTORY))
    (crashing,) = on(cluster, "node-2")
    cluster.get("v1/pods", crashing)["status"]["containerStatuses"][0]["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    cluster.commands.clear()
    assert "OVS may find them: node-2." in site.converge(kube_ovn_clean_removed_nodes=True)[1]
    assert cluster.commands == []


ODD = {
    "SVC_CIDR": "10.233.0.0/18",
    "POD_CIDR": "10.32.0.0/16",
    "POD_GATEWAY": "10.32.0.1",
    "JOIN_CIDR": "100.80.0.0/16",
    "TUNNEL_TYPE": "vxlan",
    "IFACE": "bond1",
    "ENABLE_LB": "false",
}


def install(site, cluster, settings, **more):
    """What somebody installs with the release's own script."""
    nodes = [{"name": name, "internal_ip": f"192.0.2.{number + 1}", "labels": None} for number, name in enumerate(cluster.nodes)]
    params = {
        "installer": str(Path(site.variables["kube_ovn_installer"]) / "install.sh"), "arguments": [], "settings": {"VERSION": "v1.12.35", **settings},
        "nodes": nodes, "overlays": [], "registry": None, "served_api_versions": None, "timeout": 30,
    }  # fmt: skip
    done = kube_ovn_manifests.run(params)
    for node in cluster.nodes:
        labels(cluster, node)["kube-ovn/role"] = "master"
    kinds = {kind: f"{version}/{plural}" for version, kinds in cluster.fake.KINDS.items() for plural, (kind, _spaced) in kinds.items()}
    for item in done["objects"]:
        if item["kind"] in kinds:
            item["metadata"].update(more)
            cluster.put(kinds[item["kind"]], item)
    cluster.reconcile()
    cluster.get("v1/services", "kubernetes", "default")["spec"]["clusterIP"] = "10.233.0.1"
    return done


def flags(cluster, kind, name, container):
    spec = cluster.workload(kind, name)["spec"]["template"]["spec"]
    return next(item for item in spec["containers"] if item["name"] == container).get("args") or []


def test_a_running_kube_ovn_keeps_its_settings(site, cluster):
    install(site, cluster, ODD)
    kept = {key: flags(cluster, *key) for key in (("Deployment", "kube-ovn-controller", "kube-ovn-controller"), ("DaemonSet", "kube-ovn-cni", "cni-server"))}
    code, output = site.run("--check")
    told = " ".join(output.split())
    assert code == 0, output[-3000:]
    assert "They are kept: " in told
    for name, value in ODD.items():
        assert f'\\"{name}\\": \\"{value}\\"' in told or f'"{name}": "{value}"' in told, name
    site.converge()
    assert {key: flags(cluster, *key) for key in kept} == kept
    record = json.loads(cluster.workload("Deployment", "kube-ovn-controller")["metadata"]["annotations"]["kube-ovn-dpdk/adopted-variables"])
    assert ODD.items() <= record.items()
    # It is kept for good, and what is asked for later is done.
    assert site.converge()[0] == 0
    site.converge(kube_ovn_installer_variables={"IFACE": "bond2"})
    assert "--iface=bond2" in flags(cluster, "DaemonSet", "kube-ovn-cni", "cni-server")
    assert "--network-type=vxlan" in flags(cluster, "DaemonSet", "kube-ovn-cni", "cni-server")


UPGRADE = {"kube_ovn_upgrade": True}


def test_an_upgrade_needs_a_kube_ovn(site):
    """Also where the same run has checked the same cluster before without asking for an upgrade."""
    for form in ({"playbook": "kube_ovn.dpdk.upgrade"}, {"checks": [{}, UPGRADE]}):
        code, output = site.run(**form)
        assert code != 0
        assert "so that there is nothing to upgrade. Cure: run kube_ovn.dpdk.site." in " ".join(output.split()), output[-3000:]
        assert output.count("PLAY [") == 1, "nothing else was begun"
    code, output = site.run(playbook="kube_ovn.dpdk.upgrade", kube_ovn_state="absent")
    assert code != 0
    assert "kube_ovn_upgrade and kube_ovn_state: absent exclude each other." in " ".join(output.split()), output[-3000:]


def test_an_upgrade_is_reported_once(site, cluster):
    install(site, cluster, {**ODD, "TUNNEL_TYPE": "geneve"})
    # The other mode of the release that runs, and what runs with images that name no release.
    for running in ("v1.12.35", "an unknown release"):
        code, output = site.run(checks=[UPGRADE, {}], kube_ovn_take_over=True)
        assert code == 0, output[-3000:]
        assert " ".join(output.split()).count(f"From {running} to v1.12.35, mode hybrid.") == 1
        workloads = [item["spec"]["template"]["spec"] for kind in ("deployments", "daemonsets") for item in cluster.all(f"apps/v1/{kind}")]
        for spec in [*workloads, *(pod["spec"] for pod in cluster.all("v1/pods"))]:
            for container in spec["containers"]:
                container["image"] = container["image"].replace(":v1.12.35", ":mirrored")
    code, output = site.run(checks=[{}, UPGRADE], kube_ovn_take_over=True)
    assert code == 0 and "From an unknown release to v1.12.35, mode hybrid." in " ".join(output.split())


# What OVS-DPDK needs in objects that are not its own.
FOR_DPDK = {
    "DaemonSet/kube-ovn-cni": ["spec.template.spec.containers.0.volumeMounts", "spec.updateStrategy"],
    "DaemonSet/ovs-ovn": ["spec.template.spec.affinity"],
    "Deployment/kube-ovn-controller": ["metadata.annotations"],
    "Node/node-1": ["metadata.labels"],
    "Node/node-2": ["metadata.labels"],
}


def objects(cluster):
    """What somebody wrote, of everything that is in the cluster but pods, their revisions and locks."""
    found = {}
    for (resource, _namespace, name), item in cluster.fake.STORE.items():
        if resource.rpartition("/")[2] not in ("pods", "controllerrevisions", "leases", "namespaces"):
            kept = {key: value for key, value in item.items() if key != "status"}
            kept["metadata"] = {key: dict(item["metadata"].get(key) or {}) for key in ("labels", "annotations")}
            # kubectl keeps there what it has applied, as this role does.
            kept["metadata"]["annotations"].pop("kubectl.kubernetes.io/last-applied-configuration", None)
            found[f"{item['kind']}/{name}"] = json.loads(json.dumps(kept))
    return found


def differences(one, other, path=""):
    if isinstance(one, dict) and isinstance(other, dict):
        return [found for key in {**one, **other} for found in differences(one.get(key), other.get(key), f"{path}.{key}".lstrip("."))]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other) and all(isinstance(item, dict) for item in one):
        return [found for number, pair in enumerate(zip(one, other, strict=True)) for found in differences(*pair, f"{path}.{number}")]
    return [] if one == other else [path]


def test_the_first_run_over_a_running_kube_ovn_changes_nothing_but_dpdk(site, cluster):
    for node in cluster.nodes:
        labels(cluster, node)["example.com/databases"] = ""
        # No node has those that installers look for.
        labels(cluster, node).pop("node-role.kubernetes.io/control-plane")
    install(site, cluster, {**ODD, "LABEL": "example.com/databases"})
    before = objects(cluster)
    code, output = site.run("--check", "--diff")
    assert code == 0, output[-3000:]
    assert objects(cluster) == before
    told = " ".join(output.split())
    assert "They are kept: " in told and "10.233.0.0/18" in told
    site.converge()
    after = objects(cluster)
    assert set(after) - set(before) == {"DaemonSet/ovs-ovn-dpdk"}
    assert set(before) <= set(after)
    for name, item in before.items():
        changed = differences(item, after[name])
        assert [path for path in changed if not path.startswith(tuple(FOR_DPDK.get(name, [])) or ("none",))] == [], name
    # Beside those two keys nothing of the mounts of kube-ovn-cni is another.
    servers = [state["DaemonSet/kube-ovn-cni"]["spec"]["template"]["spec"]["containers"][0] for state in (before, after)]
    mounts = [{mount["mountPath"]: mount for mount in server["volumeMounts"]} for server in servers]
    assert differences(*mounts) == ["/run/openvswitch.mountPropagation"]
    assert site.converge()[0] == 0


def test_check_mode_over_a_running_kube_ovn_without_dpdk_asks_the_switch_nothing(site, cluster):
    install(site, cluster, ODD)
    # The kernel's OVS, of whose database the start scripts of OVS-DPDK have not made anything yet.
    site.switch.vsctl("--no-wait", "clear", "Open_vSwitch", ".", "other_config", "--", "set", "Open_vSwitch", ".", "dpdk_initialized=false", "cur_cfg=0")
    site.switch.vsctl("--no-wait", "set", "Open_vSwitch", ".", "next_cfg=7")
    code, output = site.run("--check", kube_ovn_wait_timeout=2)
    assert code == 0, output[-3000:]
    assert site.switch.root()["external_ids"] == {}


def test_what_nobody_asked_to_change_is_named_and_needs_consent(site, cluster):
    install(site, cluster, {**ODD, "TUNNEL_TYPE": "geneve"})
    flags(cluster, "DaemonSet", "kube-ovn-cni", "cni-server").append("--mtu=1400")
    cluster.reconcile()
    code, output = site.run("--check", checks=[{}])
    assert code != 0
    assert "DaemonSet/kube-ovn-cni, container cni-server: --mtu would be removed (it is 1400)" in " ".join(output.split())
    overlay = {"kind": "DaemonSet", "name": "kube-ovn-cni", "flags": {"cni-server": {"--mtu": 1400}}}
    assert site.run("--check", checks=[{}], kube_ovn_overlays=[overlay])[0] == 0
    assert site.run("--check", checks=[{}], kube_ovn_take_over=True)[0] == 0


def test_the_registry_of_a_running_kube_ovn_has_to_be_named(site, cluster):
    def images():
        return [item["image"] for item in cluster.workload("DaemonSet", "kube-ovn-cni")["spec"]["template"]["spec"]["containers"]]

    install(site, cluster, {**ODD, "TUNNEL_TYPE": "geneve", "REGISTRY": "registry.example.com/kubeovn"})
    before = images()
    code, output = site.run(kube_ovn_take_over=True)
    assert code != 0
    assert "Kube-OVN runs with images of registry.example.com/kubeovn, and would get those of docker.io/kubeovn" in " ".join(output.split())
    assert images() == before
    site.converge(kube_ovn_registry="registry.example.com/kubeovn")
    assert images() == before


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_kube_ovn_in_another_namespace_is_left_alone(site, cluster, state):
    install(site, cluster, {})
    for key in [key for key in cluster.fake.STORE if key[1] == "kube-system" and "database" not in key[2]]:
        item = cluster.fake.STORE.pop(key)
        item["metadata"]["namespace"] = "kube-ovn"
        cluster.fake.STORE[key[0], "kube-ovn", key[2]] = item
    cluster.get("v1/services", "kubernetes", "default")["spec"]["clusterIP"] = "10.96.0.1"
    before = objects(cluster)
    code, output = site.run(kube_ovn_state=state)
    assert code != 0
    there = "DaemonSet kube-ovn/kube-ovn-cni, DaemonSet kube-ovn/ovs-ovn, Deployment kube-ovn/kube-ovn-controller, Deployment kube-ovn/ovn-central"
    assert f"Kube-OVN runs in another namespace than kube-system ({there})" in " ".join(output.split())
    assert objects(cluster) == before


@pytest.mark.parametrize(
    ("metadata", "name"),
    [
        ({"annotations": {"meta.helm.sh/release-name": "kube-ovn"}}, "Helm release kube-ovn"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "network:apps/Deployment:kube-system/ovn"}}, "Argo CD application network"),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "net"}}, "Flux Kustomization net"),
    ],
)
def test_who_manages_kube_ovn_is_named(site, cluster, metadata, name):
    install(site, cluster, {**ODD, "TUNNEL_TYPE": "geneve"}, **metadata)
    code, output = site.run("--check", checks=[{}])
    assert code != 0
    assert f"Kube-OVN is managed by {name}" in " ".join(output.split())
    assert site.run("--check", checks=[{}], kube_ovn_take_over=True)[0] == 0


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"kube_ovn_installer_variables": {"SVC_CIDR": "10.97.0.0/16"}}, "the Service default/kubernetes has the address 10.96.0.1"),
        ({"kube_ovn_installer_variables": {"JOIN_CIDR": "192.0.2.0/24"}}, "has the address 192.0.2.1 of node node-1 in it"),
        ({"kube_ovn_installer_variables": {"NO_SUCH": "x"}}, "The installer has no setting named NO_SUCH. It knows: "),
        ({"kube_ovn_installer": "/no/such/place"}, "there is no installer at /no/such/place/install.sh"),
        ({"kube_ovn_installer_checksum": "0" * 64}, "has SHA-256 "),
        ({"kube_ovn_overlays": [{"kind": "DaemonSet", "name": "nosuch", "patch": {"spec": {}}}]}, "fits no rendered object"),
        ({"kube_ovn_excluded_nodes": ["node-9"]}, "kube_ovn_excluded_nodes names node-9"),
        ({"kube_ovn_installer_variables": {"LABEL": "no/such"}}, "no/such"),
        ({"kube_ovn_mode": "dedicated"}, "in dedicated mode OVS-DPDK runs on every node, also on node-2"),
        ({"kube_ovn_dpdk_cpu_limit": "abc"}, "kube_ovn_dpdk_cpu_limit is 'abc'"),
    ],
)
def test_what_cannot_work_is_found_before_anything_is_changed(site, cluster, variables, message):
    code, output = site.run(checks=[{}], **variables)
    assert code != 0
    # The output is JSON, which escapes quotes.
    assert message.replace("'", "") in " ".join(output.split()).replace("'", "")
    assert "changed=0" in output
