"""`mailramp healthcheck`: who is called unhealthy is restarted or gets no more traffic, so only who takes no mail is."""

import os
import shutil
import signal
import smtplib

import harness
import relay


class Healthcheck(relay.Scenario):
    def health(self):
        """Exit status and line, with nothing to go by but the environment, as an engine runs it."""
        done = self.mailramp('healthcheck', env=harness.environment_of_a_program(
            {'MAILRAMP_ADMIN__SOCKET': str(self.folder / 'admin.sock')}))
        self.assertEqual(done.stderr, '')
        self.assertEqual(done.stdout.count('\n'), 1, done.stdout)
        return done.returncode, done.stdout.rstrip('\n')

    def expect_unhealthy(self, words):
        status, line = self.health()
        self.assertEqual(status, 1, line)
        self.assertRegex(line, r'\Aunhealthy: ' + words)

    def test_it_is_that_of_the_running_daemon(self):
        self.share_sandbox()
        self.expect_unhealthy('the daemon does not answer: there is no socket ')
        self.start_daemon()
        self.assertEqual(self.health(), (0, 'healthy: mail is taken'))
        self.daemon.stop()
        self.expect_unhealthy('the daemon does not answer: there is no socket ')

    def test_a_paused_mailbox_is_not_unhealthy(self):
        self.start_sandbox('--fail', '5.7.139-mailbox')
        self.start_daemon()
        self.send()
        self.daemon.wait_for('mailbox_paused')
        self.assertEqual(self.health(), (0, 'healthy: mail is taken'))

    def test_a_cloud_that_is_down_is_not_unhealthy(self):
        self.share_sandbox()
        self.start_daemon(changes={'upstream': {'port': self.reserved_port()}})
        self.send()
        self.daemon.wait_for('mailbox_resting')
        self.assertEqual(self.health(), (0, 'healthy: mail is taken'))

    def test_a_full_disk_is_unhealthy_and_says_so(self):
        if shutil.disk_usage(self.folder).free >= 1 << 40:
            raise harness.Unavailable('more than 1 TiB is free here: no limit of ours calls that full')
        self.share_sandbox()
        self.start_daemon(changes={'queue': {'disk_free_min': '1TiB'}})
        with self.assertRaises(smtplib.SMTPException) as refused:
            self.send()
        self.assertIn('452', str(refused.exception))
        self.expect_unhealthy("the queue's disk is full: ")

    def test_a_daemon_that_hangs_is_unhealthy(self):
        self.share_sandbox()
        self.start_daemon()
        os.kill(self.daemon.process.pid, signal.SIGSTOP)
        try:
            self.expect_unhealthy('the daemon runs, but did not answer in time: ')
        finally:
            os.kill(self.daemon.process.pid, signal.SIGCONT)


harness.main(__name__)
