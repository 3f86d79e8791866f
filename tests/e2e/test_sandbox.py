"""The sandbox by itself, with clients that know nothing of it: what the other scenarios rest on."""

import base64
import datetime
import email.utils
import json
import smtplib
import ssl
import subprocess
import urllib.request

import harness
from sandbox import Sandbox

MESSAGE = b'From: relay@contoso.test\r\nMessage-ID: <one@example.test>\r\n\r\n.dot\r\n..two\r\n\xff octets\r\n'


class TestSandbox(harness.Scenario):
    def sandbox(self, *options):
        return self.started(Sandbox(self.folder / 'sandbox', *options))

    def client(self, sandbox, tls=True):
        client = smtplib.SMTP('localhost', sandbox.ready['smtp_port'], timeout=harness.DEADLINE)
        self.addCleanup(client.close)
        if tls:
            client.starttls(context=sandbox.tls)
            client.ehlo()
        return client

    def log_in(self, sandbox, client, user=None, app=0):
        user = user or sandbox.ready['mailbox']
        text = f'user={user}\x01auth=Bearer {sandbox.token(app)}\x01\x01'
        client.docmd('AUTH', 'XOAUTH2')
        return client.docmd(base64.b64encode(text.encode()).decode())

    def logged_in(self, sandbox):
        client = self.client(sandbox)
        self.assertEqual(self.log_in(sandbox, client)[0], 235)
        return client

    def send(self, sandbox, client, message=MESSAGE):
        client.mail(sandbox.ready['mailbox'])
        client.rcpt('bob@example.com')
        return client.data(message)

    def test_curl_delivers_and_the_record_is_the_same_octet_for_octet(self):
        sandbox = self.sandbox()
        (self.folder / 'mail').write_bytes(MESSAGE)
        (self.folder / 'curlrc').write_text(f'oauth2-bearer = "{sandbox.token()}"\n')
        subprocess.run(['curl', '--silent', '--show-error', '--config', self.folder / 'curlrc', '--ssl-reqd',
                        '--cacert', sandbox.ready['ca_file'], '--user', sandbox.ready['mailbox'] + ':',
                        '--mail-from', sandbox.ready['mailbox'], '--mail-rcpt', 'bob@example.com',
                        '--upload-file', self.folder / 'mail', f"smtp://localhost:{sandbox.ready['smtp_port']}"],
                       check=True, timeout=harness.DEADLINE)
        message, = sandbox.messages()
        self.assertEqual(message['content'], MESSAGE)
        self.assertEqual(message['sender'], sandbox.ready['mailbox'])
        self.assertEqual([entry['address'] for entry in message['recipients']], ['bob@example.com'])
        self.assertEqual(message['mechanism'], 'XOAUTH2 (two steps)')
        self.assertEqual(message['tls_version'], 'TLSv1.3')

    def test_the_receipt_names_the_message(self):
        sandbox = self.sandbox()
        code, text = self.send(sandbox, self.logged_in(sandbox))
        self.assertEqual(code, 250)
        self.assertIn(b'2.0.0 OK <one@example.test> [Hostname=', text)

    def test_an_application_submits_as_its_own_mailboxes_only(self):
        sandbox = self.sandbox('--tenant', 't1:app1:s:a@contoso.test', '--tenant', 't2:app2:s~+/=:b@fabrikam.test')
        client = self.client(sandbox)
        self.assertEqual(self.log_in(sandbox, client, 'b@fabrikam.test', app=0)[0], 535)
        self.assertEqual(self.log_in(sandbox, client, 'b@fabrikam.test', app=1)[0], 235)
        self.assertIn('b@fabrikam.test', sandbox.state()['last_auth_refusal'])

    def test_its_clock_can_be_another_than_ours(self):
        ours = datetime.datetime.now(datetime.timezone.utc)
        sandbox = self.sandbox('--clock-offset', '-7200')
        with urllib.request.urlopen(sandbox.ready['authority'] + '/control/state', timeout=harness.DEADLINE,
                                    context=sandbox.tls) as answer:
            theirs = email.utils.parsedate_to_datetime(answer.headers['Date'])
        self.assertAlmostEqual((ours - theirs).total_seconds(), 7200, delta=60)
        # Its own tokens are good by it.
        self.assertEqual(self.log_in(sandbox, self.client(sandbox))[0], 235)

    def test_with_rbac_the_token_has_no_role_and_mail_goes(self):
        sandbox = self.sandbox('--permission', 'rbac')
        payload = sandbox.token().split('.')[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + '=' * (-len(payload) % 4)))
        self.assertNotIn('roles', claims)
        self.assertEqual(self.send(sandbox, self.logged_in(sandbox))[0], 250)

    def test_tokens_end(self):
        sandbox = self.sandbox('--token-ttl', '0')
        self.assertEqual(self.log_in(sandbox, self.client(sandbox))[0], 535)

    def test_a_wrong_secret_is_refused_as_entra_refuses_it(self):
        status, text = self.sandbox().token_call(client_secret='wrong')
        self.assertEqual((status, json.loads(text)['error']), (401, 'invalid_client'))
        self.assertIn('AADSTS7000215', text)

    def test_each_bad_certificate_is_refused_and_the_next_session_is_well(self):
        sandbox = self.sandbox()
        for fault in 'tls', 'tls-wrong-name', 'tls-expired':
            sandbox.fail(fault, 1)
            with self.subTest(fault), self.assertRaises(ssl.SSLCertVerificationError):
                self.client(sandbox)
        self.client(sandbox)

    def test_a_lost_reply_leaves_the_message_and_a_lost_message_leaves_nothing(self):
        sandbox = self.sandbox()
        for fault, count in ('drop-after-dot', 1), ('drop-dot-lost', 1):
            sandbox.fail(fault, 1)
            with self.subTest(fault), self.assertRaises(smtplib.SMTPServerDisconnected):
                self.send(sandbox, self.logged_in(sandbox))
            self.assertEqual(len(sandbox.messages()), count)

    def test_a_fault_of_one_mailbox_leaves_the_other_alone(self):
        sandbox = self.sandbox('--tenant', 't:c:s:a@contoso.test,b@contoso.test', '--fail', '535@a@contoso.test')
        self.assertEqual(self.log_in(sandbox, self.client(sandbox), 'a@contoso.test')[0], 535)
        self.assertEqual(self.log_in(sandbox, self.client(sandbox), 'b@contoso.test')[0], 235)
        sandbox.clear()
        self.assertEqual(self.log_in(sandbox, self.client(sandbox), 'a@contoso.test')[0], 235)

    def test_the_fourth_session_and_the_message_too_many_are_refused(self):
        sandbox = self.sandbox('--messages-per-minute', '2')
        clients = [self.logged_in(sandbox) for _ in range(4)]
        self.assertEqual(self.send(sandbox, clients[3])[0], 432)
        self.assertEqual([self.send(sandbox, clients[0])[0] for _ in range(3)], [250, 250, 421])
        mailbox = sandbox.state()['mailboxes'][sandbox.ready['mailbox']]
        self.assertEqual((mailbox['connections_max'], mailbox['messages']), (4, 2))

    def test_an_idle_session_is_cut_with_a_reply(self):
        sandbox = self.sandbox('--idle-timeout-ms', '50')
        client = self.client(sandbox, tls=False)
        self.assertEqual(client.getreply()[0], 421)

    def test_a_plain_sink_takes_mail_without_tls_and_login(self):
        sandbox = self.sandbox('--plain')
        client = self.client(sandbox, tls=False)
        self.assertEqual(client.sendmail('a@example.test', ['b@example.test'], MESSAGE), {})
        self.assertEqual(sandbox.messages()[0]['content'], MESSAGE)

    def test_a_hanging_token_call_holds_up_no_other(self):
        sandbox = self.sandbox('--fail', 'token-hang:1')
        with self.assertRaises(TimeoutError):
            sandbox.token_call(seconds=0.2)
        self.assertTrue(sandbox.token())

    def test_it_ends_with_its_counters(self):
        sandbox = self.sandbox()
        self.assertEqual(sandbox.stop(), 0)
        self.assertEqual(json.loads(sandbox.lines.all()[-1])['messages'], 0)

    def test_an_unknown_fault_is_a_usage_error(self):
        done = subprocess.run([*Sandbox.command_line(self.folder), '--fail', 'nonsense'], capture_output=True, text=True,
                              timeout=harness.DEADLINE, check=False)
        self.assertEqual(done.returncode, 64)
        self.assertIn('nonsense', done.stderr)


harness.main(__name__)
