"""What the server refuses for good: the mailbox pauses or the message is held, with cause and remedy, and nothing is lost,
counted or asked again and again meanwhile."""

import smtplib
import socket

import configs
import harness
import relay
from relay import HEAD, RECIPIENT, seconds_between

# Refusals of the login: words of the cause, words of the remedy, and how many logins it takes (two where a fresh token is
# tried once).
LOGIN_REFUSED = {
    '535': ('does not let this application submit', 'New-ServicePrincipal', 2),
    '5.7.139-tenant': ('switched off for the whole tenant', 'Set-CASMailbox -Identity relay@contoso.test', 1),
    '5.7.139-mailbox': ('switched off for this mailbox', 'Set-CASMailbox -Identity relay@contoso.test', 1),
    '5.7.139-criteria': ('Conditional Access', 'exempt application 7d3b2a19', 2),
    '550-5.7.30': ('retired', 'xoauth2', 1),
}

# Refusals of a message that are about the mailbox: it stops, its messages do not count it.
MAILBOX_REFUSED = {
    '430': ('no permission on this mailbox', 'Add-MailboxPermission -Identity relay@contoso.test'),
    '554-quota': ('recipients for the day', 'wait'),
    '554-spam': ('spam filter', 'unblock relay@contoso.test'),
    '554-full': ('mailbox is full', 'empty Sent Items of relay@contoso.test'),
    '550-5.1.8': ('sender of spam', 'unblock relay@contoso.test'),
    '550-5.1.90': ('recipients for the day', 'wait'),
    '550-5.2.252': ('blocks the mailbox for a time', 'SendAsDenied'),
    '550-5.7.233': ('external recipients for the day', 'wait'),
}

# Refusals of one message: held, with what to do.
MESSAGE_REFUSED = {
    'sendas': ('554 5.2.252', 'SendAs'),
    '552': ('552 5.3.4', ''),
    '554-content': ('554 5.6.0', 'correct the message'),
}

# What the session cannot give: nothing is said to such a server.
UNFIT_SERVER = {
    'no-starttls': ('does not offer STARTTLS', 'firewall'),
    'no-xoauth2': ('does not offer a login with OAuth 2.0', 'check host and port'),
    'tls': ('certificate could not be verified', 'ca_file'),
    'tls-wrong-name': ('certificate could not be verified', 'ca_file'),
    'tls-expired': ('certificate could not be verified', 'ca_file'),
}


class UpstreamRefusals(relay.Scenario):
    def setUp(self):
        super().setUp()
        self.share_sandbox()

    def start(self, **upstream):
        return self.start_daemon(changes={'upstream': {'connections_max': 1, **upstream}})

    def expect_pause(self, queue_id, cause, remedy):
        """Said in the log and in `mailramp status`; the message has not been touched."""
        paused = self.daemon.wait_for('mailbox_paused')
        status = harness.eventually(lambda: self.mailbox_status() if self.mailbox_status()['paused'] else None, what='pause')
        for said in (paused, status):
            self.assertIn(cause, said['cause'])
            self.assertIn(remedy, said['remedy'])
        waiting = self.recipients_of(queue_id)[RECIPIENT]
        self.assertEqual((waiting['state'], waiting['attempts'], waiting['maybe_delivered']), ('queued', 0, False))

    def expect_silence_towards_the_server(self):
        """While a mailbox is paused, more mail does not lead to more attempts."""
        before = self.sandbox.state()
        self.send_numbered(range(100, 103))
        # Whatever the new mail sets off has been set off before this is answered.
        self.assertEqual(self.mailbox_status()['in_flight'], 0)
        after = self.sandbox.state()
        self.assertEqual([after[key] for key in ('connections', 'auths', 'auths_refused')],
                         [before[key] for key in ('connections', 'auths', 'auths_refused')])
        self.assertEqual(self.daemon.events('held') + self.daemon.events('deferred'), [])

    def expect_delivery_after_resume(self, count):
        self.sandbox.clear()
        self.daemon.command('mailbox', 'resume', self.mailbox_status()['name'])
        self.daemon.wait_for('mailbox_resumed')
        self.sandbox.wait_for_messages(count)
        self.wait_until_queue_is_empty()
        self.assertEqual(len(self.sandbox.messages()), count)

    def test_a_paused_mailbox_probes_by_itself_and_goes_on(self):
        self.sandbox.fail('535')
        self.start_daemon(changes={'pause': {'first_probe': '1s', 'second_probe': '1s', 'later_probes': '1s'}})
        queue_id = self.send()
        self.expect_pause(queue_id, *LOGIN_REFUSED['535'][:2])
        refused = self.sandbox.state()['auths_refused']
        harness.eventually(lambda: self.sandbox.state()['auths_refused'] > refused, what='probe')
        # A probe is one login with the token at hand: a fresh one is asked for once a minute at most.
        self.assertEqual(self.sandbox.state()['token_calls'], 2)
        self.sandbox.clear()
        self.daemon.wait_for('delivered', queue_id=queue_id, attempt=1)
        self.wait_until_queue_is_empty()
        self.assertEqual(len(self.sandbox.messages()), 1)

    def test_a_pause_outlives_the_daemon(self):
        self.sandbox.fail('554-quota')
        self.start()
        queue_id = self.send()
        self.expect_pause(queue_id, *MAILBOX_REFUSED['554-quota'])
        self.assertEqual(self.daemon.stop(), 0)
        connections = self.sandbox.state()['connections']
        self.start()
        status = self.mailbox_status()
        self.assertTrue(status['paused'])
        self.assertIn(MAILBOX_REFUSED['554-quota'][0], status['cause'])
        self.assertEqual(self.sandbox.state()['connections'], connections)
        self.expect_delivery_after_resume(1)

    def expect_a_minute_of_rest(self, fault, cause):
        self.sandbox.fail(fault)
        self.start()
        queue_id = self.send()
        resting = self.daemon.wait_for('mailbox_resting')
        self.assertIn(cause, resting['cause'])
        self.assertGreaterEqual(seconds_between(resting['time'], resting['until']), 58)
        self.assertEqual(self.recipients_of(queue_id)[RECIPIENT]['attempts'], 0)
        self.expect_silence_towards_the_server()
        self.expect_delivery_after_resume(4)

    def test_a_login_that_cannot_be_checked_rests_a_minute(self):
        self.expect_a_minute_of_rest('454', 'cannot check the login')

    def test_a_rate_limit_rests_a_minute(self):
        self.expect_a_minute_of_rest('421-rate', 'more messages a minute')

    def test_what_is_larger_than_the_server_takes_is_held_and_not_sent(self):
        self.sandbox.fail('small-size')
        self.start()
        queue_id = self.send(HEAD + b'0123456789\r\n' * 500)
        held = self.daemon.wait_for('held', queue_id=queue_id)
        self.assertIn('the server takes 4096', held['answer'])
        self.assertTrue(held['remedy'])
        self.assertEqual(self.recipients_of(queue_id)[RECIPIENT]['answer']['channel'], 'local')
        small = self.send()
        self.daemon.wait_for('delivered', queue_id=small)
        self.assertEqual(len(self.sandbox.messages()), 1)

    def test_eight_bit_content_is_held_when_the_server_cannot_take_it(self):
        self.sandbox.fail('no-8bitmime')
        self.start()
        queue_id = self.send(HEAD + 'grüße\r\n'.encode(), options=('BODY=8BITMIME',))
        held = self.daemon.wait_for('held', queue_id=queue_id)
        self.assertIn('8BITMIME', held['answer'])
        self.assertTrue(held['remedy'])
        self.send()
        self.assertEqual(len(self.sandbox.wait_for_messages(1)), 1)
        self.sandbox.clear()
        # A human moves it to where it can be taken: the connections of before are gone with the daemon.
        self.daemon.stop()
        self.start()
        self.daemon.command('queue', 'retry', queue_id)
        self.assertEqual(self.sandbox.wait_for_messages(2)[1]['body'], '8BITMIME')

    def expect_held(self, queue_id, reason, remedy):
        """The log and the queue say why, and neither promises another try."""
        held = self.daemon.wait_for('held', queue_id=queue_id)
        recipient = self.recipients_of(queue_id)[RECIPIENT]
        self.assertEqual((recipient['state'], recipient['hold_reason'], held['hold_reason']), ('held', reason, reason))
        for said in (held, recipient):
            self.assertIn(remedy, said['remedy'])
            self.assertNotIn('tried again', said['remedy'])
        shown = self.mailramp('queue', 'show', queue_id, '--config', self.daemon.config)
        self.assertNotIn('tried again', shown.stdout)
        return held

    def test_a_message_that_was_tried_long_enough_is_held_with_a_remedy_of_its_own(self):
        self.sandbox.fail('451')
        self.start_daemon(changes={'retry': {'attempts_max': 1, 'expiry_attempts_min': 1,
                                             'uncertain_attempts_max': 1}})
        held = self.expect_held(self.send(), 'expired', 'retry or delete it')
        self.assertEqual(held['level'], 'warning')

    def test_damaged_content_of_a_large_message_is_held_and_not_sent(self):
        self.sandbox.fail('535')
        self.start()
        queue_id = self.send(HEAD + b'0123456789\r\n' * 20000)
        self.daemon.wait_for('mailbox_paused')
        [stored] = (self.folder / 'queue' / 'bodies').iterdir()
        with stored.open('r+b') as body:
            body.seek(150_000)
            body.write(b'#####')
        self.sandbox.clear()
        self.daemon.command('mailbox', 'resume', self.mailbox_status()['name'])
        held = self.expect_held(queue_id, 'damaged', 'backup')
        self.assertEqual(held['level'], 'error')
        self.assertIn(stored.name, held['answer'])
        self.assertEqual(self.daemon.command('status')['queue']['recipients']['held'], 1)
        # The others go on, and the damaged one stays where it is.
        self.daemon.wait_for('delivered', queue_id=self.send())
        self.assertEqual(len(self.sandbox.messages()), 1)
        self.assertTrue(stored.exists())

    def test_an_address_in_utf_8_is_held_when_the_server_cannot_take_it(self):
        self.sandbox.fail('no-smtputf8')
        self.start()
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test') as client:
            client.command_encoding = 'utf-8'
            queue_id = relay.submit(client, HEAD + b'hello\r\n', ('jürgen@example.test', RECIPIENT), options=('SMTPUTF8',))
        held = self.daemon.wait_for('held', queue_id=queue_id)
        self.assertIn('SMTPUTF8', held['answer'])
        self.assertEqual(self.sandbox.messages(), [])

    def test_a_reply_with_control_characters_reaches_log_and_queue_as_text(self):
        hostile = b'554 5.6.0 no\x1b[31m\x00\x07 way \xff\xfe\x9b' + b'A' * 1500 + b'\r\n'
        with socket.create_server(('127.0.0.1', 0)) as server:
            server.settimeout(harness.DEADLINE)
            config = configs.plain(self.folder, self.folder / 'queue', server.getsockname()[1])
            self.daemon = self.started(harness.Daemon(config))
            queue_id = self.send()
            connection, _ = server.accept()
            with connection, connection.makefile('rb') as lines:
                connection.sendall(b'220 evil\r\n')
                for line in lines:
                    if line.startswith(b'EHLO'):
                        connection.sendall(b'250-evil\x1b[2J\r\n250 SIZE\r\n')
                    else:
                        connection.sendall(hostile)
                        break
                held = self.daemon.wait_for('held', queue_id=queue_id)
            shown = self.mailramp('queue', 'show', queue_id, '--config', self.daemon.config)
        answer = self.recipients_of(queue_id)[RECIPIENT]['answer']
        self.assertLessEqual(len(answer['text'].encode()), 512)
        for text in (held['answer'], answer['text'], shown.stdout):
            self.assertIn('no?[31m??', text.replace('\x00', '?'))
            self.assertEqual([c for c in text if ord(c) < 32 and c != '\n' or 0x7f <= ord(c) < 0xa0], [])


def login_refused(fault, cause, remedy, logins):
    def test(self):
        self.sandbox.fail(fault)
        self.start()
        queue_id = self.send()
        self.expect_pause(queue_id, cause, remedy)
        state = self.sandbox.state()
        # Where a fresh token may help it is asked for, once.
        self.assertEqual((state['auths_refused'], state['token_calls']), (logins, logins))
        self.expect_silence_towards_the_server()
        self.expect_delivery_after_resume(4)

    return test


def mailbox_refused(fault, cause, remedy):
    def test(self):
        self.sandbox.fail(fault)
        self.start()
        queue_id = self.send()
        self.expect_pause(queue_id, cause, remedy)
        self.expect_silence_towards_the_server()
        self.expect_delivery_after_resume(4)

    return test


def message_refused(fault, answer, remedy):
    def test(self):
        self.sandbox.fail(fault, count=1)
        self.start()
        queue_id = self.send(sender='not-allowed@contoso.test')
        held = self.daemon.wait_for('held', queue_id=queue_id)
        self.assertIn(answer, held['answer'])
        waiting = self.recipients_of(queue_id)[RECIPIENT]
        self.assertEqual((waiting['state'], waiting['attempts']), ('held', 1))
        for said in (held, waiting):
            self.assertTrue(said['cause'] and remedy in said['cause'] + said['remedy'] + str(said['answer']), said)
        # It stops nobody else, and goes nowhere by itself.
        self.daemon.wait_for('delivered', queue_id=self.send())
        self.assertFalse(self.mailbox_status()['paused'])
        self.assertEqual(len(self.sandbox.messages()), 1)
        self.daemon.command('queue', 'retry', queue_id)
        self.daemon.wait_for('delivered', queue_id=queue_id)
        self.assertEqual(len(self.sandbox.messages()), 2)

    return test


def unfit_server(fault, cause, remedy):
    def test(self):
        self.sandbox.fail(fault)
        self.start()
        queue_id = self.send()
        self.expect_pause(queue_id, cause, remedy)
        state = self.sandbox.state()
        self.assertEqual((state['auths'], state['auths_refused'], state['commands_before_tls']), (0, 0, 0))
        self.expect_silence_towards_the_server()
        self.expect_delivery_after_resume(4)

    return test


def add_tests(prefix, maker, table):
    for fault, expected in table.items():
        name = f'test_{prefix}_{fault}'.replace('-', '_').replace('.', '_')
        setattr(UpstreamRefusals, name, maker(fault, *expected))


add_tests('login_refused_with', login_refused, LOGIN_REFUSED)
add_tests('mailbox_refused_with', mailbox_refused, MAILBOX_REFUSED)
add_tests('message_refused_with', message_refused, MESSAGE_REFUSED)
add_tests('nothing_is_said_to_a_server_with', unfit_server, UNFIT_SERVER)

harness.main(__name__)
