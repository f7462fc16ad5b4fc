"""Running a deduplication stage as the runner does: sketch, plan, judge."""

import sysconfig
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from curate.files.shards import documents, list_shards, read_shard, write_shard
from curate.run.engine import Engine, ordered
from curate.run.local_engine import LocalEngine
from curate.run.work import judge_shard, sketch_shard
from curate.stage import Context, GlobalFilter

Row = dict[str, Any]
Rows = list[Row]


class Outcome:
    """What became of the rows: kept and dropped ids, the dropped rows by id, and the plan's figures."""

    def __init__(self, directory: Path, metrics: dict[str, float]) -> None:
        self.directory, self.metrics = directory, metrics
        self.kept = {row for half in self._read("kept") for row in half.column("id").to_pylist()}
        self.dropped: dict[str, Row] = {row["id"]: row for half in self._read("dropped") for row in half.to_pylist()}

    def _read(self, half: str) -> list[pa.Table]:
        return [read_shard(path) for path in list_shards(self.directory / half)]


Deduplicate = Callable[..., Outcome]


@pytest.fixture
def deduplicate(tmp_path: Path) -> Deduplicate:
    """Return a function that runs a stage over shards of rows."""
    runs = iter(range(1_000_000))

    def run(stage: GlobalFilter, *shards: Sequence[Row], workers: int = 1, machine: Engine | None = None) -> Outcome:
        place = tmp_path / f"run-{next(runs)}"
        for number, rows in enumerate(shards):
            write_shard(documents({"source": "test", **row} for row in rows), place / f"in/kept/part-{number}.parquet")
        context = Context("dedup", 17, place / "out", {"in": place / "in"})
        items = [(path.stem, path) for path in context.shards()]
        with machine or LocalEngine(workers) as engine:
            ordered(engine, partial(sketch_shard, stage, context), items)
            metrics = stage.plan(context, partial(ordered, engine))
            ordered(engine, partial(judge_shard, stage, context), items)
        return Outcome(context.directory, metrics)

    return run


@pytest.fixture(scope="session")
def library() -> list[Row]:
    """Return 300 files of the standard library as rows."""
    root = Path(sysconfig.get_path("stdlib"))
    paths = sorted(
        path for folder in (".", "asyncio", "email", "json", "unittest") for path in (root / folder).glob("*.py")
    )
    rows = [{"id": str(path.relative_to(root)), "text": path.read_text("utf-8", "replace")} for path in paths]
    return [row for row in rows if 200 < len(row["text"]) < 60_000][:300]


def edited(text: str, random: Random, share: float) -> str:
    """Return a text with this share of its lines replaced by new ones."""
    lines = text.splitlines()
    for at in random.sample(range(len(lines)), max(1, int(share * len(lines)))):
        lines[at] = f"changed_{random.randrange(10**9)} = {random.randrange(10**9)}"
    return "\n".join(lines)


@pytest.fixture(scope="session")
def planted(library: Rows) -> Rows:
    """Return library files, each with two copies, the second an edit of the first, from light edits to heavy ones."""
    random = Random(4)
    rows = []
    for number, row in enumerate(library[:120]):
        first = edited(row["text"], random, 0.001 * number)
        second = edited(first, random, 0.03)
        rows += [row, {"id": f"{row['id']}#1", "text": first}, {"id": f"{row['id']}#2", "text": second}]
    random.shuffle(rows)
    return rows
