"""The syntax tree of many texts as counts: statements by kind, names, literals, docstrings; or the line of an error.

In: a text column. Out: `Trees`, one value per document. The parser (curate/text/parser.py) gives the tree as bytes that
describe themselves: every node is a tag, its fields and an end mark, so that one loop can walk a tree without knowing
the grammar. That format is mypy's own: the counts are held against `ast` in tests/filters/syntax/test_tree.py.
"""

import re
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.text.buffers import text_buffers
from curate.text.compiled import compiled
from curate.text.parser import LARGEST_BYTES, parse, with_deep_stack

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

PYTHON_2 = re.compile(
    rb"""^\s*print\s*(?:\s[rubRUB]{0,2}["'\[{(]|["']|>>|\s[-\w.]+\s*(?:$|[-,%+*/;#.(\[=]|(?:if|and|or|not|in)\b))"""
    rb"""|^\s*exec\s+(?:["']|\w+\s*(?:$|in\b|[.(+%]))|\bexcept\b[^:#]*,\s*\w+\s*:|\braise\s+[\w.]+\s*,"""
    rb"""|[=(,+%]\s*`[^`]+`|\w\s*<>\s*[\w"']|(?<![\w.])0[0-7]+[lL]?\b|(?<![\w.])(?:0[xX][0-9a-fA-F]+|\d+)[lL]\b"""
    rb"""|\b[uU][rR]["']|\bdef\s+\w+\s*\([^()]*\(\s*\w+\s*,|\blambda\s*\("""
)
"""What Python 2 wrote on a line where Python 3 finds an error. It only names errors that the parser has found."""


@dataclass(frozen=True)
class Trees:
    """Counts of each document; all are 0 where `error_line` is not, and where `read` is false."""

    read: npt.NDArray[np.bool_]
    """Whether the text was short enough to be read."""
    error_line: Integers
    """Where the first syntax error stands, from 1; 0 for valid Python."""
    python_2: npt.NDArray[np.bool_]
    """Whether a line with an error is Python 2."""
    counts: Integers
    """(documents, COUNTS)."""

    def __getitem__(self, count: int) -> Integers:
        """Return one count of all documents."""
        column: Integers = self.counts[:, count]
        return column


(
    STATEMENTS,
    IMPORTS,
    PASSES,
    PRINTS,
    FUNCTIONS,
    CLASSES,
    LITERALS,
    NAMES,
    NAME_BYTES,
    STRING_BYTES,
    DOCUMENTATION_BYTES,
) = range(11)
"""What is counted. Statements are simple ones; strings that stand alone are documentation and no statement, an ellipsis
that stands alone is a `pass`. Names are uses of names and attributes. Literals are numbers, strings (an f-string is as
many as it has fixed parts), None, True and False."""
COUNTS = 11

# Tags of the format: values, lists, places, nodes.
NONE, INTEGER, STRING, FLOAT, LIST, INTEGERS, DICTIONARY, PLACE, END = 2, 3, 4, 6, 20, 21, 30, 152, 255
CLASS, EXPRESSION, CALL, NAME, TEXT, MEMBER, BLOCK, FUNCTION, PASS = 60, 160, 161, 162, 163, 165, 171, 179, 180
ELLIPSIS, F_STRING, LAMBDA, ALIAS = 202, 205, 207, 225
_KINDS = np.zeros((4, 256), np.bool_)
_KINDS[0, [160, 164, 169, 175, 180, 187, 188, 189, 196, 197, 200, 204, 211, 212, 215, 225]] = True
_KINDS[1, [164, 196, 215]] = True
_KINDS[2, [163, 167, 181, 184, 210, 214]] = True
_KINDS[3, [50, 51, 52, 53, 60, *range(100, 123), *range(160, 230)]] = True
SIMPLE, IMPORT, LITERAL, NODE = _KINDS
PRINT = np.frombuffer(b"print", np.uint8).copy()
CONSTANTS = tuple(np.frombuffer(word, np.uint8).copy() for word in (b"None", b"True", b"False"))


def read_trees(column: pa.ChunkedArray) -> Trees:
    """Parse every text of a column."""
    return with_deep_stack(partial(_read_trees, *text_buffers(column)))


def _read_trees(data: Bytes, offsets: Integers) -> Trees:
    documents = len(offsets) - 1
    trees = Trees(
        read=np.diff(offsets) <= LARGEST_BYTES,
        error_line=np.zeros(documents, np.int64),
        python_2=np.zeros(documents, np.bool_),
        counts=np.zeros((documents, COUNTS), np.int64),
    )
    view = memoryview(data)  # type: ignore[arg-type]
    for row in np.flatnonzero(trees.read):
        text = bytes(view[offsets[row] : offsets[row + 1]])
        errors, tree = parse(text)
        if errors:
            trees.error_line[row] = errors[0]
            trees.python_2[row] = is_python_2(text, errors)
        elif not _walk(np.frombuffer(tree, np.uint8), trees.counts[row]):
            raise ValueError("ast_serialize writes another format than mypy's version 5; install the tested version")
    return trees


def is_python_2(text: bytes, error_lines: list[int]) -> bool:
    """Tell whether one of the first lines with an error holds what Python 2 wrote differently.

    >>> is_python_2(b"print 'x'", [1]), is_python_2(b"print('x'", [1])
    (True, False)
    """
    lines = re.split(rb"\r\n|\r|\n", text)
    return any(PYTHON_2.search(lines[line - 1][:2000]) for line in error_lines[:20] if line <= len(lines))


@compiled
def _walk(tree: Bytes, counts: Integers) -> bool:  # noqa: PLR0912 - one branch for each kind of value
    """Count over one serialised tree; false if the bytes are not what the format says."""
    tags = np.zeros(256, np.uint8)
    fields = np.zeros(256, np.int64)  # of functions and classes: booleans since the body
    at, depth = 0, 0
    while at < len(tree):
        tag = tree[at]
        at += 1
        inside = tags[depth]
        if NODE[tag]:
            depth += 1
            if depth == len(tags):
                tags = np.concatenate((tags, np.zeros_like(tags)))
                fields = np.concatenate((fields, np.zeros_like(fields)))
            tags[depth], fields[depth] = tag, -1000
            _count_node(tag, inside, tags[max(depth - 2, 0)], counts)
        elif tag == END:
            depth -= 1
            if depth < 0:
                return False
            if inside == BLOCK:
                fields[depth] = 1 if tags[depth] == CLASS else 0
            elif tags[depth] == ALIAS and fields[depth] < 0:
                fields[depth] = 0
                _, at = integer(tree, at)
        elif tag <= NONE:
            fields[depth] += 1
            if fields[depth] == 2 and tag == 1 and (inside in (FUNCTION, CLASS)):  # it has type parameters: so many
                _, at = integer(tree, at)
        elif tag == STRING:
            size, at = integer(tree, at)
            _count_string(tree[at : at + size], inside, tags[max(depth - 1, 0)], tags[max(depth - 2, 0)], counts)
            at += size
        elif tag in (INTEGER, LIST, DICTIONARY):
            _, at = integer(tree, at)
        elif tag in (INTEGERS, PLACE):
            size, at = integer(tree, at) if tag == INTEGERS else (4, at)
            for _ in range(size):
                _, at = integer(tree, at)
        elif tag == FLOAT:
            at += 8
        else:
            return False
    return depth == 0


@compiled
def integer(tree: Bytes, at: int) -> tuple[Any, Any]:
    """Decode an integer of one, two or four bytes; return it and where it ends. A longer one is 0: none is used."""
    first = np.int64(tree[at])
    if first == 15:
        size = ((np.int64(tree[at + 1]) >> 1) - 10) >> 1  # the lowest bit is the sign
        return np.int64(0), at + 2 + size
    if first & 1 == 0:
        return (first >> 1) - 10, at + 1
    if first & 3 == 1:
        return ((first | np.int64(tree[at + 1]) << 8) >> 2) - 100, at + 2
    value = first | np.int64(tree[at + 1]) << 8 | np.int64(tree[at + 2]) << 16 | np.int64(tree[at + 3]) << 24
    return (value >> 3) - 10000, at + 4


@compiled
def _count_node(tag: int, inside: int, around: int, counts: Integers) -> None:
    """Count a node by the node it stands in and the one around that. The body of a lambda is written as a `return`."""
    counts[STATEMENTS] += SIMPLE[tag] and around != LAMBDA
    counts[IMPORTS] += IMPORT[tag]
    counts[LITERALS] += LITERAL[tag]
    counts[FUNCTIONS] += tag == FUNCTION
    counts[CLASSES] += tag == CLASS
    counts[PASSES] += tag == PASS or (tag == ELLIPSIS and inside == EXPRESSION)
    if tag == TEXT and inside == EXPRESSION:  # a string that stands alone
        counts[STATEMENTS] -= 1
        counts[LITERALS] -= 1


@compiled
def _count_string(value: Bytes, inside: int, around: int, beyond: int, counts: Integers) -> None:
    """Count a string by the node that it is a field of, and the two around that."""
    if inside == TEXT:
        counts[DOCUMENTATION_BYTES if around == EXPRESSION else STRING_BYTES] += len(value)
    elif inside == F_STRING:
        counts[LITERALS] += 1
        counts[STRING_BYTES] += len(value)
    elif inside in (NAME, MEMBER):
        for constant in CONSTANTS:
            if inside == NAME and _same(value, constant):
                counts[LITERALS] += 1
                return
        counts[NAMES] += 1
        counts[NAME_BYTES] += len(value)
        counts[PRINTS] += inside == NAME and around == CALL and beyond == EXPRESSION and _same(value, PRINT)


@compiled
def _same(value: Bytes, other: Bytes) -> bool:
    if len(value) != len(other):
        return False
    same = True
    for index in range(len(value)):
        same &= value[index] == other[index]
    return same
