"""The oracle of the plus sets: what a task's function must give for each of its inputs (EvalPlus, Liu et al. 2023).

In: tasks with `inputs`. Out: the same tasks with a `test` over the base inputs, or over base and plus inputs. What is
expected is what the reference solution returns on this machine, computed once in the sandbox and kept on disk. The test
holds inputs and values as data and the text of `eval/judging/compare.py`; it runs in the judge, where no sample can
reach it.

JSON has no tuples, so the types of MBPP+'s inputs are read off the asserts that its base inputs come from: what stands
there as a tuple is one at the same place of the other inputs too. An input on which the reference itself raises, or
whose value cannot travel, is left out.
"""

import ast
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from curate.benchmarks.catalogue import Inputs, Task
from curate.errors import UserError
from curate.eval.judging import cache, compare
from curate.sandbox.programs import CallOutcome, Limits, call_many
from curate.sandbox.values import encode

LIMITS = Limits(cpu_s=120, memory_mb=4096)
"""What a reference solution may use for all its inputs together."""
SETS = {"similar_elements", "find_char_long", "common_in_nested_lists", "extract_singly", "larg_nnum"}
SETS |= {"intersection_array", "find_dissimilar", "Diff"}
"""MBPP's 2, 7, 111, 140, 232, 249, 579, 769: the order of the answer is not asked for."""
RULES = dict.fromkeys(SETS, "same_set") | {
    "check_str": "found_or_not",
    "text_match_three": "found_or_not",
    "text_starta_endb": "found_or_not",
    "are_equivalent": "anything",
    "sum_div": "zero_too",
    "surface_Area": "pyramid_of_upright_height",
    "digit_distance_nums": "padded_digits",
    "find_zero": "root",
}
"""Entry point -> the rule of `eval/judging/compare.py` that its answers are judged by. As EvalPlus 0.3.1 has them, but
for HumanEval/32 (`find_zero`): that release swaps the arguments of the polynomial there, so that no solution passes."""
LARGE = {f"HumanEval/{number}" for number in (14, 15, 83, 100, 130, 139)} | {"Mbpp/88", "Mbpp/255", "Mbpp/630"}
"""Tasks with up to 150 MB of values: the judge asks the reference instead. As the published `OriginFmt` files."""
LEFT_OUT = {"Mbpp/255": {88, 103}, "HumanEval/32": {277, 285, 716, 794}}
"""Inputs, by place: 2 of 112 whose value alone is over the 64 MB that a sample may return, and 4 of 888 for which the
reference's search for a root ends by the luck of its rounding, and from Python 3.12 on does not."""
TUPLES = {"Mbpp/98": 0, "Mbpp/104": 0, "Mbpp/140": 0, "Mbpp/145": 0, "Mbpp/596": 1, "Mbpp/580": 99, "Mbpp/791": 99}
"""Tasks whose asserts show other types than EvalPlus gives: how many levels of an argument's lists are tuples there."""
NUMBERS: dict[str, tuple[Callable[[Any], Any], ...]] = {"Mbpp/124": (float, complex), "Mbpp/252": (complex,)}
"""Tasks with numbers that JSON cannot hold: the types of their arguments."""

Values = list[Any]
"""For each input the expected value as tagged JSON in a list of one, or None where there is none."""


def with_tests(tasks: Sequence[Task], *, plus: bool, allow_weak: bool = False) -> list[Task]:
    """Return the tasks with a test over their base inputs, or base and plus inputs; others as they are."""
    values = _expected([task for task in tasks if task.inputs and task.task_id not in LARGE], allow_weak)
    return [
        replace(task, test=_test(task, task.inputs, values.get(task.task_id, []), plus)) if task.inputs else task
        for task in tasks
    ]


def _test(task: Task, inputs: Inputs, values: Values, plus: bool) -> str:
    arguments = [encode(tuple(each)) for each in typed_inputs(task)][: None if plus else len(inputs.base)]
    if task.task_id in LARGE:
        values = [[None]] * len(arguments)
    left_out = LEFT_OUT.get(task.task_id, set())
    answered = enumerate(zip(arguments, values, strict=False))
    known = [(each, value[0]) for place, (each, value) in answered if value and place not in left_out]
    if not known:
        raise UserError(
            f"{task.task_id}: the reference solution answers none of the inputs; replace the benchmark's file"
        )
    reference = _program(task) if task.task_id in LARGE else ""
    named = f"{RULES.get(task.entry_point, '')!r}, {inputs.tolerance!r}, {reference!r}, {task.entry_point!r}"
    return (
        f"{inspect.getsource(compare)}\nimport json\nCASES = json.loads({json.dumps(known)!r})\n"
        f"def check(candidate):\n    check_cases(candidate, CASES, {named})\n"
    )


def _expected(tasks: Sequence[Task], allow_weak: bool) -> dict[str, Values]:
    """Return task id -> expected values of base and plus inputs, from the cache or by running the references."""
    places = {
        task.task_id: cache.place("values", _program(task), repr(task.inputs), sys.version_info[:2]) for task in tasks
    }
    found = {task_id: cache.recall(path) for task_id, path in places.items()}
    missing = [task for task in tasks if found[task.task_id] is None]
    programs = ((_program(task), task.entry_point, [tuple(each) for each in typed_inputs(task)]) for task in missing)
    for task, outcomes in zip(missing, call_many(programs, LIMITS, allow_weak=allow_weak), strict=True):
        found[task.task_id] = [_value(task, outcome) for outcome in outcomes]
        if not any(outcome.status in ("timeout", "infra") for outcome in outcomes):  # a bad moment is not kept
            cache.keep(places[task.task_id], found[task.task_id])
    return found


def _program(task: Task) -> str:
    return f"{task.prompt}{task.solution}"


def _value(task: Task, outcome: CallOutcome) -> list[Any] | None:
    if RULES.get(task.entry_point) == "found_or_not" and outcome.status in ("value", "error"):
        return [outcome.type != "NoneType"]  # a match object cannot travel, and need not
    if outcome.status != "value":
        return None
    try:
        return [encode(ast.literal_eval(outcome.value))]
    except ValueError:  # nan, which nothing equals, and types that no reference here returns
        return None


def typed_inputs(task: Task) -> list[list[Any]]:
    """Return base and plus inputs, with tuples, sets and complex numbers where the task's asserts have them."""
    if task.inputs is None:
        return []
    examples = list(_examples(task))
    every = [*task.inputs.base, *task.inputs.plus]
    if kinds := NUMBERS.get(task.task_id):
        return [[kind(value) for kind, value in zip(kinds, values, strict=True)] for values in every]
    if (depth := TUPLES.get(task.task_id)) is not None:
        return [[_tuples(value, depth) for value in values] for values in every]
    return [
        [_typed(value, [each[place] for each in examples if place < len(each)]) for place, value in enumerate(values)]
        for values in every
    ]


def _examples(task: Task) -> Iterator[list[Any]]:
    """Yield the arguments that the asserts call the function with, where they are literals."""
    for test in task.tests:
        for node in ast.walk(ast.parse(test)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == task.entry_point:
                try:
                    yield [ast.literal_eval(argument) for argument in node.args]
                except ValueError:
                    continue


def _typed(value: Any, examples: list[Any]) -> Any:
    """Return a value from JSON as the type that the examples have at its place."""
    if isinstance(value, list):
        alike = [example for example in examples if isinstance(example, list | tuple | set)]
        kinds = {type(example) for example in alike}
        inner = [item for example in alike for item in example]
        return (kinds.pop() if len(kinds) == 1 else list)(_typed(item, inner) for item in value)
    if isinstance(value, dict):
        inner = [item for example in examples if isinstance(example, dict) for item in example.values()]
        return {key: _typed(item, inner) for key, item in value.items()}
    return value


def _tuples(value: Any, depth: int) -> Any:
    if not depth or not isinstance(value, list):
        return value
    return tuple(_tuples(item, depth - 1) for item in value)
