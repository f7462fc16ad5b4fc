"""Sources: outside data in, Documents out.

`source_from(name, settings)` turns one entry of a recipe's `sources:` into a Source by the key it holds:

    {installed: true, limit: 6000}                            the Python files on this machine
    {folder: "src/", pattern: "*.py"}                         a folder of source files
    {path: "data/*.parquet", text: content, id: hexsha}       Parquet files (.parquet)
    {path: "data/*.jsonl.zst", text: content, keep: [repo]}   JSON Lines or arrays of objects (.jsonl, .json, .ndjson,
                                                              plain, .gz, .zst; UTF-8, or UTF-16 or -32 by its mark)
    {hub: bigcode/the-stack-smol, split: train, text: content}   a data set of the Hugging Face hub

`path` and `folder` may lie on any fsspec store (s3://, gs://, hf://, ...). Every row read becomes a Document or a
rejected row with a reason (curate/sources/rows.py). Ids: those of the `id` column, else made from the source's name,
the file's name and the row's place in it. Ids of an `id` column are compared over the whole source before anything is
read; of rows with the same id the first in source order stays, the others are rejected as "duplicate id". Ids of two
sources with `id` columns are not compared with each other.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import ConfigDict, Field, field_validator

from curate.errors import DamagedFile, Trouble, UserError, did_you_mean
from curate.files.contents import HashBy, Outside, digest, lines, outside
from curate.files.local import is_link_to_nothing
from curate.files.stores import File, find_below, find_files, name_below, open_bytes
from curate.llm.types import ModelSpec
from curate.sources import jsonl, parquet
from curate.sources.encoding import WIDEST, as_utf8, has_wide_mark
from curate.sources.hub import WHOLE, Dataset
from curate.sources.installed import installed_files
from curate.sources.parts import grouped, numbered, sample
from curate.sources.rows import LINK_TO_NOTHING, TOO_LARGE, UNREADABLE, Cut, Rows, repeated, sort_out
from curate.sources.values import readable
from curate.stage import Columns, Made, Part, Source, Volume

COLUMNS = ("id", "text", "source", "reason")
JSON_LINES = (".jsonl", ".json", ".ndjson")


def source_from(name: str, settings: Mapping[str, Any]) -> Source:
    """Return the Source that a recipe's entry describes; the key it holds says which kind it is.

    Raises UserError for an entry of no kind and for an unknown key, pydantic's ValidationError for a wrong value.
    """
    kinds = [key for key in ("installed", "folder", "path", "hub") if key in settings]
    if len(kinds) != 1:
        given = ", ".join(map(str, settings)) or "nothing"
        raise UserError(f"give exactly one of `installed: true`, `folder:`, `path:` and `hub:`; given: {given}")
    values = dict(settings)
    kind: type[_Base]
    if kinds == ["installed"]:
        if values.pop("installed") is not True:
            raise UserError(f"installed: {settings['installed']!r} will not do; write `installed: true`")
        kind = Installed
    elif kinds == ["path"]:
        kind = _kind_of_path(str(values["path"]))
    else:
        kind = Folder if kinds == ["folder"] else Hub
    known = [*(field for field in kind.model_fields if field != "name"), *(["installed"] if kind is Installed else [])]
    for key in settings:
        if key not in known:
            raise UserError(f"unknown key {key!r}{did_you_mean(str(key), known)}")
    return kind(name=name, **values)


def _kind_of_path(path: str) -> "type[ParquetFiles] | type[JsonLines]":
    name = path.removesuffix(".gz").removesuffix(".zst")
    if path.endswith(".parquet"):
        return ParquetFiles
    if name.endswith(JSON_LINES):
        return JsonLines
    raise UserError(
        f"path: {path!r} must end in .parquet, .jsonl, .json or .ndjson (the last three also with .gz or .zst); "
        f"for source files use `folder:`"
    )


class _Base(Source):
    """What all sources share."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    name: str = "source"
    """The source's key in the recipe; it becomes the `source` column and the head of made-up ids."""
    limit: int | None = Field(default=None, ge=1)
    """Read at most this many rows."""
    shard_rows: int = Field(default=5000, ge=1)
    """Documents in a shard, at most."""
    max_mb: float = Field(default=64, gt=0, allow_inf_nan=False)
    """Larger texts are rejected."""

    @property
    def max_bytes(self) -> int:
        """The largest text, in bytes of UTF-8."""
        return int(self.max_mb * 1e6)


class _Sized(_Base):
    """What sources share that know how large their units are before they read them; the hub does not tell."""

    shard_mb: float = Field(default=64, gt=0, allow_inf_nan=False)
    """Text in a shard, about, at most; a worker holds up to three times as much."""
    hash: HashBy = "listing"
    """How a changed file is known: by its name, size and time, or (content) by all its bytes, read before each run."""

    PLACES: ClassVar[frozenset[str]] = frozenset({"folder", "path", "hash"})

    @property
    def shard_bytes(self) -> int:
        """The text of a shard, in bytes of UTF-8."""
        return int(self.shard_mb * 1e6)


FILE_COLUMNS = ("path", "package", "version", "license")


class Installed(_Sized):
    """Read the Python files that come with the interpreter and its packages.

    Columns: path, package, version, license (as the package states it). With `limit`, a sample drawn by the hash of
    each file's id, so that the same installation gives the same sample.
    """

    shard_rows: int = Field(default=1000, ge=1)
    """Documents in a shard, at most."""

    def adds(self) -> Columns:
        """List what is known of a file."""
        return dict.fromkeys(FILE_COLUMNS, pa.large_string())

    def fingerprint(self) -> str:
        """Digest of the files' ids (package, version, path) and sizes: the same versions give the same digest.
        With `hash: content` of their bytes too."""
        files = self._sizes()
        places = {file.id: file.location for file in installed_files()}
        return digest(lines([Outside(name, size, "", places[name]) for name, size in files.items()], self.hash))

    def extent(self) -> str:
        """Say how many files there are, and how large."""
        return _extent(self._sizes().values())

    def volume(self) -> Volume:
        """Return the number of files, and their bytes."""
        sizes = self._sizes().values()
        return Volume(len(sizes), sum(sizes))

    def parts(self) -> list[Part]:
        """List the ids of the files to read, as many to a part as fit a shard."""
        return grouped(self._sizes(), self.shard_rows, self.shard_bytes)

    def read(self, part: Part) -> Made:
        """Read the files of a part."""
        by_id = {file.id: file for file in installed_files()}
        files = [by_id[identity] for identity in part.paths]
        contents = (_content(file.location, file.size, self.max_bytes) for file in files)
        columns = {name: [getattr(file, name) for file in files] for name in FILE_COLUMNS}
        return _files_made(self, part.paths, contents, columns)

    def _sizes(self) -> dict[str, int]:
        sizes = {file.id: file.size for file in installed_files()}
        return {identity: sizes[identity] for identity in sample(list(sizes), self.limit)}


class Folder(_Sized):
    """Read a folder of source files, one Document a file.

    Columns: path (below the folder). Links are followed, each file is read once; hidden files and folders are left
    out. A file with the mark of UTF-16 or UTF-32 is read as that. With `limit`, a sample drawn by the hash of each
    file's path.
    """

    VERSION: ClassVar[int] = 2

    folder: str
    """Where: a folder here or on any fsspec store."""
    pattern: str = "*.py"
    """Which files: matched with the name at any depth, or with the path below the folder if it holds a `/`."""
    shard_rows: int = Field(default=1000, ge=1)
    """Documents in a shard, at most."""

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Raise UserError for a folder without such files."""
        find_below(self.folder, self.pattern)

    def adds(self) -> Columns:
        """List what is known of a file."""
        return {"path": pa.large_string()}

    def outside(self) -> list[Outside]:
        """List the files, by their paths below the folder."""
        return outside(self._files().values())

    def fingerprint(self) -> str:
        """Digest of the files' paths, and of their sizes and times, or of their bytes."""
        return digest(lines(self.outside(), self.hash))

    def extent(self) -> str:
        """Say how many files there are, and how large."""
        return _extent([file.size for file in self._files().values()])

    def volume(self) -> Volume:
        """Return the number of files, and their bytes."""
        files = self._files().values()
        return Volume(len(files), sum(file.size for file in files))

    def parts(self) -> list[Part]:
        """List the files to read, as many to a part as fit a shard."""
        sizes = {name: file.size for name, file in self._files().items()}
        return grouped(sizes, self.shard_rows, self.shard_bytes)

    def read(self, part: Part) -> Made:
        """Read the files of a part."""
        base = self.folder.rstrip("/")
        contents = (_content(f"{base}/{path}", None, self.max_bytes) for path in part.paths)
        ids = [f"{self.name}/{path}" for path in part.paths]
        return _files_made(self, ids, contents, {"path": list(part.paths)})

    def _files(self) -> dict[str, File]:
        files = {file.name: file for file in find_below(self.folder, self.pattern)}
        return {name: files[name] for name in sample(list(files), self.limit)}


class _Columns(_Base):
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


class _Files(_Columns, _Sized):
    """What Parquet and JSON Lines share: files that are cut into parts."""

    path: str
    """A file or a glob, here or on any fsspec store; files are read in name order."""

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Raise UserError where there are no files."""
        find_files(self.path)

    def extent(self) -> str:
        """Say how many files there are, and how large; with `limit`, how many rows at most are read of them."""
        most = f", {self.limit:,} rows at most" if self.limit else ""
        return _extent([file.size for file in find_files(self.path)]) + most

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


def _extent(sizes: Collection[int]) -> str:
    files = f"{len(sizes):,} file{'s' if len(sizes) != 1 else ''}"
    return f"{files}, {sum(sizes) / 1e6:,.3g} MB"


def _content(url: str, size: int | None, max_bytes: int) -> tuple[bytes, str | None]:
    """Return a file's text in UTF-8, or what is left of it and why it cannot be a Document: a reason that lies in the
    file itself. Raises UserError and Trouble for all others."""
    if size is not None and size > max_bytes:
        return b"", TOO_LARGE
    try:
        with open_bytes(url) as stream:
            raw = stream.read(max_bytes + 1)
            if len(raw) > max_bytes and has_wide_mark(raw):
                raw += stream.read(WIDEST * max_bytes)
    except DamagedFile:
        return b"", UNREADABLE
    except Trouble:
        if is_link_to_nothing(url):
            return b"", LINK_TO_NOTHING
        raise
    content = as_utf8(raw)
    return content, (TOO_LARGE if len(content) > max_bytes or len(raw) > WIDEST * max_bytes else None)


def _files_made(
    source: _Base, ids: Sequence[str], contents: Iterable[tuple[bytes, str | None]], columns: Mapping[str, list[Any]]
) -> Made:
    """Make Documents of files, with the columns that describe them."""
    texts, reasons = zip(*contents, strict=True)
    faults = {row: reason for row, reason in enumerate(reasons) if reason is not None}
    keep = {
        name: pa.array([each and readable(each) for each in values], pa.string()) for name, values in columns.items()
    }
    return sort_out(
        Rows([readable(each) for each in ids], pa.array(texts, pa.large_binary()), None, keep, faults),
        source.name,
        source.max_bytes,
    )
