"""`decontam.ngram`: documents that repeat a task's own words, in order.

It looks for the words of each problem: its statement, its prompt, and its reference solution as published and without
comments and docstrings. Words alone count (letters, digits, `_`), so other indentation, quotes, brackets or line breaks
change nothing. A passage is cut into n-grams of GRAM words; a document that holds at least `share` of a passage's
distinct n-grams goes, with the share as its score. A passage of fewer than GRAM words must stand in the document whole;
one of fewer than LEAST_WORDS says too little to be recognised by and is left out, while the rest of its problem still
counts. What stands in string literals, as HTML or with line numbers is looked at too (disguise.py).

In: Documents, and the benchmarks by name or path (curate/benchmarks/catalogue.py). Out: Verdicts.
Not covered: copies with other names (`decontam.ast`), other words or other solutions (`decontam.behavioural`).
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
from pydantic import Field

from curate.benchmarks.catalogue import Task
from curate.decontam.tasks import Against, Match, all_tasks, verdict
from curate.stage import Context, Verdict
from curate.text.buffers import text_buffers
from curate.text.trees import parse

if TYPE_CHECKING:
    from curate.decontam.overlap import Index

GRAM = 10
LEAST_WORDS = 6
"""Of 37,641 files of published packages 3 were hit, at any share of 0.3 to 0.8: they hold Euclid's `gcd` verbatim."""
WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]+")


class NGram(Against):
    """Drop documents that repeat a benchmark's statement, prompt or solution. Every drop names the task."""

    VERSION: ClassVar[int] = 5
    NEEDS: ClassVar[str] = f"a statement, prompt or solution of {LEAST_WORDS} words"

    share: float = Field(
        default=0.4, gt=0, le=1, description="least share of a passage's n-grams that makes a document go"
    )

    def recognises(self, task: Task) -> bool:
        """Tell whether a task has a passage to look for."""
        return any(passages(task))

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Compare every document with every passage."""
        from curate.decontam.disguise import hidden
        from curate.decontam.overlap import best_passages

        found, index = _index(tuple(self.against), self.fingerprint())
        data, offsets = text_buffers(shard.column("text"))
        best, share = best_passages(data, offsets, index)
        more = hidden(data, offsets, escaped=True)
        for row, passage, part in zip(more.rows.tolist(), *best_passages(more.data, more.offsets, index), strict=True):
            if part > share[row]:
                best[row], share[row] = passage, part
        matches = {
            int(row): Match(found[best[row]].task_id, float(share[row]), found[best[row]].part)
            for row in (share >= self.share).nonzero()[0]
        }
        return verdict(self, shard.num_rows, matches, "benchmark overlap")


@dataclass(frozen=True)
class Passage:
    """A text to recognise a task by."""

    task_id: str
    part: str
    """Which part of the task it is."""
    text: bytes


def passages(task: Task) -> Iterator[Passage]:
    """Yield the texts to recognise a task by, each once, those with too few words left out."""
    program = task.prompt + (task.solution or "")
    parts = {"statement": task.text, "prompt": task.prompt, "solution": task.solution or "", "code": _bare(program)}
    texts: dict[bytes, str] = {}
    for part, text in parts.items():
        texts.setdefault(text.encode(), part)
    for encoded, part in texts.items():
        if len(WORD.findall(encoded)) >= LEAST_WORDS:
            yield Passage(task.task_id, part, encoded)


def _bare(program: str) -> str:
    """Return a program without comments and docstrings, or nothing where it does not parse."""
    tree = parse(program)
    if tree is None:
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


@cache
def _index(against: tuple[str, ...], digests: str) -> tuple[list[Passage], "Index"]:  # noqa: ARG001 - keys the cache
    """Return all passages, and their index. Kept per process: reading the benchmarks takes 0.1 s."""
    from curate.decontam.overlap import build, word_grams

    found = [passage for task in all_tasks(against) for passage in passages(task)]
    lengths = [min(GRAM, len(WORD.findall(passage.text))) for passage in found]
    return found, build(word_grams([passage.text for passage in found], lengths), lengths)
