"""`filter.secrets`: keys, e-mail addresses and IP addresses of others are replaced by placeholders, or drop a document.

In: Documents. Out: the same with `secret_email`, `secret_ip_address` and `secret_key`, how many of each were found; the
text holds `<EMAIL>`, `<IP_ADDRESS>` and `<KEY>` in their place, as StarCoder's does (Li et al. 2023, section 4).
Keys are known by their form (filters/private/keys.py), or by their name: a word that looks random is a secret where the
syntax tree gives it to a name that says so (filters/syntax/names.py), in whatever way Python gives values to names; in
comments, in longer strings and in what is no Python, where such a name stands before it. No key is ever tried out. Only
strings and comments are searched and changed, so a text that parsed still does; it is checked, and dropped if it does
not.

Left alone: private, reserved and documentation addresses (`ipaddress` knows them), public DNS servers, what may as well
be a version number, and what filters/private/addresses.py calls no address. Not covered: passwords that are words,
secrets that nothing names and nothing marks, names of people (that needs a model: StarPII).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.filters.private.addresses import Span, blanked, emails, ip_addresses
from curate.filters.private.keys import ISSUED, form, issued, key_patterns, private, url_passwords
from curate.filters.private.named import NAMES, named
from curate.filters.signals.heuristics import STAMP
from curate.filters.signals.lexical import regions
from curate.stage import Columns, Context, Filter, Verdict
from curate.text.parser import LARGEST_BYTES, parse, with_deep_stack

Action = Literal["redact", "drop", "keep"]
KINDS = ("email", "ip_address", "key")


class Secrets(Filter):
    """Replace keys, e-mail and IP addresses in strings and comments, or drop the documents that hold them."""

    VERSION: ClassVar[int] = 3

    email: Action = "redact"
    """What is done about e-mail addresses; `keep` does not search for them."""
    ip_address: Action = "redact"
    """What is done about IP addresses that are routed on the internet."""
    key: Action = "redact"
    """What is done about keys, tokens and passwords."""
    max_bytes: int = Field(default=LARGEST_BYTES, ge=1)
    """A longer document is dropped as `too large to search` (UTF-8 bytes)."""

    def adds(self) -> Columns:
        """List how many of each kind were found."""
        return dict.fromkeys([f"secret_{kind}" for kind in KINDS], pa.int64())

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Return the texts without secrets and the number of each kind."""
        return with_deep_stack(partial(self._judge, shard))

    def _judge(self, shard: pa.Table) -> Verdict:
        texts = shard.column("text")
        sizes = pc.fill_null(pc.binary_length(texts), 0).to_numpy()
        counts = {kind: np.zeros(shard.num_rows, np.int64) for kind in KINDS}
        reasons: list[str | None] = ["too large to search" if size > self.max_bytes else None for size in sizes]
        changed: dict[int, str] = {}
        chosen = [finder for finder in finders() if getattr(self, finder.kind) != "keep"]
        suspects = suspected(texts, chosen)
        for row in np.flatnonzero(np.any([*suspects, np.zeros(shard.num_rows, bool)], axis=0)).tolist():
            if reasons[row]:
                continue
            text = texts[row].as_buffer().to_pybytes()
            found = secrets(text, [finder for finder, rows in zip(chosen, suspects, strict=True) if rows[row]])
            for kind, spans in found.items():
                counts[kind][row] = len(spans)
            guilty = next((kind for kind, spans in found.items() if spans and getattr(self, kind) == "drop"), None)
            if guilty:
                reasons[row] = f"holds {'a key' if guilty == 'key' else 'an ' + guilty.replace('_', ' ')}"
            elif any(found.values()):
                clean = redact(text, found)
                if parse(clean)[0] and not parse(text)[0]:
                    reasons[row] = "cannot be redacted"
                changed[row] = clean.decode("utf-8", "replace")
        return _verdict(shard, reasons, counts, changed)


def _verdict(
    shard: pa.Table, reasons: list[str | None], counts: dict[str, np.ndarray], changed: dict[int, str]
) -> Verdict:
    columns = {f"secret_{kind}": pa.array(values, pa.int64()) for kind, values in counts.items()}
    if changed:
        mask = np.zeros(shard.num_rows, bool)
        mask[list(changed)] = True
        clean = pa.array([changed[row] for row in sorted(changed)], pa.large_string())
        columns["text"] = pc.replace_with_mask(shard.column("text").combine_chunks(), pa.array(mask), clean)
        if STAMP in shard.column_names:  # the signals are those of the old text
            stamps = shard.column(STAMP).combine_chunks()
            columns[STAMP] = pc.if_else(pa.array(mask), pa.scalar(None, stamps.type), stamps)
    total = sum(counts.values(), start=np.zeros(shard.num_rows, np.int64))
    return Verdict(
        reasons=pa.array(reasons, pa.string()),
        columns=columns,
        evidence={"score": pa.array(total.astype(np.float64))},
        metrics={f"secrets_{kind}": float(values.sum()) for kind, values in counts.items()},
    )


class Text:
    """One text, and what several finders need of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    @cached_property
    def blanked(self) -> bytes:
        """The text with blanks for the escapes of its strings."""
        return blanked(self.data)

    @cached_property
    def regions(self) -> npt.NDArray[np.uint8]:
        """The class of each byte (filters/signals/lexical.py)."""
        return regions(self.data)

    @cached_property
    def quoted(self) -> npt.NDArray[np.bool_]:
        """Which bytes stand in strings and comments."""
        found: npt.NDArray[np.bool_] = self.regions > 0
        return found


@dataclass(frozen=True)
class Finder:
    """A way to find secrets of one kind."""

    kind: str
    suspicion: tuple[str, ...]
    """Expressions for Arrow's fast engine: one of them matches a document with such a secret."""
    find: Callable[[Text], Iterator[Span]]
    narrower: str = ""
    """An expression that is slower and says more: it matches those documents too."""


@lru_cache(maxsize=1)
def finders() -> tuple[Finder, ...]:
    """Return all ways to find secrets."""
    return (
        Finder("email", (r"[A-Za-z0-9_.+-]@[A-Za-z0-9-]+\.[A-Za-z]",), lambda text: emails(text.blanked)),
        Finder(
            "ip_address",
            (r"\d\.\d+\.\d+\.\d|[0-9A-Fa-f]{1,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:",),
            lambda text: ip_addresses(text.blanked),
        ),
        Finder("key", ("PRIVATE KEY|PuTTY",), lambda text: private(text.blanked, text.quoted)),
        Finder("key", (r"://[^\s/@]*:[^\s/@]*@",), lambda text: url_passwords(text.blanked)),
        Finder("key", (NAMES,), lambda text: named(text.data, text.regions)),
        *(Finder("key", ISSUED, partial(_issued, pattern), form(pattern)) for pattern in key_patterns()),
    )


def _issued(pattern: re.Pattern[bytes], text: Text) -> Iterator[Span]:
    return issued(pattern, text.blanked)


def suspected(texts: pa.ChunkedArray, chosen: Sequence[Finder]) -> list[npt.NDArray[np.bool_]]:
    """Return for each finder which texts may hold what it looks for."""
    known: dict[tuple[str, ...], tuple[npt.NDArray[np.intp], pa.ChunkedArray]] = {}
    found = []
    for finder in chosen:
        if finder.suspicion not in known:
            masks = [matches(texts, expression) for expression in finder.suspicion]
            some = np.flatnonzero(np.any(masks, axis=0))
            known[finder.suspicion] = some, texts.take(pa.array(some)) if finder.narrower else texts.slice(0, 0)
        rows, some_texts = known[finder.suspicion]
        mask = np.zeros(len(texts), bool)
        mask[rows[matches(some_texts, finder.narrower)] if finder.narrower else rows] = True
        found.append(mask)
    return found


def matches(texts: pa.ChunkedArray, expression: str) -> npt.NDArray[np.bool_]:
    """Tell which texts an expression matches."""
    found: npt.NDArray[np.bool_] = pc.match_substring_regex(texts, expression).fill_null(False).to_numpy()
    return found


def secrets(text: bytes, chosen: Sequence[Finder] | None = None) -> dict[str, list[Span]]:
    """Return where the secrets of each kind stand in strings and comments, in order, none within another.

    >>> {kind: len(spans) for kind, spans in secrets(b"# me@mine.org, not x@example.org nor 10.0.0.1").items()}
    {'email': 1, 'ip_address': 0, 'key': 0}
    """
    chosen = finders() if chosen is None else chosen
    source = Text(text)
    found: dict[str, list[Span]] = {kind: [] for kind in dict.fromkeys(finder.kind for finder in chosen)}
    spans = {(start, stop, finder.kind) for finder in chosen for start, stop in finder.find(source)}
    end = 0
    for start, stop, kind in sorted(spans, key=lambda span: (span[0], -span[1], span[2])):
        if start >= end and source.quoted[start:stop].all():
            found[kind].append((start, stop))
            end = stop
    return found


def redact(text: bytes, found: dict[str, list[Span]]) -> bytes:
    """Return the text with a placeholder in the place of each secret."""
    pieces, at = [], 0
    for start, stop, kind in sorted((*span, kind) for kind, spans in found.items() for span in spans):
        pieces += [text[at:start], f"<{kind.upper()}>".encode()]
        at = stop
    return b"".join([*pieces, text[at:]])
