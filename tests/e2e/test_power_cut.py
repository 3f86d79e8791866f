"""No message that was answered 250 is lost or altered when the power fails at any instant.

The control shows that the method can see a loss: with syncs that do nothing, the same loop must lose mail.
"""

import crashes
import disks
import harness


class PowerCut(crashes.CrashScenario):
    promised_between = (20, 120)  # enough that the control has something to lose

    def survive(self, kind, cuts):
        disk = self.started(disks.Disk(self.folder, kind))
        queue = disk.path / 'queue'
        self.crash_loop(cuts, queue, crash=disk.cut_power)
        self.expect_nothing_lost(queue, cuts)

    def test_nothing_promised_is_lost_on_ext4(self):
        self.survive('ext4', 50 if harness.is_long() else 3)

    if harness.is_long():

        def test_nothing_promised_is_lost_on_xfs(self):
            self.survive('xfs', 50)

    def test_with_syncs_switched_off_the_same_cut_loses_mail(self):
        disk = self.started(disks.Disk(self.folder, 'ext4'))
        queue, written = disk.path / 'queue', []

        def cut_power():
            written.extend(path.stat().st_size for path in queue.rglob('*') if path.is_file())
            disk.cut_power()

        # What is delivered before the cut cannot be lost, so nothing is.
        self.recorder.open.clear()
        self.crash_loop(1, queue, crash=cut_power, environment=disks.without_syncs(self.folder))
        self.senders.stop()
        # It was all there for whoever looked, so that only the power can have taken it.
        self.assertGreater(sum(written), self.account.promised_bytes())
        # All that is left gets its time: what is missing in the end is lost, and not late.
        self.recorder.open.set()
        daemon = self.started(harness.Daemon(self.config(queue)))
        harness.eventually(lambda: daemon.command('status')['queue']['messages'] == 0, what='delivery of what is left')
        print(f'after the cut: {self.account.summary()}', flush=True)
        self.assertTrue(self.account.missing(), 'all mail survived a cut without syncs: this method sees nothing')


disks.enter_private_mounts()
harness.main(__name__)
