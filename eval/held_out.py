"""Held-out exercises as tasks: what `select.holdout` kept from training becomes a benchmark of its own.

In: the directory of a `select.holdout` stage. Out: a file of tasks of HumanEval's shape, which is asked by
`exercises.jsonl@completion` and by `exercises.jsonl@doc`, here and in `curate eval` of any other model. A task's prompt
is the exercise's text up to its body, byte for byte as such texts are trained on; its tests are those that the
docstring does not show, all of them where it shows all.

Not covered: which exercises are held out (filters/selection/holdout.py), and exercises whose text does not end in their
body.
"""

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from curate.errors import UserError
from curate.files.shards import list_shards, read_shard, write_text

HELD_OUT = "held out"
"""The reason that `select.holdout` gives."""
FORMS = ("completion", "doc")
NEEDED = ("id", "text", "function_name", "description", "solution", "tests")


def write_tasks(stage: Path, out: Path) -> list[str]:
    """Write the tasks of a stage's held-out rows to `out` and return under which names they are asked.

    Raises UserError where nothing was held out, and where the rows are no exercises.
    """
    tasks = [task for row in _rows(stage) if (task := as_task(row)) is not None]
    if not tasks:
        raise UserError(
            f"held_out: {stage.name} held nothing out that is an exercise; "
            "name a stage `select.holdout` that reads verified exercises"
        )
    write_text("".join(json.dumps(task) + "\n" for task in tasks), out)
    return [f"{out}@{form}" for form in FORMS]


def as_task(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return an exercise as a row of a file of tasks; None where its text does not end in its body, or has no test."""
    prompt, body, rest = str(row["text"]).rpartition(str(row["solution"]).rstrip())
    tests = hidden(row)
    if not body or rest.strip() or not prompt or not tests:
        return None
    return {
        "task_id": row["id"],
        "prompt": prompt,
        "text": row["description"],
        "entry_point": row["function_name"],
        "solution": f"{body}\n",
        "tests": tests,
    }


def hidden(row: Mapping[str, Any]) -> list[str]:
    """Return the asserts on inputs that the text does not show; all where it shows all."""
    name, text = row["function_name"], str(row["text"])
    tests = [line for line in (row["tests"] or "").split("\n") if line]
    shown = {f"{name}({case['arguments']})" for case in row.get("cases") or ()}
    shown = {_canonical(call) for call in shown if f">>> {call}" in text}
    unseen = [test for test in tests if not any(call in _canonical(test) for call in shown)]
    return unseen or tests


def _canonical(source: str) -> str:
    return ast.unparse(ast.parse(source))


def _rows(stage: Path) -> Iterator[dict[str, Any]]:
    for path in list_shards(stage / "dropped"):
        shard = read_shard(path)
        missing = [name for name in NEEDED if name not in shard.column_names]
        if missing and shard.num_rows:
            raise UserError(f"held_out: {stage.name} has no column {missing[0]!r}; hold out verified exercises")
        yield from (row for row in shard.to_pylist() if row.get("reason") == HELD_OUT)
