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

from math import prod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from curate.stage import Columns, Context, Filter, Verdict

if TYPE_CHECKING:
    from curate.filters.syntax.facts import Sums

WEIGHTS = {"documentation": 0.3, "logic": 0.25, "size": 0.15, "names": 0.15, "independence": 0.15}
FACTORS = ("substance", "brevity", "purpose", "completeness")
PARTS = (*WEIGHTS, *FACTORS)
LARGEST_CHARACTERS = 1_000_000
LONG_LINES = 400
"""A document of more lines loses: one of 2,000 has seven tenths of its grade left."""
NOTHING = dict.fromkeys(PARTS, 0.0)


class Rubric(Filter):
    """Grade documents from 0 to 5 by what their syntax tree shows of explanation, logic and independence."""

    VERSION: ClassVar[int] = 2

    minimum: float | None = Field(default=None, ge=0, le=5)
    """Drop documents of a lower grade; without it all are kept."""

    def adds(self) -> Columns:
        """List the grade and its parts."""
        return dict.fromkeys([*(f"rubric_{name}" for name in PARTS), "grade"], pa.float64())

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Return `grade` and its parts for every row."""
        parts = parts_of(shard.column("text"))
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


def parts_of(texts: pa.ChunkedArray) -> list[dict[str, float]]:
    """Judge documents: each part from 0 to 1."""
    from curate.filters.syntax.facts import read_facts  # brings numba, which takes a third of a second to import

    return [_parts(sums) for sums in read_facts(texts, LARGEST_CHARACTERS)]


def _parts(facts: "Sums") -> dict[str, float]:
    if not facts.functions:
        return NOTHING
    return {
        "documentation": documentation(facts),
        "logic": facts.logic / facts.functions,
        "size": facts.lengths / facts.functions,
        "names": facts.name_score / facts.names,
        "independence": independence(facts),
        "substance": substance(facts),
        "brevity": min(1.0, (LONG_LINES / facts.lines) ** 0.2),
        "purpose": 0.5 if facts.tests > 0.3 * (facts.functions + facts.classes) else 1.0,
        "completeness": 0.5 if facts.broken else 1.0,
    }


def documentation(facts: "Sums") -> float:
    """Judge docstrings: most for those of functions (eight words will do), some for the module's and for doctests."""
    functions, examples = facts.documented / facts.functions, 4.0 * facts.examples / facts.functions
    return 0.7 * functions + 0.1 * min(1.0, facts.words / 10) + 0.2 * min(1.0, examples)


def independence(facts: "Sums") -> float:
    """Judge imports: hidden ones cost most, foreign packages less, the standard library nothing."""
    return 1 / (1 + (facts.private + 0.5 * facts.foreign) / 3)


def substance(facts: "Sums") -> float:
    """Return the share of lines that compute, in functions; data and settings count nothing, short documents less."""
    share = facts.counted_lines / (facts.code_lines + facts.data_lines + facts.setting_lines)
    return share * min(1.0, facts.counted_lines / 10)
