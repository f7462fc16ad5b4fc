"""Arms beside each other: each model, and what it gained over the one before it, task by task.

In: scores of several models under the same protocols, and the order of the arms; an arm may be several trainings of one
recipe (`verified+verified2`), whose tasks then count by their mean. Out: for each protocol and arm pass@1 and bits per
byte, and their differences from the arm before with a 95% interval, by resampling tasks (compare.py).

Not covered: how far two trainings of one recipe lie apart by chance; give them as two arms.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from curate.errors import UserError, did_you_mean
from curate.files.shards import read_jsonl
from curate.table.compare import RESAMPLES, task_scores
from curate.table.rows import Entry
from curate.terminal.display import printable

BITS = "bits per byte"
Values = dict[str, float]


@dataclass(frozen=True)
class Gain:
    """One measure of an arm, and its difference from the arm before; None for the first arm."""

    arm: str
    measure: str
    """The protocol, with its number of samples where there are several, or the bits per byte of a protocol's tasks."""
    value: float
    """Per cent, or bits per byte."""
    tasks: int
    change: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Measured:
    """What one model did in one exam, by task; the measure is the sum of the values over the sum of the weights."""

    values: Values
    """Per cent of the samples that passed, or the bits that the solution costs."""
    weights: Values
    """1, or the bytes of the solution."""


def gains(entries: Sequence[Entry], arms: Sequence[str]) -> list[Gain]:
    """Return the measures of each arm, in the order of the exams, and of the arms as given.

    Raises UserError for an arm without scores.
    """
    found: dict[str, dict[str, Measured]] = defaultdict(dict)
    for entry in entries:
        found[entry.model] |= _measured(entry)
    known = {arm: [_of(found, name) for name in arm.split("+")] for arm in arms}
    rows = []
    for measure in dict.fromkeys(title for entry in entries for title in found[entry.model]):
        before: Measured | None = None
        for arm in arms:
            if not all(measure in each for each in known[arm]):
                continue
            now = _mean([each[measure] for each in known[arm]])
            rows.append(_gain(arm, measure, now, before))
            before = now
    return rows


def _of(found: Mapping[str, dict[str, Measured]], name: str) -> dict[str, Measured]:
    if name not in found:
        raise UserError(f"--arms: no scores of {name!r}{did_you_mean(name, found)}; score it, or leave it out")
    return found[name]


def _measured(entry: Entry) -> Iterator[tuple[str, Measured]]:
    """Yield what a score holds: what passed, and what the solutions cost, where that was measured."""
    samples, temperature = entry.drawn
    drawn = f", {samples} samples at {temperature:g}" if temperature else ""
    passed = {task: 100 * share for task, share in task_scores(entry.score).items()}
    yield f"{entry.score.protocol}{drawn}", Measured(passed, dict.fromkeys(passed, 1.0))
    if entry.bits and Path(entry.bits).is_file():
        costs = list(read_jsonl(Path(entry.bits)))
        bits, size = ({row["task_id"]: float(row[name]) for row in costs} for name in ("bits", "bytes"))
        yield f"{BITS}, {entry.score.protocol}", Measured(bits, size)


def _mean(parts: Sequence[Measured]) -> Measured:
    """Return the mean over trainings of one recipe, of the tasks that all of them have."""
    tasks = [task for task in parts[0].values if all(task in part.values for part in parts)]
    return Measured(
        {task: sum(part.values[task] for part in parts) / len(parts) for task in tasks},
        {task: parts[0].weights[task] for task in tasks},
    )


def _gain(arm: str, measure: str, now: Measured, before: Measured | None, seed: int = 0) -> Gain:
    """Return a measure with its difference from the arm before, on the tasks that both have."""
    value = sum(now.values.values()) / sum(now.weights.values())
    one = Gain(arm, measure, value, len(now.values))
    both = [task for task in now.values if before and task in before.values]
    if before is None or not both:
        return one
    change = np.array([now.values[task] - before.values[task] for task in both])
    weight = np.array([now.weights[task] for task in both])
    draws = np.random.default_rng(seed).integers(len(both), size=(RESAMPLES, len(both)), dtype=np.int32)
    low, high = np.quantile(change[draws].sum(axis=1) / weight[draws].sum(axis=1), (0.025, 0.975))
    return replace(one, change=float(change.sum() / weight.sum()), low=float(low), high=float(high))


def render_gains(rows: Sequence[Gain], arms: Sequence[str]) -> str:
    """Return a Markdown table: a line a measure, a column an arm, with the difference from the arm to the left."""
    by = {(row.measure, row.arm): row for row in rows}
    measures = dict.fromkeys(row.measure for row in rows)
    lines = [_line(["Measure", "Tasks", *arms]), _line(["---"] * (len(arms) + 2))]
    for measure in measures:
        tasks = max(row.tasks for row in rows if row.measure == measure)
        lines.append(_line([measure, str(tasks), *(_cell(by.get((measure, arm))) for arm in arms)]))
    told = "In brackets the difference from the arm to the left and its 95% interval (paired bootstrap over tasks)."
    return "\n".join([*lines, "", told])


def _cell(row: Gain | None) -> str:
    if row is None:
        return "-"
    digits = 3 if row.measure.startswith(BITS) else 1
    if row.change is None:
        return f"{row.value:.{digits}f}"
    return f"{row.value:.{digits}f} ({row.change:+.{digits}f}; {row.low:+.{digits}f} to {row.high:+.{digits}f})"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(printable(cell).replace("|", "\\|") for cell in cells) + " |"


def as_json(rows: Sequence[Gain]) -> str:
    """Return the measures as JSON."""
    return json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False)
