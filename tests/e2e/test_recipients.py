"""Mail to names of this machine: who gets it, who is refused and is told what to type, and what the fields say."""

import os
import smtplib
import subprocess

import harness
import relay

OPS, NIGHT = 'ops@example.test', 'night@example.test'


class Recipients(relay.Scenario):
    def setUp(self):
        super().setUp()
        self.share_sandbox()
        self.file = self.folder / 'aliases'

    def start(self, **changes):
        return self.start_daemon(changes=changes)

    def write(self, text):
        """As editors do: a new file in place of the old one."""
        following = self.folder / 'aliases.new'
        following.write_text(text)
        following.rename(self.file)

    def arrived(self, recipients, content=None):
        """The addresses that the server got one message for, and its content."""
        before = len(self.sandbox.messages())
        self.send(content, recipients=recipients)
        message = self.sandbox.wait_for_messages(before + 1)[-1]
        return sorted(message['to']), message['content']

    def refusal(self, recipient):
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.expect('MAIL FROM:<root@web1>', 250)
            return client.expect(f'RCPT TO:<{recipient}>', 550)

    def check(self):
        return self.mailramp('config', 'check', self.daemon.config if hasattr(self, 'daemon') else self.folder / 'mailramp.yaml')

    # ---- who gets it

    def test_names_of_this_machine_go_where_the_aliases_say(self):
        self.start(aliases={'root': f'[{OPS}, {NIGHT}]', 'www': '[root, shop@example.test]'}, local_domains=['localhost', 'web1'])
        for recipient in ('root', 'Root', 'root@localhost', 'ROOT@Web1', 'postmaster', 'Postmaster@web1'):
            with self.subTest(recipient):
                self.assertEqual(self.arrived([recipient])[0], [NIGHT, OPS])
        self.assertEqual(self.arrived(['www', 'root', OPS, 'other@example.test'])[0],
                         [NIGHT, OPS, 'other@example.test', 'shop@example.test'])

    def test_the_machine_is_known_by_its_own_name(self):
        self.start(aliases={'root': OPS}, hostname='web1.fabrikam.test')
        for domain in ('localhost', 'localhost.localdomain', 'web1', 'web1.fabrikam.test', 'web1.localdomain', os.uname().nodename):
            with self.subTest(domain):
                self.assertEqual(self.arrived([f'root@{domain}'])[0], [OPS])
        self.assertEqual(self.arrived(['root@fabrikam.test'])[0], ['root@fabrikam.test'])

    def test_the_domain_of_a_mailbox_is_never_this_machine(self):
        self.start(aliases={'root': OPS}, hostname='contoso.test')
        self.assertEqual(self.arrived(['root@contoso.test'])[0], ['root@contoso.test'])

    def test_an_alias_file_of_another_mail_server_works(self):
        self.write('# /etc/aliases\nmailer-daemon: postmaster\npostmaster:\troot\nnobody: root\n'
                   f'"Mail Team": "Ops, all of them" <{OPS}>,\n    # nights too\n    {NIGHT}   # since May\n'
                   'mailman: "|/usr/lib/mailman/mail/mailman post mailman"\nlogs: /var/log/mail.local\nlist: :include:/etc/list\n'
                   f'root: \\root, "Mail Team", {OPS}\nwww-data: nobody-here\nthis is no alias\n')
        self.start(aliases_file=self.file)
        for recipient in ('root', 'mailer-daemon@localhost', 'nobody'):
            with self.subTest(recipient):
                self.assertEqual(self.arrived([recipient])[0], [NIGHT, OPS])
        for name, what in (('mailman', 'a program'), ('logs', 'a file'), ('list', 'a list in another file'), ('www-data', 'nobody-here')):
            with self.subTest(name):
                self.assertIn(what, self.refusal(name))
        told = ' '.join(event['message'] for event in self.daemon.events('config_warning'))
        for line in range(8, 14):
            self.assertIn(f'{self.file}:{line}: ', told)
        self.assertEqual(self.check().returncode, 0)

    def test_one_line_takes_all_names(self):
        self.start(aliases={'"*"': OPS, 'root': NIGHT})
        self.assertEqual(self.arrived(['backup', 'root@localhost'])[0], [NIGHT, OPS])

    # ---- who is refused

    def test_a_name_without_an_alias_is_refused_with_the_line_to_add(self):
        daemon = self.start()
        for name, recipient in (('oper', 'oper'), ('oper', 'Oper@localhost'), ('postmaster', 'postmaster')):
            said = self.refusal(recipient)
            self.assertRegex(said, r'\A550[ -]5\.1\.1 ')
            self.assertIn(f'aliases: {{{name}: you@example.com}}', said.replace('\n550-5.1.1 ', '').replace('\n550 5.1.1 ', ''))
        refused = daemon.wait_for('recipient_refused', to='oper')
        self.assertIn('aliases: {oper: you@example.com}', refused['message'])
        self.assertEqual(self.queued_messages(), 0)
        # Cron's way in, with the same words on standard error.
        done = subprocess.run([os.environ['MAILRAMP_SENDMAIL'], '-i', 'oper'], input=b'From: root\n\nx\n', stderr=subprocess.PIPE, check=False,
                              timeout=harness.DEADLINE,
                              env=harness.environment_of_a_program({'MAILRAMP_SENDMAIL_SERVER': f'127.0.0.1:{daemon.port}'}))
        self.assertEqual(done.returncode, 67)
        self.assertIn(b'aliases: {oper: you@example.com}', done.stderr)

    def test_the_good_recipients_of_a_message_get_it(self):
        self.start(aliases={'root': OPS})
        with smtplib.SMTP('127.0.0.1', self.daemon.port, timeout=harness.DEADLINE) as client:
            refused = client.sendmail('root', ['root', 'oper', NIGHT], relay.HEAD.decode())
        self.assertEqual({name: answer[0] for name, answer in refused.items()}, {'oper': 550})
        self.assertEqual(sorted(self.sandbox.wait_for_messages(1)[0]['to']), [NIGHT, OPS])

    def test_circles_end_in_a_refusal(self):
        self.write('root: admin\nadmin: root@localhost\n')
        self.start(aliases_file=self.file)
        self.assertIn('root -> admin -> root', self.refusal('root'))
        self.assertIn('circles', self.check().stderr)

    def test_an_alias_counts_as_many_recipients_as_it_leads_to(self):
        people = [f'p{number}@example.test' for number in range(4)]
        self.start(aliases={'all': f'[{", ".join(people)}]', 'three': f'[{", ".join(people[:3])}]'}, inbound={'recipients_max': 3})
        self.assertIn('recipients_max', self.refusal('all'))
        self.assertEqual(self.arrived(['three', people[0]])[0], people[:3])

    # ---- the file changes

    def test_a_changed_file_is_taken_and_a_bad_one_is_not(self):
        self.write(f'root: {OPS}\n')
        daemon = self.start(aliases_file=self.file)
        self.assertEqual(self.arrived(['root'])[0], [OPS])
        seen = daemon.position()
        self.write(f'root: {NIGHT}\nmailman: |/usr/bin/mailman\n')
        self.assertEqual(daemon.wait_for('aliases_read', after=seen)['names'], 2)
        self.assertIn(f'{self.file}:2: mailman', daemon.wait_for('aliases_remark', after=seen)['message'])
        self.assertEqual(self.arrived(['root'])[0], [NIGHT])
        for content, reason in ((f'root {OPS}\n', f'{self.file}:1: '), ('# root\n', 'has no alias any more'), ('\0' * 2_000_000, 'is larger than')):
            seen = daemon.position()
            self.write(content)
            self.assertIn(reason, daemon.wait_for('aliases_kept', after=seen)['message'])
            self.assertEqual(self.arrived(['root'])[0], [NIGHT])
        seen = daemon.position()
        self.file.unlink()
        self.assertIn('No such file', daemon.wait_for('aliases_kept', after=seen)['message'])
        self.assertEqual(self.arrived(['root'])[0], [NIGHT])
        self.write(f'root: {OPS}\n')
        daemon.wait_for('aliases_read', after=seen)
        self.assertEqual(self.arrived(['root'])[0], [OPS])

    def test_an_alias_file_that_cannot_be_read_ends_the_start_with_what_to_do(self):
        harness.require_root()
        settings = relay.submitting(self.folder, self.sandbox) | {'aliases_file': self.file}
        for prepare, words in ((lambda: None, 'No such file or directory; create it, or leave aliases_file out'),
                               (lambda: (self.write('root: x@y.example\n'), self.file.chmod(0o600)),
                                f'Permission denied: user id 65534 must be able to read it: chmod 644 {self.file}')):
            prepare()
            config = self.write_config(settings)
            line = config.read_text().split('\n').index(f'aliases_file: {self.file}') + 1
            # Secrets are checked as well, and belong to another user here: what counts is that this is said, too.
            self.folder.chmod(0o755)
            as_nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--bounding-set=-all', os.environ['MAILRAMP']]
            for command in (['config', 'check', config], ['serve', '--config', config]):
                done = subprocess.run([*as_nobody, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      timeout=harness.DEADLINE, check=False, env=harness.environment_of_a_program())
                self.assertEqual(done.returncode, 78, done.stderr)
                self.assertRegex(done.stderr, rf':{line}:\d+: aliases_file: ')
                self.assertIn(words, done.stderr)

    # ---- what the fields say

    def test_names_in_to_and_cc_get_a_domain_on_request_and_nothing_else_changes(self):
        self.start(aliases={'"*"': OPS}, qualify_domain='contoso.test')
        head = (b'Subject: To: root\r\nFrom: root\r\nTo: root (Charlie &), "The\r\n Team" <ops@example.test>, <www>\r\n'
                b'Message-ID: <a@db1>\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\nCC:admin , undisclosed:;\r\nX-To:   root \r\n')
        body = b'\r\nTo: root\r\n.leading dot\r\n\xff\r\n'
        content = self.arrived(['root'], head + body)[1]
        self.assertEqual(content[content.index(b'Subject:'):],
                         head.replace(b'root (Charlie', b'root@contoso.test (Charlie').replace(b'<www>', b'<www@contoso.test>')
                         .replace(b'CC:admin ', b'CC:admin@contoso.test ') + body)

    def test_without_the_request_they_stay(self):
        self.start(aliases={'root': OPS})
        head = b'From: root\r\nTo: root\r\nCc: www\r\nMessage-ID: <a@db1>\r\nDate: Mon, 01 Jan 2024 00:00:00 +0000\r\n\r\nx\r\n'
        self.assertTrue(self.arrived(['root'], head)[1].endswith(b'\r\n' + head))


harness.main(__name__)
