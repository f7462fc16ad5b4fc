"""The report's pictures: inline SVG drawn by hand, a few kilobytes each, so that one file holds the whole report.

Shapes carry class names and no colours: the page's style sheet paints them, in its light and its dark theme. The
width is 360 units, so that 11-unit letters are as large as small print where a phone shows the picture 330 pixels wide.
Each picture has a title and a description in words, for those who cannot see it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from curate.terminal.display import number, printable

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 42, 10, 24, 34
POINTS = 400  # of a curve: more than the picture has columns
BINS = 32


@dataclass(frozen=True)
class Interval:
    """One line of `intervals`: a value and, where it was measured here, its interval; all in per cent."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    mark: str = ""
    """Stands behind the value, where it does not simply compare with the others."""


def histogram(kept: Sequence[float], dropped: Sequence[float], cut: float | None, label: str) -> str:
    """Draw how the scores of kept and dropped documents are spread, stacked, with the cut as a line."""
    values = [value for value in (*kept, *dropped) if math.isfinite(value)]
    if not values:
        return ""
    low, high = _span(values)
    counts = {"dropped": _bins(dropped, low, high), "kept": _bins(kept, low, high)}
    tallest = max(a + b for a, b in zip(counts["dropped"], counts["kept"], strict=True))
    x, y = _scale(low, high, LEFT, WIDTH - RIGHT), _scale(0, tallest, HEIGHT - BOTTOM, TOP)
    step = (WIDTH - LEFT - RIGHT) / BINS
    parts = _axes(x, y, (low, high), (0, tallest), label, "documents", whole=True)
    for index in range(BINS):
        base = 0
        for name, bins in counts.items():
            if bins[index]:
                top = y(base + bins[index])
                parts.append(_bar(LEFT + index * step, top, step - 0.6, y(base) - top, name))
                base += bins[index]
    if cut is not None and low <= cut <= high:
        side = "end" if x(cut) > WIDTH / 2 else "start"
        shift = -4 if side == "end" else 4
        parts.append(f'<line class="cut" x1="{x(cut):.1f}" x2="{x(cut):.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(_text(x(cut) + shift, TOP + 8, f"cut {number(cut)}", side))
    if len(kept) and len(dropped):
        parts += [_key(WIDTH - 116, "kept"), _key(WIDTH - 68, "dropped")]
    told = [f"{len(group):,} {name}" for name, group in (("kept", kept), ("dropped", dropped)) if len(group)]
    middle = sorted(values)[len(values) // 2]
    spread = f"{', '.join(told)}; from {number(low)} to {number(high)}, half of them below {number(middle)}"
    return _svg(parts, f"Histogram: {label}", spread if cut is None else f"{spread}; cut at {number(cut)}")


def bars(counts: Mapping[str, int], label: str) -> str:
    """Draw named counts as horizontal bars, in the order given."""
    if not counts:
        return ""
    names, height = 96, 22 * len(counts) + 22
    x = _scale(0, max(*counts.values(), 1), 0, WIDTH - names - 60)
    parts = [_text(2, 10, label)]
    for index, (name, count) in enumerate(counts.items()):
        top = 20 + 22 * index
        parts.append(_text(names - 8, top + 12, name, "end"))
        parts.append(_bar(names, top, max(x(count), 0.5), 16, "kept"))
        parts.append(_text(names + x(count) + 6, top + 12, f"{count:,}"))
    return _svg(parts, f"Bars: {label}", "; ".join(f"{name}: {count:,}" for name, count in counts.items()), height)


def curves(series: Mapping[str, Sequence[tuple[float, float]]], across: str, up: str) -> str:
    """Draw named lines of (x, y) points in one frame, with a legend. Points that are not finite are left out."""
    lines = {
        name: [(a, b) for a, b in points if math.isfinite(a) and math.isfinite(b)] for name, points in series.items()
    }
    lines = {name: points for name, points in lines.items() if points}
    if not lines:
        return ""
    xs = [a for points in lines.values() for a, _ in points]
    ys = [b for points in lines.values() for _, b in points]
    x_range, y_range = _span(xs), _span(ys)
    x, y = _scale(*x_range, LEFT, WIDTH - RIGHT), _scale(*y_range, HEIGHT - BOTTOM, TOP)
    parts = _axes(x, y, x_range, y_range, across, up)
    for index, (name, points) in enumerate(lines.items()):
        path = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in _thin(points))
        dots = len(points) <= BINS
        parts.append(f'<polyline class="line s{index % 4}" points="{path}"/>')
        parts += [
            f'<circle class="dot s{index % 4}" cx="{x(a):.1f}" cy="{y(b):.1f}" r="2"/>' for a, b in points if dots
        ]
        if len(lines) > 1:
            row = TOP + 6 + 14 * index
            parts.append(
                f'<line class="line s{index % 4}" x1="{WIDTH - 150}" x2="{WIDTH - 134}" y1="{row}" y2="{row}"/>'
            )
            parts.append(_text(WIDTH - 130, row + 4, f"{name} {number(points[-1][1])}"))
    ends = (
        f"{name} from {number(points[0][1])} at {number(points[0][0])} to {number(points[-1][1])} at "
        f"{number(points[-1][0])}"
        for name, points in lines.items()
    )
    return _svg(parts, f"Curve: {up} over {across}", "; ".join(ends))


def intervals(rows: Sequence[Interval], label: str) -> str:
    """Draw one dot a row from 0 to the best value, with its interval as a bar where there is one."""
    if not rows:
        return ""
    names, top = 104, 18
    bottom = top + 20 * len(rows)
    high = max(5.0, *(row.high if row.high is not None else row.value for row in rows))
    x = _scale(0, high, names, WIDTH - RIGHT - 44)
    parts = []
    for tick in _ticks(0, high, 4):
        parts.append(f'<line class="grid" x1="{x(tick):.1f}" x2="{x(tick):.1f}" y1="{top}" y2="{bottom}"/>')
        parts.append(_text(x(tick), bottom + 14, number(tick), "middle"))
    for index, row in enumerate(rows):
        at, ours = top + 20 * index + 10, row.low is not None
        name = row.label if len(row.label) <= 18 else row.label[:17] + "…"
        parts.append(_text(names - 8, at + 4, name, "end", "ours" if ours else "label"))
        if row.low is not None and row.high is not None:
            parts.append(f'<line class="range" x1="{x(row.low):.1f}" x2="{x(row.high):.1f}" y1="{at}" y2="{at}"/>')
        kind = "kept" if ours else "published"
        parts.append(f'<circle class="{kind}" cx="{x(row.value):.1f}" cy="{at}" r="4"/>')
        end = max(x(row.value), x(row.high) if row.high is not None else 0)
        parts.append(_text(end + 8, at + 4, f"{row.value:.1f}{row.mark}"))
    parts.append(_text(2, 10, label))
    told = (f"{r.label} {r.value:.1f}{'' if r.low is None else f' ({r.low:.1f} to {r.high:.1f})'}" for r in rows)
    return _svg(parts, label, "; ".join(told), bottom + 20)


def _bins(values: Sequence[float], low: float, high: float) -> list[int]:
    counts = [0] * BINS
    for value in values:
        if math.isfinite(value):
            counts[min(int((value - low) / (high - low) * BINS), BINS - 1)] += 1
    return counts


def _thin(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Average neighbours where there are more points than the picture can show; the last point stays itself."""
    size = math.ceil(len(points) / POINTS)
    if size <= 1:
        return points
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    means = [(sum(a for a, _ in group) / len(group), sum(b for _, b in group) / len(group)) for group in groups]
    return [*means, points[-1]]


def _span(values: Sequence[float]) -> tuple[float, float]:
    """Return the range to draw, opened around values that are (all but) the same."""
    low, high = min(values), max(values)
    largest = max(abs(low), abs(high))
    return (
        (low, high) if high - low > 1e-9 * max(largest, 1e-9) else (low - max(0.5, largest), high + max(0.5, largest))
    )


def _scale(low: float, high: float, start: float, end: float) -> Callable[[float], float]:
    spread = (high - low) or 1.0
    return lambda value: start + (value - low) / spread * (end - start)


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Return about `count` round numbers (1, 2 or 5 times a power of ten apart) between two values."""
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(step * power for step in (1, 2, 5, 10) if step * power >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [float(f"{index * step:.12g}") for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _axes(
    x: Callable[[float], float],
    y: Callable[[float], float],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    across: str,
    up: str,
    *,
    whole: bool = False,
) -> list[str]:
    parts = []
    for tick in _ticks(*y_range, 4):
        if whole and not tick.is_integer():
            continue
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        parts.append(_text(LEFT - 6, y(tick) + 4, number(tick), "end"))
    for tick in _ticks(*x_range, 5):
        parts.append(_text(x(tick), HEIGHT - BOTTOM + 14, number(tick), "middle"))
    parts.append(_text(WIDTH - RIGHT, HEIGHT - 5, across, "end"))
    parts.append(_text(2, 10, up))
    return parts


def _bar(x: float, y: float, width: float, height: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "label") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(printable(text))}</text>'


def _key(x: float, name: str) -> str:
    return _bar(x, 2, 8, 8, name) + _text(x + 11, 10, name)


def _svg(parts: Sequence[str], title: str, description: str, height: int = HEIGHT) -> str:
    told = f"<title>{escape(printable(title))}</title><desc>{escape(printable(description))}</desc>"
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img">{told}{"".join(parts)}</svg>'
