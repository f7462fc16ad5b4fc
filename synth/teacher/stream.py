"""All shards of a stage in one drive: attempts are taken from shard after shard, rows given back shard by shard.

In: shards that have no receipt yet, and how attempts begin on one. Out: for each shard the rows of its attempts and
what they cost. What earlier shards' attempts have claimed is kept in `claims/<shard>.json` of the stage's directory,
written before the shard is given back, so that a run that is continued goes by the same claims.
"""

import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from curate.files.shards import write_json
from curate.llm import Model
from curate.machine.busy import GpuWatch
from curate.sandbox.programs import Limits
from curate.stage import Context, Metrics
from curate.synth.teacher.claims import Claims
from curate.synth.teacher.crew import Begin, Crew
from curate.synth.teacher.effects import Attempt, Row
from curate.synth.teacher.flow import UNDER_WAY, Account, drive
from curate.synth.teacher.outcomes import OutcomeLog

TELL_S = 1.0


@dataclass
class Batch:
    """A shard on its way: how many attempts it has, and the rows of those that came first."""

    name: str
    attempts: int
    rows: list[Row]


def by_shard(
    shards: Iterator[tuple[str, pa.Table]],
    begin: Begin,
    model: Model,
    limits: Limits,
    context: Context,
    *,
    total: int = 0,
    under_way: int = UNDER_WAY,
    workers: int = 0,
    lanes: int = 0,
) -> Iterator[tuple[str, list[Row], Metrics]]:
    """Yield each shard's name, the rows of its attempts in their order, and metrics that sum to the stage's.

    `total` is how many attempts are expected, for the progress. With `lanes` they are worked on in so many processes
    beside this one, for which `begin` must be picklable; rows are the same. See `curate.synth.teacher.flow.drive` for
    the rest.
    """
    claims, account, batches = _claims_of_the_done(context), Account(), deque[Batch]()
    log = OutcomeLog(context.calls / "outcomes.jsonl")
    crew = Crew(lanes, begin, limits, workers=workers, log=log.path) if lanes else None

    def attempts() -> Iterator[Attempt]:
        first = 0
        for name, shard in shards:
            begun = begin(shard)
            batches.append(Batch(name, len(begun), []))
            if crew:
                crew.add_shard(first, len(begun), shard)
            first += len(begun)
            yield from begun

    with GpuWatch(lambda: model.gpus) as gpus:
        meter = Meter(model, account, gpus)
        driven = drive(
            attempts(), model, limits,
            under_way=under_way, workers=workers, claims=claims, outcomes=log, account=account, crew=crew,
        )  # fmt: skip
        done, told = 0, 0.0
        for row in driven:
            yield from _whole(batches, context, claims, meter, done)  # shards without attempts among them
            batches[0].rows.append(row)
            done += 1
            if time.monotonic() - told > TELL_S:
                told = time.monotonic()
                context.progress.update(done, max(total, account.started), meter.note())
            yield from _whole(batches, context, claims, meter, done)
        yield from _whole(batches, context, claims, meter, done)


def _whole(
    batches: deque[Batch], context: Context, claims: Claims, meter: "Meter", done: int
) -> Iterator[tuple[str, list[Row], Metrics]]:
    """Yield the batches at the head all of whose attempts have ended; their claims are on the disk then."""
    while batches and batches[0].attempts == len(batches[0].rows):
        batch = batches.popleft()
        made = range(done - batch.attempts, done)
        meter.model.flush()
        write_json([key for index in made for key in claims.granted.pop(index, [])], _claimed(context, batch.name))
        yield batch.name, batch.rows, meter.since()


def _claimed(context: Context, shard: str) -> Path:
    return context.directory / "claims" / f"{shard}.json"


def _claims_of_the_done(context: Context) -> Claims:
    """Return what attempts on shards that have a receipt hold. Of the others files may stand; they begin anew."""
    claims = Claims()
    for path in sorted((context.directory / "claims").glob("[!.]*.json")):
        if (context.directory / "done" / path.name).exists():
            claims.held.update(json.loads(path.read_text(encoding="utf-8")))
    return claims


class Meter:
    """What a stream has cost since it was last read, and how fast it goes."""

    def __init__(self, model: Model, account: Account, gpus: GpuWatch) -> None:
        self.model, self.account, self.gpus = model, account, gpus
        self._start = time.monotonic()
        self._before: Metrics = {}

    def since(self) -> Metrics:
        """Return the metrics since the last call: usage of the model, programs run, seconds of GPUs and of the clock.

        `gpu_busy_s / gpu_s` is the share of time in which the GPUs worked, `answered_tokens / answering_s` the rate;
        both from when the model is loaded. `stream_s` is the whole time.
        """
        now = self._now()
        gained = {name: value - self._before.get(name, 0.0) for name, value in now.items()}
        self._before = now
        return gained

    def note(self) -> str:
        """Say in a few words how fast the whole goes."""
        now = self._now()
        busy = f", GPU {now['gpu_busy_s'] / now['gpu_s']:.0%} busy" if now["gpu_s"] else ""
        return f"attempts, {now['answered_tokens'] / max(now['answering_s'], 1e-3):,.0f} tokens/s{busy}"

    def _now(self) -> Metrics:
        return {
            **self.model.usage.metrics(),
            "answered_tokens": float(self.model.answered_tokens),
            "answering_s": self.model.answering_s,
            "programs": float(self.account.programs),
            "program_timeouts": float(self.account.timeouts),
            "stream_s": time.monotonic() - self._start,
            "gpu_s": self.gpus.gpu_s,
            "gpu_busy_s": self.gpus.busy_s,
        }
