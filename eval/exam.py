"""An exam: one protocol with its tasks, whose tests have been checked, and how it is put to one model.

In: the name of a benchmark, a protocol, or a file of tasks. Out: an Exam, and for each model its questions: the prompts
as they fit into the context, after the prompt boundary was looked at with the model's own tokenizer. A benchmark that
was named without a protocol is asked by its first one, or by that one's `-stripped` variant where more prompts go on as
trained then; a protocol that was named is kept to the byte.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from curate.benchmarks import catalogue as benchmarks
from curate.benchmarks.catalogue import Task
from curate.errors import UserError
from curate.eval.asking import boundary
from curate.eval.asking.boundary import Boundary
from curate.eval.asking.generation import Notify, Questions
from curate.eval.asking.own import choose
from curate.eval.asking.protocols import Prompt, Protocol, without_line_end
from curate.eval.judging.scoring import Checks, prepare
from curate.eval.subject import Subject, fitted, tokenizer_of

Say = Callable[[str], None]
"""Is told a line for a person, when it is true."""


@dataclass(frozen=True)
class Exam:
    """One protocol with its tasks, whose tests have been checked against the reference solutions."""

    protocol: Protocol
    exact: bool
    """Whether the protocol was named, so that no other may be used."""
    every: list[Task]
    """The whole benchmark, examples included."""
    tasks: list[Task]
    """Those that are scored."""
    tests: Checks


@dataclass(frozen=True)
class Put:
    """An exam as it is put to one model."""

    exam: Exam
    questions: Questions
    boundary: Boundary
    cut: int
    """Prompts that were too long for the model's context."""

    @property
    def protocol(self) -> Protocol:
        """The protocol by which this model is asked."""
        return self.questions.protocol


def set_exam(name: str, *, limit: int | None, workers: int, allow_weak: bool, notify: Notify, say: Say) -> Exam:
    """Load the tasks and judge their reference solutions; `say` is told the ceiling."""
    protocol = choose(name)
    every = benchmarks.load(protocol.data)
    tasks = protocol.scored(every)[:limit]
    tests = prepare(tasks, plus=protocol.plus, workers=workers, allow_weak=allow_weak, notify=notify)
    say(f"{protocol.name}: {tests.self_check.text()}")
    return Exam(protocol, "@" in name, every, tasks, tests)


def put(exam: Exam, subject: Subject, max_tokens: int | None, taken: Collection[str] = ()) -> Put:
    """Return the questions for one model, by the variant of the protocol that its tokens ask for.

    `taken` are the names of all protocols that were asked for: a variant among them is not used twice.
    """
    first = _put(exam, exam.protocol, subject, max_tokens)
    if first.boundary.holds or exam.protocol.chat or exam.protocol.stripped:
        return first
    stripped = without_line_end(exam.protocol)
    second = _put(exam, stripped, subject, max_tokens)
    if second.boundary.as_trained <= first.boundary.as_trained:
        return first
    if not exam.exact and stripped.name not in taken:
        return second
    found = f"{second.boundary.as_trained} of {second.boundary.checked} as trained"
    reason = f"{first.boundary.reason}; {stripped.name} has {found}"
    return replace(first, boundary=replace(first.boundary, reason=reason))


def _put(exam: Exam, protocol: Protocol, subject: Subject, max_tokens: int | None) -> Put:
    begun = subject.spec.backend != "openai"
    prompts = protocol.prompts(exam.every, begun=begun)
    scored = {task.task_id: prompts[task.task_id] for task in exam.tasks}
    asked = fitted(subject, scored, max_tokens or protocol.max_tokens)
    cut = sum(asked[task_id] != prompt for task_id, prompt in scored.items())
    return Put(exam, Questions(protocol, exam.tasks, asked, begun), _boundary(exam, protocol, subject, asked), cut)


def _boundary(exam: Exam, protocol: Protocol, subject: Subject, prompts: Mapping[str, Prompt]) -> Boundary:
    try:
        tokenizer = tokenizer_of(subject)
    except UserError as problem:  # a hub that cannot be reached; the call log may hold every answer all the same
        return boundary.unchecked(f"no tokenizer: {problem}")
    if tokenizer is None:
        return boundary.unchecked(f"the tokenizer behind {subject.spec.backend!r} is not at hand")
    if protocol.chat and not getattr(tokenizer, "chat_template", None):
        return boundary.unchecked("the model has no chat template")
    return boundary.check(tokenizer, protocol, exam.tasks, prompts, subject.spec.model)


def pairs(put: Put) -> tuple[tuple[str, str], ...] | None:
    """Return each task's prompt and what the reference writes behind it; None for a chat, and without a solution."""
    if put.protocol.chat:
        return None
    prompts: dict[str, Any] = put.protocol.prompts(put.exam.every)
    found = ((str(prompts[task.task_id]), task) for task in put.exam.tasks)
    both = tuple((prompt, put.protocol.continuation(task, prompt) or "") for prompt, task in found)
    return both if any(solution for _, solution in both) else None
