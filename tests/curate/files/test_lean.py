"""Stages that only drop rows keep their numbers: what is read is what whole shards would have held, byte for byte."""

import json
import os
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import UserError
from curate.export.verb import export
from curate.files.lean import BASE, ROW, is_lean, lean
from curate.files.shards import documents, list_shards, read_schema, read_shard, write_shard
from curate.recipe import parse
from curate.records.standing import standing
from curate.records.status import status
from curate.report.documents.browse import show, trace
from curate.report.write import gather
from curate.run.opened import Run as Running
from curate.run.opened import open_run
from curate.run.runner import execute
from curate.terminal.screen import Silent

MAIL = "# written by jane.doe@bigcorp.com\n"
STAGES: dict[str, Any] = {
    "exact": {"use": "dedup.exact"},
    "signals": {"use": "filter.signals"},
    "license": {"use": "filter.license", "unknown": "keep"},
    "last": {"use": "dedup.exact"},
}


class Heard(Silent):
    """Remembers the news."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def news(self, line: str) -> None:
        self.lines.append(line)


def run_it(place: Path, stages: dict[str, Any], *, verify: bool = False, workers: int = 1) -> tuple[Path, list[str]]:
    place.mkdir(exist_ok=True)
    rows = [
        {
            "text": f"def f_{n % 110}(a, b):\n    # {n % 110}\n    return a + b * {n % 110}\n" * 20 + MAIL,
            "id": f"d{n:03}",
        }
        | {"license": ["MIT", None][n % 2]}
        for n in range(120)
    ]
    source = place.parent / "rows.jsonl"
    if not source.exists():
        source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code = {"path": str(source), "id": "id", "keep": ["license"], "shard_rows": 50}
    recipe = {"name": "run", "seed": 1, "sources": {"code": code}, "stages": stages}
    (place / "recipe.yaml").write_text(yaml.safe_dump(recipe, sort_keys=False))
    heard = Heard()
    execute(open_run(parse(recipe), place), heard, workers=workers, verify=verify)
    return place / "run", heard.lines


def kept(run: Path, stage: str) -> list[Path]:
    return [path for place in run.glob(f"stages/{stage}-*/kept") for path in list_shards(place)]


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The same run with lean shards, and with whole ones."""
    thin, _ = run_it(tmp_path / "thin", STAGES)
    monkeypatch.setattr(Running, "is_whole", lambda self, node: True)
    thick, _ = run_it(tmp_path / "thick", STAGES)
    monkeypatch.undo()
    return thin, thick


def test_every_stage_reads_as_if_it_had_been_written_whole(two: tuple[Path, Path]) -> None:
    thin, thick = two
    assert [is_lean(path) for stage in STAGES for path in kept(thin, stage)] == [True] * 9 + [False] * 3
    for stage in STAGES:
        for ours, whole in zip(kept(thin, stage), kept(thick, stage), strict=True):
            assert read_shard(ours).equals(read_shard(whole)) and read_schema(ours) == read_schema(whole)
            names = read_schema(whole).names[::-2]
            assert read_shard(ours, names).equals(read_shard(whole, names))
    assert [path.read_bytes() for path in kept(thin, "last")] == [path.read_bytes() for path in kept(thick, "last")]


def test_text_stands_once_and_the_last_stage_is_read_by_other_programs(two: tuple[Path, Path], tmp_path: Path) -> None:
    thin, thick = two
    for path in kept(thin, "license"):
        assert not {"text", "source", "license"} & set(pq.read_schema(path).names)
    sizes = [{stage["name"]: stage["disk_bytes"] for stage in status(run)["stages"]} for run in two]
    assert sizes[0]["exact"] < sizes[1]["exact"] and abs(sizes[0]["last"] - sizes[1]["last"]) < 100  # seconds
    files = [str(path) for path in kept(thin, "last")]
    loaded = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded["text"][:] == [text for path in kept(thick, "last") for text in read_shard(path)["text"].to_pylist()]


def test_documents_and_their_lives_are_shown_as_before(two: tuple[Path, Path]) -> None:
    thin, thick = two
    for stage in STAGES:
        assert show(thin, stage, count=200) == show(thick, stage, count=200)
    assert show(thin, "signals", where="length(text) > 10 AND signal_bytes > 1", count=3) == show(
        thick, "signals", where="length(text) > 10 AND signal_bytes > 1", count=3
    )
    for name in ("d007", "d115"):
        assert trace(thin, name) == trace(thick, name)


def test_any_number_of_workers_gives_the_same_bytes(two: tuple[Path, Path], tmp_path: Path) -> None:
    thin, _ = two
    other, _ = run_it(tmp_path / "other", STAGES, workers=2)
    for stage in STAGES:
        assert [path.read_bytes() for path in kept(other, stage)] == [path.read_bytes() for path in kept(thin, stage)]


def test_a_stage_that_changes_text_or_keeps_little_writes_it(tmp_path: Path) -> None:
    stages: dict[str, Any] = {
        "exact": {"use": "dedup.exact"},
        "secrets": {"use": "filter.secrets"},
        "signals": {"use": "filter.signals"},
        "few": {"use": "filter.license", "allow": ["0BSD"], "unknown": "drop"},
        "last": {"use": "dedup.exact"},
    }
    run, _ = run_it(tmp_path / "a", stages)
    assert [any(is_lean(path) for path in kept(run, stage)) for stage in stages] == [True, False, True, False, False]
    [receipt] = [json.loads(path.read_text()) for path in sorted(run.glob("stages/signals-*/done/*.json"))][:1]
    assert receipt["base"].startswith("../secrets-")


@pytest.mark.parametrize("harm", ["base is gone", "base is cut", "base has other bytes", "numbers are gone"])
def test_what_is_harmed_is_found_and_made_again_with_the_same_bytes(harm: str, tmp_path: Path) -> None:
    run, _ = run_it(tmp_path / "a", STAGES)
    before = {path: path.read_bytes() for path in run.rglob("*.parquet")}
    base, own = kept(run, "code")[1], kept(run, "license")[1]
    content = before[base]
    match harm:
        case "base is gone":
            base.unlink()
        case "base is cut":
            base.write_bytes(content[:-100])
        case "base has other bytes":
            base.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
        case _:
            own.unlink()
    assert standing(own.parent.parent, verify=True).damaged.keys() == {own.stem}
    _, lines = run_it(tmp_path / "a", STAGES, verify=True)
    assert {path: path.read_bytes() for path in run.rglob("*.parquet")} == before
    assert lines and not any("otherwise than before" in line for line in lines)


def test_rows_that_rest_on_text_that_came_out_otherwise_are_made_again(tmp_path: Path) -> None:
    run, _ = run_it(tmp_path / "a", STAGES)
    base = kept(run, "code")[0]
    table = read_shard(base)
    digest = write_shard(table.slice(0, table.num_rows), base)
    record = base.parent.parent / "done" / f"{base.stem}.json"
    changed = table.set_column(1, "text", pa.array(["x = 1\n"] * table.num_rows, pa.large_string()))
    digest = write_shard(changed, base)
    record.write_text(
        json.dumps(json.loads(record.read_text()) | {"kept_sha256": digest, "kept_size": base.stat().st_size})
    )
    [why] = standing(kept(run, "exact")[0].parent.parent).damaged.values()
    assert "is another than it was" in why


def test_a_stage_that_nothing_reads_any_more_gets_its_text(tmp_path: Path) -> None:
    run, _ = run_it(tmp_path / "a", STAGES)
    before = [read_shard(path) for path in kept(run, "license")]
    assert all(map(is_lean, kept(run, "license")))
    shorter = {name: STAGES[name] for name in list(STAGES)[:-1]}
    _, lines = run_it(tmp_path / "a", shorter)
    assert not any(map(is_lean, kept(run, "license"))) and lines == []
    assert all(read_shard(path).equals(table) for path, table in zip(kept(run, "license"), before, strict=True))
    assert standing(kept(run, "license")[0].parent.parent, verify=True).damaged == {}


def test_the_report_of_a_run_that_is_not_done_names_the_export_that_joins_its_text(tmp_path: Path) -> None:
    place = tmp_path / "a"
    run, _ = run_it(place, STAGES)
    execute(
        open_run(parse(yaml.safe_load((place / "recipe.yaml").read_text())), tmp_path / "b"), Silent(), until="license"
    )
    unfinished = tmp_path / "b/run"
    loading = dict(gather(unfinished)["corpus"].loading)
    assert "# curate export runs/run license --to FOLDER" in loading["datasets"]
    assert "stages/last-" in dict(gather(run)["corpus"].loading)["datasets"]
    export(unfinished, [], tmp_path / "FOLDER")
    folder = os.fspath(tmp_path / "FOLDER")
    scope: dict[str, Any] = {}
    exec(loading["pandas"].replace("FOLDER/", f"{folder}/"), scope)
    assert set(scope["corpus"]["id"]) == {
        name for path in kept(run, "license") for name in read_shard(path)["id"].to_pylist()
    }


def test_a_source_that_names_shards_without_text_is_told_of_the_export(tmp_path: Path) -> None:
    run, _ = run_it(tmp_path / "a", STAGES)
    sources = {"code": {"path": str(kept(run, "license")[0])}}
    recipe = parse({"name": "b", "sources": sources, "stages": {"exact": {"use": "dedup.exact"}}})
    with pytest.raises(UserError, match="write it out with `curate export`"):
        open_run(recipe, tmp_path / "b")


@pytest.mark.parametrize("place", ["../../../elsewhere/kept/0.parquet", "/etc/passwd", "../../x/plan/0.parquet"])
def test_a_shard_that_names_a_place_outside_its_run_is_refused(place: str, tmp_path: Path) -> None:
    table = pa.table({"id": ["a"], ROW: pa.array([0], pa.uint32())}).replace_schema_metadata({BASE: place.encode()})
    write_shard(table, tmp_path / "run/stages/a-1/kept/0.parquet")
    with pytest.raises(UserError, match="no shard of its run"):
        read_shard(tmp_path / "run/stages/a-1/kept/0.parquet")


@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(1, 40))
def test_any_rows_come_back_whatever_the_size_of_a_batch(mask: list[bool], size: int) -> None:
    import tempfile
    from unittest import mock

    with tempfile.TemporaryDirectory() as name, mock.patch("curate.files.lean.batch_rows", lambda file: size):
        base, path = (Path(name) / f"stages/{stage}/kept/0.parquet" for stage in ("base-1", "thin-1"))
        table = documents({"id": str(n), "text": "x" * n, "source": "s", "n": n} for n in range(len(mask)))
        write_shard(table, base)
        keep = np.flatnonzero(mask)
        whole = table.take(pa.array(keep)).append_column("score", pa.array(keep / 2))
        write_shard(lean(whole, ["score"], keep, base, path), path)
        assert read_shard(path).equals(whole) and read_shard(path, ["n", "score"]).equals(whole.select(["n", "score"]))
