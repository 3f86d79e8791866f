"""Fails on coroutine shapes that g++ 12.2 compiles into double frees (docs/HACKING.md, "Coroutines").

Judged is the full-expression around each co_await, found by matching brackets, however many lines it has. In it
there may be no capturing lambda, no braces (aggregate temporaries, braced lists) and no ?:. Anywhere, a lambda
that captures may not itself be a coroutine, nor be the initiation of async_initiate.
"""

import re
import sys

sys.dont_write_bytecode = True
from support.cpp_source import OPENING, code_only, cpp_files, finding, line_of, match_brackets, run  # noqa: E402

CONDITION = re.compile(r'\b(if|while|switch|for)(\s+constexpr)?\s*$')
# A brace after one of these begins a block, not a value. (`)`: a function or a condition; a lambda is seen apart.)
BLOCK_BEFORE = re.compile(r'(^|[;{})]|\belse|\bdo|\btry|\bconst|\bnoexcept|\boverride|\bmutable)\s*$')
RETURN_TYPE_BEFORE = re.compile(r'->\s*[\w:<>,&*\s]+$')
CASE_BEFORE = re.compile(r'\b(case\b[^;{}?]*|default\s*|public\s*|private\s*|protected\s*):\s*$')


def lambda_captures(code, partner, bracket):
    """What a lambda introducer at `bracket` captures, or None where `[` is a subscript or an attribute."""
    if code[bracket] != '[' or bracket not in partner or code[bracket:bracket + 2] == '[[' or code[bracket - 1:bracket] == '[':
        return None
    before = code[:bracket].rstrip()
    keyword = re.search(r'\b(return|co_return|co_await|co_yield|case)$', before)
    if before and not keyword and (before[-1] in ')]"' or before[-1].isalnum() or before[-1] == '_'):
        return None
    return code[bracket + 1:partner[bracket]].strip()


def lambda_body(code, partner, bracket):
    """The offset of the `{` of the lambda whose introducer is at `bracket`, or None."""
    at = partner[bracket] + 1
    while at < len(code):
        character = code[at]
        if character == '{':
            return at
        if character in '([':
            at = partner.get(at, len(code))
        elif character in ';)]},':
            return None
        at += 1
    return None


def is_block(code, partner, lambda_bodies, brace):
    """Whether the `{` begins statements. A lambda's body does too, but it belongs to its expression."""
    if brace in lambda_bodies:
        return True
    before = code[:brace]
    if CASE_BEFORE.search(before[-200:]) or RETURN_TYPE_BEFORE.search(before[-200:]):
        return True
    if re.search(r'\b(namespace|class|struct|enum|union|extern)\b[^;{}()]*$', before[-300:]):
        return True
    return bool(BLOCK_BEFORE.search(before[-40:]))


def expression_start(code, partner, lambda_bodies, at):
    """Where the full-expression around offset `at` begins."""
    at -= 1
    while at >= 0:
        character = code[at]
        if character == ';':
            return at + 1
        if character in ')]':
            at = partner.get(at, at)
        elif character == '}':
            opened = partner.get(at, at)
            if is_block(code, partner, lambda_bodies, opened) and opened not in lambda_bodies:
                return at + 1
            at = opened
        elif character == '{':
            if is_block(code, partner, lambda_bodies, at):
                return at + 1
        elif character == '(' and CONDITION.search(code[max(0, at - 40):at]):
            return at + 1
        at -= 1
    return 0


def expression_end(code, partner, start, at):
    """Where the full-expression that began at `start` and holds offset `at` ends."""
    limit = len(code)
    if start and code[start - 1] == '(':
        limit = partner.get(start - 1, limit)
    while at < limit:
        character = code[at]
        if character == ';':
            return at
        if character in OPENING:
            at = partner.get(at, limit)
        elif character == '}':
            return at
        at += 1
    return limit


def without_lambda_bodies(code, partner, lambda_bodies, start, end):
    """The expression with the bodies of its lambdas as blanks: their statements are judged by themselves."""
    text = code[start:end]
    for body in lambda_bodies:
        if start <= body < end:
            closed = min(partner.get(body, end - 1), end - 1)
            text = text[:body - start] + ' ' * (closed - body + 1) + text[closed - start + 1:]
    return text


def judge_expression(code, partner, lambda_bodies, keyword):
    start = expression_start(code, partner, lambda_bodies, keyword)
    end = expression_end(code, partner, start, keyword)
    text = without_lambda_bodies(code, partner, lambda_bodies, start, end)
    for offset, character in enumerate(text):
        if character == '[' and lambda_captures(code, partner, start + offset):
            yield 'a capturing lambda in the full-expression of a co_await: name it on a line of its own, move it in'
    if '{' in text:
        yield 'braces in the full-expression of a co_await: name the aggregate on a line of its own, move it in'
    if '?' in text:
        yield 'a ?: in the full-expression of a co_await: use if, or name the value first'


def check_file(root, path):
    text = path.read_text()
    code = code_only(text)
    partner = match_brackets(code)
    lambdas = {}
    for match in re.finditer(r'\[', code):
        captures = lambda_captures(code, partner, match.start())
        body = None if captures is None else lambda_body(code, partner, match.start())
        if body is not None:
            lambdas[body] = (match.start(), captures)
    found = []

    def report(offset, wrong):
        found.append(finding(root, path, line_of(text, offset), wrong))

    for match in re.finditer(r'\bco_await\b', code):
        for wrong in sorted(set(judge_expression(code, partner, lambdas, match.start()))):
            report(match.start(), wrong)
    for body, (introducer, captures) in lambdas.items():
        if captures and re.search(r'\bco_(await|return|yield)\b', code[body:partner.get(body, body)]):
            report(introducer, 'a coroutine that is a capturing lambda: its captures die before it does; use a named function')
    for match in re.finditer(r'\basync_initiate\b', code):
        end = expression_end(code, partner, match.start(), match.start())
        if any(captures and match.start() < introducer < end for introducer, captures in lambdas.values()):
            report(match.start(), 'async_initiate with a capturing lambda: pass what it needs as arguments')
    return found


def check(root):
    return [line for path in cpp_files(root) for line in check_file(root, path)]


def sample(name, expected, statement):
    return name, {'src/io/sample.cpp': 'Task<> f() {\n' + statement + '\n}\n'}, expected


SAMPLES = [
    sample('plain', 0, 'auto n = co_await stream.read(buffer, timeout);'),
    sample('a named lambda', 0, 'auto work = [this, p = std::move(p)]() mutable { return g(T{1, 2}); };\n'
                                'auto r = co_await io::offload(pool, std::move(work));'),
    sample('conditions and blocks', 0,
           'switch (co_await next()) {\n case A: { co_await b(); break; }\n case B: co_return;\n }\n'
           'if (auto r = co_await c(); !r) { co_return r; } else { co_await d(); }\n'
           'for (const auto& x : xs) co_await e(x);\nint q = a ? b : c;\nT t{1};\nco_await h(std::move(t));'),
    sample('a lambda without captures', 0, 'co_await post([](int x) { return T{x}; });'),
    sample('subscripts and literals', 0, 'co_await write(list[i], "a ? {b} : [c]", \'{\'); // ? { [this]'),
    sample('an awaiting statement inside a block after a lambda', 0,
           'auto f = [&] { return 1; };\nwhile (f()) { co_await g(); }'),
    sample('capturing lambda', 1, 'co_await spawn(executor, [this] { go(); });'),
    sample('over several lines', 1, 'auto r = co_await io::offload(\n    pool,\n    [path = std::move(path)] {\n'
                                    '        return sync(path);\n    });'),
    sample('aggregate', 1, 'co_await send(Request{.method = get, .body = b});'),
    sample('braced list', 1, 'co_await f({a, b});'),
    sample('braces around it', 1, 'auto r = Report{co_await f()};'),
    sample('conditional', 1, 'auto s = c ? co_await a() : std::string();'),
    sample('conditional argument', 1, 'co_await f(\n  c\n  ? a : b);'),
    sample('in a condition', 1, 'if (co_await f(T{1})) { g(); }'),
    sample('in a co_return', 1, 'co_return co_await f(T{1});'),
    sample('inside a lambda coroutine', 2, 'auto g = [this]() -> Task<> { co_await f({1}); };'),
    sample('coroutine lambda', 1, 'auto g = [this]() -> Task<> { co_return; };'),
    sample('async_initiate', 1, 'return asio::async_initiate<T, S>([state](auto handler) { go(state); }, token);'),
]

if __name__ == '__main__':
    run(check, SAMPLES)
