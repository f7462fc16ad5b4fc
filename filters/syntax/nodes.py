"""The syntax tree of one text as arrays, to ask in what a literal stands: which names it is given to.

In: the bytes of a text. Out: `Nodes`, one item for each node, string, list and empty place of the tree, in the order of
the text, with the item that it stands in; None for what is no Python. The parser is that of filters/syntax/tree.py, and
so is the format: what is not understood here is skipped, never guessed.

The parser counts characters and not bytes. So it is given the text with every byte beyond ASCII made an `x`: names and
strings stay names and strings, and all places are places in the bytes.
"""

from bisect import bisect_right
from functools import cached_property

import numpy as np
import numpy.typing as npt

from curate.filters.syntax.tree import (
    ALIAS,
    BLOCK,
    CLASS,
    DICTIONARY,
    END,
    F_STRING,
    FLOAT,
    FUNCTION,
    INTEGER,
    INTEGERS,
    LIST,
    NODE,
    NONE,
    PLACE,
    STRING,
    TEXT,
    integer,
)
from curate.text.compiled import compiled
from curate.text.parser import BYTE_ORDER_MARK, parse

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int32]

DICT, BYTES = 183, 210
"""Tags beside those of filters/syntax/tree.py."""
COLUMNS = 8
TAG, PARENT, VALUE, LAST, LINE, COLUMN, END_LINE, END_COLUMN = range(COLUMNS)
"""Of an item: its tag, the item that it stands in (-1: none), bytes of a string or length of a list, and its place."""
ASCII = bytes(range(128)) + b"x" * 128
LINE_FEED, RETURN = 10, 13


class Nodes:
    """The items of a tree."""

    def __init__(self, text: bytes, tree: bytes, items: Integers, shift: int) -> None:
        self.text, self.tree, self.items = text, tree, items
        self.tags, self.parents = items[:, TAG], items[:, PARENT]
        data = np.frombuffer(text + b"\n", np.uint8)
        ends = (data[:-1] == LINE_FEED) | ((data[:-1] == RETURN) & (data[1:] != LINE_FEED))
        self.lines = np.concatenate(([0], np.flatnonzero(ends) + 1, [len(text)]))
        self.shift = shift
        self.order = np.argsort(self.parents, kind="stable").astype(np.int32)
        self.first = np.searchsorted(self.parents[self.order], np.arange(len(items) + 1))

    def children(self, item: int) -> Integers:
        """Return the items that stand directly in one, in order."""
        found: Integers = self.order[self.first[item] : self.first[item + 1]]
        return found

    def string(self, item: int) -> str:
        """Return the value of a string."""
        return self.tree[self.items[item, VALUE] : self.items[item, LAST]].decode("utf-8", "replace")

    @cached_property
    def literals(self) -> tuple[list[int], list[int], list[int]]:
        """Return the string literals: their first bytes, in order, one past their last, and their items."""
        found = np.flatnonzero(np.isin(self.tags, [TEXT, BYTES, F_STRING]) & (self.items[:, LINE] > 0))
        lines = len(self.lines) - 1
        start = self.lines[np.minimum(self.items[found, LINE] - 1, lines)] + self.items[found, COLUMN]
        stop = self.lines[np.minimum(self.items[found, END_LINE] - 1, lines)] + self.items[found, END_COLUMN]
        order = np.lexsort((-stop, start))
        return (start[order] + self.shift).tolist(), (stop[order] + self.shift).tolist(), found[order].tolist()

    def literal_at(self, position: int) -> int | None:
        """Return the string literal that holds a byte, the innermost of those in each other; None for code."""
        starts, stops, items = self.literals
        index = bisect_right(starts, position) - 1
        for place in range(index, max(index - 50, -1), -1):
            if stops[place] > position:
                return items[place]
        return None


def read_nodes(text: bytes) -> Nodes | None:
    """Return the tree of a text, None if it is no Python."""
    plain = text.removeprefix(BYTE_ORDER_MARK)
    errors, tree = parse(plain.translate(ASCII))
    if errors:
        return None
    items = np.empty((len(tree) // 2 + 2, COLUMNS), np.int32)
    count = _flatten(np.frombuffer(tree, np.uint8), items)
    if count < 0:
        raise ValueError("ast_serialize writes another format than mypy's version 5; install the tested version")
    return Nodes(plain, tree, items[:count], len(text) - len(plain))


@compiled
def _flatten(tree: Bytes, items: Integers) -> int:  # noqa: PLR0912, PLR0915 - one branch for each kind of value
    """Write the items of a serialised tree, return how many there are; -1 if the bytes are not what they should be."""
    owners = np.full(256, -1, np.int64)
    fields = np.zeros(256, np.int64)  # of functions and classes: booleans since the body
    at, depth, count = 0, 0, 0
    while at < len(tree):
        tag = tree[at]
        at += 1
        owner = owners[depth]
        inside = items[owner, TAG] if owner >= 0 else 0
        if NODE[tag]:
            depth += 1
            if depth == len(owners):
                owners = np.concatenate((owners, np.full_like(owners, -1)))
                fields = np.concatenate((fields, np.zeros_like(fields)))
            owners[depth], fields[depth] = count, -1000
            items[count, :] = 0
            items[count, TAG], items[count, PARENT] = tag, owner
            count += 1
        elif tag == END:
            depth -= 1
            if depth < 0:
                return -1
            around = items[owners[depth], TAG] if owners[depth] >= 0 else 0
            if inside == BLOCK:
                fields[depth] = 1 if around == CLASS else 0
            elif around == ALIAS and fields[depth] < 0:
                fields[depth] = 0
                _, at = integer(tree, at)
        elif tag <= NONE:
            fields[depth] += 1
            if tag == NONE or inside == DICT:
                items[count, :] = 0
                items[count, TAG], items[count, PARENT] = tag, owner
                count += 1
            if fields[depth] == 2 and tag == 1 and (inside in (FUNCTION, CLASS)):  # it has type parameters: so many
                _, at = integer(tree, at)
        elif tag == STRING:
            size, at = integer(tree, at)
            items[count, :] = 0
            items[count, TAG], items[count, PARENT], items[count, VALUE], items[count, LAST] = tag, owner, at, at + size
            count += 1
            at += size
        elif tag in (INTEGER, LIST, DICTIONARY):
            size, at = integer(tree, at)
            if tag != INTEGER:
                items[count, :] = 0
                items[count, TAG], items[count, PARENT], items[count, VALUE] = LIST, owner, size
                count += 1
        elif tag == PLACE:
            line, at = integer(tree, at)
            column, at = integer(tree, at)
            more, at = integer(tree, at)
            width, at = integer(tree, at)
            if owner >= 0:
                items[owner, LINE], items[owner, COLUMN] = line, column
                items[owner, END_LINE], items[owner, END_COLUMN] = line + more, column + width
        elif tag == INTEGERS:
            size, at = integer(tree, at)
            for _ in range(size):
                _, at = integer(tree, at)
        elif tag == FLOAT:
            at += 8
        else:
            return -1
        if count >= len(items) - 1:
            return -1
    return count if depth == 0 else -1
