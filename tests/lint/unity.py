"""Fails where two files of an area have things of one name in their anonymous namespaces.

The demo preset compiles several files of an area as one, and then they are the same namespace. Functions that take
different things, and aliases of the same thing, may stand there twice.
"""

import re
import sys

sys.dont_write_bytecode = True
from support.cpp_source import code_only, cpp_files, finding, line_of, match_brackets, run  # noqa: E402

ANONYMOUS = re.compile(r'\bnamespace\s*\{')
DIRECTIVE = re.compile(r'^[ \t]*#(?:.*\\\n)*.*$', re.MULTILINE)
# Arguments of templates; an operator has a blank in front of it.
ARGUMENTS = re.compile(r'(?<=\w)<[^<>]*>|(?<=template )<[^<>]*>')
PREFIX = re.compile(r'(?:template|\[\w*\])\s+')
NAMELESS = re.compile(r'(?:using(?!\s+\w+\s*=)|static_assert|namespace|friend|requires)\b')
NAMED = re.compile(r'(?P<alias>using)\s+(?P<name>\w+)\s*='
                   r'|(?:struct|class|union|enum(?:\s+(?:class|struct))?|concept)\s+(?P<type>\w+)(?:\s+final)?\s*(?=[:{;=]|$)')
OTHER = re.compile(r'(?<![\w:])(?P<name>(?:\w+\s*::\s*)*\w+)\s*(?:\((?P<parameters>\d+)\)|(?=[{=;\[]|$))')
FURTHER = re.compile(r',\s*[*&]?\s*(\w+)\s*(?=[={,\[]|$)')
PARAMETER_NAME = re.compile(r'(?<=[\s&*>])\w+\s*(?:=.*)?$')


def statements(code, start, end, partner):
    """(offset, end, text) of those directly between two offsets; in place of what brackets hold, text has where they open."""
    first, offset, text = start, start, ''
    while offset < end:
        character = code[offset]
        closing = partner.get(offset, offset)
        if closing > offset:
            text += f'{character}{offset}{code[closing]}'
        elif character != ';':
            text += character
        offset = closing + 1
        # A block ends a function; more follows the braces of a type or of a value.
        if character == ';' or character == '{' and code[offset:end].lstrip()[:1] not in (';', ',', '(', '.'):
            yield first + len(code[first:offset]) - len(code[first:offset].lstrip()), offset, text.strip()
            first, text = offset, ''


def without_template_arguments(text):
    while (shorter := ARGUMENTS.sub('', text)) != text:
        text = shorter
    return text


def types_of(parameters):
    """A parameter list without the names, as text."""
    depth, parts = 0, ['']
    for character in parameters:
        depth += (character in '<([{') - (character in '>)]}')
        if character == ',' and depth == 0:
            parts.append('')
        else:
            parts[-1] += character
    return ','.join(''.join(PARAMETER_NAME.sub('', part.strip()).split()) for part in parts)


def declared(code):
    """(name, offset, what it is) of everything in the anonymous namespaces of a file. Two may be one unless they differ."""
    code = DIRECTIVE.sub(lambda found: re.sub(r'[^\n]', ' ', found.group(0)), code)
    partner = match_brackets(code)
    for match in ANONYMOUS.finditer(code):
        opening = match.end() - 1
        for offset, end, statement in statements(code, opening + 1, partner.get(opening, len(code)), partner):
            text = without_template_arguments(' '.join(statement.split()))
            text = re.sub(r'\[\d+\] ', '', text)  # attributes
            while found := PREFIX.match(text):
                text = text[found.end():]
            if NAMELESS.match(text) or 'operator' in text:
                continue
            if found := NAMED.match(text):
                is_alias = found.group('alias')
                yield found.group('name') or found.group('type'), offset, ' '.join(code[offset:end].split()) if is_alias else 'type'
            elif (found := OTHER.search(text)) and '::' not in found.group('name'):  # else a member, defined outside its class
                at = found.group('parameters')
                yield found.group('name'), offset, f'({types_of(code[int(at) + 1:partner[int(at)]])})' if at else 'value'
                for further in FURTHER.findall(text[found.end():]):
                    yield further, offset, 'value'


def may_stand_together(one, other):
    if one.startswith('(') and other.startswith('('):
        return one != other
    return one == other and one.startswith('using ')


def check(root):
    found, known = [], {}
    for path in cpp_files(root, 'src'):
        if path.suffix != '.cpp' or path.name == 'main.cpp':  # that is a program of its own
            continue
        area = path.relative_to(root).parts[1]
        code = code_only(path.read_text())
        for name, offset, what in declared(code):
            same = known.setdefault((area, name), [])
            for other_path, other in same:
                if other_path != path and not may_stand_together(what, other):
                    found.append(finding(root, path, line_of(code, offset), f'{name}: {other_path.relative_to(root)} has one too; '
                                                                            'a unity build makes their namespaces one'))
                    break
            same.append((path, what))
    return found


def in_anonymous(text):
    return 'namespace a {\nnamespace {\n' + text + '\n}  // namespace\nvoid open() { int n; }\n}\n'


def pair(one, other=None, second='src/io/b.cpp'):
    return {'src/io/a.cpp': in_anonymous(one), second: in_anonymous(other or one)}


SAMPLES = [
    ('functions', pair('bool f(int x, A<B, C> y = {}) { return g(x); }\nstd::optional<std::vector<int>> g(int);\nauto h() -> int {}',
                       '[[nodiscard]] constexpr bool f(int a, A<B, C>) noexcept { return 1; }\n'
                       'template <class T, class U>\nT g(int u) {}\nint h() {}'), 3),
    ('overloads', pair('void f(int x) {}\nvoid g(const std::string& s) {}', 'void f(long x) {}\nvoid g() {}'), 0),
    ('a function and a value', pair('void f(int x) {}', 'int f = 1;'), 1),
    ('types', pair('struct A {\n    int x;\n};\nenum class B : int { one };\nclass C final : public D {};', 'class A;\nstruct B {};\nstruct C {};'), 3),
    ('constants', pair('constexpr std::size_t n = 3;\nconstexpr std::array at{Phase::auth};\nconst std::map<int, A> m{{1, {}}};',
                       'constexpr int n{3};\nint at[2];\nconst std::function<void(int)> m = [](int x) { h(x); };'), 3),
    ('several in one declaration', pair('constexpr int a = 1, b = 2, c{3};', 'constexpr std::pair<int, int> c = {}, b{};\nint d = a;'), 2),
    ('an alias of two things', pair('using K = std::string;', 'using K = int;'), 1),
    ('aliases of one thing', pair('using K = std::string;\nusing base::fail;\nnamespace asio = boost::asio;'), 0),
    ('another area', pair('void f() {}', second='src/mail/b.cpp'), 0),
    ('a header, a program', pair('void f() {}', second='src/io/b.h') | {'src/io/main.cpp': in_anonymous('void f() {}')}, 0),
    ('a declaration and its definition', {'src/io/a.cpp': in_anonymous('void f();\nvoid f() {}')}, 0),
    ('inside of what has a name', pair('struct A {\n    void f();\n    int x = 0;\n};\nvoid A::f() { int y; }',
                                      'struct B {\n    void f();\n    int x = 0;\n};\nvoid B::f() { int y; }'), 0),
    ('outside', {'src/io/a.cpp': 'namespace a {\nvoid f() {}\n}\n', 'src/io/b.cpp': 'namespace a {\nvoid f() {}\n}\n'}, 0),
    ('behind a block', pair('void a1() {}\nint b1 = 1;', 'void a2() {\n    if (x) {\n    }\n}\nint b1 = 1;'), 1),
]

if __name__ == '__main__':
    run(check, SAMPLES)
