"""The report of a run: report.html, one file that needs no network, report.md with the same facts, and the table.

In: a run directory, finished or not. Out: the files, a pure function of that directory: nothing is measured here,
and every number names the file or the command it can be had from again. Chapters that a run has no files for are left
out. Text of documents is escaped by the template and highlighted by a lexer; none of it can become markup.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from curate.files.shards import write_json, write_text
from curate.records.receipts import read_record
from curate.records.status import RunFiles, StageFiles, read_run, status
from curate.report import plots
from curate.report.corpus import GRADERS, Corpus, corpus, mixture
from curate.report.dropped import beside, contamination, fallen
from curate.report.excerpts import Example
from curate.report.findings import accepted, duplicates, grading, read_json, scores, training
from curate.report.page import elapsed_s, render
from curate.report.quality_report import cells, changes
from curate.report.scorecard import evaluation, score_tiles
from curate.table.rows import Block, as_values, blocks, read_entries, render_markdown
from curate.terminal import display

REASONS_SHOWN = 6
AGREED = re.compile(r"agree_(\d+_of_\d+)")
"""Metrics of a maker: attempts of which so many of the solutions asked for agreed."""
STARTERS = ("source.", "synth.")  # stages whose rows are born there: their bars have a scale of their own
CHAPTERS = {
    "corpus": "The corpus",
    "funnel": "What came in, what stayed",
    "fallen": "What the rules dropped",
    "duplicates": "Duplicates",
    "contamination": "Benchmark tasks found",
    "grades": "Grades",
    "quality": "The quality cut",
    "makers": "What was made",
    "models": "Training",
    "evaluation": "What the model is worth",
    "profiles": "Figures of the documents, stage by stage",
    "stages": "Work, stage by stage",
    "recipe": "The recipe",
}
"""Anchor -> title, in the order of the page. The anchor is also the name of the chapter's facts."""

Stage = dict[str, Any]


def report(run: Path) -> None:
    """Write `report.html`, `report.md` and `table.{html,md,json}` into the run. Raises UserError without one."""
    facts = gather(run)
    for name in ("report.html", "report.md", "table.html"):
        write_text(render(name, facts), run / name)
    write_text(render_markdown(facts["blocks"]) + "\n", run / "table.md")
    write_json(as_values(facts["blocks"]), run / "table.json")


def gather(run: Path) -> dict[str, Any]:
    """Collect everything that the templates print."""
    files = read_run(run)
    state = status(run)
    stages: list[Stage] = state["stages"]
    both = list(zip(files.stages, stages, strict=True))
    recipe = run / "recipe.yaml"
    table = blocks(read_entries([run]))
    profiles = changes(files)
    place = f"runs/{state['name']}"
    held = corpus(files, stages, profiles, place)
    chapters = {
        "corpus": held,
        "funnel": funnel(stages),
        "fallen": [(place, rows) for place in files.stages if _is_ruled(place) and (rows := fallen(place))],
        "duplicates": _known(_duplicates(place) for place in _using(files, "dedup.")),
        "contamination": [
            (place.name, found, beside(place, found))
            for place in _using(files, "decontam.")
            if (found := contamination(place))
        ],
        "grades": _known(_grades(place) for place in files.stages if place.use in GRADERS),
        "quality": _known(_quality(files, place, stage) for place, stage in both),
        "makers": _known(_maker(place, stage) for place, stage in both if stage["rows_in"]),
        "models": _known(_model(place, stage) for place, stage in both if stage["use"].startswith("train.")),
        "evaluation": evaluation(files, table),
        "profiles": profiles,
        "stages": stages,
        "recipe": Example("recipe.yaml", "", recipe.read_text(encoding="utf-8"), "yaml") if recipe.exists() else None,
    }
    return {
        **chapters,
        "run": state,
        "place": place,
        "about": list(about(state)),
        "tiles": tiles(state, held, table),
        "titles": CHAPTERS,
        "rows_in": {stage["name"]: stage["rows_in"] for stage in stages},
        "contents": [(anchor, title) for anchor, title in CHAPTERS.items() if chapters[anchor]],
        "figures": cells(profiles),
        "blocks": table,
    }


def about(state: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a run was: its seed, when, by which version, on what machine."""
    yield f"seed {state['seed']}"
    times = [re.sub(r"^(.*)T(.*)Z$", r"\1 \2", str(state[name])) for name in ("started", "finished") if state[name]]
    if times:
        yield f"{' to '.join(times)} UTC"
    if state["curate_version"]:
        yield f"curate {state['curate_version']}"
    forms = {"system": "{}", "python": "Python {}", "cores": "{} cores"}
    for name, value in (state["machine"] or {}).items():
        yield forms.get(name, f"{name} {{}}").format(value)


def _known(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def tiles(state: Mapping[str, Any], held: Corpus | None, table: Sequence[Block]) -> list[tuple[str, str, str]]:
    """Return the headline figures as (value, what it is, a remark); those that are not known are left out."""
    stages = {stage["name"]: stage for stage in state["stages"]}
    makers = [stage for stage in stages.values() if stage["use"].startswith("synth.")]
    means = {name for stage in makers for name in stage["inputs"]}  # seeds are made for makers, not to be read
    found = []
    if read := [stage for stage in stages.values() if stage["use"].startswith("source.")]:
        found.append((_total(read, "rows_kept"), "documents read", display.size(sum(s["bytes_kept"] for s in read))))
    if made := [stage for stage in makers if stage["rows_in"] and stage["name"] not in means]:
        found.append((_total(made, "rows_kept"), "made and accepted", f"of {_total(made, 'rows_in')} tried"))
    if held:
        words = "in the finished corpus" if held.finished else "in the corpus so far"
        found.append((display.number(held.documents), words, display.size(held.text_bytes)))
    found += [tile for block in table if block.measured for tile in score_tiles(block)][:3]
    if elapsed := elapsed_s(state):
        found.append((display.duration(elapsed), "by the clock", f"{display.duration(state['seconds'])} of work"))
    else:
        found.append((display.duration(state["seconds"]), "of work", "summed over workers"))
    if state["joules"]:
        found.append((display.energy(state["joules"]), "of energy", "measured where a stage ran alone"))
    if state["tokens"]:
        cost = f"${state['usd']:,.2f}" if state["usd"] else "no price set"
        found.append((display.amount(state["tokens"]), "LLM tokens", cost))
    return found


def _total(stages: Sequence[Mapping[str, Any]], name: str) -> str:
    return display.number(sum(stage[name] for stage in stages))


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


def _is_ruled(place: StageFiles) -> bool:
    """Tell whether a stage drops by rules that no other chapter shows."""
    return not place.use.startswith(("dedup.", "decontam.", "synth.", "filter.quality", *GRADERS))


def _duplicates(place: StageFiles) -> dict[str, Any] | None:
    record = read_record(place.directory)
    found = duplicates(place, record.parameters if record else {})
    if found is None or record is None:
        return None
    curve = plots.curves({"found": found.detection}, "similarity (Jaccard)", "chance to be compared")
    spread = plots.histogram([], found.similarities, None, "similarity of dropped documents to their survivor")
    return {"found": found, "metrics": record.plan_metrics, "pictures": _pictures(curve, spread)}


def _pictures(*drawn: str) -> list[Markup]:
    return [Markup(picture) for picture in drawn if picture]


def _grades(place: StageFiles) -> dict[str, Any] | None:
    found = grading(place)
    if found is None:
        return None
    curve = plots.curves({"agreement": found.agreement}, "graded documents", "agreement with held-out grades")
    return {"found": found, "pictures": _pictures(plots.histogram(found.grades, [], None, "grade"), curve)}


def _quality(files: RunFiles, place: StageFiles, stage: Stage) -> dict[str, Any] | None:
    if not place.use.startswith("filter.quality"):
        return None
    found = scores(place, [files.stage(name) for name in place.inputs], stage["plan_metrics"])
    if found is None:
        return None
    picture = plots.histogram(found.kept, found.dropped, found.cut, f"{found.column} score")
    return {"found": found, "metrics": stage["plan_metrics"], "picture": Markup(picture)}


def _maker(place: StageFiles, stage: Stage) -> dict[str, Any] | None:
    if not place.use.startswith("synth."):
        return None
    agreed = {m[1]: int(count) for name, count in stage["metrics"].items() if (m := AGREED.fullmatch(name))}
    spread = {f"{name.replace('_', ' ')} agree": agreed[name] for name in sorted(agreed)}
    return {
        "stage": stage,
        "metrics": {name: count for name, count in stage["metrics"].items() if not AGREED.fullmatch(name)},
        "picture": Markup(plots.bars(spread, "attempts by how many solutions agreed: the fewer, the harder")),
        "example": accepted(place, ""),
        "rejected": fallen(place),
    }


def _model(place: StageFiles, stage: Stage) -> dict[str, Any] | None:
    found = training(place, stage["metrics"])
    if found is None:
        return None
    record = read_json(place.directory / "model" / "curate.json") or {}
    mix = mixture(record.get("inputs"))
    facts = {name: value for name, value in found.facts.items() if name != "name" and not (mix and "." in name)}
    picture = plots.curves(found.curves, "optimiser steps", "loss, nats a token")
    return {"found": found, "facts": facts, "mix": mix, "picture": Markup(picture)}
