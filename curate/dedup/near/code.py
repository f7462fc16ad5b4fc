"""Code as words: text buffers in, text buffers out, in which the words that deduplication reads are code tokens.

Comments and licence headers become blanks. Operators become words: a run of them is one word, its bytes raised above
127, where no ASCII letter is. So `a+b` and `a-b` differ, as they do not for plain words, and two files that differ in
their comments alone are the same. Strings stay, but for a leading docstring that speaks of copyright or a licence.

Made for Python: `#` begins a comment outside strings. What is no Python is read all the same: a quote that is not
closed ends with its line. A document that has nothing but comments keeps its text, lest all of those be one.
"""

import numpy as np
import pyarrow as pa

from curate.text.buffers import text_buffers
from curate.text.compiled import compiled
from curate.text.words import Bytes, Offsets

BLANK, NAME, OPERATOR = np.uint8(0), np.uint8(1), np.uint8(2)
KINDS = np.array(
    [1 if byte > 127 or chr(byte).isalnum() or chr(byte) == "_" else 2 if byte > 32 else 0 for byte in range(256)],
    np.uint8,
)
HASH, NEWLINE, BACKSLASH, SPACE, QUOTE, APOSTROPHE = (np.uint8(ord(char)) for char in "#\n\\ \"'")
RAISED = np.uint8(128)
COPYRIGHT, LICENCE = np.frombuffer(b"copyright", dtype=np.uint8), np.frombuffer(b"licen", dtype=np.uint8)


def code_buffers(texts: pa.ChunkedArray) -> tuple[Bytes, Offsets]:
    """Return (bytes, offsets) of the texts as code tokens."""
    return tokens(*text_buffers(texts))


@compiled
def tokens(data: Bytes, offsets: Offsets) -> tuple[Bytes, Offsets]:
    """Return the buffers of all documents, read as code."""
    out = np.empty(2 * (offsets[-1] - offsets[0]) + 1, dtype=np.uint8)  # at most one blank before each byte
    found = np.zeros(len(offsets), dtype=np.int64)
    at = 0
    for document in range(len(offsets) - 1):
        start, stop = offsets[document], offsets[document + 1]
        after = write_tokens(data, start, stop, out, at)
        if after == at:
            out[at : at + stop - start] = data[start:stop]
            after = at + stop - start
        at = after
        found[document + 1] = at
    return out[:at].copy(), found


@compiled
def write_tokens(data: Bytes, start: int, stop: int, out: Bytes, at: int) -> int:
    """Write the tokens of one document from `out[at]` on and return where they end; one blank parts two words."""
    begin = at
    before = BLANK
    position = start
    while position < stop:
        byte = data[position]
        end = position + 1
        if byte == HASH:
            while end < stop and data[end] != NEWLINE:
                end += 1
            before = BLANK
            position = end
            continue
        if byte in (QUOTE, APOSTROPHE):
            end = end_of_string(data, position, stop)
            if at == begin and (contains(data, position, end, COPYRIGHT) or contains(data, position, end, LICENCE)):
                position = end
                continue
        for place in range(position, end):
            byte = data[place]
            kind = KINDS[byte]
            if kind != BLANK:
                if kind != before and at > begin:
                    out[at] = SPACE
                    at += 1
                out[at] = byte | RAISED if kind == OPERATOR else byte
                at += 1
            before = kind
        position = end
    return at


@compiled
def end_of_string(data: Bytes, start: int, stop: int) -> int:
    """Return where the string literal that begins with a quote at `start` ends; with its line, if it is not closed."""
    quote = data[start]
    triple = start + 2 < stop and data[start + 1] == quote and data[start + 2] == quote
    place = start + 3 if triple else start + 1
    while place < stop:
        if data[place] == BACKSLASH:
            place += 2
            continue
        if data[place] == NEWLINE and not triple:
            return place
        if data[place] == quote:
            if not triple:
                return place + 1
            if place + 2 < stop and data[place + 1] == quote and data[place + 2] == quote:
                return place + 3
        place += 1
    return stop


@compiled
def contains(data: Bytes, start: int, stop: int, word: Bytes) -> bool:
    """Tell whether the bytes hold a word of small ASCII letters, in any case."""
    for place in range(start, stop - len(word) + 1):
        same = 0
        while same < len(word) and data[place + same] | 32 == word[same]:
            same += 1
        if same == len(word):
            return True
    return False
