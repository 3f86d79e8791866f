"""A token endpoint of its own, on Python's HTTP server: signs what Entra would, remembers what it was asked."""

import http.server
import json
import ssl
import threading
import time
import urllib.parse
import uuid

# Real tokens of Entra have 1,500 to 2,500 octets; this much of nothing brings ours there.
PADDING = 'p' * 900


class TokenEndpoint:
    """`authority` answers a client credentials grant with a token for `mailbox`, signed by `signer`."""

    def __init__(self, authority, signer, claims, client_id, client_secret):
        self.requests = []
        self.refuse_with = None  # (status, error, description): answer this instead
        self.lifetime_seconds = 3600
        self._signer, self._claims = signer, claims
        self._client = (client_id, client_secret)
        certificate, key = authority.issue('token-endpoint.test', 'DNS:localhost', 'IP:127.0.0.1')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), self._handler())
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.authority = f'https://localhost:{self._server.server_port}'
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def logs(self):
        return '\n'.join(f'{path} {sorted(form)}' for path, form in self.requests)

    def token(self):
        now = int(time.time())
        claims = {'iat': now, 'nbf': now, 'exp': now + self.lifetime_seconds, 'jti': str(uuid.uuid4()),
                  'padding': PADDING, **self._claims}
        return self._signer.sign(claims)

    def _answer(self, path, form):
        self.requests.append((path, form))
        if self.refuse_with:
            status, error, description = self.refuse_with
            return status, {'error': error, 'error_description': description}
        if form.get('grant_type') != 'client_credentials':
            return 400, {'error': 'unsupported_grant_type', 'error_description': 'AADSTS70003'}
        if (form.get('client_id'), form.get('client_secret')) != self._client:
            return 401, {'error': 'invalid_client', 'error_description': 'AADSTS7000215: Invalid client secret provided.',
                         'error_codes': [7000215]}
        return 200, {'token_type': 'Bearer', 'expires_in': self.lifetime_seconds, 'access_token': self.token()}

    def _handler(self):
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length'])).decode()
                status, answer = endpoint._answer(self.path, dict(urllib.parse.parse_qsl(body)))
                octets = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header('Content-Type', 'application/json; charset=utf-8')
                self.send_header('Content-Length', str(len(octets)))
                self.end_headers()
                self.wfile.write(octets)

            def log_message(self, *unused):
                pass

        return Handler
