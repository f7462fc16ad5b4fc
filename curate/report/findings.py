"""What the report says of the documents themselves, dug out of the stage directories.

In: the files of one stage (`StageFiles`). Out: small frozen records, ready to print. A stage that has not run, has no
rows or writes no such column gives nothing (None or an empty list), never an error, so that a partial run has a
report. Scores and ids are read as columns; texts only of the few documents that are shown.
"""

import json
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from curate.errors import UserError
from curate.files.shards import list_shards, read_jsonl, read_schema, read_shard
from curate.records.status import StageFiles
from curate.report.excerpts import Example, difference
from curate.text.profile import is_python

LARGEST = 5
EACH_SIDE = 2


@dataclass(frozen=True)
class Cluster:
    """A survivor and how many duplicates it stands for."""

    survivor: str
    absorbed: int


@dataclass(frozen=True)
class Duplicates:
    """What a dedup stage found."""

    stage: str
    survivors: int
    absorbed: int
    largest: list[Cluster]
    similarities: list[float]
    pairs: list[Example]
    """Differences between a dropped document and its survivor: the least similar pair, and one from the middle."""
    detection: list[tuple[float, float]]
    """Points (similarity, chance that the bands propose such a pair), where the stage has bands."""


@dataclass(frozen=True)
class Scores:
    """How a stage's score column is spread, and the documents nearest the cut."""

    stage: str
    column: str
    kept: list[float]
    dropped: list[float]
    cut: float | None
    above: list[Example]
    below: list[Example]


@dataclass(frozen=True)
class Grading:
    """The grades that a stage gave, the best and the worst document, and how well a classifier learnt from them."""

    stage: str
    grades: list[float]
    examples: list[Example]
    agreement: list[tuple[float, float]]
    """Points (labels, rank correlation with held-out grades), one a round, where grades were asked for in rounds."""


@dataclass(frozen=True)
class Training:
    """What a training job wrote down."""

    stage: str
    curves: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)


def duplicates(stage: StageFiles, parameters: Mapping[str, Any]) -> Duplicates | None:
    """Describe the dropped rows of a dedup stage; None where it dropped none."""
    tables = list(columns(stage, "dropped", ["id", "survivor", "similarity"]))
    rows = [row for _, table in tables if "survivor" in table.column_names for row in table.to_pylist()]
    rows = [row for row in rows if row["survivor"] is not None]
    if not rows:
        return None
    sizes = Counter(row["survivor"] for row in rows)
    largest = sorted(sizes.items(), key=lambda pair: (-pair[1], pair[0]))[:LARGEST]
    near = sorted((row for row in rows if finite(row.get("similarity"))), key=lambda r: (r["similarity"], r["id"]))
    near = [row for row in near if row["similarity"] < 1]
    return Duplicates(
        stage=stage.name,
        survivors=len(sizes),
        absorbed=len(rows),
        largest=[Cluster(survivor, count) for survivor, count in largest],
        similarities=[row["similarity"] for row in near],
        pairs=_differences(stage, [near[0], near[len(near) // 2]][: len(near)] if near else []),
        detection=detection_curve(parameters.get("bands"), parameters.get("permutations")),
    )


def detection_curve(bands: Any, permutations: Any) -> list[tuple[float, float]]:
    """Return points of 1 - (1 - s^rows)^bands, the chance that LSH proposes a pair of Jaccard similarity s.

    rows = permutations / bands (Leskovec et al., Mining of Massive Datasets, section 3.4).
    """
    if not isinstance(bands, int) or not isinstance(permutations, int) or not 1 <= bands <= permutations:
        return []
    return [(s / 100, 1 - (1 - (s / 100) ** (permutations // bands)) ** bands) for s in range(0, 101, 2)]


def _differences(stage: StageFiles, pairs: list[dict[str, Any]]) -> list[Example]:
    gone = fetch(stage, "dropped", {row["id"] for row in pairs})
    kept = fetch(stage, "kept", {row["survivor"] for row in pairs})
    examples = []
    for row in pairs:
        old, new = kept.get(row["survivor"]), gone.get(row["id"])
        if old is None or new is None:
            continue
        note = f"dropped for {row['survivor']}, similarity {row['similarity']:.3f}"
        examples.append(Example(row["id"], note, "\n".join(difference(old["text"], new["text"])), "diff"))
    return examples


def scores(stage: StageFiles, inputs: list[StageFiles], plan_metrics: Mapping[str, float]) -> Scores | None:
    """Describe the score column that a stage added to its documents; None where it added none or saw no rows."""
    column = _score_column(stage, inputs)
    if column is None:
        return None
    halves = {half: _scored(stage, half, column) for half in ("kept", "dropped")}
    kept, dropped = (sorted(halves[half], key=lambda item: (item[0], item[1])) for half in ("kept", "dropped"))
    cut = next((plan_metrics[name] for name in ("cut", "threshold") if name in plan_metrics), None)
    if cut is None and kept and dropped and dropped[-1][0] <= kept[0][0]:
        cut = kept[0][0]
    return Scores(
        stage=stage.name,
        column=column,
        kept=[score for score, _ in kept],
        dropped=[score for score, _ in dropped],
        cut=cut,
        above=_scored_examples(stage, "kept", kept[:EACH_SIDE], column),
        below=_scored_examples(stage, "dropped", dropped[::-1][:EACH_SIDE], column),
    )


def _score_column(stage: StageFiles, inputs: list[StageFiles]) -> str | None:
    """Return the first floating-point column that the stage's kept rows have and its input's have not."""
    above = {name for place in inputs for path in list_shards(place.directory / "kept")[:1] for name in names(path)}
    for path in list_shards(stage.directory / "kept")[:1]:
        schema = read_schema(path)
        return next((f.name for f in schema if pa.types.is_floating(f.type) and f.name not in above), None)
    return None


def _scored(stage: StageFiles, half: str, column: str) -> list[tuple[float, str]]:
    return [
        (score, identity)
        for _, table in columns(stage, half, ["id", column])
        if column in table.column_names
        for identity, score in zip(*(table.column(name).to_pylist() for name in ("id", column)), strict=True)
        if finite(score)
    ]


def _scored_examples(stage: StageFiles, half: str, ends: list[tuple[float, str]], column: str) -> list[Example]:
    rows = fetch(stage, half, {identity for _, identity in ends})
    return [
        Example(identity, f"{half}, {column} {score:.4f}", rows[identity]["text"])
        for score, identity in ends
        if identity in rows
    ]


def grading(stage: StageFiles) -> Grading | None:
    """Describe the grades of a stage; None where it gave none."""
    halves = {half: _scored(stage, half, "grade") for half in ("kept", "dropped")}
    graded = sorted((*item, half) for half, items in halves.items() for item in items)
    if not graded:
        return None
    examples = [
        example
        for grade, identity, half in dict.fromkeys((graded[-1], graded[0]))
        for example in _scored_examples(stage, half, [(grade, identity)], "grade")
    ]
    rounds = read_json(stage.directory / "plan" / "rounds.json") or []
    points = [(float(point["labels"]), float(point["agreement"])) for point in rounds]
    return Grading(stage.name, [grade for grade, _, _ in graded], examples, points)


def accepted(stage: StageFiles, note: str) -> Example | None:
    """Return the first document that a maker kept."""
    for path in list_shards(stage.directory / "kept"):
        for row in read_shard(path, ["id", "text"]).slice(0, 1).to_pylist():
            return Example(row["id"], note, row["text"], "python" if is_python(row["text"]) else "markdown")
    return None


def training(stage: StageFiles, metrics: Mapping[str, float]) -> Training | None:
    """Return the curves of `metrics.jsonl` (every figure that has `loss` in its name, over `step`) and the facts."""
    path = stage.directory / "metrics.jsonl"
    rows = list(read_jsonl(path)) if path.exists() else []
    curves: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        for name, value in row.items():
            if "loss" in name and finite(value) and finite(row.get("step")):
                curves.setdefault(name.replace("_", " "), []).append((float(row["step"]), float(value)))
    facts = {**_flat(read_json(stage.directory / "model" / "curate.json")), **metrics}
    return Training(stage.name, curves, facts) if curves or facts else None


def _flat(value: Any) -> dict[str, Any]:
    """Return the plain entries of a JSON object."""
    entries = value.items() if isinstance(value, dict) else ()
    return {str(name): inner for name, inner in entries if isinstance(inner, str | int | float)}


def read_json(path: Path) -> Any:
    """Return the value of a JSON file that may not be there (yet). Raises UserError for a damaged one."""
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None
    except (ValueError, OSError) as error:
        why = " ".join(str(error).split())[:150]
        raise UserError(f"cannot read {path}: {why}; remove it, and its stage if that does not help") from error


def fetch(stage: StageFiles, half: str, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the rows with these ids from one half of a stage; only shards that hold one are read whole."""
    wanted = pa.array(sorted(ids), pa.string())
    found: dict[str, dict[str, Any]] = {}
    for path, table in columns(stage, half, ["id"]) if len(wanted) else ():
        mask = pc.is_in(table.column("id"), value_set=wanted)
        if pc.any(mask).as_py():
            found.update({row["id"]: row for row in read_shard(path).filter(mask).to_pylist()})
    return found


def columns(stage: StageFiles, half: str, wanted: list[str]) -> Iterator[tuple[Path, pa.Table]]:
    """Yield each shard of one half of a stage with those of the columns that it has."""
    for path in list_shards(stage.directory / half):
        have = names(path)
        yield path, read_shard(path, [name for name in wanted if name in have])


def names(path: Path) -> list[str]:
    """Return the names of a shard's columns."""
    return list(read_schema(path).names)


def finite(value: Any) -> bool:
    """Tell whether a value is a number that can be drawn."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
