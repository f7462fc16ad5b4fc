import io
import tokenize

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from filters import lexical
from filters.lexical import CODE, COMMENT, FORMATTED, TEXT, Lexical, regions


def measure(*texts: str) -> Lexical:
    return lexical.lexical(pa.chunked_array([list(texts)], pa.large_string()), 10**6)


PIECES = st.sampled_from(
    [
        "x",
        " ",
        "\n",
        "# it's\n",
        "'a'",
        '"#"',
        "'''\n\"'''",
        'rb"\\""',
        "f'{x}'",
        "1+",
        "(\n)",
        "é",
        "\\\n",
        "'\\''",
        "u''",
    ]
)


@given(st.lists(PIECES).map("".join))
def test_comments_and_strings_are_those_of_pythons_tokenizer(text: str) -> None:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    expected = [CODE] * len(text)
    for token in tokens:
        if token.type in (tokenize.COMMENT, tokenize.STRING):
            start, stop = (lines[row - 1] + column for row, column in (token.start, token.end))
            formatted = token.string.startswith("f")
            kind = COMMENT if token.type == tokenize.COMMENT else FORMATTED if formatted else TEXT
            expected[start:stop] = [kind] * (stop - start)
        elif token.type == tokenize.ERRORTOKEN or "FSTRING" in tokenize.tok_name[token.type]:
            return
    found = regions(text.replace("é", "e").encode()).tolist()
    assert found == expected


@pytest.mark.parametrize(
    "text",
    [
        "KEY = '" + "aB3+" * 40 + "'\n",
        "DIGEST = '" + "0123456789abcdef" * 8 + "'\n",
        "DATA = b'" + "\\x00\\xff" * 20 + "'\n",
        "DATA = '" + "\\u4e00" * 20 + "'\n",
        "DATA = [\n" + "    0x1f, 0xAB, 0x0, 0x7e, 0x22,\n" * 20 + "]\n",
        "DATA = (\n" + "    b'\\x00\\x01\\x02\\x03\\x04\\x05\\x06'\n" * 20 + ")\n",
    ],
)
def test_encoded_data_are_found_by_their_form(text: str) -> None:
    found = measure(text)
    assert found.encoded_share[0] > 0.5
    assert found.encoded_run[0] >= 100


@pytest.mark.parametrize(
    "text",
    [
        "from package.sub.module_with_a_long_name import ThisIsAVeryLongClassName, AnotherVeryLongClassName\n" * 20,
        "URL = 'https://example.org/a/path/that/is/very/long/indeed/and/has/no/end/to/it/at/all/whatever/you/do'\n",
        "ESCAPE = '\\x1b[0m'\nMASK = 0xFF\nOTHER = 0x0F\n",
        "#" + "=" * 100 + "\n" + "-" * 100 + "\n",
    ],
)
def test_code_is_not_encoded_data(text: str) -> None:
    assert measure(text).encoded_run.tolist() == [0]


@given(st.lists(st.sampled_from(["a = 1", "  b = 2 ", "", "\t", "c", "b = 2\r"]), max_size=30))
def test_repeated_lines_are_counted_as_plain_python_does(lines: list[str]) -> None:
    seen: set[str] = set()
    again = every = 0
    for line in (line.strip() for line in lines):
        again += len(line) * (line in seen)
        every += len(line)
        seen.add(line)
    assert measure("\n".join(lines)).duplicate_line_share[0] == pytest.approx(again / max(every, 1))


@given(st.lists(st.sampled_from(["a", "bc", "a1_"]), max_size=60), st.sampled_from([" ", ", ", "\n"]))
def test_repeated_ngrams_are_counted_as_plain_python_does(words: list[str], between: str) -> None:
    ngrams = [tuple(words[at : at + 10]) for at in range(len(words) - 9)]
    again = len(ngrams) - len(set(ngrams))
    assert measure(between.join(words)).repeated_ngram_share[0] == pytest.approx(again / max(len(ngrams), 1))


def test_figures_do_not_depend_on_the_other_documents_and_longer_ones_are_left_out() -> None:
    texts = ["x = 1\nx = 1\n", "", "# a\ny = f(a.b)(c)\n" * 30, "z" * 2_000_000, "'\\"]
    together = measure(*texts)
    for row, text in enumerate(texts):
        alone = measure(text)
        for name in Lexical.__dataclass_fields__:
            assert getattr(together, name)[row] == getattr(alone, name)[0]
    assert together.comment_bytes.tolist() == [0, 0, 90, 0, 0]
