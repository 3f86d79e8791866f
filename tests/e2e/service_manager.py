"""The other end of sd_notify(3), and what systemd's own programs say about our units."""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import threading
import time

import harness


def require(program):
    if not shutil.which(program):
        raise harness.Unavailable(f'needs {program}')


def units():
    return pathlib.Path(os.environ['MAILRAMP_SOURCE_DIR'], 'systemd')


def settings_of(unit):
    """The assignments of a unit file, as (name, value), in their order."""
    lines = (line for line in unit.read_text().splitlines() if line and line[0] not in '#[')
    return [tuple(line.split('=', 1)) for line in lines]


def groups_of_system_calls():
    """@name → what stands in it, as this systemd has it."""
    done = subprocess.run(['systemd-analyze', 'syscall-filter'], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True, timeout=harness.DEADLINE)
    groups, name = {}, None
    for line in done.stdout.splitlines():
        if line.startswith('@'):
            name = line.strip()
            groups[name] = set()
        elif name and re.match(r'\s+[@\w]', line):
            groups[name].add(line.strip())
    return groups


def allowed_system_calls(unit):
    """What the SystemCallFilter= lines of a unit leave: the first one says that it is a list of what is allowed."""
    groups, allowed = groups_of_system_calls(), set()

    def members(name):
        if not name.startswith('@'):
            return {name}
        return set().union(*(members(member) for member in groups[name]))

    allowed |= members('@default')
    for name, value in settings_of(unit):
        if name == 'SystemCallFilter':
            taken = set().union(*(members(word) for word in value.lstrip('~').split()))
            allowed = allowed - taken if value.startswith('~') else allowed | taken
    return allowed


_WITHOUT_NETLINK = r'''
import ctypes, os, socket, struct, sys
number = {'x86_64': 41, 'aarch64': 198}[os.uname().machine]
load, equal, give, allow, refuse = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000 | 97  # EAFNOSUPPORT
steps = [(load, 0, 0, 0), (equal, 0, 3, number), (load, 0, 0, 16), (equal, 0, 1, int(socket.AF_NETLINK)),
         (give, 0, 0, refuse), (give, 0, 0, allow)]
code = ctypes.create_string_buffer(b''.join(struct.pack('HBBI', *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack('HP', len(steps), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, program):  # PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP
    sys.exit(os.strerror(ctypes.get_errno()))
try:
    socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)
    sys.exit('netlink sockets are still there')
except OSError:
    os.execv(sys.argv[1], sys.argv[1:])
'''


def without_netlink():
    """For a Daemon's prefix: what glibc asks for addresses of this machine is refused, as RestrictAddressFamilies= does."""
    if os.uname().machine not in ('x86_64', 'aarch64'):
        raise harness.Unavailable('knows the system calls of x86-64 and arm64 only')
    return [sys.executable, '-c', _WITHOUT_NETLINK]


class Manager:
    """Receives notifications. `name` is what NOTIFY_SOCKET holds: a path, or '@' and an abstract name."""

    def __init__(self, name):
        self.name = str(name)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind('\0' + self.name[1:] if self.name.startswith('@') else self.name)
        self._received, self._changed = [], threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while datagram := self._socket.recv(4096):
            with self._changed:
                self._received.append((time.monotonic(), dict(line.split('=', 1) for line in datagram.decode().splitlines())))
                self._changed.notify_all()

    def stop(self):
        """An empty datagram ends the reader."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b'', self._socket.getsockname())
        self._thread.join(harness.DEADLINE)
        self._socket.close()

    def logs(self):
        return '\n'.join(map(str, self.all()))

    def all(self):
        with self._changed:
            return [fields for _, fields in self._received]

    def statuses(self):
        return [fields['STATUS'] for fields in self.all() if 'STATUS' in fields]

    def count(self, name):
        return sum(name in fields for fields in self.all())

    def times(self, name):
        """When each notification with this name came, by the monotonic clock."""
        with self._changed:
            return [at for at, fields in self._received if name in fields]

    def wait_for(self, accept, what, after=0):
        """The first notification from index `after` on for which accept(fields) holds."""
        def found():
            return next((fields for fields in self.all()[after:] if accept(fields)), None)

        return harness.eventually(found, what=lambda: f'notification: {what}; came: {self.all()[-10:]}')

    def wait_for_status(self, pattern, after=0):
        return self.wait_for(lambda fields: re.search(pattern, fields.get('STATUS', '')), f'STATUS like {pattern}', after)
