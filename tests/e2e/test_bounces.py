"""Delivery status notifications: what a client asks for, and who hears of mail that did not arrive."""

import smtplib

import harness
import relay
from relay import HEAD, RECIPIENT, SENDER


class Parameters(relay.Scenario):
    def test_what_a_client_asks_for_reaches_a_server_that_offers_it(self):
        self.share_sandbox()
        self.start_daemon()
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test', timeout=harness.DEADLINE) as client:
            client.ehlo()
            self.assertTrue(client.has_extn('dsn'))
            self.assertEqual(client.mail(SENDER, ['RET=HDRS', 'ENVID=QQ+20314159'])[0], 250)
            self.assertEqual(client.rcpt(RECIPIENT, ['NOTIFY=failure,delay', 'ORCPT=rfc822;first+2Bbox@example.test'])[0], 250)
            self.assertEqual(client.rcpt('quiet@example.test', ['NOTIFY=NEVER'])[0], 250)
            self.assertEqual(client.data(HEAD + b'hello\r\n')[0], 250)
        message, = self.sandbox.wait_for_messages(1)
        self.assertEqual((message['ret'], message['envid']), ('HDRS', 'QQ+20314159'))
        self.assertEqual(message['recipients'],
                         [{'address': RECIPIENT, 'notify': 'FAILURE,DELAY', 'orcpt': 'rfc822;first+2Bbox@example.test'},
                          {'address': 'quiet@example.test', 'notify': 'NEVER'}])


harness.main(__name__)
