"""What mailramp does on this machine, beside what this machine and the load generator can do at all.

    bench/smoke.py --build BUILD_FOLDER [--quick]      (./dev bench builds and calls it)

Every accepted message is durable before its 250. Prints a table, and as its last line the same figures as JSON.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'e2e'))

import configs  # noqa: E402
import harness  # noqa: E402

MIB = 1 << 20


class Bench:
    def __init__(self, build, quick):
        self.load = build / 'bench' / 'smtp_load'
        self.folder = build / 'bench' / 'run'
        self.quick = quick
        self.figures = {}
        os.environ.setdefault('MAILRAMP', str(build / 'mailramp'))

    def count(self, full):
        return full // 5 if self.quick else full

    def generate(self, mode, **options):
        words = [str(self.load), mode]
        for key, value in options.items():
            words += ['--' + key.replace('_', '-'), str(value)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f'{" ".join(words)}: {done.stderr}')
        return json.loads(done.stdout)

    def daemon(self):
        """A daemon with an empty queue, and the port of an upstream that is not there yet."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        sink = harness.free_port()
        config = configs.plain(self.folder, self.folder / 'queue', sink)
        return harness.Daemon(config), sink

    def say(self, what, text, **figures):
        print(f'{what:<48}{text}', flush=True)
        self.figures.update(figures)

    def yardsticks(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        sync = self.generate('sync', file=self.folder / 'sync', messages=self.count(2000))
        self.say('disk: 4 KiB written and synced, one thread', f'{sync["per_second"]:,.0f} /s', sync=sync['per_second'])
        for sessions in (1, 50):
            null = self.generate('null', sessions=sessions, messages=self.count(20_000))
            self.say(f'generator against itself, {sessions} sessions', f'{null["per_second"]:,.0f} messages/s',
                     **{f'null_{sessions}': null['per_second']})

    def start_and_memory(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        port = harness.free_port()
        config = configs.plain(self.folder, self.folder / 'queue', harness.free_port(), listen_port=port)
        began = time.monotonic()
        daemon = harness.Daemon(config, wait_until_ready=False)
        while not harness.greets(port):
            if not daemon.running:
                sys.exit(daemon.lines.text())
        greeted = (time.monotonic() - began) * 1e3
        self.say('start to the first greeting', f'{greeted:,.0f} ms', greeted_ms=greeted)
        daemon.wait_for('ready')
        idle = private_bytes(daemon.process.pid) / MIB
        self.say('memory when idle (anonymous + private dirty)', f'{idle:.1f} MiB', idle_mib=idle)
        daemon.stop()

    def accepting(self):
        for sessions, messages in ((1, 5_000), (50, 40_000)):
            daemon, _ = self.daemon()
            got = self.generate('accept', port=daemon.port, sessions=sessions, messages=self.count(messages))
            self.say(f'accepting 4 KiB, {sessions} sessions',
                     f'{got["per_second"]:,.0f} messages/s, p50 {got["p50_ms"]:.2f} ms, p99 {got["p99_ms"]:.2f} ms',
                     **{f'accept_{sessions}': got['per_second']})
            after = private_bytes(daemon.process.pid) / MIB
            self.say('  memory afterwards', f'{after:.1f} MiB', **{f'after_accept_{sessions}_mib': after})
            daemon.stop()

    def relaying(self):
        daemon, sink = self.daemon()
        got = self.generate('relay', port=daemon.port, sink=sink, sessions=10, messages=self.count(10_000))
        self.say('relaying 4 KiB, 10 sessions, to the sink', f'{got["per_second"]:,.0f} messages/s', relay=got['per_second'])
        daemon.stop()

    def latency(self):
        daemon, sink = self.daemon()
        got = self.generate('latency', port=daemon.port, sink=sink, messages=self.count(1_000))
        self.say('latency, one message at a time',
                 f'to the 250 p50 {got["to_250_p50_ms"]:.2f} ms, p99 {got["to_250_p99_ms"]:.2f} ms; '
                 f'to the sink p50 {got["to_sink_p50_ms"]:.2f} ms, p99 {got["to_sink_p99_ms"]:.2f} ms',
                 **{key: value for key, value in got.items() if key.endswith('_ms')})
        daemon.stop()

    def beside_uploads(self):
        daemon, _ = self.daemon()
        got = self.generate('beside', port=daemon.port, sessions=20, messages=self.count(40_000))
        self.say('accepting beside two uploads of 35 MB',
                 f'{got["beside_per_second"]:,.0f} messages/s, {got["kept"]:.0%} of {got["alone_per_second"]:,.0f}',
                 beside_kept=got['kept'])
        daemon.stop()

    def run(self):
        self.yardsticks()
        self.start_and_memory()
        self.accepting()
        self.relaying()
        self.latency()
        if not self.quick:
            self.beside_uploads()
        shutil.rmtree(self.folder, ignore_errors=True)
        print(json.dumps({key: round(value, 3) for key, value in self.figures.items()}))


def private_bytes(pid):
    """Memory that only this process has: of each mapping its anonymous or its private dirty pages, whichever are more."""
    total = anonymous = dirty = 0
    for line in pathlib.Path(f'/proc/{pid}/smaps').read_text().splitlines():
        key, *rest = line.split()
        if key == 'Private_Dirty:':
            dirty = int(rest[0])
        elif key == 'Anonymous:':
            anonymous = int(rest[0])
            total += max(anonymous, dirty)
    return total * 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', type=pathlib.Path, required=True)
    parser.add_argument('--quick', action='store_true')
    arguments = parser.parse_args()
    Bench(arguments.build.resolve(), arguments.quick).run()


if __name__ == '__main__':
    main()
