"""Documents and their lives as text for a terminal: what `curate show` and `curate trace` print without `--json`.

In: the plain values of curate/report/documents/browse.py. Texts of documents are not trusted: control characters are
shown instead of sent. Long texts are cut; the JSON has all of them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from curate.errors import UserError, did_you_mean
from curate.terminal import display
from curate.terminal import drawing as terminal

EVIDENCE = ("reason", "signal", "score", "similarity", "cut")
"""What the line about the reason tells of a dropped row."""
LINES, LINES_OF_SEVERAL = 60, 24
"""How much of a text is shown: of one that was asked for alone, and of several."""


def render_rows(rows: list[dict[str, Any]], columns: Sequence[str] = (), cut: float | None = None) -> str:
    """Return rows for a terminal: a heading with the id, the text in colour, then why it fell and the other columns.

    Long texts are cut. `signal_...` columns, some thirty of them, are left out but for those that `columns` names
    (`all` for all). `cut` is what all dropped rows were measured against that bring no cut of their own.
    """
    if not rows:
        return "no such documents"
    wanted = [name for name in rows[0] if "all" in columns or name in columns or not _is_signal(name)]
    unknown = [name for name in columns if name not in rows[0] and name != "all"]
    if unknown:
        raise UserError(f"no column {unknown[0]!r}{did_you_mean(unknown[0], rows[0])}")
    parts: list[RenderableType] = []
    lines = LINES if len(rows) == 1 else LINES_OF_SEVERAL
    for row in rows:
        parts += [_heading(row["id"]), terminal.code(str(row["text"]), lines)]
        parts += [reason(row, cut)] if row.get("reason") is not None else []
        told = {"id", "text", *(EVIDENCE if row.get("reason") is not None else ())}
        parts += [facts({name: row[name] for name in wanted if name not in told}), Text("")]
    hidden = sum(map(_is_signal, rows[0])) - sum(map(_is_signal, wanted))
    parts += [Text(f"{hidden} signal columns are not shown (--columns all shows them)", "quiet")] if hidden else []
    return terminal.render(Group(*parts))


def _is_signal(column: str) -> bool:
    return column.startswith("signal_") or column == "signals_version"


def reason(row: Mapping[str, Any], stage_cut: float | None) -> Text:
    """Say why a row was dropped: the reason, the value behind it and the cut that it was measured against."""
    line = Text.assemble("dropped: ", (display.one_line(row["reason"]), "bad"))
    name = "similarity" if row.get("score") is None else row.get("signal") or "score"
    value = row.get("similarity") if row.get("score") is None else row["score"]
    cut = stage_cut if row.get("cut") is None else row["cut"]
    if value is None:
        return line
    line.append(f"  {display.one_line(name)} {display.one_line(value)}")
    if cut is not None:
        side = "above the cut at" if value > cut else "below the cut at" if value < cut else "at the cut of"
        line.append(f", {side} {display.one_line(cut)}")
    return line


def _heading(identity: str) -> Text:
    return Text(f"── {display.one_line(identity)}", style="bold")


def facts(values: Mapping[str, Any], indent: str = "") -> Text:
    """Return a line for each value that is there."""
    lines = [
        Text.assemble(indent, (f"{display.one_line(name)}: ", "quiet"), display.one_line(value, 160))
        for name, value in values.items()
        if value is not None
    ]
    return Text("\n").join(lines)


def render_trace(steps: list[dict[str, Any]]) -> str:
    """Return a trace for a terminal: one heading a document, one block a step; signals stand in the JSON alone."""
    colours = {"dropped": "bad", "kept": "good", "made": "live", "used": "live"}
    parts: list[RenderableType] = []
    document = None
    for step in steps:
        if step["document"] != document:
            document = step["document"]
            parts.append(_heading(document))
        line = Text.assemble(
            (step["fate"].ljust(8), colours.get(step["fate"], "")), (step["stage"], "bold"), f"  {step['use']}"
        )
        line.append(f"  {display.one_line(step['reason'])}" if step["reason"] else "", style="bad")
        parts.append(line)
        gained = {name: value for name, value in step["gained"].items() if not _is_signal(name)}
        parts += [facts(told, " " * 8) for told in (gained, step["evidence"], _told(step)) if told]
    return terminal.render(Group(*parts))


def _told(step: Mapping[str, Any]) -> dict[str, str]:
    """Say in words which other documents and calls a step is about."""
    told = {}
    for what, words in (("absorbed", "stands for duplicates"), ("made", "made from it")):
        if step[what]:
            told[words] = f"{step[what]:,}: {', '.join(step[what + '_ids'])}"
    if step["calls"]:
        told["LLM calls"] = f"{len(step['calls'])}: {json.dumps(step['calls'][0], ensure_ascii=False)}"
    return told
