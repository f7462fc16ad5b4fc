"""A run mirrored to an experiment tracker, where the recipe says `tracker: trackio` or `tracker: wandb`.

In: the files that a run writes anyway: `metrics.jsonl` of trainings, the records and sums of stages. Out: the same
figures in the tracker, as `<stage>/<figure>` over `<stage>/step`. They are read by a thread and told to a process of
its own (curate/records/tracker_process.py), so that nothing that a tracker does, or fails to do, reaches the run:
trouble is one warning, and the run goes on. Where the figures lie is the tracker's own affair (TRACKIO_DIR, ...).
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from curate.errors import UserError, did_you_mean, how_to_install
from curate.files.shards import read_jsonl
from curate.records.receipts import record_or_none

TRACKERS = ("trackio", "wandb")
EVERY_S = 2.0
PATIENCE_S = 20.0
"""How long the tracker may take to end after the run has: it may be sending."""
COUNTS = ("rows_in", "rows_kept", "rows_dropped", "bytes_kept", "seconds")


def check_tracker(kind: str) -> str:
    """Return the tracker's name. Raises UserError for an unknown one."""
    if kind not in TRACKERS:
        raise UserError(f"tracker: {kind!r} must be trackio or wandb{did_you_mean(str(kind), TRACKERS)}")
    return kind


def check_installed(kind: str) -> None:
    """Raise UserError where the tracker's package is missing."""
    if find_spec(kind) is None:
        raise UserError(f"tracker: {kind} is not installed; {how_to_install(kind)}, or remove `tracker:`")


class Mirror:
    """Reads what stages wrote, and tells what it has not told yet."""

    def __init__(self, places: dict[str, Path], write: Callable[[dict[str, Any]], None]) -> None:
        self._places, self._write = places, write
        self._steps: dict[str, int] = {}
        self._counted: set[str] = set()

    def look(self) -> None:
        """Tell all that is new."""
        for stage, place in self._places.items():
            self._metrics(stage, place / "metrics.jsonl")
            if stage not in self._counted:
                self._counts(stage, place)

    def _metrics(self, stage: str, path: Path) -> None:
        told = self._steps.get(stage, -1)
        lines = list(read_jsonl(path)) if path.exists() else []
        for line in lines:
            step = line.get("step")
            if isinstance(step, int) and step > told:
                figures = {name: figure for name, figure in line.items() if isinstance(figure, int | float)}
                self._write({f"{stage}/{name}": figure for name, figure in figures.items()})
        self._steps[stage] = max([told, *(int(line.get("step") or 0) for line in lines)])

    def _counts(self, stage: str, place: Path) -> None:
        record = record_or_none(place)
        if record is None or record.state != "done":
            return
        stats = json.loads((place / "stats.json").read_text(encoding="utf-8"))
        reasons = {f"dropped/{reason}": count for reason, count in stats["dropped_by_reason"].items()}
        figures = {**{name: stats[name] for name in COUNTS}, **reasons, **stats["metrics"]}
        self._write({f"{stage}/{name}": figure for name, figure in figures.items()})
        self._counted.add(stage)


@contextmanager
def mirroring(
    kind: str | None, name: str, places: dict[str, Path], log: Path, tell: Callable[[str], None]
) -> Iterator[None]:
    """Mirror these stages (name -> directory) until the block ends; without a kind, nothing happens.

    What the tracker prints is appended to `log`. `tell` hears of trouble, once.
    """
    if kind is None:
        yield
        return
    ended = threading.Event()
    thread = threading.Thread(target=_mirror, args=(kind, name, places, log, tell, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(PATIENCE_S + EVERY_S)


def _mirror(
    kind: str, name: str, places: dict[str, Path], log: Path, tell: Callable[[str], None], ended: threading.Event
) -> None:
    try:
        with log.open("ab") as file:
            command = [sys.executable, "-P", "-m", "curate.records.tracker_process", kind, name]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=file, stderr=file)
    except OSError as error:
        tell(f"tracker {kind}: {error}; the run goes on without it")
        return
    try:
        _feed(process, places, ended)
        code: int | None = process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        code = None
    except (OSError, ValueError, KeyError):
        with suppress(OSError):
            process.kill()
        code = process.wait()
    if code != 0:
        why = "did not end in time" if code is None else "failed"
        tell(f"tracker {kind} {why}: what it said is in {log}; the run does not depend on it")


def _feed(process: "subprocess.Popen[bytes]", places: dict[str, Path], ended: threading.Event) -> None:
    """Tell the process what is new until the run has ended, then close its input."""
    pipe = process.stdin
    assert pipe is not None

    def write(figures: dict[str, Any]) -> None:
        pipe.write(json.dumps(figures).encode() + b"\n")

    mirror = Mirror(places, write)
    while True:
        last = ended.wait(EVERY_S)
        mirror.look()
        pipe.flush()
        if last:
            pipe.close()
            return
        if process.poll() is not None:
            raise BrokenPipeError
