"""The clock of the machine jumps under load, ahead and back: nothing is lost, nothing ages by it, nothing is hammered.

libfaketime moves what the daemon reads as the time of day, and leaves alone the clock that only counts, as the kernel does.
"""

import os
import pathlib
import smtplib

import configs
import harness
import load
import relay

LIBRARY = 'libfaketimeMT.so.1'
PLACES = ('/usr/lib/x86_64-linux-gnu/faketime', '/usr/lib/aarch64-linux-gnu/faketime', '/usr/lib/faketime')
MESSAGES = 3
JUMPS = {'2_hours_ahead': '+2h', 'a_day_back': '-1d', '10_years_ahead': '+10y'}
# Deferred mail is tried every second or two here.
ATTEMPTS_MORE_MAX = 4


class ClockJumps(relay.Scenario):
    def setUp(self):
        super().setUp()
        if harness.is_sanitized():
            raise harness.Unavailable('a sanitizer wants to be loaded first')
        found = [place for place in PLACES if os.path.exists(f'{place}/{LIBRARY}')]
        if not found:
            raise harness.Unavailable(f'{LIBRARY} (package libfaketime) is missing')
        self.clock = self.folder / 'clock'
        self.jump('+0')
        self.environment = {'LD_PRELOAD': f'{found[0]}/{LIBRARY}', 'FAKETIME_TIMESTAMP_FILE': str(self.clock),
                            'FAKETIME_NO_CACHE': '1', 'FAKETIME_DONT_FAKE_MONOTONIC': '1', 'DONT_FAKE_MONOTONIC': '1'}

    def jump(self, offset):
        # At once: half of a file would be another time.
        new = pathlib.Path(f'{self.clock}.new')
        new.write_text(offset + '\n')
        new.rename(self.clock)

    def numbers(self, first):
        with smtplib.SMTP('127.0.0.1', self.daemon.port, local_hostname='client.test', timeout=harness.DEADLINE) as client:
            return [relay.submit(client, relay.HEAD + b'number %d\r\n' % number) for number in range(first, first + MESSAGES)]

    def deferred(self, queue_id):
        return len([event for event in self.daemon.events('deferred') if event['queue_id'] == queue_id])

    def expect_unharmed(self, offset):
        """Mail that waits for its next try when the clock jumps is tried again in time, and goes when the trouble is over."""
        self.start_sandbox('--plain', faults=['451'])
        config = configs.plain(self.folder, self.folder / 'queue', self.sandbox.smtp_port)
        self.daemon = self.started(harness.Daemon(config, self.environment))
        waiting = self.numbers(0)
        for queue_id in waiting:
            self.daemon.wait_for('deferred', queue_id=queue_id)
        tries = {queue_id: self.deferred(queue_id) for queue_id in waiting}
        at = self.daemon.position()
        self.jump(offset)
        fresh = self.numbers(MESSAGES)
        for queue_id in waiting:
            self.daemon.wait_for('deferred', after=at, queue_id=queue_id)
        for queue_id in waiting:
            self.assertLessEqual(self.deferred(queue_id) - tries[queue_id], ATTEMPTS_MORE_MAX)
        # Later lines carry the new time: it has jumped.
        self.assertNotEqual(self.daemon.events()[0]['time'][:13], self.daemon.events()[-1]['time'][:13])
        self.sandbox.clear()
        for queue_id in waiting + fresh:
            self.daemon.wait_for('delivered', queue_id=queue_id)
        self.assertEqual(self.daemon.events('held') + self.daemon.events('uncertain'), [])
        self.assertEqual(len(self.sandbox.messages()), 2 * MESSAGES)
        self.assertEqual(self.daemon.stop(), 0)

    def test_all_of_them_under_load_lose_nothing(self):
        account = load.Account()
        recorder = self.started(load.Recorder(account, 1, delay_seconds_max=0.02))
        senders = self.started(load.Senders(account, 5, 1))
        self.daemon = self.started(harness.Daemon(configs.plain(self.folder, self.folder / 'queue', recorder.port), self.environment))
        for offset in ('+0', *JUMPS.values(), '+0'):
            self.jump(offset)
            promised, delivered = account.promised_count() + 50, account.delivered_count() + 30
            senders.resume(self.daemon.port)
            self.assertTrue(account.wait_for_promised(promised), offset)
            senders.pause()
            self.assertTrue(account.wait_for_delivered(delivered), offset)
        senders.stop()
        self.assertTrue(account.wait_until_nothing_is_missing(2 * harness.DEADLINE), account.summary())
        self.assertEqual((account.duplicates(), account.altered(), self.daemon.events('held')), (0, set(), []))
        print(f'jumps {", ".join(JUMPS.values())} and back: {account.summary()}', flush=True)


for name, jump in JUMPS.items():
    setattr(ClockJumps, f'test_mail_that_waits_is_not_harmed_by_{name}', lambda self, jump=jump: self.expect_unharmed(jump))

harness.main(__name__)
