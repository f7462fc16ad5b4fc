"""Answers from a model in this process through `transformers`: on a GPU in bfloat16, else on the CPU in float32.

In: a folder, a hub name or a GGUF file, by way of a ModelSpec. Out: answers, a batch at a time, requests of like length
together. bfloat16 is not used on a CPU: without AVX512-BF16 or AMX it decodes slower than float32.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from curate.errors import UserError
from curate.llm.answers import cut, failure
from curate.llm.decode import Prefix, Row, decode, first_token, shared_prefix
from curate.llm.places import Place, locate
from curate.llm.tokens import choice_ids, continuation, prompt_ids
from curate.llm.tokens import decode as text_of
from curate.llm.types import Completion, ModelSpec, Request

Ready = tuple[Request, Row]
Kind = tuple[bool, tuple[int, ...]]
KIND = 24
"""Requests whose first so many tokens are the same are answered together."""


class TransformersBackend:
    """One loaded model. Raises UserError if it cannot be loaded."""

    capacity = 1 << 12  # the more it sees at once, the more alike its batches are

    def __init__(self, spec: ModelSpec) -> None:
        self.spec, self.place = spec, locate(spec.model)
        self.model, self.tokenizer = load(self.place)
        self.context = min(spec.max_context, getattr(self.model.config, "max_position_embeddings", spec.max_context))
        self.gpus = int(self.model.device.type == "cuda")
        self.end_ids = _end_ids(self.model, self.tokenizer)
        self._waiting: dict[Kind, list[Ready]] = {}
        self._refused: list[Completion] = []
        self._prefix: tuple[tuple[int, ...], Prefix] | None = None

    def submit(self, requests: Sequence[Request]) -> None:
        """Add requests; those with no room for an answer are refused at the next `take`."""
        ready, refused = self._prepare(requests)
        self._refused += refused
        for pair in ready:
            self._waiting.setdefault(_kind(pair), []).append(pair)

    def take(self, wait_s: float) -> list[Completion]:  # noqa: ARG002 - the work is done here, however long it takes
        """Answer one batch, the longest of those that begin like what waits longest: they share a template mostly, and
        computing what a batch shares once is most of what a CPU can save. Too few of a kind go with other such.

        The longest first, so that running out of memory shows at once; equal prompts stay together.
        """
        if self._refused:
            refused, self._refused = self._refused, []
            return refused
        if not self._waiting:
            return []
        oldest = next(iter(self._waiting))
        few = [
            kind for kind, pairs in self._waiting.items() if len(pairs) < self.spec.batch_size and kind[0] == oldest[0]
        ]
        kinds = few if oldest in few else [oldest]
        waiting = [pair for kind in kinds for pair in self._waiting.pop(kind)]
        waiting.sort(key=lambda pair: (-len(pair[1].prompt), pair[1].prompt, -pair[1].max_tokens))
        batch, rest = waiting[: self.spec.batch_size], waiting[self.spec.batch_size :]
        answers = (self._choose if oldest[0] else self._batch)(batch, self._shared(waiting))
        left: dict[Kind, list[Ready]] = {}
        for pair in rest:
            left.setdefault(_kind(pair), []).append(pair)
        self._waiting = left | self._waiting
        return answers

    def drop(self) -> list[Completion]:
        """Forget what waits."""
        self._waiting, self._refused, self._prefix = {}, [], None
        return []

    def _shared(self, waiting: list[Ready]) -> Prefix | None:
        """Return what the waiting begin with, the one that is known if it is theirs."""
        prompts = [row.prompt for _, row in waiting]
        if self._prefix is not None:
            ids, known = self._prefix
            if all(prompt[: len(ids)] == ids and len(prompt) > len(ids) for prompt in prompts):
                return known
        prefix = shared_prefix(self.model, prompts)
        self._prefix = (prompts[0][: prefix.length], prefix) if prefix else None
        return prefix

    def close(self) -> None:
        """Let go of the weights."""
        self.drop()
        self.model = None
        gc.collect()
        torch.cuda.empty_cache()

    def _prepare(self, requests: Sequence[Request]) -> tuple[list[Ready], list[Completion]]:
        """Turn requests into rows; those with no room for an answer are refused."""
        ready: list[Ready] = []
        refused = []
        for request in requests:
            prompt = prompt_ids(self.tokenizer, request, self.spec.model) or [self.tokenizer.bos_token_id or 0]
            room = min(request.max_tokens, self.context - len(prompt))
            if room < 1:
                refused.append(failure(request, f"the prompt has {len(prompt)} tokens, the context {self.context}"))
                continue
            stopped = stop_rule(self.tokenizer, request.stop)
            ready.append((request, Row(tuple(prompt), room, request.temperature, request.top_p, request.seed, stopped)))
        return ready, refused

    def _choose(self, ready: list[Ready], prefix: Prefix | None) -> list[Completion]:
        """Answer with the likeliest token, and tell how probable the choices were."""
        probabilities = first_token(self.model, [row.prompt for _, row in ready], prefix).cpu()
        answers = []
        for (request, row), told in zip(ready, probabilities, strict=True):
            text, _ = cut(continuation(self.tokenizer, list(row.prompt), [int(told.argmax())]), request.stop)
            ids = choice_ids(self.tokenizer, request.choices, self.spec.model)
            answers.append(
                Completion(
                    request.id, text, "stop", len(row.prompt), 1,
                    probabilities=tuple(float(told[spellings].sum()) for spellings in ids),
                )
            )  # fmt: skip
        return answers

    def _batch(self, ready: list[Ready], prefix: Prefix | None) -> list[Completion]:
        decode(self.model, [row for _, row in ready], self.end_ids, prefix)
        answers = []
        for request, row in ready:
            text, _ = cut(continuation(self.tokenizer, list(row.prompt), row.ids), request.stop)
            used = len(row.prompt), len(row.ids)
            answers.append(Completion(request.id, text, row.finish_reason, *used, ended=row.ended))
        return answers


def load(place: Place) -> tuple[Any, Any]:
    """Return (model, tokenizer), ready to decode. Raises UserError with one line for anything that will not load."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    with loading(place) as options:
        tokenizer = AutoTokenizer.from_pretrained(place.name, **options)
        model = AutoModelForCausalLM.from_pretrained(place.name, dtype=dtype, **options)
    return model.to(device).eval(), tokenizer


def load_tokenizer(place: Place) -> Any:
    """Return the tokenizer alone. Errors as `load`."""
    with loading(place) as options:
        return AutoTokenizer.from_pretrained(place.name, **options)


@contextmanager
def loading(place: Place) -> Iterator[dict[str, str]]:
    """Give the options to load from a place with; what cannot be loaded raises UserError with one line."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    if place.gguf_file:
        from curate.llm.gguf import quick_gguf
    try:
        with quick_gguf() if place.gguf_file else nullcontext():
            yield {"gguf_file": place.gguf_file} if place.gguf_file else {}
    except (OSError, ValueError, KeyError, ImportError, NotImplementedError) as error:
        first = " ".join(str(error).split())[:200]
        raise UserError(
            f"cannot load model {place.path!r}: {first}; give a folder, a GGUF file or a hub name"
        ) from error


def stop_rule(tokenizer: Any, stop: tuple[str, ...]) -> Callable[[list[int]], bool]:
    """Return the rule that tells, after each token, whether a stop string has just been completed.

    Only a token that carries the last character of a stop string can complete it; only then is the end decoded.
    """
    if not stop:
        return lambda _: False
    last = {word[-1] for word in stop}
    reach = max(map(len, stop)) + 8

    def stopped(ids: list[int]) -> bool:
        if last.isdisjoint(piece(tokenizer, ids[-1])):
            return False
        tail = text_of(tokenizer, ids[-reach:])
        return any(word in tail for word in stop)

    return stopped


@cache
def piece(tokenizer: Any, token: int) -> str:
    """Return the text of one token."""
    return text_of(tokenizer, [token])


def _kind(pair: Ready) -> Kind:
    return bool(pair[0].choices), pair[1].prompt[:KIND]


def _end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer: the model's and the tokenizer's."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in [*ids, tokenizer.eos_token_id] if token is not None)
