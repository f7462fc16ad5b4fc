import io
import itertools
import re
import tokenize

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from curate.filters.signals import lexical
from curate.filters.signals.lexical import CODE, COMMENT, FORMATTED, TEXT, Lexical, regions


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


def test_lines_and_words_that_differ_in_two_bytes_are_no_repeats() -> None:
    """Rows of a table do; such rows, 24 bytes long, share a hash where bytes are not mixed enough."""
    rows = set()
    for places in itertools.combinations(range(24), 2):
        for digits in itertools.product("012345789", repeat=2):
            row = ["6"] * 24
            row[places[0]], row[places[1]] = digits
            rows.add("".join(row))
    found = measure("\n".join(sorted(rows)))
    assert found.duplicate_line_share.tolist() == found.repeated_ngram_share.tolist() == [0]


ANY_PIECES = [
    *(b"x", b" ", b"\t", b"\f", b"\n", b"\r", b"\r\n", b",", b"#", b"'", b'"', b"\\", b"\x80", "é".encode(), b"\x0b"),
    *(b"'''", b'"""', b"# it's\n", b"'a'", b'"#"', b"f'", b"Rb'", b"bru'", b"xf'", b"\\\r\n", b"\\\n", b"b'"),
    *(b"\\x0f" * 8, b"\\x0f", b"\\x0", b"\\u00e9", b"\\U0001f600", b"0x1F, ", b"0X0,\n" * 8, b"0x", b"00x1", b"0" * 63),
    *(b"aB3+" * 16, b"Z9x=" * 15, b"f" * 64, b"=" * 64, b" " * 58, b"a1 b_2 " * 20, b"  x = 1 \r\n" * 3),
]
ANY = st.lists(st.sampled_from(ANY_PIECES), max_size=40).map(b"".join) | st.binary(max_size=150)


@given(st.lists(ANY, min_size=1, max_size=4))
@example(
    [b" " * width + piece for width in (62, 63, 64) for piece in (b"'''a'''", b"# c\r\n", b"\\x0f" * 8, b"0x1f," * 8)]
)
@example([b" " * width + b"aB3+" * 16 + rest for width in (0, 1, 63, 64, 65) for rest in (b"", b" ", b"c")])
@example([b"'" + b"x" * width + end for width in (61, 62, 63, 64) for end in (b"'", b"\\'", b"\n", b"\\\r\n'#", b"\\")])
@example(
    [b"#", b"f", b"'", b"0", b"\\", b" x", b"a" * 63, b"\n" * 130, b"a " * 10, b"x" + b"\n" * 63 + b"x" + b" " * 70]
)
def test_any_bytes_are_measured_as_a_plain_reading_does(texts: list[bytes]) -> None:
    column = pa.chunked_array([pa.array(texts, pa.large_binary()).view(pa.large_string())])
    found = lexical.lexical(column, 10**6)
    for row, text in enumerate(texts):
        kinds = plain_regions(text)
        assert regions(text).tolist() == kinds
        pieces = plain_encoded(text)
        lines = [line.strip(b" \t\r\f") for line in text.split(b"\n")]
        words = re.findall(rb"[A-Za-z0-9_\x80-\xff]+", text)
        ngrams = [tuple(words[at : at + 10]) for at in range(len(words) - 9)]
        size, every = max(len(text), 1), sum(map(len, lines))
        assert found.comment_bytes[row] == kinds.count(COMMENT)
        assert found.encoded_share[row] == sum(pieces) / size
        assert found.encoded_run[row] == max(pieces, default=0)
        assert found.duplicate_line_share[row] == (every - sum(map(len, set(lines)))) / max(every, 1)
        assert found.repeated_ngram_share[row] == (len(ngrams) - len(set(ngrams))) / max(len(ngrams), 1)


REGION = re.compile(
    rb"#[^\r\n]*|((?<![A-Za-z0-9_\x80-\xff])[BFRTUbfrtu]{1,2})?"
    rb"(?:('{3}|\"{3})(?:\\(?:\r\n|.)?+|(?!\2)[^\\])*+(?:\2|\Z)|(['\"])(?:\\(?:\r\n|.)?+|(?!\3)[^\\\r\n])*+\3?)",
    re.DOTALL,
)
UNIT = re.compile(
    rb"\\x[0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|0[xX][0-9A-Fa-f]+"
    rb"|(?=[0-9A-Fa-f]{64,}+(?![A-Za-z0-9+/=])|(?=[A-Z0-9+/=]*[a-z])(?=[a-z0-9+/=]*[A-Z])[A-Za-z+/=]*[0-9])"
    rb"[A-Za-z0-9+/=]{64,}"
)
BETWEEN = re.compile(rb"[ \t\r\n,\"'()\[\]{}]|[bB](?=['\"])")
PAST = re.compile(rb"[A-Za-z0-9+/=]+|.", re.DOTALL)


def plain_regions(text: bytes) -> list[int]:
    kinds = [CODE] * len(text)
    for region in REGION.finditer(text):
        formatted = re.search(rb"[ft]", (region[1] or b"").lower())
        kind = COMMENT if region[0].startswith(b"#") else FORMATTED if formatted else TEXT
        kinds[region.start() : region.end()] = [kind] * len(region[0])
    return kinds


def plain_encoded(text: bytes) -> list[int]:
    """Return the bytes of each piece of encoded data."""
    pieces: list[list[int]] = [[]]
    at = 0
    while at < len(text):
        if unit := UNIT.match(text, at):
            pieces[-1].append(len(unit[0]))
            at = unit.end()
        elif between := BETWEEN.match(text, at):
            at = between.end()
        else:
            pieces.append([])
            at = PAST.match(text, at).end()
    return [sum(piece) for piece in pieces if len(piece) >= 8 or max(piece, default=0) >= 64]
