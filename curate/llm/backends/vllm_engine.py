"""One vLLM engine in a process of its own, which curate.llm.backends.vllm_backend starts.

In, on a socket: a ModelSpec with the engine's share of its GPU, then requests at any time. Out: answers as they end, in
batches. Prompts are turned into tokens, and tokens into text, here: with several engines no process does it for all.
It ends when the other end of the socket closes, be the parent done or killed. Written against vLLM 0.25.
"""

import importlib
import math
import sys
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol

from curate.errors import UserError, how_to_install
from curate.llm.answers import cut, failure
from curate.llm.places import locate
from curate.llm.tokens import choice_ids, prompt_ids
from curate.llm.types import Completion, ModelSpec, Request

SEND_S = 0.05
"""Answers wait so long for others: each message costs the parent a wake-up."""


class Engine(Protocol):
    """What the process runs: vLLM, or in tests a stand-in for it."""

    def add(self, request: Request) -> Completion | None:
        """Begin on a request; return at once the answer of one that cannot be worked on."""
        ...

    def step(self) -> list[Completion]:
        """Do one step for all requests under way; return those that ended. Nothing is under way: return nothing."""
        ...

    def drop(self) -> None:
        """Forget the requests under way."""
        ...

    def close(self) -> None:
        """End the engine's own processes."""
        ...

    @property
    def busy(self) -> bool:
        """Whether requests are under way."""
        ...


class VLLM:
    """vLLM behind its synchronous engine, which works in yet another process; this one does what is text.

    `memory` is its share of the GPU's; `cache` the bytes of its cache, None: what vLLM finds is left of the share.
    """

    def __init__(self, spec: ModelSpec, sequences: int, memory: float, cache: int | None = None) -> None:
        try:
            import vllm
            from vllm.sampling_params import RequestOutputKind
        except ImportError as error:
            raise UserError(f"backend vllm needs a GPU and the package vllm: {how_to_install('vllm>=0.10')}") from error
        self.spec, self.place = spec, locate(spec.model)
        self._final = RequestOutputKind.FINAL_ONLY
        self._parameters = vllm.SamplingParams
        try:
            whole = vllm.LLM(
                model=self.place.path,
                max_model_len=spec.max_context,
                max_num_seqs=sequences,
                gpu_memory_utilization=memory,
                kv_cache_memory_bytes=cache,
                enable_prefix_caching=True,
                seed=0,
            )
        except (OSError, ValueError, RuntimeError) as error:
            first = " ".join(str(error).split())[:200]
            raise UserError(f"vLLM cannot load {self.place.path!r}: {first}") from error
        self._engine: Any = whole.llm_engine
        self._tokenizer = whole.get_tokenizer()
        self._asked: dict[str, Request] = {}

    def add(self, request: Request) -> Completion | None:
        """Hand a request to the engine, or refuse it where there is no room for an answer."""
        ids = prompt_ids(self._tokenizer, request, self.spec.model)
        room = min(request.max_tokens, self.spec.max_context - len(ids))
        if room < 1 or not ids:
            return failure(request, f"the prompt has {len(ids)} tokens, the context {self.spec.max_context}")
        self._engine.add_request(request.id, {"type": "token", "prompt_token_ids": ids}, self._settings(request, room))
        self._asked[request.id] = request
        return None

    def step(self) -> list[Completion]:
        """Let the engine write one more token everywhere."""
        if not self._engine.has_unfinished_requests():
            return []
        ended = [output for output in self._engine.step() if output.finished and output.request_id in self._asked]
        return [self._completion(self._asked.pop(output.request_id), output) for output in ended]

    def drop(self) -> None:
        """Abort what is under way."""
        self._engine.abort_request(list(self._asked))
        self._asked = {}

    def close(self) -> None:
        """Stop the engine's process, which holds the GPU's memory."""
        self._engine.engine_core.shutdown()

    @property
    def busy(self) -> bool:
        """Whether requests are under way."""
        return bool(self._asked)

    def _settings(self, request: Request, room: int) -> Any:
        if request.choices:
            # Not `logprobs=k`: the k likeliest tokens need not hold every choice.
            wanted = [token for ids in choice_ids(self._tokenizer, request.choices, self.spec.model) for token in ids]
            return self._parameters(
                max_tokens=1, temperature=0.0, logprob_token_ids=wanted, output_kind=self._final, skip_clone=True
            )
        return self._parameters(
            max_tokens=room,
            temperature=request.temperature,
            top_p=request.top_p,
            stop=list(request.stop) or None,
            output_kind=self._final,
            skip_clone=True,
        )

    def _completion(self, request: Request, output: Any) -> Completion:
        best = output.outputs[0]
        text, stopped = cut(best.text, request.stop)
        reason = "length" if best.finish_reason == "length" and not stopped and not request.choices else "stop"
        used = len(output.prompt_token_ids), len(best.token_ids)
        if not request.choices:
            # vLLM names the stop string that ended an answer, and nothing where it was the end token.
            ended = best.finish_reason == "stop" and not isinstance(best.stop_reason, str) and not stopped
            return Completion(request.id, text, reason, *used, ended=ended)
        told = {token: math.exp(entry.logprob) for token, entry in best.logprobs[0].items()}
        ids = choice_ids(self._tokenizer, request.choices, self.spec.model)
        chances = tuple(sum(told[token] for token in spellings) for spellings in ids)
        return Completion(request.id, text, reason, *used, probabilities=chances)


def serve(channel: Connection, engine: Engine) -> None:
    """Answer until the other end closes. A message is (epoch, requests); another epoch forgets what is under way.

    Each reply is (epoch, completions), so that the parent knows which answers nobody waits for any more.
    """
    epoch = 0
    answers: list[Completion] = []
    sent = time.monotonic()
    while True:
        while channel.poll(0 if engine.busy or answers else None):
            asked, requests = channel.recv()
            if asked != epoch:
                engine.drop()
                epoch, answers = asked, []
            answers += _begin(engine, requests)
        answers += engine.step()
        if answers and (not engine.busy or time.monotonic() - sent > SEND_S):
            channel.send((epoch, answers))
            answers, sent = [], time.monotonic()


def _begin(engine: Engine, requests: Sequence[Request]) -> list[Completion]:
    return [refused for refused in map(engine.add, requests) if refused is not None]


def main(descriptor: int, engine_name: str) -> None:
    """Build the engine that the first message describes, say that it stands, and serve."""
    with Connection(descriptor) as channel:
        settings: dict[str, Any] = channel.recv()
        module, _, name = engine_name.partition(":")
        try:
            engine: Engine = getattr(importlib.import_module(module), name)(**settings)
        except UserError as error:
            channel.send(str(error))
            return
        try:
            channel.send(None)
            serve(channel, engine)
        except (EOFError, ConnectionError):  # the parent has closed, or is gone
            pass
        finally:
            engine.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
