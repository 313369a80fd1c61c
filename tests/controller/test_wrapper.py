"""The wrapper of the Open vSwitch tools: what arrives in the container is what was given, byte for byte."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import jinja2
import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "roles/ovs_wrapper/templates"
TOOLS = ("ovs-vsctl", "ovs-ofctl", "ovs-appctl")

HIERARCHY = next((path for path in (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup")) if (path / "cgroup.procs").exists()), None)

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a mount namespace"),
    pytest.mark.skipif(HIERARCHY is None, reason="needs a control group hierarchy"),
    pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare"),
]

# Everything that Userspace CNI calls, and what shells like to spoil.
VECTORS = [
    ["ovs-vsctl", "--bare", "--columns=name", "find", "bridge", "name=br0"],
    ["ovs-vsctl", "add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev"],
    ["ovs-ofctl", "add-flow", "br0", "actions=NORMAL"],
    ["ovs-vsctl", "add-port", "br0", "0123456789ab-net1", "--", "set", "Interface", "0123456789ab-net1", "type=dpdkvhostuser"],
    [
        "ovs-vsctl",
        *("add-port", "br0", "0123456789ab-net1", "--", "set", "Interface", "0123456789ab-net1", "type=dpdkvhostuserclient"),
        "options:vhost-server-path=/var/run/a b/0123456789ab-net1",
    ],
    ["ovs-vsctl", "--bare", "--columns=mac", "find", "port", "name=0123456789ab-net1"],
    ["ovs-vsctl", "--if-exists", "del-port", "br0", "0123456789ab-net1"],
    ["ovs-vsctl", "--if-exists", "del-port", "br0", ""],
    ["ovs-vsctl", "list-ports", "br0"],
    ["ovs-vsctl", "del-br", "br0"],
    ["ovs-vsctl", "set", "Interface", "p", "external_ids:note=a  *"],
    ["ovs-vsctl", "--", "--id=@x", "create", "QoS", "type=linux-htb"],
    ["ovs-appctl", "dpctl/show", "'quoted' \"twice\" $HOME `id` \\ \n end", "-x", ""],
]
# No newline at the end, a carriage return, a byte that is no UTF-8.
OUTPUT = b"br0\r\n\xff\x00 no newline at the end"


RECORDER = """#!/bin/sh
: >{dir}/argv
for word in "${{0##*/}}" "$@"; do printf '%s\\000' "$word" >>{dir}/argv; done
cat {dir}/output
echo noise >&2
exit 37
"""


def wait_for_name(pid: int, name: str) -> None:
    for _turn in range(500):
        if Path(f"/proc/{pid}/comm").read_text().strip() == name:
            return
        time.sleep(0.01)
    raise AssertionError(f"{pid} did not become {name}")


# How a runtime gives a container its root: runc and crun, and with them Docker (dockershim, cri-dockerd), containerd and CRI-O, by pivot_root, or, where the
# host's root is in memory (no_pivot), by moving it over the old one. Below it there is nothing of a runtime that the wrapper would look at.
ROOTS = {
    "in place": "root=",
    "pivot_root": "root={dir}/root; mkdir -p $root; mount --rbind / $root; cd $root",
    "moved": "root={dir}/root; mkdir -p $root; mount --rbind / $root; cd $root",
}
ENTERED = {
    "in place": "exec",
    "pivot_root": "mkdir -p .old; pivot_root . .old; cd /; umount -l /.old; exec",
    "moved": "mount --move . /; exec chroot .",
}


# The control group of a container: where the kubelet and its drivers have it, below the hierarchy that this machine has.
FORMS = {
    "cgroupfs": "kubepods/burstable/pod{uid}/{id}",
    "systemd": "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{under}.slice/cri-containerd-{id}.scope",
    "guaranteed": "kubepods.slice/kubepods-pod{under}.slice/crio-{id}.scope/container",
    "nested": "docker/0123/kubepods/besteffort/pod{uid}/{id}",
    # Above the pods a group may be called like one: the kubelet's cgroupRoot, or that of a runtime.
    "groups of pods": "k8s-pods.slice/k8s-pods-kubepods.slice/k8s-pods-kubepods-pod{under}.slice/cri-containerd-{id}.scope",
    "group of a runtime": "podruntime/kubepods/burstable/pod{uid}/{id}",
    "drivers that differ": "system.slice/containerd.service/kubepods-burstable-pod{under}.slice:cri-containerd:{id}",
}


class Group:
    """A control group as a container has it. Its pod's UID and its own id are of this test alone."""

    def __init__(self, form: str = "cgroupfs"):
        self.uid, self.id = str(uuid.uuid4()), uuid.uuid4().hex * 2
        self.root = HIERARCHY / f"test-wrapper-{self.id[:12]}"
        self.path = self.root / FORMS[form].format(uid=self.uid, under=self.uid.replace("-", "_"), id=self.id)
        self.path.mkdir(parents=True)

    def take(self, pid: int) -> None:
        (self.path / "cgroup.procs").write_text(str(pid))

    def remove(self) -> None:
        for path in sorted([self.root, *(p for p in self.root.rglob("*") if p.is_dir())], reverse=True):
            path.rmdir()


def logs(directory: Path, group: Group, namespace: str = "kube-system", container: str = "openvswitch", old: bool = False) -> None:
    """What the kubelet makes for a container, from Kubernetes 1.14 and before."""
    if old:
        (directory / "log/containers").mkdir(parents=True, exist_ok=True)
        (directory / f"log/containers/ovs-ovn-x7k2p_{namespace}_{container}-{group.id}.log").symlink_to("/nowhere")
        (directory / f"log/pods/{group.uid}/{container}").mkdir(parents=True)
    else:
        (directory / f"log/pods/{namespace}_ovs-ovn-x7k2p_{group.uid}/{container}").mkdir(parents=True)


class Container:
    """A mount namespace in which the tools are a recorder, with a process there that is called like the daemon, in a control group of a pod."""

    def __init__(self, directory: Path, root: str = "in place", form: str = "cgroupfs", more: tuple[str, ...] = ()):
        self.dir = directory
        self.group = Group(form)
        recorder = directory / "recorder"
        recorder.write_text(RECORDER.format(dir=directory))
        recorder.chmod(0o755)
        (directory / "output").write_bytes(OUTPUT)
        shutil.copy("/bin/sleep", directory / "ovs-vswitchd")
        inside = directory / "inside"
        inside.mkdir()
        for tool in TOOLS:
            shutil.copy(recorder, inside / tool)
        # Only there the recorder is found before what the machine itself may have.
        steps = ["set -e", ROOTS[root].format(dir=directory), f"mount -t overlay overlay -o lowerdir={inside}:/usr/bin $root/usr/bin", "echo up"]
        script = "; ".join([*steps, f"{ENTERED[root]} {directory}/ovs-vswitchd 600"])
        line = ["unshare", "--mount", "--propagation", "private", *more, "sh", "-c", script]
        self.process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "up\n"
        self.pid = self.process.pid
        if "--fork" in more:
            self.pid = int(Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()[0])
        wait_for_name(self.pid, "ovs-vswitchd")
        self.group.take(self.pid)

    def called(self) -> bytes | None:
        """How a tool was called there, or nothing."""
        path = self.dir / "argv"
        return path.read_bytes() if path.exists() else None

    def kill(self) -> None:
        if self.process.poll() is None:
            os.kill(self.pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()
            wait_until_empty(self.group)
            self.group.remove()


def wait_until_empty(group: Group) -> None:
    for _turn in range(500):
        if not (group.path / "cgroup.procs").read_text():
            return
        time.sleep(0.01)
    raise AssertionError("the control group still has processes")


@pytest.fixture
def container(tmp_path: Path, request: pytest.FixtureRequest):
    holder = Container(tmp_path, **getattr(request, "param", {}))
    logs(tmp_path, holder.group)
    rundir = tmp_path / "run"
    rundir.mkdir()
    (rundir / "ovs-vswitchd.pid").write_text(f"{holder.pid}\n")
    yield holder
    holder.kill()


def render(tmp_path: Path, **variables: str) -> dict[str, Path]:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters["quote"] = shlex.quote
    values = {
        "ovs_wrapper_method": "nsenter",
        "ovs_wrapper_rundir": str(tmp_path / "run"),
        "ovs_wrapper_container": "openvswitch",
        "ovs_wrapper_logs_dir": str(tmp_path / "log"),
        "ovs_wrapper_namespace": "kube-system",
        **variables,
    }
    directory = tmp_path / "bin"
    directory.mkdir(exist_ok=True)
    paths = {}
    for tool in TOOLS:
        paths[tool] = directory / tool
        paths[tool].write_text(environment.get_template("ovs-tool.sh.j2").render(values))
        paths[tool].chmod(0o755)
    return paths


def run(path: Path, *args: str, **env: str) -> subprocess.CompletedProcess:
    return subprocess.run([str(path), *args], capture_output=True, env={"PATH": "/usr/bin:/bin", **env}, timeout=30, check=False, cwd="/etc")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: " ".join(vector[:3]))
def test_nsenter_passes_everything_unchanged(container: Container, tmp_path: Path, vector: list[str]) -> None:
    done = run(render(tmp_path)[vector[0]], *vector[1:])
    assert done.stdout == OUTPUT
    assert done.stderr == b"noise\n"
    assert done.returncode == 37
    assert (tmp_path / "argv").read_bytes() == b"".join(word.encode() + b"\0" for word in vector)


@pytest.mark.parametrize("container", [{"root": root} for root in ROOTS if root != "in place"], indirect=True)
def test_nsenter_comes_into_the_root_of_the_container(container: Container, tmp_path: Path) -> None:
    done = run(render(tmp_path)["ovs-vsctl"], "--if-exists", "del-port", "br0", "")
    assert (done.returncode, done.stdout) == (37, OUTPUT)
    assert container.called() == b"ovs-vsctl\0--if-exists\0del-port\0br0\0\0"


def test_nsenter_takes_the_one_that_started_last(container: Container, tmp_path: Path) -> None:
    # An old pod is still terminating; the new one's daemon has made the pid file its own.
    (tmp_path / "new").mkdir()
    new = Container(tmp_path / "new")
    logs(tmp_path, new.group)
    try:
        (tmp_path / "run/ovs-vswitchd.pid").write_text(f"{new.pid}\n")
        wrapper = render(tmp_path)["ovs-vsctl"]
        assert run(wrapper, "list-br").returncode == 37
        assert (container.called(), new.called()) == (None, b"ovs-vsctl\0list-br\0")
        # And it stays so when the old one has gone.
        container.kill()
        assert run(wrapper, "show").returncode == 37
        assert new.called() == b"ovs-vsctl\0show\0"
    finally:
        new.kill()


def test_without_open_vswitch_it_fails_and_prints_nothing(container: Container, tmp_path: Path) -> None:
    wrapper = render(tmp_path)["ovs-vsctl"]
    pidfile = tmp_path / "run/ovs-vswitchd.pid"
    # A daemon that is gone, a process id that now is another program's, no pid file at all, and an empty one.
    container.kill()
    for content in (None, f"{os.getpid()}\n", ""):
        if content is not None:
            pidfile.write_text(content)
        done = run(wrapper, "list-ports", "br0")
        assert (done.returncode, done.stdout) == (69, b"")
        assert b"no Open vSwitch runs on this node" in done.stderr
    pidfile.unlink()
    done = run(wrapper, "list-ports", "br0")
    assert (done.returncode, done.stdout) == (69, b"")


def test_database_server_alone_is_enough_to_ask(container: Container, tmp_path: Path) -> None:
    # The daemon restarts, and its pid file is gone; the database's names a process that runs.
    (tmp_path / "run/ovs-vswitchd.pid").unlink()
    shutil.copy("/bin/sleep", tmp_path / "ovsdb-server")
    database = subprocess.Popen(["nsenter", "-t", str(container.pid), "-m", str(tmp_path / "ovsdb-server"), "600"])
    try:
        wait_for_name(database.pid, "ovsdb-server")
        container.group.take(database.pid)
        (tmp_path / "run/ovsdb-server.pid").write_text(str(database.pid))
        assert run(render(tmp_path)["ovs-vsctl"], "list-br").returncode == 37
    finally:
        database.kill()
        database.wait()


def test_the_wrapper_never_calls_itself(tmp_path: Path) -> None:
    done = run(render(tmp_path)["ovs-vsctl"], "list-br", OVS_WRAPPER_PID="1")
    assert (done.returncode, done.stdout) == (69, b"")
    assert b"no ovs-vsctl beside the Open vSwitch" in done.stderr


@pytest.mark.parametrize("container", [{"form": form} for form in FORMS], indirect=True)
def test_container_is_known_by_every_driver_of_control_groups(container: Container, tmp_path: Path) -> None:
    assert run(render(tmp_path)["ovs-vsctl"], "list-br").returncode == 37
    assert container.called() == b"ovs-vsctl\0list-br\0"


def test_container_is_known_by_a_kubelet_before_1_14(container: Container, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "log")
    logs(tmp_path, container.group, old=True)
    assert run(render(tmp_path)["ovs-vsctl"], "list-br").returncode == 37


# What a hostile pod can have: another namespace, another container's name, a control group that only contains the other's id further below.
@pytest.mark.parametrize("known", ["nothing", "namespace", "container", "other pod"])
def test_no_process_of_another_pod_is_entered(container: Container, tmp_path: Path, known: str) -> None:
    """It wrote its own process id into the pid file, and is called like the daemon."""
    shutil.rmtree(tmp_path / "log")
    group = container.group
    if known == "namespace":
        logs(tmp_path, group, namespace="default")
        logs(tmp_path, group, namespace="default", old=True)
    elif known == "container":
        logs(tmp_path, group, container="app")
        logs(tmp_path, group, container="app", old=True)
    elif known == "other pod":
        other = Group()
        logs(tmp_path, other)
        other.remove()
    wrapper = render(tmp_path)["ovs-vsctl"]
    for pids in (f"{container.pid}\n", f"{container.pid} junk\n", ""):
        (tmp_path / "run/ovs-vswitchd.pid").write_text(pids)
        done = run(wrapper, "list-br")
        assert (done.returncode, done.stdout) == (69, b"")
        assert b"no Open vSwitch runs on this node" in done.stderr
    assert container.called() is None


def test_pod_below_another_pod_is_not_taken_for_it(container: Container, tmp_path: Path) -> None:
    inner = container.group.path / f"kubepods/pod{uuid.uuid4()}" / "x"
    inner.mkdir(parents=True)
    shutil.rmtree(tmp_path / "log")
    (tmp_path / f"log/pods/kube-system_ovs-ovn-x7k2p_{inner.parent.name.removeprefix('pod')}/openvswitch").mkdir(parents=True)
    (inner / "cgroup.procs").write_text(str(container.pid))
    assert run(render(tmp_path)["ovs-vsctl"], "list-br").returncode == 69
    assert container.called() is None


def plant(path: Path, what: str) -> None:
    """What a pod puts in the place of a pid file."""
    path.unlink(missing_ok=True)
    if what == "pipe":
        os.mkfifo(path)
    elif what == "link":
        path.symlink_to("/dev/zero")
    else:
        path.write_text("1" if what == "endless" else what)
        if what == "endless":
            os.truncate(path, 1 << 40)


@pytest.mark.parametrize("written", ["1\n", "999999999\n", "-1\n", "../../etc\n", "$(touch /tmp/x)\n", "\n", "hostile", "pipe", "link", "endless"])
def test_daemon_is_found_whatever_a_pod_writes_into_the_pid_files(container: Container, tmp_path: Path, written: str) -> None:
    (tmp_path / "other").mkdir()
    hostile = Container(tmp_path / "other")
    try:
        for daemon in ("ovs-vswitchd", "ovsdb-server"):
            plant(tmp_path / f"run/{daemon}.pid", f"{hostile.pid}\n" if written == "hostile" else written)
        done = run(render(tmp_path)["ovs-vsctl"], "list-br")
        assert (done.returncode, done.stdout, done.stderr) == (37, OUTPUT, b"noise\n")
        assert (container.called(), hostile.called()) == (b"ovs-vsctl\0list-br\0", None)
    finally:
        hostile.kill()


@pytest.mark.parametrize("container", [{"more": ("--pid", "--fork", "--net", "--ipc", "--uts")}], indirect=True)
def test_all_namespaces_of_the_container_are_entered(container: Container, tmp_path: Path) -> None:
    """The tool of a container with namespaces of its own never sees the host's processes."""
    kinds = ("pid", "net", "ipc", "uts", "mnt")
    script = "".join(f"readlink /proc/self/ns/{kind}\n" for kind in kinds)
    (tmp_path / "inside/ovs-vsctl").write_text(f"#!/bin/sh\nmount -t proc proc /proc\n{script}")
    done = run(render(tmp_path)["ovs-vsctl"], "list-br")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode().split() == [os.readlink(f"/proc/{container.pid}/ns/{kind}") for kind in kinds]
    assert not {os.readlink(f"/proc/self/ns/{kind}") for kind in kinds} & set(done.stdout.decode().split())


DOCKER = """#!{python}
import os, sys
arguments = sys.argv[1:]
with open("{dir}/docker", "ab") as calls:
    calls.write(b"".join(os.fsencode(word) + b"\\0" for word in arguments))
if arguments[0] == "exec":
    os.execv("{dir}/inside/" + arguments[2], arguments[2:])
filters = [word.partition("=")[::2] for before, word in zip(arguments, arguments[1:]) if before == "--filter"]
for line in open("{dir}/containers"):
    identity, status, *labels = line.split()
    if all(value == status if key == "status" else value in labels for key, value in filters):
        print(identity)
sys.exit({rc})
"""


def listed(identity: str, status: str = "running", name: str = "openvswitch", namespace: str = "kube-system", **more: str) -> str:
    """A line of `docker ps`, with the labels that dockershim and cri-dockerd give alike."""
    labels = {"container.name": name, "pod.namespace": namespace, "pod.name": "ovs-ovn-x7k2p", "docker.type": "container", **more}
    return " ".join([identity, status, *(f"io.kubernetes.{key}={value}" for key, value in labels.items())]) + "\n"


# As docker ps lists them, the newest first.
CONTAINERS = [
    listed("sandbox", name="POD", **{"docker.type": "podsandbox"}),
    listed("other", namespace="other"),
    listed("starting", "created"),
    listed("newest"),
    listed("terminating"),
    listed("ended", "exited"),
]


def test_docker_takes_the_newest_running_container(container: Container, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "docker").write_text(DOCKER.format(python=sys.executable, dir=tmp_path, rc=0))
    (tools / "docker").chmod(0o755)
    (tmp_path / "containers").write_text("".join(CONTAINERS))
    path = f"{tools}:/usr/bin:/bin"
    wrappers = render(tmp_path, ovs_wrapper_method="docker")
    for vector in VECTORS:
        (tmp_path / "docker").unlink(missing_ok=True)
        done = run(wrappers[vector[0]], *vector[1:], PATH=path)
        assert (done.returncode, done.stdout) == (37, OUTPUT)
        assert (tmp_path / "argv").read_bytes() == b"".join(word.encode() + b"\0" for word in vector)
        asked = (tmp_path / "docker").read_bytes().split(b"\0")
        assert asked[:3] == [b"ps", b"--quiet", b"--no-trunc"]
        assert b"label=io.kubernetes.container.name=openvswitch" in asked
        assert asked[asked.index(b"exec") + 1] == b"newest"
        assert b"-t" not in asked
    # Only those are left that are not Open vSwitch, or do not run.
    (tmp_path / "containers").write_text("".join(line for line in CONTAINERS if not line.startswith(("newest", "terminating"))))
    done = run(wrappers["ovs-vsctl"], "list-br", PATH=path)
    assert (done.returncode, done.stdout) == (69, b"")
    assert b"no running container openvswitch in namespace kube-system" in done.stderr
    (tools / "docker").write_text(DOCKER.format(python=sys.executable, dir=tmp_path, rc=1))
    assert run(wrappers["ovs-vsctl"], "list-br", PATH=path).returncode == 69


@pytest.mark.parametrize("method", ["nsenter", "docker"])
def test_the_script_is_clean(tmp_path: Path, method: str) -> None:
    shellcheck = shutil.which("shellcheck", path=f"{ROOT}/.venv/bin:{os.environ['PATH']}")
    assert shellcheck is not None, "shellcheck is part of the controller's environment"
    subprocess.run([shellcheck, "--shell=sh", str(render(tmp_path, ovs_wrapper_method=method)["ovs-vsctl"])], check=True, timeout=60)
