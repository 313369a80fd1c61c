"""The lab's packaging of Kube-OVN: its installer keeps the contract of the release's, faults included."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kube_ovn_render
from ansible_collections.kube_ovn.dpdk.plugins.modules import kube_ovn_manifests

ROOT = Path(__file__).parents[2]
PROGRAMS = ROOT / "lab/roles/lab_images/files/ovs/kube-ovn"
VERSIONS = ["v1.12.0", "v1.12.35", "v1.13.15", "v1.16.2"]
NONE, DEDICATED, HYBRID = [], ["--with-dpdk=19.11"], ["--with-hybrid-dpdk"]
PLAY = """
- name: Write the installers
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Run this part of the role
      ansible.builtin.include_role:
        name: lab_sources
        tasks_from: "{{ part }}"
      loop: [kube_ovn.yml, release.yml, report.yml]
      loop_control:
        loop_var: part
"""


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """What role lab_sources leaves behind, and what its second run changes."""
    state = tmp_path_factory.mktemp("lab")
    (state / "stand_ins").mkdir()
    play = state / "play.yml"
    play.write_text(PLAY)
    settings = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "lab_state_dir": str(state),
        "lab_kube_ovn_source": "module",
        "lab_kube_ovn_versions": VERSIONS,
    }
    command = [Path(sys.executable).parent / "ansible-playbook", "-i", "localhost,", str(play), "-e", json.dumps(settings)]
    environment = dict(os.environ, ANSIBLE_STDOUT_CALLBACK="ansible.builtin.default", ANSIBLE_FORCE_COLOR="0")
    runs = [subprocess.run(command, check=False, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120) for dummy in range(2)]
    assert runs[0].returncode == 0, runs[0].stdout + runs[0].stderr
    return state, runs[1].stdout


def render(release, version, arguments, **more):
    params = {
        "installer": str(release[0] / "kube-ovn" / version / "install.sh"),
        "arguments": arguments,
        "settings": {"VERSION": version},
        "nodes": [{"name": "node-1", "internal_ip": "192.0.2.1", "labels": None}],
        "overlays": [],
        "registry": None,
        "served_api_versions": None,
        "timeout": 30,
        **more,
    }
    return kube_ovn_manifests.run(params)


def named(result, kind, name):
    found = [item for item in result["objects"] if item["kind"] == kind and item["metadata"]["name"] == name]
    assert len(found) == 1, f"{kind} {name}: {len(found)}"
    return found[0]


def pod(result, name):
    return named(result, "DaemonSet", name)["spec"]["template"]["spec"]


def mounts(container):
    return {mount["mountPath"]: mount for mount in container["volumeMounts"]}


def test_a_second_run_changes_nothing(release):
    assert "changed=0" in release[1]
    assert "failed=0" in release[1]


def test_the_stand_ins_are_named(release):
    names = json.loads((release[0] / "stand-ins.json").read_text())
    assert any("(v1.12.0, v1.12.35, v1.13.15, v1.16.2)" in name for name in names)
    assert any("dpdk:19.11" in name for name in names)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("mode", [NONE, DEDICATED, HYBRID], ids=["none", "dedicated", "hybrid"])
def test_the_calls_of_an_installation(release, version, mode):
    if version == "v1.16.2" and mode == DEDICATED:
        with pytest.raises(_kube_ovn_render.RenderError, match="Unknown argument --with-dpdk=19.11"):
            render(release, version, mode)
        return
    steps = [(step["action"], step.get("file") or step.get("name") or step.get("selector")) for step in render(release, version, mode)["steps"]]
    ovs = {"": ["ovs-ovn-ds.yaml"], "--with-dpdk=19.11": ["ovn-dpdk.yaml"], "--with-hybrid-dpdk": ["ovs-ovn-ds.yaml", "ovs-ovn-dpdk-ds.yaml"]}
    assert steps == (
        [("label", "node-role.kubernetes.io/control-plane")]
        + ([("label", "ovn.kubernetes.io/ovs_dp_type!=userspace")] if mode and version != "v1.16.2" else [])
        + [("apply", f"{name}.yaml") for name in ("kube-ovn-crd", "ovn-ovs-sa", "kube-ovn-sa", "kube-ovn-cni-sa", "kube-ovn-app-sa", "ovn")]
        + [("apply", name) for name in ovs["".join(mode)]]
        + [("wait", "ovn-central"), ("wait", "ovs-ovn"), ("apply", "kube-ovn.yaml"), ("wait", "kube-ovn-controller"), ("wait", "kube-ovn-cni")]
        + [("recreate-pods", None), ("wait", "coredns")]
        + ([("apply", "kube-ovn-pinger.yaml")] if version == "v1.16.2" else [])
        + [("wait", "kube-ovn-pinger"), ("plugin-cp", None), ("plugin-ko", None)]
    )


@pytest.mark.parametrize(
    "version, app, strategy",
    [("v1.12.0", "ovs", {"type": "OnDelete"}), ("v1.12.35", "ovs-dpdk", {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}})],
)
def test_the_releases_differ_where_an_upgrade_trips(release, version, app, strategy):
    daemonset = named(render(release, version, DEDICATED), "DaemonSet", "ovs-ovn")
    assert daemonset["spec"]["selector"]["matchLabels"] == {"app": app}
    assert daemonset["spec"]["template"]["metadata"]["labels"]["app"] == app
    assert daemonset["spec"]["updateStrategy"] == strategy


def test_the_dedicated_pod(release):
    result = render(release, "v1.12.35", ["--with-dpdk=19.11", "--dpdk-cpu=3000m", "--dpdk-memory=4Gi"])
    spec = pod(result, "ovs-ovn")
    assert spec["hostPID"] is True and spec["hostNetwork"] is True
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux", "ovn.kubernetes.io/ovs_dp_type": "kernel"}
    (container,) = spec["containers"]
    assert container["name"] == "openvswitch"
    assert container["image"] == "kubeovn/kube-ovn-dpdk:19.11-v1.12.35"
    assert container["command"] == ["/kube-ovn/start-ovs-dpdk.sh"]
    assert container["resources"]["limits"] == {"cpu": "3000m", "memory": "4Gi", "hugepages-1Gi": "1Gi"}
    assert "/dev" not in mounts(container)
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    paths = {path: volumes[mount["name"]].get("hostPath", {}).get("path") for path, mount in mounts(container).items()}
    assert paths["/var/run/openvswitch"] == "/run/openvswitch"
    assert paths["/etc/openvswitch"] == "/etc/origin/openvswitch"
    assert paths["/opt/ovs-config"] == "/opt/ovs-config"
    assert volumes[mounts(container)["/dev/hugepages"]["name"]]["emptyDir"] == {"medium": "HugePages"}


def test_the_faults_of_hybrid_mode(release):
    result = render(release, "v1.12.35", ["--with-hybrid-dpdk", "--dpdk-cpu=3000m"])
    # The kernel's OVS is not kept off the nodes of the userspace datapath,
    assert pod(result, "ovs-ovn")["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert "affinity" not in pod(result, "ovs-ovn")
    # what kube-ovn-cni mounts under /run/openvswitch stays its own,
    (server,) = pod(result, "kube-ovn-cni")["containers"]
    assert mounts(server)["/run/openvswitch"]["mountPropagation"] == "HostToContainer"
    # and the sizes that were asked for have no effect.
    (container,) = pod(result, "ovs-ovn-dpdk")["containers"]
    assert container["resources"]["limits"] == {"cpu": "1000m", "hugepages-2Mi": "1Gi", "memory": "800Mi"}
    assert container["image"] == "kubeovn/kube-ovn:v1.12.35-dpdk"


def test_places_on_the_node_follow_the_settings(release):
    settings = {"CNI_CONF_DIR": "/x/net.d", "CNI_BIN_DIR": "/x/bin", "LOG_DIR": "/x/log", "CNI_CONFIG_PRIORITY": "05"}

    def places(version):
        spec = pod(render(release, version, DEDICATED, settings=settings), "kube-ovn-cni")
        # Since v1.13 it is the init container that writes the network's configuration.
        written_by = spec["initContainers"][-1]["command"] if version == "v1.13.15" else spec["containers"][0]["args"]
        assert "--cni-conf-name=05-kube-ovn.conflist" in written_by
        return {volume["hostPath"]["path"] for volume in spec["volumes"] if "hostPath" in volume}

    assert {"/x/net.d", "/x/bin", "/x/log/kube-ovn"} < places("v1.12.35")
    assert places("v1.13.15") - places("v1.12.35") == {"/etc/origin/ovs_ipsec_keys", "/run/xtables.lock"}


def test_containers_run_as_the_user_that_the_release_has(release):
    """Until v1.12 as root; then as nobody, with the capabilities that the release gives, and hostpath-init hands over what it writes to."""

    def central(version):
        spec = named(render(release, version, HYBRID), "Deployment", "ovn-central")["spec"]["template"]["spec"]
        return spec.get("initContainers", []), spec["containers"][0]["securityContext"]

    assert central("v1.12.35") == ([], {"runAsUser": 0, "privileged": False, "capabilities": {"add": ["SYS_NICE"]}})
    for version in ("v1.13.15", "v1.16.2"):
        (init,), context = central(version)
        assert context == {"runAsUser": 65534, "privileged": False, "capabilities": {"add": ["NET_BIND_SERVICE", "SYS_NICE"]}}
        assert init["command"][-1] == "chown -R nobody: /var/run/ovn /etc/ovn /var/log/ovn"
    # What has to mount and to move devices stays root's.
    assert pod(render(release, "v1.16.2", HYBRID), "kube-ovn-cni")["containers"][0]["securityContext"]["runAsUser"] == 0
    assert pod(render(release, "v1.16.2", HYBRID), "ovs-ovn-dpdk")["containers"][0]["securityContext"] == {"runAsUser": 0, "privileged": True}


@pytest.mark.parametrize("version", ["v1.12.35", "v1.13.15", "v1.16.2"])
def test_each_kind_that_the_commands_watch_has_a_definition(release, version):
    """A controller waits until each of them has answered."""
    objects = render(release, version, HYBRID)["objects"]
    found = {item["metadata"]["name"]: item["spec"]["names"]["kind"] for item in objects if item["kind"] == "CustomResourceDefinition"}
    assert len(found) == (24 if version == "v1.16.2" else 20)
    assert (found["qos-policies.kubeovn.io"], found["vpc-dnses.kubeovn.io"], found["iptables-eips.kubeovn.io"]) == ("QoSPolicy", "VpcDns", "IptablesEIP")


def test_the_services_of_the_databases_select_the_leader(release):
    """By labels that the release's leader checker puts on the pod."""
    for name in ("ovn-nb", "ovn-sb", "ovn-northd"):
        selector = named(render(release, "v1.13.15", DEDICATED), "Service", name)["spec"]["selector"]
        assert selector == {"app": "ovn-central", f"{name}-leader": "true"}


def test_the_tunnel_bridge_has_the_name_that_was_asked_for(release):
    result = render(release, "v1.12.35", HYBRID, settings={"DPDK_TUNNEL_IFACE": "br-tun"})
    assert {"name": "DPDK_TUNNEL_IFACE", "value": "br-tun"} in pod(result, "ovs-ovn-dpdk")["containers"][0]["env"]
    assert "--dpdk-tunnel-iface=br-tun" in pod(result, "kube-ovn-cni")["containers"][0]["args"]


@pytest.mark.parametrize(
    "argument, text",
    [
        ("--with-dpdk=20.11", "Unsupported DPDK version"),
        ("--dpdk-memory=2048Mi", "is not valid"),
        ("--dpdk-cpu=2", "is not valid"),
        ("--dpdk-tag=x", "Unknown argument"),
    ],
)
def test_arguments_that_the_release_refuses(release, argument, text):
    command = ["bash", release[0] / "kube-ovn/v1.12.35/install.sh", argument]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=release[0], timeout=20)
    assert done.returncode == 1
    assert text in done.stdout


def test_settings_by_name(release):
    result = render(release, "v1.12.35", DEDICATED, settings={"VERSION": "v9", "REGISTRY": "registry.example.com/x", "POD_CIDR": "10.99.0.0/16"})
    assert sorted(result["images"]) == ["registry.example.com/x/kube-ovn-dpdk:19.11-v9", "registry.example.com/x/kube-ovn:v9"]
    (container,) = named(result, "Deployment", "kube-ovn-controller")["spec"]["template"]["spec"]["containers"]
    assert "--default-cidr=10.99.0.0/16" in container["args"]


# --- the programs of the image ------------------------------------------------------------------------------------


def applied(tmp_path, text):
    """What apply_config hands to ovs-vsctl for this config.cfg."""
    tool = tmp_path / "ovs-vsctl"
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$*" >> ' + str(tmp_path / "calls") + "\n")
    tool.chmod(0o755)
    (tmp_path / "config.cfg").write_text(text)
    script = f'set -eu; . {PROGRAMS}/lib.sh; apply_config {tmp_path}/config.cfg'
    subprocess.run(["bash", "-c", script], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True, timeout=20)
    calls = tmp_path / "calls"
    return [line.split("other_config:", 1)[1] for line in calls.read_text().splitlines()] if calls.exists() else []


def test_comments_and_empty_lines_are_no_settings(tmp_path):
    assert applied(tmp_path, "# a\n\ndpdk-init=true\n") == ["dpdk-init=true"]


def test_a_last_line_without_newline_is_lost(tmp_path):
    assert applied(tmp_path, "dpdk-init=true\npmd-cpu-mask=0x2") == ["dpdk-init=true"]


def test_a_value_with_spaces_falls_apart(tmp_path):
    tool = tmp_path / "ovs-vsctl"
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$#" > ' + str(tmp_path / "count") + "\n")
    tool.chmod(0o755)
    (tmp_path / "config.cfg").write_text('dpdk-extra="--a -w 1"\n')
    script = f'. {PROGRAMS}/lib.sh; apply_config {tmp_path}/config.cfg'
    subprocess.run(["bash", "-c", script], env={"PATH": f"{tmp_path}:{os.environ['PATH']}"}, check=True, timeout=20)
    assert (tmp_path / "count").read_text() == "7\n"


def test_the_default_is_written_only_when_there_is_none(tmp_path):
    script = f". {PROGRAMS}/lib.sh; write_default_config {tmp_path}/new; write_default_config {tmp_path}/own"
    (tmp_path / "own").write_text("x=1\n")
    subprocess.run(["bash", "-c", script], check=True, timeout=20)
    assert (tmp_path / "new").read_text() == 'dpdk-socket-mem="1024"\ndpdk-init=true\ndpdk-hugepage-dir=/dev/hugepages\n'
    assert (tmp_path / "own").read_text() == "x=1\n"
