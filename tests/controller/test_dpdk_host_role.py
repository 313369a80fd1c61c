# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Role dpdk_host: files that the scenarios cannot run on a made-up tree (drivers, packages, tuned), and the whole role on a tree, with the boot between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import dpdk_host

ROOT = Path(__file__).resolve().parents[2]
# Nobody's driver. The service that loads the modules of everybody's files fails by one of these.
TOOLS = {
    "modprobe": '#!/bin/sh\necho "modprobe $@" >> "$TOLD"\n',
    "systemctl": "#!/bin/sh\necho 'Job for systemd-modules-load.service failed' >&2\nexit 1\n",
}


NOTHING_READ = {
    "unloaded_drivers": [], "unavailable_drivers": {}, "missing_packages": [], "missing_tuned_profiles": [], "family": "debian", "kernel": "5.10.0",
    "files": {}, "missing_files": [], "refused": [], "iommu": "none", "iommu_groups": 0, "boot_plan": {"changed": False}, "nic_plan": {"differs": False},
}  # fmt: skip


def run(tmp_path: Path, name: str, *arguments: str, others: dict[str, str] | None = None, read: dict | None = None, **variables) -> subprocess.CompletedProcess:
    tools = tmp_path / "tools"
    tools.mkdir(exist_ok=True)
    for tool, text in (TOOLS | (others or {})).items():
        (tools / tool).write_text(text)
        (tools / tool).chmod(0o755)
    internal = {"__dpdk_host_modules_load": str(tmp_path / "root" / "modules.conf"), "__dpdk_host_tuned": str(tmp_path / "root" / "tuned")}
    if name == "install":
        internal["__dpdk_host_info"] = NOTHING_READ | (read or {})
    root = {"sysroot": str(tmp_path / "root")}
    book = [{
        "hosts": "localhost", "connection": "local", "gather_facts": False,
        "module_defaults": {"kube_ovn.dpdk." + module: root for module in ("dpdk_host_info", "dpdk_device", "kernel_cmdline")},
        "vars": {"ansible_python_interpreter": sys.executable, **variables},
        "tasks": [
            {"ansible.builtin.include_role": {"name": "kube_ovn.dpdk.dpdk_host", "tasks_from": name}, "vars": internal},
            {
                "name": "Keep the requests", "changed_when": False,
                "ansible.builtin.copy": {
                    "content": "{{ host_reboot_requests | default([]) | to_json }}", "dest": str(tmp_path / "requests.json"), "mode": "0644",
                },
            },
        ],
    }]  # fmt: skip
    (tmp_path / "play.yml").write_text(yaml.safe_dump(book))
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", str(tmp_path / "play.yml"), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "TOLD": str(tmp_path / "told"), "ANSIBLE_INJECT_INVOCATION": "1"},
    )  # fmt: skip


@pytest.mark.parametrize("missing", [[], ["kube-ovn-dpdk-no-such-package"]])
def test_packages_are_installed_where_one_is_missing(tmp_path, missing):
    """In check mode, which neither updates nor installs. An image may come without any list."""
    done = run(tmp_path, "install", "--check", "-vvv", read={"missing_packages": missing}, dpdk_host_packages=["dpkg", *missing])
    assert ("update_cache: true" in done.stdout) == bool(missing), done.stdout
    # The lists alone are no change of the host.
    assert "changed: [" not in done.stdout


SERVICE = """#!/bin/sh
case "$1" in
show) echo LoadState=loaded; echo ActiveState=$(cat "$TOLD.state" 2>/dev/null || echo inactive) ;;
is-enabled) cat "$TOLD.enabled" 2>/dev/null || exit 1 ;;
enable) echo enabled > "$TOLD.enabled"; echo "$@" >> "$TOLD" ;;
start | restart) echo active > "$TOLD.state"; echo "$@" >> "$TOLD" ;;
esac
"""


GENERATOR = """#!/bin/sh
set -e
. "$SYSROOT/etc/default/grub"
for x in "$SYSROOT"/etc/default/grub.d/*.cfg; do if [ -e "$x" ]; then . "$x"; fi; done
printf "menuentry 'Linux' {\\n linux /vmlinuz root=/dev/vda1 ro %s\\n}\\n" "$GRUB_CMDLINE_LINUX_DEFAULT" > "$2"
"""
MENU = "boot/grub/grub.cfg"
FILES = {
    "etc/os-release": "ID=debian\n",
    "proc/cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro quiet\n",
    "proc/cpuinfo": "flags : fpu sse4_2 avx2\n",
    "proc/sys/kernel/osrelease": "5.10.0\n",
    "sys/firmware/acpi/tables/DMAR": "",
    "etc/default/grub": "GRUB_CMDLINE_LINUX_DEFAULT=quiet\n",
    MENU: "menuentry 'Linux' {\n linux /vmlinuz root=/dev/vda1 ro quiet\n}\n",
    "usr/sbin/grub-mkconfig": GENERATOR,
    "sys/devices/system/cpu/present": "0-3\n",
    "sys/devices/system/cpu/online": "0-3\n",
}


@pytest.fixture
def host(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "root/usr/sbin/grub-mkconfig").chmod(0o755)
    (tmp_path / "root/sys/module/vfio_pci").mkdir(parents=True)
    (tmp_path / "root/modules.conf").write_text("# Managed by Ansible (role kube_ovn.dpdk.dpdk_host).\nvfio-pci\n")
    return tmp_path


def requests(host: Path) -> list[dict]:
    return json.loads((host / "requests.json").read_text())


def boot(host: Path) -> None:
    words = (host / "root" / MENU).read_text().split("/vmlinuz ")[1].splitlines()[0]
    (host / "root/proc/cmdline").write_text(f"BOOT_IMAGE=/vmlinuz {words}\n")


def flat(done: subprocess.CompletedProcess) -> str:
    return " ".join(done.stdout.split())


def test_request_boot_and_a_second_run_with_few_calls(host):
    first = run(host, "main", dpdk_host_packages=[], dpdk_host_isolated_cores="2-3")
    assert first.returncode == 0, first.stdout
    (request,) = requests(host)
    assert request["role"] == "kube_ovn.dpdk.dpdk_host" and request["verify"] == "verify_boot" and request["reasons"]
    assert request["data"]["arguments"] == ["intel_iommu=on", "iommu=pt", "isolcpus=2-3", "nohz_full=2-3", "rcu_nocbs=2-3"]
    # Booted, but without the IOMMU that vfio-pci needs.
    done = run(host, "verify_boot", host_reboot_request=request)
    assert "did not boot the default entry" in flat(done) and "intel_iommu=on" in flat(done)
    boot(host)
    done = run(host, "verify_boot", host_reboot_request=request)
    assert "The kernel has no IOMMU group" in flat(done)
    (host / "root/sys/kernel/iommu_groups/1").mkdir(parents=True)
    done = run(host, "verify_boot", host_reboot_request=request)
    assert done.returncode == 0, done.stdout
    second = run(host, "main", dpdk_host_packages=[], dpdk_host_isolated_cores="2-3")
    assert second.returncode == 0, second.stdout
    assert "changed=0" in second.stdout
    assert [entry["reasons"] for entry in requests(host)] == [[]]
    # One call on the host, which plans NICs and arguments too; the others run on the controller.
    shown = [line.split(" : ")[1].split("]")[0] for line in second.stdout.splitlines() if line.startswith("TASK [kube_ovn.dpdk.dpdk_host")]
    assert shown[1:] == ["Read the host, and check kernel arguments and NICs", "Request a reboot for kernel arguments, and a check of the boot in any case"]


def test_drivers_are_loaded_for_themselves(host):
    """A foreign file that names a module which is no more is not this role's affair."""
    settings = {"dpdk_host_packages": [], "dpdk_host_drivers": ["no-such-driver", "nor_this_one"]}
    before = (host / "root/modules.conf").read_text()
    foreseen = run(host, "main", "--check", **settings)
    assert (host / "root/modules.conf").read_text() == before
    assert (host / "told").read_text().splitlines() == ["modprobe --dry-run no-such-driver", "modprobe --dry-run nor_this_one"]
    done = run(host, "main", **settings)
    assert done.returncode == 0, done.stdout
    assert (host / "told").read_text().splitlines()[4:] == ["modprobe no_such_driver", "modprobe nor_this_one"]
    assert (host / "root/modules.conf").read_text().splitlines()[1:] == ["no-such-driver", "nor_this_one"]
    # Check mode has told the same.
    assert [line for line in foreseen.stdout.splitlines() if "changed: " in line] == [line for line in done.stdout.splitlines() if "changed: " in line]


TUNED = {"others": {"systemctl": SERVICE}, "dpdk_host_packages": [], "dpdk_host_tuned_profile": "kube-ovn-test-profile"}


def test_profile_of_tuned(host):
    for name in ("etc/tuned/kube-ovn-test-profile", "tuned"):
        (host / "root" / name).mkdir(parents=True)
    done = run(host, "main", **TUNED)
    assert done.returncode == 0, done.stdout
    assert (host / "root/tuned/active_profile").read_text() == "kube-ovn-test-profile\n"
    assert (host / "root/tuned/profile_mode").read_text() == "manual\n"
    told = (host / "told").read_text()
    assert "enable tuned" in told
    assert "start tuned" in told
    done = run(host, "main", **TUNED)
    assert done.returncode == 0, done.stdout
    assert "changed: [" not in done.stdout
    assert (host / "told").read_text() == told


UNLOADABLE = '#!/bin/sh\n[ "$1" = --dry-run ] || { echo "Required key not available" >&2; exit 1; }\n'


def test_profile_is_in_force_after_a_run_that_ended_at_a_driver(host):
    """tuned reads its profile when it starts: a profile that was only written would never be in force."""
    for name in ("etc/tuned/kube-ovn-test-profile", "tuned"):
        (host / "root" / name).mkdir(parents=True)
    (host / "told.state").write_text("active\n")
    settings = {**TUNED, "dpdk_host_drivers": ["no-such-driver"]}
    done = run(host, "main", **{**settings, "others": {"systemctl": SERVICE, "modprobe": UNLOADABLE}})
    assert done.returncode == 2
    assert "Required key not available" in done.stdout
    done = run(host, "main", **{**settings, "others": {"systemctl": SERVICE, "modprobe": TOOLS["modprobe"]}})
    assert done.returncode == 0, done.stdout
    assert "restart tuned" in (host / "told").read_text()


def test_profile_that_tuned_does_not_have(host):
    (host / "root/tuned").mkdir()
    done = run(host, "main", **TUNED)
    assert done.returncode == 2
    assert "tuned has no profile kube-ovn-test-profile" in flat(done)
    assert not list((host / "root/tuned").iterdir())


@pytest.mark.parametrize("missing, message", [
    ({"missing_tuned_profiles": ["p"]}, "tuned has no profile p"), ({"unavailable_drivers": {"d": "no module d"}}, "no module d. Add the package"), ({}, None),
], ids=str)  # fmt: skip
def test_what_packages_and_builds_have_not_brought(missing, message):
    """It is judged by what is there before only where nothing may bring it."""
    def lacking(settings, again):
        return dpdk_host.plan({**AS_WANTED, **settings}, {**READ, **missing}, MODULES, again)["lacking"]

    assert [message in text for text in lacking({}, {})] == [True] * bool(missing)
    assert lacking({"dpdk_host_tools": True}, {}) == []
    assert lacking({"dpdk_host_tools": True}, {"skipped": True}) == []
    assert lacking({"dpdk_host_tools": True}, READ) == []
    assert [message in text for text in lacking({"dpdk_host_tools": True}, {**READ, **missing})] == [True] * bool(missing)


def test_everything_is_removed_and_a_second_removal_makes_one_call(host):
    before = (host / "root" / MENU).read_text()
    assert run(host, "main", dpdk_host_packages=[], dpdk_host_isolated_cores="2-3").returncode == 0
    assert (host / "root" / MENU).read_text() != before
    done = run(host, "main", dpdk_host_state="absent")
    assert done.returncode == 0, done.stdout
    assert (host / "root" / MENU).read_text().split() == before.split()
    assert not (host / "root/modules.conf").exists()
    assert requests(host) == []
    done = run(host, "main", dpdk_host_state="absent")
    assert "changed=0" in done.stdout
    shown = [line for line in done.stdout.splitlines() if line.startswith("TASK [kube_ovn.dpdk.dpdk_host")]
    assert len(shown) == 3, shown


def test_without_drivers_there_is_no_file_of_them(host):
    settings = {"dpdk_host_packages": [], "dpdk_host_drivers": [], "dpdk_host_iommu": "none"}
    done = run(host, "main", **settings)
    assert done.returncode == 0, done.stdout
    assert not (host / "root/modules.conf").exists()
    done = run(host, "main", **settings)
    assert "changed=0" in done.stdout
    assert not (host / "root/modules.conf").exists()


NO_MODULE = "#!/bin/sh\necho 'Module x not found' >&2\nexit 1\n"
BAD = [
    ({"dpdk_host_cpu_flags": ["flag_of_the_future"]}, "the CPU lacks flag_of_the_future of dpdk_host_cpu_flags"),
    ({"dpdk_host_tools": True}, "without a checksum. Cure: set dpdk_host_tools_checksum"),
    ({"dpdk_host_devices": [{"device": "eth9"}]}, "is neither a PCI address"),
    ({"dpdk_host_drivers": ["kube-ovn-no-such-driver"], "others": {"modprobe": NO_MODULE}}, "Module x not found. Add the package"),
]  # fmt: skip


@pytest.mark.parametrize("variables, message", BAD, ids=[message for _variables, message in BAD])
def test_bad_input_is_refused_before_anything_is_touched(host, variables, message):
    def tree() -> dict:
        return {path: path.read_text() for path in (host / "root").rglob("*") if path.is_file()}

    before = tree()
    done = run(host, "main", dpdk_host_packages=[], **variables)
    assert done.returncode == 2
    assert message in flat(done), done.stdout
    assert tree() == before


MODULES = {"/etc/modules-load.d/x.conf": "vfio-pci\n"}
READ = {
    "iommu": "intel", "iommu_groups": 9, "unloaded_drivers": [], "files": MODULES, "missing_packages": [], "unavailable_drivers": {}, "refused": [],
    "missing_tuned_profiles": [], "boot_plan": {"changed": False, "reboot_required": False}, "nic_plan": {"differs": False}, "cmdline": ["ro", "quiet"],
}  # fmt: skip
AS_WANTED = {"dpdk_host_state": "present", "dpdk_host_iommu": "auto", "dpdk_host_repositories": [], "dpdk_host_tools": False, "dpdk_host_noiommu": "false"}


@pytest.mark.parametrize(
    ("settings", "read", "differs"),
    [
        ({}, {}, False),
        ({"dpdk_host_tools": "no"}, {}, False),
        ({}, {"boot_plan": {"changed": True}}, True),
        ({}, {"nic_plan": {"differs": True}}, True),
        ({}, {"unloaded_drivers": ["vfio-pci"]}, True),
        ({}, {"files": {"/etc/modules-load.d/x.conf": None}}, True),
        ({}, {"missing_packages": ["kmod"]}, True),
        ({"dpdk_host_repositories": [{"name": "x", "url": "file:/x"}]}, {}, True),
        ({"dpdk_host_tools": "yes"}, {}, True),
        ({"dpdk_host_irqbalance": "stopped"}, {}, True),
        ({"dpdk_host_tuned_profile": "cpu-partitioning"}, {}, True),
        # Without an IOMMU there is something to do only where one is needed.
        ({}, {"iommu_groups": 0}, True),
        ({"dpdk_host_noiommu": "true"}, {"iommu_groups": 0}, False),
        ({"dpdk_host_iommu": "none"}, {"iommu_groups": 0}, False),
        ({}, {"iommu": "none", "iommu_groups": 0}, False),
    ],
)
def test_a_host_is_compared_with_its_settings(settings, read, differs):
    assert dpdk_host.plan({**AS_WANTED, **settings}, {**READ, **read}, MODULES)["differs"] is differs


@pytest.mark.parametrize(
    ("read", "differs"),
    [
        ({"files": {"/etc/modules-load.d/x.conf": None}}, False), ({}, True),
        ({"files": {"/etc/modules-load.d/x.conf": None}, "boot_plan": {"changed": True}}, True),
        ({"files": {"/etc/modules-load.d/x.conf": None}, "nic_plan": {"differs": True}}, True),
        # What else was asked for stays.
        ({"files": {"/etc/modules-load.d/x.conf": None}, "iommu_groups": 0, "missing_packages": ["x"], "unloaded_drivers": ["vfio-pci"]}, False),
    ],
)
def test_a_removal_is_compared_too(read, differs):
    settings = {**AS_WANTED, "dpdk_host_state": "absent", "dpdk_host_tools": True}
    plan = dpdk_host.plan(settings, {**READ, **read}, {"/etc/modules-load.d/x.conf": ""})
    assert (plan["differs"], plan["arguments"], plan["needs_iommu"], plan["lacking"]) == (differs, [], False, [])
    assert plan["remove"] == ([] if "files" in read else ["/etc/modules-load.d/x.conf"])


def test_a_host_that_refuses_has_no_plan():
    misspelt = dpdk_host.plan({**AS_WANTED, "dpdk_host_state": "abset"}, READ, MODULES)
    assert misspelt == {"refused": ["dpdk_host_state is abset: set it to present or absent"], "lacking": [], "differs": True}
    refusing = {**READ, "refused": ["core 9 is not there"], "boot_plan": None, "nic_plan": None}
    assert dpdk_host.plan(AS_WANTED, refusing, MODULES) == {"refused": ["core 9 is not there"], "lacking": [], "differs": True}


@pytest.mark.parametrize("settings, boot, refused", [({}, False, True), ({}, True, False), ({"dpdk_host_state": "absent"}, False, False)])
def test_a_kernel_without_an_iommu_is_refused_where_no_boot_may_bring_one(settings, boot, refused):
    read = {**READ, "iommu_groups": 0, "boot_plan": {"changed": boot, "reboot_required": boot}}
    found = dpdk_host.plan({**AS_WANTED, **settings}, read, MODULES)["refused"]
    message = "The kernel has no IOMMU group, so vfio-pci can take no NIC. It was started with ro quiet."
    assert [text.startswith(message) for text in found] == [True] * refused


def test_a_driver_that_packages_may_bring_is_not_refused():
    lacking = {**READ, "unavailable_drivers": {"igb_uio": "the kernel has no module igb_uio"}, "missing_packages": ["dpdk-kmods-dkms"]}
    assert dpdk_host.plan(AS_WANTED, lacking, MODULES)["lacking"] == []


def test_kernel_arguments_are_those_of_the_iommu_that_the_host_has():
    every = dpdk_host.arguments_by_iommu(AS_WANTED)
    assert every == {"intel": ["intel_iommu=on", "iommu=pt"], "amd": ["iommu=pt"], "none": []}
    assert dpdk_host.plan(AS_WANTED, {**READ, "iommu": "amd"}, MODULES)["arguments"] == every["amd"]
