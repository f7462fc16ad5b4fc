"""A function described by rule, and whether the description holds: what it says runs beside the function.

In: a function that stands (trial.py). Out: its description, or why it has none: no rule has words for it, the program
made of the words gives something else on some input, or it raises for inputs that no plain condition tells from others.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from curate.sandbox.values import literal
from curate.synth.exercise.agreement import Agreed, gave
from curate.synth.exercise.probes import different
from curate.synth.exercise.trial import Steps, Trial
from curate.synth.item.item import Case
from curate.synth.teacher.effects import Run
from curate.synth.words.edges import raised_when, rows_around
from curate.synth.words.forms import Unsayable, only_function
from curate.synth.words.sentences import described

NOTHING = frozenset({"[]", "{}", "()", "''", "0", "0.0", "False", "set()", "None"})
"""Values for which many functions could stand."""
EMPTY = re.compile(r"(?<![\w'\"])(?:''|\[\]|\{\}|\(\))(?!')")
"""An empty value among arguments."""


@dataclass(frozen=True)
class Told:
    """A description, the function's source, what the function gave, and whether the description goes step by step."""

    prose: str
    source: str
    found: Agreed
    in_steps: bool


def by_rule(alone: Trial, seed: int) -> Steps:
    """Return Told, or the reason why there is none; the seed draws among several wordings."""
    assert alone.given
    source = alone.given.source(alone.stub)
    try:
        words = described(only_function(source), seed)
    except Unsayable:
        return "no rule has words for it"
    known = {repr(row): outcome for row, outcome in zip(alone.rows, alone.outcomes[0], strict=True)}
    rows = different([*alone.rows, *rows_around(alone.inputs)])
    new = [row for row in rows if repr(row) not in known]
    above = alone.given.above(alone.stub)
    program, told = (f"{above}\n\n\n{each}" for each in (words.program, words.told))
    work = [(source, alone.stub.name, new), (program, alone.stub.name, rows)]
    fresh, by_words, *unsaid = yield Run((*work, *([(told, alone.stub.name, rows)] if told != program else [])))
    known |= {repr(row): outcome for row, outcome in zip(new, fresh, strict=True)}
    outcomes = [known[repr(row)] for row in rows]
    if any(each.status not in ("value", "raised") for each in outcomes):
        return "did not end well"
    if gave(outcomes) != gave(by_words):
        return "its words give something else"
    arguments = [*alone.stub.parameters.posonlyargs, *alone.stub.parameters.args]
    left = unsaid[0] if unsaid else outcomes
    seen = [place for place, each in enumerate(left) if each.status == outcomes[place].status]  # the others are said
    edges = raised_when(
        [each.arg for each in arguments][: len(rows[0])], [rows[at] for at in seen], [outcomes[at] for at in seen]
    )
    if edges is None:
        return "raises for no plain reason"
    cases = arranged(
        Case(", ".join(map(literal, row)), outcome.value)
        for row, outcome in zip(rows, outcomes, strict=True) if outcome.status == "value"
    )  # fmt: skip
    return Told(words.finish(edges), source, Agreed((alone.given,), cases), words.in_steps)


def arranged(cases: Iterable[Case]) -> tuple[Case, ...]:
    """Return cases in the order worth showing: two that give something, one that gives nothing, then the others.

    Of those that give something the ones whose arguments hold nothing empty come first.
    """
    dull: list[Case] = []
    telling: list[Case] = []
    for case in cases:
        (dull if case.value in NOTHING else telling).append(case)
    telling.sort(key=lambda case: len(EMPTY.findall(case.arguments)))
    return (*telling[:2], *dull[:1], *telling[2:], *dull[1:])
