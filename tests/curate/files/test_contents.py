"""What only looks new is not worked on again; what is new is, and `hash: content` finds even what no listing shows."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curate.errors import Trouble
from curate.recipe import load
from curate.run.opened import open_run
from curate.run.runner import execute
from curate.sources.kinds import Folder
from curate.stage import Part
from tests.curate.records.test_standing import Listener

CODE = [f"def f{n}(x):\n    return x + {n}\n" for n in range(4)]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "code" / "deep").mkdir(parents=True)
    for n, text in enumerate(CODE):
        (tmp_path / "code" / "deep" / f"{n}.py").write_text(text)
    (tmp_path / "code" / "__init__.py").write_text("")
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in CODE))
    pq.write_table(pa.table({"text": CODE}), tmp_path / "rows.parquet")
    (tmp_path / "earlier").mkdir()
    pq.write_table(pa.table({"id": ["e"], "text": [CODE[0]], "source": ["e"]}), tmp_path / "earlier" / "a.parquet")
    return tmp_path


def work(place: Path, source: dict[str, Any], exact: dict[str, Any] | None = None) -> list[str]:
    """Run a source and a stage. Returns the names of those that had work to do."""
    stages = {"exact": {"use": "dedup.exact", **(exact or {})}}
    recipe = {"name": "r", "sources": {"code": source}, "stages": stages}
    (place / "r.yaml").write_text(json.dumps(recipe))
    listener = Listener()
    execute(open_run(load(place / "r.yaml"), place), listener, workers=1)
    return sorted(set(listener.worked))


def touch(path: Path) -> None:
    for file in [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]:
        os.utime(file, (1e9, 1e9))


def change(path: Path, keep_time: bool = False) -> None:
    """Put other bytes there, as many as there were."""
    file = path if path.is_file() else path / "deep" / "2.py"
    before = file.stat()
    content = file.read_bytes()
    file.write_bytes(content.replace(b"return", b"RETURN", 1) if b"return" in content else content[::-1])
    if keep_time:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


SOURCES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "code": lambda place: {"folder": str(place / "code")},
    "rows.jsonl": lambda place: {"path": str(place / "rows.jsonl")},
    "rows.parquet": lambda place: {"path": str(place / "*.parquet")},
}


@pytest.mark.parametrize("name", SOURCES)
def test_touched_and_copied_files_are_known_by_their_bytes(name: str, place: Path) -> None:
    source = SOURCES[name](place)
    assert work(place, source) == ["code", "exact"]
    touch(place / name)
    assert work(place, source) == []
    assert work(place, source) == []
    other = place / "elsewhere"
    other.mkdir()
    (shutil.copytree if (place / name).is_dir() else shutil.copy)(place / name, other / name)
    assert work(place, SOURCES[name](other)) == [], "the same names and bytes, wherever they lie"
    assert work(place, source) == []


@pytest.mark.parametrize("name", ["code", "rows.jsonl"])
def test_a_file_with_other_bytes_is_read_again_whatever_else_was_touched(name: str, place: Path) -> None:
    source = SOURCES[name](place)
    work(place, source)
    touch(place / name)
    change(place / name)
    assert work(place, source) == ["code", "exact"]
    touch(place / name)
    assert work(place, source) == []


def test_a_renamed_and_a_new_file_are_read(place: Path) -> None:
    source = SOURCES["code"](place)
    work(place, source)
    (place / "code" / "deep" / "0.py").rename(place / "code" / "deep" / "9.py")
    assert work(place, source) == ["code", "exact"]
    (place / "code" / "new.py").write_text("")
    assert "code" in work(place, source)


@pytest.mark.parametrize("by", ["listing", "content"])
def test_other_bytes_under_the_same_size_and_time_are_found_by_content_alone(by: str, place: Path) -> None:
    source = {**SOURCES["code"](place), "hash": by}
    assert work(place, source) == ["code", "exact"]
    touch(place / "code")
    assert work(place, source) == []
    change(place / "code", keep_time=True)
    assert ("code" in work(place, source)) is (by == "content")


@pytest.mark.parametrize("by", ["listing", "content"])
def test_an_earlier_corpus_is_known_in_the_same_ways(by: str, place: Path) -> None:
    source, earlier = SOURCES["rows.jsonl"](place), place / "earlier" / "a.parquet"
    against = {"against": [str(place / "earlier")], "hash": by}
    assert work(place, source, against) == ["code", "exact"]
    touch(earlier)
    assert work(place, source, against) == []
    content = earlier.read_bytes()
    pq.write_table(pa.table({"id": ["f"], "text": [CODE[1]], "source": ["e"]}), earlier)
    assert len(earlier.read_bytes()) == len(content), "of the same size"
    assert work(place, source, against) == ["exact"]


def test_the_stage_of_an_earlier_run_is_known_by_its_receipts(place: Path) -> None:
    work(place, SOURCES["code"](place))
    (place / "r").rename(place / "former")
    against = {"against": [str(place / "former" / "exact")]}
    source = SOURCES["rows.jsonl"](place)
    assert work(place, source, against) == ["code", "exact"]
    touch(place / "former" / "stages")
    assert work(place, source, against) == []


def test_files_that_change_while_they_are_read_fail_the_stage(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = Folder.read

    def meddle(self: Folder, part: Part) -> Any:
        made = read(self, part)
        (place / "code" / "deep" / "1.py").write_text("x = 1\n")
        return made

    monkeypatch.setattr(Folder, "read", meddle)
    with pytest.raises(Trouble, match="code: files changed while they were read; run again"):
        work(place, SOURCES["code"](place))
    monkeypatch.undo()
    assert work(place, SOURCES["code"](place)) == ["code", "exact"]


def test_what_was_noted_and_then_damaged_costs_work_and_nothing_else(place: Path) -> None:
    source = SOURCES["code"](place)
    work(place, source)
    noted = next(place.glob("r/stages/code-*/outside.parquet"))
    noted.write_bytes(b"PAR1")
    assert work(place, source) == []
    noted.write_bytes(b"PAR1")
    touch(place / "code")
    assert work(place, source) == ["code", "exact"]
