"""Loops that send, crash, start again, and at the end compare what was promised with what arrived."""

import random
import secrets
import time

import configs
import harness
import load

SENDERS = 20
# Connections to the upstream: as many messages may be under way when the daemon dies, and so may come twice.
CONNECTIONS = 3
# Recipients that wait: a loop that falls further behind delivers before it crashes, or its end takes too long.
BACKLOG = 500


class CrashScenario(harness.Scenario):
    """One queue, one upstream that answers after 0 to 20 ms, many daemons after one another."""

    def setUp(self):
        super().setUp()
        self.seed = secrets.randbelow(1 << 32)
        print(f'seed {self.seed}', flush=True)
        self.chance = random.Random(self.seed)
        self.account = load.Account()
        self.recorder = self.started(load.Recorder(self.account, self.seed, delay_seconds_max=0.02))
        self.senders = self.started(load.Senders(self.account, SENDERS, self.seed))

    def config(self, queue):
        # A kill may cut every connection after the end of data, one attempt in a hundred. With hundreds of kills some
        # message meets three of those, and would rightly be held; the loops of every day have the default.
        more = {'uncertain_attempts_max': 10} if harness.is_long() else {}
        return configs.plain(self.folder, queue, self.recorder.port, connections_max=CONNECTIONS, **more)

    def crash_loop(self, count, queue, crash, environment=None):
        """`count` times: start, let some messages be promised, or promised and delivered, kill -9, then crash()."""
        config = self.config(queue)
        for number in range(1, count + 1):
            daemon = self.started(harness.Daemon(config, environment))
            promised = self.account.promised_count() + self.chance.randrange(20, 120)
            behind = max(0, self.account.missing_count() - BACKLOG)
            delivered = self.account.delivered_count() + max(behind, self.chance.choice((0, self.chance.randrange(1, 60))))
            self.senders.resume(daemon.port)
            enough = self.account.wait_for_promised(promised)
            self.senders.pause()
            enough = enough and (not self.recorder.open.is_set() or self.account.wait_for_delivered(delivered))
            daemon.kill()
            self._programs.remove(daemon)
            self.assertTrue(enough, f'start {number} did not come to {promised} promised and {delivered} delivered: '
                                    f'{self.account.summary()}\n{daemon.lines.text()[-3000:]}')
            crash()
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
