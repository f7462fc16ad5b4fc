"""A section by rule says only what follows from the code's form, and shows only what a run gave."""

import ast
import contextlib
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from curate.synth.item.item import Case, Item
from curate.synth.section.cost import rounds_cost
from curate.synth.section.explain import shown_cases
from curate.synth.section.lesson import Lesson
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
        (POSITIVE.replace("            total += x", "            total += x\n        total = total * 2"),
         "a running total", False),
        (POSITIVE.replace("total += x", "total += 1\n        else:\n            total = 0"), "a counter", False),
        (SEARCH.replace("    return -1\n", ""), "a search that stops early", False),
        (SEARCH.replace("        if x % 2 == 0:\n            return x\n", "        return x\n"),
         "a search that stops early", False),
        ("def f(a: list[int]) -> int:\n    return max(a)\n", "the largest", True),
        ("def f(a: list[int]) -> int:\n    return max(a) - min(a)\n", "the largest", False),
        ("def f(a: list[int]) -> int:\n    return max(a) - min(a)\n", "the largest and the smallest", True),
        ("def f(a: str, b: str) -> str:\n    return a + b\n", "a formula as a function", False),
        ("def f(a: list[int]) -> list[int]:\n    a[1:] = []\n    return a\n", "slicing", False),
        ("def f(a: str) -> dict[str, int]:\n    return {a: 1, a * 2: 2}\n", "a dictionary as a record", False),
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
)  # fmt: skip
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
        ("def f(a: list[int], b: bool) -> list[int]:\n    return [x for x in a] if b else []\n", ""),
        ("def f(a: list[int], b: bool) -> bool:\n    return b and any(x > 2 for x in a)\n", ""),
        (POSITIVE.replace("    total = 0\n", "    total = 0\n    xs = xs[1:]\n"), ""),
        (GRADE, ""),
    ],
)
def test_what_a_loop_costs_is_said_only_where_that_is_sure(source: str, said: str) -> None:
    found = rounds_cost(only_function(source))
    assert found.startswith(said) if said else found == ""


def test_where_an_error_may_end_a_loop_nothing_is_said_of_its_rounds() -> None:
    assert rounds_cost(only_function(POSITIVE), raises=True) == ""


@pytest.mark.parametrize("seed", range(6))
def test_a_title_says_the_technique_and_shows_the_name_without_saying_what_it_promises(seed: int) -> None:
    function = "def double_factorial(xs: list[int]) -> list[int]:\n    return [x for x in xs if x % 2 == 0]\n"
    title = section(item(function, "[1, 2]", "[]"), seed).splitlines()[0]
    assert "comprehension" in title and "factorial" not in title.lower().replace("`double_factorial`", "")


@pytest.mark.parametrize(
    ("body", "calls", "said", "unsaid"),
    [
        ("    if xs:\n        return 'some'\n    return ''", ("[1, 2]", "[]"), "`xs` counts as True", "`xs` is True"),
        ("    if xs > []:\n        return 'some'\n    return ''", ("[1, 2]", "[]"), "`xs > []` is True", "counts as"),
        ("    return [x for x in xs if x]", ("[1, 2]", "[0, 3]"), "bool(x)\n", "x  x\n"),
        ("    return {x: xs.count(x) for x in set(xs)}", ("[1, 2]", "[0, 3]"), "", "Round by round"),
        ("    return {x: xs.count(x) for x in set(xs)}", ("[1, 2]", "[0, 3]"), "", "a row"),
    ],
)  # fmt: skip
def test_what_only_counts_as_true_and_what_has_no_order_is_not_said_to_be_otherwise(
    body: str, calls: Sequence[str], said: str, unsaid: str
) -> None:
    text = section(item(f"def f(xs: list[int]) -> object:\n{body}\n", *calls), 1)
    assert said in text
    assert unsaid not in text


def test_a_changed_condition_that_gives_an_equal_value_is_no_question() -> None:
    source = "def f(xs: list[str]) -> set[str]:\n    return {x for x in xs if len(x) > 0}\n"
    made = item(source, "['a', 'b']", "['c', 'd', 'e']")
    other = replace(made, cases=(replace(made.cases[0], value="{'b', 'a'}"), *made.cases[1:]))
    assert not any("as it stands" in section(other, seed) for seed in range(4))


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


ONLY = "def f(xs: list[int]) -> {}:\n    {}\n"
SAID_OF = {
    "return {x: 1 for x in xs}": ("dict[int, int]", "Where the same key comes up again", True),
    "return {i: x for i, x in enumerate(xs)}": ("dict[int, int]", "Where the same key comes up again", False),
    "return {x: i for i, x in enumerate(xs)}": ("dict[int, int]", "Where the same key comes up again", True),
    "return {i: i for i in range(len(xs))}": ("dict[int, int]", "Where the same key comes up again", False),
    "return [x + 1 for x in xs]": ("list[int]", "To map is", True),
    "return [1 for x in xs]": ("list[int]", "To map is", False),
    "return [x for x in xs]": ("list[int]", "To map is", False),
    "return xs[1:2]": ("list[int]", "stops before the one behind it", True),
    "return xs[1:]": ("list[int]", "stops before the one behind it", False),
    "return sum(x * 2 for x in xs)": ("int", "With nothing to add, `sum` gives 0.", True),
    "return sum((x * 2 for x in xs), 3)": ("int", "With nothing to add, `sum` gives 0.", False),
}


@pytest.mark.parametrize("body", SAID_OF)
def test_a_remark_with_a_condition_of_its_own_stands_only_where_that_holds(body: str) -> None:
    kind, remark, stands = SAID_OF[body]
    found = techniques_of(only_function(ONLY.format(kind, body)))
    assert any(remark in text for each in found for text in [*each.ideas, *each.more]) == stands


def test_whatever_technique_code_shows_there_is_something_to_say_of_it() -> None:
    for source in (*MADE, *LOOPS, *STOPPING):
        assert all(each.ideas for each in techniques_of(only_function(source)))


LOOPS = {
    "def f(n: int) -> int:\n    t = 0\n    while n > 0:\n        t += n\n        n -= 1\n    return t\n": ("4", 4),
    "def f(n: int) -> int:\n    t = 0\n    while n > 0:\n        n -= 1\n        if n == 2:\n            break\n"
    "        t += n\n    return t\n": ("5", 3),
    "def f(xs: list[int]) -> int:\n    t = 0\n    for x in xs:\n        t += x\n    return t\n": ("[1, 2, 3]", 3),
    "def f(xs: list[int]) -> int:\n    t = 0\n    for x in xs:\n        if x > 2:\n            continue\n"
    "        t += x\n    return t\n": ("[1, 4, 3]", 3),
    "def f(xs: list[int]) -> int:\n    t = 0\n    for i, x in enumerate(xs):\n        t += x\n        if t > 2:\n"
    "            break\n    return t\n": ("[1, 2, 3, 4]", 2),
    "def f(xs: list[int]) -> int:\n    t = 0\n    for _ in range(3):\n        t += len(xs)\n    return t\n": ("[1]", 3),
    SEARCH: ("[3, 5, 4, 7]", 3),
}
STOPPING = {
    "def f(xs: list[int]) -> bool:\n    return any(x > 2 for x in xs)\n": ("[1, 3, 0, 4]", 2),
    "def f(xs: list[int]) -> bool:\n    return any(x > 9 for x in xs)\n": ("[1, 3, 0, 4]", 4),
    "def f(xs: list[int]) -> bool:\n    return all(x > 2 for x in xs if x % 2 == 1)\n": ("[4, 3, 1, 5]", 3),
    "def f(xs: list[int]) -> int:\n    return next((x for x in xs if x > 2), 0)\n": ("[1, 3, 0, 4]", 2),
    "def f(xs: list[int]) -> int:\n    return sum(x * 2 for x in xs if x > 0)\n": ("[1, -3, 4]", 3),
    "def f(xs: list[int]) -> list[int]:\n    return [x * 2 for x in xs]\n": ("[1, -3, 4]", 3),
    "def f(xs: list[int]) -> set[int]:\n    return {x % 2 for x in xs}\n": ("[1, -3, 4]", 3),
    "def f(xs: list[int]) -> dict[int, int]:\n    return {x: x * x for x in xs}\n": ("[1, -3, 4]", 3),
}


@pytest.mark.parametrize("source", [*LOOPS, *STOPPING])
def test_a_table_has_a_row_for_each_round_and_marks_the_only_other_one(source: str) -> None:
    call, rounds = (LOOPS | STOPPING)[source]
    made = item(source, call)
    cut = source in STOPPING and rounds < len(ast.literal_eval(call))
    for seed in range(6):
        text = section(replace(made, cases=made.cases * 2), seed)
        before, shown = text.split("\n```\n\nThe result")[0].rsplit("\n\n```text\n", 1)
        caption, rows = before.splitlines()[-1], shown.splitlines()[1:]
        marked = [row for row in rows if row.startswith("(start)")]
        assert len(rows) - len(marked) == rounds, text
        assert len(marked) == ("start" in caption or "before the loop" in caption)
        assert ("until the result is certain" in caption) == cut


@pytest.mark.parametrize(
    "body",
    [
        "    return len(xs) > 1 and all(x > 0 for x in xs)",  # which may not be come to
        "    return 0 in (x - 1 for x in xs)",  # which stops where nobody says
        "    return any(x for x in xs if x != 1)",  # what it gives is no column
        "    seen = set()\n    return [x for x in xs if not (x in seen or seen.add(x))]",  # gives something else again
    ],
)
def test_what_would_tell_too_much_is_no_table(body: str) -> None:
    made = item(f"def f(xs: list[int]) -> object:\n{body}\n", "[1, 2, 2, 3]", "[2, 2]")
    assert "a row" not in section(made, 3)
    assert "Round by round" not in section(made, 3)
