"""A signature says what its function takes and gives, read off what it was given and gave."""

import ast

import pytest

from curate.synth.exercise.signature import spelled_out, type_of, with_result
from curate.synth.teacher.answers import Stub, read_function


def stub(header: str) -> Stub:
    read = read_function(f"{header}\n    return 1\n")
    assert not isinstance(read, str)
    return read[0]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("def f(x: list) -> int:", "def f(x: list[int]) -> int:"),
        ("def f(words: list, n: int = 3) -> int:", "def f(words: list[str], n: int=3) -> int:"),
        ("def f(d: dict, t: tuple) -> int:", "def f(d: dict[str, int], t: tuple[int, int]) -> int:"),
        ("def f(rows: list[dict]) -> list:", "def f(rows: list[dict[str, int]]) -> list:"),
        ("def f(numbers, word) -> int:", "def f(numbers: list[int], word: str) -> int:"),
        ("def f(x: List[Dict]):", "def f(x: List[dict[str, int]]):"),
    ],
)
def test_parameters_say_what_they_take(header: str, expected: str) -> None:
    made = spelled_out(stub(header))
    assert made.header == expected
    assert ast.parse(f"{made.header} ...")


@pytest.mark.parametrize(
    "header", ["def f(x: list[int]) -> int:", "def f(frobs) -> int:", "def f(x: set[str], k: bool = True) -> int:"]
)
def test_what_is_told_or_cannot_be_known_stays_as_it_is(header: str) -> None:
    assert spelled_out(stub(header)).header == header


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 2, 0], "int"),
        ([1, 2.5], "float"),
        ([True, False], "bool"),
        ([True, 1], None),
        (["a", None], "str | None"),
        ([None, None], None),
        ([[], ["a"]], "list[str]"),
        ([[], []], None),
        ([{"a": [1]}, {}], "dict[str, list[int]]"),
        ([(1, "a"), (2, "b")], "tuple[int, str]"),
        ([(1,), (1, 2), ()], "tuple[int, ...]"),
        ([(1, []), (2, [])], None),
        ([{1}, {2.5}], "set[float]"),
        ([..., 1], None),
    ],
)
def test_a_result_has_the_type_of_its_values(values: list[object], expected: str | None) -> None:
    assert type_of(values) == expected


def test_a_result_that_is_declared_otherwise_is_declared_anew() -> None:
    assert with_result(stub("def f(x: int) -> list:"), [[1], []]).header == "def f(x: int) -> list[int]:"
    assert with_result(stub("def f(x: int):"), ["a"]).header == "def f(x: int) -> str:"
    assert with_result(stub("def f(x: int) -> list:"), [1, "a"]).header == "def f(x: int) -> list:"
