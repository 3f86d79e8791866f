"""The bench that whole programs are tried on: processes that cannot outlive the test, waiting without guessing,
and a raw SMTP client.

A test file ends with `harness.main(__name__)`. Nothing here waits a fixed time: every wait is for an event or a
condition, with a deadline that only a broken program reaches.
"""

import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

# Generous: with sanitizers, two at a time, on a machine that is building something else.
DEADLINE = 30.0
SKIPPED = 77


class Unavailable(Exception):
    """This machine lacks what the test needs; the text says what."""


# A bare root has no /etc/hosts, and this name needs none (RFC 6761 section 6.3).
_ask_system = socket.getaddrinfo
socket.getaddrinfo = lambda host, *rest, **named: _ask_system('127.0.0.1' if host == 'localhost' else host, *rest, **named)


def build_dir():
    return pathlib.Path(os.environ['MAILRAMP_BUILD_DIR'])


def is_long():
    return os.environ.get('MAILRAMP_LONG') == '1'


def is_sanitized():
    """Whether the programs are built with sanitizers, whose memory and time say nothing about those without."""
    return bool(os.environ.get('MAILRAMP_SANITIZE'))


def require_root():
    if os.geteuid() != 0:
        raise Unavailable('needs root (mounts, namespaces)')


def die_with_parent():
    """For preexec_fn: the kernel kills the child when this process ends, however it ends."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class ReservedPort:
    """A port that refuses connections until a program of ours listens on it, and that nobody else gets meanwhile.

    It is bound, not listened on: so the kernel gives it to no one who asks for any port, and to those who ask for this
    one with SO_REUSEADDR, as servers do. Where a program can choose its port and say which, it should.
    """

    def __init__(self):
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind(('127.0.0.1', 0))
        self.number = self._holder.getsockname()[1]

    def close(self):
        self._holder.close()


def greets(port):
    """Whether an SMTP server answers there."""
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=DEADLINE) as probe:
            return probe.recv(4) == b'220 '
    except ConnectionError:
        return False


def eventually(condition, seconds=DEADLINE, what='a condition'):
    """Polls until the condition gives something true, and returns that. `what` names it in the failure."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f'no {what() if callable(what) else what} within {seconds:.0f} s')
        pause.wait(0.01)


class Lines:
    """The lines that a process writes, kept, with waiting for one."""

    def __init__(self, stream):
        self._stream = stream
        self._lines, self._ended, self._changed = [], False, threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self._stream:
            with self._changed:
                self._lines.append(line.decode(errors='replace').rstrip('\n'))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def all(self):
        with self._changed:
            return list(self._lines)

    def text(self):
        return '\n'.join(self.all())

    def join(self):
        """Waits until the writer has closed its end, and closes ours."""
        self._thread.join(DEADLINE)
        self._stream.close()

    def wait(self, accept, seconds, what, after=0):
        """The first line from index `after` on for which accept(line) gives something true: (that, its index)."""
        deadline, at = time.monotonic() + seconds, after
        with self._changed:
            while True:
                for index in range(at, len(self._lines)):
                    value = accept(self._lines[index])
                    if value:
                        return value, index
                at = len(self._lines)
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    why = 'the process ended' if self._ended else f'{seconds:.0f} s passed'
                    raise AssertionError(f'no {what} ({why}). Its last lines:\n' + '\n'.join(self._lines[-40:]))
                self._changed.wait(left)


def _as_json(line):
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


# What the shell of whoever runs this may carry, and what would change what a program does: other authorities than the
# system's (whose certificates take memory twice, then), credentials, sockets. Of MAILRAMP_… the daemon would take those
# for keys that are meant for the tests.
_NOT_INHERITED = {'SSL_CERT_FILE', 'SSL_CERT_DIR', 'CREDENTIALS_DIRECTORY', 'LISTEN_FDS', 'LISTEN_PID'}


def environment_of_a_program(additions=None):
    inherited = {name: value for name, value in os.environ.items()
                 if name not in _NOT_INHERITED and not name.startswith('MAILRAMP_')}
    return {**inherited, **(additions or {})}


class Program:
    """A running program whose JSON lines are events. Killed when the test process ends. `descriptors` stay open in it."""

    def __init__(self, command, environment=None, prefix=(), descriptors=()):
        self.arguments = [*map(str, prefix), *map(str, command)]
        self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, env=environment_of_a_program(environment),
                                        pass_fds=descriptors, preexec_fn=die_with_parent)
        self.lines = Lines(self.process.stdout)

    def events(self, name=None):
        found = [event for event in map(_as_json, self.lines.all()) if 'event' in event]
        return [event for event in found if name is None or event['event'] == name]

    def wait_for(self, name, seconds=DEADLINE, after=0, **fields):
        """The first event of that name whose fields are these (as text), from line `after` on."""

        def accept(line):
            event = _as_json(line)
            fits = event.get('event') == name and all(str(event.get(key)) == str(value) for key, value in fields.items())
            return event if fits else None

        return self.lines.wait(accept, seconds, f'event {name} {fields or ""}', after)[0]

    def position(self):
        """For wait_for(after=...): only what is logged from now on."""
        return len(self.lines.all())

    @property
    def running(self):
        return self.process.poll() is None

    def kill(self):
        """As the power switch would: no chance to clean up."""
        if self.running:
            self.process.kill()
        self.process.wait()
        self.lines.join()

    def stop(self, seconds=DEADLINE):
        """SIGTERM; returns the exit code."""
        if self.running:
            self.process.terminate()
        return self.wait(seconds)

    def wait(self, seconds=DEADLINE):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f'{self.arguments[0]} did not end within {seconds:.0f} s:\n{self.lines.text()}') from None
        self.lines.join()
        return code


class Daemon(Program):
    """`mailramp serve`, ready: `port` is where it takes mail."""

    def __init__(self, config, environment=None, prefix=(), wait_until_ready=True, descriptors=(), options=()):
        super().__init__([os.environ['MAILRAMP'], 'serve', '--config', config, *options], environment, prefix, descriptors)
        self.config, self.port = config, None
        if wait_until_ready:
            try:
                self.port = int(self.wait_for('listening')['address'].rsplit(':', 1)[1])
                self.wait_for('ready')
            except BaseException:
                self.kill()
                raise

    def command(self, *words):
        """What a command says about this daemon, as JSON."""
        done = subprocess.run([os.environ['MAILRAMP'], *words, '--json', '--config', str(self.config)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False,
                              env=environment_of_a_program())
        if done.returncode:
            raise AssertionError(f'mailramp {" ".join(words)} ended with {done.returncode}: {done.stdout}{done.stderr}')
        return json.loads(done.stdout)


class RawClient:
    """SMTP as octets. Sends nothing that it was not told to send."""

    def __init__(self, port, seconds=DEADLINE):
        self.socket = socket.create_connection(('127.0.0.1', port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._input = self.socket.makefile('rb')

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def close(self):
        self._input.close()
        self.socket.close()

    def wrap(self, context):
        """TLS from here on; nobody looks for what came before."""
        self._input.close()
        self.socket = context.wrap_socket(self.socket, server_hostname='localhost')
        self._input = self.socket.makefile('rb')

    def send(self, octets):
        self.socket.sendall(octets)

    def reply(self):
        """One reply, with its lines joined by LF; empty at the end of the connection."""
        lines = []
        while True:
            line = self._input.readline()
            if not line:
                return '\n'.join(lines)
            lines.append(line.decode(errors='replace').rstrip('\r\n'))
            if len(line) < 4 or line[3:4] != b'-':
                return '\n'.join(lines)

    def command(self, line):
        self.send(line.encode() + b'\r\n')
        return self.reply()

    def expect(self, line, code):
        got = self.command(line)
        if not got.startswith(str(code)):
            raise AssertionError(f'{line!r} was answered {got!r}, not {code}')
        return got

    def greet(self, name='client.test'):
        got = self.reply()
        if not got.startswith('220'):
            raise AssertionError(f'greeting {got!r}')
        return self.expect(f'EHLO {name}', 250)

    def begin(self, sender, recipients, size=None):
        """A transaction up to the 354."""
        self.expect(f'MAIL FROM:<{sender}>' + (f' SIZE={size}' if size else ''), 250)
        for recipient in recipients:
            self.expect(f'RCPT TO:<{recipient}>', 250)
        self.expect('DATA', 354)

    def submit(self, sender, recipients, wire):
        """A whole transaction; `wire` is what goes between 354 and the end of data, that end included."""
        self.begin(sender, recipients)
        self.send(wire)
        return self.reply()


class Scenario(unittest.TestCase):
    """A test case with a folder of its own and programs that end with it."""

    maxDiff = 4000

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix='mailramp-test-'))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self._programs = []
        self.addCleanup(self._end_programs)

    def started(self, program):
        self._programs.append(program)
        return program

    def reserved_port(self):
        """Where nobody listens, until a program of this test does."""
        port = ReservedPort()
        self.addCleanup(port.close)
        return port.number

    def _end_programs(self):
        for program in reversed(self._programs):
            if isinstance(program, Program):
                program.kill()
            else:
                program.stop()
        reports = [line for program in self._programs if isinstance(program, Program)
                   for line in program.lines.all() if 'Sanitizer' in line or 'runtime error: ' in line]
        if reports or self._failed():
            for program in self._programs:
                log = program.lines.all() if isinstance(program, Program) else program.logs().splitlines()
                name = program.arguments[0] if isinstance(program, Program) else type(program).__name__
                print(f'---- last lines of {name}', *log[-60:], sep='\n', file=sys.stderr)
        self.assertFalse(reports, 'a sanitizer has found something')

    def _failed(self):
        outcome = getattr(self, '_outcome', None)
        result = getattr(outcome, 'result', None)
        problems = [*getattr(result, 'errors', []), *getattr(result, 'failures', [])]
        problems += [entry for entry in getattr(outcome, 'errors', []) if entry[1]]
        return any(test is self for test, _ in problems)


def main(name):
    """Runs the tests of a file: 0 all passed, 1 one failed, 77 this machine cannot run them (with the reason)."""
    if name != '__main__':
        return
    program = unittest.main(module='__main__', exit=False, verbosity=2)
    result = program.result
    if not result.wasSuccessful():
        # A missing precondition is no failure, unless something else is.
        others = [text for _, text in result.errors + result.failures if 'harness.Unavailable' not in text]
        sys.exit(1 if others else SKIPPED)
    if result.skipped or not result.testsRun:
        sys.exit(SKIPPED)
    sys.exit(0)
