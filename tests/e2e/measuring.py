"""Memory that a process has to itself, now and at its peak, and the time until a daemon greets.

Shared by the tests, which hold the figures to limits, and bench/smoke.py, which prints them.
"""

import pathlib
import threading
import time

import harness

MIB = 1 << 20


def private_bytes(pid):
    """Memory that only this process has: anonymous pages, and dirty ones of mappings that it shares with nobody yet.

    A page of a private mapping is the process's own once it is anonymous. As long as it is the file's, it may well be
    called dirty: so is all of a program that was linked half a minute ago.

    A process that has forbidden core dumps shows this to root only (PermissionError).
    """
    total, shared = 0, False
    for line in pathlib.Path(f'/proc/{pid}/smaps').read_text().splitlines():
        key, *rest = line.split()
        if not key.endswith(':'):
            shared = rest[0].endswith('s')
        elif key == 'Anonymous:' or (key == 'Private_Dirty:' and shared):
            total += int(rest[0])
    return total * 1024


class Peak:
    """The most that private_bytes() of a process gives while the `with` block runs, seen every few milliseconds."""

    def __init__(self, pid, every_seconds=0.02):
        self.bytes, self.samples = 0, 0
        self._pid, self._every_seconds = pid, every_seconds
        self._ended, self._trouble = threading.Event(), None
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *unused):
        self._ended.set()
        self._thread.join()
        if self._trouble and kind is None:
            raise self._trouble

    def _watch(self):
        try:
            while True:
                self.bytes = max(self.bytes, private_bytes(self._pid))
                self.samples += 1
                if self._ended.wait(self._every_seconds):
                    return
        except OSError as trouble:
            self._trouble = trouble


def start(config):
    """A new daemon, and the seconds from before its process was made until its first client was greeted."""
    began = time.monotonic()
    daemon = harness.Daemon(config, wait_until_ready=False)
    try:
        daemon.port = int(daemon.wait_for('listening')['address'].rsplit(':', 1)[1])
        if not harness.greets(daemon.port):
            raise AssertionError(f'not greeted:\n{daemon.lines.text()}')
        return daemon, time.monotonic() - began
    except BaseException:
        daemon.kill()
        raise
