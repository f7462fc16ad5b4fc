"""Generation: put a protocol's prompts to a model through the one LLM door and keep what came of each.

In: a model, prompts, how many samples and how to draw them. Out: samples in task order with the raw text, the cut text
and the whole program. A crash loses nothing: the door's call log replays every answer that was had. Two protocols that
ask the same (a base set and its plus set) are asked once: their requests are the same, so the log answers the second.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from curate.benchmarks.catalogue import Task
from curate.errors import UserError
from curate.eval.asking.protocols import Prompt, Protocol
from curate.files.shards import write_json, write_text
from curate.llm import LLM, Completion, Request
from curate.stage import derive_seed

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
    ended: bool | None = None
    """Whether the model ended it by itself; None where the backend does not tell."""


@dataclass(frozen=True)
class Questions:
    """What one protocol asks one model."""

    protocol: Protocol
    tasks: Sequence[Task]
    prompts: Mapping[str, Prompt]
    begun: bool = True
    """Whether a chat's answer is begun for the model."""

    def requests(self, sampling: Sampling, seed: int) -> list[Request]:
        """Return the requests for all samples, in task order."""
        return [self._request(task, index, sampling, seed) for task in self.tasks for index in range(sampling.samples)]

    def request_id(self, task: Task, index: int) -> str:
        """Return what ties an answer to its question."""
        return f"{self.protocol.asks}/{task.task_id}#{index}"

    def _request(self, task: Task, index: int, sampling: Sampling, seed: int) -> Request:
        prompt = self.prompts[task.task_id]
        return Request(
            id=self.request_id(task, index),
            prompt=prompt if isinstance(prompt, str) else None,
            messages=None if isinstance(prompt, str) else prompt,
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            stop=self.protocol.stops(begun=self.begun),
            seed=derive_seed(seed, self.protocol.asks, task.task_id, index),
        )


def generate(
    llm: LLM, questions: Questions, sampling: Sampling, seed: int, notify: Notify | None = None
) -> list[Generated]:
    """Draw samples for every task, in task order.

    Raises UserError if an answer could not be had: scored as a failure, it would count against the model.
    """
    requests = questions.requests(sampling, seed)
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
        _generated(questions, task, index, answers[questions.request_id(task, index)])
        for task in questions.tasks
        for index in range(sampling.samples)
    ]


def write_samples(samples: Sequence[Generated], path: Path) -> None:
    """Write samples as JSONL that `curate score` reads too, atomically."""
    write_text("".join(json.dumps(asdict(sample)) + "\n" for sample in samples), path)


@dataclass(frozen=True)
class Speed:
    """Completion tokens and the seconds in which the model wrote them, loading it not counted."""

    tokens: int = 0
    seconds: float = 0.0

    @property
    def tokens_per_s(self) -> float | None:
        """The rate, None where nothing was written."""
        return self.tokens / self.seconds if self.tokens and self.seconds else None

    def text(self) -> str:
        """Return the end of a sentence about samples."""
        rate = self.tokens_per_s
        return f", {self.tokens:,} tokens in {self.seconds:.1f} s ({rate:,.0f} tokens/s)" if rate else ""


def keep_speed(path: Path, before: Speed, after: Speed) -> Speed:
    """Add what a model wrote meanwhile to what is kept of earlier runs, and return the sum."""
    kept = read_speed(path)
    if after == before:
        return kept
    speed = Speed(kept.tokens + after.tokens - before.tokens, kept.seconds + after.seconds - before.seconds)
    write_json(asdict(speed), path)
    return speed


def read_speed(path: Path) -> Speed:
    """Return what is kept, nothing where there is none."""
    return Speed(**json.loads(path.read_text())) if path.exists() else Speed()


def _generated(questions: Questions, task: Task, index: int, answer: Completion) -> Generated:
    cut = questions.protocol.cut(answer.text, begun=questions.begun)
    return Generated(
        task_id=task.task_id,
        index=index,
        raw=answer.text,
        cut=cut,
        solution=questions.protocol.program(task, questions.prompts[task.task_id], cut),
        finish_reason=answer.finish_reason,
        completion_tokens=answer.completion_tokens,
        ended=answer.ended,
    )
