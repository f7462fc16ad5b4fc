"""Opening a model: the call log in front, the backend behind it, loaded only when a call is not in the log.

In: a ModelSpec and where to log. Out: a `Model`, which answers requests and counts what they came to. Backends stay
open until `close_models`, so that all shards and stages that use one model share it; two at most, for their memory.
"""

import os
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Protocol

from curate.errors import UserError
from curate.llm.answers import failure
from curate.llm.log import CallLog, Usage
from curate.llm.places import locate
from curate.llm.types import Completion, ModelSpec, Request
from curate.progress import Progress


class Backend(Protocol):
    """What answers. It may keep several requests in flight, and yields lists of answers as they come."""

    def answer(self, requests: list[Request]) -> Iterator[list[Completion]]:
        """Yield the answers, each request's once, in any order; each list is logged and synced at once.

        Raises UserError where no answer can be had at all (no such model, no network, a refused key)."""
        ...

    def close(self) -> None:
        """Give back the memory of the machine and of its GPU."""
        ...


MOST_OPEN = 2
_open: dict[ModelSpec, Backend] = {}
"""The backends of this process, in the order in which they were last asked for."""


class Model:
    """An opened model: the LLM protocol, `usage`, the sum of its calls so far, and how fast it answered."""

    def __init__(self, spec: ModelSpec, log: CallLog | None, progress: Progress | None = None) -> None:
        self.spec, self.log, self.progress = spec, log, progress or Progress()
        self.usage = Usage()
        self.answering_s = 0.0
        """Wall time in which the backend worked on requests; loading it does not count."""
        self.answered_tokens = 0
        """Completion tokens that came of it."""

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request, those in the log first. Raises UserError if the model cannot be had."""
        waiting: dict[str, Request] = {}
        for request in requests:
            _check(request, waiting)
            logged = self.log.find(request) if self.log else None
            if logged is None:
                waiting[request.id] = request
            else:
                self.usage.add(logged, self.spec, replayed=True)
                yield logged
        if not waiting:
            return
        work = backend(self.spec).answer(list(waiting.values()))
        answered = 0
        started = time.monotonic()
        for answers in work:
            self.answering_s += time.monotonic() - started
            if self.log and self.spec.backend != "replay":
                self.log.append((waiting[answer.id], answer) for answer in answers)
            answered += len(answers)
            for answer in answers:
                self.usage.add(answer, self.spec, replayed=False)
                self.answered_tokens += answer.completion_tokens
                yield answer
            self._tell(answered, len(waiting))
            started = time.monotonic()

    def _tell(self, done: int, total: int) -> None:
        """Say how many of this call's requests are answered, and how fast."""
        rate = self.answered_tokens / self.answering_s if self.answering_s else 0.0
        self.progress.update(done, total, f"requests, {rate:,.0f} tokens/s")


def open_model(spec: ModelSpec, log: Path | None = None, progress: Progress | None = None) -> Model:
    """Open a model. `log` is the call log: a folder (then `calls.jsonl` in it) or a .jsonl file; None logs nothing.

    Nothing is loaded before a call needs it. `progress` is told how many requests are answered. Raises UserError for a
    model that is not there.
    """
    check_model(spec)
    if spec.backend == "replay":
        return Model(spec, CallLog(Path(spec.model), None), progress)
    if log is None:
        return Model(spec, None, progress)
    return Model(spec, CallLog(log if log.suffix == ".jsonl" else log / "calls.jsonl", spec.model), progress)


def check_model(spec: ModelSpec) -> None:
    """Raise UserError, without loading anything, if the model cannot be had: no such file, package, log or key."""
    match spec.backend:
        case "replay":
            if not Path(spec.model).is_file():
                raise UserError(f"no call log at {spec.model!r}; give the calls.jsonl of an earlier run")
        case "openai":
            if spec.base_url is None and not os.environ.get(spec.api_key_env):
                raise UserError(f"model {spec.model!r} needs a key: set the environment variable {spec.api_key_env}")
        case _:
            locate(spec.model)


def backend(spec: ModelSpec) -> Backend:
    """Return the backend of a spec, the same one as long as it is open."""
    found = _open.pop(spec, None)
    if found is None:
        close_models(besides=list(_open)[1 - MOST_OPEN :])
        found = _load(spec)
    _open[spec] = found
    return found


def close_models(besides: Collection[ModelSpec] = ()) -> None:
    """Close the backends of this process, so that what comes next has the memory."""
    for spec in [spec for spec in _open if spec not in besides]:
        _open.pop(spec).close()


def _load(spec: ModelSpec) -> Backend:
    match spec.backend:
        case "transformers":
            from curate.llm.transformers_backend import TransformersBackend

            return TransformersBackend(spec)
        case "openai":
            from curate.llm.openai_backend import OpenAIBackend

            return OpenAIBackend(spec)
        case "vllm":
            from curate.llm.vllm_backend import VLLMBackend

            return VLLMBackend(spec)
        case "replay":
            return Nothing()


class Nothing:
    """The backend behind a replayed log: whatever is not in the log cannot be had."""

    def answer(self, requests: list[Request]) -> Iterator[list[Completion]]:
        """Yield an error for each request."""
        yield [failure(request, "the call log holds no answer to this request") for request in requests]

    def close(self) -> None:
        """Nothing is held."""


def _check(request: Request, waiting: dict[str, Request]) -> None:
    if (request.messages is None) == (request.prompt is None):
        raise ValueError(f"request {request.id!r} must have either messages or a prompt")
    if request.id in waiting:
        raise ValueError(f"request id {request.id!r} is given twice")
