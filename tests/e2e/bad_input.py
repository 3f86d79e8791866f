"""Every kind of bad input has a clear answer: a reply, an exit status, or a log line that says what to do.

What the tests of that have in common; they lie in test_bad_configuration.py, test_unfit_machine.py, test_bad_clients.py.
"""

import pathlib

import harness
import relay

USAGE, DATA, UNAVAILABLE, CANNOT_CREATE, TRY_AGAIN, CONFIGURATION = 64, 65, 69, 73, 75, 78


class Scenario(relay.Scenario):
    """A daemon whose server matters little: a sandbox without TLS, or nobody."""

    def plain(self, **changes):
        port = self.sandbox.smtp_port if hasattr(self, 'sandbox') else self.reserved_port()
        settings = relay.general(self.folder) | {
            'mailbox': 'app@contoso.test',
            'upstream': {'host': '127.0.0.1', 'port': port, 'tls': 'none', 'authentication': 'none',
                         'messages_per_minute_max': 0},
        }
        return relay.merged(settings, changes)

    def start_plain(self, **changes):
        return self.start_daemon(self.plain(**changes))

    def refused_start(self, settings, **options):
        """`mailramp serve` that ends before it is ready: (exit status, its output)."""
        config = settings if isinstance(settings, pathlib.Path) else self.write_config(settings)
        daemon = self.started(harness.Daemon(config, wait_until_ready=False, **options))
        status = daemon.wait()
        self.assertEqual(daemon.events('ready'), [])
        return status, daemon.lines.text()

    def raw(self):
        return harness.RawClient(self.daemon.port)

    def expect_next_client_served(self):
        self.send()
