"""Values come through the sandbox's channel as they were, and nothing but plain values comes through."""

import ast
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.sandbox.values import MAX_DEPTH, NotPlain, decode, encode, literal

text = st.text(st.characters(exclude_categories=()))  # lone surrogates too
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**30)
    | st.floats(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
    | text
    | st.binary()
)
keys = st.recursive(scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner), max_leaves=4)
plain = st.recursive(
    keys | st.builds(range, st.integers(-(10**20), 10**20)),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner) | st.sets(keys) | st.tuples(inner, inner),
    max_leaves=20,
)


def through_the_channel(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value)).encode()))


def shape(value: Any) -> Any:
    """Equality that tells 1 from True and from 1.0, at any depth."""
    if isinstance(value, list | tuple):
        return type(value), [shape(item) for item in value]
    if isinstance(value, dict):
        return dict, [(shape(key), shape(item)) for key, item in value.items()]
    return type(value), value


@given(plain)
def test_a_plain_value_arrives_as_it_was_sent(value: Any) -> None:
    assert shape(through_the_channel(value)) == shape(value)


@given(st.recursive(scalars, lambda inner: st.lists(inner) | st.sets(keys) | st.tuples(inner), max_leaves=10))
def test_a_literal_reads_back_as_the_value(value: Any) -> None:
    source = literal(value)
    if "frozenset" not in source and "j" not in source:
        assert ast.literal_eval(source) == value


def test_equal_sets_have_one_literal() -> None:
    numbers = [f"name {n}" for n in range(100)]
    forwards, backwards = set(numbers), set[str]()
    for name in reversed(numbers):
        backwards.add(name)
    assert literal(forwards) == literal(backwards)


def test_infinities_have_a_literal_and_nan_is_a_call() -> None:
    assert ast.literal_eval(literal([float("inf"), -float("inf")])) == [float("inf"), -float("inf")]
    assert literal(float("nan")) == "float('nan')"


def test_an_integer_too_long_to_print_has_a_literal() -> None:
    assert ast.literal_eval(literal(10**6000)) == 10**6000


def test_a_value_at_the_depth_limit_travels_and_one_beyond_does_not() -> None:
    value: list[Any] = []
    for _ in range(MAX_DEPTH - 1):
        value = [value]
    assert through_the_channel(value) == value
    with pytest.raises(NotPlain):
        encode([value])


@pytest.mark.parametrize("value", [object(), len, Exception(), iter([]), type("S", (str,), {})("x"), memoryview(b"x")])
def test_what_is_not_plain_does_not_travel(value: Any) -> None:
    with pytest.raises(NotPlain):
        encode([value])


json_data = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from("ltsfdiubcroTM"),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_data)
def test_whatever_a_sample_sends_becomes_plain_or_is_refused(data: Any) -> None:
    try:
        value = decode(data)
    except NotPlain:
        return
    assert shape(through_the_channel(value))[0] is type(value)
