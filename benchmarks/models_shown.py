"""What results/ shows: README's first table, and scores over training compute and over tokens as phi-1 draws them.

In: the folders that benchmarks/models_kept.py fills, and published.json. Out: Markdown, and two pictures, each with a
panel for HumanEval and one for MBPP. What was measured here has an interval and a filled dot; what others published has
neither and says so. A greedy score comes first; of several protocols the benchmark's own, then EvalPlus'.

FLOPs of ours are counted by the formula of train/steps/model.py, those of others as 6 x parameters x tokens (Kaplan et
al. 2020); models whose tokens nobody told are in the table alone.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from curate.files.shards import write_text

BENCHMARKS = {"humaneval": "HumanEval", "mbpp": "MBPP"}
FORMS = ("evalplus-chat", "evalplus-378-chat", "completion", "doc-500", "evalplus", "evalplus-378")
"""Of protocols by which one model was asked, the first that there is: who was asked in chats was made for them."""
WIDTH, PANEL, LEFT, RIGHT, TOP, GAP = 400, 236, 34, 12, 38, 34
SHOWN = 480
"""Pixels, where there is room: two stand beside each other on a wide page, and below each other on a phone."""
LETTER, BOLD = 6.6, 7.2
"""Units a letter of a name takes, about."""
TICKS = (0, 2, 5, 10, 20, 40, 60, 80, 100)
STYLE = (
    "text{font:11px system-ui,sans-serif;fill:#3b434b}.t{font-weight:600;font-size:12px;fill:#1f2328}"
    ".g{stroke:#8c959f;stroke-opacity:.3}.o{fill:#0969da}.i{stroke:#0969da;stroke-width:2}"
    ".p{fill:none;stroke:#6e7781;stroke-width:1.5}.q{fill:#6e7781}.j{stroke:#6e7781;stroke-width:2}.m{fill:#0969da;font-weight:600}"
    "@media(prefers-color-scheme:dark){text{fill:#b6bec8}.t{fill:#f0f3f6}.o{fill:#58a6ff}.q{fill:#9ea7b3}.p,.j{stroke:#9ea7b3}.i{stroke:#58a6ff}.m{fill:#79b8ff}}"
)


Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Score:
    """Per cent, with its 95 % interval where it was measured here."""

    value: float
    low: float | None = None
    high: float | None = None
    protocol: str = ""


@dataclass(frozen=True)
class Model:
    """One line of the table."""

    name: str
    parameters: float | None
    tokens: float | None
    """Seen in training."""
    unique: float | None
    flops: float | None
    gpu_hours: float | None
    usd: float | None
    scores: dict[str, Score]
    origin: str
    ours: bool
    usd_per_gpu_hour: float | None = None


def models(results: Path) -> list[Model]:
    """Return all models, ours first, then those that others trained; each by its score on HumanEval."""
    told = json.loads((results / "published.json").read_text(encoding="utf-8"))
    known = told["scored_here"]
    folders = sorted(path.parent for path in results.glob("*/scores.json"))
    found = [_measured(folder, known.get(folder.name)) for folder in folders]
    found += [_published(row) for row in told["rows"]]
    return sorted(found, key=lambda each: (not each.ours, -_value(each), each.name))


def _value(model: Model) -> float:
    return model.scores["humaneval"].value if "humaneval" in model.scores else -1.0


def _measured(folder: Path, weights: dict[str, Any] | None) -> Model:
    rows = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    scores = {name: score for name in BENCHMARKS if (score := _score(rows, name))}
    if weights is not None:
        facts, flops = weights, _flops(weights["parameters"], weights["tokens"])
        return Model(
            facts["name"], facts["parameters"], facts["tokens"], None, flops, None, None, scores,
            weights["source"], ours=False,
        )  # fmt: skip
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    return Model(
        folder.name, facts["parameters"], facts["tokens_seen"], facts["unique_tokens"], facts["flops"],
        facts["gpu_seconds"] / 3600, facts["usd"], scores, "trained and scored here", True, facts["usd_per_gpu_hour"],
    )  # fmt: skip


def _score(rows: Sequence[dict[str, Any]], benchmark: str) -> Score | None:
    """Return the greedy score on a benchmark that is shown."""
    forms = {row["protocol"].partition("@")[2].removesuffix("-stripped"): row for row in rows
             if row["protocol"].partition("@")[0] == benchmark and not row.get("temperature")}  # fmt: skip
    row = next((forms[form] for form in FORMS if form in forms), None)
    if row is None:
        return None
    return Score(100 * row["pass_at_1"], 100 * row["low"], 100 * row["high"], row["protocol"])


def _published(row: dict[str, Any]) -> Model:
    scores = {name: Score(row[name]) for name in BENCHMARKS if row[name] is not None}
    flops = _flops(row["parameters"], row["tokens"])
    origin = f"published: {row['source']}"
    return Model(row["model"], row["parameters"], row["tokens"], None, flops, None, None, scores, origin, ours=False)


def _flops(parameters: float | None, tokens: float | None) -> float | None:
    return 6 * parameters * tokens if parameters and tokens else None


def table(results: Path) -> str:
    """Return the table as Markdown, with a line on how what is measured was measured."""
    found = models(results)
    head = ["model", "size", "tokens seen", "of which unique", *BENCHMARKS.values(), "GPU time", "from"]
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 2), "---"])]
    for each in found:
        cells = [f"**{each.name}**" if each.ours else each.name, _short(each.parameters), _short(each.tokens),
                 _short(each.unique), *(_shown(each.scores.get(name)) for name in BENCHMARKS),
                 _paid(each), each.origin]  # fmt: skip
        lines.append(_line(cells))
    return "\n".join([*lines, "", _measures(found)])


def _measures(found: Sequence[Model]) -> str:
    """Say what the intervals, the prices and the protocols are."""
    asked: dict[str, list[str]] = {}
    for each in found:
        protocols = [score.protocol for score in each.scores.values() if score.protocol]
        if protocols:
            asked.setdefault(" and ".join(f"`{name}`" for name in protocols), []).append(each.name)
    by = "; ".join(f"{', '.join(names)} by {protocols}" for protocols, names in asked.items())
    prices = sorted({each.usd_per_gpu_hour for each in found if each.usd_per_gpu_hour is not None})
    paid = f" Dollars at {' and '.join(f'${price:.2f}' for price in prices)} a GPU hour." if prices else ""
    return f"Pass@1 in per cent, greedy, in brackets the 95 % interval of what was measured here: {by}.{paid}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _shown(score: Score | None) -> str:
    if score is None:
        return ""
    return f"{score.value:.1f}" if score.low is None else f"{score.value:.1f} ({score.low:.1f} to {score.high:.1f})"


def _paid(model: Model) -> str:
    if not model.gpu_hours:
        return ""
    time = f"{60 * model.gpu_hours:.1f} min"
    return time if model.usd is None else f"{time}, ${model.usd:.2f}"


def _short(count: float | None) -> str:
    if count is None:
        return ""
    size, unit = next((each for each in ((1e12, "T"), (1e9, "B"), (1e6, "M")) if count >= each[0]), (1.0, ""))
    return f"{count / size:.3g}{unit}"


def pictures(results: Path) -> Iterator[Path]:
    """Draw scores over compute and over tokens; yield the files."""
    found = models(results)
    for name, title, of in (
        ("compute", "training compute, FLOP", lambda each: each.flops),
        ("tokens", "tokens seen in training", lambda each: each.tokens),
    ):
        path = results / f"{name}.svg"
        write_text(picture(found, title, of), path)
        yield path


def picture(found: Sequence[Model], title: str, of: Any) -> str:
    """Draw one panel a benchmark, score over a measure on a logarithmic axis, with a description in words."""
    shown = [(float(of(each)), each) for each in found if of(each)]
    low, high = (bound(math.log10(at) for at, _ in shown) for bound in (min, max))
    low, high = math.floor(low - 0.1), math.ceil(high + 0.1)
    parts, told = [], []
    for number, (name, label) in enumerate(BENCHMARKS.items()):
        points = [(at, each, each.scores[name]) for at, each in shown if name in each.scores]
        parts += _panel(points, f"{label}, pass@1 in %", TOP + number * (PANEL + GAP), low, high)
        told.append(f"{label}: " + "; ".join(_told(at, each, score) for at, each, score in points))
    height = TOP + 2 * PANEL + GAP + 16
    parts.append(f'<text x="{WIDTH - RIGHT}" y="{height - 6}" text-anchor="end">{escape(title)}</text>')
    for x, kind, words in (
        (8, "o", "trained here"),
        (104, "q", "scored here, 95 % interval"),
        (278, "p", "as published"),
    ):
        parts.append(f'<circle class="{kind}" cx="{x}" cy="10" r="4"/><text x="{x + 9}" y="14">{words}</text>')
    describe = f"<title>Score over {escape(title)}</title><desc>{escape('. '.join(told))}</desc>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{SHOWN}" viewBox="0 0 {WIDTH} {height}" role="img">{describe}'
        f"<style>{STYLE}</style>{''.join(parts)}</svg>\n"
    )


def _told(at: float, model: Model, score: Score) -> str:
    return f"{model.name} {_shown(score)} at {at:.1e}{'' if model.ours else ', published'}"


def _panel(points: Sequence[tuple[float, Model, Score]], title: str, top: int, low: int, high: int) -> Iterator[str]:
    """Draw one benchmark: small scores are spread by a square root, so that they can be told apart."""
    most = next(tick for tick in TICKS[3:] if tick >= max(score.high or score.value for _, _, score in points))
    across = (WIDTH - LEFT - RIGHT) / (high - low)
    bottom = top + PANEL - 20

    def place(at: float, value: float) -> tuple[float, float]:
        return LEFT + (math.log10(at) - low) * across, bottom - math.sqrt(value / most) * (bottom - top - 16)

    yield f'<text class="t" x="2" y="{top}">{escape(title)}</text>'
    for tick in (tick for tick in TICKS if tick <= most):
        y = place(10.0**low, tick)[1]
        yield f'<line class="g" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tick}</text>'
    for power in range(low, high + 1, max(1, round((high - low) / 6))):
        x = place(10.0**power, 0)[0]
        raised = f'<tspan dy="-4" font-size="8">{power}</tspan>'
        anchor = "end" if power == high else "middle"
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="{anchor}">10{raised}</text>'
    dots = [(*place(at, score.value), model, score) for at, model, score in points]
    for x, _, model, score in dots:
        if score.low is not None and score.high is not None:
            at = 10 ** (low + (x - LEFT) / across)
            ends = [place(at, bound)[1] for bound in (score.low, score.high)]
            kind = "i" if model.ours else "j"
            yield f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="{ends[0]:.1f}" y2="{ends[1]:.1f}"/>'
    for x, y, model, score in dots:
        yield f'<circle class="{_kind(model, score)}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y, _, _ in dots]
    for x, y, model, _ in _named(dots):
        yield from _label(x, y, model, taken, (LEFT, top + 4, WIDTH, bottom + 6))


def _kind(model: Model, score: Score) -> str:
    if model.ours:
        return "o"
    return "p" if score.low is None else "q"


def _named(dots: Sequence[tuple[float, float, Model, Score]]) -> Iterator[tuple[float, float, Model, Score]]:
    """Yield what gets its name, ours first; of many of ours above each other the best and the last."""
    groups: dict[int, list[tuple[float, float, Model, Score]]] = {}
    for dot in dots:
        if dot[2].ours:
            groups.setdefault(round(dot[0] / 12), []).append(dot)
    for group in groups.values():
        group.sort(key=lambda dot: dot[1])
        yield from group if len(group) < 3 else (group[0], group[-1])
    yield from (dot for dot in dots if not dot[2].ours)


def _label(x: float, y: float, model: Model, taken: list[Box], inside: Box) -> Iterator[str]:
    """Write a name beside its dot where nothing else stands; it is left out where there is no room."""
    wide = (BOLD if model.ours else LETTER) * len(model.name)
    for shift in (4, -7, 15, -18, 26, -29, 37):
        for anchor, start in (("start", x + 8), ("end", x - 8 - wide), ("middle", x - wide / 2)):
            box = (start, y + shift - 9, start + wide, y + shift + 2)
            free = all(not _meet(box, other) for other in taken)
            if free and box[0] >= inside[0] and box[1] >= inside[1] and box[2] <= inside[2] and box[3] <= inside[3]:
                taken.append(box)
                kind = ' class="m"' if model.ours else ""
                at = start + wide * ("start", "middle", "end").index(anchor) / 2
                yield f'<text{kind} x="{at:.1f}" y="{y + shift:.1f}" text-anchor="{anchor}">{escape(model.name)}</text>'
                return


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
