"""One recipe in one directory, before anything runs: where its stages live, and whether all of it can be had.

In: a checked recipe. Out: a Run, with the key and the directory of each stage; or a UserError for what would stop the
run later. Nothing is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from curate.files.shelf import Shelf
from curate.llm.budget import Budget, spent_in
from curate.recipe import Node, Recipe, keys, named_after
from curate.records.receipts import (
    record_or_none,
)
from curate.records.tracker import check_installed
from curate.run.columns import check_columns
from curate.run.engines import check_engine
from curate.stage import Context, Global, Job


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
            whole=self.is_whole(node),
            shelf=Shelf(node.stage.shelf_bytes if isinstance(node.stage, Global) else 0),
        )

    def is_whole(self, node: Node) -> bool:
        """Tell whether other programs may want to read what a stage keeps: no stage reads it further, or a job does."""
        readers = [other for other in self.recipe.nodes if node.name in (*other.inputs, *other.references)]
        return not readers or any(isinstance(other.stage, Job) and node.name in other.inputs for other in readers)

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
