"""How many attempts a second the drive of synthesis manages when the teacher answers at once.

    python -m benchmarks.driver STAGE [--attempts N] [--lanes 0,1,2]

In: the directory of a stage of `synth.exercise` or `synth.evolve` that has run (`stage.json`, `calls.jsonl`, its own or
under `calls/`). Its attempts are begun again with the requests that the log holds; each call is answered from the log
by its id, whatever its words are today; one that the log lacks fails. All programs run once, before anything is
measured, and their outcomes are taken from then on: what is measured is the drive alone, no model and no sandbox.
Out: what that first run took here, and in the sandbox with the formatter, in milliseconds of CPU time an attempt; for
each number of lanes (processes beside this one) attempts a second by the clock, CPU seconds of this process and of all
of them, and a digest of the rows, which must be the same.
"""

import argparse
import hashlib
import json
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.llm import Completion, Message, Model, ModelSpec, Request, door
from curate.llm.log import CallLog
from curate.sandbox.programs import Caller, CallOutcome
from curate.stage import Context
from curate.synth.exercise.attempt import Course
from curate.synth.exercise.coded import CodeFirst
from curate.synth.exercise.exercise import Exercise, formed
from curate.synth.teacher import lane
from curate.synth.teacher.asking import FENCE, Voice, source_of
from curate.synth.teacher.effects import Attempt, Row
from curate.synth.teacher.stream import by_shard

SHARD = 500


@dataclass(frozen=True)
class Recorded:
    """Begins attempts with the requests of a log. Picklable."""

    stage: Exercise
    seed: int

    def __call__(self, shard: pa.Table) -> Sequence[Attempt]:
        """Return an attempt for each row, which holds its first request."""
        voice, settings = Voice("chat", True, self.seed), self.stage.settings()
        coded = self.stage.first_comes == "code"
        copied = source_of("code" if coded else "stub", "chat") + source_of("solution", "chat")
        return [
            formed((CodeFirst if coded else Course)(
                {"id": row["id"], "source": "exercises", "seed_id": row["id"], "topic": ""},
                partial(_request, row["request"]), f"{FENCE}def", copied, settings, voice, self.stage.top_p,
            ).run())
            for row in shard.to_pylist()
        ]  # fmt: skip


class Logged:
    """A backend that answers by a request's id, at once."""

    capacity, gpus = 4096, 0

    def __init__(self, answers: dict[str, dict[str, Any]]) -> None:
        self._answers = answers
        self._asked: list[Request] = []

    def submit(self, requests: Sequence[Request]) -> None:
        """Note the requests."""
        self._asked += requests

    def take(self, wait_s: float) -> list[Completion]:  # noqa: ARG002 - all are there
        """Answer all."""
        asked, self._asked = self._asked, []
        return [self._answer(request.id) for request in asked]

    def drop(self) -> list[Completion]:
        """Forget the requests."""
        self._asked = []
        return []

    def close(self) -> None:
        """Nothing is held."""

    def _answer(self, name: str) -> Completion:
        row = self._answers.get(name)
        if row is None:
            return Completion(name, "", "error", 0, 0, "not in the log")
        told = row.get("probabilities")
        return Completion(
            name, row["text"], row["finish_reason"], row["prompt_tokens"], row["completion_tokens"],
            probabilities=tuple(told) if told else None,
        )  # fmt: skip


class NotedCaller(Caller):
    """Lets the outcomes of all programs be logged, as if a clock had had a say in each."""

    def take(self, wait_s: float) -> list[tuple[Any, list[CallOutcome], bool]]:
        """Return what is there."""
        return [(key, outcomes, True) for key, outcomes, _ in super().take(wait_s)]


def main(stage: Path, attempts: int, lanes: Sequence[int]) -> None:
    """Print a line for each number of lanes."""
    parameters = json.loads((stage / "stage.json").read_text(encoding="utf-8"))["parameters"]
    parameters.setdefault("described_by", "teacher")  # as all did before there was a choice
    begin = Recorded(Exercise(**{name: value for name, value in parameters.items() if value is not None}), 17)
    log = next(path for path in (stage / "calls.jsonl", stage / "calls" / "calls.jsonl") if path.exists())
    answers, shards = _read(log, attempts)
    logged = Logged(answers)
    door.backend = lambda spec: logged  # type: ignore[assignment]  # noqa: ARG005
    with tempfile.TemporaryDirectory() as place:
        lane.Caller = NotedCaller  # type: ignore[misc]
        _drive(begin, [("warm", shards[0][1].slice(0, 20))], Path(place, "warm"), 0)
        before = _cpu_s()
        _drive(begin, shards, Path(place, "first"), 0)
        own, below = (1000 * (now - then) / attempts for now, then in zip(_cpu_s(), before, strict=True))
        print(f"with programs: {own:.1f} ms of CPU time an attempt here, {below:.1f} ms in the sandbox", flush=True)
        lane.Caller = Caller  # type: ignore[misc]
        outcomes = Path(place, "first", "calls", "outcomes.jsonl").read_bytes()
        print(f"{'lanes':>5} {'attempts/s':>11} {'CPU s here':>11} {'CPU s in all':>13}  rows")
        for count in lanes:
            directory = Path(place, f"lanes-{count}")
            (directory / "calls").mkdir(parents=True)
            (directory / "calls" / "outcomes.jsonl").write_bytes(outcomes)
            before, start = _cpu_s(), time.monotonic()
            rows = _drive(begin, shards, directory, count)
            wall_s = time.monotonic() - start
            own, below = (now - then for now, then in zip(_cpu_s(), before, strict=True))
            digest = hashlib.sha256(json.dumps(rows, sort_keys=True).encode()).hexdigest()[:16]
            print(f"{count:>5} {len(rows) / wall_s:>11,.0f} {own:>11.1f} {own + below:>13.1f}  {digest}", flush=True)
        print(Counter(str(row["reason"]) for row in rows).most_common())


def _read(log: Path, attempts: int) -> tuple[dict[str, dict[str, Any]], list[tuple[str, pa.Table]]]:
    """Return the log's answers by id, and shards of the first requests of attempts."""
    answers: dict[str, dict[str, Any]] = {}
    first: list[dict[str, str]] = []
    with log.open(encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            request = row.pop("request")
            answers[row["id"]] = row
            if row["id"].endswith("/stub"):
                first.append({"id": row["id"].removesuffix("/stub"), "request": json.dumps(request)})
    first = sorted(first, key=lambda each: hashlib.sha256(each["id"].encode()).digest())[:attempts]
    tables = [pa.Table.from_pylist(first[start : start + SHARD]) for start in range(0, len(first), SHARD)]
    return answers, [(f"{number:06}", table) for number, table in enumerate(tables)]


def _drive(begin: Recorded, shards: list[tuple[str, pa.Table]], directory: Path, lanes: int) -> list[Row]:
    """Return the rows of all attempts."""
    context = Context("exercises", begin.seed, directory)
    model = Model(ModelSpec(backend="transformers", model="logged"), CallLog(context.calls / "calls.jsonl", "logged"))
    made = by_shard(iter(shards), begin, model, begin.stage.limits(), context, lanes=lanes)
    return [row for _, rows, _ in made for row in rows]


def _request(text: str) -> Request:
    fields = json.loads(text)
    fields["messages"] = tuple(Message(**turn) for turn in fields["messages"])
    return Request(**{name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()})


def _cpu_s() -> tuple[float, float]:
    """Return CPU seconds of this process, and of those below it that have ended."""
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return usage[0].ru_utime + usage[0].ru_stime, usage[1].ru_utime + usage[1].ru_stime


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", type=Path)
    parser.add_argument("--attempts", type=int, default=2000)
    parser.add_argument("--lanes", default="0,1,2")
    given = parser.parse_args()
    main(given.stage, given.attempts, [int(each) for each in given.lanes.split(",")])
