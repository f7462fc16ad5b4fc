"""Model shapes by name, and the `LlamaConfig` of a shape.

`350m` and `1.3b` have phi-1-small's and phi-1's depth and width (Gunasekar et al. 2023, section 2.3) in Llama form:
rotary positions, RMS norm and a gated feed-forward layer of 2/3 their inner width, so that the counts agree.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A shape, and the training settings that suit it."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocab_size: int
    block_length: int
    batch_tokens: int
    learning_rate: float
    tied: bool
    steps: int | None
    """None: one pass over the corpus."""


PRESETS = {
    "tiny": Preset(192, 5, 3, 528, 4096, 256, 1024, 1e-3, tied=True, steps=500),
    "97m": Preset(768, 12, 12, 2048, 16384, 1024, 131_072, 1e-3, tied=True, steps=None),
    "350m": Preset(1024, 20, 16, 2752, 51200, 2048, 524_288, 1e-3, tied=False, steps=None),
    "1.3b": Preset(2048, 24, 32, 5504, 51200, 2048, 2_097_152, 1e-3, tied=False, steps=None),
}


def llama_config(shape: Preset, vocab_size: int, eos: int, pad: int) -> Any:
    """Return the `transformers.LlamaConfig` of a shape."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.heads,
        intermediate_size=shape.feed_forward,
        max_position_embeddings=shape.block_length,
        tie_word_embeddings=shape.tied,
        bos_token_id=None,
        eos_token_id=eos,
        pad_token_id=pad,
    )
