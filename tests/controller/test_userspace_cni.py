# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the build of Userspace CNI starts from, and what an installation leaves."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.plugin_utils import _userspace_cni

ROOT = Path(__file__).resolve().parents[2]

SETTINGS = {"userspace_cni_binary": "", "userspace_cni_with_vpp": False, "userspace_cni_vpp_api_dir": "/usr/share/vpp/api"}


BUILT = {"name": "launcher", "given": "", "checksum": "", "path": "/b/built/launcher"}


def given(checksum: str, found: str | None) -> tuple[dict, dict]:
    """A plugin that is given, and what the build host has of it."""
    item = {"name": "userspace", "given": "/b/userspace", "checksum": checksum, "path": "/b/userspace"}
    return item, {"path": "/b/userspace", **({"kind": "file", "checksum": found} if found else {"kind": ""})}


def build_errors(pairs: list, definitions: list, settings: dict) -> list[str]:
    paths = {item["given"]: there for item, there in pairs}
    return _userspace_cni.build_errors([*(item for item, _there in pairs), BUILT], paths, definitions, {**SETTINGS, **settings}, "builder")


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
    assert build_errors(results, definitions, settings) == []


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
    (error,) = build_errors(results, [], settings)
    assert error.startswith(expected)


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode()).hexdigest()


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_only_other_files_are_fetched(tmp_path: Path) -> None:
    (tmp_path / "launcher").write_text("l")
    (tmp_path / "userspace").write_text("u")
    good = sha256("u")

    def names(plugin: str | None, launcher: str | None, folder: Path = tmp_path) -> list[str]:
        item, there = given(good, plugin)
        files = [{"path": "/b/built/launcher", "checksum": launcher}] if launcher else []
        return [found["name"] for found in _userspace_cni.unfetched([item, BUILT], {"/b/userspace": there}, files, str(folder))]

    assert names(good, sha256("l")) == []
    assert names("0", sha256("l")) == ["userspace"]
    assert names(good, sha256("x")) == ["launcher"]
    # As in check mode, or built by this run.
    assert names(None, None) == ["userspace", "launcher"]
    assert names(good, sha256("l"), tmp_path / "none") == ["userspace", "launcher"]


def test_relative_path_is_no_known_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "launcher").write_text("l")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert _userspace_cni.local_checksum("launcher") is None
    assert _userspace_cni.local_checksum("~/launcher") == sha1("l")


@pytest.fixture
def installed(tmp_path: Path) -> tuple[dict, dict]:
    """A node that has what is wanted, and what is wanted."""
    (tmp_path / "launcher").write_text("l")
    roots = {"uid": 0, "gid": 0}
    paths = {
        "/d": {"kind": "directory", "mode": "0755", **roots},
        "/d/link": {"kind": "link", "mode": "0777", "target": "/d/launcher", "leads_to": {"kind": "file", "mode": "0755", **roots}, **roots},
        "/d/text": {"kind": "file", "mode": "0644", "checksum": sha1("t"), **roots},
        "/d/launcher": {"kind": "file", "mode": "0755", "checksum": sha1("l"), **roots},
        "/d/old": {"kind": ""},
    }
    found = {
        "paths": {path: {"path": path, **there} for path, there in paths.items()},
        "systemd": True,
        "unit": {"ActiveState": "active", "UnitFileState": "enabled"},
    }
    wanted = {
        "directories": ["/d"],
        "links": [{"path": "/d/link", "src": "/d/launcher"}],
        "texts": {"/d/text": sha1("t")},
        "files": {"/d/launcher": str(tmp_path / "launcher")},
        "absent": ["/d/old"],
        "timer": True,
    }
    return found, wanted


def test_nothing_differs(installed: tuple[dict, dict]) -> None:
    found, wanted = installed
    assert _userspace_cni.differences(found, wanted) == []
    # A directory may be a link to another.
    there = found["paths"]["/d"]
    found["paths"]["/d"] = {**there, "kind": "link", "mode": "0777", "target": "/other", "leads_to": there}
    assert _userspace_cni.differences(found, wanted) == []


GONE = {"kind": ""}
LINK = {"kind": "link", "mode": "0777", "uid": 0, "gid": 0, "target": "/d/launcher", "leads_to": {"kind": "file", "mode": "0755", "uid": 0, "gid": 0}}


@pytest.mark.parametrize(
    ("path", "other"),
    [
        *[(path, GONE) for path in ("/d", "/d/link", "/d/text", "/d/launcher")],
        *[(path, {"uid": 7}) for path in ("/d", "/d/link", "/d/text", "/d/launcher")],
        *[(path, {"gid": 7}) for path in ("/d", "/d/link", "/d/text", "/d/launcher")],
        *[(path, {"mode": "0700"}) for path in ("/d", "/d/text", "/d/launcher")],
        *[(path, {"mode": "4755"}) for path in ("/d", "/d/text", "/d/launcher")],
        *[(path, {"checksum": sha1("x")}) for path in ("/d/text", "/d/launcher")],
        *[(path, {"checksum": None}) for path in ("/d/text", "/d/launcher")],
        *[(path, LINK) for path in ("/d", "/d/text", "/d/launcher")],
        ("/d", {**LINK, "leads_to": GONE}),
        ("/d", {**LINK, "leads_to": {"kind": "directory", "mode": "0700", "uid": 0, "gid": 0}}),
        ("/d", {**LINK, "leads_to": {"kind": "directory", "mode": "0755", "uid": 7, "gid": 0}}),
        ("/d/link", {"target": "/elsewhere"}),
        ("/d/link", {"kind": "file", "mode": "0755", "checksum": sha1("l")}),
        ("/d/text", {"kind": "directory"}),
        ("/d/launcher", {"kind": "other"}),
        *[("/d/old", {"kind": kind}) for kind in ("file", "link", "directory")],
    ],
)
def test_each_difference_is_found(installed: tuple[dict, dict], path: str, other: dict) -> None:
    found, wanted = installed
    found["paths"][path] = {"path": path, **other} if other == GONE else {**found["paths"][path], **other}
    if other in (LINK, GONE):
        found["paths"][path].pop("checksum", None)
    assert _userspace_cni.differences(found, wanted) == [path]


def test_program_that_the_controller_lacks_differs(installed: tuple[dict, dict], tmp_path: Path) -> None:
    found, wanted = installed
    (tmp_path / "launcher").unlink()
    del found["paths"]["/d/launcher"]["checksum"]
    assert _userspace_cni.differences(found, wanted) == ["/d/launcher"]


@pytest.mark.parametrize(
    ("wanted_timer", "active", "enabled", "fits"),
    [
        (True, "active", "enabled", True),
        (True, "activating", "enabled", True),
        (True, "inactive", "enabled", False),
        (True, "failed", "enabled", False),
        (True, "deactivating", "enabled", False),
        (True, "active", "disabled", False),
        (True, "active", "enabled-runtime", False),
        (True, None, None, False),
        (False, "inactive", "", True),
        (False, "inactive", "disabled", True),
        (False, "failed", "", True),
        (False, "active", "", False),
        (False, "inactive", "enabled", False),
        (False, None, None, False),
    ],
)
def test_timer(installed: tuple[dict, dict], wanted_timer: bool, active: str | None, enabled: str | None, fits: bool) -> None:
    found, wanted = installed
    found["unit"] = {} if active is None else {"ActiveState": active, "UnitFileState": enabled}
    wanted["timer"] = wanted_timer
    assert _userspace_cni.differences(found, wanted) == ([] if fits else ["timer"])
    found["systemd"] = False
    assert _userspace_cni.differences(found, wanted) == []


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

    def run(self, *arguments: str, units: tuple = (), **variables: object) -> tuple[bool, str]:
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
        internal = {"__userspace_cni_units": units, "__userspace_cni_sweep": "kube-ovn-dpdk-no-such-sweep"}
        if units:
            # As where systemd runs.
            internal["__userspace_cni_wanted_units"] = units
        (self.folder / "inventory.json").write_text(json.dumps({"all": {"hosts": {"node1": common}}}))
        role = {"ansible.builtin.import_role": {"name": "kube_ovn.dpdk.userspace_cni"}}
        (self.folder / "play.yml").write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": [role]}]))
        command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", str(self.folder / "inventory.json"), "-e", json.dumps(internal)]
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


WRITES = "Create the directories, and links"


def snapshot(folder: Path) -> dict:
    found = {}
    for path in sorted(folder.rglob("*")):
        there = path.lstat()
        found[str(path)] = (there.st_mode, there.st_uid, there.st_gid, os.readlink(path) if path.is_symlink() else path.is_file() and path.read_text())
    return found


@pytest.mark.skipif(os.path.exists("/run/systemd/system"), reason="a timer would be started on this machine")
def test_what_is_there_is_not_written_again_and_what_differs_is_put_right(role: Role) -> None:
    units = tuple({"src": f"sweep.{kind}.j2", "dest": str(role.folder / "cni" / f"sweep.{kind}")} for kind in ("service", "timer"))
    arguments = {"units": units, "userspace_cni_sweep_seconds": 60, "userspace_cni_path": "/bin:/böse {[ \\n"}
    for options in (["--check", "--diff"], []):
        fine, output = role.run(*options, **arguments)
        assert fine, output
        assert WRITES in output
        assert "changed=0" not in output
        assert (role.folder / "cni").exists() == (not options)
    good = snapshot(role.folder / "cni")
    assert len(good) == 10
    for options in ([], ["--check", "--diff"]):
        fine, output = role.run(*options, **arguments)
        assert fine, output
        assert "changed=0" in output
        assert WRITES not in output
    (role.folder / "cni/userspace/launcher.json").write_text("{}")
    (role.folder / "cni/sweep.timer").chmod(0o600)
    (role.folder / "cni/userspace/bin/ovs-ofctl").unlink()
    bad = snapshot(role.folder / "cni")
    for options, expected in ((["--check", "--diff"], bad), ([], good)):
        fine, output = role.run(*options, **arguments)
        assert fine, output
        # The links, and the texts.
        assert "changed=2 " in output, output
        assert snapshot(role.folder / "cni") == expected
