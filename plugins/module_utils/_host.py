# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import glob
import io
import os
import re
import time

UNITS_KB = {"": 1, "K": 1, "M": 1024, "G": 1024 * 1024, "T": 1024 * 1024 * 1024}


class HostError(Exception):
    """Something the user has to know: the message says what is wrong and how it is cured."""

    def __init__(self, message, number=None):
        super(HostError, self).__init__(message)
        self.errno = number


class Sysroot(object):
    """File access below a root directory, so that all of it can be tested on a made-up tree."""

    def __init__(self, root="/"):
        self.root = os.path.abspath(root)

    @property
    def is_real(self):
        return self.root == "/"

    def path(self, path):
        return os.path.join(self.root, path.lstrip("/"))

    def bare(self, path):
        """The path as the host itself sees it."""
        if self.is_real:
            return path
        return "/" + os.path.relpath(path, self.root)

    def exists(self, path):
        return os.path.exists(self.path(path))

    def isdir(self, path):
        return os.path.isdir(self.path(path))

    def listdir(self, path):
        try:
            return sorted(os.listdir(self.path(path)))
        except OSError:
            return []

    def glob(self, pattern):
        return sorted(self.bare(found) for found in glob.glob(self.path(pattern)))

    def linkname(self, path):
        """Last part of where a symbolic link points to, or None; this is how sysfs names drivers and groups."""
        try:
            return os.path.basename(os.readlink(self.path(path)))
        except OSError:
            return None

    def read(self, path, default=None):
        try:
            with io.open(self.path(path), encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except (IOError, OSError):
            return default

    def read_int(self, path, default=None):
        text = self.read(path)
        try:
            return int(text)
        except (TypeError, ValueError):
            return default

    def poke(self, path, text):
        """Write to a file of sysfs or procfs: one write, no new file."""
        try:
            handle = os.open(self.path(path), os.O_WRONLY | os.O_TRUNC)
            try:
                os.write(handle, text.encode("utf-8"))
            finally:
                os.close(handle)
        except OSError as error:
            raise HostError("cannot write '%s' to %s: %s" % (text, path, os.strerror(error.errno)), error.errno)


def size_to_kb(text):
    """Size in KiB of 1G, 2M, 2048kB, 1Gi, 1048576 (KiB)."""
    match = re.match(r"^\s*([0-9]+)\s*([KMGT]?)(?:I?B)?\s*$", str(text).upper())
    if not match or int(match.group(1)) == 0:
        raise HostError("'%s' is not a size; write it as 1G, 2M, 512M or 2048kB" % (text,))
    return int(match.group(1)) * UNITS_KB[match.group(2)]


def kb_to_size(number):
    for unit in ("T", "G", "M"):
        if number % UNITS_KB[unit] == 0 and number:
            return "%d%s" % (number // UNITS_KB[unit], unit)
    return "%dK" % number


def parse_list(text):
    """Numbers in the kernel's list form: 0-3,8 becomes [0, 1, 2, 3, 8]."""
    numbers = set()
    for part in "".join(str(text).split()).split(","):
        if not part:
            continue
        match = re.match(r"^([0-9]+)(?:-([0-9]+))?$", part)
        if not match or (match.group(2) and int(match.group(2)) < int(match.group(1))):
            raise HostError("'%s' is not a list of numbers; write it as 2,3 or 2-5,8" % (text,))
        numbers.update(range(int(match.group(1)), int(match.group(2) or match.group(1)) + 1))
    return sorted(numbers)


def format_list(numbers):
    """The other way round: [0, 1, 2, 3, 8] becomes 0-3,8."""
    runs = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else "%d-%d" % (first, last) for first, last in runs)


def split_arguments(line):
    """Words of a kernel command line; double quotes hold a value with spaces together, as the kernel sees it."""
    words = []
    word = ""
    quoted = False
    for char in line:
        if char == '"':
            quoted = not quoted
        if char.isspace() and not quoted:
            if word:
                words.append(word)
            word = ""
        else:
            word += char
    if word:
        words.append(word)
    return words


def running_arguments(sysroot):
    """Words of /proc/cmdline; what follows a lone -- is for init and not for the kernel."""
    words = split_arguments(sysroot.read("/proc/cmdline", ""))
    return words[:words.index("--")] if "--" in words else words


def cpu_flags(sysroot):
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", sysroot.read("/proc/cpuinfo", ""), re.M)
    return set(match.group(1).split()) if match else set()


def make_parents(path):
    try:
        os.makedirs(os.path.dirname(path))
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise


def wait_until(test, timeout, interval=0.2):
    """True as soon as test() is; False when the time is over."""
    end = time.time() + timeout
    while True:
        if test():
            return True
        if time.time() >= end:
            return False
        time.sleep(interval)
