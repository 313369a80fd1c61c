# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""How kernel arguments get from files of the host to its next boot.

Dropins  generators that read /etc/default/grub.d (Debian family): one file for each owner, and a generated menu
Lines    all others (EL): the lines that the boot loader reads are edited where they stand, as grubby does: options of boot entries (EL 8 and later), or the
         linux lines of the menu (EL 7), kernelopts of grubenv, /etc/kernel/cmdline. A block in /etc/default/grub is for the next grub2-mkconfig.
         So are the entries of systemd-boot, and /etc/kernel/cmdline.
         What was there before is kept in RECORD, line by line, and comes back byte by byte.

A run may be killed between any two of its writes. So RECORD is written first, with what each line was and what it becomes, and again as the last one;
a drop-in that was given up or changed keeps the old arguments in a comment until the menu is in place.

Texts of files are decoded as Latin-1, so that bytes of any encoding survive.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import fnmatch
import io
import json
import os
import re
import shutil
import tempfile

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import (
    HostError,
    make_parents,
    running_arguments,
    split_arguments,
)
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._kernel_arguments import (
    BARE_COUNT,
    DEFAULT_SIZE,
    PROTECTED,
    SYNTAX,
    for_kernel,
    keyed,
    name_of,
    only,
    owned_keys,
    page_kb,
    says,
    with_arguments,
    without_arguments,
)

DEFAULTS = "/etc/default/grub"
DROPINS = "/etc/default/grub.d"
DROPIN = DROPINS + "/zz-kube-ovn-dpdk-%s.cfg"
ENTRIES = "/boot/loader/entries"
# Where the EFI partition, or the one for kernels, is mounted (bootctl(1)). systemd-boot reads the entries of both.
EFI_PLACES = ("/efi", "/boot", "/boot/efi")
EFI_VARIABLE = "/sys/firmware/efi/efivars/%s-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
KERNEL_CMDLINE = "/etc/kernel/cmdline"
# kernel-install looks for its scripts in the first, too.
KERNEL_INSTALL = ("/etc/kernel/install.d/20-grub.install", "/usr/lib/kernel/install.d/20-grub.install")
GRUBENV = ("/boot/grub2/grubenv", "/boot/grub/grubenv")
GRUBENV_HEADER = "# GRUB Environment Block\n"
RECORD = "/etc/kube-ovn-dpdk/kernel-arguments.json"
# StubInfo is set by the stub of a unified kernel image; LoaderInfo by systemd-boot, and by GRUB 2.12 and later for itself (grub-core/commands/bli.c):
# 4 bytes of attributes, then UTF-16.
LOADER_INFO = EFI_VARIABLE % "LoaderInfo"
GENERATORS = (
    "/usr/sbin/grub2-mkconfig",
    "/usr/sbin/grub-mkconfig",
    "/sbin/grub2-mkconfig",
    "/usr/bin/grub2-mkconfig",
    "/usr/bin/grub-mkconfig",
)
EVALUATE = (
    'set -e; for file in "$@"; do . "$file"; done; '
    'printf "\\001%s\\001%s\\001%s" "${GRUB_CMDLINE_LINUX:-}" "${GRUB_CMDLINE_LINUX_DEFAULT:-}" "${GRUB_ENABLE_BLSCFG:-}"'
)
BEGIN = "# BEGIN kube_ovn.dpdk (managed by Ansible)"
END = "# END kube_ovn.dpdk"
LINUX = re.compile(r"^(\s*linux(?:16|efi)?\s+\S+)(.*)$")
LINUX_KEY = re.compile(r"^[ \t]*linux[ \t]+\S", re.M)
OPTIONS = re.compile(r"^([ \t]*options[ \t]+)(.*)$", re.M)
# Takes the words of given names and page sizes out of a command line. Follows keyed(), so it knows which size a count belongs to.
AWK = """\
function kb(text, number, unit) {
  number = text + 0
  unit = toupper(substr(text, length(text)))
  if (unit == "T") return number * 1073741824
  if (unit == "G") return number * 1048576
  if (unit == "M") return number * 1024
  if (unit == "K") return number
  return number / 1024
}
function owned(word, name) {
  gsub(/"/, "", word)
  name = word
  sub(/=.*/, "", name)
  gsub(/-/, "_", name)
  if (name == "hugepagesz" || name == "default_hugepagesz") size = kb(substr(word, index(word, "=") + 1))
  if (name == "hugepagesz") return size in sizes
  if (name == "hugepages") return size == "" ? bare : size in sizes
  return name in names
}
BEGIN {
  count = split(name_list, list, ",")
  for (i = 1; i <= count; i++) names[list[i]]
  count = split(size_list, list, ",")
  for (i = 1; i <= count; i++) sizes[list[i] + 0]
}
{
  length_of_line = length($0)
  for (i = 1; i <= length_of_line + 1; i++) {
    char = substr($0, i, 1)
    if (i <= length_of_line && (quoted || (char != " " && char != "\\t"))) {
      if (char == "\\"") quoted = !quoted
      word = word char
    } else if (word != "") {
      if (word == "--") init = 1
      if (init || !owned(word)) line = line (line == "" ? "" : " ") word
      word = ""
    }
  }
}
END {
  if (added != "" && !sub(/(^| )-- /, " " added "&", line)) line = line (line == "" ? "" : " ") added
  sub(/^ +/, "", line)
  print line
}
"""


def shown(text):
    """Text of a file for a message; whatever its bytes mean, they are no reason to fail."""
    return text.encode("latin-1").decode("utf-8", "replace")


def render_block(arguments, default_kb, comments=(), for_grubby=True):
    """Shell lines that give these arguments the last word over what was set before them.

    They are indented, since grubby rewrites every line that begins with GRUB_CMDLINE_LINUX. It does so with what it gets by reading the file, in a shell
    too (update_bls_fragment() of grubby-bls), so without for_grubby it gets what was there before.
    """
    keys = owned_keys(arguments, default_kb)
    sizes = sorted(page_kb(key.partition("=")[2]) for key in keys if key.startswith("hugepagesz="))
    names = sorted(key for key in keys if not key.startswith("hugepagesz=") and key != BARE_COUNT)
    lines = [BEGIN] + list(comments)
    lines.append(
        "# Takes the words of these names and page sizes out of what was set before, since the kernel takes a page size only once."
    )
    lines.append("kube_ovn_dpdk_awk='%s'" % AWK.rstrip("\n"))
    for variable, added in (
        ("GRUB_CMDLINE_LINUX", ""),
        ("GRUB_CMDLINE_LINUX_DEFAULT", " ".join(arguments).replace('"', '\\"')),
    ):
        lines.append(
            "  %s=\"$(printf '%%s\\n' \"${%s:-}\" | awk -v name_list='%s' -v size_list='%s' -v bare=%d -v added='%s' \"$kube_ovn_dpdk_awk\")\""
            % (variable, variable, ",".join(names), ",".join("%d" % size for size in sizes), BARE_COUNT in keys, added)
        )
    lines.append("unset kube_ovn_dpdk_awk")
    if not for_grubby:
        first = 1 + len(comments)
        lines[first:] = ["# grubby writes what it reads here into the lines above.", 'case "${0##*/}" in grubby*) ;; *)'] + lines[first:] + [";; esac"]
    lines.append(END)
    return "\n".join(lines) + "\n"


BLOCK = re.compile(r"^%s\n.*?^%s\n" % (re.escape(BEGIN), re.escape(END)), re.M | re.S)


def comment_value(text, key, optional=False):
    """The JSON value of a comment in a block of ours, None where there is no such block, or no such comment in it that is optional."""
    match = BLOCK.search(text or "")
    if not match:
        return None
    line = re.search(r"^# %s: (.*)$" % key, match.group(0), re.M)
    if optional and not line:
        return None
    try:
        return json.loads(line.group(1))
    except (AttributeError, ValueError):
        raise HostError(
            "the lines between '%s' and '%s' were changed by hand; remove them and run again" % (BEGIN, END)
        )


# The menu of GRUB


def menu_items(text):
    """The entries of a menu, those of submenus inside: names, number of the linux line, its words, items."""
    stack = [{"names": (), "words": None, "items": [], "line": None, "section": None}]
    section = None
    for number, line in enumerate((text or "").split("\n")):
        mark = re.match(r"^### (BEGIN|END) (\S+) ###", line)
        if mark:
            section = mark.group(2) if mark.group(1) == "BEGIN" else None
        fields = line.split()
        if fields[-1:] == ["{"]:
            item = {"words": None, "items": [], "line": None, "section": section}
            item["names"] = [single or double for single, double in re.findall(r"'([^']*)'|\"([^\"]*)\"", line)]
            item["names"] += re.findall(r"--id[= ]([^\s'\"]+)", line)
            if fields[0] in ("menuentry", "submenu"):
                stack[-1]["items"].append(item)
            stack.append(item)
        elif fields == ["}"] and len(stack) > 1:
            stack.pop()
        elif fields and stack[-1]["words"] is None and LINUX.match(line):
            stack[-1]["words"] = split_arguments(line)[2:]
            stack[-1]["line"] = number
            stack[-1]["image"] = fields[1]
    return stack[0]["items"]


def leaves(items):
    found = []
    for item in items:
        if item["words"] is not None:
            found.append(item)
        found += leaves(item["items"])
    return found


def is_rescue(item):
    return "rescue" in item.get("image", "") or any("rescue" in name for name in item["names"][:1])


def title_of(item):
    return shown((item["names"] or ["without a title"])[0])


# GRUB's environment block (grub-core/lib/envblk.c)


def parse_environment(text):
    """Variables of an environment block; None where GRUB itself refuses it."""
    if not text.startswith(GRUBENV_HEADER):
        return None
    values = {}
    for line in re.findall(r"(?:[^\\\n]|\\[\s\S])+", text[len(GRUBENV_HEADER) :]):
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            values[name] = re.sub(r"\\([\s\S])", r"\1", value)
    return values


def with_variable(text, name, value, path):
    """The block with another value of a variable that it has; its size and its other lines stay."""
    body = text.rstrip("#")
    escaped = value.replace("\\", "\\\\").replace("\n", "\\\n")
    body = re.sub(
        r"(?m)^%s=(?:[^\\\n]|\\[\s\S])*$" % re.escape(name), lambda match: "%s=%s" % (name, escaped), body, count=1
    )
    if not body.endswith("\n"):
        raise HostError(
            "%s is damaged: its variables do not end in a line of their own; recreate it with grub2-editenv %s create"
            % (path, path)
        )
    if len(body) > len(text):
        raise HostError(
            "the kernel arguments do not fit into %s, which GRUB reads as %d bytes; shorten them" % (path, len(text))
        )
    return body + "#" * (len(text) - len(body))


class BootLoader(object):
    """The way that this host's next boot takes: kind is grub for a menu, bls for boot entries, None where there is none."""

    def __init__(self, module, sysroot, owner):
        self.module = module
        self.sysroot = sysroot
        self.owner = owner
        self.generator = next((path for path in GENERATORS if sysroot.exists(path)), None)
        self.reads_dropins = bool(self.generator and "default/grub.d" in (sysroot.read(self.generator) or ""))
        self.has_defaults = sysroot.exists(DEFAULTS)
        self.record = self.load_record()
        self.dropins = dict(
            (
                re.match(r".*/zz-kube-ovn-dpdk-(.*)\.cfg$", path).group(1),
                comment_value(sysroot.read_exact(path), "arguments") or [],
            )
            for path in sysroot.glob(DROPIN % "*")
        )
        self.kind = None
        self.systemd_boot = False
        self.default_kb = 0
        # By the texts that a shell has read.
        self.evaluated = {}

    # What is owned

    def load_record(self):
        text = self.sysroot.read_exact(RECORD)
        if text is None:
            owners = comment_value(self.sysroot.read_exact(DEFAULTS), "owners") if self.has_defaults else None
            return {"owners": owners or [], "lines": {}, "unterminated": False, "directory": False, "generated": False, "interrupted": None}
        try:
            record = json.loads(text)
            found = dict((key, record[key]) for key in ("owners", "lines", "unterminated", "directory", "generated"))
            found["interrupted"] = record.get("interrupted")
            if found["interrupted"]:
                # One without either cannot be read.
                found["interrupted"] = dict((key, found["interrupted"][key]) for key in ("lines", "replaced"))
            return found
        except (KeyError, TypeError, ValueError):
            raise HostError(
                "%s was changed by hand and cannot be read; restore it from a backup, or take the arguments out by hand and remove it"
                % RECORD
            )

    def owners(self):
        """(owner, arguments) pairs in the order in which they came."""
        return [tuple(pair) for pair in self.record["owners"] + sorted(self.dropins.items())]

    def owned(self):
        return next((words for name, words in self.owners() if name == self.owner), [])

    def other_owners(self):
        return dict((name, words) for name, words in self.owners() if name != self.owner)

    def replaced(self, owner=None):
        """Arguments that a run which was cut off was about to take out of the menu."""
        if self.uses_dropins:
            return comment_value(self.sysroot.read_exact(DROPIN % (owner or self.owner)), "replaced", optional=True) or []
        return (self.record["interrupted"] or {"replaced": []})["replaced"]

    def words_of_all(self):
        """What no admin has put into the menu, also after a run that was cut off."""
        return [word for owner, words in self.owners() for word in words + self.replaced(owner)]

    def written(self):
        """When the settings were written, in seconds since the epoch; 0 where there are none."""
        return max([self.sysroot.mtime(path) for path in (RECORD, DROPIN % self.owner)])

    # Which boot loader it is

    def detect(self):
        """Find the boot loader, or refuse the host with the reason why nothing can be promised for it."""
        sysroot = self.sysroot
        if sysroot.exists("/run/ostree-booted"):
            raise HostError(
                "this host boots from an image (ostree), which owns the kernel arguments; set them with rpm-ostree kargs or in the image"
            )
        stub = self.efi_variable("StubInfo")
        if stub:
            raise HostError(
                "this host was booted from a unified kernel image (%s), whose command line is inside; set it where the image is built, or in an addon of it, "
                "or boot a kernel of a boot entry" % stub
            )
        info = self.efi_variable("LoaderInfo")
        if info.startswith("systemd-boot"):
            self.detect_systemd_boot()
            return
        if info and not info.startswith("GRUB"):
            raise HostError(
                "this host was booted by %s, not by GRUB, so what is written for GRUB would not reach the kernel; set the arguments where %s finds them, "
                "or boot by GRUB or systemd-boot" % (info, info.split(" ")[0])
            )
        kernels = self.of_kernels(sysroot.glob(ENTRIES + "/*.conf"))
        self.entries = [path for path in kernels if "rescue" not in os.path.basename(path)]
        self.rescues = [path for path in kernels if path not in self.entries]
        self.menu_path = self.grub_cfg() if self.generator or self.entries else None
        menu = sysroot.read_exact(self.menu_path, "") if self.menu_path else ""
        imports = bool(re.search(r"^\s*(blscfg|bls_import)\b", menu, re.M))
        enabled = (self.evaluate()[1] if self.has_defaults else "").lower()
        has_entries = bool(self.default_entry(menu))
        if self.entries and (imports or (not has_entries and enabled != "false")):
            # A menu that is not there yet will import them.
            self.kind = "bls"
        elif self.entries and enabled == "true":
            raise HostError(
                "%s does not import the boot entries of %s (no blscfg), though GRUB_ENABLE_BLSCFG is true in %s; recreate the menu with %s -o %s, "
                "then run again"
                % (self.menu_path, ENTRIES, DEFAULTS, self.generator or "grub2-mkconfig", self.menu_path)
            )
        elif self.generator and (self.has_defaults or has_entries):
            self.kind = "grub"
        # The generator of EL 9 and later may rewrite all boot entries, so it is run only where there is no menu to edit.
        self.edits = self.kind == "bls" or (not self.reads_dropins and has_entries and not self.record["generated"])
        if self.kind:
            self.find_default_size()

    def of_kernels(self, paths):
        """Boot entries but those of images, other systems and programs, which have no linux key. GRUB skips them (create_entry() of EL's blscfg.c)."""
        return [path for path in paths if LINUX_KEY.search(self.sysroot.read_exact(path, ""))]

    def efi_variable(self, name):
        return (self.sysroot.read_bytes(EFI_VARIABLE % name) or b"")[4:].decode("utf-16-le", "replace").rstrip("\0")

    def detect_systemd_boot(self):
        """Boot entries of type 1, which hold their own options (boot.c and bootspec.c of systemd); GRUB's files, if there are any, are not read."""
        sysroot = self.sysroot
        images = [path for place in EFI_PLACES for path in sysroot.glob(place + "/EFI/Linux/*.efi")]
        if images:
            raise HostError(
                "systemd-boot boots unified kernel images (%s), whose command line is inside; set it where they are built, or install kernels with "
                "layout=bls in /etc/kernel/install.conf" % ", ".join(images)
            )
        everything = [path for place in EFI_PLACES for path in sysroot.glob(place + "/loader/entries/*.conf")]
        counted = [path for path in everything if re.search(r"\+[0-9]+(-[0-9]+)?\.conf$", path)]
        if counted or sysroot.exists("/etc/kernel/tries"):
            raise HostError(
                "systemd-boot counts boots (%s), and renames entries as it does; run systemd-bless-boot good, and remove /etc/kernel/tries"
                % (", ".join(counted) or "/etc/kernel/tries")
            )
        self.entries = [path for path in self.of_kernels(everything) if "rescue" not in os.path.basename(path)]
        if not self.entries:
            raise HostError("systemd-boot has no entry of a kernel in %s; is the EFI partition mounted?" % " or ".join(
                place + "/loader/entries" for place in EFI_PLACES
            ))
        several = [path for path in self.entries if len(OPTIONS.findall(sysroot.read_exact(path, ""))) > 1]
        if several:
            raise HostError("%s has more than one line of options; join them to one" % ", ".join(several))
        if not sysroot.exists(KERNEL_CMDLINE):
            raise HostError(
                "there is no %s, so kernel-install gives the next kernel whatever the running one was started with; write the words of the running kernel "
                "that are to stay into it, without BOOT_IMAGE= and initrd=" % KERNEL_CMDLINE
            )
        self.systemd_boot = True
        self.has_defaults = self.reads_dropins = False
        self.menu_path = None
        self.kind = "bls"
        self.edits = True
        self.find_default_size()

    def copies_running_kernel(self):
        """Whether a kernel that is installed now gets the words of the running one; before EL 9 it gets $kernelopts."""
        sysroot = self.sysroot
        if self.kind != "bls" or self.systemd_boot or sysroot.exists(KERNEL_CMDLINE) or sysroot.exists("/usr/lib/kernel/cmdline"):
            return False
        script = next((path for path in KERNEL_INSTALL if sysroot.exists(path)), None)
        return bool(script and "/proc/cmdline" in sysroot.read_exact(script, ""))

    def find_default_size(self):
        """KiB of the page size that a count without a size belongs to."""
        words = for_kernel(running_arguments(self.sysroot))
        if not only(words, [DEFAULT_SIZE]):
            match = re.search(r"^Hugepagesize:\s+([0-9]+)", self.sysroot.read("/proc/meminfo", ""), re.M)
            self.default_kb = int(match.group(1)) if match else 2048
        else:
            self.default_kb = 2048
        configured = only(self.default_words() or [], [DEFAULT_SIZE])
        if configured and configured != only(self.owned(), [DEFAULT_SIZE]):
            self.default_kb = page_kb(configured[-1].partition("=")[2]) or self.default_kb

    # What GRUB's generator would see

    def sources(self, changed):
        paths = [DEFAULTS] if self.has_defaults or changed.get(DEFAULTS) else []
        if self.reads_dropins:
            paths += sorted(
                set(self.sysroot.glob(DROPINS + "/*.cfg")) | set(path for path in changed if path.startswith(DROPINS))
            )
        return [path for path in paths if path not in changed or changed[path]]

    def evaluate(self, changed=None, paths=None):
        """(effective words, GRUB_ENABLE_BLSCFG), with the texts in changed in place of files."""
        changed = changed or {}
        paths = self.sources(changed) if paths is None else paths
        # What is planned is as a rule what is there, and a shell costs more than the rest.
        texts = tuple((path, changed.get(path) or self.sysroot.read_exact(path)) for path in paths)
        if texts not in self.evaluated:
            self.evaluated[texts] = self.source(changed, paths)
        return self.evaluated[texts]

    def source(self, changed, paths):
        scratch = tempfile.mkdtemp(prefix="kube-ovn-dpdk-")
        try:
            files = []
            for number, path in enumerate(paths):
                name = self.sysroot.path(path)
                if path in changed:
                    name = os.path.join(scratch, "%d" % number)
                    with io.open(name, "wb") as stream:
                        stream.write(changed[path].encode("latin-1"))
                files.append(name)
            rc, out, err = self.module.run_command(["/bin/sh", "-c", EVALUATE, "sh"] + files, encoding=None)
        finally:
            shutil.rmtree(scratch)
        if rc:
            raise HostError(
                "%s cannot be read by a shell, so neither by GRUB's generator: %s; correct it first"
                % (" or ".join(paths), err.decode("utf-8", "replace").strip())
            )
        linux, default, enabled = out.decode("latin-1").split("\x01")[-3:]
        return split_arguments(linux) + split_arguments(default), enabled

    def check_sources(self, texts, arguments):
        """Refuse where the generator would not hand on what is asked for, and name what keeps it from that."""
        keys = owned_keys(arguments, self.default_kb)

        def effective(paths):
            return only(for_kernel(self.evaluate(texts, paths)[0]), keys)

        paths = self.sources(texts)
        if not paths:
            return
        found = effective(paths)
        if found == arguments:
            return
        culprit = None
        own = DROPIN % self.owner
        if own in paths:
            later = paths[paths.index(own) + 1 :]
            culprit = next(
                (
                    path
                    for index, path in enumerate(later)
                    if effective(paths[: paths.index(own) + 2 + index]) != arguments
                ),
                None,
            )
        if culprit:
            raise HostError(
                "%s is read after %s and leaves %s of the arguments %s, so nothing was written; let it append to what is there "
                '(GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT ..."), or give it a name that comes before zz-kube-ovn-dpdk'
                % (culprit, own, "'%s'" % shown(" ".join(found)) if found else "nothing", " ".join(arguments))
            )
        raise HostError(
            "the words of %s would give '%s' where %s is asked for, so nothing was written; look for a lone -- or an exit in them"
            % (" and ".join(paths), shown(" ".join(found)), " ".join(arguments))
        )

    # What is going to be booted

    def grub_cfg(self):
        """Where the menu lives: found, not assumed."""
        if self.generator and os.path.basename(self.generator) == "grub-mkconfig":
            return "/boot/grub/grub.cfg"
        path = self.linked_grub_cfg()
        text = self.sysroot.read_exact(path, "")
        # On EL 9 and later the one in the EFI partition only leads to this one.
        if re.search(r"^\s*configfile\s", text, re.M) and not re.search(r"^\s*(menuentry|blscfg)\b", text, re.M):
            return "/boot/grub2/grub.cfg"
        return path

    def linked_grub_cfg(self):
        links = ["/etc/grub2.cfg"]
        if self.sysroot.isdir("/sys/firmware/efi"):
            links.insert(0, "/etc/grub2-efi.cfg")
        for link in links:
            try:
                target = os.readlink(self.sysroot.path(link))
            except OSError:
                continue
            path = os.path.normpath(os.path.join("/etc", target))
            if self.sysroot.exists(path):
                return path
        if len(links) == 2:
            found = [path for path in self.sysroot.glob("/boot/efi/EFI/*/grub.cfg") if "/BOOT/" not in path]
            if len(found) > 1:
                raise HostError(
                    "more than one EFI grub.cfg (%s) and no /etc/grub2-efi.cfg shows which one boots; make that link"
                    % ", ".join(found)
                )
            if found:
                return found[0]
        return "/boot/grub2/grub.cfg"

    def default_names(self, text):
        """What the menu's variable default names: number, title or id, with > between a submenu and what is in it."""
        # A choice for the next boot only (next_entry) does not count.
        found = [
            value for value in re.findall(r'^\s*set default="([^"]*)"', text or "", re.M) if value != "${next_entry}"
        ]
        default = (found or ["${saved_entry}" if self.kind == "bls" else ""])[-1]
        if default == "${saved_entry}":
            default = self.grubenv().get("saved_entry", "")
        return default

    def default_entry(self, text):
        """The entry that GRUB boots by itself; None where the menu has none."""
        items = menu_items(text)
        entry = None
        for name in self.default_names(text).split(">"):
            numbered = items[int(name) : int(name) + 1] if name.isdigit() else []
            # What is not found is the first one, to GRUB too.
            entry = ([item for item in items if name in item["names"]] or numbered or items or [None])[0]
            items = entry["items"] if entry else []
        while entry and entry["items"]:
            entry = entry["items"][0]
        return entry

    def grubenv_path(self):
        """The EFI one is a link on some releases."""
        return next((path for path in GRUBENV if self.sysroot.exists(path)), None)

    def grubenv(self, texts=None):
        path = self.grubenv_path()
        text = (texts or {}).get(path) or (self.sysroot.read_exact(path, "") if path else "")
        return parse_environment(text) or {}

    @staticmethod
    def expand(words, variables):
        """The words with those of GRUB's variables in place of these, as far as they are known."""
        expanded = []
        for word in words:
            name = word[1:].strip("{}") if word.startswith("$") else None
            expanded += split_arguments(variables[name]) if name in variables else [word]
        return expanded

    def variables(self, texts=None):
        """What GRUB has for variables: in a generated menu tuned has put its arguments into one."""
        if self.systemd_boot:
            return {}
        menu = (texts or {}).get(self.menu_path) or (
            self.sysroot.read_exact(self.menu_path, "") if self.menu_path else ""
        )
        values = dict(re.findall(r'^\s*set (\w+)="([^"$]*)"', menu, re.M))
        if self.kind == "bls":
            values.update(self.grubenv(texts))
        return values

    def as_booted(self, words, texts=None):
        """What GRUB hands to the kernel."""
        if self.systemd_boot:
            return words
        expanded = self.expand(words, self.variables(texts))
        # In boot entries one that is not set is nothing.
        return [word for word in expanded if not word.startswith("$")] if self.kind == "bls" else expanded

    def default_bls(self):
        """Path of the boot entry that boots by default (is_default_entry() and bls_cmp() of GRUB's blscfg.c on EL)."""
        if self.systemd_boot:
            return self.default_of_systemd_boot()
        everything = self.of_kernels(self.sysroot.glob(ENTRIES + "/*.conf"))

        def by_version(path):
            return [
                (1, int(part), "") if part.isdigit() else (0, 0, part)
                for part in re.findall(r"\d+|[A-Za-z]+", os.path.basename(path))
            ]

        ordered = sorted(everything, key=by_version, reverse=True)
        default = self.default_names(self.sysroot.read_exact(self.menu_path, ""))
        for path in ordered:
            if default == os.path.basename(path)[: -len(".conf")]:
                return path
        for index, path in enumerate(ordered):
            title = re.search(r"^[ \t]*title[ \t]+(.*)$", self.sysroot.read_exact(path), re.M)
            if default and default in (title and title.group(1), "%d" % index):
                return path
        normal = [path for path in ordered if path in self.entries]
        return (normal or ordered)[0]

    def default_of_systemd_boot(self):
        """The entry that is chosen by name; without one all are as good, since each kernel's has the same arguments."""
        everything = sorted(path for place in EFI_PLACES for path in self.sysroot.glob(place + "/loader/entries/*.conf"))
        configured = [
            match
            for place in EFI_PLACES
            for match in re.findall(r"^[ \t]*default[ \t]+(\S+)", self.sysroot.read_exact(place + "/loader/loader.conf", ""), re.M)
        ]
        name = self.efi_variable("LoaderEntryDefault") or (configured or [""])[0]
        if name == "@saved":
            name = self.efi_variable("LoaderEntryLastBooted")
        for path in reversed(everything):
            # Before systemd 248 without .conf.
            if name and any(fnmatch.fnmatchcase(base.lower(), name.lower()) for base in (os.path.basename(path), os.path.basename(path)[: -len(".conf")])):
                return path
        return self.entries[-1]

    def default_words(self, texts=None):
        """Words of the entry that boots by default, with variables other than kernelopts as they stand; None where there is no entry."""
        texts = texts or {}
        if self.kind == "bls":
            path = self.default_bls()
            match = OPTIONS.search(texts.get(path) or self.sysroot.read_exact(path))
            if self.systemd_boot:
                return split_arguments(match.group(2)) if match else []
            environment = self.grubenv(texts)
            words = split_arguments(match.group(2)) if match else ["$default_kernelopts"]
            known = dict(
                (name, value)
                for name, value in self.variables(texts).items()
                if name == "kernelopts" or name == "default_kernelopts"
            )
            known.update(
                (name, environment[name]) for name in ("kernelopts", "default_kernelopts") if name in environment
            )
            return self.expand(words, known)
        entry = self.default_entry(texts.get(self.menu_path) or self.sysroot.read_exact(self.menu_path))
        return entry["words"] if entry else None

    # What has to be written

    def plan(self, arguments):
        """New texts of files by path; an empty one stands for a file that goes."""
        if self.uses_dropins:
            return self.plan_dropin(arguments)
        owners = self.owners_with(arguments)
        texts = {}
        lines = {}
        if self.edits:
            self.plan_lines(owners, texts, lines, {})
        self.plan_defaults(owners, texts)
        texts[RECORD] = self.record_text(owners, lines) if owners else ""
        return texts

    @property
    def uses_dropins(self):
        return not self.edits and self.reads_dropins

    def owners_with(self, arguments):
        owners = [(name, arguments if name == self.owner else words) for name, words in self.record["owners"]]
        if self.owner not in dict(owners):
            owners.append((self.owner, arguments))
        return [(name, words) for name, words in owners if words]

    def record_text(self, owners, lines, **more):
        record = {"owners": owners, "lines": lines}
        record["unterminated"] = self.record["unterminated"] or self.is_unterminated()
        record["generated"] = not self.edits
        record["directory"] = self.record["directory"] or not self.sysroot.isdir(os.path.dirname(RECORD))
        return json.dumps(dict(record, **more), indent=1, sort_keys=True) + "\n"

    def plan_dropin(self, arguments):
        if not arguments:
            return {DROPIN % self.owner: ""}
        return {DROPIN % self.owner: self.dropin_text(arguments)}

    def dropin_text(self, arguments, comments=()):
        return render_block(arguments, self.default_kb, ["# arguments: %s" % json.dumps(arguments)] + self.directory_comment() + list(comments))

    def directory_comment(self):
        made = "# directory: true" in self.sysroot.read_exact(DROPIN % self.owner, "")
        return ["# directory: true"] if made or not self.sysroot.isdir(DROPINS) else []

    def interim(self, texts, arguments, generate):
        """Texts to write before all others, so that the run after one that was killed knows which words are managed; those of `texts` replace them last."""
        replaced = [word for word in self.owned() + self.replaced() if word not in arguments]
        path = DROPIN % self.owner if self.uses_dropins else RECORD
        if path not in texts or not (generate or len(texts) > 1):
            return {}
        if not self.uses_dropins:
            return {path: self.journal(arguments, replaced)}
        if arguments:
            return {path: self.dropin_text(arguments, ["# replaced: %s" % json.dumps(replaced)])} if replaced else {}
        lines = [BEGIN, "# arguments: %s" % json.dumps(self.owned()), "# replaced: %s" % json.dumps(replaced)] + self.directory_comment()
        return {path: "\n".join(lines + ["# Has no effect, and goes as soon as the menu is without these arguments.", END]) + "\n"}

    def journal(self, arguments, replaced):
        """The record while lines are changed: each as it was found and as it will be. Who gives up arguments is an owner until the end."""
        lines = {}
        found = {}
        if self.edits:
            self.plan_lines(self.owners_with(arguments), {}, lines, found)
        if arguments:
            return self.record_text(self.owners_with(arguments), lines, interrupted={"lines": found, "replaced": replaced})
        return self.record_text(self.record["owners"], found, interrupted={"lines": lines, "replaced": replaced})

    def is_unterminated(self):
        text = self.sysroot.read_exact(DEFAULTS, "")
        return bool(text) and not text.endswith("\n")

    def plan_defaults(self, owners, texts):
        """The block in the file that the generator reads: where it is, or at the end where something behind it would undo it."""
        if not self.has_defaults:
            return
        text = self.sysroot.read_exact(DEFAULTS)
        rest = BLOCK.sub("", text)
        if not owners:
            at_end = BLOCK.search(text) and text.endswith(BLOCK.findall(text)[-1])
            texts[DEFAULTS] = rest[:-1] if self.record["unterminated"] and at_end and rest.endswith("\n") else rest
            return
        arguments = [word for _name, words in owners for word in words]
        comments = ["# owners: %s" % json.dumps(owners)]
        block = render_block(arguments, self.default_kb, comments, for_grubby=False)
        at_end = rest + ("" if rest.endswith("\n") or not rest else "\n") + block
        in_place = BLOCK.sub(lambda match: block, text, count=1) if BLOCK.search(text) else at_end
        texts[DEFAULTS] = in_place
        if (
            in_place != at_end
            and only(for_kernel(self.evaluate(texts)[0]), owned_keys(arguments, self.default_kb)) != arguments
        ):
            texts[DEFAULTS] = at_end

    def known_line(self, key, current):
        """What the record says of a line: what it was without us and what was made of it; None where it is the host's own."""
        line = self.record["lines"].get(key)
        if not self.record["interrupted"]:
            return line
        # A run was killed before or after it came to this line.
        sides = [side for side in (line, self.record["interrupted"]["lines"].get(key)) if side]
        found = [side for side in sides if side.get("text", side["written"]) == current]
        if not found and current is not None:
            # Others have edited it since.
            found = [side for side in sides if self.has_all(current, side)]
            found.sort(key=lambda side: -len(self.added(side)))
            if not found and set(split_arguments(current)) & set(word for side in sides for word in self.added(side)):
                found = sides
        return dict((name, found[0][name]) for name in ("base", "written")) if found else None

    def templates(self):
        """Lines of ours that another one may be a copy of; a new kernel's is one of /etc/kernel/cmdline."""
        sides = [self.record["lines"]] + ([self.record["interrupted"]["lines"]] if self.record["interrupted"] else [])
        return [side[key] for side in sides for key in sorted(side, key=lambda key: (key != KERNEL_CMDLINE, key))]

    def copied_from(self, current, templates):
        """The line with which one that others have made has most words in common, of those whose arguments it has. What made room there comes back with it."""
        words = set(split_arguments(current))
        found = [template for template in templates if self.has_all(current, template)]
        return min(found, key=lambda template: len(words ^ set(split_arguments(template["written"])))) if found else None

    def plan_lines(self, owners, texts, lines, found):
        """Fills in texts by path, and by line what it was and becomes for the record (lines), and what it is now (found)."""
        templates = self.templates()

        same = owners and owners == [tuple(pair) for pair in self.record["owners"]]

        def edit(key, current):
            """The new text of a line, None for one that is not to be; noted down."""
            known = self.known_line(key, current)
            copied = None
            if known is None and current is not None:
                copied = self.copied_from(current, templates)
            found[key] = dict(known or copied or {"base": current, "written": current}, text=current)
            if same and current is not None and (known or copied) and says(current, owners, self.default_kb):
                # Also where others have edited it since, or have made it of an edited one: it says what it should.
                if known:
                    lines[key] = known
                return current
            if copied:
                known = dict((name, copied[name]) for name in ("base", "written"))
            base = (
                without_arguments(current, known["base"], known["written"])
                if known and current is not None
                else current
            )
            if base == "" and known and known["base"] is None:
                base = None
            written = with_arguments(base or "", owners, self.default_kb)
            if base is None and not written:
                return None
            lines[key] = {"base": base, "written": written}
            return written

        def keep(key, current):
            """The line of a rescue entry, without what a generator has put into it as into all others. It is noted down, since it may have such itself."""
            if current is None:
                return None
            known = self.record["lines"].get(key)
            source = self.copied_from(current, templates)
            if source and not (known and self.has_all(known["base"], source)):
                current = without_arguments(current, source["base"], source["written"])
            # Also where others have edited it since, which is no change of ours.
            lines[key] = known or {"base": current, "written": current}
            found[key] = lines[key]
            return current

        if self.kind == "grub":
            texts[self.menu_path] = self.edited_menu(edit, keep)
        else:
            for path in self.entries:
                texts[path] = self.edited_entry(path, edit)
            if not self.systemd_boot:
                for path in self.rescues:
                    texts[path] = self.edited_entry(path, keep)
                self.edit_grubenv(texts, edit)
        text = self.sysroot.read_exact(KERNEL_CMDLINE)
        if text is not None:
            # Entries of kernels that are installed later are made from the words of all its lines.
            words = text.rstrip()
            texts[KERNEL_CMDLINE] = edit(KERNEL_CMDLINE, words) + text[len(words):]

    @staticmethod
    def added(template):
        """Words of ours in a line."""
        base = split_arguments(template["base"] or "")
        return [word for word in split_arguments(template["written"] or "") if word not in base]

    def has_all(self, current, template):
        words = split_arguments(current)
        return template["written"] != template["base"] and all(word in words for word in self.added(template))

    def edited_menu(self, edit, keep):
        text = self.sysroot.read_exact(self.menu_path)
        rows = text.split("\n")
        everything = list(leaves(menu_items(text)))
        # Entries of other systems (30_os-prober) and entries written by hand are not this system's.
        sections = set(item["section"] for item in everything)
        own = [
            item
            for item in everything
            if item["section"] == "/etc/grub.d/10_linux" or "/etc/grub.d/10_linux" not in sections
        ]
        seen = {}
        for item in own:
            name = "%s>%s" % (self.menu_path, (item["names"] or [""])[0])
            seen[name] = seen.get(name, 0) + 1
            match = LINUX.match(rows[item["line"]])
            rest = match.group(2)
            gap = rest[: len(rest) - len(rest.lstrip())]
            rows[item["line"]] = match.group(1) + (gap or " ") + (keep if is_rescue(item) else edit)("%s>%d" % (name, seen[name]), rest[len(gap) :])
            if not rest:
                rows[item["line"]] = rows[item["line"]].rstrip(" ")
        return "\n".join(rows)

    def edited_entry(self, path, edit):
        text = self.sysroot.read_exact(path)
        match = OPTIONS.search(text)
        if match:
            words = split_arguments(match.group(2))
            if "$kernelopts" in words or "$default_kernelopts" in words:
                return text
            line = edit(path, match.group(2))
            if line is None:
                # It was not there before.
                return text[: match.start()] + text[match.end() + 1 :]
            return text[: match.start(2)] + line + text[match.end(2) :]
        if not self.systemd_boot and "default_kernelopts" in self.grubenv():
            return text
        line = edit(path, None)
        if not line:
            return text
        if self.systemd_boot:
            raise HostError("%s has no line of options, so its kernel has no root file system; add one" % path)
        return text + ("" if text.endswith("\n") else "\n") + "options " + line + "\n"

    def edit_grubenv(self, texts, edit):
        path = self.grubenv_path()
        text = self.sysroot.read_exact(path) if path else None
        used = [
            name
            for name in ("kernelopts", "default_kernelopts")
            if any(
                "$" + name in (OPTIONS.search(self.sysroot.read_exact(entry)) or re.match("", "")).group(0).split()
                for entry in self.entries
            )
        ]
        if text is not None and parse_environment(text) is None:
            if not used and not self.record["lines"].get("grubenv:kernelopts"):
                return
            raise HostError(
                "%s is damaged: GRUB takes no variables from it, since it does not begin with '%s'; recreate it with grub2-editenv %s create, "
                "and set kernelopts and saved_entry in it" % (path, GRUBENV_HEADER.strip(), path)
            )
        variables = parse_environment(text) if text is not None else {}
        for name in used:
            if name not in variables:
                raise HostError(
                    "boot entries use $%s, but %s has none; set it with grub2-editenv - set %s=\"...\", as in the line 'set %s=' of %s"
                    % (name, path or "/boot/grub2/grubenv, which is not there,", name, name, self.menu_path)
                )
        for name in ("kernelopts", "default_kernelopts"):
            # Also where no entry uses it now: that of the next kernel may.
            if name in variables:
                value = edit("grubenv:" + name, variables[name])
                if value != variables[name]:
                    texts[path] = with_variable(texts.get(path, text), name, value, path)

    def check_syntax(self, arguments):
        """Refuse what the tools of EL 8 and later cannot hand on, though GRUB can.

        Their 10_linux writes the words into `set kernelopts="..."` as they are, so a quote in them ends the value. In the replacement text of a sed command,
        as which both it and grubby use them, & is the old line.
        """
        if self.kind != "bls" or self.systemd_boot or not (self.generator or self.has_defaults):
            return
        for word in arguments:
            special = SYNTAX.findall(word)
            if special:
                raise HostError(
                    "kernel argument '%s' has %s, which grub2-mkconfig and grubby of this host would not escape, so the next menu would be broken; "
                    "write it without, or set a module's parameter in /etc/modprobe.d" % (word, " ".join(special))
                )

    def check_default(self, texts, arguments):
        """Refuse where the entry that boots by default would not have what is asked for."""
        keys = owned_keys(arguments, self.default_kb)
        words = self.default_words(texts) or []
        found = only(for_kernel(words), keys)
        name = (
            os.path.basename(self.default_bls())
            if self.kind == "bls"
            else title_of(self.default_entry(texts[self.menu_path]))
        )
        if found != arguments:
            raise HostError(
                "the entry that boots by default, '%s', would have %s in place of %s, so nothing was written; is it a rescue entry or a custom one? "
                "Choose another with %s"
                % (
                    name,
                    "'%s'" % shown(" ".join(found)) if found else "none",
                    " ".join(arguments),
                    "bootctl set-default" if self.systemd_boot else "grub2-set-default",
                )
            )
        behind = False
        wanted = set(arguments)
        for word in self.expand(["\n" if word in wanted else word for word in words], self.variables(texts)):
            behind = behind or word == "\n"
            if behind and word not in wanted and keyed([word])[0][0] in keys and word != "\n":
                raise HostError(
                    "a variable of the boot entry (tuned_params of tuned, as a rule) sets %s behind %s, so nothing was written; "
                    "take it out of tuned's profile or ask for the same"
                    % (shown(word), " ".join(only(arguments, [keyed([word])[0][0]])))
                )

    def expected(self, texts):
        """Words of the default entry as they will be."""
        if self.edits:
            return self.default_words(texts)
        return self.evaluate(texts)[0]

    def predicted(self, generated, expected):
        """Words of the default entry that the generator will write; generated: those that it writes now, with root= before the words of its files."""
        current = self.evaluate()[0]
        leading = next(
            (index for index, word in enumerate(generated) if name_of(word) not in PROTECTED), len(generated)
        )
        for start in range(leading, len(generated) - len(current) + 1):
            if generated[start : start + len(current)] == current:
                return generated[:start] + expected + generated[start + len(current) :]
        return generated

    # Writing

    def check_writable(self, texts):
        needed = {}
        for path, text in texts.items():
            directory = os.path.dirname(os.path.realpath(self.sysroot.path(path)))
            while not os.path.isdir(directory):
                directory = os.path.dirname(directory)
            target = self.sysroot.path(path)
            if not os.access(directory, os.W_OK) or (os.path.exists(target) and not os.access(target, os.W_OK)):
                raise HostError("%s cannot be written (read-only file system?); remount it and run again" % path)
            if text:
                device = os.stat(directory).st_dev
                # Each is written beside the old one before it takes its place.
                needed.setdefault(device, [directory, path, 0])[2] += len(text) + 4096
        for directory, path, size in needed.values():
            room = os.statvfs(directory)
            if room.f_bfree * room.f_frsize < size:
                raise HostError(
                    "the file system of %s is full: %d KiB are needed and %d KiB are free; remove old kernels or other files from it, and run again"
                    % (path, size // 1024 + 1, room.f_bfree * room.f_frsize // 1024)
                )

    def write(self, path, text):
        target = os.path.realpath(self.sysroot.path(path))
        if not text and (path.startswith(DROPINS) or path == RECORD):
            self.remove(path, target)
            return
        created = not os.path.exists(target)
        make_parents(target)
        handle, name = tempfile.mkstemp(dir=self.module.tmpdir)
        with io.open(handle, "wb") as stream:
            stream.write(text.encode("latin-1"))
        if os.path.basename(path) == "grubenv":
            # GRUB writes to the blocks of this file, so it stays the same file, and at no time an empty one.
            os.unlink(name)
            with io.open(target, "r+b") as stream:
                stream.write(text.encode("latin-1"))
                stream.truncate()
            return
        times = None if created else os.stat(target)
        self.module.atomic_move(name, target)
        if created:
            # Whatever the umask; a menu may have passwords.
            os.chmod(target, 0o600 if path == self.menu_path else 0o644)
        elif path == DEFAULTS and self.kind == "bls":
            # kernel-install has the generator rewrite /etc/kernel/cmdline from this file where it is the newer one (20-grub.install of EL 9 and later).
            os.utime(target, (times.st_atime, times.st_mtime))
        if path == RECORD:
            # On the disk before any of the lines that it is about.
            for name in (target, os.path.dirname(target)):
                handle = os.open(name, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)

    def remove(self, path, target):
        """A file of ours goes, and with it the directory that was made for it, if that is empty."""
        text = self.sysroot.read_exact(path, "")
        if os.path.exists(target):
            os.unlink(target)
        made = json.loads(text or "{}").get("directory") if path == RECORD else "# directory: true" in text
        if made:
            try:
                os.rmdir(os.path.dirname(target))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    raise

    def run_generator(self):
        """What the generator writes now; nothing is put in place."""
        directory = os.path.dirname(self.sysroot.path(self.menu_path))
        if not os.path.isdir(directory):
            raise HostError("%s has no directory for GRUB's menu; is /boot mounted?" % self.menu_path)
        scratch = tempfile.mkdtemp(prefix="kube-ovn-dpdk-")
        out = err = b""
        try:
            name = os.path.join(scratch, "grub.cfg")
            # A generator in a made-up tree gets the path of the tree.
            environment = {} if self.sysroot.is_real else {"SYSROOT": self.sysroot.root}
            rc, out, err = self.module.run_command(
                [self.sysroot.path(self.generator), "-o", name], environ_update=environment, encoding=None
            )
            output = (err or out).decode("utf-8", "replace").strip()[-1000:]
            if rc:
                raise HostError("%s failed with %d: %s" % (self.generator, rc, output))
            with io.open(name, "rb") as stream:
                text = stream.read().decode("latin-1")
        except IOError:
            raise HostError("%s wrote no file: %s" % (self.generator, output))
        finally:
            shutil.rmtree(scratch)
        if not self.default_entry(text):
            raise HostError(
                "%s wrote a menu without any entry; the old one is kept. Look at its output: %s"
                % (self.generator, output)
            )
        return text

    def check_menu_by_hand(self, keys):
        """Refuse where the menu has what the generator would not put there, as after an edit by hand; else words of the entry that it makes now."""
        old = self.sysroot.read_exact(self.menu_path)
        new = self.run_generator()
        there_default = self.default_entry(new)
        if not old or not self.default_entry(old):
            return there_default["words"] or []

        def foreign(item):
            return [word for key, word in keyed(item["words"] or []) if key not in keys]

        there = dict((item["names"][0] if item["names"] else "", item) for item in leaves(menu_items(new)))
        compared = [(self.default_entry(old), there_default)]
        compared += [
            (item, there[item["names"][0]])
            for item in leaves(menu_items(old))
            if item["names"] and item["names"][0] in there
        ]
        for item, other in compared:
            lost = [word for word in foreign(item) if word not in foreign(other)]
            if lost:
                raise HostError(
                    "%s was edited by hand: '%s' has %s, which %s would drop, so nothing was written. Put it into GRUB_CMDLINE_LINUX_DEFAULT in %s "
                    "(or the entry into /etc/grub.d/40_custom), run %s -o %s, then run again"
                    % (
                        self.menu_path,
                        title_of(item),
                        shown(" ".join(lost)),
                        os.path.basename(self.generator),
                        DEFAULTS,
                        os.path.basename(self.generator),
                        self.menu_path,
                    )
                )
        return there_default["words"] or []

    def generate(self, arguments, keys):
        """The new text of the menu, checked; nothing is put in place."""
        text = self.run_generator()
        entry = self.default_entry(text)
        words = only(for_kernel(entry["words"] or []), keys)
        if arguments and words != arguments:
            raise HostError(
                "%s did not put the arguments into the entry that boots by default, '%s' (it has: %s); the old menu is kept. "
                "Is it a custom one of /etc/grub.d or custom.cfg? Then choose another by GRUB_DEFAULT"
                % (self.generator, title_of(entry), shown(" ".join(words)) or "none of them")
            )
        return self.menu_path, text


def pending(sysroot, words, keys):
    """Reasons for a reboot: arguments that the running kernel was not started with the way the boot entry has them."""

    def of(words, keys):
        # Where the quotes stand is GRUB's affair.
        return [word.replace('"', "") for word in only(words, keys)]

    running = for_kernel(running_arguments(sysroot))
    words = for_kernel(words)
    if of(running, keys) == of(words, keys):
        return []
    reasons = []
    for key in sorted(keys):
        now = of(running, [key])
        then = of(words, [key])
        if now != then:
            if now and then and key.startswith("hugepagesz=") and now[:1] == then[:1]:
                now, then = now[1:], then[1:]
            reasons.append("%s is to become %s" % (" ".join(now) or "no " + key, " ".join(then) or "nothing"))
    return reasons or ["%s are to come in another order" % ", ".join(sorted(keys))]
