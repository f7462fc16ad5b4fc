"""Keeping away from what benchmarks ask, before solutions are paid for.

In: a stub (name, header, description). Out: why it is refused, if it is: its name is a task's, its name is made of the
same words as a task's, or what it says is near a task's statement (words weighted by how rare they are, synonyms
counted as one: curate/decontam/words.py). A hint that saves work, no proof of cleanness: `decontam.behavioural` judges
by running what comes out.
"""

import ast
from dataclasses import dataclass
from functools import cache
from typing import Self

import numpy as np

from curate.benchmarks import catalogue as benchmarks
from curate.decontam.tasks import all_tasks
from curate.decontam.words import lexicon, nearest_tasks
from curate.synth.teacher.answers import Stub

NEAR = 0.5
"""Cosine from which a description is refused. Of 260 exercises about the usual topics 55 pass a task's tests; names and
this bar leave 2 of these and 103 others (0.4: none and 71; 0.6: 5 and 133)."""


@dataclass(frozen=True)
class Avoid:
    """The benchmarks to keep away from."""

    against: tuple[str, ...]
    near: float = NEAR

    def ready(self) -> Self:
        """Read and compile now what the first objection would: 20 s that a loaded model would stand idle."""
        if self.against:
            _names(self.against, digests(self.against))
            self.nearness(
                Stub("f", "def f():", ast.arguments([], [], None, [], [], None, []), None, "Return nothing.", ())
            )
        return self

    def objection(self, stub: Stub) -> str | None:
        """Say what of a stub is a benchmark's, if anything is."""
        if not self.against:
            return None
        names, sets = _names(self.against, digests(self.against))
        if stub.name in names or name_words(stub.name) in sets:
            return "a benchmark's name"
        return "near a benchmark's task" if self.nearness(stub) >= self.near else None

    def nearness(self, stub: Stub) -> float:
        """Return the cosine with the nearest task; 0 for none near."""
        data = f'{stub.header}\n    """{stub.prose}"""\n    pass\n'.encode("utf-8", "replace")
        offsets = np.array([0, len(data)], dtype=np.int64)
        found = nearest_tasks(
            np.frombuffer(data, dtype=np.uint8), offsets, self.against, digests(self.against), min(self.near, 0.3)
        )
        return max((cosine for tasks in found.values() for cosine in tasks.values()), default=0.0)


@cache
def digests(against: tuple[str, ...]) -> str:
    """Return the digests of benchmarks, read once a process."""
    return " ".join(benchmarks.digest(name) for name in against)


def name_words(name: str) -> frozenset[int]:
    """Return the words of a name, synonyms as one, in no order; words that say nothing are left out."""
    from curate.decontam.prose import words_of

    return frozenset(words_of(name.replace("_", " "), lexicon()).tolist())


@cache
def _names(against: tuple[str, ...], digests: str) -> tuple[frozenset[str], frozenset[frozenset[int]]]:  # noqa: ARG001
    """Return the names of tasks, and their words where there are two or more."""
    names = frozenset(task.entry_point for task in all_tasks(against))
    return names, frozenset(words for words in map(name_words, names) if len(words) > 1)
