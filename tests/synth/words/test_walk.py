"""Code is gone through in the order of its lines, each said as it stands."""

import ast

import pytest

from curate.synth.words.forms import Unsayable
from curate.synth.words.walk import walked

SAID = {
    "def f(a: int) -> int:\n    n = 0\n    while a > 9:\n        a //= 10\n        n += 1\n    return n": (
        "`n` starts as 0. As long as `a` is greater than 9: `a` is divided by 10, rounded down; then, 1 is added to "
        "`n`. After the loop, the function returns `n`. `//` divides and rounds down, for negative numbers too."
    ),
    "def f(xs: list[str], a: str) -> int:\n    for i, x in enumerate(xs):\n        if x == a:\n"
    "            return i\n    raise ValueError": (
        "For each string `x` in `xs` with its index `i`, if `x` equals `a`, the function returns `i`. After the "
        "loop, ValueError is raised. `enumerate` gives each element together with its index, which starts at 0."
    ),
    "def f(d: dict[str, int]) -> dict[str, int]:\n    kept = {}\n    for k, v in d.items():\n        if v < 0:\n"
    "            kept[k] = 0\n        else:\n            kept[k] = v\n    return kept": (
        "`kept` starts as an empty dictionary. For each key `k` of `d` with its value `v`: if `v` is less than 0, "
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


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "    n = 0\n    for row in rows:\n        for x in row:\n            if x:\n                n += 1\n"
            "        n *= 2\n    return n",
            "For each inner list `row` in `rows`: for each number `x` in `row`, if `x` is not 0, 1 is added to `n`; "
            "after that loop, `n` is multiplied by 2.",
        ),
        (
            "    n = 0\n    for row in rows:\n        if row:\n            n += 1\n        n *= 2\n    return n",
            "if `row` is not empty, 1 is added to `n`; in any case, `n` is multiplied by 2.",
        ),
        (
            "    n = 0\n    for row in rows:\n        if row:\n            continue\n        n *= 2\n    return n",
            "if `row` is not empty, the loop goes on with the next round; otherwise, `n` is multiplied by 2.",
        ),
        (
            "    a, b = 0, 1\n    for row in rows:\n        a, b = b, a\n    return a",
            "for each inner list `row` in `rows`, in one step, `a` and `b` become `b` and `a`.",
        ),
        (
            "    n = 0\n    for row in rows:\n        for x in row:\n            if x:\n                break\n"
            "            n += 1\n    return n",
            "if `x` is not 0, the inner loop stops; otherwise, 1 is added to `n`.",
        ),
    ],
)
def test_where_a_choice_or_a_loop_within_a_sentence_ends_is_said(body: str, said: str) -> None:
    [function] = ast.parse(f"def f(rows: list[list[int]]) -> int:\n{body}").body
    assert isinstance(function, ast.FunctionDef)
    assert said.lower() in walked(function).lower()


@pytest.mark.parametrize(
    "body",
    [
        "if row:\n            if n:\n                n += 1\n            else:\n                n = 3\n",
        "if row:\n            n += 1\n        elif n > 5:\n            return n\n        n += 2\n",
        "if n > 9:\n            continue\n        if row:\n            n += 3\n        n += 2\n",
        "for x in row:\n            for y in row:\n                n += 1\n",
        "n += n > 3\n",
    ],
)
def test_what_could_be_read_in_two_ways_has_no_words(body: str) -> None:
    source = f"def f(rows: list[list[int]]) -> int:\n    n = 0\n    for row in rows:\n        {body}    return n"
    [function] = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    with pytest.raises(Unsayable):
        walked(function)
