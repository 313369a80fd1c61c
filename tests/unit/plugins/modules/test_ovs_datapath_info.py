# -*- coding: utf-8 -*-
# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The control socket of ovs-vswitchd: who is believed, and what is made of the replies. The server here answers as lib/unixctl.c does."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import os
import shutil
import socket
import tempfile
import threading

import pytest

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _unixctl
from ansible_collections.kube_ovn.dpdk.plugins.modules import ovs_datapath_info
from ansible_collections.kube_ovn.dpdk.tests.unit.plugins.modules.host_tree import run_module

ANSWERS = {
    'dpctl/show': 'netdev@ovs-netdev:\n',
    'dpif-netdev/pmd-perf-show': 'pmd thread numa_id 0 core_id 1:\n',
    'dpif-netdev/pmd-rxq-show': 'pmd thread numa_id 0 core_id 1:\n',
    'dpctl/dump-flows': 'flow-dump from pmd on cpu core: 1\n' + 'x' * 300000,
    'version': 'ovs-vswitchd (Open vSwitch) 4.0.0\n',
}


class Daemon(object):
    """Listens as `name` in a directory of its own; the reply comes in pieces, as it does where it is long."""

    def __init__(self, directory, name='ovs-vswitchd.7.ctl', answers=None, garbage=None, silent=False):
        self.path = os.path.join(directory, name)
        self.answers = ANSWERS if answers is None else answers
        self.garbage = garbage
        self.silent = silent
        self.asked = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        thread = threading.Thread(target=self.serve)
        thread.daemon = True
        thread.start()

    def serve(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except (IOError, OSError):
                return
            while True:
                request = connection.recv(65536)
                if not request:
                    break
                if self.garbage is not None:
                    connection.sendall(self.garbage)
                    connection.close()
                    break
                request = json.loads(request.decode())
                self.asked.append([request['method']] + request['params'])
                if self.silent:
                    continue
                answer = self.answers.get(request['method'])
                reply = {'id': request['id'], 'result': answer, 'error': None if answer else '"%s" is not a valid command' % request['method']}
                text = json.dumps(reply).encode()
                for start in range(0, len(text), 100000):
                    connection.sendall(text[start:start + 100000])

    def close(self):
        self.listener.close()


@pytest.fixture
def directory():
    # Short, since a unix socket's path has at most 107 characters.
    path = tempfile.mkdtemp(prefix='ctl-', dir='/tmp')
    yield path
    shutil.rmtree(path)


@pytest.fixture
def proc(directory):
    """A /proc in which this process is ovs-vswitchd in the host's pid namespace."""
    path = os.path.join(directory, 'proc')
    for pid in (1, os.getpid()):
        os.makedirs(os.path.join(path, str(pid), 'ns'))
        os.symlink('pid:[4026531836]', os.path.join(path, str(pid), 'ns', 'pid'))
    write(path, os.getpid(), 'comm', 'ovs-vswitchd\n')
    return path


def write(proc, pid, name, text):
    with open(os.path.join(proc, str(pid), name), 'w') as handle:
        handle.write(text)


def test_answers_and_what_an_open_vswitch_does_not_know(directory, proc):
    server = Daemon(directory)
    daemon = _unixctl.Daemon(directory, proc=proc)
    found = ovs_datapath_info.collect(daemon, ['02:00:00:00:00:01'], ['br0'])
    daemon.close()
    server.close()
    assert daemon.pid == os.getpid()
    assert found['ports'] == ANSWERS['dpctl/show']
    assert found['flows'] == {'02:00:00:00:00:01': ANSWERS['dpctl/dump-flows']}
    assert found['flows_to'] == found['flows']
    assert found['fdb'] == {} and 'not a valid command' in found['errors']['fdb']
    # Open vSwitch 4.0 has no pmd-stats-show any more.
    assert found['pmd_stats'] is None
    assert 'not a valid command' in found['errors']['pmd_stats']
    for side in ('dl_src', 'dl_dst'):
        assert ['dpctl/dump-flows', '-m', '--names', 'filter=%s=02:00:00:00:00:01' % side] in server.asked
    assert ['fdb/stats-show', 'br0'] in server.asked


def test_only_reading_commands_are_asked_for(directory, proc):
    server = Daemon(directory)
    daemon = _unixctl.Daemon(directory, proc=proc)
    ovs_datapath_info.collect(daemon, [])
    daemon.close()
    server.close()
    assert all(question[0] == 'version' or question[0].rpartition('-')[2] == 'show' or question[0].endswith('/show') for question in server.asked)


@pytest.mark.parametrize('change, words', [
    (lambda proc: write(proc, os.getpid(), 'comm', 'python3\n'), 'calls itself python3'),
    (lambda proc: replace_namespace(proc, os.getpid()), 'is not in the pid namespace of the host'),
    (lambda proc: os.remove(os.path.join(proc, '1', 'ns', 'pid')), 'is not in the pid namespace of the host'),
], ids=['other program', 'container', 'unknown namespace'])
def test_a_process_that_is_not_the_hosts_open_vswitch_is_not_asked(directory, proc, change, words):
    change(proc)
    server = Daemon(directory)
    with pytest.raises(_unixctl.UnixctlError) as error:
        _unixctl.Daemon(directory, proc=proc)
    server.close()
    assert words in str(error.value)
    assert server.asked == []


def replace_namespace(proc, pid):
    path = os.path.join(proc, str(pid), 'ns', 'pid')
    os.remove(path)
    os.symlink('pid:[4026532999]', path)


def test_the_pid_file_and_the_number_in_the_name_are_not_believed(directory, proc):
    with open(os.path.join(directory, 'ovs-vswitchd.pid'), 'w') as handle:
        handle.write('1\n')
    server = Daemon(directory, 'ovs-vswitchd.1.ctl')
    daemon = _unixctl.Daemon(directory, proc=proc)
    daemon.close()
    server.close()
    assert daemon.pid == os.getpid()


def test_links_files_and_sockets_that_nobody_listens_on_are_passed_over(directory, proc):
    elsewhere = os.path.join(directory, 'elsewhere')
    os.mkdir(elsewhere)
    other = Daemon(elsewhere, 'other')
    os.symlink(other.path, os.path.join(directory, 'ovs-vswitchd.1.ctl'))
    with open(os.path.join(directory, 'ovs-vswitchd.2.ctl'), 'w'):
        pass
    left = socket.socket(socket.AF_UNIX)
    left.bind(os.path.join(directory, 'ovs-vswitchd.3.ctl'))
    left.close()
    with pytest.raises(_unixctl.UnixctlError) as error:
        _unixctl.Daemon(directory, proc=proc)
    assert str(error.value).count('is not a socket') == 2
    assert 'refused' in str(error.value)
    server = Daemon(directory, 'ovs-vswitchd.4.ctl')
    daemon = _unixctl.Daemon(directory, proc=proc)
    assert daemon.ask('version').startswith('ovs-vswitchd')
    daemon.close()
    server.close()
    other.close()
    assert other.asked == []


@pytest.mark.parametrize('garbage, words', [(b'{"id": 99, "result": "", "error": null}', 'not one to the request'), (b'nonsense', 'closed')])
def test_a_reply_that_is_none_ends_the_question(directory, proc, garbage, words):
    server = Daemon(directory, garbage=garbage)
    daemon = _unixctl.Daemon(directory, timeout=3, proc=proc)
    with pytest.raises(_unixctl.UnixctlError) as error:
        daemon.ask('version')
    daemon.close()
    server.close()
    assert words in str(error.value)


def test_after_the_deadline_nothing_is_asked(directory, proc):
    server = Daemon(directory, silent=True)
    daemon = _unixctl.Daemon(directory, timeout=0.3, proc=proc)
    began = _unixctl.now()
    found = ovs_datapath_info.collect(daemon, ['02:00:00:00:00:%02x' % number for number in range(60)], ['br0'])
    passed = _unixctl.now() - began
    daemon.close()
    server.close()
    assert passed < 1
    assert server.asked == [['dpctl/show', '-s']]
    assert 'did not answer in time' in found['errors']['ports']
    assert found['errors']['flows'] == 'dpctl/dump-flows was not asked: no time was left'
    assert found['pmd_rxq'] is None and 'was not asked' in found['errors']['pmd_rxq']
    with pytest.raises(_unixctl.UnixctlError) as error:
        _unixctl.Daemon(directory, timeout=-1, proc=proc)
    assert 'no time is left' in str(error.value)


def test_a_silent_database_and_a_silent_daemon_share_the_time(directory, proc, monkeypatch):
    database = socket.socket(socket.AF_UNIX)
    database.bind(os.path.join(directory, 'db.sock'))
    database.listen(1)
    server = Daemon(directory, silent=True)
    daemon = _unixctl.Daemon
    monkeypatch.setattr(ovs_datapath_info, 'Daemon', lambda rundir, timeout: daemon(rundir, timeout, proc))
    began = _unixctl.now()
    said = run_module(ovs_datapath_info, None, rundir=directory, database='unix:%s/db.sock' % directory, timeout=2,
                      macs=['02:00:00:00:00:%02x' % number for number in range(60)])
    passed = _unixctl.now() - began
    database.close()
    server.close()
    assert 1.9 < passed < 3
    assert 'in time' in said['errors']['switch'] and 'did not answer in time' in said['errors']['ports']
    assert said['switch'] is None and said['pid'] == os.getpid()


def test_no_daemon_at_all(directory, proc):
    for path in (directory, os.path.join(directory, 'missing')):
        with pytest.raises(_unixctl.UnixctlError):
            _unixctl.Daemon(path, proc=proc)


def test_log_is_read_from_its_end_and_through_no_link(directory):
    log = os.path.join(directory, 'ovs-vswitchd.log')
    with open(log, 'w') as handle:
        handle.write(''.join('line %d\n' % number for number in range(1000)))
    assert _unixctl.tail(log, 30).splitlines()[-1] == 'line 999'
    assert all(line.startswith('line ') for line in _unixctl.tail(log, 30).splitlines())
    link = os.path.join(directory, 'link')
    os.symlink(log, link)
    assert _unixctl.tail(link) == ''
    assert _unixctl.tail(directory) == ''
    os.mkfifo(os.path.join(directory, 'fifo'))
    assert _unixctl.tail(os.path.join(directory, 'fifo')) == ''


def test_process_state(proc):
    pid = os.getpid()
    os.makedirs(os.path.join(proc, str(pid), 'task', '12'))
    write(proc, '%d/task/12' % pid, 'comm', 'pmd-c01/id:7\n')
    write(proc, '%d/task/12' % pid, 'status', 'Name:\tpmd\nCpus_allowed_list:\t1\n')
    os.makedirs(os.path.join(proc, str(pid), 'task', '13'))
    write(proc, '%d/task/13' % pid, 'comm', 'urcu2\n')
    assert _unixctl.threads(pid, proc) == [{'name': 'pmd-c01/id:7', 'tid': 12, 'cpus': '1'}]
    write(proc, pid, 'stat', '%d (ovs vswitchd) S %s' % (pid, ' '.join(['0'] * 18 + ['5000'] + ['0'] * 5)))
    write(proc, '', 'stat', 'cpu 1\nbtime 1000\n')
    assert _unixctl.started(pid, proc) == 1000 + 5000 / float(os.sysconf('SC_CLK_TCK'))
    for line in ('0::/kubepods/ovs', '4:cpu,cpuacct:/kubepods/ovs'):
        write(proc, pid, 'cgroup', '3:memory:/x\n%s\n' % line)
        groups = os.path.join(proc, 'groups', 'cpu' if 'cpu' in line else '', 'kubepods', 'ovs')
        os.makedirs(groups)
        with open(os.path.join(groups, 'cpu.stat'), 'w') as handle:
            handle.write('usage_usec 9\nnr_periods 100\nnr_throttled 5\n')
        assert _unixctl.cpu_limit(pid, proc, os.path.join(proc, 'groups'))['nr_throttled'] == 5
    assert _unixctl.cpu_limit(999999, proc) == {}
    assert _unixctl.threads(999999, proc) == []
    assert _unixctl.started(999999, proc) is None
