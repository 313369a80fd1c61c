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
import time

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _image_name, _node_image
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


# After kubernetes-sigs/cri-tools, cmd/crictl (image.go, util.go, main.go): `inspecti` fails for an image that is not there, and for a runtime that does not
# answer; `images` prints the response of CRI as JSON. Names are looked up as they are given.
CRICTL = """#!/bin/sh
echo "crictl $*" >> {root}/calls
test "$1 $3" = "--runtime-endpoint --image-endpoint" && test "$2 $4" = "unix://{socket} unix://{socket}" || exit 2
test ! -e {root}/hangs || {{ sleep 60 & echo $! > {root}/child; sleep 60; }}
test ! -e {root}/refused || {{
    echo "FATA[0000] validate service connection: CRI v1 image API is not implemented for endpoint \\"$2\\": rpc error: permission denied" >&2
    exit 1
}}
shift 4
case "$1" in
    inspecti) grep -qxF "$3" {root}/cri && echo '{{"status": {{"id": "sha256:1", "repoTags": []}}}}' && exit 0
        echo "FATA[0000] no such image \\"$3\\" present" >&2; exit 1 ;;
    images) echo '{{"images": [{{"id": "sha256:1", "repoTags": ["r.example/mirror/kube-ovn-dpdk:19.11-v1.12.35"], "repoDigests": [], "size": "1",'
        echo '"uid": null, "username": "", "spec": null, "pinned": false}}]}}' ;;
    *) exit 3 ;;
esac
"""
# After containerd, cmd/ctr/commands/images/images.go: `check` prints a row for each image that fits a filter, and nothing at all where there is none. An
# unknown snapshotter makes it fail after its rows.
CTR_CHECK = """#!/bin/sh
echo "ctr $*" >> {root}/calls
test "$1 $2 $3 $4" = "--address {socket} --namespace k8s.io" || {{ echo 'ctr: failed to dial "/run/x": context deadline exceeded' >&2; exit 1; }}
shift 4
case "$1 $2" in
    "images check")
        row=$(grep -F "${{3#name==}} " {root}/containerd) || exit 0
        echo "REF TYPE DIGEST STATUS SIZE UNPACKED"
        echo "$row"
        test ! -e {root}/snapshotter || {{ echo "ctr: unable to check unpack for x: snapshotter not loaded: overlayfs: invalid argument" >&2; exit 1; }} ;;
    "images list") cut -d" " -f1 {root}/containerd ;;
    *) exit 3 ;;
esac
"""
ROW = "%s application/vnd.oci.image.index.v1+json sha256:aa %s 84.4 MiB/84.4 MiB true\n"
FULL = "docker.io/" + NAME
# After containers/podman, cmd/podman/images/exists.go: 0, 1, and 125 for what goes wrong.
PODMAN_EXISTS = """#!/bin/sh
echo "podman $*" >> {root}/calls
case "$1 $2" in
    "image exists")
        test ! -e {root}/refused || {{ echo "Error: open /var/lib/containers: permission denied" >&2; exit 125; }}
        test "$3" = "docker.io/{name}" ;;
    "images --format") echo "localhost/kube-ovn-dpdk:19.11-v1.12.35" ;;
    *) exit 125 ;;
esac
"""
# After docker/cli and moby: what the daemon of 20.10 and later answers, before it in capitals; and what the client says without a daemon.
DOCKER_NAMES = """#!/bin/sh
echo "docker $*" >> {root}/calls
test ! -e {root}/refused || {{ echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?" >&2; exit 1; }}
case "$1 $2" in
    "image inspect") test "$5" = "docker.io/{name}" || {{ echo; echo "Error response from daemon: no such image: $5: No such image: $5" >&2; exit 1; }} ;;
    "image ls") printf '%s\\n' "<none>:<none>" "r.example/kube-ovn:2" "r.example/kube-ovn:v1" ;;
    *) exit 1 ;;
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

    def names(self, *names, **parameters):
        """What is found of names of images."""
        return run_module(node_image_info, self.tree, names=names or [NAME], **parameters)

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


@pytest.fixture
def cri(host):
    host.tree.write("/run/containerd/containerd.sock", "")
    host.program("crictl", CRICTL)
    host.program("ctr", CTR_CHECK)
    host.state.join("cri").write(FULL + "\n")
    host.state.join("containerd").write(ROW % (FULL, "complete (6/6)"))
    return host


def test_names_are_looked_up_as_the_kubelet_does(cri):
    result = cri.names(NAME, "docker.io/kubeovn/other:1")
    assert result["client"] == "crictl"
    assert result["names"] == {NAME: {"present": True, "others": []}, "docker.io/kubeovn/other:1": {"present": False, "others": []}}
    assert (result["changed"], result["missing"]) == (False, [])
    # Nothing else is asked for, and the list only for the one that is missing.
    assert [line.split()[5] for line in cri.calls().splitlines() if line.startswith("crictl")] == ["inspecti", "inspecti"]
    assert cri.names(check=True)["names"][NAME]["present"] is True


@pytest.mark.parametrize("reason", ["missing", "refused"])
def test_ctr_answers_where_crictl_cannot(cri, reason):
    if reason == "missing":
        cri.programs.join("crictl").remove()
    else:
        cri.state.join(reason).write("")
    result = cri.names(NAME, "r.example/x/kube-ovn-dpdk:19.11-v1.12.35")
    assert result["client"] == "ctr"
    assert result["names"][NAME]["present"] is True
    # An image under another name only is of no use, and worth knowing.
    assert result["names"]["r.example/x/kube-ovn-dpdk:19.11-v1.12.35"] == {"present": False, "others": [FULL]}


@pytest.mark.parametrize("status, present", [("complete (6/6)", True), ("incomplete (3/6)", False), ("unavailable (0/?)", False), ("error", False)])
def test_image_without_its_content_is_not_there(cri, status, present):
    cri.programs.join("crictl").remove()
    cri.state.join("containerd").write(ROW % (FULL, status))
    assert cri.names()["names"][NAME]["present"] is present


def test_ctr_that_does_not_know_the_snapshotter_answers_all_the_same(cri):
    cri.programs.join("crictl").remove()
    cri.state.join("snapshotter").write("")
    assert cri.names()["names"][NAME]["present"] is True


def test_client_that_hangs_is_given_up_with_what_it_has_started(cri):
    cri.state.join("hangs").write("")
    started = time.time()
    assert cri.names(timeout=1)["client"] == "ctr"
    assert time.time() - started < 10
    # What init has not reaped yet has no command line any more.
    words = Sysroot("/").read("/proc/%s/cmdline" % cri.state.join("child").read().strip(), "")
    assert not words
    # With nobody else to ask it is an error that says so.
    cri.programs.join("ctr").write("#!/bin/sh\necho 'ctr: failed to dial \"/run/x\": context deadline exceeded' >&2\nexit 1\n")
    message = cri.names(timeout=1)["msg"]
    assert "crictl did not answer within 1 s" in message and "ctr failed: ctr: failed to dial" in message


def test_reasons_of_a_runtime_that_cannot_be_asked(cri):
    cri.state.join("refused").write("")
    cri.programs.join("ctr").write("#!/bin/sh\necho '%s' >&2\nexit 1\n" % ("x" * 2000))
    message = cri.names()["msg"]
    assert "crictl failed: FATA[0000] validate service connection" in message and "permission denied" in message
    assert "ctr failed: " + "x" * 300 in message and "x" * 301 not in message


def test_names_in_crio(host):
    host.tree.write("/run/crio/crio.sock", "")
    host.program("podman", PODMAN_EXISTS)
    result = host.names(NAME, "r.example/kube-ovn-dpdk:19.11-v1.12.35")
    assert result["client"] == "podman"
    assert [result["names"][name]["present"] for name in sorted(result["names"])] == [True, False]
    assert result["names"]["r.example/kube-ovn-dpdk:19.11-v1.12.35"]["others"] == ["localhost/kube-ovn-dpdk:19.11-v1.12.35"]
    host.state.join("refused").write("")
    assert "podman failed: Error: open /var/lib/containers: permission denied" in host.names()["msg"]


def test_names_in_docker(host):
    host.tree.write("/run/docker.sock", "")
    host.program("docker", DOCKER_NAMES)
    result = host.names(NAME, "kubeovn/kube-ovn:v1")
    assert (result["client"], result["names"][NAME]["present"]) == ("docker", True)
    assert result["names"]["kubeovn/kube-ovn:v1"] == {"present": False, "others": ["r.example/kube-ovn:v1"]}
    host.state.join("refused").write("")
    assert "docker failed: Cannot connect to the Docker daemon" in host.names()["msg"]


@pytest.mark.parametrize(
    "name, expected",
    [
        ("dpdk", "docker.io/library/dpdk:latest"),
        ("docker.io/dpdk:1", "docker.io/library/dpdk:1"),
        ("index.docker.io/kubeovn/kube-ovn", "docker.io/kubeovn/kube-ovn:latest"),
        ("Registry/a:1", "Registry/a:1"),
        ("a/b@sha256:12", "docker.io/a/b@sha256:12"),
        ("r.example:5000/a/b:1@sha256:12", "r.example:5000/a/b@sha256:12"),
        ("dpdk:19.11", "docker.io/library/dpdk:19.11"),
        ("kubeovn/kube-ovn:v1", "docker.io/kubeovn/kube-ovn:v1"),
        ("localhost/a", "localhost/a:latest"),
        ("r.example:5000/a/b:1", "r.example:5000/a/b:1"),
        ("r.example:5000/a/b", "r.example:5000/a/b:latest"),
    ],
)
def test_full_names(name, expected):
    assert _node_image.full_name(name) == expected


@pytest.mark.parametrize(
    "name, other, expected",
    [
        ("a/b:1", "r.example/c/b:1", True),
        ("a/b:1", "docker.io/a/b:1", False),
        ("a/b:1", "r.example/a/b:2", False),
        ("a/b:1", "a/c:1", False),
        ("a/b@sha256:12", "r.example/x@sha256:12", True),
        ("a/b@sha256:12", "a/b:1", False),
        ("a/b:1", "sha256:12", False),
        ("a/b:1", "", False),
    ],
)
def test_similar_names(name, other, expected):
    assert _image_name.is_similar(name, other) is expected
