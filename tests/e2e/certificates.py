"""Keys, certificates and tokens for tests, made by the openssl program: a judge that shares no code with mailramp."""

import base64
import json
import pathlib
import subprocess


def _openssl(*arguments, data=None):
    done = subprocess.run(['openssl', *map(str, arguments)], input=data, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          check=False)
    if done.returncode:
        raise RuntimeError(f'openssl {arguments[0]}: {done.stderr.decode()}')
    return done.stdout


class Authority:
    """A certificate authority of its own; `certificate` is what a client must trust."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.certificate = self.folder / 'ca.pem'
        self._key = self.folder / 'ca.key'
        _openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', self._key, '-out', self.certificate,
                 '-days', 2, '-subj', '/CN=Test authority', '-addext', 'basicConstraints=critical,CA:TRUE',
                 '-addext', 'keyUsage=critical,keyCertSign,cRLSign')

    def issue(self, name, *alternatives, days=2):
        """A server certificate for `name`; alternatives are like 'DNS:localhost'. Returns (certificate, key)."""
        certificate, key = self.folder / f'{name}.pem', self.folder / f'{name}.key'
        request, extensions = self.folder / f'{name}.csr', self.folder / f'{name}.ext'
        names = ','.join((f'DNS:{name}',) + alternatives)
        extensions.write_text(f'subjectAltName={names}\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n')
        _openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', request, '-subj', f'/CN={name}')
        _openssl('x509', '-req', '-in', request, '-CA', self.certificate, '-CAkey', self._key, '-CAcreateserial',
                 '-days', days, '-extfile', extensions, '-out', certificate)
        return certificate, key


def _base64url(octets):
    return base64.urlsafe_b64encode(octets).rstrip(b'=').decode()


class TokenSigner:
    """Signs JWTs with RS256, as Entra does."""

    def __init__(self, folder, key_id='test-key'):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.key_id = key_id
        self._key = folder / 'jwt.key'
        self.public_key = folder / 'jwt.pub'
        _openssl('genrsa', '-out', self._key, 2048)
        _openssl('rsa', '-in', self._key, '-pubout', '-out', self.public_key)

    def sign(self, claims):
        header = {'typ': 'JWT', 'alg': 'RS256', 'kid': self.key_id}
        signed = '.'.join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        return signed + '.' + _base64url(_openssl('dgst', '-sha256', '-sign', self._key, data=signed.encode()))
