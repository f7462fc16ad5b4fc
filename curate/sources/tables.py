"""Sources of rows with columns, one Document a row: Parquet, JSON, and data sets of the hub.

In: files here or on any fsspec store, or the name of a data set. Out: Documents with the columns to keep; beside them
the rows that cannot be one, with a reason.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar

import pyarrow as pa
from pydantic import field_validator

from curate.files.contents import Outside, digest, lines, outside
from curate.files.stores import find_files, name_below
from curate.llm.types import ModelSpec
from curate.sources import jsonl, parquet
from curate.sources.base import BaseSource, ListedSource, extent_of
from curate.sources.hub import WHOLE, Dataset
from curate.sources.parts import numbered
from curate.sources.rows import Cut, Rows, repeated, sort_out
from curate.sources.values import readable
from curate.stage import Columns, Made, Part, Volume

COLUMNS = ("id", "text", "source", "reason")


class _Columns(BaseSource):
    """What sources of rows with columns share."""

    text: str = "text"
    """The column that holds the text."""
    id: str | None = None
    """The column that holds a unique id; without one, ids are made from the file's name and the row's place."""
    keep: tuple[str, ...] = ()
    """Further columns to keep, under their own names."""

    @field_validator("keep")
    @classmethod
    def _no_clash(cls, keep: tuple[str, ...]) -> tuple[str, ...]:
        for name in keep:
            if name in COLUMNS:
                raise ValueError(f"{name!r} is a column of the tool's own; rename it in the data or leave it out")
        return keep

    def adds(self) -> Columns:
        """List the columns to keep; their types are known when they are read."""
        return dict.fromkeys(self.keep)

    @property
    def wanted(self) -> list[str]:
        """The columns to read."""
        return list(dict.fromkeys([self.text, *([self.id] if self.id else []), *self.keep]))

    def _made(self, table: pa.Table, head: str, part: Part) -> Made:
        """Make Documents of a part's table; `head` and a row's number say where it stood."""
        places = [f"{readable(head)}{part.start + row}" for row in range(table.num_rows)]
        ids = table.column(self.id) if self.id is not None else None
        keep = {name: table.column(name) for name in self.keep}
        return sort_out(Rows(places, table.column(self.text), ids, keep), self.name, self.max_bytes, part.repeats)


class _Files(_Columns, ListedSource):
    """What Parquet and JSON Lines share: files that are cut into parts."""

    path: str
    """A file or a glob, here or on any fsspec store; files are read in name order."""

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Raise UserError where there are no files."""
        find_files(self.path)

    def extent(self) -> str:
        """Say how many files there are, and how large; with `limit`, how many rows at most are read of them."""
        most = f", {self.limit:,} rows at most" if self.limit else ""
        return extent_of([file.size for file in find_files(self.path)]) + most

    def outside(self) -> list[Outside]:
        """List the files, by their names below the fixed part of the path."""
        return outside(find_files(self.path))

    def fingerprint(self) -> str:
        """Digest of the files' names, and of their sizes and times, or of their bytes."""
        return digest(lines(self.outside(), self.hash))

    def parts(self) -> list[Part]:
        """Cut the files into parts; if there is an id column, read it all and note the rows that repeat an id."""
        found: list[tuple[str, Cut]] = []

        def cuts() -> Iterator[Sequence[str | None]]:
            left = self.limit
            for file in find_files(self.path):
                for cut in self._cuts(file.url, left):
                    found.append((file.url, cut))
                    left = None if left is None else left - cut.rows
                    yield cut.ids
                    cut.ids = []
                if left == 0:
                    return

        repeats = list(repeated(cuts()))
        return numbered(found, repeats, self.path)

    @abstractmethod
    def _cuts(self, url: str, most: int | None) -> Iterator[Cut]:
        """Cut one file into parts of at most `most` rows in all."""


class ParquetFiles(_Files):
    """Read Parquet files, one Document a row."""

    VERSION: ClassVar[int] = 2
    THREADS: ClassVar[bool] = True

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Raise UserError where there are no files, or the first lacks a column or has one of a wrong type."""
        self._types()

    def adds(self) -> Columns:
        """List the columns to keep, with the types that they have in the first file; text is read as text."""
        return {name: kind for name, kind in self._types().items() if name in self.keep}

    def volume(self) -> Volume:
        """Return rows and bytes of text, by the footers of a few files and the sizes of all."""
        files = find_files(self.path)
        return Volume(*parquet.volume([(file.url, file.size) for file in files], self.text, self.limit))

    def _types(self) -> dict[str, pa.DataType]:
        return parquet.column_types(find_files(self.path)[0].url, self.wanted, self.text, self.id)

    def _cuts(self, url: str, most: int | None) -> Iterator[Cut]:
        return parquet.cut_file(url, self.wanted, self.text, self.id, self.shard_rows, self.shard_bytes, most)

    def read(self, part: Part) -> Made:
        """Read the rows of a part."""
        table = parquet.read_rows(part.paths[0], part.start, part.stop or 0, self.wanted)
        return self._made(table, f"{self.name}/{name_below(part.paths[0], self.path)}@", part)


class JsonLines(_Files):
    """Read JSON files (plain, .gz, .zst), one Document a line or an element of an array."""

    VERSION: ClassVar[int] = 2

    def _cuts(self, url: str, most: int | None) -> Iterator[Cut]:
        return jsonl.cut_file(url, self.wanted, self.id, self.shard_rows, self.shard_bytes, most, self.max_bytes)

    def read(self, part: Part) -> Made:
        """Read the lines of a part."""
        name = readable(f"{self.name}/{name_below(part.paths[0], self.path)}")
        columns = (self.text, self.id, self.keep)
        rows = jsonl.read_lines(part.paths[0], name, part.start, part.stop or 0, *columns, self.max_bytes)
        return sort_out(rows, self.name, self.max_bytes, part.repeats)


class Hub(_Columns):
    """Read a data set of the Hugging Face hub, or a local folder in its layout, through `datasets`.

    Pin `revision` for a corpus that must not change: without it, the hub's newest is read and the stage's key does
    not know which one that was.
    """

    VERSION: ClassVar[int] = 2

    hub: str
    """The data set's name on the hub, or a folder."""
    config: str | None = None
    """The data set's configuration, if it has several."""
    split: str = "train"
    """Which split to read."""
    revision: str | None = None
    """A commit or tag of the data set."""
    streaming: bool = True
    """Read over the network without storing it; otherwise download it first."""

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Raise UserError, soon, for a data set that is not there or a hub that does not answer."""
        self._dataset().check()

    def extent(self) -> str:
        """Say how many rows are read at most."""
        return f"{self.limit:,} rows at most" if self.limit else ""

    def volume(self) -> Volume:
        """Return the rows that are read, where a limit says so."""
        return Volume(self.limit)

    def parts(self) -> list[Part]:
        """Cut the data set into parts; if there is an id column, read it all and note the rows that repeat an id."""
        found: list[tuple[str, Cut]] = []

        def cuts() -> Iterator[Sequence[str | None]]:
            for unit, cut in self._dataset().cuts(self.wanted, self.id, self.shard_rows, self.limit):
                found.append((unit, cut))
                yield cut.ids
                cut.ids = []

        repeats = list(repeated(cuts()))
        return numbered(found, repeats, self.hub)

    def read(self, part: Part) -> Made:
        """Read the rows of a part."""
        table = self._dataset().read(part.paths[0], part.start, part.stop, self.wanted)
        head = f"{self.name}/{part.paths[0]}@" if part.paths[0] != WHOLE else f"{self.name}/"
        return self._made(table, head, part)

    def _dataset(self) -> Dataset:
        return Dataset(self.hub, self.config, self.split, self.revision, self.streaming)
