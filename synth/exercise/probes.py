"""What a function is tried on: its examples, edges, values that its description names, drawn values, standard rows.

In: a stub. Out: rows of arguments. Wrong solutions and wrong descriptions show at the edges (zero, empty, negative,
capitals, punctuation, one element, equal elements) and at the values that a clause names, so those come first.
Standard rows are the same for all functions with parameters of the same types: by what it gives there a function is
known again under another name (the idea of `dedup.behaviour`).
"""

import ast
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, islice
from random import Random
from typing import Any

from curate.synth.code.inputs import alternatives, argument_rows, base_type
from curate.synth.exercise.clauses import named_values
from curate.synth.teacher.answers import Stub
from curate.text.trees import nodes_below

STANDARD = 12
"""Standard rows."""
FROM_CODE, TIMES = 10, 2
"""Rows with constants of code, and how often each is tried within other values, as far as there is room."""
VARIED, BASES = 16, 6
"""Values that an argument takes which changed nothing so far, and rows in which it does."""
LONGEST_TEXT, LARGEST = 20, 10_000
"""Of a constant that inputs are made with."""
EDGES: dict[str, tuple[Any, ...]] = {
    "int": (0, 1, -1),
    "float": (0.0, -2.5, 0.125),
    "str": ("", "a", "Hello, World!", "aA bB  aa", " 12 été"),
    "list": ([],),
    "set": (set(),),
    "dict": ({},),
    "None": (None,),
}
Row = tuple[Any, ...]


def probes(stub: Stub, count: int, seed: int, code: str = "") -> list[Row] | None:
    """Return up to `count` different rows, the telling ones first, or None where a parameter is of no known kind.

    Where there is `code`, up to `FROM_CODE` rows more hold texts and numbers of it: what it looks for, and its limits.
    """
    drawn = _drawn(ast.unparse(stub.parameters), count, seed)
    if not drawn:
        return None
    random = Random(seed)
    own = [row for row in stub.examples if len(row) == len(drawn[0])][:3]
    edges = list(_edge_rows(stub.parameters, drawn))
    named = list(_named_rows(drawn, named_values(stub.prose), random))
    first = different([*own, *drawn[:3], *edges[: count // 2], *named[: count // 3]])
    plain = different([*first, *islice(_related_rows(drawn), count // 2), *drawn[3:]])[:count]
    if not code:
        return plain
    constants = _constants(code)
    whole, within = _named_rows(drawn, constants, random, whole=1.0), _named_rows(drawn, TIMES * constants, random)
    looked_for = islice(chain(whole, within), FROM_CODE)
    return different([*plain[:4], *looked_for, *plain[4:]])  # behind the first that are drawn, and the empty one


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
    """Return the edges of one parameter; of a list or dict also one with a single element and one with equal ones."""
    if parameter.annotation is None:
        return []
    kinds = {base_type(part) for part in alternatives(parameter.annotation)}
    found = [edge for kind, edges in EDGES.items() if kind in kinds for edge in edges]
    full = next((value for value in values if isinstance(value, list | dict) and value), None)
    if isinstance(full, dict):
        key, item = next(iter(full.items()))
        return [*found, {key: item}, dict.fromkeys(full, item)]
    return [*found, full[:1], full[:1] * 3] if full else found


def idle(rows: Sequence[Row], results: Sequence[Any]) -> list[int]:
    """Return the places of arguments that changed no result where all others stayed as they were.

    >>> idle([(1, 2), (1, 3), (2, 3)], ["a", "a", "b"])
    [1]
    """
    count = len(rows[0]) if rows else 0
    parts = [tuple(map(repr, row)) for row in rows]
    found = []
    for place in range(count if count > 1 else 0):
        gave: dict[tuple[str, ...], Any] = {}
        others = [(*part[:place], *part[place + 1 :]) for part in parts]
        if all(gave.setdefault(other, result) == result for other, result in zip(others, results, strict=True)):
            found.append(place)
    return found


def telling_rows(rows: Sequence[Row], results: Sequence[Any], places: Sequence[int]) -> list[Row]:
    """Return for each place two rows that differ there alone and in their results, where there are such.

    >>> telling_rows([(1, 2), (1, 3), (2, 3)], ["a", "a", "b"], [0])
    [(1, 3), (2, 3)]
    """
    found: list[Row] = []
    for place in places:
        first: dict[str, tuple[Row, Any]] = {}
        for row, result in zip(rows, results, strict=True):
            one, before = first.setdefault(repr((*row[:place], *row[place + 1 :])), (row, result))
            if before != result:
                found += [one, row]
                break
    return found


def varied(rows: Sequence[Row], place: int) -> list[Row]:
    """Return rows that differ in one argument alone, which takes the values that it has in others."""
    values = {repr(row[place]): row[place] for row in rows}
    given = list(values.values())[:VARIED]
    return [(*base[:place], value, *base[place + 1 :]) for base in rows[:BASES] for value in given]


def _named_rows(drawn: Sequence[Row], values: Sequence[Any], random: Random, whole: float = 0.5) -> Iterable[Row]:
    """Yield drawn rows in which named values stand for values of their type; texts for a `whole` one in that share."""
    for value in values:
        places = [place for place, old in enumerate(drawn[0]) if _takes(old, value)]
        for place in places[:2]:
            base = random.choice([row for row in drawn if _takes(row[place], value)])
            yield (*base[:place], _put(base[place], value, random, whole), *base[place + 1 :])


def _related_rows(drawn: Sequence[Row]) -> Iterable[Row]:
    """Yield drawn rows in which one argument has to do with another, in turn for every two: it is found in it, the same
    in other capitals or in another order, or shares some of it; and rows in which one argument alone is another's."""
    places = range(len(drawn[0]))
    pairs = [(one, other) for one in places for other in places if one != other]
    for turn in range(3):
        for one, other in pairs:
            for base in drawn[turn:][::3]:
                new = _related(base[one], base[other], turn, later=one < other)
                if new is not None and repr(new) != repr(base[other]) and (turn != 1 or new != base[one]):
                    yield (*base[:other], new, *base[other + 1 :])
                    break
        for place in places if pairs else ():
            base, donor = drawn[turn % len(drawn)], drawn[(turn + 1) % len(drawn)]
            yield (*base[:place], donor[place], *base[place + 1 :])


def _related(held: Any, value: Any, turn: int, *, later: bool) -> Any:
    """Return what has to do with the one value, in the place of the other; None where nothing of its type does."""
    inside = [each for each in held if type(each) is type(value)] if isinstance(held, list | tuple | set | dict) else []
    if inside:
        found = inside[turn % len(inside)]
        return found.swapcase() if turn == 1 and isinstance(found, str) else found
    return _like(held, value, turn) if later and type(held) is type(value) else None


def _like(held: Any, value: Any, turn: int) -> Any:
    """Return a value that is equal, in another order, or shares some."""
    match held:
        case list() if turn == 2:
            return [*held[: 1 + len(held) // 2], *value]
        case dict() if turn == 2:
            return {**value, **dict(list(held.items())[: 1 + len(held) // 2])}
        case list() | str() if turn == 1:
            return held[::-1]
        case dict() if turn == 1:
            return dict(zip(held, [*list(held.values())[1:], *list(held.values())[:1]], strict=True))
        case _:
            return held


def _constants(code: str) -> list[Any]:
    """Return the short texts and the numbers of code, each number followed by the next."""
    found: list[Any] = []
    for node in nodes_below(ast.parse(code)):
        match node:
            case ast.Constant(value=str() as text) if 0 < len(text) <= LONGEST_TEXT:
                found.append(text)
            case ast.Constant(value=int() | float() as number) if type(number) is not bool and abs(number) < LARGEST:
                found += [number, number + 1]
    return list({repr(value): value for value in found}.values())


def _takes(old: Any, value: Any) -> bool:
    if isinstance(old, list | tuple):
        return not old or any(_takes(item, value) for item in old)
    if isinstance(old, dict):
        return any(_takes(part, value) for pair in old.items() for part in pair)
    return type(old) is type(value) or (isinstance(old, float) and type(value) is int)


def _put(old: Any, value: Any, random: Random, whole: float) -> Any:
    """Put a value in the place of another, into a text, or into a container, where that is of such values."""
    if not _takes(old, value) or old in ([], ()):
        return old
    match old:
        case list() | tuple():
            place = random.choice([place for place, item in enumerate(old) if _takes(item, value)])
            return type(old)([*old[:place], _put(old[place], value, random, whole), *old[place + 1 :]])
        case str():
            at = random.randint(0, len(old))
            return value if random.random() < whole else f"{old[:at]}{value}{old[at:]}"
        case dict():
            key, item = next(iter(old.items()))
            if type(key) is type(value) and (not _takes(item, value) or random.random() < 0.5):
                return {**old, value: item}
            return {**old, key: _put(item, value, random, whole)}
        case _:
            return float(value) if isinstance(old, float) else value


def _spelling(annotation: ast.expr) -> str:
    """Return a type as today's Python spells it."""
    aliases = {"List": "list", "Dict": "dict", "Tuple": "tuple", "Set": "set", "Sequence": "list", "Text": "str"}
    text = ast.unparse(annotation).removeprefix("typing.")
    for old, new in aliases.items():
        text = text.replace(f"{old}[", f"{new}[")
    return text
