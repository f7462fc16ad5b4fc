"""Protocols: how a task is put to a model and how its answer is read, under a name that travels with every score.

In: a Task. Out: the prompt's exact bytes, the stop strings, and from the model's raw text the cut text and the whole
program that is judged. A benchmark's name alone does not say what was measured (StarCoder's MBPP is 52.7 on one set
of tasks and 43.6 on another), so scores are compared within one protocol only.

    humaneval@completion  the prompt as it is, the five stop strings of Chen et al. (2021)
    mbpp@doc-500          a docstring of the sentence and the first assert, the form InCoder and BigCode use
    mbpp@3shot-500        Austin et al. (2021): the sentence and all asserts, after tasks 2, 3 and 4 solved

`\\ndef ` is no stop string for MBPP: its solutions may begin with a function that the entry point calls.
Not covered: chat templates, and generation itself (eval/generation.py).
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from curate.benchmarks import Task
from curate.errors import UserError, did_you_mean

Shots = Sequence[Task]
DONE = "[DONE]"


@dataclass(frozen=True)
class Protocol:
    """A named way to ask. Raise `version` whenever a prompt's bytes, a stop string or the extraction changes."""

    name: str
    version: int
    benchmark: str
    stop: tuple[str, ...]
    build: Callable[[Task, Shots], str]
    shots: tuple[str, ...] = ()
    """Ids of the tasks that the prompt shows solved; none of them is scored."""

    def scored(self, tasks: Sequence[Task]) -> list[Task]:
        """Return the tasks that count: the test split."""
        return [task for task in tasks if task.split == "test"]

    def prompts(self, tasks: Sequence[Task]) -> dict[str, str]:
        """Return task id -> prompt for the scored tasks; `tasks` is the whole benchmark, examples included."""
        by_id = {task.task_id: task for task in tasks}
        examples = [by_id[task_id] for task_id in self.shots]
        return {task.task_id: self.build(task, examples) for task in self.scored(tasks)}

    def cut(self, raw: str) -> str:
        """Return the raw text up to the first stop string."""
        return raw[: min((at for at in map(raw.find, self.stop) if at >= 0), default=len(raw))]

    def program(self, task: Task, cut: str) -> str:
        """Return the whole program: the task's own code (none for MBPP) and what the model wrote after it."""
        return task.prompt + cut


def humaneval_prompt(task: Task, shots: Shots) -> str:
    """Return the task's prompt untouched, its last line end included."""
    assert not shots
    return task.prompt


def docstring_prompt(task: Task, shots: Shots) -> str:
    """Return the sentence and the first assert as a docstring."""
    assert not shots
    return f'"""\n{task.text}\n{task.tests[0]}\n"""\n'


def austin_prompt(task: Task, shots: Shots) -> str:
    """Return the solved examples and the question, up to where the model's code begins."""
    solved = "".join(f"{_question(shot)}{shot.solution}\n{DONE}\n" for shot in shots)
    return solved + _question(task)


def _question(task: Task) -> str:
    tests = "\n".join(task.tests)
    return (
        f"You are an expert Python programmer, and here is your task: {task.text} "
        f"Your code should pass these tests:\n\n{tests}\n[BEGIN]\n"
    )


HUMANEVAL_STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
DOCSTRING_STOPS = ("\nclass", "\nassert", '\n"""', "\nprint", "\nif", "\n<|/", "\n```")
PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol("humaneval@completion", 1, "humaneval", HUMANEVAL_STOPS, humaneval_prompt),
        Protocol("mbpp@doc-500", 1, "mbpp", DOCSTRING_STOPS, docstring_prompt),
        Protocol("mbpp@3shot-500", 1, "mbpp", (DONE,), austin_prompt, ("Mbpp/2", "Mbpp/3", "Mbpp/4")),
    )
}


def choose(benchmark: str, chosen: Mapping[str, str]) -> Protocol:
    """Return the protocol chosen for a benchmark, or the benchmark's first one.

    Raises UserError for an unknown benchmark or protocol, and for a protocol of another benchmark.
    """
    known = {name: protocol for name, protocol in PROTOCOLS.items() if protocol.benchmark == benchmark}
    if not known:
        benchmarks = {protocol.benchmark for protocol in PROTOCOLS.values()}
        raise UserError(f"no protocol is known for benchmark {benchmark!r}{did_you_mean(benchmark, benchmarks)}")
    name = chosen.get(benchmark, next(iter(known)))
    if name not in known:
        raise UserError(f"unknown protocol {name!r} for {benchmark}{did_you_mean(name, known)}")
    return known[name]


def digest(prompts: Mapping[str, str]) -> str:
    """Return the sha256 of the prompts' bytes, each after its task id."""
    parts = [f"{task_id}\x1f{prompt}\x1e" for task_id, prompt in prompts.items()]
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
