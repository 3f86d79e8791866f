"""What is handed in arrives: octet for octet, once, as the right mailbox, and not faster than allowed."""

import smtplib
import threading

import harness
import relay
from relay import HEAD, RECIPIENT, SENDER

BARE = b'Subject: bare\r\n\r\nhello\r\n'

SIGNED = (b'From: Erp <erp@contoso.test>\r\nTo: <ops@example.test>\r\nMessage-ID: <signed@contoso.test>\r\n'
          b'Date: Mon, 01 Jan 2024 00:00:00 +0000\r\nMIME-Version: 1.0\r\nX-Folded:\tone\r\n\t two\r\n  three  \r\n'
          b'x-odd-case:no-blank\r\nContent-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256;\r\n'
          b' boundary="==b1=="\r\n\r\nThis is an S/MIME signed message\r\n\r\n--==b1==\r\n'
          b'Content-Type: text/plain; charset=utf-8; format=flowed\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
          b'trailing blanks  \r\n \ttabs\t\r\n.\r\n..\r\n.leading dot\r\n\r\n\r\n-- \r\nx=3D1\r\n--==b1==\r\n'
          b'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
          + b'MIIJ' + b'Q' * 68 + b'\r\n' + b'AAAA==\r\n\r\n--==b1==--\r\n\r\n')


class Delivery(relay.Scenario):
    def expect_behind_added_fields(self, message, content):
        """The record ends with what was sent; returns what the daemon put in front of it."""
        self.assertTrue(message['content'].endswith(content), f'{message["content"]!r}\ndoes not end with\n{content!r}')
        return message['content'][:len(message['content']) - len(content)]

    def test_a_message_arrives_octet_for_octet_behind_one_received_field(self):
        self.start_sandbox()
        self.start_daemon()
        queue_id = self.send()
        message, = self.sandbox.wait_for_messages(1)
        added = self.expect_behind_added_fields(message, HEAD + b'hello\r\n')
        self.assertRegex(added, rb'\AReceived: from client\.test ')
        self.assertIn(queue_id.encode(), added)
        self.assertEqual(len(relay.field(message['content'], 'Received')), 1)
        self.assertEqual(relay.field(message['content'], 'Message-ID'), [b'<fixed@contoso.test>'])
        self.assertEqual(len(relay.field(message['content'], 'Date')), 1)
        self.assertEqual((message['sender'], message['to']), (SENDER, [RECIPIENT]))
        self.assertEqual(message['mechanism'], 'XOAUTH2 (two steps)')
        self.assertRegex(message['tls_version'], r'\ATLSv1\.[23]\Z')
        self.assertEqual(message['helo'], 'mailramp.test')
        delivered = self.daemon.wait_for('delivered', queue_id=queue_id, to=RECIPIENT)
        self.assertIn('250 2.0.0 OK <fixed@contoso.test>', delivered['answer'])
        self.wait_until_queue_is_empty()
        state = self.sandbox.state()
        self.assertEqual((state['commands_before_tls'], state['auth_lines_over_512'], state['octets_after_starttls']), (0, 0, 0))

    def test_date_and_message_id_are_added_once_when_they_are_missing(self):
        self.start_sandbox()
        self.start_daemon()
        self.send(BARE)
        message, = self.sandbox.wait_for_messages(1)
        self.expect_behind_added_fields(message, BARE)
        self.assertEqual([len(relay.field(message['content'], name)) for name in ('Received', 'Date', 'Message-ID')], [1, 1, 1])
        self.assertRegex(relay.field(message['content'], 'Message-ID')[0], rb'\A<[^<>\s]+@mailramp\.test>\Z')

    def test_a_repeated_message_is_the_same_in_every_octet(self):
        self.start_sandbox(faults=['drop-after-dot:1'])
        self.start_daemon()
        queue_id = self.send(BARE)
        first, second = self.sandbox.wait_for_messages(2)
        self.daemon.wait_for('delivered', queue_id=queue_id)
        self.assertEqual(first['content'], second['content'])
        self.expect_behind_added_fields(first, BARE)
        self.assertEqual(len(relay.field(second['content'], 'Message-ID')), 1)
        self.assertEqual(len(relay.field(second['content'], 'Date')), 1)
        uncertain = self.daemon.wait_for('uncertain', queue_id=queue_id)
        self.assertIn('may have been delivered', uncertain['message'])
        self.wait_until_queue_is_empty()
        self.assertEqual(len(self.sandbox.messages()), 2)

    def test_a_refused_recipient_is_held_and_the_other_is_served(self):
        self.start_sandbox(faults=['rcpt-550:1'])
        self.start_daemon()
        queue_id = self.send(recipients=('gone@example.test', RECIPIENT))
        held = self.daemon.wait_for('held', queue_id=queue_id)
        self.assertEqual(held['to'], 'gone@example.test')
        self.daemon.wait_for('delivered', queue_id=queue_id, to=RECIPIENT)
        message, = self.sandbox.wait_for_messages(1)
        self.assertEqual(message['to'], [RECIPIENT])
        waiting = self.recipients_of(queue_id)
        gone = waiting['gone@example.test']
        self.assertEqual((gone['state'], gone['answer']['phase'], gone['answer']['code'], gone['answer']['enhanced']),
                         ('held', 'rcpt', 550, '5.1.10'))
        self.assertIn('RecipientNotFound', gone['answer']['text'])
        self.assertTrue(gone['cause'] and gone['remedy'], gone)
        self.assertNotIn('queued', [recipient['state'] for recipient in waiting.values()])
        # Only a human sends it on: corrected on the other side, it goes to this recipient alone.
        self.daemon.command('queue', 'retry', queue_id)
        self.assertEqual(self.sandbox.wait_for_messages(2)[1]['to'], ['gone@example.test'])
        self.wait_until_queue_is_empty()

    def test_a_warm_connection_and_one_token_serve_many_messages(self):
        self.start_sandbox()
        self.start_daemon(changes={'upstream': {'connections_max': 1}})
        numbers = list(range(30))
        self.send_numbered(numbers)
        self.expect_bodies(numbers)
        state = self.sandbox.state()
        self.assertEqual((state['connections'], state['tls_handshakes'], state['auths'], state['token_calls']), (1, 1, 1, 1))

    def test_no_more_connections_than_configured_are_open(self):
        self.start_sandbox('--slow-ms', '20', faults=['slow'])
        self.start_daemon(changes={'upstream': {'connections_max': 2}})
        numbers = list(range(20))
        self.send_numbered(numbers)
        self.expect_bodies(numbers)
        self.assertEqual(self.sandbox.state()['connections_now_max'], 2)

    def test_eight_bit_and_signed_messages_are_not_touched(self):
        self.start_sandbox()
        self.start_daemon()
        octets = HEAD + bytes(range(0x80, 0x100)) + b'\r\n' + 'grüße €\r\n'.encode() + b'x' * 998 + b'\r\n'
        self.send(octets, options=('BODY=8BITMIME',))
        self.send(SIGNED)
        self.sandbox.wait_for_messages(2)
        messages = {relay.field(message['content'], 'Message-ID')[0]: message for message in self.sandbox.messages()}
        self.expect_behind_added_fields(messages[b'<fixed@contoso.test>'], octets)
        self.assertEqual(messages[b'<fixed@contoso.test>']['body'], '8BITMIME')
        self.expect_behind_added_fields(messages[b'<signed@contoso.test>'], SIGNED)

    def test_a_message_larger_than_memory_allows_is_kept_in_a_file_and_arrives(self):
        self.start_sandbox()
        self.start_daemon()
        content = HEAD + b''.join(b'%076d\r\n' % line for line in range(60_000))
        self.send(content)
        message, = self.sandbox.wait_for_messages(1)
        self.expect_behind_added_fields(message, content)
        self.wait_until_queue_is_empty()
        self.assertEqual(list((self.folder / 'queue' / 'bodies').iterdir()), [])

    def test_a_header_section_up_to_its_limit_arrives(self):
        self.share_sandbox()
        self.start_daemon()
        for count, size in enumerate((130_000, 255_000), 1):
            recipients = b''.join(b' <r%06d@example.test>,\r\n' % number for number in range(size // 26))
            content = HEAD.replace(b'Subject:', b'Cc:\r\n' + recipients + b' <last@example.test>\r\nSubject:') + b'x\r\n'
            self.send(content)
            self.assertTrue(self.sandbox.wait_for_messages(count)[-1]['content'].endswith(content))

    def test_two_tenants_each_submit_with_their_own_token(self):
        tenants = [f'{digit * 8}-1111-4111-8111-111111111111' for digit in 'ab']
        clients = [f'{digit * 8}-2222-4222-8222-222222222222' for digit in 'ab']
        boxes = ['relay@contoso.test', 'relay@fabrikam.test']
        self.start_sandbox(apps=[f'{tenant}:{client}::{box}' for tenant, client, box in zip(tenants, clients, boxes)])
        settings = relay.merged(relay.submitting(self.folder, self.sandbox), {
            'mailbox': None, 'tenant_id': None, 'client_id': None, 'client_secret': None, 'senders': None,
            'credentials': {name: {'tenant_id': app['tenant'], 'client_id': app['client_id'],
                                   'client_secret': {'file': app['secret_file']}}
                            for name, app in zip(('contoso', 'fabrikam'), self.sandbox.apps)},
            'mailboxes': {name: {'address': box, 'credentials': [name], 'senders': 'keep'}
                          for name, box in zip(('contoso', 'fabrikam'), boxes)},
            'routes': [{'name': 'fabrikam', 'match': {'sender': ['*@fabrikam.test']}, 'mailbox': 'fabrikam'},
                       {'name': 'rest', 'mailbox': 'contoso'}],
        })
        self.start_daemon(settings)
        self.send(sender='a@contoso.test')
        self.send(sender='b@fabrikam.test')
        messages = {message['sender']: message for message in self.sandbox.wait_for_messages(2)}
        # The sandbox takes a token for the mailboxes of its application only.
        self.assertEqual(messages['a@contoso.test']['mailbox'], boxes[0])
        self.assertEqual(messages['b@fabrikam.test']['mailbox'], boxes[1])
        self.assertEqual(self.sandbox.state()['token_calls'], 2)

        # What stops one tenant does not touch the other, and not the other's token.
        self.sandbox.fail('554-quota', mailbox=boxes[0])
        waiting = self.send(sender='a@contoso.test')
        self.daemon.wait_for('mailbox_paused', mailbox='contoso')
        self.send(sender='b@fabrikam.test')
        self.assertEqual(self.sandbox.wait_for_messages(3)[2]['mailbox'], boxes[1])
        self.assertFalse(self.mailbox_status('fabrikam')['paused'])
        self.assertEqual(self.recipients_of(waiting)[RECIPIENT]['state'], 'queued')
        self.assertEqual(self.sandbox.state()['token_calls'], 2)

    def test_an_application_may_not_submit_as_a_mailbox_of_another_tenant(self):
        # The guard of the test above: with the wrong credential nothing would have arrived.
        self.start_sandbox(apps=['aaaaaaaa-1111-4111-8111-111111111111:aaaaaaaa-2222-4222-8222-222222222222::a@contoso.test',
                                 'bbbbbbbb-1111-4111-8111-111111111111:bbbbbbbb-2222-4222-8222-222222222222::b@fabrikam.test'])
        self.start_daemon(changes={'mailbox': 'b@fabrikam.test'})
        self.send()
        self.daemon.wait_for('mailbox_paused')
        self.assertEqual(self.sandbox.messages(), [])
        self.assertIn('may not submit as', self.sandbox.state()['last_auth_refusal'])

    def test_the_message_beyond_the_minute_waits_and_a_restart_grants_nothing(self):
        allowed = 5
        self.start_sandbox()
        self.start_daemon(changes={'upstream': {'messages_per_minute_max': allowed}})
        self.send_numbered(range(allowed + 2))
        self.sandbox.wait_for_messages(allowed)
        harness.eventually(lambda: self.queued_messages() == 2, what='two messages that wait')
        self.assertEqual(self.mailbox_status()['budget']['messages'], allowed)
        self.assertEqual(self.daemon.stop(), 0)
        self.start_daemon(changes={'upstream': {'messages_per_minute_max': allowed}})
        self.send(body=b'number 7\r\n')
        # The daemon has nothing to do but wait; that it has looked shows in its budget.
        harness.eventually(lambda: self.mailbox_status()['budget']['messages'] == allowed, what='the budget of before')
        status = self.daemon.command('status')
        self.assertEqual(status['queue']['recipients'], {'queued': 3, 'claimed': 0, 'held': 0, 'uncertain': 0})
        self.assertEqual(len(self.sandbox.messages()), allowed)
        if harness.is_long():
            self.expect_within_budget(allowed, sent=allowed + 3)

    def expect_within_budget(self, allowed, sent):
        self.sandbox.wait_for_messages(sent, seconds=150)
        self.assertLessEqual(self.sandbox.state()['messages_in_60_s_max'], allowed)

    def test_a_burst_never_exceeds_thirty_in_any_minute(self):
        self.start_sandbox()
        self.start_daemon(changes={'upstream': {'messages_per_minute_max': 30, 'connections_max': 3}})
        # From several clients at once, as a burst comes.
        parts = [range(first, 35, 5) for first in range(5)]
        threads = [threading.Thread(target=self.send_numbered, args=(part,)) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.sandbox.wait_for_messages(30)
        harness.eventually(lambda: self.daemon.command('status')['queue']['recipients']['claimed'] == 0, what='pause')
        status = self.daemon.command('status')
        self.assertEqual(status['queue']['recipients']['queued'], 5)
        state = self.sandbox.state()
        self.assertEqual((state['messages'], state['messages_in_60_s_max']), (30, 30))
        if harness.is_long():
            self.expect_within_budget(30, sent=35)

    def test_an_address_in_utf_8_reaches_a_server_that_takes_it(self):
        self.start_sandbox()
        self.start_daemon()
        content = 'From: <größe@contoso.test>\r\nMessage-ID: <u@contoso.test>\r\n\r\nhello\r\n'.encode()
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test') as client:
            client.command_encoding = 'utf-8'
            relay.submit(client, content, ('jürgen@example.test',), options=('SMTPUTF8', 'BODY=8BITMIME'))
        message, = self.sandbox.wait_for_messages(1)
        self.assertEqual((message['to'], message['smtputf8']), (['jürgen@example.test'], True))
        self.assertIn(content.split(b'\r\n', 1)[0], message['content'])


harness.main(__name__)
