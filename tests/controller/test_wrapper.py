"""The wrapper of the Open vSwitch tools: what arrives in the container is what was given, byte for byte."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import jinja2
import pytest

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "roles/ovs_wrapper/templates"
TOOLS = ("ovs-vsctl", "ovs-ofctl", "ovs-appctl")

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a mount namespace"),
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


def wait_for_name(process: subprocess.Popen, name: str) -> None:
    for _turn in range(500):
        if Path(f"/proc/{process.pid}/comm").read_text().strip() == name:
            return
        time.sleep(0.01)
    raise AssertionError(f"{process.args} did not become {name}")


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


class Container:
    """A mount namespace in which the tools are a recorder, with a process there that is called like the daemon."""

    def __init__(self, directory: Path, root: str = "in place"):
        self.dir = directory
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
        self.process = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", script], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "up\n"
        wait_for_name(self.process, "ovs-vswitchd")
        self.pid = self.process.pid

    def called(self) -> bytes | None:
        """How a tool was called there, or nothing."""
        path = self.dir / "argv"
        return path.read_bytes() if path.exists() else None

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def container(tmp_path: Path, request: pytest.FixtureRequest):
    holder = Container(tmp_path, getattr(request, "param", "in place"))
    rundir = tmp_path / "run"
    rundir.mkdir()
    (rundir / "ovs-vswitchd.pid").write_text(f"{holder.pid}\n")
    yield holder
    holder.kill()


def render(tmp_path: Path, **variables: str) -> dict[str, Path]:
    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters["quote"] = shlex.quote
    values = {
        "ansible_managed": "managed",
        "ovs_wrapper_method": "nsenter",
        "ovs_wrapper_rundir": str(tmp_path / "run"),
        "ovs_wrapper_container": "openvswitch",
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


@pytest.mark.parametrize("container", [root for root in ROOTS if root != "in place"], indirect=True)
def test_nsenter_comes_into_the_root_of_the_container(container: Container, tmp_path: Path) -> None:
    done = run(render(tmp_path)["ovs-vsctl"], "--if-exists", "del-port", "br0", "")
    assert (done.returncode, done.stdout) == (37, OUTPUT)
    assert container.called() == b"ovs-vsctl\0--if-exists\0del-port\0br0\0\0"


def test_nsenter_takes_the_one_that_started_last(container: Container, tmp_path: Path) -> None:
    # An old pod is still terminating; the new one's daemon has made the pid file its own.
    (tmp_path / "new").mkdir()
    new = Container(tmp_path / "new")
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
    wait_for_name(database, "ovsdb-server")
    (tmp_path / "run/ovsdb-server.pid").write_text(str(database.pid))
    assert run(render(tmp_path)["ovs-vsctl"], "list-br").returncode == 37
    database.kill()
    database.wait()


def test_the_wrapper_never_calls_itself(tmp_path: Path) -> None:
    done = run(render(tmp_path)["ovs-vsctl"], "list-br", OVS_WRAPPER_PID="1")
    assert (done.returncode, done.stdout) == (69, b"")
    assert b"no ovs-vsctl beside the Open vSwitch" in done.stderr


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
