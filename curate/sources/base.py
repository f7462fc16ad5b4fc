"""What sources share: the settings that all have, and those of sources that know how large their units are.

In: nothing. Out: the classes that files.py, tables.py and packages.py build on, and how an extent is told.
"""

from collections.abc import Collection
from typing import ClassVar

from pydantic import ConfigDict, Field

from curate.files.contents import HashBy
from curate.stage import Source


class BaseSource(Source):
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


class PackedSource(BaseSource):
    """What sources share that know how large their units are before they read them; the hub does not tell."""

    shard_mb: float = Field(default=64, gt=0, allow_inf_nan=False)
    """Text in a shard, about, at most; a worker holds up to three times as much."""

    @property
    def shard_bytes(self) -> int:
        """The text of a shard, in bytes of UTF-8."""
        return int(self.shard_mb * 1e6)


class ListedSource(PackedSource):
    """What sources share of files that may change where they lie."""

    hash: HashBy = "listing"
    """How a changed file is known: by its name, size and time, or (content) by all its bytes, read before each run."""

    PLACES: ClassVar[frozenset[str]] = frozenset({"folder", "path", "hash"})


def extent_of(sizes: Collection[int]) -> str:
    """Say how many files there are, and how large."""
    files = f"{len(sizes):,} file{'s' if len(sizes) != 1 else ''}"
    return f"{files}, {sum(sizes) / 1e6:,.3g} MB"
