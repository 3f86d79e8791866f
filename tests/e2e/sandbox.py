"""The sandbox as a program of a test: an Exchange Online and Entra simulator, steered over its control interface."""

import json
import os
import pathlib
import ssl
import urllib.error
import urllib.parse
import urllib.request

import harness


class Sandbox(harness.Program):
    """`mailramp-sandbox`, ready. `ready` is its first line: ports, files, tenant, mailbox."""

    def __init__(self, folder, *options, environment=None):
        super().__init__([*self.command_line(folder), *options], environment)
        try:
            self.ready = self.wait_for('ready')
        except BaseException:
            self.kill()
            raise
        self.tls = ssl.create_default_context(cafile=self.ready['ca_file'])

    @staticmethod
    def command_line(folder):
        return [os.environ['MAILRAMP_SANDBOX'], '--state-dir', str(folder)]

    def fail(self, name, count=None, mailbox=None):
        """Arms a fault; without a count it stays until clear()."""
        fault = {'name': name, 'count': count, 'mailbox': mailbox}
        self.control('PUT', 'fail', {key: value for key, value in fault.items() if value is not None})

    def clear(self, name=None):
        self.control('DELETE', f'fail?name={name}' if name else 'fail')

    def state(self):
        return self.control('GET', 'state')

    def messages(self):
        """What was received, oldest first: the record of each, with its content."""
        folder = pathlib.Path(self.ready['messages_dir'])
        return [{**record, 'content': (folder / record['file']).read_bytes()}
                for record in self.control('GET', 'messages')]

    def control(self, method, path, body=None):
        return json.loads(self._call(method, f'/control/{path}', json.dumps(body).encode() if body else None)[1])

    def token_call(self, app=0, seconds=harness.DEADLINE, **changes):
        """The answer of the token endpoint: (status, text)."""
        chosen = self.ready['apps'][app]
        form = {'grant_type': 'client_credentials', 'client_id': chosen['client_id'], 'scope': self.ready['scope'],
                'client_secret': pathlib.Path(chosen['secret_file']).read_text().strip(), **changes}
        return self._call('POST', f"/{chosen['tenant']}/oauth2/v2.0/token", urllib.parse.urlencode(form).encode(),
                          seconds)

    def token(self, app=0):
        status, text = self.token_call(app)
        if status != 200:
            raise AssertionError(f'no token: {status} {text}')
        return json.loads(text)['access_token']

    def _call(self, method, path, body, seconds=harness.DEADLINE):
        request = urllib.request.Request(self.ready['authority'] + path, data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=seconds, context=self.tls) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
