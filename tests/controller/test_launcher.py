"""The launcher of Userspace CNI, in front of a plugin, with a real ovsdb-server behind ovs-vsctl.

All runs in a mount namespace of its own, since the plugin's directories are fixed: /run, /usr/local/var and /var/lib/cni are empty file systems there.
USERSPACE_CNI_PLUGIN names another plugin than the stand-in (upstream's, built without VPP) to run the same cases against; with USERSPACE_CNI_RACE set
the launcher is built with Go's race detector, which needs a C compiler.
"""

from __future__ import annotations

import copy
import fcntl
import grp
import http.server
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest
from test_wrapper import FORMS, HIERARCHY, Group, wait_until_empty

ROOT = Path(__file__).resolve().parents[2]
LAUNCHER = ROOT / "roles/userspace_cni/files/launcher"
STUB = ROOT / "roles/userspace_cni/files/stub/cnivpp.go"
STANDIN = ROOT / "lab/roles/lab_sources/files/userspace_cni_standin"
CONTAINER = "0123456789abcdef" * 4
PLUGIN = "/opt/cni/userspace/bin/userspace"
NAME = CONTAINER[:12] + "-net1"
UID = "1b4e28ba-2fa1-11d2-883f-0016d3cca427"
OWN_DIR = f"/run/openvswitch/pods/{UID}"
STATICCHECK = ROOT / ".venv-go/staticcheck"
OVSDB_SERVER = shutil.which("ovsdb-server", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a mount namespace"),
    pytest.mark.skipif(OVSDB_SERVER is None, reason="needs ovsdb-server"),
    pytest.mark.skipif(shutil.which("go") is None, reason="needs Go"),
]

# Stands where the wrapper is on a node. As long as /run/down exists, Open vSwitch cannot be reached. Without a vswitchd nothing makes
# sockets or reports errors, so both is done here: /run/broken is the error that a new interface gets.
TOOL = """#!/bin/sh
case $1 in --timeout=[1-9]*) echo "$1" >>/run/timeouts; shift ;; esac
printf '%s\\037' "${0##*/}" "$@" >>/run/calls
echo >>/run/calls
if [ -e /run/down ]; then echo "${0##*/} (wrapper): no Open vSwitch runs on this node" >&2; exit 69; fi
[ "${0##*/}" = ovs-ofctl ] && exit 0
/usr/bin/ovs-vsctl --db=unix:/run/openvswitch/db.sock --no-wait "$@" || exit
case " $* " in
*" add-port "*) ;;
*) exit 0 ;;
esac
types=$*
[ "$1" != --may-exist ] || shift
port=$3
case $types in
*type=dpdkvhostuserclient*) ;;
*) [ -e /run/nosocket ] || python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "/run/openvswitch/$port" ;;
esac
[ ! -e /run/broken ] || /usr/bin/ovs-vsctl --db=unix:/run/openvswitch/db.sock --no-wait set Interface "$port" "error=\\"$(cat /run/broken)\\""
[ ! -e /run/afterwards ] || . /run/afterwards
"""

# What a plugin in shell does for an ADD, and its result.
ADD_PORT = f"ovs-vsctl add-port br0 {NAME} -- set Interface {NAME} type=dpdkvhostuser"
RESULT = """echo '{"cniVersion": "0.3.1", "interfaces": [{"name": "net1"}]}'"""


NOTE = "userspace/configuration-data"


def note_of(body: bytes) -> str:
    """The value of the annotation in a pod as protobuf, which Userspace CNI itself sends."""
    rest = body[body.index(NOTE.encode()) + len(NOTE) + 1 :]
    length = 0
    for at, byte in enumerate(rest):
        length |= (byte & 127) << 7 * at
        if byte < 128:
            return rest[at + 1 : at + 1 + length].decode()
    raise AssertionError("the length has no end")


class Pods(http.server.BaseHTTPRequestHandler):
    """As much of an API server as the plugin asks: one pod, which can be gone or replaced by the next one, and whose status can be refused."""

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
        if hasattr(self.server, "seen"):
            self.server.seen.append(self.headers["Authorization"])
        if self.server.pod is None:
            self.status(404, "NotFound")
        else:
            self.answer(200, self.server.pod)
        if self.server.next:
            self.server.pod = self.server.next.pop(0)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.refuse:
            return self.status(403, "Forbidden")
        if self.server.conflicts:
            self.server.conflicts -= 1
            return self.status(409, "Conflict")
        pod = copy.deepcopy(self.server.pod)
        if self.headers["Content-Type"] == "application/json":
            pod["metadata"] = json.loads(body)["metadata"]
        else:
            pod["metadata"].setdefault("annotations", {})[NOTE] = note_of(body)
        if pod["metadata"]["uid"] != self.server.pod["metadata"]["uid"]:
            return self.status(409, "Conflict")
        self.server.pod = pod
        return self.answer(200, pod)

    def log_message(self, *_args: object) -> None:
        pass


def api_server(pod: dict) -> http.server.ThreadingHTTPServer:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pods)
    server.pod, server.next, server.refuse, server.conflicts = pod, [], False, 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def build(source: Path, output: Path, package: str, *flags: str) -> None:
    env = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-trimpath -buildvcs=false"}
    if source == LAUNCHER and "USERSPACE_CNI_RACE" in os.environ:
        env["CGO_ENABLED"], flags = "1", ("-race", *flags)
    subprocess.run(["go", "build", *flags, "-o", str(output), package], cwd=source, env=env, check=True, timeout=900)


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
    """A node as the launcher sees it. Paths are those inside; `path` gives the way there from outside.

    The run directory of Open vSwitch can be one of the machine, which containers can mount.
    """

    def __init__(self, binaries: dict[str, Path], server: http.server.HTTPServer, run_directory: Path | None = None) -> None:
        self.server = server
        mounts = "".join(
            f"mkdir -p {d} && mount -t tmpfs tmpfs {d} && "
            for d in ("/run", "/usr/local/var", "/var/lib/cni", "/var/lib/kubelet", "/var/lib/vhost_sockets", "/opt", "/etc/cni")
        )
        if run_directory is not None:
            mounts += f"mkdir /run/openvswitch && mount --bind {run_directory} /run/openvswitch && "
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

    def plugin(self, script: str) -> None:
        """Another plugin than the real one, in shell."""
        file = self.path(PLUGIN)
        file.unlink()
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

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

    def sweep(self) -> str:
        return self.run("/opt/cni/bin/userspace", "sweep").stdout

    def age(self) -> None:
        """Make everything that launchers have for themselves alone as old as can be."""
        for pattern in ("run/userspace-cni/scratch-*", "var/lib/cni/userspace-launcher/.new-*"):
            for path in self.path("/").glob(pattern):
                os.utime(path, (1, 1))

    def ports(self) -> list[str]:
        return self.vsctl("list-ports", "br0").split()

    def calls(self) -> list[list[str]]:
        file = self.path("/run/calls")
        return [line.split("\x1f")[:-1] for line in file.read_text().splitlines()] if file.exists() else []

    def left(self) -> list[str]:
        """What an attachment may leave on a node: sockets, state files, directories other than those that all attachments have in common."""
        common = {"/run/openvswitch/pods", "/var/lib/cni/usrspcni", "/var/lib/cni/usrspcni/data", "/var/lib/cni/userspace-launcher"}
        common |= {"/var/lib/cni/usrspcni/data/.keep", "/run/userspace-cni/locks", "/run/userspace-cni/locks/.node"}
        found = [p for d in ("/usr/local/var", "/var/lib/cni", "/run/openvswitch", "/run/userspace-cni") for p in self.path(d).rglob("*")]
        names = {str(p).removeprefix(f"/proc/{self.holder.pid}/root") for p in found}
        return sorted(n for n in names - common if not n.startswith(self.before))


def wait_until(condition) -> None:
    for _turn in range(3000):
        if condition():
            return
        time.sleep(0.02)
    raise AssertionError("it did not come")


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
    server = api_server(shared(None))
    made = Node(binaries, server)
    yield made
    made.close()
    server.shutdown()


def test_version_check_and_unknown_commands_are_the_plugins_own(node: Node) -> None:
    for command in ("VERSION", "GC", "STATUS", "NONSENSE"):
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
        assert told == [f'options:vhost-server-path="{pods}/{UID}/{name}"']
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


@pytest.mark.parametrize("fault", ["annotation", "nettype"])
def test_failed_add_leaves_nothing(node: Node, fault: str) -> None:
    node.bridge()
    config = node.config()
    if fault == "annotation":
        node.server.refuse = True
    else:
        config["host"]["netType"] = "interface"
    added = node.cni("ADD", config=config)
    assert added.returncode != 0
    assert json.loads(added.stdout)["msg"]
    assert any(call[1:3] == ["--may-exist", "add-port"] for call in node.calls()), "the fault has to come after the port"
    assert node.ports() == []
    assert node.left() == []


def test_add_fails_where_the_socket_goes_away_meanwhile(node: Node) -> None:
    node.bridge()
    node.plugin(f"{ADD_PORT} && rm /run/openvswitch/{NAME} && {RESULT}")
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
    node.plugin("sleep 60")
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
    node.plugin('echo \'{"code": 999, "msg": "no such file or directory"}\'; exit 1')
    config = node.config(ipam={"type": "addresses"})
    assert node.cni("DEL", config=config).returncode == 0
    asked, dummy, given = node.path("/run/addresses").read_text().partition("\n")
    assert asked == "DEL net1"
    assert json.loads(given)["ipam"] == {"type": "addresses"}
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


@pytest.mark.skipif(not STATICCHECK.exists(), reason="needs staticcheck (tools/setup test)")
@pytest.mark.parametrize("source", [LAUNCHER, STANDIN], ids=["launcher", "stand-in"])
def test_the_go_sources_have_no_findings(source: Path) -> None:
    # It knows no overlay, without which nothing that needs the VPP engine compiles.
    packages = ["."] if source == LAUNCHER else ["./cniovs", "./pods"]
    # ST1005: error texts begin with the name Open vSwitch.
    done = subprocess.run([str(STATICCHECK), "-checks=inherit,-ST1005", *packages], cwd=source, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_guard_serves_only_plugins(node: Node) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        node.run("/opt/cni/userspace/bin/ovs-vsctl", "del-br", "br0")
    assert caught.value.returncode == 69
    assert "not started by the launcher" in caught.value.stderr
    assert caught.value.stdout == ""


# --- What a pod's author can do


def own_directory(node: Node) -> None:
    """A pod in the form of role dpdk_app: the directory of all pods, of which it mounts its own part."""
    node.bridge()
    node.server.pod = shared({"hostPath": {"path": "/run/openvswitch/pods"}})


def target(node: Node) -> Path:
    """A directory of the node that no pod may reach, with what a careless root would change."""
    directory = node.path("/run/target")
    directory.mkdir(mode=0o751)
    (directory / "file").write_text("secret")
    (directory / "file").chmod(0o604)
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(str(directory / NAME))
    sock.close()
    (directory / "empty").mkdir()
    return directory


def everything(directory: Path) -> list[tuple]:
    return [(str(p), s.st_mode, s.st_uid, s.st_gid, s.st_size, s.st_ino) for p in sorted([directory, *directory.rglob("*")]) for s in [p.lstat()]]


@pytest.mark.parametrize("mode", ["server", "client"])
@pytest.mark.parametrize("group", [None, "4711"], ids=["no group", "group"])
@pytest.mark.parametrize(
    ("link", "volume"),
    [
        (OWN_DIR, "/run/openvswitch/pods"),
        ("/run/openvswitch/pods", "/run/openvswitch/pods"),
        ("/run/openvswitch/pods", "/var/run/openvswitch/pods"),
        ("/run/openvswitch/private", "/run/openvswitch/private"),
        ("/run/openvswitch/a", "/run/openvswitch/a/b"),
        ("/run/openvswitch/a/b", "/run/openvswitch/a/b/c"),
    ],
)
def test_no_link_in_place_of_a_directory_is_followed(node: Node, link: str, volume: str, mode: str, group: str | None) -> None:
    node.bridge()
    directory = target(node)
    before = everything(directory)
    node.server.pod = shared({"hostPath": {"path": volume}})
    node.path(link).parent.mkdir(parents=True, exist_ok=True)
    node.path(link).symlink_to("/run/target")
    config = node.config(mode)
    if group:
        config["host"]["vhost"]["group"] = group
    added = node.cni("ADD", config=config)
    assert added.returncode != 0
    assert "symbolic links are not followed" in json.loads(added.stdout)["details"]
    assert node.ports() == []
    assert node.cni("DEL", config=config).returncode == 0
    assert everything(directory) == before


@pytest.mark.parametrize("level", ["pods", "own"])
def test_no_link_that_replaces_a_directory_later_is_followed(node: Node, level: str) -> None:
    own_directory(node)
    directory = target(node)
    (directory / UID).mkdir()
    (directory / UID / "file").write_text("of somebody else")
    before = everything(directory)
    assert node.cni("ADD").returncode == 0
    replaced = node.path("/run/openvswitch/pods" if level == "pods" else OWN_DIR)
    replaced.rename(replaced.with_name("aside"))
    replaced.symlink_to("/run/target")
    deleted = node.cni("DEL")
    assert deleted.returncode == 0, deleted.stdout
    assert node.ports() == []
    assert everything(directory) == before


@pytest.mark.parametrize("mode", ["server", "client"])
@pytest.mark.parametrize("planted", ["link to a file", "link to a directory", "file", "directory"])
@pytest.mark.parametrize("name", [NAME, "net1"])
def test_what_a_pod_plants_in_its_directory_leads_nowhere(node: Node, name: str, planted: str, mode: str) -> None:
    own_directory(node)
    directory = target(node)
    before = everything(directory)
    node.path(OWN_DIR).mkdir(parents=True)
    place = node.path(f"{OWN_DIR}/{name}")
    if planted.startswith("link"):
        place.symlink_to("/run/target/file" if planted.endswith("file") else "/run/target")
    elif planted == "file":
        place.write_text("mine")
    else:
        place.mkdir()
    node.path(f"{OWN_DIR}/deep/er").mkdir(parents=True)
    node.path(f"{OWN_DIR}/deep/er/way").symlink_to("/run/target")
    config = node.config(mode)
    config["host"]["vhost"]["group"] = "4711"
    node.cni("ADD", config=config)
    assert everything(directory) == before
    assert node.cni("DEL", config=config).returncode == 0
    assert node.ports() == []
    assert everything(directory) == before
    assert not node.path(OWN_DIR).exists()


def test_no_marker_is_written_where_a_pod_can_plant_a_link(node: Node) -> None:
    own_directory(node)
    directory = target(node)
    before = everything(directory)
    node.path("/run/openvswitch/pods").mkdir()
    node.path("/run/openvswitch/pods/.kept-by-the-launcher").symlink_to("/run/target/file")
    node.path("/run/openvswitch/pods/.made-by-the-launcher").symlink_to("/run/target/new")
    assert node.cni("ADD").returncode == 0
    assert node.cni("DEL").returncode == 0
    assert everything(directory) == before


@pytest.mark.parametrize("swap", ["link", "file", "directory", "other socket"])
def test_socket_that_a_pod_replaces_before_it_is_moved(node: Node, swap: str) -> None:
    """A pod of the original procedure has Open vSwitch's own directory, and a moment between the socket and the launcher's look at it."""
    own_directory(node)
    directory = target(node)
    before = everything(directory)
    made = {
        "link": 'ln -s /run/target/file "/run/openvswitch/$port"',
        "file": 'echo mine >"/run/openvswitch/$port"',
        "directory": 'mkdir "/run/openvswitch/$port"',
        "other socket": f'ln -s /run/target/{NAME} "/run/openvswitch/$port"',
    }[swap]
    node.path("/run/afterwards").write_text(f'rm "/run/openvswitch/$port"; {made}\n')
    config = node.config()
    config["host"]["vhost"]["group"] = "4711"
    assert node.cni("ADD", config=config).returncode != 0
    node.path("/run/afterwards").unlink()
    assert node.cni("DEL", config=config).returncode == 0
    assert node.ports() == []
    assert everything(directory) == before


@pytest.mark.parametrize("finisher", ["DEL", "sweep"])
def test_directories_of_any_depth_and_size_are_removed(node: Node, finisher: str) -> None:
    """What a pod leaves in its directory is in the memory of the node."""
    own_directory(node)
    directory = target(node)
    before = everything(directory)
    node.path(f"/var/lib/kubelet/pods/{UID.replace('1b4e', 'bbbb')}").mkdir(parents=True)
    assert node.cni("ADD").returncode == 0
    # Deeper than a path may be long, wider than what one call removes, and with links on the way.
    script = f"""
import os
os.chdir("{OWN_DIR}")
os.mkdir("wide"), os.mkdir("deep")
for number in range({12000 if finisher == "sweep" else 100}):
    os.mkdir("wide/%d" % number)
os.chdir("deep")
for number in range(600):
    os.symlink("/run/target", "a")
    os.mkdir("directory-with-a-long-name")
    os.chdir("directory-with-a-long-name")
"""
    node.run("python3", "-c", script)
    assert node.cni("DEL").returncode == 0
    assert node.path(OWN_DIR).exists() == (finisher == "sweep")
    for _turn in range(3):
        node.sweep()
    assert not node.path(OWN_DIR).exists()
    assert node.ports() == []
    assert everything(directory) == before


def test_directory_is_removed_whatever_names_it_has(node: Node) -> None:
    """What lies deep is moved up first, and a pod could take the name that it gets there."""
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    # Before and after, since the order in which a directory is read is not known.
    script = f"""
import os
os.chdir("{OWN_DIR}")
os.makedirs("first/" + "a/" * 20)
for pid in range(os.getpid(), os.getpid() + 3000):
    os.makedirs(".removed-%d-1/x" % (pid % 4194304))
os.makedirs("last/" + "a/" * 20)
"""
    node.run("python3", "-c", script)
    assert node.cni("DEL").returncode == 0
    assert not node.path(OWN_DIR).exists()


@pytest.mark.parametrize("planted", ["pipe", "link", "endless"])
def test_pid_file_that_a_pod_wrote_holds_nobody_up(node: Node, planted: str) -> None:
    node.bridge()
    node.server.pod = shared({"hostPath": {"path": "/run/openvswitch/private"}})
    file = node.path("/run/openvswitch/ovs-vswitchd.pid")
    if planted == "pipe":
        os.mkfifo(file)
    elif planted == "link":
        file.symlink_to("/dev/zero")
    else:
        file.write_text("1")
        os.truncate(file, 1 << 40)
    assert node.cni("ADD", config=node.config("client")).returncode == 0
    assert node.cni("DEL", config=node.config("client")).returncode == 0
    assert node.ports() == []


def test_links_that_come_and_go_under_many_calls(node: Node) -> None:
    own_directory(node)
    directory = target(node)
    before = everything(directory)
    pods, stop = node.path("/run/openvswitch/pods"), threading.Event()
    pods.mkdir()

    def attack() -> None:
        own, aside = pods / UID, pods / "aside"
        while not stop.is_set():
            try:
                own.rename(aside)
                own.symlink_to("/run/target")
                own.unlink()
                aside.rename(own)
            except OSError:
                shutil.rmtree(aside, ignore_errors=True)
                if own.is_symlink():
                    own.unlink()

    attacker = threading.Thread(target=attack)
    attacker.start()
    try:
        for turn in range(12):
            config = node.config("client" if turn % 2 else "server")
            config["host"]["vhost"]["group"] = "4711"
            node.cni("ADD", config=config)
            assert node.cni("DEL", config=config).returncode == 0
    finally:
        stop.set()
        attacker.join()
    assert node.ports() == []
    assert everything(directory) == before


NOT_PLAIN = ["ovs-dpdk-br0@x|.", "a/b", "../../x", ".", "..", "net 1", "net*", "n" * 16, "net1\n", "nät", "-net1;reboot"]


@pytest.mark.parametrize("interface", NOT_PLAIN)
def test_interface_names_that_are_not_plain_never_reach_the_plugin(node: Node, interface: str) -> None:
    node.bridge()
    node.server.pod = shared({"hostPath": {"path": "/run/openvswitch/private"}})
    node.path("/run/openvswitch/private").mkdir()
    for other in ("ba9876543210-net1", "file"):
        node.path(f"/run/openvswitch/private/{other}").write_text("of another pod")
    added = node.cni("ADD", interface)
    assert (added.returncode, json.loads(added.stdout)["code"]) == (1, 4)
    assert "not plain" in json.loads(added.stdout)["msg"]
    deleted = node.cni("DEL", interface)
    assert (deleted.returncode, deleted.stdout) == (0, "")
    assert not node.path("/run/plugin.log").exists(), "the plugin did not run"
    assert len(list(node.path("/run/openvswitch/private").iterdir())) == 2


@pytest.mark.parametrize("container", ["../../../../../x", "0123456789a", "0123456789ab/cdef", ".23456789abc", "0123456789a*b"])
def test_container_ids_that_are_not_plain_never_reach_the_plugin(node: Node, container: str) -> None:
    node.bridge()
    added = node.cni("ADD", container=container)
    assert (added.returncode, json.loads(added.stdout)["code"]) == (1, 4)
    assert node.cni("DEL", container=container).returncode == 0
    assert not node.path("/run/plugin.log").exists()


def test_port_of_an_older_launcher_with_a_name_that_is_not_plain_is_deleted(node: Node) -> None:
    node.bridge()
    node.vsctl("add-port", "br0", CONTAINER[:12] + "-x|.", "--", "add-port", "br0", "other")
    assert node.cni("DEL", "x|.").returncode == 0
    assert node.ports() == ["other"]


def test_keys_in_another_case_are_no_way_around(node: Node) -> None:
    """Go's parser takes keys in any case, so the plugin would follow what the launcher did not see."""
    own_directory(node)
    config = node.config()
    config["Host"] = {**config.pop("host"), "VHOST": {"mode": "server", "SocketFile": "fixed"}}
    del config["Host"]["vhost"]
    added = node.cni("ADD", config=config)
    assert added.returncode != 0
    assert "socketfile" in json.loads(added.stdout)["details"]
    added = node.cni("ADD", config={**node.config(), "HOST": {"engine": "vpp"}})
    assert added.returncode != 0
    assert '"host" and "HOST"' in json.loads(added.stdout)["details"]
    assert node.ports() == []


def test_log_that_is_a_link_or_no_file_is_not_renamed(node: Node) -> None:
    node.bridge()
    directory = target(node)
    (directory / "file").write_text("x" * 2000)
    before = everything(directory)
    node.path("/run/plugin.log").symlink_to("/run/target/file")
    node.settings(log_bytes=600)
    assert node.cni("DEL", config=node.config(logLevel="panic", logFile="/run/target/file/none")).returncode == 0
    assert node.cni("DEL", config=node.config(logFile="/run/target")).returncode == 0
    assert everything(directory) == before


# --- Ports that are lost, leaked, or never there

WITHOUT_UID = {"CNI_ARGS": "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=p;K8S_POD_INFRA_CONTAINER_ID=" + CONTAINER}


@pytest.mark.parametrize("mode", ["server", "client"])
def test_docker_gives_no_uid_and_the_socket_is_in_the_pods_directory_all_the_same(node: Node, mode: str) -> None:
    own_directory(node)
    config = node.config(mode)
    added = node.cni("ADD", config=config, **WITHOUT_UID)
    assert added.returncode == 0, added.stdout
    if mode == "server":
        assert node.path(f"{OWN_DIR}/{NAME}").is_socket()
    else:
        assert node.vsctl("get", "Interface", NAME, "options:vhost-server-path").strip() == f'"{OWN_DIR}/{NAME}"'
    node.server.pod = None
    assert node.cni("DEL", config=config, **WITHOUT_UID).returncode == 0
    assert node.ports() == []
    assert node.left() == []


def test_add_fails_with_the_reason_where_the_pod_cannot_be_read(node: Node) -> None:
    own_directory(node)
    pod, node.server.pod = node.server.pod, None
    added = node.cni("ADD", **WITHOUT_UID)
    assert "there is no such pod: default/p" in json.loads(added.stdout)["details"]
    node.server.pod = pod
    node.path("/etc/cni/kubeconfig").unlink()
    added = node.cni("ADD", **WITHOUT_UID)
    assert "the plugin's kubeconfig" in json.loads(added.stdout)["details"]
    assert node.ports() == []
    assert node.left() == []


def test_pod_of_the_same_name_is_not_the_sandboxes(node: Node) -> None:
    own_directory(node)
    other = UID.replace("1b4e28ba", "2c5f39cb")
    added = node.cni("ADD", CNI_ARGS=f"K8S_POD_NAMESPACE=default;K8S_POD_NAME=p;K8S_POD_UID={other}")
    assert added.returncode != 0
    assert f"this sandbox is of {other}" in json.loads(added.stdout)["details"]
    assert node.left() == []


def test_static_pod_has_the_uid_of_the_kubelet(node: Node) -> None:
    """The API has a mirror of it with a UID of its own; in the pod metadata.uid is the kubelet's."""
    own_directory(node)
    static = "0123456789abcdef0123456789abcdef"
    node.server.pod["metadata"]["annotations"] = {"kubernetes.io/config.mirror": static, "kubernetes.io/config.hash": static}
    for arguments in (f"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=p;K8S_POD_UID={static}", WITHOUT_UID["CNI_ARGS"]):
        added = node.cni("ADD", CNI_ARGS=arguments)
        assert added.returncode == 0, added.stdout
        assert node.path(f"/run/openvswitch/pods/{static}/{NAME}").is_socket()
        assert node.cni("DEL", CNI_ARGS=arguments).returncode == 0
    assert node.left() == []


@pytest.mark.parametrize("mode", ["server", "client"])
@pytest.mark.parametrize("volume", ["/run/elsewhere", "/run/missing/deep", "/etc/cni"])
def test_no_directory_outside_of_open_vswitchs_is_created_or_gets_a_socket(node: Node, volume: str, mode: str) -> None:
    node.bridge()
    node.path("/run/elsewhere").mkdir()
    node.server.pod = shared({"hostPath": {"path": volume}})
    before = everything(node.path("/etc/cni"))
    added = node.cni("ADD", config=node.config(mode))
    if mode == "server" or "missing" in volume:
        assert added.returncode != 0
    assert node.cni("DEL", config=node.config(mode)).returncode == 0
    assert not node.path("/run/missing").exists()
    assert list(node.path("/run/elsewhere").iterdir()) == []
    assert everything(node.path("/etc/cni")) == before
    assert node.ports() == []


@pytest.mark.parametrize("means", ["another pod's ADD", "another pod's DEL", "sweep"])
def test_what_multus_forgets_after_a_failed_del_is_deleted_later(node: Node, means: str) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    node.settings(retry_seconds=1)
    node.path("/run/down").touch()
    assert json.loads(node.cni("DEL").stdout)["code"] == 11
    # A force delete: the kubelet asks once more, Multus has no cache any more and says that all is done. Nobody calls the launcher again.
    node.path("/run/down").unlink()
    assert node.ports() == [NAME]
    other = "f" * 64
    if means == "sweep":
        assert NAME in node.sweep()
    else:
        node.cni(means.split()[-1], container=other)
        node.cni("DEL", container=other)
    assert node.ports() == []
    assert node.left() == []


def test_sweep_removes_what_has_no_sandbox_and_nothing_else(node: Node) -> None:
    own_directory(node)
    node.run("sh", "-c", "touch /run/netns/other && unshare --net mount --bind /proc/self/ns/net /run/netns/other")
    other = "f" * 64
    assert node.cni("ADD").returncode == 0
    assert node.cni("ADD", container=other, CNI_NETNS="/run/netns/other").returncode == 0
    node.vsctl("add-port", "br0", "uplink", "--", "add-port", "br0", "ffffffffffff-net9")
    assert node.sweep() == ""
    node.run("umount", "/run/netns/other")
    assert node.sweep() == "", "a file that is no namespace proves nothing: the runtime may have mounts of its own"
    node.path("/run/netns/other").unlink()
    assert "ffffffffffff-net1: its sandbox no longer exists" in node.sweep()
    assert sorted(node.ports()) == [NAME, "ffffffffffff-net9", "uplink"]
    assert node.path(f"{OWN_DIR}/{NAME}").is_socket()
    assert not node.path(f"{OWN_DIR}/ffffffffffff-net1").exists()
    # As after a reboot: the namespaces and the records' directory may be gone, the database of Open vSwitch stays.
    shutil.rmtree(node.path("/var/lib/cni/userspace-launcher"))
    assert node.sweep() == ""
    node.run("umount", "/run/netns/pod")
    node.path("/run/netns/pod").unlink()
    assert "there is no record of it" in node.sweep()
    assert sorted(node.ports()) == ["ffffffffffff-net9", "uplink"]
    assert not node.path(OWN_DIR).exists()


def test_sweep_removes_directories_of_pods_that_the_kubelet_does_not_know(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    directory = target(node)
    before = everything(directory)
    gone, known, linked = (UID.replace("1b4e", prefix) for prefix in ("aaaa", "bbbb", "cccc"))
    for name in (gone, known, "kept"):
        node.path(f"/run/openvswitch/pods/{name}/deep").mkdir(parents=True)
    node.path(f"/run/openvswitch/pods/{gone}/deep/link").symlink_to("/run/target")
    node.path(f"/run/openvswitch/pods/{linked}").symlink_to("/run/target")
    assert node.sweep() == "", "without the kubelet's directory nothing is known"
    node.path(f"/var/lib/kubelet/pods/{known}").mkdir(parents=True)
    assert gone in node.sweep()
    assert sorted(p.name for p in node.path("/run/openvswitch/pods").iterdir()) == sorted([UID, known, linked, "kept"])
    assert everything(directory) == before


def test_sweep_says_what_it_cannot_remove_yet(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    node.settings(retry_seconds=1)
    node.path("/run/down").touch()
    node.cni("DEL")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        node.sweep()
    assert "cannot be removed yet" in caught.value.stderr
    assert node.path(f"/var/lib/cni/userspace-launcher/{NAME}.json").exists()


def test_del_beside_an_add_that_goes_on_waits_for_it(node: Node) -> None:
    node.bridge()
    node.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0; touch /run/began; sleep 1.5; {ADD_PORT} && {RESULT}')
    results: list[subprocess.CompletedProcess] = []
    adding = threading.Thread(target=lambda: results.append(node.cni("ADD")))
    adding.start()
    wait_until(lambda: node.path("/run/began").exists())
    deleted = node.cni("DEL")
    assert not results or results[0].returncode == 0
    assert deleted.returncode == 0, deleted.stdout
    adding.join()
    assert results[0].returncode == 0
    assert node.ports() == []
    assert node.left() == []


def test_add_that_was_deleted_meanwhile_undoes_itself(node: Node) -> None:
    node.bridge()
    node.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0; touch /run/began; while [ ! -e /run/go-on ]; do sleep 0.1; done; {ADD_PORT} && {RESULT}')
    results: list[subprocess.CompletedProcess] = []
    adding = threading.Thread(target=lambda: results.append(node.cni("ADD")))
    adding.start()
    wait_until(lambda: node.path("/run/began").exists())
    node.settings(retry_seconds=0, plugin_seconds=0)
    assert json.loads(node.cni("DEL").stdout)["code"] == 11
    node.settings(retry_seconds=4, plugin_seconds=20)
    node.path("/run/go-on").touch()
    adding.join()
    assert results[0].returncode != 0
    assert "was deleted while it was made" in json.loads(results[0].stdout)["details"]
    assert node.ports() == []
    assert node.left() == []


@pytest.mark.parametrize("finisher", ["sweep", "DEL", "ADD"])
def test_killed_launcher_takes_its_plugin_along_and_is_undone(node: Node, finisher: str) -> None:
    own_directory(node)
    node.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0; {ADD_PORT}; echo $$ >/run/plugin.pid; exec sleep 60')
    adding = threading.Thread(target=lambda: node.cni("ADD"))
    adding.start()
    wait_until(lambda: node.path("/run/plugin.pid").exists() and node.path("/run/plugin.pid").read_text().strip())
    plugin = int(node.path("/run/plugin.pid").read_text())
    launcher = int(Path(f"/proc/{plugin}/status").read_text().split("PPid:")[1].split()[0])
    os.kill(launcher, signal.SIGKILL)
    adding.join()
    wait_until(lambda: not Path(f"/proc/{plugin}").exists() or "Z" in Path(f"/proc/{plugin}/stat").read_text().split(")")[1].split()[0])
    assert node.ports() == [NAME]
    if finisher == "sweep":
        assert "its ADD did not come to an end" in node.sweep()
    elif finisher == "DEL":
        assert node.cni("DEL").returncode == 0
    else:
        node.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0; {ADD_PORT} && {RESULT}')
        assert node.cni("ADD").returncode == 0
        assert node.path(f"{OWN_DIR}/{NAME}").is_socket()
        assert node.cni("DEL").returncode == 0
    assert node.ports() == []
    # What the killed one had for itself alone goes with the next sweep, as soon as no launcher can be about to lock it.
    node.age()
    node.sweep()
    assert node.left() == []


@pytest.mark.skipif(Path("/sys/fs/selinux/enforce").exists(), reason="the kernel's own labels are no words of a test")
@pytest.mark.parametrize("volume", ["/run/openvswitch/pods", None])
def test_socket_has_the_label_of_the_directory_of_the_pods(node: Node, volume: str | None) -> None:
    """Under SELinux a container may use what has a label of containers, which an administrator gives the directory."""
    node.bridge()
    node.server.pod = shared({"hostPath": {"path": volume}} if volume else None)
    node.path(OWN_DIR).mkdir(parents=True)
    os.setxattr(node.path(OWN_DIR), "security.selinux", b"system_u:object_r:container_file_t:s0\0")
    assert node.cni("ADD").returncode == 0
    made = node.path(f"{OWN_DIR}/{NAME}" if volume else f"/run/openvswitch/{NAME}")
    labels = [os.getxattr(made, name, follow_symlinks=False) for name in os.listxattr(made, follow_symlinks=False) if name == "security.selinux"]
    assert labels == ([b"system_u:object_r:container_file_t:s0\0"] if volume else [])
    assert node.cni("DEL").returncode == 0


@pytest.mark.parametrize("group", ["4711", "daemon"])
@pytest.mark.parametrize("mode", ["server", "client"])
def test_group_of_an_attachment(node: Node, mode: str, group: str) -> None:
    own_directory(node)
    number = {"4711": 4711, "daemon": grp.getgrnam("daemon").gr_gid}[group]
    common = node.path("/var/lib/vhost_sockets").stat().st_gid
    config = node.config(mode)
    config["host"]["vhost"]["group"] = group
    added = node.cni("ADD", config=config)
    assert added.returncode == 0, added.stdout
    directory = node.path(OWN_DIR)
    assert (directory.stat().st_uid, directory.stat().st_gid) == (0, number)
    assert directory.stat().st_mode & 0o7777 == (0o750 if mode == "server" else 0o2770)
    assert node.path("/run/openvswitch/pods").stat().st_gid == 0
    assert node.path("/var/lib/vhost_sockets").stat().st_gid == common
    if mode == "server":
        socket_of_pod = (directory / NAME).stat()
        assert (socket_of_pod.st_gid, socket_of_pod.st_mode & 0o060) == (number, 0o060)
        use = f"socket.socket(socket.AF_UNIX).connect('{OWN_DIR}/net1')"
    else:
        use = f"socket.socket(socket.AF_UNIX).bind('{OWN_DIR}/{NAME}')"
    # An application that is not root, which has the group as its only right, in the directory as it is mounted in the pod.
    script = f"import os, socket; os.setgroups([{number}]); os.setgid(54321); os.setuid(54321); " + use.replace(f"{OWN_DIR}/", "")
    done = subprocess.run(
        ["nsenter", "-t", str(node.holder.pid), "-m", "--", "sh", "-c", f'cd {OWN_DIR} && exec python3 -c "$0"', script],
        capture_output=True,
        text=True,
        check=False,
    )
    # Nobody listens on the socket that was made here in place of Open vSwitch's.
    assert done.returncode == 0 or "ConnectionRefused" in done.stderr, done.stderr
    assert node.cni("DEL", config=config).returncode == 0
    assert node.left() == []


@pytest.mark.parametrize("mode", ["server", "client"])
def test_group_of_an_attachment_gets_into_a_directory_that_was_created_for_it(node: Node, mode: str) -> None:
    node.bridge()
    node.server.pod = shared({"hostPath": {"path": "/run/openvswitch/private"}})
    config = node.config(mode)
    config["host"]["vhost"]["group"] = "4711"
    directory = node.path("/run/openvswitch/private")
    for interface in ("net1", "net2"):
        assert node.cni("ADD", interface, config=config).returncode == 0
        assert (directory.stat().st_uid, directory.stat().st_gid) == (0, 4711)
        assert directory.stat().st_mode & 0o7777 == (0o750 if mode == "server" else 0o2770)
    for interface in ("net1", "net2"):
        assert node.cni("DEL", interface, config=config).returncode == 0
    assert node.left() == []


@pytest.mark.parametrize("volume", ["/run/openvswitch/pods", "/run/openvswitch/private"])
def test_socket_of_open_vswitch_takes_no_right_away_from_applications_that_make_theirs(node: Node, volume: str) -> None:
    node.bridge()
    node.server.pod = shared({"hostPath": {"path": volume}})
    directory = node.path(OWN_DIR if volume.endswith("pods") else volume)
    for interface, mode in (("net1", "client"), ("net2", "server")):
        config = node.config(mode)
        config["host"]["vhost"]["group"] = "4711"
        assert node.cni("ADD", interface, config=config).returncode == 0
        assert directory.stat().st_mode & 0o7777 == 0o2770


@pytest.mark.parametrize(
    ("mode", "group", "rights", "works"),
    [
        ("server", 0, 0o750, False),
        ("server", 4711, 0o710, True),
        ("server", 0, 0o751, True),
        ("client", 4711, 0o710, False),
        ("client", 4711, 0o730, True),
        ("client", 0, 0o751, False),
    ],
)
def test_group_that_cannot_use_a_directory_that_was_there_is_refused(node: Node, mode: str, group: int, rights: int, works: bool) -> None:
    node.bridge()
    directory = node.path("/run/openvswitch/private")
    directory.mkdir()
    os.chown(directory, 0, group)
    directory.chmod(rights)
    node.server.pod = shared({"hostPath": {"path": "/run/openvswitch/private"}})
    config = node.config(mode)
    config["host"]["vhost"]["group"] = "4711"
    added = node.cni("ADD", config=config)
    assert (added.returncode == 0) == works, added.stdout
    if not works:
        details = json.loads(added.stdout)["details"]
        assert "the group 4711" in details
        assert "use /run/openvswitch/pods as hostPath" in details
    assert node.cni("DEL", config=config).returncode == 0
    assert (directory.stat().st_gid, directory.stat().st_mode & 0o7777) == (group, rights)


@pytest.mark.parametrize("mode", ["server", "client"])
def test_directories_above_go_with_the_last_attachment_below_them(node: Node, mode: str) -> None:
    node.bridge()
    config = node.config(mode)
    order = {"net1": "a/b/c", "net2": "a/b", "net3": "a/d"}
    for interface, directory in order.items():
        node.server.pod = shared({"hostPath": {"path": f"/run/openvswitch/{directory}"}})
        assert node.cni("ADD", interface, config=config).returncode == 0
    for interface, there in (("net1", ["b", "d"]), ("net2", ["d"]), ("net3", None)):
        assert node.cni("DEL", interface, config=config).returncode == 0
        above = node.path("/run/openvswitch/a")
        assert (sorted(p.name for p in above.iterdir()) if above.exists() else None) == there
    assert node.left() == []


def test_directories_above_that_were_there_before_stay(node: Node) -> None:
    node.bridge()
    node.path("/run/openvswitch/a").mkdir()
    node.server.pod = shared({"hostPath": {"path": "/run/openvswitch/a/b/c"}})
    assert node.cni("ADD").returncode == 0
    assert node.cni("DEL").returncode == 0
    assert node.left() == ["/run/openvswitch/a"]


def test_directory_behind_a_link_that_an_attachment_names_goes_without_its_record(node: Node) -> None:
    node.bridge()
    node.path("/run/else").mkdir()
    node.path("/run/link").symlink_to("/run/else")
    config = node.config("client", sharedDir="/run/link")
    assert node.cni("ADD", config=config).returncode == 0
    node.path(f"/var/lib/cni/userspace-launcher/{NAME}.json").unlink()
    assert node.cni("DEL", config=config).returncode == 0
    assert list(node.path("/run/else").iterdir()) == []


def test_daemon_that_does_not_run_is_named(node: Node) -> None:
    """The database takes a change, and ovs-vsctl waits for ovs-vswitchd until its time is over."""
    own_directory(node)
    tool = node.path("/run/tools/ovs-vsctl")
    tool.write_text(TOOL.replace('case " $* " in', 'case " $* " in *" add-port "*) kill -ALRM $$ ;; esac\ncase " $* " in', 1))
    node.settings(retry_seconds=1)
    details = json.loads(node.cni("ADD").stdout)["details"]
    assert "ovs-vswitchd does not run or hangs" in details
    assert len(details) < 500
    tool.write_text(TOOL.replace('case " $* " in', 'case " $* " in *" add-port "*) exit 142 ;; esac\ncase " $* " in', 1))
    assert "ovs-vswitchd does not run or hangs" in json.loads(node.cni("ADD").stdout)["details"]
    tool.write_text(TOOL.replace('case " $* " in', 'case " $* " in *" get "*) exit 142 ;; esac\ncase " $* " in', 1))
    assert "the database of Open vSwitch does not answer" in json.loads(node.cni("ADD").stdout)["details"]


def test_unknown_group_is_named(node: Node) -> None:
    own_directory(node)
    config = node.config()
    config["host"]["vhost"]["group"] = "no-such-group"
    added = node.cni("ADD", config=config)
    assert "no-such-group" in json.loads(added.stdout)["details"]
    assert node.left() == []


@pytest.mark.parametrize("mode", ["server", "client"])
def test_fixed_socket_file_is_refused_and_takes_nobodys_port_away(node: Node, mode: str) -> None:
    own_directory(node)
    node.vsctl("add-port", "br0", "fixed")
    config = node.config(mode)
    config["host"]["vhost"]["socketfile"] = "fixed"
    added = node.cni("ADD", config=config)
    assert added.returncode != 0
    assert "remove it" in json.loads(added.stdout)["details"]
    assert node.cni("DEL", config=config).returncode == 0
    assert node.ports() == ["fixed"]
    assert node.left() == []


def test_client_path_has_room_for_107_bytes(node: Node) -> None:
    node.bridge()
    # The directory, a slash, and the name of 17 characters.
    for length, works in ((107, True), (108, False)):
        directory = "/run/openvswitch/" + "d" * (length - 18 - len("/run/openvswitch/"))
        node.server.pod = shared({"hostPath": {"path": directory}})
        added = node.cni("ADD", config=node.config("client"))
        assert (added.returncode == 0) == works, added.stdout
        if not works:
            assert "108 bytes" in json.loads(added.stdout)["details"]
        assert node.cni("DEL", config=node.config("client")).returncode == 0
        assert node.left() == []


@pytest.mark.parametrize("beside", ["link", "target"])
def test_directory_of_plugins_behind_a_link(node: Node, beside: str) -> None:
    node.bridge()
    node.path("/opt/data").mkdir()
    node.path("/opt/cni/bin").rename(node.path("/opt/data/bin"))
    node.path("/opt/cni/bin").symlink_to("/opt/data/bin")
    if beside == "target":
        node.path("/opt/cni/userspace").rename(node.path("/opt/data/userspace"))
    for command in ("ADD", "DEL"):
        done = node.cni(command)
        assert done.returncode == 0, done.stdout
        assert "add-port" in node.path("/run/calls").read_text()


@pytest.mark.parametrize("output", ["", '{"cniVersion": "0.3', "[]", "{}", "ok", '{"code": 7, "msg": "no", "cniVersion": "0.3.1"}'])
def test_success_without_a_result_is_an_error(node: Node, output: str) -> None:
    own_directory(node)
    node.plugin(f"{ADD_PORT}; printf '%s' '{output}'")
    added = node.cni("ADD")
    assert added.returncode != 0
    assert "the plugin reported success" in json.loads(added.stdout)["details"]
    assert node.ports() == []
    assert node.left() == []


@pytest.mark.parametrize("uid", [True, False], ids=["uid", "no uid"])
@pytest.mark.parametrize("record", [None, "", '{"port": "x', "null"], ids=["gone", "empty", "half", "null"])
def test_lost_record(node: Node, record: str | None, uid: bool) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    file = node.path(f"/var/lib/cni/userspace-launcher/{NAME}.json")
    if record is None:
        file.unlink()
    else:
        file.write_text(record)
    node.server.pod = None
    assert node.cni("DEL", **({} if uid else WITHOUT_UID)).returncode == 0
    assert node.ports() == []
    assert node.left() == []


@pytest.mark.parametrize("mode", ["server", "client"])
@pytest.mark.parametrize("volume", ["/run/openvswitch/pods", "/run/openvswitch/private"])
def test_late_del_of_an_old_sandbox_leaves_the_new_ones_directory(node: Node, volume: str, mode: str) -> None:
    node.bridge()
    node.server.pod = shared({"hostPath": {"path": volume}})
    old, new = "a" * 64, "b" * 64
    config = node.config(mode)
    directory = node.path(OWN_DIR if volume.endswith("pods") else volume)
    assert node.cni("ADD", config=config, container=old).returncode == 0
    assert node.cni("ADD", config=config, container=new).returncode == 0
    inode = directory.stat().st_ino
    assert node.cni("DEL", config=config, container=old).returncode == 0
    assert directory.stat().st_ino == inode, "what the new sandbox's containers have mounted"
    if mode == "server":
        assert (directory / f"{new[:12]}-net1").is_socket()
        if volume.endswith("pods"):
            assert os.readlink(directory / "net1") == f"{new[:12]}-net1"
    assert node.ports() == [f"{new[:12]}-net1"]
    assert node.cni("DEL", config=config, container=new).returncode == 0
    assert node.left() == []


def test_directory_that_was_there_before_stays(node: Node) -> None:
    node.bridge()
    node.path("/run/openvswitch/private").mkdir(mode=0o711)
    node.server.pod = shared({"hostPath": {"path": "/run/openvswitch/private"}})
    assert node.cni("ADD").returncode == 0
    assert node.cni("DEL").returncode == 0
    assert node.path("/run/openvswitch/private").stat().st_mode & 0o7777 == 0o711


def test_sockets_that_open_vswitch_makes_elsewhere_are_explained(node: Node) -> None:
    own_directory(node)
    node.vsctl("set", "Open_vSwitch", ".", "other_config:vhost-sock-dir=vhost")
    node.path("/run/nosocket").touch()
    added = node.cni("ADD")
    assert added.returncode != 0
    assert 'other_config:vhost-sock-dir is "vhost"' in json.loads(added.stdout)["details"]
    assert node.left() == []


def test_full_disk_fails_add_and_not_del(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    node.run("mount", "-t", "tmpfs", "-o", "size=4k,nr_inodes=1", "tmpfs", "/run/userspace-cni")
    added = node.cni("ADD", container="f" * 64)
    assert added.returncode != 0
    assert "no space left" in added.stdout
    assert node.cni("DEL").returncode == 0
    node.run("umount", "/run/userspace-cni")
    assert node.ports() == []
    # The file of the lock is on the disk that was full.
    assert node.left() == [f"/run/userspace-cni/locks/{NAME}"]


def test_tools_limit_themselves(node: Node) -> None:
    """What ends a tool that runs in a container from outside leaves it running there."""
    own_directory(node)
    for command in ("ADD", "CHECK", "DEL"):
        assert node.cni(command, config=node.config(cniVersion="0.4.0")).returncode == 0
    node.sweep()
    assert len(node.path("/run/timeouts").read_text().split()) == len(node.calls())


BROKEN = {
    "twice": lambda config: config.update(Host=config["host"]),
    "no host": lambda config: config.update(host="x"),
    "no vhost": lambda config: config["host"].update(vhost="client"),
    "mode": lambda config: config["host"]["vhost"].update(mode=1),
    "kubeconfig": lambda config: config.update(kubeconfig=5),
    "directory": lambda config: config.update(sharedDir=["x"]),
    "network": lambda config: config.update(network=1),
    "engine": lambda config: config["host"].update(engine="vpp"),
}


@pytest.mark.parametrize("broken", [name for name in BROKEN if name != "engine"])
def test_attachment_that_is_refused_is_deleted_all_the_same(node: Node, broken: str) -> None:
    """The kubelet repeats a DEL until it succeeds, and the pod stays in Terminating as long."""
    own_directory(node)
    config = node.config()
    BROKEN[broken](config)
    assert node.cni("ADD", config=config).returncode != 0
    deleted = node.cni("DEL", config=config)
    assert (deleted.returncode, deleted.stdout) == (0, "")
    assert node.left() == []


@pytest.mark.parametrize("record", [True, False], ids=["record", "no record"])
@pytest.mark.parametrize("broken", BROKEN)
def test_attachment_whose_definition_was_broken_meanwhile_is_deleted(node: Node, broken: str, record: bool) -> None:
    own_directory(node)
    ipam = node.path("/opt/cni/bin/addresses")
    ipam.write_text('#!/bin/sh\necho "$CNI_COMMAND" >>/run/addresses\n')
    ipam.chmod(0o755)
    assert node.cni("ADD").returncode == 0
    if not record:
        node.path(f"/var/lib/cni/userspace-launcher/{NAME}.json").unlink()
    config = node.config(ipam={"type": "addresses"})
    BROKEN[broken](config)
    deleted = node.cni("DEL", config=config)
    assert (deleted.returncode, deleted.stdout) == (0, "")
    assert node.ports() == []
    assert node.left() == []
    assert node.path("/run/addresses").read_text().split() == ["DEL"]


def test_attachment_without_a_configuration_is_deleted(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    deleted = node.cni("DEL", config=[])
    assert (deleted.returncode, deleted.stdout) == (0, "")
    assert node.ports() == []
    assert node.left() == []


def test_broken_attachment_stays_to_be_deleted_while_ovs_is_down(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    node.settings(retry_seconds=1)
    node.path("/run/down").touch()
    error = json.loads(node.cni("DEL", config=node.config(host="x")).stdout)
    assert error["code"] == 11
    assert "no Open vSwitch runs" in error["details"]
    node.path("/run/down").unlink()
    node.sweep()
    assert node.ports() == []
    assert node.left() == []


def test_attachments_of_another_engine_are_the_plugins_own(node: Node) -> None:
    config = node.config()
    config["host"]["engine"] = "vpp"
    node.plugin('cat >>/run/given; echo "{\\"code\\": 7}"; exit 3')
    deleted = node.cni("DEL", config=config)
    assert (deleted.returncode, json.loads(deleted.stdout)) == (3, {"code": 7})
    assert json.loads(node.path("/run/given").read_text()) == config


STRANGER = CONTAINER[:12] + "f" * 52


@pytest.mark.parametrize("record", [True, False], ids=["record", "no record"])
def test_del_of_another_sandbox_with_the_same_beginning_deletes_nothing(node: Node, record: bool) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    if not record:
        node.path(f"/var/lib/cni/userspace-launcher/{NAME}.json").unlink()
    before = everything(node.path(OWN_DIR))
    deleted = node.cni("DEL", container=STRANGER)
    assert (deleted.returncode, deleted.stdout) == (0, "")
    assert node.ports() == [NAME]
    assert everything(node.path(OWN_DIR)) == before


def test_del_of_another_sandbox_that_could_not_ask_open_vswitch_is_finished_without_harm(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    node.path(f"/var/lib/cni/userspace-launcher/{NAME}.json").unlink()
    before = everything(node.path(OWN_DIR))
    node.settings(retry_seconds=0)
    node.path("/run/down").touch()
    assert json.loads(node.cni("DEL", container=STRANGER).stdout)["code"] == 11
    node.path("/run/down").unlink()
    node.sweep()
    assert node.ports() == [NAME]
    assert everything(node.path(OWN_DIR)) == before


def test_del_of_another_sandbox_does_not_wait_for_an_add(node: Node) -> None:
    own_directory(node)
    node.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0; touch /run/began; while [ ! -e /run/go-on ]; do sleep 0.1; done; {ADD_PORT} && {RESULT}')
    results: list[subprocess.CompletedProcess] = []
    adding = threading.Thread(target=lambda: results.append(node.cni("ADD")))
    adding.start()
    wait_until(lambda: node.path("/run/began").exists())
    node.settings(retry_seconds=0, plugin_seconds=0)
    assert node.cni("DEL", container=STRANGER).returncode == 0
    node.settings(retry_seconds=4, plugin_seconds=20)
    node.path("/run/go-on").touch()
    adding.join()
    assert results[0].returncode == 0, results[0].stdout


def test_add_of_another_sandbox_with_the_same_beginning_is_refused(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    before = everything(node.path(OWN_DIR))
    added = node.cni("ADD", container=STRANGER)
    assert added.returncode != 0
    assert "has the same first 12 characters" in json.loads(added.stdout)["details"]
    assert node.ports() == [NAME]
    assert everything(node.path(OWN_DIR)) == before
    # Once the other one is over, what is left of it is removed.
    node.run("sed", "-i", "s/ready/deleting/", f"/var/lib/cni/userspace-launcher/{NAME}.json")
    assert node.cni("ADD", container=STRANGER).returncode == 0
    assert node.vsctl("get", "Interface", NAME, "external_ids:userspace-cni-container").strip().strip('"') == STRANGER


# --- CHECK, which configurations have from version 0.4.0 on


@pytest.mark.parametrize("volume", [None, "/run/openvswitch/pods", "/run/openvswitch/private", "/var/run/openvswitch/pods"])
@pytest.mark.parametrize("mode", ["server", "client"])
def test_check_of_an_attachment_that_works_is_the_plugins_own(node: Node, mode: str, volume: str | None) -> None:
    node.bridge()
    node.server.pod = shared({"hostPath": {"path": volume}} if volume else None)
    config = node.config(mode, cniVersion="0.4.0")
    assert node.cni("ADD", config=config).returncode == 0
    before = node.left()
    checked = node.cni("CHECK", config=config)
    direct = node.cni("CHECK", config=config, program=PLUGIN)
    assert (checked.returncode, checked.stdout) == (direct.returncode, direct.stdout)
    assert node.left() == before
    assert node.cni("DEL", config=config).returncode == 0
    assert node.cni("CHECK", config=config).returncode != 0


def test_check_of_an_empty_dir(node: Node) -> None:
    empty_dir(node)
    for command in ("ADD", "CHECK", "DEL"):
        assert node.cni(command, config=node.config("client", cniVersion="0.4.0")).returncode == 0


def test_check_of_what_open_vswitch_does_not_make_is_the_plugins_own(node: Node) -> None:
    config = node.config(cniVersion="0.4.0")
    config["host"]["engine"] = "vpp"
    assert node.cni("CHECK", config=config).returncode == 0
    assert node.calls() == []


FAULTS = {
    "port": ("server", f"ovs-vsctl del-port {NAME}", f"no port {NAME}"),
    "bridge": ("server", f"ovs-vsctl del-port {NAME} -- add-br br1 -- add-port br1 {NAME} -- set Interface {NAME} type=dpdkvhostuser", "on the bridge br1"),
    "type": ("server", f"ovs-vsctl set Interface {NAME} type=internal", "of type internal"),
    "error": ("server", f"ovs-vsctl set Interface {NAME} error='\"no, no\"'", "no, no"),
    "socket": ("server", f"rm {OWN_DIR}/{NAME}", "no longer exists"),
    "no socket": ("server", f"rm {OWN_DIR}/{NAME}; echo >{OWN_DIR}/{NAME}", "no longer exists"),
    "directory": ("server", f"mv {OWN_DIR} /run/aside; ln -s /run/aside {OWN_DIR}", "symbolic links are not followed"),
    "restart": ("server", f"mv {OWN_DIR}/{NAME} /run/openvswitch/; cp -a /run/openvswitch/{NAME} {OWN_DIR}/", "recreate the pod"),
    "another socket": ("server", f"cp -a {OWN_DIR}/{NAME} {OWN_DIR}/new; mv {OWN_DIR}/new {OWN_DIR}/{NAME}", "is another file than the socket"),
    "bond": (
        "server",
        f"ovs-vsctl del-port {NAME} -- add-bond br0 bond0 {NAME} other -- set Interface {NAME} type=dpdkvhostuser",
        f"no port {NAME}",
    ),
    "path": ("client", f"ovs-vsctl set Interface {NAME} options:vhost-server-path=/run/openvswitch/x", "has the socket /run/openvswitch/x"),
    "no path": ("client", f"ovs-vsctl remove Interface {NAME} options vhost-server-path", "has the socket"),
    "record": ("client", f"rm /var/lib/cni/userspace-launcher/{NAME}.json", "knows no such attachment"),
    "deleting": ("client", f"sed -i s/ready/deleting/ /var/lib/cni/userspace-launcher/{NAME}.json", "its DEL did not come to an end"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_check_names_what_is_wrong(node: Node, fault: str) -> None:
    """The plugin itself says that all is well, whatever is asked."""
    own_directory(node)
    mode, script, expected = FAULTS[fault]
    assert node.cni("ADD", config=node.config(mode)).returncode == 0
    node.run("sh", "-ec", script.replace("ovs-vsctl", "ovs-vsctl --db=unix:/run/openvswitch/db.sock --no-wait"))
    checked = node.cni("CHECK", config=node.config(mode))
    assert checked.returncode != 0
    error = json.loads(checked.stdout)
    assert (error["code"], error["cniVersion"]) == (999, "0.3.1")
    assert expected in error["details"]


def test_check_while_ovs_is_down_is_to_be_tried_again(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    node.settings(retry_seconds=1)
    node.path("/run/down").touch()
    error = json.loads(node.cni("CHECK").stdout)
    assert error["code"] == 11
    assert "no Open vSwitch runs" in error["details"]


def test_check_names_open_vswitch_where_the_plugin_cannot_run_either(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    node.settings(retry_seconds=1)
    node.path("/run/down").touch()
    node.run("mount", "-t", "tmpfs", "-o", "ro", "tmpfs", "/run/userspace-cni")
    assert "no Open vSwitch runs" in json.loads(node.cni("CHECK").stdout)["details"]


@pytest.mark.parametrize("patient", [True, False])
def test_check_beside_an_add_waits_for_it(node: Node, patient: bool) -> None:
    own_directory(node)
    node.settings(retry_seconds=20 if patient else 1)
    node.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0; touch /run/started; while [ ! -e /run/go-on ]; do sleep 0.1; done; {ADD_PORT} && {RESULT}')
    results = []
    adding = threading.Thread(target=lambda: results.append(node.cni("ADD").returncode))
    adding.start()
    wait_until(lambda: node.path("/run/started").exists())
    timer = threading.Timer(2 if patient else 6, node.path("/run/go-on").touch)
    timer.start()
    checked = node.cni("CHECK")
    adding.join()
    if patient:
        assert checked.returncode == 0, checked.stdout
    else:
        assert json.loads(checked.stdout)["code"] == 11
    assert results == [0]
    assert node.cni("CHECK").returncode == 0
    assert node.cni("DEL").returncode == 0
    assert node.cni("CHECK").returncode != 0
    assert node.left() == []


def test_check_of_another_sandbox_with_the_same_beginning(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    checked = node.cni("CHECK", container=CONTAINER[:12] + "f" * 52)
    assert "knows no such attachment" in json.loads(checked.stdout)["details"]


# --- Options and names for the application


def test_socket_has_the_interfaces_name_too(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    assert os.readlink(node.path(f"{OWN_DIR}/net1")) == NAME
    assert node.path(f"{OWN_DIR}/net1").is_socket()
    assert node.cni("DEL").returncode == 0
    assert node.left() == []


OPTIONS = {
    "vlan": 100,
    "trunks": [200, 300],
    "mtu": 9000,
    "ingress_rate": 100000,
    "ingress_burst": 10000,
    "egress_rate": 80000,
    "egress_burst": 8000,
    "mac": "02:00:00:00:00:0a",
    "queues": 2,
}


def columns(node: Node, table: str, name: str, *names: str) -> list[str]:
    return [node.vsctl("get", table, name, column).strip() for column in names]


def test_options_come_with_the_port(node: Node) -> None:
    own_directory(node)
    added = node.cni("ADD", config=node.config(port=OPTIONS))
    assert added.returncode == 0, added.stdout
    call = next(call for call in node.calls() if "add-port" in call)
    assert call.count("--") == 4, "one transaction: the port, its interface, its settings, its policer, and the interface's settings"
    assert columns(node, "Port", NAME, "tag", "trunks", "vlan_mode") == ["100", "[200, 300]", "native-untagged"]
    interface = columns(node, "Interface", NAME, "mtu_request", "ingress_policing_rate", "ingress_policing_burst", "mac", "external_ids:attached-mac")
    assert interface == ["9000", "100000", "10000", '"02:00:00:00:00:0a"', '"02:00:00:00:00:0a"']
    qos = node.vsctl("get", "Port", NAME, "qos").strip()
    # Bytes a second, and bytes.
    assert columns(node, "QoS", qos, "type", "other_config:cir", "other_config:cbs") == ["egress-policer", '"10000000"', '"1000000"']
    assert node.cni("DEL", config=node.config(port=OPTIONS)).returncode == 0
    assert node.vsctl("--bare", "--columns=_uuid", "list", "QoS") == ""
    assert node.left() == []


@pytest.mark.parametrize(("options", "mode"), [({}, "[]"), ({"vlan": 0}, "access"), ({"vlan": 7}, "access"), ({"trunks": [1, 2]}, "trunk")])
def test_vlan_modes(node: Node, options: dict, mode: str) -> None:
    own_directory(node)
    assert node.cni("ADD", config=node.config(port=options)).returncode == 0
    assert columns(node, "Port", NAME, "vlan_mode") == [mode]


@pytest.mark.parametrize(
    "options",
    [
        {"vlan": 4095},
        {"vlan": "7"},
        {"trunks": [-1]},
        {"mtu": 67},
        {"mtu": 9703},
        {"ingress_burst": 10},
        {"egress_burst": 10},
        {"ingress_rate": -1},
        {"mac": "01:00:00:00:00:01"},
        {"mac": "02:00:00"},
        {"queues": 1025},
        {"vlans": 7},
        [],
    ],
)
def test_options_that_cannot_be_are_refused_before_anything_is_done(node: Node, options: object) -> None:
    own_directory(node)
    added = node.cni("ADD", config=node.config(port=options))
    assert added.returncode != 0
    assert "port" in json.loads(added.stdout)["details"]
    assert node.path("/run/plugin.log").read_text() == "", "the plugin did not run"
    assert node.ports() == []
    assert node.left() == []


def test_ports_say_whose_they_are(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD", config=node.config(network="default/ovs-dpdk-br0")).returncode == 0
    keys = ("container", "ifname", "network", "pod", "uid", "netns")
    found = [node.vsctl("get", "Interface", NAME, f"external_ids:userspace-cni-{key}").strip().strip('"') for key in keys]
    assert found == [CONTAINER, "net1", "default/ovs-dpdk-br0", "default/p", UID, "/run/netns/pod"]


# --- The kubeconfig


def test_renewed_token_needs_no_run(node: Node) -> None:
    """The kubelet's own kubeconfig is YAML that names files, which it renews."""
    own_directory(node)
    seen: list[str | None] = []
    node.server.seen = seen
    server = f"http://127.0.0.1:{node.server.server_port}"
    node.path("/etc/cni/kubeconfig").write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts:\n- context:\n    cluster: c\n    user: u\n  name: c\n"
        f"clusters:\n- cluster:\n    server: {server}\n  name: c\nusers:\n- name: u\n  user:\n    tokenFile: token\n"
    )
    for token in ("first", "second"):
        node.path("/etc/cni/token").write_text(token + "\n")
        node.cni("ADD")
        node.cni("DEL")
    assert seen[0] == "Bearer first"
    assert "Bearer second" in seen


def certificate(directory: Path, name: str) -> Path:
    """A server's certificate that is its own authority, with its key."""
    made = directory / name
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", *names]
    subprocess.run([*command, "-keyout", f"{made}.key", "-out", f"{made}.crt"], check=True, capture_output=True, timeout=60)
    return made


def test_renewed_authority_needs_no_run(node: Node, tmp_path: Path) -> None:
    own_directory(node)
    node.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0; {ADD_PORT} && {RESULT}')
    kubeconfig = json.loads(node.path("/etc/cni/kubeconfig").read_text())
    cluster = {"server": f"https://127.0.0.1:{node.server.server_port}", "certificate-authority": "/etc/cni/ca.crt"}
    node.path("/etc/cni/kubeconfig").write_text(json.dumps({**kubeconfig, "clusters": [{"name": "c", "cluster": cluster}]}))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    node.server.socket = context.wrap_socket(node.server.socket, server_side=True)
    for name in ("first", "second"):
        made = certificate(tmp_path, name)
        context.load_cert_chain(f"{made}.crt", f"{made}.key")
        if name == "second":
            node.settings(retry_seconds=0)
            assert "certificate" in json.loads(node.cni("ADD").stdout)["details"]
        shutil.copy(f"{made}.crt", node.path("/etc/cni/ca.crt"))
        added = node.cni("ADD")
        assert added.returncode == 0, added.stdout
        assert node.cni("DEL").returncode == 0


def test_plugin_asks_for_no_pod_when_an_attachment_is_deleted(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    node.server.seen = []
    assert node.cni("DEL").returncode == 0
    assert node.server.seen == []


YAML = """apiVersion: v1
kind: Config
current-context: right
clusters:
- name: c
  cluster:
    server: http://127.0.0.1:PORT
contexts:
- name: right
  context: {cluster: c, user: right}
users:
- name: right
  user:
    token: RIGHT
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("server: http://127.0.0.1:PORT", "server: http://127.0.0.1:PORT # the API"),
        ("server: http://127.0.0.1:PORT", "server: 'http://127.0.0.1:PORT' # the API"),
        ("server: http://127.0.0.1:PORT", '"server": "http://127.0.0.1:PORT"'),
        ("token: RIGHT", "token: RIGHT\t# of the plugin\n    client-certificate: null\n    client-key: # none"),
        ("\n", "\r\n"),
        ("users:", "# token: WRONG\nusers:"),
        ("context: {cluster: c, user: right}", "context:\n    cluster: c\n    user: right"),
    ],
)
def test_kubeconfig_in_yaml(node: Node, before: str, after: str) -> None:
    own_directory(node)
    node.server.seen = []
    assert before in YAML
    node.path("/etc/cni/kubeconfig").write_bytes(YAML.replace(before, after).replace("PORT", str(node.server.server_port)).encode())
    node.plugin(f"{ADD_PORT} && {RESULT}")
    added = node.cni("ADD")
    assert added.returncode == 0, added.stdout
    assert set(node.server.seen) == {"Bearer RIGHT"}


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        ("    token: RIGHT\n", "    token: RIGHT\n- name: wrong\n  user:\n    token: WRONG\n", "user is there more than once"),
        ("    token: RIGHT\n", "    token: RIGHT\n- name: wrong\n  user:\n    tokenFile: wrong\n", "user is there more than once"),
        ("    token: RIGHT\n", "    token: RIGHT\n- {name: wrong, user: {token: WRONG}}\n", "token is in braces"),
        ("  user:\n    token: RIGHT", "  user: {token: RIGHT}", "user has what belongs to it in one line"),
        ("contexts:", "- name: d\n  cluster:\n    server: http://127.0.0.1:1\ncontexts:", "cluster is there more than once"),
        ("server: http://127.0.0.1:PORT", "server: >-\n      http://127.0.0.1:PORT", "server has its value in other lines"),
        ("server: http://127.0.0.1:PORT", "server:\n      http://127.0.0.1:PORT", "server has its value in other lines"),
        ("token: RIGHT", "token: |\n      RIGHT", "token has its value in other lines"),
        ("token: RIGHT", "token: *token", "token has its value in other lines or in another place"),
        ("token: RIGHT", 'token: "RIGHT\\x21"', "token has a quoted value with more than plain text"),
    ],
)
def test_kubeconfig_in_yaml_that_would_be_read_wrong_is_refused(node: Node, before: str, after: str, named: str) -> None:
    own_directory(node)
    node.server.seen = []
    assert before in YAML
    node.path("/etc/cni/kubeconfig").write_text(YAML.replace(before, after).replace("PORT", str(node.server.server_port)))
    details = json.loads(node.cni("ADD").stdout)["details"]
    assert named in details
    assert "/etc/cni/kubeconfig" in details
    assert node.server.seen == []


# --- Changed options of attachments that pods have


def reconcile(node: Node, *arguments: str, **attachment: object) -> dict:
    desired = {"default/ovs-dpdk-br0": {"bridge": "br0", "mode": "server", **attachment}, "default/other": {"bridge": "br9", "mode": "client"}}
    return json.loads(node.run("/opt/cni/bin/userspace", "reconcile", *arguments, input=json.dumps(desired)).stdout)


def test_changed_options_reach_running_pods(node: Node) -> None:
    own_directory(node)
    config = node.config(network="default/ovs-dpdk-br0", port={"vlan": 7, "egress_rate": 8000})
    assert node.cni("ADD", config=config).returncode == 0
    unchanged = {"changed": [], "recreate": []}
    assert reconcile(node, port={"vlan": 7, "egress_rate": 8000}) == unchanged
    wanted = {"vlan": 8, "mtu": 9000, "egress_rate": 16000, "ingress_rate": 4000}
    changed = {"changed": ["default/p net1"], "recreate": []}
    assert reconcile(node, "check", port=wanted) == changed
    assert columns(node, "Port", NAME, "tag") == ["7"]
    assert reconcile(node, port=wanted) == changed
    assert columns(node, "Port", NAME, "tag") == ["8"]
    assert columns(node, "Interface", NAME, "mtu_request", "ingress_policing_rate") == ["9000", "4000"]
    qos = node.vsctl("get", "Port", NAME, "qos").strip()
    assert node.vsctl("--bare", "--columns=_uuid", "list", "QoS").split() == [qos]
    assert columns(node, "QoS", qos, "other_config:cir") == ['"2000000"']
    assert reconcile(node, port=wanted) == unchanged
    assert reconcile(node, port={}) == changed
    assert columns(node, "Port", NAME, "tag", "qos", "vlan_mode") == ["[]", "[]", "[]"]
    assert columns(node, "Interface", NAME, "mtu_request", "ingress_policing_rate") == ["[]", "0"]
    assert node.vsctl("--bare", "--columns=_uuid", "list", "QoS") == ""


@pytest.mark.parametrize("attachment", [{"bridge": "br1"}, {"mode": "client"}, {"port": {"queues": 4}}, {"port": {"mac": "02:00:00:00:00:0b"}}])
def test_pods_are_named_where_open_vswitch_cannot_change_it(node: Node, attachment: dict) -> None:
    own_directory(node)
    assert node.cni("ADD", config=node.config(network="default/ovs-dpdk-br0")).returncode == 0
    assert reconcile(node, **attachment) == {"changed": [], "recreate": ["default/p net1"]}


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("bad", [{"vlan": 4095}, {"trunks": 10}, {"unknown": 1}, []])
def test_attachment_that_is_refused_keeps_no_other_one_from_its_options(node: Node, bad: object, check: bool) -> None:
    own_directory(node)
    for number in range(4):
        assert node.cni("ADD", f"net{number}", config=node.config(network=f"default/n{number}")).returncode == 0
    wanted = {f"default/n{number}": {"bridge": "br0", "mode": "server", "port": {"vlan": 7} if number != 1 else bad} for number in range(4)}
    with pytest.raises(subprocess.CalledProcessError) as caught:
        node.run("/opt/cni/bin/userspace", "reconcile", *["check"] * check, input=json.dumps(wanted))
    assert caught.value.returncode == 1
    assert caught.value.stderr.startswith("default/n1: ")
    assert caught.value.stderr.count("\n") == 1
    assert json.loads(caught.value.stdout) == {"changed": ["default/p net0", "default/p net2", "default/p net3"], "recreate": []}
    tags = [columns(node, "Port", f"{CONTAINER[:12]}-net{number}", "tag")[0] for number in range(4)]
    assert tags == (["[]"] * 4 if check else ["7", "[]", "7", "7"])


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"trunks": [5, 6]}, {"trunks": [6, 5]}),
        ({"trunks": [5, 5]}, {"trunks": [5]}),
        ({"mac": "02:00:00:00:00:AA"}, {"mac": "02:00:00:00:00:aa"}),
        ({"mac": "02-00-00-00-00-aa"}, {"mac": "02:00:00:00:00:aa"}),
    ],
)
def test_same_options_in_another_form_are_no_change(node: Node, first: dict, second: dict) -> None:
    own_directory(node)
    added = node.cni("ADD", config=node.config(network="default/ovs-dpdk-br0", port=first))
    assert added.returncode == 0, added.stdout
    assert reconcile(node, port=second) == {"changed": [], "recreate": []}
    # As a launcher before kept them.
    record = node.path(f"/var/lib/cni/userspace-launcher/{NAME}.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "options": first}))
    assert reconcile(node, port=second) == {"changed": [], "recreate": []}


@pytest.mark.parametrize("recorded", [True, False], ids=["record", "no record yet"])
@pytest.mark.parametrize("check", [True, False])
def test_options_that_change_beside_an_add_reach_its_port(node: Node, check: bool, recorded: bool) -> None:
    own_directory(node)
    config = node.config(network="default/ovs-dpdk-br0")
    assert node.cni("ADD", "net2", config=config).returncode == 0
    node.plugin(f"touch /run/began; while [ ! -e /run/go-on ]; do sleep 0.1; done; {ADD_PORT} && {RESULT}")
    if not recorded:
        # It waits for the API server.
        kubeconfig = node.path("/etc/cni/kubeconfig")
        kubeconfig.rename(kubeconfig.with_name("aside"))
        threading.Timer(2, lambda: kubeconfig.with_name("aside").rename(kubeconfig)).start()
        node.path("/run/go-on").touch()
    results: list[subprocess.CompletedProcess] = []
    adding = threading.Thread(target=lambda: results.append(node.cni("ADD", config=config)))
    adding.start()
    wait_until(lambda: node.path("/run/began" if recorded else f"/run/userspace-cni/locks/{NAME}").exists())
    threading.Timer(1.5, node.path("/run/go-on").touch).start()
    found = reconcile(node, *["check"] * check, port={"vlan": 7})
    adding.join()
    assert results[0].returncode == 0, results[0].stdout
    assert found == {"changed": ["default/p net1", "default/p net2"], "recreate": []}
    assert columns(node, "Port", NAME, "tag") == (["[]"] if check else ["7"])


def test_pod_of_an_add_that_goes_on_and_on_is_named(node: Node) -> None:
    own_directory(node)
    config = node.config(network="default/ovs-dpdk-br0")
    node.plugin(f"touch /run/began; while [ ! -e /run/go-on ]; do sleep 0.1; done; {ADD_PORT} && {RESULT}")
    adding = threading.Thread(target=lambda: node.cni("ADD", config=config))
    adding.start()
    wait_until(lambda: node.path("/run/began").exists())
    node.settings(retry_seconds=1, plugin_seconds=1)
    assert reconcile(node, port={"vlan": 7}) == {"changed": [], "recreate": ["default/p net1"]}
    node.path("/run/go-on").touch()
    adding.join()


def test_error_names_the_lock_of_the_node(node: Node) -> None:
    own_directory(node)
    node.settings(retry_seconds=1)
    assert node.cni("ADD").returncode == 0
    with node.path("/run/userspace-cni/locks/.node").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        details = json.loads(node.cni("ADD", "net2").stdout)["details"]
    assert "other attachments of this node" in details
    assert "/run/userspace-cni/locks/.node" in details


# --- what pods, a restart or a lost port make of the attachments of others

OTHER = "2c5f39cb-2fa1-11d2-883f-0016d3cca427"
SHORT_DIRS = "/var/lib/vhost_sockets"


def mounts(node: Node) -> list[str]:
    return node.run("findmnt", "--list", "--noheadings", "--output", "TARGET").stdout.split()


@pytest.mark.parametrize("mode", ["server", "client"])
def test_plugin_mounts_no_directory_that_a_pod_names(node: Node, mode: str) -> None:
    """Userspace CNI takes a long path with "empty-dir" in it for that of an emptyDir, and mounts it under the name of its sixth part."""
    node.bridge()
    path = f"/run/openvswitch/pods/a/{OTHER}/empty-dir".ljust(89, "x")
    node.server.pod = shared({"hostPath": {"path": path}})
    added = node.cni("ADD", config=node.config(mode))
    assert not [mount for mount in mounts(node) if mount.startswith(SHORT_DIRS + "/")]
    assert not node.path(f"{SHORT_DIRS}/{OTHER}").exists()
    assert added.returncode != 0
    assert "empty-dir" in json.loads(added.stdout)["details"]
    assert node.cni("DEL", config=node.config(mode)).returncode == 0
    assert node.ports() == []


def test_plugin_mounts_nothing_for_a_pod_that_took_the_place_of_the_launchers(node: Node) -> None:
    """The plugin asks for the pod by its name after the launcher did, and it may be another one by then."""
    own_directory(node)
    later = shared({"hostPath": {"path": f"/run/openvswitch/pods/a/{OTHER}/empty-dir".ljust(89, "x")}})
    later["metadata"]["uid"] = "3d60a0dc-2fa1-11d2-883f-0016d3cca427"
    node.path(later["spec"]["volumes"][0]["hostPath"]["path"]).mkdir(parents=True)
    node.server.next = [later]
    node.cni("ADD")
    assert not [mount for mount in mounts(node) if mount.startswith(SHORT_DIRS + "/")]
    node.cni("DEL")
    node.path("/var/lib/kubelet/pods/any").mkdir(parents=True)
    node.sweep()
    assert list(node.path(SHORT_DIRS).iterdir()) == []


def entry(container: str, interface: str = "net1") -> dict:
    return {"containerId": container, "ifName": interface, "name": "ovs-dpdk-br0"}


@pytest.mark.parametrize("before", [[], [entry("f" * 64)]], ids=["none", "its own"])
@pytest.mark.parametrize("uid", [True, False], ids=["uid", "no uid"])
def test_pod_that_took_the_name_does_not_keep_the_note_of_the_old_one(node: Node, uid: bool, before: list[dict]) -> None:
    """The plugin asks for the pod by its name alone, so that it writes into the one that has the name by then."""
    own_directory(node)
    successor = copy.deepcopy(node.server.pod)
    successor["metadata"].update(uid=OTHER, annotations={"a": "<&>", **({NOTE: json.dumps(before)} if before else {})})
    node.server.next = [successor]
    added = node.cni("ADD", **({} if uid else WITHOUT_UID))
    assert added.returncode != 0
    assert f"has the UID {OTHER} by now" in json.loads(added.stdout)["details"]
    annotations = node.server.pod["metadata"]["annotations"]
    assert node.server.pod["metadata"]["uid"] == OTHER
    assert annotations["a"] == "<&>"
    assert json.loads(annotations.get(NOTE, "[]")) == before
    assert node.ports() == []
    assert node.left() == []


def test_note_in_a_pod_that_took_the_name_goes_though_another_one_writes_to_it(node: Node) -> None:
    own_directory(node)
    node.plugin(f"{ADD_PORT} && {RESULT}")
    successor = copy.deepcopy(node.server.pod)
    successor["metadata"].update(uid=OTHER, annotations={NOTE: json.dumps([entry(CONTAINER), entry("f" * 64)])})
    node.server.next, node.server.conflicts = [successor], 3
    assert node.cni("ADD").returncode != 0
    assert json.loads(node.server.pod["metadata"]["annotations"][NOTE]) == [entry("f" * 64)]


def test_pod_that_is_gone_before_its_attachment_is_made_gets_none(node: Node) -> None:
    own_directory(node)
    node.plugin(f"{ADD_PORT} && {RESULT}")
    node.server.next = [None]
    added = node.cni("ADD")
    assert added.returncode != 0
    assert "there is no such pod: default/p" in json.loads(added.stdout)["details"]
    assert node.ports() == []
    assert node.left() == []


@pytest.mark.skipif(HIERARCHY is None, reason="needs a control group hierarchy")
@pytest.mark.parametrize("form", FORMS)
def test_sandbox_of_docker_is_known_by_its_control_group(node: Node, form: str) -> None:
    """The runtimes of Docker give no UID, and the pod that has the name may be another one than the sandbox's."""
    own_directory(node)
    group = Group(form)
    sandbox = subprocess.Popen(["unshare", "--net", "sleep", "600"])
    try:
        group.take(sandbox.pid)
        arguments = {**WITHOUT_UID, "CNI_NETNS": f"/proc/{sandbox.pid}/ns/net"}
        added = node.cni("ADD", **arguments)
        assert added.returncode != 0
        assert f"this sandbox is of {group.uid}" in json.loads(added.stdout)["details"]
        assert node.left() == []
        node.server.pod["metadata"]["uid"] = group.uid
        added = node.cni("ADD", **arguments)
        assert added.returncode == 0, added.stdout
        assert node.path(f"/run/openvswitch/pods/{group.uid}/{NAME}").is_socket()
        assert node.cni("DEL", **arguments).returncode == 0
        assert node.left() == []
    finally:
        sandbox.kill()
        sandbox.wait()
        wait_until_empty(group)
        group.remove()


def test_pod_is_not_taken_for_another_one_by_its_annotations(node: Node) -> None:
    """Where the runtime gives no UID, that of a static pod's mirror is an annotation, which every author of a pod can write."""
    own_directory(node)
    assert node.cni("ADD", **WITHOUT_UID).returncode == 0
    before = sorted((p.name, p.lstat().st_ino) for p in node.path(OWN_DIR).iterdir())
    node.server.pod = shared({"hostPath": {"path": "/run/openvswitch/pods"}})
    node.server.pod["metadata"].update(name="q", uid=OTHER, annotations={"kubernetes.io/config.mirror": "x", "kubernetes.io/config.hash": UID})
    arguments = WITHOUT_UID["CNI_ARGS"].replace("K8S_POD_NAME=p", "K8S_POD_NAME=q")
    added = node.cni("ADD", container="f" * 64, CNI_ARGS=arguments)
    assert sorted((p.name, p.lstat().st_ino) for p in node.path(OWN_DIR).iterdir()) == before
    assert added.returncode != 0
    assert "default/p" in json.loads(added.stdout)["details"]
    node.cni("DEL", container="f" * 64, CNI_ARGS=arguments)
    assert sorted((p.name, p.lstat().st_ino) for p in node.path(OWN_DIR).iterdir()) == before
    assert node.ports() == [NAME]


def test_address_is_released_while_ovs_is_down(node: Node) -> None:
    """Multus does not call a second time where the pod's object is gone, and the sweep does not know the address."""
    own_directory(node)
    ipam = node.path("/opt/cni/bin/addresses")
    ipam.write_text('#!/bin/sh\necho "$CNI_COMMAND" >>/run/addresses\necho \'{"cniVersion": "0.3.1", "ips": [{"address": "10.0.0.2/24"}]}\'\n')
    ipam.chmod(0o755)
    config = node.config(ipam={"type": "addresses"})
    node.plugin(
        f'[ "$CNI_COMMAND" = ADD ] || {{ ovs-vsctl --if-exists del-port br0 {NAME}; exit; }}; ovs-vsctl add-port br0 {NAME}; '
        """echo '{"cniVersion": "0.3.1", "interfaces": [{"name": "net1"}]}'"""
    )
    assert node.cni("ADD", config=config).returncode == 0
    node.path("/run/down").touch()
    assert node.cni("DEL", config=config).returncode != 0
    assert node.path("/run/addresses").exists(), "the address leaks"
    assert node.path("/run/addresses").read_text().split() == ["DEL"]
    node.path("/run/down").unlink()
    node.sweep()
    assert node.ports() == []
    assert node.left() == []


@pytest.mark.parametrize("check", [True, False])
def test_port_that_is_gone_does_not_keep_the_others_from_their_options(node: Node, check: bool) -> None:
    own_directory(node)
    config = node.config(network="default/ovs-dpdk-br0", port={"vlan": 7})
    for interface in ("net1", "net2", "net3"):
        assert node.cni("ADD", interface, config=config).returncode == 0
    node.vsctl("del-port", f"{CONTAINER[:12]}-net2")
    wanted = {"changed": ["default/p net1", "default/p net3"], "recreate": ["default/p net2"]}
    assert reconcile(node, *["check"] * check, port={"vlan": 8}) == wanted


def test_port_that_is_gone_is_named_without_a_changed_option(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD", config=node.config(network="default/ovs-dpdk-br0")).returncode == 0
    node.vsctl("del-port", NAME)
    assert reconcile(node) == {"changed": [], "recreate": ["default/p net1"]}


def test_pod_that_is_over_is_not_named(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD", config=node.config(network="default/ovs-dpdk-br0")).returncode == 0
    node.run("umount", "/run/netns/pod")
    node.path("/run/netns/pod").unlink()
    assert reconcile(node, bridge="br1") == {"changed": [], "recreate": []}


def empty_dir(node: Node) -> str:
    """A pod with an emptyDir for its sockets; returns where Userspace CNI mounts it."""
    node.bridge()
    node.server.pod = shared({"emptyDir": {}})
    node.path(f"/var/lib/kubelet/pods/{UID}/volumes/kubernetes.io~empty-dir/shared-dir").mkdir(parents=True)
    return f"{SHORT_DIRS}/{UID}"


@pytest.mark.parametrize("finisher", ["DEL", "sweep"])
@pytest.mark.parametrize("uid", [True, False], ids=["uid", "no uid"])
def test_mount_of_an_empty_dir_goes_without_its_record(node: Node, finisher: str, uid: bool) -> None:
    """It would keep the memory of an emptyDir of medium Memory."""
    place = empty_dir(node)
    config = node.config("client")
    arguments = {} if uid else WITHOUT_UID
    assert node.cni("ADD", config=config, **arguments).returncode == 0
    assert place in mounts(node)
    node.path(f"/var/lib/cni/userspace-launcher/{NAME}.json").unlink()
    if finisher == "DEL":
        assert node.cni("DEL", config=config, **arguments).returncode == 0
    else:
        node.sweep()
        assert place in mounts(node), "its pod is there"
        node.vsctl("del-port", NAME)
        node.path(f"/var/lib/kubelet/pods/{UID}").rename(node.path("/var/lib/kubelet/pods/other"))
        node.sweep()
    assert place not in mounts(node)
    assert not node.path(place).exists()
    assert node.ports() == []


def test_empty_dir_of_a_kubelet_with_another_directory(node: Node) -> None:
    """As that of k0s or MicroK8s has; Userspace CNI knows one directory alone."""
    place = empty_dir(node)
    node.path("/var/lib/kubelet/pods").rename(node.path("/var/lib/kubelet/elsewhere"))
    node.settings(kubelet_pods_dir="/var/lib/kubelet/elsewhere")
    added = node.cni("ADD", config=node.config("client"))
    assert added.returncode == 0, added.stdout
    assert place in mounts(node)
    assert node.cni("DEL", config=node.config("client")).returncode == 0
    assert place not in mounts(node)
    assert node.left() == []


def test_directory_of_an_empty_dir_without_its_mount_gets_one(node: Node) -> None:
    """As after a reboot, when the old sandbox could not be deleted before the new one was made."""
    place = empty_dir(node)
    config = node.config("client")
    assert node.cni("ADD", config=config, container="a" * 64).returncode == 0
    node.run("umount", place)
    for interface in ("net1", "net2"):
        assert node.cni("ADD", interface, config=config).returncode == 0
        assert mounts(node).count(place) == 1
    assert node.cni("DEL", config=config, container="a" * 64).returncode == 0
    assert mounts(node).count(place) == 1


def test_options_without_a_trunk_stay_as_they_are(node: Node) -> None:
    own_directory(node)
    assert node.cni("ADD", config=node.config(network="default/ovs-dpdk-br0", port={"trunks": []})).returncode == 0
    assert reconcile(node, port={"trunks": []}) == {"changed": [], "recreate": []}


def test_error_names_the_version_of_the_configuration(node: Node) -> None:
    own_directory(node)
    node.server.pod = None
    assert json.loads(node.cni("ADD").stdout)["cniVersion"] == "0.3.1"


@pytest.mark.parametrize("content", ["", "{", "{}", "[]"])
@pytest.mark.parametrize("port", [True, False], ids=["port", "no port"])
def test_record_that_cannot_be_read_goes_with_the_port(node: Node, port: bool, content: str) -> None:
    """It would keep the role from removing the plugin for good."""
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    record = node.path(f"/var/lib/cni/userspace-launcher/{NAME}.json")
    record.write_text(content)
    assert node.sweep() == "", "its sandbox is there"
    assert node.ports() == [NAME]
    assert node.path(f"{OWN_DIR}/{NAME}").is_socket()
    assert record.exists()
    if not port:
        node.vsctl("del-port", NAME)
    node.run("umount", "/run/netns/pod")
    node.path("/run/netns/pod").unlink()
    node.sweep()
    assert node.ports() == []
    assert not record.exists()


def test_sweep_removes_what_killed_launchers_left(node: Node) -> None:
    own_directory(node)
    left = ["/run/userspace-cni/scratch-12345/ovs", "/run/userspace-cni/scratch-12345.sock", "/var/lib/cni/userspace-launcher/.new-12345"]
    for path in left:
        node.path(path).mkdir(parents=True)
    node.sweep()
    assert all(node.path(path).exists() for path in left), "a launcher may be about to lock them"
    node.age()
    node.sweep()
    assert node.left() == []


def test_sweep_leaves_what_a_living_launcher_has(node: Node) -> None:
    own_directory(node)
    node.plugin(f'[ "$CNI_COMMAND" = ADD ] || exit 0; echo $$ >/run/plugin.pid; while [ ! -e /run/go-on ]; do sleep 0.1; done; {ADD_PORT} && {RESULT}')
    results = []
    adding = threading.Thread(target=lambda: results.append(node.cni("ADD").returncode))
    adding.start()
    wait_until(lambda: node.path("/run/plugin.pid").exists())
    used = [path for path in node.left() if "/scratch-" in path]
    assert any(path.endswith(".sock") for path in used) and len(used) > 1
    node.age()
    node.sweep()
    assert [path for path in node.left() if "/scratch-" in path] == used
    node.path("/run/go-on").touch()
    adding.join()
    assert results == [0]
    assert node.cni("DEL").returncode == 0
    assert node.left() == []


# --- The removal of the launcher


def command(node: Node, *arguments: str) -> subprocess.CompletedProcess:
    line = ["nsenter", "-t", str(node.holder.pid), "-m", "--", "/opt/cni/bin/userspace", *arguments]
    return subprocess.run(line, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("record", [True, False], ids=["record", "no record"])
def test_launcher_does_not_retire_while_pods_have_attachments(node: Node, record: bool) -> None:
    own_directory(node)
    assert node.cni("ADD").returncode == 0
    if not record:
        node.path(f"/var/lib/cni/userspace-launcher/{NAME}.json").unlink()
    before = node.left()
    done = command(node, "retire")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"could never be deleted: {NAME}. Delete the pods first" in done.stderr
    assert node.left() == before
    assert node.cni("DEL").returncode == 0
    assert command(node, "retire").returncode == 0
    assert not node.path("/run/openvswitch/pods").exists()
    assert not node.path("/var/lib/cni/userspace-launcher").exists()


def test_launcher_retires_without_open_vswitch(node: Node) -> None:
    node.path("/run/down").touch()
    node.path(OWN_DIR).mkdir(parents=True)
    started = time.monotonic()
    assert command(node, "retire").returncode == 0
    assert time.monotonic() - started < 15
    assert not node.path("/run/openvswitch/pods").exists()
    assert (command(node, "retire").returncode, command(node, "retire").stdout) == (0, "")


def test_directories_that_are_too_deep_or_too_large_for_one_step_are_removed_with_the_launcher(node: Node) -> None:
    directory = target(node)
    before = everything(directory)
    script = f"""
import os
os.makedirs("{OWN_DIR}/wide")
for number in range(25000):
    os.mkdir("{OWN_DIR}/wide/%d" % number)
os.chdir("{OWN_DIR}")
for number in range(1500):
    os.symlink("/run/target", "a")
    os.mkdir("deep")
    os.chdir("deep")
"""
    node.run("python3", "-c", script)
    node.path(f"/run/openvswitch/pods/{OTHER}").symlink_to("/run/target")
    done = command(node, "retire")
    assert done.returncode == 0, done.stderr
    assert not node.path("/run/openvswitch/pods").exists()
    assert everything(directory) == before


@pytest.mark.parametrize("pods", ["/run/openvswitch", "/var/run/openvswitch/", "/run/openvswitch/pods"])
def test_what_is_no_pods_stays_when_the_launcher_retires(node: Node, pods: str) -> None:
    node.settings(pods_dir=pods)
    directory = node.path("/run/openvswitch/pods" if pods.endswith("pods") else "/run/openvswitch")
    directory.mkdir(exist_ok=True)
    (directory / "kept").mkdir()
    (directory / "file").write_text("of somebody else")
    node.path("/var/lib/cni/userspace-launcher").mkdir()
    node.path("/var/lib/cni/userspace-launcher/file").write_text("of somebody else")
    before = sorted(str(p) for p in node.path("/run/openvswitch").rglob("*"))
    assert command(node, "retire").returncode == 0
    assert sorted(str(p) for p in node.path("/run/openvswitch").rglob("*")) == before
    assert node.path("/var/lib/cni/userspace-launcher/file").exists()


def test_launcher_retires_where_a_pod_put_a_link_in_place_of_the_directory_of_pods(node: Node) -> None:
    directory = target(node)
    before = everything(directory)
    node.path("/run/openvswitch/pods").symlink_to("/run/target")
    assert command(node, "retire").returncode == 0
    assert not node.path("/run/openvswitch/pods").is_symlink()
    assert everything(directory) == before


def test_records_are_not_left_behind_by_another_directory_of_records(node: Node) -> None:
    own_directory(node)
    assert command(node, "check-records", "/var/lib/cni/other").returncode == 0
    assert node.cni("ADD").returncode == 0
    assert command(node, "check-records", "/var/lib/cni//userspace-launcher/").returncode == 0
    done = command(node, "check-records", "/var/lib/cni/other")
    assert done.returncode == 2
    assert NAME in done.stderr
    assert "Leave userspace_cni_state_dir at /var/lib/cni/userspace-launcher, or delete the pods first" in done.stderr
    assert node.cni("DEL").returncode == 0
    assert command(node, "check-records", "/var/lib/cni/other").returncode == 0
