"""Looking before running: what a recipe would do (`curate plan`), and what stages there are (`curate stages`)."""

import json
from inspect import cleandoc
from pathlib import Path
from textwrap import fill
from typing import Any

import yaml
from rich.cells import cell_len
from rich.console import Group
from rich.text import Text

from curate.errors import UserError
from curate.plugins.finding import from_entry_point, installed, stage_class
from curate.recipe import Node, load
from curate.records.receipts import record_or_none, total
from curate.records.standing import standing
from curate.run.opened import Run
from curate.stage import Job, Reference, Source, Stage
from curate.stages import SOURCES, STAGES, find
from curate.terminal import drawing as terminal


def render_plan(run: Run, *, wide: bool = False) -> str:
    """Return one line a stage: whether it is cached, how much is left, what it reads, and its key if there is room."""
    nodes = run.recipe.nodes
    head = Text.assemble(
        "recipe ", (run.recipe.name, "bold"),
        f" -> {run.directory} ({run.recipe.engine.kind} engine, seed {run.recipe.seed})",
    )  # fmt: skip
    columns = [
        terminal.Column("stage", [node.name for node in nodes], left=True),
        terminal.Column("use", [node.use for node in nodes], 1, left=True),
        terminal.Column("key", [run.keys[node.name] for node in nodes], 2, left=True),
        terminal.Column("what", [state_of(run, node) for node in nodes], left=True),
        terminal.Column("reads", [", ".join((*node.inputs, *node.references)) or "-" for node in nodes], left=True),
    ]
    shown, hidden = terminal.fit(columns, None if wide else terminal.room())
    width = terminal.width_of(shown) if wide else None
    return terminal.render(Group(head, terminal.draw(shown), *terminal.left_out(hidden)), width)


def state_of(run: Run, node: Node) -> str:
    """Say of a stage whether it is cached, or how much of it is left."""
    directory = run.stage_directory(node)
    record = record_or_none(directory)
    stands = standing(directory)
    if stands.damaged:
        return f"will mend: {stands.told()}"
    if record is None:
        return f"will run{_size(node)}"
    stats = total(stands.receipts)
    if record.state == "done":
        return f"cached: {stats['rows_kept']:,} of {stats['rows_in']:,} rows" if stats["rows_in"] else "cached"
    return f"will continue: {stats['shards_done']} of {record.shards_total} shards stand"


def _size(node: Node) -> str:
    """Say how much a source will read; other stages are only known when what is above them has run."""
    extent = node.stage.extent() if isinstance(node.stage, Source) else ""
    return f": {extent}" if extent else ""


def render_stages() -> str:
    """Return the stages and sources, one line each; in a terminal what does not fit goes on below."""
    names = {**STAGES, **{f"source.{kind}": target for kind, target in SOURCES.items()}}
    width = max(map(len, names))
    lines = []
    for name in names:
        kind = find(name.removeprefix("source."), SOURCES) if name.startswith("source.") else find(name)
        lines.append(_hung(f"{name:<{width}}  ", _first_sentence(kind), width + 2))
    return "\n".join([*lines, *_installed(width)])


def _installed(width: int) -> list[str]:
    """Return a line for each stage that an installed distribution offers, also for one that cannot be imported."""
    lines = []
    for name, point in installed().items():
        try:
            text = f"{_first_sentence(from_entry_point(point))} (of {getattr(point.dist, 'name', 'a distribution')})"
        except UserError as error:
            text = f"cannot be used: {error}"
        lines.append(_hung(f"{name:<{width}}  ", text, width + 2))
    return lines


def render_stages_of(path: Path) -> str:
    """Return the stages that a recipe uses, one line each."""
    nodes = load(path).nodes
    width = max(len(node.name) for node in nodes)
    uses = max(len(node.use) for node in nodes)
    return "\n".join(
        _hung(f"{node.name:<{width}}  {node.use:<{uses}}  ", _first_sentence(type(node.stage)), width + 4)
        for node in nodes
    )


def render_stage(name: str, *, schema: bool = False) -> str:
    """Return one stage's parameters: YAML with its defaults, or JSON Schema. Raises UserError for an unknown one.

    In a terminal a comment that does not fit stands below its parameter.
    """
    source = name.removeprefix("source.")
    kind = find(source, SOURCES) if name.startswith("source.") else stage_class(name)
    if schema:
        return json.dumps(kind.model_json_schema(), indent=2, ensure_ascii=False)
    lines = [_hung("# ", line, "# ") for line in cleandoc(kind.__doc__ or "").splitlines()]
    lines += [f"use: {name}"] if not issubclass(kind, Source) else []
    for field, info in kind.model_fields.items():
        marks = [mark.kind for mark in info.metadata if isinstance(mark, Reference)]
        comment = " ".join([*(info.description or "").split(), *[f"(the name of a {mark})" for mark in marks]])
        value = "# required" if info.is_required() else _yaml(info.get_default(call_default_factory=True))
        lines += _with_comment(f"{field}: {value}", comment)
    return "\n".join(lines)


def _with_comment(line: str, comment: str) -> list[str]:
    """Return a line of YAML with its comment behind it, or below it where the terminal is too narrow."""
    if not comment:
        return [line]
    together, width = f"{line}  # {comment}", terminal.room()
    if width is None or cell_len(together) <= width:
        return [together]
    return [line, _hung("    # ", comment, "    # ")]


def _hung(head: str, text: str, indent: int | str) -> str:
    """Return text behind a head; in a terminal it goes on below, indented."""
    width = terminal.room()
    if width is None:
        return f"{head}{text}".rstrip()
    further = indent if isinstance(indent, str) else " " * indent
    return fill(text, width, initial_indent=head, subsequent_indent=further, break_on_hyphens=False) or head.rstrip()


def _yaml(value: Any) -> str:
    plain = json.loads(json.dumps(value, default=lambda other: other.model_dump(mode="json")))
    return yaml.safe_dump(plain, default_flow_style=True, width=10_000).removesuffix("...\n").strip()


def _first_sentence(kind: type[Stage]) -> str:
    text = " ".join((kind.__doc__ or "").split())
    return text.partition(". ")[0].rstrip(".") + (" (a job)" if issubclass(kind, Job) else "")
