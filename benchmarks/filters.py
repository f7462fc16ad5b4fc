"""Quality classifiers side by side, and grading in rounds beside grading at random, on real grades.

benchmarks/data/grades.csv.gz holds the grades that Qwen2.5-Coder-1.5B-Instruct (4-bit weights) gave 6,066 files of a
corpus of public packages, asked by four of the questions in filters/grading/asking.py (6,000 by the first three); the
texts are read from the corpus beside the checkout, or from $CURATE_CORPUS. The best 30 % of the grades are the
positives, a fifth of the files is held out. A second table learns from the rubric's grades of the same files. Speed is
that of `predict`, text in, probability out, by processor time.

benchmarks/data/reader.csv holds the grades that a careful reader, a far larger model, gave 150 of these files without
knowing any other, benchmarks/data/near.csv those of others that an earlier classifier put near a cut. A third table
says which labels teach a classifier, trained on the other files, the order that this reader has. The weights of the
question `facts` come from the 150 (calibration.py), so there its figures flatter; of those near the cut it knows
nothing. The question `checklist` was asked about 13 of these alone.

Prints tables and writes benchmarks/results/filters.json.
"""

import csv
import gzip
import json
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.calibration import read_grades
from curate.filters.classifiers.agreement import agreement, rank_correlation
from curate.filters.classifiers.classifier import CLASSIFIERS, Settings, kind
from curate.filters.classifiers.labels import Labels
from curate.filters.grading.asking import excerpt
from curate.filters.grading.rounds import Pool, grade_in_rounds
from curate.filters.grading.rubric import grade, parts_of
from curate.stage import derive_seed

HERE = Path(__file__).parent
CORPUS = Path(os.environ.get("CURATE_CORPUS", HERE.parent.parent / "shared" / "data" / "corpus"))
SCRATCH = Path(f"/tmp/{os.getpid()}.training")
QUESTION = "facts"
POSITIVE, HELD_OUT, SEED = 0.3, 0.2, 17
BLEND = 0.3
"""Weight of the rubric in the labels `both`."""
JUDGES, LABELS, ROUNDS, SEEDS = 2000, 1200, 4, 3
BUDGET_BYTES = 3600
Values = npt.NDArray[np.float64]


def graded_files() -> tuple[list[str], pa.ChunkedArray, dict[str, Values]]:
    """Return ids, texts and grades (by question, and the rubric's) of the files that are in the corpus."""
    with gzip.open(HERE / "data" / "grades.csv.gz", "rt") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    wanted = pa.array(list(rows))
    tables = [pq.read_table(path, columns=["id", "text"]) for path in sorted(CORPUS.glob("*.parquet"))]
    if not tables:
        sys.exit(f"no corpus at {CORPUS}; set CURATE_CORPUS to its folder")
    table = pa.concat_tables(table.filter(pc.is_in(table["id"], wanted)) for table in tables).sort_by("id")
    ids = table["id"].to_pylist()
    questions = [name for name in next(iter(rows.values())) if name != "id"]
    grades = {name: np.array([float(rows[id][name] or "nan") for id in ids]) for name in questions}
    texts = table["text"].cast(pa.large_string())
    grades["rubric"] = np.array([grade(parts) for parts in parts_of(texts)])
    return ids, texts, grades


def compare_classifiers(texts: pa.ChunkedArray, grades: Values) -> dict[str, dict[str, float]]:
    """Train each classifier on the same labels and judge it by the same held-out ones."""
    known = ~np.isnan(grades)
    labels = Labels(texts.filter(pa.array(known)), grades[known])
    positive, held_out = labels.positive(POSITIVE, None), labels.held_out(HELD_OUT, SEED)
    learn, judge = (labels.texts.filter(pa.array(side)) for side in (~held_out, held_out))
    figures = {}
    for name in CLASSIFIERS:
        start = time.process_time()
        model = kind(name).train(learn, positive[~held_out], Settings(SEED), SCRATCH)
        trained = time.process_time() - start
        model.predict(judge.slice(0, 5))
        rates = []
        for _ in range(3):
            start = time.process_time()
            scores = model.predict(judge)
            rates.append(judge.nbytes / 1e6 / (time.process_time() - start))
        found = agreement(scores, positive[held_out], labels.grades[held_out])
        figures[name] = {**asdict(found), "mb_per_s": float(np.median(rates)), "train_s": trained}
    return figures


def compare_with_reader(
    ids: list[str], texts: pa.ChunkedArray, grades: dict[str, Values]
) -> dict[str, dict[str, dict[str, float]]]:
    """Return, by source of labels and by classifier, the rank correlation with the reader's grades on both sets.

    `itself` is that of the labels, no classifier between. What is mixed is mixed as filter.quality does.
    """
    evenly, near = read_grades()
    read = {"reader": evenly, "near": {id: float(readings.mean()) for id, readings in near.items()}}
    rows = {name: np.array([row for row, id in enumerate(ids) if id in read[name]]) for name in read}
    reader = {name: np.array([read[name][ids[row]] for row in rows[name]]) for name in read}
    others = np.ones(len(ids), dtype=bool)
    others[np.concatenate(list(rows.values()))] = False
    figures = {}
    for source, question, weight in (
        ("checklist", "checklist", 0.0), ("facts", "facts", 0.0), ("rubric", "facts", 1.0), ("both", "facts", BLEND)
    ):  # fmt: skip
        known = ~np.isnan(grades[question])
        every = np.full(len(ids), np.nan)
        every[known] = Labels(texts, grades[question][known], None, grades["rubric"][known]).blended(weight).grades
        learn = texts.filter(pa.array(others & known))
        positive = Labels(learn, every[others & known]).positive(POSITIVE, None)
        found = {name: {"itself": _correlation(every[rows[name]], reader[name])} for name in rows}
        for kind_name in CLASSIFIERS:
            model = kind(kind_name).train(learn, positive, Settings(SEED), SCRATCH)
            for name, chosen in rows.items():
                scores = model.predict(texts.take(pa.array(chosen)))
                found[name][kind_name] = rank_correlation(scores, reader[name])
        figures[source] = found
    return figures


def _correlation(labels: Values, reader: Values) -> float:
    """Return the rank correlation over the files that have a label."""
    known = ~np.isnan(labels)
    return rank_correlation(labels[known], reader[known])


def compare_questions(grades: dict[str, Values]) -> dict[str, float]:
    """Return the rank correlation between each question's grades and the rubric's."""
    known = {name: ~np.isnan(values) for name, values in grades.items()}
    return {
        name: rank_correlation(values[known[name]], grades["rubric"][known[name]])
        for name, values in grades.items()
        if name != "rubric"
    }


def compare_rounds(
    ids: list[str], texts: pa.ChunkedArray, grades: dict[str, Values]
) -> dict[str, dict[str, list[float]]]:
    """Return, by source of grades, agreement with held-out ones after each round, chosen and drawn: means over seeds.

    The same files judge both, a third of all; a round's labels come from the rest.
    """
    sizes = pc.binary_length(texts).to_numpy().astype(float)
    shown = pa.chunked_array([[excerpt(text, BUDGET_BYTES) for text in texts.to_pylist()]], pa.large_string())
    curves: dict[str, dict[str, list[list[float]]]] = {name: {"chosen": [], "random": []} for name in grades}
    counts: list[float] = []
    for number in range(SEEDS):
        pool = Pool(ids, shown, sizes, grades["rubric"], derive_seed(SEED, "benchmark", number))
        for source, values in grades.items():
            for name, active in (("chosen", True), ("random", False)):
                graded = grade_in_rounds(
                    pool, lambda rows, _, values=values: values[rows], JUDGES + LABELS, ROUNDS,
                    JUDGES / (JUDGES + LABELS), active=active, patient=True,
                )  # fmt: skip
                curves[source][name].append([point["agreement"] for point in graded.curve])
                counts = [point["labels"] for point in graded.curve] if number == 0 else counts
    return {
        source: {"labels": counts, **{name: np.mean(runs, axis=0).tolist() for name, runs in both.items()}}
        for source, both in curves.items()
    }


def labels_for(agreement: float, labels: list[float], curve: list[float]) -> float | None:
    """Return after how many labels a curve reaches an agreement, between rounds on a straight line."""
    for at in range(len(curve)):
        if curve[at] >= agreement:
            if at == 0:
                return labels[0]
            part = (agreement - curve[at - 1]) / (curve[at] - curve[at - 1])
            return labels[at - 1] + part * (labels[at] - labels[at - 1])
    return None


def main() -> None:
    """Measure, print, write."""
    ids, texts, grades = graded_files()
    result: dict[str, object] = {"files": len(ids), "mb": texts.nbytes / 1e6}
    print(f"{len(ids)} files, {texts.nbytes / 1e6:.0f} MB")
    for source in (QUESTION, "rubric"):
        figures = result[f"classifiers on {source} grades"] = compare_classifiers(texts, grades[source])
        print(f"\nlearnt from {source} grades\nclassifier     F1  rank r    ECE  MB/s  train s")
        for name, found in figures.items():
            print(
                f"{name:10} {found['f1']:6.3f} {found['rank_correlation']:7.3f} {found['calibration_error']:6.3f} "
                f"{found['mb_per_s']:5.0f} {found['train_s']:8.1f}"
            )
    readers = result["rank correlation with a reader"] = compare_with_reader(ids, texts, grades)
    for name, what in (("reader", "150 files drawn evenly"), ("near", "79 files near a cut")):
        print(f"\nrank correlation with a reader, {what}\nlearnt from itself " + " ".join(CLASSIFIERS))
        for source, row in readers.items():
            print(f"{source:10}" + "".join(f"{value:8.3f}" for value in row[name].values()))
    result["rank correlation with the rubric"] = compare_questions(grades)
    print("\nrank correlation of each question with the rubric")
    print("  ".join(f"{name} {value:.3f}" for name, value in compare_questions(grades).items()))
    write(result)
    curves = result["rounds"] = compare_rounds(ids, texts, {name: grades[name] for name in (QUESTION, "rubric")})
    for source, curve in curves.items():
        print(f"\nagreement with held-out {source} grades, {SEEDS} seeds\nlabels  chosen  random")
        for labels, chosen, drawn in zip(curve["labels"], curve["chosen"], curve["random"], strict=True):
            print(f"{labels:6.0f} {chosen:7.3f} {drawn:7.3f}")
        enough = labels_for(curve["random"][-1], curve["labels"], curve["chosen"])
        print(f"chosen labels for what {curve['labels'][-1]:.0f} random ones give: {enough and round(enough)}")
    write(result)


def write(result: dict[str, object]) -> None:
    """Keep what has been measured so far."""
    (HERE / "results" / "filters.json").write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
