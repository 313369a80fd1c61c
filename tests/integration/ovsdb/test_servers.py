# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that are missing, restarting, refusing, foreign, older, newer, or broken: a clear result in each case."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest
import schemas
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_bridge, ovs_config, ovs_port
from local import ROOT, info, process, run
from switch import Switch, binary


@pytest.mark.parametrize("name", schemas.RELEASES)
def test_release(tmp_path, name):
    with Switch(vswitchd=False, schema=schemas.release(tmp_path / "schema", name)) as server:
        full_tour(server)


def test_release_long_ago(tmp_path):
    with Switch(vswitchd=False, schema=schemas.long_ago(tmp_path / "schema")) as server:
        full_tour(server)
        have = info(server.database)
        assert have["dpdk_initialized"] is False
        assert have["dpdk_version"] is None
        assert have["iface_types"] == []
        with pytest.raises(OvsdbError, match=r"schema 7\.12\.1\) has no column mtu_request in table Interface"):
            run(ovs_bridge, server.database, bridges=[{"name": "br0"}])
            run(ovs_port, server.database, ports=[{"name": "p9", "bridge": "br0", "mtu_request": 9000}])
        assert sorted(info(server.database)["ports"]) == ["br0"]
        with pytest.raises(OvsdbError, match="has no column dpdk_initialized"):
            run(ovs_config, server.database, other_config={"dpdk-init": "true"}, wait_dpdk=True, wait=True, log_file="/nonexistent")


def full_tour(server):
    """Create, change and remove something in every table that the modules write."""
    database = server.database
    assert run(ovs_bridge, database, bridges=[{"name": "br0", "datapath_type": "netdev", "controllers": ["tcp:127.0.0.1:6653"]}])["changed"]
    ports = [{"name": "p0", "bridge": "br0", "type": "dpdkvhostuserclient", "options": {"vhost-server-path": "/tmp/x"}, "tag": 1},
             {"name": "b0", "bridge": "br0", "bond_mode": "balance-slb", "interfaces": [{"name": "m0"}, {"name": "m1"}]}]
    assert run(ovs_port, database, ports=ports)["changed"]
    assert not run(ovs_port, database, ports=ports)["changed"]
    assert run(ovs_config, database, other_config={"dpdk-init": "true"})["changed"]
    assert run(ovs_port, database, ports=[{"name": "p0", "state": "absent"}, {"name": "b0", "interfaces": [{"name": "m2"}]}])["changed"]
    have = info(database)
    assert have["bridges"]["br0"]["controllers"] == ["tcp:127.0.0.1:6653"]
    assert have["ports"]["b0"]["interfaces"] == ["m2"]
    assert sorted(have["interfaces"]) == ["br0", "m2"]
    assert run(ovs_bridge, database, bridges=[{"name": "br0", "state": "absent"}])["changed"]
    assert info(database)["ports"] == {}


def test_socket_missing():
    with tempfile.TemporaryDirectory() as directory:
        result = process("ovs_bridge", f"unix:{directory}/db.sock", name="br0")
        assert result["failed"]
        assert result["msg"].endswith(f"unix:{directory}/db.sock cannot be reached: there is no such socket; is ovsdb-server running?")
        result = process("ovs_info", f"unix:{directory}/none/db.sock")
        assert f"directory {directory}/none does not exist; is Open vSwitch installed on this host?" in result["msg"]


def test_socket_of_a_dead_server():
    with tempfile.TemporaryDirectory() as directory:
        dead = socket.socket(socket.AF_UNIX)
        dead.bind(f"{directory}/db.sock")
        dead.close()
        with pytest.raises(OvsdbError, match="connection refused; is ovsdb-server running"):
            info(f"unix:{directory}/db.sock")


def test_permission_denied(database):
    os.chmod(database.directory, 0o755)
    os.chmod(database.socket, 0o600)
    result = process_as_nobody("ovs_info", database.database)
    assert result["msg"] == f"the database at {database.database} cannot be opened: permission denied; run the task with become: true"


def process_as_nobody(name, database):
    """The interpreter's and this checkout's files may be closed to others, so the module changes its user itself after it was read."""
    program = f"import os, ansible_collections.kube_ovn.dpdk.plugins.modules.{name} as module; os.setuid(65534); module.main()"
    done = subprocess.run(
        [sys.executable, "-B", "-c", program], input=json.dumps({"ANSIBLE_MODULE_ARGS": {"database": database}}),
        capture_output=True, text=True, check=False, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT / ".collections")},
    )
    return json.loads(done.stdout)


def test_database_without_open_vswitch(tmp_path):
    with Switch(vswitchd=False, init=False, schema=schemas.foreign(tmp_path / "schema")) as server, pytest.raises(
        OvsdbError, match=r"has no database Open_vSwitch \(unknown database\); it has: Something_Else, _Server"
    ):
        info(server.database)


def test_database_that_no_switch_has_used():
    with Switch(vswitchd=False, init=False) as server:
        assert info(server.database)["bridges"] == {}
        assert run(ovs_bridge, server.database, bridges=[{"name": "br0"}])["changed"]
        assert not run(ovs_bridge, server.database, bridges=[{"name": "br0"}])["changed"]
        assert len(server.rows("Open_vSwitch")) == 1
        assert server.vsctl("list-br") == "br0"


@pytest.mark.parametrize("database", ["br0", "ptcp:6640", "unix:", "tcp:host:port", "tcp:127.0.0.1:70000", "ssl:127.0.0.1:6640"])
def test_database_that_is_none(database):
    with pytest.raises(OvsdbError, match="is not understood: give unix:/path|needs ca_cert"):
        info(database)


def test_switch_not_running(database):
    result = process("ovs_bridge", database.database, timeout=2, name="br0")
    assert result["failed"] and result["changed"]
    assert "ovs-vswitchd did not apply it within 2 s; is it running? For a database without a running switch set wait: false" in result["msg"]
    assert process("ovs_bridge", database.database, timeout=2, wait=False, name="br1")["changed"] is True


def test_restart_of_the_server_is_ridden_out(switch):
    """The socket is away when the module starts, and comes back."""
    switch.stop("ovsdb-server", kill=True)
    os.unlink(switch.socket)
    timer = threading.Timer(1, switch.start_server)
    timer.start()
    assert run(ovs_bridge, switch.database, bridges=[{"name": "br0"}], wait=True)["changed"]
    timer.join()
    assert switch.vsctl("list-br") == "br0"


def test_restart_of_the_switch_while_waiting(switch):
    switch.stop("ovs-vswitchd", kill=True)
    timer = threading.Timer(1, switch.start_vswitchd)
    timer.start()
    assert run(ovs_bridge, switch.database, bridges=[{"name": "br0"}], wait=True)["changed"]
    timer.join()
    assert switch.rows("Open_vSwitch")[0]["cur_cfg"] >= 1


def test_what_the_switch_says_of_an_interface(switch):
    run(ovs_bridge, switch.database, bridges=[{"name": "br0"}])
    port = {"name": "patch0", "bridge": "br0", "type": "patch"}
    for _run in ("first", "unchanged"):
        with pytest.raises(OvsdbError, match="the switch reports errors: interface patch0: patch0: patch type requires valid 'peer' argument"):
            run(ovs_port, switch.database, ports=[port], wait=True)
    with pytest.raises(OvsdbError, match="patch0"):
        run(ovs_port, switch.database, ports=[port], wait=True, check_mode=True)
    assert info(switch.database)["interfaces"]["patch0"]["error"]
    run(ovs_port, switch.database, ports=[{**port, "options": {"peer": "patch1"}}], wait=True)
    assert info(switch.database)["interfaces"]["patch0"]["error"] is None


def test_types_that_the_switch_does_not_know(switch):
    run(ovs_bridge, switch.database, bridges=[{"name": "br0"}], wait=True)
    for check_mode in (True, False):
        with pytest.raises(OvsdbError, match="port dpdk0: this switch has no interface type dpdk; DPDK types are there once DPDK is initialised"):
            run(ovs_port, switch.database, ports=[{"name": "dpdk0", "bridge": "br0", "type": "dpdk"}], wait=True, check_mode=check_mode)
        with pytest.raises(OvsdbError, match="bridge br1: this switch has no datapath type nonesuch; it has: .*netdev"):
            run(ovs_bridge, switch.database, bridges=[{"name": "br1", "datapath_type": "nonesuch"}], wait=True, check_mode=check_mode)
    assert sorted(info(switch.database)["ports"]) == ["br0"]


def test_dpdk_that_initialises(database):
    """Nobody here has hardware: this test plays the switch, in the database."""
    run(ovs_config, database.database, other_config={"dpdk-init": "true"})
    timer = threading.Timer(1, database.vsctl, ["--no-wait", "set", "Open_vSwitch", ".", "dpdk_initialized=true"])
    timer.start()
    result = run(ovs_config, database.database, wait_dpdk=True, wait=True, log_file="/nonexistent")
    timer.join()
    assert result["dpdk_initialized"] is True
    assert result["changed"] is False


def test_dpdk_that_does_not_initialise(database, tmp_path):
    log = tmp_path / "log"
    log.write_text("2026|1|bridge|INFO|unrelated\n2026|2|dpdk|ERR|EAL: Cannot get hugepage information.\n2026|3|dpdk|EMER|Unable to initialize DPDK\n")
    with pytest.raises(OvsdbError, match="wait_dpdk: other_config:dpdk-init is not set"):
        run(ovs_config, database.database, wait_dpdk=True, wait=True, timeout=2, log_file=str(log))
    with pytest.raises(OvsdbError) as error:
        run(ovs_config, database.database, other_config={"dpdk-init": "true"}, wait_dpdk=True, wait=True, timeout=2, log_file=str(log))
    assert "DPDK was not initialised within 2 s" in str(error.value)
    assert "EAL: Cannot get hugepage information." in str(error.value)
    assert "unrelated" not in str(error.value)
    with pytest.raises(OvsdbError, match="wait_dpdk needs wait: true"):
        run(ovs_config, database.database, wait_dpdk=True, wait=False, log_file=str(log))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_tcp():
    port = free_port()
    with Switch(vswitchd=False, remotes=[f"ptcp:{port}:127.0.0.1"]) as server:
        assert run(ovs_bridge, f"tcp:127.0.0.1:{port}", bridges=[{"name": "br0"}])["changed"]
        assert server.vsctl("list-br") == "br0"


def openssl(directory, *arguments):
    subprocess.run([binary("openssl"), *arguments], cwd=directory, check=True, capture_output=True)


def certificates(directory):
    """A CA, and what it vouches for: a server and a client."""
    openssl(directory, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=test CA")
    for name in ("server", "client"):
        openssl(directory, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
        openssl(directory, "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", f"{name}.pem", "-days", "2")


def test_ssl(tmp_path):
    certificates(tmp_path)
    with Switch(vswitchd=False) as server:
        port = free_port()
        server.stop("ovsdb-server")
        server.remotes = [f"pssl:{port}:127.0.0.1"]
        server.options = [f"--private-key={tmp_path}/server.key", f"--certificate={tmp_path}/server.pem", f"--ca-cert={tmp_path}/ca.pem"]
        server.start_server()
        files = {"private_key": str(tmp_path / "client.key"), "certificate": str(tmp_path / "client.pem"), "ca_cert": str(tmp_path / "ca.pem")}
        assert run(ovs_bridge, f"ssl:127.0.0.1:{port}", bridges=[{"name": "br0"}], **files)["changed"]
        assert server.vsctl("list-br") == "br0"
        with pytest.raises(OvsdbError, match="ca_cert: there is no file /nonexistent on this host"):
            run(ovs_bridge, f"ssl:127.0.0.1:{port}", bridges=[{"name": "br0"}], **{**files, "ca_cert": "/nonexistent"})
        # A server that another CA vouches for is not spoken to.
        with pytest.raises(OvsdbError, match="certificate verify failed|CERTIFICATE_VERIFY_FAILED"):
            run(ovs_bridge, f"ssl:127.0.0.1:{port}", bridges=[{"name": "br0"}], ca_cert=str(tmp_path / "client.pem"))


class Broken:
    """A server that does to every connection what it is told."""

    def __init__(self, behave):
        self.behave = behave

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.directory.name + "/db.sock")
        self.listener.listen(8)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return f"unix:{self.directory.name}/db.sock"

    def _serve(self):
        while True:
            try:
                connection, _address = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    self.behave(connection)
                except OSError:
                    pass

    def __exit__(self, *_dummy):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(10)
        self.directory.cleanup()


def drip(connection):
    for _byte in range(1000):
        connection.sendall(b"{")
        time.sleep(0.05)


def flood(connection):
    chunk = b'"' + b"x" * 1048576 + b'",'
    connection.sendall(b'{"id":1,"error":null,"result":[')
    while True:
        connection.sendall(chunk)


SCHEMA_REPLY = json.dumps({"id": 1, "error": None, "result": schemas.installed()}).encode()


def half_a_transaction(connection):
    connection.sendall(SCHEMA_REPLY)
    connection.recv(65536)
    connection.sendall(b'{"id":2,"error":null,"result":[{"rows":[{"_uuid":["uuid","')


def nonsense_transaction(connection):
    connection.sendall(SCHEMA_REPLY)
    connection.recv(65536)
    connection.sendall(b'{"id":2,"error":null,"result":{"rows":1}}')


BROKEN = {
    "closes at once": (lambda connection: None, "closed the connection without a reply"),
    "closes half-way": (lambda connection: connection.sendall(SCHEMA_REPLY[:5000]), r"closed the connection in the middle of a reply \(after 5000 bytes\)"),
    "closes in the transaction": (half_a_transaction, "closed the connection in the middle of a reply"),
    "does not answer": (lambda connection: time.sleep(4), "no reply from the database .* in time"),
    "stops half-way": (lambda connection: (connection.sendall(SCHEMA_REPLY[:5000]), time.sleep(4)), r"an incomplete reply \(5000 bytes\)"),
    "drips": (drip, "an incomplete reply"),
    "speaks something else": (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), "something that is not JSON-RPC: .*SSH-2.0"),
    "sends bytes": (lambda connection: connection.sendall(b"{\xff\xfe\x00}"), "something that is not JSON"),
    "sends nonsense": (lambda connection: (connection.sendall(b'{"id": nonsense}'), time.sleep(4)), "an incomplete reply|not JSON"),
    "never ends": (flood, "is larger than 64 MiB|in time"),
    "answers with another shape": (lambda connection: connection.sendall(b'{"id":1,"error":null,"result":[1]}'), "something that is not a schema"),
    "answers with an empty schema": (lambda connection: connection.sendall(b'{"id":1,"error":null,"result":{"tables":{}}}'), "no usable Open_vSwitch database"),
    "transacts nonsense": (nonsense_transaction, "something that is not a list"),
}


@pytest.mark.parametrize("behaviour", BROKEN)
def test_broken_server(behaviour):
    behave, message = BROKEN[behaviour]
    with Broken(behave) as database:
        started = time.monotonic()
        with pytest.raises(OvsdbError, match=message):
            run(ovs_bridge, database, bridges=[{"name": "br0"}], timeout=2)
        assert time.monotonic() - started < 12, "it took longer than the timeout and what a busy machine adds"


def test_keepalive_between_request_and_reply():
    def behave(connection):
        connection.sendall(b'{"id":"echo","method":"echo","params":["are you there"]}')
        assert json.loads(connection.recv(65536)) == {"id": "echo", "error": None, "result": ["are you there"]}
        connection.sendall(SCHEMA_REPLY)
        connection.recv(65536)
        rows = {"Bridge": [], "Controller": [], "Interface": [], "Open_vSwitch": [], "Port": []}
        connection.sendall(json.dumps({"id": 2, "error": None, "result": [{"rows": rows[name]} for name in sorted(rows)]}).encode())

    with Broken(behave) as database:
        assert info(database)["bridges"] == {}
