"""What the characters of a text say before any parser reads it: comments and strings, encoded data, repetition.

In: a text column. Out: `regions`, a class for every byte (code, comment, string), and `Lexical`, one figure per
document. Compiled passes over the Arrow buffers; they read anything and never fail. A string is read as Python up to
3.11 reads it: in an f-string that holds its own quotes (3.12) the classes are wrong up to the end of the line.

Encoded data are found by their form, as BigCode does for StarCoder2 (Lozhkov et al. 2024, appendix on filtering): long
base64 or hex words, and rows of escapes or of hexadecimal numbers. Repetition: see filters/repetition.py.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.buffers import text_buffers
from curate.compiled import compiled
from filters.repetition import LINE_FEED, WORD, duplicate_lines, is_in, repeated_ngrams

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CODE, COMMENT, TEXT, FORMATTED = range(4)
"""Classes of a byte. Quotes and prefixes belong to their string."""
LONG_WORD = 64
"""Bytes of a word that may be encoded data by itself."""
ROW = 8
"""Escapes or hexadecimal numbers in a row that may be encoded data."""


_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
BASE64 = is_in(_LETTERS + _DIGITS + b"+/=")
HEXADECIMAL = is_in(_DIGITS + b"abcdefABCDEF")
BETWEEN = is_in(b" \t\r\n,\"'()[]{}")
RETURN, HASH, BACKSLASH, QUOTE, APOSTROPHE = 13, 35, 92, 34, 39
LOWER_B, LOWER_U, LOWER_X, UPPER_U, ZERO = 98, 117, 120, 85, 48


@dataclass(frozen=True)
class Lexical:
    """Figures of each document; shares are of its bytes unless said otherwise."""

    comment_bytes: Integers
    encoded_share: Floats
    """Bytes of encoded data."""
    encoded_run: Integers
    """Bytes of the longest encoded data."""
    duplicate_line_share: Floats
    """Bytes of lines that stood earlier, of the bytes of all lines, blanks around them not counted."""
    repeated_ngram_share: Floats
    """10-grams of words that stood earlier, of all 10-grams."""


def lexical(column: pa.ChunkedArray, largest: int) -> Lexical:
    """Measure every document of a column that is no longer than `largest` bytes; of the others all figures are 0."""
    data, offsets = text_buffers(column)
    figures = np.zeros((len(offsets) - 1, 5))
    _measure(data, offsets, largest, figures)
    whole = figures.astype(np.int64)
    return Lexical(whole[:, 0], figures[:, 1], whole[:, 2], figures[:, 3], figures[:, 4])


def regions(text: bytes) -> Bytes:
    """Return the class of every byte of one text."""
    kinds = np.zeros(len(text), np.uint8)
    _classify(np.frombuffer(text, np.uint8), 0, len(text), kinds)
    return kinds


@compiled
def _measure(data: Bytes, offsets: Integers, largest: int, figures: Floats) -> None:
    room = 1
    for document in range(len(offsets) - 1):
        size = offsets[document + 1] - offsets[document]
        room = max(room, size if size <= largest else 0)
    kinds = np.zeros(room, np.uint8)
    bits = 4
    while 1 << bits < room:
        bits += 1
    table = np.zeros(1 << bits, np.uint64)
    for document in range(len(offsets) - 1):
        start, stop = offsets[document], offsets[document + 1]
        if stop - start > largest:
            continue
        size = max(stop - start, 1)
        _classify(data, start, stop, kinds)
        comments = 0
        for at in range(stop - start):
            comments += kinds[at] == COMMENT
        encoded, longest = _encoded(data, start, stop)
        figures[document, 0] = comments
        figures[document, 1] = encoded / size
        figures[document, 2] = longest
        figures[document, 3] = duplicate_lines(data, start, stop, table)
        figures[document, 4] = repeated_ngrams(data, start, stop, table)


@compiled
def _classify(data: Bytes, start: int, stop: int, kinds: Bytes) -> None:
    """Write the class of each byte of `data[start:stop]` to `kinds[0:]`."""
    at = start
    while at < stop:
        byte = data[at]
        if byte == HASH:
            after = at
            while after < stop and data[after] != LINE_FEED and data[after] != RETURN:
                after += 1
            kinds[at - start : after - start] = COMMENT
            at = after
        elif byte in (QUOTE, APOSTROPHE):
            first = at
            while first > start and at - first < 2 and _is_prefix(data[first - 1]):
                first -= 1
            if first > start and WORD[data[first - 1]]:
                first = at
            kind = TEXT
            for prefix in range(first, at):
                kind = FORMATTED if data[prefix] | 32 in (102, 116) else kind  # f, t
            after = _string_end(data, at, stop)
            kinds[first - start : after - start] = kind
            at = after
        else:
            kinds[at - start] = CODE
            at += 1


@compiled
def _is_prefix(byte: int) -> bool:
    return byte | 32 in (98, 102, 114, 116, 117)  # b, f, r, t, u


@compiled
def _string_end(data: Bytes, at: int, stop: int) -> int:
    """Return where the string that opens at `at` ends; an unclosed one ends with its line, or with the text."""
    quote = data[at]
    triple = at + 2 < stop and data[at + 1] == quote and data[at + 2] == quote
    at += 3 if triple else 1
    while at < stop:
        byte = data[at]
        if byte == BACKSLASH:
            at += 3 if at + 2 < stop and data[at + 1] == RETURN and data[at + 2] == LINE_FEED else 2
        elif byte == quote and not triple:
            return at + 1
        elif byte == quote and at + 2 < stop and data[at + 1] == quote and data[at + 2] == quote:
            return at + 3
        elif not triple and byte in (LINE_FEED, RETURN):
            return at
        else:
            at += 1
    return stop


@compiled
def _encoded(data: Bytes, start: int, stop: int) -> tuple[int, int]:
    """Return the bytes of encoded data, and of the longest piece of it."""
    total, longest, at = 0, 0, start
    run, units, last = 0, 0, 0  # bytes, units and the longest unit of the piece so far
    while at < stop:
        size = _unit(data, at, stop)
        if size > 0:
            run, units, last = run + size, units + 1, max(last, size)
            at += size
        elif BETWEEN[data[at]] or (data[at] | 32 == LOWER_B and at + 1 < stop and data[at + 1] in (QUOTE, APOSTROPHE)):
            at += 1
        else:
            if units >= ROW or last >= LONG_WORD:
                total, longest = total + run, max(longest, run)
            run, units, last = 0, 0, 0
            at = _past(data, at, stop)
    if units >= ROW or last >= LONG_WORD:
        total, longest = total + run, max(longest, run)
    return total, longest


@compiled
def _past(data: Bytes, at: int, stop: int) -> int:
    """Return where the word at `at`, or the one character, ends."""
    after = at + 1
    if BASE64[data[at]]:
        while after < stop and BASE64[data[after]]:
            after += 1
    return after


@compiled
def _unit(data: Bytes, at: int, stop: int) -> int:
    """Return the length of what looks encoded at `at`: an escape, a hexadecimal number, a long word; or 0."""
    byte = data[at]
    if byte == BACKSLASH and at + 3 < stop:
        digits = 2 * (data[at + 1] == LOWER_X) + 4 * (data[at + 1] == LOWER_U) + 8 * (data[at + 1] == UPPER_U)
        if digits and at + 2 + digits <= stop:
            for place in range(at + 2, at + 2 + digits):
                if not HEXADECIMAL[data[place]]:
                    return 0
            return int(2 + digits)
        return 0
    if not BASE64[byte]:
        return 0
    if byte == ZERO and at + 2 < stop and data[at + 1] | 32 == LOWER_X and HEXADECIMAL[data[at + 2]]:
        after = at + 2
        while after < stop and HEXADECIMAL[data[after]]:
            after += 1
        return after - at
    return _long_word(data, at, stop)


@compiled
def _long_word(data: Bytes, at: int, stop: int) -> int:
    """Return the length of a word of at least 64 signs of base64 that is hexadecimal or mixes all kinds; or 0."""
    lower, upper, digit, hexadecimal = False, False, False, True
    after = at
    while after < stop and BASE64[data[after]]:
        byte = data[after]
        lower |= 97 <= byte <= 122
        upper |= 65 <= byte <= 90
        digit |= 48 <= byte <= 57
        hexadecimal &= HEXADECIMAL[byte]
        after += 1
    if after - at < LONG_WORD or not (hexadecimal or (lower and upper and digit)):
        return 0
    return after - at
