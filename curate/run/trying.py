"""A stage tried on a few documents in memory, as a test of it does: `try_stage(NoTabs(most=0.1), ["text", ...])`.

In: a stage and documents. Out: what it kept and what it dropped. Checked on the way, with an AssertionError that says
what is wrong: it can be sent to a worker, every document comes out kept or dropped with a reason, the columns are those
that it promises, and the same documents give the same rows a second time and in two shards instead of one. Not
covered: sources and jobs; a stage that learns from all shards is not tried in two.
"""

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa

from curate.errors import UserError
from curate.files.shards import conform, documents, list_shards, read_shard, write_shard
from curate.run.work import judge_shard, make_shard, sketch_shard
from curate.stage import Context, Filter, Global, Job, Maker, Source, Stage


@dataclass(frozen=True)
class Tried:
    """What became of the documents."""

    kept: pa.Table
    dropped: pa.Table

    @property
    def reasons(self) -> dict[str, str]:
        """Return the reason of each dropped row, by its id."""
        return dict(zip(self.dropped.column("id").to_pylist(), self.dropped.column("reason").to_pylist(), strict=True))


def try_stage(
    stage: Stage, given: Sequence[str | Mapping[str, Any]] | pa.Table, *, seed: int = 17, name: str = "tried"
) -> Tried:
    """Run a filter or a maker on documents: texts (with the ids `0`, `1`, ...), rows, or a table.

    Raises AssertionError for a stage that does not keep what the runner relies on, and what the stage itself raises.
    """
    if isinstance(stage, Source | Job) or not isinstance(stage, Filter | Maker):
        raise UserError(f"{type(stage).__name__} is no filter and no maker; run it with a recipe")
    shard = _shard(given)
    again = pickle.loads(pickle.dumps(stage))
    assert again == stage, f"{type(stage).__name__} comes out of pickle as {again!r}"
    first = _run(stage, [shard], seed, name)
    ids = set(shard.column("id").to_pylist())
    if isinstance(stage, Filter):
        out = [*first.kept.column("id").to_pylist(), *first.dropped.column("id").to_pylist()]
        assert sorted(out) == sorted(shard.column("id").to_pylist()), "documents were lost, or came out twice"
    else:
        made = [*first.kept.column("id").to_pylist()]
        assert len(set(made)) == len(made) and not ids & set(made), "the ids of new documents are not their own"
    assert first.dropped.column("reason").null_count == 0, "a row is dropped without a reason"
    for column, kind in (stage.adds() or {}).items():
        assert column in first.kept.column_names, f"`adds` promises a column {column!r}, which the kept rows have not"
        found = first.kept.schema.field(column).type
        assert kind is None or found == kind, f"`adds` promises {column!r} as {kind}, it is {found}"
    assert _run(again, [shard], seed, name) == first, "the same documents gave other rows the second time"
    if not isinstance(stage, Global) and shard.num_rows > 1:
        half = shard.num_rows // 2
        halves = _run(stage, [shard.slice(0, half), shard.slice(half)], seed, name)
        assert halves == first, "two shards gave other rows than one: it keeps state, or looks at other documents"
    return first


def _shard(given: Sequence[str | Mapping[str, Any]] | pa.Table) -> pa.Table:
    if isinstance(given, pa.Table):
        return conform(given)
    rows = [{"text": item} if isinstance(item, str) else dict(item) for item in given]
    return documents({"id": str(place), "source": "given", **row} for place, row in enumerate(rows))


def _run(stage: Filter | Maker, shards: list[pa.Table], seed: int, name: str) -> Tried:
    with TemporaryDirectory() as place:
        above, here = Path(place) / "above", Path(place) / name
        items = [(f"{number:03}", above / "kept" / f"{number:03}.parquet") for number in range(len(shards))]
        for (_, path), shard in zip(items, shards, strict=True):
            write_shard(shard, path)
        context = Context(name=name, seed=seed, directory=here, inputs={"above": above})
        if isinstance(stage, Global):
            for item in items:
                sketch_shard(stage, context, item)
            stage.plan(context, lambda function, values: [function(value) for value in values])
        for item in items:
            judge_shard(stage, context, item) if isinstance(stage, Filter) else make_shard(stage, context, item)
        return Tried(*(_read(here / half) for half in ("kept", "dropped")))


def _read(folder: Path) -> pa.Table:
    tables = [read_shard(path) for path in list_shards(folder)]
    return pa.concat_tables(tables, promote_options="default").combine_chunks()
