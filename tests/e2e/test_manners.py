"""The manners of a daemon: it ends when asked, hands its sockets on, logs what can be read, and answers its operator."""

import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import harness
import relay
from relay import HEAD, RECIPIENT, SENDER

END_WITHIN = 10
NOBODY = 65534
SILENT_CLIENTS = 300
CLIENT_ID = '7d3b2a19-8c4e-4f5a-b6d7-c8e9fa0b1c2d'
LEVELS = {'debug', 'info', 'warning', 'error'}


class Manners(relay.Scenario):
    def start_plain(self, changes=None, **options):
        settings = relay.general(self.folder) | {
            'mailbox': 'app@contoso.test',
            'upstream': {'host': '127.0.0.1', 'port': self.sandbox.smtp_port, 'tls': 'none', 'authentication': 'none',
                         'messages_per_minute_max': 0},
        }
        return self.start_daemon(settings, changes, **options)

    def expect_clean_end(self, daemon=None):
        daemon = daemon or self.daemon
        asked = time.monotonic()
        self.assertEqual(daemon.stop(), 0)
        self.assertLess(time.monotonic() - asked, END_WITHIN)
        self.assertEqual(daemon.events()[-1]['event'], 'stopped')


class End(Manners):
    def test_idle_it_ends_at_once(self):
        self.start_sandbox('--plain')
        self.start_plain()
        asked = time.monotonic()
        self.expect_clean_end()
        self.assertLess(time.monotonic() - asked, 3)
        self.assertEqual([event['signal'] for event in self.daemon.events('stopping')], ['Terminated'])
        self.assertFalse((self.folder / 'admin.sock').exists())

    def test_an_interrupt_ends_it_too(self):
        self.start_sandbox('--plain')
        self.start_plain()
        self.daemon.process.send_signal(signal.SIGINT)
        self.assertEqual(self.daemon.wait(END_WITHIN), 0)

    def test_a_second_signal_does_not_wait(self):
        self.start_sandbox('--plain', faults=['hang-dot'])
        self.start_plain()
        self.send()
        harness.eventually(lambda: self.in_flight() == 1, what='delivery')
        self.daemon.process.terminate()
        self.daemon.wait_for('stopping')
        asked = time.monotonic()
        self.daemon.process.terminate()
        self.assertEqual(self.daemon.wait(END_WITHIN), 0)
        self.assertLess(time.monotonic() - asked, 3)

    def in_flight(self):
        return self.mailbox_status()['in_flight']

    def test_a_hangup_changes_nothing(self):
        self.start_sandbox('--plain')
        self.start_plain()
        position = self.daemon.position()
        self.daemon.process.send_signal(signal.SIGHUP)
        self.assertIn('restart', self.daemon.wait_for('config_warning', after=position)['message'])
        self.send()
        self.sandbox.wait_for_messages(1)

    def test_an_idle_client_is_told_and_the_end_is_not_delayed(self):
        self.start_sandbox('--plain')
        self.start_plain()
        with harness.RawClient(self.daemon.port) as silent, harness.RawClient(self.daemon.port) as talking:
            silent.greet()
            talking.greet()
            self.daemon.process.terminate()
            self.daemon.wait_for('stopping')
            self.assertRegex(talking.command('MAIL FROM:<erp@contoso.test>'), r'\A421 4\.3\.2 ')
            self.assertRegex(silent.reply(), r'\A421 4\.3\.2 ')
            self.assertEqual(silent.reply(), '')
            self.assertEqual(self.daemon.wait(END_WITHIN), 0)

    def test_a_message_under_way_is_still_taken(self):
        self.start_sandbox('--plain')
        self.start_plain()
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.begin(SENDER, [RECIPIENT])
            client.send(HEAD + b'half')
            self.daemon.process.terminate()
            self.daemon.wait_for('stopping')
            client.send(b' and half\r\n.\r\n')
            self.assertRegex(client.reply(), r'\A250 2\.0\.0 queued as ')
            self.assertRegex(client.command('NOOP'), r'\A421 ')
        self.assertEqual(self.daemon.wait(END_WITHIN), 0)
        self.start_plain()
        message, = self.sandbox.wait_for_messages(1)
        self.assertTrue(message['content'].endswith(b'half and half\r\n'))

    def test_a_client_that_stops_in_the_middle_of_data_is_cut_off(self):
        self.start_sandbox('--plain')
        self.start_plain()
        with harness.RawClient(self.daemon.port) as client:
            client.greet()
            client.begin(SENDER, [RECIPIENT])
            client.send(HEAD + b'half')
            self.expect_clean_end()
            with contextlib.suppress(ConnectionResetError):
                self.assertNotRegex(client.reply(), r'\A250')
        self.start_plain()
        self.assertEqual(self.queued_messages(), 0)

    def test_with_a_token_endpoint_that_hangs(self):
        self.start_sandbox(faults=['token-hang'])
        self.start_daemon()
        queue_id = self.send()
        harness.eventually(lambda: self.sandbox.state()['token_calls'] == 1, what='token call')
        self.expect_clean_end()
        self.sandbox.clear()
        self.start_daemon()
        self.daemon.wait_for('delivered', queue_id=queue_id, attempt=1)

    def test_with_a_server_that_hangs_after_the_dot(self):
        self.start_sandbox(faults=['hang-dot'])
        self.start_daemon()
        queue_id = self.send()
        harness.eventually(lambda: self.in_flight() == 1 and self.sandbox.state()['auths'] == 1, what='delivery')
        self.expect_clean_end()
        self.sandbox.clear()
        # What may have been taken is sent again, later, and said to be so.
        self.start_daemon()
        self.assertTrue(self.recipients_of(queue_id)[RECIPIENT]['maybe_delivered'])
        self.daemon.wait_for('delivered', queue_id=queue_id)

    def test_with_a_server_that_hangs_before_the_dot_nothing_is_uncertain(self):
        self.start_sandbox(faults=['hang-mail'])
        self.start_daemon()
        queue_id = self.send()
        harness.eventually(lambda: self.sandbox.state()['auths'] == 1, what='login')
        self.expect_clean_end()
        self.sandbox.clear()
        self.start_daemon()
        self.daemon.wait_for('delivered', queue_id=queue_id)
        self.assertEqual(self.daemon.events('uncertain'), [])
        self.assertEqual(len(self.sandbox.messages()), 1)

    def test_with_a_resolver_that_hangs(self):
        harness.require_root()
        resolv = self.folder / 'resolv.conf'
        resolv.write_text('nameserver 127.0.0.1\noptions timeout:30 attempts:5\n')
        nsswitch = self.folder / 'nsswitch.conf'
        nsswitch.write_text('hosts: dns\n')
        settings = relay.general(self.folder) | {
            'mailbox': 'app@contoso.test', 'tenant_id': 'contoso.onmicrosoft.com',
            'client_id': CLIENT_ID, 'client_secret': {'value': 'not-a-secret'},
            'upstream': {'host': 'smtp.example.test', 'port': 587}, 'token': {'authority': 'https://login.example.test'},
            'listen': ['127.0.0.1:2525'],
        }
        config = self.write_config(settings)
        config.chmod(0o600)
        script = f'mount --bind {resolv} /etc/resolv.conf && mount --bind {nsswitch} /etc/nsswitch.conf && ' \
                 'ip link set lo up && exec "$@"'
        done = subprocess.run(['unshare', '--mount', '--net', 'sh', '-c', script, 'sh', sys.executable, '-B', '-c',
                               SILENT_RESOLVER, str(pathlib.Path(__file__).parent), str(config)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=harness.DEADLINE * 2,
                              check=False, preexec_fn=harness.die_with_parent)
        self.assertEqual(done.returncode, 0, done.stdout)
        said = json.loads(done.stdout.strip().splitlines()[-1])
        self.assertEqual(said['status'], 0)
        self.assertLess(said['seconds'], END_WITHIN)
        self.assertTrue({'smtp.example.test', 'login.example.test'} & set(said['questions']), said)


# In a network of its own: asks of the daemon what no name server will ever answer, then asks it to end.
SILENT_RESOLVER = r'''
import sys
sys.path.insert(0, sys.argv[1])
import json, smtplib, socket, time, harness
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
    silent.bind(('127.0.0.1', 53))
    silent.settimeout(harness.DEADLINE)
    daemon = harness.Daemon(sys.argv[2])
    with smtplib.SMTP('127.0.0.1', 2525, local_hostname='client.test') as client:
        client.sendmail('erp@contoso.test', ['ops@example.test'], b'Subject: x\r\n\r\nx\r\n')
    question = silent.recv(512)
    names, at = [], 12
    while question[at]:
        names.append(question[at + 1:at + 1 + question[at]].decode())
        at += 1 + question[at]
    asked = time.monotonic()
    status = daemon.stop()
    print(json.dumps({'status': status, 'seconds': time.monotonic() - asked, 'questions': ['.'.join(names)]}))
'''


class InheritedSocket(Manners):
    def launch(self, listener, settings):
        return self.start_daemon(settings, **relay.inherited(listener))

    def settings(self):
        return relay.general(self.folder) | {
            'mailbox': 'app@contoso.test',
            # Not listened on: what is passed counts.
            'listen': ['127.0.0.1:1'],
            'upstream': {'host': '127.0.0.1', 'port': self.sandbox.smtp_port, 'tls': 'none', 'authentication': 'none',
                         'messages_per_minute_max': 0},
        }

    def test_a_client_that_comes_between_two_daemons_is_served_by_the_next(self):
        self.start_sandbox('--plain')
        with socket.create_server(('127.0.0.1', 0), backlog=10) as listener:
            port = listener.getsockname()[1]
            with harness.RawClient(port) as early:
                self.launch(listener, self.settings())
                self.assertEqual(self.daemon.port, port)
                early.greet()
                self.assertRegex(early.submit(SENDER, [RECIPIENT], HEAD + b'one\r\n.\r\n'), r'\A250 ')
            self.expect_clean_end()
            with harness.RawClient(port) as between:
                between.send(b'EHLO client.test\r\n')
                self.launch(listener, self.settings())
                self.assertRegex(between.reply(), r'\A220 ')
                self.assertRegex(between.reply(), r'\A250')
                self.assertRegex(between.submit(SENDER, [RECIPIENT], HEAD + b'two\r\n.\r\n'), r'\A250 ')
            self.sandbox.wait_for_messages(2)

    def test_a_socket_meant_for_another_process_is_not_taken(self):
        self.start_sandbox('--plain')
        settings = relay.merged(self.settings(), {'listen': ['127.0.0.1:0']})
        self.start_daemon(settings, environment={'LISTEN_FDS': '1', 'LISTEN_PID': '1'})
        self.send()
        self.sandbox.wait_for_messages(1)

    def test_systemd_socket_activate_hands_its_socket_over(self):
        program = '/usr/bin/systemd-socket-activate'
        if not os.path.exists(program):
            raise harness.Unavailable('needs systemd-socket-activate (systemd)')
        self.start_sandbox('--plain')
        port = self.reserved_port()
        config = self.write_config(self.settings())
        daemon = self.started(harness.Daemon(config, prefix=[program, f'--listen=127.0.0.1:{port}'], wait_until_ready=False))
        # The daemon is started by the first client, which waits meanwhile.
        with harness.RawClient(self.listening(port)) as client:
            client.greet()
            self.assertRegex(client.submit(SENDER, [RECIPIENT], HEAD + b'.\r\n'), r'\A250 ')
        self.sandbox.wait_for_messages(1)
        self.assertEqual(daemon.wait_for('listening')['address'], f'127.0.0.1:{port}')
        self.assertEqual(daemon.stop(), 0)

    def listening(self, port):
        def bound():
            with open('/proc/net/tcp', encoding='ascii') as table:
                return any(line.split()[1].endswith(f':{port:04X}') and line.split()[3] == '0A' for line in table)

        harness.eventually(bound, what='socket of systemd-socket-activate')
        return port


class Log(Manners):
    def test_every_line_is_one_json_object_with_time_level_and_event(self):
        self.start_sandbox(faults=['535:2', '451:1'])
        self.start_daemon(changes={'pause': {'first_probe': '1s'}})
        queue_id = self.send(sender='"odd \\"name\\""@contoso.test')
        self.daemon.wait_for('delivered', queue_id=queue_id)
        with harness.RawClient(self.daemon.port) as client:
            client.send('GET /\x1b[31m\u2028 HTTP/1.1\r\n\r\n'.encode())
            client.reply()
        self.expect_clean_end()
        names = self.documented_events()
        for line in self.daemon.lines.all():
            event = json.loads(line)
            self.assertIn(event['level'], LEVELS, line)
            self.assertIn(event['event'], names, line)
            datetime.datetime.strptime(event['time'], '%Y-%m-%dT%H:%M:%S.%fZ')
            self.assertEqual([c for c in line if ord(c) < 32 or 0x7f <= ord(c) < 0xa0], [])
        self.assertEqual(self.daemon.events()[0]['event'], 'starting')
        for name in ('accepted', 'delivered', 'deferred'):
            self.assertEqual(self.daemon.events(name)[0]['queue_id'], queue_id)

    def documented_events(self):
        header = pathlib.Path(os.environ['MAILRAMP_SOURCE_DIR'], 'include/mailramp/base/events.h').read_text()
        return set(re.findall(r'string_view \w+ =\s+"(\w+)"', header))

    def test_the_level_is_respected_and_text_is_for_humans(self):
        self.start_sandbox('--plain')
        self.start_plain({'log': {'level': 'info'}})
        self.send()
        self.sandbox.wait_for_messages(1)
        self.expect_clean_end()
        self.assertNotIn('debug', [event['level'] for event in self.daemon.events()])
        self.start_plain({'log': {'format': 'text'}}, wait_until_ready=False)
        line, _ = self.daemon.lines.wait(lambda text: text if ' ready' in text else None, harness.DEADLINE, 'ready')
        self.assertRegex(line, r'\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\S* info ready pid=\d+\Z')


class Secrecy(Manners):
    SECRET, MARK = 's3cret~of.the-environment', 'seen-in-the-environment'

    def test_no_core_dump_can_hold_a_secret(self):
        self.start_sandbox('--plain')
        self.start_plain()
        limits = pathlib.Path(f'/proc/{self.daemon.process.pid}/limits').read_text()
        self.assertRegex(limits, r'(?m)^Max core file size +0 +0 ')

    def test_a_secret_of_the_environment_is_used_and_no_longer_found_there(self):
        harness.require_root()  # who else may look
        self.start_sandbox(apps=[f'contoso.test:{CLIENT_ID}:{self.SECRET}:relay@contoso.test'])
        self.start_daemon(changes={'client_secret': {'file': None, 'env': 'CLIENT_SECRET'}},
                          environment={'CLIENT_SECRET': self.SECRET, 'A_MARK': self.MARK})
        environment = pathlib.Path(f'/proc/{self.daemon.process.pid}/environ').read_bytes()
        self.assertIn(self.MARK.encode(), environment, 'this is not where to look')
        self.assertNotIn(self.SECRET.encode(), environment)
        # The token was had with it, and the next one is.
        self.daemon.wait_for('token_refreshed')
        self.sandbox.fail('535', count=1)
        self.daemon.wait_for('delivered', queue_id=self.send())
        self.assertEqual(self.sandbox.state()['token_calls'], 2)

    def test_the_memory_of_the_daemon_is_closed_even_to_its_own_user(self):
        harness.require_root()
        self.start_sandbox('--plain')
        self.folder.chmod(0o755)
        home = self.folder / 'home'
        home.mkdir()
        os.chown(home, NOBODY, NOBODY)
        as_nobody = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups']
        self.start_plain({'queue': {'directory': home / 'queue'}, 'admin': {'socket': home / 'admin.sock'}},
                         prefix=[*as_nobody, '--pdeathsig=KILL'])
        for name in ('environ', 'mem'):
            done = subprocess.run([*as_nobody, 'head', '-c1', f'/proc/{self.daemon.process.pid}/{name}'],
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (1, ''))
            self.assertIn('Permission denied', done.stderr)


class Operator(Manners):
    def start_with_held_mail(self):
        """One message held, one waiting behind a pause, one delivered: (held, waiting)."""
        self.start_sandbox(faults=['sendas:1'])
        self.start_daemon()
        held = self.send(sender='held@contoso.test')
        self.daemon.wait_for('held', queue_id=held)
        self.daemon.wait_for('delivered', queue_id=self.send())
        self.sandbox.fail('554-quota')
        waiting = self.send(sender='waiting@contoso.test')
        self.daemon.wait_for('mailbox_paused')
        return held, waiting

    def run_well(self, *words):
        done = self.mailramp(*words, '--config', self.daemon.config)
        self.assertEqual((done.returncode, done.stderr), (0, ''), (words, done.stdout))
        return done.stdout

    def test_list_show_and_status_tell_what_waits_and_why(self):
        held, waiting = self.start_with_held_mail()
        listed = [json.loads(line) for line in self.run_well('queue', 'list', '--json').splitlines()]
        self.assertEqual({message['id']: message['sender'] for message in listed},
                         {held: 'held@contoso.test', waiting: 'waiting@contoso.test'})
        text = self.run_well('queue', 'list')
        for word in (held, waiting, 'held@contoso.test', RECIPIENT, '2 messages'):
            self.assertIn(word, text)
        self.assertIn(held, self.run_well('queue', 'list', '--state', 'held'))
        self.assertNotIn(waiting, self.run_well('queue', 'list', '--state', 'held'))
        shown = self.run_well('queue', 'show', held)
        for word in (held, '554 5.2.252', 'SendAsDenied', '<fixed@contoso.test>'):
            self.assertIn(word, shown)
        status = self.run_well('status')
        for word in ('paused', 'recipients for the day', 'wait'):
            self.assertIn(word, status)
        told = self.daemon.command('status')
        self.assertEqual(told['pid'], self.daemon.process.pid)
        self.assertEqual(told['listeners'], [f'127.0.0.1:{self.daemon.port}'])
        self.assertEqual(told['queue']['recipients'], {'queued': 1, 'claimed': 0, 'held': 1, 'uncertain': 0})
        self.assertEqual(told['counters']['inbound']['messages_accepted'], 3)
        self.assertIn(self.mailbox_status()['name'], self.run_well('mailbox', 'list'))

    def test_retry_delete_and_resume_do_what_they_say(self):
        held, waiting = self.start_with_held_mail()
        # Nobody is there to be asked.
        unsure = self.mailramp('queue', 'delete', held, '--config', self.daemon.config)
        self.assertEqual(unsure.returncode, 64)
        self.assertIn('--yes', unsure.stderr)
        self.assertIn(held, self.run_well('queue', 'list'))

        self.assertIn('deleted', self.run_well('queue', 'delete', held, '--yes'))
        # What became of it stays known.
        self.assertEqual(self.recipients_of(held)[RECIPIENT]['state'], 'deleted')
        self.assertNotIn(held, self.run_well('queue', 'list'))
        self.assertEqual(self.mailramp('queue', 'delete', held, '--yes', '--config', self.daemon.config).returncode, 65)

        self.assertIn('paused', self.run_well('queue', 'retry', waiting))
        self.sandbox.clear()
        self.run_well('mailbox', 'resume', self.mailbox_status()['name'])
        self.daemon.wait_for('delivered', queue_id=waiting)
        self.assertIn('empty', self.run_well('queue', 'list'))
        self.assertEqual(self.mailramp('mailbox', 'resume', 'nobody', '--config', self.daemon.config).returncode, 65)
        self.assertEqual(sorted(message['sender'] for message in self.sandbox.messages()), [SENDER, 'waiting@contoso.test'])
        # Who asked for a change is on record.
        asked = {event['request']: event for event in self.daemon.events('admin_request')}
        self.assertEqual({event['uid'] for event in asked.values()}, {os.geteuid()})
        self.assertIn(f'DELETE /v1/messages/{held}', asked)
        self.assertIn(f'POST /v1/messages/{waiting}/retry', asked)

    def test_retry_all_sends_what_was_held(self):
        self.start_sandbox(faults=['sendas:3'])
        self.start_daemon()
        queue_ids = self.send_numbered(range(3))
        for queue_id in queue_ids:
            self.daemon.wait_for('held', queue_id=queue_id)
        self.sandbox.clear()  # the breaker has spared the server some of its refusals
        self.assertIn('3 recipients are due now', self.run_well('queue', 'retry', '--all'))
        self.expect_bodies(range(3))

    def test_the_admin_socket_is_closed_to_others(self):
        harness.require_root()
        self.start_sandbox('--plain')
        self.start_plain()
        self.folder.chmod(0o755)
        done = subprocess.run(['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', os.environ['MAILRAMP'], 'status',
                               '--socket', self.folder / 'admin.sock'], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                              timeout=harness.DEADLINE, check=False)
        self.assertEqual(done.returncode, 77, done.stderr)

    def test_silent_clients_do_not_keep_the_operator_out(self):
        self.start_sandbox('--plain')
        self.start_plain()
        with contextlib.ExitStack() as silent:
            for _ in range(SILENT_CLIENTS):
                client = silent.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
                client.connect(str(self.folder / 'admin.sock'))
                client.sendall(b'GET /v1/status HTTP/1.1\r\n')
            asked = time.monotonic()
            self.assertIn('"pid"', self.run_well('status', '--json'))
            # Not only because the silent ones had been there for too long.
            self.assertLess(time.monotonic() - asked, 2)

    def test_the_environment_names_the_socket(self):
        self.start_sandbox('--plain')
        self.start_plain()
        done = self.mailramp('status', '--json', env=harness.environment_of_a_program({'MAILRAMP_SOCKET': str(self.folder / 'admin.sock')}))
        self.assertEqual(json.loads(done.stdout)['pid'], self.daemon.process.pid)


harness.main(__name__)
