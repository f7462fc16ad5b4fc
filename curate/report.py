"""The report of a run: report.html, one file that needs no network, report.md with the same facts, and the table.

In: a run directory, finished or not. Out: the files, a pure function of that directory: nothing is measured here,
and every number names the file or the command it can be had from again. Chapters that a run has no files for are left
out. Text of documents is escaped by the template and highlighted by a lexer; none of it can become markup.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from curate import display, plots
from curate.findings import Example, Scores, accepted, contamination, duplicates, grading, read_json, scores, training
from curate.quality_report import cells, changes, share
from curate.receipts import read_record
from curate.shards import write_json, write_text
from curate.status import RunFiles, StageFiles, read_run, status
from curate.table import (
    Block,
    as_values,
    bits_text,
    blocks,
    footnotes,
    protocols_of,
    read_entries,
    render_markdown,
    size_text,
    title_of,
)

REASONS_SHOWN = 6
EXAMPLE_LINES = 22
GRADERS = ("filter.rubric", "filter.annotate")
STARTERS = ("source.", "synth.")  # stages whose rows are born there: their bars have a scale of their own

Stage = dict[str, Any]


def report(run: Path) -> None:
    """Write `report.html`, `report.md` and `table.{html,md,json}` into the run. Raises UserError without one."""
    facts = gather(run)
    environment = _environment()
    for name in ("report.html", "report.md", "table.html"):
        template = environment.overlay(autoescape=name.endswith(".html")).get_template(f"{name}.jinja")
        write_text(template.render(facts), run / name)
    write_text(render_markdown(facts["blocks"]) + "\n", run / "table.md")
    write_json(as_values(facts["blocks"]), run / "table.json")


def gather(run: Path) -> dict[str, Any]:
    """Collect everything that the templates print."""
    files = read_run(run)
    state = status(run)
    stages: list[Stage] = state["stages"]
    recipe = run / "recipe.yaml"
    table = blocks(read_entries([run]))
    profiles = changes(files)
    return {
        "run": state,
        "place": f"runs/{state['name']}",
        "stages": stages,
        "tiles": tiles(state),
        "funnel": funnel(stages),
        "profiles": profiles,
        "figures": cells(profiles),
        "duplicates": [_duplicates(place) for place in _using(files, "dedup.")],
        "contamination": [(place.name, contamination(place)) for place in _using(files, "decontam.")],
        "grades": [_grades(place) for place in files.stages if place.use in GRADERS],
        "quality": [_quality(files, place, stage) for place, stage in zip(files.stages, stages, strict=True)],
        "makers": [_maker(place, stage) for place, stage in zip(files.stages, stages, strict=True) if stage["rows_in"]],
        "models": [
            training(place, stage["metrics"])
            for place, stage in zip(files.stages, stages, strict=True)
            if stage["use"].startswith("train.")
        ],
        "blocks": table,
        "evaluation": _evaluation(files, table),
        "recipe": Example("recipe.yaml", "", recipe.read_text(encoding="utf-8"), "yaml") if recipe.exists() else None,
    }


def tiles(state: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the headline figures as (value, what it is, a remark); those that are not known are left out."""
    stages = {stage["name"]: stage for stage in state["stages"]}
    read = [stage for stage in stages.values() if stage["use"].startswith("source.")]
    makers = [stage for stage in stages.values() if stage["use"].startswith("synth.")]
    means = {name for stage in makers for name in stage["inputs"]}  # seeds are made for makers, not to be read
    made = [stage for stage in makers if stage["rows_in"] and stage["name"] not in means]
    taught = [
        stages[name]
        for stage in stages.values()
        if stage["use"].startswith("train.") and stage["state"] == "done"
        for name in stage["inputs"]
    ]
    taught = [stage for stage in taught if stage["rows_in"]]
    found = []
    for words, group in (("documents read", read), ("made and accepted", made), ("trained on", taught)):
        rows, volume = (sum(stage[name] for stage in group) for name in ("rows_kept", "bytes_kept"))
        if group:
            found.append((display.number(rows), words, display.size(volume)))
    found.append((display.duration(state["seconds"]), "of work", "summed over workers"))
    if state["joules"]:
        found.append((display.energy(state["joules"]), "measured energy", "of the stages that ran alone"))
    if state["tokens"]:
        cost = f"${state['usd']:,.2f}" if state["usd"] else "no price set"
        found.append((display.number(state["tokens"]), "LLM tokens", cost))
    return found


def funnel(stages: list[Stage]) -> list[dict[str, Any]]:
    """Return one bar a stage with rows: the share of its scale that was kept, and that fell for each reason.

    All stages below one source or maker share a scale, the largest number of rows among them.
    """
    scale_of: dict[str, str] = {}
    for stage in stages:
        inherited = next((scale_of[name] for name in stage["inputs"] if name in scale_of), stage["name"])
        scale_of[stage["name"]] = stage["name"] if stage["use"].startswith(STARTERS) else inherited
    largest: dict[str, int] = {}
    for stage in stages:
        scale = scale_of[stage["name"]]
        largest[scale] = max(largest.get(scale, 0), stage["rows_in"])
    return [
        {
            **stage,
            "starts": stage["use"].startswith(STARTERS),
            "kept_width": 100 * stage["rows_kept"] / largest[scale_of[stage["name"]]],
            "reasons": [
                (reason, count, 100 * count / largest[scale_of[stage["name"]]])
                for reason, count in _leading(stage["dropped_by_reason"])
            ],
        }
        for stage in stages
        if stage["rows_in"]
    ]


def _leading(reasons: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return the reasons that dropped most, and the sum of the rest."""
    pairs = list(reasons.items())
    if len(pairs) <= REASONS_SHOWN:
        return pairs
    return [*pairs[: REASONS_SHOWN - 1], ("other reasons", sum(count for _, count in pairs[REASONS_SHOWN - 1 :]))]


def _using(files: RunFiles, prefix: str) -> list[StageFiles]:
    return [place for place in files.stages if place.use.startswith(prefix)]


def _duplicates(place: StageFiles) -> dict[str, Any] | None:
    record = read_record(place.directory)
    found = duplicates(place, record.parameters if record else {})
    if found is None or record is None:
        return None
    curve = plots.curves({"found": found.detection}, "similarity", "chance to be a candidate")
    spread = plots.histogram([], found.similarities, None, "similarity of dropped documents")
    return {"found": found, "metrics": record.plan_metrics, "pictures": [Markup(curve), Markup(spread)]}


def _grades(place: StageFiles) -> dict[str, Any] | None:
    found = grading(place)
    if found is None:
        return None
    curve = plots.curves({"agreement": found.agreement}, "graded documents", "agreement with held-out grades")
    pictures = [plots.histogram(found.grades, [], None, "grade"), curve]
    return {"found": found, "pictures": [Markup(picture) for picture in pictures if picture]}


def _quality(files: RunFiles, place: StageFiles, stage: Stage) -> dict[str, Any] | None:
    if not place.use.startswith("filter.quality"):
        return None
    found = scores(place, [files.stage(name) for name in place.inputs], stage["plan_metrics"])
    return {"found": found, "metrics": stage["plan_metrics"], "picture": _score_picture(found)} if found else None


def _score_picture(found: Scores) -> Markup:
    return Markup(plots.histogram(found.kept, found.dropped, found.cut, found.column))


def _maker(place: StageFiles, stage: Stage) -> dict[str, Any] | None:
    if not place.use.startswith("synth."):
        return None
    return {"stage": stage, "example": accepted(place, "accepted")}


def _evaluation(files: RunFiles, table: Sequence[Block]) -> dict[str, Any] | None:
    """Return the scores beside the published ones, a picture for each benchmark, and the verdicts behind them."""
    if not any(block.measured for block in table):
        return None
    entries = [entry for place in _using(files, "eval.") for entry in read_json(place.directory / "scores.json") or []]
    return {
        "blocks": table,
        "pictures": [Markup(picture) for block in table if block.measured for picture in _score_lines(block)],
        "verdicts": [(entry["model"], entry["protocol"], entry.get("verdicts") or {}) for entry in entries],
        "markdown": Markup(render_markdown(table)),
    }


def _score_lines(block: Block) -> Iterator[str]:
    """Draw each column of a block in which something was measured."""
    for name in block.benchmarks:
        scored = [(row, row.scores[name]) for row in block.rows if name in row.scores]
        if any(row.kind == "measured" for row, _ in scored):
            marks = footnotes(block)
            lines = [
                plots.Interval(r.model, s.value, s.low, s.high, f" [{marks[s.note]}]" if s.note else "")
                for r, s in scored
            ]
            yield plots.intervals(lines, f"{title_of(name)}, pass@1 %")


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("curate", "."), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(
        number=display.number,
        amount=display.amount,
        size=display.size,
        duration=display.duration,
        energy=display.energy,
        line=display.one_line,
        cell=lambda value: display.one_line(value).replace("|", "\\|").replace("<", "&lt;"),
        code=_highlighted,
        fenced=_fenced,
        share=share,
        footnotes=footnotes,
        bits=bits_text,
        protocols=protocols_of,
        size_text=size_text,
        title_of=title_of,
        curves=lambda series: Markup(plots.curves(series, "optimiser steps", "loss")),
    )
    environment.globals["percent"] = display.percent
    return environment


def _shortened(text: str, lines: int) -> str:
    split = display.printable(text).splitlines()
    more = [f"… {len(split) - lines:,} more lines"] if len(split) > lines else []
    return "\n".join([*split[:lines], *more])


def _highlighted(example: Example, lines: int = EXAMPLE_LINES) -> Markup:
    """Return an example as escaped HTML with a class on every token."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    lexer = get_lexer_by_name(example.language, stripnl=False)
    return Markup(highlight(_shortened(example.text, lines), lexer, HtmlFormatter(nowrap=True)))


def _fenced(example: Example, lines: int = EXAMPLE_LINES) -> str:
    """Return an example as a Markdown code block whose fence is longer than any run of backticks within."""
    text = _shortened(example.text, lines)
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{example.language}\n{text}\n{fence}"
