"""Answers from vLLM in this process (extra `[vllm]`), on the machine's GPU.

In: a folder, a hub name or a GGUF file, by way of a ModelSpec; `batch_size`, where it is given, is how many sequences
vLLM works on at once. Out: answers in groups, large enough to keep the engine full and small enough that a crash
loses little. A request's `seed` is not passed on: seeded rows leave vLLM's fast sampler, and batches on a GPU are not
bit-stable anyway; the call log is what makes a run repeatable. Written against vLLM 0.25; several GPUs or engines are
not covered: start a vLLM server and use `openai`.
"""

import math
from collections.abc import Sequence
from typing import Any

from curate.errors import UserError, how_to_install
from curate.llm.answers import cut, failure
from curate.llm.places import locate
from curate.llm.tokens import choice_ids, prompt_ids
from curate.llm.types import Completion, ModelSpec, Request

GROUP = 8
"""Requests handed over at once, in multiples of the sequences at work: the slow end of a group costs an eighth."""
SEQUENCES = 256


class VLLMBackend:
    """One engine. Raises UserError if vLLM is missing or cannot load the model."""

    def __init__(self, spec: ModelSpec) -> None:
        try:
            import vllm
        except ImportError as error:
            raise UserError(f"backend vllm needs a GPU and the package vllm: {how_to_install('vllm>=0.10')}") from error
        self.spec, self.place = spec, locate(spec.model)
        self.sequences = spec.batch_size if "batch_size" in spec.model_fields_set else SEQUENCES
        self.parameters = vllm.SamplingParams
        self.capacity = GROUP * self.sequences
        self._waiting: list[Request] = []
        try:
            self.engine: Any = vllm.LLM(
                model=self.place.path, max_model_len=spec.max_context, max_num_seqs=self.sequences, seed=0
            )
        except (OSError, ValueError, RuntimeError) as error:
            first = " ".join(str(error).split())[:200]
            raise UserError(f"vLLM cannot load {self.place.path!r}: {first}") from error
        self.tokenizer = self.engine.get_tokenizer()

    def submit(self, requests: Sequence[Request]) -> None:
        """Add requests."""
        self._waiting += requests

    def take(self, wait_s: float) -> list[Completion]:  # noqa: ARG002 - the work is done here
        """Answer a group."""
        size = GROUP * self.sequences
        group, self._waiting = self._waiting[:size], self._waiting[size:]
        return self._group(group)

    def drop(self) -> list[Completion]:
        """Forget what waits."""
        self._waiting = []
        return []

    def close(self) -> None:
        """Stop the engine's process, which holds the GPU's memory."""
        self.engine.llm_engine.engine_core.shutdown()
        del self.engine

    def _group(self, requests: list[Request]) -> list[Completion]:
        answers: list[Completion] = []
        asked: list[Request] = []
        prompts: list[dict[str, list[int]]] = []
        settings: list[Any] = []
        for request in requests:
            ids = prompt_ids(self.tokenizer, request, self.spec.model)
            room = min(request.max_tokens, self.spec.max_context - len(ids))
            if room < 1 or not ids:
                answers.append(
                    failure(request, f"the prompt has {len(ids)} tokens, the context {self.spec.max_context}")
                )
                continue
            asked.append(request)
            prompts.append({"prompt_token_ids": ids})
            settings.append(self._settings(request, room))
        outputs = self.engine.generate(prompts, settings, use_tqdm=False) if asked else []
        return answers + [self._completion(request, output) for request, output in zip(asked, outputs, strict=True)]

    def _settings(self, request: Request, room: int) -> Any:
        if request.choices:
            # Not `logprobs=k`: the k likeliest tokens need not hold every choice.
            wanted = [token for ids in choice_ids(self.tokenizer, request.choices, self.spec.model) for token in ids]
            return self.parameters(max_tokens=1, temperature=0.0, logprob_token_ids=wanted)
        return self.parameters(
            max_tokens=room,
            temperature=request.temperature,
            top_p=request.top_p,
            stop=list(request.stop) or None,
        )

    def _completion(self, request: Request, output: Any) -> Completion:
        """Turn vLLM's RequestOutput into a Completion; generate() keeps the order of its prompts."""
        best = output.outputs[0]
        text, stopped = cut(best.text, request.stop)
        reason = "length" if best.finish_reason == "length" and not stopped and not request.choices else "stop"
        used = len(output.prompt_token_ids), len(best.token_ids)
        if not request.choices:
            return Completion(request.id, text, reason, *used)
        told = {token: math.exp(entry.logprob) for token, entry in best.logprobs[0].items()}
        ids = choice_ids(self.tokenizer, request.choices, self.spec.model)
        chances = tuple(sum(told[token] for token in spellings) for spellings in ids)
        return Completion(request.id, text, reason, *used, probabilities=chances)
