"""Attempts in other processes give the rows that they give in this one, also where such a process dies."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curate.errors import UserError
from curate.llm import Completion, Model, ModelSpec, Request, door, open_model
from curate.sandbox.programs import Limits
from curate.stage import Context
from curate.synth.teacher.crew import MOST_DEATHS
from curate.synth.teacher.effects import Ask, Attempt, Claim, Run
from curate.synth.teacher.stream import by_shard

SHARDS = [("a", range(11)), ("b", range(0)), ("c", range(11, 40)), ("d", range(40, 60))]


class Own(Exception):
    """An error that cannot be sent: made anew from what it remembers, it lacks a word."""

    def __init__(self, one: str, two: str = "") -> None:
        if not two and not one.startswith("trouble"):
            raise ValueError("two words")
        super().__init__(f"no {one}")


class Echo:
    """A backend that answers some of what it was asked with the id turned round, the last first."""

    capacity, gpus = 16, 0

    def __init__(self) -> None:
        self.waiting: list[Request] = []

    def submit(self, requests: Sequence[Request]) -> None:
        self.waiting += requests

    def take(self, wait_s: float) -> list[Completion]:
        taken, self.waiting = self.waiting[-3:], self.waiting[:-3]
        return [Completion(request.id, request.id[::-1], "stop", 3, 2) for request in taken]

    def drop(self) -> list[Completion]:
        self.waiting = []
        return []

    def close(self) -> None:
        self.waiting = []


@pytest.fixture(autouse=True)
def backend(monkeypatch: pytest.MonkeyPatch) -> None:
    echo = Echo()
    monkeypatch.setattr(door, "backend", lambda spec: echo)
    monkeypatch.setattr(door, "_check_here", lambda spec: None)


@dataclass(frozen=True)
class Begin:
    """Attempts on numbers, each of which asks, claims, runs a program and asks again."""

    dies: Path | None = None
    """A file whose absence lets attempt 20 kill its process, after it was told something."""
    always: bool = False
    raises: Callable[[str], Exception] | None = None

    def __call__(self, shard: pa.Table) -> list[Attempt]:
        return [self.attempt(number) for number in shard["number"].to_pylist()]

    def attempt(self, number: int) -> Attempt:
        one, two = yield Ask((Request(f"{number}/0", prompt="x"), Request(f"{number}/1", prompt="x")))
        free = yield Claim(str(number % 7), most=2, gate="first")
        body = "while True: pass" if number % 20 == 3 else f"return x + {number}"
        [[outcome]] = yield Run(((f"def f(x):\n    {body}\n", "f", [(number,)]),))
        if number == 20 and self.raises:
            raise self.raises("trouble")
        if number == 20 and self.dies and (self.always or not self.dies.exists()):
            self.dies.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        alone = yield Claim(outcome.value or None, gate="second")
        if free:
            [more] = yield Ask((Request(f"{number}/more", prompt="x"),))
        texts = [one.text, two.text, more.text if free else ""]
        return {"number": number, "free": free, "alone": alone, "gave": outcome.value or outcome.status, "texts": texts}


def rows(directory: Path, begin: Begin, lanes: int) -> list[dict[str, Any]]:
    tables = ((name, pa.table({"number": pa.array(numbers, pa.int64())})) for name, numbers in SHARDS)
    context = Context("made", 17, directory)
    model: Model = open_model(ModelSpec(backend="transformers", model="echo"), context.calls)
    made = list(by_shard(tables, begin, model, Limits(cpu_s=2), context, workers=2, lanes=lanes))
    assert [name for name, _, _ in made] == ["a", "b", "c", "d"]
    assert [len(mine) for _, mine, _ in made] == [11, 0, 29, 20]
    found = [row for _, mine, _ in made for row in mine]
    answered = sum(metrics["calls_made"] + metrics["calls_replayed"] for _, _, metrics in made)
    assert answered == 120 + sum(row["free"] for row in found), "each call counts once"
    return found


def test_rows_are_the_same_for_any_number_of_processes_and_when_one_of_them_is_killed(tmp_path: Path) -> None:
    here = rows(tmp_path / "here", Begin(), 0)
    assert [row["number"] for row in here] == list(range(60))
    assert sum(row["free"] for row in here) == 14
    assert [row["gave"] for row in here].count("timeout") == 3
    assert rows(tmp_path / "three", Begin(), 3) == here
    assert rows(tmp_path / "killed", Begin(dies=tmp_path / "died"), 2) == here
    assert (tmp_path / "died").exists(), "nothing was killed"
    assert multiprocessing.active_children() == []


def test_a_process_that_dies_again_and_again_ends_the_drive_and_what_was_paid_for_stays(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=rf"ended {MOST_DEATHS + 1} times \(exit code -9\)"):
        rows(tmp_path, Begin(dies=tmp_path / "died", always=True), 1)
    assert (tmp_path / "calls" / "calls.jsonl").read_bytes().count(b"\n") >= 40
    assert rows(tmp_path, Begin(), 0) == rows(tmp_path / "here", Begin(), 0)
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(("raised", "expected"), [(UserError, UserError), (Own, RuntimeError)])
def test_what_an_attempt_raises_in_another_process_is_raised_here_and_says_where(
    tmp_path: Path, raised: type[Exception], expected: type[Exception]
) -> None:
    with pytest.raises(expected, match="trouble") as caught:
        rows(tmp_path, Begin(raises=raised), 1)
    told = "".join(caught.value.__notes__)
    assert "in attempt 20 of this drive" in told
    assert "raise self.raises" in told
    assert multiprocessing.active_children() == []
