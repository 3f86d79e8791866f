"""Every step of a submission x every kind of trouble, ten messages each: delivered once, or held with the right reason."""

import collections
import concurrent.futures
import pathlib
import smtplib
import tempfile

import certificates
import faulty_server
import harness
import relay
import token_endpoint

MESSAGES = 10
TIMES = 2
AT_ONCE = 8
MAILBOX, CLIENT, SECRET = 'relay@contoso.test', '11112222-bbbb-3333-cccc-4444dddd5555', 'a~secret'
# More than what the buffers between two programs of one machine hold.
LARGE = 8_000_000

# Where the refusal is one of the message, and not of the whole mailbox.
OF_A_MESSAGE = ('mail', 'rcpt', 'data', 'dot')
# Where the server has taken the message and its answer is lost.
UNKNOWABLE = {('dot', kind) for kind in ('drop', 'reset', 'hang', 'garbage')}

# In the short run: each step with each kind about every third time, and all that is special at the end of data.
CELLS = [(step, kind) for step in faulty_server.STEPS for kind in faulty_server.KINDS]
SHORT = [cell for number, cell in enumerate(CELLS) if number % 5 == 0 or cell[0] == 'dot']


class UpstreamMatrix(harness.Scenario):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix='mailramp-test-')))
        cls.authority = certificates.Authority(folder)
        cls.certificate = cls.authority.issue('localhost')
        cls.signer = certificates.TokenSigner(folder)

    def settings(self, folder, server, endpoint, kind):
        secret = folder / 'client-secret'
        secret.write_text(SECRET + '\n')
        secret.chmod(0o600)
        # Only what hangs needs short patience: a busy machine must not look like a hanging server.
        impatient = {name + '_timeout': '1s' for name in
                     ('banner', 'ehlo', 'starttls', 'tls', 'auth', 'envelope', 'body', 'body_end', 'quit')}
        quick = {'first_probe': '1s', 'second_probe': '1s', 'later_probes': '1s'}
        return relay.merged(relay.general(folder), {
            'mailbox': MAILBOX, 'tenant_id': '99999999-8888-7777-6666-555555555555', 'client_id': CLIENT,
            'client_secret': {'file': secret}, 'senders': 'keep', 'ca_file': self.authority.certificate,
            'upstream': {'host': 'localhost', 'port': server.port, 'family': 'ipv4', 'messages_per_minute_max': 0,
                         'connections_max': 2, **(impatient if kind == 'hang' else {})},
            'token': {'authority': endpoint.authority, 'configuration_failure_pause': '1s'},
            'pause': quick})

    def run_cell(self, endpoint, step, kind):
        """What came of ten messages: the server, deliveries of each, uncertain endings, and those held with their reasons."""
        folder = pathlib.Path(tempfile.mkdtemp(dir=self.folder))
        server = self.started(faulty_server.FaultyServer(*self.certificate, step, kind, TIMES))
        config = folder / 'mailramp.yaml'
        config.write_text(relay.as_yaml(self.settings(folder, server, endpoint, kind)) + '\n')
        daemon = self.started(harness.Daemon(config))
        with smtplib.SMTP('127.0.0.1', daemon.port, local_hostname='client.test', timeout=harness.DEADLINE) as client:
            for number in range(MESSAGES):
                body = b'number %d\r\n' % number + (b'x' * 78 + b'\r\n') * (LARGE // 80 if step == 'body' and number < 3 else 1)
                relay.submit(client, relay.HEAD + body)

        def settled():
            recipients = daemon.command('status')['queue']['recipients']
            return sum(recipients.values()) == recipients['held']

        harness.eventually(settled, what=lambda: f'end of {step} x {kind}: {server.logs()[:500]}\n{daemon.lines.text()[-3000:]}')
        self.assertEqual(daemon.stop(), 0)
        copies = collections.Counter(delivery.content.split(b'number ', 1)[1].split(b'\r\n', 1)[0] for delivery in server.inbox.wait_for(0))
        self._programs.remove(daemon)
        return server, copies, daemon

    def judge(self, step, kind, server, copies, daemon):
        held = daemon.events('held')
        self.assertEqual(server.left, 0, 'the trouble was never met')
        may_be_held = TIMES if kind == '5xx' and step in (*OF_A_MESSAGE, 'body') else 0
        if may_be_held and step != 'body':
            self.assertEqual(len(held), TIMES, held)
        self.assertLessEqual(len(held), may_be_held, held)
        for event in held:
            self.assertIn('550 5.9.9', event['answer'])
            self.assertTrue(event['cause'] and event['remedy'], event)
        self.assertEqual(len(copies), MESSAGES - len(held), copies)
        extra = sum(copies.values()) - len(copies)
        uncertain = len(daemon.events('uncertain'))
        if (step, kind) in UNKNOWABLE:
            self.assertLessEqual(max(copies.values()), 1 + TIMES)
            self.assertEqual((extra, uncertain), (TIMES, TIMES))
        else:
            self.assertEqual((extra, uncertain), (0, 0), copies)
        self.assertLessEqual(server.connections, 2 * (TIMES + 1) + 2, 'it hammered')

    def test_each_message_is_delivered_once_or_held_with_the_right_reason(self):
        endpoint = self.started(token_endpoint.TokenEndpoint(self.authority, self.signer, {'roles': ['SMTP.SendAsApp']}, CLIENT, SECRET))
        cells = CELLS if harness.is_long() else SHORT
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            futures = {cell: pool.submit(self.run_cell, endpoint, *cell) for cell in cells}
            print(f'{"":10}' + ''.join(f'{kind:>9}' for kind in faulty_server.KINDS), flush=True)
            for step in faulty_server.STEPS:
                words = []
                for kind in faulty_server.KINDS:
                    if (step, kind) not in futures:
                        words.append('-')
                        continue
                    with self.subTest(step=step, kind=kind):
                        server, copies, daemon = futures[step, kind].result()
                        words.append('FAILED')
                        self.judge(step, kind, server, copies, daemon)
                        words[-1] = f'{len(copies)}+{sum(copies.values()) - len(copies)}' + (
                            f',{len(daemon.events("held"))}h' if daemon.events('held') else '')
                print(f'{step:10}' + ''.join(f'{word:>9}' for word in words), flush=True)
        print(f'messages delivered + copies, h: held; {len(cells)} of {len(CELLS)} cells', flush=True)


harness.main(__name__)
