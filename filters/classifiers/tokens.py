"""Source code as one line of blank-separated tokens, for classifiers that see words and their neighbours only.

fastText splits on blanks and loses line ends and indentation. This lexer turns structure into words:

    def getName(self):           def get name ( self ) : NEWLINE
        # the user's name        COMMENT the user s name NEWLINE
        return "Mr. %s" % 7      INDENT return STR % NUM NEWLINE DEDENT

Identifiers are split at `_` and at changes of case; strings and numbers are abstracted; the words of comments and
docstrings are kept, and `>>>` in a docstring becomes DOCTEST. Marks are in capitals, so no word of a text equals one.
It reads anything: broken code, other languages and bytes that are no text give some stream, never an error. It is not
Python's tokenizer: an f-string is one string, and an unclosed bracket silences NEWLINE to the end of the text.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.text.buffers import text_buffers
from curate.text.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

READ_BYTES = 100_000
"""How much of a document is read. Judging one of 50 MB takes as long as one of 100 KB."""
WORD_BYTES = 40
"""Longer words are cut: they are data, and the beginning tells as much."""
DEEPEST = 100
"""Levels of indentation, as in CPython."""
GROWTH = 16
"""More bytes than this never come out for one that goes in: ` 1` becomes `INDENT NUM NEWLINE DEDENT `, 13 for one."""

OTHER, BLANK, LINE_END, BACKSLASH, WORD, DIGIT, QUOTE, HASH, OPEN, CLOSE, OPERATOR = range(11)


def _classes() -> Bytes:
    """Class of each byte."""
    table = np.full(256, OTHER, np.uint8)
    for class_of, characters in (
        (BLANK, b" \t\f"),
        (LINE_END, b"\n\r"),
        (BACKSLASH, b"\\"),
        (WORD, b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_" + bytes(range(128, 256))),
        (DIGIT, b"0123456789"),
        (QUOTE, b"'\""),
        (HASH, b"#"),
        (OPEN, b"([{"),
        (CLOSE, b")]}"),
        (OPERATOR, b"+-*/%&|^~@:<>=!.,;$?`"),
    ):
        table[list(characters)] = class_of
    return table


def _mark(word: str) -> Bytes:
    return np.frombuffer(f"{word} ".encode(), np.uint8).copy()


CLASS = _classes()
NEWLINE, INDENT, DEDENT = _mark("NEWLINE"), _mark("INDENT"), _mark("DEDENT")
STR, NUM, COMMENT, DOC, DOCTEST = _mark("STR"), _mark("NUM"), _mark("COMMENT"), _mark("DOC"), _mark("DOCTEST")
SPACE, DOT, EQUALS, GREATER, MINUS, UNDERSCORE = 32, 46, 61, 62, 45, 95
DOUBLED = np.array([character in b"*/<>" for character in range(256)])
BEFORE_EQUALS = np.array([character in b"+-*/%&|^@:<>=!" for character in range(256)])
PREFIX = np.array([character in b"rRbBuUfFtT" for character in range(256)])


def token_streams(column: pa.ChunkedArray) -> Iterator[str]:
    """Yield the token stream of each document of a text column."""
    data, offsets = text_buffers(column)
    room = int(min(READ_BYTES, np.diff(offsets).max(initial=0)))
    out = np.empty(GROWTH * room + GROWTH, np.uint8)
    for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        end = lex(data, start, min(stop, start + READ_BYTES), out)
        yield out[:end].tobytes().decode("utf-8", "replace").rstrip(" ")


def token_stream(text: str) -> str:
    """Return the token stream of one text.

    >>> token_stream("x = maxValue(1)")
    'x = max value ( NUM ) NEWLINE'
    """
    return next(token_streams(pa.chunked_array([[text]], pa.large_string())))


@compiled
def lex(data: Bytes, start: int, stop: int, out: Bytes) -> int:
    """Write the tokens of `data[start:stop]` to `out` and return how many bytes they took."""
    widths = np.zeros(DEEPEST, np.int64)
    at, end, depth, level = start, 0, 0, 0
    fresh, begun = True, False  # at the start of a line; within a logical line
    while at < stop:
        if fresh:
            fresh = False
            after = _indentation_end(data, at, stop)
            if depth == 0 and not begun and after < stop and CLASS[data[after]] not in (LINE_END, HASH):
                end, level = _put_indentation(after - at, widths, level, out, end)
            at = after
            continue
        kind = CLASS[data[at]]
        if kind == LINE_END:
            fresh = True
            at += 1
            if begun and depth == 0:
                begun = False
                end = _put(NEWLINE, out, end)
        elif kind == BACKSLASH:
            at += 3 if at + 2 < stop and data[at + 1] == 13 and data[at + 2] == 10 else 2
        elif kind in (BLANK, OTHER):
            at += 1
        else:
            docstring = depth == 0 and not begun
            begun = True
            if kind in (OPEN, CLOSE):
                depth = max(depth + (1 if kind == OPEN else -1), 0)
            at, end = _put_token(data, at, stop, kind, docstring, out, end)
    if begun:
        end = _put(NEWLINE, out, end)
    for _ in range(level):
        end = _put(DEDENT, out, end)
    return end


@compiled
def _indentation_end(data: Bytes, at: int, stop: int) -> int:
    """Return where the blanks end."""
    while at < stop and CLASS[data[at]] == BLANK:
        at += 1
    return at


@compiled
def _put_indentation(width: int, widths: Integers, level: int, out: Bytes, end: int) -> tuple[int, int]:
    """Compare an indentation with the open ones; a tab counts as one blank."""
    if width > widths[level] and level + 1 < DEEPEST:
        level += 1
        widths[level] = width
        return _put(INDENT, out, end), level
    while level > 0 and width < widths[level]:
        level -= 1
        end = _put(DEDENT, out, end)
    return end, level


@compiled
def _put_token(data: Bytes, at: int, stop: int, kind: int, docstring: bool, out: Bytes, end: int) -> tuple[int, int]:
    """Write the token that starts at `at`; return where it stops and where the output ends."""
    if kind == WORD:
        after = _word_end(data, at, stop)
        if after < stop and CLASS[data[after]] == QUOTE and _is_prefix(data, at, after):
            at, kind = after, QUOTE
        else:
            return after, _put_word(data, at, after, out, end)
    if kind == QUOTE:
        inside, inside_end, after = _string(data, at, stop)
        if docstring:
            end = _put_prose(data, inside, inside_end, DOC, out, end)
            return after, _put(DOC, out, end)
        return after, _put(STR, out, end)
    if kind == HASH:
        after = _line_end(data, at, stop)
        return after, _put_prose(data, at, after, COMMENT, out, end)
    if kind == DIGIT or (data[at] == DOT and at + 1 < stop and CLASS[data[at + 1]] == DIGIT):
        return _number_end(data, at, stop), _put(NUM, out, end)
    after = _operator_end(data, at, stop)
    end = _put(data[at:after], out, end)
    out[end] = SPACE
    return after, end + 1


@compiled
def _put(token: Bytes, out: Bytes, end: int) -> int:
    """Copy bytes to the output."""
    for index in range(len(token)):
        out[end + index] = token[index]
    return end + len(token)


@compiled
def _put_word(data: Bytes, start: int, stop: int, out: Bytes, end: int) -> int:
    """Write the lower-case parts of an identifier: `HTTPServer_name2` is `http server name2`."""
    length = 0
    for at in range(start, stop):
        byte = data[at]
        if byte == UNDERSCORE or (length and _is_upper(byte) and _changes_case(data, at, stop)):
            if length:
                out[end] = SPACE
                end += 1
            length = 0
        if byte != UNDERSCORE and (length < WORD_BYTES or (byte >> 6 == 2 and length < WORD_BYTES + 3)):
            out[end] = byte + 32 if _is_upper(byte) else byte
            end += 1
            length += 1
    if length:
        out[end] = SPACE
        end += 1
    return end


@compiled
def _is_upper(byte: int) -> bool:
    return 65 <= byte <= 90


@compiled
def _changes_case(data: Bytes, at: int, stop: int) -> bool:
    """Tell whether a capital begins a part: after a small letter, or before one at the end of a run of capitals."""
    if not _is_upper(data[at - 1]):
        return True
    return at + 1 < stop and 97 <= data[at + 1] <= 122


@compiled
def _put_prose(data: Bytes, at: int, stop: int, mark: Bytes, out: Bytes, end: int) -> int:
    """Write a mark and the words of a comment or docstring; of its signs only `>>>` is kept."""
    end = _put(mark, out, end)
    while at < stop:
        kind = CLASS[data[at]]
        if kind == WORD:
            after = _word_end(data, at, stop)
            end = _put_word(data, at, after, out, end)
            at = after
        elif kind == DIGIT:
            end = _put(NUM, out, end)
            at = _number_end(data, at, stop)
        elif data[at] == GREATER and at + 2 < stop and data[at + 1] == GREATER and data[at + 2] == GREATER:
            end = _put(DOCTEST, out, end)
            at += 3
        else:
            at += 1
    return end


@compiled
def _word_end(data: Bytes, at: int, stop: int) -> int:
    while at < stop and (CLASS[data[at]] == WORD or CLASS[data[at]] == DIGIT):
        at += 1
    return at


@compiled
def _number_end(data: Bytes, at: int, stop: int) -> int:
    """Return where a number ends: digits, letters, points, and a sign after the `e` of an exponent."""
    while at < stop:
        kind = CLASS[data[at]]
        exponent = kind == OPERATOR and data[at] in (43, 45) and data[at - 1] in (69, 101)
        if not (kind in (WORD, DIGIT) or data[at] == DOT or exponent):
            break
        at += 1
    return at


@compiled
def _line_end(data: Bytes, at: int, stop: int) -> int:
    while at < stop and CLASS[data[at]] != LINE_END:
        at += 1
    return at


@compiled
def _is_prefix(data: Bytes, start: int, stop: int) -> bool:
    """Tell whether a word before a quote is a string's prefix, such as `rb`."""
    return stop - start <= 2 and PREFIX[data[start]] and PREFIX[data[stop - 1]]


@compiled
def _string(data: Bytes, at: int, stop: int) -> tuple[int, int, int]:
    """Return where the inside of a string starts and stops, and where the string stops.

    An unclosed one stops at the end of its line, with three quotes at the end of the text.
    """
    quote = data[at]
    triple = at + 2 < stop and data[at + 1] == quote and data[at + 2] == quote
    size = 3 if triple else 1
    inside = at + size
    at = inside
    while at < stop:
        byte = data[at]
        if CLASS[byte] == BACKSLASH:
            at += 2
        elif byte == quote and (not triple or (at + 2 < stop and data[at + 1] == quote and data[at + 2] == quote)):
            return inside, at, at + size
        elif CLASS[byte] == LINE_END and not triple:
            return inside, at, at
        else:
            at += 1
    return inside, min(at, stop), stop


@compiled
def _operator_end(data: Bytes, at: int, stop: int) -> int:
    """Return where the longest operator at `at` ends."""
    left = stop - at
    first = data[at]
    second = data[at + 1] if left > 1 else np.uint8(0)
    third = data[at + 2] if left > 2 else np.uint8(0)
    if DOUBLED[first] and second == first:
        return at + 3 if third == EQUALS else at + 2
    if second == EQUALS and BEFORE_EQUALS[first]:
        return at + 2
    if first == MINUS and second == GREATER:
        return at + 2
    if first == DOT and second == DOT and third == DOT:
        return at + 3
    return at + 1
