"""Fails where a thread is started outside io/, or one is let go: everything else runs on the event loop."""

import re
import sys

sys.dont_write_bytecode = True
from support.cpp_source import code_only, cpp_files, finding, line_of, run  # noqa: E402

STARTS = re.compile(r'\bstd\s*::\s*(?:j?thread\b(?!\s*::)|async\s*\()|\bpthread_create\b|\bthread_pool\b')
DETACHES = re.compile(r'(?:\.|->)\s*detach\s*\(|\bpthread_detach\b')


def check(root):
    found = []
    for path in cpp_files(root, 'include', 'src'):
        code = code_only(path.read_text())
        for match in () if 'io' in path.relative_to(root).parts[:-1] else STARTS.finditer(code):
            found.append(finding(root, path, line_of(code, match.start()),
                                 f'{match.group(0)}: only io/ starts threads; use io::offload or an io worker'))
        for match in () if 'io' in path.relative_to(root).parts[:-1] else DETACHES.finditer(code):
            found.append(finding(root, path, line_of(code, match.start()), 'a thread let go can outlive what it uses'))
    return found


SAMPLES = [
    ('io may', {'src/io/worker.cpp': 'std::jthread worker([] {});\n'}, 0),
    ('names and comments', {'src/queue/a.cpp': '// std::thread\nauto id = std::this_thread::get_id(); std::thread::id other;\n'}, 0),
    ('others may not', {'src/queue/a.cpp': 'std::thread t(f);\nt.detach();\nauto r = std::async(f);\n',
                        'include/mailramp/mail/b.h': 'std::jthread t;\n'}, 4),
    ('pools and pthreads', {'src/app/a.cpp': 'asio::thread_pool pool(2);\npthread_create(&t, nullptr, f, nullptr);\n'}, 2),
]

if __name__ == '__main__':
    run(check, SAMPLES)
