"""What the plus sets accept as right, and that it does not depend on the version of Python."""

import math
from fractions import Fraction

import pytest

from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import Inputs, Task
from curate.errors import UserError
from curate.eval.judging.compare import is_root
from curate.eval.judging.oracle import with_tests
from curate.sandbox.programs import Limits, Trial, judge

STEEP = [-5e13, *[0.0] * 10, 1.0]
"""x**11 - 5e13: at its root two neighbouring floats differ by 0.1 in value."""
CLOSEST = 5e13 ** (1 / 11)
SEARCH = """
def find_zero(xs):
    low, high = 0.0, 100.0
    while low < (middle := (low + high) / 2) < high:
        if sum(x * middle**power for power, x in enumerate(xs)) < 0:
            low = middle
        else:
            high = middle
    return {answer}
"""


def exact(x: float) -> Fraction:
    return sum(Fraction(coefficient) * Fraction(x) ** power for power, coefficient in enumerate(STEEP))  # type: ignore


def test_the_float_next_to_a_steep_root_is_one_though_its_value_is_over_the_tolerance() -> None:
    around = [CLOSEST, math.nextafter(CLOSEST, 0), math.nextafter(CLOSEST, math.inf)]
    assert all(abs(exact(x)) > 1e-4 for x in around[1:])
    assert all(is_root(STEEP, x, 1e-4) for x in around)
    assert not any(is_root(STEEP, x, 1e-4) for x in (CLOSEST * (1 - 1e-12), CLOSEST * (1 + 1e-12)))


def test_a_root_may_be_off_by_the_tolerance_and_no_more() -> None:
    assert is_root([-2, 1], 2, 1e-4) and is_root([-2, 1], 2.00009, 1e-4) and is_root([1, 0, 1], 1j, 1e-4)
    assert not is_root([-2, 1], 2.00011, 1e-4) and not is_root([1, 0, 1], 1, 1e-4)


@pytest.mark.parametrize("x", [math.inf, -math.inf, math.nan])
def test_what_is_no_number_is_no_root(x: float) -> None:
    assert not is_root([1, 1], x, 1e-4) and not is_root(STEEP, x, 1e-4)


def test_any_solution_that_finds_a_steep_root_passes_and_one_that_stops_early_does_not() -> None:
    task = Task(
        "own/root", "own", "find_zero", "", solution=SEARCH.format(answer="low"), inputs=Inputs([[STEEP]], [], 1e-4)
    )
    (tested,) = with_tests([task], plus=True, allow_weak=True)
    answers = {"low": "pass", "high": "pass", "low + 1e-9": "wrong", "float('nan')": "wrong", "'no'": "wrong"}
    trials = [Trial(SEARCH.format(answer=answer), "find_zero", tested.test) for answer in answers]
    assert [judgement.verdict for judgement in judge(trials, allow_weak=True)] == list(answers.values())


def test_the_reference_of_humaneval_32_passes_its_plus_inputs_on_this_version_of_python() -> None:
    try:
        task = next(task for task in benchmarks.load("humaneval+") if task.task_id == "HumanEval/32")
    except UserError as problem:
        pytest.skip(str(problem))
    (tested,) = with_tests([task], plus=True, allow_weak=True)
    (judgement,) = judge(
        [Trial(f"{task.prompt}{task.solution}", "find_zero", tested.test)], Limits(cpu_s=60), allow_weak=True
    )
    assert judgement.verdict == "pass", judgement


def test_a_reference_that_was_starved_once_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = "def late(x):\n    for _ in range(x * 20_000_000):\n        pass\n    return x\n"
    task = Task("own/late", "own", "late", "", solution=slow, inputs=Inputs([[0]], [[1]], 0))
    with monkeypatch.context() as patch:
        patch.setattr("curate.eval.judging.oracle.LIMITS", Limits(cpu_s=0.05))
        (starved,) = with_tests([task], plus=True, allow_weak=True)
    (fed,) = with_tests([task], plus=True, allow_weak=True)
    wrong = "def late(x):\n    return 0\n"
    verdicts = [judge([Trial(wrong, "late", test.test)], allow_weak=True) for test in (starved, fed)]
    assert [next(verdict).verdict for verdict in verdicts] == ["pass", "wrong"]
