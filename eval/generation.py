"""Generation: put a protocol's prompts to a model through the one LLM door and keep what came of each.

In: a model, prompts, how many samples and how to draw them. Out: samples in task order with the raw text, the cut text
and the whole program. A crash loses nothing: the door's call log replays every answer that was had.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from curate.benchmarks import Task
from curate.errors import UserError
from curate.llm import LLM, Completion, Request
from curate.shards import write_text
from curate.stage import derive_seed
from eval.protocols import Protocol

Notify = Callable[[int, int], None]
"""Is told (done, total)."""


@dataclass(frozen=True)
class Sampling:
    """How samples are drawn: `samples` for each task, at most `max_tokens` long, temperature 0 is greedy."""

    samples: int
    temperature: float
    top_p: float
    max_tokens: int


@dataclass(frozen=True)
class Generated:
    """One sample: the model's raw text, that text up to the first stop string, and the program that is judged."""

    task_id: str
    index: int
    raw: str
    cut: str
    solution: str
    finish_reason: str
    completion_tokens: int


def generate(
    llm: LLM,
    protocol: Protocol,
    tasks: Sequence[Task],
    prompts: Mapping[str, str],
    sampling: Sampling,
    seed: int,
    notify: Notify | None = None,
) -> list[Generated]:
    """Draw samples for every task, in task order.

    Raises UserError if an answer could not be had: scored as a failure, it would count against the model.
    """
    requests = [
        _request(protocol, task, prompts[task.task_id], index, sampling, seed)
        for task in tasks
        for index in range(sampling.samples)
    ]
    answers: dict[str, Completion] = {}
    for answer in llm.generate(requests):
        answers[answer.id] = answer
        if notify:
            notify(len(answers), len(requests))
    failed = [answer for answer in answers.values() if answer.finish_reason == "error"]
    if failed:
        raise UserError(
            f"{len(failed)} of {len(requests)} calls failed, the first with: {failed[0].error}; "
            "run again to repeat these alone"
        )
    return [
        _generated(protocol, task, index, answers[_id(protocol, task, index)])
        for task in tasks
        for index in range(sampling.samples)
    ]


def write_samples(samples: Sequence[Generated], path: Path) -> None:
    """Write samples as JSONL that `curate score` reads too, atomically."""
    write_text("".join(json.dumps(asdict(sample)) + "\n" for sample in samples), path)


def _id(protocol: Protocol, task: Task, index: int) -> str:
    return f"{protocol.name}/{task.task_id}#{index}"


def _request(protocol: Protocol, task: Task, prompt: str, index: int, sampling: Sampling, seed: int) -> Request:
    return Request(
        id=_id(protocol, task, index),
        prompt=prompt,
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        stop=protocol.stop,
        seed=derive_seed(seed, protocol.name, task.task_id, index),
    )


def _generated(protocol: Protocol, task: Task, index: int, answer: Completion) -> Generated:
    cut = protocol.cut(answer.text)
    return Generated(
        task_id=task.task_id,
        index=index,
        raw=answer.text,
        cut=cut,
        solution=protocol.program(task, cut),
        finish_reason=answer.finish_reason,
        completion_tokens=answer.completion_tokens,
    )
