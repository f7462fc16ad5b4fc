"""The profile of a corpus: how much there is and how good it looks.

In: shards. Out: one Profile; every share is of all documents unless it says otherwise. All of the text is read once,
columnar and by threads (curate/text/scan.py), in linear time. Only parsing is slow, so it looks at the `SAMPLE`
documents whose ids have the lowest hashes: the same ones in every stage that keeps them, so that before and after
compare well.

    quantity      documents, bytes, tokens (words and signs; a tokenizer for models counts otherwise)
    completeness  share of filled cells in the columns that are neither text nor scores
    parsing       share of the sampled documents that are valid Python, or whose fenced code blocks are; those of more
                  than 1 MB are not tried: the tree of one of 50 MB takes minutes
    redundancy    documents whose words, in order, are another's; text in lines that stand elsewhere too
    noise         documents with control characters, or with 128 letters, digits, `+`, `/` on end (base64, hex)
    outliers      documents outside the bounds of Codex (Chen et al. 2021, section 3.1) and 50 bytes to 1 MB
    consistency   documents of one encoding and one kind of line end; of one kind of indentation
    age, licence  where a column has dates or licences

Not covered: how well the code teaches, which is the classifiers' business (filters/selection/quality.py), and which
stage has which profile (curate/report/quality_report.py).
"""

import hashlib
import heapq
import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from curate.files.shards import REQUIRED, read_shard
from curate.text.buffers import text_buffers
from curate.text.licenses import OTHER, PERMISSIVE, UNKNOWN, licence_class, spdx
from curate.text.parser import parse, with_deep_stack

VERSION = 4
"""Raise it whenever the same documents would give other figures: kept profiles are then made anew."""
SAMPLE = 500
LICENCES_SHOWN = 8
LONGEST_RUN, LONGEST_LINE, MIN_ALPHANUMERIC, MIN_BYTES, MAX_BYTES = 128, 1000, 0.25, 50, 1_000_000
CLASSES = {PERMISSIVE: "permissive", UNKNOWN: "unknown", OTHER: "other"}
DATE_COLUMN = re.compile(r"(^|_)(date|time|datetime|timestamp|at|created|updated|modified)(_|$)", re.IGNORECASE)
FOUND_LICENCE = "license_spdx"
LICENCE_COLUMN = re.compile(r"licen[cs]e", re.IGNORECASE)
FENCED = re.compile(r"^```(?:python|py)?[ \t]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
EPOCH = date(1970, 1, 1)

Integers = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Profile:
    """Quantity and quality of one set of documents. Shares are fractions of 1; None where there is nothing to say."""

    documents: int
    bytes: int
    tokens: int
    fields: Mapping[str, float] = field(default_factory=dict)
    """Column -> share of documents that have a value there."""
    complete: float | None = None
    """The mean of these shares."""
    parsed: int = 0
    """How many documents were parsed."""
    parses: float | None = None
    duplicates: float | None = None
    """Documents whose words, in order, are those of another that is counted once."""
    repeated_text: float | None = None
    """Of the text in lines of 16 bytes and more, the part in lines that stand elsewhere and are counted there."""
    noise: float | None = None
    outliers: float | None = None
    uniform_encoding: float | None = None
    indentation: Mapping[str, float] = field(default_factory=dict)
    """Shares of documents indented by `spaces`, by `tabs`, by both (`mixed`), or not at all (`none`)."""
    dates: Mapping[str, str] = field(default_factory=dict)
    """`column`, `oldest`, `median`, `newest`, where a column has dates."""
    licence_classes: Mapping[str, int] = field(default_factory=dict)
    """Documents by what their licence allows: `permissive`, `unknown`, `other`."""
    licence_names: Mapping[str, int] = field(default_factory=dict)
    """Documents by licence, the most frequent ones, as SPDX expressions: `MIT License` and `mit` are one."""


@dataclass(frozen=True)
class _Scanned:
    """What one shard adds to a profile: sums, and 8 bytes a document and a sampled line."""

    sums: Counter[str]
    """Documents, bytes, tokens, and the documents with each fault and each kind of indentation."""
    words: Hashes
    lines: Hashes
    line_bytes: Integers
    filled: Counter[str]
    licences: Counter[str | None]
    dates: dict[str, Integers]
    sample: list[tuple[int, str, str]]
    """(hash of the id, id, text) of the documents with the lowest hashes."""


def profile(shards: Iterable[Path], parsed: dict[bytes, bool] | None = None) -> Profile:
    """Profile the documents of some shards together. `parsed` remembers what was parsed, for the next call."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return _sum_up(threads.map(_scan_shard, shards), {} if parsed is None else parsed)


def _scan_shard(path: Path) -> _Scanned:
    from curate.text.scan import scan

    table = read_shard(path)
    data, offsets = text_buffers(table.column("text"))
    counts, words, lines, line_bytes = scan(data, offsets)
    _, keys, _, _ = scan(*text_buffers(table.column("id")))
    lowest = np.argsort(keys, kind="stable")[:SAMPLE]
    chosen = table.select(["id", "text"]).take(pa.array(lowest)).to_pylist()
    columns = {name: table.column(name) for name in table.column_names if name not in REQUIRED}
    return _Scanned(
        sums=_sums(counts, np.diff(offsets)),
        words=words,
        lines=lines,
        line_bytes=line_bytes,
        filled=Counter({n: _filled(values) for n, values in columns.items() if not pa.types.is_floating(values.type)}),
        licences=_licences(columns),
        dates={name: days for name, values in columns.items() if len(days := _days(name, values))},
        sample=[(int(keys[place]), row["id"], row["text"]) for place, row in zip(lowest, chosen, strict=True)],
    )


def _sums(counts: Integers, sizes: Integers) -> Counter[str]:
    """Sum up what `scan` counted in each document."""
    from curate.text import scan

    alphanumeric = counts[:, scan.ALPHANUMERIC] / np.maximum(counts[:, scan.CHARACTERS], 1)
    strange = (counts[:, scan.LONGEST_LINE] > LONGEST_LINE) | (alphanumeric < MIN_ALPHANUMERIC)
    mixed_ends = (counts[:, scan.LF] > 0) & (counts[:, scan.CRLF] > 0)
    tabs, spaces = counts[:, scan.TAB_LINES] > 0, counts[:, scan.SPACE_LINES] > 0
    found = {
        "documents": np.ones(len(sizes)),
        "bytes": sizes,
        "tokens": counts[:, scan.TOKENS],
        "noise": (counts[:, scan.CONTROL] > 0) | (counts[:, scan.LONGEST_RUN] >= LONGEST_RUN),
        "outliers": strange | (sizes < MIN_BYTES) | (sizes > MAX_BYTES),
        "uniform_encoding": ~mixed_ends & (counts[:, scan.FAULTS] == 0),
        "spaces": spaces & ~tabs,
        "tabs": tabs & ~spaces,
        "mixed": tabs & spaces,
        "none": ~tabs & ~spaces,
    }
    return Counter({name: int(values.sum()) for name, values in found.items()})


def _filled(values: pa.ChunkedArray) -> int:
    """Count the cells that hold something: not null, no empty text, no empty list."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return int(pc.sum(pc.greater(pc.binary_length(pc.utf8_trim_whitespace(values)), 0)).as_py() or 0)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return int(pc.sum(pc.greater(pc.list_value_length(values), 0)).as_py() or 0)
    return int(len(values) - values.null_count)


def _licences(columns: Mapping[str, pa.ChunkedArray]) -> Counter[str | None]:
    """Count the licences, as `filter.license` found them or else as the first column has them; a list is one value."""
    named = [name for name in columns if LICENCE_COLUMN.search(name)]
    name = FOUND_LICENCE if FOUND_LICENCE in named else next(iter(named), None)
    if name is None:
        return Counter()
    values = columns[name]
    if pa.types.is_list(values.type):
        values = pc.binary_join(values, "; ")
    counted = pc.value_counts(values.cast(pa.string())).to_pylist()
    return Counter({row["values"]: row["counts"] for row in counted})


def _days(name: str, values: pa.ChunkedArray) -> Integers:
    """Return the days since 1970 of a column of dates, or of texts that begin as ISO 8601 dates under such a name."""
    kind = values.type
    if (pa.types.is_string(kind) or pa.types.is_large_string(kind)) and DATE_COLUMN.search(name):
        values = pc.strptime(pc.utf8_slice_codeunits(values, 0, 10), format="%Y-%m-%d", unit="s", error_is_null=True)
    elif not pa.types.is_timestamp(kind) and not pa.types.is_date(kind):
        return np.empty(0, dtype=np.int64)
    days = values.cast(pa.date32(), safe=False).drop_null()
    return np.asarray(days.cast(pa.int32()).to_numpy(), dtype=np.int64)


def _sum_up(shards: Iterable[_Scanned], parsed: dict[bytes, bool]) -> Profile:
    scanned: list[_Scanned] = []
    sample: list[tuple[int, str, str]] = []
    for shard in shards:
        sample = heapq.nsmallest(SAMPLE, [*sample, *shard.sample])
        shard.sample.clear()  # texts; the rest of a shard's figures is small
        scanned.append(shard)
    sums = sum((shard.sums for shard in scanned), Counter())
    documents = sums["documents"]
    if not documents:
        return Profile(0, 0, 0)
    fields = _fields(scanned, documents)
    tried = [text for _, _, text in sample if len(text.encode()) <= MAX_BYTES]
    return Profile(
        documents=documents,
        bytes=sums["bytes"],
        tokens=sums["tokens"],
        fields=fields,
        complete=sum(fields.values()) / len(fields) if fields else None,
        parsed=len(tried),
        parses=with_deep_stack(lambda: sum(_parses(text, parsed) for text in tried)) / len(tried) if tried else None,
        duplicates=1 - len(np.unique(np.concatenate([shard.words for shard in scanned]))) / documents,
        repeated_text=_repeated(scanned),
        noise=sums["noise"] / documents,
        outliers=sums["outliers"] / documents,
        uniform_encoding=sums["uniform_encoding"] / documents,
        indentation={name: sums[name] / documents for name in ("spaces", "tabs", "mixed", "none")},
        dates=_dates(scanned),
        **_licence_mix(sum((shard.licences for shard in scanned), Counter())),
    )


def _fields(scanned: Sequence[_Scanned], documents: int) -> dict[str, float]:
    names = dict.fromkeys(name for shard in scanned for name in shard.filled)
    return {name: sum(shard.filled[name] for shard in scanned) / documents for name in names}


def _repeated(scanned: Sequence[_Scanned]) -> float:
    """Return the part of the text in sampled lines that stands in lines counted before."""
    lines, sizes = (np.concatenate([getattr(shard, name) for shard in scanned]) for name in ("lines", "line_bytes"))
    _, first = np.unique(lines, return_index=True)
    return 1 - float(sizes[first].sum() / sizes.sum()) if len(lines) else 0.0


def _parses(text: str, parsed: dict[bytes, bool]) -> bool:
    """Tell whether a text is valid Python, or prose whose fenced blocks are."""
    key = hashlib.blake2b(text.encode(), digest_size=16).digest()
    if key not in parsed:
        blocks = FENCED.findall(text)
        parsed[key] = is_python(text) or (bool(blocks) and all(map(is_python, blocks)))
    return parsed[key]


def is_python(text: str) -> bool:
    """Tell whether a text is valid Python 3."""
    errors, _ = parse(text.encode())
    return not errors


def _dates(scanned: Sequence[_Scanned]) -> dict[str, str]:
    """Describe the column with most dates."""
    columns: dict[str, list[Integers]] = {}
    for shard in scanned:
        for name, days in shard.dates.items():
            columns.setdefault(name, []).append(days)
    if not columns:
        return {}
    name, days = max(((name, np.sort(np.concatenate(parts))) for name, parts in columns.items()), key=_length)
    places = {"oldest": 0, "median": len(days) // 2, "newest": -1}
    return {"column": name, **{words: str(EPOCH + timedelta(int(days[at]))) for words, at in places.items()}}


def _length(column: tuple[str, Integers]) -> int:
    return len(column[1])


def _licence_mix(counts: Counter[str | None]) -> dict[str, Any]:
    if not counts:
        return {}
    classes = dict.fromkeys(CLASSES.values(), 0)
    names: Counter[str] = Counter()
    for name, count in counts.items():
        classes[CLASSES[licence_class(name)]] += count
        names[spdx(name) or "none"] += count
    often = sorted(names.items(), key=lambda pair: (-pair[1], pair[0]))
    return {"licence_classes": classes, "licence_names": dict(often[:LICENCES_SHOWN])}
