"""Whether what an Item shows holds: its examples print what they say and its tests pass, once more and elsewhere.

In: Items. Out: for each whether all holds under another hash seed than the one that its values came from. So what rests
on the order of a set, on chance, or is no plain value after all (a Counter, an OrderedDict) shows itself.
"""

import ast
from collections.abc import Iterator, Sequence

from curate.sandbox.programs import Limits, call_many
from curate.synth.item.item import Item

HASH_SEED = 1
LIMITS = Limits(cpu_s=2.0, memory_mb=512)
EVALUATE = """


def _evaluate_(expressions):
    return [repr(eval(expression)) for expression in expressions]
"""
"""Stands behind the Item's text in the sandbox."""


def hold(items: Sequence[Item]) -> Iterator[bool]:
    """Tell of each Item whether all that it shows holds; what the sandbox fails to run is not held against it."""
    claims = [list(_claims(item)) for item in items]
    work = (
        (item.text + EVALUATE, "_evaluate_", [([expression for expression, _ in each],)])
        for item, each in zip(items, claims, strict=True)
    )
    for each, (outcome,) in zip(claims, call_many(work, LIMITS, hash_seed=HASH_SEED), strict=True):
        if outcome.status == "value":
            yield ast.literal_eval(outcome.value) == [printed for _, printed in each]
        else:
            yield outcome.status == "infra"


def _claims(item: Item) -> Iterator[tuple[str, str]]:
    """Yield expressions and what each prints."""
    for example in item.doctests():
        expression, printed = example.split("\n")
        yield expression.removeprefix(">>> "), printed
    for line in item.tests():
        yield line.removeprefix("assert "), "True"
