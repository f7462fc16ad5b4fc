"""A compact batched decoding loop over a `transformers` causal model with a key-value cache.

In: a model and rows (prompt ids, how to sample, when to stop). Out: the ids that each row adds and why it ended.
What makes it fast on few cores: the part of the prompt that all rows share is computed once, equal prompts once, and
rows that are done leave the batch. Not covered: beam search, several devices, models with an encoder.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from curate.llm.decoding.roomy_cache import roomy_cache
from curate.llm.decoding.sampling import draw

SHARED = 16
"""Shared prompt tokens below this are not worth a forward pass of their own."""
CROWD = 0.75
"""Rows that are done leave once the living are at most this share: leaving copies the whole cache."""


@dataclass
class Row:
    """One sequence on its way."""

    prompt: tuple[int, ...]
    max_tokens: int
    temperature: float
    top_p: float
    seed: int
    stopped: Callable[[list[int]], bool]
    """Told the ids so far after each token; True ends the row."""
    ids: list[int] = field(default_factory=list)
    finish_reason: str = "length"
    ended: bool = False
    """Whether an end token ended it."""


@dataclass
class Prefix:
    """The keys and values of what all prompts begin with."""

    length: int
    cache: Any


@dataclass
class State:
    """The batch between two steps: one entry a living row."""

    cache: Any
    mask: Tensor
    """(rows, tokens in the cache): 1 where a token counts, 0 on padding."""
    position: Tensor
    """(rows, 1): the position of the next token."""
    logits: Tensor
    """(rows, vocabulary) for the next token."""

    def select(self, rows: Tensor) -> None:
        """Keep these rows, in this order; a row may be named more than once."""
        self.cache.batch_select_indices(rows)
        self.mask, self.position, self.logits = self.mask[rows], self.position[rows], self.logits[rows]


def shared_prefix(model: Any, prompts: Sequence[tuple[int, ...]]) -> Prefix | None:
    """Compute what all prompts begin with (at least one token of each is left over), or None if it is short."""
    first, last = min(prompts), max(prompts)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    length = min(length, *(len(prompt) - 1 for prompt in prompts))
    if length < SHARED or len(set(prompts)) == 1:
        return None
    with torch.inference_mode():
        ids = torch.tensor([first[:length]], device=model.device)
        cache = roomy_cache(model.config)
        model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        return Prefix(length, cache)


@torch.inference_mode()
def decode(model: Any, rows: Sequence[Row], end_ids: frozenset[int], prefix: Prefix | None = None) -> None:
    """Extend every row until it ends: `stop` for an end token or its own rule, else `length`. Changes the rows."""
    prompts = sorted({row.prompt for row in rows})
    state = _prefill(model, prompts, prefix)
    place = {prompt: index for index, prompt in enumerate(prompts)}
    state.select(torch.tensor([place[row.prompt] for row in rows], device=model.device))
    batch = list(rows)
    settings = torch.tensor([[row.temperature, row.top_p] for row in rows], device=model.device)
    numbers = torch.stack([chances(row, max(r.max_tokens for r in rows)) for row in rows]).to(model.device)
    alive = [True] * len(batch)
    step = 0
    while True:
        tokens = draw(state.logits, settings[:, 0], settings[:, 1], numbers[:, step])
        chosen = zip(batch, alive, tokens.tolist(), strict=True)
        alive = [living and extend(row, token, end_ids) for row, living, token in chosen]
        if not any(alive):
            return
        if sum(alive) <= CROWD * len(batch):
            keep = torch.tensor([index for index, living in enumerate(alive) if living], device=model.device)
            state.select(keep)
            tokens, settings, numbers = tokens[keep], settings[keep], numbers[keep]
            batch = [row for row, living in zip(batch, alive, strict=True) if living]
            alive = [True] * len(batch)
        _advance(model, state, tokens)
        step += 1


@torch.inference_mode()
def first_token(model: Any, prompts: Sequence[tuple[int, ...]], prefix: Prefix | None = None) -> Tensor:
    """Return the probabilities of the token after each prompt: (prompts, vocabulary)."""
    return torch.softmax(_prefill(model, prompts, prefix).logits.float(), -1)


def _prefill(model: Any, prompts: Sequence[tuple[int, ...]], prefix: Prefix | None) -> State:
    """Run the prompts, padded on the left, after what they share."""
    start = prefix.length if prefix else 0
    rests = [prompt[start:] for prompt in prompts]
    width = max(map(len, rests))
    pads = [width - len(rest) for rest in rests]
    ids = torch.tensor([[0] * pad + list(rest) for pad, rest in zip(pads, rests, strict=True)])
    mask = torch.tensor([[1] * start + [0] * pad + [1] * (width - pad) for pad in pads])
    position = (mask.cumsum(-1) - 1).clamp(min=0)
    cache = copy.deepcopy(prefix.cache) if prefix else roomy_cache(model.config)
    if prefix:
        cache.batch_repeat_interleave(len(prompts))
    out = model(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        position_ids=position[:, start:].to(model.device),
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    after = position[:, -1:].to(model.device) + 1
    return State(cache, mask.to(model.device), after, out.logits[:, -1])


def _advance(model: Any, state: State, tokens: Tensor) -> None:
    """Feed one token a row."""
    state.mask = torch.cat([state.mask, state.mask.new_ones(len(tokens), 1)], -1)
    out = model(
        input_ids=tokens[:, None],
        attention_mask=state.mask,
        position_ids=state.position,
        past_key_values=state.cache,
        use_cache=True,
    )
    state.position = state.position + 1
    state.logits = out.logits[:, -1]


def extend(row: Row, token: int, end_ids: frozenset[int]) -> bool:
    """Add one token to a row; tell whether it goes on."""
    if token in end_ids:
        row.finish_reason, row.ended = "stop", True
        return False
    row.ids.append(token)
    if row.stopped(row.ids):
        row.finish_reason = "stop"
        return False
    return len(row.ids) < row.max_tokens


def chances(row: Row, count: int) -> Tensor:
    """Return the row's own random numbers in [0, 1): the same for the same seed, however long the batch runs."""
    generator = torch.Generator().manual_seed(row.seed)
    return torch.rand(count, generator=generator)
