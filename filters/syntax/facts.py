"""What the syntax tree says of each document: its functions, imports, tests and data, and whether it can run.

In: a text column. Out: `Sums` of each document. The parser (curate/text/parser.py) gives the tree as bytes; one
compiled loop goes through them (the format is told in filters/syntax/tree.py), keeping for each node that is open what
its parts need to know: whether they are assigned to, in whose scope they stand, which function's own statement they
are. Names come out as events (`bind`, `use`, ...) and are resolved when the tree has ended (filters/syntax/scopes.py).

Held against CPython's `ast` and `symtable` in tests/filters/syntax/test_facts.py. Not seen: names in annotations that
are no types, such as a condition; where an expression in brackets ends that stands alone on several lines.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.filters.syntax.descent import close_node, open_node
from curate.filters.syntax.frames import (
    BROKEN,
    CODE_LINES,
    COUNTED_LINES,
    COUNTS,
    DOCUMENTED,
    EXAMPLES,
    FIELDS,
    FRAME,
    FUNCTIONS,
    IF,
    IMPORT_ALL,
    IMPORT_FROM,
    LAST_LINE,
    LENGTH,
    LENGTHS,
    LINE,
    LOGIC,
    NUMBER,
    NUMBERS,
    OF_CHECKS,
    OF_DECISIONS,
    OF_DOC_LINES,
    OF_EXAMPLES,
    OF_LINES,
    OF_LOOPS,
    OF_RETURNS,
    OF_TEST,
    OF_WORDS,
    OVER,
    OWN_SCOPE,
    OWNER,
    PLAIN_IMPORT,
    SINCE,
    SIZE,
    START,
    STRINGS,
    TAG,
    TESTS,
    YES,
)
from curate.filters.syntax.mentions import count_name, mention, note
from curate.filters.syntax.scopes import BIND, KNOWN, cannot_run
from curate.filters.syntax.tree import (
    ALIAS,
    BLOCK,
    CLASS,
    DICTIONARY,
    END,
    FLOAT,
    FUNCTION,
    INTEGER,
    INTEGERS,
    LIST,
    NODE,
    NONE,
    PLACE,
    STRING,
    integer,
)
from curate.text.buffers import text_buffers
from curate.text.compiled import compiled
from curate.text.parser import parse, with_deep_stack

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]


class Sums(NamedTuple):
    """What is summed over a document, in the order of filters/syntax/frames.py; all 0 where it is no Python."""

    functions: float
    classes: float
    tests: float
    """Functions and classes named as tests, and functions that check three things or more."""
    lines: float
    words: float
    """Of the module's docstring."""
    data_lines: float
    """Lines of literal containers and long strings outside functions."""
    setting_lines: float
    """Lines of other assignments and bare calls outside functions."""
    foreign: float
    """Imports of what is not in the standard library."""
    private: float
    """Relative imports and underscored modules: the reader cannot see what they hold."""
    names: float
    """Of functions and their parameters, without `self` and `cls`."""
    name_score: float
    documented: float
    examples: float
    """Functions with a doctest."""
    logic: float
    """Scores of what functions do: repeating and accumulating most, deciding and giving a value back half as much."""
    lengths: float
    """Scores of functions' lengths: best from 4 to 30 lines, nothing from 120 on."""
    code_lines: float
    counted_lines: float
    broken: float


def read_facts(column: pa.ChunkedArray, longest: int) -> list[Sums]:
    """Read every text of a column; those of more than so many characters count as no Python."""
    short = pc.fill_null(pc.less_equal(pc.utf8_length(column), longest), False).to_numpy()
    return with_deep_stack(partial(_read_facts, *text_buffers(column), short))


def _read_facts(data: Bytes, offsets: Integers, wanted: npt.NDArray[np.bool_]) -> list[Sums]:
    counts = np.zeros((len(offsets) - 1, COUNTS), np.float64)
    view = memoryview(data)  # type: ignore[arg-type]
    for row in np.flatnonzero(wanted):
        errors, tree = parse(bytes(view[offsets[row] : offsets[row + 1]]))
        if not errors and tree:
            read_tree(np.frombuffer(tree, np.uint8), counts[row])
    return [Sums(*row) for row in counts.tolist()]


def read_tree(tree: Bytes, counts: Floats) -> None:
    """Add up the facts of one serialised tree. Raises ValueError for bytes that are not what the format says."""
    events = np.empty((3, len(tree) // 2 + 8), np.uint64)
    scopes = np.zeros((3, len(tree) // 3 + 8), np.int64)
    event_count, scope_count = _walk(tree, counts, events, scopes)
    if event_count < 0:
        raise ValueError("ast_serialize writes another format than mypy's version 5; install the tested version")
    if counts[FUNCTIONS]:
        counts[BROKEN] = float(cannot_run(events[:, :event_count], scopes[:, :scope_count], KNOWN))


@compiled
def _walk(  # noqa: PLR0912, PLR0915 - one branch for each kind of value
    tree: Bytes, counts: Floats, events: Hashes, scopes: Integers
) -> tuple[int, int]:
    """Go through one tree; return how many events and scopes there are, -1 of both for bytes that are no tree."""
    frames = np.zeros((64, FRAME), np.int64)
    frames[0, OWNER] = -1
    functions = np.zeros((len(tree) // 16 + 4, 9), np.int64)
    known = np.array([0, 1, 0, 0], np.int64)  # events, scopes, functions, whether annotations are not evaluated
    at, depth = 0, 0
    while at < len(tree):
        tag = tree[at]
        at += 1
        inside = frames[depth, TAG]
        if NODE[tag]:
            depth += 1
            if depth == len(frames):
                frames = np.concatenate((frames, np.zeros_like(frames)))
            open_node(frames, depth, tag, events, scopes, known)
        elif tag == END:
            depth -= 1
            if depth < 0:
                return -1, -1
            close_node(tree, frames, depth, functions, counts, events, scopes, known)
            if inside == BLOCK:
                frames[depth, FIELDS] = 1 if frames[depth, TAG] == CLASS else 0
            elif frames[depth, TAG] == ALIAS and frames[depth, FIELDS] < 0:
                frames[depth, FIELDS] = 0
                _, at = integer(tree, at)
        elif tag <= NONE:
            frames[depth, FIELDS] += 1
            frames[depth, YES] = tag == 1
            if inside in (PLAIN_IMPORT, IMPORT_FROM) and frames[depth, OVER]:
                frames[depth, OVER] = 0
                if tag != 1:
                    note(
                        tree,
                        frames[depth, START],
                        frames[depth, SIZE],
                        frames[depth, OWN_SCOPE],
                        BIND,
                        events,
                        scopes,
                        known,
                    )
            if frames[depth, FIELDS] == 2 and tag == 1 and (inside in (FUNCTION, CLASS)):
                _, at = integer(tree, at)  # it has type parameters: so many
        elif tag == STRING:
            size, at = integer(tree, at)
            mention(tree, at, size, frames, depth, functions, counts, events, scopes, known)
            frames[depth, STRINGS] += 1
            at += size
        elif tag == INTEGER:
            value, at = integer(tree, at)
            frames[depth, NUMBER], frames[depth, SINCE] = value, 0
            frames[depth, NUMBERS] += 1
            if inside in (IF, IMPORT_ALL) and frames[depth, NUMBERS] == 1:
                frames[depth, LENGTH] = value
            elif inside == FUNCTION and frames[depth, FIELDS] < 0 and frames[depth, OVER]:  # the kind of a parameter
                frames[depth, OVER] = 0
                if value not in (2, 4):
                    count_name(tree, frames[depth, START], frames[depth, SIZE], counts)
        elif tag == LIST:
            size, at = integer(tree, at)
            frames[depth, LENGTH] = frames[depth, LENGTH] or size
        elif tag == DICTIONARY:
            _, at = integer(tree, at)
            frames[depth, OVER] = 1
        elif tag == PLACE:
            line, at = integer(tree, at)
            _, at = integer(tree, at)
            more, at = integer(tree, at)
            _, at = integer(tree, at)
            frames[depth, LINE], frames[depth, LAST_LINE] = line, line + more
        elif tag == INTEGERS:
            size, at = integer(tree, at)
            for _ in range(size):
                _, at = integer(tree, at)
        elif tag == FLOAT:
            at += 8
        else:
            return -1, -1
    _sum_up(functions[: known[2]], counts)
    return (known[0], known[1]) if depth == 0 else (-1, -1)


@compiled
def _sum_up(functions: Integers, counts: Floats) -> None:
    """Add up what is known of the functions, in their order."""
    for index in range(len(functions)):
        function = functions[index]
        lines = max(function[OF_LINES] - function[OF_DOC_LINES], 1)
        counts[FUNCTIONS] += 1
        counts[TESTS] += function[OF_TEST] or function[OF_CHECKS] >= 3
        counts[DOCUMENTED] += min(1.0, function[OF_WORDS] / 8)
        counts[EXAMPLES] += function[OF_EXAMPLES]
        counts[LOGIC] += min(1.0, (function[OF_LOOPS] + function[OF_DECISIONS] / 2 + function[OF_RETURNS] / 2) / 2)
        counts[LENGTHS] += lines / 4 if lines < 4 else min(1.0, max(0.0, (120 - lines) / 90))
        computes = function[OF_LOOPS] + function[OF_DECISIONS] > 0
        counts[CODE_LINES] += lines
        counts[COUNTED_LINES] += lines * (1.0 if computes else 0.5 if function[OF_WORDS] else 0.25)
