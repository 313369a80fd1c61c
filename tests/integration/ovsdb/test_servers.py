# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers that are missing, restarting, refusing, foreign, older, newer, or broken: a clear result in each case."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest
import schemas
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_module
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_client import OvsdbError
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_bridge, ovs_config, ovs_port
from conftest import interpreter
from local import ROOT, info, process, run
from switch import Switch, binary, until


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
        # What the database has no column for is clear already.
        assert run(ovs_port, server.database, ports=[{"name": "p9", "bridge": "br0", "mtu_request": "", "trunks": []}])["changed"]
        assert sorted(info(server.database)["ports"]) == ["br0", "p9"]
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


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.11", "3.13"])
def test_text_that_ovsdb_cannot_store_is_refused_at_once(database, version):
    started = time.monotonic()
    for options in ({"name": "a\0b"}, {"name": "br0", "datapath_type": "\0"}, {"name": "br0", "external_ids": {"k": "\ud800"}},
                    {"name": "br0", "controllers": ["tcp:\udc00"]}, {"name": "br\ud83d"}):
        result = process("ovs_bridge", database.database, python=interpreter(version), wait=False, **options)
        # Ansible's own log refuses a NUL first, under Python 2 in its own words.
        told = "Failed to log to syslog" if version == "2.7" and "\0" in "".join(map(str, options.values())) else "which OVSDB cannot store"
        assert result["failed"] and told in result["msg"] and not result.get("changed"), result
    assert process("ovs_bridge", database.database, python=interpreter(version), wait=False, name="br0", external_ids={"k": "\U0001f600"})["changed"]
    assert database.row("Bridge", "br0")["external_ids"] == {"k": "\U0001f600"}
    assert time.monotonic() - started < 60


def without_a_column(path, table, column):
    schema = schemas.installed()
    del schema["tables"][table]["columns"][column]
    return schemas.write(path, schema)


def test_a_map_that_the_schema_lacks_is_clear(tmp_path):
    with Switch(vswitchd=False, schema=without_a_column(tmp_path / "schema", "Interface", "options")) as server:
        run(ovs_bridge, server.database, bridges=[{"name": "br0"}])
        assert run(ovs_port, server.database, ports=[{"name": "p0", "bridge": "br0", "options": {}}])["changed"]
        assert not run(ovs_port, server.database, ports=[{"name": "p0", "options": {"x": None}, "purge": True}])["changed"]
        with pytest.raises(OvsdbError, match="has no column options in table Interface"):
            run(ovs_port, server.database, ports=[{"name": "p0", "options": {"x": "1"}}])


def test_database_that_no_switch_has_used():
    with Switch(vswitchd=False, init=False) as server:
        result = process("ovs_info", server.database)
        assert (result["next_cfg"], result["cur_cfg"], result["other_config"], result["dpdk_initialized"]) == (0, 0, {}, False)
        assert info(server.database)["bridges"] == {}
        assert run(ovs_bridge, server.database, bridges=[{"name": "br0"}])["changed"]
        assert not run(ovs_bridge, server.database, bridges=[{"name": "br0"}])["changed"]
        assert len(server.rows("Open_vSwitch")) == 1
        assert server.vsctl("list-br") == "br0"


@pytest.mark.parametrize("database", [
    "br0", "ptcp:6640", "unix:", "tcp:host:port", "tcp:127.0.0.1:70000", "ssl:127.0.0.1:6640", "tcp:[::1", "tcp:[::1]6640", "tcp:[::1]x:6640", "tcp:a:\u0661",
    "tcp:a:\u00b2", "tcp:a:", "tcp:a:1_0",
])
def test_database_that_is_none(database):
    with pytest.raises(OvsdbError, match="is not understood: give unix:/path|needs ca_cert"):
        info(database)


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.11", "3.13"])
@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example", ".", "\u00e9\u00e9..x", "no such host"])
def test_host_that_is_none(version, host):
    result = process("ovs_info", f"tcp:{host}:6640", python=interpreter(version), timeout=5)
    assert "cannot be reached: " in result["msg"] or "took too long" in result["msg"], result


@pytest.mark.parametrize("timeout", [0, -1, 10 ** 10, 10 ** 400])
def test_timeout_out_of_range(database, timeout):
    with pytest.raises(OvsdbError, match="timeout must be from 1 to 1000000 seconds"):
        run(ovs_bridge, database.database, bridges=[], timeout=timeout)
    assert not run(ovs_bridge, database.database, bridges=[], timeout=1000000)["changed"]


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.11"])
def test_paths_that_are_not_ascii(database, version, monkeypatch):
    """In the locale C, which has no other characters."""
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("PYTHONCOERCECLOCALE", "0")
    monkeypatch.setenv("PYTHONUTF8", "0")
    python = interpreter(version)
    os.link(database.socket, f"{database.directory}/d\u00e4.sock")
    assert process("ovs_info", f"unix:{database.directory}/d\u00e4.sock", python=python).get("bridges") == {}
    assert "there is no such socket" in process("ovs_info", f"unix:{database.directory}/n\u00f6.sock", python=python)["msg"]
    assert f"directory {database.directory}/n\u00f6 does not exist" in process("ovs_info", f"unix:{database.directory}/n\u00f6/x", python=python)["msg"]
    assert "ca_cert: there is no file /\u00e4.pem" in process("ovs_info", "ssl:127.0.0.1:1", python=python, ca_cert="/\u00e4.pem")["msg"]
    result = process("ovs_config", database.database, python=python, other_config={"dpdk-init": "true"}, wait_dpdk=True, timeout=1, log_file="/\u00e4.log")
    assert "its log /\u00e4.log cannot be read: No such file or directory" in result["msg"]


def test_one_deadline_over_all_addresses(monkeypatch):
    """A name with silent addresses takes the timeout once, and one that answers is reached behind them."""
    listeners = []
    try:
        for host in ("127.0.0.2", "127.0.0.3", "127.0.0.4"):
            listener = socket.socket()
            listener.bind((host, 0))
            listener.listen(0)
            # A queue that is full: nobody takes the next connection, nor refuses it.
            fillers = [socket.socket() for _number in range(2)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(listener.getsockname())
            listeners += [listener, *fillers]
        silent_ones = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", listener.getsockname()) for listener in listeners[::3]]
        time.sleep(0.2)
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: silent_ones)
        started = time.monotonic()
        with pytest.raises(OvsdbError, match="took too long"):
            run(ovs_bridge, "tcp:switch:6640", bridges=[], timeout=2)
        assert time.monotonic() - started < 3.5
        port = free_port()
        with Switch(vswitchd=False, remotes=[f"ptcp:{port}:127.0.0.1"]):
            answering = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
            monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: [*silent_ones, answering])
            # A quarter of it is what is left for the one that answers, beside whatever else the machine does.
            assert not run(ovs_bridge, "tcp:switch:6640", bridges=[], timeout=10)["changed"]
    finally:
        for opened in listeners:
            opened.close()


def test_a_resolver_that_hangs(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_more: time.sleep(20))
    started = time.monotonic()
    with pytest.raises(OvsdbError, match="resolving switch, of database tcp:switch:6640, took too long"):
        run(ovs_bridge, "tcp:switch:6640", bridges=[], timeout=1)
    assert time.monotonic() - started < 3


def test_a_server_that_restarts_slowly_while_errors_are_read(switch, monkeypatch):
    """For longer than a server that was never there is waited for."""
    run(ovs_bridge, switch.database, bridges=[{"name": "br0"}], wait=True)
    read = _ovsdb_module.Runner.interface_errors
    timers = []

    def stopped(runner, names):
        switch.stop("ovsdb-server", kill=True)
        os.unlink(switch.socket)
        timers.append(threading.Timer(_ovsdb_module.RESTART_GRACE + 2, switch.start_server))
        timers[0].start()
        return read(runner, names)

    monkeypatch.setattr(_ovsdb_module.Runner, "interface_errors", stopped)
    assert run(ovs_port, switch.database, ports=[{"name": "p0", "bridge": "br0", "type": "dummy"}], wait=True, timeout=20)["changed"]
    timers[0].join()


def test_a_server_that_takes_no_more_connections(database):
    """Stopped, with its queue full: the kernel says at once that there is no room."""
    process_id = database.processes["ovsdb-server"].pid
    os.kill(process_id, signal.SIGSTOP)
    fillers = []
    try:
        for _number in range(200):
            filler = socket.socket(socket.AF_UNIX)
            filler.setblocking(False)
            fillers.append(filler)
            if filler.connect_ex(database.socket):
                break
        timer = threading.Timer(1, lambda: (close_all(fillers), os.kill(process_id, signal.SIGCONT)))
        timer.start()
        assert run(ovs_bridge, database.database, bridges=[{"name": "br0"}])["changed"]
        timer.join()
    finally:
        os.kill(process_id, signal.SIGCONT)
        close_all(fillers)


def close_all(sockets):
    for opened in sockets:
        opened.close()


def test_switch_not_running(database):
    for changed in (True, False):
        result = process("ovs_bridge", database.database, timeout=2, name="br0")
        assert result["failed"] and result["changed"] is changed, "a second run must not hide that the switch has not done it"
        assert "ovs-vswitchd did not apply it within 2 s; is it running? For a database without a running switch set wait: false" in result["msg"]
    assert process("ovs_bridge", database.database, timeout=2, wait=False, name="br0")["changed"] is False
    assert process("ovs_bridge", database.database, timeout=2, wait=False, name="br1")["changed"] is True


def test_socket_with_a_long_path(tmp_path, database):
    """The kernel takes 107 bytes, and folders are longer than that."""
    folder = tmp_path / ("folder-" * 20) / "ü"
    folder.mkdir(parents=True)
    assert process("ovs_info", f"unix:{folder}/db.sock")["msg"].endswith("there is no such socket; is ovsdb-server running?")
    assert "directory" in process("ovs_info", f"unix:{folder}/none/db.sock")["msg"]
    os.link(database.socket, folder / "db.sock")
    for version in ("2.7", "3.6", "3.12"):
        result = process("ovs_info", f"unix:{folder}/db.sock", python=interpreter(version))
        assert result.get("bridges") == {}, result


def test_restart_of_the_server_is_ridden_out(switch):
    """The socket is away when the module starts, and comes back."""
    switch.stop("ovsdb-server", kill=True)
    os.unlink(switch.socket)
    timer = threading.Timer(1, switch.start_server)
    timer.start()
    assert run(ovs_bridge, switch.database, bridges=[{"name": "br0"}], wait=True)["changed"]
    timer.join()
    assert switch.vsctl("list-br") == "br0"


def test_a_server_that_restarts_all_the_time(database):
    """Before, in and after a transaction; what was committed is told and is there, and nothing is made twice."""
    run(ovs_bridge, database.database, bridges=[{"name": "br0"}])
    over = threading.Event()

    def restart():
        while not over.wait(random.uniform(0.01, 0.1)):
            database.stop("ovsdb-server", kill=True)
            database.start_server()

    thread = threading.Thread(target=restart)
    thread.start()
    try:
        for number in range(60):
            result = run(ovs_port, database.database, ports=[{"name": f"p{number}", "bridge": "br0", "tag": number}])
            assert result["changes"] == [{"name": f"p{number}", "action": "created", "columns": []}]
    finally:
        over.set()
        thread.join()
    have = info(database.database)
    assert {name: port["tag"] for name, port in have["ports"].items() if name != "br0"} == {f"p{number}": number for number in range(60)}


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


def test_ends_of_a_patch_one_after_the_other(switch):
    """The switch tells of the missing end, sooner or later; that is no error until the other end is there too."""
    run(ovs_bridge, switch.database, bridges=[{"name": "br0"}, {"name": "br1"}], wait=True)
    ends = [{"name": f"patch{number}", "bridge": f"br{number}", "type": "patch", "options": {"peer": f"patch{1 - number}"}} for number in (0, 1)]

    def error():
        return info(switch.database)["interfaces"]["patch0"]["error"]

    assert run(ovs_port, switch.database, ports=ends[:1], wait=True)["changed"]
    until(error, "the switch's word on the missing end")
    assert "No usable peer 'patch1'" in error()
    assert not run(ovs_port, switch.database, ports=ends[:1], wait=True)["changed"]
    assert run(ovs_port, switch.database, ports=ends, wait=True)["changed"]
    until(lambda: error() is None, "the connection of both ends")
    # An end on another datapath is never connected.
    run(ovs_port, switch.database, ports=[{"name": "patch1", "state": "absent"}], wait=True)
    run(ovs_bridge, switch.database, bridges=[{"name": "br1", "datapath_type": "netdev"}], wait=True)
    run(ovs_port, switch.database, ports=ends[1:], wait=False)
    until(error, "the switch's word on the unusable end")
    with pytest.raises(OvsdbError, match="interface patch0: No usable peer 'patch1' exists"):
        run(ovs_port, switch.database, ports=ends, wait=True)


def test_types_that_the_switch_does_not_know(switch):
    run(ovs_bridge, switch.database, bridges=[{"name": "br0"}], wait=True)
    for check_mode in (True, False):
        with pytest.raises(OvsdbError, match="port dpdk0: this switch has no interface type dpdk; DPDK types are there once DPDK is initialised"):
            run(ovs_port, switch.database, ports=[{"name": "dpdk0", "bridge": "br0", "type": "dpdk"}], wait=True, check_mode=check_mode)
        with pytest.raises(OvsdbError, match="bridge br1: this switch has no datapath type nonesuch; it has: .*netdev"):
            run(ovs_bridge, switch.database, bridges=[{"name": "br1", "datapath_type": "nonesuch"}], wait=True, check_mode=check_mode)
    assert sorted(info(switch.database)["ports"]) == ["br0"]


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


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    """A server that takes only clients of its CA, and its remote; files of that CA, and of another."""
    ours, theirs = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    certificates(ours)
    certificates(theirs)
    port = free_port()
    with Switch(vswitchd=False) as server:
        server.stop("ovsdb-server")
        server.remotes = [f"pssl:{port}:127.0.0.1"]
        server.options = [f"--private-key={ours}/server.key", f"--certificate={ours}/server.pem", f"--ca-cert={ours}/ca.pem"]
        server.start_server()
        server.tls = f"ssl:127.0.0.1:{port}"
        server.ours, server.theirs = ({"private_key": f"{path}/client.key", "certificate": f"{path}/client.pem", "ca_cert": f"{path}/ca.pem"}
                                      for path in (ours, theirs))
        yield server


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.11", "3.13"])
def test_tls(tls, version):
    python = interpreter(version)
    name = "br" + version.replace(".", "-")
    for changed in (True, False):
        result = process("ovs_bridge", tls.tls, python=python, wait=False, name=name, **tls.ours)
        assert result["changed"] is changed, result
    assert name in tls.vsctl("list-br").split()
    result = process("ovs_info", tls.tls, python=python, **{**tls.ours, "ca_cert": tls.theirs["ca_cert"]})
    assert "TLS failed: " in result["msg"] and "certificate verify failed" in result["msg"], result


def test_tls_client_that_the_server_does_not_know(tls):
    for files in ({**tls.theirs, "ca_cert": tls.ours["ca_cert"]}, {"ca_cert": tls.ours["ca_cert"]}):
        started = time.monotonic()
        with pytest.raises(OvsdbError, match="TLS failed: |closed the connection|connection to the database at ssl:.* broke"):
            run(ovs_bridge, tls.tls, bridges=[{"name": "br0"}], timeout=3, **files)
        assert time.monotonic() - started < 12


def test_tls_with_files_that_are_none(tls, tmp_path):
    (tmp_path / "no.pem").write_text("nothing")
    with pytest.raises(OvsdbError, match="TLS failed: "):
        run(ovs_bridge, tls.tls, bridges=[{"name": "br0"}], **{**tls.ours, "ca_cert": str(tmp_path / "no.pem")})
    openssl(tmp_path, "rsa", "-aes128", "-passout", "pass:secret", "-in", tls.ours["private_key"], "-out", "locked.key")
    with pytest.raises(OvsdbError, match="TLS failed: "):
        run(ovs_bridge, tls.tls, bridges=[{"name": "br0"}], **{**tls.ours, "private_key": str(tmp_path / "locked.key")})


def silent(connection):
    """Until the client gives up."""
    while connection.recv(65536):
        pass


def plain_text(connection):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    connection.recv(65536)


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.11", "3.13"])
@pytest.mark.parametrize(("behave", "message"), [
    (silent, "took too long"), (plain_text, "TLS failed: "), (lambda connection: None, "cannot be reached: "),
], ids=["silent", "no TLS", "closes"])
def test_tls_server_that_is_none(tls, version, behave, message):
    with Broken(behave, family=socket.AF_INET) as database:
        result = process("ovs_info", database.replace("tcp:", "ssl:"), python=interpreter(version), timeout=1, **tls.ours)
    assert message in result["msg"], result


@pytest.mark.parametrize("version", ["2.7", "3.6", "3.11", "3.13"])
def test_tls_handshake_within_the_deadline(tls, version):
    """A server that sends its part of the handshake byte by byte is given the timeout once, and not for each byte."""
    hello = b"\x16\x03\x03\x40\x00" + b"\x02\x00\x3f\xfc" + b"\0" * 0x3FFC

    def drip_hello(connection):
        for byte in hello:
            connection.sendall(bytes([byte]))
            time.sleep(0.1)

    with Broken(drip_hello, family=socket.AF_INET) as database:
        started = time.monotonic()
        result = process("ovs_info", database.replace("tcp:", "ssl:"), python=interpreter(version), timeout=2, **tls.ours)
        assert time.monotonic() - started < 6
    assert "took too long" in result["msg"], result


class Broken:
    """A server that does what it should not, to every connection."""

    def __init__(self, behave, family=socket.AF_UNIX):
        self.behave = behave
        self.family = family

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory()
        self.listener = socket.socket(self.family)
        if self.family == socket.AF_UNIX:
            self.listener.bind(self.directory.name + "/db.sock")
            remote = f"unix:{self.directory.name}/db.sock"
        else:
            self.listener.bind(("127.0.0.1", 0))
            remote = f"tcp:127.0.0.1:{self.listener.getsockname()[1]}"
        self.listener.listen(8)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        return remote

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
    "does not answer": (silent, "no reply from the database .* in time"),
    "stops half-way": (lambda connection: (connection.sendall(SCHEMA_REPLY[:5000]), silent(connection)), r"an incomplete reply \(5000 bytes\)"),
    "drips": (drip, "an incomplete reply"),
    "speaks something else": (lambda connection: connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), "something that is not JSON-RPC: .*SSH-2.0"),
    "sends bytes": (lambda connection: connection.sendall(b"{\xff\xfe\x00}"), "something that is not JSON"),
    "sends nonsense": (lambda connection: (connection.sendall(b'{"id": nonsense}'), silent(connection)), "an incomplete reply|not JSON"),
    "nests without end": (lambda connection: connection.sendall(b'{"id":' + b"[" * 200000 + b"}"), "something that is not JSON-RPC"),
    "closes in a character": (lambda connection: connection.sendall('{"ü'.encode()[:-1]), "closed the connection in the middle of a reply"),
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
