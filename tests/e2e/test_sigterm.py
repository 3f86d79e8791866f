"""SIGTERM under load: the daemon ends within 10 seconds with status 0, and what was under way is neither lost nor sent twice."""

import time

import crashes
import harness

ENDS_WITHIN = 10.0


class Sigterm(crashes.CrashScenario):
    def test_nothing_is_lost_or_sent_twice_when_the_daemon_is_told_to_end(self):
        ends, queue, slowest = 50 if harness.is_long() else 5, self.folder / 'queue', [0.0]

        def end(daemon):
            began = time.monotonic()
            self.assertEqual(daemon.stop(), 0, daemon.lines.text()[-3000:])
            slowest[0] = max(slowest[0], time.monotonic() - began)
            self.assertEqual(daemon.events('uncertain'), [])

        self.loop(ends, queue, end)
        complete, daemon = self.drain(queue, 120 + 2 * ends)
        self.assertEqual(daemon.stop(), 0, daemon.lines.text()[-3000:])
        print(f'{ends} times SIGTERM, ended within {slowest[0]:.1f} s: {self.account.summary()}', flush=True)
        self.assertTrue(complete, f'LOST: {sorted(self.account.missing())[:20]}')
        self.assertEqual((self.account.altered(), self.account.duplicates()), (set(), 0))
        self.assertLess(slowest[0], ENDS_WITHIN)
        self.expect_quick_starts()


harness.main(__name__)
