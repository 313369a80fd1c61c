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
import select
import signal
import subprocess
import tempfile
import time

# Bytes that are read of what a program prints.
LARGEST_OUTPUT = 16 * 1024 * 1024
UNITS_KB = {"": 1, "K": 1, "M": 1024, "G": 1024 * 1024, "T": 1024 * 1024 * 1024}


class HostError(Exception):
    """Something the user has to know: the message says what is wrong and how it is cured. str() fails on non-ASCII under Python 2; use message."""

    def __init__(self, message, number=None):
        super(HostError, self).__init__(message)
        self.message = message
        self.errno = number


def run_module(module, run, **failure):
    """End the module with run(module), or with its HostError and what else a failure returns.

    With option plan nothing is done, and the result is not changed.
    """
    plan = module.params['plan']
    module.check_mode = module.check_mode or plan
    try:
        result = run(module)
    except HostError as error:
        module.fail_json(msg=error.message, **failure)
    if plan:
        result.pop('diff', None)
        result['changed'] = False
    module.exit_json(**result)


class TimeoutExpired(Exception):
    """What was started goes on, and nothing can end it."""


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

    def read_bytes(self, path):
        try:
            with io.open(self.path(path), "rb") as stream:
                return stream.read()
        except (IOError, OSError):
            return None

    def read_exact(self, path, default=None):
        """The text with each byte as one character (Latin-1), so that it can be written as it was, whatever its encoding."""
        content = self.read_bytes(path)
        return default if content is None else content.decode("latin-1")

    def mtime(self, path):
        """Time of the last change in seconds since the epoch, 0 where there is no such file."""
        try:
            return os.stat(self.path(path)).st_mtime
        except OSError:
            return 0

    def boot_time(self):
        """When the running kernel was started, in seconds since the epoch."""
        match = re.search(r"^btime ([0-9]+)", self.read("/proc/stat", ""), re.M)
        return int(match.group(1)) if match else 0

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
    words = split_arguments(sysroot.read_exact("/proc/cmdline", ""))
    return words[:words.index("--")] if "--" in words else words


def unescaped(text):
    """A path of fstab or of /proc/mounts, which have octal escapes for spaces and such (fstab(5))."""
    return re.sub(r"\\([0-7]{3})", lambda match: u"%c" % (int(match.group(1), 8) & 0xFF), text)


def cpu_flags(sysroot):
    match = re.search(r"^(?:flags|Features)\s*:(.*)$", sysroot.read("/proc/cpuinfo", ""), re.M)
    return set(match.group(1).split()) if match else set()


def has_namespace_of_host(sysroot, pid, kind):
    """Whether a process is in this namespace (pid, mnt, net) of the host. Some hosts hide that of process 1, from root too; this one runs in the same."""
    host = sysroot.linkname("/proc/1/ns/%s" % kind) or sysroot.linkname("/proc/self/ns/%s" % kind)
    return host is not None and sysroot.linkname("/proc/%s/ns/%s" % (pid, kind)) == host


def firmware_iommu(sysroot):
    """IOMMU that the ACPI tables describe: intel, amd or none. The vendor of the CPU is no proof of one, least of all in a virtual machine."""
    for table, kind in (("DMAR", "intel"), ("IVRS", "amd")):
        # Tables that were replaced at boot are one level deeper.
        if sysroot.glob("/sys/firmware/acpi/tables/%s*" % table) or sysroot.glob("/sys/firmware/acpi/tables/*/%s*" % table):
            return kind
    return "none"


def make_parents(path):
    """Make the directories of a path that are missing, for all to read whatever the umask."""
    directory = os.path.dirname(path)
    if os.path.isdir(directory):
        return
    make_parents(directory)
    try:
        os.mkdir(directory)
    except OSError as error:
        if error.errno != errno.EEXIST:
            raise
        return
    os.chmod(directory, 0o755)


def bounded(function, timeout):
    """Run a function in a process of its own, for what may block in the kernel for ever, as a write to unbind does while the device is open.

    Its HostError is raised here. Raises TimeoutExpired when it has not ended in time; the process is left behind, since nothing can end such a write.
    """
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            # Ansible waits for the output of this module, and must not wait for the process.
            os.setsid()
            null = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(null, number)
            os.close(reader)
            try:
                function()
                said = "ok"
            except HostError as error:
                said = "%d %s" % (error.errno or 0, error)
            os.write(writer, said.encode("utf-8"))
        finally:
            os._exit(0)
    os.close(writer)
    said = b""
    end = time.time() + timeout
    try:
        while select.select([reader], [], [], max(0, end - time.time()))[0]:
            part = os.read(reader, 65536)
            if not part:
                break
            said += part
        else:
            raise TimeoutExpired()
    finally:
        os.close(reader)
    os.waitpid(pid, 0)
    number, dummy, message = said.decode("utf-8").partition(" ")
    if number != "ok":
        raise HostError(message or "a process of the module ended without a result", int(number or 0) or None)


def run_within(argv, seconds):
    """(exit code, output, errors) of a program. Raises TimeoutExpired when it has not ended in time; it and what it has started are killed then."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors, open(os.devnull) as nothing:
        try:
            # In a session of its own, so that all of it can be killed; Python 2.7 has nothing else for that, and modules have no threads. Into files, since
            # what is left behind may keep a pipe open.
            # pylint: disable-next=ansible-bad-function
            started = subprocess.Popen(argv, stdin=nothing, stdout=output, stderr=errors, close_fds=True, preexec_fn=os.setsid)  # noqa: PLW1509
        except OSError as error:
            raise HostError("%s cannot be started: %s" % (argv[0], os.strerror(error.errno)), error.errno)
        if not wait_until(lambda: started.poll() is not None, seconds, 0.01):
            os.killpg(started.pid, signal.SIGKILL)
            # One that waits in the kernel does not die at once.
            wait_until(lambda: started.poll() is not None, 1, 0.01)
            raise TimeoutExpired()
        said = []
        for stream in (output, errors):
            stream.seek(0)
            said.append(stream.read(LARGEST_OUTPUT).decode("utf-8", "replace"))
        return started.returncode, said[0], said[1]


def wait_until(test, timeout, interval=0.2):
    """True as soon as test() is; False when the time is over."""
    end = time.time() + timeout
    while True:
        if test():
            return True
        if time.time() >= end:
            return False
        time.sleep(interval)


class Question(object):
    """A module that is asked what it would do with these parameters: nothing is changed, and warnings are those of the module that asks."""

    check_mode = True

    def __init__(self, module, **params):
        self.module = module
        self.params = dict({"sysroot": module.params["sysroot"]}, **params)

    def __getattr__(self, name):
        return getattr(self.module, name)


class Part(Question):
    """A module that does with these parameters what it was asked about before, and has warned of then."""

    check_mode = False

    def warn(self, warning):
        pass
