"""Choosing which documents to grade, in rounds: active learning, so that fewer grades teach as much.

In: a pool of documents and a function that grades some of them. Out: which were graded in which round, and how well a
classifier learnt from the grades so far agreed with held-out ones after each round.

    round 0    the judge: drawn evenly by hash, never learnt from
    round 1    spread evenly over strata of rubric grade and size
    later      a third each of: what the classifier is least certain of (Lewis & Gale 1994), what classifier and rubric
               see most differently, and the neighbours of what the grader found bad and the classifier good (hard
               negatives, as Seed-Coder, 2025)

The rounds end early once agreement has stopped rising. What stands in the later rounds is not like the corpus:
agreement may be measured on round 0 alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.stage import derive_seed
from filters.agreement import rank_correlation

Values = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Ask = Callable[[Rows, int], Values]
"""(rows of the pool, number of the round) -> their grades, NaN where there is none."""
POSITIVE = 0.3
"""Share of the grades, from the best down, that counts as good while choosing."""
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
    """Per round: `round`, `labels` learnt from, and `agreement` with the held-out ones (rank correlation)."""

    def known(self, first: int, last: int) -> Rows:
        """Return the rows graded in rounds `first` to `last`."""
        return np.flatnonzero((self.rounds >= first) & (self.rounds <= last) & ~np.isnan(self.grades))


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
    features = None
    for number, share in enumerate(np.array_split(np.arange(count - judges), rounds), start=1):
        known = graded.known(1, number)
        if active and number > 1 and len(known) >= LEAST and features is not None:
            rows = _next(pool, graded, features, known, len(share), number)
        else:
            rows = _first(pool, graded, len(share), active)
        _ask(graded, rows, number, ask)
        features = _features(pool) if features is None else features
        graded.curve.append(_measure(graded, features, number))
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
    """Draw among those not asked about: evenly over strata, or by hash alone."""
    order = pool.shuffled("round")
    order = order[graded.rounds[order] < 0]
    if active:
        strata = pool.strata()[order]
        turn = np.zeros(len(order), int)
        for stratum in np.unique(strata):
            turn[strata == stratum] = np.arange((strata == stratum).sum())
        order = order[np.argsort(turn, kind="stable")]
    return order[:count]


def _next(pool: Pool, graded: Graded, features: Any, known: Rows, count: int, number: int) -> Rows:
    """Choose a later round: a third by uncertainty, a third by disagreement, a third of hard negatives."""
    open_rows = pool.shuffled(f"round {number}")
    open_rows = open_rows[graded.rounds[open_rows] < 0]
    positive = graded.grades[known] >= np.quantile(graded.grades[known], 1 - POSITIVE)
    if positive.all():
        return open_rows[:count]
    chances = _learn(features[known], positive)(features)
    wishes = [
        -np.abs(chances[open_rows] - 0.5),
        np.abs(_ranks(chances)[open_rows] - _ranks(np.nan_to_num(pool.rubric))[open_rows]),
        _likeness(features, open_rows, known[~positive], chances[known[~positive]], count),
    ]
    chosen: dict[int, None] = {}
    orders = [open_rows[np.argsort(-wish, kind="stable")].tolist() for wish in wishes]
    for row in (row for trio in zip(*orders, strict=True) for row in trio):
        if len(chosen) == count:
            break
        chosen[row] = None
    return np.array(list(chosen), np.intp)


def _likeness(features: Any, rows: Rows, negatives: Rows, chances: Values, count: int) -> Values:
    """Return how like the hardest negatives each row is: those that the classifier holds for good."""
    hardest = negatives[np.argsort(-chances, kind="stable")[: max(count // 3, 1)]]
    likeness = features[rows] @ features[hardest].T
    return np.asarray(likeness.max(axis=1).todense(), np.float64).ravel()


def _features(pool: Pool) -> Any:
    from filters.features import hashed_counts, unit_rows

    return unit_rows(hashed_counts(pool.texts))


def _learn(features: Any, positive: npt.NDArray[np.bool_]) -> Callable[[Any], Values]:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=300).fit(features, positive)
    return lambda rows: np.asarray(model.predict_proba(rows)[:, 1])


def _measure(graded: Graded, features: Any, number: int) -> dict[str, float]:
    """Learn from the rounds so far and compare with round 0."""
    known, judges = graded.known(1, number), graded.known(0, 0)
    agreement = 0.0
    if len(known) >= LEAST and len(judges) > 1:
        from sklearn.linear_model import Ridge

        model = Ridge(1.0, solver="lsqr").fit(features[known], graded.grades[known])
        agreement = rank_correlation(model.predict(features[judges]), graded.grades[judges])
    return {"round": number, "labels": len(known), "agreement": agreement}


def _ranks(values: Values) -> Values:
    """Return each value's rank, from 0 to 1; equal values share the mean of theirs."""
    from scipy.stats import rankdata

    return np.asarray((rankdata(values) - 1) / max(len(values) - 1, 1))
