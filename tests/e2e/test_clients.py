"""What real programs hand in arrives octet for octet, bare LF made CRLF aside."""

import re
import shutil
import smtplib
import subprocess

import configs
import harness
import load

HEAD = ('From: Erp <erp@contoso.test>\nTo: <ops@example.test>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\n'
        'Message-ID: <fixed@contoso.test>\nDate: Mon, 01 Jan 2024 00:00:00 +0000\n\n').encode()
BODY = 'first\n.\n..\n.begins with a dot\n8-bit: \u00e4\u00f6\u00fc \u20ac\n\n\ttrailing blanks  \nlast\r\n'.encode()


def with_crlf(octets):
    return re.sub(rb'(?<!\r)\n', b'\r\n', octets)


class Clients(harness.Scenario):
    def setUp(self):
        super().setUp()
        self.inbox = load.Inbox()
        recorder = self.started(load.Recorder(self.inbox))
        self.daemon = self.started(harness.Daemon(configs.plain(self.folder, self.folder / 'queue', recorder.port)))

    def run_client(self, *command, data=None):
        if not shutil.which(command[0]):
            raise harness.Unavailable(f'{command[0]} is missing')
        done = subprocess.run(command, input=data, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=harness.DEADLINE,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode(errors='replace'))
        return done.stdout.decode(errors='replace')

    def expect_arrival(self, content, recipients=('ops@example.test',), count=1):
        """The last of `count` deliveries ends with `content`; returns what was put in front of it."""
        delivery = self.inbox.wait_for(count)[count - 1]
        self.assertEqual(delivery.sender, 'erp@contoso.test')
        self.assertEqual(delivery.recipients, recipients)
        self.assertTrue(delivery.content.endswith(content), f'{delivery.content!r}\ndoes not end with\n{content!r}')
        added = delivery.content[:len(delivery.content) - len(content)]
        self.assertRegex(added, rb'\AReceived: ')
        return added

    def test_curl(self):
        mail = self.folder / 'mail'
        mail.write_bytes(with_crlf(HEAD + BODY))  # its dot-stuffing knows no other line ends
        self.run_client('curl', '--silent', '--show-error', f'smtp://127.0.0.1:{self.daemon.port}/client.test', '--mail-from',
                        'erp@contoso.test', '--mail-rcpt', 'ops@example.test', '--upload-file', str(mail))
        self.expect_arrival(with_crlf(HEAD + BODY))

    def test_swaks(self):
        mail = self.folder / 'mail'
        mail.write_bytes((HEAD + BODY)[:-2])  # it ends the last line itself
        transcript = self.run_client('swaks', '--server', '127.0.0.1', '--port', str(self.daemon.port), '--from',
                                     'erp@contoso.test', '--to', 'ops@example.test,second@example.test', '--data', f'@{mail}')
        self.assertRegex(transcript, r'250 2\.0\.0 .*queued as ')
        self.expect_arrival(with_crlf(HEAD + BODY), ('ops@example.test', 'second@example.test'))

    def test_python_smtplib_whose_octets_have_bare_line_feeds(self):
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test') as client:
            self.assertEqual(client.sendmail('erp@contoso.test', ['ops@example.test'], HEAD + BODY), {})
        self.expect_arrival(with_crlf(HEAD + BODY))

    def test_many_messages_on_one_connection(self):
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test') as client:
            for number in range(20):
                client.sendmail('erp@contoso.test', ['ops@example.test'], HEAD + b'number %d\r\n' % number)
        bodies = {delivery.content.rsplit(b'\r\n\r\n', 1)[1] for delivery in self.inbox.wait_for(20)}
        self.assertEqual(bodies, {b'number %d\r\n' % number for number in range(20)})

    def test_a_message_of_several_megabytes(self):
        content = HEAD + b'0123456789abcdefghijklmnopqrstuvwxyz.\n' * 100_000 + b'end\r\n'
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test') as client:
            client.sendmail('erp@contoso.test', ['ops@example.test'], content)
        self.expect_arrival(with_crlf(content))

    def test_everything_in_one_packet(self):
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.send(b'MAIL FROM:<erp@contoso.test>\r\nRCPT TO:<ops@example.test>\r\nDATA\r\n')
            self.assertEqual([client.reply()[:3] for _ in range(3)], ['250', '250', '354'])
            client.send(with_crlf(HEAD) + b'..dot\r\n.\r\nMAIL FROM:<erp@contoso.test>\r\nQUIT\r\n')
            self.assertEqual([client.reply()[:3] for _ in range(3)], ['250', '250', '221'])
        self.expect_arrival(with_crlf(HEAD) + b'.dot\r\n')

    def test_one_octet_at_a_time(self):
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.begin('erp@contoso.test', ['ops@example.test'])
            for octet in with_crlf(HEAD) + b'..\r\n.\r\n':
                client.send(bytes([octet]))
            self.assertEqual(client.reply()[:3], '250')
        self.expect_arrival(with_crlf(HEAD) + b'.\r\n')

    def test_only_crlf_dot_crlf_ends_the_data(self):
        endings = [b'\n.\n', b'\n.\r\n', b'\r\n.\n', b'\r.\r', b'\r\n.\r', b'\r\n.\r\r\n']
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            for ending in endings:
                smuggled = b'MAIL FROM:<evil@contoso.test>\r\nRCPT TO:<victim@example.test>\r\nDATA\r\nevil\r\n.\r\n'
                client.begin('erp@contoso.test', ['ops@example.test'])
                client.send(with_crlf(HEAD) + b'x' + ending + smuggled)
                # One reply to one message; the smuggled commands were its text.
                self.assertRegex(client.reply(), r'\A250 ', ending)
                self.assertRegex(client.command('NOOP'), r'\A250 ', ending)
        deliveries = self.inbox.wait_for(len(endings))
        harness.eventually(lambda: self.daemon.command('status')['queue']['messages'] == 0, what='empty queue')
        self.assertEqual(len(self.inbox.wait_for(0)), len(endings))
        self.assertEqual({(delivery.sender, delivery.recipients) for delivery in deliveries},
                         {('erp@contoso.test', ('ops@example.test',))})
        self.assertEqual([b'MAIL FROM:<evil@contoso.test>' in delivery.content for delivery in deliveries], [True] * len(endings))

    def test_what_is_missing_is_added_once_and_in_front(self):
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test') as client:
            client.sendmail('erp@contoso.test', ['ops@example.test'], b'Subject: bare\r\n\r\nhello\r\n')
        added = self.expect_arrival(b'Subject: bare\r\n\r\nhello\r\n')
        self.assertEqual(len(re.findall(rb'(?m)^Date: ', added)), 1)
        self.assertEqual(len(re.findall(rb'(?m)^Message-ID: <[^<>\s]+@[^<>\s]+>\r$', added)), 1)


harness.main(__name__)
