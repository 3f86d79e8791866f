"""The k-th system call fails, for every k of one accept-and-deliver cycle: what was acknowledged is delivered all the same.

strace makes the call fail. It counts the calls of each thread on its own, so one run fails the k-th call of every
thread, whatever the descriptor: sockets meet it as well. write(2) is left out: files are written at an offset, and what
is left for it is the log and wake-ups between threads.
"""

import collections
import contextlib
import re
import shutil
import time

import configs
import harness
import load

CALLS = ('fsync', 'fdatasync', 'pwrite64', 'openat', 'rename', 'unlink', 'close', 'ftruncate')
# Those that keep mail. The others may be made or not: a checkpoint that cuts the log off, a library's own files.
MADE = {'fdatasync', 'pwrite64', 'openat', 'unlink', 'close'}
ERRORS = ('EIO', 'ENOSPC', 'EDQUOT', 'EMFILE')
SMALL, LARGE = 1_000, 3_000_000
SAMPLE = 6


class FailingCalls(harness.Scenario):
    def setUp(self):
        super().setUp()
        harness.require_root()
        if not shutil.which('strace'):
            raise harness.Unavailable('strace is missing')
        self.account = load.Account()
        self.recorder = self.started(load.Recorder(self.account))
        self.queue, self.number, self.restarts = self.folder / 'queue', 0, 0
        self.daemon = None
        self.start()

    def start(self):
        self.daemon = self.started(harness.Daemon(configs.plain(self.folder, self.queue, self.recorder.port)))

    @contextlib.contextmanager
    def traced(self, call, *options):
        """`call` of the daemon under strace; yields the file of the trace."""
        trace = self.folder / 'trace'
        tracer = harness.Program(['strace', '-f', '-p', self.daemon.process.pid, '-o', trace, '-e', f'trace={call}',
                                  *options])
        try:
            tracer.lines.wait(lambda line: 'attached' in line, harness.DEADLINE, 'attached strace')
            yield trace
        finally:
            tracer.process.terminate()
            tracer.wait()

    def send(self, size):
        """Whether the daemon has taken a message; what becomes of one it did not answer for is its own business."""
        self.number += 1
        message_id = f'{self.number}@load.test'
        content = load.make_content(message_id, size)
        self.account.opened(message_id, content, ['r0@example.test'])
        wire = re.sub(rb'^\.', b'..', content, flags=re.MULTILINE) + b'.\r\n'
        try:
            with harness.RawClient(self.daemon.port) as client:
                client.greet()
                taken = client.submit('app@contoso.test', ['r0@example.test'], wire).startswith('250')
        except (OSError, AssertionError):
            return False
        if taken:
            self.account.promised(message_id)
        return taken

    def cycle(self):
        """One small and one large message, accepted and delivered and their contents removed, as far as the fault lets them."""
        taken = [self.send(SMALL), self.send(LARGE)]
        if self.account.wait_until_nothing_is_missing(2.0):
            with contextlib.suppress(AssertionError):
                harness.eventually(lambda: not any((self.queue / 'bodies').iterdir()), seconds=2.0)
        return taken

    def counted(self, call):
        """How often the busiest thread makes this call in one cycle."""
        with self.traced(call) as trace:
            self.assertEqual(self.cycle(), [True, True])
            self.assertTrue(self.account.wait_until_nothing_is_missing(harness.DEADLINE), self.account.summary())
        made = re.findall(rf'^(\d+) +{call}\(', trace.read_text(errors='replace'), re.MULTILINE)
        return max(collections.Counter(made).values(), default=0)

    def recovered(self):
        """The fault is over: the daemon takes mail again, at the latest once it has been started anew."""
        if not self.daemon.running:
            self.restarts += 1
            self._programs.remove(self.daemon)
            self.start()
        harness.eventually(lambda: self.send(SMALL), what='mail taken after the fault')
        self.assertTrue(self.account.wait_until_nothing_is_missing(harness.DEADLINE), self.account.summary())

    def test_no_failing_call_loses_what_was_acknowledged(self):
        self.assertTrue(self.send(SMALL))
        print(f'{"call":10} {"calls":>5} {"runs":>5} {"refused":>7} {"injected":>8} {"restarts":>8} {"twice":>5}', flush=True)
        slowest = 0.0
        for call in CALLS:
            calls = self.counted(call)
            runs = [(k, error) for k in range(1, calls + 1) for error in ERRORS]
            if not harness.is_long():
                runs = runs[::max(1, len(runs) // SAMPLE)][:SAMPLE]
            refused = injected = 0
            twice, restarts = self.account.duplicates(), self.restarts
            for k, error in runs:
                with self.subTest(call=call, k=k, error=error):
                    with self.traced(call, '-e', f'inject={call}:error={error}:when={k}') as trace:
                        refused += self.cycle().count(False)
                    injected += trace.read_text(errors='replace').count('(INJECTED)')
                    began = time.monotonic()
                    self.recovered()
                    slowest = max(slowest, time.monotonic() - began)
                    self.assertEqual(self.account.altered(), set())
            print(f'{call:10} {calls:5} {len(runs):5} {refused:7} {injected:8} {self.restarts - restarts:8} '
                  f'{self.account.duplicates() - twice:5}', flush=True)
            if call in MADE:
                self.assertGreaterEqual(injected, len(runs) // 2, f'{call} has hardly failed, so nothing is proven')
                self.assertGreater(len(runs), 0, call)
        self.daemon.kill()
        self._programs.remove(self.daemon)
        self.start()
        self.assertTrue(self.account.wait_until_nothing_is_missing(harness.DEADLINE), self.account.summary())
        # At most what was under way when a call failed.
        print(f'in all: {self.account.summary()}; taking mail again at most {slowest:.1f} s after a fault', flush=True)


harness.main(__name__)
