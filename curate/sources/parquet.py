"""Parquet as a source: where to cut a file into parts, and the rows between two row numbers.

Parts are cut by the rows' real sizes, of which a footer tells the sum over a row group only. A group that fits a part
whole is taken as it is; of one that does not, or whose dictionary may hide how large its values are, the lengths of the
values are read first. Only the wanted columns are read, in batches, never a whole file.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.errors import DamagedFile, UserError
from curate.files.lean import ROW
from curate.files.local import told_of
from curate.files.stores import is_local, is_plain_file, locate, open_raw
from curate.sources.rows import Cut
from curate.sources.values import as_ids, is_nameable, is_textual

Sizes = npt.NDArray[np.float64]

BATCH_ROWS = 1024
FEW_ROWS = 32
"""A batch of a large group: rows of 1 MB are 32 MB of memory then, and not a thousand."""
LARGE_BYTES = 64 << 20
"""A group from which on its rows are decoded in small batches."""
DICTIONARY_BYTES = 4 << 20
"""A group with dictionaries up to this size may hold one long value many times."""
FOOTERS = 5
"""Files whose footers tell how much all hold."""
BUFFER_BYTES = 4 << 20
"""How much of a local column is read at once; without a limit, all of it within a group."""
_here = threading.local()
"""The place at which a thread stands in a large group."""


def cut_file(
    url: str,
    columns: Sequence[str],
    text: str,
    id_column: str | None,
    shard_rows: int,
    shard_bytes: int,
    most: int | None,
) -> Iterator[Cut]:
    """Yield a file's parts in order, at most `most` rows in all.

    Raises UserError for a file that is no Parquet, is cut short, or lacks one of the columns, and for columns of types
    that can be no text and no id.
    """
    column_types(url, columns, text, id_column)
    with _open(url) as file:
        ids = _ids(file, id_column) if id_column is not None else None
        rows = file.metadata.num_rows if most is None else min(most, file.metadata.num_rows)
        for start, stop in _ranges(file, columns, shard_rows, shard_bytes, rows):
            yield Cut(start, stop, stop - start, [next(ids) for _ in range(start, stop)] if ids else [])


def volume(files: Sequence[tuple[str, int]], text: str, most: int | None) -> tuple[float, float]:
    """Return (rows, bytes of text) of files, given with their sizes, at most `most` rows: by the footers of FOOTERS of
    them, which say how large the column `text` is once decompressed. A dictionary makes that too little."""
    read = files[:: -(-len(files) // FOOTERS)]
    rows = width = size = 0
    for url, bytes_ in read:
        with _open(url) as file:
            groups = [file.metadata.row_group(index) for index in range(file.metadata.num_row_groups)]
        rows += sum(group.num_rows for group in groups)
        width += sum(_encoded_bytes(group, [text])[0] for group in groups)
        size += bytes_
    scale = sum(bytes_ for _, bytes_ in files) / max(size, 1)
    share = 1.0 if most is None else min(1.0, most / max(rows * scale, 1))
    return rows * scale * share, width * scale * share


def column_types(url: str, columns: Sequence[str], text: str, id_column: str | None) -> dict[str, pa.DataType]:
    """Return the types that columns have as Documents, from the footer alone. Raises UserError as `cut_file`."""
    with _open(url) as file:
        schema = file.schema_arrow
    for name in columns:
        count = schema.names.count(name)
        if count == 0:
            if ROW in schema.names:
                raise UserError(f"{url} is a shard whose text lies elsewhere; write it out with `curate export`")
            raise UserError(f"{url} has no column {name!r}; its columns are: {', '.join(schema.names)}")
        if count > 1:
            raise UserError(
                f"{url} has {count} columns {name!r}; rename all but one in the data, or name another column"
            )
    kinds = {name: schema.field(name).type for name in columns}
    if not is_textual(kinds[text]) and not pa.types.is_null(kinds[text]):
        raise UserError(f"{url}: text: the column {text!r} holds {kinds[text]}, not text; name another column")
    if id_column is not None and not is_nameable(kinds[id_column]):
        raise UserError(
            f"{url}: id: the column {id_column!r} holds {kinds[id_column]}, which names no document; name a column of "
            f"strings or numbers, or leave `id` out"
        )
    return {name: pa.large_string() if is_textual(kind) else kind for name, kind in kinds.items()}


def read_rows(url: str, start: int, stop: int, columns: Sequence[str]) -> pa.Table:
    """Return rows `start` to `stop` of the columns.

    A group cannot be entered in its middle. So a thread that has read one part of a large group keeps its place, and
    goes on from there where its next part lies behind: a group is decoded once a thread, not once a part.
    """
    system, path = locate(url)
    status = is_plain_file(path) if is_local(system) else None
    key = (url, *columns, str(status and (status.st_mtime_ns, status.st_size)))
    place: _Place | None = getattr(_here, "place", None)
    _here.place = None
    if place is None or place.key != key or not place.position <= start < place.end:
        place = _Place(key, _from(url, columns, start))
        place.advance()
    taken = []
    while place.batch is not None:
        low, high = max(start - place.position, 0), min(stop - place.position, place.batch.num_rows)
        if low < high:
            taken.append(place.batch.slice(low, high - low))
        if place.position + place.batch.num_rows > stop:
            _here.place = place if place.is_large else None
            break
        if place.position + place.batch.num_rows == stop == place.end or not place.advance():
            break
    return pa.Table.from_batches(taken)


class _Place:
    """Where a thread stands in a file: a batch, the row that it begins with, and the row at which its group ends."""

    def __init__(self, key: tuple[str, ...], batches: Iterator[tuple[int, int, bool, pa.RecordBatch]]) -> None:
        self.key, self._batches = key, batches
        self.position = self.end = 0
        self.is_large = False
        self.batch: pa.RecordBatch | None = None

    def advance(self) -> bool:
        """Go on to the next batch; False at the end of the file."""
        following = next(self._batches, None)
        if following is None:
            self.batch = None
            return False
        self.position, self.end, self.is_large, self.batch = following
        return True


def _from(url: str, columns: Sequence[str], start: int) -> Iterator[tuple[int, int, bool, pa.RecordBatch]]:
    """Yield the batches of a file from a row's group on: first row, the group's end, and whether the group is large."""
    with _open(url) as file:
        position = 0
        for index in range(file.metadata.num_row_groups):
            group = file.metadata.row_group(index)
            end = position + group.num_rows
            if end > start:
                is_large = _encoded_bytes(group, columns)[0] >= LARGE_BYTES
                for batch in _batches(file, index, columns):
                    yield position, end, is_large, batch
                    position += batch.num_rows
            position = end


@contextmanager
def _open(url: str) -> Iterator[pq.ParquetFile]:
    system, path = locate(url)
    try:
        if is_local(system) and path.isprintable():  # Arrow's own files want names that are UTF-8
            with pq.ParquetFile(path, memory_map=False, buffer_size=BUFFER_BYTES) as file:
                yield file
        else:
            with open_raw(url) as raw, pq.ParquetFile(raw, pre_buffer=True) as file:
                yield file
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise told_of(error, url) from error
        detail = (str(error) or type(error).__name__).splitlines()[0]
        raise DamagedFile(f"cannot read {url}: {detail}; replace or remove the file") from error


def _ids(file: pq.ParquetFile, column: str) -> Iterator[str | None]:
    for batch in file.iter_batches(BATCH_ROWS, columns=[column]):
        yield from as_ids(batch.column(0))[0].to_pylist()


def _batches(file: pq.ParquetFile, group: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Decode some columns of a row group bit by bit."""
    small = _encoded_bytes(file.metadata.row_group(group), columns)[0] < LARGE_BYTES
    few = not small or _may_hide(file.metadata.row_group(group), columns, LARGE_BYTES)
    rows = FEW_ROWS if few else BATCH_ROWS
    yield from file.iter_batches(rows, row_groups=[group], columns=list(dict.fromkeys(columns)))


def _ranges(
    file: pq.ParquetFile, columns: Sequence[str], shard_rows: int, shard_bytes: int, rows: int
) -> Iterator[tuple[int, int]]:
    """Yield first and last row (exclusive) of parts of at most so many rows and, but for single rows, bytes."""
    start = position = 0
    filled = 0.0
    for group in range(file.metadata.num_row_groups):
        total, _ = _encoded_bytes(file.metadata.row_group(group), columns)
        known = total > shard_bytes or _may_hide(file.metadata.row_group(group), columns, shard_bytes)
        if not known and filled + total > shard_bytes and start < position:
            yield start, position
            start, filled = position, 0.0
        for sizes in _sizes(file, group, columns) if known else [_even(file.metadata.row_group(group), total)]:
            sums = np.cumsum(sizes[: rows - position])
            taken = 0
            while taken < len(sums):
                before = sums[taken - 1] if taken else 0.0
                fits = int(np.searchsorted(sums, before + shard_bytes - filled + 0.5, "right")) - taken
                count = min(max(fits, 0 if start < position else 1), shard_rows - (position - start), len(sums) - taken)
                if count == 0:
                    yield start, position
                    start, filled = position, 0.0
                    continue
                filled += sums[taken + count - 1] - before
                taken, position = taken + count, position + count
            if position >= rows:
                break
        if position >= rows:
            break
    if start < position:
        yield start, position


def _even(group: pq.RowGroupMetaData, total: int) -> Sizes:
    return np.full(group.num_rows, total / max(group.num_rows, 1))


def _sizes(file: pq.ParquetFile, group: int, columns: Sequence[str]) -> Iterator[Sizes]:
    """Yield the bytes of each row, batch by batch; what is no text counts by the batch's mean."""
    for batch in _batches(file, group, columns):
        sizes = np.zeros(batch.num_rows)
        for column in batch.columns:
            if isinstance(column, pa.DictionaryArray) and is_textual(column.type):
                lengths = pc.take(_lengths(column.dictionary), column.indices)
            elif is_textual(column.type):
                lengths = _lengths(column)
            else:
                sizes += column.nbytes / max(batch.num_rows, 1)
                continue
            sizes += lengths.fill_null(0).to_numpy(zero_copy_only=False)
        yield sizes


def _lengths(values: pa.Array) -> pa.Array:
    wide = values.cast(pa.large_binary())
    return pc.binary_length(wide)


def _encoded_bytes(group: pq.RowGroupMetaData, columns: Sequence[str]) -> tuple[int, bool]:
    """Return the bytes of some columns of a group before compression, and whether one of them has a dictionary."""
    chunks = [group.column(index) for index in range(group.num_columns)]
    chunks = [
        chunk for chunk in chunks if any(f"{chunk.path_in_schema}.".startswith(f"{column}.") for column in columns)
    ]
    return sum(chunk.total_uncompressed_size for chunk in chunks), any(chunk.has_dictionary_page for chunk in chunks)


def _may_hide(group: pq.RowGroupMetaData, columns: Sequence[str], most: int) -> bool:
    """Tell whether a group's values may be larger than so many bytes, for a dictionary holds each of them once."""
    total, has_dictionary = _encoded_bytes(group, columns)
    return has_dictionary and total <= DICTIONARY_BYTES and total * group.num_rows > most
