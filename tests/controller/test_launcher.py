"""The launcher of Userspace CNI, in front of a plugin, with a real ovsdb-server behind ovs-vsctl.

All runs in a mount namespace of its own, since the plugin's directories are fixed: /run, /usr/local/var and /var/lib/cni are empty file systems there.
USERSPACE_CNI_PLUGIN names another plugin than the stand-in (upstream's, built without VPP) to run the same cases against.
"""

from __future__ import annotations

import http.server
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "roles/userspace_cni/files/launcher"
STUB = ROOT / "roles/userspace_cni/files/stub/cnivpp.go"
STANDIN = ROOT / "roles/lab/files/userspace_cni_standin"
CONTAINER = "0123456789abcdef" * 4
PLUGIN = "/opt/cni/userspace/bin/userspace"
UID = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
OVSDB_SERVER = shutil.which("ovsdb-server", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a mount namespace"),
    pytest.mark.skipif(OVSDB_SERVER is None, reason="needs ovsdb-server"),
    pytest.mark.skipif(shutil.which("go") is None, reason="needs Go"),
]

# Stands where the wrapper is on a node. As long as /run/down exists, Open vSwitch cannot be reached. Without a vswitchd nothing makes
# sockets or reports errors, so both is done here: /run/broken is the error that a new interface gets.
TOOL = """#!/bin/sh
printf '%s\\037' "${0##*/}" "$@" >>/run/calls
echo >>/run/calls
if [ -e /run/down ]; then echo "${0##*/} (wrapper): no Open vSwitch runs on this node" >&2; exit 69; fi
[ "${0##*/}" = ovs-ofctl ] && exit 0
/usr/bin/ovs-vsctl --db=unix:/run/openvswitch/db.sock --no-wait "$@" || exit
case " $* " in
*" add-port "*type=dpdkvhostuserclient*) port=$4 ;;
*" add-port "*) port=$4; [ -e /run/nosocket ] || python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "/run/openvswitch/$port" ;;
*) exit 0 ;;
esac
[ ! -e /run/broken ] || /usr/bin/ovs-vsctl --db=unix:/run/openvswitch/db.sock --no-wait set Interface "$port" "error=\\"$(cat /run/broken)\\""
"""


class Pods(http.server.BaseHTTPRequestHandler):
    """As much of an API server as the plugin asks: one pod, which can be gone, and whose status can be refused."""

    pod: dict | None = None
    refuse = False

    def answer(self, code: int, body: dict) -> None:
        content = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def status(self, code: int, reason: str) -> None:
        self.answer(code, {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code, "message": reason})

    def do_GET(self) -> None:
        if self.server.pod is None:
            self.status(404, "NotFound")
        else:
            self.answer(200, self.server.pod)

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refuse:
            self.status(403, "Forbidden")
        else:
            self.answer(200, self.server.pod)

    def log_message(self, *_args: object) -> None:
        pass


def build(source: Path, output: Path, package: str, *flags: str) -> None:
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-trimpath -buildvcs=false"}
    subprocess.run(["go", "build", *flags, "-o", str(output), package], cwd=source, env=env, check=True, timeout=300)


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    directory = tmp_path_factory.mktemp("bin")
    build(LAUNCHER, directory / "launcher", ".")
    plugin = os.environ.get("USERSPACE_CNI_PLUGIN")
    if plugin is None:
        overlay = {"Replace": {str(STANDIN / "cnivpp/cnivpp.go"): str(STUB), str(STANDIN / "cnivpp/engine.go"): ""}}
        (directory / "overlay.json").write_text(json.dumps(overlay))
        build(STANDIN, directory / "plugin", "./userspace", f"-overlay={directory}/overlay.json")
    else:
        shutil.copy(plugin, directory / "plugin")
        (directory / "plugin").chmod(0o755)
    return {"launcher": directory / "launcher", "plugin": directory / "plugin"}


class Node:
    """A node as the launcher sees it. Paths are those inside; `path` gives the way there from outside."""

    def __init__(self, binaries: dict[str, Path], server: http.server.HTTPServer) -> None:
        self.server = server
        mounts = "".join(
            f"mkdir -p {d} && mount -t tmpfs tmpfs {d} && "
            for d in ("/run", "/usr/local/var", "/var/lib/cni", "/var/lib/kubelet", "/var/lib/vhost_sockets", "/opt", "/etc/cni")
        )
        netns = "mkdir /run/netns && touch /run/netns/pod && unshare --net mount --bind /proc/self/ns/net /run/netns/pod && "
        self.holder = subprocess.Popen(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", mounts + netns + "echo up && exec sleep 3600"], stdout=subprocess.PIPE, text=True
        )
        assert self.holder.stdout is not None
        assert self.holder.stdout.readline() == "up\n"
        for directory in ("/run/openvswitch", "/run/tools", "/opt/cni/bin", "/opt/cni/userspace/bin", "/etc/cni"):
            self.path(directory).mkdir(parents=True, exist_ok=True)
        for tool in ("ovs-vsctl", "ovs-ofctl"):
            self.path(f"/run/tools/{tool}").write_text(TOOL)
            self.path(f"/run/tools/{tool}").chmod(0o755)
            self.path(f"/opt/cni/userspace/bin/{tool}").symlink_to("/opt/cni/bin/userspace")
        shutil.copy(binaries["launcher"], self.path("/opt/cni/bin/userspace"))
        shutil.copy(binaries["plugin"], self.path(PLUGIN))
        self.settings(path="/run/tools:/usr/bin:/bin", log_file="/run/launcher.log", retry_seconds=4, plugin_seconds=20)
        cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}
        context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
        user = {"name": "u", "user": {"token": "t"}}
        kubeconfig = {"apiVersion": "v1", "kind": "Config", "clusters": [cluster], "users": [user], "contexts": [context], "current-context": "c"}
        self.path("/etc/cni/kubeconfig").write_text(json.dumps(kubeconfig))
        self.run("ovsdb-tool", "create", "/run/openvswitch/conf.db", "/usr/share/openvswitch/vswitch.ovsschema")
        command = [
            OVSDB_SERVER,
            "--remote=punix:/run/openvswitch/db.sock",
            "--pidfile=/run/openvswitch/ovsdb-server.pid",
            "--unixctl=/run/openvswitch/ovsdb.ctl",
        ]
        self.run(*command, "--detach", "--no-chdir", "--log-file=/run/ovsdb.log", "/run/openvswitch/conf.db")
        self.vsctl("init")
        self.before = tuple(f"/run/openvswitch/{p.name}" for p in self.path("/run/openvswitch").iterdir())

    def settings(self, **changed: object) -> None:
        file = self.path("/opt/cni/userspace/launcher.json")
        before = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps({**before, **changed}))

    def path(self, inside: str) -> Path:
        return Path(f"/proc/{self.holder.pid}/root{inside}")

    def run(self, *command: str, **more: object) -> subprocess.CompletedProcess:
        return subprocess.run(["nsenter", "-t", str(self.holder.pid), "-m", "--", *command], check=True, capture_output=True, text=True, timeout=60, **more)

    def vsctl(self, *args: str) -> str:
        return self.run("/usr/bin/ovs-vsctl", "--db=unix:/run/openvswitch/db.sock", "--no-wait", *args).stdout

    def bridge(self, name: str = "br0") -> None:
        self.vsctl("add-br", name, "--", "set", "Bridge", name, "datapath_type=netdev", "other-config:hwaddr=02:00:00:00:00:01")

    def close(self) -> None:
        pid = self.path("/run/openvswitch/ovsdb-server.pid")
        if pid.exists():
            os.kill(int(pid.read_text()), signal.SIGTERM)
        self.holder.kill()
        self.holder.wait()

    def config(self, mode: str = "server", **more: object) -> dict:
        other = {"server": "client", "client": "server"}[mode]
        host = {"engine": "ovs-dpdk", "iftype": "vhostuser", "netType": "bridge", "vhost": {"mode": mode}, "bridge": {"bridgeName": "br0"}}
        inside = {"engine": "ovs-dpdk", "iftype": "vhostuser", "netType": "interface", "vhost": {"mode": other}}
        return {
            "cniVersion": "0.3.1",
            "type": "userspace",
            "name": "ovs-dpdk-br0",
            "kubeconfig": "/etc/cni/kubeconfig",
            "logFile": "/run/plugin.log",
            "logLevel": "debug",
            "host": host,
            "container": inside,
            **more,
        }

    def cni(
        self, command: str, interface: str = "net1", config: dict | None = None, container: str = CONTAINER, program: str = "/opt/cni/bin/userspace", **env: str
    ) -> subprocess.CompletedProcess:
        environment = {
            "PATH": "/usr/bin:/bin",
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": container,
            "CNI_IFNAME": interface,
            "CNI_NETNS": "/run/netns/pod",
            "CNI_PATH": "/opt/cni/bin",
            "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=p;K8S_POD_UID={UID}",
            **env,
        }
        line = ["nsenter", "-t", str(self.holder.pid), "-m", "--", program]
        text = json.dumps(self.config() if config is None else config)
        return subprocess.run(line, input=text, env=environment, capture_output=True, text=True, timeout=90, check=False)

    def ports(self) -> list[str]:
        return self.vsctl("list-ports", "br0").split()

    def calls(self) -> list[list[str]]:
        file = self.path("/run/calls")
        return [line.split("\x1f")[:-1] for line in file.read_text().splitlines()] if file.exists() else []

    def left(self) -> list[str]:
        """What an attachment may leave on a node: sockets, state files, directories other than those that all attachments have in common."""
        common = {"/usr/local/var/run", "/usr/local/var/run/openvswitch", "/run/openvswitch/pods", "/var/lib/cni/usrspcni", "/var/lib/cni/usrspcni/data"}
        found = [p for d in ("/usr/local/var", "/var/lib/cni", "/run/openvswitch", "/run/userspace-cni") for p in self.path(d).rglob("*")]
        names = {str(p).removeprefix(f"/proc/{self.holder.pid}/root") for p in found if p.name != ".kept-by-the-launcher"}
        return sorted(n for n in names - common - {"/var/lib/cni/userspace-launcher"} if not n.startswith(self.before))


def shared(volume: dict | None) -> dict:
    volumes = [] if volume is None else [{"name": "shared-dir", **volume}]
    mounts = [{"name": "shared-dir", "mountPath": "/sockets"}] if volume else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "default", "uid": UID},
        "spec": {"containers": [{"name": "c", "image": "i", "volumeMounts": mounts}], "volumes": volumes},
    }


@pytest.fixture
def node(binaries: dict[str, Path]):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pods)
    server.pod, server.refuse = shared(None), False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    made = Node(binaries, server)
    yield made
    made.close()
    server.shutdown()


def test_version_check_and_unknown_commands_are_the_plugins_own(node: Node) -> None:
    for command in ("VERSION", "CHECK", "NONSENSE"):
        through = node.cni(command)
        direct = node.cni(command, program=PLUGIN)
        assert (through.returncode, through.stdout) == (direct.returncode, direct.stdout), command
    assert node.calls() == []


def test_faults_of_the_plugin_alone(node: Node) -> None:
    """What the launcher is for: the other tests would prove nothing with a plugin that has no faults."""
    alone = {"program": PLUGIN, "PATH": "/run/tools:/usr/bin:/bin", "OVS_SOCKDIR": "/run/openvswitch"}
    assert [node.cni("ADD", interface, **alone).returncode for interface in ("net1", "net2")] == [0, 0]
    assert [node.cni("DEL", interface, **alone).returncode for interface in ("net2", "net1")] == [0, 1]
    assert node.cni("ADD", **alone).returncode == 0
    assert node.cni("DEL", **alone).returncode == 0
    assert node.vsctl("list-br") == "", "the last attachment takes the bridge with it"
    node.server.refuse = True
    assert node.cni("ADD", **alone).returncode == 1
    assert node.ports() == [CONTAINER[:12] + "-net1"], "a failed ADD leaves its port"
    node.path("/run/down").touch()
    assert node.cni("DEL", **alone).returncode == 1
    node.path("/run/down").unlink()
    node.cni("DEL", **alone)
    assert node.ports() == [CONTAINER[:12] + "-net1"], "a DEL that failed once never finds the port again"


def test_add_and_del_of_two_attachments_leave_nothing(node: Node) -> None:
    node.bridge()
    for interface in ("net1", "net2"):
        added = node.cni("ADD", interface)
        assert added.returncode == 0, added.stdout + added.stderr
        assert json.loads(added.stdout)["interfaces"][0]["name"] == interface
    assert sorted(node.ports()) == [CONTAINER[:12] + "-net1", CONTAINER[:12] + "-net2"]
    # No volume shared-dir: the sockets stay where Open vSwitch makes them, as the original procedure has it.
    assert node.path(f"/run/openvswitch/{CONTAINER[:12]}-net1").is_socket()
    # Multus deletes in reverse; without the launcher the second DEL fails for want of the directory.
    for interface in ("net2", "net1"):
        deleted = node.cni("DEL", interface)
        assert deleted.returncode == 0, deleted.stdout + deleted.stderr
    assert node.ports() == []
    assert node.left() == []
    assert node.vsctl("get", "Bridge", "br0", "other-config:hwaddr").strip() == '"02:00:00:00:00:01"'


def test_del_of_what_never_was(node: Node) -> None:
    # Neither bridge nor directory nor state nor pod, and no network namespace: as for a pod that was made before Multus was in force.
    node.server.pod = None
    for _turn in range(2):
        deleted = node.cni("DEL", CNI_NETNS="/run/netns/gone")
        assert deleted.returncode == 0, deleted.stdout + deleted.stderr
    assert node.left() == []


def test_first_attachment_creates_the_bridge_with_its_flow(node: Node) -> None:
    assert node.cni("ADD").returncode == 0
    assert node.vsctl("get", "Bridge", "br0", "datapath_type").strip() == "netdev"
    assert ["ovs-ofctl", "add-flow", "br0", "actions=NORMAL"] in node.calls()
    assert node.cni("DEL").returncode == 0
    # The last attachment does not take the bridge away.
    assert node.vsctl("list-br").split() == ["br0"]


@pytest.mark.parametrize("mode", ["server", "client"])
def test_private_directory_of_the_host(node: Node, mode: str) -> None:
    node.bridge()
    node.server.pod = shared({"hostPath": {"path": "/run/openvswitch/private"}})
    config = node.config(mode)
    name = CONTAINER[:12] + "-net1"
    assert node.cni("ADD", config=config).returncode == 0
    if mode == "server":
        assert node.path(f"/run/openvswitch/private/{name}").is_socket()
        assert not node.path(f"/run/openvswitch/{name}").exists()
    else:
        assert node.vsctl("get", "Interface", name, "options:vhost-server-path").strip() == f'"/run/openvswitch/private/{name}"'
    # The pod's object may be gone when the attachment is deleted.
    node.server.pod = None
    deleted = node.cni("DEL", config=config)
    assert deleted.returncode == 0, deleted.stdout
    assert node.ports() == []
    assert node.left() == []


# The second spelling is that of role dpdk_app: in the container of Open vSwitch there need be no /run that is the same as /var/run.
@pytest.mark.parametrize("pods", ["/run/openvswitch/pods", "/var/run/openvswitch/pods"])
@pytest.mark.parametrize("mode", ["server", "client"])
def test_directory_of_the_pods_own_below_pods_dir(node: Node, mode: str, pods: str) -> None:
    node.bridge()
    node.server.pod = shared({"hostPath": {"path": pods}})
    config = node.config(mode)
    name = CONTAINER[:12] + "-net1"
    added = node.cni("ADD", config=config)
    assert added.returncode == 0, added.stdout
    directory = node.path(f"/run/openvswitch/pods/{UID}")
    assert directory.is_dir()
    if mode == "server":
        assert (directory / name).is_socket()
    else:
        assert node.vsctl("get", "Interface", name, "options:vhost-server-path").strip() == f'"{pods}/{UID}/{name}"'
        # Open vSwitch takes the path with the new port, and ignores every other one after it.
        told = [argument for call in node.calls() for argument in call if argument.startswith("options:vhost-server-path=")]
        assert told == [f"options:vhost-server-path={pods}/{UID}/{name}"]
    assert node.cni("DEL", config=config).returncode == 0
    assert node.ports() == []
    assert node.left() == []


def test_empty_dir_in_server_mode_is_refused_with_the_cure(node: Node) -> None:
    node.bridge()
    node.server.pod = shared({"emptyDir": {}})
    node.path(f"/var/lib/kubelet/pods/{UID}/volumes/kubernetes.io~empty-dir/shared-dir").mkdir(parents=True)
    added = node.cni("ADD")
    assert added.returncode != 0
    assert "hostPath below /run/openvswitch" in json.loads(added.stdout)["details"]
    assert node.cni("DEL").returncode == 0
    assert node.ports() == []
    assert node.left() == []
    assert not node.path(f"/var/lib/vhost_sockets/{UID}").exists()


@pytest.mark.parametrize("broken", ["error", "socket"])
def test_add_fails_where_the_interface_does_not_work(node: Node, broken: str) -> None:
    node.bridge()
    if broken == "error":
        node.path("/run/broken").write_text("could not open network device")
    else:
        node.path("/run/nosocket").touch()
    added = node.cni("ADD")
    assert added.returncode != 0
    expected = {"error": "could not open network device", "socket": "made no socket"}[broken]
    assert expected in json.loads(added.stdout)["details"]
    assert node.ports() == []
    assert node.left() == []


@pytest.mark.parametrize("fault", ["annotation", "nettype", "pod"])
def test_failed_add_leaves_nothing(node: Node, fault: str) -> None:
    node.bridge()
    config = node.config()
    if fault == "annotation":
        node.server.refuse = True
    elif fault == "nettype":
        config["host"]["netType"] = "interface"
    else:
        node.server.pod = None
    added = node.cni("ADD", config=config)
    assert added.returncode != 0
    assert json.loads(added.stdout)["msg"]
    assert any(call[1:3] == ["--may-exist", "add-port"] for call in node.calls()), "the fault has to come after the port"
    assert node.ports() == []
    assert node.left() == []


def test_add_fails_where_the_socket_goes_away_meanwhile(node: Node) -> None:
    node.bridge()
    plugin = node.path(PLUGIN)
    plugin.unlink()
    name = CONTAINER[:12] + "-net1"
    plugin.write_text(f"#!/bin/sh\novs-vsctl add-port br0 {name} -- set Interface {name} type=dpdkvhostuser && rm /run/openvswitch/{name} && echo '{{}}'\n")
    plugin.chmod(0o755)
    added = node.cni("ADD")
    assert added.returncode != 0
    assert "took it away again" in json.loads(added.stdout)["details"]
    assert node.ports() == []
    assert node.left() == []


def test_restart_of_ovs_is_waited_for(node: Node) -> None:
    node.bridge()
    for command in ("ADD", "DEL"):
        node.path("/run/down").touch()
        threading.Timer(1.5, node.path("/run/down").unlink).start()
        done = node.cni(command)
        assert done.returncode == 0, done.stdout
    assert node.ports() == []
    assert node.left() == []
    assert node.vsctl("list-br").split() == ["br0"]


def test_del_fails_while_ovs_is_down_and_loses_nothing(node: Node) -> None:
    node.bridge()
    assert node.cni("ADD").returncode == 0
    node.path("/run/down").touch()
    started = time.monotonic()
    deleted = node.cni("DEL")
    assert time.monotonic() - started < 15
    assert deleted.returncode != 0
    error = json.loads(deleted.stdout)
    assert error["code"] == 11
    assert "no Open vSwitch runs" in error["details"]
    node.path("/run/down").unlink()
    # The plugin has lost its state by now and asks to delete a port without a name.
    assert node.cni("DEL").returncode == 0
    assert node.ports() == []
    assert node.left() == []


def test_add_while_ovs_is_down_fails_in_time_and_leaves_nothing(node: Node) -> None:
    node.bridge()
    node.path("/run/down").touch()
    started = time.monotonic()
    added = node.cni("ADD")
    assert time.monotonic() - started < 30
    assert added.returncode != 0
    assert "no Open vSwitch runs" in json.loads(added.stdout)["details"]
    node.path("/run/down").unlink()
    assert node.ports() == []
    assert node.left() == []
    assert node.vsctl("list-br").split() == ["br0"]


def test_concurrent_first_attachments(node: Node) -> None:
    node.settings(retry_seconds=30, plugin_seconds=60)
    containers = [f"{n:012x}" + "0" * 52 for n in range(12)]
    results: list[int] = []

    def both(container: str) -> None:
        results.append(node.cni("ADD", container=container).returncode)
        results.append(node.cni("DEL", container=container).returncode)

    threads = [threading.Thread(target=both, args=(container,)) for container in containers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0] * 24
    assert node.ports() == []
    assert node.left() == []


def test_other_ports_stay(node: Node) -> None:
    node.bridge()
    node.vsctl("add-port", "br0", "uplink")
    assert node.cni("ADD").returncode == 0
    assert node.cni("DEL").returncode == 0
    assert node.ports() == ["uplink"]


def test_missing_tool_is_named(node: Node) -> None:
    node.path("/run/tools/ovs-vsctl").unlink()
    node.settings(path="/run/tools")
    added = node.cni("ADD")
    assert added.returncode != 0
    assert "ovs-vsctl is not on /run/tools" in json.loads(added.stdout)["details"]


def test_plugin_that_hangs_is_ended(node: Node) -> None:
    node.bridge()
    assert node.cni("ADD").returncode == 0
    node.settings(plugin_seconds=1)
    plugin = node.path(PLUGIN)
    plugin.unlink()
    plugin.write_text("#!/bin/sh\nsleep 60\n")
    plugin.chmod(0o755)
    started = time.monotonic()
    assert node.cni("DEL").returncode == 0
    assert time.monotonic() - started < 10
    assert node.ports() == []
    assert "did not end within 1 s" in node.path("/run/launcher.log").read_text()


def test_address_is_released_where_the_plugin_does_not_come_so_far(node: Node) -> None:
    node.bridge()
    ipam = node.path("/opt/cni/bin/addresses")
    ipam.write_text('#!/bin/sh\necho "$CNI_COMMAND $CNI_IFNAME" >>/run/addresses; cat >>/run/addresses\n')
    ipam.chmod(0o755)
    plugin = node.path(PLUGIN)
    plugin.unlink()
    plugin.write_text('#!/bin/sh\necho \'{"code": 999, "msg": "no such file or directory"}\'\nexit 1\n')
    plugin.chmod(0o755)
    config = node.config(ipam={"type": "addresses"})
    assert node.cni("DEL", config=config).returncode == 0
    assert node.path("/run/addresses").read_text() == "DEL net1\n" + json.dumps(config)
    ipam.write_text("#!/bin/sh\nexit 1\n")
    assert node.cni("DEL", config=config).returncode != 0


def test_logs_are_rotated(node: Node) -> None:
    node.bridge()
    node.settings(log_bytes=600)
    node.path("/run/plugin.log").write_text("x" * 700)
    node.cni("DEL")
    assert node.path("/run/plugin.log.1").read_text() == "x" * 700
    for _turn in range(3):
        node.cni("DEL")
    assert 0 < node.path("/run/launcher.log").stat().st_size < 2000
    assert node.path("/run/launcher.log.1").exists()


@pytest.mark.parametrize("source", [LAUNCHER, STANDIN], ids=["launcher", "stand-in"])
def test_the_go_sources_are_clean(source: Path, tmp_path: Path) -> None:
    formatted = subprocess.run(["gofmt", "-l", str(source), str(STUB.parent)], capture_output=True, text=True, check=True, timeout=60)
    assert formatted.stdout == ""
    overlay = {"Replace": {str(STANDIN / "cnivpp/cnivpp.go"): str(STUB), str(STANDIN / "cnivpp/engine.go"): ""}}
    (tmp_path / "overlay.json").write_text(json.dumps(overlay))
    packages = ["."] if source == LAUNCHER else ["./userspace", "./cniovs", "./pods"]
    subprocess.run(["go", "vet", f"-overlay={tmp_path}/overlay.json", *packages], cwd=source, check=True, timeout=300)


def test_guard_serves_only_plugins(node: Node) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        node.run("/opt/cni/userspace/bin/ovs-vsctl", "del-br", "br0")
    assert caught.value.returncode == 69
    assert "not started by the launcher" in caught.value.stderr
    assert caught.value.stdout == ""
