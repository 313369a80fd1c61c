# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures the wrapper of the Open vSwitch tools against `docker exec`, in a real container, and looks that every argument arrives unchanged there.

The container has nothing but one static program under the names of the daemon and of the tools, so that what is measured is the way into it.
Ends with 1 if a limit is missed. Needs root, Go and a running Docker.
"""

import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "controller"))
from test_wrapper import TOOLS, VECTORS, render  # noqa: E402

IMAGE = "kube-ovn-dpdk-bench-wrapper"
ROUNDS = 40
FACTOR = 10
PROGRAM = Path(__file__).parent / "files" / "main.go"


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.strip()


def compiled(directory):
    """The program that is the container's daemon and its tools: a tool prints how it was called."""
    (directory / "main.go").write_bytes(PROGRAM.read_bytes())
    environment = {**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GO111MODULE": "off"}
    subprocess.run(["go", "build", "-o", "program", "main.go"], cwd=directory, env=environment, check=True, timeout=300)
    return directory / "program"


def start(directory):
    """Start the container in a control group as the kubelet's, with the kubelet's directory of logs, and return its id and the process id of its daemon."""
    program = compiled(directory)
    with tarfile.open(directory / "image.tar", "w") as archive:
        for name in ("ovs-vswitchd", *TOOLS):
            archive.add(program, f"usr/bin/{name}")
    output("docker", "import", str(directory / "image.tar"), IMAGE)
    labels = ["--label", "io.kubernetes.container.name=openvswitch", "--label", "io.kubernetes.pod.namespace=kube-ovn-dpdk-bench"]
    uid = str(uuid.uuid4())
    (directory / f"log/pods/kube-ovn-dpdk-bench_bench_{uid}/openvswitch").mkdir(parents=True)
    systemd = output("docker", "info", "--format={{.CgroupDriver}}") == "systemd"
    group = f"kubepods-pod{uid.replace('-', '_')}.slice" if systemd else f"/kubepods/pod{uid}"
    options = ["--network=none", "--pid=host", f"--cgroup-parent={group}"]
    container = output("docker", "run", "--detach", "--rm", *options, *labels, IMAGE, "/usr/bin/ovs-vswitchd")
    return container, output("docker", "inspect", "--format={{.State.Pid}}", container)


def measure(commands):
    """The best and the median of each command, taken in turn, so that what else the machine does meets all of them alike."""
    seconds = {what: [] for what in commands}
    for _turn in range(ROUNDS):
        for what, command in commands.items():
            begin = time.perf_counter()
            subprocess.run(command, capture_output=True, timeout=60, check=False)
            seconds[what].append(time.perf_counter() - begin)
    return {what: (min(each), statistics.median(each)) for what, each in seconds.items()}


def main():
    missed = []

    def limit(holds, text):
        print(f"  {'ok    ' if holds else 'MISSED'} {text}", flush=True)
        if not holds:
            missed.append(text)

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        container, pid = start(directory)
        try:
            (directory / "run").mkdir()
            (directory / "run" / "ovs-vswitchd.pid").write_text(pid + "\n")
            wrappers = {}
            for method in ("nsenter", "docker"):
                (directory / method).mkdir()
                variables = {"ovs_wrapper_method": method, "ovs_wrapper_rundir": str(directory / "run"), "ovs_wrapper_namespace": "kube-ovn-dpdk-bench"}
                variables["ovs_wrapper_logs_dir"] = str(directory / "log")
                wrappers[method] = render(directory / method, **variables)
                unchanged = 0
                for vector in VECTORS:
                    done = subprocess.run([str(wrappers[method][vector[0]]), *vector[1:]], capture_output=True, timeout=60, check=False)
                    unchanged += (done.returncode, done.stdout) == (37, b"".join(word.encode() + b"\0" for word in vector))
                limit(unchanged == len(VECTORS), f"{method}: {unchanged} of {len(VECTORS)} calls arrive byte for byte, with their exit code")
            print(f"{ROUNDS} calls, ms, best and median; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
            found = measure(
                {
                    "docker exec": ["docker", "exec", container, "ovs-vsctl", "list-br"],
                    "wrapper, docker": [str(wrappers["docker"]["ovs-vsctl"]), "list-br"],
                    "wrapper, nsenter": [str(wrappers["nsenter"]["ovs-vsctl"]), "list-br"],
                }
            )
            for what, (best, median) in found.items():
                print(f"  {what:18} {best * 1000:8.1f} {median * 1000:8.1f}")
            factor, usual = (found["docker exec"][which] / found["wrapper, nsenter"][which] for which in (0, 1))
            limit(factor >= FACTOR, f"nsenter: {factor:.1f} times faster than docker exec at best, at least {FACTOR} (by the medians: {usual:.1f})")
        finally:
            output("docker", "rm", "--force", container)
            output("docker", "rmi", IMAGE)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
