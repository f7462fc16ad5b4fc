"""One stage on its way to completion: what stands is found, what is damaged or missing is made, receipts are written.

In: a run, one of its stages, an engine. Out: receipts, the stage's record, and the sum of the receipts. What a stage
has on disk counts as far as it is as the receipts say (curate/records/standing.py).
"""

import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from curate.errors import Trouble, UserError
from curate.files.contents import Outside, note
from curate.files.shards import list_shards, read_shard, write_json, write_shard
from curate.machine.energy import joules_so_far
from curate.plugins.digest import is_ours, source_digest
from curate.plugins.faults import told
from curate.recipe import Node, named_after
from curate.records.receipts import (
    Receipt,
    StageRecord,
    parse_receipt,
    read_receipts,
    record_or_none,
    total,
    wall_so_far,
    write_receipt,
    write_record,
)
from curate.records.standing import (
    SKETCHES,
    Standing,
    discard,
    finished_plan,
    is_readable,
    plan_files,
    refuse_strangers,
    standing,
)
from curate.run.engine import Engine, Outcome, ordered
from curate.run.journal import Journal, now
from curate.run.local_engine import LocalEngine, ThreadEngine
from curate.run.opened import Run
from curate.run.released import take_back
from curate.run.work import judge_shard, make_shard, make_stream, read_part, run_job, sketch_shard
from curate.stage import Filter, Global, Job, Maker, Source, StreamMaker
from curate.terminal.screen import Display, StageProgress


class ShardsFailed(Trouble):
    """Some shards of a stage could not be worked on; the others are done and receipted. Exit code 2."""


class StageRun:
    """One stage on its way to completion."""

    def __init__(
        self, run: Run, node: Node, engine: Engine, journal: Journal, display: Display, *, verify: bool = False
    ) -> None:
        self.verify = verify
        self.node, self.stage, self.journal, self.display = node, node.stage, journal, display
        self.run = run
        context = run.context(node)
        self.directory = context.directory
        self.whole = isinstance(node.stage, StreamMaker)
        self.aloud = replace(context, progress=StageProgress(self.directory, node.name, display, whole=self.whole))
        self.context = self.aloud if node.stage.ALONE else context
        if node.stage.ALONE:
            engine = LocalEngine(1)
        elif node.stage.THREADS and isinstance(engine, LocalEngine):
            engine = ThreadEngine(engine.workers)
        self.engine = engine
        self.sketching_s = 0.0

    def finish(self) -> dict[str, Any]:
        """Do what is left of the stage, or nothing if it is complete. Returns the sum of its receipts."""
        back = take_back(self.directory)
        if back:
            self.display.news(f"{self.node.name}: made again, as `keep: last` had removed it and it is needed")
        before = standing(self.directory, verify=self.verify)
        if self.context.whole:
            before = self._made_whole(before)
        record = record_or_none(self.directory)
        done = record is not None and record.state == "done"
        if record is not None and done and record.shards_total == len(before.receipts) and not before.damaged:
            refuse_strangers(self.directory, before.receipts)
            if outside := self.stage.outside():
                note(outside, self.directory)
            stats = total(before.receipts)
            self.display.cached(self.node.name, stats)
            self.journal.event("stage cached", self.node.name)
            return stats
        self.earlier_s, self.began = wall_so_far(self.directory), time.monotonic()
        _sweep(self.directory)
        self.former = self._set_aside(before, quietly=back)
        outside, source = self.stage.outside(), source_digest(type(self.stage))
        names = self._items()
        self.record = StageRecord(
            name=self.node.name,
            use=self.node.use,
            key=self.run.keys[self.node.name],
            version=self.stage.VERSION,
            parameters=self.stage.model_dump(mode="json"),
            inputs=list(self.node.inputs),
            state="running",
            shards_total=len(names),
            started=now(),
        )
        write_record(self.record, self.directory)
        self.journal.event("stage started", self.node.name, shards=len(names))
        failures = self._plan_and_work(names)
        if failures:
            self._end("failed", failures)
            first = next(iter(failures.items()))
            raise ShardsFailed(
                f"{self.node.name}: {len(failures)} of {len(names)} shards failed; {first[0]}: {first[1]}; "
                f"tracebacks in {self.run.directory / 'run.log'}"
            )
        refuse_strangers(self.directory, read_receipts(self.directory))
        self._must_be_as_before(outside, source)
        return self._end("done")

    def _plan_and_work(self, names: dict[str, Any]) -> dict[str, str]:
        """Do the work, and write down how it ended where it did not end well. Returns failures by shard name."""
        try:
            return self._plan(names) or self._work(names)
        except UserError as error:
            self._end("failed")
            raise UserError(f"{self.node.name}: {error}") from error
        except Trouble:
            raise
        except Exception as error:
            self._end("failed")
            if is_ours(type(self.stage)):
                raise
            self.journal.log(f"{self.node.name}: {told(error)}\n{''.join(traceback.format_exception(error))}")
            raise UserError(
                f"{self.node.name}: {told(error)}; mend {self.node.use} and run again; traceback in "
                f"{self.run.directory / 'run.log'}"
            ) from error
        except KeyboardInterrupt:
            write_record(replace(self.record, wall_seconds=self._wall_s()), self.directory)
            raise

    def _must_be_as_before(self, outside: Sequence[Outside], source: str) -> None:
        """Raise Trouble where files that the stage read, or its own source, changed meanwhile."""
        if source_digest(type(self.stage)) != source:
            shutil.rmtree(self.directory)  # nobody can tell which shards the old source made
            raise Trouble(f"{self.node.name}: the source of {self.node.use} changed while it ran; run again")
        if outside:
            if self.stage.outside() != outside:
                self._end("failed")
                raise Trouble(
                    f"{self.node.name}: files changed while they were read; run again to read them as they are"
                )
            note(outside, self.directory)

    def _made_whole(self, before: Standing) -> Standing:
        """Write the kept rows of lean shards with their text: since they were written, no stage reads them further."""
        receipts = []
        for receipt in before.receipts:
            if not receipt.base:
                receipts.append(receipt)
                continue
            path = self.directory / "kept" / f"{receipt.shard}.parquet"
            digest = write_shard(read_shard(path), path)
            size = path.stat().st_size
            receipts.append(replace(receipt, kept_sha256=digest, kept_size=size, base="", base_sha256=""))
            write_receipt(receipts[-1], self.directory)
        return replace(before, receipts=receipts)

    def _set_aside(self, before: Standing, *, quietly: bool) -> dict[str, Receipt]:
        """Take the receipts of damaged shards away, so that these are made again. Returns them."""
        if not before.damaged:
            return {}
        if not quietly:
            self.display.news(f"{self.node.name}: damaged on disk and made again: {before.told()}")
        former = {}
        for shard, why in before.damaged.items():
            self.journal.event("shard damaged", self.node.name, shard=shard, why=why)
            with suppress(UserError):
                former[shard] = parse_receipt(self.directory / "done" / f"{shard}.json")
        discard(self.directory, before.damaged)
        return former

    def _compare(self, receipt: Receipt) -> None:
        """Say so where a shard that was damaged did not become what it had been (what a GPU samples may not)."""
        former = self.former.get(receipt.shard, receipt)
        same_form = bool(former.base) == bool(receipt.base)
        if same_form and former.kept_sha256 != receipt.kept_sha256:
            self.display.news(
                f"{self.node.name}: shard {receipt.shard} came out otherwise than before; finished stages that read it "
                f"have not seen that: remove their directories to make them again"
            )

    def _wall_s(self) -> float:
        return self.earlier_s + time.monotonic() - self.began

    def _items(self) -> dict[str, Any]:
        """Return what there is to do: shard name -> Part, Path or None (a job has one item)."""
        if isinstance(self.stage, Job):
            return {"job": None}
        if isinstance(self.stage, Source):
            self.display.start(self.node.name, 1, 0, "list")
            with named_after(self.node):
                self.stage.prepare(self.aloud.progress)
                return {part.name: part for part in self.stage.parts()}
        several = len(self.context.inputs) > 1
        return {
            f"{name}.{path.stem}" if several else path.stem: path
            for name, directory in self.context.inputs.items()
            for path in list_shards(directory / "kept")
        }

    def _plan(self, items: dict[str, Any]) -> dict[str, str]:
        """Sketch every shard, then learn from all sketches. Returns failures by shard name.

        A finished plan is kept; an unfinished one starts over from the sketches that stand.
        """
        if not isinstance(self.stage, Global):
            return {}
        finished = self.context.plan / "done.json"
        learnt = finished_plan(self.context.plan, verify=self.verify, tell=self._plan_again)
        if learnt is None:
            before = self._joules()
            sketches = self.context.plan / SKETCHES
            sketches.mkdir(parents=True, exist_ok=True)
            todo = {name: item for name, item in items.items() if not is_readable(sketches / f"{name}.parquet")}
            failures = self._map(partial(sketch_shard, self.stage, self.context), todo, len(items), "sketch")
            if failures:
                return failures
            for path in self.context.plan.iterdir():
                if path != sketches:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            self.display.start(self.node.name, 1, 0, "plan")
            start = time.monotonic()
            tell = partial(self.aloud.progress.update, note="parts")
            metrics = self.stage.plan(self.aloud, partial(ordered, self.engine, tell=tell))
            spent = _difference(before, self._joules())
            seconds = self.sketching_s + time.monotonic() - start
            learnt = {"metrics": metrics, "seconds": seconds, "joules": spent}
            write_json({**learnt, "files": plan_files(self.context.plan)}, finished)
        self.record = replace(self.record, **{f"plan_{name}": value for name, value in learnt.items()})
        write_record(self.record, self.directory)
        return {}

    def _plan_again(self, why: str) -> None:
        self.display.news(f"{self.node.name}: damaged on disk and made again: {why}")
        self.journal.event("plan damaged", self.node.name, why=why)

    def _work(self, items: dict[str, Any]) -> dict[str, str]:
        """Work on every shard without a receipt. Returns failures by shard name."""
        done = {receipt.shard for receipt in read_receipts(self.directory)}
        todo = {name: item for name, item in items.items() if name not in done}
        match self.stage:
            case Source():
                work = partial(read_part, self.stage, self.context)
            case Filter():
                work = partial(judge_shard, self.stage, self.context)
            case StreamMaker():
                return self._collect(make_stream(self.stage, self.context, list(todo.items())), todo, len(items), "")
            case Maker():
                work = partial(make_shard, self.stage, self.context)
            case Job():
                work = partial(run_job, self.stage, self.context)
            case other:
                raise TypeError(f"{type(other).__name__} is none of the shapes in curate/stage.py")
        return self._map(work, todo, len(items), "")

    def _map(self, work: Callable[[Any], Any], todo: dict[str, Any], count: int, phase: str) -> dict[str, str]:
        """Send items to the engine. Returns failures by shard name."""
        return self._collect(self.engine.map(work, list(todo.items())), todo, count, phase)

    def _collect(self, outcomes: Iterator[Outcome], todo: dict[str, Any], count: int, phase: str) -> dict[str, str]:
        """Write receipts as outcomes come, draw the progress, collect failures."""
        failures: dict[str, str] = {}
        self.display.start(self.node.name, count, count - len(todo), phase, whole=self.whole and not phase)
        before = self._joules()
        for outcome in outcomes:
            if outcome.error is not None:
                self._failed(outcome, failures)
                continue
            receipt = outcome.value if isinstance(outcome.value, Receipt) else None
            if receipt is not None:
                after = self._joules()
                write_receipt(replace(receipt, joules=_difference(before, after)), self.directory)
                self._compare(receipt)
                before = after
            else:
                self.sketching_s += outcome.value
            self.display.advance(self.node.name, receipt)
        return failures

    def _joules(self) -> float | None:
        """Read the energy counters, where the stage has the machine to itself."""
        return joules_so_far() if self.stage.ALONE else None

    def _failed(self, outcome: Outcome, failures: dict[str, str]) -> None:
        name = outcome.item[0]
        self.journal.log(f"{self.node.name} {name}: {outcome.error}\n{outcome.detail}")
        self.journal.event("shard failed", self.node.name, shard=name, error=outcome.error)
        if outcome.mistake:
            raise UserError(str(outcome.error))
        failures[name] = str(outcome.error)

    def _end(self, state: str, failures: dict[str, str] | None = None) -> dict[str, Any]:
        """Write stats.json and the final stage.json, and say so. Returns the sum of the receipts."""
        stats = total(read_receipts(self.directory))
        write_json(stats, self.directory / "stats.json")
        self.record = replace(
            self.record, state=state, finished=now(), failures=failures or {}, wall_seconds=self._wall_s()
        )
        write_record(self.record, self.directory)
        self.journal.event(f"stage {state}", self.node.name, rows_in=stats["rows_in"], rows_kept=stats["rows_kept"])
        worked_s = stats["seconds"] + self.record.plan_seconds
        self.display.finish(self.node.name, state, {**stats, "seconds": worked_s})
        return stats


def _difference(before: float | None, after: float | None) -> float | None:
    """Return the joules between two readings; None where a counter cannot be read, or has wrapped."""
    return after - before if after is not None and before is not None and after >= before else None


def _sweep(directory: Path) -> None:
    """Remove the temporary files that a killed run left behind."""
    for path in directory.rglob(".*.tmp") if directory.exists() else ():
        path.unlink()
