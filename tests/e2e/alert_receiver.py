"""Who is told: an HTTP server that keeps what is posted to it, and misbehaves on request."""

import http.server
import json
import ssl
import threading

import certificates
import harness


class Receiver:
    """`url` is where to post; `alerts()` is what came. `status` is what it answers; None: nothing, ever."""

    PATH = '/services/T0/B0/very-secret-path'

    def __init__(self, authority=None):
        self.status, self._alerts, self.requests = 200, [], 0
        self._changed, self._ended = threading.Condition(), threading.Event()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                receiver._take(self.path, self.headers['Content-Type'], body)
                if receiver.status is None:
                    receiver._ended.wait()
                    return
                self.send_response(receiver.status)
                self.send_header('Content-Length', '0')
                self.end_headers()

            def log_message(self, *unused):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *unused):
                """Of a client that left: part of the tests."""

        self._server = Server(('127.0.0.1', 0), Handler)
        self._server.daemon_threads = True
        scheme = 'http'
        if authority is not None:
            scheme = 'https'
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*authority.issue('localhost'))
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f'{scheme}://localhost:{self._server.server_port}{self.PATH}'
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _take(self, path, kind, body):
        with self._changed:
            self.requests += 1
            if self.status == 200:
                self._alerts.append({'path': path, 'type': kind, **json.loads(body)})
            self._changed.notify_all()

    def alerts(self, event=None):
        with self._changed:
            return [alert for alert in self._alerts if event in (None, alert.get('event'))]

    def wait_for(self, event, resolved=False, seconds=harness.DEADLINE):
        def found():
            return next((alert for alert in self.alerts(event) if alert['resolved'] == resolved), None)

        return harness.eventually(found, seconds, lambda: f'alert {event} (resolved: {resolved}) in {self.alerts()}')

    def wait_for_requests(self, count):
        harness.eventually(lambda: self.requests >= count, what=f'{count} requests')

    def stop(self):
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()


def with_tls(folder):
    """One with a certificate, and the authority to trust."""
    authority = certificates.Authority(folder)
    return Receiver(authority), authority.certificate
