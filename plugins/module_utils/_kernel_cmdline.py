# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""What module kernel_cmdline does; other modules ask it what it would do, and then have it done, in the same call."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import contextlib
import errno
import fcntl
import os
import re
import shutil
import time

from ansible.module_utils.common.text.converters import to_text
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._bootloader import KERNEL_CMDLINE, BootLoader, pending
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import HostError, Part, Question, Sysroot, running_arguments, wait_until
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._kernel_arguments import (
    BARE_COUNT,
    DEFAULT_SIZE,
    check_arguments,
    check_cores,
    for_kernel,
    keyed,
    only,
    owned_keys,
    size_key,
    sizes_given_twice,
)


# COMMAND_LINE_SIZE of x86_64 and arm64, with the zero at the end. GRUB puts BOOT_IMAGE= in front.
LONGEST = 2047
# One run at a time, of whatever owner, since all of them edit the same lines. Only root can open it.
LOCK = "kube-ovn-dpdk-kernel-arguments.lock"
# Seconds; a generator that looks for other systems takes its time.
LOCK_TIMEOUT = 120


@contextlib.contextmanager
def locked(sysroot):
    """Wait for other runs that change kernel arguments, and have others wait. The file goes with the lock."""
    path = os.path.join(sysroot.path("/run") if sysroot.isdir("/run") else sysroot.root, LOCK)
    handles = []

    def acquired():
        try:
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
                # Who cannot write this cannot write anything else either.
                return True
            raise HostError("%s cannot be opened: %s" % (sysroot.bare(path), os.strerror(error.errno)))
        fcntl.fcntl(handle, fcntl.F_SETFD, fcntl.FD_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another run may have removed it since it was opened.
            if os.path.exists(path) and os.path.samestat(os.fstat(handle), os.stat(path)):
                handles.append(handle)
                return True
        except EnvironmentError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES, errno.ENOENT):
                os.close(handle)
                raise HostError("%s cannot be locked: %s" % (sysroot.bare(path), os.strerror(error.errno)))
        os.close(handle)
        return False

    if not wait_until(acquired, LOCK_TIMEOUT):
        raise HostError(
            "another run has been changing the kernel arguments of this host for %d s; wait for it to end (fuser %s names its process), then run again"
            % (LOCK_TIMEOUT, sysroot.bare(path))
        )
    try:
        yield
    finally:
        for handle in handles:
            os.unlink(path)
            os.close(handle)


def check_length(words):
    length = len(" ".join(words))
    if length > LONGEST:
        raise HostError(
            "the kernel command line would have %d characters, of which the kernel reads %d; shorten the arguments, or take others out"
            % (length, LONGEST)
        )


def lines(words):
    return "".join(word + "\n" for word in words)


def check_owners(loader, arguments):
    keys = owned_keys(arguments, 0)
    for owner, words in sorted(loader.other_owners().items()):
        both = sorted(keys & owned_keys(words, 0) - set([BARE_COUNT]))
        if both:
            raise HostError(
                "%s is already owned by '%s'; let one of the two own it. To move it, run '%s' without it first" % (", ".join(both), owner, owner)
            )


def write_all(module, loader, texts, arguments, keys, generate):
    """Write files and menu, or leave all as it was. Returns the backups."""
    sysroot = loader.sysroot
    interim = loader.interim(texts, arguments, generate)
    paths = sorted(texts) + ([loader.menu_path] if generate else [])
    old = dict((path, sysroot.read_exact(path)) for path in paths)
    written = []
    backups = []

    def put(path, text):
        target = os.path.realpath(sysroot.path(path))
        if module.params["backup"] and os.path.exists(target) and path not in written:
            # The EFI partition refuses colons.
            copy = "%s.%d.%s~" % (target, os.getpid(), time.strftime("%Y%m%dT%H%M%S"))
            backups.append(copy)
            module.preserved_copy(target, copy)
        if path not in written:
            written.append(path)
        loader.write(path, text)

    def undo():
        for path in reversed(written):
            if sysroot.read_exact(path) == old[path]:
                continue
            if old[path] is not None:
                loader.write(path, old[path])
            elif sysroot.exists(path):
                loader.remove(path, sysroot.path(path))
        for copy in backups:
            if os.path.exists(copy):
                os.unlink(copy)

    try:
        for path in sorted(interim):
            put(path, interim[path])
        for path in sorted(set(texts) - set(interim)):
            put(path, texts[path])
        if generate:
            put(*loader.generate(arguments, keys))
        for path in sorted(interim):
            put(path, texts[path])
    except (EnvironmentError, shutil.Error) as error:
        undo()
        raise HostError("writing the kernel arguments failed, and all files were restored: %s" % to_text(error))
    except BaseException:
        # Also what ends a module by itself, as moving a file does.
        undo()
        raise
    return [sysroot.bare(copy) for copy in backups]


def warn_of_pages(module, loader, booted, overruled, keys):
    for size in sizes_given_twice(booted):
        if "hugepagesz=%s" % size not in keys:
            module.warn(
                "hugepagesz=%s is twice on the kernel command line, so the kernel ignores the second one together with its hugepages=; "
                "none of the two is owned here: take one of them out" % size
            )
    default = size_key(loader.default_kb)
    for key, word in keyed(overruled):
        if key == BARE_COUNT and default not in keys and DEFAULT_SIZE in keys:
            module.warn(
                "%s has no hugepagesz= before it, so with another default page size it would count pages of that one, and is overridden. "
                "To keep these pages of %s, ask for them by their size" % (word, default.partition("=")[2])
            )


def warn_of_next_kernel(module, loader, booted, owned):
    """booted: words of the next boot; owned: those that were owned up to now."""

    def of(words):
        # Where the quotes stand is GRUB's affair.
        return keyed([word.replace('"', "") for word in words])

    running = of(running_arguments(loader.sysroot))
    stay = of(booted)
    left = [pair[1] for pair in of(owned) if pair in running and pair not in stay]
    if left and loader.copies_running_kernel():
        module.warn(
            "the running kernel was started with %s, and there is no %s, so a kernel that is installed before the next reboot would get them for good: "
            "reboot before that, or write the words of the default boot entry into that file" % (" ".join(left), KERNEL_CMDLINE)
        )


def unchanged(loader, **more):
    return dict(
        dict(
            changed=False,
            diff=dict(before="", after=""),
            reboot_required=False,
            reboot_reasons=[],
            boot_loader=loader.kind,
            command_line=[],
            overruled=[],
            files=[],
            backups=[],
            newer_than_boot=False,
        ),
        **more
    )


def run(module):
    sysroot = Sysroot(module.params["sysroot"])
    if module.check_mode:
        return settle(module, sysroot)
    with locked(sysroot):
        return settle(module, sysroot)


def settle(module, sysroot):
    params = module.params
    asked = [to_text(word) for word in params["arguments"]]
    if not re.match(r"^[a-z][a-z0-9_]*$", params["owner"]):
        raise HostError("owner '%s' is not a name of lower-case letters, digits and _" % to_text(params["owner"]))
    check_arguments(asked)
    arguments = [] if params["state"] == "absent" else asked
    check_cores(sysroot, arguments)
    loader = BootLoader(module, sysroot, params["owner"])
    owned = loader.owned()
    try:
        loader.detect()
    except HostError:
        # Of a host that cannot be managed nothing has to be given up.
        if arguments or owned:
            raise
        loader.kind = None
    if loader.kind is None:
        if arguments:
            raise HostError(
                "no boot loader to give arguments to: neither /etc/default/grub with grub-mkconfig or grub2-mkconfig, "
                "nor entries in /boot/loader/entries; set the arguments where this host is booted from"
            )
        return unchanged(loader)
    loader.check_syntax(arguments)
    check_owners(loader, arguments)
    keys = owned_keys(arguments, loader.default_kb)
    replaced = loader.replaced()
    every = keys | owned_keys(owned + replaced, loader.default_kb) | owned_keys(asked, loader.default_kb)
    before = loader.default_words()
    if not arguments and not owned:
        booted = loader.as_booted(before or [])
        warn_of_pages(module, loader, booted, [], keys)
        reasons = pending(sysroot, booted, every)
        return unchanged(loader, command_line=before or [], reboot_required=bool(reasons), reboot_reasons=reasons)
    texts = loader.plan(arguments)
    overruled = []
    if arguments:
        # What there would be without us, for the names that are ours.
        bare = loader.expected(loader.plan([]))
        overruled = [word for word in only(for_kernel(bare or []), keys) if word not in arguments]
        loader.check_sources(texts, arguments)
        if loader.edits:
            loader.check_default(texts, arguments)
    expected = loader.expected(texts)
    texts = dict((path, text) for path, text in texts.items() if text != sysroot.read_exact(path, ""))
    generate = not loader.edits and (
        before is None or only(for_kernel(before), every) != only(for_kernel(expected), every)
    )
    after = expected if loader.edits else before
    if generate:
        after = loader.predicted(loader.check_menu_by_hand(every | owned_keys(loader.words_of_all(), loader.default_kb)), expected)
    if arguments and (texts or generate):
        check_length(loader.as_booted(after or [], texts))
    files = sorted(texts) + ([loader.menu_path] if generate else [])
    needed = dict(texts, **({loader.menu_path: sysroot.read_exact(loader.menu_path, "")} if generate else {}))
    needed.update(loader.interim(texts, arguments, generate))
    loader.check_writable(needed)
    backups = []
    if files and not module.check_mode:
        backups = write_all(module, loader, texts, arguments, keys, generate)
        after = loader.default_words()
    booted = loader.as_booted(after or [], texts)
    warn_of_pages(module, loader, booted, overruled, keys)
    warn_of_next_kernel(module, loader, booted, owned + replaced)
    reasons = pending(sysroot, booted, every)
    return dict(
        changed=bool(files),
        diff=dict(
            before_header="default boot entry",
            after_header="default boot entry",
            before=lines(before or []),
            after=lines(after or []),
        ),
        reboot_required=bool(reasons),
        reboot_reasons=reasons,
        boot_loader=loader.kind,
        command_line=after or [],
        overruled=overruled,
        files=files,
        backups=backups,
        newer_than_boot=bool(files) or loader.written() > sysroot.boot_time(),
    )


def check_boot(module):
    result = run(module)
    if result["reboot_required"]:
        raise HostError(
            "the host did not boot the default entry of its boot loader's menu: %s; check for another boot loader, a network boot, "
            "or an entry that was chosen by hand" % "; ".join(result["reboot_reasons"])
        )
    return result


# How another module has the same done in its own call.
BOOT = dict(
    type="dict",
    options=dict(
        owner=dict(type="str", required=True),
        state=dict(type="str", choices=["present", "absent"], default="present"),
        booted=dict(type="bool", default=False),
    ),
)


def by_boot(module, arguments):
    """Parameters of module kernel_cmdline by the option `boot` of another one."""
    boot = module.params["boot"]
    return dict(owner=boot["owner"], state=boot["state"], arguments=[] if boot["state"] == "absent" else arguments, backup=False)


def ask(module, arguments):
    """What module kernel_cmdline would do with these arguments; raises HostError for what it refuses."""
    question = Question(module, **by_boot(module, arguments))
    # After a boot nothing is written.
    return dict(check_boot(question), changed=False) if module.params["boot"]["booted"] else run(question)


def apply(module, arguments, asked):
    """Do what ask() has returned, where that is a change, and return what it is then."""
    if module.check_mode or not asked["changed"]:
        return asked
    return run(Part(module, **by_boot(module, arguments)))
