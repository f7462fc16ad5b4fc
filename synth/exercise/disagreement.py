"""What went wrong with an exercise that fell: the calls on which its solutions gave different values, or raised.

In: the inputs that all solutions of a stub ran on, and what each solution gave. Out: a few lines for a person, one a
call. They explain a rejected row and decide nothing.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from curate.sandbox.programs import CallOutcome
from curate.sandbox.values import literal

CALLS = 3
WIDTH = 80
"""Characters of the arguments, and of one result."""


def explain(name: str, inputs: Sequence[tuple[Any, ...]], outcomes: Sequence[Sequence[CallOutcome]]) -> str:
    """Return a line for each of the most telling calls: those that differ most, then those that raised, then the first.

    `outcomes` holds one sequence a solution, with one outcome an input. Such as
    `add(1, 2): 3 by 2 solutions; raised TypeError by 1`.
    """
    results = [Counter(_result(each[number]) for each in outcomes) for number in range(len(inputs))]
    if not outcomes:
        return ""

    def telling(number: int) -> tuple[int, int, int]:
        values = sum(outcome.status == "value" for outcome in (each[number] for each in outcomes))
        return (-len(results[number]), values, number)

    chosen = sorted(sorted(range(len(inputs)), key=telling)[:CALLS])
    return "\n".join(f"{name}({_short(_arguments(inputs[n]))}): {_counted(results[n])}" for n in chosen)


def _counted(results: Counter[str]) -> str:
    solutions = sorted(results.items(), key=lambda pair: (-pair[1], pair[0]))
    return "; ".join(f"{text} by {count}" + (" solutions" if count > 1 else "") for text, count in solutions)


def _result(outcome: CallOutcome) -> str:
    if outcome.status == "value":
        return _short(outcome.value)
    return f"raised {_short(outcome.value)}" if outcome.status == "raised" else f"ended with {outcome.status}"


def _arguments(row: tuple[Any, ...]) -> str:
    return ", ".join(map(literal, row))


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
