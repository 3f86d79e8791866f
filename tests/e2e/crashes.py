"""Loops that send, end the daemon, start again, and at last compare what was promised with what arrived."""

import random
import secrets
import time

import configs
import harness
import load

SENDERS = 20
# Connections to the upstream: as many messages may be under way when the daemon dies, and so may come twice.
CONNECTIONS = 3
# Of one message, at most.
RECIPIENTS = 3
# From the start to the first delivery, with mail in the queue.
DRAINS_WITHIN = 5.0
# Recipients that wait: a loop that falls further behind delivers before it crashes, or its end takes too long.
BACKLOG = 500


class CrashScenario(harness.Scenario):
    """One queue, one upstream, many daemons after one another."""

    answers_within = 0.2  # seconds, of the upstream after the end of data: there a crash makes a duplicate
    promised_between = (5, 40)

    def setUp(self):
        super().setUp()
        self.seed = secrets.randbelow(1 << 32)
        print(f'seed {self.seed}', flush=True)
        self.chance = random.Random(self.seed)
        self.account = load.Account()
        self.recorder = self.started(load.Recorder(self.account, self.seed, delay_seconds_max=self.answers_within))
        self.senders = self.started(load.Senders(self.account, SENDERS, self.seed, recipients_max=RECIPIENTS))
        self.slowest_start = 0.0

    def config(self, queue):
        # A kill may cut every connection after the end of data, one attempt in a hundred. With hundreds of kills some
        # message meets three of those, and would rightly be held; the loops of every day have the default.
        more = {'uncertain_attempts_max': 10} if harness.is_long() else {}
        return configs.plain(self.folder, queue, self.recorder.port, connections_max=CONNECTIONS, **more)

    def crash_loop(self, count, queue, crash, environment=None):
        """loop() with kill -9, then crash()."""

        def end(daemon):
            daemon.kill()
            crash()

        self.loop(count, queue, end, environment)

    def loop(self, count, queue, end, environment=None):
        """`count` times: start, let some messages be promised, or promised and delivered, then end(daemon)."""
        config = self.config(queue)
        for number in range(1, count + 1):
            began = time.monotonic()
            daemon = self.started(harness.Daemon(config, environment))
            # What a crash leaves in doubt is what was under way.
            self.assertLessEqual(daemon.wait_for('queue_opened')['made_uncertain'], CONNECTIONS * RECIPIENTS)
            before = self.account.delivered_count()
            promised = self.account.promised_count() + self.chance.randrange(*self.promised_between)
            behind = max(0, self.account.missing_count() - BACKLOG)
            delivered = before + max(behind, self.chance.choice((0, self.chance.randrange(1, 60))))
            waits = self.recorder.open.is_set() and delivered > before
            self.senders.resume(daemon.port)
            enough = self.account.wait_for_promised(promised)
            if waits:
                # Otherwise the queue would grow meanwhile. Where nothing is awaited, the end comes in the middle of sending.
                self.senders.pause()
                enough = enough and self.account.wait_for_delivered(before + 1)
                self.slowest_start = max(self.slowest_start, time.monotonic() - began)
                enough = enough and self.account.wait_for_delivered(delivered)
            self.assertTrue(enough, f'start {number} did not come to {promised} promised and {delivered} delivered: '
                                    f'{self.account.summary()}\n{daemon.lines.text()[-3000:]}')
            end(daemon)
            self.senders.pause()
            self._programs.remove(daemon)
            print(f'{number}: {self.account.summary()}', flush=True)

    def drain(self, queue, seconds):
        """Starts once more, without new messages, and waits until nothing is missing."""
        self.senders.stop()
        daemon = self.started(harness.Daemon(self.config(queue)))
        began = time.monotonic()
        complete = self.account.wait_until_nothing_is_missing(seconds)
        print(f'drained after {time.monotonic() - began:.1f} s: {self.account.summary()}', flush=True)
        return complete, daemon

    def expect_nothing_lost(self, queue, crashes):
        complete, daemon = self.drain(queue, 120 + 2 * crashes)
        self.assertEqual(daemon.stop(), 0, daemon.lines.text()[-3000:])
        self.assertTrue(complete, f'LOST: {sorted(self.account.missing())[:20]}')
        self.assertEqual(self.account.altered(), set())
        self.assertLessEqual(self.account.duplicates(), CONNECTIONS * crashes)
        self.expect_quick_starts()

    def expect_quick_starts(self):
        print(f'delivering again at most {self.slowest_start:.1f} s after a start', flush=True)
        if not harness.is_sanitized():
            self.assertLess(self.slowest_start, DRAINS_WITHIN)
