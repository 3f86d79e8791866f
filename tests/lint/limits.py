"""Fails on a number of seconds or octets that has no name: a limit is a member of an Options struct or a constant.

Looked for are durations (std::chrono::seconds(30), 30s), sizes (64 * 1024, 1 << 20) and arrays of a numbered length.
A number has a name where it initialises or sets a member or a constant. Tables are knowledge, and name each row themselves.
"""

import re
import sys

sys.dont_write_bytecode = True
from support.cpp_source import code_only, cpp_files, finding, line_of, run  # noqa: E402

TABLES = ('src/config/tables.cpp', 'src/config/alert_table.cpp', 'src/config/inbound_tables.cpp', 'src/config/value_types.cpp', 'src/provider/reply_rows.cpp', 'src/provider/preset.cpp')
NUMBER = r"[0-9][0-9']*(?:[uUlL]|ull|ULL)*"
NAKED = re.compile(
    r'\b(?:microseconds|milliseconds|seconds|minutes|hours|days)\s*[({]\s*(?!0\s*[)}])' + NUMBER + r'\s*[)}*]'
    r"|(?<![\w.])[0-9][0-9']*(?:us|ms|s|min|h)\b"
    r"|<<\s*(?:10|20|30|40)\b|\*\s*(?:1024|1'?000'?000)\b"
    r"|\barray<\s*(?:unsigned )?char\s*,\s*[0-9][0-9']{2,}")
# A declaration, or a member that is set: it gives its name to what follows the = or the brace.
NAMED = re.compile(r'(?:\bconstexpr\b[^;]*|^\s*(?:static\s+)?[A-Za-z_][\w:<>, ]*[\s&]\w+\s*|^\s*\w+\.\w+\s*)(?:=|\{)[^=]*$', re.DOTALL)


def statement_before(code, at):
    start = max(code.rfind(mark, 0, at) for mark in (';', '{\n', '}\n'))
    return code[start + 1:at].lstrip('\n')


def check(root):
    found = []
    for path in cpp_files(root, 'include', 'src'):
        if str(path.relative_to(root)) in TABLES:
            continue
        code = code_only(path.read_text())
        for match in NAKED.finditer(code):
            if not NAMED.search(statement_before(code, match.start())):
                found.append(finding(root, path, line_of(code, match.start()),
                                     f'{match.group(0)}: a number without a name; put it into the Options, or name it'))
    return found


SAMPLES = [
    ('named', {'src/io/a.cpp': 'constexpr base::Duration pause = std::chrono::seconds(3);\nconstexpr std::size_t n = 64 * 1024;\n'
                               'constexpr auto day = 24h;\nvoid f() {\n    key.valid_until = -std::chrono::hours(24);\n}\nconstexpr std::size_t m = std::size_t{16} << 20;\n',
               'include/mailramp/io/options.h': 'struct Options {\n    base::Duration timeout =\n        std::chrono::minutes(1);\n'
                                                '    std::size_t bytes_max = 8 * 1024;\n};\n'}, 0),
    ('no number', {'src/io/a.cpp': 'f(std::chrono::seconds(n), x << shift, std::chrono::seconds(0));\n'
                                   'auto t = std::chrono::floor<std::chrono::seconds>(t0);\nint a = 0x1f;\n// wait 30s\n'}, 0),
    ('a duration', {'src/io/a.cpp': 'void f() {\n    co_await sleep_for(std::chrono::milliseconds(100));\n    g(30s);\n}\n'}, 2),
    ('a size', {'src/io/a.cpp': 'void f() {\n    buffer.resize(64 * 1024);\n    if (n > 1 << 20) return;\n}\n'}, 2),
    ('an array', {'src/io/a.cpp': 'void f() {\n    std::array<char, 4096> buffer{};\n}\n'}, 1),
    ('a table', {'src/config/tables.cpp': 'table.value(duration(1s, 1h));\n'}, 0),
]

if __name__ == '__main__':
    run(check, SAMPLES)
