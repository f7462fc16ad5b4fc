"""The slots of `curate.llm.decoding.slots` as memory on a device, and the step that gives each its next logits.

In: a model of `transformers` with full attention in every layer, prompts. Out: logits. Prompts are computed many at a
time, equal ones once; a step is recorded as a CUDA graph where that works, one for each number of slots and of tokens
that it looks at. Not covered: which sequence has which slot, and what is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

PREFILL_TOKENS = 1 << 15
"""Prompt tokens that are computed at once."""
MEMORY = 0.6
"""Share of the free memory that the table may take."""
CLOSE = 0.05
"""Relative difference of two ways to the same logits in bfloat16; a wrong way is off by about 1."""


@dataclass
class View:
    """What the next step looks at, shared by all layers."""

    positions: Tensor
    """(slots, 1): where each slot's next token goes."""
    length: int


class SlotLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values, (slots, heads, tokens, width) each, of which a step writes one token a slot."""

    keys: Tensor
    values: Tensor

    def __init__(self, like: Any, slots: int, length: int, view: View) -> None:
        super().__init__()
        self.keys, self.values = (_room(one, slots, length) for one in (like.keys, like.values))
        self.view, self.is_initialized = view, True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:  # noqa: ARG002 - the signature of the base
        """Write the new token of the first slots, and return what they hold, as far as the view goes."""
        rows = key_states.shape[0]
        place = self.view.positions[:rows, :, None, None]
        for held, new in ((self.keys, key_states), (self.values, value_states)):
            held[:rows].scatter_(2, place.expand_as(new), new)
        return self.keys[:rows, :, : self.view.length], self.values[:rows, :, : self.view.length]


class Table:
    """The slots' memory on the device, and the step over it."""

    def __init__(self, model: Any, like: DynamicCache, slots: int, length: int) -> None:
        device = model.device
        self.model, self.slots, self.length = model, slots, length
        self.tokens, self.positions = (torch.zeros(slots, 1, dtype=torch.long, device=device) for _ in range(2))
        self.view = View(self.positions, length)
        self.cache = DynamicCache(config=model.config)
        self.cache.layers = [SlotLayer(layer, slots, length, self.view) for layer in like.layers]
        self.places = torch.arange(length, device=device)
        self.captured: dict[tuple[int, int], tuple[Any, Tensor]] | None = {} if device.type == "cuda" else None
        self.why_not_captured = "" if device.type == "cuda" else "no GPU"
        self._pool: Any = None

    def fill(self, slots: Sequence[int], prompts: Sequence[tuple[int, ...]]) -> None:
        """Put prompts into slots: all tokens but the last are computed, the last is what the next step feeds."""
        bodies = sorted({prompt[:-1] for prompt in prompts if len(prompt) > 1}, key=len)
        while bodies:
            count = max(1, PREFILL_TOKENS // len(bodies[-1]))
            bodies, chunk = bodies[:-count], bodies[-count:]
            self._compute(chunk, slots, prompts)
        device = self.positions.device
        index = torch.tensor(slots, device=device)
        self.tokens[index, 0] = torch.tensor([prompt[-1] for prompt in prompts], device=device)
        self.positions[index, 0] = torch.tensor([len(prompt) - 1 for prompt in prompts], device=device)

    def _compute(self, bodies: list[tuple[int, ...]], slots: Sequence[int], prompts: Sequence[tuple[int, ...]]) -> None:
        """Compute these beginnings, padded on the right, where no token looks, and copy them to their slots."""
        width = max(map(len, bodies))
        ids = torch.tensor([[*body, *[0] * (width - len(body))] for body in bodies], device=self.places.device)
        cache = DynamicCache(config=self.model.config)
        self.model(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
        place = {body: index for index, body in enumerate(bodies)}
        pairs = [
            (slot, place[prompt[:-1]]) for slot, prompt in zip(slots, prompts, strict=True) if prompt[:-1] in place
        ]
        to, of = torch.tensor(pairs, device=ids.device).T
        for held, new in zip(self.cache.layers, cache.layers, strict=True):
            held.keys[to, :, :width] = new.keys[of]
            held.values[to, :, :width] = new.values[of]

    def step(self, slots: int, length: int) -> Tensor:
        """Return the logits of the first slots after their next tokens, (slots, vocabulary), as long as no other step
        is made."""
        if self.captured is None:
            return self._forward(slots, length)
        if (slots, length) not in self.captured:
            try:
                self.captured[slots, length] = self._capture(slots, length)
            except RuntimeError as error:
                self.captured, self.why_not_captured = None, " ".join(str(error).split())[:200]
                return self._forward(slots, length)
        graph, logits = self.captured[slots, length]
        graph.replay()
        return logits

    def move(self, sources: list[int], targets: list[int]) -> None:
        """Copy slots over others."""
        of, to = (torch.tensor(each, device=self.places.device) for each in (sources, targets))
        for layer in self.cache.layers:
            layer.keys[to], layer.values[to] = layer.keys[of], layer.values[of]
        self.tokens[to], self.positions[to] = self.tokens[of], self.positions[of]

    def _forward(self, slots: int, length: int) -> Tensor:
        self.view.length = length
        positions = self.positions[:slots]
        mask = (self.places[:length] <= positions)[:, None, None, :]
        out = self.model(
            input_ids=self.tokens[:slots],
            attention_mask=mask,
            position_ids=positions,
            past_key_values=self.cache,
            use_cache=True,
        )
        return out.logits[:, -1]  # type: ignore[no-any-return]

    def _capture(self, slots: int, length: int) -> tuple[Any, Tensor]:
        """Record a step. It runs once before, as libraries set themselves up then; it writes the same again."""
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            self._forward(slots, length)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool):
            logits = self._forward(slots, length)
        self._pool = self._pool or graph.pool()
        return graph, logits


def why_unsuited(model: Any) -> str:
    """Tell why a model cannot be decoded in slots, or return nothing: what slots give for a few tokens is held against
    what the model gives without them."""
    try:
        return _difference(model)
    except (RuntimeError, ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


@torch.inference_mode()
def _difference(model: Any) -> str:
    like = cache_of(model, 1)
    if any(type(layer) is not DynamicLayer for layer in like.layers):
        return "its attention is not full in every layer"
    if getattr(model.config, "_attn_implementation", "") != "sdpa":
        return "its attention is not torch's own"
    table = Table(model, like, 2, 16)
    table.captured = None
    prompts = [(1, 2, 3, 4, 5, 6, 7), (5, 4, 3)]
    table.fill([0, 1], prompts)
    given = table.step(2, 16).float()
    plain = torch.stack([model(input_ids=torch.tensor([p], device=model.device)).logits[0, -1] for p in prompts])
    off = float((given - plain.float()).norm() / plain.float().norm().clamp(min=1e-9))
    return "" if off <= CLOSE else f"it gives other logits in slots, by {off:.0%}"


def cache_of(model: Any, tokens: int) -> DynamicCache:
    """Return what a model keeps of a few tokens."""
    cache = DynamicCache(config=model.config)
    with torch.inference_mode():
        model(input_ids=torch.ones(1, tokens, dtype=torch.long, device=model.device), past_key_values=cache)
    return cache


def room_for(like: DynamicCache, length: int, device: torch.device, most: int) -> int:
    """Return how many slots of a length fit into memory, at least one and not more than `most`."""
    if device.type != "cuda":
        return most
    each = sum(one[0, :, 0].nbytes for layer in like.layers for one in (layer.keys, layer.values)) * length
    torch.cuda.empty_cache()
    return max(1, min(most, int(MEMORY * torch.cuda.mem_get_info(device)[0] / each)))


def _room(one: Tensor, slots: int, length: int) -> Tensor:
    return torch.zeros((slots, one.shape[1], length, one.shape[3]), dtype=one.dtype, device=one.device)
