# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds of images, against a Docker that has none at first and keeps what it builds."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import json
import re
import subprocess
import sys
import tarfile
import threading
import urllib.parse
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Engine:
    """Docker with the images that it has built, by name, and what it was asked to build and to push."""

    def __init__(self):
        self.url = ""
        self.images: dict[str, dict] = {}
        self.contexts: list[dict[str, str]] = []
        self.queries: list[dict[str, str]] = []
        self.pushed: list[str] = []

    def build(self, query, data):
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            self.contexts.append({member.name: tar.extractfile(member).read().decode() for member in tar if member.isfile()})
        self.queries.append(query)
        identity = "sha256:" + hashlib.sha256(json.dumps([self.contexts[-1], query], sort_keys=True).encode()).hexdigest()
        self.images[query["t"]] = {"Id": identity, "RepoTags": [query["t"]], "Config": {"Labels": json.loads(query["labels"])}}
        return b'{"stream": "built"}\n'

    def archive(self, name):
        manifest = [{"Config": self.images[name]["Id"].partition(":")[2] + ".json", "RepoTags": [name], "Layers": []}]
        data, stream = json.dumps(manifest).encode(), io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            information = tarfile.TarInfo("manifest.json")
            information.size = len(data)
            tar.addfile(information, io.BytesIO(data))
        return stream.getvalue()


class Docker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, engine, *arguments):
        self.engine = engine
        super().__init__(*arguments)

    def answer(self, data: bytes, code: int = 200):
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        images = self.engine.images
        path = urllib.parse.unquote(self.path.partition("?")[0])
        one = re.search(r"/images/(.+)/(json|get)$", path)
        if path.endswith("/version"):
            self.answer(json.dumps({"ApiVersion": "1.41", "Version": "24.0.0"}).encode())
        elif path.endswith("/images/json"):
            self.answer(json.dumps(list(images.values())).encode())
        elif one and one.group(2) == "get":
            self.answer(self.engine.archive(one.group(1)))
        else:
            found = next((image for image in images.values() if one and one.group(1) in (image["Id"], *image["RepoTags"])), None)
            self.answer(json.dumps(found or {"message": "No such image"}).encode(), 200 if found else 404)

    def do_POST(self):
        path, _mark, rest = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(rest))
        data = b""
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if path.endswith("/build"):
            self.answer(self.engine.build(query, data))
            return
        known = self.engine.pushed.count(path)
        self.engine.pushed.append(path)
        self.answer(json.dumps({"status": "Layer already exists" if known else "Pushing"}).encode() + b"\n")

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def docker():
    engine = Engine()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Docker, engine))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    engine.url = f"tcp://127.0.0.1:{server.server_port}"
    yield engine
    server.shutdown()


def run(tmp_path, docker, role, entries, *arguments, **variables):
    folders = {f"{role}_{name}_dir": str(tmp_path / name) for name in ("build", "artifacts")}
    own = {"ansible_python_interpreter": sys.executable, "ansible_docker_host": docker.url, **folders, **variables}
    tasks = [{"ansible.builtin.include_role": {"name": f"kube_ovn.dpdk.{role}", "tasks_from": entry}} for entry in entries]
    book = [{"hosts": "localhost", "gather_facts": False, "vars": own, "environment": {"DOCKER_HOST": docker.url}, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(json.dumps(book))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml"), *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


def changed(output):
    return int(re.search(r"changed=(\d+) ", output).group(1))


RELEASE = {"ovs_dpdk_image_release": "v1.12.35", "ovs_dpdk_image_mode": "dedicated"}
BOTH = pytest.mark.parametrize(("role", "variables"), [("dpdk_app", {}), ("ovs_dpdk_image", RELEASE)], ids=["dpdk_app", "ovs_dpdk_image"])


@BOTH
def test_check_mode_tells_of_the_first_build(tmp_path, docker, role, variables):
    output = run(tmp_path, docker, role, ["build", "nodes"], "--check", **variables)
    assert [path.name for path in tmp_path.iterdir()] == ["play.yml"]
    built = output.partition(": Build and save or push the image ")[2].splitlines()[1]
    assert built == "changed: [localhost]"
    assert docker.contexts == []


@BOTH
def test_image_is_built_once_and_its_archive_is_brought_to_the_controller(tmp_path, docker, role, variables):
    (tmp_path / "build" / "context").mkdir(parents=True)
    (tmp_path / "build" / "context" / "left").write_text("of an earlier build")
    run(tmp_path, docker, role, ["build"], **variables)
    (name,) = docker.images
    (context,) = docker.contexts
    assert context["Dockerfile"].count("FROM ") and "left" not in context
    archive = re.sub("[^A-Za-z0-9._-]", "_", name) + ".tar"
    assert (tmp_path / "artifacts" / archive).read_bytes() == docker.archive(name)
    assert docker.pushed == []
    for arguments in ([], ["--check"]):
        assert changed(run(tmp_path, docker, role, ["build"], *arguments, **variables)) == 0
    assert len(docker.contexts) == 1
    # Another recipe.
    other = {f"{role}_drivers": ["^librte-net-virtio$"]}
    run(tmp_path, docker, role, ["build"], **variables, **other)
    assert len(docker.contexts) == 2
    assert (tmp_path / "artifacts" / archive).read_bytes() == docker.archive(name)


@pytest.mark.one_core
def test_image_with_start_scripts_of_the_build_host_is_pushed(tmp_path, docker):
    scripts = tmp_path / "scripts"
    (scripts / "dist" / "images").mkdir(parents=True)
    for name in ("start-ovs-dpdk.sh", "ovs-dpdk-healthcheck.sh", "Dockerfile.dpdk"):
        (scripts / "dist" / "images" / name).write_text(f"# {name}")
    given = {**RELEASE, "ovs_dpdk_image_scripts": str(scripts), "ovs_dpdk_image_push": True, "ovs_dpdk_image_registry": "r.example:5000/k"}
    run(tmp_path, docker, "ovs_dpdk_image", ["build", "nodes"], **given)
    assert list(docker.images) == ["r.example:5000/k/kube-ovn-dpdk:19.11-v1.12.35"]
    assert {name for name in docker.contexts[0] if name.startswith("kube-ovn/")} == {"kube-ovn/start-ovs-dpdk.sh", "kube-ovn/ovs-dpdk-healthcheck.sh"}
    assert len(docker.pushed) == 1 and docker.pushed[0].endswith("/images/r.example:5000/k/kube-ovn-dpdk/push")
    assert not (tmp_path / "artifacts").exists() and not list((tmp_path / "build").glob("*.tar"))
    assert changed(run(tmp_path, docker, "ovs_dpdk_image", ["build"], "--check", **given)) == 0
    assert len(docker.pushed) == 1
    assert changed(run(tmp_path, docker, "ovs_dpdk_image", ["build"], **given)) == 0
    assert (len(docker.contexts), len(docker.pushed)) == (1, 2)
    # Another script is another recipe, and nothing is kept of the directory as it was.
    (scripts / "dist" / "images" / "start-ovs-dpdk.sh").write_text("# changed")
    (scripts / "dist" / "images" / "ovs-dpdk-healthcheck.sh").unlink()
    run(tmp_path, docker, "ovs_dpdk_image", ["build"], **given)
    assert {name: text for name, text in docker.contexts[1].items() if name.startswith("kube-ovn/")} == {"kube-ovn/start-ovs-dpdk.sh": "# changed"}


def test_sources_are_downloaded_by_their_checksum(tmp_path, docker):
    (tmp_path / "dpdk.tar.gz").write_bytes(b"sources")
    given = {
        "dpdk_app_variant": "sources", "dpdk_app_dpdk_version": "21.11.2", "dpdk_app_dpdk_url": f"file://{tmp_path}/dpdk.tar.gz",
        "dpdk_app_dpdk_checksum": "sha256:" + hashlib.sha256(b"sources").hexdigest(), "dpdk_app_build_args": {"http_proxy": "http://p.example"},
        "dpdk_app_build_network": "host",
    }  # fmt: skip
    run(tmp_path, docker, "dpdk_app", ["build"], **given)
    assert docker.contexts[0]["dpdk.tar.gz"] == "sources"
    assert "COPY dpdk.tar.gz dpdk.tar" in docker.contexts[0]["Dockerfile"]
    assert json.loads(docker.queries[0]["buildargs"]) == {"http_proxy": "http://p.example"}
    assert docker.queries[0]["networkmode"] == "host"


def build(tmp_path, docker, name: str, **variables) -> str:
    """Output of role image_build for an image from scratch."""
    own = {
        "ansible_python_interpreter": sys.executable, "image_build_name": name, "image_build_dir": str(tmp_path / "build"),
        "image_build_files": [{"file": "Dockerfile", "content": f"FROM scratch\nLABEL name={name}\n"}],
        "image_build_archive": str(tmp_path / "tool.tar"), **variables,
    }  # fmt: skip
    tasks = [{"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.image_build"}}]
    play = {"hosts": "localhost", "connection": "local", "gather_facts": False}
    book = [{**play, "vars": own, "environment": {"DOCKER_HOST": docker.url}, "tasks": tasks}]
    (tmp_path / "image.yml").write_text(json.dumps(book))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "image.yml")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.one_core
def test_without_a_recipe_an_image_is_built_once_from_its_own_context(tmp_path, docker):
    build(tmp_path, docker, "r.example/a:1", image_build_recipe="r1")
    build(tmp_path, docker, "r.example/b:1")
    assert [context["Dockerfile"].split("=")[1] for context in docker.contexts] == ["r.example/a:1\n", "r.example/b:1\n"]
    build(tmp_path, docker, "r.example/b:1")
    build(tmp_path, docker, "r.example/a:1")
    assert len(docker.contexts) == 2


def test_directory_of_the_build_that_was_removed(tmp_path, docker):
    build(tmp_path, docker, "r.example/a:1", image_build_recipe="r1")
    (tmp_path / "build").rename(tmp_path / "elsewhere")
    build(tmp_path, docker, "r.example/a:1", image_build_recipe="r1")
    assert len(docker.contexts) == 1
    assert "changed=0" in build(tmp_path, docker, "r.example/a:1", image_build_recipe="r1")


def test_file_of_the_context_that_is_json_is_written_as_it_is(tmp_path, docker):
    files = [{"file": "Dockerfile", "content": "FROM scratch\n"}, {"file": "x.json", "content": '{\n  "a": true\n}\n'}]
    build(tmp_path, docker, "r.example/a:1", image_build_files=files)
    assert docker.contexts[0]["x.json"] == files[1]["content"]
