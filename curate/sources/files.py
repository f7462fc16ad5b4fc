"""Files behind a path or a glob, on this machine or on any fsspec store (s3://, gs://, hf://, memory://, ...).

In: a path, a glob or a folder. Out: `File`s in name order, and open streams of their bytes (decompressed where the
name ends in .gz or .zst). Credentials come from the environment, the way each store's own tools read them.
Not covered: archives (.zip, .tar).
"""

import io
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import PurePosixPath
from typing import IO, Any

import fsspec
import pyarrow as pa

from curate.errors import UserError

MAGIC = "*?["
COMPRESSIONS = {"gz": "gzip", "zst": "zstd"}
BUFFER = 1 << 20
STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "blob_id", "generation", "created")
"""What stores call the mark that changes with a file's content; the first one present is used."""


@dataclass(frozen=True)
class File:
    """One file: where it is, its name below the fixed part of the pattern, its bytes, and a mark of its version."""

    url: str
    name: str
    size: int
    stamp: str


def find_files(pattern: str) -> list[File]:
    """Return the files that a path or glob names, in name order. Raises UserError where there are none."""
    system, path = locate(pattern)
    found = system.glob(path, detail=True) if any(mark in path for mark in MAGIC) else _one(system, path)
    files = _files(system, found, _fixed(path))
    if not files:
        raise UserError(f"no file matches {pattern!r}; check the path (relative ones start where the command runs)")
    return files


def find_below(folder: str, pattern: str) -> list[File]:
    """Return the files below a folder in name order: a pattern without `/` is matched with the file's name at any
    depth, one with `/` with its path below the folder. Hidden files and folders, and links, are left out.

    Raises UserError where there are none.
    """
    system, path = locate(folder)
    if not system.isdir(path):
        raise UserError(f"no folder {folder!r}; check the path (relative ones start where the command runs)")
    whole = "/" in pattern
    every = _files(system, system.find(path, detail=True), path.rstrip("/"))
    files = [file for file in every if fnmatch(file.name if whole else file.name.rpartition("/")[2], pattern)]
    if not files:
        raise UserError(f"no file below {folder!r} matches {pattern!r}{_instead(every)}")
    return files


def _instead(files: Iterable[File]) -> str:
    """Say which files there are where none was wanted, and what to do about them."""
    kinds = Counter(PurePosixPath(file.name).suffix or "without an ending" for file in files)
    if not kinds:
        return "; it holds no files"
    told = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common(3))
    step = "save notebooks as scripts (jupyter nbconvert --to script)" if ".ipynb" in kinds else "name another folder"
    return f"; it holds {told}: only Python is read here, so {step}, or give the `pattern:` of your Python files"


def name_below(url: str, pattern: str) -> str:
    """Return the name that `find_files(pattern)` gives the file at `url`."""
    return locate(url)[1].removeprefix(_fixed(locate(pattern)[1])).lstrip("/")


def locate(url: str) -> tuple[Any, str]:
    """Return the file system of a path and the path in it. Raises UserError for a store that cannot be opened."""
    try:
        system, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise UserError(f"cannot open {url!r}: {error}") from error
    return system, str(path)


@contextmanager
def open_bytes(url: str) -> Iterator[IO[bytes]]:
    """Open a file for reading, decompressed by its name. Raises UserError, also midway, for what cannot be read."""
    system, path = locate(url)
    try:
        with system.open(path, "rb") as raw:
            kind = COMPRESSIONS.get(path.rpartition(".")[2])
            # Arrow's decompressors read joined frames and refuse a cut one; zstandard's reader ends there in silence.
            yield io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, "r"), kind), BUFFER) if kind else raw
    except OSError as error:
        raise UserError(f"cannot read {url}: {error}; replace or remove the file") from error


def digest_line(file: File) -> str:
    """Return the line that stands for a file in a fingerprint."""
    return f"{file.name}\t{file.size}\t{file.stamp}"


def _fixed(path: str) -> str:
    """Return the folder above the first wildcard, or above the file where there is none."""
    first = min((path.find(mark) for mark in MAGIC if mark in path), default=len(path))
    return path[:first].rpartition("/")[0]


def _one(system: Any, path: str) -> dict[str, Any]:
    return {path: system.info(path)} if system.isfile(path) else {}


def _files(system: Any, found: dict[str, Any], base: str) -> list[File]:
    """Turn a store's listing into Files, each once."""
    files = []
    for path, info in found.items():
        name = path.removeprefix(base).lstrip("/")
        hidden = any(step.startswith(".") for step in name.split("/"))
        if info["type"] != "file" or hidden or info.get("islink"):
            continue
        stamp = next((str(info[key]) for key in STAMPS if info.get(key) is not None), "")
        files.append(File(_url(system, path), name, int(info["size"] or 0), stamp))
    return sorted(files, key=lambda file: file.name)


def _url(system: Any, path: str) -> str:
    return path if "file" in system.protocol else str(system.unstrip_protocol(path))


def is_plain_file(path: str) -> os.stat_result | None:
    """Return the status of a regular file on this machine (links followed), or None for anything else."""
    try:
        status = os.stat(path)  # noqa: PTH116 - twice as fast as Path.stat, for tens of thousands of files
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None
