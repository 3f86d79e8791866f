"""A queue of a million messages: how soon it accepts, what it takes of memory, and what operators cost the clients.

    bench/million.py --build BUILD_FOLDER [--messages N]      (./dev bench million builds and calls it)

Prints each figure beside its limit, and as its last line the same figures as JSON. Ends with 1 when one is missed. The
mailbox is paused, so that the queue stays as large as it is; four clients hand in 4 KiB each, all the time.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'e2e'))

import configs  # noqa: E402
import harness  # noqa: E402

CLIENTS = 4
CONTENT = b'From: app@contoso.test\r\nSubject: x\r\n\r\n' + b'x' * 4096 + b'\r\n.\r\n'
START_MS_MAX, FIRST_PAGE_MS_MAX, ACCEPT_P99_MS_MAX, RESIDENT_MIB_MAX = 1000, 1000, 50, 64
QUIET_SECONDS = 5


def hand_in(client):
    client.send(CONTENT)
    got = client.reply()
    if not got.startswith('250'):
        sys.exit(f'a message was answered {got!r}')


class Clients:
    """Hand messages in for as long as the `with` block runs; how long each waited for its 250."""

    def __init__(self, port):
        self._port, self._over, self._waits = port, threading.Event(), []
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *unused):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self):
        with harness.RawClient(self._port, seconds=60) as client:
            client.greet()
            while not self._over.is_set():
                client.begin('app@contoso.test', ['new@example.test'])
                started = time.monotonic()
                hand_in(client)
                self._waits.append((time.monotonic() - started) * 1e3)

    def percentile(self, part):
        return sorted(self._waits)[min(len(self._waits) - 1, int(len(self._waits) * part))]

    def told(self):
        return f'{len(self._waits)} accepted, p50 {self.percentile(.5):.1f} ms, p99 {self.percentile(.99):.1f} ms'


class Million:
    def __init__(self, build, messages):
        self.build, self.messages = build, messages
        self.folder = build / 'bench' / 'million'
        self.figures, self.missed = {}, []
        os.environ['MAILRAMP'] = str(build / 'mailramp')
        os.environ['MAILRAMP_BUILD_DIR'] = str(build)

    def say(self, what, text):
        print(f'{what:<55}{text}', flush=True)

    def figure(self, what, name, value, limit, more=''):
        self.figures[name] = round(value, 1)
        met = value <= limit
        if not met:
            self.missed.append(name)
        self.say(what, f'{value:.1f} (at most {limit}{"" if met else ": MISSED"}){more and "; " + more}')

    def mailramp(self, *words):
        started = time.monotonic()
        done = subprocess.run([os.environ['MAILRAMP'], *words, '--config', str(self.config)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False, env=harness.environment_of_a_program())
        if done.returncode:
            sys.exit(f'mailramp {" ".join(words)}: {done.stderr}')
        return done.stdout, time.monotonic() - started

    def fill(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.config = configs.plain(self.folder, self.folder / 'queue', harness.ReservedPort().number)
        # The mailbox's name is its address, where none is given.
        started = time.monotonic()
        subprocess.run([self.build / 'bench' / 'queue_fill', self.folder / 'queue', str(self.messages), 'app@contoso.test'], check=True)
        size = sum(path.stat().st_size for path in (self.folder / 'queue').iterdir() if path.is_file())
        self.say(f'{self.messages:,} messages put into the queue', f'{time.monotonic() - started:.0f} s, {size >> 20} MiB')

    def start(self):
        """To the 250 of a first message."""
        started = time.monotonic()
        daemon = harness.Daemon(self.config)
        with harness.RawClient(daemon.port) as client:
            client.greet()
            client.begin('app@contoso.test', ['new@example.test'])
            hand_in(client)
        return daemon, (time.monotonic() - started) * 1e3

    def resident(self, daemon, key):
        status = pathlib.Path(f'/proc/{daemon.process.pid}/status').read_text().split()
        return int(status[status.index(key + ':') + 1]) / 1024

    def beside_clients(self, daemon, what, name, *words):
        with Clients(daemon.port) as clients:
            out, seconds = self.mailramp(*words)
        self.figure(f'{what}: p99 of a 250 [ms]', name, clients.percentile(.99), ACCEPT_P99_MS_MAX,
                    f'{seconds:.1f} s; {clients.told()}')
        return out

    def run(self):
        self.fill()
        daemon, first = self.start()
        self.figure('start to the first 250 [ms]', 'start_ms', first, START_MS_MAX)
        _, seconds = self.mailramp('queue', 'list', '--limit', '100')
        self.figure('first page of queue list [ms]', 'first_page_ms', seconds * 1e3, FIRST_PAGE_MS_MAX)
        harness.eventually(lambda: not daemon.command('status')['queue']['counting'], seconds=120, what='end of counting')
        daemon.kill()
        daemon, again = self.start()
        self.figure('start after kill -9 to the first 250 [ms]', 'restart_ms', again, START_MS_MAX)
        harness.eventually(lambda: not daemon.command('status')['queue']['counting'], seconds=120, what='end of counting')
        counted = daemon.command('status')['queue']['messages']
        if counted != self.messages + 2:
            sys.exit(f'the daemon counts {counted} messages')
        with Clients(daemon.port) as clients:
            time.sleep(QUIET_SECONDS)
        self.say('clients alone', clients.told())
        found = self.beside_clients(daemon, 'queue list --recipient', 'list_p99_ms', 'queue', 'list', '--recipient',
                                    f'user{self.messages - 1}@example.test', '--json')
        if len(found.splitlines()) != 1:
            sys.exit(f'queue list found {found!r}')
        done = self.beside_clients(daemon, 'queue retry --all', 'retry_p99_ms', 'queue', 'retry', '--all', '--json')
        if json.loads(done)['recipients'] < self.messages:
            sys.exit(f'queue retry did {done!r}')
        self.beside_clients(daemon, 'queue delete --all', 'delete_p99_ms', 'queue', 'delete', '--all', '--yes', '--json')
        self.figure('memory, resident at most [MiB]', 'resident_mib', self.resident(daemon, 'VmHWM'), RESIDENT_MIB_MAX)
        daemon.stop()
        shutil.rmtree(self.folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--build', type=pathlib.Path, required=True)
    parser.add_argument('--messages', type=int, default=1_000_000)
    given = parser.parse_args()
    million = Million(given.build.resolve(), given.messages)
    million.run()
    print(json.dumps(million.figures))
    sys.exit(1 if million.missed else 0)


main()
