"""Of what types the names are that a function gives itself, from all the values that it gives them.

In: statements, and the types of the parameters. Out: a Kind for each name: `UNKNOWN` for one that is given None, or
values of different types. A list that starts empty holds what is appended to it, a dictionary what is put in.
"""

import ast
from collections.abc import Iterator, Sequence

from curate.synth.words.kinds import NUMBERS, TEXTS, UNKNOWN, Kind, Kinds, bound, kind_of

ROUNDS = 3
"""How often all values are gone through: a name may get the kind of one that is given its own further down."""
HOLDS_ONE = {"append": "list", "add": "set"}


def own_kinds(body: Sequence[ast.stmt], parameters: Kinds) -> dict[str, Kind]:
    """Return the kinds of parameters and of the names that statements give."""
    known = dict(parameters)
    mixed: set[str] = set()
    for _ in range(ROUNDS):
        for text, kind, is_none in _given(body, known):
            if is_none or _differ(known.get(text, UNKNOWN), kind):
                mixed.add(text)
            known[text] = UNKNOWN if text in mixed else _joined(known.get(text, UNKNOWN), kind)
    return known


def _given(body: Sequence[ast.stmt], known: dict[str, Kind]) -> Iterator[tuple[str, Kind, bool]]:
    """Yield each name, the kind of what it is given, and whether that is None."""
    for node in (each for statement in body for each in ast.walk(statement)):
        match node:
            case ast.Assign(targets=[target], value=value) | ast.AnnAssign(target=target, value=ast.expr() as value):
                yield from _assigned(target, value, known)
            case ast.AugAssign(target=ast.Name(id=text), op=sign, value=value):
                yield text, kind_of(ast.BinOp(ast.Name(text, ast.Load()), sign, value), known), False
            case ast.For(target=target, iter=over):
                inner = bound(target, kind_of(over, known).element, {})
                yield from ((text, kind, False) for text, kind in inner.items())
            case ast.Call(func=ast.Attribute(value=ast.Name(id=text), attr="append" | "add" as method), args=[item]):
                yield text, Kind(HOLDS_ONE[method], (kind_of(item, known),)), False
            case ast.Call(func=ast.Attribute(value=ast.Name(id=text), attr="extend"), args=[items]):
                yield text, Kind("list", (kind_of(items, known).element,)), False


def _assigned(target: ast.expr, value: ast.expr, known: dict[str, Kind]) -> Iterator[tuple[str, Kind, bool]]:
    match target, value:
        case ast.Name(id=text), _:
            yield text, kind_of(value, known), isinstance(value, ast.Constant) and value.value is None
        case ast.Tuple(elts=targets), ast.Tuple(elts=values) if len(targets) == len(values):
            for one, each in zip(targets, values, strict=True):
                yield from _assigned(one, each, known)
        case ast.Tuple(), _:
            yield from ((text, kind, False) for text, kind in bound(target, kind_of(value, known), {}).items())
        case ast.Subscript(value=ast.Name(id=text), slice=key), _ if known.get(text, UNKNOWN).name == "dict":
            yield text, Kind("dict", (kind_of(key, known), kind_of(value, known))), False


def _differ(one: Kind, other: Kind) -> bool:
    """Tell whether no kind covers both."""
    if UNKNOWN in (one, other) or one == other:
        return False
    if one.name != other.name:
        numbers = {one.name, other.name} <= {*NUMBERS} - {"bool"}
        return not (numbers or {one.name, other.name} <= {*TEXTS})
    return len(one.inner) == len(other.inner) and any(map(_differ, one.inner, other.inner))


def _joined(one: Kind, other: Kind) -> Kind:
    """Return the kind that covers both."""
    if UNKNOWN in (one, other):
        return one if other == UNKNOWN else other
    if one.name != other.name:
        return Kind("float" if "float" in (one.name, other.name) else "str")
    if len(one.inner) != len(other.inner):
        return one if one.inner else other
    return Kind(one.name, tuple(map(_joined, one.inner, other.inner)))
