"""Which of several alike documents survives: one total order over all documents, best first.

In: `keep_best`, names of metadata columns, most important first. `license` orders by class: permissive, unknown, then
all others. Any other column orders by its value as a number, higher first. A column that is absent says nothing, a
value that is absent or no number comes last. Then the longer text is better, then the smaller id.
Out: `order_columns` for sketches, one row a document, and `rank`, all sketches' documents in that order.

Ids are the bulk of what an order needs, so the ordered ids go to a file, and where all of it together would not fit the
memory that is granted, DuckDB sorts it on disk. What stays in memory is two numbers a document.

The order depends on the documents alone, so survivors are the same for any order of shards and number of workers.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.errors import UserError
from curate.files.shards import count_rows, list_shards, read_shard
from curate.stage import Context
from curate.text.licenses import UNKNOWN, licence_class

FILE = "order.parquet"
SORTING_BYTES = 500
"""What sorting in memory takes, a document."""
GROUP_ROWS = 1 << 16
"""Documents in a row group of the file: as many ids are in memory when some are looked up."""

Documents = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Ranked:
    """All documents to compare, best first, and where each one stands."""

    file: Path
    """Their ids, in order."""
    shard: Documents
    """Position in the list of sketches."""
    row: Documents
    earlier: int = 0
    """So many documents, the first ones, belong to earlier corpora and stay in any case."""
    groups: Documents | None = None
    """For each document a number that is equal for those of one group; without a group it has a number of its own."""

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self.row)

    def ids(self, ranks: Documents) -> pa.Array:
        """Return the ids of these documents, in the order asked for."""
        wanted, places = np.unique(ranks, return_inverse=True)
        found = [pa.array([], pa.string())]
        with pq.ParquetFile(self.file) as file:
            first = 0
            for group in range(file.num_row_groups if len(wanted) else 0):
                last = first + file.metadata.row_group(group).num_rows
                here = wanted[np.searchsorted(wanted, first) : np.searchsorted(wanted, last)] - first
                if len(here):
                    found.append(file.read_row_group(group, ["id"]).column("id").take(pa.array(here)).combine_chunks())
                first = last
        return pa.concat_arrays(found).take(pa.array(places))

    def by_shard(self, shards: int) -> list[Documents]:
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
        values = values.cast(pa.float64())
        return pc.if_else(pc.is_finite(values), values, pa.scalar(None, pa.float64()))
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


def rank(
    place: Path,
    sketches: list[Path],
    keep_best: list[str],
    own: int | None = None,
    *,
    grouped: bool = False,
    memory_mb: float = 1000,
) -> Ranked:
    """Order the documents of all sketches; their ids go to `place`. Raises UserError for an id seen twice.

    All but the first `own` sketches are those of earlier corpora, whose documents come before all others. `grouped`
    sketches have a column `group`. Where sorting needs more than `memory_mb`, it is done on disk.
    """
    sizes = [count_rows(sketch) for sketch in sketches]
    new = sum(sizes[:own])
    columns = ["id", *["group"] * grouped]
    place.mkdir(parents=True, exist_ok=True)
    if sum(sizes) * SORTING_BYTES <= memory_mb * 1e6:
        table = _in_memory(sketches, sizes, sort_keys(keep_best), new, columns)
        pq.write_table(table.select(["id"]), place / FILE, row_group_size=GROUP_ROWS)
    else:
        import duckdb

        try:
            _on_disk(place, sketches, sort_keys(keep_best), len(sketches) if own is None else own, columns, memory_mb)
        except duckdb.Error as error:
            why = " ".join(str(error).split())[:200]
            raise UserError(f"sorting in {place}: {why}; free space there or raise memory_mb, and run again") from error
        table = read_shard(place / FILE, ["shard", "row", *columns[1:]])
    shard, row = (table.column(name).to_numpy().astype(np.int64) for name in ("shard", "row"))
    return Ranked(place / FILE, shard, row, len(row) - new, group_numbers(table.column("group")) if grouped else None)


def _in_memory(
    sketches: list[Path], sizes: list[int], keys: list[tuple[str, str]], new: int, columns: list[str]
) -> pa.Table:
    """Return columns, `shard` and `row` of all documents in order."""
    names = list(dict.fromkeys([*(name for name, _ in keys), *columns]))
    tables = [read_shard(sketch, names) for sketch in sketches]
    table = pa.concat_tables(tables) if tables else pa.table({name: pa.array([], pa.string()) for name in names})
    must_be_unique(table.column("id").slice(0, new))
    shard = np.repeat(np.arange(len(sizes)), sizes)
    row = np.concatenate([np.arange(0), *map(np.arange, sizes)])
    is_new = pa.array((np.arange(len(row)) < new).astype(np.int8))
    order = pc.sort_indices(table.append_column("new", is_new), sort_keys=[("new", "ascending"), *keys])
    places = {"shard": pa.array(shard), "row": pa.array(row)}
    return pa.table({**{name: table.column(name) for name in columns}, **places}).take(order)


def _on_disk(
    place: Path, sketches: list[Path], keys: list[tuple[str, str]], own: int, columns: list[str], memory_mb: float
) -> None:
    """Write the same to the file, by DuckDB, which sorts in runs and merges them."""
    import duckdb

    numbers = pa.table({"filename": list(map(str, sketches)), "shard": pa.array(range(len(sketches)), pa.int64())})
    by = ", ".join(f"{name} {'DESC' if way == 'descending' else 'ASC'} NULLS LAST" for name, way in keys)
    limits = {"memory_limit": f"{memory_mb}MB", "temp_directory": str(place / "sorting"), "threads": "1"}
    with duckdb.connect(":memory:", config={**limits, "preserve_insertion_order": "false"}) as connection:
        connection.register("numbers", numbers)
        documents = "read_parquet(?, filename = true, file_row_number = true) JOIN numbers USING (filename)"
        files = [list(map(str, sketches))]
        again = connection.execute(
            f"SELECT id FROM {documents} WHERE shard < {own:d} GROUP BY id HAVING count(*) > 1 ORDER BY id LIMIT 1",
            files,
        ).fetchall()
        if again:
            raise _stands_twice(again[0][0])
        quoted = ", ".join(f'"{name}"' for name in columns)
        target = str(place / FILE).replace("'", "''")
        connection.execute(
            f"COPY (SELECT {quoted}, shard, file_row_number AS row FROM {documents} "
            f"ORDER BY shard < {own:d}, {by}) TO '{target}' (FORMAT parquet, ROW_GROUP_SIZE {GROUP_ROWS})",
            files,
        )


def group_numbers(groups: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return a number for each value, equal where values are; each null has a number of its own."""
    numbers = pc.fill_null(groups.combine_chunks().dictionary_encode().indices, -1).to_numpy().astype(np.int64)
    return np.where(numbers < 0, len(numbers) + np.arange(len(numbers)), numbers)


def must_be_unique(ids: pa.ChunkedArray) -> None:
    """Raise UserError if an id stands twice: dropping by id would then lose both documents."""
    if pc.count_distinct(ids).as_py() == len(ids):
        return
    counts = ids.value_counts()
    raise _stands_twice(min(counts.filter(pc.greater(counts.field("counts"), 1)).field("values").to_pylist()))


def _stands_twice(id: str) -> UserError:
    return UserError(f"id {id!r} stands more than once; map a column that is unique to `id` in the source")


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks()
