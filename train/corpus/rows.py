"""Rows: documents in the order in which they are seen, laid into rows of equal length.

A document longer than a row is cut into pieces of a row each and a rest; the pieces of a stretch of visits are then
laid into rows best-fit, the longest first (Ding et al. 2024, arXiv:2404.10830), and the rows of the stretch shuffled.
So a row begins at the start of a document unless it holds nothing but later pieces of long ones; no token is lost or
cut off; and what stays empty is padding, which is counted. A document's end token lies in its last piece.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from curate.stage import derive_seed
from curate.train.corpus.mix import Phase
from curate.train.corpus.packing import Corpus
from curate.train.corpus.visits import visits

WINDOW_TOKENS = 1 << 22
WINDOWS = 16
WINDOW_ROWS = 256
"""A stretch packed together: a sixteenth of the training, WINDOW_ROWS rows at least, WINDOW_TOKENS at most."""
SEGMENT = np.dtype([("document", "<u4"), ("start", "<u4"), ("length", "<u4")])


@dataclass(frozen=True)
class Rows:
    """Rows over documents of a corpus: `segments[starts[n]:starts[n + 1]]` lie in row n, one after another."""

    documents: npt.NDArray[Any]
    tokens: Sequence[npt.NDArray[Any]]
    segments: npt.NDArray[Any]
    starts: npt.NDArray[np.int64]
    length: int
    pad: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def cut(self, count: int) -> "Rows":
        """Return the first rows."""
        return Rows(self.documents, self.tokens, self.segments, self.starts[: count + 1], self.length, self.pad)

    def read(self, first: int, last: int) -> npt.NDArray[np.int32]:
        """Return rows [first, last) as (rows, length) token ids."""
        found = np.full((last - first, self.length), self.pad, np.int32)
        for row, target in enumerate(found, first):
            place = 0
            for document, start, length in self.segments[self.starts[row] : self.starts[row + 1]].tolist():
                shard, offset = self.documents["shard"][document], int(self.documents["offset"][document]) + start
                target[place : place + length] = self.tokens[shard][offset : offset + length]
                place += length
        return found

    def filled(self, first: int, last: int) -> int:
        """Return the tokens in rows [first, last), padding left out."""
        return int(self.segments["length"][self.starts[first] : self.starts[last]].sum())

    def predicted(self, first: int, last: int) -> int:
        """Return the tokens in rows [first, last) that have one before them in their row."""
        return self.filled(first, last) - int((np.diff(self.starts[first : last + 1]) > 0).sum())

    def in_rows(self, first: int, last: int) -> list[int]:
        """Return the documents of which something lies in rows [first, last), in the order of the rows."""
        return list(dict.fromkeys(self.segments["document"][self.starts[first] : self.starts[last]].tolist()))


def training_rows(
    corpus: Corpus,
    weights: npt.NDArray[np.float64],
    phases: Sequence[Phase],
    steps: int | None,
    batch_rows: int,
    length: int,
    pad: int,
    seed: int,
) -> Rows:
    """Lay out the rows of a training: `steps` batches, or without `steps` as many as reach the end of the last phase.

    The last batch is filled by going on with the last phase.
    """
    edges = np.cumsum([phase.tokens for phase in phases])
    window = min(max(edges[-1] / WINDOWS, WINDOW_ROWS * length), WINDOW_TOKENS)
    beyond = 0.1
    while True:
        which, when = visits(corpus, weights, phases, beyond)
        parts, reached = [], 0
        for number, (first, last) in enumerate(_stretches(corpus.train["length"][which], when, edges, window)):
            rng = np.random.default_rng(derive_seed(seed, "rows", number))
            parts.append(_best_fit(which[first:last], corpus.train["length"], length, rng))
            reached += len(parts[-1][1]) if when[last - 1] < edges[-1] else 0
        rows = _joined(corpus.train, corpus.tokens, parts, length, pad)
        count = (steps or -(-reached // batch_rows)) * batch_rows
        if len(rows) >= count:
            return rows.cut(count)
        beyond *= 4


def held_out_rows(corpus: Corpus, length: int, pad: int) -> Rows:
    """Lay the documents held out into rows, each once."""
    which = np.arange(len(corpus.held_out), dtype=np.uint32)
    part = _best_fit(which, corpus.held_out["length"], length, np.random.default_rng(0))
    return _joined(corpus.held_out, corpus.tokens, [part], length, pad)


def _stretches(
    lengths: npt.NDArray[Any], when: npt.NDArray[np.float64], edges: npt.NDArray[np.float64], window: float
) -> Iterator[tuple[int, int]]:
    """Cut the visits into stretches of about `window` tokens that end where a phase ends."""
    reached = np.cumsum(lengths, dtype=np.int64)
    bounds = [0, *np.searchsorted(when, edges).tolist(), len(when)]
    for first, last in pairwise(bounds):
        while first < last:
            before = int(reached[first - 1]) if first else 0
            stop = min(last, max(first + 1, int(np.searchsorted(reached, before + window))))
            yield first, stop
            first = stop  # noqa: PLW2901 - the rest of the phase


def _best_fit(
    which: npt.NDArray[np.uint32], lengths: npt.NDArray[Any], row: int, rng: np.random.Generator
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Lay documents into rows; return the segments, row after row, and how many each row has."""
    whole = lengths[which].astype(np.int64)
    count = -(-whole // row)
    pieces = np.zeros(int(count.sum()), SEGMENT)
    pieces["document"] = np.repeat(which, count)
    pieces["start"] = (np.arange(len(pieces)) - np.repeat(np.cumsum(count) - count, count)) * row
    pieces["length"] = np.minimum(np.repeat(whole, count) - pieces["start"], row)
    rows: list[list[int]] = []
    by_space: list[list[int]] = [[] for _ in range(row)]
    spaces = 0  # bit n is set where a row has n tokens left; finding the best fit is then one shift
    for piece in np.argsort(-pieces["length"].astype(np.int64), kind="stable").tolist():
        size = int(pieces["length"][piece])
        fitting = spaces >> size
        if fitting:
            space = size + (fitting & -fitting).bit_length() - 1
            number = by_space[space].pop()
            if not by_space[space]:
                spaces ^= 1 << space
            rows[number].append(piece)
        else:
            space, number = row, len(rows)
            rows.append([piece])
        if space > size:
            by_space[space - size].append(number)
            spaces |= 1 << (space - size)
    order = [rows[number] for number in rng.permutation(len(rows)).tolist()]
    starts_later = (pieces["start"] > 0).tolist()
    laid = [piece for members in order for piece in sorted(members, key=lambda p: (starts_later[p], p))]
    return pieces[np.array(laid, np.int64)], np.array([len(members) for members in order], np.int64)


def _joined(
    documents: npt.NDArray[Any],
    tokens: Sequence[npt.NDArray[Any]],
    parts: Sequence[tuple[npt.NDArray[Any], npt.NDArray[np.int64]]],
    length: int,
    pad: int,
) -> Rows:
    segments = np.concatenate([np.empty(0, SEGMENT), *(part[0] for part in parts)])
    counts = np.concatenate([np.zeros(1, np.int64), *(part[1] for part in parts)])
    return Rows(documents, tokens, segments, np.cumsum(counts), length, pad)
