"""What repeats within one text: its lines, and its sequences of ten words.

In: a range of UTF-8 bytes, with a margin behind it (curate/text/bits.py), and room to work in, zeroed or not: `table`
and `spare`, each with a power of two of places, at least 16 and as many as there are bytes. Out: a share from 0 to 1.
The measures are Gopher's (Rae et al. 2021, table A1). Lines and words are compared by 64-bit hashes.
"""

import numpy as np
import numpy.typing as npt

from curate.text.bits import ONE, ZERO, bytes_among, feeds, lowest, popcount, trailing_zeros
from curate.text.compiled import compiled
from curate.text.words import LOWER, UPPER, find_words, hash_word

Bytes = npt.NDArray[np.uint8]
Hashes = npt.NDArray[np.uint64]

NGRAM = 10
FACTOR = np.uint64(0xFF51AFD7ED558CCD)
"""The factor that mixes bits, and of the polynomial that is the hash of an n-gram."""
LEAVING = np.uint64(pow(int(FACTOR), NGRAM, 2**64))
"""The factor of the word that leaves an n-gram."""

blanks = bytes_among("\t\n", "\f\r", "  ")
"""What may stand around a line, and what ends it."""


@compiled
def duplicate_lines(data: Bytes, start: int, stop: int, table: Hashes, spare: Hashes) -> float:
    """Return the share of bytes that are in lines which stood earlier. Lines end at LF; blanks around do not count."""
    count = _find_line_ends(data, start, stop, spare)
    mask = _clear(table, count)
    every, again, line = 0, 0, start
    for offset in spare.view(np.uint32)[:count]:
        end = start + int(np.int64(offset))
        first, last = _stripped(data, line, end)
        if first < last:
            every += last - first
            again += (last - first) * _seen(table, mask, hash_word(data, first, last))
        line = end + 1
    return again / max(every, 1)


@compiled
def _find_line_ends(data: Bytes, start: int, stop: int, out: Hashes) -> int:
    """Write where each line ends, from `start` on, as uint32 to `out` and return how many there are.

    Four are written a turn, and those too many written over, as in `curate.text.words.find_words`.
    """
    ends = out.view(np.uint32)
    count = ZERO
    for position in range(start, stop, 64):
        fed = feeds(data, position) & lowest(stop - position)
        place = count
        count += np.uint64(popcount(fed))
        while fed:
            for turn in range(4):
                ends[place + np.uint64(turn)] = np.uint32(position - start + trailing_zeros(fed))
                fed &= fed - ONE
            place += np.uint64(4)
    ends[count] = np.uint32(stop - start)
    return int(np.int64(count + ONE))


@compiled
def _stripped(data: Bytes, start: int, stop: int) -> tuple[int, int]:
    """Return the bounds of a line without the blanks around it."""
    while start < stop:
        filled = ~blanks(data, start) & lowest(stop - start)
        if filled:
            last = stop
            while blanks(data, last - 1) & ONE:
                last -= 1
            return start + trailing_zeros(filled), last
        start += 64
    return stop, stop


@compiled
def repeated_ngrams(data: Bytes, start: int, stop: int, table: Hashes, spare: Hashes) -> float:
    """Return the share of 10-grams of words that stood earlier. Words are letters, digits, `_` and non-ASCII."""
    words = find_words(data, start, stop, spare)
    if words < NGRAM:
        return 0.0
    ngrams = words - NGRAM + 1
    value = oldest = ZERO
    for word in range(words):
        bounds = spare[np.uint64(word)]
        latest = hash_word(data, start + np.int64(bounds & LOWER), start + np.int64(bounds >> UPPER))
        value = value * FACTOR + latest - oldest * LEAVING
        spare[np.uint64(word)] = latest
        if word >= NGRAM - 1:
            first = np.uint64(word - NGRAM + 1)
            oldest, spare[first] = spare[first], value
    mask = _clear(table, ngrams)
    again = 0
    for ngram in spare[:ngrams]:
        again += _seen(table, mask, ngram)
    return again / ngrams


@compiled
def _clear(table: Hashes, entries: int) -> np.uint64:
    """Empty as much of the table as so many entries need and return the mask of its places.

    It gets at most half full, and in most texts a quarter: the emptier, the rarer are two hashes of one place.
    """
    size = 16
    while size < 4 * entries and size < len(table):
        size *= 2
    table[:size] = 0
    return np.uint64(size - 1)


@compiled
def _seen(table: Hashes, mask: np.uint64, value: np.uint64) -> bool:
    """Put a hash into the table and tell whether it was there."""
    value |= ONE  # zero is an empty place
    place = (value >> UPPER) & mask
    while table[place] != ZERO:
        if table[place] == value:
            return True
        place = (place + ONE) & mask
    table[place] = value
    return False
