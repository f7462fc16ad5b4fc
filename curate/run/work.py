"""The work on one item, as it runs inside a worker: read, let the stage do its part, write, return the receipt.

These functions take the stage and its context first, so that `functools.partial` of them is what an engine ships.
An item is a pair (shard name, Part | Path | None). The caller writes the receipt.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.files.lean import lean, rows_of
from curate.files.shards import REQUIRED, conform, empty_documents, write_shard
from curate.records.receipts import Receipt, receipt_of
from curate.run.engine import Outcome, attempt
from curate.stage import Context, Filter, Global, Job, Made, Maker, Metrics, Part, Source, Stage, StreamMaker, Verdict

LEAST_SHARE = 4
"""Kept rows rest on a shard that has no more than so many times their text."""
Result = TypeVar("Result")


def read_part(stage: Source, context: Context, item: tuple[str, Part]) -> Receipt:
    """Read one part of a source into a shard."""
    start = time.monotonic()
    return _store_made(stage.read(item[1]), context, item[0], 0, start)


def judge_shard(stage: Filter, context: Context, item: tuple[str, Path]) -> Receipt:
    """Let a filter judge one shard."""
    start = time.monotonic()
    shard = context.shelf.take(item[1])
    verdict = _a(Verdict, stage.judge(shard, context), stage)
    kept, dropped = verdict.split(shard)
    rest = None if context.whole or set(verdict.columns) & set(REQUIRED) else _rest(item[1], kept, verdict)
    return _store(kept, dropped, context, item[0], text_bytes(shard), start, verdict.metrics, rest)


@dataclass(frozen=True)
class Rest:
    """What the kept rows of a shard rest on (curate/files/lean.py)."""

    base: Path
    sha256: str
    rows: npt.NDArray[np.integer]
    """Their numbers in the base."""
    own: tuple[str, ...]
    """The columns that the base has not, or has otherwise."""


def _rest(path: Path, kept: pa.Table, verdict: Verdict) -> Rest | None:
    """Return what rows kept of a stage's shard may rest on; None where they are better written whole.

    That is where nothing says what the shard's bytes were, and where so few are left that every later reader would go
    through a large file for a little.
    """
    receipt = receipt_of(path)
    if receipt is None:
        return None
    base = path if not receipt.base else path.parent.parent / receipt.base
    below = receipt if not receipt.base else receipt_of(base)
    if below is None or text_bytes(kept) * LEAST_SHARE < below.bytes_kept:
        return None
    rows = np.flatnonzero(pc.is_null(verdict.reasons).to_numpy(zero_copy_only=False))
    above, own = rows_of(path)
    return Rest(base, below.kept_sha256, rows if above is None else above[rows], (*own, *verdict.columns))


def make_shard(stage: Maker, context: Context, item: tuple[str, Path]) -> Receipt:
    """Let a maker make new Documents from one shard."""
    start = time.monotonic()
    shard = context.shelf.take(item[1])
    return _store_made(_a(Made, stage.make(shard, context), stage), context, item[0], text_bytes(shard), start)


def make_stream(stage: StreamMaker, context: Context, items: Sequence[tuple[str, Path]]) -> Iterator[Outcome]:
    """Let a stream maker work on shards, in their order. An error ends the stream, and is the next shard's outcome.

    A receipt's seconds are those since the one before it, so that they sum to the time that passed.
    """
    bytes_in: dict[str, int] = {}

    def shards() -> Iterator[tuple[str, pa.Table]]:
        for name, path in items:
            shard = context.shelf.take(path)
            bytes_in[name] = text_bytes(shard)
            yield name, shard

    start = time.monotonic()
    made = stage.make_all(shards(), context)

    def receipt(item: tuple[str, Path]) -> Receipt:
        name, value = next(made, ("nothing", None))
        if name != item[0] or value is None:
            raise RuntimeError(f"the stage gave {name} where {item[0]} was to come")
        return _store_made(value, context, name, bytes_in.pop(name), start)

    for item in items:
        outcome = attempt(receipt, item)
        start = time.monotonic()
        yield outcome
        if outcome.error is not None:
            return


def sketch_shard(stage: Global, context: Context, item: tuple[str, Path]) -> float:
    """Let a global stage sketch one shard. Returns the seconds that it took."""
    start = time.monotonic()
    sketch = stage.sketch(context.shelf.read(item[1]), context)
    write_shard(sketch, context.plan / "sketches" / f"{item[0]}.parquet")
    return time.monotonic() - start


def run_job(stage: Job, context: Context, item: tuple[str, Any]) -> Receipt:
    """Run a job; its receipt counts no rows."""
    start = time.monotonic()
    metrics = stage.run(context, context.progress)
    return Receipt(item[0], 0, 0, 0, seconds=time.monotonic() - start, metrics=metrics)


def _a(kind: type[Result], value: object, stage: Stage) -> Result:
    """Return what a stage gave, if it is of the kind that its shape promises. Raises TypeError."""
    if not isinstance(value, kind):
        raise TypeError(f"{type(stage).__name__} returned {value!r:.60}, no {kind.__name__}")
    return value


def text_bytes(table: pa.Table) -> int:
    """Return the UTF-8 bytes of the text column."""
    return int(pc.sum(pc.binary_length(table.column("text"))).as_py() or 0)


def _store_made(made: Made, context: Context, name: str, bytes_in: int, start: float) -> Receipt:
    rejected = made.rejected
    if rejected.num_rows == 0 and "reason" not in rejected.column_names:
        rejected = empty_documents().append_column("reason", pa.array([], pa.string()))
    return _store(made.documents, rejected, context, name, bytes_in, start, made.metrics)


def _store(
    kept: pa.Table,
    dropped: pa.Table,
    context: Context,
    name: str,
    bytes_in: int,
    start: float,
    metrics: Metrics,
    rest: Rest | None = None,
) -> Receipt:
    """Write both halves, then say what they hold."""
    kept, dropped = conform(kept), conform(dropped)
    reasons = pc.value_counts(dropped.column("reason").combine_chunks()).to_pylist()
    places = [context.directory / half / f"{name}.parquet" for half in ("kept", "dropped")]
    written = kept if rest is None else lean(kept, rest.own, rest.rows, rest.base, places[0])
    digests = [write_shard(table, place) for table, place in zip((written, dropped), places, strict=True)]
    sizes = [place.stat().st_size for place in places]
    return Receipt(
        shard=name,
        rows_in=kept.num_rows + dropped.num_rows,
        rows_kept=kept.num_rows,
        rows_dropped=dropped.num_rows,
        dropped_by_reason={str(row["values"]): row["counts"] for row in reasons},
        bytes_in=bytes_in,
        bytes_kept=text_bytes(kept),
        kept_sha256=digests[0],
        dropped_sha256=digests[1],
        kept_size=sizes[0],
        dropped_size=sizes[1],
        base="" if rest is None else f"../{rest.base.parent.parent.name}/kept/{rest.base.name}",
        base_sha256="" if rest is None else rest.sha256,
        seconds=time.monotonic() - start,
        metrics=metrics,
    )
