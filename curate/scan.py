"""One compiled pass over text: what can be counted byte by byte, for the profile of a corpus (curate/profile.py).

In: the buffers of a text column (curate/buffers.py). Out: an array of counts, one row a document; a hash of each
document's words; and hashes of a sample of its lines. No Python object is made per document, and the interpreter lock
is not held, so threads scan shards side by side. Knows nothing of Python syntax.

    word    a run of ASCII letters, digits, `_` and bytes above 127
    token   a word, or one ASCII sign
    blank   space, tab, form feed, vertical tab

Importing this module imports numba; import it where the work is done.
"""

import numpy as np
import numpy.typing as npt

from curate.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Offsets = npt.NDArray[np.int64]
Counts = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

COLUMNS = 11
TOKENS, CHARACTERS, ALPHANUMERIC, LONGEST_LINE, LONGEST_RUN, CONTROL = range(6)
TAB_LINES, SPACE_LINES, LF, CRLF, FAULTS = range(6, COLUMNS)
"""Columns of the counts. Alphanumeric are also all characters above ASCII; a run is of letters, digits, `_`, `+` and
`/`, as base64 is; a fault is a mark of bad decoding: a byte order mark, U+FFFD, or UTF-8 encoded twice."""

BLANK, LINE_END, SIGN, WORD, OTHER = range(5)
LINE_BYTES = 16
"""A line of fewer bytes that are not blank (`else:`, `return None`) is repeated by the language, not by its author."""
SAMPLED = np.uint64(7)
"""One distinct line in 8 is looked at, chosen by its hash: all its repeats are, and shares come out unbiased."""

SEED, PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a
MIX, SHIFT = np.uint64(0xFF51AFD7ED558CCD), np.uint64(33)


def _kinds() -> Bytes:
    kinds = np.full(256, OTHER, dtype=np.uint8)
    kinds[33:127] = SIGN
    for byte in (*range(48, 58), *range(65, 91), *range(97, 123), ord("_"), *range(128, 256)):
        kinds[byte] = WORD
    kinds[[32, 9, 11, 12]] = BLANK
    kinds[[10, 13]] = LINE_END
    return kinds


KINDS = _kinds()


@compiled
def scan(data: Bytes, offsets: Offsets) -> tuple[Counts, Hashes, Hashes, Counts]:
    """Return (counts, hash of each document's words, hashes of sampled lines, their bytes that are not blank)."""
    documents = len(offsets) - 1
    counts = np.zeros((documents, COLUMNS), dtype=np.int64)
    words = np.empty(documents, dtype=np.uint64)
    room = documents + count_line_ends(data, offsets[0], offsets[documents])
    lines, sizes, found = np.empty(room, dtype=np.uint64), np.empty(room, dtype=np.int64), 0
    for document in range(documents):
        start, stop = offsets[document], offsets[document + 1]
        tally = counts[document]
        text_hash = line_hash = SEED
        length = filled = run = 0
        before, indent = BLANK, 0
        for position in range(start, stop):
            byte = data[position]
            kind = KINDS[byte]
            if byte & 0xC0 != 0x80:  # a character is counted at its first byte
                tally[CHARACTERS] += 1
                length += 1
            if kind == LINE_END:
                length -= 1
                tally[LONGEST_LINE] = max(tally[LONGEST_LINE], length)
                found = keep_line(line_hash, filled, lines, sizes, found)
                tally[CRLF] += byte == 13
                tally[LF] += byte == 10 and (position == start or data[position - 1] != 13)
                line_hash, length, filled, indent = SEED, 0, 0, 0
            elif kind == BLANK:
                indent = byte if length == 1 else indent
            else:
                if indent and filled == 0:
                    tally[TAB_LINES if indent == 9 else SPACE_LINES] += 1
                line_hash = (line_hash ^ np.uint64(byte)) * PRIME
                filled += 1
                if kind == WORD:
                    tally[TOKENS] += before != WORD
                    tally[ALPHANUMERIC] += byte != 95 and byte & 0xC0 != 0x80
                    text_hash = (text_hash ^ np.uint64(byte)) * PRIME
                else:
                    tally[TOKENS] += kind == SIGN
                    tally[CONTROL] += kind == OTHER
            if kind != WORD and before == WORD:
                text_hash = (text_hash ^ np.uint64(32)) * PRIME
            run = run + 1 if (kind == WORD and byte < 128) or byte in (43, 47) else 0
            tally[LONGEST_RUN] = max(tally[LONGEST_RUN], run)
            if byte >= 0xC3:
                tally[FAULTS] += is_fault(data, position, stop)
            before = kind
        tally[LONGEST_LINE] = max(tally[LONGEST_LINE], length)
        found = keep_line(line_hash, filled, lines, sizes, found)
        words[document] = text_hash if before != WORD else (text_hash ^ np.uint64(32)) * PRIME
    return counts, words, lines[:found].copy(), sizes[:found].copy()


@compiled
def count_line_ends(data: Bytes, start: int, stop: int) -> int:
    """Return how many bytes end a line."""
    count = 0
    for position in range(start, stop):
        count += data[position] == 10 or data[position] == 13
    return count


@compiled
def keep_line(line_hash: np.uint64, filled: int, lines: Hashes, sizes: Counts, found: int) -> int:
    """Write down a line if it is long enough and in the sample; return how many there are now."""
    spread = (line_hash ^ (line_hash >> SHIFT)) * MIX  # the low bits of a product of bytes alone are not random
    if filled < LINE_BYTES or (spread >> SHIFT) & SAMPLED != 0:
        return found
    lines[found], sizes[found] = line_hash, filled
    return found + 1


@compiled
def is_fault(data: Bytes, position: int, stop: int) -> bool:
    """Tell whether a byte order mark, U+FFFD, or an accented letter that was encoded twice (`Ã©`) begins here."""
    if position + 3 > stop:
        return False
    first, second, third = data[position], data[position + 1], data[position + 2]
    if first == 0xEF:
        return bool((second == 0xBB and third == 0xBF) or (second == 0xBF and third == 0xBD))
    return bool(first == 0xC3 and 0x82 <= second <= 0x83 and third == 0xC2)
