"""Attachments under Docker, as dockershim and cri-dockerd make them: real containers, no UID of the pod among the arguments of the plugin."""

from __future__ import annotations

import subprocess
import sys

import pytest
from lab import NODE, ROOT

sys.path.insert(0, str(ROOT / "tests" / "controller"))
import test_launcher  # noqa: E402
from test_launcher import UID, Node, api_server, shared  # noqa: E402

# The fixture that builds the launcher.
binaries = test_launcher.binaries

# In place of the daemon: a socket that answers.
LISTENER = """setsid python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
s.settimeout(120)
while True:
    s.accept()[0].send(sys.argv[1].encode())
' "/run/openvswitch/$port" >/dev/null 2>&1 </dev/null &
"""
CONNECT = """perl -MIO::Socket::UNIX -e '
for my $name (@ARGV) {
    my $s = IO::Socket::UNIX->new(Peer => "/vhu/$name") or die "$name: $!";
    print scalar(<$s>), "\\n";
}' "$@"
"""


def docker(*command: str) -> str:
    return subprocess.run(["docker", *command], check=True, capture_output=True, text=True, timeout=120).stdout.strip()


@pytest.fixture
def image() -> str:
    """One that is there: the node's own."""
    return docker("inspect", "--format={{.Config.Image}}", NODE)


@pytest.fixture
def node(binaries, tmp_path):
    server = api_server(shared({"hostPath": {"path": "/var/run/openvswitch/pods"}}))
    run_directory = tmp_path / "openvswitch"
    run_directory.mkdir()
    made = Node(binaries, server, run_directory)
    yield made
    made.close()
    server.shutdown()


def test_sockets_are_in_the_pods_directory_without_its_uid(node, image, tmp_path) -> None:
    node.bridge()
    node.path("/run/nosocket").touch()
    node.path("/run/afterwards").write_text(LISTENER)
    sandbox = docker("run", "--detach", "--network=none", "--entrypoint=sleep", image, "600")
    try:
        pid = docker("inspect", "--format={{.State.Pid}}", sandbox)
        # As dockershim's and cri-dockerd's cni package writes them (buildCNIRuntimeConf): no K8S_POD_UID.
        arguments = f"IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=p;K8S_POD_INFRA_CONTAINER_ID={sandbox}"
        call = {"container": sandbox, "CNI_NETNS": f"/proc/{pid}/ns/net", "CNI_ARGS": arguments}
        for interface in ("net1", "net2"):
            added = node.cni("ADD", interface, **call)
            assert added.returncode == 0, added.stdout
        own = f"{tmp_path}/openvswitch/pods/{UID}"
        command = ["run", "--rm", "--network=none", f"--volume={own}:/vhu", "--entrypoint=sh", image, "-c", CONNECT, "sh"]
        names = [f"{sandbox[:12]}-net{number}" for number in (1, 2)]
        assert docker(*command, "net1", "net2", *names).split() == [f"/run/openvswitch/{name}" for name in names * 2]
        assert node.sweep() == "", "the sandbox lives"
    finally:
        docker("rm", "--force", sandbox)
    # The pod's object is gone too.
    node.server.pod = None
    assert "its sandbox no longer exists" in node.sweep()
    for interface in ("net2", "net1"):
        deleted = node.cni("DEL", interface, **{**call, "CNI_NETNS": ""})
        assert deleted.returncode == 0, deleted.stdout
    assert node.ports() == []
    assert node.left() == []
