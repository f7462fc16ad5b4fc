"""Inputs that functions are compared on: the same for all functions of the same parameter types.

In: a parameter's type as syntax. Out: its name in one spelling, and for such types a fixed list of argument tuples of
plain values. Types that hold the same values count as one: a float is an int, what may be None is what it is else, a
`Sequence` is a list; `Any`, a bare `list`, and a parameter without annotation are tried with values of several kinds.
What has no known type (a class, a callable) has no inputs.
"""

import ast
import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from random import Random
from typing import Any

Row = tuple[Any, ...]
NAMES = {
    "float": "int", "complex": "int", "Number": "int", "object": "Any", "Text": "str", "AnyStr": "str",
    "List": "list", "Sequence": "list", "Iterable": "list", "Collection": "list", "MutableSequence": "list",
    "Dict": "dict", "Mapping": "dict", "MutableMapping": "dict", "Tuple": "tuple", "Set": "set", "FrozenSet": "set",
    "frozenset": "set",
}  # fmt: skip
ANY = ("int", "str", "list[int]", "list[str]", "dict[str, int]", "list[list[int]]")
"""What stands in for Any."""
INNER = {"list": ("Any",), "set": ("Any",), "tuple": ("Any", "Any"), "dict": ("str", "Any")}
INTEGERS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 28, 37, 100, -1, -2, -7)
TEXTS = (
    "", "a", "Ab", "abc", "hello", "Level", "racecar", "banana", "Hello, World!", "the quick brown fox", "a1b22 c3",
    "one  two", "3", "-12", "(a(b))", "x,y;z", "AAbbbC", "never odd or even", "2021-03-04", "snake_case name",
)  # fmt: skip
SIZES = (0, 1, 2, 3, 4, 5, 6, 7)


def type_name(annotation: ast.expr | None) -> str:
    """Return a type in its one spelling; "" for one that is not known.

    >>> type_name(ast.parse("Optional[Dict[str, List[float]]]", mode="eval").body)
    'dict[str, list[int]]'
    """
    annotation = _unquoted(annotation)
    match annotation:
        case None:
            return "Any"
        case ast.BinOp(left, ast.BitOr(), right):
            return _either([left, right])
        case ast.Name(name) | ast.Attribute(attr=name):
            return _whole(NAMES.get(name, name), [])
        case ast.Subscript(value=ast.Name(name) | ast.Attribute(attr=name), slice=inner):
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return _either(parts) if name in ("Union", "Optional") else _whole(NAMES.get(name, name), parts)
        case _:
            return ""


def _unquoted(annotation: ast.expr | None) -> ast.expr | None:
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return ast.parse(annotation.value, mode="eval").body
        except (SyntaxError, ValueError):
            return annotation
    return annotation


def _either(parts: Sequence[ast.expr]) -> str:
    """Return the first type of a union that is not None: others may be given, but need not be."""
    known = [part for part in parts if not (isinstance(part, ast.Constant) and part.value is None)]
    names = list(dict.fromkeys(type_name(part) for part in known))
    return names[0] if names and all(names) else ""


def _whole(name: str, parts: Sequence[ast.expr]) -> str:
    if name not in INNER:
        return name if name in ("int", "str", "bool", "bytes", "Any") and not parts else ""
    if name == "tuple" and len(parts) == 2 and isinstance(parts[1], ast.Constant) and parts[1].value is ...:
        return _joined("tuple", [type_name(parts[0]), "..."])
    inner = [type_name(part) for part in parts] or list(INNER[name])
    return _joined(name, inner)


def _joined(name: str, inner: Sequence[str]) -> str:
    return f"{name}[{', '.join(inner)}]" if all(inner) else ""


@cache
def inputs(types: tuple[str, ...], count: int) -> tuple[Row, ...]:
    """Return different argument tuples for parameters of these types, about `count`; none where one is not known."""
    if not types or not all(types):
        return ()
    vague = any("Any" in name for name in types)
    rows: dict[str, Row] = {}
    for kind in ANY if vague else ("",):
        exact = [name.replace("Any", kind or name) for name in types]
        random = Random(int.from_bytes(hashlib.blake2b(repr(exact).encode(), digest_size=8).digest()))
        drawers = [_drawer(name) for name in exact]
        if not all(drawers):
            continue
        wanted = len(rows) + (count // 3 if kind else count)
        for _ in range(4 * count):
            row = _related([draw(random) for draw in drawers if draw], random)
            rows.setdefault(repr(row), row)
            if len(rows) >= wanted:
                break
    return tuple(rows.values())


def _related(values: list[Any], random: Random) -> Row:
    """Let a later value now and then be a part of an earlier one: drawn apart, it is seldom found in there."""
    for place in range(1, len(values)):
        earlier, own = values[random.randrange(place)], values[place]
        if not earlier or random.random() < 0.5 or not isinstance(earlier, str | list | tuple | dict):
            continue
        parts = [*earlier, earlier[: random.randrange(1, 4)]] if isinstance(earlier, str) else list(earlier)
        fitting = [part for part in parts if type(part) is type(own)]
        if fitting:
            values[place] = random.choice(fitting)
    return tuple(values)


def _drawer(name: str) -> Callable[[Random], Any] | None:
    tree = ast.parse(name, mode="eval").body
    return _draws(tree)


def _draws(tree: ast.expr) -> Callable[[Random], Any] | None:
    """Return what draws a value of a type; None for one that cannot be, such as a set of lists."""
    if isinstance(tree, ast.Name):
        return SCALARS.get(tree.id)
    assert isinstance(tree, ast.Subscript) and isinstance(tree.value, ast.Name)
    kind, parts = tree.value.id, tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice]
    if kind in ("set", "dict") and not _hashable(parts[0]):
        return None
    open_ended = kind == "tuple" and isinstance(parts[-1], ast.Constant)
    draws = [draw for part in parts[: 1 if open_ended else None] if (draw := _draws(part))]
    if len(draws) < len(parts) - open_ended:
        return None
    if kind == "tuple" and not open_ended:
        return lambda random: tuple(draw(random) for draw in draws)
    if kind == "dict":
        return lambda random: {draws[0](random): draws[-1](random) for _ in range(random.choice(SIZES[:6]))}
    make = {"list": list, "set": set, "tuple": tuple}[kind]
    return lambda random: make(_several(draws[0], random))


def _several(draw: Callable[[Random], Any], random: Random) -> list[Any]:
    found = [draw(random) for _ in range(random.choice(SIZES))]
    if found and random.random() < 0.4:
        found.append(random.choice(found))
    return sorted(found) if random.random() < 0.15 and all(isinstance(each, int | str) for each in found) else found


def _hashable(tree: ast.expr) -> bool:
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return not names & {"list", "set", "dict"}


SCALARS: dict[str, Callable[[Random], Any]] = {
    "int": lambda random: random.choice(INTEGERS),
    "str": lambda random: random.choice(TEXTS),
    "bool": lambda random: random.random() < 0.5,
    "bytes": lambda random: random.choice(TEXTS).encode(),
    "None": lambda _: None,
}
