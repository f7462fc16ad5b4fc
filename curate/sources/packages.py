"""The source `packages`: the Python files of wheels that a list pins, each under the licence that its package states.

In: a list of pins (pins.py), which pip's index is asked for once (fetching.py). Out: Documents with the id
`name/version/path`; beside them the files that cannot be one (wheels.py), with a reason. A package that is not
permissive by its metadata is a mistake in the list: the source refuses to begin. What single files say of their own
licence is a matter of `filter.license`.
"""

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter, itemgetter
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
from pydantic import Field

from curate.errors import UserError
from curate.files.contents import digest
from curate.llm.types import ModelSpec
from curate.progress import Progress
from curate.sources.base import PackedSource, extent_of
from curate.sources.fetching import batches, check_pip, fetch, missing, place
from curate.sources.files import FILE_COLUMNS, files_made
from curate.sources.parts import grouped, sample
from curate.sources.pins import Pin, read_pins
from curate.sources.wheels import Contents, must_be, read_files
from curate.stage import Columns, Made, Part, Volume
from curate.text.licenses import ALLOWED, check_identifiers, is_allowed


@dataclass(frozen=True)
class Unit:
    """One file of one wheel, as a part names it, so that a worker needs no list."""

    sha256: str
    index: int
    name: str
    version: str
    path: str

    def __str__(self) -> str:
        return f"{self.sha256}:{self.index}:{self.id}"

    @classmethod
    def of(cls, text: str) -> "Unit":
        """Read what `str` wrote."""
        sha256, index, identity = text.split(":", 2)
        return cls(sha256, int(index), *identity.split("/", 2))

    @property
    def id(self) -> str:
        """The Document's id."""
        return f"{self.name}/{self.version}/{self.path}"

    @property
    def pin(self) -> Pin:
        """The wheel's pin."""
        return Pin(self.name, self.version, self.sha256)


class Packages(PackedSource):
    """Read the Python files of wheels that a list pins by name, version and hash.

    The list has pip's format: lines of `name==version --hash=sha256:...`. pip fetches what is not in the cache folder
    (~/.cache/curate/packages), from the index that it is configured for; no code of a package is run. A package whose
    metadata state no licence, or one that is not allowed, is refused before anything is read. Columns: path, package,
    version, license (an SPDX expression). With `limit`, packages are drawn by their hash until they hold so many
    files, and of these files a sample: no others are fetched.
    """

    PLACES: ClassVar[frozenset[str]] = frozenset({"packages"})

    packages: Path
    """The list: a text file."""
    shard_rows: int = Field(default=1000, ge=1)
    """Documents in a shard, at most."""
    allow: list[str] = Field(default=list(ALLOWED), min_length=1)
    """SPDX identifiers of the licences that a package may have."""

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Read the list, and refuse what is known of packages that were fetched before."""
        check_identifiers(self.allow)
        pins = read_pins(self.packages)
        gone = set(missing(pins))
        self._refuse((pin, must_be(pin, place(pin))) for pin in pins if pin not in gone)
        if gone:
            check_pip()

    def adds(self) -> Columns:
        """List what is known of a file."""
        return dict.fromkeys(FILE_COLUMNS, pa.large_string())

    def fingerprint(self) -> str:
        """Digest of the packages' names, versions and hashes."""
        return digest(map(str, read_pins(self.packages)))

    def extent(self) -> str:
        """Say how many packages there are, and how many files of what size, or how many must be fetched first."""
        pins = read_pins(self.packages)
        told = f"{len(pins):,} package{'s' if len(pins) != 1 else ''}"
        files = self._files(None)
        if files is not None:
            return f"{told}, {extent_of(files.values())}"
        most = f", {self.limit:,} files at most" if self.limit else ""
        return f"{told}, {len(missing(pins)):,} to fetch{most}"

    def volume(self) -> Volume:
        """Return the number of files and their bytes, where their packages have been fetched."""
        files = self._files(None)
        return Volume(self.limit) if files is None else Volume(len(files), sum(files.values()))

    def prepare(self, progress: Progress) -> None:
        """Fetch what is not there."""
        self._files(progress)

    def parts(self) -> list[Part]:
        """List the files to read, as many to a part as fit a shard."""
        return grouped(self._files(Progress()) or {}, self.shard_rows, self.shard_bytes)

    def read(self, part: Part) -> Made:
        """Read the files of a part."""
        units = [Unit.of(path) for path in part.paths]
        licenses: list[str | None] = []

        def read() -> Iterator[tuple[bytes, str | None]]:
            for pin, files in groupby(units, attrgetter("pin")):
                fetch([pin], Progress())  # where a worker has a cache folder of its own
                group = list(files)
                licenses.extend([must_be(pin, place(pin)).license] * len(group))
                yield from read_files(place(pin), [unit.index for unit in group], self.max_bytes)

        content = list(read())
        columns: dict[str, list[Any]] = {
            "path": [unit.path for unit in units],
            "package": [unit.name for unit in units],
            "version": [unit.version for unit in units],
            "license": licenses,
        }
        return files_made(self, [unit.id for unit in units], content, columns)

    def _files(self, progress: Progress | None) -> dict[str, int] | None:
        """Return the units that are read with the sizes of their files, in the order of the packages' names and the
        files' paths. What is not there is fetched; without a progress nothing is, and None tells that something is
        missing."""
        pins = read_pins(self.packages)
        drawn: list[tuple[Pin, Contents]] = []
        left = math.inf if self.limit is None else self.limit
        for batch in [pins] if self.limit is None else batches(_shuffled(pins)):
            if progress is None and missing(batch):
                return None
            fetch(batch, progress or Progress())
            for pin in batch:
                if left > 0:
                    drawn.append((pin, must_be(pin, place(pin))))
                    left -= len(drawn[-1][1].files)
            if left <= 0:
                break
        self._refuse(drawn)
        sizes = {
            str(Unit(pin.sha256, file.index, pin.name, pin.version, file.path)): file.size
            for pin, found in sorted(drawn, key=itemgetter(0))
            for file in found.files
        }
        return {unit: sizes[unit] for unit in sample(list(sizes), self.limit)}

    def _refuse(self, packages: Iterable[tuple[Pin, Contents]]) -> None:
        """Raise UserError with the packages that are not under an allowed licence."""
        refused = [
            f"{pin.name} ({found.license or 'none stated'})"
            for pin, found in packages
            if found.license is None or not is_allowed(found.license, self.allow)
        ]
        if refused:
            raise UserError(
                f"{self.packages}: not permissive by what their metadata state: {', '.join(refused)}; take them "
                f"out of the list, or name their licences under `allow:`"
            )


def _shuffled(pins: Iterable[Pin]) -> list[Pin]:
    """Return pins in the order of their hashes."""
    return sorted(pins, key=lambda pin: hashlib.blake2b(str(pin).encode()).digest())
