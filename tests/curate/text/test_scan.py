"""The scan of text, 64 bytes at a time, against a plain reading of each document."""

import random
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from curate.text import scan

SINGLE = b"x+/(=`# \t\x0b\x0c\n\r\x00\x1b\x7f\x80\xbf\xc3\xef\xff"
PIECES = [
    *(bytes([byte]) for byte in SINGLE),
    *(b"def", b"name_9", b"    ", b" " * 70, b"\r\n", b"\n\n", b"\n\t\t"),
    *(text.encode() for text in ("é", "漢字", "Ã©", "Â\xa0", "\ufeff", "\ufffd")),
    *(b"A1+/_" * 13, b"word and word, " * 5),
]
TEXT = st.one_of(st.binary(max_size=150), st.lists(st.sampled_from(PIECES), max_size=60).map(b"".join))
TEXTS = st.lists(TEXT, min_size=1, max_size=4)
BLANKS = b" \t\x0b\x0c"


def scanned(texts: Sequence[bytes], before: bytes = b"", after: bytes = b"") -> tuple[np.ndarray[Any, Any], ...]:
    """Scan texts that lie in one buffer, between other bytes."""
    data = np.frombuffer(before + b"".join(texts) + after, dtype=np.uint8)
    return scan.scan(data, np.cumsum([len(before), *map(len, texts)]))


def plain_counts(text: bytes) -> dict[int, int]:
    lines = re.split(rb"\r\n|\r|\n", text)
    indents = [line[:1] for line in lines if line.strip(BLANKS) and line[:1] in BLANKS]
    return {
        scan.TOKENS: len(re.findall(rb"[A-Za-z0-9_\x80-\xff]+|[!-~]", text)),
        scan.CHARACTERS: len(re.findall(rb"[^\x80-\xbf]", text)),
        scan.ALPHANUMERIC: len(re.findall(rb"[A-Za-z0-9\xc0-\xff]", text)),
        scan.LONGEST_LINE: max(len(re.findall(rb"[^\x80-\xbf]", line)) for line in lines),
        scan.LONGEST_RUN: max(map(len, re.findall(rb"[A-Za-z0-9_+/]*", text))),
        scan.CONTROL: len(re.findall(rb"[\x00-\x08\x0e-\x1f\x7f]", text)),
        scan.TAB_LINES: indents.count(b"\t"),
        scan.SPACE_LINES: len(indents) - indents.count(b"\t"),
        scan.LF: len(re.findall(rb"(?<!\r)\n", text)),
        scan.CRLF: text.count(b"\r"),
        scan.FAULTS: len(re.findall(rb"\xef\xbb\xbf|\xef\xbf\xbd|\xc3[\x82\x83](?=\xc2)", text)),
    }


@given(TEXTS, TEXT, TEXT)
@example([b"a" * 64, b"", b"b" * 129 + b"\n", b"\r" * 64 + b"\n"], b"\r", b"")
@example([b"A" * 63 + b" " + b"+" * 200, b"\n" * 63 + b" x", b" " * 64 + b"\xc3\x83"], b"\xc3", b"\xc2word")
def test_a_scan_counts_as_a_plain_reading_does(texts: list[bytes], before: bytes, after: bytes) -> None:
    for text, row in zip(texts, scanned(texts, before, after)[0], strict=True):
        assert dict(enumerate(row.tolist())) == plain_counts(text)


@given(TEXTS, TEXT, TEXT)
def test_documents_have_one_hash_exactly_if_their_words_are_the_same(
    texts: list[bytes], before: bytes, after: bytes
) -> None:
    texts += [re.sub(rb"[^A-Za-z0-9_\x80-\xff]+", b" ; ", text) for text in texts]
    hashes = scanned(texts, before, after)[1].tolist()
    words = [tuple(re.findall(rb"[A-Za-z0-9_\x80-\xff]+", text)) for text in texts]
    assert len(set(words)) == len(set(hashes)) == len(set(zip(words, hashes, strict=True)))


@given(TEXTS, TEXT, TEXT)
def test_a_line_is_kept_or_not_whatever_stands_around_it(texts: list[bytes], before: bytes, after: bytes) -> None:
    lines = [line.strip(BLANKS) for text in texts for line in re.split(rb"[\r\n]", text)]
    alone = {line: [found.tolist() for found in scanned([line])[2:]] for line in lines}
    _, _, hashes, sizes = scanned(texts, before, after)
    assert hashes.tolist() == [value for line in lines for value in alone[line][0]]
    assert sizes.tolist() == [size for line in lines for size in alone[line][1]]
    kept = [(line, *found) for line, found in alone.items() if found[0]]
    assert len({hashes[0] for _, hashes, _ in kept}) == len(kept)
    assert all(sizes == [len(re.sub(rb"[ \t\x0b\x0c]", b"", line))] >= [scan.LINE_BYTES] for line, _, sizes in kept)


def test_one_distinct_line_in_eight_is_kept() -> None:
    draw = random.Random(0)
    lines = [b"    " + draw.randbytes(draw.randrange(8, 40)).hex().encode() for _ in range(20_000)]
    assert abs(len(scanned(lines)[2]) / len(lines) - 1 / 8) < 0.01
