"""One compiled pass over text: what can be counted byte by byte, for the profile of a corpus (curate/text/profile.py).

In: the buffers of a text column (curate/text/buffers.py). Out: an array of counts, one row a document; a hash of each
document's words; and hashes of a sample of its lines. No Python object is made per document, and the interpreter lock
is not held, so threads scan shards side by side. Knows nothing of Python syntax.

    word    a run of ASCII letters, digits, `_` and bytes above 127
    token   a word, or one ASCII sign
    blank   space, tab, form feed, vertical tab

64 bytes at a time become masks of one bit a byte (curate/text/bits.py), and bits are counted many at once; only words,
lines and suspicious bytes are looked at one by one: 620 MB/s a core, where a look at each byte allows 140. Importing
this module imports numba; import it where the work is done.
"""

import numpy as np
import numpy.typing as npt

from curate.text.bits import (
    ALL,
    ONE,
    ZERO,
    Bytes,
    bytes_among,
    feeds,
    heads,
    leading_zeros,
    load_eight,
    lowest,
    popcount,
    returns,
    trailing_zeros,
    with_margin,
)
from curate.text.compiled import compiled
from curate.text.words import LOWER, UPPER, find_words, hash_word, places

Offsets = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

COLUMNS = 11
TOKENS, CHARACTERS, ALPHANUMERIC, LONGEST_LINE, LONGEST_RUN, CONTROL = range(6)
TAB_LINES, SPACE_LINES, LF, CRLF, FAULTS = range(6, COLUMNS)
"""Columns of the counts. Alphanumeric are also all characters above ASCII; a run is of letters, digits, `_`, `+` and
`/`, as base64 is; a fault is a mark of bad decoding: a byte order mark, U+FFFD, or UTF-8 encoded twice."""

LINE_BYTES = 16
"""A line of fewer bytes that are not blank (`else:`, `return None`) is repeated by the language, not by its author."""
FACTOR, TOP = np.uint64(0xFF51AFD7ED558CCD), np.uint64(61)
"""The factor that mixes bits, and where the upper three of the product begin."""

alphanumerics = bytes_among("09", "AZ", "az", "\xc0\xff")
"""The first bytes of alphanumeric characters."""
signs = bytes_among("!/", ":@", "[^", "``", "{~")
controls = bytes_among("\x00\x08", "\x0e\x1f", "\x7f\x7f")
spaces = bytes_among("\t\r", "  ")
"""Blanks and line ends."""
base64 = bytes_among("/9", "AZ", "az", "__", "++")
suspects = bytes_among("\xc3\xc3", "\xef\xef")
"""The first bytes of faults."""


@compiled
def scan(data: Bytes, offsets: Offsets) -> tuple[Counts, Hashes, Hashes, Counts]:
    """Return (counts, hash of each document's words, hashes of sampled lines, their bytes that are not blank)."""
    documents = len(offsets) - 1
    counts = np.zeros((documents, COLUMNS), dtype=np.int64)
    words, spare = np.empty(documents, dtype=np.uint64), np.empty(places(offsets), dtype=np.uint64)
    room = (offsets[documents] - offsets[0]) // LINE_BYTES
    lines, sizes, found = np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.int64), 0
    for document in range(documents):
        text, start = with_margin(data, offsets[document], offsets[document + 1])
        stop = start + offsets[document + 1] - offsets[document]
        words[document] = scan_words(text, start, stop, counts[document], spare)
        scan_bytes(text, start, stop, counts[document])
        found = scan_lines(text, start, stop, counts[document], lines, sizes, found)
    return counts, words, lines[:found].copy(), sizes[:found].copy()


@compiled
def scan_words(data: Bytes, start: int, stop: int, tally: Counts, spare: Hashes) -> np.uint64:
    """Count the words and return a hash of them, in order. `spare` has room for their bounds."""
    count = find_words(data, start, stop, spare)
    tally[TOKENS] += count
    value = ZERO
    for bounds in spare[:count]:
        word = hash_word(data, start + np.int64(bounds & LOWER), start + np.int64(bounds >> UPPER))
        value = (value ^ (value >> UPPER) ^ word) * FACTOR
    return value


@compiled
def scan_bytes(data: Bytes, start: int, stop: int, tally: Counts) -> None:
    """Count what needs no more than the kinds of bytes."""
    run, before = 0, ZERO
    for position in range(start, stop, 64):
        inside = lowest(stop - position)
        tally[CHARACTERS] += popcount(heads(data, position) & inside)
        tally[ALPHANUMERIC] += popcount(alphanumerics(data, position) & inside)
        tally[TOKENS] += popcount(signs(data, position) & inside)
        tally[CONTROL] += popcount(controls(data, position) & inside)
        ended = returns(data, position) & inside
        tally[CRLF] += popcount(ended)
        tally[LF] += popcount(feeds(data, position) & inside & ~(ended << ONE | before))
        before = ended >> np.uint64(63)
        run, tally[LONGEST_RUN] = longest_run(base64(data, position) & inside, run, tally[LONGEST_RUN])
        suspected = suspects(data, position) & inside
        while suspected:
            tally[FAULTS] += is_fault(data, position + trailing_zeros(suspected), stop)
            suspected &= suspected - ONE


@compiled
def longest_run(mask: np.uint64, run: int, longest: int) -> tuple[int, int]:
    """Return how long a run is open at the end of 64 bytes, and the longest one so far; `run` was open before them."""
    if mask == ALL:
        return run + 64, max(longest, run + 64)
    longest = max(longest, run + trailing_zeros(~mask))
    known, rest = 1, mask  # a bit of `rest` begins a run of at least `known`
    while known <= longest and rest:
        step = min(known, longest + 1 - known)
        rest &= rest >> np.uint64(step)
        known += step
    while rest:
        longest += 1
        rest &= rest >> ONE
    return leading_zeros(~mask), longest


@compiled
def is_fault(data: Bytes, position: int, stop: int) -> bool:
    """Tell whether a byte order mark, U+FFFD, or an accented letter that was encoded twice (`Ã©`) begins here."""
    if position + 3 > stop:
        return False
    first, second, third = data[position], data[position + 1], data[position + 2]
    if first == 0xEF:
        return bool((second == 0xBB and third == 0xBF) or (second == 0xBF and third == 0xBD))
    return bool(first == 0xC3 and 0x82 <= second <= 0x83 and third == 0xC2)


@compiled
def scan_lines(data: Bytes, start: int, stop: int, tally: Counts, lines: Hashes, sizes: Counts, found: int) -> int:
    """Measure each line and write down those of the sample; return how many there are now."""
    longest = tabs = others = 0
    line = start
    length = size = 0  # characters, and bytes that are not blank, of the line so far
    for position in range(start, stop + 1, 64):  # the end of the text ends a line, be it the first of 64 bytes
        inside = lowest(stop - position)
        ends = (feeds(data, position) | returns(data, position)) & inside
        first, filled = heads(data, position) & inside & ~ends, ~spaces(data, position) & inside
        if stop - position < 64:
            ends |= ONE << np.uint64(stop - position)
        while ends:
            before = (ends - ONE) & ~ends
            end = position + trailing_zeros(ends)
            longest = max(longest, length + popcount(first & before))
            size += popcount(filled & before)
            indent = data[line]
            tabs += (size > 0) & (indent == 9)
            others += (size > 0) & ((indent == 32) | (indent == 11) | (indent == 12))
            if size >= LINE_BYTES:
                found = keep_line(data, line, end, size, lines, sizes, found)
            line, length, size = end + 1, 0, 0
            first, filled, ends = first & ~before, filled & ~before, ends & (ends - ONE)
        length += popcount(first)
        size += popcount(filled)
    tally[LONGEST_LINE], tally[TAB_LINES], tally[SPACE_LINES] = longest, tabs, others
    return found


@compiled
def keep_line(data: Bytes, start: int, stop: int, size: int, lines: Hashes, sizes: Counts, found: int) -> int:
    """Write down a line, without the blanks around it, if it is in the sample; return how many there are now.

    One distinct line in 8 is, drawn by 24 of its bytes: to hash all bytes of all lines takes half as long again. All
    repeats of a line are drawn with it, so shares come out unbiased.
    """
    while spaces(data, start) == ALL:
        start += 64
    start += trailing_zeros(~spaces(data, start))
    while spaces(data, stop - 1) & ONE:
        stop -= 1
    draw = (load_eight(data, start) * FACTOR ^ load_eight(data, (start + stop) // 2)) * FACTOR
    if (draw ^ load_eight(data, stop - 8)) * FACTOR >> TOP:
        return found
    lines[found], sizes[found] = hash_word(data, start, stop), size
    return found + 1
