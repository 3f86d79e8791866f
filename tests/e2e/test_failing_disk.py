"""A disk that fails or fills up: new mail is refused for the time being, and what was promised is not lost.

The failures come from strace, which makes the kernel's answer to a sync an error while it is attached.
"""

import contextlib
import re
import shutil

import configs
import disks
import harness
import load


@contextlib.contextmanager
def failing(daemon, calls, error):
    """While this lasts, `calls` of the daemon fail with `error`."""
    if not shutil.which('strace'):
        raise harness.Unavailable('strace is missing')
    tracer = harness.Program(['strace', '-f', '-p', daemon.process.pid, '-o', '/dev/null', '-e', f'trace={calls}',
                              '-e', f'inject={calls}:error={error}'])
    try:
        tracer.lines.wait(lambda line: 'attached' in line, harness.DEADLINE, 'attached strace')
        yield
    finally:
        tracer.process.terminate()
        tracer.wait()


class FailingDisk(harness.Scenario):
    def setUp(self):
        super().setUp()
        harness.require_root()
        self.account = load.Account()
        self.recorder = self.started(load.Recorder(self.account))
        # What is delivered is no longer on the disk, and so shows nothing.
        self.recorder.open.clear()

    def start(self, queue):
        return self.started(harness.Daemon(configs.plain(self.folder, queue, self.recorder.port)))

    def send(self, daemon, message_id, size=1000):
        """The reply to the end of the data, or to MAIL or DATA when they refuse already."""
        content = load.make_content(f'{message_id}@load.test', size)
        self.account.opened(f'{message_id}@load.test', content, ['r0@example.test'])
        with harness.RawClient(daemon.port) as client:
            client.greet()
            reply = client.command('MAIL FROM:<app@contoso.test>')
            if not reply.startswith('250'):
                return reply
            client.expect('RCPT TO:<r0@example.test>', 250)
            reply = client.command('DATA')
            if reply.startswith('451'):  # something else has found out about the disk already
                return reply
            self.assertRegex(reply, r'\A354')
            client.send(re.sub(rb'^\.', b'..', content, flags=re.MULTILINE) + b'.\r\n')
            reply = client.reply()
        if reply.startswith('250'):
            self.account.promised(f'{message_id}@load.test')
        return reply

    def expect_nothing_lost(self, daemon, queue):
        """Also after a crash; nothing comes twice, that which was refused included."""
        daemon.kill()
        self.recorder.open.set()
        self.start(queue)
        self.assertTrue(self.account.wait_until_nothing_is_missing(harness.DEADLINE), self.account.summary())
        self.assertEqual(self.account.altered(), set())
        self.assertEqual(self.account.duplicates(), 0)

    def test_a_log_that_cannot_be_synced_promises_nothing_until_it_can(self):
        queue = self.folder / 'queue'
        daemon = self.start(queue)
        self.assertRegex(self.send(daemon, 'before'), r'\A250 ')
        with failing(daemon, 'fdatasync,fsync', 'EIO'):
            self.assertRegex(self.send(daemon, 'refused'), r'\A451 4\.3\.0 ')
            daemon.wait_for('queue_failed')
            self.assertRegex(self.send(daemon, 'refused-too'), r'\A451 ')
            self.assertEqual(daemon.command('status')['queue']['state'], 'failed')
        daemon.wait_for('queue_recovered')
        self.assertRegex(self.send(daemon, 'after'), r'\A250 ')
        self.expect_nothing_lost(daemon, queue)

    def test_a_large_message_that_cannot_be_synced_is_not_promised(self):
        queue = self.folder / 'queue'
        daemon = self.start(queue)
        with failing(daemon, 'fdatasync,fsync', 'EIO'):
            self.assertRegex(self.send(daemon, 'refused', size=3_000_000), r'\A45[12] ')
        # Whether the log noticed too depends on what else was written; if it did, it must come back.
        if daemon.events('queue_failed'):
            daemon.wait_for('queue_recovered')
        self.assertRegex(self.send(daemon, 'after', size=3_000_000), r'\A250 ')
        self.expect_nothing_lost(daemon, queue)

    def test_a_full_disk_refuses_and_keeps_what_it_has(self):
        disk = self.started(disks.Disk(self.folder, 'ext4', megabytes=32))
        queue = disk.path / 'queue'
        daemon = self.start(queue)
        replies = []
        while len(replies) < 200 and (not replies or replies[-1].startswith('250')):
            replies.append(self.send(daemon, f'filling-{len(replies)}', size=700_000))
        self.assertGreater(len(replies), 5)
        self.assertRegex(replies[-1], r'\A452 4\.3\.1 ')
        self.assertIn('disk is full', daemon.wait_for('rejected')['message'])
        self.assertTrue(daemon.running)
        # Once mail has left, there is room again.
        self.recorder.open.set()
        self.assertTrue(self.account.wait_until_nothing_is_missing(harness.DEADLINE), self.account.summary())
        harness.eventually(lambda: self.send(daemon, f'again-{self.account.promised_count()}').startswith('250'), what='room')
        self.expect_nothing_lost(daemon, queue)


disks.enter_private_mounts()
harness.main(__name__)
