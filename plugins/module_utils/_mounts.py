# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""Mounts of hugetlbfs in /etc/fstab: lines of ours carry a mark, another owner's line that made room is kept as a comment before ours.

ansible.posix.mount takes one mount for each call, and its state absent removes the mount point too, so it is not used here.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import io
import os
import re
import tempfile

from ansible.module_utils.common.text.converters import to_bytes, to_native
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import (
    HostError,
    kb_to_size,
    make_parents,
    size_to_kb,
    unescaped,
)
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._kernel_arguments import page_kb

FSTAB = "/etc/fstab"
# mount ignores options that begin with x- (mount(8)).
MARK = "x-kube-ovn-dpdk"
# The mount point was made for the mount, so it goes with it.
MADE = "x-kube-ovn-dpdk.directory"
REPLACED = "# Replaced by kube_ovn.dpdk until hugetlbfs is unmounted: "


# Texts of fstab are decoded as Latin-1, so that bytes of any encoding survive. Paths are as Python has them.


def escaped(path):
    """A path as fstab has it."""
    return re.sub(r"[ \t\n\\]", lambda match: "\\%03o" % ord(match.group(0)), to_bytes(path).decode("latin-1"))


def shown(text):
    """A line of fstab for people."""
    return text.encode("latin-1").decode("utf-8", "replace")


class Line(object):
    """One line of fstab; comments and what is no mount have no path."""

    def __init__(self, text):
        self.text = text
        # Bytes of a letter may be white space to Latin-1.
        fields = [field for field in re.split("[ \t]", text) if field]
        active = len(fields) > 3 and not fields[0].startswith("#")
        self.path = os.path.normpath(to_native(unescaped(fields[1]).encode("latin-1"))) if active else None
        self.kind = fields[2] if active else None
        self.options = fields[3].split(",") if active else []
        self.is_own = self.kind == "hugetlbfs" and MARK in self.options

    def size_kb(self, default_kb):
        values = [option.partition("=")[2] for option in self.options if option.startswith("pagesize=")]
        return page_kb(values[-1]) if values else default_kb


class Mounts(object):
    """What is to be mounted, compared with fstab and with what is mounted; wanted: list of {path, size}, size may be None."""

    def __init__(self, module, sysroot, memory, wanted):
        self.module = module
        self.sysroot = sysroot
        self.memory = memory
        self.before = sysroot.read_exact(FSTAB, "")
        self.lines = [Line(text) for text in self.before.split("\n")]
        self.mounted = dict((to_native(mount["path"]), size_to_kb(mount["size"])) for mount in memory.mounts())
        self.wanted = [(self.mount_point(entry["path"]), self.wanted_kb(entry)) for entry in wanted]
        self.to_unmount = []
        self.to_mount = []
        self.to_make = []
        self.to_remove = []
        self.check()
        self.plan()

    def mount_point(self, path):
        """The path without links in it, as the kernel names what is mounted there: /run/huge for /var/run/huge."""
        if not path.startswith("/"):
            return path
        root = os.path.realpath(self.sysroot.root)
        real = os.path.relpath(os.path.realpath(self.sysroot.path(path)), root)
        return os.path.normpath("/" + path.lstrip("/")) if real.startswith("..") else "/" + real

    def wanted_kb(self, entry):
        if not entry.get("size"):
            return None
        size_kb = size_to_kb(entry["size"])
        if size_kb not in self.memory.sizes:
            known = ", ".join(kb_to_size(known_kb) for known_kb in self.memory.sizes) or "none"
            raise HostError(
                "the mount at %s asks for pages of %s; this kernel has %s" % (entry["path"], entry["size"], known)
            )
        return size_kb

    def check(self):
        paths = [path for path, _size_kb in self.wanted]
        for path in paths:
            if not path.startswith("/"):
                raise HostError("the mount point '%s' does not begin with /" % path)
            if paths.count(path) > 1:
                raise HostError("the mount point %s is listed twice" % path)
            if self.sysroot.exists(path) and not self.sysroot.isdir(path):
                raise HostError(
                    "the mount point %s is there and is no directory; name another one, or remove it" % path
                )
            there = [line for line in self.lines if line.path == path and not line.is_own]
            others = [line.kind for line in there if line.kind != "hugetlbfs"]
            if others:
                raise HostError(
                    "%s mounts %s at %s; name another mount point, or take that line out" % (FSTAB, others[0], path)
                )
            if len(there) > 1:
                raise HostError("%s has %d lines for %s; leave one of them" % (FSTAB, len(there), path))

    def plan(self):
        paths = [path for path, _size_kb in self.wanted]
        texts = []
        for line in self.lines:
            if line.is_own and line.path not in paths:
                self.drop(line, texts)
            else:
                texts.append(line.text)
        for path, size_kb in self.wanted:
            self.plan_mount(path, size_kb, texts)
        self.after = "\n".join(texts)

    def drop(self, line, texts):
        """The line goes, and one that had made room for it is back."""
        if texts and texts[-1].startswith(REPLACED):
            texts[-1] = texts[-1][len(REPLACED) :]
        if line.path in self.mounted:
            self.to_unmount.append(line.path)
        if MADE in line.options:
            self.to_remove.append(line.path)

    def plan_mount(self, path, size_kb, texts):
        mounted_kb = self.mounted.get(path)
        index = next((index for index, text in enumerate(texts) if Line(text).path == path), None)
        line = Line(texts[index]) if index is not None else None
        if size_kb is None and (mounted_kb or (line and not line.is_own)):
            # What systemd or another owner has mounted there will do.
            if not mounted_kb:
                self.to_mount.append(path)
            return
        if line and (size_kb is None or line.size_kb(self.memory.default_kb) == size_kb):
            pass
        else:
            made = line and MADE in line.options or not self.sysroot.exists(path)
            options = (
                (["pagesize=" + kb_to_size(size_kb)] if size_kb else ["defaults"]) + [MARK] + ([MADE] if made else [])
            )
            text = "hugetlbfs %s hugetlbfs %s 0 0" % (escaped(path), ",".join(options))
            if line is None:
                # Before what follows the final newline.
                if texts and texts[-1] == "":
                    texts.insert(len(texts) - 1, text)
                else:
                    texts += [text, ""]
            elif line.is_own:
                texts[index] = text
            else:
                texts[index : index + 1] = [REPLACED + line.text, text]
        if not self.sysroot.exists(path):
            self.to_make.append(path)
        if mounted_kb and size_kb and mounted_kb != size_kb:
            self.to_unmount.append(path)
        if not mounted_kb or (size_kb and mounted_kb != size_kb):
            self.to_mount.append(path)

    @property
    def changed(self):
        return self.before != self.after or bool(self.to_unmount or self.to_mount)

    def state(self, text, mounted):
        return {
            "fstab": [shown(line.text) for line in map(Line, text.split("\n")) if line.kind == "hugetlbfs"],
            "mounted": sorted(mounted),
        }

    def difference(self):
        kept = set(self.mounted) - set(self.to_unmount)
        return self.state(self.before, self.mounted), self.state(self.after, kept | set(self.to_mount))

    def run(self, program, *arguments):
        rc, out, err = self.module.run_command([self.module.get_bin_path(program, required=True)] + list(arguments))
        if rc:
            raise HostError("%s %s failed: %s" % (program, arguments[-1], (err or out).strip() or "exit code %d" % rc))

    def apply(self):
        """Unmount first: the line of a mount that is in use stays, and is what the next run knows of it."""
        for path in self.to_unmount:
            try:
                self.run("umount", path)
            except HostError as error:
                raise HostError(
                    "%s. Stop what uses its pages (OVS-DPDK, pods), then run again; nothing was taken out of %s"
                    % (error.message, FSTAB)
                )
        if self.before != self.after:
            self.write()
        for path in self.to_remove:
            try:
                os.rmdir(self.sysroot.path(path))
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EBUSY):
                    raise
        for path in self.to_make:
            make_parents(os.path.join(self.sysroot.path(path), ""))
        for path in self.to_mount:
            self.run("mount", *(([] if self.sysroot.is_real else ["-T", self.sysroot.path(FSTAB)]) + [path]))

    def write(self):
        target = self.sysroot.path(FSTAB)
        created = not os.path.exists(target)
        make_parents(target)
        handle, name = tempfile.mkstemp(dir=self.module.tmpdir)
        with io.open(handle, "wb") as stream:
            stream.write(self.after.encode("latin-1"))
        self.module.atomic_move(name, target)
        if created:
            os.chmod(target, 0o644)
