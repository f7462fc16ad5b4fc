"""What the rules of decontamination share: the benchmarks to compare with, and how a drop is reported."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

import pyarrow as pa
from pydantic import Field

from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import Task
from curate.errors import UserError
from curate.llm.types import ModelSpec
from curate.stage import Columns, Filter, Verdict


class Against(Filter):
    """A filter that compares documents with the tasks of benchmarks."""

    NEEDS: ClassVar[str]
    """What a task must have to be recognised by, in words."""

    against: list[str] = Field(
        default=["humaneval", "mbpp"], min_length=1, description="benchmarks, or JSONL files of tasks"
    )

    def fingerprint(self) -> str:
        """Return the digests of the benchmarks."""
        return " ".join(benchmarks.digest(name) for name in self.against)

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Raise UserError where a benchmark is not to be had, or holds nothing to recognise its tasks by."""
        for name in self.against:
            if not any(self.recognises(task) for task in benchmarks.sample(name)):
                raise UserError(f"against: no task of {name!r} has {self.NEEDS}; leave it out or use another rule")

    def adds(self) -> Columns:
        """Nothing: what is dropped carries the evidence."""
        return {}

    def recognises(self, task: Task) -> bool:
        """Tell whether a task has what is needed."""
        raise NotImplementedError


def all_tasks(against: tuple[str, ...]) -> list[Task]:
    """Return the tasks of all these benchmarks, in order."""
    return [task for name in against for task in benchmarks.load(name)]


@dataclass(frozen=True)
class Match:
    """Why a document goes."""

    task: str
    score: float
    """Between 0 and 1; what it measures is the rule's own."""
    matched: str
    """What of the document or of the task was recognised, in a few words."""


def verdict(
    rule: Against,
    rows: int,
    matches: Mapping[int, Match],
    reason: str,
    metrics: Mapping[str, float] | None = None,
) -> Verdict:
    """Drop the rows that have a match.

    The evidence columns are `task`, `task_text` (what the task asks and its solution), `score` and `matched`.
    """
    texts = _texts(tuple(rule.against), rule.fingerprint()) if matches else {}
    found = [matches.get(row) for row in range(rows)]
    evidence = {
        "task": pa.array([match and match.task for match in found], pa.string()),
        "task_text": pa.array([match and texts[match.task] for match in found], pa.string()),
        "score": pa.array([match and match.score for match in found], pa.float64()),
        "matched": pa.array([match and match.matched for match in found], pa.string()),
    }
    reasons = pa.array([reason if match else None for match in found], pa.string())
    return Verdict(reasons, evidence=evidence, metrics=dict(metrics or {}))


@cache
def _texts(against: tuple[str, ...], digests: str) -> dict[str, str]:  # noqa: ARG001 - keys the cache
    return {task.task_id: task_text(task) for task in all_tasks(against)}


def task_text(task: Task) -> str:
    """Return a task as a person reads it: its words where the prompt does not hold them, then the program."""
    told = " ".join(task.text.split()) in " ".join(task.prompt.split())
    words = "" if told else "".join(f"# {line}\n" for line in task.text.splitlines())
    return f"{words}{task.prompt}{task.solution or ''}"
