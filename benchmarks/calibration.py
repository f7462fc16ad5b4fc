"""Which yes-or-no questions make a small model grade as a careful reader does, and what each should count.

    python -m benchmarks.calibration

benchmarks/data/answers.csv.gz holds how probable Qwen2.5-Coder-1.5B-Instruct (4-bit weights) finds Yes, against No, for
each of 47 questions about 229 files, asked as `filter.annotate` asks. benchmarks/data/reader.csv holds the grades that
a careful reader, a far larger model, gave 150 of them, drawn evenly; benchmarks/data/near.csv those of 80 that an
earlier classifier put next to a cut, read twice by such readers who knew nothing of each other. One file stands in both
and counts among the 150 alone.

Questions are chosen one at a time, each the one that most raises the cross-validated rank correlation with the reader
on the 150, as long as every weight has the sign that its question means (the first character of its column). Those
near the cut serve for the last column alone. What it prints last is `FACTS` in filters/grading/asking.py. Writes
benchmarks/results/calibration.json.
"""

import csv
import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curate.filters.classifiers.agreement import rank_correlation
from curate.filters.grading.asking import QUESTIONS

HERE = Path(__file__).parent
FOLDS, DRAWS, RIDGE, GAIN = 10, 4, 10.0, 0.005
"""A question must raise the correlation by GAIN; the penalty of the regression is on standardised answers."""
Values = npt.NDArray[np.float64]


def read_grades() -> tuple[dict[str, float], dict[str, Values]]:
    """Return the reader's grades of the files drawn evenly, and both readings of the others, near the cut."""
    with (HERE / "data" / "reader.csv").open() as file:
        read = {row["id"]: float(row["grade"]) for row in csv.DictReader(file)}
    with (HERE / "data" / "near.csv").open() as file:
        near = {row["id"]: np.array([float(row["first"]), float(row["second"])]) for row in csv.DictReader(file)}
    return read, {id: readings for id, readings in near.items() if id not in read}


def read_answers() -> tuple[list[str], dict[str, Values]]:
    """Return the questions, each behind its sign, and the answers by file."""
    with gzip.open(HERE / "data" / "answers.csv.gz", "rt", newline="") as file:
        header, *rows = csv.reader(file)
    return header[1:], {id: np.array(values, dtype=np.float64) for id, *values in rows}


def fit(answers: Values, grades: Values) -> tuple[Values, float]:
    """Return the weights, one an answer, and the base of a ridge regression."""
    centre, spread = answers.mean(axis=0), answers.std(axis=0)
    scaled = (answers - centre) / spread
    penalty = RIDGE * np.eye(scaled.shape[1])
    weights = np.linalg.solve(scaled.T @ scaled + penalty, scaled.T @ (grades - grades.mean())) / spread
    return weights, float(grades.mean() - weights @ centre)


def cross_validated(answers: Values, grades: Values) -> float:
    """Return the rank correlation of grades that were predicted without being seen: the mean over some divisions."""
    found = []
    for draw in range(DRAWS):
        fold = np.random.default_rng(draw).integers(0, FOLDS, len(grades))
        predicted = np.empty(len(grades))
        for number in range(FOLDS):
            weights, base = fit(answers[fold != number], grades[fold != number])
            predicted[fold == number] = base + answers[fold == number] @ weights
        found.append(rank_correlation(predicted, grades))
    return float(np.mean(found))


def choose(answers: Values, grades: Values, signs: Values) -> list[int]:
    """Return the columns that are worth asking, in the order in which they were chosen."""
    chosen: list[int] = []
    best = 0.0
    while True:
        tried = [[*chosen, column] for column in range(answers.shape[1]) if column not in chosen]
        sound = [columns for columns in tried if (np.sign(fit(answers[:, columns], grades)[0]) == signs[columns]).all()]
        value, columns = max(((cross_validated(answers[:, each], grades), each) for each in sound), default=(0.0, []))
        if value < best + GAIN:
            return chosen
        chosen, best = columns, value


def signs_of(columns: Sequence[str]) -> Values:
    """Return 1 where Yes speaks for a file, and -1 where against it."""
    return np.array([1.0 if column[0] == "+" else -1.0 for column in columns])


def main() -> None:
    """Choose, fit, print, write."""
    signed, answers = read_answers()
    read, near = read_grades()
    questions = [column[1:] for column in signed]
    known = np.array([answers[id] for id in read])
    grades = np.array(list(read.values()))
    close = np.array([answers[id] for id in near])
    readings = np.array(list(near.values()))
    steps = []
    chosen = choose(known, grades, signs_of(signed))
    print(
        f"{len(read)} files drawn evenly, {len(near)} near a cut\n\nquestions    alone  cross-validated   near the cut"
    )
    for count in range(1, len(chosen) + 1):
        columns = chosen[:count]
        weights, base = fit(known[:, columns], grades)
        step = {
            "question": questions[columns[-1]],
            "alone": rank_correlation(known[:, columns[-1]], grades),
            "cross_validated": cross_validated(known[:, columns], grades),
            "near": rank_correlation(base + close[:, columns] @ weights, readings.mean(axis=1)),
        }
        steps.append(step)
        print(f"{count:9}{step['alone']:9.3f}{step['cross_validated']:17.3f}{step['near']:15.3f}  {step['question']}")
    checklist = [questions.index(criterion) for criterion in QUESTIONS["checklist"].criteria]
    before = {"known": rank_correlation(known[:, checklist].sum(axis=1), grades),
              "near": rank_correlation(close[:, checklist].sum(axis=1), readings.mean(axis=1))}  # fmt: skip
    both = rank_correlation(readings[:, 0], readings[:, 1])
    print(f"checklist{before['known']:26.3f}{before['near']:15.3f}\ntwo readers{both:39.3f}")
    weights, base = fit(known[:, chosen], grades)
    off = np.abs(base + close[:, chosen] @ weights - readings.mean(axis=1))
    within = {"one point": float(np.mean(off <= 1)), "half a point": float(np.mean(off <= 0.5))}
    print("near the cut within " + ", ".join(f"{name} {share:.1%}" for name, share in within.items()))
    print(f"\nbase {base:.2f}")
    for column, weight in zip(chosen, weights, strict=True):
        print(f"{weight:+.2f}  {questions[column]}")
    result = {
        "steps": steps, "checklist": before, "two_readers_near": both, "near_within": within,
        "base": base, "weights": weights.tolist(),
    }  # fmt: skip
    (HERE / "results" / "calibration.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
