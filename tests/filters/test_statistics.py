import io

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from filters.statistics import text_statistics

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


def test_bytes_that_are_no_characters_do_no_harm() -> None:
    broken = pa.array([b"\xff\xf4", b"\xe9"], pa.large_binary()).view(pa.large_string())
    assert text_statistics(pa.chunked_array([broken])).bytes.tolist() == [2, 1]
