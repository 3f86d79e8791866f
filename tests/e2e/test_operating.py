"""The queue in the operator's hands: looked at, held, released, copied, deleted; and the story of a message told."""

import getpass
import json
import os
import pathlib
import re
import stat

import harness
import relay
from relay import HEAD, RECIPIENT, SENDER

OTHER = 'it@example.test'


class Operating(relay.Scenario):
    def setUp(self):
        super().setUp()
        self.share_sandbox()
        self.start_daemon()

    def lines(self, *words):
        """What a command prints as JSON, line by line."""
        done = self.mailramp(*words, '--json', '--config', self.daemon.config)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def text(self, *words, status=0):
        done = self.mailramp(*words, '--config', self.daemon.config)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout + done.stderr

    def states(self):
        return sorted((recipient['address'], recipient['state'])
                      for message in self.lines('queue', 'list') for recipient in message['recipients'])

    def kinds(self, name):
        return [event['kind'] for event in self.lines('trace', name)[0]['events']]

    def pause(self):
        self.daemon.command('mailbox', 'pause', self.mailbox_status()['name'], '--reason', 'a test')

    def test_a_failing_mailbox_is_seen_and_its_mail_followed_to_the_reply(self):
        self.sandbox.fail('5.7.139-mailbox')
        queue_id = self.send()
        self.daemon.wait_for('mailbox_paused')
        mailbox = self.mailbox_status()
        self.assertTrue(mailbox['paused'])
        self.assertFalse(mailbox['paused_by_operator'])
        harness.eventually(lambda: self.states() == [(RECIPIENT, 'queued')], what='message that waits')
        self.assertEqual(self.kinds(queue_id)[0], 'accepted')
        text = self.text('trace', queue_id)
        self.assertIn('Mailbox default is paused: SMTP AUTH is switched off for this mailbox', text)
        self.sandbox.clear()
        self.text('mailbox', 'resume', mailbox['name'])
        self.sandbox.wait_for_messages(1)
        self.wait_until_queue_is_empty()
        story, = self.lines('trace', queue_id)
        self.assertEqual(story['events'][0]['client'], '127.0.0.1')
        delivered = story['events'][-1]
        self.assertEqual((delivered['kind'], delivered['address']), ('delivered', RECIPIENT))
        self.assertIn('OK <fixed@contoso.test>', delivered['receipt'])
        self.assertNotEqual(delivered['hostname'], '')
        self.assertEqual(self.lines('trace', '<fixed@contoso.test>')[0]['id'], queue_id)
        past, = self.lines('history', '--recipient', '@example.test', '--since', '1h')
        self.assertEqual((past['id'], past['state'], past['hostname']), (queue_id, 'delivered', delivered['hostname']))
        self.assertEqual(self.lines('history', '--mailbox', 'nobody'), [])
        text = self.text('trace', queue_id)
        self.assertIn('accepted from 127.0.0.1', text)
        self.assertRegex(text, r'delivered by \S+: ' + re.escape(RECIPIENT))

    def test_what_was_tried_in_vain_is_in_the_trace_with_who_retried_it(self):
        self.sandbox.fail('451')
        queue_id = self.send()
        harness.eventually(lambda: 'tried' in self.kinds(queue_id), what='attempt that failed')
        self.sandbox.clear()
        self.daemon.command('queue', 'retry', queue_id)
        self.sandbox.wait_for_messages(1)
        self.wait_until_queue_is_empty()
        story, = self.lines('trace', queue_id)
        tried = next(event for event in story['events'] if event['kind'] == 'tried')
        self.assertEqual((tried['answer']['code'], tried['state']), (451, 'queued'))
        ordered = [event for event in story['events'] if event['kind'] == 'ordered']
        who = f'{getpass.getuser()} (uid {os.getuid()}, pid '
        # It may have gone by itself before; then there was nothing to order.
        for event in ordered:
            self.assertEqual(event['verb'], 'retry')
            self.assertTrue(event['by'].startswith(who), event['by'])
        asked = self.daemon.wait_for('admin_request')
        self.assertEqual((asked['uid'], asked['user']), (os.getuid(), getpass.getuser()))

    def test_a_pause_lasts_over_a_restart_until_it_is_resumed(self):
        self.pause()
        queue_id = self.send()
        self.daemon.stop()
        self.start_daemon()
        mailbox = self.mailbox_status()
        self.assertTrue(mailbox['paused_by_operator'])
        self.assertRegex(mailbox['cause'], r'\(uid \d+, pid \d+\) paused it: a test\Z')
        self.assertIsNone(mailbox['next_probe'])
        self.assertEqual(self.sandbox.messages(), [])
        self.text('mailbox', 'resume', mailbox['name'])
        self.sandbox.wait_for_messages(1)
        self.daemon.wait_for('delivered', queue_id=queue_id)

    def test_orders_reach_those_that_the_filter_means_and_no_others(self):
        self.pause()
        first = self.send(recipients=[RECIPIENT, OTHER])
        second = self.send(sender='other@contoso.test')
        self.assertEqual([message['id'] for message in self.lines('queue', 'list', '--sender', 'other@contoso.test')], [second])
        self.assertEqual(self.lines('queue', 'list', '--older-than', '1h'), [])
        self.assertEqual(len(self.lines('queue', 'list', '--newer-than', '1h', '--recipient', '@example.test')), 2)
        self.daemon.command('queue', 'hold', '--recipient', OTHER)
        self.assertEqual(self.states(), [(OTHER, 'held'), (RECIPIENT, 'queued'), (RECIPIENT, 'queued')])
        self.assertEqual(self.recipients_of(first)[OTHER]['hold_reason'], 'operator')
        self.assertIn('add --yes', self.text('queue', 'delete', '--sender', SENDER, status=64))
        deleted = self.daemon.command('queue', 'delete', '--sender', 'OTHER@contoso.test', '--yes')
        self.assertEqual((deleted['messages'], deleted['recipients']), (1, 1))
        gone, = self.lines('history')
        self.assertEqual((gone['id'], gone['state']), (second, 'deleted'))
        self.assertTrue(gone['receipt'].startswith(f'deleted by {getpass.getuser()} (uid '), gone['receipt'])
        self.text('mailbox', 'resume', self.mailbox_status()['name'])
        message, = self.sandbox.wait_for_messages(1)
        self.assertEqual(message['to'], [RECIPIENT])
        self.assertEqual(self.daemon.command('queue', 'release', '--all')['recipients'], 1)
        self.sandbox.wait_for_messages(2)
        self.wait_until_queue_is_empty()

    def test_content_is_shown_and_copied_as_it_is_stored(self):
        self.pause()
        small = self.send(recipients=[RECIPIENT, OTHER])
        large = self.send(HEAD + (b'x' * 76 + b'\r\n') * 40_000)
        shown = self.mailramp('queue', 'cat', small, '--config', self.daemon.config).stdout
        self.assertTrue(shown.endswith('\n\nhello\n'), shown)
        self.assertTrue(self.text('queue', 'cat', '--headers', large).rstrip().endswith('+0000'))
        folder = self.folder / 'copies'
        self.text('queue', 'export', '--all', '--to', folder)
        self.assertEqual(sorted(path.name for path in folder.iterdir()),
                         sorted(f'{name}.{kind}' for name in (small, large) for kind in ('eml', 'json')))
        for path in folder.iterdir():
            self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        content = (folder / f'{large}.eml').read_bytes()
        self.assertTrue(content.endswith(HEAD + (b'x' * 76 + b'\r\n') * 40_000))
        envelope = json.loads((folder / f'{small}.json').read_text())
        self.assertEqual((envelope['sender'], [one['address'] for one in envelope['recipients']]), (SENDER, [RECIPIENT, OTHER]))
        self.assertIn('File exists', self.text('queue', 'export', small, '--to', folder, status=74))
        self.assertEqual(self.queued_messages(), 2)
        self.assertEqual(pathlib.Path(folder / f'{large}.eml').read_bytes(), content)


harness.main(__name__)
