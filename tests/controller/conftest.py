# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import hashlib
import http.server
import importlib.util
import json
import sys
import threading
from pathlib import Path

import pytest

# The collection is imported by its full name.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".collections"))


def fake_api():
    specification = importlib.util.spec_from_file_location("fake_api", Path(__file__).resolve().parents[2] / "molecule" / "multus" / "files" / "api.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def kubernetes(monkeypatch):
    """The API server of other tests, with containers in which a file can be read: `files` has what is in them."""
    fake = fake_api()
    files: dict[str, str] = {}

    class Api(fake.Api):
        def do_GET(self):
            command = [part.partition("=")[2] for part in self.path.partition("?")[2].split("&") if part.startswith("command=")]
            if "/exec?" not in self.path:
                return self.handle_one()
            content = files.get(command[1].replace("%2F", "/")) if command[0] == "cat" else None
            causes = {"causes": [{"reason": "ExitCode", "message": "1"}]}
            status = {"status": "Success"} if content is not None else {"status": "Failure", "details": causes}
            key = hashlib.sha1((self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
            self.send_response(101)
            for header in (("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Accept", base64.b64encode(key).decode())):
                self.send_header(*header)
            self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
            self.end_headers()
            # Their first byte is the channel: the output or the errors, and how it ended.
            output = b"\2cat: No such file or directory" if content is None else b"\1" + content.encode()
            for data in (output, b"\3" + json.dumps(status).encode()):
                self.wfile.write(b"\x82\x7e" + len(data).to_bytes(2, "big") + data)
            self.wfile.write(b"\x88\x00")
            self.close_connection = True
            return None

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("K8S_AUTH_HOST", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "none")
    fake.files = files
    yield fake
    server.shutdown()
