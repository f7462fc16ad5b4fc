"""How far a run is, read from its files alone, so it works on a live, a dead and a finished run.

In: a run directory. Out: one dictionary (`status`), which `curate status --json` prints (as a table for a terminal:
curate/terminal/status.py). `read_run` is the one place that knows how `run.json` names the stages; browsing and the
report start from it too. Nothing here writes, and nothing here opens a shard: counts come from the receipts.
"""

import fcntl
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from curate.errors import UserError, did_you_mean
from curate.records.receipts import Receipt, StageRecord, read_receipts, read_record, total, wall_so_far


@dataclass(frozen=True)
class StageFiles:
    """One current stage of a run: where its files are and what it reads."""

    name: str
    use: str
    key: str
    directory: Path
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class RunFiles:
    """A run directory that has a `run.json`, and its current stages in recipe order."""

    directory: Path
    facts: Mapping[str, Any]
    """`run.json` as it stands."""
    stages: tuple[StageFiles, ...]

    def stage(self, name: str) -> StageFiles:
        """Return the stage of that name. Raises UserError with the nearest known name."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise UserError(f"no stage {name!r} in {self.directory}{did_you_mean(name, [s.name for s in self.stages])}")

    @property
    def state(self) -> str:
        """`running`, `done`, `partial`, `failed` or `interrupted`; a run whose process is gone was interrupted."""
        state = str(self.facts["state"])
        alive = state == "running" and _is_alive(self.facts.get("pid")) and _is_locked(self.directory)
        return "interrupted" if state == "running" and not alive else state


def read_run(directory: Path) -> RunFiles:
    """Read `run.json`. Raises UserError where there is none, or where it is not one of ours."""
    path = directory / "run.json"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        stages = tuple(
            StageFiles(s["name"], s["use"], s["key"], directory / s["directory"], tuple(s["inputs"]))
            for s in facts["stages"]
        )
        return RunFiles(directory, {**facts, "state": facts["state"]}, stages)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{directory} is no run: it has no run.json{_other_runs(directory)}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"cannot read {path}: {error!r}; continue the run to write it anew") from error


def _other_runs(directory: Path) -> str:
    """Suggest the runs that stand beside a wrong path."""
    beside = [path.parent.name for path in sorted(directory.parent.glob("*/run.json"))]
    return did_you_mean(directory.name, beside) or "; start one with `curate run RECIPE`"


def _is_alive(pid: object) -> bool:
    """Tell whether a process of this machine runs under that id."""
    if not isinstance(pid, int) or pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_locked(directory: Path) -> bool:
    """Tell whether a process holds the run's lock: an id alone may by now belong to someone else's process."""
    try:
        with (directory / ".lock").open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def status(directory: Path, now: datetime | None = None) -> dict[str, Any]:
    """Return the state of a run and of each of its stages, as plain values ready for JSON.

    `rows_in = rows_kept + rows_dropped` for every stage. None stands for what is not known (yet). Rates are per
    second of work, planning included, summed over workers; `wall_seconds` is the same by the clock, over all sessions
    that worked on a stage, and for the run over all its stages. `time_left_s` is wall time, judged by the shards that
    were finished since the stage started.
    Raises UserError for a directory that is no run.
    """
    run = read_run(directory)
    now = now or datetime.now(UTC)
    stages = [_stage_status(run, stage, now) for stage in run.stages]
    return {
        "name": run.facts.get("name", directory.name),
        "state": run.state,
        **{name: run.facts.get(name) for name in ("seed", "started", "finished", "error", "curate_version", "machine")},
        "seconds": sum(stage["seconds"] + stage["plan_seconds"] for stage in stages),
        "wall_seconds": sum(stage["wall_seconds"] for stage in stages),
        "joules": _sum_known(stage["joules"] for stage in stages),
        "tokens": _sum_known(stage["tokens"] for stage in stages),
        "usd": _sum_known(stage["usd"] for stage in stages),
        "disk_bytes": sum(stage["disk_bytes"] for stage in stages),
        "stages": stages,
    }


def _stage_status(run: RunFiles, stage: StageFiles, now: datetime) -> dict[str, Any]:
    record = read_record(stage.directory)
    receipts = read_receipts(stage.directory)
    sums = total(receipts)
    state = _stage_state(record, run)
    live = record if state == "running" else None
    volume = _volume(stage, sums)
    planned = asdict(record) if record else {"plan_seconds": 0.0, "plan_joules": None, "plan_metrics": {}}
    work_s = sums["seconds"] + planned["plan_seconds"]
    calls = (sums["metrics"], planned["plan_metrics"])  # a stage asks its model shard by shard, or while it plans
    return {
        "name": stage.name,
        "use": stage.use,
        "key": stage.key,
        "inputs": list(stage.inputs),
        "state": state,
        "shards_total": record.shards_total if record else None,
        **sums,
        "joules": _sum_known((sums["joules"], planned["plan_joules"])),
        "plan_seconds": planned["plan_seconds"],
        "plan_metrics": planned["plan_metrics"],
        "wall_seconds": _wall(stage, record, live, now) if record else 0.0,
        "rows_per_s": sums["rows_in"] / work_s if work_s and sums["rows_in"] else None,
        "mb_per_s": volume / 1e6 / work_s if work_s and volume else None,
        "time_left_s": _time_left(stage, live, receipts, now) if live else None,
        "progress": _progress(stage) if live else None,
        "tokens": _sum_known(made.get(name) for made in calls for name in ("prompt_tokens", "completion_tokens")),
        "usd": _sum_known(made.get("usd") for made in calls),
        "disk_bytes": disk_bytes(stage.directory),
        "failures": record.failures if record else {},
        "started": record.started if record else None,
        "finished": record.finished if record else None,
    }


def _volume(stage: StageFiles, sums: Mapping[str, Any]) -> int:
    """Bytes of text that a stage worked through: what came in, or for a source what it brought.

    A maker has none: its time goes into calls, not into reading its seeds.
    """
    if stage.use.startswith("synth."):
        return 0
    return int(sums["bytes_kept"] if stage.use.startswith("source.") else sums["bytes_in"])


def _stage_state(record: StageRecord | None, run: RunFiles) -> str:
    """Return the stage's own word, but where it says `running`, what became of the run that started it."""
    if record is None:
        return "pending"
    if record.state != "running":
        return record.state
    is_of_this_session = _timestamp(record.started) >= _timestamp(run.facts.get("started"))
    return run.state if is_of_this_session and run.state in ("running", "failed") else "interrupted"


def _time_left(stage: StageFiles, record: StageRecord, receipts: list[Receipt], now: datetime) -> float | None:
    """Seconds until the remaining shards are done at the pace of this session's; None before its first shard.

    Receipts of an earlier session are left out: their times say nothing of the pace since the restart.
    """
    finished = {r.shard: (stage.directory / "done" / f"{r.shard}.json").stat().st_mtime for r in receipts}
    fresh = [finished[r.shard] - r.seconds for r in receipts if finished[r.shard] >= _timestamp(record.started)]
    if not fresh:
        return None
    remaining = max(record.shards_total - len(receipts), 0)
    return remaining * max(now.timestamp() - min(fresh), 0.0) / len(fresh)


def _wall(stage: StageFiles, record: StageRecord, live: StageRecord | None, now: datetime) -> float:
    """Seconds by the clock; of a live stage up to now."""
    if live is None:
        return wall_so_far(stage.directory)
    return record.wall_seconds + max(now.timestamp() - _timestamp(record.started), 0.0)


def _timestamp(iso: object) -> float:
    try:
        return datetime.fromisoformat(str(iso)).timestamp()
    except ValueError:
        return 0.0


def _progress(stage: StageFiles) -> dict[str, Any] | None:
    """Return the last thing a running job said of itself: done, total, note."""
    try:
        value = json.loads((stage.directory / "progress.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) and {"done", "total"} <= value.keys() else None


def disk_bytes(directory: Path) -> int:
    """Return the bytes of a stage's files; of one that vanishes meanwhile (a live stage's) none."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with suppress(FileNotFoundError):
                total += Path(folder, name).lstat().st_size
    return total


def _sum_known(values: Any) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
