"""Whether one model is better than another: the tasks gained and lost, and a paired bootstrap over tasks.

In: the verdicts of two models under one protocol, on the same problems. Out: the difference of their pass@1 in points
with a 95% interval and a two-sided p value, by resampling tasks (Efron and Tibshirani 1993, An Introduction to the
Bootstrap: percentile interval, chapter 13; test of a mean, section 16.4). Paired, because both models find the same
tasks hard: unpaired intervals are far too wide. The seed is fixed, so the same verdicts give the same figures.

Not covered: many models at once (p values are not corrected for that), and the chance in sampling when a task has one
sample at a temperature above 0.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap

import numpy as np
import numpy.typing as npt

from curate.errors import UserError
from curate.files.shards import read_jsonl
from curate.table.rows import Entry, Score
from curate.terminal.display import printable

RESAMPLES = 10_000
ROUNDING = 1e-12
WIDTH = 79
"""Columns of the text of a difference."""


@dataclass(frozen=True)
class Difference:
    """Two results on the same tasks under one protocol. `points` is the second's pass@1 minus the first's."""

    first: str
    second: str
    benchmark: str
    protocol: str
    n_tasks: int
    first_value: float
    second_value: float
    """Per cent, on the tasks that both judged."""
    points: float
    low: float
    high: float
    """The 95% interval of `points`."""
    p_value: float
    """How often a difference at least as large comes up if the two are equally good."""
    gained: tuple[str, ...]
    lost: tuple[str, ...]


def differences(entries: Sequence[Entry]) -> list[Difference]:
    """Compare two models, protocol by protocol.

    Raises UserError where there are not exactly two, or where they share no protocol on the same problems.
    """
    models: dict[tuple[str, Path], dict[tuple[object, ...], Entry]] = defaultdict(dict)
    for entry in entries:
        models[entry.model, entry.place][entry.exam] = entry
    if len(models) != 2:
        raise UserError(f"--diff compares two models, {len(models)} were found; name two folders with one model each")
    first, second = models.values()
    found = [compare(first[exam], second[exam]) for exam in first if exam in second]
    if not found:
        (one, _), (other, _) = models
        raise UserError(
            f"{one} and {other} share no benchmark under one protocol on the same problems; evaluate them alike"
        )
    return found


def compare(first: Entry, second: Entry) -> Difference:
    """Return what the second result gained and lost on the tasks that both judged (`infra` does not count)."""
    before, after = task_scores(first.score), task_scores(second.score)
    tasks = [task_id for task_id in before if task_id in after]
    if not tasks:
        raise UserError(f"the two results on {first.benchmark} have no task in common")
    change = np.array([after[task_id] - before[task_id] for task_id in tasks])
    low, high, p_value = bootstrap(change)
    one, other = _sides(first, second)
    return Difference(
        first=one,
        second=other,
        benchmark=first.benchmark,
        protocol=first.score.protocol,
        n_tasks=len(tasks),
        first_value=100 * sum(before[task_id] for task_id in tasks) / len(tasks),
        second_value=100 * sum(after[task_id] for task_id in tasks) / len(tasks),
        points=100 * float(change.mean()),
        low=100 * low,
        high=100 * high,
        p_value=p_value,
        gained=tuple(task_id for task_id, step in zip(tasks, change, strict=True) if step > 0),
        lost=tuple(task_id for task_id, step in zip(tasks, change, strict=True) if step < 0),
    )


def _sides(first: Entry, second: Entry) -> tuple[str, str]:
    """Return what to call the two: their names, with where they come from if those are the same."""
    if first.model != second.model:
        return first.model, second.model
    places = [first.source, second.source] if first.source != second.source else [str(first.place), str(second.place)]
    return f"{first.model} ({places[0]})", f"{second.model} ({places[1]})"


def bootstrap(change: npt.NDArray[np.float64], seed: int = 0) -> tuple[float, float, float]:
    """Return the 95% interval of the mean of paired differences, and the p value of a mean of 0.

    For p the differences are shifted to a mean of 0 and resampled; it is never 0, because what was observed counts
    as one of the resamples.
    """
    draws = np.random.default_rng(seed).integers(len(change), size=(RESAMPLES, len(change)), dtype=np.int32)
    means = change[draws].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    observed = change.mean()
    as_large = int(np.count_nonzero(np.abs(means - observed) >= abs(observed) - ROUNDING))
    return float(low), float(high), (1 + as_large) / (1 + RESAMPLES)


def task_scores(score: Score) -> dict[str, float]:
    """Return task id -> share of its samples that passed."""
    if score.results is None or not Path(score.results).is_file():
        raise UserError(f"the results behind a score are missing ({score.results}); run the evaluation again")
    passed: dict[str, list[bool]] = defaultdict(list)
    for row in read_jsonl(Path(score.results)):
        if row["verdict"] != "infra":
            passed[row["task_id"]].append(row["verdict"] == "pass")
    return {task_id: sum(values) / len(values) for task_id, values in passed.items()}


def render_difference(change: Difference) -> str:
    """Return a difference as a few lines of text that name both sides."""
    p_value = f"p = {change.p_value:.3f}" if change.p_value >= 0.001 else "p < 0.001"
    first, second = printable(change.first), printable(change.second)
    width = max(len(first), len(second))
    return "\n".join(
        [
            printable(f"{change.protocol}, {change.n_tasks} tasks"),
            f"  first   {first:<{width}}  {change.first_value:5.1f}",
            f"  second  {second:<{width}}  {change.second_value:5.1f}",
            *_wrapped(
                f"second minus first: {change.points:+.1f} points, 95% interval {change.low:+.1f} to "
                f"{change.high:+.1f}, {p_value} (paired bootstrap, {RESAMPLES:,} resamples)"
            ),
            *_task_list(f"gained {len(change.gained)} (only {second} passes):", change.gained),
            *_task_list(f"lost {len(change.lost)} (only {first} passes):", change.lost),
        ]
    )


def _task_list(head: str, tasks: Sequence[str]) -> list[str]:
    return _wrapped(f"{head} {printable(', '.join(tasks)) or '-'}")


def _wrapped(text: str) -> list[str]:
    return wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    ", break_long_words=False)
