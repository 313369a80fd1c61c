# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role hugepages on a made-up host of two NUMA nodes whose kernel gives large pages at boot only, and spreads them evenly there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
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
TMPFILES = "root/etc/tmpfiles.d/kube-ovn-dpdk-hugepages.conf"
COUNTED = "root/run/kube-ovn-dpdk-hugepages.json"
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


def role(host: Path, *arguments: str, fails: str = NO_HELP, entry: str = "main", **variables) -> str:
    modules = ("hugepages", "kernel_cmdline")
    book = [{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "module_defaults": {"kube_ovn.dpdk." + name: {"sysroot": str(host / "root")} for name in modules},
        "vars": {
            "ansible_python_interpreter": sys.executable, "hugepages_mounts": [], "hugepages_restart_kubelet": False, "hugepages_attempts": 1, **variables,
        },
        "tasks": [
            {"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.hugepages", "tasks_from": entry}},
            {"ansible.builtin.copy": {"content": "{{ host_reboot_requests | default([]) }}", "dest": str(host / "facts")},
             "check_mode": False, "changed_when": False},
        ],
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


def requests(host: Path) -> list:
    """The requests without what verify_boot gets with them."""
    return [{key: value for key, value in request.items() if key != "data"} for request in json.loads((host / "facts").read_text())]


def missing(node: int) -> list:
    return [{"role": "kube_ovn.dpdk.hugepages", "reasons": [f"0 of 2 pages of 1G on node {node}"], "verify": "verify_boot"}]


def boot(host: Path) -> None:
    """The running kernel was started with what is in the menu now, after the settings were written."""
    words = (host / MENU).read_text().split("/vmlinuz ")[1].splitlines()[0]
    (host / "root/proc/cmdline").write_text(f"BOOT_IMAGE=/vmlinuz {words}\n")
    (host / "root/proc/stat").write_text(f"cpu 0\nbtime {int(time.time()) + 1}\n")
    for path in (host / "root/etc").rglob("*"):
        os.utime(path, (1, 1))


def test_pages_that_a_reboot_did_not_bring(host):
    role(host, hugepages_pages=pages(0))
    assert requests(host) == missing(0)
    boot(host)
    assert NO_HELP in role(host, hugepages_pages=pages(0))


def test_second_run_requests_the_same_reboot_and_changes_nothing(host):
    role(host, hugepages_pages=pages(0))
    assert "changed=0" in role(host, hugepages_pages=pages(0))
    assert requests(host) == missing(0)


def test_requests_of_others_stay_and_its_own_comes_once(host):
    other = {"role": "kube_ovn.dpdk.dpdk_host", "reasons": ["intel_iommu=on"], "verify": "verify_boot"}
    stale = {"role": "kube_ovn.dpdk.hugepages", "reasons": ["old"], "verify": "verify_boot"}
    role(host, hugepages_pages=pages(0), host_reboot_requests=[stale, other])
    assert requests(host) == [other, *missing(0)]
    role(host, hugepages_pages=[], hugepages_boot=False, host_reboot_requests=[stale, other])
    assert requests(host) == [other]


def test_no_reboot_is_requested_without_a_need(host):
    """The line would be another, and no page is missing."""
    role(host, hugepages_pages=[])
    assert requests(host) == []
    role(host, hugepages_pages=pages(0), hugepages_state="absent")
    assert requests(host) == []


def test_a_role_run_makes_few_calls(host):
    """One check, one for the boot loader, one for all else."""
    role(host, hugepages_pages=[])
    text = role(host, hugepages_pages=[])
    assert text.count("ok: [localhost]") - 2 <= 3, text  # without the validated arguments and the copy of the test


def test_moved_to_another_node_by_a_reboot(host):
    """The kernel arguments are the same for both nodes; what systemd-tmpfiles gives back after the boot is not."""
    role(host, hugepages_pages=pages(0))
    boot(host)
    before = (host / MENU).read_text()
    for _run in range(2):
        role(host, hugepages_pages=pages(1))
        assert requests(host) == missing(1)
        assert (host / MENU).read_text() == before
        assert "node1/hugepages/hugepages-1048576kB/nr_hugepages - - - - 2" in (host / TMPFILES).read_text()
    boot(host)
    assert NO_HELP in role(host, hugepages_pages=pages(1))


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.one_core
def test_given_back_and_asked_for_again_without_a_reboot_between(host, persistent):
    for _round in range(2):
        role(host, hugepages_pages=pages(0), hugepages_persistent=persistent)
        assert requests(host) == missing(0)
        boot(host)
        role(host, hugepages_pages=pages(0), hugepages_persistent=persistent, hugepages_state="absent")
        assert requests(host) == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_arguments_of_an_earlier_time(host, state):
    """They were asked for once, and are no more."""
    before = listing(host)
    role(host, hugepages_pages=pages(0))
    assert "hugepages=4" in (host / MENU).read_text()
    role(host, hugepages_pages=[], hugepages_boot=False, hugepages_persistent=False, hugepages_state=state)
    assert listing(host) == before


def listing(host: Path) -> dict:
    return {str(path): path.read_bytes() for path in (host / "root").rglob("*") if path.is_file() and path.parent.name != "proc"}


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_undo_leaves_nothing_behind(host, umask):
    before = listing(host)
    old = os.umask(umask)
    try:
        role(host, hugepages_pages=pages(0), hugepages_transparent="")
    finally:
        os.umask(old)
    assert oct((host / TMPFILES).stat().st_mode & 0o777) == "0o644"
    role(host, hugepages_pages=pages(0), hugepages_state="absent")
    assert listing(host) == before


def test_boot_is_verified(host):
    role(host, hugepages_pages=pages(0))
    (request,) = json.loads((host / "facts").read_text())
    # It did not boot the default entry.
    text = role(host, entry="verify_boot", fails="did not boot the default entry", host_reboot_request=request)
    assert "no hugepagesz=1G is to become hugepagesz=1G hugepages=4" in text
    boot(host)
    text = role(host, entry="verify_boot", fails="the kernel gave only", host_reboot_request=request)
    assert "0 of 2 pages of 1G on node 0" in text
    for node in (0, 1):
        directory = host / f"root/sys/devices/system/node/node{node}/hugepages/hugepages-1048576kB"
        (directory / "nr_hugepages").unlink()
        (directory / "nr_hugepages").write_text("2\n")
    # The kernel has spread them evenly: what is too much on node 1 is given back.
    assert "changed=1" in role(host, entry="verify_boot", host_reboot_request=request)
    assert (directory / "nr_hugepages").read_text() == "0"
    assert "changed=0" in role(host, entry="verify_boot", host_reboot_request=request)


def test_refused_before_the_kernel_arguments_are_touched(host):
    """Static memory manager, a sysctl file, a mount, a default size: one message each, and the host is as it was."""
    (host / "root/etc/sysctl.d").mkdir()
    (host / "root/etc/fstab").write_text("/dev/vdb /data ext4 defaults 0 2\n")
    (host / "root/etc/sysctl.d/50-huge.conf").write_text("vm.nr_hugepages = 9\n")
    cases = {
        "mounts ext4 at /data": {"hugepages_mounts": [{"path": "/data", "size": "1G"}]},
        "pages of 512M are not offered by this kernel": {"hugepages_default_size": "512M"},
        "sets vm.nr_hugepages = 9": {"hugepages_default_size": "1G"},
        "NUMA node 7 has no memory or does not exist": {"hugepages_pages": pages(7)},
    }
    before = listing(host)
    for message, variables in cases.items():
        role(host, fails=message, **{"hugepages_pages": pages(0), **variables})
        assert listing(host) == before
    state = host / "root/var/lib/kubelet/memory_manager_state"
    state.parent.mkdir(parents=True)
    state.write_text('{"policyName": "Static", "machineState": {}}')
    role(host, fails="would not start with other hugepages", hugepages_pages=pages(0))
    assert not (host / TMPFILES).exists()


# Each start of the kubelet is later than the one before.
SYSTEMCTL = """#!/bin/sh
case $1 in
show) echo LoadState=loaded; cat {state}; echo ExecMainStartTimestampMonotonic=$(wc -l < {told}) ;;
restart) [ -e {broken} ] && exit 1; echo restart "$2" >> {told} ;;
esac
"""


@pytest.fixture
def kubelet(host):
    """What it was told is in `told`; it does not restart while there is a file `broken`."""
    for place in ("kernel/mm", "devices/system/node/node0", "devices/system/node/node1"):
        directory = host / "root/sys" / place / "hugepages/hugepages-2048kB"
        directory.mkdir(parents=True)
        for name in ("nr_hugepages", "free_hugepages", "surplus_hugepages"):
            (directory / name).write_text("4\n" if name != "surplus_hugepages" else "0\n")
    (host / "told").write_text("")
    (host / "state").write_text("ActiveState=active\n")
    (host / "tools").mkdir()
    (host / "tools/systemctl").write_text(SYSTEMCTL.format(told=host / "told", broken=host / "broken", state=host / "state"))
    (host / "tools/systemctl").chmod(0o755)
    return host


NO_RESTART = "Unable to restart service kubelet"


def wanted(state: str = "present") -> dict:
    pages = [{"size": "2M", "count": 8, "node": 0}]
    return {"hugepages_pages": pages, "hugepages_boot": False, "hugepages_restart_kubelet": True, "hugepages_state": state}


@pytest.mark.parametrize("state, count", [("present", 8), ("absent", 0)])
@pytest.mark.one_core
def test_kubelet_that_an_earlier_run_did_not_come_to_restart(kubelet, state, count):
    """It still offers the pages that were there when it started, and the pages are as asked for by now: the next run knows, and the one after it."""
    told = kubelet / "told"
    (kubelet / "broken").touch()
    role(kubelet, "--check", **wanted(state))
    assert told.read_text() == "" and not (kubelet / COUNTED).exists()
    assert NO_RESTART in role(kubelet, fails=NO_RESTART, **wanted(state))
    assert (kubelet / "root/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages").read_text().strip() == str(count)
    assert oct((kubelet / COUNTED).stat().st_mode & 0o777) == "0o600"
    (kubelet / "broken").unlink()
    assert "changed=3" in role(kubelet, "--check", **wanted(state))
    role(kubelet, **wanted(state))
    assert told.read_text() == "restart kubelet\n"
    assert "changed=0" in role(kubelet, "--check", **wanted(state))
    assert "changed=0" in role(kubelet, **wanted(state))
    assert told.read_text() == "restart kubelet\n"
    assert not (kubelet / COUNTED).exists()


def test_kubelet_is_restarted_for_each_change(kubelet):
    """The record of what it had counted is removed with the restart."""
    for count, pages in enumerate((8, 6, 8), 1):
        role(kubelet, **{**wanted(), "hugepages_pages": [{"size": "2M", "count": pages, "node": 0}]})
        assert (kubelet / "told").read_text() == "restart kubelet\n" * count
        assert not (kubelet / COUNTED).exists()


@pytest.mark.parametrize("since", ["restarted", "stopped", "cut"])
@pytest.mark.one_core
def test_kubelet_after_an_interrupted_run(kubelet, since):
    """One that was started since has counted again, and one that does not run will. Of a run that was cut while the pages changed it is not known."""
    (kubelet / "broken").touch()
    role(kubelet, fails=NO_RESTART, **wanted())
    (kubelet / "broken").unlink()
    if since == "restarted":
        (kubelet / "told").write_text("restart by hand\n")
    elif since == "stopped":
        (kubelet / "state").write_text("ActiveState=inactive\n")
    else:
        (kubelet / COUNTED).write_text(json.dumps(dict(json.loads((kubelet / COUNTED).read_text()), kubelet=None)))
    assert ("changed=0" in role(kubelet, **wanted())) == (since != "cut")
    assert "restart kubelet" not in (kubelet / "told").read_text() or since == "cut"
    assert "changed=0" in role(kubelet, **wanted())
    assert not (kubelet / COUNTED).exists()


def test_without_a_kubelet_none_is_restarted(kubelet):
    (kubelet / "state").write_text("ActiveState=inactive\n")
    assert "changed=1" in role(kubelet, **wanted())
    assert (kubelet / "told").read_text() == "" and not (kubelet / COUNTED).exists()


def test_kubelet_is_restarted_after_a_boot_that_brought_other_pages(kubelet):
    """It has counted those of the boot, and the node takes no pods before."""
    data = {"pages": [], "purge": True, "reserve": "512M", "attempts": 1, "transparent": "", "default_size": "", "restart_kubelet": True}
    assert "changed=3" in role(kubelet, entry="verify_boot", host_reboot_request={"data": data})
    assert (kubelet / "told").read_text() == "restart kubelet\n" and not (kubelet / COUNTED).exists()
    assert "changed=0" in role(kubelet, entry="verify_boot", host_reboot_request={"data": data})
    assert (kubelet / "told").read_text() == "restart kubelet\n"


NODE0 = "root/sys/devices/system/node/node0/hugepages/hugepages-2048kB"


def test_undo_leaves_no_record(kubelet):
    role(kubelet, **wanted())
    assert not (kubelet / COUNTED).exists()
    (kubelet / NODE0 / "free_hugepages").write_text("8\n")
    role(kubelet, **wanted("absent"))
    assert not (kubelet / COUNTED).exists()


def test_kubelet_restarted_by_hand_after_a_run_that_was_cut(kubelet):
    """Nobody knows what it has counted meanwhile, also where the pages are again what they were before the run."""
    role(kubelet, **wanted())
    (kubelet / NODE0 / "free_hugepages").write_text("8\n")
    (kubelet / COUNTED).parent.mkdir(parents=True, exist_ok=True)
    before = {"hugepages-2048kB": {"node0": 4, "node1": 4}}
    (kubelet / COUNTED).write_text(json.dumps({"kubelet": None, "pages": before}))
    (kubelet / "told").write_text("")
    role(kubelet, **{**wanted(), "hugepages_pages": [{"size": "2M", "count": 8, "node": 0}]})
    assert (kubelet / "told").read_text() == "restart kubelet\n"
    assert not (kubelet / COUNTED).exists()
    role(kubelet, **wanted())
    assert (kubelet / "told").read_text() == "restart kubelet\n"
