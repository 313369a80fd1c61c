"""Records the runs of the traffic proof that tests/controller/test_verify.py judges: six situations of one node, which are all undone.

USE: make site && .venv/bin/python tests/lab/record_runs.py [NAME ...]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import FILES, NODE, REPORT, ROOT, core, in_pod, playbook, ports_of, wait_for
from two_nodes import in_switch, ready, switches, vsctl

RUNS = ROOT / "tests" / "controller" / "data" / "verify" / "runs"
APP = "app.kubernetes.io/name=testpmd"
CONTAINER = "testpmd-dpdk"
DURATION = 5
# Of Open vSwitch's log, which tells its whole life.
LOG_LINES = 100
NOISE = "noise0"
# Broadcasts that no port of the proof has sent, a hundred a second on the interface that is named.
NEIGHBOUR = """
import socket, sys, time
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind((sys.argv[1], 0))
end = time.time() + 120
while time.time() < end:
    link.send(b"\\xff" * 6 + bytes.fromhex("020000000099") + b"\\x88\\xb5" + bytes(46))
    time.sleep(0.01)
"""


def pod():
    return core().list_namespaced_pod("default", label_selector=APP).items[0]


def wait_for_load() -> None:
    """Until the pod's testpmd forwards what it receives, which it does for DURATION."""
    found = pod().metadata.name
    words = "cat /tmp/kube-ovn-dpdk-verify/notes 2> /dev/null"
    wait_for("the load", lambda: "#load " in in_pod(found, "sh", "-c", words, container=CONTAINER), 90, every=0.2)


def numbers() -> list[str]:
    """The OpenFlow ports of the pod's attachments."""
    return [vsctl(NODE, "get", "Interface", name, "ofport") for name in ports_of(pod())]


def flows(action: str, ports: list[str], actions: str = "") -> None:
    for number in ports:
        words = (
            ("add-flow", "br0", f"priority=100,in_port={number},actions={actions}")
            if action == "add"
            else ("--strict", "del-flows", "br0", f"priority=100,in_port={number}")
        )
        in_switch(NODE, "ovs-ofctl", "-O", "OpenFlow13", *words)


@contextlib.contextmanager
def good() -> Iterator[Callable[[], None]]:
    yield lambda: None


@contextlib.contextmanager
def drop() -> Iterator[Callable[[], None]]:
    """A flow that drops one direction."""
    ports = numbers()[:1]
    flows("add", ports, "drop")
    try:
        yield lambda: None
    finally:
        flows("delete", ports)


@contextlib.contextmanager
def meter() -> Iterator[Callable[[], None]]:
    """A meter that lets a thousand packets a second of one port pass."""
    ports = numbers()[:1]
    in_switch(NODE, "ovs-ofctl", "-O", "OpenFlow13", "add-meter", "br0", "meter=1,pktps,band=type=drop,rate=1000")
    flows("add", ports, "meter:1,NORMAL")
    try:
        yield lambda: None
    finally:
        flows("delete", ports)
        in_switch(NODE, "ovs-ofctl", "-O", "OpenFlow13", "del-meters", "br0")


@contextlib.contextmanager
def quiet() -> Iterator[Callable[[], None]]:
    """A flow that drops one direction during the load alone."""
    ports = numbers()[:1]

    def during() -> None:
        wait_for_load()
        flows("add", ports, "drop")
        time.sleep(DURATION)
        flows("delete", ports)

    try:
        yield during
    finally:
        flows("delete", ports)


@contextlib.contextmanager
def noise() -> Iterator[Callable[[], None]]:
    """Both directions dropped while a neighbour's broadcasts arrive."""
    ports = numbers()
    vsctl(NODE, "--may-exist", "add-port", "br0", NOISE, "--", "set", "Interface", NOISE, "type=internal")
    in_switch(NODE, "ip", "link", "set", NOISE, "up")
    flows("add", ports, "drop")
    try:
        with subprocess.Popen(["docker", "exec", NODE, "python3", "-c", NEIGHBOUR, NOISE]) as neighbour:
            yield lambda: None
            neighbour.wait(150)
    finally:
        flows("delete", ports)
        vsctl(NODE, "del-port", "br0", NOISE)


@contextlib.contextmanager
def restart() -> Iterator[Callable[[], None]]:
    """Open vSwitch restarted during the load."""

    def during() -> None:
        wait_for_load()
        time.sleep(1)
        found = switches()[NODE].metadata
        core().delete_namespaced_pod(found.name, found.namespace, grace_period_seconds=1)

    try:
        yield during
    finally:
        wait_for("Open vSwitch", lambda: NODE in switches() and ready(switches()[NODE]), 180)
        # It was the server of their sockets.
        for state in ("absent", "present"):
            playbook(str(FILES / "pods.yml"), dpdk_app_state=state)


SITUATIONS = {situation.__name__: situation for situation in (good, drop, meter, quiet, noise, restart)}


def shorten(path: Path) -> None:
    run = json.loads(path.read_text())
    for node in run["nodes"].values():
        for reading in (node, node["after"], node["datapath"]["after"]):
            if isinstance(reading, dict) and reading.get("log"):
                reading["log"] = "\n".join(reading["log"].splitlines()[-LOG_LINES:])
    path.write_text(json.dumps(run, indent=1, sort_keys=True) + "\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(SITUATIONS))
    names = parser.parse_args().names or list(SITUATIONS)
    if unknown := sorted(set(names) - set(SITUATIONS)):
        parser.error(f"unknown situation: {' '.join(unknown)}")
    for name in names:
        with SITUATIONS[name]() as during, ThreadPoolExecutor(1) as pool:
            beside = pool.submit(during)
            playbook(str(FILES / "record.yml"), verify_duration=DURATION, record_to=str(RUNS / f"{name}.json"))
            beside.result(120)
        shorten(RUNS / f"{name}.json")
        failed = [check["id"] for check in json.loads(REPORT.read_text())["checks"] if not check["ok"]]
        print(f"{name}: {' '.join(failed) or 'pass'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
