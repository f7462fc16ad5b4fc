"""Showing how far a run is: a line for each stage that ended and a bar for the one at work, or plain lines in a pipe.

A Display is told what happens and draws it on standard error; it decides nothing. `open_display` picks one.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from rich.cells import cell_len
from rich.live import Live
from rich.text import Text

from curate.files.shards import write_json
from curate.progress import Progress
from curate.records.receipts import Receipt
from curate.terminal import display
from curate.terminal.drawing import open_console
from curate.terminal.pace import Pace

PLAIN_EVERY_S = 15.0
RECORD_EVERY_S = 1.0
REDRAWN_PER_S = 8
LONGEST_NAME = 20
NARROWEST_BAR, WIDEST_BAR = 8, 28
SEE = "; see: "
"""What news says before the command that it ends in."""


class Display(Protocol):
    """What the runner tells."""

    def cached(self, stage: str, stats: Mapping[str, Any]) -> None:
        """The stage stood complete already."""
        ...

    def start(self, stage: str, total: int, done: int, phase: str, *, whole: bool = False) -> None:
        """Work on a stage begins: `total` shards, `done` of them before now; `phase` is `sketch`, `plan` or empty.

        `whole` says that the stage works on all shards at once, so that `inside` tells of all of them.
        """
        ...

    def advance(self, stage: str, receipt: Receipt | None) -> None:
        """One more shard is done (sketches have no receipt)."""
        ...

    def inside(self, stage: str, done: float, total: float, note: str) -> None:
        """A job or a plan says how far it is, or a stage that runs alone how far it is within a shard."""
        ...

    def finish(self, stage: str, state: str, stats: Mapping[str, Any]) -> None:
        """The stage ended; `stats` holds the sums of its receipts, and `seconds` all its work, planning included."""
        ...

    def news(self, line: str) -> None:
        """Something that a person should know now."""
        ...


class Silent:
    """Draws nothing."""

    def cached(self, stage: str, stats: Mapping[str, Any]) -> None:
        """Say nothing."""

    def start(self, stage: str, total: int, done: int, phase: str, *, whole: bool = False) -> None:
        """Say nothing."""

    def advance(self, stage: str, receipt: Receipt | None) -> None:
        """Say nothing."""

    def inside(self, stage: str, done: float, total: float, note: str) -> None:
        """Say nothing."""

    def finish(self, stage: str, state: str, stats: Mapping[str, Any]) -> None:
        """Say nothing."""

    def news(self, line: str) -> None:
        """Say nothing."""


class Plain(Silent):
    """One line when a stage ends, and one every quarter of a minute while it works: for logs and pipes."""

    def __init__(self) -> None:
        self._said = time.monotonic()
        self._pace = Pace("", 0, 0)

    def cached(self, stage: str, stats: Mapping[str, Any]) -> None:
        """Say that there is nothing to do."""
        self._say(f"{stage}: cached" + (f", {counts(stats)}" if stats["rows_in"] else ""))

    def start(self, stage: str, total: int, done: int, phase: str, *, whole: bool = False) -> None:
        """Remember where the stage begins."""
        self._pace = Pace(phase, total, done, whole=whole)
        if done and phase != "sketch":
            self._say(f"{stage}: continuing, {done} of {total} shards stand")

    def advance(self, stage: str, receipt: Receipt | None) -> None:
        """Count a shard; speak only now and then."""
        self._pace.step(receipt)
        self._say_now_and_then(stage)

    def inside(self, stage: str, done: float, total: float, note: str) -> None:
        """Speak only now and then."""
        self._pace.within(done, total, note)
        self._say_now_and_then(stage)

    def finish(self, stage: str, state: str, stats: Mapping[str, Any]) -> None:
        """Say what came out."""
        self._say(f"{stage}: {summary(state, stats)}")

    def news(self, line: str) -> None:
        """Say it."""
        self._say(line)

    def _say_now_and_then(self, stage: str) -> None:
        words = self._pace.words()
        if words and time.monotonic() - self._said > PLAIN_EVERY_S:  # the one unit of a job is done: nothing is left
            left = self._pace.left_s()
            self._say(f"{stage}: {', '.join(words)}" + (f", {display.duration(left)} left" if left else ""))

    def _say(self, line: str) -> None:
        self._said = time.monotonic()
        sys.stderr.write(display.printable(line) + "\n")
        sys.stderr.flush()


class Bars:
    """In a terminal: what ended stands as a line of its own, and below it the stage at work has a bar that moves."""

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._console = open_console(sys.stderr)
        self._width = min(max(map(cell_len, names), default=0), LONGEST_NAME)
        self._stage: str | None = None
        self._pace = Pace("", 0, 0)
        self._live = Live(
            get_renderable=self.draw,
            console=self._console,
            transient=True,
            refresh_per_second=REDRAWN_PER_S,
            redirect_stdout=sys.stdout.isatty(),  # into a pipe goes what is meant for it
        )

    def __enter__(self) -> "Bars":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stage = None
        self._live.stop()

    def cached(self, stage: str, stats: Mapping[str, Any]) -> None:
        """Leave a line."""
        self._leave(stage, "cached", stats, "quiet")

    def start(self, stage: str, total: int, done: int, phase: str, *, whole: bool = False) -> None:
        """Draw a bar from where the stage begins."""
        self._pace, self._stage = Pace(phase, total, done, whole=whole), stage
        self._live.refresh()

    def advance(self, stage: str, receipt: Receipt | None) -> None:  # noqa: ARG002 - one stage is at work
        """Move the bar by one shard."""
        self._pace.step(receipt)

    def inside(self, stage: str, done: float, total: float, note: str) -> None:  # noqa: ARG002
        """Move the bar within a shard."""
        self._pace.within(done, total, note)

    def finish(self, stage: str, state: str, stats: Mapping[str, Any]) -> None:
        """Leave a line with the stage's sums in place of its bar."""
        end = display.duration(stats["seconds"])
        self._leave(stage, end if state == "done" else f"{state}, {end}", stats, "good" if state == "done" else "bad")

    def news(self, line: str) -> None:
        """Leave the line; a command that it ends in has one of its own where both do not fit, to be copied whole."""
        told, see, command = display.printable(line).partition(SEE)
        if see and cell_len(line) > self._console.width:
            self._print(Text(f"{told}{see.rstrip()}\n  {command}", "news"))
        else:
            self._print(Text(f"{told}{see}{command}", "news"))

    def _leave(self, stage: str, end: str, stats: Mapping[str, Any], style: str) -> None:
        head = Text.assemble((self._name(stage), style), "  ")
        if not stats["rows_in"]:
            self._print(head + Text(end, style))
            return
        share = f" ({display.percent(stats['rows_dropped'], stats['rows_in'])})" if stats["rows_dropped"] else ""
        dropped = f"{stats['rows_dropped']:>7,} dropped{share}"
        line = head + Text(f"{stats['rows_in']:>8,} in  {stats['rows_kept']:>8,} kept  {dropped:<23}  {end}")
        self._print(line if line.cell_len < self._console.width else head + Text(f"{counts(stats)}, {end}"))

    def _print(self, line: Text) -> None:
        self._stage = None
        self._live.refresh()
        self._console.print(line, soft_wrap=True)

    def _name(self, stage: str) -> str:
        return display.one_line(stage, LONGEST_NAME).ljust(self._width)

    def draw(self) -> Text:
        """Draw the bar of the stage at work: its parts as far as they fit, the least telling left out first."""
        if self._stage is None:
            return Text("")
        pace, left = self._pace, self._pace.left_s()
        clock = _clock(pace.elapsed_s) + ("" if left is None else f"  left {_clock(left)}")
        name, width = self._name(self._stage), self._console.width - 1  # the last column stays free
        name = name if cell_len(f"{name}  {clock}") <= width else name.rstrip()
        clock = clock if cell_len(f"{name}  {clock}") <= width else _clock(pace.elapsed_s)
        line = Text.assemble((name, "live"), "  ")
        free = width - line.cell_len - cell_len(clock) - 2
        words: list[str] = []
        for word in pace.words():
            if cell_len(", ".join([*words, word])) + 2 + NARROWEST_BAR <= free:
                words.append(word)
        told = ", ".join(words)
        bar = min(WIDEST_BAR, free - cell_len(told) - 2)
        if bar >= NARROWEST_BAR:
            line.append_text(_bar(pace.share, bar)).append("  ")
        line.append(f"{told}  " if told else "").append(clock, "quiet")
        line.truncate(width)
        return line


def _bar(share: float | None, width: int) -> Text:
    """Draw a bar; of work that does not know its end, a piece that wanders."""
    if share is None:
        piece = width // 3
        start = int(time.monotonic() * 8) % (2 * (width - piece))
        start = min(start, 2 * (width - piece) - start)
        return Text.assemble(("─" * start, "quiet"), ("━" * piece, "live"), ("─" * (width - piece - start), "quiet"))
    full = int(width * share)
    return Text.assemble(("━" * full, "live"), ("─" * (width - full), "quiet"))


def _clock(seconds: float) -> str:
    whole = int(seconds)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    return f"{hours}{whole % 3600 // 60:0{2 if hours else 1}}:{whole % 60:02}"


@contextmanager
def open_display(names: Sequence[str] = ()) -> Iterator[Display]:
    """Yield bars where standard error is a terminal that can move, else plain lines. `names` are the stages to come."""
    console = open_console(sys.stderr)
    if console.is_terminal and not console.is_dumb_terminal:
        with Bars(names) as bars:
            yield bars
    else:
        yield Plain()


def counts(stats: Mapping[str, Any]) -> str:
    """Return what became of the rows."""
    return f"{stats['rows_in']:,} in, {stats['rows_kept']:,} kept, {stats['rows_dropped']:,} dropped"


def summary(state: str, stats: Mapping[str, Any]) -> str:
    """Return one line: counts and time."""
    end = display.duration(stats["seconds"]) + ("" if state == "done" else f", {state}")
    if not stats["rows_in"]:
        return f"{state}, {end}" if state == "done" else end
    return f"{counts(stats)}, {end}"


class StageProgress(Progress):
    """Passes a stage's word to the display, and to `progress.json` for `curate status`, at most once a second."""

    def __init__(self, directory: Path, stage: str, display: Display, *, whole: bool = False) -> None:
        self._path, self._stage, self._display, self._whole = directory / "progress.json", stage, display, whole
        self._recorded = 0.0

    def update(self, done: float, total: float, note: str = "") -> None:
        """Report `done` of `total` units."""
        self._display.inside(self._stage, done, total, note)
        if time.monotonic() - self._recorded > RECORD_EVERY_S or done >= total > 0:
            self._recorded = time.monotonic()
            write_json({"done": done, "total": total, "note": note, "whole": self._whole}, self._path)


class _Told(Progress):
    """Passes on the word of work that is no stage."""

    def __init__(self, name: str, display: Display) -> None:
        self._name, self._display = name, display

    def update(self, done: float, total: float, note: str = "") -> None:
        """Report `done` of `total` units."""
        self._display.inside(self._name, done, total, note)


@contextmanager
def open_progress(name: str) -> Iterator[Progress]:
    """Yield a Progress for one piece of work outside a run, drawn under that name."""
    with open_display([name]) as display:
        display.start(name, 1, 0, "")
        yield _Told(name, display)
