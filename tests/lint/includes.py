"""Fails on an include that the architecture does not allow.

What an area may include is read from the mailramp_area() lines of CMakeLists.txt, so the drawing there and the
code cannot drift apart. A header lies in include/mailramp/AREA exactly if another area, or main.cpp, includes it, be
it through another header of include/mailramp/AREA: there it is public, in src/AREA it is private.
"""

import collections
import re
import sys

sys.dont_write_bytecode = True
from support.cpp_source import code_only, cpp_files, finding, line_of, run  # noqa: E402

AREA = re.compile(r'^mailramp_area\(\s*(\w+)(.*?)\)', re.MULTILINE | re.DOTALL)
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)

# They promise: no I/O, no threads, no clock, no chance of their own.
PURE = ('base', 'mail', 'smtp', 'provider', 'route', 'bounce')
IMPURE_HEADERS = re.compile(
    r'^(boost/asio|boost/beast|openssl/|curl/|sqlite3|spdlog/|thread$|mutex$|shared_mutex$|condition_variable$|future$'
    r'|semaphore$|latch$|barrier$|stop_token$|fstream$|iostream$|filesystem$|random$|pthread|unistd|fcntl|sys/|netdb)')  # inet_pton of <arpa/inet.h> is a pure parser
IMPURE_CALLS = re.compile(
    r'\b\w*clock\w*\s*::\s*now\s*\(|\bclock_gettime\s*\(|\bgettimeofday\s*\(|(?<![\w.>:])(?:std::)?time\s*\(\s*(?:nullptr|NULL|0|&)'
    r'|\brandom_device\b|\bgetrandom\s*\(|\bgetenv\s*\(')

# Header prefix → the target that must stand in LIBS of the area's own line.
LIBRARIES = {
    'sqlite3': 'SQLite::SQLite3',
    'curl/': 'CURL::libcurl',
    'yaml-cpp/': 'yaml-cpp::yaml-cpp',
    'spdlog/': 'spdlog::spdlog',
    'fmt/': 'spdlog::spdlog',
    'boost/json': 'Boost::json',
    'crypt.h': 'mailramp::crypt',
}
# These come with io, whose header-only vocabulary every shell speaks.
WITH_IO = ('boost/asio', 'boost/beast', 'boost/system', 'openssl/')
# Slow to compile, so in one translation unit of each program, and in no header.
ONCE = {
    'spdlog/': {'app': 1},
    'CLI/': {'cli': 1, 'sandbox': 1},
    'boost/beast': {'admin': 1, 'sandbox': 1},
}
UMBRELLAS = {
    'boost/asio.hpp': 'include the narrow Asio headers (4 s a file, not 11)',
    'boost/asio/ssl.hpp': 'include the narrow Asio headers (4 s a file, not 11)',
    'boost/beast.hpp': 'include the narrow Beast headers',
    'bits/stdc++.h': 'include what is used',
    'boost/asio/experimental/awaitable_operators.hpp':
        'its || frees memory in use before Boost 1.83; a watchdog timer closes the socket instead',
}


def read_areas(root):
    areas = {}
    for name, rest in AREA.findall((root / 'CMakeLists.txt').read_text()):
        words = rest.split()
        libs_at = words.index('LIBS') if 'LIBS' in words else len(words)
        uses = words[words.index('USES') + 1:libs_at] if 'USES' in words else []
        areas[name] = (set(uses), set(words[libs_at + 1:]))
    return areas


def area_of(root, path):
    parts = path.relative_to(root).parts
    if parts[:2] == ('include', 'mailramp') and len(parts) > 3:
        return parts[2]
    if parts[0] == 'src' and len(parts) > 2:
        return parts[1]
    return None


def judge_own(areas, area, target):
    """What is wrong with a quoted include, or None."""
    parts = target.split('/')
    if parts[0] == 'mailramp' and len(parts) == 3:
        other = parts[1]
        if other != area and other not in areas[area][0]:
            return f'{area} may not include {other} (see its line in CMakeLists.txt)'
    elif len(parts) == 2:
        if parts[0] != area:
            return f'{target} is private to {parts[0]}; only include/mailramp/ is for other areas'
    else:
        return f'{target}: include by "mailramp/AREA/file.h" or "{area}/file.h"'
    return None


def judge_foreign(areas, area, target):
    """What is wrong with an angle include, or None."""
    if target in UMBRELLAS:
        return f'<{target}>: {UMBRELLAS[target]}'
    if area in PURE and IMPURE_HEADERS.match(target):
        return f'<{target}>: {area} is pure (no I/O, threads, clock or chance)'
    for prefix, library in LIBRARIES.items():
        if target.startswith(prefix) and library not in areas[area][1]:
            return f'<{target}>: {library} is not among the LIBS of {area}'
    if target.startswith(WITH_IO) and area != 'io' and 'io' not in areas[area][0]:
        return f'<{target}>: {area} does not use io'
    return None


def check_once(root, users):
    found = []
    for prefix, allowed in ONCE.items():
        for area, paths in users[prefix].items():
            for path in sorted(paths):
                if path.suffix == '.h':
                    found.append(finding(root, path, 1, f'<{prefix}…> in a header reaches many translation units'))
            sources = sorted(path for path in paths if path.suffix == '.cpp')
            for path in sources[allowed.get(area, 0):]:
                first = f', and that is {sources[0].relative_to(root)}' if area in allowed else ''
                found.append(finding(root, path, 1,
                                     f'<{prefix}…> belongs in {allowed.get(area, 0)} translation units of {area}{first}'))
    return found


def check(root):
    areas = read_areas(root)
    found, users, includers = [], collections.defaultdict(lambda: collections.defaultdict(set)), collections.defaultdict(set)
    for path in cpp_files(root, 'include', 'src'):
        area, text = area_of(root, path), path.read_text()
        if path.parts[-2:] == ('src', 'main.cpp'):
            area = 'cli'  # the main function of the daemon is the command line's
        elif area not in areas:
            found.append(finding(root, path, 1, f'lies in no area that CMakeLists.txt names ({area})'))
            continue
        for match in INCLUDE.finditer(text):
            kind, target = match.groups()
            judge = judge_own if kind == '"' else judge_foreign
            wrong = judge(areas, area, target)
            if wrong:
                found.append(finding(root, path, line_of(text, match.start()), wrong))
            if kind == '"':
                includers[target].add(path)
            for prefix in ONCE:
                if kind == '<' and target.startswith(prefix):
                    users[prefix][area].add(path)
        if area in PURE:
            for match in IMPURE_CALLS.finditer(code_only(text)):
                found.append(finding(root, path, line_of(text, match.start()),
                                     f'{match.group(0).strip()}: {area} is pure, time and chance come in as arguments'))
    found += check_once(root, users)
    for path in cpp_files(root, 'tests', 'bench'):
        text = path.read_text()
        for match in INCLUDE.finditer(text):
            if match.group(2) in UMBRELLAS:
                found.append(finding(root, path, line_of(text, match.start()), UMBRELLAS[match.group(2)]))
    return found + check_public(root, includers)


def check_public(root, includers):
    """Headers in include/ that are of use to their own area only."""
    main = root / 'src' / 'main.cpp'
    waiting = {f'mailramp/{area_of(root, path)}/{path.name}': path for path in cpp_files(root, 'include')}
    public = set()

    def is_public(name, path):
        return any(by == main or by in public or area_of(root, by) != area_of(root, path) for by in includers[name])

    while found := [name for name, path in waiting.items() if is_public(name, path)]:
        public.update(waiting.pop(name) for name in found)
    return [finding(root, path, 1, f'no other area includes it, so it belongs in src/{area_of(root, path)}/')
            for path in waiting.values()]


CMAKE = '''
mailramp_area(base)
mailramp_area(smtp    USES base)
mailramp_area(io      USES base LIBS mailramp::asio CURL::libcurl)
mailramp_area(queue   USES base io LIBS SQLite::SQLite3)
mailramp_area(app     USES base queue io LIBS spdlog::spdlog)
mailramp_area(cli     USES app LIBS CLI11::CLI11)
'''


def sample(name, expected, **files):
    tree = {path.replace('__', '/') + '.cpp': text for path, text in files.items()}
    return name, {'CMakeLists.txt': CMAKE, **tree}, expected


def headers(name, expected, public, **files):
    """A sample with headers {AREA/FILE: text} in include/mailramp/."""
    _, tree, _ = sample(name, expected, **files)
    return name, {**tree, **{f'include/mailramp/{path}.h': text for path, text in public.items()}}, expected


SAMPLES = [
    sample('allowed', 0,
           src__queue__a='#include <sqlite3.h>\n#include <boost/asio/post.hpp>\n#include "mailramp/io/x.h"\n#include "queue/b.h"\n',
           src__app__log='#include <spdlog/logger.h>\n', src__main='#include "mailramp/cli/x.h"\n'),
    sample('an arrow backwards', 1, src__io__a='#include "mailramp/queue/x.h"\n'),
    sample('a private header of another area', 1, src__app__a='#include "queue/wal.h"\n'),
    sample('no area', 1, src__nowhere__a='int x;\n'),
    sample('a library that is not its own', 2, src__app__a='#include <sqlite3.h>\n#include <curl/curl.h>\n'),
    sample('pure areas', 4,
           src__smtp__a='#include <thread>\n#include <openssl/evp.h>\n  auto t = std::chrono::steady_clock::now();\n',
           src__base__b='#include <fstream>\n// clock::now() in a comment is fine\n'),
    sample('umbrella', 1, src__io__a='#include <boost/asio.hpp>\n'),
    sample('twice', 1, src__app__a='#include <spdlog/logger.h>\n', src__app__b='#include <spdlog/sinks/base_sink.h>\n'),
    sample('where it does not belong', 1, src__queue__a='#include <boost/beast/http/parser.hpp>\n'),
    headers('public headers', 0, {'io/x': '#include "mailramp/io/y.h"\n', 'io/y': '', 'cli/z': ''},
            src__queue__a='#include "mailramp/io/x.h"\n', src__main='#include "mailramp/cli/z.h"\n'),
    headers('public headers for nobody', 3, {'io/x': '#include "mailramp/io/y.h"\n', 'io/y': '', 'queue/z': ''},
            src__io__a='#include "mailramp/io/x.h"\n'),
]

if __name__ == '__main__':
    run(check, SAMPLES)
