"""Postfix with Dovecot behind it, from the distribution's packages: a submission server that nobody here wrote.

It demands STARTTLS, authenticates XOAUTH2 against the signature and the claims of a JWT, applies a send-as rule,
and hands what it took to smtp-sink, which writes each message to a file.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess

import harness
import packages

HERE = pathlib.Path(__file__).parent
ISSUER, AUDIENCE, USER_CLAIM = 'https://idp.test', 'https://outlook.office365.com', 'email'
HOST = 'submission.test'


def fetch():
    return packages.fetch('servers', 'postfix', 'dovecot-core')


class Dump:
    """One message as smtp-sink wrote it, perhaps not to its end yet: envelope, and content with LF line ends."""

    def __init__(self, octets):
        head = re.match(rb'(?:X-[A-Z][A-Za-z-]*: [^\n]*\n)*', octets).group(0)
        senders, self.recipients = ([address.decode() for address in re.findall(rb'^%s: <([^>]*)>' % name, head, re.MULTILINE)]
                                    for name in (b'X-Mail-Args', b'X-Rcpt-Args'))
        self.sender = senders[0] if senders else None
        self.content = octets[len(head):]


class ThirdPartyServer:
    """The running server. `signer` is what it trusts for tokens; stop() ends every process and mount of it."""

    def __init__(self, folder, authority, signer, senders, size_max=10_000_000):
        self.folder = pathlib.Path(folder)
        self.tree = fetch()
        self._ports = [harness.ReservedPort(), harness.ReservedPort()]
        self.port, self._sink_port = (port.number for port in self._ports)
        self._fill_in(authority, signer, senders, size_max)
        self._process = None

    def _fill_in(self, authority, signer, senders, size_max):
        values = {'PORT': self.port, 'SINK_PORT': self._sink_port, 'SIZE_MAX': size_max, 'ISSUER': ISSUER,
                  'AUDIENCE': AUDIENCE, 'USER_CLAIM': USER_CLAIM,
                  'SENDERS': ', '.join(f'{{ {address} = {login} }}' for address, login in senders.items())}
        is_old = re.search(r'^dovecot-core (?:\d+:)?2\.3', (self.tree / 'versions').read_text(), re.MULTILINE)
        dovecot = 'dovecot-2.3' if is_old else 'dovecot-2.4'
        targets = {'main.cf.in': 'postfix/main.cf', 'master.cf.in': 'postfix/master.cf', f'{dovecot}.conf.in': 'dovecot.conf',
                   'dovecot-oauth2-2.3.conf.in': 'dovecot-oauth2.conf'}
        (self.folder / 'postfix').mkdir(parents=True)
        self.folder.chmod(0o755)
        for template, target in targets.items():
            text = re.sub(r'@(\w+)@', lambda found: str(values[found.group(1)]), (HERE / template).read_text())
            (self.folder / target).write_text(text)
        (self.folder / 'sink-port').write_text(f'{self._sink_port}\n')
        shutil.copy(HERE / 'run.sh', self.folder)
        certificate, key = authority.issue(HOST, 'DNS:localhost', 'IP:127.0.0.1')
        shutil.copy(certificate, self.folder / 'server.pem')
        shutil.copy(key, self.folder / 'server.key')
        # Dovecot looks a key up at <azp or "default">/<alg>/<kid>.
        keys = self.folder / 'keys' / 'default' / 'RS256'
        keys.mkdir(parents=True)
        shutil.copy(signer.public_key, keys / signer.key_id)

    def start(self):
        with (self.folder / 'enter.log').open('wb') as log:
            self._process = subprocess.Popen(
                packages.command_inside(self.tree, self.folder), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, preexec_fn=harness.die_with_parent)
        harness.eventually((self.folder / 'auth').exists, what=lambda: f'Dovecot; logs:\n{self.logs()}')
        for port in (self._sink_port, self.port):
            harness.eventually(lambda: self._greets(port), what=lambda: f'greeting on port {port}; logs:\n{self.logs()}')
        return self

    def _greets(self, port):
        if self._process.poll() is not None:
            raise AssertionError(f'the server ended with {self._process.returncode}:\n{self.logs()}')
        return harness.greets(port)

    def stop(self):
        if self._process:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None
        for port in self._ports:
            port.close()

    def dumps(self):
        """All messages that came through, in no order."""
        return [Dump(path.read_bytes()) for path in sorted((self.folder / 'dumps').iterdir())]

    def logs(self):
        parts = []
        for name in ('enter.log', 'postfix.out', 'dovecot.out', 'sink.log', 'dovecot.log', 'postfix.log'):
            path = self.folder / name
            if path.exists():
                parts.append(f'== {name}\n' + os.linesep.join(path.read_text(errors='replace').splitlines()[-30:]))
        return '\n'.join(parts)
