# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""Images in the container runtime that the kubelet of a node uses, by the runtime's own client.

An image that is brought is compared by its content: the digest of its configuration, which names every layer. A name alone proves nothing. For an image that
is expected on the node only its name is known, and what counts is whether the kubelet would find it: CRI is asked first, and the runtime's own client where
that cannot be.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import platform
import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _kubelet
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, TimeoutExpired, run_within
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._image_name import full_name, is_similar

CONTAINERD = "containerd"
CRIO = "crio"
DOCKER = "docker"
RUNTIMES = (CONTAINERD, CRIO, DOCKER)

# Sockets in the order in which they are looked for. Distributions with a containerd of their own come before the common one, and CRI-O and
# Docker's CRI before containerd: Docker runs a containerd too, which then has no images of Kubernetes.
SOCKETS = (
    ("/run/k3s/containerd/containerd.sock", CONTAINERD),
    ("/run/k0s/containerd.sock", CONTAINERD),
    ("/var/snap/microk8s/common/run/containerd.sock", CONTAINERD),
    ("/run/crio/crio.sock", CRIO),
    ("/run/cri-dockerd.sock", DOCKER),
    ("/run/containerd/containerd.sock", CONTAINERD),
    ("/run/docker.sock", DOCKER),
)
DOCKER_SOCKET = "/run/docker.sock"

# Options of every module that compares images, as documentation fragment _node_image has them.
ARGUMENTS = dict(
    images=dict(
        type="list",
        elements="dict",
        required=True,
        options=dict(
            name=dict(type="str", required=True),
            id=dict(type="str", required=True),
            layers=dict(type="list", elements="str", default=[]),
        ),
    ),
    runtime=dict(type="str", choices=["auto", "containerd", "crio", "docker"], default="auto"),
    socket=dict(type="path"),
    sysroot=dict(type="path", default="/"),
)
# Clients of containerd, where PATH does not lead to them. The last ones are distributions that carry it inside another program.
CTR = (
    ("ctr",),
    ("/usr/local/bin/ctr",),
    ("/var/lib/rancher/rke2/bin/ctr",),
    ("k3s", "ctr"),
    ("/usr/local/bin/k3s", "ctr"),
    ("k0s", "ctr"),
    ("/usr/local/bin/k0s", "ctr"),
    ("/snap/bin/microk8s.ctr",),
    ("/snap/bin/microk8s", "ctr"),
)
CRICTL = (
    ("crictl",),
    ("/usr/local/bin/crictl",),
    ("/var/lib/rancher/rke2/bin/crictl",),
    ("k3s", "crictl"),
    ("/usr/local/bin/k3s", "crictl"),
)
# Names that are shown of images that are similar to a missing one.
SHOWN_OTHERS = 3
LONGEST_NAME = 255
# Letters of what a client says that are shown.
LONGEST_REASON = 300
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm"}


def socket_path(endpoint):
    return re.sub(r"^unix:/*", "/", endpoint or "")


def kubelet_endpoint(sysroot):
    """(runtime, socket) that the running kubelet is configured with; None where no kubelet says it."""
    flags = _kubelet.arguments(sysroot)
    if flags is None:
        return None
    endpoint = flags.get("container-runtime-endpoint")
    if not endpoint:
        configuration = (_kubelet.content(sysroot, flags["config"]) if flags.get("config") else None) or ""
        found = re.search(r"^[ \t]*[\"']?containerRuntimeEndpoint[\"']?[ \t]*:[ \t]*[\"']?([^\s\"',]+)", configuration, re.M)
        endpoint = found.group(1) if found else None
    if not endpoint:
        # Before 1.24 the kubelet has Docker built in, and that is its default.
        return (DOCKER, DOCKER_SOCKET) if sysroot.exists(DOCKER_SOCKET) else None
    return runtime_of(endpoint)


def runtime_of(endpoint):
    path = socket_path(endpoint)
    if "docker" in os.path.basename(path):
        return DOCKER, DOCKER_SOCKET
    return (CRIO if "crio" in path else CONTAINERD), path


def find_runtime(sysroot, wanted="auto", socket=None):
    """(runtime, socket) that holds the images of Kubernetes on this host."""
    if socket:
        found, path = runtime_of(socket)
        return (found if wanted == "auto" else wanted), path
    told = kubelet_endpoint(sysroot)
    if told and wanted in ("auto", told[0]):
        return told
    for path, runtime in SOCKETS:
        if wanted in ("auto", runtime) and (sysroot.exists(path) or sysroot.exists("/var" + path)):
            return runtime, path
    if wanted == "auto":
        raise HostError(
            "no container runtime was found: no kubelet runs, and none of these sockets exists: %s. Start the runtime, or name it in the options "
            "runtime and socket" % ", ".join(path for path, runtime in SOCKETS)
        )
    raise HostError("no socket of %s was found. Start it, or name its socket in the option socket" % wanted)


class Client(object):
    """One runtime. `run(argv)` gives (return code, stdout, stderr); `which(program)` its path or None."""

    def __init__(self, run, which, socket):
        self.run = run
        self.which = which
        self.socket = socket
        self.name = ""

    def ask(self, argv):
        """Output of a command that may find nothing; None when it fails."""
        code, output, dummy = self.run(argv)
        return output if code == 0 else None

    def do(self, argv):
        code, output, errors = self.run(argv)
        if code != 0:
            raise HostError("%s failed: %s" % (" ".join(argv), (errors or output).strip() or "exit code %d" % code))
        return output

    def program(self, candidates):
        for candidate in candidates:
            path = self.which(candidate[0])
            if path:
                found = [path] + list(candidate[1:])
                self.name = self.called(found)
                return found
        names = [" ".join(candidate) for candidate in candidates if not os.path.isabs(candidate[0])]
        raise HostError("none of these programs was found: %s" % ", ".join(names))

    def answer(self, argv, missing=None):
        """Output of a command, or None where it fails because the image is missing. Any other failure is an error, since it says nothing about the image."""
        code, output, errors = self.run(argv)
        if code == 0:
            return output
        if missing and re.search(missing, errors, re.I):
            return None
        raise HostError("%s failed: %s" % (self.called(argv), reason(errors) or reason(output) or "exit code %d" % code))

    @staticmethod
    def called(argv):
        """The program of a command without its folder, with the word that makes k3s and the like a client."""
        words = [os.path.basename(argv[0])] + [word for word in argv[1:2] if word in ("ctr", "crictl")]
        return " ".join(words)


def reason(text):
    """What a client says, in one line of bounded length."""
    return " ".join(text.split())[:LONGEST_REASON]


def parsed(text):
    try:
        return json.loads(text)
    except ValueError:
        return None


class Containerd(Client):
    def __init__(self, run, which, socket):
        super(Containerd, self).__init__(run, which, socket)
        self.ctr = self.program(CTR) + ["--address", socket, "--namespace", "k8s.io"]

    def identity(self, name):
        """Digest of the image's configuration, by way of its manifest, and of the index above that."""
        listed = self.ask(self.ctr + ["images", "list", "name==" + full_name(name)])
        found = re.search(r"\bsha256:[0-9a-f]{64}\b", listed or "")
        return self.configuration(found.group(0)) if found else None

    def configuration(self, digest, depth=0):
        content = parsed(self.ask(self.ctr + ["content", "get", digest]) or "")
        if not isinstance(content, dict) or depth > 2:
            return None
        if "manifests" in content:
            here = ARCHITECTURES.get(platform.machine(), platform.machine())
            fitting = [entry for entry in content["manifests"] if (entry.get("platform") or {}).get("architecture") in (None, here)]
            return self.configuration(fitting[0]["digest"], depth + 1) if fitting else None
        return (content.get("config") or {}).get("digest")

    def has(self, name):
        """Only with all of its content for this platform: a pull that was cut off leaves a name behind."""
        code, output, errors = self.run(self.ctr + ["images", "check", "name==" + full_name(name)])
        rows = [line.split() for line in output.splitlines() if line.split()]
        # A snapshotter that ctr does not know by default makes it fail although it says all about the image; where there is none it prints nothing.
        if code != 0 and not rows:
            raise HostError("%s failed: %s" % (self.called(self.ctr), reason(errors) or "exit code %d" % code))
        return any(row[0] == full_name(name) and "complete" in row for row in rows)

    def names(self):
        return self.answer(self.ctr + ["images", "list", "--quiet"]).split()

    def load(self, archive, names):
        self.do(self.ctr + ["images", "import", archive])


class Docker(Client):
    def __init__(self, run, which, socket):
        super(Docker, self).__init__(run, which, socket)
        self.docker = self.program((("docker",),))

    def identity(self, name):
        output = self.ask(self.docker + ["image", "inspect", name])
        found = parsed(output or "")
        if not found:
            return None
        # An engine that keeps images in containerd calls them by their manifest, so its layers are what can be compared.
        if found[0].get("Descriptor", {}).get("digest") == found[0].get("Id"):
            return [found[0].get("Id")] + list((found[0].get("RootFS") or {}).get("Layers") or [])
        return found[0].get("Id")

    def has(self, name):
        return self.answer(self.docker + ["image", "inspect", "--format", "{{.Id}}", full_name(name)], "no such image") is not None

    def names(self):
        return listed(self.answer(self.docker + ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]))

    def load(self, archive, names):
        self.do(self.docker + ["image", "load", "--input", archive])


class Crio(Client):
    """CRI-O keeps its images where Podman does."""

    def __init__(self, run, which, socket):
        super(Crio, self).__init__(run, which, socket)
        self.tool = self.program((("podman",), ("skopeo",)))
        self.podman = os.path.basename(self.tool[0]) == "podman"

    def identity(self, name):
        if self.podman:
            output = self.ask(self.tool + ["image", "inspect", "--format", "{{.Id}}", full_name(name)])
            return "sha256:" + output.strip().replace("sha256:", "") if output and output.strip() else None
        manifest = parsed(self.ask(self.tool + ["inspect", "--raw", "containers-storage:" + full_name(name)]) or "")
        return (manifest.get("config") or {}).get("digest") if isinstance(manifest, dict) else None

    def has(self, name):
        if self.podman:
            code, output, errors = self.run(self.tool + ["image", "exists", full_name(name)])
            if code > 1:
                raise HostError("podman failed: %s" % (reason(errors) or reason(output) or "exit code %d" % code))
            return code == 0
        missing = "does not resolve to an image|identifier is not an image|no image found"
        return self.answer(self.tool + ["inspect", "--raw", "containers-storage:" + full_name(name)], missing) is not None

    def names(self):
        # Skopeo has no list of them.
        return listed(self.answer(self.tool + ["images", "--format", "{{.Repository}}:{{.Tag}}"])) if self.podman else []

    def load(self, archive, names):
        if self.podman:
            self.do(self.tool + ["load", "--input", archive])
            return
        for name in names:
            self.do(self.tool + ["copy", "docker-archive:%s:%s" % (archive, full_name(name)), "containers-storage:" + full_name(name)])


class Crictl(Client):
    """Any runtime, asked as the kubelet asks it. It says whether an image is there, and cannot load one."""

    def __init__(self, run, which, socket):
        super(Crictl, self).__init__(run, which, socket)
        endpoint = "unix://" + socket
        self.crictl = self.program(CRICTL) + ["--runtime-endpoint", endpoint, "--image-endpoint", endpoint]

    def has(self, name):
        return self.answer(self.crictl + ["inspecti", "--quiet", full_name(name)], "no such image") is not None

    def names(self):
        content = parsed(self.answer(self.crictl + ["images", "--output", "json"]))
        images = content.get("images") if isinstance(content, dict) else None
        return [name for image in images or [] for key in ("repoTags", "repoDigests") for name in image.get(key) or []]


def listed(output):
    """Names of a list with one in each line; an image without a name has <none> in its place."""
    return [line for line in output.split() if "<none>" not in line]


CLIENTS = {CONTAINERD: Containerd, CRIO: Crio, DOCKER: Docker}
# Who is asked for a name, in this order. Docker has no CRI of its own.
ASKED = {CONTAINERD: (Crictl, Containerd), CRIO: (Crictl, Crio), DOCKER: (Docker,)}


def within(seconds):
    """run(argv) that gives up on a client after so many seconds: one whose runtime hangs waits for ever."""

    def run(argv):
        try:
            return run_within(argv, seconds)
        except TimeoutExpired:
            raise HostError("%s did not answer within %d s" % (Client.called(argv), seconds))

    return run


def look_up(runtime, run, which, socket, names):
    """(client, {name: {present, others}}) for names of images; `others` are names of images that are similar to one that is missing.

    Raises HostError with what each client said when none could be asked.
    """
    problems = []
    for kind in ASKED[runtime]:
        try:
            client = kind(run, which, socket)
            there = dict((name, client.has(name)) for name in names)
        except HostError as error:
            problems.append(error.message)
            continue
        missing = [name for name in names if not there[name]]
        known = known_names(runtime, run, which, socket) if missing else []
        return client.name, dict((name, dict(present=there[name], others=others(name, known) if name in missing else [])) for name in names)
    raise HostError("; ".join(problems))


def known_names(runtime, run, which, socket):
    """All names in the runtime, which are a help and not an answer. Its own client shows them as they are, and not as CRI normalises them."""
    for kind in reversed(ASKED[runtime]):
        try:
            return kind(run, which, socket).names()
        except HostError:
            pass
    return []


def others(name, known):
    return sorted(set(other for other in known if len(other) <= LONGEST_NAME and is_similar(name, other)))[:SHOWN_OTHERS]


def same(found, wanted, layers):
    """Whether what a runtime has is the image that is wanted."""
    if isinstance(found, list):
        return found[0] == wanted or (bool(layers) and found[1:] == list(layers))
    return found is not None and found == wanted


def missing(client, images):
    """Names of those images that the runtime lacks, or has with another content."""
    return [image["name"] for image in images if not same(client.identity(image["name"]), image["id"], image.get("layers"))]
