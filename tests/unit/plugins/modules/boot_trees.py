# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Made-up hosts of each family, with what their installers leave behind and generators that are as unkind as the real ones.

debian()       GRUB 2.06 of Debian: util/grub-mkconfig.in (reads /etc/default/grub.d/*.cfg), util/grub.d/10_linux.in: a simple entry, a submenu,
               recovery entries
ubuntu_cloud() the same with 50-cloudimg-settings.cfg, which sets GRUB_CMDLINE_LINUX_DEFAULT and forgets what was set before
el7()          rhboot/grub2 rhel-7.9: no drop-ins; rhboot/grubby: kernel packages and admins edit grub.cfg and never the defaults file
el8()          rhboot/grub2 rhel-8-main: blscfg only with GRUB_ENABLE_BLSCFG=true; the generator sets kernelopts of grubenv from the defaults file
el9()          rhboot/grub2 rhel-9-main and rhel-10-main: blscfg also without that line, and then the generator rewrites all entries and /etc/kernel/cmdline
systemd_boot() systemd: LoaderInfo in efivars, entries of kernel-install's 90-loaderentry.install

None of the generators may be run without a need: each notes that it ran.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import os
import re
import subprocess

from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import Tree

ROOT = "root=UUID=1f0c ro"
LOADER_INFO = "/sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
CLOUD_IMAGE = '# Cloud Image specific Grub settings for Generic Cloud Images\nGRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX_DEFAULT="console=tty1 console=ttyS0"\n'

HEAD = """#!/bin/sh
set -e
test "$1" = -o
echo run >> "$SYSROOT/runs"
exec > "$2"
if test -f "$SYSROOT/etc/default/grub"; then . "$SYSROOT/etc/default/grub"; fi
"""
HEADER = """cat <<END
### BEGIN /etc/grub.d/00_header ###
if [ -s \\$prefix/grubenv ]; then
  load_env
fi
if [ "\\${next_entry}" ] ; then
   set default="\\${next_entry}"
else
   set default="$default"
fi
### END /etc/grub.d/00_header ###

### BEGIN /etc/grub.d/10_linux ###
END
"""
TAIL = """cat <<END
### END /etc/grub.d/10_linux ###

### BEGIN /etc/grub.d/40_custom ###
END
if test -f "$SYSROOT/etc/grub.d/40_custom"; then tail -n +3 "$SYSROOT/etc/grub.d/40_custom"; fi
echo '### END /etc/grub.d/40_custom ###'
"""
DEFAULT = """default=${GRUB_DEFAULT-0}
if test "$default" = saved; then default='${saved_entry}'; fi
"""
KERNELS = """kernels=$(ls "$SYSROOT/boot" | grep '^vmlinuz-' | sort -Vr)
"""
DEBIAN = (
    HEAD
    + 'for x in "$SYSROOT"/etc/default/grub.d/*.cfg ; do\n  if [ -e "${x}" ]; then\n    . "${x}"\n  fi\ndone\n'
    + DEFAULT
    + HEADER
    + KERNELS
    + """entry() {
cat <<END
$4menuentry '$1' --class gnu-linux \\$menuentry_id_option '$2' {
$4\tload_video
$4\techo\t'Loading Linux ...'
$4\tlinux\t/boot/$kernel $(printf '%s' "root=UUID=1f0c ro $3")
$4\tinitrd\t/boot/initrd.img-${kernel#vmlinuz-}
$4}
END
}
first=1
for kernel in $kernels; do
  version=${kernel#vmlinuz-}
  if test $first = 1; then
    entry 'Debian GNU/Linux' gnulinux-simple-1f0c "$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT" ''
    echo "submenu 'Advanced options for Debian GNU/Linux' \\$menuentry_id_option 'gnulinux-advanced-1f0c' {"
    first=0
  fi
  entry "Debian GNU/Linux, with Linux $version" gnulinux-$version-advanced-1f0c "$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT" '\t'
  entry "Debian GNU/Linux, with Linux $version (recovery mode)" gnulinux-$version-recovery-1f0c "single $GRUB_CMDLINE_LINUX" '\t'
done
test $first = 1 || echo '}'
"""
    + TAIL
)
EL7 = (
    HEAD
    + DEFAULT
    + HEADER
    + KERNELS
    + """bits=16
if test -d "$SYSROOT/sys/firmware/efi"; then bits=efi; fi
for kernel in $kernels; do
cat <<END
menuentry 'CentOS Linux (${kernel#vmlinuz-}) 7 (Core)' --class centos --unrestricted \\$menuentry_id_option 'gnulinux-${kernel#vmlinuz-}-advanced-1f0c' {
\tload_video
\tset gfxpayload=keep
\tlinux$bits /$kernel root=UUID=1f0c ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT
\tinitrd$bits /initramfs-${kernel#vmlinuz-}.img
}
END
done
"""
    + TAIL
)
# What follows the test of GRUB_ENABLE_BLSCFG: static entries, whose arguments are those of the defaults file alone.
STATIC = """for kernel in $kernels; do
cat <<END
menuentry 'CentOS Linux (${kernel#vmlinuz-}) 8' \\$menuentry_id_option 'gnulinux-${kernel#vmlinuz-}-advanced-1f0c' {
\tlinux\t/$kernel root=UUID=1f0c ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT
}
END
done
"""
# The end of grub2-mkconfig runs grub2-script-check; kernelopts is not escaped in the menu, so that a quote ends the value.
CHECKED = r"""if ! grep '^ *set kernelopts=' "$2" | awk -F'"' '
NF % 2 == 0 { exit 1 }
{ for (i = 1; i <= NF; i++) if (index($i, "$") || (i % 2 && $i ~ /[{}|&;<>]/)) exit 1 }
'; then
  echo "error: syntax error. Syntax errors are detected in generated GRUB config file." >&2
  exit 1
fi
"""
BLSCFG = """cat <<END
if [ -z "\\${kernelopts}" ]; then
  set kernelopts="root=UUID=1f0c ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT"
fi

insmod blscfg
blscfg
END
"""
EL8 = (
    HEAD
    + DEFAULT
    + HEADER
    + KERNELS
    + 'if test "x${GRUB_ENABLE_BLSCFG}" = "xtrue"; then\n'
    + BLSCFG
    # grub2-editenv - set kernelopts=...
    + """sed -i "s|^kernelopts=.*|kernelopts=root=UUID=1f0c ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT|" "$SYSROOT/boot/grub2/grubenv"
else
"""
    + STATIC
    + "fi\n"
    + TAIL
    + CHECKED
)
EL9 = (
    HEAD
    + DEFAULT
    + HEADER
    + KERNELS
    + """update=yes
if test "x${GRUB_ENABLE_BLSCFG}" = "xtrue"; then update=no; fi
if test -z "${GRUB_ENABLE_BLSCFG}"; then GRUB_ENABLE_BLSCFG=true; fi
if test "x${GRUB_ENABLE_BLSCFG}" = "xtrue"; then
"""
    + BLSCFG
    + """if test $update = yes; then
  for entry in "$SYSROOT"/boot/loader/entries/*.conf; do
    sed -i "s|^options.*|options root=UUID=1f0c ro $GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT|" "$entry"
  done
fi
else
"""
    + STATIC
    + "fi\n"
    + TAIL
    + CHECKED
)


# What it gives the next kernel's entry for options, where there is /etc/kernel/cmdline or nothing else.
KERNEL_INSTALL = "/usr/lib/kernel/install.d/20-grub.install"
INSTALLED_8 = "#!/bin/bash\noptions \\$kernelopts\n"
INSTALLED_9 = """#!/bin/bash
if [[ -f /etc/kernel/cmdline ]]; then
    read -r -d '' -a BOOT_OPTIONS < /etc/kernel/cmdline
elif [[ -f /usr/lib/kernel/cmdline ]]; then
    read -r -d '' -a BOOT_OPTIONS < /usr/lib/kernel/cmdline
else
    read -r -d '' -a line < /proc/cmdline
fi
"""


class Host(object):
    """One made-up host. words() is what its boot loader would hand to the kernel, read without the module's help."""

    def __init__(self, tree, menu, generator=None, bls=False):
        self.tree = tree
        self.menu = menu
        self.generator = generator
        self.bls = bls

    def generate(self):
        subprocess.check_call(
            [self.tree.path(self.generator), "-o", self.tree.path(self.menu)],
            env=dict(os.environ, SYSROOT=self.tree.root),
        )

    def runs(self):
        return self.tree.read("/runs").count("run") if os.path.exists(self.tree.path("/runs")) else 0

    def forget_runs(self):
        if os.path.exists(self.tree.path("/runs")):
            os.unlink(self.tree.path("/runs"))

    def environment(self):
        text = self.tree.read("/boot/grub2/grubenv") if os.path.exists(self.tree.path("/boot/grub2/grubenv")) else ""
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))

    def entry(self, version):
        return "/boot/loader/entries/abc-%s.conf" % version

    def words(self, version=None):
        if not self.bls:
            return re.search(r"\slinux(?:16|efi)?\s+\S+ +(.*)", self.tree.read(self.menu)).group(1).split()
        newest = version or self.newest
        words = []
        for word in re.search(r"^options\s+(.*)$", self.tree.read(self.entry(newest)), re.M).group(1).split():
            words += self.environment().get(word[1:], "").split() if word.startswith("$") else [word]
        return words

    def boot(self):
        self.tree.write("/proc/cmdline", "BOOT_IMAGE=/vmlinuz-1 %s\n" % " ".join(self.words()))
        self.tree.write("/proc/stat", "cpu 0\nbtime 4102444800\n")


def kernel(tree, linux, flavour=""):
    tree.write("/proc/cmdline", "BOOT_IMAGE=/vmlinuz-1 %s %s\n" % (ROOT, linux))
    tree.write("/proc/stat", "cpu 0\nbtime 1\n")
    tree.write("/proc/meminfo", "MemTotal: 16777216 kB\nHugepagesize: 2048 kB\n")


def debian(tree, linux="", default="quiet", defaults=None, dropins=()):
    for version in ("5.10.0-30-amd64", "6.1.0-9-amd64", "6.1.0-30-amd64"):
        tree.write("/boot/vmlinuz-%s" % version, "")
    tree.write(
        "/etc/default/grub",
        defaults
        or (
            "GRUB_DEFAULT=0\nGRUB_TIMEOUT=5\nGRUB_DISTRIBUTOR=`lsb_release -i -s 2> /dev/null || echo Debian`\n"
            'GRUB_CMDLINE_LINUX_DEFAULT="%s"\nGRUB_CMDLINE_LINUX="%s"\n' % (default, linux)
        ),
    )
    tree.write("/usr/sbin/grub-mkconfig", DEBIAN, 0o755)
    tree.mkdir("/etc/default/grub.d")
    for name, text in dropins:
        tree.write("/etc/default/grub.d/" + name, text)
    host = Host(tree, "/boot/grub/grub.cfg", "/usr/sbin/grub-mkconfig")
    tree.mkdir("/boot/grub")
    host.generate()
    host.forget_runs()
    kernel(tree, " ".join(host.words()[2:]))
    return host


def ubuntu_cloud(tree, **settings):
    return debian(tree, dropins=[("50-cloudimg-settings.cfg", CLOUD_IMAGE)], **settings)


def el7(
    tree, linux="crashkernel=auto rhgb quiet", default="", defaults=None, firmware="bios", by_grubby="LANG=en_US.UTF-8"
):
    for version in ("3.10.0-957.el7.x86_64", "3.10.0-1160.el7.x86_64", "0-rescue-abc"):
        tree.write("/boot/vmlinuz-%s" % version, "")
    line = 'GRUB_CMDLINE_LINUX_DEFAULT="%s"\n' % default if default else ""
    tree.write(
        "/etc/default/grub",
        defaults
        or 'GRUB_TIMEOUT=5\nGRUB_DEFAULT=saved\n%sGRUB_CMDLINE_LINUX="%s"\nGRUB_DISABLE_RECOVERY="true"\n'
        % (line, linux),
    )
    tree.write("/usr/sbin/grub2-mkconfig", EL7, 0o755)
    menu = "/boot/grub2/grub.cfg"
    if firmware == "uefi":
        menu = "/boot/efi/EFI/centos/grub.cfg"
        tree.write("/sys/firmware/efi/fw_platform_size", "64\n")
        tree.link("/etc/grub2-efi.cfg", "../boot/efi/EFI/centos/grub.cfg")
    else:
        tree.link("/etc/grub2.cfg", "../boot/grub2/grub.cfg")
    env = "# GRUB Environment Block\nsaved_entry=CentOS Linux (3.10.0-1160.el7.x86_64) 7 (Core)\n"
    tree.write("/boot/grub2/grubenv", env + "#" * (1024 - len(env)))
    host = Host(tree, menu, "/usr/sbin/grub2-mkconfig")
    tree.mkdir(os.path.dirname(menu))
    host.generate()
    host.forget_runs()
    if by_grubby:
        # new-kernel-pkg names the language, an admin added a console: grubby --update-kernel=ALL --args=...
        tree.write(
            menu, re.sub(r"(\tlinux(?:16|efi) .*)", lambda match: match.group(1).rstrip() + " " + by_grubby, tree.read(menu))
        )
    kernel(tree, " ".join(host.words()[2:]))
    return host


def entry(version, options, title="CentOS Linux"):
    lines = [
        "title %s (%s)" % (title, version),
        "version %s" % version,
        "linux /vmlinuz-%s" % version,
        "initrd /initramfs-%s.img $tuned_initrd" % version,
    ]
    return (
        "\n".join(
            lines + ["options " + options, "grub_users $grub_users", "grub_arg --unrestricted", "grub_class centos"]
        )
        + "\n"
    )


def el8(
    tree,
    linux="crashkernel=auto",
    default="",
    defaults=None,
    options=None,
    kernelopts=True,
    firmware="bios",
    others=None,
):
    """others: options of the older kernel, where they differ."""
    everything = " ".join(part for part in (ROOT, linux, default) if part)
    versions = ["4.18.0-80.el8.x86_64", "4.18.0-193.el8.x86_64"]
    line = 'GRUB_CMDLINE_LINUX_DEFAULT="%s"\n' % default if default else ""
    tree.write(
        "/etc/default/grub",
        (defaults or 'GRUB_TIMEOUT=5\nGRUB_DEFAULT=saved\nGRUB_CMDLINE_LINUX="%s"\n%s' % (linux, line)).rstrip("\n")
        + "\nGRUB_ENABLE_BLSCFG=true\n",
    )
    host = Host(tree, "/boot/grub2/grub.cfg", "/usr/sbin/grub2-mkconfig", bls=True)
    host.newest = versions[-1]
    for version in versions:
        tree.write("/boot/vmlinuz-" + version, "")
        tree.write(
            host.entry(version),
            entry(version, options or ("$kernelopts $tuned_params" if kernelopts else everything + " $tuned_params")),
        )
    if others:
        tree.write(host.entry(versions[0]), entry(versions[0], others))
    # 51-dracut-rescue.install makes it of the kernel's own.
    tree.write(host.entry("0-rescue"), entry("0-rescue-abc", "$kernelopts $tuned_params" if kernelopts else everything))
    env = "# GRUB Environment Block\nsaved_entry=abc-%s\n%sboot_success=0\n" % (
        versions[-1],
        "kernelopts=%s \n" % everything if kernelopts else "",
    )
    path = "/boot/grub2/grubenv"
    if firmware == "uefi":
        tree.write("/sys/firmware/efi/fw_platform_size", "64\n")
        tree.write("/boot/efi/EFI/centos/grubenv", "")
        tree.link(path, "../efi/EFI/centos/grubenv")
        tree.link("/etc/grub2-efi.cfg", "../boot/efi/EFI/centos/grub.cfg")
        host.menu = "/boot/efi/EFI/centos/grub.cfg"
    tree.write(path, env + "#" * (1024 - len(env)))
    tree.write("/usr/sbin/grub2-mkconfig", EL8, 0o755)
    tree.write(KERNEL_INSTALL, INSTALLED_8, 0o755)
    host.generate()
    host.forget_runs()
    tree.write(path, env + "#" * (1024 - len(env)))
    kernel(tree, " ".join(host.words()[2:]))
    return host


def el9(
    tree,
    linux="",
    default="",
    defaults=None,
    has_defaults=True,
    blscfg_line=True,
    others=None,
    cmdline=None,
    title="CentOS Stream",
    release="5.14.0-%d.el9.x86_64",
):
    """As anaconda or a cloud image leaves it: the arguments stand in the entries and in /etc/kernel/cmdline.

    others: options of the older kernel, where they differ; cmdline: /etc/kernel/cmdline, where it differs.
    """
    everything = " ".join(part for part in (ROOT, "console=ttyS0 crashkernel=1G-4G:192M", linux, default) if part)
    versions = [release % 427, release % 503]
    host = Host(tree, "/boot/grub2/grub.cfg", "/usr/sbin/grub2-mkconfig", bls=True)
    host.newest = versions[-1]
    for version in versions:
        tree.write("/boot/vmlinuz-" + version, "")
        tree.write(host.entry(version), entry(version, everything, title))
    if others:
        tree.write(host.entry(versions[0]), entry(versions[0], others, title))
    tree.write(host.entry("0-rescue"), entry("0-rescue-abc", everything, title))
    tree.write("/etc/kernel/cmdline", (cmdline or everything) + "\n")
    tree.write("/sys/firmware/efi/fw_platform_size", "64\n")
    tree.write(
        "/boot/efi/EFI/centos/grub.cfg",
        "search --no-floppy --fs-uuid --set=dev 1f0c\nset prefix=($dev)/grub2\nexport $prefix\nconfigfile $prefix/grub.cfg\n",
    )
    tree.link("/etc/grub2.cfg", "../boot/grub2/grub.cfg")
    tree.link("/etc/grub2-efi.cfg", "../boot/grub2/grub.cfg")
    env = (
        "# GRUB Environment Block\n# WARNING: Do not edit this file by tools other than grub2-editenv!!!\nsaved_entry=abc-%s\nmenu_auto_hide=1\n"
        % versions[-1]
    )
    tree.write("/boot/grub2/grubenv", env + "#" * (1024 - len(env)))
    tree.write("/usr/sbin/grub2-mkconfig", EL9, 0o755)
    tree.write(KERNEL_INSTALL, INSTALLED_9, 0o755)
    # The installer has the generator run with all in place.
    tree.write("/etc/default/grub", "GRUB_DEFAULT=saved\nGRUB_ENABLE_BLSCFG=true\n")
    host.generate()
    host.forget_runs()
    text = (
        defaults
        or 'GRUB_TIMEOUT=5\nGRUB_DEFAULT=saved\nGRUB_CMDLINE_LINUX="console=ttyS0 crashkernel=1G-4G:192M %s"\n%s'
        % (linux, 'GRUB_CMDLINE_LINUX_DEFAULT="%s"\n' % default if default else "")
    )
    tree.write("/etc/default/grub", text.rstrip("\n") + ("\nGRUB_ENABLE_BLSCFG=true\n" if blscfg_line else "\n"))
    os.utime(tree.path("/etc/default/grub"), (1000, 1000))
    os.utime(tree.path("/etc/kernel/cmdline"), (2000, 2000))
    if not has_defaults:
        os.unlink(tree.path("/etc/default/grub"))
    kernel(tree, " ".join(host.words()[2:]))
    return host


def el10(tree, **settings):
    return el9(tree, release="6.12.0-%d.el10.x86_64", **settings)


class SystemdBoot(Host):
    """options of the newest entry, as boot.c of systemd hands them on."""

    def __init__(self, tree, place):
        super(SystemdBoot, self).__init__(tree, place + "/loader/loader.conf")
        self.place = place

    def words(self, version="6.1.0-30"):
        text = self.tree.read("%s/loader/entries/abc-%s.conf" % (self.place, version))
        return re.search(r"^options\s+(.*)$", text, re.M).group(1).split()

    def boot(self):
        super(SystemdBoot, self).boot()
        self.tree.write("/proc/cmdline", "initrd=\\abc\\initrd %s\n" % " ".join(self.words()))


def systemd_boot(tree, linux="", default="quiet", place="/efi", loader="timeout 4\n"):
    """Entries of kernel-install's 90-loaderentry.install, and one of another system. GRUB's packages are there too, and unused."""
    debian(tree)
    words = " ".join([ROOT] + [part for part in (linux, default) if part])
    for version in ("6.1.0-9", "6.1.0-30"):
        tree.write(
            "%s/loader/entries/abc-%s.conf" % (place, version),
            "title      Debian\nversion    %s\nsort-key   debian\noptions    %s\nlinux      /abc/%s/linux\ninitrd     /abc/%s/initrd\n"
            % (version, words, version, version),
        )
    tree.write(place + "/loader/entries/shell.conf", "title Shell\nefi /shellx64.efi\n")
    tree.write(place + "/loader/loader.conf", loader)
    tree.write("/etc/kernel/cmdline", words + "\n")
    tree.write_bytes(LOADER_INFO, b"\x06\x00\x00\x00" + "systemd-boot 254.5-1\0".encode("utf-16-le"))
    kernel(tree, " ".join(words.split()[2:]))
    return SystemdBoot(tree, place)


# Of the older kernel, as grubby --update-kernel=... leaves it: words that neither the default entry nor the defaults file has.
OTHERS = ROOT + "  hugepagesz=1G hugepages=16   fips=1\tiommu=off isolcpus=7 "
# Of the next kernel, which the entries know nothing of.
CMDLINE = ROOT + " audit=1 hugepagesz=1G hugepages=8 iommu=soft"
FAMILIES = {
    "Debian": debian,
    "Ubuntu cloud image": ubuntu_cloud,
    "EL 7, BIOS": el7,
    "EL 7, UEFI": lambda tree, **settings: el7(tree, firmware="uefi", **settings),
    "EL 8 with kernelopts": el8,
    "EL 8 with kernelopts, UEFI": lambda tree, **settings: el8(tree, firmware="uefi", **settings),
    "EL 8 with entries written out": lambda tree, **settings: el8(tree, kernelopts=False, others=OTHERS, **settings),
    "EL 9": el9,
    "EL 9 without a line for blscfg": lambda tree, **settings: el9(tree, blscfg_line=False, **settings),
    "EL 9 without /etc/default/grub": lambda tree, **settings: el9(tree, has_defaults=False, **settings),
    "EL 10": lambda tree, **settings: el10(tree, others=OTHERS, cmdline=CMDLINE, **settings),
    "systemd-boot": systemd_boot,
    "systemd-boot, /boot": lambda tree, **settings: systemd_boot(tree, place="/boot", **settings),
}


def new_tree(directory):
    return Tree(directory)
