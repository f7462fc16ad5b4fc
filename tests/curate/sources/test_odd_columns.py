"""Columns of any type, rows of any size and names of any bytes: kept, dropped with a reason, or refused beforehand."""

import datetime
import json
import os
import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import UserError
from curate.recipe import parse
from curate.run.opened import open_run
from curate.sources.kinds import Folder, Hub, JsonLines, ParquetFiles
from curate.sources.parquet import _batches
from curate.sources.rows import Rows, sort_out
from curate.sources.values import readable
from curate.stage import Made
from tests.conftest import Run

SIX = ["a = 1\n", "b = 2\n", "c = 3\n", "d = 4\n", "e = 5\n", "f = 6\n"]


def parquet(folder: Path, columns: dict[str, Any], **settings: Any) -> ParquetFiles:
    pq.write_table(pa.table(columns), folder / "d.parquet")
    return ParquetFiles(path=str(folder / "d.parquet"), name="s", **settings)


def read(source: Any) -> list[Made]:
    return [source.read(part) for part in source.parts()]


def column(made: list[Made], name: str) -> list[Any]:
    return [value for each in made for value in each.documents.column(name).to_pylist()]


def test_parts_are_cut_where_the_large_rows_are_and_not_by_the_mean(tmp_path: Path) -> None:
    small, large = [f"x{n} = {n}\n" for n in range(3000)], [f"y{n}\n" + "abcdefgh " * 5000 for n in range(40)]
    for group in (100_000, 1500):
        pq.write_table(pa.table({"text": small + large}), tmp_path / "d.parquet", row_group_size=group)
        made = read(ParquetFiles(path=str(tmp_path / "d.parquet"), name="s", shard_mb=0.1))
        assert column(made, "text") == small + large
        assert column(made, "id") == [f"s/d.parquet@{n}" for n in range(3040)]
        assert max(each.documents.column("text").nbytes for each in made) < 130_000
        assert len(made) < 50


def test_a_long_value_that_a_dictionary_holds_once_counts_at_each_row(tmp_path: Path) -> None:
    made = read(parquet(tmp_path, {"text": ["# " + "header " * 3000] * 200}, shard_mb=0.5))
    assert sum(each.documents.num_rows for each in made) == 200
    assert 8 <= len(made) <= 10


def test_rows_of_one_size_fill_their_parts_and_a_row_larger_than_a_part_has_one_of_its_own(tmp_path: Path) -> None:
    even = read(parquet(tmp_path, {"text": ["x" * 1000] * 1000}, shard_rows=300))
    assert [each.documents.num_rows for each in even] == [300, 300, 300, 100]
    odd = read(parquet(tmp_path, {"text": ["a", "b" * 900_000, "c" * 900_000, "d"]}, shard_mb=0.5))
    assert [each.documents.num_rows for each in odd] == [1, 1, 1, 1]
    limited = read(parquet(tmp_path, {"text": ["a", "b" * 900_000, "c"]}, shard_mb=0.5, limit=2))
    assert [each.documents.num_rows for each in limited] == [1, 1]


def test_a_part_of_a_skewed_group_is_read_in_bounded_memory(tmp_path: Path) -> None:
    rows = ["x\n"] * 20_000 + [f"{n}" + "y" * 200_000 for n in range(500)]
    source = parquet(tmp_path, {"text": rows}, shard_mb=4)
    with pq.ParquetFile(tmp_path / "d.parquet") as file:
        assert file.num_row_groups == 1
        assert max(batch.nbytes for batch in _batches(file, 0, ["text"])) < 8_000_000
    parts = source.parts()
    assert len(parts) > 20
    assert source.read(parts[-1]).documents.column("text").to_pylist()[-1] == rows[-1]


def test_a_large_group_is_decoded_once_by_a_thread_and_its_parts_are_the_same_in_any_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [f"{n} " + "y" * (n % 7 * 1000) for n in range(3000)]
    source = parquet(tmp_path, {"text": rows}, shard_mb=0.5)
    monkeypatch.setattr("curate.sources.parquet.LARGE_BYTES", 1000)
    decoded: list[int] = []

    def counted(*given: Any) -> Iterator[pa.RecordBatch]:
        for batch in _batches(*given):
            decoded.append(batch.num_rows)
            yield batch

    monkeypatch.setattr("curate.sources.parquet._batches", counted)
    parts = source.parts()
    decoded.clear()
    assert [text for part in parts for text in source.read(part).documents.column("text").to_pylist()] == rows
    assert len(parts) > 10
    assert sum(decoded) == 3000
    random.Random(1).shuffle(parts)
    found = {part.name: source.read(part).documents.column("text").to_pylist() for part in parts}
    with ThreadPoolExecutor(3) as pool:
        again = dict(zip([part.name for part in parts], pool.map(source.read, parts), strict=True))
    assert [text for name in sorted(found) for text in found[name]] == rows
    assert {name: made.documents.column("text").to_pylist() for name, made in again.items()} == found


def test_chunks_of_more_than_an_offset_can_count_are_joined() -> None:
    block = pa.array(["x" * (1 << 20)] * 1, pa.string())
    chunks = pa.chunked_array([block] * 3 + [pa.array(["y"], pa.string())])
    made = sort_out(Rows(list("abcd"), chunks), "s", 1 << 30)
    assert made.documents.schema.field("text").type == pa.large_string()
    encoded = pa.chunked_array([chunks.chunk(0).dictionary_encode(), chunks.chunk(3).dictionary_encode()])
    assert sort_out(Rows(list("ab"), encoded), "s", 1 << 30).documents.column("text").to_pylist()[1] == "y"


NO_TEXT: dict[str, Any] = {
    "list": [["a"], ["b"]],
    "struct": [{"a": 1}, {"a": 2}],
    "number": [1, 2],
    "float": [1.5, 2.5],
    "bool": [True, False],
    "time": pa.array([1, 2], pa.timestamp("us")),
    "date": pa.array([1, 2], pa.date32()),
    "fixed binary": pa.array([b"abcd", b"efgh"], pa.binary(4)),
    "uuid": pa.array([b"a" * 16, b"b" * 16], pa.uuid()),
    "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int8())),
    "numbers by dictionary": pa.array([1, 2]).dictionary_encode(),
}


@pytest.mark.parametrize("name", NO_TEXT)
def test_a_text_column_that_holds_no_text_is_refused_by_plan(name: str, tmp_path: Path) -> None:
    source = parquet(tmp_path, {"text": NO_TEXT[name]})
    with pytest.raises(UserError, match=r"text: the column 'text' holds .*, not text; name another column"):
        source.check({})
    with pytest.raises(UserError, match="not text"):
        source.parts()


def test_a_later_file_with_another_type_is_refused_before_a_row_is_read(tmp_path: Path, curate: Run) -> None:
    pq.write_table(pa.table({"text": SIX}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": [[text] for text in SIX]}), tmp_path / "b.parquet")
    with pytest.raises(UserError, match=r"b\.parquet: text: the column 'text' holds list"):
        ParquetFiles(path=str(tmp_path / "*.parquet")).parts()


@pytest.mark.parametrize("kind", ["large_string", "string_view", "binary", "large_binary", "binary_view", "dictionary"])
def test_text_of_every_textual_type_is_read(kind: str, tmp_path: Path) -> None:
    plain = pa.array(SIX)
    made = read(parquet(tmp_path, {"text": plain.dictionary_encode() if kind == "dictionary" else plain.cast(kind)}))
    assert column(made, "text") == SIX


IDS: dict[str, tuple[Any, list[str]]] = {
    "uuid": (
        pa.array([uuid.UUID(int=7).bytes, uuid.UUID(int=8).bytes], pa.uuid()),
        [str(uuid.UUID(int=7)), str(uuid.UUID(int=8))],
    ),
    "digest": (pa.array([b"\xff\x00", b"\x80\x01"], pa.binary(2)), ["ff00", "8001"]),
    "letters of a fixed width": (pa.array([b"ab", b"cd"], pa.binary(2)), ["ab", "cd"]),
    "number": ([10, 11], ["10", "11"]),
    "number by dictionary": (pa.array([10, 11]).dictionary_encode(), ["10", "11"]),
    "date": ([datetime.date(2020, 1, 2), datetime.date(2020, 1, 3)], ["2020-01-02", "2020-01-03"]),
    "text": (["a", "b"], ["a", "b"]),
}


@pytest.mark.parametrize("name", IDS)
def test_an_id_of_a_simple_type_becomes_text(name: str, tmp_path: Path) -> None:
    values, expected = IDS[name]
    source = parquet(tmp_path, {"text": SIX[:2], "key": values}, id="key")
    source.check({})
    assert column(read(source), "id") == expected


@pytest.mark.parametrize("values", [[[1], [2]], [{"a": 1}, {"a": 2}], NO_TEXT["map"]], ids=["list", "struct", "map"])
def test_an_id_that_names_nothing_is_refused_by_plan(values: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"id: the column 'key' holds .*name a column of strings or numbers"):
        parquet(tmp_path, {"text": SIX[:2], "key": values}, id="key").check({})


def test_plan_refuses_in_one_line_that_names_the_source(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [1, 2]}), tmp_path / "d.parquet")
    sources = {"code": {"path": str(tmp_path / "d.parquet")}}
    with pytest.raises(UserError, match=r"^code: .*holds int64, not text"):
        open_run(parse({"name": "r", "sources": sources, "stages": {"e": {"use": "dedup.exact"}}}), tmp_path)


def test_a_column_that_stands_twice_is_refused_only_where_it_is_read(tmp_path: Path) -> None:
    table = pa.Table.from_arrays([pa.array(SIX), pa.array(SIX), pa.array(range(6))], ["text", "more", "more"])
    pq.write_table(table, tmp_path / "d.parquet")
    path = str(tmp_path / "d.parquet")
    assert column(read(ParquetFiles(path=path)), "text") == SIX
    with pytest.raises(UserError, match="2 columns 'more'"):
        ParquetFiles(path=path, keep=("more",)).check({})


def test_a_column_with_a_dot_in_its_name_is_read_and_counted(tmp_path: Path) -> None:
    made = read(parquet(tmp_path, {"meta.text": ["x" * 60_000] * 10}, text="meta.text", shard_mb=0.1))
    assert [each.documents.num_rows for each in made] == [1] * 10


@pytest.mark.parametrize(
    "values",
    [[{}, {}], [{"a": {}}], [[{}]], [{"a": [{"b": {}}]}], [{}, None], [{}, {"a": 1}]],
    ids=json.dumps,
)
def test_objects_without_fields_are_kept(values: list[Any], tmp_path: Path, curate: Run) -> None:
    rows = [json.dumps({"text": f"x = {n}", "meta": value}) for n, value in enumerate(values)]
    (tmp_path / "d.jsonl").write_text("\n".join(rows))
    made = read(JsonLines(path=str(tmp_path / "d.jsonl"), keep=("meta",)))
    pq.write_table(made[0].documents, tmp_path / "shard.parquet")
    found = pq.ParquetFile(tmp_path / "shard.parquet").read().column("meta").to_pylist()
    plain = [json.loads(value) if isinstance(value, str) else value for value in found]
    assert plain == [{"a": None} if value == {} and {"a": 1} in values else value for value in values]


def test_values_nested_deeper_than_parquet_reads_are_kept_as_json(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(200):
        deep = {"a": deep}
    (tmp_path / "d.jsonl").write_text(json.dumps({"text": "x", "meta": deep, "flat": {"a": [1]}}))
    [made] = read(JsonLines(path=str(tmp_path / "d.jsonl"), keep=("meta", "flat")))
    assert json.loads(made.documents.column("meta").to_pylist()[0]) == deep
    assert made.documents.column("flat").to_pylist() == [{"a": [1]}]


def test_rows_of_the_hub_whose_text_is_none_are_dropped_with_a_reason(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [["a"], None], "key": [[1], [2]]}), tmp_path / "train.parquet")
    [made] = read(Hub(hub=str(tmp_path), id="key"))
    assert made.rejected.select(["id", "text", "reason"]).to_pylist() == [
        {"id": "[1]", "text": '["a"]', "reason": "text is not a string"},
        {"id": "[2]", "text": "", "reason": "text is missing"},
    ]


def test_a_file_whose_name_is_no_utf8_is_a_document_like_the_others(tmp_path: Path, curate: Run) -> None:
    place = tmp_path / "code"
    place.mkdir()
    for number, name in enumerate((b"caf\xe9.py", "café.py".encode(), b"ok.py", b"two\nlines.py")):
        (place / os.fsdecode(name)).write_text(f"x = {number}\n")
    made = read(Folder(folder=str(place), name="s"))
    found = dict(zip(column(made, "id"), column(made, "text"), strict=True))
    assert found == {
        "s/caf\\xe9.py": "x = 0\n",
        "s/café.py": "x = 1\n",
        "s/ok.py": "x = 2\n",
        "s/two\nlines.py": "x = 3\n",
    }
    assert [Path(path).name for path in column(made, "path")] == [
        name.removeprefix("s/") for name in column(made, "id")
    ]
    assert len(column(read(Folder(folder=str(place), limit=3)), "id")) == 3


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_rows_of_a_file_whose_name_is_no_utf8_have_ids(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"d\xe9." + suffix.encode())
    if suffix == "jsonl":
        path.write_text('{"text": "x"}\n')
    else:
        pq.write_table(pa.table({"text": ["x"]}), tmp_path / "d.parquet")
        (tmp_path / "d.parquet").rename(path)
    kind = JsonLines if suffix == "jsonl" else ParquetFiles
    made = read(kind(path=str(tmp_path / f"*.{suffix}"), name="s"))
    assert [name.partition("@")[0] for name in column(made, "id")] == [f"s/d\\xe9.{suffix}"]
    assert readable("plain é.py") == "plain é.py"


def test_a_broken_file_whose_name_is_no_utf8_is_told_in_one_line(tmp_path: Path, curate: Run) -> None:
    (tmp_path / os.fsdecode(b"d\xe9.parquet")).write_bytes(b"no parquet")
    recipe = {
        "name": "r",
        "sources": {"code": {"path": str(tmp_path / "*.parquet")}},
        "stages": {"e": {"use": "dedup.exact"}},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    done = curate("run", tmp_path / "recipe.yaml", "--runs", tmp_path / "runs")
    assert done.returncode == 1
    assert "d\\xe9.parquet" in done.stderr or "d\\udce9.parquet" in done.stderr
    assert "Traceback" not in done.stderr
