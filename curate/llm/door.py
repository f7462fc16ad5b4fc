"""Opening a model: the call log in front, the backend behind it, loaded only when a call is not in the log.

In: a ModelSpec and where to log. Out: a `Model`, which answers requests and counts what they came to: a list of them
through `generate`, or a stream through `find`, `submit` and `take`, where requests are added while others are answered.
Backends stay open until `close_models`, so that all shards and stages that use one model share it; two at most, for
their memory.
"""

import os
import time
from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

from curate.errors import UserError, how_to_install
from curate.llm.answers import failure
from curate.llm.budget import Budget, Purse
from curate.llm.log import CallLog, Usage, digest
from curate.llm.places import check_hub, locate
from curate.llm.types import Completion, ModelSpec, Request
from curate.machine.network import unreachable
from curate.progress import Progress


class Backend(Protocol):
    """What answers. Requests may be added at any time; answers come in any order."""

    capacity: int
    """Requests that keep it busy: any more only wait inside it."""

    def submit(self, requests: Sequence[Request]) -> None:
        """Add requests; no two that are not yet answered may have the same id."""
        ...

    def take(self, wait_s: float) -> list[Completion]:
        """Return the answers that are there, each request's once; wait about so long for a first one.

        Raises UserError where no more answers can be had (no such model, no network, a refused key, an engine that
        died), after those that could be had are taken."""
        ...

    def drop(self) -> list[Completion]:
        """Forget what is not answered. Returns what came in meanwhile of the requests that cannot be called back."""
        ...

    def close(self) -> None:
        """Give back the memory of the machine and of its GPU. May be called at any time, and again."""
        ...


MOST_OPEN = 2
NO_VLLM = f"backend vllm needs a GPU and the package vllm: {how_to_install('vllm>=0.10')}"
GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""What the drivers of NVIDIA's and AMD's cards, and Windows' for its Linux, show."""
WAIT_S = 0.5
_open: dict[ModelSpec, Backend] = {}
"""The backends of this process, in the order in which they were last asked for."""


class Model:
    """An opened model: the LLM protocol, `usage`, the sum of its calls so far, and how fast it answered."""

    def __init__(
        self,
        spec: ModelSpec,
        log: CallLog | None,
        progress: Progress | None = None,
        budgets: Sequence[Budget] = (),
    ) -> None:
        self.spec, self.log, self.progress = spec, log, progress or Progress()
        self.purse = Purse(spec, budgets, log.answers.values() if log else ())
        self.usage = Usage()
        self.answering_s = 0.0
        """Wall time in which the backend worked on requests; loading it does not count."""
        self.answered_tokens = 0
        """Completion tokens that came of it."""
        self._waiting: dict[str, tuple[str, Request]] = {}
        """Requests under way by id, with their digests."""
        self._sought: dict[str, str] = {}
        """Digests, by id, of requests that the log did not answer and that are not yet sent."""
        self._held: deque[Request] = deque()
        """Requests that the budget does not admit before others have ended."""
        self._since = 0.0

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answer every request, those in the log first. Raises UserError if the model cannot be had."""
        asked: dict[str, Request] = {}
        for request in requests:
            _check(request, asked)
            logged = self.find(request)
            if logged is None:
                asked[request.id] = request
            else:
                yield logged
        try:
            self.submit(list(asked.values()))
            while self.outstanding:
                answers = self.take(WAIT_S)
                self.flush()
                yield from answers
                if answers:
                    self._tell(len(asked) - self.outstanding, len(asked))
                self._since = time.monotonic()
        finally:
            self.drop()

    @property
    def gpus(self) -> int:
        """How many GPUs of this machine the backend works on: none before it is loaded, and none if it is elsewhere."""
        return int(getattr(_open.get(self.spec), "gpus", 0))

    @property
    def outstanding(self) -> int:
        """How many requests are under way."""
        return len(self._waiting) + len(self._held)

    @property
    def room(self) -> int:
        """How many requests more keep the backend busy. Loads it."""
        return backend(self.spec).capacity - self.outstanding

    def find(self, request: Request) -> Completion | None:
        """Return the answer that the log holds to a request, and count it."""
        if self.log is None:
            return None
        name = digest(request)
        logged = self.log.find(name)
        if logged is None:
            self._sought[request.id] = name
        else:
            self.usage.add(logged, self.spec, replayed=True)
        return logged

    def submit(self, requests: Sequence[Request]) -> None:
        """Add requests that the log does not answer to those under way."""
        for request in requests:
            _check(request, self._waiting)
        self._held.extend(requests)
        self._send()

    def _send(self) -> None:
        """Send what the budget admits."""
        admitted = []
        while self._held and self.purse.admits(self._held[0]):
            admitted.append(self._held.popleft())
        if not admitted:
            return
        answering = backend(self.spec)
        if not self._waiting:
            self._since = time.monotonic()
        for request in admitted:
            name = self._sought.pop(request.id, None) or (digest(request) if self.log else "")
            self._waiting[request.id] = name, request
        answering.submit(admitted)

    def take(self, wait_s: float) -> list[Completion]:
        """Return answers that are there, logged; wait about so long for a first one. `flush` syncs them to the disk.

        Raises UserError where the budget admits no more and no request is under way.
        """
        if not self._waiting:
            if self._held:
                raise self.purse.exhausted(len(self._held))
            return []
        answers = backend(self.spec).take(wait_s)
        self.answering_s += time.monotonic() - self._since
        self._since = time.monotonic()
        self._count(answers)
        self._send()
        return answers

    def drop(self) -> None:
        """Forget the requests under way; answers that come in all the same are logged, for they are paid for."""
        self._held.clear()
        self._sought.clear()
        if self._waiting:
            self._count(backend(self.spec).drop())
            self._waiting.clear()
        self.purse.forget()
        self.flush()

    def flush(self) -> None:
        """Wait until every answer taken is on the disk."""
        if self.log:
            self.log.flush()

    def _count(self, answers: list[Completion]) -> None:
        asked = [self._waiting.pop(answer.id) for answer in answers]
        if self.log and self.spec.backend != "replay":
            self.log.append((*each, answer) for each, answer in zip(asked, answers, strict=True))
        for answer in answers:
            self.usage.add(answer, self.spec, replayed=False)
            self.purse.settle(answer)
            self.answered_tokens += answer.completion_tokens

    def _tell(self, done: int, total: int) -> None:
        """Say how many of this call's requests are answered, and how fast."""
        rate = self.answered_tokens / self.answering_s if self.answering_s else 0.0
        self.progress.update(done, total, f"requests, {rate:,.0f} tokens/s")


def open_model(
    spec: ModelSpec, log: Path | None = None, progress: Progress | None = None, budgets: Sequence[Budget] = ()
) -> Model:
    """Open a model. `log` is the call log: a folder (then `calls.jsonl` in it) or a .jsonl file; None logs nothing.

    Nothing is loaded before a call needs it. `progress` is told how many requests are answered, `budgets` say how much
    may be spent. Raises UserError for a model that is not there.
    """
    _check_here(spec)
    if spec.backend == "replay":
        return Model(spec, CallLog(Path(spec.model), None), progress)
    if log is None:
        return Model(spec, None, progress, budgets)
    return Model(spec, CallLog(log if log.suffix == ".jsonl" else log / "calls.jsonl", spec.model), progress, budgets)


def check_model(spec: ModelSpec) -> None:
    """Raise UserError, soon and without loading anything, if the model cannot be had: no such file, package, log, key
    or GPU, an endpoint where nobody answers, a name that is neither in the hub's cache nor on the hub."""
    _check_here(spec)
    if spec.backend == "openai" and spec.base_url is not None:
        why = unreachable(spec.base_url)
        if why is not None:
            raise UserError(f"nothing answers at base_url {spec.base_url!r} ({why}); start the server or mend the URL")
    if spec.backend == "vllm":
        check_vllm()
    if spec.backend in ("transformers", "vllm"):
        check_hub(locate(spec.model))


def _check_here(spec: ModelSpec) -> None:
    """Raise UserError for what this machine alone can tell to be missing."""
    match spec.backend:
        case "replay":
            if not Path(spec.model).is_file():
                raise UserError(f"no call log at {spec.model!r}; give the calls.jsonl of an earlier run")
        case "openai":
            key = os.environ.get(spec.api_key_env, "").strip()
            if spec.base_url is None and not key:
                raise UserError(f"model {spec.model!r} needs a key: set the environment variable {spec.api_key_env}")
            if not (key.isascii() and key.isprintable()):
                raise UserError(f"the environment variable {spec.api_key_env} holds what can be no key; set it anew")
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
            from curate.llm.backends.transformers_backend import TransformersBackend

            return TransformersBackend(spec)
        case "openai":
            from curate.llm.backends.openai_backend import OpenAIBackend

            return OpenAIBackend(spec)
        case "vllm":
            from curate.llm.backends.vllm_backend import VLLMBackend

            return VLLMBackend(spec)
        case "replay":
            return Nothing()


def check_vllm() -> None:
    """Raise UserError where the package vllm or a GPU is missing; nothing is imported for it."""
    if find_spec("vllm") is None:
        raise UserError(NO_VLLM)
    if not any(Path(device).exists() for device in GPU_DEVICES) and "cpu" not in version("vllm"):
        raise UserError(
            "backend vllm needs a GPU, and this machine shows none; use `backend: transformers` here, or "
            "`backend: openai` with the `base_url:` of a server elsewhere"
        )


class Nothing:
    """The backend behind a replayed log: whatever is not in the log cannot be had."""

    capacity = 1 << 20

    def __init__(self) -> None:
        self._asked: list[Request] = []

    def submit(self, requests: Sequence[Request]) -> None:
        """Note the requests."""
        self._asked += requests

    def take(self, wait_s: float) -> list[Completion]:  # noqa: ARG002 - there is nothing to wait for
        """Return an error for each request."""
        asked, self._asked = self._asked, []
        return [failure(request, "the call log holds no answer to this request") for request in asked]

    def drop(self) -> list[Completion]:
        """Forget the requests."""
        self._asked = []
        return []

    def close(self) -> None:
        """Nothing is held."""


def _check(request: Request, waiting: Container[str]) -> None:
    if (request.messages is None) == (request.prompt is None):
        raise ValueError(f"request {request.id!r} must have either messages or a prompt")
    if request.id in waiting:
        raise ValueError(f"request id {request.id!r} is given twice")
