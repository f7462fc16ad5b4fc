"""Files outside a run that a stage reads, and whether they are those of an earlier run.

A listing knows names, sizes and a mark of the version: on this machine the time of the last change, which `touch` and
`cp` set anew though the bytes are the same. So the digest of each file's bytes (sha256) is noted when a stage is done,
in `stages/<name>-<key>/outside.parquet`, and where names and sizes are those of an earlier run and only times differ,
the bytes decide: if they are the same, the files count with the times that they had. Files on other stores have a mark
of their own (S3's ETag follows from the bytes) and are not read for this.

With `hash: content` the bytes alone count, at the price of reading them all before every run.
"""

import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Literal

import pyarrow as pa

from curate.errors import UserError
from curate.files.shards import read_shard, write_shard
from curate.files.stores import File, is_local, locate, open_raw

FILE = "outside.parquet"
HashBy = Literal["listing", "content"]


@dataclass(frozen=True)
class Outside:
    """One file: a name that says which it is, how many bytes it has, the mark of its version, and where it is."""

    name: str
    size: int
    stamp: str
    url: str
    local: bool = True
    """Whether it lies on this machine."""


def outside(files: Iterable[File]) -> list[Outside]:
    """Return files as what a stage reads outside its run."""
    return [Outside(file.name, file.size, file.stamp, file.url, is_local(locate(file.url)[0])) for file in files]


def lines(files: Sequence[Outside], by: HashBy = "listing", earlier: Iterable[Path] = ()) -> list[str]:
    """Return a line for each file that changes when, and only when, the file does.

    `earlier` are directories of stages whose files these may be. Raises UserError or Trouble for what cannot be read.
    """
    if by == "content":
        return [f"{file.name}\t{file.size}\t{digest}" for file, digest in zip(files, _digests(files), strict=True)]
    stamps = _first_known(files, earlier) or [file.stamp for file in files]
    return [f"{file.name}\t{file.size}\t{stamp}" for file, stamp in zip(files, stamps, strict=True)]


def digest(lines: Iterable[str]) -> str:
    """Return the sha256 of lines."""
    return sha256("\n".join(lines).encode("utf-8", "surrogateescape")).hexdigest()


def note(files: Sequence[Outside], directory: Path) -> None:
    """Write down which files a stage has read, with the digests of their bytes; nothing where that stands already."""
    noted = _noted(directory)
    seen = [file.stamp for file in files]
    if noted is None:
        digests = iter(_digests([file for file in files if file.local]))
        found = [next(digests) if file.local else "" for file in files]
        earlier = sorted(directory.parent.glob(f"{directory.name.rpartition('-')[0]}-*"))
        stamps = _first_known(files, earlier) or seen  # those that its key rests on, so that it rests on itself alone
    elif noted.column("seen").to_pylist() != seen and _stamps_of_then(files, directory):
        stamps, found = noted.column("stamp").to_pylist(), noted.column("sha256").to_pylist()
    else:
        return
    names = pa.array([os.fsencode(file.name) for file in files], pa.binary())
    sizes = pa.array([file.size for file in files], pa.int64())
    table = {"name": names, "size": sizes, "stamp": stamps, "sha256": found, "seen": seen}
    write_shard(pa.table(table), directory / FILE)


def _noted(directory: Path) -> pa.Table | None:
    """Return what a stage noted; None where there is nothing, or nothing that can be read."""
    try:
        return read_shard(directory / FILE, ["name", "size", "stamp", "sha256", "seen"])
    except (UserError, OSError):
        return None


def _first_known(files: Sequence[Outside], earlier: Iterable[Path]) -> list[str] | None:
    """Return the marks that the files had for the first of these stages that read the same bytes."""
    return next((known for place in earlier if (known := _stamps_of_then(files, place))), None)


def _stamps_of_then(files: Sequence[Outside], directory: Path) -> list[str] | None:
    """Return the marks that the files had when a stage read them; None if they are other files or have other bytes."""
    noted = _noted(directory)
    if noted is None or noted.num_rows != len(files):
        return None
    then: list[str] = noted.column("stamp").to_pylist()
    if noted.column("size").to_pylist() != [file.size for file in files]:
        return None
    if noted.column("name").to_pylist() != [os.fsencode(file.name) for file in files]:
        return None
    shas, seen = noted.column("sha256").to_pylist(), noted.column("seen").to_pylist()
    changed = [row for row, file in enumerate(files) if file.stamp not in (then[row], seen[row])]
    if not all(shas[row] and files[row].local for row in changed):
        return None
    return then if _digests([files[row] for row in changed]) == [shas[row] for row in changed] else None


def _digests(files: Sequence[Outside]) -> list[str]:
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        return list(pool.map(_digest, files))


def _digest(file: Outside) -> str:
    with open_raw(file.url) as stream:
        return file_digest(stream, "sha256").hexdigest()  # type: ignore[arg-type]
