"""Every kind of bad input has a clear answer: a reply, an exit status, or a log line that says what to do."""

import os
import pathlib
import smtplib
import socket
import sqlite3
import stat
import subprocess
import sys
import time

import disks
import harness
import relay
from relay import HEAD, RECIPIENT, SENDER

USAGE, DATA, UNAVAILABLE, CANNOT_CREATE, TRY_AGAIN, CONFIGURATION = 64, 65, 69, 73, 75, 78


class BadInput(relay.Scenario):
    def plain(self, **changes):
        """Settings of a daemon whose server is a sandbox without TLS, or nobody."""
        port = self.sandbox.smtp_port if hasattr(self, 'sandbox') else self.reserved_port()
        settings = relay.general(self.folder) | {
            'mailbox': 'app@contoso.test',
            'upstream': {'host': '127.0.0.1', 'port': port, 'tls': 'none', 'authentication': 'none',
                         'messages_per_minute_max': 0},
        }
        return relay.merged(settings, changes)

    def start_plain(self, **changes):
        return self.start_daemon(self.plain(**changes))

    def refused_start(self, settings, **options):
        """`mailramp serve` that ends before it is ready: (exit status, its output)."""
        config = settings if isinstance(settings, pathlib.Path) else self.write_config(settings)
        daemon = self.started(harness.Daemon(config, wait_until_ready=False, **options))
        status = daemon.wait()
        self.assertEqual(daemon.events('ready'), [])
        return status, daemon.lines.text()

    def raw(self):
        return harness.RawClient(self.daemon.port)

    def expect_next_client_served(self):
        self.send()


class Configuration(BadInput):
    def test_all_errors_of_a_file_are_told_at_once_with_their_places(self):
        config = self.folder / 'broken.yaml'
        config.write_text('mailbox: app@contoso.test\nlisten: [127.0.0.1:0]\nupstream:\n  hots: localhost\n  port: 70000\n'
                          'retry:\n  first_delay: 5\nretry:\n  jitter: 0\n')
        status, output = self.refused_start(config)
        self.assertEqual(status, CONFIGURATION)
        for place, words in ((':4:3: upstream.hots: ', 'did you mean host'), (':5:9: upstream.port: ', '65535'),
                             (':7:16: retry.first_delay: ', 'unit'), (':8:1: retry', '')):
            line = next((line for line in output.splitlines() if line.startswith(str(config) + place)), None)
            self.assertIsNotNone(line, f'no line with {place} in\n{output}')
            self.assertIn(words, line)

    def test_config_check_says_the_same_as_serve(self):
        config = self.folder / 'broken.yaml'
        config.write_text('mailbox: nobody\nupstream: {port: x}\n')
        _, output = self.refused_start(config)
        check = self.mailramp('config', 'check', config)
        self.assertEqual(check.returncode, CONFIGURATION)
        self.assertEqual((check.stdout + check.stderr).strip(), output.strip())

    def test_no_file_at_all(self):
        status, output = self.refused_start(self.folder / 'missing.yaml')
        self.assertEqual(status, CONFIGURATION)
        self.assertIn('missing.yaml: it cannot be opened', output)

    def with_secret_file(self, path):
        return relay.general(self.folder) | {
            'mailbox': 'app@contoso.test', 'tenant_id': 'contoso.onmicrosoft.com',
            'client_id': '7d3b2a19-8c4e-4f5a-b6d7-c8e9fa0b1c2d', 'client_secret': {'file': path}}

    def test_a_missing_secret_file_is_named(self):
        status, output = self.refused_start(self.with_secret_file(self.folder / 'nowhere'))
        self.assertEqual(status, CONFIGURATION)
        self.assertRegex(output, r'mailramp\.yaml:\d+:\d+: client_secret: secret file .*/nowhere.*No such file')

    def test_a_secret_file_that_others_may_read_is_refused_with_the_remedy(self):
        secret = self.folder / 'client-secret'
        secret.write_text('s3cret~value')
        secret.chmod(0o640)
        status, output = self.refused_start(self.with_secret_file(secret))
        self.assertEqual(status, CONFIGURATION)
        self.assertIn(f'chmod 600 {secret}', output)
        self.assertNotIn('s3cret~value', output)

    def test_listening_beyond_loopback_needs_allow(self):
        for address in ('0.0.0.0:0', '[::]:0'):
            status, output = self.refused_start(self.plain(listen=[address]))
            self.assertEqual(status, CONFIGURATION)
            self.assertRegex(output, r'mailramp\.yaml:\d+:\d+: listen.*without `allow`')

    def test_a_client_that_allow_does_not_name_is_refused_before_its_first_command(self):
        harness.require_root()
        # A second machine, as far as the daemon can tell: an address that is not one of loopback's.
        script = 'ip link set lo up && ip addr add 192.0.2.7/32 dev lo && exec "$@"'
        test = [sys.executable, '-B', '-c', STRANGER, str(pathlib.Path(__file__).parent), str(self.write_config(
            self.plain(listen=['192.0.2.7:2525', '127.0.0.1:2525'], allow=['198.51.100.0/24'])))]
        done = subprocess.run(['unshare', '--net', 'sh', '-c', script, 'sh', *test], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=harness.DEADLINE * 2, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        greeting, answers, own = done.stdout.strip().splitlines()[-3:]
        self.assertRegex(greeting, r'\A554 5\.7\.1 Access denied: 192\.0\.2\.7 ')
        self.assertRegex(answers, r'\A503 .*\Z')
        self.assertRegex(own, r'\A220 ')

    def test_an_upstream_that_is_the_own_listener_is_refused(self):
        port = self.reserved_port()
        for host in ('127.0.0.1', 'localhost'):
            status, output = self.refused_start(self.plain(listen=[f'127.0.0.1:{port}'], upstream={'host': host, 'port': port}))
            self.assertEqual(status, CONFIGURATION)
            self.assertIn('mail would come back to this daemon', output)

    def test_an_upstream_that_is_an_inherited_listener_gets_no_mail(self):
        # The file does not show it: what is listened on is the socket that was passed.
        with socket.create_server(('127.0.0.1', 0)) as passed:
            settings = self.plain(listen=['127.0.0.1:1'], upstream={'port': passed.getsockname()[1]})
            self.start_daemon(settings, **relay.inherited(passed))
            queue_id = self.send()
            paused = self.daemon.wait_for('mailbox_paused')
            self.assertIn('own listener', paused['answer'])
            self.assertTrue(paused['cause'] and paused['remedy'], paused)
            self.assertEqual(self.recipients_of(queue_id)[RECIPIENT]['attempts'], 0)
            self.assertEqual(len(self.daemon.events('accepted')), 1)

    def test_a_missing_ipv6_is_a_warning(self):
        harness.require_root()
        prefix = ['unshare', '--net', 'sh', '-c',
                  'ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && exec "$@"', 'sh']
        settings = self.plain(listen=['127.0.0.1:2525', '[::1]:2525'])
        daemon = self.started(harness.Daemon(self.write_config(settings), prefix=prefix))
        warnings = [event['message'] for event in daemon.events('config_warning')]
        self.assertTrue(any('[::1]:2525' in warning and 'going on without it' in warning for warning in warnings), warnings)
        self.assertEqual([event['address'] for event in daemon.events('listening')], ['127.0.0.1:2525'])
        self.assertEqual(daemon.stop(), 0)


STRANGER = r'''
import sys
sys.path.insert(0, sys.argv[1])
import socket, harness
daemon = harness.Daemon(sys.argv[2])
with socket.create_connection(('192.0.2.7', 2525), timeout=30, source_address=('192.0.2.7', 0)) as client:
    lines = client.makefile('rb')
    print(lines.readline().decode().strip())
    client.sendall(b'EHLO stranger.test\r\n')
    print(lines.readline().decode().strip())
with harness.RawClient(2525) as client:
    print(client.reply())
assert daemon.stop() == 0
'''


class Machine(BadInput):
    def test_a_port_in_use_names_its_owner_and_both_ways_out(self):
        with socket.create_server(('127.0.0.1', 0)) as taken:
            port = taken.getsockname()[1]
            status, output = self.refused_start(self.plain(listen=[f'127.0.0.1:{port}']))
        self.assertEqual(status, UNAVAILABLE)
        name = pathlib.Path('/proc/self/comm').read_text().strip()
        self.assertIn(f'port {port} is taken by {name} (process {os.getpid()})', output)
        self.assertIn('Either stop it', output)
        self.assertIn('listen elsewhere', output)

    def test_a_second_instance_on_the_same_queue_is_refused(self):
        self.start_plain()
        status, output = self.refused_start(self.plain(admin={'socket': self.folder / 'second.sock'}))
        self.assertEqual(status, TRY_AGAIN)
        self.assertIn(f'in use by process {self.daemon.process.pid}', output)
        self.expect_next_client_served()

    def test_a_second_instance_on_the_same_admin_socket_is_refused(self):
        self.start_plain()
        status, output = self.refused_start(self.plain(queue={'directory': self.folder / 'other-queue'}))
        self.assertEqual(status, CANNOT_CREATE)
        self.assertIn(str(self.folder / 'admin.sock'), output)
        # The first one still answers.
        self.assertEqual(self.daemon.command('status')['queue']['state'], 'open')

    def test_the_queue_file_is_closed_to_every_other_sqlite(self):
        self.start_plain()
        self.send()
        files = [path for path in (self.folder / 'queue').iterdir()
                 if path.is_file() and path.read_bytes()[:15] == b'SQLite format 3']
        self.assertEqual(len(files), 1)
        for mode in ('ro', 'rw'):
            other = sqlite3.connect(f'file:{files[0]}?mode={mode}', uri=True, timeout=0)
            with self.assertRaisesRegex(sqlite3.OperationalError, 'locked'):
                other.execute('SELECT count(*) FROM sqlite_master').fetchone()
            other.close()
        self.expect_next_client_served()

    def test_a_queue_folder_that_cannot_be_written_is_named_with_the_remedy(self):
        harness.require_root()
        self.folder.chmod(0o755)
        home = self.folder / 'home'
        home.mkdir()
        os.chown(home, 65534, 65534)
        settings = self.plain(queue={'directory': home / 'queue'}, admin={'socket': home / 'admin.sock'})
        as_nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
        home.chmod(0o500)
        status, output = self.refused_start(settings, prefix=as_nobody)
        self.assertEqual(status, CANNOT_CREATE)
        self.assertIn(f'{home}/queue', output)
        self.assertIn('Permission denied', output)
        self.assertIn('give it to the user that mailramp runs as', output)

        home.chmod(0o700)
        (home / 'queue').mkdir(mode=0o700)
        status, output = self.refused_start(settings, prefix=as_nobody)
        self.assertEqual(status, CANNOT_CREATE)
        self.assertIn('belongs to user 0, mailramp runs as 65534', output)
        self.assertIn('chown', output)

    def test_a_queue_folder_that_others_may_write_to_is_refused(self):
        (self.folder / 'queue').mkdir()
        (self.folder / 'queue').chmod(0o777)
        status, output = self.refused_start(self.plain())
        self.assertEqual(status, CANNOT_CREATE)
        self.assertIn('chmod 0700', output)

    def test_a_read_only_queue_disk_is_said(self):
        harness.require_root()
        queue = self.folder / 'queue'
        queue.mkdir(mode=0o700)
        disk = self.small_disk(queue, 4)
        subprocess.run(['mount', '-o', 'remount,ro', queue], check=True)
        status, output = self.refused_start(self.plain(queue={'directory': disk / 'queue'}))
        self.assertEqual(status, CANNOT_CREATE)
        self.assertIn('Read-only file system', output)

    def small_disk(self, folder, megabytes):
        subprocess.run(['mount', '-t', 'tmpfs', '-o', f'size={megabytes}m,mode=0700', 'tmpfs', folder], check=True)
        self.addCleanup(subprocess.run, ['umount', '--lazy', folder], check=False)
        return folder

    def test_umask_and_files_keep_mail_private(self):
        self.start_daemon(self.plain(), prefix=['sh', '-c', 'umask 000; exec "$@"', 'sh'])
        self.send(HEAD + b'0123456789\r\n' * 7_000)
        for path in (self.folder / 'queue', *(self.folder / 'queue').rglob('*')):
            self.assertEqual(stat.S_IMODE(path.lstat().st_mode) & 0o077, 0, path)

    def test_a_full_disk_refuses_mail_for_now_and_loses_none(self):
        harness.require_root()
        queue = self.folder / 'disk'
        queue.mkdir(mode=0o700)
        self.small_disk(queue, 24)
        self.start_sandbox('--plain')
        server, port = self.sandbox, self.reserved_port()
        # Nobody takes mail away while the disk fills.
        settings = self.plain(queue={'directory': queue / 'queue', 'disk_free_min': '2MiB', 'failed_commit_retry': '100ms'},
                              upstream={'port': port})
        self.start_daemon(settings)
        accepted, refused = [], None
        for number in range(400):
            content = HEAD + b'number %d\r\n' % number + (b'%076d\r\n' % number) * (2_000 if number % 2 else 500)
            try:
                self.send(content)
                accepted.append(content)
            except smtplib.SMTPResponseException as refusal:
                refused = refusal
                break
        self.assertIsNotNone(refused, 'the disk never became full')
        self.assertEqual(refused.smtp_code, 452)
        self.assertRegex(refused.smtp_error, rb'\A4\.3\.1 ')
        self.assertGreater(len(accepted), 10)
        self.daemon.wait_for('queue_full')
        self.assertEqual(self.daemon.command('status')['queue']['state'], 'full')
        # What was acknowledged is there: after a crash too, with the disk as full as can be.
        filler = queue / 'filler'
        with open(filler, 'wb', buffering=0) as file:
            try:
                while True:
                    file.write(bytes(64 * 1024))
            except OSError:
                pass
        self.assertRaises(smtplib.SMTPResponseException, self.send)
        self.daemon.kill()
        filler.unlink()
        self.start_daemon(relay.merged(settings, {'upstream': {'port': server.smtp_port}}))
        arrived = server.wait_for_messages(len(accepted))
        self.wait_until_queue_is_empty()
        bodies = sorted(message['content'].split(b'\r\n\r\n', 1)[1] for message in arrived)
        self.assertEqual(bodies, sorted(content.split(b'\r\n\r\n', 1)[1] for content in accepted))
        # With room again, it accepts again.
        self.expect_next_client_served()

    def test_space_that_is_freed_is_used_without_a_restart(self):
        harness.require_root()
        queue = self.folder / 'disk'
        queue.mkdir(mode=0o700)
        self.small_disk(queue, 16)
        self.start_plain(queue={'directory': queue / 'queue', 'disk_free_min': '2MiB', 'failed_commit_retry': '100ms'})
        self.send()
        with open(queue / 'filler', 'wb', buffering=0) as file:
            try:
                while True:
                    file.write(bytes(64 * 1024))
            except OSError:
                pass

        def refusal():
            try:
                self.send()
            except smtplib.SMTPResponseException as reply:
                return reply.smtp_code
            return None

        self.assertEqual(harness.eventually(refusal, what='refusal'), 452)
        (queue / 'filler').unlink()
        freed = time.monotonic()
        harness.eventually(lambda: refusal() is None, what='acceptance')
        self.assertLess(time.monotonic() - freed, 5)


class Clients(BadInput):
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
            'STARTTLS': 502, 'AUTH PLAIN AGEAYg==': 502, 'MAIL FROM:<\x00@b>': 501, 'MAIL FROM:<ü@b.test>': 553,
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
        client.expect('MAIL FROM:<erp@contoso.test>', 250)
        client.expect('RCPT TO:<ops@example.test>', 250)
        client.expect('DATA', 354)
        client.send(HEAD + b'.\r\n')
        client.close()
        self.daemon.wait_for('accepted')
        self.assertEqual(self.queued_messages(), 1)

    def test_a_large_message_that_breaks_off_leaves_no_file(self):
        self.start_plain()
        with self.raw() as client:
            client.greet()
            client.expect('MAIL FROM:<erp@contoso.test>', 250)
            client.expect('RCPT TO:<ops@example.test>', 250)
            client.expect('DATA', 354)
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
            self.expect_end_of_patience(client)
        with self.raw() as client:
            client.greet()
            client.expect('MAIL FROM:<erp@contoso.test>', 250)
            client.expect('RCPT TO:<ops@example.test>', 250)
            client.expect('DATA', 354)
            client.send(b'Subject: half')
            self.expect_end_of_patience(client)
        self.assertEqual(self.queued_messages(), 0)

    def expect_end_of_patience(self, client):
        reply = client.reply()
        self.assertTrue(reply == '' or reply.startswith('421'), reply)

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


class Commands(BadInput):
    def test_wrong_command_lines_exit_64(self):
        for words in ((), ('bogus',), ('serve', '--bogus'), ('queue',), ('queue', 'show'), ('queue', 'retry')):
            self.assertEqual(self.mailramp(*words).returncode, USAGE, words)

    def test_a_daemon_that_does_not_run_exits_69_with_the_remedy(self):
        config = self.write_config(self.plain())
        done = self.mailramp('status', '--config', config)
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn(str(self.folder / 'admin.sock'), done.stderr)

    def test_an_unknown_or_senseless_queue_id_exits_65(self):
        self.start_plain()
        for queue_id in ('nonsense', '../../../etc', '00000000000'):
            done = self.mailramp('queue', 'show', queue_id, '--config', self.daemon.config)
            self.assertEqual(done.returncode, DATA, (queue_id, done.stdout, done.stderr))

    def test_the_admin_socket_survives_nonsense(self):
        self.start_plain()
        for octets in (b'\0' * 100, b'GET / HTTP/1.1\r\n' + b'x: y\r\n' * 10_000, b'POST /v1/messages/retry HTTP/1.1\r\n'
                       b'Content-Length: 99999999999\r\n\r\n', b'GET'):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(harness.DEADLINE)
                client.connect(str(self.folder / 'admin.sock'))
                try:
                    client.sendall(octets)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.assertEqual(self.daemon.command('status')['queue']['state'], 'open')


if __name__ == '__main__' and os.geteuid() == 0:
    disks.enter_private_mounts()
harness.main(__name__)
