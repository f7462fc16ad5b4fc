"""Choosing which documents to grade, in rounds: active learning, so that fewer grades teach as much.

In: a pool of documents and a function that grades some of them. Out: which were graded in which round, and how well a
classifier learnt from the grades so far agreed with held-out ones after each round.

    round 0    the judge: drawn evenly by hash, never learnt from
    round 1    drawn in proportion from strata of rubric grade and size
    later      those that a regression on the grades so far puts nearest to the cut between good and not (Lewis & Gale
               1994), and of them, greedily, those least like what has been graded (largest predictive variance,
               MacKay 1992), so that a round does not ask the same thing a hundred times

The rounds end early once agreement has stopped rising. What stands in the later rounds is not like the corpus:
agreement may be measured, and the cut be found, on round 0 alone.

Other wishes were tried on 6,000 real grades and left out. What regression and rubric see most differently, and the
neighbours of what was graded low and predicted high (hard negatives), needed more labels than a random draw; the same
number from every stratum, and uncertainty alone, needed more in the early rounds. benchmarks/filters.py compares what
is left with a random draw.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.filters.classifiers.agreement import roc_area
from curate.stage import derive_seed

Values = npt.NDArray[np.float64]
Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.intp]
Ask = Callable[[Rows, int], Values]
"""(rows of the pool, number of the round) -> their grades, NaN where there is none."""
POSITIVE = 0.3
"""Share of the documents, from the best grade down, that counts as good."""
BAND = 3
"""Documents near the cut among which to spread, for each that is graded."""
PRIOR = 10.0
"""Prior variance of a weight, in units of the noise of a grade, where the least known documents are looked for."""
RISE = 0.005
"""A round that raises the agreement by less has stopped raising it."""
LEAST = 20
"""Grades below this number teach the classifier nothing; the round is drawn like the first."""
SIZES = (1000, 4000, 16000)
"""Bounds in bytes between the strata of size."""


@dataclass(frozen=True)
class Pool:
    """Documents to choose from."""

    ids: Sequence[str]
    texts: pa.ChunkedArray
    """What the grader is shown of each."""
    sizes: Values
    """Bytes of the whole document."""
    rubric: Values
    """A grade from 0 to 5 that costs nothing; NaN where there is none."""
    seed: int

    def __len__(self) -> int:
        """Return the number of documents."""
        return len(self.ids)

    @cached_property
    def features(self) -> Any:
        """Hashed tokens, one row a document."""
        from curate.filters.classifiers.features import hashed_counts, unit_rows

        return unit_rows(hashed_counts(self.texts))

    @cached_property
    def places(self) -> Vectors:
        """The same in few dimensions."""
        from curate.filters.classifiers.embeddings import Latent

        return Latent.fit(self.texts, self.seed).embed(self.texts)

    def shuffled(self, purpose: str) -> Rows:
        """Return all rows in an order that depends on seed, purpose and ids alone."""
        return np.argsort([derive_seed(self.seed, purpose, id) for id in self.ids], kind="stable")

    def strata(self) -> npt.NDArray[np.int64]:
        """Return the stratum of each document: whole rubric grade and size."""
        size = np.searchsorted(SIZES, self.sizes)
        return np.asarray(size * 7 + np.where(np.isnan(self.rubric), 6, self.rubric).astype(int))


@dataclass
class Graded:
    """What has been asked so far, and what came of it."""

    grades: Values
    rounds: npt.NDArray[np.int32]
    """The round in which a document was asked about, or -1."""
    curve: list[dict[str, float]] = field(default_factory=list)
    """Per round: `round`, `labels` learnt from, and `agreement` with the held-out ones: how often, of a good document
    and another one, the good one is foretold the higher grade (area under the ROC curve)."""

    def known(self, first: int, last: int) -> Rows:
        """Return the rows graded in rounds `first` to `last`."""
        return np.flatnonzero((self.rounds >= first) & (self.rounds <= last) & ~np.isnan(self.grades))

    def cut(self) -> float:
        """Return the grade from which a document is good, by the held-out ones."""
        judges = self.known(0, 0)
        return float(np.quantile(self.grades[judges if len(judges) else self.known(1, 1)], 1 - POSITIVE))


def grade_in_rounds(
    pool: Pool, ask: Ask, count: int, rounds: int, held_out: float, *, active: bool = True, patient: bool = False
) -> Graded:
    """Have `count` documents of the pool graded, or fewer where agreement stops rising.

    `active` off draws every round by hash, `patient` never ends early: the two sides of a comparison.
    """
    graded = Graded(np.full(len(pool), np.nan), np.full(len(pool), -1, np.int32))
    count = min(count, len(pool))
    if rounds == 1:
        _ask(graded, _first(pool, graded, count, active), 1, ask)
        return graded
    judges = round(count * held_out)
    _ask(graded, pool.shuffled("held out")[:judges], 0, ask)
    for number, share in enumerate(np.array_split(np.arange(count - judges), rounds), start=1):
        known = graded.known(1, number)
        if active and number > 1 and len(known) >= LEAST:
            rows = _next(pool, graded, known, len(share), number)
        else:
            rows = _first(pool, graded, len(share), active)
        _ask(graded, rows, number, ask)
        graded.curve.append(_measure(pool, graded, number))
        if not patient and _has_stopped(graded.curve):
            break
    return graded


def _ask(graded: Graded, rows: Rows, number: int, ask: Ask) -> None:
    graded.rounds[rows] = number
    graded.grades[rows] = ask(rows, number)


def _has_stopped(curve: list[dict[str, float]]) -> bool:
    """Tell whether the last two rounds brought next to nothing beyond the best before them."""
    agreements = [point["agreement"] for point in curve]
    return len(agreements) > 2 and max(agreements[-2:]) < max(agreements[:-2]) + RISE


def _first(pool: Pool, graded: Graded, count: int, active: bool) -> Rows:
    """Draw among those not asked about: in proportion from strata, or by hash alone."""
    order = pool.shuffled("round")
    order = order[graded.rounds[order] < 0]
    if active:
        strata = pool.strata()[order]
        turn = np.zeros(len(order))
        for stratum in np.unique(strata):
            inside = strata == stratum
            turn[inside] = (np.arange(inside.sum()) + 0.5) / inside.sum()
        order = order[np.argsort(turn, kind="stable")]
    return order[:count]


def _next(pool: Pool, graded: Graded, known: Rows, count: int, number: int) -> Rows:
    """Choose a later round: near the cut, and spread out."""
    order = pool.shuffled(f"round {number}")
    order = order[graded.rounds[order] < 0]
    distance = np.abs(_learn(pool.features[known], graded.grades[known])(pool.features[order]) - graded.cut())
    near = order[np.argsort(distance, kind="stable")[: BAND * count]]
    return near[_spread(pool.places[known], pool.places[near], count)]


def _spread(known: Vectors, candidates: Vectors, count: int) -> Rows:
    """Pick, one after the other, the candidate whose grade a linear model is least sure of after those before it."""
    size = known.shape[1]
    covariance = np.linalg.inv(known.T.astype(float) @ known + np.eye(size) / PRIOR)
    projected = candidates @ covariance
    variance = np.einsum("ij,ij->i", projected, candidates)
    picked = np.zeros(min(count, len(candidates)), np.intp)
    free = np.ones(len(candidates), bool)
    for turn in range(len(picked)):
        best = int(np.argmax(np.where(free, variance, -1)))
        picked[turn], free[best] = best, False
        scale = np.sqrt(1 + variance[best])
        shared = candidates @ projected[best] / scale
        projected = projected - np.outer(shared, projected[best] / scale)
        variance = variance - shared**2
    return picked


def _learn(features: Any, grades: Values) -> Callable[[Any], Values]:
    from sklearn.linear_model import Ridge

    model = Ridge(1.0, solver="lsqr").fit(features, grades)
    return lambda rows: np.asarray(model.predict(rows))


def _measure(pool: Pool, graded: Graded, number: int) -> dict[str, float]:
    """Learn from the rounds so far and compare with round 0."""
    known, judges = graded.known(1, number), graded.known(0, 0)
    agreement = 0.0
    if len(known) >= LEAST and len(judges) > 1:
        foretold = _learn(pool.features[known], graded.grades[known])(pool.features[judges])
        agreement = roc_area(foretold, graded.grades[judges] >= graded.cut())
    return {"round": number, "labels": len(known), "agreement": agreement}
