"""Ports, folders and disks that are taken, closed or full: refused or waited for, with the remedy, and nothing is lost."""

import contextlib
import os
import pathlib
import smtplib
import socket
import sqlite3
import stat
import subprocess
import time

import bad_input
import disks
import harness
import relay
from bad_input import CANNOT_CREATE, TRY_AGAIN, UNAVAILABLE
from relay import HEAD

UPLOAD_BYTES = 10_000_000


def fill(folder):
    """Takes all that is free on the disk of `folder`; the file that holds it."""
    path = folder / 'filler'
    with open(path, 'wb', buffering=0) as file:
        try:
            while True:
                file.write(bytes(64 * 1024))
        except OSError:
            return path


class UnfitMachine(bad_input.Scenario):
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
        as_nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--pdeathsig=KILL']
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

    def test_a_queue_folder_that_others_may_write_to_is_closed_with_a_warning(self):
        queue = self.folder / 'queue'
        queue.mkdir()
        queue.chmod(0o777)
        self.start_plain()
        closed, = self.daemon.events('queue_folder_closed')
        self.assertEqual((closed['level'], closed['path']), ('warning', str(queue)))
        self.assertEqual(queue.stat().st_mode & 0o7777, 0o700)
        self.expect_next_client_served()

    def test_a_file_that_somebody_has_put_into_an_open_queue_folder_is_refused(self):
        harness.require_root()
        queue = self.folder / 'queue'
        queue.mkdir()
        queue.chmod(0o777)
        planted = queue / 'queue.db-wal'
        planted.write_bytes(b'x')
        os.chown(planted, 65534, 65534)
        status, output = self.refused_start(self.plain())
        self.assertEqual(status, CANNOT_CREATE)
        self.assertIn('queue.db-wal is not a plain file of ours', output)

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
        filler = fill(queue)
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

    def test_of_large_uploads_at_once_those_that_fit_are_taken(self):
        harness.require_root()
        queue = self.folder / 'disk'
        queue.mkdir(mode=0o700)
        self.small_disk(queue, 72)
        self.start_plain(queue={'directory': queue / 'queue', 'disk_free_min': '2MiB', 'failed_commit_retry': '100ms'},
                         upstream={'port': self.reserved_port()})
        content = HEAD + (b'x' * 76 + b'\r\n') * (UPLOAD_BYTES // 78)
        with contextlib.ExitStack() as uploads:
            admitted, replies = [], []
            for _ in range(10):
                client = uploads.enter_context(harness.RawClient(self.daemon.port))
                client.greet()
                replies.append(client.command(f'MAIL FROM:<{relay.SENDER}> SIZE={len(content)}'))
                if replies[-1].startswith('250'):
                    client.expect(f'RCPT TO:<{relay.RECIPIENT}>', 250)
                    client.expect('DATA', 354)
                    admitted.append(client)
            # 62 MiB less what the database takes: 2 are left free, and 8 are kept for deliveries.
            self.assertEqual(len(admitted), 6, replies)
            self.assertRegex(replies[-1], r'\A452 4\.3\.1 .* for messages that are coming in')
            refused = self.daemon.wait_for('rejected')
            self.assertEqual((refused['from'], refused['reply']), (relay.SENDER, '452 4.3.1'))
            for start in range(0, len(content), 1_000_000):
                for client in admitted:
                    client.send(content[start:start + 1_000_000])
            # Who has declared nothing takes nothing away from those who have.
            with harness.RawClient(self.daemon.port) as undeclared:
                undeclared.greet()
                self.assertRegex(undeclared.submit(relay.SENDER, [relay.RECIPIENT], content + b'.\r\n'), r'\A452 4\.3\.1 ')
            for client in admitted:
                client.send(b'.\r\n')
            self.assertEqual([client.reply()[:3] for client in admitted], ['250'] * len(admitted))
        self.assertEqual(self.queued_messages(), len(admitted))

    def test_sessions_that_only_announce_large_messages_take_no_room(self):
        self.start_plain(queue={'directory': self.folder / 'queue', 'size_max': '100MiB', 'disk_free_min': '1MiB'},
                         upstream={'port': self.reserved_port()})
        with contextlib.ExitStack() as idle:
            for _ in range(20):
                client = idle.enter_context(harness.RawClient(self.daemon.port))
                client.greet()
                client.expect(f'MAIL FROM:<{relay.SENDER}> SIZE=34000000', 250)
            self.send()

    def test_a_disk_that_others_fill_says_how_little_is_free(self):
        harness.require_root()
        queue = self.folder / 'disk'
        queue.mkdir(mode=0o700)
        self.small_disk(queue, 64)
        self.start_plain(queue={'directory': queue / 'queue', 'disk_free_min': '2MiB'})
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.begin(relay.SENDER, [relay.RECIPIENT], size=UPLOAD_BYTES)
            client.send(HEAD + (b'x' * 76 + b'\r\n') * 20_000)
            harness.eventually(lambda: any((queue / 'queue' / 'bodies').iterdir()), what='file')
            fill(queue)
            client.send((b'x' * 76 + b'\r\n') * 60_000 + b'.\r\n')
            self.assertRegex(client.reply(), r'\A452 4\.3\.1 .* 0 MiB are free')
        self.assertIn(' 0 MiB are free', self.daemon.wait_for('rejected')['message'])
        harness.eventually(lambda: not any((queue / 'queue' / 'bodies').iterdir()), what='removal')

    def test_space_that_is_freed_is_used_without_a_restart(self):
        harness.require_root()
        queue = self.folder / 'disk'
        queue.mkdir(mode=0o700)
        self.small_disk(queue, 16)
        self.start_plain(queue={'directory': queue / 'queue', 'disk_free_min': '2MiB', 'failed_commit_retry': '100ms'})
        self.send()
        filler = fill(queue)

        def refusal():
            try:
                self.send()
            except smtplib.SMTPResponseException as reply:
                return reply.smtp_code
            return None

        self.assertEqual(harness.eventually(refusal, what='refusal'), 452)
        filler.unlink()
        freed = time.monotonic()
        harness.eventually(lambda: refusal() is None, what='acceptance')
        self.assertLess(time.monotonic() - freed, 5)


if os.geteuid() == 0:
    disks.enter_private_mounts()
harness.main(__name__)
