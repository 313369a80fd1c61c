# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import hashlib
import os

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.modules import userspace_cni_info as info


class Module(object):
    """Stands for AnsibleModule: answers commands, and hashes."""

    def __init__(self, code=0, out="", error=None, err=""):
        self.params = {"algorithm": "sha256"}
        self.answer = (code, out, err)
        self.error = error
        self.commands = []

    def run_command(self, command, handle_exceptions):
        assert not handle_exceptions
        self.commands.append(command)
        if self.error:
            raise self.error
        return self.answer

    def digest_from_file(self, path, algorithm):
        with open(path, "rb") as source:
            return hashlib.new(algorithm, source.read()).hexdigest()


def owner(path):
    return {"uid": os.lstat(path).st_uid, "gid": os.lstat(path).st_gid}


def test_file_has_its_checksum(tmpdir):
    path = str(tmpdir.join("file"))
    tmpdir.join("file").write("text")
    os.chmod(path, 0o4750)
    expected = dict(owner(path), path=path, kind="file", mode="4750", checksum=hashlib.sha256(b"text").hexdigest())
    assert info.describe(Module(), path) == expected


def test_directory_and_what_is_neither(tmpdir):
    path, fifo = str(tmpdir.mkdir("d")), str(tmpdir.join("fifo"))
    os.chmod(path, 0o700)
    os.mkfifo(fifo)
    assert info.describe(Module(), path) == dict(owner(path), path=path, kind="directory", mode="0700")
    assert info.describe(Module(), fifo)["kind"] == "other"
    assert info.describe(Module(), path + "/none") == {"path": path + "/none", "kind": ""}


def test_link_has_its_target_and_what_it_leads_to(tmpdir):
    tmpdir.mkdir("d")
    os.chmod(str(tmpdir.join("d")), 0o750)
    for name, target in (("good", "d"), ("bad", "/no/such")):
        os.symlink(target, str(tmpdir.join(name)))
    good, bad = (info.describe(Module(), str(tmpdir.join(name))) for name in ("good", "bad"))
    assert (good["kind"], good["target"]) == ("link", "d")
    assert good["leads_to"] == dict(owner(str(tmpdir)), kind="directory", mode="0750")
    assert (bad["kind"], bad["target"], bad["leads_to"]) == ("link", "/no/such", {"kind": ""})


def test_link_to_a_file_has_no_checksum(tmpdir):
    """It is no file, whatever it leads to."""
    tmpdir.join("file").write("text")
    os.symlink(str(tmpdir.join("file")), str(tmpdir.join("link")))
    assert "checksum" not in info.describe(Module(), str(tmpdir.join("link")))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (Module(out="ActiveState=active\nUnitFileState=enabled\n"), {"ActiveState": "active", "UnitFileState": "enabled"}),
        (Module(out="ActiveState=inactive\nUnitFileState=\n"), {"ActiveState": "inactive", "UnitFileState": ""}),
        (Module(code=1), {}),
        (Module(error=OSError(2, "No such file or directory")), {}),
    ],
    ids=["running", "no such unit", "systemd does not answer", "no systemctl"],
)
def test_unit(module, expected):
    assert info.unit(module, "a.timer") == expected
    assert module.commands == [["systemctl", "show", "--property=ActiveState", "--property=UnitFileState", "a.timer"]]


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (Module(out="go version go1.26.6 linux/amd64\n"), "go version go1.26.6 linux/amd64"),
        (Module(code=2, out="x"), ""),
        (Module(error=OSError(2, "none")), ""),
    ],
)
def test_version_of_go(module, expected):
    assert info.output(module, "go", "version") == expected


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (Module(), ""),
        (Module(code=2, err="The records are in /a.\n"), "The records are in /a."),
        (Module(code=2), "/l check-records ended with 2"),
        # An older launcher knows no such check.
        (Module(code=1, err="there is no CNI_COMMAND"), ""),
        (Module(error=OSError(2, "No such file or directory")), ""),
    ],
    ids=["none", "elsewhere", "without a word", "older launcher", "no launcher"],
)
def test_launcher_is_asked_for_records_elsewhere(module, expected):
    assert info.misplaced_records(module, "/l", "/records") == expected
    assert module.commands == [["/l", "check-records", "/records"]]


def test_names_are_looked_for_below_a_directory(tmpdir):
    for name in ("go.mod", "a/go.mod", "a/b/go.mod", "a/b/c/go.mod", ".git/go.mod", "a/x.go", "a/.y.go", "vendor/x.txt"):
        tmpdir.join(name).write("text", ensure=True)
    root = str(tmpdir)
    os.symlink(root, root + "/a/self.go")

    def names(depth, tree=root):
        return sorted(os.path.relpath(path, root) for path in info.below(tree, ["*.go", "go.mod", "vendor"], depth))

    assert names(3) == ["a/b/go.mod", "a/go.mod", "a/self.go", "a/x.go", "go.mod", "vendor"]
    assert names(2) == names(2, root + "/") == ["a/go.mod", "a/self.go", "a/x.go", "go.mod", "vendor"]
    assert names(1) == ["go.mod", "vendor"]
    assert names(3, root + "/none") == []
    for spelling in ("//a", "/./a/", "/a/../a"):
        assert info.below(root + spelling, ["go.mod"], 1) == [root + "/a/go.mod"]
    assert info.below("/" + root, ["go.mod"], 1) == [root + "/go.mod"]
