"""`decontam.ast`: functions that are a task's solution in all but names, constants, comments and layout.

Functions are compared as sequences of labels (trees.py): similarity is 1 - edit distance / length of the longer one, so
order counts, and a function that merely contains the solution among much else is another function. Short functions
resemble each other by chance, so what is needed depends on the reference's length (`needed`): one of fewer than LEAST
labels is left out, one of fewer than SURE must be matched exactly, constants too. Where name and docstring say what the
task says (words.py), a looser match is enough: words alone convict nobody, since one sentence of a task is also the
sentence of many an honest function (benchmarks/decontam.py shows the figures).

A compiled filter (shapes.py) finds the few functions to parse at some 300 MB/s; nothing else of a document is parsed,
so it may be broken, or prose around code.

What stands in string literals, as HTML or with line numbers is looked at too (disguise.py).

Not covered: a solution as loose statements or inside a larger function (`decontam.ngram` finds it unrenamed), another
algorithm (`decontam.behavioural`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from curate.benchmarks.catalogue import Task
from curate.decontam.tasks import Against, Match, all_tasks, verdict
from curate.stage import Context, Verdict
from curate.text.buffers import text_buffers
from curate.text.trees import Function, Labels, function_in, labels

if TYPE_CHECKING:
    from curate.decontam.overlap import Index
    from curate.text.words import Bytes, Hashes, Offsets

LEAST, SURE, LONG = 10, 20, 40
"""Labels of a reference: fewer than the first are no evidence, fewer than the second only as an exact match."""
SAME_WORDS = 0.6
"""Similarity that is enough where the words agree."""
NGRAM = 6
"""Tokens of an n-gram of the filter."""
SHARE, MOST = 0.4, 3.0
"""A function is compared that holds this share of a reference's token n-grams, and at most so many times its number."""


def needed(size: int, similarity: float, same_words: bool) -> float:
    """Return the least similarity to a reference of `size` labels that makes a document go."""
    if same_words:
        return SAME_WORDS
    return 1.0 if size < SURE else similarity if size < LONG else similarity - 0.1


class Structure(Against):
    """Drop documents with a function built like a benchmark's solution. Every drop names the task."""

    VERSION: ClassVar[int] = 4
    NEEDS: ClassVar[str] = "a reference solution"

    similarity: float = Field(
        default=0.8, gt=0.1, le=1, description="least similarity of a function to a solution of 20 to 39 labels"
    )

    def recognises(self, task: Task) -> bool:
        """Tell whether a task has a solution to compare with."""
        return task.solution is not None

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Compare the functions that may be alike, in the code and in what it hides."""
        from curate.decontam.disguise import hidden

        data, offsets = text_buffers(shard.column("text"))
        matches = self._matches(data, offsets)
        more = hidden(data, offsets, escaped=False)
        for place, match in sorted(self._matches(more.data, more.offsets).items()):
            row = int(more.rows[place])
            if row not in matches or match.score > matches[row].score:
                matches[row] = match
        return verdict(self, shard.num_rows, matches, "benchmark solution")

    def _matches(self, data: "Bytes", offsets: "Offsets") -> dict[int, Match]:
        """Return the best match of each text that has one."""
        from curate.decontam.shapes import candidates
        from curate.decontam.words import nearest_tasks

        references, index, sizes = reference_index(tuple(self.against), self.fingerprint())
        said = nearest_tasks(data, offsets, tuple(self.against), self.fingerprint())
        functions = Functions(data)
        matches: dict[int, Match] = {}
        for row, first, last, number in candidates(data, offsets, index, sizes, NGRAM, SHARE, MOST).tolist():
            match = self._compare(functions.at(first, last), references[number], said.get((row, first, last), {}))
            if match and (row not in matches or match.score > matches[row].score):
                matches[row] = match
        return matches

    def _compare(self, found: "Parsed | None", reference: "Reference", said: dict[str, float]) -> Match | None:
        from curate.decontam.shapes import edit_similarity

        if found is None:
            return None
        least = needed(len(reference.labels), self.similarity, reference.task_id in said)
        score = edit_similarity(found.labels, reference.labels, least)
        exact = least < 1 or (len(found.values) == len(reference.values) and (found.values == reference.values).all())
        return Match(reference.task_id, score, f"def {found.name}") if score >= least and exact else None


@dataclass(frozen=True)
class Reference:
    """One function of a task's solution."""

    task_id: str
    labels: Labels
    values: Labels
    """The labels with the values of constants."""
    grams: "Hashes"
    size: int
    """How many n-grams of tokens it has, repeats counted."""


@dataclass(frozen=True)
class Parsed:
    """One function of a document."""

    name: str
    labels: Labels
    values: Labels


class Functions:
    """Parses functions of a text column, each once."""

    def __init__(self, data: "Bytes") -> None:
        self.data = data
        self.known: dict[tuple[int, int], Parsed | None] = {}

    def at(self, first: int, last: int) -> Parsed | None:
        """Return the function at these bytes, or None where Python cannot read it."""
        if (first, last) not in self.known:
            function = function_in(self.data[first:last].tobytes().decode("utf-8", "replace"))
            self.known[first, last] = _parsed(function) if function else None
        return self.known[first, last]


def _parsed(function: Function) -> Parsed:
    return Parsed(function.name, labels(function), labels(function, values=True))


def references(task: Task) -> Iterator[Reference]:
    """Yield the functions of a task's program that are long enough to be recognised; methods are not looked for."""
    from curate.decontam.shapes import shape_grams

    program = (task.prompt + (task.solution or "")).encode()
    for grams, size, first, last in shape_grams(program, NGRAM):
        source = program[first:last].decode()
        function = function_in(source) if size and not source[0].isspace() else None
        found = _parsed(function) if function else None
        if found and len(found.labels) >= LEAST:
            yield Reference(task.task_id, found.labels, found.values, grams, size)


@cache
def reference_index(against: tuple[str, ...], digests: str) -> tuple[list[Reference], "Index", "Offsets"]:  # noqa: ARG001
    """Return the functions to recognise, the index of their token n-grams, and how many n-grams each has."""
    from curate.decontam.overlap import build

    found = [reference for task in all_tasks(against) for reference in references(task)]
    index = build([reference.grams for reference in found], [NGRAM] * len(found))
    return found, index, np.array([reference.size for reference in found], dtype=np.int64)
