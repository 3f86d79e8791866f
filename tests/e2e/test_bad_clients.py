"""Whatever a client says, or stops saying, it gets a clear reply, harms nobody else and leaves nothing behind."""

import smtplib
import socket
import time

import bad_input
import harness
from relay import HEAD, RECIPIENT, SENDER


class BadClients(bad_input.Scenario):
    def test_a_message_that_is_announced_too_large_is_refused_at_mail(self):
        self.start_plain(inbound={'message_size_max': '100KiB', 'header_size_max': '64KiB'})
        with self.raw() as client:
            self.assertIn('SIZE 10', client.greet())
            for size in ('200000', '99999999999999999999999'):
                reply = client.expect(f'MAIL FROM:<{SENDER}> SIZE={size}', 552)
                self.assertRegex(reply, r'\A552 5\.3\.4 .*limit')
            client.expect(f'MAIL FROM:<{SENDER}> SIZE=1x', 501)
            client.expect(f'MAIL FROM:<{SENDER}> SIZE=1000', 250)

    def test_a_message_that_turns_out_too_large_is_refused_after_its_end(self):
        self.start_plain(inbound={'message_size_max': '100KiB', 'header_size_max': '64KiB'})
        with self.raw() as client:
            client.greet()
            reply = client.submit(SENDER, [RECIPIENT], HEAD + b'0123456789\r\n' * 20_000 + b'.\r\n')
            self.assertRegex(reply, r'\A552 5\.3\.4 .*limit')
            # The session goes on.
            self.assertRegex(client.submit(SENDER, [RECIPIENT], HEAD + b'.\r\n'), r'\A250 ')
        self.assertEqual(self.queued_messages(), 1)
        self.assertEqual(list((self.folder / 'queue' / 'bodies').iterdir()), [])

    def test_too_many_recipients_get_452_and_the_others_are_served(self):
        self.start_plain(inbound={'recipients_max': 3})
        with self.raw() as client:
            client.greet()
            client.expect(f'MAIL FROM:<{SENDER}>', 250)
            for number in range(3):
                client.expect(f'RCPT TO:<r{number}@example.test>', 250)
            self.assertRegex(client.expect('RCPT TO:<one-more@example.test>', 452), r'\A452 4\.5\.3 .*another message')
            client.expect('DATA', 354)
            client.send(HEAD + b'.\r\n')
            queue_id = client.reply().rsplit(' ', 1)[1]
        self.assertEqual(len(self.recipients_of(queue_id)), 3)

    def test_broken_commands_are_refused_and_the_session_goes_on(self):
        self.start_plain(inbound={'errors_max': 100})
        wrong = {
            'MAIL FROM': 501, 'MAIL FROM:<a@b': 501, 'MAIL FROM:<a\tb@c>': 501, 'MAIL FROM:<a@b> FOO=1': 555,
            'MAIL FROM:<a@b> BODY=9BIT': 501, 'RCPT TO:<a@b>': 503, 'BOGUS': 500, '': 500, 'DATA': 503, 'EXPN x': 502,
            'STARTTLS': 502, 'AUTH CRAM-MD5': 504, 'AUTH PLAIN !': 501, 'MAIL FROM:<\x00@b>': 501, 'MAIL FROM:<ü@b.test>': 553,
            'NOOP ' + 'x' * 5000: 500, 'RCPT TO:<>': 503,
        }
        with self.raw() as client:
            client.greet()
            for line, code in wrong.items():
                client.expect(line, code)
            self.assertRegex(client.submit(SENDER, [RECIPIENT], HEAD + b'.\r\n'), r'\A250 ')

    def test_an_address_cannot_smuggle_a_line(self):
        self.start_plain()
        with self.raw() as client:
            client.greet()
            client.send(b'MAIL FROM:<a@b.test\rRCPT TO:<evil@example.test>>\r\n')
            self.assertRegex(client.reply(), r'\A501 ')
            client.send(b'MAIL FROM:<a@b.test>\rRCPT TO:<evil@example.test>\r\n')
            self.assertRegex(client.reply(), r'\A501 ')
            client.expect('RCPT TO:<x@example.test>', 503)

    def test_a_client_that_makes_only_mistakes_is_shown_out(self):
        self.start_plain(inbound={'errors_max': 5})
        with self.raw() as client:
            client.greet()
            replies = []
            while (reply := client.command('BOGUS')):
                replies.append(reply)
                if reply.startswith('421'):
                    break
            self.assertEqual((len(replies), replies[-1][:9]), (5, '421 4.7.0'))
            self.assertEqual(client.reply(), '')
        self.expect_next_client_served()

    def test_http_and_tls_are_shown_out_at_once(self):
        self.start_plain()
        post = (b'POST / HTTP/1.1\r\nHost: localhost:25\r\nContent-Type: text/plain\r\n\r\nEHLO x\r\nMAIL FROM:<a@b.test>\r\n'
                b'RCPT TO:<evil@example.test>\r\nDATA\r\nx\r\n.\r\nQUIT\r\n')
        hello = bytes.fromhex('1603010200010001fc0303') + bytes(100)
        for octets, word in ((post, 'HTTP'), (b'GET / HTTP/1.0\r\n\r\n', 'HTTP'), (b'host: localhost\r\nMAIL\r\n', 'HTTP'),
                             (hello, 'TLS')):
            with self.raw() as client:
                self.assertRegex(client.reply(), r'\A220 ')
                client.send(octets)
                reply = client.reply()
                self.assertRegex(reply, r'\A421 4\.7\.0 ')
                self.assertIn(word, reply)
                self.expect_end(client)
        self.assertEqual(self.queued_messages(), 0)
        self.expect_next_client_served()

    def expect_end(self, client):
        """Closed, perhaps with a reset because of what was not read."""
        try:
            self.assertEqual(client.reply(), '')
        except ConnectionResetError:
            pass

    def test_a_client_that_goes_at_any_octet_leaves_nothing_behind(self):
        self.start_plain(inbound={'sessions_per_client_max': 2000, 'sessions_max': 2000})
        dialogue = (b'EHLO client.test\r\nMAIL FROM:<erp@contoso.test> SIZE=10\r\nRCPT TO:<ops@example.test>\r\nDATA\r\n'
                    b'Subject: cut\r\n\r\n..\r\n.\r\n')
        # After each prefix: some leave with a reset, as a killed program does.
        for length in range(len(dialogue)):
            client = socket.create_connection(('127.0.0.1', self.daemon.port), timeout=harness.DEADLINE)
            client.sendall(dialogue[:length])
            if length % 2:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\1\0\0\0\0\0\0\0')
            client.close()
        harness.eventually(lambda: self.daemon.command('status')['counters']['inbound']['sessions_open'] == 0,
                           what='end of all sessions')
        self.assertEqual(self.queued_messages(), 0)
        self.assertEqual(self.daemon.events('accepted'), [])
        self.assertEqual(list((self.folder / 'queue' / 'bodies').iterdir()), [])
        self.expect_next_client_served()

    def test_a_client_that_goes_after_its_last_octet_has_sent_its_mail(self):
        self.start_plain()
        client = self.raw()
        client.greet()
        client.begin('erp@contoso.test', ['ops@example.test'])
        client.send(HEAD + b'.\r\n')
        client.close()
        self.daemon.wait_for('accepted')
        self.assertEqual(self.queued_messages(), 1)

    def test_a_large_message_that_breaks_off_leaves_no_file(self):
        self.start_plain()
        with self.raw() as client:
            client.greet()
            client.begin('erp@contoso.test', ['ops@example.test'])
            client.send(HEAD + b'0123456789\r\n' * 50_000)
            bodies = self.folder / 'queue' / 'bodies'
            harness.eventually(lambda: list(bodies.iterdir()), what='file of the body')
        self.daemon.wait_for('session_ended')
        harness.eventually(lambda: not list(bodies.iterdir()), what='removal of the file')
        self.assertEqual(self.queued_messages(), 0)

    def test_silent_clients_do_not_keep_others_out(self):
        self.start_plain(inbound={'sessions_max': 60, 'sessions_per_client_max': 50})
        silent = [self.raw() for _ in range(49)]
        for client in silent:
            self.assertRegex(client.reply(), r'\A220 ')
        self.expect_next_client_served()
        one_more = self.raw()
        self.assertRegex(one_more.reply(), r'\A220 ')
        with self.raw() as client:
            self.assertRegex(client.reply(), r'\A421 4\.7\.0 ')
        for client in (*silent, one_more):
            client.close()
        harness.eventually(lambda: self.daemon.command('status')['counters']['inbound']['sessions_open'] == 0, what='end')
        self.expect_next_client_served()

    def test_a_client_that_says_nothing_is_shown_out(self):
        self.start_plain(inbound={'command_timeout': '1s', 'data_timeout': '1s'})
        with self.raw() as client:
            client.greet()
            self.expect_end_of_patience(client, 1)
        with self.raw() as client:
            client.greet()
            client.begin('erp@contoso.test', ['ops@example.test'])
            client.send(b'Subject: half')
            self.expect_end_of_patience(client, 2)
        self.assertEqual(self.queued_messages(), 0)

    def expect_end_of_patience(self, client, sessions):
        # RFC 5321 section 3.8: after a timeout a server may close without a word.
        self.assertEqual(client.reply(), '')
        harness.eventually(lambda: len(self.daemon.events('session_ended')) == sessions, what='reason of the end')
        self.assertIn('time limit', self.daemon.events('session_ended')[-1]['reason'])

    def test_a_command_that_never_ends_is_shown_out_however_often_an_octet_comes(self):
        self.start_plain(inbound={'command_timeout': '1s'})
        with self.raw() as client:
            client.greet()
            began = time.monotonic()
            client.socket.settimeout(0.1)  # between two octets
            while time.monotonic() - began < harness.DEADLINE:
                try:
                    client.send(b'N')
                    if client.socket.recv(100) == b'':
                        break
                except TimeoutError:
                    continue
                except OSError:
                    break
            elapsed = time.monotonic() - began
        self.assertGreater(elapsed, 0.9)
        self.assertLess(elapsed, 10)

    def test_a_message_that_goes_in_circles_is_refused(self):
        self.start_plain()
        loop = b''.join(b'Received: from a by b; Mon, 01 Jan 2024 00:00:00 +0000\r\n' for _ in range(200))
        with self.assertRaises(smtplib.SMTPResponseException) as refused:
            self.send(loop + HEAD + b'hello\r\n')
        self.assertEqual(refused.exception.smtp_code, 554)
        self.assertIn(b'circles', refused.exception.smtp_error)

    def test_a_nul_is_refused_and_a_bare_carriage_return_never_leaves(self):
        self.start_sandbox('--plain')
        self.start_plain()
        with self.raw() as client:
            client.greet()
            self.assertRegex(client.submit(SENDER, [RECIPIENT], HEAD + b'a\0b\r\n.\r\n'), r'\A554 5\.6\.0 ')
            reply = client.submit(SENDER, [RECIPIENT], HEAD + b'a\rb\r.\rc\r\n.\r\n')
        # RFC 5321 §2.3.8: no bare CR on the wire; it is no line end either.
        self.assertRegex(reply, r'\A250 ')
        message, = self.sandbox.wait_for_messages(1)
        self.assertTrue(message['content'].endswith(b'\r\n\r\na b . c\r\n'), message['content'])


harness.main(__name__)
