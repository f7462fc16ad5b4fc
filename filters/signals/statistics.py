"""What can be counted in a text without reading it as code: bytes, characters, lines, alphanumeric share.

In: the `text` column of a shard. Out: one NumPy array per figure, one value per document. One compiled pass over the
Arrow buffers, 64 bytes at a time (curate/text/bits.py); only characters above ASCII are looked at one by one. Knows
nothing of Python syntax; see filters/syntax/plain.py.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.text.bits import (
    ONE,
    ZERO,
    bytes_among,
    feeds,
    heads,
    lowest,
    popcount,
    returns,
    trailing_zeros,
    with_margin,
)
from curate.text.buffers import text_buffers
from curate.text.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

ascii_alphanumerics = bytes_among("09", "AZ", "az")
heads_above_ascii = bytes_among("\xc0\xff")


@dataclass(frozen=True)
class Statistics:
    """Figures of each document. A character is a Unicode code point; lines end at LF, CR or CRLF, not counted in."""

    bytes: Integers
    lines: Integers
    mean_line_length: npt.NDArray[np.float64]
    max_line_length: Integers
    alphanumeric_share: npt.NDArray[np.float64]
    """Characters for which `str.isalnum` holds, as a share of all characters, blanks and line ends included."""


def text_statistics(column: pa.ChunkedArray) -> Statistics:
    """Count every document of a column."""
    data, offsets = text_buffers(column)
    characters, alphanumeric, lines, in_lines, longest = _count(offsets, data, _alphanumeric_table()).T
    return Statistics(
        bytes=np.diff(offsets),
        lines=lines,
        mean_line_length=in_lines / np.maximum(lines, 1),
        max_line_length=longest,
        alphanumeric_share=alphanumeric / np.maximum(characters, 1),
    )


@lru_cache(maxsize=1)
def _alphanumeric_table() -> npt.NDArray[np.bool_]:
    """`chr(i).isalnum()` for every code point i."""
    return np.char.isalnum(np.arange(0x110000, dtype=np.uint32).view("U1"))


@compiled
def _count(offsets: Integers, data: Bytes, alphanumeric_table: npt.NDArray[np.bool_]) -> Integers:
    """Return, a row a document: characters, alphanumeric ones, lines, characters within lines, the longest line."""
    documents = len(offsets) - 1
    counts = np.zeros((documents, 5), np.int64)
    for document in range(documents):
        text, start = with_margin(data, offsets[document], offsets[document + 1])
        stop = start + offsets[document + 1] - offsets[document]
        lines, in_lines, longest = _count_lines(text, start, stop)
        characters, alphanumeric = _count_characters(text, start, stop, alphanumeric_table)
        counts[document] = characters, alphanumeric, lines, in_lines, longest
    return counts


@compiled
def _count_characters(data: Bytes, start: int, stop: int, alphanumeric_table: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return how many characters there are, and how many alphanumeric ones."""
    characters = alphanumeric = 0
    for position in range(start, stop, 64):
        inside = lowest(stop - position)
        characters += popcount(heads(data, position) & inside)
        alphanumeric += popcount(ascii_alphanumerics(data, position) & inside)
        others = heads_above_ascii(data, position) & inside
        while others:
            alphanumeric += alphanumeric_table[_code_point(data, position + trailing_zeros(others), stop)]
            others &= others - ONE
    return characters, alphanumeric


@compiled
def _count_lines(data: Bytes, start: int, stop: int) -> tuple[int, int, int]:
    """Return how many lines there are, the characters within them, and those of the longest."""
    lines = in_lines = longest = length = 0
    before = ZERO  # one if a CR stands right before these bytes
    for position in range(start, stop, 64):
        inside = lowest(stop - position)
        first, ended = heads(data, position) & inside, returns(data, position) & inside
        behind = ended << ONE | before
        reach = behind + (~first & inside)  # the carry leaps what continues a character: broken text has it behind a CR
        before = ended >> np.uint64(63) | np.uint64(reach < behind)
        fed = feeds(data, position) & inside
        lines += popcount(ended) + popcount(fed & ~reach)
        ends = ended | fed
        within = first & ~ends
        in_lines += popcount(within)
        while ends:
            line = (ends - ONE) & ~ends
            longest = max(longest, length + popcount(within & line))
            length, within, ends = 0, within & ~line, ends & (ends - ONE)
        length += popcount(within)
    return lines + (length > 0), in_lines, max(longest, length)


@compiled
def _code_point(data: Bytes, position: int, stop: int) -> int:
    """Decode the character of two to four bytes at a position; a broken one gives some code point, never an error."""
    byte = data[position]
    length = 2 + (byte >= 0xE0) + (byte >= 0xF0)
    value = byte & (0x7F >> length)
    for following in range(position + 1, min(position + length, stop)):
        value = value << 6 | data[following] & 0x3F
    return int(min(value, 0x10FFFF))
