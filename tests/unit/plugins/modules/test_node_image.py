# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules node_image and node_image_info with clients that answer as those of the runtimes do."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import json
import os
import platform

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _node_image
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, Sysroot
from ansible_collections.kube_ovn.dpdk.plugins.modules import node_image, node_image_info
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module

NAME = "kubeovn/kube-ovn-dpdk:19.11-v1.12.35"
CONFIG = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
LAYERS = ["sha256:" + "c" * 64]
IMAGE = {"name": NAME, "id": CONFIG, "layers": LAYERS}

# After containerd 1.6 and 1.7, cmd/ctr/commands/images: `list` prints a table whose third column is the digest of the manifest or index, and only its
# header where nothing fits the filter; `content get` fails for what is not there; `import` prints what it unpacks and keeps the configuration as it is.
CTR = """#!/bin/sh
echo "$*" >> {root}/calls
test "$1 $2 $3 $4" = "--address {socket} --namespace k8s.io" || {{ echo "ctr: failed to dial $2: no such file" >&2; exit 1; }}
shift 4
case "$1 $2" in
    "images list")
        echo "REF TYPE DIGEST SIZE PLATFORMS LABELS"
        test "$3" = "name==docker.io/{name}" && test -e {root}/there &&
            echo "docker.io/{name} application/vnd.oci.image.index.v1+json $(cat {root}/there) 84.4 MiB linux/amd64 io.cri-containerd.image=managed"
        exit 0 ;;
    "content get") test -e "{root}/content/$3" || {{ echo "ctr: content digest $3: not found" >&2; exit 1; }}; cat "{root}/content/$3" ;;
    "images import") test -s "$3" || exit 1; cat {root}/imported > {root}/there; echo "unpacking docker.io/{name}...done" ;;
    *) echo "ctr: unknown command" >&2; exit 1 ;;
esac
"""
# After docker/cli, cli/command/image: `inspect` prints a list, and fails with [] on stdout where the image is not there.
DOCKER = """#!/bin/sh
echo "$*" >> {root}/calls
case "$1 $2" in
    "image inspect") test -e {root}/there || {{ echo '[]'; echo "Error: No such image: $3" >&2; exit 1; }}; cat {root}/there ;;
    "image load") cat {root}/imported > {root}/there; echo "Loaded image: {name}" ;;
    *) exit 1 ;;
esac
"""
# After containers/podman, cmd/podman/images: the id has no algorithm in front.
PODMAN = """#!/bin/sh
echo "$*" >> {root}/calls
case "$1 $2" in
    "image inspect") test -e {root}/there || {{ echo "Error: {name}: image not known" >&2; exit 125; }}; cat {root}/there ;;
    "load --input") cat {root}/imported > {root}/there ;;
    *) exit 125 ;;
esac
"""


class Host(object):
    def __init__(self, tmpdir, monkeypatch):
        self.tree = Tree(tmpdir.mkdir("root"))
        self.state = tmpdir.mkdir("state")
        self.programs = tmpdir.mkdir("bin")
        self.archive = tmpdir.join("image.tar")
        self.archive.write("tar")
        monkeypatch.setenv("PATH", "%s:/usr/bin:/bin" % self.programs)

    def program(self, name, text, socket="/run/containerd/containerd.sock"):
        path = self.programs.join(name)
        path.write(text.format(root=self.state, socket=socket, name=NAME))
        os.chmod(str(path), 0o755)

    def content(self, value):
        """Store a manifest or index as containerd does, and return its digest."""
        data = json.dumps(value, sort_keys=True)
        digest = "sha256:" + hashlib.sha256(data.encode("utf-8")).hexdigest()
        self.state.ensure("content", dir=True).join(digest).write(data)
        return digest

    def manifest(self, configuration):
        return self.content({"schemaVersion": 2, "config": {"digest": configuration}, "layers": []})

    def index(self, configuration):
        here = _node_image.ARCHITECTURES.get(platform.machine(), platform.machine())
        others = {"digest": OTHER, "platform": {"architecture": "s390x", "os": "linux"}}
        return self.content({"manifests": [others, {"digest": self.manifest(configuration), "platform": {"architecture": here, "os": "linux"}}]})

    def there(self, text):
        self.state.join("there").write(text)

    def imported(self, text):
        self.state.join("imported").write(text)

    def calls(self):
        return self.state.join("calls").read() if self.state.join("calls").check() else ""

    def kubelet(self, *arguments, **more):
        self.tree.kubelet(*arguments, **dict({"number": 731}, **more))

    def load(self, check=False, **parameters):
        return run_module(node_image, self.tree, check=check, archive=str(self.archive), images=[IMAGE], **parameters)

    def info(self, **parameters):
        return run_module(node_image_info, self.tree, images=[IMAGE], **parameters)


@pytest.fixture
def host(tmpdir, monkeypatch):
    return Host(tmpdir, monkeypatch)


@pytest.fixture
def containerd(host):
    host.tree.write("/run/containerd/containerd.sock", "")
    host.program("ctr", CTR)
    host.imported(host.index(CONFIG))
    return host


def test_image_is_loaded_once(containerd):
    assert containerd.info()["missing"] == [NAME]
    assert containerd.load(check=True)["changed"] is True
    assert "import" not in containerd.calls()
    result = containerd.load()
    assert (result["changed"], result["runtime"], result["socket"]) == (True, "containerd", "/run/containerd/containerd.sock")
    assert result["diff"] == {"before": "", "after": NAME + "\n"}
    assert containerd.load()["changed"] is False
    assert containerd.calls().count("images import") == 1
    assert containerd.info()["missing"] == []


@pytest.mark.parametrize("kind", ["manifest", "index"])
def test_image_of_the_same_name_with_another_content_is_replaced(containerd, kind):
    containerd.there(getattr(containerd, kind)(OTHER))
    assert containerd.info()["missing"] == [NAME]
    assert containerd.load()["changed"] is True
    containerd.there(getattr(containerd, kind)(CONFIG))
    assert containerd.load()["changed"] is False


def test_image_whose_manifest_is_not_stored_is_loaded(containerd):
    containerd.there("sha256:" + "d" * 64)
    assert containerd.load()["changed"] is True


def test_archive_that_does_not_hold_the_image_is_an_error(containerd):
    containerd.imported(containerd.index(OTHER))
    assert "does not have %s with the content" % NAME in containerd.load()["msg"]


def test_missing_archive_is_an_error(containerd):
    containerd.archive.remove()
    assert "image.tar does not exist" in containerd.load()["msg"]


def test_docker(host):
    host.tree.write("/run/docker.sock", "")
    host.program("docker", DOCKER)
    host.imported(json.dumps([{"Id": CONFIG, "RootFS": {"Layers": LAYERS}}]))
    assert host.load()["changed"] is True
    assert host.load()["changed"] is False
    host.there(json.dumps([{"Id": OTHER, "RootFS": {"Layers": LAYERS}}]))
    assert host.info()["missing"] == [NAME]


def test_docker_that_keeps_images_in_containerd_is_compared_by_layers(host):
    host.tree.write("/run/docker.sock", "")
    host.program("docker", DOCKER)
    host.there(json.dumps([{"Id": OTHER, "Descriptor": {"digest": OTHER}, "RootFS": {"Layers": LAYERS}}]))
    assert host.info()["missing"] == []
    host.there(json.dumps([{"Id": OTHER, "Descriptor": {"digest": OTHER}, "RootFS": {"Layers": LAYERS + LAYERS}}]))
    assert host.info()["missing"] == [NAME]


def test_crio_by_podman(host):
    host.tree.write("/run/crio/crio.sock", "")
    host.program("podman", PODMAN)
    host.imported("a" * 64 + "\n")
    assert host.load()["runtime"] == "crio"
    assert host.load()["changed"] is False


# kubelet of Docker hosts: a containerd of Docker's own runs beside it, and images in it are of no use.
def test_kubelet_decides_where_two_runtimes_run(host):
    for socket in ("/run/containerd/containerd.sock", "/run/docker.sock"):
        host.tree.write(socket, "")
    host.program("docker", DOCKER)
    host.imported(json.dumps([{"Id": CONFIG}]))
    host.kubelet("--config=/var/lib/kubelet/config.yaml", "--network-plugin=cni")
    assert host.load()["runtime"] == "docker"


@pytest.mark.parametrize(
    "arguments, configuration, expected",
    [
        (["--container-runtime-endpoint=unix:///run/k3s/containerd/containerd.sock"], "", ("containerd", "/run/k3s/containerd/containerd.sock")),
        (["--container-runtime-endpoint", "unix:///var/run/crio/crio.sock"], "", ("crio", "/var/run/crio/crio.sock")),
        (["--container-runtime-endpoint=unix:///run/cri-dockerd.sock"], "", ("docker", "/run/docker.sock")),
        (["--container-runtime-endpoint=/run/containerd/containerd.sock"], "", ("containerd", "/run/containerd/containerd.sock")),
        (["--config=/etc/k.yaml"], "containerRuntimeEndpoint: unix:///run/a.sock\n", ("containerd", "/run/a.sock")),
        (["--config", "/etc/k.yaml"], 'kind: K\ncontainerRuntimeEndpoint: "unix:///run/crio/crio.sock"\n', ("crio", "/run/crio/crio.sock")),
        (["--config=/etc/k.yaml"], '{"kind": "K",\n "containerRuntimeEndpoint": "unix:///run/b.sock"}', ("containerd", "/run/b.sock")),
        # Told by both: the flag wins.
        (["--config=/etc/k.yaml", "--container-runtime-endpoint=unix:///run/c.sock"], "containerRuntimeEndpoint: /d.sock", ("containerd", "/run/c.sock")),
    ],
)
def test_endpoint_of_the_kubelet(host, arguments, configuration, expected):
    host.tree.write("/run/containerd/containerd.sock", "")
    host.tree.write("/etc/k.yaml", configuration)
    host.kubelet(*arguments)
    assert _node_image.find_runtime(Sysroot(host.tree.root)) == expected


def test_processes_that_only_mention_the_kubelet_do_not_count(host):
    host.tree.write("/run/containerd/containerd.sock", "")
    host.tree.write("/proc/7/cmdline", "\0".join(["grep", "-r", "kubelet", "--container-runtime-endpoint=unix:///tmp/evil.sock"]) + "\0")
    assert _node_image.find_runtime(Sysroot(host.tree.root)) == ("containerd", "/run/containerd/containerd.sock")


def test_pod_that_calls_its_process_kubelet(host):
    host.tree.write("/run/containerd/containerd.sock", "")
    host.tree.process(1, "/sbin/init")
    host.tree.pod(9, "kubelet", "--container-runtime-endpoint=unix:///proc/9/root/evil.sock")
    assert _node_image.find_runtime(Sysroot(host.tree.root)) == ("containerd", "/run/containerd/containerd.sock")
    host.kubelet("--container-runtime-endpoint=unix:///run/crio/crio.sock")
    assert _node_image.find_runtime(Sysroot(host.tree.root)) == ("crio", "/run/crio/crio.sock")


@pytest.mark.parametrize(
    "sockets, expected",
    [
        (["/run/k3s/containerd/containerd.sock"], "/run/k3s/containerd/containerd.sock"),
        (["/run/k0s/containerd.sock", "/run/containerd/containerd.sock"], "/run/k0s/containerd.sock"),
        (["/var/snap/microk8s/common/run/containerd.sock"], "/var/snap/microk8s/common/run/containerd.sock"),
        (["/run/containerd/containerd.sock", "/run/cri-dockerd.sock", "/run/docker.sock"], "/run/cri-dockerd.sock"),
        (["/var/run/docker.sock"], "/run/docker.sock"),
    ],
)
def test_sockets_of_distributions(host, sockets, expected):
    for socket in sockets:
        host.tree.write(socket, "")
    assert _node_image.find_runtime(Sysroot(host.tree.root))[1] == expected


@pytest.mark.parametrize("program", ["k3s", "k0s"])
def test_client_inside_another_program(host, monkeypatch, program):
    # Where the machine that runs the tests has a ctr of its own.
    monkeypatch.setattr(_node_image, "CTR", tuple(words for words in _node_image.CTR if words[0] == program))
    socket = "/run/k3s/containerd/containerd.sock"
    host.tree.write(socket, "")
    host.program(program, CTR.replace("#!/bin/sh\n", "#!/bin/sh\nshift\n"), socket)
    host.imported(host.index(CONFIG))
    assert host.load()["changed"] is True
    assert host.load()["changed"] is False


def test_no_runtime_is_an_error_with_its_cure(host):
    message = host.load()["msg"]
    assert "no container runtime was found" in message and "/run/k3s/containerd/containerd.sock" in message
    with pytest.raises(HostError, match="no socket of crio"):
        _node_image.find_runtime(Sysroot(host.tree.root), "crio")


def test_runtime_without_its_client_is_an_error(host, monkeypatch):
    monkeypatch.setattr(node_image.AnsibleModule, "get_bin_path", lambda *_arguments, **_more: None)
    host.tree.write("/run/crio/crio.sock", "")
    assert "none of these programs was found: podman, skopeo" in host.load()["msg"]


@pytest.mark.parametrize(
    "name, expected",
    [
        ("dpdk:19.11", "docker.io/library/dpdk:19.11"),
        ("kubeovn/kube-ovn:v1", "docker.io/kubeovn/kube-ovn:v1"),
        ("localhost/a", "localhost/a:latest"),
        ("r.example:5000/a/b:1", "r.example:5000/a/b:1"),
        ("r.example:5000/a/b", "r.example:5000/a/b:latest"),
    ],
)
def test_full_names(name, expected):
    assert _node_image.full_name(name) == expected
