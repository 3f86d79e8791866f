"""A disk that forgets, on request, all that was not made durable: a filesystem in a file, cut off and mounted again.

The cut is the shutdown request of XFS, which ext4 knows too, with its log not flushed: what has not reached the
device is gone, as after a power cut. It comes after the kill, so that no answer can race with it.
"""

import ctypes
import fcntl
import os
import pathlib
import struct
import subprocess
import sys

import harness

_SHUTDOWN = 0x8004587D         # XFS_IOC_GOINGDOWN, EXT4_IOC_SHUTDOWN
_WITHOUT_LOG_FLUSH = 2

_MAKE = {
    'ext4': ['mkfs.ext4', '-q', '-F', '-E', 'lazy_itable_init=0,lazy_journal_init=0'],
    'xfs': ['mkfs.xfs', '-q', '-f'],
}
# The kernel is to help as little as it can: no commit of the journal on its own while a test runs.
_OPTIONS = {'ext4': 'loop,commit=300', 'xfs': 'loop'}

_IGNORES_SYNCS = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/types.h>
int fsync(int fd) { (void)fd; return 0; }
int fdatasync(int fd) { (void)fd; return 0; }
int syncfs(int fd) { (void)fd; return 0; }
void sync(void) {}
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned flags) {
    (void)fd; (void)offset; (void)length; (void)flags; return 0;
}
'''


def enter_private_mounts():
    """Runs this program again where its mounts are its own: they end with it, however it ends."""
    try:
        harness.require_root()
    except harness.Unavailable as why:
        print(f'skipped: {why}')
        sys.exit(harness.SKIPPED)
    if os.environ.get('MAILRAMP_TEST_MOUNTS') != '1':
        os.environ['MAILRAMP_TEST_MOUNTS'] = '1'
        os.execvp('unshare', ['unshare', '--mount', sys.executable, '-B', *sys.argv])


class Disk:
    def __init__(self, folder, kind, megabytes=320):
        self.kind = kind
        self._image = pathlib.Path(folder) / f'{kind}.image'
        self.path = pathlib.Path(folder) / f'{kind}.mounted'
        self.path.mkdir()
        with open(self._image, 'wb') as image:
            image.truncate(megabytes << 20)
        self._run(*_MAKE[kind], self._image)
        self._mount()

    @staticmethod
    def _run(*command):
        done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
        if done.returncode:
            raise harness.Unavailable(f'{command[0]} failed: {done.stdout}')

    def _mount(self):
        self._run('mount', '-t', self.kind, '-o', _OPTIONS[self.kind], self._image, self.path)

    def cut_power(self):
        """Everything that was not durable is gone. The caller has killed whoever used the disk."""
        folder = os.open(self.path, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, _SHUTDOWN, struct.pack('I', _WITHOUT_LOG_FLUSH))
        finally:
            os.close(folder)
        self._run('umount', self.path)
        self._mount()

    def stop(self):
        ctypes.CDLL(None).umount2(str(self.path).encode(), 2)  # MNT_DETACH

    def logs(self):
        return subprocess.run(['df', str(self.path)], stdout=subprocess.PIPE, text=True, check=False).stdout


def without_syncs(folder):
    """The environment of a program whose syncs do nothing."""
    source, library = pathlib.Path(folder) / 'ignores_syncs.c', pathlib.Path(folder) / 'ignores_syncs.so'
    source.write_text(_IGNORES_SYNCS)
    subprocess.run(['g++', '-x', 'c', '-shared', '-fPIC', '-o', str(library), str(source)], check=True)
    # A sanitizer wants to be loaded first; it need not be, for functions that it does not watch.
    return {'LD_PRELOAD': str(library), 'ASAN_OPTIONS': os.environ.get('ASAN_OPTIONS', '') + ':verify_asan_link_order=0'}
