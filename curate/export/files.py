"""Files of an export: Parquet or JSON Lines of about one size, and a folder that appears whole or not at all.

A folder is filled under a hidden name beside its own, synced, and renamed: a kill leaves either nothing or all of it,
and what a kill left under the hidden name is removed by the next export to that place.
"""

import fcntl
import inspect
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curate.errors import UserError
from curate.records.standing import sha256
from curate.report.documents.browse import plain

FORMATS = ("parquet", "jsonl", "hub")
MANIFEST = "export.json"
GROUP_BYTES = 32 << 20
"""Text in a row group: what a reader must decode at least."""
DATA = "data"


class _Sink(Protocol):
    def write(self, table: pa.Table) -> None: ...

    def close(self) -> None: ...


class _Parquet:
    """One Parquet file. `for_the_hub`: cut by content, so that a changed corpus shares what did not change."""

    def __init__(self, path: Path, schema: pa.Schema, *, for_the_hub: bool) -> None:
        options: dict[str, Any] = {"compression": "zstd"}
        if for_the_hub:
            known = inspect.signature(pq.write_table).parameters
            options |= {n: True for n in ("use_content_defined_chunking", "write_page_index") if n in known}
        self._writer = pq.ParquetWriter(path, schema, **options)

    def write(self, table: pa.Table) -> None:
        rows = 1 + table.num_rows * GROUP_BYTES // max(1, table.nbytes)
        self._writer.write_table(table, row_group_size=rows)

    def close(self) -> None:
        self._writer.close()


class _JsonLines:
    def __init__(self, path: Path) -> None:
        self._file = path.open("w", encoding="utf-8")

    def write(self, table: pa.Table) -> None:
        for batch in table.to_batches(max_chunksize=1000):
            for row in batch.to_pylist():
                self._file.write(json.dumps(plain(row), ensure_ascii=False) + "\n")

    def close(self) -> None:
        self._file.close()


class Shards:
    """Writes tables into files of about `most_bytes` of text each."""

    def __init__(self, folder: Path, schema: pa.Schema, kind: str, most_bytes: float) -> None:
        self._folder, self._schema, self._kind, self._most = folder, schema, kind, most_bytes
        self._suffix = "jsonl" if kind == "jsonl" else "parquet"
        self._sink: _Sink | None = None
        self._held = 0
        self._rows: list[int] = []
        folder.mkdir()

    def write(self, table: pa.Table) -> None:
        """Append rows; a file ends before the row that would make it too large."""
        ends = np.cumsum(pc.binary_length(table["text"]).to_numpy(), dtype=np.int64)
        start, before = 0, 0
        while start < table.num_rows:
            stop = int(np.searchsorted(ends, before + self._most - self._held, side="right"))
            if stop <= start and self._held:
                self._end()
                continue
            stop = max(stop, start + 1)
            self._append(table.slice(start, stop - start))
            self._held += int(ends[stop - 1]) - before
            start, before = stop, int(ends[stop - 1])

    def close(self) -> list[dict[str, Any]]:
        """End the last file, name them all, and return {path, rows, bytes, sha256} of each."""
        if not self._rows:
            self._append(self._schema.empty_table())
        self._end()
        return [self._named(number) for number in range(len(self._rows))]

    def _append(self, table: pa.Table) -> None:
        if self._sink is None:
            path = self._path(len(self._rows))
            self._sink = (
                _JsonLines(path)
                if self._kind == "jsonl"
                else _Parquet(path, self._schema, for_the_hub=self._kind == "hub")
            )
            self._rows.append(0)
        self._sink.write(table)
        self._rows[-1] += table.num_rows

    def _end(self) -> None:
        if self._sink is not None:
            self._sink.close()
        self._sink, self._held = None, 0

    def _path(self, number: int) -> Path:
        return self._folder / f"{number}.{self._suffix}"

    def _named(self, number: int) -> dict[str, Any]:
        name = f"train-{number:05}-of-{len(self._rows):05}.{self._suffix}"
        path = self._path(number).rename(self._folder / name)
        size = path.stat().st_size
        return {"path": f"{DATA}/{name}", "rows": self._rows[number], "bytes": size, "sha256": sha256(path)}


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """Return what an export says of itself; None where the folder is none."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "asked" in found else None


def is_as_written(folder: Path, manifest: dict[str, Any]) -> bool:
    """Tell whether the files of an export have the bytes that it says."""
    try:
        return all(sha256(folder / file["path"]) == file["sha256"] for file in manifest["files"])
    except (OSError, KeyError, TypeError):
        return False


def refuse_existing(folder: Path, *, overwrite: bool) -> None:
    """Raise UserError where something stands at a folder's place: another thing always, an export unless told."""
    if not folder.exists() and not folder.is_symlink():
        return
    if overwrite and read_manifest(folder) is not None:
        return
    if read_manifest(folder) is not None:
        raise UserError(f"--to {folder}: an export stands there; --overwrite replaces it, or choose another place")
    raise UserError(f"--to {folder}: something stands there that is no export; choose another place")


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Yield a hidden folder to fill; it takes its place when all went well, and is removed when not."""
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        hidden, old = (folder.with_name(f".{folder.name}.{word}") for word in ("partial", "replaced"))
        _remove(hidden, old, folder)
        hidden.mkdir()
        try:
            yield hidden
            _sync(hidden)
            if folder.exists():
                folder.rename(old)
            hidden.rename(folder)
            _sync_folder(folder.parent)
        finally:
            _remove(hidden, old, folder)


def _remove(hidden: Path, old: Path, folder: Path) -> None:
    """Remove what an export left behind; what it was about to replace goes back to its place if nothing took it."""
    if old.exists() and not folder.exists():
        old.rename(folder)
    for path in (hidden, old):
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a place for this process alone."""
    path = folder.with_name(f".{folder.name}.lock")
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"--to {folder}: another export is writing there; wait for it") from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            _sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
