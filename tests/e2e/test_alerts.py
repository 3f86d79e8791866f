"""Telling somebody: what goes wrong is told once, and once more when it is over; who cannot be told never holds up mail."""

import datetime
import json
import os
import pathlib
import sys

import alert_receiver
import certificates
import harness
import relay

QUICK = {'first_probe': '1s', 'second_probe': '1s', 'later_probes': '1s'}
FIELDS = {'event', 'subject', 'resolved', 'severity', 'time', 'since', 'host', 'mailbox', 'credential', 'summary', 'detail',
          'remedy', 'repeats', 'suppressed', 'text'}


def in_days(days):
    return (datetime.datetime.now(datetime.timezone.utc).date() + datetime.timedelta(days=days)).isoformat()


class Alerts(relay.Scenario):
    def setUp(self):
        super().setUp()
        self.share_sandbox()

    def receive(self):
        self.receiver = self.started(alert_receiver.Receiver())
        # Its URL is a secret: no run of any test may show it.
        self.addCleanup(self.expect_no_url)
        return self.receiver

    def expect_no_url(self):
        if getattr(self, 'daemon', None):
            self.assertNotIn('very-secret-path', self.daemon.lines.text())

    def start(self, alert=None, **changes):
        quick = {'timeout': '2s', 'retry_delay': '1s', 'retry_delay_max': '1s', 'disk_free_min': '0B', **(alert or {})}
        if hasattr(self, 'receiver'):
            quick = {'webhook': self.receiver.url, **quick}
        return self.start_daemon(changes={'alert': quick, 'pause': QUICK, **changes})

    def command_file(self, script):
        path = self.folder / 'notify'
        path.write_text('#!/bin/sh\n' + script)
        path.chmod(0o755)
        return path

    def expect_mail_to_go(self):
        """Accepted and delivered, whatever becomes of alerts."""
        queue_id = self.send()
        self.daemon.wait_for('delivered', queue_id=queue_id)

    # ---------------------------------------------------------------- what is told

    def test_a_pause_is_told_once_and_so_is_its_end(self):
        self.receive()
        self.sandbox.fail('535')
        self.start()
        self.send()
        alert = self.receiver.wait_for('mailbox_paused')
        self.assertEqual(set(alert) - {'path', 'type'}, FIELDS)
        self.assertEqual((alert['path'], alert['type']), (alert_receiver.Receiver.PATH, 'application/json'))
        self.assertEqual((alert['severity'], alert['mailbox'], alert['host'], alert['repeats'], alert['suppressed']),
                         ('error', 'default', 'mailramp.test', 0, 0))
        self.assertRegex(alert['time'], r'\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z')
        self.assertIn('New-ServicePrincipal', alert['remedy'])
        self.assertTrue(alert['text'].startswith('[error] mailramp on mailramp.test: mailbox default is paused'), alert)
        # Probes that find the pause justified are no news.
        refused = self.sandbox.state()['auths_refused']
        harness.eventually(lambda: self.sandbox.state()['auths_refused'] > refused + 1, what='two probes')
        self.sandbox.clear()
        over = self.receiver.wait_for('mailbox_paused', resolved=True)
        self.assertEqual((over['subject'], over['since']), ('default', alert['since']))
        self.assertIn('sends again', over['summary'])
        self.assertEqual(len(self.receiver.alerts('mailbox_paused')), 2)
        self.wait_until_queue_is_empty()
        self.daemon.wait_for('alert_raised', alert='mailbox_paused')
        self.daemon.wait_for('alert_resolved', alert='mailbox_paused')

    def test_beyond_the_limit_of_an_hour_alerts_wait(self):
        self.receive()
        self.sandbox.fail('535')
        self.start({'per_hour_max': 1, 'queue_age': '1s'})
        self.send()
        self.receiver.wait_for('mailbox_paused')
        limited = self.daemon.wait_for('alert_limited')
        self.assertEqual((limited['level'], limited['per_hour_max']), ('warning', 1))
        self.expect_untold('queue_old')

    def expect_untold(self, event):
        self.assertEqual(self.daemon.events('alert_raised')[0]['alert'], 'mailbox_paused')
        self.assertEqual((len(self.daemon.events('alert_raised')), self.receiver.alerts(event)), (1, []))

    def test_a_failing_token_is_told_without_its_secret(self):
        self.receive()
        self.sandbox.fail('token-expired-secret')
        self.start(token={'configuration_failure_pause': '1s', 'configuration_failure_pause_max': '1s'})
        alert = self.receiver.wait_for('token_failing')
        self.assertEqual((alert['credential'], alert['mailbox'], alert['severity']), ('default', None, 'error'))
        self.assertIn('7000222', alert['detail'])
        self.assertNotIn(self.sandbox.secret(), json.dumps(self.receiver.alerts()))
        self.sandbox.clear()
        self.expect_mail_to_go()
        self.assertIn('has a token again', self.receiver.wait_for('token_failing', resolved=True)['summary'])

    def test_a_secret_that_ends_in_six_days_is_told_at_the_start(self):
        self.receive()
        self.start(secret_expires=in_days(6))
        alert = self.receiver.wait_for('secret_expires')
        self.assertRegex(alert['summary'], r'client secret of credential default ends in 6 days, on ' + in_days(6))
        self.assertEqual(alert['severity'], 'warning')
        self.assertEqual(self.daemon.wait_for('alert_raised', alert='secret_expires')['level'], 'warning')
        shown = self.mailramp('status', '--config', self.daemon.config).stdout
        self.assertIn('The client secret of credential default ends in 6 days', shown)
        self.assertEqual(self.token_status()['secret_expires'][:10], in_days(6))
        self.expect_mail_to_go()
        self.assertEqual(len(self.receiver.alerts('secret_expires')), 1)

    def test_a_secret_that_has_ended_is_an_error_and_one_for_years_is_nothing(self):
        self.start(secret_expires=in_days(0))
        self.assertIn('has ended', self.daemon.wait_for('alert_raised', alert='secret_expires')['message'])
        self.daemon.stop()
        self.start(secret_expires=in_days(31))
        self.expect_mail_to_go()
        self.assertEqual(self.daemon.events('alert_raised'), [])

    def test_a_certificate_for_clients_that_ends_is_told_and_so_is_its_successor(self):
        self.receive()
        authority = certificates.Authority(self.folder / 'ca')
        certificate, key = authority.issue('mailramp.test', 'DNS:localhost', days=6)
        self.start(listeners=[{'address': '"127.0.0.1:0"', 'tls': 'starttls'}],
                   inbound={'certificate': certificate, 'certificate_key': key})
        alert = self.receiver.wait_for('certificate_expires')
        self.assertEqual((alert['subject'], alert['severity']), (str(certificate), 'warning'))
        self.assertRegex(alert['summary'], r'clients are shown ends in [56] days, on ')
        shown = self.mailramp('status', '--config', self.daemon.config).stdout
        self.assertIn(f'{certificate}.', shown)
        successor, _ = authority.issue('mailramp.test', 'DNS:localhost', days=60)
        self.assertEqual(successor, certificate)
        self.assertIn('good for longer', self.receiver.wait_for('certificate_expires', resolved=True)['summary'])

    def test_a_queue_that_is_too_old_is_told(self):
        self.receive()
        self.sandbox.fail('554-quota')
        self.start({'queue_age': '2s'})
        self.send()
        alert = self.receiver.wait_for('queue_old')
        self.assertEqual((alert['severity'], alert['subject']), ('warning', 'queue'))
        self.assertIn('1 to send', alert['detail'])
        self.sandbox.clear()
        self.daemon.command('mailbox', 'resume', 'default')
        self.receiver.wait_for('queue_old', resolved=True)

    def test_a_disk_that_fills_up_is_told_before_mail_is_refused(self):
        harness.require_root()
        self.receive()
        disk = self.folder / 'disk'
        disk.mkdir()
        mount = f'mount -t tmpfs -o size=64m,mode=700 none {disk} && exec "$0" "$@"'
        settings = relay.merged(relay.submitting(self.folder, self.sandbox), {
            'queue': {'directory': disk / 'queue', 'size_max': '50MiB'},
            'alert': {'webhook': self.receiver.url, 'disk_free_min': '32MiB'}})
        self.daemon = self.started(harness.Daemon(self.write_config(settings), prefix=['unshare', '--mount', 'sh', '-c', mount]))
        self.expect_mail_to_go()
        self.assertEqual(self.receiver.alerts('disk_low'), [])
        # The daemon's disk is in a mount namespace of its own.
        other = pathlib.Path(f'/proc/{self.daemon.process.pid}/root{disk}/other')
        other.write_bytes(bytes(40 << 20))
        alert = self.receiver.wait_for('disk_low')
        self.assertIn('MiB free', alert['summary'])
        self.expect_mail_to_go()
        other.unlink()
        self.receiver.wait_for('disk_low', resolved=True)

    def test_stopped_senders_are_told_once(self):
        self.receive()
        self.sandbox.fail('sendas')
        self.start()
        self.send(b'From: a@contoso.test\r\n\r\nx\r\n', sender='a@contoso.test')
        alert = self.receiver.wait_for('sender_stopped')
        self.assertIn('may not send as a@contoso.test', alert['summary'])
        self.assertIn('SendAs', alert['remedy'])
        self.assertEqual(alert['mailbox'], 'default')

    # ---------------------------------------------------------------- who does not take it

    def expect_one_failure_and_mail_to_go(self, reason):
        failed = self.daemon.wait_for('alert_failed')
        self.assertEqual(failed['level'], 'warning')
        self.assertIn(reason, failed['reason'])
        self.assertTrue(failed['target'].startswith('webhook http://localhost:'), failed)
        for _ in range(3):
            self.expect_mail_to_go()
        warnings = [event for event in self.daemon.events('alert_failed') if event['level'] != 'debug']
        self.assertEqual(len(warnings), 1)

    def expect_alert_after_all(self):
        self.receiver.status = 200
        self.receiver.wait_for('secret_expires')
        self.daemon.wait_for('alert_sent', alert='secret_expires')

    def test_a_receiver_that_hangs_holds_up_nothing(self):
        self.receive().status = None
        self.start({'timeout': '1s'}, secret_expires=in_days(6))
        self.receiver.wait_for_requests(2)
        self.expect_one_failure_and_mail_to_go('')
        self.expect_alert_after_all()

    def test_a_receiver_in_trouble_is_tried_again(self):
        self.receive().status = 500
        self.start(secret_expires=in_days(6))
        self.receiver.wait_for_requests(3)
        self.expect_one_failure_and_mail_to_go('HTTP 500')
        shown = self.mailramp('status', '--config', self.daemon.config).stdout
        self.assertIn('Alerts do not arrive: webhook http://localhost:', shown)
        self.expect_alert_after_all()

    def test_a_receiver_that_refuses_is_not_asked_again(self):
        self.receive().status = 404
        self.start(secret_expires=in_days(6))
        self.expect_one_failure_and_mail_to_go('is the URL still good')
        target = self.daemon.command('status')['alert_targets'][0]
        self.assertEqual((target['taken'], target['lost'], target['waiting'], self.receiver.requests), (0, 1, 0, 1))

    def test_a_receiver_that_is_down_is_waited_for(self):
        port = self.reserved_port()
        self.start({'webhook': f'http://localhost:{port}{alert_receiver.Receiver.PATH}'}, secret_expires=in_days(6))
        harness.eventually(lambda: len(self.daemon.events('alert_failed')) >= 3, what='three attempts')
        self.expect_one_failure_and_mail_to_go('')
        self.expect_no_url()

    def test_a_url_in_a_file_is_read_anew_and_certificates_are_verified(self):
        self.receiver, ca_file = alert_receiver.with_tls(self.folder / 'receiver')
        self.started(self.receiver)
        url_file = self.folder / 'url'
        url_file.write_text(self.receiver.url + '\n')
        url_file.chmod(0o600)
        trusted = self.folder / 'both.pem'
        trusted.write_text(pathlib.Path(self.sandbox.ready['ca_file']).read_text() + ca_file.read_text())
        self.start({'webhook': {'file': url_file}}, secret_expires=in_days(6))
        self.daemon.wait_for('alert_failed')
        self.assertEqual(self.receiver.requests, 0)
        self.daemon.stop()
        self.start({'webhook': {'file': url_file}}, secret_expires=in_days(6), ca_file=trusted)
        self.receiver.wait_for('secret_expires')
        self.expect_no_url()

    def test_a_url_in_the_environment_does_not_stay_there(self):
        self.receive()
        quick = {'webhook': {'env': 'ALERT_URL'}, 'disk_free_min': '0B'}
        self.start_daemon(changes={'alert': quick, 'secret_expires': in_days(6)}, environment={'ALERT_URL': self.receiver.url})
        self.receiver.wait_for('secret_expires')
        if os.geteuid() == 0:
            environment = pathlib.Path(f'/proc/{self.daemon.process.pid}/environ').read_bytes()
            self.assertNotIn(b'very-secret-path', environment)

    # ---------------------------------------------------------------- commands

    def test_a_command_gets_the_alert_and_nothing_else(self):
        out = self.folder / 'out'
        # Not a shell, which opens descriptors and sets variables of its own.
        script = self.folder / 'notify.py'
        script.write_text(f'''#!{sys.executable} -IS
import json, os, sys
fds = {{name: os.readlink("/proc/self/fd/" + name) for name in os.listdir("/proc/self/fd") if os.path.lexists("/proc/self/fd/" + name)}}
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
seen = {{"words": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd(), "alert": json.load(sys.stdin), "fds": fds,
         "blocked": status["SigBlk"], "session": os.getsid(0) == os.getpid()}}
open("{out}.new", "w").write(json.dumps(seen))
os.rename("{out}.new", "{out}")
''')
        script.chmod(0o755)
        self.start({'exec': [script, '--to', 'a b; $(id)']}, secret_expires=in_days(6))
        harness.eventually(out.exists, what='run of the command')
        seen = json.loads(out.read_text())
        self.assertEqual((set(seen['alert']), seen['alert']['event']), (FIELDS, 'secret_expires'))
        self.assertEqual((seen['words'], seen['folder'], seen['session']), (['--to', 'a b; $(id)'], '/', True))
        own = {name: value for name, value in seen['environment'].items() if name.startswith('MAILRAMP_ALERT_')}
        self.assertEqual(set(seen['environment']) - set(own) - {'LC_CTYPE'}, {'PATH', 'LANG'})
        self.assertEqual((own['MAILRAMP_ALERT_EVENT'], own['MAILRAMP_ALERT_RESOLVED']), ('secret_expires', 'false'))
        self.assertEqual((sorted(seen['fds']), seen['fds']['1']), (['0', '1', '2'], '/dev/null'))
        self.assertEqual(int(seen['blocked'], 16), 0)
        self.daemon.wait_for('alert_sent', target=f'exec {script}')

    def test_a_command_that_does_not_end_is_killed_with_its_children(self):
        pids = self.folder / 'pids'
        script = f'sleep 600 & echo $! $$ > {pids}\necho waiting for a modem >&2\nwait\n'
        self.start({'exec': [self.command_file(script)], 'timeout': '1s'}, secret_expires=in_days(6))
        failed = self.daemon.wait_for('alert_failed')
        self.assertIn('killed after 1 s', failed['reason'])
        self.assertIn('waiting for a modem', failed['reason'])
        self.assertFalse([pid for pid in pids.read_text().split() if self.lives(pid)])
        self.expect_mail_to_go()

    def lives(self, pid):
        try:
            state = pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0]
        except FileNotFoundError:
            return False
        # A zombie whose parent was killed with it waits for init alone.
        return state != 'Z'

    def test_a_command_that_runs_ends_with_the_daemon(self):
        pid_file = self.folder / 'pid'
        self.start({'exec': [self.command_file(f'echo $$ > {pid_file}.new; mv {pid_file}.new {pid_file}; sleep 600\n')],
                    'timeout': '20s'}, secret_expires=in_days(6))
        harness.eventually(pid_file.exists, what='run of the command')
        self.assertEqual(self.daemon.stop(), 0)
        pid = pid_file.read_text().strip()
        harness.eventually(lambda: not self.lives(pid), what='end of the command')

    def test_a_command_that_fails_is_run_again(self):
        count = self.folder / 'count'
        script = f'echo x >> {count}\n[ $(wc -l < {count}) -ge 3 ] && exit 0\necho no modem >&2\necho second >&2\nexit 3\n'
        self.start({'exec': [self.command_file(script)]}, secret_expires=in_days(6))
        self.assertEqual(self.daemon.wait_for('alert_failed')['reason'], 'it ended with status 3, saying: no modem')
        self.daemon.wait_for('alert_sent')
        self.assertEqual(count.read_text(), 'x\n' * 3)

    def test_a_hanging_receiver_does_not_keep_the_command_waiting(self):
        self.receive().status = None
        out = self.folder / 'out'
        self.start({'exec': [self.command_file(f'cat > {out}\n')], 'timeout': '20s'}, secret_expires=in_days(6))
        self.daemon.wait_for('alert_sent', target=f'exec {self.folder}/notify')
        self.assertEqual(json.loads(out.read_text())['event'], 'secret_expires')

    # ---------------------------------------------------------------- trying it

    def test_a_test_alert_says_what_happened(self):
        self.receive()
        self.start({'exec': [self.command_file('exit 4\n')]})
        done = self.mailramp('alert', 'test', '--config', self.daemon.config)
        self.assertEqual(done.returncode, 69, done)
        self.assertRegex(done.stdout, r'(?m)^✓ webhook http://localhost:\d+ took it: HTTP 200$')
        self.assertRegex(done.stdout, r'(?m)^✗ exec \S+/notify did not take it: it ended with status 4$')
        self.assertEqual(self.receiver.wait_for('test')['severity'], 'warning')
        self.command_file('exit 0\n')
        done = self.mailramp('alert', 'test', '--json', '--config', self.daemon.config)
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual([target['taken'] for target in json.loads(done.stdout)['targets']], [True, True])
        self.assertNotIn('very-secret-path', done.stdout)

    def test_a_test_alert_without_anybody_to_tell_is_an_error(self):
        self.start()
        done = self.mailramp('alert', 'test', '--config', self.daemon.config)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('alert.webhook and alert.exec are not configured', done.stderr)

    def test_a_teams_workflow_gets_a_card(self):
        self.receive()
        self.start({'webhook_format': 'teams'}, secret_expires=in_days(6))

        def posted():
            return self.receiver.alerts()

        card = harness.eventually(posted, what='card')[0]
        self.assertEqual(card['attachments'][0]['contentType'], 'application/vnd.microsoft.card.adaptive')
        texts = [block['text'] for block in card['attachments'][0]['content']['body']]
        self.assertIn('ends in 6 days', texts[0])
        self.assertTrue(texts[-1].startswith('Remedy: '), texts)


harness.main(__name__)
