"""The renderer against made-up installers: one for each trap that a real one has set."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kube_ovn_overlay as overlay
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kube_ovn_render as render
from ansible_collections.kube_ovn.dpdk.plugins.modules import kube_ovn_manifests

INSTALLER = Path(__file__).parent / "files" / "install.sh"
NODES = [{"name": "node-1", "internal_ip": "192.0.2.1", "labels": None}, {"name": "node-2", "internal_ip": "192.0.2.2", "labels": None}]


def params(installer: Path, **more):
    return {
        "installer": str(installer),
        "arguments": ["--with-dpdk=19.11"],
        "settings": {"VERSION": "v1.2.3"},
        "nodes": NODES,
        "overlays": [],
        "registry": None,
        "served_api_versions": None,
        "timeout": 30,
        **more,
    }


@pytest.fixture(scope="module")
def rendered():
    return kube_ovn_manifests.run(params(INSTALLER))


def named(result, kind, name):
    found = [item for item in result["objects"] if item["kind"] == kind and item["metadata"]["name"] == name]
    assert len(found) == 1, f"{kind} {name}: {len(found)}"
    return found[0]


def container(item, name):
    return next(c for c in item["spec"]["template"]["spec"]["containers"] if c["name"] == name)


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "install.sh"
    path.write_text("#!/bin/bash\nset -e\n" + text)
    return path


MANIFEST = """cat <<EOC > a.yaml
{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
EOC
kubectl apply -f a.yaml
"""


def test_steps_are_in_the_order_of_the_installer(rendered):
    short = [(s["action"], s.get("file") or s.get("name") or s.get("selector")) for s in rendered["steps"]]
    assert short == [
        ("label", "beta.kubernetes.io/os=linux"),
        ("label", "node-role.kubernetes.io/control-plane"),
        ("label", "ovn.kubernetes.io/ovs_dp_type!=userspace"),
        ("apply", "crd.yaml"),
        ("apply", "ovn.yaml"),
        ("wait", "ovn-central"),
        ("apply", "ovn.yaml"),
        ("wait", "kube-ovn-cni"),
        ("recreate-pods", None),
        ("wait", "coredns"),
        ("wait", "kube-ovn-pinger"),
        ("wait", "app=kube-ovn-pinger"),
        ("plugin-cp", None),
        ("plugin-ko", None),
    ]
    assert [s["timeout"] for s in rendered["steps"] if s["action"] == "wait"] == [300, 300, 300, None, 120]


def test_nodes_get_the_labels_that_the_installer_gives_them(rendered):
    labels = {step["selector"]: (step["labels"], step["nodes"]) for step in rendered["steps"] if step["action"] == "label"}
    assert labels["beta.kubernetes.io/os=linux"] == ({"kubernetes.io/os": "linux"}, ["node-1", "node-2"])
    assert labels["node-role.kubernetes.io/control-plane"] == ({"kube-ovn/role": "master"}, ["node-1", "node-2"])
    nodes = [
        {"name": "old", "internal_ip": "192.0.2.1", "labels": {"node-role.kubernetes.io/master": "", "beta.kubernetes.io/os": "linux"}},
        {"name": "new", "internal_ip": "192.0.2.2", "labels": {"kubernetes.io/os": "linux"}},
    ]
    assert kube_ovn_manifests.run(params(INSTALLER, nodes=nodes))["steps"][0]["nodes"] == ["old"]


def test_each_object_belongs_to_the_step_that_applied_it(rendered):
    applied = [s for s in rendered["steps"] if s["action"] == "apply"]
    parts = [[i["metadata"]["name"] for i in rendered["objects"][s["first"] : s["first"] + s["count"]]] for s in applied]
    assert parts == [["subnets.example.test"], ["kube-ovn", "system:ovn", "ovn-central", "ovs-ovn"], ["kube-ovn-cni", "kube-ovn-pinger"]]


def test_the_text_is_taken_when_it_is_applied(rendered):
    # ovn.yaml is applied twice, with another content each time.
    assert named(rendered, "Deployment", "ovn-central")
    assert named(rendered, "DaemonSet", "kube-ovn-cni")


def test_nodes_are_counted_and_their_addresses_taken(rendered):
    central = named(rendered, "Deployment", "ovn-central")
    assert central["spec"]["replicas"] == 2
    assert container(central, "ovn-central")["env"] == [{"name": "NODE_IPS", "value": "192.0.2.1,192.0.2.2"}]


def test_only_nodes_with_the_label_count():
    nodes = [
        {"name": "a", "internal_ip": "192.0.2.1", "labels": {"node-role.kubernetes.io/master": ""}},
        {"name": "b", "internal_ip": "192.0.2.2", "labels": {"kubernetes.io/os": "linux"}},
    ]
    result = kube_ovn_manifests.run(params(INSTALLER, nodes=nodes))
    assert result["steps"][1]["selector"] == "node-role.kubernetes.io/master"
    assert container(named(result, "Deployment", "ovn-central"), "ovn-central")["env"][0]["value"] == "192.0.2.1"


def test_no_node_with_the_label_is_an_error_in_the_words_of_the_installer():
    nodes = [{"name": "b", "internal_ip": "192.0.2.2", "labels": {}}]
    with pytest.raises(render.RenderError, match="ERROR: No node with label"):
        kube_ovn_manifests.run(params(INSTALLER, nodes=nodes))


def test_null_documents_are_dropped_dates_stay_strings_and_the_last_of_two_keys_wins(rendered):
    schema = named(rendered, "CustomResourceDefinition", "subnets.example.test")["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    assert schema == {"type": "object", "description": "the second", "default": "2020-01-01"}


def test_settings_take_effect_and_nothing_below_the_head_changes():
    result = kube_ovn_manifests.run(params(INSTALLER, settings={"VERSION": "v9", "POD_CIDR": "10.9.0.0/16;$(exit 3)", "ENABLE_IC": True}))
    assert container(named(result, "DaemonSet", "kube-ovn-cni"), "cni-server")["args"][0] == "--default-cidr=10.9.0.0/16;$(exit 3)"
    assert container(named(result, "DaemonSet", "kube-ovn-cni"), "cni-server")["args"][1] == "--enable-ic=true"
    assert result["images"] == ["registry.example/kubeovn/kube-ovn:v9", "kubeovn/kube-ovn-dpdk:19.11-v9"]


def test_a_setting_also_replaces_what_ipv6_would_assign_later():
    result = kube_ovn_manifests.run(params(INSTALLER, settings={"IPV6": True, "POD_CIDR": "fd00:9::/64"}))
    assert container(named(result, "DaemonSet", "kube-ovn-cni"), "cni-server")["args"][0] == "--default-cidr=fd00:9::/64"


@pytest.mark.parametrize(
    ("settings", "gateway"),
    [
        ({}, "10.16.0.1"),
        ({"IPV6": True}, "fd00:10:16::1"),
        # One outside of the network, which nobody asked for, would leave the network unusable.
        ({"POD_CIDR": "10.9.0.0/16"}, ""),
        ({"IPV6": True, "POD_CIDR": "fd00:9::/64"}, ""),
        ({"POD_CIDR": "10.9.0.0/16", "POD_GATEWAY": "10.9.255.254"}, "10.9.255.254"),
        ({"POD_GATEWAY": "10.16.255.254"}, "10.16.255.254"),
    ],
)
def test_a_network_of_pods_without_its_gateway_leaves_it_to_kube_ovn(settings, gateway):
    result = kube_ovn_manifests.run(params(INSTALLER, settings=settings))
    assert container(named(result, "DaemonSet", "kube-ovn-cni"), "cni-server")["args"][2] == f"--default-gateway={gateway}"


def test_an_installer_without_a_gateway_takes_a_network_all_the_same():
    script, known = render.apply_settings('POD_CIDR="10.16.0.0/16"\n', {"POD_CIDR": "10.9.0.0/16"})
    assert script.splitlines()[0].replace("'", "").replace('"', "") == "POD_CIDR=10.9.0.0/16"
    assert known == ["POD_CIDR"]


def test_null_is_an_empty_value():
    script, _known = render.apply_settings('DPDK_TAG="x"\n', {"DPDK_TAG": None})
    assert script.splitlines()[0] in ("DPDK_TAG=", "DPDK_TAG=''", 'DPDK_TAG=""')


NAT = """
cat <<EOF > nat.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: ovn-vpc-nat-config, namespace: kube-system}
data: {image: "$REGISTRY/vpc-nat-gateway:$VERSION"}
EOF
kubectl apply -f nat.yaml
"""


@pytest.mark.parametrize("settings", [{}, {"REGISTRY": "other.example/x"}])
def test_the_registry_is_that_of_images_beside_those_of_containers(tmp_path, settings):
    path = tmp_path / "install.sh"
    path.write_text(INSTALLER.read_text() + NAT)
    result = kube_ovn_manifests.run(params(path, settings=settings, registry="r.example/s/"))
    assert named(result, "ConfigMap", "ovn-vpc-nat-config")["data"]["image"].startswith("r.example/s/vpc-nat-gateway:")
    path.write_text(path.read_text().replace("REGISTRY", "PLACE"))
    result = kube_ovn_manifests.run(params(path, registry="r.example/s/"))
    assert container(named(result, "DaemonSet", "kube-ovn-cni"), "cni-server")["image"].startswith("r.example/s/kube-ovn:")


def test_an_unknown_setting_is_refused_with_the_list_of_known_ones():
    with pytest.raises(render.RenderError, match="no setting named NO_SUCH.*POD_CIDR.*VERSION"):
        kube_ovn_manifests.run(params(INSTALLER, settings={"NO_SUCH": 1}))


def test_certificates_are_made_up():
    result = kube_ovn_manifests.run(params(INSTALLER, settings={"ENABLE_SSL": "true"}))
    assert {"action": "create", "kind": "Secret", "name": "kube-ovn-tls", "namespace": "kube-system"}.items() <= result["steps"][0].items()


def test_an_argument_that_is_not_offered_is_an_error_in_the_words_of_the_installer():
    with pytest.raises(render.RenderError, match="Unknown argument --with-dpdk=20.11"):
        kube_ovn_manifests.run(params(INSTALLER, arguments=["--with-dpdk=20.11"]))


def test_hybrid_mode_applies_from_standard_input():
    result = kube_ovn_manifests.run(params(INSTALLER, arguments=["--with-hybrid-dpdk"]))
    assert named(result, "DaemonSet", "ovs-ovn-dpdk")
    assert [s["file"] for s in result["steps"] if s["action"] == "apply"] == ["crd.yaml", "ovn.yaml", "-", "ovn.yaml"]


def test_the_plugin_of_kubectl_is_kept_where_the_installer_has_it(rendered, tmp_path):
    if rendered["isolation"]["level"] != "namespaces":
        pytest.skip(f"this machine allows no namespaces: {rendered['isolation']['tried']}")
    assert rendered["plugin"] == "VERSION=kept\n"
    copied = MANIFEST + "kubectl cp kube-system/pod:/kube-ovn/kubectl-ko /usr/local/bin/kubectl-ko\nkubectl ko diagnose all\n"
    assert kube_ovn_manifests.run(params(script(tmp_path, copied), settings={}))["plugin"] is None


def test_the_same_input_gives_the_same_output(rendered):
    again = kube_ovn_manifests.run(params(INSTALLER))
    assert {k: again[k] for k in ("objects", "steps", "images")} == {k: rendered[k] for k in ("objects", "steps", "images")}


def test_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(render.tempfile, "tempdir", str(tmp_path))
    tmp_path.chmod(0o711)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and parent != Path("/") and parent.name.startswith("pytest"):
            parent.chmod(0o711)
    kube_ovn_manifests.run(params(INSTALLER))
    assert list(tmp_path.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


@pytest.mark.parametrize(
    "call", ["kubectl patch node x -p '{}'", "kubectl exec -n kube-system pod -- id", "kubectl get widgets", "kubectl apply --all", "kubectl -n x drain node"]
)
def test_an_unexpected_call_is_an_error_that_names_it(tmp_path, call):
    with pytest.raises(render.RenderError, match="recorder does not support") as error:
        kube_ovn_manifests.run(params(script(tmp_path, MANIFEST + call + "\n"), settings={}))
    assert call.split()[2].strip("-") in str(error.value)


def test_an_unexpected_call_is_found_even_when_the_installer_hides_it(tmp_path):
    with pytest.raises(render.RenderError, match="kubectl patch"):
        kube_ovn_manifests.run(params(script(tmp_path, MANIFEST + "kubectl patch node x >/dev/null 2>&1 || true\n"), settings={}))


def test_another_command_is_an_error_that_names_it(tmp_path):
    with pytest.raises(render.RenderError, match="not allowed while rendering: wget http://192.0.2.1/x"):
        kube_ovn_manifests.run(params(script(tmp_path, MANIFEST + "wget http://192.0.2.1/x || true\n"), settings={}))


def test_an_installer_that_does_not_end_is_cut_off(tmp_path):
    start = time.monotonic()
    with pytest.raises(render.RenderError, match="did not end within 1 s"):
        kube_ovn_manifests.run(params(script(tmp_path, MANIFEST + "while true; do :; done\n"), settings={}, timeout=1))
    assert time.monotonic() - start < 10


def test_an_installer_that_fails_half_way_is_an_error_with_its_last_words(tmp_path):
    with pytest.raises(render.RenderError, match="status 3.*half way"):
        kube_ovn_manifests.run(params(script(tmp_path, MANIFEST + "echo half way\nexit 3\n"), settings={}))


def test_a_script_that_applies_nothing_is_no_installer(tmp_path):
    with pytest.raises(render.RenderError, match="applied nothing"):
        kube_ovn_manifests.run(params(script(tmp_path, "kubectl get node\n"), settings={}))
    with pytest.raises(render.RenderError, match="never calls kubectl"):
        kube_ovn_manifests.run(params(script(tmp_path, "exit 0\n"), settings={}))


def test_a_broken_manifest_is_named(tmp_path):
    with pytest.raises(render.RenderError, match="a.yaml is not valid YAML"):
        kube_ovn_manifests.run(params(script(tmp_path, "echo 'a: [' > a.yaml\nkubectl apply -f a.yaml\n"), settings={}))
    with pytest.raises(render.RenderError, match="a.yaml holds something that is no Kubernetes object"):
        kube_ovn_manifests.run(params(script(tmp_path, "echo 'a: b' > a.yaml\nkubectl apply -f a.yaml\n"), settings={}))


@pytest.mark.parametrize(
    "question",
    [
        "! kubectl get deployment ovn-central -n kube-system",
        '[ -z "$(kubectl get network-attachment-definitions.k8s.cni.cncf.io --all-namespaces -o name)" ]',
        '[ -z "$(kubectl get secret -n kube-system kube-ovn-tls --ignore-not-found)" ]',
        '[ -z "$(kubectl get pod -n kube-system -l app=kube-ovn-pinger --template x)" ]',
        '[ "$(kubectl get no -lx=y --no-headers | wc -l)" = 2 ] && [ "$(kubectl get node -l x=y --no-headers | wc -l)" = 2 ]',
        '[ "$(kubectl get no -o wide --no-headers | awk "{print \\$6}" | tr "\\n" ,)" = 192.0.2.1,192.0.2.2, ]',
        '[ -n "$(kubectl -n kube-system get pods -o wide | grep cni)" ]',
        '[ -z "$(kubectl get node --show-labels | grep ic-gw)" ]',
    ],
)
def test_questions_are_answered_as_on_a_first_install(tmp_path, question):
    assert len(kube_ovn_manifests.run(params(script(tmp_path, f"{question} || exit 9\n" + MANIFEST), settings={}))["objects"]) == 1


def test_a_path_without_usr_local_bin_does_not_let_another_kubectl_in(tmp_path):
    # The trap: scripts put /usr/local/bin first when it is missing. It must not be missing.
    text = MANIFEST + 'case ":$PATH:" in *:/usr/local/bin:*) ;; *) exit 9 ;; esac\n[ "$(type -p kubectl)" != /usr/local/bin/kubectl ]\n'
    assert len(kube_ovn_manifests.run(params(script(tmp_path, text), settings={}))["objects"]) == 1


def jailed(tmp_path, text):
    """Run text in the jail; what it echoes into a ConfigMap comes back."""
    path = script(
        tmp_path,
        f"answer=$({text}) || true\n"
        + "cat > a.yaml <<EOC\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {answer: '$answer'}}\nEOC\nkubectl apply -f a.yaml\n",
    )
    result = kube_ovn_manifests.run(params(path, settings={}))
    if result["isolation"]["level"] != "namespaces":
        pytest.skip(f"this machine allows no namespaces: {result['isolation']['tried']}")
    return result["objects"][0]["data"]["answer"]


def test_the_installer_has_no_network(tmp_path):
    assert jailed(tmp_path, "cat /proc/net/dev | grep -c :").strip() in ("1", "0")
    assert "open" not in jailed(tmp_path, "(: < /dev/tcp/127.0.0.1/22) 2>/dev/null && echo open || echo closed")


def test_the_installer_sees_no_home_and_cannot_write_programs(tmp_path):
    assert jailed(tmp_path, "ls /root /home /etc/shadow /var /run 2>/dev/null | wc -l").strip() == "0"
    assert jailed(tmp_path, "touch /usr/bin/x 2>/dev/null && echo written || echo refused") == "refused"
    assert not Path("/usr/bin/x").exists()


def test_the_installer_is_unprivileged(tmp_path):
    assert jailed(tmp_path, "grep CapEff /proc/self/status | tr -d '[:space:]'") == "CapEff:0000000000000000"


def test_a_link_in_place_of_a_manifest_is_not_followed(tmp_path):
    secret = tmp_path / "secret.yaml"
    secret.write_text("{apiVersion: v1, kind: Secret, metadata: {name: stolen}}")
    text = MANIFEST + f'record=$(dirname "$(dirname "$(type -p kubectl)")")/record\nrm -f "$record"/1/manifest\n/usr/bin/ln -s {secret} "$record"/1/manifest\n'
    with pytest.raises(render.RenderError, match="applied nothing"):
        kube_ovn_manifests.run(params(script(tmp_path, text), settings={}))


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root to become another user")
def test_without_namespaces_it_still_renders_and_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(render, "which", lambda name, real=render.which: None if name == "unshare" else real(name))
    result = kube_ovn_manifests.run(params(INSTALLER))
    assert result["isolation"]["level"] == "unprivileged"
    assert result["isolation"]["network"] is False
    assert len(result["objects"]) == 7
    assert not Path("/usr/local/bin/kubectl-ko").exists()
    assert result["plugin"] is None


def test_rendering_is_quick():
    seconds = []
    for _dummy in range(3):
        start = time.monotonic()
        kube_ovn_manifests.run(params(INSTALLER))
        seconds.append(time.monotonic() - start)
    # The best of three, since other tests run beside it. The installer sleeps for a minute, with a sleep that does not.
    assert min(seconds) < 2, seconds


def test_an_overlay_merges_the_way_kubernetes_does(rendered):
    patch = {
        "spec": {
            "updateStrategy": {"type": "OnDelete", "rollingUpdate": None},
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "openvswitch",
                            "resources": {"limits": {"hugepages-1Gi": None, "hugepages-2Mi": "2Gi"}},
                            "volumeMounts": [{"name": "d", "mountPath": "/dev"}],
                        }
                    ],
                    "volumes": [{"name": "hugepage", "$patch": "delete"}, {"name": "d", "hostPath": {"path": "/dev"}}],
                }
            },
        }
    }
    before = named(rendered, "DaemonSet", "ovs-ovn")
    after = overlay.apply_overlays(rendered["objects"], [{"kind": "DaemonSet", "name": "ovs-ovn", "patch": patch, "required": True}])
    changed = next(i for i in after if i["metadata"]["name"] == "ovs-ovn")
    assert changed["spec"]["updateStrategy"] == {"type": "OnDelete"}
    openvswitch = container(changed, "openvswitch")
    assert openvswitch["resources"]["limits"] == {"cpu": "1000m", "memory": "2Gi", "hugepages-2Mi": "2Gi"}
    assert [m["mountPath"] for m in openvswitch["volumeMounts"]] == ["/dev/hugepages", "/dev"]
    assert [v["name"] for v in changed["spec"]["template"]["spec"]["volumes"]] == ["d"]
    assert container(before, "openvswitch")["resources"]["limits"]["hugepages-1Gi"] == "1Gi", "the input is left alone"
    assert overlay.apply_overlays(after, [{"kind": "DaemonSet", "name": "ovs-ovn", "patch": patch, "required": True}]) == after


def test_an_overlay_for_nothing_names_what_there_is(rendered):
    with pytest.raises(overlay.OverlayError, match="fits no rendered object.*DaemonSet kube-system/kube-ovn-cni"):
        overlay.apply_overlays(rendered["objects"], [{"kind": "DaemonSet", "name": "typo", "patch": {}, "required": True}])
    assert overlay.apply_overlays(rendered["objects"], [{"kind": "DaemonSet", "name": "typo", "patch": {}, "required": False}]) == rendered["objects"]


def test_flags_are_set_added_and_removed(rendered):
    def flags(values):
        after = overlay.apply_overlays(rendered["objects"], [{"kind": "DaemonSet", "name": "kube-ovn-pinger", "flags": {"pinger": values}, "required": True}])
        return container(next(i for i in after if i["metadata"]["name"] == "kube-ovn-pinger"), "pinger")["command"][1:]

    assert flags({"--external-address": "192.0.2.9"}) == ["--external-address=192.0.2.9"]
    assert flags({"--external-address": None}) == []
    assert flags({"--external-dns": "x.test"}) == ["--external-address=203.0.113.1", "--external-dns=x.test"]
    with pytest.raises(overlay.OverlayError, match="has no container nosuch, but pinger"):
        overlay.apply_overlays(rendered["objects"], [{"kind": "DaemonSet", "name": "kube-ovn-pinger", "flags": {"nosuch": {"-x": 1}}, "required": True}])


def test_only_missing_rights_are_added(rendered):
    rules = [{"apiGroups": ["kubeovn.io"], "resources": ["networks", "vpcs"], "verbs": ["*"]}]
    after = overlay.apply_overlays(rendered["objects"], [{"kind": "ClusterRole", "name": "system:ovn", "rules": rules, "required": True}])
    role = next(i for i in after if i["kind"] == "ClusterRole")
    assert role["rules"][1:] == [{"apiGroups": ["kubeovn.io"], "resources": ["vpcs"], "verbs": ["*"]}]


def test_the_registry_is_set_where_the_installer_ignores_it():
    result = kube_ovn_manifests.run(params(INSTALLER, registry="mirror.example/x/"))
    assert result["images"] == ["mirror.example/x/kube-ovn:v1.2.3", "mirror.example/x/kube-ovn-dpdk:19.11-v1.2.3"]


SERVED = ["v1", "apps/v1", "rbac.authorization.k8s.io/v1", "apiextensions.k8s.io/v1"]


def test_pod_security_policies_are_left_out_where_they_are_not_served():
    result = kube_ovn_manifests.run(params(INSTALLER, served_api_versions=SERVED))
    assert result["omitted"] == ["PodSecurityPolicy kube-ovn"]
    applied = [s for s in result["steps"] if s["action"] == "apply"]
    parts = [[i["metadata"]["name"] for i in result["objects"][s["first"] : s["first"] + s["count"]]] for s in applied]
    assert parts == [["subnets.example.test"], ["system:ovn", "ovn-central", "ovs-ovn"], ["kube-ovn-cni", "kube-ovn-pinger"]]


def test_another_object_that_is_not_served_is_an_error():
    with pytest.raises(overlay.OverlayError, match="does not serve apiextensions.k8s.io/v1 CustomResourceDefinition"):
        kube_ovn_manifests.run(params(INSTALLER, served_api_versions=[v for v in SERVED if "apiext" not in v]))


@pytest.mark.parametrize(
    ("argv", "words", "options"),
    [
        (["-n", "kube-system", "get", "pods", "-o", "wide"], ["get", "pods"], {"-n": ["kube-system"], "-o": ["wide"]}),
        (["get", "no", "-lx=y", "--no-headers"], ["get", "no"], {"-l": ["x=y"], "--no-headers": [True]}),
        (["apply", "-f=a.yaml", "--timeout=3s"], ["apply"], {"-f": ["a.yaml"], "--timeout": ["3s"]}),
        (["apply", "-f", "-"], ["apply"], {"-f": ["-"]}),
    ],
)
def test_words_and_options_are_told_apart(argv, words, options):
    assert render.parse_call(argv) == (words, options)


def test_the_shell_code_of_the_recorder_is_clean(tmp_path):
    for name in ("RECORDER", "JAIL"):
        path = tmp_path / name
        text = getattr(render, name).replace("@RECORD@", "/record").replace("@DROP@", "setpriv").replace("@NAMESPACE@", "ns").replace("@POD@", "pod")
        path.write_text(text if text.startswith("#!") else "#!/bin/sh\n" + text)
        done = subprocess.run([shutil.which("shellcheck") or "shellcheck", str(path)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
