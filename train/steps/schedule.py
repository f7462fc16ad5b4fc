"""The schedule of a training: how many steps of what size, and the learning rate of each."""

from dataclasses import dataclass

from curate.train.steps.attention import Attention
from curate.train.steps.presets import OptimizerName


@dataclass(frozen=True)
class Schedule:
    """How to train."""

    steps: int
    batch_rows: int
    """Rows in a step, of all processes together."""
    pass_rows: int
    """Rows in one forward and backward pass; a step makes as many passes as its batch needs."""
    optimizer: OptimizerName
    learning_rate: float
    warmup_steps: int
    decay_steps: int
    """Last steps, in which the learning rate falls to zero."""
    weight_decay: float
    clip: float
    checkpoint_every: int
    log_every: int
    measure_every: int
    bf16: bool
    compile: bool
    compile_mode: str | None = None
    """A mode of `torch.compile`, such as max-autotune-no-cudagraphs; None: its default."""
    whole: bool = False
    """Compile the model whole, or one layer for all: seconds instead of a minute or two, and as fast."""
    attention: Attention = "auto"
    sharded: bool = False
    """Every process holds its rows of the weights, or all of them."""


def learning_rate(step: int, schedule: Schedule) -> float:
    """Return a step's learning rate: linear warm-up, level, then linear down to zero over the last steps.

    Linear to zero beats a cosine to a tenth (Bergsma et al. 2025, arXiv:2502.15938).
    """
    up = (step + 1) / schedule.warmup_steps if step < schedule.warmup_steps else 1.0
    down = (schedule.steps - step) / schedule.decay_steps if schedule.decay_steps else 1.0
    return schedule.learning_rate * min(up, down, 1.0)
