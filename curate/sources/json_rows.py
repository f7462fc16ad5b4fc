"""The rows of a JSON file as raw bytes: one a line, or the elements of arrays, or objects over several lines.

In: a stream from its start. Out: (offset, raw row, length) for each row, with offsets into the decompressed bytes in
UTF-8, so that reading can begin at any row. A line ends in LF, CR LF or CR. Which of the three forms a file has is told
by its head. Rows that cannot hold a permitted text come as None. Memory follows from the largest row, time from the
bytes alone: blanks are passed over at the speed of memory.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO, Literal

from curate.errors import DamagedFile, Trouble
from curate.sources.encoding import json_in_utf8

Form = Literal["lines", "array", "objects"]
Row = tuple[int, bytes | None, int]
BLOCK = 1 << 20
LARGEST = 1 << 28
"""Bytes of one element of an array, at least, before the file is refused."""
NEAR_END = 16
"""Characters before the end of what was read in which an error may only mean that more must be read."""
BLANKS = " \t\r\n\f\v"
NOT_BLANK = re.compile(rb"\S")
BETWEEN = re.compile(f"[{BLANKS},]*")


@dataclass
class _Stream:
    """A stream whose head was looked at."""

    stream: IO[bytes]
    url: str
    head: bytes
    offset: int = 0

    def skip_to(self, offset: int) -> None:
        """Go on at an offset that is not before the present one."""
        count, self.head = offset - self.offset - len(self.head), self.head[offset - self.offset :]
        self.offset = offset
        if count > 0 and self.stream.seekable():
            self.stream.seek(offset)
            return
        while count > 0:
            passed = len(self.stream.read(min(count, 4 * BLOCK)))
            if not passed:
                raise self.shrunk(offset)
            count -= passed

    def read(self, count: int) -> bytes:
        """Return what comes next, `count` bytes at most; none at the end."""
        block = self.head[:count] if self.head else self.stream.read(count)
        self.head = self.head[len(block) :]
        self.offset += len(block)
        return block

    def shrunk(self, stop: int) -> Trouble:
        return Trouble(f"{self.url} ends before byte {stop:,}, where it had a row when it was listed; run again")


def rows(stream: IO[bytes], url: str, most: int, start: int = 0, stop: int | None = None) -> tuple[Form, Iterator[Row]]:
    """Return the form of a file, and its rows from the one at `start` to the end of the one before `stop`.

    Of rows longer than `most` bytes only the length is told. Raises DamagedFile for an array that is broken or cut, and
    Trouble for a file that ends before `stop`.
    """
    stream = json_in_utf8(stream)
    opened = _Stream(stream, url, stream.read(BLOCK))
    form = form_of(opened.head)
    opened.skip_to(start)
    return form, (_lines(opened, stop, most) if form == "lines" else _Values(opened, form, stop, most).rows())


def form_of(head: bytes) -> Form:
    """Tell by the first bytes of a file how its rows stand in it.

    >>> form_of(b'{"a": 1}\\n{"a": 2}\\n'), form_of(b'[{"a":'), form_of(b'{\\n"a": 1}\\n')
    ('lines', 'array', 'objects')
    """
    text = head.removeprefix(codecs.BOM_UTF8).lstrip()
    if text.startswith(b"["):
        return "array"
    first = re.split(rb"[\r\n]", text, maxsplit=1)[0]
    if not text.startswith(b"{") or len(first) == len(text):
        return "lines"
    try:
        _, end = json.JSONDecoder().raw_decode(text.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return "lines"
    return "objects" if end > len(first.decode("utf-8", "surrogateescape")) else "lines"


def _lines(opened: _Stream, stop: int | None, most: int) -> Iterator[Row]:
    """Yield the lines that are not blank, from their first character on."""
    pieces: list[bytes] = []  # of the line that goes on in the next block
    begun, length = 0, 0
    while block := opened.read(BLOCK if stop is None else min(BLOCK, stop - opened.offset)):
        if not length and block.isspace():  # 7 times as fast as the search below
            continue
        first, place = opened.offset - len(block), 0
        while place < len(block):
            if not length:
                found = NOT_BLANK.search(block, place)
                if found is None:
                    break
                place = found.start()
                begun = first + place
            end = _line_end(block, place)
            length += (end or len(block)) - place
            if length <= most:
                pieces.append(block[place:end])
            if end is None:
                break
            yield begun, b"".join(pieces) if length <= most else None, length
            pieces, length, place = [], 0, end
    if length:
        yield begun, b"".join(pieces) if length <= most else None, length
    if stop is not None and opened.offset < stop:
        raise opened.shrunk(stop)


def _line_end(block: bytes, place: int) -> int | None:
    """Return where the line ends that a place lies in, its end mark included; None if not in this block."""
    feed = block.find(b"\n", place)
    until = feed if feed >= 0 else len(block)
    carriage = block.find(b"\r", place, until)
    if 0 <= carriage < until - 1 or (carriage >= 0 and feed < 0):
        return carriage + 1
    return feed + 1 if feed >= 0 else None


@dataclass
class _Values:
    """JSON values one after another: the elements of arrays, or objects over several lines."""

    opened: _Stream
    form: Form
    stop: int | None
    most: int
    text: str = ""
    place: int = 0
    ended: bool = False
    offset: int = 0
    inside: bool = False
    """Whether an array is open."""
    _decoder: codecs.IncrementalDecoder = field(
        default_factory=lambda: codecs.getincrementaldecoder("utf-8")("surrogateescape")
    )

    def rows(self) -> Iterator[Row]:
        """Yield the values."""
        self.offset = self.opened.offset
        self.inside = self.offset > 0 and self.form == "array"
        if self.offset == 0 and self.opened.head.startswith(codecs.BOM_UTF8):
            self.opened.skip_to(len(codecs.BOM_UTF8))
            self.offset = self.opened.offset
        while self.stop is None or self.offset < self.stop:
            if not self._next():
                break
            if self.form == "array" and self.text[self.place] == ("]" if self.inside else "["):
                self.inside = not self.inside
                self._pass(1)
                continue
            raw = self._value()
            yield self.offset - len(raw), raw if len(raw) <= self.most else None, len(raw)
        if self.stop is None and self.inside:
            raise DamagedFile(f"{self.opened.url} ends inside its array, at byte {self.offset:,}; replace the file")
        if self.stop is not None and self.offset < self.stop:
            raise self.opened.shrunk(self.stop)

    def _next(self) -> bool:
        """Go to the next character that is neither blank nor a comma; False at the end."""
        while True:
            found = BETWEEN.match(self.text, self.place)
            self._pass(found.end() - self.place if found else 0)
            if self.place < len(self.text):
                return True
            if not self._more():
                return False

    def _value(self) -> bytes:
        """Return the value that begins here, and go past it."""
        while True:
            try:
                _, end = json.JSONDecoder().raw_decode(self.text, self.place)
                if end < len(self.text) or not self._more():
                    break
            except json.JSONDecodeError as error:
                cut = error.msg.startswith("Unterminated string") or error.pos >= len(self.text) - NEAR_END
                if not cut:
                    raise self._broken(f"broken JSON ({error.msg})") from error
                if not self._more():
                    raise self._broken("JSON that is cut or broken") from error
            except (ValueError, RecursionError) as error:
                raise self._broken(" ".join(str(error).split())) from error
            if len(self.text) - self.place > max(self.most, LARGEST):
                raise self._broken(f"a value of more than {max(self.most, LARGEST) / 1e6:,.0f} MB")
        raw = self.text[self.place : end].encode("utf-8", "surrogateescape")
        self.place = end
        self.offset += len(raw)
        return raw

    def _broken(self, what: str) -> DamagedFile:
        return DamagedFile(f"cannot read {self.opened.url}: at byte {self.offset:,} {what}; mend or remove the file")

    def _pass(self, count: int) -> None:
        """Go past characters of one byte each."""
        self.place += count
        self.offset += count

    def _more(self) -> bool:
        """Read on, as much again as is waiting, so that the time for a large value stays in proportion to its size."""
        if self.ended:
            return False
        block = self.opened.read(max(BLOCK, len(self.text) - self.place))
        self.ended = not block
        self.text = self.text[self.place :] + self._decoder.decode(block, final=self.ended)
        self.place = 0
        return True
