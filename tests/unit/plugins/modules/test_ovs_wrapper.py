# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Module ovs_wrapper: what is there before, beside it, and after it."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import grp
import os
import pwd

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_wrapper
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module

SCRIPT = "#!/bin/sh\n# Managed by Ansible, kube_ovn.dpdk ovs_wrapper. Runs the tool.\nexec nsenter \"$@\"\n"
OLDER = SCRIPT.replace("nsenter", "nsenter --all")
FOREIGN = "#!/bin/bash\nid=$(docker ps)\ndocker exec $id ovs-vsctl $@\n"
TOOLS = ["ovs-vsctl", "ovs-ofctl"]


@pytest.fixture
def tree(tmpdir):
    made = Tree(tmpdir.mkdir("root"))
    os.mkdir(made.root + "-tmp")
    made.mkdir("bin")
    return made


def run(tree, check=False, **more):
    account = dict(owner=pwd.getpwuid(os.getuid()).pw_name, group=grp.getgrgid(os.getgid()).gr_name)
    options = dict(account, directory=tree.path("bin"), tools=TOOLS, content=SCRIPT, _ansible_tmpdir=tree.root + "-tmp")
    return run_module(ovs_wrapper, None, check, **dict(options, **more))


def names(tree):
    return sorted(os.listdir(tree.path("bin")))


def mode(tree, name):
    return os.stat(tree.path("bin/" + name)).st_mode & 0o7777


def test_scripts_are_written_once_and_removed(tree):
    before = tree.listing()
    assert run(tree, check=True)["changed"]
    assert tree.listing() == before
    said = run(tree)
    assert said["changed"] and said["written"] == [tree.path("bin/" + name) for name in TOOLS]
    assert [entry["after"] for entry in said["diff"]] == [SCRIPT, SCRIPT]
    assert (tree.read("bin/ovs-vsctl"), mode(tree, "ovs-vsctl")) == (SCRIPT, 0o755)
    assert not run(tree)["changed"]
    assert run(tree, check=True, state="absent")["changed"]
    assert names(tree) == sorted(TOOLS)
    assert run(tree, state="absent")["changed"]
    assert names(tree) == []
    assert not run(tree, state="absent")["changed"]


def test_a_mode_is_corrected_without_writing(tree):
    run(tree)
    os.chmod(tree.path("bin/ovs-ofctl"), 0o700)
    assert run(tree, check=True)["changed"]
    said = run(tree)
    assert said["changed"] and said["written"] == []
    assert mode(tree, "ovs-ofctl") == 0o755


@pytest.mark.parametrize("content", [OLDER, ""], ids=["older", "nothing"])
def test_an_older_script_is_replaced_and_not_saved(tree, content):
    if content:
        tree.write("bin/ovs-vsctl", content, 0o755)
    assert run(tree)["saved"] == []
    assert tree.read("bin/ovs-vsctl") == SCRIPT
    run(tree, state="absent")
    assert names(tree) == []


def test_a_script_of_somebody_else_is_saved_and_restored(tree):
    tree.write("bin/ovs-vsctl", FOREIGN, 0o750)
    before = tree.listing()
    said = run(tree)
    assert said["saved"] == [tree.path("bin/ovs-vsctl")]
    assert names(tree) == ["ovs-ofctl", "ovs-vsctl", "ovs-vsctl.before-ovs-wrapper"]
    assert (tree.read("bin/ovs-vsctl"), tree.read("bin/ovs-vsctl.before-ovs-wrapper")) == (SCRIPT, FOREIGN)
    assert not run(tree)["changed"]
    said = run(tree, state="absent")
    assert (said["restored"], said["removed"]) == ([tree.path("bin/ovs-vsctl")], [tree.path("bin/ovs-ofctl")])
    assert tree.listing() == before


def test_what_became_somebody_elses_since_stays(tree):
    run(tree)
    tree.write("bin/ovs-ofctl", FOREIGN, 0o700)
    assert run(tree, state="absent")["removed"] == [tree.path("bin/ovs-vsctl")]
    assert (names(tree), tree.read("bin/ovs-ofctl")) == (["ovs-ofctl"], FOREIGN)


def test_what_took_the_place_of_the_script_since_is_not_lost_to_what_was_there_before(tree):
    tree.write("bin/ovs-vsctl", FOREIGN, 0o755)
    run(tree)
    tree.write_bytes("bin/ovs-vsctl", b"\x7fELF of a package")
    for check in (True, False):
        said = run(tree, check=check, state="absent")
        assert (said["restored"], said["removed"]) == ([], [tree.path("bin/ovs-ofctl")])
    assert tree.read("bin/ovs-vsctl.before-ovs-wrapper") == FOREIGN
    with open(tree.path("bin/ovs-vsctl"), "rb") as stream:
        assert stream.read() == b"\x7fELF of a package"
    assert not run(tree, state="absent")["changed"]


def test_a_script_that_was_deleted_gives_way_to_the_saved_one(tree):
    tree.write("bin/ovs-vsctl", FOREIGN, 0o755)
    run(tree)
    os.unlink(tree.path("bin/ovs-vsctl"))
    assert run(tree, state="absent")["restored"] == [tree.path("bin/ovs-vsctl")]
    assert tree.read("bin/ovs-vsctl") == FOREIGN


def test_a_tool_of_open_vswitch_is_an_error_before_anything_is_changed(tree):
    tree.write_bytes("bin/ovs-ofctl", b"\x7fELF\xff")
    tree.write("bin/ovs-vsctl", FOREIGN, 0o755)
    before = tree.listing()
    for check in (True, False):
        said = run(tree, check=check)
        assert said["failed"] and said["msg"].startswith(tree.path("bin/ovs-ofctl") + " is not a wrapper: it seems to be Open vSwitch's own.")
        assert "ovs-vsctl is not" not in said["msg"]
    assert tree.listing() == before


@pytest.mark.parametrize("kind", ["directory", "link to a tool", "link to nowhere"])
def test_what_is_no_file_is_left_alone(tree, kind):
    if kind == "directory":
        tree.mkdir("bin/ovs-ofctl")
    else:
        tree.link("bin/ovs-ofctl", "../lib/ovs-ofctl")
    if kind == "link to a tool":
        tree.write_bytes("lib/ovs-ofctl", b"\x7fELF")
    before = tree.listing()
    words = {"directory": "it is a directory.", "link to a tool": "Open vSwitch's own.", "link to nowhere": "a link to ../lib/ovs-ofctl, which leads"}
    for check in (True, False):
        assert "is not a wrapper" in run(tree, check=check)["msg"]
        assert words[kind] in run(tree, check=check)["msg"]
    assert not run(tree, state="absent")["changed"]
    assert tree.listing() == before


def test_a_link_to_a_script_of_somebody_else_is_replaced_and_restored_as_a_link(tree):
    tree.write("lib/ovs-vsctl", FOREIGN, 0o755)
    tree.link("bin/ovs-vsctl", "../lib/ovs-vsctl")
    before = tree.listing()
    assert run(tree)["saved"] == [tree.path("bin/ovs-vsctl")]
    assert (tree.read("lib/ovs-vsctl"), tree.read("bin/ovs-vsctl")) == (FOREIGN, SCRIPT)
    assert not os.path.islink(tree.path("bin/ovs-vsctl"))
    assert os.readlink(tree.path("bin/ovs-vsctl.before-ovs-wrapper")) == "../lib/ovs-vsctl"
    assert not run(tree)["changed"]
    assert run(tree, state="absent")["restored"] == [tree.path("bin/ovs-vsctl")]
    assert tree.listing() == before


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("link", [False, True], ids=["file", "link"])
def test_a_restored_script_has_its_owner_and_group(tree, link):
    path = tree.path("bin/ovs-vsctl")
    if link:
        tree.write("lib/ovs-vsctl", FOREIGN, 0o755)
        tree.link("bin/ovs-vsctl", "../lib/ovs-vsctl")
    else:
        tree.write("bin/ovs-vsctl", FOREIGN, 0o755)
    os.lchown(path, 4711, 4712)
    if not link:
        os.chmod(path, 0o4750)
    before = tree.listing()
    run(tree)
    found = os.lstat(path)
    assert (found.st_uid, found.st_gid, mode(tree, "ovs-vsctl")) == (0, 0, 0o755)
    run(tree, state="absent")
    found = os.lstat(path)
    assert (found.st_uid, found.st_gid) == (4711, 4712)
    assert tree.listing() == before


@pytest.mark.parametrize("check", [True, False], ids=["check", "run"])
def test_without_the_directory_nothing_is_installed(tree, check):
    tree.write("file", "")
    for name in ("missing", "file"):
        said = run(tree, check=check, directory=tree.path(name))
        assert said["failed"] and said["msg"].startswith(tree.path(name) + " is not a directory: create it, or set ovs_wrapper_dir")


def test_without_the_directory_nothing_is_removed(tree):
    assert not run(tree, state="absent", directory=tree.path("missing"))["changed"]
