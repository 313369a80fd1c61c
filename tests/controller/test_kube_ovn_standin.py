"""The lab's stand-in for Kube-OVN: it has to keep the contract of the release, its faults included."""

from __future__ import annotations

import importlib.util
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
        "lab_kube_ovn_source": "standin",
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
    assert any("Kube-OVN v1.12.0, v1.12.35, v1.13.15, v1.16.2" in name for name in names)
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
        + [("recreate-pods", None), ("wait", "coredns"), ("wait", "kube-ovn-pinger"), ("plugin-cp", None), ("plugin-ko", None)]
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
    assert paths["/run/openvswitch"] == "/run/openvswitch"
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
        assert "--cni-conf-name=05-kube-ovn.conflist" in spec["containers"][0]["args"]
        return {volume["hostPath"]["path"] for volume in spec["volumes"]}

    assert {"/x/net.d", "/x/bin", "/x/log/kube-ovn"} < places("v1.12.35")
    assert places("v1.13.15") - places("v1.12.35") == {"/etc/origin/ovs_ipsec_keys"}


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


def load(name):
    """A program of the image as a module."""
    sys.path.insert(0, str(PROGRAMS))
    sys.dont_write_bytecode = True
    try:
        spec = importlib.util.spec_from_file_location(f"lab_{name}", PROGRAMS / f"{name}.py")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(PROGRAMS))
    return module


@pytest.fixture(scope="module")
def controller():
    return load("controller")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", []),
        ("a, other/b@net7", [("ns", "a"), ("other", "b")]),
        ('[{"name": "a"}, {"name": "b", "namespace": "other"}]', [("ns", "a"), ("other", "b")]),
    ],
)
def test_attachments_in_both_forms(controller, text, expected):
    found = controller.attachments({"metadata": {"namespace": "ns", "annotations": {"k8s.v1.cni.cncf.io/networks": text}}})
    assert found == expected


def test_mac_addresses(controller):
    assert controller.mac_of("10.16.1.254") == "00:00:0a:10:01:fe"
    made = {controller.new_mac() for dummy in range(20)}
    assert len(made) == 20
    assert {int(mac[:2], 16) & 3 for mac in made} == {2}


def test_a_port_goes_before_its_address_is_another_ports(controller, monkeypatch):
    """The successor of a pod has its address; OVN refuses two ports with one, also where the first one goes in the same transaction."""
    calls = []

    def nbctl(*arguments):
        calls.append(arguments)
        return json.dumps({"data": [["old.ns", "00:00:0a:10:01:02 10.16.1.2"]]})

    annotations = {"ovn.kubernetes.io/allocated": "true", "ovn.kubernetes.io/ip_address": "10.16.1.2", "ovn.kubernetes.io/mac_address": "00:00:0a:10:01:02"}
    pod = {"metadata": {"name": "new", "namespace": "ns", "annotations": annotations}, "spec": {"nodeName": "n"}, "status": {"phase": "Running"}}
    made = controller.Controller.__new__(controller.Controller)
    made.network, made.blocks = None, []
    monkeypatch.setattr(made, "subnets", lambda: {"ovn-default": {"network": "10.16.0.0/16", "provider": "ovn", "gateway": "10.16.0.1"}})
    monkeypatch.setattr(controller, "nbctl", nbctl)
    monkeypatch.setattr(made, "api", type("Api", (), {"items": staticmethod(lambda path: [pod] if path.endswith("/pods") else [])}), raising=False)
    monkeypatch.setattr(made, "nodes", lambda: {"n": [None, "10.16.1.1"]})
    monkeypatch.setattr(made, "custom", lambda *_arguments: None)
    made.reconcile()
    _listed, gone, new = calls
    assert "old.ns" in gone and "new.ns" not in gone
    assert "old.ns" not in new and "new.ns" in new


# --- hybrid mode: its start script and the ports that kube-ovn-cni makes ------------------------------------------

STUBS = {
    "ovs-vsctl": """echo "$*" >> calls; case " $* " in *" br-exists "*) [ -e made ] || exit 2 ;; *" add-br br-"[pt]*) touch made ;; esac""",
    "ovs-ctl": ":",
    "ovn-ctl": ":",
    "ip": 'echo "ip $*" >> calls',
    "tail": ":",
}
RIGHT = 'ENCAP_IP=192.0.2.1/24\nDPDK_DEV=(0000:00:0b.0)\nBOND_TYPE=""\nVLAN_TAG=0\n'


def start_hybrid(tmp_path, config, **environment):
    """Run the start script on tools that only write down what they were asked; its exit code, and the calls of ovs-vsctl and ip."""
    tools = tmp_path / "bin"
    tools.mkdir(exist_ok=True)
    for name, text in STUBS.items():
        (tools / name).write_text(f"#!/bin/sh\ncd {tmp_path}\n{text}\n")
        (tools / name).chmod(0o755)
    (tmp_path / "calls").write_text("")
    if config is not None:
        (tmp_path / "ovs-dpdk-config").write_text(config)
    script = (PROGRAMS / "start-ovs-dpdk-v2.sh").read_text().replace("/kube-ovn/lib.sh", str(PROGRAMS / "lib.sh")).replace("/opt/ovs-config", str(tmp_path))
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "OVN_SB_SERVICE_HOST": "192.0.2.9", "OVN_SB_SERVICE_PORT": "6642", **environment}
    done = subprocess.run(["bash", "-c", script], env=environment, check=False, capture_output=True, text=True, timeout=20)
    return done, (tmp_path / "calls").read_text()


def test_hybrid_needs_its_file(tmp_path):
    done = start_hybrid(tmp_path, None)[0]
    assert done.returncode == 1
    assert "missing ovs dpdk config" in done.stdout


def test_hybrid_with_the_right_file(tmp_path):
    done, calls = start_hybrid(tmp_path, RIGHT)
    assert done.returncode == 0, done.stderr
    assert "add-port br-phy dpdk0 -- set Interface dpdk0 type=dpdk options:dpdk-devargs=0000:00:0b.0" in calls
    assert "ip addr replace 192.0.2.1/24 dev br-phy" in calls
    assert "set Port br-phy tag=0" in calls
    # That is what kube-ovn-cni does.
    assert "ovn-encap-ip" not in calls
    assert "add-br br-int -- set Bridge br-int datapath_type=netdev" in calls


def test_hybrid_with_a_bridge_of_another_name_and_a_vlan(tmp_path):
    done, calls = start_hybrid(tmp_path, RIGHT.replace("VLAN_TAG=0", "VLAN_TAG=7"), DPDK_TUNNEL_IFACE="br-tun")
    assert done.returncode == 0, done.stderr
    assert "add-port br-tun dpdk0" in calls
    assert "set Port br-tun tag=7" in calls
    assert "ip addr replace 192.0.2.1/24 dev br-tun" in calls
    assert "br-phy" not in calls


def test_hybrid_makes_a_bond(tmp_path):
    done, calls = start_hybrid(tmp_path, RIGHT.replace("0b.0)", "0b.0 0000:00:0c.0)").replace('BOND_TYPE=""', "BOND_TYPE=1"))
    assert done.returncode == 0, done.stderr
    assert "add-bond br-phy dpdk0 p0 p1 bond_mode=active-backup" in calls
    assert "set Interface p1 type=dpdk options:dpdk-devargs=0000:00:0c.0" in calls


def test_hybrid_after_a_crash_has_no_port(tmp_path):
    done = start_hybrid(tmp_path, "ENCAP_IP=192.0.2.1/24\nDPDK_DEV=0000:00:0b.0\n")[0]
    assert done.returncode != 0
    assert "BOND_TYPE: unbound variable" in done.stderr
    # The file is right now, but br-phy is there, and nobody adds its port.
    done, calls = start_hybrid(tmp_path, RIGHT)
    assert done.returncode == 0
    assert "dpdk0" not in calls


@pytest.fixture
def daemon(monkeypatch, tmp_path):
    """kube-ovn-cni of v1.16 on tools that only write down what they were asked; its mounts are directories."""
    module = load("cni")
    calls = []

    def run(*command):
        calls.append(" ".join(command))
        return ""

    monkeypatch.setattr(module, "run", run)
    monkeypatch.setattr(module, "VHOST_SOCKETS", str(tmp_path / "vhost_sockets"))
    monkeypatch.setattr(module.os.path, "ismount", os.path.isdir)
    made = module.Daemon.__new__(module.Daemon)
    made.options = type("Options", (), {"kubelet_dir": str(tmp_path / "kubelet")})
    made.known_release = (1, 16)
    key = "sock.default.ovn.kubernetes.io/"
    values = {"allocated": "true", "ip_address": "10.16.0.7", "mac_address": "8e:00:0a:10:00:07", "gateway": "10.16.0.1", "cidr": "10.16.0.0/16"}
    metadata = {"name": "p", "namespace": "default", "uid": "u1", "annotations": {key + name: value for name, value in values.items()}}
    pod = {"metadata": metadata, "spec": {"volumes": [{"name": name, "emptyDir": {}} for name in ("vol", "vhostuser-sockets")]}}
    made.test_pod = pod
    monkeypatch.setattr(made, "api", type("Api", (), {"get": staticmethod(lambda path: pod), "items": staticmethod(lambda path: [])}), raising=False)
    return made, calls, tmp_path


REQUEST = {
    "command": "ADD",
    "container_id": "0123456789abcdef",
    "netns": "/var/run/netns/x",
    "ifname": "net1",
    "args": {"K8S_POD_NAMESPACE": "default", "K8S_POD_NAME": "p"},
    "config": {"provider": "sock.default.ovn", "vhost_user_socket_volume_name": "vol", "vhost_user_socket_name": "sock"},
}


ADDRESSES = [{"type": "Hostname", "address": "n"}, {"type": "InternalIP", "address": "192.0.2.9"}]
NODE = {"metadata": {"name": "n", "labels": {}}, "status": {"addresses": ADDRESSES}}
USERSPACE = dict(NODE, metadata={"name": "n", "labels": {"ovn.kubernetes.io/ovs_dp_type": "userspace"}})


@pytest.mark.parametrize(
    ("node", "addresses", "expected"),
    [
        (NODE, [], "192.0.2.9"),
        (USERSPACE, [("192.0.2.5", 32), ("192.0.2.1", 24)], "192.0.2.1"),
        (USERSPACE, [("192.0.2.5", 32)], None),
        # As before the start script of OVS has given it one.
        (USERSPACE, [], None),
    ],
)
def test_the_tunnels_lead_to_the_bridge_where_there_is_one(node, addresses, expected, monkeypatch):
    module, calls = load("cni"), []

    def run(*command):
        calls.append(" ".join(command))
        # A device without an address is an empty object.
        found = [{"local": address, "prefixlen": prefix} for address, prefix in addresses]
        return json.dumps([{"ifname": "br-tun", "addr_info": found} if found else {}])

    monkeypatch.setattr(module, "run", run)
    made = module.Daemon.__new__(module.Daemon)
    made.options = type("Options", (), {"dpdk_tunnel_iface": "br-tun"})
    if expected:
        made.connect_tunnels(node)
        assert calls[-1] == f"ovs-vsctl --timeout=20 set Open_vSwitch . external_ids:ovn-encap-ip={expected}"
    else:
        with pytest.raises(RuntimeError, match="br-tun has no valid IP address"):
            made.connect_tunnels(node)


def test_the_tunnels_are_read_at_the_start_and_when_the_port_of_the_node_has_gone(monkeypatch):
    module, states, calls = load("cni"), ["", "unknown", "down", "unknown"], []
    metadata = {"name": "n", "labels": {}, "annotations": {"ovn.kubernetes.io/allocated": "false"}}
    monkeypatch.setattr(module, "port_state", lambda: states.pop(0))
    monkeypatch.setattr(module, "run", lambda *command: calls.append(command[-1]) or "")
    made = module.Daemon.__new__(module.Daemon)
    made.node, made.started = "n", False
    monkeypatch.setattr(made, "api", type("Api", (), {"items": staticmethod(lambda path: [dict(NODE, metadata=metadata)])}), raising=False)
    found = []
    while states:
        # It has no address of its own yet, and br-int may not be there: the chassis needs the tunnels first.
        with pytest.raises(RuntimeError, match="no address was allocated for node n yet"):
            made.connect_node()
        found.append(len(calls))
    # At the start, gone, there, down, there.
    assert found == [1, 2, 2, 3, 3]
    assert set(calls) == {"external_ids:ovn-encap-ip=192.0.2.9"}


SHORT = "/var/run/openvswitch/vhost_sockets/u1"


def test_a_vhost_user_port_of_a_pod(daemon):
    made, calls, tmp_path = daemon
    answer = made.serve(REQUEST)
    assert answer["ips"][0]["address"] == "10.16.0.7/16"
    assert answer["interfaces"] == [{"name": "net1", "mac": "8e:00:0a:10:00:07", "sandbox": "/var/run/netns/x"}]
    volume = tmp_path / "kubelet/pods/u1/volumes/kubernetes.io~empty-dir/vol"
    assert calls[0] == f"mount --bind {volume} {tmp_path}/vhost_sockets/u1/vol"
    (added,) = [call for call in calls if "add-port" in call]
    assert "add-port br-int 01234567_net1_h -- set Interface 01234567_net1_h type=dpdkvhostuserclient" in added
    assert f"options:vhost-server-path={SHORT}/vol/sock" in added
    assert "external_ids:iface-id=p.default.sock.default.ovn" in added
    # Neither the address nor the MTU of the port is set.
    assert "mac=" not in added and "mtu" not in added


@pytest.mark.parametrize(
    ("volumes", "message"),
    [([], "cannot find volume vol in pod p"), ([{"name": "vol", "hostPath": {"path": "/x"}}], "volume vol is not empty dir")],
)
def test_a_vhost_user_port_needs_the_volume(daemon, volumes, message):
    daemon[0].test_pod["spec"]["volumes"] = volumes
    with pytest.raises(RuntimeError, match=message):
        daemon[0].serve(REQUEST)


@pytest.mark.parametrize(("release", "refused"), [((1, 12), False), ((1, 13), True), ((1, 16), True)])
def test_a_volume_is_for_one_port_from_v1_13_on(daemon, release, refused):
    made = daemon[0]
    made.known_release = release
    made.serve(REQUEST)
    second = dict(REQUEST, ifname="net2")
    if refused:
        with pytest.raises(RuntimeError, match="volume vol already exists"):
            made.serve(second)
    else:
        made.serve(second)


def test_the_consumption_of_kubevirt_names_volume_and_socket(daemon):
    made, calls = daemon[:2]
    request = dict(REQUEST, config={"provider": "sock.default.ovn", "vhost_user_socket_consumption": "kubevirt"})
    made.serve(request)
    made.serve(dict(request, ifname="net2"))
    added = [call for call in calls if "add-port" in call]
    assert [f"{SHORT}/vhostuser-sockets/net{number} " in call for number, call in enumerate(added, 1)] == [True, True]


def test_rates_become_policing_and_a_queue_that_dpdk_does_not_have(daemon):
    made, calls = daemon[:2]
    made.test_pod["metadata"]["annotations"].update({"sock.default.ovn.kubernetes.io/ingress_rate": "3", "sock.default.ovn.kubernetes.io/egress_rate": "5"})
    made.serve(REQUEST)
    assert any("set Interface 01234567_net1_h ingress_policing_rate=5000 ingress_policing_burst=4000" in call for call in calls)
    assert any("type=linux-htb" in call and "max-rate=3000000" in call for call in calls)


def test_a_provider_that_leads_to_no_subnet(daemon):
    with pytest.raises(RuntimeError, match="provider elsewhere not bind to any subnet"):
        daemon[0].serve(dict(REQUEST, config=dict(REQUEST["config"], provider="elsewhere")))


def test_a_port_goes_with_its_directory(daemon):
    made, calls, tmp_path = daemon
    made.serve(REQUEST)
    assert made.serve(dict(REQUEST, command="DEL")) == {}
    assert calls[-2] == f"umount {tmp_path}/vhost_sockets/u1/vol"
    assert "--if-exists --with-iface del-port br-int 01234567_net1_h" in calls[-1]
    # That of the pod stays, as in the releases.
    assert [path.name for path in (tmp_path / "vhost_sockets").rglob("*")] == ["u1"]


def test_a_port_that_is_gone_can_be_deleted_again(daemon):
    made, calls = daemon[:2]
    assert made.serve(dict(REQUEST, command="DEL")) == {}
    assert any("--if-exists --with-iface del-port br-int 01234567_net1_h" in call for call in calls)


def test_chassis_that_are_no_nodes_are_deleted(controller, monkeypatch):
    calls = []

    def sbctl(*arguments):
        calls.append(arguments)
        return json.dumps({"data": [["a", "node-1"], ["b", "node-1.example.com"]]})

    made = controller.Controller.__new__(controller.Controller)
    made.next_gc = 0
    monkeypatch.setattr(controller, "sbctl", sbctl)
    monkeypatch.setattr(made, "api", type("Api", (), {"items": staticmethod(lambda path: [{"metadata": {"name": "node-1"}}])}), raising=False)
    made.collect_chassis()
    made.collect_chassis()
    assert calls[1:] == [("--if-exists", "chassis-del", "b")]
