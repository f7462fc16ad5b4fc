"""What the characters of a text say before any parser reads it: comments and strings, encoded data, repetition.

In: a text column. Out: `regions`, a class for every byte (code, comment, string), and `Lexical`, one figure per
document. Compiled passes over the Arrow buffers; they read anything and never fail. A string is read as Python up to
3.11 reads it: in an f-string that holds its own quotes (3.12) the classes are wrong up to the end of the line.

Encoded data are found by their form, as BigCode does for StarCoder2 (Lozhkov et al. 2024, appendix on filtering): long
base64 or hex words, and rows of escapes or of hexadecimal numbers. Repetition: see filters/signals/repetition.py.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.filters.signals.repetition import duplicate_lines, repeated_ngrams
from curate.text.bits import ONE, ZERO, bytes_among, leading_zeros, lowest, trailing_zeros, with_margin, word_mask
from curate.text.buffers import text_buffers
from curate.text.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

CODE, COMMENT, TEXT, FORMATTED = range(4)
"""Classes of a byte. Quotes and prefixes belong to their string."""
LONG_WORD = 64
"""Bytes of a word that may be encoded data by itself."""
ROW = 8
"""Escapes or hexadecimal numbers in a row that may be encoded data."""


def _is_in(characters: bytes) -> npt.NDArray[np.bool_]:
    """Return for each byte whether it is one of the characters."""
    return np.array([byte in characters for byte in range(256)])


_LETTERS = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DIGITS = b"0123456789"
BASE64 = _is_in(_LETTERS + _DIGITS + b"+/=")
HEXADECIMAL = _is_in(_DIGITS + b"abcdefABCDEF")
BETWEEN = _is_in(b" \t\r\n,\"'()[]{}")
LINE_FEED, RETURN, HASH, BACKSLASH, QUOTE, APOSTROPHE = 10, 13, 35, 92, 34, 39
LOWER_B, LOWER_U, LOWER_X, UPPER_U, DIGIT_ZERO = 98, 117, 120, 85, 48

openers = bytes_among("##", "''", '""')
"""What a comment or a string begins with."""
line_ends = bytes_among("\n\n", "\r\r")
quotes, apostrophes, backslashes = bytes_among('""'), bytes_among("''"), bytes_among("\\\\")
base64 = bytes_among("/9", "AZ", "az", "++", "==")
zeros, letters_of_escapes = bytes_among("00"), bytes_among("UU", "XX", "uu", "xx")


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
    _classify(np.frombuffer(text, np.uint8), kinds)
    return kinds


@compiled
def _measure(data: Bytes, offsets: Integers, largest: int, figures: Floats) -> None:
    """Write the figures of each document to its row, in the order of `Lexical`."""
    room = 16
    for document in range(len(offsets) - 1):
        size = offsets[document + 1] - offsets[document]
        while room < size <= largest:
            room *= 2
    table, spare = np.zeros(room, np.uint64), np.empty(room, np.uint64)
    for document in range(len(offsets) - 1):
        size = offsets[document + 1] - offsets[document]
        if size > largest:
            continue
        text, start = with_margin(data, offsets[document], offsets[document + 1])
        encoded, longest = _encoded(text, start, start + size)
        figures[document, 0] = _comment_bytes(text, start, start + size)
        figures[document, 1] = encoded / max(size, 1)
        figures[document, 2] = longest
        figures[document, 3] = duplicate_lines(text, start, start + size, table, spare)
        figures[document, 4] = repeated_ngrams(text, start, start + size, table, spare)


@compiled
def _classify(data: Bytes, kinds: Bytes) -> None:
    """Write the class of each byte that is no code to `kinds`."""
    text, start = with_margin(data, 0, len(data))
    at, stop = start, start + len(data)
    while at < stop:
        first, after = _next_region(text, at, stop)
        kind = COMMENT
        if first < stop and text[first] != HASH:
            first, kind = _prefix(text, first, start)
        for place in range(first - start, after - start):
            kinds[place] = kind
        at = after


@compiled
def _comment_bytes(data: Bytes, start: int, stop: int) -> int:
    count, at = 0, start
    while at < stop:
        first, at = _next_region(data, at, stop)
        if first < stop and data[first] == HASH:
            count += at - first
    return count


@compiled
def _next_region(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """Return where the first comment or string from `at` on begins, without its prefix, and ends; at `stop` if none."""
    for position in range(at, stop, 64):
        found = openers(data, position) & lowest(stop - position)
        if found:
            first = position + trailing_zeros(found)
            return first, _line_end(data, first, stop) if data[first] == HASH else _string_end(data, first, stop)
    return stop, stop


@compiled
def _prefix(data: Bytes, quote: int, start: int) -> tuple[int, int]:
    """Return where the prefix of the string at `quote` begins, and the class that it gives the string."""
    first, kind = quote, TEXT
    while first > start and quote - first < 2 and data[first - 1] | 32 in (98, 102, 114, 116, 117):  # b, f, r, t, u
        first -= 1
    if first > start and word_mask(data, first - 1) & ONE:  # the end of a name
        return quote, TEXT
    for place in range(first, quote):
        kind = FORMATTED if data[place] | 32 in (102, 116) else kind  # f, t
    return first, kind


@compiled
def _line_end(data: Bytes, at: int, stop: int) -> int:
    """Return where the line ends that `at` is in."""
    for position in range(at, stop, 64):
        found = line_ends(data, position) & lowest(stop - position)
        if found:
            return position + trailing_zeros(found)
    return stop


@compiled
def _string_end(data: Bytes, at: int, stop: int) -> int:
    """Return where the string that opens at `at` ends; an unclosed one ends with its line, or with the text."""
    quote = data[at]
    triple = at + 2 < stop and data[at + 1] == quote and data[at + 2] == quote
    at += 3 if triple else 1
    while at < stop:
        found = quotes(data, at) if quote == QUOTE else apostrophes(data, at)
        found = (found | backslashes(data, at) | (ZERO if triple else line_ends(data, at))) & lowest(stop - at)
        at += trailing_zeros(found)
        if not found:
            continue
        if data[at] == BACKSLASH:
            at += 3 if at + 2 < stop and data[at + 1] == RETURN and data[at + 2] == LINE_FEED else 2
        elif not triple:
            return at + int(data[at] == quote)
        elif at + 2 < stop and data[at + 1] == quote and data[at + 2] == quote:
            return at + 3
        else:
            at += 1
    return stop


@compiled
def _encoded(data: Bytes, start: int, stop: int) -> tuple[int, int]:
    """Return the bytes of encoded data, and of the longest piece of it."""
    total, longest = 0, 0
    at = _next_suspect(data, start, stop)
    while at < stop:
        size, at = _piece(data, at, stop)
        total, longest = total + size, max(longest, size)
        at = _next_suspect(data, at, stop)
    return total, longest


@compiled
def _next_suspect(data: Bytes, at: int, stop: int) -> int:
    """Return where, from `at` on, an escape, a hexadecimal number or a long word may begin; `at` is in no word."""
    run = 0  # bytes of the word that is open before `position`
    for position in range(at, stop, 64):
        inside = lowest(stop - position)
        signs = base64(data, position) & inside
        if run + trailing_zeros(~signs) >= LONG_WORD:
            return position - run
        begun = zeros(data, position) & ~(signs << ONE | np.uint64(run > 0)) | backslashes(data, position)
        found = begun & letters_of_escapes(data, position + 1) & inside
        if found:
            return position + trailing_zeros(found)
        run = leading_zeros(~signs)
    return stop


@compiled
def _piece(data: Bytes, at: int, stop: int) -> tuple[int, int]:
    """Return the bytes of the encoded data that begin at `at`, or 0, and where what follows ends."""
    run, units, last = 0, 0, 0  # bytes, units and the longest unit
    while at < stop:
        size = _unit(data, at, stop)
        if size > 0:
            run, units, last = run + size, units + 1, max(last, size)
            at += size
        elif BETWEEN[data[at]] or (data[at] | 32 == LOWER_B and at + 1 < stop and data[at + 1] in (QUOTE, APOSTROPHE)):
            at += 1
        else:
            at = _past(data, at, stop)
            break
    return run if units >= ROW or last >= LONG_WORD else 0, at


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
    if byte == DIGIT_ZERO and at + 2 < stop and data[at + 1] | 32 == LOWER_X and HEXADECIMAL[data[at + 2]]:
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
