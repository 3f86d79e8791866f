"""Fails unless docs/log-events.md has one table row for each event name of base/events.h, and no other."""

import re
import sys

sys.dont_write_bytecode = True
from support.cpp_source import finding, run  # noqa: E402

HEADER, PAGE = 'include/mailramp/base/events.h', 'docs/log-events.md'


def check(root):
    if not (root / PAGE).exists():
        return [f'{PAGE}: is missing']
    declared = re.findall(r'^inline constexpr std::string_view \w+ = "([^"]+)";', (root / HEADER).read_text(), re.MULTILINE)
    rows = re.findall(r'^\| *`([^`]+)` *\|', (root / PAGE).read_text(), re.MULTILINE)
    found = [f'{HEADER}: declares no event that this lint can read'] if not declared else []
    for name in sorted(set(declared) ^ set(rows)):
        where, other = (HEADER, PAGE) if name in declared else (PAGE, HEADER)
        found.append(finding(root, root / where, 1, f'event {name} is not in {other}'))
    for path, names in ((HEADER, declared), (PAGE, rows)):
        found += [finding(root, root / path, 1, f'event {name} stands there twice') for name in sorted(set(names))
                  if names.count(name) > 1]
    return found


def tree(header, page):
    lines = ''.join(f'inline constexpr std::string_view e{at} = "{name}";  // what\n' for at, name in enumerate(header))
    return {HEADER: lines, PAGE: '| event | tells |\n|---|---|\n' + ''.join(f'| `{name}` | what |\n' for name in page)}


SAMPLES = [
    ('the same', tree(['a', 'b'], ['b', 'a']), 0),
    ('missing on the page', tree(['a', 'b'], ['a']), 1),
    ('only on the page', tree(['a'], ['a', 'b']), 1),
    ('twice', tree(['a', 'b', 'b'], ['a', 'b']), 1),
    ('unreadable header', {HEADER: '', PAGE: ''}, 1),
    ('no page', {HEADER: 'inline constexpr std::string_view a = "a";\n'}, 1),
]

if __name__ == '__main__':
    run(check, SAMPLES)
