"""Inputs that hold what a function looks for: a parser of `a=b` is told little by words without a `=`.

In: argument tuples drawn from types, and the constants of a function's code. Out: the same tuples, in which part of the
strings and numbers are made from those constants.
"""

import ast
from collections.abc import Sequence
from random import Random
from typing import Any

SHARE = 0.5
"""Of the strings; of the numbers half as many."""
LONGEST = 10
WORDS = ("a", "key", "value", "12", "x1", "Hello", "some name", "7", "data", "item")


def constants_of(function: ast.FunctionDef) -> list[Any]:
    """Return the short strings and the integers of a function's code and defaults, its docstring left out."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    nodes = [*function.args.defaults, *body]
    found = [each.value for node in nodes for each in ast.walk(node) if isinstance(each, ast.Constant)]
    texts = [value for value in found if isinstance(value, str) and 0 < len(value) <= LONGEST and value.isprintable()]
    numbers = [value for value in found if type(value) is int and abs(value) < 10_000]
    return list(dict.fromkeys([*texts, *numbers]))


def spiced(rows: Sequence[tuple[Any, ...]], constants: Sequence[Any], seed: int) -> list[tuple[Any, ...]]:
    """Return the rows with part of their values made from constants; equal ones once."""
    random = Random(seed)
    texts = [each for each in constants if isinstance(each, str)]
    numbers = [each for each in constants if not isinstance(each, str)]
    made = [tuple(_spice(value, texts, numbers, random) for value in row) for row in rows]
    return list({repr(row): row for row in made}.values())


def _spice(value: Any, texts: Sequence[str], numbers: Sequence[int], random: Random) -> Any:
    match value:
        case str() if texts and random.random() < SHARE:
            return _text(random.choice(texts), random)
        case bool():
            return value
        case int() if numbers and random.random() < SHARE / 2:
            return random.choice(numbers) + random.choice((-1, 0, 0, 1))
        case list() | tuple():
            return type(value)(_spice(item, texts, numbers, random) for item in value)
        case dict():
            return {_spice(key, texts, numbers, random): item for key, item in value.items()}
        case _:
            return value


def _text(constant: str, random: Random) -> str:
    one, two, three = random.choices(WORDS, k=3)
    shapes = (
        constant,
        f"{one}{constant}{two}",
        f"{one}{constant}{two}{constant}{three}",
        f"{constant}{one}",
        f"{one}{constant}",
        f"{one} {constant} {two}",
    )
    return random.choice(shapes)
