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
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from curate.errors import UserError, from_os_error
from curate.llm import close_models
from curate.records.receipts import read_receipts, total
from curate.records.tracker import mirroring
from curate.run.emptied import Emptied
from curate.run.engines import open_engine
from curate.run.journal import Journal
from curate.run.opened import Run
from curate.run.released import release, unneeded
from curate.run.stage_run import StageRun
from curate.terminal.display import size
from curate.terminal.screen import Display
from curate.text.loops import noticing


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
                    resting = unneeded(run, nodes, verify=verify)
                    for place, node in enumerate(nodes):
                        if node.name in resting:
                            display.cached(node.name, total(read_receipts(run.stage_directory(node))))
                            continue
                        close_models(besides={recipe.models[name] for later in nodes[place:] for name in later.models})
                        stats = StageRun(run, node, machine, journal, display, verify=verify).finish()
                        if Emptied.is_one(node, stats):
                            emptied.append(Emptied(node.name, stats["rows_in"], stats["dropped_by_reason"]))
                            display.news(emptied[-1].text(run.directory))
            except BaseException as error:
                journal.close(_state_after(error), error)
                raise
            if recipe.keep == "last" and len(nodes) == len(recipe.nodes) and (freed := release(run)):
                display.news(f"keep: last: {size(freed)} of documents removed that only stages read")
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
