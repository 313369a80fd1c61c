# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real ovsdb-server, with or without a real ovs-vswitchd, in a directory of its own."""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
CURE = "Debian packages openvswitch-switch and openvswitch-switch-dpdk are needed (tests/packages.txt; make setup installs them)"
DPDK = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
# The value of dpdk-extra with which DPDK needs neither hugepages nor a device.
NO_HARDWARE = "--no-huge -m 256 --no-pci --legacy-mem --no-telemetry"


def binary(name):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise RuntimeError(f"{name} is not on this machine: {CURE}")
    return path


def until(true, what, seconds=15):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come in {seconds} s")
        time.sleep(0.02)


class Switch:
    """Start with `with Switch() as switch`; what was started is stopped by its process id."""

    def __init__(self, vswitchd=True, schema=SCHEMA, init=True, remotes=()):
        self.vswitchd = vswitchd
        self.schema = schema
        self.init = init
        self.remotes = list(remotes)
        self.options = []
        self.processes = {}

    def __enter__(self):
        # Short, since a unix socket's path has at most 107 characters.
        self.directory = tempfile.mkdtemp(prefix="ovs-", dir="/tmp")
        self.socket = os.path.join(self.directory, "db.sock")
        self.database = "unix:" + self.socket
        self.file = os.path.join(self.directory, "conf.db")
        self.log_file = os.path.join(self.directory, "ovs-vswitchd.log")
        self.environment = dict(os.environ, OVS_RUNDIR=self.directory, OVS_LOGDIR=self.directory, OVS_DBDIR=self.directory)
        try:
            subprocess.run([binary("ovsdb-tool"), "create", self.file, self.schema], check=True)
            self.start_server()
            if self.init:
                self.vsctl("--no-wait", "init")
            if self.vswitchd:
                self.start_vswitchd()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *dummy):
        for name in list(self.processes):
            self.stop(name)
        shutil.rmtree(self.directory, ignore_errors=True)

    def _start(self, name, command, **environment):
        with open(os.path.join(self.directory, name + ".out"), "wb") as out:
            self.processes[name] = subprocess.Popen(command, env={**self.environment, **environment}, stdout=out, stderr=out, cwd=self.directory)

    def start_server(self):
        remotes = ["--remote=" + remote for remote in ["punix:" + self.socket, *self.remotes]]
        self._start("ovsdb-server", [binary("ovsdb-server"), "--no-chdir", "-vconsole:warn", *self.options, *remotes, self.file])
        self._until(self._answers, "the socket of ovsdb-server")

    def _answers(self):
        """The server binds its socket before it listens on it."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(self.socket) == 0

    def start_vswitchd(self):
        """A switch with dummy devices in place of all that it would touch."""
        self._start("ovs-vswitchd", [binary("ovs-vswitchd"), "--enable-dummy=override", *self._vswitchd_options()])
        self._until(lambda: self.root().get("iface_types"), "ovs-vswitchd's first word in the database")

    def start_dpdk(self):
        """The real OVS-DPDK, in a network namespace of its own, to begin with what the database says. It ends if DPDK does."""
        if not os.path.exists(DPDK):
            raise RuntimeError(f"{DPDK} is not on this machine: {CURE}")
        self._start("ovs-vswitchd", [binary("unshare"), "--net", DPDK, *self._vswitchd_options()], RUNTIME_DIRECTORY=self.directory)

    def _vswitchd_options(self):
        return ["--no-chdir", "--disable-system", "-vconsole:off", "-vsyslog:off", f"--log-file={self.log_file}", self.database]

    def stop(self, name, kill=False):
        process = self.processes.pop(name)
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)

    def _until(self, true, what):
        try:
            until(true, what)
        except TimeoutError as exc:
            output = ""
            for name in self.processes:
                with open(os.path.join(self.directory, name + ".out"), errors="replace") as out:
                    output += out.read()
            raise RuntimeError(f"{exc}\n{output}") from exc

    def vsctl(self, *arguments):
        """Run ovs-vsctl, the independent witness, and return what it prints."""
        done = subprocess.run(
            [binary("ovs-vsctl"), f"--db={self.database}", "--timeout=20", *arguments],
            check=False, env=self.environment, capture_output=True, text=True,
        )
        if done.returncode:
            raise RuntimeError(f"ovs-vsctl {arguments}: {done.stderr}")
        return done.stdout.strip()

    def rows(self, table):
        """All rows of a table as ovsdb-client gives them, maps as dicts, sets as sorted lists."""
        request = json.dumps(["Open_vSwitch", {"op": "select", "table": table, "where": []}])
        done = subprocess.run([binary("ovsdb-client"), "transact", self.database, request], capture_output=True, text=True, check=True)
        return [{name: _plain(value) for name, value in row.items()} for row in json.loads(done.stdout)[0]["rows"]]

    def row(self, table, name):
        found = [row for row in self.rows(table) if row["name"] == name]
        assert len(found) == 1, f"{len(found)} rows named {name} in {table}"
        return found[0]

    def root(self):
        rows = self.rows("Open_vSwitch")
        return rows[0] if rows else {}


def _plain(value):
    if isinstance(value, list):
        kind, content = value
        if kind == "map":
            return {key: _plain(item) for key, item in content}
        if kind == "set":
            return sorted(_plain(item) for item in content)
        return content
    return value
