"""Right solutions of the public benchmarks pass, and the published verdicts on a model's solutions come out again."""

import gzip
import json
import os
from pathlib import Path

import pytest

from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import Task
from curate.errors import UserError
from curate.sandbox.programs import Limits, Trial, judge

LIMITS = Limits(cpu_s=20)


def tasks_of(name: str) -> list[Task]:
    try:
        return benchmarks.load(name)
    except UserError as problem:
        pytest.skip(str(problem))


def failures(tasks: list[Task]) -> dict[str, object]:
    trials = [Trial(task.prompt + (task.solution or ""), task.entry_point, task.test, task.setup) for task in tasks]
    judged = zip(tasks, judge(trials, LIMITS, allow_weak=True), strict=True)
    return {task.task_id: judgement for task, judgement in judged if judgement.verdict != "pass"}


def test_every_reference_solution_of_humaneval_passes() -> None:
    tasks = tasks_of("humaneval")
    assert len(tasks) == 164
    assert failures(tasks) == {}


def test_reference_solutions_of_mbpp_pass() -> None:
    tasks = tasks_of("mbpp")
    odd = {"40", "56", "88", "126", "349", "367", "533", "596", "601", "653", "899", "902", "927", "967"}
    chosen = [task for place, task in enumerate(tasks) if place % 10 == 0 or task.task_id.rpartition("/")[2] in odd]
    assert len(chosen) > 100
    assert failures(chosen) == {}


def test_published_verdicts_on_a_model_come_out_again() -> None:
    name = "starcoder2-15b-instruct-v0.1.humaneval.jsonl.gz"
    path = Path(os.environ.get("CURATE_BENCHMARKS", ""), "golden", name)
    if not path.is_file():
        pytest.skip(f"{name} is not here")
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    tasks = {task.task_id: task for task in tasks_of("humaneval")}
    chosen = [tasks[row["task_id"]] for row in rows]
    trials = [Trial(row["solution"], task.entry_point, task.test) for row, task in zip(rows, chosen, strict=True)]
    verdicts = {row["task_id"]: j.verdict for row, j in zip(rows, judge(trials, LIMITS, allow_weak=True), strict=True)}
    assert sum(verdict == "pass" for verdict in verdicts.values()) == 119
    assert {r["task_id"] for r in rows if (r["base_status"] == "pass") != (verdicts[r["task_id"]] == "pass")} == set()
