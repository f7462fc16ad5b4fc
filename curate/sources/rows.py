"""From raw rows to Documents: every row of a source is kept, or rejected with a reason.

In: columns as a reader found them, of any type (curate/sources/values.py makes text of them). Out: `Made`: Documents,
and the rejected rows (their text cut at REJECTED_CHARS). The reasons are the constants below.
"""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as dataclass_field

import numpy as np
import pyarrow as pa

from curate.files.shards import conform
from curate.sources.values import as_ids, as_text, is_textual, storable
from curate.stage import Made

NOT_UTF8 = "not valid UTF-8"
UNREADABLE = "unreadable"
LINK_TO_NOTHING = "link to nothing"
LINK = "link in an archive"
OUTSIDE = "path leads out of the package"
NO_TEXT = "text is missing"
NOT_TEXT = "text is not a string"
TOO_LARGE = "too large"
EMPTY_ID = "empty id"
DUPLICATE_ID = "duplicate id"
BROKEN_JSON = "broken JSON"
REJECTED_CHARS = 100_000


@dataclass(frozen=True)
class Rows:
    """Raw rows of one part. `places` says where each stood; it is the id where `ids` is None and the id's
    stand-in where the id is empty. `faults` maps a row to the reason why the reader already gave it up.
    """

    places: Sequence[str]
    text: pa.Array
    ids: pa.Array | None = None
    keep: Mapping[str, pa.Array] = dataclass_field(default_factory=dict)
    faults: Mapping[int, str] = dataclass_field(default_factory=dict)


@dataclass
class Cut:
    """One part of a file: from where to where (rows, or bytes of JSON Lines), and its rows' ids if there is a column
    of them."""

    start: int
    stop: int
    rows: int = 0
    ids: list[str | None] = dataclass_field(default_factory=list)


def sort_out(rows: Rows, source: str, max_bytes: int, repeats: Iterable[int] = ()) -> Made:
    """Return the Documents among the rows and, beside them, the others with their reasons.

    `repeats` are the rows whose id stood earlier in the source.
    """
    text, bad_text = as_text(rows.text)
    ids, bad_ids = as_ids(rows.ids) if rows.ids is not None else (pa.array(rows.places, pa.string()), set())
    reasons: list[str | None] = [None] * len(rows.places)
    for row in repeats:
        reasons[row] = DUPLICATE_ID
    for row, value in enumerate(ids.to_pylist()):
        if not value:
            reasons[row] = EMPTY_ID
    lengths = pa.compute.binary_length(text).fill_null(0).to_numpy(zero_copy_only=False)
    for row in np.flatnonzero(lengths > max_bytes).tolist():
        reasons[row] = TOO_LARGE
    if not is_textual(rows.text.type):
        reasons = [NOT_TEXT] * len(reasons)
    for row in np.flatnonzero(text.is_null().to_numpy(zero_copy_only=False)).tolist():
        reasons[row] = NO_TEXT
    for row in bad_text | bad_ids:
        reasons[row] = NOT_UTF8
    for row, reason in rows.faults.items():
        reasons[row] = reason
    names = [value or place for value, place in zip(ids.to_pylist(), rows.places, strict=True)]
    table = pa.table(
        {
            "id": pa.array(names, pa.string()),
            "text": text.fill_null(""),
            "source": pa.array([source] * len(names), pa.string()),
            **{name: storable(values) for name, values in rows.keep.items()},
        }
    )
    return _split(conform(table), reasons)


def repeated(ids_by_part: Iterable[Iterable[str | None]]) -> Iterator[tuple[int, ...]]:
    """Yield, for each part, the rows whose id stood in an earlier row of this part or of a part before it.

    Ids are compared by 64-bit hash, 8 bytes each in memory: among 10 million ids the chance that two different ones
    are taken for the same is 3 in a million. Empty ids are not compared.
    """
    hashes, sizes = array("Q"), []
    empty = set()
    for ids in ids_by_part:
        before = len(hashes)
        for value in ids:
            if not value:
                empty.add(len(hashes))
            hashes.append(_hash(value or ""))
        sizes.append(len(hashes) - before)
    values = np.frombuffer(hashes, np.uint64) if hashes else np.empty(0, np.uint64)
    again = np.ones(len(values), bool)
    again[np.unique(values, return_index=True)[1]] = False
    again[list(empty)] = False
    start = 0
    for size in sizes:
        yield tuple(np.flatnonzero(again[start : start + size]).tolist())
        start += size


def _hash(value: str) -> int:
    return int.from_bytes(hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=8).digest(), "little")


def _split(table: pa.Table, reasons: list[str | None]) -> Made:
    rejected = table.append_column("reason", pa.array(reasons, pa.string()))
    rejected = rejected.filter(pa.array([reason is not None for reason in reasons], pa.bool_()))
    cut = pa.array([text[:REJECTED_CHARS] for text in rejected.column("text").to_pylist()], pa.large_string())
    position = rejected.column_names.index("text")
    return Made(
        table.filter(pa.array([reason is None for reason in reasons], pa.bool_())),
        rejected.set_column(position, "text", cut),
    )
