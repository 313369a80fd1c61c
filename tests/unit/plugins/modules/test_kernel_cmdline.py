# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import collections
import errno
import io
import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest
from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _bootloader, _kernel_cmdline
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import Sysroot
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._kernel_arguments import with_arguments, without_arguments
from ansible_collections.kube_ovn.dpdk.plugins.modules import kernel_cmdline
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules import boot_trees
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.boot_trees import (
    FAMILIES,
    ROOT,
    debian,
    el7,
    el8,
    el9,
    el10,
    systemd_boot,
)
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree, run_module

FOUR = ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=4"]
EIGHT = ["default_hugepagesz=1G", "hugepagesz=1G", "hugepages=8"]
LARGE = ["hugepagesz=1G", "hugepages=4"]
BOTH = FOUR + ["hugepagesz=2M", "hugepages=512"]
IOMMU = ["intel_iommu=on", "iommu=pt"]
DROPIN = "/etc/default/grub.d/zz-kube-ovn-dpdk-hugepages.cfg"
DEFAULTS = "/etc/default/grub"


@pytest.fixture
def tree(tmpdir):
    return Tree(tmpdir.mkdir("root"))


def cmdline(tree, arguments=None, check=False, owner="hugepages", **params):
    return run_module(kernel_cmdline, tree, check=check, arguments=arguments or [], owner=owner, **params)


def change(tree, arguments, **params):
    """Run once in check mode, which tells what the run then does and touches nothing."""
    before = tree.listing()
    foreseen = cmdline(tree, arguments, check=True, **params)
    assert tree.listing() == before
    result = cmdline(tree, arguments, **params)
    assert not result["failed"], result
    for key in (
        "changed",
        "reboot_required",
        "reboot_reasons",
        "files",
        "overruled",
        "command_line",
        "diff",
        "boot_loader",
    ):
        assert foreseen[key] == result[key], key
    return result


def settled(tree, arguments, **params):
    """Another run changes nothing."""
    before = tree.listing()
    result = change(tree, arguments, **params)
    assert not result["changed"]
    assert tree.listing() == before
    return result


def refused(tree, arguments, message, **params):
    """One message in check mode and in a run, and nothing is touched."""
    before = tree.listing()
    for check in (True, False):
        result = cmdline(tree, arguments, check=check, **params)
        assert result["failed"], result
        assert message in result["msg"], result["msg"]
        assert tree.listing() == before
    return result["msg"]


def foreign(host):
    """Words of the default entry behind root= and ro, as they are before anything is asked for."""
    return host.words()[2:]


# What is there, what is asked for, and which foreign words have to make room.
Situation = collections.namedtuple("Situation", ["linux", "default", "asked", "gone"])
SITUATIONS = {
    "added to an empty line": Situation("", "", FOUR, []),
    "added behind foreign ones": Situation("console=ttyS1", "quiet splash", FOUR, []),
    "pairs in their order": Situation("", "quiet", BOTH, []),
    "foreign value overridden": Situation("", "quiet iommu=off", ["iommu=pt"], ["iommu=off"]),
    "foreign count of the default size": Situation("", "quiet hugepages=2", FOUR, ["hugepages=2"]),
    "foreign count of a size that is asked for": Situation(
        "", "quiet hugepages=2", ["hugepagesz=2M", "hugepages=4"], ["hugepages=2"]
    ),
    "foreign count of another size": Situation("", "hugepages=2 quiet", LARGE, []),
    "foreign pair overridden": Situation("hugepagesz=1G hugepages=2", "quiet", FOUR, ["hugepagesz=1G", "hugepages=2"]),
    "foreign pair of another size": Situation("", "hugepagesz=2M hugepages=2048", FOUR, []),
    "foreign pairs of both sizes": Situation(
        "hugepagesz=2M hugepages=2048 hugepagesz=1024M hugepages=3", "quiet", FOUR, ["hugepagesz=1024M", "hugepages=3"]
    ),
    "foreign pair with a word between": Situation(
        "hugepagesz=1G quiet hugepages=2", "", FOUR, ["hugepagesz=1G", "hugepages=2"]
    ),
    "foreign size given twice": Situation(
        "hugepagesz=1G hugepages=2",
        "hugepagesz=1G hugepages=3",
        FOUR,
        ["hugepagesz=1G", "hugepages=2"] * 2 + ["hugepages=3"],
    ),
    "names that contain another": Situation(
        "", "hugepagesz_x=1 xhugepages=7 hugepages.y=3", ["hugepages.y=4"], ["hugepages.y=3"]
    ),
    "dash and underscore are one name": Situation("", "intel-iommu=off", ["intel_iommu=on"], ["intel-iommu=off"]),
    "value with a comma and dots": Situation("", "quiet", ["isolcpus=domain,managed_irq,2-5,8"], []),
    "several of a name": Situation(
        "", "console=tty0 earlyprintk", ["console=ttyS5,115200", "console=tty1"], ["console=tty0"]
    ),
    "value with spaces": Situation("", "quiet", ['dyndbg="file pci.c +p"'], []),
    "quoted syntax of GRUB": Situation("", "quiet", ['foo="a;b&c"'], []),
}


@pytest.mark.parametrize("name", sorted(SITUATIONS))
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_situations(tree, family, name):
    """Asked for, settled, booted, given up; the undo is exact."""
    situation = SITUATIONS[name]
    linux, default = situation.linux, situation.default
    if family == "Ubuntu cloud image":
        # Its drop-in forgets GRUB_CMDLINE_LINUX_DEFAULT.
        linux, default = " ".join((linux, default)).strip(), ""
    host = FAMILIES[family](tree, linux=linux, default=default)
    original = tree.listing()
    if name == "quoted syntax of GRUB" and re.match("EL ([89]|10)", family):
        refused(tree, situation.asked, "has ; &, which grub2-mkconfig and grubby of this host would not escape")
        return
    kept = [
        word
        for word in foreign(host)
        if word not in situation.gone and not (name == "several of a name" and word.startswith("console="))
    ]
    result = change(tree, situation.asked)
    assert result["changed"]
    assert host.words()[2:] == kept + " ".join(situation.asked).split()
    settled(tree, situation.asked)
    host.boot()
    assert not settled(tree, situation.asked)["reboot_required"]
    assert change(tree, situation.asked, state="absent")["changed"]
    assert tree.listing() == original
    settled(tree, situation.asked, state="absent")


@pytest.mark.parametrize("first", ["hugepages", "dpdk_host"])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_two_owners(tree, family, first):
    """Neither moves the words of the other, in however many runs; they leave in any order."""
    host = FAMILIES[family](tree)
    original = tree.listing()
    bare = foreign(host)
    asked = {"hugepages": FOUR, "dpdk_host": IOMMU + ["isolcpus=2-3"]}
    for owner in sorted(asked):
        assert change(tree, asked[owner], owner=owner)["changed"]
    for _run in range(2):
        for owner in sorted(asked, reverse=True):
            settled(tree, asked[owner], owner=owner)
    words = foreign(host)
    assert words[: len(bare)] == bare
    assert sorted(words[len(bare) :]) == sorted(FOUR + IOMMU + ["isolcpus=2-3"])
    host.boot()
    for owner in sorted(asked):
        assert not settled(tree, asked[owner], owner=owner)["reboot_required"]
    refused(tree, ["hugepagesz=1G", "hugepages=1"], "hugepagesz=1G is already owned by 'hugepages'", owner="somebody")
    refused(tree, ["iommu=soft"], "iommu is already owned by 'dpdk_host'", owner="somebody")
    second = [owner for owner in asked if owner != first][0]
    change(tree, [], owner=first, state="absent")
    assert foreign(host) == bare + asked[second]
    settled(tree, asked[second], owner=second)
    change(tree, [], owner=second, state="absent")
    assert tree.listing() == original


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_changed_in_place(tree, family):
    host = FAMILIES[family](tree)
    original = tree.listing()
    change(tree, FOUR + ["intel_iommu=on"])
    host.boot()
    result = change(tree, EIGHT)
    assert result["changed"]
    assert result["reboot_reasons"] == ["hugepages=4 is to become hugepages=8", "intel_iommu=on is to become nothing"]
    assert foreign(host)[-3:] == EIGHT
    change(tree, EIGHT, state="absent")
    assert tree.listing() == original


def test_flag_that_is_there_already(tree):
    host = debian(tree, default="quiet nosmt")
    change(tree, ["nosmt"])
    assert foreign(host) == ["quiet", "nosmt"]
    assert host.runs() == 0


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_words_that_are_there_already_stay_where_they_are(tree, family):
    host = FAMILIES[family](tree, linux="iommu=pt nosmt quiet")
    original = tree.listing()
    bare = foreign(host)
    change(tree, ["iommu=pt"])
    if not host.menu.startswith("/boot/grub/"):
        assert foreign(host) == bare
    change(tree, ["iommu=pt"], state="absent")
    assert tree.listing() == original
    assert "iommu=pt" in host.words()


@pytest.mark.parametrize("umask", [0o077, 0o022, 0o000])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_modes_whatever_the_umask(tree, family, umask):
    FAMILIES[family](tree)
    before = tree.listing()
    old = os.umask(umask)
    try:
        change(tree, FOUR)
    finally:
        os.umask(old)
    for name, found in tree.listing().items():
        if name in before:
            assert (found[0] if isinstance(found, tuple) else found) == (
                before[name][0] if isinstance(before[name], tuple) else before[name]
            ), name
        elif isinstance(found, tuple):
            assert found[0].endswith("644"), name
        else:
            assert found.endswith("755"), name


def test_overridden_words_are_returned(tree):
    debian(tree, linux="hugepagesz=1G hugepages=2")
    assert cmdline(tree, FOUR)["overruled"] == ["hugepages=2"]


def test_count_without_a_size_is_warned_of(tree):
    """With default_hugepagesz=1G it would be 512 pages of 1 GiB."""
    el9(tree, linux="hugepages=512")
    result = cmdline(tree, FOUR)
    assert any(
        "hugepages=512 has no hugepagesz= before it" in text and "these pages of 2M" in text
        for text in result["warnings"]
    )
    assert not any("hugepages=512" in text for text in cmdline(tree, BOTH)["warnings"])


def test_page_size_twice_on_the_line_of_others(tree):
    debian(tree, linux="hugepagesz=1G hugepages=2", default="quiet hugepagesz=1024M hugepages=4")
    result = cmdline(tree, ["iommu=pt"], owner="dpdk_host")
    assert not result["failed"]
    assert any("hugepagesz=1G is twice on the kernel command line" in text for text in result["warnings"])
    assert not any("is twice" in text for text in cmdline(tree, FOUR)["warnings"])


def test_quotes_are_where_grub_puts_them(tree):
    """GRUB hands a value with spaces on with the quotes around the whole word."""
    debian(tree)
    cmdline(tree, ['dyndbg="file pci.c +p"'])
    tree.write("/proc/cmdline", 'BOOT_IMAGE=/vmlinuz-1 root=UUID=1f0c ro quiet "dyndbg=file pci.c +p"\n')
    assert not cmdline(tree, ['dyndbg="file pci.c +p"'])["reboot_required"]
    assert cmdline(tree, ['dyndbg="file pci.c -p"'])["reboot_reasons"] == [
        "dyndbg=file pci.c +p is to become dyndbg=file pci.c -p"
    ]


def test_order_of_pairs_needs_a_reboot(tree):
    host = debian(tree)
    cmdline(tree, ["hugepagesz=2M", "hugepages=512", "hugepagesz=1G", "hugepages=4"])
    host.boot()
    assert cmdline(tree, ["hugepagesz=1G", "hugepages=4", "hugepagesz=2M", "hugepages=512"])["reboot_required"]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_settings_newer_than_the_boot(tree, family):
    host = FAMILIES[family](tree)
    assert change(tree, FOUR)["newer_than_boot"]
    assert settled(tree, FOUR)["newer_than_boot"]
    host.boot()
    assert not settled(tree, FOUR)["newer_than_boot"]


# Words for init


def test_words_for_init_stay_behind(tree):
    host = debian(tree, default="quiet -- splash")
    original = tree.listing()
    change(tree, FOUR)
    assert foreign(host) == ["quiet"] + FOUR + ["--", "splash"]
    host.boot()
    assert not settled(tree, FOUR)["reboot_required"]
    change(tree, FOUR, state="absent")
    assert tree.listing() == original


def test_words_for_init_that_nothing_can_come_before(tree):
    debian(tree, linux="net.ifnames=0 -- 3")
    refused(tree, FOUR, "look for a lone --")


@pytest.mark.parametrize("make", [el7, el8, el9], ids=["EL 7", "EL 8", "EL 9"])
def test_words_for_init_in_a_line(tree, make):
    host = make(tree, default="quiet -- 3")
    original = tree.listing()
    change(tree, FOUR)
    words = host.words()
    assert words[: words.index("--")][-3:] == FOUR
    assert words[words.index("--") + 1] == "3"
    host.boot()
    assert not settled(tree, FOUR)["reboot_required"]
    change(tree, FOUR, state="absent")
    assert tree.listing() == original


# Drop-ins


@pytest.mark.parametrize(
    "text",
    ['GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n', 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT hugepages=9"\n'],
)
def test_later_dropin_that_overrides(tree, text):
    debian(tree)
    tree.write("/etc/default/grub.d/zz-aaa.cfg", "GRUB_TIMEOUT=1\n")
    tree.write("/etc/default/grub.d/zz-later.cfg", "GRUB_TIMEOUT=1\n")
    tree.write("/etc/default/grub.d/zz-local.cfg", text)
    message = refused(tree, FOUR, "/etc/default/grub.d/zz-local.cfg is read after " + DROPIN)
    assert "let it append to what is there" in message


def test_later_dropin_that_comes_afterwards(tree):
    """The menu still says it, and the next kernel's would not."""
    debian(tree)
    change(tree, FOUR)
    tree.write("/etc/default/grub.d/zz-local.cfg", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')
    refused(tree, FOUR, "zz-local.cfg is read after")


def test_later_dropin_that_appends(tree):
    host = debian(tree, dropins=[("zz-local.cfg", 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT splash"\n')])
    change(tree, FOUR)
    assert foreign(host) == ["quiet"] + FOUR + ["splash"]


def test_directory_of_dropins_that_was_not_there(tree):
    debian(tree)
    os.rmdir(tree.path("/etc/default/grub.d"))
    original = tree.listing()
    change(tree, FOUR)
    change(tree, EIGHT)
    change(tree, [], state="absent")
    assert tree.listing() == original


def test_block_changed_by_hand(tree):
    debian(tree)
    cmdline(tree, FOUR)
    tree.write(DROPIN, tree.read(DROPIN).replace("# arguments:", "# my arguments:"))
    refused(tree, EIGHT, "were changed by hand")


@pytest.mark.parametrize("make", [el7, el8, el9, el10], ids=["EL 7", "EL 8", "EL 9", "EL 10"])
def test_line_behind_the_block(tree, make):
    """The block goes behind it again, since nothing else may have the last word."""
    make(tree, linux="rhgb")
    change(tree, FOUR)
    tree.write(DEFAULTS, tree.read(DEFAULTS) + 'GRUB_CMDLINE_LINUX="rhgb quiet"\nGRUB_CMDLINE_LINUX_DEFAULT=""\n')
    result = change(tree, FOUR)
    assert result["files"] == [DEFAULTS]
    assert tree.read(DEFAULTS).index('GRUB_CMDLINE_LINUX="rhgb quiet"') < tree.read(DEFAULTS).index(
        "# BEGIN kube_ovn.dpdk"
    )
    settled(tree, FOUR)
    change(tree, FOUR, state="absent")
    assert tree.read(DEFAULTS).endswith('GRUB_CMDLINE_LINUX="rhgb quiet"\nGRUB_CMDLINE_LINUX_DEFAULT=""\n')


def test_early_exit_of_the_defaults_file(tree):
    el9(tree)
    tree.write(
        DEFAULTS, tree.read(DEFAULTS) + "GRUB_CMDLINE_LINUX=x\nreadonly GRUB_CMDLINE_LINUX GRUB_CMDLINE_LINUX_DEFAULT\n"
    )
    refused(tree, FOUR, "cannot be read by a shell")


@pytest.mark.parametrize("make", [debian, el7, el8, el9], ids=["Debian", "EL 7", "EL 8", "EL 9"])
@pytest.mark.parametrize(
    "defaults",
    [
        'GRUB_CMDLINE_LINUX="quiet"',
        "GRUB_CMDLINE_LINUX='quiet iommu=off'",
        'X="quiet"\nGRUB_CMDLINE_LINUX="$X loglevel=3"\n',
    ],
)
def test_spellings_of_the_defaults_file(tree, make, defaults):
    """No final newline, single quotes, variables: an undo leaves them as they were."""
    make(tree, defaults=defaults)
    if make is el7 or make is debian:
        assert tree.read(DEFAULTS) == defaults
    original = tree.listing()
    change(tree, IOMMU, owner="dpdk_host")
    change(tree, FOUR)
    settled(tree, IOMMU, owner="dpdk_host")
    change(tree, [], state="absent", owner="dpdk_host")
    change(tree, [], state="absent")
    assert tree.listing() == original


def test_line_that_the_admin_appends_outlives_the_undo(tree):
    el7(tree, defaults='GRUB_CMDLINE_LINUX="quiet"')
    change(tree, FOUR)
    tree.write(DEFAULTS, tree.read(DEFAULTS) + "GRUB_TIMEOUT=9\n")
    change(tree, [], state="absent")
    assert tree.read(DEFAULTS) == 'GRUB_CMDLINE_LINUX="quiet"\nGRUB_TIMEOUT=9\n'


@pytest.mark.parametrize("make", [debian, el7, el8, el9], ids=["Debian", "EL 7", "EL 8", "EL 9"])
def test_bytes_of_another_encoding(tree, make):
    make(tree)
    with io.open(tree.path(DEFAULTS), "rb") as stream:
        text = stream.read()
    tree.write_bytes(DEFAULTS, b"# gr\xfc\xdfe \xff\xfe\n" + text)
    original = tree.listing()
    change(tree, FOUR)
    with io.open(tree.path(DEFAULTS), "rb") as stream:
        assert stream.read().startswith(b"# gr\xfc\xdfe \xff\xfe\n")
    change(tree, [], state="absent")
    assert tree.listing() == original


def test_grubby_rewrites_the_defaults_file(tree):
    """Of EL 9, with --update-kernel=ALL: each line that begins with GRUB_CMDLINE_LINUX is rewritten with what the file gives."""
    host = el9(tree)
    change(tree, FOUR)
    tree.write(
        DEFAULTS, re.sub("(?m)^GRUB_CMDLINE_LINUX.*", 'GRUB_CMDLINE_LINUX="console=ttyS0 audit=1"', tree.read(DEFAULTS))
    )
    for name in ("5.14.0-427.el9.x86_64", host.newest):
        tree.write(host.entry(name), re.sub("(?m)^(options .*)$", r"\1 audit=1", tree.read(host.entry(name))))
    settled(tree, FOUR)
    change(tree, [], state="absent")
    assert host.words()[-1] == "audit=1"
    assert not any(word in host.words() for word in FOUR)


@pytest.mark.parametrize("make", [el8, el9], ids=["EL 8", "EL 9"])
def test_grubby_keeps_the_words_of_the_defaults_file(tree, make):
    """It reads the file in a shell before it rewrites its lines, and what was overridden there must not be lost by that."""
    make(tree, linux="iommu=off hugepages=2 quiet")
    original = tree.read(DEFAULTS)
    change(tree, FOUR)
    change(tree, IOMMU, owner="dpdk_host")
    read = ["sh", "-c", '. "$1"; echo $GRUB_CMDLINE_LINUX', "/usr/libexec/grubby/grubby-bls", tree.path(DEFAULTS)]
    words = subprocess.check_output(read).decode().strip()
    tree.write(DEFAULTS, re.sub("(?m)^GRUB_CMDLINE_LINUX.*", 'GRUB_CMDLINE_LINUX="%s audit=1"' % words, tree.read(DEFAULTS)))
    settled(tree, FOUR)
    settled(tree, IOMMU, owner="dpdk_host")
    change(tree, [], state="absent")
    change(tree, [], state="absent", owner="dpdk_host")
    line = re.search('(?m)^GRUB_CMDLINE_LINUX="(.*)"$', original).group(1)
    assert tree.read(DEFAULTS) == original.replace(line, line.strip() + " audit=1")


# Menus that are edited where they stand


def test_el7_keeps_what_grubby_put_into_the_menu_alone(tree):
    host = el7(tree, by_grubby="console=ttyS0,115200 LANG=en_US.UTF-8")
    original = tree.listing()
    result = change(tree, FOUR)
    assert foreign(host) == ["crashkernel=auto", "rhgb", "quiet", "console=ttyS0,115200", "LANG=en_US.UTF-8"] + FOUR
    assert result["command_line"] == host.words()
    assert host.runs() == 0
    # A generated one would have the arguments too.
    host.generate()
    assert [word for word in foreign(host) if word in FOUR] == FOUR
    change(tree, [], state="absent")
    tree.write(host.menu, original[host.menu.lstrip("/")][1].decode("utf-8"))
    assert tree.listing() == original


def test_el7_entries_with_words_of_their_own(tree):
    host = el7(tree)
    rows = tree.read(host.menu).split("\n")
    where = [index for index, row in enumerate(rows) if "/vmlinuz-3.10.0-957" in row][0]
    rows[where] = rows[where].replace(" ro ", " ro  hugepagesz=1G   hugepages=16\tiommu=off ") + " "
    tree.write(host.menu, "\n".join(rows))
    original = tree.listing()
    change(tree, FOUR)
    change(tree, IOMMU, owner="dpdk_host")
    line = tree.read(host.menu).split("\n")[where]
    assert "hugepages=16" not in line and "iommu=off" not in line
    assert "hugepages=4" in line and "iommu=pt" in line
    change(tree, [], state="absent")
    assert "hugepages=16" in tree.read(host.menu)
    change(tree, [], state="absent", owner="dpdk_host")
    assert tree.listing() == original


def test_el7_rescue_and_foreign_entries_stay(tree):
    host = el7(tree)
    other = "### BEGIN /etc/grub.d/30_os-prober ###\nmenuentry 'Other' {\n\tlinux /vmlinuz root=/dev/sdb1 quiet\n}\n### END /etc/grub.d/30_os-prober ###\n"
    tree.write(host.menu, tree.read(host.menu) + other)
    change(tree, FOUR)
    text = tree.read(host.menu)
    assert other in text
    assert "hugepages" not in [row for row in text.split("\n") if "vmlinuz-0-rescue" in row][0]


def test_el7_uefi_without_the_link(tree):
    el7(tree, firmware="uefi")
    os.unlink(tree.path("/etc/grub2-efi.cfg"))
    assert "/boot/efi/EFI/centos/grub.cfg" in cmdline(tree, FOUR)["files"]
    tree.write("/boot/efi/EFI/redhat/grub.cfg", "")
    refused(tree, EIGHT, "more than one EFI grub.cfg")


def test_el7_menu_that_is_not_there(tree):
    host = el7(tree)
    os.unlink(tree.path(host.menu))
    change(tree, FOUR)
    assert foreign(host)[-3:] == FOUR
    settled(tree, FOUR)
    change(tree, [], state="absent")
    assert "hugepages" not in tree.read(host.menu)


def test_el7_default_entry_is_a_rescue_one(tree):
    host = el7(tree)
    env = "# GRUB Environment Block\nsaved_entry=CentOS Linux (0-rescue-abc) 7 (Core)\n"
    tree.write("/boot/grub2/grubenv", env + "#" * (1024 - len(env)))
    assert "0-rescue" in tree.read(host.menu)
    refused(tree, FOUR, "is it a rescue entry or a custom one?")


# The menu of the Debian family


def test_menu_that_was_edited_by_hand(tree):
    host = debian(tree)
    tree.write(host.menu, tree.read(host.menu).replace("ro  quiet", "ro  quiet console=ttyS0,115200"))
    message = refused(tree, FOUR, "'Debian GNU/Linux' has console=ttyS0,115200, which grub-mkconfig would drop")
    assert "Put it into GRUB_CMDLINE_LINUX_DEFAULT in /etc/default/grub" in message


def test_menu_that_is_behind_its_sources_is_made_anew(tree):
    host = debian(tree)
    tree.write(DEFAULTS, tree.read(DEFAULTS).replace("quiet", "quiet audit=1"))
    change(tree, FOUR)
    assert foreign(host) == ["quiet", "audit=1"] + FOUR


def test_lost_menu_is_made_again(tree):
    """The file is as it should be, but somebody put an old menu back."""
    host = debian(tree)
    old = tree.read(host.menu)
    cmdline(tree, FOUR)
    tree.write(host.menu, old)
    assert cmdline(tree, FOUR)["files"] == ["/boot/grub/grub.cfg"]
    assert foreign(host) == ["quiet"] + FOUR


@pytest.mark.parametrize(
    "default, reached", [("0", True), ("1>0", True), ("1>2", True), ("1>1", False), ("By hand", False), ("9", True)]
)
def test_entry_that_boots_by_default(tree, default, reached):
    """A recovery entry does not get what is in GRUB_CMDLINE_LINUX_DEFAULT, nor does one by hand."""
    host = debian(tree, defaults='GRUB_DEFAULT="%s"\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n' % default)
    tree.write(
        "/etc/grub.d/40_custom",
        "#!/bin/sh\nexec tail -n +3 $0\nmenuentry 'By hand' {\n\tlinux /vmlinuz-1 root=/dev/sda1 byhand\n}\n",
    )
    host.generate()
    if reached:
        change(tree, FOUR)
        return
    before = tree.listing()
    assert "entry that boots by default" in cmdline(tree, FOUR)["msg"]
    assert tree.listing() == before


def test_saved_entry(tree):
    host = debian(tree, defaults='GRUB_DEFAULT=saved\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n')
    env = "# GRUB Environment Block\nsaved_entry=gnulinux-advanced-1f0c>gnulinux-6.1.0-9-amd64-recovery-1f0c\n"
    tree.write("/boot/grub/grubenv", env + "#" * (1024 - len(env)))
    assert "single" in cmdline(tree, [], state="absent")["command_line"]
    assert "(recovery mode)" in cmdline(tree, FOUR)["msg"]
    assert foreign(host) == ["quiet"]


BROKEN = {
    "writes no entries": ('echo "# nothing" > "$2"\n', "menu without any entry"),
    "fails": ("echo 'no space left' >&2\nexit 3\n", "failed with 3: no space left"),
    "writes nothing": ("", "wrote no file"),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_generator(tree, name):
    debian(tree)
    tree.write("/usr/sbin/grub-mkconfig", "#!/bin/sh\n# default/grub.d\n" + BROKEN[name][0], 0o755)
    refused(tree, FOUR, BROKEN[name][1])


def test_generator_ignores_the_arguments(tree):
    host = debian(tree)
    tree.write("/usr/sbin/grub-mkconfig", '#!/bin/sh\n# default/grub.d\ncp "$SYSROOT/boot/grub/grub.cfg" "$2"\n', 0o755)
    before = tree.listing()
    assert (
        "did not put the arguments into the entry that boots by default, 'Debian GNU/Linux' (it has: none of them)"
        in cmdline(tree, FOUR)["msg"]
    )
    assert tree.listing() == before
    assert host.runs() == 0


# Boot entries


@pytest.mark.parametrize("make", [el8, el9, el10], ids=["EL 8", "EL 9", "EL 10"])
def test_entries_with_words_of_their_own(tree, make):
    """Each gets back what it had, byte by byte, and no other."""
    host = make(tree, others=ROOT + "  hugepagesz=1G hugepages=16   fips=1\tiommu=off ")
    old = [
        name
        for name in os.listdir(tree.path("/boot/loader/entries"))
        if host.newest not in name and "rescue" not in name
    ][0]
    original = tree.listing()
    change(tree, FOUR)
    change(tree, IOMMU, owner="dpdk_host")
    words = re.search("^options (.*)$", tree.read("/boot/loader/entries/" + old), re.M).group(1).split()
    assert words[:3] == ROOT.split() + ["fips=1"]
    assert sorted(words[3:]) == sorted(FOUR + IOMMU)
    settled(tree, FOUR)
    settled(tree, IOMMU, owner="dpdk_host")
    assert "hugepages" not in tree.read("/boot/loader/entries/abc-0-rescue.conf")
    change(tree, [], state="absent")
    change(tree, [], state="absent", owner="dpdk_host")
    assert tree.listing() == original


@pytest.mark.parametrize("make", [el8, el9, el10], ids=["EL 8", "EL 9", "EL 10"])
def test_arguments_that_the_generator_would_not_escape(tree, make):
    """Where nothing but GRUB reads them they are as good as others, and they can be given up where that has changed."""
    asked = ['foo="a;b"']
    host = make(tree)
    refused(tree, asked, "has ;, which grub2-mkconfig")
    defaults = tree.read(DEFAULTS)
    os.unlink(tree.path(DEFAULTS))
    refused(tree, asked, "has ;, which grub2-mkconfig")
    generator = tree.read(host.generator)
    os.unlink(tree.path(host.generator))
    original = tree.listing()
    change(tree, asked)
    settled(tree, asked)
    assert foreign(host)[-1] == asked[0]
    tree.write(host.generator, generator, 0o755)
    refused(tree, asked, "has ;, which grub2-mkconfig")
    change(tree, FOUR, owner="dpdk_host")
    change(tree, [], owner="dpdk_host", state="absent")
    change(tree, [], state="absent")
    os.unlink(tree.path(host.generator))
    assert tree.listing() == original
    tree.write(host.generator, generator, 0o755)
    # What it would do.
    tree.write(DEFAULTS, re.sub(r'(?m)^(GRUB_CMDLINE_LINUX=".*)"$', r'\1 foo=\\"a;b\\""', defaults))
    with pytest.raises(subprocess.CalledProcessError):
        host.generate()


@pytest.mark.parametrize("name", sorted(name for name in SITUATIONS if name != "quoted syntax of GRUB"))
@pytest.mark.parametrize("make", [el8, el9], ids=["EL 8", "EL 9"])
def test_menu_that_is_generated_afterwards(tree, make, name):
    """grub2-script-check does not refuse it."""
    situation = SITUATIONS[name]
    host = make(tree, linux=situation.linux, default=situation.default)
    change(tree, situation.asked)
    host.generate()
    settled(tree, situation.asked)
    assert " ".join(host.words()).endswith(" ".join(situation.asked))


def test_kernelopts_that_no_entry_uses_now(tree):
    """The next kernel's entry says $kernelopts."""
    host = el8(tree, options=ROOT + " crashkernel=auto", kernelopts=True)
    original = tree.listing()
    change(tree, FOUR)
    assert host.environment()["kernelopts"].split()[-3:] == FOUR
    tree.write(
        host.entry("4.18.0-553.el8.x86_64"), boot_trees.entry("4.18.0-553.el8.x86_64", "$kernelopts $tuned_params")
    )
    settled(tree, FOUR)
    os.unlink(tree.path(host.entry("4.18.0-553.el8.x86_64")))
    change(tree, [], state="absent")
    assert tree.listing() == original


@pytest.mark.parametrize("make", [el9, el10], ids=["EL 9", "EL 10"])
def test_entry_of_a_kernel_that_was_installed_since(tree, make):
    """kernel-install makes it from /etc/kernel/cmdline, so it has the arguments; they go with the others."""
    host = make(tree, linux="iommu=off")
    bare = host.words()
    change(tree, IOMMU, owner="dpdk_host")
    change(tree, FOUR)
    name = host.entry("9.9.9-1")
    tree.write(name, boot_trees.entry("9.9.9-1", tree.read("/etc/kernel/cmdline").strip()))
    settled(tree, FOUR)
    settled(tree, IOMMU, owner="dpdk_host")
    change(tree, [], state="absent")
    change(tree, [], state="absent", owner="dpdk_host")
    assert sorted(host.words("9.9.9-1")) == sorted(bare)


def test_kernel_that_was_removed_since(tree):
    host = el9(tree)
    change(tree, FOUR)
    os.unlink(tree.path(host.entry("5.14.0-427.el9.x86_64")))
    change(tree, FOUR)
    settled(tree, FOUR)
    change(tree, [], state="absent")
    assert "hugepages" not in tree.read(host.entry(host.newest))


def test_entry_that_grubby_edited_since(tree):
    host = el9(tree, linux="hugepagesz=1G hugepages=2 quiet")
    change(tree, FOUR)
    path = host.entry(host.newest)
    tree.write(path, tree.read(path).replace("quiet", "audit=1").replace("hugepages=4", "hugepages=40"))
    change(tree, FOUR)
    assert host.words()[-4:] == ["audit=1"] + FOUR
    change(tree, [], state="absent")
    assert foreign(host) == ["console=ttyS0", "crashkernel=1G-4G:192M", "hugepagesz=1G", "hugepages=2", "audit=1"]


def rescue_line(tree, host):
    if host.bls:
        return re.search("(?m)^options .*$", tree.read(host.entry("0-rescue"))).group(0)
    return [row for row in tree.read(host.menu).split("\n") if "vmlinuz-0-rescue" in row][0]


@pytest.mark.parametrize("make", [el7, lambda tree: el9(tree, blscfg_line=False)], ids=["EL 7", "EL 9"])
def test_rescue_entry_that_a_generator_wrote(tree, make):
    """grub2-mkconfig gives it the words of /etc/default/grub as all others; ours go again."""
    host = make(tree)
    host.generate()
    bare = rescue_line(tree, host).split()
    change(tree, FOUR)
    change(tree, IOMMU, owner="dpdk_host")
    host.generate()
    assert "hugepages=4" in rescue_line(tree, host)
    change(tree, FOUR)
    assert rescue_line(tree, host).split() == bare
    settled(tree, FOUR)
    settled(tree, IOMMU, owner="dpdk_host")
    host.generate()
    change(tree, [], state="absent")
    change(tree, [], state="absent", owner="dpdk_host")
    assert rescue_line(tree, host).split() == bare


def test_rescue_entry_with_the_same_words_of_its_own(tree):
    host = el9(tree)
    path = host.entry("0-rescue")
    tree.write(path, boot_trees.entry("0-rescue-abc", ROOT + " iommu=pt"))
    change(tree, ["iommu=pt"])
    tree.write(path, tree.read(path).replace("iommu=pt", "iommu=pt audit=1"))
    settled(tree, ["iommu=pt"])
    change(tree, [], state="absent")
    assert rescue_line(tree, host).split()[-2:] == ["iommu=pt", "audit=1"]


@pytest.mark.parametrize("where", ["entry", "/etc/kernel/cmdline"])
def test_line_that_grubby_wrote_out_of_kernelopts(tree, where):
    """grubby --update-kernel of one entry writes kernelopts into it, with ALL into a new /etc/kernel/cmdline: neither gets back what another entry had."""
    host = el8(tree, others=boot_trees.OTHERS)
    bare = host.words()
    change(tree, FOUR)
    change(tree, IOMMU, owner="dpdk_host")
    line = " ".join(host.words() + ["audit=1"])
    if where == "entry":
        where = host.entry(host.newest)
        tree.write(where, re.sub("(?m)^options .*", "options " + line, tree.read(where)))
    else:
        tree.write(where, line + "\n")
    settled(tree, FOUR)
    settled(tree, IOMMU, owner="dpdk_host")
    change(tree, [], state="absent")
    change(tree, [], state="absent", owner="dpdk_host")
    found = re.search("(?m)^(?:options )?(root=.*)$", tree.read(where)).group(1).split()
    assert found == bare + ["audit=1"]


def test_kernel_that_was_installed_without_a_file_of_words(tree):
    """Without /etc/kernel/cmdline 20-grub.install takes the words of the running kernel, which are those of the default entry."""
    host = el9(tree, others=boot_trees.OTHERS)
    os.unlink(tree.path("/etc/kernel/cmdline"))
    bare = host.words()
    change(tree, FOUR)
    change(tree, IOMMU, owner="dpdk_host")
    tree.write(host.entry("9.9.9-1"), boot_trees.entry("9.9.9-1", " ".join(host.words())))
    settled(tree, FOUR)
    change(tree, [], state="absent")
    change(tree, [], state="absent", owner="dpdk_host")
    assert host.words("9.9.9-1") == bare


def of_next_kernel(tree, arguments, **params):
    return [text for text in cmdline(tree, arguments, **params)["warnings"] if "before the next reboot" in text]


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("make", [el9, el10], ids=["EL 9", "EL 10"])
def test_kernel_that_would_get_what_is_given_up(tree, make, check):
    """20-grub.install would make its entry of the words of the running kernel; what these had before is the host's own."""
    host = make(tree, linux="iommu=off quiet")
    os.unlink(tree.path("/etc/kernel/cmdline"))
    asked = FOUR + ["iommu=pt", "quiet"]
    assert not of_next_kernel(tree, asked)
    if not check:
        # Not yet with them.
        assert not of_next_kernel(tree, [], state="absent", check=True)
    host.boot()
    assert not of_next_kernel(tree, asked)
    [warning] = of_next_kernel(tree, EIGHT + ["iommu=pt", "quiet"], check=True)
    assert "was started with hugepages=4, and there is no /etc/kernel/cmdline" in warning
    [warning] = of_next_kernel(tree, [], state="absent", check=check)
    assert "was started with %s iommu=pt, and" % " ".join(FOUR) in warning
    assert "reboot before that, or write the words of the default boot entry into that file" in warning


NO_COPY = {
    "EL 8": (el8, lambda tree: None),
    "words of the admin": (el9, lambda tree: tree.write("/etc/kernel/cmdline", ROOT + "\n")),
    "words of the image": (el9, lambda tree: tree.write("/usr/lib/kernel/cmdline", ROOT + "\n")),
    "another script": (el9, lambda tree: tree.write("/etc/kernel/install.d/20-grub.install", "#!/bin/sh\n")),
    "no kernel-install": (el9, lambda tree: os.unlink(tree.path(boot_trees.KERNEL_INSTALL))),
    "menu": (el7, lambda tree: None),
}


@pytest.mark.parametrize("name", sorted(NO_COPY))
def test_kernel_that_would_not_get_what_is_given_up(tree, name):
    make, prepare = NO_COPY[name]
    host = make(tree)
    if make is el9:
        os.unlink(tree.path("/etc/kernel/cmdline"))
    prepare(tree)
    cmdline(tree, FOUR)
    host.boot()
    assert not of_next_kernel(tree, [], state="absent")


def test_entry_without_options(tree):
    host = el9(tree)
    path = host.entry("5.14.0-427.el9.x86_64")
    tree.write(path, re.sub("(?m)^options.*\n", "", tree.read(path)))
    original = tree.listing()
    change(tree, FOUR)
    assert tree.read(path).endswith("\noptions %s\n" % " ".join(FOUR))
    change(tree, EIGHT)
    settled(tree, EIGHT)
    change(tree, [], state="absent")
    assert tree.listing() == original


@pytest.mark.parametrize("there", ["", "iommu=pt"])
def test_kernel_install_keeps_its_source(tree, there):
    """20-grub.install has /etc/kernel/cmdline rewritten where /etc/default/grub is newer, also where only the latter has to change."""
    el9(tree, linux=there)
    assert ("/etc/kernel/cmdline" in change(tree, ["iommu=pt"])["files"]) == (not there)

    def is_newer():
        return os.stat(tree.path(DEFAULTS)).st_mtime > os.stat(tree.path("/etc/kernel/cmdline")).st_mtime

    assert not is_newer()
    change(tree, [], state="absent")
    assert not is_newer()


@pytest.mark.parametrize("make", [el8, el9, el10], ids=["EL 8", "EL 9", "EL 10"])
def test_menu_that_imports_entries_whatever_the_defaults_say(tree, make):
    """Neither becomes it a static menu, nor are all entries rewritten."""
    host = make(tree, others=ROOT + " fips=1")
    tree.write(DEFAULTS, tree.read(DEFAULTS).replace("GRUB_ENABLE_BLSCFG=true\n", ""))
    menu = tree.read(host.menu)
    result = change(tree, FOUR)
    assert result["boot_loader"] == "bls"
    assert tree.read(host.menu) == menu
    assert host.runs() == 0


def test_menu_that_does_not_import_the_entries(tree):
    host = el8(tree)
    tree.write(
        host.menu, tree.read(host.menu).replace("\nblscfg\n", "\nmenuentry 'x' {\n linux /vmlinuz-1 ro quiet\n}\n")
    )
    assert "recreate the menu with /usr/sbin/grub2-mkconfig -o /boot/grub2/grub.cfg" in refused(
        tree, FOUR, "does not import the boot entries"
    )


def test_static_menu_beside_entries(tree):
    """GRUB_ENABLE_BLSCFG=false is a choice: then the menu is what counts."""
    host = el8(tree)
    tree.write(DEFAULTS, tree.read(DEFAULTS).replace("=true", "=false"))
    host.generate()
    host.forget_runs()
    original = tree.listing()
    result = change(tree, FOUR)
    assert result["boot_loader"] == "grub"
    host.bls = False
    assert foreign(host)[-3:] == FOUR
    change(tree, [], state="absent")
    assert tree.listing() == original


@pytest.mark.parametrize(
    "saved, path",
    [
        ("abc-0-rescue", "rescue"),
        ("1", "427"),
        ("CentOS Stream (5.14.0-427.el9.x86_64)", "427"),
        ("", "503"),
        ("gone", "503"),
    ],
)
def test_default_entry(tree, saved, path):
    host = el9(tree, others=ROOT + " older")
    env = "# GRUB Environment Block\nsaved_entry=%s\n" % saved
    tree.write("/boot/grub2/grubenv", env + "#" * (1024 - len(env)))
    tree.write(host.entry("0-rescue"), boot_trees.entry("0-rescue", ROOT + " rescue"))
    if path == "rescue":
        refused(tree, FOUR, "is it a rescue entry or a custom one?")
    else:
        assert ("older" in change(tree, FOUR)["command_line"]) == (path == "427")


def test_title_that_is_not_ascii(tree):
    host = el9(tree, title=u"CentOS Str\xe4m")
    env = "# GRUB Environment Block\nsaved_entry=abc-0-rescue\n"
    tree.write("/boot/grub2/grubenv", env + "#" * (1024 - len(env)))
    tree.write(host.entry("0-rescue"), boot_trees.entry("0-rescue", ROOT, u"R\xe4ttung"))
    refused(tree, FOUR, "is it a rescue entry")


def test_title_of_a_menu_that_is_not_ascii(tree):
    host = debian(tree)
    tree.write(
        host.menu,
        tree.read(host.menu).replace("'Debian GNU/Linux'", u"'D\xe9bian'").replace("ro  quiet", "ro  quiet byhand"),
    )
    refused(tree, FOUR, u"'D\xe9bian' has byhand")


# tuned

ISOLATED = ["isolcpus=2-3", "nohz_full=2-3"]


@pytest.mark.parametrize("in_env", [False, True])
def test_arguments_of_tuned_in_boot_entries(tree, in_env):
    """What comes from a variable is neither taken away from the entry nor given back to it."""
    host = el8(tree, linux="nohz_full=1", kernelopts=in_env)
    env = tree.read("/boot/grub2/grubenv").rstrip("#") + "tuned_params=nohz_full=2-3 nosoftlockup\n"
    tree.write("/boot/grub2/grubenv", env + "#" * (1024 - len(env)))
    original = tree.listing()
    change(tree, ISOLATED)
    assert "nosoftlockup" in host.words()
    host.boot()
    assert not settled(tree, ISOLATED)["reboot_required"]
    change(tree, [], state="absent")
    assert tree.listing() == original


def test_tuned_has_the_last_word(tree):
    el8(tree)
    env = tree.read("/boot/grub2/grubenv").rstrip("#") + "tuned_params=nohz_full=5\n"
    tree.write("/boot/grub2/grubenv", env + "#" * (1024 - len(env)))
    refused(tree, ISOLATED, "sets nohz_full=5 behind nohz_full=2-3")


def test_arguments_of_tuned_in_a_menu(tree):
    """tuned hands them on by a variable of the menu, so the running kernel has them and the entry has only the variable."""
    host = el7(
        tree, defaults='GRUB_CMDLINE_LINUX="quiet"\nGRUB_CMDLINE_LINUX_DEFAULT="\\$tuned_params"\n', by_grubby=""
    )
    tree.write(host.menu, 'set tuned_params="nohz_full=2-3 nosoftlockup"\n' + tree.read(host.menu))
    change(tree, ISOLATED)
    assert foreign(host) == ["quiet", "$tuned_params"] + ISOLATED
    tree.write(
        "/proc/cmdline", "BOOT_IMAGE=/vmlinuz-1 %s quiet nohz_full=2-3 nosoftlockup %s\n" % (ROOT, " ".join(ISOLATED))
    )
    assert not settled(tree, ISOLATED)["reboot_required"]
    # tuned has changed its mind.
    tree.write(host.menu, tree.read(host.menu).replace('"nohz_full=2-3', '"nohz_full=3'))
    assert settled(tree, ISOLATED)["reboot_reasons"] == [
        "nohz_full=2-3 nohz_full=2-3 is to become nohz_full=3 nohz_full=2-3"
    ]


# Hosts that nothing can be promised for


def full(monkeypatch, tree, place):
    real = os.statvfs

    class Full(object):
        f_bfree, f_frsize = 0, 4096

    monkeypatch.setattr(_bootloader.os, "statvfs", lambda path: Full() if tree.path(place) in path else real(path))
    devices = os.stat
    monkeypatch.setattr(_bootloader.os, "stat", lambda path, **more: Boot(devices(path, **more), tree.path(place) in str(path)))


class Boot(object):
    """A directory of another file system."""

    def __init__(self, found, other):
        self.found = found
        self.st_dev = found.st_dev + other

    def __getattr__(self, name):
        return getattr(self.found, name)


def damaged(tree, content):
    el8(tree)
    tree.write_bytes("/boot/grub2/grubenv", content)


def read_only(monkeypatch, place):
    access = os.access
    monkeypatch.setattr(_bootloader.os, "access", lambda path, mode: place not in str(path) and access(path, mode))


REAL = {
    "read-only /boot, menu": (
        debian,
        lambda tree, patch: read_only(patch, "/boot"),
        "/boot/grub/grub.cfg cannot be written (read-only file system?)",
    ),
    "read-only /boot, entries": (
        el9,
        lambda tree, patch: read_only(patch, "/boot"),
        "cannot be written (read-only file system?)",
    ),
    "read-only /etc": (el9, lambda tree, patch: read_only(patch, "/etc"), "cannot be written (read-only file system?)"),
    "full /boot, menu": (
        debian,
        lambda tree, patch: full(patch, tree, "/boot"),
        "the file system of /boot/grub/grub.cfg is full",
    ),
    "full /boot, entries": (el9, lambda tree, patch: full(patch, tree, "/boot"), "is full"),
    "full EFI partition": (
        boot_trees.FAMILIES["EL 7, UEFI"],
        lambda tree, patch: full(patch, tree, "/boot/efi"),
        "the file system of /boot/efi/EFI/centos/grub.cfg is full",
    ),
    "grubenv without its header": (
        el8,
        lambda tree, patch: damaged(tree, b"kernelopts=ro\n" + b"#" * 1010),
        "is damaged: GRUB takes no variables from it",
    ),
    "empty grubenv": (el8, lambda tree, patch: damaged(tree, b""), "is damaged: GRUB takes no variables from it"),
    "grubenv with a torn line": (
        el8,
        lambda tree, patch: damaged(tree, b"# GRUB Environment Block\nkernelopts=root=UUID=1f0c ro\nx=y" + b"#" * 900),
        "do not end in a line of their own",
    ),
    "grubenv without kernelopts": (
        el8,
        lambda tree, patch: damaged(tree, b"# GRUB Environment Block\nsaved_entry=x\n" + b"#" * 900),
        'set it with grub2-editenv - set kernelopts="..."',
    ),
    "grubenv with no room": (
        el8,
        lambda tree, patch: damaged(
            tree, b"# GRUB Environment Block\nkernelopts=ro\nx=" + b"y" * 950 + b"\n" + b"#" * 20
        ),
        "do not fit into /boot/grub2/grubenv",
    ),
    "unmounted /boot": (debian, lambda tree, patch: shutil.rmtree(tree.path("/boot/grub")), "is /boot mounted?"),
    "image": (el9, lambda tree, patch: tree.write("/run/ostree-booted", ""), "ostree"),
    "another boot loader": (
        systemd_boot,
        lambda tree, patch: tree.write_bytes(boot_trees.LOADER_INFO, b"\x06\x00\x00\x00" + "rEFInd 0.14\0".encode("utf-16-le")),
        "this host was booted by rEFInd 0.14, not by GRUB",
    ),
    "unified kernel image": (
        systemd_boot,
        lambda tree, patch: tree.write("/efi/EFI/Linux/abc-6.1.0.efi", ""),
        "systemd-boot boots unified kernel images (/efi/EFI/Linux/abc-6.1.0.efi), whose command line is inside",
    ),
    "unified kernel image that shim or the firmware has booted": (
        el9,
        lambda tree, patch: tree.write_bytes(
            boot_trees.LOADER_INFO.replace("LoaderInfo", "StubInfo"), b"\x06\x00\x00\x00" + "systemd-stub 257\0".encode("utf-16-le")
        ),
        "this host was booted from a unified kernel image (systemd-stub 257), whose command line is inside",
    ),
    "boots that are counted": (
        systemd_boot,
        lambda tree, patch: tree.write("/efi/loader/entries/abc-6.1.0+2-1.conf", "linux /linux\noptions ro\n"),
        "systemd-boot counts boots (/efi/loader/entries/abc-6.1.0+2-1.conf)",
    ),
    "boots that will be counted": (systemd_boot, lambda tree, patch: tree.write("/etc/kernel/tries", "3\n"), "remove /etc/kernel/tries"),
    "EFI partition that is not mounted": (
        systemd_boot,
        lambda tree, patch: shutil.rmtree(tree.path("/efi")),
        "systemd-boot has no entry of a kernel in /efi/loader/entries or /boot/loader/entries or /boot/efi/loader/entries; is the EFI partition mounted?",
    ),
    "entries with two lines of options": (
        systemd_boot,
        lambda tree, patch: tree.write("/efi/loader/entries/two.conf", "linux /linux\noptions ro\noptions quiet\n"),
        "/efi/loader/entries/two.conf has more than one line of options",
    ),
    "entry without options": (
        systemd_boot,
        lambda tree, patch: tree.write("/efi/loader/entries/none.conf", "linux /linux\n"),
        "/efi/loader/entries/none.conf has no line of options",
    ),
    "nothing that the next kernel's entry is made from": (
        systemd_boot,
        lambda tree, patch: os.unlink(tree.path("/etc/kernel/cmdline")),
        "there is no /etc/kernel/cmdline, so kernel-install gives the next kernel whatever the running one was started with",
    ),
    "default entry of another program": (
        lambda tree: systemd_boot(tree, loader="default shell*\n"),
        lambda tree, patch: None,
        "the entry that boots by default, 'shell.conf', would have none in place of",
    ),
    "default entry that was chosen in the menu": (
        systemd_boot,
        lambda tree, patch: tree.write_bytes(
            boot_trees.LOADER_INFO.replace("LoaderInfo", "LoaderEntryDefault"), b"\x07\x00\x00\x00" + "shell.conf\0".encode("utf-16-le")
        ),
        "Choose another with bootctl set-default",
    ),
    "defaults file that is no shell": (
        el7,
        lambda tree, patch: tree.write(DEFAULTS, 'GRUB_CMDLINE_LINUX="quiet\n'),
        "cannot be read by a shell",
    ),
    "damaged record": (
        el9,
        lambda tree, patch: tree.write(_bootloader.RECORD, "{"),
        "was changed by hand and cannot be read",
    ),
}


@pytest.mark.parametrize("name", sorted(REAL))
def test_hosts_that_nothing_can_be_promised_for(tree, monkeypatch, name):
    make, spoil, message = REAL[name]
    make(tree)
    spoil(tree, monkeypatch)
    refused(tree, FOUR, message)


@pytest.mark.parametrize("saved", ["", "zz-windows", "0", "Windows"])
def test_entry_of_something_else_than_a_kernel(tree, saved):
    """GRUB skips what has no linux key, so it is neither edited nor the default."""
    host = el9(tree)
    env = re.sub("saved_entry=.*", "saved_entry=" + saved, tree.read("/boot/grub2/grubenv"))
    tree.write("/boot/grub2/grubenv", env)
    tree.write("/boot/loader/entries/zz-windows.conf", "title Windows\n# linux is below\nefi /EFI/Microsoft/Boot/bootmgfw.efi\n")
    original = tree.listing()
    result = change(tree, FOUR)
    assert result["command_line"] == host.words()
    assert tree.listing()["boot/loader/entries/zz-windows.conf"] == original["boot/loader/entries/zz-windows.conf"]
    change(tree, FOUR, state="absent")
    assert tree.listing() == original


def test_grub_says_its_name_too(tree):
    """GRUB 2.12 sets LoaderInfo itself."""
    el10(tree)
    tree.write_bytes(boot_trees.LOADER_INFO, b"\x06\x00\x00\x00" + "GRUB 2.12\0".encode("utf-16-le"))
    assert change(tree, FOUR)["changed"]


def test_nothing_to_give_up_is_no_failure(tree):
    systemd_boot(tree)
    tree.write("/efi/EFI/Linux/abc.efi", "")
    result = settled(tree, FOUR, state="absent")
    assert result["boot_loader"] is None


@pytest.mark.parametrize("loader", ["default @saved\n", "default abc-*\n", "default abc-6.1.0-9.conf\n", "default ABC-6.1.0-9\n", ""])
def test_every_kernel_of_systemd_boot_has_the_arguments(tree, loader):
    """Whichever is the default; GRUB's files stay as they are."""
    host = systemd_boot(tree, loader=loader)
    grub = [tree.read(name) for name in (DEFAULTS, "/boot/grub/grub.cfg")]
    result = change(tree, FOUR)
    assert result["boot_loader"] == "bls" and not any("grub" in name for name in result["files"])
    for version in ("6.1.0-9", "6.1.0-30"):
        assert host.words(version)[-3:] == FOUR
    assert tree.read("/etc/kernel/cmdline") == "%s quiet %s\n" % (ROOT, " ".join(FOUR))
    assert tree.read("/efi/loader/entries/shell.conf") == "title Shell\nefi /shellx64.efi\n"
    assert [tree.read(name) for name in (DEFAULTS, "/boot/grub/grub.cfg")] == grub


def test_a_kernel_that_systemd_boot_gets_meanwhile(tree):
    """kernel-install makes its entry from /etc/kernel/cmdline; with the undo it loses the arguments again."""
    systemd_boot(tree)
    change(tree, FOUR)
    name = "/efi/loader/entries/abc-6.2.0-1.conf"
    tree.write(name, "title Debian\nversion 6.2.0-1\noptions %s\nlinux /l\n" % tree.read("/etc/kernel/cmdline").strip())
    settled(tree, FOUR)
    change(tree, FOUR, state="absent")
    assert "options %s quiet\n" % ROOT in tree.read(name)


def test_no_boot_loader(tree):
    tree.write("/proc/cmdline", "quiet\n")
    refused(tree, FOUR, "no boot loader")
    result = cmdline(tree, state="absent")
    assert not result["changed"]
    assert result["boot_loader"] is None


# Interrupted writing


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_backups(tree, family):
    FAMILIES[family](tree)
    original = tree.listing()
    result = cmdline(tree, FOUR, backup=True)
    assert result["backups"]
    assert not any(":" in path for path in result["backups"])
    # None by default: the record is what an undo goes by.
    cmdline(tree, [], state="absent")
    for path in result["backups"]:
        os.unlink(tree.path(path))
    assert tree.listing() == original


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_what_fails_later_undoes_what_was_written_before(tree, monkeypatch, family, number):
    """The disk is full at the file with this number, whatever was told before."""
    FAMILIES[family](tree)
    original = tree.listing()
    write = _bootloader.BootLoader.write
    written = []

    def fails(loader, path, text):
        if len(written) == number and path not in written:
            written.append(path)
            raise IOError(errno.ENOSPC, "No space left on device", path)
        if path not in written:
            written.append(path)
        return write(loader, path, text)

    monkeypatch.setattr(_bootloader.BootLoader, "write", fails)
    result = cmdline(tree, FOUR)
    if result["failed"]:
        assert "No space left on device" in result["msg"]
        assert "all files were restored" in result["msg"]
        assert tree.listing() == original
    else:
        assert len(written) <= number


def killed(number, function, *arguments):
    """Run the function in a process that is killed before its write with this number; False where it has no such write."""
    child = os.fork()
    if not child:
        write = _bootloader.BootLoader.write
        done = []

        def counted(loader, path, text):
            if len(done) == number:
                os.kill(os.getpid(), signal.SIGKILL)
            done.append(path)
            write(loader, path, text)

        _bootloader.BootLoader.write = counted
        try:
            function(*arguments)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


OLD = ["isolcpus=1", "nohz_full=1"]
NEW = ["isolcpus=2"]
# What was there before, and the run that is killed: (owner, arguments), none of them to give them up.
CUT = {
    "added": ([], ("hugepages", OLD)),
    "changed": ([("hugepages", OLD)], ("hugepages", NEW)),
    "added to": ([("hugepages", NEW)], ("hugepages", OLD)),
    "given up": ([("hugepages", OLD)], ("hugepages", [])),
    "added beside another owner": ([("dpdk_host", IOMMU)], ("hugepages", OLD)),
    "given up beside another owner": ([("dpdk_host", IOMMU), ("hugepages", OLD)], ("hugepages", [])),
}


def asked(tree, owner, arguments):
    result = cmdline(tree, arguments, owner=owner, state="present" if arguments else "absent")
    assert not result["failed"], result
    return result


def lines_of(tree, host):
    """Words of all entries of the host's kernels."""
    if not host.bls and not hasattr(host, "place"):
        items = _bootloader.leaves(_bootloader.menu_items(tree.read(host.menu)))
        return [item["words"] for item in items if not re.search("rescue|recovery", item["names"][0])]
    paths = [path for place in ("/boot", "/efi") for path in Sysroot(tree.root).glob(place + "/loader/entries/abc-*.conf")]
    return [host.words(re.search(r"abc-(.*)\.conf", path).group(1)) for path in paths if "rescue" not in path]


@pytest.mark.parametrize("then", ["again", "undo", "another owner"])
@pytest.mark.parametrize("what", sorted(CUT))
@pytest.mark.parametrize("family", ["Debian", "EL 7, BIOS", "EL 8 with kernelopts", "EL 10", "systemd-boot"])
def test_run_that_is_killed_between_two_writes(tmpdir, family, what, then):
    """The next run knows which words are the host's own, and completes what was asked for."""
    before, (owner, arguments) = CUT[what]
    number = 0
    while True:
        number += 1
        tree = Tree(tmpdir.mkdir("root%d" % number))
        # All foreign words of these names have to make room.
        host = FAMILIES[family](tree, linux="isolcpus=3 quiet")
        original = tree.listing()
        for pair in before:
            asked(tree, *pair)
        if not killed(number, asked, tree, owner, arguments):
            break
        owners = dict(before, **{owner: arguments})
        if then == "another owner":
            asked(tree, "cpu_management", ["iommu.strict=1"])
            owners["cpu_management"] = ["iommu.strict=1"]
        if then != "undo":
            asked(tree, owner, arguments)
            wanted = [word for words in owners.values() for word in words]
            for words in lines_of(tree, host):
                assert set(words) & set(OLD + NEW + IOMMU + wanted) == set(wanted), (number, words)
            assert not asked(tree, owner, arguments)["changed"]
        for name in sorted(owners):
            asked(tree, name, [])
        assert tree.listing() == original, number
    assert number > 1


@pytest.mark.parametrize("make", [el7, debian], ids=["EL 7", "Debian"])
def test_generated_menu_of_a_run_that_is_killed(tmpdir, make):
    """Where there was no menu to edit, and the generator made one."""
    for arguments in ([], NEW):
        for number in range(1, 6):
            tree = Tree(tmpdir.mkdir("root%d%d" % (number, len(arguments))))
            host = make(tree)
            os.unlink(tree.path(host.menu))
            asked(tree, "hugepages", OLD)
            host.boot()
            if not killed(number, asked, tree, "hugepages", arguments):
                break
            result = asked(tree, "hugepages", arguments)
            assert [word for word in host.words() if word.startswith(("isolcpus", "nohz_full"))] == arguments, number
            assert result["reboot_required"]
            assert not asked(tree, "hugepages", arguments)["changed"]


@pytest.mark.parametrize("family", ["Debian", "EL 9"])
def test_edit_after_a_run_that_was_killed(tmpdir, family):
    """What others put into a line before the next run stays."""
    for number in range(1, 5):
        tree = Tree(tmpdir.mkdir("root%d" % number))
        host = FAMILIES[family](tree)
        killed(number, asked, tree, "hugepages", OLD)
        names = [host.menu] if family == "Debian" else ["/boot/loader/entries/" + name for name in os.listdir(tree.path("/boot/loader/entries"))]
        for name in names:
            if family == "EL 9":
                tree.write(name, re.sub("(?m)^(options .*)$", r"\1 audit=1", tree.read(name)))
        asked(tree, "hugepages", OLD)
        asked(tree, "hugepages", [])
        if family == "EL 9":
            assert foreign(host)[-1] == "audit=1"
        assert not set(OLD) & set(host.words())


def test_record_of_an_earlier_release(tree):
    """It has nothing of runs that are cut off."""
    host = el9(tree)
    original = tree.listing()
    asked(tree, "hugepages", OLD)
    record = json.loads(tree.read(_bootloader.RECORD))
    assert sorted(record) == ["directory", "generated", "lines", "owners", "unterminated"]
    settled(tree, OLD)
    killed(1, asked, tree, "hugepages", NEW)
    asked(tree, "hugepages", NEW)
    assert sorted(json.loads(tree.read(_bootloader.RECORD))) == sorted(record)
    assert "nohz_full=1" not in host.words()
    asked(tree, "hugepages", [])
    assert tree.listing() == original


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_two_runs_at_once(tree, monkeypatch, family):
    """A run of another owner that comes between the plan and the writes of this one waits."""
    host = FAMILIES[family](tree)
    original = tree.listing()
    write_all = _kernel_cmdline.write_all
    children = []

    def late(*args):
        child = os.fork()
        if not child:
            monkeypatch.setattr(_kernel_cmdline, "write_all", write_all)
            try:
                asked(tree, "dpdk_host", IOMMU)
            finally:
                os._exit(0)
        children.append(child)
        time.sleep(0.5)
        return write_all(*args)

    monkeypatch.setattr(_kernel_cmdline, "write_all", late)
    assert asked(tree, "hugepages", FOUR)["changed"]
    monkeypatch.undo()
    os.waitpid(children[0], 0)
    assert set(FOUR + IOMMU) <= set(host.words())
    for owner in ("hugepages", "dpdk_host"):
        asked(tree, owner, [])
    assert tree.listing() == original


def test_run_that_does_not_end(tree, monkeypatch):
    el9(tree)
    tree.mkdir("/run")
    monkeypatch.setattr(_kernel_cmdline, "LOCK_TIMEOUT", 1)
    lock = "/run/" + _kernel_cmdline.LOCK
    with _kernel_cmdline.locked(Sysroot(tree.root)):
        assert os.stat(tree.path(lock)).st_mode & 0o777 == 0o600
        result = cmdline(tree, FOUR)
        assert result["failed"]
        assert "wait for it to end (fuser %s names its process)" % lock in result["msg"]
        # What only reads does not wait.
        assert cmdline(tree, FOUR, check=True)["changed"]
    assert not os.path.exists(tree.path(lock))
    # Of a run that was killed.
    tree.write(lock, "")
    assert change(tree, FOUR)["changed"]
    assert not os.path.exists(tree.path(lock))


# What may be asked for

BAD = [
    (["hugepages 4"], "is not a kernel argument"),
    (["=4"], "is not a kernel argument"),
    ([""], "is not a kernel argument"),
    (["quiet\nroot=/dev/sda"], "is not printable ASCII"),
    ([u"foo=\xe4"], "is not printable ASCII"),
    (["a=$(reboot)"], "does not survive"),
    (["a=`reboot`"], "does not survive"),
    (["foo=a;reboot"], "has ; outside quotes, which GRUB takes for syntax"),
    (["foo=a&b"], "has & outside quotes"),
    (["foo=a|b"], "has | outside quotes"),
    (["foo=<a>"], "has < > outside quotes"),
    (["foo={a}"], "has { } outside quotes"),
    (['foo="a";reboot'], "has ; outside quotes"),
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
    # Bytes to the kernel, KiB to this module.
    (["hugepagesz=2048", "hugepages=2"], "is another size to the kernel; write it as hugepagesz=2M"),
    (["isolcpus=2-9"], "names cores 8-9, which this host does not have; it has 0-7"),
    (["isolcpus=domain,managed_irq,6"], "names cores 6, which are offline"),
    (["isolcpus=0-5,7"], "leaves no core for the system itself; leave out at least core 0"),
    (["isolcpus=all"], "leaves no core for the system itself"),
    (["nohz_full=0-N"], "leaves no core for the system itself"),
    (["isolcpus=nohz,domain,all"], "leaves no core for the system itself"),
    (["nohz_full=0-5,7"], "leaves no core for the system itself; leave out at least core 0"),
    (["rcu_nocbs=5-2"], "runs backwards"),
    (["isolcpus=two"], "is not a CPU list of the kernel"),
    (["isolcpus=1-7:3/2"], "cannot be taken"),
    (["isolcpus=2-5", "irqaffinity=0-1,5"], "cores 5 are in isolcpus= and in irqaffinity="),
    (["irqaffinity=9"], "names cores 9, which this host does not have"),
]


def cores(tree):
    tree.write("/sys/devices/system/cpu/possible", "0-7\n")
    tree.write("/sys/devices/system/cpu/present", "0-7\n")
    tree.write("/sys/devices/system/cpu/online", "0-5,7\n")


@pytest.mark.parametrize("arguments, message", BAD)
def test_bad_arguments_touch_nothing(tree, arguments, message):
    debian(tree)
    cores(tree)
    refused(tree, arguments, message)


@pytest.mark.parametrize("value", ["1-N", "1-5:2/4", "domain,managed_irq,2-N", "2,4-5"])
def test_lists_that_the_kernel_knows(tree, value):
    debian(tree)
    cores(tree)
    assert change(tree, ["isolcpus=" + value])["changed"]


def test_all_cores_may_offload_callbacks(tree):
    debian(tree)
    cores(tree)
    assert change(tree, ["rcu_nocbs=all"])["changed"]


@pytest.mark.parametrize("make", [debian, el7, el9], ids=["Debian", "EL 7", "EL 9"])
def test_line_that_is_longer_than_the_kernel_reads(tree, make):
    make(tree)
    refused(tree, ["foo=" + "x" * 2030], "of which the kernel reads 2047")


def test_bad_owner(tree):
    debian(tree)
    refused(tree, FOUR, "is not a name", owner="../x")


# One line

LINES = [
    ("ro quiet", "ro quiet iommu=pt"),
    ("", "iommu=pt"),
    ("ro  quiet ", "ro  quiet iommu=pt "),
    ("iommu=off ro", "ro iommu=pt"),
    ('ro\tiommu=off  x="a b"', 'ro  x="a b" iommu=pt'),
    ("ro -- iommu=soft", "ro iommu=pt -- iommu=soft"),
    ("ro iommu=pt quiet", "ro iommu=pt quiet"),
    ("iommu=off", "iommu=pt"),
]


@pytest.mark.parametrize("base, written", LINES)
def test_line(base, written):
    assert with_arguments(base, [("a", ["iommu=pt"])], 0) == written
    assert without_arguments(written, base, written) == base
    # Others have appended a word since.
    assert without_arguments(written + " audit=1", base, written).split() == (base + " audit=1").split()


def test_a_boot_of_another_entry_is_found(tree):
    debian(tree)
    assert not cmdline(tree, FOUR)["failed"]
    before = tree.listing()
    found = cmdline(tree, FOUR, booted=True)
    assert found["failed"]
    assert "did not boot the default entry" in found["msg"] and "hugepages=4" in found["msg"]
    assert tree.listing() == before
    tree.write("/proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro quiet %s\n" % " ".join(FOUR))
    found = cmdline(tree, FOUR, booted=True)
    assert (found["failed"], found["changed"]) == (False, False)
