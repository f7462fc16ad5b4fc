"""The same is said in several ways, drawn by a seed: each is exact, and the parameters are called what they are."""

import ast
import re
from collections.abc import Callable
from random import Random
from textwrap import dedent
from typing import Any

import pytest

from curate.synth.words.kinds import annotated
from curate.synth.words.nouns import called, singular
from curate.synth.words.sentences import Described, described
from tests.synth.words.test_sentences import SAID, gives

SEEDS = range(24)


def told(source: str, seed: int | None) -> Described:
    [function] = ast.parse(dedent(source)).body
    assert isinstance(function, ast.FunctionDef)
    return described(function, seed)


@pytest.mark.parametrize("source", SAID, ids=lambda source: source.rsplit("return ", 1)[1][:30])
def test_whatever_the_wording_its_program_gives_what_the_function_gives(source: str) -> None:
    rows, _ = SAID[source]
    wanted = [gives(source, *row) for row in rows]
    found = [told(source, seed) for seed in SEEDS]
    for program in {each.program for each in found}:
        assert [gives(program, *row) for row in rows] == wanted
    texts = {each.prose for each in found}
    assert len(texts) >= 4
    assert texts == {told(source, seed).prose for seed in SEEDS}
    for text in texts:
        assert text[0].isupper()
        assert text.endswith(".")
        assert "\ue000" not in text
        assert text.count("`") % 2 == 0


def kinds(**annotations: str) -> dict[str, Any]:
    return {name: annotated(ast.parse(text, mode="eval").body) for name, text in annotations.items()}


def ways(text: str, **annotations: str) -> set[str]:
    return {called(text, kinds(**annotations), Random(seed)) for seed in range(60)}


def test_a_list_and_its_elements_are_called_by_type_or_by_name() -> None:
    text = "Return the strings in `cities` that are not empty, or None if `cities` is empty."
    assert ways(text, cities="list[str]") == {
        "Return the strings in `cities` that are not empty, or None if `cities` is empty.",
        "Return the strings in the given list that are not empty, or None if the list is empty.",
        "Return the cities that are not empty, or None if `cities` is empty.",
        "Return the cities that are not empty, or None if the given list is empty.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "annotations", "never"),
    [
        ("Return `n[0]` of `n`.", {"n": "list[int]"}, r"the given list"),  # a formula names it
        ("Return `a` and `b`.", {"a": "list[int]", "b": "list[str]"}, r"the given list"),  # two are meant
        ("Return the largest number in `cats`.", {"cats": "list[int]"}, r"the (?:given )?cats"),  # numbers are no cats
        ("Return the strings in `words`.", {"words": "list[str]"}, r"the words"),  # which have no blanks
        ("Return the string '{title}!' with `title` filled in.", {"title": "str"}, r"the title"),  # a gap names it
        ("Return 'x' repeated `width` times.", {"width": "int"}, r"the width times"),
        ("Return `is_level` and `lvl`.", {"is_level": "int", "lvl": "str"}, r"the is level|the lvl"),  # no nouns
    ],
)
def test_a_parameter_keeps_its_name_where_a_noun_would_be_wrong_or_vague(
    text: str, annotations: dict[str, str], never: str
) -> None:
    assert not any(re.search(never, way) for way in ways(text, **annotations))


def test_nouns_of_names_are_made_singular_only_where_that_is_sure() -> None:
    names = ("prices", "city_names", "boxes", "matches", "movies", "status", "glass", "data", "radius", "xs", "entries")
    assert [singular(name) for name in names] == [
        "price", "city name", "box", "match", "movie", "", "", "", "", "", "entry",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "holds"),
    [
        (  # what is counted is only a part of the result
            "def f(a: str) -> int:\n    return a.count('x') * 60",
            lambda text: not text.startswith("Count"),
        ),
        (  # a special case that the rest covers goes without saying
            "def f(a: list[int]) -> list[int]:\n    if not a:\n        return []\n    return [x for x in a if x > 3]",
            lambda text: "empty" not in text,
        ),
        (  # but not one that the rest does not cover
            "def f(a: list[int]) -> list[int]:\n    if not a:\n        return [0]\n    return [x for x in a if x > 3]",
            lambda text: "empty" in text,
        ),
        (  # conditions that can hold at once are told in their order
            "def f(n: int) -> str:\n    if n < 2:\n        return 'a'\n"
            "    if n < 5:\n        return 'b'\n    return 'c'",
            lambda text: "else 'b' if it is" in text,
        ),
        (  # and those that cannot, one beside the other
            "def f(n: int) -> str:\n    if n == 2:\n        return 'a'\n"
            "    if n == 5:\n        return 'b'\n    return 'c'",
            lambda text: "'a' if" in text and ", 'b' if it is 5, and 'c' otherwise" in text,
        ),
        (  # the purpose comes before an error
            "def f(n: int) -> int:\n    if n < 0:\n        raise ValueError\n    return n * 3",
            lambda text: text.index("3") < text.index("ValueError"),
        ),
        (  # "it" is the loop's element, and nothing else
            "def f(a: list[str], b: str) -> list[int]:\n    return [x.count(b) if x > b else len(x) for x in a]",
            lambda text: "it" not in re.findall(r"\w+", text) or "in it" in text or "its" in text,
        ),
    ],
)  # fmt: skip
def test_what_is_said_first_and_what_is_left_out(source: str, holds: Callable[[str], bool]) -> None:
    for seed in SEEDS:
        assert holds(told(source, seed).prose), told(source, seed).prose


def test_errors_that_runs_show_are_said_in_the_same_voice() -> None:
    found = {told("def f(prices: list[int]) -> int:\n    return max(prices)", seed).finish(
        ["Raises ValueError if `prices` is empty."]) for seed in range(60)}  # fmt: skip
    assert any(
        "If the given list is empty, ValueError is raised." in text or "if the list is empty" in text for text in found
    )
    assert all("ValueError" in text and "is empty" in text for text in found)
