"""Labels: the documents of a stage that carry a `grade`, from 0 (teaches nothing) to 5 (a textbook).

`grade` is the one column that graders write, be they a rubric, a model or a person; null means not graded. A model
that graded after the rubric leaves the rubric's grade beside its own, as `rubric_grade`. In: the kept shards of a
stage, or a reference set: files of good documents, graded 5, and of others, graded 0. Out: texts and grades, and the
split into those to learn from and those held out.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import nsmallest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from curate.errors import UserError
from curate.files.shards import read_schema, read_shard
from curate.filters.classifiers.references import texts_of
from curate.stage import Source, derive_seed

GRADE, RUBRIC = "grade", "rubric_grade"
ROUND = "grade_round"
"""In which round of filter.annotate a grade was given; those of round 0 judge."""
HIGHEST = 5.0
FEWEST = 50
"""Labels below this number cannot be split into halves that say anything."""


@dataclass(frozen=True)
class Labels:
    """Graded documents, in an order that depends on seed and ids alone."""

    texts: pa.ChunkedArray
    grades: npt.NDArray[np.float64]
    judges: npt.NDArray[np.bool_] | None = None
    """Which ones the grader set apart to be held out; None where it did not."""
    rubric: npt.NDArray[np.float64] | None = None
    """The rubric's grades beside a model's, NaN where there is none; None where there are none at all."""

    @property
    def typical(self) -> npt.NDArray[np.bool_]:
        """Tell which labels are like the corpus: those set apart, for what a grader chose later is not."""
        return self.judges if self.judges is not None else np.ones(len(self.grades), bool)

    def blended(self, weight: float) -> "Labels":
        """Return the same with the rubric's opinion mixed in, by that weight; without one, the labels as they are.

        The two scales mean nothing to each other, so what is mixed are ranks: for each side, five times the share of
        the typical labels below, ties by half.
        """
        if self.rubric is None:
            return self
        ranks = [_ranks(values, self.typical) for values in (self.grades, self.rubric)]
        shares = np.where(np.isnan(self.rubric), 0.0, weight)
        return replace(self, grades=(1 - shares) * ranks[0] + shares * np.nan_to_num(ranks[1]))

    def positive(self, share: float, at: float | None) -> npt.NDArray[np.bool_]:
        """Tell which grades count as positive: those from `at` on, or else about the best `share` of them.

        Where the grader set some apart, the share is theirs. Equal grades are never parted. Raises UserError if that
        leaves one class.
        """
        cut = float(np.quantile(self.grades[self.typical], 1 - share, method="higher")) if at is None else at
        if at is None and cut == self.grades.min():
            cut = float(np.nextafter(cut, np.inf))  # many share the lowest grade: all above it are positive
        positive = self.grades >= cut
        if positive.all() or not positive.any():
            where = f"positive_at {at:g}" if at is not None else f"positive {share:g}"
            raise UserError(
                f"all {len(positive)} labels fall into one class: grades from {self.grades.min():g} to "
                f"{self.grades.max():g} with {where}; grade other documents or change that"
            )
        return positive

    def held_out(self, share: float, seed: int) -> npt.NDArray[np.bool_]:
        """Tell which documents are held out; copies of a text fall on the same side.

        Those that the grader set apart, where it did: what it chose in later rounds is unlike the corpus, and would
        judge too harshly. Else a share by a hash of the text.
        """
        texts = self.texts.to_pylist()
        if self.judges is not None:
            apart = {text for text, judge in zip(texts, self.judges, strict=True) if judge}
            return np.array([text in apart for text in texts], bool)
        limit = int(share * 2**63)
        return np.array([derive_seed(seed, "held out", text) < limit for text in texts], bool)


def _ranks(values: npt.NDArray[np.float64], typical: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return for each value five times the share of the typical ones below it, equal ones by half."""
    known = np.sort(values[typical & ~np.isnan(values)])
    below, up_to = (np.searchsorted(known, values, side) for side in ("left", "right"))
    return np.asarray(HIGHEST * (below + up_to) / 2 / max(len(known), 1))


class Graded(NamedTuple):
    """A graded document of a shard."""

    row: int
    id: str
    grade: float
    rubric: float | None
    judge: bool
    """Whether it was set apart to judge."""


def read_labels(shards: Sequence[Path], most: int, seed: int) -> Labels:
    """Read the graded documents of some shards; where there are more than `most`, those with the lowest hashes.

    Raises UserError for a missing column, grades that are no number from 0 to 5, or too few of them.
    """
    found = [
        (derive_seed(seed, "label", graded.id), number, graded)
        for number, path in enumerate(shards)
        for graded in read_grades(path)
    ]
    if len(found) < FEWEST:
        raise UserError(f"only {len(found)} labels; grade at least {FEWEST} documents")
    chosen = [(number, graded) for _, number, graded in sorted(found, key=lambda item: (item[0], item[1]))[:most]]
    rows = defaultdict(list)
    for number, graded in chosen:
        rows[number].append(graded.row)
    texts = {number: iter(read_rows(shards[number], wanted)) for number, wanted in rows.items()}
    judges = np.array([graded.judge for _, graded in chosen], bool)
    rubric = np.array([graded.rubric for _, graded in chosen], float)  # None becomes NaN
    return Labels(
        pa.chunked_array([[next(texts[number]) for number, _ in chosen]], pa.large_string()),
        np.array([graded.grade for _, graded in chosen]),
        judges if judges.any() else None,
        None if np.isnan(rubric).all() else rubric,
    )


def read_references(good: Source, other: Source | Sequence[Path], most: int, seed: int) -> Labels:
    """Read a reference set: at most half of `most` good documents and as many others, drawn by a hash of their texts.

    Where `other` are shards, the others are drawn from them: what is good among them counts as bad, as in DCLM.
    Raises UserError for too few of either.
    """
    sides = []
    for name, texts in (("positives", texts_of(good)), ("negatives", texts_of(other))):
        drawn = [text for _, text in nsmallest(most // 2, ((derive_seed(seed, name, text), text) for text in texts))]
        if len(drawn) < FEWEST // 2:
            raise UserError(f"only {len(drawn)} documents in `{name}`; give at least {FEWEST // 2}")
        sides.append(drawn)
    fewest = min(map(len, sides))
    chosen = [text for side in sides for text in side[:fewest]]
    return Labels(pa.chunked_array([chosen], pa.large_string()), np.repeat([HIGHEST, 0.0], fewest))


def read_rows(path: Path, rows: list[int]) -> list[str]:
    """Return the texts of some rows of a shard."""
    texts: list[str] = read_shard(path, ["text"]).column("text").take(pa.array(rows)).to_pylist()
    return texts


def read_grades(path: Path) -> list[Graded]:
    """Return the graded documents of one shard. Raises UserError for a missing column or a grade that is none."""
    names = read_schema(path).names
    if GRADE not in names:
        raise UserError(
            f"{path} has no column {GRADE!r}; let `learn_from:` name a stage that grades: filter.annotate, "
            "filter.rubric, or give `positives:`"
        )
    table = read_shard(path, [name for name in ("id", GRADE, RUBRIC, ROUND) if name in names])
    ids = table.column("id").to_pylist()
    rounds = table.column(ROUND).to_pylist() if ROUND in names else [None] * len(ids)
    grades = _grades(table, GRADE, path)
    rubric = _grades(table, RUBRIC, path) if RUBRIC in names else [None] * len(ids)
    return [
        Graded(row, id, grade, second, round == 0)
        for row, (id, grade, second, round) in enumerate(zip(ids, grades, rubric, rounds, strict=True))
        if grade is not None
    ]


def _grades(table: pa.Table, name: str, path: Path) -> list[float | None]:
    """Return a column of grades, null where there is none."""
    try:
        grades: list[float | None] = table.column(name).cast(pa.float64()).to_pylist()
    except pa.ArrowInvalid as error:
        raise UserError(f"column {name!r} of {path} holds no numbers: {error}; grades go from 0 to 5") from error
    for id, grade in zip(table.column("id").to_pylist(), grades, strict=True):
        if grade is not None and not 0 <= grade <= HIGHEST:  # also true of NaN
            raise UserError(f"the {name} of {id} is {grade}, not a number from 0 to 5; mend the labels in {path}")
    return grades
