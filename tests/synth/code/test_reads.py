"""A parameter whose name is given another value before it is read is not used."""

import ast

import pytest

from curate.synth.code.reads import read_first


@pytest.mark.parametrize(
    ("code", "reads"),
    [
        ("return [x for x, day in pairs if day]", {"pairs"}),
        ("return [day for x in day]", {"day"}),
        ("return {x: day for x in xs}", {"xs", "day"}),
        ("for day in days:\n        total = day\n    return total", {"days", "total"}),
        ("day = day or 1\n    return day", {"day"}),
        ("day = 1\n    return day", set()),
        ("day += 1\n    return day", {"day"}),
        ("if flag:\n        day = 1\n    return day", {"flag", "day"}),
        ("if flag:\n        day = 1\n        return day\n    return 2", {"flag"}),
        ("while n:\n        n -= 1\n    return n", {"n"}),
        ("try:\n        day = int(w)\n    except Bad:\n        return day\n    return day", {"int", "w", "day", "Bad"}),
        ("return sorted(xs, key=lambda x: x + day)", {"sorted", "xs", "x", "day"}),
        ("match word:\n        case 'a':\n            return day\n    return 0", {"word", "day"}),
        ("d[day] = 1\n    return d", {"d", "day"}),
        ("return (y := x) + y", {"x"}),
    ],
)
def test_names_that_are_read_before_they_are_set(code: str, reads: set[str]) -> None:
    assert read_first(ast.parse(f"def f():\n    {code}\n")) == reads
