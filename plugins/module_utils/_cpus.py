# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""CPU lists and CPU masks: the one place that reads and writes them.

parse(value)               "0-3,8", 2, [2, "4-5"]        -> [0, 1, 2, 3, 8]   settings, and lists that the kernel prints
parse_kernel(text, count)  "1-N", "all", "1-7:2/4"       -> [1, ..., 15]      kernel arguments, on a host with count CPUs
parse_mask(text)           "0x2002", "2002"              -> [1, 13]           dpdk-lcore-mask, pmd-cpu-mask
format_list(cpus)          [0, 1, 2, 3, 8]               -> "0-3,8"
format_mask(cpus)          [1, 13]                       -> "0x2002"

CPUs are integers from 0. Whatever cannot be read raises ValueError with a message for the user, without a prefix.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import re

# What a Linux kernel for x86_64 can be built for at most (NR_CPUS).
MAX_CPUS = 8192

TEXT = (type(u''), str)
INTEGERS = (int, type(2 ** 64))
# Not \d: that takes the digits of every script.
RANGE = re.compile(r'([0-9]+)(?:[ \t]*-[ \t]*([0-9]+))?\Z')
REGION = re.compile(r'(?:([aA][lL][lL])|([0-9]+|N)(?:-([0-9]+|N))?)(?::([0-9]+)/([0-9]+))?\Z')
MASK = re.compile(r'(?:0[xX])?([0-9a-fA-F]+)\Z')


def _shown(value):
    """The value as a message shows it: short, and an integer that Python refuses to print not at all."""
    if isinstance(value, INTEGERS) and not isinstance(value, bool) and abs(value) >= 10 ** 18:
        return 'a number of more than 18 digits'
    # Without the u of Python 2, whose str() takes nothing but ASCII.
    shown = repr(value).lstrip('u') if isinstance(value, TEXT) else repr(value)
    return shown if len(shown) <= 60 else shown[:57] + '...'


def _number(digits):
    # Python limits the digits that it converts. Nine are beyond every limit here.
    digits = digits.lstrip('0') or '0'
    return int(digits[:9]) if len(digits) <= 9 else 10 ** 9


def _parts(value):
    """The comma-separated pieces of a text, or those of each item of a list."""
    if isinstance(value, TEXT):
        return value.split(',') if value.strip() else []
    if hasattr(value, '__iter__') and not isinstance(value, (bytes, bytearray, memoryview, dict)):
        parts = []
        for item in value:
            parts.extend(item.split(',') if isinstance(item, TEXT) else [item])
        return parts
    return [value]


def _range(part, limit):
    """First and last CPU of one piece."""
    if isinstance(part, INTEGERS) and not isinstance(part, bool):
        first = last = part
    else:
        match = RANGE.match(part.strip()) if isinstance(part, TEXT) else None
        if not match:
            raise ValueError('%s is not a CPU; give CPU numbers and ranges, such as "1,13", "2-4" or [2, 3]' % _shown(part))
        first = _number(match.group(1))
        last = _number(match.group(2)) if match.group(2) else first
    if first < 0 or last >= limit or first >= limit:
        raise ValueError('%s is out of range; CPUs go from 0 to %d' % (_shown(part), limit - 1))
    if last < first:
        raise ValueError('%s runs backwards; write the lower CPU first' % _shown(part))
    return first, last


def parse(value, limit=MAX_CPUS, duplicates=False):
    """Return the CPUs of a text, a number, or a list of both, ascending; an empty text or list has none.

    limit: number of CPUs, so that the highest is one less. duplicates: whether a CPU may be given more than once, as in "0-3,2".
    """
    found = set()
    for part in _parts(value):
        first, last = _range(part, limit)
        for cpu in range(first, last + 1):
            if cpu in found and not duplicates:
                raise ValueError('CPU %d is given twice' % cpu)
            found.add(cpu)
    return sorted(found)


def parse_kernel(text, count):
    """Return the CPUs of a kernel argument's list on a host with count CPUs, as bitmap_parselist() of Linux reads it.

    Beyond parse() it knows "all", N for the last CPU, and A-B:U/G, the first U of each G CPUs from A to B. The words are known to
    Linux 5.12 and later. CPUs that the host does not have are an error. Flags, such as those of isolcpus, are for the caller to take off.
    """
    if not isinstance(text, TEXT):
        raise ValueError('%s is not text' % _shown(text))
    found = set()
    for piece in text.split(','):
        part = piece.strip()
        if not part:
            continue
        match = REGION.match(part)
        if not match:
            raise ValueError('%s is not a CPU list of the kernel, such as 2-5,8 or 1-N' % _shown(part))
        everything, first, last, used, group = match.groups()
        bounds = ['0', 'N'] if everything else [first, last or first]
        first, last = [count - 1 if bound == 'N' else _number(bound) for bound in bounds]
        used, group = (_number(used), _number(group)) if used else (1, 1)
        if first > last:
            raise ValueError('%s runs backwards; write the lower CPU first' % _shown(part))
        if last >= count:
            raise ValueError('%s is out of range; CPUs go from 0 to %d' % (_shown(part), count - 1))
        if not group or used > group:
            raise ValueError('%s: of a group of %d CPUs the first %d cannot be taken' % (_shown(part), group, used))
        found.update(cpu for cpu in range(first, last + 1) if (cpu - first) % group < used)
    return sorted(found)


def parse_mask(text, limit=MAX_CPUS):
    """Return the CPUs of a hexadecimal mask, with or without 0x, as Open vSwitch and DPDK read it; a mask of zeros has none."""
    match = MASK.match(text.strip()) if isinstance(text, TEXT) else None
    if not match:
        raise ValueError('%s is not a hexadecimal mask; give text, such as "0x2002"' % _shown(text))
    digits = match.group(1).lstrip('0')
    if len(digits) > limit // 4 + 1:
        raise ValueError('the mask %s is out of range; CPUs go from 0 to %d' % (_shown(text), limit - 1))
    mask = int(digits or '0', 16)
    found = [cpu for cpu in range(4 * len(digits)) if mask >> cpu & 1]
    if found and found[-1] >= limit:
        raise ValueError('the mask %s is out of range; CPUs go from 0 to %d' % (_shown(text), limit - 1))
    return found


def format_list(cpus):
    """Return CPUs as the kernel writes them, such as "0-3,8"."""
    runs = []
    for cpu in sorted(set(cpus)):
        if runs and cpu == runs[-1][1] + 1:
            runs[-1][1] = cpu
        else:
            runs.append([cpu, cpu])
    return ','.join(str(first) if first == last else '%d-%d' % (first, last) for first, last in runs)


def format_mask(cpus):
    """Return CPUs as a hexadecimal mask with 0x in front."""
    return '0x%x' % sum(1 << cpu for cpu in set(cpus))
