"""Inputs fit their annotations, and are the same each time."""

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.synth.code.inputs import argument_rows
from curate.synth.exercise.agreement import fits
from curate.synth.exercise.probes import probes
from curate.synth.teacher.answers import read_function


def parameters(signature: str) -> ast.arguments:
    function = ast.parse(f"def f({signature}): pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    return function.args


SIMPLE = st.sampled_from(["int", "float", "str", "bool", "None"])
TYPES = st.recursive(
    SIMPLE,
    lambda inner: st.one_of(
        inner.map("list[{}]".format),
        inner.map("Optional[{}]".format),
        inner.map("tuple[{}, ...]".format),
        st.tuples(inner, inner).map(lambda pair: f"tuple[{pair[0]}, {pair[1]}]"),
        st.tuples(SIMPLE, inner).map(lambda pair: f"dict[{pair[0]}, {pair[1]}]"),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]} | {pair[1]}"),
    ),
    max_leaves=4,
)


UNHASHABLE = ("x: set[set[int]]", "x: dict[list[int], int]", "x: set[tuple[list[str], ...]]", "x: list[set[list[int]]]")
HASHABLE = ("set[tuple[int, ...]]", "dict[tuple[int, str], int]", "set[frozenset[int]]", "set[int | None]")


@pytest.mark.parametrize("annotation", HASHABLE)
def test_what_can_be_a_key_is_drawn(annotation: str) -> None:
    assert argument_rows(parameters(f"x: {annotation}"), 8, 1)


@given(TYPES, st.integers(0, 2**62))
def test_inputs_fit_any_annotation_made_of_plain_types(annotation: str, seed: int) -> None:
    rows = argument_rows(parameters(f"x: {annotation}"), 8, seed)
    expression = ast.parse(annotation, mode="eval").body
    assert rows
    assert all(fits(expression, value) for (value,) in rows)
    assert rows == argument_rows(parameters(f"x: {annotation}"), 8, seed)


def test_rows_differ_from_each_other_and_between_seeds() -> None:
    rows = argument_rows(parameters("a: int, words: list[str]"), 14, 1)
    assert rows and len({repr(row) for row in rows}) == 14
    assert rows != argument_rows(parameters("a: int, words: list[str]"), 14, 2)


@pytest.mark.parametrize(
    ("signature", "kind"),
    [("numbers", list), ("text", str), ("n", int), ("input_list", list), ("matrix", list), ("d", dict)],
)
def test_without_annotations_the_name_tells_the_kind(signature: str, kind: type[Any]) -> None:
    rows = argument_rows(parameters(signature), 8, 3)
    assert rows and {type(value) for (value,) in rows} == {kind}


def test_edge_cases_come_up() -> None:
    rows = argument_rows(parameters("items: List[int]"), 14, 5)
    assert rows and ([],) in rows
    assert any(len(items) != len(set(items)) for (items,) in rows)


@pytest.mark.parametrize(
    "signature", ["x: Path", "callback: Callable", "mystery", "*, key", "", "x: list[Node]", *UNHASHABLE]
)
def test_parameters_of_no_known_kind_get_no_inputs(signature: str) -> None:
    assert argument_rows(parameters(signature), 8, 1) is None


def test_defaults_are_left_to_the_function() -> None:
    rows = argument_rows(parameters("text: str, sep: str = ','"), 6, 1)
    assert rows and {len(row) for row in rows} == {1}


def test_arguments_that_belong_together_are_tried_together() -> None:
    def rows(header: str) -> list[tuple[object, ...]]:
        stub = read_function(f"{header}\n    return 1\n")
        assert not isinstance(stub, str)
        found = probes(stub[0], 30, 7)
        assert found
        return found

    found = rows("def f(stock: dict[str, int], name: str) -> int:")
    assert any(name in stock for stock, name in found)
    assert any(name.swapcase() in stock and name not in stock for stock, name in found), "in other capitals"
    found = rows("def f(a: dict[str, int], b: dict[str, int]) -> int:")
    assert any(a == b and a for a, b in found)
    assert any(a != b and sorted(a.values()) == sorted(b.values()) and a.keys() == b.keys() for a, b in found)
    found = rows("def f(xs: list[int], ys: list[int]) -> int:")
    assert any(xs != ys and xs == ys[::-1] for xs, ys in found)
    assert any(xs != ys and set(xs) & set(ys) for xs, ys in found)
    found = rows("def f(prices: dict[str, float]) -> str:")
    assert any(len(prices) > 1 and len(set(prices.values())) == 1 for (prices,) in found), "ties"
