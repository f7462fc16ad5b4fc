"""What can be counted in a text without reading it as code: bytes, characters, lines, alphanumeric share.

In: the `text` column of a shard. Out: one NumPy array per figure, one value per document. One compiled pass over the
Arrow buffers, no Python object per document. Knows nothing of Python syntax; see filters/syntax.py.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.buffers import text_buffers
from curate.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]
LINE_FEED, CARRIAGE_RETURN = 10, 13


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
    characters, alphanumeric, lines, in_lines, longest = _count(offsets, data, _alphanumeric_table())
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
def _count(
    offsets: Integers, data: Bytes, alphanumeric_table: npt.NDArray[np.bool_]
) -> tuple[Integers, Integers, Integers, Integers, Integers]:
    """Return characters, alphanumeric ones, lines, characters within lines, and the longest line, per document."""
    documents = len(offsets) - 1
    totals = np.zeros((5, documents), np.int64)
    for document in range(documents):
        stop = offsets[document + 1]
        characters = alphanumeric = lines = in_lines = longest = length = 0
        previous = 0
        for position in range(offsets[document], stop):
            byte = data[position]
            if 0x80 <= byte < 0xC0:  # the rest of a character that is counted at its first byte
                continue
            characters += 1
            alphanumeric += alphanumeric_table[byte if byte < 0x80 else _code_point(data, position, stop)]
            if byte in (LINE_FEED, CARRIAGE_RETURN):
                if not (byte == LINE_FEED and previous == CARRIAGE_RETURN):
                    lines += 1
                length = 0
            else:
                length += 1
                in_lines += 1
                longest = max(longest, length)
            previous = byte
        totals[:, document] = characters, alphanumeric, lines + (length > 0), in_lines, longest
    return totals[0], totals[1], totals[2], totals[3], totals[4]


@compiled
def _code_point(data: Bytes, position: int, stop: int) -> int:
    """Decode the character of two to four bytes at a position; a broken one gives some code point, never an error."""
    byte = data[position]
    length = 2 + (byte >= 0xE0) + (byte >= 0xF0)
    value = byte & (0x7F >> length)
    for following in range(position + 1, min(position + length, stop)):
        value = value << 6 | data[following] & 0x3F
    return int(min(value, 0x10FFFF))
