"""What the report shows of documents that fell: one for each rule, made ones with what went wrong, tasks beside texts.

In: the files of one stage. Out: small frozen records with an Example each. Columns that a stage does not write are
left out; texts are read only of the documents that are shown.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from curate.files.shards import list_shards
from curate.records.status import StageFiles
from curate.report import wording
from curate.report.excerpts import Example, around
from curate.report.findings import columns, fetch, finite, names
from curate.text.profile import is_python

REASONS = 6
"""Reasons with an example, the commonest first."""
TASKS = 3
"""Tasks of a stage that are shown beside a document."""
ROOM = 8
"""Lines of a document shown beyond the length of the task."""
LEAST_SHOWN, MOST_SHOWN = 12, 32
"""Lines of a document beside a task."""
LOOKED_AT = 20_000
"""Lines of a document in which the likeness of a task is looked for."""
WORDS = re.compile(r"[a-z]{3,}")
COMMON = {"id", "text", "source", "reason", "score", "cut", "signal"}
"""Columns of dropped documents that are said elsewhere."""


@dataclass(frozen=True)
class Fallen:
    """A reason, how many fell for it, what was measured, and one of them."""

    reason: str
    documents: int
    measured: str
    example: Example
    evidence: list[Example]
    """What else the row says of it: outputs that differ, an exception."""


@dataclass(frozen=True)
class Contamination:
    """A benchmark task that documents were dropped for, and the document that resembles it most."""

    task: str
    documents: int
    score: float
    nearest: str
    matched: str


@dataclass(frozen=True)
class Beside:
    """A document that was dropped, and the task that it resembles; lines that both hold are marked."""

    contamination: Contamination
    document: Example
    task: Example
    lines: int
    """How many lines of either are worth showing."""


def fallen(stage: StageFiles, *, reasons: int = REASONS) -> list[Fallen]:
    """Return one document for each of the commonest reasons, in the middle of those by the value measured."""
    rows = [
        {"score": None, **row}
        for _, table in columns(stage, "dropped", ["id", "reason", "score"])
        if "reason" in table.column_names
        for row in table.to_pylist()
    ]
    counts = sorted(Counter(row["reason"] for row in rows).items(), key=lambda pair: (-pair[1], str(pair[0])))
    chosen = {}
    for reason, _ in counts[:reasons]:
        alike = [row for row in rows if row["reason"] == reason]
        alike.sort(key=lambda row: (row["score"] if finite(row["score"]) else 0.0, row["id"]))
        chosen[alike[len(alike) // 2]["id"]] = reason
    whole = fetch(stage, "dropped", chosen)
    kept = {name for path in list_shards(stage.directory / "kept")[:1] for name in names(path)}
    return [_fallen(whole[name], dict(counts)[reason], kept) for name, reason in chosen.items() if name in whole]


def _fallen(row: dict[str, Any], count: int, kept: Collection[str]) -> Fallen:
    name = wording.bare(str(row.get("signal") or ""))
    example = Example(row["id"], "", row["text"], language_of(row["text"]))
    if name.endswith("_line") and finite(row.get("score")):
        example = around(example, int(row["score"]))
    return Fallen(str(row["reason"]), count, measured(row), example, list(_evidence(row, kept)))


def measured(row: dict[str, Any]) -> str:
    """Return the value that broke a rule and the cut, in words; nothing where the row has no value.

    >>> measured({"signal": "signal_max_line_length", "score": 1834.0, "cut": 1000.0})
    'longest line: 1,834 characters, at most 1,000 characters are kept'
    """
    score: Any = row.get("score")
    cut: Any = row.get("cut")
    signal = row.get("signal")
    if not finite(score):
        return ""
    if not signal:
        return f"score {wording.value('score', score)}"
    said = f"{wording.title(signal)}: {wording.value(signal, score)}"
    if not finite(cut) or str(signal).endswith(("_line", "_head")):
        return said
    return f"{said}, at {'least' if score < cut else 'most'} {wording.value(signal, cut)} are kept"


def _evidence(row: dict[str, Any], kept: Collection[str]) -> Iterator[Example]:
    """Yield the columns that dropped documents alone have: outputs that differ, an exception, a matched text."""
    for name, value in row.items():
        if name in COMMON or name in kept or not value or isinstance(value, int | float):
            continue
        text = "\n".join(map(str, value)) if isinstance(value, list) else str(value)
        yield Example(wording.title(name), "", text, "text")


def language_of(text: str) -> str:
    """Return `python` or `markdown`, by whether a text parses; one of more than a megabyte is not tried."""
    return "python" if len(text) > 1_000_000 or is_python(text) or "```" not in text else "markdown"


def contamination(stage: StageFiles) -> list[Contamination]:
    """Return the tasks that a decontamination stage dropped documents for, those of most documents first."""
    tables = columns(stage, "dropped", ["id", "task", "score", "matched"])
    rows = [row for _, table in tables if "task" in table.column_names for row in table.to_pylist() if row["task"]]
    found: dict[str, Contamination] = {}
    counts = Counter(row["task"] for row in rows)
    for row in sorted(rows, key=lambda row: (-row["score"], row["id"])):
        task = row["task"]
        found.setdefault(task, Contamination(task, counts[task], row["score"], row["id"], row["matched"]))
    return sorted(found.values(), key=lambda item: (-item.documents, item.task))


def beside(stage: StageFiles, found: list[Contamination], count: int = TASKS) -> list[Beside]:
    """Return the first of these tasks beside the documents most like them, where the stage wrote the tasks' texts."""
    shown = found[:count]
    rows = fetch(stage, "dropped", {each.nearest for each in shown})
    return [
        _beside(each, rows[each.nearest]["text"], rows[each.nearest]["task_text"])
        for each in shown
        if rows.get(each.nearest, {}).get("task_text")
    ]


def _beside(found: Contamination, text: str, task: str) -> Beside:
    lines, wanted = ([line.strip()[:1000] for line in each.splitlines()] for each in (text, task))
    lines = lines[:LOOKED_AT]
    told = {line for line in wanted if _tells(line)}
    common = [number for number, line in enumerate(lines, 1) if line in told]
    if not common and not found.matched.startswith("def "):
        common = _alike(lines, task)
    if not common:
        common = _lines_of(found.matched, lines)
    first = _densest(common, len(wanted) + ROOM) or 1
    both = {lines[number - 1] for number in common}
    return Beside(
        found,
        Example(found.nearest, "", text, "python", max(1, first - ROOM // 2), frozenset(common)),
        Example(
            found.task, "", task, "python", marked=frozenset(n for n, line in enumerate(wanted, 1) if line in both)
        ),
        min(max(len(wanted) + ROOM, LEAST_SHOWN), MOST_SHOWN),
    )


def _tells(line: str) -> bool:
    """Tell whether a line says something: quotes, brackets and `return x` stand everywhere."""
    return sum(letter.isalnum() for letter in line) > 8


def _alike(lines: list[str], task: str) -> list[int]:
    """Return the numbers of lines of which four words, and half of all, are the task's: a statement in other lines."""
    asked = set(WORDS.findall(task.lower()))
    found = []
    for number, line in enumerate(lines, 1):
        said = set(WORDS.findall(line.lower()))
        if len(said & asked) >= max(4, len(said) / 2):
            found.append(number)
    return found


def _densest(numbers: list[int], length: int) -> int:
    """Return the first of the numbers within the stretch of that length that holds most of them; 0 for none."""
    best, start = (0, 0), 0
    for end, number in enumerate(numbers):
        while number - numbers[start] >= length:
            start += 1
        best = max(best, (end - start + 1, -numbers[start]))
    return -best[1]


def _lines_of(matched: str, lines: list[str]) -> list[int]:
    """Return the line that begins with what was recognised, such as `def name`; none where no line does."""
    return [number for number, line in enumerate(lines, 1) if matched and line.startswith(matched)][:1]
