"""Questions about the bytes of a name or a text within larger ones, for compiled loops.

In: the bytes, where the name begins, and its length. Out: numbers and truths.
"""

import numpy as np
import numpy.typing as npt

from curate.text.compiled import compiled

Bytes = npt.NDArray[np.uint8]
DOT = 46


@compiled
def first_part(tree: Bytes, at: int, size: int) -> int:
    """Return the length of a dotted name's first part."""
    for place in range(size):
        if tree[at + place] == DOT:
            return place
    return size


@compiled
def words_of(tree: Bytes, at: int, size: int) -> int:
    """Count words as `str.split` does, between blanks of any script."""
    words, within, place = 0, False, at
    while place < at + size:
        width, blank = _blank(tree, place, at + size)
        words += not blank and not within
        within = not blank
        place += width
    return words


@compiled
def _blank(tree: Bytes, at: int, end: int) -> tuple[int, bool]:
    """Return the bytes of a character, and whether it is one at which `str.split` cuts."""
    first = tree[at]
    if first < 0x80:
        return 1, first == 32 or 9 <= first <= 13 or 28 <= first <= 31
    second = tree[at + 1] if at + 1 < end else 0
    third = tree[at + 2] if at + 2 < end else 0
    if first < 0xE0:
        return 2, first == 0xC2 and (second in (0x85, 0xA0))
    if first < 0xF0:
        spaces = first == 0xE2 and second == 0x80 and (third <= 0x8A or third in (0xA8, 0xA9, 0xAF))
        other = (first == 0xE1 and second == 0x9A and third == 0x80) or (
            first == 0xE2 and second == 0x81 and third == 0x9F
        )
        return 3, spaces or other or (first == 0xE3 and second == 0x80 and third == 0x80)
    return 4, False


@compiled
def is_word(tree: Bytes, at: int, size: int, word: Bytes) -> bool:
    """Tell whether a name is a word."""
    return size == len(word) and begins(tree, at, size, word)


@compiled
def begins(tree: Bytes, at: int, size: int, word: Bytes) -> bool:
    """Tell whether a name begins with a word."""
    if size < len(word):
        return False
    for place in range(len(word)):  # noqa: SIM110 - compiled code has no generators
        if tree[at + place] != word[place]:
            return False
    return True


@compiled
def holds(tree: Bytes, at: int, size: int, word: Bytes) -> bool:
    """Tell whether a text holds a word."""
    for place in range(at, at + size - len(word) + 1):  # noqa: SIM110 - compiled code has no generators
        if begins(tree, place, len(word), word):
            return True
    return False
