# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures packets a second from pod to pod through the collection against the same testpmd on a bare Open vSwitch outside of Kubernetes.

Both are on the lab's node and run the same binaries on the same cores, with pages of the same size and frames of the same sizes, alternately in one
run; the PMD thread of the one that is not measured sleeps. A machine is faster at one moment than at the next, by more than what is looked for: so a
round of the one is only compared with the round of the other that is beside it, and the figure is the median of these ratios. How far the machine
differs from itself is shown by the same comparison of the bare switch's rounds with each other. Prints for each size both medians, the ratio, and that
spread, and ends with 1 if a ratio is below the limit. Without a lab it makes one first and removes it at the end.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from kubernetes import client, config

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".collections"))
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify import full, full_read, parse  # noqa: E402
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils._verify.plan import called, length, new_mac, plan  # noqa: E402

RATIO = 0.95
# Of each side. Many short ones beside each other: what the machine does meanwhile meets both.
ROUNDS = 14
SIZES = [64, 512, 1518]
IN_FLIGHT = 512
SECONDS = 1
NODE = "kube-ovn-dpdk-lab-1"
STATE = Path(os.environ.get("KUBE_OVN_DPDK_CACHE", Path.home() / ".cache" / "kube_ovn_dpdk")) / "lab"
SCRIPT = (ROOT / "roles" / "verify" / "files" / "traffic.sh").read_text()
NAME = "kube-ovn-dpdk-bench"
# On the node: what the bare switch has of its own.
PLACE = f"/run/{NAME}"
HUGE = "/dev/hugepages"
PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")
# For the socket memory of the switch and for testpmd.
MORE_PAGES = 512 + 256 + 32
APP = "testpmd-dpdk"
# In both containers, for what testpmd is told and what it writes.
DIRECTORY = "/tmp/kube-ovn-dpdk-bench"


def run(*command: str, timeout: int = 120, check: bool = True) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        sys.exit(f"{shlex.join(command)[:300]} failed: {done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout


def playbook(name: str, *arguments: str) -> None:
    run(str(Path(sys.executable).parent / "ansible-playbook"), str(ROOT / name), "-i", str(ROOT / "inventory"), *arguments, timeout=2400)


def on_node(*command: str, timeout: int = 120, check: bool = True) -> str:
    return run("docker", "exec", NODE, *command, timeout=timeout, check=check)


def in_container(identity: str, *command: str, timeout: int = 180) -> str:
    """In a container of the node's runtime, as kubectl exec does it."""
    return on_node("ctr", "--namespace", "k8s.io", "task", "exec", "--exec-id", f"bench-{time.monotonic_ns()}", identity, *command, timeout=timeout)


class Side:
    """A container with testpmd and its two ports."""

    def __init__(self, name: str, container: str, pod: dict, bridge: str) -> None:
        self.name, self.container = name, container
        key = called(pod)
        paths = [port["path"] for port in pod["ports"]]
        nodes = {NODE: {"interfaces": {port["interface"]: {"bridge": bridge} for port in pod["ports"]}, "other_config": switch_settings()}}
        settings = {
            "sizes": SIZES, "flows": [1], "in_flight": [IN_FLIGHT], "queues": [1], "seconds": SECONDS, "cores": [], "mbufs": 4096, "extra_arguments": [],
        }  # fmt: skip
        planned = full.plan_full([pod], {key: self.call("probe", *paths)}, nodes, {NODE: 1}, settings)
        (self.run,) = planned["runs"]
        self.points = [point for part in self.run["parts"] for point in part["points"]]
        self.lines = [line for point in self.points for line in full.measure(0, point, SECONDS, False)]
        self.command = self.run["commands"][key]

    def call(self, *arguments: str) -> str:
        return in_container(self.container, "sh", "-c", SCRIPT, "traffic", *arguments)

    def begin(self) -> None:
        self.call("begin", DIRECTORY, "120", *self.command)

    def round(self) -> None:
        self.call("play", DIRECTORY, *self.lines)
        time.sleep(length(self.lines) + 1)

    def end(self) -> list[dict]:
        text = self.call("end", DIRECTORY)
        ran = parse.parse_testpmd(text)
        found = full_read.points(self.points * ROUNDS, ran, text, [], self.run["pods"][0]["ports"])
        if not all(point["ok"] for point in found):
            sys.exit(f"{self.name}: testpmd ended with {ran['status']}, causes {ran['causes']}, points: {[point for point in found if not point['ok']]}")
        return found


@functools.lru_cache(maxsize=None)
def switch_settings() -> dict[str, str]:
    """other_config of the lab's switch: memory, cores and how its PMD threads sleep."""
    read = json.loads(on_node("/usr/local/bin/ovs-vsctl", "--format=json", "--columns=other_config", "list", "Open_vSwitch"))
    return dict(read["data"][0][0][1])


def running(core: client.CoreV1Api, namespace: str, label: str, container: str) -> tuple[client.V1Pod, str]:
    """The pod of the node with this label, and its container's name in the runtime."""
    (found,) = [pod for pod in core.list_namespaced_pod(namespace, label_selector=label).items if pod.spec.node_name == NODE]
    return found, next(one for one in found.status.container_statuses if one.name == container).container_id.partition("//")[2]


def pod_side() -> tuple[Side, dict, str]:
    """And the container of the switch that it is attached to."""
    core = client.CoreV1Api(config.new_client_from_config(str(STATE / "kubeconfig")))
    _pod, switch = running(core, "kube-system", "app=ovs-dpdk", "openvswitch")
    found, container = running(core, "default", "app.kubernetes.io/name=testpmd", APP)
    (pod,) = plan([core.api_client.sanitize_for_serialization(found)], {"container": APP, "socket_dir": "/vhu", "between_pods": "false"})
    return Side("pod", container, pod, "br0"), pod, switch


def place_of(container: str) -> tuple[str, str]:
    """The directory of a container's control group, and its share of the CPUs, as the runtime was told."""
    spec = json.loads(on_node("ctr", "--namespace", "k8s.io", "container", "info", container))["Spec"]["linux"]
    return spec["cgroupsPath"].rpartition("/")[0], str(spec["resources"]["cpu"]["shares"])


def ctr_run(identity: str, image: str, beside: str, *command: str) -> None:
    """A container that is no pod, in a network namespace of its own: two switches would fight for the device ovs-netdev.

    It gets the share of the CPUs of the pod's container `beside` which it is compared with, in the same place: a container without limits would have
    five hundred times that of a pod that asks for no CPU, and whatever else runs on the node would be measured in the pod alone.
    """
    directory, shares = place_of(beside)
    group = ["--cgroup", f"{directory}/{identity}", "--cpu-shares", shares]
    mounts = [f"type=bind,src={source},dst={target},options=rbind:rw" for source, target in ((f"{PLACE}/run", "/run/openvswitch"), (HUGE, HUGE))]
    options = [word for mount in mounts for word in ("--mount", mount)]
    on_node("ctr", "--namespace", "k8s.io", "run", "--detach", "--privileged", *group, *options, image, identity, *command)


def bare_side(pod: dict, switch: str, application: str) -> Side:
    """Beside the containers of the pods with OVS-DPDK and with the application."""
    images = on_node("ctr", "--namespace", "k8s.io", "images", "list", "--quiet").split()
    on_node("mkdir", "-p", f"{PLACE}/run")
    settings = {**switch_settings(), "dpdk-init": "true", "dpdk-hugepage-dir": HUGE}
    settings["dpdk-extra"] = f"{settings.get('dpdk-extra', '')} --file-prefix {NAME}".strip()
    words = " ".join(shlex.quote(f"other_config:{key}={json.dumps(value)}") for key, value in settings.items())
    ports = " ".join(f"-- add-port br0 bare-{port['name']} -- set interface bare-{port['name']} type=dpdkvhostuser" for port in pod["ports"])
    started = (
        "mkdir -p /etc/openvswitch /var/log/openvswitch; ovsdb-tool create /etc/openvswitch/bare.db /usr/share/openvswitch/vswitch.ovsschema; "
        "ovsdb-server /etc/openvswitch/bare.db --remote=punix:/run/openvswitch/db.sock --pidfile --detach --log-file=/run/openvswitch/ovsdb.log; "
        f"ovs-vsctl --no-wait init; ovs-vsctl --no-wait set Open_vSwitch . {words}; "
        "exec ovs-vswitchd unix:/run/openvswitch/db.sock --pidfile --log-file=/run/openvswitch/ovs-vswitchd.log"
    )
    ctr_run(f"{NAME}-switch", next(name for name in images if "/kube-ovn-dpdk:" in name), switch, "sh", "-ec", started)
    made = f"ovs-vsctl --timeout=30 add-br br0 -- set bridge br0 datapath_type=netdev {ports}"
    in_container(f"{NAME}-switch", "sh", "-ec", f"for i in 1 2 3 4 5 6 7 8 9 10; do [ -S /run/openvswitch/db.sock ] && break; sleep 1; done; {made}")
    ctr_run(f"{NAME}-app", next(name for name in images if name.endswith("/dpdk:19.11")), application, "sleep", "3600")
    own = json.loads(json.dumps(pod))
    own.update(name="bare", huge_dir=HUGE)
    for port in own["ports"]:
        name = f"bare-{port['name']}"
        port.update(interface=name, path=f"/run/openvswitch/{name}", mac=new_mac(), server=False)
    return Side("bare", f"{NAME}-app", own, "br0")


def span(values: list[float]) -> str:
    """Between which figures the middle half of them is."""
    low, _middle, high = statistics.quantiles(values, n=4)
    return f"{low:.3f} to {high:.3f}"


def remove_bare() -> None:
    for identity in (f"{NAME}-app", f"{NAME}-switch"):
        on_node("ctr", "--namespace", "k8s.io", "task", "kill", "--signal", "KILL", identity, check=False)
        for _attempt in range(10):
            on_node("ctr", "--namespace", "k8s.io", "task", "delete", identity, check=False)
            on_node("ctr", "--namespace", "k8s.io", "container", "delete", identity, check=False)
            if identity not in on_node("ctr", "--namespace", "k8s.io", "container", "list", "--quiet").split():
                break
            time.sleep(1)
    on_node("sh", "-c", f"rm -rf {PLACE} {HUGE}/{NAME}map_*")


def measure() -> dict[str, list[dict]]:
    """The points of both sides. The pages of the bare switch and its testpmd are reserved beside those that there are, and given back."""
    before = PAGES.read_text()
    remove_bare()
    pod, plan_of_pod, switch = pod_side()
    PAGES.write_text(str(int(before) + MORE_PAGES))
    sides = [pod]
    try:
        if int(PAGES.read_text()) < int(before) + MORE_PAGES:
            sys.exit(f"the machine has no {MORE_PAGES} more hugepages of 2 MiB")
        sides.append(bare_side(plan_of_pod, switch, pod.container))
        for side in sides:
            side.begin()
        for number in range(ROUNDS):
            # Each goes first as often as the other, as far as that goes.
            for side in sides if number % 2 else reversed(sides):
                side.round()
        return {side.name: side.end() for side in sides}
    finally:
        for side in sides:
            side.call("end", DIRECTORY)
        remove_bare()
        PAGES.write_text(before)


def main() -> int:
    there = NODE in run("docker", "ps", "--format", "{{.Names}}", check=False).split() if shutil.which("docker") else False
    try:
        playbook("site.yml")
        found = measure()
    finally:
        if not there:
            playbook("lab/lab.yml", "-e", "lab_state=absent")
    settings = switch_settings()
    print(
        f"pod to pod against a bare Open vSwitch: {ROUNDS} rounds of {SECONDS} s, alternately, 1 flow each way, {IN_FLIGHT} packets in flight each way, "
        f"PMD threads {settings.get('pmd-cpu-mask')}, load {os.getloadavg()[0]:.1f}"
    )
    missed = 0
    for index, size in enumerate(SIZES):
        rates = {name: [point["pps"] for point in points[index :: len(SIZES)]] for name, points in found.items()}
        ratios = [pod / bare for pod, bare in zip(rates["pod"], rates["bare"], strict=True)]
        ratio = statistics.median(ratios)
        itself = [later / earlier for earlier, later in itertools.pairwise(rates["bare"])]
        missed += ratio < RATIO
        print(
            f"  {'ok    ' if ratio >= RATIO else 'MISSED'} {size:5} bytes  pod {statistics.median(rates['pod']):12,.0f} packets/s  "
            f"bare {statistics.median(rates['bare']):12,.0f} packets/s  ratio {ratio:.3f}, at least {RATIO} "
            f"(half of the rounds {span(ratios)}; bare against itself {span(itself)})"
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
