"""Receipts: the proof that one shard passed one stage, and their sum.

A receipt is written last, after the shard's kept and dropped rows are on disk, so a shard with a receipt is done.
`stages/<name>-<key>/` holds:

    stage.json            what the stage is: see StageRecord
    done/<shard>.json     one Receipt a shard (for a job: one, named `job`)
    stats.json            the sum of the receipts, written when the stage is complete
    kept/<shard>.parquet  dropped/<shard>.parquet
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from curate.errors import UserError
from curate.files.shards import write_json

Record = TypeVar("Record", "Receipt", "StageRecord")


@dataclass(frozen=True)
class Receipt:
    """Counts and digests of one shard after one stage. rows_in = rows_kept + rows_dropped, always."""

    shard: str
    rows_in: int
    rows_kept: int
    rows_dropped: int
    dropped_by_reason: dict[str, int] = field(default_factory=dict)
    bytes_in: int = 0
    """UTF-8 bytes of text that came in (0 for a source, a maker counts its seeds)."""
    bytes_kept: int = 0
    kept_sha256: str = ""
    dropped_sha256: str = ""
    kept_size: int = 0
    """Bytes of the file (0 in receipts of before this was noted)."""
    dropped_size: int = 0
    base: str = ""
    """The shard that has the text of the kept rows, relative to the stage's directory; empty where they are whole."""
    base_sha256: str = ""
    seconds: float = 0.0
    joules: float | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    """What the stage counted itself: prompt_tokens, completion_tokens, usd, loss, ..."""

    def __post_init__(self) -> None:
        """Refuse counts that lose a row."""
        if self.rows_in != self.rows_kept + self.rows_dropped:
            raise ValueError(
                f"{self.shard}: {self.rows_in} rows in, {self.rows_kept} kept, {self.rows_dropped} dropped"
            )
        if self.rows_dropped != sum(self.dropped_by_reason.values()):
            raise ValueError(f"{self.shard}: {self.rows_dropped} rows dropped, reasons for {self.dropped_by_reason}")


@dataclass(frozen=True)
class StageRecord:
    """`stage.json`: what a stage directory is, and how far it got. `state`: `running`, `done` or `failed`."""

    name: str
    use: str
    key: str
    version: int
    parameters: dict[str, Any]
    inputs: list[str]
    """Names of the stages it reads, in order."""
    state: str
    shards_total: int
    started: str
    """UTC, ISO 8601."""
    finished: str | None = None
    failures: dict[str, str] = field(default_factory=dict)
    """Shard name -> one line, for shards that could not be worked on."""
    plan_seconds: float = 0.0
    """Work: that of the sketches, summed over workers, and the time of the plan."""
    plan_joules: float | None = None
    plan_metrics: dict[str, float] = field(default_factory=dict)
    wall_seconds: float = 0.0
    """By the clock, over all sessions that worked on it."""


def receipt_files(directory: Path) -> list[Path]:
    """Return the files of a stage's receipts in shard order."""
    return sorted((directory / "done").glob("[!.]*.json"))


def parse_receipt(path: Path) -> Receipt:
    """Read one receipt. Raises UserError for a file that is none, or that of another shard."""
    receipt = _parse(Receipt, path)
    if receipt.shard != path.stem:
        raise _unlike(path, f"it is that of shard {receipt.shard!r}")
    return receipt


def receipt_of(shard: Path) -> Receipt | None:
    """Return the receipt of a kept shard; None where it is no stage's, or its receipt cannot be read."""
    try:
        return parse_receipt(shard.parent.parent / "done" / f"{shard.stem}.json")
    except UserError:
        return None


def read_receipts(directory: Path) -> list[Receipt]:
    """Return the receipts of a stage directory in shard order. Raises UserError for a damaged one."""
    return [parse_receipt(path) for path in receipt_files(directory)]


def _parse(kind: type[Record], path: Path) -> Record:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return kind(**value)
    except (ValueError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise _unlike(path, " ".join(str(error).split())[:150]) from error


def _unlike(path: Path, why: str) -> UserError:
    return UserError(f"cannot read {path}: {why}; run the recipe again, which makes anew what is damaged")


def write_receipt(receipt: Receipt, directory: Path) -> None:
    """Write one receipt, atomically, to `directory/done/`."""
    write_json(asdict(receipt), directory / "done" / f"{receipt.shard}.json")


def read_record(directory: Path) -> StageRecord | None:
    """Return the stage's record, or None where it never started. Raises UserError for a damaged one."""
    path = directory / "stage.json"
    if not path.exists():
        return None
    record = _parse(StageRecord, path)
    if not isinstance(record.state, str) or not directory.name.endswith(str(record.key)):
        raise _unlike(path, f"it is that of another stage, {record.name!r} with the key {record.key!r}")
    return record


def record_or_none(directory: Path) -> StageRecord | None:
    """Return the stage's record; None where there is none that can be relied on."""
    try:
        return read_record(directory)
    except UserError:
        return None


def write_record(record: StageRecord, directory: Path) -> None:
    """Write `stage.json`, atomically."""
    write_json(asdict(record), directory / "stage.json")


def wall_so_far(directory: Path) -> float:
    """Return the seconds by the clock that earlier sessions spent on a stage; of a killed one up to its last file."""
    record = record_or_none(directory)
    if record is None or record.state != "running" or record.wall_seconds:
        return record.wall_seconds if record else 0.0
    traces = [*(directory / "done").glob("*.json"), *(directory / "plan").rglob("*"), directory / "progress.json"]
    begun = datetime.fromisoformat(record.started).timestamp()
    return max([0.0, *(path.stat().st_mtime - begun for path in traces if path.is_file())])


def total(receipts: Iterable[Receipt]) -> dict[str, Any]:
    """Sum receipts into what `stats.json` and `curate status --json` show."""
    receipts = list(receipts)
    reasons: dict[str, int] = {}
    metrics: dict[str, float] = {}
    for receipt in receipts:
        for reason, count in receipt.dropped_by_reason.items():
            reasons[reason] = reasons.get(reason, 0) + count
        for name, value in receipt.metrics.items():
            metrics[name] = metrics.get(name, 0.0) + value
    joules = [receipt.joules for receipt in receipts if receipt.joules is not None]
    return {
        "shards_done": len(receipts),
        "rows_in": sum(receipt.rows_in for receipt in receipts),
        "rows_kept": sum(receipt.rows_kept for receipt in receipts),
        "rows_dropped": sum(receipt.rows_dropped for receipt in receipts),
        "dropped_by_reason": dict(sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0]))),
        "bytes_in": sum(receipt.bytes_in for receipt in receipts),
        "bytes_kept": sum(receipt.bytes_kept for receipt in receipts),
        "seconds": sum(receipt.seconds for receipt in receipts),
        "joules": sum(joules) if joules else None,
        "metrics": metrics,
    }
