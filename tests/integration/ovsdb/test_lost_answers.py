# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transactions whose answer is lost between the server and the module: what may have changed is reported as changed."""

import os
import socket
import tempfile
import threading
import time

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_bridge, ovs_config
from local import info, process, run

MAY = "the change was sent and its answer was lost, so it may have been applied"


class Relay:
    """Stands between a module and the real server. At the first transaction that writes it does what `behaviour` says.

    hang: passes it on after a while and never answers. die: passes it on, and is gone. lose: passes it on, waits until it is made, calls `between`,
    and breaks the connection. garble: answers something else. drop: breaks the connection without having passed it on.
    """

    def __init__(self, server, behaviour, between=None):
        self.server = server
        self.behaviour = behaviour
        self.between = between
        self.done = False

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = self.directory.name + "/db.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        self.threads = [threading.Thread(target=self._accept, daemon=True)]
        self.threads[0].start()
        return "unix:" + self.path

    def __exit__(self, *_dummy):
        self.listener.close()
        self.directory.cleanup()

    def _accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            upstream = socket.socket(socket.AF_UNIX)
            upstream.connect(self.server.socket)
            threading.Thread(target=self._serve, args=(client, upstream), daemon=True).start()

    def _serve(self, client, upstream):
        """Requests are small and come one at a time; an answer is whole when the server has nothing more to say."""
        with client, upstream:
            while True:
                try:
                    request = client.recv(1 << 20)
                    if not request:
                        return
                    if b'"op":"mutate"' in request and not self.done:
                        self.done = True
                        self._misbehave(request, client, upstream)
                        return
                    upstream.sendall(request)
                    self._answer(client, upstream)
                except OSError:
                    return

    @staticmethod
    def _answer(client, upstream):
        upstream.settimeout(5)
        while True:
            client.sendall(upstream.recv(1 << 20))
            upstream.settimeout(0.05)
            try:
                if not upstream.recv(1, socket.MSG_PEEK):
                    return
            except (socket.timeout, BlockingIOError):
                return
            finally:
                upstream.settimeout(5)

    def _misbehave(self, request, client, upstream):
        if self.behaviour == "hang":
            time.sleep(2)
        if self.behaviour == "die":
            self.listener.close()
            os.unlink(self.path)
        if self.behaviour != "drop":
            upstream.sendall(request)
            upstream.settimeout(5)
            upstream.recv(1 << 20)
        if self.between is not None:
            self.between()
        if self.behaviour == "garble":
            client.sendall(b'{"id":3,"error":null,"result":[]}')
        if self.behaviour in ("hang", "garble"):
            client.settimeout(10)
            client.recv(1)


@pytest.mark.parametrize(("behaviour", "message"), [
    ("hang", "no reply from the database"), ("die", "cannot be reached: there is no such socket"), ("garble", "answered 0 of"),
])
def test_a_failure_after_the_commit_is_a_change(database, behaviour, message):
    with Relay(database, behaviour) as remote:
        result = process("ovs_config", remote, wait=False, timeout=1, other_config={"k": "v"})
        assert result["failed"] and result["changed"] is True, result
        assert message in result["msg"] and result["msg"].endswith(MAY), result
        if behaviour == "hang":
            time.sleep(2)
    assert database.root()["other_config"] == {"k": "v"}


def test_a_failure_before_the_commit_is_none(database):
    run(ovs_bridge, database.database, bridges=[{"name": "br0"}])
    result = process("ovs_port", database.database, wait=False, name="p0", bridge="br7")
    assert result["failed"] and result["changed"] is False and MAY not in result["msg"]


def test_an_answer_that_is_lost_while_others_change_one_object(database):
    """The next attempt has less to do; the result has all that changed."""
    run(ovs_bridge, database.database, bridges=[{"name": "br0"}])

    def between():
        database.vsctl("--no-wait", "set", "Port", "p1", "tag=9")

    wanted = [{"name": f"p{number}", "bridge": "br0", "tag": number} for number in range(3)]
    with Relay(database, "lose", between) as remote:
        result = process("ovs_port", remote, wait=False, ports=wanted)
    assert result["changed"] is True, result
    assert result["changes"] == [{"name": f"p{number}", "action": "created", "columns": []} for number in range(3)]
    assert [entry["before"] for entry in result["diff"]] == [{}, {}, {}]
    assert info(database.database)["ports"]["p1"]["tag"] == 1


def test_an_answer_that_is_lost_while_others_undo_it(database):
    """Nothing is left to do, and yet something was changed."""
    run(ovs_config, database.database, other_config={"k": "old"})

    def between():
        database.vsctl("--no-wait", "remove", "Open_vSwitch", ".", "other_config", "k")

    with Relay(database, "lose", between) as remote:
        result = process("ovs_config", remote, wait=False, other_config={"k": None})
    assert result["changed"] is True and result["changes"] == [{"name": "Open_vSwitch", "action": "changed", "columns": ["other_config"]}], result


def test_a_lost_answer_and_then_a_refusal(database):
    """The second attempt cannot be made, but the first one may have been."""
    run(ovs_bridge, database.database, bridges=[{"name": "br0"}])

    def between():
        database.vsctl("--no-wait", "del-br", "br0")

    with Relay(database, "lose", between) as remote:
        result = process("ovs_port", remote, wait=False, name="p0", bridge="br0")
    assert result["failed"] and result["changed"] is True, result
    assert "there is no bridge br0" in result["msg"] and result["msg"].endswith(MAY), result


def test_a_request_that_is_lost_is_made_again(database):
    with Relay(database, "drop") as remote:
        result = process("ovs_config", remote, wait=False, other_config={"k": "v"})
    assert (result["changed"], database.root()["other_config"], database.root()["next_cfg"]) == (True, {"k": "v"}, 1), result
