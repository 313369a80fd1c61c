# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds of images before the first one, against a Docker that has no image."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Docker(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        answers = {"version": {"ApiVersion": "1.41", "Version": "24.0.0"}, "json": []}
        data = json.dumps(answers.get(self.path.partition("?")[0].rpartition("/")[2], {})).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_arguments):
        pass


@pytest.fixture
def docker():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Docker)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"tcp://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.mark.parametrize(
    ("role", "variables"),
    [("dpdk_app", {}), ("ovs_dpdk_image", {"ovs_dpdk_image_release": "v1.12.35", "ovs_dpdk_image_mode": "dedicated"})],
    ids=["dpdk_app", "ovs_dpdk_image"],
)
def test_check_mode_tells_of_the_first_build(tmp_path, docker, role, variables):
    folders = {f"{role}_{name}_dir": str(tmp_path / name) for name in ("build", "artifacts")}
    own = {"ansible_python_interpreter": sys.executable, "ansible_docker_host": docker, **folders, **variables}
    tasks = [{"ansible.builtin.include_role": {"name": f"kube_ovn.dpdk.{role}", "tasks_from": entry}} for entry in ("build", "nodes")]
    book = [{"hosts": "localhost", "gather_facts": False, "vars": own, "environment": {"DOCKER_HOST": docker}, "tasks": tasks}]
    (tmp_path / "play.yml").write_text(json.dumps(book))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml"), "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert [path.name for path in tmp_path.iterdir()] == ["play.yml"]
    built = done.stdout.partition(": Build the image (")[2].splitlines()[1]
    assert built == "changed: [localhost]"
