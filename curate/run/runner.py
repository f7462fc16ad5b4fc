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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from curate.errors import UserError, from_os_error
from curate.files.shelf import Shelf
from curate.llm import close_models
from curate.llm.budget import Budget, spent_in
from curate.recipe import Node, Recipe, keys, named_after
from curate.records.receipts import (
    record_or_none,
)
from curate.records.tracker import check_installed, mirroring
from curate.run.columns import check_columns
from curate.run.emptied import Emptied
from curate.run.engine import check_engine, open_engine
from curate.run.journal import Journal
from curate.run.stage_run import StageRun
from curate.stage import Context, Global
from curate.terminal.screen import Display
from curate.text.loops import noticing


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
        record = record_or_none(self.stage_directory(node))
        return record is not None and record.state == "done"


def open_run(recipe: Recipe, runs: Path) -> Run:
    """Name the directories, and check the recipe as a whole and every stage that is not done against the outside world.

    Writes nothing. Raises UserError for what would stop the run later: a column that no stage delivers, a package, a
    model, a file, an endpoint that cannot be had.
    """
    check_columns(recipe)
    directory = runs / recipe.name
    run = Run(recipe, directory, keys(recipe, directory / "stages"))
    for node in recipe.nodes:
        if not run.is_done(node):
            with named_after(node):
                node.stage.check({name: recipe.models[name] for name in node.models})
    if recipe.tracker is not None:
        check_installed(recipe.tracker)
    check_engine(recipe.engine.kind, recipe.engine.address)
    return run


def execute(
    run: Run,
    display: Display,
    *,
    until: str | None = None,
    workers: int | None = None,
    engine: str = "",
    verify: bool = False,
) -> list[Emptied]:
    """Bring every stage (or those that `until` needs) to completion. Returns the stages that kept nothing.

    What is done counts as far as its files are as the receipts say (curate/records/standing.py); other shards are made
    again. With `verify` that is a matter of their digests, else of their sizes and numbers of rows.

    Raises UserError for what the user can mend, ShardsFailed after finishing what could be finished, and
    KeyboardInterrupt when interrupted; in each case everything receipted is kept.
    """
    recipe, spec = run.recipe, run.recipe.engine
    nodes = recipe.until(until) if until else recipe.nodes
    try:
        with locked(run.directory), open_engine(engine or spec.kind, workers or spec.workers, spec.address) as machine:
            journal = Journal(run, nodes)
            emptied: list[Emptied] = []
            try:
                places = {node.name: run.stage_directory(node) for node in nodes}
                mirror = mirroring(recipe.tracker, recipe.name, places, run.directory / "tracker.log", display.news)
                with (
                    mirror,
                    noticing(lambda: display.news("loops are compiled for this machine, once; that takes a while")),
                ):
                    for place, node in enumerate(nodes):
                        close_models(besides={recipe.models[name] for later in nodes[place:] for name in later.models})
                        stats = StageRun(run, node, machine, journal, display, verify=verify).finish()
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
def locked(directory: Path) -> Iterator[None]:
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
