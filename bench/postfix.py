"""The distribution's Postfix as a server that only accepts, for smoke.py to measure mailramp against.

It is unpacked into the build folder, never installed, and runs in namespaces of its own, as tests/e2e/third_party does
it. What counts is kept as it comes: cleanup syncs each message before the 250. All else is in its favour: its queue is
on the disk that mailramp's was on, no limit slows it, and every message goes on hold, so that nothing is delivered or
even tried beside the accepting.
"""

import pathlib
import shutil
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
THIRD_PARTY = ROOT / 'tests' / 'e2e' / 'third_party'
sys.path[:0] = [str(ROOT / 'tests' / 'e2e'), str(THIRD_PARTY)]

import harness  # noqa: E402
import server as third_party  # noqa: E402

_MAIN_CF = '''
compatibility_level = 3.6
myhostname = postfix.test
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
queue_directory = /state/spool
data_directory = /state/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
shlib_directory = /usr/lib/postfix
meta_directory = /etc/postfix
mail_owner = postfix
setgid_group = postdrop
maillog_file = /state/postfix.log
maillog_file_prefixes = /state
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtpd_client_restrictions = check_client_access static:HOLD
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
in_flow_delay = 0
'''

_MASTER_CF = '''
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n -  0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n -  - trivial-rewrite
bounce    unix  - - n -  0 bounce
defer     unix  - - n -  0 bounce
trace     unix  - - n -  0 bounce
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n -  - proxymap
smtp      unix  - - n -  - smtp
error     unix  - - n -  - error
retry     unix  - - n -  - error
showq     unix  n - n -  - showq
anvil     unix  - - n -  1 anvil
postlog   unix-dgram n - n - 1 postlogd
'''

# Run by enter.sh. Not exec: a process that changes its user forgets that it is to die with its parent.
_RUN = '''
mkdir -p /state/spool /state/data
chown postfix /state/data
postconf -c /state/postfix -h mail_version >/state/version
postfix -c /state/postfix start-fg >/state/postfix.out 2>&1
'''


class Postfix:
    """Running inside a `with` block: `port` takes mail, `version` says which it is."""

    def __init__(self, folder):
        self._folder, self._process = pathlib.Path(folder), None
        self._reserved = harness.ReservedPort()
        self.port = self._reserved.number
        self._tree = third_party.fetch()

    def __enter__(self):
        configuration = self._folder / 'postfix'
        configuration.mkdir(parents=True)
        self._folder.chmod(0o755)
        (configuration / 'main.cf').write_text(_MAIN_CF)
        (configuration / 'master.cf').write_text(_MASTER_CF.format(port=self.port))
        (self._folder / 'run.sh').write_text(_RUN)
        with (self._folder / 'enter.log').open('wb') as log:
            self._process = subprocess.Popen(
                ['unshare', '--mount', '--pid', '--fork', '--kill-child=KILL', 'sh', str(THIRD_PARTY / 'enter.sh'),
                 str(self._tree), str(self._folder)], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                preexec_fn=harness.die_with_parent)
        try:
            harness.eventually(self._greets, what=lambda: f'greeting of Postfix; logs:\n{self._logs()}')
        except BaseException:
            self.__exit__()
            raise
        self.version = (self._folder / 'version').read_text().strip()
        return self

    def held(self):
        """How many messages lie in its queue, on hold."""
        return sum(1 for _ in (self._folder / 'spool' / 'hold').iterdir())

    def __exit__(self, *unused):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._reserved.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _greets(self):
        if self._process.poll() is not None:
            raise AssertionError(f'Postfix ended with {self._process.returncode}:\n{self._logs()}')
        return harness.greets(self.port)

    def _logs(self):
        paths = [self._folder / name for name in ('enter.log', 'postfix.out', 'postfix.log')]
        return '\n'.join(f'== {path.name}\n{path.read_text(errors="replace")[-2000:]}' for path in paths if path.exists())
