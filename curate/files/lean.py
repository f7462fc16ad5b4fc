"""Kept rows of a stage that only drops rows: their numbers and what the stage added, beside the text of an earlier one.

Eight filters one after the other would write a corpus eight times. Instead a shard of such a stage, a lean one, holds

    id, the columns that it or lean stages above it added or replaced, and `__row`

and its Parquet metadata name the whole shard that has the other columns: its base, the shard of the last stage that
wrote text. `__row` are rows of the base, ascending, so that a reader goes through it once, batch by batch. A base is
never lean itself. `curate.files.shards.read_shard` joins the two, so that its callers see whole rows; the receipt names
the base and its digest (curate/records/standing.py compares both).

In: tables and paths. Out: tables. Not covered: which stage writes lean shards (curate/run/work.py).
"""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

BASE = b"curate.base"
ROW = "__row"
SHAPE = re.compile(r"\.\./\.\./[^/]+/kept/[^/]+\.parquet")
"""Another stage of the same run, and nothing else, whatever a file says."""
SIZED = 1 << 23
"""Bytes of a batch, decoded."""


def base_of(path: Path, metadata: Mapping[bytes, bytes] | None) -> Path | None:
    """Return the base of a shard with these metadata; None for a whole one. Raises ValueError for a strange place."""
    named = (metadata or {}).get(BASE)
    if named is None:
        return None
    place = named.decode("utf-8", "replace")
    if not SHAPE.fullmatch(place):
        raise ValueError(f"its rows rest on {place!r}, which is no shard of its run")
    return path.parent / place


def is_lean(path: Path) -> bool:
    """Tell whether a shard keeps its text elsewhere. Raises what pyarrow raises for what is no Parquet file."""
    return BASE in (pq.read_schema(path).metadata or {})


def lean(kept: pa.Table, own: Sequence[str], rows: npt.NDArray[np.integer], base: Path, path: Path) -> pa.Table:
    """Return what the lean shard `path` holds of whole rows: the columns `own`, and their numbers in the base."""
    table = kept.select([name for name in kept.column_names if name == "id" or name in own])
    table = table.append_column(ROW, pa.array(rows, pa.uint32()))
    place = Path(os.path.relpath(base, path.parent)).as_posix()
    return table.replace_schema_metadata({BASE: place.encode()})


def rows_of(path: Path) -> tuple[npt.NDArray[np.integer] | None, list[str]]:
    """Return a lean shard's rows in its base and its own columns; (None, []) for a whole shard."""
    with pq.ParquetFile(path) as file:
        if base_of(path, file.schema_arrow.metadata) is None:
            return None, []
        own = [name for name in file.schema_arrow.names if name not in ("id", ROW)]
        return file.read([ROW]).column(ROW).to_numpy(), own


def joined_schema(own: pa.Schema, base: Path) -> pa.Schema:
    """Return the columns of the joined rows, in the order in which a whole shard would have them."""
    below = pq.read_schema(base).remove_metadata()
    fields = [own.field(name) if name in own.names else below.field(name) for name in below.names]
    return pa.schema(fields + [field for field in own if field.name not in {*below.names, ROW}])


def joined(own: pa.Table, base: Path, columns: Sequence[str]) -> pa.Table:
    """Return these columns of a lean shard's rows. Raises ValueError where the base does not have the rows."""
    wanted = [name for name in columns if name not in own.column_names]
    if not wanted:
        return own.select(list(columns)).replace_schema_metadata(None)
    rows = own.column(ROW).to_numpy()
    with pq.ParquetFile(base) as file:
        schema = file.schema_arrow.remove_metadata()
        found, start = [], 0
        for batch in file.iter_batches(batch_rows(file), columns=wanted, use_threads=False):
            low, high = np.searchsorted(rows, [start, start + batch.num_rows])
            if high - low == batch.num_rows:
                found.append(batch)
            elif high > low:
                found.append(batch.take(pa.array(rows[low:high] - start)))
            start += batch.num_rows
        below = pa.Table.from_batches(found) if found else schema.empty_table()
    if below.num_rows != own.num_rows:
        raise ValueError(f"{base} has not the rows that it rests on")
    return pa.table({name: (own if name in own.column_names else below).column(name) for name in columns})


def batch_rows(file: pq.ParquetFile) -> int:
    """Return how many rows of a file make some SIZED bytes."""
    size = sum(file.metadata.row_group(group).total_byte_size for group in range(file.num_row_groups))
    return int(1 + file.metadata.num_rows * SIZED // max(1, size))
