# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures what hosts cost that need nothing: the node plays of playbooks/site.yml up to the reboots, on 1, 10 and 50 made-up hosts.

Every host is a tree of its own with a local connection, prepared by a first run and booted by rewriting its /proc/cmdline. Measured is a run that changes
nothing. Prints seconds and the memory of the controller, and ends with 1 if a limit is missed. With numbers as arguments it takes these sizes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SIZES = (1, 10, 50)
# Seconds that a further host may cost on two cores.
FURTHER = 1.0
GENERATOR = """#!/bin/sh
set -e
. "$SYSROOT/etc/default/grub"
for x in "$SYSROOT"/etc/default/grub.d/*.cfg; do if [ -e "$x" ]; then . "$x"; fi; done
printf "menuentry 'Linux' {\\n linux /vmlinuz root=/dev/vda1 ro %s\\n}\\n" "$GRUB_CMDLINE_LINUX_DEFAULT" > "$2"
"""
MENU = "boot/grub/grub.cfg"
NIC = "sys/bus/pci/devices/0000:05:00.0"
FILES = {
    "etc/os-release": "ID=debian\n",
    "etc/fstab": "/dev/vda1 / ext4 defaults 0 1\n",
    "etc/default/grub": "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n",
    MENU: "menuentry 'Linux' {\n linux /vmlinuz root=/dev/vda1 ro quiet\n}\n",
    "usr/sbin/grub-mkconfig": GENERATOR,
    "proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\nHugepagesize: 2048 kB\n",
    "proc/cpuinfo": "flags : fpu sse4_2 avx2 pdpe1gb\n",
    "proc/cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro quiet\n",
    "proc/stat": "btime 1700000000\n",
    "proc/mounts": "hugetlbfs /dev/hugepages hugetlbfs rw,pagesize=2M 0 0\n",
    "proc/sys/kernel/osrelease": "5.10.0\n",
    "sys/devices/system/cpu/present": "0-7\n",
    "sys/devices/system/cpu/online": "0-7\n",
    "sys/devices/system/node/node0/meminfo": "Node 0 MemTotal: 16777216 kB\nNode 0 MemFree: 8388608 kB\n",
    "sys/firmware/acpi/tables/DMAR": "",
    "sys/kernel/iommu_groups/5/type": "DMA\n",
    "sys/module/vfio_pci/refcnt": "0\n",
    f"{NIC}/vendor": "0x8086\n",
    f"{NIC}/device": "0x10d3\n",
    f"{NIC}/class": "0x020000\n",
    f"{NIC}/driver_override": "vfio-pci\n",
    f"{NIC}/numa_node": "0\n",
    "run/openvswitch/keep": "",
}
LINKS = {f"{NIC}/driver": "../../drivers/vfio-pci", f"{NIC}/iommu_group": "../../../../kernel/iommu_groups/5"}
# Files that roles write beside what their modules find by sysroot.
INTERNAL = {
    "__dpdk_host_modules_load": "etc/modules-load.d/kube-ovn-dpdk.conf",
    "__dpdk_host_tuned": "etc/tuned", "__host_reboot_mark_file": "var/lib/kube-ovn-dpdk-cordoned", "__kube_ovn_config_dir": "opt/ovs-config",
    "__kube_ovn_rundir": "run/openvswitch",
}  # fmt: skip
SETTINGS = {
    "hugepages_pages": [{"size": "2M", "count": 512, "node": 0}], "hugepages_restart_kubelet": False,
    "dpdk_host_packages": [], "dpdk_host_isolated_cores": "2-7", "dpdk_host_devices": [{"device": "0000:05:00.0"}],
}  # fmt: skip


def make_tree(root: Path) -> None:
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (root / "usr/sbin/grub-mkconfig").chmod(0o755)
    (root / "sys/bus/pci/drivers/vfio-pci").mkdir(parents=True)
    for folder in ("etc/tmpfiles.d", "etc/modules-load.d", "var/lib"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, target in LINKS.items():
        (root / name).symlink_to(target)
    for place in ("sys/kernel/mm", "sys/devices/system/node/node0"):
        pages = root / place / "hugepages/hugepages-2048kB"
        pages.mkdir(parents=True)
        for name, number in (("nr_hugepages", 512), ("free_hugepages", 512), ("surplus_hugepages", 0), ("resv_hugepages", 0)):
            (pages / name).write_text(f"{number}\n")


def boot(root: Path) -> None:
    """The host is started with what its menu says."""
    words = (root / MENU).read_text().split("/vmlinuz ")[1].splitlines()[0]
    (root / "proc/cmdline").write_text(f"BOOT_IMAGE=/vmlinuz {words}\n")


def node_plays() -> list[dict]:
    """The plays of the whole line for hosts, up to the one that reboots them."""
    plays = yaml.safe_load((ROOT / "playbooks" / "site.yml").read_text())
    last = next(index for index, item in enumerate(plays) if "host_reboot_plan" in str(item.get("hosts")))
    modules = ("hugepages", "hugepages_info", "kernel_cmdline", "dpdk_device", "dpdk_host_info")
    defaults = {"kube_ovn.dpdk." + module: {"sysroot": "{{ bench_root }}"} for module in modules}
    return [{**play, "module_defaults": defaults} for play in plays[last - 1 : last + 1]]


def run(directory: Path, size: int) -> tuple[float, float, float, str]:
    """Seconds, seconds of CPU with all child processes, MB of the controller at most, and the output of a run on the first hosts."""
    hosts = {f"host-{number:02}": {"bench_root": str(directory / f"host-{number:02}")} for number in range(size)}
    connection = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"all": {"vars": connection | SETTINGS, "children": {"nodes": {"hosts": hosts}}}}
    settings = {name: "{{ bench_root }}/" + path for name, path in INTERNAL.items()}
    for name, content in (("inventory.yml", inventory), ("play.yml", node_plays()), ("settings.yml", settings)):
        (directory / name).write_text(yaml.safe_dump(content, sort_keys=False))
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "-i", "inventory.yml", "-e", "@settings.yml", "play.yml"]
    environment["ANSIBLE_COLLECTIONS_PATH"] = str(ROOT / ".collections")
    start = time.time()
    process = subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    output = process.stdout.read()
    # The controller's own process; its workers share most of it.
    _pid, status, usage = os.wait4(process.pid, 0)
    if status:
        sys.exit(f"the run on {size} hosts failed:\n{output[-4000:]}")
    return time.time() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def prepare(directory: Path, size: int) -> None:
    for number in range(size):
        make_tree(directory / f"host-{number:02}")
    # Nobody reboots here, so the requests are taken for done by the boot that follows.
    for name in ("first", "second"):
        SETTINGS["host_reboot_mode"] = "never"
        run(directory, size)
        for number in range(size):
            boot(directory / f"host-{number:02}")
        print(f"  prepared, {name} run", flush=True)
    del SETTINGS["host_reboot_mode"]


def main() -> int:
    sizes = tuple(int(argument) for argument in sys.argv[1:] if argument.isdigit()) or SIZES
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        print(f"node plays of site.yml, nothing to change, local connections, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}", flush=True)
        prepare(directory, max(sizes))
        found, processors = {}, {}
        for size in sizes:
            seconds, processor, megabytes, output = run(directory, size)
            changed = re.findall(r"changed=([1-9]\d*)", output)
            if changed or len(re.findall(r"^host-\d+ +: ok=", output, re.M)) != size:
                sys.exit(f"the run on {size} hosts is not what is to be measured:\n{output[-4000:]}")
            found[size] = seconds
            calls = len(re.findall(r"^TASK ", output, re.M))
            times = f"{seconds:7.1f} s ({processor:6.1f} s of CPU)"
            print(f"  {size:3} hosts {times}   controller {megabytes:6.1f} MB   {calls} tasks that are not skipped", flush=True)
            processors[size] = processor
            if "--show" in sys.argv:
                print(output)
    first, last = min(sizes), max(sizes)
    if first == last:
        return 0
    further = (found[last] - found[first]) / (last - first)
    holds = further <= FURTHER
    busy = (processors[last] - processors[first]) / (last - first)
    print(f"  {'ok    ' if holds else 'MISSED'} a further host costs {further:.2f} s ({busy:.2f} s of CPU), at most {FURTHER} s")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
