"""The work on one item, as it runs inside a worker: read, let the stage do its part, write, return the receipt.

These functions take the stage and its context first, so that `functools.partial` of them is what an engine ships.
An item is a pair (shard name, Part | Path | None). The caller writes the receipt.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.files.shards import conform, empty_documents, write_shard
from curate.records.receipts import Receipt
from curate.run.engine import Outcome, attempt
from curate.stage import Context, Filter, Global, Job, Made, Maker, Metrics, Part, Source, StreamMaker


def read_part(stage: Source, context: Context, item: tuple[str, Part]) -> Receipt:
    """Read one part of a source into a shard."""
    start = time.monotonic()
    return _store_made(stage.read(item[1]), context, item[0], 0, start)


def judge_shard(stage: Filter, context: Context, item: tuple[str, Path]) -> Receipt:
    """Let a filter judge one shard."""
    start = time.monotonic()
    shard = context.shelf.take(item[1])
    verdict = stage.judge(shard, context)
    kept, dropped = verdict.split(shard)
    return _store(kept, dropped, context, item[0], text_bytes(shard), start, verdict.metrics)


def make_shard(stage: Maker, context: Context, item: tuple[str, Path]) -> Receipt:
    """Let a maker make new Documents from one shard."""
    start = time.monotonic()
    shard = context.shelf.take(item[1])
    return _store_made(stage.make(shard, context), context, item[0], text_bytes(shard), start)


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


def text_bytes(table: pa.Table) -> int:
    """Return the UTF-8 bytes of the text column."""
    return int(pc.sum(pc.binary_length(table.column("text"))).as_py() or 0)


def _store_made(made: Made, context: Context, name: str, bytes_in: int, start: float) -> Receipt:
    rejected = made.rejected
    if rejected.num_rows == 0 and "reason" not in rejected.column_names:
        rejected = empty_documents().append_column("reason", pa.array([], pa.string()))
    return _store(made.documents, rejected, context, name, bytes_in, start, made.metrics)


def _store(
    kept: pa.Table, dropped: pa.Table, context: Context, name: str, bytes_in: int, start: float, metrics: Metrics
) -> Receipt:
    """Write both halves, then say what they hold."""
    kept, dropped = conform(kept), conform(dropped)
    reasons = pc.value_counts(dropped.column("reason").combine_chunks()).to_pylist()
    places = [context.directory / half / f"{name}.parquet" for half in ("kept", "dropped")]
    digests = [write_shard(table, place) for table, place in zip((kept, dropped), places, strict=True)]
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
        seconds=time.monotonic() - start,
        metrics=metrics,
    )
