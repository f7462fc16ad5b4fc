"""What training a shape computes, from its sizes alone: no model is built, no torch is loaded."""

from curate.train.steps.presets import Preset


def parameters(shape: Preset) -> int:
    """Return the number of weights of a preset's model."""
    head = shape.hidden // shape.heads
    norms = 2 * shape.hidden + (2 * head if shape.family == "qwen3" else 0)
    layer = 4 * shape.hidden**2 + 3 * shape.hidden * shape.feed_forward + norms
    tables = shape.vocab_size * shape.hidden * (1 if shape.tied else 2)
    return tables + shape.layers * layer + shape.hidden


def flops_per_token(shape: Preset) -> float:
    """Return the FLOPs of training on one token: 6 N + 12 x layers x width x length, N without an embedding that is
    only looked up (Chowdhery et al. 2022, appendix B), as train/steps/model.py counts them of a model."""
    computed = parameters(shape) - (0 if shape.tied else shape.vocab_size * shape.hidden)
    return 6.0 * computed + 12.0 * shape.layers * shape.hidden * shape.block_length
