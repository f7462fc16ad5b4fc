"""JSON in every form and encoding that people have it in: all rows are read, or the file is refused in one line."""

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.errors import Trouble, UserError
from curate.sources.kinds import Folder, JsonLines
from curate.stage import Made
from tests.curate.sources.test_sources import ids, reasons, texts
from tests.curate.sources.test_sources import read_all as read_parts

OBJECTS = [{"text": f"x = {n}\n# é ü {'long ' * n}", "n": {"deep": [n], "]": "[{"}} for n in range(9)]
TEXTS = [row["text"] for row in OBJECTS]
FORMS: dict[str, Callable[[list[Any]], str]] = {
    "an array over many lines": lambda rows: json.dumps(rows, indent=2, ensure_ascii=False),
    "an array in one line": lambda rows: json.dumps(rows, ensure_ascii=False),
    "an array of one object a line": lambda rows: "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n",
    "two arrays": lambda rows: json.dumps(rows[:4]) + "\n" + json.dumps(rows[4:]) + "\n",
    "an empty array before one": lambda rows: "[]\n" + json.dumps(rows),
    "objects over many lines": lambda rows: "\n".join(json.dumps(row, indent=1) for row in rows),
    "lines": lambda rows: "\n".join(map(json.dumps, rows)),
    "lines that end in CR": lambda rows: "\r".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\r",
    "lines that end in CR LF": lambda rows: "\r\n".join(map(json.dumps, rows)) + "\r\n",
    "lines with blank ones": lambda rows: "\n \r\n" + "\n\n\t\r\r".join(map(json.dumps, rows)),
}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


def read_all(path: Path, **more: Any) -> Made:
    return read_parts(JsonLines(path=str(path), **more))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_all_rows_are_read_in_parts_of_any_size(form: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(FORMS[form](OBJECTS).encode(encoding))
    found = [read_all(path, shard_rows=rows, keep=("n",)) for rows in (1, 4, 100)]
    assert [texts(made) for made in found] == [TEXTS] * 3
    assert ids(found[0]) == ids(found[1]) == ids(found[2])
    assert len(set(ids(found[0]))) == 9
    assert found[2].documents.column("n").to_pylist()[3] == OBJECTS[3]["n"]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_and_compressed(form: str, suffix: str, tmp_path: Path) -> None:
    pack = {"gz": gzip.compress, "zst": zstandard.compress}[suffix]
    (tmp_path / f"x.json.{suffix}").write_bytes(pack(FORMS[form](OBJECTS).encode("utf-16")))
    assert texts(read_all(tmp_path / f"x.json.{suffix}", shard_rows=2)) == TEXTS


@settings(max_examples=60)
@given(
    rows=st.lists(st.fixed_dictionaries({"text": st.text(max_size=40)}), min_size=1, max_size=12),
    form=st.sampled_from(list(FORMS)),
    block=st.integers(16, 200),
)
def test_blocks_may_end_anywhere(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]], form: str, block: int
) -> None:
    path = tmp_path_factory.mktemp("rows") / "x.json"
    path.write_bytes(FORMS[form](rows).encode("utf-8", "surrogatepass"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("curate.sources.json_rows._Stream.read", small_reads(block))
        assert texts(read_all(path, shard_rows=3)) == [row["text"] for row in rows]


def small_reads(block: int) -> Callable[..., bytes]:
    def read(self: Any, count: int) -> bytes:
        self.head += self.stream.read(max(0, min(count, block) - len(self.head)))
        found = bytes(self.head[: min(count, block)])
        self.head = self.head[len(found) :]
        self.offset += len(found)
        return found

    return read


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (json.dumps(OBJECTS)[:-20], "ends inside|cut or broken"),
        (json.dumps(OBJECTS, indent=2)[:-1], "ends inside its array"),
        ('[{"text": "a"}, {"text": "b"', "cut or broken"),
        ('[{"text": "a"}, {"text": b}, {"text": "a much longer one"}]', r"at byte 16 broken JSON \(Expecting value\)"),
        ("[1, 2, 3]", "holds no JSON objects: none of its first 3 rows"),
        ('[[{"text": "a"}], [{"text": "b"}]]', "holds no JSON objects"),
        ('["a", null, true, 5.5]', "holds no JSON objects"),
        ('["a list"]\n["another"]\n', "holds no JSON objects"),
        ("not JSON\n" * 12, "holds no JSON objects: none of its first 12 rows"),
        ("[" * 200_000, "recursion"),
        ("[]", "no rows in"),
        ('{\n "data": [\n  {"text": "a"}\n ]\n}\n', "has no column 'text'; its first rows have: data"),
    ],
)
def test_what_is_cut_broken_or_holds_no_objects_is_refused_by_name(content: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(UserError, match=line) as caught:
        read_all(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_object_in_an_array_of_objects_is_dropped_with_a_reason(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('[{"text": "a"}, 5, [{"text": "b"}], null, {}, {"text": "c"}]')
    made = read_all(tmp_path / "x.json")
    assert texts(made) == ["a", "c"]
    assert list(reasons(made).values()) == ["broken JSON"] * 3 + ["text is missing"]
    assert made.rejected.column("text").to_pylist()[:3] == ["5", '[{"text": "b"}]', "null"]


def test_bytes_that_are_no_text_cost_their_own_row_alone(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_bytes(b'[{"text": "a"}, {"text": "\xff\xfe"}, {"text": "\\ud800"}, {"text": "d"}]')
    (tmp_path / "wide.jsonl").write_bytes('{"text": "a"}\n{"text": "\ud800"}\n'.encode("utf-16", "surrogatepass"))
    made = read_all(tmp_path / "x.json")
    assert (texts(made), list(reasons(made).values())) == (["a", "d"], ["not valid UTF-8"] * 2)
    wide = read_all(tmp_path / "wide.jsonl")
    assert (texts(wide), list(reasons(wide).values())) == (["a"], ["not valid UTF-8"])


def test_a_value_of_an_array_that_is_too_large_is_dropped_and_the_next_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps([{"text": "a" * 3_000_000}, {"text": "b"}]))
    made = read_all(tmp_path / "x.json", max_mb=0.1)
    assert texts(made) == ["b"]
    assert list(reasons(made).values()) == ["too large"]


@pytest.mark.parametrize("form", ["lines", "an array in one line"])
def test_a_file_that_shrinks_before_it_is_read_is_trouble(form: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(FORMS[form](OBJECTS))
    source = JsonLines(path=str(path), shard_rows=3)
    parts = source.parts()
    path.write_text(FORMS[form](OBJECTS[:4]).removesuffix("]"))
    assert source.read(parts[0]).documents.num_rows == 3
    for part in parts[1:]:
        with pytest.raises((Trouble, UserError)) as caught:
            source.read(part)
        assert str(path) in str(caught.value)


def test_half_a_gigabyte_of_newlines_in_a_few_kilobytes_is_passed_over(tmp_path: Path) -> None:
    compressor = zstandard.ZstdCompressor(level=3)
    blank = compressor.compress(b"\n" * (1 << 25))
    row = compressor.compress(b'{"text": "a"}\n')
    (tmp_path / "x.jsonl.zst").write_bytes((blank * 8 + row) * 2)
    assert (tmp_path / "x.jsonl.zst").stat().st_size < 300_000
    begun = time.monotonic()
    assert texts(read_all(tmp_path / "x.jsonl.zst")) == ["a", "a"]
    assert time.monotonic() - begun < 20


def test_a_source_file_in_utf_16_is_read_by_its_mark_and_one_without_stays_no_text(tmp_path: Path) -> None:
    text = "größe = 1\n"
    for name, content in {
        "le": text.encode("utf-16"),
        "be": b"\xfe\xff" + text.encode("utf-16-be"),
        "wide": text.encode("utf-32"),
        "cut": b"\xff\xfex",
        "latin": text.encode("latin-1"),
        "plain": text.encode(),
    }.items():
        (tmp_path / f"{name}.py").write_bytes(content)
    (tmp_path / "large.py").write_bytes(("x" * 900_000).encode("utf-16"))
    (tmp_path / "larger.py").write_bytes(("x" * 1_100_000).encode("utf-16"))
    made = read_parts(Folder(folder=str(tmp_path), max_mb=1, name="s"))
    assert ids(made) == [f"s/{name}.py" for name in ("be", "large", "le", "plain", "wide")]
    assert set(texts(made)) == {text, "x" * 900_000}
    assert reasons(made) == {
        "s/cut.py": "not valid UTF-8",
        "s/larger.py": "too large",
        "s/latin.py": "not valid UTF-8",
    }
