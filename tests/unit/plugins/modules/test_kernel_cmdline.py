# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import os
import re
import shutil

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _bootloader
from ansible_collections.kube_ovn.dpdk.plugins.modules import kernel_cmdline
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module

# Writes a menu as grub-mkconfig does, and counts how often it ran.
GENERATOR = """#!/bin/sh
set -e
test "$1" = -o
echo run >> "$SYSROOT/runs"
. "$SYSROOT/etc/default/grub"
%(dropins)s
cat > "$2" <<END
menuentry 'Linux' --class gnu-linux {
    %(command)s /vmlinuz-1 root=UUID=1f0c ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT
}
menuentry 'Linux (recovery)' {
    %(command)s /vmlinuz-1 root=UUID=1f0c ro single $GRUB_CMDLINE_LINUX
}
END
"""
GENERATOR_OF_MANY = """#!/bin/sh
set -e
. "$SYSROOT/etc/default/grub"
%s
vt_handoff='$vt_handoff' menuentry_id_option='$menuentry_id_option' next_entry='${next_entry}'
cat > "$2" <<END
%sEND
"""
DROPINS = 'for x in "$SYSROOT"/etc/default/grub.d/*.cfg; do if [ -e "$x" ]; then . "$x"; fi; done'
MENU = "menuentry 'Linux' {\n\tlinux /vmlinuz-1 root=UUID=1f0c ro %s\n}\n"
RUNNING = "BOOT_IMAGE=/vmlinuz-1 root=UUID=1f0c ro %s\n"
FOUR = ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=4"]
EIGHT = ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=8"]
BOTH = FOUR + ["hugepagesz=2M", "hugepages=512"]
DROPIN = "/etc/default/grub.d/zz-kube-ovn-dpdk-hugepages.cfg"


def debian(tree, linux="", default="quiet", running=None, defaults=None):
    tree.write("/etc/default/grub", defaults or 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX_DEFAULT="%s"\nGRUB_CMDLINE_LINUX="%s"\n' % (default, linux))
    tree.write("/usr/sbin/grub-mkconfig", GENERATOR % {"dropins": DROPINS, "command": "linux"}, 0o755)
    words = " ".join(part for part in (linux, default) if part)
    tree.write("/boot/grub/grub.cfg", MENU % words)
    tree.write("/proc/cmdline", RUNNING % (words if running is None else running))
    return "/boot/grub/grub.cfg"


def el7(tree, linux="rhgb quiet", firmware="bios", terminated=True):
    text = 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="%s"' % linux
    tree.write("/etc/default/grub", text + ("\n" if terminated else ""))
    tree.write("/usr/sbin/grub2-mkconfig", GENERATOR % {"dropins": "", "command": "linux16"}, 0o755)
    tree.write("/proc/cmdline", RUNNING % linux)
    menu = (MENU % linux).replace("linux ", "linux16 ")
    if firmware == "bios":
        tree.write("/boot/grub2/grub.cfg", menu)
        tree.link("/etc/grub2.cfg", "../boot/grub2/grub.cfg")
        return "/boot/grub2/grub.cfg"
    tree.write("/sys/firmware/efi/fw_platform_size", "64\n")
    tree.write("/boot/efi/EFI/centos/grub.cfg", menu)
    tree.link("/etc/grub2-efi.cfg", "../boot/efi/EFI/centos/grub.cfg")
    return "/boot/efi/EFI/centos/grub.cfg"


def el8(tree, options="root=UUID=1f0c ro quiet", kernelopts=None, firmware="bios"):
    tree.write("/etc/default/grub", 'GRUB_CMDLINE_LINUX="quiet"\nGRUB_ENABLE_BLSCFG=true\n')
    tree.write("/usr/sbin/grub2-mkconfig", GENERATOR % {"dropins": "", "command": "linux"}, 0o755)
    for version in ("4.18.0-9", "4.18.0-10"):
        tree.write("/boot/loader/entries/abc-%s.conf" % version, "title Linux\nversion %s\noptions %s\ngrub_users $grub_users\n" % (version, options))
    tree.write("/boot/loader/entries/abc-0-rescue.conf", "title Rescue\noptions root=UUID=1f0c ro rescue\n")
    env = "# GRUB Environment Block\nsaved_entry=abc-4.18.0-10\n" + ("kernelopts=%s\n" % kernelopts if kernelopts else "")
    if firmware == "uefi":
        tree.write("/sys/firmware/efi/fw_platform_size", "64\n")
        tree.write("/boot/efi/EFI/centos/grubenv", "")
        tree.link("/boot/grub2/grubenv", "../efi/EFI/centos/grubenv")
    tree.write("/boot/grub2/grubenv", env + "#" * (1024 - len(env)))
    tree.write("/proc/cmdline", "BOOT_IMAGE=(hd0,msdos1)/vmlinuz " + (kernelopts or options) + "\n")


@pytest.fixture
def tree(tmpdir):
    return Tree(tmpdir.mkdir("root"))


def cmdline(tree, arguments=None, check=False, **params):
    params = dict({"owner": "hugepages", "backup": False}, **params)
    return run_module(kernel_cmdline, tree, check=check, arguments=arguments or [], **params)


def first_entry(tree, menu):
    return re.search(r"\slinux(?:16)?\s+\S+ (.*)", tree.read(menu)).group(1).split()


def runs(tree):
    return tree.read("/runs").count("run") if os.path.exists(tree.path("/runs")) else 0


def boot(tree, menu):
    tree.write("/proc/cmdline", "BOOT_IMAGE=/vmlinuz-1 " + " ".join(first_entry(tree, menu)) + "\n")


def settled(tree, arguments, **params):
    """A second run changes nothing and runs no generator."""
    before = tree.snapshot()
    result = cmdline(tree, arguments, **params)
    assert not result["failed"], result
    assert not result["changed"]
    assert tree.snapshot() == before
    return result


# One row for each situation on hosts with a generated menu: what is there, what is asked for, how the first entry then ends.
SITUATIONS = {
    "added to an empty line": (dict(default=""), FOUR, FOUR),
    "added behind foreign ones": (dict(linux="console=ttyS0", default="quiet splash"), FOUR, ["console=ttyS0", "quiet", "splash"] + FOUR),
    "pairs in their order": (dict(), BOTH, ["quiet"] + BOTH),
    "foreign value overruled": (dict(default="quiet hugepages=2"), FOUR, ["quiet"] + FOUR),
    "foreign pair in the other variable": (dict(linux="hugepagesz=1G hugepages=2"), FOUR, ["quiet"] + FOUR),
    "foreign size given twice": (dict(linux="hugepagesz=1G hugepages=2", default="hugepagesz=1G hugepages=4"), FOUR, FOUR),
    "substring names are other names": (
        dict(default="hugepagesz_x=1 xhugepages=7 hugepages.y=3"),
        ["hugepages.y=4"],
        ["hugepagesz_x=1", "xhugepages=7", "hugepages.y=4"],
    ),
    "dash and underscore are one name": (dict(default="intel-iommu=off"), ["intel_iommu=on"], ["intel_iommu=on"]),
    "flag without a value": (dict(default="quiet nosmt"), ["nosmt"], ["quiet", "nosmt"]),
    "value with a comma and dots": (dict(), ["isolcpus=domain,managed_irq,2-5,8"], ["quiet", "isolcpus=domain,managed_irq,2-5,8"]),
    "several of a name": (dict(default="console=tty0"), ["console=ttyS0,115200", "console=tty1"], ["console=ttyS0,115200", "console=tty1"]),
    "foreign variable used": (
        dict(defaults='X="quiet"\nGRUB_CMDLINE_LINUX_DEFAULT="$X loglevel=3"\n', default="quiet loglevel=3"),
        FOUR,
        ["quiet", "loglevel=3"] + FOUR,
    ),
    "single quotes": (dict(defaults="GRUB_CMDLINE_LINUX_DEFAULT='quiet hugepages=1'\n", default="quiet hugepages=1"), FOUR, ["quiet"] + FOUR),
    "value with spaces": (dict(), ['dyndbg="file pci.c +p"'], ["quiet", 'dyndbg="file', "pci.c", '+p"']),
    "value with spaces overruled": (
        dict(defaults='GRUB_CMDLINE_LINUX_DEFAULT="dyndbg=\\"file a.c +p\\" quiet"\n', default='dyndbg="file a.c +p" quiet'),
        ["dyndbg=off"],
        ["quiet", "dyndbg=off"],
    ),
    "no final newline": (dict(defaults='GRUB_CMDLINE_LINUX_DEFAULT="quiet"'), FOUR, ["quiet"] + FOUR),
}


def words_of(setting):
    return " ".join(part for part in (setting.get("linux", ""), setting.get("default", "quiet")) if part)


def on_debian(tree, setting):
    menu = debian(tree, **setting)
    return lambda: first_entry(tree, menu)


def on_el7(firmware):
    def make(tree, setting):
        menu = el7(tree, firmware=firmware, linux=words_of(setting))
        if "defaults" in setting:
            tree.write("/etc/default/grub", setting["defaults"])
        return lambda: first_entry(tree, menu)

    return make


def on_bls(in_env, firmware="bios"):
    def make(tree, setting):
        words = "root=UUID=1f0c ro " + words_of(setting)
        if in_env:
            el8(tree, options="$kernelopts $tuned_params", kernelopts=words, firmware=firmware)
        else:
            el8(tree, options=words + " $tuned_params")
        if "defaults" in setting:
            tree.write("/etc/default/grub", setting["defaults"].rstrip("\n") + "\nGRUB_ENABLE_BLSCFG=true\n")
        entry, env = "/boot/loader/entries/abc-4.18.0-10.conf", "/boot/grub2/grubenv"

        def booted():
            line = re.search("^kernelopts=(.*)$", tree.read(env), re.M) if in_env else re.search("^options (.*)$", tree.read(entry), re.M)
            return [word for word in line.group(1).split() if word != "$tuned_params"]

        return booted

    return make


HOSTS = {
    "Debian family": on_debian,
    "EL 7, BIOS": on_el7("bios"),
    "EL 7, UEFI": on_el7("uefi"),
    "EL 8 and later": on_bls(False),
    "EL 8 with kernelopts": on_bls(True),
    "EL 8 with kernelopts, UEFI": on_bls(True, "uefi"),
}


def check_situation(tree, make, name, bls=False):
    """Asked for, settled, booted, given up: on a host that make() makes of the tree."""
    setting, arguments, words = SITUATIONS[name]
    booted = make(tree, setting)
    original = tree.snapshot()
    bare = booted()
    foreseen = cmdline(tree, arguments, check=True)
    assert tree.snapshot() == original
    result = cmdline(tree, arguments)
    assert not result["failed"], result
    assert result["changed"]
    assert result["boot_loader"] == ("bls" if bls else "grub")
    assert booted()[2:] == words
    # The generator runs only where a menu is generated and does not yet say it.
    assert runs(tree) == (0 if bls or name == "flag without a value" else 1)
    # Check mode told the same.
    for key in ("changed", "reboot_required", "reboot_reasons", "files", "overruled", "command_line", "diff"):
        assert foreseen[key] == result[key], key
    settled(tree, arguments)
    # A reboot settles the rest.
    tree.write("/proc/cmdline", RUNNING % " ".join(booted()[2:]))
    assert not settled(tree, arguments)["reboot_required"]
    # And everything can be undone. Foreign words that had to go from a boot entry come back at its end.
    foreseen = cmdline(tree, arguments, state="absent", check=True)
    gone = cmdline(tree, arguments, state="absent")
    assert gone["changed"]
    assert foreseen["diff"] == gone["diff"]
    assert sorted(booted()) == sorted(bare)
    assert bls or booted() == bare
    assert tree.read("/etc/default/grub").rstrip("\n") == original["etc/default/grub"].rstrip("\n")
    assert not os.path.exists(tree.path(DROPIN))
    settled(tree, arguments, state="absent")


@pytest.mark.parametrize("name", sorted(SITUATIONS))
@pytest.mark.parametrize("kind", sorted(HOSTS))
def test_situations(tree, kind, name):
    check_situation(tree, HOSTS[kind], name, bls=kind.startswith("EL 8"))


def test_changed_in_place(tree):
    menu = debian(tree)
    cmdline(tree, FOUR)
    boot(tree, menu)
    result = cmdline(tree, EIGHT)
    assert result["changed"]
    assert result["reboot_required"]
    assert result["reboot_reasons"] == ["hugepages=4 is to become hugepages=8"]
    assert first_entry(tree, menu)[2:] == ["quiet"] + EIGHT
    assert tree.read("/etc/default/grub.d/zz-kube-ovn-dpdk-hugepages.cfg").count("hugepages=8") == 2


def test_owned_names_that_are_not_wanted_any_more(tree):
    menu = debian(tree)
    cmdline(tree, FOUR + ["intel_iommu=on"])
    boot(tree, menu)
    result = cmdline(tree, FOUR)
    assert first_entry(tree, menu)[2:] == ["quiet"] + FOUR
    assert result["reboot_reasons"] == ["intel_iommu=on is to become nothing"]


def test_overruled_ones_are_told(tree):
    debian(tree, linux="hugepagesz=1G hugepages=2")
    assert cmdline(tree, FOUR)["overruled"] == ["hugepages=2"]


def test_quotes_are_where_grub_puts_them(tree):
    """GRUB hands a value with spaces on with the quotes around the whole word."""
    debian(tree)
    cmdline(tree, ['dyndbg="file pci.c +p"'])
    tree.write("/proc/cmdline", 'BOOT_IMAGE=/vmlinuz-1 root=UUID=1f0c ro quiet "dyndbg=file pci.c +p"\n')
    assert not cmdline(tree, ['dyndbg="file pci.c +p"'])["reboot_required"]
    assert cmdline(tree, ['dyndbg="file pci.c -p"'])["reboot_reasons"] == ["dyndbg=file pci.c +p is to become dyndbg=file pci.c -p"]


def test_page_size_twice_on_the_line_of_others(tree):
    debian(tree, linux="hugepagesz=1G hugepages=2", default="quiet hugepagesz=1024M hugepages=4")
    result = cmdline(tree, ["iommu=pt"], owner="dpdk_host")
    assert not result["failed"]
    assert any("hugepagesz=1G is twice on the kernel command line" in text for text in result["warnings"])
    # Owned they are given once, and nothing has to be said.
    assert not any("is twice" in text for text in cmdline(tree, FOUR)["warnings"])


def test_order_of_pairs_needs_a_reboot(tree):
    menu = debian(tree)
    swapped = ["hugepagesz=2M", "hugepages=512", "hugepagesz=1G", "hugepages=4"]
    cmdline(tree, swapped)
    boot(tree, menu)
    assert cmdline(tree, ["hugepagesz=1G", "hugepages=4", "hugepagesz=2M", "hugepages=512"])["reboot_required"]


def test_cloud_image_override_does_not_win(tree):
    """Cloud images set GRUB_CMDLINE_LINUX_DEFAULT anew in grub.d."""
    menu = debian(tree)
    tree.write("/etc/default/grub.d/50-cloudimg-settings.cfg", 'GRUB_CMDLINE_LINUX_DEFAULT="console=ttyS0 hugepages=1"\n')
    cmdline(tree, FOUR)
    assert first_entry(tree, menu)[2:] == ["console=ttyS0"] + FOUR


# The menu that a real generator writes: a submenu, ids, a recovery entry, a variable behind the arguments.
MANY = """set -e
function load_video {
  insmod vbe
}
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
else
   set default="%(default)s"
fi
menuentry 'Ubuntu' --class os $menuentry_id_option 'simple' {
\tload_video
\tlinux /vmlinuz-2 root=UUID=1f0c ro %(first)s $vt_handoff
}
submenu 'Advanced options' $menuentry_id_option 'advanced' {
\tmenuentry 'Ubuntu, with Linux 2' --class os $menuentry_id_option 'advanced-2' {
\t\tlinux /vmlinuz-2 root=UUID=1f0c ro second $vt_handoff
\t}
\tmenuentry 'Ubuntu, with Linux 2 (recovery mode)' --class os $menuentry_id_option 'recovery-2' {
\t\tlinux /vmlinuz-2 root=UUID=1f0c ro recovery
\t}
}
menuentry "Memory test" {
\tlinux16 /memtest86+.bin
}
menuentry 'By hand' {
\tlinux /vmlinuz-1 root=/dev/sda1 byhand
}
"""
DEFAULTS = [
    ("0", "", "ro"),
    ("${saved_entry}", "By hand", "byhand"),
    # grubenv has a choice of earlier times, which the menu does not ask for.
    ("0", "By hand", "ro"),
    ("${saved_entry}", "", "ro"),
    ("${saved_entry}", "gone since", "ro"),
    ("1>0", "", "second"),
    ("1>1", "", "recovery"),
    ("advanced>recovery-2", "", "recovery"),
    ("Advanced options>Ubuntu, with Linux 2 (recovery mode)", "", "recovery"),
    ("3", "", "byhand"),
    ("9", "", "ro"),
]


@pytest.mark.parametrize("default, saved, word", DEFAULTS)
def test_entry_that_boots_by_default(tree, default, saved, word):
    menu = debian(tree)
    tree.write(menu, MANY % {"default": default, "first": "quiet"})
    tree.write("/boot/grub/grubenv", "# GRUB Environment Block\n%s###" % ("saved_entry=%s\n" % saved if saved else ""))
    result = cmdline(tree, state="absent")
    assert not result["changed"]
    assert word in result["command_line"][1:3]


def test_default_entry_by_hand_does_not_get_the_arguments(tree):
    debian(tree)
    tree.write("/usr/sbin/grub-mkconfig", GENERATOR_OF_MANY % (DROPINS, MANY % {"default": "By hand", "first": "$GRUB_CMDLINE_LINUX_DEFAULT"}), 0o755)
    old = tree.snapshot()
    result = cmdline(tree, FOUR)
    assert "entry that boots by default, 'By hand' (it has: none of them); the old menu is kept" in result["msg"]
    assert tree.snapshot() == old


def test_words_that_the_generator_adds_stay_where_they_are(tree):
    menu = debian(tree)
    tree.write(menu, MANY % {"default": "0", "first": "quiet"})
    tree.write("/usr/sbin/grub-mkconfig", GENERATOR_OF_MANY % (DROPINS, MANY % {"default": "0", "first": "$GRUB_CMDLINE_LINUX_DEFAULT"}), 0o755)
    foreseen = cmdline(tree, FOUR, check=True)
    result = cmdline(tree, FOUR)
    assert result["command_line"] == ["root=UUID=1f0c", "ro", "quiet"] + FOUR + ["$vt_handoff"]
    assert foreseen["diff"] == result["diff"]


def test_two_owners(tree):
    menu = debian(tree)
    cmdline(tree, FOUR)
    foreseen = cmdline(tree, ["intel_iommu=on", "iommu=pt"], owner="dpdk_host", check=True)
    result = cmdline(tree, ["intel_iommu=on", "iommu=pt"], owner="dpdk_host")
    # The order of the two is told as it then is.
    assert foreseen["diff"] == result["diff"]
    words = first_entry(tree, menu)[2:]
    assert words[0] == "quiet"
    assert sorted(words[1:]) == sorted(FOUR + ["intel_iommu=on", "iommu=pt"])
    assert [word for word in words if word in FOUR] == FOUR
    settled(tree, FOUR)
    settled(tree, ["intel_iommu=on", "iommu=pt"], owner="dpdk_host")
    clash = cmdline(tree, ["hugepages=1"], owner="somebody", check=True)
    assert clash["failed"]
    cmdline(tree, [], owner="hugepages", state="absent")
    assert first_entry(tree, menu)[2:] == ["quiet", "intel_iommu=on", "iommu=pt"]


def test_same_name_for_two_owners(tree):
    debian(tree)
    cmdline(tree, ["iommu=pt"])
    before = tree.snapshot()
    result = cmdline(tree, ["iommu=soft"], owner="dpdk_host")
    assert result["failed"]
    assert "iommu is already owned by 'hugepages'" in result["msg"]
    assert tree.snapshot() == before


def test_lost_menu_is_made_again(tree):
    """The file is as it should be, but somebody put an old menu back."""
    menu = debian(tree)
    old = tree.read(menu)
    cmdline(tree, FOUR)
    tree.write(menu, old)
    assert cmdline(tree, FOUR)["files"] == ["/boot/grub/grub.cfg"]
    assert first_entry(tree, menu)[2:] == ["quiet"] + FOUR


@pytest.mark.parametrize("firmware", ["bios", "uefi"])
@pytest.mark.parametrize("terminated", [True, False])
def test_el7(tree, firmware, terminated):
    menu = el7(tree, firmware=firmware, terminated=terminated)
    original = tree.read("/etc/default/grub")
    result = cmdline(tree, FOUR)
    assert result["files"] == ["/etc/default/grub", menu]
    assert first_entry(tree, menu)[2:] == ["rhgb", "quiet"] + FOUR
    assert tree.read("/etc/default/grub").startswith(original)
    settled(tree, FOUR)
    cmdline(tree, EIGHT)
    assert first_entry(tree, menu)[2:] == ["rhgb", "quiet"] + EIGHT
    cmdline(tree, state="absent")
    assert tree.read("/etc/default/grub") == original.rstrip("\n") + "\n"
    assert first_entry(tree, menu)[2:] == ["rhgb", "quiet"]


def test_el7_uefi_without_the_link(tree):
    el7(tree, firmware="uefi")
    os.unlink(tree.path("/etc/grub2-efi.cfg"))
    assert cmdline(tree, FOUR)["files"][-1] == "/boot/efi/EFI/centos/grub.cfg"
    tree.write("/boot/efi/EFI/redhat/grub.cfg", "")
    assert "more than one EFI grub.cfg" in cmdline(tree, EIGHT)["msg"]


@pytest.mark.parametrize("kernelopts", [None, "root=UUID=1f0c ro quiet"])
def test_bls(tree, kernelopts):
    el8(tree, options="$kernelopts $tuned_params" if kernelopts else "root=UUID=1f0c ro quiet", kernelopts=kernelopts)
    tree.write("/etc/kernel/cmdline", "root=UUID=1f0c ro quiet\n")
    original = tree.snapshot()
    foreseen = cmdline(tree, BOTH, check=True)
    assert tree.snapshot() == original
    result = cmdline(tree, BOTH)
    assert result["boot_loader"] == "bls"
    assert [word for word in result["command_line"] if not word.startswith("$")] == ["root=UUID=1f0c", "ro", "quiet"] + BOTH
    assert foreseen["diff"] == result["diff"]
    assert runs(tree) == 0
    for version in ("9", "10"):
        text = tree.read("/boot/loader/entries/abc-4.18.0-%s.conf" % version)
        assert ("$kernelopts" in text) == bool(kernelopts)
        assert "grub_users $grub_users" in text
    if kernelopts:
        assert "kernelopts=root=UUID=1f0c ro quiet %s\n" % " ".join(BOTH) in tree.read("/boot/grub2/grubenv")
    assert len(tree.read("/boot/grub2/grubenv")) == 1024
    assert "hugepages" not in tree.read("/boot/loader/entries/abc-0-rescue.conf")
    assert tree.read("/etc/kernel/cmdline") == "root=UUID=1f0c ro quiet %s\n" % " ".join(BOTH)
    settled(tree, BOTH)
    cmdline(tree, state="absent")
    assert tree.snapshot() == original


def test_bls_gives_foreign_values_back(tree):
    el8(tree, options="root=UUID=1f0c ro hugepagesz=1G hugepages=2 quiet")
    result = cmdline(tree, ["hugepagesz=1G", "hugepages=8"])
    assert result["command_line"] == ["root=UUID=1f0c", "ro", "quiet", "hugepagesz=1G", "hugepages=8"]
    gone = cmdline(tree, state="absent")
    assert gone["command_line"] == ["root=UUID=1f0c", "ro", "quiet", "hugepagesz=1G", "hugepages=2"]


def test_bls_keeps_what_only_stands_in_the_entry(tree):
    el8(tree, options="root=UUID=1f0c ro console=ttyS0 crashkernel=256M")
    assert cmdline(tree, FOUR)["command_line"] == ["root=UUID=1f0c", "ro", "console=ttyS0", "crashkernel=256M"] + FOUR


ISOLATED = ["isolcpus=2-3", "nohz_full=2-3"]
TUNED = "nohz_full=2-3 nosoftlockup"


def test_arguments_of_tuned_in_a_generated_menu(tree):
    """tuned hands them on by a variable of the menu, so the running kernel has them and the entry has only the variable."""
    menu = el7(tree, linux="quiet $tuned_params")
    tree.write("/etc/default/grub", 'GRUB_CMDLINE_LINUX="quiet"\nGRUB_CMDLINE_LINUX_DEFAULT="\\$tuned_params"\n')
    generator = tree.read("/usr/sbin/grub2-mkconfig")
    setting = 'set tuned_params="%s"\n' % TUNED
    tree.write("/usr/sbin/grub2-mkconfig", generator.replace("<<END\n", "<<END\n" + setting), 0o755)
    tree.write(menu, setting + tree.read(menu))
    assert first_entry(tree, menu)[2:] == ["quiet", "$tuned_params"]
    foreseen = cmdline(tree, ISOLATED, check=True)
    result = cmdline(tree, ISOLATED)
    assert result["reboot_required"]
    assert foreseen["diff"] == result["diff"]
    assert first_entry(tree, menu)[2:] == ["quiet", "$tuned_params"] + ISOLATED
    tree.write("/proc/cmdline", RUNNING % " ".join(["quiet", TUNED] + ISOLATED))
    assert not settled(tree, ISOLATED)["reboot_required"]
    # tuned has changed its mind.
    tree.write(menu, tree.read(menu).replace(TUNED, "nohz_full=3"))
    assert settled(tree, ISOLATED)["reboot_reasons"] == ["nohz_full=2-3 nohz_full=2-3 is to become nohz_full=3 nohz_full=2-3"]


@pytest.mark.parametrize("in_env", [False, True])
def test_arguments_of_tuned_in_boot_entries(tree, in_env):
    """What comes from a variable is neither taken away from the entry nor given back to it."""
    words = "root=UUID=1f0c ro quiet nohz_full=1"
    el8(tree, options="$kernelopts $tuned_params" if in_env else words + " $tuned_params", kernelopts=words if in_env else None)
    env = tree.read("/boot/grub2/grubenv").rstrip("#") + "tuned_params=%s\n" % TUNED
    tree.write("/boot/grub2/grubenv", env + "#" * (1024 - len(env)))
    entry = "/boot/loader/entries/abc-4.18.0-10.conf"

    def booted():
        # What had to go comes back at the end.
        return [sorted(re.findall("^(?:options |kernelopts=).*$", tree.read(path), re.M)[0].split()) for path in (entry, "/boot/grub2/grubenv")[:1 + in_env]]

    before = booted()
    result = cmdline(tree, ISOLATED)
    tree.write("/proc/cmdline", RUNNING % " ".join(result["command_line"][2:]))
    assert "nosoftlockup" in result["command_line"]
    assert not settled(tree, ISOLATED)["reboot_required"]
    cmdline(tree, state="absent")
    assert booted() == before


def test_menu_without_entries_does_not_count(tree):
    menu = debian(tree)
    old = tree.snapshot()
    tree.write("/usr/sbin/grub-mkconfig", '#!/bin/sh\n# default/grub.d\necho "# nothing" > "$2"\n', 0o755)
    old["usr/sbin/grub-mkconfig"] = tree.read("/usr/sbin/grub-mkconfig")
    result = cmdline(tree, FOUR)
    assert result["failed"]
    assert "menu without any entry" in result["msg"]
    assert tree.snapshot() == old
    assert first_entry(tree, menu)[2:] == ["quiet"]


def test_generator_fails(tree):
    debian(tree)
    tree.write("/usr/sbin/grub-mkconfig", "#!/bin/sh\n# default/grub.d\necho 'no space left' >&2\nexit 3\n", 0o755)
    old = tree.snapshot()
    result = cmdline(tree, FOUR)
    assert "failed with 3: no space left" in result["msg"]
    assert tree.snapshot() == old


def test_generator_ignores_the_arguments(tree):
    debian(tree)
    tree.write("/usr/sbin/grub-mkconfig", "#!/bin/sh\n# default/grub.d\nprintf \"menuentry 'x' {\\n linux /v ro\\n}\\n\" > \"$2\"\n", 0o755)
    old = tree.snapshot()
    result = cmdline(tree, FOUR)
    assert "did not put the arguments into the entry that boots by default, 'x' (it has: none of them)" in result["msg"]
    assert tree.snapshot() == old


def test_read_only_boot(tree, monkeypatch):
    debian(tree)
    old = tree.snapshot()
    access = os.access
    monkeypatch.setattr(_bootloader.os, "access", lambda path, mode: "/boot" not in path and access(path, mode))
    result = cmdline(tree, FOUR)
    assert "/boot/grub/grub.cfg cannot be written (read-only file system?)" in result["msg"]
    assert tree.snapshot() == old


def test_defaults_file_is_no_shell(tree):
    debian(tree, defaults='GRUB_CMDLINE_LINUX="quiet\n')
    result = cmdline(tree, FOUR)
    assert "cannot be read by a shell" in result["msg"]


def test_unmounted_boot(tree):
    debian(tree)
    os.unlink(tree.path("/boot/grub/grub.cfg"))
    os.rmdir(tree.path("/boot/grub"))
    old = tree.snapshot()
    assert "is /boot mounted?" in cmdline(tree, FOUR)["msg"]
    assert tree.snapshot() == old


def test_block_changed_by_hand(tree):
    debian(tree)
    cmdline(tree, FOUR)
    tree.write(DROPIN, tree.read(DROPIN).replace("# arguments:", "# my arguments:"))
    assert "were changed by hand" in cmdline(tree, EIGHT)["msg"]


def test_no_boot_loader(tree):
    tree.write("/proc/cmdline", "quiet\n")
    assert "no boot loader" in cmdline(tree, FOUR)["msg"]
    result = cmdline(tree, state="absent")
    assert not result["changed"]
    assert result["boot_loader"] is None


def test_image_based_host(tree):
    tree.write("/run/ostree-booted", "")
    assert "ostree" in cmdline(tree, FOUR)["msg"]


def test_backup(tree):
    menu = debian(tree)
    old = tree.read(menu)
    result = cmdline(tree, FOUR, backup=True)
    assert [tree.read(path) for path in result["backups"]] == [old]


@pytest.fixture
def vfat(tree, monkeypatch):
    """The EFI partition refuses some characters in names."""
    copy = shutil.copyfile

    def copyfile(source, target, **options):
        if "/boot/efi/" in str(target) and ":" in os.path.basename(str(target)):
            raise IOError(errno.EINVAL, "Invalid argument", target)
        return copy(source, target, **options)

    monkeypatch.setattr(shutil, "copyfile", copyfile)


UEFI = {"EL 7": lambda tree: el7(tree, firmware="uefi"), "EL 8": lambda tree: el8(tree, "$kernelopts", "root=UUID=1f0c ro quiet", "uefi")}


@pytest.mark.parametrize("release", sorted(UEFI))
def test_backup_on_the_efi_partition(tree, vfat, release):
    UEFI[release](tree)
    old = tree.snapshot()
    result = cmdline(tree, FOUR, backup=True)
    assert not result["failed"], result
    assert len(result["backups"]) == 2
    assert any(path.startswith("/boot/efi/EFI/centos/grub") for path in result["backups"])
    assert set(tree.read(path) for path in result["backups"]) < set(old.values())


def disk_is_full(path):
    return IOError(errno.ENOSPC, "No space left on device", path)


@pytest.mark.parametrize("release", sorted(UEFI))
@pytest.mark.parametrize("failing", ["copy", "write"])
def test_what_fails_later_undoes_what_was_written_before(tree, monkeypatch, release, failing):
    """The partition of the EFI is full, when /etc/default/grub is written already."""
    UEFI[release](tree)
    tree.write("/etc/kernel/cmdline", "root=UUID=1f0c ro quiet\n")
    if release == "EL 8":
        # By their names the texts come one after the other, and this one after the boot loader's environment.
        failing_name = "/etc/kernel/cmdline"
    else:
        failing_name = "/boot/efi/EFI/centos/grub.cfg"
    old = tree.snapshot(without=["runs"])
    copy, write = shutil.copy2, _bootloader.BootLoader.write
    done = []

    def copy2(source, target, **options):
        if source.endswith(failing_name):
            raise disk_is_full(target)
        done.append(source)
        return copy(source, target, **options)

    def write_once(loader, path, text):
        if path == failing_name and "hugepages" in text:
            raise disk_is_full(path)
        done.append(path)
        return write(loader, path, text)

    if failing == "copy":
        monkeypatch.setattr(shutil, "copy2", copy2)
    else:
        monkeypatch.setattr(_bootloader.BootLoader, "write", write_once)
    result = cmdline(tree, FOUR, backup=True)
    assert done
    assert result["failed"]
    assert "No space left on device" in result["msg"]
    assert "all is as it was" in result["msg"]
    assert tree.snapshot(without=["runs"]) == old


BAD = [
    (["hugepages 4"], "is not a kernel argument"),
    (["=4"], "is not a kernel argument"),
    ([""], "is not a kernel argument"),
    (["quiet\nroot=/dev/sda"], "is not a kernel argument"),
    (["a=$(reboot)"], "does not survive"),
    (["a=`reboot`"], "does not survive"),
    (['a="x'], "odd number of quotes"),
    (["a=b c"], "has a space"),
    (["root=/dev/sdb1"], "is not for this module"),
    (["init=/bin/sh"], "is not for this module"),
    (["quiet", "quiet"], "listed twice"),
    (["hugepages=4"], "has to follow"),
    (["hugepagesz=1G", "hugepages=4", "hugepagesz=1G", "hugepages=2"], "listed twice"),
    (["hugepagesz=1G", "hugepages=4", "hugepagesz=1024M", "hugepages=2"], "the kernel ignores the second one"),
    (["default_hugepagesz=1G", "default_hugepagesz=2M"], "listed twice"),
    (["hugepagesz=big", "hugepages=2"], "is not a size"),
    (["isolcpus=2-9"], "names cores 8-9, which this host does not have; it has 0-7"),
    (["isolcpus=domain,managed_irq,6"], "names cores 6, which are offline"),
    (["isolcpus=0-5,7"], "leaves no core for the system itself; leave out at least core 0"),
    (["nohz_full=0-5,7"], "leaves no core for the system itself; leave out at least core 0"),
    (["rcu_nocbs=5-2"], "is not a list of numbers"),
    (["isolcpus=two"], "is not a list of numbers"),
    (["isolcpus=2-5", "irqaffinity=0-1,5"], "cores 5 are in isolcpus= and in irqaffinity="),
    (["irqaffinity=9"], "names cores 9, which this host does not have"),
]


@pytest.mark.parametrize("arguments, message", BAD)
def test_bad_arguments_touch_nothing(tree, arguments, message):
    debian(tree)
    tree.write("/sys/devices/system/cpu/present", "0-7\n")
    tree.write("/sys/devices/system/cpu/online", "0-5,7\n")
    old = tree.snapshot()
    result = cmdline(tree, arguments)
    assert result["failed"]
    assert message in result["msg"]
    assert tree.snapshot() == old


def test_bad_owner(tree):
    debian(tree)
    assert "is not a name" in cmdline(tree, FOUR, owner="../x")["msg"]
