"""Sources of files, one Document a file: those of a folder, and the Python that is installed.

In: a folder here or on any fsspec store, or nothing. Out: Documents with what is known of each file; beside them the
files that cannot be one, with a reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from curate.errors import DamagedFile, Trouble
from curate.files.contents import Outside, digest, lines, outside
from curate.files.local import is_link_to_nothing
from curate.files.stores import File, find_below, open_bytes
from curate.llm.types import ModelSpec
from curate.sources.base import BaseSource, ListedSource, extent_of
from curate.sources.encoding import WIDEST, as_utf8, has_wide_mark
from curate.sources.installed import installed_files
from curate.sources.parts import grouped, sample
from curate.sources.rows import LINK_TO_NOTHING, TOO_LARGE, UNREADABLE, Rows, sort_out
from curate.sources.values import readable
from curate.stage import Columns, Made, Part, Volume

FILE_COLUMNS = ("path", "package", "version", "license")


class Installed(ListedSource):
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
        return extent_of(self._sizes().values())

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
        return files_made(self, part.paths, contents, columns)

    def _sizes(self) -> dict[str, int]:
        sizes = {file.id: file.size for file in installed_files()}
        return {identity: sizes[identity] for identity in sample(list(sizes), self.limit)}


class Folder(ListedSource):
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
        return extent_of([file.size for file in self._files().values()])

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
        return files_made(self, ids, contents, {"path": list(part.paths)})

    def _files(self) -> dict[str, File]:
        files = {file.name: file for file in find_below(self.folder, self.pattern)}
        return {name: files[name] for name in sample(list(files), self.limit)}


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


def files_made(
    source: BaseSource,
    ids: Sequence[str],
    contents: Iterable[tuple[bytes, str | None]],
    columns: Mapping[str, list[Any]],
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
