"""What `curate status` draws: a line of totals, a table with one row a stage, a line for each failure.

In: the state of a run (curate/records/status.py). Out: text for a terminal.
"""

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.text import Text

from curate.terminal import display
from curate.terminal import drawing as terminal

STYLES = {
    "done": "",
    "partial": "",
    "running": "live",
    "interrupted": "news",
    "failed": "bad",
    "pending": "quiet",
}


def render_status(state: Mapping[str, Any], *, wide: bool = False) -> str:
    """Return the status for a terminal: one line of totals, one table row a stage, one line a failure.

    Columns that no stage has a value for (energy, tokens, cost) are left out, and the least telling ones where the
    terminal has no room for them, unless `wide`.
    """
    head = Text.assemble(
        (display.one_line(state["name"]), "bold"),
        "  ",
        (state["state"], STYLES.get(state["state"], "")),
        f"  {spent(state)}",
    )
    stages = state["stages"]
    shown, hidden = terminal.fit(_columns(stages), None if wide else terminal.room())
    table = terminal.draw(shown, [STYLES.get(stage["state"], "") for stage in stages])
    failures = [
        Text(f"{stage['name']}/{display.one_line(shard)}: {display.one_line(line, 200)}", style="bad")
        for stage in stages
        for shard, line in stage["failures"].items()
    ]
    width = terminal.width_of(shown) if wide else None
    return terminal.render(Group(head, table, *terminal.left_out(hidden), *failures), width)


def spent(state: Mapping[str, Any]) -> str:
    """Return what a run took by the clock and in work, which workers share."""
    return f"wall {display.duration(state['wall_seconds'])}, work {display.duration(state['seconds'])}"


def _columns(stages: list[Mapping[str, Any]]) -> list[terminal.Column]:
    """Return the table; an absent value is an empty cell."""
    shards = [f"{s['shards_done']}/{s['shards_total']}" if s["shards_total"] is not None else "" for s in stages]
    rates = [_cell(s["rows_per_s"], lambda v: f"{v:,.0f}" if v >= 10 else f"{v:.2g}") for s in stages]
    return [
        terminal.Column("stage", [s["name"] for s in stages], left=True),
        terminal.Column("use", [s["use"] for s in stages], 9, left=True),
        terminal.Column("state", [s["state"] for s in stages], left=True),
        terminal.Column("shards", shards, 4),
        terminal.Column("in", [_cell(s["rows_in"], display.number) for s in stages]),
        terminal.Column("kept", [display.number(s["rows_kept"]) if s["rows_in"] else "" for s in stages]),
        terminal.Column("dropped", [_dropped(s) for s in stages]),
        terminal.Column("rows/s", rates, 5),
        terminal.Column("MB/s", [_cell(s["mb_per_s"], lambda v: f"{v:.3g}") for s in stages], 7),
        terminal.Column("work", [_cell(s["seconds"] + s["plan_seconds"], display.duration) for s in stages]),
        terminal.Column("wall", [_cell(s["wall_seconds"], display.duration) for s in stages], 2),
        terminal.Column("left", [_left(s) for s in stages], 1),
        terminal.Column("disk", [_cell(s["disk_bytes"], display.size) for s in stages], 6),
        terminal.Column("energy", [_cell(s["joules"], display.energy) for s in stages], 8),
        terminal.Column("tokens", [_cell(s["tokens"], display.number) for s in stages], 3),
        terminal.Column("cost", [_cell(s["usd"], lambda v: f"${v:,.2f}") for s in stages], 6),
    ]


def _cell(value: float | None, show: Any) -> str:
    return str(show(value)) if value else ""


def _dropped(stage: Mapping[str, Any]) -> str:
    if not stage["rows_dropped"]:
        return ""
    return f"{display.number(stage['rows_dropped'])} ({display.percent(stage['rows_dropped'], stage['rows_in'])})"


def _left(stage: Mapping[str, Any]) -> str:
    """Say how far a live stage is and how long the rest takes, as far as either is known."""
    left = _cell(stage["time_left_s"], display.duration)
    progress = stage["progress"]
    if not progress or not progress["total"]:
        return left
    done, shards = min(progress["done"] / progress["total"], 1.0), max(stage["shards_total"] or 1, 1)
    share = display.percent(done, 1) if progress.get("whole") else display.percent(stage["shards_done"] + done, shards)
    return f"{share}, {left}" if left else share
