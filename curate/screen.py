"""Showing how far a run is: bars with rate and time left in a terminal, plain lines otherwise.

A Display is told what happens and draws it on standard error; it decides nothing. `open_display` picks one.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from curate.progress import Progress
from curate.receipts import Receipt
from curate.shards import write_json

PLAIN_EVERY_S = 15.0
RECORD_EVERY_S = 1.0


class Display(Protocol):
    """What the runner tells."""

    def cached(self, stage: str) -> None:
        """The stage stood complete already."""
        ...

    def start(self, stage: str, total: int, done: int, phase: str) -> None:
        """Work on a stage begins: `total` shards, `done` of them before now; `phase` is `sketch`, `plan` or empty."""
        ...

    def advance(self, stage: str, receipt: Receipt | None) -> None:
        """One more shard is done (sketches have no receipt)."""
        ...

    def job(self, stage: str, done: float, total: float, note: str) -> None:
        """A job or a plan says how far it is, or a stage that runs alone how far it is within a shard."""
        ...

    def finish(self, stage: str, state: str, stats: Mapping[str, Any]) -> None:
        """The stage ended."""
        ...


class Silent:
    """Draws nothing."""

    def cached(self, stage: str) -> None:
        """Say nothing."""

    def start(self, stage: str, total: int, done: int, phase: str) -> None:
        """Say nothing."""

    def advance(self, stage: str, receipt: Receipt | None) -> None:
        """Say nothing."""

    def job(self, stage: str, done: float, total: float, note: str) -> None:
        """Say nothing."""

    def finish(self, stage: str, state: str, stats: Mapping[str, Any]) -> None:
        """Say nothing."""


class Plain(Silent):
    """One line when a stage ends, and one every quarter of a minute while it works: for logs and pipes."""

    def __init__(self) -> None:
        self._said = time.monotonic()
        self._done, self._total = 0, 0

    def cached(self, stage: str) -> None:
        """Say that there is nothing to do."""
        self._say(f"{stage}: cached")

    def start(self, stage: str, total: int, done: int, phase: str) -> None:
        """Remember where the stage begins."""
        self._done, self._total = done, total
        if done and phase != "sketch":
            self._say(f"{stage}: continuing, {done} of {total} shards stand")

    def advance(self, stage: str, receipt: Receipt | None) -> None:  # noqa: ARG002 - a line counts shards alone
        """Count a shard; speak only now and then."""
        self._done += 1
        if time.monotonic() - self._said > PLAIN_EVERY_S:
            self._say(f"{stage}: {self._done} of {self._total} shards")

    def job(self, stage: str, done: float, total: float, note: str) -> None:
        """Speak only now and then."""
        if time.monotonic() - self._said > PLAIN_EVERY_S:
            self._say(f"{stage}: {done:g} of {total:g} {note}".rstrip())

    def finish(self, stage: str, state: str, stats: Mapping[str, Any]) -> None:
        """Say what came out."""
        self._say(f"{stage}: {summary(state, stats)}")

    def _say(self, line: str) -> None:
        self._said = time.monotonic()
        sys.stderr.write(line + "\n")
        sys.stderr.flush()


class Bars:
    """Bars in a terminal: one for each stage, with rows a second and the time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.fields[stage]:<14}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(compact=True),
            TextColumn("{task.fields[note]}", markup=False),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, Any] = {}
        self._rows: dict[str, int] = {}
        self._began: dict[str, float] = {}
        self._shards: dict[str, int] = {}

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def cached(self, stage: str) -> None:
        """Draw a full bar."""
        self._tasks[stage] = self._bars.add_task("", total=1, completed=1, stage=stage, note="cached")

    def start(self, stage: str, total: int, done: int, phase: str) -> None:
        """Draw or reset the stage's bar."""
        self._rows[stage], self._began[stage], self._shards[stage] = 0, time.monotonic(), total
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task("", stage=stage, note=phase)
        # reset() replaces all fields of a task, so the name goes along.
        self._bars.reset(self._tasks[stage], total=total, completed=done, stage=stage, note=phase)

    def advance(self, stage: str, receipt: Receipt | None) -> None:
        """Move the bar by one shard and show the rate."""
        self._bars.advance(self._tasks[stage])
        if receipt is not None and receipt.rows_in:
            self._rows[stage] += receipt.rows_in
            rate = self._rows[stage] / max(time.monotonic() - self._began[stage], 1e-3)
            self._bars.update(self._tasks[stage], note=f"{rate:,.0f} rows/s")

    def job(self, stage: str, done: float, total: float, note: str) -> None:
        """Move the bar to where the job is, or say how far the shard is beside the bar of shards."""
        if self._shards[stage] == 1:
            self._bars.update(self._tasks[stage], total=total or None, completed=done, note=note)
        else:
            self._bars.update(self._tasks[stage], note=f"{done:,.0f}/{total:,.0f} {note}")

    def finish(self, stage: str, state: str, stats: Mapping[str, Any]) -> None:
        """Leave the bar with the stage's sum beside it."""
        self._bars.update(self._tasks[stage], note=summary(state, stats))


@contextmanager
def open_display() -> Iterator[Display]:
    """Yield bars where standard error is a terminal, else plain lines."""
    if sys.stderr.isatty():
        with Bars() as bars:
            yield bars
    else:
        yield Plain()


def summary(state: str, stats: Mapping[str, Any]) -> str:
    """Return one line: counts and time."""
    end = f"{stats['seconds']:.1f} s" + ("" if state == "done" else f", {state}")
    if not stats["rows_in"]:
        return f"{state}, {end}" if state == "done" else end
    return f"{stats['rows_in']:,} in, {stats['rows_kept']:,} kept, {stats['rows_dropped']:,} dropped, {end}"


class StageProgress(Progress):
    """Passes a stage's word to the display, and to `progress.json` for `curate status`, at most once a second."""

    def __init__(self, directory: Path, stage: str, display: Display) -> None:
        self._path, self._stage, self._display = directory / "progress.json", stage, display
        self._recorded = 0.0

    def update(self, done: float, total: float, note: str = "") -> None:
        """Report `done` of `total` units."""
        self._display.job(self._stage, done, total, note)
        if time.monotonic() - self._recorded > RECORD_EVERY_S or done >= total:
            self._recorded = time.monotonic()
            write_json({"done": done, "total": total, "note": note}, self._path)
