"""Decontamination: documents that repeat a benchmark's problem leave the corpus.

`decontam.ngram` looks for the words of each problem, in order: its statement, its prompt, and its reference solution
as published and without comments and docstrings. Words alone count (letters, digits, `_`), so other indentation,
quotes, brackets or line breaks change nothing. A passage is cut into n-grams of GRAM words; a document that holds at
least `share` of a passage's distinct n-grams goes, with the task's id and the share. A passage of fewer than
GRAM words must stand in the document whole; one of fewer than LEAST_WORDS says too little to be recognised by and is
left out, while the rest of its problem still counts.

In: Documents, and the benchmarks by name or path (curate/benchmarks.py). Out: Verdicts.
Not covered: copies with other names, paraphrased statements, other solutions to the same problem.
"""

import ast
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import Field

from curate import benchmarks
from curate.benchmarks import Task
from curate.buffers import text_buffers
from curate.llm.types import ModelSpec
from curate.stage import Context, Filter, Verdict

if TYPE_CHECKING:
    from curate.dedup.overlap import Index

GRAM = 10
LEAST_WORDS = 6
"""Of 37,641 files of published packages 3 were hit, at any share of 0.3 to 0.8: they hold Euclid's `gcd` verbatim."""
WORD = re.compile(rb"[0-9A-Za-z_\x80-\xff]+")


class NGram(Filter):
    """Drop documents that repeat a benchmark's statement, prompt or solution. Every drop names the task."""

    against: list[str] = Field(
        default=["humaneval", "mbpp"], min_length=1, description="benchmarks, or JSONL files of tasks"
    )
    share: float = Field(
        default=0.4, gt=0, le=1, description="least share of a passage's n-grams that makes a document go"
    )

    def fingerprint(self) -> str:
        """Return the digests of the benchmarks."""
        return " ".join(benchmarks.digest(name) for name in self.against)

    def check(self, models: Mapping[str, ModelSpec]) -> None:  # noqa: ARG002 - the contract's shape
        """Raise UserError where a benchmark is not to be had."""
        for name in self.against:
            benchmarks.load(name)

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Compare every document with every passage."""
        from curate.dedup.overlap import best_passages

        tasks, index = _index(tuple(self.against), self.fingerprint())
        best, share = best_passages(*text_buffers(shard.column("text")), index)
        hit = share >= self.share
        reasons = pa.array(["benchmark overlap" if found else None for found in hit], pa.string())
        names = pa.array(
            [tasks[number] if found else None for number, found in zip(best, hit, strict=True)], pa.string()
        )
        return Verdict(reasons, evidence={"task": names, "score": pa.array(share, mask=~hit)})


@dataclass(frozen=True)
class Passage:
    """A text to recognise a task by."""

    task_id: str
    text: bytes


def passages(task: Task) -> Iterator[Passage]:
    """Yield the texts to recognise a task by, each once, those with too few words left out."""
    program = task.prompt + (task.solution or "")
    texts = [task.text, task.prompt, task.solution or "", _bare(program)]
    for text in dict.fromkeys(text.encode() for text in texts):
        if len(WORD.findall(text)) >= LEAST_WORDS:
            yield Passage(task.task_id, text)


def _bare(program: str) -> str:
    """Return a program without comments and docstrings, or nothing where it does not parse."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # escapes that Python no longer likes, such as "\\d", are not ours to mend
            tree = ast.parse(program)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


@cache
def _index(against: tuple[str, ...], digests: str) -> tuple[list[str], "Index"]:  # noqa: ARG001 - keys the cache
    """Return the task id of each passage, and the index. Kept per process: reading the benchmarks takes 0.1 s."""
    from curate.dedup.overlap import build

    found = [passage for name in against for task in benchmarks.load(name) for passage in passages(task)]
    lengths = [min(GRAM, len(WORD.findall(passage.text))) for passage in found]
    return [passage.task_id for passage in found], build([passage.text for passage in found], lengths)
