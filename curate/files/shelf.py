"""Decoded shards that a stage comes back to, so that each is decompressed once and not at every pass.

A stage that learns from all shards before it judges them goes through them in the same order two or three times.
So what was read first stays, and once the room is taken the rest is read anew each time: dropping the oldest for the
newest would lose every shard just before it is wanted again. A shelf belongs to one process; a copy that is sent to
another one is empty and keeps nothing.
"""

from pathlib import Path
from threading import Lock

import pyarrow as pa

from curate.files.shards import read_shard


class Shelf:
    """Holds decoded shards of at most `room` bytes in all. Threads may share it."""

    def __init__(self, room: float = 0) -> None:
        self._room = room
        self._tables: dict[Path, pa.Table] = {}
        self._lock = Lock()

    def read(self, path: Path, columns: list[str] | None = None) -> pa.Table:
        """Return a shard, or some of its columns, as `read_shard` does. A whole one stays here if it finds room."""
        table = self._tables.get(path)
        if table is not None:
            return table if columns is None else table.select(columns)
        table = read_shard(path, columns)
        if columns is None:
            self._put(path, table)
        return table

    def take(self, path: Path) -> pa.Table:
        """Return a shard for the last time: its room is free again."""
        with self._lock:
            table = self._tables.pop(path, None)
            if table is not None:
                self._room += table.nbytes
        return read_shard(path) if table is None else table

    def _put(self, path: Path, table: pa.Table) -> None:
        with self._lock:
            if path not in self._tables and table.nbytes <= self._room:
                self._tables[path] = table
                self._room -= table.nbytes

    def __reduce__(self) -> "tuple[type[Shelf], tuple[()]]":
        """Leave the tables here when this is sent elsewhere."""
        return Shelf, ()
