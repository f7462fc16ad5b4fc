"""Reference sets: documents such as one wishes for, named by a stage's parameter as a source is under `sources:`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from curate.errors import UserError
from curate.files.shards import read_shard
from curate.sources.kinds import source_from
from curate.stage import Source

Reference = str | dict[str, Any]
"""A .parquet or .jsonl path, a folder of .py files, or the keys of a source."""


def reference(name: str, value: Reference) -> Source:
    """Return the source of a reference set. Raises UserError for one that no source can read."""
    if isinstance(value, str):
        files = value.removesuffix(".gz").removesuffix(".zst").endswith((".parquet", ".jsonl", ".json", ".ndjson"))
        value = {"path" if files else "folder": value}
    try:
        return source_from(name, value)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    except ValidationError as error:
        raise UserError(f"{name}: {error.errors()[0]['msg']}: {value!r}; write it as under `sources:`") from error


def texts_of(where: Source | Sequence[Path]) -> Iterator[str]:
    """Yield the texts of a source or of shards, one part after the other."""
    tables = (
        (where.read(part).documents for part in where.parts())
        if isinstance(where, Source)
        else (read_shard(path, ["text"]) for path in where)
    )
    for table in tables:
        yield from table.column("text").to_pylist()
