"""Fails on shell scripts that dash does not parse or shellcheck objects to."""

import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from support.cpp_source import run  # noqa: E402


def scripts(root):
    named = [path for path in (root / 'dev', root / '.ci' / 'run') if path.exists()]
    return named + sorted(path for folder in ('tests', 'bench', 'docker', 'config') for path in (root / folder).rglob('*.sh'))


def check(root):
    if not shutil.which('shellcheck'):
        return ['shellcheck is missing: apt-get install shellcheck']
    found = []
    for path in scripts(root):
        for command in (['sh', '-n', str(path)], ['shellcheck', '--format=gcc', str(path)]):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            if done.returncode:
                found.append(done.stdout.strip().replace(f'{root}/', ''))
    return found


SAMPLES = [
    ('clean', {'dev': '#!/bin/sh\necho "$1"\n'}, 0),
    ('no shell', {'dev': '#!/bin/sh\nif true; then\n'}, 2),
    ('not POSIX', {'tests/a.sh': '#!/bin/sh\nx=(1 2)\necho "${x[0]}"\n'}, 2),
    ('unquoted', {'.ci/run': '#!/bin/sh\nrm $1\n'}, 1),
]

if __name__ == '__main__':
    run(check, SAMPLES)
