"""Which of several alike documents survives: one total order over all documents, best first.

In: `keep_best`, names of metadata columns, most important first. `license` orders by class: permissive, unknown, then
all others. Any other column orders by its value as a number, higher first. A column that is absent says nothing, a
value that is absent or no number comes last. Then the longer text is better, then the smaller id.
Out: `order_columns` for sketches, one row a document, and `read_ranked`, all sketches' documents in that order.

The order depends on the documents alone, so survivors are the same for any order of shards and number of workers.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import UserError
from curate.licenses import UNKNOWN, licence_class
from curate.shards import list_shards, read_shard
from curate.stage import Context


@dataclass(frozen=True)
class Ranked:
    """All documents to compare, best first: ids, and where each one stands."""

    ids: pa.ChunkedArray
    shard: npt.NDArray[np.int64]
    """Position in the list of sketches."""
    row: npt.NDArray[np.int64]
    earlier: int = 0
    """So many documents, the first ones, belong to earlier corpora and stay in any case."""
    groups: npt.NDArray[np.int64] | None = None
    """For each document a number that is equal for those of one group; without a group it has a number of its own."""

    def by_shard(self, shards: int) -> list[npt.NDArray[np.int64]]:
        """Return for each of so many shards the ranks of its documents, best first."""
        order = np.argsort(self.shard, kind="stable")
        return np.split(order, np.cumsum(np.bincount(self.shard, minlength=shards))[:-1])


def order_columns(shard: pa.Table, keep_best: list[str]) -> dict[str, pa.Array]:
    """Return what the order needs of a shard: `id`, `best_0`, ... (float64, higher is better) and `length` in bytes."""
    columns = {"id": _whole(shard.column("id"))}
    for index, name in enumerate(keep_best):
        columns[f"best_{index}"] = _score(shard, name)
    columns["length"] = _whole(pc.cast(pc.fill_null(pc.binary_length(shard.column("text")), 0), pa.int64()))
    return columns


def _score(shard: pa.Table, name: str) -> pa.Array:
    if name not in shard.column_names:
        return pa.nulls(shard.num_rows, pa.float64())
    values = _whole(shard.column(name))
    if name in ("license", "licence", "licenses"):
        distinct = values.dictionary_encode() if not pa.types.is_nested(values.type) else None
        if distinct is None:
            return pa.array([licence_class("; ".join(map(str, value or []))) for value in values.to_pylist()])
        classes = pa.array([licence_class(str(value) if value else None) for value in distinct.dictionary.to_pylist()])
        return pc.fill_null(classes.cast(pa.float64()).take(distinct.indices), UNKNOWN)
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_boolean(values.type):
        return values.cast(pa.float64())
    return pa.array([_number(value) for value in values.to_pylist()], pa.float64())


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def sketched_shards(context: Context) -> list[tuple[Path, Path]]:
    """Return (sketch, shard) for each shard of the inputs, in input order, then name order."""
    several = len(context.inputs) > 1
    return [
        (context.plan / "sketches" / f"{f'{name}.' if several else ''}{shard.stem}.parquet", shard)
        for name, directory in context.inputs.items()
        for shard in list_shards(directory / "kept")
    ]


def sort_keys(keep_best: list[str]) -> list[tuple[str, str]]:
    """Return the order as Arrow sort keys over the columns of `order_columns`."""
    scores = [(f"best_{index}", "descending") for index in range(len(keep_best))]
    return [*scores, ("length", "descending"), ("id", "ascending")]


def read_ranked(sketches: list[Path], keep_best: list[str], own: int | None = None, *, grouped: bool = False) -> Ranked:
    """Read the order columns of all sketches and order their documents. Raises UserError for an id seen twice.

    All but the first `own` sketches are those of earlier corpora, whose documents come before all others. `grouped`
    sketches have a column `group`.
    """
    names = [name for name, _ in sort_keys(keep_best)] + ["group"] * grouped
    tables = [read_shard(sketch, names) for sketch in sketches]
    if not tables:
        return Ranked(pa.chunked_array([], pa.string()), np.empty(0, np.int64), np.empty(0, np.int64))
    table = pa.concat_tables(tables)
    sizes = [part.num_rows for part in tables]
    shard = np.repeat(np.arange(len(sizes)), sizes)
    row = np.concatenate([np.arange(size) for size in sizes])
    new = shard >= 0 if own is None else shard < own
    must_be_unique(table.column("id").slice(0, int(new.sum())))
    keys = [("new", "ascending"), *sort_keys(keep_best)]
    order = pc.sort_indices(table.append_column("new", pa.array(new.astype(np.int8))), sort_keys=keys).to_numpy()
    groups = group_numbers(table.column("group"))[order] if grouped else None
    return Ranked(table.column("id").take(order), shard[order], row[order], int((~new).sum()), groups)


def group_numbers(groups: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return a number for each value, equal where values are; each null has a number of its own."""
    numbers = pc.fill_null(groups.combine_chunks().dictionary_encode().indices, -1).to_numpy().astype(np.int64)
    return np.where(numbers < 0, len(numbers) + np.arange(len(numbers)), numbers)


def must_be_unique(ids: pa.ChunkedArray) -> None:
    """Raise UserError if an id stands twice: dropping by id would then lose both documents."""
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = ids.value_counts()
    worst = counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()
    raise UserError(f"id {min(worst)!r} stands more than once; map a column that is unique to `id` in the source")


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
