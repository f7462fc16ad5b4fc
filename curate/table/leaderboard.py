"""What `curate table` prints: the table drawn for a terminal, as Markdown for a pipe, or as JSON; or a difference.

In: runs, folders that `curate eval` wrote, and files that `curate score` wrote. In a terminal the columns that do not
fit beside each other stand in blocks below each other, each with the models' names: no number is cut or left out.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from curate.table.rows import (
    Block,
    as_values,
    bits_text,
    blocks,
    footnotes,
    protocols_of,
    read_entries,
    render_markdown,
    score_text,
    size_text,
    title_of,
)
from curate.terminal import drawing as terminal
from curate.terminal.display import printable


def table_text(
    places: Sequence[Path],
    *,
    diff: bool = False,
    arms: Sequence[str] = (),
    as_json: bool = False,
    markdown: bool = False,
    wide: bool = False,
) -> str:
    """Return what `curate table` prints: the table, or with `diff` the tasks gained and lost between two models, or
    with `arms` each of these models beside the one before it.

    `markdown` is what a pipe gets anyway; `wide` puts all columns beside each other, however wide the terminal is.
    Raises UserError where `diff` is not given exactly two models with a benchmark and protocol in common.
    """
    entries = read_entries(places)
    if arms:
        from curate.table.arms import as_json as arms_as_json
        from curate.table.arms import gains, render_gains

        rows = gains(entries, arms)
        return arms_as_json(rows) if as_json else render_gains(rows, arms)
    if diff:
        from curate.table.compare import differences, render_difference

        found = differences(entries)
        return _json([asdict(each) for each in found]) if as_json else "\n\n".join(map(render_difference, found))
    if as_json:
        return _json(as_values(blocks(entries)))
    width = terminal.room()
    if markdown or width is None:
        return render_markdown(blocks(entries))
    return _draw(blocks(entries), None if wide else width)


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _draw(found: Iterable[Block], width: int | None) -> str:
    parts: list[RenderableType] = []
    widest = 0
    for block in found:
        parts.append(Text(("\n" if parts else "") + block.title, "bold"))
        styles = ["bold" if row.kind == "measured" else "" for row in block.rows]
        for columns in terminal.stack(_columns(block), width):
            widest = max(widest, terminal.width_of(columns))
            parts += [terminal.draw(columns, styles), Text("")]
        parts += _origins(block)
        parts += [Text(f"[{number}] {printable(note)}", "quiet") for note, number in footnotes(block).items()]
    return terminal.render(Group(*parts), None if width else widest)


def _columns(block: Block) -> list[terminal.Column]:
    rows, notes = block.rows, footnotes(block)
    scores = [
        terminal.Column(title_of(name), [score_text(row.scores.get(name), notes) for row in rows], left=True)
        for name in block.benchmarks
    ]
    bits = [bits_text(row, block) for row in rows]
    return [
        terminal.Column("model", [printable(row.model) for row in rows], left=True),
        terminal.Column("size", [size_text(row.parameters) for row in rows]),
        terminal.Column("tokens", [size_text(row.dataset_tokens) for row in rows]),
        *scores,
        *([terminal.Column("bits per byte", bits)] if any(text != "-" for text in bits) else []),
    ]


def _origins(block: Block) -> list[Text]:
    """Say where the rows come from and by which protocol, those that have both in common in one line."""
    groups: dict[str, list[str]] = {}
    for row in block.rows:
        origin = f"{row.kind}, {row.source}, {'; '.join(protocols_of(row))}"
        groups.setdefault(origin, []).append(row.model)
    return [Text(printable(f"{', '.join(models)}: {origin}"), "quiet") for origin, models in groups.items()]
