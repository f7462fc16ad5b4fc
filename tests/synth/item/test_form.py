"""What tidying does to an Item, and what it rejects."""

import ast
import subprocess
from dataclasses import replace

import pytest
from ruff import find_ruff_bin

from curate.synth.item.form import plain, tidy
from curate.synth.item.item import WIDTH, Case, Item
from curate.synth.item.prose import tidy_prose

DOUBLE = Item(
    "twice", "", "def twice(a: int) -> int:", "Double it.", (Case("1", "2"), Case("3", "6")), ("    return a*2",)
)


def only(item: Item) -> Item:
    (made,) = tidy([item])
    assert isinstance(made, Item), made
    return made


def reason(item: Item) -> str:
    (found,) = tidy([item])
    assert isinstance(found, str), found.text
    return found


def test_code_comes_out_as_the_formatter_sets_it() -> None:
    made = only(
        replace(
            DOUBLE,
            header="def twice( a:int )->int :",
            solutions=("    if a :\n\n\n\n       return (a*2)\n    return 0",),
        )
    )
    again = subprocess.run(
        [find_ruff_bin(), "format", "--isolated", "--line-length", str(WIDTH), "-"],
        input=made.text, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert made.text == again
    assert made.header == "def twice(a: int) -> int:"


def test_tidying_twice_changes_nothing_more() -> None:
    once = only(
        replace(DOUBLE, before="from math import *\nimport os", description="  Double\n    it.\n\n    Args:\n  a: what")
    )
    assert tidy([once]) == [once]


def test_only_imports_that_are_used_stay_and_star_imports_are_spelt_out() -> None:
    made = only(
        replace(
            DOUBLE,
            before="from typing import *\nfrom math import *\nimport os, re\nfrom collections import Counter",
            header="def twice(a: List[int]) -> int:",
            solutions=("    return floor(sqrt(a[0])) * 2",),
        )
    )
    assert made.before == "from math import floor, sqrt\nfrom typing import List"


def test_a_second_solution_stays_where_it_differs_and_needs_the_same_imports() -> None:
    same, other, foreign = "    return a * 2", "    return a + a", "    return math.floor(a) * 2"
    made = only(replace(DOUBLE, before="import math", solutions=("    return a*2", same, other, foreign)))
    assert made.solutions == (same, other)
    assert made.before == ""


def test_comments_go_from_every_place_and_what_only_looks_like_one_stays() -> None:
    body = """    # Halves it.
    total = {"#": 1}  # a table

    # one more
    # and one more

    for each in (
        a,  # the number
        2,
    ):
        # In place.

        total["#"] *= each
    text = '''
    # no comment
    '''
    return total["#"] + len(text)  # type: ignore"""
    made = only(replace(DOUBLE, before="# coding: utf-8\nimport os  # unused", solutions=(body,)))
    assert made.before == ""
    assert made.solutions == (
        """    total = {"#": 1}

    for each in (
        a,
        2,
    ):
        total["#"] *= each
    text = \"\"\"
    # no comment
    \"\"\"
    return total["#"] + len(text)""",
    )


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"solutions": (f"    return a * 2 if a else '{'x' * 90}'",)}, "a line of more than 88 characters"),
        ({"solutions": ("    return a *",)}, "does not parse or uses a name that is not there"),
        ({"solutions": ("    return elsewhere(a)",)}, "does not parse or uses a name that is not there"),
        ({"before": "from elsewhere import *"}, "does not parse or uses a name that is not there"),
        ({"cases": (Case("1", "float('nan')"), Case("2", "1e999"))}, "no case is the same everywhere"),
        ({"cases": (Case("1", "0.3333333333333333"),)}, "no example can be shown"),
        ({"cases": (Case("1", "None"),)}, "no example can be shown"),
        ({"cases": (Case(repr("x" * 90), "1"),)}, "no example can be shown"),
        ({"description": "  >>> twice(1)\n  3"}, "no description"),
        ({"solutions": ("    return 'a\tb'",)}, "unprintable characters"),
    ],
)
def test_what_cannot_be_shown_is_rejected_with_a_reason(changes: dict[str, object], why: str) -> None:
    assert reason(replace(DOUBLE, **changes)) == why  # type: ignore[arg-type]


def test_a_broken_item_spoils_no_other() -> None:
    broken = replace(DOUBLE, solutions=("    return (",))
    assert [isinstance(made, Item) for made in tidy([DOUBLE, broken, DOUBLE])] == [True, False, True]
    assert tidy([]) == []


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (Case("0xffffffffffffffffff", "-0x10"), Case("4722366482869645213695", "-16")),
        (Case('"a",  [ 1,2 ]', "(1,)"), Case("'a', [1, 2]", "(1,)")),
        (Case("1", "frozenset({1})"), Case("1", "frozenset({1})")),
        (Case("1", "set()"), Case("1", "set()")),
        (Case("1", "[1.0, -1e999]"), None),
        (Case("float('nan')", "1"), None),
        (Case("1", "range(0, 3)"), None),
    ],
)
def test_cases_are_written_as_repr_writes_them(given: Case, shown: Case | None) -> None:
    assert plain(given) == shown


def test_prose_has_one_margin_and_sections_are_indented() -> None:
    text = """Count the words.

            Blank ones too.

        Parameters:
        text (str): where they stand
            on one line or more
        - limit: how many

        Returns: their number
        """
    assert tidy_prose(text) == (
        "Count the words.\n\nBlank ones too.\n\nParameters:\n    text (str): where they stand on one line or more\n"
        "    - limit: how many\n\nReturns: their number"
    )


def test_long_lines_of_prose_are_filled_and_no_word_is_lost() -> None:
    long = "Return the words of a text that are longer than a limit and stand before another " * 3
    text = f"{long}\n\n- one: {long}\n- two\n\nArgs:\n    a: {long}"
    filled = tidy_prose(text)
    assert max(map(len, filled.splitlines())) <= WIDTH - 4
    assert filled.split() == text.split()
    assert len(filled.splitlines()[0]) <= WIDTH - 8


def test_examples_go_with_their_headings_and_quotes_do_no_harm() -> None:
    text = 'Say """hi""".\n\nExamples:\n\n>>> f(1)\n2\n\nExample usage:\n>>> f(2)\n3\n\nNever fails.'
    assert tidy_prose(text) == "Say '''hi'''.\n\nNever fails."
    ast.parse(only(replace(DOUBLE, description=text)).text)
