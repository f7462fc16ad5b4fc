"""A key-value cache that writes new tokens into spare room.

`transformers`' dynamic cache copies all keys and values at every token; on a CPU that was half of the time of a step
(SmolLM2-135M, 32 rows, 300 tokens). This one copies when its room is full, every `ROOM` tokens.
"""

from typing import Any

import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache, DynamicLayer

ROOM = 64


class RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """One layer's keys and values, (rows, heads, tokens, width) each: views of larger tensors."""

    keys: Tensor
    values: Tensor
    spare: tuple[Tensor, Tensor] | None = None
    """The tensors that `keys` and `values` are views of, unless rows were selected or repeated since."""

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:  # noqa: ARG002 - the signature of the base
        """Append the new tokens' keys and values and return all of them."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        length, new = self.get_seq_length(), key_states.shape[-2]
        if self.spare is None or self.spare[0].shape[-2] < length + new:
            self.spare = self._with_room(self.keys, key_states), self._with_room(self.values, value_states)
        keys, values = self.spare
        keys[..., length : length + new, :] = key_states
        values[..., length : length + new, :] = value_states
        self.keys, self.values = keys[..., : length + new, :], values[..., : length + new, :]
        return self.keys, self.values

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these rows, in this order."""
        self.spare = None
        super().batch_select_indices(indices)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat every row."""
        self.spare = None
        super().batch_repeat_interleave(repeats)

    @staticmethod
    def _with_room(old: Tensor, new: Tensor) -> Tensor:
        rows, heads, tokens, width = new.shape
        length = old.shape[-2] if old.numel() else 0
        larger = torch.empty((rows, heads, length + tokens + ROOM, width), dtype=new.dtype, device=new.device)
        if length:
            larger[..., :length, :] = old
        return larger


def roomy_cache(config: Any) -> DynamicCache:
    """Return an empty cache for a model; layers of other kinds (sliding windows, states) stay as they are."""
    cache = DynamicCache(config=config)
    cache.layers = [RoomyLayer() if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache
