"""A configuration that stands in the environment, as in a container."""

import json
import os
import pathlib

import harness
import relay
from bad_input import CONFIGURATION

USUAL_FILE = pathlib.Path('/etc/mailramp/mailramp.yaml')


class Environment(relay.Scenario):
    def variables(self, **changes):
        """Of a daemon that submits to the sandbox; None takes one away."""
        self.share_sandbox()
        variables = relay.as_variables(relay.submitting(self.folder, self.sandbox)) | changes
        return {name: value for name, value in variables.items() if value is not None}

    def start(self, variables):
        """`mailramp serve`, with nothing else to go by."""
        if USUAL_FILE.exists():
            raise harness.Unavailable(f'{USUAL_FILE} is there, and would be read')
        self.daemon = self.started(harness.Program([os.environ['MAILRAMP'], 'serve'], variables))
        return self.daemon

    def start_ready(self, variables):
        self.start(variables)
        self.daemon.port = int(self.daemon.wait_for('listening')['address'].rsplit(':', 1)[1])
        self.daemon.wait_for('ready')

    def test_it_alone_is_enough_for_a_message_and_for_commands(self):
        variables = self.variables()
        self.start_ready(variables)
        self.send()
        self.sandbox.wait_for_messages(1)
        starting = self.daemon.events('starting')[0]
        self.assertEqual(starting['config'], '')
        self.assertIn('MAILRAMP_UPSTREAM__PORT', starting['variables'].split())
        environment = harness.environment_of_a_program(variables)
        checked = self.mailramp('config', 'check', env=environment)
        self.assertEqual(checked.returncode, 0, checked.stderr)
        self.assertRegex(checked.stderr, r'\Aenvironment: MAILRAMP_UPSTREAM__MESSAGES_PER_MINUTE_MAX: warning: provider m365 .*\n\Z')
        self.assertRegex(checked.stdout, r'\Aenvironment: OK: MAILRAMP_ADMIN__SOCKET, ')
        status = self.mailramp('status', '--json', env=environment)
        self.assertEqual(json.loads(status.stdout)['queue']['state'], 'open')

    def test_a_secret_in_a_variable_is_used_warned_of_and_wiped(self):
        self.share_sandbox()
        secret = self.sandbox.secret()
        self.start_ready(self.variables(MAILRAMP_CLIENT_SECRET_FILE=None, MAILRAMP_CLIENT_SECRET=secret))
        self.daemon.wait_for('config_warning', variable='MAILRAMP_CLIENT_SECRET')
        environment = pathlib.Path(f'/proc/{self.daemon.process.pid}/environ').read_bytes()
        self.assertIn(b'MAILRAMP_UPSTREAM__PORT', environment, 'this is not where to look')
        self.assertNotIn(secret.encode(), environment)
        self.send()
        self.sandbox.wait_for_messages(1)

    def test_a_variable_comes_before_the_file(self):
        self.share_sandbox()
        self.start_daemon(environment={'MAILRAMP_HOSTNAME': 'of-the-environment.test'})
        with harness.RawClient(self.daemon.port) as client:
            self.assertRegex(client.reply(), r'\A220 of-the-environment\.test ')

    def test_the_log_goes_where_it_is_told(self):
        """Without the other stream nothing is missing."""
        for output, redirection in (('stderr', '>'), ('stdout', '2>')):
            with self.subTest(output):
                other = self.folder / f'not-{output}'
                prefix = ['sh', '-c', f'exec "$@" {redirection}{other}', 'sh']
                variables = self.variables(MAILRAMP_LOG__OUTPUT=output)
                daemon = self.started(harness.Program([os.environ['MAILRAMP'], 'serve'], variables, prefix))
                daemon.wait_for('ready')
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual(daemon.events()[-1]['event'], 'stopped')
                self.assertEqual(other.read_text(), '')

    def test_a_misspelt_variable_is_named_with_what_was_meant(self):
        daemon = self.start(self.variables(MAILRAMP_TENNANT_ID='x', MAILRAMP_TENANT_ID=None, MAILRAMP_HOSTNAME='-'))
        self.assertEqual(daemon.wait(), CONFIGURATION)
        self.assertEqual(daemon.lines.all(), [
            'environment: MAILRAMP_HOSTNAME: "-" is not a host name; allowed: a host name (letters, digits, dots, hyphens) or an '
            'IP address',
            'environment: MAILRAMP_TENNANT_ID: there is no such variable; did you mean MAILRAMP_TENANT_ID?'])


harness.main(__name__)
