"""Running recipes from Python: `run("mine.yaml")["quality"].kept.to_pandas()`.

In: a recipe (a path, a dictionary, a Recipe). Out: a Result, which maps the names of stages to what they kept and
dropped. Nothing is read before it is asked for, and then from the run's Parquet files, so a Result costs nothing and
outlives the process: `Result.of("runs/mine")` opens a run that stands. Errors are those of the command line, one line
each: UserError for what you can mend, Trouble for what may pass. Workers do not import your script, which needs no
`if __name__ == "__main__"`; a stage of your own belongs into a module (docs/write-a-stage.md).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from curate.errors import UserError, did_you_mean
from curate.files.shards import count_rows, empty_documents, list_shards, read_schema, read_shard
from curate.llm import close_models
from curate.recipe import Recipe
from curate.records.receipts import read_receipts, total
from curate.records.status import read_run
from curate.run.emptied import Emptied
from curate.run.opened import open_run
from curate.run.runner import execute
from curate.terminal.screen import Silent, open_display

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Rows:
    """The kept or the dropped rows of a stage, as they lie on disk."""

    paths: Sequence[Path]
    """Parquet files, in order."""

    def __len__(self) -> int:
        """Return the number of rows, from the files' footers."""
        return sum(map(count_rows, self.paths))

    def to_batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Yield the rows as Arrow batches, one file at a time in memory."""
        for path in self.paths:
            yield from read_shard(path, _columns(path, columns)).to_batches()

    def to_arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Return all rows, or the named columns of them, as one Arrow table. Raises UserError for an unknown column."""
        tables = [read_shard(path, _columns(path, columns)) for path in self.paths]
        if not tables:
            return empty_documents().select(list(columns or empty_documents().column_names))
        return pa.concat_tables(tables, promote_options="permissive")

    def to_pandas(self, columns: Sequence[str] | None = None) -> "pd.DataFrame":
        """Return all rows, or the named columns of them, as a data frame."""
        return self.to_arrow(columns).to_pandas()


@dataclass(frozen=True)
class StageResult:
    """What one stage did."""

    name: str
    directory: Path
    """Its own folder; a training's model and an evaluation's scores lie there."""

    @property
    def kept(self) -> Rows:
        """Return the rows that it kept, or made."""
        return Rows(list_shards(self.directory / "kept"))

    @property
    def dropped(self) -> Rows:
        """Return the rows that it dropped, each with its `reason`."""
        return Rows(list_shards(self.directory / "dropped"))

    @property
    def counts(self) -> dict[str, Any]:
        """Return the sum of its receipts: rows_in, rows_kept, rows_dropped, dropped_by_reason, seconds, metrics, ..."""
        return total(read_receipts(self.directory))


@dataclass(frozen=True)
class Result(Mapping[str, StageResult]):
    """A run's stages by name, in the recipe's order."""

    directory: Path
    stages: Mapping[str, Path]
    emptied: Sequence[Emptied] = field(default=())
    """Stages that kept nothing."""

    @classmethod
    def of(cls, run: str | Path) -> "Result":
        """Open a run that stands. Raises UserError where there is none."""
        return cls(Path(run), {stage.name: stage.directory for stage in read_run(Path(run)).stages})

    def __getitem__(self, name: str) -> StageResult:
        """Return what a stage did. Raises UserError for one that the recipe has not."""
        if name not in self.stages:
            raise UserError(f"no stage {name!r} in {self.directory}{did_you_mean(name, self.stages)}")
        return StageResult(name, self.stages[name])

    def __contains__(self, name: object) -> bool:
        return name in self.stages

    def __iter__(self) -> Iterator[str]:
        return iter(self.stages)

    def __len__(self) -> int:
        return len(self.stages)


def run(
    recipe: Recipe | Mapping[str, Any] | str | Path,
    *,
    runs: str | Path = "runs",
    until: str | None = None,
    limit: int | None = None,
    workers: int | None = None,
    engine: Literal["local", "ray"] | None = None,
    progress: bool = False,
    verify: bool = False,
) -> Result:
    """Run a recipe, or continue it, and return its stages' tables.

    The options are those of `curate run`; `progress` draws on standard error how far it is. A stage that keeps nothing
    is no error here: see `Result.emptied`. Raises UserError, Trouble (ShardsFailed: what succeeded stands).
    """
    opened = open_run(_recipe(recipe, limit), Path(runs))
    try:
        if progress:
            with open_display([node.name for node in opened.recipe.nodes]) as display:
                emptied = execute(opened, display, until=until, workers=workers, engine=engine or "", verify=verify)
        else:
            emptied = execute(opened, Silent(), until=until, workers=workers, engine=engine or "", verify=verify)
    finally:
        close_models()
    nodes = opened.recipe.until(until) if until else opened.recipe.nodes
    return Result(opened.directory, {node.name: opened.stage_directory(node) for node in nodes}, emptied)


def _recipe(given: Recipe | Mapping[str, Any] | str | Path, limit: int | None) -> Recipe:
    if isinstance(given, Recipe):
        if limit is not None:
            raise UserError("`limit` goes with a path or a dictionary; give it to Recipe.load or Recipe.of")
        return given
    return Recipe.of(given, limit=limit) if isinstance(given, Mapping) else Recipe.load(given, limit=limit)


def _columns(path: Path, columns: Sequence[str] | None) -> list[str] | None:
    if columns is None:
        return None
    known = read_schema(path).names
    for name in columns:
        if name not in known:
            raise UserError(f"no column {name!r} in {path}{did_you_mean(name, known)}")
    return list(columns)
