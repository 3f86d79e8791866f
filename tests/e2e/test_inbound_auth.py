"""Programs that log in and want TLS, as they were configured for Microsoft 365: what they send arrives, with real clients."""

import base64
import os
import pathlib
import shutil
import smtplib
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import certificates
import harness
import measuring
import relay
from measuring import MIB
from relay import HEAD, RECIPIENT, SENDER

MAILBOX = b'relay@contoso.test'
PASSWORD = 'tr0ub4dor & 3'
CONFIGURATION = 78
# Addresses of this machine that are not its usual ones, so that each listener has settings of its own.
IMPLICIT, CLOSED, OLD = '127.0.0.2', '127.0.0.3', '127.0.0.4'


def hashed(password):
    return subprocess.run(['openssl', 'passwd', '-6', '-stdin'], input=password, stdout=subprocess.PIPE, text=True,
                          check=True).stdout.strip()


def trusting_nothing():
    """As devices do: TLS without looking at the certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def coded(text):
    return base64.b64encode(text.encode()).decode()


class Scenario(relay.Scenario):
    def setUp(self):
        super().setUp()
        self.users = self.folder / 'users'
        self.users.write_text(f'# the scanners\nscan:{hashed(PASSWORD)}\n')
        self.users.chmod(0o600)

    def plain(self, **changes):
        """Relays to nobody: for what happens before anything is delivered."""
        settings = relay.general(self.folder) | {
            'mailbox': 'app@contoso.test',
            'upstream': {'host': '127.0.0.1', 'port': self.reserved_port(), 'tls': 'none', 'authentication': 'none'},
        }
        return relay.merged(settings, changes)

    def listening(self, **options):
        """A daemon with one listener, of which there is something to say."""
        inbound = options.pop('inbound', None)
        return self.start_daemon(self.plain(listeners=[{'address': '"127.0.0.1:0"', **options}], inbound=inbound))

    def ports(self):
        """By address, of all listeners."""
        return {event['address'].rsplit(':', 1)[0]: int(event['address'].rsplit(':', 1)[1])
                for event in self.daemon.events('listening')}

    def smtp(self, **options):
        client = smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test', timeout=harness.DEADLINE, **options)
        self.addCleanup(client.close)
        return client

    def run_client(self, *command, **options):
        options.setdefault('env', harness.environment_of_a_program())
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=harness.DEADLINE, check=False, **options)
        return done.returncode, done.stdout

    def expect_no_password_in_the_log(self, password=PASSWORD):
        text = self.daemon.lines.text()
        for shown in (password, coded(password), coded(f'\0scan\0{password}')):
            self.assertNotIn(shown, text)


class RealPrograms(Scenario):
    """Each delivers a message through the sandbox."""

    def setUp(self):
        super().setUp()
        self.share_sandbox()
        self.start_daemon(changes={
            'senders': None,
            'inbound': {'auth_users_file': self.users},
            'listeners': [{'address': '"127.0.0.1:0"', 'tls': 'starttls'},
                          {'address': f'"{IMPLICIT}:0"', 'tls': 'implicit', 'auth': 'users', 'auth_required': True}]})

    def expect_arrival(self, subject, protocol, user='scan', tls='TLSv1.3'):
        message = self.sandbox.wait_for_messages(1)[0]
        self.assertEqual(message['sender'], self.sandbox.apps[0]['mailboxes'][0])
        self.assertEqual(relay.field(message['content'], 'Subject'), [subject.encode()])
        self.assertIn(f'with {protocol} id '.encode(), relay.field(message['content'], 'Received')[-1])
        accepted = self.daemon.wait_for('accepted')
        self.assertEqual((accepted['user'], accepted['tls']), (user, tls))
        self.expect_no_password_in_the_log()
        return message

    def test_a_scanner_that_was_configured_for_microsoft_365(self):
        pdf = os.urandom(10_000_000)
        encoded = base64.encodebytes(pdf).replace(b'\n', b'\r\n')
        content = (b'From: Scanner\r\nTo: <ops@example.test>\r\nSubject: scan\r\nMIME-Version: 1.0\r\n'
                   b'Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n' + encoded)
        with harness.RawClient(self.daemon.port) as client:
            self.assertIn('STARTTLS', client.greet('scanner'))
            client.expect('STARTTLS', 220)
            client.wrap(trusting_nothing())
            offered = client.expect('EHLO scanner', 250)
            self.assertIn('AUTH PLAIN LOGIN', offered)
            self.assertIn('AUTH=PLAIN LOGIN', offered)
            self.assertNotIn('STARTTLS', offered)
            self.assertEqual(client.command('AUTH LOGIN'), '334 VXNlcm5hbWU6')
            self.assertEqual(client.command(coded('scan@contoso.com')), '334 UGFzc3dvcmQ6')
            self.assertEqual(client.command(coded('the password of December')), '235 2.7.0 Authentication successful')
            self.assertRegex(client.submit('root@scanner', [RECIPIENT], content + b'.\r\n'), '^250 ')
            client.expect('QUIT', 221)
            self.assertEqual(client.reply(), '')
        message = self.expect_arrival('scan', 'ESMTPSA', 'scan@contoso.com')
        sender = self.sandbox.apps[0]['mailboxes'][0].encode()
        self.assertEqual(relay.field(message['content'], 'From'), [b'Scanner <' + sender + b'>'])
        self.assertEqual(base64.b64decode(message['content'].split(b'\r\n\r\n', 1)[1]), pdf)
        self.expect_no_password_in_the_log('the password of December')

    def test_one_that_logs_in_first_and_then_wants_tls(self):
        with harness.RawClient(self.daemon.port) as client:
            client.greet('scanner')
            client.expect('AUTH PLAIN ' + coded('\0scan\0whatever'), 235)
            client.expect('STARTTLS', 220)
            client.wrap(trusting_nothing())
            client.expect('EHLO scanner', 250)
            client.expect('AUTH PLAIN ' + coded('\0scan\0whatever'), 235)
            self.assertRegex(client.submit('root@scanner', [RECIPIENT], b'Subject: both\r\n\r\nx\r\n.\r\n'), '^250 ')
        self.expect_arrival('both', 'ESMTPSA')

    def test_smtplib_with_starttls_and_login(self):
        client = self.smtp()
        client.starttls(context=trusting_nothing())
        client.login('scan', 'any password')
        client.sendmail(SENDER, [RECIPIENT], b'Subject: one\r\n\r\nx\r\n')
        client.quit()
        self.expect_arrival('one', 'ESMTPSA')

    def test_smtplib_with_a_login_in_the_clear(self):
        client = self.smtp()
        client.login('scan', 'any password')
        client.sendmail(SENDER, [RECIPIENT], b'Subject: two\r\n\r\nx\r\n')
        client.quit()
        self.expect_arrival('two', 'ESMTPA', tls='none')

    def smtps(self, context):
        client = smtplib.SMTP_SSL(IMPLICIT, self.ports()[IMPLICIT], context=context, timeout=harness.DEADLINE)
        self.addCleanup(client.close)
        return client

    def test_smtplib_with_tls_from_the_first_octet(self):
        client = self.smtps(trusting_nothing())
        self.assertRaises(smtplib.SMTPSenderRefused, client.sendmail, SENDER, [RECIPIENT], b'')  # before the login
        client.login('scan', PASSWORD)
        client.sendmail(SENDER, [RECIPIENT], b'Subject: three\r\n\r\nx\r\n')
        client.quit()
        self.expect_arrival('three', 'ESMTPSA')

    def test_a_client_that_was_given_our_certificate_can_check_it(self):
        of_both = (self.folder / 'queue' / 'tls-p256.pem').read_text()
        trust = ssl.create_default_context(cadata=of_both[of_both.index('-----BEGIN CERTIFICATE'):])
        for name in ('mailramp.test', 'localhost', '127.0.0.1'):
            with socket.create_connection((IMPLICIT, self.ports()[IMPLICIT]), timeout=harness.DEADLINE) as connection:
                trust.wrap_socket(connection, server_hostname=name).close()
        self.assertRaises(ssl.SSLCertVerificationError, self.smtps, trust)  # 127.0.0.2 is not named in it

    def swaks(self, address, *options):
        status, said = self.run_client('swaks', '--server', f'{address}:{self.ports()[address]}', *options, '--auth-user', 'scan',
                                       '--auth-password', PASSWORD, '--from', SENDER, '--to', RECIPIENT, '--h-Subject', 'swaks')
        self.assertEqual(status, 0, said)
        self.expect_arrival('swaks', 'ESMTPSA')

    def test_swaks_with_starttls_and_plain(self):
        self.swaks('127.0.0.1', '--tls', '--auth', 'PLAIN')

    def test_swaks_with_starttls_and_login(self):
        self.swaks('127.0.0.1', '--tls', '--auth', 'LOGIN')

    def test_swaks_with_tls_from_the_first_octet(self):
        self.swaks(IMPLICIT, '--tls-on-connect', '--auth', 'LOGIN')

    def curl(self, *url):
        content = self.folder / 'mail'
        content.write_bytes(b'Subject: curl\r\n\r\nx\r\n')
        status, said = self.run_client('curl', '--silent', '--show-error', *url, '--insecure', '--user', f'scan:{PASSWORD}',
                                       '--mail-from', SENDER, '--mail-rcpt', RECIPIENT, '--upload-file', content)
        self.assertEqual(status, 0, said)
        self.expect_arrival('curl', 'ESMTPSA')

    def test_curl_with_starttls(self):
        self.curl(f'smtp://127.0.0.1:{self.daemon.port}', '--ssl-reqd')

    def test_curl_with_tls_from_the_first_octet(self):
        self.curl(f'smtps://{IMPLICIT}:{self.ports()[IMPLICIT]}')


class Logins(Scenario):
    def test_a_wrong_password_and_an_unknown_user_look_the_same_to_the_client(self):
        self.listening(tls='none', auth='users', inbound={'auth_users_file': self.users, 'auth_failure_delay': '0s'})
        answers = []
        for user, password in (('scan', 'wrong'), ('nobody', PASSWORD), ('scan', PASSWORD[:-1])):
            with self.assertRaises(smtplib.SMTPAuthenticationError) as refused:
                self.smtp().login(user, password)
            answers.append((refused.exception.smtp_code, refused.exception.smtp_error))
        self.assertEqual(set(answers), {(535, b'5.7.8 User name or password is wrong')})
        # smtplib tries PLAIN and then LOGIN.
        refusals = lambda: self.daemon.events('login_refused')  # noqa: E731
        harness.eventually(lambda: len(refusals()) == 6, what='six refused logins in the log')
        reasons = [(event['user'], event['message']) for event in refusals()]
        self.assertIn(('scan', 'wrong password'), reasons)
        self.assertIn(('nobody', f'there is no such user in {self.users}'), reasons)
        self.expect_no_password_in_the_log()
        self.assertEqual(self.smtp().login('scan', PASSWORD)[0], 235)
        counters = self.daemon.command('status')['counters']['inbound']
        self.assertEqual((counters['logins'], counters['logins_refused']), (1, 6))

    def refusal_seconds(self, user):
        """How long a wrong password takes for this user, at least."""
        def once():
            with harness.RawClient(self.daemon.port) as client:
                client.greet()
                began = time.monotonic()
                client.expect('AUTH PLAIN ' + coded(f'\0{user}\0wrong'), 535)
                return time.monotonic() - began

        return min(once() for _ in range(4))

    def mixed_users(self):
        """Of two users one has a hash that takes a hundred times as long to look at: 200 ms."""
        self.users.write_text(f'scan:{hashed(PASSWORD)}\nerp:$2b$12$' + 'a' * 53 + '\n')

    def test_an_unknown_user_takes_as_long_as_the_slowest_known_one(self):
        self.mixed_users()
        self.listening(auth='users', inbound={'auth_users_file': self.users, 'auth_failure_delay': '0s'})
        self.assertGreater(self.refusal_seconds('nobody'), self.refusal_seconds('erp') / 2)

    def test_the_delay_of_a_refusal_hides_how_long_the_hash_takes(self):
        self.mixed_users()
        self.listening(auth='users', inbound={'auth_users_file': self.users, 'auth_failure_delay': '1s'})
        fast, slow = self.refusal_seconds('scan'), self.refusal_seconds('erp')
        self.assertGreaterEqual(min(fast, slow), 1)
        self.assertLess(slow - fast, 0.1)

    def test_who_tries_on_is_shown_the_door(self):
        self.listening(auth='users', inbound={'auth_users_file': self.users, 'auth_failure_delay': '0s', 'auth_failures_max': 2})
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.expect('AUTH PLAIN ' + coded('\0scan\0one'), 535)
            client.expect('AUTH PLAIN ' + coded('\0scan\0two'), 421)
            self.assertEqual(client.reply(), '')

    def test_a_changed_file_of_users_counts_at_once(self):
        self.listening(auth='users', inbound={'auth_users_file': self.users, 'auth_failure_delay': '0s'})
        self.smtp().login('scan', PASSWORD)
        changed = self.folder / 'new'
        changed.write_text(f'fax:{hashed("other")}\n')
        changed.chmod(0o600)
        changed.rename(self.users)
        self.smtp().login('fax', 'other')
        self.assertRaises(smtplib.SMTPAuthenticationError, self.smtp().login, 'scan', PASSWORD)
        # And one that nobody can use lets nobody in.
        self.users.chmod(0o644)
        with self.assertRaises(smtplib.SMTPAuthenticationError) as refused:
            self.smtp().login('fax', 'other')
        self.assertEqual(refused.exception.smtp_code, 454)
        self.assertIn('chmod 600', self.daemon.wait_for('login_refused', user='fax')['message'])

    def test_a_login_that_is_required(self):
        self.listening(auth='users', auth_required=True, inbound={'auth_users_file': self.users})
        client = self.smtp()
        with self.assertRaises(smtplib.SMTPSenderRefused) as refused:
            client.sendmail(SENDER, [RECIPIENT], HEAD)
        self.assertEqual(refused.exception.smtp_code, 530)
        client.login('scan', PASSWORD)
        client.sendmail(SENDER, [RECIPIENT], HEAD)

    def test_nobody_may_act_for_another(self):
        self.listening(auth='users', inbound={'auth_users_file': self.users, 'auth_failure_delay': '0s'})
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.expect('AUTH PLAIN ' + coded(f'boss\0scan\0{PASSWORD}'), 535)
            client.expect('AUTH PLAIN ' + coded(f'scan\0scan\0{PASSWORD}'), 235)

    def test_many_logins_at_once_do_not_hold_up_anybody(self):
        self.listening(auth='users', inbound={'auth_users_file': self.users, 'auth_waiting_max': 4})
        clients = [harness.RawClient(self.daemon.port) for _ in range(30)]
        for client in clients:
            self.addCleanup(client.close)
            client.greet()
        for client in clients:
            client.send(b'AUTH PLAIN ' + coded(f'\0scan\0{PASSWORD}').encode() + b'\r\n')
        codes = [client.reply()[:3] for client in clients]
        self.assertLessEqual(set(codes), {'235', '454'})
        self.assertGreaterEqual(codes.count('235'), 4)
        self.smtp().login('scan', PASSWORD)

    def test_a_client_that_is_not_allowed_hears_why(self):
        # Inside a namespace of its own, the client's address is none of loopback.
        harness.require_root()
        script = self.folder / 'inside.py'
        config = self.write_config(self.plain(listen=['10.77.0.1:2525'], allow=['10.99.0.0/16']))
        script.write_text(INSIDE)
        status, said = self.run_client('unshare', '--net', 'python3', script, os.environ['MAILRAMP'], config)
        self.assertEqual(status, 0, said)
        replies = said.splitlines()
        self.assertIn('554 5.7.1 Access denied: 10.77.0.1', said)
        self.assertTrue(any(line.startswith('554 5.7.1 Access denied') and 'no user name and password change that' in line
                            for line in replies), said)

    def test_passwords_beyond_this_machine_want_tls(self):
        harness.require_root()
        script = self.folder / 'inside.py'
        script.write_text(INSIDE)
        settings = self.plain(listen=['10.77.0.1:2525'], allow=['10.77.0.0/16'], inbound={'auth_users_file': self.users})
        status, said = self.run_client('unshare', '--net', 'python3', script, os.environ['MAILRAMP'], self.write_config(settings))
        self.assertEqual(status, 0, said)
        self.assertIn('250-STARTTLS', said)
        self.assertNotIn('250-AUTH', said)
        self.assertIn('538 5.7.11 ', said)


# Starts a daemon at 10.77.0.1 in this network, talks to it, and prints what it says.
INSIDE = r'''
import json, socket, subprocess, sys
for words in ('link set lo up', 'addr add 10.77.0.1/32 dev lo'):
    subprocess.run(['ip', *words.split()], check=True)
daemon = subprocess.Popen([sys.argv[1], 'serve', '--config', sys.argv[2]], stderr=subprocess.PIPE, text=True)
try:
    for line in daemon.stderr:
        if json.loads(line)['event'] == 'ready':
            break
    with socket.create_connection(('10.77.0.1', 2525), timeout=20, source_address=('10.77.0.1', 0)) as client:
        stream = client.makefile('rw', newline='')
        for line in (None, 'EHLO client.test', 'AUTH PLAIN AHNjYW4AcHc=', 'QUIT'):
            if line:
                stream.write(line + '\r\n')
                stream.flush()
            reply = '----'
            while reply[3:4] == '-':
                reply = stream.readline().rstrip()
                print(reply)
finally:
    daemon.terminate()
    daemon.wait()
'''


class Tls(Scenario):
    def test_what_is_pipelined_behind_starttls_counts_for_nothing(self):
        self.listening(tls='starttls')
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.send(b'STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@contoso.test>\r\nRCPT TO:<victim@example.test>\r\n')
            self.assertRegex(client.reply(), '^220 ')
            client.wrap(trusting_nothing())
            client.expect('NOOP', 250)
            self.assertRegex(client.command('RCPT TO:<victim@example.test>'), '^503 ')
            self.assertRegex(client.command('MAIL FROM:<a@contoso.test>'), '^503 ', 'EHLO is forgotten')

    def test_a_certificate_of_its_own_is_the_same_after_a_restart(self):
        def shown():
            return ssl.get_server_certificate(('127.0.0.1', self.daemon.port), timeout=harness.DEADLINE)

        self.listening(tls='implicit')
        before = shown()
        self.assertEqual(self.daemon.stop(), 0)
        file = self.folder / 'queue' / 'tls-p256.pem'
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        self.listening(tls='implicit')
        self.assertEqual(shown(), before)
        text = subprocess.run(['openssl', 'x509', '-in', file, '-noout', '-text'], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.assertIn('DNS:mailramp.test, DNS:localhost, IP Address:127.0.0.1', text)
        self.assertIn('prime256v1', text)

    def test_a_certificate_of_the_user_and_its_successor(self):
        authority = certificates.Authority(self.folder / 'ca')
        certificate, key = authority.issue('mailramp.test', 'DNS:localhost')
        self.listening(tls='starttls', inbound={'certificate': certificate, 'certificate_key': key})
        trust = ssl.create_default_context(cafile=authority.certificate)
        self.smtp_at('localhost').starttls(context=trust)
        other = certificates.Authority(self.folder / 'other')
        shutil.copy(other.issue('mailramp.test', 'DNS:localhost')[1], key)
        self.daemon_still_shows(trust)
        shutil.copy(other.folder / 'mailramp.test.pem', certificate)

        def shows_the_successor():
            try:
                self.smtp_at('localhost').starttls(context=ssl.create_default_context(cafile=other.certificate))
                return True
            except ssl.SSLCertVerificationError:
                return False

        harness.eventually(shows_the_successor, what='the new certificate')

    def daemon_still_shows(self, trust):
        """A key without its certificate changes nothing, and is complained about."""

        def complained():
            self.smtp_at('localhost').starttls(context=trust)
            return self.daemon.events('certificate_failed')

        self.assertIn('does not belong', harness.eventually(complained, what='certificate_failed')[0]['message'])

    def smtp_at(self, name):
        client = smtplib.SMTP(name, self.daemon.port, local_hostname='client.test', timeout=harness.DEADLINE)
        self.addCleanup(client.close)
        return client

    def test_a_certificate_that_cannot_be_used_ends_the_start(self):
        certificate, key = certificates.Authority(self.folder / 'ca').issue('mailramp.test')
        key.chmod(0o644)
        for given, reason in (({'certificate': self.folder / 'none.pem', 'certificate_key': self.users}, 'none.pem: No such file'),
                              ({'certificate': certificate, 'certificate_key': key}, 'is open to other users: chmod 600 '),
                              ({'certificate': certificate}, 'is open to other users: chmod 600 '),
                              ({'certificate': certificate, 'certificate_key': self.users}, 'cannot use the private key'),
                              ({'auth_users_file': self.folder / 'nobody'}, 'nobody: No such file'),
                              ({'auth_users_file': key}, 'is open to other users: chmod 600 ')):
            with self.subTest(reason):
                config = self.write_config(self.plain(inbound=given, listeners=[{'address': '"127.0.0.1:0"', 'tls': 'starttls'}]))
                status, said = self.run_client(os.environ['MAILRAMP'], 'serve', '--config', config)
                self.assertEqual(status, CONFIGURATION, said)
                self.assertIn(reason, said)
                self.assertRegex(said, r'mailramp\.yaml:\d+:\d+: inbound\.')
                self.assertEqual(self.mailramp('config', 'check', config).returncode, CONFIGURATION)

    def test_a_client_with_implicit_tls_on_a_plain_port_is_named_in_the_log(self):
        for tls, advice in (('none', 'set its encryption to none'), ('starttls', 'set its encryption to STARTTLS')):
            with self.subTest(tls):
                self.listening(tls=tls)
                self.assertRaises((ssl.SSLError, ConnectionError), smtplib.SMTP_SSL, '127.0.0.1', self.daemon.port,
                                  context=trusting_nothing(), timeout=harness.DEADLINE)
                told = self.daemon.wait_for('tls_failed')['message']
                self.assertIn('this client speaks implicit TLS', told)
                self.assertIn(advice, told)
                self.assertIn('tls: implicit', told)
                self.assertEqual(self.daemon.stop(), 0)

    def test_a_client_without_tls_on_a_port_that_begins_with_it_is_named_in_the_log(self):
        self.listening(tls='implicit')
        with harness.RawClient(self.daemon.port) as client:
            client.send(b'EHLO client.test\r\n')
            self.assertNotIn('250', client.reply())
        self.assertIn('this client speaks without TLS', self.daemon.wait_for('tls_failed')['message'])

    def test_a_client_that_does_not_trust_the_certificate_is_named_in_the_log(self):
        self.listening(tls='starttls')
        self.assertRaises(ssl.SSLCertVerificationError, self.smtp().starttls, context=ssl.create_default_context())
        self.assertIn('does not trust the certificate', self.daemon.wait_for('tls_failed')['message'])

    def test_a_handshake_that_does_not_begin_is_given_up(self):
        self.listening(tls='starttls', inbound={'tls_timeout': '1s'})
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.expect('STARTTLS', 220)
            self.assertEqual(client.reply(), '')
        self.daemon.wait_for('tls_failed')

    def test_who_only_looks_whether_the_port_is_open_is_no_warning(self):
        self.listening(tls='implicit')

        def look(octets, reset):
            client = socket.create_connection(('127.0.0.1', self.daemon.port), timeout=harness.DEADLINE)
            client.sendall(octets)
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            client.close()

        for reset in (False, True):
            look(b'', reset)
        look(b'\x16\x03', reset=False)
        self.daemon.wait_for('tls_failed')
        harness.eventually(lambda: self.daemon.command('status')['counters']['inbound']['sessions_open'] == 0)
        self.assertEqual(len(self.daemon.events('tls_failed')), 1)
        self.assertEqual(self.daemon.command('status')['counters']['inbound']['tls_failed'], 1)

    def test_the_end_does_not_wait_for_a_handshake(self):
        self.listening(tls='starttls')
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.expect('STARTTLS', 220)
            harness.eventually(lambda: self.daemon.command('status')['counters']['inbound']['sessions_open'] == 1)
            self.assertEqual(self.daemon.stop(5), 0)

    def test_old_tls_is_spoken_only_where_it_is_allowed(self):
        self.daemon = self.start_daemon(self.plain(listeners=[
            {'address': '"127.0.0.1:0"', 'tls': 'implicit'}, {'address': f'"{OLD}:0"', 'tls': 'implicit', 'tls_legacy': True}]))
        ports = self.ports()
        # The second has no elliptic curves, as devices of that time.
        for version in ('-tls1', '-tls1_1'):
            for ciphers in ('DEFAULT:@SECLEVEL=0', 'AES128-SHA:@SECLEVEL=0'):
                with self.subTest(version=version, ciphers=ciphers):
                    def said(address):
                        return self.run_client('openssl', 's_client', '-connect', f'{address}:{ports[address]}', version, '-cipher', ciphers,
                                               '-quiet', '-ign_eof', input='QUIT\n')

                    self.assertIn('220 mailramp.test', said(OLD)[1])
                    self.assertNotIn('220 mailramp.test', said('127.0.0.1')[1])
        self.assertIn('too old for TLS 1.2', self.daemon.wait_for('tls_failed')['message'])
        self.assertEqual(ssl.get_server_certificate((OLD, ports[OLD]), timeout=harness.DEADLINE).count('BEGIN'), 1)
        self.assertIn('TLS 1.0 and 1.1 are broken', self.daemon.wait_for('config_warning')['message'])

    def test_status_tells_how_each_address_treats_its_clients(self):
        self.start_daemon(self.plain(listeners=[
            {'address': f'"{IMPLICIT}:0"', 'tls': 'implicit', 'auth': 'users', 'auth_required': True},
            {'address': f'"{CLOSED}:0"', 'tls': 'starttls'}], inbound={'auth_users_file': self.users}))
        ports = self.ports()
        self.assertEqual(self.daemon.command('status')['listeners'],
                         [f'127.0.0.1:{ports["127.0.0.1"]}', f'{IMPLICIT}:{ports[IMPLICIT]} (TLS, users, login required)',
                          f'{CLOSED}:{ports[CLOSED]} (STARTTLS)'])


CLIENTS = 100
LINE = b'0123456789 the same line again and again, seventy-two octets of it all.\r\n'
CONTENT_BYTES = 34_900_000 if harness.is_long() else 2_000_000


class Memory(Scenario):
    """What test_sizes.py promises without TLS holds with TLS and a little more."""

    def test_a_hundred_tls_clients_in_the_middle_of_a_large_message(self):
        harness.require_root()
        disk = pathlib.Path(tempfile.mkdtemp(prefix='uploads-', dir=harness.build_dir()))
        self.addCleanup(shutil.rmtree, disk, ignore_errors=True)
        self.start_daemon(self.plain(queue={'directory': disk / 'queue'}, listeners=[{'address': '"127.0.0.1:0"', 'tls': 'starttls'}]))
        content = HEAD + LINE * (CONTENT_BYTES // len(LINE)) + b'.\r\n'
        replies, barrier = [], threading.Barrier(CLIENTS + 1, timeout=harness.DEADLINE * 4)

        def upload():
            try:
                with harness.RawClient(self.daemon.port, seconds=harness.DEADLINE * 8) as client:
                    client.greet()
                    client.expect('STARTTLS', 220)
                    client.wrap(trusting_nothing())
                    client.expect('EHLO client.test', 250)
                    client.expect(f'MAIL FROM:<{SENDER}>', 250)
                    client.expect(f'RCPT TO:<{RECIPIENT}>', 250)
                    client.expect('DATA', 354)
                    client.send(content[:len(content) // 2])
                    barrier.wait()
                    client.send(content[len(content) // 2:])
                    replies.append(client.reply())
            except BaseException as trouble:
                replies.append(repr(trouble))
                barrier.abort()

        clients = [threading.Thread(target=upload, daemon=True) for _ in range(CLIENTS)]
        with measuring.Peak(self.daemon.process.pid) as peak:
            for client in clients:
                client.start()
            barrier.wait()
            for client in clients:
                client.join()
        self.assertEqual([reply[:3] for reply in replies], ['250'] * CLIENTS)
        print(f'at most {peak.bytes / MIB:.1f} MiB, seen {peak.samples} times', flush=True)
        self.assertGreater(peak.samples, 10)
        if not harness.is_sanitized():
            self.assertLessEqual(peak.bytes, 120 * MIB)


harness.main(__name__)
