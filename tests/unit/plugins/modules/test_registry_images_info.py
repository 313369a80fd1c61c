# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import threading

try:
    from http.server import BaseHTTPRequestHandler, HTTPServer
except ImportError:  # Python 2
    from BaseHTTPServer import BaseHTTPRequestHandler, HTTPServer

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.modules import registry_images_info as registry_images


@pytest.mark.parametrize(
    "name, expected",
    [
        ("dpdk", ("registry-1.docker.io", "library/dpdk", "latest")),
        ("dpdk:19.11", ("registry-1.docker.io", "library/dpdk", "19.11")),
        ("kubeovn/kube-ovn:v1.12.35", ("registry-1.docker.io", "kubeovn/kube-ovn", "v1.12.35")),
        ("docker.io/kubeovn/kube-ovn:v1", ("registry-1.docker.io", "kubeovn/kube-ovn", "v1")),
        ("ghcr.io/a/b/c:v4", ("ghcr.io", "a/b/c", "v4")),
        ("localhost/a", ("localhost", "a", "latest")),
        ("127.0.0.1:5000/a:1", ("127.0.0.1:5000", "a", "1")),
        ("ghcr.io/a/b:v4@sha256:12", ("ghcr.io", "a/b", "sha256:12")),
        ("ghcr.io/a/b@sha256:12", ("ghcr.io", "a/b", "sha256:12")),
    ],
)
def test_names(name, expected):
    assert registry_images.split_name(name) == expected


@pytest.mark.parametrize(
    "challenge, expected",
    [
        ('Bearer realm="https://r/token",service="r.io"', "https://r/token?service=r.io&scope=repository%3Aa%2Fb%3Apull"),
        ('Bearer realm="https://r/token",scope="x"', "https://r/token?scope=x"),
        ('Basic realm="https://r/token"', ""),
        ('Bearer realm="file:///etc/passwd"', ""),
        ("", ""),
    ],
)
def test_challenges(challenge, expected):
    assert registry_images.token_url(challenge, "a/b") == expected


class Module(object):
    """As much of a module as fetch_url looks at."""

    def __init__(self, tmpdir, config=None):
        self.tmpdir = str(tmpdir)
        path = tmpdir.join("config.json")
        if config is not None:
            path.write(json.dumps(config))
        self.params = {"timeout": 10, "docker_config": str(path)}


# user:secret
GOOD = "Basic dXNlcjpzZWNyZXQ="


class Registry(BaseHTTPRequestHandler):
    """Repositories that are open, that want a token, that are private, by a token or by Basic authorization, and one behind a proxy that refuses."""

    def answer(self, code, body=b"", **headers):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        assert self.path.startswith("/token?")
        # As the token server of Docker Hub: no credentials, a token for what is public; wrong ones, none at all.
        given = self.headers.get("Authorization")
        if given not in (None, GOOD):
            self.answer(401)
        else:
            self.answer(200, json.dumps({"token": "own" if given else "anonymous"}).encode("ascii"))

    def do_HEAD(self):
        assert "application/vnd.oci.image.index.v1+json" in self.headers["Accept"]
        repository, tag = self.path.split("/")[2], self.path.split("/")[4]
        realm = 'Bearer realm="http://127.0.0.1:%d/token"' % self.server.server_address[1]
        if repository == "broken":
            self.answer(500)
        elif repository == "basic" and self.headers.get("Authorization") != GOOD:
            self.answer(401, WWW_Authenticate='Basic realm="Registry"')
        elif repository == "private" and self.headers.get("Authorization") == "Bearer own":
            self.answer(200 if tag == "v1" else 404)
        elif repository == "proxy":
            self.answer(403)
        elif repository == "private" or (repository == "token" and self.headers.get("Authorization") != "Bearer anonymous"):
            self.answer(401, WWW_Authenticate=realm)
        else:
            self.answer(200 if tag == "v1" else 404)

    def log_message(self, *_arguments):
        pass


@pytest.fixture(scope="module")
def registry():
    server = HTTPServer(("127.0.0.1", 0), Registry)
    thread = threading.Thread(target=server.serve_forever)
    thread.daemon = True
    thread.start()
    yield "127.0.0.1:%d" % server.server_address[1]
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "image, state",
    [
        ("open:v1", "present"),
        ("open:v2", "absent"),
        ("token:v1", "present"),
        ("token:v2", "absent"),
        ("private:v1", "denied"),
        ("basic:v1", "denied"),
        ("proxy:v1", "denied"),
        ("broken:v1", "unknown"),
    ],
)
def test_what_a_registry_says(registry, tmpdir, image, state):
    assert registry_images.ask(Module(tmpdir), "%s/%s" % (registry, image))["state"] == state


@pytest.mark.parametrize(
    "entry, state",
    [
        ({"auth": "dXNlcjpzZWNyZXQ="}, "present"),
        ({"username": "user", "password": "secret"}, "present"),
        ({"auth": "dXNlcjp3cm9uZw=="}, "denied"),
        # A credential helper has it.
        ({}, "denied"),
    ],
)
@pytest.mark.parametrize("repository", ["private", "basic"])
@pytest.mark.parametrize("key", ["%s", "https://%s", "https://%s/v1/"])
def test_credentials_of_docker_login(registry, tmpdir, repository, key, entry, state):
    module = Module(tmpdir, {"auths": {key % registry: entry}, "credsStore": "pass"})
    assert registry_images.ask(module, "%s/%s:v1" % (registry, repository))["state"] == state


def test_credentials_are_for_their_registry_alone(registry, tmpdir):
    module = Module(tmpdir, {"auths": {"other.example.com": {"auth": "dXNlcjpzZWNyZXQ="}, "https://index.docker.io/v1/": {"auth": "aHViOmh1Yg=="}}})
    assert registry_images.ask(module, "%s/private:v1" % registry)["state"] == "denied"
    path = module.params["docker_config"]
    assert registry_images.credentials(path, "registry-1.docker.io") == "aHViOmh1Yg=="
    assert registry_images.credentials(path, "another.example.com") == ""


@pytest.mark.parametrize("text", ["", "[]", "{", '{"auths": []}', '{"auths": {"r": 1}}'])
def test_a_configuration_that_cannot_be_read_has_no_credentials(tmpdir, text):
    path = tmpdir.join("config.json")
    path.write(text)
    assert registry_images.credentials(str(path), "r") == ""
    assert registry_images.credentials(str(tmpdir.join("missing")), "r") == ""


@pytest.mark.parametrize(
    "text, expected",
    [('{"token": "a"}', "a"), ('{"access_token": "b"}', "b"), ("{}", ""), ("[]", ""), ("<html>", ""), ("", "")],
)
def test_tokens(text, expected):
    assert registry_images.token_of(text) == expected


def test_a_registry_that_is_not_there(tmpdir):
    # Port 1 of the loopback interface: nothing listens there.
    answer = registry_images.ask(Module(tmpdir), "127.0.0.1:1/a:v1")
    assert answer["state"] == "unknown"
    assert "127.0.0.1:1" in answer["detail"]
