# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures ovs_port against openvswitch.openvswitch.openvswitch_port, and against itself at 10 to 5,000 ports.

Real playbook runs and real module processes against a real ovsdb-server and ovs-vswitchd with dummy devices. Ends with 1 if a limit is missed.
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import ansible
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration" / "ovsdb"))
sys.path.insert(0, str(ROOT / ".collections"))
from switch import Switch, binary  # noqa: E402

PORTS = 100
FACTOR = 50
ROUNDS = (1, 2, 3)
SIZES = (10, 100, 1000, 5000)
UNCHANGED_SECONDS = 1.0
UNCHANGED_MB = 60
# Beyond, ovs-vswitchd with dummy devices takes minutes by itself.
APPLIED = 1000
# What a port may cost more at one size than at the next smaller one, for all that a busy machine adds.
GROWTH = 1.3


def play(directory, database, tasks):
    """Run one play and return the seconds of each task, as the profile_tasks callback measures them."""
    hosts = {"all": {"hosts": {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}}}
    inventory, playbook = directory / "inventory.yml", directory / "play.yml"
    inventory.write_text(yaml.safe_dump(hosts))
    playbook.write_text(yaml.safe_dump([{"hosts": "all", "gather_facts": False, "tasks": tasks}], sort_keys=False))
    # ovs-vsctl, that the other collection calls, is found on PATH, in sbin or not.
    path = f"{os.environ['PATH']}:{os.path.dirname(binary('ovs-vsctl'))}"
    done = subprocess.run(
        [str(Path(sys.executable).parent / "ansible-playbook"), "-i", str(inventory), str(playbook)],
        cwd=ROOT, capture_output=True, text=True, timeout=900, check=False,
        env={**os.environ, "PATH": path, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_PIPELINING": "1",
             "ANSIBLE_CALLBACKS_ENABLED": "ansible.posix.profile_tasks",
             "ANSIBLE_CALLBACK_PROFILE_TASKS_TASK_OUTPUT_LIMIT": "all", "PROFILE_TASKS_TASK_OUTPUT_LIMIT": "all"},
    )
    if done.returncode:
        sys.exit(f"the play failed:\n{done.stdout[-3000:]}\n{done.stderr[-2000:]}")
    found = dict(re.findall(r"^(\S.*?) -+ ([\d.]+)s$", done.stdout, re.M))
    changed = re.search(r"changed=(\d+)", done.stdout).group(1)
    return {task["name"]: float(found[task["name"]]) for task in tasks}, int(changed)


def compare(directory):
    names = [f"p{number}" for number in range(PORTS)]
    with Switch() as switch:
        switch.vsctl("add-br", "br0", "--", "add-br", "br1")
        loop = {"openvswitch.openvswitch.openvswitch_port": {"bridge": "br0", "port": "old-{{ item }}", "set": "Interface old-{{ item }} type=dummy",
                                                             "database_socket": switch.database}, "loop": names}
        ports = {"kube_ovn.dpdk.ovs_port": {"database": switch.database,
                                            "ports": [{"name": "new-" + name, "bridge": "br1", "type": "dummy"} for name in names]}}
        gone = {"kube_ovn.dpdk.ovs_port": {"database": switch.database, "ports": [{"name": "new-" + name, "state": "absent"} for name in names]}}
        tasks = [{"name": "loop, create", **loop}, {"name": "loop, again", **loop}]
        # The loop is a hundred module runs, and ovs_port is one: it is done three times, and the median counts.
        for number in ROUNDS:
            tasks += [{"name": f"remove {number}", **gone}, {"name": f"create {number}", **ports}, {"name": f"again {number}", **ports}]
        seconds, changed = play(directory, switch.database, tasks)
        created = len(switch.vsctl("list-ports", "br0").split()), len(switch.vsctl("list-ports", "br1").split())
    # Changed are the loop once, ovs_port at each creation, and each removal but the first, which finds nothing.
    if created != (PORTS, PORTS) or changed != 2 * len(ROUNDS):
        sys.exit(f"the comparison did not do what it measures: {created} ports, {changed} tasks with a change")
    return {what: (seconds[f"loop, {what}"], statistics.median(seconds[f"{what} {number}"] for number in ROUNDS)) for what in ("create", "again")}


def module(database, ports, **options):
    """One module process: (seconds, peak MB, changed, seconds of CPU)."""
    core = str(Path(ansible.__file__).parents[1])
    arguments = json.dumps({"ANSIBLE_MODULE_ARGS": {"database": database, "timeout": 300, "ports": ports, **options}})
    program = (
        "import resource, runpy, sys, time\n"
        "start = time.time()\n"
        "try:\n    runpy.run_module('ansible_collections.kube_ovn.dpdk.plugins.modules.ovs_port', run_name='__main__')\n"
        "finally:\n"
        "    use = resource.getrusage(resource.RUSAGE_SELF)\n"
        "    sys.stderr.write('%f %f %f' % (time.time() - start, use.ru_maxrss / 1024.0, use.ru_utime + use.ru_stime))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], input=arguments, capture_output=True, text=True, timeout=600, check=False,
                          env={**os.environ, "PYTHONPATH": f"{ROOT / '.collections'}:{core}"})
    result = json.loads(done.stdout)
    if result.get("failed"):
        sys.exit(f"ovs_port failed: {result['msg']}")
    seconds, megabytes, processor = map(float, done.stderr.split()[-3:])
    return seconds, megabytes, result["changed"], processor


def grow(size):
    """Create, look again, remove, each the best of three, in a database alone; and create and look again with a switch that runs."""
    ports = [{"name": f"p{number}", "bridge": "br0", "type": "dummy"} for number in range(size)]
    gone = [{"name": port["name"], "state": "absent"} for port in ports]
    rounds = []
    with Switch(vswitchd=False) as server:
        server.vsctl("--no-wait", "add-br", "br0")
        for _round in range(3):
            rounds.append([module(server.database, items, wait=False) for items in (ports, ports, gone)])
        if any([run[2] for run in runs] != [True, False, True] for runs in rounds) or server.vsctl("--no-wait", "list-ports", "br0"):
            sys.exit("the measurement did not do what it measures")
    best = [min(runs[step][0] for runs in rounds) for step in range(3)]
    found = {"create": best[0], "again": best[1], "remove": best[2], "megabytes": max(runs[1][1] for runs in rounds),
             "processor": min(runs[1][3] for runs in rounds)}
    if size <= APPLIED:
        with Switch() as switch:
            switch.vsctl("add-br", "br0")
            runs = [module(switch.database, ports) for _run in range(4)]
        if [run[2] for run in runs] != [True, False, False, False]:
            sys.exit("the measurement with a running switch did not do what it measures")
        found.update(applied=runs[0][0], unchanged=min(run[0] for run in runs[1:]))
    return found


def main():
    missed = []

    def limit(holds, text):
        print(f"  {'ok    ' if holds else 'MISSED'} {text}", flush=True)
        if not holds:
            missed.append(text)

    with tempfile.TemporaryDirectory() as directory:
        print(f"{PORTS} ports, ansible-core {ansible.release.__version__}, local connection, pipelining; {os.cpu_count()} cores, "
              f"load {os.getloadavg()[0]:.1f}", flush=True)
        seconds = compare(Path(directory))
    for what in ("create", "again"):
        old, new = seconds[what]
        print(f"  {what:7} openvswitch_port in a loop {old:8.2f} s   ovs_port {new:6.2f} s   {old / new:6.1f} times")
        limit(old / new >= FACTOR, f"{what}: at least {FACTOR} times faster")
    print(f"ovs_port as a module process, s, best of three; load {os.getloadavg()[0]:.1f}")
    print("   ports    create   again  remove   ms/port: create  again  remove   peak MB   with ovs-vswitchd: create  again", flush=True)
    found = {}
    for size in SIZES:
        row = found[size] = grow(size)
        each = {what: row[what] / size * 1000 for what in ("create", "again", "remove")}
        print(f"  {size:6} {row['create']:9.2f} {row['again']:7.2f} {row['remove']:7.2f} {each['create']:17.2f} {each['again']:6.2f} {each['remove']:7.2f}"
              f" {row['megabytes']:9.1f}" + (f"{row['applied']:25.2f} {row['unchanged']:6.2f}" if "applied" in row else ""), flush=True)
    for what in ("create", "again", "remove"):
        each = [found[size][what] / size for size in SIZES]
        limit(all(after <= before * GROWTH for before, after in zip(each, each[1:], strict=False)), f"{what}: the time per port does not grow")
    unchanged = f"{found[1000]['unchanged']:.2f} s ({found[1000]['processor']:.2f} s of CPU)"
    limit(found[1000]["unchanged"] <= UNCHANGED_SECONDS, f"1,000 ports unchanged: {unchanged}, at most {UNCHANGED_SECONDS} s")
    limit(found[1000]["megabytes"] <= UNCHANGED_MB, f"1,000 ports unchanged: {found[1000]['megabytes']:.1f} MB, at most {UNCHANGED_MB} MB")
    if missed:
        print(f"{len(missed)} limits missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
