"""No message that was answered 250 is lost or altered when the daemon is killed at any instant.

This says nothing about the disk: what a killed process has written is still in the kernel. See test_power_cut.py.
"""

import smtplib
import socket

import configs
import crashes
import harness
import load
import relay


class Kill9(crashes.CrashScenario):
    def test_nothing_promised_is_lost_when_the_daemon_is_killed(self):
        kills = 200 if harness.is_long() else 20
        queue = self.folder / 'queue'
        self.crash_loop(kills, queue, crash=lambda: None)
        self.expect_nothing_lost(queue, kills)


class KilledBeforeTheEnd(harness.Scenario):
    def test_what_never_left_is_neither_held_nor_doubted_however_often_the_daemon_is_killed(self):
        # An upstream that takes connections and says nothing: no octet of a message ever leaves.
        queue, kills = self.folder / 'queue', 5
        with socket.create_server(('127.0.0.1', 0)) as silent:
            silent.settimeout(harness.DEADLINE)
            config = configs.plain(self.folder, queue, silent.getsockname()[1])
            for number in range(kills):
                daemon = self.started(harness.Daemon(config))
                opened = daemon.wait_for('queue_opened')
                self.assertEqual((opened['made_queued'], opened['made_uncertain']), (min(number, 1), 0))
                if number == 0:
                    with smtplib.SMTP('127.0.0.1', daemon.port, timeout=harness.DEADLINE) as client:
                        queue_id = relay.submit(client, relay.HEAD + b'once\r\n')
                connection, _ = silent.accept()
                daemon.kill()
                connection.close()
                self.assertEqual(daemon.events('held') + daemon.events('uncertain'), [])
        inbox = load.Inbox()
        recorder = self.started(load.Recorder(inbox))
        daemon = self.started(harness.Daemon(configs.plain(self.folder, queue, recorder.port)))
        daemon.wait_for('delivered', queue_id=queue_id, attempt=1)
        harness.eventually(lambda: daemon.command('status')['queue']['messages'] == 0, what='an empty queue')
        self.assertEqual(len(inbox.wait_for(1)), 1)
        self.assertEqual(daemon.events('held') + daemon.events('uncertain'), [])


harness.main(__name__)
