"""Fails unless docs/log-events.md says of every event what the code does: its name, its levels and its fields.

The names come from base/events.h, levels and fields from the calls of a base::Logger (and the LogRecords) in src/.
On the page, a level is a word of the second column; the fourth column lists the fields by commas. A field that not
every line of the event carries has a remark in parentheses behind its name, and one that every line carries has none.
"""

import dataclasses
import pathlib
import re
import sys

sys.dont_write_bytecode = True
from support.cpp_source import OPENING, code_only, cpp_files, finding, line_of, match_brackets, run  # noqa: E402

HEADER, PAGE = 'include/mailramp/base/events.h', 'docs/log-events.md'
LEVELS = ('debug', 'info', 'warning', 'error')
USE = re.compile(r'\bevents::(\w+)\b')
CALL = re.compile(r'\blogger_?\s*\.\s*(debug|info|warning|error)\s*\(\s*')
RECORD = re.compile(r'LogLevel::(debug|info|warning|error)\s*,\s*(?:\w+::)*$')
LITERAL = re.compile(r'"([^"\\]+)"')
IDENTIFIER = re.compile(r'[A-Za-z_]\w*')


@dataclasses.dataclass
class Line:
    """A place that logs an event. `fields` is None where they cannot be read."""
    path: pathlib.Path
    number: int
    level: str
    fields: frozenset | None


class Source:
    def __init__(self, path):
        self.path, self.text = path, path.read_text()
        self.code = code_only(self.text)
        self.partner = match_brackets(self.code)

    def number(self, offset):
        return line_of(self.text, offset)

    def arguments(self, opened):
        """The (start, end) of each argument in the brackets that open at `opened`."""
        end, start, at, found = self.partner[opened], opened + 1, opened + 1, []
        while at < end:
            if self.code[at] in OPENING:
                at = self.partner[at]
            elif self.code[at] == ',':
                found.append((start, at))
                start = at + 1
            at += 1
        return found + [(start, end)] if self.text[start:end].strip() else found

    def key_at(self, start):
        """The text literal that stands at or right after `start`, or None."""
        match = LITERAL.match(self.text, start + len(self.text[start:]) - len(self.text[start:].lstrip()))
        return match.group(1) if match else None

    def braced_fields(self, opened):
        """The keys in {{"key", value}, LogField("key", value), …}, or None where one cannot be read."""
        keys = []
        for start, end in self.arguments(opened):
            inner = next((at for at in range(start, end) if self.code[at] in '{('), None)
            keys.append(None if inner is None else self.key_at(inner + 1))
        return None if None in keys else frozenset(keys)

    def fields_of(self, start, end, before):
        """The keys that an argument passes: a braced list, or something declared above in the file."""
        opened = next((at for at in range(start, end) if not self.code[at].isspace()), end)
        if self.code[opened] == '{':
            return self.braced_fields(opened)
        for name in IDENTIFIER.findall(self.code[start:end]):
            declared = [*re.finditer(rf'\bLogField\s+{name}\s*\(|\bauto\s+{name}\s*=\s*\{{', self.code[:before])]
            if not declared:
                continue
            at = declared[-1].end() - 1
            if self.code[at] == '{':
                return self.braced_fields(at)
            key = self.key_at(at + 1)
            return frozenset([key]) if key else None
        return None


def lines_of(source, names, report):
    """(event, Line) for each place of a source that logs one."""
    for match in CALL.finditer(source.code):
        if not re.match(r'(?:\w+::)*events::\w+\b', source.code[match.end():]):
            report(match.start(), 'the event of a log line is named by its constant of base/events.h, at the place itself')
    for match in USE.finditer(source.code):
        before = source.code[:match.start()]
        call = re.search(CALL.pattern + r'(?:\w+::)*$', before)
        record = RECORD.search(before)
        if match.group(1) not in names:
            report(match.start(), f'{HEADER} declares no event {match.group(1)}')
        elif not call and not record:
            report(match.start(), f'cannot see at which level and with which fields {match.group(1)} is logged')
        else:
            opened = before.index('(', call.start()) if call else before.rindex('{', 0, record.start())
            arguments = source.arguments(opened)[2 if call else 3:]
            fields = source.fields_of(*arguments[0], opened) if arguments else frozenset()
            level = (call or record).group(1)
            if fields is None:
                report(match.start(), f'cannot read the fields of {match.group(1)}: write them as a braced list')
            yield names[match.group(1)], Line(source.path, source.number(match.start()), level, fields)


def read_page(text):
    """(row number, name, level cell, fields cell) for each row of the table."""
    for number, line in enumerate(text.split('\n'), 1):
        match = re.match(r'^\| *`([^`]+)` *\|', line)
        if match:
            cells = [cell.strip() for cell in line.strip().strip('|').split('|')]
            yield number, match.group(1), cells[1] if len(cells) > 1 else '', cells[3] if len(cells) > 3 else ''


def judge_row(name, level_cell, fields_cell, lines):
    """What a row of the page says wrongly of the lines that log its event."""
    at = ', '.join(f'{line.path.name}:{line.number}' for line in lines)
    said = {level for level in LEVELS if re.search(rf'\b{level}\b', level_cell)}
    logged = {line.level for line in lines}
    if said != logged:
        yield f'event {name} has level {" and ".join(sorted(logged))} ({at}), not {" and ".join(sorted(said)) or "none"}'
    if any(line.fields is None for line in lines):
        return
    written = {}
    for item in re.split(r',\s*(?![^()]*\))', fields_cell) if fields_cell else []:
        match = re.fullmatch(r'`?(\w+)`?(\s*\([^()]+\))?', item)
        if not match:
            yield f'event {name}: cannot read the field "{item}": a name, and a remark in parentheses if not every line has it'
            return
        written[match.group(1)] = bool(match.group(2))
    some = frozenset().union(*(line.fields for line in lines))
    every = some.intersection(*(line.fields for line in lines))
    for field in sorted(some - written.keys()):
        yield f'event {name}: the field {field} is missing ({at})'
    for field in sorted(written.keys() - some):
        yield f'event {name}: no line has a field {field} ({at})'
    for field in sorted(some & written.keys()):
        if written[field] == (field in every):
            yield f'event {name}: {"every line has" if field in every else "not every line has"} the field {field} ({at})'


def check(root):
    for path in (HEADER, PAGE):
        if not (root / path).exists():
            return [f'{path}: is missing']
    declared = re.findall(r'^inline constexpr std::string_view (\w+)\s*=\s*"([^"]+)";', (root / HEADER).read_text(), re.MULTILINE)
    rows = list(read_page((root / PAGE).read_text()))
    events, on_page = [name for _, name in declared], [row[1] for row in rows]
    found = [f'{HEADER}:1: declares no event that this lint can read'] if not declared else []
    for name in sorted(set(events) ^ set(on_page)):
        where, other = (HEADER, PAGE) if name in events else (PAGE, HEADER)
        found.append(finding(root, root / where, 1, f'event {name} is not in {other}'))
    for path, names in ((HEADER, events), (PAGE, on_page)):
        found += [finding(root, root / path, 1, f'event {name} stands there twice') for name in sorted(set(names))
                  if names.count(name) > 1]

    lines = {name: [] for name in events}
    for path in cpp_files(root, 'src'):
        source = Source(path)

        def report(offset, wrong, source=source):
            found.append(finding(root, source.path, source.number(offset), wrong))

        for name, line in lines_of(source, dict(declared), report):
            lines[name].append(line)
    for name in sorted(set(events)):
        if not lines[name]:
            found.append(finding(root, root / HEADER, 1, f'event {name} is logged nowhere'))
    for number, name, level_cell, fields_cell in rows:
        if lines.get(name):
            found += [finding(root, root / PAGE, number, wrong)
                      for wrong in judge_row(name, level_cell, fields_cell, lines[name])]
    return found


def tree(header, page, source):
    """A sample: the names declared, the rows (name, levels, fields) of the page, and the code."""
    constants = ''.join(f'inline constexpr std::string_view {name} = "{name}";  // what\n' for name in header)
    rows = ''.join(f'| `{name}` | {levels} | what | {fields} |\n' for name, levels, fields in page)
    return {HEADER: constants, PAGE: '| event | level | when | fields |\n|---|---|---|---|\n' + rows, 'src/app/a.cpp': source}


A = 'logger.info(base::events::a, "said, (so)", {{"x", f(1, 2)}, {"y", t.empty() ? "none" : t}});\n'
A_SHORT = 'self->context.logger_.warning(\n    events::a, why + "b",\n    {{"x", 1}});\n'

SAMPLES = [
    ('the same', tree('ab', [('b', 'info', ''), ('a', 'info', 'x, y')], A + 'logger.info(events::b, "");\n'), 0),
    ('two levels, a field of one', tree('a', [('a', 'info; warning if so', 'x, y (info)')], A + A_SHORT), 0),
    ('fields by name', tree('a', [('a', 'error', 'x, y')],
                            'const auto fields = {LogField("x", 1), base::LogField("y", z)};\nlogger.error(events::a, m, fields);\n'), 0),
    ('a record', tree('a', [('a', 'error', 'x')],
                      'const LogField f("x", 1);\npost({base::LogLevel::error, base::events::a, "m", std::span(&f, 1)});\n'), 0),
    ('missing on the page', tree('ab', [('a', 'info', 'x, y')], A + 'logger.info(events::b, "");\n'), 1),
    ('only on the page', tree('a', [('a', 'info', 'x, y'), ('b', 'info', '')], A), 1),
    ('twice', tree('ab', [('a', 'info', 'x, y'), ('b', 'info', ''), ('b', 'info', '')], A + 'logger.info(events::b, "");\n'), 1),
    ('unreadable header', {HEADER: '', PAGE: ''}, 1),
    ('no page', {HEADER: 'inline constexpr std::string_view a = "a";\n'}, 1),
    ('logged nowhere', tree('a', [('a', 'info', '')], ''), 1),
    ('another level', tree('a', [('a', 'error', 'x, y')], A), 1),
    ('a level too few', tree('a', [('a', 'info', 'x, y (info)')], A + A_SHORT), 1),
    ('a field too few', tree('a', [('a', 'info', 'x')], A), 1),
    ('a field too many', tree('a', [('a', 'info', 'x, y, z')], A), 1),
    ('a field of one line only', tree('a', [('a', 'info, warning', 'x, y')], A + A_SHORT), 1),
    ('a remark on what is always there', tree('a', [('a', 'info', 'x (sometimes), y')], A), 1),
    ('prose among the fields', tree('a', [('a', 'info', 'x; y, their number')], A), 1),
    ('fields out of sight', tree('a', [('a', 'info', 'x')], 'logger.info(events::a, "", fields);\n'), 1),
    ('an event out of sight', tree('a', [('a', 'info', 'x, y')], A + 'const auto event = events::a;\nlogger.info(event, "");\n'), 2),
    ('an event as text', tree('a', [('a', 'info', 'x, y')], A + 'logger_.debug("a", "");\n'), 1),
]

if __name__ == '__main__':
    run(check, SAMPLES)
