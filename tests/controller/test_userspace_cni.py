# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the build of Userspace CNI starts from, and what an installation leaves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _userspace_cni

ROOT = Path(__file__).resolve().parents[2]

SETTINGS = {"userspace_cni_binary": "", "userspace_cni_with_vpp": False, "userspace_cni_vpp_api_dir": "/usr/share/vpp/api"}


def given(checksum: str, found: str | None) -> dict:
    return {"item": {"name": "userspace", "given": "/b/userspace", "checksum": checksum}, "stat": {"exists": bool(found), "checksum": found}}


@pytest.mark.parametrize(
    ("results", "settings", "definitions"),
    [
        ([], {"userspace_cni_with_vpp": "false"}, []),
        ([given("a", "a")], {}, []),
        ([], {"userspace_cni_with_vpp": True}, [{"path": "/usr/share/vpp/api/core/interface.api.json"}]),
        # The given plugin has its engine.
        ([given("a", "a")], {"userspace_cni_with_vpp": True, "userspace_cni_binary": "/b/userspace"}, []),
    ],
)
def test_build_that_can_begin(results: list, settings: dict, definitions: list) -> None:
    assert _userspace_cni.build_errors(results, definitions, {**SETTINGS, **settings}, "builder") == []


@pytest.mark.parametrize(
    ("results", "settings", "expected"),
    [
        ([given("a", "b")], {}, "/b/userspace on builder has the SHA-256 b; the inventory says a."),
        ([given("a", None)], {}, "/b/userspace on builder has the SHA-256 (no such file); the inventory says a."),
        ([given("", "b")], {}, "/b/userspace on builder has the SHA-256 b; the inventory says (nothing)."),
        ([], {"userspace_cni_with_vpp": True}, "/usr/share/vpp/api on builder has no *.api.json"),
    ],
)
def test_build_that_cannot_begin(results: list, settings: dict, expected: str) -> None:
    (error,) = _userspace_cni.build_errors(results, [], {**SETTINGS, **settings}, "builder")
    assert error.startswith(expected)


def test_units_go_with_the_sweep(tmp_path: Path) -> None:
    """An installation without a sweep leaves none of an earlier one."""
    # It reads what it is given, as the plugin does.
    answer = '#!/bin/sh\ncat > /dev/null\necho \'{"supportedVersions": ["0.3.1"]}\'\n'
    (tmp_path / "artifacts").mkdir()
    for name in ("userspace", "launcher"):
        (tmp_path / "artifacts" / name).write_text(answer)
    units = [{"src": f"sweep.{kind}.j2", "dest": str(tmp_path / f"sweep.{kind}")} for kind in ("service", "timer")]
    for unit in units:
        Path(unit["dest"]).write_text("[Unit]\n")
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "userspace_cni_bin_dir": str(tmp_path / "cni" / "bin"),
        "userspace_cni_artifacts_dir": str(tmp_path / "artifacts"),
        "userspace_cni_sweep_seconds": 0,
    }
    # Those of the role, which variables of the inventory do not replace.
    internal = json.dumps({"__userspace_cni_units": units, "__userspace_cni_sweep": "kube-ovn-dpdk-no-such-sweep"})
    (tmp_path / "inventory.json").write_text(json.dumps({"all": {"hosts": {"node1": variables}}}))
    role = {"ansible.builtin.import_role": {"name": "kube_ovn.dpdk.userspace_cni"}}
    (tmp_path / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [role]}]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(tmp_path / "inventory.json"), "-e", internal, str(tmp_path / "play.yml")]
    for arguments, changed in ((["--check"], True), ([], True), ([], False)):
        done = subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, done.stdout
        assert ("changed=0" in done.stdout) == (not changed), done.stdout
        assert any(Path(unit["dest"]).exists() for unit in units) == (arguments == ["--check"])


class Role:
    """The role with a launcher that says what it was asked for, and answers what a test wants."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "artifacts").mkdir()
        script = f"""#!/bin/sh
[ -z "$CNI_COMMAND" ] || {{ cat >/dev/null; echo '{{"supportedVersions": ["0.3.1"]}}'; exit; }}
echo "$*" >>{folder}/asked
[ ! -e {folder}/answer-"$1" ] || {{ cat {folder}/answer-"$1" >&2; exit 2; }}
"""
        for name in ("userspace", "launcher"):
            (folder / "artifacts" / name).write_text(script)

    def run(self, *arguments: str, **variables: object) -> tuple[bool, str]:
        common = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "userspace_cni_bin_dir": str(self.folder / "cni" / "bin"),
            "userspace_cni_artifacts_dir": str(self.folder / "artifacts"),
            "userspace_cni_ovs_rundir": str(self.folder / "run"),
            "userspace_cni_state_dir": str(self.folder / "records"),
            "userspace_cni_sweep_seconds": 0,
            **variables,
        }
        # Nothing of the machine is removed, whatever runs there.
        internal = json.dumps({"__userspace_cni_units": [], "__userspace_cni_sweep": "kube-ovn-dpdk-no-such-sweep"})
        (self.folder / "inventory.json").write_text(json.dumps({"all": {"hosts": {"node1": common}}}))
        role = {"ansible.builtin.import_role": {"name": "kube_ovn.dpdk.userspace_cni"}}
        (self.folder / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [role]}]))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.folder / "inventory.json"), "-e", internal]
        done = subprocess.run([*command, str(self.folder / "play.yml"), *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=180)
        return done.returncode == 0, done.stdout

    def asked(self) -> list[str]:
        file = self.folder / "asked"
        lines = file.read_text().splitlines() if file.exists() else []
        file.unlink(missing_ok=True)
        return lines


@pytest.fixture
def role(tmp_path: Path) -> Role:
    return Role(tmp_path)


@pytest.mark.parametrize("arguments", [[], ["--check"]], ids=["run", "check mode"])
def test_records_in_another_directory_are_found_before_anything_is_changed(role: Role, arguments: list[str]) -> None:
    assert role.run()[0]
    assert role.asked() == [], "there was no launcher yet"
    before = (role.folder / "cni/userspace/launcher.json").read_text()
    (role.folder / "answer-check-records").write_text("Leave it")
    fine, output = role.run(*arguments, userspace_cni_state_dir=str(role.folder / "other"))
    assert not fine
    assert "Leave it" in output
    assert role.asked() == [f"check-records {role.folder}/other"]
    assert (role.folder / "cni/userspace/launcher.json").read_text() == before


@pytest.mark.parametrize("variables", [{"userspace_cni_state_dir": "/var/lib"}, {"userspace_cni_pods_dir": "/run"}])
def test_directories_of_others_are_refused_before_anything_is_changed(role: Role, variables: dict) -> None:
    fine, output = role.run(**variables)
    assert not fine
    assert "Cure: leave userspace_cni_" in " ".join(output.split())
    assert not (role.folder / "cni").exists()


def test_removal_leaves_the_directories_of_pods_and_records_to_the_launcher(role: Role) -> None:
    """It knows those that it worked with, which the variables may not name any more."""
    assert role.run()[0]
    for name in ("run/pods/kept", "records/kept"):
        (role.folder / name).mkdir(parents=True)
    (role.folder / "answer-retire").write_text("Delete the pods first")
    fine, output = role.run(userspace_cni_state="absent")
    assert not fine
    assert "Delete the pods first" in output
    assert role.asked() == ["sweep", "retire"]
    assert (role.folder / "cni/bin/userspace").exists()
    fine, output = role.run("--check", userspace_cni_state="absent")
    assert fine, output
    assert role.asked() == []
