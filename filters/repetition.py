"""What repeats within one text: its lines, and its sequences of ten words.

In: a range of UTF-8 bytes and a table to work in, zeroed or not, with a power of two of places, at least as many as
there are bytes. Out: a share from 0 to 1. The measures are Gopher's (Rae et al. 2021, table A1). Lines and words are
compared by 64-bit hashes.
"""

import numpy as np
import numpy.typing as npt

from curate.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]

NGRAM = 10
PRIME, OFFSET = np.uint64(1099511628211), np.uint64(14695981039346656037)  # FNV-1a
LINE_FEED = 10


def is_in(characters: bytes) -> npt.NDArray[np.bool_]:
    """Return for each byte whether it is one of the characters."""
    return np.array([byte in characters for byte in range(256)])


WORD = is_in(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_" + bytes(range(128, 256)))
BLANK = is_in(b" \t\r\f")


@compiled
def duplicate_lines(data: Bytes, start: int, stop: int, table: Hashes) -> float:
    """Return the share of bytes that are in lines which stood earlier."""
    mask = _clear(table, 1 + _count_lines(data, start, stop))
    every, again, at = 0, 0, start
    while at < stop:
        while at < stop and (BLANK[data[at]] or data[at] == LINE_FEED):
            at += 1
        first, last, value = at, at, OFFSET
        while at < stop and data[at] != LINE_FEED:
            value = (value ^ np.uint64(data[at])) * PRIME
            at += 1
            if not BLANK[data[at - 1]]:
                last, kept = at, value
        if last > first:
            every += last - first
            again += (last - first) * _seen(table, mask, kept)
    return again / max(every, 1)


@compiled
def _count_lines(data: Bytes, start: int, stop: int) -> int:
    lines = 0
    for at in range(start, stop):
        lines += data[at] == LINE_FEED
    return lines


@compiled
def repeated_ngrams(data: Bytes, start: int, stop: int, table: Hashes) -> float:
    """Return the share of 10-grams of words that stood earlier. Words are letters, digits, `_` and non-ASCII."""
    mask = _clear(table, (stop - start + 1) // 2)
    recent = np.zeros(NGRAM, np.uint64)
    highest = np.uint64(1)
    for _ in range(NGRAM):
        highest *= PRIME
    words, again, value, rolling = 0, 0, OFFSET, np.uint64(0)
    inside = False
    for at in range(start, stop + 1):
        if at < stop and WORD[data[at]]:
            value = (value ^ np.uint64(data[at])) * PRIME
            inside = True
        elif inside:
            rolling = rolling * PRIME + value - recent[words % NGRAM] * highest
            recent[words % NGRAM] = value
            words += 1
            if words >= NGRAM:
                again += _seen(table, mask, rolling)
            value, inside = OFFSET, False
    return again / max(words - NGRAM + 1, 1)


@compiled
def _clear(table: Hashes, entries: int) -> np.uint64:
    """Empty as much of the table as so many entries need and return the mask of its places."""
    size = 16
    while size < 2 * entries and size < len(table):
        size *= 2
    table[:size] = 0
    return np.uint64(size - 1)


@compiled
def _seen(table: Hashes, mask: np.uint64, value: np.uint64) -> bool:
    """Put a hash into the table and tell whether it was there."""
    value = (value ^ (value >> np.uint64(29))) | np.uint64(1)
    place = (value * PRIME >> np.uint64(20)) & mask
    while table[place] != 0:
        if table[place] == value:
            return True
        place = (place + np.uint64(1)) & mask
    table[place] = value
    return False
