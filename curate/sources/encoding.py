"""Text of other encodings as UTF-8: UTF-16 and UTF-32 are known by their mark, or by how JSON must begin in them.

In: bytes, or a stream of them. Out: the same in UTF-8. What is not valid in its encoding stays not valid in UTF-8, so
that rows with it are rejected as such. Not covered: encodings without a mark, such as Latin-1, but for Python that
names its own (`python_as_utf8`).
"""

import codecs
import io
import json
import re
import tokenize
from typing import IO, Any

MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark it begins with
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


WIDEST = 4
"""Bytes that an encoding may spend on one byte of UTF-8."""


def has_wide_mark(content: bytes) -> bool:
    """Tell whether text begins with the mark of UTF-16 or UTF-32."""
    return not content.startswith(codecs.BOM_UTF8) and content.startswith(tuple(MARKS))


def as_utf8(content: bytes) -> bytes:
    """Return text without a byte order mark, in UTF-8 if the mark says that it is UTF-16 or UTF-32."""
    if not has_wide_mark(content):
        return content.removeprefix(codecs.BOM_UTF8)
    encoding = next(name for mark, name in MARKS.items() if content.startswith(mark))
    try:
        return content.decode(encoding).encode()
    except UnicodeDecodeError:
        return content


NO_CHARACTER_SETS = re.compile(r"idna|punycode|(?:raw_)?unicode_escape|undefined|mbcs|oem|utf_(?:16|32).*")
"""Codecs that Python has and no source file is in: transformations, and what cannot hold a line in ASCII."""


def python_as_utf8(content: bytes) -> bytes:
    """Return Python source in UTF-8, from the encoding that one of its first two lines names (PEP 263).

    >>> python_as_utf8("# -*- coding: latin-1 -*-\\nx = 'é'".encode("latin-1")).decode()
    "# -*- coding: latin-1 -*-\\nx = 'é'"
    """
    text = as_utf8(content)
    if text.isascii():
        return text
    try:
        name = codecs.lookup(tokenize.detect_encoding(io.BytesIO(text).readline)[0]).name.replace("-", "_")
        if name in ("utf_8", "utf_8_sig") or NO_CHARACTER_SETS.fullmatch(name):
            return text
        return text.decode(name).encode()
    except (SyntaxError, LookupError, UnicodeError):
        return text


def json_in_utf8(stream: IO[bytes]) -> IO[bytes]:
    """Return a stream of JSON from its start in UTF-8; one that is in UTF-8 comes back as it is, mark included."""
    head = stream.peek(4)[:4] if isinstance(stream, io.BufferedReader) else b""
    name = json.detect_encoding(head)
    return stream if name.startswith("utf-8") else io.BufferedReader(_Recoded(stream, name), 1 << 20)


class _Recoded(io.RawIOBase):
    """A stream in UTF-8 of one in another encoding."""

    def __init__(self, stream: IO[bytes], encoding: str) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
        self._left = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what comes next."""
        while not self._left:
            raw = self._stream.read(1 << 18)
            try:
                text = self._decoder.decode(raw, final=not raw)
            except UnicodeDecodeError:
                text = "\udcff"  # encoded as below it is not valid in UTF-8
                self._decoder.reset()
            self._left = text.encode("utf-8", "surrogatepass")
            if not raw:
                break
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count
