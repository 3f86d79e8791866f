"""Tokens: one request for all, a live token kept, failures explained, and never a secret where people look."""

import base64
import pathlib
import re
import threading
import urllib.parse

import harness
import relay
from relay import RECIPIENT, seconds_between

WRONG_SECRET = 'wrong~secret/with+signs&more=1'


class TokenFaults(relay.Scenario):
    def start(self, **token):
        """Impatient: failures are forgotten after a second, a paused mailbox probes every second."""
        quick = {'failure_pause_min': '100ms', 'failure_pause_max': '1s', 'configuration_failure_pause': '1s',
                 'configuration_failure_pause_max': '1s', 'refresh_jitter': 0}
        return self.start_daemon(changes={'token': {**quick, **token},
                                          'pause': {'first_probe': '1s', 'second_probe': '1s', 'later_probes': '1s'}})

    def expect_untouched(self, queue_id):
        waiting = self.recipients_of(queue_id)[RECIPIENT]
        # Looked at in the middle of a try, it is claimed.
        self.assertIn(waiting['state'], ('queued', 'claimed'))
        self.assertEqual((waiting['attempts'], waiting['maybe_delivered']), (0, False))

    def expect_one_delivery(self, queue_id):
        self.daemon.wait_for('delivered', queue_id=queue_id, attempt=1)
        self.wait_until_queue_is_empty()
        self.assertEqual(len(self.sandbox.messages()), 1)
        self.assertEqual(self.daemon.events('held') + self.daemon.events('deferred'), [])

    def expect_transient_failure(self, fault, words, **token):
        """Mail waits while the endpoint is in trouble; nothing pauses, nothing counts, and then it goes."""
        self.start_sandbox(faults=[fault])
        self.start(**token)
        queue_id = self.send()
        failed = self.daemon.wait_for('token_failed')
        self.assertEqual(failed['level'], 'warning')
        for word in words:
            self.assertIn(word, ' '.join(str(failed[key]) for key in ('message', 'cause', 'remedy', 'http_status', 'aadsts')))
        self.assertTrue(failed['cause'] and failed['remedy'], failed)
        self.daemon.wait_for('mailbox_resting')
        self.expect_untouched(queue_id)
        self.assertEqual(self.token_status()['last_failure']['kind'], 'transient')
        self.assertFalse(self.mailbox_status()['paused'])
        self.assertEqual(self.sandbox.state()['auths'] + self.sandbox.state()['auths_refused'], 0)
        self.sandbox.clear()
        self.expect_one_delivery(queue_id)
        self.assertIsNone(self.token_status()['last_failure'])

    def test_a_server_error_is_waited_out(self):
        self.expect_transient_failure('token-500', ['500', '90033'])

    def test_a_web_page_in_place_of_a_token_is_waited_out(self):
        self.expect_transient_failure('token-html', ['sign-in page'])

    def test_an_endpoint_that_does_not_answer_is_given_up_and_asked_again(self):
        self.expect_transient_failure('token-hang', ['reached'], total_timeout='1s')

    def test_a_token_with_a_line_break_never_reaches_the_mail_server(self):
        self.expect_transient_failure('token-crlf', ['token'])
        self.assertNotIn('injected', ' '.join(str(message['to']) for message in self.sandbox.messages()))

    def test_a_certificate_of_an_unknown_authority_gets_no_secret(self):
        # The control interface has the same certificate: it is left alone until the fault is used up.
        self.start_sandbox(faults=['token-tls:2'])
        self.start()
        queue_id = self.send()
        harness.eventually(lambda: len(self.daemon.events('token_failed')) == 2, what='two failures')
        for failed in self.daemon.events('token_failed'):
            self.assertIn("certificate does not verify", failed['cause'])
            self.assertIn('ca_file', failed['remedy'])
        self.expect_one_delivery(queue_id)
        self.assertEqual((self.sandbox.state()['token_calls'], self.sandbox.state()['token_errors']), (1, 0))

    def test_an_endpoint_that_is_down_is_waited_for(self):
        self.start_sandbox()
        port = self.reserved_port()
        self.start(authority=f'https://localhost:{port}', failure_pause_min='400ms')
        queue_id = self.send()
        harness.eventually(lambda: len(self.daemon.events('token_failed')) >= 3, what='three failures')
        times = [event['time'] for event in self.daemon.events('token_failed')]
        for earlier, later in zip(times, times[1:]):
            self.assertGreaterEqual(seconds_between(earlier, later), 0.39)
        self.expect_untouched(queue_id)
        failure = self.token_status()['last_failure']
        self.assertIn('cannot be reached', failure['cause'])
        self.assertIn('443', failure['remedy'])

    def test_retry_after_is_honoured(self):
        self.start_sandbox('--retry-after', '3', faults=['token-429:1'])
        self.start()
        queue_id = self.send()
        failed = self.daemon.wait_for('token_failed')
        self.assertEqual(failed['http_status'], 429)
        self.expect_untouched(queue_id)
        refreshed = self.daemon.wait_for('token_refreshed')
        self.assertGreaterEqual(seconds_between(failed['time'], refreshed['time']), 2.9)
        self.expect_one_delivery(queue_id)
        self.assertEqual(self.sandbox.state()['token_calls'], 2)

    def expect_configuration_failure(self, aadsts, remedy):
        failed = self.daemon.wait_for('token_failed')
        self.assertEqual((failed['level'], failed['aadsts']), ('error', aadsts))
        self.assertIn(remedy, failed['remedy'])
        queue_id = self.send()
        self.daemon.wait_for('mailbox_paused')
        self.expect_untouched(queue_id)
        status = self.mailbox_status()
        self.assertTrue(status['paused'])
        self.assertIn(remedy, status['remedy'])
        self.assertEqual(self.token_status()['last_failure']['kind'], 'configuration')
        return queue_id

    def test_an_expired_secret_pauses_with_its_remedy(self):
        self.start_sandbox(faults=['token-expired-secret'])
        self.start()
        queue_id = self.expect_configuration_failure(7000222, 'secret')
        self.sandbox.clear()
        self.daemon.wait_for('mailbox_resumed')
        self.expect_one_delivery(queue_id)

    def test_a_wrong_secret_is_repaired_in_its_file_without_a_restart(self):
        self.start_sandbox()
        secret = self.folder / 'client-secret'
        secret.write_text(WRONG_SECRET)
        secret.chmod(0o600)
        changes = {'client_secret': {'file': secret}, 'token': {'configuration_failure_pause': '1s'},
                   'pause': {'first_probe': '1s', 'second_probe': '1s', 'later_probes': '1s'}}
        self.start_daemon(changes=changes)
        queue_id = self.expect_configuration_failure(7000215, 'secret')
        secret.write_text(self.sandbox.secret())
        self.daemon.wait_for('mailbox_resumed')
        self.expect_one_delivery(queue_id)

    def test_an_application_without_its_role_is_paused_with_the_cause(self):
        self.start_sandbox(faults=['token-no-role'])
        self.start(forced_refresh_interval='10s')
        queue_id = self.send()
        paused = self.daemon.wait_for('mailbox_paused')
        self.assertIn('does not let this application submit', paused['cause'])
        self.expect_untouched(queue_id)
        self.assertEqual(self.sandbox.state()['token_calls'], 2)

    def test_many_messages_at_once_share_one_request(self):
        self.start_sandbox('--connections-max', '20')
        self.start_daemon(changes={'upstream': {'connections_max': 20}})
        threads = [threading.Thread(target=self.send_numbered, args=([number],)) for number in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.expect_bodies(range(40))
        state = self.sandbox.state()
        self.assertGreater(state['auths'], 1)
        self.assertEqual(state['token_calls'], 1)

    def test_all_that_wait_for_a_token_share_the_request_that_succeeds(self):
        self.start_sandbox('--connections-max', '20', faults=['token-hang:1'])
        self.start_daemon(changes={'upstream': {'connections_max': 20}, 'token': {'total_timeout': '2s', 'refresh_jitter': 0}})
        self.send_numbered(range(40))
        self.assertEqual(self.sandbox.state()['token_calls'], 1)
        self.expect_bodies(range(40))
        self.assertEqual(self.sandbox.state()['token_calls'], 2)

    def test_a_short_lived_token_is_replaced_in_the_background_and_mail_flows(self):
        self.start_sandbox('--token-ttl', '4')
        self.start()
        for round_number in range(3):
            harness.eventually(lambda: len(self.daemon.events('token_refreshed')) > round_number, what='another token')
            self.send_numbered([round_number])
        self.expect_bodies(range(3))
        state = self.sandbox.state()
        self.assertEqual(state['auths_refused'], 0)
        # A token of 4 s is replaced after 2: never more often, whatever mail does.
        refreshed = [event['time'] for event in self.daemon.events('token_refreshed')]
        for earlier, later in zip(refreshed, refreshed[1:]):
            self.assertGreaterEqual(seconds_between(earlier, later), 1.8)
        self.assertEqual(self.daemon.events('token_failed') + self.daemon.events('mailbox_resting'), [])

    def test_a_live_token_is_used_while_its_refresh_fails(self):
        # Refreshed after 6 s, used for 9.
        self.start_sandbox('--token-ttl', '12')
        self.start()
        self.daemon.wait_for('token_refreshed')
        self.sandbox.fail('token-500')
        self.daemon.wait_for('token_failed')
        queue_id = self.send()
        self.expect_one_delivery(queue_id)
        status = self.token_status()
        self.assertTrue(status['usable'])
        self.assertEqual(status['last_failure']['kind'], 'transient')
        self.assertEqual(self.daemon.events('mailbox_resting'), [])

    def test_a_secret_that_changes_while_the_daemon_runs_takes_effect(self):
        self.start_sandbox('--token-ttl', '6')
        secret = self.folder / 'client-secret'
        right = self.sandbox.secret()
        secret.write_text(right)
        secret.chmod(0o600)
        self.start_daemon(changes={'client_secret': {'file': secret},
                                   'token': {'configuration_failure_pause': '1s', 'configuration_failure_pause_max': '1s'}})
        self.daemon.wait_for('token_refreshed')
        secret.write_text(WRONG_SECRET)
        self.daemon.wait_for('token_failed', aadsts=7000215)
        position = self.daemon.position()
        secret.write_text(right)
        self.daemon.wait_for('token_refreshed', after=position)
        self.expect_one_delivery(self.send())

    def test_a_secret_file_that_others_may_read_is_not_used_and_the_mailbox_says_so(self):
        self.start_sandbox()
        secret = self.folder / 'client-secret'
        secret.write_text(WRONG_SECRET)
        secret.chmod(0o600)
        self.start_daemon(changes={'client_secret': {'file': secret}, 'token': {'configuration_failure_pause': '1s'},
                                   'pause': {'first_probe': '1s', 'second_probe': '1s', 'later_probes': '1s'}})
        self.daemon.wait_for('token_failed', aadsts=7000215)
        secret.write_text(self.sandbox.secret())
        secret.chmod(0o644)
        queue_id = self.send()
        failed = self.daemon.wait_for('token_failed', aadsts=0)
        self.assertIn(f'chmod 600 {secret}', failed['message'])
        harness.eventually(lambda: f'chmod 600 {secret}' in str(self.mailbox_status()['answer']), what='pause with the reason')
        self.expect_untouched(queue_id)
        secret.chmod(0o600)
        self.daemon.wait_for('mailbox_resumed')
        self.expect_one_delivery(queue_id)

    def test_no_secret_and_no_token_reaches_log_commands_queue_or_environment(self):
        self.start_sandbox('--auth-shape', 'google', '--token-ttl', '4', faults=['535:2', 'drop-auth:1', 'garbage:1'])
        self.start()
        real = self.sandbox.secret()
        queue_id = self.send()
        self.daemon.wait_for('mailbox_paused')
        self.daemon.wait_for('delivered', queue_id=queue_id)
        for fault in ('token-401', 'token-html', 'token-crlf', 'token-500'):
            position = self.daemon.position()
            self.sandbox.fail(fault, count=1)
            self.daemon.wait_for('token_failed', after=position)
        self.sandbox.fail('5.7.139-criteria')
        self.sandbox.fail('sendas', count=1)
        self.send_numbered(range(3))
        commands = [('status',), ('queue', 'list'), ('queue', 'show', queue_id), ('mailbox', 'list'), ('config', 'check')]
        places = {}
        for words in commands:
            for form in ((), ('--json',)):
                config = [self.daemon.config] if words[0] == 'config' else ['--config', self.daemon.config]
                done = self.mailramp(*words, *form, *config)
                places[' '.join((*words, *form))] = done.stdout + done.stderr
        for name in ('environ', 'cmdline'):
            places[name] = self.read_process(name)
        self.assertEqual(self.daemon.stop(), 0)
        places['log'] = self.daemon.lines.text()
        for path in (self.folder / 'queue').rglob('*'):
            if path.is_file():
                places[path.name] = path.read_bytes().decode('latin-1')
        self.sandbox.clear()
        token = self.sandbox.token()
        patterns = self.patterns_of(real, token)
        samples = {'the secret': urllib.parse.quote(real, safe=''), 'any token': token,
                   'the secret in base64': base64.b64encode(b'client_secret=' + real.encode()).decode(),
                   'any token in base64': base64.b64encode(b'Bearer ' + token.encode()).decode(),
                   'an AUTH response': base64.b64encode(b'user=relay@contoso.test\x01auth=Bearer ' + token.encode()).decode()}
        for name, sample in samples.items():
            self.assertRegex(sample, patterns[name], 'the search itself is blind')
        for place, text in places.items():
            for name, pattern in patterns.items():
                self.assertIsNone(re.search(pattern, text), f'{name} in {place}')

    def read_process(self, name):
        try:
            return pathlib.Path(f'/proc/{self.daemon.process.pid}/{name}').read_bytes().decode('latin-1')
        except PermissionError:
            return ''  # closed even to its own user

    def patterns_of(self, secret, token):
        """Ways in which the secret or a token of this sandbox would show. Every token begins with the same header."""

        def inside_base64(text):
            # In base64, the same octets look in one of three ways, by where they stand; their ends are blurred.
            looks = [base64.b64encode(b'x' * shift + text.encode()).decode()[4 if shift else 0:-4] for shift in range(3)]
            return '|'.join(re.escape(look) for look in looks)

        header = token.split('.', 1)[0]
        return {
            'the secret': re.escape(secret) + '|' + re.escape(urllib.parse.quote(secret, safe='')),
            'the secret in base64': inside_base64(secret),
            'any token': re.escape(header[:20]) + r'|eyJ[A-Za-z0-9_-]{16,}',
            'any token in base64': inside_base64(header),
            'an AUTH response': inside_base64('\x01auth=Bearer '),
        }


harness.main(__name__)
