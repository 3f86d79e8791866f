"""Fails on what no source file should carry: left-over markers, paths of one machine, tabs, trailing blanks."""

import re
import sys

sys.dont_write_bytecode = True
from support.cpp_source import finding, run  # noqa: E402

FOLDERS = ('include', 'src', 'tests', 'bench', 'cmake', 'config', 'docs', 'docker', 'systemd', '.ci')
SUFFIXES = ('.h', '.cpp', '.py', '.sh', '.cmake', '.txt', '.md', '.yaml', '.yml', '.json', '.sql', '.service', '.socket')
# Recorded conversations, configurations that must fail and the like are bytes, not prose.
DATA = ('tests/dialogs/', 'tests/bad_configs/', 'tests/data/')
# Each pattern is written so that it does not match this file.
PATTERNS = (
    (re.compile(r'\b(TO[D]O|FIX[M]E|X[X]X)\b'), 'a marker for work left undone'),
    (re.compile(r'(?<![\w.$}])/(wor[k]|hom[e])/\w'), 'a path of one machine'),
    (re.compile(r'[\t]'), 'a tab'),
    (re.compile(r'[ ]+$'), 'blanks at the end of the line'),
    (re.compile(r'^([<]{7}|[>]{7}|[=]{7})( |$)'), 'a conflict of a merge, unsettled'),
)


def text_files(root):
    top = [path for path in root.iterdir() if path.is_file() and (path.suffix in SUFFIXES or path.name == 'dev')]
    below = [path for folder in FOLDERS for path in (root / folder).rglob('*')
             if path.is_file() and (path.suffix in SUFFIXES or folder == '.ci')]
    names = {str(path.relative_to(root)): path for path in top + below}
    return [path for name, path in sorted(names.items()) if not name.startswith(DATA)]


def check(root):
    found = []
    for path in text_files(root):
        for number, line in enumerate(path.read_text(errors='replace').split('\n'), 1):
            found += [finding(root, path, number, what) for pattern, what in PATTERNS if pattern.search(line)]
        if not path.read_bytes().endswith(b'\n') and path.stat().st_size:
            found.append(finding(root, path, number, 'the last line has no end'))
    return found


SAMPLES = [
    ('clean', {'src/a.cpp': 'int x;  // the network is /var/lib/mailramp, {root}/home/x, https://host/work/\n',
               'tests/dialogs/a.txt': 'a\tb \n'}, 0),
    ('marker', {'src/a.cpp': '// TO' 'DO: later\n', 'docs/a.md': 'FIX' 'ME\n'}, 2),
    ('paths', {'dev': 'cd /wor' 'k/main\n', 'tests/e2e/a.py': "open('/hom" "e/me/x')\n"}, 2),
    ('conflict', {'docs/a.md': '<' * 7 + ' HEAD\nours\n' + '=' * 7 + '\ntheirs\n' + '>' * 7 + ' 8c05fae\n========\n'}, 3),
    ('white space', {'src/a.h': 'int a;\t\nint b; \nint c;'}, 3),
]

if __name__ == '__main__':
    run(check, SAMPLES)
