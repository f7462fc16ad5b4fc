import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.filters.classifiers.tokens import GROWTH, READ_BYTES, token_stream, token_streams

CODE = st.text(st.sampled_from("aB_1 \t\r\n\\'\"#()[]{}:=+-*/<>.,@é世\x00"), max_size=200)
EXAMPLES = {
    "getURL_name2": "get url name2 NEWLINE",
    "HTTPServer": "http server NEWLINE",
    "x = 0x1F + 1.5e-3j": "x = NUM + NUM NEWLINE",
    'f(rb\'a\', "b\\"c")': "f ( STR , STR ) NEWLINE",
    "a //= b ** c != d -> e := ...": "a //= b ** c != d -> e := ... NEWLINE",
    "x = 1  # the user's ID": "x = NUM COMMENT the user s id NEWLINE",
    "f(1,\n  2)\ny": "f ( NUM , NUM ) NEWLINE y NEWLINE",
    "x = 1 + \\\n    2": "x = NUM + NUM NEWLINE",
    "x = 1 + \\\r\n    2": "x = NUM + NUM NEWLINE",
    "if a:\n    b\n\n# c\n    d\ne": "if a : NEWLINE INDENT b NEWLINE COMMENT c NEWLINE d NEWLINE DEDENT e NEWLINE",
    'def f():\n    """Add. >>> f(2)"""\n    x = """data"""': (
        "def f ( ) : NEWLINE INDENT DOC add DOCTEST f NUM DOC NEWLINE x = STR NEWLINE DEDENT"
    ),
    "größe_des = '世界'": "größe des = STR NEWLINE",
    "x = 'not closed\ny = 2": "x = STR NEWLINE y = NUM NEWLINE",
    ")))x": ") ) ) x NEWLINE",
    "": "",
    " \n\t\n": "",
}


@pytest.mark.parametrize("code", EXAMPLES)
def test_code_becomes_words_and_marks(code: str) -> None:
    assert token_stream(code) == EXAMPLES[code]


@given(st.lists(CODE | st.text(), max_size=5))
def test_any_text_gives_one_line_of_tokens_that_its_neighbours_do_not_change(texts: list[str]) -> None:
    streams = list(token_streams(pa.chunked_array([texts], pa.large_string())))
    assert streams == [token_stream(text) for text in texts]
    for text, stream in zip(texts, streams, strict=True):
        assert not set(stream) & set("\n\r\t\v\f\0")  # what fastText takes for the end of a word or line
        assert not stream or "" not in stream.split(" ")
        assert len(stream.encode()) <= GROWTH * (len(text.encode()) + 1)


@given(CODE)
def test_indents_and_dedents_balance_in_any_text(text: str) -> None:
    words = token_stream(text).split()
    assert words.count("INDENT") == words.count("DEDENT")


@given(st.text(st.characters(categories=["Lu", "Ll", "Nd"], max_codepoint=127), min_size=1, max_size=30))
def test_splitting_a_name_loses_none_of_its_letters(name: str) -> None:
    assert "".join(token_stream(f"# {name}a").split()[1:-1]).replace("NUM", "") in f"{name}a".lower()


def test_a_text_cannot_forge_marks_or_labels() -> None:
    assert token_stream("# NEWLINE __label__keep </s>") == "COMMENT newline label keep s NEWLINE"


def test_words_that_are_data_are_cut() -> None:
    assert len(token_stream("x" * 10_000)) < 60
    assert token_stream("é" * 10_000).startswith("é" * 20)


def test_a_huge_document_costs_no_more_than_its_beginning() -> None:
    huge = pa.chunked_array([["x = [1, 2]\n" * 4_600_000]], pa.large_string())
    list(token_streams(huge))
    start = time.process_time()
    (stream,) = token_streams(huge)
    assert time.process_time() - start < 1
    assert len(stream) <= GROWTH * READ_BYTES
    assert list(token_streams(pa.chunked_array([[]], pa.large_string()))) == []


def test_bytes_that_are_no_text_give_some_stream() -> None:
    broken = pa.array([b"x = \xff\xfe\x00 1"], pa.large_binary()).view(pa.large_string())
    (stream,) = token_streams(pa.chunked_array([broken]))
    assert stream.startswith("x =")
