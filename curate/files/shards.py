"""Shards: Parquet (zstd) files of Documents, written whole or not at all.

A Document is one row: `id` (unique in a run), `text`, `source`, and any metadata columns. A shard is a
`pyarrow.Table` of Documents in memory and one Parquet file on disk. Every write goes to a temporary name in the
same directory, is synced, then renamed, so a reader never sees half a file and a crash leaves the old one.
"""

import hashlib
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import UserError
from curate.files.lean import base_of, batch_rows, joined, joined_schema


class _NoPandas:
    """An import finder that says of pandas that it is not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _put_pandas_off() -> None:
    """Let pyarrow look for pandas while there is none.

    It looks at the first value that it converts, and the import takes 0.4 s a process. Where a table is to become a
    data frame it looks again; all that is lost is pandas' NA among the values of a plain list.
    """
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pa.scalar(0)
    finally:
        sys.meta_path.remove(finder)


_put_pandas_off()

REQUIRED = {"id": pa.string(), "text": pa.large_string(), "source": pa.string()}
SUFFIX = ".parquet"


def empty_documents() -> pa.Table:
    """Return a table with the required columns and no rows."""
    return pa.schema(list(REQUIRED.items())).empty_table()


def documents(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Build a shard from dictionaries with at least `id`, `text` and `source`."""
    table = pa.Table.from_pylist([dict(row) for row in rows])
    return conform(table) if table.num_columns else empty_documents()


def conform(table: pa.Table) -> pa.Table:
    """Put the required columns first with their exact types; other columns follow in their own order.

    Raises UserError for a missing column.
    """
    missing = [name for name in REQUIRED if name not in table.column_names]
    if missing:
        raise UserError(f"column {missing[0]!r} is missing; the columns are: {', '.join(table.column_names)}")
    rest = [name for name in table.column_names if name not in REQUIRED]
    table = table.select([*REQUIRED, *rest])
    for index, (name, kind) in enumerate(REQUIRED.items()):
        if table.schema.field(index).type != kind:
            table = table.set_column(index, name, table.column(name).cast(kind))
    return table.replace_schema_metadata(None)


def read_shard(path: Path, columns: list[str] | None = None) -> pa.Table:
    """Read one shard, all columns or those named. Raises UserError for a missing, truncated or foreign file.

    It is decoded in chunks of some megabytes: in one piece, texts would grow by doubling and take twice the memory.
    Rows of a shard that keeps its text elsewhere (curate/files/lean.py) come whole.
    """
    try:
        with pq.ParquetFile(path) as file:  # `pq.read_table` would import Arrow's data sets, 0.15 s in each worker
            base = base_of(path, file.schema_arrow.metadata)
            if base is not None:
                names = joined_schema(file.schema_arrow, base).names
                return joined(file.read(), base, names if columns is None else [n for n in columns if n in names])
            batches = list(file.iter_batches(batch_rows(file), columns=columns, use_threads=False))
            return pa.Table.from_batches(batches) if batches else file.read(columns)
    except (pa.ArrowInvalid, pa.ArrowIOError, ValueError) as error:
        detail = str(error).splitlines()[0]
        step = "if it is a stage's, `curate run RECIPE --verify` makes it again; else replace it"
        raise UserError(f"cannot read shard {path}: {detail}; {step}") from error


def count_rows(path: Path) -> int:
    """Return the number of rows of a shard from its footer alone."""
    return int(pq.read_metadata(path).num_rows)


def read_schema(path: Path) -> pa.Schema:
    """Return the names and types of a shard's columns from its footer alone."""
    schema = pq.read_schema(path)
    base = base_of(path, schema.metadata)
    return schema.remove_metadata() if base is None else joined_schema(schema, base)


def list_shards(directory: Path) -> list[Path]:
    """Return the shards of a directory in name order."""
    return sorted(path for path in directory.glob(f"*{SUFFIX}") if not path.name.startswith("."))


def write_shard(table: pa.Table, path: Path) -> str:
    """Write a shard atomically and return the sha256 of its bytes. Same table in the same chunks, same bytes."""
    temporary = _temporary(path)
    pq.write_table(table, temporary, compression="zstd", store_schema=True, write_statistics=False)
    with temporary.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    _publish(temporary, path)
    return digest


def write_text(text: str, path: Path) -> None:
    """Write a small text file atomically."""
    temporary = _temporary(path)
    temporary.write_text(text, encoding="utf-8")
    _publish(temporary, path)


def write_json(value: Any, path: Path) -> None:
    """Write a value as indented JSON, atomically."""
    write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", path)


def read_jsonl(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSONL file that this tool wrote; a torn last line (a crash) ends the iteration."""
    with path.open("rb") as file:
        for line in file:
            if not line.endswith(b"\n"):
                return
            yield json.loads(line)


def _temporary(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


def _publish(temporary: Path, path: Path) -> None:
    """Sync a temporary file, rename it into place, and sync the directory so that the name survives too."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
