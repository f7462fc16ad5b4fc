"""`decontam.behavioural`: functions that do what a task asks, however they are written.

Words and shapes propose, execution decides. For each function of a document that stands by itself the nearest tasks are
looked up: by the words of its name and docstring (words.py) and by its shape (structure.py), as far as it takes as many
arguments as the task's tests give. Their tests then run on it in the sandbox; the first that passes makes the document
go. Of a document run only its functions and what it imports of the standard library, so examples, prints and asserts
around them decide nothing, and a document without code is left alone.

A pass proves little where the tests are vague: a task whose tests some constant or the unchanged argument passes as
well convicts nobody. A function as simple as `return a + b` does go if it passes: it is that task, whoever wrote it.

Out: beside the verdicts the figures `trials`, `passes`, `vague` (passes that do not count) and `infra` (trials that the
sandbox itself failed; they never drop a document, and the stage warns of them by this figure).
Not covered: methods and classes, tasks that need a class of the reference solution, functions far from the task by both
words and shape.
"""

import ast
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import pyarrow as pa
from pydantic import Field

from curate.benchmarks.catalogue import Task
from curate.decontam.structure import MOST, NGRAM, reference_index
from curate.decontam.tasks import Against, Match, all_tasks, verdict
from curate.sandbox.programs import Judgement, Limits, Trial, judge
from curate.stage import Context, Verdict
from curate.text.buffers import text_buffers
from curate.text.trees import Function, function_in, parse

if TYPE_CHECKING:
    from curate.text.words import Bytes, Offsets

MEMORY_MB = 512
ALIKE = 0.8
"""A function is tried on a task, whatever its words, where it holds this share of the solution's token n-grams. Half
of it finds no planted copy more, and takes a third more files that only happen to do the same."""
IMPORT = re.compile(r"^(?:import|from) [^\n(]+$", re.MULTILINE)
KNOWN = sys.stdlib_module_names - {"__future__"}
"""What may be imported; an import from the future must stand first, and a trial brings its own."""
CONTROLS = ("a[0]", "True", "False", "None", "0", "1", "''", "[]")
"""What functions return that know nothing of the task; `a` are the arguments."""


@dataclass(frozen=True)
class Proposal:
    """A function of a document and a task that it may solve."""

    row: int
    name: str
    source: str
    task: Task
    nearness: float


class Behavioural(Against):
    """Drop documents with a function that passes the tests of a task near it. Every drop names the task."""

    VERSION: ClassVar[int] = 4
    ALONE: ClassVar[bool] = True
    NEEDS: ClassVar[str] = "a statement or a reference solution to find functions near it"

    near: float = Field(default=0.3, gt=0, le=1, description="least cosine of words that proposes a task")
    nearest: int = Field(default=5, ge=1, description="tasks tried for each function, nearest first")
    cpu_s: float = Field(default=2.0, gt=0, description="CPU seconds of one trial")

    def recognises(self, task: Task) -> bool:
        """Tell whether functions can be near a task."""
        return bool(task.text or task.solution)

    def judge(self, shard: pa.Table, context: Context) -> Verdict:  # noqa: ARG002 - the contract's shape
        """Run the functions on the tests of the tasks near them."""
        proposals = self._proposals(*text_buffers(shard.column("text")))
        results = self._run([_trial(proposal.source, proposal.name, proposal.task) for proposal in proposals])
        passed = [each for each, result in zip(proposals, results, strict=True) if result.verdict == "pass"]
        vague = self._vague({proposal.task.task_id: proposal.task for proposal in passed})
        matches: dict[int, Match] = {}
        for each in sorted(passed, key=lambda each: (-each.nearness, each.task.task_id)):
            if each.task.task_id not in vague:
                matches.setdefault(each.row, Match(each.task.task_id, each.nearness, f"def {each.name}"))
        metrics = {
            "trials": float(len(proposals)),
            "passes": float(len(passed)),
            "vague": float(sum(each.task.task_id in vague for each in passed)),
            "infra": float(sum(result.verdict == "infra" for result in results)),
        }
        return verdict(self, shard.num_rows, matches, "benchmark behaviour", metrics)

    def _run(self, trials: Sequence[Trial]) -> list[Judgement]:
        return list(judge(trials, Limits(cpu_s=self.cpu_s, memory_mb=MEMORY_MB), together=True))

    def _vague(self, tasks: Mapping[str, Task]) -> set[str]:
        """Return the tasks whose tests a function passes that ignores the problem; of each task it is asked once."""
        known = _vague_tasks(self.fingerprint(), self.cpu_s)
        trials = [
            (name, _trial(f"def control(*a):\n    return {value}\n", "control", task))
            for name, task in tasks.items()
            if name not in known
            for value in CONTROLS
        ]
        for (name, _), result in zip(trials, self._run([trial for _, trial in trials]), strict=True):
            known[name] = known.get(name, False) or result.verdict == "pass"
        return {name for name in tasks if known[name]}

    def _proposals(self, data: "Bytes", offsets: "Offsets") -> list[Proposal]:
        """Return what to run, in document order."""
        tasks = _runnable(tuple(self.against), self.fingerprint())
        texts = cache(lambda row: data[offsets[row] : offsets[row + 1]].tobytes().decode("utf-8", "replace"))
        functions = cache(lambda row: at_the_margin(texts(row)))
        found = []
        for (row, first, last), near in sorted(self._near(data, offsets).items()):
            source = data[first:last].tobytes().decode("utf-8", "replace")
            function = function_in(source) if not source[:1].isspace() else None
            if function is None:
                continue
            fitting = [name for name in near if name in tasks and _takes(function, tasks[name])]
            if not fitting:
                continue
            program = f"{imports(texts(row))}\n{called(function, functions(row))}\n{source}"
            for name in sorted(fitting, key=lambda name: (-near[name], name))[: self.nearest]:
                found.append(Proposal(row, function.name, program, tasks[name], near[name]))
        return found

    def _near(self, data: "Bytes", offsets: "Offsets") -> dict[tuple[int, int, int], dict[str, float]]:
        """Return for each function the tasks near it by words or shape."""
        from curate.decontam.shapes import candidates
        from curate.decontam.words import nearest_tasks

        digests = self.fingerprint()
        near = nearest_tasks(data, offsets, tuple(self.against), digests, self.near)
        references, index, sizes = reference_index(tuple(self.against), digests)
        for row, first, last, number in candidates(data, offsets, index, sizes, NGRAM, ALIKE, MOST).tolist():
            near.setdefault((row, first, last), {}).setdefault(references[number].task_id, ALIKE)
        return near


def _trial(source: str, name: str, task: Task) -> Trial:
    """Return the trial of a function on a task's tests; annotations are not looked at, for they may name anything."""
    return Trial(f"from __future__ import annotations\n{_helpers(task)}\n{source}", name, task.test)


def imports(text: str) -> str:
    """Return the lines that import from the standard library: all else may be missing, or differ between machines."""
    found = []
    for line in IMPORT.findall(text):
        tree = parse(line)
        for node in tree.body if tree else []:
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                modules = [node.module or ""]
            if modules and all(name.partition(".")[0] in KNOWN for name in modules):
                found.append(ast.unparse(node))
    return "\n".join(dict.fromkeys(found))


def at_the_margin(text: str) -> dict[str, tuple[str, Function]]:
    """Return the functions of a text that begin at the left margin: name -> source and syntax tree."""
    from curate.decontam.shapes import shape_grams

    data = text.encode("utf-8", "replace")
    spans = (data[first:last].decode("utf-8", "replace") for *_, first, last in shape_grams(data, NGRAM))
    found = ((span, function_in(span)) for span in spans if span[:1].strip())
    return {function.name: (span, function) for span, function in found if function}


def called(function: Function, others: Mapping[str, tuple[str, Function]]) -> str:
    """Return the source of those of the other functions that one uses, directly or through another.

    Any more could only do harm: a default value that is not there ends the program before it begins.
    """
    needed: dict[str, str] = {}
    waiting = [function]
    while waiting:
        for node in ast.walk(waiting.pop()):
            if isinstance(node, ast.Name) and node.id in others and node.id not in {*needed, function.name}:
                needed[node.id], tree = others[node.id]
                waiting.append(tree)
    return "\n".join(needed.values())


def _takes(function: Function, task: Task) -> bool:
    """Tell whether a function can be called with as many arguments as the task's."""
    given = function.args
    most = len(given.posonlyargs) + len(given.args)
    least = most - len(given.defaults)
    required = [default for default in given.kw_defaults if default is None]
    return not required and any(least <= n and (n <= most or given.vararg is not None) for n in _arity(task))


@cache
def _arity(task: Task) -> tuple[int, ...]:
    """Return the numbers of arguments with which the task's function may be called."""
    tree = parse(task.prompt + (task.solution or "    pass\n"))
    for node in ast.walk(tree) if tree else []:
        if isinstance(node, ast.FunctionDef) and node.name == task.entry_point:
            most = len(node.args.posonlyargs) + len(node.args.args)
            return tuple(range(most - len(node.args.defaults), most + 1))
    return ()


@cache
def _helpers(task: Task) -> str:
    """Return what a prompt gives beside the function asked for: tests of HumanEval call some of it."""
    tree = parse(task.prompt + (task.solution or "    pass\n")) if task.prompt else None
    given = {node.name for node in (parse(task.prompt) or ast.Module([], [])).body if isinstance(node, Function)}
    body = tree.body if tree else []
    kept = [node for node in body if isinstance(node, Function) and node.name in given - {task.entry_point}]
    return "\n".join(ast.unparse(node) for node in [*filter(_is_import, body), *kept])


def _is_import(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom)


@cache
def _vague_tasks(digests: str, cpu_s: float) -> dict[str, bool]:  # noqa: ARG001 - keys the cache
    """Return which tasks are known to be vague or not, as far as this process has tried."""
    return {}


@cache
def _runnable(against: tuple[str, ...], digests: str) -> dict[str, Task]:  # noqa: ARG001 - keys the cache
    """Return the tasks that any function can be tried on: those whose tests need nothing of the reference solution."""
    return {task.task_id: task for task in all_tasks(against) if not task.setup}
