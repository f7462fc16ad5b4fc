"""Which solutions are believed, by programs that really run in the sandbox."""

from collections.abc import Sequence
from typing import Any

import pytest

from curate.sandbox.programs import CallOutcome, call_many
from curate.synth.exercise.agreement import Agreed, agree, changes_its_parameters, gave
from curate.synth.teacher.answers import Program, Stub, read_stub

INPUTS = [(n,) for n in (0, 1, 2, 5, -3, 10, 7)]


def decide(
    *bodies: str, returns: str = "int", inputs: Sequence[tuple[Any, ...]] = INPUTS, asked: int = 4, share: float = 0.75
) -> Agreed | str:
    stub = read_stub(f'def f(n: int) -> {returns}:\n    """Return a number made of n."""')
    assert isinstance(stub, Stub)
    programs = [Program("", f"    {body}") for body in bodies]
    outcomes = list(call_many([(program.source(stub), "f", inputs) for program in programs], workers=1))
    return agree(stub, programs, outcomes, inputs, asked=asked, share=share)


def test_the_majority_on_every_input_is_believed() -> None:
    found = decide("return n * n", "return n ** 2", "return n + n", "return n * n")
    assert isinstance(found, Agreed)
    assert [program.body.strip() for program in found.programs] == ["return n * n", "return n ** 2", "return n * n"]
    assert [(case.arguments, case.value) for case in found.cases][:5] == [
        ("0", "0"),
        ("1", "1"),
        ("2", "4"),
        ("5", "25"),
        ("-3", "9"),
    ]


def test_one_differing_input_parts_two_solutions() -> None:
    assert decide("return abs(n) + 1", "return n + 1", "return abs(n) + 1", "return n + 1") == "no majority"


def test_solutions_without_code_agree_with_nobody() -> None:
    assert decide("return n + 1", "return n + 1") == "no majority"
    assert isinstance(decide("return n + 1", "return n + 1", share=0.5), Agreed)


@pytest.mark.parametrize(
    ("body", "returns", "reason"),
    [
        ("return n * 0", "int", "constant output"),
        ("return n", "int", "identity output"),
        ("return str(n)", "int", "wrong return type"),
        ("return [n, str(n)]", "list[int]", "wrong return type"),
        ("return n // (n - n)", "int", "raised"),
        ("return lambda: n", "int", "did not end well"),
        ("return len([1, 2, 3])", "int", "ignores a parameter"),
    ],
)
def test_agreement_on_something_useless_is_rejected(body: str, returns: str, reason: str) -> None:
    assert decide(*[body] * 4, returns=returns) == reason


def test_nothing_to_run_is_said() -> None:
    assert decide() == "no solution parses"


def test_an_input_on_which_all_raise_is_left_out() -> None:
    found = decide(*["return 10 // n"] * 4)
    assert isinstance(found, Agreed)
    assert "0" not in [case.arguments for case in found.cases]


@pytest.mark.parametrize("returns", ["float", "Optional[int]", "int | str", "Any", "object"])
def test_wider_annotations_allow_a_whole_number(returns: str) -> None:
    assert isinstance(decide(*["return n + 1"] * 4, returns=returns), Agreed)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("{'a': 1, 'b': 2}", "{'b': 2, 'a': 1}", True),
        ("0.3", "0.30000000000000004", True),
        ("[{1: 0.3}, (2.5,)]", "[{1: 0.30000000000000004}, (2.5,)]", True),
        ("1", "1.0", False),
        ("[1, 2]", "[2, 1]", False),
        ("(1.5,)", "[1.5]", False),
        ("'{a: 1.0}'", "'{a: 1.00}'", False),
    ],
)
def test_results_are_compared_as_python_compares_them_and_floats_to_nine_digits(
    one: str, other: str, same: bool
) -> None:
    first, second = ([CallOutcome("value", text, "", "")] for text in (one, other))
    assert (gave(first) == gave(second)) == same


def test_examples_come_from_the_solution_that_is_shown() -> None:
    found = decide(
        "result = {'b': n, 'a': 2}; return result", "return {'a': 2, 'b': n}", "return {'a': 2, 'b': n + 0}",
        returns="dict[str, int]",
    )  # fmt: skip
    assert isinstance(found, Agreed)
    assert len(found.programs) == 3
    assert found.cases[0].value == "{'a': 2, 'b': 0}"


@pytest.mark.parametrize(
    ("body", "changes"),
    [
        ("    a.update(b)\n    return a", True),
        ("    a['x'] = 1\n    return a", True),
        ("    del a['x']\n    return a", True),
        ("    a = {**a}\n    a.update(b)\n    return a", False),
        ("    c = dict(a)\n    c.update(b)\n    c['x'] = 1\n    return c", False),
        ("    return sorted(a.items())", False),
    ],
)
def test_code_that_changes_what_it_was_given_is_known(body: str, changes: bool) -> None:
    stub = read_stub(
        'def f(a: dict[str, int], b: dict[str, int]) -> dict[str, int]:\n    """Join both of them now."""\n'
    )
    assert isinstance(stub, Stub)
    assert changes_its_parameters(stub, Program("", body)) is changes
