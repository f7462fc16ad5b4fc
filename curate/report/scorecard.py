"""What the report says of a model's worth: scores beside the published ones, and what stands behind each score.

In: the blocks of the table, and `scores.json` of the evaluations of a run. Out: headline figures, pictures, and for
each score how its samples ended and failed, and whether its prompts end where training ended. What an older evaluation
did not write is left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from curate.records.status import RunFiles
from curate.report import plots, wording
from curate.report.findings import read_json
from curate.table.rows import Block, footnotes, render_markdown, title_of
from curate.terminal import display

ENDINGS = ("ended", "stopped", "cut_off")
"""How a sample ended; the other counts of `outcomes` say how it fared."""


def evaluation(files: RunFiles, table: Sequence[Block]) -> dict[str, Any] | None:
    """Return the scores, a picture for each benchmark, and the outcomes behind them; None where nothing was scored."""
    if not any(block.measured for block in table):
        return None
    places = [place.directory / "scores.json" for place in files.stages if place.use.startswith("eval.")]
    entries = [entry for path in places for entry in read_json(path) or []]
    return {
        "lead": [line for block in table if block.measured for line in _lead(block)],
        "blocks": table,
        "pictures": [Markup(picture) for block in table if block.measured for picture in _lines(block)],
        "outcomes": [outcome for entry in entries if (outcome := outcomes(entry))],
        "markdown": Markup(render_markdown(table)),
    }


def score_tiles(block: Block) -> Iterator[tuple[str, str, str]]:
    """Yield the best measured score of each benchmark as (value, what it is, its interval)."""
    for name in block.benchmarks:
        scored = [row.scores[name] for row in block.rows if name in row.scores and row.kind == "measured"]
        if scored:
            best = max(scored, key=lambda score: score.value)
            between = "" if best.low is None else f"95 % interval {best.low:.1f} to {best.high:.1f}"
            yield f"{best.value:.1f} %", f"{title_of(name)}, pass@1", between


def _lead(block: Block) -> Iterator[str]:
    """Say in a sentence for each benchmark what the best model of the run solves, and what the best published one."""
    for name in block.benchmarks:
        rows = [(row.scores[name], row) for row in block.rows if name in row.scores]
        ours, others = ([pair for pair in rows if (pair[1].kind == "measured") is is_ours] for is_ours in (True, False))
        if ours:
            best, row = max(ours, key=lambda pair: pair[0].value)
            line = f"{row.model} solves {best.value:.1f} % of {title_of(name)} at the first try"
            top, other = max(others, key=lambda pair: pair[0].value, default=(None, row))
            yield f"{line}; {other.model}, the best of the published, {top.value:.1f} %." if top else f"{line}."


def _lines(block: Block) -> Iterator[str]:
    """Draw each column of a block in which something was measured."""
    for name in block.benchmarks:
        scored = [(row, row.scores[name]) for row in block.rows if name in row.scores]
        if any(row.kind == "measured" for row, _ in scored):
            marks = footnotes(block)
            lines = [
                plots.Interval(r.model, s.value, s.low, s.high, f" [{marks[s.note]}]" if s.note else "")
                for r, s in scored
            ]
            yield plots.intervals(lines, f"{title_of(name)}: tasks solved at the first try, per cent")


def outcomes(entry: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the counts behind a score: {title, samples, fared, ended, boundary}; None where there are none."""
    counted = entry.get("outcomes") or {}
    fared = {name: count for name, count in counted.items() if name not in (*ENDINGS, "samples")}
    fared = fared or entry.get("verdicts") or {}
    if not fared:
        return None
    endings = {name: counted.get(name, entry.get(name)) for name in ENDINGS}
    samples = counted.get("samples") or sum(fared.values())
    return {
        "title": f"{entry['model']}, {entry['protocol']}",
        "samples": samples,
        "fared": _counts(fared, samples),
        "ended": _counts({name: count for name, count in endings.items() if count is not None}, samples),
        "boundary": boundary(entry.get("boundary")),
    }


def _counts(counts: Mapping[str, int], samples: int) -> list[tuple[str, str, str]]:
    """Return (words, count, share) of what happened."""
    return [
        (wording.verdict(name), display.number(count), display.percent(count, samples))
        for name, count in counts.items()
        if count or name == "pass"
    ]


def boundary(found: Mapping[str, Any] | None) -> str:
    """Say of how many prompts the tokens go on as in training; nothing where it was not looked at.

    >>> boundary({"checked": 164, "as_trained": 164, "reason": None})
    'Prompt boundary: 164 of 164 prompts go on as trained.'
    """
    if not found:
        return ""
    if not found.get("checked"):
        return f"Prompt boundary: not checked, {found.get('reason')}."
    line = f"Prompt boundary: {found['as_trained']:,} of {found['checked']:,} prompts go on as trained."
    broken = found["as_trained"] < found["checked"]
    return f"{line} {found.get('reason')}: the score measures this seam too." if broken else line
