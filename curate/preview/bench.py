"""A bench for one stage: a folder in which the stages above it have worked on a few documents, and then it does.

In: a recipe, the name of a stage, how many documents to read. Out: a `Bench`, whose folder has `<stage>/kept/` and
`dropped/` as a run would. A stage above that stands complete in the run is not run again: some of what it kept is
taken, evenly over its shards. The others work on what their sources give first. Not covered: stages that leave no
documents (training, evaluation), and stages above that ask a model or train, which must stand in the run already.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.errors import UserError
from curate.files.shards import count_rows, list_shards, read_shard, write_shard
from curate.progress import Progress
from curate.recipe import EngineSpec, Node, Recipe, keys, named_after
from curate.run.columns import check_columns
from curate.run.opened import Run
from curate.run.released import is_released
from curate.run.work import judge_shard, make_shard, make_stream, read_part, sketch_shard
from curate.stage import Context, Filter, Global, Job, Maker, Metrics, Source, StreamMaker

FILES = 8
"""Shards of a stage of the run from which documents are taken, at most: each must be decoded whole."""


@dataclass
class Bench:
    """Where one stage is tried, and what is known of how it came to its documents."""

    run: Run
    """The run as the recipe has it; nothing of it is written."""
    recipe_file: Path
    folder: Path
    most: int
    """Documents read of a source, or taken of a stage of the run."""
    metrics: Metrics = field(default_factory=dict)
    """What the stage counted itself, its plan included."""
    taken: dict[str, int] = field(default_factory=dict)
    """Stages of the run from which documents were taken, with how many they have."""
    worked: list[str] = field(default_factory=list)
    """Stages above that worked here, in order."""

    def place(self, name: str) -> Path:
        """Return the folder of a stage on the bench."""
        return self.folder / name


def open_bench(recipe_file: Path, recipe: Recipe, stage: str, runs: Path, folder: Path, most: int) -> Bench:
    """Return an empty bench for a stage of a recipe.

    Raises UserError for one that cannot be tried, before any document is read.
    """
    node = recipe.node(stage)
    if isinstance(node.stage, Job):
        does = "trains a model" if node.stage.YIELDS == "a model" else "leaves no documents"
        raise UserError(
            f"{stage}: {node.use} {does}, so there is nothing to look at before and after; `curate plan` estimates it, "
            f"and `curate run {recipe_file} --until {stage} --limit {most}` runs it on little"
        )
    nodes = tuple(_limited(each, most) for each in recipe.until(stage))
    small = replace(recipe, nodes=nodes, engine=EngineSpec(), tracker=None)
    directory = runs / recipe.name
    whole = keys(replace(recipe, nodes=recipe.until(stage)), directory / "stages")
    bench = Bench(Run(small, directory, whole), recipe_file, folder, most)
    for each in needed(bench.run, stage):
        if each.name != stage and (each.models or isinstance(each.stage, Job)):
            does = "asks a model" if each.models else "is a job"
            raise UserError(
                f"{stage} reads {each.name!r} ({each.use}), which {does} and has not run; first: "
                f"curate run {recipe_file} --until {each.name}"
            )
    check_columns(small)
    for each in needed(bench.run, stage):
        with named_after(each):
            each.stage.check({name: small.models[name] for name in each.models})
    return bench


def needed(run: Run, stage: str) -> list[Node]:
    """Return the stages that must work on the bench, in order: the one that is tried, and those above it up to what
    stands in the run."""
    wanted = {stage}
    for node in reversed(run.recipe.nodes):
        if node.name in wanted:
            wanted.update(name for name in (*node.inputs, *node.references) if not _stands(run, run.recipe.node(name)))
    return [node for node in run.recipe.nodes if node.name in wanted]


def _stands(run: Run, node: Node) -> bool:
    return run.is_done(node) and not is_released(run.stage_directory(node))


def _limited(node: Node, most: int) -> Node:
    """Return a source that reads no more than so many documents; any other stage as it is."""
    if not isinstance(node.stage, Source) or "limit" not in type(node.stage).model_fields:
        return node
    limit = min(most, getattr(node.stage, "limit", None) or most)
    return replace(node, stage=node.stage.model_copy(update={"limit": limit}))


def work(bench: Bench, stage: str, progress: Progress, asked: int) -> None:
    """Bring documents to a stage and let it work on them. One that asks a model gets `asked` of them, no more.

    Raises UserError where none reaches it, and what the stages themselves raise.
    """
    nodes = needed(bench.run, stage)
    for place, node in enumerate(nodes):
        progress.update(place, len(nodes), node.name)
        for name in (*node.inputs, *node.references):
            if not bench.place(name).exists():
                _take(bench, bench.run.recipe.node(name))
        context = _context(bench, node, progress)
        if node.name == stage:
            _keep_few(bench, node, asked if node.models else None)
            _bring_answers(bench, node, context)
        metrics = _work(node, context, bench)
        if node.name == stage:
            bench.metrics = metrics
        else:
            bench.worked.append(node.name)
    progress.update(len(nodes), len(nodes), stage)


def _take(bench: Bench, node: Node) -> None:
    """Take some of what a stage of the run kept, evenly over a few of its shards; of a job all that it left."""
    there, here = bench.run.stage_directory(node), bench.place(node.name)
    if isinstance(node.stage, Job):
        here.symlink_to(there.resolve(), target_is_directory=True)
        return
    paths = list_shards(there / "kept")
    bench.taken[node.name] = sum(map(count_rows, paths))
    (here / "kept").mkdir(parents=True)
    for path, table in _drawn(paths, bench.most):
        write_shard(table, here / "kept" / path.name)


def _drawn(paths: list[Path], most: int) -> Iterator[tuple[Path, pa.Table]]:
    """Yield documents of a few shards, `most` in all, evenly from everywhere."""
    filled = [path for path in paths if count_rows(path)]
    chosen = filled[:: -(-len(filled) // min(FILES, most))] if filled else []
    for number, path in enumerate(chosen):
        share = most // len(chosen) + (number < most % len(chosen))
        table = read_shard(path)
        count = min(share, table.num_rows)
        yield path, table.take(pa.array([row * table.num_rows // count for row in range(count)], pa.int64()))


def _context(bench: Bench, node: Node, progress: Progress) -> Context:
    return replace(
        bench.run.context(node),
        directory=bench.place(node.name),
        inputs={name: bench.place(name) for name in node.inputs},
        references={name: bench.place(name) for name in node.references},
        whole=True,
        progress=progress,
    )


def _keep_few(bench: Bench, node: Node, most: int | None) -> None:
    """Refuse to try a stage on nothing; leave no more than so many documents where each costs an answer."""
    shards = [path for name in node.inputs for path in list_shards(bench.place(name) / "kept")]
    if node.inputs and not sum(map(count_rows, shards)):
        raise UserError(f"{node.name}: none of the documents comes so far{_more(bench)}")
    for path in shards if most is not None else ():
        table = read_shard(path)
        count = min(table.num_rows, most or 0)
        write_shard(table.slice(0, count), path)
        most = (most or 0) - count


def _bring_answers(bench: Bench, node: Node, context: Context) -> None:
    """Let answers that a run has paid for be found again."""
    logged = bench.run.stage_directory(node) / "calls"
    if node.models and logged.is_dir():
        shutil.copytree(logged, context.calls, dirs_exist_ok=True)


def _work(node: Node, context: Context, bench: Bench) -> Metrics:
    """Let one stage work on all that its inputs have on the bench. Returns what it counted."""
    try:
        with named_after(node):
            return _do(node, context)
    except UserError as error:
        raise UserError(f"{error}{_more(bench)}") from error


def _more(bench: Bench) -> str:
    """Say how to try it with more documents, where there are more."""
    counts = [sum(map(count_rows, list_shards(bench.place(name) / "kept"))) for name in (*bench.worked, *bench.taken)]
    few = f"; {bench.most} of a stage or a source were looked at, --limit {10 * bench.most} takes more"
    return few if any(count >= bench.most for count in counts) else ""


def _do(node: Node, context: Context) -> Metrics:
    stage = node.stage
    several = len(context.inputs) > 1
    items = [
        (f"{name}.{path.stem}" if several else path.stem, path)
        for name, directory in context.inputs.items()
        for path in list_shards(directory / "kept")
    ]
    (context.directory / "kept").mkdir(parents=True, exist_ok=True)
    metrics: Metrics = {}
    if isinstance(stage, Global):
        for item in items:
            sketch_shard(stage, context, item)
        metrics = stage.plan(context, _map)
    if isinstance(stage, StreamMaker):
        receipts = []
        for outcome in make_stream(stage, context, items):
            if outcome.error is not None:
                raise (UserError if outcome.mistake else RuntimeError)(outcome.error)
            receipts.append(outcome.value)
    elif isinstance(stage, Source):
        receipts = [read_part(stage, context, (part.name, part)) for part in stage.parts()]
    elif isinstance(stage, Filter | Maker):
        judge: Callable[[Any], Any] = partial(judge_shard if isinstance(stage, Filter) else make_shard, stage, context)  # type: ignore[arg-type]
        receipts = _map(judge, items)
    else:
        raise TypeError(f"{type(stage).__name__} is none of the shapes in curate/stage.py")
    for receipt in receipts:
        for name, value in receipt.metrics.items():
            metrics[name] = metrics.get(name, 0.0) + value
    return metrics


def _map(function: Callable[[Any], Any], items: Any) -> list[Any]:
    return [function(item) for item in items]


def inputs_of(bench: Bench, node: Node) -> Mapping[str, dict[str, Any]]:
    """Return the rows that the stage had before it, by id, in order."""
    shards = [path for name in node.inputs for path in list_shards(bench.place(name) / "kept")]
    return {row["id"]: row for path in shards for row in read_shard(path).to_pylist()}
