"""For which inputs a function raises, read off its runs and said in a sentence: "Raises ValueError if `xs` is empty."

In: rows of arguments, what each gave, the names of the parameters. Out: sentences, or None where no condition of those
below holds for just the rows that raised. The conditions speak of one argument or of two; of several that fit, the
first is said, so that rows which tell them apart (`rows_around`) are to be among those that ran.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import permutations
from typing import Any

from curate.sandbox.programs import CallOutcome

Row = tuple[Any, ...]
Test = Callable[[Row], bool]
SIZED = (str, list, dict, tuple, set)
BLANK = "  "
LENGTHS = (2, 3, 4, 5)
FEWEST = 3
"""Rows that must give a value before it can be said for which there is an error."""


def raised_when(names: Sequence[str], rows: Sequence[Row], outcomes: Sequence[CallOutcome]) -> list[str] | None:
    """Return a sentence for each kind of error."""
    seen = list(zip(rows, outcomes, strict=True))
    good = [row for row, outcome in seen if outcome.status == "value"]
    errors = {outcome.value for _, outcome in seen if outcome.status == "raised"}
    if len(good) < FEWEST and errors:
        return None
    found = []
    for error in sorted(errors):
        bad = [row for row, outcome in seen if outcome.status == "raised" and outcome.value == error]
        others = [row for row, outcome in seen if (outcome.status, outcome.value) != ("raised", error)]
        when = next((words for words, test in _conditions(names) if _fits(test, bad, others)), None)
        if when is None:
            return None
        found.append(f"Raises {error} if {when}.")
    return found


def _fits(test: Test, bad: Sequence[Row], others: Sequence[Row]) -> bool:
    return all(_holds(test, row) for row in bad) and not any(_holds(test, row) for row in others)


def _holds(test: Test, row: Row) -> bool:
    try:
        return bool(test(row))
    except (TypeError, ValueError, LookupError):
        return False


def rows_around(rows: Sequence[Row]) -> list[Row]:
    """Return rows like those, in which one argument has another length, or is zero, negative, in none of the others.

    They tell conditions apart that hold for the same rows by chance.
    """
    found: list[Row] = []
    for base in [*rows[1:4], *rows[:1]]:
        for place, value in enumerate(base):
            found += [(*base[:place], other, *base[place + 1 :]) for other in _others(value, rows, place)]
    return list({repr(row): row for row in found}.values())


def _others(value: Any, rows: Sequence[Row], place: int) -> Iterator[Any]:
    match value:
        case bool():
            yield not value
        case int():
            yield from (0, -1, 1, 2, 7, -8)
        case float():
            yield from (0.0, -1.0, 2.5)
        case str() | list() | tuple():
            if isinstance(value, list) and value and isinstance(value[0], str | list | dict):
                yield from ([type(value[0])()], [value[0], type(value[0])()])
                if isinstance(value[0], str):
                    yield from ([BLANK], [value[0], BLANK], [value[0], "a"], [value[0], "a1"])
                if isinstance(value[0], list):
                    yield from ([value[0], value[0][:1]], [value[0], value[0][:2]])
            if isinstance(value, str):
                yield BLANK
            pool = [each for row in rows for each in (row[place] if isinstance(row[place], type(value)) else ())]
            for length in range(6) if not isinstance(value, tuple) else ():
                yield "".join(pool[:length]) if isinstance(value, str) else pool[:length]
        case dict():
            yield {}
            items = [pair for row in rows if isinstance(row[place], dict) for pair in row[place].items()]
            yield from (dict(items[:count]) for count in (1, 2))
        case _:
            return


def _conditions(names: Sequence[str]) -> Iterator[tuple[str, Test]]:
    """Yield conditions on a row, the plainest first, with their words."""
    for conditions in (ONE, OF_PARTS):
        for at, name in enumerate(names):
            for words, test in conditions:
                yield words.format(name), partial(_of_one, test, at)
    for (at, name), (by, other) in permutations(enumerate(names), 2):
        for words, both in TWO:
            yield words.format(name, other), partial(_of_two, both, at, by)


def _of_one(test: Callable[[Any], bool], at: int, row: Row) -> bool:
    return test(row[at])


def _of_two(test: Callable[[Any, Any], bool], at: int, by: int, row: Row) -> bool:
    return test(row[at], row[by])


def _empty(value: Any) -> bool:
    return isinstance(value, SIZED) and not value


def _blank(value: Any) -> bool:
    return isinstance(value, str) and not value.strip()


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _zero(value: Any) -> bool:
    return _number(value) and value == 0


def _lists(*values: Any) -> bool:
    return all(isinstance(value, list | str) for value in values)


def _no_index(value: Any, of: Any) -> bool:
    whole = isinstance(value, int) and isinstance(of, list | str | tuple)
    return whole and not -len(of) <= value < len(of)


def _short(kind: type[str] | type[list[Any]], length: int, value: Any) -> bool:
    return isinstance(value, kind) and len(value) < length


def _some(test: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, list) and any(map(test, value))


def _some_value(test: Callable[[Any], bool], value: Any) -> bool:
    return isinstance(value, dict) and any(map(test, value.values()))


def _all_equal(value: Any) -> bool:
    return isinstance(value, list) and len(set(map(repr, value))) == 1


ONE: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("`{}` is empty", _empty),
    ("`{}` is empty or nothing but whitespace", _blank),
    ("`{}` is 0", _zero),
    ("`{}` is negative", lambda value: _number(value) and value < 0),
    ("`{}` is 0 or less", lambda value: _number(value) and value <= 0),
    *((f"`{{}}` has fewer than {length} characters", partial(_short, str, length)) for length in LENGTHS),
    *((f"`{{}}` has fewer than {length} elements", partial(_short, list, length)) for length in LENGTHS),
)
"""Conditions on one argument."""
OF_PARTS: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("something in `{}` is empty", partial(_some, _empty)),
    ("something in `{}` is empty or nothing but whitespace", partial(_some, _blank)),
    ("a value of `{}` is empty or nothing but whitespace", partial(_some_value, _blank)),
    (
        "`{}` is empty, or each of its elements is",
        lambda value: isinstance(value, list) and all(map(_empty, value)),
    ),
    ("a value of `{}` is empty", partial(_some_value, _empty)),
    *(
        (f"something in `{{}}` has fewer than {length} {parts}", partial(_some, partial(_short, kind, length)))
        for length in LENGTHS[:2]
        for kind, parts in ((list, "elements"), (str, "characters"))
    ),
    ("`{}` holds 0", partial(_some, _zero)),
    ("`{}` has the value 0", partial(_some_value, _zero)),
    ("the sum of `{}` is 0", lambda value: isinstance(value, list) and sum(value) == 0),
    ("the sum of the values of `{}` is 0", lambda value: isinstance(value, dict) and sum(value.values()) == 0),
    ("`{}` is not empty and all its elements are equal", _all_equal),
)
TWO: tuple[tuple[str, Callable[[Any, Any], bool]], ...] = (
    ("`{}` is not a key of `{}`", lambda one, other: isinstance(other, dict) and one not in other),
    ("`{}` is not in `{}`", lambda one, other: isinstance(other, list | str | tuple) and one not in other),
    ("`{}` is no index of `{}`", _no_index),
    ("`{}` has fewer elements than `{}`", lambda one, other: _lists(one, other) and len(one) < len(other)),
    (
        "something in `{}` is not a key of `{}`",
        lambda one, other: isinstance(other, dict) and _some(lambda each: each not in other, one),
    ),
    (
        "something in `{}` is no index of `{}`",
        lambda one, other: _some(lambda each: _no_index(each, other), one),
    ),
    (
        "`{}` is 0 and `{}` is not empty",
        lambda one, other: _zero(one) and isinstance(other, SIZED) and not _empty(other),
    ),
    ("`{}` is empty and `{}` is not", lambda one, other: _empty(one) and isinstance(other, SIZED) and bool(other)),
    ("`{}` equals `{}`", lambda one, other: _number(one) and one == other),
    ("`{}` or `{}` is empty", lambda one, other: _empty(one) or _empty(other)),
    ("`{}` and `{}` are empty", lambda one, other: _empty(one) and _empty(other)),
    ("`{}` or `{}` is 0", lambda one, other: _zero(one) or _zero(other)),
    ("the sum of `{}` and `{}` is 0", lambda one, other: _number(one) and one + other == 0),
)
"""Conditions on two."""
