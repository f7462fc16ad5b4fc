"""Whether a text is Python, by ruff's parser, and its syntax tree as bytes: some five times as fast as CPython's.

In: the bytes of any text. Out: the lines of its syntax errors, and the tree in mypy's format, which
filters/syntax/tree.py walks. The parser comes in `ast_serialize`, the package with which mypy parses;
benchmarks/heuristics.py compares its verdicts with CPython's on a whole corpus. Syntax is that of Python 3.13 on any
interpreter. What only a compiler refuses (`return` outside a function, a parameter named twice) is valid here, as it is
to `ast.parse`.

No text can take the process along. The parser refuses brackets, blocks and signs beyond 200 levels, but not chains:
`a.b.c`, `f()()`, `1 + 1 + 1` are a level of its recursion for each link, and an overflowing stack kills the process. So
it runs in a thread whose stack holds whatever a text of 2 MB, the longest that is read, can ask for. Stack is only
address space until it is touched.

Not covered: texts made to be slow or large. Headers in brackets that are never closed take the parser 10 s for 500,000
bytes, an error at every word of one line that is not ASCII 7 s for 400,000; both grow with the square. An error at
every byte of 2 MB takes it 1.6 GB for as long as that text is read.
"""

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import ast_serialize

Result = TypeVar("Result")

LARGEST_BYTES = 2_000_000
"""A longer text is not read: nothing is known of it."""
FORMAT = 5
"""The version of mypy's format."""
GRAMMAR = (3, 13)
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MYPY_COMMENT = re.compile(rb"#[ \t]*(?:type|mypy)[ \t]*:")
"""`# type: ignore` on top makes mypy's parser leave out the tree, `# mypy: ignore-errors` the functions' bodies, and a
type comment is parsed: all of it is for mypy only."""
SMALL_BYTES = 10_000
"""A text up to this size fits an ordinary stack of 8 MB."""
STACK_BYTES = 1 << 30
"""Some 500 for each byte of a text. The hungriest, `x: ||||` without end, overflowed at 200 a byte and not at 300."""
_here = threading.local()


def parse(text: bytes) -> tuple[list[int], bytes]:
    """Return the lines of the syntax errors, from 1 (none for valid Python), and the serialised tree.

    A byte order mark does not count.
    """
    if len(text) > LARGEST_BYTES:
        return [1], b""
    if b"\0" in text:
        return [1 + text.count(b"\n", 0, text.index(b"\0"))], b""
    plain = MYPY_COMMENT.sub(lambda found: found[0][:-1] + b";", text.removeprefix(BYTE_ORDER_MARK))
    work = partial(ast_serialize.parse, "text.py", plain, python_version=GRAMMAR, cache_version=FORMAT)
    try:
        tree, errors, *_ = work() if len(plain) <= SMALL_BYTES else with_deep_stack(work)
    except ValueError:  # the bytes are no UTF-8
        return [1], b""
    return sorted(max(error["line"], 1) for error in errors), tree


def with_deep_stack(work: Callable[[], Result]) -> Result:
    """Return what `work` returns, or raise what it raises, after it ran on the deep stack.

    A thread for each text would take a tenth of the time of reading it: who reads many puts all of them into one call,
    inside of which further calls change nothing.
    """
    if getattr(_here, "is_deep", False):
        return work()
    before = threading.stack_size(STACK_BYTES)
    try:
        with ThreadPoolExecutor(1, initializer=setattr, initargs=(_here, "is_deep", True)) as pool:
            future = pool.submit(work)
            threading.stack_size(before)
            return future.result()
    finally:
        threading.stack_size(before)
