"""From listings to parts: numbering, grouping, sampling and digests that every source shares."""

import hashlib
from collections.abc import Mapping, Sequence

from curate.errors import UserError
from curate.sources.rows import Cut
from curate.stage import Part


def numbered(cuts: Sequence[tuple[str, Cut]], repeats: Sequence[tuple[int, ...]], where: str) -> list[Part]:
    """Return the cuts (file, cut) as parts in their order. Raises UserError where there are none."""
    if not cuts:
        raise UserError(f"no rows in {where!r}; check the data")
    return [
        Part(_number(index), (unit,), cut.start, cut.stop if cut.rows else None, repeats[index])
        for index, (unit, cut) in enumerate(cuts)
    ]


def grouped(sizes: Mapping[str, int], most: int, most_bytes: int) -> list[Part]:
    """Return parts of at most `most` names each, and of at most so many bytes where one name is not larger alone."""
    groups: list[list[str]] = []
    filled = 0
    for name, size in sizes.items():
        if not groups or len(groups[-1]) == most or filled + size > most_bytes:
            groups.append([])
            filled = 0
        groups[-1].append(name)
        filled += size
    return [Part(_number(index), tuple(names)) for index, names in enumerate(groups)]


def sample(names: Sequence[str], limit: int | None) -> list[str]:
    """Return at most `limit` names, drawn by their hash, in their own order."""
    if limit is None or len(names) <= limit:
        return list(names)
    drawn = set(
        sorted(names, key=lambda name: hashlib.blake2b(name.encode("utf-8", "surrogateescape")).digest())[:limit]
    )
    return [name for name in names if name in drawn]


def _number(index: int) -> str:
    return f"{index:06d}"
