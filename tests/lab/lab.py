"""What the tests on the lab have in common. They need a lab that `make site` has finished, and leave it as they found it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from kubernetes import client, config

ROOT = Path(__file__).resolve().parents[2]
NODE = "kube-ovn-dpdk-lab-1"
STATE = Path(os.environ.get("KUBE_OVN_DPDK_CACHE", Path.home() / ".cache" / "kube_ovn_dpdk")) / "lab"
REPORT = ROOT / "reports" / "report.json"
# Given to each playbook, as ARGS are to `make site`: with another plugin, for one.
MORE = shlex.split(os.environ.get("ARGS", ""))


def playbook(name: str, timeout: int = 600, inventories: Iterable[str] = ("inventory",), **variables: object) -> tuple[int, str]:
    """Exit code and output of a playbook of the collection, of the checkout, or beside the tests; what it prints is shown as it comes."""
    command = ["ansible-playbook", name, *(word for inventory in inventories for word in ("-i", inventory)), *MORE, "-e", json.dumps(variables)]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    end, lines = time.monotonic() + timeout, []
    for line in process.stdout:
        lines.append(line)
        print(line, end="", flush=True)
        if time.monotonic() > end:
            process.terminate()
            pytest.fail(f"{' '.join(command)} was not done after {timeout} s")
    return process.wait(60), "".join(lines)


def on_node(*command: str, check: bool = True, timeout: int = 60) -> str:
    return subprocess.run(["docker", "exec", NODE, *command], check=check, capture_output=True, text=True, timeout=timeout).stdout


def vsctl(*args: str) -> str:
    return on_node("/usr/local/bin/ovs-vsctl", *args).strip()


def core() -> client.CoreV1Api:
    return client.CoreV1Api(config.new_client_from_config(str(STATE / "kubeconfig")))


def wait_for(what: str, condition: Callable[[], bool], seconds: float, every: float = 0.5) -> float:
    """The seconds until the condition held."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() - started > seconds:
            pytest.fail(f"{what}: not after {seconds:.0f} s")
        time.sleep(every)
    return time.monotonic() - started
