"""Which solutions to believe: those that agree on every input (self-consistency, Wang et al. 2023, by execution).

In: programs for one stub and what each gave on the same inputs. Out: the agreeing programs and the values, or the
reason to reject the exercise. The teacher's own expected values are never believed: seven in eight sets of asserts
that a 1.5B model wrote were wrong.
"""

import ast
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from curate.sandbox.programs import CallOutcome
from curate.sandbox.values import literal
from curate.synth.code.functions import CHANGERS
from curate.synth.code.inputs import alternatives, base_type, members
from curate.synth.code.reads import read_first
from curate.synth.exercise.complete import bare
from curate.synth.item.item import Case
from curate.synth.teacher.answers import Program, Stub
from curate.text.trees import nodes_below, parse

ENOUGH = 4
"""Inputs that must give a value: on fewer, agreement says little."""
KNOWN = {name: {name} for name in ("int", "str", "bool", "list", "tuple", "set", "dict", "frozenset", "bytes")} | {
    "float": {"float", "int"},
    "complex": {"complex", "float", "int"},
    "None": {"NoneType"},
}
"""Which types of value an annotation allows; as for type checkers, an int is a float."""


ATOMS = frozenset({int, float, complex, str, bytes, bool, type(None), type(...)})


@dataclass(frozen=True)
class Agreed:
    """The majority: its programs, in the order they were asked for, and its cases."""

    programs: tuple[Program, ...]
    cases: tuple[Case, ...]


def agree(
    stub: Stub,
    programs: Sequence[Program],
    outcomes: Sequence[Sequence[CallOutcome]],
    inputs: Sequence[tuple[Any, ...]],
    *,
    asked: int,
    share: float,
    fewest: int = 2,
) -> Agreed | str:
    """Return the majority among the solutions, or why there is none to believe.

    `asked` counts all solutions, also those without usable code: they agree with nobody. The majority needs at least
    `share` of them, and `fewest`.
    """
    if not programs:
        return "no solution parses"
    clusters: dict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
    for index, results in enumerate(outcomes):
        clusters[gave(results, floats=speaks_of_floats(stub))].append(index)
    members = max(clusters.values(), key=len)
    shown = min(members, key=lambda index: (len(programs[index].body), programs[index].body))  # its own order, digits
    results = outcomes[shown]
    if len(members) < max(fewest, share * asked):
        return "no majority"
    if sum(result.status == "value" for result in results) < ENOUGH:
        return "raised" if all(result.status in ("value", "raised") for result in results) else "did not end well"
    cases = [
        Case(", ".join(map(literal, arguments)), result.value)
        for arguments, result in zip(inputs, results, strict=True)
        if result.status == "value"
    ]
    agreed = Agreed(tuple(programs[i] for i in members), tuple(cases))
    pure = [program for program in agreed.programs if not changes_its_parameters(stub, program)]
    if not any(uses_its_parameters(stub, program) for program in pure or agreed.programs):
        return "ignores a parameter"
    if not pure:
        return "changes an argument"
    return _objection(stub, cases, inputs, results) or agreed


def gave(outcomes: Sequence[CallOutcome], *, floats: bool = False) -> tuple[tuple[str, str], ...]:
    """Return what calls gave, as it is compared: dictionaries in any order, floats to nine digits; with `floats`, for
    functions that return such, an int counts as one.

    >>> one, two = (CallOutcome("value", text, "dict", "") for text in ("{1: 0.3, 2: 4}", "{2: 4, 1: 0.3000000000004}"))
    >>> gave([one]) == gave([two])
    True
    """
    return tuple(
        (each.status, _plain(each.value, floats) if each.status == "value" else each.value) for each in outcomes
    )


def speaks_of_floats(stub: Stub) -> bool:
    """Tell whether a float is among what a function says it returns."""
    return stub.returns is not None and any(
        isinstance(node, ast.Name) and node.id == "float" for node in nodes_below(stub.returns)
    )


@lru_cache(maxsize=1 << 15)
def _plain(value: str, floats: bool) -> str:
    if ("{" not in value and "." not in value and not floats) or len(value) > 10_000:
        return value
    try:
        return repr(_in_order(ast.literal_eval(value), floats))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return value


def _in_order(value: Any, floats: bool) -> Any:
    match value:
        case int() if floats and not isinstance(value, bool) and abs(value) < 1 << 53:
            return float(f"{value:.9g}")
        case float():
            return float(f"{value:.9g}")
        case dict():
            pairs = ((repr(key), _in_order(item, floats)) for key, item in value.items())
            return ("dict", sorted(pairs, key=lambda pair: pair[0]))
        case list() | tuple():
            return (type(value).__name__, [_in_order(item, floats) for item in value])
        case set():
            return ("set", sorted(map(repr, value)))
        case _:
            return value


def uses_its_parameters(stub: Stub, program: Program) -> bool:
    """Tell whether the body reads every parameter of the function."""
    return {parameter.arg for parameter in [*stub.parameters.posonlyargs, *stub.parameters.args]} <= _names(
        program.source(stub)
    ).read


def changes_its_parameters(stub: Stub, program: Program) -> bool:
    """Tell whether the body changes what it was given: by a method, an index or `del`, on a parameter that it has given
    no other value."""
    names = _names(program.source(stub))
    given = {parameter.arg for parameter in [*stub.parameters.posonlyargs, *stub.parameters.args]}
    return not given.isdisjoint(names.changed - names.set)


@dataclass(frozen=True)
class _Names:
    """The names in a program: those that are read before they are given a value, those that are given one, and those
    of which a part is changed."""

    read: frozenset[str]
    set: frozenset[str]
    changed: frozenset[str]


@lru_cache(maxsize=1 << 12)  # asked of every program several times
def _names(source: str) -> _Names:
    module = parse(source)
    read = set(read_first(module)) if module else set()
    put, changed = set(), set()
    for node in nodes_below(module) if module else ():
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                put.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in CHANGERS:
                changed.add(name)
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                changed.add(name)
    return _Names(frozenset(read), frozenset(put), frozenset(changed))


def _objection(
    stub: Stub, cases: list[Case], inputs: Sequence[tuple[Any, ...]], results: Sequence[CallOutcome]
) -> str | None:
    """Say what is wrong with a function that gives these values, if anything is."""
    if len({case.value for case in cases}) == 1:
        return "constant output"
    answered = [(row, result) for row, result in zip(inputs, results, strict=True) if result.status == "value"]
    if any(all(literal(row[i]) == result.value for row, result in answered) for i in range(len(inputs[0]))):
        return "identity output"
    given = map(read_value, {case.value for case in cases})
    if stub.returns is not None and not all(map(_checker(stub.returns), given)):
        return "wrong return type"
    return None


def values_of(outcomes: Sequence[CallOutcome]) -> list[Any]:
    """Return the values that calls gave, each once."""
    return [read_value(text) for text in dict.fromkeys(each.value for each in outcomes if each.status == "value")]


@lru_cache(maxsize=1 << 15)  # every solution of a stub gives them again
def read_value(text: str) -> Any:
    """Return a value from its source, not to be changed; Ellipsis for the few that have no literal (nan, range)."""
    return Case("", text).read()


def tells_its_type(stub: Stub, values: Sequence[Any]) -> bool:
    """Tell whether a stub says of what type its result is, and these values are."""
    returns = stub.returns
    return returns is not None and not bare(None, returns) and all(map(_checker(returns), values))


def fits(annotation: ast.expr, value: Any) -> bool:
    """Tell whether a function annotated so may return this value; names that we do not know allow anything.

    >>> fits(ast.parse("list[list[int]]", mode="eval").body, [1, 2])
    False
    """
    return _checker(annotation)(value)


def _checker(annotation: ast.expr) -> Callable[[Any], bool]:
    """Return what tells of a value whether it fits: an annotation is read once for all values."""
    parts = [_checker_of_one(part) for part in alternatives(annotation)]
    return parts[0] if len(parts) == 1 else lambda value: any(part(value) for part in parts)


def _checker_of_one(annotation: ast.expr) -> Callable[[Any], bool]:
    name, inner = base_type(annotation), members(annotation)
    known = KNOWN.get(name)
    if known is None:
        return lambda _: True
    if not inner:
        kinds = frozenset({*known, "ellipsis"})
        return lambda value: type(value).__name__ in kinds
    inside: Callable[[Any], bool] = lambda _: True  # noqa: E731
    if name == "dict" and len(inner) == 2:
        key, item = map(_checker, inner)
        inside = lambda value: all(map(key, value)) and all(map(item, value.values()))  # noqa: E731
    elif name == "tuple" and inner and not _open_ended(inner):
        places = [_checker(each) for each in inner]
        inside = lambda value: len(places) == len(value) and all(map(_holds, places, value))  # noqa: E731
    elif inner and name in ("list", "tuple", "set", "frozenset"):
        element = _checker(inner[0])
        inside = lambda value: all(map(element, _one_of_each_kind(value)))  # noqa: E731
    return lambda value: value is ... or (type(value).__name__ in known and inside(value))


def _one_of_each_kind(values: Collection[Any]) -> Iterable[Any]:
    """Return an item of each type where the items are atoms, of which a type tells all; else all items."""
    kinds = {type(value): value for value in values}
    return kinds.values() if ATOMS.issuperset(kinds) else values


def _holds(check: Callable[[Any], bool], value: Any) -> bool:
    return check(value)


def _open_ended(inner: list[ast.expr]) -> bool:
    """Tell whether the members of a tuple type are `X, ...`."""
    return isinstance(inner[-1], ast.Constant) and inner[-1].value is ...
