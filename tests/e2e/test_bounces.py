"""Delivery status notifications: what a client asks for, and who hears of mail that did not arrive."""

import email
import email.policy
import json
import random
import secrets
import smtplib

import harness
import relay
from relay import HEAD, RECIPIENT, SENDER


class Parameters(relay.Scenario):
    def test_what_a_client_asks_for_reaches_a_server_that_offers_it(self):
        self.share_sandbox()
        self.start_daemon()
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test', timeout=harness.DEADLINE) as client:
            client.ehlo()
            self.assertTrue(client.has_extn('dsn'))
            self.assertEqual(client.mail(SENDER, ['RET=HDRS', 'ENVID=QQ+20314159'])[0], 250)
            self.assertEqual(client.rcpt(RECIPIENT, ['NOTIFY=failure,delay', 'ORCPT=rfc822;first+2Bbox@example.test'])[0], 250)
            self.assertEqual(client.rcpt('quiet@example.test', ['NOTIFY=NEVER'])[0], 250)
            self.assertEqual(client.data(HEAD + b'hello\r\n')[0], 250)
        message, = self.sandbox.wait_for_messages(1)
        self.assertEqual((message['ret'], message['envid']), ('HDRS', 'QQ+20314159'))
        self.assertEqual(message['recipients'],
                         [{'address': RECIPIENT, 'notify': 'FAILURE,DELAY', 'orcpt': 'rfc822;first+2Bbox@example.test'},
                          {'address': 'quiet@example.test', 'notify': 'NEVER'}])


POSTMASTER = 'it@contoso.test'


class Bounces(relay.Scenario):
    def start(self, **changes):
        self.share_sandbox()
        self.start_daemon(changes={'postmaster': POSTMASTER, **changes})

    def submit_with(self, notify, content=HEAD + b'hello\r\n', mail=(), sender=SENDER, recipient='gone@example.test'):
        """With parameters of RFC 3461; its queue id."""
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test', timeout=harness.DEADLINE) as client:
            client.ehlo()
            self.assertEqual(client.mail(sender, mail)[0], 250)
            self.assertEqual(client.rcpt(recipient, notify)[0], 250)
            code, text = client.data(content)
            self.assertEqual(code, 250)
            return text.split()[-1].decode()

    def report_in(self, message):
        """The parts of a report, as Python's parser finds them: (words, fields of each group, what is returned)."""
        parsed = email.message_from_bytes(message['content'], policy=email.policy.default)
        self.assertEqual(parsed.get_content_type(), 'multipart/report')
        self.assertEqual(parsed.get_param('report-type'), 'delivery-status')
        self.assertEqual(parsed['Auto-Submitted'], 'auto-replied')
        self.assertEqual([part.defects for part in parsed.walk()], [[] for _ in parsed.walk()])
        words, status, returned = parsed.iter_parts()
        self.assertEqual(status.get_content_type(), 'message/delivery-status')
        return words.get_content(), list(status.iter_parts()) or status.get_payload(), returned

    def expect_held(self, queue_id, reason):
        self.assertIn(reason, self.daemon.wait_for('not_reported', queue_id=queue_id)['reason'])
        self.assertEqual([recipient['state'] for recipient in self.recipients_of(queue_id).values()], ['held'])
        self.assertEqual(self.sandbox.messages(), [])

    def test_the_postmaster_hears_of_a_refused_recipient_with_cause_and_remedy(self):
        self.start()
        self.sandbox.fail('rcpt-550', 1)
        queue_id = self.submit_with(['ORCPT=rfc822;first+2Bbox@example.test'], mail=['ENVID=order+207'])
        bounced = self.daemon.wait_for('bounced', queue_id=queue_id, to='gone@example.test')
        message, = self.sandbox.wait_for_messages(1)
        self.assertEqual(bounced['report_to'], POSTMASTER)
        # Nobody knows whether Exchange takes the null sender from a client.
        self.assertEqual((message['sender'], message['recipients']),
                         (self.sandbox.apps[0]['mailboxes'][0], [{'address': POSTMASTER, 'notify': 'NEVER'}]))
        words, (general, recipient), returned = self.report_in(message)
        self.assertIn('Why: ', words)
        self.assertIn('What to do: ', words)
        self.assertIn('550 5.1.10', ' '.join(words.split()))
        self.assertEqual((general['Reporting-MTA'], general['Original-Envelope-Id']), ('dns;mailramp.test', 'order 7'))
        self.assertIn('Arrival-Date', general)
        self.assertEqual((recipient['Original-Recipient'], recipient['Final-Recipient'], recipient['Action'], recipient['Status']),
                         ('rfc822;first+box@example.test', 'rfc822;gone@example.test', 'failed', '5.1.10'))
        self.assertEqual(recipient['Remote-MTA'], 'dns;localhost')
        self.assertTrue(recipient['Diagnostic-Code'].startswith('smtp;550 5.1.10'))
        self.assertEqual(returned.get_content_type(), 'text/rfc822-headers')
        self.assertIn('Message-ID: <fixed@contoso.test>', returned.get_payload())
        self.wait_until_queue_is_empty()
        self.assertEqual([r['state'] for r in self.recipients_of(queue_id).values()], ['failed'])

    def test_ret_full_brings_the_whole_message_back_octet_for_octet(self):
        self.start()
        self.sandbox.fail('rcpt-550', 1)
        content = HEAD + b'--=_report_\r\n\r\n' + bytes(range(0x80, 0x100)) + b'\r\n' + b'x' * 900 + b'\r\n' + b'line\r\n' * 30000
        self.submit_with([], content, mail=['RET=FULL', 'BODY=8BITMIME'])
        message, = self.sandbox.wait_for_messages(1)
        self.assertEqual(message['body'], '8BITMIME')
        returned = self.report_in(message)[2]
        self.assertEqual(returned.get_content_type(), 'message/rfc822')
        self.assertIn(content, message['content'])

    def test_a_message_whose_content_is_damaged_keeps_no_other_report_waiting(self):
        self.start()
        self.sandbox.fail('421-banner')
        damaged = self.submit_with([], HEAD + b'line\r\n' * 30000, mail=['RET=FULL'])
        body, = (self.folder / 'queue' / 'bodies').iterdir()
        with open(body, 'r+b') as file:
            file.seek(-100, 2)
            file.write(b'X')
        sound = self.submit_with([], mail=['RET=FULL'])
        self.sandbox.clear()
        self.sandbox.fail('rcpt-550', 2)
        self.daemon.wait_for('bounced', queue_id=sound)
        self.assertIn('damaged', self.daemon.wait_for('not_reported', queue_id=damaged)['reason'])
        self.assertEqual([recipient['state'] for recipient in self.recipients_of(damaged).values()], ['held'])
        self.sandbox.wait_for_messages(1)

    def test_ret_full_of_a_large_message_brings_its_headers(self):
        self.start(bounces={'returned_size_max': '1KiB'})
        self.sandbox.fail('rcpt-550', 1)
        self.submit_with([], HEAD + b'line\r\n' * 1000, mail=['RET=FULL'])
        message, = self.sandbox.wait_for_messages(1)
        self.assertEqual(self.report_in(message)[2].get_content_type(), 'text/rfc822-headers')
        self.assertLess(len(message['content']), 5000)

    def test_a_sender_is_told_where_that_is_wanted(self):
        self.start(bounces={'to': 'sender'})
        self.sandbox.fail('rcpt-550', 1)
        self.submit_with([], sender='erp@example.com')
        message, = self.sandbox.wait_for_messages(1)
        self.assertEqual(message['to'], ['erp@example.com'])
        self.assertNotIn('What to do', self.report_in(message)[0])

    def test_a_report_that_is_refused_itself_is_a_dead_letter(self):
        self.start()
        self.sandbox.fail('rcpt-550', 2)
        queue_id = self.submit_with([])
        report_id = self.daemon.wait_for('bounced', queue_id=queue_id)['report_id']
        self.daemon.wait_for('held', queue_id=report_id)
        self.assertEqual(self.recipients_of(report_id)[POSTMASTER]['state'], 'held')
        # Sent on by hand it arrives, and was the only one.
        self.daemon.command('queue', 'retry', report_id)
        message, = self.sandbox.wait_for_messages(1)
        self.assertEqual(message['to'], [POSTMASTER])
        self.wait_until_queue_is_empty()
        self.assertEqual(len(self.daemon.events('bounced')), 1)

    def test_who_does_not_want_to_hear_of_failures_does_not(self):
        self.start()
        for notify in ('NEVER', 'SUCCESS,DELAY'):
            with self.subTest(notify):
                self.sandbox.fail('rcpt-550', 1)
                self.expect_held(self.submit_with([f'NOTIFY={notify}']), 'NOTIFY')

    def test_programs_lists_and_senders_without_a_place_are_not_written_to(self):
        self.start(bounces={'to': 'sender'})
        for sender, field in (('', b''), ('root@localhost.localdomain', b''), (SENDER.replace('.test', '.com'), b'Auto-Submitted: auto-generated\r\n'),
                              (SENDER.replace('.test', '.com'), b'List-Id: <news.example.com>\r\n')):
            with self.subTest(sender=sender, field=field):
                self.sandbox.fail('rcpt-550', 1)
                queue_id = self.submit_with([], field + HEAD + b'hello\r\n', sender=sender)
                self.expect_held(queue_id, '')

    def test_beyond_the_limit_mail_is_held(self):
        self.start(bounces={'per_hour_max': 1})
        self.sandbox.fail('rcpt-550', 1)
        self.submit_with([])
        self.sandbox.wait_for_messages(1)
        self.sandbox.fail('rcpt-550', 1)
        queue_id = self.submit_with([])
        self.assertIn('too many reports', self.daemon.wait_for('not_reported', queue_id=queue_id)['reason'])
        self.assertEqual(self.recipients_of(queue_id)['gone@example.test']['state'], 'held')

    def test_without_a_postmaster_it_is_held(self):
        self.start(postmaster=None)
        self.sandbox.fail('rcpt-550', 1)
        queue_id = self.submit_with([])
        self.daemon.wait_for('held', queue_id=queue_id)
        self.assertEqual(self.recipients_of(queue_id)['gone@example.test']['state'], 'held')
        self.assertEqual(self.daemon.events('bounced') + self.daemon.events('not_reported'), [])


class Crashes(relay.Scenario):
    def test_kills_make_no_second_report_and_lose_none(self):
        """The server refuses everything, reports too: what is in the queue at the end is one report for each message."""
        seed = secrets.randbelow(1 << 32)
        print(f'seed {seed}', flush=True)
        chance = random.Random(seed)
        self.share_sandbox()
        self.sandbox.fail('rcpt-550')
        count, sent = (400 if harness.is_long() else 60), []
        changes = {'postmaster': POSTMASTER, 'bounces': {'per_address_max': 10000, 'per_hour_max': 10000}}
        self.start_daemon(changes=changes)
        while len(sent) < count:
            sent += self.send_numbered(range(chance.randrange(1, 9)))
            for _ in range(chance.randrange(0, 6)):
                self.queued_messages()
            self.daemon.kill()
            self.start_daemon(changes=changes)

        def waiting():
            listed = self.mailramp('queue', 'list', '--limit', '0', '--json', '--config', self.daemon.config).stdout
            page = [json.loads(line) for line in listed.splitlines()]
            settled = all(recipient['state'] == 'held' for message in page for recipient in message['recipients'])
            return page if settled and len(page) == len(sent) and not {m['id'] for m in page} & set(sent) else None

        reports = harness.eventually(waiting, what='one report, held, for each message')
        self.assertEqual({message['sender'] for message in reports}, {''})
        for queue_id in sent:
            self.assertEqual([r['state'] for r in self.recipients_of(queue_id).values()], ['failed'])
        self.assertEqual(self.sandbox.messages(), [])


harness.main(__name__)
