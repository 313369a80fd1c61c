"""The wrapper of the Open vSwitch tools, in containers of Docker and of containerd, and in front of the lab's real Open vSwitch."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid

import pytest
from lab import NODE, ROOT, on_node, vsctl

sys.path[:0] = [str(ROOT / "tests" / "controller"), str(ROOT / "tests" / "bench")]
from test_wrapper import VECTORS, render  # noqa: E402
from wrapper import IMAGE, compiled, start  # noqa: E402


@pytest.fixture(scope="module")
def docker_container(tmp_path_factory: pytest.TempPathFactory):
    """A container of Docker's on this machine: how its wrapper's tools are called, for either method."""
    directory = tmp_path_factory.mktemp("docker")
    container, pid = start(directory)
    (directory / "run").mkdir()
    (directory / "run" / "ovs-vswitchd.pid").write_text(pid + "\n")
    tools = {}
    for method in ("nsenter", "docker"):
        (directory / method).mkdir()
        variables = {"ovs_wrapper_method": method, "ovs_wrapper_rundir": str(directory / "run"), "ovs_wrapper_namespace": "kube-ovn-dpdk-bench"}
        variables["ovs_wrapper_logs_dir"] = str(directory / "log")
        tools[method] = {name: [str(path)] for name, path in render(directory / method, **variables).items()}
    yield tools
    subprocess.run(["docker", "rm", "--force", container], check=True, capture_output=True, timeout=60)
    subprocess.run(["docker", "rmi", IMAGE], check=True, capture_output=True, timeout=60)


@pytest.fixture(scope="module")
def containerd_container(tmp_path_factory: pytest.TempPathFactory):
    """A container of containerd's on the node, and the wrapper there."""
    directory = tmp_path_factory.mktemp("containerd")
    inside = "/tmp/kube-ovn-dpdk-wrapper"
    on_node("mkdir", "-p", f"{inside}/root/usr/bin", f"{inside}/root/proc", f"{inside}/run", f"{inside}/bin")
    program = compiled(directory)
    tools = render(directory, ovs_wrapper_rundir=f"{inside}/run", ovs_wrapper_logs_dir=f"{inside}/log")
    uid = str(uuid.uuid4())
    on_node("mkdir", "-p", f"{inside}/log/pods/kube-system_wrapper_{uid}/openvswitch")
    for name in ("ovs-vswitchd", *tools):
        subprocess.run(["docker", "exec", "-i", NODE, "sh", "-c", f"cat >{inside}/root/usr/bin/{name}"], input=program.read_bytes(), check=True, timeout=60)
    for name, path in tools.items():
        subprocess.run(["docker", "exec", "-i", NODE, "sh", "-c", f"cat >{inside}/bin/{name}"], input=path.read_bytes(), check=True, timeout=60)
    on_node("sh", "-c", f"chmod -R 0755 {inside}")
    group = ("--cgroup", f"/kubepods/pod{uid}/wrapper")
    on_node("ctr", "-n", "kube-ovn-dpdk", "run", "--detach", *group, "--rootfs", f"{inside}/root", "wrapper", "/usr/bin/ovs-vswitchd")
    listed = on_node("ctr", "-n", "kube-ovn-dpdk", "task", "list", "--quiet=false")
    (pid,) = [line.split()[1] for line in listed.splitlines() if line.startswith("wrapper ")]
    on_node("sh", "-c", f"echo {pid} >{inside}/run/ovs-vswitchd.pid")
    yield {name: ["docker", "exec", NODE, f"{inside}/bin/{name}"] for name in tools}
    on_node("sh", "-c", "ctr -n kube-ovn-dpdk task kill -s KILL wrapper; sleep 1; ctr -n kube-ovn-dpdk container delete wrapper")
    on_node("sh", "-c", f"ctr namespace remove kube-ovn-dpdk; rm -rf {inside}")


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: " ".join(vector[:3]))
@pytest.mark.parametrize("runtime", ["docker, nsenter", "docker, docker exec", "containerd, nsenter"])
def test_wrapper_passes_every_byte(runtime: str, vector: list[str], request: pytest.FixtureRequest) -> None:
    if runtime.startswith("docker"):
        tools = request.getfixturevalue("docker_container")["nsenter" if "nsenter" in runtime else "docker"]
    else:
        tools = request.getfixturevalue("containerd_container")
    done = subprocess.run([*tools[vector[0]], *vector[1:]], capture_output=True, timeout=60, check=False)
    assert done.stdout == b"".join(word.encode() + b"\0" for word in vector)
    assert done.returncode == 37


def test_installed_wrapper_reaches_the_real_open_vswitch() -> None:
    note = "a  *"
    vsctl("set", "Bridge", "br0", f"external_ids:wrapper-test={json.dumps(note)}")
    try:
        assert json.loads(vsctl("get", "Bridge", "br0", "external_ids:wrapper-test")) == note
    finally:
        vsctl("remove", "Bridge", "br0", "external_ids", "wrapper-test")
    before = vsctl("list-ports", "br0")
    vsctl("--if-exists", "del-port", "br0", "")
    assert vsctl("list-ports", "br0") == before
    assert "NORMAL" in on_node("/usr/local/bin/ovs-ofctl", "dump-flows", "br0")
    assert on_node("/usr/local/bin/ovs-appctl", "version").startswith("ovs-vswitchd")
    failed = subprocess.run(["docker", "exec", NODE, "/usr/local/bin/ovs-vsctl", "no-such-command"], capture_output=True, text=True, timeout=60, check=False)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "no-such-command" in failed.stderr
