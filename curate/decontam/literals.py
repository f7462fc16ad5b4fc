"""The compiled loop that reads what stands in the string literals of a text, as the strings that they are.

In: the bytes of a text: Python, JSON, or anything with strings in quotes, broken or not. Out: the strings, escapes
undone, one after the other: those that stand side by side, with nothing but blanks, brackets and `+` between, as one;
those with commas between, as the lines of one; each of the others on lines of its own. So a program that a file holds
as `repr`, as JSON, or as one string a line is a program again. Only what is of several lines is given out.

A string in one pair of quotes ends with its line at the latest; three quotes that are never closed are passed over.
"""

import numpy as np

from curate.text.bits import ONE, bytes_among, feeds, lowest, trailing_zeros, with_margin
from curate.text.compiled import compiled
from curate.text.words import Bytes, Offsets

COMMA, SEMICOLON, COLON = 44, 59, 58
LINE, RETURN, QUOTE, HASH, APOSTROPHE, BACKSLASH = 10, 13, 34, 35, 39, 92
BETWEEN = np.array([byte in b" \t\r\n\f\\+(),;" for byte in range(256)])
BEGINS = np.array([chr(byte) in "_@#\"'" or 65 <= byte <= 90 or 97 <= byte <= 122 for byte in range(256)])
"""Of lines of a program that are counted two in a row begin so, somewhere."""
AFTER_NUMBER = np.array([byte in b" \t]).:|" for byte in range(256)])
openers = bytes_among("##", "''", '""')
enders = bytes_among("''", '""', "\\\\", "\n\n")
PREFIX = np.array([byte in b"bBrRuUfFtT" for byte in range(256)])
NAME = np.array([byte >= 128 or chr(byte).isalnum() or byte == 95 for byte in range(256)])
SIMPLE = np.zeros(256, dtype=np.uint8)
for _letter, _byte in zip(b"nrtabfv0\\'\"/", b"\n\r\t\a\b\f\v\0\\'\"/", strict=True):
    SIMPLE[_letter] = _byte
    SIMPLE[48] = 32  # a null byte is none of a program's


@compiled
def read_literals(  # noqa: PLR0912 - one loop over bytes, compiled
    data: Bytes, start: int, stop: int, out: Bytes, at: int, escaped: bool
) -> int:
    """Write the strings of `data[start:stop]` to `out` from `at` on and return where they end.

    MARGIN bytes behind the text must be readable, and there must be room for twice as many bytes as it has. With
    `escaped` only strings are written of which an escape makes several lines; else those that stand there in several
    too, where they hold a `def`.
    """
    position, group, lines = start, at, 0
    apart = False
    while position < stop:
        if at == group:  # nothing is open: on to what may begin a string or a comment
            position = _next(data, position, stop)
            if position == stop:
                break
        byte = data[position]
        if byte in (QUOTE, APOSTROPHE):
            first, end, after = _bounds(data, position, stop)
            if end < 0:
                position = first
                continue
            value = _behind_colon(data, after, stop)
            if value > 0:  # a key, which is left out of a row
                apart, position = True, value
                continue
            if apart and at > group:
                if out[at - 1] != LINE:
                    out[at] = LINE
                    at += 1
                lines += not escaped
            apart = False
            at, more = _decode(data, first, end, out, at, _is_raw(data, position, start), escaped)
            lines += more
            position = after
        elif byte == HASH:
            while position < stop and data[position] != LINE:
                position += 1
        elif BETWEEN[byte] or (PREFIX[byte] and _opens(data, position, stop)):
            apart |= byte in (COMMA, SEMICOLON)
            position += 1
        else:
            apart = False
            if at > group:
                at = _close(out, group, at, lines, escaped)
                group, lines = at, 0
            position += 1
            if NAME[byte]:
                while position < stop and NAME[data[position]]:
                    position += 1
    return _close(out, group, at, lines, escaped) if at > group else at


@compiled
def _next(data: Bytes, position: int, stop: int) -> int:
    """Return where the next quote or `#` stands, `stop` if there is none."""
    while position < stop:
        found = openers(data, position) & lowest(stop - position)
        if found:
            return position + trailing_zeros(found)
        position += 64
    return stop


@compiled
def _close(out: Bytes, group: int, at: int, lines: int, escaped: bool) -> int:
    """End a string: keep it with an end of line, or forget it if it is of one line."""
    if lines == 0 or not (escaped or _has_def(out, group, at)):
        return group
    if out[at - 1] != LINE:
        out[at] = LINE
        at += 1
    return at


@compiled
def _has_def(data: Bytes, start: int, stop: int) -> bool:
    """Tell whether `def ` stands somewhere."""
    for at in range(start, stop - 3):
        if data[at] == 100 and data[at + 1] == 101 and data[at + 2] == 102 and data[at + 3] == 32:
            return True
    return False


@compiled
def _opens(data: Bytes, position: int, stop: int) -> bool:
    """Tell whether one or two letters are a string's prefix."""
    after = position + 1
    if after < stop and PREFIX[data[after]]:
        after += 1
    return after < stop and data[after] in (QUOTE, APOSTROPHE)


@compiled
def _is_raw(data: Bytes, quote: int, start: int) -> bool:
    """Tell whether a string's escapes are none."""
    first = quote
    while first > start and quote - first < 3 and PREFIX[data[first - 1]]:
        first -= 1
    if first > start and NAME[data[first - 1]]:
        return False
    raw = False
    for place in range(first, quote):
        raw |= data[place] | 32 == 114
    return raw


@compiled
def _bounds(data: Bytes, position: int, stop: int) -> tuple[int, int, int]:
    """Return where a string's content begins and ends, and where its quotes end; an end of -1 if three never close."""
    quote = data[position]
    long = position + 2 < stop and data[position + 1] == quote and data[position + 2] == quote
    first = position + (3 if long else 1)
    at = first
    while at < stop:
        found = enders(data, at) & lowest(stop - at)
        if not found:
            at += 64
            continue
        at += trailing_zeros(found)
        byte = data[at]
        if byte == BACKSLASH:
            at += 2
        elif byte == quote and not long:
            return first, at, at + 1
        elif byte == quote and at + 2 < stop and data[at + 1] == quote and data[at + 2] == quote:
            return first, at, at + 3
        elif byte == LINE and not long:
            return first, at, at
        else:
            at += 1
    return first, -1 if long else stop, stop


@compiled
def _behind_colon(data: Bytes, position: int, stop: int) -> int:
    """Return what stands behind a colon if one follows, for then the string before it names a value; else 0."""
    while position < stop and data[position] in (32, 9):
        position += 1
    return position + 1 if position < stop and data[position] == COLON else 0


@compiled
def _decode(
    data: Bytes, position: int, stop: int, out: Bytes, at: int, raw: bool, escaped: bool
) -> tuple[int, int]:  # fmt: skip
    """Write what stands between quotes; return where it ends, and how many ends of line count."""
    lines = 0
    while position < stop:
        byte = data[position]
        if byte != BACKSLASH or raw or position + 1 >= stop:
            within = byte == BACKSLASH and raw and _is_escape(data, position, stop)
            lines += within or (byte == LINE and not escaped)
            out[at] = byte
            at += 1
            position += 1
            continue
        letter = data[position + 1]
        digits = 2 * (letter == 120) + 4 * (letter == 117) + 8 * (letter == 85)
        value = _hexadecimal(data, position + 2, min(position + 2 + digits, stop)) if digits else -1
        if value >= 0:
            at = _write(out, at, value)
            lines += value == LINE
            position += 2 + digits
        elif SIMPLE[letter]:
            out[at] = SIMPLE[letter]
            at += 1
            lines += letter == 110 or (letter == BACKSLASH and _is_escape(data, position + 1, stop))
            position += 2
        else:
            if letter not in (LINE, RETURN):  # a line that goes on
                out[at], out[at + 1] = byte, letter
                at += 2
            position += 2
    return at, lines


@compiled
def _is_escape(data: Bytes, position: int, stop: int) -> bool:
    """Tell whether a backslash begins an end of line, or one more backslash: there is a string in the string."""
    return position + 1 < stop and data[position + 1] in (BACKSLASH, 110)


@compiled
def _hexadecimal(data: Bytes, first: int, stop: int) -> int:
    """Return a number, -1 if it is none."""
    value = 0
    for place in range(first, stop):
        byte = int(data[place])
        if 48 <= byte <= 57:
            value = value * 16 + byte - 48
        elif 97 <= byte | 32 <= 102:
            value = value * 16 + (byte | 32) - 87
        else:
            return -1
    return value if stop > first else -1


@compiled
def _write(out: Bytes, at: int, value: int) -> int:
    """Write a character as UTF-8 and return where it ends; it is shorter than its escape."""
    if value < 0x80:
        out[at] = value
        return at + 1
    if value < 0x800:
        out[at], out[at + 1] = 0xC0 | value >> 6, 0x80 | value & 63
        return at + 2
    if value < 0x10000:
        out[at], out[at + 1], out[at + 2] = 0xE0 | value >> 12, 0x80 | value >> 6 & 63, 0x80 | value & 63
        return at + 3
    out[at], out[at + 1] = 0xF0 | value >> 18 & 7, 0x80 | value >> 12 & 63
    out[at + 2], out[at + 3] = 0x80 | value >> 6 & 63, 0x80 | value & 63
    return at + 4


@compiled
def read_all(data: Bytes, offsets: Offsets, out: Bytes, ends: Offsets, escaped: bool) -> None:
    """Write the strings of every document, one document behind the other, and where each ends; see `read_literals`."""
    at = 0
    for document in range(len(offsets) - 1):
        text, start = with_margin(data, offsets[document], offsets[document + 1])
        at = read_literals(text, start, start + offsets[document + 1] - offsets[document], out, at, escaped)
        ends[document + 1] = at


@compiled
def count_lines(data: Bytes, offsets: Offsets) -> Bytes:
    """Return for each document whether two lines of it, one behind the other, begin with numbers that count them."""
    found = np.zeros(len(offsets) - 1, dtype=np.uint8)
    for document in range(len(offsets) - 1):
        size = offsets[document + 1] - offsets[document]
        text, start = with_margin(data, offsets[document], offsets[document + 1])
        before = _line_number(text, start, start + size)
        for position in range(start, start + size, 64):
            ends = feeds(text, position) & lowest(start + size - position)
            while ends and not found[document]:
                number = _line_number(text, position + trailing_zeros(ends) + 1, start + size)
                found[document] = number >= 1 and before >= 0 and number == before + 1
                before = number
                ends &= ends - ONE
            if found[document]:
                break
    return found


@compiled
def _line_number(data: Bytes, position: int, stop: int) -> int:
    """Return the number with which a line begins that goes on with more than numbers; -1 if there is none."""
    while position < stop and data[position] in (32, 9, HASH, 62, 42):
        position += 1
    if position < stop and data[position] in (91, 40, 76):  # [, (, L
        position += 1
    first, value = position, 0
    while position < stop and position - first < 7 and 48 <= data[position] <= 57:
        value = 10 * value + int(data[position]) - 48
        position += 1
    if position in (first, stop) or position - first == 7 or not AFTER_NUMBER[data[position]]:
        return -1
    while position < stop and AFTER_NUMBER[data[position]]:
        position += 1
    return value if position < stop and BEGINS[data[position]] else -1
