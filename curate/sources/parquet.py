"""Parquet as a source: where to cut a file into parts, and the rows between two row numbers.

Only the wanted columns are read, in batches, never a whole file. A row group larger than a part is decoded from its
start for each of its parts, so files with groups of some thousand rows are read fastest.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import UserError
from curate.sources.files import locate
from curate.sources.rows import Cut, decode, is_textual

BATCH_ROWS = 1024


def cut_file(
    url: str, columns: Sequence[str], id_column: str | None, shard_rows: int, shard_bytes: int, most: int | None
) -> Iterator[Cut]:
    """Yield a file's parts in order, at most `most` rows in all; only the footer and the id column are read.

    Raises UserError for a file that is no Parquet, is cut short, or lacks one of the columns.
    """
    column_types(url, columns)
    with _open(url) as file:
        rows = file.metadata.num_rows if most is None else min(most, file.metadata.num_rows)
        step = min(shard_rows, _rows_that_fit(file.metadata, columns, shard_bytes))
        ids = _ids(file, id_column) if id_column is not None else None
        for start in range(0, rows, step):
            stop = min(start + step, rows)
            yield Cut(start, stop, stop - start, [next(ids) for _ in range(start, stop)] if ids else [])


def column_types(url: str, columns: Sequence[str]) -> dict[str, pa.DataType]:
    """Return the types that columns have as Documents, from the footer alone. Raises UserError as `cut_file`."""
    with _open(url) as file:
        schema = file.schema_arrow
    for name in columns:
        if name not in schema.names:
            raise UserError(f"{url} has no column {name!r}; its columns are: {', '.join(schema.names)}")
    kinds = {name: schema.field(name).type for name in columns}
    return {name: pa.large_string() if is_textual(kind) else kind for name, kind in kinds.items()}


def read_rows(url: str, start: int, stop: int, columns: Sequence[str]) -> pa.Table:
    """Return rows `start` to `stop` of the columns."""
    with _open(url) as file:
        groups, first = _groups(file.metadata, start, stop)
        position = first
        taken = []
        for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, columns=list(dict.fromkeys(columns))):
            low, high = max(start - position, 0), min(stop - position, batch.num_rows)
            if low < high:
                taken.append(batch.slice(low, high - low))
            position += batch.num_rows
            if position >= stop:
                break
        return pa.Table.from_batches(taken)


@contextmanager
def _open(url: str) -> Iterator[pq.ParquetFile]:
    system, path = locate(url)
    try:
        if "file" in system.protocol:
            with pq.ParquetFile(path, memory_map=False) as file:
                yield file
        else:
            with system.open(path, "rb") as raw, pq.ParquetFile(raw, pre_buffer=True) as file:
                yield file
    except (pa.ArrowInvalid, OSError) as error:
        detail = (str(error) or type(error).__name__).splitlines()[0]
        raise UserError(f"cannot read {url}: {detail}; replace or remove the file") from error


def _ids(file: pq.ParquetFile, column: str) -> Iterator[str | None]:
    for batch in file.iter_batches(BATCH_ROWS, columns=[column]):
        yield from decode(batch.column(0))[0].to_pylist()


def _rows_that_fit(metadata: pq.FileMetaData, columns: Sequence[str], shard_bytes: int) -> int:
    """Return how many rows of average size fill a part."""
    total: int = sum(
        group.column(index).total_uncompressed_size
        for group in map(metadata.row_group, range(metadata.num_row_groups))
        for index in range(group.num_columns)
        if group.column(index).path_in_schema.split(".")[0] in columns
    )
    return max(1, shard_bytes * int(metadata.num_rows) // max(total, 1))


def _groups(metadata: pq.FileMetaData, start: int, stop: int) -> tuple[list[int], int]:
    """Return the row groups that hold the rows, and the number of the first row of the first group."""
    groups: list[int] = []
    first = position = 0
    for index in range(metadata.num_row_groups):
        rows = metadata.row_group(index).num_rows
        if position < stop and position + rows > start:
            first = first if groups else position
            groups.append(index)
        position += rows
    return groups, first
