"""mailramp-sendmail, called exactly as programs on a Debian machine call sendmail(1)."""

import os
import pathlib
import re
import socket
import socketserver
import subprocess
import threading

import configs
import harness
import load

MAILBOX = 'app@contoso.test'  # what a mailbox may send as stays as it is
DATED = f'From: App <{MAILBOX}>\nMessage-ID: <fixed@contoso.test>\nDate: Mon, 01 Jan 2024 00:00:00 +0000\n'
UNSENT = 'mailramp-sendmail: not sent'


def with_crlf(octets):
    return re.sub(rb'(?<!\r)\n', b'\r\n', octets)


def local_domain():
    mail_name = pathlib.Path('/etc/mailname')
    return mail_name.read_text().split('\n')[0].strip() if mail_name.exists() else socket.gethostname()


class _Session(socketserver.StreamRequestHandler):
    def handle(self):
        script = self.server.script
        try:
            self._converse(script)
        except ConnectionError:
            pass  # the client gave up

    def _say(self, text):
        self.wfile.write(text.encode() + b'\r\n')
        return text

    def _converse(self, script):
        if not self._say(script.answer('CONNECT')).startswith('2'):
            return
        for line in self.rfile:
            line = line.decode().rstrip('\r\n')
            script.lines.append(line)
            reply = script.answer(line.split(' ')[0].split(':')[0])
            if reply is None:
                return
            self._say(reply)
            if line == 'QUIT':
                return
            if line == 'DATA' and reply.startswith('354') and not self._take_content(script):
                return

    def _take_content(self, script):
        lines = []
        if script.replies.get('BODY', [''])[0] is None:
            return False
        for line in self.rfile:
            if line == b'.\r\n':
                script.contents.append(b''.join(lines))
                reply = script.answer('END')
                return reply is not None and self._say(reply)
            lines.append(line)
        return False


class Script:
    """A server that answers each verb with what it is told, the last answer again and again; None hangs up."""

    USUAL = {'CONNECT': ['220 script.test'], 'EHLO': ['250-script.test\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 1000000'],
             'MAIL': ['250 2.1.0 ok'], 'RCPT': ['250 2.1.5 ok'], 'DATA': ['354 go on'], 'END': ['250 2.0.0 queued as X'],
             'RSET': ['250 2.0.0 ok'], 'QUIT': ['221 2.0.0 bye']}

    def __init__(self, **replies):
        self.replies = {verb: list(answers) for verb, answers in {**self.USUAL, **replies}.items()}
        self.lines, self.contents = [], []
        self._server = socketserver.ThreadingTCPServer(('127.0.0.1', 0), _Session)
        self._server.daemon_threads, self._server.script = True, self
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, verb):
        answers = self.replies[verb]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def logs(self):
        return '\n'.join(self.lines)


class Caller(harness.Scenario):
    def call(self, *words, data=b'', port=None, program=None, environment=None):
        """How `sendmail WORDS` ends when it is given `data`."""
        if isinstance(data, str):
            data = data.encode()
        server = {'MAILRAMP_SENDMAIL_SERVER': f'127.0.0.1:{port}'}
        return subprocess.run([program or os.environ['MAILRAMP_SENDMAIL'], *words], input=data, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=harness.DEADLINE, check=False,
                              env=harness.environment_of_a_program({**server, **(environment or {})}))

    def expect(self, status, done):
        self.assertEqual(done.returncode, status, done.stderr.decode())
        if status == 0:
            self.assertEqual(done.stderr, b'')
        return done.stderr.decode()


class WithDaemon(Caller):
    senders = 'keep'

    def setUp(self):
        super().setUp()
        self.inbox = load.Inbox()
        recorder = self.started(load.Recorder(self.inbox))
        config = configs.plain(self.folder, self.folder / 'queue', recorder.port)
        config.write_text(f'{config.read_text()}senders: {self.senders}\n')
        self.daemon = self.started(harness.Daemon(config))

    def send(self, *words, data, status=0):
        return self.expect(status, self.call(*words, data=data, port=self.daemon.port))

    def arrival(self, count=1):
        return self.inbox.wait_for(count)[count - 1]

    def accepted_from(self):
        return self.daemon.wait_for('accepted')['from']

    # ---- the callers

    def test_cron(self):
        output = ('From: root (Cron Daemon)\nTo: ops@example.test\nSubject: Cron <root@web1> backup\n'
                  'Content-Type: text/plain; charset=UTF-8\nX-Cron-Env: <SHELL=/bin/sh>\n\ndone: \u00e4\n.\nafter the dot\n')
        self.send('-FCronDaemon', '-i', '-B8BITMIME', '-oem', 'ops@example.test', data=output)
        delivery = self.arrival()
        self.assertEqual(delivery.recipients, ('ops@example.test',))
        self.assertTrue(delivery.content.endswith(with_crlf('X-Cron-Env: <SHELL=/bin/sh>\n\ndone: \u00e4\n.\nafter the dot\n'.encode())),
                        delivery.content)
        self.assertRegex(self.accepted_from(), r'\A[^@]+@' + re.escape(local_domain()) + r'\Z')

    def test_a_local_name_that_the_daemon_does_not_know_is_refused_aloud(self):
        said = self.send('-FCronDaemon', '-i', '-B8BITMIME', '-oem', 'nobody-here', data='From: root\n\nx\n', status=67)
        self.assertRegex(said, r'\Amailramp-sendmail: not sent to nobody-here: 5\d\d 5\.1\.\d .*\n\Z')

    def test_php(self):
        mail = f'To: ops@example.test\nSubject: order\n{DATED}Bcc: boss@example.test\nX-PHP-Originating-Script: 33:shop.php\n\nHello\n'
        self.send('-t', '-i', f'-f{MAILBOX}', data=mail)
        delivery = self.arrival()
        self.assertEqual(set(delivery.recipients), {'ops@example.test', 'boss@example.test'})
        self.assertEqual(self.accepted_from(), MAILBOX)
        kept = mail.replace('Bcc: boss@example.test\n', '')
        self.assertTrue(delivery.content.endswith(with_crlf(kept.encode())), delivery.content)

    def test_mutt(self):
        mail = f'{DATED}To: ops@example.test\nSubject: hello\n\nfirst\n.\n..\nlast\n'
        self.send('-oem', '-oi', '--', 'ops@example.test', 'second@example.test', data=mail)
        delivery = self.arrival()
        self.assertEqual(delivery.recipients, ('ops@example.test', 'second@example.test'))
        self.assertTrue(delivery.content.endswith(with_crlf(mail.encode())), delivery.content)

    def test_git_send_email(self):
        mail = f'{DATED}To: list@example.test\nSubject: [PATCH] x\n\n---\n+line \n-- \n2.39\n\n'
        self.send('-f', MAILBOX, '-i', 'list@example.test', 'Maintainer <m@example.test>', data=mail)
        delivery = self.arrival()
        self.assertEqual(delivery.recipients, ('list@example.test', 'm@example.test'))
        self.assertTrue(delivery.content.endswith(with_crlf(mail.encode())), delivery.content)

    def test_mdadm(self):
        self.send('-t', data='From: mdadm monitoring <root>\nTo: ops@example.test\nSubject: DegradedArray event\n\n'
                             'This is an automatically generated mail message.\n')
        delivery = self.arrival()
        self.assertEqual(delivery.recipients, ('ops@example.test',))
        self.assertTrue(delivery.content.endswith(b'generated mail message.\r\n'), delivery.content)

    def test_fail2ban(self):
        mail = f'Subject: [Fail2Ban] sshd: banned 192.0.2.1\n{DATED}To: ops@example.test\n\nHi,\n'
        self.send('-f', MAILBOX, 'ops@example.test', data=mail)
        self.assertTrue(self.arrival().content.endswith(with_crlf(mail.encode())))
        self.assertEqual(self.accepted_from(), MAILBOX)

    def test_unattended_upgrades_and_logwatch(self):
        for number, words in enumerate((('-oi', '-t'), ('-t',)), 1):
            self.send(*words, data=f'{DATED}To: ops@example.test\nSubject: report\n\nnumber {number}\n')
            self.assertTrue(self.arrival(number).content.endswith(b'number %d\r\n' % number))

    # ---- what arrives

    def test_bcc_never_leaks(self):
        mail = (f'bcc : one@secret.test,\n\ttwo@secret.test\n{DATED}To: ops@example.test\nBCC: Three <three@secret.test>\n'
                'Subject: x\nBcc:\n four@secret.test\n\nx\n')
        for words in (('-t',), ('-i', 'ops@example.test', 'one@secret.test', 'two@secret.test', 'three@secret.test', 'four@secret.test')):
            self.send(*words, data=mail)
        for delivery in self.inbox.wait_for(2):
            self.assertEqual(set(delivery.recipients), {'ops@example.test', *(f'{name}@secret.test' for name in ('one', 'two', 'three', 'four'))})
            self.assertNotIn(b'secret', delivery.content)
            self.assertNotIn(b'bcc', delivery.content.lower())

    def test_text_without_a_header_gets_one(self):
        self.send('-FBackup Job', 'ops@example.test', data='disk is full\n')
        head, body = self.arrival().content.split(b'\r\n\r\n', 1)
        self.assertEqual(body, b'disk is full\r\n')
        self.assertRegex(head, rb'(?m)^From: "?Backup Job"? <[^<>@]+@[^<>@]+>\r?$')
        self.assertRegex(head, rb'(?m)^Date: ')
        self.assertRegex(head, rb'(?m)^Message-ID: ')

    def test_addresses_of_header_and_command_line_add_up(self):
        self.send('-t', 'third@example.test', 'ops@example.test', data=f'{DATED}To: ops@example.test\nCc: second@example.test\n\nx\n')
        self.assertEqual(sorted(self.arrival().recipients), ['ops@example.test', 'second@example.test', 'third@example.test'])

    def test_a_lone_dot_ends_the_input_and_says_what_is_lost(self):
        said = subprocess.run([os.environ['MAILRAMP_SENDMAIL'], 'ops@example.test'], input=f'{DATED}\nkept\n.\nnot sent\n'.encode(),
                              stderr=subprocess.PIPE, timeout=harness.DEADLINE, check=True,
                              env=harness.environment_of_a_program({'MAILRAMP_SENDMAIL_SERVER': f'127.0.0.1:{self.daemon.port}'})).stderr
        self.assertIn(b'with -i', said)
        self.assertTrue(self.arrival().content.endswith(b'\r\n\r\nkept\r\n'))

    def test_an_attachment_of_ten_megabytes(self):
        lines = b'0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+/01234567890A\n' * 140_000
        mail = f'{DATED}To: ops@example.test\n\n'.encode() + lines + b'.\nend\n'
        self.assertGreater(len(mail), 10 * 1024 * 1024)
        self.send('-t', '-i', data=mail)
        self.assertTrue(self.arrival().content.endswith(with_crlf(mail)))

    def test_more_recipients_than_one_transaction_takes(self):
        names = [f'user{number}@example.test' for number in range(1200)]
        self.send('-i', *names, data=f'{DATED}\nx\n')
        arrived = harness.eventually(lambda: [name for delivery in self.inbox.wait_for(2) for name in delivery.recipients], what='both')
        harness.eventually(lambda: self.daemon.command('status')['queue']['messages'] == 0, what='empty queue')
        arrived = [name for delivery in self.inbox.wait_for(2) for name in delivery.recipients]
        self.assertEqual(sorted(arrived), sorted(names))

    def test_verbose_says_what_was_answered(self):
        done = self.call('-v', 'ops@example.test', data='x\n', port=self.daemon.port)
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stderr, rb'taken for ops@example\.test: 250 2\.0\.0 queued as \w+')

    # ---- what does not

    def test_a_message_that_is_too_large_is_refused(self):
        said = self.send('ops@example.test', data=f'{DATED}\n'.encode() + b'x' * 77 * 1024 + (b'y' * 77 + b'\n') * 500_000, status=65)
        self.assertRegex(said, r'552 5\.3\.4')

    def test_nul_is_refused(self):
        self.assertRegex(self.send('ops@example.test', data=f'{DATED}\n\0\n', status=65), r'5\.6\.\d')

    def test_what_is_no_address_is_said_and_the_others_get_the_message(self):
        said = self.send('-t', data=f'{DATED}To: ops@example.test, not an address\n\nx\n', status=67)
        self.assertIn("'not an address'", said)
        self.assertEqual(self.arrival().recipients, ('ops@example.test',))

    # ---- other modes

    def test_an_smtp_session_on_standard_input_and_output(self):
        dialogue = (b'EHLO x\r\nMAIL FROM:<app@contoso.test>\r\nRCPT TO:<ops@example.test>\r\nDATA\r\n' + with_crlf(DATED.encode()) +
                    b'\r\nby pass-through\r\n.\r\nQUIT\r\n')
        piped = self.call('-bs', data=dialogue, port=self.daemon.port)
        self.expect(0, piped)
        self.assertRegex(piped.stdout, rb'(?s)\A220 .*\r\n250 2\.0\.0 queued as \w+\r\n221 [^\n]*\r\n\Z')
        file = self.folder / 'dialogue'
        file.write_bytes(dialogue)
        with file.open('rb') as commands:
            done = subprocess.run([os.environ['MAILRAMP_SENDMAIL'], '-bs'], stdin=commands, stdout=subprocess.PIPE, check=True,
                                  timeout=harness.DEADLINE,
                                  env=harness.environment_of_a_program({'MAILRAMP_SENDMAIL_SERVER': f'127.0.0.1:{self.daemon.port}'}))
        self.assertIn(b'queued as', done.stdout)
        for delivery in self.inbox.wait_for(2):
            self.assertTrue(delivery.content.endswith(b'by pass-through\r\n'))

    def test_mailq_lists_the_queue(self):
        mailq = self.folder / 'mailq'
        mailq.symlink_to(os.environ['MAILRAMP_SENDMAIL'])
        there = {'MAILRAMP_SOCKET': str(self.folder / 'admin.sock')}
        asked = subprocess.run([os.environ['MAILRAMP'], 'queue', 'list'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True,
                               env=harness.environment_of_a_program(there), timeout=harness.DEADLINE)
        for done in (self.call(program=mailq, environment=there), self.call('-bp', environment=there)):
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, asked.stdout, asked.stderr))
        self.assertEqual(self.call(program=mailq, environment={'MAILRAMP_SOCKET': str(self.folder / 'none')}).returncode, 69)


class WithAMailboxOfItsOwn(WithDaemon):
    """As Microsoft 365 wants it: whoever calls, the mailbox sends."""

    senders = 'collapse'

    def test_cron_keeps_its_name_and_sends_as_the_mailbox(self):
        self.send('-FCronDaemon', '-i', '-B8BITMIME', '-oem', 'ops@example.test', data='From: root (Cron Daemon)\nSubject: x\n\ndone\n')
        delivery = self.arrival()
        self.assertEqual(delivery.sender, MAILBOX)
        self.assertRegex(delivery.content, rb'(?m)^From: "?[^<\n]*Cron Daemon[^<\n]*<app@contoso\.test>\r?$')


class WithoutDaemon(Caller):
    def test_nobody_there_is_try_again_and_one_line_says_what_to_do(self):
        said = self.expect(75, self.call('-t', data='To: ops@example.test\n\nx\n', port=self.reserved_port()))
        self.assertRegex(said, r'\Amailramp-sendmail: not sent: .*Connection refused.*mailramp status.*MAILRAMP_SENDMAIL_SERVER.*\n\Z')

    def test_an_smtp_session_with_nobody_there_hears_421(self):
        done = self.call('-bs', port=self.reserved_port())
        self.expect(75, done)
        self.assertRegex(done.stdout, rb'\A421 4\.3\.2 [^\n]*\r\n\Z')

    def test_the_next_server_is_tried(self):
        script = self.started(Script())
        servers = {'MAILRAMP_SENDMAIL_SERVER': f'127.0.0.1:{self.reserved_port()},localhost:{script.port}'}
        self.expect(0, self.call('ops@example.test', data='x\n', environment=servers))
        self.assertEqual(len(script.contents), 1)

    def test_wrong_command_lines(self):
        for words in ((), ('-Z', 'root'), ('-bd',), ('-f',), ('-f', 'a b', 'root'), ('-bp', 'root'), ('<>',),
                      ('-f', 'u@x.test\r\nRCPT TO:<z@z.test>', 'a@b.test'), ('a@b.test\nz@z.test',)):
            self.assertTrue(self.expect(64, self.call(*words)).startswith('mailramp-sendmail: '), words)
        self.expect(64, self.call('root', environment={'MAILRAMP_SENDMAIL_SERVER': 'a:b'}))

    def test_no_recipient_in_the_header(self):
        for data in ('Subject: x\n\nTo: ops@example.test\n', 'To: <>\n\nx\n'):
            self.assertIn('no recipient', self.expect(65, self.call('-t', data=data)))

    def test_a_bare_cr_in_the_header_hides_no_recipient(self):
        script = self.started(Script())
        hidden = 'To: a@b.test\rBcc: hid@x.test\n\nbody\n'
        self.assertIn('bare CR', self.expect(65, self.call('-t', data=hidden, port=script.port)))
        self.assertEqual(script.lines, [])
        # Cron names the environment, with the CRs of a crontab that was written elsewhere, and calls without -t.
        self.expect(0, self.call('ops@example.test', data='X-Cron-Env: <A=b\r>\n\nx\ry\n', port=script.port))
        self.expect(0, self.call('-t', data='To: a@b.test\r\r\n\nx\ry\n', port=script.port))
        self.assertEqual(len(script.contents), 2)

    def test_input_that_cannot_be_read(self):
        with open('/proc/self/mem', 'rb') as unreadable:
            done = subprocess.run([os.environ['MAILRAMP_SENDMAIL'], 'root'], stdin=unreadable, stderr=subprocess.PIPE, check=False,
                                  timeout=harness.DEADLINE)
        self.assertIn(UNSENT, self.expect(74, done))

    def test_newaliases_and_queue_runs_do_nothing_and_say_so(self):
        newaliases = self.folder / 'newaliases'
        newaliases.symlink_to(os.environ['MAILRAMP_SENDMAIL'])
        for done in (self.call(program=newaliases), self.call('-bi'), self.call('-q'), self.call('-q30m')):
            self.expect(0, done)
            self.assertRegex(done.stdout, rb'\Amailramp [^\n]+\n\Z')

    def test_help_and_version(self):
        self.assertIn(b'usage: ', self.call('--help').stdout)
        self.assertRegex(self.call('--version').stdout, rb'\Amailramp-sendmail \d+\.\d+\.\d+\n\Z')


class WithAServerThatRefuses(Caller):
    def talk(self, *words, data='x\n', **replies):
        self.script = self.started(Script(**replies))
        return self.call(*words, data=data, port=self.script.port)

    def commands(self, verb):
        return [line for line in self.script.lines if line.startswith(verb)]

    def test_eight_bit_content_and_utf8_addresses_are_declared(self):
        self.expect(0, self.talk('-f', 'm\u00fc@contoso.test', 'ops@example.test', data='Subject: x\n\n\u00e4\n'))
        self.assertRegex(self.commands('MAIL')[0], r'\AMAIL FROM:<m\u00fc@contoso.test> SIZE=\d+ BODY=8BITMIME SMTPUTF8\Z')
        self.expect(0, self.talk('-f<>', 'ops@example.test', data='Subject: x\n\nplain\n'))
        self.assertRegex(self.commands('MAIL')[0], r'\AMAIL FROM:<> SIZE=\d+\Z')

    def test_the_size_that_is_declared_is_the_size_that_is_sent(self):
        self.expect(0, self.talk('ops@example.test', data='Bcc: a@example.test\nSubject: x\n\none\ntwo'))
        size = int(re.search(r'SIZE=(\d+)', self.commands('MAIL')[0]).group(1))
        self.assertEqual(len(self.script.contents[0]), size)

    def test_delivery_notifications_are_asked_for_where_they_are_offered(self):
        self.expect(0, self.talk('-N', 'failure,delay', '-R', 'hdrs', '-V', 'id 1', 'ops@example.test',
                                 EHLO=['250-script.test\r\n250 DSN']))
        self.assertRegex(self.commands('MAIL')[0], r' RET=HDRS ENVID=id\+201\Z')
        self.assertEqual(self.commands('RCPT'), ['RCPT TO:<ops@example.test> NOTIFY=FAILURE,DELAY'])

    def test_a_refused_recipient_is_named_and_the_others_get_the_message(self):
        said = self.expect(67, self.talk('a@example.test', 'b@example.test', RCPT=['550 5.1.1 no such user', '250 2.1.5 ok']))
        self.assertEqual(said.splitlines(), ['mailramp-sendmail: not sent to a@example.test: 550 5.1.1 no such user (rcpt)',
                                             'mailramp-sendmail: taken for b@example.test: 250 2.0.0 queued as X (body_end)'])
        self.assertEqual(len(self.script.contents), 1)

    def test_recipients_that_are_too_many_go_in_further_transactions(self):
        names = [f'{name}@example.test' for name in 'abcde']
        ok, many = '250 2.1.5 ok', '452 4.5.3 too many'
        self.expect(0, self.talk(*names, RCPT=[ok, ok, many, many, many, ok, ok, many, ok]))
        self.assertEqual([line[9:-1] for line in self.commands('RCPT')], [*names, *names[2:], *names[4:]])
        self.assertEqual(len(self.script.contents), 3)

    def test_recipients_that_are_always_too_many_are_not_tried_for_ever(self):
        self.expect(75, self.talk('a@example.test', 'b@example.test', RCPT=['452 4.5.3 too many']))
        self.assertEqual(len(self.commands('RCPT')), 2)

    def test_each_refusal_has_its_status(self):
        for status, replies in ((75, {'CONNECT': ['421 4.3.2 closing']}), (77, {'CONNECT': ['554 5.7.1 not you']}),
                                (75, {'MAIL': ['452 4.3.1 queue full']}), (65, {'MAIL': ['552 5.3.4 too large']}),
                                (77, {'MAIL': ['550 5.7.1 not this sender']}), (75, {'RCPT': ['451 4.3.0 later']}),
                                (68, {'RCPT': ['550 5.1.2 no such domain']}), (75, {'DATA': ['451 4.3.0 later']}),
                                (75, {'END': ['452 4.3.1 disk full']}), (65, {'END': ['554 5.6.0 not a message']}),
                                (69, {'END': ['554 5.4.6 loop']}), (75, {'EHLO': [None]}), (75, {'DATA': [None]})):
            with self.subTest(status=status, replies=replies):
                said = self.expect(status, self.talk('ops@example.test', **replies))
                self.assertRegex(said, r'\Amailramp-sendmail: not sent to ops@example\.test: [^\n]+\n\Z')

    def test_what_the_server_cannot_take_is_refused_not_mangled(self):
        self.expect(65, self.talk('ops@example.test', data='\n\u00e4\n', EHLO=['250 script.test']))
        self.expect(65, self.talk('ops@example.test', data='\n' + 'x' * 2000 + '\n', EHLO=['250-script.test\r\n250 SIZE 1000']))
        self.assertEqual(self.script.contents, [])

    def test_no_answer_to_the_message_is_try_again_and_may_deliver_twice(self):
        self.assertIn('twice', self.expect(75, self.talk('ops@example.test', END=[None])))

    def test_a_connection_that_breaks_in_the_body_is_try_again(self):
        said = self.expect(75, self.talk('ops@example.test', data='x' * 76 + '\n' + ('y' * 76 + '\n') * 200_000, BODY=[None],
                                         EHLO=['250 script.test']))
        self.assertIn('not sent to ops@example.test', said)


harness.main(__name__)
