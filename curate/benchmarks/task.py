"""The Task: one problem of a benchmark in the one shape that all benchmarks are given.

In: a row of a file, of HumanEval's shape (`test`), of MBPP's (a list of asserts) or of a plus set's (inputs too). Out:
a Task, or a ValueError that says what is amiss with the row. A test that would pass any program is refused.

Two rows of MBPP (367 and 927) build objects from a class that the solution defines, so a Task's `setup` runs after the
solution and before the tests. Line ends are made `\\n`: MBPP's solutions come with `\\r\\n`.
"""

import ast
import builtins
import inspect
import keyword
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
_SPLIT = {"mbpp", "mbpp-sanitized"}
"""Benchmarks whose task numbers tell their split."""


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


def read_task(row: Row, benchmark: str) -> Task:
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
        if not any(entry_point in _names(test) for test in tests):
            raise ValueError(f"none of the tests calls {entry_point!r}")
        test = _imports(row) + _check(entry_point, tests)
    else:
        test = _text(row, "test") or ""
        if not test or not entry_point:
            raise ValueError("a task needs `entry_point` and `test`, or a list of `tests`")
        _must_check(test, entry_point)
        test = _helpers(prompt, test, entry_point) + test
    if not entry_point.isidentifier() or keyword.iskeyword(entry_point):
        raise ValueError(f"entry_point {entry_point!r} is not a name")
    text = words or _docstring(prompt, entry_point)
    split = _mbpp_split(int(row["task_id"])) if benchmark in _SPLIT else "test"
    return Task(task_id, benchmark, entry_point, test, prompt, text, solution, tests, setup, split, _inputs(row))


def _task_id(row: Row, benchmark: str) -> str:
    value = row.get("task_id")
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise ValueError(f"task_id {value!r} is neither a string nor a number")
    return f"Mbpp/{value}" if benchmark in _SPLIT else _encodable("task_id", str(value))


def _text(row: Row, *names: str) -> str | None:
    """Return the first of these fields that is there, with `\\n` line ends."""
    for name in names:
        value = row.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise ValueError(f"{name} is {type(value).__name__}, a string is needed")
            return _unix(_encodable(name, value))
    return None


def _encodable(name: str, text: str) -> str:
    """Return the text. A task with a lone surrogate in it would be judged as the fault of every sample."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"{name} holds a lone surrogate, {text[error.start]!r}") from error
    return text


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
    return tuple(_unix(_encodable("tests", test)) for test in tests)


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


def _names(source: str) -> set[str]:
    """Return the names that are read or called anywhere in it."""
    return {node.id for node in ast.walk(_parse(source)) if isinstance(node, ast.Name)}


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
    if _names(test).isdisjoint({checks[-1].args.args[0].arg, entry_point}):
        raise ValueError(f"`test` never calls {entry_point!r}")


def _helpers(prompt: str, test: str, entry_point: str) -> str:
    """Return the prompt's imports and functions, if the test calls one of those: HumanEval/32, 38 and 50.

    Left to the solution, it could bring a `poly` of its own that finds every zero right.
    """
    functions = _functions(prompt)
    if not _names(test) & functions.keys() - {entry_point}:
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
