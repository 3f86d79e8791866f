"""Fails where the documents name a test or a file that is not there.

In the table of invariants of docs/ARCHITECTURE.md every name in the last column is a test: Suite.Name of GoogleTest, or
unit.AREA, fuzz.NAME, lint.NAME, e2e.NAME of CTest. In every document a link within the project leads somewhere, and a
path in backquotes that begins with a folder of the project is a path in it, unless it has a place to fill (AREA, *).
"""

import re
import sys

sys.dont_write_bytecode = True
from support.cpp_source import finding, line_of, run  # noqa: E402

PAGE = 'docs/ARCHITECTURE.md'
INVARIANT = re.compile(r'^\| (\d+) \|.*\|([^|]*)\|$', re.MULTILINE)
GTEST = re.compile(r'^(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\s*\)', re.MULTILINE)
CTEST = {'unit': 'tests/unit/{}/', 'lint': 'tests/lint/{}.py', 'e2e': 'tests/e2e/test_{}.py', 'fuzz': 'tests/fuzz/*/{}_fuzz.cpp'}
NAME = re.compile(r'`([^`]+)`')
LINK = re.compile(r'\]\(([^)#\s]+)(?:#[^)\s]*)?\)')
PATH = re.compile(r'^(?:src|include|tests|docs|bench|cmake|systemd|docker|\.ci)/[\w./-]+$')
PLACE = re.compile(r'[A-Z]{3,}(?!\.md)')


def documents(root):
    return sorted([*root.glob('*.md'), *(root / 'docs').rglob('*.md'), *(root / 'tests').rglob('README.md')])


def is_test(root, unit_tests, name):
    kind, _, rest = name.partition('.')
    if kind in CTEST:
        return any(root.glob(CTEST[kind].format(rest).rstrip('/')))
    return name in unit_tests


def check_invariants(root):
    if not (root / PAGE).exists():
        return [f'{PAGE}: is missing']
    text = (root / PAGE).read_text()
    unit_tests = {'.'.join(match) for folder in ('unit', 'simulation') for path in (root / 'tests' / folder).rglob('*_test.cpp')
                  for match in GTEST.findall(path.read_text())}
    rows = list(INVARIANT.finditer(text))
    found = [] if rows else [f'{PAGE}:1: has no table of invariants that this lint can read']
    for row in rows:
        found += [finding(root, root / PAGE, line_of(text, row.start()), f'invariant {row.group(1)}: there is no test {name}')
                  for name in NAME.findall(row.group(2)) if not is_test(root, unit_tests, name)]
    return found


def check_paths(root, path):
    text = path.read_text()
    for match in LINK.finditer(text):
        if '://' not in match.group(1) and not (path.parent / match.group(1)).exists():
            yield finding(root, path, line_of(text, match.start()), f'the link leads nowhere: {match.group(1)}')
    for match in NAME.finditer(text):
        name = match.group(1)
        if PATH.match(name) and not PLACE.search(name) and not (root / name).exists():
            yield finding(root, path, line_of(text, match.start()), f'there is no {name}')


def check(root):
    return check_invariants(root) + [line for path in documents(root) for line in check_paths(root, path)]


def page(shown_by, more=''):
    return f'| # | what | shown by |\n|---|---|---|\n| 1 | all is well | {shown_by} |\n\n{more}\n'


TESTS = {'tests/unit/smtp/a_test.cpp': 'TEST(Reader, Ends) {}\nTEST_P(\n    World,\n    Turns) {}\n', 'tests/lint/x.py': '',
         'tests/e2e/test_y.py': '', 'tests/fuzz/smtp/z_fuzz.cpp': ''}

SAMPLES = [
    ('all there', {**TESTS, PAGE: page('`Reader.Ends`, `World.Turns`; `unit.smtp`, `lint.x`, `e2e.y`, `fuzz.z`',
                                       '[a](../README.md#b) [c](https://x.test/) `tests/lint/` `src/AREA/` `src/x/*.h` `a/b`'),
                   'README.md': '[tests](tests/lint/x.py) `docs/ARCHITECTURE.md`\n'}, 0),
    ('tests that are not there', {**TESTS, PAGE: page('`Reader.Begins`, `Ends`, `unit.io`, `lint.y`, `e2e.z`, `fuzz.a`')}, 6),
    ('no table', {PAGE: 'nothing\n'}, 1),
    ('no page', {'README.md': ''}, 1),
    ('a link and a path', {**TESTS, PAGE: page('`lint.x`'), 'README.md': '[a](docs/b.md)\n', 'docs/c.md': '`src/io/a.h`\n'}, 2),
]

if __name__ == '__main__':
    run(check, SAMPLES)
