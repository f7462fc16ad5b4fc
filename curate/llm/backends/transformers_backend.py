"""Answers from a model in this process through `transformers`: on a GPU in bfloat16, else on the CPU in float32.

In: a folder, a hub name or a GGUF file, by way of a ModelSpec. Out: answers. On a GPU hundreds of sequences go on
together and new ones take the place of those that ended (`curate.llm.decoding.slots`); on a CPU, and for models that
slots do not suit, a batch at a time, requests of like length together. bfloat16 is not used on a CPU: without
AVX512-BF16 or AMX it decodes slower than float32.
"""

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

from curate.errors import UserError
from curate.llm.answers import cut, failure
from curate.llm.decoding.decode import Prefix, Row, decode, first_token, shared_prefix
from curate.llm.decoding.slot_table import why_unsuited
from curate.llm.decoding.slots import SLOTS, Slots
from curate.llm.places import Place, locate
from curate.llm.tokens import choice_ids, continuation, prompt_ids
from curate.llm.tokens import decode as text_of
from curate.llm.types import Completion, ModelSpec, Request

Ready = tuple[Request, Row]
Kind = tuple[bool, tuple[int, ...]]
KIND = 24
"""Requests whose first so many tokens are the same are answered together."""
TINY_PARAMETERS = 100e6
"""Below this a step on a CPU costs its overhead, so many rows go together."""
TINY_ROWS = 128
GPU_TOKENS = 1 << 16
"""Tokens of a batch on a GPU, answers counted in."""


class TransformersBackend:
    """One loaded model. Raises UserError if it cannot be loaded."""

    capacity = 1 << 12  # the more it sees at once, the more alike its batches are

    def __init__(self, spec: ModelSpec, slots: bool | None = None) -> None:
        """`slots` says whether to decode in slots; None does so on a GPU."""
        self.spec, self.place = spec, locate(spec.model)
        self.model, self.tokenizer = load(self.place)
        self.context = min(spec.max_context, getattr(self.model.config, "max_position_embeddings", spec.max_context))
        self.gpus = int(self.model.device.type == "cuda")
        self.end_ids = _end_ids(self.model, self.tokenizer)
        self.rows = spec.batch_size if "batch_size" in spec.model_fields_set else 0
        """Requests of a batch as the spec says; 0 leaves it to the model's size."""
        wanted = bool(self.gpus) if slots is None else slots
        self.why_no_slots = why_unsuited(self.model) if wanted else "they are for GPUs"
        self.slots = None if self.why_no_slots else Slots[Request](self.model, self.end_ids, self.rows or SLOTS)
        self._waiting: dict[Kind, list[Ready]] = {}
        self._refused: list[Completion] = []
        self._prefix: tuple[tuple[int, ...], Prefix] | None = None

    def submit(self, requests: Sequence[Request]) -> None:
        """Add requests; those with no room for an answer are refused at the next `take`."""
        ready, refused = self._prepare(requests)
        self._refused += refused
        if self.slots:
            self.slots.submit([pair for pair in ready if not pair[0].choices])
            ready = [pair for pair in ready if pair[0].choices]
        for pair in ready:
            self._waiting.setdefault(_kind(pair), []).append(pair)

    def take(self, wait_s: float) -> list[Completion]:
        """Return refusals, or the answers of one batch, or what the slots end within about `wait_s`."""
        if self._refused:
            refused, self._refused = self._refused, []
            return refused
        if self._waiting:
            return self._next_batch()
        return self._from_slots(wait_s) if self.slots else []

    def _from_slots(self, wait_s: float) -> list[Completion]:
        """Let the slots go on until there is an answer and the time is up."""
        assert self.slots is not None
        ended: list[Ready] = []
        until = time.monotonic() + wait_s
        while self.slots.busy and (not ended or time.monotonic() < until):
            ended += self.slots.step()
        return [self._answer(*pair) for pair in ended]

    def _next_batch(self) -> list[Completion]:
        """Answer one batch, the longest of those that begin like what waits longest: they share a template mostly, and
        computing what a batch shares once is most of what a CPU can save. Too few of a kind go with other such.

        The longest first, so that running out of memory shows at once; equal prompts stay together.
        """
        oldest = next(iter(self._waiting))
        size = self._batch_rows(self._waiting[oldest])
        few = [kind for kind, pairs in self._waiting.items() if len(pairs) < size and kind[0] == oldest[0]]
        kinds = few if oldest in few else [oldest]
        waiting = [pair for kind in kinds for pair in self._waiting.pop(kind)]
        waiting.sort(key=lambda pair: (-len(pair[1].prompt), pair[1].prompt, -pair[1].max_tokens))
        size = self._batch_rows(waiting)
        batch, rest = waiting[:size], waiting[size:]
        answers = (self._choose if oldest[0] else self._batch)(batch, self._shared(waiting))
        left: dict[Kind, list[Ready]] = {}
        for pair in rest:
            left.setdefault(_kind(pair), []).append(pair)
        self._waiting = left | self._waiting
        return answers

    def _batch_rows(self, waiting: list[Ready]) -> int:
        """Return how many of these make a batch: as many as the spec says; else on a GPU by their tokens."""
        if self.rows:
            return self.rows
        usual = TINY_ROWS if self.model.num_parameters() < TINY_PARAMETERS else self.spec.batch_size
        if not self.gpus:
            return usual
        most = max(len(row.prompt) + (0 if request.choices else row.max_tokens) for request, row in waiting)
        return max(usual, min(SLOTS, GPU_TOKENS // most))

    def drop(self) -> list[Completion]:
        """Forget what waits."""
        self._waiting, self._refused, self._prefix = {}, [], None
        if self.slots:
            self.slots.drop()
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
        self.model = self.slots = None
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
        return [self._answer(*pair) for pair in ready]

    def _answer(self, request: Request, row: Row) -> Completion:
        text, _ = cut(continuation(self.tokenizer, list(row.prompt), row.ids), request.stop)
        used = len(row.prompt), len(row.ids)
        return Completion(request.id, text, row.finish_reason, *used, ended=row.ended)


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
        from curate.llm.decoding.gguf import quick_gguf
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

    Only where a token by itself could complete one is the end decoded.
    """
    if not stop:
        return lambda _: False
    reach = max(map(len, stop)) + 8

    def stopped(ids: list[int]) -> bool:
        if not completes(tokenizer, stop, ids[-1]):
            return False
        tail = text_of(tokenizer, ids[-reach:])
        return any(word in tail for word in stop)

    return stopped


@cache
def completes(tokenizer: Any, stop: tuple[str, ...], token: int) -> bool:
    """Tell whether a text could complete a stop string with this token: one ends in it, as far as the token reaches."""
    text = text_of(tokenizer, [token])
    ends = range(1, len(text) + 1)
    if "\ufffd" in text and not all(map(str.isascii, stop)):
        return True
    return any(word.endswith(text[max(0, end - len(word)) : end]) for word in stop for end in ends)


def _kind(pair: Ready) -> Kind:
    return bool(pair[0].choices), pair[1].prompt[:KIND]


def _end_ids(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer: the model's and the tokenizer's."""
    configured = getattr(model.generation_config, "eos_token_id", None)
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in [*ids, tokenizer.eos_token_id] if token is not None)
