"""What a description says is tried, and held against what the function gives."""

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.sandbox.programs import CallOutcome
from curate.synth.exercise.clauses import CONDITIONS, Shown, named_values, stated, untrue
from curate.synth.exercise.probes import probes, standard
from curate.synth.teacher.answers import Stub, read_stub


def shown(function: Any, *inputs: Any) -> list[Shown]:
    """Call a function as the sandbox would."""
    found = []
    for value in inputs:
        try:
            result = function(value)
            outcome = CallOutcome("value", repr(result), type(result).__name__, "")
        except ValueError as error:
            outcome = CallOutcome("raised", type(error).__name__, "", "")
        found.append(Shown((value,), outcome))
    return found


@pytest.mark.parametrize(
    ("prose", "found"),
    [
        ("Return the sum. If the list is empty, return 0.", [(0, "empty")]),
        ("Return -1 for negative numbers.", [(-1, "negative")]),
        ("Returns True if the text is a name, otherwise returns False.", [(True, ""), (False, "")]),
        ("Returns an empty list when it is empty.", [([], "empty")]),
        ("Return the 3 largest numbers. It returns 2 values.", []),
        ("If the list is empty or has one element, return None.", [(None, "")]),
    ],
)
def test_results_are_read_with_their_condition(prose: str, found: list[Any]) -> None:
    assert list(stated(prose)) == found


@pytest.mark.parametrize(
    ("prose", "function", "code", "reason"),
    [
        ("Return the sum. If the list is empty, return 0.", sum, "sum(x)", None),
        ("Return the sum. If the list is empty, return -1.", lambda x: sum(x) or -1, "", None),
        ("Return the sum. If the list is empty, return 5.", sum, "", "a stated result never came"),
        ("Return the sum. If the list is empty, return 3.", sum, "", "another result than stated for empty input"),
        ("Return the sum. Raises ValueError without numbers.", sum, "", "a stated error never came"),
        ("Return the largest. Raises ValueError without numbers.", max, "max(x)", None),
        ("Return the largest.", lambda x: max(x[1:]), "", "raises where its text is silent"),
        ("Return it, ignoring case.", len, "len(x)", "states what its code has no means for"),
        ("Return it, ignoring case.", len, "len(x.lower())", None),
        ("Return the length recursively.", len, "len(x)", "states what its code has no means for"),
    ],
)
def test_statements_are_held_against_results_and_code(prose: str, function: Any, code: str, reason: str | None) -> None:
    assert untrue(prose, code, "f", shown(function, [], [1, 2], [3], [4, 4], [1])) == reason


def test_named_values_and_edges_come_among_the_first_inputs() -> None:
    stub = read_stub('def f(text: str, n: int) -> str:\n    """Put "??" behind every comma, at most 37 times."""')
    assert isinstance(stub, Stub)
    assert {"??", ",", 37} <= set(named_values(stub.prose))
    rows = probes(stub, 20, 3) or []
    assert len(rows) == 20 and ("", 0) in rows
    assert any("??" in text for text, _ in rows) and any("," in text for text, _ in rows)
    assert {37, 0, 1, -1} <= {n for _, n in rows}


@pytest.mark.parametrize("kind", ["str | float", "float | None", "list[str | float]", "list[list[float | str]]", "Any"])
@pytest.mark.parametrize("seed", range(8))
def test_a_named_text_never_stands_for_a_number(kind: str, seed: int) -> None:
    stub = read_stub(f'def f(value: {kind}, unit: str) -> str:\n    """Write the value with an "E" and 12 digits."""')
    assert isinstance(stub, Stub)
    assert all(isinstance(unit, str) for _, unit in probes(stub, 20, seed) or [])


@pytest.mark.parametrize("kind", ["Union[str, int, float, bool, list, dict, set]", "float | dict[str, int]"])
@pytest.mark.parametrize("seed", range(8))
def test_a_dictionary_among_several_types_has_edges_of_its_own(kind: str, seed: int) -> None:
    stub = read_stub(f'def f(value: {kind}, unit: str) -> str:\n    """Write the value with a unit behind it."""')
    assert isinstance(stub, Stub)
    assert probes(stub, 20, seed)


def test_standard_rows_depend_on_types_alone() -> None:
    one, two = (
        read_stub(f'def {name}({parameter}: {kind}) -> int:\n    """Return something of the values."""')
        for name, parameter, kind in (("f", "years", "list[int]"), ("g", "words", "List[int]"))
    )
    assert isinstance(one, Stub) and isinstance(two, Stub)
    assert standard(one) == standard(two)
    assert len(standard(one)[1]) == 12


def test_any_literal_in_prose_can_be_read() -> None:
    assert named_values("of -5.5 7up 1e9 \ud800 `a`") == ["a", -5.5]
    assert ast.literal_eval(repr(named_values("`x` and 'y'"))) == ["x", "y"]


WORDS = (
    *(
        "returns",
        "return",
        "gives",
        "the result is",
        "an empty",
        "list",
        "string",
        "if",
        "when",
        "otherwise",
        "is empty",
    ),
    *(
        "None",
        "0",
        "-1.5",
        '"no empty seat"',
        "'x'",
        '"',
        "`",
        "[]",
        ".",
        ",",
        "raises a ValueError",
        "negative",
        "\\",
        "\n",
    ),
)


@given(st.lists(st.one_of(st.sampled_from(WORDS), st.text(max_size=6)), max_size=14))
def test_no_prose_of_a_teacher_is_too_odd_to_be_checked(words: list[str]) -> None:
    prose = " ".join(words)
    assert all(condition in ("", *CONDITIONS) for _, condition in stated(prose))
    for checked in (untrue(prose, "def f(x):\n    return x", "f", []), untrue(prose, "", "f", shown(len, "", "ab"))):
        assert checked is None or isinstance(checked, str)
    named_values(prose)
