"""Records the runs of the traffic proof that tests/controller/test_verify.py judges: six situations of one node, which are all undone.

USE: make site && .venv/bin/python tests/lab/record_runs.py [NAME ...]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

from lab import FILES, NODE, REPORT, ROOT, core, in_pod, playbook, ports_of, wait_for
from two_nodes import in_switch, switches, vsctl

RUNS = ROOT / "tests" / "controller" / "data" / "verify" / "runs"
APP = "app.kubernetes.io/name=testpmd"
CONTAINER = "testpmd-dpdk"
DURATION = 5
NOISE = "noise0"
# Broadcasts that no port of the proof has sent, a thousand a second on the interface that is named.
NEIGHBOUR = """
import socket, sys, time
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind((sys.argv[1], 0))
end = time.time() + 120
while time.time() < end:
    link.send(b"\\xff" * 6 + bytes.fromhex("020000000099") + b"\\x88\\xb5" + bytes(46))
    time.sleep(0.001)
"""


def pod():
    return core().list_namespaced_pod("default", label_selector=APP).items[0]


def wait_for_phase(name: str) -> None:
    """Until the pod has come to this phase of the proof."""
    found = pod().metadata.name
    words = "cat /tmp/kube-ovn-dpdk-verify/notes 2> /dev/null"
    wait_for(f"phase {name}", lambda: bool(re.search(rf"\b{name}\b", in_pod(found, "sh", "-c", words, container=CONTAINER))), 90, every=0.2)


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
    yield lambda: None
    flows("delete", ports)


@contextlib.contextmanager
def meter() -> Iterator[Callable[[], None]]:
    """A meter that lets a thousand packets a second of one port pass."""
    ports = numbers()[:1]
    in_switch(NODE, "ovs-ofctl", "-O", "OpenFlow13", "add-meter", "br0", "meter=1,pktps,band=type=drop,rate=1000")
    flows("add", ports, "meter:1,NORMAL")
    yield lambda: None
    flows("delete", ports)
    in_switch(NODE, "ovs-ofctl", "-O", "OpenFlow13", "del-meters", "br0")


@contextlib.contextmanager
def quiet() -> Iterator[Callable[[], None]]:
    """A flow that drops one direction during the load alone."""
    ports = numbers()[:1]

    def during() -> None:
        wait_for_phase("load")
        flows("add", ports, "drop")
        wait_for_phase("drain")
        flows("delete", ports)

    yield during


@contextlib.contextmanager
def noise() -> Iterator[Callable[[], None]]:
    """Both directions dropped while a neighbour's broadcasts arrive."""
    ports = numbers()
    vsctl(NODE, "--may-exist", "add-port", "br0", NOISE, "--", "set", "Interface", NOISE, "type=internal")
    in_switch(NODE, "ip", "link", "set", NOISE, "up")
    flows("add", ports, "drop")
    with subprocess.Popen(["docker", "exec", NODE, "python3", "-c", NEIGHBOUR, NOISE]) as neighbour:
        yield lambda: None
        neighbour.wait(150)
    flows("delete", ports)
    vsctl(NODE, "del-port", "br0", NOISE)


@contextlib.contextmanager
def restart() -> Iterator[Callable[[], None]]:
    """Open vSwitch restarted during the load."""

    def during() -> None:
        wait_for_phase("load")
        time.sleep(1)
        found = switches()[NODE].metadata
        core().delete_namespaced_pod(found.name, found.namespace, grace_period_seconds=1)

    yield during


SITUATIONS = {situation.__name__: situation for situation in (good, drop, meter, quiet, noise, restart)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=" ".join(SITUATIONS))
    names = parser.parse_args().names or list(SITUATIONS)
    if unknown := sorted(set(names) - set(SITUATIONS)):
        parser.error(f"unknown situation: {' '.join(unknown)}")
    for name in names:
        with SITUATIONS[name]() as during:
            beside = threading.Thread(target=during)
            beside.start()
            playbook(str(FILES / "record.yml"), verify_duration=DURATION, record_to=str(RUNS / f"{name}.json"))
            beside.join(120)
        failed = [check["id"] for check in json.loads(REPORT.read_text())["checks"] if not check["ok"]]
        print(f"{name}: {' '.join(failed) or 'pass'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
