"""Code is gone through in the order of its lines, each said as it stands."""

import ast

import pytest

from curate.synth.words.forms import Unsayable
from curate.synth.words.walk import walked

SAID = {
    "def f(a: int) -> int:\n    n = 0\n    while a > 9:\n        a //= 10\n        n += 1\n    return n": (
        "`n` starts as 0. As long as `a` is greater than 9, `a` is divided by 10, rounded down; then 1 is added to "
        "`n`. After the loop, the function returns `n`. `//` divides and rounds down, for negative numbers too."
    ),
    "def f(xs: list[str], a: str) -> int:\n    for i, x in enumerate(xs):\n        if x == a:\n"
    "            return i\n    raise ValueError": (
        "For each string `x` in `xs` with its index `i`, if `x` equals `a`, the function returns `i`. After the "
        "loop, ValueError is raised. `enumerate` gives each element together with its index, which starts at 0."
    ),
    "def f(d: dict[str, int]) -> dict[str, int]:\n    kept = {}\n    for k, v in d.items():\n        if v < 0:\n"
    "            kept[k] = 0\n        else:\n            kept[k] = v\n    return kept": (
        "`kept` starts as an empty dictionary. For each key `k` of `d` with its value `v`, if `v` is less than 0, "
        "`kept` gets 0 under the key `k`; otherwise, `kept` gets `v` under the key `k`. After the loop, the function "
        "returns `kept`. `items` gives each key together with its value, in the order in which they were put in."
    ),
}  # fmt: skip


@pytest.mark.parametrize("source", SAID)
def test_each_line_is_said_as_it_stands(source: str) -> None:
    [function] = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert walked(function) == SAID[source]


def test_a_statement_without_words_leaves_the_whole_unsaid() -> None:
    [function] = ast.parse("def f(a: str) -> int:\n    try:\n        return int(a)\n    except ValueError:\n"
                           "        return 0").body  # fmt: skip
    assert isinstance(function, ast.FunctionDef)
    with pytest.raises(Unsayable):
        walked(function)


WITHIN = "def f(a: int, b: int) -> int:\n    if a > 0:\n        if b > 0:\n            return 1\n{}    return 3"


def test_a_condition_within_a_condition_is_said_where_no_otherwise_could_belong_to_either() -> None:
    [alone] = ast.parse(WITHIN.format("")).body
    [between] = ast.parse(WITHIN.format("        return 2\n    else:\n        return 4\n")).body
    assert isinstance(alone, ast.FunctionDef)
    assert isinstance(between, ast.FunctionDef)
    assert walked(alone).startswith(
        "If `a` is greater than 0, if `b` is greater than 0, the function returns 1. In every"
    )
    with pytest.raises(Unsayable, match="a condition within a condition"):
        walked(between)
