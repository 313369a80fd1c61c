# Copyright (c) 2026, kube_ovn.dpdk maintainers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE to the collection: may change at any time without notice.

"""A small client for OVSDB's JSON-RPC (RFC 7047) over unix, tcp and ssl."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import errno
import json
import os
import re
import select
import socket
import ssl
import threading
import time

from ansible.module_utils.common.text.converters import to_bytes, to_native, to_text

from ansible_collections.kube_ovn.dpdk.plugins.module_utils._ovsdb_secrets import hidden

# A whole switch of 5,000 ports with statistics is about 10 MB.
MAX_REPLY = 64 * 1024 * 1024
# What the kernel takes of a unix socket's path.
MAX_PATH = 107
CHUNK = 256 * 1024
DEFAULT_PORT = 6640
PORT = re.compile(r'[0-9]{1,5}\Z')
# Not every system takes more for a socket.
MAX_WAIT = 3600.0
# A server that is restarting, or that has more connections waiting than it takes.
RESTARTING = (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN, errno.ECONNRESET, errno.EPIPE)

now = getattr(time, 'monotonic', time.time)


class OvsdbError(Exception):
    """Anything that ends the work; its first argument is a text meant for the user."""


class ConnectError(OvsdbError):
    """The server cannot be reached.

    retry: whether it may be restarting, so that a new attempt makes sense. returning: the same for a server that was there before.
    """

    def __init__(self, message, retry=False, returning=False):
        super(ConnectError, self).__init__(message)
        self.retry = retry
        self.returning = returning or retry


class ConnectionLost(OvsdbError):
    """The server closed an established connection."""


class TimedOut(OvsdbError):
    """The deadline passed."""


class ProtocolError(OvsdbError):
    """The server answered something that is not OVSDB."""


class TransactionError(OvsdbError):
    """The server refused a transaction; code is RFC 7047's error string."""

    def __init__(self, code, details, operation=None):
        text = 'the database refused the change: %s' % code
        if details:
            text += ': %s' % details
        if operation is not None:
            text += ' (in %s)' % json.dumps(hidden(operation), sort_keys=True)[:400]
        super(TransactionError, self).__init__(text)
        self.code = code


def _timed_out(exc):
    # Python 2 has no class of its own for TLS.
    return isinstance(exc, socket.timeout) or isinstance(exc, ssl.SSLError) and 'timed out' in str(exc)


def _reason(exc):
    """The error as text, without its number and without the source line of Python that TLS errors carry."""
    return to_text(getattr(exc, 'strerror', None) or exc).split(u' (_ssl.c:')[0]


def parse_remote(remote):
    """Split unix:/path, tcp:host:port or ssl:host:port into (kind, address)."""
    kind, sep, rest = remote.partition(':')
    if sep and rest:
        if kind == 'unix':
            return kind, to_native(rest)
        if kind in ('tcp', 'ssl'):
            if rest.startswith('['):
                host, closed, rest = rest[1:].partition(']')
                dummy, colon, port = rest.partition(':')
                fits = closed and not dummy
            else:
                host, colon, port = rest.partition(':')
                fits = True
            if not colon:
                port = str(DEFAULT_PORT)
            if fits and host and PORT.match(port) and 0 < int(port) < 65536:
                return kind, (host, int(port))
    raise OvsdbError('database "%s" is not understood: give unix:/path/to/db.sock, tcp:HOST:PORT or ssl:HOST:PORT' % remote)


class Client:
    """One connection to one database server; every call ends by the deadline."""

    def __init__(self, remote, deadline, private_key=None, certificate=None, ca_cert=None):
        self.remote = remote
        self.deadline = deadline
        self.kind, self.address = parse_remote(remote)
        self.tls = dict(private_key=private_key, certificate=certificate, ca_cert=ca_cert)
        if self.kind == 'ssl':
            self._check_tls_files()
        self.sock = None
        # A server that was there once is waited for until the deadline.
        self.was_connected = False
        self.received = b''
        self.serial = 0

    def _check_tls_files(self):
        for name, path in sorted(self.tls.items()):
            if not path:
                continue
            # As bytes, since Python 3.6 in the locale C and Python 2 encode text as ASCII.
            self.tls[name] = to_bytes(path)
            if not os.path.isfile(self.tls[name]):
                raise OvsdbError('%s: there is no file %s on this host' % (name, to_text(path)))
        if not self.tls['ca_cert']:
            raise OvsdbError('database %s needs ca_cert' % self.remote)
        if self.tls['private_key'] and not self.tls['certificate']:
            raise OvsdbError('private_key is given without the certificate that goes with it')

    def remaining(self):
        """Seconds until the deadline, as a socket takes them; raises TimedOut when there are none."""
        left = self.deadline - now()
        if left <= 0:
            raise TimedOut('no answer from the database at %s in time' % self.remote)
        return min(left, MAX_WAIT)

    def connect(self, grace=0.0):
        """Connect; while the server is restarting (socket missing or refused) try again for grace seconds.

        A server that this client was connected to before is tried until the deadline.
        """
        until = self.deadline if self.was_connected else min(self.deadline, now() + grace)
        pause = 0.02
        while True:
            try:
                return self._connect()
            except ConnectError as exc:
                if not (exc.returning if self.was_connected else exc.retry) or now() + pause > until:
                    raise
            time.sleep(pause)
            pause = min(pause * 2, 0.3)

    def _connect(self):
        self.close()
        try:
            if self.kind == 'unix':
                sock = self._connect_unix()
            else:
                sock = self._connect_tcp()
                if self.kind == 'ssl':
                    sock = self._wrap(sock)
        except (socket.error, OSError) as exc:
            raise self._connect_error(exc)
        self.sock = sock
        self.was_connected = True
        self.received = b''
        self.serial = 0

    def _addresses(self):
        """Addresses of the host. The resolver has time limits of its own, so that it is left behind at the deadline."""
        host, port = self.address
        found = []

        def resolve():
            try:
                found.append(socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
            except (socket.error, OSError, UnicodeError) as exc:
                found.append(exc)

        thread = threading.Thread(target=resolve)
        thread.daemon = True
        thread.start()
        thread.join(self.remaining())
        if not found:
            raise TimedOut('resolving %s, of database %s, took too long' % (host, self.remote))
        if isinstance(found[0], UnicodeError):
            raise ConnectError('the database at %s cannot be reached: %s is not a host name' % (self.remote, host))
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    def _connect_tcp(self):
        """Connect to the first address that answers. Each gets an equal part of the time that is left, so that a silent one does not use it up."""
        addresses = self._addresses()
        failure = None
        for index, (family, kind, protocol, _name, address) in enumerate(addresses):
            sock = None
            try:
                sock = socket.socket(family, kind, protocol)
                sock.settimeout(self.remaining() / (len(addresses) - index))
                sock.connect(address)
                return sock
            except (socket.error, OSError) as exc:
                failure = exc
                if sock is not None:
                    sock.close()
        if failure is None:
            raise ConnectError('the database at %s cannot be reached: %s has no address' % (self.remote, self.address[0]))
        raise failure

    def _connect_unix(self):
        path, directory = to_bytes(self.address), None
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(self.remaining())
            if len(path) > MAX_PATH:
                # The kernel follows a short path to the same place.
                directory = os.open(os.path.dirname(path), os.O_RDONLY)
                path = b'/proc/self/fd/%d/%s' % (directory, os.path.basename(path))
            sock.connect(path)
            return sock
        except Exception:
            sock.close()
            raise
        finally:
            if directory is not None:
                os.close(directory)

    def _wrap(self, sock):
        try:
            # OVSDB authenticates peers by CA, not by host name.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT if hasattr(ssl, 'PROTOCOL_TLS_CLIENT') else ssl.PROTOCOL_SSLv23)
            context.options |= ssl.OP_NO_SSLv2 | ssl.OP_NO_SSLv3
            context.check_hostname = False
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.tls['ca_cert'])
            if self.tls['certificate']:
                # Without a password OpenSSL would ask for that of an encrypted key on the terminal.
                context.load_cert_chain(self.tls['certificate'], self.tls['private_key'], password='')
            sock = context.wrap_socket(sock, do_handshake_on_connect=False)
            self._shake_hands(sock)
            return sock
        except Exception:
            sock.close()
            raise

    def _shake_hands(self, sock):
        """The TLS handshake, piece by piece, since Python 2 gives each piece the whole timeout."""
        sock.setblocking(False)
        while True:
            try:
                return sock.do_handshake()
            except ssl.SSLError as exc:
                if exc.args[0] not in (ssl.SSL_ERROR_WANT_READ, ssl.SSL_ERROR_WANT_WRITE):
                    raise
                reading = exc.args[0] == ssl.SSL_ERROR_WANT_READ
            ready = select.select([sock] if reading else [], [] if reading else [sock], [], self.remaining())
            if not any(ready):
                raise socket.timeout('timed out')

    def _connect_error(self, exc):
        where = 'the database at %s' % self.remote
        if _timed_out(exc):
            return TimedOut('connecting to %s took too long' % where)
        if isinstance(exc, ssl.SSLError):
            # Its errno is no errno. A server that ends shuts the connection in the middle of it.
            ended = isinstance(exc, getattr(ssl, 'SSLEOFError', ()))
            return ConnectError('%s cannot be reached: TLS failed: %s; check ca_cert, certificate and private_key' % (where, _reason(exc)), returning=ended)
        code = exc.errno
        if code == errno.ENOENT and self.kind == 'unix':
            parent = os.path.dirname(to_bytes(self.address))
            if os.path.isdir(parent or b'.'):
                return ConnectError('%s cannot be reached: there is no such socket; is ovsdb-server running?' % where, retry=True)
            return ConnectError('%s cannot be reached: directory %s does not exist; is Open vSwitch installed on this host?' % (where, to_text(parent)),
                                returning=True)
        if code == errno.ECONNREFUSED:
            return ConnectError('%s cannot be reached: connection refused; is ovsdb-server running?' % where, retry=True)
        if code in (errno.EACCES, errno.EPERM):
            return ConnectError('%s cannot be opened: permission denied; run the task with become: true' % where)
        return ConnectError('%s cannot be reached: %s' % (where, _reason(exc)), retry=code == errno.EAGAIN, returning=code in RESTARTING)

    def close(self):
        if self.sock is not None:
            try:
                self.sock.close()
            except (socket.error, OSError):
                pass
            self.sock = None

    def call(self, method, params):
        """Send one request and return its result; server errors raise ProtocolError."""
        self.serial += 1
        self._send({'method': method, 'params': params, 'id': self.serial})
        while True:
            message = self._receive()
            if message.get('method') == 'echo':
                self._send({'result': message.get('params'), 'error': None, 'id': message.get('id')})
            elif message.get('id') == self.serial and 'method' not in message:
                if message.get('error') is not None:
                    error = message['error']
                    code = error.get('error') if isinstance(error, dict) else error
                    raise TransactionError(code, error.get('details') if isinstance(error, dict) else None)
                return message.get('result')

    def _send(self, message):
        data = memoryview(json.dumps(message, separators=(',', ':')).encode('utf-8'))
        try:
            # Not sendall(), which gives each piece the whole timeout in Python 2 and over TLS.
            while data:
                self.sock.settimeout(self.remaining())
                data = data[self.sock.send(data[:CHUNK]):]
        except (socket.error, OSError) as exc:
            if _timed_out(exc):
                raise TimedOut('the database at %s does not take requests' % self.remote)
            raise self._broken(exc)

    def _broken(self, exc):
        """What a failure on an established connection means. A server that refuses us by TLS will not take us the next time."""
        if isinstance(exc, ssl.SSLError) and not isinstance(exc, getattr(ssl, 'SSLEOFError', ())):
            return OvsdbError('the database at %s ended the connection: TLS failed: %s; check certificate and private_key' % (self.remote, _reason(exc)))
        return ConnectionLost('the connection to the database at %s broke: %s' % (self.remote, _reason(exc)))

    def _receive(self):
        """Return the next JSON message. Messages are not delimited, so parsing is tried where one may end."""
        chunks = [self.received]
        size = len(self.received)
        last = self.received
        ended = False
        while True:
            if ended or (last.rstrip()[-1:] == b'}' and not self._more()):
                data = b''.join(chunks)
                message, rest = self._parse(data)
                if message is not None:
                    self.received = rest
                    return message
                chunks = [data]
            if ended:
                what = 'in the middle of a reply (after %d bytes)' % size if size else 'without a reply'
                raise ConnectionLost('the database at %s closed the connection %s' % (self.remote, what))
            last = self._read(size)
            ended = not last
            chunks.append(last)
            size += len(last)
            if size > MAX_REPLY:
                raise ProtocolError('the reply of %s is larger than %d MiB' % (self.remote, MAX_REPLY // 1048576))

    def _more(self):
        if self.kind == 'ssl' and self.sock.pending():
            return True
        return bool(select.select([self.sock], [], [], 0)[0])

    def _parse(self, data):
        """Return (message, rest), or (None, data) while the message is incomplete."""
        try:
            text = data.decode('utf-8').lstrip()
            message, end = json.JSONDecoder().raw_decode(text)
        except UnicodeDecodeError as exc:
            if exc.reason == 'unexpected end of data':
                return None, data
            raise ProtocolError('%s answers with something that is not JSON: %r' % (self.remote, data[:60]))
        except RuntimeError:
            # Nested so deep that the parser gave up.
            raise ProtocolError('%s answers with something that is not JSON-RPC: %r' % (self.remote, data[:60]))
        except ValueError:
            return None, data
        if not isinstance(message, dict):
            raise ProtocolError('%s answers with something that is not JSON-RPC: %s' % (self.remote, text[:60]))
        return message, text[end:].encode('utf-8')

    def _read(self, size):
        try:
            self.sock.settimeout(self.remaining())
            data = self.sock.recv(CHUNK)
        except (socket.error, OSError, TimedOut) as exc:
            if not isinstance(exc, TimedOut) and not _timed_out(exc):
                raise self._broken(exc)
            what = 'an incomplete reply (%d bytes)' % size if size else 'no reply'
            raise TimedOut('%s from the database at %s in time' % (what, self.remote))
        if not size and data.lstrip()[:1] not in (b'{', b''):
            raise ProtocolError('%s answers with something that is not JSON-RPC: %r' % (self.remote, data[:60]))
        return data

    def schema(self):
        """Return the Open_vSwitch schema's tables."""
        try:
            schema = self.call('get_schema', ['Open_vSwitch'])
        except TransactionError as exc:
            try:
                names = self.call('list_dbs', [])
            except TransactionError:
                names = None
            names = ', '.join(sorted(map(to_text, names))) or 'none' if isinstance(names, list) else 'unknown'
            raise OvsdbError('the server at %s has no database Open_vSwitch (%s); it has: %s' % (self.remote, exc.code, names))
        if not isinstance(schema, dict) or not isinstance(schema.get('tables'), dict):
            raise ProtocolError('%s answers get_schema with something that is not a schema' % self.remote)
        return schema

    def transact(self, operations):
        """Run operations as one transaction and return their results."""
        results = self.call('transact', ['Open_vSwitch'] + operations)
        if not isinstance(results, list):
            raise ProtocolError('%s answers transact with something that is not a list' % self.remote)
        for index, result in enumerate(results):
            if isinstance(result, dict) and result.get('error'):
                operation = operations[index] if index < len(operations) else None
                raise TransactionError(result['error'], result.get('details'), operation)
        answered = sum(isinstance(result, dict) for result in results)
        if answered < len(operations):
            raise ProtocolError('%s answered %d of %d operations' % (self.remote, answered, len(operations)))
        for index, operation in enumerate(operations):
            if operation['op'] == 'select' and not self._has_rows(results[index], operation.get('columns', ())):
                raise ProtocolError('%s answers a select with something that is not its rows' % self.remote)
        return results

    @staticmethod
    def _has_rows(result, columns):
        rows = result.get('rows')
        return isinstance(rows, list) and all(isinstance(row, dict) and all(name in row for name in columns) for row in rows)
