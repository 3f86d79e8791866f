"""Through mailramp into a submission server that nobody here wrote: Postfix, with Dovecot judging the tokens.

The token endpoint is Python's HTTP server and openssl's signature. Postfix refuses bare line feeds, foreign senders,
and command lines as long as a token in one AUTH line would make them.
"""

import re
import smtplib
import sys
import pathlib

import certificates
import configs
import harness
import token_endpoint

sys.path.insert(0, str(pathlib.Path(__file__).parent / 'third_party'))

import server as third_party  # noqa: E402

MAILBOX, ALIAS = 'relay@contoso.test', 'alias@contoso.test'
CLIENT_ID, SECRET = '11111111-2222-3333-4444-555555555555', 'a secret with = and ~ in it'
HEAD = (f'From: <{MAILBOX}>\nTo: <ops@example.test>\nSubject: probe\nMessage-ID: <third-party@contoso.test>\n'
        'Date: Mon, 01 Jan 2024 00:00:00 +0000\n\n').encode()
BODY = 'one\n.\n..\n.dots\n\u00e4\u00f6\u00fc\n\n\t end \r\n'.encode()


class ThirdPartySetup(harness.Scenario):
    def setUp(self):
        super().setUp()
        harness.require_root()
        self.authority = certificates.Authority(self.folder / 'authority')
        signer = certificates.TokenSigner(self.folder / 'signer')
        self.server = third_party.ThirdPartyServer(self.folder / 'server', self.server_authority(), signer,
                                                   {MAILBOX: MAILBOX, ALIAS: MAILBOX})
        self.started(self.server).start()
        self.claims = {'iss': third_party.ISSUER, 'aud': third_party.AUDIENCE, 'sub': 'service-principal',
                       third_party.USER_CLAIM: MAILBOX, 'roles': ['SMTP.SendAsApp']}
        self.endpoint = self.started(token_endpoint.TokenEndpoint(self.authority, signer, self.claims, CLIENT_ID, SECRET))
        self.config = configs.submission(self.folder, self.authority.certificate, self.server.port, self.endpoint.authority,
                                         MAILBOX, CLIENT_ID, SECRET)

    def server_authority(self):
        """Who signs the certificate of the submission server; mailramp trusts self.authority."""
        return self.authority

    def start_daemon(self):
        return self.started(harness.Daemon(self.config))

    def send(self, daemon, content, sender=MAILBOX, recipients=('ops@example.test',)):
        """Returns the queue id."""
        with smtplib.SMTP('127.0.0.1', daemon.port, local_hostname='client.test') as client:
            client.ehlo()
            client.mail(sender)
            for recipient in recipients:
                client.rcpt(recipient)
            code, text = client.data(content)
        self.assertEqual(code, 250, text)
        return re.search(r'queued as (\S+)', text.decode()).group(1)

    def expect_dump(self, content, recipients=('ops@example.test',)):
        """Waits for a message that ends with `content`, LF line ends as smtp-sink writes them."""

        def find():
            return next((dump for dump in self.server.dumps() if dump.content.endswith(content.replace(b'\r\n', b'\n') + b'\n')), None)

        dump = harness.eventually(find, what=lambda: f'dump of {content[-200:]!r}\n{self.server.logs()}')
        self.assertEqual(sorted(dump.recipients), sorted(recipients))
        return dump


class ThirdParty(ThirdPartySetup):
    def test_mail_arrives_octet_for_octet(self):
        daemon = self.start_daemon()
        queue_id = self.send(daemon, HEAD + BODY, recipients=('ops@example.test', 'second@example.test'))
        dump = self.expect_dump(HEAD + BODY, ('ops@example.test', 'second@example.test'))
        self.assertEqual(dump.sender, MAILBOX)
        daemon.wait_for('delivered', queue_id=queue_id, to='ops@example.test')
        large = HEAD + b'0123456789 the same line again\r\n' * 50_000 + b'end\r\n'
        self.send(daemon, large, sender=ALIAS)
        self.assertEqual(self.expect_dump(large).sender, ALIAS)
        self.assertEqual(len(self.endpoint.requests), 1, 'one token serves both')
        self.assertEqual(daemon.stop(), 0)

    def test_many_messages_go_over_warm_connections(self):
        daemon = self.start_daemon()
        for number in range(30):
            self.send(daemon, HEAD + b'number %d\r\n' % number)
        for number in range(30):
            self.expect_dump(HEAD + b'number %d\r\n' % number)
        logins = re.findall(r'sasl_username=', (self.server.folder / 'postfix.log').read_text())
        connections = re.findall(r'smtpd\[\d+\]: connect from', (self.server.folder / 'postfix.log').read_text())
        self.assertEqual(len(logins), 30)  # Postfix names the user with every message …
        self.assertLessEqual(len(connections), 2 + 1)  # … on two connections, and the one that waited for the server

    def test_a_sender_that_is_not_allowed_is_held_with_the_answer(self):
        daemon = self.start_daemon()
        queue_id = self.send(daemon, HEAD + b'not mine to send\r\n', sender='boss@contoso.test')
        held = daemon.wait_for('held', queue_id=queue_id)
        self.assertIn('553 5.7.1', held['answer'])
        self.assertTrue(held['cause'] and held['remedy'], held)
        message = daemon.command('queue', 'show', queue_id)
        self.assertEqual([recipient['state'] for recipient in message['recipients']], ['held'])
        self.send(daemon, HEAD + b'mine\r\n')
        self.expect_dump(HEAD + b'mine\r\n')
        self.assertFalse([dump for dump in self.server.dumps() if b'not mine' in dump.content])

    def test_a_token_that_the_server_refuses_pauses_the_mailbox_and_costs_no_mail(self):
        self.claims['aud'] = 'https://somebody.else.test'
        daemon = self.start_daemon()
        queue_id = self.send(daemon, HEAD + BODY)
        paused = daemon.wait_for('mailbox_paused')
        self.assertIn('535', paused['answer'])
        self.assertEqual(len(self.endpoint.requests), 2, 'the token that was refused, and one more')
        message = daemon.command('queue', 'show', queue_id)
        self.assertEqual([recipient['state'] for recipient in message['recipients']], ['queued'])
        self.claims['aud'] = third_party.AUDIENCE
        self.assertEqual(daemon.stop(), 0)
        # A pause outlives the daemon; the operator ends it.
        self.start_daemon().command('mailbox', 'resume', 'default')
        self.expect_dump(HEAD + BODY)

    def test_a_wrong_secret_keeps_the_mail_until_it_is_right(self):
        configs.write_secret(self.folder, 'expired')
        daemon = self.start_daemon()
        self.send(daemon, HEAD + BODY)
        failed = daemon.wait_for('token_failed')
        self.assertIn('7000215', str(failed['aadsts']))
        self.assertNotIn('expired', daemon.lines.text())
        self.assertEqual(daemon.stop(), 0)
        configs.write_secret(self.folder, SECRET)
        self.start_daemon().command('mailbox', 'resume', 'default')
        self.expect_dump(HEAD + BODY)


class UntrustedServer(ThirdPartySetup):
    def server_authority(self):
        return certificates.Authority(self.folder / 'somebody-else')

    def test_a_server_whose_certificate_does_not_verify_sees_no_token_and_no_mail(self):
        daemon = self.start_daemon()
        self.send(daemon, HEAD + BODY)
        self.assertIn('certificate', daemon.wait_for('mailbox_paused')['answer'])
        self.assertEqual(self.server.dumps(), [])
        self.assertNotIn('sasl_', (self.server.folder / 'postfix.log').read_text())


harness.main(__name__)
