import io
import re

import pyarrow as pa
from hypothesis import example, given
from hypothesis import strategies as st

from curate.filters.signals.statistics import text_statistics

TEXT = st.text(st.sampled_from("aZ9 _\t\r\n.é—世𝒳٣\x00\x0c\u2028")) | st.text()


def column(*texts: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([list(texts)], pa.large_string())


@given(st.lists(TEXT, min_size=1))
def test_figures_equal_those_that_python_finds(texts: list[str]) -> None:
    found = text_statistics(column(*texts))
    for index, text in enumerate(texts):
        lines = [line.rstrip("\n") for line in io.StringIO(text, newline=None)]
        assert found.bytes[index] == len(text.encode())
        assert found.max_line_length[index] == max(map(len, lines), default=0)
        assert found.mean_line_length[index] == sum(map(len, lines)) / max(len(lines), 1)
        assert found.alphanumeric_share[index] == sum(map(str.isalnum, text)) / max(len(text), 1)


def test_a_sliced_column_is_read_at_its_own_place() -> None:
    whole = column("first", "second line\nis here", "third")
    assert text_statistics(whole.slice(1, 1)).max_line_length.tolist() == [11]


def test_nulls_and_no_documents_at_all_are_nothing() -> None:
    assert text_statistics(column(None, "ab")).bytes.tolist() == [0, 2]
    assert text_statistics(column()).bytes.tolist() == []


PIECES = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b"a", b" ", b"-" * 61, b"9" * 64, "é世𝒳٣ ".encode(), b"\x80", b"\xf4", b"\xe9"]
)


@given(st.lists(st.lists(PIECES, max_size=30).map(b"".join) | st.binary(max_size=150), min_size=1, max_size=4))
@example(
    [b"-" * 63 + b"\r", b"\n" + b"-" * 62 + b"\r\n", b"\r" * 64 + b"\n", b"-" * 62 + b"\r\x80\n", "é".encode() * 32]
)
@example([b"\r" + b"\x80" * 63 + b"\n", b"-" * 63 + "é\n".encode(), b"-" * 63 + b"\xf0", b"x"])
def test_any_bytes_are_counted_as_a_plain_reading_does(texts: list[bytes]) -> None:
    found = text_statistics(pa.chunked_array([pa.array(texts, pa.large_binary()).view(pa.large_string())]))
    for index, text in enumerate(texts):
        characters = [text[at : at + 4] for at, byte in enumerate(text) if not 0x80 <= byte < 0xC0]
        lines = re.split(rb"\r\n|\r|\n", re.sub(rb"[\x80-\xbf]", b"", text))
        lengths = list(map(len, lines if lines[-1] else lines[:-1]))
        assert found.lines[index] == len(lengths)
        assert found.max_line_length[index] == max(lengths, default=0)
        assert found.mean_line_length[index] == sum(lengths) / max(len(lengths), 1)
        assert found.alphanumeric_share[index] == sum(map(is_alphanumeric, characters)) / max(len(characters), 1)


def is_alphanumeric(text: bytes) -> bool:
    """Tell of the first character, of which bytes may be missing or wrong."""
    head, rest = text[0], text[1:]
    size = (head >= 0xC0) + (head >= 0xE0) + (head >= 0xF0)
    value = head & (0x3F >> size) if size else head
    for byte in rest[:size]:
        value = value << 6 | byte & 0x3F
    return chr(min(value, 0x10FFFF)).isalnum()
