"""A queue that is damaged, and one that comes from a backup: what the daemon says to it, and what commands make of it."""

import json
import shutil
import sqlite3

import configs
import harness
import load
import relay

PAGE = 4096
CANNOT_OPEN = 73
DATA = 65


class Recover(relay.Scenario):
    def setUp(self):
        super().setUp()
        self.queue = self.folder / 'queue'
        self.inbox = load.Inbox()
        self.recorder = self.started(load.Recorder(self.inbox))
        self.recorder.open.clear()  # what is delivered is no longer in the queue

    def start(self, *words):
        config = configs.plain(self.folder, self.queue, self.recorder.port)
        self.daemon = self.started(harness.Daemon(config, options=words))
        return self.daemon

    def fill(self, bodies):
        self.start()
        for body in bodies:
            self.send(body=body)
        self.daemon.kill()

    def recover(self, name='saved'):
        """(status, report, envelopes by queue id)"""
        target = self.folder / name
        done = self.mailramp('queue', 'recover', '--from', self.queue, '--to', target, '--json')
        envelopes = {path.stem: json.loads(path.read_text()) for path in sorted(target.glob('*.json'))}
        return done.returncode, json.loads(done.stdout), envelopes

    BODIES = [b'number %d\r\n' % number for number in range(40)] + [b'large\r\n' * 30_000]

    def test_all_of_a_sound_queue_is_saved_octet_for_octet(self):
        self.fill(self.BODIES)
        before = {path.name: path.read_bytes() for path in self.queue.iterdir() if path.is_file()}
        status, report, envelopes = self.recover()
        self.assertEqual((status, report['messages'], report['whole'], report['damage']), (0, 41, 41, []))
        saved = [(self.folder / 'saved' / envelope['file']).read_bytes() for envelope in envelopes.values()]
        self.assertEqual([content.split(b'\r\n\r\n', 1)[1] for content in saved], self.BODIES)
        first = next(iter(envelopes.values()))
        self.assertEqual((first['sender'], [recipient['address'] for recipient in first['recipients']]),
                         (relay.SENDER, [relay.RECIPIENT]))
        self.assertEqual({path.name: path.read_bytes() for path in self.queue.iterdir() if path.is_file()}, before)
        self.assertEqual({path.stat().st_mode & 0o777 for path in (self.folder / 'saved').iterdir()}, {0o600})

    def test_a_daemon_that_cannot_open_its_queue_names_the_command_that_saves_it(self):
        self.fill(self.BODIES)
        database = self.queue / 'queue.db'
        sqlite3.connect(database).execute('PRAGMA wal_checkpoint(TRUNCATE)')
        with open(database, 'r+b') as file:
            file.write(b'\xa5' * PAGE)
        daemon = self.started(harness.Daemon(configs.plain(self.folder, self.queue, self.recorder.port), wait_until_ready=False))
        self.assertEqual(daemon.wait(), CANNOT_OPEN)
        self.assertIn(f'mailramp queue recover --from {self.queue} --to FOLDER', daemon.lines.text())
        status, report, _ = self.recover()
        self.assertEqual((status, report['messages'], report['whole']), (DATA, 41, 41))
        self.assertEqual(len(report['damage']), 1)

    def test_a_large_content_that_is_missing_is_named_and_the_others_are_saved(self):
        self.fill(self.BODIES)
        body, = (self.queue / 'bodies').iterdir()
        body.unlink()
        status, report, envelopes = self.recover()
        self.assertEqual((status, report['messages'], report['whole']), (DATA, 41, 40))
        lost, = [envelope for envelope in envelopes.values() if envelope['damage']]
        self.assertIsNone(lost['file'])
        self.assertIn('its content is lost', lost['damage'][0])

    def test_a_queue_in_use_is_left_alone(self):
        self.start()
        done = self.mailramp('queue', 'recover', '--from', self.queue, '--to', self.folder / 'saved')
        self.assertEqual(done.returncode, 75)
        self.assertIn('stop it first', done.stderr)

    def test_a_restored_queue_is_held_until_it_is_released_and_new_mail_is_not(self):
        self.fill([b'restored %d\r\n' % number for number in range(3)])
        backup = self.folder / 'backup'
        shutil.copytree(self.queue, backup)
        self.recorder.open.set()
        self.start()
        self.inbox.wait_for(3)
        self.daemon.stop()
        shutil.rmtree(self.queue)
        shutil.copytree(backup, self.queue)
        self.start('--hold')
        self.assertEqual(self.daemon.wait_for('queue_held')['recipients'], 3)
        self.daemon.wait_for('delivered', queue_id=self.send(body=b'new\r\n'))
        self.assertEqual(len(self.inbox.wait_for(4)), 4)
        self.assertEqual(self.daemon.command('status')['queue']['recipients']['held'], 3)
        # A later start without it changes nothing.
        self.daemon.stop()
        self.start()
        self.assertEqual(self.daemon.command('queue', 'release', '--all')['recipients'], 3)
        self.assertEqual(len(self.inbox.wait_for(7)), 7)


harness.main(__name__)
