"""Running a recipe: one directory, one stage after another, one receipt per shard.

    runs/<recipe name>/
        recipe.yaml  run.json  journal.jsonl  run.log
        stages/<stage name>-<key>/{kept/, dropped/, plan/, calls/, done/, stage.json, stats.json}

The rule that makes a run safe to kill at any moment: a shard's kept and dropped rows are written first, each whole or
not at all, and its receipt last; a stage's plan is complete when `plan/done.json` stands. Running again skips stages
that are done, and within a stage the shards that have a receipt. A stage's directory carries the key that hashes all
it depends on, so a changed recipe never meets an old file.
"""

import fcntl
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from curate.columns import check_columns
from curate.emptied import Emptied
from curate.energy import joules_so_far
from curate.engine import Engine, LocalEngine, Outcome, ThreadEngine, check_engine, open_engine, ordered
from curate.errors import Trouble, UserError, from_os_error
from curate.journal import Journal, now
from curate.llm import close_models
from curate.llm.budget import Budget, spent_in
from curate.loops import are_compiled
from curate.receipts import (
    Receipt,
    StageRecord,
    read_receipts,
    read_record,
    total,
    wall_so_far,
    write_receipt,
    write_record,
)
from curate.recipe import Node, Recipe, keys, named_after
from curate.screen import Display, StageProgress
from curate.shards import list_shards, write_json
from curate.shelf import Shelf
from curate.stage import Context, Filter, Global, Job, Maker, Source, StreamMaker
from curate.work import judge_shard, make_shard, make_stream, read_part, run_job, sketch_shard


class ShardsFailed(Trouble):
    """Some shards of a stage could not be worked on; the others are done and receipted. Exit code 2."""


@dataclass(frozen=True)
class Run:
    """One recipe in one directory: where each of its stages lives."""

    recipe: Recipe
    directory: Path
    keys: Mapping[str, str] = field(default_factory=dict)

    def stage_directory(self, node: Node) -> Path:
        """Return `stages/<name>-<key>`."""
        return self.directory / "stages" / f"{node.name}-{self.keys[node.name]}"

    def context(self, node: Node) -> Context:
        """Return what the stage may know."""
        place = {other.name: self.stage_directory(other) for other in self.recipe.nodes}
        return Context(
            name=node.name,
            seed=self.recipe.seed,
            directory=place[node.name],
            inputs={name: place[name] for name in node.inputs},
            references={name: place[name] for name in node.references},
            models=self.recipe.models,
            budgets=self._budgets(node),
            shelf=Shelf(node.stage.shelf_bytes if isinstance(node.stage, Global) else 0),
        )

    def _budgets(self, node: Node) -> tuple[Budget, ...]:
        """Return what a stage's models may cost: its own budget, and the run's less what other stages have spent."""
        own = [Budget(node.usd, f"stage {node.name}")] if node.usd is not None else []
        if self.recipe.usd is None or not node.models:
            return tuple(own)
        others = [path for path in (self.directory / "stages").glob("*/") if path != self.stage_directory(node)]
        spent = sum(spent_in(path, self.recipe.models) for path in others)
        return (*own, Budget(self.recipe.usd, "run", spent))

    def is_done(self, node: Node) -> bool:
        """Tell whether the stage stands complete on disk."""
        record = read_record(self.stage_directory(node))
        return record is not None and record.state == "done"


def open_run(recipe: Recipe, runs: Path) -> Run:
    """Name the directories, and check the recipe as a whole and every stage that is not done against the outside world.

    Writes nothing. Raises UserError for what would stop the run later: a column that no stage delivers, a package, a
    model, a file, an endpoint that cannot be had.
    """
    check_columns(recipe)
    run = Run(recipe, runs / recipe.name, keys(recipe))
    for node in recipe.nodes:
        if not run.is_done(node):
            with named_after(node):
                node.stage.check({name: recipe.models[name] for name in node.models})
    check_engine(recipe.engine.kind, recipe.engine.address)
    return run


def execute(
    run: Run, display: Display, *, until: str | None = None, workers: int | None = None, engine: str = ""
) -> list[Emptied]:
    """Bring every stage (or those that `until` needs) to completion. Returns the stages that kept nothing.

    Raises UserError for what the user can mend, ShardsFailed after finishing what could be finished, and
    KeyboardInterrupt when interrupted; in each case everything receipted is kept.
    """
    recipe, spec = run.recipe, run.recipe.engine
    nodes = recipe.until(until) if until else recipe.nodes
    try:
        with _locked(run.directory), open_engine(engine or spec.kind, workers or spec.workers, spec.address) as machine:
            journal = Journal(run, nodes)
            emptied: list[Emptied] = []
            if not are_compiled() and not all(map(run.is_done, nodes)):
                display.news("first run: loops are compiled for this machine, once; stages begin later")
            try:
                for place, node in enumerate(nodes):
                    close_models(besides={recipe.models[name] for later in nodes[place:] for name in later.models})
                    stats = StageRun(run, node, machine, journal, display).finish()
                    if Emptied.is_one(node, stats):
                        emptied.append(Emptied(node.name, stats["rows_in"], stats["dropped_by_reason"]))
                        display.news(emptied[-1].text(run.directory))
            except BaseException as error:
                journal.close(_state_after(error), error)
                raise
            journal.close("done" if len(nodes) == len(recipe.nodes) else "partial")
            return emptied
    except OSError as error:
        raise from_os_error(error) from error


def _state_after(error: BaseException) -> str:
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold the run directory for this process alone; the kernel lets go when the process ends, however it ends."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / ".lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"{directory} is in use by another `curate run`; wait for it or choose --runs DIR"
            ) from error
        yield


class StageRun:
    """One stage on its way to completion."""

    def __init__(self, run: Run, node: Node, engine: Engine, journal: Journal, display: Display) -> None:
        self.node, self.stage, self.journal, self.display = node, node.stage, journal, display
        self.run = run
        context = run.context(node)
        self.directory = context.directory
        self.whole = isinstance(node.stage, StreamMaker)
        self.aloud = replace(context, progress=StageProgress(self.directory, node.name, display, whole=self.whole))
        self.context = self.aloud if node.stage.ALONE else context
        if node.stage.ALONE:
            engine = LocalEngine(1)
        elif node.stage.THREADS and isinstance(engine, LocalEngine):
            engine = ThreadEngine(engine.workers)
        self.engine = engine
        self.sketching_s = 0.0

    def finish(self) -> dict[str, Any]:
        """Do what is left of the stage, or nothing if it is complete. Returns the sum of its receipts."""
        if self.run.is_done(self.node):
            stats = total(read_receipts(self.directory))
            self.display.cached(self.node.name, stats)
            self.journal.event("stage cached", self.node.name)
            return stats
        self.earlier_s, self.began = wall_so_far(self.directory), time.monotonic()
        _sweep(self.directory)
        names = self._items()
        self.record = StageRecord(
            name=self.node.name,
            use=self.node.use,
            key=self.run.keys[self.node.name],
            version=self.stage.VERSION,
            parameters=self.stage.model_dump(mode="json"),
            inputs=list(self.node.inputs),
            state="running",
            shards_total=len(names),
            started=now(),
        )
        write_record(self.record, self.directory)
        self.journal.event("stage started", self.node.name, shards=len(names))
        try:
            failures = self._plan(names) or self._work(names)
        except UserError as error:
            self._end("failed")
            raise UserError(f"{self.node.name}: {error}") from error
        except KeyboardInterrupt:
            write_record(replace(self.record, wall_seconds=self._wall_s()), self.directory)
            raise
        if failures:
            self._end("failed", failures)
            first = next(iter(failures.items()))
            raise ShardsFailed(
                f"{self.node.name}: {len(failures)} of {len(names)} shards failed; {first[0]}: {first[1]}; "
                f"tracebacks in {self.run.directory / 'run.log'}"
            )
        return self._end("done")

    def _wall_s(self) -> float:
        return self.earlier_s + time.monotonic() - self.began

    def _items(self) -> dict[str, Any]:
        """Return what there is to do: shard name -> Part, Path or None (a job has one item)."""
        if isinstance(self.stage, Job):
            return {"job": None}
        if isinstance(self.stage, Source):
            with named_after(self.node):
                return {part.name: part for part in self.stage.parts()}
        several = len(self.context.inputs) > 1
        return {
            f"{name}.{path.stem}" if several else path.stem: path
            for name, directory in self.context.inputs.items()
            for path in list_shards(directory / "kept")
        }

    def _plan(self, items: dict[str, Any]) -> dict[str, str]:
        """Sketch every shard, then learn from all sketches. Returns failures by shard name.

        A finished plan is kept; an unfinished one starts over from the sketches that stand.
        """
        if not isinstance(self.stage, Global):
            return {}
        finished = self.context.plan / "done.json"
        if not finished.exists():
            before = self._joules()
            sketches = self.context.plan / "sketches"
            sketches.mkdir(parents=True, exist_ok=True)
            todo = {name: item for name, item in items.items() if not (sketches / f"{name}.parquet").exists()}
            failures = self._map(partial(sketch_shard, self.stage, self.context), todo, len(items), "sketch")
            if failures:
                return failures
            for path in self.context.plan.iterdir():
                if path != sketches:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            self.display.start(self.node.name, 1, 0, "plan")
            start = time.monotonic()
            tell = partial(self.aloud.progress.update, note="parts")
            metrics = self.stage.plan(self.aloud, partial(ordered, self.engine, tell=tell))
            spent = _difference(before, self._joules())
            seconds = self.sketching_s + time.monotonic() - start
            write_json({"metrics": metrics, "seconds": seconds, "joules": spent}, finished)
        learnt = json.loads(finished.read_text())
        self.record = replace(self.record, **{f"plan_{name}": value for name, value in learnt.items()})
        write_record(self.record, self.directory)
        return {}

    def _work(self, items: dict[str, Any]) -> dict[str, str]:
        """Work on every shard without a receipt. Returns failures by shard name."""
        done = {receipt.shard for receipt in read_receipts(self.directory)}
        todo = {name: item for name, item in items.items() if name not in done}
        match self.stage:
            case Source():
                work = partial(read_part, self.stage, self.context)
            case Filter():
                work = partial(judge_shard, self.stage, self.context)
            case StreamMaker():
                return self._collect(make_stream(self.stage, self.context, list(todo.items())), todo, len(items), "")
            case Maker():
                work = partial(make_shard, self.stage, self.context)
            case Job():
                work = partial(run_job, self.stage, self.context)
            case other:
                raise TypeError(f"{type(other).__name__} is none of the shapes in curate/stage.py")
        return self._map(work, todo, len(items), "")

    def _map(self, work: Callable[[Any], Any], todo: dict[str, Any], count: int, phase: str) -> dict[str, str]:
        """Send items to the engine. Returns failures by shard name."""
        return self._collect(self.engine.map(work, list(todo.items())), todo, count, phase)

    def _collect(self, outcomes: Iterator[Outcome], todo: dict[str, Any], count: int, phase: str) -> dict[str, str]:
        """Write receipts as outcomes come, draw the progress, collect failures."""
        failures: dict[str, str] = {}
        self.display.start(self.node.name, count, count - len(todo), phase, whole=self.whole and not phase)
        before = self._joules()
        for outcome in outcomes:
            if outcome.error is not None:
                self._failed(outcome, failures)
                continue
            receipt = outcome.value if isinstance(outcome.value, Receipt) else None
            if receipt is not None:
                after = self._joules()
                write_receipt(replace(receipt, joules=_difference(before, after)), self.directory)
                before = after
            else:
                self.sketching_s += outcome.value
            self.display.advance(self.node.name, receipt)
        return failures

    def _joules(self) -> float | None:
        """Read the energy counters, where the stage has the machine to itself."""
        return joules_so_far() if self.stage.ALONE else None

    def _failed(self, outcome: Outcome, failures: dict[str, str]) -> None:
        name = outcome.item[0]
        self.journal.log(f"{self.node.name} {name}: {outcome.error}\n{outcome.detail}")
        self.journal.event("shard failed", self.node.name, shard=name, error=outcome.error)
        if outcome.mistake:
            raise UserError(str(outcome.error))
        failures[name] = str(outcome.error)

    def _end(self, state: str, failures: dict[str, str] | None = None) -> dict[str, Any]:
        """Write stats.json and the final stage.json, and say so. Returns the sum of the receipts."""
        stats = total(read_receipts(self.directory))
        write_json(stats, self.directory / "stats.json")
        self.record = replace(
            self.record, state=state, finished=now(), failures=failures or {}, wall_seconds=self._wall_s()
        )
        write_record(self.record, self.directory)
        self.journal.event(f"stage {state}", self.node.name, rows_in=stats["rows_in"], rows_kept=stats["rows_kept"])
        worked_s = stats["seconds"] + self.record.plan_seconds
        self.display.finish(self.node.name, state, {**stats, "seconds": worked_s})
        return stats


def _difference(before: float | None, after: float | None) -> float | None:
    """Return the joules between two readings; None where a counter cannot be read, or has wrapped."""
    return after - before if after is not None and before is not None and after >= before else None


def _sweep(directory: Path) -> None:
    """Remove the temporary files that a killed run left behind."""
    for path in directory.rglob(".*.tmp") if directory.exists() else ():
        path.unlink()
