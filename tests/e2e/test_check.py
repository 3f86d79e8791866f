"""`mailramp check`: all good on a good set-up; each usual mistake shows as the one step that fails, with what to type."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading

import bad_input
import harness
import relay
from bad_input import CONFIGURATION, DATA, UNAVAILABLE, USAGE
from relay import RECIPIENT

APP = '7d3b2a19-8c4e-4f5a-b6d7-c8e9fa0b1c2d'
OBJECT_ID = '7d3b2a19-8c4e-4f5a-b6d7-0000000000e0'
MAILBOX = 'relay@contoso.test'
TWO_HOURS = 'up to two hours'

# The usual mistakes that a fault of the sandbox makes: which step fails, words of the cause, what is to be typed, and the
# place in the article.
MISTAKES = {
    'token-no-role': ('login', 'admin consent', f'az ad app permission admin-consent --id {APP}', '1.1, steps 8 to 18'),
    'wrong-object-id': ('login', 'another Object ID', f'New-ServicePrincipal -AppId {APP} -ObjectId {OBJECT_ID} '
                        '-DisplayName mailramp', '1.2, steps 5 and 12'),
    'token-401': ('token', 'secret is not one of this application', 'install -o mailramp -m 600 /dev/stdin ',
                  '1.1, steps 19 to 23'),
    'token-expired-secret': ('token', 'secret has expired', 'install -o mailramp -m 600 /dev/stdin ', '1.1, steps 19 to 23'),
    '5.7.139-tenant': ('login', 'switched off for the whole tenant',
                       f'Set-CASMailbox -Identity {MAILBOX} -SmtpClientAuthenticationDisabled $false', '1.2, step 17'),
    '5.7.139-mailbox': ('login', 'switched off for this mailbox',
                        f'Set-CASMailbox -Identity {MAILBOX} -SmtpClientAuthenticationDisabled $false', '1.2, step 17'),
    '430': ('message', 'no permission on this mailbox', f'Add-MailboxPermission -Identity {MAILBOX} -User '
            f'(Get-ServicePrincipal -Identity {APP}).Identity -AccessRights FullAccess', '1.2, steps 15 and 16'),
}

# Other faults: which step fails, and words of what is said.
FAULTS = {
    'tls': ('starttls', 'issued by "CN = Unknown Sandbox CA"'),
    'tls-expired': ('starttls', 'timedatectl status'),
    'tls-wrong-name': ('starttls', 'for another name than localhost'),
    'no-starttls': ('starttls', 'does not offer STARTTLS'),
    'no-xoauth2': ('starttls', 'does not offer AUTH XOAUTH2'),
    'garbage': ('starttls', 'does not speak SMTP'),
    'drop-banner': ('starttls', 'does not speak SMTP'),
    'token-html': ('token', 'HTTP 200'),
    '5.7.139-criteria': ('login', 'Conditional Access'),
    'sendas': ('message', 'alias'),
    '550-5.1.8': ('message', f'unblock {MAILBOX}'),
}


class Check(bad_input.Scenario):
    def setUp(self):
        super().setUp()
        self.share_sandbox()

    def config(self, **changes):
        return self.write_config(relay.merged(relay.submitting(self.folder, self.sandbox), changes))

    def check(self, *options, config=None, **how):
        """`mailramp check`, which must never show a secret or a token."""
        done = self.mailramp('check', '--config', config or self.config(), *options, **how)
        for secret in (self.sandbox.secret(), 'eyJ'):
            self.assertNotIn(secret, done.stdout + done.stderr)
        return done

    def findings(self, *options, status=None, **how):
        done = self.check('--json', *options, **how)
        told = json.loads(done.stdout)
        if status is not None:
            self.assertEqual(done.returncode, status, done.stdout + done.stderr)
        self.assertEqual(told['ok'], done.returncode == 0)
        return told['findings']

    def steps(self, findings, outcome):
        return [finding['step'] for finding in findings if finding['outcome'] == outcome]

    def expect_failure(self, step, findings):
        """Exactly this step fails."""
        self.assertEqual(self.steps(findings, 'failed'), [step], findings)
        failed, = (finding for finding in findings if finding['outcome'] == 'failed')
        self.assertTrue(failed['cause'] and failed['remedy'] and failed['setup'], failed)
        return failed

    def expect_only(self, step, words, *options, **how):
        failed = self.expect_failure(step, self.findings(*options, **how))
        self.assertIn(words, ' '.join([failed['text'], failed['cause'],
                                       *(advice['words'] + ' ' + advice['command'] for advice in failed['remedy'])]))
        return failed


class GoodSetUp(Check):
    def test_every_step_passes_and_the_message_arrives(self):
        done = self.check('--send-to', RECIPIENT)
        self.assertEqual(done.returncode, 0, done.stdout)
        signs = [line[0] for line in done.stdout.splitlines() if line and not line.startswith(' ')]
        self.assertEqual(signs, ['✓'] * 18 + ['N'])
        message, = self.sandbox.messages()
        self.assertEqual((message['mailbox'], message['sender'], message['to']), (MAILBOX, MAILBOX, [RECIPIENT]))
        self.assertEqual(relay.field(message['content'], 'From'), [f'mailramp <{MAILBOX}>'.encode()])
        self.assertIn(b'\r\n\r\nThis is a test message.\r\n', message['content'])
        self.assertIn(relay.field(message['content'], 'Message-ID')[0].decode(), done.stdout)
        self.assertIn('250 2.0.0 OK', done.stdout)

    def test_without_an_address_no_message_is_sent_and_that_is_said(self):
        findings = self.findings(status=0)
        self.assertEqual(self.steps(findings, 'skipped'), ['message'])
        self.assertIn('not tested', findings[-1]['text'])
        self.assertIn('--send-to ADDRESS', findings[-1]['text'])
        self.assertEqual(self.sandbox.messages(), [])

    def test_colours_are_for_terminals_only(self):
        self.assertNotIn('\x1b', self.check().stdout)

    def test_a_server_without_tls_and_login_needs_no_token(self):
        plain = self.started(relay.Server(self.folder / 'plain', '--plain'))
        config = self.write_config(self.plain(upstream={'port': plain.smtp_port}))
        done = self.check('--json', '--send-to', RECIPIENT, config=config)
        findings = json.loads(done.stdout)['findings']
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(self.steps(findings, 'passed'), ['configuration', 'port', 'mail_host', 'connection', 'message'])
        self.assertEqual(len(plain.messages()), 1)

    def test_every_mailbox_is_tried_or_the_one_that_is_named(self):
        given = self.sandbox.apps[0]
        config = self.write_config(relay.merged(relay.submitting(self.folder, self.sandbox), {
            'mailbox': None, 'tenant_id': None, 'client_id': None, 'client_secret': None, 'token': None, 'senders': None,
            'upstream': None,
            'credentials': {'entra': {'tenant_id': given['tenant'], 'client_id': given['client_id'],
                                      'client_secret': {'file': given['secret_file']},
                                      'token': {'authority': self.sandbox.ready['authority']}}},
            'mailboxes': {name: {'address': address, 'credentials': ['entra'],
                                 'upstream': {'host': 'localhost', 'port': self.sandbox.smtp_port, 'family': 'ipv4'}}
                          for name, address in (('good', MAILBOX), ('stranger', 'boss@contoso.test'))},
            'routes': [{'mailbox': 'good'}]}))
        findings = self.findings(config=config, status=UNAVAILABLE)
        self.assertEqual([(finding['subject'], finding['outcome']) for finding in findings if finding['step'] == 'login'],
                         [(MAILBOX, 'passed'), ('boss@contoso.test', 'failed')])
        # One server, one token: tried once.
        self.assertEqual([finding['step'] for finding in findings].count('starttls'), 1)
        self.assertEqual([finding['step'] for finding in findings].count('token'), 1)
        for name in ('good', 'RELAY@contoso.test'):
            findings = self.findings('--mailbox', name, config=config, status=0)
            self.assertEqual([finding['subject'] for finding in findings if finding['step'] == 'login'], [MAILBOX])
        unknown = self.check('--mailbox', 'goood', config=config)
        self.assertEqual((unknown.returncode, unknown.stdout), (DATA, ''))
        self.assertIn('there is no mailbox "goood" in the configuration; did you mean good?', unknown.stderr)


class Mistakes(Check):
    def test_each_is_the_one_step_that_fails_with_what_to_type(self):
        for fault, (step, cause, command, article) in MISTAKES.items():
            with self.subTest(fault):
                self.sandbox.begin()
                self.sandbox.fail(fault)
                options = ['--send-to', RECIPIENT] if step == 'message' else []
                failed = self.expect_failure(step, self.findings(*options, status=UNAVAILABLE))
                self.assertIn(cause, failed['cause'])
                self.assertTrue(any(advice['command'].startswith(command) for advice in failed['remedy']), failed)
                self.assertEqual(failed['article'], article)
                if step != 'token':
                    self.assertIn(TWO_HOURS, failed['remedy'][-1]['words'])
                # And as people see it: a command is one line, whatever the width.
                shown = self.check(*options).stdout
                line, = (line for line in shown.splitlines() if line.startswith('✗'))
                self.assertIn(step, line)
                self.assertTrue(any(line.strip().startswith(command) for line in shown.splitlines()), shown)

    def test_the_object_id_to_compare_with_is_that_of_the_token(self):
        self.sandbox.fail('wrong-object-id')
        failed = self.expect_failure('login', self.findings())
        self.assertEqual(failed['remedy'][0]['command'], f'(Get-ServicePrincipal -Identity {APP}).ObjectId')
        self.assertIn(f'must print {OBJECT_ID}', failed['remedy'][0]['words'])

    def test_a_secret_that_is_another(self):
        secret = self.folder / 'secret'
        secret.write_text('Another8Q~secret\n')
        secret.chmod(0o600)
        failed = self.expect_only('token', 'AADSTS7000215', config=self.config(client_secret={'file': secret}),
                                  status=UNAVAILABLE)
        self.assertIn('not its Secret ID', failed['remedy'][0]['words'])
        self.assertEqual(failed['remedy'][1]['command'], f'install -o mailramp -m 600 /dev/stdin {secret}')

    def test_a_clock_that_is_off(self):
        self.start_sandbox('--clock-offset', '900')
        failed = self.expect_only('clock', 'behind localhost', status=UNAVAILABLE)
        self.assertIn('timedatectl set-ntp true', [advice['command'] for advice in failed['remedy']])
        self.sandbox.stop()
        self.start_sandbox('--clock-offset', '-600')
        self.expect_only('clock', 'ahead of localhost')

    def test_with_rbac_a_token_without_role_is_right(self):
        self.start_sandbox('--permission', 'rbac')
        findings = self.findings('--send-to', RECIPIENT, status=0)
        self.assertEqual(self.steps(findings, 'skipped'), ['role'])
        self.assertEqual(len(self.sandbox.messages()), 1)

    def test_with_rbac_a_mailbox_outside_the_scope(self):
        self.start_sandbox('--permission', 'rbac')
        failed = self.expect_only('login', 'RBAC', config=self.config(mailbox='boss@contoso.test'))
        self.assertIn(f'Test-ServicePrincipalAuthorization -Identity {APP} -Resource boss@contoso.test',
                      [advice['command'] for advice in failed['remedy']])

    def test_wrong_ids(self):
        failed = self.expect_only('token', 'AADSTS90002', config=self.config(tenant_id='11111111-2222-3333-4444-555555555555'))
        self.assertEqual(failed['article'], '1.1, step 7')
        self.expect_only('token', 'AADSTS700016', config=self.config(client_id='11111111-2222-3333-4444-555555555555'))

    def test_a_scope_of_graph(self):
        self.expect_only('configuration', 'Microsoft Graph',
                         config=self.config(token={'scope': 'https://graph.microsoft.com/.default'}))

    def test_a_provider_with_ways_of_its_own_is_not_judged_by_microsofts(self):
        findings = self.findings(config=self.config(
            provider='custom', token={'scope': 'https://graph.microsoft.com/.default'}))
        self.assertEqual(self.steps(findings, 'failed'), ['login'])


class OnTheWay(Check):
    def test_each_fault_is_the_one_step_that_fails(self):
        for fault, (step, words) in FAULTS.items():
            with self.subTest(fault):
                self.sandbox.begin()
                self.sandbox.fail(fault)
                self.expect_only(step, words, *(['--send-to', RECIPIENT] if step == 'message' else []), status=UNAVAILABLE)

    def test_a_token_server_whose_tls_is_opened_on_the_way(self):
        # The sandbox is steered over the same port: as often as it is met, and no more.
        self.sandbox.fail('token-tls', count=2)
        self.expect_only('token_server', 'issued by "CN = Unknown Sandbox CA"', status=UNAVAILABLE)

    def test_what_needs_a_failed_step_is_not_tried_and_says_what_it_needs(self):
        self.sandbox.fail('no-starttls')
        findings = self.findings()
        self.assertEqual([(finding['outcome'], finding['text']) for finding in findings[-2:]],
                         [('skipped', 'needs a server to log in to'), ('skipped', 'needs a login')])
        self.sandbox.clear()
        self.sandbox.fail('token-401')
        findings = self.findings()
        self.assertEqual({finding['text'] for finding in findings if finding['outcome'] == 'skipped'},
                         {'needs a token', 'needs a login'})
        # The way to the server is tried all the same.
        self.assertIn('starttls', self.steps(findings, 'passed'))

    def test_a_name_that_does_not_exist(self):
        upstream = {'host': 'no-such-host.invalid', 'port': 587, 'family': 'ipv4'}
        failed = self.expect_only('mail_host', 'no-such-host.invalid', config=self.config(upstream=upstream), status=UNAVAILABLE)
        self.assertIn('getent ahosts no-such-host.invalid', [advice['command'] for advice in failed['remedy']])
        self.expect_only('token_host', 'no-such-host.invalid',
                         config=self.config(token={'authority': 'https://no-such-host.invalid'}))

    def test_nothing_listens(self):
        port = self.reserved_port()
        self.expect_only('connection', f'nothing listens on TCP {port}', config=self.config(upstream={'port': port}))
        self.expect_only('token_server', f'(TCP {port})', config=self.config(token={'authority': f'https://localhost:{port}'}))

    def test_ctrl_c_ends_it_at_once(self):
        self.sandbox.fail('hang-banner')
        command = [os.environ['MAILRAMP'], 'check', '--config', str(self.config())]
        with subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=harness.die_with_parent,
                              env=harness.environment_of_a_program()) as process:
            for line in process.stdout:
                if 'connection ' in line.decode():
                    break
            process.send_signal(signal.SIGINT)
            self.assertEqual(process.wait(harness.DEADLINE), -signal.SIGINT)


class ThisMachine(Check):
    def test_a_secret_file_that_others_may_read(self):
        secret = self.folder / 'secret'
        secret.write_text(self.sandbox.secret() + '\n')
        secret.chmod(0o644)
        failed = self.expect_only('secret', f'chmod 600 {secret}', config=self.config(client_secret={'file': secret}),
                                  status=CONFIGURATION)
        self.assertEqual(failed['subject'], 'default')

    def test_a_credential_of_systemd(self):
        config = self.config(client_secret={'file': None, 'credential': 'client_secret'})
        failed = self.expect_only('secret', 'LoadCredential=client_secret', config=config, status=CONFIGURATION)
        self.assertIn('env CREDENTIALS_DIRECTORY=/etc/mailramp mailramp check',
                      [advice['command'] for advice in failed['remedy']])
        (self.folder / 'client_secret').write_text(self.sandbox.secret() + '\n')
        done = self.check(config=config, env=harness.environment_of_a_program({'CREDENTIALS_DIRECTORY': str(self.folder)}))
        self.assertEqual(done.returncode, 0, done.stdout)
        config = self.config(client_secret={'file': None, 'env': 'CHECKED_SECRET'})
        self.expect_only('secret', 'CHECKED_SECRET is not set', config=config, status=CONFIGURATION)
        done = self.check(config=config, env=harness.environment_of_a_program({'CHECKED_SECRET': self.sandbox.secret()}))
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_a_port_of_another_program_is_named_with_its_process(self):
        name = pathlib.Path('/proc/self/comm').read_text().strip()
        with socket.create_server(('127.0.0.1', 0)) as taken:
            port = taken.getsockname()[1]
            failed = self.expect_only('port', f'taken by {name} (process {os.getpid()}', status=UNAVAILABLE,
                                      config=self.config(listen=[f'127.0.0.1:{port}']))
            # Another address of the same port is free.
            findings = self.findings(config=self.config(listen=[f'127.0.0.2:{port}']), status=0)
        self.assertEqual(failed['subject'], f'127.0.0.1:{port}')
        self.assertIn('point the programs there', failed['remedy'][0]['words'])
        self.assertEqual(findings[1]['subject'], f'127.0.0.2:{port}')

    def as_nobody(self, config):
        """Somebody who may not see whose a port is: (the finding about it)."""
        harness.require_root()
        secret = self.folder / 'secret-of-nobody'
        shutil.copy(self.sandbox.ready['secret_file'], secret)
        os.chown(secret, 65534, 65534)
        self.folder.chmod(0o755)
        ca_file = shutil.copy(self.sandbox.ready['ca_file'], self.folder / 'ca.pem')
        settings = relay.merged(relay.submitting(self.folder, self.sandbox),
                                {**config, 'client_secret': {'file': secret}, 'ca_file': ca_file})
        done = subprocess.run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', os.environ['MAILRAMP'],
                               'check', '--json', '--config', str(self.write_config(settings))], stdout=subprocess.PIPE,
                              timeout=harness.DEADLINE, check=False, env=harness.environment_of_a_program())
        return json.loads(done.stdout)['findings'][1]

    def test_who_cannot_be_seen_is_named_by_what_it_says(self):
        with socket.create_server(('127.0.0.1', 0)) as taken:
            def greet():
                with taken.accept()[0] as client:
                    client.sendall(b'220 web1 ESMTP Exim 4.96\r\n')
                    client.recv(100)
            greeter = threading.Thread(target=greet, daemon=True)
            greeter.start()
            finding = self.as_nobody({'listen': [f'127.0.0.1:{taken.getsockname()[1]}']})
            greeter.join(harness.DEADLINE)
        self.assertEqual(finding['outcome'], 'failed')
        self.assertIn('which says: 220 web1 ESMTP Exim 4.96', finding['text'])

    def test_a_running_daemon_keeps_its_port_its_queue_and_its_work(self):
        port = self.reserved_port()
        self.start_daemon(changes={'listen': [f'127.0.0.1:{port}'], 'upstream': {'connections_max': 2}})
        self.send()
        self.sandbox.wait_for_messages(1)
        # One that stays, so that a queue is there to be touched.
        self.sandbox.fail('451')
        queue_id = self.send()
        self.daemon.wait_for('deferred')
        findings = self.findings(config=self.daemon.config, status=0)
        self.assertEqual((findings[1]['outcome'], findings[1]['text']),
                         ('passed', f'the running mailramp has it (process {self.daemon.process.pid})'))
        self.assertIn(RECIPIENT, self.recipients_of(queue_id))
        self.assertEqual(self.daemon.events('mailbox_paused'), [])
        self.assertEqual(self.as_nobody({'listen': [f'127.0.0.1:{port}']})['text'], 'a running mailramp answers there')
        self.sandbox.clear()
        self.sandbox.wait_for_messages(2)
        self.wait_until_queue_is_empty()


class BadInput(Check):
    def test_a_configuration_with_errors(self):
        config = self.folder / 'broken.yaml'
        config.write_text('mailbox: app@contoso.test\nupstream:\n  hots: localhost\n')
        failed = self.expect_failure('configuration', self.findings(config=config, status=CONFIGURATION))
        self.assertTrue(any(advice['words'].startswith('3:3: upstream.hots: ') for advice in failed['remedy']), failed)
        findings = self.findings(config=config)
        self.assertEqual({finding['text'] for finding in findings[1:]}, {'needs the configuration'})
        self.assertEqual(len(findings), 18)

    def test_a_ca_file_that_is_not_there(self):
        config = self.config(ca_file=self.folder / 'nowhere.pem')
        failed = self.expect_failure('configuration', self.findings(config=config, status=CONFIGURATION))
        self.assertIn('nowhere.pem', failed['remedy'][0]['words'])

    def test_no_file_at_all(self):
        self.expect_only('configuration', 'cannot be opened', config=self.folder / 'nowhere.yaml', status=CONFIGURATION)

    def test_wrong_command_lines(self):
        for options in (('--send-to', 'nobody'), ('--send-to', 'a@b.test\r\nRCPT TO:<x@y.test>'), ('--bogus',), ('word',)):
            done = self.check(*options)
            self.assertEqual(done.returncode, USAGE, options)
            self.assertEqual(done.stdout, '')
        self.assertEqual(self.sandbox.state()['connections'], 0)


harness.main(__name__)
