"""What stands of a stage on disk: its receipts, checked against the files that they name.

In: a stage's directory. Out: the receipts whose shards are as they were written, and for each other one what is wrong
with it; the same for the files of a plan. Presence, sizes and numbers of rows are compared at once; that the bytes are
the same (sha256) only where it is asked for, as every file is then read. Not covered: what a job leaves beside its
receipt (a model, scores).
"""

import hashlib
import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from curate.errors import UserError
from curate.files.shards import count_rows, list_shards
from curate.records.receipts import Receipt, parse_receipt, receipt_files, receipt_of

SKETCHES = "sketches"
HALVES = ("kept", "dropped")


@dataclass(frozen=True)
class Standing:
    """The shards of a stage that have a receipt."""

    receipts: list[Receipt]
    """Of those that are whole, in shard order."""
    damaged: dict[str, str]
    """Shard -> what is wrong with its receipt or with a file that it names."""

    def told(self) -> str:
        """Say how many are damaged, and how the first is."""
        shard, why = next(iter(self.damaged.items()))
        return f"{len(self.damaged)} of {len(self.damaged) + len(self.receipts)} shards ({shard}: {why})"


def standing(directory: Path, *, verify: bool = False) -> Standing:
    """Check a stage's receipts against its files; with `verify` every byte."""
    receipts: list[Receipt] = []
    damaged: dict[str, str] = {}
    for path in receipt_files(directory):
        try:
            receipt = parse_receipt(path)
        except UserError as error:
            damaged[path.stem] = str(error)
            continue
        why = next((why for half in HALVES if (why := _damage(directory, receipt, half, verify=verify))), None)
        why = why or _fallen_base(directory, receipt, verify=verify)
        if why is None:
            receipts.append(receipt)
        else:
            damaged[path.stem] = why
    return Standing(receipts, damaged)


def _damage(directory: Path, receipt: Receipt, half: str, *, verify: bool) -> str | None:
    """Return what is wrong with one of a receipt's two files, if anything."""
    digest, size, rows = (getattr(receipt, name) for name in (f"{half}_sha256", f"{half}_size", f"rows_{half}"))
    path = directory / half / f"{receipt.shard}.parquet"
    why = None
    try:
        if not digest:  # a job has no rows
            pass
        elif size and (found := path.stat().st_size) != size:
            why = f"has {found:,} bytes instead of {size:,}"
        elif (counted := count_rows(path)) != rows:
            why = f"has {counted:,} rows instead of {rows:,}"
        elif verify and sha256(path) != digest:
            why = "has other bytes than its receipt says"
    except FileNotFoundError:
        why = "is missing"
    except (pa.ArrowInvalid, OSError) as error:
        why = f"cannot be read: {' '.join(str(error).split())[:100]}"
    return why and f"{half}/{path.name} {why}"


def _fallen_base(directory: Path, receipt: Receipt, *, verify: bool) -> str | None:
    """Return what is wrong with the shard that has the text of a receipt's rows, if anything."""
    if not receipt.base:
        return None
    path = directory / receipt.base
    named = f"{path.parent.parent.name}/kept/{path.name}, which has its text,"
    below = receipt_of(path)
    if below is None:
        return f"{named} has no receipt"
    if below.kept_sha256 != receipt.base_sha256:
        return f"{named} is another than it was"
    try:
        if path.stat().st_size != below.kept_size or (verify and sha256(path) != receipt.base_sha256):
            return f"{named} has other bytes than its receipt says"
    except OSError:
        return f"{named} is missing"
    return None


def discard(directory: Path, shards: Collection[str]) -> None:
    """Remove the receipts of damaged shards, so that they are made again."""
    for shard in shards:
        (directory / "done" / f"{shard}.json").unlink(missing_ok=True)


def refuse_strangers(directory: Path, receipts: Collection[Receipt]) -> None:
    """Raise UserError for a kept shard without a receipt: what reads the stage would read it too."""
    known = {receipt.shard for receipt in receipts}
    for path in list_shards(directory / "kept"):
        if path.stem not in known:
            raise UserError(f"{path} is none of the stage's shards: it has no receipt; move it out of there")


def plan_files(plan: Path) -> dict[str, list[Any]]:
    """Return (size, sha256) of each file of a plan, but for its sketches and its own record."""
    files = (path for path in sorted(plan.rglob("*")) if path.is_file())
    names = {path.relative_to(plan).as_posix(): path for path in files}
    return {
        name: [path.stat().st_size, sha256(path)]
        for name, path in names.items()
        if name != "done.json" and not name.startswith(f"{SKETCHES}/")
    }


def finished_plan(plan: Path, *, verify: bool, tell: Callable[[str], None]) -> dict[str, Any] | None:
    """Return the record of a finished plan; None where there is none, or, as is told, it or a file of it is damaged."""
    record = plan / "done.json"
    if not record.exists():
        return None
    try:
        learnt = json.loads(record.read_text(encoding="utf-8"))
        figures = {name: learnt[name] for name in ("metrics", "seconds", "joules")}
        for name, (size, digest) in learnt.get("files", {}).items():
            path = plan / name
            if not path.is_file() or path.stat().st_size != size or (verify and sha256(path) != digest):
                tell(f"plan/{name} is not as it was written")
                return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        tell(f"plan/done.json cannot be read ({' '.join(repr(error).split())[:100]})")
        return None
    return figures


def is_readable(shard: Path) -> bool:
    """Tell whether a shard is there and no part of it is missing."""
    try:
        count_rows(shard)
    except (pa.ArrowInvalid, OSError):
        return False
    return True


def sha256(path: Path) -> str:
    """Return the digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
