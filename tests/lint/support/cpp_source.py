"""What the lints share: finding the sources, blanking what is no code, and saying what is wrong.

A lint is a script that calls run(check, samples). It tries itself first: every sample is a small tree of files
with the number of findings it must give, so that a lint that has gone blind fails.
"""

import pathlib
import re
import sys
import tempfile

_LITERAL_OR_COMMENT = re.compile(
    r'//[^\n]*'
    r'|/\*.*?\*/'
    r'|R"(?P<delimiter>[^()\\\s]{0,16})\(.*?\)(?P=delimiter)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


def code_only(text):
    """The text with comments as blanks and literals as `"___"`, so that every offset and line stays."""

    def blank(match):
        found = match.group(0)
        if found.startswith('/'):
            return re.sub(r'[^\n]', ' ', found)
        return re.sub(r'[^\n]', '_', found)

    return _LITERAL_OR_COMMENT.sub(blank, text)


OPENING, CLOSING = '([{', ')]}'


def match_brackets(code):
    """Offsets of every opening bracket to its closing one, and back."""
    partner, stack = {}, []
    for offset, character in enumerate(code):
        if character in OPENING:
            stack.append(offset)
        elif character in CLOSING and stack:
            opened = stack.pop()
            partner[opened], partner[offset] = offset, opened
    return partner


def line_of(text, offset):
    return text.count('\n', 0, offset) + 1


def cpp_files(root, *folders):
    """All C++ sources below the folders (those that exist), in a stable order."""
    found = []
    for folder in folders or ('include', 'src', 'tests', 'bench'):
        for suffix in ('*.h', '*.cpp'):
            found += (root / folder).rglob(suffix)
    return sorted(found)


def finding(root, path, line, text):
    return f'{path.relative_to(root)}:{line}: {text}'


def _try_sample(check, name, files, expected):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, content in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content)
        found = check(root)
    if len(found) != expected:
        print(f'{sys.argv[0]}: sample "{name}" must give {expected} findings and gave {len(found)}:')
        print('\n'.join('  ' + line for line in found))
        return False
    return True


def run(check, samples):
    """check(root) returns the findings; samples are (name, {path: content}, number of findings)."""
    if not any(expected for _, _, expected in samples):
        sys.exit(f'{sys.argv[0]}: no sample is bad, so nothing shows that this lint sees anything')
    if not all([_try_sample(check, *sample) for sample in samples]):
        sys.exit(1)
    root = pathlib.Path(__file__).resolve().parents[3]
    found = check(root)
    print('\n'.join(found) if found else f'{len(samples)} samples judged rightly, nothing found in the tree')
    sys.exit(1 if found else 0)
