# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import io
import json
import os
import re
import shutil
import tempfile

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import (
    HostError,
    format_list,
    kb_to_size,
    make_parents,
    parse_list,
    running_arguments,
    size_to_kb,
    split_arguments,
)

DEFAULTS = "/etc/default/grub"
DROPINS = "/etc/default/grub.d"
ENTRIES = "/boot/loader/entries"
KERNEL_CMDLINE = "/etc/kernel/cmdline"
GENERATORS = (
    "/usr/sbin/grub2-mkconfig",
    "/usr/sbin/grub-mkconfig",
    "/sbin/grub2-mkconfig",
    "/usr/bin/grub2-mkconfig",
    "/usr/bin/grub-mkconfig",
)
# What makes the host boot at all belongs to its installer.
PROTECTED = ("root", "ro", "rw", "init", "initrd", "rootflags", "BOOT_IMAGE", "resume")
EVALUATE = 'set -e; for file in "$@"; do . "$file"; done; printf "%s\\n%s\\n%s\\n" "${GRUB_CMDLINE_LINUX:-}" "${GRUB_CMDLINE_LINUX_DEFAULT:-}" \
"${GRUB_ENABLE_BLSCFG:-}"'


def name_of(word):
    """Name of an argument. To the kernel - and _ are the same, and GRUB moves quotes to the front of a word."""
    return word.lstrip('"').split("=", 1)[0].replace("-", "_")


def only(words, names):
    return [word for word in words if name_of(word) in names]


def without(words, names):
    return [word for word in words if name_of(word) not in names]


def sizes_given_twice(words):
    """Page sizes that the kernel will ignore from the second time on, together with their counts."""
    sizes = []
    for word in only(words, ["hugepagesz"]):
        try:
            sizes.append(kb_to_size(size_to_kb(word.partition("=")[2])))
        except HostError:
            # Nor does the kernel know what it is.
            continue
    return sorted(set(size for size in sizes if sizes.count(size) > 1))


def check_arguments(arguments):
    """Refuse what would not survive the way to the kernel, or what the kernel would ignore."""
    seen = set()
    sizes = set()
    previous = None
    for word in arguments:
        if not re.match(r'^[A-Za-z0-9_][A-Za-z0-9_.\-]*(=.*)?$', word) or "\n" in word:
            raise HostError("'%s' is not a kernel argument; write name or name=value" % word)
        if re.search(r"[$`\\']", word):
            raise HostError("kernel argument '%s' has a character that does not survive the boot loader's shell ($ ` \\ ')" % word)
        if word.count('"') % 2 or split_arguments(word) != [word]:
            raise HostError('kernel argument \'%s\' has a space or an odd number of quotes; write name="value with spaces"' % word)
        name = name_of(word)
        if name in PROTECTED:
            raise HostError("kernel argument '%s' is not for this module: the host's own %s= would be replaced" % (word, name))
        if word in seen and name not in ("hugepages", "hugepagesz"):
            raise HostError("kernel argument '%s' is listed twice" % word)
        if name == "default_hugepagesz" and any(name_of(item) == name for item in seen):
            raise HostError("default_hugepagesz is listed twice; the kernel has one default size")
        if name in ("hugepagesz", "default_hugepagesz"):
            try:
                size = size_to_kb(word.partition("=")[2])
            except HostError as error:
                raise HostError("kernel argument '%s': %s" % (word, error))
            if name == "hugepagesz":
                if size in sizes:
                    raise HostError(
                        "hugepagesz=%s is listed twice: the kernel ignores the second one together with its hugepages=" % kb_to_size(size)
                    )
                sizes.add(size)
        if name == "hugepages" and previous not in ("hugepagesz", "default_hugepagesz"):
            raise HostError("'%s' has to follow the hugepagesz= (or default_hugepagesz=) it counts" % word)
        seen.add(word)
        previous = name


def check_cores(sysroot, arguments):
    """Refuse core lists that this host cannot follow, or that contradict each other."""
    online = parse_list(sysroot.read("/sys/devices/system/cpu/online") or "")
    present = parse_list(sysroot.read("/sys/devices/system/cpu/present") or "") or online
    lists = {}
    for word in arguments:
        name, dummy, value = word.partition("=")
        if name not in ("isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity") or not value:
            continue
        # isolcpus may begin with flags, as in domain,managed_irq,2-5.
        parts = [part for part in value.split(",") if part not in ("domain", "nohz", "managed_irq")]
        if "all" in parts:
            continue
        try:
            cores = parse_list(",".join(parts))
        except HostError as error:
            raise HostError("kernel argument '%s': %s" % (word, error))
        lists[name] = set(cores)
        if not online:
            continue
        missing = set(cores) - set(present)
        if missing:
            raise HostError(
                "kernel argument '%s' names cores %s, which this host does not have; it has %s" % (word, format_list(missing), format_list(present))
            )
        offline = set(cores) - set(online)
        if offline:
            raise HostError("kernel argument '%s' names cores %s, which are offline; bring them online or leave them out" % (word, format_list(offline)))
        if name in ("isolcpus", "nohz_full") and not set(online) - set(cores):
            raise HostError("kernel argument '%s' leaves no core for the system itself; leave out at least core %d" % (word, online[0]))
    for name in ("isolcpus", "nohz_full"):
        both = lists.get(name, set()) & lists.get("irqaffinity", set())
        if both:
            raise HostError("cores %s are in %s= and in irqaffinity=, so interrupts would disturb them; take them out of one" % (format_list(both), name))


class Block(object):
    """One owner's lines in the shell file that GRUB's generator reads."""

    def __init__(self, owner):
        self.begin = "# BEGIN kube_ovn.dpdk %s (managed by Ansible)" % owner
        self.end = "# END kube_ovn.dpdk %s" % owner
        self.pattern = re.compile(r"^%s\n(.*?)^%s\n?" % (re.escape(self.begin), re.escape(self.end)), re.M | re.S)

    def owned(self, text):
        """Arguments, and what had to make room for them in boot entries."""
        match = self.pattern.search(text or "")
        if not match:
            return [], []
        values = {"arguments": [], "replaced": []}
        for key in values:
            line = re.search(r"^# %s: (.*)$" % key, match.group(1), re.M)
            try:
                values[key] = json.loads(line.group(1))
            except (AttributeError, ValueError):
                raise HostError("the lines between '%s' and '%s' were changed by hand; remove them and run again" % (self.begin, self.end))
        return values["arguments"], values["replaced"]

    def render(self, arguments, replaced):
        names = "|".join(sorted(set(name_of(word).replace(".", "[.]").replace("_", "[-_]") for word in arguments)))
        strip = "sed -r -e ':again' -e 's/(^| )(%s)(=(\"[^\"]*\"|[^ \"])*)?( |$)/ /' -e 'tagain' -e 's/^ +//;s/ +$//'" % names
        words = " ".join(arguments).replace('"', '\\"')
        lines = [
            self.begin,
            "# arguments: %s" % json.dumps(arguments),
            "# replaced: %s" % json.dumps(replaced),
            "# Whoever else sets these arguments is overruled, since the kernel takes a page size only once.",
        ]
        for variable, tail in (("GRUB_CMDLINE_LINUX", ""), ("GRUB_CMDLINE_LINUX_DEFAULT", " " + words)):
            lines.append("%s=\"$(printf '%%s\\n' \"${%s:-}\" | %s)%s\"" % (variable, variable, strip, tail))
        lines.append(self.end)
        return "\n".join(lines) + "\n"

    def put(self, text, arguments, replaced):
        """The text of the file with the owner's lines as they should be."""
        text = text or ""
        rest = self.pattern.sub("", text)
        if not arguments:
            return rest
        if rest and not rest.endswith("\n"):
            rest += "\n"
        rendered = self.render(arguments, replaced)
        if self.pattern.search(text):
            return self.pattern.sub(lambda match: rendered, text, count=1)
        return rest + rendered


class BootLoader(object):
    """GRUB's defaults file and menu, or boot entries of the Boot Loader Specification."""

    def __init__(self, module, sysroot, owner):
        self.module = module
        self.sysroot = sysroot
        self.owner = owner
        self.block = Block(owner)
        self.generator = next((path for path in GENERATORS if sysroot.exists(path)), None)
        self.reads_dropins = bool(self.generator and "default/grub.d" in (sysroot.read(self.generator) or ""))
        self.has_defaults = sysroot.exists(DEFAULTS)
        self.entries = [path for path in sysroot.glob(ENTRIES + "/*.conf") if "rescue" not in os.path.basename(path)]
        self.blscfg = self.has_defaults and self.evaluate()[1].lower() == "true"
        if self.entries and (self.blscfg or not self.generator):
            self.kind = "bls"
        elif self.has_defaults and self.generator:
            self.kind = "grub"
        else:
            self.kind = None
        # A generator that reads drop-ins lets a file of one's own have the last word over all others.
        if self.reads_dropins and self.kind == "grub":
            self.file = "%s/zz-kube-ovn-dpdk-%s.cfg" % (DROPINS, owner)
        else:
            self.file = DEFAULTS

    # What GRUB's generator would see

    def evaluate(self, changed=None):
        """(effective words, GRUB_ENABLE_BLSCFG), with the texts in changed in place of files."""
        changed = changed or {}
        paths = [DEFAULTS] if self.has_defaults or DEFAULTS in changed else []
        if self.reads_dropins:
            dropins = set(self.sysroot.glob(DROPINS + "/*.cfg")) | set(path for path in changed if path.startswith(DROPINS))
            paths += sorted(dropins)
        scratch = tempfile.mkdtemp(prefix="kube-ovn-dpdk-")
        try:
            files = []
            for number, path in enumerate(paths):
                if path in changed:
                    if not changed[path]:
                        continue
                    name = os.path.join(scratch, "%d" % number)
                    with io.open(name, "w", encoding="utf-8") as stream:
                        stream.write(u"" + changed[path])
                else:
                    name = self.sysroot.path(path)
                files.append(name)
            rc, out, err = self.module.run_command(["/bin/sh", "-c", EVALUATE, "sh"] + files)
        finally:
            shutil.rmtree(scratch)
        if rc:
            raise HostError("%s cannot be read by a shell, so neither by GRUB's generator: %s; mend it first" % (" or ".join(paths), err.strip()))
        lines = out.split("\n")[-4:]
        return split_arguments(lines[0]) + split_arguments(lines[1]), lines[2]

    # What is going to be booted

    def grub_cfg(self):
        """Where the generated menu lives: found, not assumed."""
        if os.path.basename(self.generator) == "grub-mkconfig":
            return "/boot/grub/grub.cfg"
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
                raise HostError("more than one EFI grub.cfg (%s) and no /etc/grub2-efi.cfg tells which one boots; make that link" % ", ".join(found))
            if found:
                return found[0]
        return "/boot/grub2/grub.cfg"

    @staticmethod
    def menu(text):
        """The entries of a generated menu, those of submenus inside: names, words of the linux line, items."""
        stack = [{"names": (), "words": None, "items": []}]
        for line in (text or "").splitlines():
            fields = line.split()
            if fields[-1:] == ["{"]:
                item = {"names": re.findall(r"'([^']*)'|\"([^\"]*)\"", line), "words": None, "items": []}
                item["names"] = [single or double for single, double in item["names"]]
                if fields[0] in ("menuentry", "submenu"):
                    stack[-1]["items"].append(item)
                stack.append(item)
            elif fields == ["}"] and len(stack) > 1:
                stack.pop()
            elif fields and stack[-1]["words"] is None and re.match(r"^linux(16|efi)?$", fields[0]):
                stack[-1]["words"] = split_arguments(line)[2:]
        return stack[0]["items"]

    def default_entry(self, text):
        """The entry that GRUB boots by itself; None where the menu has none.

        Its variable default names it by number, title or id, with > between a submenu and what is in it.
        """
        # A choice for the next boot only (next_entry) does not count.
        default = ([value for value in re.findall(r'^\s*set default="([^"]*)"', text or "", re.M) if value != "${next_entry}"] or [""])[-1]
        if default == "${saved_entry}":
            default = self.grubenv().get("saved_entry", "")
        items = self.menu(text)
        entry = None
        for name in default.split(">"):
            numbered = items[int(name):int(name) + 1] if name.isdigit() else []
            # What is not found is the first one, to GRUB too.
            entry = ([item for item in items if name in item["names"]] or numbered or items or [None])[0]
            items = entry["items"] if entry else []
        while entry and entry["items"]:
            entry = entry["items"][0]
        return entry

    def grubenv_path(self):
        """EL 8 keeps $kernelopts there; the EFI one is a link on some releases."""
        return next((path for path in ("/boot/grub2/grubenv", "/boot/grub/grubenv") if self.sysroot.exists(path)), None)

    def grubenv(self):
        path = self.grubenv_path()
        text = self.sysroot.read(path, "") if path else ""
        return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))

    @staticmethod
    def expand(words, variables):
        """The words with those of GRUB's variables in place of these, as far as they are known."""
        expanded = []
        for word in words:
            name = word[1:].strip("{}") if word.startswith("$") else None
            expanded += split_arguments(variables[name]) if name in variables else [word]
        return expanded

    def as_booted(self, words):
        """What GRUB hands to the kernel: in a generated menu tuned has put its arguments into a variable."""
        if self.kind == "bls":
            return words
        return self.expand(words, dict(re.findall(r'^\s*set (\w+)="([^"$]*)"', self.sysroot.read(self.grub_cfg(), ""), re.M)))

    def default_words(self, texts=None, own=False):
        """Words of the entry that boots by default; None where there is none. With own without what variables of others bring."""
        texts = texts or {}
        if self.kind == "bls":
            paths = self.entries
            saved = self.grubenv().get("saved_entry", "")

            def by_version(path):
                return [int(part) if part.isdigit() else -1 for part in re.findall(r"\d+|\D+", os.path.basename(path))]

            chosen = next((path for path in paths if os.path.basename(path) == saved + ".conf"), sorted(paths, key=by_version)[-1])
            words = self.entry_words(texts.get(chosen, self.sysroot.read(chosen)))
            path = self.grubenv_path()
            env = dict(self.grubenv())
            if path in texts:
                env = dict(line.split("=", 1) for line in texts[path].splitlines() if "=" in line and not line.startswith("#"))
            if own:
                return self.expand(words, {"kernelopts": env.get("kernelopts", "")})
            # One that is not set is nothing.
            return [word for word in self.expand(words, env) if not word.startswith("$")]
        entry = self.default_entry(self.sysroot.read(self.grub_cfg()))
        return entry["words"] if entry else None

    @staticmethod
    def entry_words(text):
        match = re.search(r"^options[ \t]+(.*)$", text or "", re.M)
        return split_arguments(match.group(1)) if match else []

    # What is owned

    def owned(self):
        return self.block.owned(self.sysroot.read(self.file))

    def other_owners(self):
        """Arguments of other owners, by owner."""
        found = {}
        paths = [DEFAULTS] + self.sysroot.glob(DROPINS + "/zz-kube-ovn-dpdk-*.cfg")
        for path in paths:
            text = self.sysroot.read(path, "")
            for owner in re.findall(r"^# BEGIN kube_ovn\.dpdk (\S+) \(managed by Ansible\)$", text, re.M):
                if owner != self.owner:
                    found[owner] = Block(owner).owned(text)[0]
        return found

    # What has to be written

    def plan(self, arguments):
        """New texts of files by path, for this list of arguments."""
        owned, replaced = self.owned()
        names = set(name_of(word) for word in arguments)
        old_names = set(name_of(word) for word in owned)
        if self.kind == "grub":
            return {self.file: self.block.put(self.sysroot.read(self.file), arguments, [])}
        # In boot entries foreign words that made room cannot be told from the installer's later on: they are written down.
        current = self.default_words(own=True) or []
        replaced = only(replaced, names) + only(current, names - old_names)
        given_back = only(self.owned()[1], old_names - names)
        texts = {}

        def edit(words):
            return without(words, names | old_names) + given_back + arguments

        opts_in_env = False
        for path in self.entries:
            text = self.sysroot.read(path)
            words = self.entry_words(text)
            if "$kernelopts" in words or "${kernelopts}" in words:
                opts_in_env = True
                continue
            texts[path] = self.with_options(text, edit(words))
        if opts_in_env:
            env_path = self.grubenv_path()
            env = self.grubenv()
            if not env_path or "kernelopts" not in env:
                raise HostError("boot entries use $kernelopts, but grubenv has none; run grub2-mkconfig once, which puts it there")
            texts[env_path] = self.grubenv_text(env_path, " ".join(edit(split_arguments(env["kernelopts"]))))
        if self.sysroot.exists(KERNEL_CMDLINE):
            # Entries of kernels that are installed later are made from it.
            texts[KERNEL_CMDLINE] = " ".join(edit(split_arguments(self.sysroot.read(KERNEL_CMDLINE)))) + "\n"
        texts[DEFAULTS] = self.block.put(self.sysroot.read(DEFAULTS), arguments, replaced)
        return texts

    @staticmethod
    def with_options(text, words):
        line = "options " + " ".join(words)
        if re.search(r"^options[ \t]+.*$", text, re.M):
            return re.sub(r"^options[ \t]+.*$", lambda match: line, text, count=1, flags=re.M)
        return text + ("" if text.endswith("\n") else "\n") + line + "\n"

    def grubenv_text(self, path, kernelopts):
        lines = [line for line in self.sysroot.read(path).splitlines() if line.strip("#") or not line]
        lines = ["kernelopts=" + kernelopts if line.startswith("kernelopts=") else line for line in lines]
        header = "# GRUB Environment Block"
        if header not in lines:
            lines.insert(0, header)
        text = "\n".join(lines) + "\n"
        if len(text) > 1024:
            raise HostError("the kernel arguments do not fit into %s, which GRUB reads as 1024 bytes; shorten them" % path)
        return text + "#" * (1024 - len(text))

    def expected(self, texts):
        """Words of the default entry as they will be."""
        if self.kind == "bls":
            return self.default_words(texts)
        return self.evaluate(texts)[0]

    def predicted(self, before, expected, names):
        """Words of the default entry of the menu that the generator would write: it puts root= before the words of its files, or a terminal behind."""
        current = self.evaluate()[0]
        leading = next((index for index, word in enumerate(before) if name_of(word) not in PROTECTED), len(before))
        for start in range(leading, len(before) - len(current) + 1):
            end = start + len(current)
            if before[start:end] == current:
                return before[:start] + expected + before[end:]
        # An entry that was not made from these files as they are.
        return without(before, names) + only(expected, names)

    # Writing

    def check_writable(self, paths):
        for path in paths:
            directory = os.path.dirname(self.sysroot.path(path))
            while not os.path.isdir(directory):
                directory = os.path.dirname(directory)
            target = self.sysroot.path(path)
            if not os.access(directory, os.W_OK) or (os.path.exists(target) and not os.access(target, os.W_OK)):
                raise HostError("%s cannot be written (read-only file system?); remount it and run again" % path)

    def write(self, path, text):
        target = os.path.realpath(self.sysroot.path(path))
        if not text and path.startswith(DROPINS):
            if os.path.exists(target):
                os.unlink(target)
            return
        make_parents(target)
        handle, name = tempfile.mkstemp(dir=self.module.tmpdir)
        with io.open(handle, "w", encoding="utf-8") as stream:
            stream.write(u"" + text)
        if not os.path.exists(target):
            os.chmod(name, 0o644)
        if os.path.basename(path) == "grubenv":
            # GRUB writes to the blocks of this file, so it stays the same file.
            shutil.copyfile(name, target)
            os.unlink(name)
            return
        self.module.atomic_move(name, target)

    def generate(self, arguments, names):
        """The new text of the menu, checked; nothing is put in place."""
        path = self.grub_cfg()
        directory = os.path.dirname(self.sysroot.path(path))
        if not os.path.isdir(directory):
            raise HostError("%s has no directory for GRUB's menu; is /boot mounted?" % path)
        scratch = tempfile.mkdtemp(prefix="kube-ovn-dpdk-")
        try:
            name = os.path.join(scratch, "grub.cfg")
            # A generator in a made-up tree is told where it is.
            environment = {} if self.sysroot.is_real else {"SYSROOT": self.sysroot.root}
            rc, out, err = self.module.run_command([self.sysroot.path(self.generator), "-o", name], environ_update=environment)
            if rc:
                raise HostError("%s failed with %d: %s" % (self.generator, rc, (err or out).strip()[-1000:]))
            with io.open(name, encoding="utf-8", errors="replace") as stream:
                text = stream.read()
        except IOError:
            raise HostError("%s wrote no file: %s" % (self.generator, (err or out).strip()[-1000:]))
        finally:
            shutil.rmtree(scratch)
        entry = self.default_entry(text)
        if not entry:
            raise HostError("%s wrote a menu without any entry; the old one is kept. Look at its output: %s" % (self.generator, (err or out).strip()[-1000:]))
        words = only(entry["words"] or [], names)
        if arguments and words != only(arguments, names):
            raise HostError(
                "%s did not put the arguments into the entry that boots by default, '%s' (it has: %s); the old menu is kept. "
                "Is it an own one of /etc/grub.d or custom.cfg? Then choose another by GRUB_DEFAULT"
                % (self.generator, (entry["names"] or ["without a title"])[0], " ".join(words) or "none of them")
            )
        return path, text


def pending(sysroot, words, names):
    """Reasons for a reboot: what the running kernel was not told the way the boot entry says."""

    def of(words, names):
        # Where the quotes stand is GRUB's affair.
        return [word.replace('"', "") for word in only(words, names)]

    running = running_arguments(sysroot)
    if of(running, names) == of(words, names):
        return []
    reasons = []
    for name in sorted(names):
        now = of(running, [name])
        then = of(words, [name])
        if now != then:
            reasons.append("%s is to become %s" % (" ".join(now) or "no " + name, " ".join(then) or "nothing"))
    return reasons or ["%s are to come in another order" % ", ".join(sorted(names))]
