"""What a function is tried on: its examples, edges, values that its description names, drawn values, standard rows.

In: a stub. Out: rows of arguments. Wrong solutions and wrong descriptions show at the edges (zero, empty, negative,
capitals, punctuation, one element, equal elements) and at the values that a clause names, so those come first.
Standard rows are the same for all functions with parameters of the same types: by what it gives there a function is
known again under another name (the idea of `dedup.behaviour`).
"""

import ast
from collections.abc import Iterable, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from synth.answers import Stub
from synth.clauses import named_values
from synth.inputs import alternatives, argument_rows, base_type

STANDARD = 12
"""Standard rows."""
EDGES: dict[str, tuple[Any, ...]] = {
    "int": (0, 1, -1),
    "float": (0.0, -2.5),
    "str": ("", "a", "Hello, World!", "aA bB  aa"),
    "list": ([],),
    "set": (set(),),
    "dict": ({},),
    "None": (None,),
}
Row = tuple[Any, ...]


def probes(stub: Stub, count: int, seed: int) -> list[Row] | None:
    """Return up to `count` different rows, the telling ones first, or None where a parameter is of no known kind."""
    drawn = _drawn(ast.unparse(stub.parameters), count, seed)
    if not drawn:
        return None
    random = Random(seed)
    own = [row for row in stub.examples if len(row) == len(drawn[0])][:3]
    edges = list(_edge_rows(stub.parameters, drawn))
    named = list(_named_rows(drawn, named_values(stub.prose), random))
    return different([*own, *drawn[:3], *edges[: count // 2], *named[: count // 3], *drawn[3:]])[:count]


def standard(stub: Stub) -> tuple[str, list[Row]]:
    """Return the types of the parameters in one spelling, and the rows for these; none where a type is not known."""
    plain = [*stub.parameters.posonlyargs, *stub.parameters.args]
    needed = plain[: len(plain) - len(stub.parameters.defaults)] or plain
    types = [_spelling(parameter.annotation) if parameter.annotation else "int" for parameter in needed]
    signature = ", ".join(f"_{place}: {name}" for place, name in enumerate(types))
    return signature, _standard_rows(signature)


@lru_cache(maxsize=8192)  # a stub that is described after it ran is tried on the same ones again
def _drawn(parameters: str, count: int, seed: int) -> list[Row] | None:
    [function] = ast.parse(f"def f({parameters}): ...").body
    assert isinstance(function, ast.FunctionDef)
    return argument_rows(function.args, count, seed)


@lru_cache(maxsize=4096)
def _standard_rows(signature: str) -> list[Row]:
    try:
        [function] = ast.parse(f"def f({signature}): ...").body
    except SyntaxError:
        return []
    assert isinstance(function, ast.FunctionDef)
    return argument_rows(function.args, STANDARD, seed=0) or []


def different(rows: Iterable[Row]) -> list[Row]:
    """Return rows without repeats."""
    return list({repr(row): row for row in rows}.values())


def _edge_rows(parameters: ast.arguments, drawn: Sequence[Row]) -> Iterable[Row]:
    """Yield the row of all first edges, then rows with one edge each, one of every parameter in turn."""
    plain = [*parameters.posonlyargs, *parameters.args][: len(drawn[0])]
    edges = [_edges(parameter, [row[place] for row in drawn]) for place, parameter in enumerate(plain)]
    yield tuple(own[0] if own else drawn[0][place] for place, own in enumerate(edges))
    for turn in range(max(map(len, edges), default=0)):
        for place, own in enumerate(edges):
            if turn < len(own):
                base = drawn[(turn + place) % len(drawn)]
                yield (*base[:place], own[turn], *base[place + 1 :])


def _edges(parameter: ast.arg, values: Sequence[Any]) -> list[Any]:
    """Return the edges of one parameter; of a list also one with a single element and one with equal elements."""
    if parameter.annotation is None:
        return []
    kinds = {base_type(part) for part in alternatives(parameter.annotation)}
    found = [edge for kind, edges in EDGES.items() if kind in kinds for edge in edges]
    full = next((value for value in values if isinstance(value, list) and value), None)
    return [*found, full[:1], full[:1] * 3] if full else found


def _named_rows(drawn: Sequence[Row], values: Sequence[Any], random: Random) -> Iterable[Row]:
    """Yield drawn rows in which named values stand for values of their type."""
    for value in values:
        places = [place for place, old in enumerate(drawn[0]) if _takes(old, value)]
        for place in places[:2]:
            base = random.choice([row for row in drawn if _takes(row[place], value)])
            yield (*base[:place], _put(base[place], value, random), *base[place + 1 :])


def _takes(old: Any, value: Any) -> bool:
    if isinstance(old, list | tuple):
        return not old or _takes(old[0], value)
    same = type(old) is type(value) or (isinstance(old, float) and type(value) is int)
    return same or (isinstance(old, dict) and isinstance(value, str))


def _put(old: Any, value: Any, random: Random) -> Any:
    """Put a value in the place of another, into a text, or into a list, where the list is of such values."""
    match old:
        case [] | ():
            return old
        case list():
            place = random.randrange(len(old))
            new = _put(old[place], value, random) if _takes(old[place], value) else old[place]
            return [*old[:place], new, *old[place + 1 :]]
        case str():
            at = random.randint(0, len(old))
            return value if random.random() < 0.5 else f"{old[:at]}{value}{old[at:]}"
        case dict():
            return {**old, value: next(iter(old.values()))} if old else old
        case float():
            return float(value) if _takes(old, value) else old
        case _:
            return value if type(old) is type(value) else old


def _spelling(annotation: ast.expr) -> str:
    """Return a type as today's Python spells it."""
    aliases = {"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set", "Sequence": "list", "Text": "str"}
    text = ast.unparse(annotation).removeprefix("typing.")
    for old, new in aliases.items():
        text = text.replace(f"{old}[", f"{new}[")
    return text
