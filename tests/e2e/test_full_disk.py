"""The disk is full for a while, under load: new mail is refused for now, deliveries go on, and afterwards mail is taken again."""

import subprocess
import threading
import time

import configs
import disks
import harness
import load

SENDERS = 20
ACCEPTS_WITHIN = 5.0
BACKLOG = 150


class FullDisk(harness.Scenario):
    def test_mail_is_refused_for_now_and_deliveries_go_on(self):
        seconds = 60 if harness.is_long() else 4
        disk = self.folder / 'disk'
        disk.mkdir()
        subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=96m,mode=0700', 'tmpfs', disk], check=True)
        self.addCleanup(subprocess.run, ['umount', '--lazy', disk], check=False)
        account = load.Account()
        recorder = self.started(load.Recorder(account, 1, delay_seconds_max=0.2))
        senders = self.started(load.Senders(account, SENDERS, 1, sizes=(200, 5_000)))
        daemon = self.started(harness.Daemon(configs.plain(self.folder, disk / 'queue', recorder.port)))
        senders.resume(daemon.port)
        self.assertTrue(account.wait_for_promised(BACKLOG))

        filler = disk / 'filler'
        with open(filler, 'wb', buffering=0) as file:
            try:
                while True:
                    file.write(b'\0' * 65536)
            except OSError:
                pass
        reply = harness.eventually(lambda: self.refusal(daemon), what='refusal')
        self.assertTrue(reply.startswith('452 4.3.1'), reply)
        promised, delivered, waits = account.promised_count(), account.delivered_count(), threading.Event()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            # The senders go on all the while, and so do the deliveries of what there is.
            self.assertTrue(account.wait_for_delivered(delivered + 1) or not account.missing())
            delivered = account.delivered_count()
            waits.wait(0.2)  # nothing is awaited: this time is what is tried
        self.assertTrue(daemon.running)
        taken_meanwhile = account.promised_count() - promised
        filler.unlink()
        began = time.monotonic()
        self.assertTrue(account.wait_for_promised(account.promised_count() + 1))
        accepted_after = time.monotonic() - began
        senders.stop()
        self.assertTrue(account.wait_until_nothing_is_missing(120), account.summary())
        self.assertEqual((account.altered(), account.duplicates(), daemon.events('held')), (set(), 0, []))
        self.assertEqual(daemon.stop(), 0)
        print(f'full for {seconds} s: {taken_meanwhile} taken meanwhile, accepting {accepted_after:.2f} s after its end; '
              f'{account.summary()}', flush=True)
        self.assertLess(accepted_after, ACCEPTS_WITHIN)

    @staticmethod
    def refusal(daemon):
        with harness.RawClient(daemon.port) as client:
            client.greet()
            reply = client.command('MAIL FROM:<app@contoso.test> SIZE=1000000')
            return None if reply.startswith('250') else reply


disks.enter_private_mounts()
harness.main(__name__)
