"""What the tests on the lab have in common. They need a lab that `make site` has finished, and leave it as they found it."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from kubernetes import client, config
from kubernetes.client import ApiException
from kubernetes.stream import stream

ROOT = Path(__file__).resolve().parents[2]
# The collection is imported by its full name.
sys.path.insert(0, str(ROOT / ".collections"))

from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import attachments  # noqa: E402

FILES = Path(__file__).parent / "files"
NODE = "kube-ovn-dpdk-lab-1"
STATE = Path(os.environ.get("KUBE_OVN_DPDK_CACHE", Path.home() / ".cache" / "kube_ovn_dpdk")) / "lab"
REPORT = ROOT / "reports" / "report.json"
# Given to each playbook, as ARGS are to `make site`: with another plugin, for one.
MORE = shlex.split(os.environ.get("ARGS", ""))
LABEL = "kube-ovn-dpdk-lab-test"


def playbook(
    name: str, timeout: int = 600, inventories: Iterable[str] = ("inventory",), options: Iterable[str] = (), within: Iterable[str] = (), **variables: object
) -> tuple[int, str]:
    """Exit code and output of a playbook of the collection, of the checkout, or beside the tests; what it prints is shown as it comes.

    within: a command that runs it, such as nsenter.
    """
    words = [word for inventory in inventories for word in ("-i", inventory)]
    command = [*within, "ansible-playbook", name, *words, *MORE, *options, "-e", json.dumps(variables)]
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


# --- pods of the tests

# The two forms of a pod: sockets in Open vSwitch's own directory, and in a directory of the pod's own.
HOST = {"volumes": [{"name": "vhu", "hostPath": {"path": "/var/run/openvswitch"}}], "mounts": [{"name": "vhu", "mountPath": "/vhu"}]}
OWN = {
    "volumes": [{"name": "shared-dir", "hostPath": {"path": "/var/run/openvswitch/pods"}}],
    "mounts": [{"name": "shared-dir", "mountPath": "/vhu", "subPathExpr": "$(POD_UID)"}],
}


def pod(name: str, networks: list[str], sockets: dict, hugepages: str = "", **spec: object) -> dict:
    container = {
        "name": "c",
        "image": "dpdk:19.11",
        "imagePullPolicy": "Never",
        "command": ["sleep", "3600"],
        "env": [{"name": "POD_UID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.uid"}}}],
        "volumeMounts": list(sockets["mounts"]),
    }
    volumes = list(sockets["volumes"])
    if hugepages:
        container["resources"] = {part: {"hugepages-2Mi": hugepages, "memory": hugepages} for part in ("requests", "limits")}
        container["volumeMounts"].append({"name": "hugepages", "mountPath": "/hugepages"})
        volumes.append({"name": "hugepages", "emptyDir": {"medium": "HugePages"}})
    return {
        "metadata": {"name": name, "labels": {"app": LABEL}, "annotations": {"k8s.v1.cni.cncf.io/networks": ", ".join(networks)}},
        "spec": {
            "nodeName": NODE,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": [container],
            "volumes": volumes,
            **spec,
        },
    }


def pods() -> list:
    return core().list_pod_for_all_namespaces(label_selector=f"app={LABEL}").items


def ports_of(one) -> list[str]:
    """The names in Open vSwitch of the interfaces of a pod's sandbox."""
    found, _problem = attachments({"metadata": {"annotations": one.metadata.annotations}})
    return [port["interface"] for port in found]


def events(names: Iterable[str], namespace: str = "default") -> list[str]:
    found = core().list_namespaced_event(namespace).items
    return [f"{event.involved_object.name}: {event.message}" for event in found if event.involved_object.name in names]


def attached(one) -> bool:
    """Running, with all its attachments in the status that Multus writes."""
    asked = len(one.metadata.annotations["k8s.v1.cni.cncf.io/networks"].split(","))
    status = json.loads(one.metadata.annotations.get("k8s.v1.cni.cncf.io/network-status", "[]"))
    return one.status.phase == "Running" and {f"net{number + 1}" for number in range(asked)} <= {entry.get("interface") for entry in status}


def wait_until_running(names: list[str], seconds: float = 240) -> float:
    """What keeps them from it is told."""
    try:
        return wait_for(f"{len(names)} running pods", lambda: {one.metadata.name for one in pods() if attached(one)} >= set(names), seconds)
    except BaseException:
        print(*events(names)[-10:], sep="\n")
        raise


def remove(found: list, force: bool = False) -> None:
    for one in found:
        try:
            core().delete_namespaced_pod(one.metadata.name, one.metadata.namespace, grace_period_seconds=0 if force else None)
        except ApiException as error:
            if error.status != 404:
                raise


def in_pod(name: str, *command: str, namespace: str = "default", container: str = "c") -> str:
    return stream(
        core().connect_get_namespaced_pod_exec, name, namespace, container=container, command=list(command),
        stdin=False, stdout=True, stderr=True, tty=False
    )  # fmt: skip


SCRIPT = (ROOT / "roles/verify/files/traffic.sh").read_text()
SHOW = "show port stats all"
STATISTICS = re.compile(
    r"NIC statistics for port (\d).*?RX-packets:\s*(?P<rx>\d+).*?RX-bytes:\s*(?P<rx_bytes>\d+).*?TX-packets:\s*(?P<tx>\d+).*?TX-bytes:\s*(?P<tx_bytes>\d+)",
    re.S,
)


class Testpmd:
    """testpmd in a pod, on some of its interfaces, under the control of the script of role verify."""

    __test__ = False
    directory = "/tmp/lab-testpmd"

    def __init__(self, pod: str, interfaces: list[str], *arguments: str, device: str = "", namespace: str = "default") -> None:
        self.pod, self.namespace, self.shown = pod, namespace, 0
        known = core().read_namespaced_pod(pod, namespace)
        sockets = {name.split("-", 1)[1]: f"/vhu/{name}" for name in ports_of(known)}
        devices = [f"--vdev=net_virtio_user{number},path={sockets[name]}{device}" for number, name in enumerate(interfaces)]
        command = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", "0@0,1@0", "--no-pci", "--iova-mode", "va", "--single-file-segments", "-m", "128"]
        command += ["--file-prefix", "lab", "--huge-dir", "/hugepages", *devices, "--", "-i", "--forward-mode=rxonly", "--no-flush-rx"]
        self.script("begin", "300", *command, "--total-num-mbufs=4096", *arguments)
        assert "testpmd> " in self.output(), self.output()

    def script(self, action: str, *arguments: str) -> str:
        return in_pod(self.pod, "sh", "-c", SCRIPT, "traffic", action, self.directory, *arguments, namespace=self.namespace)

    def output(self) -> str:
        return self.script("output")

    def play(self, *lines: str) -> list[dict[str, int]]:
        """The counters of port 0 at each `show port stats all` of these lines, and at their end; a line @N waits for N seconds."""
        lines = (*lines, SHOW)
        wanted = self.shown + lines.count(SHOW)
        self.script("play", *lines)
        wait_for(f"testpmd of {self.pod}", lambda: len(self.statistics()) >= wanted, 60 + sum(int(line[1:]) for line in lines if line[0] == "@"))
        found = self.statistics()[self.shown :]
        self.shown = wanted
        return found

    def statistics(self) -> list[dict[str, int]]:
        blocks = [match for match in STATISTICS.finditer(self.output()) if match[1] == "0"]
        return [{key: int(value) for key, value in match.groupdict().items()} for match in blocks]

    def end(self) -> str:
        return self.script("end")

    def __enter__(self) -> Testpmd:
        return self

    def __exit__(self, *_error: object) -> None:
        print(self.end()[-3000:])
