"""The self-check: before a model is scored, the benchmark's own solutions are, and their score is the model's ceiling.

In: tasks with reference solutions. Out: the verdict on each, what it used, and from that the limits of every sample:
five seconds of CPU and four times what the reference used on this machine. A reference that passed is remembered there,
so the second check costs nothing; one that did not is judged again.

Not covered: tasks without a solution, which have no ceiling and the plain limits.
"""

import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from typing import Any

from curate.benchmarks.catalogue import Task
from curate.eval.judging import cache
from curate.sandbox.programs import Limits, Trial, isolation_level, judge

CPU_S = 5.0
FACTOR = 4.0
"""A sample may use CPU_S and FACTOR times what the reference used."""
GENEROUS = Limits(cpu_s=120, memory_mb=4096)
"""What a reference itself may use. The slowest here is Mbpp/599 of MBPP+ with some 15 s."""


@dataclass(frozen=True)
class Reference:
    """What became of one reference solution."""

    verdict: str
    detail: str
    cpu_s: float
    peak_mb: float


@dataclass(frozen=True)
class SelfCheck:
    """The verdicts on all reference solutions of some tasks."""

    references: Mapping[str, Reference] = field(default_factory=dict)
    without: int = 0
    """Tasks that have no reference solution."""

    @property
    def failed(self) -> dict[str, Reference]:
        """The references that do not pass: no model can be expected to."""
        return {task_id: each for task_id, each in self.references.items() if each.verdict != "pass"}

    @property
    def ceiling(self) -> float | None:
        """The share of references that pass, None where there are none."""
        total = len(self.references)
        return (total - len(self.failed)) / total if total else None

    def limits(self, task_id: str) -> Limits:
        """Return what a sample of this task may use."""
        reference = self.references.get(task_id)
        if reference is None:
            return Limits()
        memory_mb = max(Limits().memory_mb, 2 * int(reference.peak_mb))
        return Limits(cpu_s=CPU_S + FACTOR * reference.cpu_s, memory_mb=memory_mb)

    def facts(self) -> dict[str, Any]:
        """Return what belongs into a result."""
        failed = {task_id: f"{each.verdict}: {each.detail}" for task_id, each in self.failed.items()}
        return {"references": len(self.references), "without": self.without, "failed": failed}

    def text(self) -> str:
        """Return a line for a person."""
        if self.ceiling is None:
            return "self-check: these tasks have no reference solutions, so the ceiling is not known"
        passed = len(self.references) - len(self.failed)
        total = len(self.references)
        line = f"self-check: {passed} of {total} reference solutions pass, the ceiling is {self.ceiling:.1%}"
        if self.without:
            line += f"; {self.without} tasks have none"
        if self.failed:
            task_id, first = next(iter(self.failed.items()))
            line += f"\nSHORT CEILING: {len(self.failed)} tasks cannot be passed here, the first is {task_id} "
            line += f"({first.verdict}: {first.detail}); the score counts them as failed"
        return line


def check(
    tasks: Sequence[Task],
    *,
    workers: int = 0,
    allow_weak: bool = False,
    notify: Callable[[int, int], None] | None = None,
) -> SelfCheck:
    """Judge the reference solutions that have not passed on this machine before."""
    solved = [task for task in tasks if task.solution is not None]
    trials = {
        task.task_id: Trial(f"{task.prompt}{task.solution}", task.entry_point, task.test, task.setup) for task in solved
    }
    where = (platform.node(), sys.version, isolation_level())
    places = {task_id: cache.place("references", where, astuple(trial)) for task_id, trial in trials.items()}
    found = {task_id: Reference(**fact) for task_id, path in places.items() if (fact := cache.recall(path))}
    missing = [task_id for task_id in trials if task_id not in found]
    judgements = judge((trials[task_id] for task_id in missing), GENEROUS, workers=workers, allow_weak=allow_weak)
    for task_id, judgement in zip(missing, judgements, strict=True):
        figures = Reference(judgement.verdict, judgement.detail, judgement.cpu_s, judgement.peak_mb)
        found[task_id] = figures
        if figures.verdict == "pass":
            cache.keep(places[task_id], asdict(figures))
        if notify:
            notify(len(found), len(trials))
    return SelfCheck({task_id: found[task_id] for task_id in trials}, len(tasks) - len(solved))
