"""Wheels: what one says of itself, which Python files it holds, and their bytes.

In: the path of a wheel. Out: its Contents from its listing and its metadata; the bytes of a file. A wheel is read as
the zip archive that it is: nothing is unpacked to disk, and none of its code is run. Names that would lead out of a
folder, links, and files that cannot be unpacked are no Documents, and say why. What a file unpacks to is bounded by
what the listing says of it, and that by `max_bytes`; a wheel whose listing is boundless is refused.
"""

import errno
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from packaging.metadata import parse_email
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from curate.errors import DamagedFile, UserError
from curate.files.local import told_of
from curate.sources.encoding import python_as_utf8
from curate.sources.pins import Pin
from curate.sources.rows import DUPLICATE_ID, LINK, OUTSIDE, TOO_LARGE, UNREADABLE
from curate.text.licenses import stated_license

METADATA = re.compile(r"[^/]+\.dist-info/METADATA")
MOST_METADATA_BYTES = 10_000_000
MOST_FILES, MOST_BYTES = 200_000, 2_000_000_000
"""What one wheel may hold of Python: fifteen times what the largest that people install hold."""
PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""How wheels are packed. The other ways unpack without a bound."""
BROKEN = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError)
"""What `zipfile` raises for an archive or a file in it that is cut, broken or encrypted."""


@dataclass(frozen=True)
class Entry:
    """One Python file of a wheel: its place in the listing, its path, and how many bytes it unpacks to."""

    index: int
    path: str
    size: int


@dataclass(frozen=True)
class Contents:
    """What a wheel says of itself: name and version as indexes compare them, its licence (an SPDX expression, None if
    its metadata name none that is known), and its Python files in the order of their paths."""

    name: str
    version: str
    license: str | None
    files: tuple[Entry, ...]


@cache  # a plan asks several times; a wheel's path says its digest
def contents(path: Path) -> Contents:
    """Return what a wheel says of itself. Raises DamagedFile for what is no wheel, UserError for a boundless one."""
    with _opened(path) as archive:
        listing = archive.infolist()
        try:
            described = _described(archive, listing)
            raw, _ = parse_email(described)
            name, version = str(canonicalize_name(raw["name"])), str(Version(raw["version"]))
        except (*BROKEN, KeyError, InvalidVersion) as error:
            raise DamagedFile(f"{path} is no wheel: {error}; take it out of the list") from error
    license = stated_license(raw.get("license_expression"), raw.get("license"), raw.get("classifiers", []))
    files = [
        Entry(index, info.filename, info.file_size)
        for index, info in enumerate(listing)
        if info.filename.endswith(".py")
    ]
    size = sum(file.size for file in files)
    if len(files) > MOST_FILES or size > MOST_BYTES:
        raise UserError(
            f"{name} {version} claims to hold {len(files):,} Python files of {size / 1e6:,.0f} MB, more than any "
            f"package does; take it out of the list"
        )
    return Contents(name, version, license, tuple(sorted(files, key=lambda file: (file.path, file.index))))


def must_be(pin: Pin, path: Path) -> Contents:
    """Return what the wheel of a pin says of itself. Raises UserError if it is another package's, and as `contents`."""
    found = contents(path)
    if (found.name, found.version) != (pin.name, pin.version):
        raise UserError(
            f"{pin.name}=={pin.version}: the wheel with this hash is {found.name}=={found.version}; mend name, "
            f"version or hash in the list"
        )
    return found


def read_files(path: Path, indices: Sequence[int], max_bytes: int) -> Iterator[tuple[bytes, str | None]]:
    """Yield, for each place in a wheel's listing, the text in UTF-8 and None, or nothing and why it is no Document.

    Raises UserError or Trouble for a wheel that cannot be opened.
    """
    with _opened(path) as archive:
        listing = archive.infolist()
        first: dict[str, int] = {}
        for index, info in enumerate(listing):
            first.setdefault(info.filename, index)
        for index in indices:
            info = listing[index]
            reason = DUPLICATE_ID if first[info.filename] != index else _fault(info, max_bytes)
            content = b""
            if reason is None:
                try:
                    content = python_as_utf8(_unpacked(archive, info))
                except BROKEN:
                    reason = UNREADABLE
                except OSError as error:
                    raise told_of(error, str(path)) from error
            yield content, TOO_LARGE if len(content) > max_bytes else reason


def _fault(info: zipfile.ZipInfo, max_bytes: int) -> str | None:
    """Return why a file of an archive is no Document, as far as the listing tells."""
    name = info.filename
    if name.startswith("/") or "\\" in name or re.match(r"[A-Za-z]:", name) or ".." in name.split("/"):
        return OUTSIDE
    if stat.S_ISLNK(info.external_attr >> 16):
        return LINK
    if info.compress_type not in PACKED:
        return UNREADABLE
    return TOO_LARGE if info.file_size > max_bytes else None


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Return a file's bytes, no more than its listing says: `archive.read` would unpack all that there is first."""
    with archive.open(info) as stream:
        return stream.read(info.file_size)


def _described(archive: zipfile.ZipFile, listing: Sequence[zipfile.ZipInfo]) -> bytes:
    """Return the bytes of a wheel's metadata. Raises ValueError where there are none, or several."""
    found = [info for info in listing if METADATA.fullmatch(info.filename)]
    if len(found) != 1 or _fault(found[0], MOST_METADATA_BYTES):
        raise ValueError(f"{len(found)} files of metadata" if len(found) != 1 else "its metadata cannot be read")
    return _unpacked(archive, found[0])


def _opened(path: Path) -> zipfile.ZipFile:
    """Return an archive. Raises DamagedFile for what is none, UserError or Trouble for what cannot be read."""
    try:
        return zipfile.ZipFile(path)
    except OSError as error:
        if error.errno != errno.EINVAL:  # where the archive's own end points before its beginning
            raise told_of(error, str(path)) from error
        raise DamagedFile(f"{path} is no wheel: {error}; take it out of the list") from error
    except BROKEN as error:
        raise DamagedFile(f"{path} is no wheel: {error}; take it out of the list") from error
