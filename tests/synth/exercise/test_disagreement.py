"""What went wrong with a rejected exercise is told by the calls that show it."""

from curate.sandbox.programs import CallOutcome
from curate.synth.exercise.disagreement import explain


def gave(*values: str) -> list[CallOutcome]:
    """Build outcomes: a name with a capital is an exception, `timeout` a verdict, all else a value."""
    status = {"timeout": "timeout"}
    return [CallOutcome(status.get(v, "raised" if v[0].isupper() else "value"), v, "", "") for v in values]


def test_the_calls_on_which_solutions_differ_are_shown_with_who_gave_what() -> None:
    told = explain("add", [(1, 2), (0, 0), ("a", "b"), (5, 5)], [
        gave("3", "0", "TypeError", "10"), gave("3", "0", "'ab'", "10"), gave("-1", "0", "timeout", "10"),
    ])  # fmt: skip
    assert told.splitlines() == [
        "add(1, 2): 3 by 2 solutions; -1 by 1",
        "add(0, 0): 0 by 3 solutions",
        "add('a', 'b'): 'ab' by 1; ended with timeout by 1; raised TypeError by 1",
    ]


def test_calls_that_raised_come_before_those_that_all_answer_alike() -> None:
    inputs = [(n,) for n in range(10)]
    told = explain("f", inputs, [gave(*["1"] * 9, "ZeroDivisionError")] * 2)
    assert "f(9): raised ZeroDivisionError by 2 solutions" in told


def test_long_values_are_cut_and_no_solutions_tell_nothing() -> None:
    assert len(explain("f", [("x" * 5_000_000,)], [gave("'" + "y" * 5_000_000 + "'")])) < 200
    assert explain("f", [(1,)], []) == ""
