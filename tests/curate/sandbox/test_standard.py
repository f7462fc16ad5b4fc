# ruff: noqa: E501 - a program stands in one line
"""Values of the standard library's types are judged as they are where test and program share a process, and no object
of a program's own comes along with them."""

import json
from array import array
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString, defaultdict, deque
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from ipaddress import ip_address, ip_network
from types import MappingProxyType
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.sandbox.programs import Limits, Trial, call_many, judge
from curate.sandbox.standard import _FORMS
from curate.sandbox.values import NotPlain, decode, encode

LIMITS = Limits(cpu_s=3, memory_mb=700)
EAST = timezone(timedelta(hours=2), "east")
VALUES: list[Any] = [
    Decimal("1.10"), Decimal("-Infinity"), Decimal("1E+7"), Fraction(-3, 4), date(2020, 2, 29), UTC, EAST,
    datetime(2020, 1, 2, 3, 4, 5, 6, fold=1), datetime(2020, 1, 2, tzinfo=EAST), time(1, 2, tzinfo=UTC),
    timedelta(days=-1, microseconds=3), UUID(int=5), OrderedDict([("b", 1), ("a", [Decimal(2)])]), Counter("aab"),
    defaultdict(list, {"a": [1]}), defaultdict(None, {1: 2}), deque([1, 2], 3), deque("ab"),
    ChainMap({"a": 1}, {"b": 2}), UserDict({"a": 1}), UserList([1, date(2020, 1, 1)]), UserString("text"),
    MappingProxyType({"a": 1}), {"a": 1}.keys(), {"a": [1]}.items(), bytearray(b"ab"), array("d", [1.5]),
    array("i"), slice(1, None, 2), ..., ip_address("::1"), ip_address("1.2.3.4"), ip_network("10.0.0.0/8"),
    [Decimal(1), {"a": date(2020, 1, 1)}], {Decimal(1): {UUID(int=1)}}, OrderedDict(a=1).keys(),
]  # fmt: skip


def through_the_channel(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value)).encode()))


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_a_value_arrives_as_it_was_sent(value: Any) -> None:
    arrived = through_the_channel(value)
    assert arrived == value
    assert type(arrived) is type(value) or isinstance(value, type(OrderedDict().keys()))
    assert str(arrived) == str(value) or isinstance(value, type(OrderedDict().keys()))


def test_what_equality_does_not_see_arrives_too() -> None:
    assert through_the_channel(Decimal("1.10")).as_tuple() == Decimal("1.10").as_tuple()
    assert str(through_the_channel(Decimal("sNaN"))) == "sNaN"
    assert list(through_the_channel(OrderedDict([("b", 1), ("a", 2)]))) == ["b", "a"]
    assert through_the_channel(deque([1], 3)).maxlen == 3
    assert through_the_channel(defaultdict(list, {}))["new"] == []
    assert through_the_channel(Counter())["new"] == 0
    assert through_the_channel(datetime(2020, 1, 1, fold=1)).fold == 1
    assert through_the_channel(UTC) is UTC
    assert list(through_the_channel({"a": [1], "b": 2}.values())) == [[1], 2]


wire = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["1/0", "NaN", "u"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.builds(lambda tag, parts: [tag, *parts], st.sampled_from("ltsfdiubcr"), st.lists(inner, max_size=4))
    ),
    max_leaves=8,
)


@given(st.sampled_from([form.name for form in _FORMS.values()]), st.lists(wire, max_size=9))
def test_whatever_a_sample_sends_becomes_such_a_value_or_is_refused(name: str, parts: list[Any]) -> None:
    try:
        value = decode(["x", name, *parts])
    except NotPlain:
        return
    allowed = {*_FORMS, type({}.values())}
    assert type(value) in allowed


@pytest.mark.parametrize(
    "data",
    [
        ["x"], ["x", "nothing"], ["x", ["l"]], ["x", "Fraction", 1, 0], ["x", "Fraction", "1/3", 1], ["x", "Fraction", 1, True],
        ["x", "Decimal", 1], ["x", "Decimal", "one"], ["x", "date", 0], ["x", "datetime", 1, 1, 1], ["x", "ChainMap", 3],
        ["x", "ChainMap", ["x", "ChainMap"]], ["x", "defaultdict", "eval"], ["x", "defaultdict", "list", 1],
        ["x", "UserString", ["l"]], ["x", "deque", -1], ["x", "array", "q", "a"], ["x", "array", "no"], ["x", "UUID", -1],
        ["x", "timezone", 1, "a"], ["x", "time", 1, 2, 3, 4, 0, "UTC"], ["x", "dict_keys", ["l"]], ["x", "UserDict", 1],
        ["x", "IPv4Address", 1], ["x", "slice"], ["x", "ellipsis", 1], ["x", "bytearray", 9],
    ],
    ids=json.dumps,
)  # fmt: skip
def test_parts_that_make_no_value_are_refused(data: list[Any]) -> None:
    with pytest.raises(NotPlain):
        decode(data)


def test_a_handle_is_no_part_of_a_number_or_a_time() -> None:
    class Handle(int):
        """What stands for an object of the sample."""

    for name in ("Fraction", "UUID", "timedelta", "date"):
        with pytest.raises(NotPlain):
            decode(["x", name, ["o", 1], 2], lambda tag: Handle())
    assert decode(["x", "UserList", ["o", 1]], lambda tag: 7) == [7]


RIGHT: Mapping[str, tuple[str, str, str]] = {
    "keys equal a set": ("math", "{'a': 1}.keys()", "f(1) == {'a'} and {'a'} == f(1) and f(1) & {'a'}"),
    "items equal a set": ("math", "{'a': 1}.items()", "f(1) == {('a', 1)} and ('a', 1) in f(1)"),
    "values are a list": ("math", "{'a': 1}.values()", "list(f(1)) == [1] and f(1) != [1]"),
    "keys of an ordered dict": ("collections", "collections.OrderedDict(a=1).keys()", "f(1) == {'a'}"),
    "Decimal": ("decimal", "decimal.Decimal('1.50')", "f(1) == 1.5 and str(f(1)) == '1.50' and f(1) + 1 > 2 and int(f(1)) == 1"),
    "Decimal in a list": ("decimal", "[decimal.Decimal(3)]", "f(1) == [3] and sum(f(1)) == 3"),
    "Fraction": ("fractions", "fractions.Fraction(1, 2)", "f(1) == 0.5 and round(f(1) * 5, 1) == 2.5"),
    "date": ("datetime", "datetime.date(2020, 1, 2)", "f(1) == datetime.date(2020, 1, 2) and f(1).year == 2020"),
    "datetime": ("datetime", "datetime.datetime(2020, 1, 2, 3)", "f(1) > datetime.datetime(2020, 1, 1)"),
    "timedelta": ("datetime", "datetime.timedelta(1)", "f(1).total_seconds() == 86400"),
    "UserList": ("collections", "collections.UserList([1])", "f(1) == [1] and f(1)[0] == 1"),
    "UserString": ("collections", "collections.UserString('a')", "f(1) == 'a' and f(1).upper() == 'A'"),
    "ChainMap": ("collections", "collections.ChainMap({'a': 1}, {'b': 2})", "f(1) == {'a': 1, 'b': 2} and f(1)['b'] == 2"),
    "MappingProxy": ("types", "types.MappingProxyType({'a': 1})", "f(1) == {'a': 1}"),
    "Counter": ("collections", "collections.Counter('aab')", "f(1) == {'a': 2, 'b': 1} and f(1).most_common(1) == [('a', 2)]"),
    "defaultdict": ("collections", "collections.defaultdict(int, a=1)", "f(1) == {'a': 1} and f(1)['b'] == 0"),
    "defaultdict of a lambda": ("collections", "collections.defaultdict(lambda: 3, a=1)", "f(1) == {'a': 1}"),
    "deque": ("collections", "collections.deque([1, 2])", "f(1) == collections.deque([1, 2]) and list(f(1)) == [1, 2]"),
    "bytearray": ("math", "bytearray(b'ab')", "f(1) == b'ab'"),
    "array": ("array", "array.array('i', [1])", "f(1) == array.array('i', [1])"),
    "UUID": ("uuid", "uuid.UUID(int=3)", "f(1) == uuid.UUID(int=3)"),
    "frozenset of a range": ("math", "frozenset(range(2))", "f(1) == {0, 1}"),
    "complex": ("math", "[1j, range(3), b'x']", "f(1) == [1j, range(3), b'x']"),
    "a subclass of Decimal": ("decimal", "type('D', (decimal.Decimal,), {})(3)", "f(1) == 3"),
    "a subclass of Counter": ("collections", "type('C', (collections.Counter,), {})('aa')", "f(1).most_common() == [('a', 2)]"),
    "a subclass of date": ("datetime", "type('D', (datetime.date,), {})(2020, 1, 1)", "f(1) == datetime.date(2020, 1, 1)"),
    "what it was given": ("decimal", "x", "f(decimal.Decimal(2)) == 2 and f({1: 2}.keys()) == {1}"),
    "what it was given, changed": (
        "collections", "x.append(3)", "(d := collections.deque([1])) and f(d) is None and d == collections.deque([1, 3])"
    ),
}  # fmt: skip
WRONG: Mapping[str, tuple[str, str, str]] = {
    "another Decimal": ("decimal", "decimal.Decimal('1.51')", "f(1) == 1.5"),
    "keys without one": ("math", "{'a': 1}.keys()", "f(1) == {'a', 'b'}"),
    "an ordered dict in another order": (
        "collections", "collections.OrderedDict([('b', 1), ('a', 2)])",
        "f(1) == collections.OrderedDict([('a', 2), ('b', 1)])",
    ),
    "a Decimal with an equality of its own": (
        "decimal", "type('D', (decimal.Decimal,), {'__eq__': lambda s, o: True, '__hash__': None})(3)", "f(1) == 4",
    ),
    "a UserList with an equality of its own": (
        "collections", "type('U', (collections.UserList,), {'__eq__': lambda s, o: True})([3])", "f(1) == [4]",
    ),
    "a UserString around an object": (
        "collections", "(u := collections.UserString('a'), setattr(u, 'data', type('A', (), {'__eq__': lambda s, o: True})()))[0]",
        "f(1) == 'b'",
    ),
    "a Fraction of odd parts": (
        "fractions",
        "(f := fractions.Fraction(1, 2), setattr(f, '_numerator', type('N', (int,), {'__eq__': lambda s, o: True})(7)))[0]",
        "f(1) == 0.5",
    ),
    "a ChainMap of a mapping of its own": (
        "collections",
        "collections.ChainMap(type('M', (dict,), {'__getitem__': lambda s, k: 2, '__eq__': lambda s, o: True})(a=1))",
        "f(1) == {'a': 2}",
    ),
    "a date with an order of its own": (
        "datetime", "type('D', (datetime.date,), {'__lt__': lambda s, o: True})(2020, 1, 1)", "f(1) < datetime.date(2019, 1, 1)",
    ),
    "patched classes": (
        "fractions", "(setattr(fractions.Fraction, '__eq__', lambda s, o: True), fractions.Fraction(1, 2))[1]", "f(1) == 3",
    ),
}  # fmt: skip


def verdicts(cases: Mapping[str, tuple[str, str, str]], limits: Limits = LIMITS) -> dict[str, tuple[str, str]]:
    trials = [
        Trial(
            f"import {module}\ndef f(x):\n    return {value}\n",
            "f",
            f"import array, collections, datetime, decimal, uuid\ndef check(f):\n    assert {test}\n",
        )
        for module, value, test in cases.values()
    ]
    return {
        name: (judged.verdict, judged.detail)
        for name, judged in zip(cases, judge(trials, limits, allow_weak=True), strict=True)
    }


def test_right_values_of_every_type_pass() -> None:
    assert verdicts(RIGHT) == dict.fromkeys(RIGHT, ("pass", ""))


def test_wrong_values_and_those_that_would_be_equal_to_all_do_not_pass() -> None:
    found = verdicts(WRONG)
    assert {name: verdict for name, (verdict, _) in found.items()} == dict.fromkeys(WRONG, "wrong"), found


def test_a_value_too_large_for_the_test_ends_the_judge_and_is_no_pass() -> None:
    large = {"large": ("decimal", "decimal.Decimal('1e999999999')", "int(f(1)) == 3")}
    [(verdict, _)] = verdicts(large, Limits(cpu_s=1, wall_s=2, memory_mb=700)).values()
    assert verdict in ("timeout", "memory", "wrong", "output")


OUTCOMES: list[tuple[str, str, str]] = [
    ("collections.OrderedDict(a=1)", "value", "{'a': 1}"),
    ("[collections.Counter('aa')]", "value", "[{'a': 2}]"),
    ("collections.defaultdict(list, a=[1])", "value", "{'a': [1]}"),
    ("collections.deque([1])", "error", ""),
    ("decimal.Decimal(1)", "error", ""),
    ("{'a': 1}.keys()", "error", ""),
]


@pytest.mark.parametrize(("value", "verdict", "literal"), OUTCOMES)
def test_calls_still_tell_values_that_have_a_literal_and_no_others(value: str, verdict: str, literal: str) -> None:
    program = (f"import collections, decimal\ndef f(x):\n    return {value}\n", "f", [(1,)])
    [[found]] = call_many([program], LIMITS, allow_weak=True)
    assert (found.status, found.value) == (verdict, literal)
