"""A forecast for each stage of a recipe, from what its sources hold downward.

In: a run that may not have begun, earlier runs, the shipped rates. Out: one `Forecast` a stage, in the recipe's order.
How the kinds of stages are reckoned: sources and filters here, what asks a model and what trains in
curate/estimate/costly.py.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from curate.estimate.costly import asking, judging, scoring, training
from curate.estimate.earlier import Earlier, earlier_stages, nearest
from curate.estimate.figures import Flow, Forecast, Known
from curate.recipe import Node
from curate.records.receipts import read_receipts, total
from curate.records.status import disk_bytes
from curate.run.opened import Run
from curate.stage import Job, Maker, Source
from curate.train.parameters import Training

SHARE = ("filter.quality", "select.target", "select.diverse")
"""Stages whose `keep` is the share of documents that they keep."""
DROPS_NOTHING = ("filter.signals",)
"""Besides stages with a `minimum` that is not given."""


@dataclass
class Reckoning:
    """What is at hand while a recipe is reckoned through."""

    run: Run
    known: Known
    flows: dict[str, Flow] = field(default_factory=dict)
    """What each stage hands on."""


def forecast(run: Run, runs: Path, usd_per_gpu_hour: float | None = None) -> list[Forecast]:
    """Return what each stage of a recipe will take, as far as anything measured tells."""
    rates = json.loads((Path(__file__).parent / "rates.json").read_text(encoding="utf-8"))
    known = Known(rates, earlier_stages(runs), _workers(run), usd_per_gpu_hour, str(run.directory))
    reckoning = Reckoning(run, known)
    found = []
    for node in run.recipe.nodes:
        above = Flow.joined([reckoning.flows[name] for name in node.inputs])
        one = _done(run, node) if run.is_done(node) else _of(reckoning, node, above)
        reckoning.flows[node.name] = one.out
        found.append(replace(one, at_most=above.at_most and one.state != "done"))
    return found


def _workers(run: Run) -> int:
    return run.recipe.engine.workers or len(os.sched_getaffinity(0))


def _done(run: Run, node: Node) -> Forecast:
    """Return what a finished stage has: nothing is left to do."""
    directory = run.stage_directory(node)
    sums = total(read_receipts(directory))
    out = Flow(sums["rows_kept"], sums["bytes_kept"])
    return Forecast(node.name, node.use, "done", out, 0.0, disk_bytes=float(disk_bytes(directory)))


def _of(at: Reckoning, node: Node, above: Flow) -> Forecast:
    """Return the forecast of a stage that is not done."""
    model = at.run.recipe.models[node.models[0]] if node.models else None
    match node.stage:
        case Source():
            one = _source(at, node)
        case Training():
            one = training(
                at.known, node, _begun(at, node.stage), {name: at.flows[name] for name in node.inputs}, above
            )
        case Job():
            one = scoring(at.known, node)
        case Maker():
            one = _maker(at, node, above) if model is None else asking(at.known, node, above, model)
        case _:
            one = _filter(at, node, above)
            one = one if model is None else judging(at.known, node, above, model, one)
    return one


def _begun(at: Reckoning, job: Training) -> Training:
    """Return the training that chose the shape: the one with whose model this one begins, and so on."""
    while job.init is not None and isinstance(base := at.run.recipe.node(job.init).stage, Training):
        job = base
    return job


def _source(at: Reckoning, node: Node) -> Forecast:
    volume = node.stage.volume() if isinstance(node.stage, Source) else None
    out = Flow(volume.documents, volume.text_bytes) if volume is not None else Flow()
    one = Forecast(node.name, node.use, "to do", out)
    before = nearest(at.known.earlier, node.use, node.name)
    if out.text_bytes is not None and before is not None and before.bytes_kept:
        one = one.resting_on(
            before.where, seconds=before.work_s / before.bytes_kept * out.text_bytes / at.known.workers
        )
    return _written(at, node, one, out)


def _filter(at: Reckoning, node: Node, above: Flow) -> Forecast:
    """Return the forecast of a filter: what stays, how long it reads, what it writes."""
    before = nearest(at.known.earlier, node.use, node.name)
    share, origin = _share(at.known, node, before)
    out = above.times(share) if share is not None else replace(above, at_most=True)
    one = Forecast(node.name, node.use, "to do", out)
    one = one.resting_on(origin) if origin else one
    if above.text_bytes is not None:
        one = _read(at, node, one, above.text_bytes, before)
    return _written(at, node, one, out, above, before)


def _share(known: Known, node: Node, before: Earlier | None) -> tuple[float | None, str]:
    """Return the share of documents that a filter keeps, and what says so; (None, "") where nothing does."""
    if node.use in SHARE:
        return float(getattr(node.stage, "keep", 1.0)), ""
    if node.use in DROPS_NOTHING or getattr(node.stage, "minimum", 0) is None:
        return 1.0, ""
    if before is not None and before.rows_in:
        return before.rows_kept / before.rows_in, before.where
    shipped = known.rates["kept"].get(node.use)
    return (shipped["value"], shipped["from"]) if shipped else (None, "")


def _read(at: Reckoning, node: Node, one: Forecast, size: float, before: Earlier | None) -> Forecast:
    """Add the time that a filter takes to go through so much text."""
    workers = 1 if node.stage.ALONE else at.known.workers
    if before is not None and before.bytes_in:
        seconds = before.wall_s if node.stage.ALONE else before.work_s
        return one.resting_on(before.where, seconds=seconds / before.bytes_in * size / workers)
    speeds: Mapping[str, Any] = at.known.rates["mb_per_core_s"]
    shipped = speeds.get(node.use) or speeds.get(f"{node.use}/{getattr(node.stage, 'classifier', '')}")
    if shipped is None:
        return one
    return one.resting_on(shipped["from"], seconds=size / 1e6 / shipped["value"] / workers)


def _written(
    at: Reckoning, node: Node, one: Forecast, out: Flow, above: Flow | None = None, before: Earlier | None = None
) -> Forecast:
    """Add what a stage writes: its text where it writes that, else what it notes beside an earlier stage's."""
    whole, lean = at.known.rates["disk_per_text_byte"], at.known.rates["disk_per_text_byte_lean"].get(node.use)
    if above is not None and not at.run.is_whole(node):
        if before is not None and before.bytes_in and above.text_bytes is not None:
            return one.resting_on(before.where, disk_bytes=before.disk_bytes / before.bytes_in * above.text_bytes)
        if lean is None or above.text_bytes is None:
            return one
        return one.resting_on(lean["from"], disk_bytes=lean["value"] * above.text_bytes)
    if out.text_bytes is None:
        return one
    return one.resting_on(whole["from"], disk_bytes=whole["value"] * out.text_bytes)


def _maker(at: Reckoning, node: Node, above: Flow) -> Forecast:
    """Return the forecast of a maker that asks nobody: as many documents as it is to make, or as one made before."""
    before = nearest(at.known.earlier, node.use, node.name)
    count = getattr(node.stage, "count", None)
    out = Flow(float(count), None, at_most=True) if count else Flow()
    if before is not None and before.rows_kept and before.bytes_in and above.text_bytes is not None:
        each = before.bytes_kept / before.rows_kept
        made = float(count) if count else above.text_bytes * before.rows_kept / before.bytes_in
        out = Flow(made, made * each, above.at_most)
    one = Forecast(node.name, node.use, "to do", out)
    if before is None or not before.bytes_in or above.text_bytes is None:
        return _written(at, node, one, out)
    workers = 1 if node.stage.ALONE else at.known.workers
    seconds = before.wall_s if node.stage.ALONE else before.work_s
    one = one.resting_on(before.where, seconds=seconds / before.bytes_in * above.text_bytes / workers)
    return _written(at, node, one, out)
