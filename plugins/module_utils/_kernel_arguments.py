# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to this collection: it may change with any release.

"""Kernel command lines as words: what they mean to the kernel, what may be asked for, and how one line is edited and restored.

Two words of a command line set the same thing when they have the same key:

name=value                        -> "name", with - as _
hugepagesz=SIZE, hugepages=COUNT  -> "hugepagesz=1G": a count belongs to the size before it (hugepages_setup() of mm/hugetlb.c)
hugepages=COUNT                   -> "hugepages" where no size stands before it: the count of the default size
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _cpus
from ansible_collections.kube_ovn.dpdk.plugins.module_utils._host import (
    HostError,
    kb_to_size,
    size_to_kb,
    split_arguments,
)

# What makes the host boot at all belongs to its installer.
PROTECTED = ("root", "ro", "rw", "init", "initrd", "rootflags", "BOOT_IMAGE", "resume")
DEFAULT_SIZE = "default_hugepagesz"
# CHAR of GRUB's grub-core/script/yylex.l: outside quotes these end a word or a command.
SYNTAX = re.compile(r"[{}|&;<>]")
BARE_COUNT = "hugepages"
CPU_LISTS = ("isolcpus", "nohz_full", "rcu_nocbs", "irqaffinity")
# Flags that isolcpus and nohz_full may begin with (housekeeping_isolcpus_setup() of kernel/sched/isolation.c).
CPU_FLAGS = ("domain", "nohz", "managed_irq")


def name_of(word):
    """Name of an argument. To the kernel - and _ are the same, and GRUB moves quotes to the front of a word."""
    return word.lstrip('"').split("=", 1)[0].replace("-", "_")


def page_kb(text):
    """KiB of a page size as the kernel reads it (memparse() of lib/cmdline.c: a plain number is bytes); 0 where it reads none."""
    match = re.match(r"^(0[xX][0-9a-fA-F]+|[0-9]+)([KkMmGgTt]?)$", text.replace('"', ""))
    if not match:
        return 0
    number = int(match.group(1), 16 if match.group(1)[:2] in ("0x", "0X") else 10)
    return number * {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}[match.group(2).upper()] // 1024


def size_key(size_kb):
    return "hugepagesz=%s" % kb_to_size(size_kb)


def for_kernel(words):
    """The words that are the kernel's: what follows a lone -- is for init."""
    return words[: words.index("--")] if "--" in words else words


def keyed(words):
    """(key, word) of each word, in their order."""
    found = []
    size = None
    for word in words:
        name = name_of(word)
        key = name
        if name in ("hugepagesz", DEFAULT_SIZE):
            number = page_kb(word.partition("=")[2])
            size = size_key(number) if number else "hugepagesz=?" + word.partition("=")[2]
            if name == "hugepagesz":
                key = size
        elif name == BARE_COUNT:
            key = size or BARE_COUNT
        found.append((key, word))
    return found


def owned_keys(arguments, default_kb):
    """Keys of what these arguments set. default_kb: KiB of the page size that a count without a size belongs to, 0 where unknown."""
    keys = set(key for key, word in keyed(arguments))
    if DEFAULT_SIZE in keys or (default_kb and size_key(default_kb) in keys):
        # With another default size it would count pages of that one.
        keys.add(BARE_COUNT)
    return keys


def only(words, keys):
    return [word for key, word in keyed(words) if key in keys]


def sizes_given_twice(words):
    """Page sizes that the kernel ignores from the second time on, together with their counts."""
    sizes = [key for key, word in keyed(words) if name_of(word) == "hugepagesz"]
    return sorted(set(key.partition("=")[2] for key in sizes if sizes.count(key) > 1))


# What may be asked for


def check_arguments(arguments):
    """Refuse what would not survive the way to the kernel, or what the kernel would ignore."""
    seen = set()
    sizes = set()
    previous = None
    for word in arguments:
        if re.search("[^\x20-\x7e]", word):
            raise HostError(
                "kernel argument '%s' has a character that is not printable ASCII; boot loaders pass no others on reliably"
                % word
            )
        if not re.match(r"^[A-Za-z0-9_][A-Za-z0-9_.\-]*(=.*)?$", word):
            raise HostError("'%s' is not a kernel argument; write name or name=value" % word)
        if re.search(r"[$`\\']", word):
            raise HostError(
                "kernel argument '%s' has a character that does not survive the boot loader's shell ($ ` \\ ')" % word
            )
        if word.count('"') % 2 or split_arguments(word) != [word]:
            raise HostError(
                "kernel argument '%s' has a space or an odd number of quotes; write name=\"value with spaces\"" % word
            )
        special = SYNTAX.findall(re.sub(r'"[^"]*"', "", word))
        if special:
            raise HostError(
                "kernel argument '%s' has %s outside quotes, which GRUB takes for syntax of its own; write name=\"value\""
                % (word, " ".join(special))
            )
        name = name_of(word)
        if name in PROTECTED:
            raise HostError(
                "kernel argument '%s' is not for this module: the host's own %s= would be replaced" % (word, name)
            )
        if word in seen and name not in ("hugepages", "hugepagesz"):
            raise HostError("kernel argument '%s' is listed twice" % word)
        if name == DEFAULT_SIZE and any(name_of(item) == name for item in seen):
            raise HostError("default_hugepagesz is listed twice; the kernel has one default size")
        if name in ("hugepagesz", DEFAULT_SIZE):
            try:
                size = size_to_kb(word.partition("=")[2])
            except HostError as error:
                raise HostError("kernel argument '%s': %s" % (word, error))
            if page_kb(word.partition("=")[2]) != size:
                raise HostError(
                    "kernel argument '%s' is another size to the kernel; write it as %s=%s"
                    % (word, name, kb_to_size(size))
                )
            if name == "hugepagesz":
                if size in sizes:
                    raise HostError(
                        "hugepagesz=%s is listed twice: the kernel ignores the second one together with its hugepages="
                        % kb_to_size(size)
                    )
                sizes.add(size)
        if name == "hugepages" and previous not in ("hugepagesz", DEFAULT_SIZE):
            raise HostError("'%s' has to follow the hugepagesz= (or default_hugepagesz=) it counts" % word)
        seen.add(word)
        previous = name


def cpu_list(sysroot, name):
    return _cpus.parse((sysroot.read("/sys/devices/system/cpu/" + name) or "").strip())


def check_cores(sysroot, arguments):
    """Refuse core lists that this host cannot follow, or that contradict each other."""
    online = cpu_list(sysroot, "online")
    present = cpu_list(sysroot, "present") or online
    # The kernel's lists go up to the highest CPU that can ever be there (nr_cpu_ids).
    possible = cpu_list(sysroot, "possible") or present
    lists = {}
    for word in arguments:
        name, value = name_of(word), word.partition("=")[2]
        if name not in CPU_LISTS or not value:
            continue
        parts = ",".join(part for part in value.split(",") if part not in CPU_FLAGS)
        # A list with words names all that may ever come; one of numbers names what is meant to be there.
        by_words = re.search("N|all", parts, re.I)
        try:
            cores = _cpus.parse_kernel(parts, possible[-1] + 1 if by_words and possible else _cpus.MAX_CPUS)
        except ValueError as error:
            raise HostError("kernel argument '%s': %s" % (word, error))
        lists[name] = set(cores)
        if not online:
            continue
        if not by_words:
            missing = set(cores) - set(present)
            if missing:
                raise HostError(
                    "kernel argument '%s' names cores %s, which this host does not have; it has %s"
                    % (word, _cpus.format_list(missing), _cpus.format_list(present))
                )
            offline = set(cores) - set(online)
            if offline:
                raise HostError(
                    "kernel argument '%s' names cores %s, which are offline; bring them online or leave them out"
                    % (word, _cpus.format_list(offline))
                )
        if name in ("isolcpus", "nohz_full") and not set(online) - set(cores):
            raise HostError(
                "kernel argument '%s' leaves no core for the system itself; leave out at least core %d"
                % (word, online[0])
            )
    for name in ("isolcpus", "nohz_full"):
        both = lists.get(name, set()) & lists.get("irqaffinity", set())
        if both:
            raise HostError(
                "cores %s are in %s= and in irqaffinity=, so interrupts would disturb them; take them out of one"
                % (_cpus.format_list(both), name)
            )


# One line of a file


def tokens(text):
    """[gap, word] pairs of a line, and what follows the last word; double quotes hold a value with spaces together."""
    pairs = []
    gap = word = ""
    quoted = False
    for char in text:
        if char.isspace() and not quoted:
            if word:
                pairs.append([gap, word])
                gap = word = ""
            gap += char
        else:
            if char == '"':
                quoted = not quoted
            word += char
    if word:
        pairs.append([gap, word])
        gap = ""
    return pairs, gap


def joined(pairs, tail):
    return "".join(gap + word for gap, word in pairs) + tail


def with_arguments(base, owners, default_kb):
    """The line with the arguments of all owners ((name, arguments) pairs) in place of foreign ones of the same keys.

    An owner whose words are there already, and no others of their keys, finds them left where they are.
    """
    text = base
    for _owner, arguments in owners:
        pairs, tail = tokens(text)
        words = [word for gap, word in pairs]
        end = words.index("--") if "--" in words else len(words)
        keys = owned_keys(arguments, default_kb)
        if not arguments or only(words[:end], keys) == arguments:
            continue
        kept = [pairs[index] for index, (key, word) in enumerate(keyed(words[:end])) if key not in keys]
        if kept and pairs and kept[0] is not pairs[0]:
            # What the line began with was removed; the gap before it is that of the line.
            kept[0] = [pairs[0][0], kept[0][1]]
        gap = pairs[0][0] if pairs and not kept else " " if kept else ""
        added = []
        for word in arguments:
            added.append([gap, word])
            gap = " "
        text = joined(kept + added + pairs[end:], tail)
    return text


def keys_between(before, after):
    """Keys that with_arguments() has set, by what it was given and what it made of it, both as (key, word): all other words stay in their order."""
    keys = set()
    while True:
        first, second = [[pair for pair in pairs if pair[0] not in keys] for pairs in (before, after)]
        if first == second:
            return keys
        differs = next((index for index, pair in enumerate(first) if second[index:index + 1] != [pair]), len(first))
        keys.add((first[differs:] or second[differs:])[0][0])


def without_arguments(current, base, written):
    """The line as it would be without any owner, where others have edited it since: base became written, which became current."""
    if current == written:
        return base
    # By keys: a word of ours may be one that was there before, in another place or for another page size.
    before = keyed(for_kernel([word for gap, word in tokens(base or "")[0]]))
    ours = keys_between(before, keyed(for_kernel([word for gap, word in tokens(written)[0]])))
    pairs, tail = tokens(current)
    kernels = len(for_kernel([word for gap, word in pairs]))
    keys = [key for key, word in keyed([word for gap, word in pairs])]
    kept = [pair for index, pair in enumerate(pairs) if index >= kernels or keys[index] not in ours]
    # Foreign words that had made room stand behind the word that they stood behind.
    index = 0
    for key, word in before:
        if key in ours:
            if not index and kept:
                kept[0] = [kept[0][0] or " ", kept[0][1]]
            kept.insert(index, [" " if index else "", word])
            index += 1
        else:
            there = keyed(for_kernel([other for gap, other in kept]))
            if (key, word) in there[index:]:
                index = there.index((key, word), index) + 1
    return joined(kept, tail)


def says(text, owners, default_kb):
    """Whether a line has what all owners ask for, and nothing else for it."""
    words = for_kernel(split_arguments(text))
    return all(only(words, owned_keys(arguments, default_kb)) == arguments for _owner, arguments in owners)
