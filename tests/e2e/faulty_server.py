"""A submission server that fails where it is told to: one step of the protocol, one kind of trouble, so many times.

It speaks STARTTLS and XOAUTH2, and writes down what it has taken. Where its answer to the end of data gets lost it has
taken the message: that is the case in which a sender cannot know.
"""

import contextlib
import select
import socket
import ssl
import struct
import threading

import harness
import load

STEPS = ('connect', 'banner', 'ehlo', 'starttls', 'tls', 'ehlo-tls', 'auth', 'mail', 'rcpt', 'data', 'body', 'dot')
KINDS = ('drop', 'reset', 'hang', '421', '4xx', '5xx', 'garbage', 'slow')

# Of a content that is to be interrupted; the rest must not fit into the buffers on the way.
_READ_OF_A_BODY = 10_000
_SLOW_STEP = 0.01

_REPLIES = {'banner': '220 faulty.test ESMTP', 'ehlo': '250-faulty.test\r\n250-PIPELINING\r\n250 STARTTLS', 'starttls': '220 2.0.0 go on',
            'ehlo-tls': '250-faulty.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SIZE 40000000\r\n250 AUTH XOAUTH2',
            'auth': '235 2.7.0 welcome', 'mail': '250 2.1.0 ok', 'rcpt': '250 2.1.5 ok', 'data': '354 go on', 'dot': '250 2.0.0 taken'}

_TROUBLE = {'421': '421 4.3.2 closing', '4xx': '451 4.3.0 not now', '5xx': '550 5.9.9 never',
            'garbage': '\x01\x7f no reply at all'}


class _Gone(Exception):
    """The conversation is over, by our doing or theirs."""


class FaultyServer:
    def __init__(self, certificate, key, step, kind, times):
        self.step, self.kind, self.left = step, kind, times
        self.inbox, self.connections = load.Inbox(), 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._listener = socket.create_server(('127.0.0.1', 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32 * 1024)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self):
        self._stopped.set()
        # What waits in accept() does not notice that its socket is closed.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def logs(self):
        return f'{self.step} x {self.kind}, {self.left} left, {self.connections} connections\n{self.inbox.summary()}'

    def draws(self, step):
        """Whether this moment is one of those that fail."""
        with self._lock:
            if step != self.step or not self.left:
                return False
            self.left -= 1
            return True

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        conversation = _Conversation(self, connection)
        try:
            conversation.hold()
        except (_Gone, OSError):
            pass
        finally:
            conversation.socket.close()

    def wrap(self, connection):
        return self._context.wrap_socket(connection, server_side=True)


class _Conversation:
    def __init__(self, server, connection):
        self.server, self.socket, self.received = server, connection, bytearray()
        self.socket.settimeout(harness.DEADLINE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def hold(self):
        self.answer('connect')
        self.answer('banner')
        while True:
            line = self.line()
            verb = line[:4].upper()
            if verb == b'EHLO':
                self.answer('ehlo-tls' if isinstance(self.socket, ssl.SSLSocket) else 'ehlo')
            elif verb == b'STAR':
                if self.answer('starttls'):
                    self.begin_tls()
            elif verb == b'MAIL':
                self.sender, self.recipients = self.address(line), []
                self.accepted = self.answer('mail')
            elif verb == b'RCPT':
                if self.accepted and self.answer('rcpt'):
                    self.recipients.append(self.address(line))
                elif not self.accepted:
                    self.say('503 5.5.1 MAIL first')
            elif verb == b'DATA':
                self.take_content()
            elif verb == b'QUIT':
                self.say('221 2.0.0 bye')
                return
            elif verb == b'AUTH':
                if len(line.split()) < 3:  # the token in a line of its own, since it is too long for a command
                    self.say('334 ')
                    self.line()
                self.answer('auth')
            else:
                self.say('250 2.0.0 ok')

    def begin_tls(self):
        if self.server.draws('tls'):
            self.trouble('tls')
        self.received.clear()
        self.socket = self.server.wrap(self.socket)

    def take_content(self):
        if not self.recipients:
            return self.say('503 5.5.1 nobody to send it to')
        if not self.answer('data'):
            return None
        if self.server.draws('body'):
            while len(self.received) < _READ_OF_A_BODY:
                self.more()
            self.trouble('body')
        content = self.until(b'\r\n.\r\n') + b'\r\n'
        delivery = load.Delivery(self.sender, tuple(self.recipients), content)
        if not self.server.draws('dot'):
            self.server.inbox.arrived(delivery)
            return self.say(_REPLIES['dot'])
        if self.server.kind not in ('421', '4xx', '5xx'):
            self.server.inbox.arrived(delivery)
        return self.trouble('dot')

    def answer(self, step):
        """Says yes, or is in trouble; whether it said yes."""
        if self.server.draws(step):
            return self.trouble(step)
        if step in _REPLIES:
            self.say(_REPLIES[step])
        return True

    def trouble(self, step):
        kind = self.server.kind
        if kind == 'slow':
            return self.be_slow(step)
        if kind == 'reset':
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        elif kind == 'hang':
            self.wait_for_hangup()
        elif kind != 'drop':
            self.say(_TROUBLE[kind])
            # In the other places a server that refuses goes on with the conversation.
            if kind in ('4xx', '5xx') and step not in ('connect', 'banner', 'tls', 'body'):
                return False
        raise _Gone

    def wait_for_hangup(self):
        """Without reading: content would flow on past its end."""
        waiting = select.poll()
        waiting.register(self.socket, select.POLLRDHUP)
        waiting.poll(harness.DEADLINE * 1000)

    def be_slow(self, step):
        if step == 'body':
            self.server._stopped.wait(20 * _SLOW_STEP)
        for octet in _REPLIES.get(step, '') + ('\r\n' if step in _REPLIES else ''):
            self.socket.sendall(octet.encode())
            self.server._stopped.wait(_SLOW_STEP)
        return True

    @staticmethod
    def address(line):
        return line[line.index(b'<') + 1:line.index(b'>')].decode()

    def say(self, text):
        self.socket.sendall(text.encode() + b'\r\n')

    def line(self):
        return self.until(b'\r\n')

    def until(self, end):
        seen = 0
        while (at := self.received.find(end, seen)) < 0:
            seen = max(0, len(self.received) - len(end))
            self.more()
        text = bytes(self.received[:at])
        del self.received[:at + len(end)]
        return text

    def more(self):
        octets = self.socket.recv(65536)
        if not octets:
            raise _Gone
        self.received += octets
