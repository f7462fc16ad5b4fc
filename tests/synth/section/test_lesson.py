"""A section by rule says only what follows from the code's form, and shows only what a run gave."""

import ast
import contextlib
import io
import re
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from curate.synth.item.item import Case, Item
from curate.synth.section.explain import shown_cases
from curate.synth.section.lesson import Lesson
from curate.synth.section.patterns import rounds_cost
from curate.synth.section.techniques import techniques_of
from curate.synth.words.forms import only_function


def item(source: str, *arguments: str, description: str = "Return it.") -> Item:
    """Return a function as a verified exercise, with the values that it gives."""
    function = only_function(source)
    names: dict[str, Any] = {}
    exec(source, names)
    cases = tuple(Case(each, repr(eval(f"{function.name}({each})", names))) for each in arguments)
    header, _, body = source.partition(":\n")
    return Item(function.name, "", f"{header}:", description, cases, (body.rstrip(),))


def section(made: Item, seed: int) -> str:
    """Return the section, whose code runs here as it does in the sandbox."""
    lesson = Lesson(made, shown_cases(made), Random(seed))
    names: dict[str, Any] = {}
    exec(lesson.program(), names)
    with contextlib.redirect_stdout(io.StringIO()):
        printed, values = names["section_runs"]()
    return lesson.text(printed[0], values)


POSITIVE = "def total_of_positive(xs: list[int]) -> int:\n    total = 0\n    for x in xs:\n        if x > 0:\n            total += x\n    return total\n"  # fmt: skip  # noqa: E501
LONG = "def long_words(words: list[str]) -> list[str]:\n    return [word for word in words if len(word) > 3]\n"
GRADE = "def grade(points: int) -> str:\n    if points < 5:\n        return 'low'\n    if points < 9:\n        return 'middle'\n    return 'high'\n"  # fmt: skip  # noqa: E501
SEARCH = "def first_even(xs: list[int]) -> int:\n    for x in xs:\n        if x % 2 == 0:\n            return x\n    return -1\n"  # fmt: skip  # noqa: E501
SPEED = "def speed(way: float, time: float) -> float:\n    return way * 2 / time\n"
MADE = {
    POSITIVE: item(POSITIVE, "[1, -2, 5]", "[]", "[0]", "[-1, 4]"),
    LONG: item(LONG, "['oak', 'maple', 'beech']", "[]", "['a', 'bcde']", "['abc']"),
    GRADE: item(GRADE, "3", "7", "9", "5"),
    SEARCH: item(SEARCH, "[3, 4, 6]", "[]", "[1, 3]", "[2]"),
    SPEED: item(SPEED, "3.0, 2.0", "1.0, 4.0", "8.0, 1.0"),
}


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        (POSITIVE, "x        total\n(start)  0\n1        1\n-2       1\n5        6\n```\n\nThe result is `6`."),
        (
            LONG,
            "word     len(word) > 3\n'oak'    False\n'maple'  True\n'beech'  True\n```\n\nThe result is `['maple',",
        ),
        (SEARCH, "x  x % 2 == 0\n3  False\n4  True\n```\n\nThe result is `4`."),
        (GRADE, "`points < 5` is True"),
        (SPEED, "`way * 2` is `6.0`"),
    ],
)
def test_a_call_is_gone_through_with_the_values_that_it_had(source: str, shown: str) -> None:
    assert all(shown in section(MADE[source], seed) for seed in range(12))


@pytest.mark.parametrize("source", MADE)
def test_sections_differ_by_seed_and_say_the_same_for_the_same(source: str) -> None:
    texts = [section(MADE[source], seed) for seed in range(12)]
    assert texts == [section(MADE[source], seed) for seed in range(12)]
    assert len(set(texts)) >= 6
    for text in texts:
        assert text.startswith("# ")
        assert text.count("```") % 2 == 0
        assert "\n\n\n\n" not in text
        assert len(re.findall(r"(?m)^# ", text)) == 1


@pytest.mark.parametrize("source", MADE)
def test_the_answer_to_the_question_is_what_the_changed_code_gives(source: str) -> None:
    for seed in range(12):
        text = section(MADE[source], seed)
        asked, answer = text.split("**Exercise.** ")[1].split("\n\n**Answer.** ")
        [call] = re.findall(rf"`({MADE[source].name}\(.*?\))`", asked)
        changed = source
        for before, after in re.findall(r"`([^`]*)` (?:were written|by) `([^`]*)`", asked):
            changed = source.replace(before, after)
            assert changed != source
        names: dict[str, Any] = {}
        exec(changed, names)
        assert answer.startswith(f"`{eval(call, names)!r}`")


def named(source: str) -> Sequence[str]:
    return [each.name for each in techniques_of(only_function(source))]


@pytest.mark.parametrize(
    ("source", "technique", "is_one"),
    [
        (POSITIVE, "a running total", True),
        (POSITIVE, "a counter", False),
        (POSITIVE.replace("total += x", "total += 1"), "a counter", True),
        (POSITIVE.replace("total = 0", "total = 3"), "a running total", False),
        (LONG, "a list comprehension with a condition", True),
        (LONG.replace(" if len(word) > 3", ""), "a list comprehension with a condition", False),
        (GRADE, "a chain of conditions", True),
        (GRADE.replace("return 'middle'", "raise ValueError"), "a chain of conditions", False),
        (SEARCH, "a search that stops early", True),
        (SPEED, "a formula as a function", True),
        ("def f(a: int, b: int) -> int:\n    return max(a, b)\n", "the largest and the smallest", False),
        ("def f(a: list[int]) -> list[int]:\n    return a[::2]\n", "slicing", False),
        ("def f(a: str, b: str) -> str:\n    return a or b\n", "a comparison as a result", False),
        ("def f(a: dict[str, int]) -> int:\n    return a.get('x', 0)\n", "a dictionary as a lookup table", False),
    ],
)
def test_a_technique_is_named_only_where_the_code_has_its_form(source: str, technique: str, is_one: bool) -> None:
    assert (technique in named(source)) == is_one


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (POSITIVE, "Each element of `xs` is looked at exactly once"),
        (LONG, "Each element of `words` is looked at exactly once"),
        (SEARCH, "In the worst case every element of `xs` is looked at once"),
        (POSITIVE.replace("    total = 0\n", "    if len(xs) > 9:\n        return 0\n    total = 0\n"), ""),
        (POSITIVE.replace("if x > 0:", "if xs.count(x) > 1:"), "There is one round for each element of `xs`."),
        ("def f(a: list[list[int]]) -> int:\n    return sum(x for row in a for x in row)\n", ""),
        ("def f(a: list[int]) -> bool:\n    return any(x > 2 for x in a)\n", "In the worst case every element of `a`"),
        ("def f(n: int) -> list[int]:\n    return [x for x in range(n)]\n", ""),
        (GRADE, ""),
    ],
)
def test_what_a_loop_costs_is_said_only_where_that_is_sure(source: str, said: str) -> None:
    found = rounds_cost(only_function(source))
    assert found.startswith(said) if said else found == ""


def test_tables_hold_code_as_it_is_written() -> None:
    source = 'def f(words: list[str]) -> list[str]:\n    return [word for word in words if word != "a"]\n'
    text = section(item(source, "['a', 'b']", "[]", "['c']"), 1)
    assert 'word  word != "a"\n' in text
    assert ast.parse(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[0])


def test_a_condition_held_also_where_what_it_leads_to_goes_over_several_lines() -> None:
    source = (
        "def ends(xs: list[int]) -> list[int]:\n    ys = sorted(xs)\n    if len(ys) > 1:\n        return [\n"
        "            ys[0],\n            ys[-1],\n        ]\n    return ys\n"
    )
    texts = [section(item(source, "[3, 1, 2]", "[7, 5]", "[4, 4, 0]"), seed) for seed in range(6)]
    assert any("`len(ys) > 1` is True" in text for text in texts)
    assert not any("`len(ys) > 1` is False" in text for text in texts)


def test_elements_that_are_looked_at_elsewhere_too_are_not_said_to_be_looked_at_once() -> None:
    source = POSITIVE.replace("total = 0\n", "total = xs[0]\n", 1)
    assert rounds_cost(only_function(source)) == "There is one round for each element of `xs`."


@pytest.mark.parametrize("source", [LONG, "def parts(text: str) -> list[str]:\n    return text.split('-')\n"])
def test_nothing_is_said_of_a_method_that_the_code_does_not_use(source: str) -> None:
    told = " ".join(sentence for each in techniques_of(only_function(source)) for sentence in (*each.ideas, *each.more))
    assert "`join`" not in told
