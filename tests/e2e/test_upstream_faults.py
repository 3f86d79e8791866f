"""Trouble of the server that passes: mail is delivered once it ends, and the server is not hammered meanwhile."""

import socket

import configs
import harness
import relay
from relay import RECIPIENT, seconds_between

SHORT_TIMEOUTS = {name + '_timeout': '1s' for name in
                  ('connect', 'banner', 'ehlo', 'starttls', 'tls', 'auth', 'envelope', 'body', 'body_end', 'quit')}

# Trouble that passes after `times`. `uncertain`: it may have been taken, `copies` says how often it has been; `large`: so
# that the end of the message cannot have been sent before the trouble is seen.
PASSING = {
    '451': {}, '452': {}, '432': {}, '421': {}, 'rcpt-452': {}, 'garbage': {'times': 2}, '421-banner': {'times': 2},
    'drop-banner': {'times': 2}, 'drop-ehlo': {'times': 2}, 'drop-starttls': {'times': 2}, 'drop-auth': {'times': 2},
    'drop-mail': {}, 'drop-rcpt': {}, 'drop-data': {}, 'drop-body': {'large': True},
    'drop-dot-lost': {'uncertain': True}, 'drop-after-dot': {'times': 2, 'uncertain': True, 'copies': 3},
    'hang-banner': {}, 'hang-ehlo': {}, 'hang-starttls': {}, 'hang-tls': {}, 'hang-auth': {}, 'hang-mail': {}, 'hang-rcpt': {},
    'hang-data': {}, 'hang-body': {'uncertain': True}, 'hang-dot': {'uncertain': True}, 'slow': {'times': 2}, 'no-pipelining': {},
}


class UpstreamFaults(relay.Scenario):
    def setUp(self):
        super().setUp()
        self.share_sandbox()

    def start(self, **upstream):
        return self.start_daemon(changes={'upstream': {'connections_max': 1, **upstream}})

    def test_trouble_that_lasts_is_met_with_ever_longer_rests(self):
        self.sandbox.fail('drop-ehlo')
        self.start_daemon(changes={'upstream': {'connections_max': 3},
                                   'pause': {'rest_min': '200ms', 'unreachable_rest_max': '1s'}})
        self.send_numbered(range(10))
        harness.eventually(lambda: len(self.daemon.events('mailbox_resting')) >= 5, what='five rests')
        rests = self.daemon.events('mailbox_resting')
        gaps = [seconds_between(*(rest['time'] for rest in pair)) for pair in zip(rests, rests[1:])]
        # 200, 400, 800, 1000 ms, each up to a quarter less.
        for gap, shortest in zip(gaps, (0.15, 0.3, 0.6, 0.75)):
            self.assertGreaterEqual(gap, shortest, gaps)
        # The first knock is that of every connection, each later one is one.
        self.assertLessEqual(self.sandbox.state()['connections'], len(self.daemon.events('mailbox_resting')) + 3)
        self.assertEqual(self.daemon.events('held') + self.daemon.events('deferred'), [])
        self.sandbox.clear()
        self.expect_bodies(range(10))

    def test_a_server_that_is_down_is_waited_for(self):
        port = self.reserved_port()
        self.daemon = self.started(harness.Daemon(configs.plain(self.folder, self.folder / 'queue', port)))
        self.send_numbered(range(5))
        resting = self.daemon.wait_for('mailbox_resting')
        self.assertIn('could not be reached', resting['cause'])
        self.assertEqual(self.daemon.events('held') + self.daemon.events('deferred'), [])
        self.sandbox = self.started(relay.Server(self.folder / 'late', '--plain', '--smtp-port', str(port)))
        self.expect_bodies(range(5))

    def test_a_server_that_does_not_say_goodbye_delays_nothing(self):
        self.sandbox.fail('hang-quit', count=2)
        self.start(messages_per_session_max=1, quit_timeout='30s')
        self.send_numbered(range(3))
        self.expect_bodies(range(3))
        self.assertFalse(self.sandbox.armed('hang-quit'))
        self.assertEqual(self.sandbox.state()['auths'], 3)
        self.assertEqual(self.daemon.stop(seconds=10), 0)

    def test_another_protocol_on_the_port_is_left_alone(self):
        # Somebody else's program on the port: accepts, says something that is not SMTP, and stays.
        with socket.create_server(('127.0.0.1', 0)) as stranger:
            stranger.settimeout(harness.DEADLINE)
            settings = relay.submitting(self.folder, self.sandbox)
            self.start_daemon(settings, {'upstream': {'port': stranger.getsockname()[1]}})
            queue_id = self.send()
            connection, _ = stranger.accept()
            with connection:
                connection.sendall(b'SSH-2.0-OpenSSH_9.2\r\n')
                resting = self.daemon.wait_for('mailbox_resting')
                self.assertEqual(connection.recv(100), b'')
            self.assertEqual(self.recipients_of(queue_id)[RECIPIENT]['attempts'], 0)
            self.assertTrue(resting['answer'] and resting['cause'], resting)

    def test_what_stays_uncertain_is_held_for_a_human(self):
        self.sandbox.fail('drop-after-dot')
        self.start_daemon()
        queue_id = self.send()
        held = self.daemon.wait_for('held', queue_id=queue_id)
        self.assertTrue(held['cause'] and held['remedy'], held)
        waiting = self.recipients_of(queue_id)[RECIPIENT]
        self.assertEqual((waiting['state'], waiting['maybe_delivered']), ('held', True))
        # It has been sent so often, and is not sent again by itself; other mail goes on.
        self.assertEqual(len(self.sandbox.messages()), 3)
        self.sandbox.clear()
        self.daemon.wait_for('delivered', queue_id=self.send())
        self.assertEqual(len(self.sandbox.messages()), 4)

    def test_a_recipient_that_the_server_hangs_up_on_harms_no_other(self):
        self.sandbox.fail('drop-recipient', mailbox='poison@example.test')
        self.start()
        recipients = ('one@example.test', 'poison@example.test', 'two@example.test')
        queue_id = self.send(recipients=recipients)
        for recipient in recipients[::2]:
            self.daemon.wait_for('delivered', queue_id=queue_id, to=recipient)
        self.assertEqual(sorted(message['to'] for message in self.sandbox.messages()), [['one@example.test'], ['two@example.test']])
        states = {address: row['state'] for address, row in self.recipients_of(queue_id).items()}
        self.assertEqual({address for address, state in states.items() if state != 'delivered'}, {'poison@example.test'})
        self.sandbox.clear()
        self.daemon.wait_for('delivered', queue_id=queue_id, to='poison@example.test')


def passing(fault, times=1, uncertain=False, copies=1, large=False):
    def test(self):
        self.sandbox.fail(fault, count=times)
        # Only what hangs needs short patience: a busy machine must not look like a hanging server.
        self.start(**(SHORT_TIMEOUTS if fault.startswith('hang') else {}))
        queue_id = self.send(body=b'0123456789abcdefghijklmnopqrstuvwxyz\r\n' * (500_000 if large else 1))
        self.daemon.wait_for('delivered', queue_id=queue_id)
        self.wait_until_queue_is_empty()
        messages = self.sandbox.messages()
        self.assertEqual(len(messages), copies)
        for message in messages:
            self.assertEqual(message['content'], messages[0]['content'])
        self.assertFalse(self.sandbox.armed(fault))
        self.assertEqual(len(self.daemon.events('uncertain')), times if uncertain else 0)
        self.assertEqual(self.daemon.events('held') + self.daemon.events('mailbox_paused'), [])
        state = self.sandbox.state()
        self.assertLessEqual(state['connections'], times + 1)
        self.assertEqual((state['commands_before_tls'], state['octets_after_starttls']), (0, 0))

    return test


for fault, expected in PASSING.items():
    setattr(UpstreamFaults, f'test_mail_goes_on_after_{fault}'.replace('-', '_'), passing(fault, **expected))

harness.main(__name__)
