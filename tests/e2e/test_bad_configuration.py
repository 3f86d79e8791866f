"""What is wrong in the configuration or on the command line is told with its place and the remedy."""

import pathlib
import socket
import subprocess
import sys

import bad_input
import harness
import relay
from bad_input import CONFIGURATION, DATA, UNAVAILABLE, USAGE
from relay import RECIPIENT


class Configuration(bad_input.Scenario):
    def test_all_errors_of_a_file_are_told_at_once_with_their_places(self):
        config = self.folder / 'broken.yaml'
        config.write_text('mailbox: app@contoso.test\nlisten: [127.0.0.1:0]\nupstream:\n  hots: localhost\n  port: 70000\n'
                          'retry:\n  first_delay: 5\nretry:\n  jitter: 0\n')
        status, output = self.refused_start(config)
        self.assertEqual(status, CONFIGURATION)
        for place, words in ((':4:3: upstream.hots: ', 'did you mean host'), (':5:9: upstream.port: ', '65535'),
                             (':7:16: retry.first_delay: ', 'unit'), (':8:1: retry', '')):
            line = next((line for line in output.splitlines() if line.startswith(str(config) + place)), None)
            self.assertIsNotNone(line, f'no line with {place} in\n{output}')
            self.assertIn(words, line)

    def test_config_check_says_the_same_as_serve(self):
        config = self.folder / 'broken.yaml'
        config.write_text('mailbox: nobody\nupstream: {port: x}\n')
        _, output = self.refused_start(config)
        check = self.mailramp('config', 'check', config)
        self.assertEqual(check.returncode, CONFIGURATION)
        self.assertEqual((check.stdout + check.stderr).strip(), output.strip())

    def test_no_file_at_all(self):
        status, output = self.refused_start(self.folder / 'missing.yaml')
        self.assertEqual(status, CONFIGURATION)
        self.assertIn('missing.yaml: it cannot be opened', output)

    def with_secret_file(self, path):
        return relay.general(self.folder) | {
            'mailbox': 'app@contoso.test', 'tenant_id': 'contoso.onmicrosoft.com',
            'client_id': '7d3b2a19-8c4e-4f5a-b6d7-c8e9fa0b1c2d', 'client_secret': {'file': path}}

    def test_a_missing_secret_file_is_named(self):
        status, output = self.refused_start(self.with_secret_file(self.folder / 'nowhere'))
        self.assertEqual(status, CONFIGURATION)
        self.assertRegex(output, r'mailramp\.yaml:\d+:\d+: client_secret: secret file .*/nowhere.*No such file')

    def test_a_secret_file_that_others_may_read_is_refused_with_the_remedy(self):
        secret = self.folder / 'client-secret'
        secret.write_text('s3cret~value')
        secret.chmod(0o640)
        status, output = self.refused_start(self.with_secret_file(secret))
        self.assertEqual(status, CONFIGURATION)
        self.assertIn(f'chmod 600 {secret}', output)
        self.assertNotIn('s3cret~value', output)

    def test_listening_beyond_loopback_needs_allow(self):
        for address in ('0.0.0.0:0', '[::]:0'):
            status, output = self.refused_start(self.plain(listen=[address]))
            self.assertEqual(status, CONFIGURATION)
            self.assertRegex(output, r'mailramp\.yaml:\d+:\d+: listen.*without `allow`')

    def test_a_client_that_allow_does_not_name_is_refused_before_its_first_command(self):
        harness.require_root()
        # A second machine, as far as the daemon can tell: an address that is not one of loopback's.
        script = 'ip link set lo up && ip addr add 192.0.2.7/32 dev lo && exec "$@"'
        test = [sys.executable, '-B', '-c', STRANGER, str(pathlib.Path(__file__).parent), str(self.write_config(
            self.plain(listen=['192.0.2.7:2525', '127.0.0.1:2525'], allow=['198.51.100.0/24'])))]
        done = subprocess.run(['unshare', '--net', 'sh', '-c', script, 'sh', *test], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=harness.DEADLINE * 2, check=False,
                              preexec_fn=harness.die_with_parent)
        self.assertEqual(done.returncode, 0, done.stdout)
        greeting, answers, own = done.stdout.strip().splitlines()[-3:]
        self.assertRegex(greeting, r'\A554 5\.7\.1 Access denied: 192\.0\.2\.7 ')
        self.assertRegex(answers, r'\A503 .*\Z')
        self.assertRegex(own, r'\A220 ')

    def test_an_upstream_that_is_the_own_listener_is_refused(self):
        port = self.reserved_port()
        for host in ('127.0.0.1', 'localhost'):
            status, output = self.refused_start(self.plain(listen=[f'127.0.0.1:{port}'], upstream={'host': host, 'port': port}))
            self.assertEqual(status, CONFIGURATION)
            self.assertIn('mail would come back to this daemon', output)

    def test_an_upstream_that_is_an_inherited_listener_gets_no_mail(self):
        # The file does not show it: what is listened on is the socket that was passed.
        with socket.create_server(('127.0.0.1', 0)) as passed:
            settings = self.plain(listen=['127.0.0.1:1'], upstream={'port': passed.getsockname()[1]})
            self.start_daemon(settings, **relay.inherited(passed))
            queue_id = self.send()
            paused = self.daemon.wait_for('mailbox_paused')
            self.assertIn('own listener', paused['answer'])
            self.assertTrue(paused['cause'] and paused['remedy'], paused)
            self.assertEqual(self.recipients_of(queue_id)[RECIPIENT]['attempts'], 0)
            self.assertEqual(len(self.daemon.events('accepted')), 1)

    def test_a_missing_ipv6_is_a_warning(self):
        harness.require_root()
        prefix = ['unshare', '--net', 'sh', '-c',
                  'ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && exec "$@"', 'sh']
        settings = self.plain(listen=['127.0.0.1:2525', '[::1]:2525'])
        daemon = self.started(harness.Daemon(self.write_config(settings), prefix=prefix))
        warnings = [event['message'] for event in daemon.events('config_warning')]
        self.assertTrue(any('[::1]:2525' in warning and 'going on without it' in warning for warning in warnings), warnings)
        self.assertEqual([event['address'] for event in daemon.events('listening')], ['127.0.0.1:2525'])
        self.assertEqual(daemon.stop(), 0)


# In a network of its own: what a client hears that is not allowed, and one that is.
STRANGER = r'''
import sys
sys.path.insert(0, sys.argv[1])
import socket, harness
daemon = harness.Daemon(sys.argv[2])
with socket.create_connection(('192.0.2.7', 2525), timeout=30, source_address=('192.0.2.7', 0)) as client:
    lines = client.makefile('rb')
    print(lines.readline().decode().strip())
    client.sendall(b'EHLO stranger.test\r\n')
    print(lines.readline().decode().strip())
with harness.RawClient(2525) as client:
    print(client.reply())
assert daemon.stop() == 0
'''


class Commands(bad_input.Scenario):
    def test_wrong_command_lines_exit_64(self):
        for words in ((), ('bogus',), ('serve', '--bogus'), ('queue',), ('queue', 'show'), ('queue', 'retry')):
            self.assertEqual(self.mailramp(*words).returncode, USAGE, words)

    def test_a_daemon_that_does_not_run_exits_69_with_the_remedy(self):
        config = self.write_config(self.plain())
        done = self.mailramp('status', '--config', config)
        self.assertEqual(done.returncode, UNAVAILABLE)
        self.assertIn(str(self.folder / 'admin.sock'), done.stderr)

    def test_an_unknown_or_senseless_queue_id_exits_65(self):
        self.start_plain()
        for queue_id in ('nonsense', '../../../etc', '00000000000'):
            done = self.mailramp('queue', 'show', queue_id, '--config', self.daemon.config)
            self.assertEqual(done.returncode, DATA, (queue_id, done.stdout, done.stderr))

    def test_the_admin_socket_survives_nonsense(self):
        self.start_plain()
        for octets in (b'\0' * 100, b'GET / HTTP/1.1\r\n' + b'x: y\r\n' * 10_000, b'POST /v1/messages/retry HTTP/1.1\r\n'
                       b'Content-Length: 99999999999\r\n\r\n', b'GET'):
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(harness.DEADLINE)
                client.connect(str(self.folder / 'admin.sock'))
                try:
                    client.sendall(octets)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.assertEqual(self.daemon.command('status')['queue']['state'], 'open')


harness.main(__name__)
