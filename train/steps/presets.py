"""Model shapes by name with the settings that suit them, and the stock configuration of a shape.

`60m` to `1.3b` are `Qwen3ForCausalLM`: norms on queries and keys, gated feed-forward, one table for embedding and head,
head size 128. `97m` and the `llama-` shapes are `LlamaForCausalLM`; the latter have phi-1-small's and phi-1's depth and
width (Gunasekar et al. 2023, section 2.3), with a gated layer of 2/3 their inner width, so that the counts agree.
Widths are multiples of 128, as matrix units like them. The vocabulary is 16k below 350M, where a larger table would
eat the layers. Weight decay is strong where a corpus of such a size is seen many times (Kim et al. 2025,
arXiv:2509.14786), weak where it hardly repeats.
"""

from dataclasses import dataclass
from typing import Any, Literal

Family = Literal["qwen3", "llama"]
OptimizerName = Literal["muon", "adamw"]


@dataclass(frozen=True)
class Preset:
    """A shape, and the training settings that suit it."""

    family: Family
    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocab_size: int
    block_length: int
    batch_tokens: int
    learning_rate: float
    weight_decay: float
    tied: bool
    steps: int | None
    """None: one pass over the corpus."""
    optimizer: OptimizerName = "muon"


PRESETS = {
    "tiny": Preset("llama", 192, 5, 3, 528, 4096, 256, 1024, 1e-3, 0.1, tied=True, steps=500, optimizer="adamw"),
    "60m": Preset("qwen3", 640, 10, 5, 1792, 16384, 1024, 131_072, 2e-3, 0.2, tied=True, steps=None),
    "97m": Preset(
        "llama", 768, 12, 12, 2048, 16384, 1024, 131_072, 1e-3, 0.1, tied=True, steps=None, optimizer="adamw"
    ),
    "124m": Preset("qwen3", 896, 11, 7, 2432, 16384, 1024, 131_072, 2e-3, 0.3, tied=True, steps=None),
    "151m": Preset("qwen3", 896, 14, 7, 2432, 16384, 1024, 262_144, 2e-3, 0.4, tied=True, steps=None),
    "350m": Preset("qwen3", 1024, 24, 8, 2816, 32768, 1024, 262_144, 1.5e-3, 0.4, tied=True, steps=None),
    "1.3b": Preset("qwen3", 2048, 24, 16, 5632, 32768, 2048, 1_048_576, 1e-3, 0.1, tied=True, steps=None),
    "llama-350m": Preset(
        "llama", 1024, 20, 16, 2752, 51200, 2048, 524_288, 1e-3, 0.1, tied=False, steps=None, optimizer="adamw"
    ),
    "llama-1.3b": Preset(
        "llama", 2048, 24, 32, 5504, 51200, 2048, 2_097_152, 1e-3, 0.1, tied=False, steps=None, optimizer="adamw"
    ),
}


def config_of(shape: Preset, vocab_size: int, eos: int, pad: int) -> Any:
    """Return the `transformers` configuration of a shape."""
    from transformers import LlamaConfig, Qwen3Config

    settings = {
        "vocab_size": vocab_size,
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.heads,
        "head_dim": shape.hidden // shape.heads,
        "intermediate_size": shape.feed_forward,
        "max_position_embeddings": shape.block_length,
        "tie_word_embeddings": shape.tied,
        "bos_token_id": None,
        "eos_token_id": eos,
        "pad_token_id": pad,
    }
    return Qwen3Config(**settings) if shape.family == "qwen3" else LlamaConfig(**settings)
