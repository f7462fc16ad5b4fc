"""Reading a text as Python with the running interpreter's own parser, without ever failing on what it holds.

The parser decides for its own version: `match` statements and nested f-strings are errors to an older Python, `print x`
is one to all. A text is parsed as it stands: its coding line is ignored, since it is UTF-8 by now. Where counts are
enough, filters/tree.py is five times as fast.
"""

import ast
import builtins
import gc
import symtable
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

BYTE_ORDER_MARK = "\ufeff"
MODULE_NAMES = {"__file__", "__path__", "__builtins__", "__annotations__", "__module__", "__qualname__", "__class__"}
"""Names that Python defines in a module or class and not in `builtins`."""
REFUSALS = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What CPython raises for text that is no program: bad syntax, null bytes, too much nesting (the last two)."""


@contextmanager
def parsing() -> Iterator[None]:
    """Hold back warnings about the text and the garbage collector while many texts are parsed.

    A tree of 100,000 nodes sets off the collector again and again for nothing: without it `ast.parse` read 5.1 MB/s
    where it read 3.4.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if collecting:
            gc.enable()


def parse(text: str) -> ast.Module | None:
    """Return the syntax tree, or None if the text is not valid Python."""
    try:
        return ast.parse(text.removeprefix(BYTE_ORDER_MARK))
    except REFUSALS:
        return None


def cannot_run(text: str) -> bool:
    """Tell whether a text that parses cannot run as it stands.

    Python refuses more than its grammar says (an argument named twice, `nonlocal` without a binding, a future that it
    does not know), and names may be undefined.
    """
    try:
        return bool(undefined_names(text))
    except REFUSALS:
        return True


def undefined_names(text: str) -> set[str]:
    """Return the names that a valid text uses and neither it nor Python defines: it cannot run as it stands.

    Names that a star import might bring count as undefined too; the reader does not see them either.
    """
    tables = [symtable.symtable(text.removeprefix(BYTE_ORDER_MARK), "<document>", "exec")]
    used: set[str] = set()
    defined: set[str] = set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if table.get_type() == "module" or symbol.is_global():
                bound = symbol.is_assigned() or symbol.is_imported()
                (defined if bound else used).add(symbol.get_name())
    return {name for name in used - defined - MODULE_NAMES if not hasattr(builtins, name)}
