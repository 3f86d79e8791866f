"""No message that was answered 250 is lost or altered when the daemon is killed at any instant.

This says nothing about the disk: what a killed process has written is still in the kernel. See test_power_cut.py.
"""

import smtplib
import socket

import configs
import crashes
import harness
import load
import relay


class Kill9(crashes.CrashScenario):
    """Figures: 200 kills (20 in a short run), 20 senders, 3 connections, an upstream that answers after 0 to 200 ms."""

    def test_nothing_promised_is_lost_when_the_daemon_is_killed(self):
        kills = 200 if harness.is_long() else 20
        queue = self.folder / 'queue'
        self.crash_loop(kills, queue, crash=lambda: None)
        self.expect_nothing_lost(queue, kills)


class KilledBeforeTheEnd(harness.Scenario):
    def test_what_never_left_is_neither_held_nor_doubted_however_often_the_daemon_is_killed(self):
        # An upstream that takes connections and says nothing: no octet of a message ever leaves.
        queue, kills = self.folder / 'queue', 5
        with socket.create_server(('127.0.0.1', 0)) as silent:
            silent.settimeout(harness.DEADLINE)
            config = configs.plain(self.folder, queue, silent.getsockname()[1])
            for number in range(kills):
                daemon = self.started(harness.Daemon(config))
                opened = daemon.wait_for('queue_opened')
                self.assertEqual((opened['made_queued'], opened['made_uncertain']), (min(number, 1), 0))
                if number == 0:
                    with smtplib.SMTP('127.0.0.1', daemon.port, timeout=harness.DEADLINE) as client:
                        queue_id = relay.submit(client, relay.HEAD + b'once\r\n')
                connection, _ = silent.accept()
                daemon.kill()
                connection.close()
                self.assertEqual(daemon.events('held') + daemon.events('uncertain'), [])
        inbox = load.Inbox()
        recorder = self.started(load.Recorder(inbox))
        daemon = self.started(harness.Daemon(configs.plain(self.folder, queue, recorder.port)))
        daemon.wait_for('delivered', queue_id=queue_id, attempt=1)
        harness.eventually(lambda: daemon.command('status')['queue']['messages'] == 0, what='an empty queue')
        self.assertEqual(len(inbox.wait_for(1)), 1)
        self.assertEqual(daemon.events('held') + daemon.events('uncertain'), [])


class Upstream:
    """One conversation with the daemon as its server, up to the octet where a test wants to stop it."""

    def __init__(self, listener):
        self.socket, _ = listener.accept()
        self.socket.settimeout(harness.DEADLINE)
        self.received = b''
        self.socket.sendall(b'220 upstream.test\r\n')

    def answer_until_data(self, refused=b'<nobody@'):
        """Says yes to everything but what has `refused` in it, and 354 to DATA."""
        while True:
            line = self._until(b'\r\n')
            verb = line[:4].upper()
            if verb == b'EHLO':
                self.socket.sendall(b'250-upstream.test\r\n250-PIPELINING\r\n250 SIZE 99999999\r\n')
            elif verb == b'DATA':
                return self.socket.sendall(b'354 go on\r\n')
            elif refused in line:
                self.socket.sendall(b'550 5.1.1 nobody of this name\r\n')
            else:
                self.socket.sendall(b'250 2.0.0 yes\r\n')

    def read_to_the_end_of_data(self):
        self._until(b'\r\n.\r\n')

    def read_some_content(self, octets):
        while len(self.received) < octets:
            self._more()

    def _until(self, end):
        while end not in self.received:
            self._more()
        text, _, self.received = self.received.partition(end)
        return text

    def _more(self):
        octets = self.socket.recv(65536)
        if not octets:
            raise EOFError('the daemon has hung up')
        self.received += octets


class KilledAroundTheEnd(harness.Scenario):
    """The daemon knows which octet makes a message uncertain: the end of data, and none before."""

    LARGE = b'0123456789abcdef' * 4 + b'\r\n'

    def killed(self, body, read, recipients=(relay.RECIPIENT,)):
        """Kills the daemon once `read` has seen of its message what it wants; what the next one finds."""
        queue = self.folder / 'queue'
        with socket.create_server(('127.0.0.1', 0)) as listener:
            # So little fits on the way that most of a large message is still with the daemon.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            listener.settimeout(harness.DEADLINE)
            config = configs.plain(self.folder, queue, listener.getsockname()[1])
            daemon = self.started(harness.Daemon(config))
            daemon.wait_for('ready')
            with smtplib.SMTP('127.0.0.1', daemon.port, timeout=harness.DEADLINE) as client:
                relay.submit(client, relay.HEAD + body, recipients)
            upstream = Upstream(listener)
            upstream.answer_until_data()
            read(upstream)
            daemon.kill()
            upstream.socket.close()
            opened = self.started(harness.Daemon(config)).wait_for('queue_opened')
        return opened['made_queued'], opened['made_uncertain']

    def test_a_message_that_is_on_its_way_but_for_its_end_is_queued_again(self):
        found = self.killed(self.LARGE * 200_000, lambda upstream: upstream.read_some_content(1_000_000))
        self.assertEqual(found, (1, 0))

    def test_a_message_whose_end_went_out_without_an_answer_is_uncertain(self):
        self.assertEqual(self.killed(b'once\r\n', Upstream.read_to_the_end_of_data), (0, 1))

    def test_whoever_the_server_had_refused_before_is_not_uncertain(self):
        found = self.killed(b'once\r\n', Upstream.read_to_the_end_of_data,
                            ('ops@example.test', 'nobody@example.test'))
        self.assertEqual(found, (1, 1))


harness.main(__name__)
