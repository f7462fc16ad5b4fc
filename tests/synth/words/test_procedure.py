"""Loops that carry something on are said step after step, so that nobody can take a step for another's."""

import ast
from textwrap import dedent
from typing import Any

import pytest

from curate.synth.words.forms import Unsayable
from curate.synth.words.sentences import Described, described

NUMBERS: tuple[tuple[Any, ...], ...] = (([],), ([3],), ([0, 0, 1],), ([4, -2, 0, 0, 7, 7],), ([5, 12, 90, 8],))
TEXTS: tuple[tuple[Any, ...], ...] = ((["a b"],), ([],), (["", "b", "b a"],))

SAID = {
    """
    def longest_run(xs: list[int]) -> int:
        run = 0
        longest = 0
        for x in xs:
            if x == 0:
                run = 0
            else:
                run += 1
            longest = max(longest, run)
        return longest
    """: (
        NUMBERS,
        "Let `run` be 0 and `longest` be 0. For each number `x` in `xs`: if `x` is 0, set `run` to 0; otherwise, add 1 "
        "to `run`; in any case, set `longest` to `max(longest, run)`. Return `longest`.",
    ),
    """
    def until_full(xs: list[int], limit: int) -> list[int]:
        taken = []
        total = 0
        for x in xs:
            if x < 0:
                continue
            if total + x > limit:
                break
            total += x
            taken.append(x)
        return taken
    """: (
        tuple((row[0], 10) for row in NUMBERS),
        "Let `taken` be an empty list and `total` be 0. For each number `x` in `xs`: if `x` is less than 0, go on with "
        "the next round; otherwise, if `total + x` is greater than `limit`, leave the loop; otherwise, add `x` to "
        "`total` and append `x` to `taken`. Return `taken`.",
    ),
    """
    def digits(n: int) -> list[int]:
        if n < 0:
            raise ValueError("no")
        found = []
        while n > 0:
            found.append(n % 10)
            n //= 10
        return found
    """: (
        ((0,), (7,), (120,), (-1,)),
        "If `n` is less than 0, raise a ValueError. Let `found` be an empty list. While `n` is greater than 0, append "
        "`n % 10` to `found` and floor-divide `n` by 10. Return `found`.",
    ),
    """
    def changes(levels: list[int]) -> dict[str, int]:
        result = {}
        before = 0
        for level in levels:
            if level != before:
                if level > before:
                    result["rise"] = result.get("rise", 0) + 1
                else:
                    result["fall"] = result.get("fall", 0) + 1
            before = level
        return result
    """: (
        NUMBERS,
        "Let `result` be an empty dictionary and `before` be 0. For each number `level` in `levels`: if `level` is "
        "not equal to `before` and `level` is greater than `before`, add 1 to `result['rise']`, or to 0 where it is "
        "missing; otherwise, if `level` is not equal to `before`, add 1 to `result['fall']`, or to 0 where it is "
        "missing; in any case, set `before` to `level`. Return `result`.",
    ),
    """
    def gaps(lines: list[str]) -> list[list[str]]:
        rows = []
        for line in lines:
            row = []
            last = None
            for letter in line:
                if last is not None:
                    row.append(last + letter)
                last = letter
            rows.append(row)
        return rows
    """: (
        TEXTS,
        "Let `rows` be an empty list. For each string `line` in `lines`: let `row` be an empty list and `last` be "
        "None; then, for each character `letter` in `line`: if `last` is not None, append `last + letter` to `row`; in "
        "any case, set `last` to `letter`; after that loop, append `row` to `rows`. Return `rows`.",
    ),
    """
    def kept(shelf: dict[str, str], least: int) -> dict[str, str]:
        return {name: item for name, item in shelf.items() if len(item) > least}
    """: (
        (({"a": "", "b": "xyz"}, 1), ({}, 0)),
        "Let `result` be an empty dictionary. For each key `name` of `shelf` with its value `item`, if the length of "
        "`item` is greater than `least`, set `result[name]` to `item`. Return `result`.",
    ),
}


def _function(source: str) -> ast.FunctionDef:
    [function] = ast.parse(dedent(source)).body
    assert isinstance(function, ast.FunctionDef)
    return function


def told(source: str) -> Described:
    """Return what is said of a function."""
    return described(_function(source))


def gives(source: str, *arguments: Any) -> Any:
    """Return what the function of a source gives, or the name of its error."""
    names: dict[str, Any] = {}
    exec(compile(dedent(source), "<test>", "exec"), names)
    function = next(value for name, value in reversed(names.items()) if callable(value))
    try:
        return function(*arguments)
    except ValueError as error:
        return type(error).__name__


@pytest.mark.parametrize("source", SAID)
def test_steps_are_said_in_their_order_and_run_as_the_function_does(source: str) -> None:
    rows, prose = SAID[source]
    found = told(source)
    assert found.prose == prose
    assert found.in_steps
    for row in rows:
        assert gives(found.program, *row) == gives(source, *row)


def test_a_function_that_comes_to_an_expression_is_said_by_what_it_gives() -> None:
    found = told("def f(xs: list[int]) -> int:\n    n = 0\n    for x in xs:\n        n += x\n    return n")
    assert found.prose == "Return the sum of the numbers in `xs`." and not found.in_steps


def test_an_error_that_is_said_is_a_value_of_the_program_that_shows_the_others() -> None:
    found = told(next(source for source in SAID if "digits" in source))
    assert gives(found.told, -1) == "ValueError" and gives(found.program, -1) == "ValueError"
    assert "raise" not in found.told


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("    for x in xs:\n        if x:\n            last = x\n", id="it may end without a value"),
        pytest.param(
            "    n = 0\n    for x in xs:\n        n = n * 2 + x\n    return n + x", id="a loop's name behind it"
        ),
        pytest.param(
            "    out = []\n    for x in set(xs):\n        out = [x] + out\n    return out", id="the order of a set"
        ),
        pytest.param("    return f([*xs, 1])", id="it calls itself"),
        pytest.param(
            "    n = 0\n    for x in xs:\n        if x:\n            for y in xs:\n                n = n * y + x\n"
            "        else:\n            n = 1\n    return n",
            id="an otherwise that could belong to two",
        ),
        pytest.param("    n = 0\n    for x in xs:\n        n = hash(x) - n\n    return n", id="an unknown function"),
        pytest.param(
            "    n = 0\n    for x in xs:\n        if x > 9:\n            continue\n"
            "        if x > n:\n            n += x\n        n += 1\n    return n",
            id="in any case, but not in that of an otherwise",
        ),
        pytest.param(
            "    n = 0\n    for x in xs:\n        n += n != x\n        n *= 2\n    return n",
            id="a condition that is added",
        ),
    ],
)
def test_what_could_be_read_in_two_ways_or_is_not_said_whole_has_no_words(body: str) -> None:
    with pytest.raises(Unsayable):
        told(f"def f(xs: list[int]) -> int:\n{body}")


def test_what_is_done_on_a_condition_is_not_cut_in_two() -> None:
    found = told(
        """
        def gather(words: list[str]) -> list[tuple[str, str]]:
            found = []
            last = ""
            for word in words:
                if word:
                    found.append((last, word))
                    last = ""
                else:
                    last += "-"
            return found
        """
    )
    assert (
        "append the pair (`last`, `word`) to `found`, and then set `last` to an empty string; otherwise" in found.prose
    )


def test_a_list_within_each_element_is_none_around_all() -> None:
    found = told("def f(xs: list[int], n: int) -> list[list[int]]:\n    return [[x] * n for x in xs]")
    assert "a list with a list" not in found.prose and "for each" in found.prose.lower()


def test_a_key_that_stands_twice_has_no_words() -> None:
    with pytest.raises(Unsayable):
        told("def f(x: str) -> int:\n    shelf = {'a': len(x), 'b': 2, 'a': 3}\n    return shelf.get(x, 0)")


@pytest.mark.parametrize(("guard", "said"), [("    if len(xs) != len(ys):\n        return 0\n", False), ("", True)])
def test_what_becomes_of_a_longer_list_is_said_where_there_may_be_one(guard: str, said: bool) -> None:
    found = told(
        f"def f(xs: list[int], ys: list[int]) -> int:\n{guard}    n = 0\n    for x, y in zip(xs, ys):\n"
        "        n = n * 2 + x * y\n    return n"
    )
    assert ("longer" in found.prose) == said
