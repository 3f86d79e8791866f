"""A daemon between its clients and the sandbox: configurations, and what tests of the whole way do most."""

import datetime
import json
import os
import pathlib
import re
import shutil
import smtplib
import subprocess
import sys
import tempfile

import harness
import sandbox

SENDER = 'erp@contoso.test'
RECIPIENT = 'ops@example.test'
# Nothing of it is added by the daemon.
HEAD = (b'From: Erp <erp@contoso.test>\r\nTo: <ops@example.test>\r\nSubject: order\r\nMessage-ID: <fixed@contoso.test>\r\n'
        b'Date: Mon, 01 Jan 2024 00:00:00 +0000\r\n\r\n')


class Server(sandbox.Sandbox):
    """The sandbox as the server of a daemon. `apps` as --tenant wants them: TENANT:CLIENT:SECRET:MAILBOX[,MAILBOX]."""

    def __init__(self, folder, *options, faults=(), apps=()):
        # The limit of a mailbox is part of one test, not of all.
        command = ['--messages-per-minute', '1000000', *options]
        for fault in faults:
            command += ['--fail', fault]
        for app in apps:
            command += ['--tenant', app]
        super().__init__(folder, *command)
        self.apps, self.smtp_port = self.ready['apps'], self.ready['smtp_port']
        self._before, self._messages_before = {}, 0

    def begin(self):
        """As if it had just been started: for tests that share one, since its keys take a second."""
        self.clear()
        self._before, self._messages_before = {}, 0
        harness.eventually(lambda: self.state()['connections_now'] == 0, what='end of the connections of before')
        self._before, self._messages_before = self.state(), len(self.messages())

    def state(self):
        counters = super().state()
        now = {'connections_now', 'connections_now_max', 'messages_in_60_s_max'}
        return {name: value - self._before.get(name, 0) if isinstance(value, int) and name not in now else value
                for name, value in counters.items()}

    def secret(self, app=0):
        return pathlib.Path(self.apps[app]['secret_file']).read_text().strip()

    def armed(self, name):
        return any(fault['name'] == name for fault in self.state()['faults'])

    def messages(self):
        taken = super().messages()[self._messages_before:]
        for message in taken:
            message['to'] = [recipient['address'] for recipient in message['recipients']]
        return taken

    def wait_for_messages(self, count, seconds=harness.DEADLINE):
        def enough():
            taken = self.messages()
            return taken if len(taken) >= count else None

        return harness.eventually(enough, seconds, lambda: f'{count} messages in the sandbox, only {len(self.messages())}')


def merged(base, changes):
    """`base` with `changes` laid over it, section by section; None takes a key away."""
    result = dict(base)
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def _scalar(value):
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return str(value)


def as_yaml(value, indent=''):
    lines = []
    for key, entry in value.items():
        if isinstance(entry, dict):
            lines += [f'{indent}{key}:', as_yaml(entry, indent + '  ')]
        elif isinstance(entry, list) and entry and isinstance(entry[0], dict):
            lines.append(f'{indent}{key}:')
            for item in entry:
                block = as_yaml(item, indent + '    ')
                lines.append(indent + '  - ' + block.lstrip())
        elif isinstance(entry, list):
            lines.append(f'{indent}{key}: [' + ', '.join(f'"{_scalar(item)}"' for item in entry) + ']')
        else:
            lines.append(f'{indent}{key}: {_scalar(entry)}')
    return '\n'.join(line for line in lines if line)


def as_variables(settings, prefix='MAILRAMP_'):
    """The settings of a configuration file as the variables that say the same."""
    variables = {}
    for key, value in settings.items():
        name = prefix + key.upper()
        if key == 'client_secret':
            variables[name + '_FILE'] = str(value['file'])
        elif isinstance(value, dict):
            variables |= as_variables(value, name + '__')
        else:
            variables[name] = json.dumps(value) if isinstance(value, list) else str(value)
    return variables


def general(folder):
    """Settings of every daemon here: quick to try again, so that a test waits for events and not for patience."""
    return {
        'listen': ['127.0.0.1:0'],
        'hostname': 'mailramp.test',
        'queue': {'directory': folder / 'queue', 'disk_free_min': '1MiB'},
        'retry': {'first_delay': '1s', 'factor': 1, 'jitter': 0, 'uncertain_delay': '1s'},
        'pause': {'rest_min': '100ms', 'unreachable_rest_max': '1s', 'refused_rest_max': '1s', 'crowded_delay_min': '1s',
                  'crowded_delay_max': '1s'},
        'admin': {'socket': folder / 'admin.sock'},
        'log': {'format': 'json', 'level': 'debug'},
    }


def submitting(folder, server, app=0):
    """One mailbox of the sandbox, in the short form."""
    given = server.apps[app]
    return general(folder) | {
        'mailbox': given['mailboxes'][0],
        'tenant_id': given['tenant'],
        'client_id': given['client_id'],
        'client_secret': {'file': given['secret_file']},
        # What becomes of senders is part of test_senders.py.
        'senders': 'keep',
        'ca_file': server.ready['ca_file'],
        'upstream': {'host': 'localhost', 'port': server.smtp_port, 'family': 'ipv4', 'messages_per_minute_max': 0},
        'token': {'authority': server.ready['authority']},
    }


class Scenario(harness.Scenario):
    """Tests with one sandbox and one daemon, and what they do most."""

    def share_sandbox(self):
        """One for all tests of the class."""
        if not hasattr(type(self), '_shared'):
            folder = tempfile.mkdtemp(prefix='mailramp-test-')
            type(self).addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
            type(self)._shared = Server(pathlib.Path(folder) / 'sandbox')
            type(self).addClassCleanup(type(self)._shared.kill)
        self.sandbox = type(self)._shared
        self.sandbox.begin()
        return self.sandbox

    def start_sandbox(self, *arguments, **options):
        self.sandbox = self.started(Server(self.folder / 'sandbox', *arguments, **options))
        return self.sandbox

    def write_config(self, settings):
        path = self.folder / 'mailramp.yaml'
        path.write_text(as_yaml(settings) + '\n')
        return path

    def start_daemon(self, settings=None, changes=None, **options):
        """With `settings`, or as `submitting` has it; `changes` are laid over them."""
        settings = settings if settings is not None else submitting(self.folder, self.sandbox)
        self.daemon = self.started(harness.Daemon(self.write_config(merged(settings, changes or {})), **options))
        return self.daemon

    def send(self, content=None, recipients=(RECIPIENT,), sender=SENDER, options=(), body=b'hello\r\n'):
        """Hands a message in as Python's smtplib does; its queue id."""
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test', timeout=harness.DEADLINE) as client:
            return submit(client, HEAD + body if content is None else content, recipients, sender, options)

    def send_numbered(self, numbers):
        """Many messages on one connection; their bodies say which they are."""
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test', timeout=harness.DEADLINE) as client:
            return [submit(client, HEAD + b'number %d\r\n' % number) for number in numbers]

    def mailramp(self, *words, **options):
        """A command, whatever its exit status."""
        options.setdefault('env', harness.environment_of_a_program())
        return subprocess.run([os.environ['MAILRAMP'], *map(str, words)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=harness.DEADLINE, check=False, **options)

    def mailbox_status(self, name=None):
        mailboxes = self.daemon.command('status')['mailboxes']
        return next(mailbox for mailbox in mailboxes if name in (None, mailbox['name']))

    def token_status(self):
        return self.daemon.command('status')['tokens'][0]

    def recipients_of(self, queue_id):
        """What the queue knows about each recipient that still waits, by address."""
        return {recipient['address']: recipient for recipient in self.daemon.command('queue', 'show', queue_id)['recipients']}

    def queued_messages(self):
        return self.daemon.command('status')['queue']['messages']

    def wait_until_queue_is_empty(self, seconds=harness.DEADLINE):
        harness.eventually(lambda: self.queued_messages() == 0, seconds, 'empty queue')

    def expect_bodies(self, numbers):
        """Each of send_numbered() has arrived exactly once."""
        self.sandbox.wait_for_messages(len(numbers))
        self.wait_until_queue_is_empty()
        bodies = [message['content'].rsplit(b'\r\n\r\n', 1)[1] for message in self.sandbox.messages()]
        self.assertEqual(sorted(bodies), sorted(b'number %d\r\n' % number for number in numbers))


def inherited(listener):
    """For a Daemon: it gets a socket that is listened on already, as systemd passes one: as descriptor 3."""
    script = ('import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid())); '
              'os.execv(sys.argv[2], sys.argv[2:])')
    descriptor = listener.fileno()
    return {'prefix': [sys.executable, '-c', script, str(descriptor)], 'descriptors': (descriptor,)}


def submit(client, content, recipients=(RECIPIENT,), sender=SENDER, options=()):
    """A whole transaction of smtplib; the queue id of the 250."""
    def replies():
        yield client.mail(sender, options)
        yield from (client.rcpt(recipient) for recipient in recipients)
        yield client.data(content)

    client.ehlo_or_helo_if_needed()
    for code, text in replies():
        if code != 250:
            raise smtplib.SMTPResponseException(code, text)
    return re.fullmatch(rb'2\.0\.0 queued as (\w+)', text).group(1).decode()


def seconds_between(earlier, later):
    def moment(text):
        return datetime.datetime.fromisoformat(text.replace('Z', '+00:00'))

    return (moment(later) - moment(earlier)).total_seconds()


def field(content, name):
    """The values of a header field, unfolded, in the order in which they stand."""
    head = re.sub(rb'\r\n[ \t]+', b' ', content.split(b'\r\n\r\n', 1)[0] + b'\r\n')
    return re.findall(rb'(?mi)^' + name.encode() + rb':[ \t]*(.*?)\r$', head)
