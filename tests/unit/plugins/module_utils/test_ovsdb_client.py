# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import json
import socket

import pytest

from ansible_collections.kube_ovn.dpdk.plugins.module_utils import _ovsdb_client as ovsdb


@pytest.mark.parametrize('remote, expected', [
    ('unix:/run/openvswitch/db.sock', ('unix', '/run/openvswitch/db.sock')),
    ('tcp:127.0.0.1:6641', ('tcp', ('127.0.0.1', 6641))),
    ('tcp:switch', ('tcp', ('switch', 6640))),
    ('ssl:[2001:db8::1]:6642', ('ssl', ('2001:db8::1', 6642))),
    ('tcp:[::1]', ('tcp', ('::1', 6640))),
])
def test_remote(remote, expected):
    assert ovsdb.parse_remote(remote) == expected


@pytest.mark.parametrize('remote', ['', 'db.sock', 'unix:', 'tcp:', 'tcp::6640', 'tcp:a:0', 'tcp:a:70000', 'tcp:a:b', 'ptcp:6640', u'unix\xe9:/x'])
def test_remote_that_is_none(remote):
    with pytest.raises(ovsdb.OvsdbError) as error:
        ovsdb.parse_remote(remote)
    assert u'give unix:/path/to/db.sock' in error.value.args[0]


@pytest.fixture
def pair():
    """A client and the other end of its connection."""
    ours, theirs = socket.socketpair()
    client = ovsdb.Client('unix:/none', ovsdb.now() + 2)
    client.sock = ours
    yield client, theirs
    client.close()
    theirs.close()


def reply(**values):
    return json.dumps(dict(dict(id=1, error=None), **values)).encode('utf-8')


def test_call(pair):
    client, server = pair
    server.sendall(reply(result=[u'\xe9']))
    assert client.call('list_dbs', []) == [u'\xe9']
    assert json.loads(server.recv(1000).decode('utf-8')) == dict(method='list_dbs', params=[], id=1)


def test_replies_in_one_piece(pair):
    """What arrived with an earlier message is the next message."""
    client, server = pair
    echo = b'{"method":"echo","params":["x"],"id":"e"}'
    stale = reply(id=99, result='of nobody')
    server.sendall(echo + stale + b'\n ' + reply(result=7) + reply(id=2, result=8))
    assert client.call('a', []) == 7
    assert client.call('b', []) == 8
    assert b'"result":["x"]' in server.recv(1000)


def test_error_without_a_result(pair):
    """ovsdb-server leaves the result out of errors."""
    client, server = pair
    server.sendall(b'{"id":1,"error":{"error":"unknown database","details":"no such thing"}}')
    with pytest.raises(ovsdb.TransactionError) as error:
        client.call('get_schema', ['x'])
    assert error.value.code == 'unknown database'
    assert 'no such thing' in error.value.args[0]


def test_complete_reply_of_a_server_that_closes(pair):
    client, server = pair
    server.sendall(reply(result='whole'))
    server.shutdown(socket.SHUT_WR)
    assert client.call('a', []) == 'whole'


def test_closed_half_way(pair):
    client, server = pair
    server.sendall(reply(result='whole')[:-5])
    server.shutdown(socket.SHUT_WR)
    with pytest.raises(ovsdb.ConnectionLost) as error:
        client.call('a', [])
    assert 'in the middle of a reply' in error.value.args[0]


@pytest.mark.parametrize('garbage', [b'HTTP/1.1 400 Bad Request\r\n', b'{"a":"\xff\xfe"}', b'[1]', b'{"a":' + b'[' * 200000 + b'}'])
def test_garbage(pair, garbage):
    client, server = pair
    server.sendall(garbage)
    with pytest.raises(ovsdb.ProtocolError) as error:
        client.call('a', [])
    assert 'something that is not JSON' in error.value.args[0]


def test_too_large(pair, monkeypatch):
    monkeypatch.setattr(ovsdb, 'MAX_REPLY', 1000)
    client, server = pair
    server.sendall(b'{"id":1,"result":"' + b'x' * 2000)
    with pytest.raises(ovsdb.ProtocolError) as error:
        client.call('a', [])
    assert 'is larger than' in error.value.args[0]


def test_deadline(pair):
    client, server = pair
    client.deadline = ovsdb.now() + 0.1
    server.sendall(b'{"id":')
    with pytest.raises(ovsdb.TimedOut) as error:
        client.call('a', [])
    assert 'an incomplete reply (6 bytes)' in error.value.args[0]
    # The socket may give up a moment before the clock reaches the deadline.
    client.deadline = ovsdb.now()
    with pytest.raises(ovsdb.TimedOut):
        client.remaining()


@pytest.mark.parametrize('results, message', [
    ([{}, {'error': 'constraint violation', 'details': 'why'}, None], 'constraint violation: why (in {"op": "two"})'),
    ([{}, {}, {'error': 'referential integrity violation'}], 'referential integrity violation'),
    ([{}], 'answered 1 of 3 operations'),
    ([{}, None, {'rows': []}], 'answered 2 of 3 operations'),
    ({}, 'not a list'),
    ([{}, {}, {}], 'answers a select with something that is not its rows'),
    ([{}, {}, {'rows': {}}], 'answers a select with something that is not its rows'),
    ([{}, {}, {'rows': [{'name': 'a'}, {}]}], 'answers a select with something that is not its rows'),
])
def test_transaction_that_fails(pair, results, message):
    client, server = pair
    server.sendall(reply(result=results))
    with pytest.raises(ovsdb.OvsdbError) as error:
        client.transact([{'op': 'one'}, {'op': 'two'}, {'op': 'select', 'columns': ['name']}])
    assert message in error.value.args[0]


@pytest.mark.parametrize('files, message', [
    (dict(), 'needs ca_cert'),
    (dict(ca_cert='/nonexistent/ca.pem'), 'ca_cert: there is no file /nonexistent/ca.pem'),
    (dict(private_key='/nonexistent/key', ca_cert=__file__), 'private_key: there is no file'),
    (dict(private_key=__file__, ca_cert=__file__), 'without the certificate'),
])
def test_tls_files(files, message):
    with pytest.raises(ovsdb.OvsdbError) as error:
        ovsdb.Client('ssl:127.0.0.1:1', ovsdb.now() + 1, **files)
    assert message in error.value.args[0]
