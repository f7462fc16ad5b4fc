"""An estimate as text for a terminal, and as plain values."""

from collections.abc import Sequence
from dataclasses import asdict
from string import ascii_lowercase
from typing import Any

from rich.console import Group
from rich.text import Text

from curate.estimate.figures import Flow, Forecast, summed
from curate.terminal import display
from curate.terminal import drawing as terminal

FIGURES = ("seconds", "tokens", "gpu_hours", "usd", "disk_bytes")
ALWAYS = frozenset({"seconds", "disk_bytes"})
"""What every stage takes."""
UNKNOWN = "?"
MARKS = {"≤": "what a stage above drops is not known", "≥": "a part is not known", "~": "both"}


def render_estimate(found: Sequence[Forecast], *, wide: bool = False) -> str:
    """Return the table of an estimate, and below it what its figures rest on."""
    letters = {origin: name for name, origin in zip(ascii_lowercase, _origins(found), strict=False)}
    rows = [*found, total(found)]
    columns = [
        terminal.Column("estimate", [one.stage for one in rows], left=True),
        terminal.Column("kept", [_flow(one, one.out.documents, display.amount) for one in rows]),
        terminal.Column("text", [_flow(one, one.out.text_bytes, display.size) for one in rows], 3),
        terminal.Column("time", [_cell(one, "seconds", _time) for one in rows]),
        terminal.Column("tokens", [_cell(one, "tokens", display.amount) for one in rows], 2),
        terminal.Column("GPU h", [_cell(one, "gpu_hours", _short) for one in rows]),
        terminal.Column("$", [_cell(one, "usd", _short) for one in rows]),
        terminal.Column("disk", [_cell(one, "disk_bytes", display.size) for one in rows], 1),
        terminal.Column("by", ["".join(letters.get(origin, "") for origin in one.origins) for one in rows], 4),
    ]
    shown, hidden = terminal.fit(columns, None if wide else terminal.room())
    below = [Text(f"{name}  {origin}", "quiet") for origin, name in letters.items()]
    parts = Group(terminal.draw(shown), *terminal.left_out(hidden), *below, Text(_legend(rows), "quiet"))
    return terminal.render(parts, terminal.width_of(shown) if wide else None)


def total(found: Sequence[Forecast]) -> Forecast:
    """Return the sum over the stages that are still to do; where a part is not known, the sum of the others."""
    sums: dict[str, Any] = {}
    at_least, takes = set(), set()
    for name in FIGURES:
        taking = [one for one in found if one.state == "to do" and name in one.takes | ALWAYS]
        values = [getattr(one, name) for one in taking]
        known = [value for value in values if value is not None]
        if taking:
            takes.add(name)
        sums[name] = summed(known) if known or not taking else None
        if len(known) < len(values) or any(name in one.at_least for one in taking):
            at_least.add(name)
    at_most = any(one.at_most for one in found)
    return Forecast(
        "total", "", "to do", Flow(), at_most=at_most, takes=frozenset(takes), at_least=frozenset(at_least), **sums
    )


def plain(found: Sequence[Forecast]) -> dict[str, Any]:
    """Return an estimate as JSON can hold it: a list of stages, and their total."""
    return {"stages": [_plain(one) for one in found], "total": _plain(total(found))}


def _plain(one: Forecast) -> dict[str, Any]:
    value = asdict(one)
    flow = value.pop("out")
    unknown = sorted(name for name in one.takes | ALWAYS if getattr(one, name) is None and one.state != "done")
    return {
        **{name: value[name] for name in ("stage", "use", "state")},
        "documents_kept": flow["documents"],
        "text_bytes_kept": flow["text_bytes"],
        "documents_at_most": flow["at_most"],
        **{name: value[name] for name in FIGURES},
        "at_most": one.at_most,
        "at_least": sorted(one.at_least),
        "unknown": unknown,
        "origins": list(one.origins),
    }


def _origins(found: Sequence[Forecast]) -> list[str]:
    return list(dict.fromkeys(origin for one in found for origin in one.origins))


def _flow(one: Forecast, value: float | None, show: Any) -> str:
    if one.stage == "total" or (value is None and (one.use.startswith(("train.", "eval.")))):
        return ""
    return UNKNOWN if value is None else ("≤" if one.out.at_most else "") + show(value)


def _cell(one: Forecast, name: str, show: Any) -> str:
    value = getattr(one, name)
    if one.state == "done" and name != "disk_bytes":
        return "done" if name == "seconds" else ""
    if value is None:
        return UNKNOWN if name in one.takes | ALWAYS else ""
    if name not in one.takes | ALWAYS and not value:
        return ""
    return _bound(one.at_most, name in one.at_least) + str(show(value))


def _bound(at_most: bool, at_least: bool) -> str:
    return "~" if at_most and at_least else "≤" if at_most else "≥" if at_least else ""


def _short(value: float) -> str:
    """Return a number to three digits, and no more than whole ones.

    >>> _short(0.8672), _short(43.68), _short(2220.4)
    ('0.867', '43.7', '2,220')
    """
    return f"{value:.3g}" if value < 100 else f"{value:,.0f}"


def _time(seconds: float) -> str:
    """Return a time span in one unit.

    >>> _time(7), _time(150), _time(9000), _time(400_000)
    ('7 s', '2.5 min', '2.5 h', '4.6 d')
    """
    for limit, unit, name in ((100, 1, "s"), (6000, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.2g} {name}" if seconds / unit < 10 else f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86400:,.1f} d"


def _legend(rows: Sequence[Forecast]) -> str:
    said = ["?: nothing was measured that tells"]
    marks = "".join(cell[:1] for one in rows for cell in (_flow(one, one.out.documents, str), *_figures(one)))
    for mark, meaning in MARKS.items():
        said += [f"{mark}: {meaning}"] if mark in marks else []
    if any(one.gpu_hours is not None and one.usd is None for one in rows):
        said.append("--usd-per-gpu-hour N prices GPUs")
    return "; ".join(said)


def _figures(one: Forecast) -> list[str]:
    return [_cell(one, name, str) for name in FIGURES]
