# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The situations of the unit tests with GRUB's real generator, which sees the made-up tree in a mount namespace."""

import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / ".collections"))

from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules import boot_trees  # noqa: E402
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules import test_kernel_cmdline as unit  # noqa: E402
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree  # noqa: E402

pytestmark = pytest.mark.skipif(
    shutil.which("grub-mkconfig", path=f"{os.environ['PATH']}:/usr/sbin") is None or os.geteuid() != 0, reason="needs grub-common and root"
)

# /etc/default/grub.d is what makes a generator one of the Debian family.
GENERATOR = """#!/bin/sh
# It reads /etc/default/grub.d, see above.
echo run >> "$SYSROOT/runs"
exec unshare --mount sh -ec '
    mount --bind "$SYSROOT/etc/default" /etc/default
    mount --bind "$SYSROOT/boot" /boot
    mount --bind "$SYSROOT/grub-probe" /usr/sbin/grub-probe
    exec /usr/sbin/grub-mkconfig "$@"' sh "$@"
"""
# The disk of the machine that runs the tests is none of their business.
PROBE = """#!/bin/sh
case "$*" in
*target=device*) echo /dev/vda1 ;;
*target=fs_uuid*) echo 1f0c ;;
*target=fs*) echo ext2 ;;
*target=partmap*) echo msdos ;;
*target=abstraction*) ;;
*) echo hd0,msdos1 ;;
esac
"""


def real_debian(tree, **settings):
    """The made-up host of the unit tests, with a menu by the real generator of this machine."""
    tree.write("/grub-probe", PROBE, 0o755)
    made_up = boot_trees.DEBIAN
    boot_trees.DEBIAN = GENERATOR
    try:
        return boot_trees.debian(tree, **settings)
    finally:
        boot_trees.DEBIAN = made_up


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "root").mkdir()
    return Tree(tmp_path / "root")


@pytest.fixture(autouse=True)
def families(monkeypatch):
    monkeypatch.setitem(unit.FAMILIES, "Debian", real_debian)


@pytest.mark.parametrize("name", sorted(unit.SITUATIONS))
def test_situations(tree, name):
    unit.test_situations(tree, "Debian", name)


@pytest.mark.parametrize("first", ["hugepages", "dpdk_host"])
def test_two_owners(tree, first):
    unit.test_two_owners(tree, "Debian", first)


def test_menu_that_was_edited_by_hand(tree):
    host = real_debian(tree)
    tree.write(host.menu, tree.read(host.menu).replace("quiet", "quiet console=ttyS0,115200"))
    unit.refused(tree, unit.FOUR, "console=ttyS0,115200, which grub-mkconfig would drop")


@pytest.mark.parametrize("text", ['GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n', 'GRUB_CMDLINE_LINUX="x -- 3"\n'])
def test_arguments_that_would_not_reach_the_kernel(tree, text):
    real_debian(tree, dropins=[("zz-local.cfg", text)])
    assert unit.cmdline(tree, unit.FOUR)["failed"]


@pytest.mark.parametrize("character", list("{}|&;<>"))
def test_characters_that_grub_takes_for_syntax(tree, character, monkeypatch):
    """grub-script-check refuses them, or the command ends there; in quotes they are harmless."""
    real_debian(tree)
    unit.refused(tree, [f"foo=a{character}reboot"], f"has {character} outside quotes")
    unit.change(tree, [f'foo="a{character}reboot"'])


@pytest.mark.parametrize(
    "default, taken",
    [("0", True), ("1>0", True), ("gnulinux-advanced-1f0c>gnulinux-6.1.0-30-amd64-recovery-1f0c", False), ("1>1", False)],
)
def test_entry_that_boots_by_default(tree, default, taken):
    """A recovery entry does not get what is in GRUB_CMDLINE_LINUX_DEFAULT, so it must not be taken for one that has it."""
    real_debian(tree, defaults=f"GRUB_DEFAULT='{default}'\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\n")
    result = unit.cmdline(tree, unit.FOUR)
    assert result["failed"] is not taken
    assert taken or "did not put the arguments into the entry that boots by default" in result["msg"]
