"""Code read as tokens."""

import io
import tokenize
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.minhash import MinHash
from curate.dedup.near.code import code_buffers
from tests.curate.dedup.conftest import Deduplicate, Rows


def words(*texts: str) -> list[list[str]]:
    """Return the words of each text, operators as the characters that they were."""
    data, offsets = code_buffers(pa.chunked_array([pa.array(texts, pa.large_string())]))
    found = [bytes(data[start:stop]).split(b" ") for start, stop in pairwise(offsets)]
    return [
        ["".join(chr(byte & 127) for byte in word) if word[:1] >= b"\x80" else word.decode() for word in document]
        for document in found
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a+b", "a + b"),
        ("x = f(y)  # why", "x = f ( y )"),
        ("x == y", "x == y"),
        ("s = '# no comment'\n", "s = '# no comment '"),
        ('s = "it\\"s # in"; t', 's = " it \\" s # in "; t'),
        ('"""Do it.\n# still text\n"""\nx # gone', '""" Do it . # still text """ x'),
        ('"""Copyright 2020 A. B.\n\nMIT"""\nx', "x"),
        ("'''Licensed under X.'''\nx = '''Copyright'''", "x = ''' Copyright '''"),
        ("# Copyright\n# by me\nimport os\n", "import os"),
        ("it's\nb # c", "it ' s b"),
        ("# a comment alone", "# a comment alone"),
        ("x = ''#c\ny", "x = '' y"),
        ("'''open # text", "''' open # text"),
        ("x = 'a\\", "x = ' a \\"),
    ],
)
def test_comments_and_licence_headers_go_and_operators_are_words(text: str, expected: str) -> None:
    assert words(text) == [expected.split(" ")]


def test_real_files_keep_every_token_but_comments(library: Rows) -> None:
    for row in library[::10]:
        kinds = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
        tokens = [t for t in tokenize.generate_tokens(io.StringIO(row["text"]).readline) if t.type not in kinds]
        if not row["text"].isascii() or "opyright" in tokens[0].string or "icen" in tokens[0].string:
            continue
        joined = "".join("".join(token.string.split()) for token in tokens)
        found = "".join(words(row["text"])[0])
        assert found.replace("\\", "") == joined.replace("\\", ""), row["id"]  # a line's end is no token of Python's


@given(st.lists(st.text("'\"#\\\na +"), max_size=4))
def test_any_text_can_be_read_and_each_document_on_its_own(texts: list[str]) -> None:
    assert words(*texts) == [words(text)[0] for text in texts]


def test_comments_make_no_difference_and_operators_do(deduplicate: Deduplicate) -> None:
    text = "\n".join(f"def f{n}(value):\n    return value * {n}\n" for n in range(50))
    rows = [
        {"id": "original", "text": text},
        {"id": "commented", "text": "# Copyright (c) someone\n" + text.replace("\n\n", "\n    # a remark on this\n")},
        {"id": "sums", "text": "\n".join(f"a{n} = b{n} + c{n}" for n in range(50))},
        {"id": "differences", "text": "\n".join(f"a{n} = b{n} - c{n}" for n in range(50))},
    ]
    plain, code = (deduplicate(MinHash(tokens=kind, threshold=0.95), rows) for kind in ("words", "code"))
    assert plain.kept == {"original", "commented", "differences"}
    assert len(code.kept & {"original", "commented"}) == 1
    assert code.kept >= {"sums", "differences"}
    assert [row["similarity"] for row in code.dropped.values()] == [1.0]
