"""What mailramp does on this machine, beside what this machine and the load generator can do at all.

    bench/smoke.py --build BUILD_FOLDER [--quick] [--postfix]      (./dev bench builds and calls it)

Every accepted message is durable before its 250. A rate stands beside two yardsticks of the same run: how often one
thread writes and syncs 4 KiB, and what the generator does against a sink that stores nothing. `--postfix` measures the
distribution's Postfix with the same generator on the same disk. Prints a table, and as its last line the same figures
as JSON.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / 'tests' / 'e2e'))

import configs  # noqa: E402
import harness  # noqa: E402
import measuring  # noqa: E402
import postfix  # noqa: E402
from measuring import MIB  # noqa: E402

SESSIONS = (1, 50)
STARTS, TURNS = 5, 5
IS_ROOT = os.geteuid() == 0
# A process that has forbidden core dumps is as closed as one of another user.
ONLY_ROOT = 'not measured: the daemon shows its memory to root only'
# Just below the limit of Exchange's mailboxes, 35,000,000 octets.
LARGE_BYTES, LARGE_SESSIONS = 34_900_000, 100


def counted(sessions):
    return f'{sessions} session' + ('s' if sessions > 1 else '')


class Bench:
    def __init__(self, build, quick):
        self.programs = build / 'bench'
        self.folder = build / 'bench' / 'run'
        self.quick = quick
        self.figures = {}
        self.sink = harness.ReservedPort()  # nobody is there, until the generator is
        os.environ['MAILRAMP'] = str(build / 'mailramp')
        os.environ['MAILRAMP_BUILD_DIR'] = str(build)

    def count(self, full):
        return full // 5 if self.quick else full

    def generate(self, mode, **options):
        words = [str(self.programs / 'smtp_load'), mode]
        for key, value in options.items():
            words += ['--' + key.replace('_', '-'), str(value)]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            sys.exit(f'{" ".join(words)}: {done.stderr}')
        return json.loads(done.stdout)

    def config(self):
        """For a daemon with an empty queue."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        return configs.plain(self.folder, self.folder / 'queue', self.sink.number)

    def daemon(self):
        return harness.Daemon(self.config())

    def say(self, what, text, **figures):
        print(f'{what:<55}{text}', flush=True)
        self.figures.update(figures)

    def say_memory(self, what, key, daemon):
        if IS_ROOT:
            mib = measuring.private_bytes(daemon.process.pid) / MIB
            self.say(what, f'{mib:.1f} MiB', **{key: mib})
        else:
            self.say(what, ONLY_ROOT)

    def yardsticks(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        sync = self.generate('sync', file=self.folder / 'sync', messages=self.count(2000))
        self.say('disk: 4 KiB written and synced, one thread', f'{sync["per_second"]:,.0f} /s', sync=sync['per_second'])
        for sessions in SESSIONS:
            null = self.generate('null', sessions=sessions, messages=self.count(20_000))
            self.say(f'generator against itself, {counted(sessions)}', f'{null["per_second"]:,.0f} messages/s',
                     **{f'null_{sessions}': null['per_second']})

    def start_and_memory(self):
        config, greeted = self.config(), []
        for _ in range(STARTS):
            daemon, seconds = measuring.start(config)
            greeted.append(seconds * 1e3)
            daemon.stop()
        self.say('start to the first greeting', f'{min(greeted):.0f} ms, the best of {STARTS}', greeted_ms=min(greeted))
        daemon = self.daemon()
        self.say_memory('memory when idle (anonymous + private dirty)', 'idle_mib', daemon)
        daemon.stop()

    def accepting(self):
        for sessions, messages in zip(SESSIONS, (5_000, 40_000)):
            daemon = self.daemon()
            got = self.generate('accept', port=daemon.port, sessions=sessions, messages=self.count(messages))
            rate = got['per_second']
            syncs, null = rate / self.figures['sync'], rate / self.figures[f'null_{sessions}']
            self.say(f'accepting 4 KiB, {counted(sessions)}',
                     f'{rate:,.0f} messages/s, p50 {got["p50_ms"]:.2f} ms, p99 {got["p99_ms"]:.2f} ms',
                     **{f'accept_{sessions}': rate, f'accept_{sessions}_p99_ms': got['p99_ms']})
            self.say('  times the syncs of one thread; of the generator', f'{syncs:.2f}; {null:.2f}',
                     **{f'accept_{sessions}_of_sync': syncs, f'accept_{sessions}_of_null': null})
            self.say_memory('  memory afterwards', f'after_accept_{sessions}_mib', daemon)
            daemon.stop()

    def postfix(self):
        """In turns, because the disk of a shared machine is fast at one moment and slow at the next."""
        daemon = self.daemon()
        with postfix.Postfix(self.folder / 'postfix') as server:
            ports, sent = {'mailramp': daemon.port, 'Postfix': server.port}, 0
            for sessions, messages in zip(SESSIONS, (2_500, 10_000)):
                rates = {name: [] for name in ports}
                # The first turn starts processes and does not count.
                for turn in range(TURNS + 1):
                    for name, port in ports.items():
                        got = self.generate('accept', port=port, sessions=sessions, messages=self.count(messages), seconds=120)
                        rates[name] += [got['per_second']] if turn else []
                    sent += self.count(messages)
                self.say_comparison(server.version, sessions, rates)
            if server.held() != sent:
                sys.exit(f'bench: Postfix has {server.held()} of {sent} messages')
        daemon.stop()

    def say_comparison(self, version, sessions, rates):
        ours, theirs = (statistics.median(rates[name]) for name in ('mailramp', 'Postfix'))
        each = sorted(one / other for one, other in zip(rates['mailramp'], rates['Postfix']))
        self.say(f'Postfix {version} in turns with mailramp, {counted(sessions)}',
                 f'{theirs:,.0f} and {ours:,.0f} messages/s: mailramp does {ours / theirs:.1f} times as many '
                 f'({each[0]:.1f} to {each[-1]:.1f} in {TURNS} turns)',
                 **{f'postfix_accept_{sessions}': theirs, f'accept_{sessions}_beside_postfix': ours,
                    f'accept_{sessions}_of_postfix': ours / theirs})

    def relaying(self):
        daemon = self.daemon()
        got = self.generate('relay', port=daemon.port, sink=self.sink.number, sessions=10, messages=self.count(10_000))
        self.say('relaying 4 KiB, 10 sessions, to the sink', f'{got["per_second"]:,.0f} messages/s', relay=got['per_second'])
        daemon.stop()

    def latency(self):
        daemon = self.daemon()
        got = self.generate('latency', port=daemon.port, sink=self.sink.number, messages=self.count(1_000))
        self.say('latency, one message at a time',
                 f'to the 250 p50 {got["to_250_p50_ms"]:.2f} ms, p99 {got["to_250_p99_ms"]:.2f} ms; '
                 f'to the sink p50 {got["to_sink_p50_ms"]:.2f} ms, p99 {got["to_sink_p99_ms"]:.2f} ms',
                 **{key: value for key, value in got.items() if key.endswith('_ms')})
        daemon.stop()

    def beside_uploads(self):
        daemon = self.daemon()
        got = self.generate('beside', port=daemon.port, sessions=20, messages=40_000 if not self.quick else 20_000)
        self.say('accepting beside two uploads of 35 MB',
                 f'{got["beside_per_second"]:,.0f} messages/s, {got["kept"]:.0%} of {got["alone_per_second"]:,.0f}',
                 beside_kept=got['kept'])
        daemon.stop()

    def large_uploads(self):
        daemon = self.daemon()
        what = f'{LARGE_SESSIONS} clients sending 35 MB each'
        if shutil.disk_usage(self.folder).free < 1.3 * LARGE_SESSIONS * LARGE_BYTES:
            self.say(what, f'not measured: it takes 4.5 GB on the disk of {self.folder}')
        else:
            with measuring.Peak(daemon.process.pid) if IS_ROOT else contextlib.nullcontext() as peak:
                began = time.monotonic()
                self.generate('accept', port=daemon.port, sessions=LARGE_SESSIONS, messages=LARGE_SESSIONS, bytes=LARGE_BYTES,
                              seconds=300)
                seconds = time.monotonic() - began
            self.say(what, f'{seconds:.1f} s', large_seconds=seconds)
            if peak:
                self.say('  memory at most', f'{peak.bytes / MIB:.1f} MiB', large_peak_mib=peak.bytes / MIB)
            else:
                self.say('  memory at most', ONLY_ROOT)
        daemon.stop()

    def queue_alone(self):
        """The store without SMTP in front of it."""
        folder = self.folder
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run([str(self.programs / 'queue_bench'), str(folder), '1' if self.quick else '3'],
                              stdout=subprocess.PIPE, text=True, check=True)
        for producers, size, rate, batch in re.findall(
                r'(\d+) producers, +(\d+) octets: +(\d+) messages/s, +([\d.]+) a commit', done.stdout):
            self.say(f'the queue alone, {producers} producers of {int(size) >> 10} KiB', f'{int(rate):,} messages/s, {batch} a commit',
                     **{f'queue_{producers}_{size}': int(rate)})

    def run(self, with_postfix):
        self.yardsticks()
        self.start_and_memory()
        self.accepting()
        if with_postfix:
            self.postfix()
        self.relaying()
        self.latency()
        self.beside_uploads()
        self.large_uploads()
        self.queue_alone()
        shutil.rmtree(self.folder, ignore_errors=True)
        print(json.dumps({key: round(value, 3) for key, value in self.figures.items()}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--build', type=pathlib.Path, required=True)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--postfix', action='store_true', help='measure Postfix too (root; downloads its packages once)')
    arguments = parser.parse_args()
    if arguments.postfix and not IS_ROOT:
        sys.exit('bench: --postfix needs root: Postfix starts as root only, and in namespaces of its own')
    Bench(arguments.build.resolve(), arguments.quick).run(arguments.postfix)


if __name__ == '__main__':
    main()
