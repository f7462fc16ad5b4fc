"""Which solutions to believe: those that agree on every input (self-consistency, Wang et al. 2023, by execution).

In: programs for one stub and what each gave on the same inputs. Out: the agreeing programs and the values, or the
reason to reject the exercise. The teacher's own expected values are never believed: seven in eight sets of asserts
that a 1.5B model wrote were wrong.
"""

import ast
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curate.sandbox import CallOutcome
from curate.sandbox_values import literal
from synth.answers import Program, Stub
from synth.inputs import alternatives, base_type

ENOUGH = 4
"""Inputs that must give a value: on fewer, agreement says little."""
NUMBERS = {"float": {"float", "int"}, "complex": {"complex", "float", "int"}, "Any": set[str](), "object": set[str]()}


@dataclass(frozen=True)
class Case:
    """One input that gave a value, both as Python source."""

    arguments: str
    value: str
    type: str


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
) -> Agreed | str:
    """Return the majority among the solutions, or why there is none to believe.

    `asked` counts all solutions, also those without usable code: they agree with nobody. The majority needs at least
    `share` of them, and two.
    """
    if not programs:
        return "no solution parses"
    clusters: dict[tuple[tuple[str, str], ...], list[int]] = defaultdict(list)
    for index, results in enumerate(outcomes):
        clusters[tuple((result.status, result.value) for result in results)].append(index)
    members = max(clusters.values(), key=len)
    results = outcomes[members[0]]
    cases = [
        Case(", ".join(map(literal, arguments)), result.value, result.type)
        for arguments, result in zip(inputs, results, strict=True)
        if result.status == "value"
    ]
    if len(members) < max(2, share * asked):
        return "no majority"
    if len(cases) < ENOUGH:
        return "raised" if all(result.status in ("value", "raised") for result in results) else "did not end well"
    return _objection(stub, cases, inputs, results) or Agreed(tuple(programs[i] for i in members), tuple(cases))


def _objection(
    stub: Stub, cases: list[Case], inputs: Sequence[tuple[Any, ...]], results: Sequence[CallOutcome]
) -> str | None:
    """Say what is wrong with a function that gives these values, if anything is."""
    if len({case.value for case in cases}) == 1:
        return "constant output"
    answered = [(row, result) for row, result in zip(inputs, results, strict=True) if result.status == "value"]
    if any(all(literal(row[i]) == result.value for row, result in answered) for i in range(len(inputs[0]))):
        return "identity output"
    if stub.returns is not None and not all(_fits(stub.returns, case.type) for case in cases):
        return "wrong return type"
    return None


def _fits(annotation: ast.expr, kind: str) -> bool:
    """Tell whether a value of this type may come from a function annotated so; names we do not know allow anything."""
    names = {base_type(part) for part in alternatives(annotation)}
    allowed = {name for part in names for name in NUMBERS.get(part, {part})} | (
        {"NoneType"} if "None" in names else set()
    )
    known = {"int", "float", "str", "bool", "list", "tuple", "set", "dict", "frozenset", "bytes", "complex", "None"}
    return kind in allowed or not names <= known
