"""Files behind a path or a glob, on this machine or on any fsspec store (s3://, gs://, hf://, memory://, ...).

In: a path, a glob or a folder. Out: `File`s in name order, and open streams of their bytes (decompressed where the
name ends in .gz or .zst). On this machine links are followed (curate/files/local.py). Credentials come from the
environment, the way each store's own tools read them. Trouble on the way is raised and never taken for an empty folder
or a bad file. Not covered: archives (.zip, .tar).
"""

import io
import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import PurePosixPath
from typing import IO, Any

import fsspec
import pyarrow as pa
from fsspec.asyn import AsyncFileSystem
from fsspec.utils import glob_translate

from curate.errors import DamagedFile, UserError
from curate.files.local import Status, files_below, told_of
from curate.files.steady import SteadyFile, patiently
from curate.machine.network import unreachable_hub

MAGIC = "*?["
COMPRESSIONS = {"gz": "gzip", "zst": "zstd"}
BUFFER = 1 << 20
STAMPS = ("ETag", "etag", "mtime", "LastModified", "last_modified", "blob_id", "generation", "created")
"""What stores call the mark that changes with a file's content; the first one present is used."""
NOWHERE = "nowhere"
"""The stamp of a link to nothing."""


@dataclass(frozen=True)
class File:
    """One file: where it is, its name below the fixed part of the pattern, its bytes, and a mark of its version."""

    url: str
    name: str
    size: int
    stamp: str


def find_files(pattern: str) -> list[File]:
    """Return the files that a path or glob names, in name order.

    Raises UserError where there are none, and for a link to nothing.
    """
    _must_be_near(pattern)
    system, path = locate(pattern)
    files = _local_files(path) if is_local(system) else _stored_files(system, path, pattern)
    if not files:
        raise UserError(f"no file matches {pattern!r}; check the path (relative ones start where the command runs)")
    for file in files:
        if file.stamp == NOWHERE:
            raise UserError(f"{file.url} is a link to nothing; fetch what it stands for, or remove it")
    return files


def find_below(folder: str, pattern: str) -> list[File]:
    """Return the files below a folder in name order: a pattern without `/` is matched with the file's name at any
    depth, one with `/` with its path below the folder. Hidden files and folders are left out; a link to nothing is a
    File with the stamp NOWHERE.

    Raises UserError where there are none.
    """
    _must_be_near(folder)
    whole = "/" in pattern
    files = _below(folder, lambda name: fnmatch(name if whole else name.rpartition("/")[2], pattern))
    if not files:
        raise UserError(f"no file below {folder!r} matches {pattern!r}{_instead(_below(folder, lambda _: True))}")
    return files


def _must_be_near(url: str) -> None:
    """Raise UserError, soon, for a place on the hub where that does not answer: its own client would go on trying."""
    if url.startswith("hf://") and (why := unreachable_hub()):
        raise UserError(
            f"{url} is read over the network, and the hub cannot be reached ({why}); name a folder or files of this "
            f"machine instead (folder:, path:)"
        )


def _below(folder: str, wanted: Callable[[str], bool]) -> list[File]:
    system, path = locate(folder)
    is_there = os.path.isdir(path) if is_local(system) else _info(system, path, folder).get("type") == "directory"  # noqa: PTH112
    if not is_there:
        raise UserError(f"no folder {folder!r}; check the path (relative ones start where the command runs)")
    if is_local(system):
        return _in_order(path, files_below(path, wanted))
    found = patiently(partial(system.find, path, detail=True, **_loud(system)), folder)
    return [file for file in _files(system, found, path.rstrip("/")) if wanted(file.name)]


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


def is_local(system: Any) -> bool:
    """Tell whether a file system is this machine's own."""
    return "file" in system.protocol


@contextmanager
def open_raw(url: str) -> Iterator[IO[bytes]]:
    """Open a file's bytes as they are. Raises UserError or Trouble, also midway."""
    system, path = locate(url)
    if not is_local(system):
        with io.BufferedReader(SteadyFile(system, path, url), BUFFER) as stream:
            yield stream
        return
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - for tens of thousands of files
            yield file
    except OSError as error:
        raise told_of(error, url) from error


@contextmanager
def open_bytes(url: str) -> Iterator[IO[bytes]]:
    """Open a file for reading, decompressed by its name. Raises as `open_raw`, and DamagedFile for broken compression,
    also midway."""
    kind = COMPRESSIONS.get(url.rpartition(".")[2])
    with open_raw(url) as raw:
        if kind is None:
            yield raw
            return
        try:
            # Arrow's decompressors read joined frames and refuse a cut one; zstandard's reader ends there in silence.
            yield io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(raw, "r"), kind), BUFFER)
        except OSError as error:
            if error.errno not in (None, 0):
                raise
            raise DamagedFile(f"cannot read {url}: {error}; replace or remove the file") from error


def _fixed(path: str) -> str:
    """Return the folder above the first wildcard, or above the file where there is none."""
    first = min((path.find(mark) for mark in MAGIC if mark in path), default=len(path))
    return path[:first].rpartition("/")[0]


def _local_files(path: str) -> list[File]:
    """Return what a path or glob names on this machine."""
    base = _fixed(path)
    if not any(mark in path for mark in MAGIC):
        try:
            status: Status = os.stat(path)  # noqa: PTH116
        except OSError as error:
            if isinstance(error, PermissionError):
                raise told_of(error, path) from error
            status = None
            if not os.path.islink(path):  # noqa: PTH114
                return []
        return _in_order(base, {path.removeprefix(base).lstrip("/"): status})
    if not os.path.isdir(base or "/"):  # noqa: PTH112
        return []
    levels = None if "**" in path else path.removeprefix(base).strip("/").count("/") + 1
    is_named = re.compile(glob_translate(path)).match
    return _in_order(base, files_below(base, lambda name: is_named(f"{base}/{name}"), levels))


def _in_order(base: str, found: dict[str, Status]) -> list[File]:
    """Return files of this machine in name order; what is no plain file is left out."""
    files = []
    for name, status in sorted(found.items()):
        url = f"{base.rstrip('/')}/{name}"
        if status is None:
            files.append(File(url, name, 0, NOWHERE))
        elif stat.S_ISREG(status.st_mode):
            files.append(File(url, name, status.st_size, str(status.st_mtime_ns)))
    return files


def _stored_files(system: Any, path: str, pattern: str) -> list[File]:
    """Return what a path or glob names on a store."""
    if any(mark in path for mark in MAGIC):
        try:
            found = patiently(partial(system.glob, path, detail=True, **_loud(system)), pattern)
        except FileNotFoundError:
            return []
    else:
        info = _info(system, path, pattern)
        found = {path: info} if info.get("type") == "file" else {}
    return _files(system, found, _fixed(path))


def _info(system: Any, path: str, url: str) -> dict[str, Any]:
    """Return what a store knows of a path; nothing where there is none."""
    try:
        return dict(patiently(partial(system.info, path), url))
    except FileNotFoundError:
        return {}


def _loud(system: Any) -> dict[str, str]:
    """Return the option that lets a listing raise what goes wrong in a subfolder, where it would leave that out."""
    own = type(system)._find if isinstance(system, AsyncFileSystem) else type(system).find
    default = AsyncFileSystem._find if isinstance(system, AsyncFileSystem) else fsspec.AbstractFileSystem.find
    return {"on_error": "raise"} if own is default else {}


def _files(system: Any, found: dict[str, Any], base: str) -> list[File]:
    """Turn a store's listing into Files."""
    files = []
    for path, info in found.items():
        name = path.removeprefix(base).lstrip("/")
        hidden = any(step.startswith(".") for step in name.split("/"))
        if info["type"] != "file" or hidden:
            continue
        stamp = next((str(info[key]) for key in STAMPS if info.get(key) is not None), "")
        files.append(File(str(system.unstrip_protocol(path)), name, int(info["size"] or 0), stamp))
    return sorted(files, key=lambda file: file.name)


def is_plain_file(path: str) -> os.stat_result | None:
    """Return the status of a regular file on this machine (links followed), or None for anything else."""
    try:
        status = os.stat(path)  # noqa: PTH116 - twice as fast as Path.stat, for tens of thousands of files
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None
