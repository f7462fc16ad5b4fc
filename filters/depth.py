"""A stack deep enough for the tree of any text, so that no text can take the process along.

The parser of filters/tree.py refuses brackets, blocks and signs beyond 200 levels, but not chains: `a.b.c`, `f()()`,
`1 + 1 + 1` are a level of its recursion for each link, and an overflowing stack kills the process. So it runs in a
thread whose stack holds whatever a text of 2 MB, the longest that is read, can ask for. Stack is only address space
until it is touched.

Not covered: texts made to be slow or large. Headers in brackets that are never closed take the parser 10 s for 500,000
bytes, an error at every word of one line that is not ASCII 7 s for 400,000; both grow with the square. An error at
every byte of 2 MB takes it 1.6 GB for as long as that text is read.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")

SMALL_BYTES = 10_000
"""A text up to this size fits an ordinary stack of 8 MB."""
STACK_BYTES = 1 << 30
"""Some 500 for each byte of a text. The hungriest, `x: ||||` without end, overflowed at 200 a byte and not at 300."""
_here = threading.local()


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
