"""Labels: the documents of a stage that carry a `grade`, from 0 (teaches nothing) to 5 (a textbook).

`grade` is the one column that graders write, be they a rubric, a model or a person; null means not graded. In: the
kept shards of a stage. Out: texts and grades, and the split into those to learn from and those held out.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from curate.errors import UserError
from curate.shards import read_shard
from curate.stage import derive_seed

GRADE = "grade"
HIGHEST = 5.0
FEWEST = 50
"""Labels below this number cannot be split into halves that say anything."""


@dataclass(frozen=True)
class Labels:
    """Graded documents, in an order that depends on seed and ids alone."""

    texts: pa.ChunkedArray
    grades: npt.NDArray[np.float64]

    def positive(self, share: float, at: float | None) -> npt.NDArray[np.bool_]:
        """Tell which grades count as positive: those from `at` on, or else about the best `share` of them.

        Equal grades are never parted. Raises UserError if that leaves one class.
        """
        cut = float(np.quantile(self.grades, 1 - share, method="higher")) if at is None else at
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
        """Tell which documents are held out. Decided by a hash of the text, so copies fall on the same side."""
        limit = int(share * 2**63)
        return np.array([derive_seed(seed, "held out", text) < limit for text in self.texts.to_pylist()], bool)


def read_labels(shards: Sequence[Path], most: int, seed: int) -> Labels:
    """Read the graded documents of some shards; where there are more than `most`, those with the lowest hashes.

    Raises UserError for a missing column, grades that are no number from 0 to 5, or too few of them.
    """
    found = [
        (derive_seed(seed, "label", id), number, row, grade)
        for number, path in enumerate(shards)
        for row, id, grade in read_grades(path)
    ]
    if len(found) < FEWEST:
        raise UserError(f"only {len(found)} labels; grade at least {FEWEST} documents")
    chosen = sorted(found)[:most]
    rows = defaultdict(list)
    for _, number, row, _ in chosen:
        rows[number].append(row)
    texts = {number: iter(read_rows(shards[number], wanted)) for number, wanted in rows.items()}
    in_order = [next(texts[number]) for _, number, _, _ in chosen]
    return Labels(pa.chunked_array([in_order], pa.large_string()), np.array([grade for *_, grade in chosen]))


def read_rows(path: Path, rows: list[int]) -> list[str]:
    """Return the texts of some rows of a shard."""
    texts: list[str] = read_shard(path, ["text"]).column("text").take(pa.array(rows)).to_pylist()
    return texts


def read_grades(path: Path) -> list[tuple[int, str, float]]:
    """Return (row, id, grade) of the graded documents of one shard."""
    ids = read_shard(path, ["id"]).column("id").to_pylist()
    if GRADE not in pq.read_schema(path).names:
        raise UserError(f"{path} has no column {GRADE!r}; let `learn_from:` name a stage that grades: filter.rubric")
    try:
        grades = read_shard(path, [GRADE]).column(GRADE).cast(pa.float64()).to_pylist()
    except pa.ArrowInvalid as error:
        raise UserError(f"column {GRADE!r} of {path} holds no numbers: {error}; grades go from 0 to 5") from error
    rows = [(row, id, grade) for row, (id, grade) in enumerate(zip(ids, grades, strict=True))]
    for _, id, grade in rows:
        if grade is not None and not 0 <= grade <= HIGHEST:  # also true of NaN
            raise UserError(f"the grade of {id} is {grade}, not a number from 0 to 5; mend the labels in {path}")
    return [entry for entry in rows if entry[2] is not None]
