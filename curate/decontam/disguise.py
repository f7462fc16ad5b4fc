"""What texts hold in disguise: programs inside of string literals, with numbers before their lines, or as HTML.

In: the buffers of a text column. Out: `Hidden`: further texts, and of which document each is a part. A rule that looks
for benchmark problems looks at these as at the documents themselves. Undone are

    literals   strings of several lines, as Python or JSON write them (literals.py)
    HTML       `&lt;`, `&quot;`, `&#39;` and all other entities
    numbers    before lines that are counted: `12 `, `12: `, `12| `, `[12] `, `L12: `

in each other up to DEPTH times: a row of JSON in a string, a numbered listing in a row of JSON. Not undone: encodings
(base64, quoted-printable), strings of one character an element, text that is put together when the program runs.
"""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curate.decontam.literals import count_lines, read_all
from curate.text.words import Bytes, Offsets

DEPTH = 3
HTML = (r"&(?:lt|gt|quot|amp|apos|nbsp|#[0-9]{1,5}|#x[0-9a-fA-F]{1,4});", r"<(?:/?(?:pre|code|span|td|li)|br)[ />]")
"""Expressions for Arrow's engine, of which each is quick because it begins with one sign."""
LISTED = re.compile(
    rb"^[ \t#>*]*[\[(L]?(\d{1,6})(?:[\]).:|]+|[ \t]+[|:]|(?=[ \t\r\n]|\Z))[ \t]?([^\n]*)\n?", re.MULTILINE
)
"""A line with its number."""
TAG = re.compile(rb"</?[a-zA-Z][^<>\n]{0,200}>")


@dataclass(frozen=True)
class Hidden:
    """Texts that stand in others."""

    data: Bytes
    offsets: Offsets
    rows: Offsets
    """The document that each text stands in."""


def hidden(data: Bytes, offsets: Offsets, escaped: bool) -> Hidden:
    """Return what documents hide; `escaped`: of their literals only those with several lines by escapes."""
    layers = [Hidden(data, offsets, np.arange(len(offsets) - 1))]
    while len(layers) <= DEPTH and len(layers[-1].rows):
        layers.append(_next(layers[-1], escaped))
    sizes = [np.diff(layer.offsets) for layer in layers[1:]]
    return Hidden(
        _joined(layer.data[: layer.offsets[-1]].tobytes() for layer in layers[1:]),
        np.cumsum(np.concatenate([np.zeros(1, np.int64), *sizes])),
        np.concatenate([np.empty(0, np.int64), *(layer.rows for layer in layers[1:])]),
    )


def _next(layer: Hidden, escaped: bool) -> Hidden:
    """Return what the texts of one layer hide directly."""
    out = np.empty(2 * int(layer.offsets[-1] - layer.offsets[0]) + 2 * len(layer.rows) + 8, np.uint8)
    ends = np.zeros(len(layer.offsets), np.int64)
    read_all(layer.data, layer.offsets, out, ends, escaped)
    sizes = np.diff(ends)
    some = np.flatnonzero(sizes)
    texts = [out[ends[row] : ends[row + 1]].tobytes() for row in some.tolist()]
    rows = layer.rows[some].tolist()
    column = _column(layer)
    pages = np.any([pc.match_substring_regex(column, expression).to_numpy(False) for expression in HTML], axis=0)
    listings = count_lines(layer.data, layer.offsets)
    for chosen, undo in ((pages, without_html), (listings, without_numbers)):
        for row in np.flatnonzero(chosen).tolist():
            text = column[row].as_buffer().to_pybytes()
            plain = undo(text)
            if plain and plain != text:
                texts.append(plain)
                rows.append(int(layer.rows[row]))
    offsets = np.concatenate(([0], np.cumsum([len(text) for text in texts]))).astype(np.int64)
    return Hidden(_joined(texts), offsets, np.array(rows, np.int64))


def _joined(texts: Iterable[bytes]) -> Bytes:
    """Return texts one after the other as an array that may be written, as a shard's is: each loop that reads them
    would else be compiled for either kind, and the second takes its time of a first run."""
    return np.frombuffer(bytearray().join(texts) or bytearray(1), np.uint8)


def _column(layer: Hidden) -> pa.Array:
    """Return the texts as an array of Arrow's, nothing copied."""
    buffers = [None, pa.py_buffer(np.ascontiguousarray(layer.offsets)), pa.py_buffer(layer.data)]
    return pa.Array.from_buffers(pa.large_binary(), len(layer.rows), buffers)


def without_html(text: bytes) -> bytes:
    """Return what a page of HTML shows.

    >>> without_html(b"<pre>a &lt; b</pre>")
    b'a < b'
    """
    shown = TAG.sub(lambda tag: b"\n" if tag[0].lower().startswith(b"<br") else b"", text)
    return html.unescape(shown.decode("utf-8", "replace")).encode("utf-8", "replace")


def without_numbers(text: bytes) -> bytes:
    r"""Return the lines of a text that are counted, two or more, without their numbers.

    >>> without_numbers(b"x\n 9 def f():\n10     return 1\n3 x\n")
    b'def f():\n    return 1\n'
    """
    lines: list[bytes] = []
    before, end, taken = b"", -1, True
    number = -1
    for found in LISTED.finditer(text):
        follows = found.start() == end and int(found[1]) == number + 1
        if follows:
            lines += [found[2]] if taken else [before, found[2]]
        before, end, number, taken = found[2], found.end(), int(found[1]), follows
    return b"".join(line + b"\n" for line in lines)
