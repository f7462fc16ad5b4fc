"""`filter.rubric`: a grade from 0 to 5 for how much a document teaches, from its syntax tree alone.

In: Documents. Out: the same with `grade` and, so that each grade explains itself, the parts it is made of, each from 0
to 1. It stands in where no model is at hand to grade, and writes the same column. It sees form: whether functions are
documented, short, named in words, do something and depend on nothing hidden. It cannot see whether the code is right
or the explanation true; phi-1 asked GPT-4 for that (Gunasekar et al. 2023, section 2.1).

    grade = 5 x weighted mean of (documentation, logic, size, names, independence)
              x substance x brevity x purpose x completeness

`substance` is the share of the code that computes, against data, settings and accessors; `brevity` falls with the
length of the document; `purpose` is a half for tests; `completeness` is a half for code that uses names which nothing
defines, and so cannot run as it stands. Grade 0: what does not parse, has no function, or over a million characters.
"""

from collections.abc import Iterable, Sequence
from math import prod

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.stage import Columns, Context, Filter, Verdict
from filters.structure import Function, Structure, structure
from filters.syntax import cannot_run, parse, parsing

WEIGHTS = {"documentation": 0.3, "logic": 0.25, "size": 0.15, "names": 0.15, "independence": 0.15}
FACTORS = ("substance", "brevity", "purpose", "completeness")
PARTS = (*WEIGHTS, *FACTORS)
LARGEST_CHARACTERS = 1_000_000
LONG_LINES = 400
"""A document of more lines loses: one of 2,000 has seven tenths of its grade left."""
NOTHING = dict.fromkeys(PARTS, 0.0)


class Rubric(Filter):
    """Grade documents from 0 to 5 by what their syntax tree shows of explanation, logic and independence."""

    minimum: float | None = Field(default=None, ge=0, le=5)
    """Drop documents of a lower grade; without it all are kept."""

    def adds(self) -> Columns:
        """List the grade and its parts."""
        return dict.fromkeys([*(f"rubric_{name}" for name in PARTS), "grade"], pa.float64())

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Return `grade` and its parts for every row."""
        with parsing():
            parts = [parts_of(text) for text in shard.column("text").to_pylist()]
        grades = pa.array([grade(part) for part in parts], pa.float64())
        columns = {f"rubric_{name}": pa.array([part[name] for part in parts], pa.float64()) for name in PARTS}
        low = pc.less(grades, self.minimum) if self.minimum is not None else pa.array(np.zeros(len(grades), bool))
        return Verdict(
            reasons=pc.if_else(low, pa.scalar("low grade"), pa.scalar(None, pa.string())),
            columns={**columns, "grade": grades},
            evidence={"score": grades},
        )


def grade(parts: dict[str, float]) -> float:
    """Put the parts together, from 0 to 5, rounded to a thousandth."""
    weighted = sum(weight * parts[name] for name, weight in WEIGHTS.items())
    return round(5 * weighted * prod(parts[name] for name in FACTORS), 3)


def parts_of(text: str) -> dict[str, float]:
    """Judge one document: each part from 0 to 1."""
    module = parse(text) if len(text) <= LARGEST_CHARACTERS else None
    facts = structure(module) if module else None
    if facts is None or not facts.functions:
        return NOTHING
    return {
        "documentation": documentation(facts),
        "logic": mean(logic(function) for function in facts.functions),
        "size": mean(size(function) for function in facts.functions),
        "names": names(facts.functions),
        "independence": independence(facts),
        "substance": substance(facts),
        "brevity": min(1.0, (LONG_LINES / facts.lines) ** 0.2),
        "purpose": 0.5 if facts.tests > 0.3 * (len(facts.functions) + facts.classes) else 1.0,
        "completeness": 0.5 if cannot_run(text) else 1.0,
    }


def documentation(facts: Structure) -> float:
    """Judge docstrings: most for those of functions (eight words will do), some for the module's and for doctests."""
    functions = mean(min(1.0, function.documentation / 8) for function in facts.functions)
    examples = mean(4.0 * function.examples for function in facts.functions)
    return 0.7 * functions + 0.1 * min(1.0, facts.documentation / 10) + 0.2 * min(1.0, examples)


def logic(function: Function) -> float:
    """Judge what a function does: repeating and accumulating most, deciding and giving a value back half as much."""
    return min(1.0, (function.loops + function.decisions / 2 + function.returns / 2) / 2)


def size(function: Function) -> float:
    """Judge a function's length in lines: best from 4 to 30, nothing from 120 on."""
    if function.lines < 4:
        return function.lines / 4
    return min(1.0, max(0.0, (120 - function.lines) / 90))


def names(functions: Sequence[Function]) -> float:
    """Judge the names of functions and parameters: whole words count twice as much as one or two letters."""
    every = [name for function in functions for name in (function.name, *function.parameters)]
    return mean(1.0 if len(name.strip("_")) > 2 else 0.5 for name in every)


def independence(facts: Structure) -> float:
    """Judge imports: hidden ones cost most, foreign packages less, the standard library nothing."""
    cost = facts.imports_private + 0.5 * facts.imports_foreign
    return 1 / (1 + cost / 3)


def substance(facts: Structure) -> float:
    """Return the share of lines that compute, in functions; data and settings count nothing, short documents less."""
    total = sum(function.lines for function in facts.functions)
    counted = sum(function.lines * weight(function) for function in facts.functions)
    return counted / (total + facts.data_lines + facts.setting_lines) * min(1.0, counted / 10)


def weight(function: Function) -> float:
    """Say how much a line of a function counts: less without branch or loop, least if nothing is said of it either."""
    if function.loops + function.decisions:
        return 1.0
    return 0.5 if function.documentation else 0.25


def mean(values: Iterable[float]) -> float:
    """Return the mean, 0 of nothing."""
    found = list(values)
    return sum(found) / len(found) if found else 0.0
