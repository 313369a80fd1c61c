# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a run can begin, which process of the controller it is, and whether that of another run has ended.

What a lock says of its holder is a text that others may have written. It is compared with what the kernel says of this controller's own processes, and used
for nothing else: no process gets a signal. A user who can write the lock could as well remove it.
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import secrets
from pathlib import Path

PROC = Path("/proc")
HOLDER = re.compile(r"\(process (\d{1,10}) of ([0-9a-f]{32}), begun at (\d{1,20}), run [0-9a-f]{16}\)\Z", re.ASCII)


def playbook() -> int:
    """The process id of ansible-playbook: it makes a process for each task, and outlives them."""
    parent = multiprocessing.parent_process()
    return os.getpid() if parent is None else parent.pid


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def machine(proc: Path = PROC) -> str | None:
    """A name for this boot of this machine with all processes of this user. Two processes that have another name for it cannot see that the other one has died.

    Null where there is no such /proc: then no run is known to have died.
    """
    boot = read(proc / "sys/kernel/random/boot_id")
    try:
        # In a container with a /proc that is not its own, numbers mean other processes.
        if not boot or os.readlink(proc / "self") != str(os.getpid()):
            return None
        processes = os.readlink(proc / "self/ns/pid")
    except OSError:
        return None
    # When a process began depends on the namespace of the clock, which older kernels lack.
    clock = os.readlink(proc / "self/ns/time") if (proc / "self/ns/time").is_symlink() else ""
    # A /proc with hidepid shows the processes of one user only.
    known = [boot, processes, clock, str(os.geteuid()), os.uname().nodename, read(Path("/etc/machine-id"))]
    return hashlib.sha256("\0".join(known).encode("utf-8", "replace")).hexdigest()[:32]


def begun(pid: int, proc: Path = PROC) -> int | None:
    """When a process began, in ticks since the boot; null where there is none, or where it has ended and its parent has not read its status."""
    try:
        text = (proc / str(pid) / "stat").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name of the program may contain anything.
    words = text.rpartition(")")[2].split()
    return None if words[0] in ("Z", "X") else int(words[19])


def holder(name: str, proc: Path = PROC) -> str:
    """The name by which this run holds a lock: it is this run's alone, and says which process it is."""
    run = secrets.token_hex(8)
    here, pid = machine(proc), playbook()
    since = None if here is None else begun(pid, proc)
    return f"{name} (run {run})" if since is None else f"{name} (process {pid} of {here}, begun at {since}, run {run})"


def died(text: object, proc: Path = PROC) -> bool:
    """Whether this is the name of a run on this controller whose process has ended. False for all that cannot be known."""
    found = HOLDER.search(text) if isinstance(text, str) else None
    if found is None or found[2] != machine(proc):
        return False
    try:
        return begun(int(found[1]), proc) != int(found[3])
    except (IndexError, OSError, ValueError):
        return False


def dead_holder(leases: list[dict], proc: Path = PROC) -> str:
    """Of a lock as the API returned it: who holds it, where that run has died; empty else."""
    names = [(lease.get("spec") or {}).get("holderIdentity") for lease in leases]
    return next((name for name in names if died(name, proc)), "")


def refusals(cluster: list[str], nodes: list[str], hosts: list[str], profile: str, forks: int, namespace: str, namespaces: list[dict] | None) -> list[str]:
    """Why the proof cannot run in this play.

    cluster, nodes  the hosts of these groups; hosts: those of the play
    namespaces      what the API has by that name; null where it was not read
    """
    found = []
    if len(cluster) != 1 or not nodes or cluster[0] not in hosts:
        found.append(
            "The traffic proof runs on the one host of group cluster and on the hosts of group nodes, all in one play: see playbooks/verify.yml. "
            f"Group cluster has {len(cluster)} hosts, group nodes {len(nodes)}."
        )
    # Nodes that had to wait for others would read their PMD threads after the traffic.
    if profile == "full" and forks < len(nodes):
        found.append(
            f"Profile full reads the PMD threads of all {len(nodes)} nodes at the same time, and Ansible runs on {forks} at a time, so nothing was started: "
            f"give --forks {len(nodes)}."
        )
    if namespaces is not None and namespace not in [item["metadata"]["name"] for item in namespaces]:
        found.append(
            f"verify_namespace names {namespace or 'nothing'}, which is not a namespace of the cluster, so nothing was started: correct it, or run "
            "site.yml, which creates the testpmd pods."
        )
    return found
