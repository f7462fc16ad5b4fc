from collections.abc import Callable
from math import isclose

import pyarrow as pa
import pytest

from curate.filters.grading.rubric import FACTORS, PARTS, WEIGHTS, Rubric
from curate.stage import Context

Shard = Callable[..., pa.Table]
TEXTBOOK = '''"""Sums and means of numbers, written out step by step for a reader who is new to loops."""


def running_mean(numbers):
    """Return the mean of the numbers seen so far, one for each number given.

    >>> running_mean([1, 3])
    [1.0, 2.0]
    """
    means = []
    total = 0
    for count, number in enumerate(numbers, start=1):
        total += number
        means.append(total / count)
    return means


def largest_gap(numbers):
    """Return the largest difference between two neighbours in a list of numbers."""
    largest = 0
    for left, right in zip(numbers, numbers[1:]):
        if abs(left - right) > largest:
            largest = abs(left - right)
    return largest
'''
BARE = "\n".join(line for line in TEXTBOOK.replace('"""', "#").splitlines() if "#" not in line and ">>>" not in line)
HIDDEN = "from ._core import _state\nfrom . import tools\n" + TEXTBOOK.replace(
    "    total = 0", "    total = _state(tools)"
)
INCOMPLETE = TEXTBOOK.replace("    total = 0", "    total = __registry__['start']")
TEST = "import unittest\n\n\nclass TestMean(unittest.TestCase):\n" + "".join(
    f"    def test_{n}(self):\n        self.assertEqual(mean([{n}, {n}]), {n})\n\n" for n in range(6)
)
ACCESSORS = "class Point:\n" + "".join(
    f"    @property\n    def value_{n}(self):\n        return self['value_{n}']\n\n" for n in range(9)
)
TABLE = (
    "CODES = {\n"
    + "".join(f"    {n}: 'name {n}',\n" for n in range(40))
    + "}\n\n\ndef name(code):\n    return CODES[code]\n"
)
SETTINGS = "DEBUG = True\nHOSTS = []\nsetup(name='x')\n"
BROKEN = TEXTBOOK + "def ("


def grades(table: pa.Table, context: Context) -> list[float]:
    found: list[float] = Rubric().judge(table, context).columns["grade"].to_pylist()
    return found


def test_what_teaches_stands_above_what_does_not(shard: Shard, context: Context) -> None:
    textbook, bare, hidden, test, accessors, table, settings, broken = grades(
        shard(TEXTBOOK, BARE, HIDDEN, TEST, ACCESSORS, TABLE, SETTINGS, BROKEN), context
    )
    assert textbook > 4
    assert textbook > hidden > 2
    assert textbook - bare > 0.5
    assert bare > 2
    assert max(test, accessors, table) < 1
    assert settings == broken == 0


def test_code_that_uses_names_nobody_defines_has_half_the_grade(shard: Shard, context: Context) -> None:
    whole, incomplete = grades(shard(TEXTBOOK, INCOMPLETE), context)
    assert isclose(incomplete, whole / 2, rel_tol=0.01)


def test_the_parts_explain_the_grade(shard: Shard, context: Context) -> None:
    columns = Rubric().judge(shard(TEXTBOOK, BARE, TEST, TABLE, BROKEN), context).columns
    parts = {name: columns[f"rubric_{name}"].to_pylist() for name in PARTS}
    for row, grade in enumerate(columns["grade"].to_pylist()):
        assert all(0 <= parts[name][row] <= 1 for name in PARTS)
        expected = 5 * sum(weight * parts[name][row] for name, weight in WEIGHTS.items())
        for name in FACTORS:
            expected *= parts[name][row]
        assert isclose(grade, expected, abs_tol=0.001)


def test_every_document_is_kept_unless_a_minimum_is_given(shard: Shard, context: Context) -> None:
    table = shard(TEXTBOOK, TABLE, BROKEN)
    assert Rubric().judge(table, context).reasons.to_pylist() == [None, None, None]
    kept, dropped = Rubric(minimum=2).judge(table, context).split(table)
    assert kept.column("id").to_pylist() == ["d0"]
    assert dropped.column("reason").to_pylist() == ["low grade", "low grade"]
    assert dropped.column("score").to_pylist() == dropped.column("grade").to_pylist()


@pytest.mark.parametrize(
    "text", ["", "def f(): 'only a docstring'", "def f(): pass", "class A:\n def f(self): ...", "\0", "x=" * 9]
)
def test_odd_documents_get_a_grade_too(text: str, shard: Shard, context: Context) -> None:
    assert 0 <= grades(shard(text), context)[0] < 2


def test_an_empty_shard_stays_empty(shard: Shard, context: Context) -> None:
    table = shard()
    kept, dropped = Rubric(minimum=1).judge(table, context).split(table)
    assert (kept.num_rows, dropped.num_rows) == (0, 0)


def test_a_document_too_large_to_parse_has_no_grade_and_takes_no_time(shard: Shard, context: Context) -> None:
    assert grades(shard("def f(a):\n    return a\n" * 2_000_000), context) == [0.0]
