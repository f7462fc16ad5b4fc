"""Whether what an Item shows holds: its examples print what they say and its tests pass, once more and elsewhere.

In: Items. Out: for each whether all holds under another hash seed than the one that its values came from. So what rests
on the order of a set, on chance, or is no plain value after all (a Counter, an OrderedDict) shows itself.
"""

import ast
from collections.abc import Iterator, Sequence

from curate.sandbox.programs import CallOutcome, Limits, Program, call_many
from curate.synth.item.item import Item

HASH_SEED = 1
LIMITS = Limits(cpu_s=2.0, memory_mb=512)
ENTRY = "_evaluate_"
"""Stands behind the Item's text in the sandbox, and returns what its claims print."""


def hold(items: Sequence[Item]) -> Iterator[bool]:
    """Tell of each Item whether all that it shows holds; what the sandbox fails to run is not held against it."""
    outcomes = call_many(map(proof_of, items), LIMITS, hash_seed=HASH_SEED)
    for item, (outcome,) in zip(items, outcomes, strict=True):
        yield proves(item, outcome)


def proof_of(item: Item) -> Program:
    """Return the program that evaluates all that an Item shows."""
    lines = [f"        repr(({expression}\n        )),\n" for expression, _ in _claims(item)]
    return f"{item.text}\n\n\ndef {ENTRY}():\n    return [\n{''.join(lines)}    ]\n", ENTRY, [()]


def proves(item: Item, outcome: CallOutcome) -> bool:
    """Tell whether that program gave what the Item shows; what the sandbox failed to run is not held against it."""
    if outcome.status != "value":
        return outcome.status == "infra"
    return bool(ast.literal_eval(outcome.value) == [printed for _, printed in _claims(item)])


def _claims(item: Item) -> Iterator[tuple[str, str]]:
    """Yield expressions and what each prints."""
    for example in item.doctests():
        expression, printed = example.split("\n")
        yield expression.removeprefix(">>> "), printed
    for line in item.tests():
        yield line.removeprefix("assert "), "True"
