# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The situations of the unit tests with GRUB's real generator, which sees the made-up tree in a mount namespace."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / ".collections"))

from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules import test_kernel_cmdline as unit  # noqa: E402
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree  # noqa: E402

pytestmark = pytest.mark.skipif(
    shutil.which("grub-mkconfig", path=f"{os.environ['PATH']}:/usr/sbin") is None or os.geteuid() != 0, reason="needs grub-common and root"
)

# /etc/default/grub.d is what makes a generator one of the Debian family.
GENERATOR = """#!/bin/sh
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


def on_debian(tree, setting):
    menu = unit.debian(tree, **setting)
    tree.write("/usr/sbin/grub-mkconfig", GENERATOR, 0o755)
    tree.write("/grub-probe", PROBE, 0o755)
    tree.write("/boot/vmlinuz-1", "a kernel\n")
    subprocess.run(
        [tree.path("/usr/sbin/grub-mkconfig"), "-o", tree.path(menu)], env={**os.environ, "SYSROOT": tree.root}, check=True, capture_output=True, text=True
    )
    os.unlink(tree.path("/runs"))
    return lambda: unit.first_entry(tree, menu)


@pytest.mark.parametrize("name", sorted(unit.SITUATIONS))
def test_situations(tmp_path, name):
    (tmp_path / "root").mkdir()
    unit.check_situation(Tree(tmp_path / "root"), on_debian, name)


@pytest.mark.parametrize("default, taken", [("0", True), ("1>0", True), ("gnulinux-advanced-1f0c>gnulinux-1-recovery-1f0c", False), ("1>1", False)])
def test_entry_that_boots_by_default(tmp_path, default, taken):
    """A recovery entry does not get what is in GRUB_CMDLINE_LINUX_DEFAULT, so it must not be taken for one that has it."""
    (tmp_path / "root").mkdir()
    tree = Tree(tmp_path / "root")
    on_debian(tree, {"defaults": f"GRUB_DEFAULT='{default}'\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\n"})
    result = unit.cmdline(tree, unit.FOUR)
    assert result["failed"] is not taken
    assert taken or "did not put the arguments into the entry that boots by default, 'GNU/Linux, with Linux 1 (recovery mode)'" in result["msg"]
