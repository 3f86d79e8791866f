"""Mail of senders that the mailbox may not send as: it arrives under the mailbox's name, and the server never has to refuse it."""

import json
import smtplib

import harness
import relay

MAILBOX = b'relay@contoso.test'
BODY = b'\r\n.leading dot\r\nGr\xc3\xbc\xc3\x9fe\r\nFrom: nobody@body.test\r\n'


class Senders(relay.Scenario):
    def setUp(self):
        super().setUp()
        self.start_sandbox('--send-as', 'mailbox')

    def start(self, **changes):
        return self.start_daemon(changes={'senders': None, **changes})

    def arrived(self, content, sender='root@db1'):
        """What the server got of one message."""
        before = len(self.sandbox.messages())
        self.send(content, sender=sender)
        message = self.sandbox.wait_for_messages(before + 1)[-1]
        self.assertEqual(message['sender'], MAILBOX.decode())
        return message['content']

    def test_a_thousand_messages_of_a_forbidden_sender_cause_no_refusal(self):
        self.start()
        with smtplib.SMTP('127.0.0.1', self.daemon.port, timeout=harness.DEADLINE) as client:
            for number in range(1000):
                relay.submit(client, b'From: root (Cron Daemon)\r\nSubject: %d\r\n\r\nx\r\n' % number, sender='root@db1')
        taken = self.sandbox.wait_for_messages(1000, 120)
        self.wait_until_queue_is_empty()
        self.assertEqual({message['sender'] for message in taken}, {MAILBOX.decode()})
        self.assertEqual({tuple(relay.field(message['content'], 'From')) for message in taken},
                         {(b'Cron Daemon <' + MAILBOX + b'>',)})
        self.assertEqual(len({relay.field(message['content'], 'Subject')[0] for message in taken}), 1000)
        self.assertNotIn('SendAsDenied', self.daemon.lines.text())
        self.assertNotIn('"event":"held"', self.daemon.lines.text())

    def test_only_the_fields_of_the_sender_change(self):
        self.start()
        head = (b'Subject: nightly\r\n\tbackup\r\nFrom: "Backup, nightly" <backup@db1>\r\nSender: root@db1\r\n'
                b'Message-ID: <a@db1>\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\nX-Odd:   kept  as it is \r\nTo: ops\r\n')
        content = self.arrived(head + BODY)
        behind_trace = content.index(b'Subject: nightly')
        self.assertEqual(content[behind_trace:],
                         b'Subject: nightly\r\n\tbackup\r\nFrom: "Backup, nightly" <' + MAILBOX + b'>\r\n'
                         b'X-Original-From: "Backup, nightly" <backup@db1>\r\n'
                         b'Message-ID: <a@db1>\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n'
                         b'X-Odd:   kept  as it is \r\nTo: ops\r\n' + BODY)

    def test_whatever_stands_in_from_a_proper_one_arrives(self):
        self.start()
        for given, expected in (
                (b'From: root\r\n', b'root <' + MAILBOX + b'>'),
                (b'From: root@db1.test\r\n', b'"root (db1.test)" <' + MAILBOX + b'>'),
                (b'', b'<' + MAILBOX + b'>'),
                (b'From:\r\n', b'<' + MAILBOX + b'>'),
                (b'From: =?utf-8?q?B=C3=B6b?= <bob@contoso.com>\r\n', b'=?utf-8?q?B=C3=B6b?= <' + MAILBOX + b'>'),
                (b'From: a@contoso.test, b@contoso.test\r\n', b'"a (contoso.test)" <' + MAILBOX + b'>'),
                (b'From: a@contoso.test\r\nFrom: b@contoso.test\r\n', b'"a (contoso.test)" <' + MAILBOX + b'>')):
            with self.subTest(given):
                self.assertEqual(relay.field(self.arrived(given + b'Subject: x\r\n\r\nx\r\n'), 'From'), [expected])

    def test_no_odd_from_gets_past_a_strict_server(self):
        """The server reads From with a parser of its own, and takes nothing but one mailbox: its own."""
        self.start()
        odd = (b'a@b.com <relay@contoso.test> <evil@y.com>', b'"x" <relay@contoso.test> evil@y.com', b'evil@y.com <relay@contoso.test>',
               b'<relay@contoso.test> words', b'<relay@contoso.test>, \r\n <>', b'relay@contoso.test,', b'relay@contoso.test (a) b@c.com',
               b'relay@contoso.test;evil@y.com', b'group: relay@contoso.test;', b'grp: relay@contoso.test, e@y.com;',
               b'relay@con(x)toso.test', b'relay @contoso.test', b'relay@contoso.test (open', b'"open <relay@contoso.test>',
               b'<relay@contoso.test', b'a <x@y@contoso.test>', b'a [b: c <relay@contoso.test>', b'a\x01b <relay@contoso.test>',
               b'"a\x01b" <j@db1>', b'"a"b"c" <j@db1>', b'(a\\)b) j@db1', b'J\xf6rg (caf\xe9) <j@db1>', b'"a@b.com" <j@db1>',
               b'a\xe2\x80\xae <j@db1>', b'\r\n root', b'foo\r\n  (x\r\n y) <j@db1>', b'((((', b'\\',
               b'relay@contoso.test\r\n' + b' ' * 900 + b'\r\n' + b' ' * 900 + b'\r\n' + b' ' * 900 + b'\r\n <evil@y.com>',
               b'"' + b'x' * 960 + b'" <e@f.com>', b'"' + b'\r\n '.join([b'y ' * 400] * 40) + b'" <e@f.com>')
        for value in odd:
            with self.subTest(value[:60]):
                content = self.arrived(b'From: ' + value + b'\r\nSubject: x\r\n\r\nx\r\n')
                (given,) = relay.field(content, 'From')
                self.assertTrue(given.endswith(b'<' + MAILBOX + b'>'), given)
                self.assertEqual(given.count(b'@'), 1)
                self.assertLessEqual(max(map(len, content.split(b'\r\n'))), 998)
        self.assertEqual(self.daemon.events('held'), [])

    def test_a_sender_field_of_nobody_goes(self):
        self.start()
        for sender in (b'Sender:\r\n', b'Sender: <>\r\n', b'Sender: relay@contoso.test\r\nSender: relay@contoso.test\r\n'):
            with self.subTest(sender):
                content = self.arrived(sender + b'From: relay@contoso.test\r\nSubject: x\r\n\r\nx\r\n')
                self.assertEqual(relay.field(content, 'Sender'), [])

    def test_the_null_sender_becomes_the_mailbox(self):
        self.start()
        self.arrived(b'From: relay@contoso.test\r\nSubject: bounce\r\n\r\nx\r\n', sender='')

    def test_an_answer_goes_to_the_old_sender_only_where_it_can(self):
        self.start()
        self.assertEqual(relay.field(self.arrived(b'From: E <erna@fabrikam.com>\r\n\r\nx\r\n'), 'Reply-To'), [b'<erna@fabrikam.com>'])
        self.assertEqual(relay.field(self.arrived(b'From: root@db1\r\n\r\nx\r\n'), 'Reply-To'), [])
        self.assertEqual(relay.field(self.arrived(b'From: e@fabrikam.com\r\nReply-To: x@y.example\r\n\r\nx\r\n'), 'Reply-To'),
                         [b'x@y.example'])

    def test_the_mailbox_itself_stays_octet_for_octet(self):
        self.start()
        given = relay.HEAD.replace(b'erp@contoso.test', MAILBOX) + b'signed \xff\r\n'
        self.assertTrue(self.arrived(given, sender=MAILBOX.decode()).endswith(b'\r\n' + given))

    def test_a_large_message_keeps_its_content(self):
        self.start()
        body = b''.join(b'%064d\r\n' % number for number in range(160_000))  # 10 MB
        content = self.arrived(b'From: scanner\r\nSubject: scan\r\n\r\n' + body)
        self.assertTrue(content.endswith(b'Subject: scan\r\n\r\n' + body))

    def test_a_map_says_what_a_sender_becomes(self):
        self.start(senders='map', sender_map=[{'from': '"erp-*@*"', 'to': 'relay@contoso.test'}])
        self.assertEqual(relay.field(self.arrived(b'From: ERP <erp-1@db1>\r\n\r\nx\r\n', sender='erp-1@db1'), 'From'),
                         [b'ERP <' + MAILBOX + b'>'])

    def test_a_refused_sender_is_stopped_before_the_server_stops_the_mailbox(self):
        self.start(allowed_senders=['*@contoso.test'], upstream={'connections_max': 1})
        for number in range(30):
            self.send(b'From: erp@contoso.test\r\nSubject: %d\r\n\r\nx\r\n' % number)
        stopped = self.daemon.wait_for('sender_stopped')
        self.assertEqual(stopped['sender'], 'erp@contoso.test')
        self.assertIn('allowed_senders', stopped['remedy'])
        self.send(b'From: relay@contoso.test\r\nSubject: good\r\n\r\nx\r\n', sender='relay@contoso.test')
        good = self.sandbox.wait_for_messages(1)
        self.assertEqual(relay.field(good[0]['content'], 'Subject'), [b'good'])
        harness.eventually(lambda: self.daemon.command('status')['queue']['recipients']['held'] == 30, what='30 held recipients')
        held = [event for event in map(json.loads, self.daemon.lines.all()) if event['event'] == 'held']
        tried = [event for event in held if not event['message'].startswith('not sent')]
        self.assertEqual((len(held), len(tried)), (30, 1))
        self.assertFalse(self.mailbox_status()['paused'])


harness.main(__name__)
