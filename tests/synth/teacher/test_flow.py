"""Thousands of attempts at once give the rows that one after the other would, whenever answers come."""

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curate.errors import UserError
from curate.files.shards import read_shard
from curate.llm import Completion, Model, ModelSpec, Request, door, open_model
from curate.run.work import make_stream
from curate.sandbox.programs import Limits
from curate.stage import Context, Made, StreamMaker
from curate.synth.teacher.asking import sort_out
from curate.synth.teacher.effects import Ask, Attempt, Claim, Run
from curate.synth.teacher.flow import Account, drive
from curate.synth.teacher.stream import by_shard

LIMITS = Limits(cpu_s=2)


class Shuffled:
    """A backend that answers some of what it was asked, in any order, each request with its id turned round."""

    gpus = 0

    def __init__(self, seed: int, capacity: int = 16) -> None:
        self.random, self.capacity = random.Random(seed), capacity
        self.waiting: list[Request] = []
        self.answered = self.most = 0

    def submit(self, requests: Sequence[Request]) -> None:
        self.waiting += requests
        self.most = max(self.most, len(self.waiting))

    def take(self, wait_s: float) -> list[Completion]:
        self.random.shuffle(self.waiting)
        count = self.random.randint(0, 5)
        taken, self.waiting = self.waiting[:count], self.waiting[count:]
        self.answered += len(taken)
        return [Completion(request.id, request.id[::-1], "stop", 3, 2) for request in taken]

    def drop(self) -> list[Completion]:
        self.waiting = []
        return []

    def close(self) -> None:
        self.waiting = []


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Shuffled:
    """What answers; `seed` it anew for other timing."""
    shuffled = Shuffled(1)
    monkeypatch.setattr(door, "backend", lambda spec: shuffled)
    monkeypatch.setattr(door, "_check_here", lambda spec: None)
    return shuffled


def model(log: Path | None = None) -> Model:
    return open_model(ModelSpec(backend="transformers", model="shuffled"), log)


def asks(name: str) -> Ask:
    return Ask((Request(f"{name}/0", prompt="x"), Request(f"{name}/1", prompt="x")))


def asking(number: int) -> Attempt:
    first, second = yield asks(f"attempt{number}")
    if number % 5 == 0:
        return {"number": number, "free": "never asked"}
    free = yield Claim(str(number % 7), most=2)
    if free:
        yield asks(f"more{number}")
    return {"number": number, "free": free, "texts": (first.text, second.text)}


def test_rows_come_in_input_order_and_do_not_depend_on_when_answers_come(backend: Shuffled) -> None:
    made = []
    for seed in (1, 2, 3):
        backend.random = random.Random(seed)
        made.append(list(drive(map(asking, range(60)), model(), LIMITS, under_way=20 * seed)))
    assert [row["number"] for row in made[0]] == list(range(60))
    assert made[0] == made[1] == made[2]
    assert made[0][1]["texts"] == ("0/1tpmetta", "1/1tpmetta"), "answers come in the order asked"
    assert backend.most <= backend.capacity, "no more is handed over than there is room for"


def test_a_key_goes_to_the_earliest_attempts_that_claim_it(backend: Shuffled) -> None:
    rows = list(drive(map(asking, range(60)), model(), LIMITS))
    claiming = [row for row in rows if row["free"] != "never asked"]
    for key in range(7):
        mine = [row["free"] for row in claiming if row["number"] % 7 == key]
        assert mine == [True, True] + [False] * (len(mine) - 2)


def running(number: int) -> Attempt:
    body = "while True: pass" if number % 8 == 3 else f"return x + {number}"
    program = (f"def f(x):\n    {body}\n", "f", [(1,), (2,)])
    [outcomes] = yield Run((program,))
    yield Claim(None, gate="all pass")
    return {"number": number, "gave": [outcome.value or outcome.status for outcome in outcomes]}


def test_programs_run_beside_each_other_and_an_endless_one_ends_on_its_leash(backend: Shuffled) -> None:
    account = Account()
    rows = list(drive(map(running, range(24)), model(), LIMITS, workers=2, account=account))
    expected = [["timeout"] * 2 if n % 8 == 3 else [str(n + 1), str(n + 2)] for n in range(24)]
    assert [row["gave"] for row in rows] == expected
    assert (account.started, account.programs, account.timeouts) == (24, 24, 3)


def test_what_must_run_longer_says_so(backend: Shuffled) -> None:
    def patient() -> Attempt:
        slow = (
            "import time\ndef f(x):\n    end = time.process_time() + 0.4\n    while time.process_time() < end: pass\n"
        )
        [short] = yield Run(((slow, "f", [(1,)]),))
        [long] = yield Run(((slow, "f", [(1,)]),), Limits(cpu_s=5))
        return {"statuses": [short[0].status, long[0].status]}

    assert list(drive([patient()], model(), LIMITS, workers=1)) == [{"statuses": ["timeout", "value"]}]


def test_an_attempt_that_raises_ends_the_drive_and_says_which_it_was(backend: Shuffled) -> None:
    closed = []

    def fails() -> Attempt:
        yield asks("fails")
        raise KeyError("a mistake in the code")

    def goes_on() -> Attempt:
        try:
            while True:
                yield asks(f"on{random.random()}")
        finally:
            closed.append(True)

    with pytest.raises(KeyError) as caught:
        list(drive([goes_on(), fails()], model(), LIMITS))
    assert caught.value.__notes__ == ["in attempt 1 of this drive"]
    assert closed == [True]
    assert not backend.waiting, "what was asked is forgotten"


def test_two_attempts_that_ask_under_one_id_are_a_mistake(backend: Shuffled) -> None:
    def same() -> Attempt:
        yield asks("same")
        return {}

    with pytest.raises(ValueError, match="given twice"):
        list(drive([same(), same()], model(), LIMITS))


class Streaming(StreamMaker):
    """Attempts that ask, run and claim, over shards of numbers; attempt `breaks` raises once."""

    breaks: int = -1

    def make_all(self, shards: Iterator[tuple[str, pa.Table]], context: Context) -> Iterator[tuple[str, Made]]:
        def begin(shard: pa.Table) -> list[Attempt]:
            return [self.attempt(number) for number in shard["number"].to_pylist()]

        for name, rows, metrics in by_shard(shards, begin, model(context.calls), LIMITS, context, workers=2):
            yield name, sort_out(rows, {}, metrics)

    def attempt(self, number: int) -> Attempt:
        yield asks(f"attempt{number}")
        if number == self.breaks:
            raise UserError("the machine is in trouble")
        free = yield Claim(str(number % 6), most=2)
        body = "while True: pass" if number % 9 == 4 else "return x"
        [[outcome]] = yield Run(((f"def f(x):\n    {body}\n", "f", [(number,)]),))
        reason = outcome.status if outcome.status != "value" else None if free else "taken"
        return {"id": str(number), "text": outcome.value, "source": "s", "reason": reason}


SHARDS = [("a", range(10)), ("b", range(0)), ("c", range(10, 24)), ("d", range(24, 30))]


def worked(stage: Streaming, directory: Path, shelf: dict[str, pa.Table]) -> list[str]:
    """Work on the shards without a receipt as the runner does; return those that were done."""
    (directory / "done").mkdir(parents=True, exist_ok=True)
    context = Context("made", 17, directory)
    todo = [(name, Path(name)) for name, _ in SHARDS if not (directory / "done" / f"{name}.json").exists()]
    object.__setattr__(context, "shelf", type("Given", (), {"take": lambda _, path: shelf[path.name]})())
    finished = []
    for outcome in make_stream(stage, context, todo):
        assert outcome.mistake or outcome.error is None, outcome.detail
        if outcome.error is None:
            (directory / "done" / f"{outcome.item[0]}.json").write_text(json.dumps(outcome.value.metrics))
            finished.append(outcome.item[0])
    return finished


@pytest.fixture
def shelf() -> dict[str, pa.Table]:
    return {
        name: pa.table({"number": pa.array(numbers, pa.int64()), "text": pa.array([""] * len(numbers), pa.string())})
        for name, numbers in SHARDS
    }


def rows_of(directory: Path) -> dict[str, list[dict[str, Any]]]:
    paths = sorted(directory.glob("*/*.parquet"))
    return {f"{path.parent.name}/{path.name}": read_shard(path).to_pylist() for path in paths}


def test_a_stream_that_broke_off_goes_on_and_ends_with_the_rows_of_an_undisturbed_one(
    backend: Shuffled, tmp_path: Path, shelf: dict[str, pa.Table]
) -> None:
    assert worked(Streaming(), tmp_path / "whole", shelf) == ["a", "b", "c", "d"]
    asked = backend.answered
    backend.random = random.Random(5)
    assert worked(Streaming(breaks=20), tmp_path / "broken", shelf) in (["a", "b"], [])
    backend.answered = 0
    worked(Streaming(), tmp_path / "broken", shelf)
    assert rows_of(tmp_path / "broken") == rows_of(tmp_path / "whole")
    assert backend.answered < asked, "answers that were paid for are not asked for again"
    sums = [json.loads((tmp_path / "whole" / "done" / f"{name}.json").read_text()) for name, _ in SHARDS]
    assert sum(each["calls_made"] for each in sums) == 60
    assert sum(each["programs"] for each in sums) == 30


def test_an_outcome_that_a_clock_decided_is_taken_from_the_log(
    backend: Shuffled, tmp_path: Path, shelf: dict[str, pa.Table]
) -> None:
    worked(Streaming(), tmp_path, shelf)
    log = tmp_path / "calls" / "outcomes.jsonl"
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    assert [row["outcomes"][0][0] for row in rows].count("timeout") == 3
    log.write_text(log.read_text().replace("timeout", "memory")[:-20])  # another verdict, and a torn line
    for path in (tmp_path / "done").iterdir():
        path.unlink()
    worked(Streaming(), tmp_path, shelf)
    reasons = [row["reason"] for rows in rows_of(tmp_path).values() for row in rows if "reason" in row]
    assert reasons.count("memory") == 2
    assert reasons.count("timeout") == 1, "the torn line's program ran again"
