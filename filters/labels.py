"""Labels: the documents of a stage that carry a `grade`, from 0 (teaches nothing) to 5 (a textbook).

`grade` is the one column that graders write, be they a rubric, a model or a person; null means not graded. In: the
kept shards of a stage, or a reference set: files of good documents, graded 5, and of others, graded 0. Out: texts and
grades, and the split into those to learn from and those held out.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import UserError
from curate.shards import read_shard
from curate.stage import Source, derive_seed
from filters.references import texts_of

GRADE = "grade"
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

    def positive(self, share: float, at: float | None) -> npt.NDArray[np.bool_]:
        """Tell which grades count as positive: those from `at` on, or else about the best `share` of them.

        Where the grader set some apart, the share is theirs: they are like the corpus, what it chose later is not.
        Equal grades are never parted. Raises UserError if that leaves one class.
        """
        typical = self.grades if self.judges is None else self.grades[self.judges]
        cut = float(np.quantile(typical, 1 - share, method="higher")) if at is None else at
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


def read_labels(shards: Sequence[Path], most: int, seed: int) -> Labels:
    """Read the graded documents of some shards; where there are more than `most`, those with the lowest hashes.

    Raises UserError for a missing column, grades that are no number from 0 to 5, or too few of them.
    """
    found = [
        (derive_seed(seed, "label", id), number, row, grade, judge)
        for number, path in enumerate(shards)
        for row, id, grade, judge in read_grades(path)
    ]
    if len(found) < FEWEST:
        raise UserError(f"only {len(found)} labels; grade at least {FEWEST} documents")
    chosen = sorted(found)[:most]
    rows = defaultdict(list)
    for _, number, row, *_ in chosen:
        rows[number].append(row)
    texts = {number: iter(read_rows(shards[number], wanted)) for number, wanted in rows.items()}
    in_order = [next(texts[number]) for _, number, *_ in chosen]
    judges = np.array([judge for *_, judge in chosen], bool)
    return Labels(
        pa.chunked_array([in_order], pa.large_string()),
        np.array([grade for *_, grade, _ in chosen]),
        judges if judges.any() else None,
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


def read_grades(path: Path) -> list[tuple[int, str, float, bool]]:
    """Return (row, id, grade, whether it was set apart to judge) of the graded documents of one shard."""
    ids = read_shard(path, ["id"]).column("id").to_pylist()
    names = pq.read_schema(path).names
    if GRADE not in names:
        raise UserError(
            f"{path} has no column {GRADE!r}; let `learn_from:` name a stage that grades: filter.annotate, "
            "filter.rubric, or give `positives:`"
        )
    rounds = read_shard(path, [ROUND]).column(ROUND).to_pylist() if ROUND in names else [None] * len(ids)
    try:
        grades = read_shard(path, [GRADE]).column(GRADE).cast(pa.float64()).to_pylist()
    except pa.ArrowInvalid as error:
        raise UserError(f"column {GRADE!r} of {path} holds no numbers: {error}; grades go from 0 to 5") from error
    rows = [
        (row, id, grade, round == 0) for row, (id, grade, round) in enumerate(zip(ids, grades, rounds, strict=True))
    ]
    for _, id, grade, _ in rows:
        if grade is not None and not 0 <= grade <= HIGHEST:  # also true of NaN
            raise UserError(f"the grade of {id} is {grade}, not a number from 0 to 5; mend the labels in {path}")
    return [entry for entry in rows if entry[2] is not None]
