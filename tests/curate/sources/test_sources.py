"""Sources: every row read is kept or rejected with a reason, in any format, in a stable order."""

import gzip
import json
import pickle
import tomllib
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curate.errors import Trouble, UserError
from curate.sources import installed
from curate.sources.installed import installed_files, license_of
from curate.sources.jsonl import cut_file
from curate.sources.kinds import Folder, Hub, Installed, JsonLines, Packages, ParquetFiles, source_from
from curate.sources.rows import Rows, repeated, sort_out
from curate.stage import Made


def read_all(source: Any) -> Made:
    made = [source.read(part) for part in source.parts()]
    return Made(
        pa.concat_tables([m.documents for m in made], promote_options="permissive"),
        pa.concat_tables([m.rejected for m in made], promote_options="permissive"),
    )


def texts(made: Made) -> list[str]:
    return list(made.documents.column("text").to_pylist())


def ids(made: Made) -> list[str]:
    return list(made.documents.column("id").to_pylist())


def reasons(made: Made) -> dict[str, str]:
    return dict(zip(made.rejected.column("id").to_pylist(), made.rejected.column("reason").to_pylist(), strict=True))


def write_lines(path: Path, rows: list[Any]) -> Path:
    path.write_bytes(b"".join(row if isinstance(row, bytes) else json.dumps(row).encode() + b"\n" for row in rows))
    return path


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({"installed": True}, Installed),
        ({"folder": "src"}, Folder),
        ({"path": "x/*.parquet"}, ParquetFiles),
        ({"path": "x.jsonl"}, JsonLines),
        ({"path": "x.json"}, JsonLines),
        ({"path": "s3://bucket/x.jsonl.gz"}, JsonLines),
        ({"path": "x.jsonl.zst"}, JsonLines),
        ({"hub": "bigcode/the-stack-smol", "split": "train"}, Hub),
        ({"packages": "list.txt", "limit": 5}, Packages),
    ],
)
def test_the_key_decides_the_kind_of_source(settings: dict[str, Any], kind: type) -> None:
    assert type(source_from("code", settings)) is kind


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"path": "x.parquet", "txt": "a"}, "unknown key 'txt'; did you mean 'text'?"),
        ({"packages": "list.txt", "hash": "content"}, "unknown key 'hash'"),
        ({"installed": True, "limits": 3}, "unknown key 'limits'; did you mean 'limit'?"),
        ({"path": "x.parquet", "name": "other"}, "unknown key 'name'"),
        ({"path": "x.csv"}, "'x.csv' must end in .parquet, .jsonl"),
        ({"path": "a.parquet", "hub": "b"}, "exactly one of"),
        ({}, "exactly one of"),
        ({"installed": False}, "write `installed: true`"),
    ],
)
def test_a_wrong_entry_is_refused_with_the_next_step(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(UserError) as caught:
        source_from("code", settings)
    assert line in str(caught.value)


def test_a_wrong_value_and_a_kept_column_of_the_tools_own_are_refused() -> None:
    with pytest.raises(ValidationError):
        source_from("code", {"installed": True, "limit": 0})
    with pytest.raises(ValidationError, match="rename it in the data"):
        source_from("code", {"path": "x.parquet", "keep": ["source"]})


def test_installed_files_carry_package_version_path_and_licence() -> None:
    made = read_all(source_from("code", {"installed": True, "limit": 300, "shard_rows": 70}))
    assert made.documents.num_rows + made.rejected.num_rows == 300
    assert made.documents.column_names == ["id", "text", "source", "path", "package", "version", "license"]
    for row in made.documents.drop_columns(["text"]).to_pylist():
        assert row["id"] == f"{row['package']}@{row['version']}/{row['path']}"
        assert row["path"].endswith(".py")
        assert row["source"] == "code"
    assert ids(made) == sorted(set(ids(made)))


def test_installed_has_the_standard_library_and_packages_each_file_once() -> None:
    files = installed_files()
    packages = {file.package for file in files}
    assert {"python", "pydantic", "numpy"} <= packages
    assert len(files) >= 2000
    assert len({file.id for file in files}) == len(files) == len({Path(file.location).resolve() for file in files})


def test_the_tool_s_own_installed_code_is_no_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyproject = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    for name in (pyproject["project"]["name"], "other-tool"):
        module = name.replace("-", "_")
        (tmp_path / f"{module}.py").write_text("x = 1\n")
        info = tmp_path / f"{module}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "RECORD").write_text(f"{module}.py,,\n")
    monkeypatch.setattr(installed, "_site_folders", lambda: [str(tmp_path)])
    assert [entry[0] for entry in installed._packages()] == ["other-tool@1.0/other_tool.py"]


def test_a_limited_sample_of_installed_files_is_drawn_again_the_same() -> None:
    small, large = (Installed(limit=limit) for limit in (50, 200))
    assert small.parts() == Installed(limit=50).parts()
    assert set(small.parts()[0].paths) < set(large.parts()[0].paths)
    assert small.fingerprint() == Installed(limit=50).fingerprint() != large.fingerprint()


class _Metadata(dict[str, str]):
    def get_all(self, name: str) -> list[str]:
        return [self[name]] if name in self else []


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"License-Expression": "MIT", "License": "other"}, "MIT"),
        ({"License": "Apache 2.0"}, "Apache 2.0"),
        (
            {"License": "Copyright (c) 2015\nall of it", "Classifier": "License :: OSI Approved :: MIT License"},
            "MIT License",
        ),
        ({}, None),
    ],
)
def test_the_licence_is_the_shortest_sure_statement(metadata: dict[str, str], expected: str | None) -> None:
    assert license_of(_Metadata(metadata)) == expected  # type: ignore[arg-type]


def test_a_folder_gives_its_files_and_rejects_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a" / ".git").mkdir(parents=True)
    (tmp_path / "a" / "one.py").write_text("x = 1\n")
    (tmp_path / "a" / "bom.py").write_bytes(b"\xef\xbb\xbfy = 2\n")
    (tmp_path / "latin.py").write_bytes("é".encode("latin-1"))
    (tmp_path / "large.py").write_text("z" * 2000)
    (tmp_path / "notes.txt").write_text("no")
    (tmp_path / "a" / ".git" / "hook.py").write_text("hidden")
    (tmp_path / "link.py").symlink_to(tmp_path / "a" / "one.py")
    (tmp_path / "broken.py").symlink_to(tmp_path / "nowhere.py")
    source = source_from("mine", {"folder": str(tmp_path), "max_mb": 0.001})
    made = read_all(source)
    assert dict(zip(ids(made), texts(made), strict=True)) == {"mine/a/bom.py": "y = 2\n", "mine/a/one.py": "x = 1\n"}
    assert reasons(made) == {
        "mine/broken.py": "link to nothing",
        "mine/latin.py": "not valid UTF-8",
        "mine/large.py": "too large",
    }


def test_a_file_that_goes_away_before_it_is_read_is_trouble_and_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x")
    source = Folder(folder=str(tmp_path))
    parts = source.parts()
    (tmp_path / "a.py").unlink()
    with pytest.raises(Trouble, match=r"a\.py is gone since it was listed"):
        source.read(parts[0])


def test_a_pattern_with_a_slash_is_matched_with_the_path(tmp_path: Path) -> None:
    for name in ("src/a.py", "tests/b.py"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("x")
    assert ids(read_all(Folder(folder=str(tmp_path), pattern="src/*.py"))) == ["source/src/a.py"]


def test_parquet_rows_are_kept_or_rejected_with_a_reason(tmp_path: Path) -> None:
    table = pa.table(
        {
            "content": pa.array([b"ok", b"\xff\xfe", None, b"x" * 2000, b"again", b"no id", b""], pa.binary()),
            "sha": ["1", "2", "3", "4", "1", "", "7"],
            "stars": pa.array([1, 2, 3, 4, 5, 6, None], pa.int16()),
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    settings = {"path": str(tmp_path / "*.parquet"), "text": "content", "id": "sha", "keep": ["stars"], "max_mb": 0.001}
    made = read_all(source_from("code", settings))
    assert made.documents.to_pylist() == [
        {"id": "1", "text": "ok", "source": "code", "stars": 1},
        {"id": "7", "text": "", "source": "code", "stars": None},
    ]
    assert made.documents.schema.field("stars").type == pa.int16()
    assert made.rejected.select(["id", "reason"]).to_pylist() == [
        {"id": "2", "reason": "not valid UTF-8"},
        {"id": "3", "reason": "text is missing"},
        {"id": "4", "reason": "too large"},
        {"id": "1", "reason": "duplicate id"},
        {"id": "code/a.parquet@5", "reason": "empty id"},
    ]
    assert made.rejected.column("text").null_count == 0


@pytest.mark.parametrize("group", [1, 7, 1000])
@pytest.mark.parametrize("shard_rows", [1, 10, 25, 5000])
def test_parquet_parts_hold_every_row_once_whatever_the_row_groups(tmp_path: Path, group: int, shard_rows: int) -> None:
    for name, first, count in (("a", 0, 33), ("b", 33, 40)):
        rows = pa.table({"text": [str(n) for n in range(first, first + count)]})
        pq.write_table(rows, tmp_path / f"{name}.parquet", row_group_size=group)
    source = ParquetFiles(path=str(tmp_path / "*.parquet"), shard_rows=shard_rows)
    parts = source.parts()
    made = [source.read(part) for part in parts]
    assert [text for m in made for text in texts(m)] == [str(n) for n in range(73)]
    assert max(m.documents.num_rows for m in made) <= shard_rows
    assert [part.name for part in parts] == sorted({part.name for part in parts})
    assert len({i for m in made for i in ids(m)}) == 73


def test_of_rows_with_one_id_the_first_in_source_order_stays_across_files_and_parts(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a", "b", "c"], "id": [1, 2, 1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table({"text": ["d", "e"], "id": [3, 2]}), tmp_path / "b.parquet")
    for shard_rows in (1, 2, 100):
        made = read_all(ParquetFiles(path=str(tmp_path / "*.parquet"), id="id", shard_rows=shard_rows))
        assert texts(made) == ["a", "b", "d"]
        assert made.rejected.column("text").to_pylist() == ["c", "e"]
        assert set(made.rejected.column("reason").to_pylist()) == {"duplicate id"}


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", "", None]), max_size=6), max_size=6))
def test_repeated_ids_are_those_seen_before(parts: list[list[str | None]]) -> None:
    seen: set[str | None] = {"", None}
    expected = []
    for part in parts:
        again = []
        for row, value in enumerate(part):
            if value and value in seen:
                again.append(row)
            seen.add(value)
        expected.append(tuple(again))
    assert list(repeated(parts)) == expected


ROWS = [
    {"text": "a", "id": "1", "repo": "r", "stars": 3, "tags": ["x"]},
    {"text": None, "id": "2", "repo": "r", "stars": 4, "tags": []},
    {"text": 5, "id": "3", "repo": None, "stars": 1.5, "tags": []},
    b'{"text": "broken\n',
    b"\n",
    b'["a list"]\n',
    b'{"text": "\xff", "id": "6"}\n',
    b'{"text": "\\ud800", "id": "7"}\n',
    {"text": "b", "id": "8"},
    b'{"text": "no end", "id": "9"}',
]


@pytest.mark.parametrize("suffix", ["jsonl", "jsonl.gz", "jsonl.zst"])
@pytest.mark.parametrize("shard_rows", [1, 4, 100])
def test_json_lines_give_the_same_rows_plain_and_compressed_in_parts_of_any_size(
    tmp_path: Path, suffix: str, shard_rows: int
) -> None:
    raw = write_lines(tmp_path / "raw", ROWS).read_bytes()
    pack = {"jsonl": bytes, "jsonl.gz": gzip.compress, "jsonl.zst": zstandard.compress}[suffix]
    (tmp_path / f"x.{suffix}").write_bytes(pack(raw))
    settings = {"path": f"{tmp_path}/x.{suffix}", "id": "id", "keep": ["repo", "stars"], "shard_rows": shard_rows}
    made = read_all(source_from("s", settings))
    assert list(zip(ids(made), texts(made), strict=True)) == [("1", "a"), ("8", "b"), ("9", "no end")]
    assert sorted(made.rejected.column("reason").to_pylist()) == [
        "broken JSON",
        "broken JSON",
        "not valid UTF-8",
        "not valid UTF-8",
        "text is missing",
        "text is not a string",
    ]
    assert '{"text": "broken\n' in made.rejected.column("text").to_pylist()
    assert all(made.rejected.column("id").to_pylist())


def test_kept_json_columns_keep_their_types(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "x.jsonl", [{"text": "a", "stars": 3, "tags": ["x"]}, {"text": "b", "stars": None, "tags": []}]
    )
    documents = read_all(source_from("s", {"path": str(path), "keep": ["stars", "tags"]})).documents
    assert documents.column("stars").to_pylist() == [3, None]
    assert documents.schema.field("stars").type == pa.int64()
    assert documents.column("tags").to_pylist() == [["x"], []]


def test_json_ids_without_a_column_are_places_in_the_file_and_do_not_depend_on_the_parts(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"text": "a"}, {"text": "b"}, {"text": "c"}])
    found = [ids(read_all(JsonLines(path=str(path), shard_rows=size))) for size in (1, 2, 5)]
    assert found[0] == found[1] == found[2] == ["source/x.jsonl@0", "source/x.jsonl@14", "source/x.jsonl@28"]


def test_a_line_too_long_for_any_permitted_text_is_rejected_and_the_next_line_is_read(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"text": "a" * 3_000_000}, {"text": "b"}])
    made = read_all(JsonLines(path=str(path), max_mb=0.1))
    assert texts(made) == ["b"]
    assert made.rejected.column("reason").to_pylist() == ["too large"]


def test_the_text_of_rejected_rows_is_cut() -> None:
    made = sort_out(Rows(["1"], pa.array(["é" * 300_000])), "s", 1000)
    assert made.rejected.column("text").to_pylist() == ["é" * 100_000]


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.one_of(st.text(max_size=20), st.none(), st.integers()), min_size=1, max_size=30),
    size=st.integers(1, 8),
)
def test_every_json_line_becomes_a_document_or_a_rejected_row(
    tmp_path_factory: pytest.TempPathFactory, rows: list[str | int | None], size: int
) -> None:
    path = write_lines(tmp_path_factory.mktemp("lines") / "x.jsonl", [{"text": row} for row in rows])
    made = read_all(JsonLines(path=str(path), shard_rows=size))
    assert texts(made) == [row for row in rows if isinstance(row, str)]
    assert made.documents.num_rows + made.rejected.num_rows == len(rows)


@pytest.mark.parametrize("suffix", ["parquet", "jsonl.gz", "jsonl.zst"])
def test_a_cut_file_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"x.{suffix}"
    if suffix == "parquet":
        pq.write_table(pa.table({"text": ["x" * 1000] * 100}), path)
    else:
        raw = b"".join(json.dumps({"text": f"{n} " * 50}).encode() + b"\n" for n in range(1000))
        path.write_bytes(gzip.compress(raw) if suffix == "jsonl.gz" else zstandard.compress(raw))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=str(path)) as caught:
        read_all(source_from("s", {"path": str(path)}))
    assert "\n" not in str(caught.value)


def test_a_missing_column_is_named_with_those_there_are(tmp_path: Path) -> None:
    pq.write_table(pa.table({"body": ["x"], "n": [1]}), tmp_path / "x.parquet")
    with pytest.raises(UserError, match="no column 'text'; its columns are: body, n"):
        ParquetFiles(path=str(tmp_path / "x.parquet")).parts()
    write_lines(tmp_path / "x.jsonl", [{"body": "x"}, {"text": "y", "n": 1}])
    with pytest.raises(UserError, match="no column 'repo'; its first rows have: body, text, n"):
        JsonLines(path=str(tmp_path / "x.jsonl"), keep=("repo",)).parts()


def test_a_source_with_nothing_to_read_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), tmp_path / "x.parquet")
    (tmp_path / "x.jsonl").write_text("\n\n")
    for source in (
        ParquetFiles(path=str(tmp_path / "x.parquet")),
        ParquetFiles(path=str(tmp_path / "none*.parquet")),
        ParquetFiles(path=str(tmp_path / "none.parquet")),
        JsonLines(path=str(tmp_path / "x.jsonl")),
        Folder(folder=str(tmp_path)),
        Folder(folder=str(tmp_path / "none")),
    ):
        with pytest.raises(UserError, match=r"check|name another folder"):
            source.parts()


def test_a_limit_stops_early_in_files_and_across_them(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_lines(tmp_path / f"{name}.jsonl", [{"text": f"{name}{n}"} for n in range(5)])
        pq.write_table(pa.table({"text": [f"{name}{n}" for n in range(5)]}), tmp_path / f"{name}.parquet")
    for suffix in ("jsonl", "parquet"):
        source = source_from("s", {"path": f"{tmp_path}/*.{suffix}", "limit": 7, "shard_rows": 3})
        assert texts(read_all(source)) == ["a0", "a1", "a2", "a3", "a4", "b0", "b1"]


def test_files_on_another_store_are_read_in_the_same_way() -> None:
    store = fsspec.filesystem("memory")
    store.pipe("/corpus/a.jsonl", b'{"text": "one"}\n')
    store.pipe("/corpus/deep/b.py", b"two = 2\n")
    with store.open("/corpus/c.parquet", "wb") as file:
        pq.write_table(pa.table({"text": ["three"]}), file)
    try:
        assert ids(read_all(JsonLines(path="memory://corpus/*.jsonl"))) == ["source/a.jsonl@0"]
        assert ids(read_all(ParquetFiles(path="memory://corpus/*.parquet"))) == ["source/c.parquet@0"]
        assert ids(read_all(Folder(folder="memory://corpus"))) == ["source/deep/b.py"]
    finally:
        store.rm("/corpus", recursive=True)
    with pytest.raises(UserError, match=r"cannot open 'nostore://x\.jsonl'"):
        JsonLines(path="nostore://x.jsonl").parts()


def test_the_fingerprint_changes_with_the_files(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"text": "a"}])
    before = JsonLines(path=str(path)).fingerprint()
    assert JsonLines(path=str(path)).fingerprint() == before
    write_lines(path, [{"text": "ab"}])
    assert JsonLines(path=str(path)).fingerprint() != before


@pytest.fixture
def hub_folder(tmp_path: Path) -> Path:
    """A data set in the hub's layout: three files of 40 rows; id h5 stands in the first and the last."""
    (tmp_path / "data").mkdir()
    for number in range(3):
        rows = range(number * 40, number * 40 + 40)
        table = pa.table(
            {"content": [f"x = {n}" for n in rows], "sha": [f"h{n if n != 119 else 5}" for n in rows], "stars": rows}
        )
        pq.write_table(table, tmp_path / "data" / f"train-{number:05d}-of-00003.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("settings", "parts", "rows"),
    [
        ({}, 3, 120),
        ({"limit": 50, "shard_rows": 20}, 3, 50),
        ({"id": "sha", "shard_rows": 30}, 6, 119),
        ({"id": "sha", "limit": 50, "shard_rows": 20}, 3, 50),
    ],
)
def test_a_data_set_is_streamed_through_datasets(
    hub_folder: Path, settings: dict[str, Any], parts: int, rows: int
) -> None:
    source = source_from("hub", {"hub": str(hub_folder), "text": "content", "keep": ["stars"], **settings})
    made = read_all(source)
    assert len(source.parts()) == parts
    assert texts(made) == [f"x = {n}" for n in range(rows)]
    assert made.documents.column("stars").to_pylist() == list(range(rows))
    assert len(set(ids(made))) == rows
    assert made.rejected.column("reason").to_pylist() == (["duplicate id"] if rows == 119 else [])


def test_a_data_set_can_be_stored_first(hub_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", hub_folder / "cache")
    source = source_from(
        "hub", {"hub": str(hub_folder), "text": "content", "streaming": False, "shard_rows": 50, "limit": 110}
    )
    assert texts(read_all(source)) == [f"x = {n}" for n in range(110)]


def test_a_wrong_split_or_column_of_a_data_set_is_one_line(hub_folder: Path) -> None:
    for wrong, line in (
        ({"split": "no"}, "cannot open data set"),
        ({"text": "no"}, "its columns are: content, sha, stars"),
    ):
        with pytest.raises(UserError, match=line) as caught:
            source_from("hub", {"hub": str(hub_folder), **wrong}).parts()
        assert "\n" not in str(caught.value)


def test_sources_and_parts_can_be_sent_to_workers(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"text": "a", "id": 1}, {"text": "b", "id": 1}])
    source = JsonLines(path=str(path), id="id")
    again, parts = pickle.loads(pickle.dumps((source, source.parts())))
    assert texts(again.read(parts[0])) == ["a"]


def test_only_asked_for_ids_are_parsed_when_a_file_is_cut(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"text": "a", "id": n} for n in range(5)])
    assert [cut.ids for cut in cut_file(str(path), ["text"], None, 2, 10**6, None, 1000)] == [[], [], []]
    assert [cut.ids for cut in cut_file(str(path), ["text"], "id", 2, 10**6, None, 1000)] == [
        ["0", "1"],
        ["2", "3"],
        ["4"],
    ]
