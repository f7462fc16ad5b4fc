"""The table: what was measured here beside what was published, in two blocks.

In: run directories, folders that `curate eval` wrote, or files that `curate score` wrote; the published rows stand in
baselines.json. Out: blocks of rows as data, as Markdown and as plain values for JSON (in a terminal:
curate/table/leaderboard.py; HTML: table.html.jinja, rendered by curate/report/write.py).

    main      phi-1's Table 1, each baseline as its paper reports it; ours by any protocol
    evalplus  the same baselines under one protocol; ours by the protocols of EvalPlus

A score compares with others of its protocol only. So a score that was had by another protocol than its column, on
other tasks, or by sampling, carries a footnote that says so. Which MBPP+ a published score stands on is not told but
follows from arithmetic: 55.1, 46.1 and 69.7 are no share of 378 tasks, 64.3 and 54.2 none of 399.

Not covered: making scores (eval/code.py writes the `scores.json` that is read here), and whether two models differ
(curate/table/compare.py).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from curate.errors import UserError
from curate.records.status import read_run
from curate.terminal.display import amount, printable

TITLES = {
    "humaneval": "HumanEval",
    "humaneval+": "HumanEval+",
    "mbpp": "MBPP",
    "mbpp+": "MBPP+",
    "mbpp-sanitized": "MBPP sanitized",
}


@dataclass(frozen=True)
class Score:
    """One model on one benchmark. `value`, `standard_error`, `low` and `high` (the 95% interval) are per cent."""

    value: float
    protocol: str
    standard_error: float | None = None
    low: float | None = None
    high: float | None = None
    n_tasks: int | None = None
    bits_per_byte: float | None = None
    note: str | None = None
    """Why it must not simply be compared with its column, if so."""
    results: str | None = None
    """The file with a verdict for each sample."""
    boundary: Mapping[str, Any] | None = None
    """How many prompts were `checked` and how many go on `as_trained`, with the `reason` where not all do."""
    outcomes: Mapping[str, int | None] | None = None
    """How samples ended (`ended` by themselves, `stopped`, `cut_off`) and failed (`wrong`, `syntax_errors`, ...)."""


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
class Block:
    """Rows that stand under one heading, the smallest model first; models of unknown size come last."""

    name: str
    title: str
    benchmarks: tuple[str, ...]
    """The columns."""
    rows: tuple[Row, ...]

    @property
    def measured(self) -> bool:
        """Whether anything was measured here."""
        return any(row.kind == "measured" for row in self.rows)


@dataclass(frozen=True)
class Entry:
    """One measured score, as one entry of a `scores.json` has it."""

    model: str
    parameters: float | None
    dataset_tokens: float | None
    source: str
    place: Path
    """The folder that its scores.json lies in, or the scores of one results file."""
    benchmark: str
    exam: tuple[Any, ...]
    """Protocol, its version, and the digest of the problems: equal for scores that were had alike."""
    score: Score
    drawn: tuple[int, float] = (1, 0.0)
    """Samples a task, and their temperature."""
    bits: str | None = None
    """The file with what each task's solution costs."""

    @property
    def block(self) -> str:
        """The block that the score belongs to."""
        return "evalplus" if self.score.protocol.partition("@")[2].startswith("evalplus") else "main"


@cache
def _baselines() -> dict[str, Any]:
    return dict(json.loads(files("curate.table").joinpath("baselines.json").read_text(encoding="utf-8")))


def published(block: str = "main") -> tuple[Row, ...]:
    """Return the published rows: `main` (phi-1's Table 1) or `evalplus` (one protocol for all)."""
    data = _baselines()[block]
    return tuple(_published_row(row, data["protocol"], data["source"]) for row in data["rows"])


def _published_row(row: Mapping[str, Any], protocol: str, source: str) -> Row:
    notes, sizes = row.get("notes", {}), row.get("n_tasks", {})
    scores = {
        name: Score(value, protocol, note=notes.get(name), n_tasks=sizes.get(name))
        for name, value in row["scores"].items()
    }
    return Row(row["model"], row["parameters"], row["dataset_tokens"], scores, source, "published")


def read_entries(paths: Iterable[Path]) -> list[Entry]:
    """Return the measured scores of runs (their current stages), of `curate eval` folders, of `curate score` files.

    Raises UserError for a place without scores, and for scores that cannot be read.
    """
    return [entry for path in paths for place, source in _places(path) for entry in _read_scores(place, source)]


def _places(path: Path) -> list[tuple[Path, str]]:
    """Return the files with scores, each with the name that the table gives as its source."""
    if path.is_file() and scores_path(path).is_file():
        return [(scores_path(path), path.name)]
    if (path / "scores.json").is_file():
        return [(path / "scores.json", path.resolve().name)]
    if (path / "run.json").is_file():
        stages = [stage for stage in read_run(path).stages if (stage.directory / "scores.json").is_file()]
        return [(stage.directory / "scores.json", f"{path.resolve().name}/{stage.name}") for stage in stages]
    raise UserError(
        f"{path} has neither scores.json nor run.json; name a run, a folder that `curate eval` wrote, "
        "or a results file that `curate score` wrote"
    )


def scores_path(results: Path) -> Path:
    """Return where the scores of a results file stand that `curate score` wrote."""
    return results.with_name(results.name.removesuffix(".jsonl") + ".scores.json")


def _read_scores(path: Path, source: str) -> list[Entry]:
    place = path if path.name != "scores.json" else path.parent
    try:
        return [_entry(row, place, source) for row in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"cannot read {path}: {error!r}; run the evaluation again") from error


def _entry(row: Mapping[str, Any], place: Path, source: str) -> Entry:
    error = row.get("standard_error")
    folder = place.parent if place.suffix == ".json" else place
    score = Score(
        value=100 * row["pass_at_1"],
        protocol=row["protocol"],
        standard_error=None if error is None else 100 * error,
        low=100 * row["low"],
        high=100 * row["high"],
        n_tasks=row["n_tasks"],
        bits_per_byte=row.get("bits_per_byte"),
        note="; ".join(_remarks(row)) or None,
        results=str(folder / row["results"]) if "results" in row else None,
        boundary=row.get("boundary"),
        outcomes=row.get("outcomes"),
    )
    drawn = (int(row.get("samples") or 1), float(row.get("temperature") or 0))
    bits = str(folder / row["bits"]) if row.get("bits") else None
    tokens = row.get("unique_tokens") or row.get("dataset_tokens")  # of a larger data set, the part that was seen
    exam = (row["protocol"], row.get("protocol_version"), row.get("data_sha256"))
    parameters = row.get("model_parameters")
    return Entry(row["model"], parameters, tokens, source, place, row["benchmark"], exam, score, drawn, bits)


def _remarks(row: Mapping[str, Any]) -> Iterator[str]:
    """Say what sets a score apart from a greedy one on all tasks of its protocol."""
    if row.get("limit"):
        yield f"not comparable: the first {row['n_tasks']} tasks only"
    if row.get("temperature"):
        yield f"sampled at temperature {row['temperature']:g}, {row.get('samples', 1)} a task"
    if row.get("prompts_cut"):
        yield f"{row['prompts_cut']} prompts were cut to fit the model's context"
    found = row.get("boundary") or {}
    if broken := found.get("checked", 0) - found.get("as_trained", 0):
        yield f"{broken} of {found['checked']} prompts do not end where the model's tokens do: {found['reason']}"
    if lost := (row.get("verdicts") or {}).get("infra"):
        yield f"{lost} of the samples could not be judged and are not counted"


def blocks(entries: Sequence[Entry]) -> list[Block]:
    """Return both blocks: the published rows and among them the measured ones that belong there."""
    return [_block(name, [entry for entry in entries if entry.block == name]) for name in _baselines()]


def _block(name: str, entries: Sequence[Entry]) -> Block:
    data = _baselines()[name]
    rows = [*published(name), *_measured_rows(entries)]
    benchmarks = tuple(dict.fromkeys([*data["benchmarks"], *(entry.benchmark for entry in entries)]))
    same = {data["protocol"], *data["same_protocol"]}
    for benchmark in benchmarks:
        protocols = [row.scores[benchmark].protocol for row in rows if benchmark in row.scores]
        alike = same if protocols[0] in same else {protocols[0]}  # of a column without baselines, the first rules
        rows = [_marked(row, benchmark, alike) for row in rows]
    rows.sort(key=lambda row: (row.parameters is None, row.parameters or 0, row.model))
    return Block(name, data["title"], benchmarks, tuple(rows))


def _measured_rows(entries: Iterable[Entry]) -> list[Row]:
    """Return a row for each model of each place; a benchmark that was taken twice needs a second row."""
    grouped: dict[tuple[str, Path], list[tuple[Entry, dict[str, Score]]]] = defaultdict(list)
    for entry in entries:
        rows = grouped[entry.model, entry.place]
        free = next((scores for _, scores in rows if entry.benchmark not in scores), None)
        if free is None:
            free = {}
            rows.append((entry, free))
        free[entry.benchmark] = entry.score
    return [
        Row(first.model, first.parameters, first.dataset_tokens, scores, first.source, "measured")
        for rows in grouped.values()
        for first, scores in rows
    ]


def _marked(row: Row, benchmark: str, alike: set[str]) -> Row:
    """Return the row with a note on a score whose protocol is not among those of its column."""
    score = row.scores.get(benchmark)
    if score is None or score.protocol in alike:
        return row
    note = "; ".join(filter(None, [f"by {score.protocol}, another protocol than its column's", score.note]))
    return replace(row, scores={**row.scores, benchmark: replace(score, note=note)})


def as_values(blocks: Iterable[Block]) -> dict[str, list[dict[str, Any]]]:
    """Return the blocks as plain values: block name -> its rows."""
    return {block.name: [asdict(row) for row in block.rows] for block in blocks}


def render_markdown(blocks: Iterable[Block]) -> str:
    """Return the blocks as Markdown tables, each under its title, with its footnotes."""
    return "\n\n".join("\n".join([f"{block.title}:", "", *_render_block(block)]) for block in blocks)


def _render_block(block: Block) -> list[str]:
    notes = footnotes(block)
    bits = any(score.bits_per_byte is not None for row in block.rows for score in row.scores.values())
    titles = ["Model", "Model size", "Data set size (tokens)", *map(title_of, block.benchmarks)]
    titles += ["Bits per byte"] * bits + ["Protocol", "Source", "Kind"]
    lines = [_line(titles), _line("---" for _ in titles)]
    for row in block.rows:
        cells = [row.model, size_text(row.parameters), size_text(row.dataset_tokens)]
        cells += [score_text(row.scores.get(name), notes) for name in block.benchmarks]
        cells += [bits_text(row, block)] * bits
        cells += ["; ".join(protocols_of(row)), row.source, row.kind]
        lines.append(_line(cells))
    return [*lines, *([""] if notes else []), *(f"[{number}] {printable(note)}" for note, number in notes.items())]


def footnotes(block: Block) -> dict[str, int]:
    """Return the notes of a block's scores, each with the number that marks it, in reading order."""
    scores = [row.scores[name] for row in block.rows for name in block.benchmarks if name in row.scores]
    notes = dict.fromkeys(score.note for score in scores if score.note)
    return {note: number for number, note in enumerate(notes, 1)}


def title_of(benchmark: str) -> str:
    """Return the benchmark's name as its authors write it."""
    return TITLES.get(benchmark, benchmark)


def size_text(count: float | None) -> str:
    """Return a number of weights or tokens in short; what nobody told is `N.A.`."""
    return "N.A." if count is None else amount(count)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(printable(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def score_text(score: Score | None, notes: Mapping[str, int]) -> str:
    """Return a score with its interval and the mark of its footnote; a dash where there is none."""
    if score is None:
        return "-"
    mark = f" [{notes[score.note]}]" if score.note else ""
    if score.low is None:
        return f"{score.value:g}{mark}"
    return f"{score.value:.1f} ({score.low:.1f} to {score.high:.1f}){mark}"


def bits_text(row: Row, block: Block) -> str:
    """Return a measured row's bits per byte in the order of the score columns, a dash where there are none."""
    values = [score.bits_per_byte for name in block.benchmarks if (score := row.scores.get(name))]
    known = any(value is not None for value in values)
    return " / ".join("-" if value is None else f"{value:.3f}" for value in values) if known else "-"


def protocols_of(row: Row) -> list[str]:
    """Return the protocols of a row's scores, each once."""
    return list(dict.fromkeys(score.protocol for score in row.scores.values()))
