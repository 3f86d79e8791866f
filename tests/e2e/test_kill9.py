"""No message that was answered 250 is lost or altered when the daemon is killed at any instant.

This says nothing about the disk: what a killed process has written is still in the kernel. See test_power_cut.py.
"""

import crashes
import harness


class Kill9(crashes.CrashScenario):
    def test_nothing_promised_is_lost_when_the_daemon_is_killed(self):
        kills = 200 if harness.is_long() else 20
        queue = self.folder / 'queue'
        self.crash_loop(kills, queue, crash=lambda: None)
        self.expect_nothing_lost(queue, kills)


harness.main(__name__)
