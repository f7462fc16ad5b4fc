"""The table: what was measured here beside what was published, and what changed between two results.

In: run directories, or folders that `curate eval` wrote; the published rows stand in baselines.json. Out: rows as data,
as Markdown and as plain values for JSON, and for two results the tasks gained and lost.

A score is comparable with another of the same protocol only. So every row names its protocol, a score that differs
from its column in more than that carries a footnote, and the second block holds the baselines under one protocol.
Not covered: making scores (eval/code.py writes the `scores.json` that is read here).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from curate.display import printable
from curate.errors import UserError
from curate.shards import read_jsonl
from curate.status import read_run

TITLES = {"humaneval": "HumanEval", "humaneval+": "HumanEval+", "mbpp": "MBPP", "mbpp+": "MBPP+"}
RESAMPLES = 10_000


@dataclass(frozen=True)
class Score:
    """One model on one benchmark. `value`, `low` and `high` (the 95% interval) are per cent."""

    value: float
    protocol: str
    low: float | None = None
    high: float | None = None
    n_tasks: int | None = None
    bits_per_byte: float | None = None
    note: str | None = None
    """Why it must not be compared with its column, if so."""
    results: str | None = None
    """The file with a verdict for each sample."""


@dataclass(frozen=True)
class Row:
    """One model: its size, the tokens of its data set, its scores by benchmark. None where it is not known."""

    model: str
    parameters: float | None
    dataset_tokens: float | None
    scores: Mapping[str, Score]
    source: str
    kind: str
    """`measured` or `published`."""


@dataclass(frozen=True)
class Difference:
    """Two results on the same tasks under one protocol: the second's pass@1 minus the first's, in points."""

    benchmark: str
    protocol: str
    n_tasks: int
    gained: tuple[str, ...]
    lost: tuple[str, ...]
    points: float
    low: float
    high: float
    """The 95% interval of `points`, by a paired bootstrap over tasks."""


@cache
def published(block: str = "main") -> tuple[Row, ...]:
    """Return the published rows: `main` (phi-1's Table 1) or `evalplus` (one protocol for all)."""
    data = json.loads(files("curate").joinpath("baselines.json").read_text(encoding="utf-8"))[block]
    return tuple(_published_row(row, data["protocol"], data["source"]) for row in data["rows"])


def _published_row(row: Mapping[str, Any], protocol: str, source: str) -> Row:
    notes = row.get("notes", {})
    scores = {name: Score(value, protocol, note=notes.get(name)) for name, value in row["scores"].items()}
    return Row(row["model"], row["parameters"], row["dataset_tokens"], scores, source, "published")


def collect(paths: Iterable[Path]) -> list[Row]:
    """Return the measured rows of runs (their current stages) and of `curate eval` folders, smallest model first.

    Raises UserError for a folder without scores, and for a scores.json that cannot be read.
    """
    return sorted(_read(paths), key=lambda row: (row.parameters or 0, row.model))


def _read(paths: Iterable[Path]) -> list[Row]:
    return [row for path in paths for place, source in _places(path) for row in _read_scores(place, source)]


def _places(path: Path) -> list[tuple[Path, str]]:
    """Return the folders with a scores.json, each with the name that the table gives as its source."""
    if (path / "scores.json").is_file():
        return [(path, path.resolve().name)]
    if (path / "run.json").is_file():
        stages = [stage for stage in read_run(path).stages if (stage.directory / "scores.json").is_file()]
        return [(stage.directory, f"{path.resolve().name}/{stage.name}") for stage in stages]
    raise UserError(f"{path} has neither scores.json nor run.json; name a run or a folder that `curate eval` wrote")


def _read_scores(place: Path, source: str) -> list[Row]:
    path = place / "scores.json"
    try:
        models: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for entry in json.loads(path.read_text(encoding="utf-8")):
            models[entry["model"]].append(entry)
        return [_measured_row(entries, place, source) for entries in models.values()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"cannot read {path}: {error!r}; run the evaluation again") from error


def _measured_row(entries: Sequence[Mapping[str, Any]], place: Path, source: str) -> Row:
    first = entries[0]
    scores = {entry["benchmark"]: _measured(entry, place) for entry in entries}
    tokens = first.get("unique_tokens") or first.get("dataset_tokens")  # of a larger data set, the part that was seen
    return Row(first["model"], first.get("model_parameters"), tokens, scores, source, "measured")


def _measured(entry: Mapping[str, Any], place: Path) -> Score:
    limited = f"not comparable: the first {entry['n_tasks']} tasks only" if entry.get("limit") else None
    return Score(
        value=100 * entry["pass_at_1"],
        protocol=entry["protocol"],
        low=100 * entry["low"],
        high=100 * entry["high"],
        n_tasks=entry["n_tasks"],
        bits_per_byte=entry.get("bits_per_byte"),
        note=limited,
        results=str(place / entry["results"]) if "results" in entry else None,
    )


def table_text(places: Sequence[Path], *, diff: bool = False, as_json: bool = False) -> str:
    """Return what `curate table` prints: the table, or with `diff` the tasks gained and lost between two models.

    Raises UserError where `diff` is not given exactly two models with a benchmark and protocol in common.
    """
    if diff:
        found = differences(_read(places))
        return _json([asdict(each) for each in found]) if as_json else "\n\n".join(map(render_difference, found))
    rows = collect(places)
    return _json(as_values(rows)) if as_json else render_markdown(rows)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def as_values(measured: Sequence[Row]) -> dict[str, list[dict[str, Any]]]:
    """Return both blocks as plain values: `main` (the published rows, then ours) and `evalplus`."""
    return {
        "main": [asdict(row) for row in (*published(), *measured)],
        "evalplus": [asdict(row) for row in published("evalplus")],
    }


def render_markdown(measured: Sequence[Row]) -> str:
    """Return both blocks as Markdown: the four published baselines with ours below, then the EvalPlus block."""
    return "\n".join(
        [
            *_render_block((*published(), *measured), ("humaneval", "mbpp")),
            "",
            "The same baselines under one protocol:",
            "",
            *_render_block(published("evalplus"), ("humaneval", "humaneval+", "mbpp", "mbpp+")),
        ]
    )


def _render_block(rows: Sequence[Row], benchmarks: Sequence[str]) -> list[str]:
    notes: dict[str, int] = {}
    bits = any(score.bits_per_byte is not None for row in rows for score in row.scores.values())
    titles = ["Model", "Model size", "Data set size (tokens)", *(TITLES[name] for name in benchmarks)]
    titles += ["Bits per byte"] * bits + ["Protocol", "Source", "Kind"]
    lines = [_line(titles), _line("---" for _ in titles)]
    for row in rows:
        cells = [row.model, _amount(row.parameters), _amount(row.dataset_tokens)]
        cells += [_score_cell(row.scores.get(name), notes) for name in benchmarks]
        cells += [_bits_cell(row, benchmarks)] * bits
        cells += ["; ".join(dict.fromkeys(score.protocol for score in row.scores.values())), row.source, row.kind]
        lines.append(_line(cells))
    return [*lines, *([""] if notes else []), *(f"[{number}] {note}" for note, number in notes.items())]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(printable(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _score_cell(score: Score | None, notes: dict[str, int]) -> str:
    if score is None:
        return "-"
    mark = f" [{notes.setdefault(score.note, len(notes) + 1)}]" if score.note else ""
    if score.low is None:
        return f"{score.value:g}{mark}"
    return f"{score.value:.1f} ({score.low:.1f} to {score.high:.1f}){mark}"


def _bits_cell(row: Row, benchmarks: Sequence[str]) -> str:
    """Return the bits per byte in the order of the score columns."""
    values = [score.bits_per_byte for name in benchmarks if (score := row.scores.get(name))]
    return " / ".join("-" if value is None else f"{value:.3f}" for value in values if row.kind == "measured") or "-"


def _amount(value: float | None) -> str:
    """Return a count in short: 1.3B, 3.1M.

    >>> _amount(15_500_000_000), _amount(1e12), _amount(None)
    ('15.5B', '1T', 'N.A.')
    """
    if value is None:
        return "N.A."
    for size, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.0f}"


def differences(rows: Sequence[Row]) -> list[Difference]:
    """Compare two measured rows, benchmark by benchmark. Raises UserError as `table_text`."""
    if len(rows) != 2:
        raise UserError(f"--diff compares two models, {len(rows)} were found; name two folders with one model each")
    first, second = rows
    found = [
        diff(name, first.scores[name], second.scores[name])
        for name in first.scores
        if name in second.scores and first.scores[name].protocol == second.scores[name].protocol
    ]
    if not found:
        raise UserError(f"{first.model} and {second.model} share no benchmark under one protocol; evaluate them alike")
    return found


def diff(benchmark: str, first: Score, second: Score) -> Difference:
    """Return what the second result gained and lost on the tasks that both judged (`infra` does not count)."""
    before, after = _task_scores(first), _task_scores(second)
    tasks = [task_id for task_id in before if task_id in after]
    if not tasks:
        raise UserError(f"the two results on {benchmark} have no task in common")
    change = np.array([after[task_id] - before[task_id] for task_id in tasks])
    draws = np.random.default_rng(0).integers(len(tasks), size=(RESAMPLES, len(tasks)), dtype=np.int32)
    low, high = np.quantile(change[draws].mean(axis=1), (0.025, 0.975))
    return Difference(
        benchmark=benchmark,
        protocol=first.protocol,
        n_tasks=len(tasks),
        gained=tuple(task_id for task_id, step in zip(tasks, change, strict=True) if step > 0),
        lost=tuple(task_id for task_id, step in zip(tasks, change, strict=True) if step < 0),
        points=100 * float(change.mean()),
        low=100 * float(low),
        high=100 * float(high),
    )


def _task_scores(score: Score) -> dict[str, float]:
    """Return task id -> share of its samples that passed."""
    if score.results is None or not Path(score.results).is_file():
        raise UserError(f"the results behind a score are missing ({score.results}); run the evaluation again")
    passed: dict[str, list[bool]] = defaultdict(list)
    for row in read_jsonl(Path(score.results)):
        if row["verdict"] != "infra":
            passed[row["task_id"]].append(row["verdict"] == "pass")
    return {task_id: sum(values) / len(values) for task_id, values in passed.items()}


def render_difference(change: Difference) -> str:
    """Return a difference as a few lines of text."""
    return "\n".join(
        [
            f"{change.protocol}: {change.points:+.1f} points ({change.low:+.1f} to {change.high:+.1f}) "
            f"on {change.n_tasks} tasks",
            f"  gained {len(change.gained)}: {', '.join(change.gained) or '-'}",
            f"  lost   {len(change.lost)}: {', '.join(change.lost) or '-'}",
        ]
    )
