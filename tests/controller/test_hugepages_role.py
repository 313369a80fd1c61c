# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role hugepages on a made-up host of two NUMA nodes whose kernel gives large pages at boot only, and spreads them evenly there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
GENERATOR = """#!/bin/sh
set -e
. "$SYSROOT/etc/default/grub"
for x in "$SYSROOT"/etc/default/grub.d/*.cfg; do if [ -e "$x" ]; then . "$x"; fi; done
printf "menuentry 'Linux' {\\n linux /vmlinuz root=/dev/vda1 ro %s\\n}\\n" "$GRUB_CMDLINE_LINUX_DEFAULT" > "$2"
"""
FILES = {
    "proc/meminfo": "MemTotal: 16777216 kB\nHugepagesize: 2048 kB\n",
    "proc/cpuinfo": "flags : fpu pdpe1gb\n",
    "proc/cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro quiet\n",
    "proc/sys/kernel/osrelease": "5.10.0\n",
    "etc/default/grub": "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n",
    "boot/grub/grub.cfg": "menuentry 'Linux' {\n linux /vmlinuz root=/dev/vda1 ro quiet\n}\n",
    "usr/sbin/grub-mkconfig": GENERATOR,
    **{f"sys/devices/system/node/node{node}/meminfo": f"Node {node} MemTotal: 8388608 kB\n" for node in (0, 1)},
}
MENU = "root/boot/grub/grub.cfg"
NO_HELP = "a reboot with them has not brought"


def pages(node: int) -> list[dict]:
    return [{"size": "1G", "count": 2, "node": node}]


@pytest.fixture
def host(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "root/usr/sbin/grub-mkconfig").chmod(0o755)
    for place in ("sys/kernel/mm", "sys/devices/system/node/node0", "sys/devices/system/node/node1"):
        directory = tmp_path / "root" / place / "hugepages/hugepages-1048576kB"
        directory.mkdir(parents=True)
        # Takes every number, and still has none.
        (directory / "nr_hugepages").symlink_to(os.devnull)
    return tmp_path


def role(host: Path, *arguments: str, fails: str = NO_HELP, **variables) -> str:
    modules = ("hugepages", "hugepages_info", "kernel_cmdline")
    paths = {"tmpfiles": "tmpfiles.conf", "counted": "counted.json", "defaults": "root/etc/default", "fstab": "fstab"}
    internal = {"__hugepages_" + name: str(host / path) for name, path in paths.items()}
    book = [{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "module_defaults": {"kube_ovn.dpdk." + name: {"sysroot": str(host / "root")} for name in modules},
        "vars": {
            "ansible_python_interpreter": sys.executable, "hugepages_mounts": [], "hugepages_restart_kubelet": False, "hugepages_attempts": 1,
            "host_reboot_mode": "never", **variables,
        },
        "tasks": [{"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.hugepages"}, "vars": internal}],
    }]  # fmt: skip
    (host / "play.yml").write_text(yaml.safe_dump(book))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(host / "play.yml"), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PATH": f"{host / 'tools'}:{os.environ['PATH']}"},
    )  # fmt: skip
    text = " ".join(done.stdout.split())
    assert (done.returncode == 0) == (fails not in text), done.stdout
    return text


def boot(host: Path) -> None:
    """The running kernel was started with what is in the menu now, and with what systemd-tmpfiles was told before."""
    words = (host / MENU).read_text().split("/vmlinuz ")[1].splitlines()[0]
    (host / "root/proc/cmdline").write_text(f"BOOT_IMAGE=/vmlinuz {words}\n")
    if (host / "tmpfiles.conf").exists():
        os.utime(host / "tmpfiles.conf", (1, 1))


def test_pages_that_a_reboot_did_not_bring(host):
    assert "0 of 2 pages of 1G on node 0" in role(host, hugepages_pages=pages(0))
    boot(host)
    assert NO_HELP in role(host, hugepages_pages=pages(0))


def test_moved_to_another_node_by_a_reboot(host):
    """The kernel arguments are the same for both nodes; what systemd-tmpfiles gives back after the boot is not."""
    role(host, hugepages_pages=pages(0))
    boot(host)
    before = (host / MENU).read_text()
    for _run in range(2):
        assert "0 of 2 pages of 1G on node 1" in role(host, hugepages_pages=pages(1))
        assert (host / MENU).read_text() == before
        assert "node1/hugepages/hugepages-1048576kB/nr_hugepages - - - - 2" in (host / "tmpfiles.conf").read_text()
    boot(host)
    assert NO_HELP in role(host, hugepages_pages=pages(1))


@pytest.mark.parametrize("persistent", [True, False])
def test_given_back_and_asked_for_again_without_a_reboot_between(host, persistent):
    role(host, hugepages_pages=pages(0), hugepages_persistent=persistent)
    boot(host)
    role(host, hugepages_pages=pages(0), hugepages_persistent=persistent, hugepages_state="absent")
    assert "0 of 2 pages of 1G on node 0" in role(host, hugepages_pages=pages(0), hugepages_persistent=persistent)


@pytest.mark.parametrize("state", ["present", "absent"])
def test_arguments_of_an_earlier_time(host, state):
    """They were asked for once, and are no more."""
    before = (host / MENU).read_text()
    role(host, hugepages_pages=pages(0))
    assert (host / MENU).read_text() != before
    role(host, hugepages_pages=[], hugepages_boot=False, hugepages_state=state)
    assert (host / MENU).read_text() == before
    assert not list((host / "root/etc/default/grub.d").glob("*.cfg"))


SYSTEMCTL = """#!/bin/sh
case $1 in
show) echo LoadState=loaded; echo ActiveState=active ;;
restart) echo restart "$2" >> {told}; ! [ -e {broken} ] ;;
esac
"""


@pytest.mark.parametrize("state, count", [("present", 8), ("absent", 0)])
def test_kubelet_that_an_earlier_run_did_not_come_to_restart(host, state, count):
    """It still offers the pages that were there when it started, and the pages are as asked for by now: the next run knows, and the one after it."""
    for place in ("kernel/mm", "devices/system/node/node0", "devices/system/node/node1"):
        directory = host / "root/sys" / place / "hugepages/hugepages-2048kB"
        directory.mkdir(parents=True)
        for name in ("nr_hugepages", "free_hugepages", "surplus_hugepages"):
            (directory / name).write_text("4\n" if name != "surplus_hugepages" else "0\n")
    told, broken = host / "told", host / "broken"
    (host / "tools").mkdir()
    (host / "tools/systemctl").write_text(SYSTEMCTL.format(told=told, broken=broken))
    (host / "tools/systemctl").chmod(0o755)
    broken.touch()
    wanted = {"hugepages_pages": [{"size": "2M", "count": 8, "node": 0}], "hugepages_boot": False, "hugepages_restart_kubelet": True, "hugepages_state": state}
    role(host, "--check", **wanted)
    assert not told.exists() and not (host / "counted.json").exists()
    assert "Unable to restart service kubelet" in role(host, fails="Unable to restart service kubelet", **wanted)
    assert (host / "root/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages").read_text().strip() == str(count)
    assert told.read_text() == "restart kubelet\n"
    broken.unlink()
    assert "changed=3" in role(host, "--check", **wanted)
    role(host, **wanted)
    assert told.read_text() == "restart kubelet\nrestart kubelet\n"
    assert "changed=0" in role(host, **wanted)
    assert told.read_text() == "restart kubelet\nrestart kubelet\n"
    assert not (host / "counted.json").exists()


@pytest.mark.parametrize("state", ["present", "absent"])
def test_mounts_of_an_earlier_time(host, state):
    """Those that the role has made, by their mark, and no others."""
    foreign = "/dev/vda1 / ext4 defaults 0 1\nhugetlbfs /nonexistent/foreign hugetlbfs defaults 0 0\n"
    (host / "fstab").write_text(foreign + "hugetlbfs /nonexistent/dropped hugetlbfs pagesize=1G,x-kube-ovn-dpdk 0 0\n")
    role(host, hugepages_pages=[], hugepages_boot=False, hugepages_state=state)
    assert (host / "fstab").read_text() == foreign


@pytest.mark.parametrize("state, mounts", [("present", []), ("absent", [{"path": "/proc", "size": "1G"}])])
def test_mount_that_is_in_use_stays_in_the_list(host, state, mounts):
    """Else the next run would know nothing of it. What is mounted everywhere and is let go nowhere stands for it."""
    lines = "hugetlbfs /proc hugetlbfs pagesize=1G,x-kube-ovn-dpdk 0 0\n"
    (host / "fstab").write_text(lines)
    (host / "tools").mkdir()
    (host / "tools/umount").write_text(f"#!/bin/sh\necho $1 >> {host / 'told'}\necho 'target is busy' >&2\nexit 32\n")
    (host / "tools/umount").chmod(0o755)
    wanted = {"hugepages_pages": [], "hugepages_boot": False, "hugepages_state": state, "hugepages_mounts": mounts}
    role(host, "--check", **wanted)
    assert not (host / "told").exists()
    for _run in range(2):
        assert "target is busy" in role(host, fails="target is busy", **wanted)
        assert (host / "fstab").read_text() == lines
    assert (host / "told").read_text() == "/proc\n/proc\n"


def test_mounts_that_are_asked_for_go_with_the_pages(host):
    """Those that the role has made; a line that somebody else has written for such a path is not the role's to take out."""
    foreign = "hugetlbfs /nonexistent/foreign hugetlbfs pagesize=1G 0 0\n"
    (host / "fstab").write_text(foreign + "hugetlbfs /nonexistent/own hugetlbfs pagesize=1G,x-kube-ovn-dpdk 0 0\n")
    mounts = [{"path": "/nonexistent/" + name, "size": "1G"} for name in ("foreign", "own")]
    role(host, hugepages_pages=[], hugepages_boot=False, hugepages_state="absent", hugepages_mounts=mounts)
    assert (host / "fstab").read_text() == foreign


def test_line_of_somebody_else_that_is_as_asked_for(host):
    """It stays as it is, and does not go with the entry. One of another page size is taken over."""
    (host / "tools").mkdir()
    (host / "tools/mount").write_text(f"#!/bin/sh\necho $@ >> {host / 'told'}\n")
    (host / "tools/mount").chmod(0o755)
    same, plain, other, new = (host / "mnt" / name for name in ("same", "plain", "other", "new"))
    foreign = f"none {same} hugetlbfs rw,pagesize=1024M,uid=7 0 0\nnodev {plain} hugetlbfs mode=0775 0 0\n"
    (host / "fstab").write_text(foreign + f"hugetlbfs {other} hugetlbfs pagesize=2M 0 0\n")
    mounts = [{"path": str(same), "size": "1G"}, {"path": str(plain)}, {"path": str(other), "size": "1G"}, {"path": str(new), "size": "1G"}]
    own = "".join(f"hugetlbfs {path} hugetlbfs pagesize=1G,x-kube-ovn-dpdk 0 0\n" for path in (other, new))
    for _run in range(2):
        role(host, hugepages_pages=[], hugepages_boot=False, hugepages_mounts=mounts)
        assert (host / "fstab").read_text() == foreign + own
    assert (host / "told").read_text().splitlines() == 2 * [f"-T {host / 'fstab'} {path}" for path in (same, plain, other, new)]
    role(host, hugepages_pages=[], hugepages_boot=False)
    assert (host / "fstab").read_text() == foreign
