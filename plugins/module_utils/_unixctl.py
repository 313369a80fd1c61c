# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""Asks a running ovs-vswitchd over its control socket, as ovs-appctl does: JSON-RPC, one object for each request and each reply.

The directory of the socket may be writable for pods, so neither its pid file nor the name of the socket is believed. The kernel says which process
listens (SO_PEERCRED); it must share the host's pid namespace and call itself ovs-vswitchd. Nothing is executed.
"""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import json
import os
import re
import socket
import stat
import struct
import time

from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text

DAEMON = 'ovs-vswitchd'
# Linux; the module socket of Python 2.7 does not name it.
SO_PEERCRED = getattr(socket, 'SO_PEERCRED', 17)
MAX_REPLY = 32 * 1024 * 1024

now = getattr(time, 'monotonic', time.time)


class UnixctlError(Exception):
    """No daemon that can be asked, or one that did not answer; the argument is a text for the user."""


def read(path):
    """The text of a file, or an empty one where it cannot be read."""
    try:
        with open(path, 'rb') as handle:
            return to_text(handle.read(), errors='replace')
    except (IOError, OSError):
        return u''


def namespace(pid, proc):
    try:
        return os.readlink(os.path.join(proc, str(pid), 'ns', 'pid'))
    except OSError:
        return None


def peer(connection):
    """The process id that listens at the other end, as the kernel knows it."""
    size = struct.calcsize('3i')
    return struct.unpack('3i', connection.getsockopt(socket.SOL_SOCKET, SO_PEERCRED, size))[0]


def objection(pid, proc='/proc'):
    """Why this process is not the host's Open vSwitch, or None."""
    name = read(os.path.join(proc, str(pid), 'comm')).strip()
    if not name.startswith(DAEMON):
        return 'process %d calls itself %s' % (pid, name or 'nothing')
    # Some hosts hide the namespace of process 1, from root too; the module runs in the same one.
    host = namespace(1, proc) or namespace('self', proc)
    if host is None or namespace(pid, proc) != host:
        return 'process %d is not in the pid namespace of the host' % pid
    return None


def daemons(proc='/proc'):
    """The process ids of each Open vSwitch of the host, the newest last. No pid file is read: pods may write it, or put a pipe in its place."""
    try:
        pids = [int(name) for name in os.listdir(proc) if name.isdigit()]
    except OSError:
        return []
    return sorted((pid for pid in pids if objection(pid, proc) is None), key=lambda pid: (started(pid, proc) or 0, pid))


class Daemon(object):
    """A connection to the one ovs-vswitchd that listens in rundir; close() it."""

    def __init__(self, rundir, timeout=10, proc='/proc'):
        self.deadline = now() + timeout
        self.proc = proc
        self.connection = None
        self.pid = None
        self.number = 0
        self.rest = b''
        refused = []
        try:
            names = sorted(name for name in os.listdir(rundir) if re.match(r'%s\.\d+\.ctl$' % DAEMON, name))
        except OSError as error:
            raise UnixctlError('%s: %s' % (rundir, error.strerror))
        for name in names:
            path = os.path.join(rundir, name)
            problem = self._connect(path) if self.remaining() else 'no time is left to ask it'
            if problem is None:
                return
            refused.append('%s: %s' % (path, problem))
        raise UnixctlError('no ovs-vswitchd answers in %s%s' % (rundir, ' (%s)' % '; '.join(refused) if refused else ': it has no control socket there'))

    def remaining(self):
        """Seconds until the deadline, 0 from then on."""
        return max(self.deadline - now(), 0)

    def _limit(self, connection):
        """Let the connection wait until the deadline at most."""
        left = self.remaining()
        if not left:
            raise socket.timeout('timed out')
        connection.settimeout(left)

    def _connect(self, path):
        try:
            # A link could lead to a socket of the host that does not belong to Open vSwitch.
            if not stat.S_ISSOCK(os.lstat(path).st_mode):
                return 'is not a socket'
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        except OSError as error:
            return to_native(error.strerror)
        try:
            self._limit(connection)
            connection.connect(path)
            problem = objection(peer(connection), self.proc)
        except (IOError, OSError) as error:
            problem = to_native(getattr(error, 'strerror', None) or error)
        if problem is not None:
            connection.close()
            return problem
        self.connection, self.pid = connection, peer(connection)
        return None

    def close(self):
        if self.connection is not None:
            self.connection.close()

    def ask(self, method, *arguments):
        """The daemon's answer as text. UnixctlError where it refused, does not know the command or did not answer in time; it is not asked after that."""
        if not self.remaining():
            raise UnixctlError('%s was not asked: no time was left' % method)
        self.number += 1
        request = {'id': self.number, 'method': method, 'params': [to_text(argument) for argument in arguments]}
        try:
            self._limit(self.connection)
            self.connection.sendall(to_bytes(json.dumps(request)))
            reply = self._reply()
        except (IOError, OSError) as error:
            if isinstance(error, socket.timeout) or getattr(error, 'errno', None) == errno.EAGAIN:
                raise UnixctlError('%s did not answer in time' % method)
            raise UnixctlError('%s: %s' % (method, getattr(error, 'strerror', None) or error))
        if reply.get('error') is not None:
            raise UnixctlError('%s: %s' % (method, to_native(reply['error']).strip()))
        result = reply.get('result')
        return result if result is not None else u''

    def _reply(self):
        decoder = json.JSONDecoder()
        while True:
            text = self.rest.decode('utf-8', 'ignore')
            # Only a complete object ends with a brace: no attempt at a prefix of megabytes for each piece.
            if text.rstrip().endswith('}'):
                try:
                    reply, end = decoder.raw_decode(text.lstrip())
                    self.rest = b''
                    if isinstance(reply, dict) and reply.get('id') == self.number:
                        return reply
                    raise UnixctlError('the reply is not one to the request')
                except ValueError:
                    pass
            if len(self.rest) > MAX_REPLY:
                raise UnixctlError('the reply is longer than %d bytes' % MAX_REPLY)
            self._limit(self.connection)
            piece = self.connection.recv(256 * 1024)
            if not piece:
                raise UnixctlError('ovs-vswitchd closed the connection')
            self.rest += piece


def cpu_limit(pid, proc='/proc', cgroups='/sys/fs/cgroup'):
    """cpu.stat of the process' cgroup as {name: number}; empty where there is none."""
    for line in read(os.path.join(proc, str(pid), 'cgroup')).splitlines():
        parts = line.split(':', 2)
        if len(parts) != 3:
            continue
        number, controllers, path = parts
        if number == '0' and not controllers:
            name = cgroups + path
        elif 'cpu' in controllers.split(','):
            name = os.path.join(cgroups, 'cpu') + path
        else:
            continue
        found = dict(re.findall(r'^(\S+) (\d+)$', read(os.path.join(name, 'cpu.stat')), re.M))
        if found:
            return dict((key, int(value)) for key, value in found.items())
    return {}


def threads(pid, proc='/proc'):
    """The PMD threads: [{name, tid, cpus}], cpus being what the kernel lets them run on."""
    found = []
    tasks = os.path.join(proc, str(pid), 'task')
    try:
        numbers = sorted(os.listdir(tasks), key=int)
    except (OSError, ValueError):
        return []
    for number in numbers:
        name = read(os.path.join(tasks, number, 'comm')).strip()
        if not name.startswith('pmd'):
            continue
        cpus = re.search(r'^Cpus_allowed_list:\s*(\S+)', read(os.path.join(tasks, number, 'status')), re.M)
        found.append({'name': name, 'tid': int(number), 'cpus': cpus.group(1) if cpus else None})
    return found


def started(pid, proc='/proc'):
    """When the process began, as seconds since 1970, or None."""
    try:
        ticks = int(read(os.path.join(proc, str(pid), 'stat')).rpartition(')')[2].split()[19])
        boot = int(re.search(r'^btime (\d+)', read(os.path.join(proc, 'stat')), re.M).group(1))
        return boot + ticks / float(os.sysconf('SC_CLK_TCK'))
    except (AttributeError, IndexError, ValueError):
        return None


def tail(path, size=256 * 1024):
    """The last whole lines of a regular file; empty where it is anything else, a link among them, or cannot be read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return u''
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            return u''
        start = max(found.st_size - size, 0)
        os.lseek(handle, start, os.SEEK_SET)
        text = to_text(os.read(handle, size), errors='replace')
        return text.partition(u'\n')[2] if start else text
    except OSError:
        return u''
    finally:
        os.close(handle)
