"""A compiled lexer of Python for finding functions by their shape: renamed, reformatted or documented otherwise.

In: the bytes of one text, which may be broken code or no code at all. Out: one hash a token, and where each function
stands. Not Python's tokenizer: nested quotes of an f-string end it early, and three quotes that are never closed hide
the functions after them.

    kept      keywords, builtins, names after a dot, operators byte by byte, `[` and `{`
    merged    other names (NAME), numbers (NUMBER), strings (STRING; neighbours count as one)
    left out  comments, strings that begin a line (docstrings), headers of functions, and what a formatter may add or
              take away: parentheses, commas, colons, semicolons, line breaks; `elif` counts as `else if`

A function is what follows its header, up to the next line that is indented no more than its `def`.
"""

import builtins
import keyword

import numpy as np

from curate.text.compiled import compiled
from curate.text.words import Bytes, Hashes, Pairs

BASE, ZERO = np.uint64(0x9E3779B97F4A7C15), np.uint64(0)
NAME, NUMBER, STRING = np.uint64(3), np.uint64(5), np.uint64(7)
DEPTH = 64
"""Functions nested deeper are seen as part of those around them."""
COLUMNS = 6
FIRST_TOKEN, LAST_TOKEN, FIRST_BYTE, LAST_BYTE, FIRST_DOC, LAST_DOC = range(COLUMNS)
"""Of a function: its tokens without the header, its bytes from the line that holds `def`, its docstring's bytes."""
OTHER, SPACE, LINE, LETTER, DIGIT, QUOTE, HASH, OPEN, CLOSE, COLON, SILENT, ESCAPE = range(12)


def _kinds() -> Bytes:
    """Return the class of each byte."""
    kinds = np.full(256, OTHER, dtype=np.uint8)
    for bytes_, kind in (
        (b" \t\r\f", SPACE), (b"\n", LINE), (b"\"'", QUOTE), (b"#", HASH), (b"([{", OPEN), (b")]}", CLOSE),
        (b":", COLON), (b",;", SILENT), (b"\\", ESCAPE), (b"0123456789", DIGIT),
    ):  # fmt: skip
        kinds[list(bytes_)] = kind
    for byte in range(256):
        if byte >= 128 or chr(byte).isalpha() or chr(byte) == "_":
            kinds[byte] = LETTER
    return kinds


def _word(text: str) -> int:
    value = 0
    for byte in text.encode():
        value = (value * int(BASE) + byte + 1) % 2**64
    return value


KINDS = _kinds()
KEPT = np.sort(np.array([_word(w) for w in {*keyword.kwlist, *dir(builtins)} if w.isascii()], dtype=np.uint64))
KEPT_BITS = np.uint64(52)
KEPT_SIEVE = np.zeros(1 << 12, dtype=np.uint8)
KEPT_SIEVE[KEPT >> KEPT_BITS] = 1
DEF, ELSE, ELIF, IF = (np.uint64(_word(word)) for word in ("def", "else", "elif", "if"))


@compiled
def lex(  # noqa: PLR0912, PLR0915 - one loop over bytes, compiled
    data: Bytes, start: int, stop: int, tokens: Hashes, functions: Pairs
) -> tuple[int, int]:
    """Write the tokens of `data[start:stop]` and its functions; return how many there are of each.

    `tokens` needs stop - start + 1 places. A row of `functions` (int64) has the columns FIRST_TOKEN to LAST_DOC; each
    LAST is one past the last, and a function without a docstring has an empty one. Functions beyond the array's end are
    left out.
    """
    count = found = nested = depth = 0
    header = False
    stack = np.empty(DEPTH, dtype=np.int64)
    indents = np.empty(DEPTH, dtype=np.int64)
    position = line = start
    indent = 0
    fresh, after_dot = True, False
    while position < stop:
        byte = data[position]
        kind = KINDS[byte]
        if kind == LINE:
            position += 1
            if depth > 0 and begins_function(data, position, stop):
                depth = 0  # no bracket goes on here: it was never closed, or stood in prose
            if depth == 0:
                line, indent, fresh = position, 0, True
            continue
        if kind == SPACE:
            indent += 8 - indent % 8 if byte == 9 else 1
            position += 1
            continue
        if kind == HASH:
            while position < stop and data[position] != 10:
                position += 1
            continue
        if kind == ESCAPE:
            position += 2
            continue
        begins, fresh = fresh, False
        if begins:
            while nested > 0 and indents[nested - 1] >= indent:
                nested -= 1
                functions[stack[nested], LAST_TOKEN] = count
                functions[stack[nested], LAST_BYTE] = line
            header = False
        dotted, after_dot = after_dot and not begins, byte == 46  # the line before may be `...`
        if kind == LETTER:
            value = ZERO
            first = position
            while position < stop and (KINDS[data[position]] == LETTER or KINDS[data[position]] == DIGIT):
                value = value * BASE + np.uint64(data[position]) + np.uint64(1)
                position += 1
            if position < stop and KINDS[data[position]] == QUOTE and position - first <= 2:
                fresh = begins  # a string's prefix
                continue
            if header:
                continue
            if not dotted:
                if value == DEF and nested < DEPTH and found < len(functions):
                    header = True
                    stack[nested], indents[nested] = found, indent
                    functions[found, FIRST_BYTE] = line
                    functions[found, FIRST_DOC] = functions[found, LAST_DOC] = line
                    nested += 1
                    found += 1
                elif value == ELIF:
                    tokens[count] = ELSE
                    count += 1
                    value = IF
                elif not is_kept(value):
                    value = NAME
            tokens[count] = value
            count += 1
            if header:
                functions[found - 1, FIRST_TOKEN] = count
        elif kind == DIGIT:
            while position < stop and (
                KINDS[data[position]] == LETTER or KINDS[data[position]] == DIGIT or data[position] == 46
            ):
                position += 1
            if not header:
                tokens[count] = NUMBER
                count += 1
        elif kind == QUOTE:
            first = position
            position = skip_string(data, position, stop)
            if begins and nested > 0 and functions[stack[nested - 1], FIRST_TOKEN] == count:
                functions[stack[nested - 1], FIRST_DOC], functions[stack[nested - 1], LAST_DOC] = first, position
            if not (header or begins or (count > 0 and tokens[count - 1] == STRING)):
                tokens[count] = STRING
                count += 1
        elif kind == COLON:
            position += 1
            if depth == 0:
                header = False
        else:
            position += 1
            if kind == OPEN:
                depth += 1
            elif kind == CLOSE:
                depth = max(0, depth - 1)
            if not header and kind in (OTHER, OPEN) and byte != 40:
                tokens[count] = np.uint64(byte) + np.uint64(256)
                count += 1
    while nested > 0:
        nested -= 1
        functions[stack[nested], LAST_TOKEN] = count
        functions[stack[nested], LAST_BYTE] = stop
    return count, found


@compiled
def begins_function(data: Bytes, position: int, stop: int) -> bool:
    """Tell whether the line that starts here begins with `def`."""
    while position < stop and KINDS[data[position]] == SPACE:
        position += 1
    return bool(
        position + 4 <= stop
        and data[position] == 100
        and data[position + 1] == 101
        and data[position + 2] == 102
        and KINDS[data[position + 3]] == SPACE
    )


@compiled
def is_kept(value: np.uint64) -> bool:
    """Tell whether a name's hash is that of a keyword or a builtin."""
    if not KEPT_SIEVE[value >> KEPT_BITS]:
        return False
    place = np.searchsorted(KEPT, value)
    return bool(place < len(KEPT) and KEPT[place] == value)


@compiled
def skip_string(data: Bytes, position: int, stop: int) -> int:
    """Return where the string that begins at this quote ends; one in single quotes ends with its line at the latest."""
    quote = data[position]
    long = position + 2 < stop and data[position + 1] == quote and data[position + 2] == quote
    position += 3 if long else 1
    while position < stop:
        byte = data[position]
        if byte == 92:
            position += 2
        elif long:
            if byte == quote and position + 2 < stop and data[position + 1] == quote and data[position + 2] == quote:
                return position + 3
            if byte == quote and position + 3 >= stop:
                return stop
            position += 1
        elif byte == quote:
            return position + 1
        elif byte == 10:
            return position
        else:
            position += 1
    return stop
