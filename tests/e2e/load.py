"""Clients that send, an upstream that records, and the account between them: what was promised and what arrived.

A message is known by its Message-ID. It is *promised* once a client has read the 250 after its end of data. The
upstream lives in the test's process, so no crash of the daemon or of its disk touches what it recorded.
"""

import collections
import dataclasses
import random
import re
import socketserver
import threading

import harness

_MESSAGE_ID = re.compile(rb'^Message-ID: <([^>]+)>\r\n', re.MULTILINE | re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Delivery:
    """What the upstream has been given in one transaction; the content without dot-stuffing."""

    sender: str
    recipients: tuple
    content: bytes


class Inbox:
    """Deliveries in the order of their arrival, for tests that look at each."""

    def __init__(self):
        self._changed, self._deliveries = threading.Condition(), []

    def arrived(self, delivery):
        with self._changed:
            self._deliveries.append(delivery)
            self._changed.notify_all()

    def wait_for(self, count, seconds=harness.DEADLINE):
        """All deliveries, once there are so many."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._deliveries) >= count, seconds):
                raise AssertionError(f'{len(self._deliveries)} of {count} messages arrived within {seconds:.0f} s')
            return list(self._deliveries)

    def summary(self):
        with self._changed:
            return '\n'.join(map(repr, self._deliveries))


class Account:
    """Thread-safe books: promised, delivered, and their difference."""

    def __init__(self):
        self._changed = threading.Condition()
        self._sent = {}       # id -> (content, recipients), before its first octet goes out
        self._promised = set()
        self._delivered = collections.Counter()  # (id, recipient)
        self._missing = set()  # (id, recipient): promised and not delivered; kept up to date, since loops ask often
        self._altered = set()

    def opened(self, message_id, content, recipients):
        with self._changed:
            self._sent[message_id] = (content, recipients)

    def promised(self, message_id):
        with self._changed:
            self._promised.add(message_id)
            self._missing.update((message_id, recipient) for recipient in self._sent[message_id][1]
                                 if (message_id, recipient) not in self._delivered)
            self._changed.notify_all()

    def arrived(self, delivery):
        content, recipients = delivery.content, delivery.recipients
        found = _MESSAGE_ID.search(content)
        with self._changed:
            message_id = found.group(1).decode() if found else None
            if message_id not in self._sent or not content.endswith(self._sent[message_id][0]):
                self._altered.add(message_id or content[:200])
            for recipient in recipients:
                self._delivered[message_id, recipient] += 1
                self._missing.discard((message_id, recipient))
            self._changed.notify_all()

    def promised_count(self):
        with self._changed:
            return len(self._promised)

    def promised_bytes(self):
        with self._changed:
            return sum(len(self._sent[message_id][0]) for message_id in self._promised)

    def wait_for_promised(self, count, seconds=harness.DEADLINE):
        """Returns whether that many were promised in time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._promised) >= count, seconds)

    def wait_for_delivered(self, count, seconds=harness.DEADLINE):
        """Returns whether that many recipients had theirs in time."""
        with self._changed:
            return self._changed.wait_for(lambda: len(self._delivered) >= count, seconds)

    def missing(self):
        with self._changed:
            return set(self._missing)

    def missing_count(self):
        with self._changed:
            return len(self._missing)

    def wait_until_nothing_is_missing(self, seconds):
        with self._changed:
            return self._changed.wait_for(lambda: not self._missing, seconds)

    def altered(self):
        with self._changed:
            return set(self._altered)

    def _duplicates(self):
        times = collections.Counter()
        for (message_id, _), count in self._delivered.items():
            times[message_id] = max(times[message_id], count)
        return sum(count - 1 for count in times.values() if count > 1)

    def duplicates(self):
        """Transactions beyond the first, over all messages."""
        with self._changed:
            return self._duplicates()

    def delivered_count(self):
        with self._changed:
            return len(self._delivered)

    def summary(self):
        with self._changed:
            unanswered = len(self._sent) - len(self._promised)
            return (f'{len(self._promised)} promised, {len(self._missing)} recipients missing, {len(self._altered)} altered, '
                    f'{self._duplicates()} duplicates, '
                    f'{unanswered} sent without an answer')


class _Session(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self._converse()
        except ConnectionError:
            pass  # the daemon was killed

    def _say(self, text):
        self.wfile.write(text.encode() + b'\r\n')

    def _content(self):
        """Reads to CRLF.CRLF and takes the dots away; None when the connection ends before that."""
        lines = []
        while True:
            line = self.rfile.readline()
            if not line:
                return None
            while not line.endswith(b'\r\n'):
                more = self.rfile.readline()
                if not more:
                    return None
                line += more
            if line == b'.\r\n':
                return b''.join(lines)
            lines.append(line[1:] if line.startswith(b'.') else line)

    def _converse(self):
        recorder, sender, recipients = self.server.recorder, '', []
        if not recorder.open.is_set():
            return self._say('421 4.3.2 closed for now')
        self._say('220 recorder.test ESMTP')
        while True:
            line = self.rfile.readline().decode(errors='replace').strip()
            verb = line.upper()
            if not line:
                return None
            if verb.startswith('EHLO'):
                self._say('250-recorder.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 40000000')
            elif verb.startswith('MAIL FROM:'):
                sender, recipients = line[line.index('<') + 1:line.index('>')], []
                self._say('250 2.1.0 ok')
            elif verb.startswith('RCPT TO:'):
                recipients.append(line[line.index('<') + 1:line.index('>')])
                self._say('250 2.1.5 ok')
            elif verb == 'DATA':
                self._say('354 go on')
                content = self._content()
                if content is None:
                    return None
                recorder.take(Delivery(sender, tuple(recipients), content))
                self._say('250 2.0.0 recorded')
            elif verb == 'QUIT':
                return self._say('221 2.0.0 bye')
            else:
                self._say('250 2.0.0 ok')


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class Recorder:
    """The upstream: records in `books` (an Account or an Inbox), then answers. Unless `open` is set it answers 421."""

    def __init__(self, books, seed=0, delay_seconds_max=0.0):
        self.open = threading.Event()
        self.open.set()
        self._books, self._random = books, random.Random(seed)
        self._delay_seconds_max = delay_seconds_max
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._server = _Server(('127.0.0.1', 0), _Session)
        self._server.recorder = self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, delivery):
        with self._lock:
            delay = self._random.uniform(0, self._delay_seconds_max)
        self._books.arrived(delivery)
        # An upstream takes its time between recording and answering: there a crash makes a duplicate.
        self._stopped.wait(delay)

    def stop(self):
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def logs(self):
        return self._books.summary()


class Senders:
    """Threads that submit message after message to `port` while it is set, whatever happens to the server."""

    def __init__(self, account, count, seed, sizes=(200, 5_000, 100_000), recipients_max=3):
        self._account, self._sizes, self._recipients_max = account, sizes, recipients_max
        self._port, self._stopping = None, False
        self._changed = threading.Condition()
        self._threads = [threading.Thread(target=self._run, args=(number, random.Random(f'{seed}.{number}')), daemon=True)
                         for number in range(count)]
        for thread in self._threads:
            thread.start()

    def resume(self, port):
        with self._changed:
            self._port = port
            self._changed.notify_all()

    def pause(self):
        with self._changed:
            self._port = None

    def stop(self):
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(harness.DEADLINE)

    def logs(self):
        return self._account.summary()

    def _wait_for_port(self):
        with self._changed:
            self._changed.wait_for(lambda: self._stopping or self._port)
            return None if self._stopping else self._port

    def _run(self, number, chance):
        count = 0
        while port := self._wait_for_port():
            try:
                with harness.RawClient(port) as client:
                    client.greet()
                    while self._port == port and not self._stopping:
                        count += 1
                        self._submit(client, f'{number}.{count}.{chance.randrange(1 << 32):08x}@load.test', chance)
            except (OSError, AssertionError):
                # Killed in the middle, or answered 4xx on its way down: without a 250 nothing was promised.
                with self._changed:
                    if self._port == port:
                        self._changed.wait(0.01)

    def _submit(self, client, message_id, chance):
        recipients = [f'r{at}@example.test' for at in range(chance.choice((1, 1, 1, self._recipients_max)))]
        content = make_content(message_id, chance.choice(self._sizes))
        self._account.opened(message_id, content, recipients)
        wire = re.sub(rb'^\.', b'..', content, flags=re.MULTILINE) + b'.\r\n'
        if client.submit('app@contoso.test', recipients, wire).startswith('250'):
            self._account.promised(message_id)


def make_content(message_id, size):
    """A complete message, so that nothing needs to be added; the same id and size give the same octets."""
    head = (f'From: <app@contoso.test>\r\nTo: <r0@example.test>\r\nSubject: load\r\nMessage-ID: <{message_id}>\r\n'
            'Date: Mon, 01 Jan 2024 00:00:00 +0000\r\n\r\n').encode()
    line = f'.a line of {message_id} that begins with a dot, and \u00e4\r\n'.encode()
    return head + line * max(1, (size - len(head)) // len(line))
